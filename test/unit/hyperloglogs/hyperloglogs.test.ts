import { describe, expect, it, test, vi } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { INDEX_BITS, patternOf } from '../../../src/shard/types/hyperloglog/hll-hash.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { ArenaFullError, CTL_ALLOCS_F64 } from '../../../src/shared/memory/arena.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { TestEngine, type Word } from '../engine-harness.js';
import { ModelHll, murmur, readRegisters } from './hyperloglog-model.js';

const failing = vi.hoisted(() => ({ after: Number.POSITIVE_INFINITY }));

vi.mock('../../../src/shared/memory/slab.js', async (original) => {
  const slab = await original<typeof import('../../../src/shared/memory/slab.js')>();
  return {
    ...slab,
    alloc: (...args: Parameters<typeof slab.alloc>) => {
      if (failing.after-- <= 0) throw new ArenaFullError(0);
      return slab.alloc(...args);
    },
  };
});

const SEED = seedFrom('HLL_SEED');
const SPARSE_BYTES_MAX = 3000;
const CORRUPT = '-INVALIDOBJ Corrupted HLL object detected\r\n';
const NOT_HLL = '-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n';

function newEngine(shards = 1): TestEngine {
  const engine = new TestEngine(shards);
  setSparseMax(engine, SPARSE_BYTES_MAX);
  return engine;
}

