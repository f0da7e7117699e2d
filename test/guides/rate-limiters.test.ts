/**
 * The guides' three limiters: fixed window, sliding window, token bucket. Each is a script of a few commands that takes
 * the time from the server; several clients of two libraries knock at the same door.
 */
import { defineScript } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

/** KEYS[1] the counter, ARGV limit and window in ms; 1 when it is still within the limit. */
const FIXED_WINDOW = `
local used = redis.call('INCR', KEYS[1])
if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return used <= tonumber(ARGV[1]) and 1 or 0`;

/** KEYS[1] a sorted set of times, ARGV limit, window in us, name of the call; the server's time in us, or 0. */
const SLIDING_WINDOW = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000) + 1)
return now`;

/** KEYS[1] a hash, ARGV capacity and tokens per second; whether one was there, the time in us, what is left. */
const TOKEN_BUCKET = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(state[1] or ARGV[1]), tonumber(state[2] or now)
tokens = math.min(tonumber(ARGV[1]), tokens + (now - at) * ARGV[2] / 1000000)
local got = 0
if tokens >= 1 then
  tokens = tokens - 1
  got = 1
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', string.format('%.0f', now))
redis.call('EXPIRE', KEYS[1], 100)
return {got, now, tostring(tokens)}`;

type Ask = (key: string, ...args: (string | number)[]) => Promise<unknown>;

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

  /** Two clients of each library that have the script by a name, as their users do. */
  async function askers(lua: string): Promise<Ask[]> {
    const made: Ask[] = [];
    for (let i = 0; i < 2; i++) {
      const redis = clients.ioredis({ scripts: { ask: { lua, numberOfKeys: 1 } } }) as unknown as { ask: Ask };
      made.push((...args) => redis.ask(...args));
      const ask = defineScript({
        SCRIPT: lua,
        NUMBER_OF_KEYS: 1,
        parseCommand: (parser, key: string, ...args: string[]) => {
          parser.pushKey(key);
          parser.push(...args);
        },
        transformReply: (reply: unknown) => reply,
      });
      const node = (await clients.nodeRedis({ scripts: { ask } })) as unknown as { ask: Ask };
      made.push((key, ...args) => node.ask(key, ...args.map(String)));
    }
    return made;
  }

  test('fixed window: of any number of calls the limit passes, for each user, in each window', async () => {
    const doors = await askers(FIXED_WINDOW);
    const burst = async (user: string, calls: number): Promise<number> => {
      const answers = await Promise.all(Array.from({ length: calls }, (_, i) => doors[i % 4]!(user, 10, 60_000)));
      return answers.filter((answer) => answer === 1).length;
    };
    expect(await Promise.all([burst('ada', 50), burst('bob', 30), burst('eve', 4)])).toEqual([10, 10, 4]);
    expect(await burst('ada', 5)).toBe(0);
    await clients.ioredis().pexpire('ada', 5);
    await until('the next window', async () => (await doors[0]!('ada', 10, 60_000)) === 1);
    expect(await burst('ada', 20)).toBe(9);
  });

  test('sliding window: no stretch of time as long as the window holds more than the limit', async () => {
    const doors = await askers(SLIDING_WINDOW);
    const [limit, windowUs] = [5, 40_000];
    const passed: number[] = [];
    const knock = async (door: Ask, name: number): Promise<void> => {
      for (let i = 0; passed.length < 20; i++) {
        const at = Number(await door('door', limit, windowUs, `${name}:${i}`));
        if (at > 0) passed.push(at);
      }
    };
    await Promise.all(doors.map(knock));
    passed.sort((x, y) => x - y);
    for (let i = limit; i < passed.length; i++) {
      expect(passed[i]! - passed[i - limit]!).toBeGreaterThanOrEqual(windowUs);
    }
    expect(await clients.ioredis().zcard('door')).toBeLessThanOrEqual(limit);
    await until('an idle door is forgotten', async () => (await clients.ioredis().exists('door')) === 0);
  });

  test('token bucket: a burst empties it, and then no more is drawn than comes at its rate', async () => {
    const doors = await askers(TOKEN_BUCKET);
    const burst = await Promise.all(Array.from({ length: 15 }, (_, i) => doors[i % 4]!('still', 10, 0.001)));
    expect(burst.filter((answer) => (answer as number[])[0] === 1).length).toBe(10);
    const [capacity, perSecond] = [10, 200];
    const calls: { got: number; at: number; left: number }[] = [];
    const draw = async (door: Ask): Promise<void> => {
      while (calls.filter((call) => call.got === 1).length < 30) {
        const [got, at, left] = (await door('bucket', capacity, perSecond)) as [number, number, string];
        calls.push({ got, at, left: Number(left) });
      }
    };
    await Promise.all(doors.map(draw));
    calls.sort((x, y) => x.at - y.at || y.left - x.left);
    // What was drawn and what is left was there at the start or has come since; what overflowed is lost.
    const [first, last] = [calls[0]!, calls.at(-1)!];
    const drawn = calls.filter((call) => call.got === 1).length;
    const came = ((last.at - first.at) / 1e6) * perSecond;
    expect(drawn + last.left).toBeLessThanOrEqual(capacity + came + 0.01);
    expect(drawn).toBeGreaterThanOrEqual(30);
    expect(calls.every((call) => call.left >= 0 && call.left < capacity)).toBe(true);
  });
});
