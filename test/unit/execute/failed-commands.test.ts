/**
 * Commands that fail in the middle, with each of their allocations in turn: what was recorded, replayed elsewhere,
 * gives the same data; nothing is lost or leaked; who watches a key learns of it.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { runQueue } from '../../../src/shard/commands/transactions/transactions.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word, wordsToArgs } from '../engine-harness.js';

const failing = vi.hoisted(() => ({ after: Number.POSITIVE_INFINITY, withBug: false }));

vi.mock('../../../src/shared/memory/slab.js', async (original) => {
  const slab = await original<typeof import('../../../src/shared/memory/slab.js')>();
  return {
    ...slab,
    alloc: (...args: Parameters<typeof slab.alloc>) => {
      if (failing.after-- <= 0) throw failing.withBug ? new RangeError('a bug') : new ArenaFullError(0);
      return slab.alloc(...args);
    },
  };
});

afterEach(() => {
  failing.after = Number.POSITIVE_INFINITY;
  failing.withBug = false;
});

const LONG = 'v'.repeat(100);
const BLOB = 'b'.repeat(20_000);
const names = (n: number, prefix = 'm'): string[] => Array.from({ length: n }, (_, i) => `${prefix}${i}`);
const pairs = (n: number): Word[] => names(n, 'k').flatMap((name) => [name, LONG]);

/** What is there before, and the commands that run as one: alone, or as a transaction. */
const CASES: readonly (readonly [title: string, setup: readonly Word[][], ...commands: Word[][]])[] = [
  ['MSET', [['SET', 'k1', 'old']], ['MSET', ...pairs(12)]],
  ['MSETNX', [], ['MSETNX', ...pairs(6)]],
  ['APPEND', [['SET', 'k', LONG]], ['APPEND', 'k', BLOB]],
  ['SETRANGE', [['SET', 'k', 'x', 'EX', 1000]], ['SETRANGE', 'k', 9000, 'y']],
  ['RPUSH', [['RPUSH', 'l', ...names(100)]], ['RPUSH', 'l', ...names(900, LONG), BLOB]],
  ['LINSERT', [['RPUSH', 'l', ...names(1500, 'n')]], ['LINSERT', 'l', 'AFTER', 'n700', BLOB]],
  ['LMOVE', [['RPUSH', 'l', BLOB, 'b']], ['LMOVE', 'l', 'other', 'LEFT', 'RIGHT']],
  ['SADD', [['SADD', 's', ...names(100)]], ['SADD', 's', ...names(400, 'x'), BLOB]],
  [
    'SUNIONSTORE',
    [
      ['SADD', 's', ...names(200)],
      ['SADD', 't', 1, 2, BLOB],
      ['SET', 'd', 'old'],
    ],
    ['SUNIONSTORE', 'd', 's', 't'],
  ],
  ['SPOP', [['SADD', 's', ...names(600)]], ['SPOP', 's', 560]],
  ['ZADD', [['ZADD', 'z', 1, 'a']], ['ZADD', 'z', ...names(200).flatMap((name, i) => [i, name])]],
  ['ZUNIONSTORE', [['ZADD', 'z', 1, 'a', 2, BLOB]], ['ZUNIONSTORE', 'd', 1, 'z']],
  ['HSET', [['HSET', 'h', 'a', '1']], ['HSET', 'h', ...pairs(80), 'big', BLOB]],
  ['HSETEX', [['HSET', 'h', 'a', '1']], ['HSETEX', 'h', 'EX', 1000, 'FIELDS', 3, 'a', '2', 'b', BLOB, 'c', '3']],
  ['HEXPIRE', [['HSET', 'h', ...pairs(200)]], ['HEXPIRE', 'h', 1000, 'FIELDS', 3, 'k1', 'k2', 'k3']],
  ['XADD', [['XADD', 'x', '1-1', 'f', 'v']], ['XADD', 'x', 'MAXLEN', 2, '2-2', 'f', BLOB]],
  [
    'XREADGROUP',
    [
      ['XADD', 'x', '1-1', 'f', 'v'],
      ['XADD', 'x', '1-2', 'f', 'v'],
      ['XGROUP', 'CREATE', 'x', 'g', '0'],
    ],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'x', '>'],
  ],
  ['COPY', [['HSET', 'h', ...pairs(200)]], ['COPY', 'h', 'h2', 'DB', 2, 'REPLACE']],
  ['MOVE', [['RPUSH', 'l', BLOB]], ['MOVE', 'l', 3]],
  ['RENAME', [['RPUSH', 'l', BLOB]], ['RENAME', 'l', LONG + LONG]],
  ['SORT', [['RPUSH', 'l', ...names(300)]], ['SORT', 'l', 'ALPHA', 'STORE', 'd']],
  ['BITOP', [['SET', 'a', BLOB]], ['BITOP', 'NOT', 'd', 'a']],
  ['PFADD', [], ['PFADD', 'p', ...names(300)]],
  ['GEOADD', [], ['GEOADD', 'g', ...names(40).flatMap((name, i) => [i, i, name])]],
  ['EXEC', [['SET', 'k1', 'old']], ['MSET', ...pairs(5)], ['RPUSH', 'l', BLOB, LONG], ['HSET', 'h', 'f', BLOB]],
];

