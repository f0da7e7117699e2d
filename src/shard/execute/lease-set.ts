/**
 * The leases that one thread holds at a moment. Several leases are always taken in ascending shard order. A thread that
 * needs a lease of a lower shard first gives back all leases it holds, so a cycle of waiting threads cannot arise. If
 * another thread holds a lease for long (a script), the waiting thread gives back all its leases, waits for that lease
 * alone, and then tries the other leases for an instant each. So a thread that waits without a time limit holds no
 * lease. After ATTEMPTS failed attempts the instant grows, up to PATIENCE_MAX_MS, for leases in ascending order:
 * otherwise two threads that want the same leases could take them from each other again and again.
 *
 * Invariants: (1) `count` shards have `held` set; (2) an arena is synchronised right after its lease was taken; (3) in
 * checking mode the pages touched are settled right before it is given back.
 */
import { monotonicMs } from '../../shared/clock.js';
import { type Arena, CHECKING, CTL_LEASE } from '../../shared/memory/arena.js';
import { faultPoint, POINT } from '../../shared/memory/fault-point.js';
import { Lease } from '../../shared/sync/lease.js';

/** How long `trySoon` spins for a lease, and how long it does not spin again after it failed, milliseconds. */
const SPIN_MS = 0.04;
const IMPATIENT_MS = 0.5;
/** How often `trySoon` tries between two readings of the clock. */
const SPINS = 64;

/** How long a lease is waited for while others are held, milliseconds: several times as long as a batch. */
const PATIENCE_MS = 2;
/** After this many failed attempts, each further attempt doubles the patience, up to PATIENCE_MAX_MS milliseconds. */
const ATTEMPTS = 8;
const PATIENCE_MAX_MS = 256;

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
  /** Until this moment `trySoon` tries only once: the last holder kept its lease for longer than SPIN_MS. */
  private impatientUntilMs = 0;
  /**
   * Called when a call that may wait has taken leases; `waited`: the call did wait. The clock and the switches that
   * were read before the wait may have changed.
   */
  onTaken: (waited: boolean) => void = ignore;
  private waited = false;
  /**
   * The shard for which the last `giveAll` woke a waiting thread, -1: none; and the shard's count of handoffs before
   * that.
   */
  private wokenShard = -1;
  private wokenHandoffs = 0;

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
   * hot: as tryShard, but spins for an instant if another thread has the lease. Most holders are about to give the
   * lease back, and a request over the ring would keep the lease contended. All other leases are given back before the
   * spin. For I/O threads.
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
    this.wait(shard);
    this.taken();
  }

  /** Takes one lease; waits until the lease is free. */
  private wait(shard: number): void {
    const lease = this.leases[shard]!;
    if (!lease.tryAcquire(this.threadId)) {
      this.waited = true;
      lease.acquire(this.threadId);
    }
    this.hold(shard);
  }

  private taken(): void {
    const { waited } = this;
    this.waited = false;
    this.onTaken(waited);
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
    let early = -1;
    let patienceMs = PATIENCE_MS;
    for (let n = 0; ; n++) {
      const late = this.takeWithin(wanted, early, patienceMs);
      if (late < 0) break;
      this.giveAll();
      this.wait(late);
      early = late;
      if (n >= ATTEMPTS && patienceMs < PATIENCE_MAX_MS) patienceMs *= 2;
    }
    this.taken();
  }

  /**
   * Takes the marked leases that are not held yet, each within an instant; leases above `early`, which is held, may
   * take `patienceMs`. Returns the first shard whose lease could not be taken, or -1.
   */
  private takeWithin(wanted: Uint8Array, early: number, patienceMs: number): number {
    for (let s = 0; s < wanted.length; s++) {
      if (wanted[s] === 0 || this.held[s] !== 0) continue;
      const lease = this.leases[s]!;
      if (!lease.tryAcquire(this.threadId)) {
        this.waited = true;
        if (!lease.acquireWithin(this.threadId, s > early ? patienceMs : PATIENCE_MS)) return s;
      }
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

  /** Gives every lease back. Returns whether a thread was waiting for one of them; then call `letWaiterIn`. */
  giveAll(): boolean {
    if (this.count === 0) return false;
    faultPoint(POINT.leaseHeld);
    let woke = false;
    for (let s = 0; s < this.held.length; s++) {
      if (this.held[s] === 0) continue;
      if (CHECKING) this.arenas[s]!.settleTouched();
      this.held[s] = 0;
      const lease = this.leases[s]!;
      const handoffs = lease.wanted() ? lease.handoffs() : 0;
      if (!lease.release()) continue;
      woke = true;
      this.wokenShard = s;
      this.wokenHandoffs = handoffs;
    }
    this.count = 0;
    return woke;
  }

  /**
   * After a `giveAll` that woke somebody: gives that thread up to `timeoutMs` to get in, before this one takes the
   * lease again. @requires a thread that may block, no lease held
   */
  letWaiterIn(timeoutMs: number): void {
    const shard = this.wokenShard;
    this.wokenShard = -1;
    if (shard >= 0) this.leases[shard]!.letWaiterIn(this.wokenHandoffs, timeoutMs);
  }

  /** The id of the thread that held the lease of a shard a moment ago, 0: none. */
  holderOf(shard: number): number {
    return this.leases[shard]!.holder();
  }

  /** Whether another thread waits for one of the leases held here. */
  wanted(): boolean {
    for (let s = 0; s < this.held.length; s++) if (this.held[s] !== 0 && this.leases[s]!.wanted()) return true;
    return false;
  }
}

function ignore(): void {}

/** The leases of a command inside a transaction or script: the outer command holds them, and keeps them afterwards. */
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
