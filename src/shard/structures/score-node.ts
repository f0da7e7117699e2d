/**
 * One node of a counted B+tree of scores (score-tree.ts): a cell of 1024 bytes. Scores stand side by side, apart from
 * what belongs to them, so a search touches few cache lines.
 *
 *     leaf   | entries:4 | level:4 | 84 scores (float64) | 84 elements (Ptr) |
 *     inner  | entries:4 | level:4 | 50 scores | 50 elements | 50 children (Ptr) | 50 counts |
 *
 * Score and element `i` of an inner node are the key of the first entry below child `i`; those of child 0 are not kept
 * up to date and never read: a node above has them. A count is the number of leaf entries below a child.
 *
 * Invariants: (1) lease held; (2) callers announce changes with `touchNode`; (3) no node is empty, except while an
 * operation is in progress.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { alloc } from '../../shared/memory/slab.js';

const NODE_BYTES = 1024;
/** Entries of a node up to this number are moved faster by a loop than by a call. */
const LOOP_MAX = 20;
/** Entries of a leaf, children of an inner node. */
export const LEAF_MAX = 84;
export const INNER_MAX = 50;
/** Words of a node. Scores begin at SCORES (in float64 units from the node's start). */
export const N_ENTRIES = 0;
export const N_LEVEL = 1;
export const SCORES = 1;
export const LEAF_ELEMENTS = 2 + 2 * LEAF_MAX;
export const INNER_ELEMENTS = 2 + 2 * INNER_MAX;
export const CHILDREN = INNER_ELEMENTS + INNER_MAX;
export const COUNTS = CHILDREN + INNER_MAX;

if (LEAF_ELEMENTS + LEAF_MAX > NODE_BYTES / 4 || COUNTS + INNER_MAX > NODE_BYTES / 4) throw new Error('score node');

/** A new node without entries. Throws ArenaFullError. */
export function createNode(arena: Arena, level: number): Ptr {
  const node = alloc(arena, NODE_BYTES);
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  i32[w + N_ENTRIES] = 0;
  i32[w + N_LEVEL] = level;
  return node;
}

/** Announces stores into a node. */
export function touchNode(arena: Arena, node: Ptr): void {
  if (arena.tracking !== 0) arena.touch(node, 0, NODE_BYTES);
}

/** Entries of a leaf, children of an inner node. */
export function nodeEntries(arena: Arena, node: Ptr): number {
  return wordAt(arena, node, 0);
}

/** Most entries that a node of a level has. */
export function nodeMax(level: number): number {
  return level === 1 ? LEAF_MAX : INNER_MAX;
}

/** Child `i` of an inner node. */
export function childOf(arena: Arena, node: Ptr, i: number): Ptr {
  return wordAt(arena, node, CHILDREN + i) as Ptr;
}

/** Number of leaf entries below a node. */
export function nodeTotal(arena: Arena, node: Ptr): number {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  const n = i32[w]!;
  if (i32[w + N_LEVEL] === 1) return n;
  let total = 0;
  for (let i = 0; i < n; i++) total += i32[w + COUNTS + i]!;
  return total;
}

/**
 * Copies `n` entries of `from`, from `i` on, over those of `to` from `k` on; both of the same level, perhaps the same
 * node. The numbers of entries are the caller's. hot: every insert and remove.
 */
