/** Streams without groups: XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID. */
import { block, integer, key, keyAt, keyRO, keyRW, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, createTyped, readTyped, WRONG, writeTyped } from '../../context/typed-key.js';
import { STREAM_TREE } from '../../entry/encodings.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { giveUpStream } from '../../types/stream/stream-cells.js';
import { ID_AUTO_SEQ, ID_BAD, parseId, replyId, StreamId } from '../../types/stream/stream-id.js';
import {
  addEntry,
  createStreamRoot,
  deleteEntry,
  edgeId,
  firstId,
  firstOfAll,
  lastId,
  maxDeletedId,
  StreamCursor,
  setEntriesAdded,
  setLastId,
  setMaxDeletedId,
  settleDeleted,
  streamLengthOf,
  trimStream,
} from '../../types/stream/stream-value.js';
import { integerArg } from '../arguments/integer.js';
import { givenId, idArgument, rangeArgument, trimArguments, trimOptions, trimRule } from './ids.js';
import { replyEntries } from './reply.js';

const id = new StreamId();
const last = new StreamId();
const scratch = new StreamId();
const cursor = new StreamCursor();

// ---- XADD, XTRIM

const ZERO_ID = 'ERR The ID specified in XADD must be greater than 0-0';
const SMALL_ID = 'ERR The ID specified in XADD is equal or smaller than the target stream top item';
const EXHAUSTED = 'ERR The stream has exhausted the last possible ID, unable to add more items';

// hot: XADD
function xadd(ctx: ExecContext, args: Args, reply: Reply): void {
  const idArg = trimArguments(ctx, args, 2, true, reply);
  if (idArg < 0) return;
  const first = idArg + 1;
  if (args.argc - first < 2 || ((args.argc - first) & 1) === 1) {
    reply.wrongArity('xadd');
    return;
  }
  const how = trimOptions.idGiven;
  if (how !== ID_BAD) {
    id.set(givenId);
    if (how !== ID_AUTO_SEQ && id.isZero()) {
      reply.errorText(ZERO_ID);
      return;
    }
  }
  const e = writeTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  if (e === NULL && trimOptions.noMake) {
    reply.nil();
    return;
  }
  let root = NULL;
  if (e === NULL) last.setMin();
  else {
    root = rootOf(ctx.arena, e);
    lastId(ctx.arena, root, last);
  }
  const error = chooseId(ctx, how === ID_BAD, how === ID_AUTO_SEQ);
  if (error !== null) {
    reply.errorText(error);
    return;
  }
  if (root !== NULL) {
    if (trimRule.by !== 0) boundTrim(ctx, root);
    addEntry(ctx, root, id, args, first, args.argc);
  } else root = createWith(ctx, args, first);
  ctx.dirty++;
  replyId(reply, id);
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STREAM, 'xadd', args, 1);
  if (trimRule.by !== 0) trim(ctx, args, root);
  if (ctx.effectsOn) effectAdd(ctx, args, root, idArg, how === ID_BAD || how === ID_AUTO_SEQ);
  ctx.signalReady(args, 1);
}

/** Makes the key in argument 1, which the last lookup did not find, a stream with the entry; returns its root. */
function createWith(ctx: ExecContext, args: Args, first: number): Ptr {
  const { arena } = ctx;
  const root = createStreamRoot(arena);
  try {
    addEntry(ctx, root, id, args, first, args.argc);
    createTyped(ctx, args, 1, TYPE_STREAM, STREAM_TREE, root);
  } catch (error) {
    giveUpStream(arena, root);
    throw error;
  }
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, 1);
  return root;
}

