/** XREAD and XREADGROUP: the new entries of several streams, waiting for them if there are none (blocking/serve.ts). */
import { block, integer, key, MANY, OPT, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type KeySpec } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX, WRONGTYPE } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { WRONG } from '../../context/typed-key.js';
import { entryType, TYPE_STREAM } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { idOfElement } from '../../types/stream/id-tree.js';
import { readAfter } from '../../types/stream/stream-counts.js';
import {
  addPending,
  findGroup,
  groupLast,
  ownedBy,
  Pending,
  passPending,
  pendingOf,
  readPending,
  setActive,
  setEntriesRead,
  setGroupLast,
  setPending,
  setSeen,
} from '../../types/stream/stream-groups.js';
import { replyId, StreamId } from '../../types/stream/stream-id.js';
import { edgeId, lastId, StreamCursor } from '../../types/stream/stream-value.js';
import { deadlineOf, passesOver } from '../arguments/blocking-timeout.js';
import { integerArg } from '../arguments/integer.js';
import { beginEffects, effectClaim, effectConsumer, effectSetId, endEffects, makeConsumer } from './effects.js';
import { idArgument, shown } from './ids.js';
import { consumerAt, MAX_ID, replyEntries, replyEntry, replyEntryAt } from './reply.js';

const last = new StreamId();
const cursor = new StreamCursor();
const pending = new Pending();

/** What the running command asks for. */
class ReadQuery {
  count = -1;
  /** Until when to wait, unix ms; 0: for ever, -1: not at all. */
  deadlineMs = -1;
  noAck = false;
  groupArg = 0;
  streamsArg = 0;
  streams = 0;
}

const query = new ReadQuery();

