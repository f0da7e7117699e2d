/**
 * How a transaction or a watch ends: EXEC refused, DISCARD, UNWATCH, RESET, a connection that is closed.
 *
 * Invariants: (1) what is written into `conn.out` here is written in its turn; (2) if a busy script prevents the end of
 * a watch, the watch is voided: it does not count any more, and is ended later.
 */
import { CLIENT_IO_SHIFT } from '../../../shared/command/client-state.js';
import type { Args } from '../../../shared/resp/args.js';
import { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { Connection } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { buildArgs, type Transaction } from '../transaction/transaction.js';
import { sendFromNobody } from '../waiting/from-nobody.js';
import { answer } from './in-turn.js';
import { muteRequest, sendOwn } from './send.js';
import { transactionTable } from './transaction-kinds.js';
import { AGAIN, NEXT } from './verdict.js';

/** Wait before another try to send what a closed connection leaves behind, ms. */
const RETRY_MS = 10;

const BECAUSE_OF = '-EXECABORT Transaction discarded because of: ';

/** Receives the replies of commands that are run only for their effect. */
const unread = new Reply(1024);

/**
 * Ends the connection's watches. While a busy script has their shards they only do not count any more. AGAIN: nothing
 * was done. @requires nothing under way
 */
export function endWatches(io: IoContext, conn: Connection, tx: Transaction): number {
  tx.spoiled = false;
  if (tx.watches.length === 0) return NEXT;
  if (isBusy(io, transactionTable(io.registry).unwatch, buildArgs(tx, false))) {
    tx.voided = true;
    return NEXT;
  }
  return forgetWatches(io, conn, tx);
}

/** Whether a command would wait for a busy script. */
export function isBusy(io: IoContext, id: number, args: Args): boolean {
  if (io.control.i32[CONTROL.busyScripts] === 0) return false;
  io.placement.place(id, args);
  return io.executor.waitsForScript(id, io.placement);
}

/** Has the shards forget the connection's watches. AGAIN: nothing was done. @requires nothing under way */
export function forgetWatches(io: IoContext, conn: Connection, tx: Transaction): number {
  const id = transactionTable(io.registry).unwatch;
  const args = buildArgs(tx, false);
  io.placement.place(id, args);
  unread.reset();
  const wasVoided = tx.voided;
  tx.voided = false;
  if (io.inlineAllowed && io.executor.tryInline(id, args, unread, conn.session, io.placement)) {
    tx.forgetWatches();
    return NEXT;
  }
  const seq = conn.nextSeq;
  const what = sendOwn(io, conn, id, args);
  if (what === AGAIN) {
    tx.voided = wasVoided;
    return AGAIN;
  }
  muteRequest(conn, seq);
  tx.forgetWatches();
  return what;
}

/** `ran`: the EXEC counts as failed; otherwise as refused. */
export function abort(
  io: IoContext,
  conn: Connection,
  id: number,
  tx: Transaction | null,
  error: Uint8Array,
  ran: boolean,
): number {
  const what = tx === null ? NEXT : endWatches(io, conn, tx);
  if (what === AGAIN) return AGAIN;
  tx?.reset();
  if (ran) {
    io.stats.call(id);
    io.stats.fail(id);
  } else io.stats.reject(id);
  io.stats.error(error, 0);
  answer(conn, error);
  return what;
}

/** EXEC was refused with `refusal`: gives up the transaction; if there is none, ends the watches. */
export function abortTransaction(
  io: IoContext,
  conn: Connection,
  id: number,
  tx: Transaction | null,
  refusal: Uint8Array,
): number {
  const text = Buffer.from(refusal.subarray(1)).toString('latin1').replace(/^ERR /, '');
  return abort(io, conn, id, tx, Buffer.from(BECAUSE_OF + text, 'latin1'), false);
}

/** A transaction with local commands is over, or its connection is closed. */
export function endExec(io: IoContext, conn: Connection): void {
  conn.inExec = false;
  const { tracking } = io.hub;
  if (conn.session.tracking !== null) tracking.setCaching(conn, conn.session.tracking, false);
  tracking.expectNoMore(conn);
}

/** RESET. Watches that could not be ended yet are kept apart: a WATCH that follows RESET must not end with them. */
export function resetTransaction(io: IoContext, conn: Connection): void {
  const { tx } = conn.session;
  if (tx === null || !tx.voided) {
    dropTransaction(io, conn);
    return;
  }
  tx.reset();
  conn.capture = null;
  conn.captured = null;
}

/** A connection is closed, or reset: its watches end, and no client waits for that. */
export function dropTransaction(io: IoContext, conn: Connection): void {
  const tx = conn.session.tx;
  if (conn.inExec) endExec(io, conn);
  conn.session.tx = null;
  conn.capture?.reset();
  conn.capture = null;
  conn.captured = null;
  if (!tx || tx.watches.length === 0) return;
  sendUnwatch(io, conn.session.id, tx);
}

function sendUnwatch(io: IoContext, clientId: number, tx: Transaction): void {
  const args = buildArgs(tx, false);
  // A watch belongs to a client and its I/O thread.
  const flags = io.index << CLIENT_IO_SHIFT;
  if (sendFromNobody(io, transactionTable(io.registry).unwatch, 0, clientId, flags, args)) return;
  setTimeout(() => sendUnwatch(io, clientId, tx), RETRY_MS).unref();
}
