/** What the keyspace must know of a sorted set: its bytes, freeing, copying, and its cells for fsck. */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, wordsOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes, free } from '../../../shared/memory/slab.js';
import { shortestText } from '../../../shared/resp/double-text.js';
import { mixDigest, xorDigest } from '../../entry/digest-mix.js';
import { ZSET_PACKED, ZSET_TREE } from '../../entry/encodings.js';
import { entryEncoding, valueWord } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { compareBytes, elementName, elementNumber, name } from '../../structures/element.js';
import { tableCellBytes, visitTableValue } from '../../structures/element-table.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { ScoreCursor } from '../../structures/score-cursor.js';
import { checkTree, treeCellBytes, visitTree } from '../../structures/score-tree-cells.js';
import { ZsetCursor } from './zset-cursor.js';
import { createZsetTree, freeScoredRoot, TREE_WORD, treeAddNew } from './zset-tree.js';
import { zsetCount } from './zset-value.js';

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function zsetCellBytes(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) return cellBytes(arena, root);
  return tableCellBytes(arena, root) + treeCellBytes(arena, root, TREE_WORD);
}

/** Frees what the value has outside the entry. @requires lease */
export function zsetFree(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_TREE) freeScoredRoot(arena, root);
  else free(arena, root);
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function zsetCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const w = valueWord(to, copy);
  const root = copyRoot(from, e, to);
  const i32 = wordsOf(to, copy);
  i32[w] = root;
  i32[w + 1] = 0;
}

function copyRoot(from: Arena, e: Ptr, to: Arena): Ptr {
  const root = rootOf(from, e);
  if (entryEncoding(from, e) === ZSET_PACKED) {
    return lpFrom(to, bytesOf(from, root), byteIndex(root), lpTotal(from, root));
  }
  const copy = createZsetTree(to);
  const cursor = new ScoreCursor().open(from, root, TREE_WORD, 0);
  try {
    for (let el = cursor.next(); el !== 0; el = cursor.next()) {
      elementName(from, el);
      treeAddNew(to, copy, cursor.score, name.u8, name.dv, name.off, name.len);
    }
  } catch (error) {
    freeScoredRoot(to, copy);
    throw error;
  }
  return copy;
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function zsetVisit(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    visit(root, 'sorted set in one cell');
    return;
  }
  visitTableValue(arena, root, visit);
  visitTree(arena, root, TREE_WORD, visit);
}

/** What is wrong with the order of a sorted set, one line each, for fsck. O(n). @requires lease */
export function zsetCheck(arena: Arena, e: Ptr): string[] {
  if (entryEncoding(arena, e) === ZSET_PACKED) return checkPacked(arena, e);
  const root = rootOf(arena, e);
  const errors = checkTree(arena, root, TREE_WORD);
  const cursor = new ScoreCursor().open(arena, root, TREE_WORD, 0);
  let n = 0;
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    n++;
    if (elementNumber(arena, el) !== cursor.score) errors.push(`sorted set: ${cursor.score} in the tree only`);
  }
  if (n !== zsetCount(arena, e)) errors.push(`sorted set: ${n} in the tree, ${zsetCount(arena, e)} in the table`);
  return errors;
}

function checkPacked(arena: Arena, e: Ptr): string[] {
  const cursor = new ZsetCursor().open(arena, e, 0);
  const errors: string[] = [];
  let last = Number.NEGATIVE_INFINITY;
  let member = new Uint8Array(0);
  for (let n = 0; cursor.next(); n++) {
    const next = cursor.u8.slice(cursor.off, cursor.off + cursor.len);
    const inOrder =
      last < cursor.score ||
      (last === cursor.score && compareBytes(member, 0, member.length, next, 0, next.length) < 0) ||
      n === 0;
    if (!inOrder) errors.push(`sorted set: ${last} before ${cursor.score}`);
    last = cursor.score;
    member = next;
  }
  return errors;
}

/** The encoding as OBJECT ENCODING names it. */
export function zsetEncodingName(arena: Arena, e: Ptr): string {
  return entryEncoding(arena, e) === ZSET_PACKED ? 'listpack' : 'skiplist';
}

const DIGEST_BYTES = 20;

/** Mixes the members and scores into a digest as Redis's DEBUG DIGEST does: in any order. */
export function zsetDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  const cursor = new ZsetCursor().open(arena, e, 0);
  while (cursor.next()) {
    const pair = new Uint8Array(DIGEST_BYTES);
    mixDigest(pair, cursor.u8.slice(cursor.off, cursor.off + cursor.len));
    mixDigest(pair, Buffer.from(shortestText(cursor.score), 'latin1'));
    xorDigest(digest, pair);
  }
}
