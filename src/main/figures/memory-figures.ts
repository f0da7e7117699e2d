/**
 * What is known of memory, for INFO memory and MEMORY STATS.
 *
 *     used       what lies in cells of the arenas, exact: keys, values and their tables; what `maxmemory` limits
 *     allocated  that, the heaps of JavaScript, and the program itself: some 90 MB without any data
 *     active     the same with the whole pages of the arenas
 *     resident   the process
 *
 * Redis's ratios compare what is resident with what was allocated. They are made from `allocated` here, so that the
 * fixed memory of the runtime is no fragmentation: an empty server has 1, and one that lost most of its data has more.
 */
import { STAT } from '../../shared/stats/stats-layout.js';
import type { ServerView } from './server-view.js';

export interface MemoryFigures {
  readonly used: number;
  readonly peak: number;
  readonly resident: number;
  /** Tables of the dictionaries. */
  readonly tableBytes: number;
  /** What clients take on the heaps of the I/O threads, and the part of it that is buffers. */
  readonly clientBytes: number;
  readonly clientBufferBytes: number;
  /** The part of `used` that is there without any key. */
  readonly startup: number;
  /** In use in the whole process. */
  readonly allocated: number;
  /** The same, with the pages of the arenas that hold it. */
  readonly active: number;
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
  const startup = Math.min(view.startupBytes(), used);
  const overhead = Math.min(startup + tableBytes, used);
  const resident = view.residentBytes();
  const allocated = view.allocatedBytes(used, resident);
  return {
    used,
    peak: view.peakBytes(),
    resident,
    startup,
    allocated,
    active: Math.max(allocated, Math.min(resident, allocated + view.pageBytes() - used)),
    tableBytes,
    clientBytes: view.stats.sum(STAT.clientsMemoryBytes),
    clientBufferBytes: view.stats.sum(STAT.clientsInputBytes) + view.stats.sum(STAT.clientsOutputBytes),
    heapUsed: view.stats.sum(STAT.heapUsedBytes),
    heapTotal: view.stats.sum(STAT.heapTotalBytes),
    overhead,
    dataset: used - overhead,
    keys,
    segmentBytes: view.segmentBytes(),
  };
}
