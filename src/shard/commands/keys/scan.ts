/**
 * KEYS, SCAN, RANDOMKEY: commands without a key, as jobs: they hold one shard's lease at a time, for SLICE_MS, and
 * yield between the slices, so other clients hardly notice them. What a walk promises is in keyspace/scan.ts.
 */

import { monotonicMs } from '../../../shared/clock.js';
import { integer, OPT, pattern, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { INVALID_CURSOR, NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { globMatch } from '../../../shared/glob.js';
import { bytesOf, segmentOf, wordAt, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { random, randomBelow } from '../../../shared/random.js';
import type { Args } from '../../../shared/resp/args.js';
import { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { entryExpireAtMs, entryType, F_BIG_KEY, keyWord } from '../../entry/entry.js';
import { entryKeyBytes, replyEntryKey } from '../../entry/entry-key.js';
import type { TypeTable } from '../../entry/type-table.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import { pointAt, ScanPosition, scanStep } from '../../keyspace/scan.js';
import { R_DEPTH } from '../../structures/extendible.js';
import { BUCKETS, T_COUNT, T_DEPTH, TABLE_ENTRIES_MAX, tableEntries } from '../../structures/table.js';
import { collectTable, FOUND, nextPrefix, PREFIX_END } from '../../structures/table-walk.js';
import { integerArg } from '../arguments/integer.js';

/** How long a slice holds the lease, milliseconds. */
const SLICE_MS = 0.2;
/** KEYS begins no further table after this time: one takes about as long again. */
const KEYS_SLICE_MS = SLICE_MS / 2;
/** SCAN's COUNT by default. */
const COUNT_DEFAULT = 10;
/** SCAN visits at most so many buckets for each key of COUNT, as Redis does... */
const STEPS_PER_COUNT = 10;
/** ...but so many in any case, which is enough for all buckets of a small database on every shard. */
const STEPS_MIN = 128;
/** SCAN reads the clock once per so many steps (a power of two). */
const STEPS_PER_CLOCK = 8;
/** How often RANDOMKEY looks for a well-filled table before it takes what it has. */
const TABLE_TRIES = 100;
/** How often RANDOMKEY passes over an expired key that it may not remove. */
const EXPIRED_TRIES = 100;

const STAR = 42;
const TYPE_ANY = -1;
const TYPE_UNKNOWN = -2;

/** Whether a byte of argument i means more than itself in a pattern. */
function isGlob(args: Args, i: number): boolean {
  const end = args.off[i]! + args.len[i]!;
  for (let at = args.off[i]!; at < end; at++) {
    const c = args.u8[at]!;
    if (c === STAR || c === 63 || c === 91 || c === 92) return true;
  }
  return false;
}

/** Whether argument i is the pattern `*`. */
function isStar(args: Args, i: number): boolean {
  return args.len[i] === 1 && args.u8[args.off[i]!] === STAR;
}

/** Whether the key of an entry matches the pattern in argument i. hot: every key of KEYS and SCAN */
function keyMatches(keyspace: Keyspace, e: Ptr, args: Args, i: number): boolean {
  const arena = keyspace.arena;
  const head = wordAt(arena, e, 0);
  if ((head & (F_BIG_KEY << 8)) !== 0) {
    const key = entryKeyBytes(arena, e);
    return globMatch(args.u8, args.off[i]!, args.len[i]!, key, 0, key.length, false);
  }
  const u8 = bytesOf(arena, e);
  return globMatch(args.u8, args.off[i]!, args.len[i]!, u8, keyWord(arena, e) * 4, head >>> 16, false);
}

function replyKey(keyspace: Keyspace, e: Ptr, reply: Reply): void {
  const arena = keyspace.arena;
  const segment = segmentOf(e);
  const head = arena.i32[segment]![wordIndex(e)]!;
  if ((head & (F_BIG_KEY << 8)) !== 0) replyEntryKey(arena, e, reply);
  else reply.bulkView(arena.u8[segment]!, arena.dv[segment]!, keyWord(arena, e) * 4, head >>> 16);
}

function isExpired(ctx: ExecContext, keyspace: Keyspace, e: Ptr): boolean {
  const atMs = entryExpireAtMs(keyspace.arena, e);
  return atMs >= 0 && atMs < ctx.overMs;
}

/** Takes the lease of a shard for a slice and makes it the present one. */
function enter(ctx: ExecContext, shard: number): void {
  ctx.leases.takeShard(shard);
  ctx.refresh();
  ctx.useShard(shard);
}

// ---- KEYS

function* keys(ctx: ExecContext, args: Args, reply: Reply): Generator<void, void, void> {
  if (!isGlob(args, 1)) {
    keysOfOne(ctx, args, reply);
    return;
  }
  const all = isStar(args, 1);
  const mark = reply.deferredArray();
  let listed = 0;
  let endMs = monotonicMs() + KEYS_SLICE_MS;
  for (let shard = 0; shard < ctx.shardCount; shard++) {
    let position = 0;
    while (position < PREFIX_END) {
      enter(ctx, shard);
      const dict = ctx.keyspace.dict;
      do {
        const table = dict.tableOf(position | 0);
        if (table === NULL) {
          position = PREFIX_END;
          break;
        }
        listed += listTable(ctx, args, reply, collectTable(dict, table, position), all);
        position = nextPrefix(ctx.arena, table);
      } while (position < PREFIX_END && monotonicMs() < endMs);
      ctx.leases.giveAll();
      if (monotonicMs() < endMs) continue;
      yield;
      endMs = monotonicMs() + KEYS_SLICE_MS;
    }
  }
  reply.setDeferred(mark, listed);
}

/** Writes those of the first `n` entries in FOUND that match and live; returns their number. */
function listTable(ctx: ExecContext, args: Args, reply: Reply, n: number, all: boolean): number {
  const keyspace = ctx.keyspace;
  let listed = 0;
  for (let i = 0; i < n; i++) {
    const e = FOUND[i]! as Ptr;
    if ((!all && !keyMatches(keyspace, e, args, 1)) || isExpired(ctx, keyspace, e)) continue;
    replyKey(keyspace, e, reply);
    listed++;
  }
  return listed;
}

/** A pattern that only its own text matches is a lookup. */
function keysOfOne(ctx: ExecContext, args: Args, reply: Reply): void {
  enter(ctx, ctx.shardOfKey(args, 1));
  const e = ctx.keyspace.find(args.u8, args.dv, args.off[1]!, args.len[1]!);
  if (e === NULL || isExpired(ctx, ctx.keyspace, e)) reply.array(0);
  else {
    reply.array(1);
    replyKey(ctx.keyspace, e, reply);
  }
  ctx.leases.giveAll();
}

// ---- SCAN

/** The cursor in argument i, read as strtoul does; NaN when it is none. Rounded beyond 2^53: no cursor of ours. */
function cursorArg(args: Args, i: number): number {
  const text = args.latin1(i).split('\0')[0]!;
  if (text === '') return 0;
  const match = /^([+-]?)0*([0-9]+)$/.exec(text);
  if (match === null) return Number.NaN;
  const digits = match[2]!;
  if (digits.length > 20 || (digits.length === 20 && digits > '18446744073709551615')) return Number.NaN;
  const n = Number(digits);
  return match[1] === '-' && n !== 0 ? 2 ** 64 : n;
}

/** The options of a SCAN. */
class ScanOptions {
  count = COUNT_DEFAULT;
  /** Argument with the pattern, 0 when everything matches. */
  match = 0;
  type = TYPE_ANY;
}

/** Null when an error has been written. */
function scanOptions(types: TypeTable, args: Args, reply: Reply): ScanOptions | null {
  const options = new ScanOptions();
  for (let i = 2; i < args.argc; i += 2) {
    const last = i + 1 >= args.argc;
    if (!last && args.is(i, 'count')) {
      options.count = integerArg(args, i + 1);
      if (Number.isNaN(options.count)) {
        reply.error(NOT_INTEGER);
        return null;
      }
      if (options.count < 1) {
        reply.error(SYNTAX);
        return null;
      }
    } else if (!last && args.is(i, 'match')) options.match = isStar(args, i + 1) ? 0 : i + 1;
    else if (!last && args.is(i, 'type')) options.type = typeArg(types, args, i + 1);
    else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return options;
}

function typeArg(types: TypeTable, args: Args, i: number): number {
  return types.named(args.latin1(i))?.type ?? TYPE_UNKNOWN;
}

function* scan(ctx: ExecContext, args: Args, reply: Reply): Generator<void, void, void> {
  const cursor = cursorArg(args, 1);
  if (Number.isNaN(cursor)) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const options = scanOptions(ctx.keyspace.types, args, reply);
  if (options === null) return;
  const shards = ctx.shardCount;
  const position = new ScanPosition();
  position.fromCursor(cursor);
  const found = new ScanReply(reply.proto);
  let stepsLeft = Math.max(options.count * STEPS_PER_COUNT, STEPS_MIN + BUCKETS * shards);
  let keysLeft = options.count;
  while (position.shard < shards && keysLeft > 0 && stepsLeft > 0) {
    const shard = position.shard;
    enter(ctx, shard);
    const dict = ctx.keyspace.dict;
    const endMs = monotonicMs() + SLICE_MS;
    let late = false;
    do {
      const n = scanStep(dict, position);
      keysLeft -= n;
      if (n > 0) scanBucket(ctx, args, options, found, n);
      stepsLeft--;
      if ((stepsLeft & (STEPS_PER_CLOCK - 1)) === 0) late = monotonicMs() > endMs;
    } while (position.shard === shard && keysLeft > 0 && stepsLeft > 0 && !late);
    ctx.leases.giveAll();
    if (late) yield;
  }
  reply.array(2);
  reply.bulkInt(position.toCursor(shards));
  found.finish(reply);
}

/** The keys of a SCAN: they come before their number is known, and after the cursor that is known last. */
class ScanReply {
  count = 0;
  readonly reply: Reply;
  private readonly mark: number;

  constructor(proto: 2 | 3) {
    this.reply = new Reply(1024);
    this.reply.proto = proto;
    this.mark = this.reply.deferredArray();
  }

  finish(reply: Reply): void {
    this.reply.setDeferred(this.mark, this.count);
    if (this.reply.isSingleChunk) {
      reply.raw(this.reply.u8, 0, this.reply.pos);
      return;
    }
    const chunks = this.reply.takeChunks();
    for (let i = 0; i < chunks.length; i++) reply.rawChunk(chunks[i]!);
  }
}

/** Adds those of the first `n` entries in FOUND that match and live; removes those that match and are expired. */
function scanBucket(ctx: ExecContext, args: Args, options: ScanOptions, found: ScanReply, n: number): void {
  const keyspace = ctx.keyspace;
  for (let i = 0; i < n; i++) {
    const e = FOUND[i]! as Ptr;
    if (options.match !== 0 && !keyMatches(keyspace, e, args, options.match)) continue;
    if (isExpired(ctx, keyspace, e)) {
      remove(ctx, keyspace, e);
      continue;
    }
    if (options.type !== TYPE_ANY && entryType(keyspace.arena, e) !== options.type) continue;
    replyKey(keyspace, e, found.reply);
    found.count++;
  }
}

/** Removes an expired entry that a walk met, unless clients are paused. Whether it is gone. */
function remove(ctx: ExecContext, keyspace: Keyspace, e: Ptr): boolean {
  if (ctx.keepsExpired()) return false;
  pointAt(keyspace.dict, e);
  ctx.expire(keyspace, e);
  return true;
}

// ---- RANDOMKEY

function* randomkey(ctx: ExecContext, _args: Args, reply: Reply): Generator<void, void, void> {
  let expiredLeft = EXPIRED_TRIES;
  for (;;) {
    const shard = randomShard(ctx);
    if (shard < 0) {
      reply.nil();
      return;
    }
    enter(ctx, shard);
    const keyspace = ctx.keyspace;
    const endMs = monotonicMs() + SLICE_MS;
    while (keyspace.dict.count > 0) {
      const e = randomEntry(keyspace);
      if (!isExpired(ctx, keyspace, e) || (!remove(ctx, keyspace, e) && --expiredLeft <= 0)) {
        replyKey(keyspace, e, reply);
        ctx.leases.giveAll();
        return;
      }
      // Another shard may have keys that live: the draw begins anew now and then.
      if (monotonicMs() > endMs) break;
    }
    ctx.leases.giveAll();
    yield;
  }
}

/** A shard, each as likely as its share of the keys; -1 when there are none. Counts are read without leases. */
function randomShard(ctx: ExecContext): number {
  let total = 0;
  for (let s = 0; s < ctx.shardCount; s++) total += ctx.keyspaces[s]![ctx.db]!.dict.count;
  let left = randomBelow(total);
  for (let s = 0; s < ctx.shardCount; s++) {
    const count = ctx.keyspaces[s]![ctx.db]!.dict.count;
    if (left < count) return s;
    left -= count;
  }
  return -1;
}

/**
 * An entry, each as likely: a table is drawn by a random hash (so with the share of its range, 2^-depth), kept with a
 * probability that makes up for that and weighs its number of entries, then one of its entries is drawn.
 * @requires the dictionary is not empty
 */
function randomEntry(keyspace: Keyspace): Ptr {
  const { arena, dict } = keyspace;
  const depth = arena.ctl[dict.root + R_DEPTH]!;
  let table = NULL;
  for (let tries = 0; ; tries++) {
    table = dict.tableOf((random() * PREFIX_END) | 0);
    const i32 = wordsOf(arena, table);
    const tw = wordIndex(table);
    const count = i32[tw + T_COUNT]!;
    if (count === 0) continue;
    if (depth === 0 || tries >= TABLE_TRIES) break;
    if (random() * TABLE_ENTRIES_MAX < count * 2 ** (i32[tw + T_DEPTH]! - depth)) break;
  }
  return FOUND[Math.floor(random() * tableEntries(arena, table, FOUND))]! as Ptr;
}

/** KEYS, SCAN, RANDOMKEY. */
export const scanCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    acl: ['@keyspace', '@dangerous'],
    group: 'generic',
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N keys in the database, in slices between which other commands run.',
    summary: 'Lists the keys that match a pattern.',
    args: [pattern()],
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
    route: 'job',
    job: keys,
  }),
  defineCommand<ExecContext>({
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '2.8.0',
    longWork: 'value',
    complexity: 'O(1) a call; O(N) for a walk over all N keys.',
    summary: 'Walks over the keys of the database in steps.',
    args: [
      integer('cursor'),
      pattern('pattern', { ...OPT, token: 'MATCH' }),
      integer('count', { ...OPT, token: 'COUNT' }),
      str('type', { ...OPT, token: 'TYPE', since: '6.0.0' }),
    ],
    tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'],
    history: [['6.0.0', 'Option `TYPE`.']],
    route: 'job',
    job: scan,
  }),
  defineCommand<ExecContext>({
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Draws a key at random.',
    tips: ['request_policy:all_shards', 'response_policy:special', 'nondeterministic_output'],
    route: 'job',
    job: randomkey,
  }),
];
