/**
 * The guides' queues: a reliable queue with visibility timeout and requeue by Lua, a queue of lists per worker whose
 * dead workers are found by their heartbeat, a stream's consumer group that claims a dead consumer's entries.
 */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { sleep, until } from '../harness/waiting.js';

/** KEYS ready, taken; ARGV visibility in ms. The next job, hidden from others until its time is over. */
const TAKE = `
local job = redis.call('RPOP', KEYS[1])
if not job then return false end
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1], job)
return job`;

/** KEYS ready, taken. Jobs whose time is over are ready again, before all others; how many. */
const REQUEUE = `
local t = redis.call('TIME')
local late = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', t[1] * 1000 + math.floor(t[2] / 1000))
for _, job in ipairs(late) do
  redis.call('ZREM', KEYS[2], job)
  redis.call('RPUSH', KEYS[1], job)
end
return #late`;

/** Finds workers without heartbeat and gives back what lies in their lists, keys that nobody names beforehand. */
const REAP = `
local moved = 0
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('EXISTS', 'alive:' .. worker) == 0 then
    while redis.call('LMOVE', 'doing:' .. worker, KEYS[2], 'LEFT', 'RIGHT') do moved = moved + 1 end
    redis.call('SREM', KEYS[1], worker)
  end
end
return moved`;

type Scripted = Redis & {
  take(ready: string, taken: string, visibilityMs: number): Promise<string | null>;
  requeue(ready: string, taken: string): Promise<number>;
  reap(workers: string, queue: string): Promise<number>;
};
type Entries = [id: string, fields: string[]][];

