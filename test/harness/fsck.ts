/** The arena check with which each integration test ends. */
import type { RespClient, Value } from './resp-client.js';
import { SUBJECT_IS_REDIS, type TestServer } from './servers.js';

/** Throws unless `DEBUG ARENA` finds every cell reachable exactly once and every count right. */
export async function fsck(client: RespClient): Promise<void> {
  if (SUBJECT_IS_REDIS) return;
  const reply: Value = await client.call('DEBUG', 'ARENA');
  const text = typeof reply === 'string' ? reply : reply instanceof Error ? reply.message : JSON.stringify(reply);
  if (!/^ok/i.test(text)) throw new Error(`DEBUG ARENA: ${text}`);
}

/** Checks the arena of each server and stops it, whatever comes of it. For `afterAll`. */
export async function checkAndStop(...servers: (TestServer | undefined)[]): Promise<void> {
  try {
    for (const server of servers) if (server !== undefined) await fsck(await server.client());
  } finally {
    await Promise.all(servers.map((server) => server?.stop()));
  }
}
