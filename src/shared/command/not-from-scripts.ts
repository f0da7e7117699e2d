/** Names of commands that scripts may not call, for threads whose registry lacks these commands. */

/**
 * Commands that a script must not call, of those that the registry of a shard thread lacks: local commands with the
 * flag `noscript`, and names that Redis refuses to scripts and sherd does not have. A test compares them with the
 * definitions.
 */
export const NOT_FROM_SCRIPTS: ReadonlySet<string> = new Set(
  (
    'acl auth bgrewriteaof bgsave client cluster config discard exec failover function hello latency module monitor' +
    ' multi psubscribe psync punsubscribe quit replconf replicaof reset role save script shutdown slaveof slowlog' +
    ' ssubscribe subscribe sunsubscribe sync unsubscribe unwatch waitaof watch'
  ).split(' '),
);
