/**
 * The sections of INFO: for each one a function from what an I/O thread sees to its lines. Field names are an API
 * (exporters, queues, Sentinel read them), so all of Redis 7.2 are there; what we have no counterpart for is 0.
 */
import { release, totalmem, type } from 'node:os';
import { LibraryStore } from '../../../shard/script/library-store.js';
import { ScriptLog } from '../../../shard/script/script-log.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { REDIS_VERSION, SHERD_VERSION } from '../../../shared/version.js';
import { KIND_CHANNEL, KIND_SHARD_CHANNEL } from '../messages/kinds.js';
import type { Connection } from '../session/connection.js';
import { noteEventLoop, noteWatching } from '../session/thread-figures.js';
import type { IoThread } from '../thread/io-thread.js';
import type { WaitedKeys } from '../waiting/blocking.js';
import { humanBytes, type InfoFields, ratio, secondsText, sectionText } from './info-text.js';
import { percentileText } from './latency-figures.js';
import { memoryFigures } from './memory-figures.js';
import type { ServerView } from './server-view.js';
import { threadCpuUsage } from './thread-cpu.js';

/** What a section is written from. */
export interface InfoSource {
  readonly io: IoThread;
  readonly view: ServerView;
  /** The connection that asks. */
  readonly conn: Connection;
  readonly nowMs: number;
  /** What blocked clients wait for. */
  readonly waited: WaitedKeys;
}

type Section = (source: InfoSource) => string;

const NO_REPLICATION_ID = '0'.repeat(40);

function tcpPort({ io, conn }: InfoSource): string {
  const port = io.config.get('port') ?? '0';
  const isTcp = /:\d+$/.test(conn.laddr) && !conn.laddr.endsWith(':0');
  return port === '0' && isTcp ? conn.laddr.slice(conn.laddr.lastIndexOf(':') + 1) : port;
}

