/**
 * Makes histories: clients of a server that do what a workload says, and note each call and each answer.
 *
 * A round ends when all clients have their answers. What the keys hold then is read and is the end of the segment and
 * the beginning of the next. A client whose connection died stops for the round; its unanswered operations cannot take
 * effect after `drained`.
 */
import { SeededRandom } from '../harness/random.js';
import { encode, parseReply, ReplyError, RespClient, type Value } from '../harness/resp-client.js';
import { sleep } from '../harness/waiting.js';
import { keysOf, SCRIPTS } from './action-model.js';
import { inModelOrder, stateOf } from './command-model.js';
import type { Value as Held, KeyspaceState } from './keyspace-model.js';
import { type Action, isAnswered, type Operation, type Reply } from './operation.js';
import { ALL_KEYS, Workload } from './workload.js';

/** What a server promises about the order of a pipeline: of all that is in it, or of what concerns the same keys. */
export type PipelineOrder = 'all' | 'same keys';

export interface Segment {
  readonly operations: readonly Operation[];
  readonly began: KeyspaceState;
  readonly ended: KeyspaceState;
  readonly unanswered: number;
}

/** Lists longer than this are removed between two rounds. */
const LONG = 8;
/** Strings longer than this likewise. */
const LONG_TEXT = 60;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function plain(value: Value): Reply {
  if (value instanceof ReplyError) return { error: value.message.split(' ')[0]! };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  throw new Error(`a reply that the model does not know: ${String(value)}`);
}

/** An action's commands as they are sent, and how many replies come before the one that counts. */
function wireOf(action: Action): string[][] {
  if (action.type === 'command') return [[...action.args]];
  if (action.type === 'transaction') return [['MULTI'], ...action.commands.map((args) => [...args]), ['EXEC']];
  return [['EVAL', SCRIPTS[action.script]!.lua, String(action.keys.length), ...action.keys, ...action.args]];
}

function replyOf(action: Action, value: Value): Reply {
  const reply = plain(value);
  if (action.type === 'command') return inModelOrder(action.args, reply);
  if (action.type === 'script' || !Array.isArray(reply)) return reply;
  return reply.map((each: Reply, i) => inModelOrder(action.commands[i]!, each));
}

class HistoryClient {
  readonly name: string;
  connection: RespClient | null = null;
  readonly #workload: Workload;
  readonly #history: LiveHistory;

  constructor(history: LiveHistory, name: string, random: SeededRandom) {
    this.#history = history;
    this.name = name;
    this.#workload = new Workload(random, name);
  }

  /** Does a round's work; ends early when the connection dies. */
  async run(turns: number): Promise<void> {
    for (let turn = 0; turn < turns && this.connection !== null; turn++) {
      await this.#pause(false);
      if (!this.#workload.wantsWatch()) {
        if (this.connection !== null) await this.send(this.#workload.next());
        continue;
      }
      const { watch, reads, transaction } = this.#workload.watched();
      const isRead = this.connection !== null && (await this.send([watch])) && (await this.send(reads));
      if (!isRead) continue;
      await this.#pause(true);
      if (this.connection !== null) await this.send([transaction]);
    }
  }

  async #pause(isInWatch: boolean): Promise<void> {
    const ms = this.#workload.pauseMs(isInWatch);
    if (ms > 0) await sleep(ms);
  }

  /** Sends actions in one write and notes what came of them. False when the connection died. */
  async send(actions: readonly Action[]): Promise<boolean> {
    const connection = this.connection!;
    const noted = actions.map((action) => this.#history.call(this.name, action));
    noted.forEach((operation, i) => {
      operation.after = noted
        .slice(0, i)
        .filter((earlier) => this.#history.isBefore(earlier.action, operation.action))
        .map(({ id }) => id);
    });
    const wires = actions.map(wireOf);
    connection.sendRaw(Buffer.concat(wires.flat().map((args) => encode(args))));
    const answers = wires.map((commands, i) => {
      const replies = commands.map(() => connection.readRaw());
      return Promise.all(replies).then((all) => {
        this.#history.end(noted[i]!, replyOf(actions[i]!, parseReply(all.at(-1)!)));
      });
    });
    const results = await Promise.allSettled(answers);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      if (!/closed|ECONNRESET|EPIPE/.test(String(result.reason))) throw result.reason;
      this.connection = null;
    }
    return this.connection !== null;
  }
}

export class LiveHistory {
  readonly #port: number;
  readonly #order: PipelineOrder;
  readonly #clients: HistoryClient[];
  readonly #watcher: HistoryClient;
  #clock = 0;
  #ids = 0;
  #operations: Mutable<Operation>[] = [];
  #state: KeyspaceState = stateOf({});

