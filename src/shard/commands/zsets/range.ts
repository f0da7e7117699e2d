/**
 * ZRANGE, its older forms (ZREVRANGE, Z[REV]RANGEBYSCORE, Z[REV]RANGEBYLEX) and ZRANGESTORE. Every kind of range comes
 * down to two ranks, so the size of the answer is known before its first member is visited, and LIMIT costs nothing.
 */
import {
  block,
  double,
  integer,
  key,
  keyAt,
  keyRO,
  OPT,
  oneOf,
  str,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  NAME_BOUNDS,
  NOT_INTEGER,
  SCORE_BOUNDS,
  SYNTAX,
  ZRANGE_LIMIT,
  ZRANGE_SCORES,
} from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { nameRange, parseNameBounds, parseScoreBounds, range, scoreRange } from '../../types/zset/zset-range.js';
import { zsetCount } from '../../types/zset/zset-value.js';
import { integerArg } from '../arguments/integer.js';
import { inPairs, replyMembers, replyScore } from './reply.js';
import { addToZset, beginZset, dropZset, removeDestination, storeZset } from './store.js';

/** Kinds of ranges. */
const BY_RANK = 0;
const BY_SCORE = 1;
const BY_LEX = 2;

const CURSOR = new ZsetCursor();

/** The range that the running command asks for. */
class Query {
  by = BY_RANK;
  reverse = false;
  withScores = false;
  offset = 0;
  /** Negative: no limit. */
  limit = -1;
  start = 0;
  stop = 0;
}

const QUERY = new Query();

/**
 * Reads the range whose key is in argument k, and the options behind it; null, or the error. `by` and `reverse` are
 * fixed by the command's name unless `free`; `store`: no WITHSCORES.
 */
function parseQuery(
  args: Args,
  k: number,
  by: number,
  reverse: boolean,
  free: boolean,
  store: boolean,
): Uint8Array | null {
  QUERY.by = by;
  QUERY.reverse = reverse;
  QUERY.withScores = false;
  QUERY.offset = 0;
  QUERY.limit = -1;
  for (let i = k + 3; i < args.argc; i++) {
    if (!store && args.is(i, 'withscores')) QUERY.withScores = true;
    else if (i + 2 < args.argc && args.is(i, 'limit')) {
      QUERY.offset = integerArg(args, i + 1);
      QUERY.limit = integerArg(args, i + 2);
      if (Number.isNaN(QUERY.offset) || Number.isNaN(QUERY.limit)) return NOT_INTEGER;
      i += 2;
    } else if (free && !QUERY.reverse && args.is(i, 'rev')) QUERY.reverse = true;
    else if (free && QUERY.by === BY_RANK && args.is(i, 'bylex')) QUERY.by = BY_LEX;
    else if (free && QUERY.by === BY_RANK && args.is(i, 'byscore')) QUERY.by = BY_SCORE;
    else return SYNTAX;
  }
  if (QUERY.limit !== -1 && QUERY.by === BY_RANK) return ZRANGE_LIMIT;
  if (QUERY.withScores && QUERY.by === BY_LEX) return ZRANGE_SCORES;
  return parseBounds(args, k);
}

function parseBounds(args: Args, k: number): Uint8Array | null {
  if (QUERY.by === BY_RANK) {
    QUERY.start = integerArg(args, k + 1);
    QUERY.stop = integerArg(args, k + 2);
    return Number.isNaN(QUERY.start) || Number.isNaN(QUERY.stop) ? NOT_INTEGER : null;
  }
  const min = QUERY.reverse ? k + 2 : k + 1;
  const max = QUERY.reverse ? k + 1 : k + 2;
  if (QUERY.by === BY_SCORE) return parseScoreBounds(args, min, max) ? null : SCORE_BOUNDS;
  return parseNameBounds(args, min, max) ? null : NAME_BOUNDS;
}

