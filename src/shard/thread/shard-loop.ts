/**
 * The loop of a shard's thread: takes requests out of the rings of all I/O threads, runs them under leases, answers.
 *
 *     request rings --peek--> executor (leases of the batch) --> reply --> reply rings --publish, ring--> I/O threads
 *                                 |                                            ^
 *                                 `-- jobs: one step per turn, leases their own -'
 *
 * A turn is one batch: at most RING_TAKE requests of each ring, and at most BATCH_US under the leases if another thread
 * wants one of them. Then leases are given back, and only then replies are published, once per ring.
 *
 * What survives the death of this thread (see ring.ts): the successor runs requests that had not begun, and publishes
 * replies that were committed. One request may have been in progress. If its reply was committed, the reply is sent. If
 * the lease was not held, the request had not begun to execute: the successor runs it, once at most. Otherwise its
 * connection is closed (see take-over.ts). So no write is done twice, and no answered write is lost.
 *
 * Invariants: (1) nothing is waited for while a lease is held, but other leases in ascending order, inside the
 * executor; (2) a full reply ring stops this loop, not for longer than its I/O thread lives; I/O threads always drain.
 */

import { monotonicMs } from '../../shared/clock.js';
import { ClientRecord, type ClientState } from '../../shared/command/client-state.js';
import { FACT_CARRIES_COMMANDS, FACT_NEEDS_SCRIPTS, FLAG_READONLY } from '../../shared/command/flags.js';
import { Placement } from '../../shared/command/placement.js';
import { type Registry, ROUTE_JOB } from '../../shared/command/registry.js';
import { BUSY, BUSY_FUNCTION } from '../../shared/errors/replies.js';
import { dropFreeSlabs, leaveSlabs } from '../../shared/memory/chunk-slabs.js';
import { type Chunk, releaseChunks } from '../../shared/memory/pins.js';
import { ARGS_KEPT_MAX, type Args } from '../../shared/resp/args.js';
import { Reply } from '../../shared/resp/reply.js';
import { isGone } from '../../shared/sync/claims.js';
import { type ControlBlock, ioThreadId, SCRIPT_BUSY, THREAD } from '../../shared/sync/control-block.js';
import type { ControlPort } from '../../shared/sync/control-port.js';
import { type Doorbell, spinsFor, type WorkSource } from '../../shared/sync/doorbell.js';
import {
  ANSWERED,
  BULLETINS,
  finishRequest,
  REPLY,
  RequestView,
  readRequest,
  writeReply,
  writeReplyChunks,
} from '../../shared/sync/records.js';
import type { RingConsumer, RingProducer } from '../../shared/sync/ring.js';
import { ENDED } from '../../shared/sync/script-run.js';
import type { Outbox } from '../blocking/outbox.js';
import type { Blocking } from '../blocking/serve.js';
import { queuedCommands } from '../commands/transactions/transactions.js';
import type { ScriptEngine } from '../script/script-engine.js';
import { BusyRefusal } from './busy-refusal.js';
import { type JobHost, Jobs } from './jobs.js';
import { settleInterrupted, type TakeOverHost } from './take-over.js';

/** Requests taken from one ring before the next ring's turn. */
const RING_TAKE = 64;
/** How long a batch holds leases while another thread wants one of them, microseconds. */
const BATCH_US = 200;
/** The clock is read once per this many requests (a power of two). */
const CLOCK_EVERY = 16;
/** Period of the background work (expiry, lazy frees), milliseconds: hz 10. */
const CYCLE_MS = 100;
/** Background work per cycle while requests wait, and per turn while none do, microseconds. */
const CYCLE_BUDGET_US = 1000;
const IDLE_BUDGET_US = 500;
/** How long to sleep on a full reply ring before looking for control messages, milliseconds. */
const FULL_WAIT_MS = 10;

