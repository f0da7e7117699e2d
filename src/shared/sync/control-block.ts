/**
 * The server-wide control block: one SharedArrayBuffer that every thread of a server sees. REGIONS lists what lies in
 * it, in order; CONTROL and CONTROL_F64 list the words of the first region, THREAD those of a thread's area.
 *
 * When you add a word: one line in the table of its group. Its reader and its writer come in the same commit: a word
 * without a reader fails test/unit/sync/control-block.test.ts. When you add a region: one row in REGIONS and a method
 * that makes the view.
 *
 * Thread ids: 0 no thread; 1 main; 2.. the I/O threads; behind them the shard threads; behind them TASK_THREADS_MAX
 * spare ids for helpers. A restarted thread keeps its id.
 *
 * Invariants: (1) words that a batch reads once (config) are read with plain loads in the data plane, and written by
 * the main thread through Atomics; (2) Float64 values have one writer, the main thread; (3) no two words and no two
 * regions overlap (layout.ts gives out the words one behind the other).
 */
import { wallMs, wallUsec } from '../clock.js';
import { LATENCY_EVENTS_BYTES, SLOW_LOG_BYTES, STATS_BYTES, TYPE_LIMITS } from '../limits.js';
import { NO_EVICTION } from '../maxmemory-policy.js';
import { FAULT_WORDS } from '../memory/fault-point.js';
import { CLAIM_SLOTS } from './claims.js';
import { Doorbell } from './doorbell.js';
import { regionOffsets, Words } from './layout.js';

/** Bytes of the server's words, and of a thread's area: its doorbell has a cache line of its own. */
const SERVER_BYTES = 1024;
const THREAD_BYTES = 128;

const server = new Words('server words', SERVER_BYTES);

/** Int32 word indexes. */
export const CONTROL = {
  // ---- Fixed before the threads start.
  magic: server.word(),
  ioThreads: server.word(),
  shards: server.word(),
  threads: server.word(),
  databases: server.word(),
  /** 0 auto, 1 ring, 2 inline: places in DISPATCH_WORDS. */
  dispatch: server.word(),
  clusterEnabled: server.word(),
  /** An accepted connection with this descriptor or a higher one is refused; 0: the system has no such limit. */
  descriptorsRefusedFrom: server.word(),
  /** Four random words: the key of the dictionary's hash, the same in every thread. */
  hashSeed: server.word(4),
  /** Ids of the commands of shared/sync/script-commands.ts. */
  scriptCommands: server.word(7),

  // ---- Switches: read often, seldom written.
  /** 1 from the moment on at which the server begins to close. */
  shuttingDown: server.line().word(),
  /** CLIENT PAUSE, read together with its end, CONTROL_F64.pauseUntilMs (pause.ts). */
  pauseMode: server.word(),
  /** notify-keyspace-events as bits (see shared/keyspace-events.ts). */
  notifyFlags: server.word(),
  /** The write gate: bits that decide about writes, read for each command under its leases; see write-gate.ts. */
  writeGate: server.word(),
  /** DEBUG SET-ACTIVE-EXPIRE. */
  activeExpire: server.word(),
  /** Number of the policy (see shared/maxmemory-policy.ts). */
  maxmemoryPolicy: server.word(),
  /** A journal is kept. */
  appendOnly: server.word(),
  /** Which clients may use DEBUG and MODULE: 0 none, 1 all, 2 clients on this machine. */
  debugCommand: server.word(),
  moduleCommand: server.word(),
  /** Long strings are compressed in RDB forms. */
  rdbCompression: server.word(),
  lfuLogFactor: server.word(),
  lfuDecayMinutes: server.word(),
  lazyExpire: server.word(),
  lazyServerDel: server.word(),
  lazyUserFlush: server.word(),
  maxclients: server.word(),
  /** CONFIG RESETSTAT and the like: raised by one at each reset. */
  statsEpoch: server.word(),
  /** DEBUG QUICKLIST-PACKED-THRESHOLD, bytes; 0: never set. */
  packedThreshold: server.word(),
  /** DEBUG SET-SKIP-CHECKSUM-VALIDATION: RESTORE does not compare checksums. */
  skipChecksum: server.word(),
  /** DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call what is flagged noscript. */
  allowNoscript: server.word(),

  // ---- Counts that many threads raise and lower.
  /** The last client id that was given out; see nextClientId(). */
  clientIds: server.line().word(),
  clients: server.word(),
  /** Keys watched for transactions, over all shards; raised and lowered under the lease of the key's shard. */
  watchedKeys: server.line().word(),
  /** Threads whose script runs for longer than `busy-reply-threshold`. */
  busyScripts: server.word(),
  /**
   * One bit for each shard on which a client may be blocked in XREADGROUP: on such shards every change of a key must be
   * looked at.
   */
  groupReaders: server.word(),
  /** Clients with tracking on, and clients in MONITOR, over all I/O threads. */
  trackers: server.word(),
  monitors: server.word(),
} as const;

