/**
 * Requests that are put off (no interpreter yet, all jobs taken) or run again by a successor: none is lost on the way,
 * however big it is, and none ends thread after thread.
 */
import { describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { RespClient } from '../../harness/resp-client.js';
import { startSherd } from '../../harness/servers.js';

/** Does not fit into a record of a ring, so it travels by mail. */
const PADDING = `--${'x'.repeat(600_000)}`;
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const;

describe.each(SETUPS)('#11 with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  test('big requests that find no interpreter yet, or whose thread dies, are carried out', async () => {
    await withEmbedded(setup, async (client, server) => {
      // No thread that comes new has an interpreter.
      const renew = async (): Promise<void> => {
        for (let shard = 0; shard < setup.shards; shard++) await server.debug.terminateShard(shard);
      };
      expect(await client.call('EVAL', `return 7 ${PADDING}`, '0')).toBe(7);
      await renew();
      const transaction = [['MULTI'], ['EVAL', `return 8 ${PADDING}`, '0'], ['SET', 'k', '1'], ['EXEC']];
      expect((await client.pipeline(transaction))[3]).toEqual([8, 'OK']);
      await renew();
      const library = `#!lua name=big\nredis.register_function('f', function() return 9 end) ${PADDING}`;
      expect(await client.call('FUNCTION', 'LOAD', library)).toBe('big');
      await renew();
      const others = await Promise.all(Array.from({ length: 6 }, () => RespClient.connect(server.port)));
      const all = Promise.all(others.map((each, i) => each.call('EVAL', `return ${i} ${PADDING}`, '1', `k${i}`)));
      expect(await client.call('FCALL', 'f', '1', PADDING)).toBe(9);
      expect(await all).toEqual([0, 1, 2, 3, 4, 5]);
      // It may wait at the head of the ring while the thread dies: the successor runs it.
      const set = client.call('SET', 'big', PADDING);
      await renew();
      expect(await set).toBe('OK');
      expect(await client.call('GET', 'big')).toBe(PADDING);
      for (const each of others) await each.close();
    });
  });
});

test('#11 where no interpreter of scripts can be made, scripts get an error and the rest goes on', async () => {
  const server = await startSherd({ ulimit: '-v 5000000' });
  try {
    const client = await server.client();
    const loaded = "#!lua name=l\nredis.register_function('f', function() return 9 end)";
    const replies = await client.pipeline([
      ['SET', 'k', 'v'],
      ['EVAL', 'return 1', '0'],
      ['EVALSHA', '0'.repeat(40), '0'],
      ['SCRIPT', 'LOAD', 'return 1'],
      ['SCRIPT', 'EXISTS', '0'.repeat(40)],
      ['FUNCTION', 'LOAD', loaded],
      ['FCALL', 'f', '0'],
      ['FUNCTION', 'LIST'],
      ['MULTI'],
      ['EVAL', 'return 1', '0'],
      ['GET', 'k'],
      ['EXEC'],
      ['GET', 'k'],
    ]);
    const refused = 'ReplyError: ERR there is no memory for an interpreter of scripts';
    // Some versions of Node find room.
    if (replies[1] !== 1) {
      for (const i of [1, 2, 3, 5, 6]) expect(String(replies[i]), `reply ${i}`).toBe(refused);
      expect(String((replies[11] as unknown[])[0])).toBe(refused);
    }
    expect((replies[11] as unknown[])[1]).toBe('v');
    expect(replies[12]).toBe('v');
    expect(server.log).not.toMatch(/died/);
  } finally {
    await server.stop();
  }
});
