/**
 * Writes the primitives of the RDB format: lengths, strings, numbers. Value codecs (list-codec.ts and its kin) write
 * through one of these, and neither they nor it know whether a dump or a file comes of it. Any thread.
 *
 *     u8  [ ..... written ..... | room ]      `pos` is the border, `summed` what the checksum has seen
 *
 * With a sink, the buffer has a fixed size and is handed over whenever it is full, so a value of any size passes
 * through CHUNK_BYTES. Without one, full buffers are collected: `takeChunks`.
 *
 * Invariants: (1) `pos <= u8.length`; (2) `dv` views the bytes of `u8`; (3) bytes given to the writer are copied before
 * the call returns; (4) `crc` covers every byte before `summed`.
 */

import { Crc64 } from '../../shared/crc64.js';
import { invariant } from '../../shared/errors/invariant.js';
import { lzfCompress } from '../../shared/lzf.js';
import type { Arena } from '../../shared/memory/arena.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, int64, parseInt64, writeInt64 } from '../../shared/numbers/int64.js';
import { BLOCK_BYTES, blobRead } from '../structures/blob.js';
import {
  LEN_14_BITS,
  LEN_32_BITS,
  LEN_64_BITS,
  LEN_SPECIAL,
  RDB_VERSION_7_0,
  SPECIAL_INT8,
  SPECIAL_INT16,
  SPECIAL_INT32,
  SPECIAL_LZF,
} from './rdb-format.js';

/** Size of a buffer with a sink, and largest of those that are collected. */
export const CHUNK_BYTES = 256 * 1024;
const FIRST_CHUNK_BYTES = 4 * 1024;
/** Most bytes that a primitive writes at once. */
const PRIMITIVE_BYTES = 32;
/** Shorter strings are not worth compressing, longer ones would need too much memory at once. */
const COMPRESS_BYTES_MIN = 21;
const COMPRESS_BYTES_MAX = 16 * 1024 * 1024;
/** What compressing must save: its head takes that much more. */
const COMPRESS_SAVES = 4;
/** Scratch up to this size is kept between strings. */
const SCRATCH_BYTES = 128 * 1024;
/** Longest text of an integer of 32 bits. */
const INT32_CHARS_MAX = 11;

/** Where full buffers go. It reads the bytes before it returns. */
export interface RdbSink {
  write(u8: Uint8Array, off: number, len: number): void;
}

const COMPRESSED = new Uint8Array(SCRATCH_BYTES);
const ASSEMBLED = new Uint8Array(SCRATCH_BYTES);
const DIGITS = new Uint8Array(INT64_CHARS_MAX + 4);

export class RdbWriter {
  /** The format may be read by Redises from this version on: which types the codecs may use. */
  version = RDB_VERSION_7_0;
  /** Whether strings are compressed. */
  compress = true;
  u8: Uint8Array;
  dv: DataView;
  pos = 0;
  private readonly sink: RdbSink | null;
  private readonly crc = new Crc64();
  private summed = 0;
  private chunks: Uint8Array[] = [];
  /** Bytes in chunks, or given to the sink. */
  private done = 0;

  constructor(sink: RdbSink | null = null) {
    this.sink = sink;
    this.u8 = new Uint8Array(sink === null ? FIRST_CHUNK_BYTES : CHUNK_BYTES);
    this.dv = new DataView(this.u8.buffer);
  }

  /** Bytes written in all. */
  get byteLength(): number {
    return this.done + this.pos;
  }

  /** Forgets everything written and not handed over; keeps the buffer. */
  reset(): void {
    this.pos = 0;
    this.summed = 0;
    this.done = 0;
    this.crc.reset();
    if (this.chunks.length > 0) this.chunks = [];
  }

  /** The checksum of everything written so far. The object is the writer's own. */
  checksum(): Crc64 {
    this.crc.update(this.u8, this.summed, this.pos - this.summed);
    this.summed = this.pos;
    return this.crc;
  }

  /** Gives what is in the buffer to the sink. */
  flush(): void {
    if (this.sink !== null && this.pos > 0) this.turnOver();
  }

  /** Copies everything written to `dst`. @requires no sink, room for `byteLength` bytes at `at` */
  copyTo(dst: Uint8Array, at: number): void {
    invariant(at + this.byteLength <= dst.length, 'room for byteLength bytes');
    for (const chunk of this.chunks) {
      dst.set(chunk, at);
      at += chunk.length;
    }
    copyBytes(dst, at, this.u8, 0, this.pos);
  }

  private turnOver(): void {
    this.checksum();
    this.done += this.pos;
    if (this.sink !== null) this.sink.write(this.u8, 0, this.pos);
    else {
      this.chunks.push(this.u8.subarray(0, this.pos));
      this.u8 = new Uint8Array(Math.min(CHUNK_BYTES, this.u8.length * 4));
      this.dv = new DataView(this.u8.buffer);
    }
    this.pos = 0;
    this.summed = 0;
  }

  private ensure(): void {
    if (this.pos + PRIMITIVE_BYTES > this.u8.length) this.turnOver();
  }

  // ---- numbers

  /** One byte. */
  byte(b: number): void {
    this.ensure();
    this.u8[this.pos++] = b;
  }

