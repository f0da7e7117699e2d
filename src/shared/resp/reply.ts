/**
 * Reply: writes RESP2 or RESP3 into a growing buffer. Every handler, on every thread, answers through one of these.
 *
 *     u8  [ ..... written ..... | room ]        current chunk, `pos` is the border
 *     chunks  [full][full][big value]           what was filled before it, in order
 *
 * A big value of the keyspace is not copied where `pinFor` allows it: its chunk names a pin (shared/memory/pins.ts).
 * The code that takes such chunks gives the pins back.
 *
 * A reply is usually one chunk. The buffer doubles up to CHUNK_BYTES_MAX; after that, full buffers are set aside as
 * chunks instead of being copied into bigger ones, and a value beyond BIG_BULK_BYTES gets a chunk of exactly its size.
 * So nothing is ever copied twice for being large.
 *
 * Invariants: (1) `pos <= u8.length`; (2) chunks are immutable once set aside, except that a deferred header inside
 * one may still be closed; (3) `dv` views exactly the bytes of `u8`; (4) bytes given to the writer are copied before
 * the call returns: the source may be arena memory that changes as soon as the lease is given back.
 */

import { invariant } from '../errors/invariant.js';
import { giveSlabChunk, SLAB_CHUNK_BYTES, takeSlabChunk } from '../memory/chunk-slabs.js';
import { copyBytes, copyWords } from '../memory/copy-bytes.js';
import { type Chunk, isBytes, type PinnedBytes, releaseChunk, releaseChunks } from '../memory/pins.js';
import { decimalWidth, int64Text } from './decimal-text.js';
import { doubleText } from './double-text.js';
import { ascii, FALSE3, NIL2, NIL3, NO_ROOM, NO_ROOM_VIEW, NULL_ARRAY2, OK, PONG, QUEUED, TRUE3 } from './lines.js';

/** Largest size to which a reply buffer grows by doubling. */
export const CHUNK_BYTES_MAX = 256 * 1024;
/** Values larger than this get a chunk of their own. */
export const BIG_BULK_BYTES = 64 * 1024;
/** Room kept for the header of an aggregate whose count is not known yet. */
const DEFERRED_BYTES = 16;
const INITIAL_BYTES = 16 * 1024;

const CRLF = 0x0d0a;

const ARRAY = 42; // *
const MAP = 37; // %
const SET = 126; // ~
const PUSH = 62; // >
const ATTRIBUTE = 124; // |
const BULK = 36; // $
const INT = 58; // :

/** What kind of aggregate a deferred header opens. */
export type AggregateKind = 'array' | 'map' | 'set' | 'push';

export class Reply {
  /** Protocol version of the client that will read this. */
  proto: 2 | 3 = 2;
  u8: Uint8Array;
  dv: DataView;
  /** Bytes written into `u8`. */
  pos = 0;
  /** Chunks set aside before `u8`, oldest first; null while there are none. */
  private full: Chunk[] | null = null;
  /** Bytes in `full`. */
  private fullBytes = 0;
  /** The buffer of the first chunk, where it is this writer's own. */
  private firstBuffer: Uint8Array | null = null;
  /** Number of error replies written since `reset`, for INFO errorstats and failed-call counts. */
  errors = 0;
  /** The last error line written, `-` and CRLF included; valid when `errors > 0`. */
  lastError: Uint8Array | null = null;
  /** Length of the bulk string that `bulkBegin` opened. */
  private openBulkBytes = 0;
  /** Values beyond BIG_BULK_BYTES that would have to be copied are left out (structures/blob.ts). */
  leavesOutBig = false;
  /** A value was left out: this is no whole reply. */
  isCut = false;
  /** The code that takes the chunks gives each back with `releaseChunk`, so long replies may lie in slabs. */
  slabs = false;
  /** The chunks stay on this thread. */
  isOwn = false;
  /** Index of the I/O thread that will send this and can send pinned values; -1: everything is copied. */
  pinFor = -1;

  constructor(bytes = INITIAL_BYTES) {
    this.u8 = new Uint8Array(bytes);
    this.dv = new DataView(this.u8.buffer);
  }

  /** Bytes written in all, over every chunk. */
  get byteLength(): number {
    return this.fullBytes + this.pos;
  }

  /** Whether everything written lies in `u8[0, pos)`. */
  get isSingleChunk(): boolean {
    return this.full === null;
  }

