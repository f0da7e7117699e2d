/** Directives about replication and cluster. Names, bounds and defaults are those of Redis 7.2. */
import {
  bool,
  DEBUG,
  type Directive,
  HIDDEN,
  IMMUTABLE,
  INT_MAX,
  integer,
  LONG_MAX,
  memory,
  oneOf,
  optionalText,
  special,
  text,
  ULONG_MAX,
} from './directive.js';
import { replicaOf } from './special-values.js';

const MIB = 1024 * 1024;

/** Longest host name, with its end mark. */
const HOST_NAME_CHARS = 256;

function hostName(value: string): string | null {
  if (value.length >= HOST_NAME_CHARS) return `Hostnames must be less than ${HOST_NAME_CHARS} characters`;
  return /^[A-Za-z0-9.-]*$/.test(value) ? null : 'Hostnames may only contain alphanumeric characters, hyphens or dots';
}

function nodeName(value: string): string | null {
  return /[!#$%&()*+:;<>?@[\]^{|}~]/.test(value) ? 'Announced human node name contained invalid character' : null;
}

export const REPLICATION: readonly Directive[] = [
  special('replicaof', '', replicaOf, 'Master whose copy this server is.', {
    alias: 'slaveof',
    immutable: true,
    multiArg: true,
    asksNothing: '',
  }),
  optionalText('masterauth', 'Password for the master.', { sensitive: true }),
  optionalText('masteruser', 'User for the master.', { sensitive: true }),
  bool('replica-lazy-flush', 'no', 'Frees old data later when a new copy is there.', { alias: 'slave-lazy-flush' }),
  bool('replica-serve-stale-data', 'yes', 'Answers while the master is away.', { alias: 'slave-serve-stale-data' }),
  bool('replica-read-only', 'yes', 'A replica refuses writes.', { alias: 'slave-read-only', debug: true }),
  bool('replica-ignore-maxmemory', 'yes', 'A replica evicts nothing by itself.', { alias: 'slave-ignore-maxmemory' }),
  bool('replica-ignore-disk-write-errors', 'no', 'A replica goes on when it cannot write its journal.'),
  bool('replica-announced', 'yes', 'Sentinel shows this replica.'),
  optionalText('replica-announce-ip', 'Address that a replica tells the master.', { alias: 'slave-announce-ip' }),
  integer('replica-announce-port', 0, 0, 65535, 'Port that a replica tells the master.', {
    alias: 'slave-announce-port',
  }),
  integer('replica-priority', 100, 0, INT_MAX, 'How soon Sentinel makes this replica the master.', {
    alias: 'slave-priority',
  }),
  bool('repl-disable-tcp-nodelay', 'no', 'Sends to replicas in fewer, later packets.'),
  bool('repl-diskless-sync', 'yes', 'Sends a snapshot without writing it to the disk.', DEBUG),
  integer('repl-diskless-sync-delay', 5, 0, INT_MAX, 'Seconds that it waits for further replicas.'),
  integer('repl-diskless-sync-max-replicas', 0, 0, INT_MAX, 'Replicas for which it waits no longer.'),
  oneOf(
    'repl-diskless-load',
    'disabled',
    ['disabled', 'on-empty-db', 'swapdb'],
    'How a replica loads a snapshot from the socket.',
    { debug: true, denyLoading: true },
  ),
  integer('repl-timeout', 60, 1, INT_MAX, 'Seconds without a word after which the other side counts as gone.'),
  integer('repl-ping-replica-period', 10, 1, INT_MAX, 'Seconds between two PINGs to replicas.', {
    alias: 'repl-ping-slave-period',
  }),
  memory('repl-backlog-size', MIB, 1, LONG_MAX, 'Bytes kept for replicas that were away.'),
  integer('repl-backlog-ttl', 3600, 0, LONG_MAX, 'Seconds for which they are kept without replicas.'),
  integer('min-replicas-to-write', 0, 0, INT_MAX, 'Replicas without which writes are refused.', {
    alias: 'min-slaves-to-write',
  }),
  integer('min-replicas-max-lag', 10, 0, INT_MAX, 'Seconds within which a replica must have answered to count.', {
    alias: 'min-slaves-max-lag',
  }),
  oneOf(
    'propagation-error-behavior',
    'ignore',
    ['ignore', 'panic', 'panic-on-replicas'],
    'What happens when a change cannot be passed on.',
  ),
];

export const CLUSTER: readonly Directive[] = [
  bool('cluster-enabled', 'no', 'Makes this server a node of a cluster.', { immutable: true, asksNothing: 'no' }),
  text('cluster-config-file', 'nodes.conf', 'File in which a node keeps what it knows.', IMMUTABLE),
  integer('cluster-node-timeout', 15000, 0, LONG_MAX, 'Milliseconds after which a silent node counts as failing.'),
  integer('cluster-ping-interval', 0, 0, LONG_MAX, 'Milliseconds between two pings of a node.', HIDDEN),
  integer('cluster-port', 0, 0, 65535, "Port of the cluster's bus.", IMMUTABLE),
  optionalText('cluster-announce-ip', 'Address that other nodes are told.'),
  optionalText('cluster-announce-hostname', 'Host name that clients are told.', { validate: hostName }),
  optionalText('cluster-announce-human-nodename', 'Name of the node in logs.', { validate: nodeName }),
  integer('cluster-announce-port', 0, 0, 65535, 'Port that other nodes are told.'),
  integer('cluster-announce-tls-port', 0, 0, 65535, 'Port for TLS that other nodes are told.'),
  integer('cluster-announce-bus-port', 0, 0, 65535, 'Port of the bus that other nodes are told.'),
  integer('cluster-replica-validity-factor', 10, 0, INT_MAX, "How old a replica's data may be when it takes over.", {
    alias: 'cluster-slave-validity-factor',
  }),
  integer('cluster-migration-barrier', 1, 0, INT_MAX, 'Replicas that a master keeps when others need one.'),
  bool('cluster-allow-replica-migration', 'yes', 'Lets replicas go to masters that have none.'),
  bool('cluster-replica-no-failover', 'no', 'This replica never takes over by itself.', {
    alias: 'cluster-slave-no-failover',
  }),
  bool('cluster-require-full-coverage', 'yes', 'Refuses commands while a slot has no node.'),
  bool('cluster-allow-reads-when-down', 'no', 'Answers reads while the cluster is down.'),
  bool(
    'cluster-allow-pubsubshard-when-down',
    'yes',
    'Delivers messages of sharded channels while the cluster is down.',
  ),
  memory('cluster-link-sendbuf-limit', 0, 0, ULONG_MAX, 'Bytes that may wait for another node; 0: no limit.'),
  oneOf(
    'cluster-preferred-endpoint-type',
    'ip',
    ['ip', 'hostname', 'unknown-endpoint'],
    'What clients are told: address, host name or nothing.',
  ),
];
