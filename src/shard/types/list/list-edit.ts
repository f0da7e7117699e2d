/**
 * Changes inside a list: inserting, replacing, removing by value and by range. What a full node cannot take makes it
 * split at the place of the insertion; small neighbours are joined again after each change of a chain.
 *
 * Invariants: as for list-value.ts. A chain of two nodes is not joined into one after a removal: Redis does not either,
 * and one node is what makes a list small again.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import { moveMany } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { blobFree, blobFrom } from '../../structures/blob.js';
import { lpSize } from '../../structures/listpack-entry.js';
import { cursor, entryMatches, type ListCursor, plainMatches } from './list-cursor.js';
import { isPlain, listLimits } from './list-limits.js';
import {
  addCount,
  closeGap,
  createNode,
  createPlainNode,
  entryAt,
  freeNode,
  gap,
  isPlainNode,
  joinNodes,
  nodeBytes,
  nodeCount,
  nodeEnd,
  nodeFirst,
  nodeNext,
  nodePrevious,
  openGap,
  plainBlob,
  plainLength,
  setPlain,
  splitNode,
} from './list-node.js';
import {
  accepts,
  addLength,
  endNode,
  isPacked,
  linkBetween,
  listLength,
  listNodes,
  measure,
  newNodeRoom,
  pushInto,
  relink,
  unlink,
  writeEntry,
} from './list-value.js';

// ---- joining

function joinable(arena: Arena, left: Ptr, right: Ptr): boolean {
  if (left === 0 || right === 0 || isPlainNode(arena, left) || isPlainNode(arena, right)) return false;
  return (
    nodeBytes(arena, left) + nodeBytes(arena, right) <= listLimits.nodeRoom &&
    nodeCount(arena, left) + nodeCount(arena, right) <= listLimits.countMax
  );
}

/** Joins two neighbours; returns the node that is left. */
function join(arena: Arena, e: Ptr, left: Ptr, right: Ptr): Ptr {
  const joined = joinNodes(arena, left, right);
  relink(arena, e, left, joined);
  unlink(arena, e, right);
  free(arena, right);
  return joined;
}

/** Joins the nodes around `node` where two fit into one. Leaves `cursor` alone. */
function joinAround(arena: Arena, e: Ptr, node: Ptr): void {
  const previous = nodePrevious(arena, node);
  if (previous !== 0 && joinable(arena, nodePrevious(arena, previous), previous)) {
    join(arena, e, nodePrevious(arena, previous), previous);
  }
  const next = nodeNext(arena, node);
  if (next !== 0 && joinable(arena, next, nodeNext(arena, next))) join(arena, e, next, nodeNext(arena, next));
  if (joinable(arena, nodePrevious(arena, node), node)) node = join(arena, e, nodePrevious(arena, node), node);
  if (joinable(arena, node, nodeNext(arena, node))) join(arena, e, node, nodeNext(arena, node));
}

/**
 * After a removal: joins a node that became small with the neighbour on one side (the one that a walk over the list has
 * behind it), unless that would leave one node.
 */
function joinSmall(arena: Arena, e: Ptr, node: Ptr, withNext: boolean): void {
  if (isPacked(arena, e) || nodeBytes(arena, node) * 4 > listLimits.nodeRoom) return;
  if (listNodes(arena, e) <= 2) return;
  const left = withNext ? node : nodePrevious(arena, node);
  const right = withNext ? nodeNext(arena, node) : node;
  if (joinable(arena, left, right)) join(arena, e, left, right);
}

// ---- cutting

/** Number of entries before the absolute offset `at` of a packed node. */
function entriesBefore(arena: Arena, node: Ptr, at: number): number {
  const u8 = bytesOf(arena, node);
  let n = 0;
  for (let p = nodeFirst(arena, node); p < at; p += lpSize(u8, p)) n++;
  return n;
}

/** The nodes on either side of a cut. */
const cut = { left: NULL, right: NULL };

/**
 * Makes the place before (`after`: behind) the cursor's element a border between nodes: `cut`. Throws ArenaFullError.
 */
function cutAt(arena: Arena, e: Ptr, at: ListCursor, after: boolean): void {
  const node = at.node;
  let p = at.p;
  if (p === 0 && after) {
    cut.left = node;
    cut.right = nodeNext(arena, node);
    return;
  }
  if (p !== 0 && after) p += lpSize(bytesOf(arena, node), p);
  if (p === 0 || p === nodeFirst(arena, node)) {
    cut.left = nodePrevious(arena, node);
    cut.right = node;
    return;
  }
  cut.left = node;
  cut.right = nodeNext(arena, node);
  if (p === nodeEnd(arena, node)) return;
  const right = splitNode(arena, node, p, entriesBefore(arena, node, p));
  linkBetween(arena, e, node, cut.right, right);
  cut.right = right;
}