/** Finds the ranks of what the query asks of the set in `e`: `range.from` ... `range.to` - 1. */
function resolve(ctx: ExecContext, args: Args, e: Ptr): void {
  const arena = ctx.arena;
  if (QUERY.by === BY_RANK) {
    ranksOf(zsetCount(arena, e));
    return;
  }
  if (QUERY.by === BY_SCORE) scoreRange(arena, e);
  else nameRange(arena, e, args);
  const { offset, limit } = QUERY;
  const size = range.to - range.from;
  if (offset < 0 || offset >= size) {
    range.to = range.from;
    return;
  }
  const n = limit < 0 ? size - offset : Math.min(limit, size - offset);
  if (QUERY.reverse || offset !== 0) range.at = 0;
  if (QUERY.reverse) {
    range.to -= offset;
    range.from = range.to - n;
  } else {
    range.from += offset;
    range.to = range.from + n;
  }
}

/** The ranks from `start` to `stop`, both included, counted from the other end with `reverse`. */
function ranksOf(count: number): void {
  const start = Math.max(QUERY.start < 0 ? QUERY.start + count : QUERY.start, 0);
  const stop = Math.min(QUERY.stop < 0 ? QUERY.stop + count : QUERY.stop, count - 1);
  range.at = 0;
  if (start > stop) {
    range.from = 0;
    range.to = 0;
    return;
  }
  range.from = QUERY.reverse ? count - 1 - stop : start;
  range.to = QUERY.reverse ? count - start : stop + 1;
}

// hot: ZRANGE, ZRANGEBYSCORE
function writeRange(ctx: ExecContext, e: Ptr, reply: Reply): void {
  const { withScores } = QUERY;
  const n = range.to - range.from;
  boundInline(ctx, n);
  replyMembers(reply, n, withScores);
  if (n === 0) return;
  const pairs = inPairs(reply, withScores);
  CURSOR.open(ctx.arena, e, QUERY.reverse ? range.to - 1 : range.from, range.at);
  for (let left = n; left > 0; left--) {
    if (QUERY.reverse) CURSOR.stepBack();
    else CURSOR.step();
    if (pairs) reply.array(2);
    CURSOR.reply(reply);
    if (withScores) replyScore(reply, CURSOR.score);
  }
}

function answer(ctx: ExecContext, args: Args, reply: Reply, by: number, reverse: boolean, free: boolean): void {
  const error = parseQuery(args, 1, by, reverse, free, false);
  if (error !== null) {
    reply.error(error);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(0);
    return;
  }
  resolve(ctx, args, e);
  writeRange(ctx, e, reply);
}

function zrange(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_RANK, false, true);
}

function zrevrange(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_RANK, true, false);
}

function zrangebyscore(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_SCORE, false, false);
}

function zrevrangebyscore(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_SCORE, true, false);
}

function zrangebylex(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_LEX, false, false);
}

function zrevrangebylex(ctx: ExecContext, args: Args, reply: Reply): void {
  answer(ctx, args, reply, BY_LEX, true, false);
}

