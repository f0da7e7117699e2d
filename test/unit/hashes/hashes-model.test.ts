/**
 * Random hash commands, with fields that expire, against plain Maps: replies, contents, times, memory, effects, with
 * encodings crossed by small limits. The clock goes in jumps of 1000 s, and times of expiry lie between the jumps.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import type { Value } from '../../harness/resp-client.js';
import { TestEngine, type Word } from '../engine-harness.js';

const KEYS = ['{h}1', '{h}2', 'h3'];
const JUMP_S = 1000;
const STAYS = Number.POSITIVE_INFINITY;

interface Field {
  value: string;
  /** In jumps. */
  at: number;
}

const sorted = (list: string[]): string[] => [...list].sort();

/** What the commands are to do, over Maps. Fields that are over stay until somebody looks at them, as in the server. */
class Model {
  readonly hashes = new Map<string, Map<string, Field>>();
  now = 0;

  hash(key: string): Map<string, Field> {
    return this.hashes.get(key) ?? new Map();
  }

  live(key: string): [string, Field][] {
    return [...this.hash(key)].filter(([, field]) => field.at > this.now);
  }

  /** The field, if it lives; if it does not it goes. */
  look(key: string, name: string): Field | undefined {
    const field = this.hash(key).get(name);
    if (field === undefined || field.at > this.now) return field;
    this.drop(key, name);
    return undefined;
  }

  drop(key: string, name: string): void {
    this.hash(key).delete(name);
    if (this.hash(key).size === 0) this.hashes.delete(key);
  }

  put(key: string, name: string, value: string, at: number): void {
    const hash = this.hash(key);
    hash.set(name, { value, at });
    this.hashes.set(key, hash);
  }

  expireAll(): void {
    for (const [key, hash] of [...this.hashes]) {
      for (const [name, field] of [...hash]) if (field.at <= this.now) this.drop(key, name);
    }
  }

  run(words: readonly Word[]): Value {
    const [name, key, ...args] = words.map(String) as [string, string, ...string[]];
    switch (name) {
      case 'HSET':
        return this.set(key, args, STAYS);
      case 'HSETNX':
        if (this.look(key, args[0]!) !== undefined) return 0;
        this.put(key, args[0]!, args[1]!, STAYS);
        return 1;
      case 'HGET':
        return this.look(key, args[0]!)?.value ?? null;
      case 'HMGET':
        return args.map((field) => this.look(key, field)?.value ?? null);
      case 'HEXISTS':
        return this.look(key, args[0]!) === undefined ? 0 : 1;
      case 'HSTRLEN':
        return this.look(key, args[0]!)?.value.length ?? 0;
      case 'HLEN':
        return this.hash(key).size;
      case 'HDEL':
        return args.reduce((n, field) => {
          if (!this.hash(key).has(field)) return n;
          this.drop(key, field);
          return n + 1;
        }, 0);
      case 'HINCRBY':
        return this.add(key, args);
      case 'HGETALL':
        return sorted(this.live(key).map(([field, { value }]) => `${field}=${value}`));
      case 'HKEYS':
        return sorted(this.live(key).map(([field]) => field));
      case 'HVALS':
        return sorted(this.live(key).map(([, { value }]) => value));
      case 'HEXPIREAT':
        return this.expire(key, args);
      case 'HPERSIST':
        return args.slice(2).map((field) => this.persist(key, field));
      case 'HEXPIRETIME':
        return args.slice(2).map((field) => this.time(key, field));
      case 'HGETDEL':
        return args.slice(2).map((field) => {
          const value = this.look(key, field)?.value ?? null;
          if (value !== null) this.drop(key, field);
          return value;
        });
      case 'HGETEX':
        return this.getex(key, args);
      case 'HSETEX':
        return this.setex(key, args);
      case 'COPY':
        if (!this.hashes.has(key)) return 0;
        this.hashes.set(args[0]!, new Map([...this.hash(key)].map(([f, field]) => [f, { ...field }])));
        return 1;
      case 'RENAME':
        if (!this.hashes.has(key)) return 'ERR no such key';
        this.hashes.set(args[0]!, this.hash(key));
        this.hashes.delete(key);
        return 'OK';
      case 'DEL':
        return this.hashes.delete(key) ? 1 : 0;
      default:
        throw new Error(name);
    }
  }