/** Float64 indexes (byte offset / 8). */
export const CONTROL_F64 = {
  maxmemory: server.line().double(),
  protoMaxBulkLen: server.double(),
  pauseUntilMs: server.double(),
  startedAtMs: server.double(),
  /** DEBUG and tests: offset of the server's clock, milliseconds. */
  clockOffsetMs: server.double(),
  /** slowlog-log-slower-than (below 0: off), slowlog-max-len, latency-monitor-threshold (0: off). */
  slowlogUsec: server.double(),
  slowlogLength: server.double(),
  latencyMs: server.double(),
  /** busy-reply-threshold; 0: no script is ever called busy. */
  busyThresholdMs: server.double(),
  // Sizes up to which the data types keep their small encodings: the directives of the same names.
  hashMaxListpackEntries: server.double(),
  hashMaxListpackValue: server.double(),
  listMaxListpackSize: server.double(),
  listCompressDepth: server.double(),
  setMaxIntsetEntries: server.double(),
  setMaxListpackEntries: server.double(),
  setMaxListpackValue: server.double(),
  zsetMaxListpackEntries: server.double(),
  zsetMaxListpackValue: server.double(),
  hllSparseMaxBytes: server.double(),
  streamNodeMaxBytes: server.double(),
  streamNodeMaxEntries: server.double(),
} as const;

/** Ids set aside for task threads (snapshots, journal ...). */
export const TASK_THREADS_MAX = 16;
const MAGIC = 0x5e4d_0002;

const area = new Words("a thread's area", THREAD_BYTES);

/** Words of a thread's area, from its first word. */
export const THREAD = {
  doorbell: area.word(),
  state: area.line().word(),
  /** The main thread posted a message to the thread's control port and wants it read now. */
  controlPending: area.word(),
  /** Word on which a thread sleeps for an answer of the main thread (see control-port.ts). */
  answer: area.word(),
  /** The script that runs here, whether it takes too long, and whether it is to end: see script-run.ts. */
  scriptBusy: area.word(),
  scriptKill: area.word(),
  scriptRun: area.word(),
  /**
   * Not 0 while the thread changes memory under the leases that it holds. When it dies then, they name the shards in
   * which half a change may be found.
   */
  writing: area.word(),
} as const;

type Per = 'server' | 'thread' | 'ioThread' | 'shard';

