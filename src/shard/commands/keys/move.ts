/**
 * Keys that change name, database or number: RENAME, RENAMENX, MOVE, COPY. The two keys may be on different shards,
 * both under their leases; the order is always: make the new entry (which may run out of memory), drop what it
 * replaces, link it, unlink the old one.
 */
import { integer, key, keyOW, keyRO, keyRW, OPT, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { DB_INDEX, NO_SUCH_KEY, NOT_INTEGER, SAME_OBJECT, SYNTAX } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { type Arena, CTL_BLOCKED } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline } from '../../context/typed-key.js';
import { entryExpireAtMs, entryType, setClock, TYPE_STRING } from '../../entry/entry.js';
import type { TypeTable } from '../../entry/type-table.js';
import { copyEntry, renamedEntry } from '../../keyspace/copy-entry.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import { integerArg } from '../arguments/integer.js';

const INT32_MAX = 2147483647;
const INT32_MIN = -2147483648;

/** Whether arguments i and k are the same bytes. */
function sameArgs(args: Args, i: number, k: number): boolean {
  const n = args.len[i]!;
  if (args.len[k] !== n) return false;
  const a = args.off[i]!;
  const b = args.off[k]!;
  for (let at = 0; at < n; at++) if (args.u8[a + at] !== args.u8[b + at]) return false;
  return true;
}

/** The database in argument i, or -1 when an error has been written. */
function databaseArg(ctx: ExecContext, args: Args, i: number, reply: Reply): number {
  const db = integerArg(args, i);
  if (Number.isNaN(db)) reply.error(NOT_INTEGER);
  else if (db < INT32_MIN || db > INT32_MAX) {
    reply.errorText(`ERR value is out of range, value must between ${INT32_MIN} and ${INT32_MAX}`);
  } else if (db < 0 || db >= ctx.keyspaces[0]!.length) reply.error(DB_INDEX);
  else return db;
  return -1;
}

/** The entry in another database's keyspace of the key in argument i; an expired one is removed. 0 if there is none. */
function findIn(ctx: ExecContext, keyspace: Keyspace, args: Args, i: number): Ptr {
  const e = keyspace.find(args.u8, args.dv, args.off[i]!, args.len[i]!);
  if (e === NULL) return NULL;
  const atMs = entryExpireAtMs(keyspace.arena, e);
  if (atMs < 0 || atMs >= ctx.overMs) return e;
  ctx.expire(keyspace, e);
  return NULL;
}

/** Links `next` under the key in argument i, in the place of `old` (0: none), at which the cursor stands. */
function put(ctx: ExecContext, keyspace: Keyspace, args: Args, i: number, old: Ptr, next: Ptr): void {
  if (old !== NULL) keyspace.remove(old);
  keyspace.find(args.u8, args.dv, args.off[i]!, args.len[i]!);
  keyspace.insert(next);
  noteReady(ctx, keyspace, args, i);
  ctx.notifyBytes(EVENT_CLASS.NEW, 'new', args.u8, args.off[i]!, args.len[i]!, keyspace.db);
}

/** Somebody may wait for the key that has just come into being. */
function noteReady(ctx: ExecContext, keyspace: Keyspace, args: Args, i: number): void {
  if (keyspace.arena.ctl[CTL_BLOCKED] === 0) return;
  ctx.blocking.noteReadyBytes(keyspace.arena, keyspace.db, args.u8, args.off[i]!, args.len[i]!);
}

/** Elements, or pieces of 64 bytes of a string, that a copy of the value visits. */
function copyWork(types: TypeTable, arena: Arena, e: Ptr): number {
  const length = types.of(arena, e).length(arena, e);
  return entryType(arena, e) === TYPE_STRING ? length >>> 6 : length;
}

function renameGeneric(ctx: ExecContext, args: Args, reply: Reply, onlyNew: boolean): void {
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) {
    reply.error(NO_SUCH_KEY);
    return;
  }
  const from = ctx.keyspace;
  if (sameArgs(args, 1, 2)) {
    if (onlyNew) reply.int(0);
    else reply.ok();
    return;
  }
  const old = ctx.lookupWrite(args, 2);
  if (old !== NULL && onlyNew) {
    reply.int(0);
    return;
  }
  const to = ctx.keyspace;
  const { u8, dv } = args;
  const off = args.off[2]!;
  const len = args.len[2]!;
  const moves = from.arena === to.arena;
  if (!moves) boundInline(ctx, copyWork(from.types, from.arena, e));
  const next = moves
    ? renamedEntry(e, to, u8, dv, off, len, ctx.clock)
    : copyEntry(from.arena, e, to, u8, dv, off, len, ctx.clock);
  put(ctx, to, args, 2, old, next);
  from.find(u8, dv, args.off[1]!, args.len[1]!);
  if (moves) {
    from.unlink(e);
    from.freeCell(e);
  } else from.remove(e);
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.GENERIC, 'rename_from', args, 1);
  ctx.notify(EVENT_CLASS.GENERIC, 'rename_to', args, 2);
  if (onlyNew) reply.int(1);
  else reply.ok();
}

