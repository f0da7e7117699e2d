/**
 * IoThread: everything one I/O thread owns, and the turns in which it works.
 *
 *     read event    bytes -> commands -> inline replies, ring requests -> one write, one publish per ring
 *     wake-up       ring replies -> in order to their connections -> parse on where it had stopped -> one write each
 *     cron          once a second: idle clients, soft output limits, figures
 *
 * A turn begins with `executor.beginBatch()` and gives all leases back with `endBatch()` before it writes to a socket.
 *
 * Invariants: (1) nothing here waits; (2) a slot belongs to one connection until every reply due to it has come, also
 * after it is closed; (3) after each turn every connection touched in it has been flushed.
 */

import type { Blocking } from '../../../shard/blocking/serve.js';
import { BATCH_MAX } from '../../../shard/execute/look-ahead.js';
import { Placement } from '../../../shared/command/placement.js';
import type { Registry } from '../../../shared/command/registry.js';
import { dropFreeSlabs } from '../../../shared/memory/chunk-slabs.js';
import { collectDropped } from '../../../shared/memory/shared-garbage.js';
import { Args } from '../../../shared/resp/args.js';
import { RespParser } from '../../../shared/resp/parser.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { SlowWatch } from '../../../shared/stats/slow-watch.js';
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { noteGone } from '../../../shared/sync/claims.js';
import { CONTROL, type ControlBlock, DISPATCH_RING } from '../../../shared/sync/control-block.js';
import type { LogLevel } from '../../../shared/sync/control-messages.js';
import type { ControlPort } from '../../../shared/sync/control-port.js';
import type { Doorbell } from '../../../shared/sync/doorbell.js';
import { BULLETINS, type ReplyView, RequestHead, readReply } from '../../../shared/sync/records.js';
import type { RingConsumer } from '../../../shared/sync/ring.js';
import type { ThreadConfig, ThreadValues } from '../../config/thread-config.js';
import type { ServerView } from '../../figures/server-view.js';
import { Hub } from '../messages/hub.js';
import { READ_BYTES } from '../net/transport.js';
import { dropOutput, flush, mayGoOn, OUTPUT_BYTES_MAX, outputFull, written } from '../reply/output.js';
import { OwnClients, takeReply } from '../reply/reply-intake.js';
import { ReplyPool } from '../reply/reply-pool.js';
import { type SettleContext, SettleQueue } from '../reply/settle-queue.js';
import { dropTransaction } from '../request/end-transaction.js';
import { type DispatchContext, GATES, type Gate } from '../request/gates.js';
import { SHORT_REST_BYTES } from '../request/input.js';
import { mayLookAhead, PIPELINE_BYTES_MIN, runCommands, runPipeline } from '../request/pipeline.js';
import { BARRIER, type Connection, type ConnectionOwner, REPLY_MODE } from '../session/connection.js';
import { ConnectionList } from '../session/connection-list.js';
import { ConnectionTable } from '../session/connection-table.js';
import { outOf, releaseDeferred } from '../session/push.js';
import { noteEventLoop } from '../session/thread-figures.js';
import { abandon } from '../waiting/blocking.js';
import { PauseWatch } from '../waiting/pause-watch.js';
import { endWaiting, WAITS } from '../waiting/waiting-clients.js';
import { lookAtClients } from './clients-cron.js';
import type { InlineExecutor, IoParts } from './io-parts.js';
import { ShardRings } from './shard-rings.js';
import { Turn } from './turn.js';

/** A waiting client's socket is read on until this much is kept. */
const WAITING_INPUT_BYTES_MAX = 256 * 1024;
const CRON_MS = 1000;

