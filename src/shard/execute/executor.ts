/**
 * Executor: runs commands under leases, for whichever thread asks. An I/O thread only tries (`tryInline`), a shard
 * thread may wait (`executeBlocking`); both run the same handlers over the same memory.
 *
 *     placed (which shards) -> leases -> refuse what must be refused -> handler -> count, propagate effects
 *
 * Invariants: (1) between `beginBatch` and `endBatch` leases are only added, or, if one is missing that must be taken
 * in order, all given back and taken again between two commands; (2) nothing escapes as an exception: the client gets
 * an error and the leases stay in order; (3) THREAD.writing is raised exactly while memory may be changed.
 */

import { CLIENT_FLAG, CLIENT_IO_SHIFT, type ClientState } from '../../shared/command/client-state.js';
import { FACT_INTERNAL, FLAG_DENYOOM, FLAG_PUBSUB, FLAG_READONLY, FLAG_WRITE } from '../../shared/command/flags.js';
import { KEYS_NONE } from '../../shared/command/key-positions.js';
import { Placement } from '../../shared/command/placement.js';
import { type Registry, ROUTE_ALL, ROUTE_KEY } from '../../shared/command/registry.js';
import type { JobHandler } from '../../shared/command/spec.js';
import { INTERNAL, OOM, OOM_STORE } from '../../shared/errors/replies.js';
import { type Arena, ArenaFullError } from '../../shared/memory/arena.js';
import type { Args } from '../../shared/resp/args.js';
import type { Reply } from '../../shared/resp/reply.js';
import { SlowWatch } from '../../shared/stats/slow-watch.js';
import type { StatsBlock } from '../../shared/stats/stats-block.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL_F64, THREAD } from '../../shared/sync/control-block.js';
import { GATE } from '../../shared/sync/write-gate.js';
import { WaiterWatch } from '../blocking/makes-ready.js';
import type { Outbox } from '../blocking/outbox.js';
import type { Blocking } from '../blocking/serve.js';
import { anyWaits } from '../blocking/waiters.js';
import { dropWatchers } from '../blocking/watch.js';
import { type ExecContext, LEFT_TO_SHARD } from '../context/context.js';
import { guardedJob } from '../context/guarded-job.js';
import type { ScriptEngine } from '../script/script-engine.js';
import { Background } from './background.js';
import { CallTimer } from './call-timer.js';
import { Frames } from './frame.js';
import type { LeaseSet } from './lease-set.js';
import { LookAhead } from './look-ahead.js';
import { recordState } from './state-effect.js';

/** How long a waiter for a lease is given to get in, milliseconds. */
const HANDOFF_MS = 0.1;

/** So many commands of a pipeline are run inline between two looks at the clock (a power of two). */
const TICK_EVERY = 16;

const HANDLER_MISSING = 'command without a handler';

export class Executor {
  private readonly ctx: ExecContext;
  private readonly registry: Registry;
  private readonly stats: StatsBlock;
  /** Decides which calls are timed one by one, and notes the slow ones. */
  private readonly slow: SlowWatch;
  private readonly background: Background;
  readonly lookAhead: LookAhead;
  private readonly newContext: (outer?: LeaseSet | null) => ExecContext;
  private readonly report: (where: string, error: unknown) => void;
  private readonly shards: number;
  /** For requests whose sender has not placed them, and for commands inside of other commands. */
  private readonly placement: Placement;
  /** The lowest shard of the running command. */
  private home = 0;
  private readonly frames: Frames;
  private readonly timer: CallTimer;
  private readonly waiters: WaiterWatch;
  /** The only I/O thread: every blocked client is a client of this thread. */
  private readonly servesInline: boolean;
  /** The last command was given up because its reply is big. */
  bigReply = false;
  private inlineCalls = 0;
  /** Index of the I/O thread that runs this executor, -1 on shard threads. */
  private readonly ioIndex: number;

