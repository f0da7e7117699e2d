/**
 * Changes of a string in place: what APPEND, SETRANGE and the bit commands are made of.
 * Invariants as in string-value.ts.
 *
 *     e = growString(ctx, e, newLength)      mutable, long enough, new bytes zero
 *     writeString(arena, e, offset, ...)     or setByte
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, cellBytes } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import { F_RAW, keyLength, SHORT_VALUE_MAX, valueWord, valueWordOffset } from '../../entry/entry.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobByte, blobCreate, blobFree, blobResize, blobWrite } from '../../structures/blob.js';
import {
  embedBytes,
  embedStart,
  embeds,
  HEAD_BLOB,
  HEAD_EMBED,
  HEAD_INT,
  NO_EXPIRY,
  prepareString,
  readString,
  setBlobDirectory,
  stringLength,
} from './string-value.js';

/** Byte at `offset` of a string. @requires offset < its length */
export function byteAt(arena: Arena, e: Ptr, offset: number): number {
  invariant(offset >= 0 && offset < stringLength(arena, e), 'offset < its length');
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  switch (head & 0xff) {
    case HEAD_EMBED:
      return arena.u8[segment]![(vw << 2) + ((i32[w + 1]! & 255) > SHORT_VALUE_MAX ? 4 : 0) + offset]!;
    case HEAD_INT:
      readString(arena, e, offset, ONE_BYTE, 0, 1);
      return ONE_BYTE[0]!;
    default:
      return blobByte(arena, i32[vw]! as Ptr, offset);
  }
}

const ONE_BYTE = new Uint8Array(1);

/** Stores `len` bytes at `offset`. @requires `e` from `growString` or `createZeros`, offset + len <= its length */
export function writeString(arena: Arena, e: Ptr, offset: number, src: Uint8Array, srcOff: number, len: number): void {
  invariant(offset >= 0 && offset + len <= stringLength(arena, e), 'offset + len <= its length');
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(e);
  const head = i32[w]!;
  const vw = w + valueWordOffset(head);
  if ((head & 0xff) === HEAD_EMBED) {
    const at = (vw << 2) + ((i32[w + 1]! & 255) > SHORT_VALUE_MAX ? 4 : 0) + offset;
    arena.touch(e, at - (w << 2), len);
    copyBytes(arena.u8[segment]!, at, src, srcOff, len);
  } else blobWrite(arena, i32[vw]! as Ptr, i32[vw + 1]!, offset, src, srcOff, len);
}

/** Stores one byte; requires as `writeString`. */
export function setByte(arena: Arena, e: Ptr, offset: number, byte: number): void {
  ONE_BYTE[0] = byte;
  writeString(arena, e, offset, ONE_BYTE, 0, 1);
}

/** Gives the key of argument `keyIndex`, which the lookup just did not find, `length` zero bytes. Returns the entry. */
export function createZeros(ctx: ValueContext, args: Args, keyIndex: number, length: number): Ptr {
  const arena = ctx.arena;
  if (!embeds(args.len[keyIndex]!, length)) {
    const dir = blobCreate(arena, length);
    try {
      return setBlobDirectory(ctx, NULL, args, keyIndex, dir, length, NO_EXPIRY);
    } catch (error) {
      blobFree(arena, dir, length);
      throw error;
    }
  }
  const e = prepareString(ctx, NULL, args, keyIndex, HEAD_EMBED, embedBytes(length), NO_EXPIRY);
  const at = embedStart(arena, e, length);
  bytesOf(arena, e).fill(0, at, at + length);
  markRaw(arena, e);
  return e;
}

/** Sets the flag of a string that was changed in place. @requires the first word is announced */
function markRaw(arena: Arena, e: Ptr): void {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  i32[w] = i32[w]! | (F_RAW << 8);
}

/**
 * Makes the found string `e` mutable (no integer any more) and at least `newLength` bytes long; new bytes are zero.
 * Never shortens. Returns the entry, which may have moved. @requires invariant (2). Throws ArenaFullError.
 */
export function growString(ctx: ValueContext, e: Ptr, newLength: number): Ptr {
  const arena = ctx.arena;
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const length = stringLength(arena, e);
  if (newLength < length) newLength = length;
  if ((head & 0xff) === HEAD_BLOB) {
    if (newLength === length) return e;
    const vw = w + valueWordOffset(head);
    arena.touch(e, (vw - w) << 2, 8);
    i32[vw] = blobResize(arena, i32[vw]! as Ptr, length, newLength);
    i32[vw + 1] = newLength;
    return e;
  }
  if (!embeds(keyLength(arena, e), newLength)) return toBlob(ctx, e, length, newLength);
  if ((head & 0xff) === HEAD_EMBED) {
    if (newLength === length) {
      arena.touch(e, 0, 4);
      markRaw(arena, e);
      return e;
    }
    const bytes = (valueWordOffset(head) << 2) + embedBytes(newLength);
    if (length > SHORT_VALUE_MAX === newLength > SHORT_VALUE_MAX && bytes <= cellBytes(arena, e)) {
      arena.touch(e, 0, bytes);
      const at = embedStart(arena, e, newLength);
      bytesOf(arena, e).fill(0, at + length, at + newLength);
      markRaw(arena, e);
      return e;
    }
  }
  return regrow(ctx, e, length, newLength);
}

/** A new cell for the entry, its value embedded with room for `newLength` bytes. */
function regrow(ctx: ValueContext, e: Ptr, length: number, newLength: number): Ptr {
  const arena = ctx.arena;
  const from = wordsOf(arena, e);
  const fw = wordIndex(e);
  const words = valueWordOffset(from[fw]!);
  const next = alloc(arena, (words << 2) + embedBytes(newLength));
  const segment = segmentOf(next);
  const to = arena.i32[segment]!;
  const tw = wordIndex(next);
  for (let i = 0; i < words; i++) to[tw + i] = from[fw + i]!;
  to[tw] = (to[tw]! & ~0xff) | HEAD_EMBED | (F_RAW << 8);
  const at = embedStart(arena, next, newLength);
  const u8 = arena.u8[segment]!;
  readString(arena, e, 0, u8, at, length);
  u8.fill(0, at + length, at + newLength);
  ctx.keyspace.replace(e, next);
  return next;
}

/** Moves the value of an entry into a blob of `newLength` bytes. */
function toBlob(ctx: ValueContext, e: Ptr, length: number, newLength: number): Ptr {
  const arena = ctx.arena;
  const held = new Uint8Array(length);
  readString(arena, e, 0, held, 0, length);
  const dir = blobCreate(arena, newLength);
  let next: Ptr;
  try {
    blobWrite(arena, dir, newLength, 0, held, 0, length);
    next = ctx.keyspace.resizeValue(e, 8);
  } catch (error) {
    blobFree(arena, dir, newLength);
    throw error;
  }
  const i32 = wordsOf(arena, next);
  const w = wordIndex(next);
  i32[w] = (i32[w]! & ~(0xff | (F_RAW << 8))) | HEAD_BLOB;
  const vw = valueWord(arena, next);
  i32[vw] = dir;
  i32[vw + 1] = newLength;
  return next;
}
