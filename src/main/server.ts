/**
 * A server: its shared memory, its threads, its life from createServer() to close().
 *
 *     main thread                     I/O threads                    shard threads
 *     config, log, supervisor  <-->   sockets, RESP, routing  <-->   keyspaces
 *               `---------- control block, segments, rings -----------'
 *
 * Runs on the main thread of the program that starts it; several servers in one process share nothing. Control plane
 * only.
 *
 * Invariants: (1) `port` is open when createServer() resolves; (2) after close() nothing of the server is left: no
 * thread, no handle, no timer; (3) `closed` settles exactly once: resolved by close() or SHUTDOWN, rejected with one
 * error when the server could not go on.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { EFFECT_LOG_BYTES } from '../shard/effects/effect-log.js';
import { DATABASES_MAX, formatDatabases } from '../shard/keyspace/databases.js';
import { SherdError } from '../shared/errors/sherd-error.js';
import { Arena, formatShard, type SegmentProvider } from '../shared/memory/arena.js';
import { SEGMENT_BYTES } from '../shared/memory/ptr.js';
import { secretBytes } from '../shared/random.js';
import { StatsBlock } from '../shared/stats/stats-block.js';
import { THREAD_MAIN } from '../shared/stats/stats-layout.js';
import { CONTROL, CONTROL_F64, ControlBlock, MAIN_THREAD_ID } from '../shared/sync/control-block.js';
import type {
  CallName,
  ConfigSetRequest,
  LogFields,
  LogLevel,
  SegmentId,
  ShutdownRequest,
} from '../shared/sync/control-messages.js';
import { SegmentExchange } from '../shared/sync/segment-exchange.js';
import { SHERD_VERSION } from '../shared/version.js';
import { Config, type ConfigEntry } from './config/config.js';
import { writeControlWords } from './config/control-words.js';
import { configFromOptions, type ServerOptions } from './config/options.js';
import { rewriteConfigFile } from './config/rewrite.js';
import { systemErrorText } from './config/special-values.js';
import { IO_WORKER, SHARD_WORKER } from './entries.js';
import { checkUnixPath } from './io/net/unix-socket-path.js';
import { createLog, type Log, pinoLevel, silentLog } from './log.js';
import { ControlBus } from './threads/control-bus.js';
import { ClientCapacity } from './threads/descriptors.js';
import { ServerThreads } from './threads/server-threads.js';
import type { TerminateWhere } from './threads/supervisor.js';

/** More shards than this are not worth a thread each. */
const DEFAULT_SHARDS_MAX = 64;
const STATS_TICK_MS = 1000;

/** Hooks for tests: threads that die. */
export interface ServerDebug {
  /** Terminates a shard's thread, `between` two commands (default) or `anywhere`; it is started again by itself. */
  terminateShard(shard: number, where?: TerminateWhere): Promise<void>;
  /** Terminates an I/O thread, likewise: its clients are dropped; it is started again and listens again. */
  terminateIo(index: number, where?: TerminateWhere): Promise<void>;
  /** Words of the points at which the fault lab makes something go wrong: src/shared/memory/fault-point.ts. */
  readonly faults: Int32Array;
  /** Resolves when threads that are being started again serve. */
  settled(): Promise<void>;
}

/**
 * Starts a server in this process.
 * @param options directives under their names or in camelCase; `port: 0` is any free port
 * @returns the server once it accepts connections. Rejects with a SherdError.
 */
export async function createServer(options: ServerOptions = {}): Promise<SherdServer> {
  const config = configFromOptions(options);
  const server = new SherdServer(config, await embeddedLog(config));
  await server.start();
  return server;
}

/** A server inside of another program writes no log, unless a log was asked for. */
async function embeddedLog(config: Config): Promise<Log> {
  if (!config.given.has('loglevel') && !config.given.has('logfile')) return silentLog();
  const logfile = config.str('logfile');
  return createLog({
    loglevel: config.str('loglevel'),
    logfile: logfile && resolve(config.str('dir'), logfile),
    terminal: false,
  });
}

export class SherdServer {
  /** Settles when the server has ended, see invariant (3). */
  readonly closed: Promise<void>;
  readonly debug: ServerDebug;
  readonly shards: number;
  readonly ioThreads: number;
  readonly #config: Config;
  readonly #log: Log;
  readonly #block: ControlBlock;
  readonly #bus: ControlBus;
  readonly #exchange: SegmentExchange;
  readonly #threads: ServerThreads;
  readonly #stats: StatsBlock;
  readonly #capacity: ClientCapacity;
  #port = 0;
  #ending: Promise<void> | null = null;
  #failure: Error | null = null;
  #timer: NodeJS.Timeout | null = null;
  #settleClosed: { resolve: () => void; reject: (error: Error) => void } = { resolve: nothing, reject: nothing };
  /** CONFIG SETs are applied one after the other. */
  #configQueue: Promise<void> = Promise.resolve();