const client = { id: 1, db: 0, proto: 2, flags: 0 } as const;

/** Runs commands in one piece, as EXEC does. */
function exec(engine: TestEngine, commands: readonly Word[][]): void {
  const heads = commands.flatMap((words) => [
    engine.registry.idOf(String(words[0]).toLowerCase()),
    words.length,
    client.db,
  ]);
  const args = wordsToArgs(commands.flat());
  runQueue({ heads: Int32Array.from(heads), commands: commands.length, keys: new Int32Array(0), keyCount: 0 });
  engine.runArgs('transaction|queue', args);
}

describe.each(CASES.map(([title, setup, ...commands]) => ({ title, setup, commands })))(
  '#12 $title that fails in the middle',
  ({ title, setup, commands }) => {
    test.each([false, true])('is told to whoever replays effects (a bug: %s)', (withBug) => {
      const engine = new TestEngine(title === 'EXEC' ? 1 : 2);
      const copy = new TestEngine();
      engine.reports = withBug;
      engine.record();
      for (let after = 0; ; after = after < 40 ? after + 1 : after * 2) {
        for (const each of [engine, copy]) {
          for (const words of [['FLUSHALL'], ...setup]) each.call(...words);
          while (each.executor.idleWork(10_000, 0));
        }
        engine.recorded();
        failing.withBug = withBug;
        failing.after = after;
        if (title === 'EXEC') exec(engine, commands);
        else for (const words of commands) engine.run(...words);
        const failed = failing.after < 0;
        failing.after = Number.POSITIVE_INFINITY;
        for (const { args, db } of engine.effects.take()) {
          copy.db = db;
          // MULTI and EXEC are nothing to an engine.
          if (args.length > 1) expect(copy.call(...args), `after ${after}`).not.toBeInstanceOf(Error);
        }
        copy.db = 0;
        expect(copy.call('DEBUG', 'DIGEST'), `after ${after}`).toBe(engine.call('DEBUG', 'DIGEST'));
        if (!failed) break;
      }
    });
  },
);

test('#12 a transaction does not go through when a command on a watched key failed in the middle', () => {
  const engine = new TestEngine();
  engine.runArgs('watch', wordsToArgs(['WATCH', 'k3']));
  expect(engine.control.i32[CONTROL.watchedKeys]).toBe(1);
  failing.after = 6;
  expect(engine.run('MSET', ...pairs(12))).toMatch(/^-OOM/);
  failing.after = Number.POSITIVE_INFINITY;
  const meta = Buffer.alloc(4 * 4);
  meta.writeInt32LE(1, 0);
  expect(engine.runArgs('transaction|changed', wordsToArgs(['EXEC', meta, 'k3']))).toBe(':1\r\n');
});
