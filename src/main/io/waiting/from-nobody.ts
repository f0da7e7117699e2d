/** Requests to a shard that belong to no connection: their replies are dropped. */
import { PLACED_NOT } from '../../../shared/command/placement.js';
import type { Args } from '../../../shared/resp/args.js';
import { writeRequest } from '../../../shared/sync/records.js';
import type { IoContext } from '../thread/io-context.js';

/**
 * Sends a request to shard 0, which places it; false when its ring is full. `flags`: of the client whom it concerns.
 * It is published when this turn of the event loop ends.
 */
export function sendFromNobody(
  io: IoContext,
  id: number,
  db: number,
  clientId: number,
  flags: number,
  args: Args,
): boolean {
  const { head } = io;
  // No connection has this slot, so the reply is dropped.
  head.connId = io.connections.nobodySlot();
  head.seq = 0;
  head.clientId = clientId;
  head.cmdId = id;
  head.db = db;
  head.proto = 2;
  head.clientFlags = flags;
  head.info = PLACED_NOT;
  if (!writeRequest(io.rings.requests[0]!, head, args)) return false;
  io.rings.written(0);
  setImmediate(() => io.rings.publish());
  return true;
}