  private set(key: string, pairs: string[], at: number): number {
    let created = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      if (!this.hash(key).has(pairs[i]!)) created++;
      this.put(key, pairs[i]!, pairs[i + 1]!, at);
    }
    return created;
  }

  private add(key: string, [name, by]: string[]): Value {
    const field = this.look(key, name!);
    if (field !== undefined && !/^(0|-?[1-9]\d{0,10})$/.test(field.value)) return 'ERR hash value is not an integer';
    const sum = Number(field?.value ?? 0) + Number(by);
    this.put(key, name!, String(sum), field?.at ?? STAYS);
    return sum;
  }

  private expire(key: string, [time, ...rest]: string[]): Value {
    const at = Number(time);
    const condition = rest[0] === 'FIELDS' ? '' : rest.shift()!;
    return rest.slice(2).map((name) => {
      const field = this.hash(key).get(name);
      if (field === undefined || field.at <= this.now) return -2;
      const none = field.at === STAYS;
      if (condition === 'NX' && !none) return 0;
      if (condition === 'XX' && none) return 0;
      if (condition === 'GT' && (none || at <= field.at)) return 0;
      if (condition === 'LT' && !none && at >= field.at) return 0;
      return this.give(key, name, at);
    });
  }

  private give(key: string, name: string, at: number): number {
    if (at <= this.now) {
      this.drop(key, name);
      return 2;
    }
    this.hash(key).get(name)!.at = at;
    return 1;
  }

  private time(key: string, name: string): number {
    const field = this.hash(key).get(name);
    if (field === undefined || field.at <= this.now) return -2;
    return field.at === STAYS ? -1 : field.at;
  }

  private persist(key: string, name: string): number {
    const at = this.time(key, name);
    if (at < 0) return at;
    this.hash(key).get(name)!.at = STAYS;
    return 1;
  }

  private getex(key: string, args: string[]): Value {
    const option = args[0] === 'FIELDS' ? '' : args.shift()!;
    const at = option === 'EXAT' ? Number(args.shift()) : 0;
    return args.slice(2).map((name) => {
      const field = this.look(key, name);
      if (field === undefined) return null;
      if (option === 'PERSIST') field.at = STAYS;
      else if (option === 'EXAT') this.give(key, name, at);
      return field.value;
    });
  }

  private setex(key: string, args: string[]): Value {
    const condition = args[0]!.startsWith('F') && args[0] !== 'FIELDS' ? args.shift()! : '';
    const option = args[0] === 'FIELDS' ? '' : args.shift()!;
    const at = option === 'EXAT' ? Number(args.shift()) : STAYS;
    const pairs = args.slice(2);
    if (condition !== '') {
      for (let i = 0; i < pairs.length; i += 2) {
        if ((this.look(key, pairs[i]!) !== undefined) !== (condition === 'FXX')) return 0;
      }
    }
    for (let i = 0; i < pairs.length; i += 2) {
      const kept = option === 'KEEPTTL' ? (this.hash(key).get(pairs[i]!)?.at ?? STAYS) : at;
      this.put(key, pairs[i]!, pairs[i + 1]!, kept);
      if (kept <= this.now && option === 'EXAT') this.drop(key, pairs[i]!);
    }
    return 1;
  }
}

const key = fc.constantFrom(...KEYS);
const field = fc.oneof(
  { weight: 120, arbitrary: fc.integer({ min: 0, max: 25 }).map((n) => `f${n}`) },
  { weight: 30, arbitrary: fc.integer({ min: -5, max: 20 }).map(String) },
  { weight: 10, arbitrary: fc.constantFrom('', 'a longer name of a field', '9223372036854775808', '007') },
  { weight: 2, arbitrary: fc.constantFrom('n'.repeat(70), 'm'.repeat(9000)) },
);
const value = fc.oneof(
  { weight: 80, arbitrary: fc.integer({ min: -70_000, max: 70_000 }).map(String) },
  { weight: 60, arbitrary: fc.string({ maxLength: 40, unit: 'binary-ascii' }) },
  { weight: 10, arbitrary: fc.integer({ min: 41, max: 64 }).map((n) => 'v'.repeat(n)) },
  { weight: 2, arbitrary: fc.constantFrom('w'.repeat(70), 'x'.repeat(9000), 'y'.repeat(70_000)) },
);
const fields = fc.array(field, { minLength: 1, maxLength: 6 });
const pairs = fc.array(fc.tuple(field, value), { minLength: 1, maxLength: 6 }).map((list) => list.flat());
const jumps = fc.integer({ min: 0, max: 12 });
const word = (...words: string[]) => fc.constantFrom(...words);
const list = (parts: unknown[]): Word[] => parts.flat() as Word[];
const counted = (names: Word[]): Word[] => ['FIELDS', names.length, ...names];
const both = (names: Word[]): Word[] => ['FIELDS', names.length / 2, ...names];

