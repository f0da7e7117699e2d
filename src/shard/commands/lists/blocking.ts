/** Lists: the popping commands that wait while there is nothing to pop (blocking/serve.ts). */
import {
  double,
  integer,
  key,
  keyCounted,
  keyRange,
  keyRW,
  MANY,
  OPT,
  oneOf,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { COUNT_NOT_POSITIVE, NUMKEYS_NOT_POSITIVE, SYNTAX, WRONGTYPE } from '../../../shared/errors/replies.js';
import { NULL } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { entryType, TYPE_LIST } from '../../entry/entry.js';
import { useListLimits } from '../../types/list/list-limits.js';
import { listLength, listPop } from '../../types/list/list-value.js';
import { blockingDeadline, passesOver, waitFor } from '../arguments/blocking-timeout.js';
import { atLeastArgument, sideArgument } from './arguments.js';
import { replyEnd } from './lists.js';
import { move } from './move.js';
import { afterPop, replyAndPop } from './pop.js';

/** Records the pop of `count` elements as Redis propagates it. */
function effectPop(ctx: ExecContext, args: Args, i: number, head: boolean, count: number): void {
  if (!ctx.effectsOn) return;
  ctx.beginEffect(count < 0 ? 2 : 3);
  ctx.effects.text(head ? 'LPOP' : 'RPOP');
  ctx.effects.arg(args, i);
  if (count >= 0) ctx.effects.integer(count);
  ctx.endEffect();
}

function popOne(ctx: ExecContext, args: Args, reply: Reply, head: boolean): void {
  const last = args.argc - 2;
  const deadlineMs = blockingDeadline(ctx, args, last + 1, reply);
  if (deadlineMs < 0) return;
  for (let i = 1; i <= last; i++) {
    if (passesOver(ctx, args, i)) continue;
    const e = ctx.lookupWrite(args, i);
    if (e === NULL) continue;
    if (entryType(ctx.arena, e) !== TYPE_LIST) {
      reply.error(WRONGTYPE);
      return;
    }
    useListLimits(ctx.control);
    reply.array(2);
    reply.bulk(args.u8, args.off[i]!, args.len[i]!);
    replyEnd(ctx, e, head, reply);
    listPop(ctx.arena, e, head);
    afterPop(ctx, args, i, e, 1, head);
    effectPop(ctx, args, i, head, -1);
    return;
  }
  waitFor(ctx, args, 1, last, deadlineMs, TYPE_LIST, true, false, reply);
}

function blpop(ctx: ExecContext, args: Args, reply: Reply): void {
  popOne(ctx, args, reply, true);
}

function brpop(ctx: ExecContext, args: Args, reply: Reply): void {
  popOne(ctx, args, reply, false);
}

function sameShard(ctx: ExecContext, args: Args, a: number, b: number): boolean {
  return ctx.shardOfKey(args, a) === ctx.shardOfKey(args, b);
}

function blockingMove(
  ctx: ExecContext,
  args: Args,
  reply: Reply,
  timeoutArg: number,
  from: boolean,
  to: boolean,
): void {
  const deadlineMs = blockingDeadline(ctx, args, timeoutArg, reply);
  if (deadlineMs < 0) return;
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) {
    waitFor(ctx, args, 1, 1, deadlineMs, TYPE_LIST, false, !sameShard(ctx, args, 1, 2), reply);
    return;
  }
  const errors = reply.errors;
  move(ctx, args, reply, from, to);
  if (reply.errors !== errors || !ctx.effectsOn) return;
  ctx.beginEffect(5);
  ctx.effects.text('LMOVE');
  ctx.effects.arg(args, 1);
  ctx.effects.arg(args, 2);
  ctx.effects.text(from ? 'LEFT' : 'RIGHT');
  ctx.effects.text(to ? 'LEFT' : 'RIGHT');
  ctx.endEffect();
}

function blmove(ctx: ExecContext, args: Args, reply: Reply): void {
  const from = sideArgument(args, 3);
  const to = sideArgument(args, 4);
  if (from < 0 || to < 0) reply.error(SYNTAX);
  else blockingMove(ctx, args, reply, 5, from === 1, to === 1);
}

function brpoplpush(ctx: ExecContext, args: Args, reply: Reply): void {
  blockingMove(ctx, args, reply, 3, false, true);
}

