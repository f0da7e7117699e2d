/** XREAD and XREADGROUP that wait: for entries, and with a group for the end of the stream or the group too. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import type { RespClient, Value } from '../harness/resp-client.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 4, dispatch: 'auto', ioThreads: 2 },
  { shards: 4, dispatch: 'ring', ioThreads: 1 },
] as const;
const NO_GROUP = /^NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option/;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let a: RespClient;
  let b: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    a = await server.client();
    b = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** Sends a command that blocks, and returns once it does. */
  async function waiting(client: RespClient, ...args: (string | number)[]): Promise<{ reply: Promise<Value> }> {
    const reply = client.call(...args);
    reply.catch(() => {});
    await until('the client blocks', async () =>
      /blocked_clients:1\r/.test((await a.call('INFO', 'clients')) as string),
    );
    return { reply };
  }

  const grouped = ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', '20000', 'STREAMS', 's', '>'] as const;

  async function freshGroup(): Promise<void> {
    await a.ok('FLUSHALL');
    await a.ok('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
  }

  test('XREAD waits for what comes behind $', async () => {
    await a.ok('FLUSHALL');
    await a.ok('XADD', 's', '1-0', 'f', 'old');
    const { reply } = await waiting(b, 'XREAD', 'BLOCK', 20000, 'STREAMS', 'other', 's', '$', '$');
    await a.ok('XADD', 's', '2-0', 'f', 'new');
    expect(await reply).toEqual([['s', [['2-0', ['f', 'new']]]]]);
    expect(await b.call('XREAD', 'BLOCK', 10, 'STREAMS', 's', '$')).toBe(null);
    expect(await b.call('XREAD', 'STREAMS', 's', '+')).toEqual([['s', [['2-0', ['f', 'new']]]]]);
  });

  test('XREAD goes on waiting when the key becomes something else or is gone', async () => {
    await a.ok('FLUSHALL');
    const { reply } = await waiting(b, 'XREAD', 'BLOCK', 20000, 'STREAMS', 's', '0');
    await a.ok('RPUSH', 's', 'x');
    await a.ok('DEL', 's');
    await a.ok('XADD', 's', '3-3', 'f', 'v');
    expect(await reply).toEqual([['s', [['3-3', ['f', 'v']]]]]);
  });

  test('XREADGROUP gets a new entry, and it is pending', async () => {
    await freshGroup();
    const { reply } = await waiting(b, ...grouped);
    await a.ok('XADD', 's', '7-0', 'f', 'v');
    expect(await reply).toEqual([['s', [['7-0', ['f', 'v']]]]]);
    expect(await a.call('XPENDING', 's', 'g')).toEqual([1, '7-0', '7-0', [['me', '1']]]);
  });

  test.each([
    [['DEL', 's'], NO_GROUP],
    [['UNLINK', 's'], NO_GROUP],
    [['XGROUP', 'DESTROY', 's', 'g'], NO_GROUP],
    [['FLUSHALL'], NO_GROUP],
    [['FLUSHDB'], NO_GROUP],
    [['SWAPDB', '0', '1'], NO_GROUP],
    [['RENAME', 's', 't'], NO_GROUP],
    [['PEXPIRE', 's', '-1'], NO_GROUP],
    [['PEXPIRE', 's', '50'], NO_GROUP],
    [['SET', 's', 'x'], /^WRONGTYPE/],
    [['EVAL', "redis.call('del', KEYS[1]) redis.call('sadd', KEYS[1], 'x')", '1', 's'], /^WRONGTYPE/],
  ])('XREADGROUP hears of %j', async (command, error) => {
    await freshGroup();
    const { reply } = await waiting(b, ...grouped);
    await a.call(...command);
    expect(((await reply) as Error).message).toMatch(error);
    // Nobody waits any more.
    await until('nobody waits', async () => /blocked_clients:0\r/.test((await a.call('INFO', 'clients')) as string));
  });

  test('a transaction that puts the stream back disturbs nobody', async () => {
    await freshGroup();
    const { reply } = await waiting(b, ...grouped);
    const commands = [['MULTI'], ['DEL', 's'], ['XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM'], ['EXEC']];
    await a.pipeline(commands);
    await a.ok('XADD', 's', '9-0', 'f', 'v');
    expect(await reply).toEqual([['s', [['9-0', ['f', 'v']]]]]);
  });
});
