/** Hashes: setting, reading and deleting fields, counting in them. See types/hash/hash-value.ts for what a hash is. */
import { block, double, integer, key, keyRO, keyRW, MANY, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandFlag, defineCommand, type Handler } from '../../../shared/command/spec.js';
import {
  HASH_NOT_FLOAT,
  HASH_NOT_INTEGER,
  INCR_OVERFLOW,
  NAN_OR_INFINITY,
  NAN_OR_INFINITY_VALUE,
  NOT_FLOAT,
  NOT_INTEGER,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { addInt64, INT64_CHARS_MAX, int64, parseInt64, writeInt64 } from '../../../shared/numbers/int64.js';
import {
  addLongDouble,
  type LongDouble,
  longDoubleText,
  parseLongDouble,
} from '../../../shared/numbers/long-double.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_HASH } from '../../entry/entry.js';
import {
  change,
  deleteFound,
  findField,
  foundAtMs,
  foundLength,
  hashCount,
  hasTimes,
  readFound,
  replyFound,
  STAYS,
  setField,
  syncFieldExpiry,
  text,
  toTable,
} from '../../types/hash/hash-value.js';
import { createHash, EXPIRED, findLive, GONE, LIVE, notifyExpired } from './fields.js';

/** Longest text that is read as a float. */
const FLOAT_CHARS_MAX = 5 * 1024;

// ---- setting

/**
 * Sets the pairs in the arguments from `first` on; returns the number of new fields, or -1 when an error has been
 * written. Raises no event.
 */
// hot: every HSET
function setPairs(ctx: ExecContext, args: Args, reply: Reply, first: number): number {
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return -1;
  const pairs = (args.argc - first) >> 1;
  boundInline(ctx, pairs);
  const isNew = e === NULL;
  if (isNew) e = createHash(ctx, args, first);
  else if (pairs > ctx.control.f64[CONTROL_F64.hashMaxListpackEntries]!) toTable(ctx.arena, e);
  const { u8, dv, off, len } = args;
  let created = 0;
  change.timed = false;
  try {
    for (let i = first; i < args.argc; i += 2) {
      if (setField(ctx, e, u8, dv, off[i]!, len[i]!, u8, dv, off[i + 1]!, len[i + 1]!, false)) created++;
    }
  } finally {
    if (change.timed) syncFieldExpiry(ctx, e);
    if (isNew && created === 0) ctx.keyspace.remove(e);
  }
  ctx.dirty += pairs;
  return created;
}

function hset(ctx: ExecContext, args: Args, reply: Reply): void {
  if ((args.argc & 1) !== 0) {
    reply.wrongArity('hset');
    return;
  }
  const created = setPairs(ctx, args, reply, 2);
  if (created < 0) return;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.HASH, 'hset', args, 1);
  reply.int(created);
}

function hmset(ctx: ExecContext, args: Args, reply: Reply): void {
  if ((args.argc & 1) !== 0) {
    reply.wrongArity('hmset');
    return;
  }
  if (setPairs(ctx, args, reply, 2) < 0) return;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.HASH, 'hset', args, 1);
  reply.ok();
}

function hsetnx(ctx: ExecContext, args: Args, reply: Reply): void {
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e !== NULL) {
    const state = findLive(ctx, args, e, 2, false);
    if (state === LIVE) {
      reply.int(0);
      return;
    }
    if (state === GONE) e = NULL;
  }
  const { u8, dv, off, len } = args;
  setOne(ctx, args, e, u8, dv, off[3]!, len[3]!);
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.HASH, 'hset', args, 1);
  reply.int(1);
}

/** Sets the field in argument 2 to the given bytes, keeping its time; makes the key if `e` is NULL. */
function setOne(ctx: ExecContext, args: Args, e: Ptr, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  const isNew = e === NULL;
  if (isNew) e = createHash(ctx, args, 2);
  change.timed = false;
  let set = false;
  try {
    setField(ctx, e, args.u8, args.dv, args.off[2]!, args.len[2]!, u8, dv, off, len, true);
    set = true;
  } finally {
    if (!set && isNew) ctx.keyspace.remove(e);
  }
  ctx.dirty++;
}

// ---- reading

function hget(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e !== NULL && findLive(ctx, args, e, 2, false) === LIVE) replyFound(ctx.arena, e, reply);
  else reply.nil();
}

