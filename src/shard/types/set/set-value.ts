/**
 * A set as the commands see it, whatever its encoding:
 *
 *     SET_INTSET   integers only, one cell               intset.ts
 *     SET_PACKED   few short members, one listpack       structures/listpack.ts
 *     SET_TABLE    an element table                      element-table.ts
 *
 * Sets grow from one to the next at Redis 7.2's limits (set-max-intset-entries, set-max-listpack-entries, -value), or
 * earlier where a cell ends, in place, and never back.
 *
 * Invariants: (1) lease held; (2) a member stands in a listpack or table once, a canonical integer in one form only;
 * (3) running out of memory leaves a set as it was; (4) bytes given to a change do not lie in that very set.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, viewOf, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { INT64_CHARS_MAX, int64, int64Width, parseInt64, writeInt64 } from '../../../shared/numbers/int64.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { SET_INTSET, SET_PACKED, SET_TABLE } from '../../entry/encodings.js';
import { entryEncoding, valueWordOffset } from '../../entry/entry.js';
import { moveRoot, rootOf, setRoot } from '../../entry/root.js';
import type { ValueContext } from '../../services/value-context.js';
import { createMember, freeElement } from '../../structures/element.js';
import { addElement, createTableRoot, ElementTable } from '../../structures/element-table.js';
import { freeTableRoot } from '../../structures/garbage.js';
import {
  LP_EMPTY_BYTES,
  lpAppend,
  lpCount,
  lpCreate,
  lpDelete,
  lpFind,
  lpFirst,
  lpNext,
  lpRoom,
  lpSplice,
} from '../../structures/listpack.js';
import { item, lpBytes, lpEntryBytes, lpIntBytes, lpWrite, lpWriteInt } from '../../structures/listpack-entry.js';
import {
  integer,
  intsetAdd,
  intsetCount,
  intsetCreate,
  intsetFind,
  intsetFits,
  intsetGet,
  intsetRemove,
} from './intset.js';

/** More bytes than a listpack entry has around its string. */
const ENTRY_OVERHEAD = 16;

const TABLE = new ElementTable();
const TEXT = new Uint8Array(INT64_CHARS_MAX + 4);
const TEXT_VIEW = new DataView(TEXT.buffer);
const RAW = new Uint8Array(CELL_BYTES_MAX);

/** The table of a set with encoding SET_TABLE: one shared view, good until the next call of any function here. */
export function openSetTable(arena: Arena, e: Ptr): ElementTable {
  return TABLE.open(arena, rootOf(arena, e));
}

/** Whether the bytes are a canonical 64-bit integer, which is in `int64` then. */
export function isInteger(u8: Uint8Array, off: number, len: number): boolean {
  return len > 0 && len <= INT64_CHARS_MAX && u8[off]! <= 57 && parseInt64(u8, off, len);
}

/** Number of members. */
export function setCount(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  switch (entryEncoding(arena, e)) {
    case SET_INTSET:
      return intsetCount(arena, root);
    case SET_PACKED:
      return lpCount(arena, root);
    default:
      return TABLE.open(arena, root).count;
  }
}

/** Whether the set has the member of `len` bytes at `off`; `dv` views the bytes of `u8`. */
// hot: SISMEMBER, SINTER
export function setHas(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const root = i32[w + valueWordOffset(head)]! as Ptr;
  switch ((head >>> 4) & 15) {
    case SET_INTSET:
      return isInteger(u8, off, len) && intsetFind(arena, root, int64.hi, int64.lo);
    case SET_PACKED:
      return lpFind(arena, root, lpFirst(arena, root), u8, off, len, 0) !== 0;
    default:
      return TABLE.open(arena, root).find(u8, dv, off, len) !== NULL;
  }
}

// ---- making

/** Encoding and root of the set that `newSet` made last. */
class Made {
  encoding = SET_INTSET;
  root: Ptr = NULL;
}

export const made = new Made();

/**
 * Makes an empty set that suits the first of `count` members to come, the `len` bytes at `off`; it is in `made`.
 * Throws ArenaFullError.
 */
export function newSet(ctx: ValueContext, u8: Uint8Array, off: number, len: number, count: number): void {
  const f64 = ctx.control.f64;
  const arena = ctx.arena;
  if (count <= f64[CONTROL_F64.setMaxIntsetEntries]! && isInteger(u8, off, len)) {
    made.encoding = SET_INTSET;
    made.root = intsetCreate(arena);
  } else if (count <= f64[CONTROL_F64.setMaxListpackEntries]!) {
    made.encoding = SET_PACKED;
    const room = len <= f64[CONTROL_F64.setMaxListpackValue]! ? len + 2 : 0;
    made.root = lpCreate(arena, LP_EMPTY_BYTES + room);
  } else {
    made.encoding = SET_TABLE;
    made.root = createTableRoot(arena);
  }
}

