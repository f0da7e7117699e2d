/**
 * Small hashes: one listpack of pairs (HASH_PACKED), or, once a field has had a time of expiry, of triples
 * (HASH_PACKED_EX, which OBJECT ENCODING calls "listpackex"):
 *
 *     field value field value ...
 *     field value at field value at ...      `at`: unix ms, 0 when the field stays
 *
 * Triples are in ascending order of their times, those that stay last, as Redis keeps them: the first one tells when
 * the hash has something due, and the listpack is its own RDB encoding.
 *
 * Invariants: (1) lease held; (2) an edit is one splice, so running out of memory leaves the old state; (3) `p` of a
 * field is an absolute offset, void after the next edit; (4) who gets a Ptr back stores it (`moveRoot`).
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import { copyBytes, moveMany } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, setInt64 } from '../../../shared/numbers/int64.js';
import {
  edited,
  LP_EMPTY_BYTES,
  LP_HEAD_BYTES,
  lpAppendTwo,
  lpCount,
  lpCreate,
  lpReplaceInt,
  lpSplice,
  lpTotal,
} from '../../structures/listpack.js';
import { item, LP_END, lpEntryBytes, lpRead, lpSize, lpWrite, lpWriteInt } from '../../structures/listpack-entry.js';

/** Entries of a field in each encoding. */
export const PAIR = 2;
export const TRIPLE = 3;
/** Bytes that an entry takes beyond its text at most: head and backlen, or a time with both. */
export const ENTRY_OVERHEAD = 10;
/** A hash that gets another field when it has this many entries will get more: room for one is left. */
const GROWING_ENTRIES = 4;
/** `at` of a field that stays. */
const STAYS = 0;

const RAW = new Uint8Array(CELL_BYTES_MAX);

/** Whether a field with its value, of so many bytes together, can be added to the listpack or changed in it. */
export function packedRoom(arena: Arena, root: Ptr, bytes: number): boolean {
  return lpTotal(arena, root) + bytes + 3 * ENTRY_OVERHEAD <= CELL_BYTES_MAX;
}

/**
 * Adds a field that is not there: a pair, or a triple that stays. Returns the listpack. Throws ArenaFullError.
 * @requires packedRoom
 */
export function packedAppend(
  arena: Arena,
  root: Ptr,
  stride: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
): Ptr {
  if (stride === PAIR) {
    const spare = lpCount(arena, root) >= GROWING_ENTRIES;
    return lpAppendTwo(arena, root, u8, dv, off, len, vu8, vdv, voff, vlen, spare);
  }
  lpEntryBytes(u8, off, len);
  let at = lpWrite(RAW, 0, u8, off, len);
  lpEntryBytes(vu8, voff, vlen);
  at = lpWrite(RAW, at, vu8, voff, vlen);
  at = lpWriteInt(RAW, at, 0, STAYS);
  return lpSplice(arena, root, 0, 0, 0, RAW, 0, at, stride);
}

/** Time of expiry of the triple at `p`, 0 when it stays. */
export function tripleAt(u8: Uint8Array, p: number): number {
  p += lpSize(u8, p);
  lpRead(u8, p + lpSize(u8, p));
  return item.num;
}

/** The earliest time of expiry in a listpack of triples; Infinity when there is none. */
export function packedNextAt(arena: Arena, root: Ptr): number {
  const u8 = bytesOf(arena, root);
  const p = byteIndex(root) + LP_HEAD_BYTES;
  if (u8[p] === LP_END) return Number.POSITIVE_INFINITY;
  const at = tripleAt(u8, p);
  return at === STAYS ? Number.POSITIVE_INFINITY : at;
}

/** How many of the triples expire before `nowMs`. */
export function packedDue(arena: Arena, root: Ptr, nowMs: number): number {
  const u8 = bytesOf(arena, root);
  let n = 0;
  for (let p = byteIndex(root) + LP_HEAD_BYTES; u8[p] !== LP_END; n++) {
    for (let i = 1; i < TRIPLE; i++) p += lpSize(u8, p);
    lpRead(u8, p);
    if (item.num === STAYS || item.num >= nowMs) break;
    p += lpSize(u8, p);
  }
  return n;
}

/**
 * Gives the triple at `p` another time (0: it stays) and moves it to where that belongs. Returns the listpack. Throws
 * ArenaFullError, and nothing has changed then.
 */
export function packedSetAt(arena: Arena, root: Ptr, p: number, atMs: number): Ptr {
  let u8 = bytesOf(arena, root);
  const base = byteIndex(root);
  const offset = p - base;
  let time = p + lpSize(u8, p);
  time += lpSize(u8, time);
  setInt64(atMs);
  root = lpReplaceInt(arena, root, time, int64.hi, int64.lo);
  u8 = bytesOf(arena, root);
  const start = byteIndex(root) + offset;
  const end = edited.p + lpSize(u8, edited.p);
  const target = placeOf(u8, byteIndex(root) + LP_HEAD_BYTES, start, atMs);
  arena.touch(root, 0, lpTotal(arena, root));
  rotate(u8, start, end, target);
  return root;
}

/** Where a triple with time `atMs` belongs: before the first other one that goes later or stays, or at the end. */
function placeOf(u8: Uint8Array, p: number, own: number, atMs: number): number {
  while (u8[p] !== LP_END) {
    const value = p + lpSize(u8, p);
    const time = value + lpSize(u8, value);
    if (p !== own && atMs !== STAYS) {
      lpRead(u8, time);
      if (item.num === STAYS || item.num > atMs) return p;
    }
    p = time + lpSize(u8, time);
  }
  return p;
}

/** Moves the bytes [start, end) before those at `target`, which lies outside of them. */
function rotate(u8: Uint8Array, start: number, end: number, target: number): void {
  const n = end - start;
  if (target === start || target === end) return;
  copyBytes(RAW, 0, u8, start, n);
  if (target > end) {
    moveMany(u8, start, end, target - end);
    copyBytes(u8, target - n, RAW, 0, n);
  } else {
    moveMany(u8, target + n, target, start - target);
    copyBytes(u8, target, RAW, 0, n);
  }
}

/** Deletes the first `n` triples. Returns the listpack. Throws ArenaFullError. */
export function packedDropFirst(arena: Arena, root: Ptr, n: number): Ptr {
  const u8 = bytesOf(arena, root);
  const first = byteIndex(root) + LP_HEAD_BYTES;
  let p = first;
  for (let k = n * TRIPLE; k > 0; k--) p += lpSize(u8, p);
  return lpSplice(arena, root, first, p - first, n * TRIPLE, RAW, 0, 0, 0);
}

/**
 * A listpack of triples that stay with the pairs of `root`, which is the caller's; 0 when they and a time would not fit
 * into a cell. Throws ArenaFullError.
 */
export function triplesFromPairs(arena: Arena, root: Ptr): Ptr {
  const u8 = bytesOf(arena, root);
  let p = byteIndex(root) + LP_HEAD_BYTES;
  let at = 0;
  let entries = 0;
  while (u8[p] !== LP_END) {
    const value = p + lpSize(u8, p);
    const end = value + lpSize(u8, value);
    if (at + (end - p) + 3 * ENTRY_OVERHEAD > CELL_BYTES_MAX) return NULL;
    copyBytes(RAW, at, u8, p, end - p);
    at = lpWriteInt(RAW, at + (end - p), 0, STAYS);
    entries += TRIPLE;
    p = end;
  }
  const ptr = lpCreate(arena, LP_EMPTY_BYTES + at);
  return lpSplice(arena, ptr, 0, 0, 0, RAW, 0, at, entries);
}