function rename(ctx: ExecContext, args: Args, reply: Reply): void {
  renameGeneric(ctx, args, reply, false);
}

function renamenx(ctx: ExecContext, args: Args, reply: Reply): void {
  renameGeneric(ctx, args, reply, true);
}

/** The cell itself changes its dictionary: the same key is on the same shard in every database. */
function move(ctx: ExecContext, args: Args, reply: Reply): void {
  if (ctx.control.i32[CONTROL.clusterEnabled] !== 0) {
    reply.errorText('ERR MOVE is not allowed in cluster mode');
    return;
  }
  const db = databaseArg(ctx, args, 2, reply);
  if (db < 0) return;
  if (db === ctx.db) {
    reply.error(SAME_OBJECT);
    return;
  }
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const from = ctx.keyspace;
  const to = ctx.keyspaceOf(db);
  if (findIn(ctx, to, args, 1) !== NULL) {
    reply.int(0);
    return;
  }
  to.insert(e);
  noteReady(ctx, to, args, 1);
  from.unlink(e);
  setClock(ctx.arena, e, ctx.clock);
  ctx.dirty++;
  const off = args.off[1]!;
  const len = args.len[1]!;
  ctx.notifyBytes(EVENT_CLASS.NEW, 'new', args.u8, off, len, db);
  ctx.notify(EVENT_CLASS.GENERIC, 'move_from', args, 1);
  ctx.notifyBytes(EVENT_CLASS.GENERIC, 'move_to', args.u8, off, len, db);
  reply.int(1);
}

function copy(ctx: ExecContext, args: Args, reply: Reply): void {
  let db = ctx.db;
  let replace = false;
  for (let i = 3; i < args.argc; i++) {
    if (args.is(i, 'replace')) replace = true;
    else if (args.is(i, 'db') && i + 1 < args.argc) {
      db = databaseArg(ctx, args, ++i, reply);
      if (db < 0) return;
    } else {
      reply.error(SYNTAX);
      return;
    }
  }
  if (ctx.control.i32[CONTROL.clusterEnabled] !== 0 && (ctx.db !== 0 || db !== 0)) {
    reply.errorText('ERR Copying to another database is not allowed in cluster mode');
    return;
  }
  if (db === ctx.db && sameArgs(args, 1, 2)) {
    reply.error(SAME_OBJECT);
    return;
  }
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const from = ctx.arena;
  ctx.useShardOf(args, 2);
  const to = ctx.keyspaceOf(db);
  const old = findIn(ctx, to, args, 2);
  if (old !== NULL && !replace) {
    reply.int(0);
    return;
  }
  boundInline(ctx, copyWork(to.types, from, e));
  const next = copyEntry(from, e, to, args.u8, args.dv, args.off[2]!, args.len[2]!, ctx.clock);
  put(ctx, to, args, 2, old, next);
  ctx.dirty++;
  ctx.notifyBytes(EVENT_CLASS.GENERIC, 'copy_to', args.u8, args.off[2]!, args.len[2]!, db);
  reply.int(1);
}

/** RENAME, RENAMENX, MOVE, COPY. */
export const keyMoveCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'rename',
    wakes: 'key',
    arity: 3,
    flags: ['write'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(1), and the size of what is overwritten; between two shards the size of the value.',
    summary: 'Gives a key another name, overwriting what had it.',
    keys: [keyRW(1, 'access', 'delete'), keyOW(2)],
    args: [key(), key('newkey', { keySpecIndex: 1 })],
    route: 'key',
    inline: true,
    handler: rename,
  }),
  defineCommand<ExecContext>({
    name: 'renamenx',
    wakes: 'key',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(1); between two shards the size of the value.',
    summary: 'Gives a key another name unless a key has it.',
    keys: [keyRW(1, 'access', 'delete'), keyOW(2, 'insert')],
    args: [key(), key('newkey', { keySpecIndex: 1 })],
    history: [['3.2.0', 'Equal names are no error any more.']],
    route: 'key',
    inline: true,
    handler: renamenx,
  }),
  defineCommand<ExecContext>({
    name: 'move',
    wakes: 'elsewhere',
    arity: 3,
    flags: ['write', 'fast'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Moves a key to another database.',
    keys: [keyRW(1)],
    args: [key(), integer('db')],
    route: 'key',
    inline: true,
    handler: move,
  }),
  defineCommand<ExecContext>({
    name: 'copy',
    wakes: 'key',
    arity: -3,
    flags: ['write', 'denyoom'],
    acl: ['@keyspace'],
    group: 'generic',
    since: '6.2.0',
    longWork: 'value',
    complexity: 'O(N) for a collection of N elements, O(1) for a string of bounded length.',
    summary: 'Copies the value of a key to another key.',
    keys: [keyRO(1), keyOW(2)],
    args: [
      key('source'),
      key('destination', { keySpecIndex: 1 }),
      integer('destination-db', { ...OPT, token: 'DB' }),
      token('replace', 'REPLACE', OPT),
    ],
    route: 'key',
    handler: copy,
  }),
];
