/**
 * The library `cjson`: JSON as lua-cjson reads and writes it. Numbers have 14 digits, `null` is a light userdata, a
 * table is an array if its keys are integers from 1 on and not too sparse, `/` is escaped.
 */

import { formatG } from '../../../shared/numbers/format-g.js';
import { GLOBALS, type LuaVm, T_BOOLEAN, T_LIGHT, T_NIL, T_NUMBER, T_STRING, T_TABLE } from '../lua/lua-vm.js';
import { ByteBuffer, STRING_BYTES_MAX } from './byte-buffer.js';
import { JsonReader } from './json-reader.js';

const HEX = '0123456789abcdef';
const BACKSLASH = 92;
const QUOTE = 34;

/** What follows the backslash for a byte; 0: it stands for itself; 1: `u00xx`. */
const ESCAPES = new Uint8Array(256);
ESCAPES.fill(1, 0, 32);
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
  [QUOTE, '"'],
  [47, '/'],
  [BACKSLASH, '\\'],
] as const) {
  ESCAPES[byte] = letter.charCodeAt(0);
}
ESCAPES[127] = 1;

/** Bytes of the settings in memory: a word each, in the order of the fields. */
const SETTINGS_BYTES = 9 * 4;

/** The settings, which a script changes with the functions of the library, for itself. */
export class CjsonSettings {
  sparseConvert = false;
  sparseRatio = 2;
  sparseSafe = 10;
  encodeDepth = 1000;
  decodeDepth = 1000;
  precision = 14;
  keepBuffer = true;
  /** 0 off, 1 on, 2 null. */
  encodeInvalid = 0;
  decodeInvalid = true;

  /** Back to what they are for a script that changes nothing. */
  reset(): void {
    this.sparseConvert = false;
    this.sparseRatio = 2;
    this.sparseSafe = 10;
    this.encodeDepth = 1000;
    this.decodeDepth = 1000;
    this.precision = 14;
    this.keepBuffer = true;
    this.encodeInvalid = 0;
    this.decodeInvalid = true;
  }

  /** Takes what stands at word `at`. */
  read(words: Int32Array, at: number): void {
    this.sparseConvert = words[at] !== 0;
    this.sparseRatio = words[at + 1]!;
    this.sparseSafe = words[at + 2]!;
    this.encodeDepth = words[at + 3]!;
    this.decodeDepth = words[at + 4]!;
    this.precision = words[at + 5]!;
    this.keepBuffer = words[at + 6] !== 0;
    this.encodeInvalid = words[at + 7]!;
    this.decodeInvalid = words[at + 8] !== 0;
  }

  write(words: Int32Array, at: number): void {
    words[at] = this.sparseConvert ? 1 : 0;
    words[at + 1] = this.sparseRatio;
    words[at + 2] = this.sparseSafe;
    words[at + 3] = this.encodeDepth;
    words[at + 4] = this.decodeDepth;
    words[at + 5] = this.precision;
    words[at + 6] = this.keepBuffer ? 1 : 0;
    words[at + 7] = this.encodeInvalid;
    words[at + 8] = this.decodeInvalid ? 1 : 0;
  }
}

const out = new ByteBuffer();

class Encoder {
  private readonly vm: LuaVm;
  settings: CjsonSettings;

  constructor(vm: LuaVm, settings: CjsonSettings) {
    this.vm = vm;
    this.settings = settings;
  }

  private fail(index: number, reason: string): never {
    const names = ['nil', 'boolean', 'userdata', 'number', 'string', 'table', 'function', 'userdata', 'thread'];
    this.vm.raise(`Cannot serialise ${names[this.vm.type(index)] ?? 'value'}: ${reason}`);
  }

  /** Writes the value on top. */
  value(depth: number): void {
    const { vm } = this;
    switch (vm.type(-1)) {
      case T_STRING:
        this.string(-1);
        break;
      case T_NUMBER:
        this.number(-1);
        break;
      case T_BOOLEAN:
        out.text(vm.boolean(-1) ? 'true' : 'false');
        break;
      case T_NIL:
        out.text('null');
        break;
      case T_TABLE:
        this.table(depth + 1);
        break;
      default:
        if (vm.type(-1) !== T_LIGHT || vm.m.lua_touserdata(vm.l, -1) !== 0) this.fail(-1, 'type not supported');
        out.text('null');
    }
  }

  private string(index: number): void {
    const { vm } = this;
    vm.toBytes(index);
    const { heap, off, len } = vm;
    out.byte(QUOTE);
    let from = off;
    const end = off + len;
    for (let i = off; i < end; i++) {
      const letter = ESCAPES[heap[i]!]!;
      if (letter === 0) continue;
      out.bytes(heap, from, i - from);
      out.byte(BACKSLASH);
      if (letter === 1) out.text(`u00${HEX.charAt(heap[i]! >> 4)}${HEX.charAt(heap[i]! & 15)}`);
      else out.byte(letter);
      from = i + 1;
    }
    out.bytes(heap, from, end - from);
    out.byte(QUOTE);
  }

