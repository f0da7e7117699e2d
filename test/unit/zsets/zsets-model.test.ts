import { describe, expect, it } from 'vitest';
import { datasetDigest } from '../../../src/shard/check/digest.js';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { doubleText } from '../../../src/shared/resp/double-text.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { TestEngine, type Word } from '../engine-harness.js';
import { flat, inOrder, insideName, insideScore, limited, withoutSign, type Zset } from './zset-model.js';

const seed = seedFrom('ZSETS_SEED');
const OPERATIONS = 1200;
const SCORES = [
  'inf',
  '-inf',
  '3.5',
  '1e300',
  '-1e-5',
  '0.1',
  '4611686018427387904',
  '1e19',
  '9007199254740993',
  '1.5',
];

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function digest(engine: TestEngine): string {
  for (const arena of engine.arenas) arena.sync();
  return datasetDigest(engine.arenas.map((arena) => openDatabases(arena, TYPES)));
}

function anyScore(random: SeededRandom): string {
  return random.chance(0.15) ? random.pick(SCORES) : String(random.between(-30, 30));
}

function anyMember(random: SeededRandom): string {
  switch (random.below(12)) {
    case 0:
      return random.pick(['-1', '127', '70000', '9007199254740993', '9223372036854775807', '01', '']);
    case 1:
      return 'm'.repeat(random.pick([63, 64, 65, 300, 4096]));
    case 2:
      return random.chance(0.2) ? 'b'.repeat(random.pick([8192, 8193, 70_000])) + random.below(3) : 'x';
    default:
      return `m${random.below(80)}`;
  }
}

const toNumber = (text: string): number =>
  text === 'inf' ? Number.POSITIVE_INFINITY : text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);

class Run {
  readonly random: SeededRandom;
  readonly engine: TestEngine;
  readonly replica = new TestEngine(1);
  readonly model = new Map<string, Zset>();
  readonly keys = Array.from({ length: 6 }, (_, i) => `zset:${i}`);
  private readonly entriesMax: number;
  private readonly valueMax: number;

  constructor(shards: number, runSeed: number, entries: number, value: number) {
    this.random = new SeededRandom(runSeed);
    this.engine = new TestEngine(shards);
    this.engine.record();
    this.entriesMax = entries;
    this.valueMax = value;
    for (const engine of [this.engine, this.replica]) {
      engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = entries;
      engine.control.f64[CONTROL_F64.zsetMaxListpackValue] = value;
    }
  }

  private key(): string {
    return this.random.pick(this.keys);
  }

  private of(key: string): Zset {
    return this.model.get(key) ?? new Map();
  }

  private put(key: string, zset: Zset): void {
    if (zset.size === 0) this.model.delete(key);
    else this.model.set(key, zset);
  }

  private call(...words: Word[]): unknown {
    return withoutSign(this.engine.call(...words));
  }

  /** One random command to both sides. */
  step(): void {
    const key = this.key();
    const zset = this.of(key);
    switch (this.random.below(14)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.add(key, zset);
        break;
      case 4:
        this.increase(key, zset);
        break;
      case 5:
        this.remove(key, zset);
        break;
      case 6:
        this.removeRange(key, zset);
        break;
      case 7:
        this.pop(key, zset);
        break;
      case 8:
        this.draw(key, zset);
        this.ask(zset, key);
        break;
      case 9:
      case 10:
        this.range(key, zset);
        break;
      case 11:
      case 12:
        this.algebra();
        break;
      default:
        this.copyOrScan(key, zset);
    }
    expect(this.call('ZCARD', key)).toBe(this.of(key).size);
    if (this.model.has(key)) this.checkEncoding(key, this.of(key));
  }

  private checkEncoding(key: string, zset: Zset): void {
    const encoding = this.call('OBJECT', 'ENCODING', key);
    if (encoding === 'skiplist') return;
    expect(encoding).toBe('listpack');
    expect(zset.size).toBeLessThanOrEqual(this.entriesMax);
    for (const member of zset.keys()) expect(member.length).toBeLessThanOrEqual(this.valueMax);
  }

  private add(key: string, zset: Zset): void {
    const { random } = this;
    const condition = random.chance(0.3) ? random.pick(['NX', 'XX', 'GT', 'LT', 'XX GT', 'XX LT']) : '';
    const ch = random.chance(0.3);
    const pairs = Array.from({ length: random.chance(0.05) ? 300 : random.between(1, 6) }, (): [string, string] => [
      anyScore(random),
      random.chance(0.3) ? `m${random.below(2000)}` : anyMember(random),
    ]);
    let [added, updated] = [0, 0];
    for (const [text, member] of pairs) {
      const score = toNumber(text);
      const old = zset.get(member);
      if (old === undefined) {
        if (condition.includes('XX')) continue;
        added++;
      } else {
        if (condition === 'NX' || old === score) continue;
        if (condition.includes('GT') && !(score > old)) continue;
        if (condition.includes('LT') && !(score < old)) continue;
        updated++;
      }
      zset.set(member, score);
    }
    const options = [...(condition === '' ? [] : condition.split(' ')), ...(ch ? ['CH'] : [])];
    expect(this.call('ZADD', key, ...options, ...pairs.flat())).toBe(ch ? added + updated : added);
    this.put(key, zset);
  }

