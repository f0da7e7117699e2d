/** Fields read or set together with their times, as Redis 8 has them: HGETEX, HSETEX, HGETDEL. */
import {
  block,
  integer,
  key,
  keyRW,
  MANY,
  OPT,
  oneOf,
  str,
  token,
  unixTime,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  FIELD_CONDITIONS,
  FIELD_EXPIRE_MISSING,
  FIELD_EXPIRES,
  FIELDS_INVALID,
  FIELDS_NOT_POSITIVE,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_HASH } from '../../entry/entry.js';
import {
  change,
  deleteFound,
  findField,
  foundAtMs,
  hashCount,
  replyFound,
  STAYS,
  setField,
  setFoundAt,
  syncFieldExpiry,
  toTable,
} from '../../types/hash/hash-value.js';
import {
  changed,
  effectOfPersist,
  effectOfTimes,
  fieldsFrom,
  fieldTime,
  noteUpdated,
  setFoundTime,
  settleTimes,
} from './expire.js';
import { createHash, EXPIRED, findLive, GONE, LIVE, notifyExpired } from './fields.js';

const NONE = 0;
const EX = 1;
const PX = 2;
const EXAT = 3;
const PXAT = 4;
/** PERSIST of HGETEX, KEEPTTL of HSETEX. */
const KEEP = 5;

const FNX = 1;
const FXX = 2;

/** Which of EX, PX, EXAT, PXAT argument i is; NONE if none. */
function timeOption(args: Args, i: number): number {
  if (args.is(i, 'ex')) return EX;
  if (args.is(i, 'px')) return PX;
  if (args.is(i, 'exat')) return EXAT;
  return args.is(i, 'pxat') ? PXAT : NONE;
}

/** The time that argument i means after `option`; -1 when an error has been written. */
function timeOf(ctx: ExecContext, args: Args, i: number, option: number, name: string, reply: Reply): number {
  const unitMs = option === EX || option === EXAT ? 1000 : 1;
  return fieldTime(args, i, unitMs, option === EX || option === PX ? ctx.nowMs : 0, name, reply);
}

// ---- HGETDEL

