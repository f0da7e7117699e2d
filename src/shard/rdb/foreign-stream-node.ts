/**
 * A node of a stream from outside: a listpack with the entries of some range of ids. docs/formats/dump.md describes it.
 *
 *     | live | deleted | fields: n | name ... | 0 |                          the master entry
 *     | flags | ms | seq | value ...                    | items |  as many fields as the master, the same names
 *     | flags | ms | seq | n | name | value | name ...  | items |  `items`: listpack entries of this one
 *
 * Invariants: as in foreign-entries.ts; besides, after `open` returned true the ids ascend, the counts are right and
 * at least one entry is live.
 */
import { INT64_CHARS_MAX, writeInt64 } from '../../shared/numbers/int64.js';
import { item, lpRead, lpSize } from '../structures/listpack-entry.js';
import { ForeignListpack } from './foreign-listpack.js';
import { Text } from './rdb-reader.js';

/** Flags of an entry. */
const DELETED = 1;
const SAME_FIELDS = 2;
/** Listpack entries of an entry beside names and values: flags, two parts of the id, and the count itself. */
const FRAME = 3;
const HEAD_BYTES = 6;
const TWO_32 = 4294967296;

/** An id: 64 bits of milliseconds and 64 of a sequence number, as unsigned halves in signed numbers. */
export class StreamIdParts {
  msHi = 0;
  msLo = 0;
  seqHi = 0;
  seqLo = 0;

  set(msHi: number, msLo: number, seqHi: number, seqLo: number): void {
    this.msHi = msHi;
    this.msLo = msLo;
    this.seqHi = seqHi;
    this.seqLo = seqLo;
  }

  copy(from: StreamIdParts): void {
    this.set(from.msHi, from.msLo, from.seqHi, from.seqLo);
  }

  /** Below, equal to or above 0. */
  compare(to: StreamIdParts): number {
    return compare64(this.msHi, this.msLo, to.msHi, to.msLo) || compare64(this.seqHi, this.seqLo, to.seqHi, to.seqLo);
  }
}

function compare64(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return (aHi >>> 0) - (bHi >>> 0) || (aLo >>> 0) - (bLo >>> 0);
}

/** A text that may be a printed integer. */
class PrintedText extends Text {
  private readonly digits = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly digitsView = new DataView(this.digits.buffer);

  /** Takes the listpack entry at `p`; returns the offset behind it. */
  take(u8: Uint8Array, dv: DataView, p: number): number {
    lpRead(u8, p);
    if (item.isInt) {
      this.len = writeInt64(this.digits, 0, item.hi, item.lo);
      this.off = 0;
      this.u8 = this.digits;
      this.dv = this.digitsView;
    } else {
      this.off = item.off;
      this.len = item.len;
      this.u8 = u8;
      this.dv = dv;
    }
    return p + lpSize(u8, p);
  }
}

/**
 * After `open` returned true:
 *
 *     while (node.next()) if (!node.isDeleted) while (node.nextField()) use(node.id, node.field, node.value);
 */
export class ForeignStreamNode {
  /** Entries that are there, and that are marked as deleted. */
  live = 0;
  deleted = 0;
  /** Ids of the first and the last entry that are there. */
  readonly first = new StreamIdParts();
  readonly last = new StreamIdParts();
  /** Whether each listpack entry has the form in which it would be written here. */
  canonical = true;
  private readonly listpack = new ForeignListpack();
  /** The present entry: its id, whether it is deleted, how many fields it has. */
  readonly id = new StreamIdParts();
  isDeleted = false;
  fields = 0;
  /** The present field; good until the next call of anything here. */
  readonly field = new PrintedText();
  readonly value = new PrintedText();
  private readonly before = new StreamIdParts();
  private u8: Uint8Array = new Uint8Array(0);
  private dv: DataView = this.field.dv;
  private readonly master = new StreamIdParts();
  private end = 0;
  private p = 0;
  /** The names of the master's fields, their number, and where the entries begin. */
  private namesAt = 0;
  private names = 0;
  private entriesAt = 0;
  /** Fields of the present entry that were not read, and the next of the master's names, 0 if it has its own. */
  private left = 0;
  private nameAt = 0;
  /** The integer that `integer` read, exact if it is a safe one. */
  private n = 0;

