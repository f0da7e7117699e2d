/** The program as a process: how it starts, says why it cannot, and ends. */
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { fsck } from '../../harness/fsck.js';
import { RespClient } from '../../harness/resp-client.js';
import { freePort, PROJECT_ROOT, spawnSherd, type TestServer, temporaryDir } from '../../harness/servers.js';
import { infoField, sleep, until } from '../../harness/waiting.js';

const READY = /Ready to accept connections/;
const START_MS = 20_000;

describe('the sherd program', () => {
  const servers: TestServer[] = [];
  const launch = (args: readonly string[], port = 0): TestServer => {
    const server = spawnSherd(args, port);
    servers.push(server);
    return server;
  };
  const launchReady = async (...args: string[]): Promise<TestServer> => {
    const port = await freePort();
    const server = launch(['--port', String(port), '--shards', '1', '--save', '', ...args], port);
    await server.waitForLog(READY, START_MS);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with code 0 on %s, also under load', async (signal) => {
    const server = await launchReady('--shards', '2');
    const client = await server.client();
    const load = client.pipeline(Array.from({ length: 20_000 }, (_, i) => ['SET', `k${i}`, i])).catch(() => 'cut');
    await sleep(5);
    server.child.kill(signal);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await load;
    await client.closed;
  });

  test.each([['SHUTDOWN'], ['SHUTDOWN', 'NOSAVE'], ['shutdown', 'now']])(
    'ends with code 0 on %s %s',
    async (...args) => {
      const server = await launchReady();
      const client = await server.client();
      client.socket.write(`${args.join(' ')}\r\n`);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      await client.closed;
    },
  );

  test('logs JSON lines to a file; a second server on the same port ends with one clear line', async () => {
    const first = await launchReady();
    for (const line of first.log.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
    const second = launch(['--port', String(first.port), '--shards', '1']);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    const complaints = second.log.split('\n').filter((line) => /already in use/i.test(line));
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain(String(first.port));
    expect(second.log).not.toMatch(/\n\s+at /);
    expect(await (await first.client()).ok('PING')).toBe('PONG');
  });

  test("starts with Debian's redis.conf and names what it does not serve once", async () => {
    const own = join(PROJECT_ROOT, 'test/unit/config/debian-directives.conf');
    const debian = '/etc/redis/redis.conf';
    const dir = temporaryDir();
    const file = join(dir, 'redis.conf');
    copyFileSync(readable(debian) ? debian : own, file);
    chmodSync(file, 0o600);
    const port = await freePort();
    const flags = ['--port', String(port), '--shards', '1', '--daemonize', 'no', '--logfile', '', '--dir', dir];
    const server = launch([file, ...flags, '--pidfile', join(dir, 'sherd.pid')], port);
    await server.waitForLog(READY, START_MS);
    expect(server.log.split('\n').filter((line) => /not served yet/.test(line))).toHaveLength(1);
    expect(await (await server.client()).ok('PING')).toBe('PONG');
    await server.stop();
    expect(existsSync(join(dir, 'sherd.pid'))).toBe(false);
  });

  test('an unknown directive stops the start with file, line and name', async () => {
    const dir = temporaryDir();
    const file = join(dir, 'bad.conf');
    writeFileSync(file, '# fine\nport 0\nno-such-directive 1\n');
    const server = launch([file]);
    expect((await server.exited).code).toBe(1);
    expect(server.log).toContain('bad.conf');
    expect(server.log).toMatch(/\b3\b/);
    expect(server.log).toContain('no-such-directive');
  });

  test.each([
    ['--no-such-flag', 'x'],
    ['--port', 'abc'],
    ['--port', '70000'],
    ['--daemonize', 'yes'],
    ['--dispatch', 'sideways'],
    ['--shards', '-1'],
    ['/no/such/file.conf', '--port', '0'],
  ])('%s %s is refused with code 1 and says why', async (...args) => {
    const server = launch(args);
    expect((await server.exited).code).toBe(1);
    expect(server.log).toContain(args[0]!.replace('--', ''));
    expect(server.log).not.toMatch(/\n\s+at /);
  });

  test('--version and --help print and end with code 0', async () => {
    const version = launch(['--version']);
    expect(await version.exited).toEqual({ code: 0, signal: null });
    const packageVersion = JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')).version as string;
    expect(version.log).toContain(packageVersion);
    const help = launch(['--help']);
    expect(await help.exited).toEqual({ code: 0, signal: null });
    for (const flag of ['--shards', '--io-threads', '--dispatch']) expect(help.log).toContain(flag);
  });

  test('listens on a unix socket beside or instead of a port, and removes it', async () => {
    const path = join(temporaryDir(), 'sherd.sock');
    const server = await launchReady('--unixsocket', path, '--unixsocketperm', '700', '--enable-debug-command', 'yes');
    const client = await RespClient.connect(path);
    expect(await client.ok('SET', 'a', 'b')).toBe('OK');
    const byTcp = await server.client();
    expect(await byTcp.ok('GET', 'a')).toBe('b');
    // An empty `bind` is no address: those who are there stay, nobody else comes by TCP.
    await client.ok('CONFIG', 'SET', 'bind', '');
    expect(await client.ok('CONFIG', 'GET', 'bind')).toEqual(['bind', '']);
    await expect(server.client()).rejects.toThrow(/ECONNREFUSED/);
    expect(await byTcp.ok('PING')).toBe('PONG');
    await client.ok('CONFIG', 'SET', 'bind', '127.0.0.1');
    expect(await (await server.client()).ok('GET', 'a')).toBe('b');
    await fsck(client);
    await server.stop();
    expect(existsSync(path)).toBe(false);
    const only = launch(['--port', '0', '--shards', '1', '--unixsocket', path]);
    await only.waitForLog(READY, START_MS);
    expect(await (await RespClient.connect(path)).ok('PING')).toBe('PONG');
  });

  test('--maxclients answers one connection too many with an error', async () => {
    const server = await launchReady('--maxclients', '5');
    const clients = await Promise.all(Array.from({ length: 5 }, () => server.client()));
    for (const client of clients) expect(await client.ok('PING')).toBe('PONG');
    const extra = await server.client();
    expect((await extra.readRaw()).toString()).toBe('-ERR max number of clients reached\r\n');
    await extra.closed;
    await clients[0]!.close();
    await until('there is room again', async () => {
      const again = await server.client();
      const reply = await again.raw('PING').catch(() => null);
      return reply?.toString() === '+PONG\r\n';
    });
  });

  test('many connections that come and go leave nothing behind', async () => {
    const server = await launchReady('--io-threads', '2');
    const watch = await server.client();
    const cycles = Number(await infoField(watch, 'stats', 'eventloop_cycles'));
    expect(cycles).toBeGreaterThan(0);
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(
        Array.from(
          { length: 200 },
          () =>
            new Promise<net.Socket>((resolve) => {
              const socket = net.connect(server.port, '127.0.0.1', () => resolve(socket));
              socket.on('error', () => {});
            }),
        ),
      );
      for (const [i, socket] of sockets.entries()) {
        if (i % 2 === 0) socket.write('*1\r\n$4\r\nPING\r\n*1\r\n$4');
        if (i % 3 === 0) socket.resetAndDestroy();
        else socket.end();
      }
    }
    await until('only one client is left', async () =>
      /connected_clients:1\r/.test(String(await watch.ok('INFO', 'clients'))),
    );
    expect(
      String(await watch.ok('CLIENT', 'LIST'))
        .trim()
        .split('\n'),
    ).toHaveLength(1);
    expect(Number(await infoField(watch, 'stats', 'eventloop_cycles'))).toBeGreaterThan(cycles);
  });
});

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
