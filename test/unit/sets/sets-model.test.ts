import { describe, expect, it } from 'vitest';
import { datasetDigest } from '../../../src/shard/check/digest.js';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { TestEngine, type Word } from '../engine-harness.js';

const seed = seedFrom('SETS_SEED');
const OPERATIONS = 2000;
const INTEGERS = ['0', '-1', '7', '127', '-32768', '32768', '70000', '-2147483649', '4294967296', '9007199254740993'];
const EXTREMES = ['9223372036854775807', '-9223372036854775808', '9223372036854775808', '-0', '01', '+1', ''];

type Model = Map<string, Set<string>>;

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

function setLimits(engine: TestEngine, intset: number, entries: number, value: number): void {
  const f64 = engine.control.f64;
  f64[CONTROL_F64.setMaxIntsetEntries] = intset;
  f64[CONTROL_F64.setMaxListpackEntries] = entries;
  f64[CONTROL_F64.setMaxListpackValue] = value;
}

function anyMember(random: SeededRandom): string {
  switch (random.below(12)) {
    case 0:
      return random.pick(INTEGERS);
    case 1:
      return random.pick(EXTREMES);
    case 2:
      return 'm'.repeat(random.pick([63, 64, 65, 300, 4095, 4096]));
    case 3:
      return random.chance(0.2) ? 'b'.repeat(random.pick([8192, 8193, 70_000])) + random.below(3) : 'x';
    case 4:
    case 5:
      return `m${random.below(40)}`;
    default:
      return String(random.between(-60, 60));
  }
}

const sorted = (members: Iterable<string>): string[] => [...members].sort();

/** What the encodings of a set may be, told by its members alone. */
function checkEncoding(engine: TestEngine, key: string, members: Set<string>): void {
  const encoding = engine.call('OBJECT', 'ENCODING', key);
  const f64 = engine.control.f64;
  if (encoding === 'intset') {
    expect(members.size).toBeLessThanOrEqual(f64[CONTROL_F64.setMaxIntsetEntries]!);
    for (const m of members) expect(BigInt.asIntN(64, BigInt(m)).toString()).toBe(m);
  } else if (encoding === 'listpack') {
    expect(members.size).toBeLessThanOrEqual(f64[CONTROL_F64.setMaxListpackEntries]!);
    for (const m of members) expect(m.length).toBeLessThanOrEqual(f64[CONTROL_F64.setMaxListpackValue]!);
  } else expect(encoding).toBe('hashtable');
}

class Run {
  readonly random: SeededRandom;
  readonly engine: TestEngine;
  readonly replica: TestEngine;
  readonly model: Model = new Map();
  readonly keys: string[];

  constructor(shards: number, runSeed: number) {
    this.random = new SeededRandom(runSeed);
    this.engine = new TestEngine(shards);
    this.replica = new TestEngine(1);
    this.engine.record();
    this.keys = Array.from({ length: 6 }, (_, i) => `set:${i}`);
    this.limit(512, 128, 64);
  }

  limit(intset: number, entries: number, value: number): void {
    setLimits(this.engine, intset, entries, value);
    setLimits(this.replica, intset, entries, value);
  }

  private key(): string {
    return this.random.pick(this.keys);
  }

  private some(high: number): string[] {
    return Array.from({ length: this.random.between(1, high) }, () => anyMember(this.random));
  }

  private of(key: string): Set<string> {
    return this.model.get(key) ?? new Set();
  }

  private put(key: string, members: Set<string>): void {
    if (members.size === 0) this.model.delete(key);
    else this.model.set(key, members);
  }

  private call(...words: Word[]): unknown {
    return this.engine.call(...words);
  }

  /** One random command to both sides. */
  step(): void {
    const { random } = this;
    const key = this.key();
    const members = this.of(key);
    switch (random.below(13)) {
      case 0:
      case 1:
      case 2: {
        const added = random.chance(0.05) ? this.some(300) : this.some(6);
        const before = members.size;
        for (const m of added) members.add(m);
        expect(this.call('SADD', key, ...added)).toBe(members.size - before);
        this.put(key, members);
        break;
      }
      case 3: {
        const gone = random.chance(0.5) ? sorted(members).filter(() => random.chance(0.2)) : this.some(5);
        if (gone.length === 0) break;
        const before = members.size;
        for (const m of gone) members.delete(m);
        expect(this.call('SREM', key, ...gone)).toBe(before - members.size);
        this.put(key, members);
        break;
      }
      case 4: {
        const asked = this.some(4);
        expect(this.call('SMISMEMBER', key, ...asked)).toEqual(asked.map((m) => (members.has(m) ? 1 : 0)));
        expect(this.call('SISMEMBER', key, asked[0]!)).toBe(members.has(asked[0]!) ? 1 : 0);
        break;
      }
      case 5: {
        const to = this.key();
        const m = random.chance(0.7) && members.size > 0 ? random.pick([...members]) : anyMember(random);
        const has = members.has(m);
        expect(this.call('SMOVE', key, to, m)).toBe(has ? 1 : 0);
        if (!has || to === key) break;
        members.delete(m);
        this.put(key, members);
        this.put(to, this.of(to).add(m));
        break;
      }
      case 6:
        this.pop(key, members);
        break;
      case 7:
        this.draw(key, members);
        break;
      case 8:
      case 9:
      case 10:
        this.algebra();
        break;
      case 11: {
        const seen = new Set<string>();
        let cursor = '0';
        do {
          const [next, part] = this.call('SSCAN', key, cursor, 'COUNT', random.between(1, 50)) as [string, string[]];
          for (const m of part) seen.add(m);
          cursor = next;
        } while (cursor !== '0');
        expect(sorted(seen)).toEqual(sorted(members));
        break;
      }
      default: {
        const to = this.key();
        if (to === key || !this.model.has(key)) break;
        expect(this.call(random.chance(0.5) ? 'COPY' : 'RENAME', key, to, ...[])).toBeDefined();
        if (this.call('EXISTS', key) === 0) {
          this.model.set(to, members);
          this.model.delete(key);
        } else if (!this.model.has(to)) this.model.set(to, new Set(members));
      }
    }
    expect(this.call('SCARD', key)).toBe(this.of(key).size);
    if (this.model.has(key)) checkEncoding(this.engine, key, this.of(key));
  }

