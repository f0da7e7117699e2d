/** ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX. */
import { double, integer, key, keyRW, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NAME_BOUNDS, NOT_INTEGER, SCORE_BOUNDS } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { nameRange, parseNameBounds, parseScoreBounds, range, scoreRange } from '../../types/zset/zset-range.js';
import { zsetCount, zsetRemoveRange } from '../../types/zset/zset-value.js';
import { integerArg } from '../arguments/integer.js';

/** The set to be changed, or one of NULL and WRONG with the reply written. */
function open(ctx: ExecContext, args: Args, reply: Reply): Ptr {
  const e = writeTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === NULL) reply.int(0);
  return e;
}

/** Removes the members with the ranks in `range`. */
function removeRange(ctx: ExecContext, args: Args, reply: Reply, e: Ptr, event: string): void {
  const { from, to } = range;
  const n = to - from;
  if (n === 0) {
    reply.int(0);
    return;
  }
  const whole = n === zsetCount(ctx.arena, e);
  // A whole set is freed with its key, lazily.
  if (!whole) {
    boundInline(ctx, n);
    zsetRemoveRange(ctx.arena, e, from, to);
  }
  ctx.dirty += n;
  ctx.notify(EVENT_CLASS.ZSET, event, args, 1);
  if (whole) removeKey(ctx, args, 1, e);
  reply.int(n);
}

function zremrangebyrank(ctx: ExecContext, args: Args, reply: Reply): void {
  let start = integerArg(args, 2);
  let stop = integerArg(args, 3);
  if (Number.isNaN(start) || Number.isNaN(stop)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const e = open(ctx, args, reply);
  if (e === NULL || e === WRONG) return;
  const count = zsetCount(ctx.arena, e);
  if (start < 0) start = Math.max(start + count, 0);
  if (stop < 0) stop += count;
  range.from = start;
  range.to = Math.max(Math.min(stop, count - 1) + 1, start);
  if (start >= count) range.to = start;
  removeRange(ctx, args, reply, e, 'zremrangebyrank');
}

function zremrangebyscore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseScoreBounds(args, 2, 3)) {
    reply.error(SCORE_BOUNDS);
    return;
  }
  const e = open(ctx, args, reply);
  if (e === NULL || e === WRONG) return;
  scoreRange(ctx.arena, e);
  removeRange(ctx, args, reply, e, 'zremrangebyscore');
}

function zremrangebylex(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseNameBounds(args, 2, 3)) {
    reply.error(NAME_BOUNDS);
    return;
  }
  const e = open(ctx, args, reply);
  if (e === NULL || e === WRONG) return;
  nameRange(ctx.arena, e, args);
  removeRange(ctx, args, reply, e, 'zremrangebylex');
}

const REMOVE = {
  acl: ['@sortedset'],
  group: 'sorted-set',
  route: 'key',
  inline: true,
  arity: 4,
  flags: ['write'],
  longWork: 'value',
  complexity: 'O(M*log(N)) for M members to remove of N.',
  keys: [keyRW(1, 'delete')],
} as const;

/** The commands that remove ranges. */
export const zsetRemoveRangeCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...REMOVE,
    name: 'zremrangebyrank',
    since: '2.0.0',
    summary: 'Removes the members in a range of ranks; with the last one goes the key.',
    args: [key(), integer('start'), integer('stop')],
    handler: zremrangebyrank,
  }),
  defineCommand<ExecContext>({
    ...REMOVE,
    name: 'zremrangebyscore',
    since: '1.2.0',
    summary: 'Removes the members with scores in a range; with the last one goes the key.',
    args: [key(), double('min'), double('max')],
    handler: zremrangebyscore,
  }),
  defineCommand<ExecContext>({
    ...REMOVE,
    name: 'zremrangebylex',
    since: '2.8.9',
    summary: 'Removes the members with names in a range, where all scores are equal; with the last one goes the key.',
    args: [key(), str('min'), str('max')],
    handler: zremrangebylex,
  }),
];
