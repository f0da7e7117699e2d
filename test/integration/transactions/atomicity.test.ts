/**
 * Commands over several shards are all or nothing for everybody: many clients over two I/O threads and four shards
 * write and read related keys, and no reader may ever see half of a write.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

const DURATION_MS = 1200;
const GROUP = ['g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7', 'g8'];
const seed = seedFrom('ATOMIC_SEED');

describe.each(['auto', 'ring'] as const)('over four shards, --dispatch %s', (dispatch) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startSherd({ shards: 4, ioThreads: 2, dispatch });
  });
  afterAll(() => checkAndStop(server));

  /** Runs each loop on a connection of its own for the whole duration; a loop's failure fails the test. */
  async function together(loops: ((client: RespClient, random: SeededRandom) => Promise<void>)[]): Promise<void> {
    const deadline = performance.now() + DURATION_MS;
    await Promise.all(
      loops.map(async (loop, i) => {
        const client = await server.client();
        const random = new SeededRandom(seed + i);
        while (performance.now() < deadline) await loop(client, random);
      }),
    );
  }

  test(`no reader sees half an MSET (ATOMIC_SEED=${seed})`, async () => {
    const setup = await server.client();
    await setup.ok('MSET', ...GROUP.flatMap((key) => [key, 'start']));
    let writes = 0;
    const writer = async (client: RespClient, random: SeededRandom): Promise<void> => {
      const value = random.below(1e9);
      const order = random.chance(0.5) ? GROUP : [...GROUP].reverse();
      await client.pipeline(Array.from({ length: 8 }, () => ['MSET', ...order.flatMap((key) => [key, value])]));
      writes += 8;
    };
    const reader = async (client: RespClient): Promise<void> => {
      for (const values of (await client.pipeline(Array.from({ length: 8 }, () => ['MGET', ...GROUP]))) as Value[][]) {
        expect(new Set(values).size, `half an MSET: ${values}`).toBe(1);
      }
    };
    // Noise on the same keys: single-key reads on the fast path, which must not break in between.
    const noise = async (client: RespClient, random: SeededRandom): Promise<void> => {
      await client.pipeline(Array.from({ length: 16 }, () => ['GET', random.pick(GROUP)]));
    };
    await together([writer, writer, writer, reader, reader, reader, noise, noise]);
    expect(writes).toBeGreaterThan(50);
  });

  test(`a renamed key is always under exactly one of its names (ATOMIC_SEED=${seed})`, async () => {
    const setup = await server.client();
    const names = ['r1', 'r2', 'r3', 'r4', 'r5'];
    await setup.ok('DEL', ...names);
    await setup.ok('SET', 'r1', 'traveller');
    const mover = async (client: RespClient, random: SeededRandom): Promise<void> => {
      const moves = Array.from({ length: 8 }, () => ['RENAME', random.pick(names), random.pick(names)]);
      for (const reply of await client.pipeline(moves)) {
        if (reply !== 'OK') expect(reply).toMatchObject({ message: 'ERR no such key' });
      }
    };
    const counter = async (client: RespClient): Promise<void> => {
      for (const count of await client.pipeline(Array.from({ length: 8 }, () => ['EXISTS', ...names]))) {
        expect(count).toBe(1);
      }
    };
    const reader = async (client: RespClient): Promise<void> => {
      const values = (await client.ok('MGET', ...names)) as (string | null)[];
      expect(values.filter((value) => value !== null)).toEqual(['traveller']);
    };
    await together([mover, mover, mover, mover, counter, counter, reader, reader]);
  });

  test(`MSETNX of overlapping groups lets exactly one through (ATOMIC_SEED=${seed})`, async () => {
    const clients = await Promise.all(Array.from({ length: 6 }, () => server.client()));
    for (let round = 0; round < 100; round++) {
      const keys = Array.from({ length: 5 }, (_, i) => `nx${round}:${i}`);
      const replies = await Promise.all(
        clients.map((client, i) => {
          const mine = [...keys.slice(i % 5), ...keys.slice(0, i % 5)];
          return client.ok('MSETNX', ...mine.flatMap((key) => [key, i]));
        }),
      );
      expect(replies.filter((reply) => reply === 1)).toHaveLength(1);
      const values = (await clients[0]!.ok('MGET', ...keys)) as string[];
      expect(values).toEqual(keys.map(() => String(replies.indexOf(1))));
    }
  });

  test('no increment is lost, whichever thread runs it', async () => {
    const counters = Array.from({ length: 20 }, (_, i) => `n${i}`);
    let acknowledged = 0;
    await together(
      Array.from({ length: 8 }, () => async (client: RespClient, random: SeededRandom) => {
        const replies = await client.pipeline(Array.from({ length: 30 }, () => ['INCR', random.pick(counters)]));
        acknowledged += replies.filter((reply) => typeof reply === 'number').length;
      }),
    );
    const client = await server.client();
    const values = (await client.ok('MGET', ...counters)) as string[];
    expect(values.reduce((sum, value) => sum + Number(value), 0)).toBe(acknowledged);
  });
});
