/** Whatever bytes arrive: the right error text or a closed connection, and nobody else is disturbed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { encode, type RespClient, type Value } from '../../harness/resp-client.js';
import { SUBJECT_IS_REDIS, startSherd, type TestServer } from '../../harness/servers.js';
import { longestPingMs, sleep } from '../../harness/waiting.js';

const MIB = 1 << 20;
const PROTOCOL_ERROR = '-ERR Protocol error: ';

/** Bytes sent to a fresh connection, the reply's first line, after which the connection must end. */
const REFUSED: readonly (readonly [title: string, bytes: string, reply: string])[] = [
  ['a multibulk length over 2^31', '*2147483648\r\n', 'invalid multibulk length'],
  ['a multibulk length that is no number', '*abc\r\n', 'invalid multibulk length'],
  ['an empty multibulk length', '*\r\n', 'invalid multibulk length'],
  ['a multibulk length beyond 64 bits', '*99999999999999999999\r\n', 'invalid multibulk length'],
  ['a negative bulk length', '*1\r\n$-1\r\n', 'invalid bulk length'],
  ['a bulk length over 512 MB', '*2\r\n$3\r\nGET\r\n$536870913\r\n', 'invalid bulk length'],
  ['a bulk length that is no number', '*1\r\n$abc\r\n', 'invalid bulk length'],
  ['a bulk length beyond 64 bits', '*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
  ['something else where a bulk should begin', '*1\r\n+PING\r\n', "expected '$', got '+'"],
  ['unbalanced double quotes', 'SET k "abc\r\n', 'unbalanced quotes in request'],
  ['unbalanced single quotes', "SET k 'abc\r\n", 'unbalanced quotes in request'],
  ['a quote followed by text', 'SET k "abc"d\r\n', 'unbalanced quotes in request'],
  ['an inline request over 64 KiB', 'a'.repeat(70_000), 'too big inline request'],
  ['a multibulk count that does not end', `*1${'0'.repeat(70_000)}`, 'too big mbulk count string'],
  ['a bulk count that does not end', `*1\r\n$1${'0'.repeat(70_000)}`, 'too big bulk count string'],
];

describe('hostile input', () => {
  let server: TestServer;
  let other: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2 });
    other = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test.each(REFUSED)('%s is refused and the connection closed', async (_title, bytes, reply) => {
    const client = await server.client();
    client.sendRaw('PING\r\n');
    client.sendRaw(bytes);
    expect((await client.readRaw()).toString()).toBe('+PONG\r\n');
    expect((await client.readRaw()).toString()).toBe(`${PROTOCOL_ERROR}${reply}\r\n`);
    await client.closed;
    expect(await other.ok('PING')).toBe('PONG');
  });

  test('empty requests and empty lines are passed over', async () => {
    const client = await server.client();
    client.sendRaw('*0\r\n\r\n*-1\r\n   \r\n\nPING\r\n');
    expect(await client.read()).toBe('PONG');
  });

  test('an inline request may hold quotes, escapes and hexadecimal bytes', async () => {
    const client = await server.client();
    client.sendRaw('set  inline "a\\x00\\n\\"\\t" \r\nget inline\necho \'it\\\'s\'\r\necho ""\r\n');
    expect(await client.read()).toBe('OK');
    expect(await client.read()).toBe('a\0\n"\t');
    expect(await client.read()).toBe("it's");
    expect(await client.read()).toBe('');
  });

  test('half a command and then silence holds nobody up', async () => {
    const silent = await Promise.all(Array.from({ length: 20 }, () => server.client()));
    const bytes = encode(['SET', 'half', 'v'.repeat(1000)]);
    for (const [i, client] of silent.entries()) client.sendRaw(bytes.subarray(0, 1 + i * 50));
    await sleep(20);
    expect(await other.ok('SET', 'half', 'whole')).toBe('OK');
    for (const [i, client] of silent.entries()) client.sendRaw(bytes.subarray(1 + i * 50));
    for (const client of silent) expect(await client.read()).toBe('OK');
  });

  test('keys and values are bytes: NUL, CRLF, every value from 0 to 255', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    expect(await other.ok('SET', all, all)).toBe('OK');
    expect(await other.ok('GET', all)).toBe(all.toString('latin1'));
    expect(await other.ok('SET', '\0', '\r\n')).toBe('OK');
    expect(await other.ok('GET', '\0')).toBe('\r\n');
    expect(await other.ok('GET', '\0\0')).toBe(null);
    expect(await other.ok('SET', '', 'empty key')).toBe('OK');
    expect(await other.ok('GET', '')).toBe('empty key');
  });

  test('a command of a million arguments is served', { timeout: 60_000 }, async () => {
    const client = await server.client();
    const names = Array.from({ length: 1_000_000 }, (_, i) => `m${i}`);
    await other.ok('SET', 'm999999', 'last');
    const pairs = names.slice(0, 100_000).flatMap((name) => [name, name]);
    const some = names.slice(0, 300_000);
    // Built as lists: a call with a million parameters would overflow the test's own stack.
    const [values, deleted, set, value, count, unlinked] = await client.pipeline([
      ...[
        ['MGET', ...names],
        ['DEL', ...names],
        ['MSET', ...pairs],
      ],
      ...[
        ['GET', 'm99999'],
        ['EXISTS', ...some],
        ['UNLINK', ...some],
      ],
    ]);
    expect(values).toHaveLength(1_000_000);
    expect((values as Value[])[0]).toBe(null);
    expect((values as Value[]).at(-1)).toBe('last');
    expect([deleted, set, value, count, unlinked]).toEqual([1, 'OK', 'm99999', 100_000, 100_000]);
  });

  test('a key of 8 MB is a key like any other', { timeout: 60_000 }, async () => {
    await largeKey(other, 8 * MIB);
  });

  test.runIf(process.env.SHERD_TEST_HUGE)('a key of 512 MB too', { timeout: 300_000 }, async () => {
    await largeKey(other, 512 * MIB);
  });

  test.skipIf(SUBJECT_IS_REDIS)(
    'a client that never reads cannot make the server grow',
    { timeout: 60_000 },
    async () => {
      await other.ok('SET', 'big', Buffer.alloc(MIB, 'x'));
      const before = server.rssBytes();
      const reader = await server.client();
      reader.socket.pause();
      const request = encode(['GET', 'big']);
      const count = 600;
      const longest = await longestPingMs(
        other,
        (async () => {
          for (let i = 0; i < count; i++) reader.sendRaw(request);
          await sleep(1000);
        })(),
      );
      expect(server.rssBytes() - before).toBeLessThan(400 * MIB);
      expect(longest).toBeLessThan(1000);
      // Once it reads again it gets everything, in order (or had been cut off, which is fair as well).
      const replies = Promise.all(Array.from({ length: count }, () => reader.readRaw().then((r) => r.length)));
      reader.socket.resume();
      const lengths = await replies.catch(() => []);
      for (const length of lengths) expect(length).toBe(MIB + 12);
    },
  );
});

