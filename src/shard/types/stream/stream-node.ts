/**
 * One node of a stream: a listpack in Redis's layout, so that its bytes are its RDB form.
 *
 *     master entry   count | deleted | fields n | field 1 .. field n | 0
 *     entry          flags | ms - master ms | seq - master seq | [n | field] values ... | lp-count
 *
 * The fields of the master are those of the first entry; an entry with the same ones (SAME_FIELDS) keeps values only.
 * lp-count is the number of listpack entries before it, for going backwards. A deleted entry keeps its place (DELETED).
 *
 * Invariants: (1) lease held; (2) count is the number of live entries; (3) ids ascend.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf, wordIndex } from '../../../shared/memory/cell.js';
import { copyBytes, moveMany } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { CLASS_OF_UNITS, CLASS_UNITS } from '../../../shared/memory/size-classes.js';
import { alloc, cellBytes, free } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { LP_HEAD_BYTES, lpCreate, lpFirst, lpReplaceInt, lpTotal } from '../../structures/listpack.js';
import {
  item,
  LP_END,
  lpBytes,
  lpEntryBytes,
  lpEquals,
  lpIntBytes,
  lpPrevOf,
  lpRead,
  lpSize,
  lpWrite,
  lpWriteInt,
} from '../../structures/listpack-entry.js';
import { StreamId } from './stream-id.js';

export const DELETED = 1;
export const SAME_FIELDS = 2;

/** Adds a 64-bit difference in `item` to a 64-bit number in halves; the result is in `sum`. */
const sum = { hi: 0, lo: 0 };

