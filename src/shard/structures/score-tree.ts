/**
 * Counted B+tree: elements in the order of (score, name), names compared as bytes. It serves big sorted sets, and the
 * times of expiry of a hash's fields. Nodes are in score-node.ts; walking is in score-cursor.ts.
 *
 *     three words of the value's root cell:  root node | height | entries      height 0: empty, 1: the root is a leaf
 *
 * Insert, remove, rank of an entry, entry at a rank, and the rank where a score or a name begins are O(log n). A caller
 * that wants a range asks for the ranks of its two ends. A leaf that overflows gives entries to a neighbour that has
 * room. Otherwise the node is split in the middle. At the ends of the tree a split leaves the full node full, since
 * entries often come in order. A node that gets sparse is joined with a neighbour or filled from the neighbour. (Bayer
 * and McCreight's trees, leaves as in Comer's "The Ubiquitous B-Tree", with subtree counts.)
 *
 * Invariants: (1) lease held; (2) the score of an entry is never NaN, and the name of its element does not change while
 * it is here: the score given to `remove` is the one given to `insert`; (3) every node has an entry, and an inner one
 * two; (4) running out of memory leaves the tree as it was: a split takes its nodes before it changes anything;
 * `remove` allocates nothing.
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { Arena } from '../../shared/memory/arena.js';
import { doublesOf, unitIndex, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { free } from '../../shared/memory/slab.js';
import { compareNames, compareNameTo } from './element.js';
import {
  addCount,
  CHILDREN,
  COUNTS,
  childCount,
  childOf,
  closeEntry,
  copyKey,
  createNode,
  INNER_ELEMENTS,
  INNER_MAX,
  keyElement,
  keyScore,
  LEAF_ELEMENTS,
  LEAF_MAX,
  moveEntries,
  nodeEntries,
  nodeMax,
  nodeTotal,
  openEntry,
  SCORES,
  setChild,
  setEntries,
  setKey,
  touchNode,
} from './score-node.js';

/** Words of a tree in its root cell. */
export const T_NODE = 0;
export const T_HEIGHT = 1;
export const T_COUNT = 2;
export const TREE_WORDS = 3;
/** No tree is higher: 2 ** 31 entries in the sparsest nodes. */
export const HEIGHT_MAX = 31;

/** A full leaf gives entries only to a neighbour that has at most this many. */
const SPILL_MAX = LEAF_MAX - (LEAF_MAX >> 2);

const NO_WORDS = new Int32Array(TREE_WORDS);
/** The way of the last descent: node and entry on each level; level 1 is the leaf. */
const WAY = new Int32Array(HEIGHT_MAX + 1);
const AT = new Int32Array(HEIGHT_MAX + 1);
/** Nodes taken for splits, by level. */
const SPARE = new Int32Array(HEIGHT_MAX + 2);

export class ScoreTree {
  private arena!: Arena;
  private rootPtr: Ptr = NULL;
  private word = 0;
  private words: Int32Array = NO_WORDS;
  private base = 0;

  /** Points this view at the tree whose words begin at word `word` of the cell `root`. Returns itself. */
  open(arena: Arena, root: Ptr, word: number): this {
    this.arena = arena;
    this.rootPtr = root;
    this.word = word;
    this.words = wordsOf(arena, root);
    this.base = wordIndex(root) + word;
    return this;
  }

  /** Number of entries. */
  get count(): number {
    return this.words[this.base + T_COUNT]!;
  }

  private get height(): number {
    return this.words[this.base + T_HEIGHT]!;
  }

  private get rootNode(): Ptr {
    return this.words[this.base + T_NODE]! as Ptr;
  }

  private setRoot(node: Ptr, height: number): void {
    this.words[this.base + T_NODE] = node;
    this.words[this.base + T_HEIGHT] = height;
  }

  private addToCount(by: number): void {
    this.arena.touch(this.rootPtr, this.word * 4, TREE_WORDS * 4);
    this.words[this.base + T_COUNT] = this.words[this.base + T_COUNT]! + by;
  }

  // ---- changing

