/**
 * A table: 4 KiB of the dictionary, the unit that splits. One line of head, 60 regular buckets, 3 stash buckets, each a
 * cache line of 64 bytes:
 *
 *     table    line 0: localDepth | prefix | count | volatile | minExpireAtMs:f64 | stashed | ...
 *              lines 1..60: regular buckets        lines 61..63: stash
 *     bucket   head:4 | 12 fingerprints | 12 entry Ptrs
 *     head     used:12 | displaced:12 | neighbours:4 | stashed:4
 *
 * A key belongs to its home bucket. If that is full, it goes to the next one ("displaced"), else to the stash; the home
 * bucket counts how many of its keys went either way, so a lookup reads further lines only if it must. The idea of
 * small tables with a stash is Dash's (Lu et al., VLDB 2020), without its locks: a lease protects all of it.
 *
 * Invariants: (1) a free slot has Ptr 0 and fingerprint 0; (2) `neighbours` is exact, `stashed` too until it saturates
 * at 15; (3) every key of a table has the table's prefix in the top localDepth bits of h1; (4) minExpireAtMs is a lower
 * bound of the table's expiry times, of keys and of fields in hashes.
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { KeyHasher } from '../../shared/hash.js';
import type { Arena } from '../../shared/memory/arena.js';
import { doublesOf, unitIndex, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { zeroUnits } from '../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { alloc } from '../../shared/memory/slab.js';

export const TABLE_BYTES = 4096;
/** Regular buckets of a table. */
export const BUCKETS = 60;
const STASH_BUCKETS = 3;
export const SLOTS_PER_BUCKET = 12;
/** Most entries of a table. */
export const TABLE_ENTRIES_MAX = (BUCKETS + STASH_BUCKETS) * SLOTS_PER_BUCKET;
/** Words of a line, and words before the entry pointers of a bucket. */
export const LINE_WORDS = 16;
export const BUCKET_PTRS = 4;

/** Word offsets in a table's head line. */
export const T_DEPTH = 0;
export const T_PREFIX = 1;
export const T_COUNT = 2;
/** Entries with an expiry in the low 16 bits, hashes with fields that expire in the high ones. */
export const T_VOLATILE = 3;
/** One hash in T_VOLATILE. */
export const FIELDS_ONE = 0x10000;
/** Word offset of the float64 (8-byte aligned). */
export const T_MIN_EXPIRE = 4;
export const T_STASHED = 6;

export const USED_MASK = 0xfff;
export const DISPLACED_SHIFT = 12;
export const NEIGHBOURS_ONE = 1 << 24;
const STASHED_SATURATED = 15;

/** The owner of a table, which knows the keys of its entries. */
interface TableOwner {
  readonly arena: Arena;
  readonly hasher: KeyHasher;
  /** Hashes the key of an entry into `hasher`. */
  hashOf(e: Ptr): void;
}

/** Home bucket (0..59) of a key. */
export function homeBucket(h2: number): number {
  return (((h2 >>> 8) & 0xffff) * BUCKETS) >>> 16;
}

/** Word index of regular bucket `b` of the table at word `tw`; b = 60..62 are the stash. */
export function bucketWord(tw: number, b: number): number {
  return tw + LINE_WORDS + (b << 4);
}

/** A new empty table. @requires lease */
export function createTable(arena: Arena, depth: number, prefix: number): Ptr {
  const table = alloc(arena, TABLE_BYTES);
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  zeroUnits(doublesOf(arena, table), unitIndex(table), TABLE_BYTES / 8);
  i32[tw + T_DEPTH] = depth;
  i32[tw + T_PREFIX] = prefix;
  doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1] = Number.POSITIVE_INFINITY;
  return table;
}

/** First free slot of the bucket whose head is given. @requires it is not full */
function freeSlot(head: number): number {
  invariant((~head & USED_MASK) !== 0, 'the bucket is not full');
  const room = ~head & USED_MASK;
  return 31 - Math.clz32(room & -room);
}

function store(arena: Arena, table: Ptr, i32: Int32Array, bw: number, slot: number, fp: number, e: Ptr): void {
  arena.touch(table, (bw - wordIndex(table)) * 4, 64);
  i32[bw] = i32[bw]! | (1 << slot);
  const fw = bw + 1 + (slot >> 2);
  const shift = (slot & 3) << 3;
  i32[fw] = (i32[fw]! & ~(255 << shift)) | (fp << shift);
  i32[bw + BUCKET_PTRS + slot] = e;
}

/**
 * Puts an entry into a table without asking whether its key is there already. Returns the word index of the slot's
 * bucket times 16 plus the slot, or -1 when home, neighbour and stash are full. @requires lease
 */
export function tablePlace(arena: Arena, table: Ptr, h2: number, e: Ptr): number {
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  const home = homeBucket(h2);
  const fp = h2 & 255;
  const bw = bucketWord(tw, home);
  const head = i32[bw]!;
  if ((head & USED_MASK) !== USED_MASK) {
    const slot = freeSlot(head);
    store(arena, table, i32, bw, slot, fp, e);
    arena.touch(table, 0, 64);
    i32[tw + T_COUNT] = i32[tw + T_COUNT]! + 1;
    return bw * 16 + slot;
  }
  return placeAway(arena, table, i32, tw, home, bw, fp, e);
}

