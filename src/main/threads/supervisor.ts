/**
 * The supervisor starts the threads of a server, watches them, and starts again those that die.
 *
 * - A shard thread is only a pair of hands: its memory, its rings and what waits in them stay. Its successor goes on
 *   behind the last request that was carried out. A request during which it died may have taken effect: it is not run
 *   again, its connection is closed.
 * - An I/O thread takes its connections with it, and nobody else's. Its successor gets new rings; what the old ones
 *   held is forgotten, because nobody is left who wants the answers.
 *
 * Runs on the main thread's event loop. Invariants: (1) the leases of a dead thread are broken before its successor
 * starts; (2) each life of a thread gets new mail channels, and both ends are on their way before it runs; (3) a thread
 * that has served is always started again, at once or later (restart-policy.ts), and one that cannot be started or
 * cannot listen for want of resources is tried again until it can; (4) that a lease was held is told to each further
 * life until one of them is ready.
 */
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { SherdError } from '../../shared/errors/sherd-error.js';
import { CHECKING, CTL_LEASE, CTL_NEXT_PAGE, CTL_WRITING } from '../../shared/memory/arena.js';
import { givePinsOf } from '../../shared/memory/pins.js';
import { restampPages } from '../../shared/memory/store-check.js';
import { clearInterest, createInterest, InterestReader } from '../../shared/pubsub/interest.js';
import { StatsBlock } from '../../shared/stats/stats-block.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import {
  CONTROL,
  type ControlBlock,
  ioThreadId,
  MAIN_THREAD_ID,
  THREAD,
  THREAD_STATE,
} from '../../shared/sync/control-block.js';
import type { LogFields, LogLevel } from '../../shared/sync/control-messages.js';
import { Lease } from '../../shared/sync/lease.js';
import { RING_LIMITS } from '../../shared/sync/records.js';
import { createRing } from '../../shared/sync/ring.js';
import { buryRun, ENDED } from '../../shared/sync/script-run.js';
import type { SegmentExchange } from '../../shared/sync/segment-exchange.js';
import {
  type IoWorkerData,
  JOB_WORDS,
  JOBS_MAX,
  type LinkData,
  type PairData,
  type ShardWorkerData,
} from '../../shared/sync/thread-data.js';
import { IO_WORKER, SHARD_WORKER } from '../entries.js';
import { type ControlBus, ThreadGoneError } from './control-bus.js';
import { Listening } from './listening.js';
import { RestartPolicy } from './restart-policy.js';
import { ScriptWatch } from './script-watch.js';
import { isShortage, SHORTAGE_RETRY_MS } from './shortage.js';
import { nameOf, newThread, type Thread } from './supervised-thread.js';

/** How long the main thread waits for a shard's lease before it terminates the shard's thread between two commands. */
const TERMINATE_WAIT_MS = 2_000;
/** Threads that start at the same time. */
const STARTS_PER_CORE = 2;
/** How long a thread may take to end by itself. */
const STOP_MS = 3_000;
/** Ring from one I/O thread to another. */
const LINK_BYTES = 1 << 20;
/** New space of I/O threads: bursts of parsing survive there. */
const IO_YOUNG_MB = 64;

/** Where in its work a thread is terminated by the test hook. */
export type TerminateWhere = 'between' | 'anywhere';

/** What all threads of a server are given. */
export interface ThreadPlan {
  readonly block: ControlBlock;
  readonly bus: ControlBus;
  readonly exchange: SegmentExchange;
  readonly channelName: string;
  readonly version: string;
  readonly runId: string;
  readonly effects: SharedArrayBuffer;
  readonly configFile: string;
  readonly executable: string;
  /** Directives as they are now. */
  config(): readonly (readonly [string, string])[];
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The server cannot go on. */
  fatal(error: Error): void;
}

interface PairRings {
  readonly requestRing: SharedArrayBuffer;
  readonly replyRing: SharedArrayBuffer;
}

export class Supervisor {
  private readonly plan: ThreadPlan;
  private readonly io: Thread[] = [];
  private readonly shards: Thread[] = [];
  /** [I/O thread][shard] */
  private readonly rings: PairRings[][] = [];
  private readonly jobTables: SharedArrayBuffer[] = [];
  /** By I/O thread. */
  private readonly interests: SharedArrayBuffer[] = [];
  /** Rings between I/O threads: [from][to]; none to itself. */
  private readonly links: (SharedArrayBuffer | null)[][] = [];
  private readonly restarts = new RestartPolicy();
  private readonly listening: Listening;
  private readonly watch: ScriptWatch;
  private stopping = false;

