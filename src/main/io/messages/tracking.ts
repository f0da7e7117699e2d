/**
 * Tracking: which keys this I/O thread's clients may have in their caches, and which clients are told when a key
 * changes.
 *
 *     a client reads k       `remember` before the read is sent on: table[k] += client, and k stands in the interest
 *     anybody changes k      under the shard's lease: is k in some interest? then a bulletin to that I/O thread
 *     the bulletin arrives   `invalidated`: table[k] is taken away, each of its clients is told
 *
 * The key is noted before the read is run, and a writer looks into the interests while it holds the lease. So a write
 * after the read is always noticed. A write before the read may be noticed too; the client then drops a value that was
 * good. An invalidation goes behind all replies under way (push.ts), so a value read earlier never arrives after it.
 *
 * Clients in broadcast mode keep no keys: their prefixes stand in the interest; changed keys are gathered over a turn
 * and sent as one message per prefix.
 *
 * Invariants: (1) a key is in `table` exactly when it is counted in the interest; (2) the table has at most
 * tracking-table-max-keys keys, over all I/O threads together; (3) ids of clients that are gone stay in the table until
 * their key changes or is dropped: no search for them is needed. When the last tracking client goes, all keys are
 * dropped, since a thread without tracking clients is not told of changes.
 */

import type { Outbox } from '../../../shard/blocking/outbox.js';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { FACT_NEEDS_SCRIPTS, FLAG_PUBSUB, FLAG_READONLY } from '../../../shared/command/flags.js';
import type { Placement } from '../../../shared/command/placement.js';
import type { Registry } from '../../../shared/command/registry.js';
import { KIND_INVALIDATE, KIND_REDIRECT_GONE, KIND_REDIRECTED } from '../../../shared/pubsub/bulletin.js';
import type { InterestWriter } from '../../../shared/pubsub/interest.js';
import type { Args } from '../../../shared/resp/args.js';
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL, type ControlBlock } from '../../../shared/sync/control-block.js';
import type { ThreadValues } from '../../config/thread-config.js';
import type { ServerView } from '../../figures/server-view.js';
import type { Connection } from '../session/connection.js';
import { type PushContext, push, pushBehindReplies } from '../session/push.js';
import { MODE } from '../session/session.js';
import { invalidationMessage, invalidationPush, keyArray, redirectGonePush } from './invalidations.js';
import { latin1 } from './latin1.js';
import { PrefixTree } from './prefix-tree.js';
import { TRACK, type TrackingState, tracksReads } from './tracking-state.js';

/** Missed changes that are kept. */
const MISSES_MAX = 4096;
/** Keys dropped at once when there are too many. */
const DROPS_MAX = 100;

/** Clients of a prefix, and what has changed below it in this turn. */
interface Prefix {
  readonly bytes: Uint8Array;
  readonly conns: Set<Connection>;
  /** Changed keys with the id of the client that wrote them last. */
  readonly changed: Map<string, number>;
}

/** What tracking needs of the I/O thread. */
export interface TrackingContext extends PushContext {
  readonly index: number;
  readonly control: ControlBlock;
  readonly registry: Registry;
  readonly placement: Placement;
  readonly stats: StatsBlock;
  readonly limits: ThreadValues;
  readonly server: ServerView | null;
  readonly hub: PushContext['hub'] & { flush(): void };
}

export class Tracking {
  private readonly io: TrackingContext;
  private readonly interest: InterestWriter;
  private readonly outbox: Outbox;
  /** Ids of the clients that may have a key: one, or several. */
  private readonly table: Map<string, number | Set<number>> = new Map();
  private items = 0;
  private readonly trackers: Set<Connection> = new Set();
  /** Clients whose transaction under way switches tracking on, with what they are to be told then. */
  private readonly expected: Map<Connection, Untold[]> = new Map();
  private readonly prefixes: PrefixTree<Prefix> = new PrefixTree();
  private readonly changedPrefixes: Set<Prefix> = new Set();
  /** Walks over the table in search of keys to drop. */
  private oldest: Iterator<string> | null = null;
  private keysMax = 0;
  /**
   * Keys that changed while no client had them cached, with the id of the client that changed the key: in this second,
   * and in the second before.
   */
  private missed: Map<string, number> = new Map();
  private missedBefore: Map<string, number> = new Map();
  /** Too many such keys changed, and not all could be kept. */
  private missesLost = false;

