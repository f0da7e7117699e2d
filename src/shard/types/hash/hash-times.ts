/**
 * The times of expiry of a big hash's fields, in order: a counted B+tree (structures/score-tree.ts) of the fields'
 * elements by unix ms, whose words are in the root cell of the table from TIMES_WORD on. Without such fields it takes
 * no memory.
 *
 * Invariants: (1) lease held; (2) an element is here exactly while it has a number, under that number; (3) an element
 * is still whole when it is removed or swapped, as its name decides among equal times.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes, free } from '../../../shared/memory/slab.js';
import { TYPE_HASH } from '../../entry/entry.js';
import { elementNumber, hasNumber, setElementNumber } from '../../structures/element.js';
import { ElementCursor, visitTableValue } from '../../structures/element-table.js';
import { freeTableStep, type GarbageKind, garbageNumber } from '../../structures/garbage.js';
import { childOf, nodeEntries, setEntries, touchNode } from '../../structures/score-node.js';
import { HEIGHT_MAX, ScoreTree, T_COUNT, T_HEIGHT, T_NODE } from '../../structures/score-tree.js';

/** First word of the tree in the table's root cell. */
export const TIMES_WORD = 8;

const TREE = new ScoreTree();
const WAY = new Int32Array(HEIGHT_MAX + 1);

function treeWord(arena: Arena, root: Ptr, word: number): number {
  return wordAt(arena, root, TIMES_WORD + word);
}

/** Adds an element that expires at `atMs`. Throws ArenaFullError, and nothing has changed then. */
export function timesAdd(arena: Arena, root: Ptr, atMs: number, el: Ptr): void {
  TREE.open(arena, root, TIMES_WORD).insert(atMs, el);
}

/** Takes an element out. Never fails. */
export function timesRemove(arena: Arena, root: Ptr, atMs: number, el: Ptr): void {
  if (!TREE.open(arena, root, TIMES_WORD).remove(atMs, el)) throw new Error('hash times: no such element');
}

/** Gives an element another time, in its cell too. Throws ArenaFullError, and nothing has changed then. */
export function timesMove(arena: Arena, root: Ptr, el: Ptr, atMs: number): void {
  TREE.open(arena, root, TIMES_WORD).move(elementNumber(arena, el), el, atMs);
  setElementNumber(arena, el, atMs);
}

/** Puts another cell of the same name in the place of an element. */
export function timesSwap(arena: Arena, root: Ptr, atMs: number, el: Ptr, next: Ptr): void {
  TREE.open(arena, root, TIMES_WORD).swap(atMs, el, next);
}

/** The element that expires first; 0 when none does. */
export function timesFirst(arena: Arena, root: Ptr): Ptr {
  return treeWord(arena, root, T_HEIGHT) === 0 ? NULL : TREE.open(arena, root, TIMES_WORD).at(0);
}

/** When that is; Infinity when none does. */
export function timesNextAt(arena: Arena, root: Ptr): number {
  const el = timesFirst(arena, root);
  return el === NULL ? Number.POSITIVE_INFINITY : elementNumber(arena, el);
}

/** How many expire before `nowMs`. */
export function timesDue(arena: Arena, root: Ptr, nowMs: number): number {
  if (treeWord(arena, root, T_HEIGHT) === 0) return 0;
  return TREE.open(arena, root, TIMES_WORD).rankOfScore(nowMs, false);
}

/** How many expire at some time. */
export function timesCount(arena: Arena, root: Ptr): number {
  return treeWord(arena, root, T_COUNT);
}

/** Fills the empty tree of a copied table. Throws ArenaFullError. */
export function copyTimes(arena: Arena, root: Ptr): void {
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== NULL; el = cursor.next()) {
    if (hasNumber(arena, el)) timesAdd(arena, root, elementNumber(arena, el), el);
  }
}

/** A table of fields with the tree of their times. */
export const HASH_GARBAGE: GarbageKind = {
  number: garbageNumber(TYPE_HASH, 0),
  step: (arena, root) => freeTimesStep(arena, root) && freeTableStep(arena, root),
  visit: (arena, root, visit) => {
    visitTimes(arena, root, visit);
    visitTableValue(arena, root, visit);
  },
};

/** Frees a bounded part of the tree; true when there is nothing left of it. */
function freeTimesStep(arena: Arena, root: Ptr): boolean {
  const height = treeWord(arena, root, T_HEIGHT);
  if (height === 0) return true;
  let node = treeWord(arena, root, T_NODE) as Ptr;
  for (let level = height; level > 2; level--) {
    WAY[level] = node;
    node = childOf(arena, node, nodeEntries(arena, node) - 1);
  }
  if (height > 1) for (let i = nodeEntries(arena, node) - 1; i >= 0; i--) free(arena, childOf(arena, node, i));
  free(arena, node);
  for (let level = 3; level <= height; level++) {
    const above = WAY[level]! as Ptr;
    const left = nodeEntries(arena, above) - 1;
    if (left > 0) {
      touchNode(arena, above);
      setEntries(arena, above, left);
      return false;
    }
    free(arena, above);
  }
  arena.touch(root, TIMES_WORD * 4, 12);
  const w = wordIndex(root) + TIMES_WORD;
  wordsOf(arena, root).fill(0, w, w + 3);
  return true;
}

/** Bytes of the tree's nodes. */
export function timesCellBytes(arena: Arena, root: Ptr): number {
  let bytes = 0;
  visitTimes(arena, root, (ptr) => {
    bytes += cellBytes(arena, ptr);
  });
  return bytes;
}

/** Calls `visit` for each node of the tree. */
export function visitTimes(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const height = treeWord(arena, root, T_HEIGHT);
  if (height > 0) visitNode(arena, treeWord(arena, root, T_NODE) as Ptr, height, visit);
}

function visitNode(arena: Arena, node: Ptr, level: number, visit: (ptr: Ptr, what: string) => void): void {
  visit(node, 'node of field times');
  if (level === 1) return;
  const n = nodeEntries(arena, node);
  for (let i = 0; i < n; i++) visitNode(arena, childOf(arena, node, i), level - 1, visit);
}
