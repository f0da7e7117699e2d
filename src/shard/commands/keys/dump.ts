/**
 * DUMP and RESTORE: a value as a string of bytes that any Redis from 7.0 on reads (src/shard/rdb/ has the format), and
 * back again, whatever Redis wrote them.
 *
 *     | form:1 | value | version:2 | CRC-64 of all before:8 |     little-endian
 *
 * What RESTORE gets may be anybody's bytes: the value is built aside and checked down to the last entry, and takes the
 * key's place only when it is whole.
 */
import { integer, key, keyOW, keyRO, OPT, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  BUSYKEY,
  DUMP_BAD_DATA,
  DUMP_BAD_FOOTER,
  NOT_INTEGER,
  RESTORE_FREQ,
  RESTORE_IDLETIME,
  RESTORE_TTL,
  SYNTAX,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, dropDetached, removeKey, storeDetached } from '../../context/typed-key.js';
import { newClock } from '../../entry/access-clock.js';
import { entryType, setClock, TYPE_STRING } from '../../entry/entry.js';
import { FOOTER_BYTES, soundFooter } from '../../rdb/footer.js';
import { takePayload, writePayload } from '../../rdb/payload.js';
import { BadDataError, RdbReader } from '../../rdb/rdb-reader.js';
import { RdbWriter } from '../../rdb/rdb-writer.js';
import { readValue } from '../../rdb/value-codec.js';
import { integerArg } from '../arguments/integer.js';
import { effectTime } from '../strings/expiry.js';

/** Bytes of a string that cost as much as one element of a collection. */
const BYTES_AN_ELEMENT = 64;
const LFU_COUNTER_MAX = 255;
const CLOCK_RANGE = 2 ** 24;
const INT64_RANGE = 2 ** 63;
/** The largest time that a double below that range holds. */
const AT_MS_MAX = 2 ** 63 - 1024;

const WRITER = new RdbWriter();
const READER = new RdbReader();

// ---- DUMP

function dump(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.nil();
    return;
  }
  const { arena } = ctx;
  const { types } = ctx.keyspace;
  const length = types.of(arena, e).length(arena, e);
  boundInline(ctx, entryType(arena, e) === TYPE_STRING ? length / BYTES_AN_ELEMENT : length);
  WRITER.compress = ctx.control.i32[CONTROL.rdbCompression] !== 0;
  const bytes = writePayload(types, WRITER, arena, e);
  const at = reply.bulkBegin(bytes);
  takePayload(WRITER, reply.u8, at);
  reply.bulkEnd();
}

// ---- RESTORE

/** Options of RESTORE. */
class RestoreOptions {
  replace = false;
  absolute = false;
  /** Seconds since the last use; -1: not given. */
  idleSeconds = -1;
  /** Counter of uses; -1: not given. */
  frequency = -1;
}

const OPTIONS = new RestoreOptions();

