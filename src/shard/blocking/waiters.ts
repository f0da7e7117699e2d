/**
 * Waiters: for each key the queue of clients that are blocked on it, in the arena of the key's shard.
 *
 *     CTL_BLOCKED -> element table: name = database (2 bytes) and key, value = | first waiter | last waiter | how many
 *                    of them want the absent key |
 *     waiter cell:   next | previous | io | slot | seq | command | db, proto << 16 | flags | client id: float64
 *                    key index | argc | blob, request or 0 | payload bytes | scope | wants absent | payload
 *     payload:       length of each argument (int32), then their bytes
 *     request cell:  waiters that share it | payload bytes | blob or 0 | - | payload
 *
 * A waiter is the whole request, so any thread with the lease can carry it out. A waiter for several keys has a cell in
 * the queue of each key; if the request is long, the cells of one shard share one copy of the payload. If several
 * threads want to answer a request, its claim decides which thread does (claims.ts). A thread that meets a cell whose
 * claim is gone drops the cell.
 *
 * Invariants: (1) the lease of the key's shard is held; (2) a queue is not empty; (3) CTL_BLOCKED is 0 or the root of
 * the table, whose count says whether anybody waits here.
 */

import { type Arena, CTL_BLOCKED } from '../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, free } from '../../shared/memory/slab.js';
import type { Args } from '../../shared/resp/args.js';
import { blobFree, blobFrom, blobRead } from '../structures/blob.js';
import {
  createPair,
  elementName,
  elementValue,
  freeElement,
  name,
  value,
  visitBlob,
  visitElement,
} from '../structures/element.js';
import { createTableRoot, ElementCursor, ElementTable, visitTables } from '../structures/element-table.js';
import { R_COUNT } from '../structures/extendible.js';

/** Word offsets of a waiter. */
export const W_NEXT = 0;
export const W_PREVIOUS = 1;
export const W_IO = 2;
export const W_SLOT = 3;
export const W_SEQ = 4;
export const W_COMMAND = 5;
export const W_DB_PROTO = 6;
export const W_FLAGS = 7;
const W_CLIENT_ID = 8;
export const W_KEY_INDEX = 10;
const W_ARGC = 11;
const W_BLOB = 12;
const W_BYTES = 13;
/** Bits: the command needs leases of further shards than the key's; it waits for no other key; then its type. */
const W_SCOPE = 14;
const MORE_SHARDS = 1;
const ONE_KEY = 2;
/** The payload is in a request cell, which W_BLOB names. */
const SHARED = 4;
/** A longer request that waits for several keys is shared. */
const OWN_BYTES_MAX = 1024;
/** Word offsets of a request cell. */
const Q_WAITERS = 0;
const Q_BYTES = 1;
const Q_BLOB = 2;
const REQUEST_HEAD_BYTES = 16;
/** As many shards as a server can have. */
const SHARDS_MAX = 256;
const TYPE_SHIFT = 3;
/** 1 when the command is also carried out when the key is gone or becomes something else (XREADGROUP). */
export const W_WANTS_ABSENT = 15;
const HEAD_BYTES = 64;
/** Longer requests lie in a blob. */
const INLINE_BYTES_MAX = 16 * 1024;
const DB_BYTES = 2;
/** Scratch for arguments; what is larger is not kept. */
const PAYLOAD_BYTES = 64 * 1024;

/** The fields from which a waiter is written, and into which `readWaiter` reads one. */
export class WaiterFields {
  io = 0;
  slot = 0;
  seq = 0;
  command = 0;
  db = 0;
  proto: 2 | 3 = 2;
  flags = 0;
  clientId = 0;
  keyIndex = 0;
  moreShards = false;
  /** It waits for a single key. */
  oneKey = false;
  /** The type of value that it waits for. */
  valueType = 0;
  wantsAbsent = false;
  /** The request cell of what is queued now, by shard; 0: there is none yet. */
  readonly requests: Int32Array = new Int32Array(SHARDS_MAX);
}

const table = new ElementTable();
let nameBytes = new Uint8Array(1024);
let nameView = new DataView(nameBytes.buffer);
/** First, last, and how many want the absent key. */
const QUEUE_BYTES = 12;
const ABSENT_AT = 8;
const ends = new Uint8Array(QUEUE_BYTES);
const endsView = new DataView(ends.buffer);