function blmpop(ctx: ExecContext, args: Args, reply: Reply): void {
  const keys = atLeastArgument(args, 2, 1, NUMKEYS_NOT_POSITIVE, reply);
  if (Number.isNaN(keys)) return;
  const where = keys + 3;
  const side = where < args.argc ? sideArgument(args, where) : -1;
  if (side < 0) {
    reply.error(SYNTAX);
    return;
  }
  let count = -1;
  for (let i = where + 1; i < args.argc; i += 2) {
    if (count !== -1 || !args.is(i, 'count') || i + 1 >= args.argc) {
      reply.error(SYNTAX);
      return;
    }
    count = atLeastArgument(args, i + 1, 1, COUNT_NOT_POSITIVE, reply);
    if (Number.isNaN(count)) return;
  }
  if (count === -1) count = 1;
  const deadlineMs = blockingDeadline(ctx, args, 1, reply);
  if (deadlineMs < 0) return;
  for (let i = 3; i < keys + 3; i++) {
    if (passesOver(ctx, args, i)) continue;
    const e = ctx.lookupWrite(args, i);
    if (e === NULL) continue;
    if (entryType(ctx.arena, e) !== TYPE_LIST) {
      reply.error(WRONGTYPE);
      return;
    }
    useListLimits(ctx.control);
    const n = Math.min(count, listLength(ctx.arena, e));
    reply.array(2);
    reply.bulk(args.u8, args.off[i]!, args.len[i]!);
    replyAndPop(ctx, e, n, side === 1, reply);
    afterPop(ctx, args, i, e, n, side === 1);
    effectPop(ctx, args, i, side === 1, n);
    return;
  }
  waitFor(ctx, args, 3, keys + 2, deadlineMs, TYPE_LIST, true, false, reply);
}

const BLOCKING = { acl: ['@list'], group: 'list', route: 'key' } as const;
const side = (name: string): ReturnType<typeof oneOf> => oneOf(name, [token('left'), token('right')]);
const MOVE_KEYS = [keyRW(1, 'access', 'delete'), keyRW(2, 'insert')];
const MOVE_ARGS = [key('source'), key('destination', { keySpecIndex: 1 })];

/** BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP. */
export const listBlockingCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'blpop',
    inline: true,
    arity: -3,
    flags: ['write', 'blocking'],
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(N) where N is the number of provided keys.',
    summary: 'Takes the first element of the first list that has one, and waits if none has.',
    keys: [keyRange(1, -2, 1, ['RW', 'access', 'delete'])],
    args: [key('key', MANY), double('timeout')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
    handler: blpop,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'brpop',
    inline: true,
    arity: -3,
    flags: ['write', 'blocking'],
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(N) where N is the number of provided keys.',
    summary: 'Takes the last element of the first list that has one, and waits if none has.',
    keys: [keyRange(1, -2, 1, ['RW', 'access', 'delete'])],
    args: [key('key', MANY), double('timeout')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
    handler: brpop,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'blmove',
    wakes: 'key',
    inline: true,
    arity: 6,
    flags: ['write', 'denyoom', 'blocking'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Moves an element from an end of one list to an end of another, and waits while there is none.',
    keys: MOVE_KEYS,
    args: [...MOVE_ARGS, side('wherefrom'), side('whereto'), double('timeout')],
    handler: blmove,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'brpoplpush',
    wakes: 'key',
    inline: true,
    arity: 4,
    flags: ['write', 'denyoom', 'blocking'],
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Moves the last element of a list before the first of another, and waits while there is none.',
    keys: MOVE_KEYS,
    args: [...MOVE_ARGS, double('timeout')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
    deprecatedSince: '6.2.0',
    replacedBy: '`BLMOVE` with the `RIGHT` and `LEFT` arguments',
    docFlags: ['deprecated'],
    handler: brpoplpush,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'blmpop',
    arity: -5,
    flags: ['write', 'blocking'],
    since: '7.0.0',
    longWork: 'value',
    complexity: 'O(N+M) where N is the number of provided keys and M is the number of elements returned.',
    summary: 'Returns elements from an end of the first list that has any, and waits if none has.',
    keys: [keyCounted(2, ['RW', 'access', 'delete'])],
    args: [
      double('timeout'),
      integer('numkeys'),
      key('key', MANY),
      side('where'),
      integer('count', { token: 'COUNT', ...OPT }),
    ],
    handler: blmpop,
  }),
];
