/** Commands that may wait for their keys: run here under free leases, or sent, with the claim opened before. */
import { FLAG_INLINE } from '../../../shared/command/flags.js';
import type { Args } from '../../../shared/resp/args.js';
import { settleServed } from '../reply/reply-intake.js';
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { beginBlocking, endBlocking, mayBlock, waitsUntil } from '../waiting/blocking.js';
import { mustWait } from './in-turn.js';
import { refuseWith } from './refuse.js';
import { sendAlone } from './send.js';
import { AGAIN, NEXT, WAIT } from './verdict.js';

const TOO_MANY_TO_BLOCK = Uint8Array.from(Buffer.from('-ERR too many clients to block\r\n'));

/** Runs or sends a command that may wait for its keys. @requires `io.placement` is the command's */
export function sendBlocking(io: IoContext, conn: Connection, id: number, args: Args, commandBytes: number): number {
  if (mustWait(conn)) return AGAIN;
  if (!mayBlock(conn)) return refuseWith(io, conn, id, TOO_MANY_TO_BLOCK);
  if ((io.registry.flags[id]! & FLAG_INLINE) !== 0 && io.inlineAllowed && conn.replyMode === REPLY_MODE.on) {
    const what = blockHere(io, conn, id, args);
    if (what !== AGAIN) return what;
  }
  beginBlocking(io, conn, id, args);
  const what = sendAlone(io, conn, id, args, commandBytes);
  if (what === AGAIN) endBlocking(io, conn);
  return what;
}

/** Runs the command here, if the leases that it needs are free. AGAIN: nothing was done. */
function blockHere(io: IoContext, conn: Connection, id: number, args: Args): number {
  const { blocking } = io;
  const { ticket } = blocking;
  const seq = conn.nextSeq;
  ticket.io = io.index;
  ticket.slot = conn.slot;
  ticket.seq = seq;
  blocking.blocked = false;
  const ran = io.executor.tryInline(id, args, conn.out!, conn.session, io.placement);
  ticket.io = -1;
  if (blocking.unsent) settleServed(io);
  if (!ran) {
    io.executor.bigReply = false;
    return AGAIN;
  }
  if (!blocking.blocked) return NEXT;
  blocking.blocked = false;
  // The lease is still held: no other thread has seen the waiter before its claim exists.
  beginBlocking(io, conn, id, args);
  conn.nextSeq = (seq + 1) >>> 0;
  if (conn.order !== null) conn.order.reserve(conn.headSeq, seq, conn.pending);
  conn.barrier |= BARRIER.ring;
  waitsUntil(io, conn, blocking.deadlineMs);
  return WAIT;
}
