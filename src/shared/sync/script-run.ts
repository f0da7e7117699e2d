/**
 * How a shard's thread tells other threads about the Lua that it runs, and how they ask it to end a run: three words of
 * the thread's area of the control block:
 *
 *     scriptRun     number << 6 | RUN bits: the thread's n-th run. Written by the thread alone, with plain stores: at
 *                   the begin and the end of each run, around each command, at the first write
 *     scriptBusy    SCRIPT_BUSY bits while the run takes longer than `busy-reply-threshold`, else 0
 *     scriptKill    the number of the run that is to end; of no meaning for any other run
 *
 * The script's own hook marks a script as busy (script-engine.ts). If a script spends its time in one call of a
 * library, the hook does not run; then the main thread's watch marks it (main/threads/script-watch.ts). If a run that
 * is to end does not end, the watch ends the thread.
 *
 * Invariants: (1) CONTROL.busyScripts is the number of threads whose scriptBusy is not 0; (2) a thread is ended in the
 * middle of a run only while none of RUN.sacred is set, so never in the middle of a store.
 */
import { CONTROL, type ControlBlock, SCRIPT_BUSY, THREAD } from './control-block.js';

/** Bits of THREAD.scriptRun. The first three are those of SCRIPT_BUSY. */
export const RUN = {
  ...SCRIPT_BUSY,
  /** A command of the script is being carried out. */
  command: 8,
  /** The transaction around the script has changed something. */
  pinned: 16,
  /** No script runs: the interpreter collects garbage of earlier scripts. No lease is held. */
  background: 32,
} as const;
const SHIFT = 6;
const NUMBERS = 2 ** (32 - SHIFT) - 1;
/** While one of these is set a thread must not be ended. */
const SACRED = RUN.wrote | RUN.command | RUN.pinned;

/** The word of run `number`. */
export function runWord(number: number, bits: number): number {
  return (number << SHIFT) | bits;
}

/** The number of a run, from its word. */
export function runNumber(word: number): number {
  return word >>> SHIFT;
}

/** The number of the run after that with `number`; never 0. */
export function nextRun(number: number): number {
  return number === NUMBERS ? 1 : number + 1;
}

/** Whether the thread may be ended in the middle of this run. */
export function mayBeEnded(word: number): boolean {
  return (word & RUN.running) !== 0 && (word & SACRED) === 0;
}

/** Marks the script on `threadId` as busy; false when it was marked already. */
export function markBusy(control: ControlBlock, threadId: number, bits: number): boolean {
  const { i32 } = control;
  const busy = bits & (RUN.running | RUN.wrote | RUN.isFunction);
  if (Atomics.compareExchange(i32, control.threadWord(threadId) + THREAD.scriptBusy, 0, busy) !== 0) return false;
  Atomics.add(i32, CONTROL.busyScripts, 1);
  return true;
}

/** Takes the mark of a busy script back. */
export function clearBusy(control: ControlBlock, threadId: number): void {
  const { i32 } = control;
  if (Atomics.exchange(i32, control.threadWord(threadId) + THREAD.scriptBusy, 0) === 0) return;
  Atomics.sub(i32, CONTROL.busyScripts, 1);
}

/** For the successor of a dead thread: whether the watch ended the run. */
export const ENDED = { not: 0, script: 1, function: 2 } as const;

/**
 * The thread died, and its run ended with the thread. Returns ENDED if the run was asked to end. The next run of the
 * thread's successor has another number.
 */
export function buryRun(control: ControlBlock, threadId: number): number {
  const { i32 } = control;
  const word = control.threadWord(threadId);
  clearBusy(control, threadId);
  const run = i32[word + THREAD.scriptRun]!;
  Atomics.store(i32, word + THREAD.scriptRun, runWord(runNumber(run), 0));
  if (!mayBeEnded(run) || Atomics.load(i32, word + THREAD.scriptKill) !== runNumber(run)) return ENDED.not;
  return (run & RUN.isFunction) === 0 ? ENDED.script : ENDED.function;
}
