/** FUNCTION and FCALL: libraries are known to all shards, whoever loaded them, and outlive the death of a thread. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { checkAndStop } from '../../harness/fsck.js';
import { errorOf, type ReplyError, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
] as const;

const COUNTER = `#!lua name=counter
local function add(key, by) return redis.call('incrby', key, by) end
redis.register_function('count', function(keys, args) return redis.call('incrby', keys[1], args[1]) end)
redis.register_function('anywhere', function(keys, args) return add(args[1], 5) end)
redis.register_function{
  function_name = 'peek',
  description = 'reads only',
  flags = {'no-writes'},
  callback = function(keys) return redis.call('get', keys[1]) end,
}`;

describe.each(SETUPS)('functions with $shards shards', (setup) => {
  let server: TestServer;
  let a: RespClient;
  let b: RespClient;
  beforeAll(async () => {
    server = await startSherd({ ...setup, args: ['--busy-reply-threshold', '20'] });
    a = await server.client();
    b = await server.client();
  });
  afterAll(() => checkAndStop(server));
  beforeEach(async () => {
    await a.ok('FUNCTION', 'FLUSH');
    await a.ok('FLUSHALL');
  });

  test('are called on whatever shard their keys are', async () => {
    expect(await a.call('FUNCTION', 'LOAD', COUNTER)).toBe('counter');
    for (let i = 0; i < 20; i++) {
      expect(await b.call('FCALL', 'count', '1', `key:${i}`, '2')).toBe(2);
      expect(await b.call('FCALL', 'COUNT', '1', `key:${i}`, '3')).toBe(5);
      expect(await a.call('FCALL_RO', 'peek', '1', `key:${i}`)).toBe('5');
      // A key that was not declared.
      expect(await a.call('FCALL', 'anywhere', '0', `key:${i}`)).toBe(10);
    }
  });

  test('are replaced, deleted and listed', async () => {
    await a.ok('FUNCTION', 'LOAD', COUNTER);
    expect(await errorOf(a.call('FUNCTION', 'LOAD', COUNTER))).toBe("ERR Library 'counter' already exists");
    const other = `#!lua name=counter\nredis.register_function('count', function() return 'new' end)`;
    await a.ok('FUNCTION', 'LOAD', 'REPLACE', other);
    for (let i = 0; i < 8; i++) expect(await b.call('FCALL', 'count', '1', `k${i}`, '1')).toBe('new');
    expect(await errorOf(b.call('FCALL', 'peek', '1', 'k'))).toBe('ERR Function not found');
    const [library] = (await b.ok('FUNCTION', 'LIST', 'WITHCODE')) as unknown[][];
    expect(library!.slice(0, 4)).toEqual(['library_name', 'counter', 'engine', 'LUA']);
    expect(library!.at(-1)).toBe(other);
    await b.ok('FUNCTION', 'DELETE', 'counter');
    expect(await a.call('FUNCTION', 'LIST')).toEqual([]);
    expect(await errorOf(a.call('FUNCTION', 'DELETE', 'counter'))).toBe('ERR Library not found');
  });

  test('may write only when they say so', async () => {
    await a.ok('FUNCTION', 'LOAD', COUNTER);
    expect(await errorOf(a.call('FCALL_RO', 'count', '1', 'k', '1'))).toBe(
      'ERR Can not execute a script with write flag using *_ro command.',
    );
    await a.ok(
      'FUNCTION',
      'LOAD',
      `#!lua name=liar
redis.register_function{
  function_name='lie', flags={'no-writes'}, callback=function(k) return redis.call('set', k[1], 1) end
}`,
    );
    expect(await errorOf(a.call('FCALL', 'lie', '1', 'k'))).toMatch(
      /^ERR Write commands are not allowed from read-only scripts\./,
    );
    expect(await a.call('EXISTS', 'k')).toBe(0);
  });

  test('that fail to load leave nothing behind', async () => {
    await a.ok('FUNCTION', 'LOAD', COUNTER);
    for (const [code, message] of [
      ['redis.register_function("x", function() end)', 'ERR Missing library metadata'],
      ['#!lua name=l\nnot lua', /^ERR Error compiling function: /],
      ['#!lua name=l\nreturn 1', 'ERR No functions registered'],
      ['#!lua name=l\nredis.call("set", "x", 1)', /nonexistent global variable 'call'/],
      ['#!lua name=l\nredis.register_function("count", function() end)', 'ERR Function count already exists'],
      ['#!lua name=l\nredis.register_function("ok", function() end) error("x")', /nonexistent global variable 'error'/],
      ['#!lua name=l\nwhile true do end', 'ERR Error registering functions: ERR FUNCTION LOAD timeout'],
    ] as const) {
      expect(await errorOf(a.call('FUNCTION', 'LOAD', code))).toMatch(message);
    }
    expect((await a.ok('FUNCTION', 'LIST')) as unknown[]).toHaveLength(1);
    expect(await a.call('FCALL', 'count', '1', 'k', '1')).toBe(1);
  });

  test('come back from FUNCTION DUMP', async () => {
    await a.ok('FUNCTION', 'LOAD', COUNTER);
    const raw = await a.raw('FUNCTION', 'DUMP');
    const payload = raw.subarray(raw.indexOf(10) + 1, -2);
    expect(await errorOf(a.call('FUNCTION', 'RESTORE', payload))).toBe('ERR Library counter already exists');
    await a.ok('FUNCTION', 'FLUSH');
    await a.ok('FUNCTION', 'RESTORE', payload);
    expect(await b.call('FCALL', 'count', '1', 'k', '1')).toBe(1);
    await a.ok('FUNCTION', 'RESTORE', payload, 'REPLACE');
    await a.ok('FUNCTION', 'RESTORE', payload, 'FLUSH');
    expect(await b.call('FCALL', 'count', '1', 'k', '1')).toBe(2);
    payload[3]! ^= 1;
    expect(await errorOf(a.call('FUNCTION', 'RESTORE', payload))).toBe(
      'ERR DUMP payload version or checksum are wrong',
    );
  });

  test('that run for too long are told of and killed', async () => {
    await a.ok(
      'FUNCTION',
      'LOAD',
      `#!lua name=slow\nredis.register_function('spin', function() while true do end end)`,
    );
    const spinning = a.call('FCALL', 'spin', '1', 'k', 'argument');
    await until('the server knows', async () => ((await b.ok('FUNCTION', 'STATS')) as unknown[])[1] !== null);
    expect(await errorOf(b.call('GET', 'k'))).toMatch(/only call FUNCTION KILL or SHUTDOWN NOSAVE/);
    const stats = (await b.ok('FUNCTION', 'STATS')) as unknown[];
    expect(stats[1]).toEqual([
      'name',
      'spin',
      'command',
      ['FCALL', 'spin', '1', 'k', 'argument'],
      'duration_ms',
      expect.any(Number),
    ]);
    expect(await errorOf(b.call('SCRIPT', 'KILL'))).toMatch(/^BUSY/);
    await b.ok('FUNCTION', 'KILL');
    expect(await errorOf(spinning)).toMatch(/Script killed by user with FUNCTION KILL/);
    expect(await b.call('GET', 'k')).toBe(null);
    expect(await errorOf(b.call('FUNCTION', 'KILL'))).toMatch(/^NOTBUSY/);
  });

  test('take part in transactions', async () => {
    await a.ok('FUNCTION', 'LOAD', COUNTER);
    await a.ok('MULTI');
    await a.ok('FCALL', 'count', '1', 'a', '1');
    await a.ok('FCALL', 'anywhere', '0', 'b');
    await a.ok('FUNCTION', 'DELETE', 'counter');
    await a.ok('FCALL', 'count', '1', 'a', '1');
    const replies = (await a.ok('EXEC')) as unknown[];
    expect(replies.slice(0, 3)).toEqual([1, 5, 'OK']);
    expect((replies[3] as ReplyError).message).toBe('ERR Function not found');
  });
});

test('functions are there after a shard thread died', { timeout: 60_000 }, async () => {
  await withEmbedded({ shards: 2, ioThreads: 1 }, async (client, server) => {
    await client.ok('FUNCTION', 'LOAD', COUNTER);
    for (let round = 0; round < 2; round++) {
      await server.debug.terminateShard(round);
      await server.debug.settled();
      for (let i = 0; i < 8; i++) expect(await client.call('FCALL', 'count', '1', `k${i}`, '1')).toBe(round + 1);
    }
  });
});