  /** Adds an entry. @requires (score, el) is not here, nor another element of the same name. Throws ArenaFullError. */
  // hot: ZADD of a new member or another score
  insert(score: number, el: Ptr): void {
    const arena = this.arena;
    const height = this.height;
    if (height === 0) {
      const leaf = createNode(arena, 1);
      this.addToCount(1);
      this.setRoot(leaf, 1);
      setEntries(arena, leaf, 1);
      setKey(arena, leaf, 0, score, el);
      return;
    }
    this.descend(score, el);
    if (nodeEntries(arena, WAY[1]! as Ptr) === LEAF_MAX && height > 1 && this.spill()) this.descend(score, el);
    const leaf = WAY[1]! as Ptr;
    const full = nodeEntries(arena, leaf) === LEAF_MAX;
    if (full) this.takeSpares(height);
    this.addToCount(1);
    for (let level = 2; level <= height; level++) {
      touchNode(arena, WAY[level]! as Ptr);
      addCount(arena, WAY[level]! as Ptr, AT[level]!, 1);
    }
    touchNode(arena, leaf);
    if (full) {
      this.splitLeaf(height, score, el);
      return;
    }
    openEntry(arena, leaf, AT[1]!);
    setKey(arena, leaf, AT[1]!, score, el);
  }

  /** Takes an entry out; false when it is not here. Never fails. */
  // hot: ZREM, ZPOPMIN, ZADD of another score
  remove(score: number, el: Ptr): boolean {
    if (!this.find(score, el)) return false;
    this.removeFound();
    return true;
  }

  /** Takes the entry at a rank out and returns its element. Never fails. @requires 0 <= rank < count */
  // hot: ZPOPMIN
  takeAt(rank: number): Ptr {
    invariant(rank >= 0 && rank < this.count, '0 <= rank < count');
    const arena = this.arena;
    let node = this.rootNode;
    for (let level = this.height; level > 1; level--) {
      const i32 = wordsOf(arena, node);
      const first = wordIndex(node) + COUNTS;
      let i = first;
      while (rank >= i32[i]!) rank -= i32[i++]!;
      WAY[level] = node;
      AT[level] = i - first;
      node = i32[i - INNER_MAX]! as Ptr;
    }
    WAY[1] = node;
    AT[1] = rank;
    const el = keyElement(arena, node, rank);
    this.removeFound();
    return el;
  }

  /** Gives an entry another score. Throws ArenaFullError, and nothing has changed then. */
  // hot: ZINCRBY, ZADD of another score
  move(score: number, el: Ptr, next: number): void {
    if (!this.find(score, el)) throw new Error('score tree: the entry to be moved is not here');
    // Equal: zeros of either sign.
    if (score === next || this.staysAt(score, next)) {
      touchNode(this.arena, WAY[1]! as Ptr);
      setKey(this.arena, WAY[1]! as Ptr, AT[1]!, next, el);
      if (AT[1] === 0) this.firstChanged(1);
      return;
    }
    this.insert(next, el);
    this.remove(score, el);
  }

  /** Puts another cell with the same name in the place of an entry's element. @requires the entry is here */
  swap(score: number, el: Ptr, next: Ptr): void {
    if (!this.find(score, el)) throw new Error('score tree: the entry to be swapped is not here');
    touchNode(this.arena, WAY[1]! as Ptr);
    setKey(this.arena, WAY[1]! as Ptr, AT[1]!, score, next);
    if (AT[1] === 0) this.firstChanged(1);
  }

  // ---- asking

  /** Rank of an entry, from 0; -1 when it is not here. */
  rankOf(score: number, el: Ptr): number {
    if (!this.find(score, el)) return -1;
    let rank = AT[1]!;
    for (let level = this.height; level > 1; level--) rank += this.before(WAY[level]! as Ptr, AT[level]!);
    return rank;
  }

  /** The element at a rank; 0 when there are fewer. Its score is in the element. */
  at(rank: number): Ptr {
    if (rank < 0 || rank >= this.count) return NULL;
    const arena = this.arena;
    let node = this.rootNode;
    for (let level = this.height; level > 1; level--) {
      const i32 = wordsOf(arena, node);
      const w = wordIndex(node);
      let i = w + COUNTS;
      while (rank >= i32[i]!) rank -= i32[i++]!;
      node = i32[i - INNER_MAX]! as Ptr;
    }
    return keyElement(arena, node, rank);
  }

  /** Number of entries whose score is below `score`, or with `orEqual` not above it: the rank where a range begins. */
  // hot: ZRANGEBYSCORE, ZCOUNT
  rankOfScore(score: number, orEqual: boolean): number {
    const arena = this.arena;
    let node = this.rootNode;
    let rank = 0;
    for (let level = this.height; level > 0; level--) {
      const f64 = doublesOf(arena, node);
      const start = unitIndex(node) + SCORES;
      let low = level === 1 ? 0 : 1;
      let high = nodeEntries(arena, node);
      while (low < high) {
        const mid = (low + high) >>> 1;
        const s = f64[start + mid]!;
        if (s < score || (orEqual && s === score)) low = mid + 1;
        else high = mid;
      }
      if (level === 1) return rank + low;
      rank += this.before(node, low - 1);
      node = childOf(arena, node, low - 1);
    }
    return 0;
  }

