/** Sorted sets: the popping commands that wait while there is nothing to pop (blocking/serve.ts). */
import {
  double,
  integer,
  key,
  keyCounted,
  keyRange,
  MANY,
  OPT,
  oneOf,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { WRONGTYPE } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { entryType, TYPE_ZSET } from '../../entry/entry.js';
import { blockingDeadline, passesOver, waitFor } from '../arguments/blocking-timeout.js';
import { multiPop, parseMultiPop, popAndReply, popQuery } from './pop.js';

/** Records what was taken as ZPOPMIN or ZPOPMAX. */
function effectPop(ctx: ExecContext, args: Args, i: number, max: boolean): void {
  if (!ctx.effectsOn) return;
  ctx.beginEffect(2);
  ctx.effects.text(max ? 'ZPOPMAX' : 'ZPOPMIN');
  ctx.effects.arg(args, i);
  ctx.endEffect();
}

/** The sorted set in argument i; 0: there is none; -1: another type, and the error is written. */
function find(ctx: ExecContext, args: Args, i: number, reply: Reply): number {
  const e = ctx.lookupWrite(args, i);
  if (e === NULL || entryType(ctx.arena, e) === TYPE_ZSET) return e;
  reply.error(WRONGTYPE);
  return -1;
}

function popOne(ctx: ExecContext, args: Args, reply: Reply, max: boolean): void {
  const last = args.argc - 2;
  const deadlineMs = blockingDeadline(ctx, args, last + 1, reply);
  if (deadlineMs < 0) return;
  for (let i = 1; i <= last; i++) {
    if (passesOver(ctx, args, i)) continue;
    const e = find(ctx, args, i, reply);
    if (e === -1) return;
    if (e === 0) continue;
    reply.array(3);
    reply.bulk(args.u8, args.off[i]!, args.len[i]!);
    popAndReply(ctx, args, i, e as Ptr, 1, max, false, reply);
    effectPop(ctx, args, i, max);
    return;
  }
  waitFor(ctx, args, 1, last, deadlineMs, TYPE_ZSET, true, false, reply);
}

function bzpopmin(ctx: ExecContext, args: Args, reply: Reply): void {
  popOne(ctx, args, reply, false);
}

function bzpopmax(ctx: ExecContext, args: Args, reply: Reply): void {
  popOne(ctx, args, reply, true);
}

function bzmpop(ctx: ExecContext, args: Args, reply: Reply): void {
  const error = parseMultiPop(args, 2);
  if (error !== null) {
    reply.error(error);
    return;
  }
  const deadlineMs = blockingDeadline(ctx, args, 1, reply);
  if (deadlineMs < 0) return;
  const { keys } = popQuery;
  for (let i = 3; i < keys + 3; i++) {
    if (passesOver(ctx, args, i)) continue;
    const e = find(ctx, args, i, reply);
    if (e === -1) return;
    if (e === 0) continue;
    multiPop(ctx, args, i, e as Ptr, reply);
    return;
  }
  waitFor(ctx, args, 3, keys + 2, deadlineMs, TYPE_ZSET, true, false, reply);
}

const BLOCKING = { acl: ['@sortedset'], group: 'sorted-set', route: 'key' } as const;
const POP_KEYS = [keyRange(1, -2, 1, ['RW', 'access', 'delete'])];

/** BZPOPMIN, BZPOPMAX, BZMPOP. */
export const zsetBlockingCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'bzpopmin',
    inline: true,
    arity: -3,
    flags: ['write', 'fast', 'blocking'],
    since: '5.0.0',
    longWork: 'arguments',
    complexity: 'O(log(N)) with N being the number of elements in the sorted set.',
    summary: 'Takes the member with the lowest score of the first set that has any, and waits if none has.',
    keys: POP_KEYS,
    args: [key('key', MANY), double('timeout')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
    handler: bzpopmin,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'bzpopmax',
    inline: true,
    arity: -3,
    flags: ['write', 'fast', 'blocking'],
    since: '5.0.0',
    longWork: 'arguments',
    complexity: 'O(log(N)) with N being the number of elements in the sorted set.',
    summary: 'Takes the member with the highest score of the first set that has any, and waits if none has.',
    keys: POP_KEYS,
    args: [key('key', MANY), double('timeout')],
    history: [['6.0.0', '`timeout` is interpreted as a double instead of an integer.']],
    handler: bzpopmax,
  }),
  defineCommand<ExecContext>({
    ...BLOCKING,
    name: 'bzmpop',
    arity: -5,
    flags: ['write', 'blocking'],
    since: '7.0.0',
    longWork: 'value',
    complexity:
      'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set,' +
      ' and M being the number of elements popped.',
    summary: 'Takes members with the lowest or highest scores of the first set that has any, and waits if none has.',
    keys: [keyCounted(2, ['RW', 'access', 'delete'])],
    args: [
      double('timeout'),
      integer('numkeys'),
      key('key', MANY),
      oneOf('where', [token('min'), token('max')]),
      integer('count', { token: 'COUNT', ...OPT }),
    ],
    handler: bzmpop,
  }),
];