/** A time is given as a jump; `absolute` below makes a unix time of it. */
const command: fc.Arbitrary<Word[]> = fc.oneof(
  { weight: 80, arbitrary: fc.tuple(word('HSET'), key, pairs).map(list) },
  { weight: 20, arbitrary: fc.tuple(word('HSETNX'), key, field, value).map(list) },
  { weight: 30, arbitrary: fc.tuple(word('HGET', 'HEXISTS', 'HSTRLEN'), key, field).map(list) },
  { weight: 20, arbitrary: fc.tuple(word('HMGET'), key, fields).map(list) },
  { weight: 40, arbitrary: fc.tuple(word('HLEN', 'HGETALL', 'HKEYS', 'HVALS'), key).map(list) },
  { weight: 40, arbitrary: fc.tuple(word('HDEL'), key, fields).map(list) },
  { weight: 30, arbitrary: fc.tuple(word('HINCRBY'), key, field, fc.integer({ min: -9, max: 9999 })).map(list) },
  {
    weight: 80,
    arbitrary: fc
      .tuple(
        word('HEXPIREAT'),
        key,
        jumps,
        fc.constantFrom([], [], ['NX'], ['XX'], ['GT'], ['LT']),
        fields.map(counted),
      )
      .map(list),
  },
  { weight: 20, arbitrary: fc.tuple(word('HPERSIST', 'HEXPIRETIME', 'HGETDEL'), key, fields.map(counted)).map(list) },
  {
    weight: 30,
    arbitrary: fc
      .tuple(
        word('HGETEX'),
        key,
        fc.oneof(
          word('PERSIST').map((w) => [w]),
          jumps.map((at) => ['EXAT', at]),
          fc.constant([]),
        ),
        fields.map(counted),
      )
      .map(list),
  },
  {
    weight: 40,
    arbitrary: fc
      .tuple(
        word('HSETEX'),
        key,
        fc.constantFrom([], [], ['FNX'], ['FXX']),
        fc.oneof(
          word('KEEPTTL').map((w) => [w]),
          jumps.map((at) => ['EXAT', at]),
          fc.constant([]),
        ),
        pairs.map(both),
      )
      .map(list),
  },
  { weight: 10, arbitrary: fc.tuple(word('COPY', 'RENAME'), key, key).map(list) },
  { weight: 5, arbitrary: fc.tuple(word('DEL'), key).map(list) },
  { weight: 15, arbitrary: fc.constant<Word[]>(['ADVANCE']) },
  { weight: 10, arbitrary: fc.constant<Word[]>(['IDLE']) },
  { weight: 10, arbitrary: fc.tuple(word('SCAN', 'RANDOM'), key).map(list) },
);

const plainText = (reply: Value): Value => (reply instanceof Error ? reply.message : reply);

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

/** A server beside its model; unix times are `base` plus jumps. */
class Bench {
  readonly engine = new TestEngine(2);
  readonly model = new Model();
  /** Time of jump 0, seconds: half a jump after the present. */
  readonly base = Math.floor(this.engine.nowMs / 1000) + JUMP_S / 2;

  constructor() {
    this.model.now = -0.5;
  }

  absolute(words: Word[]): Word[] {
    const at = words[0] === 'HEXPIREAT' ? 2 : words.indexOf('EXAT') + 1;
    if (at === 0) return words;
    return words.map((w, i) => (i === at ? this.base + Number(w) * JUMP_S : w));
  }

