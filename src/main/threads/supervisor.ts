/**
 * The supervisor starts the threads of a server, watches them, and starts again those that die. What a kind of thread
 * needs at its start, and what its death means, is the kind's own matter (thread-kind.ts, kinds/).
 *
 * Runs on the main thread's event loop. Invariants: (1) the leases of a dead thread are broken before its successor
 * starts; (2) a thread that has served is always started again, at once or later (restart-policy.ts), and one that
 * cannot be started for want of resources is tried again until it can; (3) that a lease was held is told to each
 * further life until one of them is ready; (4) kinds end in the order of their row, and start in the opposite order.
 */
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import { SherdError } from '../../shared/errors/sherd-error.js';
import { type ControlBlock, MAIN_THREAD_ID, THREAD_STATE } from '../../shared/sync/control-block.js';
import type { LogFields, LogLevel } from '../../shared/sync/control-messages.js';
import type { Lease } from '../../shared/sync/lease.js';
import { type ControlBus, ThreadGoneError } from './control-bus.js';
import { RestartPolicy } from './restart-policy.js';
import type { ShardLeases } from './shard-leases.js';
import { isShortage, SHORTAGE_RETRY_MS } from './shortage.js';
import { nameOf, newThreads, type SpawnedWorker, type Thread, type ThreadKind } from './thread-kind.js';

/** How long the main thread waits for a shard's lease before it terminates a thread between two commands. */
const TERMINATE_WAIT_MS = 2_000;
/** Threads that start at the same time. */
const STARTS_PER_CORE = 2;
/** How long a thread may take to end by itself. */
const STOP_MS = 3_000;

/** Where in its work a thread is terminated by the test hook. */
export type TerminateWhere = 'between' | 'anywhere';

/** What the supervisor works with. */
export interface SupervisorParts {
  readonly block: ControlBlock;
  readonly bus: ControlBus;
  readonly leases: ShardLeases;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The server cannot go on. */
  fatal(error: Error): void;
}

export class Supervisor {
  private readonly parts: SupervisorParts;
  /** By kind, in the order in which they end. */
  private readonly groups: readonly (readonly Thread[])[];
  private readonly restarts = new RestartPolicy();
  private stopping = false;

  /** `kinds`: in the order in which their threads end. */
  constructor(parts: SupervisorParts, kinds: readonly ThreadKind[]) {
    this.parts = parts;
    this.groups = kinds.map(newThreads);
  }

  /** Starts every thread; resolves when all are ready. Rejects with the first error. */
  async start(): Promise<void> {
    const threads = this.groups.toReversed().flat();
    let next = 0;
    const startSome = async (): Promise<void> => {
      while (next < threads.length) {
        if (this.stopping) throw closedAtStart();
        await this.launch(threads[next++]!);
      }
    };
    // Many at once would be no faster, and all of them must come up before one can end.
    await Promise.all(Array.from({ length: STARTS_PER_CORE * availableParallelism() }, startSome));
  }

  /** A thread reported that it is ready. */
  ready(threadId: number): void {
    const thread = this.byId(threadId);
    this.parts.block.setState(threadId, THREAD_STATE.ready);
    if (thread === null) return;
    thread.kind.ready?.(thread);
    thread.onReady?.resolve();
    thread.onReady = null;
    thread.heldLease = false;
    if (thread.isShort) this.parts.log('notice', `${nameOf(thread)} is started`);
    thread.isShort = false;
  }

  /** A thread reported that it cannot go on: before it was ready its start fails, later the server does. */
  failed(threadId: number, error: Error): void {
    const thread = this.byId(threadId);
    if (thread?.onReady) {
      thread.onReady.reject(error);
      thread.onReady = null;
    } else this.parts.fatal(error);
  }

