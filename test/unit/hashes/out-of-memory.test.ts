/** Every command on hashes with each of its allocations failing in turn: nothing is lost, leaked or half done. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';

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

afterEach(() => {
  failing.after = Number.POSITIVE_INFINITY;
});

const LONG = 'v'.repeat(100);
const BLOB = 'b'.repeat(70_000);
const range = (n: number, make: (i: number) => Word[]): Word[] => Array.from({ length: n }, (_, i) => make(i)).flat();

/** What is there before, and the command. */
const CASES: readonly (readonly [title: string, setup: readonly Word[][], command: Word[]])[] = [
  [
    'HSET that splits tables',
    [['HSET', 'h', ...range(690, (i) => [`f${i}`, 'v'])]],
    ['HSET', 'h', ...range(60, (i) => [`g${i}`, 'v'])],
  ],
  ['HSET of a new small hash', [], ['HSET', 'h', ...range(20, (i) => [`f${i}`, `value ${i}`])]],
  ['HSET of a new big hash', [], ['HSET', 'h', 'a', LONG, 'b', BLOB, BLOB, 'c']],
  ['HSET into a packed hash', [['HSET', 'h', 'a', '1']], ['HSET', 'h', 'b', '2'.repeat(60), 'a', 'x'.repeat(60)]],
  ['HSET that makes a table', [['HSET', 'h', 'a', '1', 'b', '2']], ['HSET', 'h', 'c', LONG]],
  [
    'HSET that makes a table of times',
    [['HSETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', '1', 'b', '2']],
    ['HSET', 'h', 'c', LONG],
  ],
  ['HSET over a time', [['HSETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', LONG, 'b', '2']], ['HSET', 'h', 'a', BLOB]],
  [
    'HEXPIRE of a packed hash',
    [['HSET', 'h', 'a', '1', 'b', '2', 'c', '3']],
    ['HEXPIRE', 'h', 9, 'FIELDS', 2, 'b', 'c'],
  ],
  ['HEXPIRE of a big hash', [['HSET', 'h', 'a', LONG, 'b', '2']], ['HEXPIRE', 'h', 9, 'FIELDS', 2, 'a', 'b']],
  ['HPERSIST', [['HSETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', LONG, 'b', '2']], ['HPERSIST', 'h', 'FIELDS', 2, 'a', 'b']],
  [
    'HINCRBY over a time',
    [['HSETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', LONG, 'b', '2']],
    ['HINCRBY', 'h', 'b', '1'.repeat(18)],
  ],
  ['HSETEX', [['HSET', 'h', 'a', '1']], ['HSETEX', 'h', 'EX', 9, 'FIELDS', 3, 'a', '2', 'b', LONG, 'c', BLOB]],
  ['HSETEX of a new hash', [], ['HSETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', '2', 'b', LONG]],
  ['HGETEX', [['HSET', 'h', 'a', LONG, 'b', '2']], ['HGETEX', 'h', 'EX', 9, 'FIELDS', 2, 'a', 'b']],
  [
    'HDEL of a packed hash',
    [['HSET', 'h', ...range(40, (i) => [`f${i}`, `v${i}`])]],
    ['HDEL', 'h', ...range(38, (i) => [`f${i}`])],
  ],
  ['COPY', [['HSETEX', 'h', 'EX', 9, 'FIELDS', 3, 'a', LONG, 'b', BLOB, 'c', '3']], ['COPY', 'h', 'i']],
];

describe.each([512, 1])('hashes of up to %d small fields, out of memory', (entries) => {
  test.each(CASES)('%s', { timeout: 60_000 }, (_title, setup, command) => {
    for (let n = 0; ; n++) {
      expect(n).toBeLessThan(400);
      const engine = new TestEngine(1);
      engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = entries;
      for (const words of setup) engine.call(...words);
      const before = fieldsOf(engine);
      failing.after = n;
      const reply = engine.run(...command);
      const enough = failing.after >= 0;
      failing.after = Number.POSITIVE_INFINITY;
      const arena = engine.arenas[0]!;
      arena.sync();
      expect(fsckShard(arena, openDatabases(arena, TYPES)), `allocation ${n}`).toEqual([]);
      if (enough) {
        expect(reply).not.toMatch(/^-/);
        break;
      }
      expect(reply).toBe('-OOM sherd is out of memory for this shard\r\n');
      const left = new Set(fieldsOf(engine));
      if (command[0] !== 'HDEL') expect(before.filter((name) => !left.has(name))).toEqual([]);
      if (before.length === 0 && engine.call('EXISTS', 'h') === 1) expect(engine.call('HLEN', 'h')).not.toBe(0);
      engine.call('DEL', 'h', 'i');
      while (engine.executor.idleWork(10_000, 0));
      expect(fsckShard(arena, openDatabases(arena, TYPES)), `allocation ${n}`).toEqual([]);
    }
  });
});

function fieldsOf(engine: TestEngine): string[] {
  return (engine.call('HKEYS', 'h') as string[]).sort();
}
