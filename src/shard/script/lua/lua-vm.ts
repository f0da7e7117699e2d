/**
 * One Lua 5.1 interpreter (PUC Lua in WebAssembly, the package wasmoon-lua5.1) through its raw C API: strings are
 * bytes, nothing is converted on the way. One per shard thread, made when the first script comes.
 *
 * A JavaScript function becomes a Lua C function through `addFunction`; a Lua error leaves it as an exception that must
 * not be caught, so callbacks here end with `return vm.error()` and have no `try` around calls into Lua.
 *
 * Invariants: (1) `heap` may be replaced whenever Lua runs: read `vm.heap` after each call; (2) code that pushes values
 * takes them off the stack again; (3) scratch memory holds until the next call that uses it; (4) `l` is the thread of
 * Lua that called last: a coroutine's inside of its callbacks, else the main one.
 */
import { createRequire } from 'node:module';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { checkLayout, type LuaApi, luaApiOf } from './lua-api.js';
import { LuaStack, type Memory, T_NUMBER } from './lua-stack.js';
import { type Exports, withRawExports } from './raw-exports.js';
import { guardTable } from './table-guard.js';

export { T_BOOLEAN, T_FUNCTION, T_LIGHT, T_NIL, T_NONE, T_NUMBER, T_STRING, T_TABLE, T_USERDATA } from './lua-stack.js';

/** Pseudo indexes of the stack. */
export const REGISTRY = -10000;
export const GLOBALS = -10002;

/** Masks of lua_sethook. */
export const MASK_LINE = 4;
export const MASK_COUNT = 8;

/** Set in error tables of commands: the error stands in the statistics. */
export const COUNTED = 'ignore_error_stats_update';

const SCRATCH_BYTES = 64 * 1024;
/** What one interpreter may use: a script that wants more ends with an error. Values of 512 MB fit. */
const MEMORY_BYTES_MAX = 1536 << 20;

/** Adds a JavaScript function to the instance's table; returns its index there. */
type AddFunction = (fn: (...args: number[]) => number | undefined, signature: string) => number;

/** A C function of Lua: takes the address of the calling thread of Lua, returns how many results it pushed. */
export type CFunction = (l: number) => number;

interface FunctionTable {
  get(index: number): CFunction;
}

/** What begins a compiled chunk. */
const ESCAPE = 27;
const BLANK = 32;

/** The interpreter has no room for something that comes from outside of it; nothing can be done with it any more. */
export class LuaMemoryError extends Error {
  constructor() {
    super('not enough memory for the script');
  }
}

export class LuaVm extends LuaStack {
  readonly m: LuaApi;
  /** The thread of Lua that is no coroutine. */
  private readonly mainThread: number;
  private readonly addFunction: AddFunction;
  private readonly functions: FunctionTable;
  private readonly lenPtr: number;
  private scratch: number;
  private scratchBytes = SCRATCH_BYTES;
  /** Protocol that the running script chose with redis.setresp. */
  resp: 2 | 3 = 2;
  /** The error that a script ended with was counted where it arose. */
  errorCounted = false;

  private constructor(exports: Exports, addFunction: AddFunction) {
    super(exports['memory'] as Memory);
    const m = luaApiOf(exports);
    this.m = m;
    this.addFunction = addFunction;
    this.functions = exports['__indirect_function_table'] as FunctionTable;
    this.l = m.luaL_newstate();
    this.mainThread = this.l;
    checkLayout(m, this);
    this.lenPtr = m.malloc(8);
    this.scratch = m.malloc(SCRATCH_BYTES);
    m.luaL_openlibs(this.l);
  }

  /**
   * A new interpreter with Lua's standard libraries. The package is read now: most threads never need it. It is
   * CommonJS and required, which takes a third of the time of an import.
   */
  static async create(): Promise<LuaVm> {
    const wasmoon = createRequire(import.meta.url)('wasmoon-lua5.1') as typeof import('wasmoon-lua5.1');
    const { made, exports } = await withRawExports(MEMORY_BYTES_MAX, async () => {
      const lua = await wasmoon.Lua.create({ openStandardLibs: false, injectObjects: false, enableProxy: false });
      return (lua.luaApi as unknown as { module: { addFunction: AddFunction } }).module;
    });
    return new LuaVm(exports, (fn, signature) => made.addFunction(fn, signature));
  }

  /** Scratch memory of the interpreter for `len` bytes. */
  room(len: number): number {
    if (len > this.scratchBytes && !this.makeRoom(len)) throw new LuaMemoryError();
    return this.scratch;
  }

  private makeRoom(len: number): boolean {
    this.m.free(this.scratch);
    this.scratchBytes = 0;
    this.scratch = this.m.malloc(len);
    if (this.scratch === 0) return false;
    this.scratchBytes = len;
    return true;
  }

