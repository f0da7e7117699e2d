/**
 * Output: how replies get from `conn.out` to the socket, and what happens when the client does not read.
 *
 * One write per connection and turn. If the kernel takes it at once, as it nearly always does, the buffer goes back to
 * the thread's pool. If not, libuv keeps the buffer until it is written; meanwhile replies gather in `conn.out`, and
 * are written together when the first write is done. Output of more than one buffer leaves in pieces, one piece a turn
 * (`conn.queue`, out-queue.ts). If the output of a client exceeds OUTPUT_BYTES_MAX, no command of the client is parsed
 * until it has read half of the output. If the output exceeds `client-output-buffer-limit` of the client's class, the
 * client is disconnected, even when the output has not been offered to the kernel yet.
 *
 * Invariants: (1) one write at a time per connection; (2) a buffer in a write is not touched until the write is done;
 * (3) memory for one client's output is bounded by OUTPUT_BYTES_MAX and what one turn adds; (4) `conn.out` waits until
 * `conn.queue` is null.
 */

import { noteDropped } from '../../../shared/memory/shared-garbage.js';
import { CHUNK_BYTES_MAX, type Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { OutputBufferLimit } from '../../config/config.js';
import { OutQueue } from '../net/out-queue.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoContext } from '../thread/io-context.js';

/** From this much unread output on a client's commands wait. */
export const OUTPUT_BYTES_MAX = 128 * 1024 * 1024;
/** Commands of such a client go on when its output has fallen below this. */
const OUTPUT_BYTES_RESUME = OUTPUT_BYTES_MAX / 2;

/**
 * Redis has a fixed buffer of this size beside its list of output, and its limits count only the list. So smaller
 * output is not checked against the limits, as long as the kernel takes the output.
 */
const UNLISTED_BYTES = 16 * 1024;

/** Sends what is in `conn.out`, unless a write is under way. @requires the connection is open */
// hot: once per connection and turn
export function flush(io: IoContext, conn: Connection): void {
  const out = conn.out;
  if (conn.queue !== null) {
    flushQueue(io, conn, conn.queue);
    return;
  }
  if (out === null || conn.writing) {
    if (conn.pushed !== null && !conn.writing) sendShared(io, conn, conn.pushed);
    else if (out !== null || conn.pushed !== null) checkLimits(io, conn);
    return;
  }
  const bytes = out.byteLength;
  if (bytes > UNLISTED_BYTES && checkLimits(io, conn)) return;
  conn.out = null;
  if (bytes > 0) send(io, conn, out, bytes);
  io.replies.give(out);
  if (conn.inFlightBytes > 0) checkLimits(io, conn);
}

function send(io: IoContext, conn: Connection, out: Reply, bytes: number): void {
  if (bytes > conn.outputPeakBytes) conn.outputPeakBytes = bytes;
  if (!out.isSingleChunk || bytes > CHUNK_BYTES_MAX) {
    conn.queue = new OutQueue(out.takeAll());
    sendPiece(io, conn, conn.queue);
    if (conn.queue === null && !conn.closed) out.takeBack();
    return;
  }
  const f64 = io.stats.f64;
  f64[STAT.writesProcessed]! += 1;
  f64[STAT.netOutputBytes]! += bytes;
  conn.bytesOut += bytes;
  if (conn.transport.write(out.u8.subarray(0, out.pos))) return;
  out.replaceBuffer();
  if (conn.closed) return;
  conn.writing = true;
  conn.inFlightBytes = bytes;
}

/** Sends the next piece of the queue, unless a write is under way. */
function flushQueue(io: IoContext, conn: Connection, queue: OutQueue): void {
  if (!checkLimits(io, conn) && !conn.writing) sendPiece(io, conn, queue);
}

/** Sends one piece; when the kernel took it, what is left follows in the next turn of the event loop. */
function sendPiece(io: IoContext, conn: Connection, queue: OutQueue): void {
  const piece = queue.nextPiece(io.executor.arenas);
  io.stats.f64[STAT.writesProcessed]! += 1;
  const whole = conn.transport.writeChunks(piece);
  if (conn.closed) return;
  if (!whole) {
    conn.writing = true;
    return;
  }
  pieceWritten(io, conn, queue);
  if (conn.queue !== null || conn.out !== null || conn.pushed !== null) io.settling.goOn(conn);
}

/** A piece has left; with the last one the queue ends. */
function pieceWritten(io: IoContext, conn: Connection, queue: OutQueue): void {
  const bytes = queue.pieceWritten();
  io.stats.f64[STAT.netOutputBytes]! += bytes;
  conn.bytesOut += bytes;
  if (queue.bytes === 0) conn.queue = null;
}

/** hot: sends one message whose bytes other connections share; the bytes are never changed. */
function sendShared(io: IoContext, conn: Connection, bytes: Uint8Array): void {
  if (bytes.length > UNLISTED_BYTES && checkLimits(io, conn)) return;
  conn.pushed = null;
  const f64 = io.stats.f64;
  f64[STAT.writesProcessed]! += 1;
  f64[STAT.netOutputBytes]! += bytes.length;
  conn.bytesOut += bytes.length;
  if (conn.transport.write(bytes) || conn.closed) return;
  conn.writing = true;
  conn.inFlightBytes = bytes.length;
  checkLimits(io, conn);
}

/** The write under way has ended well. */
export function written(io: IoContext, conn: Connection): void {
  conn.writing = false;
  conn.inFlightBytes = 0;
  if (conn.queue !== null) pieceWritten(io, conn, conn.queue);
  flush(io, conn);
}

/** Whether a client that waited because of its unread output may go on. */
export function mayGoOn(conn: Connection): boolean {
  return (conn.barrier & BARRIER.output) !== 0 && conn.outputBytes < OUTPUT_BYTES_RESUME;
}

/** The connection is closed: its unsent output is dropped. */
export function dropOutput(io: IoContext, conn: Connection): void {
  noteDropped(conn.outputBytes);
  if (conn.queue !== null) conn.queue.drop();
  if (conn.out !== null) io.replies.give(conn.out);
  conn.queue = null;
  conn.out = null;
  conn.pushed = null;
}

/** Whether the client's unread output is so large that its next command must wait; if so, sets the barrier. */
export function outputFull(io: IoContext, conn: Connection): boolean {
  const bytes = conn.outputBytes;
  if (bytes < OUTPUT_BYTES_MAX) {
    const hard = limitOf(io, conn).hardBytes;
    return hard > 0 && bytes > hard && (conn.writing || conn.queue !== null) && checkLimits(io, conn);
  }
  if (checkLimits(io, conn)) return true;
  // The output that is there is written first.
  conn.barrier |= BARRIER.output;
  return true;
}

/** The limit of the connection's class. */
function limitOf(io: IoContext, conn: Connection): OutputBufferLimit {
  return (conn.session.modes & MODE.subscribed) !== 0 ? io.limits.pubsubOutput : io.limits.output;
}

/** CLIENT LIST `omem`: bytes that wait for the kernel, or that exceed Redis's fixed buffer. */
export function listedBytes(conn: Connection): number {
  const bytes = conn.outputBytes;
  return conn.writing ? bytes : Math.max(0, bytes - UNLISTED_BYTES);
}

/** Disconnects a client over its limit; returns whether it did. */
export function checkLimits(io: IoContext, conn: Connection): boolean {
  const limit = limitOf(io, conn);
  if (limit.hardBytes === 0 && limit.softBytes === 0) return false;
  const bytes = conn.outputBytes;
  let over = limit.hardBytes > 0 && bytes > limit.hardBytes;
  if (limit.softBytes > 0 && bytes > limit.softBytes) {
    if (conn.softLimitSinceMs === 0) conn.softLimitSinceMs = io.turn.nowMs;
    else if (io.turn.nowMs - conn.softLimitSinceMs > limit.softSeconds * 1000) over = true;
  } else conn.softLimitSinceMs = 0;
  if (!over) return false;
  io.stats.f64[STAT.outputLimitDisconnections]! += 1;
  io.log('warning', `Client id=${conn.session.id} addr=${conn.addr} closed for overcoming of output buffer limits.`);
  io.closeConnection(conn);
  return true;
}
