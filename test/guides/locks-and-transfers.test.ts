/** The guides' ways to keep others out: a lock with compare-and-delete, a transfer under WATCH. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { WatchError } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, type NodeRedis, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { sleep, until } from '../harness/waiting.js';

/** KEYS[1] the lock, ARGV[1] what its owner wrote, ARGV[2] a channel: lets go of the lock if it is the owner's. */
const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], KEYS[1])
return 1`;

const acquire = async (redis: Redis, name: string, ttlMs: number): Promise<string | null> => {
  const token = randomUUID();
  return (await redis.set(name, token, 'PX', ttlMs, 'NX')) === 'OK' ? token : null;
};
const release = async (redis: Redis, name: string, token: string): Promise<boolean> =>
  (await redis.eval(RELEASE, 1, name, token, 'released')) === 1;

describe.each(ONE_SETUP)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let clients: LibraryClients;
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
  });
  afterEach(async () => {
    await clients.ioredis().flushall();
    clients.close();
  });
  afterAll(() => checkAndStop(server));

  describe('distributed lock', () => {
    test('only one at a time reads and writes what is not atomic; who waits is told of the release', async () => {
      const rounds = 8;
      const worker = async (): Promise<void> => {
        const [redis, ear] = [clients.ioredis(), clients.ioredis()];
        let wake = (): void => {};
        await ear.subscribe('released');
        ear.on('message', () => wake());
        for (let i = 0; i < rounds; i++) {
          let token: string | null;
          for (;;) {
            const told = new Promise<void>((resolve) => {
              wake = resolve;
            });
            token = await acquire(redis, 'lock', 60_000);
            if (token !== null) break;
            // The message cannot be missed: it was listened for before the lock was asked for.
            await told;
          }
          const before = Number(await redis.get('counter'));
          await redis.set('counter', before + 1);
          expect(await release(redis, 'lock', token)).toBe(true);
        }
      };
      await Promise.all([worker(), worker(), worker(), worker()]);
      expect(await clients.ioredis().get('counter')).toBe(String(4 * rounds));
    });

    test('a lock ends with its time, and its late owner cannot take it from the next', async () => {
      const [late, next] = [clients.ioredis(), clients.ioredis()];
      const mine = (await acquire(late, 'lock', 20))!;
      let theirs: string | null = null;
      await until('the lock is free', async () => (theirs = await acquire(next, 'lock', 60_000)) !== null);
      expect(await release(late, 'lock', mine)).toBe(false);
      expect(await next.get('lock')).toBe(theirs);
      expect(await acquire(late, 'lock', 1000)).toBe(null);
      expect(await release(next, 'lock', theirs!)).toBe(true);
      expect(await late.exists('lock')).toBe(0);
    });

    test('numbers handed out under the lock keep the writes of late owners away', async () => {
      const [a, b] = [clients.ioredis(), clients.ioredis()];
      const write = (redis: Redis, fence: number, value: string) =>
        redis.eval(
          `if tonumber(redis.call('HGET', KEYS[1], 'fence') or 0) > tonumber(ARGV[1]) then return 0 end
          redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'value', ARGV[2])
          return 1`,
          1,
          'file',
          fence,
          value,
        );
      const [first, second] = [await a.incr('fence'), await b.incr('fence')];
      expect(await write(b, second, 'of b')).toBe(1);
      expect(await write(a, first, 'of a, late')).toBe(0);
      expect(await a.hget('file', 'value')).toBe('of b');
    });
  });

  describe('transfer under WATCH', () => {
    const ACCOUNTS = Array.from({ length: 6 }, (_, i) => `account:${i}`);
    const TOTAL = ACCOUNTS.length * 100;
    type Transfer = (from: string, to: string, amount: number) => Promise<'done' | 'too little' | 'again'>;

    /** A connection of its own each: what is watched belongs to a connection. */
    const withIoredis = (redis: Redis): Transfer => {
      return async (from, to, amount) => {
        await redis.watch(from, to);
        if (Number(await redis.get(from)) < amount) {
          await redis.unwatch();
          return 'too little';
        }
        const replies = await redis.multi().decrby(from, amount).incrby(to, amount).exec();
        return replies === null ? 'again' : 'done';
      };
    };
    const withNodeRedis = (redis: NodeRedis): Transfer => {
      return async (from, to, amount) => {
        await redis.watch([from, to]);
        if (Number(await redis.get(from)) < amount) {
          await redis.unwatch();
          return 'too little';
        }
        try {
          await redis.multi().decrBy(from, amount).incrBy(to, amount).exec();
          return 'done';
        } catch (error) {
          if (error instanceof WatchError) return 'again';
          throw error;
        }
      };
    };

    test('no money is made or lost, no account is overdrawn, and no one sees money on its way', async () => {
      const bank = clients.ioredis();
      await bank.mset(Object.fromEntries(ACCOUNTS.map((name) => [name, 100])));
      const transfers = [
        withIoredis(clients.ioredis()),
        withIoredis(clients.ioredis()),
        withNodeRedis(await clients.nodeRedis()),
        withNodeRedis(await clients.nodeRedis({ RESP: 3 })),
      ];
      const counts = { done: 0, again: 0, 'too little': 0 };
      let working = transfers.length;
      const teller = async (transfer: Transfer, n: number): Promise<void> => {
        for (let i = 0; i < 25; i++) {
          const [from, to] = [ACCOUNTS[(i + n) % 6]!, ACCOUNTS[(i * 3 + n + 1) % 6]!];
          if (from === to) continue;
          for (;;) {
            const end = await transfer(from, to, 30 + ((i * 7) % 60));
            counts[end]++;
            if (end !== 'again') break;
          }
        }
        working--;
      };
      const audit = async (): Promise<void> => {
        while (working > 0) {
          const balances = (await bank.mget(ACCOUNTS)).map(Number);
          expect(balances.reduce((sum, each) => sum + each, 0)).toBe(TOTAL);
          expect(Math.min(...balances)).toBeGreaterThanOrEqual(0);
          await sleep(1);
        }
      };
      await Promise.all([audit(), ...transfers.map(teller)]);
      expect(counts.done).toBeGreaterThan(20);
      expect((await bank.mget(ACCOUNTS)).map(Number).reduce((sum, each) => sum + each, 0)).toBe(TOTAL);
    });

    test('whatever touches a watched account in between makes the transfer void', async () => {
      const [mine, other] = [clients.ioredis(), clients.ioredis()];
      const touches: Record<string, () => Promise<unknown>> = {
        'a write': () => other.incrby('from', 1),
        'its end': () => other.del('to'),
        'its time': async () => {
          await other.pexpire('to', 5);
          await until('gone', async () => (await other.exists('to')) === 0);
        },
        'a script': () => other.eval("return redis.call('SET', 'from', '7')", 0),
        'a transaction': () => other.multi().set('to', '1').exec(),
        'all that is deleted': () => other.flushall(),
      };
      for (const [what, touch] of Object.entries(touches)) {
        await other.mset({ from: '100', to: '100' });
        await mine.watch('from', 'to');
        await touch();
        const before = await other.mget('from', 'to');
        expect([what, await mine.multi().decrby('from', 5).incrby('to', 5).exec()]).toEqual([what, null]);
        expect(await other.mget('from', 'to')).toEqual(before);
      }
      await other.mset({ from: '100', to: '100', third: '1' });
      await mine.watch('from', 'to');
      await other.incr('third');
      expect(await mine.multi().decrby('from', 5).incrby('to', 5).exec()).toEqual([
        [null, 95],
        [null, 105],
      ]);
    });
  });
});
