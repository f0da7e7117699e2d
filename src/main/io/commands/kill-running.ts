/** What SCRIPT KILL and FUNCTION KILL have in common. */
import { BUSY, BUSY_FUNCTION, NOTBUSY, UNKILLABLE } from '../../../shared/errors/replies.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { type ControlBlock, SCRIPT_BUSY, THREAD } from '../../../shared/sync/control-block.js';
import { runNumber } from '../../../shared/sync/script-run.js';
import { busyState } from '../reply/busy-reply.js';

/**
 * Ends what runs for longer than `busy-reply-threshold` and has written nothing: functions, or scripts. Refused when
 * only the other kind runs, and when something has written.
 */
export function killRunning(control: ControlBlock, functions: boolean, reply: Reply): void {
  let found = false;
  let other = false;
  for (let shard = 0; shard < control.shards; shard++) {
    const word = control.threadWord(control.shardThreadId(shard));
    // Read before it is known to be busy: if it has ended then, its number is of no meaning any more.
    const run = Atomics.load(control.i32, word + THREAD.scriptRun);
    const state = busyState(control, shard) | (run & SCRIPT_BUSY.wrote);
    if ((state & SCRIPT_BUSY.running) === 0) continue;
    if (((state & SCRIPT_BUSY.isFunction) !== 0) !== functions) {
      other = true;
      continue;
    }
    if ((state & SCRIPT_BUSY.wrote) !== 0) {
      reply.error(UNKILLABLE);
      return;
    }
    Atomics.store(control.i32, word + THREAD.scriptKill, runNumber(run));
    found = true;
  }
  if (found) reply.ok();
  else if (other) reply.error(functions ? BUSY : BUSY_FUNCTION);
  else reply.error(NOTBUSY);
}
