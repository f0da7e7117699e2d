/** Values go to a live redis-server and come from it: what one dumps the other restores, and they have the same. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseReply, type RespClient, type Value } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../../harness/servers.js';
import { payload } from './old-forms.js';
import { RdbEngine } from './rdb-engine.js';
import { SAMPLES, type Sample } from './values.js';

/** What redis-server 7.0 calls the encodings that have other names since 7.2. */
const LATER_NAMES: Readonly<Record<string, readonly string[]>> = {
  hashtable: ['hashtable', 'listpack'],
  quicklist: ['quicklist', 'listpack'],
};

describe.skipIf(!REDIS_AVAILABLE)('with a live redis-server', () => {
  let server: TestServer;
  let redis: RespClient;
  beforeAll(async () => {
    server = await startRedis();
    redis = await server.client();
  });
  afterAll(() => server?.stop());

  async function dumpThere(name: string): Promise<Buffer> {
    const reply = await redis.raw('DUMP', name);
    return reply.subarray(reply.indexOf(10) + 1, reply.length - 2);
  }

  /** What ZRANGE lists, scores as numbers. */
  const pairs = (list: Value): string => (list as string[]).map((t, i) => (i % 2 === 0 ? t : scoreOf(t))).join(' ');
  const scoreOf = (text: string): number => Number(text.replace('inf', 'Infinity'));

  /** The digest of a value there; of a sorted set what it holds, since 7.2 digests scores otherwise. */
  async function digestThere(name: string): Promise<string> {
    if ((await redis.ok('TYPE', name)) === 'zset') return pairs(await redis.ok('ZRANGE', name, 0, -1, 'WITHSCORES'));
    return ((await redis.ok('DEBUG', 'DIGEST-VALUE', name)) as string[])[0]!;
  }

  function digestHere(engine: RdbEngine, name: string): string {
    if (engine.run('TYPE', name) !== '+zset\r\n') return engine.digest(name);
    return pairs(parseReply(Buffer.from(engine.run('ZRANGE', name, '0', '-1', 'WITHSCORES'), 'latin1')));
  }

  async function fill(samples: readonly Sample[], ...config: string[]): Promise<void> {
    await redis.ok('FLUSHALL');
    if (config.length > 0) await redis.ok('CONFIG', 'SET', ...config);
    for (const { commands } of samples) for (const command of commands) await redis.ok(...command);
  }

  describe.each(SAMPLES)('%s', (_type, samples) => {
    test.each(['yes', 'no'])('dumped there are restored here, compressed: %s', async (compression) => {
      const engine = new RdbEngine();
      await fill(samples, 'rdbcompression', compression);
      for (const { name } of samples) {
        expect([name, engine.restore(name, await dumpThere(name))]).toEqual([name, '+OK\r\n']);
        expect([name, digestHere(engine, name)]).toEqual([name, await digestThere(name)]);
        const encoding = (await redis.ok('OBJECT', 'ENCODING', name)) as string;
        expect([name, LATER_NAMES[encoding] ?? [encoding]]).toEqual([
          name,
          expect.arrayContaining([engine.call('OBJECT', 'ENCODING', name)]),
        ]);
      }
      expect(engine.findings()).toEqual([]);
    });

    test('dumped here are restored there', async () => {
      const engine = new RdbEngine(2);
      await redis.ok('FLUSHALL');
      for (const { name, commands } of samples) {
        for (const command of commands) expect(engine.run(...(command as string[]))).not.toMatch(/^-/);
        expect([name, await redis.call('RESTORE', name, 0, engine.dump(name))]).toEqual([name, 'OK']);
        expect([name, await digestThere(name)]).toEqual([name, digestHere(engine, name)]);
        expect(engine.restore(`copy:${name}`, engine.dump(name))).toBe('+OK\r\n');
        expect([name, engine.digest(`copy:${name}`)]).toEqual([name, engine.digest(name)]);
        expect(engine.call('OBJECT', 'ENCODING', `copy:${name}`)).toBe(engine.call('OBJECT', 'ENCODING', name));
      }
      expect(engine.findings()).toEqual([]);
    });
  });

  test('the footer is that of redis-server', async () => {
    await redis.ok('SET', 'k', 'value');
    const engine = new RdbEngine();
    engine.run('SET', 'k', 'value');
    expect(engine.dump('k')).toEqual(await dumpThere('k'));
    expect(payload([0, 1, 65])).toHaveLength(13);
  });
});
