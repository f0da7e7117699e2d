/**
 * Consumer groups of a stream: groups by name, their consumers by name, and the entries that were delivered and not
 * acknowledged (the pending entries list, PEL), in order of their ids, for the group and for each consumer.
 *
 *     groups      element table: name -> | group cell Ptr |          (S_GROUPS of the stream's root: the table's root)
 *     group       0..2 tree of pending entries | 3 consumers: table root | 5 garbage kind | 6 last id
 *                 10 entries read:f64, -1 unknown | 14 next garbage | 15 pending entries freed
 *     consumers   element table: name -> | consumer cell Ptr |
 *     consumer    0..2 tree of pending entries | 3 its element | 4 seen:f64 | 6 active:f64, -1 never       (unix ms)
 *     pending     element named by its id, value | delivered at:f64 | deliveries:f64 | consumer cell Ptr |
 *
 * A pending entry is one element, which stands in the group's tree and in its consumer's; the group owns it.
 *
 * Invariants: (1) lease held; (2) every pending entry of a group is in the tree of exactly one of its consumers.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { zeroUnits } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../../shared/memory/slab.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import {
  createPair,
  elementName,
  elementValue,
  freeElement,
  name,
  value,
  visitElement,
} from '../../structures/element.js';
import {
  createTableRoot,
  ElementCursor,
  ElementTable,
  ROOT_POSITION,
  visitTableValue,
} from '../../structures/element-table.js';
import { freeTableRoot, type GarbageKind, garbageNumber, giveUp } from '../../structures/garbage.js';
import { freeTreeStep, visitTree } from '../../structures/score-tree-cells.js';
import { IdTree, idOfElement } from './id-tree.js';
import { ID_BYTES, StreamId } from './stream-id.js';
import { S_GROUPS } from './stream-value.js';

const G_CONSUMERS = 3;
const G_LAST = 6;
const G_READ_F64 = 5;
const GROUP_BYTES = 64;
const C_ELEMENT = 3;
const C_SEEN_F64 = 2;
const C_ACTIVE_F64 = 3;
const CONSUMER_BYTES = 32;
const PENDING_BYTES = 20;
const P_DELIVERIES = 8;
const P_CONSUMER = 16;
/** Entries read: not known. */
export const UNKNOWN = -1;

const table = new ElementTable();
const groupTree = new IdTree();
const consumerTree = new IdTree();
const pointer = new Uint8Array(4);
const pointerView = new DataView(pointer.buffer);
const key = new Uint8Array(ID_BYTES);
const keyView = new DataView(key.buffer);
const pendingBytes = new Uint8Array(PENDING_BYTES);
const pendingView = new DataView(pendingBytes.buffer);
const idScratch = new StreamId();

function word(arena: Arena, cell: Ptr, w: number): number {
  return wordAt(arena, cell, w);
}

function setWord(arena: Arena, cell: Ptr, w: number, to: number): void {
  arena.touch(cell, w * 4, 4);
  wordsOf(arena, cell)[wordIndex(cell) + w] = to;
}

function f64(arena: Arena, cell: Ptr, i: number): number {
  return doublesOf(arena, cell)[unitIndex(cell) + i]!;
}

function setF64(arena: Arena, cell: Ptr, i: number, to: number): void {
  arena.touch(cell, i * 8, 8);
  doublesOf(arena, cell)[unitIndex(cell) + i] = to;
}

function newCell(arena: Arena, bytes: number): Ptr {
  const cell = alloc(arena, bytes);
  zeroUnits(doublesOf(arena, cell), unitIndex(cell), (bytes + 7) >> 3);
  return cell;
}

// ---- tables of names

function findNamed(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
  if (root === 0) return NULL;
  const el = table.open(arena, root).find(u8, dv, off, len);
  if (el === 0) return NULL;
  elementValue(arena, el);
  return value.dv.getInt32(value.off, true) as Ptr;
}

/** Adds a name that the table has not; returns its element. Throws ArenaFullError. */
function addNamed(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number, cell: Ptr): Ptr {
  table.open(arena, root).find(u8, dv, off, len);
  pointerView.setInt32(0, cell, true);
  const el = createPair(arena, u8, dv, off, len, pointer, pointerView, 0, 4, false, 0);
  try {
    table.insert(el);
  } catch (error) {
    freeElement(arena, el);
    throw error;
  }
  return el;
}

function removeNamed(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  const el = table.open(arena, root).find(u8, dv, off, len);
  table.remove();
  freeElement(arena, el);
}

/** A name and its cell, as a copy. */
export interface Named {
  readonly name: Uint8Array;
  readonly cell: Ptr;
}

