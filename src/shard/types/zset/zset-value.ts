/**
 * A sorted set as the commands see it, whatever its encoding:
 *
 *     ZSET_PACKED   few short members, one listpack                 zset-packed.ts
 *     ZSET_TREE     an element table and a counted B+tree           zset-tree.ts
 *
 * It grows from the one to the other at Redis's limits (zset-max-listpack-entries, -value), or earlier where a cell
 * ends, in place, and never back. Ranges are ranks: from (included) to (not included); see zset-range.ts for asking and
 * zset-cursor.ts for walking.
 *
 * Invariants: (1) lease held; (2) no score is NaN; (3) running out of memory leaves a set as it was; (4) bytes given to
 * a change do not lie in that very set; (5) a set that became empty is the caller's to remove.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { ZSET_PACKED, ZSET_TREE } from '../../entry/encodings.js';
import { entryEncoding, valueWordOffset } from '../../entry/entry.js';
import { moveRoot, rootOf, setRoot } from '../../entry/root.js';
import type { ValueContext } from '../../services/value-context.js';
import { elementNumber, freeElement } from '../../structures/element.js';
import { R_COUNT } from '../../structures/extendible.js';
import { LP_EMPTY_BYTES, lpCount, lpCreate } from '../../structures/listpack.js';
import {
  packedAt,
  packedCount,
  packedDelete,
  packedFind,
  packedFits,
  packedIndexOf,
  packedInsertMissed,
  packedScore,
  packedSearch,
  packedUpdate,
} from './zset-packed.js';
import {
  createZsetTree,
  freeScoredRoot,
  openZsetTree,
  treeAdd,
  treeFind,
  treeFromPacked,
  treeMove,
  treeRemove,
  treeTake,
} from './zset-tree.js';

/** Conditions for `zsetAdd`, as ZADD's options have them. */
export const ADD_NX = 1;
export const ADD_XX = 2;
export const ADD_GT = 4;
export const ADD_LT = 8;
export const ADD_INCR = 16;

/** What `zsetAdd` did. */
export const ZSET_ADDED = 1;
export const ZSET_UPDATED = 2;
/** The member has that score already. */
export const ZSET_SAME = 3;
/** A condition forbade it. */
export const ZSET_REFUSED = 4;
/** The increment would give NaN; nothing has changed. */
export const ZSET_NAN = 5;

class Made {
  root: Ptr = NULL;
  encoding: number = ZSET_PACKED;
}

/** Value that the last `newZset` made. */
export const made = new Made();

class Scored {
  /** Score that the member has now. */
  score = 0;
}

/** What the last `zsetAdd` or `zsetRank` found. */
export const scored = new Scored();

/**
 * Makes an empty sorted set that suits `count` members to come, the first of `len` bytes; it is in `made`.
 * Throws ArenaFullError.
 */
export function newZset(ctx: ValueContext, count: number, len: number): void {
  const f64 = ctx.control.f64;
  if (count <= f64[CONTROL_F64.zsetMaxListpackEntries]! && len <= f64[CONTROL_F64.zsetMaxListpackValue]!) {
    made.encoding = ZSET_PACKED;
    made.root = lpCreate(ctx.arena, LP_EMPTY_BYTES + (len < 64 ? len + 4 : 0));
  } else {
    made.encoding = ZSET_TREE;
    made.root = createZsetTree(ctx.arena);
  }
}

/** Frees the root in `made`, which nobody took. */
export function freeMadeZset(arena: Arena): void {
  if (made.encoding === ZSET_TREE) freeScoredRoot(arena, made.root);
  else free(arena, made.root);
}

/** Number of members. */
export function zsetCount(arena: Arena, e: Ptr): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) return packedCount(arena, root);
  return wordAt(arena, root, R_COUNT);
}

/** Score of the member of `len` bytes at `off`; NaN when there is none. `dv` views the bytes of `u8`. */
// hot: ZSCORE, ZINTER
export function zsetScore(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    const p = packedFind(arena, root, u8, off, len);
    return p === 0 ? Number.NaN : packedScore(bytesOf(arena, root), p);
  }
  const el = treeFind(arena, root, u8, dv, off, len);
  return el === NULL ? Number.NaN : elementNumber(arena, el);
}

/** Rank of a member, from 0, its score in `scored`; -1 when there is none. */
export function zsetRank(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    const p = packedFind(arena, root, u8, off, len);
    if (p === 0) return -1;
    scored.score = packedScore(bytesOf(arena, root), p);
    return packedIndexOf(arena, root, p);
  }
  const el = treeFind(arena, root, u8, dv, off, len);
  if (el === NULL) return -1;
  scored.score = elementNumber(arena, el);
  return openZsetTree(arena, root).rankOf(scored.score, el);
}

// ---- adding

/** What becomes of a member that has a score: ZSET_UPDATED, with the new one in `scored`, or why nothing does. */
function decide(current: number, score: number, flags: number): number {
  scored.score = current;
  if ((flags & ADD_NX) !== 0) return ZSET_REFUSED;
  if ((flags & ADD_INCR) !== 0) {
    score += current;
    if (Number.isNaN(score)) return ZSET_NAN;
  }
  if ((flags & ADD_LT) !== 0 && score >= current) return ZSET_REFUSED;
  if ((flags & ADD_GT) !== 0 && score <= current) return ZSET_REFUSED;
  scored.score = score;
  return score === current ? ZSET_SAME : ZSET_UPDATED;
}