  constructor(io: TrackingContext, interest: InterestWriter, outbox: Outbox) {
    this.io = io;
    this.interest = interest;
    this.outbox = outbox;
    this.configured();
  }

  /** Takes over tracking-table-max-keys. */
  configured(): void {
    this.keysMax = this.io.limits.trackedKeysMax;
    if (this.table.size > 0) this.limit();
  }

  // ---- on and off

  /** Switches tracking on for a connection, or changes its options. */
  enable(conn: Connection, flags: number, redirectId: number, redirectIo: number, prefixes: readonly string[]): void {
    if (conn.session.tracking === null) {
      conn.session.tracking = {
        flags: 0,
        redirectId: 0,
        redirectIo: 0,
        prefixes: new Set(),
        prefixTree: new PrefixTree(),
      };
      conn.session.modes |= MODE.tracking;
      this.trackers.add(conn);
      Atomics.add(this.io.control.i32, CONTROL.trackers, 1);
      this.countTrackers();
    }
    const state = conn.session.tracking;
    state.flags = flags | (state.flags & TRACK.caching);
    state.redirectId = redirectId;
    state.redirectIo = redirectIo;
    this.markReads(conn);
    if ((flags & TRACK.bcast) === 0) return;
    if (prefixes.length === 0) this.addPrefix(conn, state, '');
    for (const prefix of prefixes) this.addPrefix(conn, state, prefix);
    this.countTable();
  }

  private addPrefix(conn: Connection, state: TrackingState, text: string): void {
    if (state.prefixes.has(text)) return;
    state.prefixes.add(text);
    state.prefixTree.set(text, true);
    let prefix = this.prefixes.get(text);
    if (prefix === undefined) {
      const bytes = Uint8Array.from(Buffer.from(text, 'latin1'));
      this.interest.addPrefix(bytes);
      prefix = { bytes, conns: new Set(), changed: new Map() };
      this.prefixes.set(text, prefix);
    }
    prefix.conns.add(conn);
  }

  /** Switches tracking off for a connection. Safe to call when it is off. */
  disable(conn: Connection): void {
    const state = conn.session.tracking;
    if (state === null) return;
    for (const text of state.prefixes) {
      const prefix = this.prefixes.get(text)!;
      prefix.conns.delete(conn);
      if (prefix.conns.size > 0) continue;
      this.interest.removePrefix(prefix.bytes);
      this.prefixes.delete(text);
      this.changedPrefixes.delete(prefix);
    }
    conn.session.tracking = null;
    conn.session.modes &= ~MODE.tracking;
    conn.session.flags &= ~CLIENT_FLAG.tracksReads;
    this.trackers.delete(conn);
    this.countTrackers();
    // Last: should this thread die in between, the server's count is too high, which only costs time.
    Atomics.sub(this.io.control.i32, CONTROL.trackers, 1);
    this.forgetIfUnused();
    this.countTable();
  }

  private forgetIfUnused(): void {
    if (this.trackers.size === 0 && this.expected.size === 0) this.forgetKeys();
  }

  /**
   * A transaction of this client, to be sent now, switches tracking on: the keys that it reads behind that are tracked
   * at once, and what is said of them is kept until `expectNoMore`.
   */
  expect(conn: Connection): void {
    if (this.expected.has(conn)) return;
    this.expected.set(conn, []);
    Atomics.add(this.io.control.i32, CONTROL.trackers, 1);
    this.countTrackers();
  }