function zrangestore(ctx: ExecContext, args: Args, reply: Reply): void {
  const error = parseQuery(args, 2, BY_RANK, false, true, true);
  if (error !== null) {
    reply.error(error);
    return;
  }
  const e = readTyped(ctx, args, 2, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    removeDestination(ctx, args, 1, reply);
    return;
  }
  resolve(ctx, args, e);
  const { from } = range;
  const n = range.to - from;
  boundInline(ctx, n);
  CURSOR.open(ctx.arena, e, from);
  ctx.useShardOf(args, 1);
  beginZset(ctx, n);
  try {
    for (let left = n; left > 0; left--) {
      CURSOR.next();
      addToZset(CURSOR.score, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
    }
  } catch (failure) {
    dropZset();
    throw failure;
  }
  storeZset(ctx, args, 1, 'zrangestore', reply);
}

// ---- definitions

const READ = {
  acl: ['@sortedset'],
  group: 'sorted-set',
  route: 'key',
  inline: true,
  arity: -4,
  flags: ['readonly'],
  longWork: 'value',
  complexity: 'O(log(N)+M) for N members in the set, of which M are returned.',
  keys: [keyRO(1)],
} as const;
const OLD = { ...READ, deprecatedSince: '6.2.0', docFlags: ['deprecated'] } as const;
const LIMIT = [integer('offset'), integer('count')] as const;
const WITHSCORES = token('withscores', 'WITHSCORES', OPT);

/** ZRANGE and its kin. */
export const zsetRangeCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...READ,
    name: 'zrange',
    since: '1.2.0',
    summary: 'Lists the members in a range of ranks, scores or names.',
    args: [
      key(),
      str('start'),
      str('stop'),
      oneOf('sortby', [token('byscore'), token('bylex')], { ...OPT, since: '6.2.0' }),
      token('rev', 'REV', { ...OPT, since: '6.2.0' }),
      block('limit', LIMIT, { ...OPT, token: 'LIMIT', since: '6.2.0' }),
      WITHSCORES,
    ],
    history: [['6.2.0', 'Options `REV`, `BYSCORE`, `BYLEX`, `LIMIT`.']],
    handler: zrange,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'zrevrange',
    since: '1.2.0',
    summary: 'Lists the members in a range of ranks, the highest score first.',
    args: [key(), integer('start'), integer('stop'), WITHSCORES],
    replacedBy: '`ZRANGE` with the `REV` argument',
    handler: zrevrange,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'zrangebyscore',
    since: '1.0.5',
    summary: 'Lists the members with scores in a range.',
    args: [
      key(),
      double('min'),
      double('max'),
      token('withscores', 'WITHSCORES', { ...OPT, since: '2.0.0' }),
      block('limit', LIMIT, { ...OPT, token: 'LIMIT' }),
    ],
    history: [['2.0.0', 'Option `WITHSCORES`.']],
    replacedBy: '`ZRANGE` with the `BYSCORE` argument',
    handler: zrangebyscore,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'zrevrangebyscore',
    since: '2.2.0',
    summary: 'Lists the members with scores in a range, the highest first.',
    args: [key(), double('max'), double('min'), WITHSCORES, block('limit', LIMIT, { ...OPT, token: 'LIMIT' })],
    history: [['2.1.6', 'Bounds may be exclusive.']],
    replacedBy: '`ZRANGE` with the `REV` and `BYSCORE` arguments',
    handler: zrevrangebyscore,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'zrangebylex',
    since: '2.8.9',
    summary: 'Lists the members with names in a range, where all scores are equal.',
    args: [key(), str('min'), str('max'), block('limit', LIMIT, { ...OPT, token: 'LIMIT' })],
    replacedBy: '`ZRANGE` with the `BYLEX` argument',
    handler: zrangebylex,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'zrevrangebylex',
    since: '2.8.9',
    summary: 'Lists the members with names in a range, the highest first, where all scores are equal.',
    args: [key(), str('max'), str('min'), block('limit', LIMIT, { ...OPT, token: 'LIMIT' })],
    replacedBy: '`ZRANGE` with the `REV` and `BYLEX` arguments',
    handler: zrevrangebylex,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'zrangestore',
    wakes: 'key',
    arity: -5,
    flags: ['write', 'denyoom'],
    since: '6.2.0',
    longWork: 'value',
    complexity: 'O(log(N)+M) for N members in the set, of which M are stored.',
    summary: 'Stores the members in a range of ranks, scores or names as a sorted set.',
    keys: [keyAt(1, ['OW', 'update']), keyRO(2)],
    args: [
      key('dst'),
      key('src', { keySpecIndex: 1 }),
      str('min'),
      str('max'),
      oneOf('sortby', [token('byscore'), token('bylex')], OPT),
      token('rev', 'REV', OPT),
      block('limit', LIMIT, { ...OPT, token: 'LIMIT' }),
    ],
    handler: zrangestore,
  }),
];
