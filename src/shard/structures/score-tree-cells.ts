/**
 * The nodes of a score tree as cells: freeing them in slices, counting them, showing them to fsck, and checking that a
 * tree is one. The elements do not belong to the tree but to an element table.
 *
 * Invariants: (1) lease held; (2) a tree that is being freed is not used otherwise; its counts are no longer right.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { cellBytes, free } from '../../shared/memory/slab.js';
import { compareNames } from './element.js';
import {
  childCount,
  childOf,
  keyElement,
  keyScore,
  N_LEVEL,
  nodeEntries,
  nodeMax,
  nodeTotal,
  setEntries,
  touchNode,
} from './score-node.js';
import { HEIGHT_MAX, T_COUNT, T_HEIGHT, T_NODE, TREE_WORDS } from './score-tree.js';

const WAY = new Int32Array(HEIGHT_MAX + 1);

/** Frees up to `leaves` leaves of a tree, and the nodes above that become empty; true when nothing is left. */
export function freeTreeStep(arena: Arena, root: Ptr, word: number, leaves: number): boolean {
  const words = wordsOf(arena, root);
  const base = wordIndex(root) + word;
  const height = words[base + T_HEIGHT]!;
  if (height === 0) return true;
  for (; leaves > 0; leaves--) {
    let node = words[base + T_NODE]! as Ptr;
    for (let level = height; level > 1; level--) {
      WAY[level] = node;
      node = childOf(arena, node, nodeEntries(arena, node) - 1);
    }
    free(arena, node);
    let level = 2;
    for (; level <= height; level++) {
      const above = WAY[level]! as Ptr;
      const n = nodeEntries(arena, above) - 1;
      if (n > 0) {
        touchNode(arena, above);
        setEntries(arena, above, n);
        break;
      }
      free(arena, above);
    }
    if (level <= height) continue;
    arena.touch(root, word * 4, TREE_WORDS * 4);
    words.fill(0, base, base + TREE_WORDS);
    return true;
  }
  return false;
}

/** Calls `visit` for every node of a tree. */
export function visitTree(arena: Arena, root: Ptr, word: number, visit: (ptr: Ptr, what: string) => void): void {
  const words = wordsOf(arena, root);
  const base = wordIndex(root) + word;
  if (words[base + T_HEIGHT] !== 0) visitNode(arena, words[base + T_NODE]! as Ptr, words[base + T_HEIGHT]!, visit);
}

function visitNode(arena: Arena, node: Ptr, level: number, visit: (ptr: Ptr, what: string) => void): void {
  visit(node, 'score node');
  if (level === 1) return;
  const n = nodeEntries(arena, node);
  for (let i = 0; i < n; i++) visitNode(arena, childOf(arena, node, i), level - 1, visit);
}

/** Bytes of the nodes of a tree. O(nodes). */
export function treeCellBytes(arena: Arena, root: Ptr, word: number): number {
  let bytes = 0;
  visitTree(arena, root, word, (ptr) => {
    bytes += cellBytes(arena, ptr);
  });
  return bytes;
}

/** What is wrong with a tree, one line each; for tests and fsck. O(n). */
export function checkTree(arena: Arena, root: Ptr, word: number): string[] {
  const words = wordsOf(arena, root);
  const base = wordIndex(root) + word;
  const height = words[base + T_HEIGHT]!;
  const count = words[base + T_COUNT]!;
  const errors: string[] = [];
  if (height === 0) {
    if (count !== 0) errors.push(`score tree: no node, but ${count} entries`);
    return errors;
  }
  const top = words[base + T_NODE]! as Ptr;
  if (nodeTotal(arena, top) !== count) errors.push(`score tree: ${count} entries, the root has another number`);
  let last: { score: number; el: Ptr } | null = null;
  const walk = (node: Ptr, level: number): Ptr => {
    const n = nodeEntries(arena, node);
    if (n < 1 || n > nodeMax(level)) errors.push(`score node of level ${level} with ${n} entries`);
    if (level > 1 && n < 2) errors.push('inner score node with one child');
    const nodeLevel = wordAt(arena, node, N_LEVEL);
    if (nodeLevel !== level) errors.push(`score node of level ${nodeLevel} where ${level} belongs`);
    let first = 0 as Ptr;
    for (let i = 0; i < n; i++) {
      if (level === 1) {
        const score = keyScore(arena, node, i);
        const el = keyElement(arena, node, i);
        if (last !== null && !(last.score < score || (last.score === score && compareNames(arena, last.el, el) < 0))) {
          errors.push(`score tree: ${last.score} before ${score}`);
        }
        last = { score, el };
        if (i === 0) first = el;
        continue;
      }
      const child = childOf(arena, node, i);
      if (nodeTotal(arena, child) !== childCount(arena, node, i)) errors.push('score node: wrong count of a child');
      const below = walk(child, level - 1);
      if (i === 0) first = below;
      else if (keyElement(arena, node, i) !== below) errors.push('score node: a key is not the first below it');
    }
    return first;
  };
  walk(top, height);
  return errors;
}
