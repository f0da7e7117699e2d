/**
 * The two hashes of a key.
 *
 * - `slotOf`: CRC16-XMODEM of the hash tag modulo 16384, the cluster's slots; the shard of a key follows from it.
 * - `KeyHasher`: HalfSipHash-1-3 (Aumasson, Bernstein; the 32-bit variant) with a random key per start, for the
 *   dictionary, so that clients cannot aim keys at one bucket. Two words come out: the dictionary takes its directory
 *   index from one (v1 ^ v3, the paper's output) and bucket and fingerprint from the other (v0 ^ v2).
 */

/** Cluster slots. */
export const SLOTS = 16384;

const CRC16 = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  CRC16[byte] = crc;
}

// CRC16_n[b]: what byte b contributes when n more bytes follow it (slicing-by-4, after Kounavis and Berry).
const CRC16_1 = new Uint16Array(256);
const CRC16_2 = new Uint16Array(256);
const CRC16_3 = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  CRC16_1[byte] = shiftByte(CRC16[byte]!);
  CRC16_2[byte] = shiftByte(CRC16_1[byte]!);
  CRC16_3[byte] = shiftByte(CRC16_2[byte]!);
}

function shiftByte(crc: number): number {
  return ((crc << 8) & 0xffff) ^ CRC16[crc >>> 8]!;
}

const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/** CRC16 of bytes, as Redis Cluster computes it. */
export function crc16(u8: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ u8[i]!]!;
  return crc;
}

/**
 * The cluster slot (0..16383) of a key: computed from the text in the key's first non-empty {...}, or else from the
 * whole key.
 */
// hot: every command when there are several shards; bench/micro "slotOf"
export function slotOf(u8: Uint8Array, off: number, len: number): number {
  const end = off + len;
  let crc = 0;
  let i = off;
  for (const whole = end - 3; i < whole; i += 4) {
    const b0 = u8[i]!;
    const b1 = u8[i + 1]!;
    const b2 = u8[i + 2]!;
    const b3 = u8[i + 3]!;
    if (b0 === BRACE_OPEN || b1 === BRACE_OPEN || b2 === BRACE_OPEN || b3 === BRACE_OPEN)
      return taggedSlot(u8, off, end);
    crc = CRC16_3[b0 ^ (crc >>> 8)]! ^ CRC16_2[b1 ^ (crc & 255)]! ^ CRC16_1[b2]! ^ CRC16[b3]!;
  }
  for (; i < end; i++) {
    const b = u8[i]!;
    if (b === BRACE_OPEN) return taggedSlot(u8, off, end);
    crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ b]!;
  }
  return crc & (SLOTS - 1);
}

/** The slot of a key that has an opening brace. */
function taggedSlot(u8: Uint8Array, off: number, end: number): number {
  let open = off;
  while (u8[open] !== BRACE_OPEN) open++;
  let close = open + 1;
  while (close < end && u8[close] !== BRACE_CLOSE) close++;
  if (close === end || close === open + 1) return crc16(u8, off, end) & (SLOTS - 1);
  return crc16(u8, open + 1, close) & (SLOTS - 1);
}

/** The shard that owns a slot: slots are dealt in even contiguous ranges. */
export function shardOfSlot(slot: number, shards: number): number {
  return (slot * shards) >>> 14;
}

/** Keyed hash of a key; results in `h1` and `h2` (int32 each). */
export class KeyHasher {
  h1 = 0;
  h2 = 0;
  private readonly k0: number;
  private readonly k1: number;

  constructor(k0: number, k1: number) {
    this.k0 = k0 | 0;
    this.k1 = k1 | 0;
  }

  /** Hashes `len` bytes at `off`; `dv` views the same bytes as `u8`. */
  hash(u8: Uint8Array, dv: DataView, off: number, len: number): void {
    let v0 = this.k0;
    let v1 = this.k1;
    let v2 = 0x6c796765 ^ this.k0;
    let v3 = 0x74656462 ^ this.k1;
    const end = off + (len & ~3);
    let i = off;
    for (; i < end; i += 4) {
      const m = dv.getInt32(i, true);
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    let last = len << 24;
    const rest = len & 3;
    if (rest > 0) last |= u8[i]!;
    if (rest > 1) last |= u8[i + 1]! << 8;
    if (rest > 2) last |= u8[i + 2]! << 16;
    v3 ^= last;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= last;
    v2 ^= 0xee;
    // Three final rounds, written out: a loop here costs a fifth of the whole hash.
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.h1 = v1 ^ v3;
    this.h2 = v0 ^ v2;
  }
}
