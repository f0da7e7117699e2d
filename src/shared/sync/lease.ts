/**
 * The lease of a shard: a futex mutex over `Atomics.wait/notify`. Only the thread that holds the lease may touch the
 * shard's memory.
 *
 *     word 0   0                       free
 *              thread << 1             held, nobody waits
 *              thread << 1 | 1         held, somebody may wait: release() must notify
 *     word 1   handoffs: counts the waiters that got the lease (a polite releaser sleeps on it for an instant)
 *     word 2   reserved
 *
 * The three states of the classic futex mutex (Drepper, "Futexes are tricky"), with the holder's id in the same word:
 * when a thread dies, the word always names the holder. "Wanted" is the low bit and not a counter of waiters. If a
 * waiter died, a counter would stay wrong permanently; the next release repairs the bit. The price: after a contended
 * handover the bit may be set once although no thread waits.
 *
 * Invariants: (1) not reentrant; (2) several leases are taken in ascending shard order only; (3) I/O threads only try,
 * shard, task and main threads may wait; (4) nothing is awaited while a lease is held.
 */
import { monotonicMs } from '../clock.js';

import { faultPoint, POINT } from '../memory/fault-point.js';

/** Words that a lease takes in its Int32Array. */
export const LEASE_WORDS = 3;

/** How often a waiter looks again before it sleeps, on machines with cores to spare. */
const SPINS = 200;
const HANDOFF = 1;

export class Lease {
  private readonly i32: Int32Array;
  private readonly index: number;
  private readonly spins: number;

  /** A view of the lease at word `index` of `i32` (shared memory; zeroed words are a free lease). */
  constructor(i32: Int32Array, index: number, spins: number = SPINS) {
    this.i32 = i32;
    this.index = index;
    this.spins = spins;
  }

  /** hot: takes the lease if it is free; never waits. `threadId` >= 1. */
  tryAcquire(threadId: number): boolean {
    return Atomics.compareExchange(this.i32, this.index, 0, threadId << 1) === 0;
  }

  /**
   * Takes the lease, waiting as long as it needs. Throws if this thread holds it already.
   * @requires a thread that may block (not an I/O thread); leases with higher shard numbers not held
   */
  acquire(threadId: number): void {
    if (threadId < 1) throw new Error('lease: thread id below 1');
    if (Atomics.compareExchange(this.i32, this.index, 0, threadId << 1) === 0) return;
    this.acquireSlow(threadId, Number.POSITIVE_INFINITY);
  }

  /** As acquire(), but gives up after `timeoutMs`; returns whether the lease is held now. */
  acquireWithin(threadId: number, timeoutMs: number): boolean {
    if (Atomics.compareExchange(this.i32, this.index, 0, threadId << 1) === 0) return true;
    return this.acquireSlow(threadId, timeoutMs);
  }

  private acquireSlow(threadId: number, timeoutMs: number): boolean {
    const { i32, index } = this;
    if (Atomics.load(i32, index) >>> 1 === threadId) throw new Error(`lease: thread ${threadId} holds it already`);
    for (let n = 0; n < this.spins; n++) {
      if (Atomics.load(i32, index) === 0 && Atomics.compareExchange(i32, index, 0, threadId << 1) === 0) return true;
    }
    const deadline = timeoutMs === Number.POSITIVE_INFINITY ? timeoutMs : monotonicMs() + timeoutMs;
    for (;;) {
      const state = Atomics.load(i32, index);
      if (state === 0) {
        // Other threads may wait as well, so the lease is taken with the bit set.
        if (Atomics.compareExchange(i32, index, 0, (threadId << 1) | 1) !== 0) continue;
        Atomics.add(i32, index + HANDOFF, 1);
        Atomics.notify(i32, index + HANDOFF);
        return true;
      }
      const wanted = state | 1;
      if (state !== wanted && Atomics.compareExchange(i32, index, state, wanted) !== state) continue;
      const left = deadline === Number.POSITIVE_INFINITY ? deadline : deadline - monotonicMs();
      if (left <= 0) return false;
      faultPoint(POINT.leaseWait);
      Atomics.wait(i32, index, wanted, left);
    }
  }

  /**
   * hot: gives the lease back and wakes one waiter. Returns whether there was one asleep: "wanted" may be true without.
   * @requires held by the caller
   */
  release(): boolean {
    const state = Atomics.exchange(this.i32, this.index, 0);
    if (state === 0) throw new Error('lease: released while free');
    if ((state & 1) === 0) return false;
    return Atomics.notify(this.i32, this.index, 1) > 0;
  }

  /** hot: whether a thread waits (or may wait) for the lease; then the holder cuts its critical section short. */
  wanted(): boolean {
    return (Atomics.load(this.i32, this.index) & 1) !== 0;
  }

  /** The count of handoffs for letWaiterIn(), to be read before release(). */
  handoffs(): number {
    return Atomics.load(this.i32, this.index + HANDOFF);
  }

  /**
   * After a release() that returned true: sleeps until a waiter got the lease, or for `timeoutMs`; without it a thread
   * that takes the lease again at once starves the waiters.
   * @requires lease not held; a thread that may block; `handoffs` read before the release
   */
  letWaiterIn(handoffs: number, timeoutMs: number): void {
    Atomics.wait(this.i32, this.index + HANDOFF, handoffs, timeoutMs);
  }

  /** Id of the thread that holds the lease; 0 when free. */
  holder(): number {
    return Atomics.load(this.i32, this.index) >>> 1;
  }

  /**
   * For the supervisor, after the death of any thread: has all who wait look again. The dead one may have given the
   * lease back without waking anybody, or may have been the one who was woken.
   */
  wakeAll(): void {
    Atomics.notify(this.i32, this.index);
  }

  /** For the supervisor: frees the lease if the (dead) thread held it, and wakes a waiter. Returns whether it did. */
  breakIfHeldBy(threadId: number): boolean {
    for (;;) {
      const state = Atomics.load(this.i32, this.index);
      if (state >>> 1 !== threadId) return false;
      if (Atomics.compareExchange(this.i32, this.index, state, 0) !== state) continue;
      Atomics.notify(this.i32, this.index);
      return true;
    }
  }
}
