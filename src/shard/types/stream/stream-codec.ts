/**
 * Streams in RDB form: the nodes as listpacks, then the stream's figures, then groups, each with its pending entries
 * first and their owners after them. docs/formats/dump.md has the order of all parts.
 *
 * What a stream is made of is asked for and handed over part by part (`StreamParts`, `StreamBuilder`), so the codec
 * knows the format and nothing of the tree in the arena.
 *
 * Read are the forms of 5.0 (no offsets of groups), 7.0, and 7.2 (with a consumer's time of activity).
 */
import { ForeignStreamNode, StreamIdParts } from '../../rdb/foreign-stream-node.js';
import {
  RDB_STREAM_LISTPACKS,
  RDB_STREAM_LISTPACKS_2,
  RDB_STREAM_LISTPACKS_3,
  RDB_VERSION_7_2,
} from '../../rdb/rdb-format.js';
import { BAD_DATA, type RdbReader, type Text } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';

/** Length of an id that is kept as bytes. */
const ID_BYTES = 16;
/** A group does not know how many entries it has read: all bits. */
const UNKNOWN = -1;

/** A count of up to 64 bits, as halves; both UNKNOWN: not known. */
export class Count64 {
  hi = 0;
  lo = 0;
}

/** The figures of a stream. */
export class StreamFigures {
  length = 0;
  readonly lastId = new StreamIdParts();
  readonly firstId = new StreamIdParts();
  readonly maxDeletedId = new StreamIdParts();
  readonly added = new Count64();
}

/** A group as it stands in a dump. */
export class StreamGroupFigures {
  readonly name: Text = newText();
  readonly lastId = new StreamIdParts();
  readonly read = new Count64();
  /** The dump is too old to say what the group has read: estimate it. Only when read. */
  estimated = false;
  pending = 0;
  consumers = 0;
}

/** An entry that a consumer has and did not acknowledge. */
export class StreamPending {
  readonly id = new StreamIdParts();
  deliveredAtMs = 0;
  deliveries = 0;
}

export class StreamConsumerFigures {
  readonly name: Text = newText();
  seenAtMs = 0;
  /** -1: never. */
  activeAtMs = 0;
  pending = 0;
}

function newText(): Text {
  return { u8: new Uint8Array(0), dv: new DataView(new ArrayBuffer(0)), off: 0, len: 0 };
}

/** What `writeStream` asks of a stream. Each `next...` goes on in its own row and fills the object of that name. */
export interface StreamParts {
  readonly figures: StreamFigures;
  readonly nodes: number;
  readonly groups: number;
  /** The present node: the id from which its entries count, and its listpack. */
  readonly nodeId: StreamIdParts;
  readonly node: Text;
  readonly group: StreamGroupFigures;
  readonly pending: StreamPending;
  readonly consumer: StreamConsumerFigures;
  nextNode(): boolean;
  nextGroup(): boolean;
  /** All pending entries of the group, in order of their ids. */
  nextPending(): boolean;
  nextConsumer(): boolean;
  /** Those of the consumer; fills `pending.id`. */
  nextOwned(): boolean;
}

/** What `readStream` makes a stream of. What answers false makes the dump a bad one. */
export interface StreamBuilder {
  /** Adds the live entries of a node whose ids are all above those of the nodes before it. */
  addNode(id: StreamIdParts, listpack: Text, node: ForeignStreamNode): void;
  /** All entries are there. */
  setFigures(figures: StreamFigures): void;
  /** False if there is a group of that name. What follows belongs to it. */
  addGroup(group: StreamGroupFigures): boolean;
  /** False if the entry is pending already. */
  addPending(pending: StreamPending): boolean;
  /** False if there is a consumer of that name. What follows belongs to it. */
  addConsumer(consumer: StreamConsumerFigures): boolean;
  /** Gives a pending entry to the consumer; false if it is not pending, or has an owner. */
  own(id: StreamIdParts): boolean;
  /** Whether each pending entry of the group has an owner now. */
  allOwned(): boolean;
}

// ---- writing

/** The form in which `writeStream` writes for readers of `version`. */
export function streamForm(version: number): number {
  return version >= RDB_VERSION_7_2 ? RDB_STREAM_LISTPACKS_3 : RDB_STREAM_LISTPACKS_2;
}

/** Writes a stream. @requires lease, `form` from `streamForm`, `parts` before its first node and group */
export function writeStream(writer: RdbWriter, parts: StreamParts, form: number): void {
  const { figures, node, nodeId } = parts;
  writer.length(parts.nodes);
  while (parts.nextNode()) {
    writer.length(ID_BYTES);
    writeIdBytes(writer, nodeId);
    writer.bytes(node.u8, node.off, node.len);
  }
  writer.length(figures.length);
  writeId(writer, figures.lastId);
  writeId(writer, figures.firstId);
  writeId(writer, figures.maxDeletedId);
  writer.length64(figures.added.hi, figures.added.lo);
  writer.length(parts.groups);
  while (parts.nextGroup()) writeGroup(writer, parts, form);
}

function writeGroup(writer: RdbWriter, parts: StreamParts, form: number): void {
  const { group, pending, consumer } = parts;
  writer.string(group.name.u8, group.name.off, group.name.len);
  writeId(writer, group.lastId);
  writer.length64(group.read.hi, group.read.lo);
  const { consumers } = group;
  writer.length(group.pending);
  while (parts.nextPending()) {
    writeIdBytes(writer, pending.id);
    writer.milliseconds(pending.deliveredAtMs);
    writer.length(pending.deliveries);
  }
  writer.length(consumers);
  while (parts.nextConsumer()) {
    writer.string(consumer.name.u8, consumer.name.off, consumer.name.len);
    writer.milliseconds(consumer.seenAtMs);
    if (form === RDB_STREAM_LISTPACKS_3) writer.milliseconds(consumer.activeAtMs);
    writer.length(consumer.pending);
    while (parts.nextOwned()) writeIdBytes(writer, pending.id);
  }
}

