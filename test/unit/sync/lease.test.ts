import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { LEASE_WORDS, Lease } from '../../../src/shared/sync/lease.js';

const DIST = new URL('../../../dist/modules/shared/sync/', import.meta.url).href;

function words(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * (LEASE_WORDS + 8)));
}

function spawn(source: string, workerData: object): { worker: Worker; exit: Promise<number> } {
  const worker = new Worker(source, { eval: true, workerData: { ...workerData, dist: DIST } });
  const exit = new Promise<number>((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  return { worker, exit };
}

describe('lease', () => {
  test('is held by one thread, which is known by its id', () => {
    const lease = new Lease(words(), 0);
    expect(lease.tryAcquire(7)).toBe(true);
    expect(lease.tryAcquire(8)).toBe(false);
    expect(lease.holder()).toBe(7);
    expect(lease.release()).toBe(false);
    expect(lease.holder()).toBe(0);
  });

  test('refuses to be taken twice by one thread and to be released while free', () => {
    const lease = new Lease(words(), 0);
    lease.acquire(3);
    expect(() => lease.acquire(3)).toThrow('already');
    lease.release();
    expect(() => lease.release()).toThrow('free');
  });

  test('gives up waiting after the time allowed, and then says that it is wanted', () => {
    const lease = new Lease(words(), 0);
    lease.acquire(3);
    expect(lease.acquireWithin(4, 20)).toBe(false);
    expect(lease.wanted()).toBe(true);
    // Nobody is left to be woken.
    expect(lease.release()).toBe(false);
    expect(lease.wanted()).toBe(false);
  });

  test('is broken for its holder only', () => {
    const lease = new Lease(words(), 0);
    lease.acquire(3);
    expect(lease.breakIfHeldBy(4)).toBe(false);
    expect(lease.breakIfHeldBy(3)).toBe(true);
    expect(lease.tryAcquire(4)).toBe(true);
  });

  test('excludes: four threads count with plain adds and lose nothing', async () => {
    const i32 = words();
    const rounds = 20_000;
    const source = `
      const { workerData } = require('node:worker_threads');
      import(workerData.dist + 'lease.js').then(({ Lease }) => {
        const lease = new Lease(workerData.i32, 0);
        for (let i = 0; i < workerData.rounds; i++) {
          lease.acquire(workerData.id);
          workerData.i32[8] = workerData.i32[8] + 1;
          const handoffs = lease.handoffs();
          if (lease.release() && (i & 63) === 0) lease.letWaiterIn(handoffs, 1);
        }
      });`;
    const threads = [1, 2, 3, 4].map((id) => spawn(source, { i32, id, rounds }));
    await Promise.all(threads.map((t) => t.exit));
    expect(i32[8]).toBe(4 * rounds);
    expect(new Lease(i32, 0).holder()).toBe(0);
  });

  test('of a terminated thread is broken, and a waiter gets it', async () => {
    const i32 = words();
    const holder = spawn(
      `const { workerData } = require('node:worker_threads');
       import(workerData.dist + 'lease.js').then(({ Lease }) => {
         new Lease(workerData.i32, 0).acquire(5);
         workerData.i32[9] = 1;
         for (;;);
       });`,
      { i32 },
    );
    while (Atomics.load(i32, 9) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const waiter = spawn(
      `const { workerData } = require('node:worker_threads');
       import(workerData.dist + 'lease.js').then(({ Lease }) => {
         const lease = new Lease(workerData.i32, 0);
         lease.acquire(6);
         workerData.i32[10] = lease.holder();
         lease.release();
       });`,
      { i32 },
    );
    await holder.worker.terminate();
    expect(new Lease(i32, 0).breakIfHeldBy(5)).toBe(true);
    await waiter.exit;
    expect(i32[10]).toBe(6);
  });
});
