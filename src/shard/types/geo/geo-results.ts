/**
 * What a search found: of each member its distance, its score and where it is in the sorted set, in three columns, and
 * an order over them. Members' bytes stay where they are.
 *
 * The order is made by a heap of as many as are wanted, so that the nearest few of many cost no full sort. Members at
 * equal distances stay in the order in which they were found.
 *
 * Invariants: (1) one search at a time; the sorted set does not change between `open` and the last use; (2) the columns
 * keep their room from search to search, up to KEPT_MAX members.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { compareBytes, compareNames, elementName, name, replyName } from '../../structures/element.js';
import { item, lpRead } from '../../structures/listpack-entry.js';

const INITIAL = 256;
const KEPT_MAX = 16384;

/** How results are ordered. */
export const NEAREST = 1;
export const FARTHEST = 2;
/** As in a sorted set: by `key`, then by name. */
const BY_KEY = 3;

/** A member of a packed set as bytes: those of the listpack, or an integer's digits. */
class PackedName {
  u8: Uint8Array;
  dv: DataView;
  off = 0;
  len = 0;
  private readonly digits = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly digitsView = new DataView(this.digits.buffer);

  constructor() {
    this.u8 = this.digits;
    this.dv = this.digitsView;
  }

  read(u8: Uint8Array, dv: DataView, p: number): void {
    lpRead(u8, p);
    if (item.isInt) {
      this.u8 = this.digits;
      this.dv = this.digitsView;
      this.off = 0;
      this.len = writeInt64(this.digits, 0, item.hi, item.lo);
      return;
    }
    this.u8 = u8;
    this.dv = dv;
    this.off = item.off;
    this.len = item.len;
  }
}

export class GeoResults {
  /** Members found. */
  count = 0;
  /** Metres, scores and, once `orderForStore` was called, the new scores, by number in the order of finding. */
  distance: Float64Array = new Float64Array(INITIAL);
  score: Float64Array = new Float64Array(INITIAL);
  private key = this.distance;
  /** Elements of a tree, places in a listpack. */
  private place = new Int32Array(INITIAL);
  /** Numbers of results in the order asked for; the first `ordered` of them. */
  order: Int32Array = new Int32Array(INITIAL);
  ordered = 0;

  /** Bytes of the member that `member` read. */
  u8: Uint8Array;
  dv: DataView;
  off = 0;
  len = 0;

  private arena!: Arena;
  private packed = false;
  private segment = 0;
  private mode = NEAREST;
  private readonly a = new PackedName();
  private readonly b = new PackedName();

  constructor() {
    this.u8 = this.a.u8;
    this.dv = this.a.dv;
  }

  /** Begins with the sorted set in entry `e`. */
  open(arena: Arena, e: Ptr): void {
    this.arena = arena;
    this.packed = entryEncoding(arena, e) === ZSET_PACKED;
    this.segment = segmentOf(rootOf(arena, e));
    this.count = 0;
    this.ordered = 0;
    if (this.place.length > KEPT_MAX) this.resize(INITIAL);
  }

  private resize(room: number): void {
    const kept = Math.min(this.count, room);
    const { distance, score, place } = this;
    this.distance = new Float64Array(room);
    this.score = new Float64Array(room);
    this.place = new Int32Array(room);
    this.order = new Int32Array(room);
    this.distance.set(distance.subarray(0, kept));
    this.score.set(score.subarray(0, kept));
    this.place.set(place.subarray(0, kept));
  }

  /** Adds a member. */
  add(metres: number, score: number, place: number): void {
    if (this.count === this.place.length) this.resize(2 * this.count);
    this.distance[this.count] = metres;
    this.score[this.count] = score;
    this.place[this.count] = place;
    this.count++;
  }