  constructor(
    ctx: ExecContext,
    registry: Registry,
    newContext: (outer?: LeaseSet | null) => ExecContext,
    report: (where: string, error: unknown) => void,
  ) {
    this.ctx = ctx;
    this.registry = registry;
    this.stats = ctx.stats;
    this.slow = new SlowWatch(ctx.control, registry);
    this.timer = new CallTimer(ctx.control, ctx.stats, this.slow, registry.defs.length);
    this.newContext = (outer) => {
      const made = newContext(outer);
      made.blocking.host = ctx.blocking;
      return made;
    };
    this.report = report;
    this.shards = ctx.shardCount;
    this.frames = new Frames(ctx);
    this.placement = new Placement(registry, ctx.shardCount);
    this.background = new Background(this.newContext());
    this.servesInline = ctx.control.ioThreads === 1;
    this.waiters = new WaiterWatch(registry);
    this.lookAhead = new LookAhead(registry, ctx.keyspaces, ctx.leases);
    this.ioIndex = ctx.control.ioIndexOf(ctx.threadId);
    ctx.runner = this;
  }

  /** The scripts of this thread, null on I/O threads. */
  get scripts(): ScriptEngine | null {
    return this.ctx.scripts;
  }

  /**
   * Whether a command would wait for a script that runs for too long. Without keys: whether that script has all shards.
   * For I/O threads, while CONTROL.busyScripts is not 0.
   */
  waitsForScript(cmdId: number, placement: Placement): boolean {
    const keyed = this.registry.route[cmdId] === ROUTE_KEY && this.registry.keyKind[cmdId] !== KEYS_NONE;
    const { control, leases } = this.ctx;
    for (let s = 0; s < this.shards; s++) {
      if (keyed && !placement.has(s)) continue;
      const holder = leases.holderOf(s);
      const busy = holder !== 0 && control.i32[control.threadWord(holder) + THREAD.scriptBusy] !== 0;
      if (busy === keyed) return busy;
    }
    return !keyed;
  }

  /** Whether the shard's own thread holds its lease: a recent moment. */
  isAtWork(shard: number): boolean {
    return this.ctx.leases.holderOf(shard) === this.ctx.control.shardThreadId(shard);
  }

  /** Blocked clients, as far as the commands that run here can serve them. */
  get blocking(): Blocking {
    return this.ctx.blocking;
  }

  /** Serves the waiters for which leases were missing. @requires a shard thread that holds no lease */
  serveDeferred(): void {
    const { ctx } = this;
    const { blocking } = ctx;
    ctx.leases.takeAll();
    ctx.refresh();
    this.home = 0;
    const writing = ctx.beginWriting();
    try {
      blocking.takeDeferred(ctx);
      blocking.serveReady(ctx);
    } catch (error) {
      this.report('serving blocked clients', error);
    } finally {
      ctx.endWriting(writing);
      ctx.leases.giveAll();
    }
  }

  /**
   * Forgets waiters and watches on `shard` of the dead I/O thread `io`: those of clients with ids below
   * `clientsBefore`. @requires a shard thread that holds no lease
   */
  dropClients(shard: number, io: number, clientsBefore: number): void {
    const { leases, blocking, arenas, control } = this.ctx;
    leases.takeShard(shard);
    const writing = this.ctx.beginWriting();
    try {
      blocking.dropSettled(arenas[shard]!);
      dropWatchers(control, arenas[shard]!, io, clientsBefore);
    } finally {
      this.ctx.endWriting(writing);
      leases.giveAll();
    }
  }

  /** Messages for clients from the commands that run here; the owner of the executor sends them. */
  get outbox(): Outbox | null {
    return this.ctx.outbox;
  }

  /** The memory of all shards. */
  get arenas(): readonly Arena[] {
    return this.ctx.arenas;
  }

  /** Begins a batch: reads the clock and the switches. */
  beginBatch(): void {
    this.ctx.refresh();
    this.slow.refresh();
  }

  /** Ends a batch: gives all leases back. Returns whether a thread was waiting for one. */
  endBatch(): boolean {
    return this.ctx.leases.giveAll();
  }

