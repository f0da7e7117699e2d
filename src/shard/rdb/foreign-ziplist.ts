/**
 * Ziplists: what Redis 2.6 to 6.2 had in the place of listpacks. Read, never written.
 *
 *     | bytes:4 | offset of the last entry:4 | entries:2 | entry ... | FF |     entries 65535: unknown
 *     entry: | size of the entry before:1, or FE and 4 bytes | encoding | bytes |
 *
 *     00llllll                string of up to 63 bytes          C0 D0 E0 F0 FE   integer of 16, 32, 64, 24, 8 bits
 *     01llllll l              string of up to 16383 bytes       F1..FD           the integers 0..12
 *     80 length:4             longer string (big-endian, all other numbers are little-endian)
 *
 * Invariants: as in foreign-entries.ts.
 */
import { ForeignEntries } from './foreign-entries.js';

const HEAD_BYTES = 10;
const COUNT_UNKNOWN = 65535;
const END = 0xff;
const LONG_PREVIOUS = 0xfe;

export class ForeignZiplist extends ForeignEntries {
  private end = 0;
  /** Where the data of the entry at the place given to `measure` begins, and how long they are. */
  private dataAt = 0;
  private dataLength = 0;

  protected check(off: number, len: number): boolean {
    const { u8, dv } = this;
    if (len < HEAD_BYTES + 1 || dv.getUint32(off, true) !== len) return false;
    const end = off + len - 1;
    if (u8[end] !== END) return false;
    this.end = end;
    this.at = off + HEAD_BYTES;
    let p = this.at;
    let last = p;
    let before = 0;
    let n = 0;
    while (p < end) {
      const size = this.measure(p, end, before);
      if (size === 0) return false;
      last = p;
      before = size;
      p += size;
      n++;
    }
    this.count = n;
    if (n > 0 && dv.getUint32(off + 4, true) !== last - off) return false;
    const claimed = dv.getUint16(off + 8, true);
    return claimed === COUNT_UNKNOWN || claimed === n;
  }

  /** Size of the entry at `p`, 0 when it does not end before `end` or says wrongly how big the one `before` is. */
  private measure(p: number, end: number, before: number): number {
    const { u8, dv } = this;
    let at = p + 1;
    let previous = u8[p]!;
    if (previous === END) return 0;
    if (previous === LONG_PREVIOUS) {
      if (end - at < 4) return 0;
      previous = dv.getUint32(at, true);
      at += 4;
    }
    if (previous !== before || at >= end) return 0;
    const b = u8[at]!;
    let n: number;
    if (b < 0x40) {
      n = b;
      at += 1;
    } else if (b < 0x80) {
      if (end - at < 2) return 0;
      n = ((b & 63) << 8) | u8[at + 1]!;
      at += 2;
    } else if (b < 0xc0) {
      if (b !== 0x80 || end - at < 5) return 0;
      n = dv.getUint32(at + 1);
      at += 5;
    } else {
      n = integerBytes(b);
      if (n < 0) return 0;
      at += 1;
    }
    if (n > end - at) return 0;
    this.dataAt = at;
    this.dataLength = n;
    return at + n - p;
  }

  next(): boolean {
    const p = this.at;
    if (p >= this.end) return false;
    const { u8, dv } = this;
    const head = u8[p] === LONG_PREVIOUS ? p + 5 : p + 1;
    const before = u8[p] === LONG_PREVIOUS ? dv.getUint32(p + 1, true) : u8[p]!;
    this.at = p + this.measure(p, this.end, before);
    const b = u8[head]!;
    if (b < 0xc0) {
      this.setBytes(this.dataAt, this.dataLength);
      return true;
    }
    const at = this.dataAt;
    switch (b) {
      case 0xc0:
        this.setSmall(dv.getInt16(at, true));
        break;
      case 0xd0:
        this.setSmall(dv.getInt32(at, true));
        break;
      case 0xe0:
        this.setInt(dv.getInt32(at + 4, true), dv.getInt32(at, true));
        break;
      case 0xf0:
        this.setSmall((dv.getInt16(at + 1, true) << 8) | u8[at]!);
        break;
      case 0xfe:
        this.setSmall(dv.getInt8(at));
        break;
      default:
        this.setSmall((b & 15) - 1);
    }
    return true;
  }

  private setSmall(n: number): void {
    this.setInt(n >> 31, n);
  }
}

/** Bytes behind the encoding of an integer, -1 when it is no such encoding. */
function integerBytes(b: number): number {
  switch (b) {
    case 0xc0:
      return 2;
    case 0xd0:
      return 4;
    case 0xe0:
      return 8;
    case 0xf0:
      return 3;
    case 0xfe:
      return 1;
    default:
      return b >= 0xf1 && b <= 0xfd ? 0 : -1;
  }
}