describe.each(ONE_SETUP)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let clients: LibraryClients;
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
  });
  afterEach(async () => {
    await clients.ioredis().flushall();
    clients.close();
  });
  afterAll(() => checkAndStop(server));

  const scripts = {
    take: { lua: TAKE, numberOfKeys: 2 },
    requeue: { lua: REQUEUE, numberOfKeys: 2 },
    reap: { lua: REAP, numberOfKeys: 2 },
  };
  const connect = (): Scripted => clients.ioredis({ scripts }) as Scripted;
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `job ${i}`);

  describe('reliable queue', () => {
    test('a job that its worker does not finish in time is done by another; all are done', async () => {
      const jobs = numbered(30);
      const [producer, dead, janitor] = [connect(), connect(), connect()];
      await producer.lpush('ready', ...jobs);
      const lost = [await dead.take('ready', 'taken', 10), await dead.take('ready', 'taken', 10)];
      dead.disconnect();
      expect(lost).toEqual(['job 0', 'job 1']);
      const done: string[] = [];
      const work = async (redis: Scripted): Promise<void> => {
        while (done.length < jobs.length) {
          const job = await redis.take('ready', 'taken', 60_000);
          // Only who still has the job may say that it is done.
          if (job === null) await sleep(2);
          else if ((await redis.zrem('taken', job)) === 1) done.push(job);
        }
      };
      const sweep = async (): Promise<number> => {
        let back = 0;
        while (done.length < jobs.length) {
          back += await janitor.requeue('ready', 'taken');
          await sleep(2);
        }
        return back;
      };
      const [back] = await Promise.all([sweep(), ...[connect(), connect(), connect()].map(work)]);
      expect([back, [...done].sort()]).toEqual([2, [...jobs].sort()]);
      expect(await producer.exists('ready', 'taken')).toBe(0);
    });

    test('who is late finds that the job is not its own any more', async () => {
      const [slow, quick] = [connect(), connect()];
      await slow.lpush('ready', 'job', 'other');
      expect(await slow.take('ready', 'taken', 5)).toBe('job');
      await until('it is given back', async () => (await quick.requeue('ready', 'taken')) === 1);
      expect(await quick.take('ready', 'taken', 60_000)).toBe('job');
      expect(await quick.zrem('taken', 'job')).toBe(1);
      expect(await slow.zrem('taken', 'job')).toBe(0);
      expect(await slow.take('ready', 'taken', 60_000)).toBe('other');
      expect(await slow.take('ready', 'taken', 60_000)).toBe(null);
    });
  });

  test('workers wait in BLMOVE; what a worker without heartbeat had in hand comes back', async () => {
    const jobs = numbered(24);
    const [producer, janitor] = [connect(), connect()];
    const done: string[] = [];
    let isOver = false;
    const worker = async (name: string, diesAfter: number): Promise<void> => {
      const redis = connect();
      await redis.multi().sadd('workers', name).set(`alive:${name}`, '1', 'PX', 60_000).exec();
      for (let had = 0; !isOver; had++) {
        const job = await redis.blmove('jobs', `doing:${name}`, 'RIGHT', 'LEFT', 0.1);
        if (job === null) continue;
        if (had === diesAfter) {
          await redis.pexpire(`alive:${name}`, 5);
          return redis.disconnect();
        }
        await redis.lrem(`doing:${name}`, 1, job);
        done.push(job);
      }
    };
    const workers = [worker('a', 2), worker('b', -1), worker('c', 0), worker('d', -1)];
    await until('all are here', async () => (await janitor.scard('workers')) === 4);
    for (const job of jobs) await producer.lpush('jobs', job);
    let back = 0;
    await until('all is done', async () => {
      back += await janitor.reap('workers', 'jobs');
      return done.length === jobs.length;
    });
    isOver = true;
    await Promise.all(workers);
    expect([...done].sort()).toEqual([...jobs].sort());
    // Both of the dying had got one job too many, if the others left them that many.
    expect(back).toBeLessThanOrEqual(2);
    expect(await producer.keys('doing:*')).toEqual([]);
  });

  describe('consumer group of a stream', () => {
    const read = async (redis: Redis, consumer: string, count: number): Promise<Entries> => {
      const what = ['GROUP', 'workers', consumer, 'COUNT', count, 'BLOCK', 50, 'STREAMS', 'orders', '>'] as const;
      const reply = (await redis.xreadgroup(...what)) as [string, Entries][] | null;
      return reply?.[0]?.[1] ?? [];
    };
    const numbersOf = (entries: Entries): number[] => entries.map(([, fields]) => Number(fields[1]));
    async function fill(redis: Redis, count: number): Promise<void> {
      await redis.xgroup('CREATE', 'orders', 'workers', '$', 'MKSTREAM');
      const pipeline = redis.pipeline();
      for (let i = 0; i < count; i++) pipeline.xadd('orders', '*', 'n', i);
      await pipeline.exec();
    }

    test('each entry goes to one consumer; those of a dead one are claimed and done by the living', async () => {
      const [producer, dead] = [connect(), connect()];
      await fill(producer, 40);
      expect(numbersOf(await read(dead, 'dead', 6))).toEqual([0, 1, 2, 3, 4, 5]);
      dead.disconnect();
      const done: number[] = [];
      let claimed = 0;
      const consume = async (name: string): Promise<void> => {
        const redis = connect();
        while (done.length < 40) {
          const fresh = await read(redis, name, 3);
          // Younger than this is still in somebody's hands.
          const [, old] = (await redis.xautoclaim('orders', 'workers', name, 300, '0', 'COUNT', 2)) as [
            string,
            Entries,
          ];
          claimed += old.length;
          for (const [id, fields] of [...fresh, ...old]) {
            if ((await redis.xack('orders', 'workers', id)) === 1) done.push(Number(fields[1]));
          }
        }
      };
      await Promise.all([consume('a'), consume('b'), consume('c')]);
      expect(done.sort((x, y) => x - y)).toEqual(Array.from({ length: 40 }, (_, i) => i));
      expect(claimed).toBeGreaterThanOrEqual(6);
      expect(await producer.xpending('orders', 'workers')).toEqual([0, null, null, null]);
      expect(await producer.xgroup('DELCONSUMER', 'orders', 'workers', 'dead')).toBe(0);
    });

    test('an entry that was tried too often is put aside', async () => {
      const [a, b] = [connect(), connect()];
      await fill(a, 3);
      const [[poison]] = [await read(a, 'a', 3)] as [Entries];
      // Nobody can do it: from hand to hand, each time counted.
      for (const [redis, name] of [
        [b, 'b'],
        [a, 'a'],
        [b, 'b'],
      ] as const) {
        const got = (await redis.xclaim('orders', 'workers', name, 0, poison![0])) as Entries;
        expect(numbersOf(got)).toEqual([0]);
      }
      const pending = (await a.xpending('orders', 'workers', '-', '+', 10)) as [string, string, number, number][];
      expect(pending.map(([, consumer, , times]) => [consumer, times])).toEqual([
        ['b', 4],
        ['a', 1],
        ['a', 1],
      ]);
      const tooOften = pending.filter(([, , , times]) => times > 3).map(([id]) => id);
      expect(tooOften).toEqual([poison![0]]);
      await a
        .multi()
        .xadd('dead-letters', '*', ...poison![1])
        .xack('orders', 'workers', poison![0])
        .exec();
      expect(numbersOf((await b.xrange('dead-letters', '-', '+')) as Entries)).toEqual([0]);
      // What is its own and not done yet a consumer sees again after it was started anew.
      const own = (await a.xreadgroup('GROUP', 'workers', 'a', 'STREAMS', 'orders', '0')) as [string, Entries][];
      expect(numbersOf(own[0]![1])).toEqual([1, 2]);
    });
  });
});
