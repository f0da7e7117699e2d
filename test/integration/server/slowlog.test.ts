/** SLOWLOG and LATENCY: what took long is noted, whichever thread ran it, and whose it was. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { ReplyError, type RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

describe('the log of slow commands', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads: 2 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const entries = async (): Promise<Value[][]> => (await client.ok('SLOWLOG', 'GET', '-1')) as Value[][];

  test('has what took longer than the threshold, with its client, also when that is gone', async () => {
    await client.ok('CONFIG', 'SET', 'slowlog-log-slower-than', '50000', 'latency-monitor-threshold', '50');
    await client.ok('SLOWLOG', 'RESET');
    const slow = await server.client();
    await slow.ok('CLIENT', 'SETNAME', 'dawdler');
    await slow.ok('DEBUG', 'SLEEP', '0.1');
    const [entry] = (await entries()).filter((each) => (each[3] as string[])[0] === 'DEBUG');
    expect(entry).toHaveLength(6);
    expect(Number(entry![2])).toBeGreaterThan(90_000);
    expect(entry![3]).toEqual(['DEBUG', 'SLEEP', '0.1']);
    expect(entry![5]).toBe('dawdler');
    await slow.close();
    await client.ok('DEBUG', 'SLEEP', '0');
    expect((await entries()).some((each) => each[5] === 'dawdler' && each[4] === entry![4])).toBe(true);
    const [name, , ms] = ((await client.ok('LATENCY', 'LATEST')) as Value[][])[0]!;
    expect(name).toBe('command');
    expect(Number(ms)).toBeGreaterThan(90);
    expect(String(await client.ok('LATENCY', 'GRAPH', 'command'))).toMatch(/^command - high \d+ ms, low \d+ ms/);
    expect(await client.ok('LATENCY', 'RESET', 'command')).toBe(1);
    expect(await client.ok('LATENCY', 'HISTORY', 'command')).toEqual([]);
  });

  test('begins with the CONFIG SET that began it, and does not have the one that ends it (#11)', async () => {
    await client.ok('CONFIG', 'SET', 'slowlog-log-slower-than', '-1', 'slowlog-max-len', '100');
    await client.ok('SLOWLOG', 'RESET');
    await client.ok('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    await client.ok('PING');
    await client.ok('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
    const shown = (await entries()).map((each) => (each[3] as string[]).join(' '));
    expect(shown).toEqual(['PING', 'CONFIG SET slowlog-log-slower-than 0']);
  });

  test('keeps as many as it may, trims them, and never shows secrets', async () => {
    await client.ok('CONFIG', 'SET', 'slowlog-max-len', '4', 'slowlog-log-slower-than', '0');
    await client.ok('SADD', 's', ...Array.from({ length: 40 }, (_, i) => i));
    await client.ok('SET', 'k', 'x'.repeat(200));
    await client.call('AUTH', 'user', 'secret');
    await client.ok('CONFIG', 'SET', 'masterauth', 'secret', 'slowlog-log-slower-than', '-1');
    const shown = (await entries()).map((each) => each[3] as string[]);
    expect(shown).toHaveLength(4);
    expect(JSON.stringify(shown)).not.toContain('secret');
    const [set, sadd] = ['SET', 'SADD'].map((name) => shown.find((args) => args[0] === name)!);
    expect(set![2]).toBe(`${'x'.repeat(128)}... (72 more bytes)`);
    expect(sadd).toHaveLength(32);
    expect(sadd![31]).toBe('... (11 more arguments)');
    expect(await client.ok('SLOWLOG', 'LEN')).toBe(4);
    await client.ok('SLOWLOG', 'RESET');
    expect(await client.ok('SLOWLOG', 'GET')).toEqual([]);
  });
});

describe('the log of slow commands at the default threshold', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 1, dispatch: 'ring' });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const ITEMS = 60_000;
  const items = (prefix: string, count = ITEMS): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  /** Calls that take more than 10 ms, behind a short one: the first call of a command is timed in any case. */
  const SLOW: readonly (readonly [name: string, short: string[], slow: () => string[]])[] = [
    ['HSET', ['h', 'a', '1'], () => ['h', ...items('f', 2 * ITEMS)]],
    ['SADD', ['s', 'a'], () => ['s', ...items('m', 2 * ITEMS)]],
    ['ZADD', ['z', '1', 'a'], () => ['z', ...items('m').flatMap((member, i) => [String(i), member])]],
    ['XADD', ['x', '*', 'a', '1'], () => ['x', '*', ...items('f', 2 * ITEMS)]],
    ['SRANDMEMBER', ['s'], () => ['s', '-100000']],
    ['SSCAN', ['s', '0', 'COUNT', '1'], () => ['s', '0', 'COUNT', '1000000']],
    ['DEL', ['k0'], () => items('k', 2 * ITEMS)],
  ];

  test.each(SLOW)('has a slow %s of many (#12)', async (name, short, slow) => {
    await client.ok(name, ...short);
    await client.ok('SLOWLOG', 'RESET');
    const [reply] = await client.pipeline([[name, ...slow()]]);
    expect(reply).not.toBeInstanceOf(ReplyError);
    const entries = (await client.ok('SLOWLOG', 'GET', '-1')) as Value[][];
    expect(entries.map((each) => (each[3] as string[])[0])).toContain(name);
  });
});
