/**
 * A HyperLogLog is a string of this form, byte for byte as Redis has it, so that GET, DUMP and RDB files agree:
 *
 *      0  'H' 'Y' 'L' 'L'
 *      4  encoding: 0 dense, 1 sparse
 *      5  three zeros
 *      8  the cardinality, 64 bits, low byte first; its top bit set: out of date
 *     16  registers: dense, 6 bits each (hll-dense.ts), or sparse, runs of equal ones (hll-sparse.ts)
 *
 * Pure data.
 */

export const HEADER_BYTES = 16;
export const CARD_OFFSET = 8;
const ENCODING_OFFSET = 4;
export const DENSE = 0;
export const SPARSE = 1;

const H = 72;
const Y = 89;
const L = 76;

/** Bit of the last byte of the cardinality that says that it is out of date. */
const STALE = 0x80;

/** Whether the header at `at` is one; that the string is long enough is the caller's to know. */
export function isHeader(u8: Uint8Array, at: number): boolean {
  return (
    u8[at] === H && u8[at + 1] === Y && u8[at + 2] === L && u8[at + 3] === L && u8[at + ENCODING_OFFSET]! <= SPARSE
  );
}

/** Writes a header at `at`: nothing counted, cardinality 0. */
export function writeHeader(u8: Uint8Array, at: number, encoding: number): void {
  u8.fill(0, at, at + HEADER_BYTES);
  u8[at] = H;
  u8[at + 1] = Y;
  u8[at + 2] = L;
  u8[at + 3] = L;
  u8[at + ENCODING_OFFSET] = encoding;
}

/** DENSE or SPARSE. */
export function encodingAt(u8: Uint8Array, at: number): number {
  return u8[at + ENCODING_OFFSET]!;
}

/** Changes the encoding that the header tells. */
export function setEncoding(u8: Uint8Array, at: number, encoding: number): void {
  u8[at + ENCODING_OFFSET] = encoding;
}

/** Whether the cardinality in the header is out of date. */
export function isStale(u8: Uint8Array, at: number): boolean {
  return (u8[at + CARD_OFFSET + 7]! & STALE) !== 0;
}

/** Says that the cardinality in the header is out of date. */
export function setStale(u8: Uint8Array, at: number): void {
  u8[at + CARD_OFFSET + 7] = u8[at + CARD_OFFSET + 7]! | STALE;
}
