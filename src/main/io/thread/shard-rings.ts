/**
 * The rings between an I/O thread and the shards, as the I/O thread sees them. Requests are written at any time and
 * published together: one publish and at most one ring of the bell for each shard and turn of the event loop.
 *
 * Invariant: code that writes a request calls `written` in the same turn, so that it is published at its end.
 */
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { Doorbell } from '../../../shared/sync/doorbell.js';
import type { RingConsumer, RingProducer } from '../../../shared/sync/ring.js';

/** Requests for shards are published at the end of a turn of the event loop, or when there are this many. */
const PUBLISH_COMMANDS = 256;

export class ShardRings {
  /** By shard. */
  readonly requests: readonly RingProducer[];
  readonly replies: readonly RingConsumer[];
  readonly bells: readonly Doorbell[];
  private readonly stats: StatsBlock;
  private readonly unpublished: Uint8Array;
  /** Requests written into rings and not yet published. */
  private unpublishedCommands = 0;

  constructor(
    requests: readonly RingProducer[],
    replies: readonly RingConsumer[],
    bells: readonly Doorbell[],
    stats: StatsBlock,
  ) {
    this.requests = requests;
    this.replies = replies;
    this.bells = bells;
    this.stats = stats;
    this.unpublished = new Uint8Array(requests.length);
  }

  /** A request was written into the ring of `shard`; it is published at the end of the turn. */
  written(shard: number): void {
    this.unpublished[shard] = 1;
    this.unpublishedCommands++;
    this.stats.f64[STAT.ringCommands]! += 1;
  }

  /** Whether there are requests to publish, but fewer than `limit`. */
  hasFewerThan(limit: number): boolean {
    return this.unpublishedCommands > 0 && this.unpublishedCommands < limit;
  }

  /** Publishes requests when there are so many that they should not wait for the end of the turn. */
  publishMany(): void {
    if (this.unpublishedCommands >= PUBLISH_COMMANDS) this.publish();
  }

  /** Publishes all requests that were written, and wakes their shards. */
  publish(): void {
    if (this.unpublishedCommands === 0) return;
    this.unpublishedCommands = 0;
    const { unpublished } = this;
    for (let shard = 0; shard < unpublished.length; shard++) {
      if (unpublished[shard] === 0) continue;
      unpublished[shard] = 0;
      if (this.requests[shard]!.publish()) this.bells[shard]!.ring();
    }
    this.stats.f64[STAT.ringBatches]! += 1;
  }

  /** Whether a shard has written something that was not read yet. */
  hasReplies(): boolean {
    for (let shard = 0; shard < this.replies.length; shard++) if (this.replies[shard]!.hasWork()) return true;
    return false;
  }

  /** Gives back what belonged to requests that the shards have read. Once a second. */
  forgetReleased(): void {
    for (let shard = 0; shard < this.requests.length; shard++) this.requests[shard]!.forgetReleased();
  }
}
