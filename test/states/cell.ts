/**
 * One cell of the table: a client in a state, an event, and what everybody sees of it. The same cell runs on the oracle
 * and on the subject of the test; what it noted must be equal.
 *
 *     enter -> event -> (what the server says of the client) -> observe -> enter again -> observe again -> leave
 *
 * Nothing waits for a time. On the oracle, which has one thread, a few PINGs behind an event show that all is done that
 * it leads to. On the subject a phase waits until as much has come as came from the oracle; what comes beyond that
 * stands in one of the later phases, which differs then.
 */
import { type Arg, ReplyError, RespClient, type Value } from '../harness/resp-client.js';
import { sleep } from '../harness/waiting.js';
import { type Allowance, sameInAll } from './differences.js';
import type { StateEvent } from './events.js';
import type { State } from './states.js';
import { CLOSED, Wire } from './wire.js';

/** How long a phase waits for what the oracle showed. */
const PHASE_MS = 6_000;
/** ... and behind a phase in which it did not come. */
const PATIENCE_AFTER_MS = 100;
/** How long for a state of the server that must come. */
const CONDITION_MS = 15_000;
/** Directives that events change, as they are at the start. */
const DEFAULTS = [
  ...['notify-keyspace-events', '', 'timeout', '0', 'busy-reply-threshold', '5000', 'maxclients', '9000'],
  ...['client-output-buffer-limit', 'normal 0 0 0 pubsub 33554432 8388608 60'],
  ...['tracking-table-max-keys', '1000000', 'requirepass', ''],
] as const;
/** Fields of INFO that must be equal. */
const INFO_FIELDS = [
  ...['blocked_clients', 'tracking_clients', 'pubsub_clients', 'watching_clients', 'pubsub_channels'],
  ...['pubsub_patterns', 'pubsubshard_channels', 'tracking_total_keys', 'tracking_total_prefixes'],
  ...['total_watched_keys', 'connected_clients', 'clients_in_timeout_table', 'total_blocking_keys'],
];

/** What was noted between two steps of a cell. */
export interface Phase {
  readonly name: string;
  readonly notes: readonly string[];
  /** How much had come at each point at which something was awaited. */
  readonly counts: readonly number[];
}

export class Cell {
  /** The client that the cell is about. */
  subject!: Wire;
  /** Its id. */
  id = 0;
  /** Who gives it the event. */
  giver!: Wire;
  /** Further clients of the state, by name. */
  readonly others: Map<string, Wire> = new Map();
  /** The timeout of commands that wait, seconds; 0: for ever. */
  seconds = 0;
  /** What this client needs before its state, on behalf of the event. */
  readonly phases: Phase[] = [];
  private readonly port: number;
  private readonly expected: readonly (Phase | null)[] | null;
  private isAbrupt = false;
  private isGatheredByTurn = false;
  private counts: number[] = [];
  private readonly allowed: Allowance;
  private patienceMs: number;
  private observing: RespClient | null = null;

  /** `expected`: what the oracle noted, null for phases in which something else comes; null as a whole: the oracle. */
  constructor(port: number, expected: readonly (Phase | null)[] | null, allowed: Allowance = null) {
    this.port = port;
    this.allowed = allowed;
    this.patienceMs = allowed === true ? PATIENCE_AFTER_MS : PHASE_MS;
    this.expected = expected;
  }

  /** Runs the cell; what was noted. */
  async run(state: State, event: StateEvent): Promise<readonly Phase[]> {
    try {
      this.seconds = event.seconds ?? 0;
      this.isGatheredByTurn = state.isGatheredByTurn === true;
      this.isAbrupt = event.isAbrupt === true;
      this.giver = await Wire.connect(this.port);
      await this.newSubject(state, event);
      // A time that runs out may do so while the state is entered.
      if (event.seconds === undefined) await this.phase('enter', () => this.enter(state, true));
      await this.phase('event', async () => {
        if (event.seconds !== undefined) await this.enter(state, false);
        await event.run(this, state);
      });
      await this.compareState('state after the event');
      this.seconds = 0;
      await this.phase('observe', () => state.observe(this));
      await this.compareState('state after observing');
      await this.phase('again', async () => {
        await this.restore();
        if (this.subject.isClosed) await this.newSubject(state, event);
        if (this.giver.isClosed) this.giver = await Wire.connect(this.port);
        await this.enter(state, true);
      });
      await this.phase('observe again', () => state.observe(this));
      for (const wire of this.wires()) wire.destroy();
      await this.until('everybody is gone', async () => (await this.infoField('connected_clients')) === '1');
      await this.compareState('state at the end');
      if (this.expected !== null) await this.untilUnwatched();
      return this.phases;
    } finally {
      for (const wire of this.wires()) wire.destroy();
      await this.restore();
      await this.observing?.close();
    }
  }

  /** Sends commands as the giver and waits until the server has carried them out, as far as it does that now. */
  async give(...commands: readonly (readonly Arg[])[]): Promise<void> {
    if (this.giver.isClosed) this.giver = await Wire.connect(this.port);
    if (!this.isGatheredByTurn) {
      this.giver.pipeline(commands);
      await this.fence();
      return;
    }
    for (const command of commands) {
      this.giver.send(...command);
      await this.fence();
    }
  }

