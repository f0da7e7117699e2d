/** The error while a script runs for too long: it names the command that ends it. */
import { BUSY, BUSY_FUNCTION } from '../../../shared/errors/replies.js';
import { type ControlBlock, SCRIPT_BUSY, THREAD } from '../../../shared/sync/control-block.js';

/** SCRIPT_BUSY bits of a shard's thread. */
export function busyState(control: ControlBlock, shard: number): number {
  return Atomics.load(control.i32, control.threadWord(control.shardThreadId(shard)) + THREAD.scriptBusy);
}

/** The BUSY error for what runs now: FUNCTION KILL when it is a function. */
export function busyReply(control: ControlBlock): Uint8Array {
  for (let shard = 0; shard < control.shards; shard++) {
    const state = busyState(control, shard);
    if (state !== 0) return (state & SCRIPT_BUSY.isFunction) === 0 ? BUSY : BUSY_FUNCTION;
  }
  return BUSY;
}
