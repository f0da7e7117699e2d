/**
 * String values: reading them, setting them, whole. See entry.ts for the layout of the three encodings and
 * string-edit.ts for changes in place. Runs on whichever thread holds the lease.
 *
 * A value that is a canonical 64-bit integer is kept as one (ENC_INT); up to ENTRY_BYTES_MAX it lies in its entry
 * (ENC_EMBED); beyond that it is a blob. A value that keeps its size class is overwritten where it is.
 *
 * Invariants: (1) lease held; (2) functions that take an entry to change it are called right after the lookup of its
 * key, while the dictionary's cursor stands there; (3) they may move the entry: only the returned pointer is valid.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyBytes, copyWords } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { fitsCell } from '../../../shared/memory/slab.js';
import { INT64_CHARS_MAX, int64, int64Width, parseInt64, writeInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import { BIG_BULK_BYTES, type Reply } from '../../../shared/resp/reply.js';
import {
  ENC_BLOB,
  ENC_EMBED,
  ENC_INT,
  ENTRY_BYTES_MAX,
  entryClock,
  entryExpireAtMs,
  entryType,
  F_BIG_KEY,
  F_EXPIRE,
  F_FIELDS,
  F_RAW,
  HEAD_BYTES,
  KEY_INLINE_MAX,
  keyWord,
  SHORT_VALUE_MAX,
  TYPE_STRING,
  valueWord,
  valueWordOffset,
} from '../../entry/entry.js';
import type { EntryStore } from '../../services/entry-store.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobCreate, blobFree, blobRead, blobReply, blobWrite } from '../../structures/blob.js';

/** For `expireAtMs`: the key gets no expiry, or keeps the one it has. */
export const NO_EXPIRY = -1;
export const KEEP_EXPIRY = -2;

/** Longest string that Redis calls "embstr". */
const EMBSTR_BYTES_MAX = 44;
/** Byte 4 of an entry whose value has a length word. */
const LONG_VALUE = 255;

/** Low byte of an entry's head: type and encoding. */
export const HEAD_INT = TYPE_STRING | (ENC_INT << 4);
export const HEAD_EMBED = TYPE_STRING | (ENC_EMBED << 4);
export const HEAD_BLOB = TYPE_STRING | (ENC_BLOB << 4);

// ---- reading

/** Whether the value of an entry is a string. */
export function isString(arena: Arena, e: Ptr): boolean {
  return (wordAt(arena, e, 0) & 15) === TYPE_STRING;
}

/** Length of a string in bytes. @requires `e` holds a string */
export function stringLength(arena: Arena, e: Ptr): number {
  invariant(entryType(arena, e) === TYPE_STRING, 'e holds a string');
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  switch (head & 0xff) {
    case HEAD_EMBED: {
      const short = i32[w + 1]! & 255;
      return short === LONG_VALUE ? i32[vw]! : short;
    }
    case HEAD_INT:
      return int64Width(i32[vw + 1]!, i32[vw]!);
    default:
      return i32[vw + 1]!;
  }
}

/** Writes a string as a bulk string. @requires `e` holds a string */
// hot: every GET
export function replyString(arena: Arena, e: Ptr, reply: Reply): void {
  invariant(entryType(arena, e) === TYPE_STRING, 'e holds a string');
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  switch (head & 0xff) {
    case HEAD_EMBED: {
      const short = i32[w + 1]! & 255;
      if (short === LONG_VALUE) reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, (vw + 1) << 2, i32[vw]!);
      else reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, vw << 2, short);
      return;
    }
    case HEAD_INT:
      reply.bulkInt64(i32[vw + 1]!, i32[vw]!);
      return;
    default: {
      const length = i32[vw + 1]!;
      blobReply(arena, i32[vw]! as Ptr, length, 0, length, reply);
    }
  }
}

const DIGITS = new Uint8Array(INT64_CHARS_MAX + 4);

/** Copies `len` bytes from `offset` of a string to `dst`. @requires offset + len <= its length */
export function readString(arena: Arena, e: Ptr, offset: number, dst: Uint8Array, dstOff: number, len: number): void {
  invariant(offset >= 0 && offset + len <= stringLength(arena, e), 'offset + len <= its length');
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  switch (head & 0xff) {
    case HEAD_EMBED: {
      const start = (vw << 2) + ((i32[w + 1]! & 255) === LONG_VALUE ? 4 : 0);
      copyBytes(dst, dstOff, arena.u8[segment]!, start + offset, len);
      return;
    }
    case HEAD_INT:
      writeInt64(DIGITS, 0, i32[vw + 1]!, i32[vw]!);
      copyBytes(dst, dstOff, DIGITS, offset, len);
      return;
    default:
      blobRead(arena, i32[vw]! as Ptr, offset, dst, dstOff, len);
  }
}

