/**
 * ExecContext: what a command handler is given. It leads from arguments to entries, applies lazy expiry and the access
 * clocks, and records effects and keyspace events. Each thread has its own context, and uses it while it holds the
 * leases.
 *
 * A handler works on one shard at a time: `arena` and `keyspace` belong to the shard of the key that was looked up or
 * routed last. A command with one key never changes shard. A command with several keys calls `lookup...` or `route` for
 * each key, and must read `ctx.arena` and `ctx.keyspace` again after the call. It must not keep an entry across a
 * lookup in the same shard, since the lookup may remove entries (lazy expiry of the very same key).
 *
 * Invariants: (1) the leases of all shards that the command's keys hash to are held; (2) `dirty` counts what the
 * command changed: 0 means nothing is propagated; (3) a handler parses all its arguments before it changes anything.
 */

import { CLIENT_FLAG, ClientRecord, type ClientState } from '../../shared/command/client-state.js';
import { shardOfSlot, slotOf } from '../../shared/hash.js';
import { EVENT_CLASS, EVENTS_OF_CHANGE } from '../../shared/keyspace-events.js';
import { isLfu } from '../../shared/maxmemory-policy.js';
import type { Arena } from '../../shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { Reply } from '../../shared/resp/reply.js';
import type { StatsBlock } from '../../shared/stats/stats-block.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL, type ControlBlock, THREAD } from '../../shared/sync/control-block.js';
import { isPaused } from '../../shared/sync/pause.js';
import { GATE } from '../../shared/sync/write-gate.js';
import type { Outbox } from '../blocking/outbox.js';
import { Blocking } from '../blocking/serve.js';
import { anyWaits } from '../blocking/waiters.js';
import { touchWatched } from '../blocking/watch.js';
import type { EffectLog } from '../effects/effect-log.js';
import { accessClock, newClock } from '../entry/access-clock.js';
import { entryExpireAtMs, entryType, F_EXPIRE, setClock, TYPE_STREAM, TYPE_STRING } from '../entry/entry.js';
import { entryKeyBytes } from '../entry/entry-key.js';
import type { LeaseSet } from '../execute/lease-set.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import type { ScriptEngine } from '../script/script-engine.js';
import type { WorkBound } from '../services/work-bound.js';

/** Runs commands inside a command: transactions, scripts (the executor). */
export interface CommandRunner {
  /** See Executor.nested. */
  nested(cmdId: number, args: Args, reply: Reply, client: ClientState): void;
  /** See Executor.nestedQueue. */
  nestedQueue(
    heads: Int32Array,
    commands: number,
    all: Args,
    args: Args,
    reply: Reply,
    client: ClientState & { db: number },
  ): void;
  /** See Executor.refused. */
  refused(cmdId: number, text: string): void;
  /** See Executor.refusesMemory. */
  refusesMemory(): boolean;
}

/** Classes of events after which a stream may be gone, or be something else. */
const EVENTS_OF_END = EVENTS_OF_CHANGE & ~EVENT_CLASS.STREAM;

/** Thrown by `leaveToShard`, for the executor alone. It carries nothing, so it costs no stack trace. */
export const LEFT_TO_SHARD: unknown = Object.freeze({ reason: 'too much for an I/O thread' });

export class ExecContext implements WorkBound {
  readonly threadId: number;
  readonly control: ControlBlock;
  readonly stats: StatsBlock;
  readonly effects: EffectLog;
  /** Arenas by shard. */
  readonly arenas: readonly Arena[];
  /** Keyspaces by shard, then database. */
  readonly keyspaces: readonly (readonly Keyspace[])[];
  readonly shardCount: number;
  /** The leases that the running command holds; jobs take and give them themselves. */
  readonly leases: LeaseSet;
  /** Messages for clients; null if there is no I/O thread (tests of the bare engine). */
  outbox: Outbox | null = null;
  /** Clients that wait for keys. */
  readonly blocking: Blocking;
  /** Runs scripts; on shard threads only. */
  scripts: ScriptEngine | null = null;
  /** The error of the running command has been counted already (errors of scripts are counted where they arise). */
  errorCounted = false;
  /** Runs commands inside the running command. */
  runner: CommandRunner | null = null;
  /** Writes a warning into the server's log. */
  log: (message: string) => void = () => {};

