/** SCAN: what is there from beginning to end is returned, however much the keyspace grows and shrinks meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { Arg, RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

const seed = seedFrom('SCAN_SEED');

async function fill(client: RespClient, prefix: string, count: number): Promise<void> {
  for (let base = 0; base < count; base += 1000) {
    const size = Math.min(1000, count - base);
    await client.pipeline(Array.from({ length: size }, (_, i) => ['SET', `${prefix}${base + i}`, 'v']));
  }
}

/** Scans to the end; `between` runs between two steps. */
async function scan(client: RespClient, options: Arg[], between?: () => Promise<void>): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  let steps = 0;
  do {
    const [next, keys] = (await client.ok('SCAN', cursor, ...options)) as [string, string[]];
    found.push(...keys);
    cursor = next;
    await between?.();
    expect(++steps).toBeLessThan(1_000_000);
  } while (cursor !== '0');
  return found;
}

describe.each([1, 3])('SCAN over %d shards', (shards) => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test('returns each key once when nothing changes', async () => {
    await client.ok('FLUSHALL');
    await fill(client, 'a', 20_000);
    const found = await scan(client, ['COUNT', 100]);
    expect(found.length).toBe(20_000);
    expect(new Set(found).size).toBe(20_000);
    expect((await client.ok('KEYS', '*')) as string[]).toHaveLength(20_000);
  });

  test('filters by pattern and type', async () => {
    await client.ok('FLUSHALL');
    await fill(client, 'one', 500);
    await fill(client, 'two', 500);
    expect(new Set(await scan(client, ['MATCH', 'two*', 'COUNT', 50])).size).toBe(500);
    expect(new Set(await scan(client, ['TYPE', 'string', 'COUNT', 50])).size).toBe(1000);
    expect(await scan(client, ['TYPE', 'zset', 'COUNT', 50])).toEqual([]);
  });

  test(`keeps its promise while keys come and go (SCAN_SEED=${seed})`, async () => {
    const random = new SeededRandom(seed);
    for (const count of [1, 10, 100]) {
      await client.ok('FLUSHALL');
      await fill(client, 'stay', 1500);
      await fill(client, 'leave', 1500);
      let serial = 0;
      const found = new Set(
        await scan(client, ['COUNT', count], async () => {
          const batch: Arg[][] = Array.from({ length: random.below(count * 4) }, () =>
            random.chance(0.5) ? ['SET', `new${serial++}`, 'x'] : ['DEL', `leave${random.below(1500)}`],
          );
          if (batch.length > 0) await client.pipelineRaw(batch);
          if (serial > 100_000) serial = 0;
        }),
      );
      for (let i = 0; i < 1500; i++) expect(found.has(`stay${i}`), `stay${i} with COUNT ${count}`).toBe(true);
    }
  });

  test('ends when most keys are deleted on the way', async () => {
    await client.ok('FLUSHALL');
    await fill(client, 'k', 20_000);
    let deleted = 1;
    const found = new Set(
      await scan(client, ['COUNT', 20], async () => {
        const batch = Array.from({ length: 200 }, () => ['DEL', `k${deleted++}`]);
        if (deleted < 20_000) await client.pipelineRaw(batch);
      }),
    );
    expect(found.has('k0')).toBe(true);
  });

  test('RANDOMKEY finds every key in time and DBSIZE agrees', async () => {
    await client.ok('FLUSHALL');
    await fill(client, 'r', 20);
    const seen = new Set(await client.pipeline(Array.from({ length: 2000 }, () => ['RANDOMKEY'])));
    expect(seen.size).toBe(20);
    expect(await client.ok('DBSIZE')).toBe(20);
  });
});