/** The arguments of a waiter that is written or read. */
let payload = new Uint8Array(PAYLOAD_BYTES);
let payloadView = new DataView(payload.buffer);

function roomForPayload(bytes: number): void {
  if (bytes <= payload.length && payload.length === PAYLOAD_BYTES) return;
  payload = new Uint8Array(Math.max(bytes, PAYLOAD_BYTES));
  payloadView = new DataView(payload.buffer);
}

function compose(db: number, u8: Uint8Array, off: number, len: number): number {
  if (nameBytes.length < len + DB_BYTES) {
    nameBytes = new Uint8Array(2 * (len + DB_BYTES));
    nameView = new DataView(nameBytes.buffer);
  }
  nameBytes[0] = db & 255;
  nameBytes[1] = db >> 8;
  for (let i = 0; i < len; i++) nameBytes[DB_BYTES + i] = u8[off + i]!;
  return len + DB_BYTES;
}

/** Whether a key of this shard has waiters. One load as long as no key ever had a waiter. */
export function anyWaits(arena: Arena): boolean {
  const root = arena.ctl[CTL_BLOCKED]!;
  return root !== 0 && wordAt(arena, root, R_COUNT) !== 0;
}

/** The queue of a key, 0 when the key has no waiters; leaves the table's cursor there. */
function findQueue(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): Ptr {
  const root = arena.ctl[CTL_BLOCKED]! as Ptr;
  if (root === 0) return NULL;
  const n = compose(db, u8, off, len);
  return table.open(arena, root).find(nameBytes, nameView, 0, n);
}

/** The first waiter of a key, 0 when there is none. */
export function firstWaiter(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): Ptr {
  const queue = findQueue(arena, db, u8, off, len);
  if (queue === NULL) return NULL;
  elementValue(arena, queue);
  return value.dv.getInt32(value.off, true) as Ptr;
}

/**
 * Returns `waiter`, or the first waiter behind it in the queue of the key, that wants to be told when the key is gone;
 * 0 when there is none. Waiters for elements stay blocked when the key is gone.
 */
export function absentWaiter(arena: Arena, waiter: Ptr, db: number, u8: Uint8Array, off: number, len: number): Ptr {
  const queue = findQueue(arena, db, u8, off, len);
  if (queue === NULL) return NULL;
  elementValue(arena, queue);
  if (value.dv.getInt32(value.off + ABSENT_AT, true) === 0) return NULL;
  let found = waiter;
  while (found !== NULL && waiterWord(arena, found, W_WANTS_ABSENT) === 0) {
    found = waiterWord(arena, found, W_NEXT) as Ptr;
  }
  return found;
}

/** Word `w` of a waiter. */
export function waiterWord(arena: Arena, waiter: Ptr, w: number): number {
  return wordAt(arena, waiter, w);
}

/**
 * Whether a key with a value of this type wakes a waiter: a waiter that wants to be told of the key's absence is always
 * woken.
 */
export function wakes(arena: Arena, waiter: Ptr, valueType: number): boolean {
  if (waiterWord(arena, waiter, W_WANTS_ABSENT) !== 0) return true;
  return waiterWord(arena, waiter, W_SCOPE) >>> TYPE_SHIFT === valueType;
}

function setWord(arena: Arena, waiter: Ptr, w: number, word: number): void {
  arena.touch(waiter, w * 4, 4);
  wordsOf(arena, waiter)[wordIndex(waiter) + w] = word;
}

/**
 * Puts a request at the end of the queue of the key in argument `fields.keyIndex`, unless it is there already: the same
 * key twice is one wait. Throws ArenaFullError.
 */
