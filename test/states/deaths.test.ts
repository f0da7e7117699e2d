/**
 * Every state of a client crossed with the death of a thread. Redis has no threads to lose, so the expectation is
 * stated: a shard's thread is only a pair of hands, and its death changes nothing of what a client sees; the death of
 * an I/O thread ends the connections of its clients and is forgotten with them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Embedded, withEmbedded } from '../harness/embedded.js';
import { SeededRandom } from '../harness/random.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../harness/servers.js';
import { Cell, difference, type Phase } from './cell.js';
import { STATES, type State } from './states.js';

/** A server gives up when more threads than that die within ten seconds. */
const DEATHS_MAX = 8;
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'inline' },
  { shards: 3, ioThreads: 1, dispatch: 'ring' },
  { shards: 3, ioThreads: 3, dispatch: 'inline' },
] as const;
const CLOSING = { name: 'closed', run: async (cell: Cell) => cell.subject.destroy() };
/** Phases that show how a new client fares when the event is over. */
const LATER = 3;
/** All states; without it a sample: a thread takes its time to die and to come again. */
const ALL = process.env.STATES_ALL === '1' || process.env.STATES_ONLY !== undefined;
const SEED = Number(process.env.STATES_SEED ?? Date.now() % 1_000_000);
const SAMPLE = 3;
const ONLY = new RegExp(process.env.STATES_ONLY ?? '');

/** A script that is busy dies with its thread (busy-scripts.test.ts); a pause ends by time. */
const CROSSED = STATES.filter((state) => state.holds !== 'script' && state.holds !== 'all' && ONLY.test(state.name));

describe.skipIf(!REDIS_AVAILABLE)('#11 when a thread dies', () => {
  let redis: TestServer;
  let states: readonly State[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    const client = await redis.client();
    const needs = CROSSED.map((state) => state.needs ?? 'ping');
    const known = (await client.ok('COMMAND', 'INFO', ...needs)) as unknown[];
    states = CROSSED.filter((_, i) => known[i] !== null);
    await client.close();
  });
  afterAll(() => redis?.stop());

  /** Whoever caches keys is told to drop them all when any thread dies (tracking.test.ts). */
  const caches = (state: State): boolean => state.name.startsWith('tracks keys');

  /** Runs each state on a server that has not lost too many threads yet; what differs. */
  const cross = async (
    setup: (typeof SETUPS)[number],
    run: (server: Embedded, state: State) => Promise<string | null>,
  ): Promise<string[]> => {
    const failures: string[] = [];
    const random = new SeededRandom(SEED);
    const left = ALL ? [...states] : [...new Set(Array.from({ length: SAMPLE }, () => random.pick(states)))];
    while (left.length > 0) {
      await withEmbedded({ ...setup }, async (client, server) => {
        await client.close();
        for (const state of left.splice(0, DEATHS_MAX)) {
          const found = await run(server, state).catch((error: Error) => error.stack ?? error.message);
          if (found !== null) failures.push(`${state.name}\n${found}`);
        }
      });
    }
    return failures;
  };

  test.each(SETUPS)(
    'of a shard, its clients see nothing of it: $shards shards, $ioThreads I/O threads, $dispatch',
    { timeout: 300_000 },
    async (setup) => {
      const failures = await cross(setup, async (server, state) => {
        if (caches(state)) return null;
        const nothing = { name: 'nothing', run: async () => {} };
        const expected = await new Cell(redis.port, null).run(state, nothing);
        const dies = {
          name: 'its shard thread dies',
          async run() {
            await server.debug.terminateShard(0);
            await server.debug.settled();
          },
        };
        return difference(expected, await new Cell(server.port, expected).run(state, dies));
      });
      expect(failures, `STATES_SEED=${SEED}`).toEqual([]);
    },
  );

  test.each(SETUPS)(
    'that serves sockets, its clients are closed and forgotten: $shards shards, $ioThreads I/O threads, $dispatch',
    { timeout: 300_000 },
    async (setup) => {
      const failures = await cross(setup, async (server, state) => {
        const expected = await new Cell(redis.port, null).run(state, CLOSING);
        const dies = {
          name: 'its I/O thread dies',
          async run(cell: Cell) {
            const line = String(await cell.ask('CLIENT', 'LIST', 'ID', cell.id));
            await server.debug.terminateIo(Number(/ io-thread=(\d+)/.exec(line)![1]));
            await server.debug.settled();
            await cell.until('it is closed', async () => cell.subject.isClosed);
          },
        };
        const later = (phases: readonly Phase[]): readonly Phase[] => phases.slice(-LATER);
        // In between the oracle's clients are still there, but for the one.
        const isShared = (phase: Phase, i: number): boolean =>
          !phase.name.startsWith('state') || i >= expected.length - LATER;
        const awaited = expected.map((phase, i) => (isShared(phase, i) ? phase : null));
        const got = await new Cell(server.port, awaited).run(state, dies);
        return difference(later(expected), later(got));
      });
      expect(failures, `STATES_SEED=${SEED}`).toEqual([]);
    },
  );
});
