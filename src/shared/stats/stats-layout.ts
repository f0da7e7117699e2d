/**
 * Layout of a thread's statistics region in the control memory, STATS_BYTES long, 8-byte aligned. Only its own thread
 * writes to it (so an increment is a plain add, never an atomic one); all threads read it. A reader may see figures of
 * slightly different moments. A reader never sees half a number, since every cell is one aligned machine word.
 *
 *      0  header and counters   512 doubles   STAT_* indexes below
 *   4096  errors by prefix      128 cells of 32 bytes: 24 bytes of prefix (NUL padded), one double
 *   8192  commands              1024 cells of 4 doubles: calls, usec, rejected, failed
 *  40960  latency histograms    1024 cells of 20 unsigned 32-bit counts; count k: took at most 2^k microseconds
 * 122880  end
 *
 * Invariants: (1) one writer per region; (2) counters only grow: CONFIG RESETSTAT writes the sums into a separate
 * region, see stats-reader.ts.
 */

export const STATS_ERRORS_MAX = 128;
export const ERROR_PREFIX_BYTES = 24;
export const LATENCY_BUCKETS = 20;

/** Double indexes. */
export const ERRORS_AT = 512;
export const ERROR_CELL = 4;
export const ERROR_COUNT = 3;
export const COMMANDS_AT = 1024;
export const COMMAND_CELL = 4;
export const CMD_CALLS = 0;
export const CMD_USEC = 1;
export const CMD_REJECTED = 2;
export const CMD_FAILED = 3;
/** Unsigned 32-bit index. */
export const LATENCY_AT = 10240;

/** Kinds of threads (STAT.kind). */
export const THREAD_MAIN = 1;
export const THREAD_IO = 2;
export const THREAD_SHARD = 3;

/**
 * Indexes of single figures. Those below COUNTERS_AT are states (set, left alone by RESETSTAT); the others count
 * since the start or the last RESETSTAT.
 */
export const STAT = {
  kind: 0,
  index: 1,
  startedAtMs: 2,
  heapUsedBytes: 3,
  heapTotalBytes: 4,
  externalBytes: 5,
  tickAtMs: 6,
  connectedClients: 8,
  blockedClients: 9,
  pubsubClients: 10,
  trackingClients: 11,
  watchingClients: 12,
  clientsInputBytes: 13,
  clientsOutputBytes: 14,
  clientsInputMaxBytes: 15,
  clientsOutputMaxBytes: 16,
  nextClientSeq: 17,
  pubsubChannels: 18,
  pubsubPatterns: 19,
  pubsubShardChannels: 20,
  trackedKeys: 21,
  trackedItems: 22,
  trackedPrefixes: 23,
  /** Written by I/O thread 0 for the whole server. */
  opsPerSec: 24,
  inputBytesPerSec: 25,
  outputBytesPerSec: 26,
  memoryPeakBytes: 27,
  memoryPeakAtMs: 28,
  rssPeakBytes: 29,
  /** Written by I/O thread 0: turns of event loops, and microseconds of one. */
  cyclesPerSec: 30,
  usecPerCycle: 31,
  /** What the interpreter of scripts uses. */
  scriptBytes: 32,
  /** Written by I/O thread 0: what lay in the arenas before the first key, tables not counted. */
  startupBytes: 33,
  /** Written by I/O thread 0: resident memory that is neither arena nor JavaScript heap, as of the start. */
  runtimeBytes: 34,
  /** What the clients of the thread take, all in all. */
  clientsMemoryBytes: 35,

  connectionsReceived: 64,
  connectionsRejected: 65,
  netInputBytes: 66,
  netOutputBytes: 67,
  readsProcessed: 68,
  writesProcessed: 69,
  /** Commands run by the I/O thread itself under a shard's lease. */
  inlineCommands: 70,
  /** Commands sent over a ring. */
  ringCommands: 71,
  ringBatches: 72,
  ringFull: 73,
  leaseMisses: 74,
  wakes: 75,
  keyspaceHits: 80,
  keyspaceMisses: 81,
  expiredKeys: 82,
  expiredActiveKeys: 83,
  evictedKeys: 84,
  evictedClients: 85,
  expireCapReached: 86,
  expireCycleMs: 87,
  expiredStalePerc: 88,
  /** Fields of hashes whose time was over. */
  expiredSubkeys: 89,
  errorReplies: 90,
  unknownErrorPrefixes: 91,
  outputLimitDisconnections: 92,
  inputLimitDisconnections: 93,
  aclDeniedAuth: 94,
  aclDeniedCommand: 95,
  aclDeniedKey: 96,
  aclDeniedChannel: 97,
  effects: 100,
  /** Values that were given up and freed later. */
  lazyFreed: 101,
  /** Turns of the event loop, and the time spent in them. */
  eventloopCycles: 102,
  eventloopUsec: 103,
} as const;

/** From this index on figures are counters. */
export const COUNTERS_AT = 64;
