/**
 * Walks a sorted set of any encoding from a rank on, in either direction: each member as bytes, with its score. For the
 * commands on ranges, GEO, SORT and the RDB encoder. One object for each set walked at the same time.
 *
 *     cursor.open(arena, e, rank);
 *     while (cursor.next()) use(cursor.u8, cursor.dv, cursor.off, cursor.len, cursor.score);
 *
 * Invariants: (1) lease held, and the set does not change during the walk; (2) the bytes hold until the next step.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { elementName, name, replyName } from '../../structures/element.js';
import { lpPrev } from '../../structures/listpack.js';
import { item, LP_END, lpRead, lpSize } from '../../structures/listpack-entry.js';
import { ScoreCursor } from '../../structures/score-cursor.js';
import { packedAt, scoreEntry } from './zset-packed.js';
import { TREE_WORD } from './zset-tree.js';

export class ZsetCursor {
  /** The member: `len` bytes at `off` of `u8`, which `dv` views. */
  u8: Uint8Array;
  dv: DataView;
  off = 0;
  len = 0;
  /** The member's element, when the set is a tree. */
  el: Ptr = NULL;
  /** Where the member is in the listpack, when the set is packed. */
  seen = 0;
  private scoreAt = 0;
  private readonly text = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly textView = new DataView(this.text.buffer);
  private readonly entries = new ScoreCursor();
  private arena!: Arena;
  private root: Ptr = NULL;
  private packed = true;
  /** Position of the member where the cursor stands, 0 beyond either end. */
  private at = 0;

  constructor() {
    this.u8 = this.text;
    this.dv = this.textView;
  }

  /**
   * Stands at the member of rank `rank` of the set in entry `e`; beyond an end where there is none. `at`: where that is
   * in a packed set, if it is known.
   */
  open(arena: Arena, e: Ptr, rank: number, at = 0): this {
    this.arena = arena;
    this.root = rootOf(arena, e);
    this.packed = entryEncoding(arena, e) === ZSET_PACKED;
    this.el = NULL;
    if (this.packed) this.at = at !== 0 ? at : packedAt(arena, this.root, rank);
    else this.entries.open(arena, this.root, TREE_WORD, rank);
    return this;
  }

  /** Score of the member of the last step. */
  get score(): number {
    if (!this.packed) return this.entries.score;
    return scoreEntry(bytesOf(this.arena, this.root), this.scoreAt);
  }

  /** Notes the place of the member where the cursor stands and goes on to the next; false behind the last. */
  // hot: ZRANGE and its kin
  step(): boolean {
    if (this.packed) {
      const p = this.at;
      if (p === 0) return false;
      const u8 = bytesOf(this.arena, this.root);
      this.seen = p;
      const score = p + lpSize(u8, p);
      this.scoreAt = score;
      const next = score + lpSize(u8, score);
      this.at = u8[next] === LP_END ? 0 : next;
      return true;
    }
    const el = this.entries.next();
    if (el === NULL) return false;
    this.el = el;
    return true;
  }

  /** As `step`, going on to the member before; false before the first. */
  stepBack(): boolean {
    if (this.packed) {
      const p = this.at;
      if (p === 0) return false;
      const { arena, root } = this;
      this.seen = p;
      this.scoreAt = p + lpSize(bytesOf(arena, root), p);
      const score = lpPrev(arena, root, p);
      this.at = score === 0 ? 0 : lpPrev(arena, root, score);
      return true;
    }
    const el = this.entries.previous();
    if (el === NULL) return false;
    this.el = el;
    return true;
  }

  /** As `step`, and reads the member's bytes. */
  next(): boolean {
    if (!this.step()) return false;
    this.read();
    return true;
  }

  /** As `stepBack`, and reads the member's bytes. */
  previous(): boolean {
    if (!this.stepBack()) return false;
    this.read();
    return true;
  }

  private read(): void {
    if (!this.packed) {
      elementName(this.arena, this.el);
      this.u8 = name.u8;
      this.dv = name.dv;
      this.off = name.off;
      this.len = name.len;
      return;
    }
    const segment = segmentOf(this.root);
    const u8 = this.arena.u8[segment]!;
    lpRead(u8, this.seen);
    if (item.isInt) {
      this.len = writeInt64(this.text, 0, item.hi, item.lo);
      this.off = 0;
      this.u8 = this.text;
      this.dv = this.textView;
      return;
    }
    this.u8 = u8;
    this.dv = this.arena.dv[segment]!;
    this.off = item.off;
    this.len = item.len;
  }

  /** Writes the member of the last step as a bulk string. */
  // hot: ZRANGE and its kin
  reply(reply: Reply): void {
    if (!this.packed) {
      replyName(this.arena, this.el, reply);
      return;
    }
    const segment = segmentOf(this.root);
    const u8 = this.arena.u8[segment]!;
    lpRead(u8, this.seen);
    if (item.isInt) reply.bulkInt64(item.hi, item.lo);
    else reply.bulkView(u8, this.arena.dv[segment]!, item.off, item.len);
  }
}