/** Makes an empty intset; it is in `made`. Throws ArenaFullError. */
export function newIntset(arena: Arena): void {
  made.encoding = SET_INTSET;
  made.root = intsetCreate(arena);
}

/** Makes an empty packed set; it is in `made`. Throws ArenaFullError. */
export function newPackedSet(arena: Arena): void {
  made.encoding = SET_PACKED;
  made.root = lpCreate(arena, LP_EMPTY_BYTES);
}

/** Frees the root in `made`, which nobody took. */
export function freeMade(arena: Arena): void {
  if (made.encoding === SET_TABLE) freeTableRoot(arena, made.root);
  else free(arena, made.root);
}

/** Prepares a set for `count` members that are about to be added at once. Throws ArenaFullError. */
export function setExpect(ctx: ValueContext, e: Ptr, count: number): void {
  const f64 = ctx.control.f64;
  const encoding = entryEncoding(ctx.arena, e);
  if (
    (encoding === SET_PACKED && count > f64[CONTROL_F64.setMaxListpackEntries]!) ||
    (encoding === SET_INTSET && count > f64[CONTROL_F64.setMaxIntsetEntries]!)
  ) {
    setToTable(ctx.arena, e);
  }
}

// ---- adding

/**
 * Adds the member of `len` bytes at `off` to the set in entry `e` of the present shard; false when it was there. Throws
 * ArenaFullError.
 */
// hot: every SADD
export function setAdd(ctx: ValueContext, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const arena = ctx.arena;
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const root = i32[w + valueWordOffset(head)]! as Ptr;
  switch ((head >>> 4) & 15) {
    case SET_INTSET:
      return addToIntset(ctx, e, root, u8, dv, off, len);
    case SET_PACKED:
      return addToPacked(ctx, e, root, u8, dv, off, len);
    default:
      return addToTable(arena, root, u8, dv, off, len);
  }
}

function addToTable(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const table = TABLE.open(arena, root);
  if (table.find(u8, dv, off, len) !== NULL) return false;
  const el = createMember(arena, u8, dv, off, len, false, 0);
  try {
    table.insert(el);
  } catch (error) {
    freeElement(arena, el);
    throw error;
  }
  return true;
}

function addToPacked(
  ctx: ValueContext,
  e: Ptr,
  root: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): boolean {
  const arena = ctx.arena;
  const f64 = ctx.control.f64;
  if (lpFind(arena, root, lpFirst(arena, root), u8, off, len, 0) !== 0) return false;
  if (
    lpCount(arena, root) < f64[CONTROL_F64.setMaxListpackEntries]! &&
    len <= f64[CONTROL_F64.setMaxListpackValue]! &&
    lpRoom(arena, root, len + ENTRY_OVERHEAD)
  ) {
    const next = lpAppend(arena, root, u8, off, len);
    if (next !== root) moveRoot(arena, e, next);
    return true;
  }
  setToTable(arena, e);
  return addToTable(arena, rootOf(arena, e), u8, dv, off, len);
}

function addToIntset(
  ctx: ValueContext,
  e: Ptr,
  root: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): boolean {
  const arena = ctx.arena;
  if (isInteger(u8, off, len)) {
    const hi = int64.hi;
    const lo = int64.lo;
    if (intsetFind(arena, root, hi, lo)) return false;
    if (
      intsetCount(arena, root) < ctx.control.f64[CONTROL_F64.setMaxIntsetEntries]! &&
      intsetFits(arena, root, hi, lo)
    ) {
      const next = intsetAdd(arena, root, hi, lo);
      if (next !== root) moveRoot(arena, e, next);
      return true;
    }
    setToTable(arena, e);
    return addToTable(arena, rootOf(arena, e), u8, dv, off, len);
  }
  if (packsWith(ctx, arena, root, len)) {
    const packed = packIntset(arena, root, u8, off, len);
    setRoot(arena, e, SET_PACKED, packed);
    free(arena, root);
    return true;
  }
  setToTable(arena, e);
  return addToTable(arena, rootOf(arena, e), u8, dv, off, len);
}

