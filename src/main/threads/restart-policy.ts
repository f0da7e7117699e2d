/**
 * How long a thread that died must wait until it is started again.
 *
 *     up to QUICK_MAX deaths within WINDOW_MS    no time
 *     each further one                           PAUSE_MS, then twice as long each time, up to PAUSE_MS_MAX
 *
 * The server never gives up: the data is in memory that outlives the threads, and ending the process would lose it. So
 * a thread that dies again and again, or cannot be started for want of descriptors or memory, costs little until the
 * cause is gone. Main thread.
 */
import { monotonicMs } from '../../shared/clock.js';

/** So many deaths within the window are followed at once by a new start. */
export const QUICK_MAX = 10;
const WINDOW_MS = 10_000;
const PAUSE_MS = 250;
export const PAUSE_MS_MAX = 4_000;

export class RestartPolicy {
  private readonly now: () => number;
  private readonly deathsMs: number[] = [];
  private pauseMs = PAUSE_MS;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => monotonicMs()) {
    this.now = now;
  }

  /** A thread died, or could not be started: how long to wait before it is started again, milliseconds. */
  died(): number {
    const now = this.now();
    const { deathsMs } = this;
    deathsMs.push(now);
    while (deathsMs[0]! < now - WINDOW_MS) deathsMs.shift();
    if (deathsMs.length <= QUICK_MAX) {
      this.pauseMs = PAUSE_MS;
      return 0;
    }
    const pause = this.pauseMs;
    this.pauseMs = Math.min(2 * pause, PAUSE_MS_MAX);
    return pause;
  }
}
