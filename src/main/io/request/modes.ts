/**
 * What makes a connection's commands different: subscriptions in RESP2, tracking, MONITOR. Called from dispatch for
 * connections with `modes`, and for all connections while a client monitors.
 */
import {
  FACT_KEEPS_CACHING,
  FACT_WHILE_SUBSCRIBED,
  FLAG_MAY_REPLICATE,
  FLAG_READONLY,
  FLAG_WRITE,
  TRANSACTION,
  transactionOf,
} from '../../../shared/command/flags.js';
import type { Args } from '../../../shared/resp/args.js';
import { TRACK } from '../messages/tracking-state.js';
import type { Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoContext } from '../thread/io-context.js';
import { queuedArgs, type Transaction } from '../transaction/transaction.js';

const NO_KEYSPACE = Uint8Array.from(Buffer.from("-ERR Replica can't interact with the keyspace\r\n", 'latin1'));

/** Before a command of a connection with `modes`: the error line with which it is refused, or null. */
export function beforeCommand(
  io: IoContext,
  conn: Connection,
  id: number,
  flags: number,
  args: Args,
): Uint8Array | null {
  if ((conn.session.modes & MODE.subscribed) !== 0 && conn.session.proto === 2) {
    if ((io.registry.facts[id]! & FACT_WHILE_SUBSCRIBED) === 0) {
      const { name } = io.registry.defs[id]!;
      return Uint8Array.from(
        Buffer.from(
          `-ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET` +
            ' are allowed in this context\r\n',
          'latin1',
        ),
      );
    }
  }
  if ((conn.session.modes & MODE.monitor) !== 0 && (flags & (FLAG_WRITE | FLAG_READONLY | FLAG_MAY_REPLICATE)) !== 0) {
    return NO_KEYSPACE;
  }
  // The thread that runs a transaction reports what the transaction reads.
  if (conn.session.tracking !== null && (conn.session.tx === null || !conn.session.tx.open)) {
    io.hub.tracking.beforeCommand(conn, id, flags, args);
  }
  return null;
}

/** Shows the queue of a transaction that is going to be run. */
export function monitorExec(io: IoContext, conn: Connection, tx: Transaction): void {
  for (let c = 0, first = 0; c < tx.commands; first += tx.heads[3 * c + 1]!, c++) {
    io.hub.monitors.feed(conn, io.registry.flags[tx.heads[3 * c]!]!, queuedArgs(tx, c, first));
  }
}

/** After a command was begun, or refused. */
export function afterCommand(io: IoContext, conn: Connection, args: Args): void {
  const refused = io.turn.refused;
  io.turn.refused = false;
  if (conn.closed) return;
  // Messages that a command causes for its own client stand before the reply to the next command.
  if (conn.session.modes !== 0 && io.hub.outbox.pending) {
    io.executor.endBatch();
    io.hub.tellOwn();
  }
  const inMulti = conn.session.tx?.open === true;
  const state = conn.session.tracking;
  const id = conn.session.lastCommandId;
  const facts = id < 0 ? 0 : io.registry.facts[id]!;
  // CLIENT CACHING is for the next command, or for all of the next transaction.
  const cachingEnds = !inMulti && !conn.inExec && (facts & FACT_KEEPS_CACHING) === 0;
  if (cachingEnds && state !== null && (state.flags & TRACK.caching) !== 0) {
    io.hub.tracking.setCaching(conn, state, false);
  }
  if (!io.turn.monitored || refused || id < 0) return;
  if (inMulti && transactionOf(facts) !== TRANSACTION.multi) return;
  io.hub.monitors.feed(conn, io.registry.flags[id]!, args);
}
