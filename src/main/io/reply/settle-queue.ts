/**
 * Which connections have output, and when the output is written: once per turn of the event loop, after all readable
 * sockets have been read. So all clients are woken together at the end of the turn, not one by one between reads (a
 * third of the system time at 50 pipelining clients). Earlier writes, after some bytes, connections or microseconds,
 * were measured, too: they wake the clients sooner and make more turns, and nothing became faster.
 *
 * From the first such connection to the end of the turn the thread is marked as awake: it takes the shards' replies out
 * of the rings without a wake-up.
 *
 * Waking a shard thread costs more than a short request does (about 30 us on either side with the ways through the
 * kernel), so if several clients sent a few requests, the thread reads its sockets once more before it publishes.
 *
 * First come the connections that sent something, then the listeners: connections that only got pushes. A message may
 * be for thousands of listeners, so listeners are written in slices, and between two slices the thread reads its
 * sockets. If more is published meanwhile, a listener that has not been written yet gets it in the same write. If much
 * waits for one listener (HURRY_BYTES), the slice goes on until all listeners are written.
 *
 * Invariants: (1) a connection is in one of the lists exactly while `unsettled` is set; (2) what waits for a listener
 * is bounded by HURRY_BYTES and what one turn adds.
 */
import { monotonicMs } from '../../../shared/clock.js';
import type { Doorbell } from '../../../shared/sync/doorbell.js';
import type { Connection } from '../session/connection.js';
import { ConnectionList } from '../session/connection-list.js';
import type { ShardRings } from '../thread/shard-rings.js';

/** Longest slice of writing to listeners, ms; the clock is read once per so many (a power of two). */
const SLICE_MS = 0.2;
const CLOCK_EVERY = 16;
/** When this many bytes wait for one listener, no socket is read until all listeners are written. */
const HURRY_BYTES = 16 * 1024;
/**
 * If several clients have sent fewer requests to shards than this, the thread reads its sockets once more before it
 * publishes.
 */
const GATHER_COMMANDS = 32;

/** What the queue needs of the I/O thread. */
export interface SettleContext {
  readonly bell: Doorbell | null;
  readonly rings: ShardRings;
  readonly hub: { readonly channels: { depart(): void } };
  hasIncoming(): boolean;
  onWake(): boolean;
  finishServed(): void;
  settle(conn: Connection): void;
}

export class SettleQueue {
  private readonly io: SettleContext;
  private readonly clients = new ConnectionList();
  private readonly listeners = new ConnectionList();
  /** Those with more to be written than one turn takes. */
  private readonly unfinished = new ConnectionList();
  /** The listeners before this one have been written. */
  private next = 0;
  private isScheduled = false;
  private isHurried = false;
  private hasGathered = false;

  constructor(io: SettleContext) {
    this.io = io;
  }

  /**
   * The connection sent something: when all sockets have been read, its replies are written and its state is checked.
   */
  // hot
  add(conn: Connection): void {
    if (conn.unsettled) return;
    conn.unsettled = true;
    this.clients.add(conn);
    this.schedule();
  }

  /** The connection has sent a part of its output, and the kernel would take more: in the next turn. */
  goOn(conn: Connection): void {
    this.unfinished.add(conn);
    this.schedule();
  }

  /** The connection was pushed to. */
  // hot: once per subscriber and message
  addListener(conn: Connection): void {
    if (conn.unsettled) {
      if (conn.out !== null && conn.out.byteLength > HURRY_BYTES) this.isHurried = true;
      return;
    }
    conn.unsettled = true;
    this.listeners.add(conn);
    this.schedule();
  }

  /** Has `settleAll` run at the end of this turn of the event loop. */
  schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    // Until then whatever comes over the rings is found without a wake-up.
    this.io.bell?.busy();
    setImmediate(this.settleAll);
  }

  private readonly settleAll = (): void => {
    this.isScheduled = false;
    const { io, clients, unfinished } = this;
    if (io.hasIncoming()) io.onWake();
    io.finishServed();
    io.hub.channels.depart();
    const { count } = clients;
    for (let i = 0; i < unfinished.count; i++) this.add(unfinished.at(i));
    unfinished.clear();
    for (let i = 0; i < clients.count; i++) {
      const conn = clients.at(i);
      conn.unsettled = false;
      if (!conn.closed) io.settle(conn);
    }
    clients.clear();
    if (this.next < this.listeners.count) this.settleListeners();
    if (count > 1 && !this.hasGathered && io.rings.hasFewerThan(GATHER_COMMANDS)) {
      this.hasGathered = true;
      this.schedule();
      return;
    }
    this.hasGathered = false;
    io.rings.publish();
    if (this.isScheduled || io.bell === null) return;
    io.bell.idle();
    if (io.hasIncoming()) this.schedule();
  };

  private settleListeners(): void {
    const { io, listeners } = this;
    const deadlineMs = this.isHurried ? Number.POSITIVE_INFINITY : monotonicMs() + SLICE_MS;
    let i = this.next;
    for (let n = 1; i < listeners.count; n++) {
      const conn = listeners.at(i++);
      conn.unsettled = false;
      if (!conn.closed) io.settle(conn);
      if ((n & (CLOCK_EVERY - 1)) === 0 && monotonicMs() > deadlineMs) break;
    }
    if (i < listeners.count) {
      this.next = i;
      // Without this the list would keep written connections alive as long as it never becomes empty.
      if (i > 1024 && i * 2 > listeners.count) {
        listeners.dropFirst(i);
        this.next = 0;
      }
      this.schedule();
      return;
    }
    listeners.clear();
    this.next = 0;
    this.isHurried = false;
  }
}