function hgetdel(ctx: ExecContext, args: Args, reply: Reply): void {
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const first = fieldsFrom(args, 2, reply, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  boundInline(ctx, args.argc);
  reply.array(args.argc - first);
  let expired = false;
  let gone = false;
  let deleted = 0;
  let lostTime = false;
  for (let i = first; i < args.argc; i++) {
    const state = e === NULL ? GONE : findLive(ctx, args, e, i, true);
    if (state !== LIVE) {
      reply.nil();
      if (e !== NULL && state === EXPIRED) expired = true;
      else if (e !== NULL && state === GONE) {
        gone = true;
        e = NULL;
      }
      continue;
    }
    replyFound(ctx.arena, e, reply);
    if (foundAtMs(ctx.arena, e) !== STAYS) lostTime = true;
    deleteFound(ctx.arena, e);
    deleted++;
    // The emptied hash stays until the end, so that one look at the next field is like another.
  }
  if (expired || gone) ctx.notify(EVENT_CLASS.HASH, 'hexpired', args, 1);
  if (deleted > 0) {
    ctx.dirty += deleted;
    ctx.notify(EVENT_CLASS.HASH, 'hdel', args, 1);
    if (ctx.effectsOn) effectOfDeletion(ctx, args, first);
  }
  if (gone) ctx.notify(EVENT_CLASS.GENERIC, 'del', args, 1);
  else if (e !== NULL && deleted > 0) {
    if (lostTime) syncFieldExpiry(ctx, e);
    if (hashCount(ctx.arena, e) === 0) removeKey(ctx, args, 1, e);
  }
}

function effectOfDeletion(ctx: ExecContext, args: Args, first: number): void {
  ctx.beginEffect(2 + args.argc - first);
  ctx.effects.text('HDEL');
  ctx.effects.arg(args, 1);
  for (let i = first; i < args.argc; i++) ctx.effects.arg(args, i);
  ctx.endEffect();
}

// ---- HGETEX

function hgetex(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  let option = timeOption(args, 2);
  let atMs = 0;
  if (option !== NONE) {
    atMs = timeOf(ctx, args, 3, option, 'hgetex', reply);
    if (atMs < 0) return;
  } else if (args.is(2, 'persist')) option = KEEP;
  const first = fieldsFrom(args, option === NONE ? 2 : option === KEEP ? 3 : 4, reply, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  boundInline(ctx, args.argc);
  reply.array(args.argc - first);
  if (e === NULL) {
    for (let i = first; i < args.argc; i++) reply.nil();
    return;
  }
  readAndTime(ctx, args, e, first, option, atMs, reply);
}

/** HGETEX of a hash that exists: replies each field and gives it its time. What it propagates is one group. */
function readAndTime(
  ctx: ExecContext,
  args: Args,
  e: Ptr,
  first: number,
  option: number,
  atMs: number,
  reply: Reply,
): void {
  let expired = false;
  let gone = false;
  changed.begin(args.argc);
  ctx.effects.beginGroup();
  try {
    for (let i = first; i < args.argc; i++) {
      const state = gone ? GONE : findLive(ctx, args, e, i, true);
      if (state !== LIVE) {
        reply.nil();
        if (state === EXPIRED || state === GONE) expired = true;
        if (state === GONE) gone = true;
        continue;
      }
      replyFound(ctx.arena, e, reply);
      if (option === KEEP) {
        if (foundAtMs(ctx.arena, e) === STAYS) continue;
        setFoundAt(ctx.arena, e, STAYS);
        noteUpdated(i);
      } else if (option !== NONE) setFoundTime(ctx, e, i, atMs);
    }
  } finally {
    settleTimes(ctx, args, gone ? NULL : e);
    if (changed.updated > 0 && ctx.effectsOn) {
      if (option === KEEP) effectOfPersist(ctx, args);
      else effectOfTimes(ctx, args, atMs, 0);
    }
    ctx.effects.endGroup();
  }
  if (expired) ctx.notify(EVENT_CLASS.HASH, 'hexpired', args, 1);
  ctx.dirty += changed.updated + changed.deleted;
  if (changed.updated > 0) {
    ctx.notify(EVENT_CLASS.HASH, option === KEEP ? 'hpersist' : 'hexpire', args, 1);
  } else if (changed.deleted > 0) ctx.notify(EVENT_CLASS.HASH, 'hdel', args, 1);
  if (gone) ctx.notify(EVENT_CLASS.GENERIC, 'del', args, 1);
  else if (changed.deleted > 0 && hashCount(ctx.arena, e) === 0) removeKey(ctx, args, 1, e);
}

// ---- HSETEX

/** What `parseSetex` found. */
class SetexOptions {
  option = NONE;
  condition = 0;
  atMs = 0;
  /** Argument with the first field. */
  first = 0;
}

const setex = new SetexOptions();

/** Reads the options of HSETEX; false when an error has been written. */
function parseSetex(ctx: ExecContext, args: Args, reply: Reply): boolean {
  setex.option = NONE;
  setex.condition = 0;
  for (let i = 2; i < args.argc; i++) {
    if (args.is(i, 'fields')) return parsePairs(args, i, reply);
    const time = timeOption(args, i);
    if (time !== NONE || args.is(i, 'keepttl')) {
      if (setex.option !== NONE) {
        reply.error(FIELD_EXPIRES);
        return false;
      }
      setex.option = time === NONE ? KEEP : time;
      if (time === NONE) continue;
      if (++i >= args.argc) {
        reply.error(FIELD_EXPIRE_MISSING);
        return false;
      }
      setex.atMs = timeOf(ctx, args, i, time, 'hsetex', reply);
      if (setex.atMs < 0) return false;
    } else if (args.is(i, 'fnx') || args.is(i, 'fxx')) {
      if (setex.condition !== 0) {
        reply.error(FIELD_CONDITIONS);
        return false;
      }
      setex.condition = args.is(i, 'fnx') ? FNX : FXX;
    } else {
      reply.errorLatin1(`ERR unknown argument: ${args.latin1(i).split('\0')[0]}`);
      return false;
    }
  }
  reply.wrongArity('hsetex');
  return false;
}

function parsePairs(args: Args, i: number, reply: Reply): boolean {
  if (i >= args.argc - 3) {
    reply.wrongArity('hsetex');
    return false;
  }
  if (!parseInt64(args.u8, args.off[i + 1]!, args.len[i + 1]!) || int64.hi !== 0 || int64.lo <= 0) {
    reply.error(FIELDS_INVALID);
    return false;
  }
  if (2 * int64Number(int64.hi, int64.lo) !== args.argc - i - 2) {
    reply.wrongArity('hsetex');
    return false;
  }
  setex.first = i + 2;
  return true;
}

function hsetex(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseSetex(ctx, args, reply)) return;
  const { option, condition, first, atMs } = setex;
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  boundInline(ctx, args.argc);
  if (e === NULL && condition === FXX) {
    reply.int(0);
    return;
  }
  let met = true;
  let expired = false;
  if (e !== NULL && condition !== 0) {
    for (let i = first; met && e !== NULL && i < args.argc; i += 2) {
      const state = findLive(ctx, args, e, i, true);
      if (state === EXPIRED || state === GONE) expired = true;
      if (state === GONE) e = NULL;
      met = (state === LIVE) === (condition === FXX);
    }
  }
  if (e === NULL && condition === FXX) met = false;
  if (!met) {
    if (expired) notifyExpired(ctx, args, e === NULL);
    reply.int(0);
    return;
  }
  if (expired) ctx.notify(EVENT_CLASS.HASH, 'hexpired', args, 1);
  setAll(ctx, args, e, first, option, atMs);
  reply.int(1);
}

/** Sets all pairs with their time, and raises the events. */
function setAll(ctx: ExecContext, args: Args, e: Ptr, first: number, option: number, atMs: number): void {
  const pairs = (args.argc - first) >> 1;
  if (e === NULL) e = createHash(ctx, args, first);
  else if (pairs > ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]!) toTable(ctx.arena, e);
  const { u8, dv, off, len } = args;
  const timed = option !== NONE && option !== KEEP;
  changed.begin(args.argc);
  change.timed = false;
  let done = false;
  ctx.effects.beginGroup();
  try {
    for (let i = first; i < args.argc; i += 2) {
      setField(ctx, e, u8, dv, off[i]!, len[i]!, u8, dv, off[i + 1]!, len[i + 1]!, option !== NONE);
      if (!timed) continue;
      findField(ctx.arena, e, u8, dv, off[i]!, len[i]!);
      setFoundTime(ctx, e, i, atMs);
    }
    done = true;
    ctx.dirty += pairs;
    if (ctx.effectsOn && changed.deleted === 0) effectOfSetex(ctx, args, e, first, option, atMs);
  } finally {
    if (change.timed) syncFieldExpiry(ctx, e);
    settleTimes(ctx, args, e);
    ctx.effects.endGroup();
    if (!done && hashCount(ctx.arena, e) === 0) ctx.keyspace.remove(e);
  }
  ctx.notify(EVENT_CLASS.HASH, 'hset', args, 1);
  if (changed.deleted > 0) ctx.notify(EVENT_CLASS.HASH, 'hdel', args, 1);
  else if (changed.updated > 0) ctx.notify(EVENT_CLASS.HASH, 'hexpire', args, 1);
  if (changed.deleted > 0 && hashCount(ctx.arena, e) === 0) removeKey(ctx, args, 1, e);
}

