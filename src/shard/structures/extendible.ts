/**
 * Extendible hashing over tables of 4 KiB (Fagin et al., 1979), with entries of any kind: the dictionary of a database
 * (dictionary.ts) and the elements of a big set, hash or sorted set (element-table.ts) stand on it. A directory maps
 * the top bits of h1 to a table; a full table splits in two by its next bit, so growth never stops the server. When a
 * table as deep as the directory splits, the directory doubles (a copy of 4 bytes a table). Two sparse buddies are
 * joined again.
 *
 *     root words:  directory | depth | count | volatile | tables
 *     depth <= 12: the directory is one cell of 2^depth table Ptrs; deeper: a cell of Ptrs to leaves of 4096 each
 *
 * An object of this class is a view with a cursor: a `find` leaves behind where it looked (`table`, `place`, h1, h2),
 * and the calls that change something use that. It holds no data.
 *
 * Invariants: (1) lease held for every call; (2) `insert` follows a `find` of the same key that returned 0; (3)
 * `remove` and `replace` follow a `find` that returned an entry, or `locate`; (4) root counts agree with the tables.
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { KeyHasher } from '../../shared/hash.js';
import { type Arena, ArenaFullError } from '../../shared/memory/arena.js';
import { doublesOf, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, free } from '../../shared/memory/slab.js';
import {
  BUCKET_PTRS,
  BUCKETS,
  bucketWord,
  createTable,
  T_COUNT,
  T_DEPTH,
  T_MIN_EXPIRE,
  T_PREFIX,
  T_VOLATILE,
  TABLE_ENTRIES_MAX,
  tableEntries,
  tablePlace,
  tableRemove,
} from './table.js';

/** Words of a root; the first ROOT_OWN_WORDS are used here. */
export const ROOT_WORDS = 16;
const ROOT_OWN_WORDS = 5;
export const R_DIR = 0;
export const R_DEPTH = 1;
export const R_COUNT = 2;
export const R_VOLATILE = 3;
export const R_TABLES = 4;
/** Dictionaries only: hashes with fields that expire. */
export const R_FIELDS = 5;
/** Dictionaries only: the running average of times to live, ms; a float64 in two words. */
export const R_AVG_TTL_F64 = 6;

const LEAF_BITS = 12;
const LEAF_SIZE = 1 << LEAF_BITS;
/** Deepest directory: its top cell is at most 64 KiB. */
export const DEPTH_MAX = 26;
/** If a removal leaves at most this many entries in a table, the table may be joined with its buddy. */
const MERGE_LOOK = 128;
/** Most entries of two tables that are joined: a third of the capacity, so that the table does not split again soon. */
const MERGE_ENTRIES_MAX = 256;

export abstract class Extendible {
  abstract readonly arena: Arena;
  abstract readonly hasher: KeyHasher;
  /** The root: its words are `words[root ...]`. */
  abstract readonly words: Int32Array;
  abstract readonly root: number;
  /** The cell (or part of one) that the root is, for `touch`. */
  abstract readonly rootPtr: Ptr;
  /** Where the last `find` looked. */
  table: Ptr = NULL;
  place = -1;
  h1 = 0;
  h2 = 0;

  /** Hashes the key of an entry into `hasher`. */
  abstract hashOf(e: Ptr): void;

  /** What an entry adds to T_VOLATILE: not 0 if it has something that expires. */
  protected abstract volatileBit(e: Ptr): number;

  /** Number of keys. */
  get count(): number {
    return this.words[this.root + R_COUNT]!;
  }

  /** The table whose range of h1 holds `h1`; 0 when the dictionary is empty. */
  tableOf(h1: number): Ptr {
    const arena = this.arena;
    const words = this.words;
    const dir = words[this.root]! as Ptr;
    if (dir === 0) return NULL;
    const depth = this.words[this.root + R_DEPTH]!;
    const index = (h1 >>> 1) >>> (31 - depth);
    const i32 = wordsOf(arena, dir);
    const dw = wordIndex(dir);
    if (depth <= LEAF_BITS) return i32[dw + index]! as Ptr;
    const leaf = i32[dw + (index >>> LEAF_BITS)]!;
    return wordAt(arena, leaf, index & (LEAF_SIZE - 1)) as Ptr;
  }