/** Writes `len` bytes from `offset` of a string as a bulk string. @requires offset + len <= its length */
export function replyRange(arena: Arena, e: Ptr, offset: number, len: number, reply: Reply): void {
  invariant(offset >= 0 && offset + len <= stringLength(arena, e), 'offset + len <= its length');
  if (len > BIG_BULK_BYTES) {
    // Only a blob is that long.
    const i32 = wordsOf(arena, e);
    const vw = valueWord(arena, e);
    blobReply(arena, i32[vw]! as Ptr, i32[vw + 1]!, offset, len, reply);
    return;
  }
  const at = reply.bulkBegin(len);
  readString(arena, e, offset, reply.u8, at, len);
  reply.bulkEnd();
}

/** A copy of a string's bytes. Cold: allocates. */
export function stringToBytes(arena: Arena, e: Ptr): Uint8Array {
  const out = new Uint8Array(stringLength(arena, e));
  readString(arena, e, 0, out, 0, out.length);
  return out;
}

/** Whether a string is a 64-bit integer by strict rules; it is in `int64` then. */
export function stringInt64(arena: Arena, e: Ptr): boolean {
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  switch (head & 0xff) {
    case HEAD_INT:
      int64.lo = i32[vw]!;
      int64.hi = i32[vw + 1]!;
      return true;
    case HEAD_EMBED: {
      const short = i32[w + 1]! & 255;
      return short !== LONG_VALUE && parseInt64(arena.u8[segment]!, vw << 2, short);
    }
    default:
      return false;
  }
}

/** What OBJECT ENCODING says of a string. */
export function stringEncodingName(arena: Arena, e: Ptr): 'int' | 'embstr' | 'raw' {
  const head = wordAt(arena, e, 0);
  if ((head & 0xff) === HEAD_INT) return 'int';
  if ((head & 0xff) !== HEAD_EMBED || (head & (F_RAW << 8)) !== 0) return 'raw';
  return stringLength(arena, e) <= EMBSTR_BYTES_MAX ? 'embstr' : 'raw';
}

// ---- setting

/** Bytes of the value region of an embedded string. */
export function embedBytes(len: number): number {
  return len <= SHORT_VALUE_MAX ? len : 4 + len;
}

/**
 * Whether a string of `len` bytes lies in the entry of a key of `keyLen` bytes. The answer is the same with and without
 * an expiry.
 */
export function embeds(keyLen: number, len: number): boolean {
  const keyBytes = keyLen > KEY_INLINE_MAX ? 8 : (keyLen + 3) & ~3;
  return HEAD_BYTES + 8 + keyBytes + embedBytes(len) <= ENTRY_BYTES_MAX;
}

/**
 * Sets the key of argument `keyIndex` to `len` bytes at `off` of `u8` (`dv` views the same). `e`: what the lookup just
 * found, of any type, or 0. `expireAtMs`: unix ms, NO_EXPIRY or KEEP_EXPIRY. Returns the entry. Throws ArenaFullError.
 */
// hot: every SET
export function setString(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  expireAtMs: number,
): Ptr {
  if (len <= INT64_CHARS_MAX && parseInt64(u8, off, len)) {
    return setInt(ctx, e, args, keyIndex, int64.hi, int64.lo, expireAtMs);
  }
  return setBytes(ctx, e, args, keyIndex, u8, dv, off, len, expireAtMs);
}

/** As `setString`, but never as an integer (what INCRBYFLOAT stores stays text). */
export function setBytes(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  expireAtMs: number,
): Ptr {
  if (!embeds(args.len[keyIndex]!, len)) return setBlob(ctx, e, args, keyIndex, u8, off, len, expireAtMs);
  const next = prepareString(ctx, e, args, keyIndex, HEAD_EMBED, embedBytes(len), expireAtMs);
  const arena = ctx.arena;
  const at = embedStart(arena, next, len);
  const segment = segmentOf(next);
  copyWords(arena.u8[segment]!, arena.dv[segment]!, at, u8, dv, off, len);
  return next;
}

/** Sets the key of argument `keyIndex` to an integer; otherwise as `setString`. */
export function setInt(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  hi: number,
  lo: number,
  expireAtMs: number,
): Ptr {
  const next = prepareString(ctx, e, args, keyIndex, HEAD_INT, 8, expireAtMs);
  const i32 = wordsOf(ctx.arena, next);
  const w = wordIndex(next);
  const vw = w + valueWordOffset(i32[w]!);
  i32[vw] = lo;
  i32[vw + 1] = hi;
  return next;
}

