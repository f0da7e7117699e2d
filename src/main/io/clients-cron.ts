/** What is done for all clients of an I/O thread once a second: the idle ones, soft output limits, figures. */
import { STAT } from '../../shared/stats/stats-layout.js';
import { BARRIER, type Connection, MODE } from './connection.js';
import type { IoThread } from './io-thread.js';
import { flush } from './output.js';

/** Closes clients that are idle for too long or too slow for too long, and sums up what their buffers hold. */
export function lookAtClients(io: IoThread): void {
  const idleMs = io.limits.idleSeconds * 1000;
  let inputBytes = 0;
  let outputBytes = 0;
  for (const conn of io.connections.values()) {
    inputBytes += conn.input.bytes;
    outputBytes += conn.outputBytes;
    if (idleMs > 0 && io.nowMs - conn.lastActiveMs > idleMs && mayBeIdle(conn)) {
      io.log('verbose', `Closing idle client id=${conn.id} addr=${conn.addr}`);
      io.closeConnection(conn);
    } else if (conn.softLimitSinceMs !== 0) flush(io, conn);
  }
  io.stats.f64[STAT.clientsInputBytes] = inputBytes;
  io.stats.f64[STAT.clientsOutputBytes] = outputBytes;
  noteWatching(io);
}

/** Publishes how many clients of the thread watch keys; INFO has it done for its own thread. */
export function noteWatching(io: IoThread): void {
  let watching = 0;
  for (const conn of io.connections.values()) if (conn.tx !== null && conn.tx.watches.length !== 0) watching++;
  io.stats.f64[STAT.watchingClients] = watching;
}

/** Whether `timeout` concerns the connection: not those that wait for what others do. */
function mayBeIdle(conn: Connection): boolean {
  return (conn.barrier & BARRIER.blocked) === 0 && (conn.modes & (MODE.subscribed | MODE.monitor)) === 0;
}
