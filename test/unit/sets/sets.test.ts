import { describe, expect, it } from 'vitest';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';

const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';

const members = (value: unknown): string[] => [...(value as Iterable<string>)].sort();
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('encodings of sets', () => {
  it('follow Redis 7.2 from intset over listpack to hashtable', () => {
    const engine = new TestEngine();
    const encoding = (key: string): unknown => engine.call('OBJECT', 'ENCODING', key);
    engine.call('SADD', 'ints', ...range(0, 512));
    expect(encoding('ints')).toBe('intset');
    engine.call('SADD', 'ints', 512);
    expect(encoding('ints')).toBe('hashtable');
    engine.call('SADD', 'few', ...range(0, 127), 'a');
    expect(encoding('few')).toBe('listpack');
    engine.call('SADD', 'few', 'b');
    expect(encoding('few')).toBe('hashtable');
    engine.call('SADD', 'many', ...range(0, 128));
    engine.call('SADD', 'many', 'a');
    expect(encoding('many')).toBe('hashtable');
    engine.call('SADD', 'long', 'a', 'x'.repeat(64));
    expect(encoding('long')).toBe('listpack');
    engine.call('SADD', 'long', 'x'.repeat(65));
    expect(encoding('long')).toBe('hashtable');
    engine.call('SADD', 'words', ...range(0, 129).map((n) => `w${n}`));
    expect(encoding('words')).toBe('hashtable');
    engine.call('SADD', 'at-once', 'a', ...range(0, 127));
    expect(encoding('at-once')).toBe('listpack');
  });

  it('become hashtable where a cell ends, whatever the limits are', () => {
    const engine = new TestEngine();
    engine.control.f64[CONTROL_F64.setMaxIntsetEntries] = 1e6;
    engine.control.f64[CONTROL_F64.setMaxListpackEntries] = 1e6;
    engine.control.f64[CONTROL_F64.setMaxListpackValue] = 1e6;
    for (let n = 0; n < 7000; n++) engine.call('SADD', 'ints', `${n}000000000000`);
    expect(engine.call('SCARD', 'ints')).toBe(7000);
    expect(engine.call('OBJECT', 'ENCODING', 'ints')).toBe('hashtable');
    engine.call('SADD', 'big', 'a', 'x'.repeat(65_536));
    expect(engine.call('OBJECT', 'ENCODING', 'big')).toBe('hashtable');
    expect(engine.call('SISMEMBER', 'big', 'x'.repeat(65_536))).toBe(1);
  });

  it('of results begin anew', () => {
    const engine = new TestEngine();
    engine.call('SADD', 'a', ...range(0, 600));
    engine.call('SADD', 'b', ...range(500, 520), 'x');
    engine.call('SINTERSTORE', 'c', 'a', 'b');
    expect(engine.call('OBJECT', 'ENCODING', 'c')).toBe('intset');
    expect(engine.call('SCARD', 'c')).toBe(20);
    engine.call('SDIFFSTORE', 'd', 'b', 'a');
    expect(engine.call('OBJECT', 'ENCODING', 'd')).toBe('listpack');
    engine.call('SUNIONSTORE', 'e', 'a', 'b');
    expect(engine.call('OBJECT', 'ENCODING', 'e')).toBe('hashtable');
  });
});

