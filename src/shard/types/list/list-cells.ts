/** What the keyspace must know of a list: its bytes, freeing, copying, and its cells for fsck. */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes } from '../../../shared/memory/slab.js';
import { mixDigest } from '../../entry/digest-mix.js';
import { LIST_PACKED, LIST_QUICK } from '../../entry/encodings.js';
import { rootOf, setRoot } from '../../entry/root.js';
import { blobCellBytes, blobCopy } from '../../structures/blob.js';
import { giveUp } from '../../structures/garbage.js';
import { lpSize } from '../../structures/listpack-entry.js';
import { ListCursor } from './list-cursor.js';
import { LIST_GARBAGE, NODES_A_STEP, visitNode } from './list-garbage.js';
import {
  copyPackedNode,
  createPlainNode,
  freeNode,
  isPlainNode,
  nodeCount,
  nodeEnd,
  nodeFirst,
  nodeNext,
  nodePrevious,
  plainBlob,
  plainLength,
} from './list-node.js';
import {
  addLength,
  createRoot,
  endNode,
  isPacked,
  linkBetween,
  listLength,
  listNodes,
  Q_COUNT,
  Q_NODES,
  rootWord,
} from './list-value.js';

const reader = new ListCursor();

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function listCellBytes(arena: Arena, e: Ptr): number {
  let bytes = isPacked(arena, e) ? 0 : cellBytes(arena, rootOf(arena, e));
  for (let node = endNode(arena, e, true); node !== 0; node = nodeNext(arena, node)) {
    bytes += cellBytes(arena, node);
    if (isPlainNode(arena, node)) bytes += blobCellBytes(arena, plainBlob(arena, node), plainLength(arena, node));
  }
  return bytes;
}

/** Frees what the value has outside the entry, a long chain later in steps. @requires lease */
export function listFree(arena: Arena, e: Ptr): void {
  const root = rootOf(arena, e);
  if (isPacked(arena, e)) freeNode(arena, root);
  else giveUp(arena, root, LIST_GARBAGE, listNodes(arena, e) <= NODES_A_STEP);
}

/** A copy of a node, without links, in `to`. Throws ArenaFullError. */
function copyNode(from: Arena, node: Ptr, to: Arena): Ptr {
  if (!isPlainNode(from, node)) return copyPackedNode(from, node, to);
  const length = plainLength(from, node);
  return createPlainNode(to, blobCopy(from, plainBlob(from, node), length, to), length);
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function listCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  if (isPacked(from, e)) {
    setRoot(to, copy, LIST_PACKED, copyNode(from, rootOf(from, e), to));
    return;
  }
  setRoot(to, copy, LIST_QUICK, createRoot(to));
  let last: Ptr = NULL;
  for (let node = endNode(from, e, true); node !== 0; node = nodeNext(from, node)) {
    const next = copyNode(from, node, to);
    linkBetween(to, copy, last, NULL, next);
    last = next;
  }
  addLength(to, copy, listLength(from, e));
}

/** Calls `visit` once for each cell that the value has outside the entry; throws when the value contradicts itself. */
export function listVisit(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const packed = isPacked(arena, e);
  if (!packed) visit(rootOf(arena, e), 'list root');
  let elements = 0;
  let nodes = 0;
  let previous: Ptr = NULL;
  for (let node = endNode(arena, e, true); node !== 0; node = nodeNext(arena, node)) {
    visitNode(arena, node, visit);
    if (nodePrevious(arena, node) !== previous) throw new Error(`list node at ${node}: link back`);
    if (!isPlainNode(arena, node)) checkEntries(arena, node);
    previous = node;
    elements += nodeCount(arena, node);
    nodes++;
  }
  if (previous !== endNode(arena, e, false)) throw new Error('list: its tail is not its last node');
  if (packed && nodes !== 1) throw new Error('list: a small one has one node');
  if (packed) return;
  if (elements !== rootWord(arena, e, Q_COUNT)) {
    throw new Error(`list: ${elements} elements, ${rootWord(arena, e, Q_COUNT)} counted`);
  }
  if (nodes !== rootWord(arena, e, Q_NODES)) {
    throw new Error(`list: ${nodes} nodes, ${rootWord(arena, e, Q_NODES)} counted`);
  }
}

/** The entries of a packed node must fill its span, in the number that it says, and lie in its cell. */
function checkEntries(arena: Arena, node: Ptr): void {
  const u8 = bytesOf(arena, node);
  const end = nodeEnd(arena, node);
  let n = 0;
  let p = nodeFirst(arena, node);
  if (end > byteIndex(node) + cellBytes(arena, node)) throw new Error(`list node at ${node}: beyond its cell`);
  for (; p < end; p += lpSize(u8, p)) n++;
  if (p !== end || n !== nodeCount(arena, node) || n === 0) {
    throw new Error(`list node at ${node}: ${n} entries, ${nodeCount(arena, node)} counted, ${p - end} bytes over`);
  }
}

/** The encoding as OBJECT ENCODING names it. */
export function listEncodingName(arena: Arena, e: Ptr): string {
  return isPacked(arena, e) ? 'listpack' : 'quicklist';
}

/** Mixes the elements into a digest as Redis's DEBUG DIGEST does. */
export function listDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  if (!reader.seek(arena, e, 0)) return;
  do {
    reader.read(arena);
    mixDigest(digest, reader.u8.slice(reader.off, reader.off + reader.len));
  } while (reader.next(arena));
}
