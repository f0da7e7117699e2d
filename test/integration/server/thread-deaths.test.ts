/**
 * What a thread that dies was about to do for clients that wait, and what it leaves behind for those that come after.
 */
import { describe, expect, test } from 'vitest';
import { QUICK_MAX } from '../../../src/main/threads/restart-policy.js';
import { shardOfSlot, slotOf } from '../../../src/shared/hash.js';
import { withEmbedded } from '../../harness/embedded.js';
import { RespClient } from '../../harness/resp-client.js';
import { infoField, sleep, until, untilBlocked } from '../../harness/waiting.js';

/** Runs for about 0.4 s without looking at the clock: the clock stands still in a script. */
const LONG_SCRIPT = 'local n = 0 for i = 1, tonumber(ARGV[1]) do n = n + i % 7 end return n';

/** A key with this prefix on a shard. */
function keyOn(shard: number, shards: number, prefix: string): string {
  for (let i = 0; ; i++) {
    const key = `${prefix}${i}`;
    if (shardOfSlot(slotOf(Buffer.from(key), 0, key.length), shards) === shard) return key;
  }
}

/** How many rounds of LONG_SCRIPT take about so long here. */
async function roundsFor(client: RespClient, key: string, ms: number): Promise<number> {
  await client.ok('EVAL', `return 1 --[[${key}]]`, '1', key);
  const start = performance.now();
  await client.ok('EVAL', `${LONG_SCRIPT} --[[redis.call('get', KEYS[1])]]`, '1', key, 1_000_000);
  return Math.ceil((1_000_000 * ms) / (performance.now() - start));
}

/** So many connections surely come to two threads. */
const CONNECTIONS_MAX = 200;

describe('after the death of an I/O thread', () => {
  test('a key that its client waited for gives nothing to the client in its place', async () => {
    await withEmbedded({ shards: 2, ioThreads: 1, dispatch: 'auto' }, async (_client, server) => {
      const dead = await Promise.all(Array.from({ length: 4 }, () => RespClient.connect(server.port)));
      for (const each of dead) void each.raw('BLPOP', 'old', '0').catch(() => {});
      await sleep(50);
      await server.debug.terminateIo(0);
      await server.debug.settled();
      const next = await Promise.all(Array.from({ length: 6 }, () => RespClient.connect(server.port)));
      const waiting = next.slice(0, 5).map((each) => each.call('BLPOP', 'new', '0'));
      const pusher = next[5]!;
      await untilBlocked(pusher, 5);
      expect(await pusher.ok('RPUSH', 'old', 'a', 'b', 'c')).toBe(3);
      expect(await pusher.ok('LRANGE', 'old', '0', '-1')).toEqual(['a', 'b', 'c']);
      expect(await pusher.ok('RPUSH', 'new', '1', '2', '3', '4', '5')).toBe(5);
      expect((await Promise.all(waiting)).every((reply) => (reply as string[])[0] === 'new')).toBe(true);
      for (const each of next) await each.close();
    });
  });
});

describe('#11 the clients of an I/O thread that died again and again', () => {
  test('are not counted while its next start is put off', { timeout: 30_000 }, async () => {
    await withEmbedded({ shards: 1, ioThreads: 2 }, async (_client, server) => {
      const threadOf = async (each: RespClient): Promise<string> =>
        / io-thread=(\d+)/.exec(String(await each.ok('CLIENT', 'INFO')))![1]!;
      for (let i = 0; i < QUICK_MAX; i++) await server.debug.terminateIo(1);
      await server.debug.settled();
      const clients: RespClient[] = [];
      let asker: RespClient | undefined;
      let isThere = false;
      // The kernel gives connections to whichever thread it likes.
      for (let i = 0; i < CONNECTIONS_MAX && (!isThere || asker === undefined); i++) {
        const each = await RespClient.connect(server.port);
        clients.push(each);
        if ((await threadOf(each)) === '1') isThere = true;
        else asker ??= each;
      }
      if (!isThere || asker === undefined) return;
      const before = Number(await infoField(asker, 'clients', 'connected_clients'));
      const isGone = clients.filter((each) => each !== asker).map((each) => each.closed);
      await server.debug.terminateIo(1);
      await Promise.race(isGone);
      expect(Number(await infoField(asker, 'clients', 'connected_clients'))).toBeLessThan(before);
      await server.debug.settled();
      for (const each of clients) await each.close();
    });
  });
});

