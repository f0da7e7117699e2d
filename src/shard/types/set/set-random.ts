/**
 * Members of a set at random: one, each as likely as any other, or several different ones.
 *
 * Several out of n are chosen by selection sampling (Knuth, 3.4.2 S): a walk over all that keeps each with the
 * probability (wanted yet) / (to come yet), which is exact and needs no memory; or, when few of many are wanted, by
 * drawing until there are enough different ones.
 *
 * Invariants: (1) lease held, the set is not empty; (2) `picked` holds until the set changes or the next call here.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf } from '../../../shared/memory/cell.js';
import { CELL_BYTES_MAX, type Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import { random, randomBelow } from '../../../shared/random.js';
import { SET_INTSET, SET_PACKED, SET_TABLE } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { moveRoot, rootOf } from '../../entry/root.js';
import { elementName, freeElement, name } from '../../structures/element.js';
import type { ElementTable } from '../../structures/element-table.js';
import { R_TABLES } from '../../structures/extendible.js';
import {
  LP_EMPTY_BYTES,
  lpCount,
  lpCreate,
  lpDelete,
  lpFirst,
  lpNext,
  lpSeek,
  lpSplice,
} from '../../structures/listpack.js';
import { item, lpBytes, lpSize } from '../../structures/listpack-entry.js';
import { TABLE_ENTRIES_MAX, tableEntries } from '../../structures/table.js';
import { integer, intsetCount, intsetGet, intsetRemoveAt, intsetWithout } from './intset.js';
import { openSetTable } from './set-value.js';

/** A table with fewer elements is listed instead of being drawn from: most draws would meet a free slot. */
const SPARSE_MAX = 48;

const TEXT = new Uint8Array(INT64_CHARS_MAX + 4);
const TEXT_VIEW = new DataView(TEXT.buffer);
const ENTRIES = new Int32Array(TABLE_ENTRIES_MAX);
const RAW = new Uint8Array(CELL_BYTES_MAX);

/** A member that was drawn: `len` bytes at `off` of `u8`, which `dv` views. */
class Picked {
  u8: Uint8Array = TEXT;
  dv: DataView = TEXT_VIEW;
  off = 0;
  len = 0;
  /** Where it is: index of an integer, position in a listpack, or element. */
  at = 0;
  /** The element was drawn from the table's slots, so the table knows its place. */
  drawn = false;
}

export const picked = new Picked();

/** An element, each equally likely. @requires the table is not empty */
export function randomElement(table: ElementTable): Ptr {
  invariant(table.count > 0, 'the table is not empty');
  const count = table.count;
  picked.drawn = count >= SPARSE_MAX || table.words[table.root + R_TABLES] !== 1;
  if (picked.drawn) return table.random();
  tableEntries(table.arena, table.tableOf(0), ENTRIES);
  return ENTRIES[randomBelow(count)]! as Ptr;
}

/** Draws a member into `picked`. */
// hot: SPOP, SRANDMEMBER
export function pickMember(arena: Arena, e: Ptr): void {
  const encoding = entryEncoding(arena, e);
  if (encoding === SET_TABLE) {
    pickElement(arena, randomElement(openSetTable(arena, e)));
    return;
  }
  const root = rootOf(arena, e);
  if (encoding === SET_INTSET) pickInteger(arena, root, Math.floor(random() * intsetCount(arena, root)));
  else pickEntry(arena, root, lpSeek(arena, root, Math.floor(random() * lpCount(arena, root))));
}

function pickInteger(arena: Arena, root: Ptr, index: number): void {
  intsetGet(arena, root, index);
  picked.u8 = TEXT;
  picked.dv = TEXT_VIEW;
  picked.off = 0;
  picked.len = writeInt64(TEXT, 0, integer.hi, integer.lo);
  picked.at = index;
}

