/** Commands of clusters and of replication, answered by a server that is neither a node nor a replica. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { errorOf, type RespClient, type Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

const DISABLED = 'ERR This instance has cluster support disabled';

describe('a lone master (#11)', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const error = (...args: (string | number)[]): Promise<string> => errorOf(client.call(...args));

  test.each([
    'INFO',
    'NODES',
    'SLOTS',
    'SHARDS',
    'KEYSLOT k',
    'MYID',
    'MYSHARDID',
    'COUNTKEYSINSLOT 1',
    'GETKEYSINSLOT 1 1',
    'RESET HARD',
    'MEET h 1',
    'LINKS',
    'HELP',
  ])('says of CLUSTER %s that there is no cluster', async (words) => {
    expect(await error('CLUSTER', ...words.split(' '))).toBe(DISABLED);
  });

  test('checks the form of CLUSTER, READONLY, READWRITE and ASKING first', async () => {
    for (const name of ['READONLY', 'READWRITE', 'ASKING']) {
      expect(await error(name)).toBe(DISABLED);
      expect(await error(name, 'x')).toBe(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
    }
    expect(await error('CLUSTER')).toBe("ERR wrong number of arguments for 'cluster' command");
    expect(await error('CLUSTER', 'KEYSLOT')).toBe("ERR wrong number of arguments for 'cluster|keyslot' command");
    expect(await error('CLUSTER', 'nosuch')).toBe("ERR unknown subcommand 'nosuch'. Try CLUSTER HELP.");
    const replies = (await client.pipeline([
      ['MULTI'],
      ['READONLY'],
      ['REPLCONF', 'GETACK', '*'],
      ['EXEC'],
    ])) as Value[];
    expect(String((replies[3] as Value[])[0])).toContain(DISABLED);
    expect((replies[3] as Value[])[1]).toBe('OK');
  });

  test('is a master already, and says that it cannot be a replica', async () => {
    expect(await client.call('REPLICAOF', 'no', 'ONE')).toBe('OK');
    expect(await client.call('SLAVEOF', 'NO', 'one')).toBe('OK');
    for (const port of ['-1', '65536', 'two', '1x']) {
      expect(await error('REPLICAOF', 'no', port)).toBe('ERR Invalid master port');
    }
    expect(await error('REPLICAOF', '127.0.0.1', '1')).toBe(
      'ERR sherd cannot be a replica yet: only REPLICAOF NO ONE is served',
    );
    expect(await client.call('ROLE')).toEqual(['master', 0, []]);
    expect(await error('SYNC')).toBe('ERR sherd cannot have replicas yet');
    expect(await error('PSYNC', '?', '-1')).toBe('ERR sherd cannot have replicas yet');
  });

  test('answers FAILOVER and REPLCONF as a master without replicas', async () => {
    expect(await error('FAILOVER')).toBe('ERR FAILOVER requires connected replicas.');
    expect(await error('FAILOVER', 'TO', 'h', '1', 'FORCE', 'TIMEOUT', '5')).toContain('connected replicas');
    expect(await error('FAILOVER', 'ABORT')).toBe('ERR No failover in progress.');
    expect(await error('FAILOVER', 'TIMEOUT', '0')).toBe('ERR FAILOVER timeout must be greater than 0');
    expect(await error('FAILOVER', 'TO', 'h', 'x')).toBe('ERR value is not an integer or out of range');
    expect(await error('FAILOVER', 'TO', 'h')).toBe('ERR syntax error');
    expect(await client.call('REPLCONF')).toBe('OK');
    expect(await client.call('REPLCONF', 'listening-port', 1, 'capa', 'eof', 'capa', 'psync2')).toBe('OK');
    expect(await client.call('REPLCONF', 'rdb-filter-only', 'functions functions')).toBe('OK');
    expect(await error('REPLCONF', 'rdb-filter-only', '"x')).toBe('ERR Missing rdb-filter-only values');
    expect(await error('REPLCONF', 'rdb-filter-only', 'keys')).toBe('ERR Unsupported rdb-filter-only option: keys');
    expect(await error('REPLCONF', 'rdb-only', '2')).toBe('ERR value is out of range, value must between 0 and 1');
    expect(await error('REPLCONF', 'capa')).toBe('ERR syntax error');
    expect(await error('REPLCONF', 'x', 'y')).toBe('ERR Unrecognized REPLCONF option: x');
    // An acknowledgement has no answer: the next reply is the next command's.
    client.sendRaw('REPLCONF ACK 1\r\n');
    expect(await client.call('PING')).toBe('PONG');
  });
});

describe('where Redis is wrong', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 1 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  test('a wrong AUTH of an authenticated client is answered, and an index is not cut to 32 bits (#11)', async () => {
    await client.ok('CONFIG', 'SET', 'requirepass', 'right');
    const other = await server.client();
    const replies = await other.pipeline([
      ['AUTH', 'right'],
      ['AUTH', 'wrong'],
      ['ECHO', 'x'],
    ]);
    expect(replies.map((reply) => String(reply))).toEqual(['OK', expect.stringContaining('WRONGPASS'), 'x']);
    await client.ok('CONFIG', 'SET', 'requirepass', '');
    await client.ok('RPUSH', 'l', 'a', 'b');
    expect(await errorOf(client.call('LSET', 'l', '4294967296', 'z'))).toBe('ERR index out of range');
    expect(await client.ok('LRANGE', 'l', 0, -1)).toEqual(['a', 'b']);
  });
});
