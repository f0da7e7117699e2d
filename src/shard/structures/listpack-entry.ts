/**
 * One entry of a listpack, Redis's compact form of a row of strings and integers: encoding and data, then the size of
 * those two once more, so that a reader can go backwards. Facts of the format: listpack.md of Redis's author.
 *
 *     0xxxxxxx                    integer 0..127
 *     10llllll bytes              string of up to 63 bytes
 *     110xxxxx xxxxxxxx           integer of 13 bits
 *     1110llll llllllll bytes     string of up to 4095 bytes
 *     F0 length:4 bytes           longer string
 *     F1 F2 F3 F4                 integer of 16, 24, 32, 64 bits, little-endian
 *     FF                          the end of the listpack
 *     ... backlen                 size of the above in groups of 7 bits, read from its last byte backwards
 *
 * A string that is a canonical integer is stored as one. Positions `p` are absolute offsets in a `Uint8Array`.
 *
 * Invariants: (1) results stand in `item` until the next call; one thread, nothing reentrant; (2) `p` is at an entry,
 * never at the end mark, unless said otherwise; (3) nothing here checks foreign bytes: rdb/ validates them first.
 */

import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { int64, int64Number, int64Width, parseInt64, writeInt64 } from '../../shared/numbers/int64.js';

/** Marks the end of a listpack. */
export const LP_END = 0xff;
const STR32 = 0xf0;
const INT16 = 0xf1;
const INT24 = 0xf2;
const INT32 = 0xf3;
const INT64 = 0xf4;
/** Longest entry that can be an integer. */
const INT_CHARS_MAX = 20;

const TEXT = new Uint8Array(24);
const TEXT_VIEW = new DataView(TEXT.buffer);
const NOTHING = new Uint8Array(0);

/** The entry that the last `lpRead` or `lpBytes` found. */
class Item {
  isInt = false;
  /** Integer, as halves and as the nearest double. */
  hi = 0;
  lo = 0;
  num = 0;
  /** Bytes: `len` of them at `off` of `u8`, which `dv` views. */
  u8: Uint8Array = NOTHING;
  dv: DataView = TEXT_VIEW;
  off = 0;
  len = 0;
}

export const item = new Item();

/** After `lpEntryBytes`: the form that it chose for the entry, for `lpWrite`. */
let pendingInt = false;
let pendingHi = 0;
let pendingLo = 0;

