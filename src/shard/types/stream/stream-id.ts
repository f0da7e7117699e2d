/**
 * Ids of stream entries: two unsigned 64-bit numbers, milliseconds and sequence, each as two 32-bit halves, which are
 * kept in signed numbers so that V8 need not box them. Exact over the whole range, with no BigInt on the way of XADD.
 */
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';

const TWO_32 = 4294967296;
const TWO_64 = 2n ** 64n;
const SIGN = -0x80000000;
/** Bytes of an id as a key: both numbers big-endian, so that bytes compare as ids do. */
export const ID_BYTES = 16;

export class StreamId {
  msHi = 0;
  msLo = 0;
  seqHi = 0;
  seqLo = 0;

  set(other: StreamId): this {
    this.msHi = other.msHi;
    this.msLo = other.msLo;
    this.seqHi = other.seqHi;
    this.seqLo = other.seqLo;
    return this;
  }

  /** 0-0. */
  setMin(): this {
    this.msHi = this.msLo = this.seqHi = this.seqLo = 0;
    return this;
  }

  /** The highest id there is. */
  setMax(): this {
    this.msHi = this.msLo = this.seqHi = this.seqLo = -1;
    return this;
  }

  /** The first id of a millisecond that a double holds exactly. */
  setMs(ms: number): this {
    this.msHi = Math.floor(ms / TWO_32) | 0;
    this.msLo = ms | 0;
    this.seqHi = this.seqLo = 0;
    return this;
  }

  /** The milliseconds as a double: rounded above 2^53, but never out of order. */
  get ms(): number {
    return (this.msHi >>> 0) * TWO_32 + (this.msLo >>> 0);
  }

  isZero(): boolean {
    return (this.msHi | this.msLo | this.seqHi | this.seqLo) === 0;
  }

  /** Whether it is the highest id. */
  isMax(): boolean {
    return (this.msHi & this.msLo & this.seqHi & this.seqLo) === -1;
  }

  /** Below, equal to or above 0 as this id is below, equal to or above the other. */
  compare(other: StreamId): number {
    if (this.msHi !== other.msHi) return isBelow(this.msHi, other.msHi) ? -1 : 1;
    if (this.msLo !== other.msLo) return isBelow(this.msLo, other.msLo) ? -1 : 1;
    if (this.seqHi !== other.seqHi) return isBelow(this.seqHi, other.seqHi) ? -1 : 1;
    if (this.seqLo !== other.seqLo) return isBelow(this.seqLo, other.seqLo) ? -1 : 1;
    return 0;
  }

  /** The next id; false at the end of all, and nothing is changed. */
  increment(): boolean {
    if (this.isMax()) return false;
    this.seqLo = (this.seqLo + 1) | 0;
    if (this.seqLo !== 0) return true;
    this.seqHi = (this.seqHi + 1) | 0;
    if (this.seqHi !== 0) return true;
    this.msLo = (this.msLo + 1) | 0;
    if (this.msLo === 0) this.msHi = (this.msHi + 1) | 0;
    return true;
  }

  /** The id before; false at 0-0, and nothing is changed. */
  decrement(): boolean {
    if (this.isZero()) return false;
    this.seqLo = (this.seqLo - 1) | 0;
    if (this.seqLo !== -1) return true;
    this.seqHi = (this.seqHi - 1) | 0;
    if (this.seqHi !== -1) return true;
    this.msLo = (this.msLo - 1) | 0;
    if (this.msLo === -1) this.msHi = (this.msHi - 1) | 0;
    return true;
  }

  /** Writes the id as a key of ID_BYTES bytes. */
  toKey(dv: DataView, at: number): void {
    dv.setInt32(at, this.msHi);
    dv.setInt32(at + 4, this.msLo);
    dv.setInt32(at + 8, this.seqHi);
    dv.setInt32(at + 12, this.seqLo);
  }

  /** Reads an id from such a key. */
  fromKey(dv: DataView, at: number): this {
    this.msHi = dv.getInt32(at);
    this.msLo = dv.getInt32(at + 4);
    this.seqHi = dv.getInt32(at + 8);
    this.seqLo = dv.getInt32(at + 12);
    return this;
  }

  /** Loads the id kept in four words. */
  load(i32: Int32Array, w: number): this {
    this.msHi = i32[w]!;
    this.msLo = i32[w + 1]!;
    this.seqHi = i32[w + 2]!;
    this.seqLo = i32[w + 3]!;
    return this;
  }

  /** Keeps the id in four words. */
  save(i32: Int32Array, w: number): void {
    i32[w] = this.msHi;
    i32[w + 1] = this.msLo;
    i32[w + 2] = this.seqHi;
    i32[w + 3] = this.seqLo;
  }

  /** As Redis writes it: "ms-seq". */
  text(): string {
    return `${half(this.msHi, this.msLo)}-${half(this.seqHi, this.seqLo)}`;
  }
}

/** Whether a half is below another, both taken as unsigned. */
function isBelow(a: number, b: number): boolean {
  return (a ^ SIGN) < (b ^ SIGN);
}

function half(hi: number, lo: number): string {
  const n = (hi >>> 0) * TWO_32 + (lo >>> 0);
  return n <= Number.MAX_SAFE_INTEGER ? String(n) : ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
}

