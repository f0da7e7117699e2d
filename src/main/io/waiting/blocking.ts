/**
 * Blocked clients as their I/O thread sees them: their deadlines, and their claims (other threads may answer, too).
 *
 *     request -> ring, claim opened -> BLOCKED record: the shard has queued the request (shard/blocking/)
 *     request run here, its lease being free: queued by this thread, claim opened (request/send-blocking.ts)
 *          -> the reply, when a key is ready   |  the time is up, CLIENT UNBLOCK, the client goes: claim taken here
 *
 * Invariants: (1) while `conn.blocked` is not null the request is the oldest unanswered one and nothing else is under
 * way; (2) this thread answers a blocked client only after it has taken the claim; `blocking|forget` then drops the
 * waiters in the shards.
 */
import { FACT_WAITS_FOR_END } from '../../../shared/command/flags.js';
import type { CommandDef } from '../../../shared/command/spec.js';
import { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CLAIM_SLOTS, isUndecided, openClaim, takeClaim } from '../../../shared/sync/claims.js';
import type { ReplyView } from '../../../shared/sync/records.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { outOf } from '../session/push.js';
import type { IoContext } from '../thread/io-context.js';
import type { BlockedRequest } from './blocked-request.js';
import { sendFromNobody } from './from-nobody.js';
import { beginWaiting, endWaiting } from './waiting-clients.js';

/** A shard thread decides about a request: look again after so long, ms. */
const LOOK_AGAIN_MS = 1;
/** Wait before another try to send into a full ring, ms. */
const RETRY_MS = 10;
/** If a request names more keys than this, duplicates are removed. */
const DISTINCT_KEYS_MIN = 8;
/** Longest time that a timer takes. */
const TIMER_MS_MAX = 0x7fffffff;

/** Whether a connection may block at all. */
export function mayBlock(conn: Connection): boolean {
  return conn.slot < CLAIM_SLOTS;
}

/** A command that may block is about to be sent. @requires nothing of the connection under way */
export function beginBlocking(io: IoContext, conn: Connection, id: number, args: Args): void {
  const def = io.registry.defs[id]!;
  const count = io.placement.findKeys(def, args) - targetsOf(def);
  const keys: Uint8Array[] = [];
  // A key that is named twice is one wait. Nearly all lists of keys are short; for a short list no set is made.
  const known = count > DISTINCT_KEYS_MIN ? new Set<string>() : null;
  for (let k = 0; k < count; k++) {
    const i = io.placement.keys[k]!;
    if (known !== null) {
      const text = args.latin1(i);
      if (known.has(text)) continue;
      known.add(text);
    }
    keys.push(args.copy(i));
  }
  conn.blocked = {
    seq: conn.nextSeq,
    command: id,
    db: conn.session.db,
    keys,
    wantsAbsent: (io.registry.facts[id]! & FACT_WAITS_FOR_END) !== 0,
    waits: false,
    deadlineMs: 0,
    timer: null,
  };
  conn.argvBytes = args.bytes;
  openClaim(io.connections.claims, conn.slot, conn.nextSeq);
}

/** How many keys a command only writes to (BLMOVE): these keys stand last, and the command does not wait for them. */
function targetsOf(def: CommandDef): number {
  let count = 0;
  for (const spec of def.keys ?? []) if (spec.flags.includes('insert')) count++;
  return count;
}

/**
 * `keys`: the keys, each with its database, on which clients of this thread are blocked; `absent`: the keys among them
 * for which a client wants to be told when the key is gone.
 */
export interface WaitedKeys {
  readonly keys: Set<string>;
  readonly absent: Set<string>;
}

function waitedHere(io: IoContext): WaitedKeys {
  const found: WaitedKeys = { keys: new Set(), absent: new Set() };
  for (const { blocked } of io.connections.byId.values()) {
    if (blocked === null || !blocked.waits) continue;
    for (const key of blocked.keys) {
      const text = `${blocked.db} ${Buffer.from(key).toString('latin1')}`;
      found.keys.add(text);
      if (blocked.wantsAbsent) found.absent.add(text);
    }
  }
  return found;
}

/** Makes what this thread's clients wait for visible to the other I/O threads. Once, before it serves. */
export function registerBlockingCalls(io: IoContext): void {
  io.port?.onIoCall('waited-keys', () => waitedHere(io));
}

/** What the clients of all I/O threads wait for; other threads are asked only while some client is blocked. */
export async function waitedKeys(io: IoContext): Promise<WaitedKeys> {
  const all: WaitedKeys = { keys: new Set(), absent: new Set() };
  if (io.port === null || io.control.ioThreads === 1) return waitedHere(io);
  if (io.server === null || io.server.stats.sum(STAT.blockedClients) === 0) return all;
  const answers = (await io.port.ioCall('all', 'waited-keys', null)) as WaitedKeys[];
  for (const { keys, absent } of answers) {
    for (const key of keys) all.keys.add(key);
    for (const key of absent) all.absent.add(key);
  }
  return all;
}

/** The request could not be sent after all, or its reply has come. */
export function endBlocking(io: IoContext, conn: Connection): void {
  const { blocked } = conn;
  if (blocked === null) return;
  if (blocked.timer !== null) clearTimeout(blocked.timer);
  conn.blocked = null;
  conn.argvBytes = 0;
  endWaiting(io.stats, conn, BARRIER.blocked);
}

/** The shard has queued the request: the client waits. */
export function nowWaits(io: IoContext, conn: Connection, view: ReplyView): void {
  const { blocked } = conn;
  if (blocked === null || blocked.seq !== view.seq) return;
  const record = new DataView(view.u8.buffer, view.u8.byteOffset + view.start, view.length);
  waitsUntil(io, conn, record.getFloat64(0, true));
}