async function largeKey(client: RespClient, bytes: number): Promise<void> {
  const key = Buffer.alloc(bytes, 'k');
  expect((await client.raw('SET', key, 'value')).toString()).toBe('+OK\r\n');
  expect((await client.raw('GET', key)).toString()).toBe('$5\r\nvalue\r\n');
  const almost = Buffer.from(key);
  almost[bytes - 1] = 0;
  expect((await client.raw('GET', almost)).toString()).toBe('$-1\r\n');
  if (2 * bytes >= 1024 * MIB) {
    // Both in one command would exceed client-query-buffer-limit.
    expect((await client.raw('DEL', key)).toString()).toBe(':1\r\n');
    return;
  }
  expect((await client.raw('RENAME', key, almost)).toString()).toBe('+OK\r\n');
  expect((await client.raw('DEL', key, almost)).toString()).toBe(':1\r\n');
}

describe('requests cut anywhere', () => {
  const requests = [
    ...[encode(['SET', 'cut', 'a\r\n$3\r\nb']), Buffer.from('get cut\r\n'), encode(['MSET', 'c1', '1', 'c2', '2'])],
    ...[encode(['INCRBY', 'c1', '41']), encode(['MGET', 'c1', 'c2', 'nothing']), Buffer.from('DEL c1 "c2"\r\n')],
    ...[encode(['NOSUCH', 'x']), encode(['GET', 'cut', 'cut']), encode(['ECHO', Buffer.from([0, 13, 10, 255])])],
  ];
  const bytes = Buffer.concat(requests);
  const seed = seedFrom('SPLIT_SEED');
  let server: TestServer;
  let expected: string[];

  const readAll = async (client: RespClient): Promise<string[]> => {
    const replies: string[] = [];
    for (let i = 0; i < requests.length; i++) replies.push((await client.readRaw()).toString('latin1'));
    return replies;
  };
  beforeAll(async () => {
    server = await startSherd({ shards: 3 });
    const client = await server.client();
    client.sendRaw(bytes);
    expected = await readAll(client);
    expect(expected[1]).toBe('$8\r\na\r\n$3\r\nb\r\n');
  });
  afterAll(() => checkAndStop(server));

  test('at every single byte give the same replies', async () => {
    const client = await server.client();
    for (let cut = 1; cut < bytes.length; cut++) {
      client.sendRaw(bytes.subarray(0, cut));
      await sleep(1);
      client.sendRaw(bytes.subarray(cut));
      expect(await readAll(client), `cut at ${cut}`).toEqual(expected);
    }
  });

  test('into single bytes give the same replies', async () => {
    const client = await server.client();
    for (const byte of bytes) {
      client.sendRaw(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await readAll(client)).toEqual(expected);
  });

  test(`into random pieces give the same replies (SPLIT_SEED=${seed})`, async () => {
    const random = new SeededRandom(seed);
    const clients = await Promise.all(Array.from({ length: 8 }, () => server.client()));
    const long = Buffer.concat(Array.from({ length: 20 }, () => encode(['ECHO', random.bytes(random.below(3000))])));
    for (const client of clients) {
      const echo = async (): Promise<void> => {
        for (let pos = 0; pos < long.length; ) {
          const next = Math.min(long.length, pos + random.between(1, 4000));
          client.sendRaw(long.subarray(pos, next));
          pos = next;
          if (random.chance(0.5)) await sleep(1);
        }
        for (let i = 0; i < 20; i++) expect((await client.readRaw())[0]).toBe(0x24);
      };
      await echo();
    }
  });

  test.each([1, 10, 1000, 30_000])(
    'a pipeline of %d commands is answered in order',
    { timeout: 60_000 },
    async (depth) => {
      const client = await server.client();
      const commands = Array.from({ length: depth }, (_, i) => {
        if (i % 97 === 0) return ['MSET', `p${i % 50}`, i, `q${i % 50}`, i];
        if (i % 101 === 0) return ['MGET', 'p0', 'p1', 'p2', 'p3'];
        return i % 3 === 0 ? ['SET', `p${i % 50}`, i] : i % 3 === 1 ? ['ECHO', i] : ['GET', `p${(i - 2) % 50}`];
      });
      const replies = await client.pipeline(commands);
      const wrong = replies.filter((reply, i) => {
        const [name, argument] = commands[i]!;
        if (name === 'ECHO') return reply !== String(argument);
        if (name === 'MGET') return !Array.isArray(reply) || reply.length !== 4;
        return name === 'GET' ? typeof reply !== 'string' && reply !== null : reply !== 'OK';
      });
      expect(wrong).toEqual([]);
    },
  );
});
