/** Reads JSON into Lua values, with the errors and the liberties of lua-cjson. */

import type { LuaVm } from '../lua/lua-vm.js';
import { ByteBuffer } from './byte-buffer.js';
import { parseStrtod } from './strtod-prefix.js';

/** Tokens; the names are those of the errors. */
const NAMES: Readonly<Record<number, string>> = {
  123: 'T_OBJ_BEGIN',
  125: 'T_OBJ_END',
  91: 'T_ARR_BEGIN',
  93: 'T_ARR_END',
  58: 'T_COLON',
  44: 'T_COMMA',
};
const STRING = 1;
const NUMBER = 2;
const BOOLEAN = 3;
const NULL = 4;
const END = 5;
const ERROR = 6;
const OBJECT_BEGIN = 123;
const OBJECT_END = 125;
const ARRAY_BEGIN = 91;
const ARRAY_END = 93;
const COLON = 58;
const COMMA = 44;
const LETTERS: Readonly<Record<number, number>> = { 98: 8, 116: 9, 110: 10, 102: 12, 114: 13, 34: 34, 47: 47, 92: 92 };

const text = new ByteBuffer();

export class JsonReader {
  private readonly vm: LuaVm;
  private u8 = new Uint8Array(0);
  private pos = 0;
  private depth = 0;
  private depthMax = 0;
  private invalidNumbers = true;
  /** The token read last, and where it began. */
  private token: number = END;
  private index = 0;
  private value = 0;
  private error = '';

  constructor(vm: LuaVm) {
    this.vm = vm;
  }

  /** Reads a whole document and pushes its value. Raises Lua errors. */
  read(u8: Uint8Array, depthMax: number, invalidNumbers: boolean): void {
    if (u8.length >= 2 && (u8[0] === 0 || u8[1] === 0)) this.vm.raise('JSON parser does not support UTF-16 or UTF-32');
    this.u8 = new Uint8Array(u8.length + 1);
    this.u8.set(u8);
    this.pos = 0;
    this.depth = 0;
    this.depthMax = depthMax;
    this.invalidNumbers = invalidNumbers;
    this.next();
    this.pushValue();
    this.next();
    if (this.token !== END) this.unexpected('the end');
  }

  private unexpected(wanted: string): never {
    let found = NAMES[this.token] ?? '';
    if (this.token === ERROR) found = this.error;
    else if (this.token === STRING) found = 'T_STRING';
    else if (this.token === NUMBER) found = 'T_NUMBER';
    else if (this.token === BOOLEAN) found = 'T_BOOLEAN';
    else if (this.token === NULL) found = 'T_NULL';
    else if (this.token === END) found = 'T_END';
    this.vm.raise(`Expected ${wanted} but found ${found} at character ${this.index + 1}`);
  }

  private at(token: number): boolean {
    return this.token === token;
  }

  private fail(error: string): void {
    this.token = ERROR;
    this.index = this.pos;
    this.error = error;
  }

  private next(): void {
    const { u8 } = this;
    let c = u8[this.pos]!;
    while (c === 32 || c === 9 || c === 10 || c === 13) c = u8[++this.pos]!;
    this.index = this.pos;
    if (c === 34) this.string();
    else if (c === 45 || (c >= 48 && c <= 57)) this.number();
    else if (NAMES[c] !== undefined) {
      this.token = c;
      this.pos++;
    } else if (c === 0 && this.pos === u8.length - 1) this.token = END;
    else this.word();
  }