  /**
   * Runs a placed command here if the leases it needs are free; false: nothing was done. For I/O threads.
   * @requires beginBatch; a `key` route command marked `inline`
   */
  // hot: every inline command; bench/micro "executor GET", "executor SET"
  tryInline(cmdId: number, args: Args, reply: Reply, client: ClientState, placement: Placement): boolean {
    const leases = this.ctx.leases;
    if ((++this.inlineCalls & (TICK_EVERY - 1)) === 0) this.ctx.tick();
    const { shard, count } = placement;
    if (count === 1) {
      if (!leases.trySoon(shard)) return this.missed();
    } else {
      const { marked } = placement;
      for (let s = shard; s < marked.length; s++) {
        if (marked[s] !== 0 && !leases.tryShard(s)) return this.missed();
      }
    }
    this.home = shard;
    if (!this.servesInline && this.waiters.concerns(this.ctx, cmdId, args, client.db, shard)) {
      return this.missed();
    }
    const f64 = this.stats.f64;
    f64[STAT.inlineCommands] = f64[STAT.inlineCommands]! + 1;
    // The shard's thread copies a big value: a thread that serves sockets must not.
    reply.leavesOutBig = (this.registry.flags[cmdId]! & FLAG_WRITE) === 0;
    this.ctx.inline = true;
    reply.pinFor = this.ioIndex;
    const { blocking } = this.ctx;
    blocking.servesHere = this.servesInline;
    this.run(cmdId, args, reply, client, count === 1);
    blocking.servesHere = true;
    reply.leavesOutBig = false;
    this.ctx.inline = false;
    reply.pinFor = -1;
    return !this.bigReply;
  }

  private missed(): boolean {
    const f64 = this.stats.f64;
    f64[STAT.leaseMisses] = f64[STAT.leaseMisses]! + 1;
    return false;
  }

  /**
   * Runs a command here, waiting for the leases it needs. For threads that may block. `placed`: where the command
   * belongs, null when the sender has not said so. @requires beginBatch
   */
  executeBlocking(cmdId: number, args: Args, reply: Reply, client: ClientState, placed: Placement | null = null): void {
    const leases = this.ctx.leases;
    this.ctx.tick();
    // Leases of other shards are kept from one command to the next only while no other thread wants one of them.
    if (leases.count > 1 && leases.wanted()) this.yieldLeases();
    const placement = placed ?? this.place(cmdId, args);
    const { shard, count } = placement;
    if (count > 1) leases.takeMarked(placement.marked);
    else if (leases.held[shard] === 0) {
      if (leases.count > 0) leases.giveAll();
      leases.takeShard(shard);
    }
    this.home = shard;
    this.run(cmdId, args, reply, client, count === 1);
  }

  private place(cmdId: number, args: Args): Placement {
    const { placement } = this;
    if (this.registry.route[cmdId] === ROUTE_ALL) placement.placeAll();
    else placement.place(cmdId, args);
    return placement;
  }

  /** Gives all leases back in the middle of a batch, so that a waiting thread can take them. */
  private yieldLeases(): void {
    if (this.endBatch()) this.letWaiterIn();
  }

  /** After an `endBatch` that woke a thread: lets that thread take its lease first. */
  letWaiterIn(): void {
    this.ctx.leases.letWaiterIn(HANDOFF_MS);
  }

  /** Whether a thread waits for a lease that is held here. */
  get isWanted(): boolean {
    return this.ctx.leases.wanted();
  }

  /**
   * Active expiry and lazy frees of `shard` for about `budgetUs`. @requires no lease held. Whether more is to be
   * done.
   */
  idleWork(budgetUs: number, shard: number): boolean {
    return this.background.run(shard, budgetUs);
  }

  /** The generator of a `job` command, with a context of its own. */
  startJob(cmdId: number, args: Args, reply: Reply, client: ClientState): Generator<void, void, void> {
    const ctx = this.newContext();
    ctx.refresh();
    ctx.setClient(client);
    ctx.mayWrite = (this.registry.flags[cmdId]! & FLAG_WRITE) !== 0;
    ctx.db = client.db;
    ctx.oneShard = false;
    ctx.useShard(0);
    this.stats.call(cmdId);
    const job = this.registry.defs[cmdId]!.job;
    if (job === undefined) throw new Error(HANDLER_MISSING);
    return guardedJob(job(ctx, args, reply), ctx, (tookMs) => {
      this.stats.time(cmdId, tookMs * 1000);
      if (tookMs * 1000 >= this.slow.usec) this.slow.note(cmdId, args, tookMs * 1000, client.id);
      this.stats.f64[STAT.effects]! += ctx.dirty;
      if (reply.errors !== 0) this.countFailure(cmdId, reply);
    });
  }

