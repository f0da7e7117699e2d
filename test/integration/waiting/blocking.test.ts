/** Blocking commands: who waits, who is served, in which order, and what is left behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { ReplyError, RespClient, Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
  { shards: 3, dispatch: 'ring', ioThreads: 1 },
] as const;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let a: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    a = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** Sends a command that blocks, and returns once it does. */
  async function waiting(client: RespClient, ...args: (string | number)[]): Promise<{ reply: Promise<Value> }> {
    const before = await blockedClients();
    const reply = client.call(...args);
    // The connection of a client that goes fails with it.
    reply.catch(() => {});
    await until('clients block', async () => (await blockedClients()) > before, 5000);
    return { reply };
  }

  async function blockedClients(): Promise<number> {
    const list = (await a.call('CLIENT', 'LIST')) as string;
    return list.split('\n').filter((line) => / flags=\w*b/.test(line)).length;
  }

  test('BLPOP takes what is there, or the null array when its time is up', async () => {
    await a.ok('RPUSH', 'l', 'x', 'y');
    expect(await a.call('BLPOP', 'absent', 'l', 0)).toEqual(['l', 'x']);
    expect(await a.call('BRPOP', 'l', 'absent', 0)).toEqual(['l', 'y']);
    const started = performance.now();
    expect(await a.call('BLPOP', 'l', '0.05')).toBe(null);
    expect(performance.now() - started).toBeGreaterThan(45);
    // The smallest number of a double is more than 0 and so a millisecond.
    expect(await a.call('BLPOP', 'l', '5e-324')).toBe(null);
    // The null of BLMOVE is that of arrays when its time is up, that of strings where it may not wait.
    expect(String(await a.raw('BLMOVE', 'l', 'm', 'LEFT', 'LEFT', '0.001'))).toBe('*-1\r\n');
    const replies = await a.pipelineRaw([['MULTI'], ['BLMOVE', 'l', 'm', 'LEFT', 'LEFT', '0.001'], ['EXEC']]);
    expect(String(replies[2])).toBe('*1\r\n$-1\r\n');
  });

  test('whose reply is to be skipped is not answered when its time is up', async () => {
    const client = await server.client();
    client.sendRaw('CLIENT REPLY SKIP\r\nBLPOP l 0.001\r\n');
    // All places of the replies come round once.
    for (let i = 0; i < 70; i++) expect(await client.call('PING', String(i))).toBe(String(i));
    client.sendRaw('CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING skipped\r\n');
    expect(await client.call('PING', 'shown')).toBe('shown');
    await client.close();
  });

  test('whoever waited first is served first, at the end of the command that pushed', async () => {
    const clients = await Promise.all([1, 2, 3].map(() => server.client()));
    const replies: Promise<Value>[] = [];
    for (const client of clients) replies.push((await waiting(client, 'BLPOP', 'q', 0)).reply);
    expect(
      await a.pipeline([
        ['RPUSH', 'q', '1', '2'],
        ['LLEN', 'q'],
      ]),
    ).toEqual([2, 0]);
    expect(await replies[0]).toEqual(['q', '1']);
    expect(await replies[1]).toEqual(['q', '2']);
    await a.ok('LPUSH', 'q', '3');
    expect(await replies[2]).toEqual(['q', '3']);
    expect(await a.call('EXISTS', 'q')).toBe(0);
    for (const client of clients) await client.close();
  });

  test('a client may wait for many keys on any shards, and is served once', async () => {
    const client = await server.client();
    const keys = Array.from({ length: 12 }, (_, i) => `many${i}`);
    for (const key of ['many7', 'many0', 'many11']) {
      const { reply } = await waiting(client, 'BRPOP', ...keys, 0);
      expect(await a.call('RPUSH', key, 'v')).toBe(1);
      expect(await a.call('RPUSH', 'many3', 'other')).toBe(1);
      expect(await reply).toEqual([key, 'v']);
      expect(await a.call('LPOP', 'many3')).toBe('other');
    }
    await client.close();
  });

  test('BLMOVE and BRPOPLPUSH move over shards, and feed those who wait at the other end', async () => {
    const [mover, taker] = [await server.client(), await server.client()];
    for (const [from, to] of [
      ['m1', 'm2'],
      ['m1', 'm3'],
      ['m4', 'm1'],
      ['m5', 'm5'],
    ] as const) {
      const moved = await waiting(mover, 'BLMOVE', from, to, 'LEFT', 'RIGHT', 0);
      if (from === to) {
        await a.ok('RPUSH', from, 'v');
        expect(await moved.reply).toBe('v');
        expect(await a.call('LPOP', from)).toBe('v');
        continue;
      }
      const taken = await waiting(taker, 'BLPOP', to, 0);
      await a.ok('RPUSH', from, 'v');
      expect(await moved.reply).toBe('v');
      expect(await taken.reply).toEqual([to, 'v']);
    }
    const { reply } = await waiting(mover, 'BRPOPLPUSH', 'm1', 'm2', 0);
    await a.ok('SET', 'm2', 'text');
    await a.ok('RPUSH', 'm1', 'v');
    expect(((await reply) as ReplyError).message).toMatch(/^WRONGTYPE/);
    expect(await a.call('LRANGE', 'm1', 0, -1)).toEqual(['v']);
    await a.call('DEL', 'm1', 'm2');
    await mover.close();
    await taker.close();
  });

  test('a transaction serves when it is over', async () => {
    const client = await server.client();
    const { reply } = await waiting(client, 'BLPOP', 't', 0);
    await a.ok('MULTI');
    await a.call('RPUSH', 't', '1');
    await a.call('LLEN', 't');
    await a.call('RPUSH', 't', '2');
    expect(await a.call('EXEC')).toEqual([1, 1, 2]);
    expect(await reply).toEqual(['t', '1']);
    const again = await waiting(client, 'BLMPOP', 0, 2, 'u', 't2', 'LEFT', 'COUNT', 10);
    await a.ok('MULTI');
    await a.call('RPUSH', 'u', '1');
    await a.call('DEL', 'u');
    await a.call('BLPOP', 'u', 0);
    expect(await a.call('EXEC')).toEqual([1, 1, null]);
    await a.ok('RPUSH', 't2', 'a', 'b');
    expect(await again.reply).toEqual(['t2', ['a', 'b']]);
    await a.call('DEL', 't');
    await client.close();
  });

  test('a key of another type leaves them waiting; RENAME, RESTORE and their like serve them', async () => {
    const client = await server.client();
    const { reply } = await waiting(client, 'BLPOP', 'k', 0);
    await a.ok('SET', 'k', 'text');
    await a.ok('DEL', 'k');
    await a.ok('HSET', 'k', 'f', 'v');
    await a.ok('DEL', 'k');
    await a.ok('RPUSH', 'k2', 'v');
    await a.ok('RENAME', 'k2', 'k');
    expect(await reply).toEqual(['k', 'v']);
    const again = await waiting(client, 'BLPOP', 'k', 0);
    await a.ok('RPUSH', 'k2', 'w');
    await a.ok('COPY', 'k2', 'k');
    expect(await again.reply).toEqual(['k', 'w']);
    await a.call('DEL', 'k2');
    await client.close();
  });

  test('CLIENT UNBLOCK ends a wait, with a null or an error', async () => {
    const client = await server.client();
    const id = (await client.call('CLIENT', 'ID')) as number;
    expect(await a.call('CLIENT', 'UNBLOCK', id)).toBe(0);
    const first = await waiting(client, 'BLPOP', 'k', 'k3', 0);
    expect(await a.call('CLIENT', 'UNBLOCK', id)).toBe(1);
    expect(await first.reply).toBe(null);
    const second = await waiting(client, 'BLMOVE', 'k', 'k3', 'LEFT', 'LEFT', 0);
    expect(await a.call('CLIENT', 'UNBLOCK', id, 'ERROR')).toBe(1);
    expect(((await second.reply) as ReplyError).message).toBe('UNBLOCKED client unblocked via CLIENT UNBLOCK');
    expect(
      await a.pipeline([
        ['RPUSH', 'k', '1'],
        ['LLEN', 'k'],
        ['DEL', 'k'],
      ]),
    ).toEqual([1, 1, 1]);
    await client.close();
  });

  test('a client that goes while it waits takes nothing along', async () => {
    const [gone, stays] = [await server.client(), await server.client()];
    await waiting(gone, 'BLPOP', 'g', 'g2', 0);
    const { reply } = await waiting(stays, 'BLPOP', 'g', 0);
    await gone.close();
    await until('clients block', async () => (await blockedClients()) === 1, 5000);
    await a.ok('RPUSH', 'g', '1');
    expect(await reply).toEqual(['g', '1']);
    await stays.close();
  });

  test('what stands behind a blocking command in a pipeline runs when it has been answered', async () => {
    const client = await server.client();
    const replies = client.pipeline([
      ['SET', 'p', '1'],
      ['BLPOP', 'pl', 0],
      ['GET', 'p'],
      ['BLPOP', 'pl', '0.01'],
    ]);
    await until('clients block', async () => (await blockedClients()) === 1, 5000);
    await a.ok('SET', 'p', '2');
    await a.ok('RPUSH', 'pl', 'x');
    expect(await replies).toEqual(['OK', ['pl', 'x'], '2', null]);
    await client.close();
  });

  test('BZPOPMIN, BZPOPMAX and BZMPOP wait for sorted sets', async () => {
    const client = await server.client();
    const first = await waiting(client, 'BZPOPMIN', 'z1', 'z2', 0);
    await a.ok('ZADD', 'z2', 2, 'b', 1, 'a');
    expect(await first.reply).toEqual(['z2', 'a', '1']);
    expect(await a.call('BZPOPMAX', 'z2', 0)).toEqual(['z2', 'b', '2']);
    const second = await waiting(client, 'BZMPOP', 0, 2, 'z1', 'z2', 'MAX', 'COUNT', 2);
    await a.ok('ZADD', 'src', 1, 'x', 2, 'y', 3, 'z');
    await a.ok('ZUNIONSTORE', 'z1', 1, 'src');
    expect(await second.reply).toEqual([
      'z1',
      [
        ['z', '3'],
        ['y', '2'],
      ],
    ]);
    await a.call('DEL', 'z1', 'src');
    await client.close();
  });

  test('has the errors of Redis', async () => {
    const message = async (...args: (string | number)[]): Promise<string> =>
      ((await a.call(...args)) as ReplyError).message;
    expect(await message('BLPOP', 'k', 'x')).toBe('ERR timeout is not a float or out of range');
    expect(await message('BLPOP', 'k', '-1')).toBe('ERR timeout is negative');
    expect(await message('BLPOP', 'k', '1e100')).toBe('ERR timeout is out of range');
    await a.ok('SET', 'text', 'x');
    expect(await message('BLPOP', 'text', 0)).toMatch(/^WRONGTYPE/);
    expect(await message('BLMPOP', 0, 0, 'k', 'LEFT')).toBe('ERR numkeys should be greater than 0');
    expect(await message('BLMPOP', 'x', 1, 'k', 'NOWHERE')).toBe('ERR syntax error');
    expect(await message('BZMPOP', 'x', 1, 'k', 'MIN', 'COUNT', 0)).toBe('ERR count should be greater than 0');
    expect(await message('BZMPOP', 'x', 1, 'k', 'MIN')).toBe('ERR timeout is not a float or out of range');
  });

  test('hundreds of waiting clients each get one element', async () => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => server.client()));
    const replies = clients.map((client) => client.call('BLPOP', 'crowd', 'crowd2', 0));
    await until('clients block', async () => (await blockedClients()) === 200, 10_000);
    const values = Array.from({ length: 200 }, (_, i) => String(i));
    await a.pipeline(values.map((value) => ['RPUSH', 'crowd', value]));
    const got = (await Promise.all(replies)).map((reply) => (reply as string[])[1]);
    expect([...got].sort()).toEqual([...values].sort());
    await Promise.all(clients.map((client) => client.close()));
  });
});
