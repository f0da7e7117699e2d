/**
 * The same generated commands to a live redis-server and to sherd: every reply and the state at the end must agree.
 * `DIFF_SEED` repeats a failure, `DIFF_RUNS` sets the number of sequences for each row.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fsck } from '../harness/fsck.js';
import { seedFrom } from '../harness/random.js';
import { REDIS_AVAILABLE, type StartOptions, startRedis, startSherd, type TestServer } from '../harness/servers.js';
import { explain, makeScript, type Pair, runScript } from './compare.js';

const SEED = seedFrom('DIFF_SEED');
const RUNS = Number(process.env.DIFF_RUNS ?? 8);
const COMMANDS_PER_RUN = 400;

const VARIANTS: readonly (readonly [title: string, options: StartOptions])[] = [
  ['one shard', { shards: 1 }],
  ['three shards', { shards: 3 }],
  ['three shards over rings only', { shards: 3, dispatch: 'ring' }],
];

describe.skipIf(!REDIS_AVAILABLE).each(VARIANTS)('sherd with %s answers as redis-server does', (_title, options) => {
  let redis: TestServer;
  let sherd: TestServer;
  beforeAll(async () => {
    [redis, sherd] = await Promise.all([startRedis(), startSherd(options)]);
  });
  afterAll(() => Promise.all([redis?.stop(), sherd?.stop()]));

  test.each([2, 3] as const)('to generated commands in RESP%d', { timeout: 120_000 }, async (protocol) => {
    const pair: Pair = { oracle: await redis.client(), subject: await sherd.client() };
    for (let run = 0; run < RUNS; run++) {
      const seed = (SEED + run) >>> 0;
      const script = makeScript(seed, protocol, COMMANDS_PER_RUN);
      const found = await runScript(pair, script);
      if (found !== undefined) expect.fail(await explain(pair, script, seed, found));
    }
    await fsck(await sherd.client());
  });
});
