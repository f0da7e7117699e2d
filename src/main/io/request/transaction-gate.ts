/**
 * The gate of transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH, and every command while MULTI is open, which is
 * queued. See transaction/transaction.ts for the queue, exec.ts for EXEC.
 *
 * Invariant: what is written into `conn.out` here is written in its turn.
 */
import { TRANSACTION, transactionOf } from '../../../shared/command/flags.js';
import { OOM } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Connection } from '../session/connection.js';
import { GATE } from '../session/gate-bits.js';
import type { IoContext } from '../thread/io-context.js';
import { deniesOom, enqueue, isNotForMulti } from '../transaction/enqueue.js';
import { Transaction } from '../transaction/transaction.js';
import { endWatches, forgetWatches, isBusy } from './end-transaction.js';
import { exec } from './exec.js';
import { answer, mustWait } from './in-turn.js';
import { refuseWith } from './refuse.js';
import { AGAIN, NEXT, PASS } from './verdict.js';

const line = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`-${text}\r\n`, 'latin1'));
const NESTED_MULTI = line('ERR MULTI calls can not be nested');
const WATCH_INSIDE = line('ERR WATCH inside MULTI is not allowed');
const EXEC_WITHOUT = line('ERR EXEC without MULTI');
const DISCARD_WITHOUT = line('ERR DISCARD without MULTI');
const NOT_ALLOWED = line('ERR Command not allowed inside a transaction');
const QUEUE_TOO_LONG = line('ERR transaction exceeds client-query-buffer-limit');

const QUEUED = Uint8Array.from(Buffer.from('+QUEUED\r\n'));
const OK = Uint8Array.from(Buffer.from('+OK\r\n'));

/**
 * A command while MULTI is open or keys are watched, or one of the transaction commands. The gate closes itself behind
 * the last of them.
 */
export function transactionGate(io: IoContext, conn: Connection, id: number, flags: number, args: Args): number {
  const tx = conn.session.tx;
  const open = tx?.open === true;
  switch (transactionOf(io.registry.facts[id]!)) {
    case TRANSACTION.multi:
      return multi(io, conn, id);
    case TRANSACTION.exec:
      return open ? exec(io, conn, id, tx) : failWith(io, conn, id, EXEC_WITHOUT);
    case TRANSACTION.discard:
      return open ? discard(io, conn, id, tx) : failWith(io, conn, id, DISCARD_WITHOUT);
    case TRANSACTION.watch:
      if (open) return failWith(io, conn, id, WATCH_INSIDE);
      conn.session.tx ??= new Transaction();
      return watch(io, conn, id, conn.session.tx, args);
    case TRANSACTION.quit:
      return PASS;
    case TRANSACTION.reset:
      // A WATCH behind it must not find the old watches, nor end with them.
      return tx === null || tx.watches.length === 0 ? PASS : unwatchFirst(io, conn, tx);
    case TRANSACTION.unwatch:
      if (!open) return unwatch(io, conn, id);
      break;
    default:
      if (!open) {
        if (tx === null || tx.watches.length === 0) conn.session.gates &= ~GATE.transaction;
        return PASS;
      }
  }
  if (isNotForMulti(flags)) return refuseWith(io, conn, id, NOT_ALLOWED);
  if (mustWait(conn)) return AGAIN;
  if (deniesOom(io, id, flags, args) && io.executor.refusesMemory()) return refuseWith(io, conn, id, OOM);
  if (!enqueue(io, tx!, id, args)) return refuseWith(io, conn, id, QUEUE_TOO_LONG);
  answer(conn, QUEUED);
  return NEXT;
}

/** A transaction command fails when it is carried out, which does not make EXEC refuse. */
function failWith(io: IoContext, conn: Connection, id: number, error: Uint8Array): number {
  if (mustWait(conn)) return AGAIN;
  io.stats.call(id);
  io.stats.fail(id);
  io.stats.error(error, 0);
  answer(conn, error);
  return NEXT;
}

/**
 * WATCH outside of MULTI. WATCH is allowed while a script is busy, although no shard can be asked then: the EXEC that
 * follows fails.
 */
function watch(io: IoContext, conn: Connection, id: number, tx: Transaction, args: Args): number {
  if (isBusy(io, id, args)) {
    if (mustWait(conn)) return AGAIN;
    tx.spoiled = true;
    io.stats.call(id);
    conn.session.lastCommandId = id;
    answer(conn, OK);
    return NEXT;
  }
  if (tx.voided && (mustWait(conn) || forgetWatches(io, conn, tx) !== NEXT)) return AGAIN;
  tx.noteWatch(conn.session.db, args);
  conn.session.gates |= GATE.transaction;
  return PASS;
}

function multi(io: IoContext, conn: Connection, id: number): number {
  if (mustWait(conn)) return AGAIN;
  const tx = (conn.session.tx ??= new Transaction());
  if (tx.open) return failWith(io, conn, id, NESTED_MULTI);
  io.stats.call(id);
  tx.reset();
  tx.open = true;
  conn.session.gates |= GATE.transaction;
  tx.db = conn.session.db;
  answer(conn, OK);
  return NEXT;
}

function discard(io: IoContext, conn: Connection, id: number, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  const what = endWatches(io, conn, tx);
  if (what === AGAIN) return AGAIN;
  io.stats.call(id);
  tx.reset();
  answer(conn, OK);
  return what;
}

function unwatch(io: IoContext, conn: Connection, id: number): number {
  if (mustWait(conn)) return AGAIN;
  const what = conn.session.tx === null ? NEXT : endWatches(io, conn, conn.session.tx);
  if (what === AGAIN) return AGAIN;
  io.stats.call(id);
  answer(conn, OK);
  return what;
}

/** Ends the watches before a command that must not see them. */
function unwatchFirst(io: IoContext, conn: Connection, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  return endWatches(io, conn, tx) === NEXT ? PASS : AGAIN;
}
