/**
 * The leases of the shards, as the main thread sees them: what the holder's death leaves of a shard is judged and, if
 * it is sound, the lease broken. Main thread.
 *
 * A thread that dies while it changes memory (THREAD.writing) may leave half a change: a cell that is on a list and not
 * in use, a count that is one too many. So the shards whose leases it held are checked before anybody gets in. Sound:
 * they go on, and what the interrupted command had done by then is kept. A cell that cannot be reached any more is lost
 * memory, and does no other harm. Anything else would spread: the server must stop.
 */
import { recountWatched } from '../../shard/blocking/watch.js';
import { fsckShard } from '../../shard/check/fsck.js';
import { openDatabases } from '../../shard/keyspace/databases.js';
import { TYPES } from '../../shard/types/table.js';
import { Arena, CHECKING, CTL_LEASE, CTL_NEXT_PAGE, CTL_SEGMENT_COUNT } from '../../shared/memory/arena.js';
import { restampPages } from '../../shared/memory/store-check.js';
import { type ControlBlock, THREAD } from '../../shared/sync/control-block.js';
import type { LogLevel } from '../../shared/sync/control-messages.js';
import { Lease } from '../../shared/sync/lease.js';
import type { SegmentExchange } from '../../shared/sync/segment-exchange.js';

/** What a dead thread has left. */
export interface Estate {
  /** It held some lease. */
  held: boolean;
  /** Why the server must stop; null: it can go on. */
  torn: string | null;
}

type Log = (level: LogLevel, message: string) => void;

export class ShardLeases {
  private readonly exchange: Pick<SegmentExchange, 'find'>;
  private readonly block: ControlBlock;
  private readonly shards: number;

  constructor(exchange: Pick<SegmentExchange, 'find'>, block: ControlBlock) {
    this.exchange = exchange;
    this.block = block;
    this.shards = block.shards;
  }

  /** Control words of a shard (src/shared/memory/arena.ts). */
  words(shard: number): Int32Array {
    return new Int32Array(this.exchange.find(shard, 0)!);
  }

  lease(shard: number): Lease {
    return new Lease(this.words(shard), CTL_LEASE);
  }

  /** Frees the leases of a dead thread whose shards are sound, and wakes the threads that wait for them. */
  breakOf(threadId: number, log: Log): Estate {
    const word = this.block.threadWord(threadId) + THREAD.writing;
    const writing = this.block.i32[word] !== 0;
    this.block.i32[word] = 0;
    const estate: Estate = { held: false, torn: null };
    for (let s = 0; s < this.shards; s++) {
      const lease = this.lease(s);
      // Under the dead thread's lease: no other thread can be in the shard meanwhile.
      if (lease.holder() === threadId) {
        estate.held = true;
        if (CHECKING) this.restamp(s);
        const torn = writing ? this.check(s, log) : null;
        if (torn !== null) {
          estate.torn = torn;
          continue;
        }
        lease.breakIfHeldBy(threadId);
        const what = writing ? 'in the middle of a change; its memory is sound' : 'before it changed anything';
        log(writing ? 'warning' : 'notice', `the lease of shard ${s} was broken: its holder died ${what}`);
      }
      lease.wakeAll();
    }
    return estate;
  }

  /** What is wrong with a shard, null for nothing that could do harm. */
  private check(shard: number, log: Log): string | null {
    let findings: string[];
    try {
      const find = (index: number): SharedArrayBuffer => this.exchange.find(shard, index)!;
      const arena = new Arena(shard, find(0), {
        allocate: () => {
          throw new Error('a check allocates nothing');
        },
        attach: (_shard, index) => find(index),
      });
      findings = fsckShard(arena, openDatabases(arena, TYPES));
      if (findings.every(isLoss)) recountWatched(this.block, arena);
    } catch (error) {
      findings = [error instanceof Error ? error.message : String(error)];
    }
    const harmful = findings.filter((finding) => !isLoss(finding));
    if (findings.length > harmful.length) log('warning', `shard ${shard} has lost some memory: ${findings[0]}`);
    return harmful.length === 0 ? null : `shard ${shard}: ${harmful[0]}`;
  }

  /** Checking mode: the check of stores takes what the dead thread left for granted. */
  private restamp(shard: number): void {
    const words = this.words(shard);
    const segments: Int32Array[] = [];
    for (let i = 0; i < words[CTL_SEGMENT_COUNT]!; i++) segments.push(new Int32Array(this.exchange.find(shard, i)!));
    restampPages(segments, words[CTL_NEXT_PAGE]!);
  }
}

/**
 * Whether a finding of fsck only says that cells in use cannot be reached, that their bytes were miscounted, or that a
 * request will outlive its waiters.
 */
export function isLoss(finding: string): boolean {
  const page = /^page \d+ \(class \d+\): used (\d+), reached (\d+)$/.exec(finding);
  if (page !== null) return Number(page[2]) < Number(page[1]);
  const request = /^blocked clients: request at \d+: (\d+) waiters, (\d+) counted$/.exec(finding);
  if (request !== null) return Number(request[1]) < Number(request[2]);
  return /^used bytes \d+, reached \d+$|^page \d+ is lost$/.test(finding);
}