/** HSET and HPEXPIREAT, which a Redis of before HSETEX knows as well. HSET takes the times of its fields away. */
function effectOfSetex(ctx: ExecContext, args: Args, e: Ptr, first: number, option: number, atMs: number): void {
  ctx.beginEffect(2 + args.argc - first);
  ctx.effects.text('HSET');
  ctx.effects.arg(args, 1);
  for (let i = first; i < args.argc; i++) ctx.effects.arg(args, i);
  ctx.endEffect();
  if (option === NONE) return;
  if (option !== KEEP) {
    effectOfTimes(ctx, args, atMs, 0);
    return;
  }
  for (let i = first; i < args.argc; i += 2) {
    findField(ctx.arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!);
    const keptMs = foundAtMs(ctx.arena, e);
    if (keptMs === STAYS) continue;
    ctx.beginEffect(6);
    ctx.effects.text('HPEXPIREAT');
    ctx.effects.arg(args, 1);
    ctx.effects.integer(keptMs);
    ctx.effects.text('FIELDS');
    ctx.effects.integer(1);
    ctx.effects.arg(args, i);
    ctx.endEffect();
  }
}

// ---- definitions

const FIELDS = block('fields', [integer('numfields'), str('field', MANY)], { token: 'FIELDS' });
const TIMES = [
  integer('seconds', { token: 'EX' }),
  integer('milliseconds', { token: 'PX' }),
  unixTime('unix-time-seconds', { token: 'EXAT' }),
  unixTime('unix-time-milliseconds', { token: 'PXAT' }),
];
const COMMON = {
  acl: ['@hash'],
  group: 'hash',
  since: '8.0.0',
  longWork: 'arguments',
  complexity: 'O(N) for N fields; O(log M) each in a big hash with M fields that expire.',
  route: 'key',
  inline: true,
} as const;

/** HGETDEL, HGETEX, HSETEX. */
export const hashGetSetCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...COMMON,
    name: 'hgetdel',
    arity: -5,
    flags: ['write', 'fast'],
    summary: 'Returns the values of fields and deletes them.',
    keys: [keyRW(1, 'access', 'delete')],
    args: [key(), FIELDS],
    handler: hgetdel,
  }),
  defineCommand<ExecContext>({
    ...COMMON,
    name: 'hgetex',
    arity: -5,
    flags: ['write', 'fast'],
    summary: 'Returns the values of fields and sets or takes their times of expiry.',
    keys: [keyRW(1)],
    args: [key(), oneOf('expiration', [...TIMES, token('persist')], OPT), FIELDS],
    handler: hgetex,
  }),
  defineCommand<ExecContext>({
    ...COMMON,
    name: 'hsetex',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    summary: 'Sets fields of a hash together with their time of expiry, on conditions if wanted.',
    keys: [keyRW(1, 'update')],
    args: [
      key(),
      oneOf('condition', [token('fnx'), token('fxx')], OPT),
      oneOf('expiration', [...TIMES, token('keepttl')], OPT),
      block('fields', [integer('numfields'), block('data', [str('field'), str('value')], MANY)], { token: 'FIELDS' }),
    ],
    handler: hsetex,
  }),
];
