/** How the program starts and ends: signals at any moment, what stands in the way of a unix socket, guests' manners. */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { embedded, loadSherd } from '../../harness/embedded.js';
import { fsck } from '../../harness/fsck.js';
import { RespClient } from '../../harness/resp-client.js';
import { type Exit, freePort, spawnSherd, type TestServer, temporaryDir } from '../../harness/servers.js';
import { sleep } from '../../harness/waiting.js';

const READY = /Ready to accept connections/;
const START_MS = 40_000;
/** A start or an end under way, on a loaded machine. */
const END_MS = 40_000;

describe('#11: the program', () => {
  const servers: TestServer[] = [];
  const launch = (...args: string[]): TestServer => {
    const server = spawnSherd(['--save', '', '--enable-debug-command', 'yes', ...args], Number(args[1]));
    servers.push(server);
    return server;
  };
  const endOf = (server: TestServer): Promise<Exit | 'no end'> =>
    Promise.race([server.exited, sleep(END_MS).then(() => 'no end' as const)]);
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test('opens no debugger on SIGUSR1, and stays on SIGHUP and SIGPIPE', async () => {
    const server = launch('--port', String(await freePort()), '--shards', '1');
    await server.waitForLog(READY, START_MS);
    const client = await server.client();
    await client.ok('SET', 'k', 'v');
    for (const signal of ['SIGUSR1', 'SIGHUP', 'SIGPIPE'] as const) server.child.kill(signal);
    await server.waitForLog(/received SIGUSR1/, START_MS);
    await sleep(200);
    expect(server.log).not.toMatch(/Debugger listening/);
    expect(await client.ok('GET', 'k')).toBe('v');
    await fsck(client);
  });

  test.each([1, 8, 64])(
    'ends on a signal at any moment of its start with %i shards',
    { timeout: 120_000 },
    async (n) => {
      const endsOn = async (signal: 'SIGTERM' | 'SIGINT'): Promise<void> => {
        const server = launch('--port', String(await freePort()), '--shards', String(n));
        // From the first line of the log on the program ends in order; before, the system ends it.
        await server.waitForLog(/starting/, START_MS);
        const ms = Math.floor(Math.random() * 500);
        await sleep(ms);
        server.child.kill(signal);
        expect([ms, signal, await endOf(server)]).toEqual([ms, signal, { code: 0, signal: null }]);
        expect(server.log).toMatch(/bye bye/);
        expect(server.log).not.toMatch(/does not end|died|\n\s+at /);
      };
      await Promise.all([endsOn('SIGTERM'), endsOn('SIGINT')]);
    },
  );

  test('a second SIGINT does not wait for the end', async () => {
    const server = launch('--port', String(await freePort()), '--shards', '8');
    await server.waitForLog(/starting/, START_MS);
    server.child.kill('SIGINT');
    await server.waitForLog(/received SIGINT/, START_MS);
    server.child.kill('SIGINT');
    const exit = await endOf(server);
    // It may have been faster.
    expect([0, 1]).toContain((exit as Exit).code);
  });

  test('a unix socket path that is too long stops the start with one line', async () => {
    const path = join(temporaryDir(), 'x'.repeat(110));
    const server = launch('--port', '0', '--shards', '1', '--unixsocket', path);
    expect(await endOf(server)).toEqual({ code: 1, signal: null });
    const lines = server.log.split('\n').filter((line) => line.startsWith('sherd:'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/directive 'unixsocket': the path has \d+ bytes, the system takes \d+ at most/);
    expect(existsSync(path.slice(0, 107))).toBe(false);
  });

  test('a file in the place of the unix socket stays, a socket is replaced', async () => {
    const path = join(temporaryDir(), 'sherd.sock');
    writeFileSync(path, 'mine');
    const refused = launch('--port', '0', '--shards', '1', '--unixsocket', path);
    expect(await endOf(refused)).toEqual({ code: 1, signal: null });
    expect(refused.log).toMatch(/directive 'unixsocket': .*sherd\.sock exists and is no socket/);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    const other = join(temporaryDir(), 'ä.sock');
    const former = net.createServer().listen(other);
    await new Promise((resolve) => former.once('listening', resolve));
    const server = launch('--port', '0', '--shards', '1', '--unixsocket', other);
    await server.waitForLog(READY, START_MS);
    const client = await RespClient.connect(other);
    expect(await client.ok('PING')).toBe('PONG');
    expect(lstatSync(other).isSocket()).toBe(true);
    await fsck(client);
    await client.close();
    former.close();
  });
});

describe('#11: an embedded server', () => {
  test.each([1, 2])(
    'keeps its unix socket when one of %i I/O threads dies',
    { timeout: 120_000 },
    async (ioThreads) => {
      const unixsocket = join(temporaryDir(), 'sherd.sock');
      const server = await embedded({ shards: 1, ioThreads, unixsocket });
      try {
        for (let dying = ioThreads - 1; dying >= 0; dying--) {
          await server.debug.terminateIo(dying);
          await server.debug.settled();
          const client = await RespClient.connect(unixsocket);
          expect(await client.ok('PING')).toBe('PONG');
          await fsck(client);
          await client.close();
        }
      } finally {
        await server.close();
      }
      expect(existsSync(unixsocket)).toBe(false);
    },
  );

  test("leaves the host program's signals alone, and nothing behind when it cannot start", async () => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGQUIT'] as const;
    const counts = (): number[] => signals.map((signal) => process.listenerCount(signal));
    const before = counts();
    const server = await embedded({ shards: 2 });
    expect(counts()).toEqual(before);
    const { createServer } = await loadSherd();
    await expect(createServer({ port: server.port, shards: 2 })).rejects.toThrow(/already in use/);
    await expect(createServer({ port: 0, bind: '203.0.113.1', shards: 2 })).rejects.toThrow(/directive 'bind'/);
    const client = await RespClient.connect(server.port);
    expect(await client.ok('PING')).toBe('PONG');
    await fsck(client);
    await client.close();
    await Promise.all([server.close(), server.close()]);
    await server.closed;
    expect(counts()).toEqual(before);
  });
});
