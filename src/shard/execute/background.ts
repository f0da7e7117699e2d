/**
 * Background: what a shard's thread does between commands, in bounded slices under the shard's lease: active expiry;
 * freeing values that FLUSHALL ASYNC, UNLINK and the like have deleted; freeing big values that have been sent.
 */

import { monotonicMs } from '../../shared/clock.js';
import { invariant } from '../../shared/errors/invariant.js';
import { CTL_PIN_COUNT } from '../../shared/memory/arena.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import type { ExecContext } from '../context/context.js';
import { activeExpire } from '../keyspace/active-expiry.js';
import { freeGarbage } from '../keyspace/flush.js';
import { sampleTtl } from '../keyspace/ttl-sample.js';
import { freedLater } from '../structures/garbage.js';
import { sweepPins } from '../structures/pinned-blob.js';

/** Longest slice under the lease, microseconds. */
const SLICE_US = 200;
/** Times to live are sampled at most this often. */
const SAMPLE_EVERY_MS = 90;

export class Background {
  private readonly ctx: ExecContext;
  /** When times to live are looked at next, ms of monotonicMs. */
  private sampleAtMs = 0;

  /** `ctx`: a context of its own, with its own set of leases. */
  constructor(ctx: ExecContext) {
    this.ctx = ctx;
  }

  /**
   * Works on `shard` for about `budgetUs`; returns whether there is more work to do at once. @requires this thread
   * holds no lease
   */
  run(shard: number, budgetUs: number): boolean {
    invariant(this.ctx.leases.count === 0, 'this thread holds no lease');
    const ctx = this.ctx;
    const end = monotonicMs() + budgetUs / 1000;
    let more = true;
    while (more && monotonicMs() < end) {
      ctx.leases.takeShard(shard);
      const writing = ctx.beginWriting();
      try {
        ctx.refresh();
        ctx.useShard(shard);
        if (ctx.arena.ctl[CTL_PIN_COUNT] !== 0) sweepPins(ctx.arena);
        if (monotonicMs() >= this.sampleAtMs) {
          this.sampleAtMs = monotonicMs() + SAMPLE_EVERY_MS;
          sampleTtl(ctx);
        }
        const due = activeExpire(ctx, SLICE_US);
        const garbage = freeGarbage(ctx.arena, ctx.keyspace.types, SLICE_US);
        more = due || garbage;
        if (freedLater.values !== 0) {
          ctx.stats.f64[STAT.lazyFreed]! += freedLater.values;
          freedLater.values = 0;
        }
      } finally {
        ctx.endWriting(writing);
        ctx.leases.giveAll();
      }
    }
    return more;
  }
}
