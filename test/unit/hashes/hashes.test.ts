import { beforeEach, describe, expect, test } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine } from '../engine-harness.js';

let engine: TestEngine;
const call = (...words: (string | number)[]) => engine.call(...words);
const clean = () => {
  for (const arena of engine.arenas) {
    arena.sync();
    expect(fsckShard(arena, openDatabases(arena, TYPES))).toEqual([]);
  }
};
const error = (...words: (string | number)[]) => engine.run(...words).trim();

beforeEach(() => {
  engine = new TestEngine();
});

describe('a hash', () => {
  test('is set, read and deleted field by field, small and big', () => {
    expect(call('HSET', 'h', 'a', '1', 'b', 'two')).toBe(2);
    expect(call('OBJECT', 'ENCODING', 'h')).toBe('listpack');
    expect(call('HGETALL', 'h')).toEqual(['a', '1', 'b', 'two']);
    for (let i = 0; i < 3000; i++) expect(call('HSET', 'h', `f${i}`, `v${i}`)).toBe(1);
    expect(call('OBJECT', 'ENCODING', 'h')).toBe('hashtable');
    expect(call('HLEN', 'h')).toBe(3002);
    expect(call('HGET', 'h', 'a')).toBe('1');
    expect(call('HMGET', 'h', 'f17', 'nope', 'b')).toEqual(['v17', null, 'two']);
    expect(call('HDEL', 'h', 'f17', 'f17', 'nope')).toBe(1);
    expect(call('HSTRLEN', 'h', 'f2999')).toBe(5);
    expect(call('HEXISTS', 'h', 'f17')).toBe(0);
    expect((call('HKEYS', 'h') as unknown[]).length).toBe(3001);
    for (let i = 0; i < 3000; i++) call('HDEL', 'h', `f${i}`);
    expect(call('HDEL', 'h', 'a', 'b')).toBe(2);
    expect(call('EXISTS', 'h')).toBe(0);
    clean();
  });

  test('becomes a table at the thresholds and by what does not fit', () => {
    engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = 3;
    engine.control.f64[CONTROL_F64.hashMaxListpackValue] = 10;
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    expect(call('OBJECT', 'ENCODING', 'h')).toBe('listpack');
    call('HSET', 'h', 'c', '0123456789');
    expect(call('OBJECT', 'ENCODING', 'h')).toBe('listpack');
    call('HSET', 'h', 'd', '4');
    expect(call('OBJECT', 'ENCODING', 'h')).toBe('hashtable');
    call('HSET', 'i', 'a', '01234567890');
    expect(call('OBJECT', 'ENCODING', 'i')).toBe('hashtable');
    call('HSET', 'j', 'a', '1');
    call('HSET', 'j', '01234567890', '1');
    expect(call('OBJECT', 'ENCODING', 'j')).toBe('hashtable');
    engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = 100_000;
    engine.control.f64[CONTROL_F64.hashMaxListpackValue] = 100_000;
    for (let i = 0; i < 20; i++) call('HSET', 'k', `f${i}`, 'x'.repeat(5000));
    expect(call('OBJECT', 'ENCODING', 'k')).toBe('hashtable');
    call('HSET', 'l', 'f', 'x'.repeat(70_000));
    expect(call('OBJECT', 'ENCODING', 'l')).toBe('hashtable');
    expect(call('HGET', 'l', 'f')).toBe('x'.repeat(70_000));
    call('HSET', 'l', 'f', 'y');
    call('HSET', 'l', 'z'.repeat(20_000), 'w'.repeat(9000));
    expect(call('HGET', 'l', 'z'.repeat(20_000))).toBe('w'.repeat(9000));
    expect(call('HDEL', 'l', 'z'.repeat(20_000))).toBe(1);
    clean();
  });

  test('is copied, renamed, digested and freed', () => {
    for (const n of [5, 2000]) {
      engine = new TestEngine(3);
      const pairs = Array.from({ length: n }, (_, i) => [`f${i}`, i % 2 === 0 ? String(i) : `value ${i}`]).flat();
      call('HSET', 'h', ...pairs);
      call('COPY', 'h', 'other');
      call('COPY', 'h', 'third');
      expect(call('HGETALL', 'third')).toEqual(call('HGETALL', 'h'));
      call('RENAME', 'other', 'elsewhere');
      expect((call('HGETALL', 'elsewhere') as unknown[]).length).toBe(2 * n);
      expect(Number(call('MEMORY', 'USAGE', 'h', 'SAMPLES', '0'))).toBeGreaterThan(n * 8);
      clean();
      call('SET', 'h', 'a string');
      call('DEL', 'elsewhere');
      call('FLUSHALL', 'SYNC');
      clean();
    }
  });

  test('counts in its fields', () => {
    expect(call('HINCRBY', 'h', 'n', '5')).toBe(5);
    expect(call('HINCRBY', 'h', 'n', '-7')).toBe(-2);
    call('HSET', 'h', 'n', '9223372036854775806');
    expect(engine.run('HINCRBY', 'h', 'n', '1')).toBe(':9223372036854775807\r\n');
    expect(error('HINCRBY', 'h', 'n', '1')).toBe('-ERR increment or decrement would overflow');
    call('HSET', 'h', 's', 'text', 'sp', ' 1');
    expect(error('HINCRBY', 'h', 's', '1')).toBe('-ERR hash value is not an integer');
    expect(error('HINCRBY', 'h', 'sp', '1')).toBe('-ERR hash value is not an integer');
    expect(error('HINCRBY', 'h', 'n', 'x')).toBe('-ERR value is not an integer or out of range');
    expect(error('HINCRBYFLOAT', 'h', 's', '1')).toBe('-ERR hash value is not a float');
    expect(error('HINCRBYFLOAT', 'h', 'n', 'x')).toBe('-ERR value is not a valid float');
    expect(error('HINCRBYFLOAT', 'h', 'n', 'inf')).toBe('-ERR value is NaN or Infinity');
    expect(call('HINCRBYFLOAT', 'h', 'f', '1.1')).toBe('1.1');
    expect(call('HINCRBYFLOAT', 'h', 'f', '3')).toBe('4.1');
    expect(call('HINCRBYFLOAT', 'h', 'f', '1e3')).toBe('1004.09999999999999998');
    clean();
  });

  test('draws random fields', () => {
    for (const n of [10, 2000]) {
      const pairs = Array.from({ length: n }, (_, i) => [`f${i}`, `v${i}`]).flat();
      call('HSET', `h${n}`, ...pairs);
      const h = `h${n}`;
      expect(call('HRANDFIELD', h)).toMatch(/^f\d+$/);
      for (const count of [1, 3, 5, 9, 10, 11, 500, 1999, 2000, 3000]) {
        const drawn = call('HRANDFIELD', h, count) as string[];
        expect(drawn.length).toBe(Math.min(count, n));
        expect(new Set(drawn).size).toBe(drawn.length);
        const both = call('HRANDFIELD', h, count, 'WITHVALUES') as string[];
        expect(both.length).toBe(2 * Math.min(count, n));
        for (let i = 0; i < both.length; i += 2) expect(both[i + 1]).toBe(`v${both[i]!.slice(1)}`);
      }
      expect((call('HRANDFIELD', h, -50) as string[]).length).toBe(50);
      engine.proto = 3;
      const nested = call('HRANDFIELD', h, 3, 'WITHVALUES') as string[][];
      expect(nested.map((pair) => pair.length)).toEqual([2, 2, 2]);
      engine.proto = 2;
    }
    expect(call('HRANDFIELD', 'none')).toBe(null);
    expect(call('HRANDFIELD', 'none', 3)).toEqual([]);
    expect(call('HRANDFIELD', 'h10', 0)).toEqual([]);
    expect(error('HRANDFIELD', 'h10', '3', 'x')).toBe('-ERR syntax error');
    expect(error('HRANDFIELD', 'h10', '-9223372036854775808')).toMatch(
      /^-ERR value is out of range, value must between/,
    );
    expect(error('HRANDFIELD', 'h10', '-9223372036854775807', 'withvalues')).toBe('-ERR value is out of range');
  });

  test('is walked by HSCAN, completely while it grows and shrinks', () => {
    call('HSET', 'small', 'a', '1', 'b', '2', 'ab', '3');
    expect(call('HSCAN', 'small', 0)).toEqual(['0', ['a', '1', 'b', '2', 'ab', '3']]);
    expect(call('HSCAN', 'small', 0, 'MATCH', 'a*')).toEqual(['0', ['a', '1', 'ab', '3']]);
    expect(call('HSCAN', 'small', 0, 'NOVALUES', 'MATCH', 'a*', 'COUNT', 1)).toEqual(['0', ['a', 'ab']]);
    expect(call('HSCAN', 'none', 0)).toEqual(['0', []]);
    expect(error('HSCAN', 'small', 'x')).toBe('-ERR invalid cursor');
    expect(error('HSCAN', 'small', '0', 'COUNT', '0')).toBe('-ERR syntax error');
    expect(error('HSCAN', 'small', '0', 'TYPE', 'hash')).toBe('-ERR syntax error');
    for (let i = 0; i < 2000; i++) call('HSET', 'big', `stays${i}`, `v${i}`);
    const seen = new Map<string, string>();
    let cursor = '0';
    let extra = 0;
    do {
      const [next, pairs] = call('HSCAN', 'big', cursor, 'COUNT', 20) as [string, string[]];
      for (let i = 0; i < pairs.length; i += 2) seen.set(pairs[i]!, pairs[i + 1]!);
      for (let i = 0; i < 60; i++) call('HSET', 'big', `new${extra++}`, 'x');
      if (extra % 3 === 0) for (let i = 0; i < 40; i++) call('HDEL', 'big', `new${i}`);
      cursor = next;
    } while (cursor !== '0');
    for (let i = 0; i < 2000; i++) expect(seen.get(`stays${i}`)).toBe(`v${i}`);
    clean();
  });

  test('refuses other types and bad arguments', () => {
    call('SET', 's', 'x');
    for (const words of [
      ['HSET', 's', 'a', '1'],
      ['HSETNX', 's', 'a', '1'],
      ['HGET', 's', 'a'],
      ['HMGET', 's', 'a'],
      ['HDEL', 's', 'a'],
      ['HINCRBY', 's', 'a', '1'],
      ['HSCAN', 's', '0'],
      ['HRANDFIELD', 's', '3'],
      ['HLEN', 's'],
    ]) {
      expect(error(...words)).toBe('-WRONGTYPE Operation against a key holding the wrong kind of value');
    }
    expect(error('HSET', 'h', 'a', '1', 'b')).toBe("-ERR wrong number of arguments for 'hset' command");
    expect(error('HMSET', 'h', 'a', '1', 'b')).toBe("-ERR wrong number of arguments for 'hmset' command");
    call('HSET', 'h', 'a', '1');
    expect(error('GET', 'h')).toMatch(/^-WRONGTYPE/);
    expect(call('TYPE', 'h')).toBe('hash');
    engine.proto = 3;
    expect(engine.run('HGETALL', 'h')).toBe('%1\r\n$1\r\na\r\n$1\r\n1\r\n');
    expect(engine.run('HGETALL', 'none')).toBe('%0\r\n');
  });

  test('tells what it did', () => {
    engine.record(true);
    call('HSET', 'h', 'a', '1', 'b', '2');
    call('HSETNX', 'h', 'a', '3');
    call('HSETNX', 'h', 'c', '3');
    call('HINCRBY', 'h', 'c', '3');
    call('HINCRBYFLOAT', 'h', 'c', '0.5');
    call('HMSET', 'h', 'c', '3');
    call('HDEL', 'h', 'a', 'nope');
    call('HDEL', 'h', 'nope');
    call('HDEL', 'h', 'b', 'c');
    expect(engine.recorded().filter((line) => !line.includes(' new '))).toEqual([
      '0 event hset h',
      '0: HSET h a 1 b 2',
      '0 event hset h',
      '0: HSETNX h c 3',
      '0 event hincrby h',
      '0: HINCRBY h c 3',
      '0: HSET h c 6.5',
      '0 event hincrbyfloat h',
      '0 event hset h',
      '0: HMSET h c 3',
      '0 event hdel h',
      '0: HDEL h a nope',
      '0 event hdel h',
      '0 event del h',
      '0: HDEL h b c',
    ]);
  });
});
