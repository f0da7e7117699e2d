/**
 * A stream: its nodes in an id tree, its figures, and its groups (stream-groups.ts).
 *
 *     root cell   0..2 tree of nodes | 3 groups: table root or 0 | 4 last node | 5 garbage kind
 *                 6 length:f64 | 8 entries added:f64
 *                 10 last id | 14 next garbage | 16 first id | 20 highest deleted id          (an id: four words)
 *     node        an element named by the id of its first entry, its value | listpack Ptr | 0 |,
 *                 or | blob directory | length | for a single entry too long for a cell
 *
 * Invariants: (1) lease held; (2) a node has live entries; (3) ids ascend over nodes and in them; the last id is not
 * below any; (4) length is the number of live entries.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { doublesOf, segmentOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { zeroUnits } from '../../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, free } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobFree, blobFrom, blobRead } from '../../structures/blob.js';
import { createPair, freeElement } from '../../structures/element.js';
import { LP_HEAD_BYTES, lpTotal } from '../../structures/listpack.js';
import { LP_END, lpEntryBytes, lpIntBytes, lpWrite, lpWriteInt } from '../../structures/listpack-entry.js';
import { IdTree } from './id-tree.js';
import { ID_BYTES, StreamId } from './stream-id.js';
import {
  appendEntry,
  createNode,
  entryBound,
  NodeCursor,
  nodeCount,
  nodeEntries,
  shrinkNode,
  stringBytes,
} from './stream-node.js';

export const S_TREE = 0;
export const S_GROUPS = 3;
const S_TAIL = 4;
/** Words of a node's element: the id follows the head, then what the value is. */
const NODE_ID_BYTE = 4;
const NODE_PTR = 5;
const NODE_BLOB = 6;
const S_LENGTH_F64 = 3;
const S_ADDED_F64 = 4;
const S_LAST = 10;
const S_FIRST = 16;
const S_MAX_DELETED = 20;
export const ROOT_BYTES = 96;
/** Room of the first node of a stream, and most that a node gets beforehand. */
const FIRST_NODE_BYTES = 192;
const NODE_BYTES_BEFOREHAND = 4096 + 128;
/** Bytes of a master and an end beside strings. */
const MASTER_BYTES = 64;

const nodes = new IdTree();
const keyBytes = new Uint8Array(ID_BYTES);
const keyView = new DataView(keyBytes.buffer);
const pairBytes = new Uint8Array(8);
const pairView = new DataView(pairBytes.buffer);
const walker = new NodeCursor();
const edge = new StreamId();

/** A new root cell of an empty stream. Throws ArenaFullError. */
export function createStreamRoot(arena: Arena): Ptr {
  const root = alloc(arena, ROOT_BYTES);
  zeroUnits(doublesOf(arena, root), unitIndex(root), ROOT_BYTES / 8);
  return root;
}

function f64At(root: Ptr, index: number): number {
  return unitIndex(root) + index;
}

/** Number of entries. */
export function streamLengthOf(arena: Arena, root: Ptr): number {
  return doublesOf(arena, root)[f64At(root, S_LENGTH_F64)]!;
}

export function setStreamLength(arena: Arena, root: Ptr, length: number): void {
  arena.touch(root, S_LENGTH_F64 * 8, 8);
  doublesOf(arena, root)[f64At(root, S_LENGTH_F64)] = length;
}

/** Entries ever added. */
export function entriesAdded(arena: Arena, root: Ptr): number {
  return doublesOf(arena, root)[f64At(root, S_ADDED_F64)]!;
}

export function setEntriesAdded(arena: Arena, root: Ptr, added: number): void {
  arena.touch(root, S_ADDED_F64 * 8, 8);
  doublesOf(arena, root)[f64At(root, S_ADDED_F64)] = added;
}

function loadId(arena: Arena, root: Ptr, word: number, into: StreamId): StreamId {
  return into.load(wordsOf(arena, root), wordIndex(root) + word);
}

function saveId(arena: Arena, root: Ptr, word: number, id: StreamId): void {
  arena.touch(root, word * 4, 16);
  id.save(wordsOf(arena, root), wordIndex(root) + word);
}

