/** INFO commandstats, errorstats, latencystats, keyspace and sherd: figures of each command, error, database, shard. */
import { STAT } from '../../shared/stats/stats-layout.js';
import { counter, directive, type Figure, type FigureRow, type FigureSource, family, gauge } from './figure.js';
import { ratio } from './info-text.js';
import { percentileText } from './latency-figures.js';

type Fields = (readonly [name: string, value: string])[];

function commandStats({ registry, view }: FigureSource): Fields {
  const fields: Fields = [];
  for (let id = 0; id < registry.count; id++) {
    if (registry.internal.includes(id)) continue;
    const c = view.stats.command(id);
    if (c.calls === 0 && c.rejected === 0 && c.failed === 0) continue;
    const perCall = ratio(c.usec, c.calls).toFixed(2);
    fields.push([
      `cmdstat_${registry.defs[id]!.name}`,
      `calls=${c.calls},usec=${Math.round(c.usec)},usec_per_call=${perCall}` +
        `,rejected_calls=${c.rejected},failed_calls=${c.failed}`,
    ]);
  }
  return fields;
}

function errorStats({ view }: FigureSource): Fields {
  return view.stats
    .errors()
    .map(([prefix, count]) => [`errorstat_${prefix.replace(/[#:\n\r]/g, '_')}`, `count=${count}`] as const);
}

function latencyStats({ registry, view, config }: FigureSource): Fields {
  if (!config.bool('latency-tracking')) return [];
  const percents = config.list('latency-tracking-info-percentiles');
  const fields: Fields = [];
  for (let id = 0; id < registry.count; id++) {
    if (registry.internal.includes(id)) continue;
    const counts = view.stats.latency(id);
    if (counts.every((n) => n === 0)) continue;
    const parts = percents.map((p) => `p${p}=${percentileText(counts, Number(p))}`);
    fields.push([`latency_percentiles_usec_${registry.defs[id]!.name}`, parts.join(',')]);
  }
  return fields;
}

function databases({ view }: FigureSource): Fields {
  const fields: Fields = [];
  for (let db = 0; db < view.databases; db++) {
    const { keys, expires, timedHashes, averageTtlMs } = view.keyspace(db);
    if (keys === 0) continue;
    fields.push([`db${db}`, `keys=${keys},expires=${expires},avg_ttl=${averageTtlMs},subexpiry=${timedHashes}`]);
  }
  return fields;
}

function shards({ view }: FigureSource): Fields {
  const fields: Fields = [];
  for (let shard = 0; shard < view.shards; shard++) {
    const f = view.shard(shard);
    fields.push([`shard${shard}`, `keys=${f.keys},used_bytes=${f.usedBytes},segments=${f.segments}`]);
  }
  return fields;
}

function sum(name: string, stat: number): Figure {
  return counter(name, ({ view }) => view.stats.sum(stat));
}

export const COMMANDSTATS_ROWS: readonly FigureRow[] = [family('cmdstat_*', commandStats)];
export const ERRORSTATS_ROWS: readonly FigureRow[] = [family('errorstat_*', errorStats)];
export const LATENCYSTATS_ROWS: readonly FigureRow[] = [family('latency_percentiles_usec_*', latencyStats)];
export const KEYSPACE_ROWS: readonly FigureRow[] = [family('db*', databases)];

/** What is sherd's own: threads, and how commands reached their shards. */
export const SHERD_ROWS: readonly FigureRow[] = [
  gauge('shards', ({ view }) => view.shards),
  gauge('io_threads', ({ control }) => control.ioThreads),
  directive('dispatch', 'dispatch'),
  sum('inline_commands', STAT.inlineCommands),
  sum('ring_commands', STAT.ringCommands),
  sum('ring_batches', STAT.ringBatches),
  sum('ring_full', STAT.ringFull),
  sum('lease_misses', STAT.leaseMisses),
  sum('wakes', STAT.wakes),
  family('shard*', shards),
];