  /**
   * Ends all threads, kind by kind. Threads that are not ready yet have nothing to end: a start under way fails with
   * SHERD_CLOSED.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const threads of this.groups) for (const thread of threads) clearTimeout(thread.pause);
    for (const threads of this.groups) await Promise.all(threads.map((thread) => this.stopThread(thread)));
  }

  private async stopThread(thread: Thread): Promise<void> {
    if (thread.worker === null) return;
    if (thread.kind.isDeaf?.(thread) === true) {
      await thread.worker.terminate();
      return;
    }
    const starts = thread.onReady !== null;
    if (!starts) await within(this.parts.bus.ask(thread.id, 'close', null).catch(this.noted), STOP_MS);
    const worker = thread.worker as SpawnedWorker | null;
    if (worker === null) return;
    if (starts || !thread.kind.endsByItself || !(await within(thread.exited, STOP_MS))) void worker.terminate();
    if (!(await within(thread.exited, STOP_MS))) this.parts.log('warning', `${nameOf(thread)} does not end`);
  }

  /**
   * For tests: terminates a thread of a kind. `between`: between two of its commands (the main thread first takes the
   * leases of the shards on which the thread works); `anywhere`: at any moment, even in the middle of a store.
   */
  async terminate(kind: ThreadKind, index: number, where: TerminateWhere = 'between'): Promise<void> {
    const thread = this.find(kind, index);
    if (thread === undefined || thread.worker === null) throw new Error(`no ${kind.name} thread ${index}`);
    const held: Lease[] = [];
    for (const shard of where === 'between' ? kind.shardsOf(thread) : []) {
      const lease = this.parts.leases.lease(shard);
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

  /** Ends a thread on purpose; its successor goes on. */
  end(kind: ThreadKind, index: number, why: string): void {
    const thread = this.find(kind, index)!;
    if (this.stopping || thread.worker === null || thread.isEnded || thread.onReady !== null) return;
    this.parts.log('warning', `${nameOf(thread)} is ended: ${why}`);
    thread.isEnded = true;
    void thread.worker.terminate();
  }

  // ---- starting

  private launch(thread: Thread): Promise<void> {
    const { block, bus } = this.parts;
    block.setState(thread.id, THREAD_STATE.starting);
    const control = new MessageChannel();
    bus.attach(thread.id, control.port1, thread.kind.hasClients);
    const ready = new Promise<void>((resolve, reject) => {
      thread.onReady = { resolve, reject };
    });
    let worker: SpawnedWorker;
    try {
      worker = thread.kind.spawn(thread, control.port2);
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

  // ---- deaths

  private exited(thread: Thread, code: number, cause: Error | null): void {
    const { block, bus, log } = this.parts;
    block.setState(thread.id, THREAD_STATE.dead);
    bus.detach(thread.id);
    const name = nameOf(thread);
    const starting = thread.onReady;
    thread.onReady = null;
    if (this.stopping) {
      starting?.reject(closedAtStart());
      return;
    }
    thread.kind.afterDeath(thread);
    const { held, torn } = this.parts.leases.breakOf(thread.id, log);
    if (held) thread.heldLease = true;
    if (torn !== null) {
      starting?.reject(new ThreadGoneError(thread.id));
      this.parts.fatal(new Error(`${name} died in the middle of a change and left its memory damaged (${torn})`));
      return;
    }
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
    if (!thread.isShort)
      this.parts.log('warning', `${nameOf(thread)} cannot be started, tries go on: ${cause.message}`);
    thread.isShort = true;
    this.startLater(thread, SHORTAGE_RETRY_MS);
  }

  private startLater(thread: Thread, pauseMs: number): void {
    thread.pause = setTimeout(() => this.startAgain(thread), pauseMs);
  }

  private startAgain(thread: Thread): void {
    if (this.stopping) return;
    thread.generation++;
    try {
      thread.kind.renew(thread);
      const ready = this.launch(thread);
      // Its death is seen in `exited`.
      ready.catch(ignore);
      thread.kind.renewed?.(thread, ready);
    } catch (error) {
      // There is no memory for its rings or channels. (A worker that cannot be made ends in `exited`.)
      this.isShort(thread, error as Error);
    }
  }

  /** For asks whose failure stops nothing: the log gets it, unless the thread is gone. */
  private readonly noted = (error: Error): void => {
    if (!(error instanceof ThreadGoneError)) this.parts.log('warning', `a thread failed to answer: ${error.message}`);
  };

  private find(kind: ThreadKind, index: number): Thread | undefined {
    return this.groups.find((threads) => threads[0]?.kind === kind)?.[index];
  }

  private byId(threadId: number): Thread | null {
    for (const threads of this.groups) for (const thread of threads) if (thread.id === threadId) return thread;
    return null;
  }
}

function closedAtStart(): SherdError {
  return new SherdError('SHERD_CLOSED', 'the server was closed while it started');
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
