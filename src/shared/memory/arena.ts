/**
 * The arena of one shard as one thread sees it: views over the shard's segments and the words of its control area.
 * One object per shard and thread; it holds no data, and can be thrown away and built again at any moment.
 *
 * A segment (64 MiB) begins with its own bookkeeping, slab page 0:
 *
 *     0        8 KiB            72 KiB          136 KiB                256 KiB
 *     | page    | epoch word of  | checksum of   | control area         | slab pages 1..255
 *     | descr.  | each 4K page   | each 4K page  | (segment 0 only)     |
 *
 * Invariants: (1) everything but the words of the lease (CTL_LEASE) and the `given` counts of pins is read and written
 * only under the shard's lease; (2) before a thread uses pointers it has called `sync()` under the lease, so every
 * published segment is attached; (3) every store into a cell is preceded by `touch` of that range, except into a cell
 * that `alloc` returned in the same critical section.
 *
 * Cuts (snapshots) do not exist yet: `tracking` is 0 and `touch` is one compare. In checking mode (SHERD_CHECK=1) it is
 * 1, and store-check.ts finds every store that forgot its touch.
 */
import { invariant } from '../errors/invariant.js';
import { faultPoint, POINT } from './fault-point.js';
import { type Ptr, SEGMENT_BYTES, SEGMENT_SHIFT, SEGMENTS_MAX, UNIT_MASK } from './ptr.js';
import { StoreCheck, type UnannouncedStore } from './store-check.js';

/** Where segments come from: one implementation announces them between threads, another serves tests. */
export interface SegmentProvider {
  /** A new zero-filled segment, announced to all threads of the server before this returns. */
  allocate(shard: number, index: number): SharedArrayBuffer;
  /** A segment that another thread allocated. */
  attach(shard: number, index: number): SharedArrayBuffer;
}

/** Byte offset of the control words, inside slab page 0 of a segment. */
const CONTROL_OFFSET = 136 * 1024;

/** Control words of a shard: indexes into the Int32Array over segment 0. */
const CTL = CONTROL_OFFSET >> 2;
/** Lease: three words (state, holder, waiters) in a cache line of their own. */
export const CTL_LEASE = CTL;
export const CTL_SEGMENT_COUNT = CTL + 16;
/** Next slab page never used, as a global page id (segment * 256 + page). */
export const CTL_NEXT_PAGE = CTL + 17;
/** Head of the list of empty slab pages. */
export const CTL_FREE_PAGES = CTL + 18;
/** Pointer to the cell with the roots of the databases, and their number. */
export const CTL_DB_ROOTS = CTL + 19;
export const CTL_DB_COUNT = CTL + 20;
/** What the shard has added to CONTROL.watchedKeys. */
export const CTL_WATCHED_COUNT = CTL + 21;
/** Key of the dictionary's hash: two words. */
export const CTL_HASH_KEY = CTL + 22;
/** Heads of lists of roots given up by FLUSHALL and waiting to be freed in slices. */
export const CTL_GARBAGE = CTL + 24;
/** Where the active expiry cycle goes on: database and directory position. */
export const CTL_EXPIRE_DB = CTL + 26;
export const CTL_EXPIRE_POSITION = CTL + 27;
/** Head of the list of values given up and waiting to be freed in slices. */
export const CTL_GARBAGE_VALUES = CTL + 28;
/** Root of the table of watched keys (0: none), see shard/blocking/watch.ts. */
export const CTL_WATCHED = CTL + 29;
/** Root of the table of blocked clients (0: none), see shard/blocking/waiters.ts. */
export const CTL_BLOCKED = CTL + 30;
/** Number of pins in use, and the table of them (memory/pins.ts). */
export const CTL_PIN_COUNT = CTL + 31;
export const CTL_PINS = (224 * 1024) >> 2;
/** Bytes in allocated cells (Float64Array index). */
export const CTL_USED_BYTES_F64 = (CTL + 32) >> 1;
/** Peak of the same. */
export const CTL_PEAK_BYTES_F64 = CTL_USED_BYTES_F64 + 1;
/** Cells handed out and given back since the start (Float64Array index). */
export const CTL_ALLOCS_F64 = CTL_USED_BYTES_F64 + 2;
/** Last version given to a watched key (Float64Array index). */
export const CTL_WATCH_VERSION_F64 = CTL_USED_BYTES_F64 + 3;
/** Heads of the lists of pages with free cells, one word per size class (up to 96). */
export const CTL_PARTIAL = CTL + 64;

/** Checking mode: slow, finds stores without `touch`. */
export const CHECKING = typeof process !== 'undefined' && process.env.SHERD_CHECK === '1';

/** Thrown when a shard cannot grow any more; the executor turns it into an -OOM reply. */
export class ArenaFullError extends Error {
  constructor(shard: number) {
    super(`shard ${shard}: no memory left (32 GiB a shard, or the operating system refused)`);
  }
}

