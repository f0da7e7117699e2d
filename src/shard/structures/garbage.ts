/**
 * Values given up and not freed yet: a big value is freed in slices by the shard's thread, whoever deleted it. Its root
 * cell itself is the list's link, so giving up needs no memory and cannot fail.
 *
 *     CTL_GARBAGE_VALUES -> root cell: word 5 kind | word 14 next | word 15 position to go on at
 *
 * Invariants: (1) lease held; (2) a root on the list is reached from nowhere else; (3) tables before `position` have
 * been freed. A new kind adds its step in `freeStep` and its walk in `visitGarbageValues`.
 */
import { monotonicMs } from '../../shared/clock.js';
import { type Arena, CTL_GARBAGE_VALUES } from '../../shared/memory/arena.js';
import { type Ptr, SEGMENT_SHIFT, UNIT_MASK } from '../../shared/memory/ptr.js';
import { free } from '../../shared/memory/slab.js';
import { freeTimesStep, visitTimes } from '../types/hash/hash-times.js';
import { freeListStep, visitListGarbage } from '../types/list/list-garbage.js';
import { freeStreamStep, visitStreamGarbage } from '../types/stream/stream-cells.js';
import { freeGroupStep, visitGroupGarbage } from '../types/stream/stream-groups.js';
import { freeElement } from './element.js';
import { ROOT_NEXT, ROOT_POSITION, ROOT_TYPE_WORD, visitTableValue } from './element-table.js';
import { directoryEntry, freeDirectory, R_COUNT, R_DEPTH, R_DIR } from './extendible.js';
import { freeTreeStep, visitTree } from './score-tree-cells.js';
import { T_DEPTH, TABLE_ENTRIES_MAX, tableEntries } from './table.js';

/** Kinds of garbage, in word ROOT_KIND of the root. */
export const ROOT_KIND = 5;
export const GARBAGE_TABLE = 1;
/** A chain of nodes of a list. */
export const GARBAGE_LIST = 2;
/** Nodes of a stream, its groups freed. */
export const GARBAGE_STREAM = 3;
/** A table of fields with the tree of their times. */
export const GARBAGE_HASH = 4;
/** A table of members with the tree of their scores. */
export const GARBAGE_ZSET = 5;
/** A group of a stream. */
export const GARBAGE_GROUP = 6;

/** Elements that are freed at once. */
const FREE_AT_ONCE = 1024;
/** Leaves of a score tree that one step frees. */
const LEAVES_AT_ONCE = 64;
/** Longest list that fsck walks. */
const LISTED_MAX = 1_000_000;

const SCRATCH = new Int32Array(TABLE_ENTRIES_MAX);

/** Frees a table-encoded value: at once when it is small, in slices later when it is big. */
export function freeTableRoot(arena: Arena, root: Ptr): void {
  const words = arena.i32[root >>> SEGMENT_SHIFT]!;
  const count = words[((root & UNIT_MASK) << 1) + R_COUNT]!;
  giveUp(arena, root, GARBAGE_TABLE, count <= FREE_AT_ONCE);
}

/** As `freeTableRoot`, for a table with a tree of scores at ROOT_TYPE_WORD (a sorted set). */
export function freeScoredRoot(arena: Arena, root: Ptr): void {
  const words = arena.i32[root >>> SEGMENT_SHIFT]!;
  const count = words[((root & UNIT_MASK) << 1) + R_COUNT]!;
  giveUp(arena, root, GARBAGE_ZSET, count <= FREE_AT_ONCE);
}

/**
 * Gives up a value whose root cell has at least 16 words: `atOnce` frees it here, else it goes on the list.
 * The position word must say where to begin (0).
 */
export function giveUp(arena: Arena, root: Ptr, kind: number, atOnce: boolean): void {
  const words = arena.i32[root >>> SEGMENT_SHIFT]!;
  const w = (root & UNIT_MASK) << 1;
  arena.touch(root, 0, 64);
  words[w + ROOT_KIND] = kind;
  words[w + ROOT_POSITION] = 0;
  if (atOnce) {
    while (!freeStep(arena, root));
    return;
  }
  words[w + ROOT_NEXT] = arena.ctl[CTL_GARBAGE_VALUES]!;
  arena.ctl[CTL_GARBAGE_VALUES] = root;
}

/** Values that were freed later, since whoever counts them has taken the figure. */
export const freedLater = { values: 0 };

