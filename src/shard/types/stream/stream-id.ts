/**
 * Ids of stream entries: two unsigned 64-bit numbers, milliseconds and sequence, each as two 32-bit halves (unsigned).
 * Exact over the whole range, without BigInt on the way of an XADD.
 */
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';

const TWO_32 = 4294967296;
const TWO_64 = 2n ** 64n;
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
    this.msHi = this.msLo = this.seqHi = this.seqLo = 0xffffffff;
    return this;
  }

  /** The first id of a millisecond that a double holds exactly. */
  setMs(ms: number): this {
    this.msHi = Math.floor(ms / TWO_32);
    this.msLo = ms - this.msHi * TWO_32;
    this.seqHi = this.seqLo = 0;
    return this;
  }

  /** The milliseconds as a double: rounded above 2^53, but never out of order. */
  get ms(): number {
    return this.msHi * TWO_32 + this.msLo;
  }

  isZero(): boolean {
    return this.msHi === 0 && this.msLo === 0 && this.seqHi === 0 && this.seqLo === 0;
  }

  /** Below, equal to or above 0 as this id is below, equal to or above the other. */
  compare(other: StreamId): number {
    if (this.msHi !== other.msHi) return this.msHi < other.msHi ? -1 : 1;
    if (this.msLo !== other.msLo) return this.msLo < other.msLo ? -1 : 1;
    if (this.seqHi !== other.seqHi) return this.seqHi < other.seqHi ? -1 : 1;
    if (this.seqLo !== other.seqLo) return this.seqLo < other.seqLo ? -1 : 1;
    return 0;
  }

  /** The next id; false at the end of all, and nothing is changed. */
  increment(): boolean {
    if (this.seqLo !== 0xffffffff) this.seqLo++;
    else if (this.seqHi !== 0xffffffff) {
      this.seqHi++;
      this.seqLo = 0;
    } else if (this.msLo !== 0xffffffff) {
      this.msLo++;
      this.seqHi = this.seqLo = 0;
    } else if (this.msHi !== 0xffffffff) {
      this.msHi++;
      this.msLo = this.seqHi = this.seqLo = 0;
    } else return false;
    return true;
  }

  /** The id before; false at 0-0. */
  decrement(): boolean {
    if (this.seqLo !== 0) this.seqLo--;
    else if (this.seqHi !== 0) {
      this.seqHi--;
      this.seqLo = 0xffffffff;
    } else if (this.msLo !== 0) {
      this.msLo--;
      this.seqHi = this.seqLo = 0xffffffff;
    } else if (this.msHi !== 0) {
      this.msHi--;
      this.msLo = this.seqHi = this.seqLo = 0xffffffff;
    } else return false;
    return true;
  }

  /** Writes the id as a key of ID_BYTES bytes. */
  toKey(dv: DataView, at: number): void {
    dv.setUint32(at, this.msHi);
    dv.setUint32(at + 4, this.msLo);
    dv.setUint32(at + 8, this.seqHi);
    dv.setUint32(at + 12, this.seqLo);
  }

  /** Reads an id from such a key. */
  fromKey(dv: DataView, at: number): this {
    this.msHi = dv.getUint32(at);
    this.msLo = dv.getUint32(at + 4);
    this.seqHi = dv.getUint32(at + 8);
    this.seqLo = dv.getUint32(at + 12);
    return this;
  }

  /** Loads the id kept in four words. */
  load(i32: Int32Array, w: number): this {
    this.msHi = i32[w]! >>> 0;
    this.msLo = i32[w + 1]! >>> 0;
    this.seqHi = i32[w + 2]! >>> 0;
    this.seqLo = i32[w + 3]! >>> 0;
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

function half(hi: number, lo: number): string {
  const n = hi * TWO_32 + lo;
  return n <= Number.MAX_SAFE_INTEGER ? String(n) : ((BigInt(hi) << 32n) | BigInt(lo)).toString();
}

/** The text of an id; two numbers of 20 digits at most. */
const TEXT = new Uint8Array(48);
const TEXT_VIEW = new DataView(TEXT.buffer);
const SEVEN_DIGITS = 10_000_000;

/** Writes the digits of an integer below 2^31 so that they end before `end`; returns where they begin. */
function digitsBefore(end: number, n: number): number {
  do {
    const next = (n / 10) | 0;
    TEXT[--end] = 48 + (n - next * 10);
    n = next;
  } while (n > 0);
  return end;
}

/** The same for halves of 64 bits. */
function halfBefore(end: number, hi: number, lo: number): number {
  if (hi === 0 && lo <= 0x7fffffff) return digitsBefore(end, lo);
  const n = hi * TWO_32 + lo;
  if (n > Number.MAX_SAFE_INTEGER) {
    const text = half(hi, lo);
    for (let i = text.length - 1; i >= 0; i--) TEXT[--end] = text.charCodeAt(i);
    return end;
  }
  const high = Math.floor(n / SEVEN_DIGITS);
  if (high === 0) return digitsBefore(end, n);
  const from = end - 7;
  let at = digitsBefore(end, n - high * SEVEN_DIGITS);
  while (at > from) TEXT[--at] = 48;
  return digitsBefore(from, high);
}

/** Writes an id as a bulk string. */
// hot: XADD, XRANGE
export function replyId(reply: Reply, id: StreamId): void {
  let at = halfBefore(TEXT.length, id.seqHi, id.seqLo);
  TEXT[--at] = 45;
  at = halfBefore(at, id.msHi, id.msLo);
  reply.bulkView(TEXT, TEXT_VIEW, at, TEXT.length - at);
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
    number.hi = n < TWO_32 ? 0 : Math.floor(n / TWO_32);
    number.lo = n - number.hi * TWO_32;
    return true;
  }
  let big = 0n;
  for (let i = from; i < end; i++) big = big * 10n + BigInt(u8[i]! - 48);
  if (big >= TWO_64) return false;
  if (negative) big = (TWO_64 - big) % TWO_64;
  number.hi = Number(big >> 32n);
  number.lo = Number(big & 0xffffffffn);
  return true;
}

/** Longest text of an id that is looked at. */
const ID_CHARS_MAX = 127;

/** How an id was given. */
export const ID_BAD = 0;
export const ID_GIVEN = 1;
/** "ms-*": the sequence is to be chosen. */
export const ID_AUTO_SEQ = 2;
/** "ms" alone: the sequence is the one that was asked for. */
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
    id.seqHi = id.seqLo = fillMax ? 0xffffffff : 0;
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
