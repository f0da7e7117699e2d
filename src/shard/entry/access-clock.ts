/**
 * The 24-bit access clock of an entry. Under an LRU policy (and without one) it is the time of the last use in seconds;
 * under LFU 16 bits of minutes and 8 bits of a logarithmic counter (Morris), as Redis defines both.
 */

import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { random } from '../../shared/random.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';
import { entryClock } from './entry.js';

/** Counter of a new key, so that it is not the first to go. */
export const LFU_INITIAL = 5;
const CLOCK_MASK = 0xffffff;
const MINUTES_MASK = 0xffff;

/** Clock value of a key created now. */
export function newClock(nowMs: number, lfu: boolean): number {
  if (lfu) return ((Math.floor(nowMs / 60_000) & MINUTES_MASK) << 8) | LFU_INITIAL;
  return Math.floor(nowMs / 1000) & CLOCK_MASK;
}

/** The counter of an entry as it is now, decayed by the minutes that went by. */
export function lfuCounter(arena: Arena, e: Ptr, nowMs: number, control: ControlBlock): number {
  const clock = entryClock(arena, e);
  const counter = clock & 255;
  const decayMinutes = control.i32[CONTROL.lfuDecayMinutes]!;
  if (decayMinutes === 0) return counter;
  const minutes = Math.floor(nowMs / 60_000) & MINUTES_MASK;
  const elapsed = (minutes - (clock >>> 8)) & MINUTES_MASK;
  const periods = Math.floor(elapsed / decayMinutes);
  return periods > counter ? 0 : counter - periods;
}

/** Clock value of an entry used now, under LFU. */
export function accessClock(arena: Arena, e: Ptr, nowMs: number, control: ControlBlock): number {
  let counter = lfuCounter(arena, e, nowMs, control);
  if (counter < 255) {
    const base = Math.max(0, counter - LFU_INITIAL);
    if (random() < 1 / (base * control.i32[CONTROL.lfuLogFactor]! + 1)) counter++;
  }
  return ((Math.floor(nowMs / 60_000) & MINUTES_MASK) << 8) | counter;
}

/** Milliseconds since the last use of an entry, under LRU: whole seconds. */
export function idleMs(arena: Arena, e: Ptr, nowMs: number): number {
  const now = Math.floor(nowMs / 1000) & CLOCK_MASK;
  return ((now - entryClock(arena, e)) & CLOCK_MASK) * 1000;
}