/**
 * Adds a member to the set in entry `e` of the present shard, or gives it another score, under the conditions `flags`;
 * with ADD_INCR `score` is added to what it has. Returns what happened; `scored.score` is the member's score then.
 * Throws ArenaFullError. @requires score is not NaN
 */
// hot: every ZADD, ZINCRBY, GEOADD
export function zsetAdd(
  ctx: ValueContext,
  e: Ptr,
  score: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  flags: number,
): number {
  invariant(!Number.isNaN(score), 'score is not NaN');
  const arena = ctx.arena;
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const root = i32[w + valueWordOffset(head)]! as Ptr;
  if (((head >>> 4) & 15) === ZSET_PACKED) return addToPacked(ctx, e, root, score, u8, dv, off, len, flags);
  return addToTree(arena, root, score, u8, dv, off, len, flags);
}

function addToTree(
  arena: Arena,
  root: Ptr,
  score: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  flags: number,
): number {
  const el = treeFind(arena, root, u8, dv, off, len);
  if (el === NULL) {
    if ((flags & ADD_XX) !== 0) return ZSET_REFUSED;
    treeAdd(arena, root, score, u8, dv, off, len);
    scored.score = score;
    return ZSET_ADDED;
  }
  const done = decide(elementNumber(arena, el), score, flags);
  if (done === ZSET_UPDATED) treeMove(arena, root, el, scored.score);
  return done;
}

function addToPacked(
  ctx: ValueContext,
  e: Ptr,
  root: Ptr,
  score: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  flags: number,
): number {
  const arena = ctx.arena;
  const p = packedSearch(arena, root, score, u8, off, len);
  if (p === 0) {
    if ((flags & ADD_XX) !== 0) return ZSET_REFUSED;
    const f64 = ctx.control.f64;
    if (
      lpCount(arena, root) >> 1 >= f64[CONTROL_F64.zsetMaxListpackEntries]! ||
      len > f64[CONTROL_F64.zsetMaxListpackValue]! ||
      !packedFits(arena, root, len)
    ) {
      zsetToTree(arena, e);
      return addToTree(arena, rootOf(arena, e), score, u8, dv, off, len, flags);
    }
    const next = packedInsertMissed(arena, root, score, u8, off, len);
    if (next !== root) moveRoot(arena, e, next);
    scored.score = score;
    return ZSET_ADDED;
  }
  const done = decide(packedScore(bytesOf(arena, root), p), score, flags);
  if (done !== ZSET_UPDATED) return done;
  if (!packedFits(arena, root, 0)) {
    zsetToTree(arena, e);
    return addToTree(arena, rootOf(arena, e), score, u8, dv, off, len, flags);
  }
  const next = packedUpdate(arena, root, p, scored.score, u8, off, len);
  if (next !== root) moveRoot(arena, e, next);
  return done;
}

/** Prepares a set for `count` members that are about to be added at once. Throws ArenaFullError. */
export function zsetExpect(ctx: ValueContext, e: Ptr, count: number): void {
  if (count > ctx.control.f64[CONTROL_F64.zsetMaxListpackEntries]!) zsetToTree(ctx.arena, e);
}

/** Makes a packed set a tree. Throws ArenaFullError, and nothing has changed then. */
export function zsetToTree(arena: Arena, e: Ptr): void {
  if (entryEncoding(arena, e) === ZSET_TREE) return;
  const packed = rootOf(arena, e);
  const segment = segmentOf(packed);
  const root = treeFromPacked(arena, packed, arena.u8[segment]!, arena.dv[segment]!);
  setRoot(arena, e, ZSET_TREE, root);
  free(arena, packed);
}

// ---- removing

/** Removes the member of `len` bytes at `off`; false when it was not there. The set may be empty then. */
// hot: every ZREM
export function zsetRemove(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    const p = packedFind(arena, root, u8, off, len);
    if (p === 0) return false;
    const next = packedDelete(arena, root, p, 1);
    if (next !== root) moveRoot(arena, e, next);
    return true;
  }
  const el = treeFind(arena, root, u8, dv, off, len);
  if (el === NULL) return false;
  treeRemove(arena, root, el);
  return true;
}

/** Removes the members with ranks `from` (included) to `to` (not included). @requires 0 <= from <= to <= count */
// hot: ZPOPMIN
export function zsetRemoveRange(arena: Arena, e: Ptr, from: number, to: number): void {
  invariant(from >= 0 && from <= to && to <= zsetCount(arena, e), '0 <= from <= to <= count');
  if (from === to) return;
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    const next = packedDelete(arena, root, packedAt(arena, root, from), to - from);
    if (next !== root) moveRoot(arena, e, next);
    return;
  }
  for (let left = to - from; left > 0; left--) freeElement(arena, treeTake(arena, root, from));
}
