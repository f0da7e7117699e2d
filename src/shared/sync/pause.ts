/**
 * CLIENT PAUSE as every thread sees it: a mode and the moment at which it ends, both in the control block.
 *
 * Invariant: the mode is never read without the end. When a pause runs out, no thread clears it; the pause is over for
 * every thread at the same moment, because all threads compare its end with the same clock here.
 */
import { CONTROL, CONTROL_F64, type ControlBlock } from './control-block.js';

/** CONTROL.pauseMode. */
export const PAUSE = { none: 0, write: 1, all: 2 } as const;

/** The pause in force at `nowMs` (of ControlBlock.nowMs): one of PAUSE. */
export function pauseAt(control: ControlBlock, nowMs: number): number {
  const mode = control.i32[CONTROL.pauseMode]!;
  return mode !== PAUSE.none && control.f64[CONTROL_F64.pauseUntilMs]! > nowMs ? mode : PAUSE.none;
}

/** Whether a pause is in force now. One load while there never was one. */
export function isPaused(control: ControlBlock): boolean {
  return control.i32[CONTROL.pauseMode] !== PAUSE.none && pauseAt(control, control.nowMs()) !== PAUSE.none;
}

/** Begins a pause of `timeoutMs`. If a pause is in force already, it is neither loosened nor shortened. */
export function beginPause(control: ControlBlock, mode: number, timeoutMs: number): void {
  const { i32, f64 } = control;
  const nowMs = control.nowMs();
  const before = pauseAt(control, nowMs);
  // The clock shows whole milliseconds: without the extra millisecond the pause would be shorter than asked for.
  const untilMs = timeoutMs === 0 ? nowMs : nowMs + timeoutMs + 1;
  f64[CONTROL_F64.pauseUntilMs] = before === PAUSE.none ? untilMs : Math.max(f64[CONTROL_F64.pauseUntilMs]!, untilMs);
  Atomics.store(i32, CONTROL.pauseMode, Math.max(before, mode));
}

/** Ends the pause, if there is one. */
export function endPause(control: ControlBlock): void {
  Atomics.store(control.i32, CONTROL.pauseMode, PAUSE.none);
}
