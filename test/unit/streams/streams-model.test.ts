/** Random stream commands against plain arrays: replies, contents, pending entries, memory, effects. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { freeGarbageValues } from '../../../src/shard/structures/garbage.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { Value } from '../../harness/resp-client.js';
import { TestEngine, type Word } from '../engine-harness.js';
import { idText, Model } from './stream-model.js';

const KEYS = ['{s}1', '{s}2', 's3'];
const key = fc.constantFrom(...KEYS);
const group = fc.constantFrom('g', 'g', 'h');
const consumer = fc.constantFrom('alice', 'bob', 'carol');
const smallId = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5 })).map(([a, b]) => `${a}-${b}`);
const id = fc.oneof(
  { weight: 9, arbitrary: smallId },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 30 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('9007199254740993-7', '9223372036854775808-0', '5-18446744073709551615') },
);
const newId = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 30 }).map((ms) => `${ms}-*`) },
  { weight: 4, arbitrary: smallId },
  { weight: 1, arbitrary: fc.constantFrom('9007199254740993-*', '9223372036854775808-9007199254740995', '0-0') },
);
const bound = fc.oneof(
  fc.constantFrom('-', '+'),
  id,
  id.filter((text) => !text.startsWith('0')).map((text) => `(${text}`),
);
const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('v', '1', '-7', '127', '4095', '', 'hello', '9223372036854775807', '007') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 80 }).map((n) => 'x'.repeat(n)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(4000, 4096, 9000, 49_000, 65_500, 65_536, 140_000).map((n) => 'y'.repeat(n)),
  },
);
const fields = fc.oneof(
  { weight: 6, arbitrary: value.map((v) => ['f', v]) },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom('f', 'g', '1', 'x'.repeat(70)), value), { minLength: 1, maxLength: 4 })
      .map((pairs) => pairs.flat()),
  },
);
const count = fc.option(fc.integer({ min: 1, max: 7 })).map((n): Word[] => (n === null ? [] : ['COUNT', n]));
const ids = fc.array(id, { minLength: 1, maxLength: 3 });

const command: fc.Arbitrary<Word[]> = fc.oneof(
  { weight: 24, arbitrary: fc.tuple(key, newId, fields).map(([k, i, f]) => ['XADD', k, i, ...f]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, fc.integer({ min: 0, max: 30 }), newId, fields)
      .map(([k, n, i, f]) => ['XADD', k, 'MAXLEN', n, i, ...f]),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('XLEN'), key) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom('XRANGE', 'XREVRANGE'), key, bound, bound, count)
      .map(([c, k, a, b, n]) => [c, k, a, b, ...n]),
  },
  { weight: 6, arbitrary: fc.tuple(key, ids).map(([k, list]) => ['XDEL', k, ...list]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, fc.constantFrom('~', '='), fc.integer({ min: 0, max: 40 }))
      .map(([k, how, n]) => ['XTRIM', k, 'MAXLEN', how, n]),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(key, fc.constantFrom('~', '='), id).map(([k, how, i]) => ['XTRIM', k, 'MINID', how, i]),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(key, group, fc.constantFrom('0', '0', '$', '7-1'))
      .map(([k, g, i]) => ['XGROUP', 'CREATE', k, g, i, 'MKSTREAM']),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(key, group, fc.constantFrom('0', '$', '9')).map((w) => ['XGROUP', 'SETID', ...w]),
  },
  { weight: 1, arbitrary: fc.tuple(key, group).map((words) => ['XGROUP', 'DESTROY', ...words]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('CREATECONSUMER', 'DELCONSUMER'), key, group, consumer)
      .map((words) => ['XGROUP', ...words]),
  },
  {
    weight: 10,
    arbitrary: fc
      .tuple(group, consumer, count, fc.boolean(), key)
      .map(([g, c, n, noack, k]) => [
        ...['XREADGROUP', 'GROUP', g, c, ...n],
        ...(noack && g === 'h' ? ['NOACK'] : []),
        ...['STREAMS', k, '>'],
      ]),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(group, consumer, count, key, id)
      .map(([g, c, n, k, i]) => ['XREADGROUP', 'GROUP', g, c, ...n, 'STREAMS', k, i]),
  },
  { weight: 2, arbitrary: fc.tuple(key, id).map(([k, i]) => ['XREAD', 'COUNT', 3, 'STREAMS', k, i]) },
  { weight: 6, arbitrary: fc.tuple(key, group, ids).map(([k, g, list]) => ['XACK', k, g, ...list]) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('XPENDING'), key, group) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(key, group, consumer, ids, fc.boolean(), fc.boolean())
      .map(([k, g, c, list, force, justId]) => [
        ...['XCLAIM', k, g, c, 0, ...list],
        ...(force ? ['FORCE'] : []),
        ...(justId ? ['JUSTID'] : []),
      ]),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(key, group, consumer, id, fc.integer({ min: 1, max: 5 }), fc.boolean())
      .map(([k, g, c, i, n, justId]) => ['XAUTOCLAIM', k, g, c, 0, i, 'COUNT', n, ...(justId ? ['JUSTID'] : [])]),
  },
  { weight: 1, arbitrary: fc.tuple(key, key).map(([from, to]) => ['COPY', from, to, 'REPLACE']) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('DEL'), key) },
);

const plainText = (reply: Value): Value => (reply instanceof Error ? reply.message : reply);

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

/** Bytes in use when no stream is left, the dictionary's tables made. */
function emptyBytes(engine: TestEngine): number {
  for (const name of KEYS) {
    engine.call('XADD', name, 'MAXLEN', 0, '99999999999999999-*', 'f', 'v');
    engine.call('DEL', name);
  }
  for (const arena of engine.arenas) {
    arena.sync();
    while (freeGarbageValues(arena, TYPES.garbage, performance.now() + 1000));
  }
  return engine.usedBytes();
}

