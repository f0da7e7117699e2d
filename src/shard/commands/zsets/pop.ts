/** ZPOPMIN, ZPOPMAX, ZMPOP. What ZMPOP took is propagated as ZPOPMIN or ZPOPMAX of the key that it was taken from. */
import { integer, key, keyCounted, keyRW, MANY, OPT, oneOf, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { COUNT_NOT_POSITIVE, NOT_POSITIVE, NUMKEYS_NOT_POSITIVE, SYNTAX } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { ZSET_TREE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_ZSET } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { elementNumber, freeElement, replyName } from '../../structures/element.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { treeTake } from '../../types/zset/zset-tree.js';
import { zsetCount, zsetRemoveRange } from '../../types/zset/zset-value.js';
import { integerArg } from '../arguments/integer.js';
import { replyScore } from './reply.js';

const CURSOR = new ZsetCursor();

/**
 * Takes `count` members off the low end of the set in `e`, or with `max` off the high end, and writes them, in pairs or
 * flat; then events, and the end of the key if nothing is left. The reply's header is the caller's.
 * @requires the cursor of the keyspace at the key in argument k; 1 <= count <= members
 */
// hot: ZPOPMIN
export function popAndReply(
  ctx: ExecContext,
  args: Args,
  k: number,
  e: Ptr,
  count: number,
  max: boolean,
  pairs: boolean,
  reply: Reply,
): void {
  const arena = ctx.arena;
  const size = zsetCount(arena, e);
  const whole = count === size;
  if (!whole && entryEncoding(arena, e) === ZSET_TREE) popElements(ctx, e, size, count, max, pairs, reply);
  else {
    CURSOR.open(arena, e, max ? size - 1 : 0);
    for (let left = count; left > 0; left--) {
      if (max) CURSOR.stepBack();
      else CURSOR.step();
      if (pairs) reply.array(2);
      CURSOR.reply(reply);
      replyScore(reply, CURSOR.score);
    }
    // A whole set is freed with its key, lazily.
    if (!whole) zsetRemoveRange(arena, e, max ? size - count : 0, max ? size : count);
  }
  ctx.dirty += count;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.ZSET, max ? 'zpopmax' : 'zpopmin', args, k);
  if (whole) removeKey(ctx, args, k, e);
}

function popElements(
  ctx: ExecContext,
  e: Ptr,
  size: number,
  count: number,
  max: boolean,
  pairs: boolean,
  reply: Reply,
): void {
  const arena = ctx.arena;
  const root = rootOf(arena, e);
  for (let i = 0; i < count; i++) {
    const el = treeTake(arena, root, max ? size - 1 - i : 0);
    if (pairs) reply.array(2);
    replyName(arena, el, reply);
    replyScore(reply, elementNumber(arena, el));
    freeElement(arena, el);
  }
}

function pop(ctx: ExecContext, args: Args, reply: Reply, max: boolean): void {
  if (args.argc > 3) {
    reply.error(SYNTAX);
    return;
  }
  const counted = args.argc === 3;
  const wanted = counted ? integerArg(args, 2) : 1;
  if (!(wanted >= 0)) {
    reply.error(NOT_POSITIVE);
    return;
  }
  const e = writeTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL || wanted === 0) {
    reply.array(0);
    return;
  }
  const count = Math.min(wanted, zsetCount(ctx.arena, e));
  boundInline(ctx, count);
  const pairs = counted && reply.proto === 3;
  reply.array(pairs ? count : 2 * count);
  popAndReply(ctx, args, 1, e, count, max, pairs, reply);
}

function zpopmin(ctx: ExecContext, args: Args, reply: Reply): void {
  pop(ctx, args, reply, false);
}

function zpopmax(ctx: ExecContext, args: Args, reply: Reply): void {
  pop(ctx, args, reply, true);
}

/** What the running Z[B]MPOP asks for. */
class PopQuery {
  keys = 0;
  max = false;
  count = 1;
}

export const popQuery = new PopQuery();

/** Reads `numkeys key [key ...] MIN|MAX [COUNT count]` from argument n on; null, or the error. */
export function parseMultiPop(args: Args, n: number): Uint8Array | null {
  const keys = integerArg(args, n);
  if (!(keys >= 1)) return NUMKEYS_NOT_POSITIVE;
  const where = n + keys + 1;
  if (where >= args.argc) return SYNTAX;
  const max = args.is(where, 'max');
  if (!max && !args.is(where, 'min')) return SYNTAX;
  let count = -1;
  for (let i = where + 1; i < args.argc; i += 2) {
    if (count !== -1 || i + 1 >= args.argc || !args.is(i, 'count')) return SYNTAX;
    count = integerArg(args, i + 1);
    if (!(count >= 1)) return COUNT_NOT_POSITIVE;
  }
  popQuery.keys = keys;
  popQuery.max = max;
  popQuery.count = count === -1 ? 1 : count;
  return null;
}

function zmpop(ctx: ExecContext, args: Args, reply: Reply): void {
  const error = parseMultiPop(args, 1);
  if (error !== null) {
    reply.error(error);
    return;
  }
  for (let i = 2; i < 2 + popQuery.keys; i++) {
    const e = writeTyped(ctx, args, i, TYPE_ZSET, reply);
    if (e === WRONG) return;
    if (e === NULL) continue;
    multiPop(ctx, args, i, e, reply);
    return;
  }
  reply.nullArray();
}

/** Answers Z[B]MPOP from the set in `e`, whose key is in argument k. */
export function multiPop(ctx: ExecContext, args: Args, k: number, e: Ptr, reply: Reply): void {
  const { max } = popQuery;
  const count = Math.min(popQuery.count, zsetCount(ctx.arena, e));
  boundInline(ctx, count);
  reply.array(2);
  reply.bulkView(args.u8, args.dv, args.off[k]!, args.len[k]!);
  reply.array(count);
  popAndReply(ctx, args, k, e, count, max, true, reply);
  if (ctx.effectsOn) {
    ctx.beginEffect(3);
    ctx.effects.text(max ? 'ZPOPMAX' : 'ZPOPMIN');
    ctx.effects.arg(args, k);
    ctx.effects.text(String(count));
    ctx.endEffect();
  }
}

const POP = {
  acl: ['@sortedset'],
  group: 'sorted-set',
  route: 'key',
  inline: true,
  arity: -2,
  since: '5.0.0',
  longWork: 'value',
  complexity: 'O(M*log(N)) for M members to remove of N.',
} as const;
const ONE = {
  ...POP,
  flags: ['write', 'fast'],
  keys: [keyRW(1, 'access', 'delete')],
  args: [key(), integer('count', OPT)],
} as const;

/** The commands that take members off the ends. */
export const zsetPopCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...ONE,
    name: 'zpopmin',
    summary: 'Removes and returns the members with the lowest scores.',
    handler: zpopmin,
  }),
  defineCommand<ExecContext>({
    ...ONE,
    name: 'zpopmax',
    summary: 'Removes and returns the members with the highest scores.',
    handler: zpopmax,
  }),
  defineCommand<ExecContext>({
    ...POP,
    name: 'zmpop',
    arity: -4,
    flags: ['write'],
    since: '7.0.0',
    summary: 'Removes and returns members of the first of several sorted sets that is there.',
    keys: [keyCounted(1, ['RW', 'access', 'delete'])],
    args: [
      integer('numkeys'),
      key('key', MANY),
      oneOf('where', [token('min'), token('max')]),
      integer('count', { ...OPT, token: 'COUNT' }),
    ],
    handler: zmpop,
  }),
];
