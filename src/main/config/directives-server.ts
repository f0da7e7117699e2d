/**
 * Directives about the process, its listeners, clients, logging and security. Names, bounds and defaults are those of
 * Redis 7.2; ours stand at the end.
 */
import {
  bool,
  DEBUG,
  type Directive,
  HIDDEN,
  IMMUTABLE,
  INT_MAX,
  INT_MIN,
  integer,
  LONG_MAX,
  memory,
  memoryOrPercent,
  octal,
  oneOf,
  optionalText,
  someOf,
  special,
  text,
  UINT_MAX,
} from './directive.js';
import {
  BIND_DEFAULT,
  bindAddresses,
  eventClasses,
  isProcessTitle,
  OUTPUT_BUFFER_LIMITS_DEFAULT,
  oomScores,
  outputBufferLimits,
  percentiles,
  workingDirectory,
} from './special-values.js';

const MIB = 1024 * 1024;
const PROTECTED_ACTION = ['no', 'yes', 'local'];
const SIGNAL_ACTIONS = ['default', 'save', 'nosave', 'now', 'force'];
const SYSLOG_FACILITIES = ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'];

function signalAction(value: string): string | null {
  const words = value.split(' ');
  if (words.includes('save') && words.includes('nosave')) {
    return "shutdown options SAVE and NOSAVE can't be used simultaneously";
  }
  return null;
}

function noDefragmentation(value: string): string | null {
  return value === 'yes' ? "Active defragmentation cannot be enabled: sherd's slabs do without it" : null;
}

/** Out of range values are a hint, not an error. */
function clampHz(value: string): string {
  return String(Math.min(500, Math.max(1, Number(value))));
}

