/**
 * The server-wide control block: one SharedArrayBuffer that every thread of a server sees.
 *
 *     line 0..15   server words (Int32) and numbers (Float64), see CONTROL and CONTROL_F64
 *     then         one area of 128 bytes per thread: the doorbell in a cache line of its own, then its state words
 *     then         one stats area of STATS_BYTES per thread (laid out by src/shared/stats)
 *     then         the claims of blocked clients, CLAIM_SLOTS words per I/O thread; the known scripts; the libraries of
 *                  functions; RUNNING_BYTES per shard; the slow log; the latency events
 *
 * Thread ids: 0 is nobody; 1 main; 2.. the I/O threads; behind them the shard threads; behind them TASK_THREADS_MAX
 * spare ids for helpers. A restarted thread keeps its id.
 *
 * Invariants: (1) words that a batch reads once (effects on, notify flags, config) are plain loads in the data plane,
 * written by the main thread through Atomics; (2) Float64 values have one writer, the main thread.
 */
import { wallMs, wallUsec } from '../clock.js';
import { LATENCY_EVENTS_BYTES } from '../stats/latency-events.js';
import { SLOW_LOG_BYTES } from '../stats/slow-log.js';
import { CLAIM_SLOTS } from './claims.js';
import { Doorbell } from './doorbell.js';

/** Int32 word indexes. */
export const CONTROL = {
  magic: 0,
  ioThreads: 1,
  shards: 2,
  threads: 3,
  /** 1 from the moment on at which the server begins to close. */
  shuttingDown: 4,
  /** CLIENT PAUSE, read together with its end, CONTROL_F64.pauseUntilMs (pause.ts). */
  pauseMode: 5,
  /** notify-keyspace-events as bits (see NOTIFY in the engine's events file). */
  notifyFlags: 6,
  /** Somebody consumes effects (journal, replicas, tests). */
  effectsOn: 7,
  /** DEBUG SET-ACTIVE-EXPIRE. */
  activeExpire: 8,
  maxmemoryPolicy: 9,
  maxmemorySamples: 10,
  lfuLogFactor: 11,
  lfuDecayMinutes: 12,
  hz: 13,
  /** 0 auto, 1 ring, 2 inline. */
  dispatch: 14,
  databases: 15,
  /** Four random words: the key of the dictionary's hash, the same in every thread. */
  hashSeed: 16,
  lazyExpire: 20,
  lazyServerDel: 21,
  lazyUserDel: 22,
  lazyUserFlush: 23,
  /** Raised by one with each CONFIG SET that was applied. */
  configEpoch: 24,
  /** Next client id is taken here by Atomics.add when CONTROL words suffice; see nextClientId(). */
  clientIds: 25,
  clients: 26,
  maxclients: 27,
  /** CONFIG RESETSTAT and the like: raised by one at each reset. */
  statsEpoch: 28,
  /** Main sets it once all is ready. */
  serving: 29,
  clusterEnabled: 30,
  activeExpireEffort: 31,
  /** Keys watched for transactions, over all shards; raised and lowered under the lease of the key's shard. */
  watchedKeys: 200,
  /** Threads whose script runs for longer than `busy-reply-threshold`. */
  busyScripts: 201,
  /** Shards on which somebody may wait with a group (XREADGROUP), by bits: changes of any kind concern them. */
  groupReaders: 202,
  /** Ids of the commands of shared/command/script-commands.ts, up to word 209. */
  scriptCommands: 203,
  /** Clients with tracking on, and clients in MONITOR, over all I/O threads. */
  trackers: 248,
  monitors: 249,
  /** An accepted connection with this descriptor or a higher one is refused; 0: the system has no such limit. */
  descriptorsRefusedFrom: 255,
  /** Words that DEBUG subcommands and CONFIG handlers may use (64 of them). */
  debug: 32,
} as const;

