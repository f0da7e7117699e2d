/** Commands that make a value, each with its n-th allocation failing, for every n: nothing is leaked (#12). */
import { afterEach, expect, test } from 'vitest';
import { addWaiter, WaiterFields } from '../../../src/shard/blocking/waiters.js';
import { addWatcher } from '../../../src/shard/blocking/watch.js';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
import { FAULT, FAULT_ACTION, FAULT_WORDS, openFaultPoints, POINT } from '../../../src/shared/memory/fault-point.js';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { TestEngine, wordsToArgs } from '../engine-harness.js';

const faults = new Int32Array(new SharedArrayBuffer(FAULT_WORDS * 4));
openFaultPoints(faults, 1, () => new ArenaFullError(0));
afterEach(() => {
  faults[FAULT.point] = 0;
});

/** Commands before, and the one that lacks memory. */
const ROWS: readonly (readonly [before: string, command: string])[] = [
  ['EXISTS k', 'SET k v'],
  ['EXISTS k', 'LPUSH k a b c'],
  ['EXISTS k', 'RPUSH k a'],
  ['LPUSH k a', 'RPUSH k b c d e f g h i j k l m n o p q r s t u v w x y z'],
  ['RPUSH k a b', 'RPOPLPUSH k other'],
  ['RPUSH k a b', 'LMOVE k other LEFT RIGHT'],
  ['EXISTS k', 'HSET k f v g w'],
  ['HSET k f v', 'HPEXPIRE k 100000 FIELDS 1 f'],
  ['EXISTS k', 'SADD k 1 2 3'],
  ['SADD k 1 2', 'SADD k a b'],
  ['SADD k 1 2', 'SUNIONSTORE d k'],
  ['EXISTS k', 'ZADD k 1 a 2 b'],
  ['ZADD k 1 a', 'ZUNIONSTORE d 1 k'],
  ['EXISTS k', 'XADD k 1-1 f v'],
  ['XADD k 1-1 f v', 'XGROUP CREATE k g 0'],
  ['XGROUP CREATE k g 0 MKSTREAM', 'XGROUP CREATECONSUMER k g c'],
  ['EXISTS k', 'PFADD k a b'],
  ['EXISTS k', 'SETBIT k 100000 1'],
  ['EXISTS k', 'GEOADD k 1 1 a'],
  ['SET k v', 'APPEND k more-than-there-is-room-for-in-the-cell-of-the-entry'],
];

test.each(ROWS)('after %s: %s', (before, command) => {
  const engine = new TestEngine(1);
  const arena = engine.arenas[0]!;
  for (let n = 1; ; n++) {
    expect(n).toBeLessThan(40);
    engine.call('FLUSHALL');
    engine.call(...before.split(' '));
    faults[FAULT.reachedBy] = 0;
    faults[FAULT.action] = FAULT_ACTION.fail;
    faults[FAULT.left] = n;
    faults[FAULT.point] = POINT.alloc;
    engine.run(...command.split(' '));
    faults[FAULT.point] = 0;
    arena.sync();
    expect(fsckShard(arena, openDatabases(arena, TYPES)), `allocation ${n}`).toEqual([]);
    if (faults[FAULT.reachedBy] === 0) break;
  }
});

/** Runs `add` for key after key, each at first with its n-th allocation failing, for every n. */
function addWithFailures(engine: TestEngine, keys: number, add: (i: number, key: string) => void): void {
  const arena = engine.arenas[0]!;
  for (let i = 0; i < keys; i++) {
    for (let n = 1; ; n++) {
      expect(n).toBeLessThan(40);
      faults[FAULT.reachedBy] = 0;
      faults[FAULT.action] = FAULT_ACTION.fail;
      faults[FAULT.left] = n;
      faults[FAULT.point] = POINT.alloc;
      try {
        add(i, `key:${i}`);
      } catch (error) {
        expect(error).toBeInstanceOf(ArenaFullError);
      }
      faults[FAULT.point] = 0;
      if (faults[FAULT.reachedBy] === 0) break;
      // What lies in long tables is the same every time.
      if (i % 50 < 2) expect(fsckShard(arena, openDatabases(arena, TYPES)), `key ${i}, allocation ${n}`).toEqual([]);
    }
  }
  expect(fsckShard(arena, openDatabases(arena, TYPES))).toEqual([]);
}

test('a client that begins to watch', () => {
  const engine = new TestEngine(1);
  const clients = [1, 2].map((id) => ({ id, db: 0, proto: 2 as const, flags: 0 }));
  addWithFailures(engine, 600, (i, key) => {
    const bytes = new Uint8Array(Buffer.from(key.padEnd(i % 7 === 0 ? 9000 : 1, 'k')));
    for (const client of clients) addWatcher(engine.control, engine.arenas[0]!, client, 0, bytes, 0, bytes.length);
  });
  expect(engine.control.i32[CONTROL.watchedKeys]).toBe(600);
});

test.each([10, 2000, 40_000])('a client that begins to wait with %d bytes', (bytes) => {
  const engine = new TestEngine(1);
  addWithFailures(engine, bytes === 10 ? 600 : 60, (i, key) => {
    const fields = new WaiterFields();
    const args = wordsToArgs(['BLPOP', 'x'.repeat(bytes), key, 'second']);
    fields.seq = i;
    for (fields.keyIndex = 2; fields.keyIndex < 4; fields.keyIndex++) addWaiter(engine.arenas[0]!, fields, args);
  });
});
