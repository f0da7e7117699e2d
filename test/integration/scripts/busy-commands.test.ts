/** What may be asked while a script is busy, in each state of a connection: as Redis 7.2 answers. */
import { describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const ENDLESS = "redis.call('get', KEYS[1]) while true do end";
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const;

/** Texts of replies, errors by their first word. */
const texts = (replies: readonly Value[]): string[] =>
  replies.map((reply) => (reply === null ? 'nil' : String(reply).replace(/^ReplyError: (\w+).*/, '$1')));

async function untilBusy(client: RespClient): Promise<void> {
  await until('the script is busy', async () => texts([await client.call('GET', 'k')])[0] === 'BUSY');
}

describe.each(SETUPS)('#11 with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  test('what is allowed while a script is busy is answered at once, and WATCH keeps its promise', async () => {
    await withEmbedded(setup, async (client, server) => {
      const connect = (): Promise<RespClient> => RespClient.connect(server.port);
      await client.ok('CONFIG', 'SET', 'busy-reply-threshold', '100');
      await client.ok('SET', 'k', '0');
      // The interpreter is made before.
      await client.ok('EVAL', "return redis.call('get', KEYS[1])", '1', 'k');
      const [slow, before, fresh, unwatcher, resetter, prober] = await Promise.all(Array.from({ length: 6 }, connect));
      for (const each of [before, unwatcher, resetter]) await each!.ok('WATCH', 'k');
      const script = slow!.call('EVAL', ENDLESS, '1', 'k');
      await untilBusy(prober!);
      const ask = async (who: RespClient | undefined, ...commands: string[][]): Promise<string[]> =>
        texts(await who!.pipeline(commands));
      // Out of MULTI.
      expect(await ask(fresh, ['WATCH', 'k'], ['UNWATCH'], ['WATCH', 'k'])).toEqual(['OK', 'OK', 'OK']);
      expect(await ask(unwatcher, ['UNWATCH'], ['WATCH', 'k'], ['UNWATCH'])).toEqual(['OK', 'OK', 'OK']);
      expect(await ask(resetter, ['RESET'])).toEqual(['RESET']);
      expect(await ask(prober, ['MULTI'], ['DISCARD'], ['AUTH', 'x', 'y'])).toEqual(['OK', 'OK', 'WRONGPASS']);
      expect(await ask(prober, ['SHUTDOWN'], ['SHUTDOWN', 'SAVE'], ['SHUTDOWN', 'NOW'])).toEqual(Array(3).fill('BUSY'));
      expect(await ask(prober, ['SHUTDOWN', 'ABORT'], ['SHUTDOWN', 'SAVE', 'NOSAVE'])).toEqual(['ERR', 'ERR']);
      expect(await ask(prober, ['FUNCTION', 'STATS'], ['FUNCTION', 'KILL'])).toEqual(['BUSY', 'BUSY']);
      // In MULTI: what is refused makes EXEC fail, and the watches of before end with it.
      const inMulti = [
        ['MULTI'],
        ['WATCH', 'k'],
        ['GET', 'k'],
        ['UNWATCH'],
        ['SHUTDOWN'],
        ['SCRIPT', 'KILL'],
        ['EXEC'],
      ];
      expect(await ask(before, ...inMulti)).toEqual(['OK', 'ERR', 'BUSY', 'QUEUED', 'ERR', 'QUEUED', 'EXECABORT']);
      expect(await ask(before, ['WATCH', 'k'], ['MULTI'], ['DISCARD'])).toEqual(['OK', 'OK', 'OK']);
      // What needs no shard is refused where all of them are busy.
      expect(await ask(prober, ['PING'])).toEqual([setup.shards === 1 ? 'BUSY' : 'PONG']);
      expect(await ask(prober, ['SCRIPT', 'KILL'])).toEqual(['OK']);
      expect(texts([await script])).toEqual(['ERR']);

      // Nobody could tell whether a key changed that was watched meanwhile.
      expect(await ask(fresh, ['MULTI'], ['SET', 'k', 'lost'], ['EXEC'])).toEqual(['OK', 'QUEUED', 'nil']);
      for (const each of [before, fresh, unwatcher, resetter]) {
        const rounds = [['MULTI'], ['INCR', 'k'], ['EXEC'], ['WATCH', 'k'], ['WATCH', 'j'], ['MULTI'], ['INCR', 'k']];
        expect((await ask(each, ...rounds)).slice(0, 2)).toEqual(['OK', 'QUEUED']);
        await prober!.ok('SET', 'k', '5');
        expect(await ask(each, ['EXEC'], ['WATCH', 'k'], ['MULTI'], ['INCR', 'k'], ['EXEC'])).toEqual([
          'nil',
          'OK',
          'OK',
          'QUEUED',
          '6',
        ]);
        await each!.ok('WATCH', 'k');
        await prober!.ok('SET', 'k', '7');
        expect(await ask(each, ['UNWATCH'], ['MULTI'], ['INCR', 'k'], ['EXEC'])).toEqual(['OK', 'OK', 'QUEUED', '8']);
      }
      for (const each of [slow, before, fresh, unwatcher, resetter, prober]) await each!.close();
    });
  });
});

test('#11 SHUTDOWN NOSAVE ends a server whose script has written and never ends', async () => {
  const server = await startSherd({ args: ['--busy-reply-threshold', '100'] });
  try {
    const [slow, client] = [await server.client(), await server.client()];
    slow.call('EVAL', "redis.call('set', KEYS[1], 1) while true do end", '1', 'k').catch(() => {});
    await untilBusy(client);
    expect(texts([await client.call('SCRIPT', 'KILL'), await client.call('SHUTDOWN')])).toEqual(['UNKILLABLE', 'BUSY']);
    client.call('SHUTDOWN', 'NOSAVE').catch(() => {});
    expect(await server.exited).toEqual({ code: 0, signal: null });
  } finally {
    await server.stop();
  }
});