function placeAway(
  arena: Arena,
  table: Ptr,
  i32: Int32Array,
  tw: number,
  home: number,
  bw: number,
  fp: number,
  e: Ptr,
): number {
  const next = bucketWord(tw, home + 1 === BUCKETS ? 0 : home + 1);
  const nextHead = i32[next]!;
  arena.touch(table, 0, TABLE_BYTES);
  if ((nextHead & USED_MASK) !== USED_MASK) {
    const slot = freeSlot(nextHead);
    store(arena, table, i32, next, slot, fp, e);
    i32[next] = i32[next]! | (1 << (slot + DISPLACED_SHIFT));
    i32[bw] = (i32[bw]! + NEIGHBOURS_ONE) | 0;
    i32[tw + T_COUNT] = i32[tw + T_COUNT]! + 1;
    return next * 16 + slot;
  }
  for (let s = 0; s < STASH_BUCKETS; s++) {
    const sw = bucketWord(tw, BUCKETS + s);
    const stashHead = i32[sw]!;
    if ((stashHead & USED_MASK) === USED_MASK) continue;
    const slot = freeSlot(stashHead);
    store(arena, table, i32, sw, slot, fp, e);
    const stashed = i32[bw]! >>> 28;
    if (stashed < STASHED_SATURATED) i32[bw] = (i32[bw]! & 0x0fffffff) | ((stashed + 1) << 28);
    i32[tw + T_STASHED] = i32[tw + T_STASHED]! + 1;
    i32[tw + T_COUNT] = i32[tw + T_COUNT]! + 1;
    return sw * 16 + slot;
  }
  return -1;
}

/** Empties the slot `place` (as `tablePlace` returns it) of a key whose second hash is `h2`. @requires lease */
export function tableRemove(arena: Arena, table: Ptr, h2: number, place: number): void {
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  const bw = place >>> 4;
  const slot = place & 15;
  arena.touch(table, 0, TABLE_BYTES);
  const home = bucketWord(tw, homeBucket(h2));
  const head = i32[bw]!;
  i32[bw] = head & ~((1 << slot) | (1 << (slot + DISPLACED_SHIFT)));
  i32[bw + 1 + (slot >> 2)] = i32[bw + 1 + (slot >> 2)]! & ~(255 << ((slot & 3) << 3));
  i32[bw + BUCKET_PTRS + slot] = 0;
  if (bw >= bucketWord(tw, BUCKETS)) {
    const stashed = i32[home]! >>> 28;
    if (stashed < STASHED_SATURATED) i32[home] = (i32[home]! & 0x0fffffff) | ((stashed - 1) << 28);
    i32[tw + T_STASHED] = i32[tw + T_STASHED]! - 1;
  } else if ((head & (1 << (slot + DISPLACED_SHIFT))) !== 0) {
    i32[home] = (i32[home]! - NEIGHBOURS_ONE) | 0;
  }
  i32[tw + T_COUNT] = i32[tw + T_COUNT]! - 1;
}

/** Collects the entries of a table into `out` (room for TABLE_ENTRIES_MAX); returns their number. @requires lease */
export function tableEntries(arena: Arena, table: Ptr, out: Int32Array): number {
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  let n = 0;
  if (i32[tw + T_COUNT] === 0) return 0;
  for (let b = 0; b < BUCKETS + STASH_BUCKETS; b++) {
    const bw = bucketWord(tw, b);
    let used = i32[bw]! & USED_MASK;
    while (used !== 0) {
      const slot = 31 - Math.clz32(used & -used);
      used &= used - 1;
      out[n++] = i32[bw + BUCKET_PTRS + slot]!;
    }
  }
  return n;
}

/**
 * Collects the entries whose home is bucket `b`, wherever they were put; returns their number. This is SCAN's step: the
 * home bucket of a key never changes, however often tables split. @requires lease
 */
export function homeEntries(owner: TableOwner, table: Ptr, b: number, out: Int32Array): number {
  const { arena, hasher } = owner;
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  const bw = bucketWord(tw, b);
  const head = i32[bw]!;
  let n = 0;
  let mask = head & ~(head >>> DISPLACED_SHIFT) & USED_MASK;
  while (mask !== 0) {
    out[n++] = i32[bw + BUCKET_PTRS + 31 - Math.clz32(mask & -mask)]!;
    mask &= mask - 1;
  }
  if (((head >>> 24) & 15) !== 0) {
    const next = bucketWord(tw, b + 1 === BUCKETS ? 0 : b + 1);
    mask = (i32[next]! >>> DISPLACED_SHIFT) & USED_MASK;
    while (mask !== 0) {
      out[n++] = i32[next + BUCKET_PTRS + 31 - Math.clz32(mask & -mask)]!;
      mask &= mask - 1;
    }
  }
  if (head >>> 28 !== 0) {
    for (let s = BUCKETS; s < BUCKETS + STASH_BUCKETS; s++) {
      const sw = bucketWord(tw, s);
      mask = i32[sw]! & USED_MASK;
      while (mask !== 0) {
        const e = i32[sw + BUCKET_PTRS + 31 - Math.clz32(mask & -mask)]! as Ptr;
        mask &= mask - 1;
        owner.hashOf(e);
        if (homeBucket(hasher.h2) === b) out[n++] = e;
      }
    }
  }
  return n;
}
