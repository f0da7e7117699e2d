/**
 * I/O threads, as the supervisor handles them. If an I/O thread dies, its own connections are lost, and only those. Its
 * successor gets new rings; the content of the old rings is dropped, because the clients that wanted the answers are
 * gone. Main thread.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { givePinsOf } from '../../../shared/memory/pins.js';
import { clearInterest, InterestReader } from '../../../shared/pubsub/interest.js';
import { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL, type ControlBlock, ioThreadId } from '../../../shared/sync/control-block.js';
import type { IoWorkerData, ThreadData } from '../../../shared/sync/thread-data.js';
import type { Listening } from '../listening.js';
import type { ShardLeases } from '../shard-leases.js';
import type { SpawnedWorker, Thread, ThreadKind } from '../thread-kind.js';
import type { Wiring } from '../wiring.js';

/** New space of I/O threads: bursts of parsing survive there. */
const IO_YOUNG_MB = 64;

/** What the I/O threads of a server are made with. */
export interface IoKindParts {
  readonly block: ControlBlock;
  readonly wiring: Wiring;
  readonly leases: ShardLeases;
  readonly listening: Listening;
  /** The file that a worker runs. */
  readonly file: URL;
  readonly configFile: string;
  readonly executable: string;
  threadData(thread: Thread, control: MessagePort): ThreadData;
}

export class IoKind implements ThreadKind {
  readonly name = 'I/O';
  readonly count: number;
  readonly hasClients = true;
  /** It has closed everything when it has answered `close`, and holds only its control port. */
  readonly endsByItself = false;
  private readonly parts: IoKindParts;
  private readonly allShards: readonly number[];

  constructor(parts: IoKindParts) {
    this.parts = parts;
    this.count = parts.block.ioThreads;
    this.allShards = Array.from({ length: parts.block.shards }, (_, s) => s);
  }

  idOf(index: number): number {
    return ioThreadId(index);
  }

  spawn(thread: Thread, control: MessagePort): SpawnedWorker {
    const { wiring, configFile, executable, file } = this.parts;
    const { index } = thread;
    const pairs = wiring.takePairsOfIo(index, thread.generation);
    const workerData: IoWorkerData = {
      ...this.parts.threadData(thread, control),
      kind: 'io',
      ioIndex: index,
      pairs,
      links: wiring.linksOf(index),
      configFile,
      executable,
    };
    return new Worker(file, {
      name: `sherd-io-${index}`,
      workerData,
      transferList: [control, ...pairs.map((pair) => pair.mail)],
      resourceLimits: { maxYoungGenerationSizeMb: IO_YOUNG_MB },
    } as ConstructorParameters<typeof Worker>[1]);
  }

  /** Its clients are gone: no thread tells, serves or counts them any more, however late a successor comes. */
  afterDeath(thread: Thread): void {
    const { block, wiring, leases, listening } = this.parts;
    const { i32 } = block;
    const { index } = thread;
    listening.gone(index);
    block.claims(index).fill(0);
    const { f64 } = new StatsBlock(block.sab, block.statsOffset(thread.id));
    Atomics.sub(i32, CONTROL.clients, f64[STAT.connectedClients]!);
    for (let stat: number = STAT.connectedClients; stat <= STAT.watchingClients; stat++) f64[stat] = 0;
    for (let stat: number = STAT.trackedKeys; stat <= STAT.trackedPrefixes; stat++) f64[stat] = 0;
    const interest = wiring.interests[index]!;
    const reader = new InterestReader(interest);
    Atomics.sub(i32, CONTROL.trackers, reader.trackers);
    Atomics.sub(i32, CONTROL.monitors, reader.monitors);
    clearInterest(interest);
    for (const shard of this.allShards) givePinsOf(leases.words(shard), index);
  }

  renew(thread: Thread): void {
    this.parts.wiring.renewIo(thread.index);
  }

  renewed(thread: Thread, ready: Promise<void>): void {
    this.parts.listening.resume(thread.index, ready);
  }

  /** It may run commands of every shard itself. */
  shardsOf(): readonly number[] {
    return this.allShards;
  }
}