/** Entries, groups and pending entries of an engine are those of the model. */
function expectState(engine: TestEngine, model: Model): void {
  for (const name of KEYS) {
    const stream = model.keys.get(name);
    expect(engine.call('EXISTS', name)).toBe(stream === undefined ? 0 : 1);
    if (stream === undefined) continue;
    const all = stream.entries.map((entry) => [idText(entry.id), [...entry.words]]);
    expect(engine.call('XRANGE', name, '-', '+')).toEqual(all);
    expect(engine.call('XREVRANGE', name, '+', '-')).toEqual([...all].reverse());
    expect(engine.call('XLEN', name)).toBe(all.length);
    const groups = engine.call('XINFO', 'GROUPS', name) as Value[][];
    expect(groups.map((row) => [row[1], row[5], row[7]])).toEqual(
      [...stream.groups]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([title, found]) => [title, found.pending.size, idText(found.last)]),
    );
    for (const [title, found] of stream.groups) {
      const rows = engine.call('XPENDING', name, title, '-', '+', 1000) as Value[][];
      expect(rows.map((row) => [row[0], row[1], row[3]])).toEqual(
        found.ids().map((pending) => {
          const nack = found.pending.get(pending)!;
          return [idText(pending), nack.consumer, nack.deliveries];
        }),
      );
      for (const owner of found.consumers) {
        const own = engine.call('XPENDING', name, title, '-', '+', 1000, owner) as Value[][];
        expect(own.map((row) => row[0])).toEqual(found.ids(owner).map(idText));
      }
    }
  }
}

/** One of many commands on long streams. */
function longCommand(random: SeededRandom, at: number): Word[] {
  const name = random.pick(['{s}1', '{s}1', 's3']);
  const near = (): string => `${Math.max(1, at - random.below(1500))}-${random.below(2)}`;
  const who = random.pick(['alice', 'bob', 'carol']);
  switch (random.below(20)) {
    case 0:
      return ['XDEL', name, near(), near(), near()];
    case 1:
      return ['XACK', name, 'g', ...Array.from({ length: 30 }, near)];
    case 2:
      return ['XREADGROUP', 'GROUP', 'g', who, 'COUNT', random.between(1, 80), 'STREAMS', name, '>'];
    case 3:
      return ['XRANGE', name, near(), '+', 'COUNT', random.between(1, 200)];
    case 4:
      return ['XREVRANGE', name, near(), '-', 'COUNT', random.between(1, 200)];
    case 5:
      if (random.chance(0.2)) return ['XTRIM', name, 'MAXLEN', random.pick(['~', '=']), random.between(200, 1500)];
      return ['XAUTOCLAIM', name, 'g', who, 0, near(), 'COUNT', random.between(1, 50), 'JUSTID'];
    case 6:
      if (random.chance(0.05)) return ['XGROUP', 'DELCONSUMER', name, 'g', who];
      return ['XPENDING', name, 'g'];
    case 7:
      return ['XCLAIM', name, 'g', who, 0, near(), near(), 'FORCE', 'JUSTID'];
    default:
      return ['XADD', name, `${at}-*`, random.pick(['f', 'f', 'f', 'other']), 'v'.repeat(random.between(0, 60))];
  }
}

