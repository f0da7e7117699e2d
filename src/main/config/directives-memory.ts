/**
 * Directives about the data in memory: databases, limits, encodings, scripts.
 * Names, bounds and defaults are those of Redis 7.2.
 */
import { TYPE_LIMITS } from '../../shared/limits.js';
import { POLICY_WORDS } from '../../shared/maxmemory-policy.js';
import { CONTROL, CONTROL_F64 } from '../../shared/sync/control-block.js';
import {
  bool,
  DEBUG,
  type Directive,
  EVERY,
  float64,
  INT_MAX,
  INT_MIN,
  int32,
  integer,
  LONG_MAX,
  memory,
  NEEDLESS,
  oneOf,
  SHARD,
  ULONG_MAX,
} from './directive.js';

const MIB = 1024 * 1024;

function noDefragmentation(value: string): string | null {
  return value === 'yes' ? "Active defragmentation cannot be enabled: sherd's slabs do without it" : null;
}

/** Memory defragmentation, which slabs do without. */
export const DEFRAGMENTATION: readonly Directive[] = [
  bool('activedefrag', 'no', "Moves values together; sherd's slabs do without it.", {
    debug: true,
    validate: noDefragmentation,
    asksNothing: 'no',
  }),
  integer('active-defrag-cycle-min', 1, 1, 99, 'Least share of a core for defragmentation.'),
  integer('active-defrag-cycle-max', 25, 1, 99, 'Greatest share of a core for defragmentation.'),
  integer('active-defrag-threshold-lower', 10, 0, 1000, 'Fragmentation at which it begins, percent.'),
  integer('active-defrag-threshold-upper', 100, 0, 1000, 'Fragmentation at which it works hardest, percent.'),
  integer('active-defrag-max-scan-fields', 1000, 1, LONG_MAX, 'Elements of a value that it looks at in one go.'),
  memory('active-defrag-ignore-bytes', 100 * MIB, 1, LONG_MAX, 'Fragmentation below which it does nothing.'),
];

export const KEYSPACE: readonly Directive[] = [
  integer('databases', 16, 1, INT_MAX, 'How many databases SELECT may choose from.', {
    immutable: true,
    reader: EVERY,
    word: int32(CONTROL.databases),
  }),
  memory('maxmemory', 0, 0, ULONG_MAX, 'Bytes of keys and values from which on writes are refused; 0: no limit.', {
    reader: SHARD,
    word: float64(CONTROL_F64.maxmemory),
  }),
  oneOf(
    'maxmemory-policy',
    'noeviction',
    POLICY_WORDS,
    'Which keys go when memory is full; today none does, but the policy decides what OBJECT FREQ and IDLETIME tell.',
    { asksNothing: 'noeviction', word: int32(CONTROL.maxmemoryPolicy) },
  ),
  integer('maxmemory-samples', 5, 1, INT_MAX, 'Keys that eviction compares.'),
  integer('maxmemory-eviction-tenacity', 10, 0, 100, 'How long eviction may hold up commands.'),
  integer('lfu-log-factor', 10, 0, INT_MAX, "How slowly the counter of a key's accesses grows.", {
    reader: SHARD,
    word: int32(CONTROL.lfuLogFactor),
  }),
  integer('lfu-decay-time', 1, 0, INT_MAX, 'Minutes after which that counter goes down by one.', {
    reader: SHARD,
    word: int32(CONTROL.lfuDecayMinutes),
  }),
  integer(
    'active-expire-effort',
    1,
    1,
    10,
    "Share of the time that the search for expired keys may take; sherd's finds them by their times.",
    { asksNothing: '1' },
  ),
  bool('activerehashing', 'yes', "Rehashes in idle time; sherd's tables grow one by one.", { reader: NEEDLESS }),
  bool('lazyfree-lazy-eviction', 'no', 'Frees evicted values later.', DEBUG),
  bool(
    'lazyfree-lazy-expire',
    'no',
    'Tells replicas and the journal UNLINK instead of DEL for an expired key; memory is always freed in pieces.',
    { debug: true, reader: SHARD, word: int32(CONTROL.lazyExpire) },
  ),
  bool('lazyfree-lazy-server-del', 'no', 'The same for a value that another one replaces.', {
    debug: true,
    reader: SHARD,
    word: int32(CONTROL.lazyServerDel),
  }),
  bool('lazyfree-lazy-user-del', 'no', 'Lets DEL free values later; big ones are always freed in pieces.', {
    debug: true,
    reader: NEEDLESS,
  }),
  bool('lazyfree-lazy-user-flush', 'no', 'Lets FLUSHALL and FLUSHDB free values later unless SYNC is said.', {
    debug: true,
    reader: SHARD,
    word: int32(CONTROL.lazyUserFlush),
  }),
];

