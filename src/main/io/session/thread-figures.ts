/**
 * Figures of an I/O thread that are counted once a second, and by INFO for its own thread: turns of its event loop and
 * the time spent in them, as libuv and Node count them anyway; clients that watch keys. They cost nothing in between.
 */
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { Connection } from './connection.js';

/** Publishes the figures of the calling thread's event loop. */
export function noteEventLoop(stats: StatsBlock): void {
  stats.f64[STAT.eventloopCycles] = performance.nodeTiming.uvMetricsInfo.loopCount;
  stats.f64[STAT.eventloopUsec] = performance.eventLoopUtilization().active * 1000;
}

/** Publishes how many of the thread's clients watch keys. */
export function noteWatching(stats: StatsBlock, connections: ReadonlyMap<number, Connection>): void {
  let watching = 0;
  for (const { session } of connections.values())
    if (session.tx !== null && session.tx.watches.length !== 0) watching++;
  stats.f64[STAT.watchingClients] = watching;
}
