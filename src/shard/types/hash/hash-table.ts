/**
 * Big hashes: an element table (structures/element-table.ts) whose elements are fields with their values, and, for
 * those that expire, a tree of their times (hash-times.ts).
 *
 * An element has a number exactly when its field expires: the unix time in ms. Then it is in the tree under that
 * number, too.
 *
 * Invariants: (1) lease held; (2) calls that take a found element follow `openTable(...).find` of its name, so the
 * table's cursor stands there; (3) nothing is half done when memory runs out.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import {
  copyWithNumber,
  createPair,
  elementName,
  elementNumber,
  freeElement,
  hasNumber,
  name,
  setElementValue,
  withNumber,
} from '../../structures/element.js';
import { addElement, createTableRoot, ElementTable } from '../../structures/element-table.js';
import { giveUp } from '../../structures/garbage.js';
import { lpFirst, lpNext } from '../../structures/listpack.js';
import { item, lpBytes, lpRead, lpSize } from '../../structures/listpack-entry.js';
import { TRIPLE } from './hash-packed.js';
import { HASH_GARBAGE, timesAdd, timesMove, timesNextAt, timesRemove, timesSwap } from './hash-times.js';

const TABLE = new ElementTable();
const BUILT = new ElementTable();

/** The table of a root: one view for all, valid until the next call. */
export function openTable(arena: Arena, root: Ptr): ElementTable {
  return TABLE.open(arena, root);
}

/** A root with no fields. Throws ArenaFullError. */
export function createHashTable(arena: Arena): Ptr {
  return createTableRoot(arena);
}

/** Adds the field that the last `find` did not find. Throws ArenaFullError. */
// hot: HSET of a new field
export function tableAdd(
  arena: Arena,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
): void {
  const el = createPair(arena, u8, dv, off, len, vu8, vdv, voff, vlen, false, 0);
  try {
    TABLE.insert(el);
  } catch (error) {
    freeElement(arena, el);
    throw error;
  }
}

/**
 * Gives the found field another value; its time of expiry stays with `keepTime`, else it goes. Returns whether one
 * went. Throws ArenaFullError.
 */
// hot: HSET of a field that exists
export function tableOverwrite(
  arena: Arena,
  root: Ptr,
  el: Ptr,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
  keepTime: boolean,
): boolean {
  if (hasNumber(arena, el)) return overwriteTimed(arena, root, el, vu8, vdv, voff, vlen, keepTime);
  const next = setElementValue(arena, el, vu8, vdv, voff, vlen);
  if (next !== el) TABLE.replace(next);
  return false;
}

/** As `tableOverwrite`, for a field that expires: in a new cell, so that nothing is lost when there is no memory. */
function overwriteTimed(
  arena: Arena,
  root: Ptr,
  el: Ptr,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
  keepTime: boolean,
): boolean {
  const atMs = elementNumber(arena, el);
  elementName(arena, el);
  const next = createPair(arena, name.u8, name.dv, name.off, name.len, vu8, vdv, voff, vlen, keepTime, atMs);
  if (keepTime) timesSwap(arena, root, atMs, el, next);
  else timesRemove(arena, root, atMs, el);
  TABLE.replace(next);
  freeElement(arena, el);
  return !keepTime;
}

/** When the element's field expires, unix ms; -1 when it does not. */
export function tableAtMs(arena: Arena, el: Ptr): number {
  return hasNumber(arena, el) ? elementNumber(arena, el) : -1;
}

/** The earliest time of expiry; Infinity when there is none. */
export function tableNextAt(arena: Arena, root: Ptr): number {
  return timesNextAt(arena, root);
}

/** Gives the found field a time of expiry, or with -1 takes it. Returns the element. Throws ArenaFullError. */
export function tableSetAt(arena: Arena, root: Ptr, el: Ptr, atMs: number): Ptr {
  if (!hasNumber(arena, el)) return atMs < 0 ? el : firstTime(arena, root, el, atMs);
  const oldMs = elementNumber(arena, el);
  if (atMs === oldMs) return el;
  if (atMs >= 0) {
    timesMove(arena, root, el, atMs);
    return el;
  }
  timesRemove(arena, root, oldMs, el);
  try {
    const next = withNumber(arena, el, false, 0);
    TABLE.replace(next);
    return next;
  } catch (error) {
    timesAdd(arena, root, oldMs, el);
    throw error;
  }
}

function firstTime(arena: Arena, root: Ptr, el: Ptr, atMs: number): Ptr {
  // Nothing of the hash changes until all memory is there.
  const next = copyWithNumber(arena, el, true, atMs);
  try {
    timesAdd(arena, root, atMs, next);
  } catch (error) {
    free(arena, next);
    throw error;
  }
  TABLE.replace(next);
  free(arena, el);
  return next;
}

/** Deletes the found field. */
export function tableDelete(arena: Arena, root: Ptr, el: Ptr): void {
  if (hasNumber(arena, el)) timesRemove(arena, root, elementNumber(arena, el), el);
  TABLE.remove();
  freeElement(arena, el);
}

/** A table with the fields of a listpack, whose entries come `stride` a field. Throws ArenaFullError. */
export function tableFromPacked(arena: Arena, packed: Ptr, stride: number): Ptr {
  const root = createTableRoot(arena);
  try {
    fillFromPacked(arena, packed, stride, root);
  } catch (error) {
    giveUp(arena, root, HASH_GARBAGE, true);
    throw error;
  }
  return root;
}

function fillFromPacked(arena: Arena, packed: Ptr, stride: number, root: Ptr): void {
  const segment = segmentOf(packed);
  const u8 = arena.u8[segment]!;
  const dv = arena.dv[segment]!;
  const table = BUILT.open(arena, root);
  for (let p = lpFirst(arena, packed); p !== 0; ) {
    const valueAt = p + lpSize(u8, p);
    const timeAt = valueAt + lpSize(u8, valueAt);
    let atMs = 0;
    if (stride === TRIPLE) {
      lpRead(u8, timeAt);
      atMs = item.num;
    }
    const el = elementFromPacked(arena, u8, dv, p, valueAt, atMs);
    try {
      addElement(table, el);
    } catch (error) {
      freeElement(arena, el);
      throw error;
    }
    if (atMs !== 0) timesAdd(arena, root, atMs, el);
    p = lpNext(u8, stride === TRIPLE ? timeAt : valueAt);
  }
}

const DIGITS = new Uint8Array(INT64_CHARS_MAX + 4);
const DIGITS_VIEW = new DataView(DIGITS.buffer);

/** The element of the field at `p` with the value at `valueAt`, of a listpack. */
function elementFromPacked(arena: Arena, u8: Uint8Array, dv: DataView, p: number, valueAt: number, atMs: number): Ptr {
  lpRead(u8, p);
  let field = u8;
  let fieldView = dv;
  let off = item.off;
  let len = item.len;
  if (item.isInt) {
    len = writeInt64(DIGITS, 0, item.hi, item.lo);
    field = DIGITS;
    fieldView = DIGITS_VIEW;
    off = 0;
  }
  lpBytes(u8, dv, valueAt);
  return createPair(arena, field, fieldView, off, len, item.u8, item.dv, item.off, item.len, atMs !== 0, atMs);
}