/** Reads the options; false after an error has been written. */
function parse(ctx: ExecContext, args: Args, reply: Reply, grouped: boolean): boolean {
  query.count = -1;
  query.deadlineMs = -1;
  query.noAck = false;
  query.groupArg = 0;
  query.streamsArg = 0;
  const name = grouped ? 'xreadgroup' : 'xread';
  for (let i = 1; i < args.argc; i++) {
    const more = args.argc - 1 - i;
    if (args.is(i, 'block') && more > 0) {
      const ms = integerArg(args, ++i);
      if (Number.isNaN(ms)) {
        reply.errorText('ERR timeout is not an integer or out of range');
        return false;
      }
      query.deadlineMs = deadlineOf(ctx, ms, reply);
      if (query.deadlineMs < 0) return false;
    } else if (args.is(i, 'count') && more > 0) {
      const n = integerArg(args, ++i);
      if (Number.isNaN(n)) {
        reply.error(NOT_INTEGER);
        return false;
      }
      query.count = n <= 0 ? -1 : n;
    } else if (args.is(i, 'streams') && more > 0) {
      query.streamsArg = i + 1;
      break;
    } else if (args.is(i, 'group') && more >= 2) {
      if (!grouped) {
        reply.errorText('ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.');
        return false;
      }
      query.groupArg = i + 1;
      i += 2;
    } else if (args.is(i, 'noack')) {
      if (!grouped) {
        reply.errorText('ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.');
        return false;
      }
      query.noAck = true;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  if (query.streamsArg === 0) {
    reply.error(SYNTAX);
    return false;
  }
  const rest = args.argc - query.streamsArg;
  if ((rest & 1) === 1) {
    const symbol = grouped ? '>' : '$';
    reply.errorText(
      `ERR Unbalanced '${name}' list of streams: for each stream key an ID or '${symbol}' must be specified.`,
    );
    return false;
  }
  query.streams = rest >> 1;
  if (grouped && query.groupArg === 0) {
    reply.errorText('ERR Missing GROUP option for XREADGROUP');
    return false;
  }
  return true;
}

const DOLLAR = 36;
const PLUS = 43;
const GREATER = 62;

function isMark(args: Args, i: number, mark: number): boolean {
  return args.len[i] === 1 && args.u8[args.off[i]!] === mark;
}

/** By stream: its root (0: none, or nothing of it is wanted), the id behind which to read, the group. */
let roots = new Int32Array(8);
let groups = new Int32Array(8);
const ids: StreamId[] = [];

function reserve(streams: number): void {
  if (streams > roots.length) {
    roots = new Int32Array(2 * streams);
    groups = new Int32Array(2 * streams);
  }
  while (ids.length < streams) ids.push(new StreamId());
}

/** Looks up the stream in argument i; its root, 0 when there is none, WRONG after an error has been written. */
function lookup(ctx: ExecContext, args: Args, i: number, reply: Reply): Ptr {
  const e = ctx.lookupRead(args, i);
  if (e === NULL) return NULL;
  if (entryType(ctx.arena, e) === TYPE_STREAM) return rootOf(ctx.arena, e);
  reply.error(WRONGTYPE);
  return WRONG;
}

/** The id that `$` or `+` stands for into `id`. */
function settleMark(ctx: ExecContext, root: Ptr, plus: boolean, id: StreamId): void {
  if (root === NULL) id.setMin();
  else if (plus && edgeId(ctx.arena, root, true, id)) id.decrement();
  else lastId(ctx.arena, root, id);
}

/** XREAD [COUNT count] [BLOCK ms] STREAMS key ... id ... */
function xread(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parse(ctx, args, reply, false)) return;
  const { streamsArg, streams } = query;
  reserve(streams);
  let marked = false;
  for (let k = 0; k < streams; k++) {
    const i = streamsArg + k;
    roots[k] = 0;
    if (passesOver(ctx, args, i)) continue;
    const root = lookup(ctx, args, i, reply);
    if (root === WRONG) return;
    roots[k] = root;
    const at = i + streams;
    const plus = isMark(args, at, PLUS);
    if (plus || isMark(args, at, DOLLAR)) {
      settleMark(ctx, root, plus, ids[k]!);
      marked = true;
    } else if (isMark(args, at, GREATER)) {
      reply.errorText(
        'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
      );
      return;
    } else if (!idArgument(args, at, ids[k]!, reply)) return;
  }
  let served = 0;
  let mark = 0;
  for (let k = 0; k < streams; k++) {
    const root = roots[k]! as Ptr;
    if (root === NULL) continue;
    const i = streamsArg + k;
    ctx.useShardOf(args, i);
    if (!hasMore(ctx, root, ids[k]!)) continue;
    if (served++ === 0) mark = reply.deferredArray();
    replyKey(args, i, reply);
    ids[k]!.increment();
    replyEntries(cursor.open(ctx.arena, root, ids[k]!, MAX_ID, false), query.count, reply);
  }
  finish(ctx, marked && served === 0 ? withSettledIds(args) : args, served, mark, reply, false);
}

/** Whether a stream has an entry behind `id`. */
function hasMore(ctx: ExecContext, root: Ptr, id: StreamId): boolean {
  if (lastId(ctx.arena, root, last).compare(id) <= 0) return false;
  return edgeId(ctx.arena, root, true, last) && last.compare(id) > 0;
}

/** Begins what is answered of one stream. */
function replyKey(args: Args, i: number, reply: Reply): void {
  if (reply.proto === 2) reply.array(2);
  reply.bulkView(args.u8, args.dv, args.off[i]!, args.len[i]!);
}

let keyIndexes = new Int32Array(16);

/** Ends the reply; if nothing was served, waits, if that was asked for and may be, or answers with a null. */
function finish(ctx: ExecContext, args: Args, served: number, mark: number, reply: Reply, grouped: boolean): void {
  if (served > 0) {
    reply.setDeferred(mark, served, reply.proto === 3 ? 'map' : 'array');
    return;
  }
  const { streams, streamsArg, deadlineMs } = query;
  if (deadlineMs >= 0) {
    if (streams > keyIndexes.length) keyIndexes = new Int32Array(2 * streams);
    for (let k = 0; k < streams; k++) keyIndexes[k] = streamsArg + k;
    const { blocking, commandId } = ctx;
    if (blocking.block(ctx, args, keyIndexes, streams, deadlineMs, commandId, false, TYPE_STREAM, grouped)) return;
  }
  reply.nullArray();
}

/** The request with ids in the place of `$` and `+`, as it is carried out when it has waited. */
function withSettledIds(args: Args): Args {
  const { streams, streamsArg } = query;
  const parts: Uint8Array[] = [];
  for (let i = 0; i < args.argc; i++) {
    const settled = i >= streamsArg + streams && (isMark(args, i, DOLLAR) || isMark(args, i, PLUS));
    parts.push(settled ? Buffer.from(ids[i - streamsArg - streams]!.text()) : args.copy(i));
  }
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const out = new Args(parts.length);
  out.setBuffer(bytes, new DataView(bytes.buffer));
  out.argc = parts.length;
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    out.off[i] = at;
    out.len[i] = parts[i]!.length;
    at += out.len[i]!;
  }
  return out;
}

