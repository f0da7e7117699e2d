/**
 * The stack of the interpreter, read and written where it lies in its memory: a call into WebAssembly costs more than
 * the two or three words that most of its functions for the stack look at.
 *
 *     lua_State   +8 top   +12 base          (addresses)
 *     value       +0 number (float64) or address of the object   +8 type       16 bytes
 *     string      +12 length   +16 bytes, and a zero behind them
 *     table       +8 metatable                      (address, 0 for none)
 *
 * That is Lua 5.1's own layout (lstate.h, lobject.h) with pointers of 32 bits; the package is pinned to one version,
 * and `check` proves the layout for this instance.
 *
 * Invariants: (1) `l` is the thread of Lua that calls or is called; (2) code that pushes values keeps to the 20 values
 * that a C function may have, or reserves more.
 */
import { invariant } from '../../../shared/errors/invariant.js';

const TOP = 8 >> 2;
const BASE = 12 >> 2;
const TYPE = 8 >> 2;
const VALUE_SHIFT = 4;
const STRING_LENGTH = 12 >> 2;
const STRING_BYTES = 16;
const TABLE_METATABLE = 8 >> 2;

/** Types of values. */
export const T_NONE = -1;
export const T_NIL = 0;
export const T_BOOLEAN = 1;
export const T_LIGHT = 2;
export const T_NUMBER = 3;
export const T_STRING = 4;
export const T_TABLE = 5;
export const T_FUNCTION = 6;
export const T_USERDATA = 7;

/** The memory of an instance, as far as it is needed. */
export interface Memory {
  readonly buffer: ArrayBuffer;
}

export class LuaStack {
  /** Address of the lua_State. */
  l = 0;
  /** Where a string was found last a string: offset in `heap`, and length. */
  off = 0;
  len = 0;
  protected readonly memory: Memory;
  private u8: Uint8Array;
  private words: Int32Array;
  private doubles: Float64Array;
  private view: DataView;

  constructor(memory: Memory) {
    this.memory = memory;
    this.u8 = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  /** The memory has grown: the old views have no bytes any more. */
  private refresh(): void {
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.view = new DataView(buffer);
  }

  /** The memory of the interpreter; valid until Lua runs again. */
  get heap(): Uint8Array {
    if (this.u8.length === 0) this.refresh();
    return this.u8;
  }

  /** As `heap`, in words. */
  get heap32(): Int32Array {
    if (this.words.length === 0) this.refresh();
    return this.words;
  }

  private get heap64(): Float64Array {
    if (this.doubles.length === 0) this.refresh();
    return this.doubles;
  }

  /** As `heap`, for numbers of several bytes. */
  get heapView(): DataView {
    if (this.u8.length === 0) this.refresh();
    return this.view;
  }

  /** Number of values. */
  get top(): number {
    const words = this.heap32;
    const at = this.l >> 2;
    return (words[at + TOP]! - words[at + BASE]!) >> VALUE_SHIFT;
  }

  /** Takes values off until `n` are left. @requires that there are as many */
  set top(n: number) {
    invariant(n >= 0 && n <= this.top, 'as many values are there');
    const words = this.heap32;
    const at = this.l >> 2;
    words[at + TOP] = words[at + BASE]! + (n << VALUE_SHIFT);
  }

  /** Takes `n` values off. */
  pop(n: number): void {
    this.heap32[(this.l >> 2) + TOP]! -= n << VALUE_SHIFT;
  }

  /** Address of the value at `index`, which is not a pseudo index; 0 behind the top. */
  private address(index: number): number {
    const words = this.heap32;
    const at = this.l >> 2;
    const top = words[at + TOP]!;
    if (index < 0) return top + (index << VALUE_SHIFT);
    const address = words[at + BASE]! + ((index - 1) << VALUE_SHIFT);
    return address < top ? address : 0;
  }

  /** Type of the value at `index`. */
  type(index: number): number {
    const address = this.address(index);
    return address === 0 ? T_NONE : this.heap32[(address >> 2) + TYPE]!;
  }

  /** Address of the object at `index`. @requires a table, function or userdata there */
  objectAt(index: number): number {
    return this.heap32[this.address(index) >> 2]!;
  }

  /** Puts another object of the same type in the place of the one at `index`. */
  replaceObject(index: number, object: number): void {
    this.heap32[this.address(index) >> 2] = object;
  }

  /** Address of the table at `index` if it has a metatable; 0 for any other value. */
  tableWithMeta(index: number): number {
    const address = this.address(index);
    if (address === 0) return 0;
    const words = this.heap32;
    if (words[(address >> 2) + TYPE] !== T_TABLE) return 0;
    const table = words[address >> 2]!;
    return words[(table >> 2) + TABLE_METATABLE] === 0 ? 0 : table;
  }

  /** Finds the string at `index`: `heap`, `off`, `len`. False for other types. */
  findString(index: number): boolean {
    const words = this.heap32;
    const address = this.address(index);
    if (address === 0 || words[(address >> 2) + TYPE] !== T_STRING) return false;
    const string = words[address >> 2]!;
    this.off = string + STRING_BYTES;
    this.len = words[(string >> 2) + STRING_LENGTH]!;
    return true;
  }

  /** The number at `index`. @requires that it is one */
  double(index: number): number {
    return this.heap64[this.address(index) >> 3]!;
  }

  /** False and nil are false. */
  boolean(index: number): boolean {
    const address = this.address(index);
    if (address === 0) return false;
    const words = this.heap32;
    const type = words[(address >> 2) + TYPE]!;
    return type !== T_NIL && (type !== T_BOOLEAN || words[address >> 2] !== 0);
  }

  pushNumber(x: number): void {
    const words = this.heap32;
    const at = (this.l >> 2) + TOP;
    const top = words[at]!;
    this.heap64[top >> 3] = x;
    words[(top >> 2) + TYPE] = T_NUMBER;
    words[at] = top + (1 << VALUE_SHIFT);
  }

  pushBoolean(b: boolean): void {
    const words = this.heap32;
    const at = (this.l >> 2) + TOP;
    const top = words[at]!;
    words[top >> 2] = b ? 1 : 0;
    words[(top >> 2) + TYPE] = T_BOOLEAN;
    words[at] = top + (1 << VALUE_SHIFT);
  }

  pushNil(): void {
    const words = this.heap32;
    const at = (this.l >> 2) + TOP;
    const top = words[at]!;
    words[(top >> 2) + TYPE] = T_NIL;
    words[at] = top + (1 << VALUE_SHIFT);
  }
}