  /** Forgets everything written; keeps the buffer. */
  reset(): void {
    this.pos = 0;
    this.errors = 0;
    this.firstBuffer = null;
    if (this.full !== null) {
      releaseChunks(this.full);
      this.full = null;
      this.fullBytes = 0;
      this.newBuffer(INITIAL_BYTES);
    } else if (this.u8.length > CHUNK_BYTES_MAX) this.newBuffer(INITIAL_BYTES);
  }

  /** Makes sure that `bytes` can be written at `pos` of `u8`. */
  ensure(bytes: number): void {
    if (this.pos + bytes > this.u8.length) this.grow(bytes);
  }

  /**
   * Takes everything written as a list of chunks and leaves the writer empty with a new buffer.
   * The caller owns the chunks: nothing writes to them any more.
   */
  takeAll(): Chunk[] {
    const chained = this.full !== null;
    this.setAside();
    const out = this.full ?? [];
    if (chained || this.u8.length === 0) this.newBuffer(INITIAL_BYTES);
    this.full = null;
    this.fullBytes = 0;
    this.pos = 0;
    this.errors = 0;
    return out;
  }

  /** As `takeAll`. @requires nothing is pinned: `pinFor` is -1 */
  takeChunks(): Uint8Array[] {
    invariant(this.pinFor === -1, 'nothing is pinned');
    return this.takeAll() as Uint8Array[];
  }

  /** The chunks of the last `takeAll` have been used up: goes on in the buffer that had grown for them. */
  takeBack(): void {
    const first = this.firstBuffer;
    if (first === null || this.pos > 0 || this.full !== null || first.length <= this.u8.length) return;
    this.u8 = first;
    this.dv = new DataView(first.buffer);
    this.firstBuffer = null;
  }

  /** Leaves the buffer to its present reader (a socket write in progress) and goes on with a new buffer. */
  replaceBuffer(): void {
    this.newBuffer(INITIAL_BYTES);
    this.errors = 0;
  }

  /** A place to come back to with `truncate`: bytes written so far. */
  mark(): number {
    return this.fullBytes + this.pos;
  }

  /** Drops everything written after `mark` (a half-written reply of a command that failed). */
  truncate(mark: number): void {
    if (this.full === null || mark >= this.fullBytes) {
      this.pos = mark - this.fullBytes;
      return;
    }
    let last = this.full.pop()!;
    this.fullBytes -= last.length;
    while (mark < this.fullBytes) {
      releaseChunk(last);
      last = this.full.pop()!;
      this.fullBytes -= last.length;
    }
    if (this.full.length === 0) this.full = null;
    this.newBuffer(INITIAL_BYTES);
    const rest = mark - this.fullBytes;
    // A mark is never inside of a pinned value.
    if (isBytes(last)) this.raw(last, 0, rest);
    else releaseChunk(last);
  }

  // ---- simple values

  ok(): void {
    this.ensure(8);
    const pos = this.pos;
    this.dv.setUint32(pos, 0x2b4f4b0d);
    this.u8[pos + 4] = 10;
    this.pos = pos + 5;
  }

  pong(): void {
    this.raw(PONG, 0, PONG.length);
  }

  queued(): void {
    this.raw(QUEUED, 0, QUEUED.length);
  }

  /** A simple string. `text` is trusted: no CR or LF. Cold. */
  simple(text: string): void {
    if (text === 'OK') this.raw(OK, 0, OK.length);
    else this.text(`+${text}\r\n`);
  }

  /** A prebuilt error line out of shared/errors/replies. */
  error(bytes: Uint8Array): void {
    this.errors++;
    this.lastError = bytes;
    this.raw(bytes, 0, bytes.length);
  }

  /** An error with variable text, which begins with its code ("ERR unknown ..."). CR and LF become spaces. Cold. */
  errorText(text: string): void {
    this.error(Uint8Array.from(Buffer.from(`-${text.replace(/[\r\n]/g, ' ')}\r\n`, 'utf8')));
  }

  /** As `errorText`, for text that holds bytes of the client, one char a byte. Cold. */
  errorLatin1(text: string): void {
    this.error(Uint8Array.from(Buffer.from(`-${text.replace(/[\r\n]/g, ' ')}\r\n`, 'latin1')));
  }

  /** The arity error; `name` in lower case, a subcommand as `container|sub`. Cold. */
  wrongArity(name: string): void {
    this.errorText(`ERR wrong number of arguments for '${name}' command`);
  }

