/**
 * LateMessages: messages that are compared with so many patterns that the work is done in slices (../slices.ts). While
 * one message is under way, all later messages wait behind it, so that every client gets the messages in order.
 *
 *     deliver -> the slice is over -> late: the patterns left -> slice, slice ... -> `done` tells the publisher
 *     deliver -> something is late -> late: all of it
 *
 * A client that publishes waits until its message has been delivered, so each client adds at most one message. Shards
 * and other I/O threads may add more: if more than BYTES_MAX bytes wait, all commands that may publish wait
 * (PAUSE_CONGESTED).
 *
 * Invariant: the first of the queue is under way exactly while the queue is not empty, a slice being scheduled.
 */

import { monotonicMs } from '../../../shared/clock.js';
import { invariant } from '../../../shared/errors/invariant.js';
import { SLICE_MS } from '../session/slices.js';
import type { Channel } from './channel.js';

/** So many bytes wait at most before publishers do. */
const BYTES_MAX = 16 * 1024 * 1024;
/** The clock is read once for this many patterns (a power of two). */
export const PATTERNS_PER_LOOK = 64;

export interface LateMessage {
  readonly kind: number;
  /** Of its own. */
  readonly channel: Uint8Array;
  readonly message: Uint8Array;
  /** The patterns that it is compared with from `next` on; null: it was not begun. */
  patterns: readonly Channel[] | null;
  next: number;
  /** Clients that got it so far. */
  count: number;
  done: ((count: number) => void) | null;
}

/** Goes on with a message until it is delivered (true), or the time (of monotonicMs) is over. */
export type Deliverer = (late: LateMessage, endMs: number) => boolean;

export class LateMessages {
  private readonly deliverer: Deliverer;
  private readonly drained: () => void;
  private queue: LateMessage[] = [];
  private first = 0;
  private bytes = 0;

  /** `drained`: nothing is late any more. */
  constructor(deliverer: Deliverer, drained: () => void) {
    this.deliverer = deliverer;
    this.drained = drained;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  /** Too many bytes wait: commands that publish must wait. */
  get isCongested(): boolean {
    return this.bytes > BYTES_MAX;
  }

  add(late: LateMessage): void {
    this.bytes += late.channel.length + late.message.length;
    this.queue.push(late);
    if (this.queue.length === 1) setImmediate(this.slice);
  }

  /** Has the last message's publisher told when it has been delivered. @requires something is late */
  whenLast(done: (count: number) => void): void {
    invariant(this.queue.length > 0, 'something is late');
    this.queue[this.queue.length - 1]!.done = done;
  }

  private readonly slice = (): void => {
    const endMs = monotonicMs() + SLICE_MS;
    while (this.first < this.queue.length && monotonicMs() < endMs) {
      const late = this.queue[this.first]!;
      if (!this.deliverer(late, endMs)) break;
      this.bytes -= late.channel.length + late.message.length;
      this.first++;
      late.done?.(late.count);
    }
    if (this.first < this.queue.length) {
      if (this.first > 1024 && this.first * 2 > this.queue.length) {
        this.queue = this.queue.slice(this.first);
        this.first = 0;
      }
      setImmediate(this.slice);
      return;
    }
    this.queue = [];
    this.first = 0;
    this.drained();
  };
}
