/**
 * LookAhead: before a batch of pipelined commands runs, the memory that all of them will read is loaded into the cache.
 * A lookup in a large keyspace is a chain of cache misses: bucket, entry, root of the value. Commands that run one
 * after the other wait for each miss in turn. Here each step is done for the whole batch: the loads of one step do not
 * depend on each other, so the processor does them at the same time (group prefetching, Chen et al., 2004). Then the
 * commands find their cache lines loaded, and command ids and hashes of keys noted in `Args`.
 *
 * Invariants: (1) only memory whose lease is held is read: a lease that is not free is left alone; (2) nothing is
 * decided here: if a guess is wrong, or an earlier command of the batch changes a key, that only costs time.
 */

import { FLAG_INLINE } from '../../shared/command/flags.js';
import { KEYS_ONE, KEYS_RANGE } from '../../shared/command/key-positions.js';
import { type Registry, ROUTE_KEY } from '../../shared/command/registry.js';
import { shardOfSlot, slotOf } from '../../shared/hash.js';
import { segmentOf, wordIndex } from '../../shared/memory/cell.js';
import type { Args } from '../../shared/resp/args.js';
import { TYPE_STRING, valueWordOffset } from '../entry/entry.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import { BUCKET_PTRS, homeBucket, LINE_WORDS } from '../structures/table.js';
import type { LeaseSet } from './lease-set.js';

/** Most commands of a batch: enough to keep ten to twenty misses under way, few enough for the first-level cache. */
export const BATCH_MAX = 16;
/** Longer keys are not hashed beforehand. */
const KEY_BYTES_MAX = 256;
/** A keyspace with fewer keys is in the cache anyway. */
const KEYS_MIN = 4096;

export class LookAhead {
  private readonly registry: Registry;
  private readonly keyspaces: readonly (readonly Keyspace[])[];
  private readonly leases: LeaseSet;
  /** By command: the segments of its shard (any others, with `word` -1, when it has nothing to look up). */
  private readonly segments: Int32Array[][] = [];
  /** By command: segment and word of its home bucket, then of its entry; word -1: none. */
  private readonly segment = new Int32Array(BATCH_MAX);
  private readonly word = new Int32Array(BATCH_MAX);
  private readonly pattern = new Int32Array(BATCH_MAX);
  /** Loaded words are written here, so that no compiler removes the loads. */
  private readonly sink = new Int32Array(1);

  constructor(registry: Registry, keyspaces: readonly (readonly Keyspace[])[], leases: LeaseSet) {
    this.registry = registry;
    this.keyspaces = keyspaces;
    this.leases = leases;
    const any = keyspaces[0]![0]!.arena.i32;
    for (let i = 0; i < BATCH_MAX; i++) this.segments.push(any);
  }

  /** Whether database `db` has so many keys that its commands wait for memory. Reads counters only. */
  helps(db: number): boolean {
    const { keyspaces } = this;
    for (let s = 0; s < keyspaces.length; s++) if (keyspaces[s]![db]!.dict.count >= KEYS_MIN) return true;
    return false;
  }

  /** Warms the caches for the first `n` of `batch`, commands on database `db`. @requires Executor.beginBatch called */
  // hot: pipelines
  warm(batch: readonly Args[], n: number, db: number): void {
    if (this.find(batch, n, db) < 2) return;
    const { segments, segment, word, pattern } = this;
    let loaded = 0;
    for (let i = 0; i < n; i++) {
      const w = word[i]!;
      if (w >= 0) loaded ^= segments[i]![segment[i]!]![w]!;
    }
    for (let i = 0; i < n; i++) {
      const w = word[i]!;
      if (w < 0) continue;
      const i32 = segments[i]![segment[i]!]!;
      // As Dictionary.probe, but the first fingerprint that fits is taken for the key's.
      let e = 0;
      for (let group = 0; group < 3; group++) {
        const x = i32[w + 1 + group]! ^ pattern[i]!;
        const hits = (x - 0x01010101) & ~x & 0x80808080;
        if (hits === 0) continue;
        e = i32[w + BUCKET_PTRS + (group << 2) + ((31 - Math.clz32(hits & -hits)) >> 3)]!;
        break;
      }
      segment[i] = segmentOf(e);
      word[i] = e === 0 ? -1 : wordIndex(e);
    }
    let values = 0;
    for (let i = 0; i < n; i++) {
      const w = word[i]!;
      if (w < 0) continue;
      const head = segments[i]![segment[i]!]![w]!;
      loaded ^= head;
      if ((head & 15) === TYPE_STRING) word[i] = -1;
      else {
        word[i] = w + valueWordOffset(head);
        values++;
      }
    }
    if (values > 1) loaded ^= this.warmValues(n);
    this.sink[0] = loaded;
  }

  /** Notes command and hash of each, and where its home bucket is; how many have one. */
  private find(batch: readonly Args[], n: number, db: number): number {
    const { registry, keyspaces, segments, segment, word, pattern } = this;
    const shards = keyspaces.length;
    let found = 0;
    for (let i = 0; i < n; i++) {
      const args = batch[i]!;
      word[i] = -1;
      const id = registry.lookup(args.u8, args.off[0]!, args.len[0]!);
      if (id < 0) continue;
      args.commandId = id;
      const kind = registry.keyKind[id]!;
      if (kind !== KEYS_ONE && kind !== KEYS_RANGE) continue;
      if (registry.route[id] !== ROUTE_KEY || (registry.flags[id]! & FLAG_INLINE) === 0) continue;
      const k = registry.firstKey[id]!;
      if (k >= args.argc) continue;
      const off = args.off[k]!;
      const len = args.len[k]!;
      if (len > KEY_BYTES_MAX) continue;
      const slot = shards === 1 ? 0 : slotOf(args.u8, off, len);
      const shard = shards === 1 ? 0 : shardOfSlot(slot, shards);
      if (!this.leases.tryShard(shard)) continue;
      const { dict, arena } = keyspaces[shard]![db]!;
      const { hasher } = dict;
      hasher.hash(args.u8, args.dv, off, len);
      args.hashedOff = off;
      args.slot = slot;
      args.h1 = hasher.h1;
      args.h2 = hasher.h2;
      const table = dict.tableOf(hasher.h1);
      if (table === 0) continue;
      segments[i] = arena.i32;
      segment[i] = segmentOf(table);
      word[i] = wordIndex(table) + LINE_WORDS + (homeBucket(hasher.h2) << 4);
      pattern[i] = Math.imul(hasher.h2 & 255, 0x01010101);
      found++;
    }
    return found;
  }

  /** The same for the root cells of values that are no strings. */
  private warmValues(n: number): number {
    const { segments, segment, word } = this;
    let loaded = 0;
    for (let i = 0; i < n; i++) {
      const w = word[i]!;
      if (w < 0) continue;
      const root = segments[i]![segment[i]!]![w]!;
      const i32 = segments[i]![segmentOf(root)];
      if (i32 === undefined) continue;
      const at = wordIndex(root);
      loaded ^= i32[at]!;
      // A small collection lies here with all its elements.
      if (at + 48 < i32.length) loaded ^= i32[at + 16]! ^ i32[at + 32]! ^ i32[at + 48]!;
    }
    return loaded;
  }
}
