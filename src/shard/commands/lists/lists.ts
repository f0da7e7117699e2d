/** Lists: pushing and popping at the ends, reading, setting and trimming. */

import { integer, key, keyAt, keyRO, keyRW, MANY, OPT, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NO_SUCH_KEY, NOT_POSITIVE, OUT_OF_RANGE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { bytesOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_LIST } from '../../entry/entry.js';
import { lpPrevOf } from '../../structures/listpack-entry.js';
import { cursor, seekWork } from '../../types/list/list-cursor.js';
import { listRemoveRange, listReplace } from '../../types/list/list-edit.js';
import { popSimple, pushSimple } from '../../types/list/list-ends.js';
import { useListLimits } from '../../types/list/list-limits.js';
import { isPlainNode, nodeEnd, nodeFirst } from '../../types/list/list-node.js';
import { replyElement, replyEntry, replyForward, replyPlain } from '../../types/list/list-reply.js';
import {
  endNode,
  entryBound,
  growConvert,
  listLength,
  listPop,
  listPush,
  shrinkConvert,
} from '../../types/list/list-value.js';
import { atLeastArgument, numberArgument } from './arguments.js';
import { afterPop, createList, replyAndPop } from './pop.js';

// ---- pushing

/** Pushes the arguments from 2 on. `onlyIfExists`: LPUSHX, RPUSHX. */
// hot: bench/micro.js "executor LPUSH and RPOP"
function push(ctx: ExecContext, args: Args, reply: Reply, head: boolean, onlyIfExists: boolean): void {
  let e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  const argc = args.argc;
  if (e !== NULL && argc === 3) {
    useListLimits(ctx.control);
    const length = pushSimple(ctx.arena, e, args.u8, args.dv, args.off[2]!, args.len[2]!, head);
    if (length !== 0) {
      ctx.dirty++;
      reply.int(length);
      if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.LIST, head ? 'lpush' : 'rpush', args, 1);
      return;
    }
  }
  if (e === NULL && onlyIfExists) {
    reply.int(0);
    return;
  }
  boundInline(ctx, argc);
  useListLimits(ctx.control);
  const { len } = args;
  let bytes = 0;
  let entries = 0;
  for (let i = 2; i < argc; i++) {
    bytes += len[i]!;
    entries += entryBound(len[i]!);
  }
  const arena = ctx.arena;
  if (e === NULL) {
    e = createList(ctx, args, 1, entries, head);
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, 1);
  }
  growConvert(arena, e, bytes, argc - 2, entries);
  for (let i = 2; i < argc; i++) listPush(arena, e, args.u8, args.dv, args.off[i]!, len[i]!, head);
  ctx.dirty += argc - 2;
  reply.int(listLength(arena, e));
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.LIST, head ? 'lpush' : 'rpush', args, 1);
}

function lpush(ctx: ExecContext, args: Args, reply: Reply): void {
  push(ctx, args, reply, true, false);
}

function rpush(ctx: ExecContext, args: Args, reply: Reply): void {
  push(ctx, args, reply, false, false);
}

function lpushx(ctx: ExecContext, args: Args, reply: Reply): void {
  push(ctx, args, reply, true, true);
}

function rpushx(ctx: ExecContext, args: Args, reply: Reply): void {
  push(ctx, args, reply, false, true);
}

// ---- popping

/** Writes the first or last element. */
export function replyEnd(ctx: ExecContext, e: Ptr, head: boolean, reply: Reply): void {
  const arena = ctx.arena;
  const node = endNode(arena, e, head);
  if (isPlainNode(arena, node)) replyPlain(arena, node, ctx, reply);
  else if (head) replyEntry(arena, node, nodeFirst(arena, node), reply);
  else replyEntry(arena, node, lpPrevOf(bytesOf(arena, node), nodeEnd(arena, node)), reply);
}

// hot: LPOP, RPOP
function pop(ctx: ExecContext, args: Args, reply: Reply, head: boolean): void {
  if (args.argc > 2) {
    popCount(ctx, args, reply, head);
    return;
  }
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.nil();
    return;
  }
  if (popSimple(ctx.arena, e, head, reply)) {
    ctx.dirty++;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.LIST, head ? 'lpop' : 'rpop', args, 1);
    return;
  }
  useListLimits(ctx.control);
  replyEnd(ctx, e, head, reply);
  listPop(ctx.arena, e, head);
  afterPop(ctx, args, 1, e, 1, head);
}