function hmget(ctx: ExecContext, args: Args, reply: Reply): void {
  let e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const argc = args.argc;
  boundInline(ctx, argc);
  let expired = false;
  let gone = false;
  reply.array(argc - 2);
  for (let i = 2; i < argc; i++) {
    const state = e === NULL ? GONE : findLive(ctx, args, e, i, true);
    if (state === LIVE) {
      replyFound(ctx.arena, e, reply);
      continue;
    }
    reply.nil();
    if (e === NULL) continue;
    if (state === EXPIRED) expired = true;
    else if (state === GONE) {
      gone = true;
      e = NULL;
    }
  }
  if (expired || gone) notifyExpired(ctx, args, gone);
}

function hexists(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  reply.int(e !== NULL && findLive(ctx, args, e, 2, false) === LIVE ? 1 : 0);
}

function hlen(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e !== WRONG) reply.int(e === NULL ? 0 : hashCount(ctx.arena, e));
}

function hstrlen(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  reply.int(e !== NULL && findLive(ctx, args, e, 2, false) === LIVE ? foundLength(ctx.arena, e) : 0);
}

// ---- deleting

function hdel(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  boundInline(ctx, args.argc);
  const arena = ctx.arena;
  const timed = hasTimes(arena, e);
  let deleted = 0;
  let lostTime = false;
  let left = hashCount(arena, e);
  for (let i = 2; i < args.argc && left > 0; i++) {
    if (!findField(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) continue;
    if (timed && foundAtMs(arena, e) !== STAYS) lostTime = true;
    deleteFound(arena, e);
    deleted++;
    left--;
  }
  if (lostTime) syncFieldExpiry(ctx, e);
  if (deleted > 0) {
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.HASH, 'hdel', args, 1);
    if (left === 0) removeKey(ctx, args, 1, e);
    ctx.dirty += deleted;
  }
  reply.int(deleted);
}

// ---- counting

const NUMBER = new Uint8Array(INT64_CHARS_MAX + 4);
const NUMBER_VIEW = new DataView(NUMBER.buffer);

// hot: every HINCRBY
function hincrby(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[3]!, args.len[3]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  let { hi, lo } = int64;
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e !== NULL) {
    const state = findLive(ctx, args, e, 2, false);
    if (state === GONE) e = NULL;
    else if (state === LIVE) {
      readFound(ctx.arena, e);
      if (!parseInt64(text.u8, text.off, text.len)) {
        reply.error(HASH_NOT_INTEGER);
        return;
      }
      if (!addInt64(int64.hi, int64.lo, hi, lo)) {
        reply.error(INCR_OVERFLOW);
        return;
      }
      hi = int64.hi;
      lo = int64.lo;
    }
  }
  const width = writeInt64(NUMBER, 0, hi, lo);
  setOne(ctx, args, e, NUMBER, NUMBER_VIEW, 0, width);
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.HASH, 'hincrby', args, 1);
  reply.int64(hi, lo);
}

const FLOAT_ZERO: LongDouble = { mantissa: 0n, exponent: 0, infinite: false };

/** The number in the found field, null when it is none. */
function foundFloat(ctx: ExecContext, e: Ptr): LongDouble | null {
  if (foundLength(ctx.arena, e) >= FLOAT_CHARS_MAX) return null;
  readFound(ctx.arena, e);
  return parseLongDouble(Buffer.from(text.u8.slice(text.off, text.off + text.len)).toString('latin1'));
}

function hincrbyfloat(ctx: ExecContext, args: Args, reply: Reply): void {
  const by = args.len[3]! < FLOAT_CHARS_MAX ? parseLongDouble(args.latin1(3)) : null;
  if (by === null) {
    reply.error(NOT_FLOAT);
    return;
  }
  if (by.infinite) {
    reply.error(NAN_OR_INFINITY_VALUE);
    return;
  }
  let e = writeTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  let value: LongDouble | null = FLOAT_ZERO;
  let atMs = STAYS;
  if (e !== NULL) {
    const state = findLive(ctx, args, e, 2, false);
    if (state === GONE) e = NULL;
    else if (state === LIVE) {
      atMs = foundAtMs(ctx.arena, e);
      value = foundFloat(ctx, e);
    }
  }
  if (value === null) {
    reply.error(HASH_NOT_FLOAT);
    return;
  }
  const sum = addLongDouble(value, by);
  if (sum === null) {
    reply.error(NAN_OR_INFINITY);
    return;
  }
  const bytes = Uint8Array.from(Buffer.from(longDoubleText(sum), 'latin1'));
  setOne(ctx, args, e, bytes, new DataView(bytes.buffer), 0, bytes.length);
  if (ctx.effectsOn) effectOfFloat(ctx, args, bytes, atMs);
  ctx.notify(EVENT_CLASS.HASH, 'hincrbyfloat', args, 1);
  reply.bulk(bytes, 0, bytes.length);
}

