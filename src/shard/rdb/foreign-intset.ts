/**
 * Intsets from outside: integers in ascending order, all of one width.
 *
 *     | bytes of an integer (2, 4, 8):4 | integers:4 | integer ... |     little-endian
 *
 * Invariants: as in foreign-entries.ts; an intset is never empty.
 */
import { lessInt64 } from '../../shared/numbers/int64.js';
import { ForeignEntries } from './foreign-entries.js';

const HEAD_BYTES = 8;

export class ForeignIntset extends ForeignEntries {
  /** The present integer. */
  hi = 0;
  lo = 0;
  private width = 2;
  private end = 0;

  protected check(off: number, len: number): boolean {
    const { dv } = this;
    if (len <= HEAD_BYTES) return false;
    const width = dv.getUint32(off, true);
    if (width !== 2 && width !== 4 && width !== 8) return false;
    const count = dv.getUint32(off + 4, true);
    if (count === 0 || HEAD_BYTES + count * width !== len) return false;
    this.width = width;
    this.count = count;
    this.end = off + len;
    this.at = off + HEAD_BYTES;
    this.nextInt();
    while (this.at < this.end) {
      const { hi, lo } = this;
      this.nextInt();
      if (!lessInt64(hi, lo, this.hi, this.lo)) return false;
    }
    this.at = off + HEAD_BYTES;
    return true;
  }

  /** Reads the next integer into `hi` and `lo`; false at the end. */
  nextInt(): boolean {
    const { at, dv, width } = this;
    if (at >= this.end) return false;
    this.at = at + width;
    if (width === 8) {
      this.lo = dv.getInt32(at, true);
      this.hi = dv.getInt32(at + 4, true);
      return true;
    }
    this.lo = width === 2 ? dv.getInt16(at, true) : dv.getInt32(at, true);
    this.hi = this.lo >> 31;
    return true;
  }

  next(): boolean {
    if (!this.nextInt()) return false;
    this.setInt(this.hi, this.lo);
    return true;
  }
}
