/**
 * Blocking: how a command waits for a key, and how it is carried out when the key is ready.
 *
 *     BLPOP finds nothing -> block() -> waiters in the arena, the client's I/O thread told until when
 *     LPUSH makes the key -> ready list -> serveReady() at the end of the command: first waiter, its claim, its handler
 *                                                                                  again, its reply beside LPUSH's own
 *
 * A waiter is woken by a key of its type. Then its whole command is carried out again: if one transaction filled
 * several keys, the command takes the key that it named first. The command passes over keys whose leases are not held
 * (`passesOver`): without the lease nothing can have been added to such a key. All this happens under the leases of the
 * command that made the key ready, so no other command runs in between. Shard threads serve waiters, and so does an I/O
 * thread that is the only I/O thread (Executor). A waiter that needs further shards (BLMOVE to another shard) is served
 * afterwards, when a shard thread has taken the leases of all its shards. If one of several I/O threads makes a key
 * ready, a shard thread serves the waiter, too.
 *
 * Invariants: (1) a waiter is carried out only with its claim; (2) replies to served clients leave after the reply of
 * the command that served them, with the loop of its thread; (3) when a waiter for several keys is served, it is
 * removed from all queues whose leases are held; its cells in other queues are dropped by the next thread that meets
 * them, or by `blocking|forget`.
 */

import { ClientRecord } from '../../shared/command/client-state.js';
import type { Arena } from '../../shared/memory/arena.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { Args } from '../../shared/resp/args.js';
import { Reply } from '../../shared/resp/reply.js';
import { beginClaim, endClaim, isSettled, isUndecided, takeLostClaims } from '../../shared/sync/claims.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';
import type { ExecContext } from '../context/context.js';
import { entryType } from '../entry/entry.js';
import { INDEXED_KEYS_MIN, ReadyIndex } from './ready-index.js';
import {
  absentWaiter,
  addWaiter,
  anyWaits,
  dropWaiters,
  eachWaitedKey,
  firstWaiter,
  forgetWaiter,
  isAlike,
  readWaiter,
  removeWaiter,
  W_NEXT,
  W_WANTS_ABSENT,
  WaiterFields,
  waiterWord,
  wakes,
} from './waiters.js';

/** Bit of CONTROL.groupReaders for all shards from this one on; once set it stays. */
const COMMON_BIT = 31;

/** Room for the keys of a ready list, at first and at most between two commands. */
const KEY_BYTES = 1024;
const KEY_BYTES_KEPT = 64 * 1024;

/**
 * The argument of XREADGROUP that names the consumer. Two requests of one group that differ only here wait for the same
 * thing.
 */
const CONSUMER_ARG = 3;

/** Where the reply to a blocked request goes; `io` -1: nowhere, the command must not block. */
export interface Ticket {
  io: number;
  slot: number;
  seq: number;
}

/** A reply to a blocked client. */
export interface ServedReply {
  readonly io: number;
  readonly slot: number;
  readonly seq: number;
  readonly chunks: Uint8Array[];
  /**
   * It is not known whether the request was carried out: the connection is closed. `seq` has the ticket of the request.
   */
  readonly isLost: boolean;
}

/** A key that became ready; `off` and `len` say where in `Blocking.keyBytes` it stands. */
interface ReadyKey {
  readonly shard: number;
  readonly db: number;
  readonly off: number;
  readonly len: number;
}

/** A key that is looked at later, with bytes of its own. */
interface DeferredKey {
  readonly shard: number;
  readonly db: number;
  readonly key: Uint8Array;
}

/** Takes a short reply to a client of this I/O thread at once, in one piece. */
export interface ServedSink {
  deliver(slot: number, seq: number, reply: Reply): void;
}

const fields = new WaiterFields();

/**
 * The state of blocking in one context. Lives as long as its thread; holds data only while a command or a service is in
 * progress.
 */
