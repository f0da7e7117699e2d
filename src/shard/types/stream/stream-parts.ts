/**
 * Streams of the arena, as the stream codec sees them: the parts of a stream that is written, and the receiver of a
 * stream that is read. Runs under the shard's lease.
 *
 *     StoredStream      nodes as they are: a node's bytes are its RDB form
 *     StreamReceiver    a sound node is taken as it is; a node that is too big for a cell, or not in the form in
 *                       which it would be written here, is taken apart into its entries
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, segmentOf } from '../../../shared/memory/cell.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { Args } from '../../../shared/resp/args.js';
import { STREAM_TREE } from '../../entry/encodings.js';
import { rootOf, setRoot } from '../../entry/root.js';
import { type ForeignStreamNode, StreamIdParts } from '../../rdb/foreign-stream-node.js';
import { Text } from '../../rdb/rdb-reader.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobFree, blobFrom, blobRead } from '../../structures/blob.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import type { ScoreCursor } from '../../structures/score-cursor.js';
import { IdTree, idOfElement } from './id-tree.js';
import {
  type StreamBuilder,
  StreamConsumerFigures,
  StreamFigures,
  StreamGroupFigures,
  type StreamParts,
  StreamPending,
} from './stream-codec.js';
import { distanceFromFirst } from './stream-counts.js';
import {
  activeAt,
  addConsumer,
  addGroup,
  addPending,
  consumersOf,
  entriesRead,
  findConsumer,
  findGroup,
  groupLast,
  groupsOf,
  type Named,
  ownedBy,
  Pending,
  passPending,
  pendingOf,
  readPending,
  seenAt,
  setActive,
  UNKNOWN,
} from './stream-groups.js';
import { StreamId } from './stream-id.js';
import {
  addEntry,
  addNode,
  createStreamRoot,
  entriesAdded,
  firstId,
  lastId,
  maxDeletedId,
  NodeView,
  nodesIn,
  S_TREE,
  setEntriesAdded,
  setFirstId,
  setLastId,
  setMaxDeletedId,
  setStreamLength,
  streamLengthOf,
} from './stream-value.js';

const TWO_32 = 4294967296;

function partsOf(id: StreamId, parts: StreamIdParts): void {
  parts.set(id.msHi, id.msLo, id.seqHi, id.seqLo);
}

function idOf(parts: StreamIdParts, id: StreamId): StreamId {
  id.msHi = parts.msHi;
  id.msLo = parts.msLo;
  id.seqHi = parts.seqHi;
  id.seqLo = parts.seqLo;
  return id;
}

/** A stream that is to be written. `open` it first. */
export class StoredStream implements StreamParts {
  readonly figures = new StreamFigures();
  nodes = 0;
  groups = 0;
  readonly nodeId = new StreamIdParts();
  readonly node = new Text();
  readonly group = new StreamGroupFigures();
  readonly pending = new StreamPending();
  readonly consumer = new StreamConsumerFigures();
  private arena!: Arena;
  private nodeWalk!: ScoreCursor;
  private pendingWalk!: ScoreCursor;
  private ownedWalk!: ScoreCursor;
  private groupList: Named[] = [];
  private consumerList: Named[] = [];
  private groupAt = 0;
  private consumerAt = 0;
  private readonly view = new NodeView();
  private readonly id = new StreamId();
  private readonly held = new Pending();

  /** Stands before the first node and group of the stream of an entry. Returns itself. */
  open(arena: Arena, e: Ptr): this {
    const root = rootOf(arena, e);
    const { figures, id } = this;
    this.arena = arena;
    figures.length = streamLengthOf(arena, root);
    partsOf(lastId(arena, root, id), figures.lastId);
    partsOf(firstId(arena, root, id), figures.firstId);
    partsOf(maxDeletedId(arena, root, id), figures.maxDeletedId);
    const added = entriesAdded(arena, root);
    figures.added.hi = Math.floor(added / TWO_32);
    figures.added.lo = added | 0;
    this.nodes = nodesIn(arena, root);
    this.nodeWalk = new IdTree().open(arena, root, S_TREE).cursor(0);
    this.groupList = groupsOf(arena, root);
    this.groups = this.groupList.length;
    this.groupAt = 0;
    return this;
  }

