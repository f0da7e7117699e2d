/**
 * One node of a list: a cell with a run of listpack entries (no head, no end mark) and room at both ends, so that
 * pushing and popping at either end moves nothing.
 *
 *     | previous | next | entries:16, flags | start:16, end:16 |  ...room...  entry entry entry  ...room...  |
 *       0          4      8                   12                 16          ^start              ^end
 *
 * `start` and `end` are counted from byte 16. A plain node has flag PLAIN, one element, and after the head two words:
 * the directory of a blob and its length.
 *
 * A listpack of Redis is the entries of a node between six bytes of head and 0xFF, so a node is its own RDB encoding.
 *
 * When entries must move, they move to a place that is the same modulo 8 if there is a choice: V8 copies between shared
 * arrays word by word if both sides are aligned alike, otherwise byte by byte.
 *
 * Invariants: (1) lease held; (2) 0 <= start <= end <= room, the entries fill [start, end) exactly; (3) functions that
 * may move a node return its new pointer, with the same links: the caller puts the new pointer in place of the old one.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyBytes, moveMany } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../../shared/memory/slab.js';
import { blobFree } from '../../structures/blob.js';
import { lpPrevOf, lpSize } from '../../structures/listpack-entry.js';
import { listLimits, NODE_HEAD_BYTES, NODE_ROOM_MAX } from './list-limits.js';

/** Words of a node. */
export const N_PREVIOUS = 0;
export const N_NEXT = 1;
export const N_COUNT = 2;
export const N_SPAN = 3;
/** Words of a plain node. */
export const N_BLOB = 4;
export const N_LENGTH = 5;
/** Flag in N_COUNT: the only element lies in a blob. */
export const PLAIN = 1 << 16;
const PLAIN_NODE_BYTES = 24;
/** A node below this is left as big as it is. */
export const SHRINK_ABOVE_BYTES = 256;

/** Where `openGap` made room: absolute byte offset in the view of the node's segment. */
export const gap = { at: 0 };

export function nodePrevious(arena: Arena, node: Ptr): Ptr {
  return wordAt(arena, node, 0) as Ptr;
}

export function nodeNext(arena: Arena, node: Ptr): Ptr {
  return wordAt(arena, node, N_NEXT) as Ptr;
}

export function setPrevious(arena: Arena, node: Ptr, previous: Ptr): void {
  arena.touch(node, N_PREVIOUS * 4, 4);
  wordsOf(arena, node)[wordIndex(node) + N_PREVIOUS] = previous;
}

export function setNext(arena: Arena, node: Ptr, next: Ptr): void {
  arena.touch(node, N_NEXT * 4, 4);
  wordsOf(arena, node)[wordIndex(node) + N_NEXT] = next;
}

/** Number of elements. */
export function nodeCount(arena: Arena, node: Ptr): number {
  return wordAt(arena, node, N_COUNT) & 0xffff;
}

/** Adds to the number of elements. */
export function addCount(arena: Arena, node: Ptr, n: number): void {
  arena.touch(node, N_COUNT * 4, 4);
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node) + N_COUNT;
  i32[w] = i32[w]! + n;
}

/** Whether the only element lies in a blob. */
export function isPlainNode(arena: Arena, node: Ptr): boolean {
  return (wordAt(arena, node, N_COUNT) & PLAIN) !== 0;
}

/** Bytes of the entries. */
export function nodeBytes(arena: Arena, node: Ptr): number {
  const span = wordAt(arena, node, N_SPAN);
  return (span >>> 16) - (span & 0xffff);
}

/** Absolute byte offset of the first entry in the view of the node's segment. */
export function nodeFirst(arena: Arena, node: Ptr): number {
  const unit = unitIndex(node);
  return unit * 8 + NODE_HEAD_BYTES + (wordsOf(arena, node)[(unit << 1) + N_SPAN]! & 0xffff);
}

/** Absolute byte offset behind the last entry. */
export function nodeEnd(arena: Arena, node: Ptr): number {
  const unit = unitIndex(node);
  return unit * 8 + NODE_HEAD_BYTES + (wordsOf(arena, node)[(unit << 1) + N_SPAN]! >>> 16);
}

function setSpan(arena: Arena, node: Ptr, start: number, end: number): void {
  arena.touch(node, N_SPAN * 4, 4);
  wordsOf(arena, node)[wordIndex(node) + N_SPAN] = start | (end << 16);
}

/**
 * A node without entries and with room for `bytes` of them, all of it before (`atEnd`: behind) where the first goes.
 * Throws ArenaFullError. @requires bytes <= NODE_ROOM_MAX
 */
