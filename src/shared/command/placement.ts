/**
 * Placement: which slot and which shards a command concerns. Filled once for a command, where the command is
 * dispatched; the code that sends or runs the command reads it. Each thread has one placement and uses it again for the
 * next command.
 *
 *     dispatch -> place(id, args) -> the leases to take (Executor), the ring to write to (io/request/send.ts)
 *                               `-> `word`, in the head of the request -> read(word) on the shard's thread
 *
 * Invariants: (1) `shard` is the lowest shard concerned, and `count` is at least 1: a command without keys belongs to
 * shard 0; (2) `marked` is filled only while `count` is more than 1; (3) with one shard nothing is computed.
 */
import { shardOfSlot, slotOf } from '../hash.js';
import type { Args } from '../resp/args.js';
import { extractKeys, KEYS_NONE, KEYS_ONE, KEYS_RANGE } from './key-positions.js';
import type { Registry } from './registry.js';
import type { CommandDef, KeyFlag } from './spec.js';

/** `Placement.word`: nothing is known, the reader places the command itself. */
export const PLACED_NOT = 0;
/** Kinds of `word`, in its low bits: one shard, with the slot above; several, with the mask of shards above. */
const WORD_ONE = 1;
const WORD_MASK = 2;
const WORD_SHIFT = 2;
/** A word has the mask of at most so many shards. */
const MASK_SHARDS_MAX = 30;

export class Placement {
  /** Slot of the first key; -1: no key, or it was not needed. */
  slot = -1;
  /** The lowest shard concerned. */
  shard = 0;
  /** Number of shards concerned. */
  count = 1;
  /** All shards are concerned, whatever the keys are. */
  all = false;
  /** 1 for each shard concerned, while `count` is more than 1. */
  readonly marked: Uint8Array;
  readonly shards: number;
  /** Argument indexes of the keys that `findKeys` has found. */
  keys = new Int32Array(64);
  private readonly registry: Registry;

  constructor(registry: Registry, shards: number) {
    this.registry = registry;
    this.shards = shards;
    this.marked = new Uint8Array(shards);
  }

  /** Places a command by its keys. @requires the arity is right */
  // hot: every command with a key; bench/micro "executor GET"
  place(id: number, args: Args): void {
    if (this.shards === 1) return;
    if (this.registry.keyKind[id] === KEYS_ONE) {
      const k = this.registry.firstKey[id]!;
      const off = args.off[k]!;
      const slot = off === args.hashedOff ? args.slot : slotOf(args.u8, off, args.len[k]!);
      this.slot = slot;
      this.shard = shardOfSlot(slot, this.shards);
      this.count = 1;
      this.all = false;
    } else this.placeMany(id, args);
  }

  /** The command concerns all shards. */
  placeAll(): void {
    this.slot = -1;
    this.shard = 0;
    this.count = this.shards;
    this.all = true;
    this.marked.fill(1);
  }

  /** The command concerns `shard` alone. */
  placeOn(shard: number): void {
    this.slot = -1;
    this.shard = shard;
    this.count = 1;
    this.all = false;
  }

  /** Whether the command concerns `shard`. */
  has(shard: number): boolean {
    return this.count === 1 ? shard === this.shard : this.marked[shard] !== 0;
  }

  /** What travels with a request. */
  get word(): number {
    if (this.count === 1) return WORD_ONE | ((this.slot + 1) << WORD_SHIFT);
    if (this.shards > MASK_SHARDS_MAX) return PLACED_NOT;
    let mask = 0;
    for (let s = 0; s < this.shards; s++) mask |= this.marked[s]! << s;
    return WORD_MASK | (mask << WORD_SHIFT);
  }

  /** Takes over what `word` said; false: it said nothing. `own`: the shard that the request was sent to. */
  // hot: bench/micro.js "ring GET"
  read(word: number, own: number): boolean {
    const kind = word & ((1 << WORD_SHIFT) - 1);
    if (kind === WORD_ONE) {
      this.slot = (word >>> WORD_SHIFT) - 1;
      this.shard = own;
      this.count = 1;
      this.all = false;
      return true;
    }
    if (kind !== WORD_MASK) return false;
    const mask = word >>> WORD_SHIFT;
    this.slot = -1;
    this.all = false;
    this.shard = 31 - Math.clz32(mask & -mask);
    this.count = 0;
    for (let s = 0; s < this.shards; s++) {
      const bit = (mask >>> s) & 1;
      this.marked[s] = bit;
      this.count += bit;
    }
    return true;
  }

  /**
   * Finds the argument indexes of a command's keys, which are in `keys` then: their number, 0 for none, -1 when the
   * arguments make no sense. `flags`, when given, receives what the command does with each key.
   */
  findKeys(def: CommandDef, args: Args, flags: (readonly KeyFlag[])[] | null = null): number {
    let count = extractKeys(def, args, this.keys, flags);
    if (count > this.keys.length) {
      this.keys = new Int32Array(count);
      if (flags !== null) flags.length = 0;
      count = extractKeys(def, args, this.keys, flags);
    }
    return count;
  }

  private placeMany(id: number, args: Args): void {
    const { registry, shards } = this;
    const kind = registry.keyKind[id]!;
    this.placeOn(0);
    if (kind === KEYS_NONE) return;
    const { u8, off, len } = args;
    const isRange = kind === KEYS_RANGE;
    const def = registry.defs[id]!;
    if (!isRange && def.everyShard?.(args) === true) {
      this.placeAll();
      return;
    }
    const n = isRange ? this.rangeOf(id, args.argc) : this.findKeys(def, args);
    const first = registry.firstKey[id]!;
    const step = registry.keyStep[id]!;
    for (let i = 0; i < n; i++) {
      const k = isRange ? first + i * step : this.keys[i]!;
      const slot = slotOf(u8, off[k]!, len[k]!);
      const shard = shardOfSlot(slot, shards);
      if (i === 0) {
        this.slot = slot;
        this.shard = shard;
      } else if (!this.has(shard)) this.add(shard);
    }
  }

  private add(shard: number): void {
    const { marked } = this;
    if (this.count === 1) {
      marked.fill(0);
      marked[this.shard] = 1;
    }
    marked[shard] = 1;
    this.count++;
    if (shard < this.shard) this.shard = shard;
  }

  /** How many keys a command with a regular row of keys has. */
  private rangeOf(id: number, argc: number): number {
    const { firstKey, keyStep, lastKey } = this.registry;
    const named = lastKey[id]!;
    const last = Math.min(named < 0 ? argc + named : named, argc - 1);
    return Math.floor((last - firstKey[id]!) / keyStep[id]!) + 1;
  }
}
