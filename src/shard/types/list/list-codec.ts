/**
 * Lists in RDB form: as QUICKLIST_2, a row of nodes that are listpacks. A node here is a listpack but for head and end
 * mark, so a node is written as it is; an element in a blob becomes a listpack with one entry, as in Redis.
 *
 * Read are that form, quicklists of ziplists (3.2 to 6.2), one ziplist, and plain rows of strings.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf } from '../../../shared/memory/cell.js';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { LIST_PACKED } from '../../entry/encodings.js';
import { setRoot } from '../../entry/root.js';
import type { ForeignEntries } from '../../rdb/foreign-entries.js';
import { ForeignListpack } from '../../rdb/foreign-listpack.js';
import { ForeignZiplist } from '../../rdb/foreign-ziplist.js';
import { NODE_PACKED, NODE_PLAIN, RDB_LIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST } from '../../rdb/rdb-format.js';
import { BAD_DATA, type RdbReader, type Text } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobRead } from '../../structures/blob.js';
import { listLimits, useListLimits } from './list-limits.js';
import {
  addCount,
  createNode,
  gap,
  isPlainNode,
  nodeBytes,
  nodeCount,
  nodeFirst,
  nodeNext,
  openBack,
  plainBlob,
  plainLength,
} from './list-node.js';
import {
  addLength,
  createPacked,
  endNode,
  entryBound,
  growConvert,
  linkBetween,
  listLength,
  listNodes,
  listPush,
  shrinkConvert,
  toQuick,
} from './list-value.js';

const HEAD_BYTES = 6;
const END = 0xff;
const STRING_32_BITS = 0xf0;
/** Shorter strings have other heads. */
const SHORT_BYTES = 4096;
/** Longer elements are written piece by piece, not compressed. */
const ASSEMBLED_BYTES_MAX = 16 * 1024 * 1024;
/** Room of a new list's only node. */
const FIRST_NODE_BYTES = 64;
/** Most elements of a node. */
const NODE_COUNT_MAX = 65_534;
/** No packed element is longer; a threshold below means that some would have to be plain. */
const LONGEST_PACKED = CELL_BYTES_MAX;

const NODE = new Uint8Array(CELL_BYTES_MAX + HEAD_BYTES + 1);
const LISTPACK = new ForeignListpack();
const ZIPLIST = new ForeignZiplist();

// ---- writing

/** Writes the list of an entry as RDB_LIST_QUICKLIST_2. @requires lease */
export function writeList(writer: RdbWriter, arena: Arena, e: Ptr): void {
  writer.length(listNodes(arena, e));
  for (let node = endNode(arena, e, true); node !== 0; node = nodeNext(arena, node)) {
    if (isPlainNode(arena, node)) writePlain(writer, arena, plainBlob(arena, node), plainLength(arena, node));
    else writePacked(writer, arena, node);
  }
}

/** A node's entries with what makes them a listpack. */
function writePacked(writer: RdbWriter, arena: Arena, node: Ptr): void {
  const bytes = nodeBytes(arena, node);
  setHead(NODE, bytes + HEAD_BYTES + 1, nodeCount(arena, node));
  copyBytes(NODE, HEAD_BYTES, bytesOf(arena, node), nodeFirst(arena, node), bytes);
  NODE[HEAD_BYTES + bytes] = END;
  writer.length(NODE_PACKED);
  writer.bytes(NODE, 0, HEAD_BYTES + bytes + 1);
}

function setHead(u8: Uint8Array, total: number, count: number): void {
  for (let i = 0; i < 4; i++) u8[i] = total >>> (8 * i);
  u8[4] = count & 255;
  u8[5] = count >> 8;
}

/** A listpack whose only entry is a blob. A short one, of a test that lowered the threshold, goes as a plain node. */
function writePlain(writer: RdbWriter, arena: Arena, blob: Ptr, len: number): void {
  if (len < SHORT_BYTES) {
    writer.length(NODE_PLAIN);
    writer.blob(arena, blob, len);
    return;
  }
  writer.length(NODE_PACKED);
  const size = 5 + len;
  const back = backlen(size);
  const total = HEAD_BYTES + size + back.length + 1;
  const head = new Uint8Array(HEAD_BYTES + 5);
  setHead(head, total, 1);
  head[HEAD_BYTES] = STRING_32_BITS;
  for (let i = 0; i < 4; i++) head[HEAD_BYTES + 1 + i] = len >>> (8 * i);
  if (writer.compress && total <= ASSEMBLED_BYTES_MAX) {
    const whole = new Uint8Array(total);
    whole.set(head);
    blobRead(arena, blob, 0, whole, head.length, len);
    whole.set(back, head.length + len);
    whole[total - 1] = END;
    writer.bytes(whole, 0, total);
    return;
  }
  writer.length(total);
  writer.raw(head, 0, head.length);
  writer.blobRaw(arena, blob, len);
  writer.raw(Uint8Array.of(...back, END), 0, back.length + 1);
}

