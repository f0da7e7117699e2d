/** Lists: moving an element from one to another, popping from the first of several. */
import { integer, key, keyCounted, keyRW, MANY, OPT, oneOf, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { COUNT_NOT_POSITIVE, NUMKEYS_NOT_POSITIVE, SYNTAX } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_LIST } from '../../entry/entry.js';
import { blobCopy, blobFree } from '../../structures/blob.js';
import { item } from '../../structures/listpack-entry.js';
import { cursor } from '../../types/list/list-cursor.js';
import { NODE_ROOM_MAX, useListLimits } from '../../types/list/list-limits.js';
import { plainBlob, plainLength } from '../../types/list/list-node.js';
import { replyElement } from '../../types/list/list-reply.js';
import {
  addLength,
  endNode,
  entryBound,
  growConvert,
  isPacked,
  listLength,
  listPop,
  listPush,
  pushPlain,
  unlink,
} from '../../types/list/list-value.js';
import { atLeastArgument, sideArgument } from './arguments.js';
import { afterPop, createList, replyAndPop } from './pop.js';

// ---- LMOVE

/** The element that is on its way. */
const moving = new Uint8Array(NODE_ROOM_MAX);
const movingView = new DataView(moving.buffer);

/** Moves an element from the list of argument 1 to that of argument 2. `from`, `to`: whether at the head. */
export function move(ctx: ExecContext, args: Args, reply: Reply, from: boolean, to: boolean): void {
  const src = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (src === WRONG) return;
  if (src === NULL) {
    reply.nil();
    return;
  }
  const source = ctx.arena;
  const dst = writeTyped(ctx, args, 2, TYPE_LIST, reply);
  if (dst === WRONG) return;
  useListLimits(ctx.control);
  cursor.seek(source, src, from ? 0 : -1);
  replyElement(source, cursor, ctx, reply);
  if (cursor.p === 0 && plainLength(source, cursor.node) > moving.length)
    movePlain(ctx, args, source, src, dst, from, to);
  else moveBytes(ctx, args, source, src, dst, from, to);
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.LIST, to ? 'lpush' : 'rpush', args, 2);
  // The keyspace's cursor stands at the destination; what follows may remove the source.
  ctx.peek(args, 1);
  afterPop(ctx, args, 1, src, 1, from);
}

/** The list of argument 2, made if there is none, ready for an element of `len` bytes. */
function target(ctx: ExecContext, args: Args, dst: Ptr, len: number, addBytes: number, head: boolean): Ptr {
  const bound = entryBound(len);
  if (dst === NULL) {
    dst = createList(ctx, args, 2, bound, head);
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, 2);
  }
  growConvert(ctx.arena, dst, addBytes, 1, bound);
  return dst;
}

function moveBytes(ctx: ExecContext, args: Args, source: Arena, src: Ptr, dst: Ptr, from: boolean, to: boolean): void {
  cursor.read(source);
  const len = cursor.len;
  copyBytes(moving, 0, cursor.u8, cursor.off, len);
  // Redis takes an integer out of a chain as such, and only counts the bytes of strings.
  const addBytes = cursor.p !== 0 && item.isInt && !isPacked(source, src) ? 0 : len;
  const same = dst === src && ctx.arena === source;
  if (same) listPop(source, src, from);
  const e = target(ctx, args, dst, len, addBytes, to);
  listPush(ctx.arena, e, moving, movingView, 0, len, to);
  if (!same) listPop(source, src, from);
}

/** An element too long for any packed node: its blob goes over, within one shard without being copied. */
function movePlain(ctx: ExecContext, args: Args, source: Arena, src: Ptr, dst: Ptr, from: boolean, to: boolean): void {
  const node = endNode(source, src, from);
  const blob = plainBlob(source, node);
  const length = plainLength(source, node);
  const here = ctx.arena === source;
  const moved = here ? blob : blobCopy(source, blob, length, ctx.arena);
  try {
    pushPlain(ctx.arena, target(ctx, args, dst, length, length, to), moved, length, to);
  } catch (error) {
    if (!here) blobFree(ctx.arena, moved, length);
    throw error;
  }
  // Without memory it stays where it was.
  unlink(source, src, node);
  addLength(source, src, -1);
  free(source, node);
  if (!here) blobFree(source, blob, length);
}

