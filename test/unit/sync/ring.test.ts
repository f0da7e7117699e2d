import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRing, RingConsumer, RingProducer } from '../../../src/shared/sync/ring.js';

const DIST = new URL('../../../dist/modules/shared/sync/', import.meta.url).href;

function fill(u8: Uint8Array, at: number, n: number, seed: number): void {
  for (let i = 0; i < n; i++) u8[at + i] = (seed + i) & 255;
}

function isFilled(u8: Uint8Array, at: number, n: number, seed: number): boolean {
  for (let i = 0; i < n; i++) if (u8[at + i] !== ((seed + i) & 255)) return false;
  return true;
}

describe('ring', () => {
  test('lets its consumer look at records ahead of the one it works on, each once, and take them in turn', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 4, max: 200 }), { minLength: 1, maxLength: 60 }), (sizes) => {
        const sab = createRing(1024);
        for (const word of [0, 1, 16, 17, 18]) new Int32Array(sab)[word] = 0x7fff_ff00;
        const producer = new RingProducer(sab);
        const consumer = new RingConsumer(sab);
        const nameAt = (at: number): number => consumer.i32[at >> 2]!;
        const ahead: number[] = [];
        let put = 0;
        let taken = 0;
        while (taken < sizes.length) {
          for (let at = 0; at >= 0 && put < sizes.length; ) {
            at = producer.reserve(sizes[put]!);
            if (at < 0) break;
            producer.i32[at >> 2] = put++;
            producer.commit();
          }
          producer.publish();
          expect(nameAt(consumer.peek())).toBe(taken);
          consumer.begin(0);
          consumer.lookAhead(true);
          for (let at = consumer.peekAhead(); at >= 0; at = consumer.peekAhead()) {
            ahead.push(nameAt(at));
            consumer.passAhead();
          }
          // The record that is worked on stays that.
          expect(consumer.length).toBe(sizes[taken]);
          consumer.advance();
          taken++;
          consumer.release();
        }
        // What was published only when it was its turn was not ahead.
        expect(ahead).toEqual([...new Set(ahead)].sort((a, b) => a - b));
        expect(ahead.length).toBeGreaterThanOrEqual(sizes.length > 1 && sizes[0]! + sizes[1]! < 200 ? 1 : 0);
      }),
    );
  });

  test('behaves as a bounded queue of byte records, through wraps and re-attached ends', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ op: fc.constant('put' as const), n: fc.integer({ min: 0, max: 248 }) }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant('take' as const), n: fc.integer({ min: 1, max: 8 }) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('publish' as const), n: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('release' as const), n: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('producerDies' as const), n: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('consumerDies' as const), n: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.boolean(), (steps, nearWrap) => {
        const sab = createRing(1024);
        if (nearWrap) {
          // Positions are free-running 32-bit counters: begin just before they turn negative.
          for (const word of [0, 1, 16, 17, 18]) new Int32Array(sab)[word] = 0x7fff_ff00;
        }
        let producer = new RingProducer(sab);
        let consumer = new RingConsumer(sab);
        const committed: { n: number; seed: number }[] = [];
        let visible = 0;
        let seed = 0;
        for (const { op, n } of steps) {
          if (op === 'put') {
            const at = producer.reserve(n);
            if (at < 0) continue;
            fill(producer.u8, at, n, seed);
            producer.commit();
            committed.push({ n, seed: seed++ });
          } else if (op === 'publish') {
            producer.publish();
            visible = committed.length;
          } else if (op === 'take') {
            for (let i = 0; i < n; i++) {
              const at = consumer.peek();
              if (visible === 0) {
                expect(at).toBe(-1);
                break;
              }
              const expected = committed.shift()!;
              visible--;
              expect(consumer.length).toBe(expected.n);
              expect(isFilled(consumer.u8, at, expected.n, expected.seed)).toBe(true);
              consumer.advance();
            }
          } else if (op === 'release') consumer.release();
          else if (op === 'producerDies') {
            // A reservation that was never committed leaves no trace.
            producer.reserve(16);
            producer = new RingProducer(sab);
          } else consumer = new RingConsumer(sab);
        }
        producer.publish();
        for (const expected of committed) {
          const at = consumer.peek();
          expect(isFilled(consumer.u8, at, expected.n, expected.seed)).toBe(true);
          consumer.advance();
        }
        expect(consumer.peek()).toBe(-1);
        consumer.release();
        expect(consumer.empty).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('refuses records beyond a quarter of the ring and reports a full one at the next release', () => {
    const sab = createRing(1024);
    const producer = new RingProducer(sab);
    const consumer = new RingConsumer(sab);
    expect(() => producer.reserve(producer.recordBytesMax + 1)).toThrow('too big');
    let count = 0;
    while (producer.reserve(100) >= 0) {
      producer.commit();
      count++;
    }
    expect(count).toBe(9);
    producer.publish();
    expect(consumer.peek()).toBeGreaterThan(0);
    consumer.advance();
    expect(consumer.release()).toBe(true);
    expect(producer.reserve(100)).toBeGreaterThan(0);
  });

  test('tells a new consumer which record its predecessor died in', () => {
    const sab = createRing(1024);
    const producer = new RingProducer(sab);
    for (let i = 0; i < 3; i++) {
      producer.i32[producer.reserve(8) >> 2] = i;
      producer.commit();
    }
    producer.publish();
    const first = new RingConsumer(sab);
    first.peek();
    first.advance();
    first.peek();
    first.begin(4711);
    const second = new RingConsumer(sab);
    expect(second.interrupted).toBe(true);
    expect(second.interruptedMark).toBe(4711);
    expect(second.interruptedExecuted).toBe(false);
    expect(second.i32[second.peek() >> 2]).toBe(1);
    second.advance();
    expect(new RingConsumer(sab).interrupted).toBe(false);
  });

  test('notices a torn record', () => {
    const sab = createRing(1024);
    const producer = new RingProducer(sab);
    const at = producer.reserve(8);
    producer.commit();
    producer.publish();
    producer.i32[(at >> 2) - 2] = 9;
    expect(() => new RingConsumer(sab).peek()).toThrow('torn');
  });

  test('carries records between two threads in order and whole', async () => {
    const sab = createRing(4096);
    const total = 200_000;
    const source = `
      const { workerData } = require('node:worker_threads');
      import(workerData.dist + 'ring.js').then(({ RingProducer }) => {
        const ring = new RingProducer(workerData.sab);
        let x = 12345;
        for (let i = 0; i < workerData.total; i++) {
          x = (Math.imul(x, 1103515245) + 12345) >>> 0;
          const n = 4 + (x >>> 16) % 300;
          let at;
          while ((at = ring.reserve(n)) < 0) { ring.publish(); ring.waitForRoom(1000); }
          ring.i32[at >> 2] = i;
          ring.u8.fill(i & 255, at + 4, at + n);
          ring.commit();
          if ((i & 7) === 7) ring.publish();
        }
        ring.publish();
      });`;
    const worker = new Worker(source, { eval: true, workerData: { sab, total, dist: DIST } });
    const exit = new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
    const ring = new RingConsumer(sab);
    let next = 0;
    while (next < total) {
      let at = ring.peek();
      for (; at >= 0; at = ring.peek()) {
        if (ring.i32[at >> 2] !== next) throw new Error(`record ${ring.i32[at >> 2]} instead of ${next}`);
        if (ring.length > 4 && ring.u8[at + ring.length - 1] !== (next & 255)) throw new Error('bytes');
        next++;
        ring.advance();
      }
      ring.release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await exit;
    expect(ring.peek()).toBe(-1);
  });
});
