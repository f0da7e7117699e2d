/** XCLAIM and XAUTOCLAIM: entries that a consumer has not acknowledged get another owner. */
import { integer, key, keyRW, MANY, OPT, str, token, unixTime } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { SYNTAX } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline } from '../../context/typed-key.js';
import { idOfElement } from '../../types/stream/id-tree.js';
import {
  addPending,
  dropPending,
  groupLast,
  Pending,
  passPending,
  pendingOf,
  readPending,
  setActive,
  setGroupLast,
  setPending,
  setSeen,
} from '../../types/stream/stream-groups.js';
import { ID_BAD, parseId, replyId, StreamId } from '../../types/stream/stream-id.js';
import { hasEntry } from '../../types/stream/stream-value.js';
import { integerArg } from '../arguments/integer.js';
import { beginEffects, effectClaim, effectSetId, endEffects, makeConsumer } from './effects.js';
import { idArgument, rangeArgument, shown } from './ids.js';
import { consumerAt, found, needGroup, replyEntryAt } from './reply.js';

const CONSUMER = 3;
const MIN_IDLE = 4;
/** XAUTOCLAIM looks at so many times COUNT entries at most. */
const ATTEMPTS_PER_ENTRY = 10;
const COUNT_DEFAULT = 100;
const COUNT_MAX = 2 ** 63 / 16;

const id = new StreamId();
const last = new StreamId();
const pending = new Pending();

/** What the running command asks for. */
class ClaimQuery {
  minIdleMs = 0;
  /** The ids are the arguments from 5 to below this. */
  idsEnd = 0;
  /** When the entry was delivered, as the command has it; NaN: now. */
  deliveredAtMs = Number.NaN;
  /** Number of deliveries; -1: one more than before. */
  deliveries = -1;
  force = false;
  justId = false;
  count = COUNT_DEFAULT;
}

const query = new ClaimQuery();

/** Argument i as an integer; NaN after an error about `what` has been written. */
function integerOption(args: Args, i: number, what: string, command: string, reply: Reply): number {
  const n = integerArg(args, i);
  if (Number.isNaN(n)) reply.errorText(`ERR Invalid ${what} argument for ${command}`);
  return n;
}

function parseMinIdle(args: Args, command: string, reply: Reply): boolean {
  query.minIdleMs = integerOption(args, MIN_IDLE, 'min-idle-time', command, reply);
  return !Number.isNaN(query.minIdleMs);
}

/** Reads ids and options of XCLAIM, LASTID into `last`; false after an error has been written. */
function parseClaim(ctx: ExecContext, args: Args, reply: Reply): boolean {
  if (!parseMinIdle(args, 'XCLAIM', reply)) return false;
  query.deliveredAtMs = Number.NaN;
  query.deliveries = -1;
  query.force = false;
  query.justId = false;
  last.setMin();
  let i = 5;
  while (i < args.argc && parseId(args, i, id, false, false) !== ID_BAD) i++;
  query.idsEnd = i;
  for (; i < args.argc; i++) {
    const more = i + 1 < args.argc;
    if (args.is(i, 'force')) query.force = true;
    else if (args.is(i, 'justid')) query.justId = true;
    else if (args.is(i, 'idle') && more) {
      const idleMs = integerOption(args, ++i, 'IDLE option', 'XCLAIM', reply);
      if (Number.isNaN(idleMs)) return false;
      query.deliveredAtMs = ctx.nowMs - idleMs;
    } else if (args.is(i, 'time') && more) {
      query.deliveredAtMs = integerOption(args, ++i, 'TIME option', 'XCLAIM', reply);
      if (Number.isNaN(query.deliveredAtMs)) return false;
    } else if (args.is(i, 'retrycount') && more) {
      query.deliveries = integerOption(args, ++i, 'RETRYCOUNT option', 'XCLAIM', reply);
      if (Number.isNaN(query.deliveries)) return false;
    } else if (args.is(i, 'lastid') && more) {
      if (!idArgument(args, ++i, last, reply)) return false;
    } else {
      reply.errorLatin1(`ERR Unrecognized XCLAIM option '${shown(args, i)}'`);
      return false;
    }
  }
  const at = query.deliveredAtMs;
  if (!(at >= 0 && at <= ctx.nowMs)) query.deliveredAtMs = ctx.nowMs;
  return true;
}

