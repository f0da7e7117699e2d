/** Sorted sets: ZADD, ZINCRBY, ZREM and the questions about members; the rest of the family is in files imported. */
import {
  block,
  double,
  integer,
  key,
  keyAt,
  keyRO,
  keyRW,
  MANY,
  OPT,
  oneOf,
  str,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  NAME_BOUNDS,
  NOT_FLOAT,
  SCORE_BOUNDS,
  SYNTAX,
  ZADD_COMPARISONS,
  ZADD_CONDITIONS,
  ZADD_INCR_PAIRS,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { float64, parseFloat64 } from '../../../shared/numbers/float64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { nameRange, parseNameBounds, parseScoreBounds, range, scoreRange } from '../../types/zset/zset-range.js';
import {
  ADD_GT,
  ADD_INCR,
  ADD_LT,
  ADD_NX,
  ADD_XX,
  scored,
  zsetCount,
  zsetRank,
  zsetRemove,
  zsetScore,
} from '../../types/zset/zset-value.js';
import { adding, addScored } from './add.js';
import { replyScore } from './reply.js';

const LETTERS_FROM = 65;

function parseOptions(args: Args, flags: number): void {
  let changes = false;
  let i = 2;
  for (; i < args.argc; i++) {
    // Most often a number follows at once.
    if (args.len[i]! < 2 || args.u8[args.off[i]!]! < LETTERS_FROM) break;
    if (args.is(i, 'nx')) flags |= ADD_NX;
    else if (args.is(i, 'xx')) flags |= ADD_XX;
    else if (args.is(i, 'gt')) flags |= ADD_GT;
    else if (args.is(i, 'lt')) flags |= ADD_LT;
    else if (args.is(i, 'incr')) flags |= ADD_INCR;
    else if (args.is(i, 'ch')) changes = true;
    else break;
  }
  adding.flags = flags;
  adding.changes = changes;
  adding.at = i;
}

/** The error that options and scores deserve; null, and the scores in `scores`, when there is none. */
function parseAdd(args: Args, flags: number): Uint8Array | null {
  parseOptions(args, flags);
  flags = adding.flags;
  const words = args.argc - adding.at;
  if (words === 0 || words % 2 !== 0) return SYNTAX;
  if ((flags & ADD_NX) !== 0 && (flags & ADD_XX) !== 0) return ZADD_CONDITIONS;
  const both = ADD_GT | ADD_LT;
  if (((flags & ADD_NX) !== 0 && (flags & both) !== 0) || (flags & both) === both) return ZADD_COMPARISONS;
  const pairs = words >> 1;
  if ((flags & ADD_INCR) !== 0 && pairs > 1) return ZADD_INCR_PAIRS;
  adding.begin(2, pairs);
  for (let j = 0; j < pairs; j++) {
    const i = adding.at + 2 * j;
    if (!parseFloat64(args.u8, args.off[i]!, args.len[i]!)) return NOT_FLOAT;
    adding.scores[j] = float64.value;
  }
  return null;
}

// hot: ZADD, ZINCRBY
function add(ctx: ExecContext, args: Args, reply: Reply, given: number): void {
  const error = parseAdd(args, given);
  if (error !== null) {
    reply.error(error);
    return;
  }
  addScored(ctx, args, reply);
}

function zadd(ctx: ExecContext, args: Args, reply: Reply): void {
  add(ctx, args, reply, 0);
}

function zincrby(ctx: ExecContext, args: Args, reply: Reply): void {
  add(ctx, args, reply, ADD_INCR);
}

function zrem(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const arena = ctx.arena;
  let removed = 0;
  let left = zsetCount(arena, e);
  for (let i = 2; i < args.argc && left > 0; i++) {
    if (!zsetRemove(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) continue;
    removed++;
    left--;
  }
  if (removed > 0) {
    ctx.dirty += removed;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.ZSET, 'zrem', args, 1);
    if (left === 0) removeKey(ctx, args, 1, e);
  }
  reply.int(removed);
}

// ---- reading

function zcard(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e !== WRONG) reply.int(e === NULL ? 0 : zsetCount(ctx.arena, e));
}

function zscore(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e !== WRONG) replyScoreOf(ctx, args, e, 2, reply);
}

/** Writes the score of the member in argument i. */
function replyScoreOf(ctx: ExecContext, args: Args, e: Ptr, i: number, reply: Reply): void {
  const score = e === NULL ? Number.NaN : zsetScore(ctx.arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!);
  if (Number.isNaN(score)) reply.nil();
  else replyScore(reply, score);
}

function zmscore(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) replyScoreOf(ctx, args, e, i, reply);
}

