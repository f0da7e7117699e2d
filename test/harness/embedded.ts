/** A sherd inside the test process, from the built package: what an embedding program has. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { createServer as CreateServer } from '../../src/main/index.js';
import { fsck } from './fsck.js';
import { RespClient } from './resp-client.js';
import { DIST } from './servers.js';

type Options = NonNullable<Parameters<typeof CreateServer>[0]>;
export type Embedded = Awaited<ReturnType<typeof CreateServer>>;

/** The public entry of the built package; its workers can only be started from there. */
export async function loadSherd(): Promise<{ createServer: typeof CreateServer }> {
  const entry = pathToFileURL(join(DIST, 'main/index.js')).href;
  return import(/* @vite-ignore */ entry);
}

/** Starts a server on a free port in this process. */
export async function embedded(options: Options = {}): Promise<Embedded> {
  const { createServer } = await loadSherd();
  return createServer({ port: 0, enableDebugCommand: true, ...options });
}

/** Runs `body` with a server of its own and a client; checks the arena at the end and closes both. */
export async function withEmbedded(
  options: Options,
  body: (client: RespClient, server: Embedded) => Promise<void>,
): Promise<void> {
  const server = await embedded(options);
  try {
    const client = await RespClient.connect(server.port);
    await body(client, server);
    const checker = await RespClient.connect(server.port);
    await fsck(checker);
    await checker.close();
    await client.close();
  } finally {
    await server.close();
  }
}
