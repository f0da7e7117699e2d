/**
 * The records of the rings between I/O threads and shards, and how they are written and read.
 *
 *     request: 0 connId | 4 seq | 8 clientId f64 | 16 cmdId | 20 db, proto << 16 | 24 client flags | 28 info
 *              32 argc | 36 mail id (0 = bytes follow) | 40 argc lengths | bytes
 *     reply:   0 connId | 4 seq | 8 flags | 12 mail id (0 = bytes follow) | 16 bytes
 *
 * A record over a quarter of the ring travels by mail (see mailbox.ts), and the ring record only names it.
 *
 * Invariants: (1) a writer returns false when there is no room, having changed nothing; the consumer then wakes it; (2)
 * a RequestView or ReplyView points into ring memory: valid until the consumer's release(); (3) `info` is opaque here
 * (Placement.word).
 */

import { SLAB_CHUNK_BYTES, takeSlabChunk } from '../memory/chunk-slabs.js';
import { copyBytes, copyMany, copyWords } from '../memory/copy-bytes.js';
import { type Chunk, chunkBytes, isBytes, releaseChunk } from '../memory/pins.js';
import { Args } from '../resp/args.js';
import type { RingConsumer, RingProducer } from './ring.js';

/** Sizes of the rings per (I/O thread, shard) pair, bytes. */
export const RING_LIMITS = { requestBytes: 1 << 20, replyBytes: 1 << 20 } as const;

/**
 * In place of a connection's slot: the bytes are bulletins for the I/O thread's clients
 * (src/shared/pubsub/bulletin.ts).
 */
export const BULLETINS = -1;

/** Reply flags. */
export const REPLY = {
  /** Further pieces of the same reply follow. */
  MORE: 1,
  /** Close the connection after these bytes. */
  CLOSE: 2,
  /**
   * No reply yet: the client is blocked. The bytes: its deadline (float64 unix ms, 0: none).
   */
  BLOCKED: 4,
  /** A thread died while it served the client that waits with this ticket: close the connection. */
  LOST: 8,
} as const;

const REQUEST = {
  connId: 0,
  seq: 4,
  clientId: 8,
  cmdId: 16,
  dbProto: 20,
  flags: 24,
  info: 28,
  argc: 32,
  mail: 36,
  lens: 40,
};
const REPLY_AT = { connId: 0, seq: 4, flags: 8, mail: 12, bytes: 16 };

/** Total bytes of all arguments. */
export function argsBytes(args: Args): number {
  let total = 0;
  const { len, argc } = args;
  for (let i = 0; i < argc; i++) total += len[i]!;
  return total;
}

/**
 * The head of a request: the fields before its arguments. A writer has one head and fills it again for each request.
 */
export class RequestHead {
  /** Slot of the connection in its I/O thread. */
  connId = 0;
  /** Sequence number of the request on its connection, uint32; slot and number come back in the reply. */
  seq = 0;
  clientId = 0;
  cmdId = 0;
  db = 0;
  proto = 2;
  clientFlags = 0;
  /** Placement.word of the command; PLACED_NOT when the reader is to place it. */
  info = 0;
}

/** hot: writes one request and commits it (not published); false when the ring or its mailbox is full. */
export function writeRequest(ring: RingProducer, head: RequestHead, args: Args): boolean {
  const { argc, len, off, u8: from } = args;
  let size = REQUEST.lens + 4 * argc;
  for (let i = 0; i < argc; i++) size += len[i]!;
  if (size > ring.recordBytesMax) return mailRequest(ring, head, args, false);
  const at = ring.reserve(size);
  if (at < 0) return false;
  writeRequestHead(ring, at, head, argc, 0);
  const i32 = ring.i32;
  const to = ring.u8;
  const lens = (at + REQUEST.lens) >> 2;
  let pos = at + REQUEST.lens + 4 * argc;
  for (let i = 0; i < argc; i++) {
    const n = len[i]!;
    i32[lens + i] = n;
    copyWords(to, ring.dv, pos, from, args.dv, off[i]!, n);
    pos += n;
  }
  ring.commit(size);
  return true;
}

/**
 * Like writeRequest for a big command whose bytes lie in a SharedArrayBuffer that the caller gives away: nothing is
 * copied. @requires args.u8 views a SharedArrayBuffer from its start and is not written any more
 */
export function writeRequestGiven(ring: RingProducer, head: RequestHead, args: Args): boolean {
  return mailRequest(ring, head, args, true);
}