  /** `oneShard`: all its keys are in `home`. @requires leases held, `home` set */
  private run(cmdId: number, args: Args, reply: Reply, client: ClientState, oneShard: boolean): void {
    const ctx = this.ctx;
    const flags = this.registry.flags[cmdId]!;
    ctx.setClient(client);
    ctx.readSwitches();
    this.begin(cmdId, flags, reply, client.db, oneShard);
    if ((flags & FLAG_DENYOOM) !== 0 && this.refusesMemory()) {
      reply.error(OOM);
      this.stats.reject(cmdId);
      this.stats.error(OOM, 0);
      return;
    }
    this.stats.call(cmdId);
    const timing = this.timer.begin(cmdId, args, ctx.inline);
    const handler = this.registry.defs[cmdId]!.handler!;
    const mark = reply.mark();
    try {
      if ((flags & FLAG_WRITE) !== 0) {
        ctx.beginWriting();
        handler(ctx, args, reply);
        ctx.endWriting(0);
        if (ctx.dirty !== 0) this.settle(args);
      } else handler(ctx, args, reply);
    } catch (error) {
      this.failed(cmdId, args, client.db, reply, mark, error);
      ctx.effects.endAll();
      ctx.endWriting(0);
    }
    if (reply.isCut) {
      reply.isCut = false;
      reply.truncate(mark);
      this.leave(cmdId);
    }
    this.count(cmdId, args, reply, client, timing);
    reply.errors = 0;
    if (ctx.blocking.ready.length !== 0) this.serve(cmdId);
  }

  /** A command begins: its part of the context. */
  private begin(cmdId: number, flags: number, reply: Reply, db: number, oneShard: boolean): void {
    const ctx = this.ctx;
    ctx.commandId = cmdId;
    ctx.mayWrite = (flags & FLAG_WRITE) !== 0;
    ctx.db = db;
    ctx.oneShard = oneShard;
    ctx.useShard(this.home);
    ctx.dirty = 0;
    ctx.ownEffects = false;
    reply.errors = 0;
  }

  /** A command has ended: counts its time and failure. A blocked command is counted when it is carried out. */
  private count(cmdId: number, args: Args, reply: Reply, client: ClientState, timing: number): void {
    if (this.ctx.blocking.blocked) this.stats.uncall(cmdId);
    else if (timing !== 0) this.timer.end(timing, cmdId, args, client.id);
    if (reply.errors !== 0) this.countFailure(cmdId, reply);
  }

  /**
   * Runs one command of a transaction or script inside the command that is running: under its leases, in its context,
   * with its own effects, reply and counts. Afterwards `ctx.dirty` counts the changes of the outer command too.
   * @requires the leases of the command's keys (of all shards, if it has none) are held
   */
  // hot: every redis.call
  nested(cmdId: number, args: Args, reply: Reply, client: ClientState): void {
    this.frames.open(client);
    this.ctx.readSwitches();
    this.nestedCommand(cmdId, args, reply, client);
    this.frames.close(this.home, this.ctx.dirty);
  }

  /**
   * Runs the commands of a transaction as `nested` does: `heads` has id, argc and database of each, `all` their
   * arguments one behind the other, `args` holds those of one at a time. `client` gets their databases.
   */
  // hot: MULTI ... EXEC
  nestedQueue(
    heads: Int32Array,
    commands: number,
    all: Args,
    args: Args,
    reply: Reply,
    client: ClientState & { db: number },
  ): void {
    const ctx = this.ctx;
    this.frames.open(client);
    ctx.readSwitches();
    args.setBuffer(all.u8, all.dv);
    let changes = 0;
    let at = 0;
    for (let c = 0; c < commands; c++) {
      const argc = heads[3 * c + 1]!;
      args.reserve(argc);
      args.argc = argc;
      for (let i = 0; i < argc; i++, at++) {
        args.off[i] = all.off[at]!;
        args.len[i] = all.len[at]!;
      }
      client.db = heads[3 * c + 2]!;
      this.nestedCommand(heads[3 * c]!, args, reply, client);
      changes += ctx.dirty;
    }
    this.frames.close(this.home, changes);
  }

