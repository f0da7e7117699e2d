/** Commands about keys of any type: DEL, UNLINK, EXISTS, TOUCH, TYPE. */
import { key, keyAt, keyRange, MANY } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { CTL_GARBAGE_VALUES } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { ExecContext } from '../../context/context.js';
import { entryType, TYPE_STRING } from '../../entry/entry.js';

/** Values with more elements than this are freed lazily by UNLINK. */
const LAZY_ELEMENTS_MIN = 64;
const NONE_LINE = Uint8Array.from(Buffer.from('+none\r\n', 'latin1'));
const PER_SHARD_SUM = ['request_policy:multi_shard', 'response_policy:agg_sum'] as const;

/** Counts a hit or a miss for `e`, the entry of the key in argument i, with the event for a miss. Returns `e`. */
function counted(ctx: ExecContext, args: Args, i: number, e: Ptr): Ptr {
  const f64 = ctx.stats.f64;
  if (e !== NULL) f64[STAT.keyspaceHits] = f64[STAT.keyspaceHits]! + 1;
  else {
    f64[STAT.keyspaceMisses] = f64[STAT.keyspaceMisses]! + 1;
    if ((ctx.notifyFlags & EVENT_CLASS.KEY_MISS) !== 0) ctx.notify(EVENT_CLASS.KEY_MISS, 'keymiss', args, i);
  }
  return e;
}

/** The entry of the key in argument i, counted as a read, its access clock left alone; 0 if there is none. */
export function lookupQuiet(ctx: ExecContext, args: Args, i: number): Ptr {
  return counted(ctx, args, i, ctx.peek(args, i));
}

function del(ctx: ExecContext, args: Args, reply: Reply): void {
  removeAll(ctx, args, reply, false);
}

function unlink(ctx: ExecContext, args: Args, reply: Reply): void {
  removeAll(ctx, args, reply, true);
}

/** Removes the keys of all arguments. `lazily`: values that Redis would free in another thread are counted as such. */
function removeAll(ctx: ExecContext, args: Args, reply: Reply, lazily: boolean): void {
  let removed = 0;
  for (let i = 1; i < args.argc; i++) {
    const e = ctx.peek(args, i);
    if (e === NULL) continue;
    const { ctl } = ctx.arena;
    const garbage = ctl[CTL_GARBAGE_VALUES];
    const counts = lazily && isBig(ctx, e);
    ctx.keyspace.remove(e);
    // What is on the list now is counted when it is freed.
    if (counts && ctl[CTL_GARBAGE_VALUES] === garbage) ctx.stats.f64[STAT.lazyFreed]! += 1;
    ctx.notify(EVENT_CLASS.GENERIC, 'del', args, i);
    removed++;
  }
  ctx.dirty += removed;
  reply.int(removed);
}

function isBig(ctx: ExecContext, e: Ptr): boolean {
  const { arena, keyspace } = ctx;
  return entryType(arena, e) !== TYPE_STRING && keyspace.types.of(arena, e).length(arena, e) > LAZY_ELEMENTS_MIN;
}

function exists(ctx: ExecContext, args: Args, reply: Reply): void {
  let found = 0;
  for (let i = 1; i < args.argc; i++) if (lookupQuiet(ctx, args, i) !== NULL) found++;
  reply.int(found);
}

/** Touches even for a client that asked for CLIENT NO-TOUCH. */
function touch(ctx: ExecContext, args: Args, reply: Reply): void {
  let found = 0;
  for (let i = 1; i < args.argc; i++) {
    const e = lookupQuiet(ctx, args, i);
    if (e === NULL) continue;
    ctx.access(e);
    found++;
  }
  reply.int(found);
}

function type(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = lookupQuiet(ctx, args, 1);
  const line = e === NULL ? NONE_LINE : ctx.keyspace.types.of(ctx.arena, e).line;
  reply.raw(line, 0, line.length);
}

/** Removal, counting and the type of keys. */
export const keyBasicCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'del',
    smallWrite: true,
    arity: -2,
    flags: ['write'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N keys; a key with a collection costs O(M) more for its M elements.',
    summary: 'Removes keys and their values.',
    keys: [keyRange(1, -1, 1, ['RM', 'delete'])],
    args: [key('key', MANY)],
    tips: PER_SHARD_SUM,
    route: 'key',
    inline: true,
    handler: del,
  }),
  defineCommand<ExecContext>({
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '4.0.0',
    longWork: 'arguments',
    complexity: 'O(1) a key; the memory of big values is given back afterwards.',
    summary: 'Removes keys now and gives their memory back later.',
    keys: [keyRange(1, -1, 1, ['RM', 'delete'])],
    args: [key('key', MANY)],
    tips: PER_SHARD_SUM,
    route: 'key',
    inline: true,
    handler: unlink,
  }),
  defineCommand<ExecContext>({
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    longWork: 'arguments',
    complexity: 'O(N) for N keys.',
    summary: 'Counts how many of the given keys exist.',
    keys: [keyRange(1, -1, 1, ['RO'])],
    args: [key('key', MANY)],
    tips: PER_SHARD_SUM,
    history: [['3.0.3', 'Takes several keys.']],
    route: 'key',
    inline: true,
    handler: exists,
  }),
  defineCommand<ExecContext>({
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '3.2.1',
    longWork: 'arguments',
    complexity: 'O(N) for N keys.',
    summary: 'Marks keys as just used and counts those that exist.',
    keys: [keyRange(1, -1, 1, ['RO'])],
    args: [key('key', MANY)],
    tips: PER_SHARD_SUM,
    route: 'key',
    inline: true,
    handler: touch,
  }),
  defineCommand<ExecContext>({
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Names the type of the value of a key.',
    keys: [keyAt(1, ['RO'])],
    args: [key()],
    route: 'key',
    inline: true,
    handler: type,
  }),
];
