/** The key of an entry as bytes: hashing it, comparing it, copying it out. */

import type { KeyHasher } from '../../shared/hash.js';
import type { Arena } from '../../shared/memory/arena.js';
import { segmentOf, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { Reply } from '../../shared/resp/reply.js';
import { blobEquals, blobRead } from '../structures/blob.js';
import { F_BIG_KEY, F_EXPIRE, keyLength, keyWord } from './entry.js';

/** Hashes the key of an entry into `hasher`. @requires lease */
export function hashOfEntryKey(arena: Arena, hasher: KeyHasher, e: Ptr): void {
  const segment = segmentOf(e);
  const head = arena.i32[segment]![wordIndex(e)]!;
  if ((head & (F_BIG_KEY << 8)) !== 0) {
    const bytes = entryKeyBytes(arena, e);
    hasher.hash(bytes, new DataView(bytes.buffer), 0, bytes.length);
    return;
  }
  hasher.hash(arena.u8[segment]!, arena.dv[segment]!, keyWord(arena, e) * 4, head >>> 16);
}

/** A copy of the key's bytes. Cold: allocates. @requires lease */
export function entryKeyBytes(arena: Arena, e: Ptr): Uint8Array {
  const out = new Uint8Array(keyLength(arena, e));
  copyEntryKey(arena, e, out, 0);
  return out;
}

/** Copies the key's bytes to `dst`. @requires lease, room for keyLength bytes */
export function copyEntryKey(arena: Arena, e: Ptr, dst: Uint8Array, dstOff: number): void {
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const head = i32[wordIndex(e)]!;
  const kw = keyWord(arena, e);
  if ((head & (F_BIG_KEY << 8)) !== 0) blobRead(arena, i32[kw + 1]! as Ptr, 0, dst, dstOff, i32[kw]!);
  else copyBytes(dst, dstOff, arena.u8[segment]!, kw * 4, head >>> 16);
}

/** Writes the key as a bulk string. @requires lease */
export function replyEntryKey(arena: Arena, e: Ptr, reply: Reply): void {
  const length = keyLength(arena, e);
  const at = reply.bulkBegin(length);
  copyEntryKey(arena, e, reply.u8, at);
  reply.bulkEnd();
}

/**
 * Whether the entry's key is the `len` bytes at `off`. hot: every lookup; bench/micro "dictionary find".
 * @requires lease; `dv` views the bytes that `u8` views
 */
export function entryKeyEquals(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const kw = w + 2 + (((head >>> 8) & F_EXPIRE) << 1);
  if ((head & (F_BIG_KEY << 8)) !== 0) {
    return i32[kw] === len && blobEquals(arena, i32[kw + 1]! as Ptr, u8, off, len);
  }
  if (head >>> 16 !== len) return false;
  const words = len >> 2;
  for (let i = 0; i < words; i++) {
    if (i32[kw + i] !== dv.getInt32(off + (i << 2), true)) return false;
  }
  const rest = len & 3;
  if (rest === 0) return true;
  const at = off + (words << 2);
  let tail = u8[at]!;
  if (rest > 1) tail |= u8[at + 1]! << 8;
  if (rest > 2) tail |= u8[at + 2]! << 16;
  return i32[kw + words] === tail;
}