export function addWaiter(arena: Arena, fields: WaiterFields, args: Args): void {
  if (arena.ctl[CTL_BLOCKED] === 0) arena.ctl[CTL_BLOCKED] = createTableRoot(arena);
  const i = fields.keyIndex;
  let queue = findQueue(arena, fields.db, args.u8, args.off[i]!, args.len[i]!);
  const last = queue === NULL ? NULL : lastOf(arena, queue);
  // No other waiter came in between, so it would be the last waiter.
  if (last !== NULL && isOf(arena, last, fields.io, fields.slot, fields.seq)) return;
  const waiter = createWaiter(arena, fields, args);
  const absent = fields.wantsAbsent ? 1 : 0;
  if (queue === NULL) {
    endsView.setInt32(0, waiter, true);
    endsView.setInt32(4, waiter, true);
    endsView.setInt32(ABSENT_AT, absent, true);
    const n = args.len[i]! + DB_BYTES;
    try {
      queue = createPair(arena, nameBytes, nameView, 0, n, ends, endsView, 0, QUEUE_BYTES, false, 0);
      table.insert(queue);
    } catch (error) {
      if (queue !== NULL) freeElement(arena, queue);
      dropUnqueued(arena, fields, waiter);
      throw error;
    }
    return;
  }
  setWord(arena, last, W_NEXT, waiter);
  setWord(arena, waiter, W_PREVIOUS, last);
  elementValue(arena, queue);
  setQueue(arena, queue, value.dv.getInt32(value.off, true) as Ptr, waiter, absent);
}

/** Frees a waiter for which there was no memory to queue it. */
function dropUnqueued(arena: Arena, fields: WaiterFields, waiter: Ptr): void {
  const request = fields.requests[arena.shard]! as Ptr;
  if (request !== NULL && waiterWord(arena, request, Q_WAITERS) === 1) fields.requests[arena.shard] = 0;
  freePayload(arena, waiter);
  free(arena, waiter);
}

function lastOf(arena: Arena, queue: Ptr): Ptr {
  elementValue(arena, queue);
  return value.dv.getInt32(value.off + 4, true) as Ptr;
}

function isOf(arena: Arena, waiter: Ptr, io: number, slot: number, seq: number): boolean {
  return (
    waiterWord(arena, waiter, W_SLOT) === slot &&
    waiterWord(arena, waiter, W_IO) === io &&
    waiterWord(arena, waiter, W_SEQ) >>> 0 === seq >>> 0
  );
}

/** Sets the ends of a queue; `absent` more waiters want to be told of the key's absence. */
function setQueue(arena: Arena, queue: Ptr, first: Ptr, last: Ptr, absent: number): void {
  elementValue(arena, queue);
  arena.touch(queue, value.off - byteIndex(queue), QUEUE_BYTES);
  value.dv.setInt32(value.off, first, true);
  value.dv.setInt32(value.off + 4, last, true);
  value.dv.setInt32(value.off + ABSENT_AT, value.dv.getInt32(value.off + ABSENT_AT, true) + absent, true);
}

function payloadBytes(args: Args): number {
  const { argc, len } = args;
  let bytes = 4 * argc;
  for (let i = 0; i < argc; i++) bytes += len[i]!;
  return bytes;
}

/** Puts the arguments into `payload`. */
function writePayload(args: Args, bytes: number): void {
  const { argc, off, len, u8 } = args;
  roomForPayload(bytes);
  const view = payloadView;
  let pos = 4 * argc;
  for (let i = 0; i < argc; i++) {
    view.setInt32(4 * i, len[i]!, true);
    copyBytes(payload, pos, u8, off[i]!, len[i]!);
    pos += len[i]!;
  }
}

function createWaiter(arena: Arena, fields: WaiterFields, args: Args): Ptr {
  const { argc } = args;
  const known = fields.oneKey ? NULL : (fields.requests[arena.shard]! as Ptr);
  const bytes = known === NULL ? payloadBytes(args) : waiterWord(arena, known, Q_BYTES);
  const shared = !fields.oneKey && bytes > OWN_BYTES_MAX;
  if (known === NULL) writePayload(args, bytes);
  const inline = !shared && bytes <= INLINE_BYTES_MAX;
  const waiter = alloc(arena, HEAD_BYTES + (inline ? bytes : 0));
  let blob = NULL;
  if (!inline) {
    try {
      blob = shared ? shareRequest(arena, fields, bytes) : blobFrom(arena, payload, 0, bytes);
    } catch (error) {
      free(arena, waiter);
      throw error;
    }
  }
  const segment = segmentOf(waiter);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(waiter);
  i32[w + W_NEXT] = 0;
  i32[w + W_PREVIOUS] = 0;
  i32[w + W_IO] = fields.io;
  i32[w + W_SLOT] = fields.slot;
  i32[w + W_SEQ] = fields.seq;
  i32[w + W_COMMAND] = fields.command;
  i32[w + W_DB_PROTO] = fields.db | (fields.proto << 16);
  i32[w + W_FLAGS] = fields.flags;
  arena.f64[segment]![(w + W_CLIENT_ID) >> 1] = fields.clientId;
  i32[w + W_KEY_INDEX] = fields.keyIndex;
  i32[w + W_ARGC] = argc;
  i32[w + W_BLOB] = blob;
  i32[w + W_BYTES] = bytes;
  let scope = (fields.moreShards ? MORE_SHARDS : 0) | (fields.oneKey ? ONE_KEY : 0) | (shared ? SHARED : 0);
  scope |= fields.valueType << TYPE_SHIFT;
  i32[w + W_SCOPE] = scope;
  i32[w + W_WANTS_ABSENT] = fields.wantsAbsent ? 1 : 0;
  if (inline) copyBytes(arena.u8[segment]!, w * 4 + HEAD_BYTES, payload, 0, bytes);
  return waiter;
}