export const lastId = (arena: Arena, root: Ptr, into: StreamId): StreamId => loadId(arena, root, S_LAST, into);
export const firstId = (arena: Arena, root: Ptr, into: StreamId): StreamId => loadId(arena, root, S_FIRST, into);
export const maxDeletedId = (arena: Arena, root: Ptr, into: StreamId): StreamId =>
  loadId(arena, root, S_MAX_DELETED, into);
export const setLastId = (arena: Arena, root: Ptr, id: StreamId): void => saveId(arena, root, S_LAST, id);
export const setFirstId = (arena: Arena, root: Ptr, id: StreamId): void => saveId(arena, root, S_FIRST, id);
export const setMaxDeletedId = (arena: Arena, root: Ptr, id: StreamId): void => saveId(arena, root, S_MAX_DELETED, id);

// ---- nodes

/** A node on its way: where its listpack is. */
export class NodeView {
  el: Ptr = NULL;
  /** The listpack's cell, or the directory of its blob. */
  ptr: Ptr = NULL;
  /** Bytes of the blob, 0 for a cell. */
  blobBytes = 0;
  readonly id = new StreamId();

  /** Reads the node of an element. */
  load(arena: Arena, el: Ptr): this {
    const segment = segmentOf(el);
    const w = wordIndex(el);
    const i32 = arena.i32[segment]!;
    this.el = el;
    this.id.fromKey(arena.dv[segment]!, w * 4 + NODE_ID_BYTE);
    this.ptr = i32[w + NODE_PTR]! as Ptr;
    this.blobBytes = i32[w + NODE_BLOB]!;
    return this;
  }

  /** Points a cursor before the node's first entry. */
  cursor(arena: Arena, cursor: NodeCursor): NodeCursor {
    if (this.blobBytes === 0) return cursor.open(arena, this.ptr, this.id);
    const bytes = new Uint8Array(this.blobBytes);
    blobRead(arena, this.ptr, 0, bytes, 0, this.blobBytes);
    return cursor.openBytes(bytes, this.id);
  }

  /** Live entries. */
  count(arena: Arena): number {
    return this.blobBytes === 0 ? nodeCount(arena, this.ptr) : 1;
  }

  /** The listpack has moved. */
  moved(arena: Arena, ptr: Ptr): void {
    if (ptr === this.ptr) return;
    this.ptr = ptr;
    arena.touch(this.el, NODE_PTR * 4, 4);
    wordsOf(arena, this.el)[wordIndex(this.el) + NODE_PTR] = ptr;
  }

  /** Frees listpack and element, which is in no tree any more. */
  free(arena: Arena): void {
    if (this.blobBytes === 0) free(arena, this.ptr);
    else blobFree(arena, this.ptr, this.blobBytes);
    freeElement(arena, this.el);
  }
}

const view = new NodeView();

/** Number of nodes. */
export function nodesIn(arena: Arena, root: Ptr): number {
  return nodes.open(arena, root, S_TREE).count;
}

function tailOf(arena: Arena, root: Ptr): Ptr {
  return wordAt(arena, root, S_TAIL) as Ptr;
}

function setTail(arena: Arena, root: Ptr, el: Ptr): void {
  arena.touch(root, S_TAIL * 4, 4);
  wordsOf(arena, root)[wordIndex(root) + S_TAIL] = el;
}

/**
 * Adds a node that is there already: a listpack cell, or a blob of `blobBytes`. The caller's is the stream's length.
 * Throws ArenaFullError, and the node is the caller's still. @requires `id` above all others
 */
export function addNode(arena: Arena, root: Ptr, id: StreamId, ptr: Ptr, blobBytes: number): void {
  id.toKey(keyView, 0);
  pairView.setInt32(0, ptr, true);
  pairView.setInt32(4, blobBytes, true);
  const el = createPair(arena, keyBytes, keyView, 0, ID_BYTES, pairBytes, pairView, 0, 8, false, 0);
  try {
    nodes.open(arena, root, S_TREE).insert(id, el);
  } catch (error) {
    freeElement(arena, el);
    throw error;
  }
  setTail(arena, root, el);
}

