/** XINFO: what a stream is made of, its groups and consumers. HELP is with the I/O threads. */
import { block, container, integer, key, keyRO, OPT, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NO_SUCH_KEY, NOT_INTEGER } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { replyName } from '../../structures/element.js';
import { type IdTree, idOfElement } from '../../types/stream/id-tree.js';
import { groupLag } from '../../types/stream/stream-counts.js';
import {
  activeAt,
  consumerElement,
  consumersOf,
  entriesRead,
  findGroup,
  groupLast,
  groupsOf,
  type Named,
  ownedBy,
  Pending,
  pendingOf,
  readPending,
  seenAt,
  UNKNOWN,
} from '../../types/stream/stream-groups.js';
import { replyId, StreamId } from '../../types/stream/stream-id.js';
import {
  entriesAdded,
  firstId,
  lastId,
  maxDeletedId,
  nodesIn,
  StreamCursor,
  streamLengthOf,
} from '../../types/stream/stream-value.js';
import { integerArg } from '../arguments/integer.js';
import { shown } from './ids.js';
import { MAX_ID, MIN_ID, replyEdge, replyEntries, replyNumber } from './reply.js';

const KEY = 2;
const GROUP = 3;
const COUNT_DEFAULT = 10;

const id = new StreamId();
const pending = new Pending();
const cursor = new StreamCursor();

/** The stream's root; 0 after an error has been written. */
function neededRoot(ctx: ExecContext, args: Args, reply: Reply): Ptr {
  const e = readTyped(ctx, args, KEY, TYPE_STREAM, reply);
  if (e === WRONG) return NULL;
  if (e !== NULL) return rootOf(ctx.arena, e);
  reply.error(NO_SUCH_KEY);
  return NULL;
}

