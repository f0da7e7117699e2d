/**
 * A list as a value: one node while it is small (LIST_PACKED), a chain of nodes under a root cell when it is not
 * (LIST_QUICK). Both have the same nodes, so a conversion moves no element.
 *
 *     LIST_PACKED  entry -> node
 *     LIST_QUICK   entry -> | head | tail | elements | nodes |      head <-> node <-> ... <-> tail
 *
 * Ends are O(1); what lies inside is reached over the nodes from the nearer end. When a list becomes one or the other
 * is Redis 7.2's rule: it grows out of a listpack when its bytes and those of the arguments, or its entries, pass
 * list-max-listpack-size, and comes back when one packed node of at most half that is left.
 *
 * Invariants: (1) lease held; (2) `useListLimits` was called since the command began; (3) a list in the keyspace has at
 * least one element, no node is empty (the only node of LIST_PACKED may be while a command runs); (4) bytes given to a
 * function do not lie in the list itself, for its nodes may move.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, doublesOf, segmentOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyWords, zeroUnits } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, free } from '../../../shared/memory/slab.js';
import { LIST_PACKED, LIST_QUICK } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { moveRoot, rootOf, setRoot } from '../../entry/root.js';
import { blobFree, blobFrom } from '../../structures/blob.js';
import { lpEntryBytes, lpPrevOf, lpSize, lpWrite } from '../../structures/listpack-entry.js';
import { exceedsLimits, isPlain, LISTPACK_HEAD_BYTES, listLimits, NODE_ROOM_MAX } from './list-limits.js';
import {
  addCount,
  closeGap,
  createNode,
  createPlainNode,
  freeNode,
  gap,
  isPlainNode,
  N_COUNT,
  nodeBytes,
  nodeCount,
  nodeEnd,
  nodeFirst,
  nodeNext,
  nodePrevious,
  openBack,
  openFront,
  setNext,
  setPrevious,
  shrinkNode,
} from './list-node.js';

/** Words of the root cell of LIST_QUICK. */
export const Q_HEAD = 0;
export const Q_TAIL = 1;
export const Q_COUNT = 2;
export const Q_NODES = 3;
/** Four words are ours; the others are for the list of garbage (structures/garbage.ts). */
const ROOT_BYTES = 64;
/** If a list has this many nodes, a new node is made at its full size at once. */
const WHOLE_NODES_FROM = 8;
/** Longest string whose entry has a head of one byte. */
const SHORT_MAX = 63;
const DIGIT_NINE = 57;

/** Bytes of the last element measured by `measure`, and whether it is a string of up to 63 bytes for sure. */
let entryBytes = 0;
let short = false;

// ---- roots

/** Whether the list is one node without a root cell. */
export function isPacked(arena: Arena, e: Ptr): boolean {
  return entryEncoding(arena, e) === LIST_PACKED;
}

/** A word of the root cell. @requires LIST_QUICK */
export function rootWord(arena: Arena, e: Ptr, word: number): number {
  invariant(!isPacked(arena, e), 'LIST_QUICK');
  const root = rootOf(arena, e);
  return wordAt(arena, root, word);
}

function setRootWord(arena: Arena, root: Ptr, word: number, value: number): void {
  arena.touch(root, word * 4, 4);
  wordsOf(arena, root)[wordIndex(root) + word] = value;
}

/** Adds to the number of elements in the root cell, if there is one. */
export function addLength(arena: Arena, e: Ptr, n: number): void {
  if (isPacked(arena, e)) return;
  const root = rootOf(arena, e);
  setRootWord(arena, root, Q_COUNT, rootWord(arena, e, Q_COUNT) + n);
}

/** The first or last node; 0 only while a command builds a list. */
export function endNode(arena: Arena, e: Ptr, head: boolean): Ptr {
  const root = rootOf(arena, e);
  if (isPacked(arena, e)) return root;
  return wordAt(arena, root, head ? Q_HEAD : Q_TAIL) as Ptr;
}

/** Number of elements. @requires lease */
export function listLength(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  const word = wordAt(arena, root, Q_COUNT);
  return isPacked(arena, e) ? word & 0xffff : word;
}

/** Number of nodes. */
export function listNodes(arena: Arena, e: Ptr): number {
  return isPacked(arena, e) ? 1 : rootWord(arena, e, Q_NODES);
}

/** A node without entries for a new list that begins with an element of about `bytes`. Throws ArenaFullError. */
export function createPacked(arena: Arena, bytes: number, head: boolean): Ptr {
  return createNode(arena, bytes < NODE_ROOM_MAX ? bytes : 0, !head);
}

