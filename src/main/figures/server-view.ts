/**
 * ServerView: what an I/O thread can see of the whole server without asking anybody: statistics of all threads, memory
 * and key counts of all shards, straight out of shared memory. For INFO, MEMORY STATS, LATENCY and the like.
 *
 * Read without leases: counts are words of a recent moment, never half written. Cold paths: it allocates.
 *
 * Invariants: (1) nothing here writes, but for the peak and rate figures in this thread's own statistics region and the
 * baseline of RESETSTAT; (2) `first[shard]` is segment 0 of the shard, where its control words and database roots lie.
 */

import { readFileSync } from 'node:fs';
import {
  R_AVG_TTL_F64,
  R_COUNT,
  R_FIELDS,
  R_TABLES,
  R_VOLATILE,
  ROOT_WORDS,
} from '../../shard/structures/extendible.js';
import { TABLE_BYTES } from '../../shard/structures/table.js';
import type { Registry } from '../../shared/command/registry.js';
import {
  CTL_ALLOCS_F64,
  CTL_DB_ROOTS,
  CTL_GARBAGE,
  CTL_GARBAGE_VALUES,
  CTL_NEXT_PAGE,
  CTL_SEGMENT_COUNT,
  CTL_USED_BYTES_F64,
} from '../../shared/memory/arena.js';
import { wordIndex } from '../../shared/memory/cell.js';
import { SEGMENT_BYTES, SLAB_PAGE_BYTES } from '../../shared/memory/ptr.js';
import { StatsBlock } from '../../shared/stats/stats-block.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { StatsReader } from '../../shared/stats/stats-reader.js';
import { CONTROL, CONTROL_F64, type ControlBlock, ioThreadId } from '../../shared/sync/control-block.js';

/** The thread whose statistics region serves as the baseline of RESETSTAT: nobody has this id. */
const BASELINE_THREAD_ID = 0;
const PAGE_BYTES = 4096;

export interface ServerViewParts {
  readonly control: ControlBlock;
  /** Of the thread that looks. */
  readonly threadId: number;
  /** Segment 0 of each shard. */
  readonly firstSegments: readonly SharedArrayBuffer[];
  readonly runId: string;
  readonly configFile: string;
  readonly executable: string;
}

export interface KeyspaceFigures {
  readonly keys: number;
  readonly expires: number;
  /** Hashes with fields that expire. */
  readonly timedHashes: number;
  /** Bytes of the dictionary's tables. */
  readonly tableBytes: number;
  /** Running average of the keys' times to live, ms; 0 when none expires. */
  readonly averageTtlMs: number;
}

export interface ShardFigures {
  readonly usedBytes: number;
  readonly segments: number;
  readonly allocations: number;
  readonly keys: number;
}

export class ServerView {
  readonly control: ControlBlock;
  readonly stats: StatsReader;
  readonly runId: string;
  readonly configFile: string;
  readonly executable: string;
  readonly startedAtMs: number;
  private readonly own: StatsBlock;
  private readonly i32: Int32Array[];
  private readonly f64: Float64Array[];
  private lastAtMs = 0;
  private lastCalls = 0;
  private lastInputBytes = 0;
  private lastCycles = 0;
  private lastCycleUsec = 0;
  private lastOutputBytes = 0;
  private lastResidentBytes = 0;

  constructor(parts: ServerViewParts) {
    const control = parts.control;
    this.control = control;
    this.runId = parts.runId;
    this.configFile = parts.configFile;
    this.executable = parts.executable;
    const blockOf = (id: number): StatsBlock => new StatsBlock(control.sab, control.statsOffset(id));
    const blocks: StatsBlock[] = [];
    for (let id = 1; id < control.threads; id++) blocks.push(blockOf(id));
    this.stats = new StatsReader(blocks, blockOf(BASELINE_THREAD_ID));
    this.own = blocks[parts.threadId - 1]!;
    this.i32 = parts.firstSegments.map((sab) => new Int32Array(sab));
    this.f64 = parts.firstSegments.map((sab) => new Float64Array(sab));
    this.startedAtMs = control.f64[CONTROL_F64.startedAtMs] || control.nowMs();
    if (parts.threadId === ioThreadId(0) && this.startupBytes() === 0) {
      this.own.f64[STAT.startupBytes] = this.usedBytes() - this.tableBytes();
    }
  }

