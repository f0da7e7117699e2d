/**
 * From parsed arguments to whoever runs them: looks the command up, refuses what must be refused, and runs it here or
 * sends it over a ring.
 *
 *     local               its handler, here, once nothing of this connection is under way
 *     key, inline, small   here under the shard's lease if nothing is under way and the lease is free; else the ring
 *     key                 ring of the lowest shard concerned; over several shards it runs alone on its connection
 *     all, job            ring of shard 0 (or of the key's shard), alone on its connection
 *
 * Invariants: (1) a command that must wait is not begun: AGAIN makes the caller go back to its first byte; (2) after
 * WAIT nothing more of this connection is parsed until its barrier falls.
 */
import { monotonicMs } from '../../../shared/clock.js';
import {
  FLAG_ADMIN,
  FLAG_ALLOW_BUSY,
  FLAG_ASYNC,
  FLAG_BLOCKING,
  FLAG_CONTAINER,
  FLAG_INLINE,
  FLAG_MAY_REPLICATE,
  FLAG_NO_AUTH,
  FLAG_NOSCRIPT,
  FLAG_PUBSUB,
  FLAG_TRANSACTION,
  FLAG_WRITE,
} from '../../../shared/command/flags.js';
import { extractKeys, KEYS_NONE, KEYS_ONE, KEYS_RANGE } from '../../../shared/command/key-positions.js';
import { type Registry, ROUTE_ALL, ROUTE_JOB, ROUTE_KEY, ROUTE_LOCAL } from '../../../shared/command/registry.js';
import { INTERNAL, NOAUTH } from '../../../shared/errors/replies.js';
import { shardOfSlot, slotOf } from '../../../shared/hash.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { slowArguments } from '../../../shared/stats/slow-log.js';
import { WATCH } from '../../../shared/stats/slow-watch.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { PAUSE } from '../../../shared/sync/pause.js';
import { ONE_SHARD, writeRequest, writeRequestGiven } from '../../../shared/sync/records.js';
import { busyReply } from '../reply/busy-reply.js';
import { settleServed } from '../reply/reply-intake.js';
import { ReplyOrder } from '../reply/reply-order.js';
import { BARRIER, type Connection, IN_FLIGHT_MAX_LARGE, REPLY_MODE } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { abortTransaction, GO_ON, inTransaction, isExec } from '../transaction/transaction-commands.js';
import { beginBlocking, endBlocking, mayBlock, waitsUntil } from '../waiting/blocking.js';
import { PAUSE_CONGESTED, pausedFlags } from '../waiting/pause-watch.js';
import { beforeCommand } from './modes.js';
import { unknownCommandText, unknownSubcommandText } from './unknown-command.js';

/** Done or under way: parse the next command. */
export const NEXT = 0;
/** Begun; nothing more is parsed for now (barrier set, or the connection closes). */
export const WAIT = 1;
/** Not begun: come back to this command when the barrier falls. */
export const AGAIN = 2;

/** Commands with more bytes than this are not run by the I/O thread: it would keep its other clients waiting. */
const INLINE_COMMAND_BYTES_MAX = 64 * 1024;

const INLINE_OR_BLOCKING = FLAG_INLINE | FLAG_BLOCKING;

/**
 * What `placeKeys` found: the shard whose thread carries out the command, and whether more than one is concerned. Of
 * several it is one that is at work already, which may be for as long as a script takes: the command must wait for it
 * anyway, and so it does that where nobody else is kept waiting behind it. Otherwise the lowest.
 */
let workingShard = 0;
let manyShards = false;

