/** The data lives in no heap: V8's stays flat however many keys there are, and memory comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { SUBJECT_IS_REDIS, startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, until } from '../../harness/waiting.js';

const KEYS = 300_000;
const HEAP_GROWTH_MAX = 32 * (1 << 20);

describe.skipIf(SUBJECT_IS_REDIS)('memory', () => {
  let server: TestServer;
  let client: RespClient;
  const field = async (name: string): Promise<number> => Number(await infoField(client, 'memory', name));
  /** The least of several readings: what remains after collections that happen anyway. */
  const heap = async (): Promise<number> => {
    const readings: number[] = [];
    for (let i = 0; i < 5; i++) {
      await client.pipelineRaw(Array.from({ length: 2000 }, () => ['GET', 'key:00000001']));
      readings.push(await field('v8_heap_used'));
    }
    return Math.min(...readings);
  };
  beforeAll(async () => {
    server = await startSherd({ shards: 2 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test(`the V8 heap of all threads stays flat while ${KEYS} keys are loaded`, { timeout: 60_000 }, async () => {
    const before = await heap();
    const usedBefore = await field('used_memory');
    expect(before).toBeGreaterThan(0);
    const value = 'v'.repeat(32);
    for (let base = 0; base < KEYS; base += 5000) {
      await client.pipelineRaw(
        Array.from({ length: 5000 }, (_, i) => ['SET', `key:${String(base + i).padStart(12, '0')}`, value]),
      );
    }
    expect(await client.ok('DBSIZE')).toBe(KEYS);
    expect((await heap()) - before).toBeLessThan(HEAP_GROWTH_MAX);
    const bytesPerKey = ((await field('used_memory')) - usedBefore) / KEYS;
    expect(bytesPerKey).toBeGreaterThan(48);
    expect(bytesPerKey).toBeLessThan(0.6 * 136);
    expect(await client.ok('MEMORY', 'USAGE', 'key:000000000001')).toBeLessThan(120);
  });

  test('FLUSHALL gives it all back', { timeout: 60_000 }, async () => {
    const loaded = await field('used_memory');
    expect(await client.ok('FLUSHALL', 'ASYNC')).toBe('OK');
    expect(await client.ok('DBSIZE')).toBe(0);
    await until('the cells are free', async () => (await field('used_memory')) < loaded / 20);
    await until('nothing is pending', async () => (await field('lazyfree_pending_objects')) === 0);
    await until('all are counted', async () => (await field('lazyfreed_objects')) === KEYS);
  });
});