  /** Number of databases. */
  get databases(): number {
    return this.control.i32[CONTROL.databases]!;
  }

  get shards(): number {
    return this.i32.length;
  }

  /** Bytes in allocated cells of all shards, exact. Raises the peak. */
  usedBytes(): number {
    let total = 0;
    for (const f64 of this.f64) total += f64[CTL_USED_BYTES_F64]!;
    if (total > this.own.f64[STAT.memoryPeakBytes]!) this.own.f64[STAT.memoryPeakBytes] = total;
    return total;
  }

  /** The highest `usedBytes` that any thread saw. */
  peakBytes(): number {
    return Math.max(this.usedBytes(), this.stats.max(STAT.memoryPeakBytes));
  }

  /** Lists of values and keys that are to be freed later; what is on them is not counted. */
  pendingFrees(): number {
    let lists = 0;
    for (const i32 of this.i32) lists += (i32[CTL_GARBAGE] !== 0 ? 1 : 0) + (i32[CTL_GARBAGE_VALUES] !== 0 ? 1 : 0);
    return lists;
  }

  /** Bytes of the segments that exist; the operating system commits them when they are first touched. */
  segmentBytes(): number {
    let total = 0;
    for (const i32 of this.i32) total += i32[CTL_SEGMENT_COUNT]! * SEGMENT_BYTES;
    return total;
  }

  /** Bytes of the tables of all dictionaries. */
  tableBytes(): number {
    let total = 0;
    for (let db = 0; db < this.databases; db++) total += this.keyspace(db).tableBytes;
    return total;
  }

  /** What lay in the arenas before the first key, tables not counted. */
  startupBytes(): number {
    return this.stats.max(STAT.startupBytes);
  }

  /** Bytes of the arenas' pages that were ever used: about what is resident of them. */
  pageBytes(): number {
    let pages = 0;
    // Page 0 of each segment is its bookkeeping.
    for (const i32 of this.i32) pages += i32[CTL_NEXT_PAGE]! - (i32[CTL_NEXT_PAGE]! >>> 8) - 1;
    return pages * SLAB_PAGE_BYTES;
  }

  /**
   * All bytes in use in the process: cells in the arenas, the heaps of JavaScript, and the program with its libraries
   * and stacks as they were at the start. The rest of the process's memory is fragmentation.
   */
  allocatedBytes(used: number, resident: number): number {
    const runtime = this.stats.max(STAT.runtimeBytes);
    if (runtime === 0) return Math.max(used, resident);
    const allocated = used + runtime + this.stats.sum(STAT.heapTotalBytes);
    // The estimate may be too high for what is there; only data that was swapped out makes more than is resident.
    return allocated > resident ? Math.max(used, resident) : allocated;
  }