/** Settles `id` by the stream's `last`; the error if there is none. */
function chooseId(ctx: ExecContext, auto: boolean, autoSeq: boolean): string | null {
  if (auto) {
    id.setMs(ctx.nowMs);
    if (id.compare(last) > 0) return null;
    id.set(last);
    return id.increment() ? null : EXHAUSTED;
  }
  if (last.isMax()) {
    return EXHAUSTED;
  }
  if (autoSeq) {
    if (id.msHi === last.msHi && id.msLo === last.msLo) {
      id.set(last);
      if (!id.increment() || id.msLo !== last.msLo || id.msHi !== last.msHi) return SMALL_ID;
      return null;
    }
    if (id.isZero()) id.increment();
  }
  return id.compare(last) > 0 ? null : SMALL_ID;
}

/** Cuts by the rule that was read; the number that went. */
function trim(ctx: ExecContext, args: Args, root: Ptr): number {
  const removed = trimStream(ctx.arena, root, trimRule);
  if (removed > 0 && ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STREAM, 'xtrim', args, 1);
  return removed;
}

/** Entries of which whole nodes are freed as fast as one entry is visited elsewhere. */
const ENTRIES_A_STEP = 64;

/** Trimming much is not for I/O threads. */
function boundTrim(ctx: ExecContext, root: Ptr): void {
  let work = streamLengthOf(ctx.arena, root);
  if (trimRule.by === 1) work -= trimRule.maxLength;
  else if (trimRule.minId.compare(firstId(ctx.arena, root, scratch)) <= 0) return;
  if (trimRule.limit > 0 && work > trimRule.limit) work = trimRule.limit;
  boundInline(ctx, work / ENTRIES_A_STEP);
}

/** The rule as an effect. One with `~` becomes exact, by what is there now. */
function effectRule(ctx: ExecContext, args: Args, root: Ptr): void {
  const { effects } = ctx;
  effects.text(trimRule.by === 1 ? 'MAXLEN' : 'MINID');
  effects.text('=');
  if (!trimRule.approximate) effects.arg(args, trimOptions.thresholdArg);
  else if (trimRule.by === 1) effects.integer(streamLengthOf(ctx.arena, root));
  else effects.text(firstOfAll(ctx.arena, root, scratch).text());
}

/** XADD with the id that it chose and an exact rule; where both were given it goes as it came. */
function effectAdd(ctx: ExecContext, args: Args, root: Ptr, idArg: number, chosen: boolean): void {
  if (!chosen && !trimRule.approximate) return;
  const { effects } = ctx;
  const trims = trimRule.by !== 0;
  ctx.beginEffect(2 + (trimOptions.noMake ? 1 : 0) + (trims ? 3 : 0) + args.argc - idArg);
  effects.text('XADD');
  effects.arg(args, 1);
  if (trimOptions.noMake) effects.text('NOMKSTREAM');
  if (trims) effectRule(ctx, args, root);
  effects.text(id.text());
  for (let i = idArg + 1; i < args.argc; i++) effects.arg(args, i);
  ctx.endEffect();
}

function xtrim(ctx: ExecContext, args: Args, reply: Reply): void {
  if (trimArguments(ctx, args, 2, false, reply) < 0) return;
  const e = writeTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const root = rootOf(ctx.arena, e);
  boundTrim(ctx, root);
  const removed = trim(ctx, args, root);
  ctx.dirty += removed;
  if (removed > 0 && trimRule.approximate && ctx.effectsOn) {
    ctx.beginEffect(5);
    ctx.effects.text('XTRIM');
    ctx.effects.arg(args, 1);
    effectRule(ctx, args, root);
    ctx.endEffect();
  }
  reply.int(removed);
}

// ---- reading

function xlen(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  reply.int(e === NULL ? 0 : streamLengthOf(ctx.arena, rootOf(ctx.arena, e)));
}

