/**
 * Dense registers of a HyperLogLog: 16384 of 6 bits, from the lowest bit of the first byte on.
 *
 *     byte   0        1        2
 *          [11000000|22221111|33333322]      the digits number the registers
 *
 * Three bytes hold four registers, so whole tables are read in such steps. Pure functions over bytes; `at` is where the
 * first register lies, behind the header.
 */
import { histogram } from './hll-estimate.js';
import { REGISTERS } from './hll-hash.js';
import { HEADER_BYTES } from './hll-layout.js';

const REGISTER_BITS = 6;
const REGISTER_MASK = 63;
const TABLE_BYTES = (REGISTERS * REGISTER_BITS) / 8;

/** Length of a string with dense registers. */
export const DENSE_BYTES: number = HEADER_BYTES + TABLE_BYTES;

/** Byte, counted from the first register, where register `index` begins. It ends in that or the next. */
export function denseByte(index: number): number {
  return (index * REGISTER_BITS) >>> 3;
}

/** Value of register `index`. */
// hot: PFADD
export function denseGet(u8: Uint8Array, at: number, index: number): number {
  const bit = index * REGISTER_BITS;
  const p = at + (bit >>> 3);
  return ((u8[p]! | (u8[p + 1]! << 8)) >>> (bit & 7)) & REGISTER_MASK;
}

/** Gives register `index` the value `value`. */
export function denseSet(u8: Uint8Array, at: number, index: number, value: number): void {
  const bit = index * REGISTER_BITS;
  const p = at + (bit >>> 3);
  const shift = bit & 7;
  u8[p] = (u8[p]! & ~(REGISTER_MASK << shift)) | (value << shift);
  // The last register ends with its byte.
  if (shift > 2) u8[p + 1] = (u8[p + 1]! & ~(REGISTER_MASK >>> (8 - shift))) | (value >>> (8 - shift));
}

/** Fills `histogram`. */
// hot: PFCOUNT
export function denseHistogram(u8: Uint8Array, at: number): void {
  const counts = histogram;
  counts.fill(0);
  for (let p = at, end = at + TABLE_BYTES; p < end; p += 3) {
    const four = u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16);
    counts[four & 63]!++;
    counts[(four >>> 6) & 63]!++;
    counts[(four >>> 12) & 63]!++;
    counts[four >>> 18]!++;
  }
}

/** Raises each of `registers` to what the table has. */
// hot: PFMERGE, PFCOUNT of several keys
export function denseMax(u8: Uint8Array, at: number, registers: Uint8Array): void {
  for (let p = at, i = 0; i < REGISTERS; p += 3, i += 4) {
    const four = u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16);
    if (four === 0) continue;
    const a = four & 63;
    const b = (four >>> 6) & 63;
    const c = (four >>> 12) & 63;
    const d = four >>> 18;
    if (a > registers[i]!) registers[i] = a;
    if (b > registers[i + 1]!) registers[i + 1] = b;
    if (c > registers[i + 2]!) registers[i + 2] = c;
    if (d > registers[i + 3]!) registers[i + 3] = d;
  }
}

/** Writes a whole table. */
export function densePack(u8: Uint8Array, at: number, registers: Uint8Array): void {
  for (let p = at, i = 0; i < REGISTERS; p += 3, i += 4) {
    const a = registers[i]!;
    const b = registers[i + 1]!;
    const c = registers[i + 2]!;
    u8[p] = a | (b << 6);
    u8[p + 1] = (b >>> 2) | (c << 4);
    u8[p + 2] = (c >>> 4) | (registers[i + 3]! << 2);
  }
}

/** Fills `histogram` from unpacked registers. */
export function rawHistogram(registers: Uint8Array): void {
  const counts = histogram;
  counts.fill(0);
  for (let i = 0; i < REGISTERS; i++) counts[registers[i]! & 63]!++;
}
