/**
 * The client as the commands of a transaction find it. HELLO, CLIENT TRACKING and their like stand in a queue between
 * commands for the shards, but are run when the shards have answered. So their effect is foretold when the queue is
 * sent: each command takes along the protocol and the flags that hold at its place, as it does its database.
 *
 *     EXEC -> foretell: clientState of each local command, in order -> one word for each command -> transaction|apply
 *          `-> local commands, run here when that has come: their effect lasts
 *
 * Invariants: (1) to foretell changes nothing, neither the connection nor a count; (2) a command that would answer with
 * an error foretells nothing; it is checked by the code that it runs itself.
 */

import { queuedClientWord } from '../../../shard/commands/transactions/transactions.js';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { Reply } from '../../../shared/resp/reply.js';
import { tracksReads } from '../messages/tracking-state.js';
import { threadOf } from '../session/client-thread.js';
import { BARRIER, type Connection } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { queuedArgs, type Transaction } from './transaction.js';

/** What `clientState` of a local command changes. */
export class QueuedState {
  proto: 2 | 3;
  noTouch: boolean;
  /** TRACK flags, or -1: no tracking. */
  tracking: number;
  /** Some command switches tracking on. */
  tracks = false;
  private readonly io: IoContext;
  private readonly flags: number;
  /**
   * By client id: the I/O thread of a client to which tracking redirects; only clients that other I/O threads were
   * asked for.
   */
  private readonly found: ReadonlyMap<number, number> | null;
  /** A client that must be asked for; 0 for none. */
  unknown = 0;

  constructor(io: IoContext, conn: Connection, found: ReadonlyMap<number, number> | null) {
    this.io = io;
    this.proto = conn.session.proto;
    this.noTouch = conn.session.noTouch;
    this.tracking = conn.session.tracking?.flags ?? -1;
    this.flags = conn.session.flags & ~(CLIENT_FLAG.noTouch | CLIENT_FLAG.tracksReads);
    this.found = found;
  }

  /** Index of the I/O thread that has the client, -1 when there is none or it must be asked for (`unknown`). */
  threadOf(id: number): number {
    const { io } = this;
    if (io.connections.byId.has(id)) return io.index;
    if (io.control.ioThreads === 1) return -1;
    const thread = this.found?.get(id);
    if (thread === undefined) this.unknown = id;
    return thread ?? -1;
  }

  /** The word that goes to the shards. */
  get word(): number {
    const reads = this.tracking >= 0 && tracksReads(this.tracking) ? CLIENT_FLAG.tracksReads : 0;
    return queuedClientWord(this.proto, this.flags | reads | (this.noTouch ? CLIENT_FLAG.noTouch : 0));
  }
}

/** What `clientState` lets the checks write their errors to. */
const unread = new Reply(1024);

/**
 * Fills `tx.clients` with the words of the commands. False when another I/O thread must be asked for a client first:
 * the connection then comes back to EXEC.
 */
export function foretell(io: IoContext, conn: Connection, tx: Transaction): boolean {
  const state = new QueuedState(io, conn, tx.redirects);
  const words = new Int32Array(tx.commands);
  for (let c = 0, first = 0; c < tx.commands; first += tx.heads[3 * c + 1]!, c++) {
    words[c] = state.word;
    const def = io.registry.defs[tx.heads[3 * c]!]!;
    if (def.clientState === undefined) continue;
    unread.reset();
    def.clientState(io, state, queuedArgs(tx, c, first), unread);
    if (state.unknown === 0) continue;
    askFor(io, conn, tx, state.unknown);
    return false;
  }
  tx.clients = words;
  tx.tracks = state.tracks;
  return true;
}

/** Asks all I/O threads for a client. */
function askFor(io: IoContext, conn: Connection, tx: Transaction, id: number): void {
  tx.redirects ??= new Map();
  const { redirects } = tx;
  conn.barrier |= BARRIER.promise;
  const goOn = (thread: number): void => {
    redirects.set(id, thread);
    conn.barrier &= ~BARRIER.promise;
    if (conn.closed) io.connections.releaseSlot(conn);
    else if (conn.barrier === 0) io.resume(conn);
  };
  threadOf(io, id).then(goOn, () => goOn(-1));
}
