/**
 * Whether a key that a client watches has been changed: flag `d` of CLIENT LIST. What is watched lies in the shards, so
 * their leases are tried for; where they are not free, nothing is known and the flag is not shown that time.
 */
import { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { buildArgs } from './transaction.js';

const TRIES = 3;
const ONE = 49;

const answer = new Reply(64);

/** Whether the next EXEC of the connection is known to do nothing. Cold. */
export function watchedChanged(io: IoContext, conn: Connection): boolean {
  const { tx } = conn.session;
  if (tx === null || tx.watches.length === 0) return false;
  const id = io.registry.idOf('transaction|changed');
  const args = buildArgs(tx, false);
  const { executor } = io;
  io.placement.place(id, args);
  let isChanged = false;
  executor.beginBatch();
  for (let tried = 0; tried < TRIES; tried++) {
    answer.reset();
    if (!executor.tryInline(id, args, answer, conn.session, io.placement)) continue;
    io.stats.uncall(id);
    isChanged = answer.u8[1] === ONE;
    break;
  }
  // CLIENT LIST is made in slices, and for other I/O threads: there is no turn whose end would give the leases back.
  executor.endBatch();
  return isChanged;
}
