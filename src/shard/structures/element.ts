/**
 * An element: one member of a big set, one member with its score of a big sorted set, one field with its value of a big
 * hash. One cell, and blobs for parts beyond PART_INLINE_MAX.
 *
 *     word 0      nameLen:14 | valueLen:14 | flags:4
 *     bytes 4..11 float64 (score, or time of expiry in ms) if E_NUMBER, little-endian, not aligned
 *     then        name bytes, value bytes; not aligned
 *     a part that is a blob stands as | length:4 | directory Ptr:4 |
 *
 * Invariants: (1) lease held; (2) an element belongs to one slot of one table: a caller that gets a new Ptr back from a
 * call here stores it in that slot; (3) `name` and `value` hold until the next call that fills them, or until the cell
 * changes.
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { KeyHasher } from '../../shared/hash.js';
import type { Arena } from '../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { copyBytes, copyWords } from '../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../shared/memory/slab.js';
import type { Reply } from '../../shared/resp/reply.js';
import {
  BLOCK_BYTES,
  blobBlock,
  blobCellBytes,
  blobCopy,
  blobEquals,
  blobFree,
  blobFrom,
  blobRead,
  blobReply,
  blockCount,
} from './blob.js';

/** Longest name or value inside the cell. */
export const PART_INLINE_MAX = 8 * 1024;
export const E_BIG_NAME = 1;
export const E_BIG_VALUE = 2;
export const E_NUMBER = 4;

const LEN_MASK = 0x3fff;
const VALUE_SHIFT = 14;
const FLAGS_SHIFT = 28;
const BLOB_BYTES = 8;
const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/** A place in some bytes; `dv` views the bytes that `u8` views. */
export class ByteSpan {
  u8: Uint8Array = EMPTY;
  dv: DataView = EMPTY_VIEW;
  off = 0;
  len = 0;
}

/** `name` after `elementName`, and `value` after `elementValue`: the bytes that the last call found. */
export const name = new ByteSpan();
export const value = new ByteSpan();

/** Bytes before the name. */
function nameStart(head: number): number {
  return (head & (E_NUMBER << FLAGS_SHIFT)) !== 0 ? 12 : 4;
}

/** A new element without a value; `number` is kept if `numbered`. In no table yet. Throws ArenaFullError. */
export function createMember(
  arena: Arena,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  numbered: boolean,
  number: number,
): Ptr {
  return createPair(arena, u8, dv, off, len, EMPTY, EMPTY_VIEW, 0, 0, numbered, number);
}

/** As `createMember`, with a value of `vlen` bytes at `voff` of `vu8`. */
// hot: every HSET, ZADD, SADD on a big value
export function createPair(
  arena: Arena,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
  numbered: boolean,
  number: number,
): Ptr {
  const bigName = len > PART_INLINE_MAX;
  const bigValue = vlen > PART_INLINE_MAX;
  if (bigName || bigValue) return createBig(arena, u8, off, len, vu8, voff, vlen, numbered, number);
  const start = numbered ? 12 : 4;
  const el = alloc(arena, start + len + vlen < 16 ? 16 : start + len + vlen);
  const segment = segmentOf(el);
  const to = arena.u8[segment]!;
  const view = arena.dv[segment]!;
  const at = byteIndex(el);
  arena.i32[segment]![wordIndex(el)] = len | (vlen << VALUE_SHIFT) | (numbered ? E_NUMBER << FLAGS_SHIFT : 0);
  if (numbered) view.setFloat64(at + 4, number, true);
  copyWords(to, view, at + start, u8, dv, off, len);
  if (vlen > 0) copyWords(to, view, at + start + len, vu8, vdv, voff, vlen);
  return el;
}

