/** What clients do not read costs no memory that does not come back, whatever its size (#11). */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { type Arg, encode, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, sleep, until } from '../../harness/waiting.js';

const MIB = 1 << 20;

describe.each([
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let client: RespClient;
  const sockets: net.Socket[] = [];
  beforeAll(async () => {
    server = await startSherd(setup);
    client = await server.client();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await checkAndStop(server);
  });

  const figure = async (name: string): Promise<number> => Number(await infoField(client, 'memory', name));

  /** A client that sends a command and reads nothing. */
  async function deaf(...args: Arg[]): Promise<net.Socket> {
    const socket = net.connect(server.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    socket.write(encode(args));
    return socket;
  }

  /** All of what a deaf client was sent. */
  async function hear(socket: net.Socket, bytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let got = 0;
    socket.on('data', (data: Buffer) => {
      parts.push(data);
      got += data.length;
    });
    socket.resume();
    await until(`${bytes} bytes have come`, async () => got >= bytes, 60_000);
    return Buffer.concat(parts);
  }

  /** How many clients have output that waits. */
  const waiting = async (): Promise<number> =>
    String(await client.ok('CLIENT', 'LIST')).match(/ omem=[1-9]/g)?.length ?? 0;

  test('#11: a big value is sent as it was when it was asked for, and held once for all', {
    timeout: 60_000,
  }, async () => {
    await client.ok('SETRANGE', 'big', 16 * MIB, 'end');
    await client.ok('SETRANGE', 'big', 5 * MIB, 'middle');
    const rss = await figure('used_memory_rss');
    const used = await figure('used_memory');
    const readers = await Promise.all(Array.from({ length: 8 }, () => deaf('GET', 'big')));
    await until('all wait', async () => (await waiting()) === 8);
    expect((await figure('used_memory_rss')) - rss).toBeLessThan(64 * MIB);
    await client.ok('SETRANGE', 'big', 5 * MIB, 'MIDDLE');
    const late = await deaf('MGET', 'big', 'big', 'big');
    await until('all wait', async () => (await waiting()) === 9);
    await client.ok('APPEND', 'big', 'tail');
    await client.ok('DEL', 'big');
    const expected = Buffer.alloc(16 * MIB + 3);
    expected.write('middle', 5 * MIB);
    expected.write('end', 16 * MIB);
    const head = Buffer.from(`$${expected.length}\r\n`);
    const whole = Buffer.concat([head, expected, Buffer.from('\r\n')]);
    expect((await hear(readers[0]!, whole.length)).equals(whole)).toBe(true);
    for (const socket of readers) socket.destroy();
    whole.write('MIDDLE', head.length + 5 * MIB);
    const three = await hear(late, 4 + 3 * whole.length);
    for (let i = 0; i < 3; i++) {
      expect(three.subarray(4 + i * whole.length, 4 + (i + 1) * whole.length).equals(whole)).toBe(true);
    }
    late.destroy();
    await until('the memory of the value is free', async () => (await figure('used_memory')) <= used);
  });

  test('#11: the output of subscribers that never read comes back when they are cut', { timeout: 60_000 }, async () => {
    await client.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 16mb 0 0');
    for (let i = 0; i < 16; i++) await deaf('SUBSCRIBE', 'news');
    await until('all listen', async () => (await infoField(client, 'clients', 'pubsub_clients')) === '16');
    const rss = await figure('used_memory_rss');
    const message = 'm'.repeat(2000);
    const publish = Buffer.concat(Array.from({ length: 500 }, () => encode(['PUBLISH', 'news', message])));
    await until(
      'all are cut',
      async () => {
        const socket = await deaf('PING');
        socket.write(publish);
        await hear(socket, 7 + 500 * 4);
        socket.destroy();
        return (await infoField(client, 'clients', 'pubsub_clients')) === '0';
      },
      50_000,
    );
    await client.ok('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    // Of 256 MiB. What stays is the young generation of the thread's heap, which the storm let grow.
    await until('the memory is back', async () => (await figure('used_memory_rss')) - rss < 96 * MIB, 20_000);
  });

  test('#11: a long reply that nobody reads is dropped with its client', { timeout: 60_000 }, async () => {
    const element = 'e'.repeat(1000);
    for (let i = 0; i < 20; i++) await client.ok('RPUSH', 'list', ...new Array<string>(1000).fill(element));
    const rss = await figure('used_memory_rss');
    const readers = await Promise.all(Array.from({ length: 6 }, () => deaf('LRANGE', 'list', 0, -1)));
    await until('all wait', async () => (await waiting()) === 6);
    for (const socket of readers) socket.destroy();
    await until('all are gone', async () => (await waiting()) === 0);
    await until('the memory is back', async () => (await figure('used_memory_rss')) - rss < 48 * MIB, 20_000);
  });

  test('#11: what a client that is gone wanted to read is not read any more', async () => {
    const calls = async (): Promise<number> =>
      Number(/cmdstat_lrange:calls=(\d+)/.exec(String(await client.ok('INFO', 'commandstats')))?.[1]);
    const before = await calls();
    const socket = await deaf('PING');
    socket.write(Buffer.concat(Array.from({ length: 2000 }, () => encode(['LRANGE', 'list', 0, -1]))));
    await until('it has begun', async () => (await calls()) > before);
    socket.resetAndDestroy();
    await until(
      'only one client is left',
      async () => (await infoField(client, 'clients', 'connected_clients')) === '1',
    );
    await client.ok('LLEN', 'list');
    const after = await calls();
    expect(after - before).toBeLessThan(1000);
    await sleep(100);
    await client.ok('LLEN', 'list');
    expect(await calls()).toBeLessThan(after + 20);
    await client.ok('DEL', 'list');
  });
});
