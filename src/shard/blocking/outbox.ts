/**
 * Outbox: messages, keyspace events and changed keys of this thread, for clients that have asked for them. While leases
 * are held, they are gathered here, in one buffer for each I/O thread. The thread that owns the outbox sends them when
 * it may wait: a shard thread writes them into its reply rings; an I/O thread tells its own clients and writes the rest
 * into the rings to its peers.
 *
 * Invariants: (1) something is gathered for an I/O thread only if one of its clients has asked for it; (2) order is
 * kept per I/O thread; (3) nothing here waits.
 */
import { KeyHasher } from '../../shared/hash.js';
import { EVENT_CLASS } from '../../shared/keyspace-events.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import {
  BulletinBuffer,
  KIND_CHANNEL,
  KIND_FLUSHED,
  KIND_INVALIDATE,
  KIND_MONITOR,
  KIND_REMEMBER,
  KIND_SHARD_CHANNEL,
} from '../../shared/pubsub/bulletin.js';
import { InterestReader } from '../../shared/pubsub/interest.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';

/** Told apart from a channel of the same name by this, in the second hash word. */
const SHARD_CHANNEL_MARK = 0x5bd1e995 | 0;

/** The hashes of channels and tracked keys, the same in every thread of a server. */
export class ChannelHasher {
  h1 = 0;
  h2 = 0;
  private readonly hasher: KeyHasher;

  constructor(control: ControlBlock) {
    this.hasher = new KeyHasher(control.i32[CONTROL.hashSeed + 2]!, control.i32[CONTROL.hashSeed + 3]!);
  }

  /** hot: hashes a channel of a kind, or a key with KIND_INVALIDATE; results in `h1`, `h2`. */
  hash(kind: number, u8: Uint8Array, dv: DataView, off: number, len: number): void {
    const { hasher } = this;
    hasher.hash(u8, dv, off, len);
    this.h1 = hasher.h1;
    this.h2 = kind === KIND_SHARD_CHANNEL ? hasher.h2 ^ SHARD_CHANNEL_MARK : hasher.h2;
  }
}

export class Outbox {
  /** The bytes that wait for each I/O thread, by its index. */
  readonly buffers: readonly BulletinBuffer[];
  readonly readers: readonly InterestReader[];
  readonly hasher: ChannelHasher;
  /** Something waits. */
  pending = false;
  private name = new Uint8Array(256);
  private nameView = new DataView(this.name.buffer);
  private event = new Uint8Array(64);

  /** `interests`: of all I/O threads, by index. */
  constructor(control: ControlBlock, interests: readonly SharedArrayBuffer[]) {
    this.readers = interests.map((sab) => new InterestReader(sab));
    this.buffers = interests.map(() => new BulletinBuffer());
    this.hasher = new ChannelHasher(control);
  }

  /**
   * hot: sends a message to the subscribers of a channel (KIND_CHANNEL, KIND_SHARD_CHANNEL) on all I/O threads but
   * `except`; returns how many clients those are, exactly if they are to be `counted`.
   */
  publish(
    kind: number,
    u8: Uint8Array,
    dv: DataView,
    off: number,
    len: number,
    message: Uint8Array,
    mOff: number,
    mLen: number,
    except = -1,
    counted = true,
  ): number {
    const { readers, hasher } = this;
    let hashed = false;
    let receivers = 0;
    for (let io = 0; io < readers.length; io++) {
      const reader = readers[io]!;
      if (io === except || !reader.listens) continue;
      if (!hashed) {
        hasher.hash(kind, u8, dv, off, len);
        hashed = true;
      }
      let count = reader.channelCount(hasher.h1, hasher.h2);
      if (kind === KIND_CHANNEL) {
        if (counted || !reader.hasManyPatterns) count += reader.patternCount(u8, off, len);
        // The I/O thread finds the exact answer itself, without holding a lease.
        else count++;
      }
      if (count === 0 && !reader.isInexact) continue;
      receivers += count;
      this.buffers[io]!.add(kind, 0, 0, u8, off, len, message, mOff, mLen);
      this.pending = true;
    }
    return receivers;
  }