/** Whether the integers and one member that is none may stand in a listpack. */
function packsWith(ctx: ValueContext, arena: Arena, root: Ptr, len: number): boolean {
  const f64 = ctx.control.f64;
  const count = intsetCount(arena, root);
  const valueMax = f64[CONTROL_F64.setMaxListpackValue]!;
  if (count >= f64[CONTROL_F64.setMaxListpackEntries]! || len > valueMax) return false;
  let bytes = LP_EMPTY_BYTES + len + ENTRY_OVERHEAD;
  if (count > 0) {
    // The longest integer is one of the two ends; it stands for all.
    intsetGet(arena, root, 0);
    const first = int64Width(integer.hi, integer.lo);
    let each = lpIntBytes(integer.hi, integer.lo);
    intsetGet(arena, root, count - 1);
    const last = int64Width(integer.hi, integer.lo);
    each = Math.max(each, lpIntBytes(integer.hi, integer.lo));
    if (first > valueMax || last > valueMax) return false;
    bytes += each * count;
  }
  return bytes <= CELL_BYTES_MAX;
}

/** A listpack of the integers of `root`, which is the caller's, and one more member. Throws ArenaFullError. */
function packIntset(arena: Arena, root: Ptr, u8: Uint8Array, off: number, len: number): Ptr {
  const count = intsetCount(arena, root);
  let at = 0;
  for (let i = 0; i < count; i++) {
    intsetGet(arena, root, i);
    at = lpWriteInt(RAW, at, integer.hi, integer.lo);
  }
  lpEntryBytes(u8, off, len);
  at = lpWrite(RAW, at, u8, off, len);
  return lpSplice(arena, lpCreate(arena, LP_EMPTY_BYTES + at), 0, 0, 0, RAW, 0, at, count + 1);
}

/** Makes a set of one cell a table. Throws ArenaFullError, and nothing has changed then. */
export function setToTable(arena: Arena, e: Ptr): void {
  const encoding = entryEncoding(arena, e);
  if (encoding === SET_TABLE) return;
  const old = rootOf(arena, e);
  const root = createTableRoot(arena);
  try {
    if (encoding === SET_INTSET) fillFromIntset(arena, root, old);
    else fillFromPacked(arena, root, old);
  } catch (error) {
    freeTableRoot(arena, root);
    throw error;
  }
  setRoot(arena, e, SET_TABLE, root);
  free(arena, old);
}

function fillFromIntset(arena: Arena, root: Ptr, old: Ptr): void {
  const table = TABLE.open(arena, root);
  const count = intsetCount(arena, old);
  for (let i = 0; i < count; i++) {
    intsetGet(arena, old, i);
    const len = writeInt64(TEXT, 0, integer.hi, integer.lo);
    addNew(arena, table, TEXT, TEXT_VIEW, 0, len);
  }
}

function fillFromPacked(arena: Arena, root: Ptr, old: Ptr): void {
  const table = TABLE.open(arena, root);
  const u8 = bytesOf(arena, old);
  const dv = viewOf(arena, old);
  for (let p = lpFirst(arena, old); p !== 0; p = lpNext(u8, p)) {
    lpBytes(u8, dv, p);
    addNew(arena, table, item.u8, item.dv, item.off, item.len);
  }
}

function addNew(arena: Arena, table: ElementTable, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  const el = createMember(arena, u8, dv, off, len, false, 0);
  try {
    addElement(table, el);
  } catch (error) {
    freeElement(arena, el);
    throw error;
  }
}

// ---- removing

/** Removes the member of `len` bytes at `off`; false when it was not there. The set may be empty then. */
// hot: every SREM
export function setRemove(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const root = rootOf(arena, e);
  switch (entryEncoding(arena, e)) {
    case SET_INTSET: {
      if (!isInteger(u8, off, len) || !intsetFind(arena, root, int64.hi, int64.lo)) return false;
      const next = intsetRemove(arena, root);
      if (next !== root) moveRoot(arena, e, next);
      return true;
    }
    case SET_PACKED: {
      const p = lpFind(arena, root, lpFirst(arena, root), u8, off, len, 0);
      if (p === 0) return false;
      const next = lpDelete(arena, root, p, 1);
      if (next !== root) moveRoot(arena, e, next);
      return true;
    }
    default: {
      const table = TABLE.open(arena, root);
      const el = table.find(u8, dv, off, len);
      if (el === NULL) return false;
      table.remove();
      freeElement(arena, el);
      return true;
    }
  }
}
