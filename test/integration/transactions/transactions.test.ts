/** MULTI, EXEC, DISCARD, WATCH, UNWATCH over one and several shards, inline and over the rings. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { ReplyError, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { infoField, until } from '../../harness/waiting.js';

const SETUPS = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
  { shards: 3, dispatch: 'ring', ioThreads: 1 },
] as const;

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let a: RespClient;
  let b: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    a = await server.client();
    b = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const error = async (promise: Promise<unknown>): Promise<string> => {
    const value = await promise;
    expect(value).toBeInstanceOf(ReplyError);
    return (value as ReplyError).message;
  };

  test('RESET ends the watches before it, and not those behind it', async () => {
    for (let i = 0; i < 20; i++) {
      await a.pipeline([['WATCH', 'r1', 'r2'], ['RESET'], ['WATCH', 'r1']]);
      expect(await b.call('SET', 'r2', i)).toBe('OK');
      expect((await a.pipeline([['MULTI'], ['GET', 'r2'], ['EXEC']])).at(-1)).toEqual([String(i)]);
      const watched = a.pipeline([['WATCH', 'r1', 'r2'], ['RESET'], ['WATCH', 'r1'], ['PING']]);
      expect(await watched).toEqual(['OK', 'RESET', 'OK', 'PONG']);
      expect(await b.call('SET', 'r1', i)).toBe('OK');
      expect((await a.pipeline([['MULTI'], ['GET', 'r1'], ['EXEC']])).at(-1)).toBe(null);
    }
    expect(await a.pipeline([['WATCH', 'r1'], ['MULTI'], ['RESET'], ['GET', 'r1']])).toContain('19');
    await a.call('FLUSHALL');
  });

  test('queues commands and answers them in one array', async () => {
    expect(await a.call('MULTI')).toBe('OK');
    expect(await a.call('SET', 'k1', 'v')).toBe('QUEUED');
    expect(await a.call('INCR', 'k2')).toBe('QUEUED');
    expect(await a.call('MGET', 'k1', 'k2', 'k3')).toBe('QUEUED');
    expect(await b.call('GET', 'k1')).toBe(null);
    expect(await a.call('EXEC')).toEqual(['OK', 1, ['v', '1', null]]);
    expect(await a.call('MULTI')).toBe('OK');
    expect(await a.call('EXEC')).toEqual([]);
    await a.call('FLUSHALL');
  });

  test('has the errors of misuse', async () => {
    expect(await error(a.call('EXEC'))).toBe('ERR EXEC without MULTI');
    expect(await error(a.call('DISCARD'))).toBe('ERR DISCARD without MULTI');
    await a.ok('MULTI');
    expect(await error(a.call('MULTI'))).toBe('ERR MULTI calls can not be nested');
    expect(await error(a.call('WATCH', 'x'))).toBe('ERR WATCH inside MULTI is not allowed');
    expect(await a.call('SET', 'x', '1')).toBe('QUEUED');
    expect(await a.call('EXEC')).toEqual(['OK']);
  });

  test('are counted: what failed, what was refused, and each error under the command that made it', async () => {
    const figures = async (command: string): Promise<string> => {
      const line = String(await infoField(a, 'commandstats', `cmdstat_${command}`));
      return line.replace(/,usec=.*call=[\d.]*/, '');
    };
    const errors = (prefix: string): Promise<string | undefined> => infoField(a, 'errorstats', `errorstat_${prefix}`);
    await a.ok('CONFIG', 'RESETSTAT');
    const [, , , replies] = await a.pipeline([['MULTI'], ['SET', 'k', 'v'], ['AUTH', 'x'], ['EXEC']]);
    expect((replies as unknown[])[1]).toBeInstanceOf(ReplyError);
    expect(await figures('auth')).toBe('calls=1,rejected_calls=0,failed_calls=1');
    expect(await figures('exec')).toBe('calls=1,rejected_calls=0,failed_calls=0');
    expect(await errors('ERR')).toBe('count=1');
    await a.call('EXEC');
    expect(await figures('exec')).toBe('calls=2,rejected_calls=0,failed_calls=1');
    await a.pipeline([['MULTI'], ['SET', 'k'], ['EXEC']]);
    expect(await figures('set')).toBe('calls=1,rejected_calls=1,failed_calls=0');
    expect(await figures('exec')).toBe('calls=3,rejected_calls=0,failed_calls=2');
    expect(await errors('EXECABORT')).toBe('count=1');
  });

  test('show in INFO who watches, and how many keys are watched', async () => {
    const watched = async (): Promise<string> =>
      `${await infoField(a, 'clients', 'watching_clients')} ${await infoField(a, 'clients', 'total_watched_keys')}`;
    expect(await watched()).toBe('0 0');
    await a.ok('WATCH', 'k', 'k2', 'k');
    expect(await watched()).toBe('1 2');
    await a.ok('UNWATCH');
    await until('nothing is watched', async () => (await watched()) === '0 0');
  });

  test('refuses EXEC after a command that could not be queued', async () => {
    await a.ok('SET', 'kept', 'old');
    await a.ok('MULTI');
    expect(await error(a.call('NOSUCH'))).toMatch(/^ERR unknown command 'NOSUCH'/);
    expect(await a.call('SET', 'kept', 'new')).toBe('QUEUED');
    expect(await error(a.call('EXEC'))).toBe('EXECABORT Transaction discarded because of previous errors.');
    expect(await a.call('GET', 'kept')).toBe('old');
    await a.ok('MULTI');
    expect(await error(a.call('GET'))).toMatch(/wrong number of arguments/);
    expect(await error(a.call('EXEC'))).toMatch(/^EXECABORT/);
    for (const broken of [['WATCH'], ['DISCARD', 'x'], ['MULTI', 'x'], ['UNWATCH', 'x']]) {
      await a.ok('MULTI');
      expect(await error(a.call(...broken))).toMatch(/^ERR wrong number of arguments/);
      expect(await error(a.call('EXEC')), broken.join(' ')).toMatch(/^EXECABORT/);
    }
    // A wrong EXEC is no better, and gives up what there is to give up.
    const because = "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command";
    await a.ok('MULTI');
    expect(await error(a.call('EXEC', 'x'))).toBe(because);
    expect(await error(a.call('EXEC', 'x'))).toBe(because);
    expect(await error(a.call('EXEC'))).toBe('ERR EXEC without MULTI');
  });

  test('without memory queues only what needs none (#11), and carries out no queue that may need some', async () => {
    const oom = /^OOM command not allowed/;
    const shebang = "#!lua\nreturn redis.call('GET', KEYS[1])";
    await a.ok('SET', 'k1', 'old');
    await b.ok('CONFIG', 'SET', 'maxmemory', '1');
    await a.ok('MULTI');
    expect(await a.call('GET', 'k1')).toBe('QUEUED');
    expect(await a.call('PING')).toBe('QUEUED');
    expect(await a.call('DEL', 'k1')).toBe('QUEUED');
    expect(await a.call('EVAL', shebang.replace('lua', 'lua flags=no-writes'), 1, 'k1')).toBe('QUEUED');
    expect(await a.call('EXEC')).toEqual(['old', 'PONG', 1, null]);
    await a.ok('MULTI');
    expect(await error(a.call('SET', 'k1', 'v'))).toMatch(oom);
    expect(await error(a.call('EXEC'))).toMatch(/^EXECABORT Transaction discarded because of previous errors/);
    await a.ok('MULTI');
    expect(await error(a.call('EVAL', shebang, 1, 'k1'))).toMatch(oom);
    expect(await a.call('DISCARD')).toBe('OK');
    // A script with a first line is refused as a whole, also where it may only read.
    for (const name of ['EVAL', 'EVAL_RO']) {
      expect(await error(a.call(name, shebang, 1, 'k1'))).toBe(
        "OOM command not allowed when used memory > 'maxmemory'.",
      );
    }
    await b.ok('CONFIG', 'SET', 'maxmemory', '0');
    await a.pipeline([['MULTI'], ['EVAL', shebang, 1, 'k1']]);
    await b.ok('CONFIG', 'SET', 'maxmemory', '1');
    expect(await error(a.call('EXEC'))).toMatch(/^EXECABORT Transaction discarded because of: OOM command not allowed/);
    await b.ok('CONFIG', 'SET', 'maxmemory', '0');
    await a.pipeline([['MULTI'], ['SET', 'k1', 'v'], ['GET', 'k1']]);
    await b.ok('CONFIG', 'SET', 'maxmemory', '1');
    expect(await error(a.call('EXEC'))).toMatch(/^EXECABORT Transaction discarded because of: OOM command not allowed/);
    await b.ok('CONFIG', 'SET', 'maxmemory', '0');
    await a.pipeline([['MULTI'], ['GET', 'k1']]);
    await b.ok('CONFIG', 'SET', 'maxmemory', '1');
    expect(await a.call('EXEC')).toEqual([null]);
    await a.ok('MULTI');
    expect(await a.call('DISCARD')).toBe('OK');
    await b.ok('CONFIG', 'SET', 'maxmemory', '0');
  });

  test('goes on behind a command that fails', async () => {
    await a.ok('SET', 'text', 'abc');
    await a.ok('MULTI');
    await a.call('INCR', 'text');
    await a.call('SET', 'after', 'yes');
    const [failed, set] = (await a.call('EXEC')) as [ReplyError, string];
    expect(failed.message).toBe('ERR value is not an integer or out of range');
    expect(set).toBe('OK');
  });

  test('carries commands of the connection and of whole databases among the others', async () => {
    await a.ok('MULTI');
    await a.call('SET', 'm', '0');
    await a.call('PING', 'hello');
    await a.call('SELECT', '3');
    await a.call('SET', 'm', '3');
    await a.call('DBSIZE');
    await a.call('SELECT', '0');
    await a.call('GET', 'm');
    await a.call('KEYS', 'm');
    expect(await a.call('EXEC')).toEqual(['OK', 'hello', 'OK', 'OK', 1, 'OK', '0', ['m']]);
    await a.ok('MULTI');
    await a.call('PING');
    await a.call('ECHO', 'x');
    expect(await a.call('EXEC')).toEqual(['PONG', 'x']);
    await a.ok('MULTI');
    await a.call('FLUSHALL');
    await a.call('SET', 'm', '1');
    await a.call('DBSIZE');
    expect(await a.call('EXEC')).toEqual(['OK', 'OK', 1]);
  });

  test('EXEC answers null when a watched key was changed', async () => {
    for (const change of [
      ['SET', 'w1', 'other'],
      ['DEL', 'w1'],
      ['APPEND', 'w2', 'x'],
      ['RENAME', 'w1', 'w2'],
      ['PEXPIRE', 'w1', '100000'],
      ['FLUSHALL'],
      ['FLUSHDB'],
      ['SWAPDB', '0', '5'],
    ]) {
      await b.call('FLUSHALL');
      await b.ok('MSET', 'w1', '1', 'w2', '2');
      expect(await a.call('WATCH', 'w1', 'w2', 'absent')).toBe('OK');
      expect(await b.call(...change)).not.toBeInstanceOf(ReplyError);
      await a.ok('MULTI');
      await a.call('SET', 'result', 'x');
      expect(await a.call('EXEC'), change.join(' ')).toBe(null);
      expect(await a.call('EXISTS', 'result')).toBe(0);
    }
  });

  test('EXEC runs when only other keys were changed, and watches end with it', async () => {
    await b.ok('SET', 'w1', '1');
    await a.call('WATCH', 'w1');
    await b.ok('SET', 'other', '1');
    await b.call('GET', 'w1');
    await b.call('DEL', 'absent');
    await a.ok('MULTI');
    await a.call('INCR', 'w1');
    expect(await a.call('EXEC')).toEqual([2]);
    await b.ok('SET', 'w1', 'changed');
    await a.ok('MULTI');
    await a.call('GET', 'w1');
    await a.call('UNWATCH');
    expect(await a.call('EXEC')).toEqual(['changed', 'OK']);
  });

  test('the groups of a stream are no change of it, the remembered count of a HyperLogLog is one', async () => {
    await b.ok('XADD', 'log', '1-1', 'f', 'v');
    const groups = [['CREATE'], ['CREATECONSUMER', 'c'], ['SETID', '0'], ['DELCONSUMER', 'c'], ['DESTROY']];
    await a.call('WATCH', 'log');
    for (const [sub, ...rest] of groups) await b.ok('XGROUP', sub!, 'log', 'g', ...(sub === 'CREATE' ? ['0'] : rest));
    await b.ok('XSETID', 'log', '2-1');
    await a.pipeline([['MULTI'], ['PING']]);
    expect(await a.call('EXEC')).toEqual(['PONG']);
    await b.ok('PFADD', 'hll', 'x');
    for (const reply of [null, ['PONG']]) {
      await a.call('WATCH', 'hll');
      expect(await b.call('PFCOUNT', 'hll')).toBe(1);
      await a.pipeline([['MULTI'], ['PING']]);
      expect(await a.call('EXEC')).toEqual(reply);
    }
  });

  test('UNWATCH, DISCARD and a failed EXEC end watches', async () => {
    for (const end of [['UNWATCH'], ['MULTI', 'DISCARD'], ['MULTI', 'NOSUCH', 'EXEC']]) {
      await a.call('WATCH', 'w1');
      await b.ok('SET', 'w1', 'x');
      for (const command of end) await a.call(command);
      await a.ok('MULTI');
      await a.call('PING');
      await a.call('GET', 'w1');
      expect(await a.call('EXEC'), end.join(' ')).toEqual(['PONG', 'x']);
    }
  });

  test('a watched key that expires is a change, one that had expired before is none', async () => {
    await b.ok('SET', 'w1', 'x', 'PX', '40');
    await a.call('WATCH', 'w1');
    await new Promise((resolve) => setTimeout(resolve, 60));
    await a.ok('MULTI');
    await a.call('PING');
    expect(await a.call('EXEC')).toBe(null);
    await b.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    await b.ok('SET', 'w1', 'x', 'PX', '1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await a.call('WATCH', 'w1');
    await a.ok('MULTI');
    await a.call('PING');
    expect(await a.call('EXEC')).toEqual(['PONG']);
    // Nothing, or what has expired, is exchanged for what has expired: no change. For what is there: a change.
    await b.pipeline([
      ['SELECT', '5'],
      ['SET', 'w1', 'x', 'PX', '1'],
      ['SET', 'w2', 'x'],
      ['SELECT', '0'],
    ]);
    await b.ok('SET', 'w1', 'x', 'PX', '1');
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const [key, outcome] of [
      ['w1', ['PONG']],
      ['w1', ['PONG']],
      ['w2', null],
      ['w2', null],
    ] as const) {
      await a.call('WATCH', key);
      await b.ok('SWAPDB', '0', '5');
      expect((await a.pipeline([['MULTI'], ['PING'], ['EXEC']])).at(-1)).toEqual(outcome);
    }
    await b.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
  });

  test('a whole pipeline of transactions keeps its order', async () => {
    await a.call('DEL', 'n', 'm');
    const commands: string[][] = [];
    for (let i = 0; i < 50; i++) commands.push(['MULTI'], ['INCR', 'n'], ['INCR', 'm'], ['EXEC'], ['GET', 'n']);
    const replies = await a.pipeline(commands);
    for (let i = 0; i < 50; i++) {
      expect(replies.slice(5 * i, 5 * i + 5)).toEqual(['OK', 'QUEUED', 'QUEUED', [i + 1, i + 1], String(i + 1)]);
    }
  });

  test('transfers under WATCH conserve the sum, and no reader sees a middle state', async () => {
    const accounts = ['acc1', 'acc2', 'acc3', 'acc4', 'acc5'];
    await a.ok('MSET', ...accounts.flatMap((key) => [key, '100']));
    const end = performance.now() + 1000;
    let done = 0;
    // On a busy machine a second may be too short for some to get through.
    const goesOn = (): boolean => performance.now() < end || done <= 20;
    const transfer = async (seed: number): Promise<void> => {
      const client = await server.client();
      for (let i = seed; goesOn(); i++) {
        const from = accounts[i % 5]!;
        const to = accounts[(i * 7 + 3) % 5]!;
        if (from === to) continue;
        await client.call('WATCH', from, to);
        const [x, y] = (await client.call('MGET', from, to)) as string[];
        await client.pipeline([['MULTI'], ['SET', from, Number(x) - 1], ['SET', to, Number(y) + 1]]);
        if ((await client.call('EXEC')) !== null) done++;
      }
      await client.close();
    };
    const read = async (): Promise<void> => {
      const client = await server.client();
      while (goesOn()) {
        const values = (await client.call('MGET', ...accounts)) as string[];
        expect(values.reduce((sum, value) => sum + Number(value), 0)).toBe(500);
      }
      await client.close();
    };
    await Promise.all([transfer(1), transfer(2), transfer(3), read(), read()]);
    expect(done).toBeGreaterThan(20);
  });

  test('a connection that goes leaves no watches behind', async () => {
    const client = await server.client();
    await client.call('WATCH', 'w1', 'w2', 'w3', 'w4');
    await client.close();
    // The arena is checked at the end; a transaction of another client is not hindered.
    await a.call('WATCH', 'w1');
    await a.ok('MULTI');
    await a.call('SET', 'w1', '1');
    expect(await a.call('EXEC')).toEqual(['OK']);
  });
});
