/**
 * A listpack in a cell of its own: Redis's form byte for byte, so a packed value is its own RDB encoding.
 *
 *     | total bytes:4 | entries:2 | entry ... | FF |      `entries` 65535: unknown, count them
 *
 * An edit may move the cell: it returns the Ptr, and `edited.p` is where the written entry is, or the entry after the
 * deleted ones (0 at the end). Positions are absolute offsets in the view of the cell's segment.
 *
 * Invariants: (1) lease held; (2) total bytes <= the cell's size <= CELL_BYTES_MAX: the caller asks `lpRoom` first and
 * chooses another encoding; (3) the bytes given to an edit do not lie in the same listpack.
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { Arena } from '../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf, wordAt, wordIndex } from '../../shared/memory/cell.js';
import { copyBytes, copyWords, moveMany, moveUp } from '../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../shared/memory/slab.js';
import { int64 } from '../../shared/numbers/int64.js';
import {
  item,
  LP_END,
  lpClassify,
  lpEntryBytes,
  lpIntBytes,
  lpPrevOf,
  lpRead,
  lpSize,
  lpWrite,
  lpWriteInt,
} from './listpack-entry.js';

/** Bytes before the first entry. */
export const LP_HEAD_BYTES = 6;
/** Bytes of a listpack without entries. */
export const LP_EMPTY_BYTES = 7;
const COUNT_UNKNOWN = 65535;
/** No string that begins above this character is an integer. */
const NINE = 57;

/** Where the last edit left its mark. */
export const edited = { p: 0 };

/** A new empty listpack in a cell with room for `bytes` in all. Throws ArenaFullError. */
export function lpCreate(arena: Arena, bytes: number): Ptr {
  const ptr = alloc(arena, bytes < 16 ? 16 : bytes);
  const u8 = bytesOf(arena, ptr);
  const at = byteIndex(ptr);
  setHead(u8, at, LP_EMPTY_BYTES, 0);
  u8[at + LP_HEAD_BYTES] = LP_END;
  return ptr;
}

/** A listpack with the given bytes, which are one (validated) already. @requires len <= CELL_BYTES_MAX */
export function lpFrom(arena: Arena, u8: Uint8Array, off: number, len: number): Ptr {
  invariant(len <= CELL_BYTES_MAX, 'len <= CELL_BYTES_MAX');
  const ptr = alloc(arena, len < 16 ? 16 : len);
  copyBytes(bytesOf(arena, ptr), byteIndex(ptr), u8, off, len);
  return ptr;
}

function setHead(u8: Uint8Array, at: number, total: number, count: number): void {
  u8[at] = total & 255;
  u8[at + 1] = (total >> 8) & 255;
  u8[at + 2] = total >> 16;
  u8[at + 3] = 0;
  u8[at + 4] = count & 255;
  u8[at + 5] = count >> 8;
}

/** Bytes of the listpack. */
export function lpTotal(arena: Arena, ptr: Ptr): number {
  return wordAt(arena, ptr, 0);
}

/** Number of entries. O(1) below 65535 entries, which no cell reaches in practice. */
export function lpCount(arena: Arena, ptr: Ptr): number {
  const count = wordAt(arena, ptr, 1) & 0xffff;
  if (count !== COUNT_UNKNOWN) return count;
  let n = 0;
  const u8 = bytesOf(arena, ptr);
  for (let p = byteIndex(ptr) + LP_HEAD_BYTES; u8[p] !== LP_END; p += lpSize(u8, p)) n++;
  return n;
}

/** The first entry, 0 when there is none. */
export function lpFirst(arena: Arena, ptr: Ptr): number {
  const p = byteIndex(ptr) + LP_HEAD_BYTES;
  return bytesOf(arena, ptr)[p] === LP_END ? 0 : p;
}

/** The entry behind the one at `p`, 0 at the end. */
export function lpNext(u8: Uint8Array, p: number): number {
  p += lpSize(u8, p);
  return u8[p] === LP_END ? 0 : p;
}

/** The entry before the one at `p`, 0 at the beginning. */
export function lpPrev(arena: Arena, ptr: Ptr, p: number): number {
  if (p === byteIndex(ptr) + LP_HEAD_BYTES) return 0;
  return lpPrevOf(bytesOf(arena, ptr), p);
}

/** The entry at `index`, counted from the end when negative; 0 when there is none. */
export function lpSeek(arena: Arena, ptr: Ptr, index: number): number {
  const count = lpCount(arena, ptr);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return 0;
  const u8 = bytesOf(arena, ptr);
  if (index * 2 < count) {
    let p = byteIndex(ptr) + LP_HEAD_BYTES;
    while (index-- > 0) p += lpSize(u8, p);
    return p;
  }
  let p = byteIndex(ptr) + lpTotal(arena, ptr) - 1;
  for (let left = count - index; left > 0; left--) p = lpPrevOf(u8, p);
  return p;
}

/**
 * The first entry equal to the string of `len` bytes at `off` of `b`, looking at `p` and then at each entry behind
 * `skip` others; 0 when there is none. hot: every lookup in a packed value.
 * @requires `p` at an entry, or 0 for an empty listpack
 */
