/**
 * The clocks of a thread. All of src asks the time here, so that a test, or a simulation, can put another clock in.
 *
 *     wallMs       unix ms of this machine; may jump. What clients see is `ControlBlock.nowMs`, which adds the offset
 *                  that a test may have given to the server's clock
 *     monotonicMs  ms since some moment, with a fraction; never goes back. For how long something takes
 *     wallUsec     unix microseconds, as TIME and MONITOR show them
 *
 * Any thread. Each thread has clocks of its own (`setClock`).
 */

/** Where the time comes from. */
export interface Clock {
  /** Unix ms, whole. */
  wallMs(): number;
  /** Milliseconds of a clock that never goes back. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
const MACHINE: Clock = { wallMs: Date.now, monotonicMs: () => performance.now() };

/** The wall clock counts milliseconds; what the monotonic one differs from it by more than this, is a jump. */
const JUMP_MS = 2;

let clock = MACHINE;
/** Unix ms at which `monotonicMs` was 0. */
let originMs: number = performance.timeOrigin;

/** Has this thread live by another clock; null: by the machine's again. */
export function setClock(other: Clock | null): void {
  clock = other ?? MACHINE;
  originMs = other === null ? performance.timeOrigin : other.wallMs() - other.monotonicMs();
}

/** Unix ms of this machine. Use `ControlBlock.nowMs` for whatever a client may see or wait for. */
export function wallMs(): number {
  return clock.wallMs();
}

/** Milliseconds of a clock that never goes back. */
export function monotonicMs(): number {
  return clock.monotonicMs();
}

/** Unix microseconds of this machine: the wall clock, with the finer part of the monotonic one. */
export function wallUsec(): number {
  const fine = originMs + clock.monotonicMs();
  const coarse = clock.wallMs();
  return Math.floor((Math.abs(fine - coarse) > JUMP_MS ? coarse : fine) * 1000);
}
