/**
 * Small sorted sets: one listpack of member, score, member, score ..., in order, as Redis has it.
 *
 *     score   an integer entry if it is one (up to 2 ** 62), else the text of the double
 *
 * Every change is one splice of the listpack: if memory runs out, nothing has changed. Indexes count members, from 0.
 *
 * Invariants: (1) lease held; (2) `p` is at a member, the score is the entry behind it; (3) before something is added
 * `packedFits` said yes; (4) the bytes of a new member do not lie in the same listpack.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf } from '../../../shared/memory/cell.js';
import { CELL_BYTES_MAX, type Ptr } from '../../../shared/memory/ptr.js';
import { float64, strtod } from '../../../shared/numbers/float64.js';
import { doubleText } from '../../../shared/resp/double-text.js';
import { compareBytes } from '../../structures/element.js';
import { lpCount, lpFind, lpFirst, lpNext, lpRoom, lpSeek, lpSplice, sameBytes } from '../../structures/listpack.js';
import {
  item,
  LP_END,
  lpBytes,
  lpClassify,
  lpEntryBytes,
  lpIntBytes,
  lpRead,
  lpSize,
  lpSmallNumber,
  lpWrite,
  lpWriteInt,
} from '../../structures/listpack-entry.js';

/** Scores that are integers up to this magnitude are stored as such. */
const INTEGER_SCORE_MAX = 2 ** 62;
const TWO_32 = 4294967296;
/** More bytes than a member has beside its own, with the longest score. */
const PAIR_OVERHEAD = 64;

/** Names of up to so many bytes are entries with a head of one byte, unless they are integers. */
const SHORT_NAME_MAX = 63;

/** A set that gets another member when it has this many entries will get more: room for one is left. */
const GROWING_ENTRIES = 4;

/** A pair as entries, and what lies between its old and its new place. */
const RAW = new Uint8Array(CELL_BYTES_MAX + 1024);
const SCORE_TEXT = new Uint8Array(64);

/** Number of members. */
export function packedCount(arena: Arena, root: Ptr): number {
  return lpCount(arena, root) >> 1;
}

/** Whether a member of `len` bytes can be added. */
export function packedFits(arena: Arena, root: Ptr, len: number): boolean {
  return len < CELL_BYTES_MAX && lpRoom(arena, root, len + PAIR_OVERHEAD);
}

/** Score of the member at `p`. */
export function packedScore(u8: Uint8Array, p: number): number {
  return scoreEntry(u8, p + lpSize(u8, p));
}

/** The score in the entry at `s`. */
export function scoreEntry(u8: Uint8Array, s: number): number {
  const small = lpSmallNumber(u8, s);
  if (!Number.isNaN(small)) return small;
  lpRead(u8, s);
  if (item.isInt) return item.num;
  strtod(u8, item.off, item.len);
  return float64.value;
}

/** The member of `len` bytes at `off` of `b`, 0 if there is none. */
export function packedFind(arena: Arena, root: Ptr, b: Uint8Array, off: number, len: number): number {
  return lpFind(arena, root, lpFirst(arena, root), b, off, len, 1);
}

/** Where the member belongs that the last `packedSearch` did not find: before which one, 0: at the end. */
const missed = { place: 0 };

/**
 * As `packedFind`; for a member that is not there `packedInsertMissed` then knows where it belongs with `score`. Name
 * and score of each are looked at in one go.
 */
