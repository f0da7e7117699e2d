/** What a client is told without having asked, while it waits for something else: at once, and in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'inline', ioThreads: 2 },
  { shards: 3, dispatch: 'ring', ioThreads: 3 },
] as const;

const words = (command: string): string[] => command.split(' ');

/** How a client waits: what it sends, and what ends that from outside. */
const STATES: Record<string, { wait: string; end: string }> = {
  'in MULTI': { wait: '', end: '' },
  'in BLPOP': { wait: 'BLPOP queue queue2 0', end: 'RPUSH queue x' },
  'in BLMOVE': { wait: 'BLMOVE queue queue2 LEFT LEFT 0', end: 'RPUSH queue x' },
  'in BZPOPMIN': { wait: 'BZPOPMIN queue 0', end: 'ZADD queue 1 x' },
  'in XREAD': { wait: 'XREAD BLOCK 0 STREAMS queue $', end: 'XADD queue 1-1 f v' },
  'in XREADGROUP': { wait: 'XREADGROUP GROUP g c BLOCK 0 STREAMS log >', end: 'XADD log 1-1 f v' },
  'in WAIT': { wait: 'WAIT 1 0', end: 'UNBLOCK' },
  'in WAITAOF': { wait: 'WAITAOF 0 1 0', end: 'UNBLOCK' },
};

describe.each(SETUPS)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let other: RespClient;
  beforeAll(async () => {
    server = await startSherd({ ...setup, args: ['--notify-keyspace-events', 'Kl'] });
    other = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test.each(Object.entries(STATES))(
    'a client %s hears messages and invalidations at once (#11)',
    async (name, state) => {
      const client = await server.client();
      await client.ok('HELLO', '3');
      const id = String(await client.ok('CLIENT', 'ID'));
      await other.ok('XGROUP', 'CREATE', 'log', 'g', '$', 'MKSTREAM');
      await client.ok('CLIENT', 'TRACKING', 'ON');
      client.sendRaw('SUBSCRIBE news __keyspace@0__:events\r\n');
      await until('subscribed', async () => client.pushes.length >= 2);
      await client.call('MGET', 'a', 'b', 'c');
      const writer = await server.client();
      if (name === 'in MULTI') await client.ok('MULTI');
      const paused = name === 'in a paused write';
      if (paused) await other.ok('CLIENT', 'PAUSE', '100000', 'WRITE');
      let isOver = false;
      const reply = state.wait === '' ? null : client.call(...words(state.wait)).finally(() => (isOver = true));
      const waits = async (): Promise<boolean> =>
        / flags=\w*b/.test(String(await other.ok('CLIENT', 'LIST', 'ID', id)));
      if (reply !== null) await until('it waits', waits);
      client.pushes.splice(0);

      /** What the client hears of `commands` while it goes on waiting. */
      const heard = async (count: number, ...commands: string[]): Promise<Value[]> => {
        await writer.pipeline(commands.map(words));
        await until(`${count} pushes`, async () => client.pushes.length >= count, 3000);
        return client.pushes.splice(0);
      };
      // A shard and an I/O thread tell a client of another I/O thread by different ways: either may be first.
      const inOrder = (pushes: Value[]): Value[] => (setup.ioThreads === 1 ? pushes : pushes.sort());
      const message = ['message', 'news', 'm'];
      expect(inOrder(await heard(2, 'SET a 1', 'PUBLISH news m'))).toEqual([['invalidate', ['a']], message]);
      expect(inOrder(await heard(2, 'PUBLISH news m', 'SET b 1'))).toEqual(inOrder([message, ['invalidate', ['b']]]));
      expect(await heard(1, 'LPUSH events x')).toEqual([['message', '__keyspace@0__:events', 'lpush']]);
      if (!name.includes('GROUP')) expect(await heard(1, 'FLUSHDB')).toEqual([['invalidate', null]]);
      expect(isOver).toBe(false);
      if (state.end === 'UNBLOCK') await other.ok('CLIENT', 'UNBLOCK', id);
      else if (state.end !== '') await other.ok(...words(state.end));
      if (reply !== null) expect(await reply).not.toBeInstanceOf(Error);
      await client.close();
      await writer.close();
      await other.ok('FLUSHALL');
    },
  );

  test('a waiting client hears of keys below its prefixes, so does the one it redirects to (#11)', async () => {
    const [client, waiting, target] = [await server.client(), await server.client(), await server.client()];
    for (const c of [client, target, waiting]) await c.ok('HELLO', '3');
    await client.ok('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'user:');
    const id = String(await target.ok('CLIENT', 'ID'));
    await waiting.ok('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id);
    await waiting.call('GET', 'k');
    const replies = [client.call('BLPOP', 'queue', '0'), target.call('WAIT', '1', '0')];
    const list = async (): Promise<string> => String(await other.ok('CLIENT', 'LIST'));
    await until('both wait', async () => (await list()).match(/ flags=\w*b/g)?.length === 2);
    await other.ok('SET', 'user:1', 'x');
    await until('told', async () => client.pushes.length > 0, 3000);
    expect(client.pushes).toEqual([['invalidate', ['user:1']]]);
    await other.ok('SET', 'k', 'x');
    await until('told', async () => target.pushes.length > 0, 3000);
    expect(target.pushes).toEqual([['invalidate', ['k']]]);
    await other.ok('RPUSH', 'queue', 'x');
    await other.ok('CLIENT', 'UNBLOCK', id);
    expect(await Promise.all(replies)).toEqual([['queue', 'x'], 0]);
    for (const c of [client, waiting, target]) await c.close();
  });
});