function range(ctx: ExecContext, args: Args, reply: Reply, backwards: boolean): void {
  const from = backwards ? 3 : 2;
  if (!rangeArgument(args, from, false, id, reply) || !rangeArgument(args, 5 - from, true, last, reply)) return;
  let count = -1;
  for (let i = 4; i < args.argc; i++) {
    if (!args.is(i, 'count') || i + 1 >= args.argc) {
      reply.error(SYNTAX);
      return;
    }
    count = integerArg(args, ++i);
    if (Number.isNaN(count)) {
      reply.error(NOT_INTEGER);
      return;
    }
    if (count < 0) count = 0;
  }
  const e = readTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(0);
    return;
  }
  if (count === 0) {
    reply.nullArray();
    return;
  }
  const root = rootOf(ctx.arena, e);
  const length = streamLengthOf(ctx.arena, root);
  boundInline(ctx, count < 0 ? length : Math.min(count, length));
  replyEntries(cursor.open(ctx.arena, root, id, last, backwards), count, reply);
}

// ---- XDEL, XSETID

function xdel(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = writeTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  for (let i = 2; i < args.argc; i++) if (!idArgument(args, i, id, reply)) return;
  const root = rootOf(ctx.arena, e);
  boundInline(ctx, args.argc);
  let removed = 0;
  let firstGone = false;
  last.setMin();
  firstId(ctx.arena, root, scratch);
  for (let i = 2; i < args.argc; i++) {
    parseId(args, i, id, false, false);
    if (!deleteEntry(ctx.arena, root, id)) continue;
    removed++;
    if (id.compare(scratch) === 0) firstGone = true;
    if (id.compare(last) > 0) last.set(id);
  }
  if (removed > 0) {
    settleDeleted(ctx.arena, root, last, firstGone);
    ctx.dirty += removed;
    ctx.notify(EVENT_CLASS.STREAM, 'xdel', args, 1);
  }
  reply.int(removed);
}

function xsetid(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!idArgument(args, 2, id, reply)) return;
  let added = -1;
  let deleted = false;
  for (let i = 3; i < args.argc; i += 2) {
    if (i + 1 >= args.argc) {
      reply.error(SYNTAX);
      return;
    }
    if (args.is(i, 'entriesadded')) {
      added = integerArg(args, i + 1);
      if (Number.isNaN(added)) {
        reply.error(NOT_INTEGER);
        return;
      }
      if (added < 0) {
        reply.errorText('ERR entries_added must be positive');
        return;
      }
    } else if (args.is(i, 'maxdeletedid')) {
      if (!idArgument(args, i + 1, last, reply)) return;
      deleted = true;
      if (id.compare(last) < 0) {
        reply.errorText('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id');
        return;
      }
    } else {
      reply.error(SYNTAX);
      return;
    }
  }
  const e = writeTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.errorText('ERR no such key');
    return;
  }
  const { arena } = ctx;
  const root = rootOf(arena, e);
  if (id.compare(maxDeletedId(arena, root, scratch)) < 0) {
    reply.errorText('ERR The ID specified in XSETID is smaller than current max_deleted_entry_id');
    return;
  }
  const length = streamLengthOf(arena, root);
  if (length > 0) {
    edgeId(arena, root, true, scratch);
    if (id.compare(scratch) < 0) {
      reply.errorText('ERR The ID specified in XSETID is smaller than the target stream top item');
      return;
    }
    if (added >= 0 && length > added) {
      reply.errorText('ERR The entries_added specified in XSETID is smaller than the target stream length');
      return;
    }
  }
  setLastId(arena, root, id);
  if (added >= 0) setEntriesAdded(arena, root, added);
  if (deleted && !last.isZero()) setMaxDeletedId(arena, root, last);
  ctx.dirty++;
  reply.ok();
  ctx.notifyAside('xsetid', args, 1);
}

const STREAM = { acl: ['@stream'], group: 'stream', route: 'key', inline: true } as const;
const TRIM_ARG = block(
  'trim',
  [
    oneOf('strategy', [token('maxlen'), token('minid', 'MINID', { since: '6.2.0' })]),
    oneOf('operator', [token('equal', '='), token('approximately', '~')], OPT),
    str('threshold'),
    integer('count', { token: 'LIMIT', since: '6.2.0', ...OPT }),
  ],
  OPT,
);

