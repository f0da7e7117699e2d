/**
 * The library `cmsgpack`: MessagePack as lua-cmsgpack writes it. Integral numbers become integers, others floats (32
 * bits if that loses nothing); a table is an array if its keys are 1..n, else a map; what nests deeper than 16 is nil.
 */
import { type LuaVm, T_BOOLEAN, T_NUMBER, T_STRING, T_TABLE } from '../lua/lua-vm.js';
import { ByteBuffer } from './byte-buffer.js';

const NESTING_MAX = 16;
const TWO_32 = 4294967296;
const INT64 = 2 ** 63;

const out = new ByteBuffer();
const MISSING = 'Missing bytes in input.';

/** A head byte and a length of 1, 2 or 4 bytes. */
function head(code: number, bytes: number, n: number): void {
  const at = out.take(1 + bytes);
  out.u8[at] = code;
  if (bytes === 1) out.u8[at + 1] = n;
  else if (bytes === 2) out.dv.setUint16(at + 1, n);
  else out.dv.setUint32(at + 1, n);
}

function packString(vm: LuaVm): void {
  vm.toBytes(-1);
  const n = vm.len;
  if (n < 32) out.byte(0xa0 | n);
  else if (n <= 0xff) head(0xd9, 1, n);
  else if (n <= 0xffff) head(0xda, 2, n);
  else head(0xdb, 4, n);
  out.bytes(vm.heap, vm.off, n);
}

function packInteger(n: number): void {
  if (n >= 0) {
    if (n <= 127) out.byte(n);
    else if (n <= 0xff) head(0xcc, 1, n);
    else if (n <= 0xffff) head(0xcd, 2, n);
    else if (n <= 0xffffffff) head(0xce, 4, n);
    else packInt64(0xcf, n);
  } else if (n >= -32) out.byte(n & 0xff);
  else if (n >= -128) head(0xd0, 1, n & 0xff);
  else if (n >= -32768) head(0xd1, 2, n & 0xffff);
  else if (n >= -2147483648) head(0xd2, 4, n >>> 0);
  else packInt64(0xd3, n);
}

function packInt64(code: number, n: number): void {
  const at = out.take(9);
  out.u8[at] = code;
  const high = Math.floor(n / TWO_32);
  out.dv.setUint32(at + 1, high >>> 0);
  out.dv.setUint32(at + 5, (n - high * TWO_32) >>> 0);
}

function packNumber(n: number): void {
  if (Number.isInteger(n) && n >= -INT64 && n < INT64) packInteger(n);
  else if (Math.fround(n) === n) {
    const at = out.take(5);
    out.u8[at] = 0xca;
    out.dv.setFloat32(at + 1, n);
  } else {
    const at = out.take(9);
    out.u8[at] = 0xcb;
    out.dv.setFloat64(at + 1, n);
  }
}

/** Number of elements of the table on top if its keys are 1..n, else -1. */
function arrayLength(vm: LuaVm): number {
  const { m, l } = vm;
  const top = vm.top;
  let count = 0;
  let max = 0;
  vm.pushNil();
  while (m.lua_next(l, -2) !== 0) {
    vm.pop(1);
    const n = vm.type(-1) === T_NUMBER ? vm.number(-1) : 0;
    if (n <= 0 || !Number.isInteger(n) || n > 2147483647) {
      vm.top = top;
      return -1;
    }
    if (n > max) max = n;
    count++;
  }
  return max === count ? count : -1;
}

function packTable(vm: LuaVm, level: number): void {
  const { m, l } = vm;
  vm.reserve(4);
  const length = arrayLength(vm);
  if (length >= 0) {
    if (length < 16) out.byte(0x90 | length);
    else if (length <= 0xffff) head(0xdc, 2, length);
    else head(0xdd, 4, length);
    for (let i = 1; i <= length; i++) {
      m.lua_rawgeti(l, -1, i);
      packValue(vm, level + 1);
    }
    return;
  }
  let count = 0;
  vm.pushNil();
  while (m.lua_next(l, -2) !== 0) {
    vm.pop(1);
    count++;
  }
  if (count < 16) out.byte(0x80 | count);
  else if (count <= 0xffff) head(0xde, 2, count);
  else head(0xdf, 4, count);
  vm.pushNil();
  while (m.lua_next(l, -2) !== 0) {
    m.lua_pushvalue(l, -2);
    packValue(vm, level + 1);
    packValue(vm, level + 1);
  }
}

/** Packs the value on top and pops it. */
function packValue(vm: LuaVm, level: number): void {
  const type = vm.type(-1);
  if (type === T_STRING) packString(vm);
  else if (type === T_NUMBER) packNumber(vm.number(-1));
  else if (type === T_BOOLEAN) out.byte(vm.boolean(-1) ? 0xc3 : 0xc2);
  else if (type === T_TABLE && level !== NESTING_MAX) packTable(vm, level);
  else out.byte(0xc0);
  vm.pop(1);
}

function pack(vm: LuaVm): number {
  const count = vm.top;
  if (count === 0) vm.argumentError(0, 'MessagePack pack needs input.');
  out.reset();
  for (let i = 1; i <= count; i++) {
    vm.m.lua_pushvalue(vm.l, i);
    packValue(vm, 0);
  }
  vm.pushBytes(out.u8, 0, out.pos);
  return 1;
}

// ---- unpacking

