/** What HELLO, CLIENT TRACKING and their like in a transaction mean for those behind them, beside redis-server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, ioThreads: 2, dispatch: 'auto' },
  { shards: 3, ioThreads: 1, dispatch: 'inline' },
  { shards: 3, ioThreads: 2, dispatch: 'ring' },
] as const;

const words = (command: string): string[] => command.split(' ');

/** The replies in EXEC to `commands`. */
async function exec(client: RespClient, ...commands: string[]): Promise<Value[]> {
  const replies = await client.pipeline([['MULTI'], ...commands.map(words), ['EXEC']]);
  return replies[replies.length - 1] as Value[];
}

const KEYS = ['a', 'b', 'c', 'd'];

/** Runs a scenario of reads on a new client, `run`; checks of which keys it is told when another client writes all. */
async function tracks(server: TestServer, told: readonly string[], run: (client: RespClient) => Promise<unknown>) {
  const [client, other] = [await server.client(), await server.client()];
  await client.ok('HELLO', '3');
  await run(client);
  // Those that must not be told of come first, so that they would be here.
  for (const key of KEYS) if (!told.includes(key)) await other.ok('SET', key, '1');
  for (const key of told) await other.ok('SET', key, '1');
  const heard = (): Value[] =>
    (client.pushes as Value[][]).filter((push) => push[0] === 'invalidate').map((push) => (push[1] as Value[])[0]!);
  await until('told', async () => heard().length >= told.length);
  await client.ok('PING');
  expect(heard().sort()).toEqual([...told]);
  await client.close();
  await other.close();
}