  step(words: Word[]): void {
    const { engine, model } = this;
    const k = String(words[1]);
    switch (words[0]) {
      case 'ADVANCE':
        engine.advance(JUMP_S * 1000);
        model.now += 1;
        return;
      case 'IDLE':
        for (let shard = 0; shard < 2; shard++) while (engine.executor.idleWork(10_000, shard));
        model.expireAll();
        return;
      case 'SCAN':
        this.scan(k);
        return;
      case 'RANDOM': {
        const drawn = engine.call('HRANDFIELD', k, 4) as string[];
        const live = model.live(k).map(([name]) => name);
        for (const [name, f] of [...model.hash(k)]) if (f.at <= model.now) model.drop(k, name);
        expect(new Set(drawn).size).toBe(Math.min(4, live.length));
        for (const name of drawn) expect(live).toContain(name);
        return;
      }
      default:
    }
    if (words[1] === words[2]) return;
    const sent = words[0] === 'COPY' ? [...words, 'REPLACE'] : this.absolute(words);
    let reply = plainText(engine.call(...sent));
    if (words[0] === 'HEXPIRETIME') reply = (reply as number[]).map((s) => (s < 0 ? s : (s - this.base) / JUMP_S));
    if (words[0] === 'HGETALL') {
      const flat = reply as string[];
      reply = flat.filter((_, i) => i % 2 === 0).map((name, i) => `${name}=${flat[2 * i + 1]}`);
    }
    if (['HGETALL', 'HKEYS', 'HVALS'].includes(String(words[0]))) reply = sorted(reply as string[]);
    expect(reply, sent.join(' ').slice(0, 200)).toEqual(model.run(words));
  }

  private scan(k: string): void {
    const met = new Set<string>();
    let cursor = '0';
    do {
      const [next, found] = this.engine.call('HSCAN', k, cursor, 'COUNT', 3) as [string, string[]];
      for (let i = 0; i < found.length; i += 2) met.add(`${found[i]}=${found[i + 1]}`);
      cursor = next;
    } while (cursor !== '0');
    expect(sorted([...met])).toEqual(this.model.run(['HGETALL', k]));
  }
}

describe('hashes', () => {
  it.each([
    ['as they come', 512, 64],
    ['of few fields', 4, 64],
    ['of no small form', 0, 64],
    ['of long small values', 512, 20_000],
  ])('%s do what Maps do', { timeout: 120_000 }, (_title, entries, bytes) => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 200, size: 'max' }), (commands) => {
        const bench = new Bench();
        const copy = new TestEngine(1);
        const { engine, model } = bench;
        for (const { control } of [engine, copy]) {
          control.f64[CONTROL_F64.hashMaxListpackEntries] = entries;
          control.f64[CONTROL_F64.hashMaxListpackValue] = bytes;
        }
        engine.record();
        const empty = engine.usedBytes();
        for (const words of commands) bench.step(words);
        expect(fsck(engine)).toEqual([]);
        for (const { args } of engine.effects.take()) {
          // MULTI and EXEC are nothing to an engine.
          if (args.length > 1) expect(copy.call(...args)).not.toBeInstanceOf(Error);
        }
        copy.advance((model.now + 0.5) * JUMP_S * 1000);
        for (const name of KEYS) {
          const all = sorted(model.live(name).map(([f]) => f));
          const times = all.map((f) => model.run(['HEXPIRETIME', name, 'FIELDS', '1', f]) as number[]);
          const values = all.map((f) => model.hash(name).get(f)!.value);
          for (const server of [engine, copy]) {
            expect(sorted(server.call('HKEYS', name) as string[])).toEqual(all);
            all.forEach((f, i) => {
              expect(server.call('HGET', name, f)).toBe(values[i]);
              const [at] = server.call('HEXPIRETIME', name, 'FIELDS', 1, f) as number[];
              expect(at! < 0 ? at : (at! - bench.base) / JUMP_S).toBe(times[i]![0]);
            });
          }
        }
        expect(fsck(copy)).toEqual([]);
        for (const name of KEYS) engine.call('DEL', name);
        for (let shard = 0; shard < 2; shard++) while (engine.executor.idleWork(10_000, shard));
        expect(engine.usedBytes()).toBeLessThanOrEqual(empty + 3 * 65_536);
        expect(fsck(engine)).toEqual([]);
      }),
      { numRuns: Number(process.env.HASH_RUNS ?? 20) },
    );
  });
});