export function lpFind(
  arena: Arena,
  ptr: Ptr,
  p: number,
  b: Uint8Array,
  off: number,
  len: number,
  skip: number,
): number {
  if (p === 0) return 0;
  const u8 = bytesOf(arena, ptr);
  const wantInt = lpClassify(b, off, len);
  const hi = wantInt ? int64.hi : 0;
  const lo = wantInt ? int64.lo : 0;
  const first = len > 0 ? b[off]! : 0;
  for (;;) {
    const head = u8[p]!;
    if (head >= 0x80 && head < 0xc0) {
      // The most usual case, a string of up to 63 bytes: no call.
      if (
        !wantInt &&
        (head & 63) === len &&
        (len === 0 || (u8[p + 1] === first && sameBytes(u8, p + 1, b, off, len)))
      ) {
        return p;
      }
      p += 2 + (head & 63);
    } else {
      lpRead(u8, p);
      if (item.isInt) {
        if (wantInt && item.lo === lo && item.hi === hi) return p;
      } else if (!wantInt && item.len === len && sameBytes(u8, item.off, b, off, len)) return p;
      p += lpSize(u8, p);
    }
    for (let i = skip; i > 0 && u8[p] !== LP_END; i--) p += lpSize(u8, p);
    if (u8[p] === LP_END) return 0;
  }
}

/** Whether `len` bytes are equal; names differ near their ends most often. */
export function sameBytes(a: Uint8Array, at: number, b: Uint8Array, off: number, len: number): boolean {
  for (let i = len - 1; i >= 0; i--) if (a[at + i] !== b[off + i]) return false;
  return true;
}

/** Whether `extra` more bytes fit into a cell. */
export function lpRoom(arena: Arena, ptr: Ptr, extra: number): boolean {
  return lpTotal(arena, ptr) + extra <= CELL_BYTES_MAX;
}

/**
 * Makes `add` bytes in the place of `remove` bytes at `p` (0: at the end), and the head say so. Returns the cell;
 * `edited.p` is where the bytes go. `spare`: bytes for which a cell is to have room when it must be another.
 */
function splice(arena: Arena, ptr: Ptr, p: number, remove: number, add: number, entries: number, spare: number): Ptr {
  const segment = segmentOf(ptr);
  let base = byteIndex(ptr);
  let u8 = arena.u8[segment]!;
  const total = lpTotal(arena, ptr);
  const offset = p === 0 ? total - 1 : p - base;
  const next = total - remove + add;
  const counted = arena.i32[segment]![wordIndex(ptr) + 1]! & 0xffff;
  let count = counted + entries;
  if (counted === COUNT_UNKNOWN) count = COUNT_UNKNOWN;
  else if (count > COUNT_UNKNOWN) count = COUNT_UNKNOWN;
  const capacity = cellBytes(arena, ptr);
  if (next <= capacity && next >= capacity >> 1) {
    arena.touch(ptr, 0, next > total ? next : total);
    shift(u8, arena.dv[segment]!, base + offset + remove, add - remove, total - offset - remove);
  } else if (next <= capacity && capacity <= 32) {
    arena.touch(ptr, 0, capacity);
    shift(u8, arena.dv[segment]!, base + offset + remove, add - remove, total - offset - remove);
  } else {
    const bytes = next + spare;
    const moved = alloc(arena, bytes < 16 ? 16 : bytes > CELL_BYTES_MAX ? CELL_BYTES_MAX : bytes);
    const to = bytesOf(arena, moved);
    const toView = viewOf(arena, moved);
    const view = arena.dv[segment]!;
    const at = byteIndex(moved);
    copyWords(to, toView, at, u8, view, base, offset);
    copyWords(to, toView, at + offset + add, u8, view, base + offset + remove, total - offset - remove);
    free(arena, ptr);
    ptr = moved;
    base = at;
    u8 = to;
  }
  setHead(u8, base, next, count);
  edited.p = base + offset;
  return ptr;
}

/** Moves `len` bytes at `at` by `by` bytes, up or down. */
function shift(u8: Uint8Array, dv: DataView, at: number, by: number, len: number): void {
  if (by > 0) moveUp(u8, dv, at, by, len);
  else if (by < 0) moveMany(u8, at + by, at, len);
}

/**
 * Adds two strings at the end, the value behind its name. A cell that is too small is left for one with room for
 * `spare` bytes more. Throws ArenaFullError. @requires lpRoom
 */
