/**
 * The elements of one big set, hash or sorted set: extendible hashing (extendible.ts) over element cells.
 *
 *     root cell, 16 words:  directory | depth | count | - | tables | - - - | 8 words for the type | next | position
 *
 * The words `next` and `position` are used while the value is garbage (garbage.ts). Views only: `open` points the
 * object at a root.
 *
 * Invariants: as in extendible.ts; the table owns its elements.
 */

import { invariant } from '../../shared/errors/invariant.js';
import { KeyHasher } from '../../shared/hash.js';
import { type Arena, CTL_HASH_KEY } from '../../shared/memory/arena.js';
import { doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { zeroUnits } from '../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes } from '../../shared/memory/slab.js';
import { random, randomBelow } from '../../shared/random.js';
import { elementCellBytes, hashName, nameEquals, visitElement } from './element.js';
import { directoryCells, directoryEntry, Extendible, R_DEPTH, R_DIR, ROOT_WORDS } from './extendible.js';
import {
  BUCKET_PTRS,
  BUCKETS,
  bucketWord,
  homeBucket,
  LINE_WORDS,
  SLOTS_PER_BUCKET,
  T_COUNT,
  T_DEPTH,
  TABLE_ENTRIES_MAX,
  tableEntries,
} from './table.js';
import { collectBucket, FOUND, nextPrefix, PREFIX_END } from './table-walk.js';

/** First word of a root that the type may use, of eight. */
export const ROOT_TYPE_WORD = 6;
/** Words for the garbage list. */
export const ROOT_NEXT = 14;
export const ROOT_POSITION = 15;
const ALL_SLOTS = TABLE_ENTRIES_MAX;
/** Slots that `random` tries in a table before it counts through the elements. */
const DRAWS_MAX = 24;
const NO_WORDS = new Int32Array(ROOT_WORDS);

export class ElementTable extends Extendible {
  arena!: Arena;
  hasher!: KeyHasher;
  words: Int32Array = NO_WORDS;
  root = 0;
  rootPtr: Ptr = NULL;
  /** Where a SCAN goes on after the last `scan`; 0 at its end. */
  nextCursor = 0;
  private k0 = 0;
  private k1 = 0;
  /** Where `random` found its element. */
  private drawnTable: Ptr = NULL;
  private drawnPlace = -1;

  /** Points this view at the root cell of a value. Returns itself. */
  open(arena: Arena, root: Ptr): this {
    this.arena = arena;
    this.rootPtr = root;
    this.words = wordsOf(arena, root);
    this.root = wordIndex(root);
    const k0 = arena.ctl[CTL_HASH_KEY]!;
    const k1 = arena.ctl[CTL_HASH_KEY + 1]!;
    if (this.hasher === undefined || k0 !== this.k0 || k1 !== this.k1) {
      this.hasher = new KeyHasher(k0, k1);
      this.k0 = k0;
      this.k1 = k1;
    }
    return this;
  }

  hashOf(e: Ptr): void {
    hashName(this.arena, this.hasher, e);
  }

  protected volatileBit(_e: Ptr): number {
    return 0;
  }

  /** The element with the name of `len` bytes at `off`, or 0. `dv` views the bytes of `u8`. */
  // hot: every command on a big set, hash or sorted set
  find(u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
    const hasher = this.hasher;
    hasher.hash(u8, dv, off, len);
    this.h1 = hasher.h1;
    const h2 = hasher.h2;
    this.h2 = h2;
    const table = this.tableOf(this.h1);
    this.table = table;
    if (table === 0) return NULL;
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
        if (e !== 0 && nameEquals(this.arena, e, u8, dv, off, len)) {
          this.place = (bw << 4) | slot;
          return e;
        }
      }
    }
    return NULL;
  }

  /**
   * A random element: the table of a random hash, and of its elements each equally likely. Between tables that is as
   * even as the hashes are (a table has its share of the elements, give or take a few in a hundred), and it needs no
   * more cache misses than one for the directory, one for the table and one or two for the element.
   * @requires the value is not empty
   */
  // hot: SPOP, SRANDMEMBER, HRANDFIELD
  random(): Ptr {
    invariant(this.count > 0, 'the value is not empty');
    const arena = this.arena;
    const dir = this.words[this.root + R_DIR]! as Ptr;
    const depth = this.words[this.root + R_DEPTH]!;
    for (;;) {
      const table = directoryEntry(arena, dir, depth, Math.floor(random() * 2 ** depth));
      const i32 = wordsOf(arena, table);
      const tw = wordIndex(table);
      const count = i32[tw + T_COUNT]!;
      if (count === 0) continue;
      this.drawnTable = table;
      for (let tries = DRAWS_MAX; tries > 0; tries--) {
        const el = this.slotAt(i32, tw, randomBelow(ALL_SLOTS));
        if (el !== 0) return el;
      }
      let skip = randomBelow(count);
      for (let place = 0; place < ALL_SLOTS; place++) {
        const el = this.slotAt(i32, tw, place);
        if (el !== 0 && skip-- === 0) return el;
      }
    }
  }

  /** The element in slot `place` of the table at `tw`, 0 for none; notes where it was drawn. */
  private slotAt(i32: Int32Array, tw: number, place: number): Ptr {
    const bucket = Math.floor(place / SLOTS_PER_BUCKET);
    const bw = bucketWord(tw, bucket);
    const slot = place - bucket * SLOTS_PER_BUCKET;
    this.drawnPlace = (bw << 4) | slot;
    return i32[bw + BUCKET_PTRS + slot]! as Ptr;
  }

  /** Points the cursor at the element that the last `random` drew. @requires nothing has changed since */
  locateDrawn(el: Ptr): void {
    this.hashOf(el);
    this.h1 = this.hasher.h1;
    this.h2 = this.hasher.h2;
    this.table = this.drawnTable;
    this.place = this.drawnPlace;
  }

  /**
   * One step of SCAN from `cursor`: the elements are in FOUND (table-walk.ts), their number is returned, and
   * `nextCursor` tells where to go on. An element that is there throughout is met at least once.
   */
  scan(cursor: number): number {
    const bucket = Math.floor(cursor / PREFIX_END);
    const prefix = cursor - bucket * PREFIX_END;
    const table = bucket < BUCKETS ? this.tableOf(prefix | 0) : NULL;
    this.nextCursor = 0;
    if (table === NULL) return 0;
    const n = collectBucket(this, table, bucket, prefix);
    const next = nextPrefix(this.arena, table);
    if (next < PREFIX_END) this.nextCursor = bucket * PREFIX_END + next;
    else if (bucket + 1 < BUCKETS) this.nextCursor = (bucket + 1) * PREFIX_END;
    return n;
  }
}

