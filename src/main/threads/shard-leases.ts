/**
 * The leases of the shards, as the main thread sees them: it breaks those of dead threads. Main thread.
 */
import { CHECKING, CTL_LEASE, CTL_NEXT_PAGE, CTL_SEGMENT_COUNT, CTL_WRITING } from '../../shared/memory/arena.js';
import { restampPages } from '../../shared/memory/store-check.js';
import type { LogLevel } from '../../shared/sync/control-messages.js';
import { Lease } from '../../shared/sync/lease.js';
import type { SegmentExchange } from '../../shared/sync/segment-exchange.js';

export class ShardLeases {
  private readonly exchange: Pick<SegmentExchange, 'find'>;
  private readonly shards: number;

  constructor(exchange: Pick<SegmentExchange, 'find'>, shards: number) {
    this.exchange = exchange;
    this.shards = shards;
  }

  /** Control words of a shard (src/shared/memory/arena.ts). */
  words(shard: number): Int32Array {
    return new Int32Array(this.exchange.find(shard, 0)!);
  }

  lease(shard: number): Lease {
    return new Lease(this.words(shard), CTL_LEASE);
  }

  /** Frees the leases of a dead thread; returns whether there were any. */
  breakOf(threadId: number, log: (level: LogLevel, message: string) => void): boolean {
    let held = false;
    for (let s = 0; s < this.shards; s++) {
      const words = this.words(s);
      // Still under the lease: nobody else can be in between.
      const writing = words[CTL_WRITING] === threadId;
      if (writing) words[CTL_WRITING] = 0;
      if (CHECKING && this.lease(s).holder() === threadId) this.restamp(s);
      if (!this.lease(s).breakIfHeldBy(threadId)) continue;
      held = true;
      const what = writing ? 'in the middle of a change; its memory may be damaged' : 'before it changed anything';
      log(writing ? 'warning' : 'notice', `the lease of shard ${s} was broken: its holder died ${what}`);
    }
    return held;
  }

  /** Checking mode: the check of stores takes what the dead thread left for granted. */
  private restamp(shard: number): void {
    const words = this.words(shard);
    const segments: Int32Array[] = [];
    for (let i = 0; i < words[CTL_SEGMENT_COUNT]!; i++) segments.push(new Int32Array(this.exchange.find(shard, i)!));
    restampPages(segments, words[CTL_NEXT_PAGE]!);
  }
}
