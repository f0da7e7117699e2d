/** Random list commands against plain arrays: replies, contents, memory, effects, with encodings crossed both ways. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { freeGarbageValues } from '../../../src/shard/structures/garbage.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL, CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { Value } from '../../harness/resp-client.js';
import { TestEngine, type Word } from '../engine-harness.js';
import { Model } from './list-model.js';

const KEYS = ['{l}1', '{l}2', 'l3'];

const key = fc.constantFrom(...KEYS);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'hello', '') },
  { weight: 4, arbitrary: fc.constantFrom('0', '127', '-1', '4095', '-4097', '32768', '8388608', '2147483648') },
  { weight: 2, arbitrary: fc.constantFrom('9223372036854775807', '-9223372036854775808', '00', '-0', '1.5') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 70 }).map((n) => 'x'.repeat(n)) },
  { weight: 2, arbitrary: fc.constantFrom(100, 500, 4000, 4096, 8185, 8193, 20_000).map((n) => 'y'.repeat(n)) },
  { weight: 1, arbitrary: fc.constantFrom(65_500, 65_510, 65_530, 70_000, 140_000).map((n) => 'z'.repeat(n)) },
);
const smallValue = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '1', '-70000', ''),
  fc.integer({ min: 0, max: 40 }).map((n) => 'v'.repeat(n)),
);
const index = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -300, max: 300 }));
const side = fc.constantFrom('LEFT', 'RIGHT');
const several = fc.oneof(
  { weight: 4, arbitrary: fc.array(value, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(smallValue, { minLength: 1, maxLength: 120 }) },
);
const option = (word: string, number: fc.Arbitrary<number>): fc.Arbitrary<Word[]> =>
  fc.option(number).map((n) => (n === null ? [] : [word, n]));

const command: fc.Arbitrary<Word[]> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('LPUSH', 'RPUSH'), key, several).map(([c, k, v]) => [c, k, ...v]) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('LPUSHX', 'RPUSHX'), key, value) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('LPOP', 'RPOP'), key) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('LPOP', 'RPOP'), key, fc.integer({ min: 1, max: 90 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('LLEN'), key) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('LRANGE'), key, index, index) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('LINDEX'), key, index) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('LSET'), key, index, value) },
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constant('LINSERT'), key, fc.constantFrom('BEFORE', 'AFTER'), smallValue, value),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('LREM'), key, fc.integer({ min: -4, max: 4 }), smallValue) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('LREM'), key, fc.constant(0), value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('LTRIM'), key, index, index) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.tuple(fc.constant('LPOS'), key, smallValue),
        option(
          'RANK',
          fc.integer({ min: -3, max: 3 }).map((n) => n || 1),
        ),
        option('COUNT', fc.integer({ min: 0, max: 4 })),
        option('MAXLEN', fc.integer({ min: 0, max: 60 })),
      )
      .map((parts) => parts.flat()),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('LMOVE'), key, key, side, side) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(key, key, side, fc.integer({ min: 1, max: 50 }))
      .map(([a, b, s, n]) => ['LMPOP', 2, a, b, s, 'COUNT', n]),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('COPY'), key, key).map((words) => [...words, 'REPLACE']) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('DEL'), key) },
);

const plainText = (reply: Value): Value => (reply instanceof Error ? reply.message : reply);

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

/** Bytes in use when no list is left, the dictionary's tables made. */
function emptyBytes(engine: TestEngine): number {
  for (const name of KEYS) {
    engine.call('RPUSH', name, 'x');
    engine.call('DEL', name);
  }
  for (const arena of engine.arenas) {
    arena.sync();
    while (freeGarbageValues(arena, TYPES.garbage, performance.now() + 1000));
  }
  return engine.usedBytes();
}

