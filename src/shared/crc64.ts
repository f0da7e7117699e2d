/**
 * CRC-64 as Redis puts it under dumps and RDB files: the polynomial of David Jones, reflected, no initial value and no
 * final xor; "123456789" gives e9c6d914c4b8d9ca. Any thread.
 *
 * Eight bytes a step ("slicing by 8", Kounavis and Berry 2005). JavaScript has no fast 64-bit integer, so each of the
 * eight tables is kept as two tables of 32-bit halves and a checksum is an object of two halves.
 *
 * Invariant: a checksum over several pieces equals that over their concatenation, so it can follow a stream.
 */

/** The polynomial ad93d23594c935a9, bits reversed. */
const POLY_HI = 0x95ac9329;
const POLY_LO = 0xac4bc9b5;
const SLICES = 8;

/** Entry `256 * k + b`: what byte b, seen k bytes before the end of a step, adds to the checksum. */
const HI = new Int32Array(SLICES * 256);
const LO = new Int32Array(SLICES * 256);

for (let b = 0; b < 256; b++) {
  let hi = 0;
  let lo = b;
  for (let bit = 0; bit < 8; bit++) {
    const odd = lo & 1;
    lo = (lo >>> 1) | (hi << 31);
    hi >>>= 1;
    if (odd !== 0) {
      hi ^= POLY_HI;
      lo ^= POLY_LO;
    }
  }
  HI[b] = hi;
  LO[b] = lo;
}
for (let at = 256; at < SLICES * 256; at++) {
  const hi = HI[at - 256]!;
  const lo = LO[at - 256]!;
  const next = lo & 255;
  HI[at] = (hi >>> 8) ^ HI[next]!;
  LO[at] = ((lo >>> 8) | (hi << 24)) ^ LO[next]!;
}

/** A running checksum, as two signed 32-bit halves. */
export class Crc64 {
  hi = 0;
  lo = 0;

  /** Begins anew. */
  reset(): void {
    this.hi = 0;
    this.lo = 0;
  }

  /** Goes on over the `len` bytes at `off`. */
  // hot: every byte of a dump and of an RDB file
  update(u8: Uint8Array, off: number, len: number): void {
    let hi = this.hi;
    let lo = this.lo;
    let at = off;
    const end = off + len;
    for (const last = end - 7; at < last; at += 8) {
      lo ^= u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
      hi ^= u8[at + 4]! | (u8[at + 5]! << 8) | (u8[at + 6]! << 16) | (u8[at + 7]! << 24);
      const a = 1792 + (lo & 255);
      const b = 1536 + ((lo >>> 8) & 255);
      const c = 1280 + ((lo >>> 16) & 255);
      const d = 1024 + (lo >>> 24);
      const e = 768 + (hi & 255);
      const f = 512 + ((hi >>> 8) & 255);
      const g = 256 + ((hi >>> 16) & 255);
      const h = hi >>> 24;
      lo = LO[a]! ^ LO[b]! ^ LO[c]! ^ LO[d]! ^ LO[e]! ^ LO[f]! ^ LO[g]! ^ LO[h]!;
      hi = HI[a]! ^ HI[b]! ^ HI[c]! ^ HI[d]! ^ HI[e]! ^ HI[f]! ^ HI[g]! ^ HI[h]!;
    }
    for (; at < end; at++) {
      const next = (lo ^ u8[at]!) & 255;
      lo = ((lo >>> 8) | (hi << 24)) ^ LO[next]!;
      hi = (hi >>> 8) ^ HI[next]!;
    }
    this.hi = hi;
    this.lo = lo;
  }

  /** Stores the checksum in its 8 bytes, little-endian. */
  write(u8: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) {
      u8[at + i] = this.lo >>> (8 * i);
      u8[at + 4 + i] = this.hi >>> (8 * i);
    }
  }

  /** Whether the 8 bytes at `at` hold this checksum, little-endian. */
  equals(u8: Uint8Array, at: number): boolean {
    const lo = u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
    const hi = u8[at + 4]! | (u8[at + 5]! << 8) | (u8[at + 6]! << 16) | (u8[at + 7]! << 24);
    return lo === this.lo && hi === this.hi;
  }
}