function createBig(
  arena: Arena,
  u8: Uint8Array,
  off: number,
  len: number,
  vu8: Uint8Array,
  voff: number,
  vlen: number,
  numbered: boolean,
  number: number,
): Ptr {
  const bigName = len > PART_INLINE_MAX;
  const bigValue = vlen > PART_INLINE_MAX;
  const nameBytes = bigName ? BLOB_BYTES : len;
  const valueBytes = bigValue ? BLOB_BYTES : vlen;
  const start = numbered ? 12 : 4;
  const el = alloc(arena, Math.max(16, start + nameBytes + valueBytes));
  const segment = segmentOf(el);
  const at = byteIndex(el);
  const flags = (bigName ? E_BIG_NAME : 0) | (bigValue ? E_BIG_VALUE : 0) | (numbered ? E_NUMBER : 0);
  arena.i32[segment]![wordIndex(el)] = nameBytes | (valueBytes << VALUE_SHIFT) | (flags << FLAGS_SHIFT);
  if (numbered) arena.dv[segment]!.setFloat64(at + 4, number, true);
  let named = false;
  try {
    writePart(arena, el, at + start, bigName, u8, off, len);
    named = true;
    writePart(arena, el, at + start + nameBytes, bigValue, vu8, voff, vlen);
  } catch (error) {
    if (named && bigName) freeBlobAt(arena, el, at + start);
    free(arena, el);
    throw error;
  }
  return el;
}

function writePart(arena: Arena, el: Ptr, at: number, big: boolean, u8: Uint8Array, off: number, len: number): void {
  const segment = segmentOf(el);
  if (!big) {
    copyBytes(arena.u8[segment]!, at, u8, off, len);
    return;
  }
  const dir = blobFrom(arena, u8, off, len);
  arena.dv[segment]!.setInt32(at, len, true);
  arena.dv[segment]!.setInt32(at + 4, dir, true);
}

/** First word of an element: lengths and flags. */
function headOf(arena: Arena, el: Ptr): number {
  return wordAt(arena, el, 0);
}

/** Whether the element has a number. */
export function hasNumber(arena: Arena, el: Ptr): boolean {
  return (headOf(arena, el) & (E_NUMBER << FLAGS_SHIFT)) !== 0;
}

/** The element's number. @requires it has one */
export function elementNumber(arena: Arena, el: Ptr): number {
  invariant(hasNumber(arena, el), 'the element has a number');
  return viewOf(arena, el).getFloat64(byteIndex(el) + 4, true);
}

/** Stores the element's number. @requires it has one */
export function setElementNumber(arena: Arena, el: Ptr, number: number): void {
  invariant(hasNumber(arena, el), 'the element has a number');
  arena.touch(el, 4, 8);
  viewOf(arena, el).setFloat64(byteIndex(el) + 4, number, true);
}

/** Length of the value in bytes. */
export function valueLengthOf(arena: Arena, el: Ptr): number {
  const head = headOf(arena, el);
  if ((head & (E_BIG_VALUE << FLAGS_SHIFT)) === 0) return (head >>> VALUE_SHIFT) & LEN_MASK;
  const at = byteIndex(el) + nameStart(head) + (head & LEN_MASK);
  return viewOf(arena, el).getInt32(at, true);
}

function spanOf(arena: Arena, el: Ptr, at: number, len: number, big: boolean, span: ByteSpan): void {
  const segment = segmentOf(el);
  if (!big) {
    span.u8 = arena.u8[segment]!;
    span.dv = arena.dv[segment]!;
    span.off = at;
    span.len = len;
    return;
  }
  const dv = arena.dv[segment]!;
  const length = dv.getInt32(at, true);
  const bytes = new Uint8Array(length);
  blobRead(arena, dv.getInt32(at + 4, true) as Ptr, 0, bytes, 0, length);
  span.u8 = bytes;
  span.dv = new DataView(bytes.buffer);
  span.off = 0;
  span.len = length;
}

/** Fills `name` with the element's name: in place, or a copy if it is a blob. */
export function elementName(arena: Arena, el: Ptr): void {
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  spanOf(arena, el, at, head & LEN_MASK, (head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0, name);
}

/** Fills `value` with the element's value: in place, or a copy if it is a blob. */
export function elementValue(arena: Arena, el: Ptr): void {
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head) + (head & LEN_MASK);
  spanOf(arena, el, at, (head >>> VALUE_SHIFT) & LEN_MASK, (head & (E_BIG_VALUE << FLAGS_SHIFT)) !== 0, value);
}

