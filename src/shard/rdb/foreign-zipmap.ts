/**
 * Zipmaps: small hashes of Redis 2.0 to 2.4. Read, never written.
 *
 *     | pairs:1 | length field length free value unused ... | FF |     pairs FE or more: unknown
 *     length: one byte up to FD, or FE and 4 bytes; free: one byte, so many unused bytes follow the value
 *
 * Field and value come as two entries. Invariants: as in foreign-entries.ts.
 */
import { ForeignEntries } from './foreign-entries.js';

const LONG_LENGTH = 0xfe;
const END = 0xff;

export class ForeignZipmap extends ForeignEntries {
  private end = 0;
  private value = false;

  protected check(off: number, len: number): boolean {
    const { u8 } = this;
    if (len < 2) return false;
    const end = off + len - 1;
    if (u8[end] !== END) return false;
    this.end = end;
    this.at = off + 1;
    this.value = false;
    let p = this.at;
    let pairs = 0;
    while (p < end) {
      p = this.behind(p, end, 0);
      if (p >= 0 && p < end) p = this.behind(p, end, 1);
      else return false;
      if (p < 0) return false;
      pairs++;
    }
    this.count = pairs * 2;
    const claimed = u8[off]!;
    return p === end && (claimed >= LONG_LENGTH || claimed === pairs);
  }

  /** The offset behind the string at `p` with its length (and `free` more bytes of a head), -1 when it is not there. */
  private behind(p: number, end: number, free: number): number {
    const { u8, dv } = this;
    let n = u8[p]!;
    let at = p + 1;
    if (n === END) return -1;
    if (n === LONG_LENGTH) {
      if (end - at < 4) return -1;
      n = dv.getUint32(at, true);
      at += 4;
    }
    if (free > 0) {
      if (at >= end) return -1;
      n += u8[at]!;
      at += 1;
    }
    return n > end - at ? -1 : at + n;
  }

  next(): boolean {
    const p = this.at;
    if (p >= this.end) return false;
    const { u8 } = this;
    const free = this.value ? 1 : 0;
    this.value = !this.value;
    this.at = this.behind(p, this.end, free);
    const long = u8[p] === LONG_LENGTH;
    const n = long ? this.dv.getUint32(p + 1, true) : u8[p]!;
    this.setBytes((long ? p + 5 : p + 1) + free, n);
    return true;
  }
}