let input = new Uint8Array(0);
let view = new DataView(input.buffer);
let pos = 0;
let end = 0;

/** Makes sure that `n` bytes are left; returns where they begin, and passes over them. */
function need(vm: LuaVm, n: number): number {
  if (end - pos < n) vm.raise(MISSING);
  const at = pos;
  pos += n;
  return at;
}

function pushString(vm: LuaVm, n: number): void {
  const at = need(vm, n);
  vm.pushBytes(input, at, n);
}

function pushArray(vm: LuaVm, n: number): void {
  vm.newTable(Math.min(n, 1024), 0);
  for (let i = 1; i <= n; i++) {
    unpackValue(vm);
    vm.m.lua_rawseti(vm.l, -2, i);
  }
}

function pushMap(vm: LuaVm, n: number): void {
  vm.newTable(0, Math.min(n, 1024));
  for (let i = 0; i < n; i++) {
    unpackValue(vm);
    unpackValue(vm);
    vm.m.lua_settable(vm.l, -3);
  }
}

/** Decodes one value and pushes it. */
function unpackValue(vm: LuaVm): void {
  if (!vm.reserve(3)) vm.raise('too many return values at once; use unpack_one or unpack_limit instead.');
  const code = input[need(vm, 1)]!;
  if (code < 0x80) vm.pushNumber(code);
  else if (code >= 0xe0) vm.pushNumber(code - 256);
  else if (code < 0x90) pushMap(vm, code & 15);
  else if (code < 0xa0) pushArray(vm, code & 15);
  else if (code < 0xc0) pushString(vm, code & 31);
  else unpackCoded(vm, code);
}

function unpackCoded(vm: LuaVm, code: number): void {
  switch (code) {
    case 0xc0:
      vm.pushNil();
      break;
    case 0xc2:
    case 0xc3:
      vm.pushBoolean(code === 0xc3);
      break;
    case 0xca:
      vm.pushNumber(view.getFloat32(need(vm, 4)));
      break;
    case 0xcb:
      vm.pushNumber(view.getFloat64(need(vm, 8)));
      break;
    case 0xcc:
      vm.pushNumber(input[need(vm, 1)]!);
      break;
    case 0xcd:
      vm.pushNumber(view.getUint16(need(vm, 2)));
      break;
    case 0xce:
      vm.pushNumber(view.getUint32(need(vm, 4)));
      break;
    case 0xcf:
    case 0xd3: {
      const at = need(vm, 8);
      const high = code === 0xcf ? view.getUint32(at) : view.getInt32(at);
      vm.pushNumber(high * TWO_32 + view.getUint32(at + 4));
      break;
    }
    case 0xd0:
      vm.pushNumber(view.getInt8(need(vm, 1)));
      break;
    case 0xd1:
      vm.pushNumber(view.getInt16(need(vm, 2)));
      break;
    case 0xd2:
      vm.pushNumber(view.getInt32(need(vm, 4)));
      break;
    case 0xd9:
      pushString(vm, input[need(vm, 1)]!);
      break;
    case 0xda:
      pushString(vm, view.getUint16(need(vm, 2)));
      break;
    case 0xdb:
      pushString(vm, view.getUint32(need(vm, 4)));
      break;
    case 0xdc:
      pushArray(vm, view.getUint16(need(vm, 2)));
      break;
    case 0xdd:
      pushArray(vm, view.getUint32(need(vm, 4)));
      break;
    case 0xde:
      pushMap(vm, view.getUint16(need(vm, 2)));
      break;
    case 0xdf:
      pushMap(vm, view.getUint32(need(vm, 4)));
      break;
    default:
      vm.raise('Bad data format in input.');
  }
}

/** Unpacks up to `limit` values from `offset` on; both 0: all, without the offset to go on at as first result. */
function unpack(vm: LuaVm, limit: number, offset: number): number {
  vm.checkBytes(1);
  const length = vm.len;
  if (offset < 0 || limit < 0) {
    vm.raise(`Invalid request to unpack with offset of ${offset} and limit of ${length}.`);
  }
  if (offset > length) vm.raise(`Start offset ${offset} greater than input length ${length}.`);
  input = vm.heap.slice(vm.off, vm.off + length);
  view = new DataView(input.buffer);
  pos = offset;
  end = length;
  const all = limit === 0 && offset === 0;
  const most = all ? Number.MAX_SAFE_INTEGER : limit;
  let count = 0;
  while (pos < end && count < most) {
    unpackValue(vm);
    count++;
  }
  if (all) return count;
  vm.pushNumber(pos === end ? -1 : pos);
  vm.m.lua_insert(vm.l, 2);
  return count + 1;
}

/** Leaves the library in the globals. */
export function registerCmsgpack(vm: LuaVm): void {
  const optional = (n: number): number => (vm.top < n || vm.type(n) <= 0 ? 0 : Math.trunc(vm.checkNumber(n)));
  vm.registerLibrary('cmsgpack', {
    pack: () => pack(vm),
    unpack: () => unpack(vm, 0, 0),
    unpack_one: () => {
      const offset = optional(2);
      vm.top = 1;
      return unpack(vm, 1, offset);
    },
    unpack_limit: () => {
      const limit = Math.trunc(vm.checkNumber(2));
      const offset = optional(3);
      vm.top = 1;
      return unpack(vm, limit, offset);
    },
  });
}