  /** An integer, |n| up to 2^53. */
  int(n: number): void {
    this.ensure(24);
    const pos = this.pos;
    if (n >= 0 && n < 10) {
      this.dv.setUint32(pos, 0x3a300d0a + (n << 16));
      this.pos = pos + 4;
      return;
    }
    this.u8[pos] = INT;
    this.endLine(this.digits(pos + 1, n));
  }

  /** A signed 64-bit integer, given as two signed 32-bit halves. */
  int64(hi: number, lo: number): void {
    const small = hi * 4294967296 + (lo >>> 0);
    if (Number.isSafeInteger(small)) this.int(small);
    else this.text(`:${int64Text(hi, lo)}\r\n`);
  }

  nil(): void {
    if (this.proto === 3) this.raw(NIL3, 0, NIL3.length);
    else this.raw(NIL2, 0, NIL2.length);
  }

  /** The null of commands that answer with an array. */
  nullArray(): void {
    if (this.proto === 3) this.raw(NIL3, 0, NIL3.length);
    else this.raw(NULL_ARRAY2, 0, NULL_ARRAY2.length);
  }

  bool(value: boolean): void {
    if (this.proto === 2) this.int(value ? 1 : 0);
    else if (value) this.raw(TRUE3, 0, TRUE3.length);
    else this.raw(FALSE3, 0, FALSE3.length);
  }

  // ---- aggregates

  array(n: number): void {
    this.header(ARRAY, n);
  }

  /** A map of `n` pairs: an array of 2n in RESP2. */
  map(n: number): void {
    if (this.proto === 3) this.header(MAP, n);
    else this.header(ARRAY, 2 * n);
  }

  set(n: number): void {
    this.header(this.proto === 3 ? SET : ARRAY, n);
  }

  push(n: number): void {
    this.header(this.proto === 3 ? PUSH : ARRAY, n);
  }

  /** Attributes exist in RESP3 only; the caller writes none for RESP2. */
  attribute(n: number): void {
    this.header(ATTRIBUTE, n);
  }

  /**
   * Opens an aggregate whose count is not known yet; close it with `setDeferred`. Deferred aggregates nest: the inner
   * one is closed first.
   */
  deferredArray(): number {
    this.ensure(DEFERRED_BYTES + 32);
    const mark = this.fullBytes + this.pos;
    this.pos += DEFERRED_BYTES;
    return mark;
  }

  /** Writes the header of the aggregate opened at `mark`, of `count` elements (pairs, for a map). */
  setDeferred(mark: number, count: number, kind: AggregateKind = 'array'): void {
    let type = ARRAY;
    let n = count;
    if (kind === 'map') {
      if (this.proto === 3) type = MAP;
      else n = 2 * count;
    } else if (this.proto === 3 && kind !== 'array') type = kind === 'set' ? SET : PUSH;
    const head = ascii(`${String.fromCharCode(type)}${n}\r\n`);
    const gap = DEFERRED_BYTES - head.length;
    if (this.full === null || mark >= this.fullBytes) {
      const at = mark - this.fullBytes;
      this.u8.set(head, at);
      this.u8.copyWithin(at + head.length, at + DEFERRED_BYTES, this.pos);
      this.pos -= gap;
      return;
    }
    let start = 0;
    for (let i = 0; i < this.full.length; i++) {
      const chunk = this.full[i]!;
      if (mark < start + chunk.length && isBytes(chunk)) {
        const at = mark - start;
        chunk.set(head, at);
        chunk.copyWithin(at + head.length, at + DEFERRED_BYTES);
        this.full[i] = chunk.subarray(0, chunk.length - gap);
        this.fullBytes -= gap;
        return;
      }
      start += chunk.length;
    }
  }

  // ---- strings

  /** A bulk string: `len` bytes of `src` from `off`. The bytes are copied. */
  // hot: bench/micro.js "reply bulk"
  bulk(src: Uint8Array, off: number, len: number): void {
    if (len > BIG_BULK_BYTES) {
      const at = this.bulkBegin(len);
      copyBytes(this.u8, at, src, off, len);
      this.bulkEnd();
      return;
    }
    this.ensure(len + 32);
    const at = this.lengthLine(BULK, len);
    copyBytes(this.u8, at, src, off, len);
    this.dv.setUint16(at + len, CRLF);
    this.pos = at + len + 2;
  }

