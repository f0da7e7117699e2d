/**
 * Whatever many clients do at once, over several shards and several keys, while threads die: there is an order in which
 * a single thread would have given them the same answers. `LINEARIZE_SECONDS` makes each variant run so long,
 * `LINEARIZE_SEED` repeats what the clients do (not the interleaving).
 */
import { describe, expect, test } from 'vitest';
import { type Embedded, withEmbedded } from '../harness/embedded.js';
import { SeededRandom, seedFrom } from '../harness/random.js';
import { sleep } from '../harness/waiting.js';
import { checkSegment } from './checker.js';
import { LiveHistory } from './live-history.js';
import { failureText, smallestFailure } from './smallest-failure.js';

const SECONDS = Number(process.env.LINEARIZE_SECONDS ?? 3);
const seed = seedFrom('LINEARIZE_SEED');
const CLIENTS = 12;
const TURNS = 6;
/** The supervisor gives up when more than ten threads die in ten seconds. */
const KILL_EVERY_MS = 1_100;
/** A kill comes this much after the beginning of a round at most. */
const KILL_WITHIN_MS = 10;
/** Groups for which the search may give up, of a thousand segments. */
const UNKNOWN_MAX = 5;

/** Terminates threads now and then. */
class Killer {
  readonly #server: Embedded;
  readonly #random = new SeededRandom(seed);
  readonly #kinds: readonly ('shard' | 'io')[];
  #nextMs = performance.now() + KILL_EVERY_MS / 4;
  shards = 0;
  io = 0;

  constructor(server: Embedded, kinds: readonly ('shard' | 'io')[]) {
    this.#server = server;
    this.#kinds = kinds;
  }

  readonly disturb = async (): Promise<void> => {
    if (this.#kinds.length === 0 || performance.now() < this.#nextMs) return;
    this.#nextMs = performance.now() + KILL_EVERY_MS;
    const random = this.#random;
    await sleep(random.below(KILL_WITHIN_MS));
    const { debug, shards, ioThreads } = this.#server;
    if (random.pick(this.#kinds) === 'shard') {
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
  { shards: 1, ioThreads: 1, dispatch: 'auto', order: 'all', kills: ['shard'] },
  { shards: 3, ioThreads: 2, dispatch: 'auto', order: 'same keys', kills: ['shard', 'io'] },
  { shards: 3, ioThreads: 2, dispatch: 'ring', order: 'same keys', kills: ['shard', 'io'] },
] as const;

describe('what clients hear is linearizable', () => {
  test.each(VARIANTS)(
    `with $shards shards, $ioThreads I/O threads, --dispatch $dispatch (LINEARIZE_SEED=${seed})`,
    { timeout: 60_000 + SECONDS * 3_000 },
    async ({ order, kills, ...options }) => {
      await withEmbedded(options, async (_client, server) => {
        const history = new LiveHistory(server.port, seed, CLIENTS, order);
        const killer = new Killer(server, kills);
        const deadline = performance.now() + SECONDS * 1000;
        let segments = 0;
        let operations = 0;
        let unknown = 0;
        while (performance.now() < deadline) {
          const diedBefore = killer.io;
          const segment = await history.round(TURNS, killer.disturb);
          segments++;
          operations += segment.operations.length;
          // A shard's thread that ends between two commands takes nobody along.
          if (killer.io === diedBefore) expect(segment.unanswered).toBe(0);
          const failure = checkSegment(segment.operations, segment.began);
          if (failure?.verdict.is === 'unknown') unknown++;
          else if (failure !== null) {
            const text = failureText(smallestFailure(failure));
            throw new Error(`segment ${segments} of LINEARIZE_SEED=${seed} is ${text}`);
          }
        }
        await history.close();
        if (process.env.LINEARIZE_SECONDS !== undefined) {
          const deaths = `${killer.shards} shard and ${killer.io} I/O threads ended`;
          process.stderr.write(`${operations} operations in ${segments} segments, ${unknown} unknown; ${deaths}\n`);
        }
        expect(operations).toBeGreaterThan(100);
        expect(unknown).toBeLessThanOrEqual(1 + (segments * UNKNOWN_MAX) / 1000);
      });
    },
  );
});
