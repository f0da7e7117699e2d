/**
 * An I/O thread in the test's own thread, with shards that are a Map in the same thread: requests come over real rings,
 * are answered at the next turn of the event loop or when the test says so. For tests of everything between socket and
 * ring.
 */

import { once } from 'node:events';
import net from 'node:net';
import { constants } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import type { Connection } from '../../../src/main/io/session/connection.js';
import type { InlineExecutor } from '../../../src/main/io/thread/io-parts.js';
import { IoThread } from '../../../src/main/io/thread/io-thread.js';
import { Listener } from '../../../src/main/io/thread/listener.js';
import { Blocking } from '../../../src/shard/blocking/serve.js';
import { buildRegistry } from '../../../src/shared/command/registry.js';
import type { CommandDef } from '../../../src/shared/command/spec.js';
import { shardOfSlot, slotOf } from '../../../src/shared/hash.js';
import type { Args } from '../../../src/shared/resp/args.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { StatsBlock } from '../../../src/shared/stats/stats-block.js';
import { CONTROL, ControlBlock, ioThreadId } from '../../../src/shared/sync/control-block.js';
import { Mailbox } from '../../../src/shared/sync/mailbox.js';
import { ReplyView, RequestView, readRequest, writeReply, writeReplyChunks } from '../../../src/shared/sync/records.js';
import { createRing, RingConsumer, RingProducer } from '../../../src/shared/sync/ring.js';
import { threadConfig } from '../thread-config.js';

const base = { acl: [], group: 'test', since: '1.0.0', complexity: 'O(1)', summary: 'For tests.' } as const;
const oneKey = [{ flags: ['RW'], begin: { index: 1 }, find: { lastKey: 0, step: 1, limit: 0 } }] as const;
const allKeys = [{ flags: ['RW'], begin: { index: 1 }, find: { lastKey: -1, step: 1, limit: 0 } }] as const;

type LocalDef = NonNullable<CommandDef['local']>;

const ping: LocalDef = (_io, _conn, _args, reply) => reply.pong();

