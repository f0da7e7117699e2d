import { describe, expect, it } from 'vitest';
import { shardCommands } from '../../../src/shard/commands/table.js';
import { isClosedScript } from '../../../src/shard/script/script-keys.js';
import { buildRegistry } from '../../../src/shared/command/registry.js';

const registry = buildRegistry(shardCommands);

describe('a script takes the leases of its KEYS alone', () => {
  it.each([
    'return 1',
    "return redis.call('incr', KEYS[1])",
    'return redis.call("GET", KEYS[tonumber(ARGV[1])])',
    "local n = redis.pcall('hincrby', KEYS[1], ARGV[1], 1) redis.call('expire', KEYS[1], 10) return n",
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
    "return redis.call('mget', unpack(KEYS))",
    "return redis.call('mset', KEYS[1], 'a', KEYS[2], ARGV[1])",
    "-- redis.call('get', 'x')\nreturn redis.error_reply('no')",
    "return #KEYS .. 'redis.call(x)'",
    "redis.call('publish', 'channel', ARGV[1])",
    '--[[ KEYS = 1 ]] return KEYS[1]',
  ])('closed: %s', (script) => {
    expect(isClosedScript(script, registry)).toBe(true);
  });

  it.each([
    "return redis.call('get', 'x')",
    "return redis.call('get', KEYS[1] .. ':x')",
    "return redis.call('get', ARGV[1])",
    'return redis.call(ARGV[1], KEYS[1])',
    "local call = redis.call return call('get', KEYS[1])",
    "local r = redis return r.call('get', 'x')",
    "KEYS[1] = 'y' return redis.call('get', KEYS[1])",
    "local KEYS = {'y'} return redis.call('get', KEYS[1])",
    "for _, k in ipairs(KEYS) do redis.call('get', k) end",
    'return loadstring(\'return redis.call("get", "x")\')()',
    "return server.call('get', 'x')",
    "return redis['call']('get', 'x')",
    "return redis.call('mset', KEYS[1], 'a', 'other', 'b')",
    "return redis.call('mset', KEYS[1], 'a', unpack(ARGV))",
    "return redis.call('keys', '*')",
    "return redis.call('dbsize')",
    "return redis.call('flushall')",
    "return redis.call('sort', KEYS[1], 'by', 'w_*')",
    "return redis.call('eval', 'return 1', 0)",
  ])('open: %s', (script) => {
    expect(isClosedScript(script, registry)).toBe(false);
  });

  it.each([
    ['quotes', '\\"'.repeat(100_000)],
    ['a string of megabytes', `return "${'x'.repeat(3e7)}"`],
    ['comments without end', '--[[\n'.repeat(60_000)],
    ['long strings without end', 'x [=[ '.repeat(60_000)],
    ['nested keys', `return ${'KEYS['.repeat(60_000)}1${']'.repeat(60_000)}`],
    ['nested calls', `return ${"redis.call('get', KEYS[1], ".repeat(30_000)}1${')'.repeat(30_000)}`],
  ])('#11: is decided in time that grows with the text: %s', (_, script) => {
    expect(typeof isClosedScript(script, registry)).toBe('boolean');
  });

  it('#11: ends a comment where Lua does', () => {
    expect(isClosedScript("-- a line\rreturn redis.call('get', 'k')", registry)).toBe(false);
  });
});