function syntaxError(args: Args, reply: Reply): void {
  const name = shown(args, 1).slice(0, 128);
  reply.errorLatin1(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try XINFO HELP.`);
}

// ---- XINFO STREAM

function stream(ctx: ExecContext, args: Args, reply: Reply): void {
  const root = neededRoot(ctx, args, reply);
  if (root === NULL) return;
  if (args.argc === 3) {
    replyFigures(ctx, root, 10, reply);
    replyBrief(ctx, root, reply);
    return;
  }
  const counted = args.argc === 6;
  if (!args.is(3, 'full') || (args.argc !== 4 && !counted) || (counted && !args.is(4, 'count'))) {
    syntaxError(args, reply);
    return;
  }
  let count = counted ? integerArg(args, 5) : COUNT_DEFAULT;
  if (Number.isNaN(count)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (count < 0) count = COUNT_DEFAULT;
  // 0: all there is.
  if (count === 0) boundInline(ctx, Number.POSITIVE_INFINITY);
  else boundInline(ctx, Math.min(count, streamLengthOf(ctx.arena, root)));
  replyFigures(ctx, root, 9, reply);
  replyFull(ctx, root, count === 0 ? -1 : count, reply);
}

/** What both forms begin with; `entries`: number of entries of the whole map. */
function replyFigures(ctx: ExecContext, root: Ptr, entries: number, reply: Reply): void {
  const { arena } = ctx;
  reply.map(entries);
  const nodes = nodesIn(arena, root);
  replyCount(reply, 'length', streamLengthOf(arena, root));
  replyCount(reply, 'radix-tree-keys', nodes);
  replyCount(reply, 'radix-tree-nodes', nodes + 1);
  replyIdOf(reply, 'last-generated-id', lastId(arena, root, id));
  replyIdOf(reply, 'max-deleted-entry-id', maxDeletedId(arena, root, id));
  replyCount(reply, 'entries-added', entriesAdded(arena, root));
  replyIdOf(reply, 'recorded-first-entry-id', firstId(arena, root, id));
}

function replyCount(reply: Reply, what: string, n: number): void {
  reply.bulkLatin1(what);
  replyNumber(reply, n);
}

function replyIdOf(reply: Reply, what: string, which: StreamId): void {
  reply.bulkLatin1(what);
  replyId(reply, which);
}

function replyBrief(ctx: ExecContext, root: Ptr, reply: Reply): void {
  replyCount(reply, 'groups', groupsOf(ctx.arena, root).length);
  reply.bulkLatin1('first-entry');
  if (!replyEdge(ctx, root, false, reply)) reply.nil();
  reply.bulkLatin1('last-entry');
  if (!replyEdge(ctx, root, true, reply)) reply.nil();
}

/** `count`: most entries of each row, -1: all. */
function replyFull(ctx: ExecContext, root: Ptr, count: number, reply: Reply): void {
  const { arena } = ctx;
  reply.bulkLatin1('entries');
  replyEntries(cursor.open(arena, root, MIN_ID, MAX_ID, false), count, reply);
  reply.bulkLatin1('groups');
  const groups = groupsOf(arena, root);
  reply.array(groups.length);
  for (const group of groups) {
    reply.map(7);
    replyGroupName(reply, group);
    replyProgress(ctx, root, group.cell, reply);
    const tree = pendingOf(arena, group.cell);
    replyCount(reply, 'pel-count', tree.count);
    replyPending(ctx, tree, count, true, reply);
    replyConsumers(ctx, group.cell, count, reply);
  }
}

function replyGroupName(reply: Reply, { name }: Named): void {
  reply.bulkLatin1('name');
  reply.bulk(name, 0, name.length);
}

/** How far a group has come. */
function replyProgress(ctx: ExecContext, root: Ptr, group: Ptr, reply: Reply): void {
  const { arena } = ctx;
  replyIdOf(reply, 'last-delivered-id', groupLast(arena, group, id));
  const read = entriesRead(arena, group);
  reply.bulkLatin1('entries-read');
  if (read === UNKNOWN) reply.nil();
  else replyNumber(reply, read);
  const lag = groupLag(arena, root, group);
  reply.bulkLatin1('lag');
  if (lag === null) reply.nil();
  else replyNumber(reply, lag);
}

/** Pending entries, with their owners where they are those of a group. */
function replyPending(ctx: ExecContext, tree: IdTree, count: number, owners: boolean, reply: Reply): void {
  const { arena } = ctx;
  const n = count < 0 ? tree.count : Math.min(count, tree.count);
  const walk = tree.cursor(0);
  reply.bulkLatin1('pending');
  reply.array(n);
  for (let k = 0; k < n; k++) {
    const el = walk.next();
    readPending(arena, el, pending);
    reply.array(owners ? 4 : 3);
    replyId(reply, idOfElement(arena, el, id));
    if (owners) replyName(arena, consumerElement(arena, pending.consumer), reply);
    reply.int(pending.deliveredAtMs);
    replyNumber(reply, pending.deliveries);
  }
}

function replyConsumers(ctx: ExecContext, group: Ptr, count: number, reply: Reply): void {
  const { arena } = ctx;
  const list = consumersOf(arena, group);
  reply.bulkLatin1('consumers');
  reply.array(list.length);
  for (const { name, cell } of list) {
    reply.map(5);
    reply.bulkLatin1('name');
    reply.bulk(name, 0, name.length);
    replyCount(reply, 'seen-time', seenAt(arena, cell));
    replyCount(reply, 'active-time', activeAt(arena, cell));
    const tree = ownedBy(arena, cell);
    replyCount(reply, 'pel-count', tree.count);
    replyPending(ctx, tree, count, false, reply);
  }
}

// ---- XINFO GROUPS, CONSUMERS

function groups(ctx: ExecContext, args: Args, reply: Reply): void {
  const root = neededRoot(ctx, args, reply);
  if (root === NULL) return;
  const { arena } = ctx;
  const list = groupsOf(arena, root);
  reply.array(list.length);
  for (const group of list) {
    reply.map(6);
    replyGroupName(reply, group);
    replyCount(reply, 'consumers', consumersOf(arena, group.cell).length);
    replyCount(reply, 'pending', pendingOf(arena, group.cell).count);
    replyProgress(ctx, root, group.cell, reply);
  }
}

function consumers(ctx: ExecContext, args: Args, reply: Reply): void {
  const root = neededRoot(ctx, args, reply);
  if (root === NULL) return;
  const { arena, nowMs } = ctx;
  const group = findGroup(arena, root, args.u8, args.dv, args.off[GROUP]!, args.len[GROUP]!);
  if (group === NULL) {
    reply.errorLatin1(`NOGROUP No such consumer group '${shown(args, GROUP)}' for key name '${shown(args, KEY)}'`);
    return;
  }
  const list = consumersOf(arena, group);
  reply.array(list.length);
  for (const { name, cell } of list) {
    reply.map(4);
    reply.bulkLatin1('name');
    reply.bulk(name, 0, name.length);
    replyCount(reply, 'pending', ownedBy(arena, cell).count);
    replyCount(reply, 'idle', Math.max(nowMs - seenAt(arena, cell), 0));
    const active = activeAt(arena, cell);
    replyCount(reply, 'inactive', active === -1 ? -1 : nowMs - active);
  }
}

const SUB = { acl: ['@stream'], group: 'stream', route: 'key', inline: true, since: '5.0.0' } as const;
const READ = { ...SUB, flags: ['readonly'], keys: [keyRO(KEY, 'access')] } as const;

/** XINFO with its subcommands. */
export const xinfoCommand: CommandDef<ExecContext> = container(
  'xinfo',
  { group: 'stream', since: '5.0.0', summary: 'Holds the subcommands that describe streams.' },
  [
    defineCommand<ExecContext>({
      ...READ,
      name: 'xinfo|consumers',
      arity: 4,
      longWork: 'value',
      complexity: 'O(N) for N consumers.',
      summary: 'Lists the consumers of a group.',
      tips: ['nondeterministic_output'],
      args: [key(), str('group')],
      history: [['7.2.0', 'Field `inactive`.']],
      handler: consumers,
    }),
    defineCommand<ExecContext>({
      ...READ,
      name: 'xinfo|groups',
      arity: 3,
      longWork: 'value',
      complexity: 'O(N) for N groups.',
      summary: 'Lists the groups of a stream.',
      args: [key()],
      history: [['7.0.0', 'Fields `entries-read` and `lag`.']],
      handler: groups,
    }),
    defineCommand<ExecContext>({
      ...READ,
      name: 'xinfo|stream',
      arity: -3,
      longWork: 'value',
      complexity: 'O(1), or O(N) with FULL for N entries shown.',
      summary: 'Describes a stream.',
      args: [key(), block('full-block', [token('full'), integer('count', { token: 'COUNT', ...OPT })], OPT)],
      history: [
        ['6.0.0', 'Option `FULL`.'],
        ['7.0.0', 'Fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`.'],
        ['7.2.0', 'Field `active-time`; `seen-time` means something else.'],
      ],
      handler: stream,
    }),
  ],
);