  /** Publishes a keyspace event on the channels that `flags` ask for. `u8[off, off + len)`: the key. */
  keyspaceEvent(flags: number, event: string, u8: Uint8Array, off: number, len: number, db: number): void {
    if (!this.isHeard()) return;
    const n = event.length;
    for (let i = 0; i < n; i++) this.event[i] = event.charCodeAt(i);
    if ((flags & EVENT_CLASS.KEYSPACE) !== 0) {
      const end = this.channelName('__keyspace@', db, u8, off, len);
      this.publish(KIND_CHANNEL, this.name, this.nameView, 0, end, this.event, 0, n, -1, false);
    }
    if ((flags & EVENT_CLASS.KEYEVENT) !== 0) {
      const end = this.channelName('__keyevent@', db, this.event, 0, n);
      this.publish(KIND_CHANNEL, this.name, this.nameView, 0, end, u8, off, len, -1, false);
    }
  }

  private isHeard(): boolean {
    const { readers } = this;
    for (let io = 0; io < readers.length; io++) if (readers[io]!.listens) return true;
    return false;
  }

  /** Puts `__keyspace@db__:tail` into `name`; returns its length. */
  private channelName(head: string, db: number, tail: Uint8Array, off: number, len: number): number {
    if (this.name.length < len + 32) {
      this.name = new Uint8Array(len * 2 + 32);
      this.nameView = new DataView(this.name.buffer);
    }
    const { name } = this;
    let at = head.length;
    for (let i = 0; i < at; i++) name[i] = head.charCodeAt(i);
    if (db >= 10) {
      const digits = String(db);
      for (let i = 0; i < digits.length; i++) name[at++] = digits.charCodeAt(i);
    } else name[at++] = 48 + db;
    name[at++] = 95;
    name[at++] = 95;
    name[at++] = 58;
    copyBytes(name, at, tail, off, len);
    return at + len;
  }

  /**
   * hot while clients track: tells the clients that may have the key in a cache. `writer`: id of the writing client, 0
   * for none.
   */
  invalidate(u8: Uint8Array, dv: DataView, off: number, len: number, writer: number): void {
    const { readers, hasher } = this;
    hasher.hash(KIND_INVALIDATE, u8, dv, off, len);
    for (let io = 0; io < readers.length; io++) {
      const reader = readers[io]!;
      if (reader.trackers === 0) continue;
      if (!reader.tracks(hasher.h1) && !reader.hasPrefixOf(u8, off, len)) continue;
      this.buffers[io]!.addOne(KIND_INVALIDATE, writer, 0, u8, off, len);
      this.pending = true;
    }
  }

  /** Shows a line to the clients in MONITOR of all I/O threads but `except`. */
  monitor(line: Uint8Array, except = -1): void {
    for (let io = 0; io < this.readers.length; io++) {
      if (io === except || this.readers[io]!.monitors === 0) continue;
      this.buffers[io]!.addOne(KIND_MONITOR, 0, 0, line);
      this.pending = true;
    }
  }

  /** A client of I/O thread `io` has read a key inside of a transaction or script. @requires the key's lease */
  remember(io: number, client: number, u8: Uint8Array, dv: DataView, off: number, len: number): void {
    const { hasher } = this;
    hasher.hash(KIND_INVALIDATE, u8, dv, off, len);
    this.readers[io]!.track(hasher.h1);
    this.buffers[io]!.addOne(KIND_REMEMBER, client, 0, u8, off, len);
    this.pending = true;
  }

  /** Tells all tracking clients that every key may have changed; noted keys of former clients are dropped. */
  flushed(): void {
    for (let io = 0; io < this.readers.length; io++) {
      if (this.readers[io]!.trackers === 0 && !this.readers[io]!.hasTracked) continue;
      this.buffers[io]!.addOne(KIND_FLUSHED, 0, 0);
      this.pending = true;
    }
  }
}