  /** Resident bytes of the process. */
  residentBytes(): number {
    try {
      this.lastResidentBytes =
        process.platform === 'linux'
          ? Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]) * PAGE_BYTES
          : process.memoryUsage.rss();
    } catch {
      // No descriptor is left: INFO answers with the figure from before.
    }
    return this.lastResidentBytes;
  }

  /** Keys and the like of database `db`, over all shards. */
  keyspace(db: number): KeyspaceFigures {
    let keys = 0;
    let expires = 0;
    let timedHashes = 0;
    let tables = 0;
    let ttlSum = 0;
    let ttlKeys = 0;
    for (let shard = 0; shard < this.i32.length; shard++) {
      const i32 = this.i32[shard]!;
      const root = rootWord(i32, db);
      if (root === 0) continue;
      keys += i32[root + R_COUNT]!;
      const volatile = i32[root + R_VOLATILE]!;
      expires += volatile;
      const ttl = this.f64[shard]![(root + R_AVG_TTL_F64) >> 1]!;
      if (ttl > 0) {
        ttlSum += ttl * volatile;
        ttlKeys += volatile;
      }
      timedHashes += i32[root + R_FIELDS]!;
      tables += i32[root + R_TABLES]!;
    }
    const averageTtlMs = ttlKeys === 0 ? 0 : Math.floor(ttlSum / ttlKeys);
    return { keys, expires, timedHashes, tableBytes: tables * TABLE_BYTES, averageTtlMs };
  }

  shard(shard: number): ShardFigures {
    const i32 = this.i32[shard]!;
    const f64 = this.f64[shard]!;
    let keys = 0;
    for (let db = 0; db < this.databases; db++) {
      const root = rootWord(i32, db);
      if (root !== 0) keys += i32[root + R_COUNT]!;
    }
    return {
      usedBytes: f64[CTL_USED_BYTES_F64]!,
      segments: i32[CTL_SEGMENT_COUNT]!,
      allocations: f64[CTL_ALLOCS_F64]!,
      keys,
    };
  }

  /** Whether all threads that have begun have told about their heaps. */
  private everyThreadTicked(): boolean {
    return this.stats.blocks.every(({ f64 }) => f64[STAT.kind] === 0 || f64[STAT.heapTotalBytes]! > 0);
  }

  /**
   * Works out the figures per second since the last call and the memory peak; I/O thread 0 calls it about once a
   * second.
   */
  sample(nowMs: number, registry: Registry): void {
    const calls = this.stats.callsOfAll(registry.count, registry.internal);
    const inputBytes = this.stats.sum(STAT.netInputBytes);
    const outputBytes = this.stats.sum(STAT.netOutputBytes);
    const cycles = this.stats.sum(STAT.eventloopCycles);
    const cycleUsec = this.stats.sum(STAT.eventloopUsec);
    const seconds = (nowMs - this.lastAtMs) / 1000;
    const own = this.own.f64;
    if (this.lastAtMs > 0 && seconds > 0) {
      // After RESETSTAT the sums are smaller than before: that once, the rate is 0.
      own[STAT.opsPerSec] = Math.max(0, calls - this.lastCalls) / seconds;
      own[STAT.inputBytesPerSec] = Math.max(0, inputBytes - this.lastInputBytes) / seconds;
      own[STAT.outputBytesPerSec] = Math.max(0, outputBytes - this.lastOutputBytes) / seconds;
      const turns = Math.max(0, cycles - this.lastCycles);
      own[STAT.cyclesPerSec] = turns / seconds;
      own[STAT.usecPerCycle] = turns === 0 ? 0 : Math.max(0, cycleUsec - this.lastCycleUsec) / turns;
    }
    this.lastCycles = cycles;
    this.lastCycleUsec = cycleUsec;
    this.lastAtMs = nowMs;
    this.lastCalls = calls;
    this.lastInputBytes = inputBytes;
    this.lastOutputBytes = outputBytes;
    // Notes the peak.
    this.usedBytes();
    if (this.stats.max(STAT.runtimeBytes) === 0 && this.everyThreadTicked()) {
      // The pages that were ever used, not the cells in them: data may have come and gone before the first sample.
      const others = this.residentBytes() - this.pageBytes() - this.stats.sum(STAT.heapTotalBytes);
      own[STAT.runtimeBytes] = Math.max(1, others);
    }
  }
}

/** Word of the root of database `db` in segment 0; 0 while the shard has none. */
function rootWord(i32: Int32Array, db: number): number {
  const roots = i32[CTL_DB_ROOTS]!;
  return roots === 0 ? 0 : wordIndex(roots) + db * ROOT_WORDS;
}