function replyBlob(arena: Arena, dv: DataView, at: number, reply: Reply): void {
  const length = dv.getInt32(at, true);
  blobReply(arena, dv.getInt32(at + 4, true) as Ptr, length, 0, length, reply);
}

/** Writes the name as a bulk string. */
// hot: SMEMBERS, ZRANGE, HGETALL
export function replyName(arena: Arena, el: Ptr, reply: Reply): void {
  const segment = segmentOf(el);
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0) replyBlob(arena, arena.dv[segment]!, at, reply);
  else reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, at, head & LEN_MASK);
}

/** Writes the value as a bulk string. */
// hot: HGET, HGETALL
export function replyValue(arena: Arena, el: Ptr, reply: Reply): void {
  const segment = segmentOf(el);
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head) + (head & LEN_MASK);
  if ((head & (E_BIG_VALUE << FLAGS_SHIFT)) !== 0) replyBlob(arena, arena.dv[segment]!, at, reply);
  else reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, at, (head >>> VALUE_SHIFT) & LEN_MASK);
}

/** Whether the element's name is the `len` bytes at `off`. hot: every lookup in an element table. */
export function nameEquals(arena: Arena, el: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const segment = segmentOf(el);
  const head = arena.i32[segment]![wordIndex(el)]!;
  const at = byteIndex(el) + nameStart(head);
  const view = arena.dv[segment]!;
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0) {
    return view.getInt32(at, true) === len && blobEquals(arena, view.getInt32(at + 4, true) as Ptr, u8, off, len);
  }
  if ((head & LEN_MASK) !== len) return false;
  if (len >= 4) {
    const last = len - 4;
    for (let i = 0; i < last; i += 4) {
      if (view.getInt32(at + i, true) !== dv.getInt32(off + i, true)) return false;
    }
    return view.getInt32(at + last, true) === dv.getInt32(off + last, true);
  }
  const bytes = arena.u8[segment]!;
  for (let i = 0; i < len; i++) if (bytes[at + i] !== u8[off + i]) return false;
  return true;
}

/** Hashes the element's name into `hasher`. */
export function hashName(arena: Arena, hasher: KeyHasher, el: Ptr): void {
  const segment = segmentOf(el);
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) === 0) {
    hasher.hash(arena.u8[segment]!, arena.dv[segment]!, at, head & LEN_MASK);
    return;
  }
  spanOf(arena, el, at, 0, true, name);
  hasher.hash(name.u8, name.dv, name.off, name.len);
}

/** Order of two byte strings as memcmp has it, the shorter first: below, equal to or above 0. */
export function compareBytes(
  a: Uint8Array,
  aOff: number,
  aLen: number,
  b: Uint8Array,
  bOff: number,
  bLen: number,
): number {
  const n = aLen < bLen ? aLen : bLen;
  for (let i = 0; i < n; i++) {
    const d = a[aOff + i]! - b[bOff + i]!;
    if (d !== 0) return d;
  }
  return aLen - bLen;
}

/** Order of the element's name and the `len` bytes at `off`. */
export function compareNameTo(arena: Arena, el: Ptr, u8: Uint8Array, off: number, len: number): number {
  const head = headOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) === 0) {
    return compareBytes(bytesOf(arena, el), at, head & LEN_MASK, u8, off, len);
  }
  spanOf(arena, el, at, 0, true, OTHER);
  return compareBytes(OTHER.u8, OTHER.off, OTHER.len, u8, off, len);
}

/** Order of two elements' names. */
export function compareNames(arena: Arena, a: Ptr, b: Ptr): number {
  const head = headOf(arena, b);
  const at = byteIndex(b) + nameStart(head);
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) === 0) {
    return compareNameTo(arena, a, bytesOf(arena, b), at, head & LEN_MASK);
  }
  spanOf(arena, b, at, 0, true, ANOTHER);
  return compareNameTo(arena, a, ANOTHER.u8, ANOTHER.off, ANOTHER.len);
}