function backlenBytes(size: number): number {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** Size of an integer's encoding without the backlen. */
function intBytes(hi: number, lo: number): number {
  if (hi !== lo >> 31) return 9;
  if (lo >= 0 && lo <= 127) return 1;
  if (lo >= -4096 && lo <= 4095) return 2;
  if (lo >= -32768 && lo <= 32767) return 3;
  return lo >= -8388608 && lo <= 8388607 ? 4 : 5;
}

/**
 * Bytes that a string takes as an entry, whichever way it is encoded. Remembers what it found, so an `lpWrite` of the
 * same string may follow.
 */
export function lpEntryBytes(u8: Uint8Array, off: number, len: number): number {
  if (len <= INT_CHARS_MAX && len > 0 && u8[off]! <= 57 && parseInt64(u8, off, len)) {
    pendingInt = true;
    pendingHi = int64.hi;
    pendingLo = int64.lo;
    return intBytes(pendingHi, pendingLo) + 1;
  }
  pendingInt = false;
  if (len < 64) return len + 2;
  const size = len < 4096 ? len + 2 : len + 5;
  return size + backlenBytes(size);
}

/** Bytes that an integer takes as an entry. */
export function lpIntBytes(hi: number, lo: number): number {
  return intBytes(hi, lo) + 1;
}

/** Writes the entry measured by the last `lpEntryBytes` at `at`; returns the offset behind it. */
export function lpWrite(dst: Uint8Array, at: number, u8: Uint8Array, off: number, len: number): number {
  if (pendingInt) return lpWriteInt(dst, at, pendingHi, pendingLo);
  if (len < 64) {
    dst[at] = 0x80 | len;
    copyBytes(dst, at + 1, u8, off, len);
    dst[at + 1 + len] = len + 1;
    return at + len + 2;
  }
  let data = at + 2;
  if (len < 4096) {
    dst[at] = 0xe0 | (len >> 8);
    dst[at + 1] = len & 255;
  } else {
    dst[at] = STR32;
    dst[at + 1] = len & 255;
    dst[at + 2] = (len >> 8) & 255;
    dst[at + 3] = (len >> 16) & 255;
    dst[at + 4] = len >>> 24;
    data = at + 5;
  }
  copyBytes(dst, data, u8, off, len);
  return writeBacklen(dst, data + len, data + len - at);
}

/** Writes the entry of an integer at `at`; returns the offset behind it. */
export function lpWriteInt(dst: Uint8Array, at: number, hi: number, lo: number): number {
  const size = intBytes(hi, lo);
  switch (size) {
    case 1:
      dst[at] = lo;
      break;
    case 2:
      dst[at] = 0xc0 | ((lo >> 8) & 31);
      dst[at + 1] = lo & 255;
      break;
    default:
      dst[at] = size === 3 ? INT16 : size === 4 ? INT24 : size === 5 ? INT32 : INT64;
      for (let i = 1; i < size; i++)
        dst[at + i] = i <= 4 ? (lo >>> ((i - 1) << 3)) & 255 : (hi >>> ((i - 5) << 3)) & 255;
  }
  dst[at + size] = size;
  return at + size + 1;
}

function writeBacklen(dst: Uint8Array, at: number, size: number): number {
  const n = backlenBytes(size);
  if (n === 1) {
    dst[at] = size;
    return at + 1;
  }
  for (let i = n - 1; i >= 0; i--) {
    dst[at + i] = (size & 127) | (i > 0 ? 128 : 0);
    size >>>= 7;
  }
  return at + n;
}

/** Size of the entry at `p` without its backlen. */
function lpDataBytes(u8: Uint8Array, p: number): number {
  const b = u8[p]!;
  if (b < 0x80) return 1;
  if (b < 0xc0) return 1 + (b & 63);
  if (b < 0xe0) return 2;
  if (b < 0xf0) return 2 + ((b & 15) << 8) + u8[p + 1]!;
  switch (b) {
    case INT16:
      return 3;
    case INT24:
      return 4;
    case INT32:
      return 5;
    case INT64:
      return 9;
    default:
      return 5 + u8[p + 1]! + (u8[p + 2]! << 8) + (u8[p + 3]! << 16) + u8[p + 4]! * 16777216;
  }
}

/** Size of the entry at `p`, backlen included. */
// hot: every step over a listpack
export function lpSize(u8: Uint8Array, p: number): number {
  const b = u8[p]!;
  if (b < 0x80) return 2;
  if (b < 0xc0) return 2 + (b & 63);
  const size = lpDataBytes(u8, p);
  return size + backlenBytes(size);
}

/** Start of the entry that ends right before `p`. @requires there is one */
export function lpPrevOf(u8: Uint8Array, p: number): number {
  let at = p - 1;
  let b = u8[at]!;
  let size = b & 127;
  let shift = 7;
  while ((b & 128) !== 0) {
    b = u8[--at]!;
    size |= (b & 127) << shift;
    shift += 7;
  }
  return at - size;
}

/** Reads the entry at `p` into `item`: an integer as such, a string as a place in `u8` (`dv` is left alone). */
// hot: every command on packed values
export function lpRead(u8: Uint8Array, p: number): void {
  const b = u8[p]!;
  item.u8 = u8;
  if (b >= 0x80 && b < 0xc0) {
    item.isInt = false;
    item.off = p + 1;
    item.len = b & 63;
    return;
  }
  if (b >= 0xe0 && b <= STR32) {
    item.isInt = false;
    if (b === STR32) {
      item.off = p + 5;
      item.len = lpDataBytes(u8, p) - 5;
    } else {
      item.off = p + 2;
      item.len = ((b & 15) << 8) + u8[p + 1]!;
    }
    return;
  }
  item.isInt = true;
  readInt(u8, p, b);
}

function readInt(u8: Uint8Array, p: number, b: number): void {
  let lo = b;
  if (b >= 0x80) {
    if (b < 0xe0) lo = (((b & 31) << 27) | (u8[p + 1]! << 19)) >> 19;
    else {
      lo = u8[p + 1]! | (u8[p + 2]! << 8);
      if (b === INT16) lo = (lo << 16) >> 16;
      else {
        lo |= u8[p + 3]! << 16;
        if (b === INT24) lo = (lo << 8) >> 8;
        else {
          lo |= u8[p + 4]! << 24;
          if (b === INT64) {
            const hi = u8[p + 5]! | (u8[p + 6]! << 8) | (u8[p + 7]! << 16) | (u8[p + 8]! << 24);
            item.hi = hi;
            item.lo = lo;
            item.num = int64Number(hi, lo);
            return;
          }
        }
      }
    }
  }
  item.hi = lo >> 31;
  item.lo = lo;
  item.num = lo;
}

/** The number in the entry at `p` if that is an integer of up to 32 bits, else NaN. */
// hot: scores of small sorted sets
export function lpSmallNumber(u8: Uint8Array, p: number): number {
  const b = u8[p]!;
  if (b < 0x80) return b;
  if (b === INT24) return ((u8[p + 1]! << 8) | (u8[p + 2]! << 16) | (u8[p + 3]! << 24)) >> 8;
  if (b === INT16) return ((u8[p + 1]! << 16) | (u8[p + 2]! << 24)) >> 16;
  if (b === INT32) return u8[p + 1]! | (u8[p + 2]! << 8) | (u8[p + 3]! << 16) | (u8[p + 4]! << 24);
  return b >= 0xc0 && b < 0xe0 ? (((b & 31) << 27) | (u8[p + 1]! << 19)) >> 19 : Number.NaN;
}

/** As `lpRead`, but an integer is printed: `item.u8`, `off`, `len` are the entry's text, `dv` views the same bytes. */
export function lpBytes(u8: Uint8Array, dv: DataView, p: number): void {
  lpRead(u8, p);
  item.dv = dv;
  if (!item.isInt) return;
  item.len = writeInt64(TEXT, 0, item.hi, item.lo);
  item.off = 0;
  item.u8 = TEXT;
  item.dv = TEXT_VIEW;
}

/** Characters of the entry at `p` as text. */
export function lpTextLength(u8: Uint8Array, p: number): number {
  lpRead(u8, p);
  return item.isInt ? int64Width(item.hi, item.lo) : item.len;
}

/** Whether the entry at `p` is the string of `len` bytes at `off` of `b`. */
export function lpEquals(u8: Uint8Array, p: number, b: Uint8Array, off: number, len: number): boolean {
  lpRead(u8, p);
  if (item.isInt) {
    if (len === 0 || len > INT_CHARS_MAX) return false;
    return parseInt64(b, off, len) && int64.lo === item.lo && int64.hi === item.hi;
  }
  if (item.len !== len) return false;
  const at = item.off;
  for (let i = 0; i < len; i++) if (u8[at + i] !== b[off + i]) return false;
  return true;
}

/** Reads the string of `len` bytes at `off` as an entry would be stored: fills `item.isInt`, `hi`, `lo`. */
export function lpClassify(b: Uint8Array, off: number, len: number): boolean {
  return len > 0 && len <= INT_CHARS_MAX && b[off]! <= 57 && parseInt64(b, off, len);
}
