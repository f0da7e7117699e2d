/**
 * Deleted values that are not freed yet: the shard's thread frees a big value in slices, even if another thread deleted
 * the value. The root cell of the value is the list's link, so adding to the list needs no memory and cannot fail.
 *
 *     CTL_GARBAGE_VALUES -> root cell: word 5 number of the kind | word 14 next | word 15 position to go on at
 *
 * A kind of garbage says how a root of this kind is freed in steps. Each type describes its own kinds; the type table
 * (entry/type-table.ts) finds a kind by the number in the root.
 *
 * Invariants: (1) lease held; (2) a root on the list is reached from nowhere else; (3) tables before `position` have
 * been freed.
 */
import { monotonicMs } from '../../shared/clock.js';
import { type Arena, CTL_GARBAGE_VALUES } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { free } from '../../shared/memory/slab.js';
import { freeElement } from './element.js';
import { ROOT_NEXT, ROOT_POSITION, visitTableValue } from './element-table.js';
import { directoryEntry, freeDirectory, R_COUNT, R_DEPTH, R_DIR } from './extendible.js';
import { T_DEPTH, TABLE_ENTRIES_MAX, tableEntries } from './table.js';

/** What fsck is told of each cell: where it lies and what it is. */
export type Visit = (ptr: Ptr, what: string) => void;

/** One kind of garbage. */
export interface GarbageKind {
  /** What the root says: `garbageNumber`. */
  readonly number: number;
  /** Frees a bounded part of a value; true when it was the last, the root included. */
  step(arena: Arena, root: Ptr): boolean;
  /** Calls `visit` for each cell that is left. */
  visit(arena: Arena, root: Ptr, visit: Visit): void;
}

/** Kinds that one type may have. */
const KINDS_MAX = 4;
/** Numbers of kinds are below this: types have one byte (entry/entry.ts). */
export const GARBAGE_NUMBERS = 256 * KINDS_MAX;

/** Number of kind `k` (0 to KINDS_MAX - 1) of a type. */
export function garbageNumber(type: number, k: number): number {
  if (k < 0 || k >= KINDS_MAX) throw new Error(`garbage of type ${type}: kind ${k}`);
  return type * KINDS_MAX + k;
}

/** The number of the kind, in the root. */
const ROOT_KIND = 5;

/** Elements that are freed at once. */
const FREE_AT_ONCE = 1024;
/** Longest list that fsck walks. */
const LISTED_MAX = 1_000_000;

const SCRATCH = new Int32Array(TABLE_ENTRIES_MAX);

/** A table of elements without anything beside it, of whatever type: strings have no garbage of their own. */
export const TABLE_GARBAGE: GarbageKind = { number: garbageNumber(0, 1), step: freeTableStep, visit: visitTableValue };

/** Frees a table-encoded value: at once when it is small, in slices later when it is big. */
export function freeTableRoot(arena: Arena, root: Ptr): void {
  giveUp(arena, root, TABLE_GARBAGE, isSmallTable(arena, root));
}

/** Whether a table of elements is freed at once. */
export function isSmallTable(arena: Arena, root: Ptr): boolean {
  return wordAt(arena, root, R_COUNT) <= FREE_AT_ONCE;
}

/**
 * Gives up a value whose root cell has at least 16 words: `atOnce` frees it here, else it goes on the list.
 * The position word must say where to begin (0).
 */
export function giveUp(arena: Arena, root: Ptr, kind: GarbageKind, atOnce: boolean): void {
  const words = wordsOf(arena, root);
  const w = wordIndex(root);
  arena.touch(root, 0, 64);
  words[w + ROOT_KIND] = kind.number;
  words[w + ROOT_POSITION] = 0;
  if (atOnce) {
    while (!kind.step(arena, root));
    return;
  }
  words[w + ROOT_NEXT] = arena.ctl[CTL_GARBAGE_VALUES]!;
  arena.ctl[CTL_GARBAGE_VALUES] = root;
}

/** `values`: values freed after the command that deleted them, since background.ts last took the figure. */
export const freedLater = { values: 0 };

/** Kinds of garbage by their number; null where there is none. */
export type GarbageKinds = readonly (GarbageKind | null)[];

function kindOf(arena: Arena, kinds: GarbageKinds, root: Ptr): GarbageKind {
  const number = wordAt(arena, root, ROOT_KIND);
  const kind = kinds[number];
  if (kind === null || kind === undefined) throw new Error(`garbage of unknown kind ${number}`);
  return kind;
}

/** Frees deleted values until `endMs` (of monotonicMs); returns whether some are left. @requires lease */
export function freeGarbageValues(arena: Arena, kinds: GarbageKinds, endMs: number): boolean {
  const ctl = arena.ctl;
  while (ctl[CTL_GARBAGE_VALUES] !== 0) {
    const root = ctl[CTL_GARBAGE_VALUES]! as Ptr;
    const next = wordAt(arena, root, ROOT_NEXT);
    if (kindOf(arena, kinds, root).step(arena, root)) {
      ctl[CTL_GARBAGE_VALUES] = next;
      freedLater.values++;
    }
    if (monotonicMs() >= endMs) return ctl[CTL_GARBAGE_VALUES] !== 0;
  }
  return false;
}

/** Frees the elements of one table; true when there was none left, and the root is freed too. A step of a kind. */
export function freeTableStep(arena: Arena, root: Ptr): boolean {
  const words = wordsOf(arena, root);
  const w = wordIndex(root);
  const dir = words[w + R_DIR]! as Ptr;
  if (dir !== 0) {
    const depth = words[w + R_DEPTH]!;
    const position = words[w + ROOT_POSITION]!;
    if (position < 2 ** depth) {
      const table = directoryEntry(arena, dir, depth, position);
      const tableDepth = wordAt(arena, table, T_DEPTH);
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
export function visitGarbageValues(arena: Arena, kinds: GarbageKinds, visit: Visit): void {
  let root = arena.ctl[CTL_GARBAGE_VALUES]! as Ptr;
  for (let listed = 0; root !== 0 && listed < LISTED_MAX; listed++) {
    const next = wordAt(arena, root, ROOT_NEXT) as Ptr;
    kindOf(arena, kinds, root).visit(arena, root, visit);
    root = next;
  }
}