export const ENCODINGS: readonly Directive[] = [
  integer(
    'hash-max-listpack-entries',
    TYPE_LIMITS.hashMaxListpackEntries,
    0,
    LONG_MAX,
    'Fields up to which a hash is packed.',
    { alias: 'hash-max-ziplist-entries', reader: SHARD, word: float64(CONTROL_F64.hashMaxListpackEntries) },
  ),
  memory(
    'hash-max-listpack-value',
    TYPE_LIMITS.hashMaxListpackValue,
    0,
    LONG_MAX,
    'Bytes of a field or value up to which a hash is packed.',
    { alias: 'hash-max-ziplist-value', reader: SHARD, word: float64(CONTROL_F64.hashMaxListpackValue) },
  ),
  integer(
    'list-max-listpack-size',
    TYPE_LIMITS.listMaxListpackSize,
    INT_MIN,
    INT_MAX,
    "Size of a list's node: elements, or below 0 a class of bytes.",
    { alias: 'list-max-ziplist-size', reader: SHARD, word: float64(CONTROL_F64.listMaxListpackSize) },
  ),
  integer(
    'list-compress-depth',
    TYPE_LIMITS.listCompressDepth,
    0,
    INT_MAX,
    'Nodes at each end of a list that are not compressed; sherd compresses none, DEBUG OBJECT shows it.',
    { debug: true, word: float64(CONTROL_F64.listCompressDepth) },
  ),
  integer(
    'set-max-intset-entries',
    TYPE_LIMITS.setMaxIntsetEntries,
    0,
    LONG_MAX,
    'Members up to which a set of integers is packed.',
    { reader: SHARD, word: float64(CONTROL_F64.setMaxIntsetEntries) },
  ),
  integer(
    'set-max-listpack-entries',
    TYPE_LIMITS.setMaxListpackEntries,
    0,
    LONG_MAX,
    'Members up to which a set is packed.',
    { reader: SHARD, word: float64(CONTROL_F64.setMaxListpackEntries) },
  ),
  integer(
    'set-max-listpack-value',
    TYPE_LIMITS.setMaxListpackValue,
    0,
    LONG_MAX,
    'Bytes of a member up to which a set is packed.',
    { reader: SHARD, word: float64(CONTROL_F64.setMaxListpackValue) },
  ),
  integer(
    'zset-max-listpack-entries',
    TYPE_LIMITS.zsetMaxListpackEntries,
    0,
    LONG_MAX,
    'Members up to which a sorted set is packed.',
    { alias: 'zset-max-ziplist-entries', reader: SHARD, word: float64(CONTROL_F64.zsetMaxListpackEntries) },
  ),
  memory(
    'zset-max-listpack-value',
    TYPE_LIMITS.zsetMaxListpackValue,
    0,
    LONG_MAX,
    'Bytes of a member up to which a sorted set is packed.',
    { alias: 'zset-max-ziplist-value', reader: SHARD, word: float64(CONTROL_F64.zsetMaxListpackValue) },
  ),
  memory(
    'hll-sparse-max-bytes',
    TYPE_LIMITS.hllSparseMaxBytes,
    0,
    LONG_MAX,
    'Bytes up to which a HyperLogLog is sparse.',
    { reader: SHARD, word: float64(CONTROL_F64.hllSparseMaxBytes) },
  ),
  memory(
    'stream-node-max-bytes',
    TYPE_LIMITS.streamNodeMaxBytes,
    0,
    LONG_MAX,
    'Bytes of a node of a stream; 0: no limit.',
    { reader: SHARD, word: float64(CONTROL_F64.streamNodeMaxBytes) },
  ),
  integer(
    'stream-node-max-entries',
    TYPE_LIMITS.streamNodeMaxEntries,
    0,
    LONG_MAX,
    'Entries of a node of a stream; 0: no limit.',
    { reader: SHARD, word: float64(CONTROL_F64.streamNodeMaxEntries) },
  ),
];

export const SCRIPTS: readonly Directive[] = [
  integer(
    'busy-reply-threshold',
    5000,
    0,
    LONG_MAX,
    'Milliseconds after which a script makes its shards busy; 0: never.',
    { alias: 'lua-time-limit', reader: EVERY, word: float64(CONTROL_F64.busyThresholdMs) },
  ),
];