/** Puts `node`, to which `old` moved, in its place. */
export function relink(arena: Arena, e: Ptr, old: Ptr, node: Ptr): void {
  if (old === node) return;
  if (isPacked(arena, e)) {
    moveRoot(arena, e, node);
    return;
  }
  const previous = nodePrevious(arena, node);
  const next = nodeNext(arena, node);
  if (previous !== 0) setNext(arena, previous, node);
  else setRootWord(arena, rootOf(arena, e), Q_HEAD, node);
  if (next !== 0) setPrevious(arena, next, node);
  else setRootWord(arena, rootOf(arena, e), Q_TAIL, node);
}

/** Puts a new node between two neighbours, either of which may be 0 at an end. Counts the node, not its elements. */
export function linkBetween(arena: Arena, e: Ptr, left: Ptr, right: Ptr, node: Ptr): void {
  const root = rootOf(arena, e);
  setPrevious(arena, node, left);
  setNext(arena, node, right);
  if (left !== 0) setNext(arena, left, node);
  else setRootWord(arena, root, Q_HEAD, node);
  if (right !== 0) setPrevious(arena, right, node);
  else setRootWord(arena, root, Q_TAIL, node);
  setRootWord(arena, root, Q_NODES, rootWord(arena, e, Q_NODES) + 1);
}

/** Takes a node out of the chain; it is not freed, its elements stay counted. */
export function unlink(arena: Arena, e: Ptr, node: Ptr): void {
  const root = rootOf(arena, e);
  const previous = nodePrevious(arena, node);
  const next = nodeNext(arena, node);
  if (previous !== 0) setNext(arena, previous, next);
  else setRootWord(arena, root, Q_HEAD, next);
  if (next !== 0) setPrevious(arena, next, previous);
  else setRootWord(arena, root, Q_TAIL, previous);
  setRootWord(arena, root, Q_NODES, rootWord(arena, e, Q_NODES) - 1);
}

// ---- conversions

/**
 * To be called before elements are added: `addBytes` is the sum of their lengths, `count` their number, `entries` an
 * upper bound of their bytes as entries. Redis's rule for leaving the listpack, and the cell's size. Throws
 * ArenaFullError.
 */
export function growConvert(arena: Arena, e: Ptr, addBytes: number, count: number, entries: number): void {
  if (!isPacked(arena, e)) return;
  const node = rootOf(arena, e);
  const bytes = nodeBytes(arena, node);
  if (
    !exceedsLimits(bytes + LISTPACK_HEAD_BYTES + addBytes, nodeCount(arena, node) + count) &&
    bytes + entries <= NODE_ROOM_MAX
  ) {
    return;
  }
  toQuick(arena, e);
}

/** Puts a root cell over the only node. Throws ArenaFullError. @requires LIST_PACKED */
export function toQuick(arena: Arena, e: Ptr): void {
  invariant(isPacked(arena, e), 'LIST_PACKED');
  const node = rootOf(arena, e);
  const count = nodeCount(arena, node);
  const root = createRoot(arena);
  if (count === 0) freeNode(arena, node);
  else {
    setRootWord(arena, root, Q_HEAD, node);
    setRootWord(arena, root, Q_TAIL, node);
    setRootWord(arena, root, Q_COUNT, count);
    setRootWord(arena, root, Q_NODES, 1);
  }
  setRoot(arena, e, LIST_QUICK, root);
}

/** A root cell without nodes. Throws ArenaFullError. */
export function createRoot(arena: Arena): Ptr {
  const root = alloc(arena, ROOT_BYTES);
  zeroUnits(doublesOf(arena, root), unitIndex(root), ROOT_BYTES / 8);
  return root;
}

/** An upper bound of the bytes that a string of `len` bytes takes as an entry. */
export function entryBound(len: number): number {
  return len < 64 ? len + 2 : len + 10;
}

/**
 * To be called after elements were removed: a list of one packed node goes back to the small encoding, `shrinking` only
 * when it is at most half of what that may hold. @requires the list is not empty
 */
export function shrinkConvert(arena: Arena, e: Ptr, shrinking: boolean): void {
  invariant(listLength(arena, e) > 0, 'the list is not empty');
  if (isPacked(arena, e)) {
    const node = rootOf(arena, e);
    relink(arena, e, node, shrinkNode(arena, node));
    return;
  }
  if (rootWord(arena, e, Q_NODES) !== 1) return;
  const node = endNode(arena, e, true);
  if (isPlainNode(arena, node)) return;
  const { bytesMax, countMax } = listLimits;
  const half = shrinking ? 2 : 1;
  if (nodeBytes(arena, node) + LISTPACK_HEAD_BYTES > bytesMax / half) return;
  if (nodeCount(arena, node) > Math.floor(countMax / half)) return;
  // First what may fail for want of memory.
  const packed = shrinkNode(arena, node);
  free(arena, rootOf(arena, e));
  setRoot(arena, e, LIST_PACKED, packed);
}