  private startsWith(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.u8[this.pos + i] !== word.charCodeAt(i)) return false;
    return true;
  }

  private word(): void {
    if (this.startsWith('true') || this.startsWith('false')) {
      this.token = BOOLEAN;
      this.value = this.u8[this.pos] === 116 ? 1 : 0;
      this.pos += this.value === 1 ? 4 : 5;
    } else if (this.startsWith('null')) {
      this.token = NULL;
      this.pos += 4;
    } else if (this.invalidNumbers && this.isInvalidNumber()) this.readNumber();
    else this.fail('invalid token');
  }

  /** Numbers that strtod takes and JSON does not. */
  private isInvalidNumber(): boolean {
    const { u8 } = this;
    let at = this.pos;
    if (u8[at] === 43) return true;
    if (u8[at] === 45) at++;
    const c = u8[at]!;
    if (c === 48) {
      const d = u8[at + 1]!;
      return (d | 32) === 120 || (d >= 48 && d <= 57);
    }
    if (c <= 57) return false;
    const word = Buffer.from(u8.subarray(at, at + 3))
      .toString('latin1')
      .toLowerCase();
    return word === 'inf' || word === 'nan';
  }

  private number(): void {
    if (!this.invalidNumbers && this.isInvalidNumber()) this.fail('invalid number');
    else this.readNumber();
  }

  private readNumber(): void {
    const found = parseStrtod(this.u8, this.pos);
    if (found.end === this.pos) {
      this.fail('invalid number');
      return;
    }
    this.token = NUMBER;
    this.value = found.value;
    this.pos = found.end;
  }

  private string(): void {
    const { u8 } = this;
    text.reset();
    let from = ++this.pos;
    for (;;) {
      const c = u8[this.pos]!;
      if (c !== 34 && c !== 92 && c !== 0) {
        this.pos++;
        continue;
      }
      text.bytes(u8, from, this.pos - from);
      if (c === 34) break;
      if (c === 0) {
        this.fail('unexpected end of string');
        return;
      }
      const letter = u8[this.pos + 1]!;
      if (letter === 117) {
        if (!this.unicode()) {
          this.fail('invalid unicode escape code');
          return;
        }
      } else if (LETTERS[letter] !== undefined) {
        text.byte(LETTERS[letter]);
        this.pos += 2;
      } else {
        this.fail('invalid escape code');
        return;
      }
      from = this.pos;
    }
    this.pos++;
    this.token = STRING;
  }

  /** Four hex digits at `at`, -1 if they are none. */
  private hex4(at: number): number {
    let n = 0;
    for (let i = 0; i < 4; i++) {
      const c = this.u8[at + i]!;
      const lower = c | 32;
      if (c >= 48 && c <= 57) n = n * 16 + c - 48;
      else if (lower >= 97 && lower <= 102) n = n * 16 + lower - 87;
      else return -1;
    }
    return n;
  }

  private unicode(): boolean {
    let code = this.hex4(this.pos + 2);
    if (code < 0) return false;
    let length = 6;
    if ((code & 0xf800) === 0xd800) {
      if ((code & 0x400) !== 0) return false;
      if (this.u8[this.pos + 6] !== 92 || this.u8[this.pos + 7] !== 117) return false;
      const low = this.hex4(this.pos + 8);
      if (low < 0 || (low & 0xfc00) !== 0xdc00) return false;
      code = (((code & 0x3ff) << 10) | (low & 0x3ff)) + 0x10000;
      length = 12;
    }
    if (code < 0x80) text.byte(code);
    else if (code < 0x800) {
      text.byte(0xc0 | (code >> 6));
      text.byte(0x80 | (code & 63));
    } else if (code < 0x10000) {
      text.byte(0xe0 | (code >> 12));
      text.byte(0x80 | ((code >> 6) & 63));
      text.byte(0x80 | (code & 63));
    } else {
      text.byte(0xf0 | (code >> 18));
      text.byte(0x80 | ((code >> 12) & 63));
      text.byte(0x80 | ((code >> 6) & 63));
      text.byte(0x80 | (code & 63));
    }
    this.pos += length;
    return true;
  }

  private descend(slots: number): void {
    this.depth++;
    if (this.depth <= this.depthMax && this.vm.reserve(slots)) return;
    this.vm.raise(`Found too many nested data structures (${this.depth}) at character ${this.pos}`);
  }

  private pushValue(): void {
    const { vm } = this;
    switch (this.token) {
      case STRING:
        vm.pushBytes(text.u8, 0, text.pos);
        break;
      case NUMBER:
        vm.pushNumber(this.value);
        break;
      case BOOLEAN:
        vm.pushBoolean(this.value !== 0);
        break;
      case NULL:
        vm.m.lua_pushlightuserdata(vm.l, 0);
        break;
      case OBJECT_BEGIN:
        this.object();
        break;
      case ARRAY_BEGIN:
        this.array();
        break;
      default:
        this.unexpected('value');
    }
  }

  private object(): void {
    const { vm } = this;
    this.descend(4);
    vm.newTable(0, 0);
    this.next();
    if (!this.at(OBJECT_END)) {
      for (;;) {
        if (!this.at(STRING)) this.unexpected('object key string');
        vm.pushBytes(text.u8, 0, text.pos);
        this.next();
        if (!this.at(COLON)) this.unexpected('colon');
        this.next();
        this.pushValue();
        vm.m.lua_rawset(vm.l, -3);
        this.next();
        if (this.at(OBJECT_END)) break;
        if (!this.at(COMMA)) this.unexpected('comma or object end');
        this.next();
      }
    }
    this.depth--;
  }

  private array(): void {
    const { vm } = this;
    this.descend(3);
    vm.newTable(0, 0);
    this.next();
    if (!this.at(ARRAY_END)) {
      for (let i = 1; ; i++) {
        this.pushValue();
        vm.m.lua_rawseti(vm.l, -2, i);
        this.next();
        if (this.at(ARRAY_END)) break;
        if (!this.at(COMMA)) this.unexpected('comma or array end');
        this.next();
      }
    }
    this.depth--;
  }
}
