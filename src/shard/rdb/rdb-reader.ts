/**
 * Reads the primitives of the RDB format. The bytes may be anybody's: whatever they are, nothing outside of them is
 * read, and memory is taken only for what is really there. Any thread.
 *
 * Input that breaks the format throws BAD_DATA: loading is the only place of the engine where a wrong input is found
 * deep inside of nested loops. Code that is building a value drops the value and lets the error go on.
 *
 * Invariants: (1) `pos <= end <= u8.length`; (2) the bytes of `text` hold until the next read, those of `first` until
 * the read after the next; (3) `dv` views the bytes of `u8`.
 */
import { LZF_RATIO_MAX, lzfDecompress } from '../../shared/lzf.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { float64, strtod } from '../../shared/numbers/float64.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../shared/numbers/int64.js';
import {
  LEN_32_BITS,
  LEN_64_BITS,
  SPECIAL_INT8,
  SPECIAL_INT16,
  SPECIAL_INT32,
  SPECIAL_LZF,
  STRING_BYTES_MAX,
} from './rdb-format.js';

/** Thrown when bytes are not what the format wants; RESTORE answers "Bad data format". */
export class BadDataError extends Error {}
export const BAD_DATA = new BadDataError('bad RDB data');

/** Where a streaming reader gets its bytes from. */
export interface RdbSource {
  /** Reads up to `len` bytes to `off` of `u8`; 0 at the end. */
  read(u8: Uint8Array, off: number, len: number): number;
}

/** Buffer of a reader with a source. */
const SOURCE_BYTES = 256 * 1024;
/** Scratch up to this size is kept between strings. */
const SCRATCH_BYTES = 128 * 1024;

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** `len` bytes at `off` of `u8`, which `dv` views. */
export class Text {
  u8: Uint8Array = NO_BYTES;
  dv: DataView = NO_VIEW;
  off = 0;
  len = 0;
}

/** Memory for a string that does not lie in the input as it is. */
class Scratch {
  u8 = new Uint8Array(256);
  dv = new DataView(this.u8.buffer);
  /** Makes room for `bytes`. */
  room(bytes: number): void {
    if (this.u8.length >= bytes && (this.u8.length <= SCRATCH_BYTES || bytes > SCRATCH_BYTES)) return;
    this.u8 = new Uint8Array(Math.max(bytes, bytes <= SCRATCH_BYTES ? Math.min(SCRATCH_BYTES, bytes * 2) : 0));
    this.dv = new DataView(this.u8.buffer);
  }
}

export class RdbReader {
  u8: Uint8Array = NO_BYTES;
  dv: DataView = NO_VIEW;
  pos = 0;
  end = 0;
  /** The last length that was read, as unsigned halves in signed numbers. */
  hi = 0;
  lo = 0;
  /** The last string that was read. */
  readonly text = new Text();
  /** The string before it, if `keep` was called in between. */
  readonly first = new Text();
  private source: RdbSource | null = null;
  private readonly scratch = new Scratch();
  private readonly kept = new Scratch();

  /** Reads the `len` bytes at `off`, which do not change meanwhile. */
  open(u8: Uint8Array, dv: DataView, off: number, len: number): this {
    this.u8 = u8;
    this.dv = dv;
    this.pos = off;
    this.end = off + len;
    this.source = null;
    return this;
  }

  /** Reads what the source gives. */
  openSource(source: RdbSource): this {
    const u8 = new Uint8Array(SOURCE_BYTES);
    this.open(u8, new DataView(u8.buffer), 0, 0);
    this.source = source;
    return this;
  }

  /** Lets go of the input and of big scratch. */
  close(): void {
    this.open(NO_BYTES, NO_VIEW, 0, 0);
    this.fillText(this.text, NO_BYTES, NO_VIEW, 0, 0);
    this.fillText(this.first, NO_BYTES, NO_VIEW, 0, 0);
    this.scratch.room(1);
    this.kept.room(1);
  }

  /** Whether all bytes of an input without a source were read. */
  get atEnd(): boolean {
    return this.pos === this.end;
  }

  /** False when there surely are not `n` more bytes. */
  mayHave(n: number): boolean {
    return this.source !== null || this.end - this.pos >= n;
  }

  /** Makes `n` bytes lie at `pos`; throws BAD_DATA when there are not so many. */
  private need(n: number): void {
    if (this.end - this.pos < n) this.refill(n);
  }

  private refill(n: number): void {
    const { source } = this;
    if (source === null || n > STRING_BYTES_MAX) throw BAD_DATA;
    let held = this.end - this.pos;
    this.u8.copyWithin(0, this.pos, this.end);
    this.pos = 0;
    this.end = held;
    while (held < n) {
      // The buffer grows with what arrives, not with what a length claims.
      if (held === this.u8.length) this.grow(Math.min(held * 2, STRING_BYTES_MAX + SOURCE_BYTES));
      const got = source.read(this.u8, held, this.u8.length - held);
      if (got <= 0) throw BAD_DATA;
      held += got;
      this.end = held;
    }
  }

  private grow(bytes: number): void {
    const u8 = new Uint8Array(bytes);
    u8.set(this.u8.subarray(0, this.end));
    this.u8 = u8;
    this.dv = new DataView(u8.buffer);
  }

  // ---- numbers

  /** One byte. */
  byte(): number {
    this.need(1);
    return this.u8[this.pos++]!;
  }

  /** A length or count as a number. Throws BAD_DATA when it is a special form or beyond 2^53. */
  length(): number {
    if (this.lengthOrSpecial() >= 0) throw BAD_DATA;
    return this.number();
  }

