/**
 * ZRANDMEMBER. Members are drawn by rank: with repetitions one draw each; several different ones by selection sampling
 * (Knuth, 3.4.2 S) over the whole set, or, when few of many are wanted, by drawing until there are enough.
 */

import { block, integer, key, keyRO, OPT, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, OUT_OF_RANGE_VALUE, RANDOM_COUNT_RANGE, SYNTAX } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { random, randomBelow } from '../../../shared/random.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { zsetCount } from '../../types/zset/zset-value.js';
import { integerArg } from '../arguments/integer.js';
import { inPairs, replyMembers, replyScore } from './reply.js';

/** The whole set is walked when it is not more than so many times as big as what is wanted. */
const WALK_FACTOR = 3;
/** Most members that are repeated: the answer is held in memory. */
const REPEATS_MAX = 2 ** 27;
const LEAST = '-9223372036854775808';
/** Counts beyond this would overflow when doubled for the scores. */
const DOUBLED_MAX = 2 ** 62;

const CURSOR = new ZsetCursor();

/** Writes the member of the cursor's last step. */
function replyMember(reply: Reply, withScores: boolean, pairs: boolean): void {
  if (pairs) reply.array(2);
  CURSOR.reply(reply);
  if (withScores) replyScore(reply, CURSOR.score);
}

function replyAt(ctx: ExecContext, e: Ptr, rank: number, reply: Reply, withScores: boolean, pairs: boolean): void {
  CURSOR.open(ctx.arena, e, rank).step();
  replyMember(reply, withScores, pairs);
}

function randomRank(size: number): number {
  return randomBelow(size);
}

function zrandmember(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 2) {
    several(ctx, args, reply);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) reply.nil();
  else replyAt(ctx, e, randomRank(zsetCount(ctx.arena, e)), reply, false, false);
}

function several(ctx: ExecContext, args: Args, reply: Reply): void {
  const asked = integerArg(args, 2);
  const withScores = args.argc === 4;
  if (Number.isNaN(asked)) reply.error(NOT_INTEGER);
  else if (args.is(2, LEAST)) reply.error(RANDOM_COUNT_RANGE);
  else if (args.argc > 4 || (withScores && !args.is(3, 'withscores'))) reply.error(SYNTAX);
  else if (withScores && Math.abs(asked) >= DOUBLED_MAX) reply.error(OUT_OF_RANGE_VALUE);
  else answer(ctx, args, reply, asked, withScores);
}

function answer(ctx: ExecContext, args: Args, reply: Reply, asked: number, withScores: boolean): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL || asked === 0) {
    reply.array(0);
    return;
  }
  if (asked < -REPEATS_MAX) {
    reply.error(OUT_OF_RANGE_VALUE);
    return;
  }
  const size = zsetCount(ctx.arena, e);
  const repeats = asked < 0;
  const count = repeats ? -asked : Math.min(asked, size);
  boundInline(ctx, count);
  replyMembers(reply, count, withScores);
  const pairs = inPairs(reply, withScores);
  if (repeats) for (let i = 0; i < count; i++) replyAt(ctx, e, randomRank(size), reply, withScores, pairs);
  else if (count * WALK_FACTOR >= size) replySelected(ctx, e, size, count, reply, withScores, pairs);
  else replyDrawn(ctx, e, size, count, reply, withScores, pairs);
}

/** Writes `count` of the set's members, each choice equally likely, in order. */
function replySelected(
  ctx: ExecContext,
  e: Ptr,
  size: number,
  count: number,
  reply: Reply,
  withScores: boolean,
  pairs: boolean,
): void {
  CURSOR.open(ctx.arena, e, 0);
  let wanted = count;
  for (let left = size; wanted > 0; left--) {
    CURSOR.step();
    if (random() * left >= wanted) continue;
    replyMember(reply, withScores, pairs);
    wanted--;
  }
}

/** Writes `count` different members, drawn one by one. */
function replyDrawn(
  ctx: ExecContext,
  e: Ptr,
  size: number,
  count: number,
  reply: Reply,
  withScores: boolean,
  pairs: boolean,
): void {
  // Ranks that were drawn, plus one, in a hash table of at most half its size.
  const mask = 2 ** Math.ceil(Math.log2(2 * count)) - 1;
  const drawn = new Int32Array(mask + 1);
  for (let left = count; left > 0; ) {
    const rank = randomRank(size);
    let slot = Math.imul(rank, 0x9e3779b1) & mask;
    while (drawn[slot] !== 0 && drawn[slot] !== rank + 1) slot = (slot + 1) & mask;
    if (drawn[slot] !== 0) continue;
    drawn[slot] = rank + 1;
    left--;
    replyAt(ctx, e, rank, reply, withScores, pairs);
  }
}

/** ZRANDMEMBER. */
export const zsetRandomCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'zrandmember',
    arity: -2,
    flags: ['readonly'],
    acl: ['@sortedset'],
    group: 'sorted-set',
    since: '6.2.0',
    longWork: 'value',
    complexity: 'O(N*log(M)) for N members returned of M.',
    summary: 'Returns members at random.',
    keys: [keyRO(1)],
    args: [key(), block('options', [integer('count'), token('withscores', 'WITHSCORES', OPT)], OPT)],
    tips: ['nondeterministic_output'],
    route: 'key',
    inline: true,
    handler: zrandmember,
  }),
];
