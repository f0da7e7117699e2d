/**
 * A hash as the commands see it, whatever its encoding: finding a field, setting, deleting, its time of expiry.
 *
 *     HASH_PACKED      one listpack of pairs                     hash-packed.ts
 *     HASH_PACKED_EX   one listpack of triples, by time
 *     HASH_TABLE       element table, a tree of the times beside hash-table.ts
 *
 * Values grow from one to the other in place and never back. `findField` leaves behind where the field is (`found`),
 * and the calls named ...Found use that.
 *
 * The entry of a hash with a field that expires has the flag F_FIELDS, and the keyspace's tables count such entries and
 * know a lower bound of their times (keyspace.ts), so that active expiry finds them. `setFieldAt`, `setField` and
 * `deleteFound` leave that to `syncFieldExpiry`, which the command calls once when `HashChange.timed` says so.
 *
 * Invariants: (1) lease held; (2) `found` is void after the next change; (3) F_FIELDS is set exactly while some field
 * has a time of expiry, past or not, after `syncFieldExpiry`; (4) running out of memory leaves a hash whole.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { HASH_PACKED, HASH_PACKED_EX, HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding, F_FIELDS, valueWordOffset } from '../../entry/entry.js';
import { moveRoot, rootOf, setRoot } from '../../entry/root.js';
import type { ValueContext } from '../../services/value-context.js';
import { value as elementSpan, elementValue, replyValue, valueLengthOf } from '../../structures/element.js';
import { lpCount, lpCreate, lpDelete, lpFind, lpFirst, lpReplace } from '../../structures/listpack.js';
import { item, lpBytes, lpRead, lpSize, lpTextLength } from '../../structures/listpack-entry.js';
import {
  PAIR,
  packedAppend,
  packedDue,
  packedNextAt,
  packedRoom,
  packedSetAt,
  TRIPLE,
  tripleAt,
  triplesFromPairs,
} from './hash-packed.js';
import {
  createHashTable,
  openTable,
  tableAdd,
  tableAtMs,
  tableDelete,
  tableFromPacked,
  tableNextAt,
  tableOverwrite,
  tableSetAt,
} from './hash-table.js';
import { timesDue } from './hash-times.js';

/** No time of expiry. */
export const STAYS = -1;

/** Where the last `findField` found its field: a position in the listpack or an element of the table. */
class Found {
  p = 0;
  el: Ptr = NULL;
}

export const found = new Found();

/** A place in some bytes, as `readFound` fills it. */
class Text {
  u8: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
}

export const text = new Text();

/** Entries of a field in the listpack of an entry that is no table. */
function strideOf(encoding: number): number {
  return encoding === HASH_PACKED ? PAIR : TRIPLE;
}

/** Whether some field of the hash has a time of expiry. */
export function hasTimes(arena: Arena, e: Ptr): boolean {
  return (wordAt(arena, e, 0) & (F_FIELDS << 8)) !== 0;
}

/** Number of fields, with those that are over and still there. */
export function hashCount(arena: Arena, e: Ptr): number {
  const encoding = entryEncoding(arena, e);
  const root = rootOf(arena, e);
  if (encoding === HASH_TABLE) return openTable(arena, root).count;
  return lpCount(arena, root) / strideOf(encoding);
}

/** A root for a new hash, and its encoding in the low bit. Throws ArenaFullError. */
export function createHashRoot(arena: Arena, encoding: number, bytes: number): Ptr {
  return encoding === HASH_TABLE ? createHashTable(arena) : lpCreate(arena, bytes);
}

// ---- finding

/** Whether the hash has the field of `len` bytes at `off`; it is in `found` then. */
// hot: every command on hashes
export function findField(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  const root = i32[w + valueWordOffset(head)]! as Ptr;
  const encoding = (head >>> 4) & 15;
  if (encoding === HASH_TABLE) {
    const el = openTable(arena, root).find(u8, dv, off, len);
    found.el = el;
    return el !== NULL;
  }
  const p = lpFind(arena, root, lpFirst(arena, root), u8, off, len, strideOf(encoding) - 1);
  found.p = p;
  return p !== 0;
}

/** Writes the value of the found field as a bulk string. */
// hot: every HGET
export function replyFound(arena: Arena, e: Ptr, reply: Reply): void {
  if (entryEncoding(arena, e) === HASH_TABLE) {
    replyValue(arena, found.el, reply);
    return;
  }
  const segment = segmentOf(rootOf(arena, e));
  const u8 = arena.u8[segment]!;
  replyPacked(u8, arena.dv[segment]!, found.p + lpSize(u8, found.p), reply);
}