const OTHER = new ByteSpan();
const ANOTHER = new ByteSpan();

/**
 * Gives the element another value. In place if the cell has the right size, else in a new cell with the same name and
 * number; the old cell is freed then. Returns the element. Throws ArenaFullError.
 */
// hot: HSET of a field that exists
export function setElementValue(
  arena: Arena,
  el: Ptr,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
): Ptr {
  const segment = segmentOf(el);
  const head = headOf(arena, el);
  const start = nameStart(head) + (head & LEN_MASK);
  const capacity = cellBytes(arena, el);
  const bytes = start + vlen;
  const fits = bytes <= capacity && bytes > capacity - (capacity >> 3) - 16;
  if (fits && vlen <= PART_INLINE_MAX && (head & (E_BIG_VALUE << FLAGS_SHIFT)) === 0) {
    const at = byteIndex(el);
    arena.touch(el, 0, capacity);
    arena.i32[segment]![at >> 2] = (head & ~(LEN_MASK << VALUE_SHIFT)) | (vlen << VALUE_SHIFT);
    copyWords(arena.u8[segment]!, arena.dv[segment]!, at + start, vu8, vdv, voff, vlen);
    return el;
  }
  return remake(arena, el, vu8, voff, vlen);
}

/** The element with another value in a new cell. */
function remake(arena: Arena, el: Ptr, vu8: Uint8Array, voff: number, vlen: number): Ptr {
  const head = headOf(arena, el);
  const start = nameStart(head) + (head & LEN_MASK);
  const big = vlen > PART_INLINE_MAX;
  const valueBytes = big ? BLOB_BYTES : vlen;
  const next = alloc(arena, Math.max(16, start + valueBytes));
  const at = byteIndex(next);
  copyBytes(bytesOf(arena, next), at, bytesOf(arena, el), byteIndex(el), start);
  try {
    writePart(arena, next, at + start, big, vu8, voff, vlen);
  } catch (error) {
    free(arena, next);
    throw error;
  }
  const kept = head & (LEN_MASK | ((E_BIG_NAME | E_NUMBER) << FLAGS_SHIFT));
  wordsOf(arena, next)[at >> 2] = kept | (valueBytes << VALUE_SHIFT) | (big ? E_BIG_VALUE << FLAGS_SHIFT : 0);
  freeValuePart(arena, el, head);
  free(arena, el);
  return next;
}

/** The element with room for a number, or without; in a new cell if that changes. Returns the element. */
export function withNumber(arena: Arena, el: Ptr, numbered: boolean, number: number): Ptr {
  const head = headOf(arena, el);
  const had = (head & (E_NUMBER << FLAGS_SHIFT)) !== 0;
  if (had === numbered) {
    if (numbered) setElementNumber(arena, el, number);
    return el;
  }
  const next = copyWithNumber(arena, el, numbered, number);
  free(arena, el);
  return next;
}

/**
 * A copy of an element with room for a number, or without, whichever the element is not. Blobs are not copied: one
 * of the two cells must be given back with `free`.
 */
export function copyWithNumber(arena: Arena, el: Ptr, numbered: boolean, number: number): Ptr {
  const head = headOf(arena, el);
  const had = !numbered;
  const parts = (head & LEN_MASK) + ((head >>> VALUE_SHIFT) & LEN_MASK);
  const start = numbered ? 12 : 4;
  const next = alloc(arena, Math.max(16, start + parts));
  const at = byteIndex(next);
  const from = byteIndex(el) + (had ? 12 : 4);
  wordsOf(arena, next)[at >> 2] = head ^ (E_NUMBER << FLAGS_SHIFT);
  if (numbered) viewOf(arena, next).setFloat64(at + 4, number, true);
  copyBytes(bytesOf(arena, next), at + start, bytesOf(arena, el), from, parts);
  return next;
}

