/** Every state of a client crossed with every event, against a real redis-server. See cell.ts, states.ts, events.ts. */
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withEmbedded } from '../harness/embedded.js';
import { SeededRandom } from '../harness/random.js';
import { RespClient } from '../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../harness/servers.js';
import { Cell, difference, type Phase } from './cell.js';
import { allowanceFor } from './differences.js';
import { EVENTS, type StateEvent } from './events.js';
import { STATES, type State } from './states.js';

/** The whole table on each server; without it samples, a big one on the first server. */
const ALL = process.env.STATES_ALL === '1';
const SEED = Number(process.env.STATES_SEED ?? Date.now() % 1_000_000);
/** One cell or some of them: a pattern for `state: event`. */
const ONLY = new RegExp(process.env.STATES_ONLY ?? '');
const SAMPLE = 12;
const FIRST_SAMPLE = 70;

const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'inline' },
  { shards: 3, ioThreads: 3, dispatch: 'inline' },
  { shards: 3, ioThreads: 1, dispatch: 'ring' },
  { shards: 1, ioThreads: 3, dispatch: 'ring' },
  { shards: 3, ioThreads: 3, dispatch: 'ring' },
] as const;

interface Place {
  readonly state: State;
  readonly event: StateEvent;
  readonly name: string;
}

const TABLE: readonly Place[] = STATES.flatMap((state) =>
  EVENTS.filter((event) => event.concerns?.(state) ?? true).map((event) => ({
    state,
    event,
    name: `${state.name}: ${event.name}`,
  })),
).filter((place) => ONLY.test(place.name));

/** Tells of a cell at once, to whoever waits for hundreds of them. */
function report(failures: readonly string[], name: string, ms: number): void {
  if (process.env.STATES_LOG === undefined) return;
  appendFileSync(process.env.STATES_LOG, [`${ms.toFixed(0)} ms ${name}`, ...failures, ''].join('\n'));
}

describe.skipIf(!REDIS_AVAILABLE)('#11 a client of sherd sees what one of Redis sees', () => {
  let redis: TestServer;
  let missing = new Set<string>();
  const oracle = new Map<string, Promise<readonly Phase[]>>();

  beforeAll(async () => {
    redis = await startRedis();
    const client = await RespClient.connect(redis.port);
    const needs = STATES.flatMap((state) => (state.needs === undefined ? [] : [state.needs]));
    const known = (await client.ok('COMMAND', 'INFO', ...needs)) as unknown[];
    missing = new Set(needs.filter((_, i) => known[i] === null));
    await client.close();
  });
  afterAll(() => redis?.stop());

  const onOracle = (place: Place): Promise<readonly Phase[]> => {
    let run = oracle.get(place.name);
    if (run === undefined) {
      run = new Cell(redis.port, null).run(place.state, place.event);
      // Looked at when it is awaited.
      run.catch(() => {});
      oracle.set(place.name, run);
    }
    return run;
  };

  test.each(SETUPS)(
    'with $shards shards, $ioThreads I/O threads, --dispatch $dispatch',
    { timeout: 600_000 },
    async (setup) => {
      const random = new SeededRandom(SEED);
      const isWhole = ALL || ONLY.source !== '(?:)';
      const sample = setup === SETUPS[0] ? FIRST_SAMPLE : SAMPLE;
      const there = TABLE.filter((place) => place.state.needs === undefined || !missing.has(place.state.needs));
      const places = isWhole ? there : Array.from({ length: sample }, () => random.pick(there));
      const failures: string[] = [];
      await withEmbedded({ ...setup }, async (client, server) => {
        await client.close();
        void onOracle(places[0]!);
        for (const [i, place] of places.entries()) {
          const allowed = allowanceFor(place.name);
          const noted = failures.length;
          const start = performance.now();
          try {
            const expected = await onOracle(place);
            // The oracle is one cell ahead.
            const next = places[i + 1];
            if (next !== undefined) void onOracle(next);
            const got = await new Cell(server.port, expected, allowed).run(place.state, place.event);
            const found = difference(expected, got, allowed);
            if (found !== null) failures.push(`${place.name}\n ${found}`);
          } catch (error) {
            failures.push(`${place.name}\n ${(error as Error).stack}`);
          }
          report(failures.slice(noted), place.name, performance.now() - start);
        }
      });
      expect(failures, `STATES_SEED=${SEED}: ${failures.length} of ${places.length} cells differ`).toEqual([]);
    },
  );
});
