/**
 * Which directives sherd acts on today. Whoever makes another one work adds its name here; the warning at start, which
 * names those that were given and have no effect, follows by itself.
 */

/** Directives that are acted on, or that need nothing done because sherd always does what they ask for. */
const SERVED: ReadonlySet<string> = new Set([
  'active-expire-effort',
  'activerehashing',
  'bind',
  'busy-reply-threshold',
  'client-output-buffer-limit',
  'client-query-buffer-limit',
  'databases',
  'dir',
  'dispatch',
  'enable-debug-command',
  'enable-protected-configs',
  'hash-max-listpack-entries',
  'hash-max-listpack-value',
  'hll-sparse-max-bytes',
  'hz',
  'io-threads',
  'jemalloc-bg-thread',
  'latency-monitor-threshold',
  'latency-tracking',
  'latency-tracking-info-percentiles',
  'lazyfree-lazy-expire',
  'lazyfree-lazy-server-del',
  'lazyfree-lazy-user-del',
  'lazyfree-lazy-user-flush',
  'lfu-decay-time',
  'lfu-log-factor',
  'list-max-listpack-size',
  'logfile',
  'loglevel',
  'maxclients',
  'maxmemory',
  'notify-keyspace-events',
  'pidfile',
  'port',
  'protected-mode',
  'proto-max-bulk-len',
  'rdbcompression',
  'requirepass',
  'set-max-intset-entries',
  'set-max-listpack-entries',
  'set-max-listpack-value',
  'shards',
  'slowlog-log-slower-than',
  'slowlog-max-len',
  'stream-node-max-bytes',
  'stream-node-max-entries',
  'tcp-backlog',
  'tcp-keepalive',
  'timeout',
  'tracking-table-max-keys',
  'unixsocket',
  'unixsocketperm',
  'zset-max-listpack-entries',
  'zset-max-listpack-value',
]);

/** The one value of a directive not served that is honoured all the same, because it asks for nothing. */
const HONOURED: Readonly<Record<string, string>> = {
  activedefrag: 'no',
  'always-show-logo': 'no',
  appendonly: 'no',
  'cluster-enabled': 'no',
  daemonize: 'no',
  'maxmemory-clients': '0',
  'maxmemory-policy': 'noeviction',
  'oom-score-adj': 'no',
  replicaof: '',
  save: '',
  'shutdown-on-sigint': 'default',
  'shutdown-on-sigterm': 'default',
  supervised: 'no',
  'syslog-enabled': 'no',
  'tls-port': '0',
};

/** Directives that somebody relies on for safety: an effect that is missing must be said aloud. */
const PROTECTIVE: ReadonlySet<string> = new Set(['aclfile', 'user', 'rename-command', 'tls-port']);

/**
 * Says whether giving `name` the canonical `value` has the effect that Redis gives it.
 *
 * @param name primary name
 */
export function isServed(name: string, value: string): boolean {
  return SERVED.has(name) || (Object.hasOwn(HONOURED, name) && HONOURED[name] === value);
}

/** Says whether the operator counts on `name` to keep others out. */
export function isProtective(name: string): boolean {
  return PROTECTIVE.has(name);
}
