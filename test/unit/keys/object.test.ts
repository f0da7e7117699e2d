import { afterEach, describe, expect, it } from 'vitest';
import { buildFullRegistry } from '../../../src/main/io/commands/table.js';
import { POLICY_WORDS } from '../../../src/shared/maxmemory-policy.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { CONTROL, CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { parseReply } from '../../harness/resp-client.js';
import { TestEngine, wordsToArgs } from '../engine-harness.js';

const ALLKEYS_LRU = POLICY_WORDS.indexOf('allkeys-lru');
const ALLKEYS_LFU = POLICY_WORDS.indexOf('allkeys-lfu');
const ADJUST =
  'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const NOT_LFU = `-ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${ADJUST}\r\n`;
const IS_LFU = `-ERR An LFU maxmemory policy is selected, idle time not tracked. ${ADJUST}\r\n`;

let last: TestEngine | null = null;

function newEngine(shards = 1): TestEngine {
  last = new TestEngine(shards);
  return last;
}

afterEach(() => {
  expect(last?.unannounced() ?? []).toEqual([]);
});

describe('OBJECT ENCODING', () => {
  it('names what Redis would name', () => {
    const engine = newEngine(3);
    engine.call('SET', 'int', '-9223372036854775808');
    engine.call('SET', 'emb', 'x'.repeat(44));
    engine.call('SET', 'raw', 'x'.repeat(45));
    engine.call('SET', 'blob', 'x'.repeat(100_000));
    engine.call('SET', 'edited', 'ab');
    engine.call('APPEND', 'edited', 'c');
    const names = ['int', 'emb', 'raw', 'blob', 'edited'].map((name) => engine.call('OBJECT', 'ENCODING', name));
    expect(names).toEqual(['int', 'embstr', 'raw', 'raw', 'raw']);
  });
});

describe('OBJECT on a key that does not exist', () => {
  it.each(['encoding', 'freq', 'idletime', 'refcount'])('%s: null under either policy, no event', (name) => {
    const engine = newEngine();
    engine.record(true);
    expect(engine.run('OBJECT', name, 'nope')).toBe('$-1\r\n');
    engine.control.i32[CONTROL.maxmemoryPolicy] = ALLKEYS_LFU;
    engine.proto = 3;
    expect(engine.run('OBJECT', name, 'nope')).toBe('_\r\n');
    expect(engine.recorded()).toEqual([]);
  });

  it('hides an expired key', () => {
    const engine = newEngine();
    engine.call('SET', 'k', 'v', 'PX', 10);
    engine.advance(20);
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBeNull();
    expect(engine.call('MEMORY', 'USAGE', 'k')).toBeNull();
  });
});

describe('OBJECT IDLETIME and FREQ', () => {
  it('IDLETIME counts whole seconds since the last use and is no use itself', () => {
    const engine = newEngine();
    engine.call('SET', 'k', 'v');
    engine.advance(10_000);
    for (const name of ['ENCODING', 'IDLETIME', 'REFCOUNT']) engine.call('OBJECT', name, 'k');
    engine.call('MEMORY', 'USAGE', 'k');
    expect([10, 11]).toContain(engine.call('OBJECT', 'IDLETIME', 'k'));
    engine.call('GET', 'k');
    expect([0, 1]).toContain(engine.call('OBJECT', 'IDLETIME', 'k'));
  });

  it('refuse under the other kind of policy, missing keys first', () => {
    const engine = newEngine();
    engine.call('SET', 'k', 'v');
    expect(engine.run('OBJECT', 'FREQ', 'k')).toBe(NOT_LFU);
    engine.control.i32[CONTROL.maxmemoryPolicy] = ALLKEYS_LFU;
    expect(engine.run('OBJECT', 'IDLETIME', 'k')).toBe(IS_LFU);
  });

  it('FREQ begins at 5, rises with use, decays with time, and is no use itself', () => {
    const engine = newEngine();
    engine.control.i32[CONTROL.maxmemoryPolicy] = ALLKEYS_LFU;
    engine.control.i32[CONTROL.lfuLogFactor] = 0;
    engine.control.i32[CONTROL.lfuDecayMinutes] = 1;
    engine.call('SET', 'k', 'v');
    for (let i = 0; i < 5; i++) expect(engine.call('OBJECT', 'FREQ', 'k')).toBe(5);
    for (let i = 0; i < 5; i++) engine.call('GET', 'k');
    expect(engine.call('OBJECT', 'FREQ', 'k')).toBe(10);
    engine.advance(3 * 60_000);
    expect(engine.call('OBJECT', 'FREQ', 'k')).toBe(7);
  });
});