/** What holds here and in Redis. */
function alike(start: () => Promise<TestServer>, stop: (server: TestServer) => Promise<unknown>): void {
  let server: TestServer;
  beforeAll(async () => {
    server = await start();
    const client = await server.client();
    await client.ok('HSET', 'h', 'f', 'v');
    await client.close();
  });
  afterAll(() => stop(server));

  test('HELLO changes the protocol of the commands behind it (#11)', async () => {
    const client = await server.client();
    const get = 'HGETALL h';
    const replies = await exec(client, get, 'HELLO 3', get, 'GET none', 'HELLO 5', get, 'HELLO 2', get, 'PING');
    const map = new Map([['f', 'v']]);
    expect([replies[0], replies[2], replies[5], replies[7]]).toEqual([['f', 'v'], map, map, ['f', 'v']]);
    expect(replies[3]).toBe(null);
    expect(String(replies[4])).toContain('NOPROTO');
    expect(replies[8]).toBe('PONG');
    await exec(client, 'HELLO 3 AUTH default x SETNAME new', 'HELLO');
    expect(await client.call('CLIENT', 'GETNAME')).toBe('new');
    for (const wrong of ['HELLO 2 AUTH nobody x', 'HELLO 2 SETNAME', 'HELLO x', 'HELLO 2 SETNAME \n']) {
      const [, after] = await exec(client, wrong, get);
      expect(after, wrong).toEqual(map);
    }
    const script = 'EVAL return{double=1.5} 0';
    const doubles = await client.pipelineRaw([
      ['MULTI'],
      ...['HELLO 2', script, 'HELLO 3', script].map(words),
      ['EXEC'],
    ]);
    expect(String(doubles[5])).toMatch(/\$3\r\n1\.5\r\n%7.*,1\.5\r\n$/s);
    await client.close();
  });

  test('an EXEC that is given up leaves the client as it is', async () => {
    const [client, other] = [await server.client(), await server.client()];
    await client.ok('WATCH', 'a');
    await other.ok('SET', 'a', '9');
    expect(await exec(client, 'HELLO 3', 'CLIENT TRACKING ON', 'CLIENT SETNAME no', 'GET b')).toBe(null);
    expect(await client.call('HGETALL', 'h')).toEqual(['f', 'v']);
    expect(await client.call('CLIENT', 'GETNAME')).toBe(null);
    expect((await client.call('CLIENT', 'TRACKINGINFO')) as Value[]).toContainEqual(['off']);
    for (const c of [client, other]) await c.close();
  });

  test('CLIENT TRACKING counts for the reads behind it (#11)', async () => {
    await tracks(server, ['b'], (client) => exec(client, 'GET a', 'CLIENT TRACKING ON', 'GET b'));
    // With a command that concerns all shards, too.
    await tracks(server, ['b'], (client) => exec(client, 'DBSIZE', 'GET a', 'CLIENT TRACKING ON', 'GET b'));
    await tracks(server, ['b', 'd'], (client) =>
      exec(client, 'CLIENT TRACKING ON', 'GET b', 'CLIENT TRACKING OFF', 'GET a', 'CLIENT TRACKING ON', 'GET d'),
    );
    await tracks(server, [], (client) => exec(client, 'CLIENT TRACKING ON', 'GET b', 'CLIENT TRACKING OFF'));
    await tracks(server, ['a', 'c'], async (client) => {
      await client.ok('CLIENT', 'TRACKING', 'ON');
      await exec(client, 'GET a', 'CLIENT TRACKING OFF', 'GET b', 'CLIENT TRACKING ON', 'GET c');
    });
    await tracks(server, ['b'], (client) =>
      exec(client, 'CLIENT TRACKING ON OPTOUT', 'EVAL return(redis.call("get",KEYS[1])) 1 b'),
    );
  });

  test('CLIENT CACHING counts for the reads behind it, up to the end of the transaction (#11)', async () => {
    await tracks(server, ['b', 'c'], async (client) => {
      await client.ok('CLIENT', 'TRACKING', 'ON', 'OPTIN');
      await exec(client, 'GET a', 'CLIENT CACHING YES', 'GET b', 'GET c');
      await client.call('GET', 'd');
    });
    await tracks(server, ['a', 'd'], async (client) => {
      await client.ok('CLIENT', 'TRACKING', 'ON', 'OPTOUT');
      await exec(client, 'GET a', 'CLIENT CACHING NO', 'GET b', 'GET c');
      await client.call('GET', 'd');
    });
    // Before MULTI it is for all of the transaction.
    await tracks(server, ['a', 'b'], async (client) => {
      await client.ok('CLIENT', 'TRACKING', 'ON', 'OPTIN');
      await client.ok('CLIENT', 'CACHING', 'YES');
      const replies = await exec(client, 'GET a', 'CLIENT TRACKINGINFO', 'GET b');
      expect((replies[1] as Map<string, Value>).get('flags')).toEqual(new Set(['on', 'optin', 'caching-yes']));
      await client.call('GET', 'c');
    });
    await tracks(server, ['c'], async (client) => {
      await exec(client, 'CLIENT TRACKING ON OPTIN', 'CLIENT CACHING YES', 'CLIENT TRACKING ON OPTIN', 'GET c');
      await exec(client, 'CLIENT CACHING YES');
      await client.call('GET', 'd');
    });
  });

  test('what is refused changes nothing for the reads behind it (#11)', async () => {
    await tracks(server, [], async (client) => {
      const wrong = [
        'CLIENT TRACKING ON OPTIN OPTOUT',
        'CLIENT TRACKING ON PREFIX x',
        'CLIENT TRACKING ON BCAST PREFIX x PREFIX xy',
        'CLIENT TRACKING ON NONSENSE',
        'CLIENT TRACKING ON REDIRECT 999999',
        'CLIENT TRACKING ON REDIRECT x',
        'CLIENT TRACKING maybe',
        'CLIENT CACHING YES',
      ];
      const replies = await exec(client, ...wrong.flatMap((command) => [command, 'GET a']));
      for (const [i, command] of wrong.entries()) expect(replies[2 * i], command).toBeInstanceOf(Error);
    });
    await tracks(server, ['b', 'c'], async (client) => {
      await client.ok('CLIENT', 'TRACKING', 'ON', 'OPTIN');
      await client.ok('CLIENT', 'CACHING', 'YES');
      await exec(
        client,
        'CLIENT TRACKING ON OPTOUT',
        'GET b',
        'CLIENT TRACKING ON BCAST',
        'CLIENT CACHING NO',
        'GET c',
      );
    });
  });

  test('a client is told of its own writes behind CLIENT TRACKING in the transaction, NOLOOP aside (#11)', async () => {
    for (const noLoop of [false, true]) {
      const client = await server.client();
      await client.ok('HELLO', '3');
      await exec(client, `CLIENT TRACKING ON${noLoop ? ' NOLOOP' : ''}`, 'GET a', 'GET b', 'SET a 1');
      const other = await server.client();
      await other.ok('SET', 'b', '1');
      const told = noLoop ? ['b'] : ['a', 'b'];
      await until('told', async () => client.pushes.length >= told.length);
      expect(client.pushes.map((push) => ((push as Value[])[1] as Value[])[0])).toEqual(told);
      for (const c of [client, other]) await c.close();
    }
  });

  test('CLIENT TRACKING in a transaction may redirect to any client (#11)', async () => {
    for (let n = 0; n < 3; n++) {
      const [client, target, other] = [await server.client(), await server.client(), await server.client()];
      await target.ok('HELLO', '3');
      const id = await target.ok('CLIENT', 'ID');
      const replies = await exec(client, 'GET a', `CLIENT TRACKING ON REDIRECT ${id}`, 'GET b');
      expect(replies[1]).toBe('OK');
      await other.ok('SET', 'a', '1');
      await other.ok('SET', 'b', '1');
      await until('told', async () => target.pushes.length > 0);
      expect(target.pushes).toEqual([['invalidate', ['b']]]);
      for (const c of [client, target, other]) await c.close();
    }
  });

  test('no change is missed while EXEC is under way', async () => {
    const [writer, reader] = [await server.client(), await server.client()];
    await reader.ok('HELLO', '3');
    for (let n = 0; n < 200; n++) {
      reader.pushes.length = 0;
      const [replies] = await Promise.all([
        exec(reader, 'CLIENT TRACKING ON', 'GET a', 'CLIENT GETNAME'),
        writer.ok('SET', 'a', `v${n}`),
      ]);
      if (replies[1] !== `v${n}`) await until('told', async () => reader.pushes.length > 0);
      await reader.ok('CLIENT', 'TRACKING', 'OFF');
    }
    for (const c of [writer, reader]) await c.close();
  });
}

