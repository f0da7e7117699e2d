/**
 * One Lua 5.1 interpreter (PUC Lua in WebAssembly, the package wasmoon-lua5.1) through its raw C API: strings are
 * bytes,
 * nothing is converted on the way. One per shard thread, made when the first script comes.
 *
 * A JavaScript function becomes a Lua C function through `addFunction`; a Lua error leaves it as an exception that must
 * not be caught, so callbacks here end with `return vm.error()` and have no `try` around calls into Lua.
 *
 * Invariants: (1) `heap` may be replaced whenever Lua runs: read `vm.heap` after each call; (2) the stack is balanced
 * by
 * whoever pushes; (3) `text` and `TEXT_MAX` bytes of scratch hold until the next call that uses them.
 */
import wasmoon from 'wasmoon-lua5.1';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { withRawExports } from './raw-exports.js';

/** Pseudo indexes of the stack. */
export const REGISTRY = -10000;
export const GLOBALS = -10002;

/** Types of values. */
export const T_NIL = 0;
export const T_BOOLEAN = 1;
export const T_LIGHT = 2;
export const T_NUMBER = 3;
export const T_STRING = 4;
export const T_TABLE = 5;
export const T_FUNCTION = 6;

/** Masks of lua_sethook. */
export const MASK_LINE = 4;
export const MASK_COUNT = 8;

/** Set in error tables of commands: the error stands in the statistics. */
export const COUNTED = 'ignore_error_stats_update';

const SCRATCH_BYTES = 64 * 1024;

/** What of the module is used; its own types know only the wrapped API. */
interface LuaModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  addFunction(fn: (...args: number[]) => number | undefined, signature: string): number;
  _malloc(bytes: number): number;
  _free(ptr: number): void;
  _luaL_newstate(): number;
  _luaL_openlibs(l: number): void;
  _luaL_loadbuffer(l: number, ptr: number, len: number, name: number): number;
  _luaL_ref(l: number, index: number): number;
  _luaL_unref(l: number, index: number, ref: number): void;
  _lua_pcall(l: number, args: number, results: number, handler: number): number;
  _lua_error(l: number): number;
  _lua_gettop(l: number): number;
  _lua_settop(l: number, top: number): void;
  _lua_type(l: number, index: number): number;
  _lua_pushvalue(l: number, index: number): void;
  _lua_pushnil(l: number): void;
  _lua_pushboolean(l: number, b: number): void;
  _lua_pushnumber(l: number, x: number): void;
  _lua_pushlstring(l: number, ptr: number, len: number): void;
  _lua_pushcclosure(l: number, fn: number, n: number): void;
  _lua_createtable(l: number, array: number, record: number): void;
  _lua_rawget(l: number, index: number): void;
  _lua_rawset(l: number, index: number): void;
  _lua_settable(l: number, index: number): void;
  _lua_rawgeti(l: number, index: number, n: number): void;
  _lua_rawseti(l: number, index: number, n: number): void;
  _lua_next(l: number, index: number): number;
  _lua_objlen(l: number, index: number): number;
  _lua_toboolean(l: number, index: number): number;
  _lua_tonumber(l: number, index: number): number;
  _lua_tolstring(l: number, index: number, lenPtr: number): number;
  _lua_checkstack(l: number, n: number): number;
  _lua_sethook(l: number, fn: number, mask: number, count: number): void;
  _lua_gc(l: number, what: number, data: number): number;
  _lua_insert(l: number, index: number): void;
  _lua_remove(l: number, index: number): void;
  _lua_setfenv(l: number, index: number): number;
  _lua_concat(l: number, n: number): void;
  _lua_pushlightuserdata(l: number, p: number): void;
  _lua_touserdata(l: number, index: number): number;
  _luaL_where(l: number, level: number): void;
  _luaL_argerror(l: number, n: number, text: number): number;
  _luaL_checknumber(l: number, index: number): number;
  _luaL_checklstring(l: number, index: number, lenPtr: number): number;
}