function popCount(ctx: ExecContext, args: Args, reply: Reply, head: boolean): void {
  if (args.argc > 3) {
    reply.wrongArity(head ? 'lpop' : 'rpop');
    return;
  }
  const count = atLeastArgument(args, 2, 0, NOT_POSITIVE, reply);
  if (Number.isNaN(count)) return;
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.nullArray();
    return;
  }
  if (count === 0) {
    reply.array(0);
    return;
  }
  useListLimits(ctx.control);
  const n = Math.min(count, listLength(ctx.arena, e));
  boundInline(ctx, n);
  replyAndPop(ctx, e, n, head, reply);
  afterPop(ctx, args, 1, e, n, head);
}

function lpop(ctx: ExecContext, args: Args, reply: Reply): void {
  pop(ctx, args, reply, true);
}

function rpop(ctx: ExecContext, args: Args, reply: Reply): void {
  pop(ctx, args, reply, false);
}

// ---- reading

function llen(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  reply.int(e === NULL ? 0 : listLength(ctx.arena, e));
}

function lindex(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.nil();
    return;
  }
  const index = numberArgument(args, 2, reply);
  if (Number.isNaN(index)) return;
  boundInline(ctx, seekWork(ctx.arena, e, index));
  if (cursor.seek(ctx.arena, e, index)) replyElement(ctx.arena, cursor, ctx, reply);
  else reply.nil();
}

/** A range of indexes cut to what is there; `count` 0: nothing. */
const range = { start: 0, count: 0 };

/** Resolves `first` and `last`, counted from the end when negative, in a list of `length`. */
function cutRange(first: number, last: number, length: number): void {
  let start = first < 0 ? first + length : first;
  let end = last < 0 ? last + length : last;
  if (start < 0) start = 0;
  if (end >= length) end = length - 1;
  range.start = start;
  range.count = start > end || start >= length ? 0 : end - start + 1;
}

// hot: LRANGE
function lrange(ctx: ExecContext, args: Args, reply: Reply): void {
  const first = numberArgument(args, 2, reply);
  if (Number.isNaN(first)) return;
  const last = numberArgument(args, 3, reply);
  if (Number.isNaN(last)) return;
  const e = readTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(0);
    return;
  }
  const arena = ctx.arena;
  cutRange(first, last, listLength(arena, e));
  const { start, count } = range;
  reply.array(count);
  if (count === 0) return;
  boundInline(ctx, count + seekWork(arena, e, start));
  replyForward(arena, e, start, count, ctx, reply);
}

// ---- changing

function lset(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.error(NO_SUCH_KEY);
    return;
  }
  const index = numberArgument(args, 2, reply);
  if (Number.isNaN(index)) return;
  const arena = ctx.arena;
  boundInline(ctx, seekWork(arena, e, index));
  useListLimits(ctx.control);
  const len = args.len[3]!;
  growConvert(arena, e, len, 1, entryBound(len));
  if (!cursor.seek(arena, e, index)) {
    reply.error(OUT_OF_RANGE);
    return;
  }
  listReplace(arena, e, cursor, args.u8, args.dv, args.off[3]!, len);
  reply.ok();
  ctx.notify(EVENT_CLASS.LIST, 'lset', args, 1);
  ctx.dirty++;
  shrinkConvert(arena, e, true);
}

function ltrim(ctx: ExecContext, args: Args, reply: Reply): void {
  const first = numberArgument(args, 2, reply);
  if (Number.isNaN(first)) return;
  const last = numberArgument(args, 3, reply);
  if (Number.isNaN(last)) return;
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.ok();
    return;
  }
  const arena = ctx.arena;
  const length = listLength(arena, e);
  cutRange(first, last, length);
  const { start, count } = range;
  const left = count === 0 ? length : start;
  const right = count === 0 ? 0 : length - start - count;
  boundInline(ctx, (left + right) >> 4);
  useListLimits(ctx.control);
  listRemoveRange(arena, e, 0, left);
  listRemoveRange(arena, e, count, right);
  ctx.notify(EVENT_CLASS.LIST, 'ltrim', args, 1);
  if (count === 0) removeKey(ctx, args, 1, e);
  else shrinkConvert(arena, e, true);
  ctx.dirty += left + right;
  reply.ok();
}

