/**
 * A thread's own statistics: counters in shared memory at the cost of one add each. See stats-layout.ts for the bytes.
 * The data plane adds through `f64` directly (`block.f64[STAT.keyspaceHits]! += 1`) or the small methods below.
 */
import { strict as assert } from 'node:assert';
import { getHeapStatistics } from 'node:v8';
import { COMMAND_IDS_MAX, STATS_BYTES } from '../limits.js';
import {
  CMD_CALLS,
  CMD_FAILED,
  CMD_REJECTED,
  CMD_USEC,
  COMMAND_CELL,
  COMMANDS_AT,
  ERROR_CELL,
  ERROR_COUNT,
  ERROR_PREFIX_BYTES,
  ERRORS_AT,
  LATENCY_AT,
  LATENCY_BUCKETS,
  STAT,
  STATS_ERRORS_MAX,
} from './stats-layout.js';

export class StatsBlock {
  /** All figures, indexed by STAT and the layout constants. */
  readonly f64: Float64Array;
  /** The same bytes, for latency counts. */
  readonly u32: Uint32Array;
  /** The same bytes, for error prefixes. */
  readonly u8: Uint8Array;

  /** @requires `byteOffset` a multiple of 8 with STATS_BYTES behind it. */
  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    assert(byteOffset % 8 === 0 && byteOffset + STATS_BYTES <= buffer.byteLength, 'stats region');
    this.f64 = new Float64Array(buffer, byteOffset, STATS_BYTES / 8);
    this.u32 = new Uint32Array(buffer, byteOffset, STATS_BYTES / 4);
    this.u8 = new Uint8Array(buffer, byteOffset, STATS_BYTES);
  }

  /** Names the thread (THREAD_*); once, by the thread itself, at its start. */
  identify(kind: number, index: number, nowMs: number): void {
    this.f64[STAT.kind] = kind;
    this.f64[STAT.index] = index;
    this.f64[STAT.startedAtMs] = nowMs;
  }

  /** One more call of command `id`. hot */
  call(id: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_CALLS]! += 1;
  }

  /** Takes back a call that is going to be made again elsewhere. */
  uncall(id: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_CALLS]! -= 1;
  }

  /** Adds the time that a call took to its command's total and histogram. `usec` is microseconds, fractions allowed. */
  time(id: number, usec: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_USEC]! += usec;
    this.u32[LATENCY_AT + id * LATENCY_BUCKETS + latencyBucket(usec)]! += 1;
  }

  /** As `time`, for `calls` calls that took `usec` altogether (a batch measured once). */
  timeBatch(id: number, usec: number, calls: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_USEC]! += usec;
    this.u32[LATENCY_AT + id * LATENCY_BUCKETS + latencyBucket(usec / calls)]! += calls;
  }

  /** A call refused before it ran (arity, memory, permission). */
  reject(id: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_REJECTED]! += 1;
  }

  /** A call that ran and answered with an error. */
  fail(id: number): void {
    this.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_FAILED]! += 1;
  }

  /**
   * Counts an error reply under its prefix: `u8[off]` is the reply's `-`, the prefix ends at a space or line end.
   * Beyond STATS_ERRORS_MAX different prefixes only the total grows.
   */
  error(u8: Uint8Array, off: number): void {
    this.f64[STAT.errorReplies]! += 1;
    let len = 0;
    const start = off + 1;
    while (len < ERROR_PREFIX_BYTES && start + len < u8.length) {
      const c = u8[start + len]!;
      if (c === 32 || c === 13 || c === 10) break;
      len++;
    }
    if (len === 0) return;
    for (let slot = 0; slot < STATS_ERRORS_MAX; slot++) {
      const base = (ERRORS_AT + slot * ERROR_CELL) * 8;
      if (this.u8[base] === 0) {
        for (let k = 0; k < len; k++) this.u8[base + k] = u8[start + k]!;
      } else if (!samePrefix(this.u8, base, u8, start, len)) continue;
      this.f64[ERRORS_AT + slot * ERROR_CELL + ERROR_COUNT]! += 1;
      return;
    }
    this.f64[STAT.unknownErrorPrefixes]! += 1;
  }

  /** Publishes this thread's V8 heap figures and the time; about once a second. */
  tick(nowMs: number): void {
    // `process.memoryUsage()` would open a file, and throw where no descriptor is left.
    const heap = getHeapStatistics();
    this.f64[STAT.heapUsedBytes] = heap.used_heap_size;
    this.f64[STAT.heapTotalBytes] = heap.total_heap_size;
    this.f64[STAT.externalBytes] = heap.external_memory;
    this.f64[STAT.tickAtMs] = nowMs;
  }
}

/** The histogram bucket of a duration: the least k with usec <= 2^k, the last one for all beyond. */
export function latencyBucket(usec: number): number {
  if (usec <= 1) return 0;
  const bucket = 32 - Math.clz32(Math.ceil(usec) - 1);
  return usec >= 0x80000000 || bucket >= LATENCY_BUCKETS ? LATENCY_BUCKETS - 1 : bucket;
}

function samePrefix(table: Uint8Array, base: number, u8: Uint8Array, start: number, len: number): boolean {
  for (let k = 0; k < len; k++) if (table[base + k] !== u8[start + k]) return false;
  return len === ERROR_PREFIX_BYTES || table[base + len] === 0;
}

// The regions fit one behind the other.
assert(ERRORS_AT + STATS_ERRORS_MAX * ERROR_CELL === COMMANDS_AT);
assert((COMMANDS_AT + COMMAND_IDS_MAX * COMMAND_CELL) * 2 === LATENCY_AT);
assert((LATENCY_AT + COMMAND_IDS_MAX * LATENCY_BUCKETS) * 4 === STATS_BYTES);
