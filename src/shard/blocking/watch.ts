/**
 * Watched keys: WATCH writes them into the arena, and EXEC checks them. Each shard has a table of the watched keys. An
 * element's name is the database (2 bytes) and the key, its number is the key's version, and its value is a row of
 *
 *     | client id * 256 + its I/O thread: float64 | version when the client began to watch: float64 |
 *
 * Each change of a key gives the key a new version (`ExecContext.notify` calls `touchWatched`), and EXEC compares
 * versions. So no list of clients is walked when a key changes. Versions are never used twice in a shard. When an I/O
 * thread has died, `dropWatchers` ends the watches of its clients.
 *
 * Invariants: (1) the lease of the key's shard is held; (2) CONTROL.watchedKeys counts the elements of all shards, so
 * writers pay one load while no key is watched; it is raised first and lowered last, so wherever a thread dies it is
 * not too low.
 */

import { CLIENT_IO_SHIFT, type ClientState } from '../../shared/command/client-state.js';
import { type Arena, CTL_WATCH_VERSION_F64, CTL_WATCHED, CTL_WATCHED_COUNT } from '../../shared/memory/arena.js';
import { wordAt } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';
import {
  createPair,
  elementName,
  elementNumber,
  elementValue,
  freeElement,
  name,
  setElementNumber,
  setElementValue,
  value,
} from '../structures/element.js';
import { createTableRoot, ElementCursor, ElementTable } from '../structures/element-table.js';
import { R_COUNT } from '../structures/extendible.js';

/** Room for the index of an I/O thread beside a client's id. */
const IO_THREADS = 256;
/** Bytes before the key in an element's name. */
const DB_BYTES = 2;
const WATCHER_BYTES = 16;

const table = new ElementTable();
let nameBytes = new Uint8Array(1024);
let nameView = new DataView(nameBytes.buffer);
const watcher = new Uint8Array(WATCHER_BYTES);
const watcherView = new DataView(watcher.buffer);

/** Puts database and key into `nameBytes`; returns their length. */
function compose(db: number, u8: Uint8Array, off: number, len: number): number {
  if (nameBytes.length < len + DB_BYTES) {
    nameBytes = new Uint8Array(2 * (len + DB_BYTES));
    nameView = new DataView(nameBytes.buffer);
  }
  nameBytes[0] = db & 255;
  nameBytes[1] = db >> 8;
  nameBytes.set(u8.subarray(off, off + len), DB_BYTES);
  return len + DB_BYTES;
}

function nextVersion(arena: Arena): number {
  const version = arena.ctlF64[CTL_WATCH_VERSION_F64]! + 1;
  arena.ctlF64[CTL_WATCH_VERSION_F64] = version;
  return version;
}

/** The element of a watched key, the table's cursor on it; 0 when no client watches the key. */
function find(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): Ptr {
  const root = arena.ctl[CTL_WATCHED]! as Ptr;
  if (root === 0) return NULL;
  const n = compose(db, u8, off, len);
  return table.open(arena, root).find(nameBytes, nameView, 0, n);
}

/** A key was changed: gives the key a new version, which fails the EXEC of each client that watches the key. */
export function touchWatched(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): void {
  const el = find(arena, db, u8, off, len);
  if (el !== NULL) setElementNumber(arena, el, nextVersion(arena));
}

/**
 * Has a client watch a key from now on; if the client watches the key already, nothing changes. Throws ArenaFullError.
 */
export function addWatcher(
  control: ControlBlock,
  arena: Arena,
  client: ClientState,
  db: number,
  u8: Uint8Array,
  off: number,
  len: number,
): void {
  if (arena.ctl[CTL_WATCHED] === 0) arena.ctl[CTL_WATCHED] = createTableRoot(arena);
  const el = find(arena, db, u8, off, len);
  const number = watcherOf(client);
  watcherView.setFloat64(0, number, true);
  if (el === NULL) {
    const version = nextVersion(arena);
    watcherView.setFloat64(8, version, true);
    const n = len + DB_BYTES;
    insert(
      control,
      arena,
      createPair(arena, nameBytes, nameView, 0, n, watcher, watcherView, 0, WATCHER_BYTES, true, version),
    );
    return;
  }
  elementValue(arena, el);
  if (watcherAt(number) >= 0) return;
  watcherView.setFloat64(8, elementNumber(arena, el), true);
  const grown = new Uint8Array(value.len + WATCHER_BYTES);
  grown.set(value.u8.subarray(value.off, value.off + value.len));
  grown.set(watcher, value.len);
  replaceValue(arena, el, grown);
}

/** Puts the element of a key that nobody watched into the table. Throws ArenaFullError; the element is freed then. */
function insert(control: ControlBlock, arena: Arena, el: Ptr): void {
  Atomics.add(control.i32, CONTROL.watchedKeys, 1);
  arena.ctl[CTL_WATCHED_COUNT] = arena.ctl[CTL_WATCHED_COUNT]! + 1;
  try {
    table.insert(el);
  } catch (error) {
    freeElement(arena, el);
    countOneLess(control, arena);
    throw error;
  }
}