/** The size of an entry once more, as it stands behind it. @requires size > 4096 */
function backlen(size: number): Uint8Array {
  invariant(size > 4096, 'size > 4096');
  const n = size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
  const out = new Uint8Array(n);
  for (let i = n - 1; i >= 0; i--) {
    out[i] = i > 0 ? (size % 128) | 128 : size;
    size = Math.floor(size / 128);
  }
  return out;
}

// ---- reading

/** Reads a list of the given form into an entry without a root. Throws BAD_DATA and ArenaFullError. */
export function readList(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  const { arena } = ctx;
  useListLimits(ctx.control);
  setRoot(arena, e, LIST_PACKED, createPacked(arena, FIRST_NODE_BYTES, false));
  if (form === RDB_LIST_ZIPLIST) readNode(arena, e, reader, ZIPLIST);
  else if (form === RDB_LIST_QUICKLIST_2) readNodes(arena, e, reader);
  else {
    for (let left = reader.length(); left > 0; left--) {
      if (form === RDB_LIST) readElement(arena, e, reader);
      else readNode(arena, e, reader, ZIPLIST);
    }
  }
  if (listLength(arena, e) === 0) throw BAD_DATA;
  shrinkConvert(arena, e, false);
}

/** The nodes of QUICKLIST_2. */
function readNodes(arena: Arena, e: Ptr, reader: RdbReader): void {
  toQuick(arena, e);
  // From the first node on that is none of ours, elements are added one by one, so that nodes are full.
  let whole = listLimits.threshold >= LONGEST_PACKED;
  for (let left = reader.length(); left > 0; left--) {
    const kind = reader.length();
    if (kind === NODE_PACKED) {
      whole = openNode(reader, LISTPACK) && whole && takeNode(arena, e, reader.text);
      if (!whole) addEntries(arena, e, LISTPACK);
    } else if (kind === NODE_PLAIN) {
      readElement(arena, e, reader);
      if (reader.text.len === 0) throw BAD_DATA;
    } else throw BAD_DATA;
  }
}

/** Makes the opened listpack a node; false when it is not what a node may be. */
function takeNode(arena: Arena, e: Ptr, input: Text): boolean {
  const { count } = LISTPACK;
  const bytes = input.len - HEAD_BYTES - 1;
  if (count === 0) return true;
  if (!LISTPACK.canonical || count > Math.min(listLimits.countMax, NODE_COUNT_MAX) || bytes > listLimits.nodeRoom) {
    return false;
  }
  const node = createNode(arena, bytes, true);
  openBack(arena, node, bytes);
  copyBytes(bytesOf(arena, node), gap.at, input.u8, input.off + HEAD_BYTES, bytes);
  addCount(arena, node, count);
  linkBetween(arena, e, endNode(arena, e, false), NULL, node);
  addLength(arena, e, count);
  return true;
}

function readElement(arena: Arena, e: Ptr, reader: RdbReader): void {
  reader.string();
  const { u8, dv, off, len } = reader.text;
  push(arena, e, u8, dv, off, len);
}

/** All entries of a node, which may be none. */
function readNode(arena: Arena, e: Ptr, reader: RdbReader, entries: ForeignEntries): void {
  openNode(reader, entries);
  addEntries(arena, e, entries);
}

/** Reads a node and checks it. Throws BAD_DATA. */
function openNode(reader: RdbReader, entries: ForeignEntries): boolean {
  reader.string();
  const { text } = reader;
  if (!entries.open(text.u8, text.dv, text.off, text.len)) throw BAD_DATA;
  return true;
}

function addEntries(arena: Arena, e: Ptr, entries: ForeignEntries): void {
  const { text } = entries;
  while (entries.next()) push(arena, e, text.u8, text.dv, text.off, text.len);
}

function push(arena: Arena, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  growConvert(arena, e, len, 1, entryBound(len));
  listPush(arena, e, u8, dv, off, len, false);
}
