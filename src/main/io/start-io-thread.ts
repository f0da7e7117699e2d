/**
 * Puts an I/O thread together from what the main thread handed over: views, rings, mailboxes, control port, listener.
 */

import { LibraryStore } from '../../shard/script/library-store.js';
import { decideScriptsWith } from '../../shard/script/script-decision.js';
import { ScriptLog } from '../../shard/script/script-log.js';
import type { EngineParts } from '../../shard/thread/shard-thread.js';
import type { Registry } from '../../shared/command/registry.js';
import { firstMailId } from '../../shared/limits.js';
import { ArenaFullError } from '../../shared/memory/arena.js';
import { openFaultPoints } from '../../shared/memory/fault-point.js';
import { StatsBlock } from '../../shared/stats/stats-block.js';
import { THREAD_IO } from '../../shared/stats/stats-layout.js';
import { ControlBlock } from '../../shared/sync/control-block.js';
import { ControlPort } from '../../shared/sync/control-port.js';
import { Mailbox } from '../../shared/sync/mailbox.js';
import { ReplyView } from '../../shared/sync/records.js';
import { RingConsumer, RingProducer } from '../../shared/sync/ring.js';
import { SegmentExchange } from '../../shared/sync/segment-exchange.js';
import type { IoWorkerData } from '../../shared/sync/thread-data.js';
import { ThreadConfig } from '../config/thread-config.js';
import { ServerView } from '../figures/server-view.js';
import { registerClientCalls } from './commands/client-search.js';
import { registerPubsubCalls } from './commands/pubsub.js';
import { registerSlowlogCalls } from './commands/slowlog.js';
import { DESCRIPTOR_COPY_CHILD } from './entries.js';
import { registerClientHere } from './session/client-thread.js';
import type { InlineExecutor } from './thread/io-parts.js';
import { IoThread } from './thread/io-thread.js';
import { Listener } from './thread/listener.js';
import { registerBlockingCalls } from './waiting/blocking.js';

/** What runs commands on an I/O thread. */
export interface IoEngine {
  readonly registry: Registry;
  readonly executor: InlineExecutor;
}

/** As for a shard thread; there is no own shard. */
export type IoEngineParts = Omit<EngineParts, 'shard' | 'directives'>;

/**
 * Starts the thread and reports that it is ready; it listens when it is asked to. Throws when the engine cannot be
 * built.
 */
export function startIoThread(data: IoWorkerData, makeEngine: (parts: IoEngineParts) => IoEngine): IoThread {
  const { threadId } = data;
  const block = new ControlBlock(data.controlBlock);
  openFaultPoints(block.faults(), threadId, () => new ArenaFullError(0));
  const port = new ControlPort(data.controlPort, block, threadId);
  const stats = new StatsBlock(block.sab, block.statsOffset(threadId));
  stats.identify(THREAD_IO, data.ioIndex, block.nowMs());
  const segments = new SegmentExchange(data.channelName, data.segments, (shard, index) =>
    port.callSync('segment', { shard, index }),
  );
  if (data.generation > 0) segments.prefetch();
  const firstSegments = data.segments.map((list) => list[0]!);
  const config = new ThreadConfig(data.config);
  const { registry, executor } = makeEngine({
    threadId,
    shards: block.shards,
    block,
    firstSegments,
    segments,
    effects: data.effects,
    interests: data.interests,
    stats,
    port,
  });
  decideScriptsWith(new ScriptLog(block, threadId), new LibraryStore(block), registry);
  const mailboxes = data.pairs.map((pair) => {
    const mailbox = new Mailbox(pair.mail, () => port.drainSync());
    mailbox.startIdsAt(firstMailId(pair.generation));
    return mailbox;
  });
  const io = new IoThread({
    index: data.ioIndex,
    threadId,
    control: block,
    port,
    registry,
    executor,
    stats,
    config,
    requestRings: data.pairs.map((pair, s) => new RingProducer(pair.requestRing, mailboxes[s]!)),
    replyRings: data.pairs.map((pair, s) => new RingConsumer(pair.replyRing, mailboxes[s]!)),
    shardBells: data.pairs.map((_, s) => block.doorbell(block.shardThreadId(s))),
    replyView: new ReplyView(),
    hub:
      executor.outbox === null
        ? null
        : { outbox: executor.outbox, interest: data.interests[data.ioIndex]!, links: data.links },
    server: new ServerView({
      control: block,
      threadId,
      firstSegments,
      runId: data.runId,
      configFile: data.configFile,
      executable: data.executable,
    }),
  });
  answerMain(io, port, mailboxes);
  registerCalls(io);
  const bell = block.doorbell(threadId);
  bell.listen(() => io.onWake());
  io.bell = bell;
  io.start();
  port.start();
  port.ready();
  return io;
}

/** What other I/O threads may ask of this one. */
function registerCalls(io: IoThread): void {
  registerClientCalls(io);
  registerSlowlogCalls(io);
  registerBlockingCalls(io);
  registerPubsubCalls(io);
  registerClientHere(io);
}

/** What the main thread may ask of an I/O thread. */
function answerMain(io: IoThread, port: ControlPort, mailboxes: readonly Mailbox[]): void {
  const listener = new Listener(io, DESCRIPTOR_COPY_CHILD);
  port.on('listen', (order) => listener.listen(order));
  port.on('unlisten', async () => {
    await listener.close();
    return null;
  });
  port.on('config', (changed) => {
    io.config.applyChanges(changed);
    io.configured();
    return null;
  });
  port.on('pair', (change) => {
    mailboxes[change.peer]!.reattach(change.mail, io.rings.requests[change.peer]!.headPosition());
    // What the shard's former thread had not sent yet is lost: caches may be stale.
    io.hub.forgetCaches();
    return null;
  });
  port.on('link', (change) => {
    io.hub.relink(change.peer, change.incoming, change.outgoing);
    return null;
  });
  port.on('close', async () => {
    await listener.close();
    io.closeAll();
    return null;
  });
}
