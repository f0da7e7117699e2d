/**
 * Times calls of commands: one call in TIME_EVERY, whose figure counts for all of them; the first call of each command
 * since the start or CONFIG RESETSTAT, so that each command has a figure; and calls that the slow log watches. Reading
 * the clock for every call would cost a tenth of a short one.
 *
 * A timed call gets its start time as its token. The token is negative if the call's figure counts for the untimed
 * calls too; the token is 0 if the call is not timed. The caller keeps the token, so the nested calls of a script need
 * no state here.
 */
import { monotonicMs } from '../../shared/clock.js';
import type { Args } from '../../shared/resp/args.js';
import { type SlowWatch, WATCH } from '../../shared/stats/slow-watch.js';
import type { StatsBlock } from '../../shared/stats/stats-block.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';

/** A power of two. */
const TIME_EVERY = 64;

export class CallTimer {
  private readonly stats: StatsBlock;
  private readonly slow: SlowWatch;
  private readonly i32: Int32Array;
  private calls = 0;
  /** By command: the epoch of figures in which it was timed, plus one. */
  private readonly timedIn: Int32Array;

  constructor(control: ControlBlock, stats: StatsBlock, slow: SlowWatch, commands: number) {
    this.stats = stats;
    this.slow = slow;
    this.i32 = control.i32;
    this.timedIn = new Int32Array(commands);
  }

  /**
   * hot: a call begins; returns its token. `bounded`: the work of the call is bounded, as in all calls on I/O threads.
   */
  begin(cmdId: number, args: Args, bounded: boolean): number {
    if ((++this.calls & (TIME_EVERY - 1)) === 0) return -monotonicMs();
    const isFirst = this.timedIn[cmdId] !== this.i32[CONTROL.statsEpoch]! + 1;
    if (!isFirst && (this.slow.mode === WATCH.nothing || !this.slow.times(cmdId, args, bounded))) return 0;
    return monotonicMs();
  }

  /** A timed call has ended: counts its time, and notes it if that was long. @requires token !== 0 */
  end(token: number, cmdId: number, args: Args, clientId: number): void {
    const usec = (monotonicMs() - Math.abs(token)) * 1000;
    const epoch = this.i32[CONTROL.statsEpoch]! + 1;
    if (token < 0) this.stats.timeBatch(cmdId, usec * TIME_EVERY, TIME_EVERY);
    else if (this.timedIn[cmdId] !== epoch) this.stats.time(cmdId, usec);
    this.timedIn[cmdId] = epoch;
    if (usec >= this.slow.usec) this.slow.note(cmdId, args, usec, clientId);
  }
}
