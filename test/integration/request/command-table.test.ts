/** The command table says of each command what Redis says, and each command is documented. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Value } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../../harness/servers.js';

const IN_SCRIPTS = 'scripts may call it, and then it does not wait';

/** Where Redis 7.2 itself differs from the oracle 7.0.15. */
const CHANGED_SINCE_ORACLE: Readonly<Record<string, string>> = {
  blmove: IN_SCRIPTS,
  blpop: IN_SCRIPTS,
  brpop: IN_SCRIPTS,
  brpoplpush: IN_SCRIPTS,
  bzpopmax: IN_SCRIPTS,
  bzpopmin: IN_SCRIPTS,
  wait: IN_SCRIPTS,
  zrank: 'WITHSCORE',
  zrevrank: 'WITHSCORE',
};

interface Info {
  arity: Value;
  flags: string[];
  keys: Value;
  acl: string[];
}

const members = (value: Value | undefined): string[] =>
  [...(value as Iterable<Value>)].map((item) => String(item)).sort();

function infoOf(entry: Value): Info {
  const [, arity, flags, first, last, step, acl] = entry as Value[];
  return { arity: arity!, flags: members(flags), keys: [first!, last!, step!], acl: members(acl) };
}

describe('COMMAND', () => {
  let sherd: TestServer;
  beforeAll(async () => {
    sherd = await startSherd({ shards: 1 });
  });
  afterAll(() => sherd?.stop());

  test.skipIf(!REDIS_AVAILABLE)(
    'INFO gives arity, flags, key positions and ACL categories as redis-server does',
    async () => {
      const redis = await startRedis();
      try {
        const mine = await sherd.client();
        const names = members(await mine.ok('COMMAND', 'LIST')).filter((name) => !name.includes('|'));
        const [ours, theirs] = await Promise.all([
          mine.ok('COMMAND', 'INFO', ...names),
          redis.client().then((client) => client.ok('COMMAND', 'INFO', ...names)),
        ]);
        const wrong = names.flatMap((name, i) => {
          const [our, their] = [(ours as Value[])[i]!, (theirs as Value[])[i]!];
          if (their === null || name in CHANGED_SINCE_ORACLE) return [];
          const [a, b] = [infoOf(our), infoOf(their)];
          return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ name, sherd: a, redis: b }];
        });
        expect(wrong).toEqual([]);
      } finally {
        await redis.stop();
      }
    },
  );

  test('COUNT, LIST and INFO agree, and each command has summary, group and since', async () => {
    const client = await sherd.client();
    const names = members(await client.ok('COMMAND', 'LIST')).filter((name) => !name.includes('|'));
    expect(names.length).toBe(await client.ok('COMMAND', 'COUNT'));
    expect(names.length).toBeGreaterThan(60);
    await client.ok('HELLO', 3);
    const docs = (await client.ok('COMMAND', 'DOCS')) as Map<string, Map<string, Value>>;
    const bare = names.filter((name) => {
      const doc = docs.get(name);
      return !['summary', 'group', 'since'].every((key) => String(doc?.get(key) ?? '') !== '');
    });
    expect(bare).toEqual([]);
  });

  test('each command with too few arguments says so', async () => {
    const client = await sherd.client();
    const list = (await client.ok('COMMAND')) as Value[][];
    for (const [name, arity] of list as [string, number][]) {
      if (Math.abs(arity) < 2) continue;
      const reply = await client.call(name);
      expect(reply).toMatchObject({ message: `ERR wrong number of arguments for '${name}' command` });
    }
  });
});