export class LuaVm {
  readonly m: LuaModule;
  readonly l: number;
  private readonly lenPtr: number;
  private scratch: number;
  private scratchBytes = SCRATCH_BYTES;
  /** Protocol that the running script chose with redis.setresp. */
  resp: 2 | 3 = 2;
  /** The error that a script ended with was counted where it arose. */
  errorCounted = false;
  /** Where the last `toBytes` found a string: offset in `heap`, and length. */
  off = 0;
  len = 0;

  private constructor(m: LuaModule) {
    this.m = m;
    this.l = m._luaL_newstate();
    this.lenPtr = m._malloc(8);
    this.scratch = m._malloc(SCRATCH_BYTES);
    m._luaL_openlibs(this.l);
  }

  /** A new interpreter with Lua's standard libraries. */
  static async create(): Promise<LuaVm> {
    const module = await withRawExports(async () => {
      const lua = await wasmoon.Lua.create({ openStandardLibs: false, injectObjects: false, enableProxy: false });
      return (lua.luaApi as unknown as { module: LuaModule }).module;
    });
    return new LuaVm(module);
  }

  /** The memory of the interpreter. */
  get heap(): Uint8Array {
    return this.m.HEAPU8;
  }

  /** Puts bytes into scratch memory of the interpreter; returns where. */
  private stage(u8: Uint8Array, off: number, len: number): number {
    if (len > this.scratchBytes) {
      this.m._free(this.scratch);
      this.scratchBytes = len;
      this.scratch = this.m._malloc(len);
    }
    copyBytes(this.m.HEAPU8, this.scratch, u8, off, len);
    return this.scratch;
  }

  /** Gives scratch memory that grew for a big string back. */
  trim(): void {
    if (this.scratchBytes <= 1 << 20) return;
    this.m._free(this.scratch);
    this.scratchBytes = SCRATCH_BYTES;
    this.scratch = this.m._malloc(SCRATCH_BYTES);
  }

  // ---- pushing

  pushBytes(u8: Uint8Array, off: number, len: number): void {
    this.m._lua_pushlstring(this.l, this.stage(u8, off, len), len);
  }

  /** Pushes a text, one byte a char. */
  pushText(text: string): void {
    const n = text.length;
    const ptr = n <= this.scratchBytes ? this.scratch : this.stage(new Uint8Array(n), 0, n);
    const heap = this.m.HEAPU8;
    for (let i = 0; i < n; i++) heap[ptr + i] = text.charCodeAt(i);
    this.m._lua_pushlstring(this.l, ptr, n);
  }

  pushNumber(x: number): void {
    this.m._lua_pushnumber(this.l, x);
  }

  pushBoolean(b: boolean): void {
    this.m._lua_pushboolean(this.l, b ? 1 : 0);
  }

  pushNil(): void {
    this.m._lua_pushnil(this.l);
  }

  /** Pushes a function that calls `fn`, which returns the number of results it pushed. */
  pushFunction(fn: (l: number) => number): void {
    this.m._lua_pushcclosure(this.l, this.m.addFunction(fn as (...args: number[]) => number, 'ii'), 0);
  }

  newTable(array: number, record: number): void {
    this.m._lua_createtable(this.l, array, record);
  }

  // ---- tables; the table is at `index`, relative to the top before the call

  /** t[name] = top; pops it. Raw. */
  setField(index: number, name: string): void {
    this.pushText(name);
    this.m._lua_insert(this.l, -2);
    this.m._lua_rawset(this.l, index < 0 && index > REGISTRY ? index - 1 : index);
  }

  /** Pushes t[name]. Raw. */
  getField(index: number, name: string): void {
    this.pushText(name);
    this.m._lua_rawget(this.l, index < 0 && index > REGISTRY ? index - 1 : index);
  }

  /** Notes whether the error table on top was counted already. */
  noteCounted(): void {
    this.getField(-1, COUNTED);
    this.errorCounted = this.boolean(-1);
    this.pop(1);
  }

  // ---- reading

  get top(): number {
    return this.m._lua_gettop(this.l);
  }

  set top(n: number) {
    this.m._lua_settop(this.l, n);
  }

  pop(n: number): void {
    this.m._lua_settop(this.l, -n - 1);
  }

  type(index: number): number {
    return this.m._lua_type(this.l, index);
  }

  number(index: number): number {
    return this.m._lua_tonumber(this.l, index);
  }

