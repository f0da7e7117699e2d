/** Replies as they come out of the shards' rings: each reply goes to its connection's output when its turn has come. */
import type { ServedSink } from '../../../shard/blocking/serve.js';
import { releaseChunks } from '../../../shared/memory/pins.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { ticketOf } from '../../../shared/sync/claims.js';
import { REPLY, type ReplyView } from '../../../shared/sync/records.js';
import { type Connection, IN_FLIGHT_MAX_LARGE } from '../session/connection.js';
import { outOf, releaseDeferred } from '../session/push.js';
import type { IoContext } from '../thread/io-context.js';
import { endBlocking, nowWaits, sendServe } from '../waiting/blocking.js';
import { ReplyOrder } from './reply-order.js';

/** If replies are larger than this, fewer requests of the connection may be in flight. */
const LARGE_REPLY_BYTES = 64 * 1024;
const IN_FLIGHT_MAX = 1024;

/**
 * Takes one reply in. Returns the reply's connection, or null when the client is gone. `whole`: false when its bytes
 * were lost.
 */
// hot: every reply over a ring
export function takeReply(io: IoContext, view: ReplyView, whole: boolean): Connection | null {
  const conn = io.connections.bySlot[view.connId];
  if (conn === null || conn === undefined) {
    if (view.chunks !== null) releaseChunks(view.chunks);
    return null;
  }
  const more = (view.flags & REPLY.MORE) !== 0;
  if ((view.flags & REPLY.LOST) !== 0) {
    if (conn.blocked === null || ticketOf(conn.blocked.seq) !== ticketOf(view.seq)) return null;
    view.seq = conn.blocked.seq;
  }
  if (conn.blocked !== null) {
    if ((view.flags & REPLY.BLOCKED) !== 0) {
      nowWaits(io, conn, view);
      return conn;
    }
    endBlocking(io, conn);
  }
  if (!whole || (view.flags & (REPLY.CLOSE | REPLY.LOST)) !== 0) conn.closeAfterReply = true;
  if (view.seq !== conn.headSeq) {
    conn.order ??= new ReplyOrder();
    conn.order.reserve(conn.headSeq, conn.nextSeq, conn.pending);
    if (view.chunks !== null) conn.order.holdChunks(view.seq, more, view.chunks);
    else conn.order.hold(conn.headSeq, view.seq, more, view.u8, view.start, view.length);
    return conn;
  }
  const order = conn.order;
  if (conn.out === null) outOf(io, conn);
  const out = conn.capture ?? conn.out!;
  if (order === null || !order.isMuted(view.seq)) {
    let bytes = view.length;
    if (view.chunks === null) out.raw(view.u8, view.start, view.length);
    else {
      for (const chunk of view.chunks) {
        out.rawChunk(chunk);
        bytes += chunk.length;
      }
    }
    conn.inFlightMax = bytes > LARGE_REPLY_BYTES ? IN_FLIGHT_MAX_LARGE : IN_FLIGHT_MAX;
  } else {
    if (view.chunks !== null) releaseChunks(view.chunks);
    if (!more) order.unmute(view.seq);
  }
  conn.partial = more;
  if (more) return conn;
  conn.headSeq = (conn.headSeq + 1) >>> 0;
  if (order !== null) conn.headSeq = order.deliver(conn.headSeq, conn.nextSeq, conn.out!);
  if (conn.deferred !== null) releaseDeferred(io, conn);
  return conn;
}

/** Gives blocked clients of this thread their replies when a command that runs here has served them. */
export class OwnClients implements ServedSink {
  private readonly io: IoContext;

  constructor(io: IoContext) {
    this.io = io;
  }

  // hot: every client that is served
  deliver(slot: number, seq: number, reply: Reply): void {
    const { io } = this;
    const view = io.replyView;
    view.connId = slot;
    view.seq = seq;
    view.flags = 0;
    view.chunks = null;
    view.u8 = reply.u8;
    view.start = 0;
    view.length = reply.pos;
    const conn = takeReply(io, view, true);
    if (conn !== null) io.answered(conn);
  }
}

/** Sends what commands run by this thread have left to be sent about blocked clients of other threads. */
export function settleServed(io: IoContext): void {
  const { blocking, replyView: view } = io;
  blocking.unsent = false;
  const { served, deferred } = blocking;
  blocking.served = [];
  for (const { slot, seq, chunks } of served) {
    view.connId = slot;
    view.seq = seq;
    view.flags = 0;
    view.chunks = chunks;
    view.start = 0;
    view.length = 0;
    const conn = takeReply(io, view, true);
    if (conn !== null) io.answered(conn);
  }
  blocking.deferred = [];
  for (const { db, key } of deferred) sendServe(io, db, key);
}
