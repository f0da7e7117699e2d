/** What happens when the system has no descriptor, no thread or no disk left: answers and log lines, no dead thread. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { fsck } from '../../harness/fsck.js';
import { RespClient } from '../../harness/resp-client.js';
import { CLI, DIST, freePort, TestServer, temporaryDir } from '../../harness/servers.js';
import { infoField, sleep, until } from '../../harness/waiting.js';

const READY = /Ready to accept connections/;
const START_MS = 40_000;
const DESCRIPTORS = 200;
const NODE = process.env.SHERD_NODE ?? process.execPath;
const onLinux = process.platform === 'linux';

describe.runIf(onLinux)('#11: running out of', () => {
  const servers: TestServer[] = [];
  const started = (child: ChildProcess, port: number): TestServer => {
    const server = new TestServer(child, port, temporaryDir());
    servers.push(server);
    return server;
  };
  const withLimit = (descriptors: number, port: number, ...args: string[]): TestServer => {
    const shell = `ulimit -n ${descriptors}; exec "$0" "$@"`;
    const flags = ['--port', String(port), '--save', '', '--enable-debug-command', 'yes', ...args];
    return started(spawn('sh', ['-c', shell, NODE, CLI, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] }), port);
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  test.each([1, 3])(
    'descriptors: connections are served or refused, no thread of %i I/O threads dies',
    { timeout: 120_000 },
    async (ioThreads) => {
      const port = await freePort();
      const path = join(temporaryDir(), 'sherd.sock');
      const threads = ['--shards', '2', '--io-threads', String(ioThreads)];
      const server = withLimit(DESCRIPTORS, port, ...threads, '--unixsocket', path);
      await server.waitForLog(/connections unix/, START_MS);
      const allowed = Number(/reduced to (\d+)/.exec(server.log)?.[1]);
      expect(allowed).toBeGreaterThan(80);
      expect(allowed).toBeLessThan(DESCRIPTORS - 32);
      expect(server.log).toMatch(/You requested maxclients of 10000 requiring at least \d+ max file descriptors/);
      const watch = await server.client();
      expect(await watch.ok('CONFIG', 'GET', 'maxclients')).toEqual(['maxclients', String(allowed)]);
      expect(await infoField(watch, 'clients', 'maxclients')).toBe(String(allowed));
      const tooMany = await watch.call('CONFIG', 'SET', 'maxclients', '10000');
      expect((tooMany as Error).message).toBe(
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to " +
          `handle the specified number of clients, try with ${allowed}`,
      );
      const replies: string[] = [];
      const clients: RespClient[] = [];
      // A thread that died would take its clients along: half as many again as are allowed are enough.
      for (let i = 0; i < allowed + DESCRIPTORS / 2; i++) {
        const client = await RespClient.connect(i % 2 === 0 ? port : path);
        clients.push(client);
        if (i < allowed - 1) replies.push((await client.raw('PING')).toString());
        else replies.push((await client.readRaw().catch(() => Buffer.from('closed'))).toString());
      }
      expect(replies.slice(0, allowed - 1).every((reply) => reply === '+PONG\r\n')).toBe(true);
      const refused = replies.slice(allowed - 1);
      expect(new Set(refused)).toEqual(new Set(['-ERR max number of clients reached\r\n']));
      // The timers of all threads have been at work meanwhile.
      await sleep(1200);
      expect(await watch.ok('PING')).toBe('PONG');
      expect(server.log).not.toMatch(/died|EMFILE/);
      for (const client of clients) await client.close();
      await until('there is room again', async () => {
        const client = await RespClient.connect(port);
        const reply = await client.raw('PING').catch(() => null);
        await client.close();
        return reply?.toString() === '+PONG\r\n';
      });
      await fsck(watch);
    },
  );

  test('descriptors for the threads stops the start with one line', async () => {
    const server = withLimit(60, 0, '--shards', '8', '--unixsocket', join(temporaryDir(), 'sherd.sock'));
    expect((await server.exited).code).toBe(1);
    const lines = server.log.split('\n').filter((line) => line.startsWith('sherd:'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/Your current 'ulimit -n' of 60 is not enough for the server to start/);
  });

  test.runIf(existsSync('/usr/bin/prlimit'))(
    'descriptors for a successor: it is started when there are some again, and all data is there',
    { timeout: 120_000 },
    async () => {
      const port = await freePort();
      const program = `
        const { createServer } = await import(${JSON.stringify(pathToFileURL(join(DIST, 'main/index.js')).href)});
        const options = { port: ${port}, shards: 2, ioThreads: 2, loglevel: 'notice', enableDebugCommand: true };
        const server = await createServer({ ...options, dispatch: 'ring' });
        process.on('SIGUSR2', () => server.debug.terminateShard(0).then(() => server.debug.terminateIo(1)));
        process.once('SIGTERM', () => server.close().then(() => process.exit(0)));`;
      const file = join(temporaryDir(), 'embed.mjs');
      writeFileSync(file, program);
      const child = spawn(NODE, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
      const server = started(child, port);
      await server.waitForLog(READY, START_MS);
      const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);
      const before = await server.client();
      for (const key of keys) await before.ok('SET', key, key);
      const limit = (soft: number): Buffer =>
        execFileSync('prlimit', ['--pid', String(child.pid), `--nofile=${soft}:`]);
      limit(5);
      child.kill('SIGUSR2');
      await server.waitForLog(/shard thread 0 cannot be started, tries go on/, START_MS);
      await server.waitForLog(/I\/O thread 1 cannot be started, tries go on/, START_MS);
      // Longer than a burst of deaths may last.
      await sleep(2000);
      limit(200);
      await server.waitForLog(/shard thread 0 is started/, START_MS);
      await server.waitForLog(/I\/O thread 1 is started/, START_MS);
      const after = await Promise.all(Array.from({ length: 8 }, () => RespClient.connect(port)));
      for (const client of after) for (const key of keys) expect(await client.ok('GET', key)).toBe(key);
      expect(server.log.match(/cannot be started/g)).toHaveLength(2);
      await fsck(after[0]!);
      for (const client of after) await client.close();
      child.kill('SIGTERM');
      expect(await server.exited).toEqual({ code: 0, signal: null });
    },
  );

  test('disk for the log: the server goes on, standard error is told once', async () => {
    const port = await freePort();
    const full = openSync('/dev/full', 'w');
    const flags = ['--port', String(port), '--shards', '1', '--save', ''];
    const byStdout = started(spawn(NODE, [CLI, ...flags], { stdio: ['ignore', full, 'pipe'] }), port);
    closeSync(full);
    const other = await freePort();
    const byFile = ['--port', String(other), '--shards', '1', '--save', '', '--logfile', '/dev/full'];
    started(spawn(NODE, [CLI, ...byFile], { stdio: ['ignore', 'pipe', 'pipe'] }), other);
    for (const server of [byStdout, servers.at(-1)!]) {
      await until(
        'it serves',
        () =>
          server.client().then(
            () => true,
            () => false,
          ),
        START_MS,
      );
      const client = await server.client();
      expect(await client.ok('PING')).toBe('PONG');
      // Each writes a line.
      for (let i = 0; i < 3; i++) await client.call('CONFIG', 'SET', 'port', '1', 'bind', '203.0.113.1');
      expect(await client.ok('PING')).toBe('PONG');
      await server.stop();
      expect(server.log.match(/cannot write the log to .*ENOSPC/g)).toHaveLength(1);
    }
  });

  test('readers of the log: the server goes on when its pipe breaks', async () => {
    const port = await freePort();
    const flags = ['--port', String(port), '--shards', '1', '--save', ''];
    const server = started(spawn(NODE, [CLI, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] }), port);
    await server.waitForLog(READY, START_MS);
    server.child.stdout!.destroy();
    const client = await server.client();
    for (let i = 0; i < 3; i++) await client.call('CONFIG', 'SET', 'port', '1', 'bind', '203.0.113.1');
    expect(await client.ok('PING')).toBe('PONG');
    server.child.kill('SIGTERM');
    expect((await server.exited).code).toBe(0);
  });
});
