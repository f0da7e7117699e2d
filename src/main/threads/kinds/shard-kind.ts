/**
 * Shard threads, as the supervisor handles them. A shard thread is only a pair of hands: its memory, its rings and what
 * waits in them stay. Its successor goes on behind the last request that was carried out. A request during which the
 * thread died may have taken effect: it is not run again, its connection is closed. Main thread.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { type ControlBlock, THREAD } from '../../../shared/sync/control-block.js';
import { buryRun, ENDED } from '../../../shared/sync/script-run.js';
import type { ShardWorkerData, ThreadData } from '../../../shared/sync/thread-data.js';
import type { SpawnedWorker, Thread, ThreadKind } from '../thread-kind.js';
import type { Wiring } from '../wiring.js';

/** What the shard threads of a server are made with. */
export interface ShardKindParts {
  readonly block: ControlBlock;
  readonly wiring: Wiring;
  /** The file that a worker runs. */
  readonly file: URL;
  threadData(thread: Thread, control: MessagePort): ThreadData;
}

export class ShardKind implements ThreadKind {
  readonly name = 'shard';
  readonly count: number;
  readonly hasClients = false;
  readonly endsByItself = true;
  private readonly parts: ShardKindParts;
  /** By shard: its script was killed with its thread, and no later life has answered that script yet (ENDED). */
  private readonly endedScripts: number[];

  constructor(parts: ShardKindParts) {
    this.parts = parts;
    this.count = parts.block.shards;
    this.endedScripts = new Array(this.count).fill(ENDED.not);
  }

  idOf(index: number): number {
    return this.parts.block.shardThreadId(index);
  }

  spawn(thread: Thread, control: MessagePort): SpawnedWorker {
    const { wiring, file } = this.parts;
    const { index } = thread;
    const pairs = wiring.takePairsOfShard(index, thread.generation);
    const workerData: ShardWorkerData = {
      ...this.parts.threadData(thread, control),
      kind: 'shard',
      shard: index,
      pairs,
      jobTable: wiring.jobTables[index]!,
      leaseWasHeld: thread.heldLease,
      clientsBefore: wiring.clientsGone(),
      endedScript: this.endedScripts[index]!,
    };
    return new Worker(file, {
      name: `sherd-shard-${index}`,
      workerData,
      transferList: [control, ...pairs.map((pair) => pair.mail)],
    } as ConstructorParameters<typeof Worker>[1]);
  }

  ready(thread: Thread): void {
    this.endedScripts[thread.index] = ENDED.not;
  }

  afterDeath(thread: Thread): void {
    const { endedScripts } = this;
    endedScripts[thread.index] = Math.max(endedScripts[thread.index]!, buryRun(this.parts.block, thread.id));
  }

  renew(thread: Thread): void {
    this.parts.wiring.renewShard(thread.index);
  }

  /** SHUTDOWN NOSAVE is what ends a script that must not be killed: nobody waits for that thread. */
  isDeaf(thread: Thread): boolean {
    const { block } = this.parts;
    return block.i32[block.threadWord(thread.id) + THREAD.scriptBusy] !== 0;
  }

  shardsOf(thread: Thread): readonly number[] {
    return [thread.index];
  }
}