function countOneLess(control: ControlBlock, arena: Arena): void {
  arena.ctl[CTL_WATCHED_COUNT] = arena.ctl[CTL_WATCHED_COUNT]! - 1;
  Atomics.sub(control.i32, CONTROL.watchedKeys, 1);
}

/** Counts the shard's watched keys again: a thread died that may have been between the table and its count. */
export function recountWatched(control: ControlBlock, arena: Arena): void {
  const root = arena.ctl[CTL_WATCHED]!;
  const count = root === 0 ? 0 : wordAt(arena, root, R_COUNT);
  Atomics.sub(control.i32, CONTROL.watchedKeys, arena.ctl[CTL_WATCHED_COUNT]! - count);
  arena.ctl[CTL_WATCHED_COUNT] = count;
}

function replaceValue(arena: Arena, el: Ptr, bytes: Uint8Array): void {
  const next = setElementValue(arena, el, bytes, new DataView(bytes.buffer), 0, bytes.length);
  if (next !== el) table.replace(next);
}

/** How a client stands in the rows. */
function watcherOf(client: ClientState): number {
  return client.id * IO_THREADS + (client.flags >>> CLIENT_IO_SHIFT);
}

/** Offset of a watcher's record in the value that `elementValue` found, -1 when there is none. */
function watcherAt(number: number): number {
  for (let at = value.off; at < value.off + value.len; at += WATCHER_BYTES) {
    if (value.dv.getFloat64(at, true) === number) return at;
  }
  return -1;
}

/** Whether a key is unchanged since the client began to watch it. True for a key that the client does not watch. */
export function watchedUnchanged(
  arena: Arena,
  client: ClientState,
  db: number,
  u8: Uint8Array,
  off: number,
  len: number,
): boolean {
  const el = find(arena, db, u8, off, len);
  if (el === NULL) return true;
  elementValue(arena, el);
  const at = watcherAt(watcherOf(client));
  return at < 0 || value.dv.getFloat64(at + 8, true) === elementNumber(arena, el);
}

/** The client watches the key no longer. */
export function removeWatcher(
  control: ControlBlock,
  arena: Arena,
  client: ClientState,
  db: number,
  u8: Uint8Array,
  off: number,
  len: number,
): void {
  const el = find(arena, db, u8, off, len);
  if (el === NULL) return;
  elementValue(arena, el);
  const at = watcherAt(watcherOf(client));
  if (at < 0) return;
  if (value.len === WATCHER_BYTES) {
    removeFound(control, arena, el);
    return;
  }
  const left = new Uint8Array(value.len - WATCHER_BYTES);
  const before = at - value.off;
  left.set(value.u8.subarray(value.off, at));
  left.set(value.u8.subarray(at + WATCHER_BYTES, value.off + value.len), before);
  replaceValue(arena, el, left);
}

/** The key of the element under the table's cursor has no watchers any more. */
function removeFound(control: ControlBlock, arena: Arena, el: Ptr): void {
  table.remove();
  freeElement(arena, el);
  countOneLess(control, arena);
}

/** Ends the watches of the clients of I/O thread `io` whose ids are below `clientsBefore`: it died. Cold. */
export function dropWatchers(control: ControlBlock, arena: Arena, io: number, clientsBefore: number): void {
  const root = arena.ctl[CTL_WATCHED]! as Ptr;
  if (root === 0) return;
  const isGone = (watcher: number): boolean => watcher % IO_THREADS === io && watcher < clientsBefore * IO_THREADS;
  // The table must not change while the cursor is on its way.
  const found: { name: Uint8Array; left: Uint8Array }[] = [];
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    elementValue(arena, el);
    const rows: Uint8Array[] = [];
    for (let at = value.off; at < value.off + value.len; at += WATCHER_BYTES) {
      if (!isGone(value.dv.getFloat64(at, true))) rows.push(value.u8.slice(at, at + WATCHER_BYTES));
    }
    if (rows.length * WATCHER_BYTES === value.len) continue;
    elementName(arena, el);
    found.push({ name: name.u8.slice(name.off, name.off + name.len), left: Uint8Array.from(Buffer.concat(rows)) });
  }
  for (const { name: bytes, left } of found) {
    const el = table.open(arena, root).find(bytes, new DataView(bytes.buffer), 0, bytes.length);
    if (left.length === 0) removeFound(control, arena, el);
    else replaceValue(arena, el, left);
  }
}

/**
 * Gives all watched keys of a database for which `concerns` is true a new version: FLUSHDB, SWAPDB. `concerns` gets the
 * key as bytes.
 */
export function touchWatchedDatabase(
  arena: Arena,
  db: number,
  concerns: (u8: Uint8Array, dv: DataView, off: number, len: number) => boolean,
): void {
  const root = arena.ctl[CTL_WATCHED]! as Ptr;
  if (root === 0) return;
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    elementName(arena, el);
    const { u8, dv, off, len } = name;
    if ((u8[off]! | (u8[off + 1]! << 8)) !== db) continue;
    if (concerns(u8, dv, off + DB_BYTES, len - DB_BYTES)) setElementNumber(arena, el, nextVersion(arena));
  }
}
