/** What the keyspace must know of a stream: its bytes, freeing, copying, its cells for fsck, its digest. */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes, free } from '../../../shared/memory/slab.js';
import { mixDigest } from '../../entry/digest-mix.js';
import { STREAM_TREE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_STREAM } from '../../entry/entry.js';
import { moveRoot, rootOf, setRootExtra } from '../../entry/root.js';
import { blobCopy, blobFree } from '../../structures/blob.js';
import { visitBlob } from '../../structures/element.js';
import { ROOT_POSITION } from '../../structures/element-table.js';
import { type GarbageKind, garbageNumber, giveUp } from '../../structures/garbage.js';
import { lpFrom, lpTotal } from '../../structures/listpack.js';
import { freeTreeStep, visitTree } from '../../structures/score-tree-cells.js';
import { IdTree } from './id-tree.js';
import { copyGroups, freeGroups, groupCellBytes, visitGroups } from './stream-groups.js';
import { StreamId } from './stream-id.js';
import {
  addNode,
  createStreamRoot,
  entriesAdded,
  firstId,
  lastId,
  maxDeletedId,
  NodeView,
  nodesIn,
  S_TREE,
  StreamCursor,
  setEntriesAdded,
  setFirstId,
  setLastId,
  setMaxDeletedId,
  setStreamLength,
  streamLengthOf,
} from './stream-value.js';

/** Nodes that are freed at once. */
const NODES_AT_ONCE = 64;

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function streamCellBytes(arena: Arena, e: Ptr): number {
  let bytes = 0;
  const root = rootOf(arena, e);
  visitNodes(arena, root, (ptr) => {
    bytes += cellBytes(arena, ptr);
  });
  return bytes + groupCellBytes(arena, root) + cellBytes(arena, root);
}

/** Frees what the value has outside the entry: at once when it is small, later when it is big. @requires lease */
export function streamFree(arena: Arena, e: Ptr): void {
  giveUpStream(arena, rootOf(arena, e));
}

/** Frees a stream that no entry owns. */
export function giveUpStream(arena: Arena, root: Ptr): void {
  freeGroups(arena, root);
  giveUp(arena, root, STREAM_GARBAGE, nodesIn(arena, root) <= NODES_AT_ONCE);
}

/** Nodes of a stream, its groups freed. */
export const STREAM_GARBAGE: GarbageKind = {
  number: garbageNumber(TYPE_STREAM, 0),
  step: freeStreamStep,
  visit: visitStreamGarbage,
};

/** Frees some nodes of a stream that was given up; true when nothing is left, the root included. */
function freeStreamStep(arena: Arena, root: Ptr): boolean {
  const tree = new IdTree().open(arena, root, S_TREE);
  const view = new NodeView();
  const w = wordIndex(root) + ROOT_POSITION;
  const words = wordsOf(arena, root);
  // Nodes before the position are gone; the tree still names them.
  let position = words[w]!;
  if (position < tree.count) {
    const cursor = tree.cursor(position);
    const end = Math.min(tree.count, position + NODES_AT_ONCE);
    while (position++ < end) view.load(arena, cursor.next()).free(arena);
    arena.touch(root, ROOT_POSITION * 4, 4);
    words[w] = end;
    return false;
  }
  if (!freeTreeStep(arena, root, S_TREE, NODES_AT_ONCE)) return false;
  free(arena, root);
  return true;
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function streamCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const root = rootOf(from, e);
  const made = createStreamRoot(to);
  try {
    copyNodes(from, root, to, made);
    copyGroups(from, root, to, made);
  } catch (error) {
    giveUpStream(to, made);
    throw error;
  }
  const id = new StreamId();
  setStreamLength(to, made, streamLengthOf(from, root));
  setEntriesAdded(to, made, entriesAdded(from, root));
  setLastId(to, made, lastId(from, root, id));
  setFirstId(to, made, firstId(from, root, id));
  setMaxDeletedId(to, made, maxDeletedId(from, root, id));
  moveRoot(to, copy, made);
  setRootExtra(to, copy, 0);
}

function copyNodes(from: Arena, root: Ptr, to: Arena, made: Ptr): void {
  const cursor = new IdTree().open(from, root, S_TREE).cursor(0);
  const view = new NodeView();
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    const { ptr, blobBytes, id } = view.load(from, el);
    const at = byteIndex(ptr);
    const cell =
      blobBytes > 0 ? blobCopy(from, ptr, blobBytes, to) : lpFrom(to, bytesOf(from, ptr), at, lpTotal(from, ptr));
    try {
      addNode(to, made, id, cell, blobBytes);
    } catch (error) {
      if (blobBytes > 0) blobFree(to, cell, blobBytes);
      else free(to, cell);
      throw error;
    }
  }
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function streamVisit(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const root = rootOf(arena, e);
  visit(root, 'root of a stream');
  visitNodes(arena, root, visit);
  visitGroups(arena, root, visit);
}

/** As `streamVisit`, for a stream that was given up. */
function visitStreamGarbage(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visit(root, 'root of a stream');
  visitNodes(arena, root, visit, wordAt(arena, root, ROOT_POSITION));
}

function visitNodes(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void, from = 0): void {
  visitTree(arena, root, S_TREE, visit);
  const cursor = new IdTree().open(arena, root, S_TREE).cursor(from);
  const view = new NodeView();
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    visit(el, 'stream node');
    view.load(arena, el);
    if (view.blobBytes > 0) visitBlob(arena, view.ptr, view.blobBytes, visit);
    else visit(view.ptr, 'stream listpack');
  }
}

/** The encoding as OBJECT ENCODING names it. */
export function streamEncodingName(arena: Arena, e: Ptr): string {
  return entryEncoding(arena, e) === STREAM_TREE ? 'stream' : '?';
}

/** Number of elements. @requires lease */
export function streamLength(arena: Arena, e: Ptr): number {
  return streamLengthOf(arena, rootOf(arena, e));
}

/** Mixes the elements into a digest as Redis's DEBUG DIGEST does. */
export function streamDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  const cursor = new StreamCursor().open(arena, rootOf(arena, e), new StreamId(), new StreamId().setMax(), false);
  while (cursor.next()) {
    mixDigest(digest, Buffer.from(cursor.id.text().replace('-', '.')));
    cursor.node.each((bytes) => mixDigest(digest, bytes));
  }
}
