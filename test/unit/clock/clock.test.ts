/** One clock and one source of random numbers for all of src. */
import { afterEach, describe, expect, test } from 'vitest';
import { monotonicMs, setClock, wallMs, wallUsec } from '../../../src/shared/clock.js';
import { random, randomBelow, secretBytes, seedOfThread, seedRandom } from '../../../src/shared/random.js';
import { CONTROL_F64, ControlBlock } from '../../../src/shared/sync/control-block.js';
import { beginPause, isPaused, PAUSE } from '../../../src/shared/sync/pause.js';

afterEach(() => {
  setClock(null);
  seedRandom(null);
});

describe('#12 the clock', () => {
  test('is the one that a test puts in, and the machine again after it', () => {
    let nowMs = 1_700_000_000_000;
    setClock({ wallMs: () => nowMs, monotonicMs: () => nowMs - 1_600_000_000_000 + 0.25 });
    expect([wallMs(), monotonicMs()]).toEqual([1_700_000_000_000, 100_000_000_000.25]);
    nowMs += 5;
    expect(wallUsec()).toBe(1_700_000_000_005_000);
    setClock(null);
    expect(Math.abs(wallMs() - Date.now())).toBeLessThan(60_000);
  });

  test('shows microseconds of the fine clock, unless the machine was set to another time', () => {
    let [wall, fine] = [1_700_000_000_000, 50];
    setClock({ wallMs: () => wall, monotonicMs: () => fine });
    fine += 0.5;
    expect(wallUsec()).toBe(1_700_000_000_000_500);
    wall += 3_600_000;
    expect(wallUsec()).toBe(1_700_003_600_000_000);
  });

  test('of a server carries what a test has added to it, and pauses end by the same clock', () => {
    let nowMs = 1_700_000_000_000;
    setClock({ wallMs: () => nowMs, monotonicMs: () => nowMs });
    const control = ControlBlock.create(1, 1);
    control.f64[CONTROL_F64.clockOffsetMs] = 3_600_000;
    expect(control.nowMs()).toBe(1_700_003_600_000);
    expect(control.nowUsec()).toBe(1_700_003_600_000_000);
    beginPause(control, PAUSE.all, 1000);
    expect(control.f64[CONTROL_F64.pauseUntilMs]).toBe(1_700_003_601_001);
    control.f64[CONTROL_F64.clockOffsetMs] += 1000;
    expect(isPaused(control)).toBe(true);
    nowMs += 1;
    expect(isPaused(control)).toBe(false);
  });
});

describe('#12 random numbers', () => {
  test('repeat with a seed, and do not without one', () => {
    const draw = () => Array.from({ length: 8 }, () => [random(), randomBelow(1000), secretBytes(4).toString('hex')]);
    seedRandom(seedOfThread(7, 3));
    const first = draw();
    seedRandom(seedOfThread(7, 3));
    expect(draw()).toEqual(first);
    seedRandom(seedOfThread(7, 4));
    expect(draw()).not.toEqual(first);
    seedRandom(null);
    expect(draw()).not.toEqual(draw());
  });

  test('of any seed spread evenly', () => {
    for (const seed of [0, 1, 2, 0xffffffff]) {
      seedRandom(seed);
      const counts = new Array(16).fill(0);
      for (let i = 0; i < 32_000; i++) counts[randomBelow(16)] += 1;
      // 2000 each; the standard deviation is 43.
      for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(260);
      expect(Math.max(...Array.from({ length: 1000 }, random))).toBeLessThan(1);
    }
  });

  test('for secrets have memory of their own', () => {
    expect(secretBytes(16).buffer.byteLength).toBe(16);
  });
});
