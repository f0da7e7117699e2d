/**
 * How memory segments reach every thread: implements the arena's SegmentProvider.
 *
 * The thread that allocates a segment announces the segment on the server's BroadcastChannel, and only then publishes
 * the shard's segment count. A thread that meets an unknown index drains the channel synchronously. If a thread was
 * started after the announcement, its channel does not have the segment. So a new thread asks the main thread, which
 * collects all announcements, before it serves and while it holds no lease (`prefetch`). Later announcements arrive in
 * the new thread's own channel. If the main thread is busy for long, a new thread begins late; threads that run already
 * are not held up.
 *
 * Invariants: (1) announced before published, so a thread that sees the count finds the segment here or at the main
 * thread; (2) the last announcement of an index wins: an earlier announcement came from a thread that died before it
 * published the count.
 */
import { BroadcastChannel, receiveMessageOnPort } from 'node:worker_threads';
import type { SegmentProvider } from '../memory/arena.js';
import { SEGMENT_BYTES } from '../memory/ptr.js';

interface Announcement {
  readonly shard: number;
  readonly index: number;
  readonly sab: SharedArrayBuffer;
}

/** Asks the main thread for a segment; blocks; null when it does not know it either. */
export type AskForSegment = (shard: number, index: number) => SharedArrayBuffer | null;

export class SegmentExchange implements SegmentProvider {
  private readonly channel: BroadcastChannel;
  /** [shard][index] */
  private readonly segments: SharedArrayBuffer[][];
  private readonly ask: AskForSegment | null;

  /**
   * `channelName`: one per server. `known`: segments by shard and index, at least index 0 of each shard.
   * `ask`: null on the main thread.
   */
  constructor(channelName: string, known: readonly (readonly SharedArrayBuffer[])[], ask: AskForSegment | null) {
    this.segments = known.map((list) => list.slice());
    this.ask = ask;
    this.channel = new BroadcastChannel(channelName);
    // Node's class has unref(), its older type descriptions do not.
    (this.channel as unknown as { unref?: () => void }).unref?.();
  }

  /** Main thread: takes announcements as they come, so that its queue stays short. */
  collect(): void {
    this.channel.onmessage = (event): void => this.take((event as { data: Announcement }).data);
    (this.channel as unknown as { unref?: () => void }).unref?.();
  }

  allocate(shard: number, index: number): SharedArrayBuffer {
    const sab = new SharedArrayBuffer(SEGMENT_BYTES);
    this.take({ shard, index, sab });
    this.channel.postMessage({ shard, index, sab } satisfies Announcement);
    return sab;
  }

  attach(shard: number, index: number): SharedArrayBuffer {
    this.drain();
    const known = this.segments[shard]?.[index];
    if (known !== undefined) return known;
    const sab = this.ask === null ? null : this.ask(shard, index);
    if (sab === null) throw new Error(`segment ${index} of shard ${shard} is nowhere`);
    this.take({ shard, index, sab });
    return sab;
  }

  /**
   * Fetches whatever was announced before this thread listened. Once, when the thread starts. @requires no lease held
   */
  prefetch(): void {
    const { ask } = this;
    if (ask === null) return;
    this.drain();
    for (let shard = 0; shard < this.segments.length; shard++) {
      const list = this.segments[shard]!;
      // The first segment that is still unknown everywhere will be announced to this thread, too.
      for (let index = 0; ; index++) {
        if (list[index] !== undefined) continue;
        const sab = ask(shard, index);
        if (sab === null) break;
        list[index] = sab;
      }
    }
  }

  /** A segment that was announced, or null. */
  find(shard: number, index: number): SharedArrayBuffer | null {
    this.drain();
    return this.segments[shard]?.[index] ?? null;
  }

  /** All segments known now, for a thread that starts. */
  snapshot(): SharedArrayBuffer[][] {
    this.drain();
    return this.segments.map((list) => list.slice());
  }

  close(): void {
    this.channel.close();
  }

  private drain(): void {
    for (;;) {
      const got = receiveMessageOnPort(this.channel as unknown as Parameters<typeof receiveMessageOnPort>[0]);
      if (got === undefined) return;
      this.take(got.message as Announcement);
    }
  }

  private take(announcement: Announcement): void {
    const list = (this.segments[announcement.shard] ??= []);
    list[announcement.index] = announcement.sab;
  }
}
