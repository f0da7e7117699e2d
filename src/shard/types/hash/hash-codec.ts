/**
 * Hashes in RDB form: a packed one as it is, a table as a row of fields and values. A hash whose fields expire needs
 * forms of Redis 7.4: RDB_HASH_LISTPACK_EX with triples of field, value and time, and RDB_HASH_METADATA with a time
 * before each field; both begin with the earliest time.
 *
 * Older forms are also read: ziplists (2.6 to 6.2), zipmaps (2.4 and before), and the forms of release candidates of
 * 7.4.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number } from '../../../shared/numbers/int64.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { HASH_PACKED, HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding, entryFlags, F_FIELDS, setFlags } from '../../entry/entry.js';
import { rootOf, setRoot } from '../../entry/root.js';
import { type ForeignEntries, KeptText } from '../../rdb/foreign-entries.js';
import { ForeignListpack } from '../../rdb/foreign-listpack.js';
import { ForeignZiplist } from '../../rdb/foreign-ziplist.js';
import { ForeignZipmap } from '../../rdb/foreign-zipmap.js';
import {
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_HASH_LISTPACK_EX,
  RDB_HASH_METADATA,
  RDB_HASH_METADATA_PRE_GA,
  RDB_HASH_ZIPLIST,
  RDB_HASH_ZIPMAP,
} from '../../rdb/rdb-format.js';
import { BAD_DATA, type RdbReader, type Text } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import { asListpack } from '../../rdb/repack.js';
import type { ValueContext } from '../../services/value-context.js';
import { LP_EMPTY_BYTES, lpFrom, lpTotal } from '../../structures/listpack.js';
import { createHashRoot, findField, hashCount, hashNextAt, hasTimes, setField, setFoundAt } from './hash-value.js';
import { HashWalk } from './hash-walk.js';

/** No field expires later than this, unix ms: what Redis allows. */
const FIELD_AT_MS_MAX = 2 ** 48 - 1;

const WALK = new HashWalk();
const LISTPACK = new ForeignListpack();
const ZIPLIST = new ForeignZiplist();
const ZIPMAP = new ForeignZipmap();
/** The field of the pair that is being added. */
const FIELD = new KeptText();

// ---- writing

/** The form in which `writeHash` writes the hash of an entry. @requires lease */
export function hashForm(arena: Arena, e: Ptr): number {
  const encoding = entryEncoding(arena, e);
  if (encoding === HASH_PACKED) return RDB_HASH_LISTPACK;
  if (!hasTimes(arena, e)) return RDB_HASH;
  return encoding === HASH_TABLE ? RDB_HASH_METADATA : RDB_HASH_LISTPACK_EX;
}

/** Writes the hash of an entry, fields that are over included. @requires lease, `form` from `hashForm` */
export function writeHash(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  if (form === RDB_HASH_LISTPACK || form === RDB_HASH_LISTPACK_EX) {
    const root = rootOf(arena, e);
    if (form === RDB_HASH_LISTPACK_EX) writer.milliseconds(hashNextAt(arena, e));
    writer.bytes(bytesOf(arena, root), byteIndex(root), lpTotal(arena, root));
    return;
  }
  const timed = form === RDB_HASH_METADATA;
  const firstAtMs = timed ? hashNextAt(arena, e) : 0;
  if (timed) writer.milliseconds(firstAtMs);
  writer.length(hashCount(arena, e));
  WALK.open(arena, e, Number.NEGATIVE_INFINITY);
  const { text } = WALK;
  while (WALK.next()) {
    if (timed) writer.length(WALK.atMs < 0 ? 0 : WALK.atMs - firstAtMs + 1);
    WALK.readField();
    writer.string(text.u8, text.off, text.len);
    WALK.readValue();
    writer.string(text.u8, text.off, text.len);
  }
}

// ---- reading

/** Reads a hash of the given form into a detached entry without a root. Throws BAD_DATA and ArenaFullError. */
export function readHash(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  readForm(ctx, e, form, reader);
  // The keyspace counts by this flag when the entry is put into it.
  if (hashNextAt(ctx.arena, e) !== Number.POSITIVE_INFINITY) {
    setFlags(ctx.arena, e, entryFlags(ctx.arena, e) | F_FIELDS);
  }
}

