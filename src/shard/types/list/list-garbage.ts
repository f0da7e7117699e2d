/**
 * Freeing the nodes of a chain, at once or in steps: a long list that was given up is freed by the shard's thread
 * (structures/garbage.ts), so that DEL costs the same whatever it removes.
 *
 * Invariants: (1) lease held; (2) a given-up root is reached from the list of garbage only; its Q_HEAD is the first
 * node that is not freed yet, whose link back means nothing.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { TYPE_LIST } from '../../entry/entry.js';
import { blobBlock, blockCount } from '../../structures/blob.js';
import { type GarbageKind, garbageNumber } from '../../structures/garbage.js';
import { freeNode, isPlainNode, nodeNext, plainBlob, plainLength } from './list-node.js';
import { Q_HEAD } from './list-value.js';

/** Nodes that one step frees; a chain of so many is freed at once. */
export const NODES_A_STEP = 64;

/** A chain of nodes. */
export const LIST_GARBAGE: GarbageKind = {
  number: garbageNumber(TYPE_LIST, 0),
  step: freeListStep,
  visit: visitListGarbage,
};

/** Frees up to NODES_A_STEP nodes of a given-up chain; true when that was all, and the root is freed too. */
function freeListStep(arena: Arena, root: Ptr): boolean {
  const words = wordsOf(arena, root);
  const w = wordIndex(root) + Q_HEAD;
  let node = words[w]! as Ptr;
  for (let n = 0; n < NODES_A_STEP && node !== 0; n++) {
    const next = nodeNext(arena, node);
    freeNode(arena, node);
    node = next;
  }
  arena.touch(root, Q_HEAD * 4, 4);
  words[w] = node;
  if (node !== 0) return false;
  free(arena, root);
  return true;
}

/** Calls `visit` for the cells of a given-up chain, for fsck. */
function visitListGarbage(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visit(root, 'list root');
  const first = wordAt(arena, root, Q_HEAD) as Ptr;
  for (let node = first; node !== 0; node = nodeNext(arena, node)) visitNode(arena, node, visit);
}

/** Calls `visit` for a node and what it holds. */
export function visitNode(arena: Arena, node: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visit(node, 'list node');
  if (!isPlainNode(arena, node)) return;
  const blob = plainBlob(arena, node);
  visit(blob, 'directory of a list element');
  for (let i = 0; i < blockCount(plainLength(arena, node)); i++) {
    const block = blobBlock(arena, blob, i);
    if (block !== 0) visit(block, 'block of a list element');
  }
}