/** The connection's request is queued and waits. `deadlineMs`: unix ms, 0: no deadline. @requires beginBlocking */
export function waitsUntil(io: IoContext, conn: Connection, deadlineMs: number): void {
  const blocked = conn.blocked!;
  blocked.waits = true;
  blocked.deadlineMs = deadlineMs;
  if (conn.ended && !conn.closed) io.closeConnection(conn);
  else if (conn.closed) abandon(io, conn);
  if (conn.closed) return;
  beginWaiting(io.stats, conn, BARRIER.blocked);
  if (blocked.deadlineMs > 0) startTimer(io, conn, blocked);
}

function startTimer(io: IoContext, conn: Connection, blocked: BlockedRequest): void {
  // The time is up when the clock is past the deadline: the clock that made the deadline shows whole milliseconds.
  const ms = Math.min(Math.max(blocked.deadlineMs + 1 - io.control.nowMs(), 1), TIMER_MS_MAX);
  blocked.timer = setTimeout(() => {
    if (conn.blocked !== blocked) return;
    if (io.control.nowMs() <= blocked.deadlineMs) startTimer(io, conn, blocked);
    else answerInstead(io, conn, timeOut);
  }, ms);
}

/**
 * The reply when the deadline of a client has passed: a null array, even if the command otherwise returns a string
 * (BLMOVE).
 */
function timeOut(reply: Reply): void {
  reply.nullArray();
}

function unblockedByError(reply: Reply): void {
  reply.errorText('UNBLOCKED client unblocked via CLIENT UNBLOCK');
}

/** Answers a blocked client from this thread; false when another thread has the claim. */
function answerInstead(io: IoContext, conn: Connection, write: (reply: Reply) => void): boolean {
  const { blocked } = conn;
  if (blocked === null || !blocked.waits || conn.closed) return false;
  if (!takeClaim(io.connections.claims, conn.slot, blocked.seq)) {
    if (isUndecided(io.connections.claims, conn.slot, blocked.seq)) {
      setTimeout(() => {
        if (conn.blocked === blocked) answerInstead(io, conn, write);
      }, LOOK_AGAIN_MS);
    }
    return false;
  }
  sendForget(io, conn.slot, conn.session.id, blocked);
  endBlocking(io, conn);
  conn.headSeq = (conn.headSeq + 1) >>> 0;
  conn.barrier &= ~BARRIER.ring;
  if (conn.out === null) outOf(io, conn);
  const out = conn.out!;
  const { errors } = out;
  const mark = out.mark();
  write(out);
  // The shard has not counted it, since it has not been carried out.
  io.stats.call(blocked.command);
  if (out.errors !== errors) {
    io.stats.fail(blocked.command);
    io.stats.error(out.lastError!, 0);
  }
  out.errors = 0;
  // CLIENT REPLY OFF or SKIP stood before it.
  if (conn.order?.isMuted(blocked.seq) === true) {
    out.truncate(mark);
    conn.order.unmute(blocked.seq);
  }
  io.settling.add(conn);
  io.resume(conn);
  return true;
}

/** CLIENT UNBLOCK: whether the client was waiting and is answered. */
export function unblockClient(io: IoContext, clientId: number, withError: boolean): boolean {
  const conn = io.connections.byId.get(clientId);
  if (conn === undefined) return false;
  if (conn.endWait !== null) {
    conn.endWait(withError);
    return true;
  }
  if (conn.blocked === null) return false;
  return answerInstead(io, conn, withError ? unblockedByError : timeOut);
}

/** The client is gone: its request is taken back, unless a thread carries it out already. */
export function abandon(io: IoContext, conn: Connection): void {
  const { blocked } = conn;
  if (blocked === null || !blocked.waits) return;
  if (!takeClaim(io.connections.claims, conn.slot, blocked.seq)) {
    if (isUndecided(io.connections.claims, conn.slot, blocked.seq)) setTimeout(() => abandon(io, conn), LOOK_AGAIN_MS);
    return;
  }
  sendForget(io, conn.slot, conn.session.id, blocked);
  endBlocking(io, conn);
  conn.headSeq = (conn.headSeq + 1) >>> 0;
  io.connections.releaseSlot(conn);
}

/** Has the shards drop the waiters of a request that was answered here. */
function sendForget(io: IoContext, slot: number, clientId: number, blocked: BlockedRequest): void {
  const head = new Int32Array([io.index, slot, blocked.seq, blocked.db]);
  sendWhenRoom(io, 'blocking|forget', 0, clientId, argsOf([new Uint8Array(head.buffer), ...blocked.keys]));
}

/** Has a shard thread serve the waiters of a key: an I/O thread cannot wait for the leases that this needs. */
export function sendServe(io: IoContext, db: number, key: Uint8Array): void {
  sendWhenRoom(io, 'blocking|serve', db, 0, argsOf([key]));
}

/** The arguments of a request, behind an unused first argument (the command's name). */
function argsOf(words: readonly Uint8Array[]): Args {
  const bytes = Uint8Array.from(Buffer.concat(words));
  const args = new Args(1 + words.length);
  args.setBuffer(bytes, new DataView(bytes.buffer));
  args.argc = 1 + words.length;
  args.off[0] = 0;
  args.len[0] = 0;
  let at = 0;
  words.forEach((word, i) => {
    args.off[1 + i] = at;
    args.len[1 + i] = word.length;
    at += word.length;
  });
  return args;
}

function sendWhenRoom(io: IoContext, name: string, db: number, clientId: number, args: Args): void {
  if (sendFromNobody(io, io.registry.idOf(name), db, clientId, 0, args)) return;
  setTimeout(() => sendWhenRoom(io, name, db, clientId, args), RETRY_MS).unref();
}
