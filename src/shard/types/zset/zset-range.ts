/**
 * Ranges of a sorted set: bounds of scores and of names as clients write them, and the ranks that they mean. A range is
 * two ranks, `range.from` (included) and `range.to` (not included), so its size is known before anything is walked.
 *
 * Invariants: (1) lease held where an entry is given; (2) results stand in `range` and `bounds` until the next call.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { float64, strtod } from '../../../shared/numbers/float64.js';
import type { Args } from '../../../shared/resp/args.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { packedFirst, packedRankOfName, packedRankOfScore, ranked } from './zset-packed.js';
import { openZsetTree } from './zset-tree.js';
import { zsetCount } from './zset-value.js';

const PAREN = 40;
const BRACKET = 91;
const PLUS = 43;
const MINUS = 45;

class Range {
  from = 0;
  /** Never below `from`. */
  to = 0;
  /** Where the member of rank `from` is in a packed set, 0: not known. */
  at = 0;
}

/** The ranks that the last `scoreRange` or `nameRange` found. */
export const range = new Range();

/** Bounds that a client gave: of scores, or of names, then as arguments. */
class Bounds {
  min = 0;
  max = 0;
  minExcluded = false;
  maxExcluded = false;
  /** Kinds and arguments of bounds of names. */
  minKind = 0;
  maxKind = 0;
  minArg = 0;
  maxArg = 0;
}

/** What the last `parseScoreBounds` or `parseNameBounds` read. */
export const bounds = new Bounds();

const NAME_LOWEST = 0;
const NAME_HIGHEST = 1;
const NAME_INCLUDED = 2;
const NAME_EXCLUDED = 3;

/** Reads one bound of scores into `float64.value`; -1: none, 0: included, 1: excluded. As strtod has it. */
function scoreBound(args: Args, i: number): number {
  const off = args.off[i]!;
  const len = args.len[i]!;
  const excluded = len > 0 && args.u8[off] === PAREN ? 1 : 0;
  strtod(args.u8, off + excluded, len - excluded);
  const end = float64.end;
  // What follows a byte 0 is not seen.
  if ((end !== off + len && args.u8[end] !== 0) || Number.isNaN(float64.value)) return -1;
  return excluded;
}

/** Reads bounds of scores (`1`, `(1`, `-inf`) from two arguments; false when one is none. */
// hot: ZRANGEBYSCORE, ZCOUNT
export function parseScoreBounds(args: Args, min: number, max: number): boolean {
  let kind = scoreBound(args, min);
  if (kind < 0) return false;
  bounds.min = float64.value;
  bounds.minExcluded = kind === 1;
  kind = scoreBound(args, max);
  if (kind < 0) return false;
  bounds.max = float64.value;
  bounds.maxExcluded = kind === 1;
  return true;
}

function nameBound(args: Args, i: number): number {
  const len = args.len[i]!;
  if (len === 0) return -1;
  switch (args.u8[args.off[i]!]) {
    case PLUS:
      return len === 1 || args.u8[args.off[i]! + 1] === 0 ? NAME_HIGHEST : -1;
    case MINUS:
      return len === 1 || args.u8[args.off[i]! + 1] === 0 ? NAME_LOWEST : -1;
    case PAREN:
      return NAME_EXCLUDED;
    case BRACKET:
      return NAME_INCLUDED;
    default:
      return -1;
  }
}

/** Reads bounds of names (`[a`, `(a`, `-`, `+`) from two arguments; false when one is none. */
export function parseNameBounds(args: Args, min: number, max: number): boolean {
  bounds.minKind = nameBound(args, min);
  bounds.maxKind = nameBound(args, max);
  bounds.minArg = min;
  bounds.maxArg = max;
  return bounds.minKind >= 0 && bounds.maxKind >= 0;
}

/** Number of members whose score is below `score`, or with `orEqual` not above it. O(log n). */
export function rankOfScore(arena: Arena, e: Ptr, score: number, orEqual: boolean): number {
  const root = rootOf(arena, e);
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    return packedRankOfScore(arena, root, score, orEqual, packedFirst(arena, root), 0);
  }
  return openZsetTree(arena, root).rankOfScore(score, orEqual);
}

/** Finds the ranks of the members within the bounds of scores in `bounds`. */
// hot: ZRANGEBYSCORE, ZCOUNT
export function scoreRange(arena: Arena, e: Ptr): void {
  scoresBetween(arena, e, bounds.min, bounds.minExcluded, bounds.max, bounds.maxExcluded);
}

/** Finds the ranks of the members between two scores. */
export function scoresBetween(
  arena: Arena,
  e: Ptr,
  min: number,
  minExcluded: boolean,
  max: number,
  maxExcluded: boolean,
): void {
  const from = rankOfScore(arena, e, min, minExcluded);
  range.from = from;
  range.to = from;
  range.at = 0;
  if (max < min) return;
  if (entryEncoding(arena, e) === ZSET_PACKED) {
    range.at = ranked.p;
    range.to = packedRankOfScore(arena, rootOf(arena, e), max, !maxExcluded, ranked.p, from);
  } else range.to = Math.max(from, rankOfScore(arena, e, max, !maxExcluded));
}

function rankOfName(arena: Arena, e: Ptr, args: Args, i: number, orEqual: boolean): number {
  const root = rootOf(arena, e);
  const off = args.off[i]! + 1;
  const len = args.len[i]! - 1;
  if (entryEncoding(arena, e) === ZSET_PACKED) return packedRankOfName(arena, root, args.u8, off, len, orEqual);
  return openZsetTree(arena, root).rankOfName(args.u8, off, len, orEqual);
}

function nameRank(arena: Arena, e: Ptr, args: Args, kind: number, i: number, orEqual: boolean): number {
  if (kind === NAME_LOWEST) return 0;
  if (kind === NAME_HIGHEST) return zsetCount(arena, e);
  return rankOfName(arena, e, args, i, orEqual);
}

/** Finds the ranks of the members within the bounds of names in `bounds`. @requires all have the same score */
export function nameRange(arena: Arena, e: Ptr, args: Args): void {
  const { minKind, maxKind } = bounds;
  const from = nameRank(arena, e, args, minKind, bounds.minArg, minKind === NAME_EXCLUDED);
  const to = nameRank(arena, e, args, maxKind, bounds.maxArg, maxKind === NAME_INCLUDED);
  range.from = from;
  range.to = Math.max(from, to);
  range.at = 0;
}
