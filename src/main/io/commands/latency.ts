/** LATENCY: histograms per command are real; latency events are not watched yet, so there are none. Local. */
import { container, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../connection.js';
import type { IoThread } from '../io-thread.js';
import { cText } from './cold-arguments.js';
import { replyHelp } from './help.js';
import { BUCKET_BOUNDS_USEC } from './latency-figures.js';

const HELP = [
  'DOCTOR',
  '    A report about latency, in words.',
  'GRAPH <event>',
  '    A drawing of the samples of an event.',
  'HISTORY <event>',
  '    The samples of an event.',
  'LATEST',
  '    The latest sample of each event.',
  'RESET [<event> ...]',
  '    Forget the samples of the events named, or all.',
  'HISTOGRAM [COMMAND ...]',
  '    How long commands took: calls by duration, cumulated.',
  '    Without names: all commands that were called.',
];

function graph(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  reply.errorLatin1(`ERR No samples available for event '${cText(args, 2)}'`);
}

function doctor(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.verbatim(
    'txt',
    'Latency events are not recorded. LATENCY HISTOGRAM and the section latencystats of INFO tell how long commands' +
      ' take.\n',
  );
}

/** Ids of the commands asked for that have been timed, subcommands after their container. */
function timedIds(io: IoThread, args: Args): number[] {
  const registry = io.registry;
  const asked: number[] = [];
  if (args.argc === 2) asked.push(...registry.top);
  for (let i = 2; i < args.argc; i++) {
    const id = registry.idOf(args.latin1(i));
    if (id >= 0) asked.push(id);
  }
  const ids: number[] = [];
  for (const id of asked) {
    for (const each of [id, ...registry.subs[id]!]) {
      if (io.server?.stats.latency(each).some((n) => n > 0)) ids.push(each);
    }
  }
  return ids;
}

function histogram(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const ids = timedIds(io, args);
  reply.map(ids.length);
  for (const id of ids) {
    const counts = io.server!.stats.latency(id);
    const calls = counts.reduce((sum, n) => sum + n, 0);
    reply.bulkText(io.registry.defs[id]!.name);
    reply.map(2);
    reply.bulkText('calls');
    reply.int(calls);
    reply.bulkText('histogram_usec');
    reply.map(counts.filter((n) => n > 0).length);
    let seen = 0;
    counts.forEach((n, k) => {
      if (n <= 0) return;
      seen += n;
      reply.int(BUCKET_BOUNDS_USEC[k]!);
      reply.int(seen);
    });
  }
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> &
  Partial<Pick<CommandSpec, 'since' | 'complexity' | 'args' | 'tips' | 'flags'>>;

function sub(name: string, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `latency|${name}`,
    group: 'server',
    since: '2.8.13',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: ['admin', 'noscript', 'loading', 'stale'],
    tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
    ...spec,
    local,
  });
}

export const latencyCommand: CommandDef = container(
  'latency',
  { group: 'server', since: '2.8.13', summary: 'A container for commands about latency.' },
  [
    sub('doctor', doctor, { arity: 2, summary: 'Reports about latency, in words.' }),
    sub('graph', graph, { arity: 3, summary: 'Draws the samples of an event.', args: [str('event')] }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'LATENCY', HELP), {
      arity: 2,
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
      tips: [],
    }),
    sub('histogram', histogram, {
      arity: -2,
      since: '7.0.0',
      complexity: 'O(N) where N is the number of commands returned',
      summary: 'Returns how long commands took.',
      args: [str('COMMAND', { optional: true, multiple: true })],
    }),
    sub('history', (_io, _conn, _args, reply) => reply.array(0), {
      arity: 3,
      summary: 'Returns the samples of an event.',
      args: [str('event')],
    }),
    sub('latest', (_io, _conn, _args, reply) => reply.array(0), {
      arity: 2,
      summary: 'Returns the latest sample of each event.',
    }),
    sub('reset', (_io, _conn, _args, reply) => reply.int(0), {
      arity: -2,
      summary: 'Forgets samples.',
      tips: ['request_policy:all_nodes', 'response_policy:agg_sum'],
      args: [str('event', { optional: true, multiple: true })],
    }),
  ],
);