function parseRestore(args: Args, reply: Reply): boolean {
  const options = OPTIONS;
  options.replace = false;
  options.absolute = false;
  options.idleSeconds = -1;
  options.frequency = -1;
  for (let i = 4; i < args.argc; i++) {
    const more = i + 1 < args.argc;
    if (args.is(i, 'replace')) options.replace = true;
    else if (args.is(i, 'absttl')) options.absolute = true;
    else if (args.is(i, 'idletime') && more && options.frequency < 0) {
      options.idleSeconds = numberOption(args, ++i, Number.POSITIVE_INFINITY, RESTORE_IDLETIME, reply);
      if (options.idleSeconds < 0) return false;
    } else if (args.is(i, 'freq') && more && options.idleSeconds < 0) {
      options.frequency = numberOption(args, ++i, LFU_COUNTER_MAX, RESTORE_FREQ, reply);
      if (options.frequency < 0) return false;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

/** Argument i as an integer from 0 to `max`; -1 when it is none and the error has been written. */
function numberOption(args: Args, i: number, max: number, error: Uint8Array, reply: Reply): number {
  const n = integerArg(args, i);
  if (Number.isNaN(n)) reply.error(NOT_INTEGER);
  else if (n < 0 || n > max) reply.error(error);
  else return n;
  return -1;
}

function restore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseRestore(args, reply)) return;
  boundInline(ctx, args.len[3]! / BYTES_AN_ELEMENT);
  const { replace, absolute } = OPTIONS;
  if (!replace && ctx.lookupWrite(args, 1) !== NULL) {
    reply.error(BUSYKEY);
    return;
  }
  const ttl = numberOption(args, 2, Number.POSITIVE_INFINITY, RESTORE_TTL, reply);
  if (ttl < 0) return;
  if (!soundFooter(ctx.control, args, 3)) {
    reply.error(DUMP_BAD_FOOTER);
    return;
  }
  const atMs = ttl === 0 || absolute ? Math.min(ttl, AT_MS_MAX) : ttl + ctx.nowMs;
  ctx.useShardOf(args, 1);
  const next = load(ctx, args);
  if (next === NULL) {
    reply.error(DUMP_BAD_DATA);
    return;
  }
  // A sum beyond 64 bits is a time long ago in Redis.
  if (atMs > 0 && (atMs <= ctx.overMs || atMs >= INT64_RANGE)) dropExpired(ctx, args, next);
  else place(ctx, args, next, atMs);
  reply.ok();
}

/** The payload's value as a detached entry; 0 when it is not sound. Throws ArenaFullError. */
function load(ctx: ExecContext, args: Args): Ptr {
  try {
    READER.open(args.u8, args.dv, args.off[3]!, args.len[3]! - FOOTER_BYTES);
    return readValue(ctx.keyspace.types, ctx, args, 1, READER.byte(), READER);
  } catch (error) {
    if (error instanceof BadDataError) return NULL;
    throw error;
  } finally {
    READER.close();
  }
}

/** The time of the value is over: only what it would have replaced goes. */
function dropExpired(ctx: ExecContext, args: Args, next: Ptr): void {
  dropDetached(ctx, next);
  const old = OPTIONS.replace ? ctx.peek(args, 1) : NULL;
  if (old === NULL) return;
  removeKey(ctx, args, 1, old);
  ctx.dirty++;
  if (!ctx.effectsOn) return;
  ctx.beginEffect(2);
  ctx.effects.text(ctx.control.i32[CONTROL.lazyServerDel] !== 0 ? 'UNLINK' : 'DEL');
  ctx.effects.arg(args, 1);
  ctx.endEffect();
}

/** Puts the value in its place; `atMs`: when it expires, 0 for never. */
function place(ctx: ExecContext, args: Args, next: Ptr, atMs: number): void {
  setRestoredClock(ctx, next);
  storeDetached(ctx, args, 1, next);
  if (atMs > 0) {
    ctx.keyspace.setExpire(ctx.peek(args, 1), atMs);
    if (!OPTIONS.absolute && ctx.effectsOn) effectAbsolute(ctx, args, atMs);
  }
  ctx.dirty++;
  ctx.signalReady(args, 1);
  ctx.notify(EVENT_CLASS.NEW, 'new', args, 1);
  ctx.notify(EVENT_CLASS.GENERIC, 'restore', args, 1);
}

/** The access clock that IDLETIME or FREQ ask for, where the policy has such a one. */
function setRestoredClock(ctx: ExecContext, e: Ptr): void {
  const { idleSeconds, frequency } = OPTIONS;
  if (ctx.lfu) {
    if (frequency >= 0) setClock(ctx.arena, e, (newClock(ctx.nowMs, true) & ~LFU_COUNTER_MAX) | frequency);
  } else if (idleSeconds >= 0) {
    setClock(ctx.arena, e, (newClock(ctx.nowMs, false) - (idleSeconds % CLOCK_RANGE)) & (CLOCK_RANGE - 1));
  }
}

/** The command with the time as it is then. */
function effectAbsolute(ctx: ExecContext, args: Args, atMs: number): void {
  ctx.beginEffect(args.argc + 1);
  for (let i = 0; i < args.argc; i++) {
    if (i === 2) effectTime(ctx, atMs);
    else ctx.effects.arg(args, i);
  }
  ctx.effects.text('ABSTTL');
  ctx.endEffect();
}

// ---- definitions

const RESTORE: Omit<CommandDef<ExecContext>, 'name' | 'flags' | 'since' | 'summary' | 'group'> = {
  arity: -4,
  acl: ['@keyspace', '@dangerous'],
  longWork: 'value',
  complexity: 'O(N) for N elements, O(N*log(N)) for a sorted set.',
  keys: [keyOW(1)],
  args: [
    key(),
    integer('ttl'),
    str('serialized-value'),
    token('replace', 'REPLACE', { since: '3.0.0', ...OPT }),
    token('absttl', 'ABSTTL', { since: '5.0.0', ...OPT }),
    integer('seconds', { token: 'IDLETIME', since: '5.0.0', ...OPT }),
    integer('frequency', { token: 'FREQ', since: '5.0.0', ...OPT }),
  ],
  history: [
    ['3.0.0', 'Takes `REPLACE`.'],
    ['5.0.0', 'Takes `ABSTTL`.'],
    ['5.0.0', 'Takes `IDLETIME` and `FREQ`.'],
  ],
  route: 'key',
  inline: true,
  handler: restore,
};

/** DUMP, RESTORE, RESTORE-ASKING. */
export const dumpCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'dump',
    arity: 2,
    flags: ['readonly'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '2.6.0',
    longWork: 'value',
    complexity: 'O(N) for N elements.',
    summary: 'Returns the value of a key as bytes that RESTORE reads.',
    keys: [keyRO(1)],
    args: [key()],
    tips: ['nondeterministic_output'],
    route: 'key',
    inline: true,
    handler: dump,
  }),
  defineCommand<ExecContext>({
    ...RESTORE,
    name: 'restore',
    wakes: 'key',
    flags: ['write', 'denyoom'],
    group: 'generic',
    since: '2.6.0',
    summary: 'Makes a key from the bytes that DUMP returned.',
  }),
  defineCommand<ExecContext>({
    ...RESTORE,
    name: 'restore-asking',
    wakes: 'key',
    flags: ['write', 'denyoom', 'asking'],
    group: 'server',
    since: '3.0.0',
    docFlags: ['syscmd'],
    summary: 'RESTORE, for moving keys within a cluster.',
  }),
];
