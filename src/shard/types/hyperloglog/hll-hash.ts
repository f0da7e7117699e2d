/**
 * The hash of a HyperLogLog: MurmurHash64A (Austin Appleby, public domain) in 32-bit halves, and what a register learns
 * from it. Elements must meet the same registers here as in Redis, so every bit counts.
 *
 *     hash    [ 50 bits: how many zeros before the first one ][ 14 bits: the register ]
 *
 * Pure functions; any thread.
 */

/** Registers of a HyperLogLog, and the bits that number them. */
export const INDEX_BITS = 14;
export const REGISTERS: number = 1 << INDEX_BITS;

const SEED = 0xadc83b19 | 0;
/** The multiplier 0xc6a4a7935bd1e995 in halves, and its lower half in quarters. */
const M_HI = 0xc6a4a793 | 0;
const M_LO = 0x5bd1e995;
const M_LO_HIGH = 0x5bd1;
const M_LO_LOW = 0xe995;
/** Of the upper half of a hash, the bits that are left beside those of the register; one more ends any run of zeros. */
const END_BIT = 1 << (32 - INDEX_BITS);

/** Upper half of the product of a 64-bit number and the multiplier; the lower one is `Math.imul(lo, M_LO)`. */
function productHigh(hi: number, lo: number): number {
  const a = lo & 0xffff;
  const b = lo >>> 16;
  const u = (Math.imul(b, M_LO_LOW) + (Math.imul(a, M_LO_LOW) >>> 16)) | 0;
  const v = (Math.imul(a, M_LO_HIGH) + (u & 0xffff)) | 0;
  const low = (Math.imul(b, M_LO_HIGH) + (u >>> 16) + (v >>> 16)) | 0;
  return (low + Math.imul(lo, M_HI) + Math.imul(hi, M_LO)) | 0;
}

/**
 * Hashes `len` bytes at `off` (`dv` views the bytes of `u8`): the register in the lower INDEX_BITS bits, above them the
 * length of the run of zeros with the one that ends it, 1 to 51.
 */
// hot: every element of every PFADD
export function patternOf(u8: Uint8Array, dv: DataView, off: number, len: number): number {
  let hi = productHigh(0, len);
  let lo = Math.imul(len, M_LO) ^ SEED;
  const whole = off + (len & ~7);
  for (let at = off; at < whole; at += 8) {
    let kLo = dv.getInt32(at, true);
    let kHi = dv.getInt32(at + 4, true);
    kHi = productHigh(kHi, kLo);
    kLo = Math.imul(kLo, M_LO);
    kLo ^= kHi >>> 15;
    kHi = productHigh(kHi, kLo);
    kLo = Math.imul(kLo, M_LO);
    hi ^= kHi;
    lo ^= kLo;
    hi = productHigh(hi, lo);
    lo = Math.imul(lo, M_LO);
  }
  const rest = len & 7;
  if (rest !== 0) {
    let at = whole;
    if (rest >= 4) {
      lo ^= dv.getInt32(at, true);
      at += 4;
      for (let shift = 0, end = off + len; at < end; at++, shift += 8) hi ^= u8[at]! << shift;
    } else for (let shift = 0, end = off + len; at < end; at++, shift += 8) lo ^= u8[at]! << shift;
    hi = productHigh(hi, lo);
    lo = Math.imul(lo, M_LO);
  }
  lo ^= hi >>> 15;
  hi = productHigh(hi, lo);
  lo = Math.imul(lo, M_LO);
  lo ^= hi >>> 15;
  const index = lo & (REGISTERS - 1);
  const low = (lo >>> INDEX_BITS) | (hi << (32 - INDEX_BITS));
  if (low !== 0) return index | ((32 - Math.clz32(low & -low)) << INDEX_BITS);
  const high = (hi >>> INDEX_BITS) | END_BIT;
  return index | ((64 - Math.clz32(high & -high)) << INDEX_BITS);
}