export const streamEntryCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xadd',
    wakes: 'key',
    arity: -5,
    flags: ['write', 'denyoom', 'fast'],
    since: '5.0.0',
    longWork: 'value',
    complexity: 'O(1) for a new entry, O(N) for the N entries that are cut off.',
    summary: 'Adds an entry to a stream, which is made if there is none.',
    keys: [{ ...keyRW(1, 'update'), notes: 'UPDATE instead of INSERT because of the optional trimming feature' }],
    args: [
      key(),
      token('nomkstream', 'NOMKSTREAM', { since: '6.2.0', ...OPT }),
      TRIM_ARG,
      oneOf('id-selector', [token('auto-id', '*'), str('id')]),
      block('data', [str('field'), str('value')], { multiple: true }),
    ],
    tips: ['nondeterministic_output'],
    history: [
      ['6.2.0', 'Options `NOMKSTREAM`, `MINID`, `LIMIT`.'],
      ['7.0.0', 'Ids of the form `<ms>-*`.'],
    ],
    handler: xadd,
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xtrim',
    arity: -4,
    flags: ['write'],
    since: '5.0.0',
    longWork: 'value',
    complexity: 'O(N) for the N entries that go.',
    summary: 'Cuts old entries off a stream.',
    keys: [keyRW(1, 'delete')],
    args: [key(), { ...TRIM_ARG, optional: false }],
    tips: ['nondeterministic_output'],
    history: [['6.2.0', 'Options `MINID`, `LIMIT`.']],
    handler: xtrim,
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    since: '5.0.0',
    complexity: 'O(1)',
    summary: 'Returns the number of entries of a stream.',
    keys: [keyAt(1, ['RO'])],
    args: [key()],
    handler: xlen,
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xrange',
    arity: -4,
    flags: ['readonly'],
    since: '5.0.0',
    longWork: 'value',
    complexity: 'O(N) for N entries returned, O(log M) to find the first of M.',
    summary: 'Returns the entries between two ids.',
    keys: [keyRO(1, 'access')],
    args: [key(), str('start'), str('end'), integer('count', { token: 'COUNT', ...OPT })],
    history: [['6.2.0', 'Ranges without their ends, `(`.']],
    handler: (ctx, args, reply) => range(ctx, args, reply, false),
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xrevrange',
    arity: -4,
    flags: ['readonly'],
    since: '5.0.0',
    longWork: 'value',
    complexity: 'O(N) for N entries returned, O(log M) to find the first of M.',
    summary: 'Returns the entries between two ids, the newest first.',
    keys: [keyRO(1, 'access')],
    args: [key(), str('end'), str('start'), integer('count', { token: 'COUNT', ...OPT })],
    history: [['6.2.0', 'Ranges without their ends, `(`.']],
    handler: (ctx, args, reply) => range(ctx, args, reply, true),
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xdel',
    arity: -3,
    flags: ['write', 'fast'],
    since: '5.0.0',
    longWork: 'arguments',
    complexity: 'O(1) for every entry, whatever the length of the stream is.',
    summary: 'Deletes entries by their ids; returns how many were there.',
    keys: [keyRW(1, 'delete')],
    args: [key(), str('id', { multiple: true })],
    handler: xdel,
  }),
  defineCommand<ExecContext>({
    ...STREAM,
    name: 'xsetid',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    since: '5.0.0',
    complexity: 'O(1)',
    summary: 'Sets the last id of a stream. For replication.',
    keys: [keyRW(1, 'update')],
    args: [
      key(),
      str('last-id'),
      integer('entries-added', { token: 'ENTRIESADDED', since: '7.0.0', ...OPT }),
      str('max-deleted-id', { token: 'MAXDELETEDID', since: '7.0.0', ...OPT }),
    ],
    history: [['7.0.0', 'Options `ENTRIESADDED`, `MAXDELETEDID`.']],
    handler: xsetid,
  }),
];

/** All commands of the stream family. */
