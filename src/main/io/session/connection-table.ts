/**
 * The connections of an I/O thread: by client id, and by the slot under which shards and rings know them.
 *
 * Invariants: (1) `byId` has open connections alone; (2) a slot belongs to one connection until every reply due to it
 * has come, also after the connection is closed; (3) the claim of a free slot is not marked as gone.
 */
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { forgetGone } from '../../../shared/sync/claims.js';
import { BARRIER, type Connection } from './connection.js';

export class ConnectionTable {
  /** Open connections by client id. */
  readonly byId: Map<number, Connection> = new Map();
  /** By slot, closed ones that still wait for replies included. */
  readonly bySlot: (Connection | null)[] = [];
  /** Who answers a blocked client, by slot (shared/sync/claims.ts). */
  readonly claims: Int32Array;
  private readonly stats: StatsBlock;
  private readonly freeSlots: number[] = [];
  private nobody = -1;

  constructor(claims: Int32Array, stats: StatsBlock) {
    this.claims = claims;
    this.stats = stats;
    claims.fill(0);
  }

  /** A free place in the table. */
  takeSlot(): number {
    return this.freeSlots.pop() ?? this.bySlot.push(null) - 1;
  }

  /** A slot that no connection ever has: replies sent to it are dropped. */
  nobodySlot(): number {
    if (this.nobody < 0) this.nobody = this.takeSlot();
    return this.nobody;
  }

  /** Puts a new connection in its slot. */
  add(conn: Connection): void {
    this.bySlot[conn.slot] = conn;
    this.byId.set(conn.session.id, conn);
    this.stats.f64[STAT.connectionsReceived]! += 1;
    this.stats.f64[STAT.connectedClients] = this.byId.size;
  }

  /** The connection is closed; its slot is free again as soon as it waits for nothing. */
  remove(conn: Connection): void {
    this.byId.delete(conn.session.id);
    this.stats.f64[STAT.connectedClients] = this.byId.size;
    this.releaseSlot(conn);
  }

  /** The slot of a closed connection is free again, when it waits for nothing any more. */
  releaseSlot(conn: Connection): void {
    if (conn.pending !== 0 || (conn.barrier & BARRIER.promise) !== 0 || this.bySlot[conn.slot] !== conn) return;
    this.bySlot[conn.slot] = null;
    forgetGone(this.claims, conn.slot);
    this.freeSlots.push(conn.slot);
  }
}