  /**
   * Number of entries whose name is below the `len` bytes at `off`, or with `orEqual` not above them.
   * @requires all entries have the same score; with several, the answer is of no use but within 0 ... count
   */
  rankOfName(u8: Uint8Array, off: number, len: number, orEqual: boolean): number {
    const arena = this.arena;
    let node = this.rootNode;
    let rank = 0;
    for (let level = this.height; level > 0; level--) {
      let low = level === 1 ? 0 : 1;
      let high = nodeEntries(arena, node);
      while (low < high) {
        const mid = (low + high) >>> 1;
        const order = compareNameTo(arena, keyElement(arena, node, mid), u8, off, len);
        if (order < 0 || (orEqual && order === 0)) low = mid + 1;
        else high = mid;
      }
      if (level === 1) return rank + low;
      rank += this.before(node, low - 1);
      node = childOf(arena, node, low - 1);
    }
    return 0;
  }

  // ---- finding

  /** Leaf entries below the children before `i`. */
  private before(node: Ptr, i: number): number {
    const i32 = wordsOf(this.arena, node);
    const start = wordIndex(node) + COUNTS;
    let sum = 0;
    for (let k = 0; k < i; k++) sum += i32[start + k]!;
    return sum;
  }

  /** Goes to the leaf where (score, el) belongs: AT[1] is the first entry not before it. */
  private descend(score: number, el: Ptr): void {
    const arena = this.arena;
    let node = this.rootNode;
    for (let level = this.height; level > 1; level--) {
      const i32 = wordsOf(arena, node);
      const f64 = doublesOf(arena, node);
      const w = wordIndex(node);
      const start = unitIndex(node) + SCORES;
      let low = 1;
      let high = i32[w]!;
      while (low < high) {
        const mid = (low + high) >>> 1;
        const s = f64[start + mid]!;
        if (s < score || (s === score && this.notAfter(i32[w + INNER_ELEMENTS + mid]! as Ptr, el))) low = mid + 1;
        else high = mid;
      }
      WAY[level] = node;
      AT[level] = low - 1;
      node = i32[w + CHILDREN + low - 1]! as Ptr;
    }
    const i32 = wordsOf(arena, node);
    const f64 = doublesOf(arena, node);
    const w = wordIndex(node);
    const start = unitIndex(node) + SCORES;
    let low = 0;
    let high = i32[w]!;
    while (low < high) {
      const mid = (low + high) >>> 1;
      const s = f64[start + mid]!;
      if (s < score || (s === score && this.isBefore(i32[w + LEAF_ELEMENTS + mid]! as Ptr, el))) low = mid + 1;
      else high = mid;
    }
    WAY[1] = node;
    AT[1] = low;
  }

  private notAfter(a: Ptr, b: Ptr): boolean {
    return a === b || compareNames(this.arena, a, b) <= 0;
  }

  private isBefore(a: Ptr, b: Ptr): boolean {
    return a !== b && compareNames(this.arena, a, b) < 0;
  }

  /** Goes to the entry (score, el); false when it is not here. */
  private find(score: number, el: Ptr): boolean {
    if (this.height === 0) return false;
    this.descend(score, el);
    const leaf = WAY[1]! as Ptr;
    return AT[1]! < nodeEntries(this.arena, leaf) && keyElement(this.arena, leaf, AT[1]!) === el;
  }

  /** Whether the found entry keeps its place with another score, as its neighbour in the leaf shows. */
  private staysAt(score: number, next: number): boolean {
    const arena = this.arena;
    const leaf = WAY[1]! as Ptr;
    const up = next > score;
    const i = AT[1]!;
    const k = up ? i + 1 : i - 1;
    if (k < 0 || k === nodeEntries(arena, leaf)) return this.onEdge(up);
    const s = keyScore(arena, leaf, k);
    if (s !== next) return up ? s > next : s < next;
    const order = compareNames(arena, keyElement(arena, leaf, i), keyElement(arena, leaf, k));
    return up ? order < 0 : order > 0;
  }

