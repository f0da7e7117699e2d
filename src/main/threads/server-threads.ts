/**
 * All threads of a server, put together: the kinds of threads, what connects them, who listens, who watches scripts,
 * and the supervisor over all of them. Main thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { seedOfThread } from '../../shared/random.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';
import type { LogFields, LogLevel } from '../../shared/sync/control-messages.js';
import type { SegmentExchange } from '../../shared/sync/segment-exchange.js';
import type { ThreadData } from '../../shared/sync/thread-data.js';
import type { ControlBus } from './control-bus.js';
import { IoKind } from './kinds/io-kind.js';
import { ShardKind } from './kinds/shard-kind.js';
import { Listening } from './listening.js';
import { ScriptWatch } from './script-watch.js';
import { ShardLeases } from './shard-leases.js';
import { Supervisor, type TerminateWhere } from './supervisor.js';
import type { Thread } from './thread-kind.js';
import { Wiring } from './wiring.js';

/** What all threads of a server are given. */
export interface ThreadPlan {
  readonly block: ControlBlock;
  readonly bus: ControlBus;
  readonly exchange: SegmentExchange;
  readonly channelName: string;
  readonly version: string;
  readonly runId: string;
  readonly effects: SharedArrayBuffer;
  /** The server's random numbers repeat with it (src/shared/random.ts); null: they do not. */
  readonly seed: number | null;
  readonly configFile: string;
  readonly executable: string;
  /** The files that workers run. */
  readonly files: { readonly io: URL; readonly shard: URL };
  /** Directives as they are now. */
  config(): readonly (readonly [string, string])[];
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The server cannot go on. */
  fatal(error: Error): void;
}

export class ServerThreads {
  readonly supervisor: Supervisor;
  private readonly plan: ThreadPlan;
  private readonly wiring: Wiring;
  private readonly listening: Listening;
  private readonly watch: ScriptWatch;
  private readonly io: IoKind;
  private readonly shards: ShardKind;

  constructor(plan: ThreadPlan) {
    this.plan = plan;
    const { block, bus, configFile, executable, files } = plan;
    const leases = new ShardLeases(plan.exchange, block);
    const threadData = (thread: Thread, control: MessagePort): ThreadData => this.threadData(thread, control);
    this.wiring = new Wiring(block, bus, plan.log);
    this.listening = new Listening(bus, block.ioThreads, plan.log);
    const { wiring, listening } = this;
    this.io = new IoKind({ block, wiring, leases, listening, file: files.io, configFile, executable, threadData });
    this.shards = new ShardKind({ block, wiring, file: files.shard, threadData });
    // I/O threads end first, so that no request is on its way when the shards go.
    this.supervisor = new Supervisor({ block, bus, leases, log: plan.log, fatal: plan.fatal }, [this.io, this.shards]);
    this.watch = new ScriptWatch(block, (shard, why) => this.supervisor.end(this.shards, shard, why));
  }

  /** Starts every thread; resolves when all are ready. Rejects with the first error. */
  async start(): Promise<void> {
    this.wiring.connect();
    await this.supervisor.start();
    this.watch.start();
  }

  /** Opens the listening sockets in all I/O threads, see Listening.listen. */
  listen(port: number): Promise<number> {
    return this.listening.listen(port);
  }

  /** Ends all threads, see Supervisor.stop. */
  stop(): Promise<void> {
    this.watch.stop();
    this.listening.end();
    return this.supervisor.stop();
  }

  /** For tests: terminates a shard's thread. */
  terminateShard(shard: number, where?: TerminateWhere): Promise<void> {
    return this.supervisor.terminate(this.shards, shard, where);
  }

  /** For tests: terminates an I/O thread; its clients are dropped. */
  terminateIo(index: number, where?: TerminateWhere): Promise<void> {
    return this.supervisor.terminate(this.io, index, where);
  }

  /** Resolves when no restart or relisten is under way (for tests). */
  settled(): Promise<void> {
    return this.listening.settled();
  }

  private threadData(thread: Thread, controlPort: MessagePort): ThreadData {
    const { block, exchange, channelName, version, runId, effects, seed } = this.plan;
    return {
      threadId: thread.id,
      controlBlock: block.sab,
      controlPort,
      channelName,
      segments: exchange.snapshot(),
      effects,
      interests: this.wiring.interests,
      config: this.plan.config(),
      version,
      runId,
      seed: seed === null ? null : seedOfThread(seed, thread.id),
      generation: thread.generation,
    };
  }
}
