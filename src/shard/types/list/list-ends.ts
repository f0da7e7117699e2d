/**
 * The quick way of LPUSH, RPUSH, LPOP and RPOP of one element: everything in one function over the three cells in
 * question (entry, root, end node), each loaded once. It either does all, or nothing and says so; then the general way
 * of list-value.ts is taken. That is the case whenever a node would have to be made, moved, dropped or converted, the
 * element is not an ordinary string of up to 63 bytes, or stores must be announced.
 *
 * Invariants: as for list-value.ts.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf, unitIndex, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyWords } from '../../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes } from '../../../shared/memory/slab.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { LIST_PACKED } from '../../entry/encodings.js';
import { valueWordOffset } from '../../entry/entry.js';
import { lpPrevOf, lpSize } from '../../structures/listpack-entry.js';
import { LISTPACK_HEAD_BYTES, listLimits, NODE_HEAD_BYTES } from './list-limits.js';
import { N_COUNT, N_SPAN, PLAIN, SHRINK_ABOVE_BYTES } from './list-node.js';
import { replyEntry } from './list-reply.js';
import { Q_COUNT, Q_HEAD, Q_NODES, Q_TAIL } from './list-value.js';

const SHORT_MAX = 63;
const DIGIT_NINE = 57;

/** Pushes one element if that is simple; returns the new length, or 0 when nothing was done. */
// hot: LPUSH, RPUSH of one element
export function pushSimple(
  arena: Arena,
  e: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  head: boolean,
): number {
  if (len > SHORT_MAX || len === 0 || u8[off]! <= DIGIT_NINE || arena.tracking !== 0) return 0;
  const limits = listLimits;
  if (len >= limits.threshold) return 0;
  const e32 = wordsOf(arena, e);
  const ew = wordIndex(e);
  const headWord = e32[ew]!;
  const root = e32[ew + valueWordOffset(headWord)]! as Ptr;
  const packed = ((headWord >>> 4) & 15) === LIST_PACKED;
  let node = root;
  const r32 = wordsOf(arena, root);
  const rw = wordIndex(root);
  if (!packed) node = r32[rw + (head ? Q_HEAD : Q_TAIL)]! as Ptr;
  const segment = segmentOf(node);
  const unit = unitIndex(node);
  const n32 = arena.i32[segment]!;
  const nw = unit << 1;
  const count = n32[nw + N_COUNT]!;
  const span = n32[nw + N_SPAN]!;
  const bytes = len + 2;
  const start = span & 0xffff;
  const end = span >>> 16;
  if (count >= limits.countMax || count >= 0xffff) return 0;
  if (packed) {
    if (end - start + LISTPACK_HEAD_BYTES + len > limits.safeBytesMax) return 0;
  } else if (end - start + bytes > limits.nodeRoom) return 0;
  let at: number;
  if (head) {
    if (start < bytes) return 0;
    at = start - bytes;
    n32[nw + N_SPAN] = span - bytes;
  } else {
    if (NODE_HEAD_BYTES + end + bytes > cellBytes(arena, node)) return 0;
    at = end;
    n32[nw + N_SPAN] = start | ((end + bytes) << 16);
  }
  n32[nw + N_COUNT] = count + 1;
  at += unit * 8 + NODE_HEAD_BYTES;
  const n8 = arena.u8[segment]!;
  n8[at] = 0x80 | len;
  copyWords(n8, arena.dv[segment]!, at + 1, u8, dv, off, len);
  n8[at + 1 + len] = len + 1;
  if (packed) return count + 1;
  const length = r32[rw + Q_COUNT]! + 1;
  r32[rw + Q_COUNT] = length;
  return length;
}

/**
 * Writes the first or last element into the reply and removes it, if that is simple: others stay in its node, and the
 * list keeps its encoding. False when nothing was done.
 */
// hot: LPOP, RPOP
export function popSimple(arena: Arena, e: Ptr, head: boolean, reply: Reply): boolean {
  if (arena.tracking !== 0) return false;
  const e32 = wordsOf(arena, e);
  const ew = wordIndex(e);
  const headWord = e32[ew]!;
  const root = e32[ew + valueWordOffset(headWord)]! as Ptr;
  const packed = ((headWord >>> 4) & 15) === LIST_PACKED;
  let node = root;
  const r32 = wordsOf(arena, root);
  const rw = wordIndex(root);
  if (!packed) {
    if (r32[rw + Q_NODES] === 1) return false;
    node = r32[rw + (head ? Q_HEAD : Q_TAIL)]! as Ptr;
  }
  const segment = segmentOf(node);
  const unit = unitIndex(node);
  const n32 = arena.i32[segment]!;
  const nw = unit << 1;
  const count = n32[nw + N_COUNT]!;
  if (count <= 1 || count >= PLAIN) return false;
  const span = n32[nw + N_SPAN]!;
  const start = span & 0xffff;
  const end = span >>> 16;
  const u8 = arena.u8[segment]!;
  const base = unit * 8 + NODE_HEAD_BYTES;
  const p = head ? base + start : lpPrevOf(u8, base + end);
  const size = head ? lpSize(u8, p) : base + end - p;
  if (packed) {
    const cell = cellBytes(arena, node);
    if (cell > SHRINK_ABOVE_BYTES && (end - start - size) * 4 < cell) return false;
  }
  replyEntry(arena, node, p, reply);
  n32[nw + N_SPAN] = head ? span + size : start | ((end - size) << 16);
  n32[nw + N_COUNT] = count - 1;
  if (!packed) r32[rw + Q_COUNT] = r32[rw + Q_COUNT]! - 1;
  return true;
}
