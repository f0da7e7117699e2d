/**
 * The ways to copy bytes between two `Uint8Array`s without allocating more than a view, and to zero them.
 *
 * Measured on Node 20 and 24 (nanoseconds a copy):
 *
 *     bytes            3   8  16  32  48  64  96 128
 *     byte loop       26  35  39  76 112 153 227 300
 *     eight at a time 15  16  23  38  53  68  98 128
 *     32-bit words    12  11  15  23  30  38  53  67
 *     set(subarray)   60  60  60  62  62  63  64  70     (the view is the cost)
 *
 * In a server `set` costs twice as much, since each extra view is also work for the garbage collector: with values of
 * 200 bytes GET is a sixth faster with words. So hot paths use `copyWords`; `copyBytes` is for callers that do not have
 * a `DataView` of both sides. 64-bit floats would be faster still, but nothing promises that they keep a NaN's bits.
 *
 * If one side is shared memory, V8 copies word by word. If the two sides are also aligned differently, V8 copies byte
 * by byte, which is ten times as slow. Then `copyMany` goes through a buffer of this thread's own: there a memmove
 * gives the bytes the alignment of the destination. Microseconds a copy, shared on one side:
 *
 *     bytes              256   512  1024  4096 16384
 *     set(subarray)     0.17  0.24  0.40  1.81  11.6
 *     copyMany          0.17  0.18  0.22  0.50   2.4
 *     Buffer's copy     0.05  0.07  0.11  0.98   4.2    (from Node 24 on, where it is a memmove; before it is `set`)
 *
 * Invariant: the source and the destination do not overlap, except in the moves.
 */
import { invariant } from '../errors/invariant.js';

/** Since Node 24 `Buffer`'s copy is a memmove, and cheap to call; in older versions it is `set`. */
const HAS_NATIVE = Number.parseInt(process.versions.node, 10) >= 24;
/** Up to this many bytes `Buffer`'s copy is the fastest way, if it is a memmove (HAS_NATIVE). */
const NATIVE_BYTES_MAX = 2048;
/** Up to this many bytes the loop of `copyBytes` is the fastest. */
const LOOP_BYTES_MAX = HAS_NATIVE ? 56 : 128;
/** The same for the word loop of `copyWords`; between sides that lie differently within their words, the second. */
const WORDS_BYTES_MAX = 288;
const WORDS_UNEVEN_MAX = HAS_NATIVE ? WORDS_BYTES_MAX : 800;
/** From this size `copyMany` goes through its own buffer (the detour). */
const DETOUR_BYTES_MIN = 448;
/** Bytes that take the detour in one step: few enough to stay in the first-level cache. */
const DETOUR_BYTES = 8 * 1024;

type NativeCopy = (this: Uint8Array, to: Uint8Array, at: number, start: number, end: number) => number;
const nativeCopy = Buffer.prototype.copy as unknown as NativeCopy;

const detour = new Uint8Array(DETOUR_BYTES + 8);
/** Views of it from each place in a word on, as long as the last copy from there: values are often equally long. */
const windows: Uint8Array[] = Array.from({ length: 8 }, (_, start) => detour.subarray(start, start + 1));

function windowOf(start: number, len: number): Uint8Array {
  let window = windows[start]!;
  if (window.length !== len) {
    window = detour.subarray(start, start + len);
    windows[start] = window;
  }
  return window;
}

/**
 * As `copyBytes`, for what is longer than its loop is good for.
 * @requires both ranges inside their arrays, no overlap
 */
// hot: values of more than a hundred bytes
export function copyMany(dst: Uint8Array, dstOff: number, src: Uint8Array, srcOff: number, len: number): void {
  invariant(
    srcOff >= 0 && dstOff >= 0 && srcOff + len <= src.length && dstOff + len <= dst.length,
    'both ranges inside their arrays',
  );
  if (HAS_NATIVE && len <= NATIVE_BYTES_MAX) {
    nativeCopy.call(src, dst, dstOff, srcOff, srcOff + len);
    return;
  }
  const from = (src.byteOffset + srcOff) & 7;
  const to = (dst.byteOffset + dstOff) & 7;
  if (from === to || len < DETOUR_BYTES_MIN) {
    dst.set(src.subarray(srcOff, srcOff + len), dstOff);
    return;
  }
  const srcIsShared = src.buffer instanceof SharedArrayBuffer;
  const dstIsShared = dst.buffer instanceof SharedArrayBuffer;
  if (!srcIsShared && !dstIsShared) {
    dst.set(src.subarray(srcOff, srcOff + len), dstOff);
    return;
  }
  for (let done = 0; done < len; done += DETOUR_BYTES) {
    const n = Math.min(len - done, DETOUR_BYTES);
    const at = srcOff + done;
    if (srcIsShared) {
      detour.set(src.subarray(at, at + n), from);
      if (dstIsShared) detour.copyWithin(to, from, from + n);
    } else detour.set(src.subarray(at, at + n), to);
    const start = dstIsShared ? to : from;
    dst.set(windowOf(start, n), dstOff + done);
  }
}

/**
 * Moves `len` bytes at `from` to `to` within one array of shared memory; the two may overlap.
 * @requires both ranges inside the array
 */
