/**
 * Hub: takes in the messages for this I/O thread's clients, and passes messages for other clients to their I/O threads.
 *
 *     inline commands -> outbox --flush--> own clients: channels, tracking, monitors
 *     PUBLISH         ->   "       "  `--> links to peers (rings)
 *     shard threads   -> ring of replies --receive--> own clients
 *     peers           -> links -----------receive--> own clients
 *
 * Runs on its I/O thread. `flush` is called when no lease is held: at the end of each turn, and before a command whose
 * own messages must come behind those of earlier ones.
 */
import { Outbox } from '../../../shard/blocking/outbox.js';
import {
  BulletinView,
  KIND_CHANNEL,
  KIND_FLUSHED,
  KIND_INVALIDATE,
  KIND_MONITOR,
  KIND_REDIRECT_GONE,
  KIND_REDIRECTED,
  KIND_REMEMBER,
  KIND_SHARD_CHANNEL,
  readBulletins,
} from '../../../shared/pubsub/bulletin.js';
import { createInterest, InterestWriter } from '../../../shared/pubsub/interest.js';
import type { LinkData } from '../../../shared/sync/thread-data.js';
import type { Connection } from '../session/connection.js';
import { Channels, type ChannelsContext } from './channels.js';
import { IoLinks } from './io-links.js';
import { Monitors, type MonitorsContext } from './monitor.js';
import { Tracking, type TrackingContext } from './tracking.js';

/** What a hub is made of; null where an I/O thread stands alone (tests). */
export interface HubParts {
  readonly outbox: Outbox;
  readonly interest: SharedArrayBuffer;
  readonly links: readonly (LinkData | null)[];
}

/** What a hub and its parts need of the I/O thread. */
export interface HubContext extends ChannelsContext, MonitorsContext, TrackingContext {
  readonly hub: TrackingContext['hub'];
}

export class Hub {
  readonly outbox: Outbox;
  readonly channels: Channels;
  readonly tracking: Tracking;
  readonly monitors: Monitors;
  readonly links: IoLinks;
  private readonly index: number;
  private readonly view: BulletinView = new BulletinView();
  /** The I/O thread that the bulletin being read comes from; its own for those of shards. */
  private fromIo = 0;

  constructor(io: HubContext, parts: HubParts | null) {
    const interest = parts?.interest ?? createInterest();
    this.index = io.index;
    this.outbox = parts?.outbox ?? new Outbox(io.control, [interest]);
    const writer = new InterestWriter(interest);
    this.channels = new Channels(io, writer, this.outbox.hasher);
    this.tracking = new Tracking(io, writer, this.outbox);
    this.monitors = new Monitors(io, writer, this.outbox);
    this.links = new IoLinks(io.control, parts?.links ?? [null]);
  }

  /** Sends to all threads what was gathered in this turn. @requires no lease held */
  flush(): void {
    this.tellOwn();
    this.tracking.broadcast();
    const { outbox } = this;
    if (!outbox.pending) return;
    outbox.pending = false;
    this.links.send(outbox.buffers);
  }

  /**
   * Tells this thread's clients. Clients in broadcast mode are told of the whole turn at its end instead. As `flush`.
   */
  tellOwn(): void {
    const { outbox } = this;
    const own = outbox.buffers[this.index]!;
    if (own.bytes > 0) {
      const bytes = own.bytes;
      this.fromIo = this.index;
      readBulletins(own.u8, own.start, own.end, this.view, this.tell);
      own.drop(bytes);
    }
  }

  /**
   * Too many bytes wait for another I/O thread, or wait to be compared with patterns: commands that publish must wait.
   */
  get isCongested(): boolean {
    return this.links.isCongested || this.channels.late.isCongested;
  }

  /** Bulletins from a shard's thread: u8[start, end), whole ones. */
  receive(u8: Uint8Array, start: number, end: number): void {
    this.fromIo = this.index;
    readBulletins(u8, start, end, this.view, this.tell);
  }

  /** Takes what peers have sent. Returns whether there was anything. */
  receiveFromPeers(): boolean {
    const any = this.links.receive(this.fromPeer);
    if (this.links.isBlocked) this.links.send(this.outbox.buffers);
    return any;
  }

  private readonly fromPeer = (u8: Uint8Array, start: number, end: number, fromIo: number): number => {
    this.fromIo = fromIo;
    return readBulletins(u8, start, end, this.view, this.tell);
  };

  /** Never adds to this thread's own buffer: it may be the buffer that is being read. */
  private readonly tell = (v: BulletinView): void => {
    switch (v.kind) {
      case KIND_CHANNEL:
      case KIND_SHARD_CHANNEL:
        this.channels.deliver(v.kind, v.u8, v.aOff, v.aLen, v.u8, v.bOff, v.bLen);
        return;
      case KIND_INVALIDATE:
        this.tracking.changed(v.u8, v.aOff, v.aLen, v.x);
        return;
      case KIND_FLUSHED:
        this.tracking.flushed();
        return;
      case KIND_REDIRECTED:
        this.tracking.redirected(v.x, v.y, this.fromIo, v.u8.slice(v.aOff, v.aOff + v.aLen));
        return;
      case KIND_REDIRECT_GONE:
        this.tracking.redirectLost(v.x, v.y);
        return;
      case KIND_REMEMBER:
        this.tracking.remembered(v.x, v.u8, v.aOff, v.aLen);
        return;
      case KIND_MONITOR:
        this.monitors.deliver(v.u8.slice(v.aOff, v.aOff + v.aLen));
    }
  };

  /** Channels of a kind with subscribers on any I/O thread. */
  distinctChannels(kind: number): number {
    const { readers } = this.outbox;
    return readers.reduce((sum, reader, io) => sum + reader.channelsBeside(kind, readers.slice(0, io)), 0);
  }

  /** Different patterns that clients of any I/O thread subscribe to. */
  distinctPatterns(): number {
    return new Set(this.outbox.readers.flatMap((reader) => reader.patterns())).size;
  }

  /** Invalidations may have been lost with a thread: clients shall drop all that they have cached. */
  forgetCaches(): void {
    this.tracking.flushed();
  }

  /** Another I/O thread was started again. */
  relink(peer: number, incoming: SharedArrayBuffer, outgoing: SharedArrayBuffer): void {
    this.links.replace(peer, incoming, outgoing, this.outbox.buffers[peer]!);
    this.forgetCaches();
  }

  /** The connection leaves all special modes (RESET, or it is closed). */
  forget(conn: Connection): void {
    this.channels.removeAll(conn);
    this.tracking.disable(conn);
    this.monitors.remove(conn);
  }
}