  /** Points the cursor at an entry that is in the dictionary (found by a walk, not by its key). */
  locate(e: Ptr): void {
    const arena = this.arena;
    this.hashOf(e);
    this.h1 = this.hasher.h1;
    this.h2 = this.hasher.h2;
    const table = this.tableOf(this.h1);
    this.table = table;
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    for (let b = 0; b < BUCKETS + 3; b++) {
      const bw = bucketWord(tw, b);
      for (let slot = 0; slot < 12; slot++) {
        if (i32[bw + BUCKET_PTRS + slot] === e) {
          this.place = (bw << 4) | slot;
          return;
        }
      }
    }
    throw new Error('locate: the entry is not in its table');
  }

  /** Adds an entry for the key that the last `find` did not find. */
  insert(e: Ptr): void {
    const words = this.words;
    this.touchRoot();
    if (this.table === 0) this.createFirst();
    let place = tablePlace(this.arena, this.table, this.h2, e);
    while (place < 0) {
      this.split(this.table);
      this.table = this.tableOf(this.h1);
      place = tablePlace(this.arena, this.table, this.h2, e);
    }
    this.place = place;
    words[this.root + R_COUNT] = words[this.root + R_COUNT]! + 1;
  }

  /** Puts another cell in the place of the found entry (same key). */
  replace(e: Ptr): void {
    const bw = this.place >>> 4;
    const table = this.table;
    this.arena.touch(table, (bw - wordIndex(table)) * 4, 64);
    wordsOf(this.arena, table)[bw + BUCKET_PTRS + (this.place & 15)] = e;
  }

  /** Takes the found entry out of its table. The cell is the caller's. The cursor is void afterwards. */
  remove(): void {
    const arena = this.arena;
    const words = this.words;
    this.touchRoot();
    tableRemove(arena, this.table, this.h2, this.place);
    words[this.root + R_COUNT] = words[this.root + R_COUNT]! - 1;
    const tw = wordIndex(this.table);
    const left = wordsOf(arena, this.table)[tw + T_COUNT]!;
    if (left <= MERGE_LOOK) this.merge(this.table, left);
    this.place = -1;
  }

  /** Announces a store into the root. */
  touchRoot(): void {
    if (this.arena.tracking !== 0) this.arena.touch(this.rootPtr, 0, ROOT_WORDS * 4);
  }

  private createFirst(): void {
    const arena = this.arena;
    const words = this.words;
    const dir = alloc(arena, 16);
    let table: Ptr;
    try {
      table = createTable(arena, 0, 0);
    } catch (error) {
      free(arena, dir);
      throw error;
    }
    wordsOf(arena, dir)[wordIndex(dir)] = table;
    words[this.root + R_DIR] = dir;
    words[this.root + R_DEPTH] = 0;
    words[this.root + R_TABLES] = 1;
    this.table = table;
  }

  // ---- growth ----