  constructor(port: number, seed: number, clients: number, order: PipelineOrder) {
    this.#port = port;
    this.#order = order;
    const client = (name: string, i: number): HistoryClient =>
      new HistoryClient(this, name, new SeededRandom(seed + 7919 * i));
    this.#clients = Array.from({ length: clients }, (_, i) => client(`c${i}`, i));
    this.#watcher = client('eye', clients);
  }

  /** Notes the beginning of an operation. */
  call(client: string, action: Action): Mutable<Operation> {
    const operation: Mutable<Operation> = {
      id: ++this.#ids,
      client,
      action,
      call: ++this.#clock,
      end: Number.POSITIVE_INFINITY,
      reply: null,
      after: [],
    };
    this.#operations.push(operation);
    return operation;
  }

  /** Notes the answer to an operation. */
  end(operation: Mutable<Operation>, reply: Reply): void {
    operation.end = ++this.#clock;
    operation.reply = reply;
  }

  /** Whether the server carries out `earlier` before `later` when they come in one pipeline. */
  isBefore(earlier: Action, later: Action): boolean {
    if (this.#order === 'all' || earlier.type === 'transaction' || later.type === 'transaction') return true;
    const keys = keysOf(earlier);
    return keysOf(later).some((key) => keys.includes(key));
  }

  /** One segment: all clients do `turns` turns while `disturb` does what it likes. */
  async round(turns: number, disturb: () => Promise<void>): Promise<Segment> {
    this.#operations = [];
    const began = this.#state;
    await this.#connect();
    await Promise.all([...this.#clients.map((client) => client.run(turns)), disturb()]);
    const unanswered = this.#operations.filter((operation) => !isAnswered(operation)).length;
    if (unanswered > 0) await this.#drained();
    const ended = await this.#look();
    const operations = this.#operations;
    await this.#shorten(ended);
    return { operations, began, ended, unanswered };
  }

  async close(): Promise<void> {
    for (const { connection } of [...this.#clients, this.#watcher]) await connection?.close();
  }

  async #connect(): Promise<void> {
    for (const client of [...this.#clients, this.#watcher]) {
      if (client.connection !== null) continue;
      const connection = await RespClient.connect(this.#port);
      client.connection = connection;
      void connection.closed.then(() => {
        if (client.connection === connection) client.connection = null;
      });
    }
  }

  /**
   * Waits until nothing that a dead connection had sent can be carried out any more. A turn of a shard takes all that
   * its rings hold, so what goes over a ring to each shard twice comes behind everything.
   */
  async #drained(): Promise<void> {
    const connection = await RespClient.connect(this.#port);
    for (let i = 0; i < 3; i++) {
      for (let k = 0; k < 16; k++)
        await connection.ok('EVAL', "return redis.call('exists', KEYS[1])", '1', `none:${k}`);
    }
    await connection.close();
  }

  /** Reads all keys, as operations of the history. */
  async #look(): Promise<KeyspaceState> {
    await this.#connect();
    const eye = this.#watcher;
    const types = await eye.connection!.pipeline(ALL_KEYS.map((key) => ['TYPE', key]));
    const reads = ALL_KEYS.map((key, i): Action => ({ type: 'command', args: readOf(key, String(types[i])) }));
    const first = this.#operations.length;
    if (!(await eye.send(reads))) throw new Error('the connection that reads the end of a round died');
    const values: Record<string, Held> = {};
    ALL_KEYS.forEach((key, i) => {
      const held = heldOf(String(types[i]), this.#operations[first + i]!.reply);
      if (held !== null) values[key] = held;
    });
    return stateOf(values);
  }

  /** Removes what has become long. */
  async #shorten(state: KeyspaceState): Promise<void> {
    const values = Object.fromEntries(state.values);
    for (const [key, value] of state.values) {
      if (value.kind === 'list' && value.items.length <= LONG) continue;
      if (value.kind === 'string' && value.text.length <= LONG_TEXT) continue;
      if (value.kind === 'set' || value.kind === 'hash') continue;
      await this.#watcher.connection!.ok('DEL', key);
      delete values[key];
    }
    this.#state = stateOf(values);
  }
}

function readOf(key: string, type: string): string[] {
  if (type === 'string') return ['GET', key];
  if (type === 'list') return ['LRANGE', key, '0', '-1'];
  if (type === 'set') return ['SMEMBERS', key];
  return type === 'hash' ? ['HGETALL', key] : ['EXISTS', key];
}

function heldOf(type: string, reply: Reply): Held | null {
  if (type === 'string') return { kind: 'string', text: reply as string };
  const many = reply as string[];
  if (type === 'list') return { kind: 'list', items: many };
  if (type === 'set') return { kind: 'set', members: many };
  if (type !== 'hash') return null;
  return { kind: 'hash', fields: Array.from({ length: many.length / 2 }, (_, i) => [many[2 * i]!, many[2 * i + 1]!]) };
}