function addDifference(hi: number, lo: number): void {
  const low = (lo + item.lo) | 0;
  sum.lo = low;
  sum.hi = (hi + item.hi + (low >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
}

/** The difference a - b of two unsigned 64-bit numbers, as signed halves in `sum`. */
function difference(aHi: number, aLo: number, bHi: number, bLo: number): void {
  sum.lo = (aLo - bLo) | 0;
  sum.hi = (aHi - bHi - (aLo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
}

/** Largest integer of 7 bits, which takes two bytes in all; mark of a string of up to 63 bytes; a digit. */
const INT_7_MAX = 127;
const STRING_6 = 0x80;
const STRING_6_MAX = 63;
const NINE = 57;
/** Strings up to this length are copied here. */
const SHORT_MAX = 32;
/** Most bytes that a listpack integer takes, and that a string takes beside its own. */
const INT_BYTES_MAX = 11;
const STRING_FRAME_MAX = 10;
/** Integers of an entry beside the count of its fields, and of a master. */
const ENTRY_INTS = 5;
const COUNT_UNKNOWN = 0xffff;

/** Bytes that an entry with the strings in arguments `first` to `end` takes at most, its fields included. */
export function entryBound(args: Args, first: number, end: number): number {
  let bytes = ENTRY_INTS * INT_BYTES_MAX + (end - first) * STRING_FRAME_MAX;
  for (let i = first; i < end; i++) bytes += args.len[i]!;
  return bytes;
}

/** Bytes of those strings alone, of which there are `n`. */
export function stringBytes(bound: number, n: number): number {
  return bound - ENTRY_INTS * INT_BYTES_MAX - n * STRING_FRAME_MAX;
}

/**
 * A new node whose master has the fields in arguments `first`, `first + 2` ... below `end`, in a cell with room for
 * `room` bytes in all. Throws ArenaFullError. @requires room for the master, CELL_BYTES_MAX at most
 */
export function createNode(arena: Arena, args: Args, first: number, end: number, room: number): Ptr {
  const node = lpCreate(arena, room);
  const u8 = bytesOf(arena, node);
  const base = byteIndex(node);
  let at = lpWriteInt(u8, base + LP_HEAD_BYTES, 0, 0);
  at = lpWriteInt(u8, at, 0, 0);
  at = lpWriteInt(u8, at, 0, (end - first) >> 1);
  for (let i = first; i < end; i += 2) at = writeString(u8, at, args, i);
  at = lpWriteInt(u8, at, 0, 0);
  endListpack(arena, node, at, 4 + ((end - first) >> 1));
  return node;
}

function writeString(u8: Uint8Array, at: number, args: Args, i: number): number {
  const off = args.off[i]!;
  const len = args.len[i]!;
  const from = args.u8;
  if (len > SHORT_MAX || len === 0 || from[off]! <= NINE) {
    lpEntryBytes(from, off, len);
    return lpWrite(u8, at, from, off, len);
  }
  // The most usual case without calls: a short string that is no number.
  u8[at++] = STRING_6 | len;
  for (let k = 0; k < len; k++) u8[at++] = from[off + k]!;
  u8[at] = len + 1;
  return at + 1;
}

/** As `lpWriteInt`, quicker for what is near. */
function writeInt(u8: Uint8Array, at: number, hi: number, lo: number): number {
  if (hi !== 0 || lo < 0 || lo > INT_7_MAX) return lpWriteInt(u8, at, hi, lo);
  u8[at] = lo;
  u8[at + 1] = 1;
  return at + 2;
}

/** Ends a listpack at `at` that has got `entries` more listpack entries. */
function endListpack(arena: Arena, node: Ptr, at: number, entries: number): void {
  const segment = segmentOf(node);
  const w = wordIndex(node);
  const i32 = arena.i32[segment]!;
  const u8 = arena.u8[segment]!;
  u8[at] = LP_END;
  i32[w] = at + 1 - w * 4;
  const count = u8[w * 4 + 4]! | (u8[w * 4 + 5]! << 8);
  const next = count === COUNT_UNKNOWN || count + entries > COUNT_UNKNOWN ? COUNT_UNKNOWN : count + entries;
  u8[w * 4 + 4] = next & 255;
  u8[w * 4 + 5] = next >> 8;
}

/** The node in a cell with room for `bytes`; the old cell is freed if there must be another. Throws ArenaFullError. */
function withRoom(arena: Arena, node: Ptr, total: number, bytes: number): Ptr {
  const capacity = cellBytes(arena, node);
  if (bytes <= capacity) return node;
  return moveNode(arena, node, total, Math.min(Math.max(bytes, 2 * capacity), CELL_BYTES_MAX));
}

function moveNode(arena: Arena, node: Ptr, total: number, bytes: number): Ptr {
  const moved = alloc(arena, bytes);
  const from = bytesOf(arena, node);
  copyBytes(bytesOf(arena, moved), byteIndex(moved), from, byteIndex(node), total);
  free(arena, node);
  return moved;
}

/** Moves a node that will not grow any more into the smallest cell that it fits. Throws ArenaFullError. */
export function shrinkNode(arena: Arena, node: Ptr): Ptr {
  const total = lpTotal(arena, node);
  const fitting = CLASS_UNITS[CLASS_OF_UNITS[(total + 7) >> 3]!]! * 8;
  return fitting < cellBytes(arena, node) ? moveNode(arena, node, total, total) : node;
}

/**
 * Adds an entry at the end; returns the node, which may have moved. `master`: id of the node; `bound`: from
 * `entryBound`. Throws ArenaFullError. @requires lpTotal + bound <= CELL_BYTES_MAX
 */
// hot: XADD
export function appendEntry(
  arena: Arena,
  node: Ptr,
  master: StreamId,
  id: StreamId,
  args: Args,
  first: number,
  end: number,
  bound: number,
): Ptr {
  invariant(lpTotal(arena, node) + bound <= CELL_BYTES_MAX, 'lpTotal + bound <= CELL_BYTES_MAX');
  const total = lpTotal(arena, node);
  node = withRoom(arena, node, total, total + bound);
  if (arena.tracking !== 0) arena.touch(node, 0, total + bound);
  const u8 = bytesOf(arena, node);
  const base = byteIndex(node);
  const same = hasMasterFields(u8, base, args, first, end);
  const fields = (end - first) >> 1;
  let at = base + total - 1;
  if (u8[base + LP_HEAD_BYTES]! < INT_7_MAX) u8[base + LP_HEAD_BYTES]!++;
  else at += countOneMore(u8, base, at);
  u8[at] = same ? SAME_FIELDS : 0;
  u8[at + 1] = 1;
  difference(id.msHi, id.msLo, master.msHi, master.msLo);
  at = writeInt(u8, at + 2, sum.hi, sum.lo);
  difference(id.seqHi, id.seqLo, master.seqHi, master.seqLo);
  at = writeInt(u8, at, sum.hi, sum.lo);
  if (same) {
    for (let i = first + 1; i < end; i += 2) at = writeString(u8, at, args, i);
  } else {
    at = lpWriteInt(u8, at, 0, fields);
    for (let i = first; i < end; i++) at = writeString(u8, at, args, i);
  }
  const items = same ? fields + 3 : fields * 2 + 4;
  at = writeInt(u8, at, 0, items);
  endListpack(arena, node, at, items + 1);
  return node;
}

/** Raises the number of entries, whose own encoding may get longer: by so many bytes, which come back. */
function countOneMore(u8: Uint8Array, base: number, end: number): number {
  const p = base + LP_HEAD_BYTES;
  lpRead(u8, p);
  const grown = lpIntBytes(0, item.lo + 1) - lpIntBytes(0, item.lo);
  if (grown > 0) moveMany(u8, p + grown, p, end - p);
  lpWriteInt(u8, p, 0, item.lo + 1);
  return grown;
}

/** Whether the fields in the arguments are those of the master of the listpack at `base`. */
function hasMasterFields(u8: Uint8Array, base: number, args: Args, first: number, end: number): boolean {
  let p = base + LP_HEAD_BYTES;
  p += lpSize(u8, p);
  p += lpSize(u8, p);
  lpRead(u8, p);
  if (item.lo !== (end - first) >> 1) return false;
  for (let i = first; i < end; i += 2) {
    p += lpSize(u8, p);
    const head = u8[p]!;
    const len = args.len[i]!;
    if (head === (STRING_6 | len) && len <= STRING_6_MAX) {
      const off = args.off[i]!;
      const field = args.u8;
      for (let k = 0; k < len; k++) if (u8[p + 1 + k] !== field[off + k]) return false;
    } else if (!lpEquals(u8, p, args.u8, args.off[i]!, len)) return false;
  }
  return true;
}

/** Number of live entries. */
export function nodeCount(arena: Arena, node: Ptr): number {
  lpRead(bytesOf(arena, node), lpFirst(arena, node));
  return item.lo;
}

/** Counts `gone` more entries as deleted; returns the node, which may have moved. Throws ArenaFullError. */
function countDeleted(arena: Arena, node: Ptr, gone: number): Ptr {
  let p = lpFirst(arena, node);
  lpRead(bytesOf(arena, node), p);
  node = replaceCount(arena, node, p, item.lo, item.lo - gone);
  const u8 = bytesOf(arena, node);
  p = lpFirst(arena, node);
  p += lpSize(u8, p);
  lpRead(u8, p);
  return replaceCount(arena, node, p, item.lo, item.lo + gone);
}

function replaceCount(arena: Arena, node: Ptr, p: number, before: number, after: number): Ptr {
  if (lpIntBytes(0, before) !== lpIntBytes(0, after)) return lpReplaceInt(arena, node, p, 0, after);
  if (arena.tracking !== 0) arena.touch(node, p - byteIndex(node), INT_BYTES_MAX);
  lpWriteInt(bytesOf(arena, node), p, 0, after);
  return node;
}

/** Number of entries, deleted ones included. */
export function nodeEntries(arena: Arena, node: Ptr): number {
  const u8 = bytesOf(arena, node);
  const p = byteIndex(node) + LP_HEAD_BYTES;
  if (u8[p]! <= INT_7_MAX && u8[p + 2]! <= INT_7_MAX) return u8[p]! + u8[p + 2]!;
  lpRead(u8, p);
  const live = item.lo;
  lpRead(u8, p + lpSize(u8, p));
  return live + item.lo;
}

/** Walks the entries of one node. */
export class NodeCursor {
  readonly id = new StreamId();
  flags = 0;
  /** Number of fields of the present entry. */
  fields = 0;
  /** Where the entry begins, and where its fields and values do. */
  start = 0;
  private data = 0;
  /** Where the next entry begins; 0: not looked for yet. */
  private after = 0;
  private arena: Arena | null = null;
  private node: Ptr = NULL;
  private u8 = new Uint8Array(0);
  private dv = new DataView(this.u8.buffer);
  private readonly master = new StreamId();
  private masterFields = 0;
  private masterFirst = 0;
  private first = 0;
  private base = 0;

  /** Stands before the first entry. `master`: id of the node. */
  open(arena: Arena, node: Ptr, master: StreamId): this {
    this.arena = arena;
    this.node = node;
    this.u8 = bytesOf(arena, node) as Uint8Array<ArrayBuffer>;
    this.dv = viewOf(arena, node) as DataView<ArrayBuffer>;
    return this.begin(byteIndex(node), master);
  }

  /** As `open`, for a listpack in bytes of its own; nothing can be deleted in it. */
  openBytes(u8: Uint8Array<ArrayBuffer>, master: StreamId): this {
    this.arena = null;
    this.u8 = u8;
    this.dv = new DataView(u8.buffer);
    return this.begin(0, master);
  }

  /** Whether the present entry was not deleted. */
  get isLive(): boolean {
    return (this.flags & DELETED) === 0;
  }

  private begin(base: number, master: StreamId): this {
    this.master.set(master);
    this.base = base;
    const { u8 } = this;
    let p = base + LP_HEAD_BYTES;
    p += lpSize(u8, p);
    p += lpSize(u8, p);
    lpRead(u8, p);
    this.masterFields = item.lo;
    p += lpSize(u8, p);
    this.masterFirst = p;
    for (let i = 0; i < this.masterFields; i++) p += lpSize(u8, p);
    this.first = p + lpSize(u8, p);
    this.after = this.first;
    return this;
  }

  /** Stands behind the last entry. */
  toEnd(): void {
    this.start = this.base + this.dv.getInt32(this.base, true) - 1;
  }

  /** Goes to the next entry, deleted or not; false behind the last. */
  next(): boolean {
    if (this.after === 0) this.pass();
    if (this.u8[this.after] === LP_END) return false;
    this.read(this.after);
    return true;
  }

  /** Goes to the entry before; false before the first. */
  previous(): boolean {
    if (this.start <= this.first) return false;
    const { u8 } = this;
    let p = lpPrevOf(u8, this.start);
    lpRead(u8, p);
    for (let n = item.lo; n > 0; n--) p = lpPrevOf(u8, p);
    this.read(p);
    return true;
  }

  private read(p: number): void {
    const { u8 } = this;
    this.start = p;
    lpRead(u8, p);
    this.flags = item.lo;
    p += lpSize(u8, p);
    lpRead(u8, p);
    addDifference(this.master.msHi, this.master.msLo);
    this.id.msHi = sum.hi;
    this.id.msLo = sum.lo;
    p += lpSize(u8, p);
    lpRead(u8, p);
    addDifference(this.master.seqHi, this.master.seqLo);
    this.id.seqHi = sum.hi;
    this.id.seqLo = sum.lo;
    p += lpSize(u8, p);
    if ((this.flags & SAME_FIELDS) !== 0) this.fields = this.masterFields;
    else {
      lpRead(u8, p);
      this.fields = item.lo;
      p += lpSize(u8, p);
    }
    this.data = p;
    this.after = 0;
  }

  /** Finds where the next entry begins. */
  private pass(): void {
    const { u8 } = this;
    let p = this.data;
    const parts = (this.flags & SAME_FIELDS) !== 0 ? this.fields : this.fields * 2;
    for (let i = 0; i < parts; i++) p += lpSize(u8, p);
    this.after = p + lpSize(u8, p);
  }

  /** Writes fields and values of the present entry as an array. */
  // hot: XRANGE, XREAD
  reply(reply: Reply): void {
    const { u8, dv } = this;
    reply.array(this.fields * 2);
    const same = (this.flags & SAME_FIELDS) !== 0;
    let field = this.masterFirst;
    let p = this.data;
    for (let i = 0; i < this.fields; i++) {
      if (same) {
        lpBytes(u8, dv, field);
        field += lpSize(u8, field);
      } else {
        lpBytes(u8, dv, p);
        p += lpSize(u8, p);
      }
      reply.bulkView(item.u8, item.dv, item.off, item.len);
      lpBytes(u8, dv, p);
      p += lpSize(u8, p);
      reply.bulkView(item.u8, item.dv, item.off, item.len);
    }
    this.after = p + lpSize(u8, p);
  }

  /** Calls `each` with each field and value of the present entry, as copies. Cold. */
  each(each: (bytes: Uint8Array) => void): void {
    const { u8, dv } = this;
    const take = (p: number): void => {
      lpBytes(u8, dv, p);
      each(item.u8.slice(item.off, item.off + item.len));
    };
    const same = (this.flags & SAME_FIELDS) !== 0;
    let field = this.masterFirst;
    let p = this.data;
    for (let i = 0; i < this.fields; i++) {
      if (same) {
        take(field);
        field += lpSize(u8, field);
      } else {
        take(p);
        p += lpSize(u8, p);
      }
      take(p);
      p += lpSize(u8, p);
    }
  }

  /** Marks the present entry as deleted; `settle` must follow. */
  mark(): void {
    const { arena } = this;
    if (arena === null) throw new Error('a stream node outside of a cell');
    arena.touch(this.node, this.start - this.base, 1);
    this.flags |= DELETED;
    // Flags are one byte whatever they are.
    this.u8[this.start] = this.flags;
  }

  /** Counts `gone` marked entries; returns the node, which may have moved. The cursor is void afterwards. */
  settle(gone: number): Ptr {
    return countDeleted(this.arena!, this.node, gone);
  }
}
