/**
 * MULTI, EXEC, DISCARD, WATCH, UNWATCH and the queueing of commands, on the way of dispatch. See transaction.ts for the
 * queue; these run on an I/O thread, between parser and dispatch.
 *
 * Invariants: (1) what is written into `conn.out` here is written in its turn; (2) a queue that was sent is forgotten:
 * whatever happens to it, the connection is out of MULTI.
 */

import { runQueue } from '../../../shard/commands/transactions/transactions.js';
import { CLIENT_IO_SHIFT } from '../../../shared/command/client-flags.js';
import { FLAG_DENYOOM, TRANSACTION, transactionOf } from '../../../shared/command/flags.js';
import type { Registry } from '../../../shared/command/registry.js';
import { EXECABORT, OOM } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { writeRequest } from '../../../shared/sync/records.js';
import { bytesOf } from '../net/out-queue.js';
import { settleServed } from '../reply/reply-intake.js';
import { AGAIN, mustPause, muteRequest, NEXT, refuseWith, sendOwn, WAIT } from '../request/dispatch.js';
import { monitorExec } from '../request/modes.js';
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { foretell } from './queued-state.js';
import {
  buildArgs,
  buildQueue,
  deniesOom,
  enqueue,
  isNotForMulti,
  mergeLocals,
  runsInline,
  Transaction,
} from './transaction.js';

/** Dispatch goes on as for any command. */
export const GO_ON = -1;
/** Wait before another try to send what a closed connection leaves behind, ms. */
const RETRY_MS = 10;

const line = (text: string): Uint8Array => Uint8Array.from(Buffer.from(`-${text}\r\n`, 'latin1'));
const NESTED_MULTI = line('ERR MULTI calls can not be nested');
const WATCH_INSIDE = line('ERR WATCH inside MULTI is not allowed');
const EXEC_WITHOUT = line('ERR EXEC without MULTI');
const DISCARD_WITHOUT = line('ERR DISCARD without MULTI');
const NOT_ALLOWED = line('ERR Command not allowed inside a transaction');
const QUEUE_TOO_LONG = line('ERR transaction exceeds client-query-buffer-limit');

const BECAUSE_OF = '-EXECABORT Transaction discarded because of: ';

/** Ids of what is sent to shards; the same in every I/O thread, 0 before `findIds`. */
let applyId = 0;
let applyAllId = 0;
let queueId = 0;
let unwatchId = 0;

function findIds(registry: Registry): void {
  applyId = registry.idOf('transaction|apply');
  applyAllId = registry.idOf('transaction|apply-all');
  queueId = registry.idOf('transaction|queue');
  unwatchId = registry.idOf('transaction|unwatch');
}

/** What a thread that only wants an effect lets write its reply. */
const unread = new Reply(1024);

/** A command while MULTI is open, or one of the transaction commands. GO_ON: dispatch it as usual. */
export function inTransaction(io: IoThread, conn: Connection, id: number, flags: number, args: Args): number {
  const tx = conn.tx;
  const open = tx?.open === true;
  if (applyId === 0) findIds(io.registry);
  switch (transactionOf(io.registry.facts[id]!)) {
    case TRANSACTION.multi:
      return multi(io, conn, id);
    case TRANSACTION.exec:
      return open ? exec(io, conn, id, tx) : failWith(io, conn, id, EXEC_WITHOUT);
    case TRANSACTION.discard:
      return open ? discard(io, conn, id, tx) : failWith(io, conn, id, DISCARD_WITHOUT);
    case TRANSACTION.watch:
      if (open) return failWith(io, conn, id, WATCH_INSIDE);
      conn.tx ??= new Transaction();
      return watch(io, conn, id, conn.tx, args);
    case TRANSACTION.quit:
      return GO_ON;
    case TRANSACTION.reset:
      // A WATCH behind it must not find the old watches, nor end with them.
      return tx === null || tx.watches.length === 0 ? GO_ON : unwatchFirst(io, conn, tx);
    case TRANSACTION.unwatch:
      if (!open) return unwatch(io, conn, id);
      break;
    default:
      if (!open) return GO_ON;
  }
  if (isNotForMulti(flags)) return refuseWith(io, conn, id, NOT_ALLOWED);
  if (mustWait(conn)) return AGAIN;
  if (deniesOom(io, id, flags, args) && io.executor.refusesMemory()) return refuseWith(io, conn, id, OOM);
  if (!enqueue(io, tx!, id, args)) return refuseWith(io, conn, id, QUEUE_TOO_LONG);
  answer(conn, QUEUED);
  return NEXT;
}

const QUEUED = Uint8Array.from(Buffer.from('+QUEUED\r\n'));
const EMPTY_ARRAY = Uint8Array.from(Buffer.from('*0\r\n'));
const NULL_ARRAY = Uint8Array.from(Buffer.from('*-1\r\n'));
const NULL = Uint8Array.from(Buffer.from('_\r\n'));
const OK = Uint8Array.from(Buffer.from('+OK\r\n'));