  constructor(plan: ThreadPlan) {
    this.plan = plan;
    const { block } = plan;
    this.watch = new ScriptWatch(block, (shard, why) => this.endShard(shard, why));
    for (let i = 0; i < block.ioThreads; i++) {
      this.io.push(newThread(ioThreadId(i), 'io', i));
      this.rings.push([]);
      this.interests.push(createInterest());
      this.links.push(this.plan.block.ioThreads === 1 ? [null] : newLinks(i, block.ioThreads));
      for (let s = 0; s < block.shards; s++) this.rings[i]!.push(newRings());
    }
    for (let s = 0; s < block.shards; s++) {
      this.shards.push(newThread(block.shardThreadId(s), 'shard', s));
      this.jobTables.push(new SharedArrayBuffer(JOBS_MAX * JOB_WORDS * 4));
    }
    this.listening = new Listening(plan.bus, this.io, (level, message) => plan.log(level, message));
  }

  /** Starts every thread; resolves when all are ready. Rejects with the first error. */
  async start(): Promise<void> {
    const ports: MessagePort[][] = [];
    const shardPorts: MessagePort[][] = this.shards.map(() => []);
    for (let i = 0; i < this.io.length; i++) {
      ports.push([]);
      for (let s = 0; s < this.shards.length; s++) {
        const channel = new MessageChannel();
        ports[i]!.push(channel.port1);
        shardPorts[s]!.push(channel.port2);
      }
    }
    const threads = [...this.shards, ...this.io];
    const mail = [...shardPorts, ...ports];
    let next = 0;
    const startSome = async (): Promise<void> => {
      while (next < threads.length) {
        if (this.stopping) throw closedAtStart();
        const at = next++;
        await this.launch(threads[at]!, mail[at]!, false);
      }
    };
    // Many at once would be no faster, and all of them must come up before one can end.
    await Promise.all(Array.from({ length: STARTS_PER_CORE * availableParallelism() }, startSome));
    this.watch.start();
  }

  /** Opens the listening sockets in all I/O threads, see Listening.listen. */
  listen(port: number): Promise<number> {
    return this.listening.listen(port);
  }

  /** A thread reported that it is ready. */
  ready(threadId: number): void {
    const thread = this.byId(threadId);
    this.plan.block.setState(threadId, THREAD_STATE.ready);
    if (thread === null) return;
    thread.endedScript = ENDED.not;
    thread.onReady?.resolve();
    thread.onReady = null;
    thread.heldLease = false;
    if (thread.isShort) this.plan.log('notice', `${nameOf(thread)} is started`);
    thread.isShort = false;
  }

  /** A thread reported that it cannot go on: before it was ready its start fails, later the server does. */
  failed(threadId: number, error: Error): void {
    const thread = this.byId(threadId);
    if (thread?.onReady) {
      thread.onReady.reject(error);
      thread.onReady = null;
    } else this.plan.fatal(error);
  }

  /**
   * Ends all threads: I/O threads first, so that no request is on its way when the shards go. Threads that are not
   * ready yet have nothing to end: a start under way fails with SHERD_CLOSED.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    this.watch.stop();
    for (const thread of [...this.io, ...this.shards]) clearTimeout(thread.pause);
    this.listening.end();
    await this.stopThreads(this.io);
    await this.stopThreads(this.shards);
  }

  private async stopThreads(threads: readonly Thread[]): Promise<void> {
    await Promise.all(
      threads.map(async (thread) => {
        if (thread.worker === null) return;
        const { i32 } = this.plan.block;
        // SHUTDOWN NOSAVE is what ends a script that must not be killed: nobody waits for that thread.
        if (thread.kind === 'shard' && i32[this.plan.block.threadWord(thread.id) + THREAD.scriptBusy] !== 0) {
          await thread.worker.terminate();
          return;
        }
        const starts = thread.onReady !== null;
        if (!starts) await within(this.plan.bus.ask(thread.id, 'close', null).catch(this.noted), STOP_MS);
        const worker = thread.worker as Worker | null;
        if (worker === null) return;
        // A shard's loop ends by itself; an I/O thread has closed everything by now and holds only its control port.
        if (starts || thread.kind === 'io' || !(await within(thread.exited, STOP_MS))) void worker.terminate();
        if (!(await within(thread.exited, STOP_MS))) this.plan.log('warning', `${nameOf(thread)} does not end`);
      }),
    );
  }

  /**
   * For tests: terminates a shard's thread. `between` two of its commands (the main thread takes the shard's lease
   * first), or `anywhere`, be it in the middle of a store.
   */
  async terminateShard(shard: number, where: TerminateWhere = 'between'): Promise<void> {
    const thread = this.shards[shard];
    if (thread === undefined || thread.worker === null) throw new Error(`no shard thread ${shard}`);
    const lease = this.lease(shard);
    const held = where === 'between' && lease.acquireWithin(MAIN_THREAD_ID, TERMINATE_WAIT_MS);
    const exited = thread.exited;
    try {
      await thread.worker.terminate();
      await exited;
    } finally {
      if (held) lease.release();
    }
  }