  /** Sends commands as the subject, in one write. */
  async say(...commands: readonly (readonly Arg[])[]): Promise<void> {
    this.subject.pipeline(commands);
    await this.fence();
  }

  /** A further client of the state. */
  async other(name: string): Promise<Wire> {
    const known = this.others.get(name);
    if (known !== undefined && !known.isClosed) return known;
    const wire = await Wire.connect(this.port);
    this.others.set(name, wire);
    return wire;
  }

  /** Asks as a client that has no part in the cell. */
  async ask(...args: Arg[]): Promise<Value> {
    const client = await this.observer();
    try {
      return await client.call(...args);
    } catch (error) {
      // CLIENT KILL reaches this one as well.
      if (client.socket.destroyed || /closed|ECONN|EPIPE/.test(String(error)))
        return (await this.observer()).call(...args);
      throw error;
    }
  }

  /** As `ask`, for commands in one write. */
  async askAll(commands: readonly (readonly Arg[])[]): Promise<Value[]> {
    try {
      return await (await this.observer()).pipeline(commands);
    } catch (error) {
      if (this.observing?.socket.destroyed !== true) throw error;
      return (await this.observer()).pipeline(commands);
    }
  }

  /** Waits until the server has no client with the subject's id. While a script is busy nobody can tell. */
  untilGone(): Promise<void> {
    return this.until('the subject is gone', async () => {
      const list = await this.ask('CLIENT', 'LIST', 'ID', this.id);
      return list instanceof ReplyError || list === '';
    });
  }

  untilBlocked(count: number): Promise<void> {
    return this.until(`${count} blocked clients`, async () => {
      return Number(await this.infoField('blocked_clients')) === count;
    });
  }

  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + CONDITION_MS;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`not within ${CONDITION_MS} ms: ${what}`);
      await sleep(2);
    }
  }

  /**
   * Waits until what was asked for is done, as far as the server does it now. The oracle has done it when it answers
   * somebody else; the subject when as much has come as came from the oracle until here.
   */
  async fence(isLast = false): Promise<void> {
    const counts = this.expected?.[this.phases.length]?.counts;
    const expected = (this.seconds > 0 && !isLast ? 0 : counts?.[this.counts.length]) ?? 0;
    const deadline = performance.now() + this.patienceMs;
    while (this.came() < expected && performance.now() < deadline) await sleep(1);
    const goes = this.expected?.[this.phases.length]?.notes.includes(`subject: ${CLOSED}`) === true;
    while (isLast && goes && !this.subject.isClosed && performance.now() < deadline) await sleep(1);
    if (this.came() < expected) this.patienceMs = PATIENCE_AFTER_MS;
    for (let i = this.expected === null ? 3 : 1; i > 0; i--) await this.ask('PING');
    await new Promise((resolve) => setImmediate(resolve));
    this.counts.push(this.came());
  }

  private async newSubject(state: State, event: StateEvent): Promise<void> {
    this.subject = await Wire.connect(this.port);
    const needs3 = state.proto === 3 || event.prepare !== undefined;
    if (needs3) this.subject.send('HELLO', 3);
    this.subject.send('CLIENT', 'ID');
    const { subject } = this;
    await this.until('HELLO', async () => subject.lines.length === (needs3 ? 2 : 1));
    this.id = Number(subject.take().at(-1)!.slice(1, -1));
    for (const command of event.prepare ?? []) subject.send(...command);
    await this.until('prepared', async () => subject.lines.length >= (event.prepare?.length ?? 0));
    subject.take();
  }

  private async enter(state: State, isLasting: boolean): Promise<void> {
    await this.fence();
    for (const command of state.setup ?? []) await this.ask(...command);
    await state.enter(this);
    await this.fence();
    if (state.blocks === true && isLasting) await this.untilBlocked(1);
  }

  /** Does something and notes what everybody got during it. */
  private async phase(name: string, body: () => Promise<void>): Promise<void> {
    await body();
    await this.fence(true);
    this.phases.push({ name, notes: this.notes(), counts: this.counts });
    this.counts = [];
  }

  private *wires(): Generator<Wire> {
    if (this.subject !== undefined) yield this.subject;
    if (this.giver !== undefined) yield this.giver;
    yield* this.others.values();
  }

  private came(): number {
    let count = 0;
    for (const wire of this.wires()) count += wire.lines.length;
    return count;
  }

  private notes(): string[] {
    const of = (name: string, wire: Wire): string[] => wire.take().map((line) => `${name}: ${line}`);
    // Closed for its output: how much of that came before, nobody promises.
    if (this.isAbrupt && this.subject.lines.includes(CLOSED)) this.subject.lines = [CLOSED];
    const notes = [...of('subject', this.subject), ...of('giver', this.giver)];
    for (const [name, wire] of this.others) notes.push(...of(name, wire));
    return notes;
  }

  /** Notes what the server says of the client, of all clients and of its keys; waits until it is what was expected. */
  private async compareState(name: string): Promise<void> {
    const expected = this.expected?.[this.phases.length]?.notes;
    const deadline = performance.now() + this.patienceMs;
    let notes = await this.stateNotes();
    while (expected !== undefined && hasOther(notes, expected, this.allowed) && performance.now() < deadline) {
      await sleep(5);
      notes = await this.stateNotes();
    }
    if (performance.now() > deadline) this.patienceMs = PATIENCE_AFTER_MS;
    this.phases.push({ name, notes, counts: [] });
  }

  private async stateNotes(): Promise<string[]> {
    const [list, clients, stats, keys, digest] = (
      await this.askAll([
        ['CLIENT', 'LIST', 'ID', this.id],
        ['INFO', 'clients'],
        ['INFO', 'stats'],
        ['KEYS', '*'],
        ['DEBUG', 'DIGEST'],
      ])
    ).map(textOf) as [string, string, string, string, string];
    const info = `${clients}${stats}`;
    const notes = [list.startsWith('-') ? list : clientText(list)];
    for (const field of INFO_FIELDS) {
      const found = new RegExp(`^${field}:(.*)\\r$`, 'm').exec(info);
      if (found !== null) notes.push(`${field}:${found[1]}`);
    }
    notes.push(`keys: ${keys}`, `digest: ${digest}`);
    return notes;
  }

  /** Waits until no watch is left. A Redis that does not tell has none. */
  untilUnwatched(): Promise<void> {
    return this.until('nothing is watched', async () => {
      return ((await this.infoField('total_watched_keys')) ?? '0') === '0';
    });
  }

  private async infoField(field: string): Promise<string | undefined> {
    const info = String(await this.ask('INFO', 'clients'));
    return new RegExp(`^${field}:(.*)\\r$`, 'm').exec(info)?.[1];
  }

  private async observer(): Promise<RespClient> {
    if (this.observing === null || this.observing.socket.destroyed) {
      this.observing = await RespClient.connect(this.port);
    }
    return this.observing;
  }

  /** Puts the server back as it was. */
  private async restore(): Promise<void> {
    await this.askAll([
      ['CLIENT', 'UNPAUSE'],
      ['SCRIPT', 'KILL'],
    ]);
    await this.until('no script is busy', async () => (await this.ask('PING')) === 'PONG');
    await this.askAll([['CONFIG', 'SET', ...DEFAULTS], ['DEBUG', 'SET-ACTIVE-EXPIRE', '1'], ['FLUSHALL']]);
  }
}

