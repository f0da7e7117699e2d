import { existsSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { multibulk } from '../resp/commands.js';
import { type Client, type FakeOptions, FakeServer, tick } from './fake-server.js';

const servers: FakeServer[] = [];

async function start(options: FakeOptions = {}): Promise<{ server: FakeServer; client: Client }> {
  const server = await new FakeServer(options).start();
  servers.push(server);
  return { server, client: await server.connect() };
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function ask(client: Client, bytes: Uint8Array | string, expected: string): Promise<void> {
  client.send(bytes);
  expect(await client.receive(expected.length)).toBe(expected);
}

describe.each([
  ['inline', { inline: true, shards: 2 }],
  ['rings of one shard', { shards: 1 }],
  ['rings of four shards', { shards: 4 }],
  ['rings of four shards, replies in pieces', { shards: 4, pieceBytes: 2 }],
  ['tiny rings', { shards: 3, ringBytes: 1024 }],
])('an I/O thread over %s', (_, options) => {
  it('answers a pipeline in its order, whatever runs where', async () => {
    const { client } = await start(options);
    let request = '';
    let expected = '';
    for (let i = 0; i < 3000; i++) {
      const key = `key${i % 97}`;
      request += multibulk('SET', key, `v${i}`).toString() + multibulk('get', key).toString();
      expected += `+OK\r\n$${`v${i}`.length}\r\nv${i}\r\n`;
      if (i % 50 === 0) {
        request += `PING\r\n${multibulk('EXISTS', 'key0', 'nokey', key).toString()}`;
        expected += `+PONG\r\n:2\r\n`;
      }
    }
    request += 'DBSIZE\r\n';
    expected += ':97\r\n';
    client.send(request);
    expect((await client.receive(expected.length)) === expected).toBe(true);
  });

  it('answers many clients at once', async () => {
    const { server } = await start(options);
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()));
    await Promise.all(
      clients.map(async (client, c) => {
        for (let round = 0; round < 10; round++) {
          const value = `${c}-${round}`;
          const request = Buffer.concat([multibulk('SET', `k${c}`, value), multibulk('GET', `k${c}`)]);
          await ask(client, request, `+OK\r\n$${value.length}\r\n${value}\r\n`);
        }
      }),
    );
  });

  it('closes after QUIT once earlier replies are out', async () => {
    const { client } = await start(options);
    client.send(
      Buffer.concat([multibulk('SET', 'a', '1'), multibulk('GET', 'a'), multibulk('QUIT'), multibulk('PING')]),
    );
    expect(await client.untilClosed()).toBe('+OK\r\n$1\r\n1\r\n+OK\r\n');
  });

  it('answers what a client asked before it sent its end', async () => {
    const { client } = await start(options);
    client.socket.end(Buffer.concat([multibulk('SET', 'a', '1'), multibulk('GET', 'a')]));
    expect(await client.untilClosed()).toBe('+OK\r\n$1\r\n1\r\n');
  });

  it('puts a protocol error behind the replies that are due, and closes', async () => {
    const { client } = await start(options);
    client.send(Buffer.concat([multibulk('SET', 'a', '1'), multibulk('GET', 'a'), Buffer.from('*1\r\n!')]));
    client.send('3\r\nabc\r\n');
    expect(await client.untilClosed()).toBe("+OK\r\n$1\r\n1\r\n-ERR Protocol error: expected '$', got '!'\r\n");
  });
});