  /** Takes the `len` bytes at `off`, a node whose ids count from `master`; false when they are no sound one. */
  open(u8: Uint8Array, dv: DataView, off: number, len: number, master: StreamIdParts): boolean {
    if (!this.listpack.open(u8, dv, off, len)) return false;
    this.canonical = this.listpack.canonical;
    this.u8 = u8;
    this.dv = dv;
    this.master.copy(master);
    this.p = off + HEAD_BYTES;
    this.end = off + len - 1;
    this.live = 0;
    this.deleted = 0;
    if (!this.count()) return false;
    const live = this.n;
    if (!this.count()) return false;
    const deleted = this.n;
    if (!this.count()) return false;
    const fields = this.n;
    this.names = fields;
    this.namesAt = this.p;
    if (fields === 0 || !this.skip(fields)) return false;
    if (!this.integer() || this.n !== 0) return false;
    this.entriesAt = this.p;
    for (let first = true; this.p < this.end; first = false) {
      if (!this.entry(fields, master)) return false;
      if (!first && this.before.compare(this.id) >= 0) return false;
      this.before.copy(this.id);
    }
    this.p = this.entriesAt;
    this.left = -1;
    return this.live === live && this.deleted === deleted;
  }

  /** Goes to the next entry, deleted or not; false at the end. @requires `open` returned true */
  next(): boolean {
    while (this.left > 0) this.nextField();
    if (this.left === 0) this.skip(1);
    this.left = -1;
    if (!this.integer()) return false;
    const flags = this.n;
    this.isDeleted = (flags & DELETED) !== 0;
    this.readId(this.master);
    this.nameAt = (flags & SAME_FIELDS) !== 0 ? this.namesAt : 0;
    if (this.nameAt === 0) this.integer();
    this.fields = this.nameAt === 0 ? this.n : this.names;
    this.left = this.fields;
    return true;
  }

  /** Goes to the next field of the entry; false behind the last. */
  nextField(): boolean {
    if (this.left <= 0) return false;
    this.left--;
    if (this.nameAt === 0) this.p = this.field.take(this.u8, this.dv, this.p);
    else this.nameAt = this.field.take(this.u8, this.dv, this.nameAt);
    this.p = this.value.take(this.u8, this.dv, this.p);
    return true;
  }

  /** One entry; counts it. */
  private entry(masterFields: number, master: StreamIdParts): boolean {
    if (!this.integer()) return false;
    const flags = this.n;
    if (flags < 0 || flags > (DELETED | SAME_FIELDS) || !this.readId(master)) return false;
    let items = masterFields + FRAME;
    if ((flags & SAME_FIELDS) === 0) {
      if (!this.count() || this.n === 0) return false;
      items = 2 * this.n + FRAME + 1;
      if (!this.skip(2 * this.n)) return false;
    } else if (!this.skip(masterFields)) return false;
    if (!this.integer() || this.n !== items) return false;
    if ((flags & DELETED) !== 0) this.deleted++;
    else {
      if (this.live++ === 0) this.first.copy(this.id);
      this.last.copy(this.id);
    }
    return true;
  }

  /** The id as its difference from the master's, in 64 bits that wrap around; false when that is none. */
  private readId(master: StreamIdParts): boolean {
    const { id } = this;
    if (!this.integer()) return false;
    let low = (master.msLo >>> 0) + (item.lo >>> 0);
    id.msHi = (master.msHi + item.hi + (low >= TWO_32 ? 1 : 0)) | 0;
    id.msLo = low | 0;
    if (!this.integer()) return false;
    low = (master.seqLo >>> 0) + (item.lo >>> 0);
    id.seqHi = (master.seqHi + item.hi + (low >= TWO_32 ? 1 : 0)) | 0;
    id.seqLo = low | 0;
    return true;
  }

  /** Reads an integer into `n`. */
  private integer(): boolean {
    if (this.p >= this.end) return false;
    lpRead(this.u8, this.p);
    if (!item.isInt) return false;
    this.n = item.num;
    this.p += lpSize(this.u8, this.p);
    return true;
  }

  /** Reads an integer that may be a number of things. */
  private count(): boolean {
    return this.integer() && this.n >= 0 && Number.isSafeInteger(this.n);
  }

  /** Passes over `n` listpack entries. */
  private skip(n: number): boolean {
    for (; n > 0; n--) {
      if (this.p >= this.end) return false;
      this.p += lpSize(this.u8, this.p);
    }
    return true;
  }
}
