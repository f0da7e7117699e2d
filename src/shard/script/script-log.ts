/**
 * The scripts that the server knows, for all threads: an append-only area of shared memory, so a script that was loaded
 * through one shard can be called by its SHA1 on any, and survives the death of a thread.
 *
 *     word 0: lock (thread id)   1: bytes used   2: generation, raised by SCRIPT FLUSH   3: number of scripts
 *     record: [ bytes of body:4 | - | sha1 as 40 hex chars | body ], padded to 8
 *
 * Every thread keeps what it has compiled and reads on from where it was; another generation means to begin anew.
 *
 * Invariants: (1) changed only under the lock, which is held for the copying of one script; (2) a SHA1 stands here
 * once.
 */
import type { ControlBlock } from '../../shared/sync/control-block.js';

const LOCK = 0;
const USED = 1;
const GENERATION = 2;
const COUNT = 3;
const HEAD_BYTES = 64;
const SHA_AT = 8;
const BODY_AT = 48;
const SHA_CHARS = 40;
/** A lock that is held so long belongs to a thread that died. */
const LOCK_MS = 100;

export class ScriptLog {
  private readonly words: Int32Array;
  private readonly u8: Uint8Array;
  private readonly threadId: number;

  constructor(control: ControlBlock, threadId: number) {
    this.u8 = control.scriptLog();
    this.words = new Int32Array(this.u8.buffer, this.u8.byteOffset, this.u8.byteLength >> 2);
    this.threadId = threadId;
  }

  /** Raised whenever all scripts were forgotten. */
  get generation(): number {
    return Atomics.load(this.words, GENERATION);
  }

  get count(): number {
    return Atomics.load(this.words, COUNT);
  }

  /** Bytes that scripts take. */
  get usedBytes(): number {
    return Atomics.load(this.words, USED);
  }

  private lock(): void {
    const deadline = Date.now() + LOCK_MS;
    while (Atomics.compareExchange(this.words, LOCK, 0, this.threadId) !== 0) {
      if (Date.now() > deadline) {
        Atomics.store(this.words, LOCK, this.threadId);
        return;
      }
    }
  }

  private unlock(): void {
    Atomics.store(this.words, LOCK, 0);
  }

  /** Adds a script unless it is there already. False when there is no room. */
  add(sha: string, body: Uint8Array): boolean {
    this.lock();
    try {
      const used = this.words[USED]!;
      if (this.scan(sha, 0, used) !== null) return true;
      const total = BODY_AT + ((body.length + 7) & ~7);
      const at = HEAD_BYTES + used;
      if (at + total > this.u8.length) return false;
      this.words[at >> 2] = body.length;
      for (let i = 0; i < SHA_CHARS; i++) this.u8[at + SHA_AT + i] = sha.charCodeAt(i);
      this.u8.set(body, at + BODY_AT);
      Atomics.store(this.words, USED, used + total);
      Atomics.add(this.words, COUNT, 1);
      return true;
    } finally {
      this.unlock();
    }
  }

  /** The body of a script, a copy; null when it is not known. */
  find(sha: string): Uint8Array | null {
    return this.scan(sha, 0, Atomics.load(this.words, USED));
  }

  private scan(sha: string, from: number, to: number): Uint8Array | null {
    for (let at = HEAD_BYTES + from; at < HEAD_BYTES + to; ) {
      const length = this.words[at >> 2]!;
      let i = 0;
      while (i < SHA_CHARS && this.u8[at + SHA_AT + i] === sha.charCodeAt(i)) i++;
      if (i === SHA_CHARS) return this.u8.slice(at + BODY_AT, at + BODY_AT + length);
      at += BODY_AT + ((length + 7) & ~7);
    }
    return null;
  }

  /** Forgets all scripts. */
  flush(): void {
    this.lock();
    Atomics.store(this.words, USED, 0);
    Atomics.store(this.words, COUNT, 0);
    Atomics.add(this.words, GENERATION, 1);
    this.unlock();
  }
}
