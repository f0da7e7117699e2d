/**
 * The number of clients that wait in a blocking command or for the end of a pause, as INFO of any I/O thread tells it.
 *
 * Invariant: this thread's count is the number of its connections with one of the WAITS barriers; so these two
 * functions alone raise and lower them.
 */
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { BARRIER, type Connection } from '../session/connection.js';

/** The barriers under which a client counts as blocked. */
export const WAITS = BARRIER.blocked | BARRIER.pause;

/** The connection waits from now on: for `barrier`, one of WAITS. */
export function beginWaiting(stats: StatsBlock, conn: Connection, barrier: number): void {
  if ((conn.barrier & WAITS) === 0) stats.f64[STAT.blockedClients]! += 1;
  conn.barrier |= barrier;
}

/** The connection does not wait for `barrier` any more; nothing when it did not. */
export function endWaiting(stats: StatsBlock, conn: Connection, barrier: number): void {
  if ((conn.barrier & barrier) === 0) return;
  conn.barrier &= ~barrier;
  if ((conn.barrier & WAITS) === 0) stats.f64[STAT.blockedClients]! -= 1;
}