/** Puts a new element at the cut, in whichever node takes it, else in one of its own; joins what fits. */
function insertAtCut(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  const { left, right } = cut;
  const bytes = measure(u8, off, len);
  let node: Ptr;
  if (isPlain(len, bytes)) {
    node = createPlainNode(arena, blobFrom(arena, u8, off, len), len);
    linkBetween(arena, e, left, right, node);
    addLength(arena, e, 1);
  } else if (accepts(arena, left, bytes)) node = pushInto(arena, e, left, u8, dv, off, len, false);
  else if (accepts(arena, right, bytes)) node = pushInto(arena, e, right, u8, dv, off, len, true);
  else {
    const fresh = createNode(arena, left === 0 || right === 0 ? newNodeRoom(arena, e, bytes) : bytes, left !== 0);
    linkBetween(arena, e, left, right, fresh);
    node = pushInto(arena, e, fresh, u8, dv, off, len, left === 0);
  }
  joinAround(arena, e, node);
}

// ---- inserting and replacing

/**
 * Inserts an element before or behind the one at the cursor. @requires `growConvert` was called. Throws ArenaFullError.
 */
export function listInsert(
  arena: Arena,
  e: Ptr,
  at: ListCursor,
  after: boolean,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  const bytes = measure(u8, off, len);
  const { node, p } = at;
  if (isPacked(arena, e) || (!isPlain(len, bytes) && accepts(arena, node, bytes))) {
    const place = after ? p + lpSize(bytesOf(arena, node), p) : p;
    const moved = openGap(arena, node, place, bytes);
    relink(arena, e, node, moved);
    writeEntry(arena, moved, gap.at, u8, dv, off, len);
    addCount(arena, moved, 1);
    addLength(arena, e, 1);
    return;
  }
  cutAt(arena, e, at, after);
  insertAtCut(arena, e, u8, dv, off, len);
}

/**
 * Stores an element in the place of the one at the cursor. @requires `growConvert` was called. Throws ArenaFullError.
 */
export function listReplace(
  arena: Arena,
  e: Ptr,
  at: ListCursor,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  const bytes = measure(u8, off, len);
  const { node, p } = at;
  const plain = isPlain(len, bytes) && !isPacked(arena, e);
  if (p === 0 && plain) {
    const blob = blobFrom(arena, u8, off, len);
    blobFree(arena, plainBlob(arena, node), plainLength(arena, node));
    setPlain(arena, node, blob, len);
    return;
  }
  if (p !== 0 && !plain) {
    const old = lpSize(bytesOf(arena, node), p);
    const room = isPacked(arena, e) ? Number.POSITIVE_INFINITY : listLimits.nodeRoom;
    if (bytes <= old || nodeCount(arena, node) === 1 || nodeBytes(arena, node) - old + bytes <= room) {
      replaceInNode(arena, e, node, p, old, bytes, u8, dv, off, len);
      return;
    }
  }
  // It goes in beside the old one, which is then taken out; either may change which nodes there are.
  cutAt(arena, e, at, false);
  const old = cut.right;
  if (nodeCount(arena, old) === 1) {
    cut.left = nodePrevious(arena, old);
    cut.right = nodeNext(arena, old);
    const fresh = plain ? createPlainNode(arena, blobFrom(arena, u8, off, len), len) : createNode(arena, bytes, true);
    linkBetween(arena, e, old, cut.right, fresh);
    unlink(arena, e, old);
    freeNode(arena, old);
    if (plain) return;
    addLength(arena, e, -1);
    joinAround(arena, e, pushInto(arena, e, fresh, u8, dv, off, len, false));
    return;
  }
  removeEntry(arena, e, old, nodeFirst(arena, old));
  insertAtCut(arena, e, u8, dv, off, len);
}

/** Writes the element that was measured last over `old` bytes at `p`. */
function replaceInNode(
  arena: Arena,
  e: Ptr,
  node: Ptr,
  p: number,
  old: number,
  bytes: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  if (bytes > old) {
    const moved = openGap(arena, node, p, bytes - old);
    relink(arena, e, node, moved);
    arena.touch(moved, gap.at - byteIndex(moved), bytes);
    writeEntry(arena, moved, gap.at, u8, dv, off, len);
    return;
  }
  arena.touch(node, p - byteIndex(node), bytes);
  writeEntry(arena, node, p, u8, dv, off, len);
  if (bytes < old) closeGap(arena, node, p + bytes, p + old);
}

