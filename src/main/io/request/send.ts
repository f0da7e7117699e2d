/**
 * Requests over the rings.
 *
 *     sendKeyed    one shard: other requests of the connection may be under way beside it
 *     sendAlone    after all requests before it, before all behind it
 *     sendOwn      what a connection asks on its own account: EXEC, UNWATCH
 *
 * Invariant: `io.placement` is the placement of the current command; the functions here only read it.
 */
import type { Args } from '../../../shared/resp/args.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { writeRequest, writeRequestGiven } from '../../../shared/sync/records.js';
import { ReplyOrder } from '../reply/reply-order.js';
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { mustWait } from './in-turn.js';
import { ringOf } from './place.js';
import { AGAIN, NEXT, WAIT } from './verdict.js';

/** Sends a command for the shard that `io.placement` names. @requires the placement is of one shard */
// hot: every command over a ring
export function sendKeyed(io: IoContext, conn: Connection, id: number, args: Args, commandBytes: number): number {
  if (conn.pending >= conn.inFlightMax) {
    conn.barrier |= BARRIER.inFlight;
    return AGAIN;
  }
  return send(io, conn, id, args, commandBytes, io.placement.shard) ? NEXT : AGAIN;
}

/** Sends a placed command that must be alone on its connection. */
export function sendAlone(io: IoContext, conn: Connection, id: number, args: Args, commandBytes: number): number {
  if (mustWait(conn)) return AGAIN;
  if (!send(io, conn, id, args, commandBytes, ringOf(io))) return AGAIN;
  conn.barrier |= BARRIER.ring;
  return WAIT;
}

/**
 * Sends a request that a connection makes on its own account, alone on it. NEXT is never returned: the reply is waited
 * for. @requires nothing of the connection under way; `io.placement` is the request's
 */
export function sendOwn(io: IoContext, conn: Connection, id: number, args: Args): number {
  if (!send(io, conn, id, args, 0, ringOf(io))) return AGAIN;
  conn.barrier |= BARRIER.ring;
  return WAIT;
}

/** Writes the request into the shard's ring; false when there is no room (the connection then waits for it). */
function send(io: IoContext, conn: Connection, id: number, args: Args, commandBytes: number, shard: number): boolean {
  const ring = io.rings.requests[shard]!;
  const given = commandBytes > ring.recordBytesMax && conn.input.canGiveAway && args === conn.input.args;
  const write = given ? writeRequestGiven : writeRequest;
  const seq = conn.nextSeq;
  const { head } = io;
  head.connId = conn.slot;
  head.seq = seq;
  head.clientId = conn.session.id;
  head.cmdId = id;
  head.db = conn.session.db;
  head.proto = conn.session.proto;
  head.clientFlags = conn.session.flags;
  head.info = io.placement.word;
  if (!write(ring, head, args)) {
    conn.barrier |= BARRIER.ringFull;
    io.ringFull.push(conn);
    io.stats.f64[STAT.ringFull]! += 1;
    return false;
  }
  conn.nextSeq = (seq + 1) >>> 0;
  if (conn.order !== null) conn.order.reserve(conn.headSeq, seq, conn.pending);
  if (conn.replyMode !== REPLY_MODE.on) muteRequest(conn, seq);
  if (given) conn.input.gaveAway();
  io.rings.written(shard);
  return true;
}

/** The reply to request `seq` is thrown away when it comes. */
export function muteRequest(conn: Connection, seq: number): void {
  if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  if (conn.order === null) {
    conn.order = new ReplyOrder();
    conn.order.reserve(conn.headSeq, seq, conn.pending);
  }
  conn.order.mute(seq);
}