/** The text of the id written last; two numbers of 20 digits at most. */
const TEXT = new Uint8Array(48);
const TEXT_VIEW = new DataView(TEXT.buffer);
const DASH = 45;
const SEVEN_DIGITS = 10_000_000;
/** Milliseconds whose digits stand in TEXT, and where they end: ids that follow each other often have the same. */
let textHi = 0;
let textLo = 0;
let textEnd = 0;

/** Writes the `width` last digits of an integer below 2^31, leading zeros included. */
function writeDigits(at: number, n: number, width: number): void {
  for (let i = at + width - 1; i >= at; i--) {
    const next = (n / 10) | 0;
    TEXT[i] = 48 + (n - next * 10);
    n = next;
  }
}

function widthOf(n: number): number {
  let width = 1;
  for (; n >= 10; n = (n / 10) | 0) width++;
  return width;
}

/** Writes 64 bits, given as halves, in decimal; returns where they end. */
function writeHalf(at: number, hi: number, lo: number): number {
  if (hi === 0 && lo >= 0) {
    const width = widthOf(lo);
    writeDigits(at, lo, width);
    return at + width;
  }
  const n = (hi >>> 0) * TWO_32 + (lo >>> 0);
  if (n > Number.MAX_SAFE_INTEGER) {
    const text = half(hi, lo);
    for (let i = 0; i < text.length; i++) TEXT[at + i] = text.charCodeAt(i);
    return at + text.length;
  }
  const high = Math.floor(n / SEVEN_DIGITS);
  const width = widthOf(high);
  writeDigits(at, high, width);
  writeDigits(at + width, n - high * SEVEN_DIGITS, 7);
  return at + width + 7;
}

/** Writes an id as a bulk string. */
// hot: XADD, XRANGE
export function replyId(reply: Reply, id: StreamId): void {
  if (id.msLo !== textLo || id.msHi !== textHi || textEnd === 0) {
    textHi = id.msHi;
    textLo = id.msLo;
    textEnd = writeHalf(0, textHi, textLo);
    TEXT[textEnd++] = DASH;
  }
  reply.bulkView(TEXT, TEXT_VIEW, 0, writeHalf(textEnd, id.seqHi, id.seqLo));
}

/** Halves of the number read last. */
const number = { hi: 0, lo: 0 };

/**
 * Reads an unsigned 64-bit decimal; false when it is none. As in Redis, what is not in canonical form goes through C's
 * strtoull: white space before it, a plus and zeros in front are fine, and a minus that Redis did not refuse wraps.
 */
function readNumber(u8: Uint8Array, from: number, end: number): boolean {
  const begin = from;
  while (from < end && (u8[from] === 32 || (u8[from]! >= 9 && u8[from]! <= 13))) from++;
  const negative = u8[from] === 45;
  if (from < end && (negative || u8[from] === 43)) from++;
  if (from >= end) return false;
  if (negative && from === begin + 1 && u8[from] !== 48) return false;
  let n = 0;
  for (let i = from; i < end; i++) {
    const c = u8[i]! - 48;
    if (c < 0 || c > 9) return false;
    n = n * 10 + c;
  }
  if (n <= Number.MAX_SAFE_INTEGER && !negative) {
    number.hi = n < TWO_32 ? 0 : Math.floor(n / TWO_32) | 0;
    number.lo = n | 0;
    return true;
  }
  let big = 0n;
  for (let i = from; i < end; i++) big = big * 10n + BigInt(u8[i]! - 48);
  if (big >= TWO_64) return false;
  if (negative) big = (TWO_64 - big) % TWO_64;
  number.hi = Number(big >> 32n) | 0;
  number.lo = Number(big & 0xffffffffn) | 0;
  return true;
}

/** Longest text of an id that is looked at. */
const ID_CHARS_MAX = 127;

/** How an id was given. */
export const ID_BAD = 0;
export const ID_GIVEN = 1;
/** "ms-*": the sequence is to be chosen. */
export const ID_AUTO_SEQ = 2;
/** "ms" alone: the sequence is 0, or the highest with `fillMax`. */
export const ID_NO_SEQ = 3;

/**
 * Reads "ms-seq", "ms" (the sequence is then 0, or the highest with `fillMax`) or, with `auto`, "ms-*" into `id`.
 * Returns how it was given.
 */
export function parseId(args: Args, i: number, id: StreamId, fillMax: boolean, auto: boolean): number {
  const { u8 } = args;
  const from = args.off[i]!;
  const end = from + args.len[i]!;
  if (end - from > ID_CHARS_MAX) return ID_BAD;
  let dash = from;
  while (dash < end && u8[dash] !== 45) dash++;
  if (!readNumber(u8, from, dash)) return ID_BAD;
  id.msHi = number.hi;
  id.msLo = number.lo;
  if (dash === end) {
    id.seqHi = id.seqLo = fillMax ? -1 : 0;
    return ID_NO_SEQ;
  }
  if (auto && end - dash === 2 && u8[dash + 1] === 42) {
    id.seqHi = id.seqLo = 0;
    return ID_AUTO_SEQ;
  }
  if (!readNumber(u8, dash + 1, end)) return ID_BAD;
  id.seqHi = number.hi;
  id.seqLo = number.lo;
  return ID_GIVEN;
}
