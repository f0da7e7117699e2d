/** Values up to the limit go in and out whole, and nobody waits long for them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom } from '../../harness/random.js';
import type { RespClient } from '../../harness/resp-client.js';
import { SUBJECT_IS_REDIS, startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, longestPingMs, until } from '../../harness/waiting.js';

const MIB = 1 << 20;
const LIMIT_BYTES = 512 * MIB;
const TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';

/** The body of a bulk reply. */
function body(reply: Buffer): Buffer {
  return reply.subarray(reply.indexOf(10) + 1, -2);
}

describe('large values', () => {
  let server: TestServer;
  let client: RespClient;
  let other: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads: 2 });
    client = await server.client();
    other = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const used = async (): Promise<number> => Number(await infoField(client, 'memory', 'used_memory'));

  test('64 MB go in and out unchanged while others are served', { timeout: 60_000 }, async () => {
    const block = new SeededRandom(1).bytes(MIB);
    const value = Buffer.concat(Array.from({ length: 64 }, (_, i) => Buffer.concat([Buffer.of(i), block.subarray(1)])));
    const longest = await longestPingMs(
      other,
      (async () => {
        expect((await client.raw('SET', 'large', value)).toString()).toBe('+OK\r\n');
        expect(body(await client.raw('GET', 'large')).equals(value)).toBe(true);
      })(),
    );
    expect(longest).toBeLessThan(1500);
    expect(await client.ok('STRLEN', 'large')).toBe(value.length);
    const part = body(await client.raw('GETRANGE', 'large', 3 * MIB - 5, 3 * MIB + 5));
    expect(part.equals(value.subarray(3 * MIB - 5, 3 * MIB + 6))).toBe(true);
    expect(await client.ok('APPEND', 'large', 'tail')).toBe(value.length + 4);
    expect(await client.ok('SETRANGE', 'large', 10 * MIB - 2, 'seam')).toBe(value.length + 4);
    expect(await client.ok('GETRANGE', 'large', 10 * MIB - 3, 10 * MIB + 1)).toBe(
      `${value.toString('latin1', 10 * MIB - 3, 10 * MIB - 2)}seam`,
    );
    expect(await client.ok('COPY', 'large', 'copy')).toBe(1);
    expect(await client.ok('GETRANGE', 'copy', -4, -1)).toBe('tail');
    expect(await client.ok('DEL', 'large', 'copy')).toBe(2);
  });

  test('the memory of a large value comes back when it is deleted', async () => {
    const before = await used();
    await client.ok('SET', 'large', Buffer.alloc(32 * MIB, 1));
    expect((await used()) - before).toBeGreaterThan(31 * MIB);
    await client.ok('DEL', 'large');
    await until('the memory is free again', async () => (await used()) - before < 2 * MIB);
  });

  test.skipIf(SUBJECT_IS_REDIS)('a bitmap with one far bit needs memory for that bit only', async () => {
    const before = await used();
    expect(await client.ok('SETBIT', 'far', 4294967295, 1)).toBe(0);
    expect(await client.ok('STRLEN', 'far')).toBe(LIMIT_BYTES);
    expect(await client.ok('BITCOUNT', 'far')).toBe(1);
    expect(await client.ok('BITPOS', 'far', 1)).toBe(4294967295);
    expect((await used()) - before).toBeLessThan(4 * MIB);
    expect(await client.ok('DEL', 'far')).toBe(1);
  });

  test.skipIf(SUBJECT_IS_REDIS)(
    'serving large values over and over does not pile up memory',
    { timeout: 60_000 },
    async () => {
      await client.ok('SET', 'big', Buffer.alloc(MIB, 'x'));
      const before = server.rssBytes();
      for (let round = 0; round < 8; round++) {
        for (const reply of await other.pipelineRaw(Array.from({ length: 100 }, () => ['GET', 'big']))) {
          expect(reply.length).toBe(MIB + 12);
        }
      }
      expect((server.rssBytes() - before) / MIB).toBeLessThan(500);
      await client.ok('DEL', 'big');
    },
  );

  test('nothing grows past 512 MB', async () => {
    expect(await client.call('SETRANGE', 'over', LIMIT_BYTES - 1, 'ab')).toMatchObject({ message: TOO_LONG });
    expect(await client.call('SETRANGE', 'over', LIMIT_BYTES, 'a')).toMatchObject({ message: TOO_LONG });
    const range = 'ERR bit offset is not an integer or out of range';
    expect(await client.call('SETBIT', 'over', 4294967296, 1)).toMatchObject({ message: range });
    expect(await client.ok('EXISTS', 'over')).toBe(0);
  });

  test.runIf(process.env.SHERD_TEST_HUGE)('512 MB go in and out unchanged', { timeout: 600_000 }, async () => {
    const value = Buffer.alloc(LIMIT_BYTES, 'h');
    value.write('begin', 0);
    value.write('end', LIMIT_BYTES - 3);
    expect((await client.raw('SET', 'huge', value)).toString()).toBe('+OK\r\n');
    expect(body(await client.raw('GET', 'huge')).equals(value)).toBe(true);
    expect(await client.call('APPEND', 'huge', 'x')).toMatchObject({ message: TOO_LONG });
    expect(await client.ok('DEL', 'huge')).toBe(1);
  });
});
