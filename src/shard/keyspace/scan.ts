/**
 * Walking a dictionary that changes between the steps. Two orders, one idea: a position is a range of hashes, never a
 * pointer, so splits, merges and deletes in between are harmless.
 *
 *     KEYS   by tables in ascending h1: what is listed is [0, position) of h1; each key once
 *     SCAN   by home bucket first, then tables in ascending h1; a cursor is (shard, bucket, h1):
 *            ((shard * 64 + bucket) * 2^32 + h1), below 2^53
 *
 * A key's h1 and home bucket never change, so a key that is there throughout is met exactly once: a table that merged
 * since the last step may begin before the position, and then its keys below the position are left out by their hash.
 *
 * Invariants: (1) lease held for every call, positions live longer; (2) `nextPrefix` of a table is taken before entries
 * are removed, because the last removal may free the table.
 */
import { segmentOf, wordIndex } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { F_BIG_KEY, keyWord } from '../entry/entry.js';
import { BUCKETS } from '../structures/table.js';
import { collectBucket, nextPrefix, PREFIX_END } from '../structures/table-walk.js';
import type { Dictionary } from './dictionary.js';

/** Buckets that a cursor distinguishes, of which BUCKETS exist. */
const CURSOR_BUCKETS = 64;
/** One shard's share of the cursors. */
const SHARD_SPAN = CURSOR_BUCKETS * PREFIX_END;

/** Points the dictionary's cursor at an entry that is in it: `Dictionary.locate` without its walk over the table. */
export function pointAt(dict: Dictionary, e: Ptr): void {
  const arena = dict.arena;
  const segment = segmentOf(e);
  const head = arena.i32[segment]![wordIndex(e)]!;
  if ((head & (F_BIG_KEY << 8)) !== 0) {
    dict.locate(e);
    return;
  }
  if (dict.find(arena.u8[segment]!, arena.dv[segment]!, keyWord(arena, e) * 4, head >>> 16) !== e) {
    throw new Error('pointAt: the entry is not in the dictionary');
  }
}

/** Where a SCAN stands. A mutable struct: one per running command. */
export class ScanPosition {
  shard = 0;
  bucket = 0;
  prefix = 0;

  /** Takes a cursor apart; a number that cannot be one of our cursors leads behind the last shard. */
  fromCursor(cursor: number): void {
    this.shard = Math.floor(cursor / SHARD_SPAN);
    const rest = cursor - this.shard * SHARD_SPAN;
    this.bucket = Math.floor(rest / PREFIX_END);
    this.prefix = rest - this.bucket * PREFIX_END;
    if (this.bucket >= BUCKETS) this.nextShard();
  }

  /** The cursor that the client gives to the next call; 0 behind the last of `shards` shards. */
  toCursor(shards: number): number {
    if (this.shard >= shards) return 0;
    return this.shard * SHARD_SPAN + this.bucket * PREFIX_END + this.prefix;
  }

  nextShard(): void {
    this.shard++;
    this.bucket = 0;
    this.prefix = 0;
  }
}

/**
 * One step of SCAN: collects the next bucket's entries into FOUND, moves the position on and returns their number.
 * @requires the lease of the position's shard, of which `dict` is a dictionary
 */
export function scanStep(dict: Dictionary, position: ScanPosition): number {
  const table = dict.tableOf(position.prefix | 0);
  if (table === NULL) {
    position.nextShard();
    return 0;
  }
  const n = collectBucket(dict, table, position.bucket, position.prefix);
  position.prefix = nextPrefix(dict.arena, table);
  if (position.prefix >= PREFIX_END) {
    position.prefix = 0;
    if (++position.bucket >= BUCKETS) position.nextShard();
  }
  return n;
}
