/**
 * Big sorted sets: an element table (structures/element-table.ts) whose elements are the members with their scores,
 * and a counted B+tree of them by score and name (score-tree.ts), whose words are in the table's root cell.
 *
 *     root cell:  table | TREE_WORD: node, height, count
 *
 * Invariants: (1) lease held; (2) every element is in table and tree, in the tree under the score in its cell; (3) each
 * change happens or, when memory runs out, does not.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import {
  createMember,
  elementName,
  elementNumber,
  freeElement,
  name,
  setElementNumber,
} from '../../structures/element.js';
import {
  addElement,
  createTableRoot,
  ElementTable,
  ROOT_TYPE_WORD,
  visitTableValue,
} from '../../structures/element-table.js';
import { freeTableStep, type GarbageKind, garbageNumber, giveUp, isSmallTable } from '../../structures/garbage.js';
import { lpFirst } from '../../structures/listpack.js';
import { item, lpBytes } from '../../structures/listpack-entry.js';
import { ScoreTree } from '../../structures/score-tree.js';
import { freeTreeStep, visitTree } from '../../structures/score-tree-cells.js';
import { packedNext, packedScore } from './zset-packed.js';

/** First word of the tree in the root cell. */
export const TREE_WORD = ROOT_TYPE_WORD;

/** Leaves of the tree that one step of freeing frees. */
const LEAVES_AT_ONCE = 64;

/** A table of members with the tree of their scores. */
export const ZSET_GARBAGE: GarbageKind = {
  number: garbageNumber(TYPE_ZSET, 0),
  step: (arena, root) => freeTreeStep(arena, root, TREE_WORD, LEAVES_AT_ONCE) && freeTableStep(arena, root),
  visit: (arena, root, visit) => {
    visitTree(arena, root, TREE_WORD, visit);
    visitTableValue(arena, root, visit);
  },
};

/** Frees a big sorted set: at once when it is small for one, in slices later when it is not. */
export function freeScoredRoot(arena: Arena, root: Ptr): void {
  giveUp(arena, root, ZSET_GARBAGE, isSmallTable(arena, root));
}

const TABLE = new ElementTable();
const TREE = new ScoreTree();

/** The table of a root: one shared view, good until the next call here. */
export function openZsetTable(arena: Arena, root: Ptr): ElementTable {
  return TABLE.open(arena, root);
}

/** The tree of a root: one shared view, good until the next call here. */
export function openZsetTree(arena: Arena, root: Ptr): ScoreTree {
  return TREE.open(arena, root, TREE_WORD);
}

/** A root without members. Throws ArenaFullError. */
export function createZsetTree(arena: Arena): Ptr {
  return createTableRoot(arena);
}

/** The element of a member, 0 if there is none. Leaves the table's cursor there. */
export function treeFind(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
  return TABLE.open(arena, root).find(u8, dv, off, len);
}

/** Adds the member that the last `treeFind` in this root did not find. Throws ArenaFullError. */
// hot: ZADD of a new member
export function treeAdd(
  arena: Arena,
  root: Ptr,
  score: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  const el = createMember(arena, u8, dv, off, len, true, score);
  let inTree = false;
  try {
    TREE.open(arena, root, TREE_WORD).insert(score, el);
    inTree = true;
    TABLE.insert(el);
  } catch (error) {
    if (inTree) TREE.remove(score, el);
    freeElement(arena, el);
    throw error;
  }
}

/** Adds a member that is known not to be there. Throws ArenaFullError. */
export function treeAddNew(
  arena: Arena,
  root: Ptr,
  score: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): void {
  const el = createMember(arena, u8, dv, off, len, true, score);
  let inTree = false;
  try {
    TREE.open(arena, root, TREE_WORD).insert(score, el);
    inTree = true;
    addElement(TABLE.open(arena, root), el);
  } catch (error) {
    if (inTree) TREE.remove(score, el);
    freeElement(arena, el);
    throw error;
  }
}

/** Gives an element another score. Throws ArenaFullError. */
// hot: ZADD and ZINCRBY of a member that is there
export function treeMove(arena: Arena, root: Ptr, el: Ptr, score: number): void {
  TREE.open(arena, root, TREE_WORD).move(elementNumber(arena, el), el, score);
  setElementNumber(arena, el, score);
}

/** Removes the element that the last `treeFind` in this root found. */
// hot: ZREM
export function treeRemove(arena: Arena, root: Ptr, el: Ptr): void {
  TREE.open(arena, root, TREE_WORD).remove(elementNumber(arena, el), el);
  TABLE.remove();
  freeElement(arena, el);
}

/** Takes the element at a rank out of tree and table; the cell is the caller's. @requires there is one */
// hot: ZPOPMIN
export function treeTake(arena: Arena, root: Ptr, rank: number): Ptr {
  const el = TREE.open(arena, root, TREE_WORD).takeAt(rank);
  elementName(arena, el);
  const table = TABLE.open(arena, root);
  table.find(name.u8, name.dv, name.off, name.len);
  table.remove();
  return el;
}

/** A root with the members of a listpack, which is the caller's. Throws ArenaFullError. */
export function treeFromPacked(arena: Arena, packed: Ptr, u8: Uint8Array, dv: DataView): Ptr {
  const root = createTableRoot(arena);
  try {
    for (let p = lpFirst(arena, packed); p !== 0; p = packedNext(u8, p)) {
      const score = packedScore(u8, p);
      lpBytes(u8, dv, p);
      treeAddNew(arena, root, score, item.u8, item.dv, item.off, item.len);
    }
  } catch (error) {
    freeScoredRoot(arena, root);
    throw error;
  }
  return root;
}