export class IoThread implements DispatchContext, SettleContext, ConnectionOwner {
  readonly index: number;
  readonly threadId: number;
  readonly control: ControlBlock;
  readonly port: ControlPort | null;
  readonly registry: Registry;
  readonly executor: InlineExecutor;
  /** The clients that commands run here block or serve. */
  readonly blocking: Blocking;
  readonly stats: StatsBlock;
  /** All directives as CONFIG GET shows them; kept current by the control port. */
  readonly config: ThreadConfig;
  /** What the thread acts on, read from `config`. */
  readonly limits: ThreadValues;
  readonly shards: number;
  readonly rings: ShardRings;
  /** What shards and other I/O threads wake this one with; null in tests without threads. */
  bell: Doorbell | null = null;
  /** What can be seen of the whole server from here. */
  readonly server: ServerView | null;
  /** What clients are told without having asked just now: messages, invalidations, MONITOR. */
  readonly hub: Hub;
  /** What local commands are noted in when they take long, and where SLOWLOG and LATENCY read. */
  readonly slow: SlowWatch;
  readonly pause: PauseWatch = new PauseWatch(this);
  readonly settling: SettleQueue = new SettleQueue(this);

  readonly connections: ConnectionTable;
  readonly replies = new ReplyPool();

  /** Where sockets read: READ_BYTES behind a headroom for the short rest of the last read. */
  readonly readBuffer: Uint8Array;
  private readonly window: Uint8Array;
  private readonly windowView: DataView;
  private readonly parser = new RespParser();
  private readonly batch = Array.from({ length: BATCH_MAX }, () => new Args());
  readonly replyView: ReplyView;

  /** The placement of the current command, and the head of its request. */
  readonly placement: Placement;
  readonly head: RequestHead = new RequestHead();
  /** The gates of commands, in order. */
  gateRow: readonly Gate[] = GATES;
  /** What holds in this turn. */
  readonly turn: Turn;
  /** The dispatch setting lets this thread run commands itself. */
  inlineAllowed = true;
  /** Connections that wait for room in a ring. */
  ringFull: Connection[] = [];
  /** Connections that got replies in this wake-up. */
  private readonly touched = new ConnectionList();
  private cronTimer: NodeJS.Timeout | null = null;
  private closing = false;

  constructor(parts: IoParts) {
    this.index = parts.index;
    this.threadId = parts.threadId;
    this.control = parts.control;
    this.turn = new Turn(parts.control);
    this.port = parts.port;
    this.registry = parts.registry;
    this.executor = parts.executor;
    this.blocking = parts.executor.blocking;
    if (parts.control.ioThreads === 1) this.blocking.sink = new OwnClients(this);
    this.stats = parts.stats;
    this.slow = new SlowWatch(parts.control, parts.registry);
    this.config = parts.config;
    this.limits = parts.config.values;
    this.rings = new ShardRings(parts.requestRings, parts.replyRings, parts.shardBells, parts.stats);
    this.replyView = parts.replyView;
    this.server = parts.server;
    this.shards = parts.requestRings.length;
    this.placement = new Placement(parts.registry, this.shards);
    this.connections = new ConnectionTable(parts.control.claims(parts.index), parts.stats);
    const sab = new SharedArrayBuffer(SHORT_REST_BYTES + READ_BYTES);
    this.window = new Uint8Array(sab);
    this.windowView = new DataView(sab);
    this.readBuffer = new Uint8Array(sab, SHORT_REST_BYTES, READ_BYTES);
    this.hub = new Hub(this, parts.hub);
    this.configured();
  }

  /** Starts the once-a-second work. */
  start(): void {
    this.cronTimer = setInterval(() => this.cron(), CRON_MS);
    this.cronTimer.unref();
  }

  /** Takes over what CONFIG SET may have changed. */
  configured(): void {
    this.inlineAllowed = this.control.i32[CONTROL.dispatch] !== DISPATCH_RING;
    this.hub.tracking.configured();
  }

  // ---- connections

  /** Puts a new connection in its slot and begins to read from it. */
  addConnection(conn: Connection): void {
    this.connections.add(conn);
    conn.transport.attach(conn);
    conn.transport.readStart();
  }