  private number(index: number): void {
    const x = this.vm.number(index);
    if (!Number.isFinite(x)) {
      const { encodeInvalid } = this.settings;
      if (encodeInvalid === 0) this.fail(index, 'must not be NaN or Inf');
      if (encodeInvalid === 2) {
        out.text('null');
        return;
      }
    }
    out.text(formatG(x, this.settings.precision));
  }

  private table(depth: number): void {
    const { vm } = this;
    if (depth > this.settings.encodeDepth || !vm.reserve(3)) {
      vm.raise(`Cannot serialise, excessive nesting (${depth})`);
    }
    const length = this.arrayLength();
    if (length > 0) this.array(length, depth);
    else this.object(depth);
  }

  /** The highest index of a table that is an array, -1 for an object. */
  private arrayLength(): number {
    const { vm, settings } = this;
    const { m, l } = vm;
    let max = 0;
    let items = 0;
    vm.pushNil();
    while (m.lua_next(l, -2) !== 0) {
      const k = vm.type(-2) === T_NUMBER ? vm.number(-2) : 0;
      if (k < 1 || !Number.isInteger(k)) {
        vm.pop(2);
        return -1;
      }
      if (k > max) max = k;
      items++;
      vm.pop(1);
    }
    if (settings.sparseRatio > 0 && max > items * settings.sparseRatio && max > settings.sparseSafe) {
      if (!settings.sparseConvert) this.fail(-1, 'excessively sparse array');
      return -1;
    }
    // Each element has a char and a comma at least.
    if (2 * max > STRING_BYTES_MAX) this.fail(-1, 'array too long');
    return max;
  }

  private array(length: number, depth: number): void {
    const { vm } = this;
    out.byte(91);
    for (let i = 1; i <= length; i++) {
      if (i > 1) out.byte(44);
      vm.m.lua_rawgeti(vm.l, -1, i);
      this.value(depth);
      vm.pop(1);
    }
    out.byte(93);
  }

  private object(depth: number): void {
    const { vm } = this;
    out.byte(123);
    let first = true;
    vm.pushNil();
    while (vm.m.lua_next(vm.l, -2) !== 0) {
      if (!first) out.byte(44);
      first = false;
      const type = vm.type(-2);
      if (type === T_NUMBER) {
        out.byte(QUOTE);
        this.number(-2);
        out.byte(QUOTE);
      } else if (type === T_STRING) this.string(-2);
      else this.fail(-2, 'table key must be a number or string');
      out.byte(58);
      this.value(depth);
      vm.pop(1);
    }
    out.byte(125);
  }
}

/** Functions that read and change settings; each returns what holds afterwards. */
function settingFunctions(vm: LuaVm, settings: CjsonSettings): Record<string, () => number> {
  const given = (n: number): boolean => vm.top >= n && vm.type(n) !== T_NIL;
  const most = (n: number): void => {
    if (vm.top > n) vm.argumentError(n + 1, 'found too many arguments');
  };
  const integer = (n: number, value: number, min: number, max: number): number => {
    if (!given(n)) return value;
    const x = Math.trunc(vm.checkNumber(n));
    if (x < min || x > max) vm.argumentError(1, `expected integer between ${min} and ${max}`);
    return x;
  };
  const flag = (n: number, value: boolean): boolean => {
    if (!given(n)) return value;
    if (vm.type(n) === T_BOOLEAN) return vm.boolean(n);
    const text = vm.text(n);
    if (text !== 'on' && text !== 'off') vm.argumentError(n, `invalid option '${text}'`);
    return text === 'on';
  };
  const INT_MAX = 2147483647;
  return {
    encode_sparse_array: () => {
      most(3);
      settings.sparseConvert = flag(1, settings.sparseConvert);
      settings.sparseRatio = integer(2, settings.sparseRatio, 0, INT_MAX);
      settings.sparseSafe = integer(3, settings.sparseSafe, 0, INT_MAX);
      vm.pushBoolean(settings.sparseConvert);
      vm.pushNumber(settings.sparseRatio);
      vm.pushNumber(settings.sparseSafe);
      return 3;
    },
    encode_max_depth: () => {
      most(1);
      settings.encodeDepth = integer(1, settings.encodeDepth, 1, INT_MAX);
      vm.pushNumber(settings.encodeDepth);
      return 1;
    },
    decode_max_depth: () => {
      most(1);
      settings.decodeDepth = integer(1, settings.decodeDepth, 1, INT_MAX);
      vm.pushNumber(settings.decodeDepth);
      return 1;
    },
    encode_number_precision: () => {
      most(1);
      settings.precision = integer(1, settings.precision, 1, 14);
      vm.pushNumber(settings.precision);
      return 1;
    },
    encode_keep_buffer: () => {
      most(1);
      settings.keepBuffer = flag(1, settings.keepBuffer);
      vm.pushBoolean(settings.keepBuffer);
      return 1;
    },
    encode_invalid_numbers: () => {
      most(1);
      if (given(1)) {
        if (vm.type(1) === T_STRING && vm.text(1) === 'null') settings.encodeInvalid = 2;
        else settings.encodeInvalid = flag(1, false) ? 1 : 0;
      }
      if (settings.encodeInvalid === 2) vm.pushText('null');
      else vm.pushBoolean(settings.encodeInvalid === 1);
      return 1;
    },
    decode_invalid_numbers: () => {
      most(1);
      settings.decodeInvalid = flag(1, settings.decodeInvalid);
      vm.pushBoolean(settings.decodeInvalid);
      return 1;
    },
  };
}

