/**
 * Entries under another key or in another shard: COPY makes a second entry, RENAME re-creates the cell with the new
 * key. Within one arena RENAME moves the value, across arenas it is copied; the type's descriptor copies the value.
 *
 * Invariants: (1) the leases of both arenas are held; (2) the entry that comes back is in no dictionary yet and has the
 * type, encoding, expiry and value of `e`; (3) the new entry keeps to ENTRY_BYTES_MAX although its key may be longer:
 * if a string value in the entry has no room beside the key, the value moves into a blob.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { wordAt } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import {
  ENTRY_BYTES_MAX,
  entryExpireAtMs,
  entryFlags,
  F_BIG_KEY,
  F_EXPIRE,
  HEAD_BYTES,
  KEY_INLINE_MAX,
  setFlags,
} from '../entry/entry.js';
import type { InEntry } from '../services/value-type.js';
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
  const type = to.types.of(from, e);
  const { inEntry } = type;
  if (inEntry !== null && outgrows(inEntry, from, e, len)) {
    return outsideEntry(type.type, inEntry, from, e, to, u8, dv, off, len, clock);
  }
  const copy = emptyCopy(from, e, to, u8, dv, off, len, clock);
  try {
    type.copy(from, e, to.arena, copy);
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
  const { arena, types } = to;
  const { type, inEntry } = types.of(arena, e);
  if (inEntry !== null && outgrows(inEntry, arena, e, len)) {
    return outsideEntry(type, inEntry, arena, e, to, u8, dv, off, len, clock);
  }
  const next = emptyCopy(arena, e, to, u8, dv, off, len, clock);
  types.copyRegion(arena, e, arena, next);
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
  const typeEncoding = wordAt(from, e, 0) & 0xff;
  const atMs = entryExpireAtMs(from, e);
  const copy = to.createEntry(u8, dv, off, len, typeEncoding, to.types.regionBytes(from, e), atMs, clock);
  keepFlags(from, e, to.arena, copy);
  return copy;
}

/** Gives a copy the flags of `e` that do not belong to its key and its expiry. */
function keepFlags(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const kept = entryFlags(from, e) & ~(F_EXPIRE | F_BIG_KEY);
  if (kept !== 0) setFlags(to, copy, entryFlags(to, copy) | kept);
}

/** Whether a value that lies in its entry has no room beside the new key. */
function outgrows(inEntry: InEntry, from: Arena, e: Ptr, keyLen: number): boolean {
  const keyBytes = keyLen > KEY_INLINE_MAX ? 8 : (keyLen + 3) & ~3;
  return HEAD_BYTES + 8 + keyBytes + inEntry.bytes(from, e) > ENTRY_BYTES_MAX;
}

/** An entry with the value of `e` outside of it. */
function outsideEntry(
  type: number,
  inEntry: InEntry,
  from: Arena,
  e: Ptr,
  to: Keyspace,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  clock: number,
): Ptr {
  const head = type | (inEntry.outsideEncoding << 4);
  const atMs = entryExpireAtMs(from, e);
  const copy = to.createEntry(u8, dv, off, len, head, inEntry.outsideBytes, atMs, clock);
  try {
    inEntry.copyOutside(from, e, to.arena, copy);
  } catch (error) {
    freeEntryCell(to.arena, copy);
    throw error;
  }
  keepFlags(from, e, to.arena, copy);
  return copy;
}
