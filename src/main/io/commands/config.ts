/** CONFIG. GET reads this thread's copy of the directives; SET and REWRITE are done by the main thread. */

import { ScriptLog } from '../../../shard/script/script-log.js';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { container, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import { SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';

const HELP = [
  'GET <pattern>',
  '    Directives whose names match the glob <pattern>, with their values.',
  'SET <directive> <value>',
  '    Give a directive another value.',
  'RESETSTAT',
  '    Let the statistics that INFO reports begin anew.',
  'REWRITE',
  '    Write the values in force to the configuration file.',
];

function get(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const patterns: string[] = [];
  for (let i = 2; i < args.argc; i++) patterns.push(args.latin1(i));
  const found = io.config.all.get(patterns);
  reply.map(found.length / 2);
  for (const text of found) reply.bulkLatin1(text);
}

async function set(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  if (args.argc % 2 !== 0) {
    reply.error(SYNTAX);
    return;
  }
  const pairs: (readonly [string, string])[] = [];
  for (let i = 2; i < args.argc; i += 2) pairs.push([args.latin1(i), args.latin1(i + 1)]);
  const local = (conn.session.flags & CLIENT_FLAG.local) !== 0;
  await answerOfMain(io, reply, (port) => port.call('config-set', { pairs, local }));
}

async function rewrite(io: IoThread, _conn: Connection, _args: Args, reply: Reply): Promise<void> {
  await answerOfMain(io, reply, (port) => port.call('config-rewrite', null));
}

/** Writes OK, or the error with which the main thread refused. */
async function answerOfMain(
  io: IoThread,
  reply: Reply,
  call: (port: NonNullable<IoThread['port']>) => Promise<unknown>,
): Promise<void> {
  if (io.port === null) {
    reply.errorText('ERR this server has no main thread to ask');
    return;
  }
  try {
    await call(io.port);
    reply.ok();
  } catch (error) {
    // The main thread rejects with the whole reply, code included.
    reply.errorLatin1(error instanceof Error ? error.message : `ERR ${String(error)}`);
  }
}

function resetStat(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  io.server?.stats.reset();
  Atomics.add(io.control.i32, CONTROL.statsEpoch, 1);
  // Its own call is the first one that counts.
  new ScriptLog(io.control, io.threadId).resetEvicted();
  io.stats.call(io.registry.idOf('config|resetstat'));
  reply.ok();
}

type SubSpec = Pick<CommandSpec, 'arity' | 'since' | 'summary'> &
  Partial<Pick<CommandSpec, 'complexity' | 'args' | 'tips' | 'history' | 'async' | 'flags'>>;

function sub(name: string, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `config|${name}`,
    group: 'server',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: ['admin', 'noscript', 'loading', 'stale'],
    ...spec,
    local,
  });
}

const ON_ALL_NODES = ['request_policy:all_nodes', 'response_policy:all_succeeded'];

export const configCommand: CommandDef = container(
  'config',
  { group: 'server', since: '2.0.0', summary: 'A container for commands about directives.' },
  [
    sub('get', get, {
      arity: -3,
      since: '2.0.0',
      complexity: 'O(N) where N is the number of directives asked for',
      summary: 'Returns the values of directives.',
      history: [['7.0.0', 'Several patterns in one call.']],
      args: [str('parameter', { multiple: true })],
    }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'CONFIG', HELP), {
      arity: 2,
      since: '5.0.0',
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('resetstat', resetStat, {
      arity: 2,
      since: '2.0.0',
      summary: 'Lets the statistics begin anew.',
      tips: ON_ALL_NODES,
    }),
    sub('rewrite', rewrite, {
      arity: 2,
      since: '2.8.0',
      summary: 'Writes the values in force to the configuration file.',
      tips: ON_ALL_NODES,
      async: true,
    }),
    sub('set', set, {
      arity: -4,
      since: '2.0.0',
      complexity: 'O(N) where N is the number of directives given',
      summary: 'Gives directives other values.',
      tips: ON_ALL_NODES,
      async: true,
      history: [['7.0.0', 'Several directives in one call.']],
      args: [{ name: 'data', type: 'block', multiple: true, args: [str('parameter'), str('value')] }],
    }),
  ],
);
