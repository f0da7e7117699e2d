/** EVAL and its kin over shards: keys that are declared and keys that are not, limits, and other clients meanwhile. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { errorOf, ReplyError, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
  { shards: 3, dispatch: 'ring', ioThreads: 1 },
] as const;

/** Moves from one account to another what is there. */
const TRANSFER = `
local have = tonumber(redis.call('GET', KEYS[1]) or '0')
local n = tonumber(ARGV[1])
if have < n then return redis.error_reply('POOR not enough') end
redis.call('DECRBY', KEYS[1], n)
redis.call('INCRBY', KEYS[2], n)
return have - n`;

describe.each(SETUPS)('scripts with $shards shards, --dispatch $dispatch', (setup) => {
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
    await a.ok('FLUSHALL');
  });

  test('answer with every kind of value', async () => {
    expect(await a.call('EVAL', 'return {1, 2.9, "x", false, {true, {}}, nil, 7}', '0')).toEqual([
      1,
      2,
      'x',
      null,
      [1, []],
    ]);
    expect(await a.call('EVAL', 'return redis.status_reply("FINE")', '0')).toBe('FINE');
    expect(await a.call('EVAL', 'return {KEYS[1], KEYS[2], ARGV[1], #ARGV}', '2', 'a', 'b', 'c')).toEqual([
      'a',
      'b',
      'c',
      1,
    ]);
    const binary = Buffer.from([0, 255, 13, 10, 128]);
    const raw = await a.raw('EVAL', 'return ARGV[1]', '0', binary);
    expect(raw).toEqual(Buffer.concat([Buffer.from('$5\r\n'), binary, Buffer.from('\r\n')]));
    // Numbers are cast to 64 bits as C does on x86.
    const casts = [
      ['2^60', '1152921504606846976'],
      ['-2^62-2^31', '-4611686020574871552'],
      ...['2^63', '1/0', '0/0'].map((big) => [big, '-9223372036854775808']),
    ];
    for (const [number, text] of casts)
      expect(String(await a.raw('EVAL', `return ${number}`, '0'))).toBe(`:${text}\r\n`);
    const three = await server.client();
    await three.ok('HELLO', '3');
    const verbatim = 'redis.setresp(3) return {verbatim_string={format="txt",string=ARGV[1]}}';
    expect((await three.raw('EVAL', verbatim, '0', binary)).toString('latin1')).toBe(
      `=9\r\ntxt:${binary.toString('latin1')}\r\n`,
    );
    expect(await three.call('EVAL', 'return {verbatim_string={format="txt"}}', '0')).toEqual([]);
    await three.close();
  });

  test('are counted in INFO memory, and so are their interpreters', async () => {
    const figure = async (name: string): Promise<number> => Number(await infoField(a, 'memory', name));
    await a.ok('SCRIPT', 'FLUSH');
    expect(await figure('used_memory_scripts_eval')).toBe(0);
    await a.ok('EVAL', 'return "counted"', '0');
    expect(await figure('number_of_cached_scripts')).toBe(1);
    expect(await figure('used_memory_scripts_eval')).toBeGreaterThan('return "counted"'.length);
    await until('the next cycle', async () => (await figure('used_memory_lua')) > 10_000);
  });

  test('move between keys of any shards, and nobody sees the middle', async () => {
    const keys = Array.from({ length: 12 }, (_, i) => `account:${i}`);
    for (const key of keys) await a.ok('SET', key, '100');
    const sha = (await a.ok('SCRIPT', 'LOAD', TRANSFER)) as string;
    const clients = await Promise.all([0, 1, 2, 3].map(() => server.client()));
    let done = false;
    const watcher = (async () => {
      while (!done) {
        const values = (await b.ok('MGET', ...keys)) as string[];
        expect(values.reduce((sum, value) => sum + Number(value), 0)).toBe(100 * keys.length);
      }
    })();
    await Promise.all(
      clients.map(async (client, c) => {
        for (let i = 0; i < 100; i++) {
          const reply = await client.call(
            'EVALSHA',
            sha,
            '2',
            keys[(i * 7 + c) % 12]!,
            keys[(i * 5 + c + 1) % 12]!,
            '3',
          );
          if (reply instanceof ReplyError) expect(reply.message).toBe('POOR not enough');
        }
      }),
    );
    done = true;
    await watcher;
  });

  test('reach keys that they did not declare', async () => {
    const script = 'for i = 1, 10 do redis.call("INCR", ARGV[1] .. i) end return redis.call("DBSIZE")';
    expect(await a.call('EVAL', script, '0', 'free:')).toBe(10);
    expect(
      await a.call('EVAL', 'local k = "other" redis.call("SET", k, "v") return redis.call("GET", k)', '1', 'x'),
    ).toBe('v');
  });

  test('know scripts by their SHA1 on every shard until SCRIPT FLUSH', async () => {
    const sha = (await a.ok('SCRIPT', 'LOAD', 'return redis.call("INCR", KEYS[1])')) as string;
    for (let i = 0; i < 10; i++) expect(await b.call('EVALSHA', sha.toUpperCase(), '1', `n${i}`)).toBe(1);
    expect(await b.call('SCRIPT', 'EXISTS', sha, '0'.repeat(40))).toEqual([1, 0]);
    await b.ok('SCRIPT', 'FLUSH');
    expect(await errorOf(a.call('EVALSHA', sha, '1', 'n1'))).toBe('NOSCRIPT No matching script. Please use EVAL.');
    expect(await a.call('SCRIPT', 'EXISTS', sha)).toEqual([0]);
    expect(await errorOf(a.call('EVALSHA', 'no-sha', 'no-number'))).toMatch(/^NOSCRIPT/);
  });

  test('have errors with their place, and pcall catches', async () => {
    const unknown = await errorOf(a.call('EVAL', 'return nosuch', '0'));
    expect(unknown.replace(/[0-9a-f]{40}/, '<sha>')).toBe(
      "ERR user_script:1: Script attempted to access nonexistent global variable 'nosuch' script: <sha>, on" +
        ' @user_script:1.',
    );
    await a.ok('SET', 's', 'text');
    expect(await errorOf(a.call('EVAL', 'return redis.call("INCR", KEYS[1])', '1', 's'))).toMatch(
      /^ERR value is not an integer or out of range script: /,
    );
    expect(await a.call('EVAL', 'return redis.pcall("INCR", KEYS[1]).err', '1', 's')).toBe(
      'ERR value is not an integer or out of range',
    );
    expect(await errorOf(a.call('EVAL_RO', 'return redis.call("SET", KEYS[1], 1)', '1', 's'))).toMatch(
      /^ERR Write commands are not allowed from read-only scripts\./,
    );
  });

  test('call commands from coroutines, whose errors end where they are caught', async () => {
    const script = `
      local step = coroutine.wrap(function(n)
        while true do n = coroutine.yield(redis.call('INCRBY', KEYS[1], n)) end
      end)
      local fails = coroutine.create(function() return redis.call('LPUSH', KEYS[1], 'x') end)
      local first, ok, e = step(5), coroutine.resume(fails)
      return {first, step(2), ok, type(e) == 'table' and e.err or e, redis.call('GET', KEYS[1])}`;
    const [first, second, ok, message, value] = (await a.ok('EVAL', script, '1', 'n')) as unknown[];
    expect([first, second, ok, value]).toEqual([5, 7, null, '7']);
    expect(message).toContain('WRONGTYPE');
    expect(await a.ok('EVAL', 'return redis.call("GET", KEYS[1])', '1', 'n')).toBe('7');
  });

  test('cannot change the globals of others', async () => {
    for (const script of [
      'x = 1',
      'redis.call = nil',
      '_G.pcall = nil',
      'string.len = nil',
      'rawset(_G, "x", 1)',
      'setmetatable(_G, {})',
      'getmetatable("").__index = nil',
      'getmetatable(_G).__index = {}',
    ]) {
      expect(await errorOf(a.call('EVAL', script, '0')), script).toMatch(/readonly|protected|nil value/);
    }
    expect(await a.call('EVAL', 'return tostring(io) .. tostring(os)', '0').catch(String)).toBeInstanceOf(ReplyError);
    expect(await a.call('EVAL', 'return ("x"):rep(3)', '0')).toBe('xxx');
  });

  test('have the clock of `os` and nothing else of it', async () => {
    const types = 'return {type(os.clock()), type(os.execute), type(os.exit), type(os.getenv)}';
    expect(await a.ok('EVAL', types, '0')).toEqual(['number', 'nil', 'nil', 'nil']);
    expect(await errorOf(a.call('EVAL', 'os.clock = 1', '0'))).toContain('Attempt to modify a readonly table');
  });

  test('count what they call of the commands that concern a connection', async () => {
    await a.ok('CONFIG', 'RESETSTAT');
    await a.ok('EVAL', "redis.call('ping') return redis.call('waitaof', '0', '1', '0')", '0');
    expect(await errorOf(a.call('EVAL', "return redis.call('select', '99')", '0'))).toContain('out of range');
    const figures = async (name: string): Promise<string> => String(await infoField(a, 'commandstats', name));
    expect(await figures('cmdstat_ping')).toMatch(/^calls=1,.*rejected_calls=0,failed_calls=0$/);
    expect(await figures('cmdstat_waitaof')).toMatch(/^calls=1,.*rejected_calls=0,failed_calls=0$/);
    expect(await figures('cmdstat_select')).toMatch(/^calls=1,.*rejected_calls=0,failed_calls=1$/);
  });

  test('of EVAL are forgotten when many others came, of SCRIPT LOAD never (#11)', async () => {
    await a.ok('SCRIPT', 'FLUSH');
    await a.ok('CONFIG', 'RESETSTAT');
    const sha = (body: string): string => createHash('sha1').update(body).digest('hex');
    const loaded = String(await a.ok('SCRIPT', 'LOAD', "return 'loaded'"));
    await a.ok('EVAL', "return 'first'", '0');
    for (let i = 0; i < 600; i++) a.call('EVAL', `return ${i}`, '1', `key${i}`);
    expect(await a.call('EVALSHA', sha('return 599'), '1', 'k')).toBe(599);
    const known = [loaded, sha("return 'first'"), sha('return 0'), sha('return 599')];
    expect(await a.call('SCRIPT', 'EXISTS', ...known)).toEqual([1, 0, 0, 1]);
    expect(await infoField(a, 'stats', 'evicted_scripts')).toBe('101');
    expect(await infoField(a, 'memory', 'number_of_cached_scripts')).toBe('501');
    for (const key of ['a', 'b', 'c', 'd']) {
      expect(await errorOf(a.call('EVALSHA', sha('return 0'), '1', key))).toMatch(/^NOSCRIPT/);
      expect(await a.call('EVALSHA', loaded, '1', key)).toBe('loaded');
    }
    expect(await a.call('EVAL', 'return 0', '1', 'a')).toBe(0);
    expect(await a.call('EVALSHA', sha('return 0'), '1', 'b')).toBe(0);
  });

  test('call nothing that is not for scripts (#11)', async () => {
    await a.ok('CONFIG', 'SET', 'requirepass', '');
    const refused = /^ERR This Redis command is not allowed from script script: /;
    for (const command of [
      "'CONFIG', 'GET', 'requirepass'",
      "'config', 'get', '*'",
      "'CONFIG', 'SET', 'maxmemory', '0'",
      "'ACL', 'GETUSER', 'default'",
      "'DEBUG', 'JMAP'",
      "'MULTI'",
      "'REPLCONF'",
      "'MODULE', 'LIST'",
      "'BGSAVE'",
      "'EVAL', 'return 1', '0'",
    ]) {
      expect(await errorOf(a.call('EVAL', `return redis.call(${command})`, '0')), command).toMatch(refused);
    }
  });

  test('that run for too long can be killed unless they wrote', async () => {
    const spinning = a.call('EVAL', 'while true do end', '1', 'k');
    await until('the server is busy', async () => (await b.call('FUNCTION', 'STATS')) instanceof ReplyError);
    expect(await errorOf(b.call('GET', 'k'))).toMatch(/^BUSY .* SCRIPT KILL/);
    await b.ok('SCRIPT', 'KILL');
    expect(await errorOf(spinning)).toMatch(/Script killed by user/);
    expect(await b.call('SET', 'k', 'v')).toBe('OK');
    expect(await errorOf(b.call('SCRIPT', 'KILL'))).toMatch(/^NOTBUSY/);
  });

  test('wait for nothing', async () => {
    expect(await a.call('EVAL', 'return redis.call("BLPOP", KEYS[1], 0)', '1', 'empty')).toBe(null);
    expect(await a.call('EVAL', 'return redis.call("WAIT", 1, 0)', '0')).toBe(0);
    expect(await errorOf(a.call('EVAL', 'return redis.call("SUBSCRIBE", "x")', '0'))).toMatch(
      /not allowed from script/,
    );
  });
});