function writeId(writer: RdbWriter, id: StreamIdParts): void {
  writer.length64(id.msHi, id.msLo);
  writer.length64(id.seqHi, id.seqLo);
}

function writeIdBytes(writer: RdbWriter, id: StreamIdParts): void {
  writer.bigEndian64(id.msHi, id.msLo);
  writer.bigEndian64(id.seqHi, id.seqLo);
}

// ---- reading

const NODE = new ForeignStreamNode();
const NODE_ID = new StreamIdParts();
const LAST_SEEN = new StreamIdParts();
const FIGURES = new StreamFigures();
const GROUP = new StreamGroupFigures();
const PENDING = new StreamPending();
const CONSUMER = new StreamConsumerFigures();

/** Reads a stream of the given form into `builder`. Throws BAD_DATA and what the builder throws. */
export function readStream(builder: StreamBuilder, form: number, reader: RdbReader): void {
  const figures = FIGURES;
  const entries = readNodes(builder, figures.firstId, reader);
  figures.length = reader.length();
  readId(reader, figures.lastId);
  if (form === RDB_STREAM_LISTPACKS) {
    figures.maxDeletedId.set(0, 0, 0, 0);
    figures.added.hi = Math.floor(figures.length / 4294967296);
    figures.added.lo = figures.length | 0;
  } else {
    // The first id follows from the entries.
    reader.length64();
    reader.length64();
    readId(reader, figures.maxDeletedId);
    reader.length64();
    figures.added.hi = reader.hi;
    figures.added.lo = reader.lo;
  }
  if (figures.length !== entries) throw BAD_DATA;
  if (entries > 0 && figures.lastId.compare(LAST_SEEN) < 0) throw BAD_DATA;
  builder.setFigures(figures);
  for (let left = reader.length(); left > 0; left--) readGroup(builder, form, reader);
}

/** All nodes; returns the number of entries. */
function readNodes(builder: StreamBuilder, first: StreamIdParts, reader: RdbReader): number {
  let entries = 0;
  first.set(0, 0, 0, 0);
  for (let left = reader.length(); left > 0; left--) {
    reader.string();
    const { text } = reader;
    if (text.len !== ID_BYTES) throw BAD_DATA;
    const { dv, off } = text;
    NODE_ID.set(dv.getInt32(off), dv.getInt32(off + 4), dv.getInt32(off + 8), dv.getInt32(off + 12));
    reader.string();
    if (!NODE.open(text.u8, text.dv, text.off, text.len, NODE_ID)) throw BAD_DATA;
    // A node may have lost all its entries in Redis (XTRIM MINID).
    if (NODE.live === 0) continue;
    if (entries === 0) first.copy(NODE.first);
    else if (LAST_SEEN.compare(NODE_ID) >= 0 || LAST_SEEN.compare(NODE.first) >= 0) throw BAD_DATA;
    LAST_SEEN.copy(NODE.last);
    entries += NODE.live;
    builder.addNode(NODE_ID, text, NODE);
  }
  return entries;
}

function readGroup(builder: StreamBuilder, form: number, reader: RdbReader): void {
  reader.string();
  reader.keep();
  copyText(reader.first, GROUP.name);
  readId(reader, GROUP.lastId);
  GROUP.read.hi = UNKNOWN;
  GROUP.read.lo = UNKNOWN;
  GROUP.estimated = form === RDB_STREAM_LISTPACKS;
  if (!GROUP.estimated) {
    reader.length64();
    GROUP.read.hi = reader.hi;
    GROUP.read.lo = reader.lo;
  }
  if (!builder.addGroup(GROUP)) throw BAD_DATA;
  for (let left = reader.length(); left > 0; left--) {
    readIdBytes(reader, PENDING.id);
    PENDING.deliveredAtMs = reader.milliseconds();
    PENDING.deliveries = reader.length();
    if (!builder.addPending(PENDING)) throw BAD_DATA;
  }
  for (let left = reader.length(); left > 0; left--) readConsumer(builder, form, reader);
  if (!builder.allOwned()) throw BAD_DATA;
}

function readConsumer(builder: StreamBuilder, form: number, reader: RdbReader): void {
  reader.string();
  reader.keep();
  copyText(reader.first, CONSUMER.name);
  CONSUMER.seenAtMs = reader.milliseconds();
  // Older Redises did not note it; this is the best guess.
  CONSUMER.activeAtMs = form === RDB_STREAM_LISTPACKS_3 ? reader.milliseconds() : CONSUMER.seenAtMs;
  if (!builder.addConsumer(CONSUMER)) throw BAD_DATA;
  for (let left = reader.length(); left > 0; left--) {
    readIdBytes(reader, PENDING.id);
    if (!builder.own(PENDING.id)) throw BAD_DATA;
  }
}

function readId(reader: RdbReader, id: StreamIdParts): void {
  reader.length64();
  const { hi, lo } = reader;
  reader.length64();
  id.set(hi, lo, reader.hi, reader.lo);
}

function readIdBytes(reader: RdbReader, id: StreamIdParts): void {
  reader.bigEndian64();
  const { hi, lo } = reader;
  reader.bigEndian64();
  id.set(hi, lo, reader.hi, reader.lo);
}

function copyText(from: Text, to: Text): void {
  to.u8 = from.u8;
  to.dv = from.dv;
  to.off = from.off;
  to.len = from.len;
}
