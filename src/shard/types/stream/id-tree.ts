/**
 * Things in the order of stream ids: nodes of a stream, pending entries of a group or consumer. A score tree whose
 * score is the id's milliseconds and whose elements are named by the id's 16 bytes, so that equal (and, above 2^53,
 * rounded) milliseconds are told apart by the name. The tree's three words stand somewhere in a cell of its owner.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { elementName, name } from '../../structures/element.js';
import { ScoreCursor } from '../../structures/score-cursor.js';
import { ScoreTree } from '../../structures/score-tree.js';
import { StreamId } from './stream-id.js';

const found = new StreamId();

/** The id that names an element; valid until the next call. */
export function idOfElement(arena: Arena, el: Ptr, into: StreamId): StreamId {
  elementName(arena, el);
  return into.fromKey(name.dv, name.off);
}

export class IdTree {
  private readonly tree = new ScoreTree();
  private arena!: Arena;
  private root: Ptr = NULL;
  private word = 0;

  /** Points this view at the tree whose words stand at `word` of cell `root`. Returns itself. */
  open(arena: Arena, root: Ptr, word: number): this {
    this.arena = arena;
    this.root = root;
    this.word = word;
    this.tree.open(arena, root, word);
    return this;
  }

  get count(): number {
    return this.tree.count;
  }

  /** The element of a rank. @requires 0 <= rank < count */
  at(rank: number): Ptr {
    invariant(rank >= 0 && rank < this.count, '0 <= rank < count');
    return this.tree.at(rank);
  }

  /** Rank of the last element whose id is not above `id`; -1 when all are. */
  floor(id: StreamId): number {
    const ms = id.ms;
    let low = this.tree.rankOfScore(ms, false);
    let high = this.tree.rankOfScore(ms, true);
    // Those in [low, high) have the same milliseconds: the last that is not above.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (idOfElement(this.arena, this.tree.at(middle), found).compare(id) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Rank of the first element whose id is not below `id`; `count` when all are. */
  ceiling(id: StreamId): number {
    const rank = this.floor(id);
    return rank >= 0 && idOfElement(this.arena, this.tree.at(rank), found).compare(id) === 0 ? rank : rank + 1;
  }

  /** A cursor at the element of a rank, with `next` and `previous`. Allocates. */
  cursor(rank: number): ScoreCursor {
    return new ScoreCursor().open(this.arena, this.root, this.word, rank);
  }

  /** The element with exactly this id, 0 when there is none. */
  find(id: StreamId): Ptr {
    const rank = this.floor(id);
    if (rank < 0) return NULL;
    const el = this.tree.at(rank);
    return idOfElement(this.arena, el, found).compare(id) === 0 ? el : NULL;
  }

  /** Adds an element named by `id`, which is not here yet. Throws ArenaFullError. */
  insert(id: StreamId, el: Ptr): void {
    this.tree.insert(id.ms, el);
  }

  /** Takes an element out. */
  remove(id: StreamId, el: Ptr): void {
    this.tree.remove(id.ms, el);
  }

  /** Puts another cell with the same name in the place of an element. */
  swap(id: StreamId, el: Ptr, next: Ptr): void {
    if (el !== next) this.tree.swap(id.ms, el, next);
  }
}
