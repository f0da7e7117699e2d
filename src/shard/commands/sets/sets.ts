/** Sets: SADD, SREM, SMOVE and the questions about members; the rest of the family is in the files imported here. */
import { key, keyAt, keyRO, keyRW, MANY, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, dropDetached, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { entryType, TYPE_SET } from '../../entry/entry.js';
import { SetCursor } from '../../types/set/set-cursor.js';
import { setAdd, setCount, setExpect, setHas, setRemove } from '../../types/set/set-value.js';
import { detachedFor } from './store.js';

const CURSOR = new SetCursor();

/** Makes the key in argument k, which the last lookup did not find, a set of arguments from ... to - 1. */
function createSet(ctx: ExecContext, args: Args, k: number, from: number, to: number): number {
  const e = detachedFor(ctx, args, k, from, to - from);
  let added = 0;
  try {
    for (let i = from; i < to; i++) if (setAdd(ctx, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) added++;
    ctx.keyspace.insert(e);
  } catch (error) {
    dropDetached(ctx, e);
    throw error;
  }
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, k);
  return added;
}

function sadd(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  const argc = args.argc;
  let added = 0;
  if (e === NULL) added = createSet(ctx, args, 1, 2, argc);
  else {
    if (argc > 3) setExpect(ctx, e, argc - 2);
    for (let i = 2; i < argc; i++) if (setAdd(ctx, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) added++;
  }
  if (added > 0) {
    ctx.dirty += added;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.SET, 'sadd', args, 1);
  }
  reply.int(added);
}

function srem(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const arena = ctx.arena;
  let removed = 0;
  let left = setCount(arena, e);
  for (let i = 2; i < args.argc && left > 0; i++) {
    if (!setRemove(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) continue;
    removed++;
    left--;
  }
  if (removed > 0) {
    ctx.dirty += removed;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.SET, 'srem', args, 1);
    if (left === 0) removeKey(ctx, args, 1, e);
  }
  reply.int(removed);
}

function smove(ctx: ExecContext, args: Args, reply: Reply): void {
  const from = ctx.lookupWrite(args, 1);
  const arena = ctx.arena;
  const to = ctx.lookupWrite(args, 2);
  if (from === NULL) {
    reply.int(0);
    return;
  }
  if (entryType(arena, from) !== TYPE_SET || (to !== NULL && entryType(ctx.arena, to) !== TYPE_SET)) {
    reply.error(WRONGTYPE);
    return;
  }
  const off = args.off[3]!;
  const len = args.len[3]!;
  const there = setHas(arena, from, args.u8, args.dv, off, len);
  if (!there || (from === to && arena === ctx.arena)) {
    reply.int(there ? 1 : 0);
    return;
  }
  // What can run out of memory comes first.
  let added = true;
  if (to === NULL) {
    const e = detachedFor(ctx, args, 2, 3, 1);
    try {
      setAdd(ctx, e, args.u8, args.dv, off, len);
      ctx.keyspace.insert(e);
    } catch (error) {
      dropDetached(ctx, e);
      throw error;
    }
  } else added = setAdd(ctx, to, args.u8, args.dv, off, len);
  setRemove(arena, from, args.u8, args.dv, off, len);
  ctx.dirty += added ? 2 : 1;
  ctx.notify(EVENT_CLASS.SET, 'srem', args, 1);
  if (setCount(arena, from) === 0) {
    ctx.peek(args, 1);
    removeKey(ctx, args, 1, from);
  }
  if (to === NULL) ctx.notify(EVENT_CLASS.NEW, 'new', args, 2);
  if (added) ctx.notify(EVENT_CLASS.SET, 'sadd', args, 2);
  reply.int(1);
}

// ---- reading

function sismember(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  const has = e !== NULL && setHas(ctx.arena, e, args.u8, args.dv, args.off[2]!, args.len[2]!);
  reply.int(has ? 1 : 0);
}

function smismember(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const has = e !== NULL && setHas(ctx.arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!);
    reply.int(has ? 1 : 0);
  }
}

function scard(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e !== WRONG) reply.int(e === NULL ? 0 : setCount(ctx.arena, e));
}

function smembers(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.set(0);
    return;
  }
  const count = setCount(ctx.arena, e);
  boundInline(ctx, count);
  reply.set(count);
  CURSOR.open(ctx.arena, e);
  while (CURSOR.next()) reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
}

// ---- definitions

const SET = { acl: ['@set'], group: 'set', route: 'key', inline: true } as const;
const MEMBERS_SINCE_2_4 = [['2.4.0', 'Takes more than one member.']] as const;

export const setMemberCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...SET,
    name: 'sadd',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(1) for each member.',
    summary: 'Adds members to a set, which is made if there is none.',
    keys: [keyRW(1, 'insert')],
    args: [key(), str('member', MANY)],
    history: MEMBERS_SINCE_2_4,
    handler: sadd,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'srem',
    arity: -3,
    flags: ['write', 'fast'],
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N members to remove.',
    summary: 'Removes members from a set; with the last one goes the key.',
    keys: [keyRW(1, 'delete')],
    args: [key(), str('member', MANY)],
    history: MEMBERS_SINCE_2_4,
    handler: srem,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'smove',
    arity: 4,
    flags: ['write', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Moves a member from one set to another.',
    keys: [keyRW(1, 'access', 'delete'), keyRW(2, 'insert')],
    args: [key('source'), key('destination', { keySpecIndex: 1 }), str('member')],
    handler: smove,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'sismember',
    arity: 3,
    flags: ['readonly', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Tells whether a set has a member.',
    keys: [keyAt(1, ['RO'])],
    args: [key(), str('member')],
    handler: sismember,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'smismember',
    arity: -3,
    flags: ['readonly', 'fast'],
    since: '6.2.0',
    longWork: 'arguments',
    complexity: 'O(N) for N members asked for.',
    summary: 'Tells of several members whether a set has them.',
    keys: [keyRO(1)],
    args: [key(), str('member', MANY)],
    handler: smismember,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'scard',
    arity: 2,
    flags: ['readonly', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Counts the members of a set.',
    keys: [keyAt(1, ['RO'])],
    args: [key()],
    handler: scard,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'smembers',
    arity: 2,
    flags: ['readonly'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N members.',
    summary: 'Lists all members of a set.',
    keys: [keyRO(1)],
    args: [key()],
    tips: ['nondeterministic_output_order'],
    handler: smembers,
  }),
];

/** All commands of the set family. */
