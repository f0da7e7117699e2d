import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extractKeys, legacyRange } from '../../../src/shared/command/key-positions.js';
import { buildRegistry } from '../../../src/shared/command/registry.js';
import { keyRO } from '../../../src/shared/command/shorthand.js';
import type { KeyFlag } from '../../../src/shared/command/spec.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { ReplyError } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../../harness/servers.js';
import { makeArgs } from './local-runner.js';
import { type RedisSpec, readRedisSpecs } from './redis-specs.js';

const COMMANDS = [
  'get k',
  'mset a 1 b 2 c 3',
  'mget a b c d',
  'del a',
  'del a b',
  'rename a b',
  'copy a b db 1',
  'bitop and dst a b c',
  'object encoding k',
  'memory usage k samples 5',
  'sintercard 2 a b limit 3',
  'zunionstore dst 2 a b weights 1 2',
  'zinter 3 a b c withscores',
  'zunion 0 a',
  'zunion x a',
  'zunion 3 a b',
  'eval script 2 a b c',
  'eval script 0 a',
  'fcall f 1 a b',
  'blpop a b c 0',
  'bzpopmin a 0',
  'blmpop 0 2 a b left count 1',
  'xread count 2 streams a b 0 0',
  'xreadgroup group g c streams a b 0 0',
  'xgroup create k g $ mkstream',
  'georadius k 1 2 3 km store dst',
  'georadius k 1 2 3 km storedist dst',
  'georadiusbymember k m 3 km store dst',
  'geosearchstore dst src frommember m byradius 1 km',
  'lcs a b len',
  'smove a b m',
  'pfcount a b',
  'pfmerge d a b',
  'brpoplpush a b 0',
  'xinfo stream k',
];

describe('key positions', () => {
  it('takes every k-th argument from an index to the end', () => {
    const { def } = spec('mset', { find: { lastKey: -1, step: 2, limit: 0 } });
    expect(positions(def, 'mset a 1 b 2')).toEqual([1, 3]);
    expect(positions(def, 'mset a')).toEqual([1]);
  });

  it('tells the whole count when the array is too small', () => {
    const { def } = spec('del', { find: { lastKey: -1, step: 1, limit: 0 } });
    const out = new Int32Array(2);
    expect(extractKeys(def, makeArgs('del a b c d'.split(' ')), out)).toBe(4);
    expect([...out]).toEqual([1, 2]);
  });

  it('prefers the finder where the flags vary, and asks it where a specification is incomplete', () => {
    const finder = (_a: unknown, out: Int32Array, flags: (readonly KeyFlag[])[] | null): number => {
      out[0] = 2;
      flags?.push(['RM']);
      return 1;
    };
    const varying = { ...spec('set', {}).def, keys: [keyRO(1, 'variable_flags')], findKeys: finder };
    const incomplete = { ...spec('sort', {}).def, keys: [keyRO(1, 'incomplete')], findKeys: finder };
    const flags: (readonly KeyFlag[])[] = [];
    expect(positions(varying, 'set a b')).toEqual([2]);
    expect(positions(incomplete, 'sort a b', flags)).toEqual([2]);
    expect(flags).toEqual([['RM']]);
  });
});

function spec(name: string, more: object): { def: RedisSpec['def'] } {
  const begin = { index: 1 };
  const find = { lastKey: 0, step: 1, limit: 0 };
  return {
    def: {
      name,
      arity: -2,
      flags: [],
      acl: [],
      group: 'string',
      since: '1.0.0',
      complexity: '',
      summary: 'A test.',
      route: 'key',
      keys: [{ flags: ['RW'], begin, find, ...more }],
    },
  };
}

function positions(def: RedisSpec['def'], line: string, flags?: (readonly KeyFlag[])[]): number[] {
  const out = new Int32Array(16);
  const count = extractKeys(def, makeArgs(line.split(' ')), out, flags ?? null);
  return [...out.slice(0, Math.max(count, 0))];
}

describe.skipIf(!REDIS_AVAILABLE)("key positions from redis-server's own specifications", () => {
  let server: TestServer;
  let client: RespClient;
  let specs: RedisSpec[];

  beforeAll(async () => {
    server = await startRedis();
    client = await server.client();
    specs = await readRedisSpecs(client);
  });
  afterAll(() => server.stop());

  it('derive the same legacy range and movablekeys for each command', () => {
    expect(specs.length).toBeGreaterThan(200);
    for (const { def, firstKey, lastKey, keyStep, movable } of specs) {
      expect({ name: def.name, ...legacyRange(def) }).toEqual({
        name: def.name,
        first: firstKey,
        last: lastKey,
        step: keyStep,
        movable,
      });
    }
  });

  it('find the same keys with the same flags', async () => {
    const registry = buildRegistry(specs.map((s) => s.def));
    for (const line of COMMANDS) {
      const args = makeArgs(line.split(' '));
      const def = registry.defs[registry.resolve(args, 0)]!;
      const theirs = await client.call('COMMAND', 'GETKEYSANDFLAGS', ...line.split(' '));
      const out = new Int32Array(32);
      const flags: (readonly KeyFlag[])[] = [];
      const count = extractKeys(def, args, out, flags);
      if (theirs instanceof ReplyError || (theirs as Value[]).length === 0) {
        expect(count, line).toBeLessThanOrEqual(0);
        continue;
      }
      const ours = Array.from({ length: count }, (_, i) => [args.latin1(out[i]!), new Set(flags[i])]);
      expect(ours, line).toEqual(theirs);
    }
  });
});
