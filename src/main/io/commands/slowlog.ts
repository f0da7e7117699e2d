/** SLOWLOG: the commands that took longer than `slowlog-log-slower-than` (shared/stats/slow-log.ts). Local. */
import { container, integer, OPT } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { integerAt, subcommandSyntax } from '../reply/cold-arguments.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
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

const COUNT_DEFAULT = 10;
const CALL = 'slowlog-clients';

/** Address and name of a client that is still there. */
type Whose = readonly [id: number, address: string, name: string];

function clientsHere(io: IoThread, ids: readonly number[]): Whose[] {
  const found: Whose[] = [];
  for (const id of ids) {
    const conn = io.connections.byId.get(id);
    if (conn !== undefined) found.push([id, conn.addr, conn.session.name]);
  }
  return found;
}

/** Lets other I/O threads know this one's clients. Once, before it serves. */
export function registerSlowlogCalls(io: IoThread): void {
  io.port?.onIoCall(CALL, (payload) => clientsHere(io, payload as number[]));
}

async function get(io: IoThread, _conn: Connection, args: Args, reply: Reply): Promise<void> {
  if (args.argc > 3) {
    subcommandSyntax(args, reply);
    return;
  }
  const count = args.argc === 3 ? integerAt(args, 2, -1) : COUNT_DEFAULT;
  if (count === null) {
    reply.errorText('ERR count should be greater than or equal to -1');
    return;
  }
  const entries = io.slow.log.latest(count);
  const ids = [...new Set(entries.map((entry) => entry.clientId).filter((id) => id !== 0))];
  const whose = new Map<number, Whose>(clientsHere(io, ids).map((each) => [each[0], each]));
  if (whose.size < ids.length && io.port !== null && io.control.ioThreads > 1) {
    const answers = (await io.port.ioCall('all', CALL, ids)) as Whose[][];
    for (const each of answers.flat()) whose.set(each[0], each);
  }
  reply.array(entries.length);
  for (const entry of entries) {
    const client = whose.get(entry.clientId);
    reply.array(6);
    reply.int(entry.id);
    reply.int(entry.seconds);
    reply.int(entry.usec);
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulkLatin1(arg);
    reply.bulkLatin1(client?.[1] ?? entry.address);
    reply.bulkLatin1(client?.[2] ?? entry.name);
  }
}

function reset(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  io.slow.log.reset();
  reply.ok();
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> &
  Partial<Pick<CommandSpec, 'since' | 'complexity' | 'args' | 'tips' | 'history' | 'flags' | 'async'>>;

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
      async: true,
    }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'SLOWLOG', HELP), {
      arity: 2,
      since: '6.2.0',
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('len', (io: IoThread, _conn, _args, reply) => reply.int(io.slow.log.length), {
      arity: 2,
      summary: 'Returns the number of slow commands kept.',
      tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
    }),
    sub('reset', reset, {
      arity: 2,
      complexity: 'O(N) where N is the number of entries',
      summary: 'Forgets the slow commands kept.',
      tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
    }),
  ],
);
