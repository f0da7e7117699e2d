/**
 * Places in a list, and reading what stands there: seeking by index, walking, comparing with a wanted string.
 *
 * A place is a node and, in a packed node, the absolute byte offset of an entry in the view of the node's segment (0 in
 * a plain node). A `ListCursor` holds one place. Commands share the module's `cursor`; a command that needs a second
 * cursor makes it once.
 *
 * Invariants: (1) lease held; (2) a place is good until the list changes; (3) `wanted` is read by `matches` until the
 * next `want`.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64 } from '../../../shared/numbers/int64.js';
import { BLOCK_BYTES, blobBlock, blobRead } from '../../structures/blob.js';
import { item, lpBytes, lpClassify, lpPrevOf, lpRead, lpSize } from '../../structures/listpack-entry.js';
import {
  entryAt,
  isPlainNode,
  nodeCount,
  nodeEnd,
  nodeFirst,
  nodeNext,
  nodePrevious,
  plainBlob,
  plainLength,
} from './list-node.js';
import { endNode, listLength, listNodes } from './list-value.js';

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** A place in a list, and the element there once it was read. */
export class ListCursor {
  node: Ptr = NULL;
  /** Absolute byte offset of the entry, 0 in a plain node. */
  p = 0;
  /** The element as bytes: `len` at `off` of `u8`, which `dv` views. See `read`. */
  u8: Uint8Array = NO_BYTES;
  dv: DataView = NO_VIEW;
  off = 0;
  len = 0;

  /** Goes to the element at `index`; false when there is none. Counts from the end when negative. O(nodes). */
  seek(arena: Arena, e: Ptr, index: number): boolean {
    const length = listLength(arena, e);
    if (index < 0) index += length;
    if (index < 0 || index >= length) return false;
    if (index * 2 < length) {
      let node = endNode(arena, e, true);
      for (let n = nodeCount(arena, node); index >= n; n = nodeCount(arena, node)) {
        index -= n;
        node = nodeNext(arena, node);
      }
      this.enter(arena, node, index);
      return true;
    }
    let left = length - 1 - index;
    let node = endNode(arena, e, false);
    let n = nodeCount(arena, node);
    for (; left >= n; n = nodeCount(arena, node)) {
      left -= n;
      node = nodePrevious(arena, node);
    }
    this.enter(arena, node, n - 1 - left);
    return true;
  }

  private enter(arena: Arena, node: Ptr, index: number): void {
    this.node = node;
    this.p = isPlainNode(arena, node) ? 0 : entryAt(arena, node, index);
  }

  /** Goes to the next element; false at the end. */
  next(arena: Arena): boolean {
    const node = this.node;
    if (this.p !== 0) {
      const p = this.p + lpSize(bytesOf(arena, node), this.p);
      if (p < nodeEnd(arena, node)) {
        this.p = p;
        return true;
      }
    }
    const next = nodeNext(arena, node);
    if (next === 0) return false;
    this.node = next;
    this.p = isPlainNode(arena, next) ? 0 : nodeFirst(arena, next);
    return true;
  }

  /** Goes to the element before; false at the beginning. */
  previous(arena: Arena): boolean {
    const node = this.node;
    if (this.p !== 0 && this.p > nodeFirst(arena, node)) {
      this.p = lpPrevOf(bytesOf(arena, node), this.p);
      return true;
    }
    const previous = nodePrevious(arena, node);
    if (previous === 0) return false;
    this.node = previous;
    const plain = isPlainNode(arena, previous);
    this.p = plain ? 0 : lpPrevOf(bytesOf(arena, previous), nodeEnd(arena, previous));
    return true;
  }

  /** Length of the element in bytes, as text. */
  length(arena: Arena): number {
    if (this.p === 0) return plainLength(arena, this.node);
    lpBytes(bytesOf(arena, this.node), viewOf(arena, this.node), this.p);
    return item.len;
  }

