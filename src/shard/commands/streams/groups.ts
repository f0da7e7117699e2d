/** XGROUP: consumer groups of a stream. HELP is with the I/O threads. */
import { container, integer, key, keyRW, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, createTyped, WRONG, writeTyped } from '../../context/typed-key.js';
import { STREAM_TREE } from '../../entry/encodings.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { giveUpStream } from '../../types/stream/stream-cells.js';
import {
  addGroup,
  ownedBy,
  removeConsumer,
  removeGroup,
  setEntriesRead,
  setGroupLast,
  UNKNOWN,
} from '../../types/stream/stream-groups.js';
import { ID_BAD, parseId, StreamId } from '../../types/stream/stream-id.js';
import { createStreamRoot, lastId } from '../../types/stream/stream-value.js';
import { integerArg } from '../arguments/integer.js';
import { makeConsumer } from './effects.js';
import { BAD_ID, idArgument, shown } from './ids.js';
import { consumerAt, groupAt } from './reply.js';

const KEY_NEEDED =
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option' +
  ' to create an empty stream automatically.';
const KEY = 2;
const GROUP = 3;
const CONSUMER = 4;
const ID = 4;
const DOLLAR = 36;

const id = new StreamId();

/** What the running CREATE or SETID asks for. */
const options = { make: false, read: UNKNOWN };

/** Reads the options from argument 5 on; false after an error has been written. */
function parseOptions(args: Args, create: boolean, reply: Reply): boolean {
  options.make = false;
  options.read = UNKNOWN;
  for (let i = 5; i < args.argc; i++) {
    if (create && args.is(i, 'mkstream')) options.make = true;
    else if (args.is(i, 'entriesread') && i + 1 < args.argc) {
      const n = integerArg(args, ++i);
      if (Number.isNaN(n)) {
        reply.error(NOT_INTEGER);
        return false;
      }
      if (n < 0 && n !== UNKNOWN) {
        reply.errorText('ERR value for ENTRIESREAD must be positive or -1');
        return false;
      }
      options.read = n;
    } else {
      syntaxError(args, reply);
      return false;
    }
  }
  return true;
}