/** Frees given-up values until `endMs` (of monotonicMs); whether some are left. @requires lease */
export function freeGarbageValues(arena: Arena, endMs: number): boolean {
  const ctl = arena.ctl;
  while (ctl[CTL_GARBAGE_VALUES] !== 0) {
    const root = ctl[CTL_GARBAGE_VALUES]! as Ptr;
    const next = arena.i32[root >>> SEGMENT_SHIFT]![((root & UNIT_MASK) << 1) + ROOT_NEXT]!;
    if (freeStep(arena, root)) {
      ctl[CTL_GARBAGE_VALUES] = next;
      freedLater.values++;
    }
    if (monotonicMs() >= endMs) return ctl[CTL_GARBAGE_VALUES] !== 0;
  }
  return false;
}

/** Frees a bounded part of a value; true when it was the last, the root included. */
function freeStep(arena: Arena, root: Ptr): boolean {
  const kind = arena.i32[root >>> SEGMENT_SHIFT]![((root & UNIT_MASK) << 1) + ROOT_KIND]!;
  switch (kind) {
    case GARBAGE_TABLE:
      return freeTableStep(arena, root);
    case GARBAGE_LIST:
      return freeListStep(arena, root);
    case GARBAGE_STREAM:
      return freeStreamStep(arena, root);
    case GARBAGE_GROUP:
      return freeGroupStep(arena, root);
    case GARBAGE_HASH:
      return freeTimesStep(arena, root) && freeTableStep(arena, root);
    case GARBAGE_ZSET:
      if (!freeTreeStep(arena, root, ROOT_TYPE_WORD, LEAVES_AT_ONCE)) return false;
      return freeTableStep(arena, root);
    default:
      throw new Error(`garbage of unknown kind ${kind}`);
  }
}

function freeTableStep(arena: Arena, root: Ptr): boolean {
  const words = arena.i32[root >>> SEGMENT_SHIFT]!;
  const w = (root & UNIT_MASK) << 1;
  const dir = words[w + R_DIR]! as Ptr;
  if (dir !== 0) {
    const depth = words[w + R_DEPTH]!;
    const position = words[w + ROOT_POSITION]!;
    if (position < 2 ** depth) {
      const table = directoryEntry(arena, dir, depth, position);
      const tableDepth = arena.i32[table >>> SEGMENT_SHIFT]![((table & UNIT_MASK) << 1) + T_DEPTH]!;
      const n = tableEntries(arena, table, SCRATCH);
      for (let i = 0; i < n; i++) freeElement(arena, SCRATCH[i]! as Ptr);
      free(arena, table);
      arena.touch(root, 0, 64);
      words[w + ROOT_POSITION] = position + 2 ** (depth - tableDepth);
      return false;
    }
    freeDirectory(arena, dir, depth);
    arena.touch(root, 0, 64);
    words[w + R_DIR] = 0;
  }
  free(arena, root);
  return true;
}

/** Calls `visit` for all cells of given-up values, for fsck. */
export function visitGarbageValues(arena: Arena, visit: (ptr: Ptr, what: string) => void): void {
  let root = arena.ctl[CTL_GARBAGE_VALUES]! as Ptr;
  for (let listed = 0; root !== 0 && listed < LISTED_MAX; listed++) {
    const words = arena.i32[root >>> SEGMENT_SHIFT]!;
    const w = (root & UNIT_MASK) << 1;
    const next = words[w + ROOT_NEXT]! as Ptr;
    switch (words[w + ROOT_KIND]) {
      case GARBAGE_TABLE:
        visitTableValue(arena, root, visit);
        break;
      case GARBAGE_LIST:
        visitListGarbage(arena, root, visit);
        break;
      case GARBAGE_STREAM:
        visitStreamGarbage(arena, root, visit);
        break;
      case GARBAGE_GROUP:
        visitGroupGarbage(arena, root, visit);
        break;
      case GARBAGE_HASH:
        visitTimes(arena, root, visit);
        visitTableValue(arena, root, visit);
        break;
      case GARBAGE_ZSET:
        visitTree(arena, root, ROOT_TYPE_WORD, visit);
        visitTableValue(arena, root, visit);
        break;
      default:
        throw new Error(`garbage of unknown kind ${words[w + ROOT_KIND]}`);
    }
    root = next;
  }
}
