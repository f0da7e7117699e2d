/**
 * Connections that people's client libraries make to a server of a test: opened here, so that none is forgotten.
 *
 * Invariant: `close()` ends every connection that was opened through it, also one that waits in a blocking command.
 */
import { Redis, type RedisOptions } from 'ioredis';
import { createClient, type RedisClientOptions } from 'redis';
import type { TestServer } from './servers.js';

export type Protocol = 2 | 3;
/** A node-redis client without modules or scripts of its own. */
export type NodeRedis = ReturnType<typeof nodeRedisClient>;

/** Servers for tests with these clients; neither a client nor a guide may notice the difference. */
export const SETUPS = [
  { shards: 2, dispatch: 'auto', ioThreads: 1 },
  { shards: 4, dispatch: 'ring', ioThreads: 2 },
] as const;
/** The first of SETUPS, where another server would cost more than it could show. */
export const ONE_SETUP = [SETUPS[0]] as const;

function nodeRedisClient(port: number, options: RedisClientOptions) {
  return createClient({ socket: { port, host: '127.0.0.1' }, ...options });
}

export class LibraryClients {
  readonly #port: number;
  readonly #closers: (() => void)[] = [];

  constructor(server: TestServer) {
    this.#port = server.port;
  }

  /** An ioredis client; it connects by itself. */
  ioredis(options: RedisOptions = {}): Redis {
    // Its types and `exactOptionalPropertyTypes` do not go together.
    const client = new Redis({ port: this.#port, host: '127.0.0.1', ...options } as never);
    this.#closers.push(() => client.disconnect());
    return client;
  }

  /** A node-redis client, connected. */
  async nodeRedis(options: RedisClientOptions = {}): Promise<NodeRedis> {
    const client = nodeRedisClient(this.#port, options);
    // Without a listener node-redis makes the end of the server an exception of the test's process.
    client.on('error', () => {});
    await client.connect();
    this.#closers.push(() => client.isOpen && client.destroy());
    return client;
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }
}
