/**
 * A pipeline is parsed ahead when the keyspace is large (main/io/request/pipeline.ts). What a client sees must be what
 * it would see with one command at a time: generated commands go to two databases with the same keys, in pipelines cut
 * anywhere to the one, one by one to the other.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { encode, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

/** More than the smallest keyspace for which commands are parsed ahead. */
const KEYS = 5000;
const COMMANDS = 1500;
/** Few enough to meet each other, in kinds that mostly hold one type. */
const KINDS = ['string', 'hash', 'zset', 'set', 'list'] as const;

type Make = (r: SeededRandom) => readonly Buffer[];

const words = (...args: (string | number)[]): Buffer => encode(args);
const key = (r: SeededRandom, kind: string): string =>
  `${r.chance(0.02) ? r.pick(KINDS) : kind}:${r.chance(0.5) ? r.below(20) : r.below(KEYS)}`;
const MAKERS: readonly Make[] = [
  (r) => [words('SET', key(r, 'string'), r.below(1000))],
  (r) => [words('GET', key(r, 'string'))],
  (r) => [words('INCR', key(r, 'string'))],
  (r) => [words('MSET', key(r, 'string'), 'a', key(r, 'string'), 'b')],
  (r) => [words('MGET', key(r, 'string'), key(r, 'string'), key(r, 'hash'))],
  (r) => [words('HSET', key(r, 'hash'), `f${r.below(5)}`, r.below(100))],
  (r) => [words('HGETALL', key(r, 'hash'))],
  (r) => [words('ZADD', key(r, 'zset'), r.below(100), `m${r.below(9)}`)],
  (r) => [words('ZRANGE', key(r, 'zset'), 0, -1, 'WITHSCORES')],
  (r) => [words('SADD', key(r, 'set'), r.below(9))],
  (r) => [words('SCARD', key(r, 'set'))],
  (r) => [words('RPUSH', key(r, 'list'), r.below(100))],
  (r) => [words('LPOP', key(r, 'list'))],
  (r) => [words('BLPOP', key(r, 'list'), key(r, 'list'), 0.001)],
  (r) => [words('DEL', key(r, 'string'), key(r, 'hash'))],
  (r) => [words('RENAME', key(r, 'set'), key(r, 'set'))],
  (r) => [words('TYPE', key(r, 'zset'))],
  (r) => [words('EXPIRE', key(r, 'string'), r.chance(0.3) ? -1 : 1000)],
  (r) => [words('EVAL', "return redis.call('incr', KEYS[1])", 1, key(r, 'string'))],
  (r) => [words('SET', key(r, 'string'), 'x'.repeat(r.chance(0.1) ? 70_000 : 2000))],
  (r) => [words('SETRANGE', key(r, 'string'), 5, 'abc')],
  (r) => [words('NOSUCH', key(r, 'string'))],
  () => [words('GET', 'a', 'b')],
  (r) => [Buffer.from(`get ${key(r, 'string')}\r\n`)],
  (r) => [Buffer.from(`SET "${key(r, 'string')}" 'quoted'\r\n`)],
  (r) => [Buffer.from('\r\n*0\r\n'), words('ECHO', r.below(100))],
  (r) => [words('MULTI'), words('INCR', key(r, 'string')), words('GET', key(r, 'hash')), words('EXEC')],
  (r) => [words('WATCH', key(r, 'string')), words('MULTI'), words('SET', key(r, 'string'), 1), words('EXEC')],
  () => [words('PING')],
  () => [words('DBSIZE')],
];

describe.each([1, 4])('pipelines in a large keyspace, %i shards', (shards) => {
  const seed = seedFrom('PIPELINE_SEED');
  let server: TestServer;
  let piped: RespClient;
  let single: RespClient;

  beforeAll(async () => {
    server = await startSherd({ shards });
    piped = await server.client();
    single = await server.client();
    await single.ok('SELECT', 1);
    for (const client of [piped, single]) {
      const all = Array.from({ length: KEYS }, (_, i) => [`string:${i}`, String(i)]).flat();
      await client.ok('MSET', ...all);
    }
  });
  afterAll(() => checkAndStop(server));

  test(`answer as the same commands one by one (PIPELINE_SEED=${seed})`, async () => {
    const r = new SeededRandom(seed + shards);
    const commands = Array.from({ length: COMMANDS }, () => r.pick(MAKERS)(r));
    const expected: string[] = [];
    for (const command of commands) {
      for (const part of command) {
        if (part[0] === 13) continue;
        single.sendRaw(part);
        expected.push((await single.readRaw()).toString('latin1'));
      }
    }
    const bytes = Buffer.concat(commands.flat());
    const got: string[] = [];
    const read = (async () => {
      while (got.length < expected.length) got.push((await piped.readRaw()).toString('latin1'));
    })();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + r.below(r.chance(0.1) ? 200_000 : 3000));
      piped.sendRaw(bytes.subarray(at, end));
      if (r.chance(0.3)) await new Promise(setImmediate);
      at = end;
    }
    await read;
    for (const [i, reply] of got.entries()) expect(reply, `reply ${i}`).toBe(expected[i]);
  });

  test('end at the first protocol error, with all that came before it answered', async () => {
    const client = await server.client();
    const good = Array.from({ length: 21 }, (_, i) => words('GET', `string:${4000 + i}`));
    client.sendRaw(Buffer.concat([...good, Buffer.from('*1\r\n$x\r\n'), words('SET', 'string:4000', 'never')]));
    for (let i = 0; i < good.length; i++) expect((await client.readRaw())[0]).toBe(36);
    expect((await client.readRaw()).toString()).toBe('-ERR Protocol error: invalid bulk length\r\n');
    await client.closed;
    expect(await single.ok('SELECT', 0)).toBe('OK');
    expect(await single.ok('GET', 'string:4000')).not.toBe('never');
  });
});
