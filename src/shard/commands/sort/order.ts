/**
 * The order of SORT: a merge sort over pairs of a number and an index, stable, without a call for most comparisons.
 *
 *     numeric   the number is the weight; equal weights are ordered by the elements' bytes
 *     ALPHA     the number is made of six bytes of the text behind those that all begin with; equal ones are told apart
 *               by the whole text
 *     DESC      the numbers are negated, and ties decided the other way round; equal texts keep their order
 *
 * If only the first few are wanted, a heap of that size is filled from one pass over all instead.
 *
 * Invariants: no number is NaN; the lists do not change meanwhile.
 */
import type { MemberList } from '../../structures/member-list.js';

/** Runs of this length are sorted by insertion. */
const RUN = 12;
/** The heap is used when at most one in so many is wanted. */
const HEAP_SHARE = 16;
/** Number of a text that does not exist: before all others. */
const NO_TEXT = -1;

/** Order of strings a and b of a list as memcmp has it, the shorter first. */
export function compareTexts(list: MemberList, a: number, b: number): number {
  const va = list.view[a]!;
  const vb = list.view[b]!;
  const la = list.len[a]!;
  const lb = list.len[b]!;
  const n = Math.min(la, lb);
  const da = list.dvs[va]!;
  const db = list.dvs[vb]!;
  const oa = list.off[a]!;
  const ob = list.off[b]!;
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const d = da.getUint32(oa + i) - db.getUint32(ob + i);
    if (d !== 0) return d;
  }
  const ua = list.u8s[va]!;
  const ub = list.u8s[vb]!;
  for (; i < n; i++) {
    const d = ua[oa + i]! - ub[ob + i]!;
    if (d !== 0) return d;
  }
  return la - lb;
}

/**
 * Six bytes of string i behind the first `skip`, which are the same in all, as a number: if two numbers differ, the
 * strings are in the order of the numbers.
 */
function prefixOf(list: MemberList, i: number, skip: number): number {
  const len = list.len[i]! - skip;
  const off = list.off[i]! + skip;
  const view = list.view[i]!;
  if (len >= 6) {
    const dv = list.dvs[view]!;
    return dv.getUint32(off) * 65536 + dv.getUint16(off + 4);
  }
  const u8 = list.u8s[view]!;
  let prefix = 0;
  for (let k = 0; k < 6; k++) prefix = prefix * 256 + (k < len ? u8[off + k]! : 0);
  return prefix;
}

/** One command's order. */
export class SortOrder {
  private readonly desc: boolean;
  /** Decides between equal numbers; its strings have the indexes of the elements. */
  private readonly ties: MemberList;
  /** Indexes of strings that do not exist have length -1. */
  private keys: Float64Array<ArrayBuffer>;
  private index: Int32Array<ArrayBuffer>;

  /** By numbers, one for each string of `elements`. `weights` is used up. */
  constructor(elements: MemberList, weights: Float64Array<ArrayBuffer> | null, desc: boolean) {
    const n = elements.count;
    this.desc = desc;
    this.ties = elements;
    this.keys = weights ?? textKeys(elements);
    this.index = new Int32Array(n);
    for (let i = 0; i < n; i++) this.index[i] = i;
    if (desc) for (let i = 0; i < n; i++) this.keys[i] = -this.keys[i]!;
  }

  /** Order of two elements whose numbers are equal. */
  private tie(a: number, b: number): number {
    const ties = this.ties;
    if (ties.len[a]! < 0) return 0;
    const order = compareTexts(ties, a, b);
    return this.desc ? -order : order;
  }

  /** The indexes of the elements in order; only the first `wanted` of them are sure. */
  first(wanted: number): Int32Array {
    const n = this.index.length;
    if (wanted * HEAP_SHARE <= n) return this.select(wanted);
    this.sortRuns();
    this.mergeRuns();
    return this.index;
  }

  private sortRuns(): void {
    const { keys, index } = this;
    const n = index.length;
    for (let start = 0; start < n; start += RUN) {
      const end = Math.min(start + RUN, n);
      for (let i = start + 1; i < end; i++) {
        const key = keys[i]!;
        const element = index[i]!;
        let k = i - 1;
        while (k >= start && (keys[k]! > key || (keys[k] === key && this.tie(index[k]!, element) > 0))) {
          keys[k + 1] = keys[k]!;
          index[k + 1] = index[k]!;
          k--;
        }
        keys[k + 1] = key;
        index[k + 1] = element;
      }
    }
  }

