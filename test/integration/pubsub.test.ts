/** Channels, patterns, shard channels and keyspace notifications, over one and two I/O threads. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withEmbedded } from '../harness/embedded.js';
import { checkAndStop } from '../harness/fsck.js';
import { encode, ReplyError, RespClient, type Value } from '../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../harness/servers.js';
import { infoField, sleep, until } from '../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 4, dispatch: 'auto', ioThreads: 2 },
  { shards: 2, dispatch: 'ring', ioThreads: 2 },
] as const;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch, $ioThreads I/O threads', (setup) => {
  let server: TestServer;
  let pub: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    pub = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const clients = (n: number): Promise<RespClient[]> => Promise.all(Array.from({ length: n }, () => server.client()));
  const closeAll = (list: readonly RespClient[]): Promise<unknown> => Promise.all(list.map((client) => client.close()));
  const nobodyLeft = (): Promise<void> =>
    until('all subscriptions ended', async () => (await infoField(pub, 'clients', 'pubsub_clients')) === '0');

  test('a message reaches every subscriber, and the publisher learns how many there are', async () => {
    const listeners = await clients(12);
    const matchers = await clients(6);
    for (const client of listeners) expect(await client.ok('SUBSCRIBE', 'news')).toEqual(['subscribe', 'news', 1]);
    for (const client of matchers) expect(await client.ok('PSUBSCRIBE', 'n*')).toEqual(['psubscribe', 'n*', 1]);
    expect(await pub.ok('PUBLISH', 'news', 'hello')).toBe(18);
    expect(await pub.ok('PUBLISH', 'nothing', 'x')).toBe(6);
    expect(await pub.ok('PUBLISH', 'other', 'x')).toBe(0);
    for (const client of listeners) expect(await client.read()).toEqual(['message', 'news', 'hello']);
    for (const client of matchers) {
      expect(await client.read()).toEqual(['pmessage', 'n*', 'news', 'hello']);
      expect(await client.read()).toEqual(['pmessage', 'n*', 'nothing', 'x']);
    }
    expect(await pub.ok('PUBSUB', 'NUMSUB', 'news', 'other')).toEqual(['news', 12, 'other', 0]);
    expect(await pub.ok('PUBSUB', 'NUMPAT')).toBe(1);
    expect(await pub.ok('PUBSUB', 'CHANNELS')).toEqual(['news']);
    expect(await pub.ok('PUBSUB', 'CHANNELS', 'x*')).toEqual([]);
    expect(await infoField(pub, 'stats', 'pubsub_channels')).toBe('1');
    expect(await infoField(pub, 'stats', 'pubsub_patterns')).toBe('1');
    expect(await infoField(pub, 'clients', 'pubsub_clients')).toBe('18');
    const lines = String(await pub.ok('CLIENT', 'LIST', 'TYPE', 'PUBSUB'))
      .trim()
      .split('\n');
    expect(lines).toHaveLength(18);
    expect(lines.filter((line) => / flags=P .* sub=1 psub=0 ssub=0 /.test(line))).toHaveLength(12);
    expect(await listeners[0]!.ok('UNSUBSCRIBE')).toEqual(['unsubscribe', 'news', 0]);
    expect(await pub.ok('PUBLISH', 'news', 'again')).toBe(17);
    await closeAll([...listeners, ...matchers]);
    await nobodyLeft();
    expect(await pub.ok('PUBLISH', 'news', 'x')).toBe(0);
    expect(await pub.ok('PUBSUB', 'CHANNELS')).toEqual([]);
    expect(await pub.ok('PUBSUB', 'NUMPAT')).toBe(0);
  });

  test('shard channels are a world of their own', async () => {
    const listeners = await clients(6);
    for (const client of listeners) {
      expect(await client.ok('SSUBSCRIBE', 'news')).toEqual(['ssubscribe', 'news', 1]);
      expect(await client.ok('SUBSCRIBE', 'news')).toEqual(['subscribe', 'news', 1]);
    }
    expect(await pub.ok('SPUBLISH', 'news', 's')).toBe(6);
    for (const client of listeners) expect(await client.read()).toEqual(['smessage', 'news', 's']);
    expect(await pub.ok('PUBLISH', 'news', 'p')).toBe(6);
    for (const client of listeners) expect(await client.read()).toEqual(['message', 'news', 'p']);
    expect(await pub.ok('PUBSUB', 'SHARDCHANNELS')).toEqual(['news']);
    expect(await pub.ok('PUBSUB', 'SHARDNUMSUB', 'news')).toEqual(['news', 6]);
    expect(await infoField(pub, 'stats', 'pubsubshard_channels')).toBe('1');
    expect(await listeners[0]!.ok('SUNSUBSCRIBE')).toEqual(['sunsubscribe', 'news', 0]);
    expect(await listeners[0]!.ok('SUNSUBSCRIBE')).toEqual(['sunsubscribe', null, 0]);
    expect(await pub.ok('SPUBLISH', 'news', 's')).toBe(5);
    await closeAll(listeners);
    await nobodyLeft();
  });

  test('messages of one publisher arrive in order, whatever their size', async () => {
    const listeners = await clients(8);
    for (const client of listeners) await client.ok('SUBSCRIBE', 'order');
    const messages = Array.from({ length: 3000 }, (_, i) => `${i}:${'x'.repeat(i % 100 === 0 ? 20_000 : i % 50)}`);
    const counts = await pub.pipeline(messages.map((text) => ['PUBLISH', 'order', text]));
    expect(counts.every((n) => n === 8)).toBe(true);
    for (const client of listeners) {
      for (const text of messages) expect(((await client.read()) as Value[])[2]).toBe(text);
    }
    await closeAll(listeners);
    await nobodyLeft();
  });

  test('a message of several megabytes arrives whole on each I/O thread', async () => {
    const listeners = await clients(6);
    for (const client of listeners) await client.ok('PSUBSCRIBE', 'big*');
    const payload = Buffer.alloc(5_000_001, 'payload ');
    expect(await pub.ok('PUBLISH', 'big', payload)).toBe(6);
    expect(await pub.ok('PUBLISH', 'big', 'behind')).toBe(6);
    for (const client of listeners) {
      expect(((await client.read()) as Value[])[3] === payload.toString('latin1')).toBe(true);
      expect(await client.read()).toEqual(['pmessage', 'big*', 'big', 'behind']);
    }
    await closeAll(listeners);
    await nobodyLeft();
  });

  test('a RESP2 client that subscribes may send little else', async () => {
    const [client] = await clients(1);
    await client!.ok('SUBSCRIBE', 'a', 'b');
    await client!.read();
    const refused = (name: string): ReplyError =>
      new ReplyError(
        `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in` +
          ' this context',
      );
    expect(await client!.call('GET', 'x')).toEqual(refused('get'));
    expect(await client!.call('CLIENT', 'ID')).toEqual(refused('client|id'));
    expect(await client!.call('PUBLISH', 'a', 'x')).toEqual(refused('publish'));
    expect(await client!.call('PING')).toEqual(['pong', '']);
    expect(await client!.call('PING', 'x')).toEqual(['pong', 'x']);
    expect(await client!.call('RESET')).toBe('RESET');
    expect(await client!.call('PING')).toBe('PONG');
    expect(await pub.ok('PUBSUB', 'NUMSUB', 'a')).toEqual(['a', 0]);
    await client!.close();
  });

  test('in RESP3 messages are pushes, and the own one comes behind the reply', async () => {
    const [client] = await clients(1);
    await client!.ok('HELLO', 3);
    client!.sendRaw('SUBSCRIBE a\r\nSUBSCRIBE b\r\nPUBLISH a 1\r\nPUBLISH b 2\r\nGET nothing\r\nUNSUBSCRIBE\r\n');
    expect([await client!.read(), await client!.read(), await client!.read()]).toEqual([1, 1, null]);
    await until('all pushes', async () => client!.pushes.length === 6);
    expect(client!.pushes.slice(0, 4)).toEqual([
      ['subscribe', 'a', 1],
      ['subscribe', 'b', 2],
      ['message', 'a', '1'],
      ['message', 'b', '2'],
    ]);
    await client!.close();
  });

  test('CLIENT REPLY OFF silences replies, not messages', async () => {
    const [client] = await clients(1);
    client!.sendRaw('CLIENT REPLY OFF\r\nPING\r\nSUBSCRIBE quiet\r\n');
    expect(await client!.read()).toEqual(['subscribe', 'quiet', 1]);
    expect(await pub.ok('PUBLISH', 'quiet', 'x')).toBe(1);
    expect(await client!.read()).toEqual(['message', 'quiet', 'x']);
    await client!.close();
  });

  test('transactions and scripts publish, and learn how many receivers there are', async () => {
    const listeners = await clients(4);
    for (const client of listeners) await client.ok('SUBSCRIBE', 'tx');
    expect(await pub.pipeline([['MULTI'], ['SET', 'k', '1'], ['PUBLISH', 'tx', 'in multi'], ['EXEC']])).toEqual([
      'OK',
      'QUEUED',
      'QUEUED',
      ['OK', 4],
    ]);
    expect(await pub.ok('EVAL', "return redis.call('publish', 'tx', ARGV[1])", 0, 'by script')).toBe(4);
    for (const client of listeners) {
      expect(await client.read()).toEqual(['message', 'tx', 'in multi']);
      expect(await client.read()).toEqual(['message', 'tx', 'by script']);
    }
    await closeAll(listeners);
    await nobodyLeft();
  });

  test('in a transaction only the shard channels are refused', async () => {
    const [client] = await clients(1);
    const replies = await client!.pipeline([['MULTI'], ['SUBSCRIBE', 'a'], ['SSUBSCRIBE', 'b'], ['MONITOR'], ['EXEC']]);
    expect(replies[4]).toEqual([
      ['subscribe', 'a', 1],
      new ReplyError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"),
      new ReplyError("ERR MONITOR isn't allowed for DENY BLOCKING client"),
    ]);
    await client!.close();
    await nobodyLeft();
  });

  test('an idle subscriber is not an idle client', async () => {
    const [listener, idle] = await clients(2);
    await listener!.ok('SUBSCRIBE', 'a');
    await pub.ok('CONFIG', 'SET', 'timeout', '1');
    const keepAlive = setInterval(() => void pub.ok('PING'), 200);
    await idle!.closed;
    clearInterval(keepAlive);
    await pub.ok('CONFIG', 'SET', 'timeout', '0');
    expect(await listener!.ok('PING')).toEqual(['pong', '']);
    await listener!.close();
    await nobodyLeft();
  });

  test('a slow subscriber is cut by its limit and harms nobody', async () => {
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0');
    const [slow, fast] = await clients(2);
    for (const client of [slow!, fast!]) await client.ok('SUBSCRIBE', 'flood');
    slow!.socket.pause();
    const payload = 'y'.repeat(10_000);
    let cut = false;
    let got = 0;
    for (let round = 0; round < 200 && !cut; round++) {
      const counts = await pub.pipeline(Array.from({ length: 20 }, () => ['PUBLISH', 'flood', payload]));
      cut = counts.includes(1);
      for (let i = 0; i < 20; i++) {
        expect(((await fast!.read()) as Value[])[2]).toBe(payload);
        got++;
      }
    }
    expect(cut).toBe(true);
    expect(got).toBeGreaterThan(100);
    expect(Number(await infoField(pub, 'clients', 'pubsub_clients'))).toBe(1);
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    slow!.socket.destroy();
    await fast!.close();
    await nobodyLeft();
  });

  test('a soft limit is kept for its time only', async () => {
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 100kb 1');
    const [slow] = await clients(1);
    await slow!.ok('SUBSCRIBE', 'soft');
    slow!.socket.pause();
    const payload = 'z'.repeat(100_000);
    let last: Value = 1;
    const started = performance.now();
    while (last === 1 && performance.now() - started < 15_000) {
      last = await pub.ok('PUBLISH', 'soft', payload);
      await sleep(10);
    }
    expect(last).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(900);
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    slow!.socket.destroy();
    await nobodyLeft();
  });

  test('keyspace notifications tell what happens to keys, on both kinds of channels', async () => {
    const [keys, events] = await clients(2);
    await keys!.ok('PSUBSCRIBE', '__keyspace@*__:*');
    await events!.ok('PSUBSCRIBE', '__keyevent@*__:*');
    await pub.ok('SET', 'unheard', '1');
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', 'KEA');
    const happens = async (db: number, event: string, key: string): Promise<void> => {
      expect(await keys!.read()).toEqual(['pmessage', '__keyspace@*__:*', `__keyspace@${db}__:${key}`, event]);
      expect(await events!.read()).toEqual(['pmessage', '__keyevent@*__:*', `__keyevent@${db}__:${event}`, key]);
    };
    await pub.ok('SET', 'a', '1');
    await happens(0, 'set', 'a');
    await pub.ok('SELECT', 12);
    await pub.ok('LPUSH', 'list', 'x');
    await happens(12, 'lpush', 'list');
    await pub.ok('EVAL', "redis.call('del', KEYS[1])", 1, 'list');
    await happens(12, 'del', 'list');
    await pub.pipeline([['MULTI'], ['SADD', 's', 'x'], ['EXPIRE', 's', '100'], ['EXEC']]);
    await happens(12, 'sadd', 's');
    await happens(12, 'expire', 's');
    await pub.ok('SELECT', 0);
    await pub.ok('PEXPIRE', 'a', 30);
    await happens(0, 'expire', 'a');
    // Nobody asks for the key: its shard's own thread removes it.
    await happens(0, 'expired', 'a');
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', 'Ez');
    await pub.ok('SET', 'b', '1');
    await pub.ok('ZADD', 'z', '1', 'x');
    expect(await events!.read()).toEqual(['pmessage', '__keyevent@*__:*', '__keyevent@0__:zadd', 'z']);
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', 'Knm');
    await pub.ok('SET', 'fresh', '1');
    expect(await keys!.read()).toEqual(['pmessage', '__keyspace@*__:*', '__keyspace@0__:fresh', 'new']);
    await pub.ok('GET', 'missing');
    expect(await keys!.read()).toEqual(['pmessage', '__keyspace@*__:*', '__keyspace@0__:missing', 'keymiss']);
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', '');
    await closeAll([keys!, events!]);
    await pub.ok('FLUSHALL');
    await nobodyLeft();
  });

  test('many events of one command reach a subscriber on each I/O thread, in order', async () => {
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', 'Eg');
    const listeners = await clients(4);
    for (const client of listeners) await client.ok('SUBSCRIBE', '__keyevent@0__:del');
    const names = Array.from({ length: 5000 }, (_, i) => `{t}key:${i}`);
    await pub.ok('MSET', ...names.flatMap((name) => [name, 'x']));
    expect(await pub.ok('DEL', ...names)).toBe(names.length);
    for (const client of listeners) {
      for (const name of names) expect(((await client.read()) as Value[])[2]).toBe(name);
    }
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', '');
    await closeAll(listeners);
    await nobodyLeft();
  });
});

/** What a client may send about subscriptions; other clients' messages come at `!`. */
const SCRIPT: readonly (readonly string[])[] = [
  ['SUBSCRIBE', 'a', 'a', 'b', ''],
  ['PSUBSCRIBE', 'a*', '[', 'a*'],
  ['SSUBSCRIBE', 'a'],
  ['!PUBLISH', 'a', 'message'],
  ['!PUBLISH', '', ''],
  ['!SPUBLISH', 'a', '\x00\xff'],
  ['PING'],
  ['PING', 'x y'],
  ['PING', 'too', 'many'],
  ['SUBSCRIBE'],
  ['UNSUBSCRIBE', 'b', 'never', 'b'],
  ['PUNSUBSCRIBE', 'never'],
  ['PUNSUBSCRIBE', 'a*'],
  ['SUNSUBSCRIBE', 'never', 'a'],
  ['SUNSUBSCRIBE'],
  ['PUBSUB', 'NUMSUB'],
  ['PUBSUB', 'NUMSUB', 'a', 'b'],
  ['PUBSUB', 'NUMPAT'],
  ['PUBSUB', 'NUMPAT', 'x'],
  ['PUBSUB', 'CHANNELS', 'a', 'b'],
  ['PUBSUB', 'NONSENSE'],
  ['GET', 'x'],
  ['UNSUBSCRIBE', 'a'],
  ['UNSUBSCRIBE', ''],
  ['PUNSUBSCRIBE', '['],
  ['UNSUBSCRIBE'],
  ['PUNSUBSCRIBE'],
  ['PUBSUB', 'CHANNELS'],
  ['SUBSCRIBE', 'again'],
  ['RESET'],
  ['PING', 'end'],
];