  /** Whether result `i` comes after result `j`. */
  private after(i: number, j: number): boolean {
    const key = this.mode === BY_KEY ? this.key : this.distance;
    const x = key[i]!;
    const y = key[j]!;
    if (x !== y) return this.mode === FARTHEST ? x < y : x > y;
    return this.mode === BY_KEY ? this.compareMembers(i, j) > 0 : i > j;
  }

  private compareMembers(i: number, j: number): number {
    const { arena, place, a, b } = this;
    if (!this.packed) return compareNames(arena, place[i]! as Ptr, place[j]! as Ptr);
    const u8 = arena.u8[this.segment]!;
    const dv = arena.dv[this.segment]!;
    a.read(u8, dv, place[i]!);
    b.read(u8, dv, place[j]!);
    return compareBytes(a.u8, a.off, a.len, b.u8, b.off, b.len);
  }

  /** Takes the first `wanted` in the order of finding. */
  takeFirst(wanted: number): void {
    const n = Math.min(wanted, this.count);
    for (let i = 0; i < n; i++) this.order[i] = i;
    this.ordered = n;
  }

  /** Takes the `wanted` NEAREST or FARTHEST ones, in that order. */
  takeBest(wanted: number, mode: number): void {
    this.mode = mode;
    this.takeFirst(wanted);
    const { order, ordered: n } = this;
    if (n < 2 && n === this.count) return;
    this.heapify();
    if (n > 0) {
      for (let i = n; i < this.count; i++) {
        if (!this.after(order[0]!, i)) continue;
        order[0] = i;
        this.sink(0, n);
      }
    }
    this.drain();
  }

  /** Puts those taken into the order of a sorted set with the distances in units, or the scores, as its scores. */
  orderForStore(distances: boolean, conversion: number): void {
    if (distances) {
      this.key = this.distance;
      for (let i = 0; i < this.count; i++) this.distance[i] = this.distance[i]! / conversion;
    } else this.key = this.score;
    this.mode = BY_KEY;
    this.heapify();
    this.drain();
  }

  /** Score in the new set of result `i`. */
  storedScore(i: number): number {
    return this.key[i]!;
  }

  /** Makes the order a heap, the last of it on top. */
  private heapify(): void {
    for (let i = (this.ordered >> 1) - 1; i >= 0; i--) this.sink(i, this.ordered);
  }

  /** Empties the heap from behind: the order is as wanted then. */
  private drain(): void {
    const { order } = this;
    for (let end = this.ordered - 1; end > 0; end--) {
      const last = order[0]!;
      order[0] = order[end]!;
      order[end] = last;
      this.sink(0, end);
    }
  }

  private sink(at: number, n: number): void {
    const { order } = this;
    const x = order[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      if (child + 1 < n && this.after(order[child + 1]!, order[child]!)) child++;
      if (!this.after(order[child]!, x)) break;
      order[at] = order[child]!;
      at = child;
    }
    order[at] = x;
  }

  /** Reads the bytes of the member of result `i`. */
  member(i: number): void {
    const { arena } = this;
    if (!this.packed) {
      elementName(arena, this.place[i]! as Ptr);
      this.u8 = name.u8;
      this.dv = name.dv;
      this.off = name.off;
      this.len = name.len;
      return;
    }
    const { a } = this;
    a.read(arena.u8[this.segment]!, arena.dv[this.segment]!, this.place[i]!);
    this.u8 = a.u8;
    this.dv = a.dv;
    this.off = a.off;
    this.len = a.len;
  }

  /** Writes the member of result `i` as a bulk string. */
  replyMember(i: number, reply: Reply): void {
    const { arena } = this;
    if (!this.packed) {
      replyName(arena, this.place[i]! as Ptr, reply);
      return;
    }
    const u8 = arena.u8[this.segment]!;
    lpRead(u8, this.place[i]!);
    if (item.isInt) reply.bulkInt64(item.hi, item.lo);
    else reply.bulkView(u8, arena.dv[this.segment]!, item.off, item.len);
  }
}

/** Results of the running search. */
export const results = new GeoResults();
