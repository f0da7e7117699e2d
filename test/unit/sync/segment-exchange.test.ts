import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { SegmentExchange } from '../../../src/shared/sync/segment-exchange.js';

const DIST = new URL('../../../dist/modules/shared/sync/', import.meta.url).href;

const first = (): SharedArrayBuffer => new SharedArrayBuffer(8);

test('a segment that another thread announced is there at once, without a turn of the event loop', async () => {
  const name = `test-${process.pid}-${Math.random()}`;
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const main = new SegmentExchange(name, [[first()]], null);
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     import(workerData.dist + 'segment-exchange.js').then(({ SegmentExchange }) => {
       const exchange = new SegmentExchange(workerData.name, [[workerData.first]], null);
       new Int32Array(exchange.allocate(0, 1))[5] = 4711;
       Atomics.store(workerData.flag, 0, 1);
       Atomics.notify(workerData.flag, 0);
       setTimeout(() => exchange.close(), 50);
     });`,
    { eval: true, workerData: { name, flag, first: first(), dist: DIST } },
  );
  expect(Atomics.wait(flag, 0, 0, 10_000)).not.toBe('timed-out');
  const segment = main.attach(0, 1);
  expect(segment.byteLength).toBe(SEGMENT_BYTES);
  expect(new Int32Array(segment)[5]).toBe(4711);
  expect(main.snapshot()[0]).toHaveLength(2);
  await new Promise((resolve) => worker.on('exit', resolve));
  main.close();
});

test('a late subscriber asks for what was announced before, and keeps the answer', () => {
  const name = `test-${process.pid}-${Math.random()}`;
  const main = new SegmentExchange(name, [[first()], [first()]], null);
  const segment = main.allocate(1, 1);
  const asked: string[] = [];
  const late = new SegmentExchange(name, [[first()], [first()]], (shard, index) => {
    asked.push(`${shard}/${index}`);
    return main.find(shard, index);
  });
  expect(late.attach(1, 1)).toBe(segment);
  expect(late.attach(1, 1)).toBe(segment);
  expect(asked).toEqual(['1/1']);
  expect(() => late.attach(0, 3)).toThrow('nowhere');
  main.close();
  late.close();
});

test('#12 a thread that starts late fetches what it missed at once, and asks nobody when it meets it', () => {
  const name = `test-${process.pid}-${Math.random()}`;
  const main = new SegmentExchange(name, [[first()], [first()]], null);
  const [early, next] = [main.allocate(1, 1), main.allocate(1, 2)];
  let asked = 0;
  const late = new SegmentExchange(name, [[first()], [first()]], (shard, index) => {
    asked++;
    return main.find(shard, index);
  });
  late.prefetch();
  // Two that it missed, and one of each shard that nobody knows.
  expect(asked).toBe(4);
  expect([late.attach(1, 1), late.attach(1, 2)]).toEqual([early, next]);
  const announced = main.allocate(0, 1);
  expect(late.attach(0, 1)).toEqual(announced);
  expect(asked).toBe(4);
  main.close();
  late.close();
});