function mailRequest(ring: RingProducer, head: RequestHead, args: Args, given: boolean): boolean {
  const mailbox = ring.mailbox;
  if (mailbox === null) throw new Error('records: big request without a mailbox');
  const { argc } = args;
  const bytes = given ? args.u8.length : argsBytes(args);
  if (!mailbox.hasRoom(bytes, ring.headPosition())) {
    ring.starve();
    if (!mailbox.hasRoom(bytes, ring.headPosition())) return false;
  }
  const at = ring.reserve(REQUEST.lens);
  if (at < 0) return false;
  const table = new Int32Array(new SharedArrayBuffer(8 * argc));
  const data = given ? args.u8 : new Uint8Array(new SharedArrayBuffer(bytes));
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let pos = 0;
  for (let i = 0; i < argc; i++) {
    const n = args.len[i]!;
    const start = args.off[i]!;
    if (!given) copyWords(data, view, pos, args.u8, args.dv, start, n);
    table[2 * i] = given ? start : pos;
    table[2 * i + 1] = n;
    pos += n;
  }
  const mail = mailbox.post([data], table);
  writeRequestHead(ring, at, head, argc, mail);
  ring.commit(REQUEST.lens);
  mailbox.named(ring.committedPosition());
  return true;
}

/** hot */
function writeRequestHead(ring: RingProducer, at: number, head: RequestHead, argc: number, mail: number): void {
  const i32 = ring.i32;
  const w = at >> 2;
  i32[w] = head.connId;
  i32[w + 1] = head.seq;
  ring.f64[(at + REQUEST.clientId) >> 3] = head.clientId;
  i32[w + (REQUEST.cmdId >> 2)] = head.cmdId;
  i32[w + (REQUEST.dbProto >> 2)] = head.db | (head.proto << 16);
  i32[w + (REQUEST.flags >> 2)] = head.clientFlags;
  i32[w + (REQUEST.info >> 2)] = head.info;
  i32[w + (REQUEST.argc >> 2)] = argc;
  i32[w + (REQUEST.mail >> 2)] = mail;
}

/** One request as the shard reads it; reused from record to record. */
export class RequestView extends RequestHead {
  /** The mail that has the arguments, 0 when they lie in the ring. */
  mail = 0;
  /** The arguments, in ring memory or in the mail's own buffer. */
  readonly args: Args = new Args();
}

/**
 * hot: reads the request at payload `offset` (from peek()) into `into`; may be called again for a request that was put
 * off. False when its mail is lost; `into` then has everything but arguments, and the connection must be closed.
 */
export function readRequest(ring: RingConsumer, offset: number, into: RequestView): boolean {
  const i32 = ring.i32;
  const w = offset >> 2;
  into.connId = i32[w]!;
  into.seq = i32[w + 1]! >>> 0;
  into.clientId = ring.f64[(offset + REQUEST.clientId) >> 3]!;
  into.cmdId = i32[w + (REQUEST.cmdId >> 2)]!;
  const dbProto = i32[w + (REQUEST.dbProto >> 2)]!;
  into.db = dbProto & 0xffff;
  into.proto = dbProto >>> 16;
  into.clientFlags = i32[w + (REQUEST.flags >> 2)]!;
  into.info = i32[w + (REQUEST.info >> 2)]!;
  const argc = i32[w + (REQUEST.argc >> 2)]!;
  const mail = i32[w + (REQUEST.mail >> 2)]!;
  into.mail = mail;
  const args = into.args;
  if (mail !== 0) return readMailedArgs(ring, mail, argc, args);
  if (args.off.length < argc) args.reserve(argc);
  args.argc = argc;
  if (args.u8 !== ring.u8) args.setBuffer(ring.u8, ring.dv);
  const { off, len } = args;
  const lens = (offset + REQUEST.lens) >> 2;
  let pos = offset + REQUEST.lens + 4 * argc;
  for (let i = 0; i < argc; i++) {
    const n = i32[lens + i]!;
    off[i] = pos;
    len[i] = n;
    pos += n;
  }
  if (pos !== offset + ring.length) throw new Error('records: request lengths disagree with the record');
  return true;
}

/** hot: the peeked request, which `view` has read, has been carried out: its mail is dropped, and the ring moves on. */
export function finishRequest(ring: RingConsumer, view: RequestView): void {
  if (view.mail !== 0 && ring.mailbox !== null) ring.mailbox.drop(view.mail);
  ring.advance();
}

/** A request with this command id has been answered already: the loop passes over it. */
export const ANSWERED = -1;

/** Reads slot, sequence number, command and mail of the request at payload `offset` into `into`, and nothing else. */
export function readRequestHead(ring: RingConsumer, offset: number, into: RequestView): void {
  const w = offset >> 2;
  into.mail = ring.i32[w + (REQUEST.mail >> 2)]!;
  into.connId = ring.i32[w]!;
  into.seq = ring.i32[w + 1]! >>> 0;
  into.cmdId = ring.i32[w + (REQUEST.cmdId >> 2)]!;
}

/** Marks the request at payload `offset`, which is not in progress, as answered. */
export function markAnswered(ring: RingConsumer, offset: number): void {
  ring.i32[(offset + REQUEST.cmdId) >> 2] = ANSWERED;
}

function readMailedArgs(ring: RingConsumer, id: number, argc: number, args: Args): boolean {
  const mail = ring.mailbox === null ? null : ring.mailbox.look(id);
  if (mail === null || mail.table === null || mail.table.length !== 2 * argc) {
    args.argc = 0;
    return false;
  }
  const data = mail.chunks[0] as Uint8Array;
  args.reserve(argc);
  args.argc = argc;
  args.setBuffer(data, new DataView(data.buffer, data.byteOffset, data.byteLength));
  for (let i = 0; i < argc; i++) {
    args.off[i] = mail.table[2 * i]!;
    args.len[i] = mail.table[2 * i + 1]!;
  }
  return true;
}

