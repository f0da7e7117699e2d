/**
 * Parts of a walk over an extendible table that changes between the steps: a position is a range of hashes (of h1),
 * never a pointer, so splits and merges in between are harmless. `keyspace/scan.ts` and `ElementTable.scan` use them.
 *
 * Invariants: (1) lease held; (2) `nextPrefix` of a table is taken before entries are removed, because the last removal
 * may free the table.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { Extendible } from './extendible.js';
import { homeEntries, T_DEPTH, T_PREFIX, TABLE_ENTRIES_MAX, tableEntries } from './table.js';

/** Number of values of h1: the position behind the last table. */
export const PREFIX_END = 4294967296;
/** What the last step collected: valid until the next step, on this thread. */
export const FOUND = new Int32Array(TABLE_ENTRIES_MAX);

/** First position (unsigned) behind a table's range of h1. */
export function nextPrefix(arena: Arena, table: Ptr): number {
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  return (i32[tw + T_PREFIX]! >>> 0) + 2 ** (32 - i32[tw + T_DEPTH]!);
}

/** Drops the elements of FOUND whose h1 lies before `position`; returns how many elements stay. */
function dropBefore(dict: Extendible, n: number, position: number): number {
  let kept = 0;
  for (let i = 0; i < n; i++) {
    const e = FOUND[i]! as Ptr;
    dict.hashOf(e);
    if (dict.hasher.h1 >>> 0 >= position) FOUND[kept++] = e;
  }
  return kept;
}

/** Collects the entries of `table`, which holds `position`, from there on into FOUND; returns their number. */
export function collectTable(dict: Extendible, table: Ptr, position: number): number {
  const arena = dict.arena;
  const n = tableEntries(arena, table, FOUND);
  const prefix = wordAt(arena, table, T_PREFIX) >>> 0;
  return prefix < position ? dropBefore(dict, n, position) : n;
}

/** As `collectTable`, but only the entries whose home is `bucket`. */
export function collectBucket(dict: Extendible, table: Ptr, bucket: number, position: number): number {
  const arena = dict.arena;
  const n = homeEntries(dict, table, bucket, FOUND);
  const prefix = wordAt(arena, table, T_PREFIX) >>> 0;
  return n > 0 && prefix < position ? dropBefore(dict, n, position) : n;
}