/** Writes a line in its turn, unless the client wants no replies. */
function answer(conn: Connection, bytes: Uint8Array): void {
  if (conn.replyMode === REPLY_MODE.on) conn.out!.raw(bytes, 0, bytes.length);
  else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
}

/** Whether replies are outstanding, which come first. */
function mustWait(conn: Connection): boolean {
  if (conn.headSeq === conn.nextSeq) return false;
  conn.barrier |= BARRIER.order;
  return true;
}

/** A transaction command fails when it is carried out, which does not make EXEC refuse. */
function failWith(io: IoThread, conn: Connection, id: number, error: Uint8Array): number {
  if (mustWait(conn)) return AGAIN;
  io.stats.call(id);
  io.stats.fail(id);
  io.stats.error(error, 0);
  answer(conn, error);
  return NEXT;
}

/** WATCH outside of MULTI. Allowed while a script is busy, when no shard can be asked: EXEC then fails for it. */
function watch(io: IoThread, conn: Connection, id: number, tx: Transaction, args: Args): number {
  if (isBusy(io, id, args)) {
    if (mustWait(conn)) return AGAIN;
    tx.spoiled = true;
    io.stats.call(id);
    conn.lastCommandId = id;
    answer(conn, OK);
    return NEXT;
  }
  if (tx.voided && (mustWait(conn) || forgetWatches(io, conn, tx) !== NEXT)) return AGAIN;
  tx.noteWatch(conn.db, args);
  return GO_ON;
}

function multi(io: IoThread, conn: Connection, id: number): number {
  if (mustWait(conn)) return AGAIN;
  const tx = (conn.tx ??= new Transaction());
  if (tx.open) return failWith(io, conn, id, NESTED_MULTI);
  io.stats.call(id);
  tx.reset();
  tx.open = true;
  tx.db = conn.db;
  answer(conn, OK);
  return NEXT;
}

function discard(io: IoThread, conn: Connection, id: number, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  const what = endWatches(io, conn, tx);
  if (what === AGAIN) return AGAIN;
  io.stats.call(id);
  tx.reset();
  answer(conn, OK);
  return what;
}

function unwatch(io: IoThread, conn: Connection, id: number): number {
  if (mustWait(conn)) return AGAIN;
  const what = conn.tx === null ? NEXT : endWatches(io, conn, conn.tx);
  if (what === AGAIN) return AGAIN;
  io.stats.call(id);
  answer(conn, OK);
  return what;
}

/** Ends the watches before a command that is to find none. */
function unwatchFirst(io: IoThread, conn: Connection, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  return endWatches(io, conn, tx) === NEXT ? GO_ON : AGAIN;
}

/**
 * Ends the connection's watches. While a busy script has their shards they only do not count any more. AGAIN: nothing
 * was done. @requires nothing under way
 */
function endWatches(io: IoThread, conn: Connection, tx: Transaction): number {
  tx.spoiled = false;
  if (tx.watches.length === 0) return NEXT;
  if (isBusy(io, unwatchId, buildArgs(tx, false))) {
    tx.voided = true;
    return NEXT;
  }
  return forgetWatches(io, conn, tx);
}

/** Whether a command would wait for a busy script. */
function isBusy(io: IoThread, id: number, args: Args): boolean {
  return io.control.i32[CONTROL.busyScripts] !== 0 && io.executor.waitsForScript(id, args);
}

/** Has the shards forget the connection's watches. AGAIN: nothing was done. @requires nothing under way */
function forgetWatches(io: IoThread, conn: Connection, tx: Transaction): number {
  const args = buildArgs(tx, false);
  unread.reset();
  const wasVoided = tx.voided;
  tx.voided = false;
  if (io.inlineAllowed && io.executor.tryInline(unwatchId, args, unread, conn)) {
    tx.forgetWatches();
    return NEXT;
  }
  const seq = conn.nextSeq;
  const what = sendOwn(io, conn, unwatchId, args, false);
  if (what === AGAIN) {
    tx.voided = wasVoided;
    return AGAIN;
  }
  muteRequest(conn, seq);
  tx.forgetWatches();
  return what;
}