  /** Present shard. */
  shard = 0;
  arena: Arena;
  keyspace: Keyspace;
  /** Selected database. */
  db = 0;
  client: ClientState = new ClientRecord();
  /**
   * The clock, unix ms: read when a batch begins, whenever a lease was waited for, and between the commands of a batch.
   * It stands still within a command.
   */
  nowMs = 0;
  /**
   * A key whose time of expiry is before this has expired: `nowMs`; -Infinity for a client that must be obeyed
   * (CLIENT_FLAG.mustObey).
   */
  overMs = 0;
  /** Value for the clock of a new entry at this time, under the present policy. */
  clock = 0;
  lfu = false;
  /** CONTROL.writeGate (sync/write-gate.ts). Read once a command, with its leases held. */
  gate = 0;
  /** Whether effects are recorded: GATE.effects of `gate`. */
  effectsOn = false;
  /**
   * Classes of events to be raised: the classes of `notify-keyspace-events` (`wantedEvents`), and, while clients track
   * or watch keys, all classes that mean a change. Read once a command, with its leases held: a client that tracks a
   * key has registered before it reads the key.
   */
  notifyFlags = 0;
  private wantedEvents = 0;
  private readonly writingWord: number;
  /** Id of the running command. */
  commandId = 0;
  /** The running command is one that writes. */
  mayWrite = false;
  /** What the running command changed. */
  dirty = 0;
  /** The command wrote its own effects; its own arguments are not propagated. */
  ownEffects = false;
  /** Inside of a transaction: an earlier command of it has changed something. */
  changedBefore = false;
  /** The database beside the selected one that a command has used last (MOVE, COPY); -1: none has. */
  otherDb = -1;
  /** All keys of the running command are on the present shard. */
  oneShard = true;
  /** An I/O thread runs the command: what takes long is left to the shard's thread (WorkBound). */
  inline = false;

  constructor(
    threadId: number,
    control: ControlBlock,
    stats: StatsBlock,
    effects: EffectLog,
    arenas: readonly Arena[],
    keyspaces: readonly (readonly Keyspace[])[],
    leases: LeaseSet,
  ) {
    this.threadId = threadId;
    this.control = control;
    this.writingWord = control.threadWord(threadId) + THREAD.writing;
    this.stats = stats;
    this.effects = effects;
    this.arenas = arenas;
    this.keyspaces = keyspaces;
    this.leases = leases;
    this.blocking = new Blocking(control);
    this.shardCount = arenas.length;
    this.arena = arenas[0]!;
    this.keyspace = keyspaces[0]![0]!;
    leases.onTaken = (waited): void => {
      if (waited) this.refresh();
      else this.readSwitches();
    };
  }

  /** Reads the clock and the switches. Once per batch. */
  refresh(): void {
    const i32 = this.control.i32;
    this.lfu = isLfu(i32[CONTROL.maxmemoryPolicy]!);
    this.setTime(this.control.nowMs());
    this.readSwitches();
  }

  /** hot: says that memory is going to be changed; the result is for `endWriting`. @requires the leases */
  beginWriting(): number {
    const i32 = this.control.i32;
    const before = i32[this.writingWord]!;
    i32[this.writingWord] = 1;
    return before;
  }

  /** hot: ends what `beginWriting` began. */
  endWriting(before: number): void {
    this.control.i32[this.writingWord] = before;
  }

  /** hot: reads the clock again between two commands of a batch, since the first may have taken long. */
  tick(): void {
    const nowMs = this.control.nowMs();
    if (nowMs !== this.nowMs) this.setTime(nowMs);
  }

