/** CLIENT PAUSE: what it holds back, and that it ends everywhere when its time is up. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { sleep, until, untilBlocked } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
  { shards: 3, dispatch: 'ring', ioThreads: 3 },
] as const;

/** Commands on key k that has expired, each with its reply and with how to read what it has written. */
const WRITES: readonly [string, unknown, string, unknown][] = [
  ['SET k b', 'OK', 'GET k', 'b'],
  ['SET k b NX', 'OK', 'GET k', 'b'],
  ['SET k b PX 100000 NX', 'OK', 'GET k', 'b'],
  ['SETNX k b', 1, 'GET k', 'b'],
  ['GETSET k b', null, 'GET k', 'b'],
  ['INCR k', 1, 'GET k', '1'],
  ['APPEND k b', 1, 'GET k', 'b'],
  ['MSET k b', 'OK', 'GET k', 'b'],
  ['SETBIT k 1 1', 0, 'STRLEN k', 1],
  ['LPUSH k b', 1, 'LLEN k', 1],
  ['SADD k b', 1, 'SCARD k', 1],
  ['HSET k f b', 1, 'HGET k f', 'b'],
  ['ZADD k 1 b', 1, 'ZCARD k', 1],
  ['XADD k 1-1 f b', '1-1', 'XLEN k', 1],
  ['PFADD k b', 1, 'PFCOUNT k', 1],
  ['COPY other k', 1, 'GET k', 'there'],
  ['RENAMENX other k', 1, 'GET k', 'there'],
  ['SORT numbers STORE k', 2, 'LLEN k', 2],
  ["EVAL return(redis.call('set',KEYS[1],'b')) 1 k", 'OK', 'GET k', 'b'],
];