  private increase(key: string, zset: Zset): void {
    const { random } = this;
    const member = random.chance(0.6) && zset.size > 0 ? random.pick([...zset.keys()]) : anyMember(random);
    const by = anyScore(random);
    const sum = (zset.get(member) ?? 0) + toNumber(by);
    const reply = random.chance(0.5)
      ? this.call('ZINCRBY', key, by, member)
      : this.call('ZADD', key, 'INCR', by, member);
    if (Number.isNaN(sum)) {
      expect(String(reply)).toContain('resulting score is not a number (NaN)');
      return;
    }
    expect(reply).toBe(doubleText(sum + 0));
    zset.set(member, sum + 0);
    this.put(key, zset);
  }

  private remove(key: string, zset: Zset): void {
    const { random } = this;
    const known = [...zset.keys()].filter(() => random.chance(0.2));
    const gone = random.chance(0.6) && known.length > 0 ? known : [anyMember(random), anyMember(random)];
    const before = zset.size;
    for (const member of gone) zset.delete(member);
    expect(this.call('ZREM', key, ...gone)).toBe(before - zset.size);
    this.put(key, zset);
  }

  private scoreBounds(): [string, string] {
    const { random } = this;
    const bound = (): string => {
      if (random.chance(0.15)) return random.pick(['-inf', '+inf', '(-inf', '(+inf']);
      return `${random.chance(0.3) ? '(' : ''}${random.between(-32, 32)}`;
    };
    return [bound(), bound()];
  }

  /** Ranks from `start` to `stop`, as ZRANGE counts them. */
  private byRank<T>(list: readonly T[], start: number, stop: number): T[] {
    const first = Math.max(start < 0 ? start + list.length : start, 0);
    const last = stop < 0 ? stop + list.length : stop;
    return last < first ? [] : list.slice(first, last + 1);
  }

  private removeRange(key: string, zset: Zset): void {
    const { random } = this;
    const list = inOrder(zset);
    let gone: [string, number][];
    let reply: unknown;
    if (random.chance(0.5)) {
      const start = random.between(-list.length - 2, list.length + 2);
      const stop = random.chance(0.7) ? start + random.below(8) : random.between(-5, list.length + 2);
      gone = this.byRank(list, start, stop);
      reply = this.call('ZREMRANGEBYRANK', key, start, stop);
    } else {
      const [min, max] = this.scoreBounds();
      gone = list.filter(([, score]) => insideScore(min, score, true) && insideScore(max, score, false));
      reply = this.call('ZREMRANGEBYSCORE', key, min, max);
    }
    expect(reply).toBe(gone.length);
    for (const [member] of gone) zset.delete(member);
    this.put(key, zset);
  }

  private pop(key: string, zset: Zset): void {
    const { random } = this;
    const max = random.chance(0.5);
    const count = random.chance(0.5) ? 1 : random.below(random.chance(0.1) ? zset.size + 2 : 6);
    const list = max ? inOrder(zset).reverse() : inOrder(zset);
    const gone = list.slice(0, count);
    if (random.chance(0.3) && count > 0) {
      const reply = this.call('ZMPOP', 2, 'nothing', key, max ? 'MAX' : 'MIN', 'COUNT', count);
      if (zset.size === 0) expect(reply).toBe(null);
      else expect(reply).toEqual([key, gone.map(([member, score]) => [member, doubleText(score)])]);
    } else {
      const words = count === 1 && random.chance(0.5) ? [] : [count];
      expect(this.call(max ? 'ZPOPMAX' : 'ZPOPMIN', key, ...words)).toEqual(flat(gone, true));
    }
    for (const [member] of gone) zset.delete(member);
    this.put(key, zset);
  }

  private draw(key: string, zset: Zset): void {
    const count = this.random.between(-20, zset.size + 3);
    const drawn = this.call('ZRANDMEMBER', key, count, 'WITHSCORES') as string[];
    const members = drawn.filter((_, i) => i % 2 === 0);
    members.forEach((member, i) => {
      expect(drawn[2 * i + 1]).toBe(doubleText(zset.get(member)!));
    });
    if (count >= 0) {
      expect(members.length).toBe(Math.min(count, zset.size));
      expect(new Set(members).size).toBe(members.length);
    } else expect(members.length).toBe(zset.size === 0 ? 0 : -count);
  }