/** Takes the node in `view` out of the stream and frees it. */
function dropNode(arena: Arena, root: Ptr): void {
  const tree = nodes.open(arena, root, S_TREE);
  tree.remove(view.id, view.el);
  if (tailOf(arena, root) === view.el) setTail(arena, root, tree.count > 0 ? tree.at(tree.count - 1) : NULL);
  view.free(arena);
}

/**
 * Adds an entry with the fields and values in arguments `first` to `end`. Throws ArenaFullError, and nothing has
 * changed then but for room. @requires `id` above the last id
 */
// hot: XADD
export function addEntry(ctx: ValueContext, root: Ptr, id: StreamId, args: Args, first: number, end: number): void {
  const { arena } = ctx;
  const bound = entryBound(args, first, end);
  const tail = tailOf(arena, root);
  let room = FIRST_NODE_BYTES;
  if (tail !== NULL) {
    view.load(arena, tail);
    if (view.blobBytes !== 0) room = NODE_BYTES_BEFOREHAND;
    else {
      const total = lpTotal(arena, view.ptr);
      const bytes = total + stringBytes(bound, end - first);
      if (total + bound <= CELL_BYTES_MAX && takesMore(ctx, bytes)) {
        view.moved(arena, appendEntry(arena, view.ptr, view.id, id, args, first, end, bound));
        countEntry(arena, root, id);
        return;
      }
      view.moved(arena, shrinkNode(arena, view.ptr));
      room = total;
    }
  }
  if (room > NODE_BYTES_BEFOREHAND) room = NODE_BYTES_BEFOREHAND;
  // The master has the fields once more.
  const least = 2 * bound + MASTER_BYTES;
  if (least <= CELL_BYTES_MAX) addFirst(arena, root, id, args, first, end, bound, Math.max(room, least));
  else addBig(arena, root, id, args, first, end);
  countEntry(arena, root, id);
}

/** Whether the limits let the last node, in `view`, have the entry too; it and the entry's strings are `bytes`. */
function takesMore(ctx: ValueContext, bytes: number): boolean {
  const { f64 } = ctx.control;
  const bytesMax = f64[CONTROL_F64.streamNodeMaxBytes]!;
  if (bytesMax > 0 && bytes >= bytesMax) return false;
  const entriesMax = f64[CONTROL_F64.streamNodeMaxEntries]!;
  return entriesMax === 0 || nodeEntries(ctx.arena, view.ptr) < entriesMax;
}

/** A new node with the entry. */
function addFirst(
  arena: Arena,
  root: Ptr,
  id: StreamId,
  args: Args,
  first: number,
  end: number,
  bound: number,
  room: number,
): void {
  let node = createNode(arena, args, first, end, room);
  try {
    node = appendEntry(arena, node, id, id, args, first, end, bound);
    addNode(arena, root, id, node, 0);
  } catch (error) {
    free(arena, node);
    throw error;
  }
}

/** A new node for an entry that may be too long for a cell. */
function addBig(arena: Arena, root: Ptr, id: StreamId, args: Args, first: number, end: number): void {
  const listpack = bigEntry(args, first, end);
  const blob = blobFrom(arena, listpack, 0, listpack.length);
  try {
    addNode(arena, root, id, blob, listpack.length);
  } catch (error) {
    blobFree(arena, blob, listpack.length);
    throw error;
  }
}

/** One more entry, the last, is there. */
function countEntry(arena: Arena, root: Ptr, id: StreamId): void {
  if (arena.tracking !== 0) arena.touch(root, 0, ROOT_BYTES);
  const segment = segmentOf(root);
  const i32 = arena.i32[segment]!;
  const f64 = arena.f64[segment]!;
  const unit = unitIndex(root);
  const length = f64[unit + S_LENGTH_F64]!;
  f64[unit + S_LENGTH_F64] = length + 1;
  f64[unit + S_ADDED_F64] = f64[unit + S_ADDED_F64]! + 1;
  id.save(i32, unit * 2 + S_LAST);
  if (length === 0) id.save(i32, unit * 2 + S_FIRST);
}