export function createNode(arena: Arena, bytes: number, atEnd: boolean): Ptr {
  invariant(bytes <= NODE_ROOM_MAX, 'bytes <= NODE_ROOM_MAX');
  const node = alloc(arena, NODE_HEAD_BYTES + bytes);
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  const start = atEnd ? 0 : cellBytes(arena, node) - NODE_HEAD_BYTES;
  i32[w + N_PREVIOUS] = 0;
  i32[w + N_NEXT] = 0;
  i32[w + N_COUNT] = 0;
  i32[w + N_SPAN] = start | (start << 16);
  return node;
}

/** A plain node over a blob, which is its own from now on. Throws ArenaFullError. */
export function createPlainNode(arena: Arena, blob: Ptr, length: number): Ptr {
  const node = alloc(arena, PLAIN_NODE_BYTES);
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  i32[w + N_PREVIOUS] = 0;
  i32[w + N_NEXT] = 0;
  i32[w + N_COUNT] = PLAIN | 1;
  i32[w + N_SPAN] = 0;
  i32[w + N_BLOB] = blob;
  i32[w + N_LENGTH] = length;
  return node;
}

/** The blob of a plain node. */
export function plainBlob(arena: Arena, node: Ptr): Ptr {
  return wordAt(arena, node, N_BLOB) as Ptr;
}

/** Length of the element of a plain node. */
export function plainLength(arena: Arena, node: Ptr): number {
  return wordAt(arena, node, N_LENGTH);
}

/** Gives a plain node another blob; the old one is the caller's. */
export function setPlain(arena: Arena, node: Ptr, blob: Ptr, length: number): void {
  arena.touch(node, N_BLOB * 4, 8);
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  i32[w + N_BLOB] = blob;
  i32[w + N_LENGTH] = length;
}

/** Frees a node and what it holds. */
export function freeNode(arena: Arena, node: Ptr): void {
  if (isPlainNode(arena, node)) blobFree(arena, plainBlob(arena, node), plainLength(arena, node));
  free(arena, node);
}

/** Makes `bytes` of room before the first entry. Returns the node, which may have moved; see `gap`. */
// hot: every LPUSH
export function openFront(arena: Arena, node: Ptr, bytes: number): Ptr {
  const unit = unitIndex(node);
  const i32 = wordsOf(arena, node);
  const w = (unit << 1) + N_SPAN;
  const span = i32[w]!;
  const start = (span & 0xffff) - bytes;
  if (start < 0) return openSlow(arena, node, span & 0xffff, bytes);
  if (arena.tracking !== 0) {
    arena.touch(node, N_COUNT * 4, 8);
    arena.touch(node, NODE_HEAD_BYTES + start, bytes);
  }
  i32[w] = (span & ~0xffff) | start;
  gap.at = unit * 8 + NODE_HEAD_BYTES + start;
  return node;
}

/** Makes `bytes` of room behind the last entry. As `openFront`. */
// hot: every RPUSH
export function openBack(arena: Arena, node: Ptr, bytes: number): Ptr {
  const unit = unitIndex(node);
  const i32 = wordsOf(arena, node);
  const w = (unit << 1) + N_SPAN;
  const span = i32[w]!;
  const end = span >>> 16;
  if (NODE_HEAD_BYTES + end + bytes > cellBytes(arena, node)) return openSlow(arena, node, end, bytes);
  if (arena.tracking !== 0) {
    arena.touch(node, N_COUNT * 4, 8);
    arena.touch(node, NODE_HEAD_BYTES + end, bytes);
  }
  i32[w] = (span & 0xffff) | ((end + bytes) << 16);
  gap.at = unit * 8 + NODE_HEAD_BYTES + end;
  return node;
}

/** Makes `bytes` of room at the absolute offset `at`, between two entries. As `openFront`. */
export function openGap(arena: Arena, node: Ptr, at: number, bytes: number): Ptr {
  const base = byteIndex(node) + NODE_HEAD_BYTES;
  const first = nodeFirst(arena, node);
  const end = nodeEnd(arena, node);
  if (at === first) return openFront(arena, node, bytes);
  if (at === end) return openBack(arena, node, bytes);
  const u8 = bytesOf(arena, node);
  const front = first - base;
  const back = cellBytes(arena, node) - NODE_HEAD_BYTES - (end - base);
  if (front < bytes && back < bytes) return openSlow(arena, node, at - base, bytes);
  if (front >= bytes && (at - first <= end - at || back < bytes)) {
    arena.touch(node, NODE_HEAD_BYTES + front - bytes, at - first + bytes);
    moveMany(u8, first - bytes, first, at - first);
    setSpan(arena, node, front - bytes, end - base);
    gap.at = at - bytes;
    return node;
  }
  arena.touch(node, NODE_HEAD_BYTES + at - base, end - at + bytes);
  moveMany(u8, at + bytes, at, end - at);
  setSpan(arena, node, front, end - base + bytes);
  gap.at = at;
  return node;
}

