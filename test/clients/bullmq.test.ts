/**
 * BullMQ: queues, delays, schedulers, flows, rate limits, recovery of stalled jobs; over ioredis and over node-redis.
 * Its scripts name keys that they were not given, wait in BZPOPMIN and read event streams that they write.
 */
import { FlowProducer, type Job, Queue, QueueEvents, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, SETUPS } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

type Processor = (job: Job) => Promise<unknown>;
const CONNECTIONS = ['ioredis', 'node-redis'] as const;

describe.each(SETUPS.map((setup, i) => ({ ...setup, library: CONNECTIONS[i]! })))(
  'over $library, with $shards shards, --dispatch $dispatch',
  (setup) => {
    let server: TestServer;
    let clients: LibraryClients;
    let names = 0;
    let opened: { close: () => Promise<void> }[] = [];
    beforeAll(async () => {
      server = await startSherd(setup);
      clients = new LibraryClients(server);
    });
    afterEach(async () => {
      // Workers first: their jobs end while everything they use is there.
      for (const each of opened.reverse()) await each.close();
      opened = [];
      clients.close();
    });
    afterAll(() => checkAndStop(server));

    const open = <T extends { close: () => Promise<void> }>(made: T): T => {
      opened.push(made);
      return made;
    };
    /** A connection of its own; its user duplicates it for what waits. BullMQ's types know one version of ioredis. */
    const connection = async (): Promise<never> =>
      (setup.library === 'ioredis'
        ? clients.ioredis({ maxRetriesPerRequest: null })
        : await clients.nodeRedis()) as never;
    const newQueue = async (): Promise<Queue> => open(new Queue(`q${names++}`, { connection: await connection() }));
    const newWorker = async (queue: Queue, processor: Processor, options: Partial<WorkerOptions> = {}) =>
      open(new Worker(queue.name, processor, { connection: await connection(), ...options }));
    const newEvents = async (queue: Queue): Promise<QueueEvents> => {
      const events = open(new QueueEvents(queue.name, { connection: await connection() }));
      await events.waitUntilReady();
      return events;
    };
    const untilCounts = async (queue: Queue, expected: Record<string, number>): Promise<void> => {
      await until(`${JSON.stringify(expected)}`, async () => {
        const counts = await queue.getJobCounts();
        return Object.entries(expected).every(([state, count]) => counts[state] === count);
      });
    };

    test('several workers share the jobs of a queue; each runs once and its result arrives', async () => {
      const queue = await newQueue();
      const events = await newEvents(queue);
      const seen: number[] = [];
      for (let i = 0; i < 3; i++) {
        await newWorker(
          queue,
          async (job) => {
            seen.push(job.data.n);
            await job.updateProgress(50);
            return job.data.n * 2;
          },
          { concurrency: 2 },
        );
      }
      const progress = new Set<string>();
      events.on('progress', ({ jobId }) => progress.add(jobId));
      const added = await queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'double', data: { n } })));
      const results = await Promise.all(added.map((job) => job.waitUntilFinished(events, 10_000)));
      expect(results).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
      expect(seen.sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, n) => n));
      await untilCounts(queue, { completed: 20, active: 0, waiting: 0 });
      await until('all progress', async () => progress.size === 20);
      expect((await queue.getCompleted()).length).toBe(20);
    });

    test('jobs run by priority, also last in first out, and not while the queue is paused', async () => {
      const queue = await newQueue();
      await queue.pause();
      await queue.add('plain', {});
      await queue.add('low', {}, { priority: 10 });
      await queue.add('high', {}, { priority: 1 });
      await queue.add('first', {}, { lifo: true });
      const order: string[] = [];
      await newWorker(queue, async (job) => order.push(job.name));
      expect(await queue.isPaused()).toBe(true);
      expect(order).toEqual([]);
      await queue.resume();
      await untilCounts(queue, { completed: 4 });
      expect(order).toEqual(['first', 'plain', 'high', 'low']);
      await queue.obliterate();
      expect(await clients.ioredis().keys(`bull:${queue.name}:*`)).toEqual([]);
    });

    test('a failed job is tried again after its backoff, as often as it may be', async () => {
      const queue = await newQueue();
      const attempts: Record<string, number> = {};
      await newWorker(queue, async (job) => {
        attempts[job.name] = (attempts[job.name] ?? 0) + 1;
        if (job.name === 'hopeless') throw new UnrecoverableError('no');
        if (job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
        return 'at last';
      });
      const options = { attempts: 3, backoff: { type: 'fixed', delay: 20 } };
      const job = await queue.add('stubborn', {}, options);
      const weak = await queue.add('weak', {}, { attempts: 2 });
      await queue.add('hopeless', {}, options);
      await untilCounts(queue, { completed: 1, failed: 2, delayed: 0 });
      expect(attempts).toEqual({ stubborn: 3, weak: 2, hopeless: 1 });
      expect((await queue.getJob(job.id!))?.returnvalue).toBe('at last');
      const failed = (await queue.getJob(weak.id!))!;
      expect([failed.failedReason, failed.stacktrace?.length]).toEqual(['attempt 1', 2]);
      await failed.retry();
      await untilCounts(queue, { completed: 2, failed: 1 });
    });

    test('delayed jobs run when their time has come, or when they are promoted', async () => {
      const queue = await newQueue();
      const order: string[] = [];
      const late: number[] = [];
      await newWorker(queue, async (job) => {
        order.push(job.name);
        if (job.opts.delay !== 60_000) late.push(Date.now() - job.timestamp - job.opts.delay!);
      });
      const far = await queue.add('far', {}, { delay: 60_000 });
      await queue.add('second', {}, { delay: 120 });
      await queue.add('first', {}, { delay: 40 });
      expect(await queue.getDelayedCount()).toBe(3);
      await untilCounts(queue, { completed: 2 });
      expect(order).toEqual(['first', 'second']);
      expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
      await far.promote();
      await untilCounts(queue, { completed: 3, delayed: 0 });
    });

    test('a scheduler makes jobs again and again until its limit; a removed one makes none', async () => {
      const queue = await newQueue();
      const runs: string[] = [];
      await newWorker(queue, async (job) => runs.push(`${job.name} ${job.data.of}`));
      await queue.upsertJobScheduler('often', { every: 40, limit: 3 }, { name: 'tick', data: { of: 'often' } });
      await queue.upsertJobScheduler('yearly', { pattern: '0 0 1 1 *' }, { name: 'tock', data: {} });
      expect(await queue.getJobSchedulersCount()).toBe(2);
      await until('three ticks', async () => runs.length === 3);
      expect(runs).toEqual(['tick often', 'tick often', 'tick often']);
      expect((await queue.getJobScheduler('yearly'))?.pattern).toBe('0 0 1 1 *');
      await untilCounts(queue, { completed: 3, delayed: 1 });
      expect(await queue.removeJobScheduler('yearly')).toBe(true);
      await untilCounts(queue, { completed: 3, delayed: 0 });
    });

    test('the parent of a flow runs after its children, of several queues, with what they returned', async () => {
      const [parts, others, whole] = [await newQueue(), await newQueue(), await newQueue()];
      const flows = open(new FlowProducer({ connection: await connection() }));
      for (const queue of [parts, others]) {
        await newWorker(queue, async (job) => {
          if (job.name === 'broken') throw new Error('broken');
          return job.data.n;
        });
      }
      const sum = async (job: Job): Promise<number> =>
        Object.values(await job.getChildrenValues<number>()).reduce((total, n) => total + n, 0);
      await newWorker(whole, sum);
      const events = await newEvents(whole);
      const child = (queue: Queue, n: number) => ({ name: 'part', data: { n }, queueName: queue.name });
      const tree = await flows.add({
        name: 'sum',
        queueName: whole.name,
        children: [
          child(parts, 1),
          child(parts, 2),
          { name: 'sub', queueName: whole.name, children: [child(others, 10), child(parts, 30)] },
        ],
      });
      expect(await tree.job.waitUntilFinished(events, 10_000)).toBe(43);
      const doomed = await flows.add({
        name: 'sum',
        queueName: whole.name,
        children: [
          { name: 'broken', data: {}, queueName: parts.name, opts: { failParentOnFailure: true } },
          child(others, 1),
        ],
      });
      await expect(doomed.job.waitUntilFinished(events, 10_000)).rejects.toThrow('failed');
    });

    test('the limit of a queue holds for all its workers together', async () => {
      const queue = await newQueue();
      const taken: number[] = [];
      const started: number[] = [];
      const limiter = { max: 2, duration: 100 };
      await queue.addBulk(Array.from({ length: 6 }, (_, n) => ({ name: 'limited', data: n })));
      for (let i = 0; i < 2; i++) {
        const note = async (job: Job): Promise<number> => taken.push(job.processedOn!) + started.push(Date.now());
        await newWorker(queue, note, { limiter, concurrency: 3 });
      }
      await untilCounts(queue, { completed: 6 });
      // Six at two per 100 ms need two whole waits after the first was taken.
      expect(Math.max(...started) - Math.min(...taken)).toBeGreaterThanOrEqual(195);
    });

    test('the job of a worker that died is given to another, and fails when that happens too often', async () => {
      const queue = await newQueue();
      const events = await newEvents(queue);
      const stalled: string[] = [];
      events.on('stalled', ({ jobId }) => stalled.push(jobId));
      const dead = await newWorker(queue, async () => {}, {
        autorun: false,
        lockDuration: 30,
        skipLockRenewal: true,
        skipStalledCheck: true,
      });
      const job = await queue.add('orphan', {});
      expect((await dead.getNextJob('lost token'))?.id).toBe(job.id);
      expect(await job.isActive()).toBe(true);
      const stubborn = await newWorker(queue, async (one) => `${one.name} saved`, { stalledInterval: 40 });
      expect(await job.waitUntilFinished(events, 10_000)).toBe('orphan saved');
      await until('the event', async () => stalled.includes(job.id!));
      // Its old owner cannot end it any more.
      await expect(job.moveToCompleted('late', 'lost token')).rejects.toThrow();
      await stubborn.close();

      const hopeless = await queue.add('hopeless', {});
      expect((await dead.getNextJob('lost token'))?.id).toBe(hopeless.id);
      await newWorker(queue, async () => 'never', { stalledInterval: 40, maxStalledCount: 0 });
      await expect(hopeless.waitUntilFinished(events, 10_000)).rejects.toThrow('stalled');
    });

    test('jobs are deduplicated, logged, cleaned and taken out', async () => {
      const queue = await newQueue();
      const once = { deduplication: { id: 'same', ttl: 30_000 } };
      const [first, second] = [await queue.add('a', {}, once), await queue.add('a', {}, once)];
      expect(second.id).toBe(first.id);
      expect((await queue.add('b', { v: 1 }, { jobId: 'mine' })).id).toBe('mine');
      await queue.add('b', { v: 2 }, { jobId: 'mine' });
      expect(await queue.count()).toBe(2);
      const mine = (await queue.getJob('mine'))!;
      expect(mine.data).toEqual({ v: 1 });
      await mine.log('line 1');
      await mine.log('line 2');
      expect(await queue.getJobLogs('mine')).toEqual({ logs: ['line 1', 'line 2'], count: 2 });
      await mine.remove();
      await newWorker(queue, async () => {});
      await untilCounts(queue, { completed: 1, waiting: 0 });
      expect(await queue.clean(0, 10, 'completed')).toEqual([first.id]);
      await untilCounts(queue, { completed: 0 });
    });
  },
);
