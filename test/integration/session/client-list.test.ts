/** CLIENT LIST and CLIENT INFO: what they tell about clients in each state. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { Arg, RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until, untilBlocked } from '../../harness/waiting.js';

type Fields = Record<string, string>;

const FIELDS =
  'id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp obl' +
  ' oll omem tot-mem events cmd user redir resp lib-name lib-ver';

function fieldsOf(line: string): Fields {
  return Object.fromEntries(line.split(' ').map((f) => [f.slice(0, f.indexOf('=')), f.slice(f.indexOf('=') + 1)]));
}

describe.each(['auto', 'ring'] as const)('CLIENT LIST, --dispatch %s (#11)', (dispatch) => {
  let server: TestServer;
  let asker: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads: 2, dispatch });
    asker = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const list = async (...args: Arg[]): Promise<Fields[]> =>
    String(await asker.ok('CLIENT', 'LIST', ...args))
      .split('\n')
      .filter((line) => line !== '')
      .map(fieldsOf);

  const withId = async (): Promise<readonly [RespClient, () => Promise<Fields>]> => {
    const client = await server.client();
    const id = String(await client.ok('CLIENT', 'ID'));
    return [client, async () => (await list('ID', id))[0]!];
  };

  test('has the fields of Redis 7.4, in its order', async () => {
    const line = String(await asker.ok('CLIENT', 'INFO')).trim();
    const names = Object.keys(fieldsOf(line));
    expect(names.filter((name) => name !== 'io-thread')).toEqual(FIELDS.split(' '));
  });

  test('names the last command: run, queued, refused, unknown, blocked, a subcommand, EXEC', async () => {
    const [client, fields] = await withId();
    const cmdAfter = async (...args: Arg[]): Promise<string> => {
      await client.call(...args);
      return (await fields()).cmd!;
    };
    expect(await cmdAfter('GET', 'k')).toBe('get');
    expect(await cmdAfter('MGET', 'k1', 'k2', 'k3')).toBe('mget');
    expect(await cmdAfter('OBJECT', 'ENCODING', 'k')).toBe('object|encoding');
    expect(await cmdAfter('CONFIG', 'GET', 'port')).toBe('config|get');
    expect(await cmdAfter('SET', 'k')).toBe('set');
    expect(await cmdAfter('nosuch')).toBe('NULL');
    expect(await cmdAfter('EVAL', "return redis.call('GET', KEYS[1])", 1, 'k')).toBe('eval');
    expect(await cmdAfter('CLIENT', 'nosuch')).toBe('NULL');
    expect(await cmdAfter('WATCH', 'k')).toBe('watch');
    expect(await cmdAfter('UNWATCH')).toBe('unwatch');
    expect(await cmdAfter('MULTI')).toBe('multi');
    expect(await cmdAfter('INCR', 'n')).toBe('incr');
    expect(await cmdAfter('EXEC')).toBe('exec');
    expect(await cmdAfter('MULTI')).toBe('multi');
    expect(await cmdAfter('DISCARD')).toBe('discard');
    const blocked = client.call('BLPOP', 'nolist', 0);
    await untilBlocked(asker, 1);
    expect(await fields()).toMatchObject({ cmd: 'blpop', flags: 'b', qbuf: '0', 'argv-mem': '12' });
    await asker.ok('RPUSH', 'nolist', 'x');
    await blocked;
    expect(await fields()).toMatchObject({ cmd: 'blpop', flags: 'N', 'argv-mem': '0' });
    await client.close();
  });

  test('shows a transaction, what is watched, and that it was changed', async () => {
    const [client, fields] = await withId();
    expect(await fields()).toMatchObject({ flags: 'N', multi: '-1', watch: '0', 'multi-mem': '0' });
    await client.ok('WATCH', 'w1', 'w2', 'w3');
    expect(await fields()).toMatchObject({ flags: 'N', watch: '3' });
    expect(fieldsOf(String(await client.ok('CLIENT', 'INFO')).trim()).watch).toBe('3');
    await asker.ok('SET', 'w2', 'x');
    await until('the flag d', async () => (await fields()).flags === 'd');
    await client.ok('MULTI');
    await client.ok('GET', 'a');
    await until('the flags xd', async () => (await fields()).flags === 'xd');
    expect(await fields()).toMatchObject({ multi: '1', watch: '0' });
    expect(await client.ok('EXEC')).toBe(null);
    expect(await fields()).toMatchObject({ flags: 'N', multi: '-1', watch: '0' });
    await client.ok('MULTI');
    await client.ok('GET', 'a');
    expect(await fields()).toMatchObject({ flags: 'x', multi: '1', cmd: 'get' });
    expect(Number((await fields())['multi-mem'])).toBeGreaterThanOrEqual(4);
    await client.close();
    // What it asked of the shards is nobody's call.
    expect(String(await asker.ok('INFO', 'commandstats', 'latencystats'))).not.toContain('transaction|');
  });

  test('puts the flags in the order of Redis', async () => {
    const [client, fields] = await withId();
    await client.ok('CLIENT', 'TRACKING', 'ON', 'BCAST');
    await client.ok('CLIENT', 'NO-EVICT', 'ON');
    await client.ok('CLIENT', 'NO-TOUCH', 'ON');
    await client.ok('MULTI');
    expect(await fields()).toMatchObject({ flags: 'xtBeT', redir: '0' });
    await client.ok('DISCARD');
    await client.ok('CLIENT', 'TRACKING', 'OFF');
    await client.ok('RESET');
    expect(await fields()).toMatchObject({ flags: 'N', redir: '-1' });
    await client.ok('MONITOR');
    expect((await fields()).flags).toBe('O');
    await client.close();
  });

  test('tells what the running command and the replies take', async () => {
    const { qbuf, ...own } = fieldsOf(String(await asker.ok('CLIENT', 'INFO')).trim());
    expect([qbuf, own['argv-mem']]).toEqual(['26', '10']);
    expect(Number(own['qbuf-free'])).toBeGreaterThan(0);
    expect(Number(own['tot-mem'])).toBeGreaterThan(1000);
    const [client, fields] = await withId();
    await client.ok('SET', 'big', 'x'.repeat(5000));
    await client.ok('GET', 'big');
    await client.ok('GET', 'big');
    expect(Number((await fields()).rbp)).toBeGreaterThan(5000);
    client.sendRaw(`*2\r\n$4\r\nECHO\r\n$30000\r\n${'x'.repeat(20000)}`);
    await until('the bytes to come', async () => Number((await fields()).qbuf) > 20000);
    expect(Number((await fields())['tot-mem'])).toBeGreaterThan(20000);
    const recent = /client_recent_max_input_buffer:(\d+)/;
    await until('the recent maximum', async () => {
      return Number(recent.exec(String(await asker.ok('INFO', 'clients')))![1]) > 20000;
    });
    expect(Number(/mem_clients_normal:(\d+)/.exec(String(await asker.ok('INFO', 'memory')))![1])).toBeGreaterThan(
      20000,
    );
    await client.close();
  });
});