// hot: insertions into and removals from listpacks and list nodes
export function moveMany(u8: Uint8Array, to: number, from: number, len: number): void {
  invariant(to >= 0 && from >= 0 && Math.max(to, from) + len <= u8.length, 'both ranges inside the array');
  if (HAS_NATIVE && len <= NATIVE_BYTES_MAX) {
    nativeCopy.call(u8, u8, to, from, from + len);
    return;
  }
  if (len < DETOUR_BYTES_MIN || ((to - from) & 7) === 0) {
    u8.copyWithin(to, from, from + len);
    return;
  }
  const source = from & 7;
  const target = to & 7;
  // Upwards from the end and downwards from the beginning: nothing is overwritten before it was read.
  for (let done = 0; done < len; done += DETOUR_BYTES) {
    const n = Math.min(len - done, DETOUR_BYTES);
    const at = to > from ? len - done - n : done;
    const first = (source + at) & 7;
    const second = (target + at) & 7;
    detour.set(u8.subarray(from + at, from + at + n), first);
    detour.copyWithin(second, first, first + n);
    u8.set(windowOf(second, n), to + at);
  }
}

/**
 * Copies `len` bytes from `src[srcOff]` to `dst[dstOff]`.
 * @requires both ranges inside their arrays, no overlap
 */
// hot: bench/micro.js "copyBytes"
export function copyBytes(dst: Uint8Array, dstOff: number, src: Uint8Array, srcOff: number, len: number): void {
  invariant(
    srcOff >= 0 && dstOff >= 0 && srcOff + len <= src.length && dstOff + len <= dst.length,
    'both ranges inside their arrays',
  );
  if (len > LOOP_BYTES_MAX) {
    copyMany(dst, dstOff, src, srcOff, len);
    return;
  }
  const whole = len & ~7;
  let i = 0;
  for (; i < whole; i += 8) {
    const d = dstOff + i;
    const s = srcOff + i;
    dst[d] = src[s]!;
    dst[d + 1] = src[s + 1]!;
    dst[d + 2] = src[s + 2]!;
    dst[d + 3] = src[s + 3]!;
    dst[d + 4] = src[s + 4]!;
    dst[d + 5] = src[s + 5]!;
    dst[d + 6] = src[s + 6]!;
    dst[d + 7] = src[s + 7]!;
  }
  for (; i < len; i++) dst[dstOff + i] = src[srcOff + i]!;
}

/**
 * As `copyBytes`, with a `DataView` of the same bytes beside each array; two to three times as fast for short copies.
 * The last word overlaps the one before it, so there is no tail of single bytes.
 */
// hot: bench/micro.js "copyWords"
export function copyWords(
  dst: Uint8Array,
  dstView: DataView,
  dstOff: number,
  src: Uint8Array,
  srcView: DataView,
  srcOff: number,
  len: number,
): void {
  invariant(
    srcOff >= 0 && dstOff >= 0 && srcOff + len <= src.length && dstOff + len <= dst.length,
    'both ranges inside their arrays',
  );
  if (len >= 8) {
    if (len > WORDS_BYTES_MAX && (len > WORDS_UNEVEN_MAX || ((srcOff - dstOff) & 7) === 0)) {
      copyMany(dst, dstOff, src, srcOff, len);
      return;
    }
    const last = len - 8;
    for (let i = 0; i < last; i += 8) {
      dstView.setInt32(dstOff + i, srcView.getInt32(srcOff + i, true), true);
      dstView.setInt32(dstOff + i + 4, srcView.getInt32(srcOff + i + 4, true), true);
    }
    dstView.setInt32(dstOff + last, srcView.getInt32(srcOff + last, true), true);
    dstView.setInt32(dstOff + last + 4, srcView.getInt32(srcOff + last + 4, true), true);
    return;
  }
  if (len >= 4) {
    const last = len - 4;
    const first = srcView.getInt32(srcOff, true);
    dstView.setInt32(dstOff + last, srcView.getInt32(srcOff + last, true), true);
    dstView.setInt32(dstOff, first, true);
    return;
  }
  for (let i = 0; i < len; i++) dst[dstOff + i] = src[srcOff + i]!;
}

/**
 * Zeroes `count` words of 64 bits from `from` on. In shared memory `fill` goes word by word, too, and slower: 0.81 us
 * for 4 KiB of 32-bit words, against 0.23.
 */
// hot: every new table and root
export function zeroUnits(f64: Float64Array, from: number, count: number): void {
  const end = from + count;
  const whole = from + (count & ~3);
  let i = from;
  for (; i < whole; i += 4) {
    f64[i] = 0;
    f64[i + 1] = 0;
    f64[i + 2] = 0;
    f64[i + 3] = 0;
  }
  for (; i < end; i++) f64[i] = 0;
}

/** Up to this many bytes the loop of `moveUp` is faster than `moveMany`. */
const MOVE_BYTES_MAX = HAS_NATIVE ? 96 : 448;

/**
 * Moves `len` bytes at `at` up by `by` bytes, within one array; `dv` views the same bytes. For insertions.
 * @requires by > 0
 */
// hot: PFADD, ZADD of small values
export function moveUp(u8: Uint8Array, dv: DataView, at: number, by: number, len: number): void {
  invariant(by > 0 && at >= 0 && at + by + len <= u8.length, 'by > 0, the range inside the array');
  if (len > MOVE_BYTES_MAX) {
    moveMany(u8, at + by, at, len);
    return;
  }
  // From the end, so that nothing is overwritten before it was read.
  let p = at + len;
  for (; p - at >= 4; ) {
    p -= 4;
    dv.setInt32(p + by, dv.getInt32(p, true), true);
  }
  while (p > at) {
    p--;
    u8[p + by] = u8[p]!;
  }
}