/** What the loop needs of the engine. */
export interface ShardExecutor {
  /** Messages for clients of I/O threads. */
  readonly outbox: Outbox | null;
  /** Clients that wait for keys. */
  readonly blocking: Blocking;
  /** The scripts of this thread. */
  readonly scripts: ScriptEngine | null;
  /** Serves clients that need all leases. @requires no lease held */
  serveDeferred(): void;
  /** Counts a request that was answered with an error before it was run. */
  countRefusal(cmdId: number, line: Uint8Array): void;
  /** Forgets clients of I/O thread `io` that waited for keys of `shard` or watched them. @requires no lease held */
  dropClients(shard: number, io: number, clientsBefore: number): void;
  beginBatch(): void;
  /**
   * Takes the leases that the command needs, waiting, in ascending order; writes a reply; never throws for a user's
   * error.
   */
  executeBlocking(cmdId: number, args: Args, reply: Reply, client: ClientState, placed: Placement | null): void;
  /** Gives all leases back. Returns whether a thread was waiting for one, which must then be let in. */
  endBatch(): boolean;
  letWaiterIn(): void;
  /** A command was cut short by its thread's death: tells the state of its keys. @requires no lease held */
  tellLost(cmdId: number, args: Args, client: ClientState): void;
  /** Whether another thread waits for a lease that the batch holds. */
  readonly isWanted: boolean;
  /** Active expiry and lazy frees for about `budgetUs`; takes and gives leases itself. Whether there is more to do. */
  idleWork(budgetUs: number, shard: number): boolean;
  startJob(cmdId: number, args: Args, reply: Reply, client: ClientState): Generator<void, void, void>;
}

/** One I/O thread as the shard sees it. */
export interface ShardPair {
  requests: RingConsumer;
  replies: RingProducer;
  readonly bell: Doorbell;
}

/** What a loop is made of. */
export interface ShardParts {
  readonly threadId: number;
  readonly shard: number;
  readonly block: ControlBlock;
  readonly port: ControlPort;
  readonly registry: Registry;
  readonly executor: ShardExecutor;
  readonly bell: Doorbell;
  readonly pairs: ShardPair[];
  readonly jobTable: SharedArrayBuffer;
  readonly cores: number;
  /** Called with every cycle, ten times a second; no script runs. */
  readonly onCycle: () => void;
  /** Called about once a second (heap figures). */
  readonly onSecond: () => void;
}

const NOTHING = new Uint8Array(0);

export class ShardLoop implements WorkSource, JobHost, TakeOverHost {
  private readonly parts: ShardParts;
  private readonly executor: ShardExecutor;
  private readonly outbox: Outbox | null;
  private readonly blocking: Blocking;
  private readonly blockedRecord = new Uint8Array(8);
  readonly pairs: ShardPair[];
  private readonly route: Uint8Array;
  private readonly flags: Registry['flags'];
  /** The slot and the shards of the current request. */
  private readonly placement: Placement;
  /** Whether clients are still there, by I/O thread (shared/sync/claims.ts). */
  private readonly claims: readonly Int32Array[];
  readonly view: RequestView = new RequestView();
  private readonly reply = new Reply();
  private readonly client = new ClientRecord();
  readonly jobs: Jobs;
  private firstRing = 0;
  private closing = false;
  private nextCycleMs = 0;
  private nextSecondMs = 0;
  private more = true;
  /** I/O threads that were started again; their clients with ids below the one noted here are gone. */
  private clientsGone: { io: number; clientsBefore: number }[] = [];
  /** The I/O thread whose request is in progress. */
  private workedIo = 0;

  constructor(parts: ShardParts) {
    this.parts = parts;
    this.executor = parts.executor;
    this.outbox = parts.executor.outbox;
    this.blocking = parts.executor.blocking;
    this.pairs = parts.pairs;
    this.route = parts.registry.route;
    this.flags = parts.registry.flags;
    this.placement = new Placement(parts.registry, parts.block.shards);
    this.claims = parts.pairs.map((_, io) => parts.block.claims(io));
    this.reply.slabs = true;
    this.jobs = new Jobs(this, parts.jobTable);
    const refusal = new BusyRefusal(parts.pairs, parts.registry, (cmdId, line) =>
      this.executor.countRefusal(cmdId, line),
    );
    const { scripts } = parts.executor;
    if (scripts !== null) scripts.onBusy = () => this.refuseWaiting(refusal);
  }

