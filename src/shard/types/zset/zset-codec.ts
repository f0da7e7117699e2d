/**
 * Sorted sets in RDB form: a packed one as it is, a tree as a row of members with their scores in 8 bytes each, from
 * the highest down, which is the order that Redis's skiplist takes in fastest.
 *
 * Read are also rows with scores as text (before 4.0) and ziplists (2.6 to 6.2).
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { rootOf, setRoot } from '../../entry/root.js';
import { type ForeignEntries, KeptText } from '../../rdb/foreign-entries.js';
import { ForeignListpack } from '../../rdb/foreign-listpack.js';
import { ForeignZiplist } from '../../rdb/foreign-ziplist.js';
import { RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST } from '../../rdb/rdb-format.js';
import { BAD_DATA, parseDouble, type RdbReader, type Text } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import { asListpack } from '../../rdb/repack.js';
import type { ValueContext } from '../../services/value-context.js';
import { compareBytes, elementName, name } from '../../structures/element.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { ScoreCursor } from '../../structures/score-cursor.js';
import { TREE_WORD } from './zset-tree.js';
import { made, newZset, ZSET_ADDED, zsetAdd, zsetCount } from './zset-value.js';

const CURSOR = new ScoreCursor();
const LISTPACK = new ForeignListpack();
const ZIPLIST = new ForeignZiplist();
/** Members that are looked at while the entry behind them is read. */
const EVEN = new KeptText();
const ODD = new KeptText();

// ---- writing

/** The form in which `writeZset` writes the sorted set of an entry. @requires lease */
export function zsetForm(arena: Arena, e: Ptr): number {
  return entryEncoding(arena, e) === ZSET_PACKED ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
}

/** Writes the sorted set of an entry. @requires lease, `form` from `zsetForm` */
export function writeZset(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  const root = rootOf(arena, e);
  if (form === RDB_ZSET_LISTPACK) {
    writer.bytes(bytesOf(arena, root), byteIndex(root), lpTotal(arena, root));
    return;
  }
  const count = zsetCount(arena, e);
  writer.length(count);
  CURSOR.open(arena, root, TREE_WORD, count - 1);
  for (let el = CURSOR.previous(); el !== 0; el = CURSOR.previous()) {
    elementName(arena, el);
    writer.string(name.u8, name.off, name.len);
    writer.double(CURSOR.score);
  }
}

// ---- reading

/** Reads a sorted set of the given form into an entry without a root. Throws BAD_DATA and ArenaFullError. */
export function readZset(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  if (form === RDB_ZSET || form === RDB_ZSET_2) {
    readScored(ctx, e, form, reader);
    return;
  }
  reader.string();
  takePairs(ctx, e, form === RDB_ZSET_ZIPLIST ? ZIPLIST : LISTPACK, reader.text);
}

/** Reads alternating members and scores. They stay packed even if single members are long. */
function takePairs(ctx: ValueContext, e: Ptr, entries: ForeignEntries, input: Text): void {
  if (!entries.open(input.u8, input.dv, input.off, input.len)) throw BAD_DATA;
  const few = entries.count / 2 <= ctx.control.f64[CONTROL_F64.zsetMaxListpackEntries]!;
  const packed = few ? asListpack(entries, input) : null;
  if (packed === null) {
    addEntries(ctx, e, entries);
    return;
  }
  if (packed !== input && !LISTPACK.open(packed.u8, packed.dv, packed.off, packed.len)) throw BAD_DATA;
  if (LISTPACK.count === 0 || LISTPACK.count % 2 !== 0 || LISTPACK.hasDuplicates(2)) throw BAD_DATA;
  if (inOrder()) {
    setRoot(ctx.arena, e, ZSET_PACKED, lpFrom(ctx.arena, packed.u8, packed.off, packed.len));
    return;
  }
  LISTPACK.rewind();
  addEntries(ctx, e, LISTPACK);
}

/** Whether the listpack's members are in the order of their scores. Throws BAD_DATA when a score is no number. */
function inOrder(): boolean {
  let before = Number.NEGATIVE_INFINITY;
  let last = EVEN;
  let member = ODD;
  for (let first = true; LISTPACK.next(); first = false) {
    member.keep(LISTPACK.text);
    const score = scoreAfter(LISTPACK);
    if (score < before) return false;
    if (!first && score === before) {
      if (compareBytes(last.u8, last.off, last.len, member.u8, member.off, member.len) >= 0) return false;
    }
    before = score;
    const next = last;
    last = member;
    member = next;
  }
  return true;
}

/** The score behind the member that was just read. Throws BAD_DATA when it is none. */
function scoreAfter(entries: ForeignEntries): number {
  const { text } = entries;
  const score = entries.next() ? parseDouble(text.u8, text.off, text.len) : Number.NaN;
  if (Number.isNaN(score)) throw BAD_DATA;
  return score;
}

/** Members and scores by turns. */
function addEntries(ctx: ValueContext, e: Ptr, entries: ForeignEntries): void {
  begin(ctx, e, entries.count / 2);
  while (entries.next()) {
    ODD.keep(entries.text);
    add(ctx, e, scoreAfter(entries), ODD);
  }
}

function readScored(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  const count = reader.length();
  begin(ctx, e, count);
  for (let left = count; left > 0; left--) {
    reader.string();
    reader.keep();
    const score = form === RDB_ZSET_2 ? reader.double() : reader.textDouble();
    if (Number.isNaN(score)) throw BAD_DATA;
    add(ctx, e, score, reader.first);
  }
}

/** Gives the entry a root that suits `count` members to come. */
function begin(ctx: ValueContext, e: Ptr, count: number): void {
  if (count === 0) throw BAD_DATA;
  newZset(ctx, count, 0);
  setRoot(ctx.arena, e, made.encoding, made.root);
}

/** Adds a member that must not be there yet. */
function add(ctx: ValueContext, e: Ptr, score: number, member: Text): void {
  if (zsetAdd(ctx, e, score, member.u8, member.dv, member.off, member.len, 0) !== ZSET_ADDED) throw BAD_DATA;
}
