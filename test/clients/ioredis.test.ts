/** ioredis in both protocols: what its documentation shows, on commands of every kind. */
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, type Protocol, SETUPS } from '../harness/library-clients.js';
import type { RespClient } from '../harness/resp-client.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { untilBlocked } from '../harness/waiting.js';

/** `add(key, by)` as `defineCommand` puts it on the client. */
interface WithScripts extends Redis {
  addTo(key: string, by: number): Promise<number>;
  addToBoth(count: number, ...keysAndBy: (string | number)[]): Promise<[number, number]>;
}

let server: TestServer;
let clients: LibraryClients;
let admin: RespClient;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
    admin = await server.client();
  });
  afterAll(() => checkAndStop(server));

  describe.each([2, 3] as Protocol[])('RESP%d', (protocol) => {
    const connect = (options = {}): Redis => clients.ioredis({ protocol, db: protocol, ...options });
    afterEach(async () => {
      await connect().flushdb();
      clients.close();
    });

    test('values of all types go in and come out', async () => {
      const redis = connect();
      const raw = Buffer.from([0, 255, 13, 10, 128]);
      await redis.set('raw', raw);
      expect(await redis.getBuffer('raw')).toEqual(raw);
      await redis.hset('h', { name: 'Ada', born: 1815 });
      expect(await redis.hgetall('h')).toEqual({ name: 'Ada', born: '1815' });
      expect(await redis.hgetall('absent')).toEqual({});
      await redis.rpush('l', 'a', 'b', 'c');
      expect(await redis.lrange('l', 0, -1)).toEqual(['a', 'b', 'c']);
      await redis.sadd('s', 'x', 'y');
      expect((await redis.smembers('s')).sort()).toEqual(['x', 'y']);
      await redis.zadd('z', '1.5', 'one', 'inf', 'last');
      expect(await redis.zrange('z', '0', '-1', 'WITHSCORES')).toEqual(['one', '1.5', 'last', 'inf']);
      expect(await redis.zscore('z', 'one')).toBe('1.5');
      expect(await redis.getex('raw', 'EX', 100)).toBeTypeOf('string');
      expect(await redis.ttl('raw')).toBeGreaterThan(90);
      expect(await redis.geoadd('g', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania')).toBe(2);
      expect(Number(await redis.geodist('g', 'Palermo', 'Catania', 'KM'))).toBeCloseTo(166.27, 1);
    });

    test('a pipeline gives each reply and each error its place', async () => {
      const redis = connect();
      const pipeline = redis.pipeline();
      for (let i = 0; i < 300; i++) pipeline.set(`k${i}`, i).incr(`k${i}`);
      const results = (await pipeline.lpush('k0', 'wrong').get('k299').exec())!;
      expect(results.length).toBe(602);
      expect(results[599]).toEqual([null, 300]);
      expect(results[600]![0]).toMatchObject({ message: expect.stringMatching(/^WRONGTYPE/) });
      expect(results[601]).toEqual([null, '300']);
    });

    test('commands of one turn are pipelined by themselves when asked to', async () => {
      const redis = connect({ enableAutoPipelining: true });
      const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => redis.incrby(`n${i % 7}`, 1)));
      expect(replies.filter((n) => n === 1).length).toBe(7);
      expect(await redis.mget(Array.from({ length: 7 }, (_, i) => `n${i}`))).toEqual(
        Array.from({ length: 7 }, (_, i) => String(i < 2 ? 15 : 14)),
      );
    });

    test('MULTI is all or nothing, over keys of any shards', async () => {
      const redis = connect();
      expect(await redis.multi().set('a', '1').incr('b').mget('a', 'b').exec()).toEqual([
        [null, 'OK'],
        [null, 1],
        [null, ['1', '1']],
      ]);
      const [first, second] = (await redis.multi().incr('a').lpush('a', 'wrong').exec())!;
      expect(first).toEqual([null, 2]);
      expect(second![0]).toBeInstanceOf(Error);
      const broken = redis.multi().set('a', '9');
      (broken as unknown as { call(...words: string[]): void }).call('nonsense');
      await expect(broken.exec()).rejects.toThrow(/EXECABORT/);
      expect(await redis.get('a')).toBe('2');
      await redis.multi({ pipeline: false });
      expect(await redis.get('a')).toBe('QUEUED');
      expect(await redis.exec()).toEqual([[null, '2']]);
    });

    test('WATCH makes EXEC give null after another client wrote', async () => {
      const [redis, other] = [connect(), connect()];
      await redis.set('balance', '10');
      await redis.watch('balance', 'elsewhere');
      await other.set('elsewhere', 'x');
      expect(await redis.multi().set('balance', '0').exec()).toBe(null);
      expect(await redis.multi().set('balance', '0').exec()).toEqual([[null, 'OK']]);
    });

    test('defined commands find their script again after SCRIPT FLUSH', async () => {
      const redis = connect() as WithScripts;
      redis.defineCommand('addTo', { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
      redis.defineCommand('addToBoth', {
        lua: "return { redis.call('INCRBY', KEYS[1], ARGV[1]), redis.call('INCRBY', KEYS[2], ARGV[1]) }",
      });
      expect(await redis.addTo('n', 5)).toBe(5);
      expect(await redis.addToBoth(2, 'n', 'm', 3)).toEqual([8, 3]);
      await connect().script('FLUSH');
      expect(await redis.addTo('n', 2)).toBe(10);
      const pipeline = redis.pipeline() as unknown as WithScripts & { exec(): Promise<unknown> };
      await connect().script('FLUSH');
      void pipeline.addTo('n', 1);
      void pipeline.addToBoth(2, 'n', 'm', 1);
      expect(await pipeline.exec()).toEqual([
        [null, 11],
        [null, [12, 4]],
      ]);
    });

    test('scripts give numbers, nulls, tables and errors as Redis does', async () => {
      const redis = connect();
      expect(await redis.eval('return {1, 2.9, "x", {ARGV[1], false}, nil, 3}', 0, 'arg')).toEqual([
        1,
        2,
        'x',
        ['arg', null],
      ]);
      expect(await redis.eval('return cjson.decode(ARGV[1]).list[2]', 0, '{"list":["a","b"]}')).toBe('b');
      await expect(redis.eval('return redis.error_reply("MY own")', 0)).rejects.toThrow('MY own');
      await expect(redis.eval('return redis.call("INCR", KEYS[1], 1)', 1, 'k')).rejects.toThrow(/Wrong number of args/);
      await expect(redis.evalsha('f'.repeat(40), 0)).rejects.toThrow(/^NOSCRIPT/);
    });

    test('messages of channels and patterns arrive, and the subscriber answers PING', async () => {
      const [subscriber, publisher] = [connect(), connect()];
      const got: unknown[] = [];
      subscriber.on('message', (channel, text) => got.push([channel, text]));
      subscriber.on('pmessage', (pattern, channel, text) => got.push([pattern, channel, text]));
      expect(await subscriber.subscribe('news', 'weather')).toBe(2);
      expect(await subscriber.psubscribe('n*')).toBe(3);
      expect(await publisher.publish('news', 'hello')).toBe(2);
      expect(await publisher.publish('weather', 'rain')).toBe(1);
      expect(await publisher.publish('nobody', 'matches the pattern')).toBe(1);
      expect(await publisher.pubsub('NUMSUB', 'news')).toEqual(['news', 1]);
      await subscriber.ping();
      expect(got).toEqual([
        ['news', 'hello'],
        ['n*', 'news', 'hello'],
        ['weather', 'rain'],
        ['n*', 'nobody', 'matches the pattern'],
      ]);
      expect(await subscriber.unsubscribe('news', 'weather')).toBe(1);
      expect(await subscriber.punsubscribe('n*')).toBe(0);
      expect(await subscriber.set('again', 'a client like others')).toBe('OK');
    });

    test('subscriptions are made again after the connection was killed', async () => {
      const [subscriber, publisher] = [connect({ retryStrategy: () => 5 }), connect()];
      await subscriber.subscribe('loud');
      await subscriber.psubscribe('lo?d');
      const messages = once(subscriber, 'pmessage');
      const ready = once(subscriber, 'ready');
      await publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await ready;
      while ((await publisher.publish('loud', 'back')) < 2);
      expect(await messages).toEqual(['lo?d', 'loud', 'back']);
    });

    test('blocking commands wait, on a connection of their own', async () => {
      const [waiter, producer] = [connect(), connect()];
      const popped = waiter.blpop('q1', 'q2', 'q3', 5);
      await untilBlocked(admin, 1);
      await producer.rpush('q2', 'job');
      expect(await popped).toEqual(['q2', 'job']);
      const moved = waiter.blmove('from', 'to', 'LEFT', 'RIGHT', 5);
      await untilBlocked(admin, 1);
      await producer.multi().rpush('from', 'x').llen('from').exec();
      expect(await moved).toBe('x');
      expect(await producer.lrange('to', 0, -1)).toEqual(['x']);
      const least = waiter.bzpopmin('z', 5);
      await untilBlocked(admin, 1);
      await producer.zadd('z', 2, 'two', 1, 'one');
      expect(await least).toEqual(['z', 'one', '1']);
      expect(await waiter.brpop('nothing', 0.02)).toBe(null);
    });

    test('streams are written and read, and a reader waits for the next entry', async () => {
      const [reader, writer] = [connect(), connect()];
      const first = (await writer.xadd('log', '*', 'text', 'one'))!;
      expect(await reader.xrange('log', '-', '+')).toEqual([[first, ['text', 'one']]]);
      const next = reader.xread('BLOCK', 5000, 'STREAMS', 'other', 'log', '$', '$');
      await untilBlocked(admin, 1);
      const second = await writer.xadd('log', 'MAXLEN', '~', 1000, '*', 'text', 'two');
      expect(await next).toEqual([['log', [[second, ['text', 'two']]]]]);
      expect(await reader.xread('COUNT', 10, 'STREAMS', 'log', first)).toEqual(await next);
      expect(await writer.xlen('log')).toBe(2);
    });

    test('iterators give every key, field, member and element', async () => {
      const redis = connect();
      const names = Array.from({ length: 700 }, (_, i) => `item:${i}`);
      await redis.mset(...names.flatMap((name) => [name, name]));
      await redis.hset('h', Object.fromEntries(names.map((name) => [name, '1'])));
      await redis.sadd('s', ...names);
      await redis.zadd('z', ...names.flatMap((name, i) => [i, name]));
      const collect = async (stream: AsyncIterable<string[]>, step = 1): Promise<string[]> => {
        const seen = new Set<string>();
        for await (const batch of stream) for (let i = 0; i < batch.length; i += step) seen.add(batch[i]!);
        return [...seen].sort();
      };
      const all = [...names].sort();
      expect(await collect(redis.scanStream({ match: 'item:*', count: 50 }))).toEqual(all);
      expect(await collect(redis.scanStream({ type: 'hash' }))).toEqual(['h']);
      expect(await collect(redis.hscanStream('h', { count: 50 }), 2)).toEqual(all);
      expect(await collect(redis.sscanStream('s'))).toEqual(all);
      expect(await collect(redis.zscanStream('z', { match: '*' }), 2)).toEqual(all);
    });
  });

  test('with replyMapping resp3 maps are objects and scores are numbers', async () => {
    const redis = clients.ioredis({ protocol: 3, replyMapping: 'resp3' } as never) as unknown as {
      call(...words: (string | number)[]): Promise<unknown>;
    };
    await redis.call('HSET', 'map', 'a', '1');
    await redis.call('ZADD', 'scored', 1.5, 'm');
    expect(await redis.call('HGETALL', 'map')).toEqual({ a: '1' });
    expect(await redis.call('ZSCORE', 'scored', 'm')).toBe(1.5);
    clients.close();
  });
});