function lmove(ctx: ExecContext, args: Args, reply: Reply): void {
  const from = sideArgument(args, 3);
  const to = sideArgument(args, 4);
  if (from < 0 || to < 0) {
    reply.error(SYNTAX);
    return;
  }
  move(ctx, args, reply, from === 1, to === 1);
}

function rpoplpush(ctx: ExecContext, args: Args, reply: Reply): void {
  move(ctx, args, reply, false, true);
}

// ---- LMPOP

function lmpop(ctx: ExecContext, args: Args, reply: Reply): void {
  const keys = atLeastArgument(args, 1, 1, NUMKEYS_NOT_POSITIVE, reply);
  if (Number.isNaN(keys)) return;
  const where = keys + 2;
  const side = where < args.argc ? sideArgument(args, where) : -1;
  if (side < 0) {
    reply.error(SYNTAX);
    return;
  }
  let count = -1;
  for (let i = where + 1; i < args.argc; i += 2) {
    if (count !== -1 || !args.is(i, 'count') || i + 1 >= args.argc) {
      reply.error(SYNTAX);
      return;
    }
    count = atLeastArgument(args, i + 1, 1, COUNT_NOT_POSITIVE, reply);
    if (Number.isNaN(count)) return;
  }
  popFirst(ctx, args, reply, keys, side === 1, count === -1 ? 1 : count);
}

/** Pops from the first of the lists in arguments 2 on that exists. */
function popFirst(ctx: ExecContext, args: Args, reply: Reply, keys: number, head: boolean, count: number): void {
  for (let i = 2; i < keys + 2; i++) {
    const e = writeTyped(ctx, args, i, TYPE_LIST, reply);
    if (e === WRONG) return;
    if (e === NULL) continue;
    useListLimits(ctx.control);
    const n = Math.min(count, listLength(ctx.arena, e));
    boundInline(ctx, n);
    reply.array(2);
    reply.bulk(args.u8, args.off[i]!, args.len[i]!);
    replyAndPop(ctx, e, n, head, reply);
    afterPop(ctx, args, i, e, n, head);
    if (!ctx.effectsOn) return;
    ctx.beginEffect(3);
    ctx.effects.text(head ? 'LPOP' : 'RPOP');
    ctx.effects.arg(args, i);
    ctx.effects.text(String(n));
    ctx.endEffect();
    return;
  }
  reply.nullArray();
}

// ---- definitions

const LIST = { acl: ['@list'], group: 'list', route: 'key', inline: true } as const;
const MOVE_KEYS = [keyRW(1, 'access', 'delete'), keyRW(2, 'insert')];
const MOVE_ARGS = [key('source'), key('destination', { keySpecIndex: 1 })];
const side = (name: string): ReturnType<typeof oneOf> => oneOf(name, [token('left'), token('right')]);

/** LMOVE, RPOPLPUSH, LMPOP. */
export const listMoveCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lmove',
    wakes: 'key',
    arity: 5,
    flags: ['write', 'denyoom'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Moves an element from an end of one list to an end of another, or of the same; returns it.',
    keys: MOVE_KEYS,
    args: [...MOVE_ARGS, side('wherefrom'), side('whereto')],
    handler: lmove,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'rpoplpush',
    wakes: 'key',
    arity: 3,
    flags: ['write', 'denyoom'],
    since: '1.2.0',
    complexity: 'O(1)',
    summary: 'Moves the last element of a list before the first of another, or of the same; returns it.',
    keys: MOVE_KEYS,
    args: MOVE_ARGS,
    deprecatedSince: '6.2.0',
    replacedBy: '`LMOVE` with the `RIGHT` and `LEFT` arguments',
    docFlags: ['deprecated'],
    handler: rpoplpush,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lmpop',
    arity: -4,
    flags: ['write'],
    since: '7.0.0',
    longWork: 'value',
    complexity: 'O(N+M) for N keys and M elements returned.',
    summary: 'Returns elements from an end of the first list that exists, and takes them out of it.',
    keys: [keyCounted(1, ['RW', 'access', 'delete'])],
    args: [integer('numkeys'), key('key', MANY), side('where'), integer('count', { token: 'COUNT', ...OPT })],
    handler: lmpop,
  }),
];