/** Runs or sends one command of `commandBytes` bytes. @requires no barrier; `conn.out` not null */
// hot: every command passes here
export function dispatch(io: IoThread, conn: Connection, args: Args, commandBytes: number): number {
  const registry = io.registry;
  let id = args.commandId;
  if (id < 0) id = registry.lookup(args.u8, args.off[0]!, args.len[0]!);
  conn.lastCommandId = id;
  if (id < 0) return refuse(io, conn, args, -1);
  let flags = registry.flags[id]!;
  if ((flags & FLAG_CONTAINER) !== 0 && args.argc > 1) {
    const sub = registry.lookupSub(id, args);
    conn.lastCommandId = sub;
    if (sub < 0) return refuse(io, conn, args, id);
    id = sub;
    flags = registry.flags[id]!;
  }
  const arity = registry.arity[id]!;
  if (arity >= 0 ? args.argc !== arity : args.argc < -arity) return refuseArity(io, conn, id);
  if (!conn.authenticated && (flags & FLAG_NO_AUTH) === 0) return refuseWith(io, conn, id, NOAUTH);
  if (conn.modes !== 0) {
    const refusal = beforeCommand(io, conn, id, flags, args);
    if (refusal !== null) return refuseWith(io, conn, id, refusal);
  }
  if (
    io.control.i32[CONTROL.busyScripts] !== 0 &&
    (flags & FLAG_ALLOW_BUSY) === 0 &&
    io.executor.waitsForScript(id, args)
  ) {
    return refuseWith(io, conn, id, busyReply(io.control));
  }
  // As in Redis, a command that would only be queued waits as well.
  if (io.pauseMode !== 0 && mustPause(io, conn, pausedFlags(io, id, flags, args))) return AGAIN;
  const tx = conn.tx;
  if ((flags & FLAG_TRANSACTION) !== 0 || (tx !== null && (tx.open || tx.watches.length !== 0))) {
    const what = inTransaction(io, conn, id, flags, args);
    if (what !== GO_ON) return what;
  }
  const route = registry.route[id]!;
  if (route === ROUTE_KEY) {
    if ((flags & INLINE_OR_BLOCKING) === FLAG_INLINE && io.inlineAllowed && conn.headSeq === conn.nextSeq) {
      if (conn.replyMode === REPLY_MODE.on && commandBytes <= INLINE_COMMAND_BYTES_MAX) {
        const ran = io.executor.tryInline(id, args, conn.out!, conn);
        if (io.blocking.unsent) settleServed(io);
        if (ran) {
          return NEXT;
        }
        if (io.executor.bigReply) {
          // More of the kind may follow in the pipeline: not all of their replies at once.
          io.executor.bigReply = false;
          conn.inFlightMax = IN_FLIGHT_MAX_LARGE;
        }
      }
    }
    return sendKeyed(io, conn, id, args, commandBytes);
  }
  if (route === ROUTE_LOCAL) {
    conn.runningBytes = commandBytes;
    return runLocal(io, conn, id, flags, args);
  }
  return sendAlone(io, conn, id, args, commandBytes, route);
}

// ---- over the rings

function sendKeyed(io: IoThread, conn: Connection, id: number, args: Args, commandBytes: number): number {
  if ((io.registry.flags[id]! & FLAG_BLOCKING) !== 0) return sendBlocking(io, conn, id, args, commandBytes);
  placeKeys(io, id, args);
  if (manyShards) return sendAlone(io, conn, id, args, commandBytes, ROUTE_KEY);
  if (conn.pending >= conn.inFlightMax) {
    conn.barrier |= BARRIER.inFlight;
    return AGAIN;
  }
  return send(io, conn, id, args, commandBytes, workingShard) ? NEXT : AGAIN;
}

/** Sends a command that must be alone on its connection: after all before it, before all behind it. */
function sendAlone(
  io: IoThread,
  conn: Connection,
  id: number,
  args: Args,
  commandBytes: number,
  route: number,
): number {
  if (conn.headSeq !== conn.nextSeq) {
    conn.barrier |= BARRIER.order;
    return AGAIN;
  }
  if (route === ROUTE_JOB) placeKeys(io, id, args);
  else if (route === ROUTE_ALL) manyShards = true;
  const shard = route === ROUTE_ALL ? 0 : workingShard;
  if (!send(io, conn, id, args, commandBytes, shard)) return AGAIN;
  conn.barrier |= BARRIER.ring;
  return WAIT;
}

