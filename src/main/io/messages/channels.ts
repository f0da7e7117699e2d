/**
 * Channels: which of this I/O thread's clients subscribe to a channel or pattern, and the delivery of messages to them.
 *
 *     channels, shardChannels, patterns: name -> Channel { conns }      patterns also by beginning (pattern-index.ts)
 *     connection -> Subscriptions: Channel -> index in conns
 *
 * Subscribing and unsubscribing take constant time: a connection knows its place in each list, and when a connection
 * leaves, the last connection of the list takes the free place. For the other threads, a subscription stands in this
 * thread's interest (shared memory) before the subscription is confirmed.
 *
 * Invariants: (1) `channel.conns[i]`'s Subscriptions has `i` for the channel; (2) a channel without connections is in
 * no map; (3) lists change between messages only, never while one is delivered.
 */

import type { ChannelHasher } from '../../../shard/blocking/outbox.js';
import { monotonicMs } from '../../../shared/clock.js';
import { globMatch } from '../../../shared/glob.js';
import type { InterestWriter } from '../../../shared/pubsub/interest.js';
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import type { Connection } from '../session/connection.js';
import { give, type PushContext } from '../session/push.js';
import { MODE } from '../session/session.js';
import { inSlices, MANY, SLICE_MS } from '../session/slices.js';
import type { Channel } from './channel.js';
import { KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL } from './kinds.js';
import { type LateMessage, LateMessages, PATTERNS_PER_LOOK } from './late-messages.js';
import { latin1 } from './latin1.js';
import { asPush, channelMessage, patternMessage } from './messages.js';
import { PatternIndex } from './pattern-index.js';
import { Subscriptions } from './subscriptions.js';
import { TRAIN_BYTES_MAX, Train, WAGON_BYTES_MAX } from './train.js';

/** What channels need of the I/O thread. */
export interface ChannelsContext extends PushContext {
  readonly stats: StatsBlock;
  retryRingFull(): void;
  failed(where: string, error: unknown): void;
}

export class Channels {
  private readonly io: ChannelsContext;
  private readonly interest: InterestWriter;
  private readonly hasher: ChannelHasher;
  private readonly channels: Map<string, Channel> = new Map();
  private readonly shardChannels: Map<string, Channel> = new Map();
  private readonly patterns: Map<string, Channel> = new Map();
  private readonly patternIndex: PatternIndex = new PatternIndex();
  /** What is compared with patterns in slices. */
  readonly late: LateMessages = new LateMessages(
    (late, endMs) => this.goOn(late, endMs),
    () => this.io.retryRingFull(),
  );
  private subscribers = 0;
  /** Messages that subscribers are going to get. */
  readonly train: Train = new Train();

  constructor(io: ChannelsContext, interest: InterestWriter, hasher: ChannelHasher) {
    this.io = io;
    this.interest = interest;
    this.hasher = hasher;
  }

  private mapOf(kind: number): Map<string, Channel> {
    if (kind === KIND_CHANNEL) return this.channels;
    return kind === KIND_PATTERN ? this.patterns : this.shardChannels;
  }

  // ---- subscribing

  /** Subscribes the connection to what `u8[off, off + len)` names, if it is not yet; the bytes are copied. */
  subscribe(conn: Connection, kind: number, u8: Uint8Array, off: number, len: number): void {
    conn.session.subscriptions ??= new Subscriptions();
    const own = conn.session.subscriptions.of(kind);
    const map = this.mapOf(kind);
    const name = latin1(u8, off, len);
    let channel = map.get(name);
    if (channel !== undefined && own.has(channel)) return;
    this.depart();
    if (channel === undefined) {
      channel = this.create(kind, name, u8.slice(off, off + len));
      map.set(name, channel);
    }
    own.set(channel, channel.conns.length);
    channel.conns.push(conn);
    this.note(channel, channel.conns.length - 1);
    if ((conn.session.modes & MODE.subscribed) === 0) {
      conn.session.modes |= MODE.subscribed;
      this.io.stats.f64[STAT.pubsubClients] = ++this.subscribers;
    }
    this.count();
  }

  private create(kind: number, name: string, bytes: Uint8Array): Channel {
    const { hasher } = this;
    hasher.hash(kind, bytes, new DataView(bytes.buffer), 0, bytes.length);
    const noted = kind === KIND_PATTERN ? this.interest.addName(bytes) : null;
    const channel: Channel = { kind, name, bytes, h1: hasher.h1, h2: hasher.h2, conns: [], noted, listIndex: 0 };
    if (kind === KIND_PATTERN) this.patternIndex.add(channel);
    return channel;
  }

