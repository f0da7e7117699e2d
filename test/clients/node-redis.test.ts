/** node-redis in both protocols: what its documentation shows, on commands of every kind. */
import { createClient, createClientPool, defineScript, RESP_TYPES, WatchError } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, type NodeRedis, type Protocol, SETUPS } from '../harness/library-clients.js';
import type { RespClient } from '../harness/resp-client.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until, untilBlocked } from '../harness/waiting.js';

let server: TestServer;
let clients: LibraryClients;
let admin: RespClient;

/** Adds to the number in a key and tells the sum. */
const ADD = defineScript({
  SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, key: string, by: number) {
    parser.pushKey(key);
    parser.push(String(by));
  },
  transformReply: (reply: number) => reply,
});

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
    admin = await server.client();
  });
  afterAll(() => checkAndStop(server));

  describe.each([2, 3] as Protocol[])('RESP%d', (protocol) => {
    const connect = (): Promise<NodeRedis> => clients.nodeRedis({ RESP: protocol as 3, database: protocol });
    afterEach(async () => {
      clients.close();
      await admin.ok('FLUSHALL');
    });

    test('values of all types go in and come out', async () => {
      const client = await connect();
      expect(await client.set('a', 'b', { expiration: { type: 'EX', value: 100 }, condition: 'NX' })).toBe('OK');
      expect(await client.set('a', 'c', { condition: 'XX', GET: true })).toBe('b');
      await client.hSet('h', { name: 'Ada', born: 1815 });
      expect({ ...(await client.hGetAll('h')) }).toEqual({ name: 'Ada', born: '1815' });
      expect(await client.hIncrByFloat('h', 'born', 0.5)).toBe('1815.5');
      expect(await client.rPush('l', ['a', 'b', 'c'])).toBe(3);
      expect(await client.lPosCount('l', 'b', 0)).toEqual([1]);
      expect(await client.lmPop(['absent', 'l'], 'LEFT', { COUNT: 2 })).toEqual(['l', ['a', 'b']]);
      await client.sAdd('s', ['x', 'y', 'z']);
      await client.sAdd('t', 'y');
      expect((await client.sDiff(['s', 't'])).sort()).toEqual(['x', 'z']);
      expect(await client.sInterCard(['s', 't'])).toBe(1);
      await client.zAdd('z', [
        { score: 1.5, value: 'one' },
        { score: Number.POSITIVE_INFINITY, value: 'last' },
      ]);
      expect(await client.zScore('z', 'one')).toBe(1.5);
      expect(await client.zRangeWithScores('z', 0, -1)).toEqual([
        { value: 'one', score: 1.5 },
        { value: 'last', score: Number.POSITIVE_INFINITY },
      ]);
      expect(await client.geoAdd('g', { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' })).toBe(1);
      expect(await client.geoSearch('g', 'Palermo', { radius: 1, unit: 'km' })).toEqual(['Palermo']);
      expect(await client.pfAdd('hll', ['a', 'b', 'a'])).toBe(1);
      expect(await client.pfCount('hll')).toBe(2);
      expect(await client.sort('l', { ALPHA: true })).toEqual(['c']);
    });

    test('bytes stay bytes', async () => {
      const client = (await connect()).withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      const raw = Buffer.from([0, 255, 13, 10, 128]);
      await client.hSet('raw', raw, raw);
      expect(await client.hGet('raw', raw)).toEqual(raw);
    });

    test('commands of one turn go out together and come back in order', async () => {
      const client = await connect();
      const replies = await Promise.allSettled(
        Array.from({ length: 500 }, (_, i) => (i === 250 ? client.lPush('n0', 'x') : client.incrBy(`n${i % 9}`, 1))),
      );
      expect(replies[250]).toMatchObject({ status: 'rejected', reason: { message: /^WRONGTYPE/ } });
      const sum = await Promise.all(Array.from({ length: 9 }, async (_, i) => Number(await client.get(`n${i}`))));
      expect(sum.reduce((a, b) => a + b)).toBe(499);
      expect(replies.slice(491).map((reply) => (reply as { value?: number }).value)).toEqual(
        [5, 6, 7, 8, 0, 1, 2, 3, 4].map((i) => sum[i]),
      );
      expect(await client.multi().set('p', '1').incr('p').mGet(['p', 'n0']).execAsPipeline()).toEqual([
        'OK',
        2,
        ['2', String(sum[0])],
      ]);
    });

    test('MULTI is all or nothing, and WATCH rejects after another client wrote', async () => {
      const [client, other] = await Promise.all([connect(), connect()]);
      expect(await client.multi().set('a', '1').incr('b').zAdd('z', { score: 1, value: 'm' }).exec()).toEqual([
        'OK',
        1,
        1,
      ]);
      await expect(client.multi().addCommand(['NONSENSE']).set('a', '2').exec()).rejects.toThrow(/EXECABORT|unknown/);
      await expect(client.multi().lPush('a', 'wrong').incr('a').exec()).rejects.toThrow(/1 commands failed/);
      expect(await client.get('a')).toBe('2');
      await client.watch(['a', 'elsewhere']);
      await other.set('elsewhere', 'x');
      await expect(client.multi().set('a', '0').exec()).rejects.toThrow(WatchError);
      expect(await client.multi().set('a', '0').exec()).toEqual(['OK']);
    });

    test('scripts given to the client find themselves again after SCRIPT FLUSH', async () => {
      const socket = { port: server.port, host: '127.0.0.1' };
      const client = createClient({ socket, RESP: protocol, scripts: { add: ADD } });
      await client.connect();
      try {
        expect(await client.add('n', 5)).toBe(5);
        await admin.ok('SCRIPT', 'FLUSH');
        expect(await client.add('n', 2)).toBe(7);
        expect(await client.multi().add('n', 1).get('n').exec()).toEqual([8, '8']);
        expect(await client.eval('return {KEYS[1], ARGV[1], 1.9, false}', { keys: ['k'], arguments: ['v'] })).toEqual([
          'k',
          'v',
          1,
          null,
        ]);
        const sha = await client.scriptLoad('return 42');
        expect(await client.scriptExists([sha, '0'.repeat(40)])).toEqual([1, 0]);
        expect(await client.evalSha(sha)).toBe(42);
        await expect(client.eval('return redis.call("LPUSH", KEYS[1], 1)', { keys: ['n'] })).rejects.toThrow(
          /^WRONGTYPE/,
        );
      } finally {
        client.destroy();
      }
    });

    test('messages of channels, patterns and shard channels arrive', async () => {
      const [subscriber, publisher] = await Promise.all([connect(), connect()]);
      const got: string[] = [];
      const hear = (text: string, channel: string): unknown => got.push(`${channel}: ${text}`);
      await subscriber.subscribe(['news', 'weather'], hear);
      await subscriber.pSubscribe('n*', hear);
      await subscriber.sSubscribe('shard', hear);
      expect(await publisher.publish('news', 'hello')).toBe(2);
      expect(await publisher.publish('weather', 'rain')).toBe(1);
      expect(await publisher.sPublish('shard', 'near')).toBe(1);
      await until('four messages', async () => got.length === 4);
      expect(got).toEqual(['news: hello', 'news: hello', 'weather: rain', 'shard: near']);
      expect(await publisher.pubSubNumSub(['news', 'none'])).toEqual({ news: 1, none: 0 });
      expect(await publisher.pubSubNumPat()).toBe(1);
      // With RESP3 a subscriber may do everything else as well.
      if (protocol === 3) expect(await subscriber.incr('while subscribed')).toBe(1);
      await subscriber.unsubscribe();
      await subscriber.pUnsubscribe();
      await subscriber.sUnsubscribe();
      // While it was subscribed with RESP2, node-redis wanted its replies as bytes.
      expect(String(await subscriber.ping())).toBe('PONG');
      expect(await publisher.publish('news', 'nobody')).toBe(0);
    });

    test('subscriptions are made again after the connection was killed', async () => {
      const [subscriber, publisher] = await Promise.all([connect(), connect()]);
      const heard = new Promise((resolve) => void subscriber.subscribe('loud', resolve));
      await until('subscribed', async () => (await publisher.pubSubNumSub(['loud'])).loud === 1);
      // Not `once`: that would reject at the error which comes before.
      const ready = new Promise((resolve) => subscriber.once('ready', resolve));
      await admin.ok('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await ready;
      while ((await publisher.publish('loud', 'back')) < 1);
      expect(await heard).toBe('back');
    });

    test('blocking commands wait, on a connection of their own', async () => {
      const [waiter, producer] = await Promise.all([connect(), connect()]);
      const popped = waiter.blPop(['q1', 'q2', 'q3'], 5);
      await untilBlocked(admin, 1);
      await producer.rPush('q2', 'job');
      expect(await popped).toEqual({ key: 'q2', element: 'job' });
      const moved = waiter.blMove('from', 'to', 'LEFT', 'RIGHT', 5);
      await untilBlocked(admin, 1);
      expect(await producer.multi().rPush('from', 'x').lLen('from').exec()).toEqual([1, 1]);
      expect(await moved).toBe('x');
      const least = waiter.bzPopMin('z', 5);
      await untilBlocked(admin, 1);
      await producer.zAdd('z', { score: 2, value: 'two' });
      expect(await least).toEqual({ key: 'z', value: 'two', score: 2 });
      expect(await waiter.brPop('nothing', 0.02)).toBe(null);
    });

    test('streams are written and read, and a reader waits for the next entry', async () => {
      const [reader, writer] = await Promise.all([connect(), connect()]);
      const first = await writer.xAdd('log', '*', { text: 'one' });
      const next = reader.xRead(
        [
          { key: 'other', id: '$' },
          { key: 'log', id: '$' },
        ],
        { BLOCK: 5000 },
      );
      await untilBlocked(admin, 1);
      const second = await writer.xAdd('log', '*', { text: 'two', more: 'x' });
      const entry = { id: second, message: { text: 'two', more: 'x' } };
      expect(await next).toMatchObject([{ name: 'log', messages: [entry] }]);
      expect(await writer.xRange('log', `(${first}`, '+')).toMatchObject([entry]);
      expect(await writer.xLen('log')).toBe(2);
    });

    test('iterators give every key, field, member and element', async () => {
      const client = await connect();
      const names = Array.from({ length: 700 }, (_, i) => `item:${i}`);
      await client.mSet(names.flatMap((name): [string, string] => [name, name]));
      await client.hSet('h', Object.fromEntries(names.map((name) => [name, '1'])));
      await client.sAdd('s', names);
      await client.zAdd(
        'z',
        names.map((value, score) => ({ value, score })),
      );
      const collect = async <T>(batches: AsyncIterable<T[]>, name: (item: T) => string): Promise<string[]> => {
        const seen = new Set<string>();
        for await (const batch of batches) for (const item of batch) seen.add(name(item));
        return [...seen].sort();
      };
      const all = [...names].sort();
      expect(await collect(client.scanIterator({ MATCH: 'item:*', COUNT: 50 }), String)).toEqual(all);
      expect(await collect(client.scanIterator({ TYPE: 'zset' }), String)).toEqual(['z']);
      expect(await collect(client.hScanIterator('h', { COUNT: 50 }), (pair) => pair.field)).toEqual(all);
      expect(await collect(client.sScanIterator('s'), String)).toEqual(all);
      expect(await collect(client.zScanIterator('z', { MATCH: '*' }), (item) => item.value)).toEqual(all);
    });
  });

  test('a pool of clients shares the work', async () => {
    const socket = { port: server.port, host: '127.0.0.1' };
    const pool = createClientPool({ socket }, { minimum: 2, maximum: 4 });
    await pool.connect();
    const popped = [pool.blPop('jobs', 5), pool.blPop('jobs', 5)];
    await untilBlocked(admin, 2);
    expect(await pool.rPush('jobs', ['1', '2'])).toBe(2);
    expect((await Promise.all(popped)).map((reply) => reply?.element).sort()).toEqual(['1', '2']);
    await pool.close();
  });
});

test('the cache in the client forgets a key that another client changed', async () => {
  server = await startSherd({ shards: 2 });
  clients = new LibraryClients(server);
  const reader = await clients.nodeRedis({ RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } });
  const writer = await clients.nodeRedis({ RESP: 3 });
  await writer.set('k', 'old');
  expect(await reader.get('k')).toBe('old');
  expect(await reader.get('k')).toBe('old');
  await writer.set('k', 'new');
  await until('the new value is seen', async () => (await reader.get('k')) === 'new', 5000);
  clients.close();
  await checkAndStop(server);
});
