/** redlock (`redlock` 4): locks by quorum over three independent servers. */
import type { Redis } from 'ioredis';
// @ts-expect-error The package has no types.
import UntypedRedlock from 'redlock';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { sleep } from '../harness/waiting.js';

/** What is used of the package. */
interface Lock {
  readonly value: string;
  unlock(): Promise<void>;
  extend(ttlMs: number): Promise<Lock>;
}
interface Redlock {
  lock(resource: string | string[], ttlMs: number): Promise<Lock>;
}
type RedlockClass = new (clients: Redis[], options: { retryCount: number; retryDelay?: number }) => Redlock;
const Redlock = UntypedRedlock as RedlockClass;

let servers: TestServer[];
let clients: LibraryClients[];
let redis: Redis[];
const connect = (): Redis[] => clients.map((each) => each.ioredis());

beforeAll(async () => {
  servers = await Promise.all([
    startSherd({ shards: 1 }),
    startSherd({ shards: 2 }),
    startSherd({ shards: 1, dispatch: 'ring' }),
  ]);
  clients = servers.map((server) => new LibraryClients(server));
  redis = connect();
});
afterEach(() => Promise.all(redis.map((each) => each.flushall())));
afterAll(() => {
  for (const each of clients) each.close();
  return checkAndStop(...servers);
});

test('one client has the lock, and after it is given back the other', async () => {
  const mine = new Redlock(redis, { retryCount: 0 });
  const theirs = new Redlock(connect(), { retryCount: 0 });
  const lock = await mine.lock('door', 10_000);
  expect(await Promise.all(redis.map((each) => each.get('door')))).toEqual(Array(3).fill(lock.value));
  await expect(theirs.lock('door', 10_000)).rejects.toMatchObject({ name: 'LockError' });
  await lock.unlock();
  expect(await Promise.all(redis.map((each) => each.exists('door')))).toEqual([0, 0, 0]);
  await (await theirs.lock('door', 10_000)).unlock();
});

test('a lock of several resources over several shards is all or nothing', async () => {
  const mine = new Redlock(redis, { retryCount: 0 });
  const names = Array.from({ length: 12 }, (_, i) => `seat${i}`);
  const first = await mine.lock(names.slice(0, 3), 10_000);
  await expect(mine.lock(names, 10_000)).rejects.toMatchObject({ name: 'LockError' });
  for (const each of redis) expect(await each.exists(...names.slice(3))).toBe(0);
  await first.unlock();
  const all = await mine.lock(names, 10_000);
  for (const each of redis) expect(await each.exists(...names)).toBe(12);
  await all.unlock();
});

test('a lock can be extended while it is held, and not after it has passed to another', async () => {
  const mine = new Redlock(redis, { retryCount: 0 });
  const theirs = new Redlock(connect(), { retryCount: 40, retryDelay: 25 });
  const lock = await (await mine.lock('room', 10_000)).extend(60_000);
  for (const each of redis) expect(await each.pttl('room')).toBeGreaterThan(30_000);
  await lock.unlock();
  const short = await mine.lock('room', 10_000);
  for (const each of redis) await each.pexpire('room', 20);
  const next = await theirs.lock('room', 10_000);
  await expect(short.extend(1000)).rejects.toMatchObject({ name: 'LockError' });
  await expect(short.unlock()).rejects.toMatchObject({ name: 'LockError' });
  expect(await redis[0]!.get('room')).toBe(next.value);
  await next.unlock();
});

test('never two at once, with one of three servers cut off', async () => {
  const cutOff = clients[2]!.ioredis({ port: 1, enableOfflineQueue: false, lazyConnect: true });
  cutOff.on('error', () => {});
  const working = [...redis.slice(0, 2), cutOff];
  let inside = 0;
  let rounds = 0;
  const worker = async (): Promise<void> => {
    const locks = new Redlock(working, { retryCount: 1000, retryDelay: 2 });
    for (let i = 0; i < 6; i++) {
      const lock = await locks.lock('critical', 10_000);
      expect(++inside).toBe(1);
      await sleep(1);
      inside--;
      rounds++;
      await lock.unlock();
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  expect(rounds).toBe(18);
});
