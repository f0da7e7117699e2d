/**
 * Integers of 1 to 64 bits anywhere in a string, and their arithmetic: what BITFIELD does between parsing and storing.
 * The field's first bit is the highest, as everywhere in bitmaps.
 *
 *     bit 0        8        16                    a field of 5 bits at offset 7
 *     |.......A|BCDE....|                         A is its highest bit
 *
 * A field of up to 52 bits is a double throughout; its sum with an operand of up to 2^52 is exact. Wider fields, and
 * operands beyond that, take the same way in BigInt: they are rare.
 *
 * Invariants: (1) a field that is read or written lies in the nine bytes from `offset >> 3` on; (2) results are left in
 * `field`, one object a thread, so that nothing is allocated on the way of narrow fields.
 */
import { invariant } from '../../../shared/errors/invariant.js';

/** Bytes that hold every field of 64 bits, whatever its first bit. */
export const FIELD_BYTES = 9;
/** Widest field that is handled in doubles. */
const NARROW_BITS = 52;
const NARROW_MAX = 2 ** NARROW_BITS;

/** What happens when a result does not fit. */
export const OVERFLOW_WRAP = 0;
export const OVERFLOW_SAT = 1;
export const OVERFLOW_FAIL = 2;

const INT64_MAX = 2n ** 63n - 1n;

/** 2^k for k up to 64. */
const POWER = new Float64Array(65);
for (let k = 0; k <= 64; k++) POWER[k] = 2 ** k;

/** The result of `readField` and `addToField`, `setField`: two halves of a signed 64-bit integer. */
class FieldResult {
  hi = 0;
  lo = 0;
  /** The result did not fit; under OVERFLOW_FAIL there is none. */
  overflowed = false;
}

export const field = new FieldResult();

/** The unsigned integer in `bits` bits from bit `start` of `bytes`. @requires bits <= 52 */
function readNarrow(bytes: Uint8Array, start: number, bits: number): number {
  invariant(bits <= 52, 'bits <= 52');
  let at = start >> 3;
  const used = 8 - (start & 7);
  let value = bytes[at++]! & ((1 << used) - 1);
  if (bits <= used) return value >>> (used - bits);
  let left = bits - used;
  for (; left >= 8; left -= 8) value = value * 256 + bytes[at++]!;
  return left === 0 ? value : value * POWER[left]! + (bytes[at]! >>> (8 - left));
}

/** Stores the low `bits` bits of `value`, two's complement if negative, from bit `start` on. @requires bits <= 52 */
function writeNarrow(bytes: Uint8Array, start: number, bits: number, value: number): void {
  invariant(bits <= 52, 'bits <= 52');
  if (value < 0) value += POWER[bits]!;
  let end = start + bits;
  while (end > start) {
    const at = (end - 1) >> 3;
    const low = (at + 1) * 8 - end;
    const n = Math.min(8 - low, end - start);
    const rest = Math.floor(value / POWER[n]!);
    const part = value - rest * POWER[n]!;
    const mask = ((1 << n) - 1) << low;
    bytes[at] = (bytes[at]! & ~mask) | (part << low);
    value = rest;
    end -= n;
  }
}

function signExtend(value: number, bits: number, signed: boolean): number {
  return signed && value >= POWER[bits - 1]! ? value - POWER[bits]! : value;
}

function setResult(value: number): void {
  field.lo = value | 0;
  field.hi = Math.floor(value / POWER[32]!);
}

function setWideResult(value: bigint): void {
  field.lo = Number(BigInt.asIntN(32, value));
  field.hi = Number(value >> 32n);
}

function readWide(bytes: Uint8Array, start: number, bits: number, signed: boolean): bigint {
  const high = bits > 32 ? BigInt(readNarrow(bytes, start, bits - 32)) : 0n;
  const low = BigInt(readNarrow(bytes, start + Math.max(bits - 32, 0), Math.min(bits, 32)));
  const value = (high << 32n) | low;
  return signed ? BigInt.asIntN(bits, value) : value;
}

function writeWide(bytes: Uint8Array, start: number, bits: number, value: bigint): void {
  const unsigned = BigInt.asUintN(bits, value);
  if (bits > 32) writeNarrow(bytes, start, bits - 32, Number(unsigned >> 32n));
  const lowBits = Math.min(bits, 32);
  writeNarrow(bytes, start + bits - lowBits, lowBits, Number(unsigned & 0xffffffffn));
}

