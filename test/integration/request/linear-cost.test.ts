/**
 * What a command costs grows with what it is given, not with its square: ten times the size costs at most fifteen times
 * the CPU time of the server. A row for each command, or row of commands, that takes n items.
 *
 * CPU time is the server's own (INFO cpu): other load on the machine lengthens the test and not the figure. Of several
 * tries the cheapest counts, since a collection of garbage or a compilation falls into some of them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { type Arg, encode, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, until, untilBlocked } from '../../harness/waiting.js';

const GROWTH = 10;
const RATIO_MAX = 15;
const TRIES = 8;
/** Less than this is not told from nothing, CPU milliseconds. */
const NOISE_MS = 15;

interface Row {
  readonly what: string;
  /** The small size. */
  readonly n: number;
  /** Does it with n items. */
  readonly run: (client: RespClient, n: number, server: TestServer) => Promise<unknown>;
}

const names = (n: number, tag = 'k'): string[] => Array.from({ length: n }, (_, i) => `${tag}:${i}`);
const times = (n: number, ...words: Arg[]): Arg[][] => Array.from({ length: n }, () => words);

/** Sends one command, or a row of them, and waits for so many replies and pushes in all. */
async function send(client: RespClient, commands: readonly (readonly Arg[])[], answers: number): Promise<void> {
  const before = client.pushes.length;
  client.sendRaw(Buffer.concat(commands.map(encode)));
  for (let i = 0; i < answers; i++) await client.readRaw();
  client.pushes.length = before;
}

async function exec(client: RespClient, commands: readonly (readonly Arg[])[]): Promise<void> {
  await send(client, [['MULTI'], ...commands, ['EXEC']], commands.length + 2);
}

/** A connection of its own for what leaves traces on it. */
async function alone(server: TestServer, body: (client: RespClient) => Promise<unknown>): Promise<void> {
  const client = await server.client();
  await body(client);
  await client.close();
}

/** Prefixes none of which is a prefix of another. */
const prefixes = (n: number): string[] => names(n, 'p').map((name) => `${name}:`);