function replyRank(ctx: ExecContext, args: Args, reply: Reply, name: string, reverse: boolean): void {
  if (args.argc > 4) {
    reply.wrongArity(name);
    return;
  }
  const withScore = args.argc === 4;
  if (withScore && !args.is(3, 'withscore')) {
    reply.error(SYNTAX);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  let rank = e === NULL ? -1 : zsetRank(ctx.arena, e, args.u8, args.dv, args.off[2]!, args.len[2]!);
  if (rank < 0) {
    if (withScore) reply.nullArray();
    else reply.nil();
    return;
  }
  if (reverse) rank = zsetCount(ctx.arena, e) - 1 - rank;
  if (withScore) reply.array(2);
  reply.int(rank);
  if (withScore) replyScore(reply, scored.score);
}

function zrank(ctx: ExecContext, args: Args, reply: Reply): void {
  replyRank(ctx, args, reply, 'zrank', false);
}

function zrevrank(ctx: ExecContext, args: Args, reply: Reply): void {
  replyRank(ctx, args, reply, 'zrevrank', true);
}

function zcount(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseScoreBounds(args, 2, 3)) {
    reply.error(SCORE_BOUNDS);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  scoreRange(ctx.arena, e);
  reply.int(range.to - range.from);
}

function zlexcount(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseNameBounds(args, 2, 3)) {
    reply.error(NAME_BOUNDS);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  nameRange(ctx.arena, e, args);
  reply.int(range.to - range.from);
}

// ---- definitions

const ZSET = { acl: ['@sortedset'], group: 'sorted-set', route: 'key', inline: true } as const;
const READ = { ...ZSET, flags: ['readonly', 'fast'] } as const;
const RANK = {
  ...READ,
  arity: -3,
  since: '2.0.0',
  complexity: 'O(log(N)) for N members.',
  keys: [keyRO(1)],
  args: [key(), str('member'), token('withscore', 'WITHSCORE', OPT)],
  history: [['7.2.0', 'Option `WITHSCORE`.']],
} as const;

export const zsetMemberCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...ZSET,
    name: 'zadd',
    wakes: 'key',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    since: '1.2.0',
    longWork: 'arguments',
    complexity: 'O(log(N)) for each member, with N members in the set.',
    summary: 'Adds members with scores to a sorted set, or gives members other scores.',
    keys: [keyRW(1, 'update')],
    args: [
      key(),
      oneOf('condition', [token('nx'), token('xx')], { ...OPT, since: '3.0.2' }),
      oneOf('comparison', [token('gt'), token('lt')], { ...OPT, since: '6.2.0' }),
      token('change', 'CH', { ...OPT, since: '3.0.2' }),
      token('increment', 'INCR', { ...OPT, since: '3.0.2' }),
      block('data', [double('score'), str('member')], MANY),
    ],
    history: [
      ['2.4.0', 'Takes more than one member.'],
      ['3.0.2', 'Options `XX`, `NX`, `CH`, `INCR`.'],
      ['6.2.0', 'Options `GT`, `LT`.'],
    ],
    handler: zadd,
  }),
  defineCommand<ExecContext>({
    ...ZSET,
    name: 'zincrby',
    wakes: 'key',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    since: '1.2.0',
    complexity: 'O(log(N)) for N members.',
    summary: 'Adds to the score of a member; a member that is missing has 0.',
    keys: [keyRW(1)],
    args: [key(), integer('increment'), str('member')],
    handler: zincrby,
  }),
  defineCommand<ExecContext>({
    ...ZSET,
    name: 'zrem',
    arity: -3,
    flags: ['write', 'fast'],
    since: '1.2.0',
    longWork: 'arguments',
    complexity: 'O(M*log(N)) for M members to remove of N.',
    summary: 'Removes members from a sorted set; with the last one goes the key.',
    keys: [keyRW(1, 'delete')],
    args: [key(), str('member', MANY)],
    history: [['2.4.0', 'Takes more than one member.']],
    handler: zrem,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zcard',
    arity: 2,
    since: '1.2.0',
    complexity: 'O(1)',
    summary: 'Counts the members of a sorted set.',
    keys: [keyAt(1, ['RO'])],
    args: [key()],
    handler: zcard,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zscore',
    arity: 3,
    since: '1.2.0',
    complexity: 'O(1)',
    summary: 'Returns the score of a member.',
    keys: [keyRO(1)],
    args: [key(), str('member')],
    handler: zscore,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zmscore',
    arity: -3,
    since: '6.2.0',
    longWork: 'arguments',
    complexity: 'O(N) for N members asked for.',
    summary: 'Returns the scores of several members.',
    keys: [keyRO(1)],
    args: [key(), str('member', MANY)],
    handler: zmscore,
  }),
  defineCommand<ExecContext>({
    ...RANK,
    name: 'zrank',
    summary: 'Returns how many members come before a member.',
    handler: zrank,
  }),
  defineCommand<ExecContext>({
    ...RANK,
    name: 'zrevrank',
    summary: 'Returns how many members come after a member.',
    handler: zrevrank,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zcount',
    arity: 4,
    since: '2.0.0',
    complexity: 'O(log(N)) for N members.',
    summary: 'Counts the members with scores in a range.',
    keys: [keyRO(1)],
    args: [key(), double('min'), double('max')],
    handler: zcount,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zlexcount',
    arity: 4,
    since: '2.8.9',
    complexity: 'O(log(N)) for N members.',
    summary: 'Counts the members with names in a range, where all scores are equal.',
    keys: [keyRO(1)],
    args: [key(), str('min'), str('max')],
    handler: zlexcount,
  }),
];

/** All commands of the sorted set family. */