  /** Whether the way leads to the last leaf, or the first. */
  private onEdge(last: boolean): boolean {
    for (let level = this.height; level > 1; level--) {
      if (AT[level] !== (last ? nodeEntries(this.arena, WAY[level]! as Ptr) - 1 : 0)) return false;
    }
    return true;
  }

  /** The first key below the node on `level` of the way has changed: updates the node above that keeps this key. */
  private firstChanged(level: number): void {
    const arena = this.arena;
    const from = WAY[level]! as Ptr;
    for (let above = level + 1; above <= this.height; above++) {
      if (AT[above] === 0) continue;
      touchNode(arena, WAY[above]! as Ptr);
      copyKey(arena, from, 0, WAY[above]! as Ptr, AT[above]!);
      return;
    }
  }

  // ---- splitting

  /** Shares the entries of the full leaf at the end of the way with a neighbour that has room; false when none has. */
  private spill(): boolean {
    const arena = this.arena;
    const parent = WAY[2]! as Ptr;
    const at = AT[2]!;
    const n = nodeEntries(arena, parent);
    for (let i = at; i <= at + 1; i++) {
      if (i < 1 || i >= n) continue;
      const left = childOf(arena, parent, i - 1);
      const right = childOf(arena, parent, i);
      const all = nodeEntries(arena, left) + nodeEntries(arena, right);
      if (all - LEAF_MAX > SPILL_MAX) continue;
      touchNode(arena, parent);
      this.share(parent, i, left, right, all >> 1, 1);
      return true;
    }
    return false;
  }

  /** Allocates the nodes that a split of the leaf at the end of the way needs. Throws ArenaFullError. */
  private takeSpares(height: number): void {
    const arena = this.arena;
    let level = 1;
    try {
      do {
        SPARE[level] = createNode(arena, level);
        level++;
      } while (level <= height && nodeEntries(arena, WAY[level]! as Ptr) === INNER_MAX);
      if (level > height) SPARE[level] = createNode(arena, level);
    } catch (error) {
      while (--level > 0) free(arena, SPARE[level]! as Ptr);
      throw error;
    }
  }

  private splitLeaf(height: number, score: number, el: Ptr): void {
    const arena = this.arena;
    const left = WAY[1]! as Ptr;
    const right = SPARE[1]! as Ptr;
    const i = AT[1]!;
    let cut = LEAF_MAX >> 1;
    if (i === LEAF_MAX && this.onEdge(true)) cut = LEAF_MAX;
    else if (i === 0 && this.onEdge(false)) cut = 0;
    moveEntries(arena, left, cut, right, 0, LEAF_MAX - cut);
    setEntries(arena, left, cut);
    setEntries(arena, right, LEAF_MAX - cut);
    const goesRight = i > cut || cut === LEAF_MAX;
    const target = goesRight ? right : left;
    const at = goesRight ? i - cut : i;
    openEntry(arena, target, at);
    setKey(arena, target, at, score, el);
    this.addNode(height, 2, right);
  }

  /**
   * Puts a new node of level `level - 1` behind the node on the way; the key of the new node's entry 0 becomes its
   * first key.
   */
  private addNode(height: number, level: number, added: Ptr): void {
    const arena = this.arena;
    const before = WAY[level - 1]! as Ptr;
    if (level > height) {
      const root = SPARE[level]! as Ptr;
      setEntries(arena, root, 2);
      setChild(arena, root, 0, before, nodeTotal(arena, before));
      setChild(arena, root, 1, added, nodeTotal(arena, added));
      copyKey(arena, added, 0, root, 1);
      this.setRoot(root, level);
      return;
    }
    const parent = WAY[level]! as Ptr;
    const i = AT[level]! + 1;
    const addedTotal = nodeTotal(arena, added);
    addCount(arena, parent, i - 1, -addedTotal);
    if (nodeEntries(arena, parent) < INNER_MAX) {
      this.addChild(parent, i, added, addedTotal);
      return;
    }
    const right = SPARE[level]! as Ptr;
    // At the end of the tree the full node stays nearly full; two children stay the least that a node has.
    const atEnd = i === INNER_MAX && this.onEdgeFrom(level + 1, height);
    const cut = atEnd ? INNER_MAX - 1 : INNER_MAX >> 1;
    moveEntries(arena, parent, cut, right, 0, INNER_MAX - cut);
    setEntries(arena, parent, cut);
    setEntries(arena, right, INNER_MAX - cut);
    if (i > cut) this.addChild(right, i - cut, added, addedTotal);
    else this.addChild(parent, i, added, addedTotal);
    this.addNode(height, level + 1, right);
  }

