/** Every command on sorted sets with the n-th allocation failing, for every n: nothing is lost, leaked or half done. */

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

const LONG = 'm'.repeat(100);
const BLOB = 'b'.repeat(70_000);
const members = (n: number, score: (i: number) => number): Word[] =>
  Array.from({ length: n }, (_, i): Word[] => [score(i), `m${i}`]).flat();
const mixed = (i: number): number => (i * 7919) % 1000;

/** What is there before, the command, and whether it does all or nothing. */
const CASES: readonly (readonly [title: string, setup: readonly Word[][], command: Word[], atomic: boolean])[] = [
  ['ZADD of a new small set', [], ['ZADD', 'z', ...members(20, mixed)], true],
  ['ZADD of a new big set', [], ['ZADD', 'z', 1, LONG, 2, BLOB, ...members(200, mixed)], true],
  ['ZADD into a packed set', [['ZADD', 'z', 1, 'a']], ['ZADD', 'z', 2, 'x'.repeat(60)], true],
  [
    'ZADD of another score in a packed set',
    [['ZADD', 'z', 1, 'a', 2, 'b', 3, 'c']],
    ['ZADD', 'z', 2.123456789, 'a'],
    true,
  ],
  ['ZADD that makes a tree', [['ZADD', 'z', ...members(100, mixed)]], ['ZADD', 'z', 5, LONG], true],
  ['ZADD of a blob', [['ZADD', 'z', 1, LONG]], ['ZADD', 'z', 5, BLOB], true],
  ['ZADD that splits leaves', [['ZADD', 'z', ...members(600, mixed)]], ['ZADD', 'z', ...members(900, mixed)], false],
  ['ZADD at the end', [['ZADD', 'z', ...members(672, (i) => i)]], ['ZADD', 'z', 9999, 'last'], true],
  ['ZADD that moves', [['ZADD', 'z', ...members(672, (i) => i)]], ['ZADD', 'z', 9999, 'm5', -5, 'm600'], false],
  ['ZINCRBY', [['ZADD', 'z', ...members(672, (i) => i)]], ['ZINCRBY', 'z', 9999, 'm5'], true],
  ['ZREM', [['ZADD', 'z', ...members(120, mixed)]], ['ZREM', 'z', ...members(60, mixed)], false],
  ['ZREMRANGEBYRANK', [['ZADD', 'z', ...members(100, mixed)]], ['ZREMRANGEBYRANK', 'z', 3, 90], true],
  ['ZPOPMIN', [['ZADD', 'z', ...members(100, mixed)]], ['ZPOPMIN', 'z', 90], false],
  ['ZRANGESTORE, small', [['ZADD', 'z', ...members(50, mixed)]], ['ZRANGESTORE', 't', 'z', 0, -1], true],
  ['ZRANGESTORE, big', [['ZADD', 'z', ...members(400, mixed), 1, BLOB]], ['ZRANGESTORE', 't', 'z', 0, -1], true],
  [
    'ZUNIONSTORE',
    [
      ['ZADD', 'z', ...members(300, mixed), 1, BLOB],
      ['SADD', 't', 'x', 'y', LONG],
    ],
    ['ZUNIONSTORE', 't', 2, 'z', 't'],
    true,
  ],
  ['ZINTERSTORE', [['ZADD', 'z', ...members(20, mixed), 1, LONG]], ['ZINTERSTORE', 't', 2, 'z', 'z'], true],
  ['ZUNION', [['ZADD', 'z', ...members(300, mixed), 1, BLOB]], ['ZUNION', 2, 'z', 'z'], true],
  ['COPY', [['ZADD', 'z', ...members(300, mixed), 1, BLOB]], ['COPY', 'z', 't'], true],
];

function check(engine: TestEngine): string[] {
  const arena = engine.arenas[0]!;
  arena.sync();
  return fsckShard(arena, openDatabases(arena, TYPES));
}

/** Members in order; the table and the tree must have the same. */
function contents(engine: TestEngine): string[] {
  const list = engine.call('ZRANGE', 'z', 0, -1) as string[];
  const [, scanned] = engine.call('ZSCAN', 'z', 0, 'COUNT', 1_000_000) as [string, string[]];
  expect(scanned.filter((_, i) => i % 2 === 0).sort()).toEqual([...list].sort());
  return engine.call('ZRANGE', 'z', 0, -1, 'WITHSCORES') as string[];
}

describe('sorted sets out of memory', () => {
  test.each(CASES)('%s', { timeout: 60_000 }, (_title, setup, command, atomic) => {
    for (let n = 0; ; n++) {
      expect(n).toBeLessThan(3000);
      const engine = new TestEngine(1);
      engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = 128;
      engine.control.f64[CONTROL_F64.zsetMaxListpackValue] = 64;
      for (const words of setup) engine.call(...words);
      const before = contents(engine);
      const keys = engine.call('DBSIZE');
      failing.after = n;
      const reply = engine.run(...command);
      const enough = failing.after >= 0;
      failing.after = Number.POSITIVE_INFINITY;
      expect(check(engine), `allocation ${n}`).toEqual([]);
      const after = contents(engine);
      if (enough) {
        expect(reply).not.toMatch(/^-/);
        break;
      }
      if (reply.startsWith('-')) expect(reply).toBe('-OOM sherd is out of memory for this shard\r\n');
      if (atomic && reply.startsWith('-')) {
        expect(after, `allocation ${n}`).toEqual(before);
        expect(engine.call('DBSIZE')).toBe(keys);
      }
      engine.call('FLUSHALL');
      while (engine.executor.idleWork(10_000, 0));
      expect(check(engine), `allocation ${n}, emptied`).toEqual([]);
      // One in seven of the many allocations of a long command is enough.
      if (n > 60) n += 6;
    }
  });
});