describe('OBJECT REFCOUNT', () => {
  it('is one, but for small integers, which Redis shares unless keys need clocks of their own', () => {
    const engine = newEngine();
    engine.call('MSET', 'text', 'v', 'zero', 0, 'small', 9999, 'big', 10_000, 'negative', -1);
    const counts = (): unknown[] =>
      ['text', 'zero', 'small', 'big', 'negative'].map((name) => engine.call('OBJECT', 'REFCOUNT', name));
    expect(counts()).toEqual([1, 2_147_483_647, 2_147_483_647, 1, 1]);
    engine.control.i32[CONTROL.maxmemoryPolicy] = ALLKEYS_LRU;
    expect(counts()).toEqual([1, 2_147_483_647, 2_147_483_647, 1, 1]);
    engine.control.f64[CONTROL_F64.maxmemory] = 1e9;
    expect(counts()).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('MEMORY USAGE', () => {
  it.each([
    ['an integer', 'k', '1'],
    ['a short value', 'k', 'abc'],
    ['a long value', 'k', 'x'.repeat(300_000)],
    ['a long key', 'k'.repeat(70_000), 'abc'],
    ['a long key and value', 'k'.repeat(9000), 'x'.repeat(70_000)],
  ])('is what the cells of %s take, and five bytes', (_what, name, value) => {
    const engine = newEngine();
    engine.call('SET', 'other', 'v');
    const before = engine.usedBytes();
    engine.call('SET', name, value);
    expect(engine.call('MEMORY', 'USAGE', name)).toBe(engine.usedBytes() - before + 5);
    engine.call('PEXPIRE', name, 100_000);
    expect(engine.call('MEMORY', 'USAGE', name, 'SAMPLES', 0)).toBe(engine.usedBytes() - before + 5);
  });

  it('does not count the untouched blocks of a sparse value', () => {
    const engine = newEngine();
    engine.call('SETBIT', 'k', 800_000_000, 1);
    const bytes = engine.call('MEMORY', 'USAGE', 'k') as number;
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThan(200_000);
  });

  it('checks its options before the key', () => {
    const engine = newEngine();
    expect(engine.run('MEMORY', 'USAGE', 'nope')).toBe('$-1\r\n');
    expect(engine.run('MEMORY', 'USAGE', 'nope', 'SAMPLES', 3, 'samples', 4)).toBe('$-1\r\n');
    expect(engine.run('MEMORY', 'USAGE', 'nope', 'SAMPLES')).toBe('-ERR syntax error\r\n');
    expect(engine.run('MEMORY', 'USAGE', 'nope', 'SAMPLE', 1)).toBe('-ERR syntax error\r\n');
    expect(engine.run('MEMORY', 'USAGE', 'nope', 'SAMPLES', -1)).toBe('-ERR syntax error\r\n');
    expect(engine.run('MEMORY', 'USAGE', 'nope', 'SAMPLES', 'x')).toBe(
      '-ERR value is not an integer or out of range\r\n',
    );
  });
});

describe('the containers in the registry of an I/O thread', () => {
  const registry = buildFullRegistry();
  const names = (of: string): string[] => {
    const id = registry.defs.findIndex((def) => def.name === of);
    return registry.subs[id]!.map((sub) => registry.defs[sub]!.name).sort();
  };

  it('have the subcommands of both layers', () => {
    expect(names('object')).toEqual(['encoding', 'freq', 'help', 'idletime', 'refcount'].map((n) => `object|${n}`));
    expect(names('memory')).toContain('memory|usage');
  });

  it('OBJECT HELP lists each of them', () => {
    const reply = new Reply();
    const def = registry.defs.find((d) => d.name === 'object|help')!;
    void def.local!(null as never, null as never, wordsToArgs(['object', 'help']), reply);
    const lines = parseReply(Buffer.concat(reply.takeChunks())) as string[];
    expect(lines[0]).toBe('OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:');
    expect(lines.filter((line) => !line.startsWith(' ')).slice(1)).toEqual([
      'ENCODING <key>',
      'FREQ <key>',
      'IDLETIME <key>',
      'REFCOUNT <key>',
      'HELP',
    ]);
  });
});
