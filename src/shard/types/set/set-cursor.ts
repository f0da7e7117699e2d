/**
 * Walks the members of a set of any encoding: each member as bytes, an integer as its text. For the commands on sets,
 * SORT, unions of sorted sets with sets, and the RDB encoder. One object for each set walked at the same time.
 *
 *     cursor.open(arena, e);
 *     while (cursor.next()) use(cursor.u8, cursor.dv, cursor.off, cursor.len);
 *
 * Invariants: (1) lease held, and the set does not change during the walk; (2) the bytes hold until the next `next`.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import { SET_INTSET, SET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { elementName, name } from '../../structures/element.js';
import { ElementCursor } from '../../structures/element-table.js';
import { lpFirst, lpNext } from '../../structures/listpack.js';
import { item, lpRead } from '../../structures/listpack-entry.js';
import { integer, intsetCount, intsetGet } from './intset.js';

export class SetCursor {
  /** The member: `len` bytes at `off` of `u8`, which `dv` views. */
  u8: Uint8Array;
  dv: DataView;
  off = 0;
  len = 0;
  /** The member's element, when the set is a table. */
  el: Ptr = NULL;
  private readonly text = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly textView = new DataView(this.text.buffer);
  private readonly elements = new ElementCursor();
  private arena!: Arena;
  private root: Ptr = NULL;
  private encoding = SET_INTSET;
  /** Index of the next integer, or position of the next entry. */
  private at = 0;
  private count = 0;

  constructor() {
    this.u8 = this.text;
    this.dv = this.textView;
  }

  /** Begins before the first member of the set in entry `e`. */
  open(arena: Arena, e: Ptr): this {
    this.arena = arena;
    this.root = rootOf(arena, e);
    this.encoding = entryEncoding(arena, e);
    this.el = NULL;
    if (this.encoding === SET_INTSET) {
      this.at = 0;
      this.count = intsetCount(arena, this.root);
    } else if (this.encoding === SET_PACKED) this.at = lpFirst(arena, this.root);
    else this.elements.open(arena, this.root);
    return this;
  }

  /** Goes to the next member; false behind the last. */
  next(): boolean {
    if (this.encoding === SET_INTSET) {
      if (this.at >= this.count) return false;
      intsetGet(this.arena, this.root, this.at++);
      this.print(integer.hi, integer.lo);
      return true;
    }
    if (this.encoding === SET_PACKED) return this.nextPacked();
    const el = this.elements.next();
    if (el === NULL) return false;
    this.el = el;
    elementName(this.arena, el);
    this.u8 = name.u8;
    this.dv = name.dv;
    this.off = name.off;
    this.len = name.len;
    return true;
  }

  private nextPacked(): boolean {
    const p = this.at;
    if (p === 0) return false;
    const segment = segmentOf(this.root);
    const u8 = this.arena.u8[segment]!;
    lpRead(u8, p);
    if (item.isInt) this.print(item.hi, item.lo);
    else {
      this.u8 = u8;
      this.dv = this.arena.dv[segment]!;
      this.off = item.off;
      this.len = item.len;
    }
    this.at = lpNext(u8, p);
    return true;
  }

  private print(hi: number, lo: number): void {
    this.len = writeInt64(this.text, 0, hi, lo);
    this.off = 0;
    this.u8 = this.text;
    this.dv = this.textView;
  }
}
