/** What waits in a shard's ring when a script there becomes too slow is refused, as what comes later is. */
import { describe, expect, test } from 'vitest';
import { withEmbedded } from '../harness/embedded.js';
import { ReplyError, RespClient, type Value } from '../harness/resp-client.js';
import { until } from '../harness/waiting.js';

const ENDLESS = "redis.call('get', KEYS[1]) while true do end";
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const;

const isBusy = (value: Value): boolean => value instanceof ReplyError && value.message.startsWith('BUSY ');

describe.each(SETUPS)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  test('commands that came before the script was slow are refused when it is', async () => {
    await withEmbedded(setup, async (client, server) => {
      const connect = (): Promise<RespClient> => RespClient.connect(server.port);
      await client.ok('CONFIG', 'SET', 'busy-reply-threshold', '300');
      // The interpreter is made before.
      await client.ok('EVAL', "return redis.call('get', KEYS[1])", '1', 'k');
      const [slow, transaction] = [await connect(), await connect()];
      const waiting = await Promise.all(Array.from({ length: 4 }, connect));
      // On its own connection a command waits for the script.
      const own = slow.pipeline([
        ['EVAL', ENDLESS, '1', 'k'],
        ['SET', 'k', 'own'],
      ]);
      await until('the script runs', async () =>
        /^cmdstat_eval:calls=[^1]|BUSY/m.test(String(await client.call('INFO', 'commandstats'))),
      );
      const refused = waiting.map((each) =>
        each.pipeline([
          ['SET', 'k', 'lost'],
          ['GET', 'k'],
          ['BLPOP', 'k', '0'],
        ]),
      );
      // It is past MULTI: it waits.
      const applied = transaction.pipeline([['MULTI'], ['APPEND', 'k', '!'], ['EXEC']]);
      for (const replies of await Promise.all(refused)) {
        expect(replies.map(isBusy)).toEqual([true, true, true]);
      }
      const late = await client.pipeline([['MULTI'], ['GET', 'k'], ['EXEC'], ['EXEC']]);
      expect(late.map((reply) => String(reply).replace(/^ReplyError: (\w+).*/, '$1'))).toEqual([
        'OK',
        'BUSY',
        'EXECABORT',
        // Out of MULTI: with all shards busy it is not even looked at.
        setup.shards === 1 ? 'BUSY' : 'ERR',
      ]);
      expect(await client.call('SCRIPT', 'KILL')).toBe('OK');
      const [killed, set] = await own;
      expect(String(killed)).toContain('Script killed by user');
      expect(set).toBe('OK');
      expect((await applied)[0]).toBe('OK');
      expect(['own', 'own!']).toContain(await client.call('GET', 'k'));
      for (const each of waiting)
        expect(
          await each.pipeline([
            ['SET', 'j', '1'],
            ['INCR', 'j'],
          ]),
        ).toEqual(['OK', 2]);
      for (const each of [slow, transaction, ...waiting]) await each.close();
    });
  });
});
