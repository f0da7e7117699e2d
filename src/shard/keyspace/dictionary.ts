/**
 * The dictionary of one database of one shard: extendible hashing (extendible.ts) whose entries are keys.
 *
 * Invariants as there; the root of a database lies in segment 0 (databases.ts).
 */

import { KeyHasher } from '../../shared/hash.js';
import { type Arena, CTL_HASH_KEY } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { F_EXPIRE, F_FIELDS } from '../entry/entry.js';
import { entryKeyEquals, hashOfEntryKey } from '../entry/entry-key.js';
import { Extendible, R_FIELDS, R_TABLES, R_VOLATILE } from '../structures/extendible.js';
import { BUCKET_PTRS, BUCKETS, bucketWord, FIELDS_ONE, homeBucket, LINE_WORDS } from '../structures/table.js';

export class Dictionary extends Extendible {
  readonly arena: Arena;
  readonly hasher: KeyHasher;
  readonly words: Int32Array;
  /** Word index of the root in segment 0. */
  readonly root: number;
  readonly rootPtr: Ptr;

  constructor(arena: Arena, rootWord: number) {
    super();
    this.arena = arena;
    this.words = arena.ctl;
    this.root = rootWord;
    this.rootPtr = (rootWord >> 1) as Ptr;
    this.hasher = new KeyHasher(arena.ctl[CTL_HASH_KEY]!, arena.ctl[CTL_HASH_KEY + 1]!);
  }

  /** Number of keys with an expiry. */
  get volatileCount(): number {
    return this.words[this.root + R_VOLATILE]!;
  }

  /** Number of hashes with fields that expire. */
  get fieldVolatileCount(): number {
    return this.words[this.root + R_FIELDS]!;
  }

  /** Number of tables. */
  get tables(): number {
    return this.words[this.root + R_TABLES]!;
  }

  hashOf(e: Ptr): void {
    hashOfEntryKey(this.arena, this.hasher, e);
  }

  protected volatileBit(e: Ptr): number {
    const flags = wordAt(this.arena, e, 0) >>> 8;
    return (flags & F_EXPIRE) + ((flags & F_FIELDS) !== 0 ? FIELDS_ONE : 0);
  }

  /**
   * The entry with the key of `len` bytes at `off`, or 0. hot: every command; bench/micro "dictionary find".
   * `dv` views the bytes that `u8` views.
   */
  find(u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
    const hasher = this.hasher;
    hasher.hash(u8, dv, off, len);
    this.h1 = hasher.h1;
    this.h2 = hasher.h2;
    return this.findHashed(u8, dv, off, len);
  }

  /** `find` for a key whose hashes stand in `h1` and `h2` already. */
  findHashed(u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
    const table = this.tableOf(this.h1);
    this.table = table;
    if (table === 0) return NULL;
    const h2 = this.h2;
    const i32 = wordsOf(this.arena, table);
    const tw = wordIndex(table);
    const home = homeBucket(h2);
    const pattern = Math.imul(h2 & 255, 0x01010101);
    const bw = tw + LINE_WORDS + (home << 4);
    let e = this.probe(i32, bw, pattern, u8, dv, off, len);
    if (e !== 0) return e;
    const away = i32[bw]! >>> 24;
    if (away === 0) return NULL;
    if ((away & 15) !== 0) {
      e = this.probe(i32, bucketWord(tw, home + 1 === BUCKETS ? 0 : home + 1), pattern, u8, dv, off, len);
      if (e !== 0) return e;
    }
    if (away >>> 4 !== 0) {
      for (let s = BUCKETS; s < BUCKETS + 3; s++) {
        e = this.probe(i32, bucketWord(tw, s), pattern, u8, dv, off, len);
        if (e !== 0) return e;
      }
    }
    return NULL;
  }

  /** Looks through one bucket: fingerprints four at a time (a zero byte in word ^ pattern), then the keys. */
  private probe(
    i32: Int32Array,
    bw: number,
    pattern: number,
    u8: Uint8Array,
    dv: DataView,
    off: number,
    len: number,
  ): Ptr {
    for (let group = 0; group < 3; group++) {
      const x = i32[bw + 1 + group]! ^ pattern;
      let hits = (x - 0x01010101) & ~x & 0x80808080;
      while (hits !== 0) {
        const slot = (group << 2) + ((31 - Math.clz32(hits & -hits)) >> 3);
        hits &= hits - 1;
        const e = i32[bw + BUCKET_PTRS + slot]! as Ptr;
        if (e !== 0 && entryKeyEquals(this.arena, e, u8, dv, off, len)) {
          this.place = (bw << 4) | slot;
          return e;
        }
      }
    }
    return NULL;
  }
}