describe('errors of set commands', () => {
  const ROWS: readonly (readonly [readonly Word[], string])[] = [
    [['SPOP', 's', '-1'], '-ERR value is out of range, must be positive\r\n'],
    [['SPOP', 's', 'x'], '-ERR value is out of range, must be positive\r\n'],
    [['SPOP', 's', '1', '2'], '-ERR syntax error\r\n'],
    [['SRANDMEMBER', 's', 'x'], '-ERR value is not an integer or out of range\r\n'],
    [['SRANDMEMBER', 's', '1', '2'], '-ERR syntax error\r\n'],
    [
      ['SRANDMEMBER', 's', '-9223372036854775808'],
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
    ],
    [['SINTERCARD', '0', 's'], '-ERR numkeys should be greater than 0\r\n'],
    [['SINTERCARD', 'x', 's'], '-ERR numkeys should be greater than 0\r\n'],
    [['SINTERCARD', '2', 's'], "-ERR Number of keys can't be greater than number of args\r\n"],
    [['SINTERCARD', '1', 's', 't'], '-ERR syntax error\r\n'],
    [['SINTERCARD', '1', 's', 'LIMIT'], '-ERR syntax error\r\n'],
    [['SINTERCARD', '1', 's', 'LIMIT', '-1'], "-ERR LIMIT can't be negative\r\n"],
    [['SINTERCARD', '1', 's', 'LIMIT', 'x'], "-ERR LIMIT can't be negative\r\n"],
    [['SSCAN', 's', 'x'], '-ERR invalid cursor\r\n'],
    [['SSCAN', 's', '0', 'COUNT', '0'], '-ERR syntax error\r\n'],
    [['SSCAN', 's', '0', 'COUNT', 'x'], '-ERR value is not an integer or out of range\r\n'],
    [['SSCAN', 's', '0', 'TYPE', 'x'], '-ERR syntax error\r\n'],
    [['SSCAN', 'none', '0', 'COUNT', 'x'], '*2\r\n$1\r\n0\r\n*0\r\n'],
    [['SMOVE', 'none', 'string', 'x'], ':0\r\n'],
    [['SMOVE', 's', 'string', 'x'], WRONGTYPE],
    [['SMOVE', 'string', 's', 'x'], WRONGTYPE],
    [['SINTER', 'none', 'string'], WRONGTYPE],
    [['SINTERSTORE', 's', 'none', 'string'], WRONGTYPE],
    [['SDIFF', 'none', 'string'], WRONGTYPE],
    ...['SADD', 'SREM', 'SISMEMBER', 'SMISMEMBER'].map((name) => [[name, 'string', 'a'], WRONGTYPE] as const),
    ...['SCARD', 'SMEMBERS', 'SPOP', 'SRANDMEMBER', 'SINTER', 'SUNION', 'SDIFF'].map(
      (name) => [[name, 'string'], WRONGTYPE] as const,
    ),
    ...['SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'].map((name) => [[name, 's', 's', 'string'], WRONGTYPE] as const),
  ];

  it.each(ROWS)('%j', (words, expected) => {
    const engine = new TestEngine(3);
    engine.call('SET', 'string', 'x');
    engine.call('SADD', 's', 'a', 'b');
    const used = engine.usedBytes();
    expect(engine.run(...words)).toBe(expected);
    expect(engine.usedBytes()).toBe(used);
    expect(members(engine.call('SMEMBERS', 's'))).toEqual(['a', 'b']);
  });
});

describe('replies of set commands', () => {
  it('are sets in RESP3 where Redis has them', () => {
    const engine = new TestEngine();
    engine.proto = 3;
    engine.call('SADD', 's', '1');
    expect(engine.run('SMEMBERS', 's')).toBe('~1\r\n$1\r\n1\r\n');
    expect(engine.run('SMEMBERS', 'none')).toBe('~0\r\n');
    expect(engine.run('SINTER', 's', 's')).toBe('~1\r\n$1\r\n1\r\n');
    expect(engine.run('SINTER', 's', 'none')).toBe('~0\r\n');
    expect(engine.run('SUNION', 's', 's')).toBe('~1\r\n$1\r\n1\r\n');
    expect(engine.run('SDIFF', 's')).toBe('~1\r\n$1\r\n1\r\n');
    expect(engine.run('SDIFF', 's', 's')).toBe('~0\r\n');
    expect(engine.run('SRANDMEMBER', 's', '5')).toBe('*1\r\n$1\r\n1\r\n');
    expect(engine.run('SRANDMEMBER', 's', '0')).toBe('*0\r\n');
    expect(engine.run('SRANDMEMBER', 'none')).toBe('_\r\n');
    expect(engine.run('SPOP', 's', '0')).toBe('~0\r\n');
    expect(engine.run('SPOP', 's', '5')).toBe('~1\r\n$1\r\n1\r\n');
    expect(engine.run('SPOP', 's')).toBe('_\r\n');
    expect(engine.run('SPOP', 's', '3')).toBe('~0\r\n');
  });
});

