/**
 * What an I/O thread tells about its event loop: turns, and the time spent in them, as libuv and Node count them
 * anyway. Read about once a second, and by INFO for its own thread; costs nothing in between.
 */
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';

/** Publishes the figures of the calling thread's event loop. */
export function noteEventLoop(stats: StatsBlock): void {
  stats.f64[STAT.eventloopCycles] = performance.nodeTiming.uvMetricsInfo.loopCount;
  stats.f64[STAT.eventloopUsec] = performance.eventLoopUtilization().active * 1000;
}