function freeBlobAt(arena: Arena, el: Ptr, at: number): void {
  const dv = viewOf(arena, el);
  blobFree(arena, dv.getInt32(at + 4, true) as Ptr, dv.getInt32(at, true));
}

function freeValuePart(arena: Arena, el: Ptr, head: number): void {
  if ((head & (E_BIG_VALUE << FLAGS_SHIFT)) === 0) return;
  freeBlobAt(arena, el, byteIndex(el) + nameStart(head) + (head & LEN_MASK));
}

/** Frees an element with its blobs. @requires it is in no table any more */
export function freeElement(arena: Arena, el: Ptr): void {
  const head = headOf(arena, el);
  if (head >>> FLAGS_SHIFT !== 0) {
    freeValuePart(arena, el, head);
    if ((head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0) {
      freeBlobAt(arena, el, byteIndex(el) + nameStart(head));
    }
  }
  free(arena, el);
}

/** Bytes of an element's cells. */
export function elementCellBytes(arena: Arena, el: Ptr): number {
  const head = headOf(arena, el);
  let bytes = cellBytes(arena, el);
  const dv = viewOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  if ((head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0) {
    bytes += blobCellBytes(arena, dv.getInt32(at + 4, true) as Ptr, dv.getInt32(at, true));
  }
  if ((head & (E_BIG_VALUE << FLAGS_SHIFT)) !== 0) {
    const v = at + (head & LEN_MASK);
    bytes += blobCellBytes(arena, dv.getInt32(v + 4, true) as Ptr, dv.getInt32(v, true));
  }
  return bytes;
}

/** A copy of an element in another arena, or the same; in no table. Throws ArenaFullError. */
export function copyElement(from: Arena, el: Ptr, to: Arena): Ptr {
  const head = headOf(from, el);
  const bytes = nameStart(head) + (head & LEN_MASK) + ((head >>> VALUE_SHIFT) & LEN_MASK);
  const copy = alloc(to, Math.max(16, bytes));
  const at = byteIndex(copy);
  copyBytes(bytesOf(to, copy), at, bytesOf(from, el), byteIndex(el), bytes);
  const dv = viewOf(from, el);
  const source = byteIndex(el);
  for (let part = E_BIG_NAME; part <= E_BIG_VALUE; part++) {
    if ((head & (part << FLAGS_SHIFT)) === 0) continue;
    const offset = nameStart(head) + (part === E_BIG_VALUE ? head & LEN_MASK : 0);
    const dir = dv.getInt32(source + offset + 4, true) as Ptr;
    let moved: Ptr;
    try {
      moved = blobCopy(from, dir, dv.getInt32(source + offset, true), to);
    } catch (error) {
      if (part === E_BIG_VALUE && (head & (E_BIG_NAME << FLAGS_SHIFT)) !== 0) {
        freeBlobAt(to, copy, at + nameStart(head));
      }
      free(to, copy);
      throw error;
    }
    viewOf(to, copy).setInt32(at + offset + 4, moved, true);
  }
  return copy;
}

/** Calls `visit` for the cells of an element, its own first. */
export function visitElement(arena: Arena, el: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visit(el, 'element');
  const head = headOf(arena, el);
  const dv = viewOf(arena, el);
  const at = byteIndex(el) + nameStart(head);
  for (let part = E_BIG_NAME; part <= E_BIG_VALUE; part++) {
    if ((head & (part << FLAGS_SHIFT)) === 0) continue;
    const start = at + (part === E_BIG_VALUE ? head & LEN_MASK : 0);
    visitBlob(arena, dv.getInt32(start + 4, true) as Ptr, dv.getInt32(start, true), visit);
  }
}

/** Calls `visit` for the directory and blocks of a blob. */
export function visitBlob(arena: Arena, dir: Ptr, length: number, visit: (ptr: Ptr, what: string) => void): void {
  visit(dir, 'blob directory');
  for (let i = 0; i < blockCount(length); i++) {
    const block = blobBlock(arena, dir, i);
    if (block !== 0) visit(block, `blob block of ${BLOCK_BYTES}`);
  }
}