describe('an I/O thread', () => {
  it('delivers replies of several shards in the order of the requests', async () => {
    const { server, client } = await start({ shards: 4, manual: true });
    for (let i = 0; i < 200; i++) server.data.set(`k${i}`, Buffer.from(`value${i}`));
    let expected = '';
    for (let i = 0; i < 200; i++) {
      client.send(multibulk('GET', `k${i}`));
      expected += `$${`value${i}`.length}\r\nvalue${i}\r\n`;
    }
    for (let i = 0; i < 50; i++) await tick();
    for (let n = 0, left = 200; left > 0; n++) {
      const done = server.pump(3 - (n % 4), 1 + (n % 7));
      left -= done;
      server.io.onWake();
    }
    expect(await client.receive(expected.length)).toBe(expected);
  });

  it.each([1000, 70_000, 300_000, 3_000_000])(
    'carries values of %i bytes in and out, in pieces of any size',
    async (n) => {
      const { server, client } = await start({ inline: true, shards: 2 });
      const value = Buffer.alloc(n, 'abcdefghij');
      const bytes = Buffer.concat([
        multibulk('SET', 'big', value),
        multibulk('GET', 'big'),
        multibulk('SET', 'big2', value),
        multibulk('GET', 'big2'),
        multibulk('GET', 'none'),
      ]);
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 90_001) {
        client.send(bytes.subarray(at, at + size));
        if (size % 5 === 0) await tick();
      }
      const got = `$${n}\r\n${value.toString()}\r\n`;
      const expected = `+OK\r\n${got}+OK\r\n${got}$-1\r\n`;
      expect((await client.receive(expected.length)) === expected).toBe(true);
      const conn = server.io.connections.byId.values().next().value!;
      expect(conn.inputBytes).toBe(0);
      expect(conn.input.capacity).toBeLessThanOrEqual(1024);
    },
  );

  it('runs async commands one after the other, with what follows behind them', async () => {
    const { client } = await start({ inline: true });
    await ask(client, 'LATER a\r\nLATER b\r\nPING\r\n', '$1\r\na\r\n$1\r\nb\r\n+PONG\r\n');
  });

  it('answers an internal error when a command throws, and goes on', async () => {
    const { server, client } = await start();
    await ask(client, 'BOOM\r\nPING\r\n', '-ERR internal error\r\n+PONG\r\n');
    expect(server.lines.join()).toContain('boom');
  });

  it('answers unknown commands, subcommands and wrong arity with the words of Redis', async () => {
    const { client } = await start();
    const cases: [Uint8Array | string, string][] = [
      ['foo bar "b z"\r\n', "-ERR unknown command 'foo', with args beginning with: 'bar' 'b z' \r\n"],
      ['foo\r\n', "-ERR unknown command 'foo', with args beginning with: \r\n"],
      [multibulk('x\r\ny', 'a\nb'), "-ERR unknown command 'x  y', with args beginning with: 'a b' \r\n"],
      ['client nope\r\n', "-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n"],
      ['client\r\n', "-ERR wrong number of arguments for 'client' command\r\n"],
      ['client reply\r\n', "-ERR wrong number of arguments for 'client|reply' command\r\n"],
      ['get\r\n', "-ERR wrong number of arguments for 'get' command\r\n"],
    ];
    for (const [request, expected] of cases) await ask(client, request, expected);
    const long = 'y'.repeat(200);
    await ask(
      client,
      multibulk('z'.repeat(200), 'abc', long, long),
      `-ERR unknown command '${'z'.repeat(128)}', with args beginning with: 'abc' '${'y'.repeat(122)}' \r\n`,
    );
  });

  it.each([{ inline: true }, { shards: 2 }])('obeys CLIENT REPLY %j', async (options) => {
    const { client } = await start(options);
    const skip = multibulk('CLIENT', 'REPLY', 'SKIP');
    const off = multibulk('CLIENT', 'REPLY', 'OFF');
    const on = multibulk('CLIENT', 'REPLY', 'ON');
    const set = multibulk('SET', 'a', '1');
    const get = multibulk('GET', 'a');
    await ask(client, Buffer.concat([set, skip, get, get]), '+OK\r\n$1\r\n1\r\n');
    await ask(client, Buffer.concat([off, get, set, Buffer.from('PING\r\nnope\r\n'), on, get]), '+OK\r\n$1\r\n1\r\n');
    await ask(client, Buffer.concat([skip, Buffer.from('PING\r\n'), get]), '$1\r\n1\r\n');
  });

  it('refuses clients beyond maxclients with the words of Redis', async () => {
    const { server, client } = await start({ maxclients: 2 });
    await ask(client, 'PING\r\n', '+PONG\r\n');
    const second = await server.connect();
    await ask(second, 'PING\r\n', '+PONG\r\n');
    const third = await server.connect();
    expect(await third.untilClosed()).toBe('-ERR max number of clients reached\r\n');
    second.socket.destroy();
    for (let i = 0; i < 100 && server.io.connections.byId.size > 1; i++) await tick();
    const fourth = await server.connect();
    await ask(fourth, 'PING\r\n', '+PONG\r\n');
  });

  it('#11: accepts with its spare descriptor when there is no other, answers and closes, and goes on', async () => {
    const { server, client } = await start();
    for (let round = 0; round < 2; round++) {
      server.failAccept('EMFILE');
      const refused = await server.connect();
      expect(await refused.untilClosed()).toBe('-ERR max number of clients reached\r\n');
      const next = await server.connect();
      await ask(next, 'PING\r\n', '+PONG\r\n');
    }
    await ask(client, 'PING\r\n', '+PONG\r\n');
    expect(server.lines.filter((line) => line.includes('Accepting client connection: EMFILE'))).toHaveLength(1);
  });

  it('#11: refuses a connection that would get one of the last descriptors', async () => {
    const { server, client } = await start();
    await ask(client, 'PING\r\n', '+PONG\r\n');
    server.io.control.i32[CONTROL.descriptorsRefusedFrom] = 1;
    expect(await (await server.connect()).untilClosed()).toBe('-ERR max number of clients reached\r\n');
    server.io.control.i32[CONTROL.descriptorsRefusedFrom] = 2 ** 31 - 1;
    await ask(await server.connect(), 'PING\r\n', '+PONG\r\n');
    expect(server.io.control.i32[CONTROL.clients]).toBe(2);
  });

  it('needs a password when one is set, with small limits before it', async () => {
    const { server, client } = await start({ config: [['requirepass', 'x']] });
    await ask(client, 'GET a\r\nPING\r\n', '-NOAUTH Authentication required.\r\n+PONG\r\n');
    client.send('*11\r\n');
    expect(await client.untilClosed()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
    expect(server.io.connections.byId.size).toBe(0);
  });

  it('closes a connection that speaks HTTP', async () => {
    const { server, client } = await start();
    client.send('POST / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await client.untilClosed()).toBe('');
    expect(server.lines.join()).toContain('SECURITY ATTACK');
  });

  it('closes a client whose input exceeds client-query-buffer-limit', async () => {
    const { server, client } = await start({ config: [['client-query-buffer-limit', '1mb']] });
    client.send('*2\r\n$3\r\nGET\r\n$10000000\r\n');
    client.send(Buffer.alloc(2_000_000));
    expect(await client.untilClosed()).toBe('');
    expect(server.lines.join()).toContain('max query buffer length');
  });

  it('disconnects a client that does not read, at its output limit, and disturbs nobody', async () => {
    const { server, client } = await start({
      inline: true,
      config: [['client-output-buffer-limit', 'normal 8mb 0 0 slave 0 0 0 pubsub 0 0 0']],
    });
    server.data.set('big', Buffer.alloc(60_000, 'x'));
    const lazy = await server.connect();
    lazy.socket.pause();
    const request = Buffer.concat(Array.from({ length: 1000 }, () => multibulk('GET', 'big')));
    lazy.send(request);
    for (let i = 0; i < 2000 && !server.lines.join().includes('output buffer limits'); i++) await tick();
    expect(server.lines.join()).toContain('closed for overcoming of output buffer limits');
    await ask(client, 'PING\r\n', '+PONG\r\n');
  });

  it('disconnects a client whose answers of one turn are beyond its limit, before it writes any', async () => {
    const { server, client } = await start({
      inline: true,
      config: [['client-output-buffer-limit', 'normal 100kb 0 0 slave 0 0 0 pubsub 0 0 0']],
    });
    server.data.set('big', Buffer.alloc(90_000, 'x'));
    client.send(multibulk('GET', 'big'));
    expect((await client.receive(90_010)).length).toBe(90_010);
    server.data.set('big', Buffer.alloc(110_000, 'x'));
    client.send(multibulk('GET', 'big'));
    expect(await client.untilClosed()).toBe('');
    expect(server.lines.join()).toContain('closed for overcoming of output buffer limits');
  });

  it('sends everything to a client that reads late', async () => {
    const { server, client } = await start({ inline: true });
    server.data.set('big', Buffer.alloc(60_000, 'x'));
    client.socket.pause();
    client.send(Buffer.concat(Array.from({ length: 500 }, () => multibulk('GET', 'big'))));
    for (let i = 0; i < 50; i++) await tick();
    client.socket.resume();
    const expected = 500 * (60_000 + '$60000\r\n\r\n'.length);
    expect((await client.receive(expected)).length).toBe(expected);
    expect(server.io.connections.byId.values().next().value!.outputBytes).toBe(0);
  });

  it('frees the place of a client that leaves while its replies are under way', async () => {
    const { server, client } = await start({ shards: 2, manual: true });
    for (let i = 0; i < 50; i++) client.send(multibulk('GET', `k${i}`));
    for (let i = 0; i < 20; i++) await tick();
    client.socket.resetAndDestroy();
    for (let i = 0; i < 200 && server.io.connections.byId.size > 0; i++) await tick();
    expect(server.io.connections.byId.size).toBe(0);
    const next = await server.connect();
    next.send(multibulk('GET', 'k1'));
    for (let i = 0; i < 20; i++) await tick();
    server.pump(0);
    server.pump(1);
    server.io.onWake();
    expect(await next.receive(5)).toBe('$-1\r\n');
    expect(server.io.connections.bySlot[0]).toBe(null);
  });

  it('listens on a unix socket', async () => {
    const path = join(tmpdir(), `sherd-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
    const server = new FakeServer({
      inline: true,
      config: [
        ['unixsocket', path],
        ['unixsocketperm', '700'],
      ],
    });
    servers.push(server);
    await server.start(true);
    const socket = net.connect(path);
    const data = new Promise<string>((resolve) => socket.once('data', (d) => resolve(d.toString())));
    socket.write('PING\r\n');
    expect(await data).toBe('+PONG\r\n');
    expect([...server.io.connections.byId.values()][0]!.addr).toBe(`${path}:0`);
    socket.destroy();
    await server.stop();
    expect(existsSync(path)).toBe(false);
  });
});