  /** @requires a frame opened for `client` */
  private nestedCommand(cmdId: number, args: Args, reply: Reply, client: ClientState): void {
    const ctx = this.ctx;
    const registry = this.registry;
    const flags = registry.flags[cmdId]!;
    this.begin(cmdId, flags, reply, client.db, this.shards === 1);
    this.stats.call(cmdId);
    const timing = this.timer.begin(cmdId, args, false);
    const mark = reply.mark();
    const def = registry.defs[cmdId]!;
    try {
      if (def.job !== undefined) this.nestedJob(def.job, args, reply);
      else {
        const writing = ctx.mayWrite ? ctx.beginWriting() : 0;
        def.handler!(ctx, args, reply);
        if ((flags & FLAG_WRITE) !== 0) {
          ctx.endWriting(writing);
          if (ctx.dirty !== 0) this.settle(args);
        }
      }
      if ((client.flags & CLIENT_FLAG.tracksReads) !== 0 && (flags & FLAG_READONLY) !== 0) {
        this.rememberReads(cmdId, args, client);
      }
    } catch (error) {
      this.failed(cmdId, args, client.db, reply, mark, error);
    }
    this.count(cmdId, args, reply, client, timing);
  }

  /** The client caches the keys that it reads: tells its I/O thread, which notes keys of single commands itself. */
  private rememberReads(cmdId: number, args: Args, client: ClientState): void {
    const { outbox } = this.ctx;
    if (outbox === null || (this.registry.flags[cmdId]! & FLAG_PUBSUB) !== 0) return;
    const { placement } = this;
    const count = placement.findKeys(this.registry.defs[cmdId]!, args);
    for (let i = 0; i < count; i++) {
      const k = placement.keys[i]!;
      outbox.remember(client.flags >>> CLIENT_IO_SHIFT, client.id, args.u8, args.dv, args.off[k]!, args.len[k]!);
    }
  }

  private nestedJob(job: JobHandler<ExecContext>, args: Args, reply: Reply): void {
    const outer = this.ctx;
    const ctx = this.newContext(outer.leases);
    ctx.refresh();
    // The clock stands still within a transaction and a script.
    ctx.setTime(outer.nowMs);
    ctx.setClient(outer.client);
    ctx.mayWrite = outer.mayWrite;
    ctx.db = outer.db;
    ctx.oneShard = false;
    ctx.runner = this;
    ctx.useShard(0);
    const steps = job(ctx, args, reply);
    while (steps.next().done !== true);
    outer.dirty += ctx.dirty;
  }

  /** A request was answered with an error before it was run: counts it. */
  countRefusal(cmdId: number, line: Uint8Array): void {
    this.stats.reject(cmdId);
    this.stats.error(line, 0);
  }

  /** A script wanted a command that was not run (`cmdId` -1: there is none): counts it. `text` has no '-'. */
  refused(cmdId: number, text: string): void {
    if (cmdId >= 0) this.stats.reject(cmdId);
    this.stats.error(Buffer.from(`-${text}\r\n`, 'latin1'), 0);
  }

  /**
   * Whether `denyoom` commands are refused now. Transactions and scripts ask beforehand. (Eviction will free memory
   * here, under the leases that are held, before the answer is yes.)
   */
  refusesMemory(): boolean {
    const { gate, client } = this.ctx;
    return (gate & GATE.memoryLimit) !== 0 && (client.flags & CLIENT_FLAG.mustObey) === 0 && this.overMemory();
  }

  /** Serves the waiters for keys that the command made ready. The command's own reply and counts are complete. */
  private serve(cmdId: number): void {
    const writing = this.ctx.beginWriting();
    try {
      this.ctx.blocking.serveReady(this.ctx);
    } catch (error) {
      this.ctx.blocking.dropReady();
      this.report(`serving clients after ${this.registry.defs[cmdId]!.name}`, error);
    }
    this.ctx.endWriting(writing);
  }

