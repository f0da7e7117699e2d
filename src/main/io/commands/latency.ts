/**
 * LATENCY: how long commands took, as histograms, and what took longer than `latency-monitor-threshold`, as events
 * (shared/stats/latency-events.ts). Local.
 */

import { container, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { LATENCY_EVENTS, type LatencySample } from '../../../shared/stats/latency-events.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import { BUCKET_BOUNDS_USEC } from '../../figures/latency-figures.js';
import { cText } from '../reply/cold-arguments.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';

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

/** Rows of a graph, and the marks of a column's top by how full its row is. */
const GRAPH_ROWS = 4;
const GRAPH_MARKS = '_-`';
const GRAPH_COLUMNS = 80;

/** The samples of an event by its name, none if there is no such event. */
function samplesOf(io: IoThread, name: string): LatencySample[] {
  const event = LATENCY_EVENTS.indexOf(name);
  return event < 0 ? [] : io.slow.events.samples(event);
}

/** How long ago, in its largest unit. */
function ago(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86400)}d`;
}

/** Columns, one for each sample, and below each of them its age, letter by letter. */
function drawing(samples: readonly LatencySample[], low: number, high: number, nowMs: number): string {
  const steps = GRAPH_ROWS * GRAPH_MARKS.length - 1;
  const heights = samples.map(([, ms]) => (high === low ? steps : Math.round(((ms - low) / (high - low)) * steps)));
  let text = '';
  for (let row = GRAPH_ROWS - 1; row >= 0; row--) {
    for (const height of heights) {
      const above = height - row * GRAPH_MARKS.length;
      text += above < 0 ? ' ' : above >= GRAPH_MARKS.length ? '|' : GRAPH_MARKS[above]!;
    }
    text += '\n';
  }
  const nowSeconds = Math.floor(nowMs / 1000);
  const labels = samples.map(([seconds]) => ago(Math.max(0, nowSeconds - seconds)));
  const longest = Math.max(...labels.map((label) => label.length));
  for (let k = 0; k < longest; k++) text += `\n${labels.map((label) => label[k] ?? ' ').join('')}`;
  return `${text}\n`;
}

function graph(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const name = cText(args, 2);
  const samples = samplesOf(io, name).slice(-GRAPH_COLUMNS);
  if (samples.length === 0) {
    reply.errorLatin1(`ERR No samples available for event '${name}'`);
    return;
  }
  const times = samples.map(([, ms]) => ms);
  const [low, high] = [Math.min(...times), Math.max(...times)];
  const max = io.slow.events.max(LATENCY_EVENTS.indexOf(name));
  const head = `${name} - high ${high} ms, low ${low} ms (all time high ${max} ms)\n${'-'.repeat(80)}\n`;
  reply.verbatim('txt', head + drawing(samples, low, high, io.control.nowMs()));
}

function doctor(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const lines: string[] = [];
  LATENCY_EVENTS.forEach((name, event) => {
    const samples = io.slow.events.samples(event);
    if (samples.length === 0) return;
    const times = samples.map(([, ms]) => ms);
    const mean = Math.round(times.reduce((sum, ms) => sum + ms, 0) / times.length);
    lines.push(`${name}: ${times.length} samples, on average ${mean} ms, at worst ${io.slow.events.max(event)} ms.`);
  });
  if (io.control.f64[CONTROL_F64.latencyMs] === 0) {
    lines.push("No events are recorded: 'latency-monitor-threshold' is 0. CONFIG SET it to some milliseconds.");
  } else if (lines.length === 0) lines.push('Nothing has taken longer than the threshold.');
  else lines.push('SLOWLOG GET shows the commands; the section latencystats of INFO how long each takes as a rule.');
  reply.verbatim('txt', `${lines.join('\n')}\n`);
}

function history(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const samples = samplesOf(io, cText(args, 2));
  reply.array(samples.length);
  for (const [seconds, ms] of samples) {
    reply.array(2);
    reply.int(seconds);
    reply.int(ms);
  }
}

function latest(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const { events } = io.slow;
  const last = LATENCY_EVENTS.map((_, event) => events.samples(event).at(-1));
  reply.array(last.filter((sample) => sample !== undefined).length);
  last.forEach((sample, event) => {
    if (sample === undefined) return;
    reply.array(4);
    reply.bulkText(LATENCY_EVENTS[event]!);
    reply.int(sample[0]);
    reply.int(sample[1]);
    reply.int(events.max(event));
  });
}

function reset(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  let count = 0;
  LATENCY_EVENTS.forEach((name, event) => {
    let named = args.argc === 2;
    for (let i = 2; i < args.argc; i++) if (args.is(i, name)) named = true;
    if (named && io.slow.events.reset(event)) count++;
  });
  reply.int(count);
}

/** Calls of a command, the one that asks left out. */
function callsBefore(io: IoThread, id: number): number {
  const calls = io.server?.stats.command(id).calls ?? 0;
  return io.registry.defs[id]!.local === histogram ? calls - 1 : calls;
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
      if (callsBefore(io, each) > 0) ids.push(each);
    }
  }
  return ids;
}

/**
 * The histogram of `calls` calls of which only some were timed: as the timed ones are, or, if none was since CONFIG
 * RESETSTAT, as all those before.
 */
function spreadOver(calls: number, timed: readonly number[], ever: readonly number[]): number[] {
  const shape = timed.some((n) => n > 0) ? timed : ever;
  const total = shape.reduce((sum, n) => sum + n, 0);
  let seen = 0;
  let given = 0;
  return shape.map((n) => {
    seen += n;
    const upTo = total === 0 ? 0 : Math.round((seen / total) * calls);
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

function histogram(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  const ids = timedIds(io, args);
  reply.map(ids.length);
  for (const id of ids) {
    const calls = callsBefore(io, id);
    const counts = spreadOver(calls, io.server!.stats.latency(id), io.server!.stats.latencyEver(id));
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
      args: [str('command', { optional: true, multiple: true })],
    }),
    sub('history', history, {
      arity: 3,
      summary: 'Returns the samples of an event.',
      args: [str('event')],
    }),
    sub('latest', latest, {
      arity: 2,
      summary: 'Returns the latest sample of each event.',
    }),
    sub('reset', reset, {
      arity: -2,
      summary: 'Forgets samples.',
      tips: ['request_policy:all_nodes', 'response_policy:agg_sum'],
      args: [str('event', { optional: true, multiple: true })],
    }),
  ],
);
