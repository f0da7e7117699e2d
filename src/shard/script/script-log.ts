/**
 * The scripts that the server knows, for all threads: an area of shared memory, so a script that was loaded through one
 * shard can be called by its SHA1 on any, and survives the death of a thread.
 *
 *     words: lock (thread id) | bytes used | generation | scripts | version | EVAL's scripts | evicted | clock | gone
 *     record: [ bytes of body:4 | kind:4 | sha1 as 40 hex chars | body ], padded to 8
 *     kind: 0 gone, -1 from SCRIPT LOAD, else from EVAL, and the clock when it was used last
 *
 * Records are appended. SCRIPT LOAD's scripts stay; of EVAL's the EVAL_MAX last used stay, as in Redis 7.4, or as many
 * as find room. When the area ends, or many records are gone, the records that are left move together.
 *
 * Invariants: (1) changed only under the lock, by shard threads; (2) a SHA1 stands here once; (3) `version` is odd
 * while bytes below `used` are overwritten, and another one afterwards: a reader looks at it behind its copy; (4) the
 * lock of a thread that is dead is taken over, and what the thread may have left half done is put in order.
 */
import { type ControlBlock, THREAD_STATE } from '../../shared/sync/control-block.js';

const LOCK = 0;
const USED = 1;
const GENERATION = 2;
const COUNT = 3;
const VERSION = 4;
const EVAL_COUNT = 5;
const EVICTED = 6;
const CLOCK = 7;
const GONE = 8;
const HEAD_BYTES = 64;
const KIND = 1;
const SHA_AT = 8;
const BODY_AT = 48;
const SHA_CHARS = 40;

const KIND_GONE = 0;
const KIND_LOADED = -1;
/** Scripts of EVAL that are kept. */
const EVAL_MAX = 500;
/** Records that are gone before the rest moves together. */
const GONE_MAX = 1000;
/** So much is free after the records have moved, if that takes EVAL's scripts only: 1 / FREE_PART of the area. */
const FREE_PART = 4;
/** Between two looks at a lock that another thread has. */
const WAIT_MS = 1;
/** A reader that finds records on the move looks again so often, then gives up: it holds nothing and may be wrong. */
const READ_TRIES = 50;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Bytes of a record. */
function recordBytes(length: number): number {
  return BODY_AT + ((length + 7) & ~7);
}

export class ScriptLog {
  private readonly control: ControlBlock;
  private readonly words: Int32Array;
  private readonly u8: Uint8Array;
  private readonly threadId: number;
  /** The version that the place which `add` or `place` returned last belongs to. */
  placeVersion = 0;

  /** `area`: where the scripts are; tests give a small one. */
  constructor(control: ControlBlock, threadId: number, area: Uint8Array = control.scriptLog()) {
    this.control = control;
    this.u8 = area;
    this.words = new Int32Array(this.u8.buffer, this.u8.byteOffset, this.u8.byteLength >> 2);
    this.threadId = threadId;
    // A predecessor of this thread died with the lock.
    if (Atomics.load(this.words, LOCK) === threadId) {
      this.repair();
      this.unlock();
    }
  }

  /** Raised whenever all scripts were forgotten. */
  get generation(): number {
    return Atomics.load(this.words, GENERATION);
  }

  get count(): number {
    return Atomics.load(this.words, COUNT);
  }

  /** Scripts of EVAL that had to go. */
  get evicted(): number {
    return Atomics.load(this.words, EVICTED);
  }

  /** Begins to count them anew. */
  resetEvicted(): void {
    Atomics.store(this.words, EVICTED, 0);
  }

  /** Bytes that scripts take. */
  get usedBytes(): number {
    return Atomics.load(this.words, USED);
  }

  private lock(): void {
    const { words, threadId } = this;
    for (;;) {
      const holder = Atomics.compareExchange(words, LOCK, 0, threadId);
      if (holder === 0) return;
      if (this.control.state(holder) !== THREAD_STATE.dead) Atomics.wait(NEVER, 0, 0, WAIT_MS);
      else if (Atomics.compareExchange(words, LOCK, holder, threadId) === holder) {
        this.repair();
        return;
      }
    }
  }

  private unlock(): void {
    Atomics.store(this.words, LOCK, 0);
  }

