/** The library `struct`: packing values into bytes and back by a format, as C lays them out on a 64-bit machine. */
import type { LuaVm } from '../lua/lua-vm.js';
import { ByteBuffer } from './byte-buffer.js';

/** Largest integer size, default alignment of `!`. */
const INTEGER_BYTES_MAX = 32;
const ALIGN_DEFAULT = 8;
const INT_BYTES = 4;
const INT_MAX = 2147483647;

const out = new ByteBuffer();

/** A format on its way: where it is, byte order and alignment in force. */
class Format {
  text = '';
  at = 0;
  little = true;
  align = 1;
  /** Size and padding of the present option. */
  size = 0;

  begin(text: string): void {
    this.text = text;
    this.at = 0;
    this.little = true;
    this.align = 1;
  }

  /** The next option, '' at the end; its size is in `size`. */
  next(vm: LuaVm): string {
    if (this.at >= this.text.length) return '';
    const option = this.text.charAt(this.at++);
    this.size = this.sizeOf(vm, option);
    return option;
  }

  private number(vm: LuaVm, otherwise: number): number {
    const start = this.at;
    let n = 0;
    while (this.at < this.text.length) {
      const c = this.text.charCodeAt(this.at) - 48;
      if (c < 0 || c > 9) break;
      n = n * 10 + c;
      if (n > INT_MAX) vm.raise('integral size overflow');
      this.at++;
    }
    return this.at === start ? otherwise : n;
  }

  private sizeOf(vm: LuaVm, option: string): number {
    switch (option) {
      case 'b':
      case 'B':
      case 'x':
        return 1;
      case 'h':
      case 'H':
        return 2;
      case 'l':
      case 'L':
      case 'T':
      case 'd':
        return 8;
      case 'f':
        return 4;
      case 'c':
        return this.number(vm, 1);
      case 'i':
      case 'I': {
        const size = this.number(vm, INT_BYTES);
        if (size > INTEGER_BYTES_MAX) {
          vm.raise(`integral size ${size} is larger than limit of ${INTEGER_BYTES_MAX}`);
        }
        return size;
      }
      default:
        return 0;
    }
  }

  /** Bytes of padding before an option of the present size at position `pos`. */
  padding(option: string, pos: number): number {
    if (this.size === 0 || option === 'c') return 0;
    const size = Math.min(this.size, this.align);
    return (size - (pos & (size - 1))) & (size - 1);
  }

  /** An option that is no value. */
  control(vm: LuaVm, option: string): void {
    if (option === ' ') return;
    if (option === '<' || option === '>') this.little = option === '<';
    else if (option === '!') {
      const align = this.number(vm, ALIGN_DEFAULT);
      if (align === 0 || (align & (align - 1)) !== 0) vm.raise(`alignment ${align} is not a power of 2`);
      this.align = align;
    } else vm.argumentError(1, `invalid format option '${option}'`);
  }
}

const format = new Format();

function begin(vm: LuaVm): void {
  vm.checkBytes(1);
  const text = Buffer.from(vm.heap.buffer, vm.off, vm.len).toString('latin1');
  const zero = text.indexOf('\0');
  format.begin(zero < 0 ? text : text.slice(0, zero));
}

function isInteger(option: string): boolean {
  return 'bBhHlLTiI'.includes(option);
}

function putInteger(x: number, size: number): void {
  const at = out.take(size);
  let n = BigInt.asUintN(64, BigInt(Number.isFinite(x) ? Math.trunc(x) : 0));
  for (let i = 0; i < size; i++) {
    out.u8[format.little ? at + i : at + size - 1 - i] = Number(n & 255n);
    n >>= 8n;
  }
}