  /** Splits a table by the next bit of h1, more than once if all its keys fall to one side. */
  private split(table: Ptr): void {
    const arena = this.arena;
    const tw = wordIndex(table);
    const i32 = wordsOf(arena, table);
    const depth = i32[tw + T_DEPTH]!;
    const prefix = i32[tw + T_PREFIX]!;
    const n = tableEntries(arena, table, SCRATCH);
    // No computation waits for these loads, so their cache misses overlap; the hashing below would take the misses one
    // by one.
    let warm = 0;
    for (let i = 0; i < n; i++) {
      const e = SCRATCH[i]!;
      warm ^= wordAt(arena, e, 2);
    }
    WARMED[0] = warm;
    for (let i = 0; i < n; i++) {
      this.hashOf(SCRATCH[i]! as Ptr);
      SCRATCH_H1[i] = this.hasher.h1;
      SCRATCH_H2[i] = this.hasher.h2;
    }
    const minExpireAtMs = doublesOf(arena, table)[(tw + 4) >> 1]!;
    // All allocations come before the old table is freed: they may run out of memory.
    if (this.words[this.root + R_DEPTH] === depth) this.doubleDirectory();
    const upper = prefix | (0x80000000 >>> depth);
    const first = createTable(arena, depth + 1, prefix);
    let second: Ptr;
    try {
      second = createTable(arena, depth + 1, upper);
    } catch (error) {
      free(arena, first);
      throw error;
    }
    free(arena, table);
    this.words[this.root + R_TABLES] = this.words[this.root + R_TABLES]! - 1;
    this.build(first, n, depth + 1, prefix, minExpireAtMs);
    this.build(second, n, depth + 1, upper, minExpireAtMs);
  }

  /**
   * Puts those scratch entries whose h1 begins with `prefix` into the new `table`, or into two others if they do not
   * fit.
   */
  private build(table: Ptr, n: number, depth: number, prefix: number, minExpireAtMs: number): void {
    if (depth > DEPTH_MAX) throw new Error('dictionary: directory too deep');
    const arena = this.arena;
    const mask = ~(0xffffffff >>> depth);
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    let volatileKeys = 0;
    for (let i = 0; i < n; i++) {
      if (((SCRATCH_H1[i]! ^ prefix) & mask) !== 0) continue;
      const e = SCRATCH[i]! as Ptr;
      if (tablePlace(arena, table, SCRATCH_H2[i]!, e) < 0) {
        free(arena, table);
        const upper = prefix | (0x80000000 >>> depth);
        this.build(createTable(arena, depth + 1, prefix), n, depth + 1, prefix, minExpireAtMs);
        this.build(createTable(arena, depth + 1, upper), n, depth + 1, upper, minExpireAtMs);
        return;
      }
      volatileKeys += this.volatileBit(e);
    }
    i32[tw + 3] = volatileKeys;
    if (volatileKeys > 0) doublesOf(arena, table)[(tw + 4) >> 1] = minExpireAtMs;
    this.words[this.root + R_TABLES] = this.words[this.root + R_TABLES]! + 1;
    this.publish(table, depth, prefix);
  }

  /** Points every directory position of a table's range at it, deepening the directory first if needed. */
  private publish(table: Ptr, depth: number, prefix: number): void {
    while (this.words[this.root + R_DEPTH]! < depth) this.doubleDirectory();
    const dirDepth = this.words[this.root + R_DEPTH]!;
    const first = (prefix >>> 1) >>> (31 - dirDepth);
    const span = 1 << (dirDepth - depth);
    for (let i = first; i < first + span; i++) this.setDirectory(i, table);
  }

  private setDirectory(index: number, table: Ptr): void {
    const arena = this.arena;
    let cell = this.words[this.root]! as Ptr;
    if (this.words[this.root + R_DEPTH]! > LEAF_BITS) {
      cell = wordAt(arena, cell, index >>> LEAF_BITS) as Ptr;
      index &= LEAF_SIZE - 1;
    }
    arena.touch(cell, index * 4, 4);
    wordsOf(arena, cell)[wordIndex(cell) + index] = table;
  }

  private doubleDirectory(): void {
    const arena = this.arena;
    const words = this.words;
    const depth = words[this.root + R_DEPTH]!;
    const dir = words[this.root]! as Ptr;
    if (depth < LEAF_BITS) {
      words[this.root] = doubled(arena, dir, 1 << depth);
    } else if (depth === LEAF_BITS) {
      const top = alloc(arena, 16);
      doubleLeaves(arena, this.words, this.root, 1, top);
      words[this.root] = top;
    } else {
      const leaves = 1 << (depth - LEAF_BITS);
      const top = alloc(arena, leaves * 8);
      const from = wordsOf(arena, dir);
      const fw = wordIndex(dir);
      doubleLeaves(arena, from, fw, leaves, top);
      for (let i = 0; i < leaves; i++) free(arena, from[fw + i]! as Ptr);
      words[this.root] = top;
    }
    free(arena, dir);
    words[this.root + R_DEPTH] = depth + 1;
  }

