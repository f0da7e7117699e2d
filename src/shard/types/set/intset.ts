/**
 * A set of integers in one cell, in Redis's intset layout, so that the cell's bytes are its RDB encoding:
 *
 *     | width:4 (2, 4 or 8) | count:4 | integers of `width` bytes, ascending, little-endian |
 *
 * The first integer that needs more bytes widens all of them; nothing narrows them again. Integers of 64 bits are
 * handled as two halves of 32, so nothing is allocated.
 *
 * Invariants: (1) lease held; (2) the integers ascend strictly; (3) 8 + count * width <= the cell's size <=
 * CELL_BYTES_MAX: who adds asks `intsetFits` first; (4) `place` and `integer` hold until the next call here; (5) the
 * cell is aligned to 8 bytes, so integers of 32 and 64 bits are read as whole words.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyBytes, moveMany } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../../shared/memory/slab.js';

/** Bytes before the first integer. */
export const INTSET_HEAD_BYTES = 8;
const HEAD_WORDS = 2;
const W16 = 2;
const W32 = 4;
const W64 = 8;
const CELL_BYTES_MIN = 16;

/** A 64-bit integer as two signed halves. */
class Integer {
  hi = 0;
  lo = 0;
}

/** What the last `intsetGet` read. */
export const integer = new Integer();

/** Where the last `intsetFind` found its integer, or where it would stand. */
let place = 0;

/** A new empty intset. Throws ArenaFullError. */
export function intsetCreate(arena: Arena): Ptr {
  const ptr = alloc(arena, CELL_BYTES_MIN);
  const i32 = wordsOf(arena, ptr);
  const w = wordIndex(ptr);
  i32[w] = W16;
  i32[w + 1] = 0;
  return ptr;
}

/** An intset with the given bytes, which are one (validated) already. @requires len <= CELL_BYTES_MAX */
export function intsetFrom(arena: Arena, u8: Uint8Array, off: number, len: number): Ptr {
  invariant(len <= CELL_BYTES_MAX, 'len <= CELL_BYTES_MAX');
  const ptr = alloc(arena, Math.max(CELL_BYTES_MIN, len));
  copyBytes(bytesOf(arena, ptr), byteIndex(ptr), u8, off, len);
  return ptr;
}

/** Number of integers. */
export function intsetCount(arena: Arena, ptr: Ptr): number {
  return wordAt(arena, ptr, 1);
}

/** Bytes of the intset, head included. */
export function intsetBytes(arena: Arena, ptr: Ptr): number {
  const i32 = wordsOf(arena, ptr);
  const w = wordIndex(ptr);
  return INTSET_HEAD_BYTES + i32[w]! * i32[w + 1]!;
}

/** Bytes that an integer needs. */
function widthOf(hi: number, lo: number): number {
  if (hi !== lo >> 31) return W64;
  return lo >= -32768 && lo <= 32767 ? W16 : W32;
}

/** Whether one more integer fits into a cell. */
export function intsetFits(arena: Arena, ptr: Ptr, hi: number, lo: number): boolean {
  const i32 = wordsOf(arena, ptr);
  const w = wordIndex(ptr);
  const needed = widthOf(hi, lo);
  const width = Math.max(needed, i32[w]!);
  return INTSET_HEAD_BYTES + (i32[w + 1]! + 1) * width <= CELL_BYTES_MAX;
}

/** Reads the integer at `index` into `integer`. @requires index < count */
export function intsetGet(arena: Arena, ptr: Ptr, index: number): void {
  invariant(index >= 0 && index < intsetCount(arena, ptr), 'index < count');
  const segment = segmentOf(ptr);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(ptr);
  const width = i32[w]!;
  if (width === W64) {
    integer.lo = i32[w + HEAD_WORDS + 2 * index]!;
    integer.hi = i32[w + HEAD_WORDS + 2 * index + 1]!;
    return;
  }
  const lo =
    width === W32
      ? i32[w + HEAD_WORDS + index]!
      : arena.dv[segment]!.getInt16((w << 2) + INTSET_HEAD_BYTES + 2 * index, true);
  integer.lo = lo;
  integer.hi = lo >> 31;
}

/** Order of the integer at `index` and one given as halves: below, equal to or above 0. */
function compareAt(arena: Arena, ptr: Ptr, index: number, hi: number, lo: number): number {
  intsetGet(arena, ptr, index);
  if (integer.hi !== hi) return integer.hi < hi ? -1 : 1;
  const a = integer.lo >>> 0;
  const b = lo >>> 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether the integer is there; remembers its place, or the one where it belongs. */
// hot: every command on an intset
export function intsetFind(arena: Arena, ptr: Ptr, hi: number, lo: number): boolean {
  const segment = segmentOf(ptr);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(ptr);
  const width = i32[w]!;
  const count = i32[w + 1]!;
  if (widthOf(hi, lo) > width) {
    place = hi < 0 ? 0 : count;
    return false;
  }
  let low = 0;
  let high = count;
  if (width === W64) {
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareAt(arena, ptr, middle, hi, lo);
      if (order === 0) {
        place = middle;
        return true;
      }
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    place = low;
    return false;
  }
  const dv = arena.dv[segment]!;
  const base = (w << 2) + INTSET_HEAD_BYTES;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const there = width === W32 ? i32[w + HEAD_WORDS + middle]! : dv.getInt16(base + 2 * middle, true);
    if (there === lo) {
      place = middle;
      return true;
    }
    if (there < lo) low = middle + 1;
    else high = middle;
  }
  place = low;
  return false;
}