/** The upvalue of the functions of a copy of the library: a block with its settings. */
const UPVALUE = GLOBALS - 1;

/**
 * The library, whose functions are made once: a copy (`cjson.new`) consists of closures of the same functions, and
 * its settings are a block of Lua's memory, so that copies are garbage like any table.
 */
class Cjson {
  /** Settings of the library itself, and of the copy that is called. */
  readonly settings = new CjsonSettings();
  private readonly copied = new CjsonSettings();
  private readonly vm: LuaVm;
  private readonly functions: ReadonlyMap<string, number>;

  constructor(vm: LuaVm) {
    this.vm = vm;
    const encoder = new Encoder(vm, this.settings);
    const reader = new JsonReader(vm);
    const own = settingFunctions(vm, this.settings);
    const copied = settingFunctions(vm, this.copied);
    const functions = new Map<string, number>();
    for (const name of Object.keys(own)) functions.set(name, vm.functionOf(this.setting(own[name]!, copied[name]!)));
    const encode = (): number => {
      if (vm.top !== 1) vm.argumentError(1, 'expected 1 argument');
      encoder.settings = this.current();
      out.reset();
      encoder.value(0);
      vm.pushBytes(out.u8, 0, out.pos);
      return 1;
    };
    const decode = (): number => {
      if (vm.top !== 1) vm.argumentError(1, 'expected 1 argument');
      vm.checkBytes(1);
      const bytes = vm.heap.slice(vm.off, vm.off + vm.len);
      const { decodeDepth, decodeInvalid } = this.current();
      reader.read(bytes, decodeDepth, decodeInvalid);
      return 1;
    };
    const copy = (): number => {
      this.push(true);
      return 1;
    };
    functions.set('encode', vm.functionOf(encode));
    functions.set('decode', vm.functionOf(decode));
    functions.set('new', vm.functionOf(copy));
    this.functions = functions;
  }

  /** Address of the block of the copy whose function runs; 0: it is the library itself. */
  private block(): number {
    return this.vm.m.lua_touserdata(this.vm.l, UPVALUE);
  }

  /** The settings for the function that runs. */
  private current(): CjsonSettings {
    const block = this.block();
    if (block === 0) return this.settings;
    this.copied.read(this.vm.heap32, block >> 2);
    return this.copied;
  }

  /** A function that changes settings: those of the library or those of the copy. */
  private setting(own: () => number, copied: () => number): () => number {
    return () => {
      const block = this.block();
      if (block === 0) return own();
      this.current();
      const results = copied();
      this.copied.write(this.vm.heap32, block >> 2);
      return results;
    };
  }

  /** Pushes the library, or a copy with settings of its own. */
  push(isCopy: boolean): void {
    const { vm } = this;
    const { m } = vm;
    vm.newTable(0, 16);
    if (isCopy) {
      const block = m.lua_newuserdata(vm.l, SETTINGS_BYTES);
      this.copied.reset();
      this.copied.write(vm.heap32, block >> 2);
    }
    for (const [name, fn] of this.functions) {
      if (isCopy) m.lua_pushvalue(vm.l, -1);
      m.lua_pushcclosure(vm.l, fn, isCopy ? 1 : 0);
      vm.setField(isCopy ? -3 : -2, name);
    }
    if (isCopy) vm.pop(1);
    m.lua_pushlightuserdata(vm.l, 0);
    vm.setField(-2, 'null');
    vm.pushText('cjson');
    vm.setField(-2, '_NAME');
    vm.pushText('2.1.0');
    vm.setField(-2, '_VERSION');
  }
}

/** Leaves the library in the globals; returns its settings. */
export function registerCjson(vm: LuaVm): CjsonSettings {
  const library = new Cjson(vm);
  library.push(false);
  vm.setField(GLOBALS, 'cjson');
  return library.settings;
}
