/**
 * Times of expiry of single fields, as Redis 7.4 has them: HEXPIRE and its kin, HTTL and its kin, HPERSIST. Inside, a
 * time is a unix time in milliseconds, below 2^46.
 *
 * Replies are arrays with a code a field: -2 no such field, -1 it does not expire, 0 the condition is not met, 1 done,
 * 2 deleted because the time is over already.
 */
import {
  block,
  integer,
  key,
  keyRO,
  keyRW,
  MANY,
  OPT,
  oneOf,
  str,
  token,
  unixTime,
} from '../../../shared/command/shorthand.js';
import { type ArgSpec, type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import {
  FIELD_EXPIRE_NEGATIVE,
  FIELDS_COUNT,
  FIELDS_MISSING,
  FIELDS_NOT_POSITIVE,
  FIELDS_TOO_FEW,
  NOT_INTEGER,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_HASH } from '../../entry/entry.js';
import {
  deleteFound,
  findField,
  foundAtMs,
  hashCount,
  hasTimes,
  STAYS,
  setFoundAt,
  syncFieldExpiry,
} from '../../types/hash/hash-value.js';

/** Latest time of expiry of a field: Redis keeps it in 48 bits and reserves two of them. */
export const FIELD_AT_MAX_MS = 2 ** 46 - 1;

const SECOND_MS = 1000;

const NX = 1;
const XX = 2;
const GT = 3;
const LT = 4;

const NO_FIELD = -2;
const NO_TIME = -1;
const NOT_MET = 0;
const DONE = 1;
const DELETED = 2;

// ---- arguments

/**
 * The time that argument i means, `baseMs` plus that many units of `unitMs`; -1 when an error has been written. `name`:
 * of the command, for the error.
 */
export function fieldTime(args: Args, i: number, unitMs: number, baseMs: number, name: string, reply: Reply): number {
  if (!parseInt64(args.u8, args.off[i]!, args.len[i]!)) {
    reply.error(NOT_INTEGER);
    return -1;
  }
  const n = int64Number(int64.hi, int64.lo);
  if (n < 0) {
    reply.error(FIELD_EXPIRE_NEGATIVE);
    return -1;
  }
  if (n * unitMs > FIELD_AT_MAX_MS - baseMs) {
    reply.errorText(`ERR invalid expire time in '${name}' command`);
    return -1;
  }
  return n * unitMs + baseMs;
}

/**
 * The first of the fields in `FIELDS n field ...`, where FIELDS is to stand in argument i; 0 when an error has been
 * written. `notPositive`: what to say when n is no positive integer.
 */
export function fieldsFrom(args: Args, i: number, reply: Reply, notPositive: Uint8Array): number {
  if (i + 1 >= args.argc || !args.is(i, 'fields')) {
    reply.error(FIELDS_MISSING);
    return 0;
  }
  if (!parseInt64(args.u8, args.off[i + 1]!, args.len[i + 1]!) || int64.hi < 0 || (int64.hi === 0 && int64.lo === 0)) {
    reply.error(notPositive);
    return 0;
  }
  if (int64Number(int64.hi, int64.lo) !== args.argc - i - 2) {
    reply.error(FIELDS_COUNT);
    return 0;
  }
  return i + 2;
}

// ---- setting

function conditionArg(args: Args): number {
  if (args.len[3] !== 2) return 0;
  if (args.is(3, 'nx')) return NX;
  if (args.is(3, 'xx')) return XX;
  if (args.is(3, 'gt')) return GT;
  return args.is(3, 'lt') ? LT : 0;
}

/** Whether the condition lets a field with time `oldMs` (STAYS: none) get `atMs`. A field that stays is the latest. */
function allowed(condition: number, oldMs: number, atMs: number): boolean {
  switch (condition) {
    case NX:
      return oldMs === STAYS;
    case XX:
      return oldMs !== STAYS;
    case GT:
      return oldMs !== STAYS && atMs > oldMs;
    case LT:
      return oldMs === STAYS || atMs < oldMs;
    default:
      return true;
  }
}

/** Which fields `setTimes` changed, by their argument: 1 got the time, 2 was deleted. */
class Changed {
  how = new Uint8Array(64);
  updated = 0;
  deleted = 0;

  begin(argc: number): void {
    if (this.how.length < argc) this.how = new Uint8Array(argc);
    this.how.fill(0, 0, argc);
    this.updated = 0;
    this.deleted = 0;
  }
}

export const changed = new Changed();

/**
 * Gives the found field of argument i the time `atMs` or, if that is over, deletes it; notes it in `changed`.
 * `settleTimes` must follow.
 */
export function setFoundTime(ctx: ExecContext, e: Ptr, i: number, atMs: number): number {
  if (atMs <= ctx.overMs) {
    deleteFound(ctx.arena, e);
    changed.how[i] = DELETED;
    changed.deleted++;
    return DELETED;
  }
  setFoundAt(ctx.arena, e, atMs);
  noteUpdated(i);
  return DONE;
}

/** Notes that the field of argument i got another time, or lost it. */
export function noteUpdated(i: number): void {
  changed.how[i] = DONE;
  changed.updated++;
}

/** Tells the keyspace and the statistics of what `changed` notes, and writes the HDEL effects. `e` NULL: it is gone. */
export function settleTimes(ctx: ExecContext, args: Args, e: Ptr): void {
  if (changed.updated + changed.deleted === 0) return;
  if (e !== NULL) syncFieldExpiry(ctx, e);
  if (changed.deleted === 0) return;
  ctx.stats.f64[STAT.expiredSubkeys] = ctx.stats.f64[STAT.expiredSubkeys]! + changed.deleted;
  if (!ctx.effectsOn) return;
  for (let i = 0; i < args.argc; i++) {
    if (changed.how[i] !== DELETED) continue;
    ctx.beginEffect(3);
    ctx.effects.text('HDEL');
    ctx.effects.arg(args, 1);
    ctx.effects.arg(args, i);
    ctx.endEffect();
  }
}

/** HPEXPIREAT, with `option` if it is an argument, for the fields that got the time. */
export function effectOfTimes(ctx: ExecContext, args: Args, atMs: number, option: number): void {
  ctx.beginEffect(5 + (option > 0 ? 1 : 0) + changed.updated);
  ctx.effects.text('HPEXPIREAT');
  ctx.effects.arg(args, 1);
  ctx.effects.integer(atMs);
  if (option > 0) ctx.effects.arg(args, option);
  effectOfFields(ctx, args);
}

/** `FIELDS n field ...` of the fields in `changed` that got a time or lost it; ends the effect. */
export function effectOfFields(ctx: ExecContext, args: Args): void {
  ctx.effects.text('FIELDS');
  ctx.effects.integer(changed.updated);
  for (let i = 0; i < args.argc; i++) if (changed.how[i] === DONE) ctx.effects.arg(args, i);
  ctx.endEffect();
}

/** HPERSIST of the fields that lost their time. */
export function effectOfPersist(ctx: ExecContext, args: Args): void {
  ctx.beginEffect(4 + changed.updated);
  ctx.effects.text('HPERSIST');
  ctx.effects.arg(args, 1);
  effectOfFields(ctx, args);
}

function expireGeneric(ctx: ExecContext, args: Args, reply: Reply, name: string, unitMs: number, baseMs: number): void {
  const e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const atMs = fieldTime(args, 2, unitMs, baseMs, name, reply);
  if (atMs < 0) return;
  const condition = conditionArg(args);
  const first = fieldsFrom(args, condition === 0 ? 3 : 4, reply, FIELDS_TOO_FEW);
  if (first === 0) return;
  boundInline(ctx, args.argc);
  reply.array(args.argc - first);
  if (e === NULL) {
    for (let i = first; i < args.argc; i++) reply.int(NO_FIELD);
    return;
  }
  changed.begin(args.argc);
  ctx.effects.beginGroup();
  try {
    for (let i = first; i < args.argc; i++) reply.int(expireOne(ctx, args, e, i, condition, atMs));
  } finally {
    settleTimes(ctx, args, e);
    ctx.dirty += changed.updated + changed.deleted;
    if (changed.updated > 0 && ctx.effectsOn) effectOfTimes(ctx, args, atMs, condition === 0 ? 0 : 3);
    ctx.effects.endGroup();
  }
  notifyTimes(ctx, args, e, 'hexpire');
}

/** The events of what `changed` notes, and the removal of a key that has become empty. */
export function notifyTimes(ctx: ExecContext, args: Args, e: Ptr, event: string): void {
  if (changed.deleted > 0) ctx.notify(EVENT_CLASS.HASH, 'hdel', args, 1);
  else if (changed.updated > 0) ctx.notify(EVENT_CLASS.HASH, event, args, 1);
  if (changed.deleted > 0 && hashCount(ctx.arena, e) === 0) removeKey(ctx, args, 1, e);
}

function expireOne(ctx: ExecContext, args: Args, e: Ptr, i: number, condition: number, atMs: number): number {
  const arena = ctx.arena;
  if (!findField(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) return NO_FIELD;
  const oldMs = foundAtMs(arena, e);
  // An expired field does not exist any more, even if it has not been removed yet.
  if (oldMs !== STAYS && oldMs < ctx.overMs) return NO_FIELD;
  if (!allowed(condition, oldMs, atMs)) return NOT_MET;
  return setFoundTime(ctx, e, i, atMs);
}

function hexpire(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 'hexpire', SECOND_MS, ctx.nowMs);
}

function hpexpire(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 'hpexpire', 1, ctx.nowMs);
}