/** Stores an integer at `index` of the cell. @requires announced or new, and it fits the width */
function put(arena: Arena, ptr: Ptr, width: number, index: number, hi: number, lo: number): void {
  const segment = segmentOf(ptr);
  const w = wordIndex(ptr);
  if (width === W16) {
    arena.dv[segment]!.setInt16((w << 2) + INTSET_HEAD_BYTES + 2 * index, lo, true);
    return;
  }
  const i32 = arena.i32[segment]!;
  if (width === W32) i32[w + HEAD_WORDS + index] = lo;
  else {
    i32[w + HEAD_WORDS + 2 * index] = lo;
    i32[w + HEAD_WORDS + 2 * index + 1] = hi;
  }
}

/**
 * Adds the integer that the last `intsetFind` did not find. Returns the cell, which may have moved. Throws
 * ArenaFullError, and nothing has changed then. @requires intsetFits
 */
// hot: every SADD to an intset
export function intsetAdd(arena: Arena, ptr: Ptr, hi: number, lo: number): Ptr {
  invariant(intsetFits(arena, ptr, hi, lo), 'intsetFits');
  const segment = segmentOf(ptr);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(ptr);
  const width = i32[w]!;
  const count = i32[w + 1]!;
  if (widthOf(hi, lo) > width) return widen(arena, ptr, hi, lo);
  const bytes = INTSET_HEAD_BYTES + (count + 1) * width;
  const u8 = arena.u8[segment]!;
  const at = w << 2;
  const gap = at + INTSET_HEAD_BYTES + place * width;
  const end = at + bytes - width;
  if (bytes <= cellBytes(arena, ptr)) {
    if (arena.tracking !== 0) arena.touch(ptr, 0, bytes);
    if (gap < end) moveMany(u8, gap + width, gap, end - gap);
    i32[w + 1] = count + 1;
    put(arena, ptr, width, place, hi, lo);
    return ptr;
  }
  const moved = alloc(arena, bytes);
  const to = bytesOf(arena, moved);
  const start = byteIndex(moved);
  copyBytes(to, start, u8, at, gap - at);
  copyBytes(to, start + (gap - at) + width, u8, gap, end - gap);
  wordsOf(arena, moved)[(start >> 2) + 1] = count + 1;
  put(arena, moved, width, place, hi, lo);
  free(arena, ptr);
  return moved;
}

/** All integers with more bytes each, and the one that needs them: it stands at one of the two ends. */
function widen(arena: Arena, ptr: Ptr, hi: number, lo: number): Ptr {
  const count = intsetCount(arena, ptr);
  const width = widthOf(hi, lo);
  const moved = alloc(arena, Math.max(CELL_BYTES_MIN, INTSET_HEAD_BYTES + (count + 1) * width));
  const i32 = wordsOf(arena, moved);
  const w = wordIndex(moved);
  i32[w] = width;
  i32[w + 1] = count + 1;
  const first = hi < 0 ? 1 : 0;
  for (let i = 0; i < count; i++) {
    intsetGet(arena, ptr, i);
    put(arena, moved, width, i + first, integer.hi, integer.lo);
  }
  put(arena, moved, width, hi < 0 ? 0 : count, hi, lo);
  free(arena, ptr);
  return moved;
}

/** Removes the integer that the last `intsetFind` found. Returns the cell, which may have moved. */
export function intsetRemove(arena: Arena, ptr: Ptr): Ptr {
  return intsetRemoveAt(arena, ptr, place);
}

/** Removes the integer at `index`. Returns the cell, which may have moved. Throws ArenaFullError. */
export function intsetRemoveAt(arena: Arena, ptr: Ptr, index: number): Ptr {
  const segment = segmentOf(ptr);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(ptr);
  const width = i32[w]!;
  const count = i32[w + 1]! - 1;
  const u8 = arena.u8[segment]!;
  const at = w << 2;
  const bytes = INTSET_HEAD_BYTES + count * width;
  const gap = at + INTSET_HEAD_BYTES + index * width;
  const capacity = cellBytes(arena, ptr);
  if (bytes >= capacity >> 1 || capacity <= 2 * CELL_BYTES_MIN) {
    if (arena.tracking !== 0) arena.touch(ptr, 0, bytes + width);
    moveMany(u8, gap, gap + width, at + bytes - gap);
    i32[w + 1] = count;
    return ptr;
  }
  const moved = alloc(arena, Math.max(CELL_BYTES_MIN, bytes));
  const to = bytesOf(arena, moved);
  const start = byteIndex(moved);
  copyBytes(to, start, u8, at, gap - at);
  copyBytes(to, start + (gap - at), u8, gap + width, at + bytes - gap);
  wordsOf(arena, moved)[(start >> 2) + 1] = count;
  free(arena, ptr);
  return moved;
}

/** A copy without the integers at the indexes i for which `out[i]` is not 0. Throws ArenaFullError. */
export function intsetWithout(arena: Arena, ptr: Ptr, out: Uint8Array): Ptr {
  const count = intsetCount(arena, ptr);
  let kept = 0;
  for (let i = 0; i < count; i++) if (out[i] === 0) kept++;
  const width = wordAt(arena, ptr, 0);
  const copy = alloc(arena, Math.max(CELL_BYTES_MIN, INTSET_HEAD_BYTES + kept * width));
  const i32 = wordsOf(arena, copy);
  const w = wordIndex(copy);
  i32[w] = width;
  i32[w + 1] = kept;
  kept = 0;
  for (let i = 0; i < count; i++) {
    if (out[i] !== 0) continue;
    intsetGet(arena, ptr, i);
    put(arena, copy, width, kept++, integer.hi, integer.lo);
  }
  return copy;
}
