/**
 * The part of transactions that runs under leases: WATCH, and the commands that EXEC, DISCARD and UNWATCH send to the
 * shards. Queueing and the rest of their logic is the connection's (main/io/transaction/transaction.ts).
 *
 *     transaction|apply      meta, watched keys ..., arguments of the queued commands ...
 *     transaction|unwatch    meta, watched keys ...
 *     meta            int32: watches, commands, keys; then of each watch its database; of each command its id, argc,
 *                     database and client (queuedClientWord); the argument index of each key
 *
 *     transaction|queue      the queue itself, where it was queued: nothing is built (runQueue)
 *
 * transaction|apply runs under the leases of all keys named, transaction|apply-all under those of all shards. Nobody
 * sees a middle state, and its effects are one group.
 */
import { ClientRecord } from '../../../shared/command/client-state.js';
import { keyRange } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { addWatcher, removeWatcher, watchedUnchanged } from '../../blocking/watch.js';
import type { ExecContext } from '../../context/context.js';

/** Places of the meta argument and of the first watched key. */
export const META_ARG = 1;
export const FIRST_WATCH_ARG = 2;
/** Int32 words of meta before the lists, for each watch, for each command. */
export const META_HEAD_WORDS = 3;
export const META_COMMAND_WORDS = 4;

const inner = new Args(64);

/** The client of a queued command: the connection's, as it is at that place of the queue. */
const queuedClient = new ClientRecord();

/** Flags of a client that may change within a transaction: those below CLIENT_IO_SHIFT. */
const QUEUED_FLAGS = 0xffff;
const QUEUED_FLAGS_SHIFT = 8;

/** The client of a queued command in one word of meta. */
export function queuedClientWord(proto: 2 | 3, flags: number): number {
  return proto | ((flags & QUEUED_FLAGS) << QUEUED_FLAGS_SHIFT);
}

/** What `queuedClientWord` made. */
function takeClientWord(word: number, flags: number): void {
  queuedClient.proto = (word & 3) as 2 | 3;
  queuedClient.flags = (flags & ~QUEUED_FLAGS) | (word >>> QUEUED_FLAGS_SHIFT);
}

/** Word `i` of the meta argument. */
function meta(args: Args, i: number): number {
  return args.dv.getInt32(args.off[META_ARG]! + i * 4, true);
}

/** Ids of the commands that `transaction|apply` with these arguments carries. Cold. */
export function queuedCommands(args: Args): number[] {
  const watches = meta(args, 0);
  const ids: number[] = [];
  for (let c = 0; c < meta(args, 1); c++) ids.push(meta(args, META_HEAD_WORDS + watches + c * META_COMMAND_WORDS));
  return ids;
}

function arenaOfKey(ctx: ExecContext, args: Args, i: number): Arena {
  return ctx.arenas[ctx.shardOfKey(args, i)]!;
}

function watch(ctx: ExecContext, args: Args, reply: Reply): void {
  const writing = ctx.beginWriting();
  for (let i = 1; i < args.argc; i++) {
    // An expired key goes now, so that its going later is no change; also while clients are paused.
    ctx.mayWrite = true;
    ctx.peek(args, i);
    const arena = arenaOfKey(ctx, args, i);
    addWatcher(ctx.control, arena, ctx.client, ctx.db, args.u8, args.off[i]!, args.len[i]!);
  }
  ctx.endWriting(writing);
  reply.ok();
}

/** Ends all watches of the client that are left. False when one of the keys has changed since, or has expired. */
function endWatches(ctx: ExecContext, args: Args): boolean {
  const watches = meta(args, 0);
  const { client } = ctx;
  const db = ctx.db;
  let unchanged = true;
  for (let k = 0; k < watches; k++) {
    const i = FIRST_WATCH_ARG + k;
    const watchedDb = meta(args, META_HEAD_WORDS + k);
    const arena = arenaOfKey(ctx, args, i);
    ctx.db = watchedDb;
    ctx.useShard(arena.shard);
    ctx.peek(args, i);
    const off = args.off[i]!;
    const len = args.len[i]!;
    if (unchanged) unchanged = watchedUnchanged(arena, client, watchedDb, args.u8, off, len);
    removeWatcher(ctx.control, arena, client, watchedDb, args.u8, off, len);
  }
  ctx.db = db;
  return unchanged;
}

function unwatch(ctx: ExecContext, args: Args, reply: Reply): void {
  const writing = ctx.beginWriting();
  endWatches(ctx, args);
  ctx.endWriting(writing);
  reply.ok();
}

/** 1 when a key that the client watches has been changed. Nothing else happens, and the watches go on. */
function changed(ctx: ExecContext, args: Args, reply: Reply): void {
  const watches = meta(args, 0);
  for (let k = 0; k < watches; k++) {
    const i = FIRST_WATCH_ARG + k;
    const db = meta(args, META_HEAD_WORDS + k);
    const arena = arenaOfKey(ctx, args, i);
    if (watchedUnchanged(arena, ctx.client, db, args.u8, args.off[i]!, args.len[i]!)) continue;
    reply.int(1);
    return;
  }
  reply.int(0);
}

/** Begins the reply and the group of effects of so many queued commands. */
function begin(ctx: ExecContext, commands: number, reply: Reply): void {
  const { client } = ctx;
  queuedClient.id = client.id;
  queuedClient.proto = client.proto;
  queuedClient.flags = client.flags;
  ctx.effects.beginGroup();
  reply.array(commands);
}

/** Ends what `begin` began, whatever happened in between. */
function end(ctx: ExecContext, reply: Reply): void {
  ctx.effects.endGroup();
  reply.errors = 0;
  ctx.ownEffects = true;
}