/** The error about a subcommand that is used wrongly. */
function syntaxError(args: Args, reply: Reply): void {
  const name = shown(args, 1).slice(0, 128);
  reply.errorLatin1(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try XGROUP HELP.`);
}

/** The stream; WRONG after an error has been written, 0 when there is none and there need not be. */
function streamEntry(ctx: ExecContext, args: Args, needed: boolean, reply: Reply): Ptr {
  const e = writeTyped(ctx, args, KEY, TYPE_STREAM, reply);
  if (e !== NULL || !needed) return e;
  reply.errorText(KEY_NEEDED);
  return WRONG;
}

/** The group, which must be there; 0 after an error has been written. */
function neededGroup(ctx: ExecContext, args: Args, e: Ptr, reply: Reply): Ptr {
  const group = groupAt(ctx, args, e, GROUP);
  if (group === NULL) {
    reply.errorLatin1(`NOGROUP No such consumer group '${shown(args, GROUP)}' for key name '${shown(args, KEY)}'`);
  }
  return group;
}

function isDollar(args: Args): boolean {
  return args.len[ID] === 1 && args.u8[args.off[ID]!] === DOLLAR;
}

function create(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseOptions(args, true, reply)) return;
  const e = streamEntry(ctx, args, !options.make, reply);
  if (e === WRONG) return;
  if (args.argc > 8) {
    syntaxError(args, reply);
    return;
  }
  const { arena } = ctx;
  if (isDollar(args)) {
    if (e === NULL) id.setMin();
    else lastId(arena, rootOf(arena, e), id);
  } else if (!idArgument(args, ID, id, reply)) return;
  if (e === NULL) createWith(ctx, args);
  else if (groupAt(ctx, args, e, GROUP) !== NULL) {
    reply.errorText('BUSYGROUP Consumer Group name already exists');
    return;
  } else add(ctx, args, rootOf(arena, e));
  reply.ok();
  ctx.dirty++;
  if (e === NULL) ctx.notify(EVENT_CLASS.STREAM, 'xgroup-create', args, KEY);
  else ctx.notifyAside('xgroup-create', args, KEY);
}

function add(ctx: ExecContext, args: Args, root: Ptr): void {
  addGroup(ctx.arena, root, args.u8, args.dv, args.off[GROUP]!, args.len[GROUP]!, id, options.read);
}

/** A stream without entries, with the group. */
function createWith(ctx: ExecContext, args: Args): void {
  const { arena } = ctx;
  const root = createStreamRoot(arena);
  try {
    add(ctx, args, root);
    createTyped(ctx, args, KEY, TYPE_STREAM, STREAM_TREE, root);
  } catch (error) {
    giveUpStream(arena, root);
    throw error;
  }
  ctx.notify(EVENT_CLASS.NEW, 'new', args, KEY);
}

function setId(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseOptions(args, false, reply)) return;
  const e = streamEntry(ctx, args, true, reply);
  if (e === WRONG) return;
  const group = neededGroup(ctx, args, e, reply);
  if (group === NULL) return;
  if (args.argc !== 5 && args.argc !== 7) {
    syntaxError(args, reply);
    return;
  }
  if (isDollar(args)) lastId(ctx.arena, rootOf(ctx.arena, e), id);
  else if (!anyId(args, ID)) {
    reply.errorText(BAD_ID);
    return;
  }
  setGroupLast(ctx.arena, group, id);
  setEntriesRead(ctx.arena, group, options.read);
  reply.ok();
  ctx.dirty++;
  ctx.notifyAside('xgroup-setid', args, KEY);
}

/** Reads an id, or `-` or `+`, into `id`. */
function anyId(args: Args, i: number): boolean {
  const mark = args.len[i] === 1 ? args.u8[args.off[i]!] : 0;
  if (mark === 45) id.setMin();
  else if (mark === 43) id.setMax();
  else return parseId(args, i, id, false, false) !== ID_BAD;
  return true;
}

function destroy(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = streamEntry(ctx, args, true, reply);
  if (e === WRONG) return;
  if (groupAt(ctx, args, e, GROUP) === NULL) {
    reply.int(0);
    return;
  }
  removeGroup(ctx.arena, rootOf(ctx.arena, e), args.u8, args.dv, args.off[GROUP]!, args.len[GROUP]!);
  reply.int(1);
  ctx.dirty++;
  ctx.notifyAside('xgroup-destroy', args, KEY);
  // Clients blocked on this group are told that the group is gone.
  ctx.signalReady(args, KEY);
}

function createConsumer(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = streamEntry(ctx, args, true, reply);
  if (e === WRONG) return;
  const group = neededGroup(ctx, args, e, reply);
  if (group === NULL) return;
  if (consumerAt(ctx, args, group, CONSUMER) !== NULL) {
    reply.int(0);
    return;
  }
  makeConsumer(ctx, args, KEY, group, CONSUMER);
  reply.int(1);
}

function deleteConsumer(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = streamEntry(ctx, args, true, reply);
  if (e === WRONG) return;
  const group = neededGroup(ctx, args, e, reply);
  if (group === NULL) return;
  const consumer = consumerAt(ctx, args, group, CONSUMER);
  if (consumer === NULL) {
    reply.int(0);
    return;
  }
  boundInline(ctx, ownedBy(ctx.arena, consumer).count);
  reply.int(removeConsumer(ctx.arena, group, args.u8, args.dv, args.off[CONSUMER]!, args.len[CONSUMER]!));
  ctx.dirty++;
  ctx.notifyAside('xgroup-delconsumer', args, KEY);
}

const SUB = { acl: ['@stream'], group: 'stream', route: 'key', inline: true, since: '5.0.0' } as const;
const ID_ARG = oneOf('id-selector', [str('id'), token('new-id', '$')]);
const READ_ARG = integer('entriesread', { display: 'entries-read', token: 'ENTRIESREAD', ...OPT });
const NAMES = [key(), str('group'), str('consumer')];

/** XGROUP with its subcommands. */
export const xgroupCommand: CommandDef<ExecContext> = container(
  'xgroup',
  { group: 'stream', since: '5.0.0', summary: 'Holds the subcommands about consumer groups.' },
  [
    defineCommand<ExecContext>({
      ...SUB,
      name: 'xgroup|create',
      wakes: 'key',
      arity: -5,
      flags: ['write', 'denyoom'],
      complexity: 'O(1)',
      summary: 'Makes a consumer group.',
      keys: [keyRW(KEY, 'insert')],
      args: [key(), str('group'), ID_ARG, token('mkstream', 'MKSTREAM', OPT), READ_ARG],
      history: [['7.0.0', 'Option `ENTRIESREAD`.']],
      handler: create,
    }),
    defineCommand<ExecContext>({
      ...SUB,
      name: 'xgroup|createconsumer',
      arity: 5,
      flags: ['write', 'denyoom'],
      since: '6.2.0',
      complexity: 'O(1)',
      summary: 'Makes a consumer in a group.',
      keys: [keyRW(KEY, 'insert')],
      args: NAMES,
      handler: createConsumer,
    }),
    defineCommand<ExecContext>({
      ...SUB,
      name: 'xgroup|delconsumer',
      arity: 5,
      flags: ['write'],
      longWork: 'value',
      complexity: 'O(N) for N entries that the consumer has not acknowledged.',
      summary: 'Removes a consumer from a group, with the entries that it has not acknowledged.',
      keys: [keyRW(KEY, 'delete')],
      args: NAMES,
      handler: deleteConsumer,
    }),
    defineCommand<ExecContext>({
      ...SUB,
      name: 'xgroup|destroy',
      arity: 4,
      flags: ['write'],
      complexity: 'O(1): what the group has pending is freed later.',
      summary: 'Removes a consumer group.',
      keys: [keyRW(KEY, 'delete')],
      args: [key(), str('group')],
      handler: destroy,
    }),
    defineCommand<ExecContext>({
      ...SUB,
      name: 'xgroup|setid',
      arity: -5,
      flags: ['write'],
      complexity: 'O(1)',
      summary: 'Sets the id of the entry that a group got last.',
      keys: [keyRW(KEY, 'update')],
      args: [key(), str('group'), ID_ARG, READ_ARG],
      history: [['7.0.0', 'Option `ENTRIESREAD`.']],
      handler: setId,
    }),
  ],
);
