/** Channels, patterns, shard channels and keyspace notifications, over one and two I/O threads. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { checkAndStop } from '../../harness/fsck.js';
import { encode, ReplyError, RespClient, type Value } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../../harness/servers.js';
import { ioThreadOf, spreadClients } from '../../harness/spread.js';
import { infoField, sleep, until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 4, dispatch: 'auto', ioThreads: 2 },
  { shards: 2, dispatch: 'ring', ioThreads: 2 },
] as const;

/** The next `count` replies of a client; comparing them at once is much quicker than one by one. */
async function readMany(client: RespClient, count: number): Promise<Value[]> {
  const values: Value[] = [];
  while (values.length < count) values.push(await client.read());
  return values;
}

const closeAll = (list: readonly RespClient[]): Promise<unknown> => Promise.all(list.map((client) => client.close()));
const nobodyLeft = (client: RespClient): Promise<void> =>
  until('all subscriptions ended', async () => (await infoField(client, 'clients', 'pubsub_clients')) === '0');

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch, $ioThreads I/O threads', (setup) => {
  let server: TestServer;
  let pub: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    pub = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** More than a few are clients of all I/O threads. */
  const clients = (n: number): Promise<RespClient[]> =>
    spreadClients(() => server.client(), n, n >= 4 ? setup.ioThreads : 1);

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
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
  });

  test('messages of one publisher arrive in order, whatever their size', async () => {
    const listeners = await clients(8);
    for (const client of listeners) await client.ok('SUBSCRIBE', 'order');
    const messages = Array.from({ length: 3000 }, (_, i) => `${i}:${'x'.repeat(i % 100 === 0 ? 20_000 : i % 50)}`);
    const counts = await pub.pipeline(messages.map((text) => ['PUBLISH', 'order', text]));
    expect(counts.every((n) => n === 8)).toBe(true);
    for (const client of listeners) {
      const got = await readMany(client, messages.length);
      expect(got.map((message) => (message as Value[])[2])).toEqual(messages);
    }
    await closeAll(listeners);
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
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
    await nobodyLeft(pub);
  });

  test('many events of one command reach a subscriber on each I/O thread, in order', async () => {
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', 'Eg');
    const listeners = await clients(4);
    for (const client of listeners) await client.ok('SUBSCRIBE', '__keyevent@0__:del');
    const names = Array.from({ length: 5000 }, (_, i) => `{t}key:${i}`);
    await pub.ok('MSET', ...names.flatMap((name) => [name, 'x']));
    expect(await pub.ok('DEL', ...names)).toBe(names.length);
    for (const client of listeners) {
      const got = await readMany(client, names.length);
      expect(got.map((message) => (message as Value[])[2])).toEqual(names);
    }
    await pub.ok('CONFIG', 'SET', 'notify-keyspace-events', '');
    await closeAll(listeners);
    await nobodyLeft(pub);
  });
});

describe('on two I/O threads, with limits of time', () => {
  let server: TestServer;
  let pub: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads: 2 });
    pub = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** Clients of both threads. */
  const pair = (): Promise<RespClient[]> => spreadClients(() => server.client(), 2, 2);

  test.concurrent('an idle subscriber is not an idle client', async () => {
    const [listeners, idle] = [await pair(), await pair()];
    for (const listener of listeners) await listener.ok('SUBSCRIBE', 'a');
    await pub.ok('CONFIG', 'SET', 'timeout', '1');
    const keepAlive = setInterval(() => void pub.ok('PING'), 200);
    await Promise.all(idle.map((client) => client.closed));
    clearInterval(keepAlive);
    await pub.ok('CONFIG', 'SET', 'timeout', '0');
    for (const listener of listeners) expect(await listener.ok('PING')).toEqual(['pong', '']);
    await closeAll(listeners);
  });

  test.concurrent('a soft limit is kept for its time only', async () => {
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 100kb 1');
    const slow = await pair();
    for (const client of slow) {
      await client.ok('SUBSCRIBE', 'soft');
      client.socket.pause();
    }
    const payload = 'z'.repeat(100_000);
    let last: Value = 2;
    const started = performance.now();
    while (last !== 0 && performance.now() - started < 15_000) {
      const before: Value = last;
      last = await pub.ok('PUBLISH', 'soft', payload);
      if (before === 2 && last !== 2) expect(performance.now() - started).toBeGreaterThan(900);
      await sleep(10);
    }
    expect(last).toBe(0);
    await pub.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    for (const client of slow) client.socket.destroy();
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
  let servers: TestServer[];
  beforeAll(async () => {
    servers = await Promise.all([startSherd({ shards: 2 }), startRedis()]);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test.each([2, 3])('clients get the same bytes in RESP%i', async (proto) => {
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
  });
});

describe('when threads die', () => {
  test('subscribers of other I/O threads go on, those of the dead one are forgotten', async () => {
    await withEmbedded({ ioThreads: 2, shards: 2 }, async (client, server) => {
      const connect = (): Promise<RespClient> => RespClient.connect(server.port);
      const listeners = await spreadClients(connect, 16, 2);
      const threads = await Promise.all(listeners.map(ioThreadOf));
      for (const listener of listeners) await listener.ok('SUBSCRIBE', 'c');
      const dying = listeners.filter((_, i) => threads[i] === 1);
      await server.debug.terminateIo(1);
      await server.debug.settled();
      await Promise.all(dying.map((listener) => listener.closed));
      const alive = client.socket.destroyed ? await connect() : client;
      const others = listeners.length - dying.length;
      expect(await alive.ok('PUBLISH', 'c', 'x')).toBe(others);
      const fresh = await spreadClients(connect, 16, 2);
      for (const each of fresh) await each.ok('SUBSCRIBE', 'c');
      expect(await alive.ok('PUBLISH', 'c', 'y')).toBe(others + fresh.length);
      for (const each of fresh) expect(await each.read()).toEqual(['message', 'c', 'y']);
      for (const each of listeners) {
        if (!dying.includes(each)) expect(await readMany(each, 2)).toEqual(['x', 'y'].map((m) => ['message', 'c', m]));
      }
      for (const each of [...listeners, ...fresh]) each.socket.destroy();
    });
  });
});