// ---- XREADGROUP

const DOLLAR_WITH_GROUP =
  'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ' +
  'specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.';
const PLUS_WITH_GROUP = DOLLAR_WITH_GROUP.replaceAll('$', '+');

/** Looks up streams and groups and reads the ids; false after an error has been written. */
function resolve(ctx: ExecContext, args: Args, reply: Reply): boolean {
  const { streamsArg, streams, groupArg } = query;
  reserve(streams);
  for (let k = 0; k < streams; k++) {
    const i = streamsArg + k;
    roots[k] = 0;
    if (passesOver(ctx, args, i)) continue;
    const root = lookup(ctx, args, i, reply);
    if (root === WRONG) return false;
    const { u8, dv, off, len } = args;
    const group = root === NULL ? NULL : findGroup(ctx.arena, root, u8, dv, off[groupArg]!, len[groupArg]!);
    if (group === NULL) {
      const name = shown(args, groupArg);
      reply.errorLatin1(
        `NOGROUP No such key '${shown(args, i)}' or consumer group '${name}' in XREADGROUP with GROUP option`,
      );
      return false;
    }
    roots[k] = root;
    groups[k] = group;
    const at = i + streams;
    if (isMark(args, at, GREATER)) continue;
    if (isMark(args, at, DOLLAR) || isMark(args, at, PLUS)) {
      reply.errorText(isMark(args, at, DOLLAR) ? DOLLAR_WITH_GROUP : PLUS_WITH_GROUP);
      return false;
    }
    if (!idArgument(args, at, ids[k]!, reply)) return false;
  }
  return true;
}

function xreadgroup(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parse(ctx, args, reply, true) || !resolve(ctx, args, reply)) return;
  const { streamsArg, streams } = query;
  let served = 0;
  let mark = 0;
  beginEffects(ctx);
  try {
    for (let k = 0; k < streams; k++) {
      const root = roots[k]! as Ptr;
      if (root === NULL) continue;
      const i = streamsArg + k;
      ctx.useShardOf(args, i);
      const group = groups[k]! as Ptr;
      const consumer = consumerOf(ctx, args, i, group);
      const fresh = isMark(args, i + streams, GREATER);
      if (fresh && !hasMore(ctx, root, groupLast(ctx.arena, group, ids[k]!))) continue;
      if (served++ === 0) mark = reply.deferredArray();
      replyKey(args, i, reply);
      ids[k]!.increment();
      if (fresh) readNew(ctx, args, i, root, group, consumer, ids[k]!, reply);
      else readHistory(ctx, root, consumer, ids[k]!, reply);
      ctx.dirty++;
    }
  } finally {
    endEffects(ctx);
  }
  finish(ctx, args, served, mark, reply, true);
}

/** The consumer that reads, made if it is not there. */
function consumerOf(ctx: ExecContext, args: Args, i: number, group: Ptr): Ptr {
  const { groupArg, noAck } = query;
  let consumer = consumerAt(ctx, args, group, groupArg + 1);
  if (consumer === NULL) {
    consumer = makeConsumer(ctx, args, i, group, groupArg + 1);
    if (noAck) effectConsumer(ctx, args, i, groupArg, groupArg + 1);
  }
  setSeen(ctx.arena, consumer, ctx.nowMs);
  return consumer;
}