/** Fills `picked` with the listpack entry at `p`. */
export function pickEntry(arena: Arena, root: Ptr, p: number): void {
  const segment = segmentOf(root);
  lpBytes(arena.u8[segment]!, arena.dv[segment]!, p);
  picked.u8 = item.u8;
  picked.dv = item.dv;
  picked.off = item.off;
  picked.len = item.len;
  picked.at = p;
}

/** Fills `picked` with an element's name. */
export function pickElement(arena: Arena, el: Ptr): void {
  elementName(arena, el);
  picked.u8 = name.u8;
  picked.dv = name.dv;
  picked.off = name.off;
  picked.len = name.len;
  picked.at = el;
}

/** Removes the member in `picked`. The set may be empty then. */
export function removePicked(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  const encoding = entryEncoding(arena, e);
  if (encoding === SET_TABLE) {
    const table = openSetTable(arena, e);
    const el = picked.at as Ptr;
    if (picked.drawn) table.locateDrawn(el);
    else table.locate(el);
    table.remove();
    freeElement(arena, el);
    return;
  }
  const next = encoding === SET_INTSET ? intsetRemoveAt(arena, root, picked.at) : lpDelete(arena, root, picked.at, 1);
  if (next !== root) moveRoot(arena, e, next);
}

// ---- several members of a set in one cell

/** 1 for each index that the last `chooseIndexes` chose. */
let chosen = new Uint8Array(1024);

/** Chooses `wanted` of the indexes 0 ... n - 1; see `isChosen`. */
export function chooseIndexes(n: number, wanted: number): void {
  if (n > chosen.length) chosen = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const take = random() * (n - i) < wanted;
    chosen[i] = take ? 1 : 0;
    if (take) wanted--;
  }
}

/** Whether the last `chooseIndexes` chose index i. */
export function isChosen(i: number): boolean {
  return chosen[i] !== 0;
}

/**
 * The members at the indexes that were not chosen, in a new cell of the same encoding; the old one stays the entry's.
 * Throws ArenaFullError. @requires the set is in one cell, chooseIndexes for its count
 */
export function keepUnchosen(arena: Arena, e: Ptr): Ptr {
  const root = rootOf(arena, e);
  return entryEncoding(arena, e) === SET_PACKED ? unchosenEntries(arena, root) : intsetWithout(arena, root, chosen);
}

function unchosenEntries(arena: Arena, root: Ptr): Ptr {
  const u8 = bytesOf(arena, root);
  let bytes = 0;
  let entries = 0;
  let i = 0;
  for (let p = lpFirst(arena, root); p !== 0; p = lpNext(u8, p)) {
    if (isChosen(i++)) continue;
    const size = lpSize(u8, p);
    RAW.set(u8.subarray(p, p + size), bytes);
    bytes += size;
    entries++;
  }
  const kept = lpCreate(arena, LP_EMPTY_BYTES + bytes);
  return lpSplice(arena, kept, 0, 0, 0, RAW, 0, bytes, entries);
}

// ---- several elements of a table

/** Elements that the last `drawElements` drew: its first ones. */
export let drawn = new Int32Array(1024);
let slots = new Int32Array(2048);

/** Draws `wanted` different elements into `drawn`. Best when they are few of many. @requires wanted < count */
export function drawElements(table: ElementTable, wanted: number): void {
  invariant(wanted < table.count, 'wanted < count');
  let size = 2048;
  while (size < wanted * 2) size *= 2;
  if (size !== slots.length) {
    slots = new Int32Array(size);
    drawn = new Int32Array(size >> 1);
  } else slots.fill(0);
  const mask = size - 1;
  for (let n = 0; n < wanted; ) {
    const el = randomElement(table);
    let i = (Math.imul(el, 0x9e3779b1) >>> 7) & mask;
    while (slots[i] !== 0 && slots[i] !== el) i = (i + 1) & mask;
    if (slots[i] === el) continue;
    slots[i] = el;
    drawn[n++] = el;
  }
}
