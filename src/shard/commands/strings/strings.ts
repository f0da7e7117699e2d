/** Whole strings: GET, SET and their kin, one key or several. */
import {
  block,
  integer,
  key,
  keyAt,
  keyOW,
  keyRange,
  keyRO,
  keyRW,
  MANY,
  OPT,
  oneOf,
  str,
  token,
  unixTime,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type KeyFinder, type KeyFlag } from '../../../shared/command/spec.js';
import {
  INVALID_EXPIRE_GETEX,
  INVALID_EXPIRE_PSETEX,
  INVALID_EXPIRE_SET,
  INVALID_EXPIRE_SETEX,
  WRONGTYPE,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { entryExpireAtMs } from '../../entry/entry.js';
import { isString, KEEP_EXPIRY, NO_EXPIRY, replyString, setString } from '../../types/string/string-value.js';
import {
  effectTime,
  expireTime,
  GETEX_OPTIONS,
  hasTime,
  OPT_EX,
  OPT_EXAT,
  OPT_GET,
  OPT_KEEPTTL,
  OPT_NX,
  OPT_PERSIST,
  OPT_PX,
  OPT_PXAT,
  OPT_XX,
  parseStringOptions,
  SET_OPTIONS,
  stringOptions,
} from './expiry.js';

// ---- reading

/** Writes the string of a looked-up entry, nil for none; false when it is no string and the error has been written. */
// hot: every GET
function replyFound(ctx: ExecContext, e: Ptr, reply: Reply): boolean {
  if (e === NULL) {
    reply.nil();
    return true;
  }
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return false;
  }
  replyString(ctx.arena, e, reply);
  return true;
}

function get(ctx: ExecContext, args: Args, reply: Reply): void {
  replyFound(ctx, ctx.lookupRead(args, 1), reply);
}

function mget(ctx: ExecContext, args: Args, reply: Reply): void {
  const argc = args.argc;
  reply.array(argc - 1);
  for (let i = 1; i < argc; i++) {
    const e = ctx.lookupRead(args, i);
    if (e === NULL || !isString(ctx.arena, e)) reply.nil();
    else replyString(ctx.arena, e, reply);
  }
}

function getdel(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupRead(args, 1);
  if (!replyFound(ctx, e, reply) || e === NULL) return;
  removeFound(ctx, args, e, false);
}

/** Removes the found key, with its effect and event. */
function removeFound(ctx: ExecContext, args: Args, e: Ptr, unlink: boolean): void {
  ctx.keyspace.remove(e);
  ctx.dirty++;
  if (ctx.effectsOn) {
    ctx.beginEffect(2);
    ctx.effects.text(unlink ? 'UNLINK' : 'DEL');
    ctx.effects.arg(args, 1);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.GENERIC, 'del', args, 1);
}

function getex(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseStringOptions(args, 2, GETEX_OPTIONS, reply)) return;
  const bits = stringOptions.bits;
  const e = ctx.lookupRead(args, 1);
  if (e !== NULL && hasTime(bits) && isString(ctx.arena, e)) {
    getexAt(ctx, args, e, bits, reply);
    return;
  }
  if (!replyFound(ctx, e, reply) || e === NULL) return;
  if ((bits & OPT_PERSIST) === 0 || entryExpireAtMs(ctx.arena, e) < 0) return;
  ctx.keyspace.setExpire(e, NO_EXPIRY);
  ctx.dirty++;
  if (ctx.effectsOn) {
    ctx.beginEffect(2);
    ctx.effects.text('PERSIST');
    ctx.effects.arg(args, 1);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.GENERIC, 'persist', args, 1);
}

