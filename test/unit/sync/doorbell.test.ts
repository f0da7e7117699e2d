import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { Doorbell } from '../../../src/shared/sync/doorbell.js';

const DIST = new URL('../../../dist/modules/shared/sync/', import.meta.url).href;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('doorbell', () => {
  test('does not sleep when there is work, and wakes up by itself after the time allowed', () => {
    const bell = new Doorbell(new Int32Array(new SharedArrayBuffer(64)), 0);
    const start = performance.now();
    bell.waitSync({ hasWork: () => true }, 5_000, 0);
    bell.waitSync({ hasWork: () => false }, 20, 10);
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(15);
    expect(took).toBeLessThan(1_000);
  });

  test('never loses a wake-up between a listening event loop and a blocking thread', async () => {
    // word 0: our bell, 16: its bell, 32: number we sent, 48: number it sent
    const i32 = new Int32Array(new SharedArrayBuffer(256));
    const rounds = 20_000;
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       import(workerData.dist + 'doorbell.js').then(({ Doorbell }) => {
         const { i32, rounds } = workerData;
         const mine = new Doorbell(i32, 16), other = new Doorbell(i32, 0);
         let seen = 0;
         const source = { hasWork: () => Atomics.load(i32, 32) !== seen };
         while (seen < rounds) {
           // No safety net here: a lost ring would block until the test's timeout.
           while (!source.hasWork()) mine.waitSync(source, 60000, 0);
           seen++;
           Atomics.store(i32, 48, seen);
           other.ring();
         }
       });`,
      { eval: true, workerData: { i32, rounds, dist: DIST } },
    );
    const exit = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    const mine = new Doorbell(i32, 0);
    const other = new Doorbell(i32, 16);
    let answered = 0;
    const start = performance.now();
    await new Promise<void>((resolve) => {
      mine.listen(() => {
        if (Atomics.load(i32, 48) === answered) return false;
        answered = Atomics.load(i32, 48);
        if (answered === rounds) {
          resolve();
          return true;
        }
        Atomics.store(i32, 32, answered + 1);
        other.ring();
        return true;
      });
      Atomics.store(i32, 32, 1);
      other.ring();
    });
    const took = performance.now() - start;
    mine.close();
    await exit;
    expect(answered).toBe(rounds);
    // The safety look comes once a second: a lost ring per hundred rounds would show.
    expect(took).toBeLessThan(20_000);
  });

  test('keeps one outstanding wait and stops when it is closed', async () => {
    const i32 = new Int32Array(new SharedArrayBuffer(64));
    const bell = new Doorbell(i32, 0);
    let drains = 0;
    bell.listen(() => {
      drains++;
      return false;
    });
    for (let i = 0; i < 50; i++) {
      bell.ring();
      await sleep(1);
    }
    expect(drains).toBeGreaterThan(10);
    // Nobody may wait twice: one notify finds at most one waiter.
    expect(Atomics.notify(i32, 0)).toBeLessThanOrEqual(1);
    await sleep(5);
    bell.close();
    await sleep(5);
    const before = drains;
    bell.ring();
    await sleep(5);
    expect(drains).toBe(before);
    expect(Atomics.notify(i32, 0)).toBe(0);
  });
});