  /** Use createServer(). */
  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.ioThreads = config.int('io-threads');
    this.shards = config.int('shards') || defaultShards(this.ioThreads);
    if (log.level !== 'silent') config.onChange('loglevel', (value) => (log.level = pinoLevel(value)));
    this.closed = new Promise((done, reject) => {
      this.#settleClosed = { resolve: done, reject };
    });
    // If the caller does not look at `closed`, no unhandled rejection may end the caller's process.
    this.closed.catch(nothing);

    if (config.str('unixsocket') !== '') checkUnixPath(config.str('unixsocket'));
    const listeners = config.bindAddresses().length + (config.str('unixsocket') === '' ? 0 : 1);
    this.#capacity = new ClientCapacity({ shards: this.shards, ioThreads: this.ioThreads, listeners });
    this.#capacity.lower(config, (message) => this.#write('warning', message));
    const block = ControlBlock.create(this.ioThreads, this.shards);
    block.i32[CONTROL.descriptorsRefusedFrom] = this.#capacity.refusedFrom();
    const hashKey = new Int32Array(secretBytes(16).buffer);
    block.i32.set(hashKey, CONTROL.hashSeed);
    block.f64[CONTROL_F64.startedAtMs] = block.nowMs();
    writeControlWords(block, config);
    this.#block = block;
    const channelName = `sherd-${secretBytes(12).toString('hex')}`;
    const databases = config.int('databases');
    if (databases > DATABASES_MAX) {
      throw new SherdError('SHERD_CONFIG_INVALID', `databases ${databases}: sherd has ${DATABASES_MAX} at most`, {
        directive: 'databases',
      });
    }
    const first = Array.from({ length: this.shards }, (_, shard) => [newFirstSegment(shard, hashKey, databases)]);
    this.#exchange = new SegmentExchange(channelName, first, null);
    this.#bus = new ControlBus(block, {
      ready: (threadId) => this.#threads.supervisor.ready(threadId),
      fatal: (threadId, error) => this.#threads.supervisor.failed(threadId, error),
      log: (_threadId, level, message, fields) => this.#write(level, message, fields ?? undefined),
      call: (_threadId, name, payload) => this.#call(name, payload),
    });
    this.#threads = new ServerThreads({
      block,
      bus: this.#bus,
      exchange: this.#exchange,
      channelName,
      version: SHERD_VERSION,
      runId: secretBytes(20).toString('hex'),
      effects: new SharedArrayBuffer(EFFECT_LOG_BYTES),
      configFile: config.file ?? '',
      executable: process.argv[1] ?? process.execPath,
      seed: seedOfTests(),
      files: { io: IO_WORKER, shard: SHARD_WORKER },
      config: () => config.toEntries(),
      log: (level, message, fields) => this.#write(level, message, fields),
      fatal: (error) => this.#fail(error),
    });
    this.#stats = new StatsBlock(block.sab, block.statsOffset(MAIN_THREAD_ID));
    const threads = this.#threads;
    this.debug = {
      terminateShard: (shard, where) => threads.terminateShard(shard, where),
      terminateIo: (index, where) => threads.terminateIo(index, where),
      faults: block.faults(),
      settled: () => threads.settled(),
    };
  }

  /** The TCP port that is open; 0 when TCP is off. */
  get port(): number {
    return this.#port;
  }

  /** Called by createServer(). Rejects, leaving nothing behind, when the server cannot serve. */
  async start(): Promise<void> {
    try {
      this.#assertOpen();
      this.#exchange.collect();
      this.#stats.identify(THREAD_MAIN, 0, this.#block.nowMs());
      this.#stats.tick(this.#block.nowMs());
      this.#timer = setInterval(() => this.#stats.tick(this.#block.nowMs()), STATS_TICK_MS);
      this.#timer.unref();
      await this.#threads.start();
      this.#port = await this.#threads.listen(this.#config.tcpPort() ?? -1);
      this.#assertOpen();
    } catch (error) {
      const wasClosed = this.#ending !== null && this.#failure === null;
      await this.close();
      if (wasClosed) this.#assertOpen();
      throw error;
    }
    const threads = { port: this.#port, shards: this.shards, ioThreads: this.ioThreads };
    if (this.#port !== 0) this.#write('notice', 'Ready to accept connections tcp', threads);
    if (this.#config.str('unixsocket') !== '') this.#write('notice', 'Ready to accept connections unix', threads);
  }

  #assertOpen(): void {
    if (this.#ending !== null) throw new SherdError('SHERD_CLOSED', 'the server was closed while it started');
  }

  /**
   * Ends the server: connections are closed, threads end, memory goes. Resolves when nothing is left; may be repeated,
   * and called while the server starts: the start fails with SHERD_CLOSED then.
   */
  close(): Promise<void> {
    const told = (error: Error): void => this.#write('warning', `while the server ended: ${error.message}`);
    this.#ending ??= this.#end()
      .catch(told)
      .then(() => {
        if (this.#failure === null) this.#settleClosed.resolve();
        else this.#settleClosed.reject(this.#failure);
      });
    return this.#ending;
  }

  async #end(): Promise<void> {
    Atomics.store(this.#block.i32, CONTROL.shuttingDown, 1);
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#threads.stop();
    this.#bus.close();
    this.#exchange.close();
  }

  #fail(error: Error): void {
    if (this.#ending !== null) return;
    this.#failure = error;
    this.#write('warning', `the server stops: ${error.message}`);
    void this.close();
  }

  #write(level: LogLevel, message: string, fields?: LogFields): void {
    const pinoWord = level === 'notice' ? 'info' : level === 'warning' ? 'warn' : level;
    if (fields === undefined) this.#log[pinoWord](message);
    else this.#log[pinoWord](fields, message);
  }

  // ---- what threads ask for

  #call(name: CallName, payload: unknown): unknown {
    switch (name) {
      case 'segment': {
        const { shard, index } = payload as SegmentId;
        return this.#exchange.find(shard, index);
      }
      case 'config-set':
        return this.#queued(() => this.#configSet(payload as ConfigSetRequest));
      case 'config-rewrite':
        return this.#configRewrite();
      case 'shutdown':
        return this.#shutdown(payload as ShutdownRequest);
      default:
        throw new Error(`no call named ${name}`);
    }
  }

  #queued(work: () => Promise<null>): Promise<null> {
    const result = this.#configQueue.then(work);
    this.#configQueue = result.then(nothing, nothing);
    return result;
  }

  async #configSet(request: ConfigSetRequest): Promise<null> {
    const result = this.#config.prepare(request.pairs, { local: request.local });
    if (!result.ok) throw new Error(result.error);
    const clients = result.changed.find(([name]) => name === 'maxclients');
    const tooMany = clients === undefined ? null : this.#capacity.refuse(Number(clients[1]));
    if (tooMany !== null) throw new Error(Config.applyError('maxclients', tooMany));
    const before = result.changed.map(([name]): ConfigEntry => [name, this.#config.raw(name)]);
    try {
      await this.#apply(result.changed);
    } catch (error) {
      // `dir` went away, say: nothing is changed then.
      const name = result.changed.some(([each]) => each === 'dir') ? 'dir' : result.changed[0]![0];
      await this.#apply(before).catch(nothing);
      throw new Error(Config.applyError(name, systemErrorText(error)));
    }
    const listens = result.changed.find(([name]) => name === 'port' || name === 'bind');
    if (listens === undefined) return null;
    try {
      this.#port = await this.#threads.listen(this.#config.tcpPort() ?? -1);
    } catch (error) {
      this.#write('warning', (error as Error).message);
      await this.#apply(before);
      this.#port = await this.#threads.listen(this.#config.tcpPort() ?? -1);
      const reason =
        listens[0] === 'port'
          ? 'Unable to listen on this port. Check server logs.'
          : 'Failed to bind to specified addresses.';
      throw new Error(Config.applyError(listens[0], reason));
    }
    return null;
  }

  #configRewrite(): null {
    const error = rewriteConfigFile(this.#config);
    if (error !== null) throw new Error(error);
    return null;
  }

  async #apply(changed: readonly ConfigEntry[]): Promise<void> {
    this.#config.applyChanges(changed);
    writeControlWords(this.#block, this.#config);
    await this.#bus.askAll('config', changed);
  }

  #shutdown(request: ShutdownRequest): Promise<never> {
    this.#write('notice', 'User requested shutdown...', { now: request.now, force: request.force });
    void this.close();
    // Never answered: the connection is closed, as Redis does.
    return new Promise<never>(nothing);
  }
}

/** SHERD_SEED: the random numbers of the server's threads begin with it. For tests; null without it. */
function seedOfTests(): number | null {
  const text = process.env.SHERD_SEED ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : null;
}

/** The roots of the databases fit into the first segment. */
const NO_SEGMENTS: SegmentProvider = { allocate: noSegment, attach: noSegment };

function noSegment(): never {
  throw new Error('a fresh shard needs no second segment');
}

function newFirstSegment(shard: number, hashKey: Int32Array, databases: number): SharedArrayBuffer {
  const segment = new SharedArrayBuffer(SEGMENT_BYTES);
  formatShard(segment, hashKey[0]!, hashKey[1]!);
  const arena = new Arena(shard, segment, NO_SEGMENTS);
  formatDatabases(arena, databases);
  arena.settleTouched();
  return segment;
}

/** One shard for each core that neither the first I/O thread (shared with its shard on few cores) nor another takes. */
function defaultShards(ioThreads: number): number {
  const left = availableParallelism() - 1 - (ioThreads - 1);
  return Math.min(Math.max(left, 1), DEFAULT_SHARDS_MAX);
}

function nothing(): void {}
