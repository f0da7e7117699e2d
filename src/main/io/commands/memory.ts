/** MEMORY, without USAGE, which runs in a shard and is attached to this container by its name. Local. */
import { LibraryStore } from '../../../shard/script/library-store.js';
import { ScriptLog } from '../../../shard/script/script-log.js';
import { container } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { humanBytes, ratio } from '../../figures/info-text.js';
import { memoryFigures } from '../../figures/memory-figures.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';

const HELP = [
  'DOCTOR',
  '    What is wrong with the memory, in words.',
  'MALLOC-STATS',
  '    Figures of the allocator.',
  'PURGE',
  '    Give memory back that the allocator holds unused.',
  'STATS',
  '    Where the memory goes.',
  'USAGE <key> [SAMPLES <count>]',
  '    The bytes that <key> and its value take. Exact: <count> has no effect.',
];

/** Resident memory beyond this multiple of the used one is worth a word. */
const RESIDENT_RATIO_WARN = 3;
const SMALL_BYTES = 64 * 1024 * 1024;

function doctor(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const view = io.server;
  if (view === null) {
    reply.verbatim('txt', 'Nothing to be seen yet.\n');
    return;
  }
  const m = memoryFigures(view);
  const remarks: string[] = [];
  if (m.used < SMALL_BYTES) remarks.push('There is little data in memory; nothing can be said about it.');
  else {
    if (m.resident > m.used * RESIDENT_RATIO_WARN) {
      remarks.push(
        `The process takes ${humanBytes(m.resident)} for ${humanBytes(m.used)} of data: probably there was much` +
          ' more data before. Its pages are used again when the data grows.',
      );
    }
    if (m.peak > m.used * 1.5) remarks.push(`The highest use so far was ${humanBytes(m.peak)}.`);
    if (m.clientBufferBytes > m.used / 10) {
      remarks.push(
        `Client buffers take ${humanBytes(m.clientBufferBytes)}: look for clients that do not read (CLIENT LIST).`,
      );
    }
    if (remarks.length === 0) remarks.push('No problem found.');
  }
  reply.verbatim('txt', `${remarks.join('\n')}\n`);
}

function mallocStats(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const view = io.server;
  let text = 'sherd slab allocator\n';
  for (let shard = 0; view !== null && shard < view.shards; shard++) {
    const f = view.shard(shard);
    text += `shard ${shard}: ${f.usedBytes} bytes in cells, ${f.allocations} allocations, ${f.segments} segments\n`;
  }
  reply.verbatim('txt', text);
}

function stats(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const view = io.server;
  if (view === null) {
    reply.map(0);
    return;
  }
  const m = memoryFigures(view);
  const count = (name: string, value: number): void => {
    reply.bulkText(name);
    reply.int(Math.round(value));
  };
  const share = (name: string, value: number): void => {
    reply.bulkText(name);
    reply.double(value);
  };
  const dbs: number[] = [];
  for (let db = 0; db < view.databases; db++) if (view.keyspace(db).keys > 0) dbs.push(db);
  reply.map(31 + dbs.length);
  count('peak.allocated', m.peak);
  count('total.allocated', m.used);
  count('startup.allocated', m.startup);
  count('replication.backlog', 0);
  count('clients.slaves', 0);
  count('clients.normal', m.clientBytes);
  count('cluster.links', 0);
  count('aof.buffer', 0);
  count('lua.caches', new ScriptLog(io.control, io.threadId).usedBytes);
  count('functions.caches', new LibraryStore(io.control).usedBytes);
  for (const db of dbs) {
    reply.bulkText(`db.${db}`);
    reply.map(2);
    count('overhead.hashtable.main', view.keyspace(db).tableBytes);
    count('overhead.hashtable.expires', 0);
  }
  count('overhead.db.hashtable.lut', m.tableBytes);
  count('overhead.db.hashtable.rehashing', 0);
  count('overhead.total', m.overhead);
  count('db.dict.rehashing.count', 0);
  count('keys.count', m.keys);
  count('keys.bytes-per-key', ratio(m.used - m.startup, m.keys));
  count('dataset.bytes', m.dataset);
  share('dataset.percentage', ratio(m.dataset, m.used - m.startup) * 100);
  share('peak.percentage', ratio(m.used, m.peak) * 100);
  count('allocator.allocated', m.allocated);
  count('allocator.active', m.active);
  count('allocator.resident', m.resident);
  count('allocator.muzzy', 0);
  share('allocator-fragmentation.ratio', ratio(m.active, m.allocated));
  count('allocator-fragmentation.bytes', m.active - m.allocated);
  share('allocator-rss.ratio', ratio(m.resident, m.active));
  count('allocator-rss.bytes', m.resident - m.active);
  share('rss-overhead.ratio', 1);
  count('rss-overhead.bytes', 0);
  share('fragmentation', ratio(m.resident, m.allocated));
  count('fragmentation.bytes', m.resident - m.allocated);
}

type SubSpec = Pick<CommandSpec, 'summary'> & Partial<Pick<CommandSpec, 'complexity' | 'tips' | 'flags'>>;

function sub(name: string, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `memory|${name}`,
    arity: 2,
    group: 'server',
    since: '4.0.0',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: [],
    ...spec,
    local,
  });
}

const SPECIAL = ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'];

export const memoryCommand: CommandDef = container(
  'memory',
  { group: 'server', since: '4.0.0', summary: 'A container for commands about memory.' },
  [
    sub('doctor', doctor, { summary: 'Says in words what is wrong with the memory.', tips: SPECIAL }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'MEMORY', HELP), {
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('malloc-stats', mallocStats, {
      summary: "Returns the allocator's figures.",
      complexity: 'O(N) where N is the number of shards',
      tips: SPECIAL,
    }),
    sub('purge', (_io, _conn, _args, reply) => reply.ok(), {
      summary: 'Asks for unused memory to be given back; the allocator does so by itself.',
      tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
    }),
    sub('stats', stats, { summary: 'Returns where the memory goes.', tips: SPECIAL }),
  ],
);