  /** Joins a table that has become sparse with its buddy, if that is sparse too. */
  private merge(table: Ptr, left: number): void {
    if (left === 0) {
      this.mergeEmpty(table);
      return;
    }
    const arena = this.arena;
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    const depth = i32[tw + T_DEPTH]!;
    if (depth === 0) return;
    const prefix = i32[tw + T_PREFIX]!;
    const buddy = this.tableOf(prefix ^ (0x80000000 >>> (depth - 1)));
    const b32 = wordsOf(arena, buddy);
    const bw = wordIndex(buddy);
    if (b32[bw + T_DEPTH] !== depth || b32[bw + T_COUNT]! + left > MERGE_ENTRIES_MAX) return;
    let joined: Ptr;
    try {
      joined = createTable(arena, depth - 1, prefix & ~(0x80000000 >>> (depth - 1)));
    } catch (error) {
      if (!(error instanceof ArenaFullError)) throw error;
      // The two stay as they are; a removal needs no memory.
      return;
    }
    if (!this.fill(joined, table) || !this.fill(joined, buddy)) {
      free(arena, joined);
      return;
    }
    const jw = wordIndex(joined);
    const j32 = wordsOf(arena, joined);
    j32[jw + T_VOLATILE] = i32[tw + T_VOLATILE]! + b32[bw + T_VOLATILE]!;
    doublesOf(arena, joined)[(jw + T_MIN_EXPIRE) >> 1] = Math.min(
      doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1]!,
      doublesOf(arena, buddy)[(bw + T_MIN_EXPIRE) >> 1]!,
    );
    const words = this.words;
    words[this.root + R_TABLES] = words[this.root + R_TABLES]! - 1;
    this.publish(joined, depth - 1, j32[jw + T_PREFIX]!);
    free(arena, table);
    free(arena, buddy);
  }

  /** Puts the entries of `from` into `table` as well; false when one finds no room. */
  private fill(table: Ptr, from: Ptr): boolean {
    const n = tableEntries(this.arena, from, SCRATCH);
    for (let i = 0; i < n; i++) {
      this.hashOf(SCRATCH[i]! as Ptr);
      if (tablePlace(this.arena, table, this.hasher.h2, SCRATCH[i]! as Ptr) < 0) return false;
    }
    return true;
  }

  /** Gives an empty table's range back to its buddy, and goes on while the result's buddy is empty as well. */
  private mergeEmpty(table: Ptr): void {
    const arena = this.arena;
    for (;;) {
      const i32 = wordsOf(arena, table);
      const tw = wordIndex(table);
      const depth = i32[tw + T_DEPTH]!;
      if (depth === 0) {
        if (i32[tw + T_COUNT] === 0) this.destroy(table);
        return;
      }
      const prefix = i32[tw + T_PREFIX]!;
      const buddy = this.tableOf(prefix ^ (0x80000000 >>> (depth - 1)));
      const b32 = wordsOf(arena, buddy);
      const bw = wordIndex(buddy);
      if (b32[bw + T_DEPTH] !== depth) return;
      const empty = i32[tw + T_COUNT] === 0 ? table : b32[bw + T_COUNT] === 0 ? buddy : NULL;
      if (empty === 0) return;
      const kept = empty === table ? buddy : table;
      const k32 = wordsOf(arena, kept);
      const kw = wordIndex(kept);
      arena.touch(kept, 0, 64);
      k32[kw + T_DEPTH] = depth - 1;
      k32[kw + T_PREFIX] = prefix & ~(0x80000000 >>> (depth - 1));
      free(arena, empty);
      this.words[this.root + R_TABLES] = this.words[this.root + R_TABLES]! - 1;
      this.publish(kept, depth - 1, k32[kw + T_PREFIX]!);
      table = kept;
    }
  }

  private destroy(table: Ptr): void {
    const arena = this.arena;
    free(arena, table);
    freeDirectory(arena, this.words[this.root]! as Ptr, this.words[this.root + R_DEPTH]!);
    for (let w = 0; w < ROOT_OWN_WORDS; w++) this.words[this.root + w] = 0;
    this.table = NULL;
  }
}