/** The names of a table in the order of their bytes. Cold. */
function allNamed(arena: Arena, root: Ptr): Named[] {
  const list: Named[] = [];
  if (root === 0) return list;
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    elementName(arena, el);
    const bytes = name.u8.slice(name.off, name.off + name.len);
    elementValue(arena, el);
    list.push({ name: bytes, cell: value.dv.getInt32(value.off, true) as Ptr });
  }
  return list.sort((a, b) => Buffer.compare(a.name, b.name));
}

// ---- groups

const groupsRoot = (arena: Arena, root: Ptr): Ptr => word(arena, root, S_GROUPS) as Ptr;

/** The group with this name, 0 when there is none. */
export function findGroup(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
  return findNamed(arena, groupsRoot(arena, root), u8, dv, off, len);
}

/** Adds a group. @requires there is none of this name. Throws ArenaFullError. */
export function addGroup(
  arena: Arena,
  root: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  last: StreamId,
  read: number,
): Ptr {
  invariant(findGroup(arena, root, u8, dv, off, len) === 0, 'there is none of this name');
  if (groupsRoot(arena, root) === 0) setWord(arena, root, S_GROUPS, createTableRoot(arena));
  const group = newCell(arena, GROUP_BYTES);
  try {
    setWord(arena, group, G_CONSUMERS, createTableRoot(arena));
    setGroupLast(arena, group, last);
    setEntriesRead(arena, group, read);
    addNamed(arena, groupsRoot(arena, root), u8, dv, off, len, group);
  } catch (error) {
    giveUpGroup(arena, group);
    throw error;
  }
  return group;
}

/** Removes a group with all that belongs to it. */
export function removeGroup(arena: Arena, root: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  const group = findGroup(arena, root, u8, dv, off, len);
  removeNamed(arena, groupsRoot(arena, root), u8, dv, off, len);
  giveUpGroup(arena, group);
}

export const groupsOf = (arena: Arena, root: Ptr): Named[] => allNamed(arena, groupsRoot(arena, root));
export const consumersOf = (arena: Arena, group: Ptr): Named[] => allNamed(arena, consumersRoot(arena, group));
const consumersRoot = (arena: Arena, group: Ptr): Ptr => word(arena, group, G_CONSUMERS) as Ptr;

export function groupLast(arena: Arena, group: Ptr, into: StreamId): StreamId {
  return into.load(wordsOf(arena, group), wordIndex(group) + G_LAST);
}

export function setGroupLast(arena: Arena, group: Ptr, id: StreamId): void {
  arena.touch(group, G_LAST * 4, 16);
  id.save(wordsOf(arena, group), wordIndex(group) + G_LAST);
}

export const entriesRead = (arena: Arena, group: Ptr): number => f64(arena, group, G_READ_F64);
export const setEntriesRead = (arena: Arena, group: Ptr, n: number): void => setF64(arena, group, G_READ_F64, n);

/** The tree of pending entries of a group, or of a consumer. Valid until the next call for the same kind. */
export const pendingOf = (arena: Arena, group: Ptr): IdTree => groupTree.open(arena, group, 0);
export const ownedBy = (arena: Arena, consumer: Ptr): IdTree => consumerTree.open(arena, consumer, 0);

// ---- consumers

export function findConsumer(arena: Arena, group: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): Ptr {
  return findNamed(arena, consumersRoot(arena, group), u8, dv, off, len);
}

/** Adds a consumer. @requires there is none of this name. Throws ArenaFullError. */
export function addConsumer(
  arena: Arena,
  group: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  nowMs: number,
): Ptr {
  invariant(findConsumer(arena, group, u8, dv, off, len) === 0, 'there is none of this name');
  const consumer = newCell(arena, CONSUMER_BYTES);
  setSeen(arena, consumer, nowMs);
  setActive(arena, consumer, -1);
  try {
    setWord(arena, consumer, C_ELEMENT, addNamed(arena, consumersRoot(arena, group), u8, dv, off, len, consumer));
  } catch (error) {
    free(arena, consumer);
    throw error;
  }
  return consumer;
}

/** The element whose name is the consumer's (`replyName`, `elementName`). */
export const consumerElement = (arena: Arena, consumer: Ptr): Ptr => word(arena, consumer, C_ELEMENT) as Ptr;
export const seenAt = (arena: Arena, consumer: Ptr): number => f64(arena, consumer, C_SEEN_F64);
export const activeAt = (arena: Arena, consumer: Ptr): number => f64(arena, consumer, C_ACTIVE_F64);
export const setSeen = (arena: Arena, consumer: Ptr, ms: number): void => setF64(arena, consumer, C_SEEN_F64, ms);
export const setActive = (arena: Arena, consumer: Ptr, ms: number): void => setF64(arena, consumer, C_ACTIVE_F64, ms);