  /** Has the clock show `nowMs`. */
  setTime(nowMs: number): void {
    this.nowMs = nowMs;
    this.setClient(this.client);
    this.clock = newClock(nowMs, this.lfu);
  }

  /**
   * hot: reads the words that decide whether a write is refused, and which clients are told of it. If a thread changes
   * one of these words while it holds all leases, every later command sees the change. @requires the leases of what is
   * going to be changed
   */
  readSwitches(): void {
    const i32 = this.control.i32;
    const gate = i32[CONTROL.writeGate]!;
    this.gate = gate;
    this.effectsOn = (gate & GATE.effects) !== 0;
    const wanted = i32[CONTROL.notifyFlags]!;
    this.wantedEvents = wanted;
    const quiet = i32[CONTROL.trackers] === 0 && i32[CONTROL.watchedKeys] === 0 && i32[CONTROL.groupReaders] === 0;
    this.notifyFlags = quiet ? wanted : wanted | EVENTS_OF_CHANGE;
  }

  /** Gives up the running command, which has not changed anything yet: the shard's thread runs it. @requires inline */
  leaveToShard(): never {
    throw LEFT_TO_SHARD;
  }

  // ---- shards

  /** Makes `shard` the present one. */
  useShard(shard: number): void {
    this.shard = shard;
    this.arena = this.arenas[shard]!;
    this.keyspace = this.keyspaces[shard]![this.db]!;
  }

  /** The shard of the key in argument i. */
  shardOfKey(args: Args, i: number): number {
    if (this.shardCount === 1) return 0;
    return shardOfSlot(slotOf(args.u8, args.off[i]!, args.len[i]!), this.shardCount);
  }

  /** Makes the shard of the key in argument i the present one. */
  useShardOf(args: Args, i: number): void {
    if (this.oneShard) return;
    const shard = this.shardOfKey(args, i);
    if (shard !== this.shard) this.useShard(shard);
  }

  /** The arena of a key's shard. */
  private arenaOf(u8: Uint8Array, off: number, len: number): Arena {
    if (this.shardCount === 1) return this.arena;
    return this.arenas[shardOfSlot(slotOf(u8, off, len), this.shardCount)]!;
  }

  /** The shard of the key in argument i. */
  shardOf(args: Args, i: number): number {
    if (this.shardCount === 1) return 0;
    return shardOfSlot(slotOf(args.u8, args.off[i]!, args.len[i]!), this.shardCount);
  }

  /** The keyspace of database `db` in the present shard. */
  keyspaceOf(db: number): Keyspace {
    this.otherDb = db;
    return this.keyspaces[this.shard]![db]!;
  }

  // ---- lookups: 0 when the key does not exist or has expired

  /** The entry of the key in argument i, for reading its value: counts hits and misses, touches the access clock. */
  lookupRead(args: Args, i: number): Ptr {
    const e = this.peek(args, i);
    const f64 = this.stats.f64;
    if (e === 0) {
      f64[STAT.keyspaceMisses] = f64[STAT.keyspaceMisses]! + 1;
      if ((this.notifyFlags & EVENT_CLASS.KEY_MISS) !== 0) this.notify(EVENT_CLASS.KEY_MISS, 'keymiss', args, i);
      return NULL;
    }
    f64[STAT.keyspaceHits] = f64[STAT.keyspaceHits]! + 1;
    if ((this.client.flags & CLIENT_FLAG.noTouch) === 0) this.access(e);
    return e;
  }

  /** The entry of the key in argument i, for changing it: touches the access clock, counts nothing. */
  lookupWrite(args: Args, i: number): Ptr {
    const e = this.peek(args, i);
    if (e !== 0 && (this.client.flags & CLIENT_FLAG.noTouch) === 0) this.access(e);
    return e;
  }