/**
 * The sum as it is: HSET, which takes a time of expiry, and HPEXPIREAT to give it back (`atMs`, STAYS: there is none).
 */
function effectOfFloat(ctx: ExecContext, args: Args, bytes: Uint8Array, atMs: number): void {
  ctx.beginEffect(4);
  ctx.effects.text('HSET');
  ctx.effects.arg(args, 1);
  ctx.effects.arg(args, 2);
  ctx.effects.bytes(bytes, 0, bytes.length);
  ctx.endEffect();
  if (atMs === STAYS) return;
  ctx.beginEffect(6);
  ctx.effects.text('HPEXPIREAT');
  ctx.effects.arg(args, 1);
  ctx.effects.integer(atMs);
  ctx.effects.text('FIELDS');
  ctx.effects.text('1');
  ctx.effects.arg(args, 2);
  ctx.endEffect();
}

// ---- definitions

const HASH = { acl: ['@hash'], group: 'hash', route: 'key', inline: true } as const;
const PAIRS = block('data', [str('field'), str('value')], MANY);
const WRITES: readonly CommandFlag[] = ['write', 'denyoom', 'fast'];

/** A command that reads one field, or asks about the hash. */
function reader(
  name: string,
  since: string,
  summary: string,
  withField: boolean,
  handler: Handler<ExecContext>,
): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    ...HASH,
    name,
    arity: withField ? 3 : 2,
    flags: ['readonly', 'fast'],
    since,
    complexity: 'O(1)',
    summary,
    keys: [handler === hget ? keyRO(1) : { ...keyRO(1), flags: ['RO'] }],
    args: withField ? [key(), str('field')] : [key()],
    handler,
  });
}

/** All commands on hashes. */
export const hashFieldCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hset',
    arity: -4,
    flags: WRITES,
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(1) a pair, O(N) for N pairs.',
    summary: 'Sets fields of a hash, which is made if it does not exist.',
    keys: [keyRW(1, 'update')],
    args: [key(), PAIRS],
    history: [['4.0.0', 'Takes several pairs.']],
    handler: hset,
  }),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hsetnx',
    arity: 4,
    flags: WRITES,
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(1)',
    summary: 'Sets a field of a hash, provided that it does not exist.',
    keys: [keyRW(1, 'insert')],
    args: [key(), str('field'), str('value')],
    handler: hsetnx,
  }),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hmset',
    arity: -4,
    flags: WRITES,
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N pairs.',
    summary: 'Sets fields of a hash, which is made if it does not exist.',
    keys: [keyRW(1, 'update')],
    args: [key(), PAIRS],
    deprecatedSince: '4.0.0',
    replacedBy: '`HSET` with multiple field-value pairs',
    docFlags: ['deprecated'],
    handler: hmset,
  }),
  reader('hget', '2.0.0', 'Returns the value of a field.', true, hget),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hmget',
    arity: -3,
    flags: ['readonly', 'fast'],
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N fields.',
    summary: 'Returns the values of several fields.',
    keys: [keyRO(1)],
    args: [key(), str('field', MANY)],
    handler: hmget,
  }),
  reader('hexists', '2.0.0', 'Tells whether a hash has a field.', true, hexists),
  reader('hlen', '2.0.0', 'Returns the number of fields of a hash.', false, hlen),
  reader('hstrlen', '3.2.0', 'Returns the length of the value of a field.', true, hstrlen),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hdel',
    arity: -3,
    flags: ['write', 'fast'],
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N fields.',
    summary: 'Deletes fields of a hash, and the hash with the last one.',
    keys: [keyRW(1, 'delete')],
    args: [key(), str('field', MANY)],
    history: [['2.4.0', 'Takes several fields.']],
    handler: hdel,
  }),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hincrby',
    arity: 4,
    flags: WRITES,
    since: '2.0.0',
    complexity: 'O(1)',
    summary: 'Adds to the integer in a field, which counts from 0 if it is new.',
    keys: [keyRW(1)],
    args: [key(), str('field'), integer('increment')],
    handler: hincrby,
  }),
  defineCommand<ExecContext>({
    ...HASH,
    name: 'hincrbyfloat',
    arity: 4,
    flags: WRITES,
    since: '2.6.0',
    complexity: 'O(1)',
    summary: 'Adds to the decimal number in a field, which counts from 0 if it is new.',
    keys: [keyRW(1)],
    args: [key(), str('field'), double('increment')],
    handler: hincrbyfloat,
  }),
];
