/**
 * Watches by the clock what the shards' interpreters do, for what their own hook does not see: calls of a library that
 * take long (a pattern that backtracks, a giant string), and finalisers. See shared/sync/script-run.ts.
 *
 *     the same run as at the last looks, for `busy-reply-threshold`      busy: clients get BUSY
 *     ... which is to end (SCRIPT KILL), and GRACE_MS later still runs   its thread is ended, its heir answers
 *     collecting for BACKGROUND_MS: a finaliser that does not end        its thread is ended
 *
 * Main thread. Invariant: a thread is ended only when it has written nothing in this run.
 */
import { monotonicMs } from '../../shared/clock.js';
import { CONTROL_F64, type ControlBlock, THREAD } from '../../shared/sync/control-block.js';
import { clearBusy, markBusy, mayBeEnded, RUN, runNumber } from '../../shared/sync/script-run.js';

/** Period of the looks, milliseconds. */
const LOOK_MS = 100;
/** How long a script may take to end by itself when it is to end. */
const GRACE_MS = 500;
const BACKGROUND_MS = 1000;

/** What the watch has seen of one thread. */
interface Seen {
  run: number;
  sinceMs: number;
  /** Since when it is to end, 0: it is not. */
  killMs: number;
}

/** Ends the thread of a shard; its heir goes on. */
type EndThread = (shard: number, why: string) => void;

export class ScriptWatch {
  private readonly control: ControlBlock;
  private readonly end: EndThread;
  private readonly now: () => number;
  private readonly seen: Seen[];
  private timer: NodeJS.Timeout | undefined;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(control: ControlBlock, end: EndThread, now: () => number = () => monotonicMs()) {
    this.control = control;
    this.end = end;
    this.now = now;
    this.seen = Array.from({ length: control.shards }, () => ({ run: 0, sinceMs: 0, killMs: 0 }));
  }

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Looks at all threads once. */
  look(): void {
    const now = this.now();
    for (let shard = 0; shard < this.seen.length; shard++) this.lookAt(shard, this.seen[shard]!, now);
  }

  private lookAt(shard: number, seen: Seen, now: number): void {
    const { control } = this;
    const threadId = control.shardThreadId(shard);
    const word = control.threadWord(threadId);
    const run = Atomics.load(control.i32, word + THREAD.scriptRun);
    if ((run & RUN.running) === 0) {
      seen.run = 0;
      // It ended while it was called busy here.
      clearBusy(control, threadId);
      return;
    }
    const number = runNumber(run);
    if (seen.run !== number) {
      seen.run = number;
      seen.sinceMs = now;
      seen.killMs = 0;
      return;
    }
    const lastedMs = now - seen.sinceMs;
    if ((run & RUN.background) !== 0) {
      if (lastedMs >= BACKGROUND_MS) this.end(shard, 'a finaliser of a script does not end');
      return;
    }
    const threshold = control.f64[CONTROL_F64.busyThresholdMs]!;
    if (threshold > 0 && lastedMs >= threshold && markBusy(control, threadId, run)) return;
    if (Atomics.load(control.i32, word + THREAD.scriptKill) !== number) return;
    if (seen.killMs === 0) seen.killMs = now;
    else if (now - seen.killMs >= GRACE_MS && mayBeEnded(run))
      this.end(shard, 'its script is killed, and does not end');
  }
}