/** Sends a command that may wait for its keys. */
function sendBlocking(io: IoThread, conn: Connection, id: number, args: Args, commandBytes: number): number {
  if (conn.headSeq !== conn.nextSeq) {
    conn.barrier |= BARRIER.order;
    return AGAIN;
  }
  if (!mayBlock(conn)) return refuseWith(io, conn, id, TOO_MANY_TO_BLOCK);
  if ((io.registry.flags[id]! & FLAG_INLINE) !== 0 && io.inlineAllowed && conn.replyMode === REPLY_MODE.on) {
    const what = blockHere(io, conn, id, args);
    if (what !== AGAIN) return what;
  }
  beginBlocking(io, conn, id, args);
  placeKeys(io, id, args);
  const what = sendAlone(io, conn, id, args, commandBytes, ROUTE_KEY);
  if (what === AGAIN) endBlocking(io, conn);
  return what;
}

/** Runs a command that may wait here, if the leases that it needs are free. AGAIN: nothing was done. */
function blockHere(io: IoThread, conn: Connection, id: number, args: Args): number {
  const { blocking } = io;
  const { ticket } = blocking;
  const seq = conn.nextSeq;
  ticket.io = io.index;
  ticket.slot = conn.slot;
  ticket.seq = seq;
  blocking.blocked = false;
  const ran = io.executor.tryInline(id, args, conn.out!, conn);
  ticket.io = -1;
  if (blocking.unsent) settleServed(io);
  if (!ran) {
    io.executor.bigReply = false;
    return AGAIN;
  }
  if (!blocking.blocked) return NEXT;
  blocking.blocked = false;
  // The lease is held still: nobody has seen the waiter before its claim is there.
  beginBlocking(io, conn, id, args);
  conn.nextSeq = (seq + 1) >>> 0;
  if (conn.order !== null) conn.order.reserve(conn.headSeq, seq, conn.pending);
  conn.barrier |= BARRIER.ring;
  waitsUntil(io, conn, blocking.deadlineMs);
  return WAIT;
}

const TOO_MANY_TO_BLOCK = Uint8Array.from(Buffer.from('-ERR too many clients to block\r\n'));

/** Finds the shards of a command's keys. Without keys: the lowest is 0, and all may be concerned. */
function placeKeys(io: IoThread, id: number, args: Args): void {
  const registry = io.registry;
  const shards = io.shards;
  const kind = registry.keyKind[id]!;
  workingShard = 0;
  manyShards = false;
  if (shards === 1) return;
  const { u8, off, len } = args;
  if (kind === KEYS_ONE) {
    const k = registry.firstKey[id]!;
    workingShard = shardOfSlot(slotOf(u8, off[k]!, len[k]!), shards);
    return;
  }
  if (kind === KEYS_NONE) {
    manyShards = true;
    return;
  }
  let lowest = shards;
  let previous = -1;
  let atWork = -1;
  const isRange = kind === KEYS_RANGE;
  if (!isRange && registry.defs[id]!.everyShard?.(args) === true) {
    manyShards = true;
    return;
  }
  const count = isRange ? rangeOf(registry, id, args) : io.keysOf(registry.defs[id]!, args);
  const first = registry.firstKey[id]!;
  const step = registry.keyStep[id]!;
  for (let i = 0; i < count; i++) {
    const k = isRange ? first + i * step : io.keyIndexes[i]!;
    const shard = shardOfSlot(slotOf(u8, off[k]!, len[k]!), shards);
    if (shard === previous) continue;
    if (previous >= 0) manyShards = true;
    previous = shard;
    if (shard < lowest) lowest = shard;
    if (atWork < 0 && io.executor.isAtWork(shard)) atWork = shard;
  }
  if (manyShards && atWork >= 0) workingShard = atWork;
  else workingShard = lowest === shards ? 0 : lowest;
}

