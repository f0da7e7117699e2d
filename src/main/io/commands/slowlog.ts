/** SLOWLOG: known to clients, and empty until slow commands are kept. Local. */
import { container, integer, OPT } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../connection.js';
import type { IoThread } from '../io-thread.js';
import { integerAt } from './cold-arguments.js';
import { replyHelp } from './help.js';

const HELP = [
  'GET [<count>]',
  '    The latest <count> slow commands (default 10, -1 for all), each with its id,',
  '    time, duration in microseconds, arguments, client address and client name.',
  'LEN',
  '    The number of slow commands kept.',
  'RESET',
  '    Forget them.',
];

function get(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 3) reply.wrongArity('slowlog|get');
  else if (args.argc === 3 && integerAt(args, 2, -1) === null) {
    reply.errorText('ERR count should be greater than or equal to -1');
  } else reply.array(0);
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> &
  Partial<Pick<CommandSpec, 'since' | 'complexity' | 'args' | 'tips' | 'history' | 'flags'>>;

function sub(name: string, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `slowlog|${name}`,
    group: 'server',
    since: '2.2.12',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: ['admin', 'loading', 'stale'],
    ...spec,
    local,
  });
}

export const slowlogCommand: CommandDef = container(
  'slowlog',
  { group: 'server', since: '2.2.12', summary: 'A container for commands about the log of slow commands.' },
  [
    sub('get', get, {
      arity: -2,
      complexity: 'O(N) where N is the number of entries returned',
      summary: 'Returns the latest slow commands.',
      tips: ['request_policy:all_nodes', 'nondeterministic_output'],
      history: [['4.0.0', "The client's address and name."]],
      args: [integer('count', OPT)],
    }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'SLOWLOG', HELP), {
      arity: 2,
      since: '6.2.0',
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('len', (_io, _conn, _args, reply) => reply.int(0), {
      arity: 2,
      summary: 'Returns the number of slow commands kept.',
      tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
    }),
    sub('reset', (_io, _conn, _args, reply) => reply.ok(), {
      arity: 2,
      complexity: 'O(N) where N is the number of entries',
      summary: 'Forgets the slow commands kept.',
      tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
    }),
  ],
);