  /** Ends a connection at once. Safe to call twice. */
  closeConnection(conn: Connection): void {
    if (conn.closed) return;
    conn.closed = true;
    if (conn.session.modes !== 0) this.hub.forget(conn);
    if (this.slow.log.length > 0) this.slow.log.clientGoes(conn.session.id, conn.addr, conn.session.name);
    conn.transport.close();
    if (conn.session.tx !== null || conn.inExec) dropTransaction(this, conn);
    if (conn.blocked !== null) abandon(this, conn);
    else if (conn.pending !== 0) noteGone(this.connections.claims, conn.slot);
    conn.endWait?.(false);
    endWaiting(this.stats, conn, WAITS);
    conn.input.drop();
    dropOutput(this, conn);
    conn.deferred = null;
    Atomics.sub(this.control.i32, CONTROL.clients, 1);
    this.connections.remove(conn);
  }

  // ---- a read event

  /** `n` bytes of `conn` lie in `readBuffer`. */
  // hot
  onData(conn: Connection, n: number): void {
    if (conn.closeAfterReply) return;
    // A subscribed client gets all earlier messages before its next command is run.
    if (conn.session.modes !== 0 && this.hasIncoming()) {
      this.onWake();
      if (conn.closed) return;
    }
    this.beginTurn();
    const f64 = this.stats.f64;
    f64[STAT.readsProcessed]! += 1;
    f64[STAT.netInputBytes]! += n;
    conn.bytesIn += n;
    conn.lastActiveMs = this.turn.nowMs;
    const { input } = conn;
    const end = SHORT_REST_BYTES + n;
    if (input.parser === null && conn.barrier === 0) {
      this.runWindow(conn, input.putBefore(this.window, SHORT_REST_BYTES), end);
    } else this.addInput(conn, end);
    this.endTurn(conn);
  }

  /** Runs window[start, end) as far as it goes, and keeps the rest. @requires nothing of the connection is kept */
  private runWindow(conn: Connection, start: number, end: number): void {
    const { parser } = this;
    parser.window(this.window, this.windowView, start, end);
    if (end - start >= PIPELINE_BYTES_MIN && mayLookAhead(this, conn)) runPipeline(this, conn, parser, this.batch);
    else runCommands(this, conn, parser, this.batch[0]!);
    const rest = parser.restStart;
    const missing = parser.missingBytes;
    parser.forget();
    if (rest < end && !conn.closed && !conn.closeAfterReply) {
      conn.input.keep(this.window, rest, end, conn.barrier !== 0, missing);
    }
  }

  /** Input, up to `end` of the window, for a connection that waits, or is in the middle of a long command. */
  private addInput(conn: Connection, end: number): void {
    const { input } = conn;
    let at = SHORT_REST_BYTES;
    // Only the missing bytes of the unfinished argument are copied; the bytes behind them are parsed where they lie.
    while (input.parser !== null && conn.barrier === 0) {
      const missing = input.missingBytes;
      if (missing === 0 || missing >= end - at) break;
      input.append(this.window, at, at + missing);
      at += missing;
      this.runKept(conn);
      if (conn.closed || conn.closeAfterReply) return;
    }
    if (input.parser !== null) input.append(this.window, at, end);
    else {
      const start = input.putBefore(this.window, at);
      if (conn.barrier === 0) {
        this.runWindow(conn, start, end);
        return;
      }
      input.keep(this.window, start, end, true, 0);
    }
    if (input.bytes > this.limits.queryBufferBytes) {
      this.stats.f64[STAT.inputLimitDisconnections]! += 1;
      this.log(
        'warning',
        `Closing client that reached max query buffer length: id=${conn.session.id} addr=${conn.addr}`,
      );
      this.closeConnection(conn);
      return;
    }
    if (conn.barrier === 0) this.runKept(conn);
  }

  /** Runs what is kept of a connection's input, as far as it goes. */
  private runKept(conn: Connection): void {
    const input = conn.input;
    runCommands(this, conn, input.parser!, input.args!);
    if (conn.closed) return;
    if (conn.closeAfterReply) input.drop();
    else input.settle(conn.barrier !== 0);
  }

  private beginTurn(): void {
    this.turn.begin(this.hub.isCongested);
    this.slow.refresh();
    this.executor.beginBatch();
  }

  private endTurn(conn: Connection): void {
    this.executor.endBatch();
    if (this.hub.outbox.pending) this.hub.flush();
    this.rings.publishMany();
    this.settling.add(conn);
  }