/** The listpack of a node with one entry, in bytes of its own. */
function bigEntry(args: Args, first: number, end: number): Uint8Array {
  const fields = (end - first) >> 1;
  const out = new Uint8Array(LP_HEAD_BYTES + MASTER_BYTES + entryBound(args, first, end));
  let at = LP_HEAD_BYTES;
  let entries = 0;
  const integer = (n: number): void => {
    lpIntBytes(0, n);
    at = lpWriteInt(out, at, 0, n);
    entries++;
  };
  const string = (i: number): void => {
    lpEntryBytes(args.u8, args.off[i]!, args.len[i]!);
    at = lpWrite(out, at, args.u8, args.off[i]!, args.len[i]!);
    entries++;
  };
  integer(1);
  integer(0);
  integer(fields);
  for (let i = first; i < end; i += 2) string(i);
  integer(0);
  integer(2);
  integer(0);
  integer(0);
  for (let i = first; i < end; i += 2) string(i + 1);
  integer(fields + 3);
  out[at++] = LP_END;
  const dv = new DataView(out.buffer);
  dv.setUint32(0, at, true);
  dv.setUint16(4, Math.min(entries, 0xffff), true);
  return out.slice(0, at);
}

// ---- walking

/** Walks the live entries between two ids, in either direction. */
export class StreamCursor {
  readonly node = new NodeCursor();
  private readonly view = new NodeView();
  private readonly tree = new IdTree();
  private readonly first = new StreamId();
  private readonly last = new StreamId();
  private arena!: Arena;
  private rank = 0;
  private backwards = false;
  private inNode = false;

  /** Stands before the first entry from `first` to `last` (both included); `backwards`: from `last` down. */
  open(arena: Arena, root: Ptr, first: StreamId, last: StreamId, backwards: boolean): this {
    this.arena = arena;
    this.first.set(first);
    this.last.set(last);
    this.backwards = backwards;
    this.tree.open(arena, root, S_TREE);
    this.rank = this.tree.floor(backwards ? last : first);
    if (!backwards && this.rank < 0) this.rank = 0;
    this.inNode = false;
    return this;
  }

  /** The id of the present entry. */
  get id(): StreamId {
    return this.node.id;
  }

  /** Goes to the next entry; false when there are no more. */
  // hot: XRANGE, XREAD
  next(): boolean {
    for (;;) {
      if (!this.inNode && !this.enterNode()) return false;
      const { node } = this;
      while (this.backwards ? node.previous() : node.next()) {
        if (this.backwards) {
          if (node.id.compare(this.first) < 0) return false;
          if (node.isLive && node.id.compare(this.last) <= 0) return true;
        } else {
          if (node.id.compare(this.last) > 0) return false;
          if (node.isLive && node.id.compare(this.first) >= 0) return true;
        }
      }
      this.inNode = false;
      this.rank += this.backwards ? -1 : 1;
    }
  }

  private enterNode(): boolean {
    if (this.rank < 0 || this.rank >= this.tree.count) return false;
    this.view.load(this.arena, this.tree.at(this.rank)).cursor(this.arena, this.node);
    if (this.backwards) this.node.toEnd();
    this.inNode = true;
    return true;
  }
}

const MIN = new StreamId().setMin();
const MAX = new StreamId().setMax();
const seeker = new StreamCursor();

/** The id of the first or last live entry; false when the stream is empty. */
export function edgeId(arena: Arena, root: Ptr, last: boolean, into: StreamId): boolean {
  if (!seeker.open(arena, root, MIN, MAX, last).next()) return false;
  into.set(seeker.id);
  return true;
}

/** The id of the first entry, even if that entry is deleted; the highest id when there is no entry. */
export function firstOfAll(arena: Arena, root: Ptr, into: StreamId): StreamId {
  const tree = nodes.open(arena, root, S_TREE);
  if (tree.count === 0) return into.setMax();
  view.load(arena, tree.at(0)).cursor(arena, walker).next();
  return into.set(walker.id);
}

