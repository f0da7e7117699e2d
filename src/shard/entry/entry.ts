/**
 * An entry: the one cell that a key lives in, together with its value when that is small.
 *
 *     byte 0          1               2..3      4                5..7
 *     | type:4 enc:4 | flags          | keyLen  | value length    | LRU / LFU clock |
 *     | [expireAtMs: float64]  if F_EXPIRE                                          |
 *     | key bytes, zero-padded to 4  (or keyLength:u32, blob:Ptr if F_BIG_KEY)      |
 *     | value                                                                       |
 *
 * The value of a string is, by encoding: ENC_INT: the number as two words (low, high); ENC_EMBED: its bytes, the length
 * in byte 4, or, if that is 255, in a word before the bytes; ENC_BLOB: two words (directory Ptr, length), see blob.ts.
 * The value of every other type is two words: the Ptr of its root cell and one for the type (root.ts).
 *
 * Types: 0 to 14 have up to 16 encodings each. 15 extends the field: byte 0 as a whole is then the number of the type
 * (0x0f, 0x1f, ... 0xff: 16 more), such a type keeps its encoding in its root cell. Types 0 to 5 are in use. JSON,
 * Bloom and cuckoo filters, count-min sketches, top-k, t-digests, time series and vector sets take the extended numbers
 * first: they have one encoding each, as far as an entry is concerned; 6 to 14 stay free for types with several.
 *
 * Invariants: (1) the padding of the key is zero, so keys compare word by word; (2) the value begins at a multiple of
 * 4; (3) an entry is at most ENTRY_BYTES_MAX bytes; longer keys and values are blobs.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { segmentOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';

/** Types, in the order of Redis's own numbers. */
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 5;
/** Low nibble of the numbers of extended types. */
export const TYPE_EXTENDED = 15;
/** Values of byte 0: numbers of types are below. */
export const TYPE_BYTES = 256;

/** Encodings of strings. */
export const ENC_INT = 0;
export const ENC_EMBED = 1;
export const ENC_BLOB = 2;

/** Flags. */
export const F_EXPIRE = 1;
export const F_BIG_KEY = 2;
/** A string that was changed in place, which Redis would call "raw" whatever its length. */
export const F_RAW = 4;

/** A value with an element that expires: a hash with such a field (types/hash/hash-value.ts). */
export const F_FIELDS = 8;

/** Largest entry cell; a value that does not fit goes into a blob. */
export const ENTRY_BYTES_MAX = 16 * 1024;
/** Longest key kept inside the entry. */
export const KEY_INLINE_MAX = 8 * 1024;
/** Value lengths from here on have a word of their own. */
export const SHORT_VALUE_MAX = 254;
/** Head of an entry in bytes. */
export const HEAD_BYTES = 8;

/** Type of an entry (TYPE_*). */
export function entryType(arena: Arena, e: Ptr): number {
  const head = wordAt(arena, e, 0);
  return (head & 15) === TYPE_EXTENDED ? head & 0xff : head & 15;
}

/** Encoding of an entry (ENC_* for strings; each type has its own numbers). @requires not an extended type */
export function entryEncoding(arena: Arena, e: Ptr): number {
  return (wordAt(arena, e, 0) >>> 4) & 15;
}

/** Flags of an entry (F_*). */
export function entryFlags(arena: Arena, e: Ptr): number {
  return (wordAt(arena, e, 0) >>> 8) & 255;
}

/** Stores the flags of an entry. F_EXPIRE, F_BIG_KEY and F_FIELDS are counted: only the keyspace changes those. */
export function setFlags(arena: Arena, e: Ptr, flags: number): void {
  arena.touch(e, 0, 4);
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  i32[w] = (i32[w]! & ~0xff00) | (flags << 8);
}

/** Time of expiry in unix ms, or -1 when the key has none. */
export function entryExpireAtMs(arena: Arena, e: Ptr): number {
  const segment = segmentOf(e);
  const unit = unitIndex(e);
  if ((arena.i32[segment]![unit << 1]! & (F_EXPIRE << 8)) === 0) return -1;
  return arena.f64[segment]![unit + 1]!;
}

/** The 24-bit LRU/LFU clock. */
export function entryClock(arena: Arena, e: Ptr): number {
  return wordAt(arena, e, 1) >>> 8;
}

/** Stores the 24-bit LRU/LFU clock. */
export function setClock(arena: Arena, e: Ptr, clock: number): void {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e) + 1;
  const word = (i32[w]! & 0xff) | (clock << 8);
  if (i32[w] === word) return;
  arena.touch(e, 4, 4);
  i32[w] = word;
}

/** Words before the value, given the first word of an entry. */
export function valueWordOffset(head: number): number {
  const flags = head >>> 8;
  const keyWords = (flags & F_BIG_KEY) !== 0 ? 2 : ((head >>> 16) + 3) >> 2;
  return 2 + ((flags & F_EXPIRE) << 1) + keyWords;
}

/**
 * Index of the value's first word in `wordsOf(arena, e)`. For a short ENC_EMBED string the bytes of the string begin
 * there; for a long string (byte 4 is 255) the length stands there.
 */
export function valueWord(arena: Arena, e: Ptr): number {
  const w = wordIndex(e);
  return w + valueWordOffset(wordsOf(arena, e)[w]!);
}

/** Length of the key in bytes. */
export function keyLength(arena: Arena, e: Ptr): number {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  if ((head & (F_BIG_KEY << 8)) === 0) return head >>> 16;
  return i32[w + 2 + (((head >>> 8) & F_EXPIRE) << 1)]!;
}

/** Index of the key's first word in `arena.i32[...]` (or of its length and blob Ptr if F_BIG_KEY). */
export function keyWord(arena: Arena, e: Ptr): number {
  const w = wordIndex(e);
  return w + 2 + (((wordsOf(arena, e)[w]! >>> 8) & F_EXPIRE) << 1);
}

/**
 * Copies a value region of `bytes` bytes word for word, with the length in byte 4. @requires leases, `copy` has the
 * type, encoding and size of region of `e`
 */
export function copyRegionWords(from: Arena, e: Ptr, to: Arena, copy: Ptr, bytes: number): void {
  const f32 = wordsOf(from, e);
  const t32 = wordsOf(to, copy);
  const fw = wordIndex(e);
  const tw = wordIndex(copy);
  const source = fw + valueWordOffset(f32[fw]!);
  const target = tw + valueWordOffset(t32[tw]!);
  const words = (bytes + 3) >> 2;
  t32[tw + 1] = (t32[tw + 1]! & ~0xff) | (f32[fw + 1]! & 0xff);
  for (let i = 0; i < words; i++) t32[target + i] = f32[source + i]!;
}