  /** Counts the changes of the command and records its effects, if a receiver takes effects. */
  private settle(args: Args): void {
    const ctx = this.ctx;
    const f64 = this.stats.f64;
    f64[STAT.effects] = f64[STAT.effects]! + ctx.dirty;
    if (!ctx.effectsOn || ctx.ownEffects) return;
    const { effects, db } = ctx;
    effects.begin(args.argc);
    for (let i = 0; i < args.argc; i++) effects.arg(args, i);
    effects.commit(db);
  }

  /** A command has answered with an error: counts it, unless a script has. */
  private countFailure(cmdId: number, reply: Reply): void {
    this.stats.fail(cmdId);
    if (!this.ctx.errorCounted) this.stats.error(reply.lastError!, 0);
    this.ctx.errorCounted = false;
  }

  /** An exception left a handler: the client gets an error, and the state of keys that may have changed is recorded. */
  private failed(cmdId: number, args: Args, db: number, reply: Reply, mark: number, error: unknown): void {
    reply.truncate(mark);
    if (error === LEFT_TO_SHARD) {
      this.leave(cmdId);
      return;
    }
    if (error instanceof ArenaFullError) reply.error(OOM_STORE);
    else {
      reply.error(INTERNAL);
      this.report(`command ${this.registry.defs[cmdId]!.name}`, error);
    }
    if (this.ctx.mayWrite) this.tellState(cmdId, args, db);
  }

  /** As `tellState`, for a command whose thread died; for a transaction in all databases. No lease is held. */
  tellLost(cmdId: number, args: Args, client: ClientState): void {
    const { ctx, registry } = this;
    if ((registry.flags[cmdId]! & FLAG_READONLY) !== 0) return;
    const placement = this.place(cmdId, args);
    this.beginBatch();
    if (placement.count > 1) ctx.leases.takeMarked(placement.marked);
    else ctx.leases.takeShard(placement.shard);
    ctx.dirty = 0;
    ctx.otherDb = -1;
    ctx.setClient(client);
    const writing = ctx.beginWriting();
    registry.defs[cmdId]!.lost?.(ctx, args);
    const databases = (registry.facts[cmdId]! & FACT_INTERNAL) === 0 ? 1 : ctx.keyspaces[0]!.length;
    for (let k = 0; k < databases; k++) this.tellState(cmdId, args, databases === 1 ? client.db : k);
    // Clients blocked on such a key are served together with all other blocked clients (Blocking.everybody).
    ctx.blocking.dropReady();
    ctx.endWriting(writing);
    this.endBatch();
  }

  /**
   * For a command that ended at an unknown point: records the state of all its keys, notes the keys as changed, and has
   * their waiters served. Also in the other database, if the command has one. @requires the leases of the keys
   */
  tellState(cmdId: number, args: Args, db: number): void {
    const { ctx, placement } = this;
    this.stats.f64[STAT.effects]! += ctx.dirty;
    try {
      const count = placement.findKeys(this.registry.defs[cmdId]!, args);
      for (let n = 0; n < count; n++) {
        const i = placement.keys[n]!;
        for (let at = db; ; at = ctx.otherDb) {
          ctx.dropEmpty(args, i, at);
          if (ctx.effectsOn) recordState(ctx, args, i, at);
          ctx.db = at;
          ctx.noteChange(args, i);
          if (anyWaits(ctx.arenas[ctx.shardOf(args, i)]!)) ctx.blocking.noteReady(ctx, args, i);
          if (at === ctx.otherDb || ctx.otherDb < 0) break;
        }
      }
    } catch (error) {
      this.report(`the state left by ${this.registry.defs[cmdId]!.name}`, error);
    }
    ctx.db = db;
  }

  /** The command is left to the shard's thread, which counts it. */
  private leave(cmdId: number): void {
    this.bigReply = true;
    this.stats.uncall(cmdId);
  }

  private overMemory(): boolean {
    let used = 0;
    const arenas = this.ctx.arenas;
    for (let s = 0; s < arenas.length; s++) used += arenas[s]!.usedBytes;
    return used > this.ctx.control.f64[CONTROL_F64.maxmemory]!;
  }
}