const defs: CommandDef[] = [
  { ...base, name: 'set', arity: 3, flags: ['write', 'fast'], keys: oneKey, route: 'key', handler: () => {} },
  { ...base, name: 'get', arity: 2, flags: ['readonly', 'fast'], keys: oneKey, route: 'key', handler: () => {} },
  { ...base, name: 'exists', arity: -2, flags: ['readonly'], keys: allKeys, route: 'key', handler: () => {} },
  { ...base, name: 'dbsize', arity: 1, flags: ['readonly'], route: 'all', handler: () => {} },
  { ...base, name: 'ping', arity: -1, flags: ['fast', 'no_auth'], route: 'local', local: ping },
  {
    ...base,
    name: 'quit',
    arity: -1,
    flags: ['no_auth'],
    route: 'local',
    local: (_io, conn: Connection, _args, reply) => {
      reply.ok();
      conn.closeAfterReply = true;
    },
  },
  {
    ...base,
    name: 'boom',
    arity: 1,
    flags: [],
    route: 'local',
    local: (_io, _conn, _args, reply) => {
      reply.array(3);
      throw new Error('boom');
    },
  },
  {
    ...base,
    name: 'later',
    arity: 2,
    flags: [],
    route: 'local',
    async: true,
    local: async (_io, _conn, args, reply) => {
      const text = args.latin1(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      reply.bulkText(text);
    },
  },
  {
    ...base,
    name: 'client',
    arity: -2,
    flags: [],
    route: 'local',
    subcommands: [
      {
        ...base,
        name: 'client|reply',
        arity: 3,
        flags: [],
        route: 'local',
        local: (_io, conn: Connection, args: Args, reply) => {
          if (args.is(2, 'on')) {
            conn.replyMode = 0;
            reply.ok();
          } else if (args.is(2, 'off')) conn.replyMode = 1;
          else if (conn.replyMode === 0) conn.replyMode = 2;
        },
      },
    ],
  },
];

export interface FakeOptions {
  readonly shards?: number;
  readonly inline?: boolean;
  readonly ringBytes?: number;
  /** Shards answer only when `pump` is called. */
  readonly manual?: boolean;
  readonly config?: readonly (readonly [string, string])[];
  readonly maxclients?: number;
  /** Long replies are cut into pieces of this many bytes. */
  readonly pieceBytes?: number;
}

export class FakeServer {
  readonly io: IoThread;
  readonly data = new Map<string, Buffer>();
  readonly lines: string[] = [];
  port = 0;
  inlined = 0;
  private readonly listener: Listener;
  private readonly requests: RingConsumer[];
  private readonly replies: RingProducer[];
  private readonly options: FakeOptions;
  private timer: NodeJS.Immediate | null = null;
  private readonly view = new RequestView();
  private readonly close: () => void;

  constructor(options: FakeOptions = {}) {
    this.options = options;
    const shards = options.shards ?? 1;
    const control = ControlBlock.create(1, shards);
    control.i32[CONTROL.maxclients] = options.maxclients ?? 10000;
    const bytes = options.ringBytes ?? 1 << 20;
    const requestRings = Array.from({ length: shards }, () => createRing(bytes));
    const replyRings = Array.from({ length: shards }, () => createRing(bytes));
    const channels = requestRings.map(() => new MessageChannel());
    const mine = channels.map((channel) => new Mailbox(channel.port1));
    const theirs = channels.map((channel) => new Mailbox(channel.port2));
    this.close = () => {
      for (const box of mine.concat(theirs)) box.close();
    };
    this.requests = requestRings.map((sab, s) => new RingConsumer(sab, theirs[s]!));
    this.replies = replyRings.map((sab, s) => new RingProducer(sab, theirs[s]!));
    const config = threadConfig([['bind', '127.0.0.1'], ...(options.config ?? [])]);
    const executor: InlineExecutor = {
      outbox: null,
      blocking: new Blocking(control),
      lookAhead: null,
      bigReply: false,
      arenas: [],
      beginBatch: () => {},
      endBatch: () => {},
      waitsForScript: () => false,
      isAtWork: () => false,
      refusesMemory: () => false,
      tryInline: (id, args, reply) => this.inline(id, args, reply),
    };
    this.io = new IoThread({
      index: 0,
      threadId: ioThreadId(0),
      control,
      port: null,
      server: null,
      registry: buildRegistry(defs),
      executor,
      stats: new StatsBlock(control.sab, control.statsOffset(ioThreadId(0))),
      config,
      requestRings: requestRings.map((sab, s) => new RingProducer(sab, mine[s]!)),
      replyRings: replyRings.map((sab, s) => new RingConsumer(sab, mine[s]!)),
      shardBells: requestRings.map(() => ({ ring: () => this.schedule() }) as never),
      replyView: new ReplyView(),
      hub: null,
    });
    this.io.log = (_level, message) => {
      this.lines.push(message);
    };
    this.listener = new Listener(this.io, new URL('file:///no-copies-here.js'));
  }

  async start(unix = false): Promise<this> {
    const listening = await this.listener.listen({
      mode: 'open',
      port: unix ? -1 : 0,
      reusePort: false,
      probe: false,
      fds: [],
    });
    this.port = listening.port;
    return this;
  }

  /** As if the system had refused to accept the connection that waits. */
  failAccept(code: 'EMFILE' | 'ENFILE'): void {
    const [server] = (this.listener as unknown as { servers: { _handle: { onconnection(status: number): void } }[] })
      .servers;
    server!._handle.onconnection(-constants.errno[code]);
  }

  async stop(): Promise<void> {
    await this.listener.close();
    this.io.closeAll();
    if (this.timer !== null) clearImmediate(this.timer);
    this.close();
  }

  /** A connected client socket. */
  async connect(): Promise<Client> {
    const socket = net.connect(this.port, '127.0.0.1');
    await once(socket, 'connect');
    return new Client(socket);
  }

  private inline(id: number, args: Args, reply: Reply): boolean {
    if (this.options.inline !== true) return false;
    this.inlined++;
    this.execute(id, args, reply);
    return true;
  }

  private execute(id: number, args: Args, reply: Reply): void {
    const name = this.io.registry.defs[id]!.name;
    if (name === 'set') {
      this.data.set(args.latin1(1), Buffer.from(args.copy(2)));
      reply.ok();
    } else if (name === 'get') {
      const value = this.data.get(args.latin1(1));
      if (value === undefined) reply.nil();
      else reply.bulk(new Uint8Array(value), 0, value.length);
    } else if (name === 'exists') {
      let count = 0;
      for (let i = 1; i < args.argc; i++) if (this.data.has(args.latin1(i))) count++;
      reply.int(count);
    } else reply.int(this.data.size);
  }

  private schedule(): void {
    if (this.options.manual === true || this.timer !== null) return;
    this.timer = setImmediate(() => {
      this.timer = null;
      for (let shard = 0; shard < this.requests.length; shard++) this.pump(shard);
      this.io.onWake();
    });
  }

  /** Answers what waits in a shard's ring, `max` commands at most. */
  pump(shard: number, max = Number.POSITIVE_INFINITY): number {
    const ring = this.requests[shard]!;
    let done = 0;
    for (let at = ring.peek(); at >= 0 && done < max; at = ring.peek()) {
      readRequest(ring, at, this.view);
      this.checkShard(shard);
      const reply = new Reply();
      reply.proto = this.view.proto as 2 | 3;
      this.execute(this.view.cmdId, this.view.args, reply);
      this.answer(shard, reply);
      ring.advance();
      done++;
    }
    if (ring.release()) setImmediate(() => this.io.onWake());
    this.replies[shard]!.publish();
    return done;
  }

  private checkShard(shard: number): void {
    const { args, cmdId } = this.view;
    const name = this.io.registry.defs[cmdId]!.name;
    if (name !== 'get' && name !== 'set') return;
    const owner = shardOfSlot(slotOf(args.u8, args.off[1]!, args.len[1]!), this.requests.length);
    if (owner !== shard) throw new Error(`key of shard ${owner} sent to ${shard}`);
  }

  private answer(shard: number, reply: Reply): void {
    const ring = this.replies[shard]!;
    const bytes = Buffer.concat(reply.takeChunks());
    const piece = this.options.pieceBytes ?? bytes.length;
    let at = 0;
    do {
      const more = at + piece < bytes.length ? 1 : 0;
      const n = Math.min(piece, bytes.length - at);
      const view = new Uint8Array(bytes.subarray(at, at + n));
      const put = (): boolean =>
        more === 0 && at === 0 && n > 1000
          ? writeReplyChunks(ring, this.view.connId, this.view.seq, more, [view])
          : writeReply(ring, this.view.connId, this.view.seq, more, view, 0, n);
      if (!put()) {
        // One thread plays both ends here: the I/O thread must drain now.
        ring.publish();
        this.io.onWake();
        if (!put()) throw new Error('fake shard: reply ring full');
      }
      at += n;
    } while (at < bytes.length);
  }
}

/** A client that gathers what it receives. */
export class Client {
  readonly socket: net.Socket;
  received = '';
  closed = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.received += data.toString('latin1');
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => {});
  }

  send(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  /** Waits until `bytes` bytes have come, or the connection is closed. */
  async receive(bytes: number): Promise<string> {
    for (let i = 0; i < 5000 && this.received.length < bytes && !this.closed; i++) await tick();
    const text = this.received;
    this.received = '';
    return text;
  }

  async untilClosed(): Promise<string> {
    for (let i = 0; i < 5000 && !this.closed; i++) await tick();
    return this.received;
  }
}

export function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