/** Writes the listpack entry at `p` as a bulk string. */
export function replyPacked(u8: Uint8Array, dv: DataView, p: number, reply: Reply): void {
  lpRead(u8, p);
  if (item.isInt) reply.bulkInt64(item.hi, item.lo);
  else reply.bulkView(u8, dv, item.off, item.len);
}

/** Length in bytes of the found field's value. */
export function foundLength(arena: Arena, e: Ptr): number {
  if (entryEncoding(arena, e) === HASH_TABLE) return valueLengthOf(arena, found.el);
  const u8 = bytesOf(arena, rootOf(arena, e));
  return lpTextLength(u8, found.p + lpSize(u8, found.p));
}

/** Fills `text` with the found field's value. */
export function readFound(arena: Arena, e: Ptr): void {
  if (entryEncoding(arena, e) === HASH_TABLE) {
    elementValue(arena, found.el);
    text.u8 = elementSpan.u8;
    text.off = elementSpan.off;
    text.len = elementSpan.len;
    return;
  }
  const segment = segmentOf(rootOf(arena, e));
  const u8 = arena.u8[segment]!;
  lpBytes(u8, arena.dv[segment]!, found.p + lpSize(u8, found.p));
  text.u8 = item.u8;
  text.off = item.off;
  text.len = item.len;
}

/** When the found field expires, unix ms; STAYS when it does not. */
export function foundAtMs(arena: Arena, e: Ptr): number {
  switch (entryEncoding(arena, e)) {
    case HASH_PACKED:
      return STAYS;
    case HASH_TABLE:
      return tableAtMs(arena, found.el);
    default: {
      const at = tripleAt(bytesOf(arena, rootOf(arena, e)), found.p);
      return at === 0 ? STAYS : at;
    }
  }
}

// ---- times

/** The earliest time of expiry among the fields; Infinity when all stay. */
export function hashNextAt(arena: Arena, e: Ptr): number {
  switch (entryEncoding(arena, e)) {
    case HASH_PACKED:
      return Number.POSITIVE_INFINITY;
    case HASH_TABLE:
      return tableNextAt(arena, rootOf(arena, e));
    default:
      return packedNextAt(arena, rootOf(arena, e));
  }
}

/** How many fields expire before `nowMs`. */
export function hashDue(arena: Arena, e: Ptr, nowMs: number): number {
  if (!hasTimes(arena, e)) return 0;
  const root = rootOf(arena, e);
  return entryEncoding(arena, e) === HASH_TABLE ? timesDue(arena, root, nowMs) : packedDue(arena, root, nowMs);
}

/** Tells the keyspace, whose cursor stands at `e`, when the hash has something due. */
export function syncFieldExpiry(ctx: ValueContext, e: Ptr): void {
  ctx.keyspace.setFieldExpiry(e, hashNextAt(ctx.arena, e));
}

/**
 * Gives the found field a time of expiry (unix ms), or STAYS. The encoding may change. `syncFieldExpiry` must follow.
 * @requires findField. Throws ArenaFullError.
 */
export function setFoundAt(arena: Arena, e: Ptr, atMs: number): void {
  if (entryEncoding(arena, e) === HASH_PACKED) {
    if (atMs === STAYS) return;
    const index = packedIndex(arena, e, PAIR);
    if (!toTriples(arena, e)) {
      setAtInTable(arena, e, index, atMs);
      return;
    }
    found.p = packedPlace(arena, e, index * TRIPLE);
  }
  if (entryEncoding(arena, e) === HASH_PACKED_EX) {
    if (packedRoom(arena, rootOf(arena, e), 0)) {
      const root = rootOf(arena, e);
      const next = packedSetAt(arena, root, found.p, atMs === STAYS ? 0 : atMs);
      if (next !== root) moveRoot(arena, e, next);
      return;
    }
    setAtInTable(arena, e, packedIndex(arena, e, TRIPLE), atMs);
    return;
  }
  tableSetAt(arena, rootOf(arena, e), found.el, atMs);
}

/** Makes the listpack a table and gives the field that stood at `index` its time there. */
function setAtInTable(arena: Arena, e: Ptr, index: number, atMs: number): void {
  const stride = strideOf(entryEncoding(arena, e));
  const root = rootOf(arena, e);
  lpBytes(bytesOf(arena, root), viewOf(arena, root), packedPlace(arena, e, index * stride));
  const name = item.u8.slice(item.off, item.off + item.len);
  toTable(arena, e);
  findField(arena, e, name, new DataView(name.buffer), 0, name.length);
  tableSetAt(arena, rootOf(arena, e), found.el, atMs);
}

/** Number of the field at `found.p`. */
function packedIndex(arena: Arena, e: Ptr, stride: number): number {
  const root = rootOf(arena, e);
  const u8 = bytesOf(arena, root);
  let index = 0;
  for (let p = lpFirst(arena, root); p !== found.p; p += lpSize(u8, p)) index++;
  return index / stride;
}

