/**
 * A node of a stream from outside: a listpack with the entries of some range of ids. docs/FORMATS.md describes it.
 *
 *     | live | deleted | fields: n | name ... | 0 |                          the master entry
 *     | flags | ms | seq | value ...                    | entries of this |  as many fields as the master, the same names
 *     | flags | ms | seq | n | name | value | name ...  | entries of this |
 *
 * Invariants: as in foreign-entries.ts; besides, after `open` returned true the ids ascend, the counts are right and
 * at least one entry is live.
 */
import { item, lpRead, lpSize } from '../types/packed/listpack-entry.js';
import { ForeignListpack } from './foreign-listpack.js';

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
  private readonly id = new StreamIdParts();
  private readonly before = new StreamIdParts();
  private u8: Uint8Array = new Uint8Array(0);
  private end = 0;
  private p = 0;
  /** The integer that `integer` read, exact if it is a safe one. */
  private n = 0;

  /** Takes the `len` bytes at `off`, a node whose ids count from `master`; false when they are no sound one. */
  open(u8: Uint8Array, dv: DataView, off: number, len: number, master: StreamIdParts): boolean {
    if (!this.listpack.open(u8, dv, off, len)) return false;
    this.canonical = this.listpack.canonical;
    this.u8 = u8;
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
    if (live === 0 || fields === 0 || !this.skip(fields)) return false;
    if (!this.integer() || this.n !== 0) return false;
    for (let first = true; this.p < this.end; first = false) {
      if (!this.entry(fields, master)) return false;
      if (!first && this.before.compare(this.id) >= 0) return false;
      this.before.copy(this.id);
    }
    return this.live === live && this.deleted === deleted;
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

  /** The id as its difference from the master's; false when that is none. */
  private readId(master: StreamIdParts): boolean {
    const { id } = this;
    if (!this.integer()) return false;
    let low = (master.msLo >>> 0) + (item.lo >>> 0);
    let high = (master.msHi >>> 0) + item.hi + (low >= TWO_32 ? 1 : 0);
    if (high < 0 || high >= TWO_32) return false;
    id.msHi = high | 0;
    id.msLo = low | 0;
    if (!this.integer()) return false;
    low = (master.seqLo >>> 0) + (item.lo >>> 0);
    high = (master.seqHi >>> 0) + item.hi + (low >= TWO_32 ? 1 : 0);
    if (high < 0 || high >= TWO_32) return false;
    id.seqHi = high | 0;
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
