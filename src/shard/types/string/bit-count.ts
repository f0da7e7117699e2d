/**
 * Counting the set bits of a range of a string.
 *
 * Whole words go through carry-save adders (Harley and Seal; Hacker's Delight, 5-1): seven adders fold eight words into
 * one whose bits weigh eight, so the costly count of a word is done once in eight. Null blocks of a blob cost nothing.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import type { ByteRuns } from './bit-runs.js';

/** Set bits of a 32-bit word. */
export function popcount32(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Set bits of the words [from, to). At most 2^26 words. */
// hot: bench/micro "executor BITCOUNT"
export function popcountWords(i32: Int32Array, from: number, to: number): number {
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  let i = from;
  for (; i + 8 <= to; i += 8) {
    let a = i32[i]!;
    let b = i32[i + 1]!;
    let half = ones ^ a;
    const twosA = (ones & a) | (half & b);
    ones = half ^ b;
    a = i32[i + 2]!;
    b = i32[i + 3]!;
    half = ones ^ a;
    const twosB = (ones & a) | (half & b);
    ones = half ^ b;
    half = twos ^ twosA;
    const foursA = (twos & twosA) | (half & twosB);
    twos = half ^ twosB;
    a = i32[i + 4]!;
    b = i32[i + 5]!;
    half = ones ^ a;
    const twosC = (ones & a) | (half & b);
    ones = half ^ b;
    a = i32[i + 6]!;
    b = i32[i + 7]!;
    half = ones ^ a;
    const twosD = (ones & a) | (half & b);
    ones = half ^ b;
    half = twos ^ twosC;
    const foursB = (twos & twosC) | (half & twosD);
    twos = half ^ twosD;
    half = fours ^ foursA;
    eights += popcount32((fours & foursA) | (half & foursB));
    fours = half ^ foursB;
  }
  let total = 8 * eights + 4 * popcount32(fours) + 2 * popcount32(twos) + popcount32(ones);
  for (; i < to; i++) total += popcount32(i32[i]!);
  return total;
}

/** Set bits of `n` bytes at `at`; `i32` views the bytes that `u8` views. */
export function popcountBytes(u8: Uint8Array, i32: Int32Array, at: number, n: number): number {
  const end = at + n;
  let total = 0;
  while (at < end && (at & 3) !== 0) total += popcount32(u8[at++]!);
  const words = (end - at) >> 2;
  total += popcountWords(i32, at >> 2, (at >> 2) + words);
  for (at += words << 2; at < end; at++) total += popcount32(u8[at]!);
  return total;
}

/**
 * Set bits of the bytes [start, end] of an open string; none if start > end.
 * @requires lease, 0 <= start, end < length
 */
export function countBytes(runs: ByteRuns, start: number, end: number): number {
  invariant(start >= 0 && end < runs.length, '0 <= start, end < length');
  let total = 0;
  while (start <= end) {
    runs.seek(start);
    const n = Math.min(runs.bytes, end - start + 1);
    if (!runs.zeros) total += popcountBytes(runs.u8, runs.i32, runs.at, n);
    start += n;
  }
  return total;
}

/** Set bits among the bits [start, end] of an open string; bit 0 is the highest of byte 0. Requires as `countBytes`. */
export function countBits(runs: ByteRuns, start: number, end: number): number {
  const first = Math.floor(start / 8);
  const last = Math.floor(end / 8);
  const before = runs.byteAt(first) >>> (8 - (start % 8));
  const after = runs.byteAt(last) & (0x7f >>> (end % 8));
  return countBytes(runs, first, last) - popcount32(before) - popcount32(after);
}