describe('long streams', () => {
  it('stay what arrays are while their limits change', { timeout: 120_000 }, () => {
    const seed = seedFrom('STREAM_SEED');
    for (let run = 0; run < 1; run++) {
      const random = new SeededRandom(seed + run);
      const engine = new TestEngine(2);
      const model = new Model();
      for (const name of KEYS) {
        const words = ['XGROUP', 'CREATE', name, 'g', '0', 'MKSTREAM'];
        expect(engine.call(...words)).toEqual(model.run(words, null));
      }
      for (let i = 1; i <= 6000; i++) {
        if (i % 500 === 1) {
          engine.control.f64[CONTROL_F64.streamNodeMaxEntries] = random.pick([100, 100, 3, 1000, 0, 20]);
          engine.control.f64[CONTROL_F64.streamNodeMaxBytes] = random.pick([4096, 4096, 0, 200, 1_000_000]);
          expect(fsck(engine), `STREAM_SEED=${seed} run ${run}`).toEqual([]);
        }
        const words = longCommand(random, i);
        const reply = plainText(engine.call(...words));
        expect(reply, `STREAM_SEED=${seed} run ${run} ${words.join(' ').slice(0, 200)}`).toEqual(
          model.run(words, reply),
        );
      }
      expectState(engine, model);
      expect(fsck(engine)).toEqual([]);
      for (const name of KEYS) engine.call('DEL', name);
      expect(fsck(engine)).toEqual([]);
    }
  });
});

describe('streams', () => {
  it.each([
    ['as they come', 100, 4096],
    ['of few entries a node', 3, 4096],
    ['of one entry a node', 1, 4096],
    ['in small nodes', 100, 60],
    ['in nodes without limits', 0, 0],
    ['in big nodes', 1000, 1_000_000],
  ])('%s do what arrays do', { timeout: 120_000 }, (_title, entries, bytes) => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 150, size: 'max' }), (commands) => {
        const engine = new TestEngine(2);
        const copy = new TestEngine(1);
        for (const { control } of [engine, copy]) {
          control.f64[CONTROL_F64.streamNodeMaxEntries] = entries;
          control.f64[CONTROL_F64.streamNodeMaxBytes] = bytes;
        }
        const empty = emptyBytes(engine);
        engine.record();
        const model = new Model();
        for (const words of commands) {
          if (words[0] === 'COPY' && words[1] === words[2]) continue;
          const reply = plainText(engine.call(...words));
          expect(reply, words.join(' ').slice(0, 200)).toEqual(model.run(words, reply));
        }
        expect(fsck(engine)).toEqual([]);
        expectState(engine, model);
        for (const record of engine.effects.take()) {
          const words = record.args.map((arg) => Buffer.from(arg).toString('latin1'));
          if (/^(multi|exec)$/i.test(words[0]!)) continue;
          const reply = copy.call(...words);
          expect(reply instanceof Error ? reply.message : '', words.join(' ').slice(0, 200)).toBe('');
        }
        expectCopy(copy, model);
        expect(fsck(copy)).toEqual([]);
        expect(emptyBytes(engine)).toBe(empty);
        expect(fsck(engine)).toEqual([]);
        expect(engine.unannounced()).toEqual([]);
      }),
      { numRuns: Number(process.env.STREAM_RUNS ?? 20) },
    );
  });
});

/** What effects carry over: all but how often the owner read its own entries again, which Redis does not propagate. */
function expectCopy(copy: TestEngine, model: Model): void {
  for (const name of KEYS) {
    const stream = model.keys.get(name);
    expect(copy.call('EXISTS', name)).toBe(stream === undefined ? 0 : 1);
    if (stream === undefined) continue;
    expect(copy.call('XRANGE', name, '-', '+')).toEqual(
      stream.entries.map((entry) => [idText(entry.id), [...entry.words]]),
    );
    for (const [title, found] of stream.groups) {
      const rows = copy.call('XPENDING', name, title, '-', '+', 1000) as Value[][];
      expect(rows.map((row) => [row[0], row[1]])).toEqual(
        found.ids().map((pending) => [idText(pending), found.pending.get(pending)!.consumer]),
      );
      const groups = copy.call('XINFO', 'GROUPS', name) as Value[][];
      expect(groups.find((row) => row[1] === title)![7]).toBe(idText(found.last));
    }
  }
}
