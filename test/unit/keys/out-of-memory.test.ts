/** Keys that are copied and renamed with the n-th allocation failing, for every n: nothing is lost or leaked (#12). */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
import { TestEngine } from '../engine-harness.js';

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

/** An embedded string that has no room beside the key of that length. */
const LONG = 'v'.repeat(15_000);
const LONG_KEY = 'k'.repeat(8_000);

describe.each(['COPY', 'RENAME'])('%s to a key that is too long for the value to stay in the entry', (command) => {
  test('leaves nothing behind when memory runs out', () => {
    const engine = new TestEngine(1);
    const arena = engine.arenas[0]!;
    for (let n = 0; ; n++) {
      expect(n).toBeLessThan(20);
      engine.call('FLUSHALL');
      engine.call('SET', 'k', LONG);
      failing.after = n;
      const reply = engine.run(command, 'k', LONG_KEY);
      const enough = failing.after >= 0;
      failing.after = Number.POSITIVE_INFINITY;
      arena.sync();
      expect(fsckShard(arena, openDatabases(arena, TYPES)), `allocation ${n}`).toEqual([]);
      if (enough) {
        expect(reply).not.toMatch(/^-/);
        expect(engine.call('GET', LONG_KEY)).toBe(LONG);
        break;
      }
      expect(engine.call('GET', 'k')).toBe(LONG);
    }
  });
});