export class Arena {
  readonly shard: number;
  /** Views of each segment; same index in all arrays. */
  readonly u8: Uint8Array[] = [];
  readonly i32: Int32Array[] = [];
  readonly f64: Float64Array[] = [];
  readonly dv: DataView[] = [];
  /** Views over segment 0, where the control words are. */
  readonly ctl: Int32Array;
  readonly ctlF64: Float64Array;
  /** Not 0 while stores must be announced (an open cut, checking mode). */
  tracking = 0;
  /** The thread whose leases `LeaseSet` takes for this view; 0 where nobody keeps account (tests, tools). */
  threadId = 0;
  private segmentCount = 0;
  private readonly provider: SegmentProvider;
  /** Checking mode only. */
  private readonly stores: StoreCheck | null = CHECKING ? new StoreCheck(this.i32) : null;

  constructor(shard: number, segment0: SharedArrayBuffer, provider: SegmentProvider) {
    this.shard = shard;
    this.provider = provider;
    this.addViews(segment0);
    this.ctl = this.i32[0]!;
    this.ctlF64 = this.f64[0]!;
    if (this.stores !== null) this.tracking = 1;
    this.sync();
  }

  /** For invariants: whether this thread holds the lease, as far as that is known. */
  get isMine(): boolean {
    return this.threadId === 0 || Atomics.load(this.ctl, CTL_LEASE) >>> 1 === this.threadId;
  }

  private addViews(sab: SharedArrayBuffer): void {
    if (sab.byteLength !== SEGMENT_BYTES) throw new Error(`segment of ${sab.byteLength} bytes`);
    this.u8.push(new Uint8Array(sab));
    this.i32.push(new Int32Array(sab));
    this.f64.push(new Float64Array(sab));
    this.dv.push(new DataView(sab));
    this.segmentCount++;
  }

  /** Attaches segments that other threads added. @requires the lease, right after it was taken. */
  sync(): void {
    if (this.ctl[CTL_SEGMENT_COUNT]! > this.segmentCount) this.attachMissing();
  }

  private attachMissing(): void {
    const published = this.ctl[CTL_SEGMENT_COUNT]!;
    while (this.segmentCount < published) this.addViews(this.provider.attach(this.shard, this.segmentCount));
  }

  /** Adds a segment and publishes it. @requires the lease. Throws ArenaFullError. */
  addSegment(): number {
    invariant(this.isMine, 'the lease');
    this.sync();
    const index = this.segmentCount;
    if (index >= SEGMENTS_MAX) throw new ArenaFullError(this.shard);
    let sab: SharedArrayBuffer;
    try {
      sab = this.provider.allocate(this.shard, index);
    } catch {
      throw new ArenaFullError(this.shard);
    }
    this.addViews(sab);
    Atomics.store(this.ctl, CTL_SEGMENT_COUNT, this.segmentCount);
    return index;
  }

  /** Segments attached by this thread. */
  get segments(): number {
    return this.segmentCount;
  }

  /** Bytes in allocated cells. Exact under the lease, a recent value without it. */
  get usedBytes(): number {
    return this.ctlF64[CTL_USED_BYTES_F64]!;
  }

  // ---- announcing stores ----

  /** Announces a store into `bytes` bytes from `byteOffset` of the cell `ptr`. Must come before the store. */
  touch(ptr: Ptr, byteOffset: number, bytes: number): void {
    if (this.tracking !== 0) this.touchSlow(ptr, byteOffset, bytes);
  }

  private touchSlow(ptr: Ptr, byteOffset: number, bytes: number): void {
    faultPoint(POINT.store);
    this.stores?.announce(ptr >>> SEGMENT_SHIFT, (ptr & UNIT_MASK) * 8 + byteOffset, bytes);
  }

  /** Checking mode: ends the critical section for the check of stores. @requires the lease, before its release. */
  settleTouched(): void {
    invariant(this.isMine, 'the lease, before its release');
    this.stores?.settle();
  }

  /** Checking mode: the stores without `touch` that were found, see store-check.ts. @requires the lease. */
  unannouncedStores(): UnannouncedStore[] {
    return this.stores === null ? [] : this.stores.findings(this.ctl[CTL_NEXT_PAGE]!);
  }
}

/** Prepares a zero-filled first segment: its control words. Call once per shard, before any Arena exists. */
export function formatShard(segment0: SharedArrayBuffer, hashKey0: number, hashKey1: number): void {
  const i32 = new Int32Array(segment0);
  i32[CTL_SEGMENT_COUNT] = 1;
  i32[CTL_NEXT_PAGE] = 1;
  i32[CTL_HASH_KEY] = hashKey0;
  i32[CTL_HASH_KEY + 1] = hashKey1;
}