/** GETEX with a time, of a string that exists. */
function getexAt(ctx: ExecContext, args: Args, e: Ptr, bits: number, reply: Reply): void {
  const atMs = expireTime(ctx, args, stringOptions.timeArg, bits, INVALID_EXPIRE_GETEX, reply);
  if (atMs < 0) return;
  replyString(ctx.arena, e, reply);
  if ((bits & (OPT_EXAT | OPT_PXAT)) !== 0 && atMs <= ctx.overMs) {
    removeFound(ctx, args, e, ctx.control.i32[CONTROL.lazyExpire] !== 0);
    return;
  }
  ctx.keyspace.setExpire(e, atMs);
  ctx.dirty++;
  if (ctx.effectsOn) {
    ctx.beginEffect(3);
    ctx.effects.text('PEXPIREAT');
    ctx.effects.arg(args, 1);
    effectTime(ctx, atMs);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.GENERIC, 'expire', args, 1);
}

// ---- setting

/** Sets the key in argument `k` to argument `v`, without an expiry, and raises the event. */
// hot: every SET and MSET
function setArg(ctx: ExecContext, args: Args, e: Ptr, k: number, v: number): void {
  setString(ctx, e, args, k, args.u8, args.dv, args.off[v]!, args.len[v]!, NO_EXPIRY);
  ctx.dirty++;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STRING, 'set', args, k);
}

function set(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 3) {
    setWithOptions(ctx, args, reply);
    return;
  }
  setArg(ctx, args, ctx.lookupWrite(args, 1), 1, 2);
  reply.ok();
}

function setWithOptions(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseStringOptions(args, 3, SET_OPTIONS, reply)) return;
  const bits = stringOptions.bits;
  const timed = hasTime(bits);
  const atMs = timed ? expireTime(ctx, args, stringOptions.timeArg, bits, INVALID_EXPIRE_SET, reply) : NO_EXPIRY;
  if (timed && atMs < 0) return;
  const wantsOld = (bits & OPT_GET) !== 0;
  const e = wantsOld ? ctx.lookupRead(args, 1) : ctx.lookupWrite(args, 1);
  if (wantsOld && !replyFound(ctx, e, reply)) return;
  if (((bits & OPT_NX) !== 0 && e !== NULL) || ((bits & OPT_XX) !== 0 && e === NULL)) {
    if (!wantsOld) reply.nil();
    return;
  }
  if (timed) setTimed(ctx, args, e, 2, atMs, (bits & OPT_PXAT) === 0);
  else {
    const kept = (bits & OPT_KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY;
    setString(ctx, e, args, 1, args.u8, args.dv, args.off[2]!, args.len[2]!, kept);
    ctx.dirty++;
    if (wantsOld && ctx.effectsOn) effectWithoutGet(ctx, args);
    ctx.notify(EVENT_CLASS.STRING, 'set', args, 1);
  }
  if (!wantsOld) reply.ok();
}

/** Sets the key to argument `v` until `atMs`; `absolute`: the effect is to be written with the time as it is then. */
function setTimed(ctx: ExecContext, args: Args, e: Ptr, v: number, atMs: number, absolute: boolean): void {
  setString(ctx, e, args, 1, args.u8, args.dv, args.off[v]!, args.len[v]!, atMs);
  ctx.dirty++;
  if (absolute && ctx.effectsOn) {
    ctx.beginEffect(5);
    ctx.effects.text('SET');
    ctx.effects.arg(args, 1);
    ctx.effects.arg(args, v);
    ctx.effects.text('PXAT');
    effectTime(ctx, atMs);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.STRING, 'set', args, 1);
  ctx.notify(EVENT_CLASS.GENERIC, 'expire', args, 1);
}

/** The command as it came, but for GET: who replays it wants no reply. */
function effectWithoutGet(ctx: ExecContext, args: Args): void {
  let argc = args.argc;
  for (let i = 3; i < args.argc; i++) if (args.is(i, 'get')) argc--;
  ctx.beginEffect(argc);
  for (let i = 0; i < args.argc; i++) if (i < 3 || !args.is(i, 'get')) ctx.effects.arg(args, i);
  ctx.endEffect();
}

