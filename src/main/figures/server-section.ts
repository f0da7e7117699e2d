/** INFO server, clients, cpu, modules and cluster as tables of figures. */
import { release, type } from 'node:os';
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import { REDIS_VERSION, SHERD_VERSION } from '../../shared/version.js';
import {
  constant,
  counter,
  directive,
  type FigureRow,
  type FigureSource,
  family,
  gauge,
  text,
  zeros,
} from './figure.js';
import { secondsText } from './info-text.js';
import { threadCpuUsage } from './thread-cpu.js';

const SECONDS_PER_DAY = 86_400;

function uptimeSeconds({ view, nowMs }: FigureSource): number {
  return Math.max(0, Math.floor((nowMs - view.startedAtMs) / 1000));
}

/** One line for each kind of listener. */
function listeners({ config, tcpPort }: FigureSource): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [];
  if (tcpPort !== '0') {
    const binds = config.raw('bind').split(' ');
    const addresses = binds.map((bind) => (bind === '' ? '' : `,bind=${bind}`)).join('');
    fields.push(['listener0', `name=tcp${addresses},port=${tcpPort}`]);
  }
  const path = config.raw('unixsocket');
  if (path !== '') fields.push([`listener${fields.length}`, `name=unix,bind=${path}`]);
  return fields;
}

export const SERVER_ROWS: readonly FigureRow[] = [
  constant('redis_version', REDIS_VERSION),
  constant('redis_git_sha1', '00000000'),
  constant('redis_git_dirty', 0),
  constant('redis_build_id', '0'),
  text('redis_mode', ({ control }) => (control.i32[CONTROL.clusterEnabled] ? 'cluster' : 'standalone')),
  text('os', () => `${type()} ${release()} ${process.arch === 'x64' ? 'x86_64' : process.arch}`),
  constant('arch_bits', 64),
  constant('monotonic_clock', 'POSIX clock_gettime'),
  constant('multiplexing_api', process.platform === 'linux' ? 'epoll' : 'kqueue'),
  constant('atomicvar_api', 'js-atomics'),
  constant('gcc_version', '0.0.0'),
  gauge('process_id', () => process.pid),
  constant('process_supervised', 'no'),
  text('run_id', ({ view }) => view.runId),
  text('tcp_port', ({ tcpPort }) => tcpPort),
  gauge('server_time_usec', ({ nowMs }) => nowMs * 1000, 'usec'),
  gauge('uptime_in_seconds', uptimeSeconds, 'seconds'),
  gauge('uptime_in_days', (source) => Math.floor(uptimeSeconds(source) / SECONDS_PER_DAY)),
  directive('hz', 'hz', 'per second'),
  directive('configured_hz', 'hz', 'per second'),
  gauge('lru_clock', ({ nowMs }) => Math.floor(nowMs / 1000) & 0xffffff),
  text('executable', ({ view }) => view.executable),
  text('config_file', ({ view }) => view.configFile),
  gauge('io_threads_active', ({ control }) => (control.ioThreads > 1 ? 1 : 0)),
  constant('sherd_version', SHERD_VERSION),
  constant('node_version', process.versions.node),
  family('listener*', listeners),
];

export const CLIENTS_ROWS: readonly FigureRow[] = [
  gauge('connected_clients', ({ view }) => view.stats.sum(STAT.connectedClients)),
  ...zeros('cluster_connections'),
  directive('maxclients', 'maxclients'),
  gauge('client_recent_max_input_buffer', ({ view }) => view.stats.max(STAT.clientsInputMaxBytes), 'bytes'),
  gauge('client_recent_max_output_buffer', ({ view }) => view.stats.max(STAT.clientsOutputMaxBytes), 'bytes'),
  gauge('blocked_clients', ({ view }) => view.stats.sum(STAT.blockedClients)),
  gauge('tracking_clients', ({ view }) => view.stats.sum(STAT.trackingClients)),
  gauge('pubsub_clients', ({ view }) => view.stats.sum(STAT.pubsubClients)),
  gauge('watching_clients', ({ view }) => view.stats.sum(STAT.watchingClients)),
  ...zeros('clients_in_timeout_table'),
  gauge('total_watched_keys', ({ control }) => control.i32[CONTROL.watchedKeys]!),
  gauge('total_blocking_keys', ({ waitedKeys }) => waitedKeys),
  gauge('total_blocking_keys_on_nokey', ({ waitedAbsentKeys }) => waitedAbsentKeys),
];

/** `main_thread` is the I/O thread that answers: it parses and runs what Redis's main thread does. */
export const CPU_ROWS: readonly FigureRow[] = [
  counter('used_cpu_sys', () => process.cpuUsage().system, 'usec', secondsText),
  counter('used_cpu_user', () => process.cpuUsage().user, 'usec', secondsText),
  constant('used_cpu_sys_children', '0.000000'),
  constant('used_cpu_user_children', '0.000000'),
  counter('used_cpu_sys_main_thread', () => threadCpuUsage().system, 'usec', secondsText),
  counter('used_cpu_user_main_thread', () => threadCpuUsage().user, 'usec', secondsText),
];

export const CLUSTER_ROWS: readonly FigureRow[] = [
  gauge('cluster_enabled', ({ control }) => control.i32[CONTROL.clusterEnabled]!),
];