describe.skipIf(!REDIS_AVAILABLE)('redis-server', () => {
  alike(startRedis, (server) => server.stop());
});

describe.each(SETUPS)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  alike(
    async () => {
      server = await startSherd(setup);
      return server;
    },
    (server) => checkAndStop(server),
  );

  test('CLIENT NO-TOUCH is for the commands behind it (#11)', async () => {
    const [client, other] = [await server.client(), await server.client()];
    await other.ok('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu', 'lfu-log-factor', '0');
    await other.ok('SET', 'lfu', 'x');
    const frequency = async (): Promise<number> => (await other.ok('OBJECT', 'FREQ', 'lfu')) as number;
    const before = await frequency();
    const get = 'GET lfu';
    await exec(client, get, 'CLIENT NO-TOUCH ON', get, get, 'CLIENT NO-TOUCH x', get, 'CLIENT NO-TOUCH OFF', get);
    expect(await frequency()).toBe(before + 2);
    await other.ok('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'lfu-log-factor', '10');
    for (const c of [client, other]) await c.close();
  });

  test('a client that goes in the middle leaves no tracking behind', async () => {
    const other = await server.client();
    for (let n = 0; n < 20; n++) {
      const gone = await server.client();
      gone.sendRaw('MULTI\r\nCLIENT TRACKING ON\r\nGET a\r\nINCR n\r\nEXEC\r\n');
      await gone.close();
    }
    await until('nobody tracks', async () => {
      const info = String(await other.ok('INFO'));
      return /tracking_clients:0\r/.test(info) && /tracking_total_keys:0\r/.test(info);
    });
    await other.close();
  });
});