  /** A length or a count. @requires 0 <= n < 2^53 */
  length(n: number): void {
    invariant(n >= 0 && Number.isSafeInteger(n), '0 <= n < 2^53');
    this.ensure();
    const { pos } = this;
    if (n < 64) {
      this.u8[pos] = n;
      this.pos = pos + 1;
    } else if (n < 16384) {
      this.dv.setUint16(pos, (LEN_14_BITS << 8) | n);
      this.pos = pos + 2;
    } else if (n < 4294967296) {
      this.u8[pos] = LEN_32_BITS;
      this.dv.setUint32(pos + 1, n);
      this.pos = pos + 5;
    } else {
      this.u8[pos] = LEN_64_BITS;
      this.dv.setUint32(pos + 1, Math.floor(n / 4294967296));
      this.dv.setUint32(pos + 5, n >>> 0);
      this.pos = pos + 9;
    }
  }

  /** A length of up to 64 bits, as halves. */
  length64(hi: number, lo: number): void {
    if (hi === 0) {
      this.length(lo >>> 0);
      return;
    }
    this.ensure();
    this.u8[this.pos] = LEN_64_BITS;
    this.dv.setUint32(this.pos + 1, hi >>> 0);
    this.dv.setUint32(this.pos + 5, lo >>> 0);
    this.pos += 9;
  }

  /** An integer of 64 bits in 8 bytes, little-endian: a time in milliseconds. @requires |n| < 2^53 */
  milliseconds(n: number): void {
    invariant(Number.isSafeInteger(n), '|n| < 2^53');
    this.ensure();
    this.dv.setInt32(this.pos, n | 0, true);
    this.dv.setInt32(this.pos + 4, Math.floor(n / 4294967296), true);
    this.pos += 8;
  }

  /** Two 32-bit halves, big-endian: a stream id's part. */
  bigEndian64(hi: number, lo: number): void {
    this.ensure();
    this.dv.setInt32(this.pos, hi);
    this.dv.setInt32(this.pos + 4, lo);
    this.pos += 8;
  }

  /** A double in its 8 bytes, little-endian. */
  double(x: number): void {
    this.ensure();
    this.dv.setFloat64(this.pos, x, true);
    this.pos += 8;
  }

  // ---- bytes

  /** Bytes as they are. */
  raw(u8: Uint8Array, off: number, len: number): void {
    for (;;) {
      const room = this.u8.length - this.pos;
      const n = Math.min(len, room);
      copyBytes(this.u8, this.pos, u8, off, n);
      this.pos += n;
      if (n === len) return;
      off += n;
      len -= n;
      this.turnOver();
    }
  }

  /** A string: as a number, compressed or as it is. */
  string(u8: Uint8Array, off: number, len: number): void {
    if (len <= INT32_CHARS_MAX && parseInt64(u8, off, len) && this.small(int64.hi, int64.lo)) return;
    this.bytes(u8, off, len);
  }

  /** A string that is not to be taken for a number: compressed or as it is. */
  bytes(u8: Uint8Array, off: number, len: number): void {
    if (this.compress && len >= COMPRESS_BYTES_MIN && len <= COMPRESS_BYTES_MAX && this.packed(u8, off, len)) return;
    this.length(len);
    this.raw(u8, off, len);
  }

  /** An integer as a string. */
  int64(hi: number, lo: number): void {
    if (this.small(hi, lo)) return;
    const n = writeInt64(DIGITS, 0, hi, lo);
    this.length(n);
    this.raw(DIGITS, 0, n);
  }

  /** A blob as a string. @requires the lease of its arena */
  blob(arena: Arena, dir: Ptr, len: number): void {
    if (this.compress && len <= COMPRESS_BYTES_MAX) {
      const whole = len <= SCRATCH_BYTES ? ASSEMBLED : new Uint8Array(len);
      blobRead(arena, dir, 0, whole, 0, len);
      this.bytes(whole, 0, len);
      return;
    }
    this.length(len);
    this.blobRaw(arena, dir, len);
  }

  /** The bytes of a blob as they are. @requires as `blob` */
  blobRaw(arena: Arena, dir: Ptr, len: number): void {
    for (let at = 0; at < len; at += BLOCK_BYTES) {
      const n = Math.min(len - at, BLOCK_BYTES);
      blobRead(arena, dir, at, ASSEMBLED, 0, n);
      this.raw(ASSEMBLED, 0, n);
    }
  }

  /** Writes an integer of up to 32 bits in its form; false when it has more. */
  private small(hi: number, lo: number): boolean {
    if (hi !== lo >> 31) return false;
    this.ensure();
    const { pos } = this;
    if (lo >= -128 && lo <= 127) {
      this.u8[pos] = LEN_SPECIAL | SPECIAL_INT8;
      this.dv.setInt8(pos + 1, lo);
      this.pos = pos + 2;
    } else if (lo >= -32768 && lo <= 32767) {
      this.u8[pos] = LEN_SPECIAL | SPECIAL_INT16;
      this.dv.setInt16(pos + 1, lo, true);
      this.pos = pos + 3;
    } else {
      this.u8[pos] = LEN_SPECIAL | SPECIAL_INT32;
      this.dv.setInt32(pos + 1, lo, true);
      this.pos = pos + 5;
    }
    return true;
  }

  /** Writes a string compressed; false when that saves nothing. */
  private packed(u8: Uint8Array, off: number, len: number): boolean {
    const room = len - COMPRESS_SAVES;
    const scratch = room <= SCRATCH_BYTES ? COMPRESSED : new Uint8Array(room);
    const n = lzfCompress(u8, off, len, scratch, 0, room);
    if (n === 0) return false;
    this.byte(LEN_SPECIAL | SPECIAL_LZF);
    this.length(n);
    this.length(len);
    this.raw(scratch, 0, n);
    return true;
  }
}
