/**
 * What waits in a shard's ring when a script there becomes too slow is refused, as what comes later is; and what waits
 * for a script keeps nobody waiting who does not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { ReplyError, RespClient, type Value } from '../../harness/resp-client.js';
import { until } from '../../harness/waiting.js';

const ENDLESS = "redis.call('get', KEYS[1]) while true do end";
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const;

const isBusy = (value: Value): boolean => value instanceof ReplyError && value.message.startsWith('BUSY ');

/** Keys of the shards 0 and 1 of two. */
const [LOW, HIGH] = ['bar', 'foo'];
const SLOW = "redis.call('SET', KEYS[1], '0') for i = 1, 3e7 do end";
const NOT_YET_MS = 30;

test.each(['auto', 'ring'] as const)(
  'a command over several shards holds none while it waits: %s',
  async (dispatch) => {
    await withEmbedded({ shards: 2, dispatch }, async (client, server) => {
      for (const key of [LOW, HIGH]) await client.call('EVAL', "return redis.call('get', KEYS[1])", '1', key);
      const [slow, reader, writer, taker] = await Promise.all([0, 1, 2, 3].map(() => RespClient.connect(server.port)));
      const script = slow!.call('EVAL', SLOW, '1', HIGH);
      await until('the script runs', async () => {
        const probe = taker!.call('GET', HIGH).then(() => false);
        return Promise.race([probe, sleep(NOT_YET_MS).then(() => true)]);
      });
      let done = 0;
      const count = (value: Value): Value => {
        done++;
        return value;
      };
      const waiting = [
        reader!.call('MGET', LOW, HIGH).then(count),
        writer!.call('MSET', LOW, '1', HIGH, '1').then(count),
        taker!.call('BLPOP', 'a{bar}', 'a{foo}', '0.01').then(count),
      ];
      for (let i = 0; i < 5; i++) {
        const replies = await client.pipeline([
          ['SET', LOW, 'free'],
          ['EVAL', "return redis.call('get', KEYS[1])", '1', LOW],
          ['MGET', LOW, LOW],
        ]);
        expect(replies).toEqual(['OK', 'free', ['free', 'free']]);
      }
      expect(done).toBe(0);
      await script;
      const [read] = await Promise.all(waiting);
      expect((read as Value[])[0]).toMatch(/^(free|1)$/);
      expect(await client.call('MGET', LOW, HIGH)).toEqual(['1', '1']);
      for (const each of [slow, reader, writer, taker]) await each!.close();
    });
  },
);

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
          // It travels by mail.
          ['SET', 'k', 'lost'.repeat(100_000)],
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
        // Out of MULTI: with all shards busy it is not even looked at, and refused as an EXEC is.
        setup.shards === 1 ? 'EXECABORT' : 'ERR',
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