describe('#11 the watches of clients whose I/O thread died', () => {
  test('end with them, and those of its next clients do not', async () => {
    await withEmbedded({ shards: 2, ioThreads: 1, dispatch: 'auto' }, async (_client, server) => {
      const dead = await Promise.all(Array.from({ length: 3 }, () => RespClient.connect(server.port)));
      for (const each of dead) await each.ok('WATCH', 'a', 'b', 'c');
      expect(await infoField(dead[0]!, 'clients', 'total_watched_keys')).toBe('3');
      await server.debug.terminateIo(0);
      await server.debug.settled();
      const next = await RespClient.connect(server.port);
      await next.ok('WATCH', 'a');
      const isLeft = async (): Promise<boolean> => (await infoField(next, 'clients', 'total_watched_keys')) === '1';
      await until('only the new watch is left', isLeft);
      const other = await RespClient.connect(server.port);
      await other.ok('SET', 'a', '1');
      expect(await next.pipeline([['MULTI'], ['GET', 'a'], ['EXEC']])).toEqual(['OK', 'QUEUED', null]);
      await until('no watch is left', async () => (await infoField(next, 'clients', 'total_watched_keys')) === '0');
      for (const each of [next, other]) await each.close();
    });
  });
});

describe('while a shard is busy', () => {
  test('a client in the place of one that waited gets nothing from the key of that one', async () => {
    await withEmbedded({ shards: 2, ioThreads: 1, dispatch: 'auto' }, async (client, server) => {
      const [busy, old, fresh] = [keyOn(0, 2, 'busy'), keyOn(1, 2, 'old'), keyOn(1, 2, 'new')];
      const rounds = await roundsFor(client, busy, 400);
      const other = await RespClient.connect(server.port);
      const leaving = await RespClient.connect(server.port);
      void leaving.raw('BLPOP', old, '0').catch(() => {});
      await untilBlocked(client, 1);
      const script = other.raw('EVAL', `${LONG_SCRIPT} --[[redis.call('get', KEYS[1])]]`, '1', busy, rounds);
      await sleep(30);
      // That it waits no longer is told to shard 0, which is busy.
      await leaving.close();
      await untilBlocked(client, 0);
      const coming = await RespClient.connect(server.port);
      const waiting = coming.call('BLPOP', fresh, '0');
      await untilBlocked(client, 1);
      expect(await client.ok('RPUSH', old, 'a')).toBe(1);
      expect(await client.ok('LLEN', old)).toBe(1);
      await client.ok('RPUSH', fresh, 'b');
      expect(await waiting).toEqual([fresh, 'b']);
      await script;
      for (const each of [other, coming]) await each.close();
    });
  });
});

describe('after the death of a shard thread', () => {
  test('a client is served whose key was ready, but who needed further leases', async () => {
    await withEmbedded({ shards: 2, ioThreads: 1, dispatch: 'ring' }, async (client, server) => {
      const [busy, from, to] = [keyOn(0, 2, 'busy'), keyOn(1, 2, 'from'), keyOn(0, 2, 'to')];
      const rounds = await roundsFor(client, busy, 400);
      const [mover, other] = [await RespClient.connect(server.port), await RespClient.connect(server.port)];
      const moved = mover.call('BLMOVE', from, to, 'LEFT', 'LEFT', '0');
      await untilBlocked(client, 1);
      const script = other.raw('EVAL', `${LONG_SCRIPT} --[[redis.call('get', KEYS[1])]]`, '1', busy, rounds);
      await sleep(30);
      const pushed = client.ok('RPUSH', from, 'v');
      await sleep(30);
      await server.debug.terminateShard(1);
      await server.debug.settled();
      await script;
      expect(await pushed).toBe(1);
      expect(await moved).toBe('v');
      for (const each of [mover, other]) await each.close();
    });
  });

  test('nobody hears of a script that ended with it', async () => {
    await withEmbedded({ shards: 2, ioThreads: 1, dispatch: 'auto' }, async (client, server) => {
      const [busy, same] = [keyOn(0, 2, 'busy'), keyOn(0, 2, 'same')];
      await client.ok('CONFIG', 'SET', 'busy-reply-threshold', '20');
      const other = await RespClient.connect(server.port);
      const script = other.raw('EVAL', "redis.call('get', KEYS[1]) while true do end", '1', busy).catch(() => 'closed');
      await until('the script is slow', async () =>
        String(await client.call('GET', same)).startsWith('ReplyError: BUSY'),
      );
      await server.debug.terminateShard(0, 'anywhere');
      await server.debug.settled();
      expect(await script).toBe('closed');
      for (let i = 0; i < 50; i++) expect(await client.call('SET', same, i)).toBe('OK');
      // One that keeps the lease for longer, but is not slow.
      const rounds = await roundsFor(client, busy, 10);
      const quick = client.call('EVAL', `${LONG_SCRIPT} --[[redis.call('get', KEYS[1])]]`, '1', busy, rounds);
      expect(await client.call('GET', same)).toBe('49');
      expect(typeof (await quick)).toBe('number');
      await other.close();
    });
  });
});