  /** Answers what waits behind the script that runs. */
  private refuseWaiting(refusal: BusyRefusal): void {
    const { block, threadId } = this.parts;
    try {
      const isFunction = (block.i32[block.threadWord(threadId) + THREAD.scriptBusy]! & SCRIPT_BUSY.isFunction) !== 0;
      refusal.refuse(this.workedIo, this.view.connId, isFunction ? BUSY_FUNCTION : BUSY);
    } catch (error) {
      this.failed('refusing requests behind a slow script', error);
    }
  }

  get stopped(): boolean {
    return this.closing;
  }

  /** Ends run() after the present turn. */
  stop(): void {
    this.closing = true;
  }

  /** Whether a request must wait for the interpreter of scripts, which is then made. */
  private needsScripts(cmdId: number, args: Args): boolean {
    const { scripts } = this.executor;
    if (scripts === null || scripts.ready) return false;
    const { facts } = this.parts.registry;
    let bits = facts[cmdId]!;
    if ((bits & FACT_CARRIES_COMMANDS) !== 0) for (const id of queuedCommands(args)) bits |= facts[id]!;
    return (bits & FACT_NEEDS_SCRIPTS) !== 0 && scripts.mustWait;
  }

  /** Runs until stop(), or until the interpreter of scripts is to be made: call again then. */
  run(): void {
    const { block, threadId, port, bell } = this.parts;
    const spins = spinsFor(this.parts.cores);
    while (!this.closing) {
      const busy = this.turn();
      if (this.executor.scripts?.wanted === true) return;
      if (block.takeControlPending(threadId)) port.drainSync();
      if (this.clientsGone.length > 0) this.dropClients();
      const stepped = this.jobs.step();
      if (stepped) this.publish();
      const now = monotonicMs();
      if (now >= this.nextCycleMs) this.cycle(now);
      // Keys that a job or active expiry took away.
      if (this.blocking.hasDeferred) this.serveDeferred();
      if (this.sendOutbox(false)) this.publish();
      if (busy || stepped) continue;
      if (this.more) {
        this.more = this.idleWork(IDLE_BUDGET_US);
        continue;
      }
      bell.waitSync(this, this.nextCycleMs - now, spins);
    }
  }

