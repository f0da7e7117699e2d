/** XACK and XPENDING: entries that were delivered and not acknowledged. */
import { block, integer, key, keyRO, keyRW, MANY, OPT, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { replyName } from '../../structures/element.js';
import { type IdTree, idOfElement } from '../../types/stream/id-tree.js';
import {
  consumerElement,
  consumersOf,
  dropPending,
  ownedBy,
  Pending,
  pendingOf,
  readPending,
} from '../../types/stream/stream-groups.js';
import { parseId, replyId, StreamId } from '../../types/stream/stream-id.js';
import { integerArg } from '../arguments/integer.js';
import { idArgument, rangeArgument } from './ids.js';
import { consumerAt, found, groupAt, needGroup, replyNumber } from './reply.js';

const id = new StreamId();
const end = new StreamId();
const pending = new Pending();

function xack(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  const group = e === NULL ? NULL : groupAt(ctx, args, e, 2);
  if (group === NULL) {
    reply.int(0);
    return;
  }
  for (let i = 3; i < args.argc; i++) if (!idArgument(args, i, id, reply)) return;
  boundInline(ctx, args.argc);
  let n = 0;
  for (let i = 3; i < args.argc; i++) {
    parseId(args, i, id, false, false);
    const el = pendingOf(ctx.arena, group).find(id);
    if (el === NULL) continue;
    dropPending(ctx.arena, group, el);
    n++;
  }
  ctx.dirty += n;
  reply.int(n);
}

/** What XPENDING asks for, where it names a range. */
class PendingQuery {
  idleMs = 0;
  count = 0;
  /** Argument with the consumer's name, 0: anybody. */
  consumerArg = 0;
}

const query = new PendingQuery();

/** Reads `[IDLE ms] start end count [consumer]`, the range into `id` and `end`; false after an error is written. */
function parseRange(args: Args, reply: Reply): boolean {
  let at = 3;
  query.idleMs = 0;
  if (args.is(3, 'idle')) {
    query.idleMs = integerArg(args, 4);
    if (Number.isNaN(query.idleMs)) {
      reply.error(NOT_INTEGER);
      return false;
    }
    if (args.argc < 8) {
      reply.error(SYNTAX);
      return false;
    }
    at = 5;
  }
  query.count = integerArg(args, at + 2);
  if (Number.isNaN(query.count)) {
    reply.error(NOT_INTEGER);
    return false;
  }
  query.consumerArg = at + 3 < args.argc ? at + 3 : 0;
  return rangeArgument(args, at, false, id, reply) && rangeArgument(args, at + 1, true, end, reply);
}

function xpending(ctx: ExecContext, args: Args, reply: Reply): void {
  const summary = args.argc === 3;
  if (!summary && (args.argc < 6 || args.argc > 9)) {
    reply.error(SYNTAX);
    return;
  }
  if (!summary && !parseRange(args, reply)) return;
  if (!needGroup(ctx, args, reply)) return;
  if (summary) replySummary(ctx, found.group, reply);
  else replyRange(ctx, args, found.group, reply);
}

function replySummary(ctx: ExecContext, group: Ptr, reply: Reply): void {
  const { arena } = ctx;
  const tree = pendingOf(arena, group);
  const { count } = tree;
  reply.array(4);
  reply.int(count);
  if (count === 0) {
    reply.nil();
    reply.nil();
    reply.nullArray();
    return;
  }
  replyId(reply, idOfElement(arena, tree.at(0), id));
  replyId(reply, idOfElement(arena, tree.at(count - 1), id));
  const mark = reply.deferredArray();
  let n = 0;
  for (const { cell } of consumersOf(arena, group)) {
    const held = ownedBy(arena, cell).count;
    if (held === 0) continue;
    reply.array(2);
    replyName(arena, consumerElement(arena, cell), reply);
    reply.bulkInt(held);
    n++;
  }
  reply.setDeferred(mark, n);
}

function replyRange(ctx: ExecContext, args: Args, group: Ptr, reply: Reply): void {
  const { arena, nowMs } = ctx;
  let tree: IdTree = pendingOf(arena, group);
  if (query.consumerArg !== 0) {
    const consumer = consumerAt(ctx, args, group, query.consumerArg);
    if (consumer === NULL) {
      reply.array(0);
      return;
    }
    tree = ownedBy(arena, consumer);
  }
  boundInline(ctx, query.idleMs === 0 ? Math.min(query.count, tree.count) : tree.count);
  const walk = tree.cursor(tree.ceiling(id));
  const mark = reply.deferredArray();
  let n = 0;
  while (n < query.count) {
    const el = walk.next();
    if (el === NULL || idOfElement(arena, el, id).compare(end) > 0) break;
    readPending(arena, el, pending);
    const idleMs = nowMs - pending.deliveredAtMs;
    if (query.idleMs !== 0 && idleMs < query.idleMs) continue;
    reply.array(4);
    replyId(reply, id);
    replyName(arena, consumerElement(arena, pending.consumer), reply);
    reply.int(Math.max(idleMs, 0));
    replyNumber(reply, pending.deliveries);
    n++;
  }
  reply.setDeferred(mark, n);
}

const PENDING = { acl: ['@stream'], group: 'stream', route: 'key', inline: true, since: '5.0.0' } as const;

/** XACK, XPENDING. */
export const streamPendingCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...PENDING,
    name: 'xack',
    arity: -4,
    flags: ['write', 'fast'],
    longWork: 'arguments',
    complexity: 'O(log(N)) for each id, with N entries pending.',
    summary: 'Acknowledges entries: a group is done with them.',
    keys: [keyRW(1, 'update')],
    args: [key(), str('group'), str('id', { display: 'id', ...MANY })],
    handler: xack,
  }),
  defineCommand<ExecContext>({
    ...PENDING,
    name: 'xpending',
    arity: -3,
    flags: ['readonly'],
    longWork: 'value',
    complexity: 'O(N) for N entries returned or, with IDLE, visited; without a range O(N) for N consumers.',
    summary: 'Tells which entries a group has not acknowledged.',
    tips: ['nondeterministic_output'],
    keys: [keyRO(1, 'access')],
    args: [
      key(),
      str('group'),
      block(
        'filters',
        [
          integer('min-idle-time', { token: 'IDLE', since: '6.2.0', ...OPT }),
          str('start'),
          str('end'),
          integer('count'),
          str('consumer', OPT),
        ],
        OPT,
      ),
    ],
    history: [['6.2.0', 'Option `IDLE`, and ranges without their ends.']],
    handler: xpending,
  }),
];
