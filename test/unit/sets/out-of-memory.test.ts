/** Every command on sets, and SORT, with each of its allocations failing in turn: nothing is lost or leaked. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
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
const numbers = (from: number, to: number): Word[] => Array.from({ length: to - from }, (_, i) => from + i);
const names = (n: number): Word[] => numbers(0, n).map((i) => `m${i}`);

/** What is there before, the command, and whether the sets before must be there, unchanged, when it fails. */
const CASES: readonly (readonly [title: string, setup: readonly Word[][], command: Word[], atomic: boolean])[] = [
  ['SADD of a new intset', [], ['SADD', 's', ...numbers(0, 40), '70000', '70000000000'], true],
  ['SADD of a new packed set', [], ['SADD', 's', ...names(40)], true],
  ['SADD of a new table', [], ['SADD', 's', ...names(200), BLOB], true],
  ['SADD that packs an intset', [['SADD', 's', ...numbers(0, 40)]], ['SADD', 's', 'x'], true],
  ['SADD that makes a table of integers', [['SADD', 's', ...numbers(0, 40)]], ['SADD', 's', LONG], true],
  ['SADD that makes a table', [['SADD', 's', ...names(60)]], ['SADD', 's', BLOB], true],
  ['SADD that splits a table', [['SADD', 's', ...names(600)]], ['SADD', 's', ...numbers(0, 400)], false],
  ['SREM from an intset', [['SADD', 's', ...numbers(0, 100)]], ['SREM', 's', ...numbers(0, 99)], false],
  ['SREM from a packed set', [['SADD', 's', ...names(100)]], ['SREM', 's', ...names(99)], false],
  ['SREM from a table', [['SADD', 's', ...names(1500)]], ['SREM', 's', ...names(1499)], false],
  ['SPOP from a packed set', [['SADD', 's', ...names(100)]], ['SPOP', 's', 90], true],
  ['SPOP from an intset', [['SADD', 's', ...numbers(0, 100)]], ['SPOP', 's', 90], true],
  ['SPOP of most of a table', [['SADD', 's', ...names(1500)]], ['SPOP', 's', 1450], true],
  ['SPOP of some of a table', [['SADD', 's', ...names(300)]], ['SPOP', 's', 200], false],
  ['SMOVE to a new set', [['SADD', 's', 'a', BLOB]], ['SMOVE', 's', 't', BLOB], true],
  [
    'SMOVE to a set',
    [
      ['SADD', 's', 'a', LONG],
      ['SADD', 't', ...numbers(0, 50)],
    ],
    ['SMOVE', 's', 't', LONG],
    true,
  ],
  [
    'SUNIONSTORE',
    [
      ['SADD', 's', ...names(200), BLOB],
      ['SADD', 't', 1],
    ],
    ['SUNIONSTORE', 't', 's', 't'],
    true,
  ],
  ['SINTERSTORE', [['SADD', 's', ...names(200)]], ['SINTERSTORE', 't', 's', 's'], true],
  [
    'SDIFFSTORE by taking out',
    [
      ['SADD', 's', ...names(300)],
      ['SADD', 'a', 'm1', 'm2'],
      ['SADD', 'b', 'm3'],
    ],
    ['SDIFFSTORE', 't', 's', 'a', 'b', 'b', 'b'],
    true,
  ],
  ['SUNION', [['SADD', 's', ...names(200), BLOB]], ['SUNION', 's', 's'], true],
  ['COPY', [['SADD', 's', ...names(200), BLOB]], ['COPY', 's', 't'], true],
  [
    'SORT',
    [
      ['SADD', 's', ...names(200), BLOB],
      ['SET', 't', 'x'],
    ],
    ['SORT', 's', 'ALPHA', 'STORE', 't'],
    true,
  ],
  [
    'SORT of what patterns find',
    [
      ['SADD', 's', ...numbers(0, 9)],
      ['SET', '3', BLOB],
    ],
    ['SORT', 's', 'GET', '*', 'STORE', 't'],
    true,
  ],
];

function check(engine: TestEngine): string[] {
  const arena = engine.arenas[0]!;
  arena.sync();
  return fsckShard(arena, openDatabases(arena, TYPES));
}

const membersOf = (engine: TestEngine): string[] => (engine.call('SMEMBERS', 's') as string[]).sort();

describe('sets out of memory', () => {
  test.each(CASES)('%s', { timeout: 60_000 }, (_title, setup, command, atomic) => {
    for (let n = 0; ; n++) {
      expect(n).toBeLessThan(2000);
      const engine = new TestEngine(1);
      for (const words of setup) engine.call(...words);
      const before = membersOf(engine);
      const keys = engine.call('DBSIZE');
      failing.after = n;
      const reply = engine.run(...command);
      const enough = failing.after >= 0;
      failing.after = Number.POSITIVE_INFINITY;
      expect(check(engine), `allocation ${n}`).toEqual([]);
      if (enough) {
        expect(reply).not.toMatch(/^-/);
        break;
      }
      // A removal that finds no memory for a smaller cell may keep the bigger one.
      if (reply.startsWith('-')) expect(reply).toBe('-OOM sherd is out of memory for this shard\r\n');
      if (atomic && reply.startsWith('-')) {
        expect(membersOf(engine), `allocation ${n}`).toEqual(before);
        expect(engine.call('DBSIZE')).toBe(keys);
      }
      engine.call('FLUSHALL');
      while (engine.executor.idleWork(10_000, 0));
      expect(check(engine), `allocation ${n}, emptied`).toEqual([]);
    }
  });
});