function server(source: InfoSource): string {
  const { io, view, nowMs } = source;
  const uptime = Math.max(0, Math.floor((nowMs - view.startedAtMs) / 1000));
  const port = tcpPort(source);
  const fields: (readonly [string, string | number])[] = [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', '0'],
    ['redis_mode', io.control.i32[CONTROL.clusterEnabled] ? 'cluster' : 'standalone'],
    ['os', `${type()} ${release()} ${process.arch === 'x64' ? 'x86_64' : process.arch}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', process.platform === 'linux' ? 'epoll' : 'kqueue'],
    ['atomicvar_api', 'js-atomics'],
    ['gcc_version', '0.0.0'],
    ['process_id', process.pid],
    ['process_supervised', 'no'],
    ['run_id', view.runId],
    ['tcp_port', port],
    ['server_time_usec', nowMs * 1000],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86400)],
    ['hz', io.config.get('hz') ?? '10'],
    ['configured_hz', io.config.get('hz') ?? '10'],
    ['lru_clock', Math.floor(nowMs / 1000) & 0xffffff],
    ['executable', view.executable],
    ['config_file', view.configFile],
    ['io_threads_active', io.control.ioThreads > 1 ? 1 : 0],
    ['sherd_version', SHERD_VERSION],
    ['node_version', process.versions.node],
  ];
  let listener = 0;
  const binds = (io.config.get('bind') ?? '').split(' ').filter((b) => b !== '');
  if (port !== '0') {
    const addresses = binds.map((b) => `,bind=${b}`).join('');
    fields.push([`listener${listener++}`, `name=tcp${addresses},port=${port}`]);
  }
  const path = io.config.get('unixsocket') ?? '';
  if (path !== '') fields.push([`listener${listener}`, `name=unix,bind=${path}`]);
  return sectionText('Server', fields);
}

function clients({ io, view, waited }: InfoSource): string {
  const stats = view.stats;
  noteWatching(io.stats, io.connections);
  return sectionText('Clients', [
    ['connected_clients', stats.sum(STAT.connectedClients)],
    ['cluster_connections', 0],
    ['maxclients', io.config.get('maxclients') ?? '10000'],
    ['client_recent_max_input_buffer', stats.max(STAT.clientsInputMaxBytes)],
    ['client_recent_max_output_buffer', stats.max(STAT.clientsOutputMaxBytes)],
    ['blocked_clients', stats.sum(STAT.blockedClients)],
    ['tracking_clients', stats.sum(STAT.trackingClients)],
    ['pubsub_clients', stats.sum(STAT.pubsubClients)],
    ['watching_clients', stats.sum(STAT.watchingClients)],
    ['clients_in_timeout_table', 0],
    ['total_watched_keys', io.control.i32[CONTROL.watchedKeys]!],
    ['total_blocking_keys', waited.keys.size],
    ['total_blocking_keys_on_nokey', waited.absent.size],
  ]);
}

function memory({ io, view }: InfoSource): string {
  const m = memoryFigures(view);
  const total = totalmem();
  const max = Number(io.config.get('maxmemory') ?? '0');
  const libraries = new LibraryStore(io.control);
  const scripts = new ScriptLog(io.control, io.threadId);
  const interpreters = view.stats.sum(STAT.scriptBytes);
  const scriptBytes = scripts.usedBytes + libraries.usedBytes;
  const percent = (a: number, b: number): string => `${(ratio(a, b) * 100).toFixed(2)}%`;
  return sectionText('Memory', [
    ['used_memory', m.used],
    ['used_memory_human', humanBytes(m.used)],
    ['used_memory_rss', m.resident],
    ['used_memory_rss_human', humanBytes(m.resident)],
    ['used_memory_peak', m.peak],
    ['used_memory_peak_human', humanBytes(m.peak)],
    ['used_memory_peak_perc', percent(m.used, m.peak)],
    ['used_memory_overhead', m.overhead],
    ['used_memory_startup', m.startup],
    ['used_memory_dataset', m.dataset],
    ['used_memory_dataset_perc', percent(m.dataset, m.used - m.startup)],
    ['allocator_allocated', m.allocated],
    ['allocator_active', m.active],
    ['allocator_resident', m.resident],
    ['allocator_muzzy', 0],
    ['total_system_memory', total],
    ['total_system_memory_human', humanBytes(total)],
    ['used_memory_lua', interpreters],
    ['used_memory_vm_eval', interpreters],
    ['used_memory_lua_human', humanBytes(interpreters)],
    ['used_memory_scripts_eval', scripts.usedBytes],
    ['number_of_cached_scripts', scripts.count],
    ['number_of_functions', libraries.functionCount],
    ['number_of_libraries', libraries.libraryCount],
    ['used_memory_vm_functions', 0],
    ['used_memory_vm_total', interpreters],
    ['used_memory_vm_total_human', humanBytes(interpreters)],
    ['used_memory_functions', libraries.usedBytes],
    ['used_memory_scripts', scriptBytes],
    ['used_memory_scripts_human', humanBytes(scriptBytes)],
    ['maxmemory', max],
    ['maxmemory_human', humanBytes(max)],
    ['maxmemory_policy', io.config.get('maxmemory-policy') ?? 'noeviction'],
    ['allocator_frag_ratio', ratio(m.active, m.allocated).toFixed(2)],
    ['allocator_frag_bytes', m.active - m.allocated],
    ['allocator_rss_ratio', ratio(m.resident, m.active).toFixed(2)],
    ['allocator_rss_bytes', m.resident - m.active],
    ['rss_overhead_ratio', '1.00'],
    ['rss_overhead_bytes', 0],
    ['mem_fragmentation_ratio', ratio(m.resident, m.allocated).toFixed(2)],
    ['mem_fragmentation_bytes', m.resident - m.allocated],
    ['mem_not_counted_for_evict', 0],
    ['mem_replication_backlog', 0],
    ['mem_total_replication_buffers', 0],
    ['mem_clients_slaves', 0],
    ['mem_clients_normal', m.clientBytes],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', 0],
    ['mem_allocator', 'sherd-slab'],
    ['mem_overhead_db_hashtable_rehashing', 0],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', view.pendingFrees()],
    ['lazyfreed_objects', view.stats.sum(STAT.lazyFreed)],
    ['v8_heap_used', m.heapUsed],
    ['v8_heap_total', m.heapTotal],
    ['segment_bytes', m.segmentBytes],
  ]);
}

function persistence({ io, view }: InfoSource): string {
  return sectionText('Persistence', [
    ['loading', 0],
    ['async_loading', 0],
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', '0.00'],
    ['current_save_keys_processed', 0],
    ['current_save_keys_total', 0],
    ['rdb_changes_since_last_save', view.stats.sum(STAT.effects)],
    ['rdb_bgsave_in_progress', 0],
    ['rdb_last_save_time', Math.floor(view.startedAtMs / 1000)],
    ['rdb_last_bgsave_status', 'ok'],
    ['rdb_last_bgsave_time_sec', -1],
    ['rdb_current_bgsave_time_sec', -1],
    ['rdb_saves', 0],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', 0],
    ['rdb_last_load_keys_loaded', 0],
    ['aof_enabled', io.config.get('appendonly') === 'yes' ? 1 : 0],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
    ['aof_last_rewrite_time_sec', -1],
    ['aof_current_rewrite_time_sec', -1],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_rewrites', 0],
    ['aof_rewrites_consecutive_failures', 0],
    ['aof_last_write_status', 'ok'],
    ['aof_last_cow_size', 0],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
  ]);
}

/** Each channel counts once, also when several I/O threads have subscribers for it. */
function pubsubFields(io: IoThread, view: ServerView): InfoFields {
  const s = view.stats;
  const isAlone = io.control.ioThreads === 1;
  return [
    ['pubsub_channels', isAlone ? s.sum(STAT.pubsubChannels) : io.hub.distinctChannels(KIND_CHANNEL)],
    ['pubsub_patterns', isAlone ? s.sum(STAT.pubsubPatterns) : io.hub.distinctPatterns()],
    ['pubsubshard_channels', isAlone ? s.sum(STAT.pubsubShardChannels) : io.hub.distinctChannels(KIND_SHARD_CHANNEL)],
  ];
}

function stats({ io, view }: InfoSource): string {
  const s = view.stats;
  noteEventLoop(io.stats);
  const kilobytes = (stat: number): string => (s.sum(stat) / 1024).toFixed(2);
  const fields: InfoFields = [
    ['total_connections_received', s.sum(STAT.connectionsReceived)],
    ['total_commands_processed', s.callsOfAll(io.registry.count, io.registry.internal)],
    ['instantaneous_ops_per_sec', Math.round(s.sum(STAT.opsPerSec))],
    ['total_net_input_bytes', s.sum(STAT.netInputBytes)],
    ['total_net_output_bytes', s.sum(STAT.netOutputBytes)],
    ['total_net_repl_input_bytes', 0],
    ['total_net_repl_output_bytes', 0],
    ['instantaneous_input_kbps', kilobytes(STAT.inputBytesPerSec)],
    ['instantaneous_output_kbps', kilobytes(STAT.outputBytesPerSec)],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', s.sum(STAT.connectionsRejected)],
    ['sync_full', 0],
    ['sync_partial_ok', 0],
    ['sync_partial_err', 0],
    ['expired_subkeys', s.sum(STAT.expiredSubkeys)],
    ['expired_keys', s.sum(STAT.expiredKeys)],
    ['expired_stale_perc', s.max(STAT.expiredStalePerc).toFixed(2)],
    ['expired_time_cap_reached_count', s.sum(STAT.expireCapReached)],
    ['expire_cycle_cpu_milliseconds', Math.round(s.sum(STAT.expireCycleMs))],
    ['evicted_keys', s.sum(STAT.evictedKeys)],
    ['evicted_clients', s.sum(STAT.evictedClients)],
    ['evicted_scripts', new ScriptLog(io.control, io.threadId).evicted],
    ['total_eviction_exceeded_time', 0],
    ['current_eviction_exceeded_time', 0],
    ['keyspace_hits', s.sum(STAT.keyspaceHits)],
    ['keyspace_misses', s.sum(STAT.keyspaceMisses)],
    ...pubsubFields(io, view),
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', 0],
    ['slave_expires_tracked_keys', 0],
    ['active_defrag_hits', 0],
    ['active_defrag_misses', 0],
    ['active_defrag_key_hits', 0],
    ['active_defrag_key_misses', 0],
    ['total_active_defrag_time', 0],
    ['current_active_defrag_time', 0],
    ['tracking_total_keys', s.sum(STAT.trackedKeys)],
    ['tracking_total_items', s.sum(STAT.trackedItems)],
    ['tracking_total_prefixes', s.sum(STAT.trackedPrefixes)],
    ['unexpected_error_replies', 0],
    ['total_error_replies', s.sum(STAT.errorReplies)],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', s.sum(STAT.readsProcessed)],
    ['total_writes_processed', s.sum(STAT.writesProcessed)],
    ['io_threaded_reads_processed', io.control.ioThreads > 1 ? s.sum(STAT.readsProcessed) : 0],
    ['io_threaded_writes_processed', io.control.ioThreads > 1 ? s.sum(STAT.writesProcessed) : 0],
    ['client_query_buffer_limit_disconnections', s.sum(STAT.inputLimitDisconnections)],
    ['client_output_buffer_limit_disconnections', s.sum(STAT.outputLimitDisconnections)],
    ['reply_buffer_shrinks', 0],
    ['reply_buffer_expands', 0],
    ['eventloop_cycles', s.sum(STAT.eventloopCycles)],
    ['eventloop_duration_sum', Math.round(s.sum(STAT.eventloopUsec))],
    ['eventloop_duration_cmd_sum', Math.round(s.usecOfAll(io.registry.count))],
    ['instantaneous_eventloop_cycles_per_sec', Math.round(s.sum(STAT.cyclesPerSec))],
    ['instantaneous_eventloop_duration_usec', Math.round(s.sum(STAT.usecPerCycle))],
    ['acl_access_denied_auth', s.sum(STAT.aclDeniedAuth)],
    ['acl_access_denied_cmd', s.sum(STAT.aclDeniedCommand)],
    ['acl_access_denied_key', s.sum(STAT.aclDeniedKey)],
    ['acl_access_denied_channel', s.sum(STAT.aclDeniedChannel)],
  ];
  return sectionText('Stats', fields);
}

function replication({ io, view }: InfoSource): string {
  return sectionText('Replication', [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', view.runId],
    ['master_replid2', NO_REPLICATION_ID],
    ['master_repl_offset', 0],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
    ['repl_backlog_size', io.config.get('repl-backlog-size') ?? '1048576'],
    ['repl_backlog_first_byte_offset', 0],
    ['repl_backlog_histlen', 0],
  ]);
}

/** `main_thread` is the I/O thread that answers: it parses and runs what Redis's main thread does. */
function cpu(): string {
  const whole = process.cpuUsage();
  const ofThread = threadCpuUsage();
  return sectionText('CPU', [
    ['used_cpu_sys', secondsText(whole.system)],
    ['used_cpu_user', secondsText(whole.user)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ['used_cpu_sys_main_thread', secondsText(ofThread.system)],
    ['used_cpu_user_main_thread', secondsText(ofThread.user)],
  ]);
}

function commandStats({ io, view }: InfoSource): string {
  const fields: [string, string][] = [];
  for (let id = 0; id < io.registry.count; id++) {
    if (io.registry.internal.includes(id)) continue;
    const c = view.stats.command(id);
    if (c.calls === 0 && c.rejected === 0 && c.failed === 0) continue;
    const perCall = ratio(c.usec, c.calls).toFixed(2);
    fields.push([
      `cmdstat_${io.registry.defs[id]!.name}`,
      `calls=${c.calls},usec=${Math.round(c.usec)},usec_per_call=${perCall}` +
        `,rejected_calls=${c.rejected},failed_calls=${c.failed}`,
    ]);
  }
  return sectionText('Commandstats', fields);
}

function errorStats({ view }: InfoSource): string {
  return sectionText(
    'Errorstats',
    view.stats.errors().map(([prefix, count]) => [`errorstat_${prefix.replace(/[#:\n\r]/g, '_')}`, `count=${count}`]),
  );
}

function latencyStats({ io, view }: InfoSource): string {
  if (io.config.get('latency-tracking') === 'no') return sectionText('Latencystats', []);
  const percents = (io.config.get('latency-tracking-info-percentiles') ?? '50 99 99.9')
    .split(' ')
    .filter((p) => p !== '');
  const fields: [string, string][] = [];
  for (let id = 0; id < io.registry.count; id++) {
    if (io.registry.internal.includes(id)) continue;
    const counts = view.stats.latency(id);
    if (counts.every((n) => n === 0)) continue;
    const parts = percents.map((p) => `p${p}=${percentileText(counts, Number(p))}`);
    fields.push([`latency_percentiles_usec_${io.registry.defs[id]!.name}`, parts.join(',')]);
  }
  return sectionText('Latencystats', fields);
}

function keyspace({ view }: InfoSource): string {
  const fields: [string, string][] = [];
  for (let db = 0; db < view.databases; db++) {
    const { keys, expires, timedHashes, averageTtlMs } = view.keyspace(db);
    if (keys === 0) continue;
    fields.push([`db${db}`, `keys=${keys},expires=${expires},avg_ttl=${averageTtlMs},subexpiry=${timedHashes}`]);
  }
  return sectionText('Keyspace', fields);
}

function sherd({ io, view }: InfoSource): string {
  const s = view.stats;
  const fields: [string, string | number][] = [
    ['shards', view.shards],
    ['io_threads', io.control.ioThreads],
    ['dispatch', io.config.get('dispatch') ?? 'auto'],
    ['inline_commands', s.sum(STAT.inlineCommands)],
    ['ring_commands', s.sum(STAT.ringCommands)],
    ['ring_batches', s.sum(STAT.ringBatches)],
    ['ring_full', s.sum(STAT.ringFull)],
    ['lease_misses', s.sum(STAT.leaseMisses)],
    ['wakes', s.sum(STAT.wakes)],
  ];
  for (let shard = 0; shard < view.shards; shard++) {
    const f = view.shard(shard);
    fields.push([`shard${shard}`, `keys=${f.keys},used_bytes=${f.usedBytes},segments=${f.segments}`]);
  }
  return sectionText('Sherd', fields);
}

/** All sections in the order in which they are written. */
export const INFO_SECTIONS: readonly (readonly [name: string, section: Section])[] = [
  ['server', server],
  ['clients', clients],
  ['memory', memory],
  ['persistence', persistence],
  ['stats', stats],
  ['replication', replication],
  ['cpu', () => cpu()],
  ['modules', () => sectionText('Modules', [])],
  ['commandstats', commandStats],
  ['errorstats', errorStats],
  ['latencystats', latencyStats],
  ['cluster', ({ io }) => sectionText('Cluster', [['cluster_enabled', io.control.i32[CONTROL.clusterEnabled]!]])],
  ['keyspace', keyspace],
  ['sherd', sherd],
];

/** What INFO without arguments, and its section `default`, shows. */
export const DEFAULT_SECTIONS: ReadonlySet<string> = new Set([
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'modules',
  'errorstats',
  'cluster',
  'keyspace',
  'sherd',
]);