/** Takes one of several entries out of a packed node. */
function removeEntry(arena: Arena, e: Ptr, node: Ptr, p: number): void {
  closeGap(arena, node, p, p + lpSize(bytesOf(arena, node), p));
  addCount(arena, node, -1);
  addLength(arena, e, -1);
}

/** Removes a node with its elements from a chain; the only node of a small list becomes empty. */
function dropNode(arena: Arena, e: Ptr, node: Ptr): void {
  const count = nodeCount(arena, node);
  if (isPacked(arena, e)) {
    closeGap(arena, node, nodeFirst(arena, node), nodeEnd(arena, node));
    addCount(arena, node, -count);
    return;
  }
  addLength(arena, e, -count);
  unlink(arena, e, node);
  freeNode(arena, node);
}

// ---- removing

/** Removes `count` elements from `index` on. @requires so many are there */
export function listRemoveRange(arena: Arena, e: Ptr, index: number, count: number): void {
  invariant(index >= 0 && index + count <= listLength(arena, e), 'so many elements are there');
  if (count === 0) return;
  cursor.seek(arena, e, index);
  let { node, p } = cursor;
  while (count > 0) {
    const next = nodeNext(arena, node);
    const here = nodeCount(arena, node);
    const before = p === 0 || p === nodeFirst(arena, node) ? 0 : entriesBefore(arena, node, p);
    const n = Math.min(count, here - before);
    count -= n;
    if (n === here) dropNode(arena, e, node);
    else {
      const end = before + n === here ? nodeEnd(arena, node) : entryAt(arena, node, before + n);
      closeGap(arena, node, p, end);
      addCount(arena, node, -n);
      addLength(arena, e, -n);
    }
    if (count > 0) {
      node = next;
      p = isPlainNode(arena, node) ? 0 : nodeFirst(arena, node);
    }
  }
}

/**
 * Removes up to `limit` elements equal to the wanted string (`want`), from the head or the tail on. Returns how many.
 */
export function listRemoveMatches(arena: Arena, e: Ptr, limit: number, fromTail: boolean): number {
  let removed = 0;
  let node = endNode(arena, e, !fromTail);
  while (node !== 0 && removed < limit) {
    const next = fromTail ? nodePrevious(arena, node) : nodeNext(arena, node);
    if (isPlainNode(arena, node)) {
      if (plainMatches(arena, node)) {
        removed++;
        dropNode(arena, e, node);
      }
    } else {
      const found = countMatches(arena, node);
      const n = Math.min(found, limit - removed);
      if (n > 0) removeInNode(arena, e, node, fromTail ? found - n : 0, n, fromTail);
      removed += n;
    }
    node = next;
  }
  return removed;
}

function countMatches(arena: Arena, node: Ptr): number {
  const u8 = bytesOf(arena, node);
  const end = nodeEnd(arena, node);
  let n = 0;
  for (let p = nodeFirst(arena, node); p < end; p += lpSize(u8, p)) if (entryMatches(u8, p)) n++;
  return n;
}

/** Takes `n` matching entries out of a packed node after leaving `skip` of them: one pass that closes up what stays. */
function removeInNode(arena: Arena, e: Ptr, node: Ptr, skip: number, n: number, fromTail: boolean): void {
  if (n === nodeCount(arena, node)) {
    dropNode(arena, e, node);
    return;
  }
  const u8 = bytesOf(arena, node);
  const first = nodeFirst(arena, node);
  const end = nodeEnd(arena, node);
  arena.touch(node, first - byteIndex(node), end - first);
  let left = n;
  let to = 0;
  let kept = 0;
  let p = first;
  while (left > 0) {
    const size = lpSize(u8, p);
    if (entryMatches(u8, p) && skip-- <= 0) {
      // What was kept since the last one removed moves up to it.
      if (to === 0) to = p;
      else {
        moveMany(u8, to, kept, p - kept);
        to += p - kept;
      }
      kept = p + size;
      left--;
    }
    p += size;
  }
  closeGap(arena, node, to, kept);
  addCount(arena, node, -n);
  addLength(arena, e, -n);
  joinSmall(arena, e, node, fromTail);
}
