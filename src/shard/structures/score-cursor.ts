/**
 * Walks a score tree from any rank, in either direction.
 *
 *     cursor.open(arena, root, word, rank);
 *     for (let el = cursor.next(); el !== 0; el = cursor.next()) use(el, cursor.score);
 *
 * Invariants: (1) lease held; (2) the tree does not change during the walk; (3) one object for each tree walked at the
 * same time.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { CHILDREN, COUNTS, INNER_MAX, LEAF_ELEMENTS, SCORES } from './score-node.js';
import { HEIGHT_MAX, T_COUNT, T_HEIGHT, T_NODE } from './score-tree.js';

const NO_WORDS = new Int32Array(1);
const NO_SCORES = new Float64Array(1);

export class ScoreCursor {
  /** Score of the entry that `next` or `previous` returned. */
  score = 0;
  private arena!: Arena;
  private height = 0;
  private readonly way = new Int32Array(HEIGHT_MAX + 1);
  private readonly at = new Int32Array(HEIGHT_MAX + 1);
  /** The leaf: where its scores and elements are, their number, and the next of them. */
  private i32: Int32Array = NO_WORDS;
  private f64: Float64Array = NO_SCORES;
  private elements = 0;
  private scores = 0;
  private n = 0;
  private i = 0;

  /** Stands at the entry of a rank; behind the last or before the first where there is none. Returns itself. */
  open(arena: Arena, root: Ptr, word: number, rank: number): this {
    const words = wordsOf(arena, root);
    const base = wordIndex(root) + word;
    const count = words[base + T_COUNT]!;
    this.arena = arena;
    this.height = words[base + T_HEIGHT]!;
    this.n = 0;
    this.i = 0;
    if (count === 0) return this;
    const out = rank < 0 ? -1 : rank >= count ? 1 : 0;
    rank = rank < 0 ? 0 : rank >= count ? count - 1 : rank;
    let node = words[base + T_NODE]! as Ptr;
    for (let level = this.height; level > 1; level--) {
      const i32 = wordsOf(arena, node);
      const first = wordIndex(node) + COUNTS;
      let i = first;
      while (rank >= i32[i]!) rank -= i32[i++]!;
      this.way[level] = node;
      this.at[level] = i - first;
      node = i32[i - INNER_MAX]! as Ptr;
    }
    this.enter(node);
    this.i = rank + out;
    return this;
  }

  private enter(leaf: Ptr): void {
    this.i32 = wordsOf(this.arena, leaf);
    this.f64 = doublesOf(this.arena, leaf);
    const w = wordIndex(leaf);
    this.elements = w + LEAF_ELEMENTS;
    this.scores = unitIndex(leaf) + SCORES;
    this.n = this.i32[w]!;
  }

  /** The element where the cursor stands, 0 behind the last; goes on to the next. */
  // hot: ZRANGE and its kin
  next(): Ptr {
    if (this.i >= this.n && !this.step(1)) return NULL;
    const i = this.i++;
    this.score = this.f64[this.scores + i]!;
    return this.i32[this.elements + i]! as Ptr;
  }

  /** The element where the cursor stands, 0 before the first; goes on to the one before it. */
  previous(): Ptr {
    if ((this.i < 0 || this.i >= this.n) && !this.step(-1)) return NULL;
    const i = this.i--;
    this.score = this.f64[this.scores + i]!;
    return this.i32[this.elements + i]! as Ptr;
  }

  /** Goes to the leaf after this one, or before it; false when there is none. */
  private step(by: number): boolean {
    const arena = this.arena;
    let level = 2;
    for (; level <= this.height; level++) {
      const node = this.way[level]!;
      const i = this.at[level]! + by;
      if (i < 0 || i >= wordAt(arena, node, 0)) continue;
      this.at[level] = i;
      break;
    }
    if (level > this.height) return false;
    for (; level > 1; level--) {
      const node = this.way[level]!;
      const i32 = wordsOf(arena, node);
      const w = wordIndex(node);
      const child = i32[w + CHILDREN + this.at[level]!]! as Ptr;
      if (level === 2) {
        this.enter(child);
        break;
      }
      this.way[level - 1] = child;
      const n = wordAt(arena, child, 0);
      this.at[level - 1] = by > 0 ? 0 : n - 1;
    }
    this.i = by > 0 ? 0 : this.n - 1;
    return true;
  }
}