/**
 * Room at `offset` (counted from byte 16) where there is not enough on the near side: the entries move inside the cell
 * if enough of it is free to make that worth while, else into a bigger one.
 */
function openSlow(arena: Arena, node: Ptr, offset: number, bytes: number): Ptr {
  const span = wordAt(arena, node, N_SPAN);
  const start = span & 0xffff;
  const end = span >>> 16;
  const room = cellBytes(arena, node) - NODE_HEAD_BYTES;
  const need = end - start + bytes;
  const target = grownRoom(room, need);
  if (need <= room && (room - need >= room >> 3 || target <= room)) {
    respread(arena, node, offset, bytes, room - need);
    return node;
  }
  const moved = createNode(arena, target, true);
  const spare = cellBytes(arena, moved) - NODE_HEAD_BYTES - need;
  const left = spreadStart(spare, start, end, offset, bytes, room);
  moveInto(arena, node, offset, bytes, moved, left);
  free(arena, node);
  return moved;
}

/** Room of the cell into which a node with `room` moves when it needs `need`. */
function grownRoom(room: number, need: number): number {
  const cap = listLimits.nodeRoom;
  if (need > cap) return need;
  const grown = room * 2 < 512 ? room + (room >> 1) : room * 2;
  return Math.max(need, Math.min(grown, cap));
}

/** Offset of the entries after a move that leaves `free` bytes: most of it on the side where room was wanted. */
function spreadStart(free: number, start: number, end: number, offset: number, bytes: number, room: number): number {
  let left = free >> 1;
  // All of it there for a list that only grows on that side; otherwise a little on the other.
  if (offset === end) left = start === 0 ? 0 : free >> 2;
  else if (offset === start) left = end === room ? free : free - (free >> 2);
  // Alike modulo 8 for the larger part of what moves.
  const want = (offset - start >= end - offset ? start : start - bytes) & 7;
  const aligned = (left & ~7) + want;
  return aligned <= free ? aligned : aligned >= 8 ? aligned - 8 : left;
}

function respread(arena: Arena, node: Ptr, offset: number, bytes: number, free: number): void {
  const base = byteIndex(node) + NODE_HEAD_BYTES;
  const u8 = bytesOf(arena, node);
  const start = nodeFirst(arena, node) - base;
  const end = nodeEnd(arena, node) - base;
  const left = spreadStart(free, start, end, offset, bytes, cellBytes(arena, node) - NODE_HEAD_BYTES);
  const right = left + (offset - start) + bytes;
  arena.touch(node, 0, cellBytes(arena, node));
  // Whichever part moves away from the other goes first.
  if (left > start) moveMany(u8, base + right, base + offset, end - offset);
  moveMany(u8, base + left, base + start, offset - start);
  if (left <= start) moveMany(u8, base + right, base + offset, end - offset);
  setSpan(arena, node, left, right + (end - offset));
  gap.at = base + right - bytes;
}

/** Copies head and entries of `node` to `to`, with a hole of `bytes` at `offset`; they begin at `left` there. */
function moveInto(arena: Arena, node: Ptr, offset: number, bytes: number, to: Ptr, left: number): void {
  const f32 = wordsOf(arena, node);
  const t32 = wordsOf(arena, to);
  const fw = wordIndex(node);
  const tw = wordIndex(to);
  const start = f32[fw + N_SPAN]! & 0xffff;
  const end = f32[fw + N_SPAN]! >>> 16;
  t32[tw + N_PREVIOUS] = f32[fw + N_PREVIOUS]!;
  t32[tw + N_NEXT] = f32[fw + N_NEXT]!;
  t32[tw + N_COUNT] = f32[fw + N_COUNT]!;
  t32[tw + N_SPAN] = left | ((left + end - start + bytes) << 16);
  const from = byteIndex(node) + NODE_HEAD_BYTES;
  const at = byteIndex(to) + NODE_HEAD_BYTES + left;
  const f8 = bytesOf(arena, node);
  const t8 = bytesOf(arena, to);
  if (offset > start) copyBytes(t8, at, f8, from + start, offset - start);
  if (end > offset) copyBytes(t8, at + offset - start + bytes, f8, from + offset, end - offset);
  gap.at = at + offset - start;
}

