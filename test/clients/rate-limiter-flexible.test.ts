/** rate-limiter-flexible over ioredis and node-redis, several clients against the same points. */
import {
  BurstyRateLimiter,
  type IRateLimiterRedisOptions,
  RateLimiterQueue,
  RateLimiterRedis,
  RateLimiterRes,
  RateLimiterUnion,
} from 'rate-limiter-flexible';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';

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

  describe.each(['ioredis', 'node-redis'])('over %s', (library) => {
    async function limiter(options: Partial<IRateLimiterRedisOptions>): Promise<RateLimiterRedis> {
      const isNode = library === 'node-redis';
      const storeClient = isNode ? await clients.nodeRedis() : clients.ioredis();
      return new RateLimiterRedis({ storeClient, useRedisPackage: isNode, points: 5, duration: 60, ...options });
    }

    test('clients together get as many points as there are', async () => {
      const limiters = await Promise.all([limiter({}), limiter({}), limiter({})]);
      const tries = Array.from({ length: 20 }, (_, i) => limiters[i % 3]!.consume('user'));
      const ends = await Promise.allSettled(tries);
      expect(ends.filter((end) => end.status === 'fulfilled').length).toBe(5);
      const refused = ends.filter((end) => end.status === 'rejected').map((end) => end.reason as RateLimiterRes);
      expect(refused.every((res) => res instanceof RateLimiterRes && res.msBeforeNext > 50_000)).toBe(true);
      expect(await limiters[0]!.consume('another')).toMatchObject({ consumedPoints: 1, remainingPoints: 4 });
      expect(await limiters[1]!.get('user')).toMatchObject({ consumedPoints: 20, remainingPoints: 0 });
      expect(await limiters[1]!.get('nobody')).toBe(null);
    });

    test('points are given back, taken away, set, blocked and deleted', async () => {
      const [a, b] = await Promise.all([limiter({}), limiter({})]);
      await a.consume('u', 4);
      expect(await b.reward('u', 3)).toMatchObject({ consumedPoints: 1 });
      expect(await b.penalty('u', 2)).toMatchObject({ consumedPoints: 3 });
      await a.set('u', 5, 100);
      await expect(b.consume('u')).rejects.toMatchObject({ consumedPoints: 6 });
      await a.block('v', 30);
      await expect(b.consume('v')).rejects.toMatchObject({ remainingPoints: 0 });
      expect(await b.delete('v')).toBe(true);
      expect(await b.delete('v')).toBe(false);
      expect(await a.consume('v')).toMatchObject({ consumedPoints: 1, isFirstInDuration: true });
    });

    test('points come back when their time is over', async () => {
      const [a, b] = await Promise.all([limiter({ points: 1, duration: 1 }), limiter({ points: 1, duration: 1 })]);
      await a.consume('short');
      const { msBeforeNext } = (await b.consume('short').catch((res: unknown) => res)) as RateLimiterRes;
      expect(msBeforeNext).toBeLessThanOrEqual(1000);
      await new Promise((resolve) => setTimeout(resolve, msBeforeNext + 5));
      expect(await b.consume('short')).toMatchObject({ isFirstInDuration: true });
    });

    test('the script is found again after SCRIPT FLUSH', async () => {
      const each = await limiter({});
      await each.consume('u');
      await clients.ioredis().script('FLUSH');
      expect(await each.consume('u')).toMatchObject({ consumedPoints: 2 });
    });

    test('limiters that never end, that block longer, in union and in bursts', async () => {
      const forever = await limiter({ keyPrefix: 'forever', duration: 0 });
      await forever.consume('u', 5);
      await expect(forever.consume('u')).rejects.toMatchObject({ msBeforeNext: -1 });
      const strict = await limiter({ keyPrefix: 'strict', points: 1, blockDuration: 300 });
      await strict.consume('u');
      await expect(strict.consume('u')).rejects.toMatchObject({ remainingPoints: 0 });
      expect((await strict.get('u'))!.msBeforeNext).toBeGreaterThan(200_000);
      const [small, large] = await Promise.all([
        limiter({ keyPrefix: 'small', points: 2 }),
        limiter({ keyPrefix: 'large', points: 9 }),
      ]);
      const union = new RateLimiterUnion(small, large);
      await union.consume('u');
      await union.consume('u');
      await expect(union.consume('u')).rejects.toHaveProperty('small');
      const bursty = new BurstyRateLimiter(
        await limiter({ keyPrefix: 'steady', points: 1 }),
        await limiter({ keyPrefix: 'burst', points: 2 }),
      );
      for (let i = 0; i < 3; i++) await bursty.consume('u');
      await expect(bursty.consume('u')).rejects.toBeInstanceOf(RateLimiterRes);
    });

    test('a queue hands out the tokens of a window in order', async () => {
      const queue = new RateLimiterQueue(await limiter({ points: 2, duration: 1 }));
      const order: number[] = [];
      await Promise.all([1, 2, 3].map((n) => queue.removeTokens(1).then(() => order.push(n))));
      expect(order).toEqual([1, 2, 3]);
    });
  });
});