  /**
   * Reads the element into `u8`, `dv`, `off`, `len`, which are good until the next call on any cursor. A packed one is
   * not copied; a plain one is, into memory of its own, so this is for elements that somebody needs in one piece.
   */
  read(arena: Arena): void {
    const segment = segmentOf(this.node);
    if (this.p !== 0) {
      lpBytes(arena.u8[segment]!, arena.dv[segment]!, this.p);
      this.u8 = item.u8;
      this.dv = item.dv;
      this.off = item.off;
      this.len = item.len;
      return;
    }
    this.len = plainLength(arena, this.node);
    this.off = 0;
    this.u8 = new Uint8Array(this.len);
    this.dv = new DataView(this.u8.buffer);
    blobRead(arena, plainBlob(arena, this.node), 0, this.u8, 0, this.len);
  }
}

/** The cursor that commands share. */
export const cursor = new ListCursor();

/** Steps over nodes that `seek` would need at most: what it costs. */
export function seekWork(arena: Arena, e: Ptr, index: number): number {
  const nodes = listNodes(arena, e);
  if (nodes < 64) return nodes;
  const length = listLength(arena, e);
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) return 0;
  return Math.ceil((Math.min(at, length - at) / length) * nodes * 4);
}

// ---- comparing

let wantU8: Uint8Array = NO_BYTES;
let wantOff = 0;
let wantLen = 0;
let wantFirst = 0;
let wantInt = false;
let wantHi = 0;
let wantLo = 0;

/** Says which string `matches` and `findInNode` look for. */
export function want(u8: Uint8Array, off: number, len: number): void {
  wantU8 = u8;
  wantOff = off;
  wantLen = len;
  wantFirst = len > 0 ? u8[off]! : -1;
  wantInt = lpClassify(u8, off, len);
  wantHi = wantInt ? int64.hi : 0;
  wantLo = wantInt ? int64.lo : 0;
}

/** Whether the entry at `p` is the wanted string. */
// hot: LPOS, LREM, LINSERT over long lists
export function entryMatches(u8: Uint8Array, p: number): boolean {
  const head = u8[p]!;
  if (head >= 0x80 && head < 0xc0) {
    if ((head & 63) !== wantLen || wantInt) return false;
    return wantLen === 0 || (u8[p + 1] === wantFirst && sameBytes(u8, p + 1));
  }
  if (head < 0x80) return wantInt && wantLo === head && wantHi === 0;
  lpRead(u8, p);
  if (item.isInt) return wantInt && item.lo === wantLo && item.hi === wantHi;
  return item.len === wantLen && sameBytes(u8, item.off);
}

function sameBytes(u8: Uint8Array, at: number): boolean {
  for (let i = wantLen - 1; i >= 0; i--) if (u8[at + i] !== wantU8[wantOff + i]) return false;
  return true;
}

/** Whether the element of a plain node is the wanted string. */
export function plainMatches(arena: Arena, node: Ptr): boolean {
  if (plainLength(arena, node) !== wantLen) return false;
  const blob = plainBlob(arena, node);
  const wanted = Buffer.from(wantU8.buffer, wantU8.byteOffset + wantOff, wantLen);
  for (let start = 0, index = 0; start < wantLen; start += BLOCK_BYTES, index++) {
    const block = blobBlock(arena, blob, index);
    const n = Math.min(BLOCK_BYTES, wantLen - start);
    const held = Buffer.from(bytesOf(arena, block).buffer, byteIndex(block), n);
    if (held.compare(wanted, start, start + n) !== 0) return false;
  }
  return true;
}

/** The first entry from `p` on, before `end`, that is the wanted string; 0 when there is none. */
export function findInNode(u8: Uint8Array, p: number, end: number): number {
  while (p < end) {
    if (entryMatches(u8, p)) return p;
    p += lpSize(u8, p);
  }
  return 0;
}

/** Sets `cursor` to the first element from the head that is the wanted string; false when there is none. */
export function findFirst(arena: Arena, e: Ptr): boolean {
  for (let node = endNode(arena, e, true); node !== 0; node = nodeNext(arena, node)) {
    cursor.node = node;
    cursor.p = 0;
    if (isPlainNode(arena, node)) {
      if (plainMatches(arena, node)) return true;
      continue;
    }
    cursor.p = findInNode(bytesOf(arena, node), nodeFirst(arena, node), nodeEnd(arena, node));
    if (cursor.p !== 0) return true;
  }
  return false;
}
