/** redis-semaphore: mutex, semaphores with refresh, and their Redlock forms. */
import { MultiSemaphore, Mutex, RedlockMutex, Semaphore, TimeoutError } from 'redis-semaphore';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

const SHORT = { acquireTimeout: 40, retryInterval: 5 };

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

  test('a mutex lets one in, and the next after it', async () => {
    const [a, b] = [new Mutex(clients.ioredis(), 'm', SHORT), new Mutex(clients.ioredis(), 'm', SHORT)];
    await a.acquire();
    await expect(b.acquire()).rejects.toThrow(TimeoutError);
    expect(await b.tryAcquire()).toBe(false);
    // What b lets go is not a's lock.
    await b.release();
    expect(await clients.ioredis().exists('mutex:m')).toBe(1);
    const third = new Mutex(clients.ioredis(), 'm', { acquireTimeout: 5000, retryInterval: 5 });
    const waiting = third.acquire();
    await a.release();
    await waiting;
    // What is never let go goes on refreshing, over connections that are closed by then.
    await third.release();
  });

  test('a mutex is refreshed while it is held, and its loss is noticed', async () => {
    const redis = clients.ioredis();
    let held: Mutex | undefined;
    const lost = new Promise((resolve) => {
      held = new Mutex(redis, 'r', { lockTimeout: 60_000, refreshInterval: 20, onLockLost: resolve });
    });
    await held!.acquire();
    await redis.pexpire('mutex:r', 10_000);
    await until('its time is long again', async () => (await redis.pttl('mutex:r')) > 30_000);
    await redis.del('mutex:r');
    expect(await lost).toBeInstanceOf(Error);
  });

  test('a semaphore lets as many in as it has places', async () => {
    const made = Array.from({ length: 5 }, () => new Semaphore(clients.ioredis(), 's', 3, SHORT));
    const entered = await Promise.all(made.map((each) => each.tryAcquire()));
    expect(entered.filter(Boolean).length).toBe(3);
    expect(await clients.ioredis().zcard('semaphore:s')).toBe(3);
    await made[entered.indexOf(true)]!.release();
    expect(await made[entered.indexOf(false)]!.tryAcquire()).toBe(true);
    await Promise.all(made.map((each) => each.release()));
    expect(await clients.ioredis().exists('semaphore:s')).toBe(0);
  });

  test('places of a semaphore that nobody refreshes are free again', async () => {
    const semaphore = (lockTimeout: number, acquireAttemptsLimit: number): Semaphore => {
      const options = { refreshInterval: 0, acquireTimeout: 5000, retryInterval: 5, lockTimeout, acquireAttemptsLimit };
      return new Semaphore(clients.ioredis(), 'd', 1, options);
    };
    await semaphore(60_000, 1).acquire();
    expect(await semaphore(60_000, 1).tryAcquire()).toBe(false);
    // Who asks says how old a place may be, and how long the key lives.
    await semaphore(30, 1000).acquire();
    await until('the key is gone', async () => (await clients.ioredis().exists('semaphore:d')) === 0);
  });

  test('several places are taken at once or not at all', async () => {
    const big = new MultiSemaphore(clients.ioredis(), 'multi', 5, 3, SHORT);
    const other = new MultiSemaphore(clients.ioredis(), 'multi', 5, 3, SHORT);
    const small = new MultiSemaphore(clients.ioredis(), 'multi', 5, 2, SHORT);
    await big.acquire();
    expect(await other.tryAcquire()).toBe(false);
    expect(await small.tryAcquire()).toBe(true);
    await big.release();
    expect(await other.tryAcquire()).toBe(true);
    await Promise.all([other.release(), small.release()]);
  });

  test('the Redlock form asks every connection', async () => {
    const nodes = [0, 1, 2].map((db) => clients.ioredis({ db }));
    const [a, b] = [new RedlockMutex(nodes, 'q', SHORT), new RedlockMutex(nodes, 'q', SHORT)];
    await a.acquire();
    await expect(b.acquire()).rejects.toThrow(TimeoutError);
    expect(await Promise.all(nodes.map((each) => each.exists('mutex:q')))).toEqual([1, 1, 1]);
    await a.release();
    await b.acquire();
    await b.release();
  });
});
