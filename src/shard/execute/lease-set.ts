/**
 * The leases that one thread holds at a moment. Several are always taken in ascending shard order; a thread that lacks
 * a lower one gives back what it has and begins again, so there is no cycle to wait in. Nor does a thread sit on leases
 * while it waits for one that is held for long (a script): it gives back what it has, waits for that one alone, and
 * then looks for the others, for an instant each. A wait without end is so always one with empty hands, or in ascending
 * order, after too many attempts.
 *
 * Invariants: (1) `count` shards have `held` set; (2) an arena is synchronised right after its lease was taken; (3) in
 * checking mode the pages touched are settled right before it is given back.
 */
import { monotonicMs } from '../../shared/clock.js';
import { type Arena, CHECKING, CTL_LEASE } from '../../shared/memory/arena.js';
import { faultPoint, POINT } from '../../shared/memory/fault-point.js';
import { Lease } from '../../shared/sync/lease.js';

/** For how long `trySoon` looks, milliseconds, and how long it does not after that was in vain. */
const SPIN_MS = 0.04;
const IMPATIENT_MS = 0.5;
/** How often it looks between two readings of the clock. */
const SPINS = 64;

/** How long a lease is waited for while others are held, milliseconds: several times what a batch takes. */
const PATIENCE_MS = 2;
/** After so many attempts to have all in an instant they are waited for in order. */
const ATTEMPTS_MAX = 8;

export class LeaseSet {
  /** 1 for each shard whose lease is held here. */
  readonly held: Uint8Array;
  /** Number of leases held. */
  count = 0;
  private readonly threadId: number;
  private readonly arenas: readonly Arena[];
  private readonly leases: Lease[];
  /** All shards, marked. */
  private readonly all: Uint8Array;
  /** Until then `trySoon` does not look twice: whoever holds leases keeps them for long. */
  private impatientUntilMs = 0;

  constructor(threadId: number, arenas: readonly Arena[]) {
    this.threadId = threadId;
    this.arenas = arenas;
    this.held = new Uint8Array(arenas.length);
    this.all = new Uint8Array(arenas.length).fill(1);
    for (const arena of arenas) arena.threadId = threadId;
    this.leases = arenas.map((arena) => new Lease(arena.ctl, CTL_LEASE));
  }

  /** hot: takes the lease of a shard if it is free or held here already; never waits. */
  tryShard(shard: number): boolean {
    if (this.held[shard] !== 0) return true;
    if (!this.leases[shard]!.tryAcquire(this.threadId)) return false;
    this.hold(shard);
    return true;
  }

  /**
   * hot: as tryShard, but looks again for an instant if another thread has the lease: most often that is about to end,
   * and going over the ring instead keeps it contended. All others are given back meanwhile. For I/O threads.
   */
  trySoon(shard: number): boolean {
    return this.tryShard(shard) || this.spin(shard);
  }

  private spin(shard: number): boolean {
    const startMs = monotonicMs();
    if (startMs < this.impatientUntilMs) return false;
    this.giveAll();
    const lease = this.leases[shard]!;
    do {
      for (let n = 0; n < SPINS; n++) if (lease.holder() === 0 && this.tryShard(shard)) return true;
    } while (monotonicMs() - startMs < SPIN_MS);
    this.impatientUntilMs = startMs + IMPATIENT_MS;
    return false;
  }

  /** Takes the lease of a shard, waiting. @requires a thread that may block, no lease of a higher shard held */
  takeShard(shard: number): void {
    if (this.held[shard] !== 0) return;
    this.leases[shard]!.acquire(this.threadId);
    this.hold(shard);
  }

  /** Takes the leases of all shards marked in `wanted` (1 each), waiting. @requires a thread that may block */
  takeMarked(wanted: Uint8Array): void {
    let missing = false;
    for (let s = 0; s < wanted.length; s++) if (wanted[s] !== 0 && this.held[s] === 0) missing = true;
    if (!missing) return;
    if (this.count > 0) this.giveAll();
    this.takeRow(wanted);
  }

  /** Takes all leases, waiting. @requires a thread that may block */
  takeAll(): void {
    if (this.count === this.arenas.length) return;
    if (this.count > 0) this.giveAll();
    this.takeRow(this.all);
  }

  /** @requires nothing held */
  private takeRow(wanted: Uint8Array): void {
    for (let n = 0; n < ATTEMPTS_MAX; n++) {
      const late = this.takeWithin(wanted);
      if (late < 0) return;
      this.giveAll();
      this.takeShard(late);
    }
    this.giveAll();
    for (let s = 0; s < wanted.length; s++) if (wanted[s] !== 0) this.takeShard(s);
  }

  /** Takes the marked leases that are not held, each within an instant. The first one that was not to be had, or -1. */
  private takeWithin(wanted: Uint8Array): number {
    for (let s = 0; s < wanted.length; s++) {
      if (wanted[s] === 0 || this.held[s] !== 0) continue;
      if (!this.leases[s]!.acquireWithin(this.threadId, PATIENCE_MS)) return s;
      this.hold(s);
    }
    return -1;
  }

  private hold(shard: number): void {
    this.held[shard] = 1;
    this.count++;
    this.arenas[shard]!.sync();
    faultPoint(POINT.leaseHeld);
  }

  /** Gives every lease back. Whether somebody was waiting for one. */
  giveAll(): boolean {
    if (this.count === 0) return false;
    faultPoint(POINT.leaseHeld);
    let woke = false;
    for (let s = 0; s < this.held.length; s++) {
      if (this.held[s] === 0) continue;
      if (CHECKING) this.arenas[s]!.settleTouched();
      this.held[s] = 0;
      if (this.leases[s]!.release()) woke = true;
    }
    this.count = 0;
    return woke;
  }

  /** The thread that holds the lease of a shard, 0 for nobody: a recent moment. */
  holderOf(shard: number): number {
    return this.leases[shard]!.holder();
  }

  /** Whether another thread waits for one of the leases held here. */
  wanted(): boolean {
    for (let s = 0; s < this.held.length; s++) if (this.held[s] !== 0 && this.leases[s]!.wanted()) return true;
    return false;
  }
}

/** The leases of a command inside a transaction or script: those that the outer one holds, which it keeps. */
export class PinnedLeases extends LeaseSet {
  private readonly outer: LeaseSet;

  constructor(threadId: number, arenas: readonly Arena[], outer: LeaseSet) {
    super(threadId, arenas);
    this.outer = outer;
  }

  override tryShard(shard: number): boolean {
    return this.outer.held[shard] !== 0;
  }

  override takeShard(shard: number): void {
    if (this.outer.held[shard] === 0) throw new Error(`the lease of shard ${shard} is not held by the transaction`);
  }

  override takeMarked(wanted: Uint8Array): void {
    for (let s = 0; s < wanted.length; s++) if (wanted[s] !== 0) this.takeShard(s);
  }

  override takeAll(): void {
    for (let s = 0; s < this.held.length; s++) this.takeShard(s);
  }

  override giveAll(): boolean {
    return false;
  }

  override wanted(): boolean {
    return false;
  }
}