  /** As `bulk`, for a caller that has a `DataView` of the same bytes: half the cost for short values. */
  // hot: bench/micro.js "reply bulk"
  bulkView(src: Uint8Array, srcView: DataView, off: number, len: number): void {
    if (len > BIG_BULK_BYTES) {
      this.bulk(src, off, len);
      return;
    }
    this.ensure(len + 32);
    const at = this.lengthLine(BULK, len);
    copyWords(this.u8, this.dv, at, src, srcView, off, len);
    this.dv.setUint16(at + len, CRLF);
    this.pos = at + len + 2;
  }

  /**
   * Writes the header of a bulk string of `len` bytes and returns the position in `u8` where the caller must store
   * exactly `len` bytes, followed by `bulkEnd()`. `u8` may have been replaced: read it after this call.
   */
  bulkBegin(len: number): number {
    this.ensure(32);
    this.pos = this.lengthLine(BULK, len);
    if (len > BIG_BULK_BYTES) this.openBigChunk(len + 2);
    else this.ensure(len + 2);
    this.openBulkBytes = len;
    return this.pos;
  }

  /** Closes the bulk string begun with `bulkBegin`, whose bytes are in place now. */
  bulkEnd(): void {
    const end = this.pos + this.openBulkBytes;
    this.dv.setUint16(end, CRLF);
    this.pos = end + 2;
  }

  /** A bulk string that is pinned. Cold. */
  bulkPinned(pinned: PinnedBytes): void {
    this.ensure(32);
    this.pos = this.lengthLine(BULK, pinned.length);
    this.rawChunk(pinned);
    this.ensure(2);
    this.dv.setUint16(this.pos, CRLF);
    this.pos += 2;
  }

  /** A bulk string of `text` in UTF-8. Cold. */
  bulkText(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    const at = this.bulkBegin(bytes.length);
    this.u8.set(bytes, at);
    this.bulkEnd();
  }

  /** A bulk string of `text`, one char a byte. Cold. */
  bulkLatin1(text: string): void {
    const at = this.bulkBegin(text.length);
    const u8 = this.u8;
    for (let i = 0; i < text.length; i++) u8[at + i] = text.charCodeAt(i);
    this.bulkEnd();
  }

  /** An integer, |n| up to 2^53, as a bulk string. */
  bulkInt(n: number): void {
    this.ensure(40);
    let width = decimalWidth(n < 0 ? -n : n);
    if (n < 0) width++;
    this.endLine(this.digits(this.lengthLine(BULK, width), n));
  }

  /** A signed 64-bit integer, as two signed 32-bit halves, as a bulk string. */
  bulkInt64(hi: number, lo: number): void {
    const small = hi * 4294967296 + (lo >>> 0);
    if (Number.isSafeInteger(small)) this.bulkInt(small);
    else this.bulkLatin1(int64Text(hi, lo));
  }

  /** A double: RESP3's own type, a bulk string in RESP2. */
  double(x: number): void {
    const text = doubleText(x);
    if (this.proto === 3) this.text(`,${text}\r\n`);
    else this.bulkLatin1(text);
  }

  /** An integer of any size, as decimal text. */
  bigNumber(text: string): void {
    if (this.proto === 3) this.text(`(${text}\r\n`);
    else this.bulkLatin1(text);
  }

  /** Text with a format of three letters ("txt", "mkd"); a bulk string in RESP2. */
  verbatim(format: string, text: string): void {
    if (this.proto === 2) {
      this.bulkText(text);
      return;
    }
    this.text(`=${Buffer.byteLength(text, 'utf8') + 4}\r\n${format}:${text}\r\n`);
  }

  /** Bytes that are RESP already. */
  raw(src: Uint8Array, off: number, len: number): void {
    if (len > BIG_BULK_BYTES) {
      this.openBigChunk(len);
      copyBytes(this.u8, 0, src, off, len);
      this.pos = len;
      return;
    }
    this.ensure(len);
    copyBytes(this.u8, this.pos, src, off, len);
    this.pos += len;
  }

  /** Takes over a chunk that is RESP already, without copying it. The caller gives the bytes away. */
  rawChunk(chunk: Chunk): void {
    this.setAside();
    if (this.full === null) {
      this.full = [];
      this.firstBuffer = null;
    }
    this.full.push(chunk);
    this.fullBytes += chunk.length;
  }