  /** The entry of the key in argument i, with no trace of the access (TTL, OBJECT and the like). */
  peek(args: Args, i: number): Ptr {
    if (!this.oneShard) this.useShardOf(args, i);
    const keyspace = this.keyspace;
    const off = args.off[i]!;
    const { dict } = keyspace;
    let e: Ptr;
    if (off === args.hashedOff) {
      dict.h1 = args.h1;
      dict.h2 = args.h2;
      e = dict.findHashed(args.u8, args.dv, off, args.len[i]!);
    } else e = dict.find(args.u8, args.dv, off, args.len[i]!);
    if (e === 0) return NULL;
    if ((wordAt(this.arena, e, 0) & (F_EXPIRE << 8)) === 0) return e;
    if (entryExpireAtMs(this.arena, e) >= this.overMs) return e;
    if (!this.keepsExpired()) this.expire(keyspace, e);
    return NULL;
  }

  /**
   * Whether what has expired stays for now, hidden: the running command only reads, and nothing expires by itself. A
   * command that writes removes it in any case, or it would write into a key that is gone.
   */
  keepsExpired(): boolean {
    return !this.mayWrite && this.keepsAllExpired();
  }

  /** Whether nothing expires by itself: GATE.keepsExpired, or clients are paused. */
  keepsAllExpired(): boolean {
    return (this.gate & GATE.keepsExpired) !== 0 || isPaused(this.control);
  }

  /** hot: sets the client whose commands are run from now on. */
  setClient(client: ClientState): void {
    this.client = client;
    this.overMs = (client.flags & CLIENT_FLAG.mustObey) === 0 ? this.nowMs : Number.NEGATIVE_INFINITY;
  }

  /**
   * Removes an expired entry at which the keyspace's cursor stands, with its effect and event. The cursor is then where
   * a `find` of the key that found nothing leaves it, so an insert of the same key may follow.
   */
  expire(keyspace: Keyspace, e: Ptr): void {
    const arena = keyspace.arena;
    const key = this.effectsOn || this.notifyFlags !== 0 ? entryKeyBytes(arena, e) : null;
    const writing = this.beginWriting();
    keyspace.remove(e);
    this.endWriting(writing);
    keyspace.dict.table = keyspace.dict.tableOf(keyspace.dict.h1);
    this.stats.f64[STAT.expiredKeys] = this.stats.f64[STAT.expiredKeys]! + 1;
    if (key === null) return;
    if (this.effectsOn) {
      const { effects } = this;
      effects.begin(2);
      effects.text(this.control.i32[CONTROL.lazyExpire] !== 0 ? 'UNLINK' : 'DEL');
      effects.bytes(key, 0, key.length);
      effects.commitForAll(keyspace.db);
    }
    this.notifyBytes(EVENT_CLASS.EXPIRED, 'expired', key, 0, key.length, keyspace.db);
  }

  /** Removes the key in argument i of database `db` if a command that failed has left it with nothing in it. */
  dropEmpty(args: Args, i: number, db: number): void {
    const keyspace = this.keyspaces[this.shardOf(args, i)]![db]!;
    const { arena, types } = keyspace;
    const e = keyspace.find(args.u8, args.dv, args.off[i]!, args.len[i]!);
    if (e === NULL) return;
    const type = entryType(arena, e);
    // A string and a stream may be empty.
    if (type === TYPE_STRING || type === TYPE_STREAM || types.of(arena, e).length(arena, e) > 0) return;
    keyspace.remove(e);
  }

  /** Marks an entry as just used. */
  access(e: Ptr): void {
    const arena = this.arena;
    if (this.lfu) setClock(arena, e, accessClock(arena, e, this.nowMs, this.control));
    else {
      const i32 = wordsOf(arena, e);
      const w = wordIndex(e) + 1;
      const word = (i32[w]! & 0xff) | (this.clock << 8);
      if (i32[w] !== word) {
        if (arena.tracking !== 0) arena.touch(e, 4, 4);
        i32[w] = word;
      }
    }
  }

  /**
   * Says that the key in argument i came into being with a value on which clients may be waiting (a list, a sorted set,
   * a stream), or that a stream got an entry. @requires the present shard is the key's
   */
  signalReady(args: Args, i: number): void {
    if (anyWaits(this.arena)) this.blocking.noteReady(this, args, i);
  }

