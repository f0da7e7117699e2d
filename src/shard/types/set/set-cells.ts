/** What the keyspace must know of a set: its bytes, freeing, copying, and its cells for fsck. */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, wordsOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes, free } from '../../../shared/memory/slab.js';
import { xorDigest } from '../../entry/digest-mix.js';
import { SET_INTSET, SET_TABLE } from '../../entry/encodings.js';
import { entryEncoding, valueWord } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { tableCellBytes, visitTableValue } from '../../structures/element-table.js';
import { copyTable } from '../../structures/element-table-copy.js';
import { freeTableRoot } from '../../structures/garbage.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { intsetBytes, intsetFrom } from './intset.js';
import { SetCursor } from './set-cursor.js';

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function setCellBytes(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  return entryEncoding(arena, e) === SET_TABLE ? tableCellBytes(arena, root) : cellBytes(arena, root);
}

/** Frees what the value has outside the entry. @requires lease */
export function setFree(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === SET_TABLE) freeTableRoot(arena, root);
  else free(arena, root);
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function setCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const w = valueWord(to, copy);
  const root = copyRoot(from, e, to);
  const i32 = wordsOf(to, copy);
  i32[w] = root;
  i32[w + 1] = 0;
}

function copyRoot(from: Arena, e: Ptr, to: Arena): Ptr {
  const root = rootOf(from, e);
  const encoding = entryEncoding(from, e);
  if (encoding === SET_TABLE) return copyTable(from, root, to);
  const u8 = bytesOf(from, root);
  const at = byteIndex(root);
  if (encoding === SET_INTSET) return intsetFrom(to, u8, at, intsetBytes(from, root));
  return lpFrom(to, u8, at, lpTotal(from, root));
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function setVisit(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === SET_TABLE) visitTableValue(arena, root, visit);
  else visit(root, 'set in one cell');
}

/** The encoding as OBJECT ENCODING names it. */
export function setEncodingName(arena: Arena, e: Ptr): string {
  return ['intset', 'listpack', 'hashtable'][entryEncoding(arena, e)]!;
}

/** Mixes the elements into a digest as Redis's DEBUG DIGEST does: in any order. */
export function setDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  const cursor = new SetCursor().open(arena, e);
  while (cursor.next()) xorDigest(digest, cursor.u8.slice(cursor.off, cursor.off + cursor.len));
}
