/** Client-side caching: whoever has a key in its cache hears of each change of it, and never too early. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CachingClient } from '../../harness/caching-client.js';
import { withEmbedded } from '../../harness/embedded.js';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom } from '../../harness/random.js';
import { ReplyError, type RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, sleep, until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 4, dispatch: 'auto', ioThreads: 2 },
  { shards: 4, dispatch: 'ring', ioThreads: 2 },
] as const;
const KEYS = 40;
/** How long readers and writers work at least, and how much each cache must have been told by then. */
const STRESS_MS = 1000;
const INVALIDATIONS_MIN = 300;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch, $ioThreads I/O threads', (setup) => {
  let server: TestServer;
  let other: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    other = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** A RESP3 client with tracking on. */
  const tracker = async (...options: string[]): Promise<RespClient> => {
    const client = await server.client();
    await client.ok('HELLO', 3);
    await client.ok('CLIENT', 'TRACKING', 'ON', ...options);
    return client;
  };
  const pushesOf = async (client: RespClient, count: number): Promise<Value[]> => {
    await until(`${count} pushes`, async () => client.pushes.length >= count);
    return client.pushes.splice(0);
  };

  test('caches never keep an old value, whoever writes by whatever command', async () => {
    const random = new SeededRandom(7);
    const keys = Array.from({ length: KEYS }, (_, i) => `cached:${i}`);
    const caches = await Promise.all(Array.from({ length: 8 }, () => CachingClient.connect(server.port)));
    const writers = await Promise.all(Array.from({ length: 4 }, () => server.client()));
    let n = 0;
    const write = async (client: RespClient): Promise<void> => {
      const key = random.pick(keys);
      n++;
      switch (random.below(7)) {
        case 0:
          await client.ok('MSET', key, n, random.pick(keys), n);
          return;
        case 1:
          await client.ok('EVAL', "return redis.call('set', KEYS[1], ARGV[1])", 1, key, n);
          return;
        case 2:
          await client.pipeline([['MULTI'], ['SET', key, n], ['INCR', key], ['EXEC']]);
          return;
        case 3:
          await client.ok('SET', key, n, 'PX', random.between(1, 20));
          return;
        case 4:
          await client.ok('DEL', key);
          return;
        default:
          await client.pipeline(Array.from({ length: 5 }, () => ['SET', random.pick(keys), ++n]));
      }
    };
    const read = (client: CachingClient): Promise<Value> => {
      const key = random.pick(keys);
      const way = random.below(20);
      if (way === 0) return client.getInMulti(key);
      return way === 1 ? client.getByScript(key) : client.get(key);
    };
    const end = performance.now() + STRESS_MS;
    const goesOn = (): boolean =>
      performance.now() < end || caches.some((client) => client.invalidations < INVALIDATIONS_MIN);
    const working = [
      ...writers.map(async (client) => {
        while (goesOn()) {
          await write(client);
          if (random.chance(0.2)) await sleep(random.below(3));
        }
      }),
      ...caches.map(async (client) => {
        while (goesOn()) {
          await Promise.all(Array.from({ length: random.between(1, 6) }, () => read(client)));
          if (random.chance(0.3)) await sleep(1);
        }
      }),
    ];
    await Promise.all(working);
    // What will expire has expired when MGET has asked for it, and everybody has heard of it who is answered then.
    await sleep(50);
    await other.ok('MGET', ...keys);
    await sleep(50);
    for (const client of caches) await client.call('PING');
    const values = (await other.ok('MGET', ...keys)) as Value[];
    const stale = caches.flatMap((client, i) =>
      [...client.cache].filter(([key, value]) => value !== values[keys.indexOf(key)]).map(([key]) => `${i} ${key}`),
    );
    expect(stale).toEqual([]);
    for (const client of caches) client.close();
    for (const client of writers) await client.close();
    await until('nobody tracks', async () => (await infoField(other, 'clients', 'tracking_clients')) === '0');
    await other.ok('FLUSHALL');
  });

  test('a key is told of once, also to its writer, unless NOLOOP', async () => {
    const a = await tracker();
    const b = await tracker('NOLOOP');
    for (const client of [a, b]) await client.ok('MGET', 'x{t}', 'y{t}');
    await a.ok('SET', 'x{t}', '1');
    await a.ok('SET', 'x{t}', '2');
    expect(await pushesOf(a, 1)).toEqual([['invalidate', ['x{t}']]]);
    expect(await pushesOf(b, 1)).toEqual([['invalidate', ['x{t}']]]);
    await b.ok('SET', 'y{t}', '1');
    expect(await pushesOf(a, 1)).toEqual([['invalidate', ['y{t}']]]);
    await b.ok('GET', 'y{t}');
    await b.ok('APPEND', 'y{t}', '1');
    await b.ok('PING');
    expect(b.pushes).toEqual([]);
    expect(await infoField(other, 'clients', 'tracking_clients')).toBe('2');
    await a.close();
    await b.close();
  });

  test('an expired key is told of', async () => {
    const a = await tracker();
    await other.ok('SET', 'short', 'x', 'PX', 50);
    expect(await a.ok('GET', 'short')).toBe('x');
    expect(await pushesOf(a, 1)).toEqual([['invalidate', ['short']]]);
    await a.close();
  });

  test('broadcast mode tells of all keys below a prefix, many in one message', async () => {
    const a = await tracker('BCAST', 'PREFIX', 'user:', 'PREFIX', 'object:');
    const loop = await tracker('BCAST', 'PREFIX', 'user:', 'NOLOOP');
    await other.ok('MSET', 'user:1', 'x', 'other:1', 'x', 'object:1', 'x');
    await until('both', async () => a.pushes.flat(3).includes('user:1') && a.pushes.flat(3).includes('object:1'));
    expect(a.pushes.flat(3)).not.toContain('other:1');
    expect(await pushesOf(loop, 1)).toEqual([['invalidate', ['user:1']]]);
    a.pushes.length = 0;
    await loop.ok('SET', 'user:2', 'x');
    expect(await pushesOf(a, 1)).toEqual([['invalidate', ['user:2']]]);
    await loop.ok('PING');
    expect(loop.pushes).toEqual([]);
    expect(await infoField(other, 'stats', 'tracking_total_prefixes')).not.toBe('0');
    const lines = String(await other.ok('CLIENT', 'LIST'));
    expect(lines).toMatch(/ flags=tB /);
    await a.close();
    await loop.close();
  });

  test('OPTIN and OPTOUT with CLIENT CACHING, in and out of transactions', async () => {
    const a = await tracker('OPTIN');
    await a.ok('GET', 'no');
    await a.ok('CLIENT', 'CACHING', 'YES');
    await a.ok('GET', 'yes');
    await a.ok('GET', 'no');
    await other.ok('MSET', 'no', '1', 'yes', '1');
    expect(await pushesOf(a, 1)).toEqual([['invalidate', ['yes']]]);
    await a.pipeline([
      ['CLIENT', 'CACHING', 'YES'],
      ['MULTI'],
      ['GET', 'yes'],
      ['GET', 'no'],
      ['EXEC'],
      ['GET', 'later'],
    ]);
    await other.ok('MSET', 'no', '2', 'yes', '2', 'later', '2');
    await until('both', async () => a.pushes.flat(3).includes('yes') && a.pushes.flat(3).includes('no'));
    await a.ok('PING');
    expect(a.pushes.flat(3)).not.toContain('later');
    await a.close();
    const b = await tracker('OPTOUT');
    await b.ok('CLIENT', 'CACHING', 'NO');
    await b.ok('GET', 'no');
    await b.ok('GET', 'yes');
    await other.ok('MSET', 'no', '3', 'yes', '3');
    expect(await pushesOf(b, 1)).toEqual([['invalidate', ['yes']]]);
    await b.close();
  });

  test('notifications are redirected, also to RESP2 clients of another I/O thread, until they are gone', async () => {
    const targets = await Promise.all(Array.from({ length: 4 }, () => server.client()));
    for (const target of targets) {
      const id = String(await target.ok('CLIENT', 'ID'));
      await target.ok('SUBSCRIBE', '__redis__:invalidate');
      const a = await tracker('REDIRECT', id);
      expect(String(await a.ok('CLIENT', 'GETREDIR'))).toBe(id);
      await a.ok('GET', 'r');
      await other.ok('SET', 'r', '1');
      expect(await target.read()).toEqual(['message', '__redis__:invalidate', ['r']]);
      await a.ok('GET', 'r');
      await other.ok('FLUSHDB');
      expect(await target.read()).toEqual(['message', '__redis__:invalidate', null]);
      await a.ok('GET', 'r');
      await target.close();
      await until('it to be gone', async () => !String(await other.ok('CLIENT', 'LIST')).includes(`id=${id} `));
      await other.ok('SET', 'r', '2');
      expect(await pushesOf(a, 1)).toEqual([['tracking-redir-broken', Number(id)]]);
      const info = (await a.ok('CLIENT', 'TRACKINGINFO')) as Map<string, Value>;
      expect(info.get('flags')).toEqual(new Set(['on', 'broken_redirect']));
      await a.close();
    }
    const gone = await other.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', '999999');
    expect(gone).toEqual(new ReplyError('ERR The client ID you want redirect to does not exist'));
  });

  test('the table has a bound: beyond it keys are dropped, and their clients told', async () => {
    await other.ok('FLUSHALL');
    const a = await tracker();
    await a.pipeline(Array.from({ length: 300 }, (_, i) => ['GET', `many:${i}`]));
    expect(await infoField(other, 'stats', 'tracking_total_keys')).toBe('300');
    await other.ok('CONFIG', 'SET', 'tracking-table-max-keys', '10');
    await until('most to be dropped', async () => a.pushes.length >= 290);
    expect(await infoField(other, 'stats', 'tracking_total_keys')).toBe('10');
    expect(await infoField(other, 'stats', 'tracking_total_items')).toBe('10');
    await a.ok('GET', 'one more');
    await until('one more to be dropped', async () => a.pushes.length >= 291);
    await other.ok('CONFIG', 'SET', 'tracking-table-max-keys', '1000000');
    await other.ok('FLUSHALL');
    expect((await pushesOf(a, 292)).at(-1)).toEqual(['invalidate', null]);
    expect(await infoField(other, 'stats', 'tracking_total_keys')).toBe('0');
    await a.close();
  });

  test('options that cannot be are refused in the words of Redis', async () => {
    const a = await server.client();
    const error = async (...args: string[]): Promise<string> => {
      const reply = await a.call('CLIENT', 'TRACKING', ...args);
      return reply instanceof ReplyError ? reply.message : String(reply);
    };
    expect(await error('ON', 'PREFIX', 'x')).toBe('ERR PREFIX option requires BCAST mode to be enabled');
    expect(await error('ON', 'BCAST', 'OPTIN')).toBe('ERR OPTIN and OPTOUT are not compatible with BCAST');
    expect(await error('ON', 'OPTIN', 'OPTOUT')).toBe("ERR You can't specify both OPTIN mode and OPTOUT mode");
    expect(await error('ON', 'BCAST', 'PREFIX', 'foo', 'PREFIX', 'foobar')).toBe(
      "ERR Prefix 'foo' overlaps with another provided prefix 'foobar'. Prefixes for a single client must not overlap.",
    );
    expect(await error('ON', 'BCAST', 'PREFIX', 'foo')).toBe('OK');
    expect(await error('ON', 'BCAST', 'PREFIX', 'foobar')).toBe(
      "ERR Prefix 'foobar' overlaps with an existing prefix 'foo'. Prefixes for a single client must not overlap.",
    );
    expect(await error('ON')).toBe(
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with" +
        ' a different mode.',
    );
    expect(await error('OFF')).toBe('OK');
    expect(await error('MAYBE')).toBe('ERR syntax error');
    expect(await error('ON', 'REDIRECT', 'x')).toBe('ERR value is not an integer or out of range');
    expect(await error('ON', 'REDIRECT')).toBe('ERR syntax error');
    await a.close();
  });
});

describe('when threads die', () => {
  test('caches that may have missed something are told to drop everything', async () => {
    await withEmbedded({ ioThreads: 1, shards: 2 }, async (client, server) => {
      await client.ok('HELLO', 3);
      await client.ok('CLIENT', 'TRACKING', 'ON');
      await client.ok('GET', 'x');
      await server.debug.terminateShard(1);
      await server.debug.settled();
      await until('the invalidation', async () => client.pushes.length > 0);
      expect(client.pushes[0]).toEqual(['invalidate', null]);
    });
  });
});