/** Puts another integer in the place of one; false, and nothing done, when the value is not kept as an integer. */
// hot: every INCR
export function overwriteInt(arena: Arena, e: Ptr, hi: number, lo: number): boolean {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  if ((head & 0xff) !== HEAD_INT) return false;
  const offset = valueWordOffset(head);
  if (arena.tracking !== 0) arena.touch(e, offset << 2, 8);
  i32[w + offset] = lo;
  i32[w + offset + 1] = hi;
  return true;
}

/** Stores the length of an embedded string; returns the byte offset of its first byte. @requires touched */
export function embedStart(arena: Arena, e: Ptr, len: number): number {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const vw = w + valueWordOffset(i32[w]!);
  if (len <= SHORT_VALUE_MAX) {
    i32[w + 1] = (i32[w + 1]! & ~0xff) | len;
    return vw << 2;
  }
  i32[w + 1] = i32[w + 1]! | LONG_VALUE;
  i32[vw] = len;
  return (vw + 1) << 2;
}

function setBlob(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  u8: Uint8Array,
  off: number,
  len: number,
  expireAtMs: number,
): Ptr {
  const arena = ctx.arena;
  const dir = blobCreate(arena, len);
  try {
    blobWrite(arena, dir, len, 0, u8, off, len);
    return setBlobDirectory(ctx, e, args, keyIndex, dir, len, expireAtMs);
  } catch (error) {
    blobFree(arena, dir, len);
    throw error;
  }
}

/** Makes a finished blob the value of a key; otherwise as `setString`. The blob is the entry's unless this throws. */
export function setBlobDirectory(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  dir: Ptr,
  len: number,
  expireAtMs: number,
): Ptr {
  const next = prepareString(ctx, e, args, keyIndex, HEAD_BLOB, 8, expireAtMs);
  const i32 = wordsOf(ctx.arena, next);
  const w = wordIndex(next);
  const vw = w + valueWordOffset(i32[w]!);
  i32[vw] = dir;
  i32[vw + 1] = len;
  return next;
}

/**
 * An entry for the key of argument `keyIndex` with type and encoding `head` and a value region of `valueSize` bytes,
 * announced and not yet written. What the old value had outside is freed. Otherwise as `setString`.
 */
// hot: every SET
export function prepareString(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  head: number,
  valueSize: number,
  expireAtMs: number,
): Ptr {
  const keyspace = ctx.keyspace;
  const arena = ctx.arena;
  if (expireAtMs === KEEP_EXPIRY) expireAtMs = e === NULL ? NO_EXPIRY : entryExpireAtMs(arena, e);
  const off = args.off[keyIndex]!;
  const len = args.len[keyIndex]!;
  if (e === NULL) {
    const next = keyspace.createEntry(args.u8, args.dv, off, len, head, valueSize, expireAtMs, ctx.clock);
    insertNew(keyspace, next);
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, keyIndex);
    return next;
  }
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  if ((i32[w]! & (F_FIELDS << 8)) !== 0) keyspace.setFieldExpiry(e, Number.POSITIVE_INFINITY);
  const old = i32[w]!;
  const expires = (old & (F_EXPIRE << 8)) !== 0;
  if (expires === expireAtMs >= 0) {
    const bytes = (valueWordOffset(old) << 2) + valueSize;
    if (fitsCell(arena, e, bytes)) {
      if ((old & 0xff) > HEAD_EMBED || (old & 15) !== TYPE_STRING) keyspace.freeValue(e);
      if (arena.tracking !== 0) arena.touch(e, 0, bytes);
      i32[w] = (old & ~(0xff | (F_RAW << 8))) | head;
      if (expires) keyspace.setExpire(e, expireAtMs);
      return e;
    }
  }
  const clock = entryClock(arena, e);
  const next = keyspace.createEntry(args.u8, args.dv, off, len, head, valueSize, expireAtMs, clock);
  if ((old & 0xff) > HEAD_EMBED || (old & 15) !== TYPE_STRING) keyspace.freeValue(e);
  if ((old & (F_BIG_KEY << 8)) !== 0) {
    const kw = keyWord(arena, e);
    blobFree(arena, i32[kw + 1]! as Ptr, i32[kw]!);
  }
  keyspace.replace(e, next);
  return next;
}

/** Puts a new entry, not written yet, into its place; frees it when there is no memory for that. */
function insertNew(keyspace: EntryStore, next: Ptr): void {
  try {
    keyspace.insert(next);
  } catch (error) {
    keyspace.freeCell(next);
    throw error;
  }
}