export class Blocking {
  /** Where the reply of the running command goes. */
  readonly ticket: Ticket = { io: -1, slot: 0, seq: 0 };
  /** The running command found nothing and waits: no reply was written. */
  blocked = false;
  /** The deadline (unix ms, 0: none); at the deadline the client gets a null array, whatever the command is. */
  deadlineMs = 0;
  /** A waiter is served: its command is carried out again. */
  serving = false;
  /** Keys that the running command made ready, in order. */
  ready: ReadyKey[] = [];
  /** Keys whose first waiter needs leases that were not held. */
  deferred: DeferredKey[] = [];
  /** The same, to find one again; emptied when the next key is deferred. */
  private readonly deferredTexts: Set<string> = new Set();
  /** A thread died, perhaps just before it served a waiter: all keys with waiters are checked. */
  everybody = false;
  /** Replies to clients that were served, as far as `sink` has not taken them. */
  served: ServedReply[] = [];
  /** `served` or `deferred` has entries that an I/O thread must send. */
  unsent = false;
  /** On an I/O thread: takes the replies to its own clients. */
  sink: ServedSink | null = null;
  private readonly client = new ClientRecord();
  /** The keys on the ready list, one behind the other. */
  private keyBytes = new Uint8Array(KEY_BYTES);
  private keyView = new DataView(this.keyBytes.buffer);
  private keyEnd = 0;
  private readonly index = new ReadyIndex();
  /** The request that is served, and its reply. */
  private readonly args = new Args();
  private readonly reply = new Reply(1024);
  /** In the context of a job or of background work: the Blocking object that serves the thread's waiters. */
  host: Blocking | null = null;
  /** False while one of several I/O threads runs a command: a shard thread then serves the waiters. */
  servesHere = true;
  private readonly control: ControlBlock;
  private readonly claims: readonly Int32Array[];

  constructor(control: ControlBlock) {
    this.control = control;
    const claims: Int32Array[] = [];
    for (let io = 0; io < control.ioThreads; io++) claims.push(control.claims(io));
    this.claims = claims;
  }

  /** Puts the key in argument i on the ready list, if it may have waiters. */
  noteReady(ctx: ExecContext, args: Args, i: number): void {
    const off = args.off[i]!;
    const len = args.len[i]!;
    const shard = ctx.shardOfKey(args, i);
    this.noteReadyBytes(ctx.arenas[shard]!, ctx.db, args.u8, off, len);
  }

  /** As `noteReady`, for a key as bytes. */
  noteReadyBytes(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): void {
    if (firstWaiter(arena, db, u8, off, len) !== NULL) this.note(arena.shard, db, u8, off, len);
  }

  /**
   * Has the waiters of a key served: at the end of the command, or by a shard thread if this thread serves no waiters.
   */
  private note(shard: number, db: number, u8: Uint8Array, off: number, len: number): void {
    if (this.host !== null) this.host.defer(shard, db, u8.slice(off, off + len));
    else if (this.servesHere) this.addReady(shard, db, u8, off, len);
    else this.defer(shard, db, u8.slice(off, off + len));
  }

  /** Puts a key on the ready list, unless it is there. */
  private addReady(shard: number, db: number, u8: Uint8Array, off: number, len: number): void {
    const { ready } = this;
    if (ready.length >= INDEXED_KEYS_MIN) {
      if (this.index.find(ready, this.keyBytes, shard, db, u8, off, len) >= 0) return;
    } else {
      for (let k = 0; k < ready.length; k++) {
        const known = ready[k]!;
        if (known.shard === shard && known.db === db && known.len === len && this.isAt(known.off, u8, off, len)) return;
      }
    }
    const at = this.keyEnd;
    if (at + len > this.keyBytes.length) this.growKeys(at + len);
    copyBytes(this.keyBytes, at, u8, off, len);
    this.keyEnd = at + len;
    ready.push({ shard, db, off: at, len });
  }

  private isAt(at: number, u8: Uint8Array, off: number, len: number): boolean {
    const { keyBytes } = this;
    for (let i = 0; i < len; i++) if (keyBytes[at + i] !== u8[off + i]) return false;
    return true;
  }

  private growKeys(bytes: number): void {
    const grown = new Uint8Array(2 * bytes);
    grown.set(this.keyBytes);
    this.keyBytes = grown;
    this.keyView = new DataView(grown.buffer);
  }

  /** Forgets the ready list. */
  dropReady(): void {
    this.ready.length = 0;
    this.index.clear();
    this.keyEnd = 0;
    if (this.keyBytes.length > KEY_BYTES_KEPT) {
      this.keyBytes = new Uint8Array(KEY_BYTES);
      this.keyView = new DataView(this.keyBytes.buffer);
    }
  }

  private defer(shard: number, db: number, key: Uint8Array): void {
    const text = `${shard} ${db} ${Buffer.from(key).toString('latin1')}`;
    if (this.deferred.length === 0) this.deferredTexts.clear();
    if (this.deferredTexts.has(text)) return;
    this.deferredTexts.add(text);
    this.deferred.push({ shard, db, key });
    this.unsent = true;
  }