/** Removes a consumer with its pending entries; returns their number. */
export function removeConsumer(
  arena: Arena,
  group: Ptr,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): number {
  const consumer = findConsumer(arena, group, u8, dv, off, len);
  const count = ownedBy(arena, consumer).count;
  for (let left = count; left > 0; left--) {
    const el = ownedBy(arena, consumer).at(0);
    dropPending(arena, group, el);
  }
  removeNamed(arena, consumersRoot(arena, group), u8, dv, off, len);
  free(arena, consumer);
  return count;
}

// ---- pending entries

/** What a pending entry's element says. */
export class Pending {
  deliveredAtMs = 0;
  deliveries = 0;
  consumer: Ptr = NULL;
}

/** Reads a pending entry. */
export function readPending(arena: Arena, el: Ptr, into: Pending): Pending {
  elementValue(arena, el);
  into.deliveredAtMs = value.dv.getFloat64(value.off, true);
  into.deliveries = value.dv.getFloat64(value.off + P_DELIVERIES, true);
  into.consumer = value.dv.getInt32(value.off + P_CONSUMER, true) as Ptr;
  return into;
}

/** Changes time and number of deliveries of a pending entry. */
export function setPending(arena: Arena, el: Ptr, deliveredAtMs: number, deliveries: number): void {
  elementValue(arena, el);
  arena.touch(el, value.off - byteIndex(el), PENDING_BYTES);
  value.dv.setFloat64(value.off, deliveredAtMs, true);
  value.dv.setFloat64(value.off + P_DELIVERIES, deliveries, true);
}

/** Adds an entry to the pending ones of a group and consumer. @requires it is not pending. Throws ArenaFullError. */
export function addPending(
  arena: Arena,
  group: Ptr,
  consumer: Ptr,
  id: StreamId,
  deliveredAtMs: number,
  deliveries: number,
): Ptr {
  id.toKey(keyView, 0);
  pendingView.setFloat64(0, deliveredAtMs, true);
  pendingView.setFloat64(P_DELIVERIES, deliveries, true);
  pendingView.setInt32(P_CONSUMER, consumer, true);
  const el = createPair(arena, key, keyView, 0, ID_BYTES, pendingBytes, pendingView, 0, PENDING_BYTES, false, 0);
  let inGroup = false;
  try {
    pendingOf(arena, group).insert(id, el);
    inGroup = true;
    if (consumer !== NULL) ownedBy(arena, consumer).insert(id, el);
  } catch (error) {
    // Without memory the entry is pending in both trees or in none.
    if (inGroup) pendingOf(arena, group).remove(id, el);
    freeElement(arena, el);
    throw error;
  }
  return el;
}

/** Gives a pending entry to another consumer. */
export function passPending(arena: Arena, el: Ptr, consumer: Ptr): void {
  elementValue(arena, el);
  const before = value.dv.getInt32(value.off + P_CONSUMER, true) as Ptr;
  if (before === consumer) return;
  const id = idOfElement(arena, el, idScratch);
  // First what may fail for want of memory.
  ownedBy(arena, consumer).insert(id, el);
  if (before !== NULL) ownedBy(arena, before).remove(id, el);
  elementValue(arena, el);
  arena.touch(el, value.off + P_CONSUMER - byteIndex(el), 4);
  value.dv.setInt32(value.off + P_CONSUMER, consumer, true);
}

/** Takes an entry out of the pending ones of its group and consumer. */
export function dropPending(arena: Arena, group: Ptr, el: Ptr): void {
  elementValue(arena, el);
  const consumer = value.dv.getInt32(value.off + P_CONSUMER, true) as Ptr;
  const id = idOfElement(arena, el, idScratch);
  if (consumer !== NULL) ownedBy(arena, consumer).remove(id, el);
  pendingOf(arena, group).remove(id, el);
  freeElement(arena, el);
}

// ---- cells

/** Pending entries, or leaves of trees, that one step frees; pending entries up to which a group is freed at once. */
const FREED_AT_ONCE = 512;
const LEAVES_AT_ONCE = 64;

function giveUpGroup(arena: Arena, group: Ptr): void {
  giveUp(arena, group, GROUP_GARBAGE, pendingOf(arena, group).count <= FREED_AT_ONCE);
}

/** A group of a stream. */
export const GROUP_GARBAGE: GarbageKind = {
  number: garbageNumber(TYPE_STREAM, 1),
  step: freeGroupStep,
  visit: visitGroupGarbage,
};