// hot: ZADD of small sets
export function packedSearch(arena: Arena, root: Ptr, score: number, b: Uint8Array, off: number, len: number): number {
  const u8 = bytesOf(arena, root);
  let p = lpFirst(arena, root);
  let place = 0;
  missed.place = 0;
  if (p === 0) return 0;
  if (len > SHORT_NAME_MAX || lpClassify(b, off, len)) {
    const found = lpFind(arena, root, p, b, off, len, 1);
    if (found === 0) missed.place = placeOf(arena, root, score, b, off, len, 0);
    return found;
  }
  const head = 0x80 | len;
  do {
    if (u8[p] === head && sameBytes(u8, p + 1, b, off, len)) return p;
    const s = p + lpSize(u8, p);
    if (place === 0) {
      const other = scoreEntry(u8, s);
      if (other > score || (other === score && packedCompare(arena, root, p, b, off, len) > 0)) place = p;
    }
    p = s + lpSize(u8, s);
  } while (u8[p] !== LP_END);
  missed.place = place;
  return 0;
}

/** The member behind the one at `p`, 0 at the end. */
export function packedNext(u8: Uint8Array, p: number): number {
  return lpNext(u8, p + lpSize(u8, p));
}

/** The first member, 0 when there is none. */
export function packedFirst(arena: Arena, root: Ptr): number {
  return lpFirst(arena, root);
}

/** The member at an index, 0 when there is none. */
export function packedAt(arena: Arena, root: Ptr, index: number): number {
  return index < 0 ? 0 : lpSeek(arena, root, index * 2);
}

/** Index of the member at `p`. */
export function packedIndexOf(arena: Arena, root: Ptr, p: number): number {
  const u8 = bytesOf(arena, root);
  let index = 0;
  for (let at = lpFirst(arena, root); at !== p; at = packedNext(u8, at)) index++;
  return index;
}

/** Order of the member at `p` and the `len` bytes at `off` of `b`. */
export function packedCompare(arena: Arena, root: Ptr, p: number, b: Uint8Array, off: number, len: number): number {
  const segment = segmentOf(root);
  lpBytes(arena.u8[segment]!, arena.dv[segment]!, p);
  return compareBytes(item.u8, item.off, item.len, b, off, len);
}

/** Where a member with a score belongs: before which one, 0: at the end. `but` is passed over. */
function placeOf(arena: Arena, root: Ptr, score: number, b: Uint8Array, off: number, len: number, but: number): number {
  const u8 = bytesOf(arena, root);
  for (let p = lpFirst(arena, root); p !== 0; p = packedNext(u8, p)) {
    if (p === but) continue;
    const s = packedScore(u8, p);
    if (s > score || (s === score && packedCompare(arena, root, p, b, off, len) > 0)) return p;
  }
  return 0;
}

/** Writes a pair into RAW from `at` on; returns where it ends. */
function writePair(at: number, score: number, b: Uint8Array, off: number, len: number): number {
  lpEntryBytes(b, off, len);
  return writeScore(lpWrite(RAW, at, b, off, len), score);
}

function writeScore(at: number, score: number): number {
  if (Number.isInteger(score) && score <= INTEGER_SCORE_MAX && score >= -INTEGER_SCORE_MAX) {
    const hi = Math.floor(score / TWO_32);
    const lo = (score - hi * TWO_32) | 0;
    lpIntBytes(hi, lo);
    return lpWriteInt(RAW, at, hi, lo);
  }
  const text = doubleText(score);
  for (let i = 0; i < text.length; i++) SCORE_TEXT[i] = text.charCodeAt(i);
  lpEntryBytes(SCORE_TEXT, 0, text.length);
  return lpWrite(RAW, at, SCORE_TEXT, 0, text.length);
}

/** Adds the member that the last `packedSearch` did not find. Returns the cell. Throws ArenaFullError. */
export function packedInsertMissed(
  arena: Arena,
  root: Ptr,
  score: number,
  b: Uint8Array,
  off: number,
  len: number,
): Ptr {
  const end = writePair(0, score, b, off, len);
  return lpSplice(arena, root, missed.place, 0, 0, RAW, 0, end, 2, lpCount(arena, root) >= GROWING_ENTRIES ? end : 0);
}