/** What lies in the block, in order; the operating system gives memory only to what is used. */
export const REGIONS = {
  words: { bytes: SERVER_BYTES, per: 'server' },
  areas: { bytes: THREAD_BYTES, per: 'thread' },
  /** Counters of a thread (stats/stats-layout.ts lays them out). */
  stats: { bytes: STATS_BYTES, per: 'thread' },
  /** Claims of blocked clients, by connection slot (claims.ts). */
  claims: { bytes: CLAIM_SLOTS * 4, per: 'ioThread' },
  /** Known scripts (shard/script/script-log.ts). */
  scripts: { bytes: 64 << 20, per: 'server' },
  /** Libraries of functions: twice the space that they may take (shard/script/library-store.ts). */
  libraries: { bytes: 32 << 20, per: 'server' },
  /** Name and library of a function that a shard thread runs for too long (shard/script/running-function.ts). */
  running: { bytes: 4096, per: 'shard' },
  /** Slow commands (stats/slow-log.ts). */
  slowLog: { bytes: SLOW_LOG_BYTES, per: 'server' },
  /** Latency events (stats/latency-events.ts). */
  latencyEvents: { bytes: LATENCY_EVENTS_BYTES, per: 'server' },
  /** What the fault lab arms (memory/fault-point.ts). */
  faults: { bytes: FAULT_WORDS * 4, per: 'server' },
} as const satisfies Record<string, { bytes: number; per: Per }>;

type RegionName = keyof typeof REGIONS;

function offsetsOf(threads: number, ioThreads: number, shards: number): Readonly<Record<RegionName | 'end', number>> {
  return regionOffsets<RegionName, Per>(REGIONS, { server: 1, thread: threads, ioThread: ioThreads, shard: shards });
}

/** Bits of THREAD.scriptBusy. */
export const SCRIPT_BUSY = { running: 1, wrote: 2, isFunction: 4 } as const;

/** Values of THREAD.state. */
export const THREAD_STATE = { none: 0, starting: 1, ready: 2, dead: 3 } as const;

/** The words of `dispatch`; CONTROL.dispatch is a place among them. */
export const DISPATCH_WORDS: readonly string[] = ['auto', 'ring', 'inline'];
export const DISPATCH_RING: number = DISPATCH_WORDS.indexOf('ring');

export const MAIN_THREAD_ID = 1;

/** Thread id of I/O thread `index`. */
export function ioThreadId(index: number): number {
  return 2 + index;
}

export class ControlBlock {
  readonly sab: SharedArrayBuffer;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly ioThreads: number;
  readonly shards: number;
  /** Number of thread ids, 0 included. */
  readonly threads: number;
  private readonly offsets: Readonly<Record<RegionName | 'end', number>>;

  /** A view of an existing block. */
  constructor(sab: SharedArrayBuffer) {
    this.sab = sab;
    this.i32 = new Int32Array(sab);
    this.f64 = new Float64Array(sab, 0, SERVER_BYTES >> 3);
    if (this.i32[CONTROL.magic] !== MAGIC) throw new Error('control block: wrong magic');
    this.ioThreads = this.i32[CONTROL.ioThreads]!;
    this.shards = this.i32[CONTROL.shards]!;
    this.threads = this.i32[CONTROL.threads]!;
    this.offsets = offsetsOf(this.threads, this.ioThreads, this.shards);
    if (this.offsets.end !== sab.byteLength) throw new Error('control block: wrong size');
  }

  /** Makes the block of a new server. */
  static create(ioThreads: number, shards: number): ControlBlock {
    const threads = 2 + ioThreads + shards + TASK_THREADS_MAX;
    const sab = new SharedArrayBuffer(offsetsOf(threads, ioThreads, shards).end);
    const i32 = new Int32Array(sab);
    i32[CONTROL.magic] = MAGIC;
    i32[CONTROL.ioThreads] = ioThreads;
    i32[CONTROL.shards] = shards;
    i32[CONTROL.threads] = threads;
    const block = new ControlBlock(sab);
    // Values that hold until the configuration is written: for tests without a configuration.
    i32[CONTROL.activeExpire] = 1;
    i32[CONTROL.maxmemoryPolicy] = NO_EVICTION;
    i32[CONTROL.rdbCompression] = 1;
    block.f64[CONTROL_F64.slowlogUsec] = -1;
    for (const [name, value] of Object.entries(TYPE_LIMITS)) {
      block.f64[CONTROL_F64[name as keyof typeof TYPE_LIMITS]] = value;
    }
    return block;
  }