  /** A length of up to 64 bits, which is in `hi` and `lo` then. */
  length64(): void {
    if (this.lengthOrSpecial() >= 0) throw BAD_DATA;
  }

  private number(): number {
    if (this.hi >>> 0 > 0x1fffff) throw BAD_DATA;
    return this.hi * 4294967296 + (this.lo >>> 0);
  }

  /** Reads a length into `hi` and `lo` and returns -1, or returns the number of a special form. */
  private lengthOrSpecial(): number {
    const head = this.byte();
    this.hi = 0;
    switch (head >> 6) {
      case 0:
        this.lo = head;
        return -1;
      case 1:
        this.lo = ((head & 63) << 8) | this.byte();
        return -1;
      case 2:
        break;
      default:
        return head & 63;
    }
    if (head === LEN_32_BITS) {
      this.need(4);
      this.lo = this.dv.getInt32(this.pos);
      this.pos += 4;
    } else if (head === LEN_64_BITS) {
      this.need(8);
      this.hi = this.dv.getInt32(this.pos);
      this.lo = this.dv.getInt32(this.pos + 4);
      this.pos += 8;
    } else throw BAD_DATA;
    return -1;
  }

  /** An integer of 64 bits, little-endian, into `hi` and `lo`; returns the nearest double. */
  milliseconds(): number {
    this.need(8);
    this.lo = this.dv.getInt32(this.pos, true);
    this.hi = this.dv.getInt32(this.pos + 4, true);
    this.pos += 8;
    return this.hi * 4294967296 + (this.lo >>> 0);
  }

  /** 64 bits, big-endian, into `hi` and `lo`. */
  bigEndian64(): void {
    this.need(8);
    this.hi = this.dv.getInt32(this.pos);
    this.lo = this.dv.getInt32(this.pos + 4);
    this.pos += 8;
  }

  /** A double of 8 bytes. */
  double(): number {
    this.need(8);
    const x = this.dv.getFloat64(this.pos, true);
    this.pos += 8;
    return x;
  }

  /** A double in the way of old sorted sets: a length and text, or a mark for what has no digits. */
  textDouble(): number {
    const n = this.byte();
    if (n === 255) return Number.NEGATIVE_INFINITY;
    if (n === 254) return Number.POSITIVE_INFINITY;
    if (n === 253) return Number.NaN;
    this.need(n);
    const x = parseDouble(this.u8, this.pos, n);
    this.pos += n;
    return x;
  }

  // ---- strings

  /** A string; it is in `text` then. */
  string(): void {
    this.stringOrLength(Number.POSITIVE_INFINITY);
  }

  /**
   * As `string`, but for one of more than `max` bytes that lies in the input as it is: then its length comes back and
   * nothing of it was read, `take` gives it in pieces. -1 when the string is in `text`.
   */
  stringOrLength(max: number): number {
    const special = this.lengthOrSpecial();
    if (special === SPECIAL_LZF) this.packed();
    else if (special >= 0) this.integer(special);
    else {
      const n = this.number();
      if (n > max) return n;
      this.need(n);
      this.fillText(this.text, this.u8, this.dv, this.pos, n);
      this.pos += n;
    }
    return -1;
  }

  /** The next bytes, at least one and at most `max` of them, into `text`; returns their number. */
  take(max: number): number {
    this.need(1);
    const n = Math.min(max, this.end - this.pos);
    this.fillText(this.text, this.u8, this.dv, this.pos, n);
    this.pos += n;
    return n;
  }

  /** Saves the last string from the next read: it is in `first` then. */
  keep(): void {
    const { text, first } = this;
    if (text.u8 === this.u8 && this.source === null) {
      this.fillText(first, text.u8, text.dv, text.off, text.len);
      return;
    }
    this.kept.room(text.len);
    copyBytes(this.kept.u8, 0, text.u8, text.off, text.len);
    this.fillText(first, this.kept.u8, this.kept.dv, 0, text.len);
  }

  /** Two strings: `first` and `text`. */
  pair(): void {
    this.string();
    this.keep();
    this.string();
  }

  private packed(): void {
    const compressed = this.length();
    const n = this.length();
    if (n > STRING_BYTES_MAX || n > compressed * LZF_RATIO_MAX) throw BAD_DATA;
    this.need(compressed);
    this.scratch.room(n);
    if (!lzfDecompress(this.u8, this.pos, compressed, this.scratch.u8, 0, n)) throw BAD_DATA;
    this.pos += compressed;
    this.fillText(this.text, this.scratch.u8, this.scratch.dv, 0, n);
  }

  private integer(form: number): void {
    let n: number;
    if (form === SPECIAL_INT8) n = (this.byte() << 24) >> 24;
    else if (form === SPECIAL_INT16) {
      this.need(2);
      n = this.dv.getInt16(this.pos, true);
      this.pos += 2;
    } else if (form === SPECIAL_INT32) {
      this.need(4);
      n = this.dv.getInt32(this.pos, true);
      this.pos += 4;
    } else throw BAD_DATA;
    this.scratch.room(INT64_CHARS_MAX + 4);
    const len = writeInt64(this.scratch.u8, 0, n >> 31, n);
    this.fillText(this.text, this.scratch.u8, this.scratch.dv, 0, len);
  }

  private fillText(text: Text, u8: Uint8Array, dv: DataView, off: number, len: number): void {
    text.u8 = u8;
    text.dv = dv;
    text.off = off;
    text.len = len;
  }
}

/** The double that a text stands for; NaN when it stands for none, or for something more. */
export function parseDouble(u8: Uint8Array, off: number, len: number): number {
  if (len === 0) return Number.NaN;
  strtod(u8, off, len);
  return float64.end === off + len ? float64.value : Number.NaN;
}