/** Whether an entry with this id is there, and live. */
export function hasEntry(arena: Arena, root: Ptr, id: StreamId): boolean {
  return seeker.open(arena, root, id, id, false).next();
}

// ---- removing

/** After entries went: the first id becomes the id of the first entry that is left. */
function firstChanged(arena: Arena, root: Ptr): void {
  if (streamLengthOf(arena, root) === 0 || !edgeId(arena, root, false, edge)) edge.setMin();
  setFirstId(arena, root, edge);
}

/** Deletes an entry; false when it is not there. */
export function deleteEntry(arena: Arena, root: Ptr, id: StreamId): boolean {
  const tree = nodes.open(arena, root, S_TREE);
  const rank = tree.floor(id);
  if (rank < 0) return false;
  view.load(arena, tree.at(rank)).cursor(arena, walker);
  while (walker.next()) {
    const order = walker.id.compare(id);
    if (order > 0) return false;
    if (order < 0 || !walker.isLive) continue;
    if (view.count(arena) === 1) dropNode(arena, root);
    else {
      walker.mark();
      view.moved(arena, walker.settle(1));
    }
    setStreamLength(arena, root, streamLengthOf(arena, root) - 1);
    return true;
  }
  return false;
}

/** After XDEL: notes the highest deleted id and the new first one. */
export function settleDeleted(arena: Arena, root: Ptr, highest: StreamId, firstGone: boolean): void {
  if (highest.compare(maxDeletedId(arena, root, edge)) > 0) setMaxDeletedId(arena, root, highest);
  if (firstGone || streamLengthOf(arena, root) === 0) firstChanged(arena, root);
}

/** What XTRIM and XADD cut by. */
export class TrimRule {
  /** 0 none, 1 MAXLEN, 2 MINID. */
  by = 0;
  approximate = false;
  /** Entries that may go; 0: any number. */
  limit = 0;
  maxLength = 0;
  readonly minId = new StreamId();
}

/** Cuts a stream; returns the number of entries that went. */
export function trimStream(arena: Arena, root: Ptr, rule: TrimRule): number {
  const tree = nodes.open(arena, root, S_TREE);
  let removed = 0;
  let length = streamLengthOf(arena, root);
  while (tree.count > 0) {
    if (rule.by === 1 && length <= rule.maxLength) break;
    view.load(arena, tree.at(0));
    const entries = view.count(arena);
    if (rule.limit > 0 && removed + entries > rule.limit) break;
    if (wholeNodeGoes(arena, rule, length, entries)) {
      dropNode(arena, root);
      nodes.open(arena, root, S_TREE);
      length -= entries;
      removed += entries;
      continue;
    }
    if (rule.approximate) break;
    const gone = trimNode(arena, rule, length);
    length -= gone;
    removed += gone;
    break;
  }
  if (removed > 0) {
    setStreamLength(arena, root, length);
    firstChanged(arena, root);
  }
  return removed;
}

/** Whether all of the node in `view` goes. By id, Redis looks at its last entry whether it is deleted or not. */
function wholeNodeGoes(arena: Arena, rule: TrimRule, length: number, entries: number): boolean {
  if (rule.by === 1) return length - entries >= rule.maxLength;
  if (view.id.compare(rule.minId) >= 0) return false;
  view.cursor(arena, walker).toEnd();
  while (walker.previous()) {
    if (walker.isLive || rule.approximate) return walker.id.compare(rule.minId) < 0;
  }
  return false;
}

/** Deletes entries of the node in `view` from its beginning on, which does not become empty; returns their number. */
function trimNode(arena: Arena, rule: TrimRule, length: number): number {
  let gone = 0;
  view.cursor(arena, walker);
  while (walker.next()) {
    if (rule.by === 1 ? length - gone <= rule.maxLength : walker.id.compare(rule.minId) >= 0) break;
    if (!walker.isLive) continue;
    walker.mark();
    gone++;
  }
  if (gone > 0) view.moved(arena, walker.settle(gone));
  return gone;
}