  shardThreadId(shard: number): number {
    return 2 + this.ioThreads + shard;
  }

  /** Index of the I/O thread with an id, -1 when the thread is none. */
  ioIndexOf(threadId: number): number {
    const index = threadId - ioThreadId(0);
    return index >= 0 && index < this.ioThreads ? index : -1;
  }

  /** First word of the thread's area. */
  threadWord(threadId: number): number {
    return (SERVER_BYTES + threadId * THREAD_BYTES) >> 2;
  }

  doorbell(threadId: number): Doorbell {
    return new Doorbell(this.i32, this.threadWord(threadId) + THREAD.doorbell);
  }

  /** The thread's bytes for counters, for src/shared/stats to lay out. Byte offset in `sab`. */
  statsOffset(threadId: number): number {
    return this.offsets.stats + threadId * STATS_BYTES;
  }

  /** The claims of the blocked clients of an I/O thread. */
  claims(io: number): Int32Array {
    return new Int32Array(this.sab, this.offsets.claims + io * REGIONS.claims.bytes, CLAIM_SLOTS);
  }

  /** Where the known scripts are. */
  scriptLog(): Uint8Array {
    return this.bytesOf('scripts');
  }

  /** Where the libraries of functions are. */
  libraries(): Uint8Array {
    return this.bytesOf('libraries');
  }

  /** What shard thread `shard` says about the function that it runs. */
  runningFunction(shard: number): Uint8Array {
    return this.bytesOf('running', shard);
  }

  /** Where slow commands are kept. */
  slowLog(): Uint8Array {
    return this.bytesOf('slowLog');
  }

  /** Where latency events are kept. */
  latencyEvents(): Int32Array {
    return new Int32Array(this.sab, this.offsets.latencyEvents, LATENCY_EVENTS_BYTES >> 2);
  }

  /** The words of the fault points. */
  faults(): Int32Array {
    return new Int32Array(this.sab, this.offsets.faults, FAULT_WORDS);
  }

  private bytesOf(name: RegionName, index = 0): Uint8Array {
    const { bytes } = REGIONS[name];
    return new Uint8Array(this.sab, this.offsets[name] + index * bytes, bytes);
  }

  state(threadId: number): number {
    return Atomics.load(this.i32, this.threadWord(threadId) + THREAD.state);
  }

  setState(threadId: number, state: number): void {
    Atomics.store(this.i32, this.threadWord(threadId) + THREAD.state, state);
  }

  /** hot: reads and clears the flag by which the main thread asks this thread to read its control port. */
  takeControlPending(threadId: number): boolean {
    const word = this.threadWord(threadId) + THREAD.controlPending;
    if (Atomics.load(this.i32, word) === 0) return false;
    Atomics.store(this.i32, word, 0);
    return true;
  }

  /** Whether main asks the thread to read its control port. */
  controlPending(threadId: number): boolean {
    return Atomics.load(this.i32, this.threadWord(threadId) + THREAD.controlPending) !== 0;
  }

  setControlPending(threadId: number): void {
    Atomics.store(this.i32, this.threadWord(threadId) + THREAD.controlPending, 1);
  }

  get shuttingDown(): boolean {
    return Atomics.load(this.i32, CONTROL.shuttingDown) !== 0;
  }

  /** Unix ms as the server's clients see them: the clock of this machine, plus the offset that a test has set. */
  nowMs(): number {
    return wallMs() + this.f64[CONTROL_F64.clockOffsetMs]!;
  }

  /** The same in whole microseconds. */
  nowUsec(): number {
    return wallUsec() + this.f64[CONTROL_F64.clockOffsetMs]! * 1000;
  }

  /** A client id that no client had before; ids count from 1 over all I/O threads. */
  nextClientId(): number {
    return Atomics.add(this.i32, CONTROL.clientIds, 1) + 1;
  }
}