  /** Puts bytes into scratch memory; returns where. */
  private stage(u8: Uint8Array, off: number, len: number): number {
    this.room(len);
    copyBytes(this.heap, this.scratch, u8, off, len);
    return this.scratch;
  }

  /** Gives scratch memory that grew for a big string back. */
  trim(): void {
    if (this.scratchBytes <= 1 << 20) return;
    this.scratchBytes = 0;
    this.room(SCRATCH_BYTES);
  }

  // ---- pushing

  pushBytes(u8: Uint8Array, off: number, len: number): void {
    this.m.lua_pushlstring(this.l, this.stage(u8, off, len), len);
  }

  /** Pushes `bytes` bytes: the `len` bytes of memory at `off` again and again. False, without room for them. */
  pushRepeated(off: number, len: number, bytes: number): boolean {
    if (bytes > this.scratchBytes && !this.makeRoom(bytes)) return false;
    const { heap, scratch } = this;
    const end = scratch + bytes;
    heap.copyWithin(scratch, off, off + Math.min(len, bytes));
    // What is there is doubled until it is enough.
    for (let at = scratch + len; at < end; at += at - scratch) {
      heap.copyWithin(at, scratch, Math.min(at, end - (at - scratch)));
    }
    this.m.lua_pushlstring(this.l, scratch, bytes);
    return true;
  }

  /** Pushes a text, one byte a char. */
  pushText(text: string): void {
    const n = text.length;
    const ptr = n <= this.scratchBytes ? this.scratch : this.stage(new Uint8Array(n), 0, n);
    const heap = this.heap;
    for (let i = 0; i < n; i++) heap[ptr + i] = text.charCodeAt(i);
    this.m.lua_pushlstring(this.l, ptr, n);
  }

  /** Makes a function of C out of `fn`, which returns the number of results it pushed. For good: not while running. */
  functionOf(fn: () => number): number {
    const entered = (l: number): number => {
      this.l = l;
      return fn();
    };
    return this.addFunction(entered as (...args: number[]) => number, 'ii');
  }

  /** Pushes a function that calls `fn`; see `functionOf`. */
  pushFunction(fn: () => number): void {
    this.m.lua_pushcclosure(this.l, this.functionOf(fn), 0);
  }

  /**
   * Pushes a function that calls `fn` when its first argument is a table with a metatable, else `original`, which finds
   * the `upvalues` values on top of the stack as its upvalues.
   */
  pushGuarded(original: CFunction, fn: () => number, upvalues = 0): void {
    const entered = (l: number): number => {
      this.l = l;
      return fn();
    };
    const guarded = guardTable(this.memory, original, entered);
    this.m.lua_pushcclosure(this.l, this.addFunction(guarded as (...args: number[]) => number, 'ii'), upvalues);
  }

  /** Makes a hook out of `fn`; what it returns is for `setHook`. */
  hookOf(fn: () => void): number {
    const entered = (l: number): undefined => {
      this.l = l;
      fn();
    };
    return this.addFunction(entered as (...args: number[]) => undefined, 'vii');
  }

  /** Has a hook called at the events of `mask`, MASK_COUNT: each `count` instructions; also in coroutines to come. */
  setHook(hook: number, mask: number, count: number): void {
    this.m.lua_sethook(this.mainThread, hook, mask, count);
    if (this.l !== this.mainThread) this.m.lua_sethook(this.l, hook, mask, count);
  }

  /** Puts a name into memory for good, for `lua_setfield`. */
  name(text: string): number {
    const ptr = this.m.malloc(text.length + 1);
    const { heap } = this;
    for (let i = 0; i < text.length; i++) heap[ptr + i] = text.charCodeAt(i);
    heap[ptr + text.length] = 0;
    return ptr;
  }

  newTable(array: number, record: number): void {
    this.m.lua_createtable(this.l, array, record);
  }

  // ---- tables; the table is at `index`, relative to the top before the call

  /** t[name] = top; pops it. Raw. */
  setField(index: number, name: string): void {
    this.pushText(name);
    this.m.lua_insert(this.l, -2);
    this.m.lua_rawset(this.l, index < 0 && index > REGISTRY ? index - 1 : index);
  }

  /** Pushes t[name]. Raw. */
  getField(index: number, name: string): void {
    this.pushText(name);
    this.m.lua_rawget(this.l, index < 0 && index > REGISTRY ? index - 1 : index);
  }

  /** Notes whether the error table on top was counted already. */
  noteCounted(): void {
    this.getField(-1, COUNTED);
    this.errorCounted = this.boolean(-1);
    this.pop(1);
  }

  // ---- reading

  number(index: number): number {
    return this.type(index) === T_NUMBER ? this.double(index) : this.m.lua_tonumber(this.l, index);
  }