function pack(vm: LuaVm): number {
  begin(vm);
  out.reset();
  let arg = 2;
  for (let option = format.next(vm); option !== ''; option = format.next(vm)) {
    for (let pad = format.padding(option, out.pos); pad > 0; pad--) out.byte(0);
    const { size } = format;
    if (isInteger(option)) putInteger(vm.checkNumber(arg++), size);
    else if (option === 'x') out.byte(0);
    else if (option === 'f') {
      const x = vm.checkNumber(arg++);
      const at = out.take(4);
      out.dv.setFloat32(at, x, format.little);
    } else if (option === 'd') {
      const x = vm.checkNumber(arg++);
      const at = out.take(8);
      out.dv.setFloat64(at, x, format.little);
    } else if (option === 'c' || option === 's') {
      vm.checkBytes(arg++);
      const length = size === 0 ? vm.len : size;
      if (vm.len < length) vm.argumentError(arg, 'string too short');
      out.bytes(vm.heap, vm.off, length);
      if (option === 's') out.byte(0);
    } else format.control(vm, option);
  }
  vm.pushBytes(out.u8, 0, out.pos);
  return 1;
}

function getInteger(data: Uint8Array, at: number, size: number, signed: boolean): number {
  let n = 0n;
  for (let i = 0; i < size; i++) {
    n = (n << 8n) | BigInt(data[format.little ? at + size - 1 - i : at + i]!);
  }
  n = BigInt.asUintN(64, n);
  if (!signed) return Number(n);
  return Number(size >= 8 ? BigInt.asIntN(64, n) : BigInt.asIntN(size * 8, n));
}

function unpack(vm: LuaVm): number {
  begin(vm);
  vm.checkBytes(2);
  const data = vm.heap.slice(vm.off, vm.off + vm.len);
  const view = new DataView(data.buffer);
  const length = data.length;
  let pos = vm.top < 3 || vm.type(3) <= 0 ? 1 : Math.trunc(vm.checkNumber(3));
  if (pos <= 0) vm.argumentError(3, 'offset must be 1 or greater');
  pos--;
  let n = 0;
  for (let option = format.next(vm); option !== ''; option = format.next(vm)) {
    let { size } = format;
    pos += format.padding(option, pos);
    if (size > length || pos > length - size) vm.argumentError(2, 'data string too short');
    if (!vm.reserve(2)) vm.raise('stack overflow (too many results)');
    if (isInteger(option)) {
      vm.pushNumber(getInteger(data, pos, size, option >= 'a'));
      n++;
    } else if (option === 'f' || option === 'd') {
      vm.pushNumber(option === 'f' ? view.getFloat32(pos, format.little) : view.getFloat64(pos, format.little));
      n++;
    } else if (option === 'c') {
      if (size === 0) {
        if (n === 0 || vm.type(-1) !== 3) vm.raise("format 'c0' needs a previous size");
        size = vm.number(-1);
        vm.pop(1);
        n--;
        if (!(size >= 0) || size > length || pos > length - size) vm.argumentError(2, 'data string too short');
      }
      vm.pushBytes(data, pos, size);
      n++;
    } else if (option === 's') {
      const zero = data.indexOf(0, pos);
      if (zero < 0) vm.raise('unfinished string in data');
      vm.pushBytes(data, pos, zero - pos);
      size = zero - pos + 1;
      n++;
    } else if (option !== 'x') format.control(vm, option);
    pos += size;
  }
  vm.pushNumber(pos + 1);
  return n + 1;
}

function sizeOfFormat(vm: LuaVm): number {
  begin(vm);
  let pos = 0;
  for (let option = format.next(vm); option !== ''; option = format.next(vm)) {
    pos += format.padding(option, pos);
    if (option === 's') vm.argumentError(1, "option 's' has no fixed size");
    if (option === 'c' && format.size === 0) vm.argumentError(1, "option 'c0' has no fixed size");
    const { size } = format;
    if (!/[A-Za-z0-9]/.test(option)) format.control(vm, option);
    pos += size;
  }
  vm.pushNumber(pos);
  return 1;
}

/** Leaves the library in the globals. */
export function registerStruct(vm: LuaVm): void {
  vm.registerLibrary('struct', {
    pack: () => pack(vm),
    unpack: () => unpack(vm),
    size: () => sizeOfFormat(vm),
  });
}