/** Float64 indexes (byte offset / 8). */
export const CONTROL_F64 = {
  maxmemory: 48,
  protoMaxBulkLen: 49,
  pauseUntilMs: 50,
  startedAtMs: 51,
  queryBufferLimit: 52,
  /** DEBUG and tests: offset of the server's clock, milliseconds. */
  clockOffsetMs: 53,
  /** slowlog-log-slower-than (below 0: off), slowlog-max-len, latency-monitor-threshold (0: off). */
  slowlogUsec: 54,
  slowlogLength: 55,
  latencyMs: 56,
  /** busy-reply-threshold; 0: no script is ever called busy. */
  busyThresholdMs: 57,
  /** Sizes up to which the data types keep their small encodings: the directives of the same names. */
  hashMaxListpackEntries: 64,
  hashMaxListpackValue: 65,
  listMaxListpackSize: 66,
  listCompressDepth: 67,
  setMaxIntsetEntries: 68,
  setMaxListpackEntries: 69,
  setMaxListpackValue: 70,
  zsetMaxListpackEntries: 71,
  zsetMaxListpackValue: 72,
  hllSparseMaxBytes: 73,
  streamNodeMaxBytes: 74,
  streamNodeMaxEntries: 75,
} as const;

/** The defaults of those sizes, in the order of their indexes from CONTROL_F64.hashMaxListpackEntries on. */
const TYPE_LIMITS = [512, 64, -2, 0, 512, 128, 64, 128, 64, 3000, 4096, 100];

/** Server words take this many bytes. */
const SERVER_BYTES = 1024;
const THREAD_BYTES = 128;
/** Bytes reserved for each thread's counters. */
export const STATS_BYTES = 64 << 10;
/** Room for scripts; the operating system gives memory only to what is used. */
const SCRIPT_LOG_BYTES = 64 << 20;
/** Room for the libraries of functions, twice what they may take (see shard/script/library-store.ts). */
const LIBRARIES_BYTES = 32 << 20;
/** What a shard thread says about the function that it runs for too long. */
const RUNNING_BYTES = 4096;
/** Ids set aside for task threads (snapshots, journal ...). */
export const TASK_THREADS_MAX = 16;
const MAGIC = 0x5e4d_0001;

/** Words of a thread's area, from its first word. */
export const THREAD = {
  doorbell: 0,
  state: 16,
  /** Main posted something to the thread's control port and wants it read now. */
  controlPending: 17,
  restarts: 18,
  /** Word on which a thread sleeps for an answer of the main thread (see control-port.ts). */
  answer: 19,
  /** Connections of an I/O thread. */
  clients: 20,
  /** A thread may say here what it is at; the supervisor logs it when the thread dies. */
  activity: 21,
  /** What script runs here, whether it takes too long, and which is to end: see script-run.ts. */
  scriptBusy: 22,
  scriptKill: 23,
  scriptRun: 24,
} as const;

/** Bits of THREAD.scriptBusy. */
export const SCRIPT_BUSY = { running: 1, wrote: 2, isFunction: 4 } as const;

/** Values of THREAD.state. */
export const THREAD_STATE = { none: 0, starting: 1, ready: 2, dead: 3 } as const;