  /** Finds the string (or the number as one, in place) at `index`: `heap`, `off`, `len`. False for other types. */
  toBytes(index: number): boolean {
    if (this.findString(index)) return true;
    const ptr = this.m.lua_tolstring(this.l, index, this.lenPtr);
    if (ptr === 0) return false;
    this.off = ptr;
    this.len = this.heap32[this.lenPtr >> 2]!;
    return true;
  }

  /** The string at `index`, one char a byte; '' for what is none. */
  text(index: number): string {
    if (!this.toBytes(index)) return '';
    return Buffer.from(this.heap.buffer, this.off, this.len).toString('latin1');
  }

  /** A copy of the string at `index`. */
  bytes(index: number): Uint8Array {
    return this.toBytes(index) ? this.heap.slice(this.off, this.off + this.len) : new Uint8Array(0);
  }

  /** Makes sure that `n` more values fit on the stack. */
  reserve(n: number): boolean {
    return this.m.lua_checkstack(this.l, n) !== 0;
  }

  // ---- code

  /**
   * Compiles a chunk and pushes it; false with the error message pushed. `name` as Lua wants it ("@user_script").
   * Only text is compiled: a compiled chunk could read and write any memory of the interpreter. A blank in front of it
   * has Lua read it as text, and refuse it with the message that Redis gives.
   */
  load(source: Uint8Array, name: string): boolean {
    const pad = source[0] === ESCAPE ? 1 : 0;
    const bytes = pad + source.length;
    const ptr = this.m.malloc(bytes + name.length + 1);
    if (ptr === 0) {
      this.pushText('not enough memory');
      return false;
    }
    const { heap } = this;
    heap[ptr] = BLANK;
    heap.set(source, ptr + pad);
    const namePtr = ptr + bytes;
    for (let i = 0; i < name.length; i++) heap[namePtr + i] = name.charCodeAt(i);
    heap[namePtr + name.length] = 0;
    const status = this.m.luaL_loadbuffer(this.l, ptr, bytes, namePtr);
    this.m.free(ptr);
    return status === 0;
  }

  /** The C function at `index`, to be called directly. Its upvalues are those of the function that runs then. */
  functionAt(index: number): CFunction {
    return this.functions.get(this.m.lua_tocfunction(this.l, index));
  }

  /** Calls the function below `args` values; whether it returned. `handler`: index of the error handler, 0 for none. */
  call(args: number, results: number, handler: number): boolean {
    const { l } = this;
    const returned = this.m.lua_pcall(l, args, results, handler) === 0;
    // A coroutine may have called out last.
    this.l = l;
    return returned;
  }

  /** Raises the value on top as an error. To be returned from a callback. */
  error(): number {
    return this.m.lua_error(this.l);
  }

  /** Raises an error with the place of the calling script in front. To be returned from a callback. */
  raise(text: string): never {
    this.m.luaL_where(this.l, 1);
    this.pushText(text);
    this.m.lua_concat(this.l, 2);
    this.m.lua_error(this.l);
    throw new Error('lua_error returned');
  }

  /** Raises the error of a bad argument. */
  argumentError(n: number, text: string): never {
    const bytes = Buffer.from(`${text}\0`, 'latin1');
    this.m.luaL_argerror(this.l, n, this.stage(bytes, 0, bytes.length));
    throw new Error('luaL_argerror returned');
  }

  /** Argument n as a number; raises an error if it is none. */
  checkNumber(n: number): number {
    return this.m.luaL_checknumber(this.l, n);
  }

  /** As `toBytes` for argument n; raises an error if it is no string. */
  checkBytes(n: number): void {
    this.off = this.m.luaL_checklstring(this.l, n, this.lenPtr);
    this.len = this.heap32[this.lenPtr >> 2]!;
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
    return this.m.luaL_ref(this.l, REGISTRY);
  }

  unref(ref: number): void {
    this.m.luaL_unref(this.l, REGISTRY, ref);
  }

  pushRef(ref: number): void {
    this.m.lua_rawgeti(this.l, REGISTRY, ref);
  }

  /** Bytes that Lua uses. */
  get usedBytes(): number {
    return this.m.lua_gc(this.l, 3, 0) * 1024 + this.m.lua_gc(this.l, 4, 0);
  }

  /** Frees all that is not reached any more. Each collection halves a stack that was deep: as many as it takes. */
  collect(): void {
    for (let before = Number.POSITIVE_INFINITY, now = this.usedBytes; now < before * 0.9; now = this.usedBytes) {
      before = now;
      this.m.lua_gc(this.l, 2, 0);
    }
  }

  /** Does as much of a collection as so many new KiB would cause; whether it has ended. */
  collectStep(kb: number): boolean {
    return this.m.lua_gc(this.l, 5, kb) === 1;
  }

  /** Begins a collection when the memory in use is `percent` of what the last one left. */
  setPause(percent: number): void {
    this.m.lua_gc(this.l, 6, percent);
  }
}