function hexpireat(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 'hexpireat', SECOND_MS, 0);
}

function hpexpireat(ctx: ExecContext, args: Args, reply: Reply): void {
  expireGeneric(ctx, args, reply, 'hpexpireat', 1, 0);
}

// ---- reading and taking away

function ttlGeneric(ctx: ExecContext, args: Args, reply: Reply, baseMs: number, inMs: boolean): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const first = fieldsFrom(args, 2, reply, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  boundInline(ctx, args.argc);
  reply.array(args.argc - first);
  for (let i = first; i < args.argc; i++) {
    const atMs = e === NULL ? NO_FIELD : liveTime(ctx, args, e, i);
    if (atMs < 0) reply.int(atMs);
    else reply.int(inMs ? atMs - baseMs : Math.floor((atMs + 999 - baseMs) / SECOND_MS));
  }
}

/** When the field in argument i expires; NO_TIME, or NO_FIELD when it is over or not there. */
function liveTime(ctx: ExecContext, args: Args, e: Ptr, i: number): number {
  const arena = ctx.arena;
  if (!findField(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) return NO_FIELD;
  if (!hasTimes(arena, e)) return NO_TIME;
  const atMs = foundAtMs(arena, e);
  if (atMs === STAYS) return NO_TIME;
  return atMs < ctx.overMs ? NO_FIELD : atMs;
}

function httl(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, ctx.nowMs, false);
}

