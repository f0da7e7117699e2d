/**
 * Bulletins: what one thread has to tell an I/O thread's clients. They are gathered in a plain buffer while leases are
 * held, and travel many at a time, as bytes, in a ring record.
 *
 *     0 bytes in all | 4 kind | 8 length of a | 12 length of b | 16 number x | 24 number y | 32 a | b | padding to 8
 *
 *     kind           a           b         x                     y
 *     CHANNEL        channel     message
 *     SHARD_CHANNEL  channel     message
 *     INVALIDATE     key                   client that wrote
 *     FLUSHED
 *     REDIRECTED     key array             client that gets it   client that tracks
 *     REDIRECT_GONE                        client that tracks    client that was to get it
 *     MONITOR        line
 *     REMEMBER       key                   client that read it inside a transaction or script
 *
 * Invariant: a reader gets whole bulletins only; a ring record may hold a piece of one, see io-links.ts.
 */
import { copyBytes } from '../memory/copy-bytes.js';

export const KIND_CHANNEL = 1;
export const KIND_SHARD_CHANNEL = 2;
export const KIND_INVALIDATE = 3;
export const KIND_FLUSHED = 4;
export const KIND_REDIRECTED = 5;
export const KIND_REDIRECT_GONE = 6;
export const KIND_MONITOR = 7;
export const KIND_REMEMBER = 8;

const HEAD_BYTES = 32;
const INITIAL_BYTES = 1024;
/** A buffer that grew beyond this is given up when it is empty. */
const KEEP_BYTES = 1 << 20;

const NOTHING = new Uint8Array(0);

/** Bulletins for one I/O thread, in order. */
export class BulletinBuffer {
  u8 = new Uint8Array(INITIAL_BYTES);
  /** The bulletins lie in u8[start, end). */
  start = 0;
  end = 0;
  private dv = new DataView(this.u8.buffer);

  get bytes(): number {
    return this.end - this.start;
  }

  /** hot: adds a bulletin; the bytes are copied. */
  add(
    kind: number,
    x: number,
    y: number,
    a: Uint8Array,
    aOff: number,
    aLen: number,
    b: Uint8Array,
    bOff: number,
    bLen: number,
  ): void {
    const size = (HEAD_BYTES + aLen + bLen + 7) & ~7;
    if (this.end + size > this.u8.length) this.grow(size);
    const { dv, u8, end } = this;
    dv.setInt32(end, size, true);
    dv.setInt32(end + 4, kind, true);
    dv.setInt32(end + 8, aLen, true);
    dv.setInt32(end + 12, bLen, true);
    dv.setFloat64(end + 16, x, true);
    dv.setFloat64(end + 24, y, true);
    copyBytes(u8, end + HEAD_BYTES, a, aOff, aLen);
    copyBytes(u8, end + HEAD_BYTES + aLen, b, bOff, bLen);
    this.end = end + size;
  }

  /** As `add`, with one text or none. */
  addOne(kind: number, x: number, y: number, a: Uint8Array = NOTHING, aOff = 0, aLen: number = a.length): void {
    this.add(kind, x, y, a, aOff, aLen, NOTHING, 0, 0);
  }

  /** Forgets the first `bytes` bytes, or all. */
  drop(bytes: number = this.bytes): void {
    this.start += bytes;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.u8.length > KEEP_BYTES) this.replace(new Uint8Array(INITIAL_BYTES));
  }

  private grow(bytes: number): void {
    const held = this.bytes;
    let size = this.u8.length;
    while (size < held + bytes) size *= 2;
    if (size === this.u8.length) this.u8.copyWithin(0, this.start, this.end);
    else {
      const u8 = new Uint8Array(size);
      u8.set(this.u8.subarray(this.start, this.end));
      this.replace(u8);
    }
    this.start = 0;
    this.end = held;
  }

  private replace(u8: Uint8Array<ArrayBuffer>): void {
    this.u8 = u8;
    this.dv = new DataView(u8.buffer);
  }
}

/** One bulletin as its reader sees it; points into the bytes that were read. */
export class BulletinView {
  kind = 0;
  x = 0;
  y = 0;
  u8: Uint8Array = NOTHING;
  aOff = 0;
  aLen = 0;
  bOff = 0;
  bLen = 0;
}

/**
 * Gives `each` every whole bulletin in u8[start, end), through `view`; returns where the first incomplete bulletin
 * begins.
 */
export function readBulletins(
  u8: Uint8Array,
  start: number,
  end: number,
  view: BulletinView,
  each: (view: BulletinView) => void,
): number {
  const dv = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
  view.u8 = u8;
  let at = start;
  while (at < end) {
    const size = dv.getInt32(at, true);
    if (size < HEAD_BYTES) throw new Error('bulletin: torn');
    if (at + size > end) break;
    view.kind = dv.getInt32(at + 4, true);
    view.aLen = dv.getInt32(at + 8, true);
    view.bLen = dv.getInt32(at + 12, true);
    view.x = dv.getFloat64(at + 16, true);
    view.y = dv.getFloat64(at + 24, true);
    view.aOff = at + HEAD_BYTES;
    view.bOff = view.aOff + view.aLen;
    each(view);
    at += size;
  }
  return at;
}
