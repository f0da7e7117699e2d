/** redis-semaphore: mutex, semaphores with refresh, and their Redlock forms. */
import { MultiSemaphore, Mutex, RedlockMutex, Semaphore, TimeoutError } from 'redis-semaphore';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, SETUPS_WITH_ONE_SHARD } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { sleep, until } from '../harness/waiting.js';

const SHORT = { acquireTimeout: 40, retryInterval: 5 };

describe.each(SETUPS_WITH_ONE_SHARD)('with $shards shards, --dispatch $dispatch', (setup) => {
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
    const waiting = new Mutex(clients.ioredis(), 'm', { acquireTimeout: 5000, retryInterval: 5 }).acquire();
    await a.release();
    await waiting;
  });

  test('a mutex is refreshed while it is held, and its loss is noticed', async () => {
    const redis = clients.ioredis();
    const lost = new Promise((resolve) => {
      const held = new Mutex(redis, 'r', { lockTimeout: 150, refreshInterval: 20, onLockLost: resolve });
      void held.acquire();
    });
    await until('acquired', async () => (await redis.exists('mutex:r')) === 1);
    await sleep(200);
    expect(await redis.exists('mutex:r')).toBe(1);
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
    const options = { lockTimeout: 60, refreshInterval: 0, acquireTimeout: 2000, retryInterval: 10 };
    const dead = new Semaphore(clients.ioredis(), 'd', 1, options);
    const next = new Semaphore(clients.ioredis(), 'd', 1, options);
    await dead.acquire();
    expect(await next.tryAcquire()).toBe(false);
    await next.acquire();
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
