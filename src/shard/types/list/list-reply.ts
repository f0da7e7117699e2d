/**
 * Writes elements of a list into a reply: the inner loop of LRANGE.
 *
 * Strings of up to 63 bytes, which is nearly all that lists hold, are turned from entry into RESP in one tight loop:
 * the header by one or two stores, the bytes by words that may run a little past the end (into room that is written
 * next, out of room that belongs to the same segment). Everything else goes through `Reply`.
 *
 * Invariants: (1) lease held; (2) nothing here changes a list; (3) on an I/O thread a reply beyond INLINE_BYTES_MAX, or
 * an element beyond BIG_BULK_BYTES, leaves the command to the shard's thread: callers write replies before they change
 * anything.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf } from '../../../shared/memory/cell.js';
import { type Ptr, SEGMENT_BYTES } from '../../../shared/memory/ptr.js';
import { BIG_BULK_BYTES, type Reply } from '../../../shared/resp/reply.js';
import type { WorkBound } from '../../services/work-bound.js';
import { blobReply } from '../../structures/blob.js';
import { item, lpPrevOf, lpRead, lpSize } from '../../structures/listpack-entry.js';
import { mayPin } from '../../structures/pinned-blob.js';
import { cursor, type ListCursor } from './list-cursor.js';
import { isPlainNode, nodeEnd, nodeFirst, nodeNext, nodePrevious, plainBlob, plainLength } from './list-node.js';
import { listLength } from './list-value.js';

/** Bytes of reply that a command on lists writes on an I/O thread. */
const INLINE_BYTES_MAX = 512 * 1024;
/** Room that one short string surely finds: header, 63 bytes, the words that run over, CRLF. */
const SHORT_ROOM = 96;
const CRLF = 0x0d0a;
/** `$0\r\n` as a big-endian word; the digit is in bits 16 to 23. */
const HEADER_ONE_DIGIT = 0x24300d0a;
/** `$00\r` likewise, digits in bits 16 to 23 and 8 to 15. */
const HEADER_TWO_DIGITS = 0x2430300d;

/** Writes the element of a plain node. */
export function replyPlain(arena: Arena, node: Ptr, bound: WorkBound, reply: Reply): void {
  const length = plainLength(arena, node);
  if (length > BIG_BULK_BYTES && bound.inline && !mayPin(length, reply.pinFor)) bound.leaveToShard();
  blobReply(arena, plainBlob(arena, node), length, 0, length, reply);
}

/** Writes the entry at `p` of a packed node. */
export function replyEntry(arena: Arena, node: Ptr, p: number, reply: Reply): void {
  const segment = segmentOf(node);
  lpRead(arena.u8[segment]!, p);
  if (item.isInt) reply.bulkInt64(item.hi, item.lo);
  else reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, item.off, item.len);
}

/** Writes the element at a cursor. */
export function replyElement(arena: Arena, at: ListCursor, bound: WorkBound, reply: Reply): void {
  if (at.p === 0) replyPlain(arena, at.node, bound, reply);
  else replyEntry(arena, at.node, at.p, reply);
}

/** Writes `count` elements from `index` on, without an array's header. @requires so many are there */
// hot: LRANGE
export function replyForward(arena: Arena, e: Ptr, index: number, count: number, bound: WorkBound, reply: Reply): void {
  invariant(index >= 0 && index + count <= listLength(arena, e), 'so many elements are there');
  const mark = reply.mark();
  cursor.seek(arena, e, index);
  let { node, p } = cursor;
  for (;;) {
    if (p === 0) {
      replyPlain(arena, node, bound, reply);
      count--;
    } else count = replyRun(arena, node, p, count, reply);
    if (count === 0) return;
    if (bound.inline && reply.mark() - mark > INLINE_BYTES_MAX) bound.leaveToShard();
    node = nodeNext(arena, node);
    p = isPlainNode(arena, node) ? 0 : nodeFirst(arena, node);
  }
}

/** Writes up to `count` entries of a packed node from `p` on; returns how many are still to be written. */
function replyRun(arena: Arena, node: Ptr, p: number, count: number, reply: Reply): number {
  const segment = segmentOf(node);
  const u8 = arena.u8[segment]!;
  const dv = arena.dv[segment]!;
  const nodeStop = nodeEnd(arena, node);
  // The words that run over must not leave the segment.
  const shortStop = nodeStop + 8 <= SEGMENT_BYTES ? nodeStop : 0;
  let to = reply.u8;
  let tv = reply.dv;
  let pos = reply.pos;
  let limit = to.length - SHORT_ROOM;
  while (count > 0 && p < nodeStop) {
    const head = u8[p]!;
    if (head >= 0x80 && head < 0xc0 && p < shortStop) {
      if (pos > limit) {
        reply.pos = pos;
        reply.ensure(SHORT_ROOM);
        to = reply.u8;
        tv = reply.dv;
        pos = reply.pos;
        limit = to.length - SHORT_ROOM;
      }
      const len = head & 63;
      if (len < 10) {
        tv.setInt32(pos, HEADER_ONE_DIGIT + (len << 16));
        pos += 4;
      } else {
        const tens = (len * 205) >> 11;
        tv.setInt32(pos, HEADER_TWO_DIGITS + (tens << 16) + ((len - tens * 10) << 8));
        to[pos + 4] = 10;
        pos += 5;
      }
      const from = p + 1;
      for (let i = 0; i < len; i += 8) {
        tv.setInt32(pos + i, dv.getInt32(from + i, true), true);
        tv.setInt32(pos + i + 4, dv.getInt32(from + i + 4, true), true);
      }
      pos += len;
      tv.setInt16(pos, CRLF);
      pos += 2;
      p += len + 2;
    } else {
      reply.pos = pos;
      replyEntry(arena, node, p, reply);
      to = reply.u8;
      tv = reply.dv;
      pos = reply.pos;
      limit = to.length - SHORT_ROOM;
      p += lpSize(u8, p);
    }
    count--;
  }
  reply.pos = pos;
  return count;
}

/** Writes `count` elements from `index` backwards, without an array's header. @requires so many are there */
export function replyBackward(
  arena: Arena,
  e: Ptr,
  index: number,
  count: number,
  bound: WorkBound,
  reply: Reply,
): void {
  invariant(count <= index + 1 && index < listLength(arena, e), 'so many elements are there');
  const mark = reply.mark();
  cursor.seek(arena, e, index);
  let { node, p } = cursor;
  for (;;) {
    if (p === 0) {
      replyPlain(arena, node, bound, reply);
      count--;
    } else {
      const first = nodeFirst(arena, node);
      const u8 = bytesOf(arena, node);
      for (; count > 0; p = lpPrevOf(u8, p)) {
        replyEntry(arena, node, p, reply);
        count--;
        if (p === first) break;
      }
    }
    if (count === 0) return;
    if (bound.inline && reply.mark() - mark > INLINE_BYTES_MAX) bound.leaveToShard();
    node = nodePrevious(arena, node);
    if (isPlainNode(arena, node)) p = 0;
    else p = lpPrevOf(bytesOf(arena, node), nodeEnd(arena, node));
  }
}
