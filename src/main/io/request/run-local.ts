/** Local commands: those that concern the connection or the server and are run by the I/O thread itself. */
import { monotonicMs } from '../../../shared/clock.js';
import { FLAG_ADMIN, FLAG_ASYNC, FLAG_NOSCRIPT, FLAG_PUBSUB } from '../../../shared/command/flags.js';
import { INTERNAL } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { slowArguments } from '../../../shared/stats/slow-log.js';
import { WATCH } from '../../../shared/stats/slow-watch.js';
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { mustWait } from './in-turn.js';
import { AGAIN, NEXT, WAIT } from './verdict.js';

/** Runs a local command, once nothing of this connection is under way. `flags`: of the command. */
export function runLocal(io: IoContext, conn: Connection, id: number, flags: number, args: Args): number {
  if (mustWait(conn)) return AGAIN;
  const stats = io.stats;
  stats.call(id);
  const local = io.registry.defs[id]!.local!;
  if ((flags & FLAG_PUBSUB) !== 0) {
    // Messages of earlier commands come first. No lease may be held while many clients are told.
    io.executor.endBatch();
    if (io.hub.outbox.pending) io.hub.flush();
  }
  if ((flags & FLAG_ASYNC) !== 0) return runAsync(io, conn, id, args);
  const reply = conn.out!;
  const mark = reply.mark();
  const modeBefore = conn.replyMode;
  reply.errors = 0;
  const started = monotonicMs();
  try {
    local(io, conn, args, reply);
  } catch (error) {
    reply.truncate(mark);
    reply.error(INTERNAL);
    io.failed(`command ${io.registry.defs[id]!.name}`, error);
  }
  const usec = (monotonicMs() - started) * 1000;
  stats.time(id, usec);
  if (usec >= io.slow.usec) io.slow.note(id, args, usec, 0, conn.addr, conn.session.name);
  conn.runningBytes = 0;
  if (reply.errors !== 0) countFailure(io, id, reply);
  const answersLater = (conn.barrier & BARRIER.promise) !== 0;
  if ((modeBefore !== REPLY_MODE.on || conn.replyMode !== REPLY_MODE.on) && !answersLater) {
    if (!answersByPush(flags)) muteLocal(conn, reply, mark, modeBefore);
    else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  }
  if (conn.closed) return WAIT;
  reply.proto = conn.session.proto;
  return conn.closeAfterReply || conn.barrier !== 0 ? WAIT : NEXT;
}

/** The answers to SUBSCRIBE and its kin are pushes: CLIENT REPLY does not concern them. */
function answersByPush(flags: number): boolean {
  return (flags & (FLAG_PUBSUB | FLAG_NOSCRIPT)) === (FLAG_PUBSUB | FLAG_NOSCRIPT);
}

/**
 * CLIENT REPLY: the reply of a local command is dropped if replies were off, or the next reply was to be skipped,
 * before the command ran.
 */
function muteLocal(conn: Connection, reply: Reply, mark: number, modeBefore: number): void {
  if (conn.replyMode === REPLY_MODE.skipAsked) {
    conn.replyMode = REPLY_MODE.skipNext;
    return;
  }
  const skipThis = modeBefore === REPLY_MODE.skipNext && conn.replyMode === REPLY_MODE.skipNext;
  if (conn.replyMode === REPLY_MODE.off || skipThis) reply.truncate(mark);
  if (skipThis) conn.replyMode = REPLY_MODE.on;
}

function runAsync(io: IoContext, conn: Connection, id: number, args: Args): number {
  const reply = io.acquireReply(conn.session.proto);
  conn.barrier |= BARRIER.promise;
  const started = monotonicMs();
  conn.argvBytes = args.bytes;
  // The arguments are gone when the command has ended. CONFIG SET may note itself in the slow log.
  const isNoted = io.slow.mode === WATCH.everything || (io.registry.flags[id]! & FLAG_ADMIN) !== 0;
  const kept = isNoted ? slowArguments(args) : null;
  const done = (error: unknown): void => {
    conn.runningBytes = 0;
    conn.argvBytes = 0;
    if (error !== null) {
      reply.reset();
      reply.error(INTERNAL);
      io.failed(`command ${io.registry.defs[id]!.name}`, error);
    }
    const usec = (monotonicMs() - started) * 1000;
    io.stats.time(id, usec);
    io.slow.refresh();
    if (usec >= io.slow.usec) io.slow.noteArguments(id, kept, null, usec, 0, conn.addr, conn.session.name);
    if (reply.errors !== 0) countFailure(io, id, reply);
    io.promiseSettled(conn, reply);
  };
  try {
    const promise = io.registry.defs[id]!.local!(io, conn, args, reply) as Promise<void> | undefined;
    Promise.resolve(promise).then(
      () => done(null),
      (error: unknown) => done(error ?? new Error('rejected')),
    );
  } catch (error) {
    Promise.resolve().then(() => done(error ?? new Error('thrown')));
  }
  return WAIT;
}

/** Command `id` has answered with an error: counts it. */
export function countFailure(io: IoContext, id: number, reply: Reply): void {
  io.stats.fail(id);
  io.stats.error(reply.lastError!, 0);
  reply.errors = 0;
}