/** The consumer in argument 3, made if it is not there. */
function claimant(ctx: ExecContext, args: Args, group: Ptr): Ptr {
  let consumer = consumerAt(ctx, args, group, CONSUMER);
  if (consumer === NULL) consumer = makeConsumer(ctx, args, 1, group, CONSUMER);
  setSeen(ctx.arena, consumer, ctx.nowMs);
  return consumer;
}

function xclaim(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!needGroup(ctx, args, reply)) return;
  const { root, group } = found;
  if (!parseClaim(ctx, args, reply)) return;
  boundInline(ctx, args.argc);
  const { arena } = ctx;
  beginEffects(ctx);
  try {
    // An effect of an entry has the group's last id in it; else it needs one of its own.
    let tell = last.compare(groupLast(arena, group, id)) > 0;
    if (tell) setGroupLast(arena, group, last);
    const consumer = claimant(ctx, args, group);
    const mark = reply.deferredArray();
    let n = 0;
    for (let i = 5; i < query.idsEnd; i++) {
      parseId(args, i, id, false, false);
      const dirty = ctx.dirty;
      if (claim(ctx, args, i, root, group, consumer, reply)) n++;
      if (ctx.dirty !== dirty) tell = false;
    }
    reply.setDeferred(mark, n);
    if (tell) {
      effectSetId(ctx, args, 1, 2, group);
      ctx.dirty++;
    }
  } finally {
    endEffects(ctx);
  }
}

/** Claims the entry `id`, which is argument i, and writes it; false when the consumer does not get it. */
function claim(ctx: ExecContext, args: Args, i: number, root: Ptr, group: Ptr, consumer: Ptr, reply: Reply): boolean {
  const { arena } = ctx;
  let el = pendingOf(arena, group).find(id);
  if (!hasEntry(arena, root, id)) {
    if (el !== NULL) forget(ctx, args, group, el, i);
    return false;
  }
  if (el === NULL) {
    if (!query.force) return false;
    el = addPending(arena, group, consumer, id, query.deliveredAtMs, 1);
  } else {
    readPending(arena, el, pending);
    if (query.minIdleMs > 0 && ctx.nowMs - pending.deliveredAtMs < query.minIdleMs) return false;
    passPending(arena, el, consumer);
  }
  readPending(arena, el, pending);
  let { deliveries } = pending;
  if (query.deliveries >= 0) deliveries = query.deliveries;
  else if (!query.justId) deliveries++;
  setPending(arena, el, query.deliveredAtMs, deliveries);
  if (query.justId) replyId(reply, id);
  else replyEntryAt(ctx, root, id, reply);
  setActive(arena, consumer, ctx.nowMs);
  effectClaim(ctx, args, 1, 2, group, el, i);
  ctx.dirty++;
  return true;
}

/** A pending entry that is no longer in the stream: it is not pending any more. `name`: see `effectClaim`. */
function forget(ctx: ExecContext, args: Args, group: Ptr, el: Ptr, name: StreamId | number): void {
  effectClaim(ctx, args, 1, 2, group, el, name);
  dropPending(ctx.arena, group, el);
  ctx.dirty++;
}

/** Reads what XAUTOCLAIM asks for, the first id into `id`; false after an error has been written. */
function parseAuto(args: Args, reply: Reply): boolean {
  if (!parseMinIdle(args, 'XAUTOCLAIM', reply) || !rangeArgument(args, 5, false, id, reply)) return false;
  query.count = COUNT_DEFAULT;
  query.justId = false;
  for (let i = 6; i < args.argc; i++) {
    if (args.is(i, 'count') && i + 1 < args.argc) {
      query.count = integerArg(args, ++i);
      if (query.count >= 1 && query.count <= COUNT_MAX) continue;
      reply.errorText('ERR COUNT must be > 0');
      return false;
    }
    if (!args.is(i, 'justid')) {
      reply.error(SYNTAX);
      return false;
    }
    query.justId = true;
  }
  return true;
}

/**
 * The entries that XAUTOCLAIM claimed, and the ids of deleted entries. Both are collected here, since the next cursor,
 * which stands before them in the reply, is known last.
 */
let claimed = new Reply(1024);
let gone = new Reply(1024);