  // ---- effects and events

  /**
   * Begins an effect of the handler's own with `argc` arguments, in place of the command as it came. Add the arguments
   * through `ctx.effects`, then call `endEffect`. Call only if `ctx.effectsOn`, and with the leases held.
   */
  beginEffect(argc: number): void {
    this.ownEffects = true;
    this.effects.begin(argc);
  }

  /** Ends the effect. `db`: the database it applies to, the selected one by default. */
  endEffect(db: number = this.db): void {
    this.effects.commit(db);
  }

  /** Raises a keyspace event about the key in argument i. Free while nobody asked for the class. */
  notify(eventClass: number, event: string, args: Args, i: number): void {
    if ((this.notifyFlags & eventClass) === 0) return;
    this.raise(eventClass, event, args.u8, args.dv, args.off[i]!, args.len[i]!, this.db);
  }

  /**
   * As `notify`, for an event that is no change for WATCH and for clients' caches: a stream's groups and its last id.
   */
  notifyAside(event: string, args: Args, i: number): void {
    if ((this.wantedEvents & EVENT_CLASS.STREAM) === 0) return;
    this.tell(event, args.u8, args.off[i]!, args.len[i]!, this.db);
  }

  /** The value of the key in argument i has changed for WATCH and for clients' caches; raises no event. */
  noteChange(args: Args, i: number): void {
    this.touch(args.u8, args.dv, args.off[i]!, args.len[i]!, this.db, this.client.id);
  }

  /** As `notify`, for a key given as bytes and a database. */
  notifyBytes(eventClass: number, event: string, u8: Uint8Array, off: number, len: number, db: number): void {
    if ((this.notifyFlags & eventClass) === 0) return;
    this.raise(eventClass, event, u8, new DataView(u8.buffer, u8.byteOffset, u8.byteLength), off, len, db);
  }

  private raise(
    eventClass: number,
    event: string,
    u8: Uint8Array,
    dv: DataView,
    off: number,
    len: number,
    db: number,
  ): void {
    if ((eventClass & EVENTS_OF_CHANGE) !== 0) {
      const byServer = (eventClass & (EVENT_CLASS.EXPIRED | EVENT_CLASS.EVICTED)) !== 0;
      this.touch(u8, dv, off, len, db, byServer ? 0 : this.client.id);
    }
    if ((eventClass & EVENTS_OF_END) !== 0 && this.control.i32[CONTROL.groupReaders] !== 0) {
      this.blocking.noteChanged(this.arenaOf(u8, off, len), db, u8, off, len);
    }
    if ((this.wantedEvents & eventClass) !== 0) this.tell(event, u8, off, len, db);
  }

  /**
   * Marks the watches of a key, and tells the clients that may have the key in a cache. `client`: the client that
   * changed the key, 0: the server.
   */
  private touch(u8: Uint8Array, dv: DataView, off: number, len: number, db: number, client: number): void {
    const { i32 } = this.control;
    if (i32[CONTROL.watchedKeys] !== 0) touchWatched(this.arenaOf(u8, off, len), db, u8, off, len);
    if (this.outbox !== null && i32[CONTROL.trackers] !== 0) this.outbox.invalidate(u8, dv, off, len, client);
  }

  /** Sends an event on its way. @requires some client wants the class */
  private tell(event: string, u8: Uint8Array, off: number, len: number, db: number): void {
    const { outbox } = this;
    const flags = this.wantedEvents;
    if (outbox === null || (flags & (EVENT_CLASS.KEYSPACE | EVENT_CLASS.KEYEVENT)) === 0) return;
    outbox.keyspaceEvent(flags, event, u8, off, len, db);
  }

  /** Tells clients that cache keys that a whole database is gone or another. @requires all leases */
  notifyFlushed(): void {
    if (this.outbox !== null) this.outbox.flushed();
  }
}
