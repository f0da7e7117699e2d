/**
 * Times to live: EXPIRE and its kin, TTL and its kin, PERSIST. Inside, an expiry is a unix time in milliseconds; it is
 * kept as a double, so beyond 2^53 ms (the year 287396) it is rounded.
 */
import { integer, key, keyRO, keyRW, oneOf, token, unixTime } from '../../../shared/command/shorthand.js';
import { type ArgSpec, type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import {
  EXPIRE_GT_LT,
  EXPIRE_NX_EXCLUSIVE,
  INVALID_EXPIRE_EXPIRE,
  INVALID_EXPIRE_EXPIREAT,
  INVALID_EXPIRE_PEXPIRE,
  INVALID_EXPIRE_PEXPIREAT,
  NOT_INTEGER,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { entryExpireAtMs } from '../../entry/entry.js';
import { bigInteger, smallInteger } from '../arguments/integer.js';
import { lookupQuiet } from './keys.js';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

const SECOND_MS = 1000;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The condition bits from argument 3 on; -1 when an error has been written. */
function conditions(args: Args, reply: Reply): number {
  let bits = 0;
  for (let i = 3; i < args.argc; i++) {
    if (args.is(i, 'nx')) bits |= NX;
    else if (args.is(i, 'xx')) bits |= XX;
    else if (args.is(i, 'gt')) bits |= GT;
    else if (args.is(i, 'lt')) bits |= LT;
    else {
      // Redis prints it as a C string: up to the first NUL.
      reply.errorLatin1(`ERR Unsupported option ${args.latin1(i).split('\0')[0]}`);
      return -1;
    }
  }
  if ((bits & NX) !== 0 && (bits & (XX | GT | LT)) !== 0) {
    reply.error(EXPIRE_NX_EXCLUSIVE);
    return -1;
  }
  if ((bits & (GT | LT)) === (GT | LT)) {
    reply.error(EXPIRE_GT_LT);
    return -1;
  }
  return bits;
}

/**
 * The absolute time that argument 2 means: `baseMs` plus that many units of `unitMs`. NaN when it is no integer,
 * Infinity when the time does not fit into 64 bits of milliseconds.
 */
function timeArg(args: Args, unitMs: number, baseMs: number): number {
  const small = smallInteger(args, 2);
  if (!Number.isNaN(small)) return small * unitMs + baseMs;
  const big = bigInteger(args, 2);
  if (big === null) return Number.NaN;
  const ms = big * BigInt(unitMs);
  if (ms > INT64_MAX - BigInt(Math.ceil(baseMs)) || ms < INT64_MIN) return Number.POSITIVE_INFINITY;
  return Number(ms) + baseMs;
}

/** Whether the conditions let a key with expiry `presentMs` (-1: none) get `atMs`. */
function allowed(bits: number, presentMs: number, atMs: number): boolean {
  if ((bits & NX) !== 0 && presentMs !== -1) return false;
  if ((bits & XX) !== 0 && presentMs === -1) return false;
  // A key without an expiry never expires: no time is later than that, and every time is earlier.
  if ((bits & GT) !== 0 && (presentMs === -1 || atMs <= presentMs)) return false;
  return (bits & LT) === 0 || presentMs === -1 || atMs < presentMs;
}

function expireGeneric(
  ctx: ExecContext,
  args: Args,
  reply: Reply,
  unitMs: number,
  baseMs: number,
  invalid: Uint8Array,
): void {
  const bits = conditions(args, reply);
  if (bits < 0) return;
  const atMs = timeArg(args, unitMs, baseMs);
  if (Number.isNaN(atMs)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (atMs === Number.POSITIVE_INFINITY) {
    reply.error(invalid);
    return;
  }
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL || (bits !== 0 && !allowed(bits, entryExpireAtMs(ctx.arena, e), atMs))) {
    reply.int(0);
    return;
  }
  ctx.dirty++;
  if (atMs <= ctx.overMs) expireNow(ctx, args, e);
  else {
    ctx.keyspace.setExpire(e, atMs);
    if (ctx.effectsOn) effectAt(ctx, args, atMs);
    ctx.notify(EVENT_CLASS.GENERIC, 'expire', args, 1);
  }
  reply.int(1);
}

/** The time is over already: the key goes at once. */
function expireNow(ctx: ExecContext, args: Args, e: Ptr): void {
  ctx.keyspace.remove(e);
  if (ctx.effectsOn) {
    ctx.beginEffect(2);
    ctx.effects.text(ctx.control.i32[CONTROL.lazyExpire] !== 0 ? 'UNLINK' : 'DEL');
    ctx.effects.arg(args, 1);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.GENERIC, 'del', args, 1);
}

/** PEXPIREAT with the time as it is, and the conditions as they came. */
function effectAt(ctx: ExecContext, args: Args, atMs: number): void {
  ctx.beginEffect(args.argc);
  ctx.effects.text('PEXPIREAT');
  ctx.effects.arg(args, 1);
  ctx.effects.integer(atMs);
  for (let i = 3; i < args.argc; i++) ctx.effects.arg(args, i);
  ctx.endEffect();
}

function expire(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, SECOND_MS, ctx.nowMs, INVALID_EXPIRE_EXPIRE);
}

function pexpire(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 1, ctx.nowMs, INVALID_EXPIRE_PEXPIRE);
}

