/** What the keyspace must know of a hash: its bytes, freeing, copying, its digest, and its cells for fsck. */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes, free } from '../../../shared/memory/slab.js';
import { mixDigest, xorDigest } from '../../entry/digest-mix.js';
import { HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { moveRoot, rootOf, setRootExtra } from '../../entry/root.js';
import { tableCellBytes, visitTableValue } from '../../structures/element-table.js';
import { copyTable } from '../../structures/element-table-copy.js';
import { freeTableRoot, giveUp } from '../../structures/garbage.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { openTable } from './hash-table.js';
import { copyTimes, HASH_GARBAGE, timesCellBytes, timesCount, visitTimes } from './hash-times.js';
import { HashWalk } from './hash-walk.js';

const EXPIRE_MARK = Buffer.from('!!hexpire!!');
/** Fields that are freed at once, with their times. */
const FREE_AT_ONCE = 512;

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function hashCellBytes(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) !== HASH_TABLE) return cellBytes(arena, root);
  return tableCellBytes(arena, root) + timesCellBytes(arena, root);
}

/** Frees what the value has outside the entry. @requires lease */
export function hashFree(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) !== HASH_TABLE) free(arena, root);
  else if (timesCount(arena, root) === 0) freeTableRoot(arena, root);
  else giveUp(arena, root, HASH_GARBAGE, openTable(arena, root).count <= FREE_AT_ONCE);
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function hashCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const root = rootOf(from, e);
  let copied: Ptr;
  if (entryEncoding(from, e) === HASH_TABLE) {
    copied = copyTable(from, root, to);
    try {
      copyTimes(to, copied);
    } catch (error) {
      giveUp(to, copied, HASH_GARBAGE, true);
      throw error;
    }
  } else copied = lpFrom(to, bytesOf(from, root), byteIndex(root), lpTotal(from, root));
  moveRoot(to, copy, copied);
  setRootExtra(to, copy, 0);
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function hashVisit(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) !== HASH_TABLE) {
    visit(root, 'hash listpack');
    return;
  }
  visitTableValue(arena, root, visit);
  visitTimes(arena, root, visit);
}

/** The encoding as OBJECT ENCODING names it. */
export function hashEncodingName(arena: Arena, e: Ptr): string {
  return ['listpack', 'hashtable', 'listpackex'][entryEncoding(arena, e)]!;
}

/** Mixes the elements into a digest as Redis's DEBUG DIGEST does. */
export function hashDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  const walk = new HashWalk().open(arena, e, Number.NEGATIVE_INFINITY);
  while (walk.next()) {
    const pair = new Uint8Array(digest.length);
    walk.readField();
    mixDigest(pair, walk.text.u8.slice(walk.text.off, walk.text.off + walk.text.len));
    walk.readValue();
    mixDigest(pair, walk.text.u8.slice(walk.text.off, walk.text.off + walk.text.len));
    if (walk.atMs >= 0) xorDigest(pair, EXPIRE_MARK);
    xorDigest(digest, pair);
  }
}
