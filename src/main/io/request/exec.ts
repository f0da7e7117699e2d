/**
 * EXEC: runs the queue here if it is small and the leases are free, or sends it; then the local commands of the queue.
 *
 * Invariants: (1) what is written into `conn.out` here is written in its turn; (2) a queue that was sent is forgotten:
 * whatever happens to the queue, the connection is out of MULTI.
 */
import { runQueue } from '../../../shard/commands/transactions/transactions.js';
import { FLAG_DENYOOM } from '../../../shared/command/flags.js';
import { EXECABORT, OOM } from '../../../shared/errors/replies.js';
import { Reply } from '../../../shared/resp/reply.js';
import { copyOfChunks } from '../net/out-queue.js';
import { settleServed } from '../reply/reply-intake.js';
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { foretell } from '../transaction/queued-state.js';
import { buildQueue, runsInline, type Transaction } from '../transaction/transaction.js';
import { mustPause } from '../waiting/pause-watch.js';
import { abort, endExec, endWatches, forgetWatches } from './end-transaction.js';
import { answer, mustWait } from './in-turn.js';
import { mergeLocals } from './merge-locals.js';
import { monitorExec } from './modes.js';
import { refuseWith } from './refuse.js';
import { sendOwn } from './send.js';
import { transactionTable } from './transaction-kinds.js';
import { AGAIN, NEXT, WAIT } from './verdict.js';

const EMPTY_ARRAY = Uint8Array.from(Buffer.from('*0\r\n'));
const NULL_ARRAY = Uint8Array.from(Buffer.from('*-1\r\n'));
const NULL = Uint8Array.from(Buffer.from('_\r\n'));

/** EXEC of an open transaction. */
export function exec(io: IoContext, conn: Connection, id: number, tx: Transaction): number {
  if (mustWait(conn)) return AGAIN;
  if ((tx.flags & FLAG_DENYOOM) !== 0 && io.executor.refusesMemory()) return refuseWith(io, conn, id, OOM);
  if (tx.failed) return abort(io, conn, id, tx, EXECABORT, true);
  if (tx.spoiled) return failSpoiled(io, conn, id, tx);
  if (tx.voided && forgetWatches(io, conn, tx) !== NEXT) return AGAIN;
  if (io.turn.pauseMode !== 0 && mustPause(io, conn, tx.flags)) return AGAIN;
  if (tx.shapes && tx.commands > tx.locals && !foretell(io, conn, tx)) return AGAIN;
  if (io.turn.monitored) monitorExec(io, conn, tx);
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
  const table = transactionTable(io.registry);
  if (io.inlineAllowed && conn.replyMode === REPLY_MODE.on && runsInline(tx)) {
    const watched = tx.watches.length !== 0;
    if (!watched) runQueue(tx);
    const queue = watched ? buildQueue(tx, conn.session, io.registry.route) : tx.queued;
    const queueId = watched ? table.apply : table.queue;
    io.placement.place(queueId, queue);
    const ran = io.executor.tryInline(queueId, queue, conn.out!, conn.session, io.placement);
    if (io.blocking.unsent) settleServed(io);
    if (ran) {
      tx.reset();
      if (watched) tx.forgetWatches();
      return NEXT;
    }
    io.executor.bigReply = false;
  }
  const args = buildQueue(tx, conn.session, io.registry.route);
  if (tx.tracks) io.hub.tracking.expect(conn);
  const applyId = tx.all ? table.applyAll : table.apply;
  if (tx.all) io.placement.placeAll();
  else io.placement.place(applyId, args);
  if (sendOwn(io, conn, applyId, args) === AGAIN) {
    io.hub.tracking.expectNoMore(conn);
    io.stats.uncall(id);
    return AGAIN;
  }
  if (tx.locals > 0) {
    const captured = new Reply();
    captured.proto = conn.session.proto;
    conn.session.tx = null;
    conn.inExec = true;
    conn.capture = captured;
    conn.captured = () => mergeLater(io, conn, tx, copyOfChunks(captured.takeAll(), io.executor.arenas));
  } else {
    tx.reset();
    tx.forgetWatches();
  }
  return WAIT;
}

/** EXEC as if a watched key had changed. */
function failSpoiled(io: IoContext, conn: Connection, id: number, tx: Transaction): number {
  const what = endWatches(io, conn, tx);
  if (what === AGAIN) return AGAIN;
  tx.reset();
  io.stats.call(id);
  conn.session.lastCommandId = id;
  answer(conn, conn.session.proto === 3 ? NULL : NULL_ARRAY);
  return what;
}

/** Runs the local commands of a queue and answers EXEC, as an asynchronous command does. */
function mergeLater(io: IoContext, conn: Connection, tx: Transaction, bytes: Uint8Array): void {
  const reply = io.acquireReply(conn.session.proto);
  conn.barrier |= BARRIER.promise;
  conn.inExec = true;
  if (conn.session.tx === tx) conn.session.tx = null;
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