  private addChild(node: Ptr, i: number, child: Ptr, total: number): void {
    openEntry(this.arena, node, i);
    copyKey(this.arena, child, 0, node, i);
    setChild(this.arena, node, i, child, total);
  }

  /** Whether the way from `level` up keeps to the last children. */
  private onEdgeFrom(level: number, height: number): boolean {
    for (; level <= height; level++) {
      if (AT[level] !== nodeEntries(this.arena, WAY[level]! as Ptr) - 1) return false;
    }
    return true;
  }

  // ---- joining

  /** Takes the entry at the end of the way out. */
  private removeFound(): void {
    const arena = this.arena;
    const height = this.height;
    const leaf = WAY[1]! as Ptr;
    this.addToCount(-1);
    touchNode(arena, leaf);
    closeEntry(arena, leaf, AT[1]!);
    for (let level = 2; level <= height; level++) {
      touchNode(arena, WAY[level]! as Ptr);
      addCount(arena, WAY[level]! as Ptr, AT[level]!, -1);
    }
    const n = nodeEntries(arena, leaf);
    if (n > 0) {
      if (AT[1] === 0) this.firstChanged(1);
      if (n >= LEAF_MAX >> 1) return;
    } else if (height === 1) {
      free(arena, leaf);
      this.setRoot(NULL, 0);
      return;
    }
    for (let level = 1; level < height && this.fill(level); level++);
    this.lower();
  }

  /**
   * Joins or fills a node of the way if it is sparse; true when it was joined, so that the node above has one child
   * less.
   */
  private fill(level: number): boolean {
    const arena = this.arena;
    const node = WAY[level]! as Ptr;
    const n = nodeEntries(arena, node);
    const max = nodeMax(level);
    if (n >= max >> 1) return false;
    const parent = WAY[level + 1]! as Ptr;
    const at = AT[level + 1]!;
    // The right node of the two neighbours that are joined, or share their entries.
    const i = at > 0 ? at : 1;
    const left = childOf(arena, parent, i - 1);
    const right = childOf(arena, parent, i);
    const a = nodeEntries(arena, left);
    const b = nodeEntries(arena, right);
    if (a + b > max - (max >> 3)) {
      if (n < max / 3) this.share(parent, i, left, right, (a + b) >> 1, level);
      return false;
    }
    touchNode(arena, left);
    if (level > 1) {
      touchNode(arena, right);
      copyKey(arena, parent, i, right, 0);
    }
    moveEntries(arena, right, 0, left, a, b);
    setEntries(arena, left, a + b);
    addCount(arena, parent, i - 1, childCount(arena, parent, i));
    closeEntry(arena, parent, i);
    free(arena, right);
    // An empty first leaf got its neighbour's entries: its first key is another.
    if (level === 1 && a === 0) {
      WAY[1] = left;
      AT[2] = i - 1;
      this.firstChanged(1);
    }
    return true;
  }

  /** Moves entries between two neighbours so that the left one has `keep`. */
  private share(parent: Ptr, i: number, left: Ptr, right: Ptr, keep: number, level: number): void {
    const arena = this.arena;
    const a = nodeEntries(arena, left);
    const b = nodeEntries(arena, right);
    touchNode(arena, left);
    touchNode(arena, right);
    const before = nodeTotal(arena, left);
    if (level > 1) copyKey(arena, parent, i, right, 0);
    if (a > keep) {
      moveEntries(arena, right, 0, right, a - keep, b);
      moveEntries(arena, left, keep, right, 0, a - keep);
    } else {
      moveEntries(arena, right, 0, left, a, keep - a);
      moveEntries(arena, right, keep - a, right, 0, b - (keep - a));
    }
    setEntries(arena, left, keep);
    setEntries(arena, right, a + b - keep);
    const moved = nodeTotal(arena, left) - before;
    addCount(arena, parent, i - 1, moved);
    addCount(arena, parent, i, -moved);
    copyKey(arena, right, 0, parent, i);
    if (level === 1 && a === 0) {
      WAY[1] = left;
      AT[2] = i - 1;
      this.firstChanged(1);
    }
  }

  /** Takes roots with a single child away. */
  private lower(): void {
    const arena = this.arena;
    while (this.height > 1 && nodeEntries(arena, this.rootNode) === 1) {
      const root = this.rootNode;
      const child = childOf(arena, root, 0);
      this.setRoot(child, this.height - 1);
      free(arena, root);
    }
  }
}