  nextNode(): boolean {
    const { arena, node, view } = this;
    const el = this.nodeWalk.next();
    if (el === NULL) return false;
    view.load(arena, el);
    partsOf(view.id, this.nodeId);
    if (view.blobBytes === 0) {
      const segment = segmentOf(view.ptr);
      node.u8 = arena.u8[segment]!;
      node.dv = arena.dv[segment]!;
      node.off = byteIndex(view.ptr);
      node.len = lpTotal(arena, view.ptr);
      return true;
    }
    node.u8 = new Uint8Array(view.blobBytes);
    node.dv = new DataView(node.u8.buffer);
    node.off = 0;
    node.len = view.blobBytes;
    blobRead(arena, view.ptr, 0, node.u8, 0, node.len);
    return true;
  }

  nextGroup(): boolean {
    const { arena, group } = this;
    const next = this.groupList[this.groupAt++];
    if (next === undefined) return false;
    setText(group.name, next.name);
    partsOf(groupLast(arena, next.cell, this.id), group.lastId);
    const read = entriesRead(arena, next.cell);
    group.read.hi = read === UNKNOWN ? UNKNOWN : Math.floor(read / TWO_32);
    group.read.lo = read | 0;
    const tree = pendingOf(arena, next.cell);
    group.pending = tree.count;
    this.pendingWalk = tree.cursor(0);
    this.consumerList = consumersOf(arena, next.cell);
    group.consumers = this.consumerList.length;
    this.consumerAt = 0;
    return true;
  }

  nextPending(): boolean {
    return this.take(this.pendingWalk);
  }

  nextConsumer(): boolean {
    const { arena, consumer } = this;
    const next = this.consumerList[this.consumerAt++];
    if (next === undefined) return false;
    setText(consumer.name, next.name);
    consumer.seenAtMs = seenAt(arena, next.cell);
    consumer.activeAtMs = activeAt(arena, next.cell);
    const tree = ownedBy(arena, next.cell);
    consumer.pending = tree.count;
    this.ownedWalk = tree.cursor(0);
    return true;
  }

  nextOwned(): boolean {
    return this.take(this.ownedWalk);
  }

  private take(walk: ScoreCursor): boolean {
    const { arena, pending, held } = this;
    const el = walk.next();
    if (el === NULL) return false;
    partsOf(idOfElement(arena, el, this.id), pending.id);
    readPending(arena, el, held);
    pending.deliveredAtMs = held.deliveredAtMs;
    pending.deliveries = held.deliveries;
    return true;
  }
}

function setText(text: Text, bytes: Uint8Array): void {
  text.u8 = bytes;
  text.dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  text.off = 0;
  text.len = bytes.length;
}

/** A stream that is read. `open` it first. */
export class StreamReceiver implements StreamBuilder {
  private ctx!: ValueContext;
  private arena!: Arena;
  private root: Ptr = NULL;
  private group: Ptr = NULL;
  private consumer: Ptr = NULL;
  private owned = 0;
  private length = 0;
  private readonly id = new StreamId();
  private readonly held = new Pending();

  /** Gives an entry without a root an empty stream, to be filled. Throws ArenaFullError. Returns itself. */
  open(ctx: ValueContext, e: Ptr): this {
    this.ctx = ctx;
    this.arena = ctx.arena;
    this.root = createStreamRoot(ctx.arena);
    setRoot(ctx.arena, e, STREAM_TREE, this.root);
    this.length = 0;
    return this;
  }