  private pop(key: string, members: Set<string>): void {
    const { random } = this;
    if (random.chance(0.5)) {
      const m = this.call('SPOP', key);
      if (members.size === 0) expect(m).toBe(null);
      else expect(members.delete(m as string)).toBe(true);
    } else {
      const count = random.chance(0.3) ? random.below(members.size + 3) : random.below(4);
      const gone = [...(this.call('SPOP', key, count) as Iterable<string>)];
      expect(gone.length).toBe(Math.min(count, members.size));
      for (const m of gone) expect(members.delete(m)).toBe(true);
    }
    this.put(key, members);
  }

  private draw(key: string, members: Set<string>): void {
    const count = this.random.between(-20, members.size + 3);
    const drawn = this.call('SRANDMEMBER', key, count) as string[];
    for (const m of drawn) expect(members.has(m)).toBe(true);
    if (count >= 0) {
      expect(drawn.length).toBe(Math.min(count, members.size));
      expect(new Set(drawn).size).toBe(drawn.length);
    } else expect(drawn.length).toBe(members.size === 0 ? 0 : -count);
  }

  private algebra(): void {
    const { random } = this;
    const keys = Array.from({ length: random.between(1, 4) }, () => (random.chance(0.05) ? 'nothing' : this.key()));
    const sets = keys.map((k) => this.of(k));
    const op = random.pick(['SINTER', 'SUNION', 'SDIFF']);
    const result =
      op === 'SUNION'
        ? new Set(sets.flatMap((s) => [...s]))
        : op === 'SINTER'
          ? new Set([...sets[0]!].filter((m) => sets.every((s) => s.has(m))))
          : new Set([...sets[0]!].filter((m) => sets.slice(1).every((s) => !s.has(m))));
    if (random.chance(0.5)) {
      expect(sorted(this.call(op, ...keys) as Iterable<string>)).toEqual(sorted(result));
    } else {
      const to = this.key();
      expect(this.call(`${op}STORE`, to, ...keys)).toBe(result.size);
      this.put(to, result);
    }
    if (op !== 'SINTER') return;
    const limit = random.below(5);
    const card = new Set([...this.of(keys[0]!)].filter((m) => keys.every((k) => this.of(k).has(m)))).size;
    const expected = limit > 0 ? Math.min(limit, card) : card;
    expect(this.call('SINTERCARD', keys.length, ...keys, 'LIMIT', limit)).toBe(expected);
  }

  /** Sends what was recorded to the replica and compares the two. */
  check(): void {
    for (const record of this.engine.effects.take()) {
      if (record.args.length === 1) continue; // MULTI, EXEC
      expect(this.replica.run(...record.args)).not.toMatch(/^-/);
    }
    for (const [key, members] of this.model) {
      expect(sorted(this.call('SMEMBERS', key) as Iterable<string>)).toEqual(sorted(members));
    }
    expect(this.call('DBSIZE')).toBe(this.model.size);
    expect(digest(this.replica)).toBe(digest(this.engine));
    expect(fsck(this.engine)).toEqual([]);
    expect(this.engine.unannounced()).toEqual([]);
  }
}

describe(`sets (SETS_SEED=${seed})`, () => {
  it.each([
    [1, 512, 128, 64],
    [3, 512, 128, 64],
    [1, 10, 6, 20],
    [3, 4, 0, 64],
    [1, 0, 12, 8000],
    [2, 20_000, 20_000, 60_000],
  ])('behave as plain sets: %i shards, limits %i, %i, %i', (shards, intset, entries, value) => {
    const run = new Run(shards, seed ^ (shards * 31 + entries));
    run.limit(intset, entries, value);
    const base = run.engine.usedBytes();
    for (let n = 1; n <= OPERATIONS; n++) {
      run.step();
      if (n % 1000 === 0) run.check();
    }
    for (const key of run.model.keys()) run.engine.call('DEL', key);
    for (let shard = 0; shard < shards; shard++) while (run.engine.executor.idleWork(1000, shard));
    expect(run.engine.usedBytes()).toBe(base);
  });
});
