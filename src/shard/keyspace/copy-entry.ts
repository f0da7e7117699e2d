/**
 * Entries under another key or in another shard: COPY makes a second entry, RENAME re-creates the cell with the new
 * key. Within one arena RENAME moves the value, across arenas it is copied; what is specific to a type is `copyValue`.
 *
 * Invariants: (1) the leases of both arenas are held; (2) the entry that comes back is in no dictionary yet and has
 * the type, encoding, expiry and value of `e`; (3) it keeps to ENTRY_BYTES_MAX although its key may be longer: an
 * embedded string that has no room beside the key becomes a blob.
 */
import type { Arena } from '../../shared/memory/arena.js';
import { type Ptr, SEGMENT_SHIFT, UNIT_MASK } from '../../shared/memory/ptr.js';
import {
  ENC_BLOB,
  ENC_EMBED,
  ENTRY_BYTES_MAX,
  entryExpireAtMs,
  entryFlags,
  F_BIG_KEY,
  F_EXPIRE,
  HEAD_BYTES,
  KEY_INLINE_MAX,
  setFlags,
  TYPE_STRING,
  valueWord,
} from '../entry/entry.js';
import { blobFrom } from '../structures/blob.js';
import { copyValue, copyValueRegion, valueBytes } from '../types/value.js';
import { freeEntryCell, type Keyspace } from './keyspace.js';

/**
 * A copy of entry `e` for the key of `len` bytes at `off`, in the arena of `to`. `clock`: its access clock.
 * Throws ArenaFullError, and nothing is left behind then.
 */
export function copyEntry(
  from: Arena,
  e: Ptr,
  to: Keyspace,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  clock: number,
): Ptr {
  if (outgrows(from, e, len)) return blobEntry(from, e, to, u8, dv, off, len, clock);
  const copy = emptyCopy(from, e, to, u8, dv, off, len, clock);
  try {
    copyValue(from, e, to.arena, copy);
  } catch (error) {
    freeEntryCell(to.arena, copy);
    throw error;
  }
  return copy;
}

/**
 * As `copyEntry` within one arena, but the value moves: afterwards `e` must be unlinked and its cell freed
 * (`Keyspace.unlink`, `freeCell`). @requires `e` lies in the arena of `to`
 */
export function renamedEntry(
  e: Ptr,
  to: Keyspace,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  clock: number,
): Ptr {
  const arena = to.arena;
  if (outgrows(arena, e, len)) return blobEntry(arena, e, to, u8, dv, off, len, clock);
  const next = emptyCopy(arena, e, to, u8, dv, off, len, clock);
  copyValueRegion(arena, e, arena, next);
  return next;
}

/** The entry but for its value. */
function emptyCopy(
  from: Arena,
  e: Ptr,
  to: Keyspace,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  clock: number,
): Ptr {
  const typeEncoding = from.i32[e >>> SEGMENT_SHIFT]![(e & UNIT_MASK) << 1]! & 0xff;
  const atMs = entryExpireAtMs(from, e);
  const copy = to.createEntry(u8, dv, off, len, typeEncoding, valueBytes(from, e), atMs, clock);
  const kept = entryFlags(from, e) & ~(F_EXPIRE | F_BIG_KEY);
  if (kept !== 0) setFlags(to.arena, copy, entryFlags(to.arena, copy) | kept);
  return copy;
}

/** Whether an embedded string has no room beside the new key. */
function outgrows(from: Arena, e: Ptr, keyLen: number): boolean {
  const typeEncoding = from.i32[e >>> SEGMENT_SHIFT]![(e & UNIT_MASK) << 1]! & 0xff;
  if (typeEncoding !== (TYPE_STRING | (ENC_EMBED << 4))) return false;
  const keyBytes = keyLen > KEY_INLINE_MAX ? 8 : (keyLen + 3) & ~3;
  return HEAD_BYTES + 8 + keyBytes + valueBytes(from, e) > ENTRY_BYTES_MAX;
}

/** An entry with the embedded string of `e` as a blob. */
function blobEntry(
  from: Arena,
  e: Ptr,
  to: Keyspace,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  clock: number,
): Ptr {
  const i32 = from.i32[e >>> SEGMENT_SHIFT]!;
  const short = i32[((e & UNIT_MASK) << 1) + 1]! & 255;
  let source = valueWord(from, e);
  const length = short < 255 ? short : i32[source++]!;
  const arena = to.arena;
  const dir = blobFrom(arena, from.u8[e >>> SEGMENT_SHIFT]!, source * 4, length);
  const copy = to.createEntry(u8, dv, off, len, TYPE_STRING | (ENC_BLOB << 4), 8, entryExpireAtMs(from, e), clock);
  const kept = entryFlags(from, e) & ~(F_EXPIRE | F_BIG_KEY);
  if (kept !== 0) setFlags(arena, copy, entryFlags(arena, copy) | kept);
  const target = valueWord(arena, copy);
  arena.i32[copy >>> SEGMENT_SHIFT]![target] = dir;
  arena.i32[copy >>> SEGMENT_SHIFT]![target + 1] = length;
  return copy;
}