describe.each(SETUPS)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let a: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    a = await server.client();
    await a.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  });
  afterAll(() => checkAndStop(server));

  /** Makes key k one that has expired and is still in memory. */
  async function expired(): Promise<void> {
    await a.ok('SET', 'other', 'there');
    await a.ok('DEL', 'numbers');
    await a.ok('RPUSH', 'numbers', '2', '1');
    await a.ok('SET', 'k', 'a', 'PX', '1');
    await until('it expires', async () => (await a.ok('TTL', 'k')) === -2);
    await a.ok('SET', 'k', 'a', 'PX', '1');
    await sleep(3);
  }

  /** A pause that runs out by itself. */
  async function overPause(): Promise<void> {
    await a.ok('CLIENT', 'PAUSE', '1', 'WRITE');
    await a.ok('SET', 'after', 'x');
  }

  test('writes to expired keys are kept after a pause that ran out by itself (#11)', async () => {
    await overPause();
    expect(await a.ok('CLIENT', 'PAUSE', '0')).toBe('OK');
    for (const [write, reply, read, value] of WRITES) {
      await expired();
      expect(await a.call(...write.split(' ')), write).toEqual(reply);
      expect(await a.call(...read.split(' ')), write).toEqual(value);
      await a.ok('DEL', 'k');
    }
  });

  test('expired keys go, by themselves and by being read, after a pause that ran out by itself (#11)', async () => {
    await overPause();
    await a.ok('FLUSHALL');
    await a.ok('SET', 'k', 'a', 'PX', '1');
    await a.ok('HSET', 'h', 'f', 'v', 'g', 'v');
    await a.ok('HPEXPIRE', 'h', '1', 'FIELDS', '1', 'f');
    await sleep(3);
    expect(await a.call('DBSIZE')).toBe(2);
    expect(await a.call('GET', 'k')).toBe(null);
    expect(await a.call('HGET', 'h', 'f')).toBe(null);
    expect(await a.call('DBSIZE')).toBe(1);
    expect(await a.call('HLEN', 'h')).toBe(1);
    await a.ok('SET', 'k', 'a', 'PX', '1');
    await a.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    await until('active expiry', async () => (await a.call('DBSIZE')) === 1);
    await a.ok('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  });

  test('a lock that expired is given to one client only, after a pause that ran out (#11)', async () => {
    await overPause();
    await expired();
    const b = await server.client();
    expect(await a.call('SET', 'k', '1', 'NX', 'PX', '100000')).toBe('OK');
    expect(await b.call('SET', 'k', '2', 'NX', 'PX', '100000')).toBe(null);
    await b.close();
    await a.ok('DEL', 'k');
  });

  test('a pause for writes hides expired keys and fields and keeps them; a write gets through at its end', async () => {
    await a.ok('FLUSHALL');
    const b = await server.client();
    await a.ok('SET', 'k', 'a', 'PX', '1');
    await a.ok('HSET', 'h', 'f', 'v', 'g', 'v');
    await a.ok('HPEXPIRE', 'h', '1', 'FIELDS', '1', 'f');
    await sleep(3);
    await a.ok('CLIENT', 'PAUSE', '100000', 'WRITE');
    expect(await a.call('GET', 'k')).toBe(null);
    expect(await a.call('EXISTS', 'k')).toBe(0);
    expect(await a.call('HGET', 'h', 'f')).toBe(null);
    expect(await a.call('SCAN', '0', 'COUNT', '100')).toEqual(['0', ['h']]);
    expect(await a.call('DBSIZE')).toBe(2);
    const write = b.call('SET', 'k', 'b', 'NX');
    await untilBlocked(a, 1);
    await a.ok('CLIENT', 'UNPAUSE');
    expect(await write).toBe('OK');
    expect(await a.call('GET', 'k')).toBe('b');
    await b.close();
  });

  test('a transaction that pauses writes and then writes to an expired key writes it (#11)', async () => {
    await expired();
    const watcher = await server.client();
    const replies = await a.pipeline([
      ['MULTI'],
      ['CLIENT', 'PAUSE', '100000', 'WRITE'],
      ['SET', 'k', 'b'],
      ['GET', 'k'],
      ['EXEC'],
    ]);
    expect(replies[4]).toEqual(['OK', 'OK', 'b']);
    await a.ok('CLIENT', 'UNPAUSE');
    // A watched key that expires under a pause ends the transaction; one that had expired before does not.
    await a.ok('SET', 'k', 'a', 'PX', '60');
    await watcher.ok('WATCH', 'k');
    await a.ok('CLIENT', 'PAUSE', '100000', 'WRITE');
    await until('it expires', async () => (await a.ok('EXISTS', 'k')) === 0);
    await watcher.ok('MULTI');
    await watcher.call('PING');
    expect(await watcher.call('EXEC')).toBe(null);
    await a.ok('CLIENT', 'UNPAUSE');
    await expired();
    await a.ok('CLIENT', 'PAUSE', '100000', 'WRITE');
    await watcher.ok('WATCH', 'k');
    await a.ok('CLIENT', 'UNPAUSE');
    expect(await a.call('GET', 'k')).toBe(null);
    await watcher.ok('MULTI');
    await watcher.call('PING');
    expect(await watcher.call('EXEC')).toEqual(['PONG']);
    await watcher.close();
  });

  test('what stands behind CLIENT PAUSE in a pipeline is paused by it, and not for a shorter time (#11)', async () => {
    for (let n = 0; n < 5; n++) {
      const started = performance.now();
      await a.pipeline([
        ['CLIENT', 'PAUSE', '15'],
        ['SET', 'p', '1'],
      ]);
      expect(performance.now() - started).toBeGreaterThanOrEqual(15);
    }
  });

  test('a pause holds back MULTI and what a transaction would only queue (#11)', async () => {
    const open = await server.client();
    const other = await server.client();
    const id = await open.ok('CLIENT', 'ID');
    await open.ok('MULTI');
    await a.ok('CLIENT', 'PAUSE', '100000', 'WRITE');
    expect(await open.ok('GET', 'k')).toBe('QUEUED');
    let answered = false;
    const queued = open.call('SET', 'k', 'b').finally(() => {
      answered = true;
    });
    await until('the write waits', async () => / flags=\S*b/.test(String(await a.ok('CLIENT', 'LIST', 'ID', `${id}`))));
    expect(answered).toBe(false);
    await a.ok('CLIENT', 'UNPAUSE');
    expect(await queued).toBe('QUEUED');
    for (const command of ['MULTI', 'GET k', 'DISCARD']) {
      const started = performance.now();
      await a.ok('CLIENT', 'PAUSE', '60', 'ALL');
      await other.ok(...command.split(' '));
      expect(performance.now() - started, command).toBeGreaterThanOrEqual(58);
    }
    await open.close();
    await other.close();
  });

  test('timeouts of blocking commands never end before their time (#11)', async () => {
    const waits = ['BLPOP none 0.007', 'BZPOPMIN none 0.007', 'XREAD BLOCK 7 STREAMS none $', 'WAIT 1 7'];
    for (let n = 0; n < 15; n++) {
      for (const command of waits) {
        const started = performance.now();
        await a.call(...command.split(' '));
        expect(performance.now() - started, command).toBeGreaterThanOrEqual(7);
      }
    }
  });

  test('a write to an expired key is kept while another client waits for a stream with a group (#11)', async () => {
    await a.ok('XGROUP', 'CREATE', 'stream', 'g', '$', 'MKSTREAM');
    const reader = await server.client();
    const reply = reader.call('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 'stream', '>');
    await untilBlocked(a, 1);
    // The key lies in the shard of the stream.
    for (const key of ['{stream}k', 'k']) {
      for (const writer of [a, await server.client(), await server.client()]) {
        await writer.ok('SET', key, 'a', 'PX', '1');
        await sleep(3);
        expect(await writer.call('SET', key, 'b')).toBe('OK');
        expect(await writer.call('GET', key)).toBe('b');
      }
    }
    await a.ok('XADD', 'stream', '1-1', 'f', 'v');
    expect(await reply).toEqual([['stream', [['1-1', ['f', 'v']]]]]);
    await reader.close();
  });
});