/** CONTROL.dispatch for --dispatch ring. */
export const DISPATCH_RING = 1;

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

  /** A view of an existing block. */
  constructor(sab: SharedArrayBuffer) {
    this.sab = sab;
    this.i32 = new Int32Array(sab);
    this.f64 = new Float64Array(sab, 0, SERVER_BYTES >> 3);
    if (this.i32[CONTROL.magic] !== MAGIC) throw new Error('control block: wrong magic');
    this.ioThreads = this.i32[CONTROL.ioThreads]!;
    this.shards = this.i32[CONTROL.shards]!;
    this.threads = this.i32[CONTROL.threads]!;
  }

  /** Makes the block of a new server. */
  static create(ioThreads: number, shards: number): ControlBlock {
    const threads = 2 + ioThreads + shards + TASK_THREADS_MAX;
    const sab = new SharedArrayBuffer(
      SERVER_BYTES +
        threads * (THREAD_BYTES + STATS_BYTES) +
        ioThreads * CLAIM_SLOTS * 4 +
        SCRIPT_LOG_BYTES +
        LIBRARIES_BYTES +
        shards * RUNNING_BYTES +
        SLOW_LOG_BYTES +
        LATENCY_EVENTS_BYTES,
    );
    const i32 = new Int32Array(sab);
    i32[CONTROL.magic] = MAGIC;
    i32[CONTROL.ioThreads] = ioThreads;
    i32[CONTROL.shards] = shards;
    i32[CONTROL.threads] = threads;
    i32[CONTROL.activeExpire] = 1;
    const block = new ControlBlock(sab);
    block.f64[CONTROL_F64.slowlogUsec] = -1;
    block.f64.set(TYPE_LIMITS, CONTROL_F64.hashMaxListpackEntries);
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

  /** The thread's bytes for counters (STATS_BYTES), for src/shared/stats to lay out. Byte offset in `sab`. */
  statsOffset(threadId: number): number {
    return SERVER_BYTES + this.threads * THREAD_BYTES + threadId * STATS_BYTES;
  }

  /** The claims of the blocked clients of an I/O thread, by connection slot (see claims.ts). */
  claims(io: number): Int32Array {
    const offset = SERVER_BYTES + this.threads * (THREAD_BYTES + STATS_BYTES) + io * CLAIM_SLOTS * 4;
    return new Int32Array(this.sab, offset, CLAIM_SLOTS);
  }

  /** Where the known scripts are (see shard/script/script-log.ts). */
  scriptLog(): Uint8Array {
    return new Uint8Array(this.sab, this.scriptsOffset(), SCRIPT_LOG_BYTES);
  }

  /** Where the libraries of functions are (see shard/script/library-store.ts). */
  libraries(): Uint8Array {
    return new Uint8Array(this.sab, this.scriptsOffset() + SCRIPT_LOG_BYTES, LIBRARIES_BYTES);
  }

  /** What shard thread `shard` says about the function that it runs (see shard/script/running-function.ts). */
  runningFunction(shard: number): Uint8Array {
    const offset = this.scriptsOffset() + SCRIPT_LOG_BYTES + LIBRARIES_BYTES + shard * RUNNING_BYTES;
    return new Uint8Array(this.sab, offset, RUNNING_BYTES);
  }

  /** Where slow commands are kept (see shared/stats/slow-log.ts). */
  slowLog(): Uint8Array {
    return new Uint8Array(this.sab, this.slowLogOffset(), SLOW_LOG_BYTES);
  }

  /** Where latency events are kept (see shared/stats/latency-events.ts). */
  latencyEvents(): Int32Array {
    return new Int32Array(this.sab, this.slowLogOffset() + SLOW_LOG_BYTES, LATENCY_EVENTS_BYTES >> 2);
  }

  private slowLogOffset(): number {
    return this.scriptsOffset() + SCRIPT_LOG_BYTES + LIBRARIES_BYTES + this.shards * RUNNING_BYTES;
  }

  private scriptsOffset(): number {
    return SERVER_BYTES + this.threads * (THREAD_BYTES + STATS_BYTES) + this.ioThreads * CLAIM_SLOTS * 4;
  }

  state(threadId: number): number {
    return Atomics.load(this.i32, this.threadWord(threadId) + THREAD.state);
  }

  setState(threadId: number, state: number): void {
    Atomics.store(this.i32, this.threadWord(threadId) + THREAD.state, state);
  }

  /** hot: reads and clears the flag by which main asks the thread to read its control port. */
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

  /** hot: unix ms as the server's clients see them: the clock of this machine, and what a test has added to it. */
  nowMs(): number {
    return wallMs() + this.f64[CONTROL_F64.clockOffsetMs]!;
  }

  /** The same in whole microseconds. */
  nowUsec(): number {
    return wallUsec() + this.f64[CONTROL_F64.clockOffsetMs]! * 1000;
  }

  /** A client id nobody had before; ids count from 1 over all I/O threads. */
  nextClientId(): number {
    return Atomics.add(this.i32, CONTROL.clientIds, 1) + 1;
  }
}
