/**
 * Flushing: FLUSHALL and FLUSHDB detach a database's dictionary in an instant and leave the freeing of its cells to
 * slices. A detached dictionary waits in the arena, so if a thread dies in between, nothing is lost or leaked.
 *
 *     garbage cell: next Ptr | directory Ptr | depth | directory position to go on at
 *
 * Invariants: (1) lease held; (2) a detached directory is reached from the garbage list only; (3) positions below the
 * cell's own have been freed, tables that span several positions count at their first one.
 */
import { monotonicMs } from '../../shared/clock.js';
import { type Arena, CTL_GARBAGE, CTL_GARBAGE_VALUES } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { alloc, free } from '../../shared/memory/slab.js';
import type { TypeTable } from '../entry/type-table.js';
import { directoryEntry, freeDirectory, R_DEPTH, R_DIR, ROOT_WORDS } from '../structures/extendible.js';
import { freedLater, freeGarbageValues } from '../structures/garbage.js';
import { T_DEPTH, TABLE_ENTRIES_MAX, tableEntries } from '../structures/table.js';
import type { Dictionary } from './dictionary.js';
import { freeEntryCell } from './keyspace.js';

const G_NEXT = 0;
const G_DIR = 1;
const G_DEPTH = 2;
const G_POSITION = 3;
const GARBAGE_BYTES = 16;
/** Longest list that fsck walks. */
const GARBAGE_LISTED_MAX = 65_536;

const SCRATCH = new Int32Array(TABLE_ENTRIES_MAX);

/** Empties a dictionary at once; its cells become garbage. Returns the number of keys it had. @requires lease */
export function detachDictionary(dict: Dictionary): number {
  const arena = dict.arena;
  const ctl = arena.ctl;
  const keys = dict.count;
  const dir = ctl[dict.root + R_DIR]!;
  if (dir === 0) return 0;
  const cell = alloc(arena, GARBAGE_BYTES);
  const i32 = wordsOf(arena, cell);
  const w = wordIndex(cell);
  i32[w + G_NEXT] = ctl[CTL_GARBAGE]!;
  i32[w + G_DIR] = dir;
  i32[w + G_DEPTH] = ctl[dict.root + R_DEPTH]!;
  i32[w + G_POSITION] = 0;
  ctl[CTL_GARBAGE] = cell;
  dict.touchRoot();
  for (let k = 0; k < ROOT_WORDS; k++) ctl[dict.root + k] = 0;
  return keys;
}

/** Frees garbage for about `budgetUs`, a table at a time; whether some is left. @requires lease */
export function freeGarbage(arena: Arena, types: TypeTable, budgetUs: number): boolean {
  const ctl = arena.ctl;
  if (ctl[CTL_GARBAGE] === 0 && ctl[CTL_GARBAGE_VALUES] === 0) return false;
  const end = monotonicMs() + budgetUs / 1000;
  if (freeGarbageValues(arena, types.garbage, end)) return true;
  while (ctl[CTL_GARBAGE] !== 0) {
    freeNextTable(arena, types, ctl[CTL_GARBAGE]! as Ptr);
    if (monotonicMs() >= end) return ctl[CTL_GARBAGE] !== 0;
  }
  return false;
}

/** Frees the next table of a garbage cell, and the cell with its directory after the last one. */
function freeNextTable(arena: Arena, types: TypeTable, cell: Ptr): void {
  const i32 = wordsOf(arena, cell);
  const w = wordIndex(cell);
  const dir = i32[w + G_DIR]! as Ptr;
  const depth = i32[w + G_DEPTH]!;
  const position = i32[w + G_POSITION]!;
  if (position >= 2 ** depth) {
    arena.ctl[CTL_GARBAGE] = i32[w + G_NEXT]!;
    freeDirectory(arena, dir, depth);
    free(arena, cell);
    return;
  }
  const table = directoryEntry(arena, dir, depth, position);
  const tableDepth = wordAt(arena, table, T_DEPTH);
  const n = tableEntries(arena, table, SCRATCH);
  for (let i = 0; i < n; i++) {
    const e = SCRATCH[i]! as Ptr;
    types.free(arena, e);
    freeEntryCell(arena, e);
  }
  freedLater.values += n;
  free(arena, table);
  arena.touch(cell, 0, GARBAGE_BYTES);
  i32[w + G_POSITION] = position + 2 ** (depth - tableDepth);
}

/** The garbage of a shard, for fsck: cells, and for each its directory and the first position not freed. */
export function garbageList(arena: Arena): { cell: Ptr; dir: Ptr; depth: number; position: number }[] {
  const list = [];
  // A damaged list may run in a circle.
  for (let cell = arena.ctl[CTL_GARBAGE]! as Ptr; cell !== 0 && list.length < GARBAGE_LISTED_MAX; ) {
    const i32 = wordsOf(arena, cell);
    const w = wordIndex(cell);
    list.push({ cell, dir: i32[w + G_DIR]! as Ptr, depth: i32[w + G_DEPTH]!, position: i32[w + G_POSITION]! });
    cell = i32[w + G_NEXT]! as Ptr;
  }
  return list;
}
