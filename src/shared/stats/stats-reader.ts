/**
 * Sums over the statistics of all threads, for INFO and its kin. Reads shared memory only: asks no other thread.
 * Cold paths: it allocates.
 *
 * CONFIG RESETSTAT touches no thread's figures: the present sums are copied into a region of their own, the baseline,
 * and every later reading subtracts the baseline. So the reset is exact at once, and each counter keeps its single
 * writer.
 *
 * Invariants: (1) counters only grow; (2) two RESETSTATs at the same moment on two threads write nearly the same sums.
 */
import { COMMAND_IDS_MAX } from '../limits.js';
import type { StatsBlock } from './stats-block.js';
import {
  CMD_CALLS,
  CMD_FAILED,
  CMD_REJECTED,
  CMD_USEC,
  COMMAND_CELL,
  COMMANDS_AT,
  COUNTERS_AT,
  ERROR_CELL,
  ERROR_COUNT,
  ERROR_PREFIX_BYTES,
  ERRORS_AT,
  LATENCY_AT,
  LATENCY_BUCKETS,
  STATS_ERRORS_MAX,
} from './stats-layout.js';

export interface CommandTotals {
  readonly calls: number;
  readonly usec: number;
  readonly rejected: number;
  readonly failed: number;
}

export class StatsReader {
  /** Every thread's block. */
  readonly blocks: readonly StatsBlock[];
  readonly baseline: StatsBlock;

  constructor(blocks: readonly StatsBlock[], baseline: StatsBlock) {
    this.blocks = blocks;
    this.baseline = baseline;
  }

  /** CONFIG RESETSTAT: counters, commands, histograms and errors count from here on; states stay. */
  reset(): void {
    const { f64, u32, u8 } = this.baseline;
    for (let i = COUNTERS_AT; i < ERRORS_AT; i++) f64[i] = this.rawSum(i);
    const end = COMMANDS_AT + COMMAND_IDS_MAX * COMMAND_CELL;
    for (let i = COMMANDS_AT; i < end; i++) f64[i] = this.rawSum(i);
    for (let i = LATENCY_AT; i < u32.length; i++) {
      let total = 0;
      for (const block of this.blocks) total += block.u32[i]!;
      u32[i] = total;
    }
    const errors = [...this.rawErrors()];
    f64.fill(0, ERRORS_AT, COMMANDS_AT);
    for (let slot = 0; slot < Math.min(errors.length, STATS_ERRORS_MAX); slot++) {
      const [prefix, count] = errors[slot]!;
      const cell = ERRORS_AT + slot * ERROR_CELL;
      for (let k = 0; k < prefix.length; k++) u8[cell * 8 + k] = prefix.charCodeAt(k);
      f64[cell + ERROR_COUNT] = count;
    }
  }

  private rawSum(index: number): number {
    let total = 0;
    for (const block of this.blocks) total += block.f64[index]!;
    return total;
  }

  /** The sum of one figure (a STAT index) over all threads. */
  sum(stat: number): number {
    let total = stat >= COUNTERS_AT ? -this.baseline.f64[stat]! : 0;
    for (const block of this.blocks) total += block.f64[stat]!;
    return total;
  }

  /** The greatest value of one figure over all threads. */
  max(stat: number): number {
    let max = 0;
    for (const block of this.blocks) max = Math.max(max, block.f64[stat]!);
    return max;
  }

  /** Calls, microseconds, refusals and failures of command `id`. */
  command(id: number): CommandTotals {
    const at = COMMANDS_AT + id * COMMAND_CELL;
    const base = this.baseline.f64;
    let calls = -base[at + CMD_CALLS]!;
    let usec = -base[at + CMD_USEC]!;
    let rejected = -base[at + CMD_REJECTED]!;
    let failed = -base[at + CMD_FAILED]!;
    for (const block of this.blocks) {
      calls += block.f64[at + CMD_CALLS]!;
      usec += block.f64[at + CMD_USEC]!;
      rejected += block.f64[at + CMD_REJECTED]!;
      failed += block.f64[at + CMD_FAILED]!;
    }
    return { calls, usec, rejected, failed };
  }

  /** Calls of the commands with ids below `count`, without those of the ids in `except`. */
  callsOfAll(count: number, except: readonly number[] = []): number {
    let total = 0;
    for (const id of except) total -= this.command(id).calls;
    for (let id = 0; id < count; id++) total -= this.baseline.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_CALLS]!;
    for (const block of this.blocks) {
      for (let id = 0; id < count; id++) total += block.f64[COMMANDS_AT + id * COMMAND_CELL + CMD_CALLS]!;
    }
    return total;
  }

  /** Microseconds that the commands with ids below `count` took. */
  usecOfAll(count: number): number {
    let total = 0;
    for (let id = 0; id < count; id++) total += this.command(id).usec;
    return total;
  }

  /** The latency histogram of command `id`: counts by bucket (at most 2^k microseconds). */
  latency(id: number): number[] {
    const counts: number[] = [];
    for (let k = 0; k < LATENCY_BUCKETS; k++) counts.push(-this.baseline.u32[LATENCY_AT + id * LATENCY_BUCKETS + k]!);
    for (const block of this.blocks) {
      for (let k = 0; k < LATENCY_BUCKETS; k++) counts[k]! += block.u32[LATENCY_AT + id * LATENCY_BUCKETS + k]!;
    }
    return counts;
  }

  /** As `latency`, CONFIG RESETSTAT not considered. */
  latencyEver(id: number): number[] {
    const counts = this.latency(id);
    for (let k = 0; k < LATENCY_BUCKETS; k++) counts[k]! += this.baseline.u32[LATENCY_AT + id * LATENCY_BUCKETS + k]!;
    return counts;
  }

  /** Error replies by prefix, in alphabetical order. */
  errors(): readonly (readonly [prefix: string, count: number])[] {
    const byPrefix = this.rawErrors();
    addErrors(this.baseline, byPrefix, -1);
    return [...byPrefix].filter((e) => e[1] > 0).sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  private rawErrors(): Map<string, number> {
    const byPrefix = new Map<string, number>();
    for (const block of this.blocks) addErrors(block, byPrefix, 1);
    return byPrefix;
  }
}

function addErrors(block: StatsBlock, byPrefix: Map<string, number>, sign: number): void {
  for (let slot = 0; slot < STATS_ERRORS_MAX; slot++) {
    const cell = ERRORS_AT + slot * ERROR_CELL;
    const count = block.f64[cell + ERROR_COUNT]!;
    if (count === 0) continue;
    const bytes = block.u8.slice(cell * 8, cell * 8 + ERROR_PREFIX_BYTES);
    const end = bytes.indexOf(0);
    const prefix = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
    byPrefix.set(prefix, (byPrefix.get(prefix) ?? 0) + sign * count);
  }
}