/** One of many commands on long lists: mostly pushes, at both ends and in the middle. */
function longCommand(random: SeededRandom): Word[] {
  const name = random.pick(['big', 'big', 'big', 'other']);
  const element = (): string => {
    if (random.chance(0.01)) return 'p'.repeat(random.between(8000, 70_000));
    if (random.chance(0.2)) return String(random.between(-40_000, 40_000));
    return random.chance(0.5) ? random.pick(['a', 'b', 'c', 'd']) : 'e'.repeat(random.between(0, 200));
  };
  const ends = random.pick(['LEFT', 'RIGHT']);
  const place = random.between(-2500, 2500);
  switch (random.below(16)) {
    case 0:
    case 1:
      return [`${random.pick(['L', 'R'])}PUSH`, name, ...Array.from({ length: random.between(1, 60) }, element)];
    case 2:
      return [`${random.pick(['L', 'R'])}PUSH`, name, element()];
    case 3:
      return [`${random.pick(['L', 'R'])}POP`, name];
    case 4:
      return [`${random.pick(['L', 'R'])}POP`, name, random.between(1, random.chance(0.1) ? 1500 : 30)];
    case 5:
    case 6:
      return ['LSET', name, place, element()];
    case 7:
    case 8:
    case 9:
      return ['LINSERT', name, random.pick(['BEFORE', 'AFTER']), random.pick(['a', 'b', '7', 'zz']), element()];
    case 10:
      return ['LREM', name, random.between(-20, 20), random.pick(['a', 'b', 'c', 'd', '1'])];
    case 11:
      return ['LMOVE', name, random.pick(['big', 'other']), ends, random.pick(['LEFT', 'RIGHT'])];
    case 12:
      return ['LRANGE', name, place, place + random.between(0, 400)];
    case 13:
      return ['LPOS', name, random.pick(['a', '7', 'eee']), 'RANK', random.pick([1, -1, 30, -30]), 'COUNT', 5];
    case 14:
      return ['LINDEX', name, place];
    default:
      return random.chance(0.1) ? ['LTRIM', name, random.between(0, 300), -random.between(1, 300)] : ['LLEN', name];
  }
}

describe('long lists', () => {
  it('stay what arrays are while their limits change', { timeout: 120_000 }, () => {
    const seed = seedFrom('LIST_SEED');
    for (let run = 0; run < 3; run++) {
      const random = new SeededRandom(seed + run);
      const engine = new TestEngine(2);
      const model = new Model();
      for (let i = 0; i < 3000; i++) {
        if (i % 300 === 0) {
          engine.control.f64[CONTROL_F64.listMaxListpackSize] = random.pick([-5, -4, -3, -2, -1, 1, 2, 7, 50, 400]);
          engine.control.i32[CONTROL.packedThreshold] = random.pick([0, 0, 100]);
          expect(fsck(engine), `LIST_SEED=${seed} run ${run}`).toEqual([]);
        }
        const words = longCommand(random);
        const reply = plainText(engine.call(...words));
        expect(reply, `LIST_SEED=${seed} run ${run} ${words.join(' ').slice(0, 200)}`).toEqual(model.run(words));
      }
      for (const name of ['big', 'other']) expect(engine.call('LRANGE', name, 0, -1)).toEqual(model.at(name));
      expect(fsck(engine)).toEqual([]);
    }
  });
});

describe('lists', () => {
  it.each([
    ['as they come', -2, 0],
    ['of few entries a node', 3, 0],
    ['of one entry a node', 1, 0],
    ['in nodes of many entries', 128, 0],
    ['in the smallest nodes by bytes', -1, 0],
    ['in the biggest nodes', -5, 0],
    ['with plain nodes for small elements', -2, 4],
    ['with plain nodes and few entries', 4, 6],
  ])('%s do what arrays do', { timeout: 120_000 }, (_title, fill, threshold) => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 150, size: 'max' }), (commands) => {
        const engine = new TestEngine(2);
        const copy = new TestEngine(1);
        for (const { control } of [engine, copy]) {
          control.f64[CONTROL_F64.listMaxListpackSize] = fill;
          control.i32[CONTROL.packedThreshold] = threshold;
        }
        engine.record();
        const empty = emptyBytes(engine);
        const model = new Model();
        for (const words of commands) {
          if (words[0] === 'COPY' && words[1] === words[2]) continue;
          expect(plainText(engine.call(...words)), words.join(' ').slice(0, 200)).toEqual(model.run(words));
        }
        expect(fsck(engine)).toEqual([]);
        for (const record of engine.effects.take()) copy.call(...record.args);
        for (const name of KEYS) {
          const expected = model.at(name);
          expect(engine.call('LRANGE', name, 0, -1)).toEqual(expected);
          expect(copy.call('LRANGE', name, 0, -1)).toEqual(expected);
          for (let i = 0; i < expected.length; i++) expect(engine.call('LINDEX', name, i)).toBe(expected[i]);
        }
        expect(fsck(copy)).toEqual([]);
        expect(emptyBytes(engine)).toBe(empty);
        expect(fsck(engine)).toEqual([]);
      }),
      { numRuns: Number(process.env.LIST_RUNS ?? 25) },
    );
  });
});