function textOf(value: Value): string {
  if (value instanceof ReplyError) return `-${value.message}`;
  return Array.isArray(value) ? value.sort().join() : String(value);
}

/** The fields of CLIENT LIST that must be equal. */
function clientText(line: string): string {
  if (line === '') return 'client: gone';
  const field = (name: string): string => `${name}=${new RegExp(` ${name}=(\\S*)`).exec(line)?.[1]}`;
  const fields = ['db', 'sub', 'psub', 'ssub', 'multi', 'resp'].map(field).join(' ');
  const redirected = field('redir').replace(/=[1-9]\d*$/, '=id');
  return `client: ${field('flags')} ${fields} ${redirected}`;
}

/** The first difference of two runs of a cell, as text; null when there is none. */
export function difference(
  expected: readonly Phase[],
  got: readonly Phase[],
  allowed: Allowance = null,
): string | null {
  if (allowed === true) return null;
  for (const [i, phase] of expected.entries()) {
    const [a, b] = [phase.notes, got[i]?.notes ?? []];
    if (!hasOther(a, b, allowed)) continue;
    const fields = comparable(a, b, allowed);
    let [left, right] = [a.filter(fields), b.filter(fields)];
    if (phase.name.startsWith('state')) {
      const [all, others] = [left, right];
      left = all.filter((line) => !others.includes(line));
      right = others.filter((line) => !all.includes(line));
    }
    return `${phase.name}:\n  expected\n    ${left.join('\n    ')}\n  got\n    ${right.join('\n    ')}`;
  }
  return null;
}

function hasOther(a: readonly string[], b: readonly string[], allowed: Allowance): boolean {
  const fields = comparable(a, b, allowed);
  const text = (all: readonly string[]): string => {
    const lines = all.filter(fields).map(sameInAll);
    return (allowed !== null && allowed !== true && allowed.inAnyOrder ? lines.sort() : lines).join('\n');
  };
  return text(a) !== text(b);
}

/** Leaves out what may differ, and fields of INFO that only one of the two has. */
function comparable(a: readonly string[], b: readonly string[], allowed: Allowance): (line: string) => boolean {
  const nameOf = (line: string): string => line.slice(0, line.indexOf(':'));
  return (line) => {
    if (allowed !== null && allowed !== true && allowed.lines?.test(line) === true) return false;
    const name = nameOf(line);
    if (!INFO_FIELDS.includes(name)) return true;
    return [a, b].every((lines) => lines.some((other) => nameOf(other) === name));
  };
}

export { CLOSED };
