/**
 * Directives about the data: databases, memory, encodings, persistence, replication and cluster. Names, bounds and
 * defaults are those of Redis 7.2.
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
  oneOf,
  optionalText,
  special,
  text,
  ULONG_MAX,
} from './directive.js';
import { replicaOf, SAVE_DEFAULT, savePoints } from './special-values.js';

const MIB = 1024 * 1024;
const POLICIES = [
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'noeviction',
];
/** Longest host name, with its end mark. */
const HOST_NAME_CHARS = 256;

/** A check that a value is a bare name and not a path. */
function baseName(name: string, what: string, emptyAllowed: boolean): (value: string) => string | null {
  return (value) => {
    if (!emptyAllowed && value === '') return `${name} can't be empty`;
    return /[/\\]/.test(value) ? `${name} can't be a path, just a ${what}` : null;
  };
}

function hostName(value: string): string | null {
  if (value.length >= HOST_NAME_CHARS) return `Hostnames must be less than ${HOST_NAME_CHARS} characters`;
  return /^[A-Za-z0-9.-]*$/.test(value) ? null : 'Hostnames may only contain alphanumeric characters, hyphens or dots';
}

function nodeName(value: string): string | null {
  return /[!#$%&()*+:;<>?@[\]^{|}~]/.test(value) ? 'Announced human node name contained invalid character' : null;
}

export const DATA_DIRECTIVES: readonly Directive[] = [
  // Keyspace and memory
  integer('databases', 16, 1, INT_MAX, IMMUTABLE),
  memory('maxmemory', 0, 0, ULONG_MAX),
  oneOf('maxmemory-policy', 'noeviction', POLICIES),
  integer('maxmemory-samples', 5, 1, INT_MAX),
  integer('maxmemory-eviction-tenacity', 10, 0, 100),
  integer('lfu-log-factor', 10, 0, INT_MAX),
  integer('lfu-decay-time', 1, 0, INT_MAX),
  integer('active-expire-effort', 1, 1, 10),
  bool('activerehashing', 'yes'),
  bool('lazyfree-lazy-eviction', 'no', DEBUG),
  bool('lazyfree-lazy-expire', 'no', DEBUG),
  bool('lazyfree-lazy-server-del', 'no', DEBUG),
  bool('lazyfree-lazy-user-del', 'no', DEBUG),
  bool('lazyfree-lazy-user-flush', 'no', DEBUG),
  // Encodings
  integer('hash-max-listpack-entries', 512, 0, LONG_MAX, { alias: 'hash-max-ziplist-entries' }),
  memory('hash-max-listpack-value', 64, 0, LONG_MAX, { alias: 'hash-max-ziplist-value' }),
  integer('list-max-listpack-size', -2, INT_MIN, INT_MAX, { alias: 'list-max-ziplist-size' }),
  integer('list-compress-depth', 0, 0, INT_MAX, DEBUG),
  integer('set-max-intset-entries', 512, 0, LONG_MAX),
  integer('set-max-listpack-entries', 128, 0, LONG_MAX),
  integer('set-max-listpack-value', 64, 0, LONG_MAX),
  integer('zset-max-listpack-entries', 128, 0, LONG_MAX, { alias: 'zset-max-ziplist-entries' }),
  memory('zset-max-listpack-value', 64, 0, LONG_MAX, { alias: 'zset-max-ziplist-value' }),
  memory('hll-sparse-max-bytes', 3000, 0, LONG_MAX),
  memory('stream-node-max-bytes', 4096, 0, LONG_MAX),
  integer('stream-node-max-entries', 100, 0, LONG_MAX),
  // Scripts
  integer('busy-reply-threshold', 5000, 0, LONG_MAX, { alias: 'lua-time-limit' }),
  // Snapshots
  special('save', SAVE_DEFAULT, savePoints, { multiArg: true }),
  bool('stop-writes-on-bgsave-error', 'yes'),
  bool('rdbcompression', 'yes'),
  bool('rdbchecksum', 'yes', IMMUTABLE),
  bool('rdb-del-sync-files', 'no'),
  bool('rdb-save-incremental-fsync', 'yes'),
  oneOf('sanitize-dump-payload', 'no', ['no', 'yes', 'clients'], DEBUG),
  text('dbfilename', 'dump.rdb', { protected: true, validate: baseName('dbfilename', 'filename', true) }),
  // Append-only file
  bool('appendonly', 'no', { denyLoading: true }),
  text('appendfilename', 'appendonly.aof', {
    immutable: true,
    validate: baseName('appendfilename', 'filename', false),
  }),
  text('appenddirname', 'appendonlydir', { immutable: true, validate: baseName('appenddirname', 'dirname', false) }),
  oneOf('appendfsync', 'everysec', ['everysec', 'always', 'no']),
  bool('no-appendfsync-on-rewrite', 'no'),
  integer('auto-aof-rewrite-percentage', 100, 0, INT_MAX),
  memory('auto-aof-rewrite-min-size', 64 * MIB, 0, LONG_MAX),
  bool('aof-rewrite-incremental-fsync', 'yes'),
  bool('aof-load-truncated', 'yes'),
  bool('aof-use-rdb-preamble', 'yes'),
  bool('aof-timestamp-enabled', 'no'),
  bool('aof-disable-auto-gc', 'no', HIDDEN),
  // Replication
  special('replicaof', '', replicaOf, { alias: 'slaveof', immutable: true, multiArg: true }),
  optionalText('masterauth', { sensitive: true }),
  optionalText('masteruser', { sensitive: true }),
  bool('replica-lazy-flush', 'no', { alias: 'slave-lazy-flush' }),
  bool('replica-serve-stale-data', 'yes', { alias: 'slave-serve-stale-data' }),
  bool('replica-read-only', 'yes', { alias: 'slave-read-only', debug: true }),
  bool('replica-ignore-maxmemory', 'yes', { alias: 'slave-ignore-maxmemory' }),
  bool('replica-ignore-disk-write-errors', 'no'),
  bool('replica-announced', 'yes'),
  optionalText('replica-announce-ip', { alias: 'slave-announce-ip' }),
  integer('replica-announce-port', 0, 0, 65535, { alias: 'slave-announce-port' }),
  integer('replica-priority', 100, 0, INT_MAX, { alias: 'slave-priority' }),
  bool('repl-disable-tcp-nodelay', 'no'),
  bool('repl-diskless-sync', 'yes', DEBUG),
  integer('repl-diskless-sync-delay', 5, 0, INT_MAX),
  integer('repl-diskless-sync-max-replicas', 0, 0, INT_MAX),
  oneOf('repl-diskless-load', 'disabled', ['disabled', 'on-empty-db', 'swapdb'], { debug: true, denyLoading: true }),
  integer('repl-timeout', 60, 1, INT_MAX),
  integer('repl-ping-replica-period', 10, 1, INT_MAX, { alias: 'repl-ping-slave-period' }),
  memory('repl-backlog-size', MIB, 1, LONG_MAX),
  integer('repl-backlog-ttl', 3600, 0, LONG_MAX),
  integer('min-replicas-to-write', 0, 0, INT_MAX, { alias: 'min-slaves-to-write' }),
  integer('min-replicas-max-lag', 10, 0, INT_MAX, { alias: 'min-slaves-max-lag' }),
  oneOf('propagation-error-behavior', 'ignore', ['ignore', 'panic', 'panic-on-replicas']),
  // Cluster
  bool('cluster-enabled', 'no', IMMUTABLE),
  text('cluster-config-file', 'nodes.conf', IMMUTABLE),
  integer('cluster-node-timeout', 15000, 0, LONG_MAX),
  integer('cluster-ping-interval', 0, 0, LONG_MAX, HIDDEN),
  integer('cluster-port', 0, 0, 65535, IMMUTABLE),
  optionalText('cluster-announce-ip'),
  optionalText('cluster-announce-hostname', { validate: hostName }),
  optionalText('cluster-announce-human-nodename', { validate: nodeName }),
  integer('cluster-announce-port', 0, 0, 65535),
  integer('cluster-announce-tls-port', 0, 0, 65535),
  integer('cluster-announce-bus-port', 0, 0, 65535),
  integer('cluster-replica-validity-factor', 10, 0, INT_MAX, { alias: 'cluster-slave-validity-factor' }),
  integer('cluster-migration-barrier', 1, 0, INT_MAX),
  bool('cluster-allow-replica-migration', 'yes'),
  bool('cluster-replica-no-failover', 'no', { alias: 'cluster-slave-no-failover' }),
  bool('cluster-require-full-coverage', 'yes'),
  bool('cluster-allow-reads-when-down', 'no'),
  bool('cluster-allow-pubsubshard-when-down', 'yes'),
  memory('cluster-link-sendbuf-limit', 0, 0, ULONG_MAX),
  oneOf('cluster-preferred-endpoint-type', 'ip', ['ip', 'hostname', 'unknown-endpoint']),
];