const ROWS: readonly Row[] = [
  {
    what: 'WATCH of many keys, UNWATCH',
    n: 700,
    run: (client, n) => send(client, [['WATCH', ...names(n)], ['UNWATCH']], 2),
  },
  {
    what: 'WATCH of keys one by one, EXEC',
    n: 600,
    run: (client, n) => send(client, [...names(n).map((key) => ['WATCH', key]), ['MULTI'], ['EXEC']], n + 2),
  },
  { what: 'EXEC of PINGs', n: 700, run: (client, n) => exec(client, times(n, 'PING')) },
  { what: 'EXEC of SELECT and ECHO', n: 600, run: (client, n) => exec(client, times(n, 'ECHO', 'x')) },
  {
    what: 'EXEC of local commands among others',
    n: 600,
    run: (client, n) =>
      exec(
        client,
        times(n, 'GET', 'k').flatMap((get) => [get, ['SELECT', 0]]),
      ),
  },
  {
    what: 'MONITOR of an EXEC',
    n: 600,
    run: (client, n, server) =>
      alone(server, async (monitor) => {
        await monitor.ok('MONITOR');
        await exec(client, times(n, 'GET', 'k'));
        for (let i = 0; i < n + 2; i++) await monitor.readRaw();
      }),
  },
  ...(['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE'] as const).flatMap((word): Row[] => {
    const end = word.replace('SUB', 'UNSUB');
    return [
      {
        what: `${word} and ${end} of many at once`,
        n: 600,
        run: (client, n) => send(client, [[word, ...names(n)], [end, ...names(n)], [end]], 2 * n + 1),
      },
      {
        what: `${word} and ${end} one by one, the last first`,
        n: 500,
        run: (client, n) => {
          const off = names(n).reverse();
          return send(client, [...names(n).map((x) => [word, x]), ...off.map((x) => [end, x])], 2 * n);
        },
      },
    ];
  }),
  {
    what: 'the end of a client with many channels',
    n: 700,
    run: (client, n, server) =>
      alone(server, async (subscriber) => {
        await send(subscriber, [['SUBSCRIBE', ...names(n)]], n);
        await subscriber.close();
        await until(
          'no channels',
          async () => (await client.call('PUBSUB', 'NUMSUB', 'k:0', `k:${n - 1}`))?.toString() === `k:0,0,k:${n - 1},0`,
        );
      }),
  },
  {
    what: 'CLIENT TRACKING with many prefixes',
    n: 500,
    run: (client, n) =>
      send(
        client,
        [
          ['CLIENT', 'TRACKING', 'ON', 'BCAST', ...prefixes(n).flatMap((prefix) => ['PREFIX', prefix])],
          ['CLIENT', 'TRACKING', 'OFF'],
        ],
        2,
      ),
  },
  {
    what: 'CLIENT TRACKING with prefixes one by one',
    n: 300,
    run: (client, n) =>
      send(
        client,
        [
          ...prefixes(n).map((prefix) => ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', prefix]),
          ['CLIENT', 'TRACKING', 'OFF'],
        ],
        n + 1,
      ),
  },
  {
    what: 'CLIENT TRACKING with prefixes that overlap at the end',
    n: 500,
    run: (client, n) => {
      const many = [...prefixes(n), 'q', 'q'].flatMap((prefix) => ['PREFIX', prefix]);
      return send(client, [['CLIENT', 'TRACKING', 'ON', 'BCAST', ...many]], 1);
    },
  },
  {
    what: 'writes while many prefixes are tracked',
    n: 300,
    run: (client, n, server) =>
      alone(server, async (tracker) => {
        await tracker.ok('HELLO', 3);
        await send(tracker, [['CLIENT', 'TRACKING', 'ON', 'BCAST', ...prefixes(n).flatMap((p) => ['PREFIX', p])]], 1);
        await send(client, times(n, 'SET', 'other', 1), n);
        await send(client, [...prefixes(n).map((prefix) => ['DEL', `${prefix}x`])], n);
      }),
  },
  {
    what: 'invalidations of keys read by one client in a pipeline',
    n: 500,
    run: (client, n, server) =>
      alone(server, async (tracker) => {
        await tracker.ok('HELLO', 3);
        await tracker.ok('CLIENT', 'TRACKING', 'ON');
        const all = names(n).flatMap((key) => [
          ['GET', key],
          ['SET', key, 1],
        ]);
        await send(tracker, all, 2 * n);
        await send(client, [['DEL', ...names(n)]], 1);
      }),
  },
  {
    what: 'CLIENT LIST by ids',
    n: 700,
    run: (client, n) => send(client, [['CLIENT', 'LIST', 'ID', ...times(n, 999_999).flat()]], 1),
  },
  {
    what: 'CLIENT LIST and CLIENT KILL of clients',
    n: 15,
    run: async (client, n, server) => {
      const others = await Promise.all(Array.from({ length: n }, () => server.client()));
      await Promise.all(others.map((other) => other.ok('SUBSCRIBE', 'killed')));
      await client.ok('CLIENT', 'LIST');
      await client.ok('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await Promise.all(others.map((other) => other.closed));
    },
  },
  {
    what: 'BLPOP of many keys, its end, and its being served',
    n: 300,
    run: (client, n, server) =>
      alone(server, async (waiter) => {
        const lists = names(n, 'list');
        waiter.sendRaw(encode(['BLPOP', ...lists, 0]));
        await untilBlocked(client, 1);
        await exec(
          client,
          lists.map((list) => ['RPUSH', list, 1]),
        );
        await waiter.readRaw();
        await client.ok('DEL', ...lists);
        waiter.sendRaw(encode(['BLPOP', ...lists, 0]));
        await untilBlocked(client, 1);
        await waiter.close();
        await untilBlocked(client, 0);
      }),
  },
  {
    what: 'BLPOP of the same key many times',
    n: 700,
    run: (client, n, server) =>
      alone(server, async (waiter) => {
        waiter.sendRaw(encode(['BLPOP', ...times(n, 'list').flat(), 0]));
        await untilBlocked(client, 1);
        await client.ok('RPUSH', 'list', 1);
        await waiter.readRaw();
      }),
  },
  {
    what: 'clients that wait for one key and go, the last first',
    n: 20,
    run: async (client, n, server) => {
      const waiters = await Promise.all(Array.from({ length: n }, () => server.client()));
      for (const waiter of waiters) waiter.sendRaw(encode(['BLPOP', 'list', 0]));
      await untilBlocked(client, n);
      for (const waiter of waiters.reverse()) await waiter.close();
      await untilBlocked(client, 0);
    },
  },
  ...['DEL', 'MGET', 'EXISTS', 'TOUCH', 'UNLINK', 'SUNION', 'PFCOUNT'].map(
    (word): Row => ({
      what: `${word} of the same key many times`,
      n: 3000,
      run: (client, n) => send(client, [[word, ...times(n, 'same').flat()]], 1),
    }),
  ),
  ...(
    [
      ['SCRIPT', 'EXISTS'],
      ['COMMAND', 'INFO'],
      ['CONFIG', 'GET'],
      ['PUBSUB', 'NUMSUB'],
      ['CLIENT', 'KILL'],
      ['MSET'],
    ] as const
  ).map(
    (words): Row => ({
      what: `${words.join(' ')} of many`,
      n: 500,
      run: (client, n) => send(client, [[...words, ...names(2 * n)]], 1),
    }),
  ),
  {
    what: 'a command of many arguments that comes in pieces',
    n: 3000,
    run: async (client, n) => {
      const bytes = encode(['DEL', ...names(n)]);
      for (let at = 0; at < bytes.length; at += 1400) client.sendRaw(bytes.subarray(at, at + 1400));
      await client.readRaw();
    },
  },
  {
    what: 'a pipeline to keys of all shards',
    n: 150,
    run: (client, n) =>
      send(
        client,
        names(n).flatMap((key) => [
          ['INCR', key],
          ['LCS', key, key],
        ]),
        2 * n,
      ),
  },
];

describe.each([
  { shards: 1, ioThreads: 1 },
  { shards: 3, ioThreads: 2 },
])('with $shards shards and $ioThreads I/O threads', (setup) => {
  let server: TestServer;
  let observer: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    observer = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const cpuMs = async (): Promise<number> => {
    const user = Number(await infoField(observer, 'cpu', 'used_cpu_user'));
    return (user + Number(await infoField(observer, 'cpu', 'used_cpu_sys'))) * 1000;
  };
  const costMs = async (row: Row, client: RespClient, n: number): Promise<number> => {
    const before = await cpuMs();
    await row.run(client, n, server);
    return (await cpuMs()) - before;
  };

  test.each(ROWS)('#11: $what: ten times as much costs at most fifteen times as much', async (row) => {
    const client = await server.client();
    await row.run(client, row.n, server);
    let small = Number.POSITIVE_INFINITY;
    let large = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i++) {
      small = Math.min(small, await costMs(row, client, row.n));
      large = Math.min(large, await costMs(row, client, row.n * GROWTH));
      if (large <= RATIO_MAX * Math.max(small, NOISE_MS / GROWTH)) break;
    }
    if (process.env.SHOW_COST) process.stderr.write(`${row.what}: ${small.toFixed(1)} ${large.toFixed(1)}\n`);
    expect(large).toBeLessThanOrEqual(RATIO_MAX * Math.max(small, NOISE_MS / GROWTH));
    await client.close();
  });
});
