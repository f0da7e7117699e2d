/**
 * The keyspace of one database of one shard: a dictionary whose values are entry cells, and the rules that keep entry,
 * table and counters in step. Views only; see dictionary.ts for the cursor that `find` leaves behind.
 *
 * Invariants: (1) lease held for every call; (2) R_VOLATILE and T_VOLATILE count exactly the entries with F_EXPIRE,
 * R_FIELDS and T_VOLATILE exactly the entries with F_FIELDS; (3) an entry cell belongs to one slot; calls that move an
 * entry return its new pointer and the old one is void.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { doublesOf, segmentOf, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { copyWords } from '../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../shared/memory/slab.js';
import {
  entryExpireAtMs,
  entryFlags,
  F_BIG_KEY,
  F_EXPIRE,
  F_FIELDS,
  HEAD_BYTES,
  KEY_INLINE_MAX,
  keyWord,
  setFlags,
  valueWord,
  valueWordOffset,
} from '../entry/entry.js';
import type { TypeTable } from '../entry/type-table.js';
import type { EntryStore } from '../services/entry-store.js';
import { blobCellBytes, blobFree, blobFrom } from '../structures/blob.js';
import { R_FIELDS, R_VOLATILE } from '../structures/extendible.js';
import { FIELDS_ONE, T_MIN_EXPIRE, T_VOLATILE } from '../structures/table.js';
import { Dictionary } from './dictionary.js';

export class Keyspace implements EntryStore {
  readonly arena: Arena;
  readonly dict: Dictionary;
  /** What the types of the values can do. */
  readonly types: TypeTable;
  /** Number of the database. */
  readonly db: number;

  constructor(arena: Arena, rootWord: number, db: number, types: TypeTable) {
    this.arena = arena;
    this.types = types;
    this.db = db;
    this.dict = new Dictionary(arena, rootWord);
  }

  /** The entry of a key, expired or not; 0 when there is none. `dv` views the bytes of `u8`. */
  find(u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
    return this.dict.find(u8, dv, off, len);
  }

  /**
   * A new entry cell, not in the dictionary yet: head, expiry (if `expireAtMs` >= 0) and key are written; the value
   * region of `valueSize` bytes is not. `clock`: the 24-bit access clock.
   */
  createEntry(
    u8: Uint8Array,
    dv: DataView,
    off: number,
    len: number,
    typeEncoding: number,
    valueSize: number,
    expireAtMs: number,
    clock: number,
  ): Ptr {
    const arena = this.arena;
    const expires = expireAtMs >= 0;
    const big = len > KEY_INLINE_MAX;
    const keyBytes = big ? 8 : (len + 3) & ~3;
    const blob = big ? blobFrom(arena, u8, off, len) : NULL;
    const e = alloc(arena, HEAD_BYTES + (expires ? 8 : 0) + keyBytes + valueSize);
    const segment = segmentOf(e);
    const i32 = arena.i32[segment]!;
    let w = wordIndex(e);
    const flags = (expires ? F_EXPIRE : 0) | (big ? F_BIG_KEY : 0);
    i32[w] = typeEncoding | (flags << 8) | (big ? 0xffff0000 : len << 16);
    i32[w + 1] = clock << 8;
    w += 2;
    if (expires) {
      arena.f64[segment]![w >> 1] = expireAtMs;
      w += 2;
    }
    if (big) {
      i32[w] = len;
      i32[w + 1] = blob;
    } else {
      if ((len & 3) !== 0) i32[w + (len >> 2)] = 0;
      copyWords(arena.u8[segment]!, arena.dv[segment]!, w << 2, u8, dv, off, len);
    }
    return e;
  }

  /** Puts a created entry into the dictionary. @requires the last `find` was for its key and returned 0 */
  insert(e: Ptr): void {
    this.dict.insert(e);
    const flags = entryFlags(this.arena, e);
    if ((flags & (F_EXPIRE | F_FIELDS)) === 0) return;
    if ((flags & F_EXPIRE) !== 0) this.countVolatile(entryExpireAtMs(this.arena, e));
    if ((flags & F_FIELDS) !== 0) this.countFields(1, this.types.nextExpiryAtMs(this.arena, e));
  }

  /**
   * Puts the cell `next` (same key) in the place of the found entry `e`, keeping the count of expiring keys right, and
   * frees the cell of `e`, but neither its value nor its key blob: those are the caller's or live on in `next`.
   */
  replace(e: Ptr, next: Ptr): void {
    const arena = this.arena;
    const old = entryFlags(arena, e);
    const flags = entryFlags(arena, next);
    this.dict.replace(next);
    if ((flags & F_EXPIRE) !== 0) {
      const at = entryExpireAtMs(arena, next);
      if ((old & F_EXPIRE) !== 0) this.lowerMinExpire(at);
      else this.countVolatile(at);
    } else if ((old & F_EXPIRE) !== 0) this.uncountVolatile();
    if (((old | flags) & F_FIELDS) !== 0) this.replaceFields(old, flags, next);
    free(arena, e);
  }

  private replaceFields(old: number, flags: number, next: Ptr): void {
    const was = (old & F_FIELDS) !== 0 ? 1 : 0;
    const is = (flags & F_FIELDS) !== 0 ? 1 : 0;
    this.countFields(is - was, is === 1 ? this.types.nextExpiryAtMs(this.arena, next) : Number.POSITIVE_INFINITY);
  }

  /**
   * Notes when the first element of the value in the found entry `e` expires, unix ms; Infinity when none does.
   */
  setFieldExpiry(e: Ptr, nextAtMs: number): void {
    const arena = this.arena;
    const flags = entryFlags(arena, e);
    const was = (flags & F_FIELDS) !== 0;
    const is = nextAtMs !== Number.POSITIVE_INFINITY;
    if (was !== is) setFlags(arena, e, flags ^ F_FIELDS);
    if (was || is) this.countFields((is ? 1 : 0) - (was ? 1 : 0), nextAtMs);
  }

  /** As `replace`, for an entry `next` with a key blob of its own: that of `e` is freed too. Its value is not. */
  replaceAll(e: Ptr, next: Ptr): void {
    const arena = this.arena;
    const i32 = wordsOf(arena, e);
    if ((i32[wordIndex(e)]! & (F_BIG_KEY << 8)) !== 0) {
      const kw = keyWord(arena, e);
      blobFree(arena, i32[kw + 1]! as Ptr, i32[kw]!);
    }
    this.replace(e, next);
  }

  /** Removes the found entry `e` and frees everything that belongs to it. */
  remove(e: Ptr): void {
    this.unlink(e);
    this.freeValue(e);
    this.freeCell(e);
  }

  /** As `remove`; the cursor is afterwards where a `find` of the same key that found nothing leaves it. */
  removeHere(e: Ptr): void {
    this.remove(e);
    this.dict.table = this.dict.tableOf(this.dict.h1);
  }

  /** Frees what the value of an entry of this shard has outside the entry. */
  freeValue(e: Ptr): void {
    this.types.free(this.arena, e);
  }

  /** Takes the found entry `e` out of the dictionary; its cell, key and value are the caller's. */
  unlink(e: Ptr): void {
    const flags = entryFlags(this.arena, e);
    if ((flags & F_EXPIRE) !== 0) this.uncountVolatile();
    if ((flags & F_FIELDS) !== 0) this.countFields(-1, Number.POSITIVE_INFINITY);
    this.dict.remove();
  }

  /** Frees the cell of an unlinked entry and its key blob, not its value. */
  freeCell(e: Ptr): void {
    freeEntryCell(this.arena, e);
  }

  /** Sets (`atMs` >= 0) or clears (-1) the expiry of the found entry `e`. Returns the entry, which may have moved. */
  setExpire(e: Ptr, atMs: number): Ptr {
    const arena = this.arena;
    const segment = segmentOf(e);
    const w = wordIndex(e);
    const head = arena.i32[segment]![w]!;
    const has = (head & (F_EXPIRE << 8)) !== 0;
    if (has && atMs >= 0) {
      arena.touch(e, 8, 8);
      arena.f64[segment]![(w + 2) >> 1] = atMs;
      this.lowerMinExpire(atMs);
      return e;
    }
    if (has === atMs >= 0) return e;
    return this.relayout(e, atMs);
  }

  /** Copies an entry into a cell with or without room for an expiry. */
  private relayout(e: Ptr, atMs: number): Ptr {
    const arena = this.arena;
    const from = wordsOf(arena, e);
    const fw = wordIndex(e);
    const head = from[fw]!;
    const had = (head >>> 8) & F_EXPIRE;
    const keyWords = valueWordOffset(head) - 2 - (had << 1);
    const words = keyWords + ((this.types.regionBytes(arena, e) + 3) >> 2);
    const next = alloc(arena, HEAD_BYTES + (atMs >= 0 ? 8 : 0) + words * 4);
    const to = wordsOf(arena, next);
    let tw = wordIndex(next);
    to[tw] = atMs >= 0 ? head | (F_EXPIRE << 8) : head & ~(F_EXPIRE << 8);
    to[tw + 1] = from[fw + 1]!;
    tw += 2;
    if (atMs >= 0) {
      doublesOf(arena, next)[tw >> 1] = atMs;
      tw += 2;
    }
    const source = fw + 2 + (had << 1);
    for (let i = 0; i < words; i++) to[tw + i] = from[source + i]!;
    this.replace(e, next);
    return next;
  }

  /**
   * Gives the found entry `e` a value region of `valueSize` bytes, keeping head, expiry and key; the value bytes are
   * undefined afterwards (the caller has freed or kept what they pointed to). Returns the entry, which may have moved.
   */
  resizeValue(e: Ptr, valueSize: number): Ptr {
    const arena = this.arena;
    const offset = valueWord(arena, e) - wordIndex(e);
    const bytes = offset * 4 + valueSize;
    const capacity = cellBytes(arena, e);
    if (bytes <= capacity && bytes > capacity - (capacity >> 3) - 16) {
      arena.touch(e, 0, capacity);
      return e;
    }
    const next = alloc(arena, bytes);
    const from = wordsOf(arena, e);
    const to = wordsOf(arena, next);
    const fw = wordIndex(e);
    const tw = wordIndex(next);
    for (let i = 0; i < offset; i++) to[tw + i] = from[fw + i]!;
    this.replace(e, next);
    return next;
  }

  private countVolatile(atMs: number): void {
    const arena = this.arena;
    this.dict.touchRoot();
    arena.ctl[this.dict.root + R_VOLATILE] = arena.ctl[this.dict.root + R_VOLATILE]! + 1;
    const table = this.dict.table;
    const tw = wordIndex(table);
    arena.touch(table, 0, 64);
    const i32 = wordsOf(arena, table);
    i32[tw + T_VOLATILE] = i32[tw + T_VOLATILE]! + 1;
    this.lowerMinExpire(atMs);
  }

  /** Adds `by` to the number of hashes with fields that expire, of which one does at `nextAtMs`. */
  private countFields(by: number, nextAtMs: number): void {
    const arena = this.arena;
    const { table, words, root } = this.dict;
    if (by !== 0) {
      this.dict.touchRoot();
      words[root + R_FIELDS] = words[root + R_FIELDS]! + by;
      arena.touch(table, 0, 64);
      const i32 = wordsOf(arena, table);
      const tw = wordIndex(table);
      const left = i32[tw + T_VOLATILE]! + by * FIELDS_ONE;
      i32[tw + T_VOLATILE] = left;
      if (left === 0) doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1] = Number.POSITIVE_INFINITY;
    }
    this.lowerMinExpire(nextAtMs);
  }

  private lowerMinExpire(atMs: number): void {
    const arena = this.arena;
    const table = this.dict.table;
    const f64 = doublesOf(arena, table);
    const at = (wordIndex(table) + T_MIN_EXPIRE) >> 1;
    if (atMs >= f64[at]!) return;
    arena.touch(table, 0, 64);
    f64[at] = atMs;
  }

  private uncountVolatile(): void {
    const arena = this.arena;
    this.dict.touchRoot();
    arena.ctl[this.dict.root + R_VOLATILE] = arena.ctl[this.dict.root + R_VOLATILE]! - 1;
    const table = this.dict.table;
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    arena.touch(table, 0, 64);
    const left = i32[tw + T_VOLATILE]! - 1;
    i32[tw + T_VOLATILE] = left;
    if (left === 0) doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1] = Number.POSITIVE_INFINITY;
  }
}

/** Bytes of an entry's cell and of its key's blob; not of what its value has outside. @requires lease */
export function entryCellBytes(arena: Arena, e: Ptr): number {
  const bytes = cellBytes(arena, e);
  const i32 = wordsOf(arena, e);
  if ((i32[wordIndex(e)]! & (F_BIG_KEY << 8)) === 0) return bytes;
  const kw = keyWord(arena, e);
  return bytes + blobCellBytes(arena, i32[kw + 1]! as Ptr, i32[kw]!);
}

/** Frees an entry's cell and key blob, not its value. @requires lease, the entry is in no table */
export function freeEntryCell(arena: Arena, e: Ptr): void {
  const i32 = wordsOf(arena, e);
  if ((i32[wordIndex(e)]! & (F_BIG_KEY << 8)) !== 0) {
    const kw = keyWord(arena, e);
    blobFree(arena, i32[kw + 1]! as Ptr, i32[kw]!);
  }
  free(arena, e);
}
