/**
 * Puts a shard thread together from what the main thread handed over: views, rings, mailboxes, control port, loop.
 */

import { availableParallelism } from 'node:os';
import type { Registry } from '../../shared/command/registry.js';
import { firstMailId } from '../../shared/limits.js';
import { ArenaFullError } from '../../shared/memory/arena.js';
import { openFaultPoints } from '../../shared/memory/fault-point.js';
import { collectDropped } from '../../shared/memory/shared-garbage.js';
import { StatsBlock } from '../../shared/stats/stats-block.js';
import { STAT, THREAD_SHARD } from '../../shared/stats/stats-layout.js';
import { ControlBlock } from '../../shared/sync/control-block.js';
import { ControlPort } from '../../shared/sync/control-port.js';
import { Mailbox } from '../../shared/sync/mailbox.js';
import { RingConsumer, RingProducer } from '../../shared/sync/ring.js';
import { SegmentExchange } from '../../shared/sync/segment-exchange.js';
import type { ShardWorkerData } from '../../shared/sync/thread-data.js';
import { type ShardExecutor, ShardLoop, type ShardPair } from './shard-loop.js';

/** What the engine is built from. */
export interface EngineParts {
  readonly threadId: number;
  readonly shard: number;
  readonly shards: number;
  readonly block: ControlBlock;
  /** Segment 0 of each shard. */
  readonly firstSegments: readonly SharedArrayBuffer[];
  readonly segments: SegmentExchange;
  readonly effects: SharedArrayBuffer;
  readonly interests: readonly SharedArrayBuffer[];
  readonly stats: StatsBlock;
  /** All directives as CONFIG GET shows them, for scripts that ask. */
  readonly directives: ReadonlyMap<string, string>;
  readonly port: ControlPort;
}

/** The engine: commands and who runs them. */
export interface Engine {
  readonly registry: Registry;
  readonly executor: ShardExecutor;
}

/** What the main thread may ask of a shard thread. */
function answerMain(port: ControlPort, loop: ShardLoop, directives: Map<string, string>): void {
  port.on('close', () => {
    loop.stop();
    return null;
  });
  port.on('config', (changed) => {
    for (const [name, value] of changed) directives.set(name, value);
    return null;
  });
  port.on('pair', (change) => {
    const mailbox = new Mailbox(change.mail, () => port.drainSync());
    loop.replacePair(
      change.peer,
      new RingConsumer(change.requestRing!, mailbox),
      new RingProducer(change.replyRing!, mailbox),
      change.clientsBefore,
    );
    return null;
  });
}

/** Runs a shard thread until the main thread ends it. Throws when the engine cannot be built. */
export async function runShardThread(data: ShardWorkerData, makeEngine: (parts: EngineParts) => Engine): Promise<void> {
  const block = new ControlBlock(data.controlBlock);
  openFaultPoints(block.faults(), data.threadId, () => new ArenaFullError(data.shard));
  const port = new ControlPort(data.controlPort, block, data.threadId);
  const stats = new StatsBlock(block.sab, block.statsOffset(data.threadId));
  stats.identify(THREAD_SHARD, data.shard, block.nowMs());
  const segments = new SegmentExchange(data.channelName, data.segments, (shard, index) =>
    port.callSync('segment', { shard, index }),
  );
  if (data.generation > 0) segments.prefetch();
  const firstSegments = data.segments.map((list) => list[0]!);
  const directives = new Map(data.config);
  const parts = { threadId: data.threadId, shard: data.shard, shards: block.shards, block, firstSegments };
  const engine = makeEngine({
    ...parts,
    segments,
    effects: data.effects,
    interests: data.interests,
    stats,
    directives,
    port,
  });
  const drain = (): void => port.drainSync();
  const pairs = data.pairs.map(({ requestRing, replyRing, mail, generation }, io): ShardPair => {
    const mailbox = new Mailbox(mail, drain);
    mailbox.startIdsAt(firstMailId(generation));
    const requests = new RingConsumer(requestRing, mailbox);
    return { requests, replies: new RingProducer(replyRing, mailbox), bell: ShardLoop.bellOf(block, io) };
  });
  const loop = new ShardLoop({
    threadId: data.threadId,
    shard: data.shard,
    block,
    port,
    registry: engine.registry,
    executor: engine.executor,
    bell: block.doorbell(data.threadId),
    pairs,
    jobTable: data.jobTable,
    cores: availableParallelism(),
    onSecond: () => {
      stats.tick(block.nowMs());
      collectDropped(stats.f64[STAT.externalBytes]!);
    },
    onCycle: () => {
      stats.f64[STAT.scriptBytes] = engine.executor.scripts?.collect() ?? 0;
    },
  });
  answerMain(port, loop, directives);
  if (data.generation > 0) {
    for (const [io, before] of data.clientsBefore.entries()) if (before > 0) loop.dropClientsSoon(io, before);
    loop.takeOver(data.leaseWasHeld, data.endedScript);
  }
  port.ready();
  const noInterpreter = (error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    port.log('warning', `no interpreter of scripts could be made: ${why}`);
  };
  for (loop.run(); !loop.stopped; loop.run()) await engine.executor.scripts?.start(noInterpreter);
  segments.close();
  for (const pair of pairs) pair.requests.mailbox?.close();
  port.close();
}
