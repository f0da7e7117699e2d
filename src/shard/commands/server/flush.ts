/** FLUSHALL, FLUSHDB, DBSIZE, SWAPDB: commands about whole databases. */

import { integer, oneOf, token } from '../../../shared/command/shorthand.js';
import { defineCommand } from '../../../shared/command/spec.js';
import { DB_INDEX, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { touchWatchedDatabase } from '../../blocking/watch.js';
import type { ExecContext } from '../../context/context.js';
import { entryExpireAtMs } from '../../entry/entry.js';
import { detachDictionary, freeGarbage } from '../../keyspace/flush.js';
import { ROOT_WORDS } from '../../structures/extendible.js';
import { smallInteger } from '../arguments/integer.js';

/** Longest slice of freeing under a lease, microseconds. */
const SLICE_US = 200;
const SYNC = 0;
const ASYNC = 1;
const BAD = -1;

/** SYNC, ASYNC, or BAD when the arguments make no sense. */
function flushMode(ctx: ExecContext, args: Args): number {
  if (args.argc > 2) return BAD;
  if (args.argc === 1) return ctx.control.i32[CONTROL.lazyUserFlush] !== 0 ? ASYNC : SYNC;
  if (args.is(1, 'sync')) return SYNC;
  return args.is(1, 'async') ? ASYNC : BAD;
}

/** Detaches one database (or all, `db` -1) in all shards at one moment, then frees what SYNC must not leave behind. */
function* flush(ctx: ExecContext, args: Args, reply: Reply, db: number): Generator<void, void, void> {
  const mode = flushMode(ctx, args);
  if (mode === BAD) {
    reply.error(SYNTAX);
    return;
  }
  ctx.leases.takeAll();
  ctx.refresh();
  let removed = 0;
  if (ctx.control.i32[CONTROL.watchedKeys] !== 0) touchWatchedKeys(ctx, db);
  for (const keyspaces of ctx.keyspaces) {
    for (const keyspace of keyspaces) if (db < 0 || keyspace.db === db) removed += detachDictionary(keyspace.dict);
  }
  if (ctx.effectsOn) {
    ctx.effects.begin(args.argc);
    for (let i = 0; i < args.argc; i++) ctx.effects.arg(args, i);
    ctx.effects.commit(ctx.db);
  }
  ctx.dirty += removed;
  ctx.notifyFlushed();
  if (ctx.control.i32[CONTROL.groupReaders] !== 0) noteFlushed(ctx, db);
  ctx.leases.giveAll();
  if (mode === SYNC) {
    for (let shard = 0; shard < ctx.shardCount; shard++) {
      for (let more = true; more; ) {
        ctx.leases.takeShard(shard);
        more = freeGarbage(ctx.arenas[shard]!, ctx.keyspace.types, SLICE_US);
        ctx.leases.giveAll();
        if (more) yield;
      }
    }
  }
  reply.ok();
}

/** Who waits for streams of a database (-1: any) hears that they are gone. @requires all leases */
function noteFlushed(ctx: ExecContext, db: number): void {
  for (const keyspaces of ctx.keyspaces) {
    for (const { arena, db: number } of keyspaces)
      if (db < 0 || number === db) ctx.blocking.noteDatabase(arena, number);
  }
}

/** Marks each watched key that exists in database `db` (-1: in any database) as changed. @requires all leases */
function touchWatchedKeys(ctx: ExecContext, db: number): void {
  for (const keyspaces of ctx.keyspaces) {
    for (const { arena, dict, db: number } of keyspaces) {
      if (db >= 0 && number !== db) continue;
      touchWatchedDatabase(arena, number, (u8, dv, off, len) => dict.find(u8, dv, off, len) !== 0);
    }
  }
}

const FLUSH_ARGS = [
  oneOf('flush-type', [token('async', 'ASYNC', { since: '4.0.0' }), token('sync', 'SYNC', { since: '6.2.0' })], {
    optional: true,
  }),
];

const flushall = defineCommand<ExecContext>({
  name: 'flushall',
  arity: -1,
  flags: ['write'],
  acl: ['@keyspace', '@dangerous'],
  group: 'server',
  since: '1.0.0',
  longWork: 'value',
  complexity: 'O(N) where N is the total number of keys in all databases',
  summary: 'Empties every database.',
  args: FLUSH_ARGS,
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  history: [
    ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
    ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
  ],
  route: 'job',
  job: (ctx, args, reply) => flush(ctx, args, reply, -1),
});

const flushdb = defineCommand<ExecContext>({
  name: 'flushdb',
  arity: -1,
  flags: ['write'],
  acl: ['@keyspace', '@dangerous'],
  group: 'server',
  since: '1.0.0',
  longWork: 'value',
  complexity: 'O(N) where N is the number of keys in the selected database',
  summary: 'Empties the selected database.',
  args: FLUSH_ARGS,
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  history: [
    ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
    ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
  ],
  route: 'job',
  job: (ctx, args, reply) => flush(ctx, args, reply, ctx.db),
});

/** Sums words that each shard keeps up to date: a recent moment of every shard, without taking a lease. */
function dbsizeHandler(ctx: ExecContext, _args: Args, reply: Reply): void {
  let keys = 0;
  for (const keyspaces of ctx.keyspaces) keys += keyspaces[ctx.db]!.dict.count;
  reply.int(keys);
}

const dbsize = defineCommand<ExecContext>({
  name: 'dbsize',
  arity: 1,
  flags: ['readonly', 'fast'],
  acl: ['@keyspace'],
  group: 'server',
  since: '1.0.0',
  complexity: 'O(1)',
  summary: 'Tells how many keys the selected database has.',
  tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
  route: 'key',
  inline: true,
  handler: dbsizeHandler,
});

function swapdbHandler(ctx: ExecContext, args: Args, reply: Reply): void {
  const first = smallInteger(args, 1);
  if (Number.isNaN(first)) {
    reply.errorText('ERR invalid first DB index');
    return;
  }
  const second = smallInteger(args, 2);
  if (Number.isNaN(second)) {
    reply.errorText('ERR invalid second DB index');
    return;
  }
  const databases = ctx.keyspaces[0]!.length;
  if (first < 0 || second < 0 || first >= databases || second >= databases) {
    reply.error(DB_INDEX);
    return;
  }
  if (first !== second) {
    if (ctx.control.i32[CONTROL.watchedKeys] !== 0) touchSwapped(ctx, first, second);
    for (const keyspaces of ctx.keyspaces) {
      swapRoots(keyspaces[first]!.dict, keyspaces[second]!.dict);
      ctx.blocking.noteDatabase(keyspaces[first]!.arena, first);
      ctx.blocking.noteDatabase(keyspaces[first]!.arena, second);
    }
  }
  ctx.dirty++;
  reply.ok();
}

/** Watched keys of both databases that exist in either change; what has expired is gone. @requires all leases */
function touchSwapped(ctx: ExecContext, first: number, second: number): void {
  for (const keyspaces of ctx.keyspaces) {
    const a = keyspaces[first]!;
    const b = keyspaces[second]!;
    const exists = (u8: Uint8Array, dv: DataView, off: number, len: number): boolean => {
      const inFirst = isThere(ctx, a, u8, dv, off, len);
      return isThere(ctx, b, u8, dv, off, len) || inFirst;
    };
    touchWatchedDatabase(a.arena, first, exists);
    touchWatchedDatabase(a.arena, second, exists);
  }
}

/** Whether a key exists. An expired key is deleted here, which counts as a change for clients that watch the key. */
function isThere(
  ctx: ExecContext,
  keyspace: ExecContext['keyspace'],
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
): boolean {
  const e = keyspace.find(u8, dv, off, len);
  if (e === 0) return false;
  const expireAtMs = entryExpireAtMs(keyspace.arena, e);
  if (expireAtMs < 0 || expireAtMs >= ctx.overMs) return true;
  ctx.expire(keyspace, e);
  return false;
}

function swapRoots(a: ExecContext['keyspace']['dict'], b: ExecContext['keyspace']['dict']): void {
  const ctl = a.arena.ctl;
  a.touchRoot();
  b.touchRoot();
  for (let w = 0; w < ROOT_WORDS; w++) {
    const word = ctl[a.root + w]!;
    ctl[a.root + w] = ctl[b.root + w]!;
    ctl[b.root + w] = word;
  }
}

const swapdb = defineCommand<ExecContext>({
  name: 'swapdb',
  arity: 3,
  flags: ['write', 'fast'],
  acl: ['@keyspace', '@dangerous'],
  group: 'server',
  since: '4.0.0',
  longWork: 'value',
  complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases',
  summary: 'Exchanges the contents of two databases.',
  args: [integer('index1'), integer('index2')],
  route: 'all',
  handler: swapdbHandler,
});

export const wholeDatabaseCommands = [flushall, flushdb, dbsize, swapdb];
