/**
 * Walking all fields of a hash that are not over, in whatever order they lie, without an allocation.
 *
 * Invariants: (1) lease held, the hash does not change during a walk; (2) one walk at a time for each object.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, viewOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { HASH_PACKED_EX, HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import {
  elementName,
  elementNumber,
  elementValue,
  hasNumber,
  name,
  replyName,
  replyValue,
  value,
} from '../../structures/element.js';
import { ElementCursor } from '../../structures/element-table.js';
import { lpFirst, lpNext } from '../../structures/listpack.js';
import { item, lpBytes, lpRead, lpSize } from '../../structures/listpack-entry.js';
import { replyPacked } from './hash-value.js';

/** A place in some bytes. */
export class HashText {
  u8: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
}

const NO_VIEW = new DataView(new ArrayBuffer(0));

export class HashWalk {
  /** The present field, if it is an element. */
  el: Ptr = NULL;
  /** When the present field expires, unix ms; -1 when it does not. */
  atMs = -1;
  /** Filled by `readField` and `readValue`; the bytes hold until the next call of either or of `next`. */
  readonly text = new HashText();
  private readonly cursor = new ElementCursor();
  private arena!: Arena;
  private u8: Uint8Array = this.text.u8;
  private dv: DataView = NO_VIEW;
  private encoding = 0;
  private nowMs = 0;
  private p = 0;
  private valueAt = 0;
  private nextAt = 0;

  /** Begins before the first field. Fields that expire before `nowMs` are left out (-Infinity: none is). */
  open(arena: Arena, e: Ptr, nowMs: number): this {
    const root = rootOf(arena, e);
    this.arena = arena;
    this.nowMs = nowMs;
    this.encoding = entryEncoding(arena, e);
    if (this.encoding === HASH_TABLE) {
      this.cursor.open(arena, root);
      return this;
    }
    this.u8 = bytesOf(arena, root);
    this.dv = viewOf(arena, root);
    this.nextAt = lpFirst(arena, root);
    return this;
  }

  /** Goes to the next field; false behind the last. */
  next(): boolean {
    if (this.encoding === HASH_TABLE) {
      for (;;) {
        const el = this.cursor.next();
        if (el === NULL) return false;
        this.el = el;
        this.atMs = hasNumber(this.arena, el) ? elementNumber(this.arena, el) : -1;
        if (this.atMs < 0 || this.atMs >= this.nowMs) return true;
      }
    }
    while (this.nextAt !== 0) {
      const u8 = this.u8;
      this.p = this.nextAt;
      this.valueAt = this.p + lpSize(u8, this.p);
      this.nextAt = lpNext(u8, this.valueAt);
      if (this.encoding !== HASH_PACKED_EX) return true;
      lpRead(u8, this.nextAt);
      this.atMs = item.num === 0 ? -1 : item.num;
      this.nextAt = lpNext(u8, this.nextAt);
      if (this.atMs < 0 || this.atMs >= this.nowMs) return true;
    }
    return false;
  }

  replyField(reply: Reply): void {
    if (this.encoding === HASH_TABLE) replyName(this.arena, this.el, reply);
    else replyPacked(this.u8, this.dv, this.p, reply);
  }

  replyValue(reply: Reply): void {
    if (this.encoding === HASH_TABLE) replyValue(this.arena, this.el, reply);
    else replyPacked(this.u8, this.dv, this.valueAt, reply);
  }

  /** Fills `text` with the field's name. */
  readField(): void {
    if (this.encoding === HASH_TABLE) {
      elementName(this.arena, this.el);
      this.fill(name.u8, name.off, name.len);
    } else this.fillPacked(this.p);
  }

  /** Fills `text` with the field's value. */
  readValue(): void {
    if (this.encoding === HASH_TABLE) {
      elementValue(this.arena, this.el);
      this.fill(value.u8, value.off, value.len);
    } else this.fillPacked(this.valueAt);
  }

  private fillPacked(p: number): void {
    lpBytes(this.u8, this.dv, p);
    this.fill(item.u8, item.off, item.len);
  }

  private fill(u8: Uint8Array, off: number, len: number): void {
    this.text.u8 = u8;
    this.text.off = off;
    this.text.len = len;
  }
}
