import { afterEach, describe, expect, it } from 'vitest';
import { activeExpire } from '../../../src/shard/keyspace/active-expiry.js';
import { STAT } from '../../../src/shared/stats/stats-layout.js';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { beginPause, endPause, PAUSE } from '../../../src/shared/sync/pause.js';
import { KeysEngine } from './keys-engine.js';

let last: KeysEngine | null = null;

function newEngine(shards: number): KeysEngine {
  last = new KeysEngine(shards);
  return last;
}

afterEach(() => {
  expect(last?.unannounced() ?? []).toEqual([]);
});

/** One slice on the only shard. */
function slice(engine: KeysEngine, budgetUs = 200): boolean {
  engine.ctx.leases.takeShard(0);
  engine.ctx.refresh();
  engine.ctx.useShard(0);
  const more = activeExpire(engine.ctx, budgetUs);
  engine.ctx.leases.giveAll();
  return more;
}

describe('active expiry', () => {
  it('removes every due key of every database in bounded slices, and no other', () => {
    const engine = newEngine(1);
    const now = engine.ctx.nowMs;
    for (let i = 0; i < 6000; i++) {
      engine.put(`due${i}`, 'v', now + 600_000 + i);
      engine.put(`later${i}`, 'v', now + 10_000_000);
      if (i % 10 === 0) engine.put(`for ever${i}`, 'v');
      if (i % 100 === 0) engine.put(`due${i}`, 'v', now + 500_000, 9);
    }
    expect(slice(engine)).toBe(false);
    expect(engine.count()).toBe(12600);
    engine.advance(700_000);
    let slices = 1;
    while (slice(engine)) if (++slices > 10_000) throw new Error('it does not end');
    expect(engine.count()).toBe(6600);
    expect(engine.count(9)).toBe(0);
    expect(engine.ctx.stats.f64[STAT.expiredActiveKeys]).toBe(6060);
    expect(engine.ctx.stats.f64[STAT.expiredKeys]).toBe(6060);
    const dict = engine.ctx.keyspaces[0]![0]!.dict;
    expect(dict.volatileCount).toBe(6000);
    for (let i = 0; i < 6000; i++) if (engine.get(`later${i}`) === null) throw new Error(`later${i} is lost`);
    expect(slices).toBeGreaterThan(1);
  });

  it('finds keys that become due after it has raised the bounds of their tables', () => {
    const engine = newEngine(1);
    const now = engine.ctx.nowMs;
    for (let i = 0; i < 2000; i++) engine.put(`k${i}`, 'v', now + 60_000 * (1 + (i % 10)));
    for (let minute = 1; minute <= 10; minute++) {
      engine.advance(minute === 1 ? 61_000 : 60_000);
      while (slice(engine));
      expect(engine.count()).toBe(2000 - minute * 200);
    }
  });

  it('rests while it is switched off or clients are paused', () => {
    const engine = newEngine(1);
    engine.put('k', 'v', engine.ctx.nowMs + 1);
    engine.advance(10);
    engine.control.i32[CONTROL.activeExpire] = 0;
    expect(slice(engine)).toBe(false);
    engine.control.i32[CONTROL.activeExpire] = 1;
    beginPause(engine.control, PAUSE.write, 60_000);
    expect(slice(engine)).toBe(false);
    expect(engine.count()).toBe(1);
    endPause(engine.control);
    slice(engine);
    expect(engine.count()).toBe(0);
  });

  it('records DEL and the event in the database of the key', () => {
    const engine = newEngine(1);
    engine.put('k', 'v', engine.ctx.nowMs + 1, 7);
    engine.record(true);
    engine.advance(10);
    slice(engine);
    expect(engine.recorded()).toEqual(['7: DEL k', '7 event expired k']);
  });
});
