/** MONITOR beside redis-server: the same lines, from clients of all I/O threads. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { type Arg, encode, ReplyError, type RespClient } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../../harness/servers.js';

const SCRIPT: readonly (readonly Arg[])[] = [
  ['SET', 'key', 'value'],
  ['get', 'key'],
  ['SET', 'bytes', Buffer.from([0, 1, 9, 10, 13, 34, 92, 127, 128, 255])],
  ['PING', ''],
  ['SELECT', 3],
  ['APPEND', 'x', 'y z'],
  ['NOSUCHCOMMAND'],
  ['GET'],
  ['CONFIG', 'GET', 'maxmemory'],
  ['MULTI'],
  ['INCR', 'n'],
  ['GET', 'n'],
  ['EXEC'],
  ['MULTI'],
  ['SET', 'never'],
  ['EXEC'],
  ['PUBLISH', 'c', 'm'],
  ['AUTH', 'secret'],
  ['HELLO', '2', 'AUTH', 'default', 'secret', 'SETNAME', 'name'],
  ['ECHO', 'end'],
];

/** The lines that one MONITOR shows of the script, without times and addresses. */
async function linesOf(server: TestServer): Promise<string[]> {
  const monitor = await server.client();
  const client = await server.client();
  await monitor.ok('MONITOR');
  for (const command of SCRIPT) await client.call(...command);
  const lines: string[] = [];
  while (!lines.at(-1)?.includes('"end"')) lines.push(String(await monitor.read()));
  await monitor.close();
  await client.close();
  return lines.map((line) => line.replace(/^\d{10}\.\d{6} \[(\d+) 127\.0\.0\.1:\d+\] /, '[$1] '));
}

describe.each([1, 2])('with %i I/O threads', (ioThreads) => {
  let server: TestServer;
  let redis: TestServer | undefined;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads });
    redis = REDIS_AVAILABLE ? await startRedis() : undefined;
  });
  afterAll(async () => {
    await checkAndStop(server);
    await redis?.stop();
  });

  test.skipIf(!REDIS_AVAILABLE)('shows what redis-server shows', async () => {
    expect(await linesOf(server)).toEqual(await linesOf(redis!));
  });

  test('shows scripts, and what they call', async () => {
    const [monitor, client] = [await server.client(), await server.client()];
    await monitor.ok('MONITOR');
    await client.ok('EVAL', "redis.call('select', 2) return redis.call('set', KEYS[1], ARGV[1])", 1, 'k', 'v');
    const lines = [String(await monitor.read()), String(await monitor.read()), String(await monitor.read())];
    // On another I/O thread than the client's they may come in any order.
    if (ioThreads > 1) lines.sort((a, b) => Number(a.includes(' lua]')) - Number(b.includes(' lua]')));
    expect(lines[0]).toMatch(/ \[0 127.0.0.1:\d+\] "EVAL" "redis.call\('select', 2\) .*" "1" "k" "v"$/);
    expect(lines[1]).toMatch(/ \[0 lua\] "select" "2"$/);
    expect(lines[2]).toMatch(/ \[2 lua\] "set" "k" "v"$/);
    await monitor.close();
    await client.close();
  });

  test('shows the commands of every client to every monitor', async () => {
    const monitors: RespClient[] = [];
    const clients: RespClient[] = [];
    for (let i = 0; i < 4; i++) monitors.push(await server.client());
    for (let i = 0; i < 8; i++) clients.push(await server.client());
    for (const monitor of monitors) expect(await monitor.ok('MONITOR')).toBe('OK');
    const wanted = new Set<string>();
    for (const [i, client] of clients.entries()) {
      for (let n = 0; n < 20; n++) {
        wanted.add(`"ECHO" "${i}:${n}"`);
        await client.ok('ECHO', `${i}:${n}`);
      }
    }
    for (const monitor of monitors) {
      const seen = new Set<string>();
      while (seen.size < wanted.size) seen.add(String(await monitor.read()).replace(/^.*\] /, ''));
      expect(seen).toEqual(wanted);
    }
    expect(String(await clients[0]!.ok('CLIENT', 'LIST'))).toMatch(/ flags=O /);
    const refused = new ReplyError("ERR Replica can't interact with the keyspace");
    monitors[0]!.sendRaw('GET x\r\n');
    let reply: unknown = '';
    while (!(reply instanceof ReplyError)) reply = await monitors[0]!.read();
    expect(reply).toEqual(refused);
    for (const client of [...monitors, ...clients]) await client.close();
  });

  test('begins with the next command of the same pipeline (#11)', async () => {
    const run = async (on: TestServer): Promise<string[]> => {
      const client = await on.client();
      const commands = [['AUTH', 'x'], ['MONITOR'], ['AUTH', 'y'], ['PING'], ['GET', 'a'], ['RESET'], ['ECHO', 'end']];
      client.sendRaw(Buffer.concat(commands.map(encode)));
      const replies: string[] = [];
      while (replies.at(-1) !== 'end') replies.push(String(await client.read()).replace(/^.*\] /, ''));
      await client.close();
      return replies;
    };
    const replies = await run(server);
    expect(replies.filter((reply) => reply.startsWith('"'))).toEqual(['"AUTH" "(redacted)"', '"PING"']);
    if (redis !== undefined) expect(replies).toEqual(await run(redis));
  });

  test('ends with RESET', async () => {
    const monitor = await server.client();
    const client = await server.client();
    await monitor.ok('MONITOR');
    expect(await monitor.ok('RESET')).toBe('RESET');
    await client.ok('ECHO', 'unseen');
    expect(await monitor.ok('ECHO', 'mine')).toBe('mine');
    await monitor.close();
    await client.close();
  });
});
