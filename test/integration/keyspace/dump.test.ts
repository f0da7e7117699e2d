/** DUMP, RESTORE and DEBUG RELOAD on the built server: over rings and shards, with values of every size. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fsck } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { type StartOptions, startSherd, type TestServer } from '../../harness/servers.js';
import { SAMPLES } from '../../unit/rdb/values.js';

const VARIANTS: readonly (readonly [title: string, options: StartOptions])[] = [
  ['three shards', { shards: 3 }],
  ['two shards over rings only', { shards: 2, dispatch: 'ring' }],
];

describe.each(VARIANTS)('dumps with %s', (_title, options) => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd(options);
    client = await server.client();
  });
  afterAll(async () => {
    await fsck(client);
    await server.stop();
  });

  async function dump(name: string): Promise<Buffer> {
    const reply = await client.raw('DUMP', name);
    return reply.subarray(reply.indexOf(10) + 1, reply.length - 2);
  }

  const digest = (name: string) => client.ok('DEBUG', 'DIGEST-VALUE', name);

  async function fill(): Promise<string[]> {
    await client.ok('FLUSHALL');
    const samples = SAMPLES.flatMap(([, list]) => list);
    for (const { commands } of samples) for (const command of commands) await client.ok(...command);
    return samples.map(({ name }) => name);
  }

  test('values of every type are restored under other names, on other shards', async () => {
    for (const name of await fill()) {
      expect([name, await client.ok('RESTORE', `${name}:copy`, 0, await dump(name))]).toEqual([name, 'OK']);
      expect([name, await digest(`${name}:copy`)]).toEqual([name, await digest(name)]);
    }
  });

  test('DEBUG RELOAD changes no value, no expiry and no database', { timeout: 60_000 }, async () => {
    const names = await fill();
    for (const name of names.filter((_, i) => i % 3 === 0)) await client.ok('PEXPIRE', name, 1_000_000);
    await client.ok('HPEXPIRE', 'hash:512', 500_000, 'FIELDS', 1, '0:'.padEnd(32, 'x'));
    await client.ok('COPY', 'zset:long', 'zset:long', 'DB', 9);
    const before = await client.ok('DEBUG', 'DIGEST');
    expect(await client.ok('DEBUG', 'RELOAD')).toBe('OK');
    expect(await client.ok('DEBUG', 'DIGEST')).toBe(before);
    expect(await client.ok('PTTL', names[0]!)).toBeGreaterThan(900_000);
    expect(await client.ok('PTTL', names[1]!)).toBe(-1);
    await client.ok('CONFIG', 'SET', 'hash-max-listpack-entries', '2');
    expect(await client.ok('DEBUG', 'RELOAD', 'NOFLUSH', 'MERGE')).toBe('OK');
    expect(await client.ok('OBJECT', 'ENCODING', 'hash:ints')).toBe('hashtable');
    expect(await client.ok('DEBUG', 'DIGEST')).toBe(before);
    await client.ok('CONFIG', 'SET', 'hash-max-listpack-entries', '512');
  });

  test('a dump that is too big for the thread that began it leaves no trace in the next', async () => {
    await client.ok('SET', 'small', 'value');
    const small = await dump('small');
    await client.ok('DEL', 'big');
    for (let i = 0; i < 20; i++)
      await client.ok('RPUSH', 'big', Buffer.alloc(8000, i).fill(`${i} `.repeat(3), 9, 4000));
    await client.ok('CONFIG', 'SET', 'rdbcompression', 'no');
    const big = await dump('big');
    expect(big.length).toBeGreaterThan(150_000);
    for (let i = 0; i < 5; i++) {
      expect(await dump('small')).toEqual(small);
      expect((await dump('big')).equals(big)).toBe(true);
    }
    await client.ok('CONFIG', 'SET', 'rdbcompression', 'yes');
  });

  test('a string of 40 MB goes out and comes in', { timeout: 60_000 }, async () => {
    await client.ok('SETRANGE', 'huge', 40_000_000, 'end');
    const bytes = await dump('huge');
    expect(bytes.length).toBeGreaterThan(40_000_000);
    expect(await client.ok('RESTORE', 'huge2', 0, bytes)).toBe('OK');
    expect(await digest('huge2')).toEqual(await digest('huge'));
    await client.ok('DEL', 'huge', 'huge2');
  });
});