  /**
   * Puts all keys of a database that have waiters on the ready list (SWAPDB, and commands that make many keys at once).
   */
  noteDatabase(arena: Arena, db: number): void {
    if (!anyWaits(arena)) return;
    eachWaitedKey(arena, (number, key) => {
      if (number === db) this.note(arena.shard, db, key, 0, key.length);
    });
  }

  /** Whether `Executor.serveDeferred` has something to do. */
  get hasDeferred(): boolean {
    return this.everybody || this.deferred.length !== 0;
  }

  /** Puts what is deferred on the ready list. @requires the leases of all shards */
  takeDeferred(ctx: ExecContext): void {
    this.dropReady();
    for (const { shard, db, key } of this.deferred) this.addReady(shard, db, key, 0, key.length);
    this.deferred = [];
    if (this.everybody) {
      this.closeLost();
      for (const arena of ctx.arenas) {
        eachWaitedKey(arena, (db, key) => {
          this.addReady(arena.shard, db, key, 0, key.length);
        });
      }
    }
    this.everybody = false;
  }

  /** Requests that a thread was carrying out when it died. @requires the leases of all shards */
  private closeLost(): void {
    for (let io = 0; io < this.claims.length; io++) {
      takeLostClaims(this.claims[io]!, (slot, seq) => {
        this.lose(io, slot, seq);
      });
    }
  }

  /**
   * Has the running command wait for the keys at `keyIndexes[0 .. count)` of `args`, which is how it is carried out
   * when one of them holds a value of `valueType`. False: it must not wait (inside a transaction).
   */
  block(
    ctx: ExecContext,
    args: Args,
    keyIndexes: Int32Array,
    count: number,
    deadlineMs: number,
    commandId: number,
    moreShards: boolean,
    valueType: number,
    wantsAbsent = false,
  ): boolean {
    this.blocked = true;
    if (this.serving) return true;
    const { ticket } = this;
    if (ticket.io < 0) {
      this.blocked = false;
      return false;
    }
    fields.io = ticket.io;
    fields.slot = ticket.slot;
    fields.seq = ticket.seq;
    fields.command = commandId;
    fields.db = ctx.db;
    fields.proto = ctx.client.proto;
    fields.flags = ctx.client.flags;
    fields.clientId = ctx.client.id;
    fields.moreShards = moreShards;
    fields.oneKey = count === 1;
    fields.valueType = valueType;
    fields.wantsAbsent = wantsAbsent;
    if (count > 1) fields.requests.fill(0);
    for (let k = 0; k < count; k++) {
      const i = keyIndexes[k]!;
      fields.keyIndex = i;
      const arena = arenaOf(ctx, args, i);
      if (wantsAbsent) Atomics.or(this.control.i32, CONTROL.groupReaders, 1 << Math.min(arena.shard, COMMON_BIT));
      addWaiter(arena, fields, args);
    }
    this.deadlineMs = deadlineMs;
    return true;
  }

  /** Removes waiters from the queues of a shard whose I/O thread died. @requires the shard's lease */
  dropSettled(arena: Arena): void {
    dropWaiters(arena, (io, slot, seq) => isSettled(this.claims[io]!, slot, seq));
  }

  /** Serves the waiters for the keys on the ready list. @requires the leases of these keys; a shard thread */
  serveReady(ctx: ExecContext): void {
    // The command may have taken long (DEBUG SLEEP, a script): a key that has expired meanwhile serves no waiter.
    ctx.refresh();
    // Serving may make further keys ready (BLMOVE), which are served in the same go.
    for (let k = 0; k < this.ready.length; k++) this.serveKey(ctx, this.ready[k]!);
    this.dropReady();
  }

