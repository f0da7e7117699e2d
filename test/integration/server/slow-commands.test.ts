/** Slow commands give way: KEYS, FLUSHALL and the like run in slices, and GETs go on meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { SUBJECT_IS_REDIS, startSherd, type TestServer } from '../../harness/servers.js';
import { longestPingMs, sleep } from '../../harness/waiting.js';

const KEYS = 200_000;
/** Generous: CI's machine is small and busy. The bench has the real figures. */
const STALL_MS_MAX = 250;

describe.skipIf(SUBJECT_IS_REDIS).each(['auto', 'ring'] as const)('slow commands, --dispatch %s', (dispatch) => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, dispatch });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** The longest GET of any key while the command runs. */
  async function longestGetMs(work: Promise<unknown>): Promise<number> {
    const other = await server.client();
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    let longest = 0;
    for (let i = 0; !isDone; i++) {
      const start = performance.now();
      await other.ok('GET', `key:${i % KEYS}`);
      longest = Math.max(longest, performance.now() - start);
    }
    await work;
    await other.close();
    return longest;
  }

  test('GETs go on while KEYS and FLUSHALL run over all keys', { timeout: 60_000 }, async () => {
    expect(await client.ok('DEBUG', 'POPULATE', KEYS)).toBe('OK');
    expect(await client.ok('DBSIZE')).toBe(KEYS);
    const none = Promise.all(Array.from({ length: 5 }, () => client.ok('KEYS', 'no*match')));
    expect(await longestGetMs(none)).toBeLessThan(STALL_MS_MAX);
    const all = client.raw('KEYS', '*');
    expect(await longestGetMs(all)).toBeLessThan(2 * STALL_MS_MAX);
    expect(await longestGetMs(client.ok('FLUSHALL', 'SYNC'))).toBeLessThan(STALL_MS_MAX);
    expect(await client.ok('DBSIZE')).toBe(0);
  });

  test('commands after a slow one on the same connection wait for it', async () => {
    await client.ok('FLUSHALL');
    await client.ok('DEBUG', 'POPULATE', 5000);
    const replies = await client.pipeline([
      ['KEYS', '*'],
      ['SET', 'after', 1],
      ['DBSIZE'],
      ['FLUSHALL'],
      ['DBSIZE'],
      ['GET', 'after'],
    ]);
    expect(replies[0]).toHaveLength(5000);
    expect(replies.slice(1)).toEqual(['OK', 5001, 'OK', 0, null]);
  });

  test('a client that leaves in the middle of KEYS disturbs nobody', async () => {
    await client.ok('DEBUG', 'POPULATE', 50_000);
    for (let i = 0; i < 10; i++) {
      const short = await server.client();
      short.raw('KEYS', '*').catch(() => {});
      await sleep(i);
      short.socket.resetAndDestroy();
    }
    expect(await longestPingMs(client, sleep(300))).toBeLessThan(STALL_MS_MAX * 2);
    expect(await client.ok('DBSIZE')).toBe(50_000);
  });
});