  boolean(index: number): boolean {
    return this.m._lua_toboolean(this.l, index) !== 0;
  }

  /** Finds the string (or the number as one, in place) at `index`: `heap`, `off`, `len`. False for other types. */
  toBytes(index: number): boolean {
    const ptr = this.m._lua_tolstring(this.l, index, this.lenPtr);
    if (ptr === 0) return false;
    this.off = ptr;
    this.len = this.m.HEAPU32[this.lenPtr >> 2]!;
    return true;
  }

  /** The string at `index`, one char a byte; '' for what is none. */
  text(index: number): string {
    if (!this.toBytes(index)) return '';
    return Buffer.from(this.m.HEAPU8.buffer, this.off, this.len).toString('latin1');
  }

  /** A copy of the string at `index`. */
  bytes(index: number): Uint8Array {
    return this.toBytes(index) ? this.m.HEAPU8.slice(this.off, this.off + this.len) : new Uint8Array(0);
  }

  /** Makes sure that `n` more values fit on the stack. */
  reserve(n: number): boolean {
    return this.m._lua_checkstack(this.l, n) !== 0;
  }

  // ---- code

  /** Compiles a chunk and pushes it; false with the error message pushed. `name` as Lua wants it ("@user_script"). */
  load(source: Uint8Array, name: string): boolean {
    const ptr = this.m._malloc(source.length + name.length + 1);
    this.m.HEAPU8.set(source, ptr);
    const namePtr = ptr + source.length;
    for (let i = 0; i < name.length; i++) this.m.HEAPU8[namePtr + i] = name.charCodeAt(i);
    this.m.HEAPU8[namePtr + name.length] = 0;
    const status = this.m._luaL_loadbuffer(this.l, ptr, source.length, namePtr);
    this.m._free(ptr);
    return status === 0;
  }

  /** Calls the function below `args` values; whether it returned. `handler`: index of the error handler, 0 for none. */
  call(args: number, results: number, handler: number): boolean {
    return this.m._lua_pcall(this.l, args, results, handler) === 0;
  }

  /** Raises the value on top as an error. To be returned from a callback. */
  error(): number {
    return this.m._lua_error(this.l);
  }

  /** Raises an error with the place of the calling script in front. To be returned from a callback. */
  raise(text: string): never {
    this.m._luaL_where(this.l, 1);
    this.pushText(text);
    this.m._lua_concat(this.l, 2);
    this.m._lua_error(this.l);
    throw new Error('lua_error returned');
  }

  /** Raises the error of a bad argument. */
  argumentError(n: number, text: string): never {
    const bytes = Buffer.from(`${text}\0`, 'latin1');
    this.m._luaL_argerror(this.l, n, this.stage(bytes, 0, bytes.length));
    throw new Error('luaL_argerror returned');
  }

  /** Argument n as a number; raises an error if it is none. */
  checkNumber(n: number): number {
    return this.m._luaL_checknumber(this.l, n);
  }

  /** As `toBytes` for argument n; raises an error if it is no string. */
  checkBytes(n: number): void {
    this.off = this.m._luaL_checklstring(this.l, n, this.lenPtr);
    this.len = this.m.HEAPU32[this.lenPtr >> 2]!;
  }

  /** Leaves a table of functions in the globals. */
  registerLibrary(name: string, functions: Readonly<Record<string, () => number>>): void {
    this.newTable(0, 16);
    for (const [field, fn] of Object.entries(functions)) {
      this.pushFunction(fn);
      this.setField(-2, field);
    }
    this.setField(GLOBALS, name);
  }

  /** Takes the value on top into the registry. */
  ref(): number {
    return this.m._luaL_ref(this.l, REGISTRY);
  }

  unref(ref: number): void {
    this.m._luaL_unref(this.l, REGISTRY, ref);
  }

  pushRef(ref: number): void {
    this.m._lua_rawgeti(this.l, REGISTRY, ref);
  }

  /** Bytes that Lua uses. */
  get usedBytes(): number {
    return this.m._lua_gc(this.l, 3, 0) * 1024 + this.m._lua_gc(this.l, 4, 0);
  }

  /** A step of Lua's collector. */
  collectStep(size: number): void {
    this.m._lua_gc(this.l, 5, size);
  }
}
