/**
 * A train: messages on one channel, one behind the other, that the subscribers of the channel get in one go. So a
 * pipelining publisher costs each subscriber one append, not one append for each message, and all subscribers share the
 * bytes.
 *
 * Before a subscriber gets any other bytes, and before the list of subscribers changes, the train departs
 * (`Channels.depart`). So no client can see a difference.
 *
 * Invariants: (1) `channel` is null exactly while the train is empty; (2) a train departs at the latest when the turn
 * of the event loop ends; (3) at most TRAIN_BYTES_MAX and one message wait in it.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import type { Channel } from './channel.js';

/** A train of this length departs. */
export const TRAIN_BYTES_MAX = 64 * 1024;
/** Longer messages travel alone. */
export const WAGON_BYTES_MAX = 4096;
const FIRST_BYTES = 4096;
const RESP3_PUSH = 62;

export class Train {
  channel: Channel | null = null;
  count = 0;
  bytes = 0;
  private first: Uint8Array | null = null;
  private buffer = new Uint8Array(FIRST_BYTES);
  /** Where each message begins. */
  private starts = new Int32Array(64);

  /** Puts a message, whose bytes do not change any more, at the end. @requires it is on `channel`, if there is one */
  // hot: bench/pubsub.js
  add(channel: Channel, message: Uint8Array): void {
    if (this.channel === null) {
      this.channel = channel;
      this.first = message;
      this.count = 1;
      this.bytes = message.length;
      return;
    }
    if (this.count === 1) {
      this.bytes = 0;
      this.count = 0;
      this.append(this.first!);
    }
    this.append(message);
  }

  private append(message: Uint8Array): void {
    const at = this.bytes;
    const end = at + message.length;
    if (end > this.buffer.length) {
      const buffer = new Uint8Array(Math.max(end, this.buffer.length * 2));
      buffer.set(this.buffer);
      this.buffer = buffer;
    }
    if (this.count === this.starts.length) {
      const starts = new Int32Array(this.count * 2);
      starts.set(this.starts);
      this.starts = starts;
    }
    this.buffer.set(message, at);
    this.starts[this.count++] = at;
    this.bytes = end;
  }

  /** The messages, as bytes of their own; the train is empty then. For RESP3: `asPushes`. @requires it is not empty */
  take(): Uint8Array {
    invariant(this.count > 0, 'the train is not empty');
    const bytes = this.count === 1 ? this.first! : this.buffer.slice(0, this.bytes);
    if (this.count === 1) this.starts[0] = 0;
    this.channel = null;
    this.first = null;
    this.bytes = 0;
    return bytes;
  }

  /** What `take` gave last, in RESP3. */
  asPushes(bytes: Uint8Array): Uint8Array {
    const pushes = bytes.slice();
    for (let i = 0; i < this.count; i++) pushes[this.starts[i]!] = RESP3_PUSH;
    return pushes;
  }
}