function readForm(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  switch (form) {
    case RDB_HASH:
      readPairs(ctx, e, reader);
      return;
    case RDB_HASH_METADATA:
    case RDB_HASH_METADATA_PRE_GA:
      readTimed(ctx, e, form, reader);
      return;
    case RDB_HASH_LISTPACK_EX:
      reader.milliseconds();
      break;
    default:
  }
  reader.string();
  switch (form) {
    case RDB_HASH_ZIPMAP:
      open(ZIPMAP, reader.text);
      addEntries(ctx, e, ZIPMAP);
      return;
    case RDB_HASH_ZIPLIST:
      takePairs(ctx, e, ZIPLIST, reader.text);
      return;
    case RDB_HASH_LISTPACK:
      takePairs(ctx, e, LISTPACK, reader.text);
      return;
    default:
      addTriples(ctx, e, reader.text);
  }
}

/** Opens the entries of a packed hash. Throws BAD_DATA. */
function open(entries: ForeignEntries, input: Text): void {
  if (!entries.open(input.u8, input.dv, input.off, input.len)) throw BAD_DATA;
}

/** Reads alternating fields and values. They stay packed even if single strings are long. */
function takePairs(ctx: ValueContext, e: Ptr, entries: ForeignEntries, input: Text): void {
  open(entries, input);
  const few = entries.count / 2 <= ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]!;
  const packed = few ? asListpack(entries, input) : null;
  if (packed === null) {
    addEntries(ctx, e, entries);
    return;
  }
  if (packed !== input) open(LISTPACK, packed);
  if (LISTPACK.count === 0 || LISTPACK.count % 2 !== 0 || LISTPACK.hasDuplicates(2)) throw BAD_DATA;
  setRoot(ctx.arena, e, HASH_PACKED, lpFrom(ctx.arena, packed.u8, packed.off, packed.len));
}

/** Gives the entry a root that suits `count` fields to come. */
function begin(ctx: ValueContext, e: Ptr, count: number): void {
  if (count === 0) throw BAD_DATA;
  const packed = count <= ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]!;
  const encoding = packed ? HASH_PACKED : HASH_TABLE;
  setRoot(ctx.arena, e, encoding, createHashRoot(ctx.arena, encoding, LP_EMPTY_BYTES));
}

/** Adds a field that must not be there yet. */
function add(ctx: ValueContext, e: Ptr, field: Text, value: Text): void {
  if (!setField(ctx, e, field.u8, field.dv, field.off, field.len, value.u8, value.dv, value.off, value.len, false)) {
    throw BAD_DATA;
  }
}

/** Gives a field that was just added its time; 0: it stays. */
function setTime(ctx: ValueContext, e: Ptr, field: Text, atMs: number): void {
  if (atMs === 0) return;
  if (!(atMs > 0 && atMs <= FIELD_AT_MS_MAX)) throw BAD_DATA;
  findField(ctx.arena, e, field.u8, field.dv, field.off, field.len);
  setFoundAt(ctx.arena, e, atMs);
}

function readPairs(ctx: ValueContext, e: Ptr, reader: RdbReader): void {
  const count = reader.length();
  begin(ctx, e, count);
  for (let left = count; left > 0; left--) {
    reader.pair();
    add(ctx, e, reader.first, reader.text);
  }
}

function readTimed(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  const base = form === RDB_HASH_METADATA ? reader.milliseconds() - 1 : 0;
  const count = reader.length();
  begin(ctx, e, count);
  for (let left = count; left > 0; left--) {
    const time = reader.length();
    reader.pair();
    add(ctx, e, reader.first, reader.text);
    setTime(ctx, e, reader.first, time === 0 ? 0 : base + time);
  }
}

/** Fields and values by turns. */
function addEntries(ctx: ValueContext, e: Ptr, entries: ForeignEntries): void {
  if (entries.count % 2 !== 0) throw BAD_DATA;
  begin(ctx, e, entries.count / 2);
  while (entries.next()) {
    FIELD.keep(entries.text);
    entries.next();
    add(ctx, e, FIELD, entries.text);
  }
}

/** Reads triples of field, value and time. */
function addTriples(ctx: ValueContext, e: Ptr, input: Text): void {
  open(LISTPACK, input);
  if (LISTPACK.count % 3 !== 0) throw BAD_DATA;
  begin(ctx, e, LISTPACK.count / 3);
  while (LISTPACK.next()) {
    FIELD.keep(LISTPACK.text);
    LISTPACK.next();
    add(ctx, e, FIELD, LISTPACK.text);
    if (!LISTPACK.nextInt()) throw BAD_DATA;
    setTime(ctx, e, FIELD, int64Number(int64.hi, int64.lo));
  }
}
