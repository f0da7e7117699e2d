/** What a command finds when it has waited for the lease of its shard: the clock and the switches of now. */
import { expect, test } from 'vitest';
import { shardOfSlot, slotOf } from '../../../src/shared/hash.js';
import { checkAndStop } from '../../harness/fsck.js';
import { startSherd } from '../../harness/servers.js';
import { sleep } from '../../harness/waiting.js';

const SHARDS = 2;
/** For how long all leases are held, ms, and the life of the keys. */
const HELD_MS = 400;
const LIFE_MS = 5000;
/** What a slow machine may add. */
const SLACK_MS = HELD_MS - 100;

function keyOn(shard: number, prefix: string): string {
  for (let i = 0; ; i++) {
    const key = `${prefix}${i}`;
    if (shardOfSlot(slotOf(Buffer.from(key), 0, key.length), SHARDS) === shard) return key;
  }
}

test('#12 a key lives as long as it should although its command waited for a lease', async () => {
  const server = await startSherd({ shards: SHARDS, dispatch: 'ring' });
  const clients = await Promise.all(Array.from({ length: 8 }, () => server.client()));
  const [holder, popper, ...writers] = clients;
  const [a, b, c, d, e, list] = ['a', 'b', 'c', 'd', 'e', 'list'].map((prefix) => keyOn(1, prefix)) as string[];
  await writers[0]!.ok('EVAL', "return redis.call('get', KEYS[1])", 1, a!);
  const popped = popper!.ok('BLMOVE', list!, keyOn(1, 'other'), 'LEFT', 'LEFT', 0);
  const held = holder!.ok('DEBUG', 'SLEEP', HELD_MS / 1000);
  await sleep(HELD_MS / 4);
  // Each looks at the time to live at once, so that nothing else has to be waited for.
  const ttls = await Promise.all([
    writers[0]!.pipeline([
      ['SET', a!, 'v', 'PX', LIFE_MS],
      ['PTTL', a!],
    ]),
    writers[1]!.ok(
      'EVAL',
      "redis.call('set', KEYS[1], 'v', 'px', ARGV[1]) return redis.call('pttl', KEYS[1])",
      1,
      b!,
      LIFE_MS,
    ),
    writers[2]!.pipeline([['MULTI'], ['SET', c!, 'v', 'PX', LIFE_MS], ['PTTL', c!], ['EXEC']]),
    writers[3]!.pipeline([
      ['MSET', d!, 'v', keyOn(0, 'd'), 'v'],
      ['PEXPIRE', d!, LIFE_MS],
      ['PTTL', d!],
    ]),
    writers[4]!.pipeline([
      ['SETEX', e!, LIFE_MS / 1000, 'v'],
      ['RPUSH', list!, 'x'],
      ['PTTL', e!],
    ]),
  ]);
  await held;
  await popped;
  for (const reply of ttls) {
    const ttl = Number([reply].flat(3).at(-1));
    // The clock of before the wait would give LIFE_MS - 3/4 HELD_MS, or less.
    expect(ttl, JSON.stringify(ttls)).toBeGreaterThan(LIFE_MS - SLACK_MS);
  }
  await checkAndStop(server);
});
