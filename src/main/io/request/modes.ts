/**
 * What makes a connection's commands different: subscriptions in RESP2, tracking, MONITOR. Called from dispatch for
 * connections with `modes`, and for all while somebody monitors.
 */

import { FLAG_MAY_REPLICATE, FLAG_READONLY, FLAG_TRANSACTION, FLAG_WRITE } from '../../../shared/command/flags.js';
import type { Args } from '../../../shared/resp/args.js';
import { TRACK } from '../messages/tracking-state.js';
import type { Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoThread } from '../thread/io-thread.js';
import { queuedArgs, type Transaction } from '../transaction/transaction.js';

/** What a RESP2 connection may send while it subscribes to something. */
const WHILE_SUBSCRIBED: ReadonlySet<string> = new Set([
  'ping',
  'subscribe',
  'ssubscribe',
  'psubscribe',
  'unsubscribe',
  'sunsubscribe',
  'punsubscribe',
  'quit',
  'reset',
]);

const NO_KEYSPACE = Uint8Array.from(Buffer.from("-ERR Replica can't interact with the keyspace\r\n", 'latin1'));

/** Before a command of a connection with `modes`: the error line with which it is refused, or null. */
export function beforeCommand(
  io: IoThread,
  conn: Connection,
  id: number,
  flags: number,
  args: Args,
): Uint8Array | null {
  if ((conn.session.modes & MODE.subscribed) !== 0 && conn.session.proto === 2) {
    const { name } = io.registry.defs[id]!;
    if (!WHILE_SUBSCRIBED.has(name)) {
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
  // What a transaction reads is told by whoever runs it.
  if (conn.session.tracking !== null && (conn.session.tx === null || !conn.session.tx.open)) {
    io.hub.tracking.beforeCommand(conn, id, flags, args);
  }
  return null;
}

/** Shows the queue of a transaction that is going to be run. */
export function monitorExec(io: IoThread, conn: Connection, tx: Transaction): void {
  for (let c = 0, first = 0; c < tx.commands; first += tx.heads[3 * c + 1]!, c++) {
    io.hub.monitors.feed(conn, io.registry.flags[tx.heads[3 * c]!]!, queuedArgs(tx, c, first));
  }
}

/** After a command was begun, or refused. */
export function afterCommand(io: IoThread, conn: Connection, args: Args): void {
  const refused = io.refused;
  io.refused = false;
  if (conn.closed) return;
  // What the client is told of its own command stands before the reply to the next one.
  if (conn.session.modes !== 0 && io.hub.outbox.pending) {
    io.executor.endBatch();
    io.hub.tellOwn();
  }
  const inMulti = conn.session.tx?.open === true;
  const state = conn.session.tracking;
  // CLIENT CACHING is for the next command, or for all of the next transaction.
  if (state !== null && (state.flags & TRACK.caching) !== 0 && !inMulti && !conn.inExec && !args.is(0, 'client')) {
    io.hub.tracking.setCaching(conn, state, false);
  }
  if (!io.monitored || refused || conn.session.lastCommandId < 0) return;
  const flags = io.registry.flags[conn.session.lastCommandId]!;
  if (inMulti && ((flags & FLAG_TRANSACTION) === 0 || !args.is(0, 'multi'))) return;
  io.hub.monitors.feed(conn, flags, args);
}