/** Gives the consumer entries from `from` on, which no consumer of the group has got. */
function readNew(
  ctx: ExecContext,
  args: Args,
  i: number,
  root: Ptr,
  group: Ptr,
  consumer: Ptr,
  from: StreamId,
  reply: Reply,
): void {
  const { arena, nowMs } = ctx;
  const { count, noAck, groupArg } = query;
  const mark = reply.deferredArray();
  let n = 0;
  cursor.open(arena, root, from, MAX_ID, false);
  while (n !== count && cursor.next()) {
    const { id } = cursor;
    setEntriesRead(arena, group, readAfter(arena, root, group, id));
    setGroupLast(arena, group, id);
    replyEntry(cursor, reply);
    n++;
    if (noAck) continue;
    // XGROUP SETID may have set the group back, so that a consumer has got the entry before.
    let el = pendingOf(arena, group).find(id);
    if (el === NULL) el = addPending(arena, group, consumer, id, nowMs, 1);
    else {
      passPending(arena, el, consumer);
      setPending(arena, el, nowMs, 1);
    }
    setActive(arena, consumer, nowMs);
    effectClaim(ctx, args, i, groupArg, group, el, id);
  }
  if (noAck && n > 0) effectSetId(ctx, args, i, groupArg, group);
  reply.setDeferred(mark, n);
}

/** Writes what the consumer has got and not acknowledged, from `from` on. */
function readHistory(ctx: ExecContext, root: Ptr, consumer: Ptr, from: StreamId, reply: Reply): void {
  const { arena } = ctx;
  const tree = ownedBy(arena, consumer);
  const mark = reply.deferredArray();
  const walk = tree.cursor(tree.ceiling(from));
  let n = 0;
  while (n !== query.count) {
    const el = walk.next();
    if (el === NULL) break;
    n++;
    idOfElement(arena, el, last);
    if (replyEntryAt(ctx, root, last, reply)) {
      readPending(arena, el, pending);
      setPending(arena, el, ctx.nowMs, pending.deliveries + 1);
      continue;
    }
    reply.array(2);
    replyId(reply, last);
    reply.nullArray();
  }
  reply.setDeferred(mark, n);
}

const READ = { acl: ['@stream'], group: 'stream', route: 'key', since: '5.0.0' } as const;
const streamsAfter = (startFrom: number): KeySpec => ({
  flags: ['RO', 'access'],
  begin: { keyword: 'STREAMS', startFrom },
  find: { lastKey: -1, step: 1, limit: 2 },
});
const STREAMS_ARG = block('streams', [key('key', MANY), str('id', { multiple: true })], { token: 'STREAMS' });
const COUNT_ARG = integer('count', { token: 'COUNT', ...OPT });
const BLOCK_ARG = integer('milliseconds', { token: 'BLOCK', ...OPT });

/** XREAD, XREADGROUP. */
export const streamReadCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...READ,
    name: 'xread',
    arity: -4,
    flags: ['readonly', 'blocking'],
    longWork: 'value',
    complexity: 'O(N) for N entries returned.',
    summary: 'Returns the entries of streams behind given ids, and waits if there are none.',
    keys: [streamsAfter(1)],
    args: [COUNT_ARG, BLOCK_ARG, STREAMS_ARG],
    handler: xread,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'xreadgroup',
    waitsForEnd: true,
    arity: -7,
    flags: ['write', 'blocking'],
    longWork: 'value',
    complexity: 'O(M) for M entries returned.',
    summary: 'Returns entries that no consumer of the group has got yet, or those that the consumer has, and waits.',
    keys: [streamsAfter(4)],
    args: [
      block('group-block', [str('group'), str('consumer')], { token: 'GROUP' }),
      COUNT_ARG,
      BLOCK_ARG,
      token('noack', 'NOACK', OPT),
      STREAMS_ARG,
    ],
    handler: xreadgroup,
  }),
];
