/**
 * Sets in RDB form: an intset as it is, all else as a row of members, which every Redis reads. A packed set could go as
 * it is too, but only 7.2 and later understand that (RDB_SET_LISTPACK): it is written when the writer's version allows.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import { CELL_BYTES_MAX, type Ptr } from '../../../shared/memory/ptr.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { SET_INTSET, SET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf, setRoot } from '../../entry/root.js';
import type { ForeignEntries } from '../../rdb/foreign-entries.js';
import { ForeignIntset } from '../../rdb/foreign-intset.js';
import { ForeignListpack } from '../../rdb/foreign-listpack.js';
import { RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_VERSION_7_2 } from '../../rdb/rdb-format.js';
import { BAD_DATA, type RdbReader, type Text } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import { asListpack } from '../../rdb/repack.js';
import type { ValueContext } from '../../services/value-context.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { intsetBytes, intsetFrom } from './intset.js';
import { SetCursor } from './set-cursor.js';
import { made, newSet, setAdd, setCount } from './set-value.js';

const CURSOR = new SetCursor();
const LISTPACK = new ForeignListpack();
const INTSET = new ForeignIntset();

// ---- writing

/** The form in which `writeSet` writes the set of an entry. @requires lease */
export function setForm(arena: Arena, e: Ptr, version: number): number {
  const encoding = entryEncoding(arena, e);
  if (encoding === SET_INTSET) return RDB_SET_INTSET;
  return encoding === SET_PACKED && version >= RDB_VERSION_7_2 ? RDB_SET_LISTPACK : RDB_SET;
}

/** Writes the set of an entry. @requires lease, `form` from `setForm` */
export function writeSet(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  const root = rootOf(arena, e);
  const u8 = bytesOf(arena, root);
  const at = byteIndex(root);
  if (form === RDB_SET_INTSET) writer.bytes(u8, at, intsetBytes(arena, root));
  else if (form === RDB_SET_LISTPACK) writer.bytes(u8, at, lpTotal(arena, root));
  else {
    writer.length(setCount(arena, e));
    CURSOR.open(arena, e);
    while (CURSOR.next()) writer.string(CURSOR.u8, CURSOR.off, CURSOR.len);
  }
}

// ---- reading

/** Reads a set of the given form into an entry without a root. Throws BAD_DATA and ArenaFullError. */
export function readSet(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  if (form === RDB_SET) {
    readMembers(ctx, e, reader);
    return;
  }
  reader.string();
  const { u8, dv, off, len } = reader.text;
  const { arena } = ctx;
  const { f64 } = ctx.control;
  if (form === RDB_SET_INTSET) {
    if (!INTSET.open(u8, dv, off, len)) throw BAD_DATA;
    const fits = INTSET.count <= f64[CONTROL_F64.setMaxIntsetEntries]! && len <= CELL_BYTES_MAX;
    if (fits) setRoot(arena, e, SET_INTSET, intsetFrom(arena, u8, off, len));
    else addEntries(ctx, e, INTSET);
    return;
  }
  if (!LISTPACK.open(u8, dv, off, len) || LISTPACK.count === 0) throw BAD_DATA;
  const few = LISTPACK.count <= f64[CONTROL_F64.setMaxListpackEntries]!;
  const packed = few ? asListpack(LISTPACK, reader.text) : null;
  if (packed === null) {
    addEntries(ctx, e, LISTPACK);
    return;
  }
  if (packed !== reader.text && !LISTPACK.open(packed.u8, packed.dv, packed.off, packed.len)) throw BAD_DATA;
  if (LISTPACK.hasDuplicates(1)) throw BAD_DATA;
  setRoot(arena, e, SET_PACKED, lpFrom(arena, packed.u8, packed.off, packed.len));
}

function addEntries(ctx: ValueContext, e: Ptr, entries: ForeignEntries): void {
  const { text, count } = entries;
  entries.next();
  begin(ctx, e, text, count);
  do {
    if (!setAdd(ctx, e, text.u8, text.dv, text.off, text.len)) throw BAD_DATA;
  } while (entries.next());
}

function readMembers(ctx: ValueContext, e: Ptr, reader: RdbReader): void {
  const { text } = reader;
  const count = reader.length();
  if (count === 0) throw BAD_DATA;
  reader.string();
  begin(ctx, e, text, count);
  for (let left = count; ; ) {
    if (!setAdd(ctx, e, text.u8, text.dv, text.off, text.len)) throw BAD_DATA;
    if (--left === 0) return;
    reader.string();
  }
}

/** Gives the entry a root that suits the first of `count` members to come. */
function begin(ctx: ValueContext, e: Ptr, text: Text, count: number): void {
  newSet(ctx, text.u8, text.off, text.len, count);
  setRoot(ctx.arena, e, made.encoding, made.root);
}