export function moveEntries(arena: Arena, from: Ptr, i: number, to: Ptr, k: number, n: number): void {
  const f32 = wordsOf(arena, from);
  const t32 = wordsOf(arena, to);
  const fw = wordIndex(from);
  const tw = wordIndex(to);
  const leaf = f32[fw + N_LEVEL] === 1;
  const f64 = doublesOf(arena, from);
  const t64 = doublesOf(arena, to);
  const fs = unitIndex(from) + SCORES + i;
  const ts = unitIndex(to) + SCORES + k;
  const elements = leaf ? LEAF_ELEMENTS : INNER_ELEMENTS;
  const fe = fw + elements + i;
  const te = tw + elements + k;
  if (from === to && n > LOOP_MAX) {
    t64.copyWithin(ts, fs, fs + n);
    t32.copyWithin(te, fe, fe + n);
    if (leaf) return;
    t32.copyWithin(te + INNER_MAX, fe + INNER_MAX, fe + INNER_MAX + n);
    t32.copyWithin(te + 2 * INNER_MAX, fe + 2 * INNER_MAX, fe + 2 * INNER_MAX + n);
    return;
  }
  if (from !== to || k < i) {
    for (let x = 0; x < n; x++) t64[ts + x] = f64[fs + x]!;
    for (let x = 0; x < n; x++) t32[te + x] = f32[fe + x]!;
    if (leaf) return;
    for (let x = 0; x < n; x++) t32[te + INNER_MAX + x] = f32[fe + INNER_MAX + x]!;
    for (let x = 0; x < n; x++) t32[te + 2 * INNER_MAX + x] = f32[fe + 2 * INNER_MAX + x]!;
    return;
  }
  for (let x = n - 1; x >= 0; x--) t64[ts + x] = f64[fs + x]!;
  for (let x = n - 1; x >= 0; x--) t32[te + x] = f32[fe + x]!;
  if (leaf) return;
  for (let x = n - 1; x >= 0; x--) t32[te + INNER_MAX + x] = f32[fe + INNER_MAX + x]!;
  for (let x = n - 1; x >= 0; x--) t32[te + 2 * INNER_MAX + x] = f32[fe + 2 * INNER_MAX + x]!;
}

/** Makes room for one entry at `i` and counts it. @requires the node is not full */
export function openEntry(arena: Arena, node: Ptr, i: number): void {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  const n = i32[w]!;
  if (i < n) moveEntries(arena, node, i, node, i + 1, n - i);
  i32[w] = n + 1;
}

/** Takes entry `i` out. */
export function closeEntry(arena: Arena, node: Ptr, i: number): void {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  const n = i32[w]!;
  if (i + 1 < n) moveEntries(arena, node, i + 1, node, i, n - i - 1);
  i32[w] = n - 1;
}

/** Stores the number of entries. */
export function setEntries(arena: Arena, node: Ptr, n: number): void {
  wordsOf(arena, node)[wordIndex(node)] = n;
}

/** Stores the key of entry `i`. */
export function setKey(arena: Arena, node: Ptr, i: number, score: number, el: Ptr): void {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  doublesOf(arena, node)[unitIndex(node) + SCORES + i] = score;
  i32[w + (i32[w + N_LEVEL] === 1 ? LEAF_ELEMENTS : INNER_ELEMENTS) + i] = el;
}

/** Gives entry `i` of `to` the key of entry `k` of `from`. */
export function copyKey(arena: Arena, from: Ptr, k: number, to: Ptr, i: number): void {
  setKey(arena, to, i, keyScore(arena, from, k), keyElement(arena, from, k));
}

/** Score of the key of entry `i`. */
export function keyScore(arena: Arena, node: Ptr, i: number): number {
  return doublesOf(arena, node)[unitIndex(node) + SCORES + i]!;
}

/** Element of the key of entry `i`. */
export function keyElement(arena: Arena, node: Ptr, i: number): Ptr {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  return i32[w + (i32[w + N_LEVEL] === 1 ? LEAF_ELEMENTS : INNER_ELEMENTS) + i]! as Ptr;
}

/** Stores child `i` of an inner node, and what is below it. */
export function setChild(arena: Arena, node: Ptr, i: number, child: Ptr, count: number): void {
  const i32 = wordsOf(arena, node);
  const w = wordIndex(node);
  i32[w + CHILDREN + i] = child;
  i32[w + COUNTS + i] = count;
}

/** Number of leaf entries below child `i`. */
export function childCount(arena: Arena, node: Ptr, i: number): number {
  return wordAt(arena, node, COUNTS + i);
}

/** Changes the number of leaf entries below child `i`. */
export function addCount(arena: Arena, node: Ptr, i: number, by: number): void {
  const w = wordIndex(node) + COUNTS + i;
  const i32 = wordsOf(arena, node);
  i32[w] = i32[w]! + by;
}
