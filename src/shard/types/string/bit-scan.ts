/**
 * Finding the first set or clear bit of a range of a string: a word at a time inside the runs, a null block of a blob
 * in one step. Bit 0 is the highest of byte 0.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import type { ByteRuns } from './bit-runs.js';

/** First bit equal to `bit` in a byte, 8 when there is none. */
function firstInByte(byte: number, bit: number): number {
  return Math.clz32(bit === 1 ? byte : ~byte & 255) - 24;
}

/** First bit equal to `bit` in `n` bytes at `at`, or -1; `i32` views the bytes that `u8` views. */
export function firstInBytes(u8: Uint8Array, i32: Int32Array, at: number, n: number, bit: number): number {
  const start = at;
  const end = at + n;
  const skippedByte = bit === 1 ? 0 : 255;
  while (at < end && (at & 3) !== 0) {
    if (u8[at] !== skippedByte) return (at - start) * 8 + firstInByte(u8[at]!, bit);
    at++;
  }
  const skippedWord = bit === 1 ? 0 : -1;
  let w = at >> 2;
  const wordEnd = end >> 2;
  while (w < wordEnd && i32[w] === skippedWord) w++;
  for (at = Math.max(at, w << 2); at < end; at++) {
    if (u8[at] !== skippedByte) return (at - start) * 8 + firstInByte(u8[at]!, bit);
  }
  return -1;
}

/**
 * Position of the first bit equal to `bit` among the bits [start, end] of an open string, or -1.
 * @requires lease, 0 <= start <= end < 8 * length
 */
export function firstBit(runs: ByteRuns, bit: number, start: number, end: number): number {
  invariant(start >= 0 && start <= end && end < 8 * runs.length, '0 <= start <= end < 8 * length');
  let byte = Math.floor(start / 8);
  const last = Math.floor(end / 8);
  if (start % 8 !== 0) {
    // Bits before the range are made such that they do not match.
    const outside = 0xff00 >>> (start % 8);
    const found = firstInByte(bit === 1 ? runs.byteAt(byte) & ~outside : runs.byteAt(byte) | (outside & 255), bit);
    if (found < 8) return byte * 8 + found <= end ? byte * 8 + found : -1;
    byte++;
  }
  while (byte <= last) {
    runs.seek(byte);
    const n = Math.min(runs.bytes, last - byte + 1);
    const found = runs.zeros ? (bit === 1 ? -1 : 0) : firstInBytes(runs.u8, runs.i32, runs.at, n, bit);
    if (found >= 0) return byte * 8 + found <= end ? byte * 8 + found : -1;
    byte += n;
  }
  return -1;
}
