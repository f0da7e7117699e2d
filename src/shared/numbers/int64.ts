/**
 * Signed 64-bit integers without BigInt, as two signed 32-bit halves: parsing by Redis's strict rules (no plus, no
 * spaces, no leading zeros, no "-0"), adding with overflow, decimal text. While |v| < 2^53 a double does the work.
 *
 * A function that yields a number leaves it in `int64`, one object a thread, so that nothing is allocated. Any thread.
 */
import { invariant } from '../errors/invariant.js';

const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const TWO_32 = 4294967296;
/** Decimal digits that a double surely holds exactly. */
const SAFE_DIGITS = 15;
/** Digits of the longest 64-bit integer. */
const DIGITS_MAX = 19;
/** Most characters of a 64-bit integer, sign included. */
export const INT64_CHARS_MAX = 20;

class Int64Result {
  hi = 0;
  lo = 0;
}

/** Result of the last `parseInt64` or `addInt64` that returned true. */
export const int64 = new Int64Result();

/** The double next to a 64-bit integer; exact when it is a safe integer. */
export function int64Number(hi: number, lo: number): number {
  return hi * TWO_32 + (lo >>> 0);
}

/** Puts an integer that a double holds exactly into `int64`. @requires |v| < 2^53 */
export function setInt64(v: number): void {
  invariant(Number.isSafeInteger(v), '|v| < 2^53');
  int64.lo = v | 0;
  int64.hi = Math.floor(v / TWO_32);
}

/** Whether the `len` bytes at `off` are a canonical signed 64-bit integer, which is then in `int64`. */
// hot: every SET and INCRBY
export function parseInt64(u8: Uint8Array, off: number, len: number): boolean {
  if (len === 0 || len > INT64_CHARS_MAX) return false;
  let c = u8[off]!;
  let at = off;
  const end = off + len;
  const negative = c === MINUS;
  if (negative) {
    if (len === 1) return false;
    c = u8[++at]!;
  }
  if (c <= ZERO || c > NINE) {
    if (c !== ZERO || len !== 1) return false;
    int64.hi = 0;
    int64.lo = 0;
    return true;
  }
  if (end - at > 9) return parseLong(u8, at, end, negative);
  let v = c - ZERO;
  while (++at < end) {
    c = u8[at]! - ZERO;
    if (c < 0 || c > 9) return false;
    v = v * 10 + c;
  }
  if (negative) v = -v;
  int64.lo = v;
  int64.hi = v >> 31;
  return true;
}

/** Digits in [at, end), or -1 when there is something else. @requires at most 15 of them */
function digitsValue(u8: Uint8Array, at: number, end: number): number {
  invariant(end - at <= 15, 'at most 15 digits');
  let v = 0;
  for (; at < end; at++) {
    const c = u8[at]! - ZERO;
    if (c < 0 || c > 9) return -1;
    v = v * 10 + c;
  }
  return v;
}

function parseLong(u8: Uint8Array, at: number, end: number, negative: boolean): boolean {
  const digits = end - at;
  if (digits > DIGITS_MAX) return false;
  if (digits <= SAFE_DIGITS) {
    const v = digitsValue(u8, at, end);
    if (v < 0) return false;
    setInt64(negative ? -v : v);
    return true;
  }
  const a = digitsValue(u8, at, end - 9);
  const b = digitsValue(u8, end - 9, end);
  if (a < 0 || b < 0) return false;
  // a * 10^9 + b in limbs of 16 bits, so that each step is exact.
  const a1 = Math.floor(a / 65536);
  const p1 = a1 * 1e9;
  const low = (p1 % 65536) * 65536 + (a - a1 * 65536) * 1e9 + b;
  const carry = Math.floor(low / TWO_32);
  const hi = Math.floor(p1 / 65536) + carry;
  const lo = (low - carry * TWO_32) | 0;
  if (hi > 0x7fffffff && !(negative && hi === 0x80000000 && lo === 0)) return false;
  int64.lo = negative ? -lo | 0 : lo;
  int64.hi = negative ? (lo === 0 ? -hi | 0 : ~hi) : hi;
  return true;
}

/** Adds two 64-bit integers into `int64`; false, and nothing stored, when the sum does not fit. */
export function addInt64(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  const low = (aLo >>> 0) + (bLo >>> 0);
  const hi = aHi + bHi + (low >= TWO_32 ? 1 : 0);
  if (hi > 0x7fffffff || hi < -0x80000000) return false;
  int64.hi = hi;
  int64.lo = low | 0;
  return true;
}

/** Whether a < b. */
export function lessInt64(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return aHi < bHi || (aHi === bHi && aLo >>> 0 < bLo >>> 0);
}

/** Number of characters of an integer in decimal, sign included. */
export function int64Width(hi: number, lo: number): number {
  let v = int64Number(hi, lo);
  if (!Number.isSafeInteger(v)) return int64Text(hi, lo).length;
  let width = 1;
  if (v < 0) {
    width = 2;
    v = -v;
  }
  for (let limit = 10; v >= limit; limit *= 10) width++;
  return width;
}

/** Writes an integer in decimal at `at`; returns the position after it. @requires room for int64Width characters */
export function writeInt64(u8: Uint8Array, at: number, hi: number, lo: number): number {
  let v = int64Number(hi, lo);
  if (!Number.isSafeInteger(v)) {
    const text = int64Text(hi, lo);
    for (let i = 0; i < text.length; i++) u8[at + i] = text.charCodeAt(i);
    return at + text.length;
  }
  const end = at + int64Width(hi, lo);
  if (v < 0) {
    u8[at] = MINUS;
    v = -v;
  }
  let i = end - 1;
  do {
    const next = Math.floor(v / 10);
    u8[i--] = ZERO + (v - next * 10);
    v = next;
  } while (v > 0);
  return end;
}

/** An integer as decimal text. Cold: allocates. */
export function int64Text(hi: number, lo: number): string {
  return ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
}