/**
 * Adds a waiter to the request whose payload lies in `payload`; returns the request cell, which the first waiter makes.
 */
function shareRequest(arena: Arena, fields: WaiterFields, bytes: number): Ptr {
  const known = fields.requests[arena.shard]! as Ptr;
  if (known !== NULL) {
    setWord(arena, known, Q_WAITERS, waiterWord(arena, known, Q_WAITERS) + 1);
    return known;
  }
  const inline = bytes <= INLINE_BYTES_MAX;
  const request = alloc(arena, REQUEST_HEAD_BYTES + (inline ? bytes : 0));
  let blob = NULL;
  if (!inline) {
    try {
      blob = blobFrom(arena, payload, 0, bytes);
    } catch (error) {
      free(arena, request);
      throw error;
    }
  }
  const segment = segmentOf(request);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(request);
  i32[w + Q_WAITERS] = 1;
  i32[w + Q_BYTES] = bytes;
  i32[w + Q_BLOB] = blob;
  if (inline) copyBytes(arena.u8[segment]!, w * 4 + REQUEST_HEAD_BYTES, payload, 0, bytes);
  fields.requests[arena.shard] = request;
  return request;
}

/** A waiter no longer needs its payload: frees the payload with its last waiter. */
function freePayload(arena: Arena, waiter: Ptr): void {
  const blob = waiterWord(arena, waiter, W_BLOB) as Ptr;
  if (blob === NULL) return;
  if ((waiterWord(arena, waiter, W_SCOPE) & SHARED) === 0) {
    blobFree(arena, blob, waiterWord(arena, waiter, W_BYTES));
    return;
  }
  const waiters = waiterWord(arena, blob, Q_WAITERS) - 1;
  if (waiters > 0) {
    setWord(arena, blob, Q_WAITERS, waiters);
    return;
  }
  const own = waiterWord(arena, blob, Q_BLOB) as Ptr;
  if (own !== NULL) blobFree(arena, own, waiterWord(arena, blob, Q_BYTES));
  free(arena, blob);
}

/**
 * Calls `visit` for the cells of a waiter's payload; for those of a shared one once. `requests`: how many waiters of
 * each request were met.
 */
function visitPayload(
  arena: Arena,
  waiter: Ptr,
  requests: Map<Ptr, number>,
  visit: (ptr: Ptr, what: string) => void,
): void {
  const blob = waiterWord(arena, waiter, W_BLOB) as Ptr;
  if (blob === NULL) return;
  if ((waiterWord(arena, waiter, W_SCOPE) & SHARED) === 0) {
    visitBlob(arena, blob, waiterWord(arena, waiter, W_BYTES), visit);
    return;
  }
  const seen = requests.get(blob) ?? 0;
  requests.set(blob, seen + 1);
  if (seen > 0) return;
  visit(blob, 'request of several waiters');
  const own = waiterWord(arena, blob, Q_BLOB) as Ptr;
  if (own !== NULL) visitBlob(arena, own, waiterWord(arena, blob, Q_BYTES), visit);
}