  /** For the doorbell: whether any work waits for this thread. */
  hasWork(): boolean {
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i++) if (pairs[i]!.requests.hasWork()) return true;
    return this.parts.block.controlPending(this.parts.threadId);
  }

  // ---- requests

  /** hot: one batch over all rings. Returns whether there was anything. */
  private turn(): boolean {
    const { pairs, executor } = this;
    const count = pairs.length;
    const first = this.firstRing;
    this.firstRing = first + 1 >= count ? 0 : first + 1;
    let any = false;
    let deadline = 0;
    for (let k = 0; k < count; k++) {
      const io = first + k >= count ? first + k - count : first + k;
      const requests = pairs[io]!.requests;
      for (let n = 0; n < RING_TAKE; n++) {
        const offset = requests.peek();
        if (offset < 0) break;
        if (!any) {
          any = true;
          executor.beginBatch();
          deadline = monotonicMs() + BATCH_US / 1000;
        }
        if (!this.take(io, requests, offset)) break;
        // The ring may have been replaced while its peer was started again.
        if (requests !== pairs[io]!.requests) break;
        if ((n & (CLOCK_EVERY - 1)) === CLOCK_EVERY - 1 && executor.isWanted && monotonicMs() > deadline) {
          this.pauseBatch();
          deadline = monotonicMs() + BATCH_US / 1000;
        }
      }
    }
    if (!any) return false;
    this.endBatch();
    this.publish();
    // This may have to wait for leases that other threads hold.
    if (this.blocking.hasDeferred) this.serveDeferred();
    for (let i = 0; i < count; i++) {
      const pair = pairs[i]!;
      if (pair.requests.release()) pair.bell.ring();
    }
    return true;
  }

  /** Gives the leases back in the middle of a turn, so that a waiting thread can take them. */
  private pauseBatch(): void {
    this.endBatch();
    this.publish();
    this.executor.beginBatch();
  }

  private endBatch(): void {
    if (!this.executor.endBatch()) return;
    this.publish();
    this.executor.letWaiterIn();
  }

  /** hot: carries out the request at `offset`. False when it must stay in the ring for now. */
  private take(io: number, requests: RingConsumer, offset: number): boolean {
    const view = this.view;
    const replies = this.pairs[io]!.replies;
    requests.takeUp();
    const whole = readRequest(requests, offset, view);
    if (view.cmdId === ANSWERED) {
      finishRequest(requests, view);
      return true;
    }
    this.workedIo = io;
    const client = this.clientOf(view);
    if (!whole) {
      this.parts.port.log(
        'warning',
        'a big request was lost with the thread that carried it; its connection is closed',
      );
      this.answerWith(io, view.connId, view.seq, NOTHING, REPLY.CLOSE);
    } else if (this.isUnread(view.cmdId, io, view.connId)) {
      if (!writeReply(replies, view.connId, view.seq, 0, NOTHING, 0, 0)) {
        this.sendWaiting(io, view.connId, view.seq, 0, [], true);
      }
    } else if (this.needsScripts(view.cmdId, view.args)) {
      return false;
    } else if (this.route[view.cmdId] === ROUTE_JOB) {
      if (this.jobs.full) {
        requests.putOff();
        return false;
      }
      this.jobs.start(io, view.connId, view.seq, view.cmdId, view.args, client);
    } else {
      const reply = this.reply;
      reply.reset();
      reply.proto = client.proto;
      reply.pinFor = io;
      requests.begin(replies.committedPosition());
      const { blocking } = this;
      blocking.blocked = false;
      blocking.ticket.io = io;
      blocking.ticket.slot = view.connId;
      blocking.ticket.seq = view.seq;
      this.execute(view.cmdId, view.args, reply, client, view.info);
      blocking.ticket.io = -1;
      if (blocking.blocked) this.sayBlocked(io, replies, view.connId, view.seq);
      else if (reply.isSingleChunk) {
        if (!writeReply(replies, view.connId, view.seq, 0, reply.u8, 0, reply.pos)) {
          requests.executed();
          this.sendWaiting(io, view.connId, view.seq, 0, reply.takeChunks(), true);
        }
      } else {
        const chunks = reply.takeAll();
        if (!writeReplyChunks(replies, view.connId, view.seq, 0, chunks)) {
          requests.executed();
          this.sendWaiting(io, view.connId, view.seq, 0, chunks, true);
        }
      }
    }
    if (view.args.u8 !== requests.u8 || view.args.off.length > ARGS_KEPT_MAX) view.args.letGo();
    if (this.blocking.served.length !== 0) this.sendServed();
    // Written behind the reply: a successor must not take these bytes for the reply, and the client must get its reply
    // before it is told of its own write.
    this.sendOutbox(true);
    // While this thread waited for room, the I/O thread may have been replaced, and the ring with it.
    if (requests === this.pairs[io]!.requests) finishRequest(requests, view);
    return true;
  }

  /** Whether a request does nothing but read, for a client that is gone: writes are carried out, as Redis does. */
  isUnread(cmdId: number, io: number, connId: number): boolean {
    return isGone(this.claims[io]!, connId) && (this.flags[cmdId]! & FLAG_READONLY) !== 0;
  }

  /** Tells the I/O thread that a request waits. */
  private sayBlocked(io: number, replies: RingProducer, connId: number, seq: number): void {
    const { blocking, blockedRecord } = this;
    const view = new DataView(blockedRecord.buffer);
    view.setFloat64(0, blocking.deadlineMs, true);
    if (writeReply(replies, connId, seq, REPLY.BLOCKED, blockedRecord, 0, blockedRecord.length)) return;
    this.sendWaiting(io, connId, seq, REPLY.BLOCKED, [blockedRecord.slice()], true);
  }

  /** Sends the replies to clients that were blocked. */
  private sendServed(): void {
    const { served } = this.blocking;
    this.blocking.served = [];
    for (const { io, slot, seq, chunks, isLost } of served) {
      const { replies } = this.pairs[io]!;
      const flags = isLost ? REPLY.LOST : 0;
      if (!writeReplyChunks(replies, slot, seq, flags, chunks)) this.sendWaiting(io, slot, seq, flags, chunks, true);
    }
  }

  /** Serves waiters that need more leases than the command that made their key ready has held. */
  private serveDeferred(): void {
    this.executor.serveDeferred();
    this.sendServed();
    this.publish();
  }

  private dropClients(): void {
    const gone = this.clientsGone;
    this.clientsGone = [];
    for (const { io, clientsBefore } of gone) this.executor.dropClients(this.parts.shard, io, clientsBefore);
  }

  private execute(cmdId: number, args: Args, reply: Reply, client: ClientState, placed: number): void {
    const { placement } = this;
    const known = placement.read(placed, this.parts.shard);
    try {
      this.executor.executeBlocking(cmdId, args, reply, client, known ? placement : null);
    } catch (error) {
      reply.reset();
      reply.errorText(`ERR internal error: ${error instanceof Error ? error.message : String(error)}`);
      this.failed(`command ${this.parts.registry.defs[cmdId]?.name ?? cmdId}`, error);
    }
  }

  /** Publishes all replies and wakes the I/O threads that they are for. */
  private publish(): void {
    const pairs = this.pairs;
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i]!;
      if (pair.replies.publish()) pair.bell.ring();
    }
  }

  /**
   * Writes a reply for which there was no room: gives the leases back (`inBatch`: takes part in a batch again when it
   * returns) and waits for the I/O thread. Gives up when that thread has been replaced.
   */
  private sendWaiting(
    io: number,
    connId: number,
    seq: number,
    flags: number,
    chunks: readonly Chunk[],
    inBatch: boolean,
  ): void {
    const { block, threadId, port } = this.parts;
    if (inBatch) this.executor.endBatch();
    const replies = this.pairs[io]!.replies;
    while (!writeReplyChunks(replies, connId, seq, flags, chunks)) {
      this.publish();
      this.pairs[io]!.bell.ring();
      replies.waitForRoom(FULL_WAIT_MS);
      if (block.takeControlPending(threadId)) port.drainSync();
      if (!this.closing && replies === this.pairs[io]!.replies) continue;
      releaseChunks(chunks);
      break;
    }
    if (inBatch) this.executor.beginBatch();
  }

  /**
   * Writes what clients are to hear into the rings of replies; whether there was anything. `inBatch`: leases may be
   * held, see sendWaiting.
   */
  private sendOutbox(inBatch: boolean): boolean {
    const { outbox } = this;
    if (outbox === null) return false;
    if (!outbox.pending) return false;
    outbox.pending = false;
    for (let io = 0; io < this.pairs.length; io++) {
      const buffer = outbox.buffers[io]!;
      if (buffer.bytes === 0) continue;
      if (!writeReply(this.pairs[io]!.replies, BULLETINS, 0, 0, buffer.u8, buffer.start, buffer.bytes)) {
        this.sendWaiting(io, BULLETINS, 0, 0, [buffer.u8.slice(buffer.start, buffer.end)], inBatch);
      }
      buffer.drop();
    }
    return true;
  }

  // ---- the work of every cycle

  private cycle(now: number): void {
    this.nextCycleMs = now + CYCLE_MS;
    this.more = this.idleWork(CYCLE_BUDGET_US);
    this.parts.onCycle();
    if (now < this.nextSecondMs) return;
    this.nextSecondMs = now + 1000;
    this.parts.port.drainSync();
    for (let io = 0; io < this.pairs.length; io++) this.pairs[io]!.replies.forgetReleased();
    dropFreeSlabs();
    this.parts.onSecond();
  }

  private idleWork(budgetUs: number): boolean {
    try {
      return this.executor.idleWork(budgetUs, this.parts.shard);
    } catch (error) {
      this.failed('background work', error);
      return false;
    }
  }

  // ---- jobs

  startJob(cmdId: number, args: Args, reply: Reply, client: ClientState): Generator<void, void, void> {
    return this.executor.startJob(cmdId, args, reply, client);
  }

  replyPosition(io: number): number {
    return this.pairs[io]!.replies.committedPosition();
  }

  sendReply(io: number, connId: number, seq: number, reply: Reply, close: boolean): void {
    const chunks = reply.takeChunks();
    this.sendWaiting(io, connId, seq, close ? REPLY.CLOSE : 0, chunks, false);
    // The messages of a job for clients are published together with its reply.
    this.sendOutbox(false);
  }

  jobFailed(cmdId: number, error: unknown): void {
    this.failed(`job ${this.parts.registry.defs[cmdId]?.name ?? cmdId}`, error);
  }

  private failed(where: string, error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.parts.port.log('warning', `internal error in ${where}`, { stack });
  }

  // ---- after a death

  /**
   * Takes over from a thread that died: settles the request in progress of each ring, closes the connections of its
   * jobs, publishes its committed replies, and checks the waiters that it may have been about to serve. `leaseWasHeld`:
   * it held some lease; `endedScript`: its script was to end (ENDED). Once, before run().
   */
  takeOver(leaseWasHeld: boolean, endedScript: number = ENDED.not): void {
    this.blocking.everybody = true;
    const { closed, fatal } = settleInterrupted(this, leaseWasHeld, endedScript);
    this.publish();
    for (let io = 0; io < this.pairs.length; io++) {
      this.pairs[io]!.requests.release();
      this.pairs[io]!.bell.ring();
    }
    const { port } = this.parts;
    if (closed > fatal) port.log('warning', `${closed - fatal} connections are closed: their commands were cut short`);
    if (fatal > 0) port.log('warning', `${fatal} commands are given up: each of them ended two threads`);
  }

  tellState(requests: RingConsumer, offset: number): void {
    const { view } = this;
    if (readRequest(requests, offset, view)) this.executor.tellLost(view.cmdId, view.args, this.clientOf(view));
  }

  /** The client of a request. */
  private clientOf(view: RequestView): ClientState {
    const { client } = this;
    client.id = view.clientId;
    client.db = view.db;
    client.proto = view.proto as 2 | 3;
    client.flags = view.clientFlags;
    return client;
  }

  /** The clients of I/O thread `io` with ids below `clientsBefore` are gone. */
  dropClientsSoon(io: number, clientsBefore: number): void {
    this.clientsGone.push({ io, clientsBefore });
  }

  answerWith(io: number, connId: number, seq: number, line: Uint8Array, flags: number): void {
    if (writeReply(this.pairs[io]!.replies, connId, seq, flags, line, 0, line.length)) return;
    this.sendWaiting(io, connId, seq, flags, [line], false);
  }

  /** I/O thread `io` was started again: its rings, jobs, and clients with ids below `clientsBefore` are gone. */
  replacePair(io: number, requests: RingConsumer, replies: RingProducer, clientsBefore: number): void {
    this.jobs.dropOf(io);
    leaveSlabs();
    this.dropClientsSoon(io, clientsBefore);
    const pair = this.pairs[io]!;
    pair.requests.mailbox?.close();
    pair.requests = requests;
    pair.replies = replies;
  }

  /** Bell of an I/O thread. */
  static bellOf(block: ControlBlock, io: number): Doorbell {
    return block.doorbell(ioThreadId(io));
  }
}