  /** Puts in order what a thread left that died under the lock. A move that was cut leaves nothing that can be used. */
  private repair(): void {
    const { words } = this;
    if ((words[VERSION]! & 1) !== 0) {
      this.forgetAll();
      Atomics.add(words, VERSION, 1);
      return;
    }
    let live = 0;
    let evals = 0;
    let gone = 0;
    const end = HEAD_BYTES + words[USED]!;
    for (let at = HEAD_BYTES; at < end; at += recordBytes(words[at >> 2]!)) {
      const kind = words[(at >> 2) + KIND]!;
      if (kind === KIND_GONE) gone++;
      else live++;
      if (kind > 0) evals++;
    }
    Atomics.store(words, COUNT, live);
    Atomics.store(words, EVAL_COUNT, evals);
    Atomics.store(words, GONE, gone);
  }

  /**
   * Adds a script unless it is there; `loaded`: added by SCRIPT LOAD, so the script is never dropped. Returns the
   * script's place, or 0 when there is no room.
   */
  add(sha: string, body: Uint8Array, loaded: boolean): number {
    const { words } = this;
    this.lock();
    try {
      const found = this.scan(sha);
      if (found !== 0) {
        if (loaded && words[(found >> 2) + KIND]! > 0) {
          words[(found >> 2) + KIND] = KIND_LOADED;
          Atomics.sub(words, EVAL_COUNT, 1);
        } else if (words[(found >> 2) + KIND]! > 0) words[(found >> 2) + KIND] = words[CLOCK]!;
        return found;
      }
      const total = recordBytes(body.length);
      if (total > this.u8.length - HEAD_BYTES) return 0;
      if (!loaded && words[EVAL_COUNT]! >= EVAL_MAX) this.evictOldest();
      if (words[GONE]! > GONE_MAX || HEAD_BYTES + words[USED]! + total > this.u8.length) this.makeRoom(total);
      const at = HEAD_BYTES + words[USED]!;
      if (at + total > this.u8.length) return 0;
      words[at >> 2] = body.length;
      words[(at >> 2) + KIND] = loaded ? KIND_LOADED : this.tick();
      for (let i = 0; i < SHA_CHARS; i++) this.u8[at + SHA_AT + i] = sha.charCodeAt(i);
      this.u8.set(body, at + BODY_AT);
      Atomics.store(words, USED, words[USED]! + total);
      Atomics.add(words, COUNT, 1);
      if (!loaded) Atomics.add(words, EVAL_COUNT, 1);
      return at;
    } finally {
      this.placeVersion = words[VERSION]!;
      this.unlock();
    }
  }

  /** The clock goes on with each script of EVAL, which is fine enough to tell which of them was used last. */
  private tick(): number {
    const { words } = this;
    const now = words[CLOCK]! >= 0x7fffffff ? 1 : words[CLOCK]! + 1;
    Atomics.store(words, CLOCK, now);
    return now;
  }

  /**
   * Notes that the script at `place` of `version` is used. False when it is gone or has moved: `place` finds it then.
   * Nothing is written while the clock stands, which is while no new script comes.
   */
  // hot: EVALSHA
  use(place: number, version: number): boolean {
    const { words } = this;
    if (place === 0) return false;
    const at = (place >> 2) + KIND;
    const kind = Atomics.load(words, at);
    const now = words[CLOCK]!;
    if (Atomics.load(words, VERSION) !== version || kind === KIND_GONE) return false;
    if (kind === KIND_LOADED || kind === now) return true;
    this.lock();
    const isThere = words[VERSION] === version && words[at] !== KIND_GONE;
    if (isThere && words[at]! > 0) words[at] = words[CLOCK]!;
    this.unlock();
    return isThere;
  }

  /** Forgets the script of EVAL that was used least recently; false when there is none. @requires the lock */
  private evictOldest(): boolean {
    const { words } = this;
    const clock = words[CLOCK]!;
    let oldest = 0;
    let age = -1;
    const end = HEAD_BYTES + words[USED]!;
    for (let at = HEAD_BYTES; at < end; at += recordBytes(words[at >> 2]!)) {
      const kind = words[(at >> 2) + KIND]!;
      if (kind <= 0) continue;
      // The clock may have begun anew.
      const ticks = (clock - kind) & 0x7fffffff;
      if (ticks <= age) continue;
      age = ticks;
      oldest = at;
    }
    if (oldest === 0) return false;
    Atomics.store(words, (oldest >> 2) + KIND, KIND_GONE);
    Atomics.sub(words, COUNT, 1);
    Atomics.sub(words, EVAL_COUNT, 1);
    Atomics.add(words, GONE, 1);
    Atomics.add(words, EVICTED, 1);
    return true;
  }