function setnx(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) setArg(ctx, args, e, 1, 2);
  reply.int(e === NULL ? 1 : 0);
}

function setex(ctx: ExecContext, args: Args, reply: Reply): void {
  const atMs = expireTime(ctx, args, 2, OPT_EX, INVALID_EXPIRE_SETEX, reply);
  if (atMs < 0) return;
  setTimed(ctx, args, ctx.lookupWrite(args, 1), 3, atMs, true);
  reply.ok();
}

function psetex(ctx: ExecContext, args: Args, reply: Reply): void {
  const atMs = expireTime(ctx, args, 2, OPT_PX, INVALID_EXPIRE_PSETEX, reply);
  if (atMs < 0) return;
  setTimed(ctx, args, ctx.lookupWrite(args, 1), 3, atMs, true);
  reply.ok();
}

function getset(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupRead(args, 1);
  if (!replyFound(ctx, e, reply)) return;
  setArg(ctx, args, e, 1, 2);
  if (!ctx.effectsOn) return;
  ctx.beginEffect(3);
  ctx.effects.text('SET');
  ctx.effects.arg(args, 1);
  ctx.effects.arg(args, 2);
  ctx.endEffect();
}

function mset(ctx: ExecContext, args: Args, reply: Reply): void {
  const argc = args.argc;
  if ((argc & 1) === 0) {
    reply.wrongArity('mset');
    return;
  }
  for (let i = 1; i < argc; i += 2) setArg(ctx, args, ctx.lookupWrite(args, i), i, i + 1);
  reply.ok();
}

function msetnx(ctx: ExecContext, args: Args, reply: Reply): void {
  const argc = args.argc;
  if ((argc & 1) === 0) {
    reply.wrongArity('msetnx');
    return;
  }
  for (let i = 1; i < argc; i += 2) {
    if (ctx.lookupWrite(args, i) === NULL) continue;
    reply.int(0);
    return;
  }
  for (let i = 1; i < argc; i += 2) setArg(ctx, args, ctx.lookupWrite(args, i), i, i + 1);
  reply.int(1);
}

// ---- definitions

const SET_READS: readonly KeyFlag[] = ['RW', 'access', 'update'];
const SET_WRITES: readonly KeyFlag[] = ['OW', 'update'];

/** SET reads its key only with GET. */
const setKeys: KeyFinder = (args, out, flags) => {
  if (out.length > 0) out[0] = 1;
  if (flags === null) return 1;
  let reads = false;
  for (let i = 3; i < args.argc; i++) if (args.is(i, 'get')) reads = true;
  flags.push(reads ? SET_READS : SET_WRITES);
  return 1;
};

const PAIRS = block('data', [key(), str('value')], MANY);
const DEPRECATED_SINCE_2_6_12 = { deprecatedSince: '2.6.12', docFlags: ['deprecated'] } as const;
const STRING = { acl: ['@string'], group: 'string', route: 'key', inline: true } as const;