export const SERVER_DIRECTIVES: readonly Directive[] = [
  // Network
  special('bind', BIND_DEFAULT, bindAddresses, { multiArg: true }),
  integer('port', 6379, 0, 65535),
  optionalText('bind-source-addr'),
  optionalText('unixsocket', IMMUTABLE),
  octal('unixsocketperm', '0', 0o777, IMMUTABLE),
  integer('tcp-backlog', 511, 0, INT_MAX, IMMUTABLE),
  integer('tcp-keepalive', 300, 0, INT_MAX),
  integer('timeout', 0, 0, INT_MAX),
  integer('socket-mark-id', 0, 0, UINT_MAX, IMMUTABLE),
  bool('protected-mode', 'yes'),
  // Clients
  integer('maxclients', 10000, 1, UINT_MAX),
  memoryOrPercent('maxmemory-clients', '0', -100n, LONG_MAX),
  memory('proto-max-bulk-len', 512 * MIB, MIB, LONG_MAX, DEBUG),
  memory('client-query-buffer-limit', 1024 * MIB, MIB, LONG_MAX, DEBUG),
  special('client-output-buffer-limit', OUTPUT_BUFFER_LIMITS_DEFAULT, outputBufferLimits, { multiArg: true }),
  integer('tracking-table-max-keys', 1000000, 0, LONG_MAX),
  integer('client-default-resp', 2, 2, 3, { immutable: true, hidden: true }),
  // Process
  bool('daemonize', 'no', IMMUTABLE),
  oneOf('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], IMMUTABLE),
  optionalText('pidfile', IMMUTABLE),
  bool('always-show-logo', 'no', IMMUTABLE),
  bool('set-proc-title', 'yes', IMMUTABLE),
  text('proc-title-template', '{title} {listen-addr} {server-mode}', { validate: isProcessTitle }),
  special('dir', '', workingDirectory, { protected: true, denyLoading: true }),
  integer('hz', 10, 0, INT_MAX, { clamp: clampHz }),
  bool('dynamic-hz', 'yes'),
  integer('io-threads', 1, 1, 128, { debug: true, immutable: true }),
  bool('io-threads-do-reads', 'no', { debug: true, immutable: true }),
  integer('shutdown-timeout', 10, 0, INT_MAX),
  someOf('shutdown-on-sigint', 'default', SIGNAL_ACTIONS, { validate: signalAction }),
  someOf('shutdown-on-sigterm', 'default', SIGNAL_ACTIONS, { validate: signalAction }),
  oneOf('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute'], { synonyms: { relative: 'yes' } }),
  special('oom-score-adj-values', '0 200 800', oomScores, { multiArg: true }),
  bool('disable-thp', 'yes', IMMUTABLE),
  bool('jemalloc-bg-thread', 'yes'),
  optionalText('server_cpulist', IMMUTABLE),
  optionalText('bio_cpulist', IMMUTABLE),
  optionalText('aof_rewrite_cpulist', IMMUTABLE),
  optionalText('bgsave_cpulist', IMMUTABLE),
  text('ignore-warnings', ''),
  text('locale-collate', ''),
  // Logging and introspection
  oneOf('loglevel', 'notice', ['debug', 'verbose', 'notice', 'warning', 'nothing']),
  text('logfile', '', IMMUTABLE),
  bool('syslog-enabled', 'no', IMMUTABLE),
  text('syslog-ident', 'redis', IMMUTABLE),
  oneOf('syslog-facility', 'local0', SYSLOG_FACILITIES, IMMUTABLE),
  bool('crash-log-enabled', 'yes'),
  bool('crash-memcheck-enabled', 'yes'),
  bool('use-exit-on-panic', 'no', HIDDEN),
  integer('watchdog-period', 0, 0, INT_MAX, HIDDEN),
  integer('slowlog-log-slower-than', 10000, -1, LONG_MAX),
  integer('slowlog-max-len', 128, 0, LONG_MAX),
  integer('latency-monitor-threshold', 0, 0, LONG_MAX),
  bool('latency-tracking', 'yes'),
  special('latency-tracking-info-percentiles', '50 99 99.9', percentiles, { multiArg: true }),
  special('notify-keyspace-events', '', eventClasses),
  // Security
  optionalText('requirepass', { sensitive: true }),
  text('aclfile', '', IMMUTABLE),
  oneOf('acl-pubsub-default', 'resetchannels', ['allchannels', 'resetchannels']),
  integer('acllog-max-len', 128, 0, LONG_MAX),
  oneOf('enable-protected-configs', 'no', PROTECTED_ACTION, IMMUTABLE),
  oneOf('enable-debug-command', 'no', PROTECTED_ACTION, IMMUTABLE),
  oneOf('enable-module-command', 'no', PROTECTED_ACTION, IMMUTABLE),
  // TLS
  integer('tls-port', 0, 0, 65535),
  integer('tls-session-cache-size', 20 * 1024, 0, INT_MAX),
  integer('tls-session-cache-timeout', 300, 0, INT_MAX),
  bool('tls-cluster', 'no'),
  bool('tls-replication', 'no'),
  oneOf('tls-auth-clients', 'yes', ['no', 'yes', 'optional']),
  bool('tls-prefer-server-ciphers', 'no'),
  bool('tls-session-caching', 'yes'),
  optionalText('tls-cert-file'),
  optionalText('tls-key-file'),
  optionalText('tls-key-file-pass', { sensitive: true }),
  optionalText('tls-client-cert-file'),
  optionalText('tls-client-key-file'),
  optionalText('tls-client-key-file-pass', { sensitive: true }),
  optionalText('tls-dh-params-file'),
  optionalText('tls-ca-cert-file'),
  optionalText('tls-ca-cert-dir'),
  optionalText('tls-protocols'),
  optionalText('tls-ciphers'),
  optionalText('tls-ciphersuites'),
  // Memory defragmentation, which slabs do without
  bool('activedefrag', 'no', { debug: true, validate: noDefragmentation }),
  integer('active-defrag-cycle-min', 1, 1, 99),
  integer('active-defrag-cycle-max', 25, 1, 99),
  integer('active-defrag-threshold-lower', 10, 0, 1000),
  integer('active-defrag-threshold-upper', 100, 0, 1000),
  integer('active-defrag-max-scan-fields', 1000, 1, LONG_MAX),
  memory('active-defrag-ignore-bytes', 100 * MIB, 1, LONG_MAX),
  // For tests
  integer('rdb-key-save-delay', 0, INT_MIN, INT_MAX, HIDDEN),
  integer('key-load-delay', 0, INT_MIN, INT_MAX, HIDDEN),
  integer('loading-process-events-interval-bytes', 2 * MIB, 1024, INT_MAX, HIDDEN),
  // Ours: threads and how commands reach a shard. `shards 0` means one for each core that is left.
  integer('shards', 0, 0, 256, IMMUTABLE),
  oneOf('dispatch', 'auto', ['auto', 'ring', 'inline'], IMMUTABLE),
];
