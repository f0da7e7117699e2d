/** The client libraries that people use, doing what people do, in both protocols and in both dispatch modes. */
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { sleep, until } from '../../harness/waiting.js';

describe.each(['auto', 'ring'] as const)('client libraries, --dispatch %s', (dispatch) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startSherd({ shards: 3, ioThreads: 2, dispatch });
  });
  afterAll(() => checkAndStop(server));

  test.each([2, 3] as const)('ioredis 6 over RESP%d', async (protocol) => {
    const redis = new Redis({ port: server.port, db: 1, connectionName: 'io', protocol } as never);
    try {
      await redis.flushdb();
      expect(await redis.set('a', 'b', 'EX', 100, 'NX')).toBe('OK');
      expect(await redis.get('a')).toBe('b');
      expect(await redis.ttl('a')).toBeGreaterThan(90);
      expect(await redis.mset({ x: '1', y: '2', z: '3' })).toBe('OK');
      expect(await redis.mget('x', 'y', 'nothing')).toEqual(['1', '2', null]);
      expect(await redis.incrbyfloat('f', 1.5)).toBe('1.5');
      const raw = Buffer.from([0, 255, 13, 10]);
      await redis.set(raw, raw);
      expect(await redis.getBuffer(raw)).toEqual(raw);
      const results = await redis.pipeline().incr('n').incr('n').get('n').get('x').exec();
      expect(results).toEqual([
        [null, 1],
        [null, 2],
        [null, '2'],
        [null, '1'],
      ]);
      const keys: string[] = [];
      for await (const batch of redis.scanStream({ count: 2 })) keys.push(...(batch as string[]));
      expect(new Set(keys).size).toBe(await redis.dbsize());
      await expect(redis.incr('a')).rejects.toThrow('ERR value is not an integer or out of range');
      expect(String(await redis.client('GETNAME'))).toBe('io');
      expect(await redis.info('server')).toMatch(/redis_version:7\.[024]/);
    } finally {
      redis.disconnect();
    }
  });

  test('ioredis comes back after its connection was killed', async () => {
    const redis = new Redis({ port: server.port, retryStrategy: () => 10 });
    try {
      await redis.set('survives', 'yes');
      const id = await redis.client('ID');
      const other = await server.client();
      expect(await other.ok('CLIENT', 'KILL', 'ID', id)).toBe(1);
      await sleep(50);
      expect(await redis.get('survives')).toBe('yes');
      expect(await redis.client('ID')).not.toBe(id);
    } finally {
      redis.disconnect();
    }
  });

  test('the commands of connections have the errors of Redis', async () => {
    const client = await server.client();
    const wrongNumber = 'ERR unknown subcommand or wrong number of arguments for';
    const range = 'ERR value is out of range, value must between -2147483648 and 2147483647';
    const errors: readonly [string, string][] = [
      ['SELECT 99999999999', range],
      ['SELECT 99999999999999999999', 'ERR value is not an integer or out of range'],
      ['CLIENT PAUSE 1 ALL x', `${wrongNumber} 'PAUSE'. Try CLIENT HELP.`],
      ['CLIENT PAUSE 9223372036854775807', 'ERR timeout is out of range'],
      ['CLIENT UNBLOCK 1 ERROR x', `${wrongNumber} 'UNBLOCK'. Try CLIENT HELP.`],
      ['slowlog get 1 2', `${wrongNumber} 'get'. Try SLOWLOG HELP.`],
      ['ACL GENPASS 1 2', `${wrongNumber} 'GENPASS'. Try ACL HELP.`],
    ];
    for (const [command, text] of errors) {
      expect(((await client.call(...command.split(' '))) as Error).message, command).toBe(text);
    }
    expect(await client.call('CLIENT', 'KILL', 'ID', '9223372036854775807')).toBe(0);
    await client.close();
  });

  test('CLIENT KILL MAXAGE ends who is connected for so long, and not who asks', async () => {
    const [old, other] = [await server.client(), await server.client()];
    const id = await old.ok('CLIENT', 'ID');
    const fails = async (age: string): Promise<string> => String(await other.call('CLIENT', 'KILL', 'MAXAGE', age));
    expect(await fails('0')).toContain('ERR maxage should be greater than 0');
    expect(await fails('x')).toContain('ERR maxage is not an integer or out of range');
    expect(await other.ok('CLIENT', 'KILL', 'ID', id as number, 'MAXAGE', '1000')).toBe(0);
    await until(
      'a second old',
      async () => (await other.ok('CLIENT', 'KILL', 'ID', id as number, 'MAXAGE', '1')) === 1,
    );
    await until('ended', async () => (await other.ok('CLIENT', 'LIST', 'ID', id as number)) === '');
    const own = (await other.ok('CLIENT', 'ID')) as number;
    expect(await other.ok('CLIENT', 'KILL', 'ID', own, 'MAXAGE', '1')).toBe(0);
  });

  test.each([2, 3] as const)('node-redis 6 over RESP%d', async (protocol) => {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}/2`, RESP: protocol, name: 'node' });
    client.on('error', () => {});
    await client.connect();
    try {
      await client.flushDb();
      expect(await client.set('a', 'b', { EX: 100 })).toBe('OK');
      expect(await client.get('a')).toBe('b');
      expect(await client.mSet(['x', '1', 'y', '2'])).toBe('OK');
      expect(await client.mGet(['x', 'y', 'none'])).toEqual(['1', '2', null]);
      expect(await client.incrByFloat('f', 2.5)).toBe('2.5');
      expect(await client.setBit('bits', 7, 1)).toBe(0);
      expect(await client.bitCount('bits')).toBe(1);
      expect(await client.copy('a', 'c')).toBe(1);
      expect(await client.rename('c', 'd')).toBe('OK');
      const many = await Promise.all(Array.from({ length: 500 }, (_, i) => client.set(`k${i % 50}`, String(i))));
      expect(new Set(many)).toEqual(new Set(['OK']));
      const seen = new Set<string>();
      for await (const batch of client.scanIterator({ COUNT: 5 })) for (const key of batch) seen.add(key);
      expect(seen.size).toBe(await client.dbSize());
      expect(await client.clientGetName()).toBe('node');
      expect(await client.configGet('maxmemory')).toEqual({ maxmemory: '0' });
    } finally {
      client.destroy();
    }
  });

  test.each([[], ['-3']])('redis-cli and redis-benchmark ask nothing that is not answered (%s)', async (...flags) => {
    const { execFileSync } = await import('node:child_process');
    const run = (program: string, ...args: string[]): string | null => {
      try {
        return execFileSync(program, ['-p', String(server.port), ...args], { encoding: 'utf8', timeout: 20_000 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    };
    const echo = run('redis-cli', ...flags, 'ECHO', 'hello');
    if (echo === null) return;
    expect(echo).toBe('hello\n');
    expect(run('redis-cli', ...flags, '--scan', '--pattern', 'no-such*')).toBe('');
    expect(run('redis-benchmark', '-t', 'set,get,incr,mset', '-n', '2000', '-P', '8', '-q')).toMatch(
      /requests per second/,
    );
  });
});