  private ask(zset: Zset, key: string): void {
    const { random } = this;
    const list = inOrder(zset);
    const member = random.chance(0.8) && zset.size > 0 ? random.pick(list)[0] : anyMember(random);
    const score = zset.get(member);
    const rank = list.findIndex(([name]) => name === member);
    const text = score === undefined ? null : doubleText(score);
    expect(this.call('ZSCORE', key, member)).toBe(text);
    expect(this.call('ZMSCORE', key, member, 'nothing at all')).toEqual([text, null]);
    expect(this.call('ZRANK', key, member)).toBe(rank < 0 ? null : rank);
    expect(this.call('ZREVRANK', key, member, 'WITHSCORE')).toEqual(rank < 0 ? null : [list.length - 1 - rank, text]);
    const [min, max] = this.scoreBounds();
    const inside = list.filter(([, s]) => insideScore(min, s, true) && insideScore(max, s, false));
    expect(this.call('ZCOUNT', key, min, max)).toBe(inside.length);
  }

  private range(key: string, zset: Zset): void {
    const { random } = this;
    const reverse = random.chance(0.5);
    const withScores = random.chance(0.5);
    const list = reverse ? inOrder(zset).reverse() : inOrder(zset);
    const store = random.chance(0.3);
    let chosen: [string, number][];
    let words: Word[];
    if (random.chance(0.4)) {
      const start = random.between(-list.length - 2, list.length + 2);
      const stop = random.between(-list.length - 2, list.length + 2);
      chosen = this.byRank(list, start, stop);
      words = [start, stop];
    } else {
      const [min, max] = this.scoreBounds();
      chosen = list.filter(([, score]) => insideScore(min, score, true) && insideScore(max, score, false));
      words = [...(reverse ? [max, min] : [min, max]), 'BYSCORE'];
      if (random.chance(0.4)) {
        const [offset, count] = [random.between(-1, 6), random.between(-1, 6)];
        chosen = limited(chosen, offset, count);
        words.push('LIMIT', offset, count);
      }
    }
    if (reverse) words.push('REV');
    if (store) {
      const to = this.key();
      expect(this.call('ZRANGESTORE', to, key, ...words)).toBe(chosen.length);
      this.put(to, new Map(chosen));
      return;
    }
    if (withScores) words.push('WITHSCORES');
    expect(this.call('ZRANGE', key, ...words)).toEqual(flat(chosen, withScores));
  }

  private algebra(): void {
    const { random } = this;
    const keys = Array.from({ length: random.between(1, 4) }, () => (random.chance(0.05) ? 'nothing' : this.key()));
    const op = random.pick(['ZUNION', 'ZINTER', 'ZDIFF']);
    const weights = keys.map(() => (op !== 'ZDIFF' && random.chance(0.5) ? random.between(-3, 3) : 1));
    const aggregate = op === 'ZDIFF' ? 'SUM' : random.pick(['SUM', 'MIN', 'MAX']);
    const result = this.combined(op, keys, weights, aggregate);
    const words: Word[] = [keys.length, ...keys];
    if (op !== 'ZDIFF') words.push('WEIGHTS', ...weights, 'AGGREGATE', aggregate);
    if (random.chance(0.5)) {
      expect(this.call(op, ...words, 'WITHSCORES')).toEqual(flat(inOrder(result), true));
    } else {
      const to = this.key();
      expect(this.call(`${op}STORE`, to, ...words)).toBe(result.size);
      this.put(to, result);
      return;
    }
    if (op !== 'ZINTER') return;
    const limit = random.below(5);
    const card = limit > 0 ? Math.min(limit, result.size) : result.size;
    expect(this.call('ZINTERCARD', keys.length, ...keys, 'LIMIT', limit)).toBe(card);
  }

  private combined(op: string, keys: string[], weights: number[], aggregate: string): Zset {
    const inputs = keys.map((key, i) => ({ zset: this.of(key), weight: weights[i]! }));
    if (op !== 'ZDIFF') inputs.sort((a, b) => a.zset.size - b.zset.size);
    const result: Zset = new Map();
    if (op === 'ZDIFF') {
      for (const [member, score] of inputs[0]!.zset) {
        if (inputs.slice(1).every(({ zset }) => !zset.has(member))) result.set(member, score);
      }
      return result;
    }
    const names = new Set(inputs.flatMap(({ zset }) => [...zset.keys()]));
    for (const member of names) {
      if (op === 'ZINTER' && !inputs.every(({ zset }) => zset.has(member))) continue;
      // Of the inputs behind the first, an intersection takes infinity times 0 as it is: no number.
      const values = inputs
        .filter(({ zset }) => zset.has(member))
        .map(({ zset, weight }) => zset.get(member)! * weight)
        .map((value, i) => (Number.isNaN(value) && (op === 'ZUNION' || i === 0) ? 0 : value));
      let score = values[0]!;
      for (const value of values.slice(1)) {
        if (aggregate === 'SUM') score = Number.isNaN(score + value) ? 0 : score + value;
        else if (aggregate === 'MIN' ? value < score : value > score) score = value;
      }
      result.set(member, score + 0);
    }
    return result;
  }

