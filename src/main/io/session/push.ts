/**
 * Pushes: bytes for a client that are no reply to it: messages, invalidations, MONITOR lines.
 *
 * A message for many is formatted once; connections with nothing else to send share its bytes down to the socket
 * write. The output of a connection consists of whole replies between turns, so a push may go behind them at any time,
 * but while a reply is there in part.
 *
 * An invalidation must not overtake a reply under way: the client would drop the key and then keep the old value that
 * comes behind. So it waits for all replies that were outstanding when it came (`pushBehindReplies`). A blocked client
 * is told at once: as long as no thread has claimed its request, the values of its reply have not been read yet.
 *
 * Invariants: (1) `conn.pushed` is set only while `conn.out` is null; (2) shared bytes are never written again; (3)
 * each connection with a push is flushed at the end of the event loop's turn.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import { isOpen } from '../../../shared/sync/claims.js';
import type { ReplyPool } from '../reply/reply-pool.js';
import type { SettleQueue } from '../reply/settle-queue.js';
import { BARRIER, type Connection } from './connection.js';
import type { ConnectionTable } from './connection-table.js';

/** Messages from this size on are not copied for each connection. */
const SHARE_BYTES = 16 * 1024;

/** What pushing needs of the I/O thread. */
export interface PushContext {
  readonly connections: ConnectionTable;
  readonly replies: ReplyPool;
  readonly settling: SettleQueue;
  readonly hub: { readonly channels: { depart(): void } };
}

/** Appends bytes to what the client gets, behind what is there. The bytes are never changed again. */
export function push(io: PushContext, conn: Connection, bytes: Uint8Array): void {
  io.hub.channels.depart();
  give(io, conn, bytes);
}

/** As `push`, for messages on channels themselves. @requires no train waits (messages/train.ts) */
// hot: once per subscriber and message
export function give(io: PushContext, conn: Connection, bytes: Uint8Array): void {
  if (conn.closed || conn.closeAfterReply) return;
  if (isHeld(conn)) defer(conn, bytes, conn.headSeq);
  else append(io, conn, bytes);
}

/** As `push`, but not before the replies that the client waits for now. */
export function pushBehindReplies(io: PushContext, conn: Connection, bytes: Uint8Array): void {
  if (conn.closed || conn.closeAfterReply) return;
  io.hub.channels.depart();
  if ((conn.headSeq === conn.nextSeq || isWaiting(io, conn)) && !isHeld(conn)) append(io, conn, bytes);
  else defer(conn, bytes, conn.nextSeq);
}

/** A reply is there in part, or is being made: nothing may be written before the rest of it. WAIT makes none yet. */
function isHeld(conn: Connection): boolean {
  if (conn.partial || conn.capture !== null) return true;
  return (conn.barrier & BARRIER.promise) !== 0 && conn.endWait === null;
}

/** The client is blocked on a key, and no thread has begun to serve it. (Nothing else of it is under way then.) */
function isWaiting(io: PushContext, conn: Connection): boolean {
  const { blocked } = conn;
  return blocked !== null && blocked.waits && isOpen(io.connections.claims, conn.slot, blocked.seq);
}

function append(io: PushContext, conn: Connection, bytes: Uint8Array): void {
  let out = conn.out;
  if (out === null) {
    const pushed = conn.pushed;
    if (pushed === null) {
      conn.pushed = bytes;
      io.settling.addListener(conn);
      return;
    }
    out = io.replies.takeSmall(conn.session.proto);
    conn.out = out;
    conn.pushed = null;
    out.raw(pushed, 0, pushed.length);
  }
  if (bytes.length >= SHARE_BYTES) out.rawChunk(bytes);
  else out.raw(bytes, 0, bytes.length);
  io.settling.addListener(conn);
}

/** Pushes leave in the order in which they came, so none waits for less than the one before it. */
function defer(conn: Connection, bytes: Uint8Array, seq: number): void {
  if (conn.deferred === null) conn.deferred = [];
  const list = conn.deferred;
  const last = list.length > 0 ? list[list.length - 1]!.seq : seq;
  list.push({ seq: ((last - seq) | 0) > 0 ? last : seq, bytes });
}

/** Replies have come: pushes that waited for them follow. @requires `conn.deferred` not null */
export function releaseDeferred(io: PushContext, conn: Connection): void {
  invariant(conn.deferred !== null, 'pushes are deferred');
  if (isHeld(conn)) return;
  const list = conn.deferred!;
  let n = 0;
  while (n < list.length && ((conn.headSeq - list[n]!.seq) | 0) >= 0) append(io, conn, list[n++]!.bytes);
  if (n === list.length) conn.deferred = null;
  else if (n > 0) list.splice(0, n);
}

/** The writer for the connection's next reply, with what was pushed in it already. */
// hot
export function outOf(io: PushContext, conn: Connection): void {
  const out = io.replies.take(conn.session.proto);
  conn.out = out;
  const pushed = conn.pushed;
  if (pushed === null) return;
  conn.pushed = null;
  if (pushed.length >= SHARE_BYTES) out.rawChunk(pushed);
  else out.raw(pushed, 0, pushed.length);
}