function takeAll(from: Reply, reply: Reply): void {
  for (const chunk of from.takeChunks()) reply.raw(chunk, 0, chunk.length);
}

function xautoclaim(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseAuto(args, reply)) return;
  if (!needGroup(ctx, args, reply)) return;
  const { root, group } = found;
  const { arena } = ctx;
  boundInline(ctx, Math.min(query.count * ATTEMPTS_PER_ENTRY, pendingOf(arena, group).count));
  claimed = new Reply(1024);
  gone = new Reply(1024);
  claimed.proto = reply.proto;
  beginEffects(ctx);
  try {
    const consumer = claimant(ctx, args, group);
    let rank = pendingOf(arena, group).ceiling(id);
    let attempts = query.count * ATTEMPTS_PER_ENTRY;
    let left = query.count;
    let n = 0;
    let deleted = 0;
    for (; attempts > 0 && left > 0 && rank < pendingOf(arena, group).count; attempts--) {
      const el = pendingOf(arena, group).at(rank);
      idOfElement(arena, el, id);
      if (!hasEntry(arena, root, id)) {
        forget(ctx, args, group, el, id);
        replyId(gone, id);
        deleted++;
        left--;
        continue;
      }
      rank++;
      readPending(arena, el, pending);
      if (query.minIdleMs > 0 && ctx.nowMs - pending.deliveredAtMs < query.minIdleMs) continue;
      takeOver(ctx, args, root, group, consumer, el);
      n++;
      left--;
    }
    const tree = pendingOf(arena, group);
    if (rank < tree.count) idOfElement(arena, tree.at(rank), id);
    else id.setMin();
    reply.array(3);
    replyId(reply, id);
    reply.array(n);
    takeAll(claimed, reply);
    reply.array(deleted);
    takeAll(gone, reply);
  } finally {
    endEffects(ctx);
  }
}

/** Gives the pending entry `id` to the consumer, and writes it to `claimed`. @requires `pending` is what it says */
function takeOver(ctx: ExecContext, args: Args, root: Ptr, group: Ptr, consumer: Ptr, el: Ptr): void {
  const { arena, nowMs } = ctx;
  passPending(arena, el, consumer);
  setPending(arena, el, nowMs, pending.deliveries + (query.justId ? 0 : 1));
  if (query.justId) replyId(claimed, id);
  else replyEntryAt(ctx, root, id, claimed);
  setActive(arena, consumer, nowMs);
  effectClaim(ctx, args, 1, 2, group, el, id);
  ctx.dirty++;
}

const CLAIM = {
  acl: ['@stream'],
  group: 'stream',
  route: 'key',
  inline: true,
  arity: -6,
  flags: ['write', 'fast'],
  tips: ['nondeterministic_output'],
} as const;
const NAMES = [key(), str('group'), str('consumer'), str('min-idle-time')];
const JUST_ID = token('justid', 'JUSTID', OPT);

/** XCLAIM, XAUTOCLAIM. */
export const streamClaimCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...CLAIM,
    name: 'xclaim',
    since: '5.0.0',
    longWork: 'arguments',
    complexity: 'O(log N) for each id, with N entries pending.',
    summary: 'Gives entries that are pending to a consumer, by their ids.',
    keys: [keyRW(1, 'update')],
    args: [
      ...NAMES,
      str('id', MANY),
      integer('ms', { token: 'IDLE', ...OPT }),
      unixTime('unix-time-milliseconds', { token: 'TIME', ...OPT }),
      integer('count', { token: 'RETRYCOUNT', ...OPT }),
      token('force', 'FORCE', OPT),
      JUST_ID,
      str('lastid', { token: 'LASTID', ...OPT }),
    ],
    handler: xclaim,
  }),
  defineCommand<ExecContext>({
    ...CLAIM,
    name: 'xautoclaim',
    since: '6.2.0',
    longWork: 'value',
    complexity: 'O(1) with a small COUNT.',
    summary: 'Gives a consumer the entries that have been pending for some time.',
    keys: [keyRW(1, 'delete')],
    args: [...NAMES, str('start'), integer('count', { token: 'COUNT', ...OPT }), JUST_ID],
    history: [['7.0.0', 'Answers also with the ids that were pending and are deleted.']],
    handler: xautoclaim,
  }),
];