  /** Tells the other threads how many clients subscribe now; `before`: how many subscribed until now. */
  private note(channel: Channel, before: number): void {
    const n = channel.conns.length;
    if (channel.noted !== null) this.interest.setName(channel.noted, n);
    else this.interest.setChannel(channel.kind, channel.h1, channel.h2, before, n);
  }

  /** Ends one subscription, if there is one. The name may be that of no channel at all. */
  unsubscribe(conn: Connection, kind: number, u8: Uint8Array, off: number, len: number): void {
    const channel = this.mapOf(kind).get(latin1(u8, off, len));
    if (channel !== undefined) this.remove(conn, channel);
  }

  /** Ends the connection's subscription to the channel, if there is one. */
  remove(conn: Connection, channel: Channel): void {
    const own = conn.session.subscriptions?.of(channel.kind);
    const index = own?.get(channel);
    if (own === undefined || index === undefined) return;
    this.depart();
    own.delete(channel);
    const { conns } = channel;
    const last = conns.pop()!;
    if (last !== conn) {
      conns[index] = last;
      last.session.subscriptions!.of(channel.kind).set(channel, index);
    }
    this.note(channel, conns.length + 1);
    if (conns.length === 0) this.drop(channel);
    if (conn.session.subscriptions!.isEmpty) {
      conn.session.modes &= ~MODE.subscribed;
      this.io.stats.f64[STAT.pubsubClients] = --this.subscribers;
    }
    this.count();
  }

  private drop(channel: Channel): void {
    this.mapOf(channel.kind).delete(channel.name);
    if (channel.kind === KIND_PATTERN) this.patternIndex.remove(channel);
  }

  /**
   * Ends all subscriptions of a connection, silently. If a closed connection has many, this takes several slices; the
   * connection gets no message meanwhile.
   */
  removeAll(conn: Connection): void {
    const own = conn.session.subscriptions;
    if (own === null) return;
    const all: Channel[] = [];
    for (const map of [own.channels, own.patterns, own.shardChannels])
      for (const channel of map.keys()) all.push(channel);
    if (conn.closed && all.length > MANY) {
      inSlices(all, (channel) => this.remove(conn, channel)).catch((error: unknown) => {
        this.io.failed('the end of subscriptions', error);
      });
      return;
    }
    for (const channel of all) this.remove(conn, channel);
    conn.session.subscriptions = null;
  }

  private count(): void {
    const f64 = this.io.stats.f64;
    f64[STAT.pubsubChannels] = this.channels.size;
    f64[STAT.pubsubPatterns] = this.patterns.size;
    f64[STAT.pubsubShardChannels] = this.shardChannels.size;
  }

  // ---- messages

  /** Whether a message on any channel is compared with few patterns only, and nothing is late. */
  get isQuick(): boolean {
    return this.patternIndex.size < PATTERNS_PER_LOOK && this.late.isEmpty;
  }

  /** How many of this thread's clients will get a message on the channel. @requires `isQuick` */
  receivers(kind: number, u8: Uint8Array, off: number, len: number): number {
    let count = this.mapOf(kind).get(latin1(u8, off, len))?.conns.length ?? 0;
    if (kind !== KIND_CHANNEL) return count;
    for (const list of this.patternIndex.candidates(latin1(u8, off, len))) {
      for (const pattern of list) if (matches(pattern, u8, off, len)) count += pattern.conns.length;
    }
    return count;
  }

  /**
   * Gives a message to this thread's subscribers; returns how many they are. -1: that takes longer, and the message is
   * the last that is late.
   */
  // hot: bench/pubsub.js
  deliver(kind: number, u8: Uint8Array, off: number, len: number, m: Uint8Array, mOff: number, mLen: number): number {
    if (!this.late.isEmpty) {
      this.late.add(lateMessage(kind, u8, off, len, m, mOff, mLen));
      return -1;
    }
    let count = this.deliverExactly(kind, u8, off, len, m, mOff, mLen);
    if (kind !== KIND_CHANNEL || this.patternIndex.size === 0) return count;
    const lists = this.patternIndex.candidates(latin1(u8, off, len));
    let left = PATTERNS_PER_LOOK;
    let endMs = 0;
    for (let k = 0; k < lists.length; k++) {
      const list = lists[k]!;
      for (let i = 0; i < list.length; i++) {
        if (left-- === 0) {
          left = PATTERNS_PER_LOOK;
          const nowMs = monotonicMs();
          if (endMs === 0) endMs = nowMs + SLICE_MS;
          else if (nowMs > endMs) {
            const late = lateMessage(kind, u8, off, len, m, mOff, mLen);
            late.patterns = lists.slice(k).flat();
            late.next = i;
            late.count = count;
            this.late.add(late);
            return -1;
          }
        }
        if (matches(list[i]!, u8, off, len)) count += this.deliverByPattern(list[i]!, u8, off, len, m, mOff, mLen);
      }
    }
    return count;
  }

