/** Scripts of one client that try to change what the scripts of another client find, on every shard (#11). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { errorOf, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

const ATTACKS = [
  "local _, r = pairs(redis) r.call = function() return 'hijacked' end",
  'local _, r = pairs(redis) rawset(r, "call", nil)',
  'local _, t = pairs(string) t.byte = function() return 0 end',
  'local _, t = ipairs(table) t.insert = nil',
  'pcall(table.insert, redis, "x")',
  'pcall(rawset, getmetatable(""), "__index", {})',
  'setfenv(1, {}) x = 1',
  'getfenv(0).x = 1',
  'cjson.encode_number_precision(3) cjson.encode_max_depth(1)',
  'math.randomseed(1)',
  'collectgarbage("stop")',
  'redis.setresp(3)',
  'redis.set_repl(redis.REPL_NONE)',
  'error(redis)',
  'local p = newproxy(true) getmetatable(p).__gc = function() redis.call("SET", "finalised", 1) end',
];

/** Tells what a script finds. */
const PROBE = `
local names = {}
for name, value in pairs(_G) do
  names[#names + 1] = name .. type(value)
  if type(value) == 'table' then
    for field, inner in pairs(value) do names[#names + 1] = name .. '.' .. tostring(field) .. type(inner) end
    if name ~= 'KEYS' and name ~= 'ARGV' and #value > 0 then names[#names + 1] = name .. #value end
  end
end
table.sort(names)
redis.call('SET', KEYS[1], 'v')
return table.concat(names, ' ') .. redis.call('GET', KEYS[1]) .. tostring(x) .. cjson.encode({{{1.23456}}})
  .. type(redis.call('HGETALL', KEYS[1] .. ':none')) .. #redis.call('HGETALL', KEYS[1] .. ':none') .. ('x'):upper()`;
const PROBE_SAFE = PROBE.replace('tostring(x)', "tostring(rawget(_G, 'x'))");

const LIBRARY = `#!lua name=lib
redis.register_function('run', function(keys, args) return loadstring(args[1])() end)
redis.register_function('probe', function(KEYS, args) ${PROBE_SAFE} end)`;

describe.each([{ shards: 1 }, { shards: 3 }])('with $shards shards', (setup) => {
  let server: TestServer;
  let attacker: RespClient;
  let victim: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    attacker = await server.client();
    victim = await server.client();
    await attacker.call('FUNCTION', 'LOAD', LIBRARY);
  });
  afterAll(() => checkAndStop(server));
  beforeEach(async () => {
    await attacker.ok('FLUSHALL');
  });

  // On different shards, if there are several.
  const keys = ['a', 'b', 'c'];

  test('a script finds the same after whatever another script has tried', async () => {
    const scripts: unknown[] = [];
    const functions: unknown[] = [];
    for (const key of keys) {
      scripts.push(await victim.call('EVAL', PROBE_SAFE, '1', key));
      functions.push(await victim.call('FCALL', 'probe', '1', key));
    }
    for (const attack of ATTACKS) {
      for (const key of keys) {
        // The replies differ, errors among them: what counts is what is left.
        await attacker.call('EVAL', attack, '1', key);
        await attacker.call('FCALL', 'run', '1', key, attack);
        await attacker.call('EVAL', attack, '1', key);
      }
      for (const [i, key] of keys.entries()) {
        expect(await victim.call('EVAL', PROBE_SAFE, '1', key), attack).toBe(scripts[i]);
        expect(await victim.call('FCALL', 'probe', '1', key), attack).toBe(functions[i]);
      }
    }
    expect(await victim.call('EXISTS', 'finalised')).toBe(0);
  });

  test('the environment that a script gives itself ends with it', async () => {
    const once = "local was = rawget(getfenv(1), 'n') setfenv(1, {n = (was or 0) + 1}) return was";
    for (let i = 0; i < 3; i++) expect(await victim.call('EVAL', once, '0')).toBeNull();
  });

  test('a compiled chunk is no script', async () => {
    const error = "unexpected symbol near 'char(27)'";
    expect(await errorOf(victim.call('EVAL', '\x1bLuaQ', '0'))).toContain(error);
    expect(await errorOf(victim.call('SCRIPT', 'LOAD', '\x1bLuaQ'))).toContain(error);
    expect(await errorOf(victim.call('EVAL', '#!lua\n\x1bLuaQ', '0'))).toContain(error);
    expect(await errorOf(victim.call('FUNCTION', 'LOAD', '#!lua name=x\n\x1bLuaQ'))).toContain(error);
    const dumped = 'return {loadstring(string.dump(function() return 1 end))}';
    expect(String(await victim.call('EVAL', dumped, '0'))).not.toContain('function');
  });

  test('what refuses says it as Redis does', async () => {
    const refused =
      /^ERR (user_script:1: )?Attempt to modify a readonly table script: [0-9a-f]{40}, on @user_script:1\.$/;
    for (const script of [
      "return rawset(redis, 'a', 1)",
      'return setmetatable(_G, {})',
      'return table.insert(redis, 1)',
      'redis.a = 1',
      'a = 1',
      "getmetatable('').__add = print",
      'return table.insert(getmetatable(_G), 1)',
    ]) {
      expect(await errorOf(victim.call('EVAL', script.replace('print', 'type'), '0')), script).toMatch(refused);
    }
    const place =
      /^ERR user_script:1: bad argument #1 to '(rawset|rawget|load|setfenv|newproxy)' \(.*on @user_script:1\.$/;
    for (const call of ['rawset(1, 2, 3)', 'rawget()', "load('x')", 'setfenv(9, {})', 'newproxy(5)']) {
      expect(await errorOf(victim.call('EVAL', `return ${call}`, '0')), call).toMatch(place);
    }
    expect(await errorOf(victim.call('EVAL', 'return setfenv(redis.call, {})', '0'))).toMatch(
      /^ERR user_script:1: 'setfenv' cannot change environment of given object/,
    );
  });

  test('an error without a text has a code', async () => {
    for (const script of ['error({})', 'error({err = {}})', 'error({1})', 'error(redis)', "error({ok = 'x'})"]) {
      const expected = /^ERR unknown error script: [0-9a-f]{40}, on @user_script:1\.$/;
      expect(await errorOf(victim.call('EVAL', script, '0')), script).toMatch(expected);
      expect(await errorOf(victim.call('FCALL', 'run', '0', script)), script).toMatch(/^ERR unknown error script: run/);
    }
    expect(await errorOf(victim.call('EVAL', "error({err = 'My Err'})", '0'))).toMatch(/^My Err script: /);
    expect(await errorOf(victim.call('EVAL', 'error({err = 1})', '0'))).toMatch(/^1 script: /);
    expect(await errorOf(victim.call('EVAL', 'error(nil)', '0'))).toMatch(/^ERR nil script: /);
    expect(await errorOf(victim.call('EVAL', 'error(true)', '0'))).toMatch(/^ERR true script: /);
    expect(await errorOf(victim.call('EVAL', 'error(1)', '0'))).toMatch(/^ERR user_script:1: 1 script: /);
    expect(await victim.call('EVAL', 'return {pcall(error, {err = 1})}', '0')).toEqual([null, 1]);
    expect(await victim.call('EVAL', "return {pcall(error, {err = 'My Err'})}", '0')).toEqual([null, 'My Err']);
    expect(await victim.call('EVAL', 'return type(select(2, pcall(error, {})))', '0')).toBe('table');
  });
});