/** Frees a part of a group that was given up; true when it was the last, the group's cell included. */
function freeGroupStep(arena: Arena, group: Ptr): boolean {
  const consumers = consumersRoot(arena, group);
  if (consumers !== NULL) {
    const el = new ElementCursor().open(arena, consumers).next();
    if (el !== NULL) {
      freeConsumerStep(arena, consumers, el);
      return false;
    }
    freeTableRoot(arena, consumers);
    setWord(arena, group, G_CONSUMERS, 0);
  }
  const tree = pendingOf(arena, group);
  const { count } = tree;
  let freed = word(arena, group, ROOT_POSITION);
  if (freed < count) {
    const end = Math.min(count, freed + FREED_AT_ONCE);
    const cursor = tree.cursor(freed);
    while (freed++ < end) freeElement(arena, cursor.next());
    setWord(arena, group, ROOT_POSITION, end);
    return false;
  }
  if (!freeTreeStep(arena, group, 0, LEAVES_AT_ONCE)) return false;
  free(arena, group);
  return true;
}

function freeConsumerStep(arena: Arena, consumers: Ptr, el: Ptr): void {
  elementValue(arena, el);
  const consumer = value.dv.getInt32(value.off, true) as Ptr;
  if (!freeTreeStep(arena, consumer, 0, LEAVES_AT_ONCE)) return;
  elementName(arena, el);
  removeNamed(arena, consumers, name.u8, name.dv, name.off, name.len);
  free(arena, consumer);
}

/** Gives up all groups of a stream. */
export function freeGroups(arena: Arena, root: Ptr): void {
  const groups = groupsRoot(arena, root);
  if (groups === NULL) return;
  const cursor = new ElementCursor().open(arena, groups);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    elementValue(arena, el);
    giveUpGroup(arena, value.dv.getInt32(value.off, true) as Ptr);
  }
  freeTableRoot(arena, groups);
  setWord(arena, root, S_GROUPS, 0);
}

/** Calls `visit` for every cell of the groups of a stream. */
export function visitGroups(arena: Arena, root: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  if (groupsRoot(arena, root) === 0) return;
  visitTableValue(arena, groupsRoot(arena, root), visit);
  for (const { cell } of groupsOf(arena, root)) visitGroup(arena, cell, visit, 0);
}

/** As `visitGroups`, for one group that was given up. */
function visitGroupGarbage(arena: Arena, group: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  visitGroup(arena, group, visit, word(arena, group, ROOT_POSITION));
}

/** The cells of a group whose first `freed` pending entries are gone. */
function visitGroup(arena: Arena, group: Ptr, visit: (ptr: Ptr, what: string) => void, freed: number): void {
  visit(group, 'group');
  visitTree(arena, group, 0, visit);
  const cursor = pendingOf(arena, group).cursor(freed);
  for (let el = cursor.next(); el !== NULL; el = cursor.next()) visitElement(arena, el, visit);
  if (consumersRoot(arena, group) === NULL) return;
  visitTableValue(arena, consumersRoot(arena, group), visit);
  for (const consumer of consumersOf(arena, group)) {
    visit(consumer.cell, 'consumer');
    visitTree(arena, consumer.cell, 0, visit);
  }
}

/** Bytes of all cells of the groups of a stream. */
export function groupCellBytes(arena: Arena, root: Ptr): number {
  let bytes = 0;
  visitGroups(arena, root, (ptr) => {
    bytes += cellBytes(arena, ptr);
  });
  return bytes;
}

/** Copies the groups of a stream to another one, which has none. Throws ArenaFullError. */
export function copyGroups(from: Arena, root: Ptr, to: Arena, copy: Ptr): void {
  const id = new StreamId();
  const pending = new Pending();
  for (const { name: groupName, cell } of groupsOf(from, root)) {
    const view = new DataView(groupName.buffer);
    const last = groupLast(from, cell, id);
    const group = addGroup(to, copy, groupName, view, 0, groupName.length, last, entriesRead(from, cell));
    for (const consumer of consumersOf(from, cell)) {
      const bytes = consumer.name;
      const seen = seenAt(from, consumer.cell);
      const made = addConsumer(to, group, bytes, new DataView(bytes.buffer), 0, bytes.length, seen);
      setActive(to, made, activeAt(from, consumer.cell));
      const tree = new IdTree().open(from, consumer.cell, 0);
      for (let rank = 0; rank < tree.count; rank++) {
        const el = tree.at(rank);
        readPending(from, el, pending);
        addPending(to, group, made, idOfElement(from, el, id), pending.deliveredAtMs, pending.deliveries);
      }
    }
  }
}