  /** Sends what there is, then closes the connection or adjusts its reading, as its state asks. */
  settle(conn: Connection): void {
    flush(this, conn);
    if (conn.closed) return;
    if (mayGoOn(conn)) {
      conn.barrier &= ~BARRIER.output;
      setImmediate(() => this.resume(conn));
    }
    if (this.finished(conn)) {
      this.closeConnection(conn);
      return;
    }
    const stop =
      conn.ended || conn.closeAfterReply || (conn.barrier !== 0 && conn.input.bytes >= WAITING_INPUT_BYTES_MAX);
    if (stop === conn.readStopped) return;
    conn.readStopped = stop;
    if (stop) conn.transport.readStop();
    else conn.transport.readStart();
  }

  /** Everything that the client will get is out, and nothing more is to come: who is gone does not wait for others. */
  private finished(conn: Connection): boolean {
    if (conn.ended && (conn.barrier & WAITS) !== 0) return true;
    if (!conn.ended && !conn.closeAfterReply) return false;
    if (conn.writing || conn.headSeq !== conn.nextSeq || conn.out !== null || conn.pushed !== null) return false;
    if (conn.queue !== null) return false;
    return conn.closeAfterReply || conn.barrier === 0;
  }

  // ---- other socket events

  /** The peer sent its end (`clean`), or the connection broke. */
  onEnd(conn: Connection, clean: boolean): void {
    if (conn.closed) return;
    conn.ended = true;
    if (clean) this.settle(conn);
    else this.closeConnection(conn);
  }

  onWritten(conn: Connection, ok: boolean): void {
    if (conn.closed) return;
    if (!ok) {
      this.closeConnection(conn);
      return;
    }
    written(this, conn);
    if (!conn.closed) this.settle(conn);
  }

  onWriteError(conn: Connection): void {
    this.closeConnection(conn);
  }

  // ---- rings

  /** A connection has got a reply outside of a wake-up: `finishServed` goes on with it. */
  answered(conn: Connection): void {
    if (conn.dirty) return;
    conn.dirty = true;
    this.touched.add(conn);
    this.settling.schedule();
  }

  /** Goes on with the connections that were `answered`. */
  finishServed(): void {
    if (this.touched.count > 0) this.finishWake();
  }

  /** The doorbell rang: takes all replies out of all rings. Returns whether there were any. */
  onWake(): boolean {
    this.stats.f64[STAT.wakes]! += 1;
    let any = false;
    const { replies, bells } = this.rings;
    for (let shard = 0; shard < replies.length; shard++) {
      const ring = replies[shard]!;
      let offset = ring.peek();
      while (offset >= 0) {
        any = true;
        this.take(ring, offset);
        ring.advance();
        offset = ring.peek();
      }
      if (ring.release()) bells[shard]!.ring();
    }
    if (this.hub.receiveFromPeers()) any = true;
    if (any) this.finishWake();
    if (this.ringFull.length > 0) this.retryRingFull();
    return any;
  }

  /** Something waits in a ring. */
  hasIncoming(): boolean {
    return this.rings.hasReplies() || this.hub.links.hasWork();
  }

  private take(ring: RingConsumer, offset: number): void {
    const view = this.replyView;
    const whole = readReply(ring, offset, view);
    if (view.connId === BULLETINS) {
      if (view.chunks === null) this.hub.receive(view.u8, view.start, view.start + view.length);
      else for (const chunk of view.chunks as Uint8Array[]) this.hub.receive(chunk, 0, chunk.length);
      return;
    }
    const conn = takeReply(this, view, whole);
    view.chunks = null;
    if (conn === null || conn.dirty) return;
    conn.dirty = true;
    this.touched.add(conn);
  }