  /** The transaction is over: the client tracks, or does not. Safe to call when nothing is expected. */
  expectNoMore(conn: Connection): void {
    const untold = this.expected.get(conn);
    if (untold === undefined) return;
    this.expected.delete(conn);
    this.countTrackers();
    Atomics.sub(this.io.control.i32, CONTROL.trackers, 1);
    for (const { keys, writer } of untold) this.tellOfKey(conn.session.id, keys, writer);
    this.forgetIfUnused();
    this.countTable();
  }

  private countTrackers(): void {
    this.interest.setTrackers(this.trackers.size + this.expected.size);
    this.io.stats.f64[STAT.trackingClients] = this.trackers.size;
  }

  private countTable(): void {
    const f64 = this.io.stats.f64;
    f64[STAT.trackedKeys] = this.table.size;
    f64[STAT.trackedItems] = this.items;
    f64[STAT.trackedPrefixes] = this.prefixes.size;
  }

  // ---- reads

  /** CLIENT CACHING: what the next command reads is tracked, or is not (`on` false: as before). */
  setCaching(conn: Connection, state: TrackingState, on: boolean): void {
    state.flags = on ? state.flags | TRACK.caching : state.flags & ~TRACK.caching;
    this.markReads(conn);
  }

  /**
   * Writes into the connection's flags whether its reads are tracked; the thread that runs its transactions reads the
   * flag.
   */
  private markReads(conn: Connection): void {
    if (tracksReads(conn.session.tracking!.flags)) conn.session.flags |= CLIENT_FLAG.tracksReads;
    else conn.session.flags &= ~CLIENT_FLAG.tracksReads;
  }

  /** Notes the keys of a command that a tracking connection is about to run, if they are to be tracked. */
  beforeCommand(conn: Connection, id: number, flags: number, args: Args): void {
    if ((flags & FLAG_READONLY) === 0 || (flags & FLAG_PUBSUB) !== 0) return;
    if ((conn.session.flags & CLIENT_FLAG.tracksReads) === 0) return;
    const { io } = this;
    // The thread that runs a script tells what the script reads.
    if ((io.registry.facts[id]! & FACT_NEEDS_SCRIPTS) !== 0) return;
    const count = io.placement.findKeys(io.registry.defs[id]!, args);
    for (let i = 0; i < count; i++) {
      const k = io.placement.keys[i]!;
      this.remember(conn.session.id, args.u8, args.dv, args.off[k]!, args.len[k]!);
    }
    this.countTable();
    if (this.table.size > this.keysMax || this.io.control.ioThreads > 1) this.limit();
  }

  /**
   * A client has read a key inside of a transaction or script, says a bulletin; the key is counted in the interest. If
   * the key has changed since, the invalidation may have been sent before: then the client is told at once.
   */
  remembered(id: number, u8: Uint8Array, off: number, len: number): void {
    const key = latin1(u8, off, len);
    const bytes = u8.slice(off, off + len);
    const view = new DataView(bytes.buffer);
    this.outbox.hasher.hash(KIND_INVALIDATE, bytes, view, 0, len);
    const { h1 } = this.outbox.hasher;
    if (this.trackers.size === 0 && this.expected.size === 0) {
      this.interest.untrack(h1);
      return;
    }
    const writer = this.missed.get(key) ?? this.missedBefore.get(key);
    if (this.missesLost || (writer !== undefined && writer !== id)) {
      this.interest.untrack(h1);
      this.tellOfKey(id, keyArray([key]), 0);
      return;
    }
    this.remember(id, bytes, view, 0, len);
    this.interest.takeOver(h1);
    this.countTable();
    if (this.table.size > this.keysMax) this.limit();
  }

  /** Notes a change of a key that no client here had cached: a transaction under way may have read the key before. */
  private miss(key: string, writer: number): void {
    if (this.missed.size >= MISSES_MAX) this.missesLost = true;
    else this.missed.set(key, writer);
  }

