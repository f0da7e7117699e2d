/**
 * Work that grows with what clients have made leaves room for other clients: while one waits for the answer to such a
 * command, another is answered again and again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { type Arg, encode, type RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const names = (n: number, tag: string): string[] => Array.from({ length: n }, (_, i) => `${tag}:${i}`);
/** Answers that the other client gets at least while the work is done. */
const ANSWERS_MIN = 2;

describe.each([{ ioThreads: 1 }, { ioThreads: 2 }])('#11: with $ioThreads I/O threads', (setup) => {
  let server: TestServer;
  let client: RespClient;
  let other: RespClient;
  beforeAll(async () => {
    server = await startSherd({ ...setup, shards: 2 });
    client = await server.client();
    other = await server.client();
  });
  afterAll(() => checkAndStop(server));

  /** How often another client is answered between the sending of `bytes` and the last of so many answers to it. */
  async function answersMeanwhile(bytes: Uint8Array, answers: number): Promise<number> {
    let isDone = false;
    let count = 0;
    const work = (async (): Promise<void> => {
      for (let i = 0; i < answers; i++) await client.readRaw();
      isDone = true;
    })();
    client.sendRaw(bytes);
    await other.ok('PING');
    while (!isDone) {
      await other.ok('PING');
      if (!isDone) count++;
    }
    await work;
    return count;
  }
  const one = (...words: Arg[]): Buffer => encode(words);

  test('EXEC of many local commands', async () => {
    await client.ok('MULTI');
    await client.pipelineRaw(Array.from({ length: 15_000 }, () => ['ECHO', 'x']));
    expect(await answersMeanwhile(one('EXEC'), 1)).toBeGreaterThanOrEqual(ANSWERS_MIN);
  });

  test('SUBSCRIBE to many channels, UNSUBSCRIBE, and the end of such a client', async () => {
    const channels = names(8000, 'channel');
    expect(await answersMeanwhile(one('SUBSCRIBE', ...channels), channels.length)).toBeGreaterThanOrEqual(ANSWERS_MIN);
    expect(await answersMeanwhile(one('UNSUBSCRIBE'), channels.length)).toBeGreaterThanOrEqual(ANSWERS_MIN);
    expect(await client.ok('PING')).toBe('PONG');
    const goes = await server.client();
    await goes.ok('SUBSCRIBE', ...channels);
    for (let i = 1; i < channels.length; i++) await goes.readRaw();
    await goes.close();
    const counts = async (): Promise<Value> => other.ok('PUBSUB', 'NUMSUB', channels[0]!, channels.at(-1)!);
    await until('nobody subscribes', async () => String(await counts()) === `${channels[0]},0,${channels.at(-1)},0`);
  });

  test('PUBLISH beside many patterns, whose order and count are right', async () => {
    const listener = await server.client();
    await listener.ok('HELLO', 3);
    const patterns = names(10_000, '*[xy]y*');
    listener.sendRaw(one('PSUBSCRIBE', ...patterns, '*a', 'aa*'));
    await until('all patterns', async () => listener.pushes.length === patterns.length + 2);
    listener.pushes.length = 0;
    const channel = 'xa'.repeat(400);
    const beginsWithA = `a${channel}`;
    const meanwhile = await answersMeanwhile(one('PUBLISH', channel, 'first'), 1);
    // The patterns of another I/O thread's clients are counted in one go.
    if (setup.ioThreads === 1) expect(meanwhile).toBeGreaterThanOrEqual(ANSWERS_MIN);
    // While a message is compared with patterns, who subscribes meanwhile may get it.
    await until('the first message', async () => listener.pushes.length === 1);
    // Two publishers at once, one of whom hears itself, and one who wants no answer.
    await other.ok('HELLO', 3);
    other.sendRaw(one('PSUBSCRIBE', '*a'));
    await until('its pattern', async () => other.pushes.length === 1);
    other.pushes.length = 0;
    const counts = await Promise.all([client.call('PUBLISH', channel, '1'), other.call('PUBLISH', channel, 'own')]);
    expect(counts).toEqual([2, 2]);
    client.sendRaw(
      Buffer.concat([
        one('CLIENT', 'REPLY', 'SKIP'),
        one('PUBLISH', channel, '2'),
        one('PUBLISH', 'none', '3'),
        one('PUBLISH', `a${beginsWithA}`, '4'),
      ]),
    );
    expect([await client.read(), await client.read()]).toEqual([0, 3]);
    await until('all messages', async () => listener.pushes.length === 6 && other.pushes.length === 4);
    const heard = listener.pushes.map((push) => (push as Value[])[3]);
    expect(heard.filter((m) => m !== 'own')).toEqual(['first', '1', '2', '4', '4']);
    expect(other.pushes.map((push) => (push as Value[])[3]).filter((m) => m !== '1')).toEqual(['own', '2', '4']);
    other.sendRaw(one('PUNSUBSCRIBE'));
    await until('no pattern', async () => other.pushes.length === 5);
    await other.ok('HELLO', 2);
    await listener.close();
  });

  test('CLIENT LIST answers by ids in their order, one that is named twice twice', async () => {
    const a = Number(await client.ok('CLIENT', 'ID'));
    const b = Number(await other.ok('CLIENT', 'ID'));
    const text = String(await client.ok('CLIENT', 'LIST', 'ID', b, a, 999_999, b));
    expect([...text.matchAll(/^id=(\d+)/gm)].map((match) => Number(match[1]))).toEqual([b, a, b]);
    const many = await Promise.all(Array.from({ length: 150 }, () => server.client()));
    for (const each of many) await each.ok('PING');
    for (const proto of [3, 2]) {
      await client.ok('HELLO', proto);
      const all = String(await client.ok('CLIENT', 'LIST'));
      const ids = [...all.matchAll(/^id=(\d+) .* lib-ver=.*$/gm)].map((match) => Number(match[1]));
      expect(ids).toEqual([...ids].sort((x, y) => x - y));
      expect(ids.length).toBeGreaterThanOrEqual(152);
      expect(all.split('\n').length).toBe(ids.length + 1);
    }
    for (const each of many) await each.close();
  });
});
