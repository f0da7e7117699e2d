/**
 * WAIT and WAITAOF: how many replicas, and whether the journal, have the connection's writes. There are no replicas and
 * no journal yet. So a client that asks for any waits until its timeout, as in a Redis without them.
 *
 * Invariant: while a connection waits, `conn.endWait` ends it: by the timer, CLIENT UNBLOCK, or the connection's end.
 */

import { integer } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { integerAt } from '../reply/cold-arguments.js';
import { BARRIER, type Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { beginWaiting, endWaiting } from '../waiting/waiting-clients.js';

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** Longest time that a timer takes; a longer wait sets the timer again. */
const TIMER_MS_MAX = 0x7fffffff;

/** A timeout in milliseconds, 0 for none; null after an error has been written. */
function timeoutAt(args: Args, i: number, nowMs: number, reply: Reply): number | null {
  const text = args.latin1(i);
  const value = /^(0|-?[1-9]\d{0,18})$/.test(text) ? BigInt(text) : null;
  if (value === null || value > INT64_MAX || value < INT64_MIN) {
    reply.errorText('ERR timeout is not an integer or out of range');
  } else if (value < 0n) reply.errorText('ERR timeout is negative');
  else if (value > INT64_MAX - BigInt(nowMs)) reply.errorText('ERR timeout is out of range');
  else return Number(value);
  return null;
}

/**
 * Waits for `timeoutMs` (0: without limit), or until `conn.endWait` is called. True if the caller of `endWait` wants an
 * error.
 */
function blockFor(io: IoThread, conn: Connection, timeoutMs: number): Promise<boolean> {
  beginWaiting(io.stats, conn, BARRIER.blocked);
  // One millisecond is added, since the clock shows whole milliseconds: no client is answered before its timeout.
  const deadline = timeoutMs === 0 ? Number.POSITIVE_INFINITY : io.control.nowMs() + timeoutMs + 1;
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | null = null;
    const end = (withError: boolean): void => {
      if (timer !== null) clearTimeout(timer);
      conn.endWait = null;
      endWaiting(io.stats, conn, BARRIER.blocked);
      resolve(withError);
    };
    const start = (): void => {
      const left = deadline - io.control.nowMs();
      if (left <= 0) end(false);
      else if (left !== Number.POSITIVE_INFINITY) timer = setTimeout(start, Math.min(left, TIMER_MS_MAX));
    };
    conn.endWait = end;
    start();
  });
}

const UNBLOCKED = 'UNBLOCKED client unblocked via CLIENT UNBLOCK';

async function wait(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  const replicas = integerAt(args, 1);
  if (replicas === null) {
    reply.error(NOT_INTEGER);
    return;
  }
  const timeoutMs = timeoutAt(args, 2, io.control.nowMs(), reply);
  if (timeoutMs === null) return;
  if (replicas > 0 && !conn.session.neverBlocks && (await blockFor(io, conn, timeoutMs))) reply.errorText(UNBLOCKED);
  else reply.int(0);
}

async function waitAof(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  const local = integerAt(args, 1);
  const replicas = integerAt(args, 2);
  if (local === null) reply.error(NOT_INTEGER);
  else if (local < 0 || local > 1) reply.errorText('ERR value is out of range, value must between 0 and 1');
  else if (replicas === null) reply.error(NOT_INTEGER);
  else if (replicas < 0) reply.errorText('ERR value is out of range, must be positive');
  else {
    const timeoutMs = timeoutAt(args, 3, io.control.nowMs(), reply);
    if (timeoutMs === null) return;
    if (local > 0 && io.control.i32[CONTROL.appendOnly] === 0) {
      reply.errorText('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.');
      return;
    }
    const enough = local === 0 && replicas === 0;
    if (!enough && !conn.session.neverBlocks && (await blockFor(io, conn, timeoutMs))) {
      reply.errorText(UNBLOCKED);
      return;
    }
    reply.array(2);
    reply.int(0);
    reply.int(0);
  }
}

/** WAIT, WAITAOF. */
export const waitCommands: readonly CommandDef[] = [
  defineCommand({
    name: 'wait',
    arity: 3,
    flags: ['blocking'],
    acl: ['@connection'],
    group: 'generic',
    since: '3.0.0',
    complexity: 'O(1)',
    summary: "Waits until so many replicas have the connection's writes.",
    tips: ['request_policy:all_shards', 'response_policy:agg_min'],
    args: [integer('numreplicas'), integer('timeout')],
    route: 'local',
    async: true,
    local: wait,
  }),
  defineCommand({
    name: 'waitaof',
    arity: 4,
    flags: ['blocking'],
    acl: ['@connection'],
    group: 'generic',
    since: '7.2.0',
    complexity: 'O(1)',
    summary: "Waits until the journal, here and of so many replicas, has the connection's writes.",
    tips: ['request_policy:all_shards', 'response_policy:agg_min'],
    args: [integer('numlocal'), integer('numreplicas'), integer('timeout')],
    route: 'local',
    async: true,
    local: waitAof,
  }),
];
