/** The guides' patterns for what is kept for a while: cache-aside, a session store, a leaderboard. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { sleep, until } from '../harness/waiting.js';

/** What a cache stands before; it counts how often it is asked. */
class SlowSource {
  readonly rows = new Map<string, string>();
  loads = 0;

  async load(id: string): Promise<string> {
    this.loads++;
    await sleep(10);
    return this.rows.get(id) ?? 'none';
  }
}

/** Reads through the cache; of many who miss at once one loads and the others wait for what it brings. */
async function readThrough(redis: Redis, source: SlowSource, id: string, ttlMs = 60_000): Promise<string> {
  for (;;) {
    const cached = await redis.get(`cache:${id}`);
    if (cached !== null) return cached;
    if ((await redis.set(`loading:${id}`, '1', 'PX', 5000, 'NX')) === 'OK') {
      // Who loaded before may have ended between the two commands above.
      const value = (await redis.get(`cache:${id}`)) ?? (await source.load(id));
      await redis.multi().set(`cache:${id}`, value, 'PX', ttlMs).del(`loading:${id}`).exec();
      return value;
    }
    await sleep(2);
  }
}

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
  const connect = (count: number): Redis[] => Array.from({ length: count }, () => clients.ioredis());

  describe('cache-aside', () => {
    test('readers who miss together cause one load, and none while the value is kept', async () => {
      const [source, readers] = [new SlowSource(), connect(3)];
      source.rows.set('7', 'seven');
      const reads = await Promise.all(Array.from({ length: 30 }, (_, i) => readThrough(readers[i % 3]!, source, '7')));
      expect(new Set(reads)).toEqual(new Set(['seven']));
      expect(await readThrough(readers[0]!, source, '7')).toBe('seven');
      expect(source.loads).toBe(1);
      expect(await readers[1]!.exists('loading:7')).toBe(0);
    });

    test('a write takes the old value out for all, and time does as well', async () => {
      const [source, [writer, reader]] = [new SlowSource(), connect(2) as [Redis, Redis]];
      source.rows.set('a', 'old');
      await Promise.all([readThrough(reader, source, 'a'), readThrough(writer, source, 'b', 20)]);
      source.rows.set('a', 'new');
      await writer.del('cache:a');
      expect(await readThrough(reader, source, 'a')).toBe('new');
      source.rows.set('b', 'came');
      await until('b is over', async () => (await reader.exists('cache:b')) === 0);
      expect(await readThrough(reader, source, 'b')).toBe('came');
      expect(source.loads).toBe(4);
    });

    test('a page of values costs one MGET, and one pipeline for those that were missing', async () => {
      const [writer, reader] = connect(2) as [Redis, Redis];
      const ids = Array.from({ length: 40 }, (_, i) => `item:${i}`);
      const page = async (redis: Redis): Promise<{ values: (string | null)[]; missed: number }> => {
        const values = await redis.mget(ids);
        const missing = ids.filter((_, i) => values[i] === null);
        const pipeline = redis.pipeline();
        for (const id of missing) pipeline.set(id, `value of ${id}`, 'EX', 100);
        await pipeline.exec();
        return { values: await redis.mget(ids), missed: missing.length };
      };
      await writer.mset(Object.fromEntries(ids.slice(0, 15).map((id) => [id, `value of ${id}`])));
      expect(await page(reader)).toEqual({ values: ids.map((id) => `value of ${id}`), missed: 25 });
      expect((await page(writer)).missed).toBe(0);
      // Everything of one kind is thrown away without a list of it.
      let [cursor, gone] = ['0', 0];
      do {
        const [next, found] = await writer.scan(cursor, 'MATCH', 'item:*', 'COUNT', 10);
        if (found.length > 0) gone += await writer.unlink(found);
        cursor = next;
      } while (cursor !== '0');
      expect([gone, await reader.exists(ids)]).toEqual([40, 0]);
    });
  });

  describe('session store', () => {
    const login = (redis: Redis, user: string, id: string, ttlMs: number) =>
      redis
        .multi()
        .hset(`session:${id}`, { user, page: '/' })
        .pexpire(`session:${id}`, ttlMs)
        .sadd(`sessions-of:${user}`, id)
        .exec();

    test('a request over any server renews the session; fields that two servers set are both there', async () => {
      const [a, b] = connect(2) as [Redis, Redis];
      await login(a, 'ada', 's1', 1000);
      const request = (redis: Redis, field: string, value: string) =>
        redis.multi().hset('session:s1', field, value).pexpire('session:s1', 60_000).hgetall('session:s1').exec();
      const replies = await Promise.all([request(a, 'cart', '3'), request(b, 'page', '/shop')]);
      expect(replies.map((reply) => reply?.[1])).toEqual([
        [null, 1],
        [null, 1],
      ]);
      expect(await b.hgetall('session:s1')).toEqual({ user: 'ada', page: '/shop', cart: '3' });
      expect(await a.pttl('session:s1')).toBeGreaterThan(30_000);
    });

    test('log out everywhere ends all sessions of a user at once, and those of no one else', async () => {
      const [a, b] = connect(2) as [Redis, Redis];
      for (let i = 0; i < 12; i++) await login(i % 2 ? a : b, i < 8 ? 'ada' : 'bob', `s${i}`, 60_000);
      const ids = await a.smembers('sessions-of:ada');
      expect(ids.length).toBe(8);
      await a
        .multi()
        .del(ids.map((id) => `session:${id}`))
        .del('sessions-of:ada')
        .exec();
      const left = await b.keys('session*');
      expect(left.sort()).toEqual(['session:s10', 'session:s11', 'session:s8', 'session:s9', 'sessions-of:bob']);
    });

    test('who listens for expired keys takes ended sessions out of the list of their user', async () => {
      const [web, janitor, events] = connect(3) as [Redis, Redis, Redis];
      await web.config('SET', 'notify-keyspace-events', 'Ex');
      await events.psubscribe('__keyevent@*__:expired');
      events.on('pmessage', (_pattern, _channel, key: string) => {
        void janitor.srem('sessions-of:ada', key.slice('session:'.length));
      });
      for (let i = 0; i < 6; i++) await login(web, 'ada', `s${i}`, i < 4 ? 20 : 60_000);
      await until('the ended are out', async () => (await web.scard('sessions-of:ada')) === 2);
      expect((await web.smembers('sessions-of:ada')).sort()).toEqual(['s4', 's5']);
      await web.config('SET', 'notify-keyspace-events', '');
    });
  });

  describe('leaderboard', () => {
    test('points that several game servers give add up, and each player sees the same table', async () => {
      const games = connect(4);
      const players = Array.from({ length: 10 }, (_, i) => `p${i}`);
      // Each game gives player i i points, ten times.
      await Promise.all(
        games.map(async (redis) => {
          for (let round = 0; round < 10; round++) {
            const pipeline = redis.pipeline();
            for (const [i, player] of players.entries()) pipeline.zincrby('board', i, player);
            await pipeline.exec();
          }
        }),
      );
      const [a, b] = games as [Redis, Redis];
      expect(await a.zrange('board', '0', '2', 'REV', 'WITHSCORES')).toEqual(['p9', '360', 'p8', '320', 'p7', '280']);
      expect(await b.zrevrank('board', 'p4')).toBe(5);
      const rank = (await b.zrevrank('board', 'p4'))!;
      expect(await a.zrange('board', `${rank - 1}`, `${rank + 1}`, 'REV')).toEqual(['p5', 'p4', 'p3']);
      expect(await b.zcount('board', '(200', '+inf')).toBe(4);
      expect(await a.zrange('board', '320', '100', 'BYSCORE', 'REV', 'LIMIT', '1', '2')).toEqual(['p7', 'p6']);
    });

    test('only a better score counts; days become a week; the table is cut to its best', async () => {
      const [a, b] = connect(2) as [Redis, Redis];
      const best = (redis: Redis, score: number) => redis.zadd('day:1', 'GT', 'CH', score, 'ada');
      expect(await best(a, 50)).toBe(1);
      expect(await best(b, 40)).toBe(0);
      expect(await best(b, 60)).toBe(1);
      await a.zadd('day:1', 10, 'bob', 10, 'al');
      await b.zadd('day:2', 15, 'bob', 5, 'eve');
      // Of equals the later name stands first when the order is turned round.
      expect(await a.zrange('day:1', '0', '-1', 'REV')).toEqual(['ada', 'bob', 'al']);
      await a.zunionstore('week', 2, 'day:1', 'day:2');
      expect(await b.zrange('week', '0', '-1', 'REV', 'WITHSCORES')).toEqual([
        'ada',
        '60',
        'bob',
        '25',
        'al',
        '10',
        'eve',
        '5',
      ]);
      await b.zremrangebyrank('week', 0, -3);
      expect(await a.zrange('week', '0', '-1')).toEqual(['bob', 'ada']);
    });
  });
});