describe.skipIf(!REDIS_AVAILABLE)('beside redis-server', () => {
  test.each([2, 3])('clients get the same bytes in RESP%i', async (proto) => {
    const servers = [await startSherd({ shards: 2 }), await startRedis()];
    const streams = await Promise.all(
      servers.map(async (server) => {
        const [client, other] = [await server.client(), await server.client()];
        if (proto === 3) await client.ok('HELLO', 3);
        const chunks: Buffer[] = [];
        client.socket.removeAllListeners('data');
        client.socket.on('data', (data: Buffer) => chunks.push(data));
        for (const [name, ...args] of SCRIPT) {
          const sender = name!.startsWith('!') ? other : client;
          if (sender === other) await other.ok(name!.slice(1), ...args);
          else client.sendRaw(encode([name!, ...args]));
          await sleep(10);
        }
        await until('the end', async () => Buffer.concat(chunks).includes('end'));
        return Buffer.concat(chunks).toString('latin1').replaceAll('\r\n', '\n').split('\n');
      }),
    );
    expect(streams[0]).toEqual(streams[1]);
    await Promise.all(servers.map((server) => server.stop()));
  });
});

describe('when threads die', () => {
  test('subscribers of other I/O threads go on, those of the dead one are forgotten', async () => {
    await withEmbedded({ ioThreads: 2, shards: 2 }, async (client, server) => {
      const listeners = await Promise.all(Array.from({ length: 16 }, () => RespClient.connect(server.port)));
      for (const listener of listeners) await listener.ok('SUBSCRIBE', 'c');
      let gone = 0;
      for (const listener of listeners) void listener.closed.then(() => gone++);
      await server.debug.terminateIo(1);
      await server.debug.settled();
      await until('its clients to be gone', async () => gone > 0);
      const alive = client.socket.destroyed ? await RespClient.connect(server.port) : client;
      expect(await alive.ok('PUBLISH', 'c', 'x')).toBe(16 - gone);
      const others = await Promise.all(Array.from({ length: 16 }, () => RespClient.connect(server.port)));
      for (const other of others) await other.ok('SUBSCRIBE', 'c');
      expect(await alive.ok('PUBLISH', 'c', 'y')).toBe(32 - gone);
      for (const other of others) expect(await other.read()).toEqual(['message', 'c', 'y']);
      for (const each of [...listeners, ...others]) each.socket.destroy();
    });
  });
});
