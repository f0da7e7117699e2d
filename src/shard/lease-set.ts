/**
 * The leases that one thread holds at a moment. Several are always taken in ascending shard order; a thread that lacks
 * a lower one gives back what it has and begins again, so there is no cycle to wait in.
 *
 * Invariants: (1) `count` shards have `held` set; (2) an arena is synchronised right after its lease was taken; (3) in
 * checking mode the pages touched are settled right before it is given back.
 */
import { type Arena, CHECKING, CTL_LEASE } from '../shared/memory/arena.js';
import { Lease } from '../shared/sync/lease.js';

export class LeaseSet {
  /** 1 for each shard whose lease is held here. */
  readonly held: Uint8Array;
  /** Number of leases held. */
  count = 0;
  private readonly threadId: number;
  private readonly arenas: readonly Arena[];
  private readonly leases: Lease[];

  constructor(threadId: number, arenas: readonly Arena[]) {
    this.threadId = threadId;
    this.arenas = arenas;
    this.held = new Uint8Array(arenas.length);
    this.leases = arenas.map((arena) => new Lease(arena.ctl, CTL_LEASE));
  }

  /** hot: takes the lease of a shard if it is free or held here already; never waits. */
  tryShard(shard: number): boolean {
    if (this.held[shard] !== 0) return true;
    if (!this.leases[shard]!.tryAcquire(this.threadId)) return false;
    this.held[shard] = 1;
    this.count++;
    this.arenas[shard]!.sync();
    return true;
  }

  /** Takes the lease of a shard, waiting. @requires a thread that may block, no lease of a higher shard held */
  takeShard(shard: number): void {
    if (this.held[shard] !== 0) return;
    this.leases[shard]!.acquire(this.threadId);
    this.held[shard] = 1;
    this.count++;
    this.arenas[shard]!.sync();
  }

  /** Takes the leases of all shards marked in `wanted` (1 each), waiting. @requires a thread that may block */
  takeMarked(wanted: Uint8Array): void {
    let missing = false;
    for (let s = 0; s < wanted.length; s++) if (wanted[s] !== 0 && this.held[s] === 0) missing = true;
    if (!missing) return;
    if (this.count > 0) this.giveAll();
    for (let s = 0; s < wanted.length; s++) if (wanted[s] !== 0) this.takeShard(s);
  }

  /** Takes all leases, waiting. @requires a thread that may block */
  takeAll(): void {
    if (this.count === this.arenas.length) return;
    if (this.count > 0) this.giveAll();
    for (let s = 0; s < this.arenas.length; s++) this.takeShard(s);
  }

  /** Gives every lease back. */
  giveAll(): void {
    if (this.count === 0) return;
    for (let s = 0; s < this.held.length; s++) {
      if (this.held[s] === 0) continue;
      if (CHECKING) this.arenas[s]!.settleTouched();
      this.held[s] = 0;
      this.leases[s]!.release();
    }
    this.count = 0;
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

  override giveAll(): void {}

  override wanted(): boolean {
    return false;
  }
}