  /** Goes on with a late message. The patterns may have lost their subscribers meanwhile. */
  private goOn(late: LateMessage, endMs: number): boolean {
    const { kind, channel, message } = late;
    const { length } = channel;
    if (late.patterns === null) {
      late.count = this.deliverExactly(kind, channel, 0, length, message, 0, message.length);
      if (kind !== KIND_CHANNEL) return true;
      late.patterns = this.patternIndex.candidates(latin1(channel, 0, length)).flat();
    }
    const { patterns } = late;
    while (late.next < patterns.length) {
      const pattern = patterns[late.next++]!;
      if (matches(pattern, channel, 0, length)) {
        late.count += this.deliverByPattern(pattern, channel, 0, length, message, 0, message.length);
      }
      if ((late.next & (PATTERNS_PER_LOOK - 1)) === 0 && monotonicMs() > endMs) return late.next === patterns.length;
    }
    return true;
  }

  /** Gives a message to those who subscribe to its very channel. */
  private deliverExactly(
    kind: number,
    u8: Uint8Array,
    off: number,
    len: number,
    m: Uint8Array,
    mOff: number,
    mLen: number,
  ): number {
    const map = kind === KIND_CHANNEL ? this.channels : this.shardChannels;
    if (map.size === 0) return 0;
    const channel = map.get(latin1(u8, off, len));
    if (channel === undefined) return 0;
    return this.board(channel, channelMessage(kind === KIND_SHARD_CHANNEL, u8, off, len, m, mOff, mLen));
  }

  private deliverByPattern(
    pattern: Channel,
    u8: Uint8Array,
    off: number,
    len: number,
    m: Uint8Array,
    mOff: number,
    mLen: number,
  ): number {
    this.depart();
    return this.fanOut(pattern.conns, patternMessage(pattern.bytes, u8, off, len, m, mOff, mLen));
  }

  /** Adds a message for the subscribers of a channel to the train. Returns the number of subscribers. */
  private board(channel: Channel, message: Uint8Array): number {
    const { train } = this;
    if (train.channel !== null && (train.channel !== channel || train.bytes > TRAIN_BYTES_MAX)) this.depart();
    if (message.length > WAGON_BYTES_MAX) {
      this.depart();
      return this.fanOut(channel.conns, message);
    }
    if (train.channel === null) this.io.settling.schedule();
    train.add(channel, message);
    return channel.conns.length;
  }

  /**
   * Gives the waiting messages to the subscribers of their channel. Must be called before a subscriber gets other
   * bytes.
   */
  depart(): void {
    const { io, train } = this;
    if (train.channel === null) return;
    const { conns } = train.channel;
    const bytes = train.take();
    let pushes: Uint8Array | null = null;
    for (let i = 0; i < conns.length; i++) {
      const conn = conns[i]!;
      if (conn.session.proto === 2) give(io, conn, bytes);
      else {
        if (pushes === null) pushes = train.asPushes(bytes);
        give(io, conn, pushes);
      }
    }
  }

  private fanOut(conns: readonly Connection[], message: Uint8Array): number {
    const { io } = this;
    let message3: Uint8Array | null = null;
    for (let i = 0; i < conns.length; i++) {
      const conn = conns[i]!;
      if (conn.session.proto === 2) give(io, conn, message);
      else {
        if (message3 === null) message3 = asPush(message);
        give(io, conn, message3);
      }
    }
    return conns.length;
  }

  // ---- for PUBSUB

  /** Names of this thread's channels of a kind that match the pattern (null: all), one char a byte. */
  names(kind: number, pattern: Uint8Array | null): string[] {
    const found: string[] = [];
    for (const channel of this.mapOf(kind).values()) {
      const { bytes } = channel;
      if (pattern === null || globMatch(pattern, 0, pattern.length, bytes, 0, bytes.length, false)) {
        found.push(channel.name);
      }
    }
    return found;
  }
}

function matches(pattern: Channel, u8: Uint8Array, off: number, len: number): boolean {
  return globMatch(pattern.bytes, 0, pattern.bytes.length, u8, off, len, false);
}

/** A message whose delivery has not begun, with bytes of its own. */
function lateMessage(
  kind: number,
  u8: Uint8Array,
  off: number,
  len: number,
  m: Uint8Array,
  mOff: number,
  mLen: number,
): LateMessage {
  const channel = u8.slice(off, off + len);
  const message = m.slice(mOff, mOff + mLen);
  return { kind, channel, message, patterns: null, next: 0, count: 0, done: null };
}