/** Reads the field of `bits` bits from bit `start` (0..7) of `bytes` into `field`. */
export function readField(bytes: Uint8Array, start: number, bits: number, signed: boolean): void {
  if (bits <= NARROW_BITS) setResult(signExtend(readNarrow(bytes, start, bits), bits, signed));
  else setWideResult(readWide(bytes, start, bits, signed));
}

/**
 * Adds the 64-bit operand (hi, lo) to the field, in `bytes` and in `field`. `overflow`: OVERFLOW_*; under FAIL a sum
 * that does not fit changes nothing. Returns whether the bits changed.
 */
export function addToField(
  bytes: Uint8Array,
  start: number,
  bits: number,
  signed: boolean,
  hi: number,
  lo: number,
  overflow: number,
): boolean {
  const operand = hi * POWER[32]! + (lo >>> 0);
  if (bits > NARROW_BITS || Math.abs(operand) > NARROW_MAX) {
    const wide = readWide(bytes, start, bits, signed);
    const next = fitWide(wide + toBigInt(hi, lo), bits, signed, overflow, false);
    if (field.overflowed && overflow === OVERFLOW_FAIL) return false;
    writeWide(bytes, start, bits, next);
    setWideResult(next);
    return next !== wide;
  }
  const old = signExtend(readNarrow(bytes, start, bits), bits, signed);
  const next = fitNarrow(old + operand, bits, signed, overflow);
  if (field.overflowed && overflow === OVERFLOW_FAIL) return false;
  writeNarrow(bytes, start, bits, next);
  setResult(next);
  return next !== old;
}

/** Stores the 64-bit operand in the field; the old value is then in `field`. Otherwise as `addToField`. */
export function setField(
  bytes: Uint8Array,
  start: number,
  bits: number,
  signed: boolean,
  hi: number,
  lo: number,
  overflow: number,
): boolean {
  const operand = hi * POWER[32]! + (lo >>> 0);
  readField(bytes, start, bits, signed);
  if (bits > NARROW_BITS || Math.abs(operand) > NARROW_MAX) {
    const old = toBigInt(field.hi, field.lo);
    const next = fitWide(toBigInt(hi, lo), bits, signed, overflow, true);
    if (field.overflowed && overflow === OVERFLOW_FAIL) return false;
    writeWide(bytes, start, bits, next);
    return next !== old;
  }
  const old = field.hi * POWER[32]! + (field.lo >>> 0);
  const next = fitNarrow(operand, bits, signed, overflow, true);
  if (field.overflowed && overflow === OVERFLOW_FAIL) return false;
  writeNarrow(bytes, start, bits, next);
  return next !== old;
}

/**
 * The value that the field gets for `value`; tells in `field.overflowed` whether that is another one. `setting`: the
 * value is what SET was given, which counts as too big for an unsigned field when it is negative, as in Redis.
 */
function fitNarrow(value: number, bits: number, signed: boolean, overflow: number, setting = false): number {
  const max = signed ? POWER[bits - 1]! - 1 : POWER[bits]! - 1;
  const min = signed ? -POWER[bits - 1]! : 0;
  field.overflowed = value > max || value < min;
  if (!field.overflowed || overflow === OVERFLOW_FAIL) return value;
  if (overflow === OVERFLOW_SAT) return value > max || (setting && !signed) ? max : min;
  return signExtend(value - Math.floor(value / POWER[bits]!) * POWER[bits]!, bits, signed);
}

function fitWide(value: bigint, bits: number, signed: boolean, overflow: number, setting: boolean): bigint {
  const width = BigInt(bits);
  const max = signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n;
  const min = signed ? -max - 1n : 0n;
  field.overflowed = value > max || value < min;
  if (!field.overflowed || overflow === OVERFLOW_FAIL) return value;
  if (overflow === OVERFLOW_SAT) return value > max || (setting && countsAsTooBig(value, max, signed)) ? max : min;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

/** Redis computes `max - value` in 64 bits: if a very low value makes this wrap, the value counts as too big. */
function countsAsTooBig(value: bigint, max: bigint, signed: boolean): boolean {
  return !signed || max - value > INT64_MAX;
}

function toBigInt(hi: number, lo: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}