function exec(io: IoThread, conn: Connection, id: number, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  if ((tx.flags & FLAG_DENYOOM) !== 0 && io.executor.refusesMemory()) return refuseWith(io, conn, id, OOM);
  if (tx.failed) return abort(io, conn, id, tx, EXECABORT, true);
  if (tx.spoiled) return failSpoiled(io, conn, id, tx);
  if (tx.voided && forgetWatches(io, conn, tx) !== NEXT) return AGAIN;
  if (io.pauseMode !== 0 && mustPause(io, conn, tx.flags)) return AGAIN;
  if (tx.shapes && tx.commands > tx.locals && !foretell(io, conn, tx)) return AGAIN;
  if (io.monitored) monitorExec(io, conn, tx);
  io.stats.call(id);
  if (tx.commands === 0 && tx.watches.length === 0) {
    tx.reset();
    answer(conn, EMPTY_ARRAY);
    return NEXT;
  }
  if (tx.commands === tx.locals && tx.watches.length === 0) {
    mergeLater(io, conn, tx, new Uint8Array(0));
    return WAIT;
  }
  if (io.inlineAllowed && conn.replyMode === REPLY_MODE.on && runsInline(tx)) {
    const watched = tx.watches.length !== 0;
    if (!watched) runQueue(tx);
    const queue = watched ? buildQueue(tx, conn, io.registry.route) : tx.queued;
    const ran = io.executor.tryInline(watched ? applyId : queueId, queue, conn.out!, conn);
    if (io.blocking.unsent) settleServed(io);
    if (ran) {
      tx.reset();
      if (watched) tx.forgetWatches();
      return NEXT;
    }
    io.executor.bigReply = false;
  }
  const args = buildQueue(tx, conn, io.registry.route);
  if (tx.tracks) io.hub.tracking.expect(conn);
  if (sendOwn(io, conn, tx.all ? applyAllId : applyId, args, tx.all) === AGAIN) {
    io.hub.tracking.expectNoMore(conn);
    io.stats.uncall(id);
    return AGAIN;
  }
  if (tx.locals > 0) {
    const captured = new Reply();
    captured.proto = conn.proto;
    conn.tx = null;
    conn.inExec = true;
    conn.capture = captured;
    conn.captured = () => mergeLater(io, conn, tx, bytesOf(captured.takeAll(), io.executor.arenas));
  } else {
    tx.reset();
    tx.forgetWatches();
  }
  return WAIT;
}

/** EXEC as if a watched key had changed. */
function failSpoiled(io: IoThread, conn: Connection, id: number, tx: Transaction): number {
  const what = endWatches(io, conn, tx);
  if (what === AGAIN) return AGAIN;
  tx.reset();
  io.stats.call(id);
  conn.lastCommandId = id;
  answer(conn, conn.proto === 3 ? NULL : NULL_ARRAY);
  return what;
}

/** Whether a command, or none (-1), is EXEC. */
export function isExec(io: IoThread, id: number): boolean {
  if (applyId === 0) findIds(io.registry);
  return id >= 0 && transactionOf(io.registry.facts[id]!) === TRANSACTION.exec;
}

/** EXEC was refused with `refusal`: gives the transaction up, and the watches where there is none. */
export function abortTransaction(
  io: IoThread,
  conn: Connection,
  id: number,
  tx: Transaction | null,
  refusal: Uint8Array,
): number {
  const text = Buffer.from(refusal.subarray(1)).toString('latin1').replace(/^ERR /, '');
  return abort(io, conn, id, tx, Buffer.from(BECAUSE_OF + text, 'latin1'), false);
}

/** `ran`: it counts as an EXEC that failed, otherwise as one that was refused. */
function abort(
  io: IoThread,
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

/** Runs the local commands of a queue and answers EXEC, as an asynchronous command does. */
function mergeLater(io: IoThread, conn: Connection, tx: Transaction, bytes: Uint8Array): void {
  const reply = io.acquireReply(conn.proto);
  conn.barrier |= BARRIER.promise;
  conn.inExec = true;
  if (conn.tx === tx) conn.tx = null;
  const done = (): void => {
    endExec(io, conn);
    io.promiseSettled(conn, reply);
  };
  mergeLocals(io, conn, tx, bytes, reply).then(done, (error: unknown) => {
    io.failed('command exec', error);
    reply.reset();
    reply.errorText('ERR internal error');
    done();
  });
}

/** A transaction with local commands is over, or its connection is closed. */
function endExec(io: IoThread, conn: Connection): void {
  conn.inExec = false;
  const { tracking } = io.hub;
  if (conn.tracking !== null) tracking.setCaching(conn, conn.tracking, false);
  tracking.expectNoMore(conn);
}

/** RESET. Watches that could not be ended yet are kept for it: a WATCH behind it must not end with them. */
export function resetTransaction(io: IoThread, conn: Connection): void {
  const { tx } = conn;
  if (tx === null || !tx.voided) {
    dropTransaction(io, conn);
    return;
  }
  tx.reset();
  conn.capture = null;
  conn.captured = null;
}

/** A connection is closed, or reset: its watches end, without anybody waiting for it. */
export function dropTransaction(io: IoThread, conn: Connection): void {
  const tx = conn.tx;
  if (conn.inExec) endExec(io, conn);
  conn.tx = null;
  conn.capture?.reset();
  conn.capture = null;
  conn.captured = null;
  if (!tx || tx.watches.length === 0) return;
  sendUnwatch(io, conn.id, tx);
}

function sendUnwatch(io: IoThread, clientId: number, tx: Transaction): void {
  const args = buildArgs(tx, false);
  // A watch belongs to a client and its I/O thread.
  const flags = io.index << CLIENT_IO_SHIFT;
  // To the slot of nobody: the reply finds no connection.
  if (writeRequest(io.requestRings[0]!, io.nobodySlot(), 0, unwatchId, 0, 2, flags, clientId, args, 0)) {
    io.ringWritten(0);
    setImmediate(() => io.publishRequests());
    return;
  }
  setTimeout(() => sendUnwatch(io, clientId, tx), RETRY_MS).unref();
}
