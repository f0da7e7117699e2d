/** Which shard's thread carries out a command that is sent over a ring. */
import type { IoContext } from '../thread/io-context.js';

/**
 * The shard to which the placed command is sent. With several shards one whose thread is at work is preferred: the
 * command waits for that thread anyway, and an idle thread stays free. Otherwise the lowest: so open scripts share one
 * interpreter.
 * @requires `io.placement` is the command's
 */
export function ringOf(io: IoContext): number {
  const { placement } = io;
  if (placement.count === 1 || placement.all) return placement.shard;
  for (let s = placement.shard; s < placement.shards; s++) {
    if (placement.marked[s] !== 0 && io.executor.isAtWork(s)) return s;
  }
  return placement.shard;
}