/** Frees the cells of a directory, not the tables. @requires lease */
export function freeDirectory(arena: Arena, dir: Ptr, depth: number): void {
  if (depth > LEAF_BITS) {
    for (let i = 0; i < 1 << (depth - LEAF_BITS); i++) {
      free(arena, wordAt(arena, dir, i) as Ptr);
    }
  }
  free(arena, dir);
}

/** The table at a position of a directory that may be detached from its root. @requires lease, position < 2 ** depth */
export function directoryEntry(arena: Arena, dir: Ptr, depth: number, position: number): Ptr {
  invariant(position >= 0 && position < 2 ** depth, 'position < 2 ** depth');
  let cell = dir;
  if (depth > LEAF_BITS) {
    cell = wordAt(arena, dir, position >>> LEAF_BITS) as Ptr;
    position &= LEAF_SIZE - 1;
  }
  return wordAt(arena, cell, position) as Ptr;
}

/** Cells of a directory, for fsck. */
export function directoryCells(arena: Arena, dir: Ptr, depth: number): Ptr[] {
  const cells = [dir];
  if (depth > LEAF_BITS) {
    for (let i = 0; i < 1 << (depth - LEAF_BITS); i++) {
      cells.push(wordAt(arena, dir, i) as Ptr);
    }
  }
  return cells;
}

function doubled(arena: Arena, cell: Ptr, size: number): Ptr {
  const grown = alloc(arena, Math.max(16, size * 8));
  spread(arena, cell, 0, size, grown);
  return grown;
}

/**
 * Makes two leaves of each of `leaves` leaves and puts them into the cell `top`. Throws ArenaFullError: then the new
 * ones and `top` have been freed, the old ones are as they were.
 */
function doubleLeaves(arena: Arena, from: Int32Array, fw: number, leaves: number, top: Ptr): void {
  const to = wordsOf(arena, top);
  const tw = wordIndex(top);
  let made = 0;
  try {
    for (; made < 2 * leaves; made++) {
      const leaf = from[fw + (made >> 1)]! as Ptr;
      to[tw + made] = halfDoubled(arena, leaf, (made & 1) * (LEAF_SIZE / 2));
    }
  } catch (error) {
    while (made > 0) free(arena, to[tw + --made]! as Ptr);
    free(arena, top);
    throw error;
  }
}

function halfDoubled(arena: Arena, leaf: Ptr, start: number): Ptr {
  const grown = alloc(arena, LEAF_SIZE * 4);
  spread(arena, leaf, start, LEAF_SIZE / 2, grown);
  return grown;
}

function spread(arena: Arena, from: Ptr, start: number, size: number, to: Ptr): void {
  const f32 = wordsOf(arena, from);
  const t32 = wordsOf(arena, to);
  const fw = wordIndex(from) + start;
  const tw = wordIndex(to);
  for (let i = 0; i < size; i++) {
    t32[tw + 2 * i] = f32[fw + i]!;
    t32[tw + 2 * i + 1] = f32[fw + i]!;
  }
}

// Work space of `split`: synchronous and not reentrant, so one per thread is enough.
const SCRATCH = new Int32Array(TABLE_ENTRIES_MAX);
const WARMED = new Int32Array(1);
const SCRATCH_H1 = new Int32Array(TABLE_ENTRIES_MAX);
const SCRATCH_H2 = new Int32Array(TABLE_ENTRIES_MAX);
