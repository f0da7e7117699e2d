/** What an I/O thread is made of, and what it needs of the engine. */

import type { Outbox } from '../../../shard/blocking/outbox.js';
import type { Blocking } from '../../../shard/blocking/serve.js';
import type { LookAhead } from '../../../shard/execute/look-ahead.js';
import type { ClientState } from '../../../shared/command/client-state.js';
import type { Placement } from '../../../shared/command/placement.js';
import type { Registry } from '../../../shared/command/registry.js';
import type { Arena } from '../../../shared/memory/arena.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import type { ControlBlock } from '../../../shared/sync/control-block.js';
import type { ControlPort } from '../../../shared/sync/control-port.js';
import type { Doorbell } from '../../../shared/sync/doorbell.js';
import type { ReplyView } from '../../../shared/sync/records.js';
import type { RingConsumer, RingProducer } from '../../../shared/sync/ring.js';
import type { ThreadConfig } from '../../config/thread-config.js';
import type { ServerView } from '../../figures/server-view.js';
import type { HubParts } from '../messages/hub.js';

/** What runs commands on this thread under a shard's lease. */
export interface InlineExecutor {
  /** What the commands run here have to tell clients; null in tests without the engine. */
  readonly outbox: Outbox | null;
  /** How they wait, and whom they have served. */
  readonly blocking: Blocking;
  /** Has the memory ready that a batch of commands will read; null in tests without the engine. */
  readonly lookAhead: LookAhead | null;
  /** The memory of all shards, for what is sent out of it. */
  readonly arenas: readonly Arena[];
  beginBatch(): void;
  endBatch(): unknown;
  /** Runs the placed command if its shards' leases are free at once; false: nothing was done. */
  tryInline(cmdId: number, args: Args, reply: Reply, client: ClientState, placement: Placement): boolean;
  /** Whether a placed command would wait for a script that runs for too long. */
  waitsForScript(cmdId: number, placement: Placement): boolean;
  /** Whether the shard's own thread held the lease of the shard a moment ago. */
  isAtWork(shard: number): boolean;
  /** Whether commands that may need memory are refused now. */
  refusesMemory(): boolean;
  /** The last tryInline gave up because the reply is big; the reader of this flag clears it. */
  bigReply: boolean;
}

export interface IoParts {
  readonly index: number;
  readonly threadId: number;
  readonly control: ControlBlock;
  readonly port: ControlPort | null;
  readonly registry: Registry;
  readonly executor: InlineExecutor;
  readonly stats: StatsBlock;
  readonly config: ThreadConfig;
  readonly requestRings: RingProducer[];
  readonly replyRings: RingConsumer[];
  readonly shardBells: Doorbell[];
  readonly replyView: ReplyView;
  readonly server: ServerView | null;
  readonly hub: HubParts | null;
}
