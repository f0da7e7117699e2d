/**
 * bee-queue: jobs, delays, retries, stalled jobs. It brings a client of its own (node_redis 3), waits in BRPOPLPUSH,
 * speaks over PUBLISH and raises delayed jobs by Lua.
 */
import BeeQueue from 'bee-queue';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

interface Data {
  n: number;
}

type Job = BeeQueue.Job<Data>;

describe.each(ONE_SETUP)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let names = 0;
  let opened: BeeQueue<Data>[] = [];
  beforeAll(async () => {
    server = await startSherd(setup);
  });
  afterEach(async () => {
    await Promise.all(opened.map((each) => each.close(1000)));
    opened = [];
  });
  afterAll(() => checkAndStop(server));

  async function open(name: string, settings: BeeQueue.QueueSettings = {}): Promise<BeeQueue<Data>> {
    const redis = { host: '127.0.0.1', port: server.port };
    const queue = new BeeQueue<Data>(name, { redis, delayedDebounce: 5, ...settings });
    opened.push(queue);
    return queue.ready();
  }
  /** The end of a job as its creator hears of it. */
  const ended = (job: Job): Promise<unknown> =>
    new Promise((resolve) => {
      job.on('succeeded', resolve);
      job.on('failed', (error) => resolve(`failed: ${error.message}`));
    });
  const untilHealth = async (queue: BeeQueue<Data>, expected: Partial<BeeQueue.HealthCheckResult>): Promise<void> => {
    await until(`${JSON.stringify(expected)}`, async () => {
      const health = (await queue.checkHealth()) as unknown as Record<string, unknown>;
      return Object.entries(expected).every(([state, count]) => health[state] === count);
    });
  };

  test('workers share the jobs of a queue, tell of their progress and of their results', async () => {
    const name = `q${names++}`;
    const creator = await open(name, { isWorker: false });
    for (let i = 0; i < 2; i++) {
      (await open(name)).process(3, async (job: Job) => {
        job.reportProgress({ at: job.data.n });
        if (job.data.n === 7) throw new Error('seven');
        return job.data.n * job.data.n;
      });
    }
    const jobs = Array.from({ length: 12 }, (_, n) => creator.createJob({ n }));
    const progress: unknown[] = [];
    for (const job of jobs) job.on('progress', (value) => progress.push(value.at));
    const results = Promise.all(jobs.map(ended));
    const errors = await creator.saveAll(jobs);
    expect(errors.size).toBe(0);
    expect(await results).toEqual(Array.from({ length: 12 }, (_, n) => (n === 7 ? 'failed: seven' : n * n)));
    expect(progress.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 12 }, (_, n) => n));
    await untilHealth(creator, { waiting: 0, active: 0, succeeded: 11, failed: 1 });
    const [failed] = await creator.getJobs('failed', { size: 10 });
    expect(failed?.data).toEqual({ n: 7 });
    expect(await creator.getJob(jobs[3]!.id)).toMatchObject({ data: { n: 3 }, status: 'succeeded' });
  });

  test('a failed job is tried again, at once or after its backoff', async () => {
    const name = `q${names++}`;
    const creator = await open(name, { isWorker: false, getEvents: true });
    const worker = await open(name, { activateDelayedJobs: true });
    const attempts: Record<number, number> = {};
    worker.process(async (job: Job) => {
      attempts[job.data.n] = (attempts[job.data.n] ?? 0) + 1;
      if (attempts[job.data.n]! < 3) throw new Error(`attempt ${attempts[job.data.n]}`);
      return 'at last';
    });
    const at = creator.createJob({ n: 1 }).retries(2);
    const after = creator.createJob({ n: 2 }).retries(5).backoff('fixed', 20);
    const weak = creator.createJob({ n: 3 }).retries(1);
    let retries = 0;
    after.on('retrying', () => retries++);
    const results = Promise.all([at, after, weak].map(ended));
    for (const job of [at, after, weak]) await job.save();
    expect(await results).toEqual(['at last', 'at last', 'failed: attempt 2']);
    expect(attempts).toEqual({ 1: 3, 2: 3, 3: 2 });
    expect(retries).toBe(2);
  });

  test('delayed jobs run when their time has come, the earliest first', async () => {
    const name = `q${names++}`;
    const creator = await open(name, { isWorker: false });
    const worker = await open(name, { activateDelayedJobs: true });
    const order: number[] = [];
    const early: number[] = [];
    const due: number[] = [];
    worker.process(async (job: Job) => {
      order.push(job.data.n);
      if (Date.now() < due[job.data.n]!) early.push(job.data.n);
    });
    const now = Date.now();
    const jobs = [120, 60, 60_000].map((delay, n) => {
      due.push(now + delay);
      return creator.createJob({ n }).delayUntil(now + delay);
    });
    const results = Promise.all(jobs.slice(0, 2).map(ended));
    for (const job of jobs) await job.save();
    await results;
    expect([order, early]).toEqual([[1, 0], []]);
    await untilHealth(creator, { delayed: 1, succeeded: 2 });
    await jobs[2]!.remove();
    await untilHealth(creator, { delayed: 0, succeeded: 2 });
  });

  test('the job of a worker that died is found to be stalled and given to another', async () => {
    const name = `q${names++}`;
    const creator = await open(name, { isWorker: false });
    const job = creator.createJob({ n: 5 });
    const result = ended(job);
    await job.save();
    // What a worker does that dies as soon as it has the job.
    const dead = await server.client();
    expect(await dead.ok('BRPOPLPUSH', `bq:${name}:waiting`, `bq:${name}:active`, 1)).toBe(job.id);
    const other = await open(name, { stallInterval: 50 });
    other.process(async (one: Job) => one.data.n + 1);
    let stalled = 0;
    await until('stalled', async () => (stalled += await other.checkStalledJobs()) > 0);
    expect([stalled, await result]).toEqual([1, 6]);
  });

  test('a queue that is destroyed leaves no key behind', async () => {
    const name = `q${names++}`;
    const queue = await open(name);
    await Promise.all([1, 2, 3].map((n) => queue.createJob({ n }).setId(`id${n}`).save()));
    const client = await server.client();
    expect(await client.ok('HLEN', `bq:${name}:jobs`)).toBe(3);
    // A job whose id is taken is not added.
    expect((await queue.createJob({ n: 9 }).setId('id1').save()).id).toBeNull();
    await queue.destroy();
    expect(await client.ok('KEYS', `bq:${name}:*`)).toEqual([]);
  });
});
