/** Which shard's thread carries out a command that is sent over a ring. */
import type { IoContext } from '../thread/io-context.js';

/**
 * The shard to which the placed command is sent. With several shards, prefer a shard whose thread is busy: the command
 * waits for that thread anyway, and an idle thread stays free. Otherwise the lowest shard. A command that needs all
 * shards always goes to the lowest: so scripts that may use any key share one interpreter.
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
