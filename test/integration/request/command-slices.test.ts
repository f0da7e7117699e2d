/** COMMAND INFO and DOCS of very many names: written in slices, so that other clients are served in between (#11). */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { encode, type RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const NAMES = 5000;

describe('with 1 I/O thread', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 1, ioThreads: 1 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test.each(['INFO', 'DOCS'])('#11: COMMAND %s of many names does not keep others waiting', async (word) => {
    const other = await server.client();
    await until('others are served before the reply is ready', async () => {
      let begun = false;
      const first = once(client.socket, 'data').then(() => {
        begun = true;
      });
      client.sendRaw(encode(['COMMAND', word, ...new Array<string>(NAMES).fill('set')]));
      let served = 0;
      for (; !begun; served++) await other.ok('PING');
      await first;
      await client.readRaw();
      return served >= 5;
    });
    await other.close();
  });

  test('#11: the replies of many names are those of each name, also in EXEC, RESP3 and CLIENT REPLY SKIP', async () => {
    const one = await client.raw('COMMAND', 'INFO', 'get');
    const body = one.subarray(one.indexOf('\n') + 1);
    const many = Array.from({ length: NAMES }, (_, i) => (i % 5 === 4 ? 'none' : 'get'));
    const rest = many.map((name) => (name === 'get' ? body : Buffer.from('$-1\r\n')));
    const expected = Buffer.concat([Buffer.from(`*${NAMES}\r\n`), ...rest]);
    expect((await client.raw('COMMAND', 'INFO', ...many)).equals(expected)).toBe(true);
    await client.ok('MULTI');
    await client.ok('COMMAND', 'INFO', ...many);
    await client.ok('PING');
    const exec = await client.raw('EXEC');
    const whole = Buffer.concat([Buffer.from('*2\r\n'), expected, Buffer.from('+PONG\r\n')]);
    expect(exec.equals(whole)).toBe(true);
    const silent = [['CLIENT', 'REPLY', 'SKIP'], ['COMMAND', 'INFO', ...many], ['PING']];
    client.sendRaw(Buffer.concat(silent.map(encode)));
    expect((await client.readRaw()).toString()).toBe('+PONG\r\n');
    await client.ok('HELLO', 3);
    const docs = await client.raw('COMMAND', 'DOCS', ...many);
    const doc = await client.raw('COMMAND', 'DOCS', 'get');
    const each = doc.subarray(doc.indexOf('\n') + 1);
    const found = many.filter((name) => name === 'get').map(() => each);
    expect(docs.equals(Buffer.concat([Buffer.from(`%${found.length}\r\n`), ...found]))).toBe(true);
  });
});