/** How many keys a command with a regular row of them has. */
function rangeOf(registry: Registry, id: number, args: Args): number {
  const lastKey = registry.lastKey[id]!;
  const last = Math.min(lastKey < 0 ? args.argc + lastKey : lastKey, args.argc - 1);
  return Math.floor((last - registry.firstKey[id]!) / registry.keyStep[id]!) + 1;
}

/**
 * Sends a request that a connection makes on its own account, alone on it: EXEC, UNWATCH. `all`: it needs the leases
 * of all shards. NEXT is never returned: the reply is waited for. @requires nothing of the connection under way
 */
export function sendOwn(io: IoThread, conn: Connection, id: number, args: Args, all: boolean): number {
  if (all) {
    workingShard = 0;
    manyShards = true;
  } else placeKeys(io, id, args);
  if (!send(io, conn, id, args, 0, workingShard)) return AGAIN;
  conn.barrier |= BARRIER.ring;
  return WAIT;
}

/** Writes the request into the shard's ring; false when there is no room (the connection then waits for it). */
function send(io: IoThread, conn: Connection, id: number, args: Args, commandBytes: number, shard: number): boolean {
  const ring = io.requestRings[shard]!;
  const given = commandBytes > ring.recordBytesMax && conn.input.canGiveAway && args === conn.input.args;
  const write = given ? writeRequestGiven : writeRequest;
  const seq = conn.nextSeq;
  if (!write(ring, conn.slot, seq, id, conn.db, conn.proto, conn.flags, conn.id, args, manyShards ? 0 : ONE_SHARD)) {
    conn.barrier |= BARRIER.ringFull;
    io.ringFull.push(conn);
    io.stats.f64[STAT.ringFull]! += 1;
    return false;
  }
  conn.nextSeq = (seq + 1) >>> 0;
  if (conn.order !== null) conn.order.reserve(conn.headSeq, seq, conn.pending);
  if (conn.replyMode !== REPLY_MODE.on) muteRequest(conn, seq);
  if (given) conn.input.gaveAway();
  io.ringWritten(shard);
  return true;
}

/** The reply to request `seq` is thrown away when it comes. */
export function muteRequest(conn: Connection, seq: number): void {
  if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  if (conn.order === null) {
    conn.order = new ReplyOrder();
    conn.order.reserve(conn.headSeq, seq, conn.pending);
  }
  conn.order.mute(seq);
}

// ---- here