  /** Bytes of the records that are not gone. */
  private liveBytes(): number {
    const { words } = this;
    let bytes = 0;
    const end = HEAD_BYTES + words[USED]!;
    for (let at = HEAD_BYTES; at < end; ) {
      const total = recordBytes(words[at >> 2]!);
      if (words[(at >> 2) + KIND] !== KIND_GONE) bytes += total;
      at += total;
    }
    return bytes;
  }

  /** Moves the records together; scripts of EVAL go until there is room to spare. @requires the lock */
  private makeRoom(total: number): void {
    const { words, u8 } = this;
    const spare = Math.max(total, Math.floor(u8.length / FREE_PART));
    while (this.liveBytes() > u8.length - HEAD_BYTES - spare && this.evictOldest());
    if (words[GONE] === 0) return;
    Atomics.add(words, VERSION, 1);
    let to = HEAD_BYTES;
    const end = HEAD_BYTES + words[USED]!;
    for (let at = HEAD_BYTES; at < end; ) {
      const bytes = recordBytes(words[at >> 2]!);
      if (words[(at >> 2) + KIND] !== KIND_GONE) {
        if (to !== at) u8.copyWithin(to, at, at + bytes);
        to += bytes;
      }
      at += bytes;
    }
    Atomics.store(words, USED, to - HEAD_BYTES);
    Atomics.store(words, GONE, 0);
    Atomics.add(words, VERSION, 1);
  }

  /** The body of a script, a copy; null when it is not known. */
  find(sha: string): Uint8Array | null {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const before = Atomics.load(this.words, VERSION);
      if ((before & 1) === 0) {
        const at = this.scan(sha);
        const body = at === 0 ? null : this.u8.slice(at + BODY_AT, at + BODY_AT + this.words[at >> 2]!);
        if (Atomics.load(this.words, VERSION) === before) return body;
      } else Atomics.wait(NEVER, 0, 0, WAIT_MS);
    }
    return null;
  }

  /** The place of a script, which is used now; 0 when it is not known. */
  place(sha: string): number {
    const { words } = this;
    this.lock();
    const at = this.scan(sha);
    if (at !== 0 && words[(at >> 2) + KIND]! > 0) words[(at >> 2) + KIND] = words[CLOCK]!;
    this.placeVersion = words[VERSION]!;
    this.unlock();
    return at;
  }

  /** Whether a script is known. */
  has(sha: string): boolean {
    this.lock();
    const at = this.scan(sha);
    this.unlock();
    return at !== 0;
  }

  private scan(sha: string): number {
    const { words, u8 } = this;
    const end = HEAD_BYTES + Atomics.load(words, USED);
    for (let at = HEAD_BYTES; at < end; ) {
      const length = words[at >> 2]!;
      // Without the lock the bytes may be on the move: the caller finds another version then.
      if (length < 0 || at + length > end) return 0;
      if (words[(at >> 2) + KIND] !== KIND_GONE) {
        let i = 0;
        while (i < SHA_CHARS && u8[at + SHA_AT + i] === sha.charCodeAt(i)) i++;
        if (i === SHA_CHARS) return at;
      }
      at += recordBytes(length);
    }
    return 0;
  }

  private forgetAll(): void {
    const { words } = this;
    Atomics.store(words, USED, 0);
    Atomics.store(words, COUNT, 0);
    Atomics.store(words, EVAL_COUNT, 0);
    Atomics.store(words, GONE, 0);
    Atomics.add(words, GENERATION, 1);
  }

  /** Forgets all scripts. */
  flush(): void {
    this.lock();
    Atomics.add(this.words, VERSION, 1);
    this.forgetAll();
    Atomics.add(this.words, VERSION, 1);
    this.unlock();
  }
}