export { FOUND };

/** A new root cell with no elements. Throws ArenaFullError. */
export function createTableRoot(arena: Arena): Ptr {
  const root = alloc(arena, ROOT_WORDS * 4);
  zeroUnits(doublesOf(arena, root), unitIndex(root), ROOT_WORDS / 2);
  return root;
}

/**
 * Walks all elements of a value, a table at a time. Nothing may be inserted or removed meanwhile; what the loop does
 * with the element just returned is its own affair. Keep one cursor for each value that is walked at the same time.
 */
export class ElementCursor {
  private readonly found = new Int32Array(TABLE_ENTRIES_MAX);
  private arena!: Arena;
  private dir: Ptr = NULL;
  private depth = 0;
  private position = 0;
  private n = 0;
  private i = 0;

  /** Begins at the first element. */
  open(arena: Arena, root: Ptr): this {
    const words = wordsOf(arena, root);
    const w = wordIndex(root);
    this.arena = arena;
    this.dir = words[w + R_DIR]! as Ptr;
    this.depth = words[w + R_DEPTH]!;
    this.position = 0;
    this.n = 0;
    this.i = 0;
    return this;
  }

  /** The next element, 0 behind the last. */
  next(): Ptr {
    while (this.i >= this.n) {
      if (this.dir === 0 || this.position >= 2 ** this.depth) return NULL;
      const arena = this.arena;
      const table = directoryEntry(arena, this.dir, this.depth, this.position);
      const tableDepth = wordAt(arena, table, T_DEPTH);
      this.position += 2 ** (this.depth - tableDepth);
      this.n = tableEntries(arena, table, this.found);
      this.i = 0;
    }
    return this.found[this.i++]! as Ptr;
  }
}

const WALK = new ElementCursor();

/** Bytes of all cells of a table-encoded value, its root included. O(n). */
export function tableCellBytes(arena: Arena, root: Ptr): number {
  let bytes = cellBytes(arena, root);
  visitTables(arena, root, (ptr) => {
    bytes += cellBytes(arena, ptr);
  });
  WALK.open(arena, root);
  for (let el = WALK.next(); el !== 0; el = WALK.next()) bytes += elementCellBytes(arena, el);
  return bytes;
}

/** Adds an element whose name is known not to be in the table. */
export function addElement(table: ElementTable, el: Ptr): void {
  table.hashOf(el);
  table.h1 = table.hasher.h1;
  table.h2 = table.hasher.h2;
  table.table = table.tableOf(table.h1);
  table.insert(el);
}

/** Calls `visit` for the directory cells and tables of a value. */
export function visitTables(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const words = wordsOf(arena, root);
  const w = wordIndex(root);
  const dir = words[w + R_DIR]! as Ptr;
  if (dir === 0) return;
  const depth = words[w + R_DEPTH]!;
  for (const cell of directoryCells(arena, dir, depth)) visit(cell, 'element directory');
  for (let position = words[w + ROOT_POSITION]!; position < 2 ** depth; ) {
    const table = directoryEntry(arena, dir, depth, position);
    visit(table, 'element table');
    position += 2 ** (depth - wordAt(arena, table, T_DEPTH));
  }
}

/** Calls `visit` for every cell of a table-encoded value, its root included; for a piece of garbage what is left. */
export function visitTableValue(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visit(root, 'root of a value');
  const found = new Int32Array(TABLE_ENTRIES_MAX);
  const tables: Ptr[] = [];
  visitTables(arena, root, (ptr, what) => {
    visit(ptr, what);
    if (what === 'element table') tables.push(ptr);
  });
  for (const table of tables) {
    const n = tableEntries(arena, table, found);
    for (let i = 0; i < n; i++) visitElement(arena, found[i]! as Ptr, visit);
  }
}