// ---- pushing

/** Measures an element; `writeEntry` of the same bytes may follow. Returns its bytes as an entry. */
// hot: every push
export function measure(u8: Uint8Array, off: number, len: number): number {
  short = len <= SHORT_MAX && (len === 0 || u8[off]! > DIGIT_NINE);
  entryBytes = short ? len + 2 : lpEntryBytes(u8, off, len);
  return entryBytes;
}

/** Writes the element that was measured last at the absolute offset `at` of a node's segment. */
// hot: every push
export function writeEntry(
  arena: Arena,
  node: Ptr,
  at: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  const segment = segmentOf(node);
  const dst = arena.u8[segment]!;
  if (!short) {
    lpWrite(dst, at, u8, off, len);
    return;
  }
  dst[at] = 0x80 | len;
  copyWords(dst, arena.dv[segment]!, at + 1, u8, dv, off, len);
  dst[at + 1 + len] = len + 1;
}

/** Whether an entry of `bytes` may join the elements of a node of a chain. */
export function accepts(arena: Arena, node: Ptr, bytes: number): boolean {
  if (node === 0) return false;
  const count = wordAt(arena, node, N_COUNT);
  // A plain node's word is beyond every count.
  return count < 0xffff && count < listLimits.countMax && nodeBytes(arena, node) + bytes <= listLimits.nodeRoom;
}

/** Adds an element at an end. @requires `growConvert` was called. Throws ArenaFullError. */
// hot: LPUSH, RPUSH
export function listPush(
  arena: Arena,
  e: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  head: boolean,
): void {
  const bytes = measure(u8, off, len);
  let node = endNode(arena, e, head);
  if (!isPacked(arena, e)) {
    if (isPlain(len, bytes)) {
      const blob = blobFrom(arena, u8, off, len);
      try {
        pushPlain(arena, e, blob, len, head);
      } catch (error) {
        blobFree(arena, blob, len);
        throw error;
      }
      return;
    }
    if (!accepts(arena, node, bytes)) {
      const fresh = createNode(arena, newNodeRoom(arena, e, bytes), !head);
      if (head) linkBetween(arena, e, NULL, node, fresh);
      else linkBetween(arena, e, node, NULL, fresh);
      node = fresh;
    }
  }
  pushInto(arena, e, node, u8, dv, off, len, head);
}

/** Adds the element that was measured last at an end of a node, and counts it. Returns the node. */
export function pushInto(
  arena: Arena,
  e: Ptr,
  node: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  head: boolean,
): Ptr {
  const moved = head ? openFront(arena, node, entryBytes) : openBack(arena, node, entryBytes);
  if (moved !== node) relink(arena, e, node, moved);
  writeEntry(arena, moved, gap.at, u8, dv, off, len);
  addCount(arena, moved, 1);
  addLength(arena, e, 1);
  return moved;
}

/** Room of a new node of a chain that begins with an entry of `bytes`. */
export function newNodeRoom(arena: Arena, e: Ptr, bytes: number): number {
  const room = listLimits.nodeRoom;
  const first = rootWord(arena, e, Q_NODES) >= WHOLE_NODES_FROM && listLimits.fill < 0 ? room : (room >> 2) & ~7;
  return listLimits.fill >= 0 || bytes > first ? bytes : first;
}

/**
 * Adds a blob, which is the list's from now on, as an element at an end. Throws ArenaFullError. @requires LIST_QUICK
 */
export function pushPlain(arena: Arena, e: Ptr, blob: Ptr, length: number, head: boolean): void {
  invariant(!isPacked(arena, e), 'LIST_QUICK');
  const node = createPlainNode(arena, blob, length);
  const end = endNode(arena, e, head);
  if (head) linkBetween(arena, e, NULL, end, node);
  else linkBetween(arena, e, end, NULL, node);
  addLength(arena, e, 1);
}

// ---- popping

/** Removes the element at an end and frees what it held. @requires the list is not empty */
// hot: LPOP, RPOP
export function listPop(arena: Arena, e: Ptr, head: boolean): void {
  invariant(listLength(arena, e) > 0, 'the list is not empty');
  const node = endNode(arena, e, head);
  const packed = isPacked(arena, e);
  if (!packed) {
    addLength(arena, e, -1);
    if (nodeCount(arena, node) === 1) {
      unlink(arena, e, node);
      freeNode(arena, node);
      return;
    }
  }
  const u8 = bytesOf(arena, node);
  if (head) {
    const first = nodeFirst(arena, node);
    closeGap(arena, node, first, first + lpSize(u8, first));
  } else {
    const end = nodeEnd(arena, node);
    closeGap(arena, node, lpPrevOf(u8, end), end);
  }
  addCount(arena, node, -1);
}
