/**
 * Points of the code at which the fault lab (test/lab) makes something go wrong: a thread stops there and dies or goes
 * on late, or what it was about to do fails.
 *
 * `faultPoint` and `openFaultPoints` are statements of their own. The usual build takes them out, like invariants; a
 * build with SHERD_CHECK=1 keeps them. There a point counts, and does nothing until a fault is armed.
 *
 *     word 0  the point that is armed, 0: none      4  state: 0 idle, 1 a thread has stopped, 2 it shall go on
 *          1  thread that it concerns, 0: any        5  the thread that stopped or failed
 *          2  hits that are still to come, this one included
 *          3  what happens then: STOP or FAIL        8.. hits of each point since the start, all threads together
 *
 * One fault is armed at a time; the main thread arms it. A new kind of fault is a new row in POINT, and a statement
 * where it happens.
 */

/** Where a fault may happen. */
export const POINT = {
  /** A store into a cell is about to be made (Arena.touch). */
  store: 1,
  /** A cell is about to be allocated. */
  alloc: 2,
  /** One step of either end of a ring. */
  ring: 3,
  /** A thread is about to sleep for a lease. */
  leaseWait: 4,
  /** A lease was taken, or is about to be given back. */
  leaseHeld: 5,
} as const;

/** Words of the region. */
export const FAULT_WORDS = 32;
export const FAULT = { point: 0, thread: 1, left: 2, action: 3, state: 4, reachedBy: 5, hits: 8 } as const;
export const FAULT_STATE = { idle: 0, stopped: 1, goOn: 2 } as const;
/** STOP: the thread sleeps until it is told to go on, or is terminated. FAIL: the call throws. */
export const FAULT_ACTION = { stop: 0, fail: 1 } as const;

/** Longer than any test waits; a thread that is forgotten goes on. */
const STOPPED_MS = 20_000;

let words: Int32Array | null = null;
let thread = 0;
let failure: () => Error = () => new Error('injected fault');

/** Has the points of this thread count, and obey `shared`. `error`: what a call that fails throws. */
export function openFaultPoints(shared: Int32Array, threadId: number, error: () => Error): void {
  words = shared;
  thread = threadId;
  failure = error;
}

/** A fault may happen here. */
export function faultPoint(point: number): void {
  if (words !== null) hit(words, point);
}

function hit(w: Int32Array, point: number): void {
  Atomics.add(w, FAULT.hits + point, 1);
  if (Atomics.load(w, FAULT.point) !== point) return;
  const victim = Atomics.load(w, FAULT.thread);
  if (victim !== 0 && victim !== thread) return;
  if (Atomics.sub(w, FAULT.left, 1) !== 1) return;
  Atomics.store(w, FAULT.point, 0);
  Atomics.store(w, FAULT.reachedBy, thread);
  if (Atomics.load(w, FAULT.action) === FAULT_ACTION.fail) throw failure();
  Atomics.store(w, FAULT.state, FAULT_STATE.stopped);
  Atomics.wait(w, FAULT.state, FAULT_STATE.stopped, STOPPED_MS);
}