  /** Once a second: forgets missed changes that are too old to matter to a transaction under way. */
  cron(): void {
    if (this.missed.size === 0 && this.missedBefore.size === 0) return;
    this.missedBefore = this.missed;
    this.missed = new Map();
    this.missesLost = this.missedBefore.size >= MISSES_MAX;
  }

  private remember(id: number, u8: Uint8Array, dv: DataView, off: number, len: number): void {
    const { table } = this;
    const key = latin1(u8, off, len);
    const ids = table.get(key);
    if (ids === undefined) {
      const { hasher } = this.outbox;
      hasher.hash(KIND_INVALIDATE, u8, dv, off, len);
      this.interest.track(hasher.h1);
      table.set(key, id);
    } else if (typeof ids === 'number') {
      if (ids === id) return;
      table.set(key, new Set([ids, id]));
    } else {
      if (ids.has(id)) return;
      ids.add(id);
    }
    this.items++;
  }

  /** Drops the oldest keys of this thread until the table is within its limit. The clients of dropped keys are told. */
  limit(): void {
    for (let n = 0; n < DROPS_MAX && this.table.size > 0 && this.isOver(); n++) {
      let next = this.oldest?.next();
      if (next === undefined || next.done === true) {
        this.oldest = this.table.keys();
        next = this.oldest.next();
      }
      this.invalidate(next.value as string, 0);
    }
    this.countTable();
    if (this.table.size > 0 && this.isOver()) setImmediate(this.limitMore);
  }

  private readonly limitMore = (): void => {
    this.limit();
    this.io.hub.flush();
  };

  private isOver(): boolean {
    const { io } = this;
    if (this.table.size > this.keysMax) return true;
    if (io.control.ioThreads === 1 || io.server === null) return false;
    io.stats.f64[STAT.trackedKeys] = this.table.size;
    return io.server.stats.sum(STAT.trackedKeys) > this.keysMax;
  }

  // ---- changes

  /** A key has changed, says a bulletin. `writer`: id of the client that changed it, 0 for none. */
  changed(u8: Uint8Array, off: number, len: number, writer: number): void {
    const key = latin1(u8, off, len);
    if (this.prefixes.size > 0) {
      for (const prefix of this.prefixes.prefixesOf(key)) {
        prefix.changed.set(key, writer);
        this.changedPrefixes.add(prefix);
      }
    }
    if (this.table.has(key)) this.invalidate(key, writer);
    else this.miss(key, writer);
  }

  /** Takes a key out of the table and tells its clients. */
  private invalidate(key: string, writer: number): void {
    const ids = this.take(key);
    if (ids === undefined) return;
    const keys = keyArray([key]);
    if (typeof ids === 'number') this.tellOfKey(ids, keys, writer);
    else for (const id of ids) this.tellOfKey(id, keys, writer);
    this.countTable();
  }

  private take(key: string): number | Set<number> | undefined {
    const ids = this.table.get(key);
    if (ids === undefined) return undefined;
    this.table.delete(key);
    this.items -= typeof ids === 'number' ? 1 : ids.size;
    const bytes = Uint8Array.from(Buffer.from(key, 'latin1'));
    const { hasher } = this.outbox;
    hasher.hash(KIND_INVALIDATE, bytes, new DataView(bytes.buffer), 0, bytes.length);
    this.interest.untrack(hasher.h1);
    return ids;
  }

  /** `keys` null: all. */
  private tellOfKey(id: number, keys: Uint8Array | null, writer: number): void {
    const conn = this.io.connections.byId.get(id);
    if (this.expected.size !== 0 && conn !== undefined) {
      const untold = this.expected.get(conn);
      if (untold !== undefined) {
        untold.push({ keys, writer });
        return;
      }
    }
    const state = conn?.session.tracking;
    if (conn === undefined || state === null || state === undefined) return;
    if (keys !== null && (state.flags & TRACK.bcast) !== 0) return;
    if ((state.flags & TRACK.noLoop) !== 0 && id === writer) return;
    this.tell(conn, state, keys);
  }