/**
 * hot: writes one reply (or piece, see REPLY.MORE) and commits it; false when there is no room. `length` may be 0.
 * Replies bigger than a ring record are copied into a mail.
 */
export function writeReply(
  ring: RingProducer,
  connId: number,
  seq: number,
  flags: number,
  from: Uint8Array,
  start: number,
  length: number,
): boolean {
  const size = REPLY_AT.bytes + length;
  if (size > ring.recordBytesMax) {
    return writeReplyChunks(ring, connId, seq, flags, [from.subarray(start, start + length)]);
  }
  const at = ring.reserve(size);
  if (at < 0) return false;
  const i32 = ring.i32;
  const w = at >> 2;
  i32[w] = connId;
  i32[w + 1] = seq;
  i32[w + 2] = flags;
  i32[w + 3] = 0;
  copyBytes(ring.u8, at + REPLY_AT.bytes, from, start, length);
  ring.commit(size);
  return true;
}

/**
 * Writes a reply that lies in several chunks: copied into the ring when it fits, mailed otherwise; chunks that already
 * lie in SharedArrayBuffers are given away uncopied, others are copied; pinned ones go as they are. False when there is
 * no room.
 */
export function writeReplyChunks(
  ring: RingProducer,
  connId: number,
  seq: number,
  flags: number,
  chunks: readonly Chunk[],
): boolean {
  let total = 0;
  let pinned = false;
  for (const chunk of chunks) {
    total += chunkBytes(chunk);
    if (!isBytes(chunk)) pinned = true;
  }
  const inline = !pinned && REPLY_AT.bytes + total <= ring.recordBytesMax;
  const mailbox = ring.mailbox;
  if (!inline) {
    if (mailbox === null) throw new Error('records: big reply without a mailbox');
    if (!mailbox.hasRoom(total, ring.headPosition())) {
      ring.starve();
      if (!mailbox.hasRoom(total, ring.headPosition())) return false;
    }
  }
  const at = ring.reserve(inline ? REPLY_AT.bytes + total : REPLY_AT.bytes);
  if (at < 0) return false;
  const w = at >> 2;
  ring.i32[w] = connId;
  ring.i32[w + 1] = seq;
  ring.i32[w + 2] = flags;
  ring.i32[w + 3] = inline ? 0 : mailbox!.post(shareChunks(chunks, connId !== BULLETINS), null);
  let pos = at + REPLY_AT.bytes;
  if (inline) {
    for (const chunk of chunks as readonly Uint8Array[]) {
      copyMany(ring.u8, pos, chunk, 0, chunk.length);
      pos += chunk.length;
      releaseChunk(chunk);
    }
  }
  ring.commit();
  if (!inline) mailbox!.named(ring.committedPosition());
  return true;
}

/** `slabs`: the reader gives slab chunks back, so the copies may lie in slabs. */
function shareChunks(chunks: readonly Chunk[], slabs: boolean): Chunk[] {
  return chunks.map((chunk) => {
    if (!isBytes(chunk) || chunk.buffer instanceof SharedArrayBuffer) return chunk;
    if (slabs && chunk.length <= SLAB_CHUNK_BYTES) {
      const shared = takeSlabChunk(true).subarray(0, chunk.length);
      shared.set(chunk);
      return shared;
    }
    const copy = new Uint8Array(new SharedArrayBuffer(chunk.length));
    copy.set(chunk);
    return copy;
  });
}

/** One reply as the I/O thread reads it; reused from record to record. */
export class ReplyView {
  connId = 0;
  /** uint32 */
  seq = 0;
  flags = 0;
  /** Where the bytes are when `chunks` is null: `length` bytes of `u8` from `start`. */
  u8: Uint8Array = EMPTY;
  start = 0;
  length = 0;
  /** A mailed reply: its chunks in order, in SharedArrayBuffers that now belong to the reader. */
  chunks: readonly Chunk[] | null = null;
}

/** hot: reads the reply at payload `offset` into `into`. False when its mail is lost: close the connection. */
export function readReply(ring: RingConsumer, offset: number, into: ReplyView): boolean {
  const i32 = ring.i32;
  const w = offset >> 2;
  into.connId = i32[w]!;
  into.seq = i32[w + 1]! >>> 0;
  into.flags = i32[w + 2]!;
  const id = i32[w + 3]!;
  if (id !== 0) {
    into.length = 0;
    const mail = ring.mailbox === null ? null : ring.mailbox.take(id);
    into.chunks = mail === null ? null : mail.chunks;
    return mail !== null;
  }
  into.chunks = null;
  into.u8 = ring.u8;
  into.start = offset + REPLY_AT.bytes;
  into.length = ring.length - REPLY_AT.bytes;
  return true;
}

const EMPTY = new Uint8Array(0);