  private serveKey(ctx: ExecContext, ready: ReadyKey): void {
    const arena = ctx.arenas[ready.shard]!;
    const { db, off, len } = ready;
    // Serving may add to the ready keys, which then move.
    let waiter = firstWaiter(arena, db, this.keyBytes, off, len);
    // Whether there was nothing for the last one, whose request is in `fields` and `args`.
    let unserved = false;
    while (waiter !== NULL) {
      if (unserved && isAlike(arena, waiter, fields, this.args, fields.wantsAbsent ? CONSUMER_ARG : 0)) {
        waiter = waiterWord(arena, waiter, W_NEXT) as Ptr;
        continue;
      }
      unserved = false;
      const e = ctx.keyspaces[ready.shard]![db]!.find(this.keyBytes, this.keyView, off, len);
      if (e === NULL && waiterWord(arena, waiter, W_WANTS_ABSENT) === 0) {
        if (this.control.i32[CONTROL.groupReaders] === 0) return;
        waiter = absentWaiter(arena, waiter, db, this.keyBytes, off, len);
        if (waiter === NULL) return;
      }
      const next = waiterWord(arena, waiter, W_NEXT) as Ptr;
      if (e !== NULL && !wakes(arena, waiter, entryType(arena, e))) {
        waiter = next;
        continue;
      }
      const { args, reply } = this;
      readWaiter(arena, waiter, fields, args);
      const { io, slot, seq } = fields;
      const claims = this.claims[io]!;
      const hasAll = ctx.leases.count === ctx.shardCount;
      if (fields.moreShards && !hasAll) {
        this.defer(ready.shard, db, this.keyBytes.slice(off, off + len));
        return;
      }
      if (!beginClaim(claims, slot, seq)) {
        // Another thread tries to serve it with a key of its shard just now, and may find nothing. (With all leases
        // held that thread is dead.)
        if (!hasAll && isUndecided(claims, slot, seq)) {
          this.defer(ready.shard, db, this.keyBytes.slice(off, off + len));
          return;
        }
        removeWaiter(arena, waiter, db, this.keyBytes, off, len);
        waiter = next;
        continue;
      }
      reply.reset();
      let answered = true;
      let done = false;
      try {
        answered = this.carryOut(ctx, args, reply);
        if (answered) {
          removeWaiter(arena, waiter, db, this.keyBytes, off, len);
          if (!fields.oneKey) this.forget(ctx, args, io, slot, seq, db, ready);
          if (reply.isSingleChunk && this.sink !== null) this.sink.deliver(slot, seq, reply);
          else this.keep(io, slot, seq, reply);
        }
        done = true;
      } finally {
        // A claim always ends. Whether it was carried out is not known after an exception: its connection is closed.
        endClaim(claims, slot, seq, answered);
        if (!done) this.lose(io, slot, seq);
      }
      unserved = !answered;
      // Only the served waiter has left the queue.
      waiter = next;
    }
  }

  private lose(io: number, slot: number, seq: number): void {
    this.served.push({ io, slot, seq, chunks: [], isLost: true });
    this.unsent = true;
  }

  private keep(io: number, slot: number, seq: number, reply: Reply): void {
    const chunks = reply.isSingleChunk ? [reply.u8.slice(0, reply.pos)] : reply.takeChunks();
    this.served.push({ io, slot, seq, chunks, isLost: false });
    this.unsent = true;
  }

  /**
   * Puts a key that has changed or is gone on the ready list, if this shard has waiters: a client blocked in XREADGROUP
   * must be told when its stream is gone.
   * @requires CONTROL.groupReaders is not 0
   */
  noteChanged(arena: Arena, db: number, u8: Uint8Array, off: number, len: number): void {
    if (anyWaits(arena)) this.noteReadyBytes(arena, db, u8, off, len);
    else if (arena.shard < COMMON_BIT) Atomics.and(this.control.i32, CONTROL.groupReaders, ~(1 << arena.shard));
  }

  /** Runs a waiter's command. False when it would block again. */
  private carryOut(ctx: ExecContext, args: Args, reply: Reply): boolean {
    const { client } = this;
    client.id = fields.clientId;
    client.db = fields.db;
    client.proto = fields.proto;
    client.flags = fields.flags;
    reply.proto = fields.proto;
    const { blocked } = this;
    this.serving = true;
    this.blocked = false;
    ctx.runner!.nested(fields.command, args, reply, client);
    const answered = !this.blocked;
    this.blocked = blocked;
    this.serving = false;
    return answered;
  }

  /** Takes a served request out of the queues of all its other keys whose leases are held. */
  private forget(
    ctx: ExecContext,
    args: Args,
    io: number,
    slot: number,
    seq: number,
    db: number,
    ready: ReadyKey,
  ): void {
    for (let i = 1; i < args.argc; i++) {
      const arena = arenaOf(ctx, args, i);
      if (ctx.leases.held[arena.shard] === 0 || !anyWaits(arena)) continue;
      if (args.len[i] === ready.len && this.isAt(ready.off, args.u8, args.off[i]!, ready.len)) continue;
      forgetWaiter(arena, io, slot, seq, db, args.u8, args.off[i]!, args.len[i]!);
    }
  }
}

function arenaOf(ctx: ExecContext, args: Args, i: number): Arena {
  return ctx.arenas[ctx.shardOfKey(args, i)]!;
}
