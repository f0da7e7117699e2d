/** Keys end at their time: for readers at once, for memory soon after, and nobody waits for it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, longestPingMs, sleep, until } from '../../harness/waiting.js';

describe('expiry', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2 });
    client = await server.client();
  });
  afterEach(() => client.ok('DEBUG', 'SET-ACTIVE-EXPIRE', 1));
  afterAll(() => checkAndStop(server));

  test('a key is gone for every reading command when its time is over, without active expiry too', async () => {
    await client.ok('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
    await client.ok('FLUSHALL');
    // In one pipeline: a loaded machine may take longer than their time between two reads.
    const sets = Array.from({ length: 9 }, (_, i) => ['SET', `e${i}`, 'v', 'PX', 100]);
    const replies = await client.pipeline([...sets, ['GET', 'e0']]);
    expect(replies.at(-1)).toBe('v');
    await sleep(120);
    expect(await client.ok('GET', 'e0')).toBe(null);
    expect(await client.ok('EXISTS', 'e1')).toBe(0);
    expect(await client.ok('TYPE', 'e2')).toBe('none');
    expect(await client.ok('PTTL', 'e3')).toBe(-2);
    expect(await client.ok('STRLEN', 'e4')).toBe(0);
    expect(await client.ok('APPEND', 'e5', 'new')).toBe(3);
    expect(await client.ok('PTTL', 'e5')).toBe(-1);
    expect(await client.ok('DEL', 'e6')).toBe(0);
    expect(await client.ok('KEYS', '*')).toEqual(['e5']);
    expect(await client.call('RENAME', 'e7', 'x')).toMatchObject({ message: 'ERR no such key' });
    expect(await client.ok('SET', 'e8', 'again', 'NX')).toBe('OK');
  });

  test('a key set with a time that is over is not there', async () => {
    expect(await client.ok('SET', 'past', 'v', 'PXAT', 1)).toBe('OK');
    expect(await client.ok('GET', 'past')).toBe(null);
    await client.ok('SET', 'past', 'v');
    expect(await client.ok('EXPIRE', 'past', -1)).toBe(1);
    expect(await client.ok('EXISTS', 'past')).toBe(0);
  });

  test('keys that nobody asks for are removed in the background', { timeout: 60_000 }, async () => {
    await client.ok('FLUSHALL');
    await client.ok('CONFIG', 'RESETSTAT');
    for (let base = 0; base < 50_000; base += 1000) {
      await client.pipelineRaw(Array.from({ length: 1000 }, (_, i) => ['SET', `x${base + i}`, 'v', 'PX', 300]));
    }
    await client.ok('SET', 'stays', 'v');
    const other = await server.client();
    const gone = until('DBSIZE is 1', async () => (await client.ok('DBSIZE')) === 1, 20_000);
    expect(await longestPingMs(other, gone)).toBeLessThan(1000);
    expect(await client.ok('KEYS', '*')).toEqual(['stays']);
    expect(Number(await infoField(client, 'stats', 'expired_keys'))).toBe(50_000);
    expect(await infoField(client, 'keyspace', 'db0')).toMatch(/^keys=1,expires=0/);
  });

  test('INFO counts keys with an expiry', async () => {
    await client.ok('FLUSHALL');
    await client.ok('SET', 'a', 1, 'EX', 100);
    await client.ok('SET', 'b', 1, 'EX', 100);
    await client.ok('SET', 'c', 1);
    expect(await infoField(client, 'keyspace', 'db0')).toMatch(/^keys=3,expires=2,avg_ttl=/);
    await client.ok('PERSIST', 'a');
    await client.ok('SET', 'b', 2);
    expect(await infoField(client, 'keyspace', 'db0')).toMatch(/^keys=3,expires=0/);
  });
});