/** Takes the bytes between two absolute offsets out; moves what is shorter. The number of elements is the caller's. */
export function closeGap(arena: Arena, node: Ptr, from: number, to: number): void {
  const base = byteIndex(node) + NODE_HEAD_BYTES;
  const first = nodeFirst(arena, node);
  const end = nodeEnd(arena, node);
  if (from - first < end - to) {
    if (from > first) {
      arena.touch(node, NODE_HEAD_BYTES + first - base, to - first);
      moveMany(bytesOf(arena, node), first + to - from, first, from - first);
    }
    setSpan(arena, node, first + to - from - base, end - base);
    return;
  }
  if (to < end) {
    arena.touch(node, NODE_HEAD_BYTES + from - base, end - from);
    moveMany(bytesOf(arena, node), from, to, end - to);
  }
  setSpan(arena, node, first - base, end - (to - from) - base);
}

/**
 * Moves a node that uses less than a quarter of its cell into a smaller one. Returns the node. Throws ArenaFullError.
 */
export function shrinkNode(arena: Arena, node: Ptr): Ptr {
  const cell = cellBytes(arena, node);
  if (cell <= SHRINK_ABOVE_BYTES || isPlainNode(arena, node)) return node;
  const used = nodeBytes(arena, node);
  if (used * 4 >= cell) return node;
  const moved = createNode(arena, used + (used >> 1) + NODE_HEAD_BYTES, true);
  const start = nodeFirst(arena, node) - byteIndex(node) - NODE_HEAD_BYTES;
  const left = (cellBytes(arena, moved) - NODE_HEAD_BYTES - used) >> 1;
  moveInto(arena, node, start, 0, moved, left);
  free(arena, node);
  return moved;
}

/**
 * Moves the entries from the absolute offset `at` on into a new node, which is returned and has no links. `before`: the
 * number of entries before `at`. Throws ArenaFullError.
 */
export function splitNode(arena: Arena, node: Ptr, at: number, before: number): Ptr {
  const end = nodeEnd(arena, node);
  const right = createNode(arena, end - at, true);
  const count = nodeCount(arena, node) - before;
  arena.touch(node, 0, NODE_HEAD_BYTES);
  copyBytes(bytesOf(arena, right), byteIndex(right) + NODE_HEAD_BYTES, bytesOf(arena, node), at, end - at);
  setSpan(arena, right, 0, end - at);
  addCount(arena, right, count);
  const base = byteIndex(node) + NODE_HEAD_BYTES;
  setSpan(arena, node, nodeFirst(arena, node) - base, at - base);
  addCount(arena, node, -count);
  return right;
}

/**
 * Appends the entries of `right` to `left`, which may move and is returned; `right` stays as it is, to be freed.
 * Throws ArenaFullError. @requires both packed, together within a cell
 */
export function joinNodes(arena: Arena, left: Ptr, right: Ptr): Ptr {
  const bytes = nodeBytes(arena, right);
  const count = nodeCount(arena, right);
  const moved = openBack(arena, left, bytes);
  copyBytes(bytesOf(arena, moved), gap.at, bytesOf(arena, right), nodeFirst(arena, right), bytes);
  addCount(arena, moved, count);
  return moved;
}

/** The entry at `index` of a packed node, counted from its first: absolute byte offset. @requires 0 <= index < count */
export function entryAt(arena: Arena, node: Ptr, index: number): number {
  invariant(index >= 0 && index < nodeCount(arena, node), '0 <= index < count');
  const u8 = bytesOf(arena, node);
  const count = nodeCount(arena, node);
  if (index * 2 < count) {
    let p = nodeFirst(arena, node);
    for (; index > 0; index--) p += lpSize(u8, p);
    return p;
  }
  let p = nodeEnd(arena, node);
  for (let left = count - index; left > 0; left--) p = lpPrevOf(u8, p);
  return p;
}

/** A copy of a node and what it holds, without links; `to` may be another arena. Throws ArenaFullError. */
export function copyPackedNode(from: Arena, node: Ptr, to: Arena): Ptr {
  const bytes = nodeBytes(from, node);
  const copy = createNode(to, Math.min(bytes, CELL_BYTES_MAX - NODE_HEAD_BYTES), true);
  copyBytes(bytesOf(to, copy), byteIndex(copy) + NODE_HEAD_BYTES, bytesOf(from, node), nodeFirst(from, node), bytes);
  setSpan(to, copy, 0, bytes);
  addCount(to, copy, nodeCount(from, node));
  return copy;
}