  private copyOrScan(key: string, zset: Zset): void {
    const { random } = this;
    if (random.chance(0.5)) {
      const seen = new Map<string, string>();
      let cursor = '0';
      do {
        const [next, part] = this.call('ZSCAN', key, cursor, 'COUNT', random.between(1, 50)) as [string, string[]];
        for (let i = 0; i < part.length; i += 2) seen.set(part[i]!, part[i + 1]!);
        cursor = next;
      } while (cursor !== '0');
      expect([...seen].map(([member, score]) => [member, toNumber(score)]).sort()).toEqual([...zset].sort());
      return;
    }
    const to = this.key();
    if (to === key || !this.model.has(key)) return;
    this.call(random.chance(0.5) ? 'COPY' : 'RENAME', key, to);
    if (this.call('EXISTS', key) === 0) {
      this.model.set(to, zset);
      this.model.delete(key);
    } else if (!this.model.has(to)) this.model.set(to, new Map(zset));
  }

  /** Sends what was recorded to the replica and compares the two. */
  check(): void {
    for (const record of this.engine.effects.take()) {
      if (record.args.length === 1) continue; // MULTI, EXEC
      expect(this.replica.run(...record.args)).not.toMatch(/^-/);
    }
    for (const [key, zset] of this.model) {
      expect(this.call('ZRANGE', key, 0, -1, 'WITHSCORES')).toEqual(flat(inOrder(zset), true));
    }
    expect(this.call('DBSIZE')).toBe(this.model.size);
    expect(digest(this.replica)).toBe(digest(this.engine));
    expect(fsck(this.engine)).toEqual([]);
    expect(this.engine.unannounced()).toEqual([]);
  }
}

describe(`sorted sets (ZSETS_SEED=${seed})`, () => {
  it.each([
    [1, 128, 64],
    [3, 128, 64],
    [1, 6, 20],
    [3, 0, 0],
    [1, 12, 8000],
    [2, 20_000, 60_000],
  ])('behave as a plain model: %i shards, limits %i, %i', (shards, entries, value) => {
    const run = new Run(shards, seed ^ (shards * 31 + entries), entries, value);
    const base = run.engine.usedBytes();
    for (let n = 1; n <= OPERATIONS; n++) {
      run.step();
      if (n % 600 === 0) run.check();
    }
    for (const key of run.model.keys()) run.engine.call('DEL', key);
    for (let shard = 0; shard < shards; shard++) while (run.engine.executor.idleWork(1000, shard));
    expect(run.engine.usedBytes()).toBe(base);
  });

  it.each([
    [1, 128],
    [2, 0],
  ])('find ranges of names when all scores are equal: %i shards, limit %i', (shards, entries) => {
    const random = new SeededRandom(seed);
    const engine = new TestEngine(shards);
    engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = entries;
    engine.control.f64[CONTROL_F64.zsetMaxListpackValue] = 64;
    const names = new Set<string>();
    const word = (): string =>
      random.pick(['', 'a', 'b', 'ab', 'ba', 'c\xff', '\0', '12', '7']) + random.pick(['', '1', 'z']);
    for (let n = 0; n < 1500; n++) {
      const member = word();
      if (random.chance(0.6)) {
        engine.call('ZADD', 'z', 5, member);
        names.add(member);
      } else if (random.chance(0.5)) {
        engine.call('ZREM', 'z', member);
        names.delete(member);
      }
      const bound = (): string => (random.chance(0.2) ? random.pick(['-', '+']) : random.pick(['[', '(']) + word());
      const [min, max] = [bound(), bound()];
      const inside = [...names].sort().filter((name) => insideName(min, name, true) && insideName(max, name, false));
      expect(engine.call('ZLEXCOUNT', 'z', min, max)).toBe(inside.length);
      const [offset, count] = [random.between(-1, 4), random.between(-1, 5)];
      expect(engine.call('ZRANGEBYLEX', 'z', min, max, 'LIMIT', offset, count)).toEqual(limited(inside, offset, count));
      const down = [...inside].reverse();
      expect(engine.call('ZRANGE', 'z', max, min, 'BYLEX', 'REV')).toEqual(down);
      if (!random.chance(0.05)) continue;
      expect(engine.call('ZREMRANGEBYLEX', 'z', min, max)).toBe(inside.length);
      for (const name of inside) names.delete(name);
    }
    expect(fsck(engine)).toEqual([]);
  });
});