/** Position of the entry at `index`, which is there. */
function packedPlace(arena: Arena, e: Ptr, index: number): number {
  const root = rootOf(arena, e);
  const u8 = bytesOf(arena, root);
  let p = lpFirst(arena, root);
  for (; index > 0; index--) p += lpSize(u8, p);
  return p;
}

// ---- changing

/** What `setField` did besides returning whether the field is new. */
class HashChange {
  /** A time of expiry went: `syncFieldExpiry` must follow. */
  timed = false;
}

export const change = new HashChange();

/**
 * Sets a field to `vlen` bytes at `voff` of `vu8`; `keepTime`: its time of expiry stays, else it goes. Returns whether
 * the field is new. The encoding may change. @requires the bytes lie outside of the arena. Throws ArenaFullError.
 */
// hot: every HSET
export function setField(
  ctx: ValueContext,
  e: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
  keepTime: boolean,
): boolean {
  const arena = ctx.arena;
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const encoding = (i32[w]! >>> 4) & 15;
  if (encoding !== HASH_TABLE) {
    const f64 = ctx.control.f64;
    const max = f64[CONTROL_F64.hashMaxListpackValue]!;
    const root = rootOf(arena, e);
    if (len <= max && vlen <= max && packedRoom(arena, root, len + vlen)) {
      return setPacked(ctx, e, root, encoding, u8, dv, off, len, vu8, vdv, voff, vlen, keepTime);
    }
    toTable(arena, e);
  }
  const root = rootOf(arena, e);
  const table = openTable(arena, root);
  const el = table.find(u8, dv, off, len);
  if (el === NULL) {
    tableAdd(arena, u8, dv, off, len, vu8, vdv, voff, vlen);
    return true;
  }
  if (tableOverwrite(arena, root, el, vu8, vdv, voff, vlen, keepTime)) change.timed = true;
  return false;
}

function setPacked(
  ctx: ValueContext,
  e: Ptr,
  root: Ptr,
  encoding: number,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  vu8: Uint8Array,
  vdv: DataView,
  voff: number,
  vlen: number,
  keepTime: boolean,
): boolean {
  const arena = ctx.arena;
  const stride = strideOf(encoding);
  const p = lpFind(arena, root, lpFirst(arena, root), u8, off, len, stride - 1);
  if (p === 0) {
    const next = packedAppend(arena, root, stride, u8, dv, off, len, vu8, vdv, voff, vlen);
    if (next !== root) moveRoot(arena, e, next);
    if (lpCount(arena, next) > ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]! * stride) toTable(arena, e);
    return true;
  }
  const bytes = bytesOf(arena, root);
  const offset = p - byteIndex(root);
  let next = lpReplace(arena, root, p + lpSize(bytes, p), vu8, voff, vlen);
  if (next !== root) moveRoot(arena, e, next);
  if (encoding === HASH_PACKED_EX && !keepTime) {
    const at = byteIndex(next) + offset;
    if (tripleAt(bytesOf(arena, next), at) !== 0) {
      root = next;
      next = packedSetAt(arena, root, at, 0);
      if (next !== root) moveRoot(arena, e, next);
      change.timed = true;
    }
  }
  if (lpCount(arena, next) > ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]! * stride) toTable(arena, e);
  return false;
}

/** Deletes the found field. The hash may be empty then; if the field had a time, `syncFieldExpiry` must follow. */
export function deleteFound(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  const encoding = entryEncoding(arena, e);
  if (encoding === HASH_TABLE) {
    tableDelete(arena, root, found.el);
    return;
  }
  const next = lpDelete(arena, root, found.p, strideOf(encoding));
  if (next !== root) moveRoot(arena, e, next);
}

// ---- other encodings

/** Makes a packed hash a table. Throws ArenaFullError, and nothing has changed then. */
export function toTable(arena: Arena, e: Ptr): void {
  const encoding = entryEncoding(arena, e);
  if (encoding === HASH_TABLE) return;
  const root = rootOf(arena, e);
  const table = tableFromPacked(arena, root, strideOf(encoding));
  setRoot(arena, e, HASH_TABLE, table);
  free(arena, root);
}

/** Makes pairs triples; false, and nothing done, when they do not fit into a cell. Throws ArenaFullError. */
function toTriples(arena: Arena, e: Ptr): boolean {
  const root = rootOf(arena, e);
  const next = triplesFromPairs(arena, root);
  if (next === NULL) return false;
  setRoot(arena, e, HASH_PACKED_EX, next);
  free(arena, root);
  return true;
}