// hot: HSET of a new field
export function lpAppendTwo(
  arena: Arena,
  ptr: Ptr,
  a: Uint8Array,
  aView: DataView,
  aOff: number,
  aLen: number,
  b: Uint8Array,
  bView: DataView,
  bOff: number,
  bLen: number,
  spare: boolean,
): Ptr {
  const add = lpEntryBytes(a, aOff, aLen) + lpEntryBytes(b, bOff, bLen);
  const total = lpTotal(arena, ptr);
  const next = total + add;
  if (next > cellBytes(arena, ptr)) ptr = moveOn(arena, ptr, total, spare ? next + add : next);
  else if (arena.tracking !== 0) arena.touch(ptr, 0, next);
  const segment = segmentOf(ptr);
  const u8 = arena.u8[segment]!;
  const dv = arena.dv[segment]!;
  const base = byteIndex(ptr);
  const at = writeString(u8, dv, base + total - 1, a, aView, aOff, aLen);
  u8[writeString(u8, dv, at, b, bView, bOff, bLen)] = LP_END;
  arena.i32[segment]![base >> 2] = next;
  const count = (u8[base + 4]! | (u8[base + 5]! << 8)) + 2;
  const counted = count > COUNT_UNKNOWN ? COUNT_UNKNOWN : count;
  u8[base + 4] = counted & 255;
  u8[base + 5] = counted >> 8;
  return ptr;
}

/** A cell of `bytes` bytes, if there are such, with the listpack in `ptr`, which is freed. */
function moveOn(arena: Arena, ptr: Ptr, total: number, bytes: number): Ptr {
  const moved = alloc(arena, bytes < CELL_BYTES_MAX ? bytes : CELL_BYTES_MAX);
  const from = segmentOf(ptr);
  const to = segmentOf(moved);
  const at = byteIndex(moved);
  copyWords(arena.u8[to]!, arena.dv[to]!, at, arena.u8[from]!, arena.dv[from]!, byteIndex(ptr), total);
  free(arena, ptr);
  return moved;
}

/** Writes a string as an entry, whichever way it is encoded; returns the offset behind it. */
function writeString(
  u8: Uint8Array,
  dv: DataView,
  at: number,
  b: Uint8Array,
  view: DataView,
  off: number,
  len: number,
): number {
  if (len >= 64 || len === 0 || b[off]! <= NINE) {
    lpEntryBytes(b, off, len);
    return lpWrite(u8, at, b, off, len);
  }
  u8[at] = 0x80 | len;
  copyWords(u8, dv, at + 1, b, view, off, len);
  u8[at + 1 + len] = len + 1;
  return at + len + 2;
}

/** Inserts a string before the entry at `p`, at the end when `p` is 0. Throws ArenaFullError. @requires lpRoom */
export function lpInsert(arena: Arena, ptr: Ptr, p: number, b: Uint8Array, off: number, len: number): Ptr {
  ptr = splice(arena, ptr, p, 0, lpEntryBytes(b, off, len), 1, 0);
  lpWrite(bytesOf(arena, ptr), edited.p, b, off, len);
  return ptr;
}

/** Adds a string at the end. As `lpInsert`. */
export function lpAppend(arena: Arena, ptr: Ptr, b: Uint8Array, off: number, len: number): Ptr {
  return lpInsert(arena, ptr, 0, b, off, len);
}

/** Stores a string in the place of the entry at `p`. As `lpInsert`. */
export function lpReplace(arena: Arena, ptr: Ptr, p: number, b: Uint8Array, off: number, len: number): Ptr {
  const old = lpSize(bytesOf(arena, ptr), p);
  ptr = splice(arena, ptr, p, old, lpEntryBytes(b, off, len), 0, 0);
  lpWrite(bytesOf(arena, ptr), edited.p, b, off, len);
  return ptr;
}

/** Stores an integer in the place of the entry at `p`. As `lpInsert`. */
export function lpReplaceInt(arena: Arena, ptr: Ptr, p: number, hi: number, lo: number): Ptr {
  const old = lpSize(bytesOf(arena, ptr), p);
  ptr = splice(arena, ptr, p, old, lpIntBytes(hi, lo), 0, 0);
  lpWriteInt(bytesOf(arena, ptr), edited.p, hi, lo);
  return ptr;
}

/** Deletes `n` entries from the one at `p` on. @requires so many are there */
export function lpDelete(arena: Arena, ptr: Ptr, p: number, n: number): Ptr {
  invariant(n >= 0 && n <= lpCount(arena, ptr), 'so many entries are there');
  const u8 = bytesOf(arena, ptr);
  let end = p;
  for (let i = 0; i < n; i++) end += lpSize(u8, end);
  ptr = splice(arena, ptr, p, end - p, 0, -n, 0);
  if (bytesOf(arena, ptr)[edited.p] === LP_END) edited.p = 0;
  return ptr;
}

/**
 * Stores `len` bytes that are `entries` whole encoded entries already (`lpWrite`) in the place of the `remove` bytes of
 * `removed` entries at `p`, 0: the end. All or nothing, where several calls might stop in between; otherwise as
 * `lpInsert`. `spare`: bytes for which there shall be room, should the cell be another one then.
 */
export function lpSplice(
  arena: Arena,
  ptr: Ptr,
  p: number,
  remove: number,
  removed: number,
  raw: Uint8Array,
  off: number,
  len: number,
  entries: number,
  spare = 0,
): Ptr {
  ptr = splice(arena, ptr, p, remove, len, entries - removed, spare);
  copyBytes(bytesOf(arena, ptr), edited.p, raw, off, len);
  return ptr;
}