/** Reads a waiter into `fields` and its arguments into `args`, in bytes that hold until the next call. */
export function readWaiter(arena: Arena, waiter: Ptr, fields: WaiterFields, args: Args): void {
  const segment = segmentOf(waiter);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(waiter);
  fields.io = i32[w + W_IO]!;
  fields.slot = i32[w + W_SLOT]!;
  fields.seq = i32[w + W_SEQ]! >>> 0;
  fields.command = i32[w + W_COMMAND]!;
  fields.db = i32[w + W_DB_PROTO]! & 0xffff;
  fields.proto = (i32[w + W_DB_PROTO]! >>> 16) as 2 | 3;
  fields.flags = i32[w + W_FLAGS]!;
  fields.clientId = arena.f64[segment]![(w + W_CLIENT_ID) >> 1]!;
  fields.keyIndex = i32[w + W_KEY_INDEX]!;
  fields.moreShards = (i32[w + W_SCOPE]! & MORE_SHARDS) !== 0;
  fields.oneKey = (i32[w + W_SCOPE]! & ONE_KEY) !== 0;
  fields.valueType = i32[w + W_SCOPE]! >>> TYPE_SHIFT;
  fields.wantsAbsent = i32[w + W_WANTS_ABSENT] !== 0;
  const argc = i32[w + W_ARGC]!;
  const bytes = i32[w + W_BYTES]!;
  roomForPayload(bytes);
  const isShared = (i32[w + W_SCOPE]! & SHARED) !== 0;
  const holder = isShared ? (i32[w + W_BLOB]! as Ptr) : waiter;
  const blob = waiterWord(arena, holder, isShared ? Q_BLOB : W_BLOB) as Ptr;
  if (blob !== 0) blobRead(arena, blob, 0, payload, 0, bytes);
  else {
    const at = byteIndex(holder) + (isShared ? REQUEST_HEAD_BYTES : HEAD_BYTES);
    copyBytes(payload, 0, bytesOf(arena, holder), at, bytes);
  }
  const view = payloadView;
  args.setBuffer(payload, view);
  args.reserve(argc);
  args.argc = argc;
  let pos = 4 * argc;
  for (let i = 0; i < argc; i++) {
    args.off[i] = pos;
    args.len[i] = view.getInt32(4 * i, true);
    pos += args.len[i]!;
  }
}

/**
 * Whether the request of `waiter` equals the request of `like`, whose arguments are `args`, and names the key at the
 * same index. Argument `but` may differ (0: no argument may). False for a long request.
 */
export function isAlike(arena: Arena, waiter: Ptr, like: WaiterFields, args: Args, but: number): boolean {
  const segment = segmentOf(waiter);
  const i32 = arena.i32[segment]!;
  const w = wordIndex(waiter);
  const { argc, u8, off, len } = args;
  if (i32[w + W_COMMAND] !== like.command || i32[w + W_KEY_INDEX] !== like.keyIndex) return false;
  if (i32[w + W_ARGC] !== argc || i32[w + W_BLOB] !== 0) return false;
  const lengths = w + (HEAD_BYTES >> 2);
  for (let i = 0; i < argc; i++) if (i32[lengths + i] !== len[i] && i !== but) return false;
  const bytes = arena.u8[segment]!;
  let p = (lengths + argc) * 4;
  for (let i = 0; i < argc; i++) {
    if (i !== but || i === 0) {
      const from = off[i]!;
      for (let k = len[i]! - 1; k >= 0; k--) if (bytes[p + k] !== u8[from + k]) return false;
    }
    p += i32[lengths + i]!;
  }
  return true;
}

/** Takes a waiter out of the queue of its key and frees it. */
export function removeWaiter(arena: Arena, waiter: Ptr, db: number, u8: Uint8Array, off: number, len: number): void {
  const queue = findQueue(arena, db, u8, off, len);
  if (queue === NULL) throw new Error('a waiter without a queue');
  const next = waiterWord(arena, waiter, W_NEXT) as Ptr;
  const previous = waiterWord(arena, waiter, W_PREVIOUS) as Ptr;
  if (next === 0 && previous === 0) {
    table.remove();
    freeElement(arena, queue);
  } else {
    elementValue(arena, queue);
    const first = previous === 0 ? next : (value.dv.getInt32(value.off, true) as Ptr);
    const last = next === 0 ? previous : (value.dv.getInt32(value.off + 4, true) as Ptr);
    if (previous !== 0) setWord(arena, previous, W_NEXT, next);
    if (next !== 0) setWord(arena, next, W_PREVIOUS, previous);
    setQueue(arena, queue, first, last, -waiterWord(arena, waiter, W_WANTS_ABSENT));
  }
  freePayload(arena, waiter);
  free(arena, waiter);
}

/**
 * Removes the request `seq` of a connection from the queue of a key, if it is there. Searches from both ends: a waiter
 * that was just served is near the front, and a waiter that has just come is near the end.
 */
