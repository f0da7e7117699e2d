/** Replies as they come out of the shards' rings: each goes to its connection's output when it is its turn. */
import { REPLY, type ReplyView } from '../../shared/sync/records.js';
import { endBlocking, nowWaits } from './blocking.js';
import { type Connection, IN_FLIGHT_MAX_LARGE } from './connection.js';
import type { IoThread } from './io-thread.js';
import { outOf, releaseDeferred } from './push.js';
import { ReplyOrder } from './reply-order.js';

/** Replies larger than this make fewer requests be in flight. */
const LARGE_REPLY_BYTES = 64 * 1024;
const IN_FLIGHT_MAX = 1024;

/**
 * Takes one reply in. Returns the connection it was for, or null when nobody waits for it any more. `whole`: false when
 * its bytes were lost.
 */
// hot: every reply over a ring
export function takeReply(io: IoThread, view: ReplyView, whole: boolean): Connection | null {
  const conn = io.slots[view.connId];
  if (conn === null || conn === undefined) return null;
  const more = (view.flags & REPLY.MORE) !== 0;
  if (conn.blocked !== null) {
    if ((view.flags & REPLY.BLOCKED) !== 0) {
      nowWaits(io, conn, view);
      return conn;
    }
    endBlocking(io, conn);
  }
  if (!whole || (view.flags & REPLY.CLOSE) !== 0) conn.closeAfterReply = true;
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
  } else if (!more) order.unmute(view.seq);
  conn.partial = more;
  if (more) return conn;
  conn.headSeq = (conn.headSeq + 1) >>> 0;
  if (order !== null) conn.headSeq = order.deliver(conn.headSeq, conn.nextSeq, conn.out!);
  if (conn.deferred !== null) releaseDeferred(io, conn);
  return conn;
}

/** Commands run by this thread have served clients of it who were blocked: they get their replies. */
export function deliverServed(io: IoThread): void {
  const { blocking, replyView: view } = io;
  const { served } = blocking;
  blocking.served = [];
  for (let i = 0; i < served.length; i++) {
    const { slot, seq, chunks } = served[i]!;
    // One piece is short: it is copied behind what the client has to get already.
    const piece = chunks.length === 1 ? chunks[0]! : null;
    view.connId = slot;
    view.seq = seq;
    view.flags = 0;
    view.chunks = piece === null ? chunks : null;
    if (piece !== null) view.u8 = piece;
    view.start = 0;
    view.length = piece === null ? 0 : piece.length;
    const conn = takeReply(io, view, true);
    if (conn !== null) io.answered(conn);
  }
}
