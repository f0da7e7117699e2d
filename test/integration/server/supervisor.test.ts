/**
 * Threads may die: the data stays, a shard's clients see a pause, and an I/O thread takes only its own clients along.
 */
import { describe, expect, test } from 'vitest';
import { embedded, withEmbedded } from '../../harness/embedded.js';
import { RespClient } from '../../harness/resp-client.js';
import { sleep, until } from '../../harness/waiting.js';

const ROUNDS = 4;

/** Increments counters in pipelines until told to stop; knows what was acknowledged. */
class Load {
  acknowledged = 0;
  readonly counters: string[];
  #isStopped = false;
  readonly #running: Promise<void>;

  constructor(client: RespClient, prefix: string) {
    this.counters = Array.from({ length: 16 }, (_, i) => `${prefix}:${i}`);
    this.#running = this.#run(client);
  }

  async #run(client: RespClient): Promise<void> {
    while (!this.#isStopped) {
      const replies = await client.pipeline(this.counters.map((key) => ['INCR', key]));
      for (const reply of replies) {
        if (typeof reply !== 'number') throw new Error(`INCR answered ${String(reply)}`);
        this.acknowledged++;
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

describe('supervisor', () => {
  test.each(['auto', 'ring'] as const)(
    'a shard thread that is terminated under load loses nothing (--dispatch %s)',
    { timeout: 60_000 },
    async (dispatch) => {
      await withEmbedded({ shards: 2, ioThreads: 1, dispatch }, async (client, server) => {
        const clients = await Promise.all(Array.from({ length: 6 }, () => RespClient.connect(server.port)));
        const loads = clients.map((each, i) => new Load(each, `c${i}`));
        await client.pipelineRaw(Array.from({ length: 5000 }, (_, i) => ['SET', `still:${i}`, i]));
        for (let round = 0; round < ROUNDS; round++) {
          await sleep(50);
          const before = loads.reduce((sum, load) => sum + load.acknowledged, 0);
          await server.debug.terminateShard(round % 2);
          await server.debug.settled();
          const total = (): number => loads.reduce((sum, load) => sum + load.acknowledged, 0);
          await until('the load goes on', async () => total() > before + 1000);
        }
        for (const load of loads) await load.stop();
        for (const load of loads) {
          const values = (await client.ok('MGET', ...load.counters)) as string[];
          expect(values.reduce((sum, value) => sum + Number(value), 0)).toBe(load.acknowledged);
        }
        const kept = await client.pipeline(Array.from({ length: 5000 }, (_, i) => ['GET', `still:${i}`]));
        expect(kept).toEqual(Array.from({ length: 5000 }, (_, i) => String(i)));
        for (const each of clients) await each.close();
      });
    },
  );

  test('a shard thread cut anywhere keeps what was acknowledged', { timeout: 60_000 }, async () => {
    // No arena check at the end: a thread that is cut between allocating a cell and linking it leaves that cell behind.
    const server = await embedded({ shards: 2, ioThreads: 1, dispatch: 'ring' });
    try {
      const client = await RespClient.connect(server.port);
      for (let round = 0; round < ROUNDS; round++) {
        const own = await RespClient.connect(server.port);
        let acknowledged = 0;
        const running = (async () => {
          for (;;) {
            const replies = await Promise.all(
              Array.from({ length: 20 }, (_, i) => own.call('INCR', `any:${round}:${i}`)),
            );
            acknowledged += replies.filter((reply) => typeof reply === 'number').length;
          }
        })().catch(() => 'closed');
        await sleep(50);
        await server.debug.terminateShard(round % 2, 'anywhere');
        await server.debug.settled();
        await sleep(50);
        await own.close();
        await running;
        const names = Array.from({ length: 20 }, (_, i) => `any:${round}:${i}`);
        const values = (await client.ok('MGET', ...names)) as (string | null)[];
        const sum = values.reduce((total, value) => total + Number(value ?? 0), 0);
        // Requests without a reply may have been carried out, but nothing acknowledged may be missing.
        expect(sum).toBeGreaterThanOrEqual(acknowledged);
        expect(sum).toBeLessThanOrEqual(acknowledged + 40);
      }
    } finally {
      await server.close();
    }
  });

  test('an I/O thread that dies drops only its own clients and serves again', { timeout: 60_000 }, async () => {
    await withEmbedded({ shards: 2, ioThreads: 2 }, async (_client, server) => {
      let dropped = 0;
      // All clients of a round may have come to the other thread: the kernel gives them to whichever looks first.
      for (const [round, index] of [1, 0, 1, 0].entries()) {
        if (round >= 2 && dropped > 0) break;
        const clients = await Promise.all(Array.from({ length: 24 }, () => RespClient.connect(server.port)));
        await Promise.all(clients.map((each, i) => each.ok('SET', `io:${i}`, index)));
        const alive = new Set(clients);
        for (const each of clients) void each.closed.then(() => alive.delete(each));
        await server.debug.terminateIo(index);
        await server.debug.settled();
        await sleep(100);
        dropped += clients.length - alive.size;
        for (const each of alive) expect(await each.ok('PING')).toBe('PONG');
        const fresh = await Promise.all(Array.from({ length: 24 }, () => RespClient.connect(server.port)));
        for (const [i, each] of fresh.entries()) expect(await each.ok('GET', `io:${i}`)).toBe(String(index));
        for (const each of [...alive, ...fresh]) await each.close();
      }
      expect(dropped).toBeGreaterThan(0);
    });
  });
});
