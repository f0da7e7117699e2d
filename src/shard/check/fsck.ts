/**
 * fsck: walks a shard from its roots and proves that its memory is consistent: every allocated cell is reached exactly
 * once, every count and byte total agrees, every index matches its table. Cold: allocates as much as it likes.
 *
 * It never follows a pointer that is not at an allocated cell, nor to the same cell twice, so it comes to an end in any
 * memory; what cannot be walked is a finding, not an exception.
 */

import {
  type Arena,
  CHECKING,
  CTL_DB_ROOTS,
  CTL_FREE_PAGES,
  CTL_NEXT_PAGE,
  CTL_PARTIAL,
  CTL_WATCHED,
} from '../../shared/memory/arena.js';
import { bytesOf, doublesOf, ptrOf, segmentOf, unitIndex, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { type Ptr, SLAB_PAGE_BYTES } from '../../shared/memory/ptr.js';
import { CLASS_CELLS, CLASS_UNITS } from '../../shared/memory/size-classes.js';
import { cellBytes, slabPages } from '../../shared/memory/slab.js';
import type { UnannouncedStore } from '../../shared/memory/store-check.js';
import { visitWaiters } from '../blocking/waiters.js';
import { entryExpireAtMs, entryFlags, F_BIG_KEY, F_FIELDS, keyWord, valueWordOffset } from '../entry/entry.js';
import { hashOfEntryKey } from '../entry/entry-key.js';
import type { TypeTable } from '../entry/type-table.js';
import type { Dictionary } from '../keyspace/dictionary.js';
import { garbageList } from '../keyspace/flush.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import { walkDirectory, walkTables } from '../keyspace/walk.js';
import { BLOCK_BYTES, blobBlock, blockCount } from '../structures/blob.js';
import { visitTableValue } from '../structures/element-table.js';
import {
  DEPTH_MAX,
  directoryCells,
  directoryEntry,
  R_COUNT,
  R_DEPTH,
  R_DIR,
  R_FIELDS,
  R_TABLES,
  R_VOLATILE,
} from '../structures/extendible.js';
import { visitGarbageValues } from '../structures/garbage.js';
import { visitPins } from '../structures/pinned-blob.js';
import {
  BUCKET_PTRS,
  BUCKETS,
  bucketWord,
  FIELDS_ONE,
  homeBucket,
  SLOTS_PER_BUCKET,
  T_COUNT,
  T_DEPTH,
  T_MIN_EXPIRE,
  T_PREFIX,
  T_STASHED,
  T_VOLATILE,
  TABLE_ENTRIES_MAX,
  tableEntries,
} from '../structures/table.js';

/** Findings kept; more say nothing new. */
const FINDINGS_MAX = 20;
const STASH_FIRST = BUCKETS;
const ALL_BUCKETS = BUCKETS + 3;
const STASHED_SATURATED = 15;
const UNITS_PER_PAGE = 1 << 15;

/** Ends the walk of a value: a finding says why. */
const UNREACHABLE = new Error('a cell that cannot be reached');

class Check {
  readonly arena: Arena;
  readonly types: TypeTable;
  readonly findings: string[] = [];
  /** Cells reached, by pointer. */
  private readonly reached = new Set<number>();
  private readonly pages = new Map<
    number,
    { cls: number; used: number; carved: number; free: Set<number>; seen: number }
  >();
  private bytes = 0;

  constructor(arena: Arena, types: TypeTable) {
    this.arena = arena;
    this.types = types;
    for (const { page, cls, used, carved, freeUnits } of slabPages(arena)) {
      const free = new Set(freeUnits);
      this.pages.set(page, { cls, used, carved, free, seen: 0 });
      if (free.size !== freeUnits.length) this.say(`page ${page}: a cell is twice on its free list`);
      if (used + free.size !== carved)
        this.say(`page ${page}: used ${used} + free ${free.size} is not carved ${carved}`);
      if (carved > CLASS_CELLS[cls]!) this.say(`page ${page}: carved ${carved} cells of class ${cls}`);
    }
  }

  say(finding: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(finding);
  }

  /** Marks a cell as reached; false when it is none, so that no caller follows it. */
  reach(ptr: number, what: string): boolean {
    const index = (segmentOf(ptr) << 8) | (unitIndex(ptr) >>> 15);
    const page = this.pages.get(index);
    if (page === undefined) {
      this.say(`${what} at ${ptr} lies in no slab page`);
      return false;
    }
    const unit = ptr & (UNITS_PER_PAGE - 1);
    const units = CLASS_UNITS[page.cls]!;
    if (unit % units !== 0 || unit / units >= page.carved) {
      this.say(`${what} at ${ptr} is at no cell of class ${page.cls}`);
      return false;
    }
    if (page.free.has(unit)) {
      this.say(`${what} at ${ptr} is on the free list`);
      return false;
    }
    if (this.reached.has(ptr)) {
      this.say(`${what} at ${ptr} is reached twice`);
      return false;
    }
    this.reached.add(ptr);
    page.seen++;
    this.bytes += units * 8;
    return true;
  }

  /** As `reach`, for a walk that would follow the pointer: that walk ends at a cell that cannot be reached. */
  readonly visit = (ptr: number, what: string): void => {
    if (!this.reach(ptr, what)) throw UNREACHABLE;
  };

  /** Marks the cells of an entry, key and value included. */
  entry(e: Ptr): boolean {
    const { arena, types } = this;
    if (!this.reach(e, 'entry')) return false;
    const i32 = wordsOf(arena, e);
    const head = i32[wordIndex(e)]!;
    const start = valueWordOffset(head) * 4;
    if (!types.has(head) || start > cellBytes(arena, e)) {
      this.say(`entry at ${e}: head ${(head >>> 0).toString(16)}`);
      return false;
    }
    if ((head & (F_BIG_KEY << 8)) !== 0) {
      const kw = keyWord(arena, e);
      if (!this.keyBlob(i32[kw + 1]! as Ptr, i32[kw]!)) return false;
    } else if (!zeroPadded(arena, e, head >>> 16)) this.say(`entry at ${e}: padding of its key`);
    this.attempt(`value of the entry at ${e}`, () => {
      const end = start + types.regionBytes(arena, e);
      if (end > cellBytes(arena, e)) this.say(`entry at ${e} has ${end} bytes in a cell of ${cellBytes(arena, e)}`);
      else {
        const { check, visit } = types.of(arena, e);
        visit(arena, e, this.visit);
        if (check !== null) for (const error of check(arena, e)) this.say(`entry at ${e}: ${error}`);
      }
    });
    return true;
  }

  /** False when the key cannot be read. */
  private keyBlob(dir: Ptr, length: number): boolean {
    if (!this.reach(dir, 'directory of a key')) return false;
    if (length < 0 || blockCount(length) * 4 > cellBytes(this.arena, dir)) {
      this.say(`directory of a key at ${dir}: length ${length}`);
      return false;
    }
    let whole = true;
    for (let i = 0; i < blockCount(length); i++) {
      const block = blobBlock(this.arena, dir, i);
      if (block === 0) continue;
      if (!this.reach(block, 'block of a key')) whole = false;
      else if (cellBytes(this.arena, block) < Math.min(BLOCK_BYTES, length - i * BLOCK_BYTES)) {
        this.say(`block of a key at ${block} is too short`);
        whole = false;
      }
    }
    return whole;
  }

  /** Runs a part of the walk; an exception in it is a finding. */
  attempt(what: string, part: () => void): void {
    try {
      part();
    } catch (error) {
      if (error !== UNREACHABLE) this.say(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** After everything was walked: what was never reached, and the totals. */
  finish(): void {
    const { arena } = this;
    for (const [index, page] of this.pages) {
      if (page.seen !== page.used)
        this.say(`page ${index} (class ${page.cls}): used ${page.used}, reached ${page.seen}`);
    }
    if (this.bytes !== arena.usedBytes) this.say(`used bytes ${arena.usedBytes}, reached ${this.bytes}`);
    this.attempt('lists of pages', () => this.lists());
    if (CHECKING) {
      arena.settleTouched();
      for (const finding of storesWithoutTouch(arena)) this.say(finding);
    }
  }

  /** Every page with room is on the list of its class, and no other; free pages have no class. */
  private lists(): void {
    const { arena } = this;
    const word = (page: number, k: number): number => arena.i32[page >>> 8]![((page & 255) << 3) + k]!;
    const listed = new Set<number>();
    for (let cls = 0; cls < CLASS_UNITS.length; cls++) {
      for (let page = arena.ctl[CTL_PARTIAL + cls]!; page !== 0 && !listed.has(page); page = word(page, 5)) {
        listed.add(page);
        if (this.pages.get(page)?.cls !== cls) this.say(`page ${page} is on the list of class ${cls}`);
      }
    }
    for (const [index, page] of this.pages) {
      const room = page.used < CLASS_CELLS[page.cls]!;
      if (room !== listed.has(index)) this.say(`page ${index}: room ${room}, listed ${listed.has(index)}`);
    }
    const free = new Set<number>();
    for (let page = arena.ctl[CTL_FREE_PAGES]!; page !== 0 && !free.has(page); page = word(page, 5)) {
      free.add(page);
      if (this.pages.has(page)) this.say(`free page ${page} has a class`);
    }
    const next = arena.ctl[CTL_NEXT_PAGE]!;
    for (let page = 1; page < next; page++) {
      if ((page & 255) !== 0 && !this.pages.has(page) && !free.has(page)) this.say(`page ${page} is lost`);
    }
    for (const page of this.pages.keys()) if (page >= next) this.say(`page ${page} was never handed out`);
  }
}

/** Checking mode: where stores were made that nobody had announced. @requires the lease, everything settled */
export function storesWithoutTouch(arena: Arena): string[] {
  return arena.unannouncedStores().map((store) => whereOf(arena, store));
}

/** Names the cell in which an unannounced store was found. */
function whereOf(arena: Arena, { segment, byteOffset, isExact }: UnannouncedStore): string {
  if (!isExact) return `a store without touch somewhere in the page at byte ${byteOffset} of segment ${segment}`;
  const slabPage = Math.floor(byteOffset / SLAB_PAGE_BYTES);
  const cls = slabPages(arena).find(({ page }) => page === ((segment << 8) | slabPage))?.cls;
  if (cls === undefined) return `a store without touch at byte ${byteOffset} of segment ${segment}, in no slab page`;
  const bytes = CLASS_UNITS[cls]! * 8;
  const offset = (byteOffset % SLAB_PAGE_BYTES) % bytes;
  const ptr = ptrOf(segment, byteOffset - offset);
  return `a store without touch at byte ${offset} of the cell at ${ptr} (${bytes} bytes)`;
}

/** Whether the bytes between the key and the value are zero. */
function zeroPadded(arena: Arena, e: Ptr, length: number): boolean {
  const u8 = bytesOf(arena, e);
  const start = keyWord(arena, e) * 4;
  for (let i = length; (i & 3) !== 0; i++) if (u8[start + i] !== 0) return false;
  return true;
}

/** Checks a shard. Returns what is wrong, nothing when it is clean. @requires the shard's lease */
export function fsckShard(arena: Arena, keyspaces: readonly Keyspace[]): string[] {
  const { types } = keyspaces[0]!;
  const check = new Check(arena, types);
  check.reach(arena.ctl[CTL_DB_ROOTS]!, 'database roots');
  for (const { db, dict } of keyspaces) check.attempt(`db ${db}`, () => checkDictionary(check, dict, `db ${db}`));
  check.attempt('garbage', () => checkGarbage(check));
  const watched = arena.ctl[CTL_WATCHED]! as Ptr;
  if (watched !== 0) {
    check.attempt('watched keys', () => visitTableValue(arena, watched, check.visit));
  }
  check.attempt('blocked clients', () => visitWaiters(arena, check.visit));
  check.attempt('pinned values', () => visitPins(arena, check.visit));
  check.attempt('garbage values', () => visitGarbageValues(arena, types.garbage, check.visit));
  check.finish();
  return check.findings;
}

/** Marks the cells that FLUSHALL has detached and that are not freed yet. */
function checkGarbage(check: Check): void {
  const { arena } = check;
  const entries = new Int32Array(TABLE_ENTRIES_MAX);
  for (const { cell, dir, depth, position } of garbageList(arena)) {
    if (!check.reach(cell, 'garbage')) return;
    if (!checkDirectory(check, dir, depth, 'garbage')) return;
    for (const table of walkDirectory({ arena }, dir, depth, position)) {
      if (!check.reach(table, 'garbage table')) return;
      const n = tableEntries(arena, table, entries);
      for (let i = 0; i < n; i++) check.entry(entries[i]! as Ptr);
    }
  }
}

/** Marks the cells of a directory. False when it cannot be walked. */
function checkDirectory(check: Check, dir: Ptr, depth: number, name: string): boolean {
  if (!check.reach(dir, `${name} directory`)) return false;
  if (!(depth >= 0 && depth <= DEPTH_MAX)) {
    check.say(`${name}: directory of depth ${depth}`);
    return false;
  }
  let whole = true;
  for (const leaf of directoryCells(check.arena, dir, depth).slice(1)) {
    if (!check.reach(leaf, `${name} directory`)) whole = false;
  }
  return whole;
}

function checkDictionary(check: Check, dict: Dictionary, name: string): void {
  const { arena, root } = dict;
  const dir = arena.ctl[root + R_DIR]! as Ptr;
  if (dir === 0) {
    if (dict.count !== 0) check.say(`${name}: ${dict.count} keys and no directory`);
    return;
  }
  const depth = arena.ctl[root + R_DEPTH]!;
  if (!checkDirectory(check, dir, depth, name)) return;
  let tables = 0;
  let count = 0;
  let volatileKeys = 0;
  let volatileHashes = 0;
  let position = 0;
  for (const table of walkTables(dict)) {
    if (!check.reach(table, `${name} table`)) return;
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    const tableDepth = i32[tw + T_DEPTH]!;
    if (tableDepth < 0 || tableDepth > depth) {
      check.say(`${name}: table ${table} of depth ${tableDepth} in a directory of depth ${depth}`);
      return;
    }
    const span = 2 ** (depth - tableDepth);
    for (let k = 0; k < span; k++) {
      if (directoryEntry(arena, dir, depth, position + k) !== table)
        check.say(`${name}: directory position ${position + k}`);
    }
    const prefix = depth === 0 ? 0 : (position * 2 ** (32 - depth)) | 0;
    if (i32[tw + T_PREFIX] !== prefix) check.say(`${name}: prefix of the table at position ${position}`);
    position += span;
    tables++;
    count += i32[tw + T_COUNT]!;
    volatileKeys += i32[tw + T_VOLATILE]! & (FIELDS_ONE - 1);
    volatileHashes += i32[tw + T_VOLATILE]! >>> 16;
    checkTable(check, dict, table, `${name} table ${table}`);
  }
  if (tables !== arena.ctl[root + R_TABLES])
    check.say(`${name}: ${tables} tables, ${arena.ctl[root + R_TABLES]} counted`);
  if (count !== arena.ctl[root + R_COUNT]) check.say(`${name}: ${count} keys, ${arena.ctl[root + R_COUNT]} counted`);
  if (volatileHashes !== arena.ctl[root + R_FIELDS])
    check.say(`${name}: ${volatileHashes} hashes with times miscounted`);
  if (volatileKeys !== arena.ctl[root + R_VOLATILE]) check.say(`${name}: ${volatileKeys} expiring keys miscounted`);
}

function checkTable(check: Check, dict: Dictionary, table: Ptr, name: string): void {
  const { arena, hasher } = dict;
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  const depth = i32[tw + T_DEPTH]!;
  const minExpire = doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1]!;
  const neighbours = new Int32Array(BUCKETS);
  const stashed = new Int32Array(BUCKETS);
  let count = 0;
  let volatileKeys = 0;
  let inStash = 0;
  for (let b = 0; b < ALL_BUCKETS; b++) {
    const bw = bucketWord(tw, b);
    const head = i32[bw]!;
    for (let slot = 0; slot < SLOTS_PER_BUCKET; slot++) {
      const e = i32[bw + BUCKET_PTRS + slot]! as Ptr;
      const fp = (i32[bw + 1 + (slot >> 2)]! >>> ((slot & 3) << 3)) & 255;
      if (((head >>> slot) & 1) === 0) {
        if (e !== 0 || fp !== 0) check.say(`${name}: free slot ${b}/${slot} is not clear`);
        continue;
      }
      count++;
      if (!check.entry(e)) continue;
      const at = entryExpireAtMs(arena, e);
      if (at >= 0) {
        volatileKeys++;
        if (at < minExpire) check.say(`${name}: an entry expires before the table's bound`);
      }
      const next = check.types.nextExpiryAtMs(arena, e);
      const timed = (entryFlags(arena, e) & F_FIELDS) !== 0;
      if (timed !== (next !== Number.POSITIVE_INFINITY)) check.say(`${name}: a value with times is flagged wrongly`);
      if (next < minExpire) check.say(`${name}: an element expires before the table's bound`);
      if (timed) volatileKeys += FIELDS_ONE;
      hashOfEntryKey(arena, hasher, e);
      const home = homeBucket(hasher.h2);
      if (depth > 0 && ((hasher.h1 ^ i32[tw + T_PREFIX]!) & ~(0xffffffff >>> depth)) !== 0)
        check.say(`${name}: foreign key`);
      if ((hasher.h2 & 255) !== fp) check.say(`${name}: fingerprint in ${b}/${slot}`);
      const displaced = ((head >>> (slot + 12)) & 1) !== 0;
      if (b >= STASH_FIRST) {
        inStash++;
        stashed[home]!++;
      } else if (displaced) {
        neighbours[home]!++;
        if ((home + 1) % BUCKETS !== b) check.say(`${name}: displaced entry in ${b}/${slot}`);
      } else if (home !== b) check.say(`${name}: entry of bucket ${home} in ${b}/${slot}`);
    }
  }
  for (let b = 0; b < BUCKETS; b++) {
    const head = i32[bucketWord(tw, b)]!;
    if (((head >>> 24) & 15) !== neighbours[b]) check.say(`${name}: neighbours of bucket ${b}`);
    const noted = head >>> 28;
    if (noted !== STASHED_SATURATED && noted !== stashed[b]) check.say(`${name}: stashed of bucket ${b}`);
  }
  if (count !== i32[tw + T_COUNT]) check.say(`${name}: ${count} entries, ${i32[tw + T_COUNT]} counted`);
  if (volatileKeys !== i32[tw + T_VOLATILE]) check.say(`${name}: ${volatileKeys} expiring entries miscounted`);
  if (inStash !== i32[tw + T_STASHED]) check.say(`${name}: ${inStash} stashed, ${i32[tw + T_STASHED]} counted`);
}

/** Figures of a shard for a reply: segments, bytes, slab pages, keys, tables. @requires the shard's lease */
export function shardFigures(arena: Arena, keyspaces: readonly Keyspace[]): string {
  let keys = 0;
  let tables = 0;
  for (const { dict } of keyspaces) {
    keys += dict.count;
    tables += dict.tables;
  }
  const pages = slabPages(arena).length;
  return `segments=${arena.segments} used=${arena.usedBytes} pages=${pages} keys=${keys} tables=${tables}`;
}