export function forgetWaiter(
  arena: Arena,
  io: number,
  slot: number,
  seq: number,
  db: number,
  u8: Uint8Array,
  off: number,
  len: number,
): void {
  const queue = findQueue(arena, db, u8, off, len);
  if (queue === NULL) return;
  let front = firstWaiter(arena, db, u8, off, len);
  let back = lastOf(arena, queue);
  for (;;) {
    const isFront = isOf(arena, front, io, slot, seq);
    if (isFront || isOf(arena, back, io, slot, seq)) {
      removeWaiter(arena, isFront ? front : back, db, u8, off, len);
      return;
    }
    if (front === back) return;
    front = waiterWord(arena, front, W_NEXT) as Ptr;
    if (front === back) return;
    back = waiterWord(arena, back, W_PREVIOUS) as Ptr;
  }
}

/** Removes all waiters for which `isGone` is true. Cold. */
export function dropWaiters(arena: Arena, isGone: (io: number, slot: number, seq: number) => boolean): void {
  eachWaitedKey(arena, (db, key) => {
    for (let waiter = firstWaiter(arena, db, key, 0, key.length); waiter !== NULL; ) {
      const next = waiterWord(arena, waiter, W_NEXT) as Ptr;
      const seq = waiterWord(arena, waiter, W_SEQ) >>> 0;
      if (isGone(waiterWord(arena, waiter, W_IO), waiterWord(arena, waiter, W_SLOT), seq)) {
        removeWaiter(arena, waiter, db, key, 0, key.length);
      }
      waiter = next;
    }
  });
}

/** Calls `each` with database and key of all keys of this shard that have waiters. Cold. */
export function eachWaitedKey(arena: Arena, each: (db: number, key: Uint8Array) => void): void {
  const root = arena.ctl[CTL_BLOCKED]! as Ptr;
  if (root === 0) return;
  const cursor = new ElementCursor().open(arena, root);
  const names: Uint8Array[] = [];
  for (let el = cursor.next(); el !== 0; el = cursor.next()) names.push(nameOf(arena, el));
  for (const bytes of names) each(bytes[0]! | (bytes[1]! << 8), bytes.subarray(DB_BYTES));
}

function nameOf(arena: Arena, el: Ptr): Uint8Array {
  elementName(arena, el);
  return name.u8.slice(name.off, name.off + name.len);
}

/** Calls `visit` for every cell of the queues, for fsck. Throws when a queue contradicts itself. */
export function visitWaiters(arena: Arena, visit: (ptr: Ptr, what: string) => void): void {
  const root = arena.ctl[CTL_BLOCKED]! as Ptr;
  if (root === 0) return;
  visit(root, 'root of the blocked clients');
  visitTables(arena, root, visit);
  const requests = new Map<Ptr, number>();
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) {
    visitElement(arena, el, visit);
    visitQueue(arena, el, requests, visit);
  }
  for (const [request, waiters] of requests) {
    const counted = waiterWord(arena, request, Q_WAITERS);
    if (waiters !== counted) throw new Error(`request at ${request}: ${waiters} waiters, ${counted} counted`);
  }
}

function visitQueue(
  arena: Arena,
  queue: Ptr,
  requests: Map<Ptr, number>,
  visit: (ptr: Ptr, what: string) => void,
): void {
  elementValue(arena, queue);
  const last = value.dv.getInt32(value.off + 4, true);
  let absent = value.dv.getInt32(value.off + ABSENT_AT, true);
  let previous: Ptr = NULL;
  for (let waiter = value.dv.getInt32(value.off, true) as Ptr; waiter !== NULL; ) {
    visit(waiter, 'waiter');
    visitPayload(arena, waiter, requests, visit);
    if (waiterWord(arena, waiter, W_PREVIOUS) !== previous) throw new Error(`waiter at ${waiter}: link back`);
    absent -= waiterWord(arena, waiter, W_WANTS_ABSENT);
    previous = waiter;
    waiter = waiterWord(arena, waiter, W_NEXT) as Ptr;
  }
  if (previous !== last || last === NULL) throw new Error(`queue at ${queue}: its last waiter is not ${last}`);
  if (absent !== 0) throw new Error(`queue at ${queue}: its waiters for an absent key are miscounted by ${absent}`);
}
