/**
 * What is known of memory, for INFO memory and MEMORY STATS. "Allocated" is what lies in arena cells, exact;
 * "active" are the segments' pages that the allocator uses; "resident" is the process.
 */
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { ServerView } from './server-view.js';

export interface MemoryFigures {
  readonly used: number;
  readonly peak: number;
  readonly resident: number;
  /** Tables of the dictionaries: the part of `used` that holds no data. */
  readonly tableBytes: number;
  /** Buffers of clients, on the heaps of the I/O threads. */
  readonly clientBytes: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly overhead: number;
  readonly dataset: number;
  readonly keys: number;
  readonly segmentBytes: number;
}

/** Gathers the figures; a few system calls and sums over the databases. */
export function memoryFigures(view: ServerView): MemoryFigures {
  const used = view.usedBytes();
  let tableBytes = 0;
  let keys = 0;
  for (let db = 0; db < view.databases; db++) {
    const figures = view.keyspace(db);
    tableBytes += figures.tableBytes;
    keys += figures.keys;
  }
  const clientBytes = view.stats.sum(STAT.clientsInputBytes) + view.stats.sum(STAT.clientsOutputBytes);
  const overhead = Math.min(tableBytes, used);
  return {
    used,
    peak: view.peakBytes(),
    resident: view.residentBytes(),
    tableBytes,
    clientBytes,
    heapUsed: view.stats.sum(STAT.heapUsedBytes),
    heapTotal: view.stats.sum(STAT.heapTotalBytes),
    overhead,
    dataset: used - overhead,
    keys,
    segmentBytes: view.segmentBytes(),
  };
}
