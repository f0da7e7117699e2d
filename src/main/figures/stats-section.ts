/** INFO stats as a table of figures. */
import { STAT } from '../../shared/stats/stats-layout.js';
import {
  constant,
  counter,
  type Figure,
  type FigureRow,
  type FigureUnit,
  gauge,
  twoDecimals,
  zeros,
} from './figure.js';

const BYTES_PER_KIB = 1024;

/** The sum of a counter over all threads. */
function sum(name: string, stat: number, unit: FigureUnit = ''): Figure {
  return counter(name, ({ view }) => view.stats.sum(stat), unit);
}

/** The rounded sum of a figure of the moment. */
function moment(name: string, stat: number, unit: FigureUnit): Figure {
  return gauge(name, ({ view }) => Math.round(view.stats.sum(stat)), unit);
}

function kibPerSecond(name: string, stat: number): Figure {
  return gauge(name, ({ view }) => view.stats.sum(stat) / BYTES_PER_KIB, 'KiB per second', twoDecimals);
}

/** What I/O threads did besides the first one counts as threaded; with one thread nothing does. */
function threaded(name: string, stat: number): Figure {
  return counter(name, ({ control, view }) => (control.ioThreads > 1 ? view.stats.sum(stat) : 0));
}

export const STATS_ROWS: readonly FigureRow[] = [
  sum('total_connections_received', STAT.connectionsReceived),
  counter('total_commands_processed', ({ view, registry }) => view.stats.callsOfAll(registry.count, registry.internal)),
  moment('instantaneous_ops_per_sec', STAT.opsPerSec, 'per second'),
  sum('total_net_input_bytes', STAT.netInputBytes, 'bytes'),
  sum('total_net_output_bytes', STAT.netOutputBytes, 'bytes'),
  ...zeros('total_net_repl_input_bytes', 'total_net_repl_output_bytes'),
  kibPerSecond('instantaneous_input_kbps', STAT.inputBytesPerSec),
  kibPerSecond('instantaneous_output_kbps', STAT.outputBytesPerSec),
  constant('instantaneous_input_repl_kbps', '0.00'),
  constant('instantaneous_output_repl_kbps', '0.00'),
  sum('rejected_connections', STAT.connectionsRejected),
  ...zeros('sync_full', 'sync_partial_ok', 'sync_partial_err'),
  sum('expired_subkeys', STAT.expiredSubkeys),
  sum('expired_keys', STAT.expiredKeys),
  gauge('expired_stale_perc', ({ view }) => view.stats.max(STAT.expiredStalePerc), 'percent', twoDecimals),
  sum('expired_time_cap_reached_count', STAT.expireCapReached),
  counter('expire_cycle_cpu_milliseconds', ({ view }) => Math.round(view.stats.sum(STAT.expireCycleMs)), 'ms'),
  sum('evicted_keys', STAT.evictedKeys),
  sum('evicted_clients', STAT.evictedClients),
  counter('evicted_scripts', ({ scripts }) => scripts.evicted),
  ...zeros('total_eviction_exceeded_time', 'current_eviction_exceeded_time'),
  sum('keyspace_hits', STAT.keyspaceHits),
  sum('keyspace_misses', STAT.keyspaceMisses),
  gauge('pubsub_channels', ({ channels }) => channels.channels),
  gauge('pubsub_patterns', ({ channels }) => channels.patterns),
  gauge('pubsubshard_channels', ({ channels }) => channels.shardChannels),
  ...zeros('latest_fork_usec', 'total_forks', 'migrate_cached_sockets', 'slave_expires_tracked_keys'),
  ...zeros('active_defrag_hits', 'active_defrag_misses', 'active_defrag_key_hits', 'active_defrag_key_misses'),
  ...zeros('total_active_defrag_time', 'current_active_defrag_time'),
  gauge('tracking_total_keys', ({ view }) => view.stats.sum(STAT.trackedKeys)),
  gauge('tracking_total_items', ({ view }) => view.stats.sum(STAT.trackedItems)),
  gauge('tracking_total_prefixes', ({ view }) => view.stats.sum(STAT.trackedPrefixes)),
  ...zeros('unexpected_error_replies'),
  sum('total_error_replies', STAT.errorReplies),
  ...zeros('dump_payload_sanitizations'),
  sum('total_reads_processed', STAT.readsProcessed),
  sum('total_writes_processed', STAT.writesProcessed),
  threaded('io_threaded_reads_processed', STAT.readsProcessed),
  threaded('io_threaded_writes_processed', STAT.writesProcessed),
  sum('client_query_buffer_limit_disconnections', STAT.inputLimitDisconnections),
  sum('client_output_buffer_limit_disconnections', STAT.outputLimitDisconnections),
  ...zeros('reply_buffer_shrinks', 'reply_buffer_expands'),
  sum('eventloop_cycles', STAT.eventloopCycles),
  counter('eventloop_duration_sum', ({ view }) => Math.round(view.stats.sum(STAT.eventloopUsec)), 'usec'),
  counter(
    'eventloop_duration_cmd_sum',
    ({ view, registry }) => Math.round(view.stats.usecOfAll(registry.count)),
    'usec',
  ),
  moment('instantaneous_eventloop_cycles_per_sec', STAT.cyclesPerSec, 'per second'),
  moment('instantaneous_eventloop_duration_usec', STAT.usecPerCycle, 'usec'),
  sum('acl_access_denied_auth', STAT.aclDeniedAuth),
  sum('acl_access_denied_cmd', STAT.aclDeniedCommand),
  sum('acl_access_denied_key', STAT.aclDeniedKey),
  sum('acl_access_denied_channel', STAT.aclDeniedChannel),
];