// ---- definitions

const LIST = { acl: ['@list'], group: 'list', route: 'key', inline: true } as const;
const PUSHED = {
  ...LIST,
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  args: [key(), str('element', MANY)],
} as const;
const POPPED = {
  ...LIST,
  arity: -2,
  flags: ['write', 'fast'],
  since: '1.0.0',
  longWork: 'value',
  complexity: 'O(N) for N elements returned.',
  keys: [keyRW(1, 'access', 'delete')],
  args: [key(), integer('count', { since: '6.2.0', ...OPT })],
  history: [['6.2.0', 'Takes `count`.']],
} as const;
const EACH_PUSH = 'O(1) for each element.';

export const listEndCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...PUSHED,
    name: 'lpush',
    wakes: 'key',
    since: '1.0.0',
    longWork: 'arguments',
    complexity: EACH_PUSH,
    summary: 'Puts elements before the first of a list, one after the other; makes the list if there is none.',
    keys: [keyRW(1, 'insert')],
    history: [['2.4.0', 'Takes several elements.']],
    handler: lpush,
  }),
  defineCommand<ExecContext>({
    ...PUSHED,
    name: 'rpush',
    wakes: 'key',
    since: '1.0.0',
    longWork: 'arguments',
    complexity: EACH_PUSH,
    summary: 'Puts elements behind the last of a list; makes the list if there is none.',
    keys: [keyRW(1, 'insert')],
    history: [['2.4.0', 'Takes several elements.']],
    handler: rpush,
  }),
  defineCommand<ExecContext>({
    ...PUSHED,
    name: 'lpushx',
    wakes: 'key',
    since: '2.2.0',
    longWork: 'arguments',
    complexity: EACH_PUSH,
    summary: 'Puts elements before the first of a list that exists already.',
    keys: [keyRW(1, 'insert')],
    history: [['4.0.0', 'Takes several elements.']],
    handler: lpushx,
  }),
  defineCommand<ExecContext>({
    ...PUSHED,
    name: 'rpushx',
    wakes: 'key',
    since: '2.2.0',
    longWork: 'arguments',
    complexity: EACH_PUSH,
    summary: 'Puts elements behind the last of a list that exists already.',
    keys: [keyRW(1, 'insert')],
    history: [['4.0.0', 'Takes several elements.']],
    handler: rpushx,
  }),
  defineCommand<ExecContext>({
    ...POPPED,
    name: 'lpop',
    summary: 'Returns the first elements of a list and takes them out of it; an emptied list is removed.',
    handler: lpop,
  }),
  defineCommand<ExecContext>({
    ...POPPED,
    name: 'rpop',
    summary: 'Returns the last elements of a list and takes them out of it; an emptied list is removed.',
    handler: rpop,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'llen',
    arity: 2,
    flags: ['readonly', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Returns how many elements a list has.',
    keys: [keyAt(1, ['RO'])],
    args: [key()],
    handler: llen,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lindex',
    arity: 3,
    flags: ['readonly'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N elements between the wanted one and the nearer end; O(1) at the ends.',
    summary: 'Returns the element of a list at an index.',
    keys: [keyRO(1)],
    args: [key(), integer('index')],
    handler: lindex,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lrange',
    arity: 4,
    flags: ['readonly'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(S+N) for N elements returned and S between them and the nearer end.',
    summary: 'Returns the elements of a list between two indexes.',
    keys: [keyRO(1)],
    args: [key(), integer('start'), integer('stop')],
    handler: lrange,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lset',
    arity: 4,
    flags: ['write', 'denyoom'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N elements between the wanted one and the nearer end; O(1) at the ends.',
    summary: 'Puts another element in the place of the one at an index.',
    keys: [keyRW(1, 'update')],
    args: [key(), integer('index'), str('element')],
    handler: lset,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'ltrim',
    arity: 4,
    flags: ['write'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N elements removed.',
    summary: 'Leaves only the elements between two indexes; an emptied list is removed.',
    keys: [keyRW(1, 'delete')],
    args: [key(), integer('start'), integer('stop')],
    handler: ltrim,
  }),
];

/** All commands of the list family. */
