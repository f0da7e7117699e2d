/**
 * Whatever many clients do at once, over several shards and several keys, while threads die: there is an order in which
 * a single thread would have given them the same answers. `LINEARIZE_SECONDS` makes each variant run so long,
 * `LINEARIZE_SEED` repeats what the clients do (not the interleaving).
 */
import { describe, expect, test } from 'vitest';
import { type Embedded, withEmbedded } from '../harness/embedded.js';
import { SeededRandom, seedFrom } from '../harness/random.js';
import { REDIS_AVAILABLE, startRedis } from '../harness/servers.js';
import { sleep } from '../harness/waiting.js';
import { checkSegment } from './checker.js';
import { LiveHistory } from './live-history.js';
import { failureText, smallestFailure } from './smallest-failure.js';

const SECONDS = Number(process.env.LINEARIZE_SECONDS ?? 1.5);
const seed = seedFrom('LINEARIZE_SEED');
/** The oracle is a single thread: what the model does not understand of it is the model's fault. */
const REDIS_SECONDS = Math.min(SECONDS, 1);
const CLIENTS = 12;
const TURNS = 6;
/** The supervisor gives up when more than ten threads die in ten seconds. */
const KILL_EVERY_MS = 1_100;
/** A kill comes this much after the beginning of a round at most. */
const KILL_WITHIN_MS = 10;
/** Segments for which the search may give up, of a thousand. */
const UNKNOWN_MAX = 5;

/** Terminates threads now and then. */
class Killer {
  readonly #server: Embedded;
  readonly #random = new SeededRandom(seed);
  #nextMs = performance.now() + KILL_EVERY_MS / 4;
  shards = 0;
  io = 0;

  constructor(server: Embedded) {
    this.#server = server;
  }

  readonly disturb = async (): Promise<void> => {
    if (performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + KILL_EVERY_MS;
    const random = this.#random;
    await sleep(random.below(KILL_WITHIN_MS));
    const { debug, shards, ioThreads } = this.#server;
    if (random.chance(0.5)) {
      this.shards++;
      await debug.terminateShard(random.below(shards));
    } else {
      this.io++;
      await debug.terminateIo(random.below(ioThreads));
    }
    await debug.settled();
  };
}

const VARIANTS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto', order: 'all' },
  { shards: 3, ioThreads: 2, dispatch: 'auto', order: 'same keys' },
  { shards: 3, ioThreads: 2, dispatch: 'ring', order: 'same keys' },
] as const;

interface Counts {
  segments: number;
  operations: number;
  /** Segments about which the checker could not say anything. */
  unknown: number;
}

/** Has clients do rounds for so long, each of which is checked. */
async function checkedRounds(history: LiveHistory, seconds: number, killer: Killer | null): Promise<Counts> {
  const counts: Counts = { segments: 0, operations: 0, unknown: 0 };
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    const diedBefore = killer?.io;
    const segment = await history.round(TURNS, async () => killer?.disturb());
    counts.segments++;
    counts.operations += segment.operations.length;
    // A shard's thread that ends between two commands takes nobody along.
    if (killer?.io === diedBefore) expect(segment.unanswered).toBe(0);
    const failure = checkSegment(segment.operations, segment.began);
    if (failure?.verdict.is === 'unknown') counts.unknown++;
    else if (failure !== null) {
      const text = failureText(smallestFailure(failure));
      throw new Error(`segment ${counts.segments} of LINEARIZE_SEED=${seed} is ${text}`);
    }
  }
  await history.close();
  expect(counts.operations).toBeGreaterThan(100);
  expect(counts.unknown).toBeLessThanOrEqual(1 + (counts.segments * UNKNOWN_MAX) / 1000);
  return counts;
}

describe('what clients hear is linearizable', () => {
  test.each(VARIANTS)(
    `with $shards shards, $ioThreads I/O threads, --dispatch $dispatch (LINEARIZE_SEED=${seed})`,
    { timeout: 60_000 + SECONDS * 3_000 },
    async ({ order, ...options }) => {
      await withEmbedded(options, async (_client, server) => {
        const killer = new Killer(server);
        const counts = await checkedRounds(new LiveHistory(server.port, seed, CLIENTS, order), SECONDS, killer);
        if (process.env.LINEARIZE_SECONDS !== undefined) {
          const deaths = `${killer.shards} shard and ${killer.io} I/O threads ended`;
          process.stderr.write(`${JSON.stringify(counts)}; ${deaths}\n`);
        }
      });
    },
  );

  test.skipIf(!REDIS_AVAILABLE)(`so says the model of redis-server too (LINEARIZE_SEED=${seed})`, async () => {
    const redis = await startRedis();
    try {
      await checkedRounds(new LiveHistory(redis.port, seed, CLIENTS, 'all'), REDIS_SECONDS, null);
    } finally {
      await redis.stop();
    }
  });
});