function runLocal(io: IoThread, conn: Connection, id: number, flags: number, args: Args): number {
  if (conn.headSeq !== conn.nextSeq) {
    conn.barrier |= BARRIER.order;
    return AGAIN;
  }
  const stats = io.stats;
  stats.call(id);
  const local = io.registry.defs[id]!.local!;
  if ((flags & FLAG_PUBSUB) !== 0) {
    // Messages of earlier commands come first, and nobody waits for a lease while many clients are told.
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
  if (usec >= io.slow.usec) io.slow.note(id, args, usec, 0, conn.addr, conn.name);
  conn.runningBytes = 0;
  if (reply.errors !== 0) countFailure(io, id, reply);
  const answersLater = (conn.barrier & BARRIER.promise) !== 0;
  if ((modeBefore !== REPLY_MODE.on || conn.replyMode !== REPLY_MODE.on) && !answersLater) {
    if (!answersByPush(flags)) muteLocal(conn, reply, mark, modeBefore);
    else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  }
  if (conn.closed) return WAIT;
  reply.proto = conn.proto;
  return conn.closeAfterReply || conn.barrier !== 0 ? WAIT : NEXT;
}

/** The answers to SUBSCRIBE and its kin are pushes: CLIENT REPLY does not concern them. */
function answersByPush(flags: number): boolean {
  return (flags & (FLAG_PUBSUB | FLAG_NOSCRIPT)) === (FLAG_PUBSUB | FLAG_NOSCRIPT);
}

/** CLIENT REPLY: what a local command wrote is thrown away when replies are off, or were to be skipped before it. */
function muteLocal(conn: Connection, reply: Reply, mark: number, modeBefore: number): void {
  if (conn.replyMode === REPLY_MODE.skipAsked) {
    conn.replyMode = REPLY_MODE.skipNext;
    return;
  }
  const skipThis = modeBefore === REPLY_MODE.skipNext && conn.replyMode === REPLY_MODE.skipNext;
  if (conn.replyMode === REPLY_MODE.off || skipThis) reply.truncate(mark);
  if (skipThis) conn.replyMode = REPLY_MODE.on;
}

function runAsync(io: IoThread, conn: Connection, id: number, args: Args): number {
  const reply = io.acquireReply(conn.proto);
  conn.barrier |= BARRIER.promise;
  const started = monotonicMs();
  conn.argvBytes = args.bytes;
  // The arguments are gone when it has ended. CONFIG SET may have it noted itself.
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
    if (usec >= io.slow.usec) io.slow.noteArguments(id, kept, null, usec, 0, conn.addr, conn.name);
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
export function countFailure(io: IoThread, id: number, reply: Reply): void {
  io.stats.fail(id);
  io.stats.error(reply.lastError!, 0);
  reply.errors = 0;
}

// ---- refusals: a reply from here, in its turn

function refuse(io: IoThread, conn: Connection, args: Args, container: number): number {
  if (container < 0 && (args.is(0, 'post') || args.is(0, 'host:'))) {
    io.log('warning', 'Possible SECURITY ATTACK detected: a client sent an HTTP request; connection aborted.');
    io.closeConnection(conn);
    return WAIT;
  }
  const text = container < 0 ? unknownCommandText(args) : unknownSubcommandText(args);
  return refuseWith(io, conn, container, Uint8Array.from(Buffer.from(`-ERR ${text}\r\n`, 'latin1')));
}

function refuseArity(io: IoThread, conn: Connection, id: number): number {
  const name = io.registry.defs[id]!.name;
  return refuseWith(io, conn, id, Buffer.from(`-ERR wrong number of arguments for '${name}' command\r\n`));
}

/** Answers with an error in its turn; inside MULTI, EXEC will refuse then, and a refused EXEC ends the transaction. */
export function refuseWith(io: IoThread, conn: Connection, id: number, line: Uint8Array): number {
  if (conn.headSeq !== conn.nextSeq) {
    conn.barrier |= BARRIER.order;
    return AGAIN;
  }
  if (isExec(io, id)) return abortTransaction(io, conn, id, conn.tx, line);
  io.refused = true;
  if (id >= 0) io.stats.reject(id);
  if (conn.tx !== null && conn.tx.open) conn.tx.failed = true;
  io.stats.error(line, 0);
  if (conn.replyMode === REPLY_MODE.on) conn.out!.error(new Uint8Array(line));
  else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  conn.out!.errors = 0;
  return NEXT;
}

/** CLIENT PAUSE: whether this command waits until the pause is over. */
export function mustPause(io: IoThread, conn: Connection, flags: number): boolean {
  if ((io.pauseMode & PAUSE_CONGESTED) !== 0 && (flags & (FLAG_WRITE | FLAG_PUBSUB)) !== 0) {
    conn.barrier |= BARRIER.ringFull;
    io.ringFull.push(conn);
    return true;
  }
  const mode = io.pauseMode & ~PAUSE_CONGESTED;
  if (mode !== PAUSE.all && (flags & (FLAG_WRITE | FLAG_MAY_REPLICATE)) === 0) return false;
  if (mode === PAUSE.none || !io.pause.isActive()) return false;
  io.pause.wait(conn);
  return true;
}

/** For IoThread.keysOf. */
export { extractKeys };