  private mergeRuns(): void {
    const n = this.index.length;
    if (n <= RUN) return;
    let toKeys = new Float64Array(n);
    let toIndex = new Int32Array(n);
    for (let width = RUN; width < n; width *= 2) {
      for (let left = 0; left < n; left += 2 * width) this.merge(left, width, toKeys, toIndex);
      const { keys, index } = this;
      this.keys = toKeys;
      this.index = toIndex;
      toKeys = keys;
      toIndex = index;
    }
  }

  /** Merges the run of `width` pairs at `left` with the one behind it. */
  // hot: SORT
  private merge(left: number, width: number, toKeys: Float64Array, toIndex: Int32Array): void {
    const { keys, index } = this;
    const n = index.length;
    const middle = Math.min(left + width, n);
    const right = Math.min(middle + width, n);
    let a = left;
    let b = middle;
    let k = left;
    // Runs that are in order already need no comparison.
    if (middle < right && keys[middle - 1]! >= keys[middle]!) {
      while (a < middle && b < right) {
        const ka = keys[a]!;
        const kb = keys[b]!;
        if (ka < kb || (ka === kb && this.tie(index[a]!, index[b]!) <= 0)) {
          toKeys[k] = ka;
          toIndex[k++] = index[a++]!;
        } else {
          toKeys[k] = kb;
          toIndex[k++] = index[b++]!;
        }
      }
    }
    toKeys.set(keys.subarray(a, middle), k);
    toIndex.set(index.subarray(a, middle), k);
    k += middle - a;
    toKeys.set(keys.subarray(b, right), k);
    toIndex.set(index.subarray(b, right), k);
  }

  // ---- the first few

  /** Whether element a comes after element b; nothing is equal, for the first of two equal ones comes first. */
  private after(a: number, b: number): boolean {
    const keys = this.keys;
    if (keys[a] !== keys[b]) return keys[a]! > keys[b]!;
    const order = this.tie(a, b);
    return order !== 0 ? order > 0 : a > b;
  }

  private select(wanted: number): Int32Array {
    const heap = new Int32Array(wanted);
    if (wanted === 0) return heap;
    const n = this.index.length;
    for (let i = 0; i < wanted; i++) heap[i] = i;
    for (let i = (wanted >> 1) - 1; i >= 0; i--) this.sink(heap, i, wanted);
    for (let i = wanted; i < n; i++) {
      if (this.after(i, heap[0]!)) continue;
      heap[0] = i;
      this.sink(heap, 0, wanted);
    }
    for (let last = wanted - 1; last > 0; last--) {
      const top = heap[0]!;
      heap[0] = heap[last]!;
      heap[last] = top;
      this.sink(heap, 0, last);
    }
    return heap;
  }

  /** Restores the heap, whose top is its last element in order, from position i down. */
  private sink(heap: Int32Array, i: number, size: number): void {
    const element = heap[i]!;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && this.after(heap[child + 1]!, heap[child]!)) child++;
      if (!this.after(heap[child]!, element)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = element;
  }
}

function textKeys(list: MemberList): Float64Array<ArrayBuffer> {
  const keys = new Float64Array(list.count);
  const skip = commonBytes(list);
  for (let i = 0; i < list.count; i++) keys[i] = list.len[i]! < 0 ? NO_TEXT : prefixOf(list, i, skip);
  return keys;
}

/** How many bytes all strings begin with. */
function commonBytes(list: MemberList): number {
  let first = 0;
  while (first < list.count && list.len[first]! < 0) first++;
  if (first === list.count) return 0;
  const u8 = list.u8s[list.view[first]!]!;
  const off = list.off[first]!;
  let common = list.len[first]!;
  for (let i = first + 1; i < list.count && common > 0; i++) {
    const len = list.len[i]!;
    if (len < 0) continue;
    const other = list.u8s[list.view[i]!]!;
    const at = list.off[i]!;
    if (len < common) common = len;
    for (let k = 0; k < common; k++) {
      if (u8[off + k] !== other[at + k]) {
        common = k;
        break;
      }
    }
  }
  return common;
}
