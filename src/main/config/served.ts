/**
 * Which directives sherd acts on today. Whoever makes another one work adds its name here; the warning at start, which
 * names those that were given and have no effect, follows by itself.
 */

/** Directives that are acted on, or that need nothing done because sherd always does what they ask for. */
const SERVED: ReadonlySet<string> = new Set([
  'active-expire-effort',
  'activerehashing',
  'bind',
  'client-output-buffer-limit',
  'client-query-buffer-limit',
  'databases',
  'dir',
  'dispatch',
  'enable-debug-command',
  'enable-protected-configs',
  'hz',
  'io-threads',
  'jemalloc-bg-thread',
  'lazyfree-lazy-expire',
  'lazyfree-lazy-server-del',
  'lazyfree-lazy-user-del',
  'lazyfree-lazy-user-flush',
  'lfu-decay-time',
  'lfu-log-factor',
  'logfile',
  'loglevel',
  'maxclients',
  'pidfile',
  'port',
  'protected-mode',
  'proto-max-bulk-len',
  'shards',
  'tcp-backlog',
  'tcp-keepalive',
  'timeout',
  'unixsocket',
  'unixsocketperm',
]);

/** The one value of a directive not served that is honoured all the same, because it asks for nothing. */
const HONOURED: Readonly<Record<string, string>> = {
  activedefrag: 'no',
  'always-show-logo': 'no',
  appendonly: 'no',
  'cluster-enabled': 'no',
  daemonize: 'no',
  maxmemory: '0',
  'maxmemory-clients': '0',
  'maxmemory-policy': 'noeviction',
  'notify-keyspace-events': '',
  'oom-score-adj': 'no',
  replicaof: '',
  requirepass: '',
  save: '',
  'shutdown-on-sigint': 'default',
  'shutdown-on-sigterm': 'default',
  supervised: 'no',
  'syslog-enabled': 'no',
  'tls-port': '0',
};

/** Directives that somebody relies on for safety: an effect that is missing must be said aloud. */
const PROTECTIVE: ReadonlySet<string> = new Set(['requirepass', 'aclfile', 'user', 'rename-command', 'tls-port']);

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
