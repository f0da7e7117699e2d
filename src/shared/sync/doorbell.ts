/**
 * The doorbell of a consumer thread: one word through which producers wake the thread, but only while the thread says
 * that it sleeps.
 *
 *     AWAKE ----- sleeper stores -----> SLEEPING --- ring(): exchange, notify ---> RUNG
 *       ^                                  |                                         |
 *       +---- looked again, found work ----+------------------ woke up --------------+
 *
 * The consumer stores SLEEPING *before* it looks at its rings for the last time. The producer publishes *before* it
 * reads the word. Both use Atomics (sequentially consistent): so either the consumer sees the record, or the producer
 * sees SLEEPING.
 *
 * Shard threads block (`waitSync`), event-loop threads listen (`listen`). Invariant: one outstanding `waitAsync` per
 * bell, without timeout (a timed one leaks its timer, nodejs/node#44409); a timer looks at the rings once a second, in
 * case a wake-up is lost.
 */

const AWAKE = 0;
const SLEEPING = 1;
const RUNG = 2;

/**
 * How often a blocking consumer looks again before it sleeps; none on one or two cores, where spinning robs the
 * producer.
 */
export function spinsFor(cores: number): number {
  return cores <= 2 ? 0 : 2000;
}

/** Period of the safety look of event-loop threads, milliseconds. */
const RECHECK_MS = 1000;
/** Drains in a row before the event loop gets its turn. */
const DRAINS_MAX = 4;

/** Tells whether there is work, cheaply and without side effects. */
export interface WorkSource {
  hasWork(): boolean;
}

type Waiter = { async: boolean; value: unknown };
type WaitAsync = (i32: Int32Array, index: number, value: number) => Waiter;
const waitAsync = (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync;
const pause = (Atomics as unknown as { pause?: () => void }).pause;

export class Doorbell {
  private readonly i32: Int32Array;
  private readonly index: number;
  private drain: (() => boolean) | null = null;
  private timer: NodeJS.Timeout | null = null;
  private outstanding = false;
  private scheduled = false;

  /** A view of the bell at word `index` of `i32` (shared memory; its cache line should be its own). */
  constructor(i32: Int32Array, index: number) {
    this.i32 = i32;
    this.index = index;
  }

  /** hot, any thread: wakes the consumer if it sleeps; one atomic load otherwise. @requires the work is published */
  ring(): void {
    if (Atomics.load(this.i32, this.index) !== SLEEPING) return;
    if (Atomics.exchange(this.i32, this.index, RUNG) === SLEEPING) Atomics.notify(this.i32, this.index);
  }

  /**
   * Blocks the thread until rung or `timeoutMs` passed, unless `source` has work (looked at again after the bell was
   * set). `spins`: how often to look before sleeping (see spinsFor).
   */
  waitSync(source: WorkSource, timeoutMs: number, spins: number): void {
    for (let n = 0; n < spins; n++) {
      if (source.hasWork()) return;
      if (pause !== undefined) pause();
    }
    Atomics.store(this.i32, this.index, SLEEPING);
    if (!source.hasWork()) Atomics.wait(this.i32, this.index, SLEEPING, timeoutMs);
    Atomics.store(this.i32, this.index, AWAKE);
  }

  /**
   * Event-loop threads: calls `drain` after each ring (and each second). `drain` empties every ring of this thread and
   * returns whether it found anything. It keeps nothing alive by itself: the thread must hold a ref'd handle.
   */
  listen(drain: () => boolean): void {
    this.drain = drain;
    this.timer = setInterval(this.wake, RECHECK_MS);
    this.timer.unref();
    this.arm();
  }

  /** hot: this thread is awake and will call idle() before it sleeps: until then producers need not wake the thread. */
  busy(): void {
    Atomics.store(this.i32, this.index, AWAKE);
  }

  /** hot: ends busy(); the caller must look at its rings once more *after* this. */
  idle(): void {
    Atomics.store(this.i32, this.index, SLEEPING);
    if (!this.outstanding) this.arm();
  }

  /** Stops listening; a pending wait is resolved so that nothing stays behind. */
  close(): void {
    this.drain = null;
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    Atomics.store(this.i32, this.index, RUNG);
    Atomics.notify(this.i32, this.index);
  }

  private readonly wake = (): void => {
    this.scheduled = false;
    const drain = this.drain;
    if (drain === null) return;
    Atomics.store(this.i32, this.index, AWAKE);
    for (let n = 0; n < DRAINS_MAX; n++) {
      if (drain()) continue;
      Atomics.store(this.i32, this.index, SLEEPING);
      // The last look, after the bell says that we sleep.
      if (drain()) {
        Atomics.store(this.i32, this.index, AWAKE);
        continue;
      }
      this.arm();
      return;
    }
    this.schedule();
  };

  private readonly resolved = (): void => {
    this.outstanding = false;
    this.wake();
  };

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.wake);
  }

  /** Sets the one outstanding wait. The word may have been rung in between: then the wake-up is now. */
  private arm(): void {
    if (this.outstanding || this.drain === null) return;
    if (Atomics.load(this.i32, this.index) === AWAKE) Atomics.store(this.i32, this.index, SLEEPING);
    const waiter = waitAsync(this.i32, this.index, SLEEPING);
    if (!waiter.async) {
      this.schedule();
      return;
    }
    this.outstanding = true;
    (waiter.value as Promise<string>).then(this.resolved);
  }
}