function setSparseMax(engine: TestEngine, bytes: number): void {
  engine.control.f64[CONTROL_F64.hllSparseMaxBytes] = bytes;
}

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function value(engine: TestEngine, key: string): Buffer {
  const raw = Buffer.from(engine.run('GET', key), 'latin1');
  return raw.subarray(raw.indexOf('\n') + 1, raw.length - 2);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
const elements = (from: number, to: number): Word[] => Array.from({ length: to - from }, (_, i) => `e${from + i}`);

describe('the hash of a HyperLogLog', () => {
  it('agrees with 64-bit arithmetic for every length and any bytes', () => {
    const random = new SeededRandom(SEED);
    for (let i = 0; i < 3000; i++) {
      const bytes = Uint8Array.from(random.bytes(i % 70));
      const hash = murmur(Buffer.from(bytes));
      const found = patternOf(bytes, new DataView(bytes.buffer), 0, bytes.length);
      let run = 1;
      for (let rest = (hash >> 14n) | (1n << 50n); (rest & 1n) === 0n; rest >>= 1n) run++;
      expect([found & 16383, found >>> INDEX_BITS]).toEqual([Number(hash & 16383n), run]);
    }
  });
});

describe('HyperLogLogs', () => {
  const KEYS = ['a', 'b', '{a}c', 'd', `long${'x'.repeat(5000)}`];

  test.each([1, 3])('hold what a plain model holds, over %i shards', { timeout: 60_000 }, (shards) => {
    const random = new SeededRandom(SEED + shards);
    const engine = newEngine(shards);
    const model = new Map<string, ModelHll>();
    const sure = (key: string): ModelHll => {
      if (!model.has(key)) model.set(key, new ModelHll());
      return model.get(key)!;
    };
    for (let step = 0; step < 1500; step++) {
      const key = random.pick(KEYS);
      switch (random.below(12)) {
        case 0:
          setSparseMax(engine, random.pick([0, 18, 100, 1000, 3000, 20_000]));
          break;
        case 1:
          if (random.chance(0.3)) expect(engine.call('DEL', key)).toBe(model.delete(key) ? 1 : 0);
          else if (model.has(key)) expect([0, 1]).toContain(engine.call('PFDEBUG', 'TODENSE', key));
          break;
        case 2: {
          const sources = Array.from({ length: random.below(4) }, () => random.pick(KEYS));
          expect(engine.call('PFMERGE', key, ...sources)).toBe('OK');
          const target = sure(key);
          for (const source of sources) if (model.has(source)) target.merge(model.get(source)!);
          break;
        }
        case 3: {
          const all = new ModelHll();
          const keys = Array.from({ length: random.between(1, 4) }, () => random.pick(KEYS));
          for (const each of keys) if (model.has(each)) all.merge(model.get(each)!);
          expect(engine.call('PFCOUNT', ...keys)).toBe(all.count());
          break;
        }
        default: {
          const isNew = !model.has(key);
          const size = random.chance(0.1) ? 300 : random.below(8);
          const added = Array.from({ length: size }, () =>
            random.chance(0.05) ? random.bytes(random.below(40)).toString('latin1') : `e${random.below(20_000)}`,
          );
          const target = sure(key);
          const rose = added.filter((element) => target.add(element)).length > 0;
          expect(engine.call('PFADD', key, ...added)).toBe(rose || isNew ? 1 : 0);
        }
      }
      const held = model.get(key);
      if (held === undefined) continue;
      if (step % 7 === 0) expect(same(readRegisters(value(engine, key)), held.registers)).toBe(true);
      if (step % 5 === 0) expect(engine.call('PFCOUNT', key)).toBe(held.count());
      if (step % 500 === 0) expect(fsck(engine)).toEqual([]);
    }
    for (const [key, held] of model) expect(same(readRegisters(value(engine, key)), held.registers)).toBe(true);
    expect(engine.unannounced()).toEqual([]);
    expect(fsck(engine)).toEqual([]);
    engine.call('FLUSHALL');
    while (engine.executor.idleWork(10_000, 0));
    expect(fsck(engine)).toEqual([]);
  });

  it('have the very bytes of Redis', () => {
    const engine = newEngine();
    engine.call('PFADD', 'a', '1', '2', '3');
    expect(engine.call('PFDEBUG', 'DECODE', 'a')).toBe('Z:7527 v:1,1 Z:3445 v:1,1 Z:4397 v:4,1 Z:1012');
    expect(value(engine, 'a').toString('hex', 0, 16)).toBe('48594c4c010000000000000000000080');
    expect(engine.call('PFCOUNT', 'a')).toBe(3);
    expect(value(engine, 'a').toString('hex', 8, 16)).toBe('0300000000000000');
    expect(engine.call('PFADD', 'a', '1')).toBe(0);
    expect(value(engine, 'a').toString('hex', 8, 16)).toBe('0300000000000000');
    expect(engine.call('OBJECT', 'ENCODING', 'a')).toBe('raw');
  });

  it('join runs of one value and become dense beyond hll-sparse-max-bytes, keeping the time to live', () => {
    const engine = newEngine();
    engine.call('PFADD', 'a');
    engine.call('PEXPIRE', 'a', 100_000);
    for (let i = 0; engine.call('PFDEBUG', 'ENCODING', 'a') === 'sparse'; i += 10) {
      expect(engine.call('STRLEN', 'a')).toBeLessThanOrEqual(SPARSE_BYTES_MAX);
      engine.call('PFADD', 'a', ...elements(i, i + 10));
    }
    expect(engine.call('STRLEN', 'a')).toBe(12_304);
    expect(engine.call('PTTL', 'a')).toBeGreaterThan(90_000);
    const registers = engine.call('PFDEBUG', 'GETREG', 'a') as number[];
    expect(registers).toEqual([...readRegisters(value(engine, 'a'))]);
  });

  it('are changed in place once they are dense', () => {
    const engine = newEngine();
    for (const key of ['a', `long${'x'.repeat(5000)}`]) {
      engine.call('PFADD', key, ...elements(0, 3000));
      engine.call('PFDEBUG', 'TODENSE', key);
      const allocations = engine.arenas[0]!.ctlF64[CTL_ALLOCS_F64];
      for (let i = 3000; i < 3500; i++) engine.call('PFADD', key, `e${i}`);
      engine.call('PFCOUNT', key);
      expect(engine.arenas[0]!.ctlF64[CTL_ALLOCS_F64]).toEqual(allocations);
    }
  });

  it('propagate what changes and raise Redis’s events', () => {
    const engine = newEngine(2);
    engine.record(true);
    engine.call('PFADD', 'a');
    engine.call('PFADD', 'a', 'x');
    engine.call('PFADD', 'a', 'x');
    engine.call('PFCOUNT', 'a');
    engine.call('PFCOUNT', 'a');
    engine.call('PFCOUNT', 'a', 'b');
    engine.call('PFMERGE', 'b', 'a');
    engine.call('PFDEBUG', 'TODENSE', 'b');
    expect(engine.recorded()).toEqual([
      '0 event new a',
      '0 event pfadd a',
      '0: PFADD a',
      '0 event pfadd a',
      '0: PFADD a x',
      '0: PFCOUNT a',
      '0 event keymiss b',
      '0 event keymiss b',
      '0 event new b',
      '0 event pfadd b',
      '0: PFMERGE b a',
      '0: PFDEBUG TODENSE b',
    ]);
  });

  it('are refused when they are none or broken, and left alone', () => {
    const engine = newEngine();
    engine.call('SET', 'text', 'HYLL');
    engine.call('SET', 'number', '1234567890123456');
    engine.call('SET', 'magic', `HYLM\x01${'\0'.repeat(20)}`);
    engine.call('SET', 'encoding', `HYLL\x02${'\0'.repeat(20)}`);
    engine.call('SET', 'dense', `HYLL\x00${'\0'.repeat(20)}`);
    engine.call('SETRANGE', 'zeros', 70_000, 'x');
    for (const key of ['text', 'number', 'magic', 'encoding', 'dense', 'zeros']) {
      const before = engine.run('GET', key);
      for (const command of ['PFADD', 'PFCOUNT', 'PFMERGE']) expect(engine.run(command, key, 'no')).toBe(NOT_HLL);
      expect(engine.run('PFDEBUG', 'DECODE', key)).toBe(NOT_HLL);
      expect(engine.run('PFMERGE', 'no', key)).toBe(NOT_HLL);
      expect(engine.run('GET', key)).toBe(before);
    }
    engine.call('LPUSH', 'list', 1);
    expect(engine.run('PFADD', 'list', 1)).toMatch(/^-WRONGTYPE Operation against a key/);
    expect(engine.run('PFCOUNT', 'no', 'list')).toMatch(/^-WRONGTYPE Operation against a key/);
    engine.call('PFADD', 'short', ...elements(0, 20));
    engine.call('SETRANGE', 'short', 20, '\x7f');
    engine.call('PFADD', 'tail', ...elements(0, 20));
    engine.call('APPEND', 'tail', 'hello');
    engine.call('PFADD', 'huge', 'a');
    engine.call('APPEND', 'huge', 'x'.repeat(70_000));
    for (const key of ['short', 'tail', 'huge']) {
      const before = engine.run('GET', key);
      expect(engine.run('PFCOUNT', key)).toBe(CORRUPT);
      expect(engine.run('PFCOUNT', 'no', key)).toBe(CORRUPT);
      expect(engine.run('PFMERGE', 'no', key)).toBe(CORRUPT);
      expect(engine.run('PFDEBUG', 'TODENSE', key)).toBe(CORRUPT);
      expect(engine.run('GET', key)).toBe(before);
    }
    expect(engine.call('EXISTS', 'no')).toBe(0);
    setSparseMax(engine, 10);
    expect(engine.run('PFADD', 'tail', 'x', 'y')).toBe(CORRUPT);
    expect(engine.run('PFDEBUG', 'DECODE', 'nothing')).toBe('-ERR The specified key does not exist\r\n');
    expect(engine.run('PFDEBUG', 'NOPE', 'huge')).toBe("-ERR Unknown PFDEBUG subcommand 'NOPE'\r\n");
    engine.call('PFADD', 'fine');
    engine.call('PFDEBUG', 'TODENSE', 'fine');
    expect(engine.run('PFDEBUG', 'DECODE', 'fine')).toBe('-ERR HLL encoding is not sparse\r\n');
    expect(fsck(engine)).toEqual([]);
  });

  it('survive any bytes in a sparse table', () => {
    const random = new SeededRandom(SEED);
    const engine = newEngine();
    for (let run = 0; run < 300; run++) {
      engine.call('DEL', 'a');
      engine.call('PFADD', 'a', ...elements(0, random.below(600)));
      const length = engine.call('STRLEN', 'a') as number;
      for (let i = random.between(1, 5); i > 0; i--) {
        engine.call('SETRANGE', 'a', random.between(16, length - 1), random.bytes(1));
      }
      engine.call('PFADD', 'a', 'x', 'y', 'z');
      engine.call('PFCOUNT', 'a');
      engine.call('PFMERGE', 'b', 'a');
      engine.call('PFDEBUG', 'DECODE', 'a');
    }
    expect(fsck(engine)).toEqual([]);
  });

  const CASES: readonly (readonly [title: string, setup: readonly Word[][], command: Word[]])[] = [
    ['PFADD of a new key', [], ['PFADD', 'a', ...elements(0, 50)]],
    ['PFADD that lengthens', [['PFADD', 'a', 'x']], ['PFADD', 'a', ...elements(0, 200)]],
    ['PFADD that makes dense', [['PFADD', 'a', 'x']], ['PFADD', 'a', ...elements(0, 3000)]],
    ['PFMERGE', [['PFADD', 'b', ...elements(0, 3000)]], ['PFMERGE', 'a', 'b']],
    ['PFDEBUG TODENSE', [['PFADD', 'a', 'x']], ['PFDEBUG', 'TODENSE', 'a']],
  ];
  test.each(CASES)('lose and leak nothing out of memory: %s', (_title, setup, command) => {
    for (let n = 0; ; n++) {
      const engine = newEngine();
      for (const words of setup) engine.call(...words);
      const before = engine.run('GET', 'a');
      failing.after = n;
      const reply = engine.run(...command);
      const enough = failing.after >= 0;
      failing.after = Number.POSITIVE_INFINITY;
      expect(fsck(engine)).toEqual([]);
      if (enough) break;
      expect(reply).toBe('-OOM sherd is out of memory for this shard\r\n');
      expect(engine.run('GET', 'a')).toBe(before);
    }
  });

  it('pass PFSELFTEST', { timeout: 60_000 }, () => {
    expect(newEngine().call('PFSELFTEST')).toBe('OK');
  });
});
