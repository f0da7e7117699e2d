/**
 * The inputs of a union, an intersection or a difference: sorted sets, and plain sets whose members have the score 1,
 * on one shard or several. And the walk over one of them.
 *
 * Invariants: (1) the leases of all keys are held from `add` to the end of the command; (2) one command at a time.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { entryType, TYPE_ZSET } from '../../entry/entry.js';
import { SetCursor } from '../set/set-cursor.js';
import { setCount, setHas } from '../set/set-value.js';
import { ZsetCursor } from './zset-cursor.js';
import { zsetCount, zsetScore } from './zset-value.js';

const CAPACITY_MIN = 16;

export class ZsetSources {
  /** Number of inputs, keys that do not exist included: those have entry 0 and count 0. */
  n = 0;
  /** Members of all together. */
  total = 0;
  /** The member of the last `next`: `len` bytes at `off` of `u8`, which `dv` views; its score in the input. */
  u8: Uint8Array;
  dv: DataView;
  off = 0;
  len = 0;
  score = 0;
  arenas: Arena[] = [];
  counts = new Float64Array(CAPACITY_MIN);
  weights = new Float64Array(CAPACITY_MIN);
  private entries = new Int32Array(CAPACITY_MIN);
  private plain = new Uint8Array(CAPACITY_MIN);
  private readonly zset = new ZsetCursor();
  private readonly set = new SetCursor();
  private walksPlain = false;

  constructor() {
    this.u8 = this.set.u8;
    this.dv = this.set.dv;
  }

  /** Begins with no inputs, and room for `n`. */
  clear(n: number): void {
    this.n = 0;
    this.total = 0;
    this.arenas.length = 0;
    if (n <= this.entries.length) return;
    this.counts = new Float64Array(n);
    this.weights = new Float64Array(n);
    this.entries = new Int32Array(n);
    this.plain = new Uint8Array(n);
  }

  /** Adds an input with weight 1: the value of entry `e`, a set or sorted set, or 0 for nothing. */
  add(arena: Arena, e: Ptr): void {
    const i = this.n++;
    const plain = e !== NULL && entryType(arena, e) !== TYPE_ZSET;
    this.arenas[i] = arena;
    this.entries[i] = e;
    this.plain[i] = plain ? 1 : 0;
    this.counts[i] = e === NULL ? 0 : plain ? setCount(arena, e) : zsetCount(arena, e);
    this.weights[i] = 1;
    this.total += this.counts[i]!;
  }

  /** Puts the inputs in the order of their sizes, the smallest first; equal ones stay as they were. */
  sort(): void {
    const order = Array.from({ length: this.n }, (_, i) => i).sort((a, b) => this.counts[a]! - this.counts[b]!);
    this.arenas = order.map((i) => this.arenas[i]!);
    this.counts = reordered(this.counts, order);
    this.weights = reordered(this.weights, order);
    this.entries = Int32Array.from(order, (i) => this.entries[i]!);
    this.plain = Uint8Array.from(order, (i) => this.plain[i]!);
  }

  /** Begins a walk over input i. @requires it is not empty */
  walk(i: number): void {
    const arena = this.arenas[i]!;
    const e = this.entries[i]! as Ptr;
    this.walksPlain = this.plain[i] !== 0;
    if (this.walksPlain) this.set.open(arena, e);
    else this.zset.open(arena, e, 0);
  }

  /** Goes to the next member of the walk; false behind the last. */
  next(): boolean {
    if (this.walksPlain) {
      const cursor = this.set;
      if (!cursor.next()) return false;
      this.u8 = cursor.u8;
      this.dv = cursor.dv;
      this.off = cursor.off;
      this.len = cursor.len;
      this.score = 1;
      return true;
    }
    const cursor = this.zset;
    if (!cursor.next()) return false;
    this.u8 = cursor.u8;
    this.dv = cursor.dv;
    this.off = cursor.off;
    this.len = cursor.len;
    this.score = cursor.score;
    return true;
  }

  /** Score of the walk's member in input i; NaN when that has no such member. */
  scoreIn(i: number): number {
    const e = this.entries[i]! as Ptr;
    if (e === NULL) return Number.NaN;
    const arena = this.arenas[i]!;
    if (this.plain[i] === 0) return zsetScore(arena, e, this.u8, this.dv, this.off, this.len);
    return setHas(arena, e, this.u8, this.dv, this.off, this.len) ? 1 : Number.NaN;
  }
}

function reordered(from: Float64Array, order: readonly number[]): Float64Array<ArrayBuffer> {
  return Float64Array.from(order, (i) => from[i]!);
}
