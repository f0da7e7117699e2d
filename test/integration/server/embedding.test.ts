/** The server as a guest in somebody's process. */
import { describe, expect, test } from 'vitest';
import { embedded, withEmbedded } from '../../harness/embedded.js';
import { fsck } from '../../harness/fsck.js';
import { RespClient } from '../../harness/resp-client.js';

describe('createServer', () => {
  test('several servers in one process know nothing of each other', async () => {
    const servers = await Promise.all([1, 2, 1].map((shards) => embedded({ shards })));
    const clients = await Promise.all(servers.map((server) => RespClient.connect(server.port)));
    expect(new Set(servers.map((server) => server.port)).size).toBe(3);
    for (const [i, client] of clients.entries()) expect(await client.ok('SET', 'who', i)).toBe('OK');
    for (const [i, client] of clients.entries()) expect(await client.ok('GET', 'who')).toBe(String(i));
    await servers[0]!.close();
    await clients[0]!.closed;
    expect(await clients[1]!.ok('DBSIZE')).toBe(1);
    for (const client of clients.slice(1)) await fsck(client);
    await Promise.all(servers.slice(1).map((server) => server.close()));
  });

  test('close ends the connections, can be repeated, and the port is free again', async () => {
    const first = await embedded({ shards: 1 });
    const client = await RespClient.connect(first.port);
    expect(await client.ok('PING')).toBe('PONG');
    await Promise.all([first.close(), first.close()]);
    await client.closed;
    await expect(RespClient.connect(first.port)).rejects.toThrow(/ECONNREFUSED/);
    const second = await embedded({ port: first.port, shards: 1 });
    expect(second.port).toBe(first.port);
    await second.close();
  });

  test('a start that fails rejects with a stable code and leaves nothing running', async () => {
    const server = await embedded({ shards: 1 });
    await expect(embedded({ port: server.port, shards: 1 })).rejects.toMatchObject({ code: /^SHERD_/ });
    await expect(embedded({ shards: -3 })).rejects.toMatchObject({ code: 'SHERD_CONFIG_INVALID' });
    await expect(embedded({ nonsense: 1 })).rejects.toMatchObject({ code: 'SHERD_CONFIG_UNKNOWN' });
    await server.close();
  });

  test('starts and closes many times', { timeout: 60_000 }, async () => {
    for (let i = 0; i < 4; i++) {
      await withEmbedded({ shards: 1, ioThreads: 1 + (i % 2) }, async (client) => {
        expect(await client.ok('SET', 'round', i)).toBe('OK');
        expect(await client.ok('DBSIZE')).toBe(1);
      });
    }
  });
});