  /** Nobody has any key. */
  private forgetKeys(): void {
    this.table.clear();
    this.items = 0;
    this.oldest = null;
    this.interest.untrackAll();
  }

  /** Every key may have changed. */
  flushed(): void {
    this.forgetKeys();
    for (const conn of this.trackers) if (!this.expected.has(conn)) this.tell(conn, conn.session.tracking!, null);
    // An invalidation of all keys includes all earlier ones.
    for (const untold of this.expected.values()) untold.splice(0, untold.length, { keys: null, writer: 0 });
    this.countTable();
  }

  /** Sends what has changed below prefixes since the last call. Once per turn. */
  broadcast(): void {
    if (this.changedPrefixes.size === 0) return;
    for (const prefix of this.changedPrefixes) {
      // In the order of their bytes, as Redis's tree gives them.
      const all = keyArray([...prefix.changed.keys()].sort());
      const writers = new Set(prefix.changed.values());
      for (const conn of prefix.conns) {
        const state = conn.session.tracking!;
        if ((state.flags & TRACK.noLoop) === 0 || !writers.has(conn.session.id)) this.tell(conn, state, all);
        else {
          const others = [...prefix.changed]
            .filter((entry) => entry[1] !== conn.session.id)
            .map((entry) => entry[0])
            .sort();
          if (others.length > 0) this.tell(conn, state, keyArray(others));
        }
      }
      prefix.changed.clear();
    }
    this.changedPrefixes.clear();
  }

  // ---- telling

  /**
   * Sends an invalidation to the connection, or to the client to which it redirects invalidations. `keys` null: all
   * keys.
   */
  private tell(conn: Connection, state: TrackingState, keys: Uint8Array | null): void {
    if (state.redirectId === 0) {
      if (conn.session.proto === 3) pushBehindReplies(this.io, conn, invalidationPush(keys));
      return;
    }
    if (state.redirectIo === this.io.index) {
      if (!this.tellRedirected(state.redirectId, keys)) this.redirectGone(conn, state);
      return;
    }
    const bytes = keys ?? ALL_KEYS;
    this.outbox.buffers[state.redirectIo]!.addOne(KIND_REDIRECTED, state.redirectId, conn.session.id, bytes);
    this.outbox.pending = true;
  }

  /** A notification of another client for one of ours; false when there is none of this id. */
  private tellRedirected(id: number, keys: Uint8Array | null): boolean {
    const conn = this.io.connections.byId.get(id);
    if (conn === undefined) return false;
    if (conn.session.proto === 3) push(this.io, conn, invalidationPush(keys));
    else if ((conn.session.modes & MODE.subscribed) !== 0) push(this.io, conn, invalidationMessage(keys));
    return true;
  }

  /** As `tellRedirected`, for a client `tracker` of I/O thread `fromIo`. */
  redirected(id: number, tracker: number, fromIo: number, keys: Uint8Array): void {
    if (this.tellRedirected(id, keys.length === 0 ? null : keys)) return;
    this.outbox.buffers[fromIo]!.addOne(KIND_REDIRECT_GONE, tracker, id);
    this.outbox.pending = true;
  }

  /** The client `redirectId` that was to get the notifications of our client `id` is gone. */
  redirectLost(id: number, redirectId: number): void {
    const conn = this.io.connections.byId.get(id);
    if (conn !== undefined && conn.session.tracking?.redirectId === redirectId)
      this.redirectGone(conn, conn.session.tracking);
  }

  private redirectGone(conn: Connection, state: TrackingState): void {
    state.flags |= TRACK.brokenRedirect;
    if (conn.session.proto === 3) pushBehindReplies(this.io, conn, redirectGonePush(state.redirectId));
  }
}

/** An invalidation that waits. */
interface Untold {
  readonly keys: Uint8Array | null;
  readonly writer: number;
}

/** Stands for "all keys" in a bulletin. */
const ALL_KEYS = new Uint8Array(0);