/** Adds a member behind all others, where it belongs. As `packedInsertMissed`. */
export function packedAppend(arena: Arena, root: Ptr, score: number, b: Uint8Array, off: number, len: number): Ptr {
  const end = writePair(0, score, b, off, len);
  return lpSplice(arena, root, 0, 0, 0, RAW, 0, end, 2);
}

/**
 * Gives the member at `p`, which is the `len` bytes at `off` of `b`, another score; it moves to its new place. Returns
 * the cell. Throws ArenaFullError.
 */
export function packedUpdate(
  arena: Arena,
  root: Ptr,
  p: number,
  score: number,
  b: Uint8Array,
  off: number,
  len: number,
): Ptr {
  const u8 = bytesOf(arena, root);
  const afterName = p + lpSize(u8, p);
  const after = afterName + lpSize(u8, afterName);
  const place = placeOf(arena, root, score, b, off, len, p);
  const to = place === 0 ? endOf(arena, root) : place;
  if (to === after) {
    const end = writeScore(0, score);
    return lpSplice(arena, root, afterName, after - afterName, 1, RAW, 0, end, 1);
  }
  if (to > after) {
    // What lies between the places comes first, then the pair.
    const between = to - after;
    const entries = countEntries(u8, after, to);
    RAW.set(u8.subarray(after, to), 0);
    const end = writePair(between, score, b, off, len);
    return lpSplice(arena, root, p, to - p, entries + 2, RAW, 0, end, entries + 2);
  }
  const end = writePair(0, score, b, off, len);
  const entries = countEntries(u8, to, p);
  RAW.set(u8.subarray(to, p), end);
  return lpSplice(arena, root, to, after - to, entries + 2, RAW, 0, end + p - to, entries + 2);
}

/** Where the end mark is. */
function endOf(arena: Arena, root: Ptr): number {
  const p = lpSeek(arena, root, -1);
  return p + lpSize(bytesOf(arena, root), p);
}

function countEntries(u8: Uint8Array, from: number, to: number): number {
  let n = 0;
  for (let p = from; p < to; p += lpSize(u8, p)) n++;
  return n;
}

/** Takes `n` members out, from the one at `p` on. Returns the cell. */
export function packedDelete(arena: Arena, root: Ptr, p: number, n: number): Ptr {
  const u8 = bytesOf(arena, root);
  let end = p;
  for (let i = 0; i < 2 * n; i++) end += lpSize(u8, end);
  return lpSplice(arena, root, p, end - p, 2 * n, RAW, 0, 0, 0);
}

/** Where the last `packedRankOfScore` ended: the member of that rank, 0 behind the last. */
export const ranked = { p: 0 };

/**
 * Number of members whose score is below `score`, or with `orEqual` not above it, given that the `rank` members before
 * the one at `p` (0: behind the last) are.
 */
// hot: ZRANGEBYSCORE of small sets
export function packedRankOfScore(
  arena: Arena,
  root: Ptr,
  score: number,
  orEqual: boolean,
  p: number,
  rank: number,
): number {
  const u8 = bytesOf(arena, root);
  while (p !== 0) {
    const at = p + lpSize(u8, p);
    const other = scoreEntry(u8, at);
    if (!(other < score || (orEqual && other === score))) break;
    rank++;
    p = at + lpSize(u8, at);
    if (u8[p] === LP_END) p = 0;
  }
  ranked.p = p;
  return rank;
}

/** Index of the first member that is not below the `len` bytes at `off`, or with `orEqual` the first above them. */
export function packedRankOfName(
  arena: Arena,
  root: Ptr,
  b: Uint8Array,
  off: number,
  len: number,
  orEqual: boolean,
): number {
  const u8 = bytesOf(arena, root);
  let rank = 0;
  for (let p = lpFirst(arena, root); p !== 0; p = packedNext(u8, p)) {
    const order = packedCompare(arena, root, p, b, off, len);
    if (!(order < 0 || (orEqual && order === 0))) break;
    rank++;
  }
  return rank;
}