function apply(ctx: ExecContext, args: Args, reply: Reply): void {
  const unchanged = endWatches(ctx, args);
  const watches = meta(args, 0);
  const commands = meta(args, 1);
  if (!unchanged) {
    reply.nullArray();
    return;
  }
  begin(ctx, commands, reply);
  try {
    applyEach(ctx, args, watches, commands, reply);
  } finally {
    ctx.changedBefore = false;
    reply.proto = ctx.client.proto;
    end(ctx, reply);
  }
}

function applyEach(ctx: ExecContext, args: Args, watches: number, commands: number, reply: Reply): void {
  const runner = ctx.runner!;
  inner.setBuffer(args.u8, args.dv);
  let at = FIRST_WATCH_ARG + watches;
  for (let c = 0; c < commands; c++) {
    const word = META_HEAD_WORDS + watches + c * META_COMMAND_WORDS;
    const argc = meta(args, word + 1);
    inner.reserve(argc);
    inner.argc = argc;
    for (let i = 0; i < argc; i++) {
      inner.off[i] = args.off[at + i]!;
      inner.len[i] = args.len[at + i]!;
    }
    at += argc;
    queuedClient.db = meta(args, word + 2);
    takeClientWord(meta(args, word + 3), ctx.client.flags);
    reply.proto = queuedClient.proto;
    ctx.changedBefore = ctx.dirty !== 0;
    runner.nested(meta(args, word), inner, reply, queuedClient);
  }
}

/** The keys of transaction|apply and transaction|unwatch: those watched and those that meta lists. */
function findKeys(args: Args, out: Int32Array): number {
  const watches = meta(args, 0);
  const commands = meta(args, 1);
  const keys = meta(args, 2);
  for (let k = 0; k < watches && k < out.length; k++) out[k] = FIRST_WATCH_ARG + k;
  const list = META_HEAD_WORDS + watches + commands * META_COMMAND_WORDS;
  for (let k = 0; k < keys && watches + k < out.length; k++) out[watches + k] = meta(args, list + k);
  return watches + keys;
}

/** Commands with their arguments one behind the other, as a connection has queued them. */
export interface CommandQueue {
  /** Id, argc and database of each command. */
  readonly heads: Int32Array;
  readonly commands: number;
  /** Which of the arguments are keys. */
  readonly keys: Int32Array;
  readonly keyCount: number;
}

let queue: CommandQueue = { heads: new Int32Array(0), commands: 0, keys: new Int32Array(0), keyCount: 0 };

/** Names the queue whose arguments the next `transaction|queue` of this thread gets. */
export function runQueue(commands: CommandQueue): void {
  queue = commands;
}

function findQueuedKeys(_args: Args, out: Int32Array): number {
  const { keys, keyCount } = queue;
  for (let k = 0; k < keyCount && k < out.length; k++) out[k] = keys[k]!;
  return keyCount;
}

/** As `apply`, for a queue of the same thread without watches. */
// hot: MULTI ... EXEC pipelines
function applyQueued(ctx: ExecContext, args: Args, reply: Reply): void {
  const { heads, commands } = queue;
  begin(ctx, commands, reply);
  try {
    ctx.runner!.nestedQueue(heads, commands, args, inner, reply, queuedClient);
  } finally {
    end(ctx, reply);
  }
}

const HIDDEN = {
  internal: true,
  acl: [],
  group: 'transactions',
  since: '1.2.0',
  complexity: 'O(N) of what it carries',
} as const;

export const transactionRequests: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'watch',
    transaction: 'watch',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    acl: ['@transaction'],
    group: 'transactions',
    since: '2.2.0',
    longWork: 'arguments',
    complexity: 'O(1) for every key.',
    summary: 'Has the next EXEC do nothing if one of the keys changes before it.',
    keys: [keyRange(1, -1, 1, ['RO'])],
    args: [{ name: 'key', type: 'key', keySpecIndex: 0, multiple: true }],
    route: 'key',
    inline: true,
    handler: watch,
  }),
  defineCommand<ExecContext>({
    ...HIDDEN,
    name: 'transaction|apply',
    carriesCommands: true,
    wakes: 'key',
    arity: -2,
    flags: ['write', 'noscript'],
    summary: 'What EXEC sends to the shards of the queued keys.',
    findKeys,
    route: 'key',
    inline: true,
    handler: apply,
    lost: endWatches,
  }),
  defineCommand<ExecContext>({
    ...HIDDEN,
    name: 'transaction|queue',
    wakes: 'key',
    arity: -2,
    flags: ['write', 'noscript'],
    summary: 'What EXEC runs where it was queued.',
    findKeys: findQueuedKeys,
    route: 'key',
    inline: true,
    handler: applyQueued,
  }),
  defineCommand<ExecContext>({
    ...HIDDEN,
    name: 'transaction|apply-all',
    carriesCommands: true,
    arity: -2,
    flags: ['write', 'noscript'],
    summary: 'As transaction|apply, for commands that concern all shards.',
    route: 'all',
    handler: apply,
    lost: endWatches,
  }),
  defineCommand<ExecContext>({
    ...HIDDEN,
    name: 'transaction|unwatch',
    arity: -2,
    flags: ['noscript'],
    summary: 'What UNWATCH and DISCARD send to the shards of the watched keys.',
    findKeys,
    route: 'key',
    inline: true,
    handler: unwatch,
    lost: endWatches,
  }),
  defineCommand<ExecContext>({
    ...HIDDEN,
    name: 'transaction|changed',
    arity: -2,
    flags: ['noscript'],
    summary: 'What CLIENT LIST asks about the watched keys of a client.',
    findKeys,
    route: 'key',
    inline: true,
    handler: changed,
  }),
];