function hpttl(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, ctx.nowMs, true);
}

function hexpiretime(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, 0, false);
}

function hpexpiretime(ctx: ExecContext, args: Args, reply: Reply): void {
  ttlGeneric(ctx, args, reply, 0, true);
}

function hpersist(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const first = fieldsFrom(args, 2, reply, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  boundInline(ctx, args.argc);
  reply.array(args.argc - first);
  changed.begin(args.argc);
  try {
    for (let i = first; i < args.argc; i++) {
      const atMs = e === NULL ? NO_FIELD : liveTime(ctx, args, e, i);
      if (atMs >= 0) {
        setFoundAt(ctx.arena, e, STAYS);
        noteUpdated(i);
      }
      reply.int(atMs < 0 ? atMs : DONE);
    }
  } finally {
    if (changed.updated > 0) syncFieldExpiry(ctx, e);
  }
  if (changed.updated === 0) return;
  ctx.dirty++;
  if (ctx.effectsOn) effectOfPersist(ctx, args);
  ctx.notify(EVENT_CLASS.HASH, 'hpersist', args, 1);
}

// ---- definitions

const FIELDS = block('fields', [integer('numfields'), str('field', MANY)], { token: 'FIELDS' });
const CONDITION = oneOf('condition', [token('nx'), token('xx'), token('gt'), token('lt')], OPT);
const COMMON = {
  acl: ['@hash'],
  group: 'hash',
  since: '7.4.0',
  longWork: 'arguments',
  complexity: 'O(N) for N fields; O(log M) each in a big hash with M fields that expire.',
  route: 'key',
  inline: true,
} as const;

function setter(name: string, summary: string, time: ArgSpec, handler: Handler<ExecContext>): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    ...COMMON,
    name,
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    summary,
    keys: [keyRW(1, 'update')],
    args: [key(), time, CONDITION, FIELDS],
    handler,
  });
}

function getter(name: string, summary: string, handler: Handler<ExecContext>): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    ...COMMON,
    name,
    arity: -5,
    flags: ['readonly', 'fast'],
    summary,
    keys: [keyRO(1)],
    args: [key(), FIELDS],
    handler,
  });
}

/** HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST. */
export const hashExpireCommands: CommandDef<ExecContext>[] = [
  setter('hexpire', 'Sets how many seconds fields of a hash live.', integer('seconds'), hexpire),
  setter('hpexpire', 'Sets how many milliseconds fields of a hash live.', integer('milliseconds'), hpexpire),
  setter('hexpireat', 'Sets the unix time at which fields of a hash expire.', unixTime('unix-time-seconds'), hexpireat),
  setter(
    'hpexpireat',
    'Sets the unix time in milliseconds at which fields of a hash expire.',
    unixTime('unix-time-milliseconds'),
    hpexpireat,
  ),
  getter('httl', 'Returns how many seconds fields of a hash live on.', httl),
  getter('hpttl', 'Returns how many milliseconds fields of a hash live on.', hpttl),
  getter('hexpiretime', 'Returns the unix time at which fields of a hash expire.', hexpiretime),
  getter('hpexpiretime', 'Returns the unix time in milliseconds at which fields of a hash expire.', hpexpiretime),
  defineCommand<ExecContext>({
    ...COMMON,
    name: 'hpersist',
    arity: -5,
    flags: ['write', 'fast'],
    summary: 'Takes the times of expiry from fields of a hash.',
    keys: [keyRW(1, 'update')],
    args: [key(), FIELDS],
    handler: hpersist,
  }),
];