function expireat(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, SECOND_MS, 0, INVALID_EXPIRE_EXPIREAT);
}

function pexpireat(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 1, 0, INVALID_EXPIRE_PEXPIREAT);
}

/** -2 without the key, -1 without an expiry, else `atMs - baseMs`, not below 0, in ms or in seconds, rounded. */
function ttlGeneric(ctx: ExecContext, args: Args, reply: Reply, baseMs: number, inMs: boolean): void {
  const e = lookupQuiet(ctx, args, 1);
  if (e === NULL) {
    reply.int(-2);
    return;
  }
  const atMs = entryExpireAtMs(ctx.arena, e);
  if (atMs === -1) {
    reply.int(-1);
    return;
  }
  const ms = Math.max(0, atMs - baseMs);
  reply.int(inMs ? ms : Math.floor((ms + 500) / SECOND_MS));
}

function ttl(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, ctx.nowMs, false);
}

function pttl(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, ctx.nowMs, true);
}

function expiretime(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, 0, false);
}

function pexpiretime(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, 0, true);
}

function persist(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL || entryExpireAtMs(ctx.arena, e) === -1) {
    reply.int(0);
    return;
  }
  ctx.keyspace.setExpire(e, -1);
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.GENERIC, 'persist', args, 1);
  reply.int(1);
}

// ---- definitions

const CONDITION = oneOf('condition', [token('nx'), token('xx'), token('gt'), token('lt')], {
  optional: true,
  since: '7.0.0',
});

function setter(
  name: string,
  since: string,
  summary: string,
  time: ArgSpec,
  handler: Handler<ExecContext>,
): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name,
    arity: -3,
    flags: ['write', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since,
    complexity: 'O(1)',
    summary,
    keys: [keyRW(1, 'update')],
    args: [key(), time, CONDITION],
    history: [['7.0.0', 'Conditions `NX`, `XX`, `GT` and `LT`.']],
    route: 'key',
    inline: true,
    handler,
  });
}

function getter(
  name: string,
  since: string,
  summary: string,
  relative: boolean,
  handler: Handler<ExecContext>,
): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name,
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since,
    complexity: 'O(1)',
    summary,
    keys: [keyRO(1)],
    args: [key()],
    ...(relative ? { tips: ['nondeterministic_output'], history: [['2.8.0', 'Replies -2 without the key.']] } : {}),
    route: 'key',
    inline: true,
    handler,
  });
}

/** EXPIRE, TTL and their kin. */
export const expireCommands: CommandDef<ExecContext>[] = [
  setter('expire', '1.0.0', 'Lets a key expire after a number of seconds.', integer('seconds'), expire),
  setter('pexpire', '2.6.0', 'Lets a key expire after a number of milliseconds.', integer('milliseconds'), pexpire),
  setter('expireat', '1.2.0', 'Lets a key expire at a unix time in seconds.', unixTime('unix-time-seconds'), expireat),
  setter(
    'pexpireat',
    '2.6.0',
    'Lets a key expire at a unix time in milliseconds.',
    unixTime('unix-time-milliseconds'),
    pexpireat,
  ),
  getter('ttl', '1.0.0', 'Says how many seconds a key has left.', true, ttl),
  getter('pttl', '2.6.0', 'Says how many milliseconds a key has left.', true, pttl),
  getter('expiretime', '7.0.0', 'Says at which unix time in seconds a key expires.', false, expiretime),
  getter('pexpiretime', '7.0.0', 'Says at which unix time in milliseconds a key expires.', false, pexpiretime),
  defineCommand<ExecContext>({
    name: 'persist',
    arity: 2,
    flags: ['write', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Takes the expiry off a key.',
    keys: [keyRW(1, 'update')],
    args: [key()],
    route: 'key',
    inline: true,
    handler: persist,
  }),
];