  addNode(parts: StreamIdParts, listpack: Text, node: ForeignStreamNode): void {
    const { arena } = this;
    const { u8, off, len } = listpack;
    const id = idOf(parts, this.id);
    this.length += node.live;
    if (node.live === 0) return;
    if (node.canonical && len <= CELL_BYTES_MAX) {
      const cell = lpFrom(arena, u8, off, len);
      this.insert(id, cell, 0);
    } else if (node.canonical && node.live === 1) {
      const blob = blobFrom(arena, u8, off, len);
      this.insert(id, blob, len);
    } else this.addEntries(node);
    setStreamLength(arena, this.root, this.length);
  }

  private insert(id: StreamId, ptr: Ptr, blobBytes: number): void {
    try {
      addNode(this.arena, this.root, id, ptr, blobBytes);
    } catch (error) {
      if (blobBytes > 0) blobFree(this.arena, ptr, blobBytes);
      else free(this.arena, ptr);
      throw error;
    }
  }

  /** Adds the entries of a node one by one. */
  private addEntries(node: ForeignStreamNode): void {
    while (node.next()) {
      if (node.isDeleted) continue;
      const parts: Uint8Array[] = [];
      while (node.nextField()) parts.push(copyOf(node.field), copyOf(node.value));
      addEntry(this.ctx, this.root, idOf(node.id, this.id), argsOf(parts), 0, parts.length);
    }
  }

  setFigures(figures: StreamFigures): void {
    const { arena, root, id } = this;
    setStreamLength(arena, root, figures.length);
    setEntriesAdded(arena, root, figures.added.hi * TWO_32 + (figures.added.lo >>> 0));
    setLastId(arena, root, idOf(figures.lastId, id));
    setFirstId(arena, root, idOf(figures.firstId, id));
    setMaxDeletedId(arena, root, idOf(figures.maxDeletedId, id));
  }

  addGroup(group: StreamGroupFigures): boolean {
    const { arena, root } = this;
    const { u8, dv, off, len } = group.name;
    if (findGroup(arena, root, u8, dv, off, len) !== NULL) return false;
    const id = idOf(group.lastId, this.id);
    const unknown = group.read.hi === UNKNOWN && group.read.lo === UNKNOWN;
    let read = unknown ? UNKNOWN : group.read.hi * TWO_32 + (group.read.lo >>> 0);
    if (group.estimated) read = distanceFromFirst(arena, root, id);
    this.group = addGroup(arena, root, u8, dv, off, len, id, read);
    this.owned = 0;
    return true;
  }

  addPending(pending: StreamPending): boolean {
    const { arena, group } = this;
    const id = idOf(pending.id, this.id);
    if (pendingOf(arena, group).find(id) !== NULL) return false;
    addPending(arena, group, NULL, id, pending.deliveredAtMs, pending.deliveries);
    return true;
  }

  addConsumer(consumer: StreamConsumerFigures): boolean {
    const { arena, group } = this;
    const { u8, dv, off, len } = consumer.name;
    if (findConsumer(arena, group, u8, dv, off, len) !== NULL) return false;
    this.consumer = addConsumer(arena, group, u8, dv, off, len, consumer.seenAtMs);
    setActive(arena, this.consumer, consumer.activeAtMs);
    return true;
  }

  own(parts: StreamIdParts): boolean {
    const { arena, group } = this;
    const el = pendingOf(arena, group).find(idOf(parts, this.id));
    if (el === NULL || readPending(arena, el, this.held).consumer !== NULL) return false;
    passPending(arena, el, this.consumer);
    this.owned++;
    return true;
  }

  allOwned(): boolean {
    return this.owned === pendingOf(this.arena, this.group).count;
  }
}

function copyOf(text: Text): Uint8Array {
  return text.u8.slice(text.off, text.off + text.len);
}

/** The parts as arguments. */
function argsOf(parts: readonly Uint8Array[]): Args {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const all = new Uint8Array(bytes);
  const args = new Args(Math.max(parts.length, 1));
  let at = 0;
  parts.forEach((part, i) => {
    all.set(part, at);
    args.off[i] = at;
    args.len[i] = part.length;
    at += part.length;
  });
  args.argc = parts.length;
  args.setBuffer(all, new DataView(all.buffer));
  return args;
}
