/** XREAD and XREADGROUP that wait: who is served with what, and who hears that a stream or group is gone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { ReplyError, type RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until, untilBlocked } from '../../harness/waiting.js';

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

  async function blockedClients(): Promise<number> {
    const list = (await a.call('CLIENT', 'LIST')) as string;
    return list.split('\n').filter((line) => / flags=\w*b/.test(line)).length;
  }

  /** Sends a command that blocks, and returns once it does. */
  async function waiting(client: RespClient, ...args: (string | number)[]): Promise<{ reply: Promise<Value> }> {
    const before = await blockedClients();
    const reply = client.call(...args);
    reply.catch(() => {});
    await until('clients block', async () => (await blockedClients()) > before, 5000);
    return { reply };
  }

  const text = (reply: Value): string => (reply instanceof ReplyError ? reply.message : JSON.stringify(reply));

  const grouped = ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', '20000', 'STREAMS', 's', '>'] as const;

  async function freshGroup(): Promise<void> {
    await a.ok('FLUSHALL');
    await a.ok('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
  }

  test('XREAD waits for what comes after $, on any of its streams', async () => {
    const client = await server.client();
    await a.ok('XADD', 'r1', '5-1', 'f', 'old');
    for (const key of ['r0', 'r1', 'r2']) {
      const { reply } = await waiting(client, 'XREAD', 'BLOCK', 0, 'STREAMS', 'r0', 'r1', 'r2', '$', '$', '$');
      const id = await a.ok('XADD', key, '*', 'f', key);
      expect(await reply).toEqual([[key, [[id, ['f', key]]]]]);
    }
    await client.close();
  });

  test('XREAD goes on waiting while nothing of use comes, and answers with a null in the end', async () => {
    const client = await server.client();
    await a.ok('XADD', 'n', '5-1', 'f', 'v');
    const { reply } = await waiting(client, 'XREAD', 'BLOCK', 100, 'STREAMS', 'n', '9-9');
    await a.ok('XADD', 'n', '9-8', 'f', 'v');
    await a.ok('DEL', 'n');
    await a.ok('SET', 'n', 'a string');
    await a.ok('DEL', 'n');
    await a.ok('XGROUP', 'CREATE', 'n', 'g', '$', 'MKSTREAM');
    expect(await reply).toBe(null);
    await client.close();
  });

  test('XREAD is served with all that one transaction or script added to a stream', async () => {
    const client = await server.client();
    const { reply } = await waiting(client, 'XREAD', 'BLOCK', 0, 'COUNT', 5, 'STREAMS', 't', '0-0');
    await a.pipeline([['MULTI'], ['XADD', 't', '1-1', 'f', 'a'], ['XADD', 't', '2-1', 'f', 'b'], ['EXEC']]);
    expect(await reply).toEqual([
      [
        't',
        [
          ['1-1', ['f', 'a']],
          ['2-1', ['f', 'b']],
        ],
      ],
    ]);
    await client.close();
  });

  test('all who wait with XREAD get an entry, of those with one group only the first', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => server.client()));
    await a.ok('XGROUP', 'CREATE', 'all', 'g', '$', 'MKSTREAM');
    const replies: Promise<Value>[] = [];
    const read = ['XREAD', 'BLOCK', 0, 'STREAMS', 'all', '$'];
    const readGroup = (consumer: string): (string | number)[] => [
      ...['XREADGROUP', 'GROUP', 'g', consumer, 'BLOCK', 0, 'STREAMS', 'all', '>'],
    ];
    const commands = [read, readGroup('ann'), readGroup('bob'), read];
    for (let i = 0; i < 4; i++) replies.push((await waiting(clients[i]!, ...commands[i]!)).reply);
    const first = [['all', [['1-1', ['f', 'v']]]]];
    await a.ok('XADD', 'all', '1-1', 'f', 'v');
    expect(await replies[0]).toEqual(first);
    expect(await replies[1]).toEqual(first);
    expect(await replies[3]).toEqual(first);
    expect(await a.call('XPENDING', 'all', 'g')).toEqual([1, '1-1', '1-1', [['ann', '1']]]);
    await a.ok('XADD', 'all', '2-1', 'f', 'v');
    expect(await replies[2]).toEqual([['all', [['2-1', ['f', 'v']]]]]);
    for (const client of clients) await client.close();
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
    await untilBlocked(a, 0);
  });

  test('a transaction that puts the stream back disturbs nobody', async () => {
    await freshGroup();
    const { reply } = await waiting(b, ...grouped);
    const commands = [['MULTI'], ['DEL', 's'], ['XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM'], ['EXEC']];
    await a.pipeline(commands);
    await a.ok('XADD', 's', '9-0', 'f', 'v');
    expect(await reply).toEqual([['s', [['9-0', ['f', 'v']]]]]);
  });

  test('a stream that comes by RENAME, COPY or RESTORE serves those who wait for it', async () => {
    const client = await server.client();
    for (const how of ['RENAME', 'COPY', 'RESTORE']) {
      await a.call('DEL', 'from', 'to');
      await a.ok('XADD', 'from', '7-7', 'f', how);
      const { reply } = await waiting(client, 'XREAD', 'BLOCK', 0, 'STREAMS', 'to', '0');
      if (how === 'RESTORE') {
        const dump = await a.raw('DUMP', 'from');
        await a.ok('RESTORE', 'to', 0, dump.subarray(dump.indexOf('\n') + 1, dump.length - 2));
      } else await a.ok(how, 'from', 'to');
      expect(await reply).toEqual([['to', [['7-7', ['f', how]]]]]);
    }
    await client.close();
  });

  test('nothing waits inside a transaction, and history never waits', async () => {
    await a.ok('XGROUP', 'CREATE', 'now', 'g', '$', 'MKSTREAM');
    const replies = await a.pipeline([
      ['MULTI'],
      ['XREAD', 'BLOCK', 0, 'STREAMS', 'now', '$'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', 'now', '>'],
      ['EXEC'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', 'now', '0'],
    ]);
    expect(replies.slice(3)).toEqual([[null, null], [['now', []]]]);
    const script = "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', KEYS[1], '$')";
    expect(await a.call('EVAL', script, 1, 'now')).toBe(null);
    const grouped = "return redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', 0, 'STREAMS', KEYS[1], '>')";
    expect(await a.call('EVAL', grouped, 1, 'now')).toBe(null);
    const wrong = "return redis.pcall('XREAD', 'BLOCK', 'x', 'STREAMS', KEYS[1], '$')";
    expect(text(await a.call('EVAL', wrong, 1, 'now'))).toMatch(/timeout is not an integer/);
  });

  test('CLIENT UNBLOCK ends the waiting, and a client that goes is forgotten', async () => {
    const [client, other] = [await server.client(), await server.client()];
    const id = (await client.ok('CLIENT', 'ID')) as number;
    const { reply } = await waiting(client, 'XREAD', 'BLOCK', 0, 'STREAMS', 'u', '$');
    expect(await a.call('CLIENT', 'UNBLOCK', id)).toBe(1);
    expect(await reply).toBe(null);
    await waiting(other, 'XREAD', 'BLOCK', 0, 'STREAMS', 'u', '$');
    await other.close();
    await until('nobody waits', async () => (await blockedClients()) === 0, 5000);
    await a.ok('XADD', 'u', '*', 'f', 'v');
    await client.close();
  });

  test('many producers and consumers lose nothing and get nothing twice', { timeout: 60_000 }, async () => {
    const keys = ['p0', 'p1', 'p2'];
    const each = 300;
    for (const key of keys) await a.ok('XGROUP', 'CREATE', key, 'g', '0', 'MKSTREAM');
    const seen: string[] = [];
    const consumers = await Promise.all([0, 1, 2, 3].map(() => server.client()));
    const consuming = consumers.map(async (client, c) => {
      for (;;) {
        const group = ['XREADGROUP', 'GROUP', 'g', `c${c}`, 'COUNT', 7, 'BLOCK', 50, 'STREAMS'];
        const reply = (await client.ok(...group, ...keys, '>', '>', '>')) as [string, [string, string[]][]][] | null;
        if (reply === null && seen.length >= keys.length * each) return;
        if (reply === null) continue;
        for (const [key, entries] of reply) {
          for (const [entry, fields] of entries) {
            seen.push(`${key} ${fields[1]}`);
            expect(await client.call('XACK', key, 'g', entry)).toBe(1);
          }
        }
      }
    });
    const producers = await Promise.all(keys.map(() => server.client()));
    await Promise.all(
      producers.map(async (client, p) => {
        for (let i = 0; i < each; i++) await client.ok('XADD', keys[p]!, '*', 'n', i);
      }),
    );
    await Promise.all(consuming);
    const expected = keys.flatMap((key) => Array.from({ length: each }, (_, i) => `${key} ${i}`));
    expect([...seen].sort()).toEqual(expected.sort());
    for (const key of keys) expect(((await a.call('XPENDING', key, 'g')) as Value[])[0]).toBe(0);
    for (const client of [...consumers, ...producers]) await client.close();
  });
});
