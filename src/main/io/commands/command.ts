/** COMMAND and its subcommands: the registry, told to clients. Local. */
import { categoriesOf } from '../../../shared/command/acl-categories.js';
import { FLAG_NO_MANDATORY_KEYS } from '../../../shared/command/flags.js';
import { extractKeys, hasKeys } from '../../../shared/command/key-positions.js';
import type { Registry } from '../../../shared/command/registry.js';
import { OPT_MANY, oneOf, pattern, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand, type KeyFlag } from '../../../shared/command/spec.js';
import { SYNTAX } from '../../../shared/errors/replies.js';
import { globMatchText } from '../../../shared/glob.js';
import { Args } from '../../../shared/resp/args.js';
import { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import { eachArgument } from '../session/slices.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyCommandDocs, replyCommandInfo, replyKeyFlags } from './command-info.js';
import { replyHelp } from './help.js';

const HELP = [
  '(no subcommand)',
  '    Details of all commands.',
  'COUNT',
  '    The number of commands.',
  'LIST',
  '    The names of commands; FILTERBY (MODULE <module>|ACLCAT <category>|PATTERN <pattern>) leaves out others.',
  'INFO [<command-name> ...]',
  '    Details of the commands named, or of all.',
  'DOCS [<command-name> ...]',
  '    Documentation of the commands named, or of all.',
  'GETKEYS <full-command>',
  '    The keys in a whole command.',
  'GETKEYSANDFLAGS <full-command>',
  '    The keys in a whole command, and what it does to them.',
];

/**
 * The long replies about all commands, made once per registry and protocol (clients ask for them on every connect).
 * Index: protocol, plus 2 for DOCS.
 */
const wholeReplies = new WeakMap<Registry, (Uint8Array[] | null)[]>();

function replyWhole(registry: Registry, reply: Reply, slot: number, write: (into: Reply) => void): void {
  let cached = wholeReplies.get(registry);
  if (cached === undefined) {
    cached = new Array<Uint8Array[] | null>(6).fill(null);
    wholeReplies.set(registry, cached);
  }
  const index = reply.proto + slot;
  let chunks = cached[index] ?? null;
  if (chunks === null) {
    const into = new Reply();
    into.proto = reply.proto;
    write(into);
    chunks = into.takeChunks();
    cached[index] = chunks;
  }
  for (const chunk of chunks) reply.raw(chunk, 0, chunk.length);
}

function infoOfAll(io: IoThread, reply: Reply): void {
  const registry = io.registry;
  replyWhole(registry, reply, 0, (into) => {
    into.array(registry.top.length);
    for (const id of registry.top) replyCommandInfo(into, registry, id);
  });
}

function commandAlone(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  infoOfAll(io, reply);
}

function count(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.int(io.registry.top.length);
}

/** The id of the command that argument i names, as `get` or `client|list`; -1 when there is none. */
function namedAt(registry: Registry, args: Args, i: number): number {
  return registry.idOf(args.latin1(i));
}

function info(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> | undefined {
  if (args.argc === 2) {
    infoOfAll(io, reply);
    return undefined;
  }
  return eachArgument(io, conn, args, 2, reply, false, (own, i, out) => {
    if (i === 2) out.array(own.argc - 2);
    const id = namedAt(io.registry, own, i);
    if (id < 0) out.nil();
    else replyCommandInfo(out, io.registry, id);
  });
}

function docs(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> | undefined {
  const registry = io.registry;
  const one = (into: Reply, id: number): void => {
    into.bulkText(registry.defs[id]!.name);
    replyCommandDocs(into, registry, id);
  };
  if (args.argc === 2) {
    replyWhole(registry, reply, 2, (into) => {
      into.map(registry.top.length);
      for (const id of registry.top) one(into, id);
    });
    return undefined;
  }
  let found = 0;
  for (let i = 2; i < args.argc; i++) if (namedAt(registry, args, i) >= 0) found++;
  return eachArgument(io, conn, args, 2, reply, false, (own, i, out) => {
    if (i === 2) out.map(found);
    const id = namedAt(registry, own, i);
    if (id >= 0) one(out, id);
  });
}

function list(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const registry = io.registry;
  let isShown: (def: CommandDef) => boolean = () => true;
  if (args.argc === 5 && args.is(2, 'filterby')) {
    const word = args.latin1(4);
    if (args.is(3, 'module')) isShown = () => false;
    else if (args.is(3, 'aclcat')) isShown = (def) => categoriesOf(def).includes(word.toLowerCase());
    else if (args.is(3, 'pattern')) isShown = (def) => globMatchText(word, def.name, true);
    else {
      reply.error(SYNTAX);
      return;
    }
  } else if (args.argc !== 2) {
    reply.error(SYNTAX);
    return;
  }
  const names: string[] = [];
  for (const top of registry.top) {
    for (const id of [top, ...registry.subs[top]!]) {
      if (isShown(registry.defs[id]!)) names.push(registry.defs[id]!.name);
    }
  }
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
}

/** The arguments from index `from` on as arguments of their own. */
function tail(args: Args, from: number): Args {
  const rest = new Args(args.argc);
  rest.setBuffer(args.u8, args.dv);
  rest.argc = args.argc - from;
  for (let i = 0; i < rest.argc; i++) {
    rest.off[i] = args.off[from + i]!;
    rest.len[i] = args.len[from + i]!;
  }
  return rest;
}

function replyKeys(io: IoThread, args: Args, reply: Reply, withFlags: boolean): void {
  const registry = io.registry;
  const inner = tail(args, 2);
  const id = registry.resolve(inner, 0);
  if (id < 0) {
    reply.errorText('ERR Invalid command specified');
    return;
  }
  const def = registry.defs[id]!;
  if (!hasKeys(def)) {
    reply.errorText('ERR The command has no key arguments');
    return;
  }
  if (!registry.arityOk(id, inner.argc)) {
    reply.errorText('ERR Invalid number of arguments specified for command');
    return;
  }
  const positions = new Int32Array(inner.argc + 1);
  const flags: (readonly KeyFlag[])[] = [];
  const found = extractKeys(def, inner, positions, flags);
  if (found <= 0) {
    if ((registry.flags[id]! & FLAG_NO_MANDATORY_KEYS) !== 0) reply.array(0);
    else reply.errorText('ERR Invalid arguments specified for command');
    return;
  }
  reply.array(found);
  for (let k = 0; k < found; k++) {
    const i = positions[k]!;
    if (withFlags) reply.array(2);
    reply.bulk(inner.u8, inner.off[i]!, inner.len[i]!);
    if (withFlags) replyKeyFlags(reply, flags[k]!);
  }
}

function getKeys(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  replyKeys(io, args, reply, false);
}

function getKeysAndFlags(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  replyKeys(io, args, reply, true);
}

// ---- specifications

const COMMON = {
  group: 'server',
  acl: ['@connection'],
  flags: ['loading', 'stale'],
  route: 'local',
} as const satisfies Partial<CommandSpec>;
const ANY_ORDER = ['nondeterministic_output_order'];
const NAMES = [str('command-name', OPT_MANY)];
const FULL_COMMAND = [str('command'), str('arg', OPT_MANY)];
const PER_COMMAND = 'O(N) where N is the number of commands';

export const commandCommand: CommandDef = defineCommand({
  ...COMMON,
  name: 'command',
  arity: -1,
  since: '2.8.13',
  complexity: PER_COMMAND,
  summary: 'Returns details of all commands.',
  tips: ANY_ORDER,
  local: commandAlone,
  subcommands: [
    defineCommand({
      ...COMMON,
      name: 'command|count',
      arity: 2,
      since: '2.8.13',
      complexity: 'O(1)',
      summary: 'Returns the number of commands.',
      local: count,
    }),
    defineCommand({
      ...COMMON,
      name: 'command|docs',
      arity: -2,
      since: '7.0.0',
      complexity: PER_COMMAND,
      summary: 'Returns the documentation of commands.',
      tips: ANY_ORDER,
      args: NAMES,
      local: docs,
    }),
    defineCommand({
      ...COMMON,
      name: 'command|getkeys',
      arity: -3,
      since: '2.8.13',
      complexity: 'O(N) where N is the number of arguments of the command',
      summary: 'Returns the keys in a whole command.',
      args: FULL_COMMAND,
      local: getKeys,
    }),
    defineCommand({
      ...COMMON,
      name: 'command|getkeysandflags',
      arity: -3,
      since: '7.0.0',
      complexity: 'O(N) where N is the number of arguments of the command',
      summary: 'Returns the keys in a whole command, and what it does to them.',
      args: FULL_COMMAND,
      local: getKeysAndFlags,
    }),
    defineCommand({
      ...COMMON,
      name: 'command|help',
      arity: 2,
      since: '5.0.0',
      complexity: 'O(1)',
      summary: 'Returns a text about the subcommands.',
      local: (_io, _conn, _args, reply) => replyHelp(reply, 'COMMAND', HELP),
    }),
    defineCommand({
      ...COMMON,
      name: 'command|info',
      arity: -2,
      since: '2.8.13',
      complexity: PER_COMMAND,
      summary: 'Returns details of commands.',
      tips: ANY_ORDER,
      history: [['7.0.0', 'Without names: all commands.']],
      args: NAMES,
      local: info,
    }),
    defineCommand({
      ...COMMON,
      name: 'command|list',
      arity: -2,
      since: '7.0.0',
      complexity: PER_COMMAND,
      summary: 'Returns the names of commands.',
      tips: ANY_ORDER,
      args: [
        oneOf(
          'filterby',
          [
            str('module-name', { token: 'MODULE' }),
            str('category', { token: 'ACLCAT' }),
            pattern('pattern', { token: 'PATTERN' }),
          ],
          { token: 'FILTERBY', optional: true },
        ),
      ],
      local: list,
    }),
  ],
});
