/**
 * A job's steps, guarded: whatever the job does, no lease is held after a step, and `done` is called once.
 *
 * Invariant: `done` is called when the job has ended, thrown, or been dropped (`return()`), and not before.
 */
import { monotonicMs } from '../../shared/clock.js';
import type { ExecContext } from './context.js';

/** Runs `steps` in `ctx`, one for each step of the result. `done` hears how long they took together, ms. */
export function* guardedJob(
  steps: Generator<void, void, void>,
  ctx: ExecContext,
  done: (tookMs: number) => void,
): Generator<void, void, void> {
  let tookMs = 0;
  try {
    for (;;) {
      const startedMs = monotonicMs();
      const writing = ctx.mayWrite ? ctx.beginWriting() : 0;
      const step = steps.next();
      ctx.endWriting(writing);
      tookMs += monotonicMs() - startedMs;
      if (step.done === true) return;
      if (ctx.leases.count !== 0) throw new Error('job yielded while it held a lease');
      yield;
      ctx.refresh();
    }
  } finally {
    ctx.leases.giveAll();
    steps.return();
    done(tookMs);
  }
}