  // ---- inner parts

  private header(type: number, n: number): void {
    this.ensure(24);
    const pos = this.pos;
    if (n >= 0 && n < 10) {
      this.dv.setUint32(pos, type * 16777216 + 0x300d0a + (n << 16));
      this.pos = pos + 4;
      return;
    }
    this.u8[pos] = type;
    this.endLine(this.digits(pos + 1, n));
  }

  /** Writes `$len\r\n` at `pos`; returns the position after it, does not move `pos`. */
  private lengthLine(type: number, len: number): number {
    const pos = this.pos;
    if (len < 10) {
      this.dv.setUint32(pos, type * 16777216 + 0x300d0a + (len << 16));
      return pos + 4;
    }
    this.u8[pos] = type;
    const end = this.digits(pos + 1, len);
    this.dv.setUint16(end, CRLF);
    return end + 2;
  }

  private endLine(end: number): void {
    this.dv.setUint16(end, CRLF);
    this.pos = end + 2;
  }

  /** Writes `n` in decimal at `at`; returns the position after it. */
  private digits(at: number, n: number): number {
    const u8 = this.u8;
    if (n < 0) {
      u8[at++] = 45;
      n = -n;
    }
    if (n > 0x3fffffff) return this.digitsWide(at, n);
    const end = at + decimalWidth(n);
    let i = end - 1;
    let left = n | 0;
    while (left >= 10) {
      const next = (left / 10) | 0;
      u8[i--] = 48 + left - next * 10;
      left = next;
    }
    u8[i] = 48 + left;
    return end;
  }

  private digitsWide(at: number, n: number): number {
    const text = String(n);
    for (let i = 0; i < text.length; i++) this.u8[at + i] = text.charCodeAt(i);
    return at + text.length;
  }

  private text(text: string): void {
    const bytes = new Uint8Array(Buffer.from(text, 'utf8'));
    this.raw(bytes, 0, bytes.length);
  }

  private grow(bytes: number): void {
    const need = this.pos + bytes;
    if (need <= CHUNK_BYTES_MAX) {
      let size = Math.max(this.u8.length * 2, INITIAL_BYTES);
      while (size < need) size *= 2;
      const old = this.u8;
      const pos = this.pos;
      this.newBuffer(size);
      this.u8.set(old.subarray(0, pos));
      this.pos = pos;
      return;
    }
    this.setAside();
    if (this.slabs && this.full !== null && bytes <= SLAB_CHUNK_BYTES) this.inSlab();
    else this.newBuffer(Math.max(bytes, CHUNK_BYTES_MAX));
  }

  /** Shared memory: a shard gives such a chunk to the I/O thread without copying it. */
  private openBigChunk(bytes: number): void {
    this.setAside();
    if (this.slabs && this.full !== null && bytes <= SLAB_CHUNK_BYTES) {
      this.inSlab();
      return;
    }
    giveSlabChunk(this.u8);
    this.u8 = new Uint8Array(new SharedArrayBuffer(bytes));
    this.dv = new DataView(this.u8.buffer);
  }

  /** Goes on in a chunk of a slab. @requires `full` not null: so the slab chunk is never the only chunk */
  private inSlab(): void {
    invariant(this.full !== null, 'one of several chunks');
    giveSlabChunk(this.u8);
    this.u8 = takeSlabChunk(!this.isOwn);
    this.dv = new DataView(this.u8.buffer, this.u8.byteOffset, this.u8.length);
  }

  /** Moves what is written in `u8` to the chunks; leaves `u8` without room. */
  private setAside(): void {
    if (this.pos === 0) return;
    if (this.full === null) {
      this.full = [];
      // Shared memory is given away; what is larger is not kept.
      const { u8 } = this;
      this.firstBuffer =
        u8.buffer.byteLength <= CHUNK_BYTES_MAX && !(u8.buffer instanceof SharedArrayBuffer) ? u8 : null;
    }
    this.full.push(this.u8.subarray(0, this.pos));
    this.fullBytes += this.pos;
    this.u8 = NO_ROOM;
    this.dv = NO_ROOM_VIEW;
    this.pos = 0;
  }

  private newBuffer(bytes: number): void {
    giveSlabChunk(this.u8);
    this.u8 = new Uint8Array(bytes);
    this.dv = new DataView(this.u8.buffer);
    this.pos = 0;
  }
}