describe('effects and events of sets', () => {
  it('are those of Redis', () => {
    const engine = new TestEngine();
    engine.record(true);
    const recordedOf = (...words: Word[]): string[] => {
      engine.run(...words);
      return engine.recorded().filter((line) => !line.includes('keymiss'));
    };
    expect(recordedOf('SADD', 's', 'a', 'b')).toEqual(['0 event new s', '0 event sadd s', '0: SADD s a b']);
    expect(recordedOf('SADD', 's', 'a')).toEqual([]);
    expect(recordedOf('SREM', 's', 'x')).toEqual([]);
    expect(recordedOf('SMOVE', 's', 't', 'a')).toEqual([
      '0 event srem s',
      '0 event new t',
      '0 event sadd t',
      '0: SMOVE s t a',
    ]);
    expect(recordedOf('SMOVE', 's', 't', 'b')).toEqual([
      '0 event srem s',
      '0 event del s',
      '0 event sadd t',
      '0: SMOVE s t b',
    ]);
    expect(recordedOf('SREM', 't', 'a', 'b')).toEqual(['0 event srem t', '0 event del t', '0: SREM t a b']);
    recordedOf('SADD', 's', 'a');
    expect(recordedOf('SPOP', 's')).toEqual(['0: SREM s a', '0 event spop s', '0 event del s']);
    recordedOf('SADD', 's', 'a', 'b');
    expect(recordedOf('SPOP', 's', '2')).toEqual(['0: DEL s', '0 event spop s', '0 event del s']);
    recordedOf('SADD', 's', '1', '2');
    expect(recordedOf('SUNIONSTORE', 'd', 's')).toEqual([
      '0 event new d',
      '0 event sunionstore d',
      '0: SUNIONSTORE d s',
    ]);
    expect(recordedOf('SDIFFSTORE', 'd', 's', 'none')).toEqual(['0 event sdiffstore d', '0: SDIFFSTORE d s none']);
    expect(recordedOf('SINTERSTORE', 'd', 's', 'none')).toEqual(['0 event del d', '0: SINTERSTORE d s none']);
    expect(recordedOf('SINTERSTORE', 'd', 's', 'none')).toEqual([]);
  });

  it('#12 split what SPOP took into SREMs of 1024 members, which are one group', () => {
    const engine = new TestEngine();
    engine.call('SADD', 's', ...range(0, 5000).map((n) => `m${n}`));
    engine.record();
    expect(members(engine.call('SPOP', 's', 2500)).length).toBe(2500);
    const sizes = engine.effects.take().map((record) => record.args.length - 2);
    expect(sizes).toEqual([-1, 1024, 1024, 452, -1]);
    expect(engine.call('SCARD', 's')).toBe(2500);
    expect(members(engine.call('SPOP', 's', 2450)).length).toBe(2450);
    expect(engine.call('OBJECT', 'ENCODING', 's')).toBe('listpack');
    expect(engine.call('SCARD', 's')).toBe(50);
  });

  it('keep the time to live of a set that changes, and drop that of one that is overwritten', () => {
    const engine = new TestEngine();
    engine.call('SADD', 's', ...range(0, 1000).map((n) => `m${n}`));
    engine.call('EXPIRE', 's', 100);
    engine.call('SPOP', 's', 990);
    expect(engine.call('TTL', 's')).toBe(100);
    engine.call('SUNIONSTORE', 's', 's');
    expect(engine.call('TTL', 's')).toBe(-1);
  });
});

describe('random members', () => {
  it.each([
    ['intset', range(0, 20).map(String)],
    ['listpack', range(0, 20).map((n) => `m${n}`)],
    ['hashtable', range(0, 20).map((n) => `m${n}`.padEnd(70, '.'))],
    ['hashtable', range(0, 900).map((n) => `m${n}`)],
  ] as const)('of a set as %s are drawn evenly', (encoding, all) => {
    const engine = new TestEngine();
    engine.call('SADD', 's', ...all);
    expect(engine.call('OBJECT', 'ENCODING', 's')).toBe(encoding);
    const draws = all.length * 400;
    const chiSquare = (drawn: readonly string[]): number => {
      const counts = new Map<string, number>();
      for (const m of drawn) counts.set(m, (counts.get(m) ?? 0) + 1);
      expect(counts.size).toBe(all.length);
      const mean = drawn.length / all.length;
      return all.reduce((sum, m) => sum + (counts.get(m)! - mean) ** 2 / mean, 0);
    };
    // Six standard deviations above the mean of the distribution.
    const limit = all.length - 1 + 6 * Math.sqrt(2 * (all.length - 1));
    expect(chiSquare(engine.call('SRANDMEMBER', 's', -draws) as string[])).toBeLessThan(limit);
    const few: string[] = [];
    const part = Math.floor(all.length / 4);
    for (let n = 0; n < draws; n += part) few.push(...(engine.call('SRANDMEMBER', 's', part) as string[]));
    expect(chiSquare(few)).toBeLessThan(limit);
  });
});