  /**
   * For tests: terminates an I/O thread; its clients are dropped. `between` two of the commands that it runs itself
   * (the main thread takes all leases first), or `anywhere`.
   */
  async terminateIo(index: number, where: TerminateWhere = 'between'): Promise<void> {
    const thread = this.io[index];
    if (thread === undefined || thread.worker === null) throw new Error(`no I/O thread ${index}`);
    const held: Lease[] = [];
    for (let s = 0; where === 'between' && s < this.shards.length; s++) {
      const lease = this.lease(s);
      if (lease.acquireWithin(MAIN_THREAD_ID, TERMINATE_WAIT_MS)) held.push(lease);
    }
    const exited = thread.exited;
    try {
      await thread.worker.terminate();
      await exited;
    } finally {
      for (const lease of held) lease.release();
    }
  }

  /** Resolves when no restart or relisten is under way (for tests). */
  async settled(): Promise<void> {
    await this.listening.settled();
  }

  // ---- starting ----

  private launch(thread: Thread, mail: MessagePort[], leaseWasHeld: boolean): Promise<void> {
    const { block, bus } = this.plan;
    block.setState(thread.id, THREAD_STATE.starting);
    block.i32[block.threadWord(thread.id) + THREAD.restarts] = thread.generation;
    const control = new MessageChannel();
    bus.attach(thread.id, control.port1);
    const ready = new Promise<void>((resolve, reject) => {
      thread.onReady = { resolve, reject };
    });
    let worker: Worker;
    try {
      worker =
        thread.kind === 'io'
          ? this.ioWorker(thread, control.port2, mail)
          : this.shardWorker(thread, control.port2, mail, leaseWasHeld);
    } catch (error) {
      // The system gives no thread: as if it had ended at once.
      setImmediate(() => this.exited(thread, 1, error as Error));
      return ready;
    }
    thread.worker = worker;
    let cause: Error | null = null;
    worker.on('error', (error) => {
      cause = error instanceof Error ? error : new Error(String(error));
    });
    thread.exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        thread.worker = null;
        this.exited(thread, code, cause);
        resolve();
      });
    });
    return ready;
  }

  private threadData(thread: Thread, controlPort: MessagePort) {
    const { block, exchange, channelName, version, runId, effects } = this.plan;
    return {
      threadId: thread.id,
      controlBlock: block.sab,
      controlPort,
      channelName,
      segments: exchange.snapshot(),
      effects,
      interests: this.interests,
      config: this.plan.config(),
      version,
      runId,
      generation: thread.generation,
    };
  }

  private ioWorker(thread: Thread, controlPort: MessagePort, mail: MessagePort[]): Worker {
    const pairs = mail.map(
      (port, s): PairData => ({ ...this.rings[thread.index]![s]!, mail: port, generation: thread.generation }),
    );
    const { configFile, executable } = this.plan;
    const workerData: IoWorkerData = {
      ...this.threadData(thread, controlPort),
      kind: 'io',
      ioIndex: thread.index,
      pairs,
      links: this.io.map((peer) => this.linkOf(thread.index, peer.index)),
      configFile,
      executable,
    };
    return new Worker(IO_WORKER, {
      name: `sherd-io-${thread.index}`,
      workerData,
      transferList: [controlPort, ...mail],
      resourceLimits: { maxYoungGenerationSizeMb: IO_YOUNG_MB },
    } as ConstructorParameters<typeof Worker>[1]);
  }

  /** The rings between two I/O threads, as the first one sees them. */
  private linkOf(index: number, peer: number): LinkData | null {
    const incoming = this.links[peer]![index]!;
    const outgoing = this.links[index]![peer]!;
    return incoming === null || outgoing === null ? null : { incoming, outgoing };
  }

  private shardWorker(thread: Thread, controlPort: MessagePort, mail: MessagePort[], leaseWasHeld: boolean): Worker {
    const pairs = mail.map(
      (port, i): PairData => ({ ...this.rings[i]![thread.index]!, mail: port, generation: thread.generation }),
    );
    const workerData: ShardWorkerData = {
      ...this.threadData(thread, controlPort),
      kind: 'shard',
      shard: thread.index,
      pairs,
      jobTable: this.jobTables[thread.index]!,
      leaseWasHeld,
      endedScript: thread.endedScript,
    };
    return new Worker(SHARD_WORKER, {
      name: `sherd-shard-${thread.index}`,
      workerData,
      transferList: [controlPort, ...mail],
    } as ConstructorParameters<typeof Worker>[1]);
  }

  // ---- deaths ----

  private exited(thread: Thread, code: number, cause: Error | null): void {
    const { block, bus, log } = this.plan;
    block.setState(thread.id, THREAD_STATE.dead);
    thread.fds = [];
    bus.detach(thread.id);
    const name = nameOf(thread);
    const starting = thread.onReady;
    thread.onReady = null;
    if (this.stopping) {
      starting?.reject(closedAtStart());
      return;
    }
    if (thread.kind === 'io') this.forgetClients(thread.index);
    else thread.endedScript = Math.max(thread.endedScript, buryRun(block, thread.id));
    if (this.breakLeases(thread.id)) thread.heldLease = true;
    if (starting !== null) {
      const isFirst = thread.generation === 0;
      const error = cause ?? new Error(`${name} ended while it started (code ${code})`);
      starting.reject(isFirst ? error : new ThreadGoneError(thread.id));
      if (isFirst) return;
      if (isShortage(cause)) {
        this.isShort(thread, cause!);
        return;
      }
    }
    if (thread.isEnded) {
      thread.isEnded = false;
      this.startAgain(thread);
      return;
    }
    const text = cause === null ? null : (cause.stack ?? cause.message);
    log('warning', `${name} died, starting it again`, { code, error: text });
    const pauseMs = this.restarts.died();
    if (pauseMs === 0) {
      this.startAgain(thread);
      return;
    }
    log('warning', `${name} dies again and again: its next start is in ${pauseMs} ms`);
    this.startLater(thread, pauseMs);
  }

  /** No death of the thread: it had not begun. What waits for it goes on waiting, and all data stays. */
  private isShort(thread: Thread, cause: Error): void {
    if (!thread.isShort) this.plan.log('warning', `${nameOf(thread)} cannot be started, tries go on: ${cause.message}`);
    thread.isShort = true;
    this.startLater(thread, SHORTAGE_RETRY_MS);
  }

  /** Ends the thread of a shard in the middle of its Lua. */
  private endShard(shard: number, why: string): void {
    const thread = this.shards[shard]!;
    if (this.stopping || thread.worker === null || thread.isEnded || thread.onReady !== null) return;
    this.plan.log('warning', `${nameOf(thread)} is ended: ${why}`);
    thread.isEnded = true;
    void thread.worker.terminate();
  }

  private startLater(thread: Thread, pauseMs: number): void {
    thread.pause = setTimeout(() => this.startAgain(thread), pauseMs);
  }

  private startAgain(thread: Thread): void {
    if (this.stopping) return;
    thread.generation++;
    try {
      if (thread.kind === 'shard') this.restartShard(thread, thread.heldLease);
      else this.restartIo(thread);
    } catch (error) {
      // There is no memory for its rings or channels. (A worker that cannot be made ends in `exited`.)
      this.isShort(thread, error as Error);
    }
  }

  /** Frees the leases of a dead thread; returns whether there were any. */
  private breakLeases(threadId: number): boolean {
    let held = false;
    for (let s = 0; s < this.shards.length; s++) {
      const words = this.controlWords(s);
      // Still under the lease: nobody else can be in between.
      const writing = words[CTL_WRITING] === threadId;
      if (writing) words[CTL_WRITING] = 0;
      if (CHECKING && this.lease(s).holder() === threadId) restampPages(this.segmentWords(s), words[CTL_NEXT_PAGE]!);
      if (!this.lease(s).breakIfHeldBy(threadId)) continue;
      held = true;
      const what = writing ? 'in the middle of a change; its memory may be damaged' : 'before it changed anything';
      this.plan.log(writing ? 'warning' : 'notice', `the lease of shard ${s} was broken: its holder died ${what}`);
    }
    return held;
  }

  private restartShard(thread: Thread, leaseWasHeld: boolean): void {
    const mail: MessagePort[] = [];
    for (const io of this.io) {
      const channel = new MessageChannel();
      mail.push(channel.port2);
      this.tellPair(io, {
        peer: thread.index,
        requestRing: null,
        replyRing: null,
        mail: channel.port1,
        clientsBefore: 0,
      });
    }
    this.launch(thread, mail, leaseWasHeld).catch(ignore);
  }

  /** Its clients are gone: nobody tells, serves or counts them any more, however late a successor comes. */
  private forgetClients(index: number): void {
    const { block } = this.plan;
    const { i32 } = block;
    block.claims(index).fill(0);
    const { f64 } = new StatsBlock(block.sab, block.statsOffset(this.io[index]!.id));
    Atomics.sub(i32, CONTROL.clients, f64[STAT.connectedClients]!);
    for (let stat: number = STAT.connectedClients; stat <= STAT.watchingClients; stat++) f64[stat] = 0;
    for (let stat: number = STAT.trackedKeys; stat <= STAT.trackedPrefixes; stat++) f64[stat] = 0;
    const reader = new InterestReader(this.interests[index]!);
    Atomics.sub(i32, CONTROL.trackers, reader.trackers);
    Atomics.sub(i32, CONTROL.monitors, reader.monitors);
    clearInterest(this.interests[index]!);
    for (const shard of this.shards) givePinsOf(this.controlWords(shard.index), index);
  }

  private restartIo(thread: Thread): void {
    const { block } = this.plan;
    for (const peer of this.io) {
      if (peer === thread) continue;
      this.links[thread.index]![peer.index] = createRing(LINK_BYTES);
      this.links[peer.index]![thread.index] = createRing(LINK_BYTES);
      const change = { peer: thread.index, ...this.linkOf(peer.index, thread.index)! };
      this.plan.bus.ask(peer.id, 'link', change).catch(this.noted);
    }
    const mail: MessagePort[] = [];
    // The successor's clients get higher ids.
    const clientsBefore = block.nextClientId();
    for (const shard of this.shards) {
      const rings = newRings();
      this.rings[thread.index]![shard.index] = rings;
      const channel = new MessageChannel();
      mail.push(channel.port1);
      this.tellPair(shard, { peer: thread.index, ...rings, mail: channel.port2, clientsBefore });
    }
    this.listening.resume(thread, this.launch(thread, mail, false));
  }

  private tellPair(
    thread: Thread,
    change: { peer: number; mail: MessagePort; clientsBefore: number } & {
      [K in keyof PairRings]: PairRings[K] | null;
    },
  ): void {
    this.plan.bus.ask(thread.id, 'pair', change, [change.mail]).catch(this.noted);
  }

  /** For asks whose failure stops nothing: the log gets it, unless the thread is gone. */
  private readonly noted = (error: Error): void => {
    if (!(error instanceof ThreadGoneError)) this.plan.log('warning', `a thread failed to answer: ${error.message}`);
  };

  private byId(threadId: number): Thread | null {
    return this.io.find((t) => t.id === threadId) ?? this.shards.find((t) => t.id === threadId) ?? null;
  }

  private controlWords(shard: number): Int32Array {
    return new Int32Array(this.plan.exchange.find(shard, 0)!);
  }

  private segmentWords(shard: number): Int32Array[] {
    return this.plan.exchange.snapshot()[shard]!.map((segment) => new Int32Array(segment));
  }

  private lease(shard: number): Lease {
    return new Lease(this.controlWords(shard), CTL_LEASE);
  }
}

function closedAtStart(): SherdError {
  return new SherdError('SHERD_CLOSED', 'the server was closed while it started');
}

function newLinks(from: number, ioThreads: number): (SharedArrayBuffer | null)[] {
  return Array.from({ length: ioThreads }, (_, to) => (to === from ? null : createRing(LINK_BYTES)));
}

function newRings(): PairRings {
  return { requestRing: createRing(RING_LIMITS.requestBytes), replyRing: createRing(RING_LIMITS.replyBytes) };
}

/** Whether the promise settled within the time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const done = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

function ignore(): void {}
