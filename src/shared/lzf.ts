/**
 * LZF, the compression inside dumps and RDB files (the format of Marc Lehmann's LibLZF). Any thread.
 *
 *     000lllll  bytes ...            l + 1 bytes as they are
 *     LLLooooo oooooooo              L + 2 bytes (L 1..6) from o + 1 bytes before
 *     111ooooo llllllll oooooooo     l + 9 bytes from o + 1 bytes before
 *
 * The compressor is greedy: it looks each group of three bytes up in a hash table of last places and takes what matches
 * there. Places in the table are counted over all calls, so nothing has to be cleared between two strings.
 *
 * Invariants: (1) `lzfDecompress` reads and writes nothing outside the ranges it was given, whatever the bytes are;
 * (2) one thread, nothing reentrant: the table is shared by all calls.
 */
import { invariant } from './errors/invariant.js';

/** Farthest that a match lies back. */
const DISTANCE_MAX = 8192;
const LITERAL_MAX = 32;
const MATCH_MAX = 264;
/** No byte of compressed data stands for more bytes than this: three of them are at most MATCH_MAX. */
export const LZF_RATIO_MAX = MATCH_MAX / 3;
const HASH_BITS = 13;
const PLACES = new Int32Array(1 << HASH_BITS);
/** Places of one call are `base + offset`; all smaller ones are of calls before. */
let base = 1;
const BASE_MAX = 2 ** 30;

/**
 * Compresses `len` bytes at `off` of `src` to `at` of `dst`, into at most `room` bytes. Returns their number, 0 when it
 * takes more. @requires len < 2^30, `dst` has `room` bytes at `at`, no overlap
 */
// hot: every packed value of a dump
export function lzfCompress(
  src: Uint8Array,
  off: number,
  len: number,
  dst: Uint8Array,
  at: number,
  room: number,
): number {
  invariant(len < 2 ** 30 && at + room <= dst.length && off + len <= src.length, 'len < 2^30, room in dst');
  if (base + len > BASE_MAX) {
    PLACES.fill(0);
    base = 1;
  }
  const shift = base - off;
  const first = base;
  base += len;
  const end = off + len;
  const last = end - 3;
  const limit = at + room;
  let out = at;
  /** Where the bytes not written yet begin. */
  let literal = off;
  let ip = off;
  while (ip <= last) {
    const group = (src[ip]! << 16) | (src[ip + 1]! << 8) | src[ip + 2]!;
    const slot = Math.imul(group, 0x9e3779b1) >>> (32 - HASH_BITS);
    const place = PLACES[slot]!;
    PLACES[slot] = ip + shift;
    if (place < first || ip + shift - place > DISTANCE_MAX) {
      ip++;
      continue;
    }
    const from = place - shift;
    if (src[from] !== src[ip] || src[from + 1] !== src[ip + 1] || src[from + 2] !== src[ip + 2]) {
      ip++;
      continue;
    }
    let n = 3;
    const most = Math.min(end - ip, MATCH_MAX);
    while (n < most && src[from + n] === src[ip + n]) n++;
    out = writeLiterals(src, literal, ip, dst, out, limit);
    if (out < 0 || out + (n < 9 ? 2 : 3) > limit) return 0;
    const distance = ip - from - 1;
    if (n < 9) dst[out++] = ((n - 2) << 5) | (distance >> 8);
    else {
      dst[out++] = 0xe0 | (distance >> 8);
      dst[out++] = n - 9;
    }
    dst[out++] = distance & 255;
    // The last two groups inside the match keep their places: what follows often begins there again.
    const next = ip + n;
    for (ip = next - 2 > ip ? next - 2 : ip + 1; ip < next; ip++) {
      if (ip > last) continue;
      const inside = (src[ip]! << 16) | (src[ip + 1]! << 8) | src[ip + 2]!;
      PLACES[Math.imul(inside, 0x9e3779b1) >>> (32 - HASH_BITS)] = ip + shift;
    }
    literal = next;
  }
  out = writeLiterals(src, literal, end, dst, out, limit);
  return out < 0 ? 0 : out - at;
}

/** Writes the bytes [from, to) in runs; the offset behind them, -1 when they do not fit. */
function writeLiterals(src: Uint8Array, from: number, to: number, dst: Uint8Array, out: number, limit: number): number {
  while (from < to) {
    const n = Math.min(to - from, LITERAL_MAX);
    if (out + n + 1 > limit) return -1;
    dst[out++] = n - 1;
    for (let i = 0; i < n; i++) dst[out++] = src[from++]!;
  }
  return out;
}

/**
 * Decompresses the `len` bytes at `off` of `src` to exactly `outLen` bytes at `at` of `dst`; false when they are no LZF
 * data of that length (`dst` holds anything then). @requires `dst` has `outLen` bytes at `at`, no overlap
 */
export function lzfDecompress(
  src: Uint8Array,
  off: number,
  len: number,
  dst: Uint8Array,
  at: number,
  outLen: number,
): boolean {
  invariant(at + outLen <= dst.length && off + len <= src.length, 'room in dst');
  const end = off + len;
  const limit = at + outLen;
  let ip = off;
  let out = at;
  while (ip < end) {
    const control = src[ip++]!;
    if (control < LITERAL_MAX) {
      const n = control + 1;
      if (ip + n > end || out + n > limit) return false;
      for (let i = 0; i < n; i++) dst[out++] = src[ip++]!;
      continue;
    }
    let n = control >> 5;
    if (n === 7) {
      if (ip >= end) return false;
      n += src[ip++]!;
    }
    if (ip >= end) return false;
    n += 2;
    let from = out - (((control & 31) << 8) | src[ip++]!) - 1;
    if (from < at || out + n > limit) return false;
    for (let i = 0; i < n; i++) dst[out++] = dst[from++]!;
  }
  return out === limit;
}