  /** Connections that got replies: their barriers may have fallen, and their output is to be sent. */
  private finishWake(): void {
    const touched = this.touched;
    this.beginTurn();
    for (let i = 0; i < touched.count; i++) {
      const conn = touched.at(i);
      conn.dirty = false;
      if (conn.closed) continue;
      const pending = conn.pending;
      if (pending === 0) conn.barrier &= ~(BARRIER.ring | BARRIER.order | BARRIER.inFlight);
      else if (pending <= conn.inFlightMax >> 1) conn.barrier &= ~BARRIER.inFlight;
      if (conn.captured !== null && pending === 0) {
        const captured = conn.captured;
        conn.capture = null;
        conn.captured = null;
        captured();
      }
      if (conn.outputBytes >= OUTPUT_BYTES_MAX && outputFull(this, conn)) continue;
      if (conn.barrier === 0 && conn.input.parser !== null && !conn.closeAfterReply) this.runKept(conn);
    }
    this.executor.endBatch();
    this.hub.flush();
    this.rings.publish();
    for (let i = 0; i < touched.count; i++) {
      const conn = touched.at(i);
      if (!conn.closed) this.settle(conn);
      else {
        if (conn.out !== null) this.replies.give(conn.out);
        conn.out = null;
        this.connections.releaseSlot(conn);
      }
    }
    touched.clear();
  }

  /** Goes on with those that wait for room in a ring, or for an end of congestion. */
  retryRingFull(): void {
    const waiting = this.ringFull;
    this.ringFull = [];
    for (const conn of waiting) {
      conn.barrier &= ~BARRIER.ringFull;
      this.resume(conn);
    }
  }

  /** Goes on with a connection whose barrier may have fallen. */
  resume(conn: Connection): void {
    if (conn.closed || conn.barrier !== 0) return;
    this.beginTurn();
    if (conn.input.parser !== null && !conn.closeAfterReply) this.runKept(conn);
    this.endTurn(conn);
  }

  // ---- for dispatch and for local commands

  /** A reply buffer for a command that answers later. */
  acquireReply(proto: 2 | 3): Reply {
    return this.replies.take(proto);
  }

  /** The promise of an asynchronous local command is settled: its reply goes out, the connection goes on. */
  promiseSettled(conn: Connection, reply: Reply, isPush = false): void {
    conn.barrier &= ~BARRIER.promise;
    if (conn.closed) {
      this.replies.give(reply);
      this.connections.releaseSlot(conn);
      return;
    }
    if (isPush || conn.replyMode === REPLY_MODE.on || conn.replyMode === REPLY_MODE.skipAsked) {
      if (conn.out === null) outOf(this, conn);
      if (reply.isSingleChunk) conn.out!.raw(reply.u8, 0, reply.pos);
      else for (const chunk of reply.takeChunks()) conn.out!.rawChunk(chunk);
      if (conn.replyMode === REPLY_MODE.skipAsked) conn.replyMode = REPLY_MODE.skipNext;
    } else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
    this.replies.give(reply);
    if (conn.deferred !== null) releaseDeferred(this, conn);
    if (conn.barrier === 0) this.resume(conn);
    else this.settle(conn);
  }

  log(level: LogLevel, message: string): void {
    this.port?.log(level, message);
  }

  /** Something threw that must not: the client got an internal error, the log gets the stack. */
  failed(where: string, error: unknown): void {
    this.log('warning', `internal error in ${where}: ${error instanceof Error ? error.stack : String(error)}`);
  }

  // ---- control

  private cron(): void {
    const { turn } = this;
    turn.nowMs = this.control.nowMs();
    this.stats.tick(turn.nowMs);
    noteEventLoop(this.stats);
    if (this.index === 0) this.server?.sample(turn.nowMs, this.registry);
    lookAtClients(this);
    this.rings.forgetReleased();
    dropFreeSlabs();
    collectDropped(this.stats.f64[STAT.externalBytes]!);
    this.hub.tracking.cron();
    if (this.ringFull.length > 0) this.retryRingFull();
  }

  /** Ends all connections; what is written already leaves the socket's buffer. */
  closeAll(): void {
    if (this.closing) return;
    this.closing = true;
    this.hub.channels.depart();
    for (const conn of [...this.connections.byId.values()]) {
      flush(this, conn);
      this.closeConnection(conn);
    }
    if (this.cronTimer !== null) clearInterval(this.cronTimer);
    this.pause.close();
  }
}