export const wholeStringCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...STRING,
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Returns the string in a key.',
    keys: [keyRO(1)],
    args: [key()],
    handler: get,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'set',
    smallWrite: true,
    arity: -3,
    flags: ['write', 'denyoom'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a key to a string, whatever it held before; on conditions, and with a time to live, if wanted.',
    keys: [{ ...keyAt(1, ['RW', 'access', 'update', 'variable_flags']), notes: 'The key is read only with `GET`.' }],
    findKeys: setKeys,
    args: [
      key(),
      str('value'),
      oneOf('condition', [token('nx'), token('xx')], { since: '2.6.12', ...OPT }),
      token('get', 'GET', { since: '6.2.0', ...OPT }),
      oneOf(
        'expiration',
        [
          integer('seconds', { token: 'EX', since: '2.6.12' }),
          integer('milliseconds', { token: 'PX', since: '2.6.12' }),
          unixTime('unix-time-seconds', { token: 'EXAT', since: '6.2.0' }),
          unixTime('unix-time-milliseconds', { token: 'PXAT', since: '6.2.0' }),
          token('keepttl', 'KEEPTTL', { since: '6.0.0' }),
        ],
        OPT,
      ),
    ],
    history: [
      ['2.6.12', 'Takes `EX`, `PX`, `NX` and `XX`.'],
      ['6.0.0', 'Takes `KEEPTTL`.'],
      ['6.2.0', 'Takes `GET`, `EXAT` and `PXAT`.'],
      ['7.0.0', '`NX` and `GET` may stand together.'],
    ],
    handler: set,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'mget',
    arity: -2,
    flags: ['readonly', 'fast'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N keys.',
    summary: 'Returns the strings in several keys, as they are at one moment.',
    keys: [keyRange(1, -1, 1, ['RO', 'access'])],
    args: [key('key', MANY)],
    tips: ['request_policy:multi_shard'],
    handler: mget,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'mset',
    arity: -3,
    flags: ['write', 'denyoom'],
    since: '1.0.1',
    longWork: 'arguments',
    complexity: 'O(N) for N keys.',
    summary: 'Sets several keys to strings at one moment.',
    keys: [keyRange(1, -1, 2, ['OW', 'update'])],
    args: [PAIRS],
    tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
    handler: mset,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'msetnx',
    arity: -3,
    flags: ['write', 'denyoom'],
    since: '1.0.1',
    longWork: 'arguments',
    complexity: 'O(N) for N keys.',
    summary: 'Sets several keys to strings at one moment, provided that none of them exists.',
    keys: [keyRange(1, -1, 2, ['OW', 'insert'])],
    args: [PAIRS],
    handler: msetnx,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'setnx',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a key to a string, provided that it does not exist.',
    keys: [keyOW(1, 'insert')],
    args: [key(), str('value')],
    ...DEPRECATED_SINCE_2_6_12,
    replacedBy: '`SET` with the `NX` argument',
    handler: setnx,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'setex',
    smallWrite: true,
    arity: 4,
    flags: ['write', 'denyoom'],
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a key to a string with a time to live in seconds.',
    keys: [keyOW(1)],
    args: [key(), integer('seconds'), str('value')],
    ...DEPRECATED_SINCE_2_6_12,
    replacedBy: '`SET` with the `EX` argument',
    handler: setex,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'psetex',
    smallWrite: true,
    arity: 4,
    flags: ['write', 'denyoom'],
    since: '2.6.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a key to a string with a time to live in milliseconds.',
    keys: [keyOW(1)],
    args: [key(), integer('milliseconds'), str('value')],
    ...DEPRECATED_SINCE_2_6_12,
    replacedBy: '`SET` with the `PX` argument',
    handler: psetex,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'getset',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a key to a string and returns the string that it held before.',
    keys: [keyRW(1)],
    args: [key(), str('value')],
    deprecatedSince: '6.2.0',
    replacedBy: '`SET` with the `!GET` argument',
    docFlags: ['deprecated'],
    handler: getset,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Returns the string in a key and removes the key.',
    keys: [keyRW(1, 'access', 'delete')],
    args: [key()],
    handler: getdel,
  }),
  defineCommand<ExecContext>({
    ...STRING,
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Returns the string in a key and changes or takes off its time to live.',
    keys: [{ ...keyRW(1), notes: 'The time to live may change.' }],
    args: [
      key(),
      oneOf(
        'expiration',
        [
          integer('seconds', { token: 'EX' }),
          integer('milliseconds', { token: 'PX' }),
          unixTime('unix-time-seconds', { token: 'EXAT' }),
          unixTime('unix-time-milliseconds', { token: 'PXAT' }),
          token('persist'),
        ],
        OPT,
      ),
    ],
    handler: getex,
  }),
];

/** All commands of the string family. */
