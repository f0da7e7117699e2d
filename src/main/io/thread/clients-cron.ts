/** What is done for all clients of an I/O thread once a second: the idle ones, soft output limits, figures. */

import { STAT } from '../../../shared/stats/stats-layout.js';
import { flush, listedBytes } from '../reply/output.js';
import { clientMemory } from '../session/client-memory.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import { noteWatching } from '../session/thread-figures.js';
import type { IoContext } from './io-context.js';

/** What INFO calls recent, as Redis does: the maxima of so many seconds, and the second that is being written. */
const RECENT_SECONDS = 8;
const inputMaxima = new Float64Array(RECENT_SECONDS);
const outputMaxima = new Float64Array(RECENT_SECONDS);
let second = 0;
/** CLIENT LIST's `rbp` is the peak of so many seconds at most. */
const PEAK_SECONDS = 5;

/** Closes clients that are idle for too long or too slow for too long, and sums up what their buffers hold. */
export function lookAtClients(io: IoContext): void {
  const idleMs = io.limits.idleSeconds * 1000;
  let inputBytes = 0;
  let outputBytes = 0;
  let memory = 0;
  let inputMax = 0;
  let outputMax = 0;
  second++;
  const forgetPeaks = second % PEAK_SECONDS === 0;
  for (const conn of io.connections.byId.values()) {
    const input = Math.max(conn.input.capacity, conn.inputBytes);
    const output = conn.outputBytes;
    inputBytes += input;
    outputBytes += output;
    memory += clientMemory(conn);
    if (input > inputMax) inputMax = input;
    const listed = listedBytes(conn);
    if (listed > outputMax) outputMax = listed;
    if (forgetPeaks) conn.outputPeakBytes = 0;
    if (idleMs > 0 && io.turn.nowMs - conn.lastActiveMs > idleMs && mayBeIdle(conn)) {
      io.log('verbose', `Closing idle client id=${conn.session.id} addr=${conn.addr}`);
      io.closeConnection(conn);
    } else if (conn.softLimitSinceMs !== 0) flush(io, conn);
  }
  io.stats.f64[STAT.clientsInputBytes] = inputBytes;
  io.stats.f64[STAT.clientsOutputBytes] = outputBytes;
  io.stats.f64[STAT.clientsMemoryBytes] = memory;
  const slot = second % RECENT_SECONDS;
  inputMaxima[slot] = inputMax;
  outputMaxima[slot] = outputMax;
  io.stats.f64[STAT.clientsInputMaxBytes] = Math.max(...inputMaxima);
  io.stats.f64[STAT.clientsOutputMaxBytes] = Math.max(...outputMaxima);
  noteWatching(io.stats, io.connections.byId);
}

/** Whether `timeout` concerns the connection: not those that wait for what others do. */
function mayBeIdle(conn: Connection): boolean {
  return (conn.barrier & BARRIER.blocked) === 0 && (conn.session.modes & (MODE.subscribed | MODE.monitor)) === 0;
}
