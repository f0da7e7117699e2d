/**
 * Members with scores that one command collects, outside the arena: the result of a union, intersection or difference
 * before it is answered or stored. The strings stay where they are (structures/member-list.ts).
 *
 *     add, or accumulate, for each member -> sort -> visit in the order of `order`
 *
 * Invariants: as for MemberList; no score is NaN.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import { compareBytes } from '../../structures/element.js';
import { MemberIndex } from '../../structures/member-list.js';

const CAPACITY_MIN = 1024;
const CAPACITY_KEPT = 16 * 1024;
/** Runs up to this length are sorted by insertion. */
const RUN = 16;

export class ScoredMembers {
  readonly members = new MemberIndex();
  scores = new Float64Array(CAPACITY_MIN);
  /** After `sort`: indexes of the members, the lowest score first. */
  order = new Int32Array(CAPACITY_MIN);
  private spare = new Int32Array(CAPACITY_MIN);

  get count(): number {
    return this.members.count;
  }

  /** Adds a member that is not here yet. */
  add(arena: Arena, u8: Uint8Array, dv: DataView, off: number, len: number, score: number): void {
    this.put(this.members.add(arena, u8, dv, off, len), score);
  }

  /** Index of the member that the bytes are, which is added with `score` if it is new: then -1. */
  merge(arena: Arena, u8: Uint8Array, dv: DataView, off: number, len: number, score: number): number {
    if (!this.members.insert(arena, u8, dv, off, len)) return this.members.find(u8, dv, off, len);
    this.put(this.members.count - 1, score);
    return -1;
  }

  private put(i: number, score: number): void {
    if (i === this.scores.length) {
      const scores = new Float64Array(2 * i);
      scores.set(this.scores);
      this.scores = scores;
    }
    this.scores[i] = score;
  }

  /** Whether member a comes before member b. */
  private isBefore(a: number, b: number): boolean {
    const x = this.scores[a]!;
    const y = this.scores[b]!;
    if (x !== y) return x < y;
    const list = this.members;
    return (
      compareBytes(
        list.u8s[list.view[a]!]!,
        list.off[a]!,
        list.len[a]!,
        list.u8s[list.view[b]!]!,
        list.off[b]!,
        list.len[b]!,
      ) < 0
    );
  }

  /** Fills `order`, by score and name: a merge sort, which leaves alone what is in order already. */
  sort(): void {
    const n = this.count;
    if (n > this.order.length) {
      this.order = new Int32Array(this.scores.length);
      this.spare = new Int32Array(this.scores.length);
    }
    for (let i = 0; i < n; i++) this.order[i] = i;
    for (let start = 0; start < n; start += RUN) this.sortRun(start, Math.min(start + RUN, n));
    for (let width = RUN; width < n; width *= 2) {
      for (let start = 0; start < n; start += 2 * width) {
        this.join(start, Math.min(start + width, n), Math.min(start + 2 * width, n));
      }
      const joined = this.spare;
      this.spare = this.order;
      this.order = joined;
    }
  }

  private sortRun(start: number, end: number): void {
    const { order } = this;
    for (let i = start + 1; i < end; i++) {
      const member = order[i]!;
      let k = i;
      while (k > start && this.isBefore(member, order[k - 1]!)) {
        order[k] = order[k - 1]!;
        k--;
      }
      order[k] = member;
    }
  }

  /** Merges two runs that follow each other, from `order` into `spare`. */
  private join(start: number, middle: number, end: number): void {
    const { order, spare } = this;
    let a = start;
    let b = middle;
    if (middle >= end || !this.isBefore(order[middle]!, order[middle - 1]!)) {
      for (; a < end; a++) spare[a] = order[a]!;
      return;
    }
    for (let to = start; to < end; to++) {
      if (b >= end || (a < middle && !this.isBefore(order[b]!, order[a]!))) spare[to] = order[a++]!;
      else spare[to] = order[b++]!;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.members.clear();
    if (this.scores.length > CAPACITY_KEPT) this.scores = new Float64Array(CAPACITY_MIN);
    if (this.order.length > CAPACITY_KEPT) {
      this.order = new Int32Array(CAPACITY_MIN);
      this.spare = new Int32Array(CAPACITY_MIN);
    }
  }
}
