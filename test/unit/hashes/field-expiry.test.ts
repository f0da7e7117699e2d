import { beforeEach, describe, expect, test } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { STAT } from '../../../src/shared/stats/stats-layout.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { beginPause, endPause, PAUSE } from '../../../src/shared/sync/pause.js';
import { TestEngine } from '../engine-harness.js';

let engine: TestEngine;
const call = (...words: (string | number)[]) => engine.call(...words);
const error = (...words: (string | number)[]) => engine.run(...words).trim();
const clean = () => {
  for (const arena of engine.arenas) {
    arena.sync();
    expect(fsckShard(arena, openDatabases(arena, TYPES))).toEqual([]);
  }
};
const idle = () => {
  for (let i = 0; i < 50; i++) engine.executor.idleWork(100_000, 0);
};

beforeEach(() => {
  engine = new TestEngine();
});

describe.each(['listpackex', 'hashtable'])('fields that expire, %s', (encoding) => {
  beforeEach(() => {
    engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = encoding === 'hashtable' ? 0 : 512;
  });

  test('have times that are set on conditions, read and taken', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    expect(call('HPEXPIRE', 'h', 1000, 'NX', 'FIELDS', 2, 'a', 'x')).toEqual([1, -2]);
    expect(call('OBJECT', 'ENCODING', 'h')).toBe(encoding);
    expect(call('HPEXPIRE', 'h', 2000, 'NX', 'FIELDS', 2, 'a', 'b')).toEqual([0, 1]);
    expect(call('HPEXPIRE', 'h', 1500, 'GT', 'FIELDS', 3, 'a', 'b', 'c')).toEqual([1, 0, 0]);
    expect(call('HPEXPIRE', 'h', 1200, 'LT', 'FIELDS', 3, 'a', 'b', 'c')).toEqual([1, 1, 1]);
    expect(call('HPEXPIRE', 'h', 9000, 'XX', 'FIELDS', 1, 'c')).toEqual([1]);
    expect(call('HTTL', 'h', 'FIELDS', 2, 'c', 'x')).toEqual([9, -2]);
    const left = call('HPTTL', 'h', 'FIELDS', 1, 'a') as number[];
    expect(left[0]).toBeGreaterThan(1000);
    expect(call('HPERSIST', 'h', 'FIELDS', 3, 'c', 'c', 'x')).toEqual([1, -1, -2]);
    expect(call('HEXPIREAT', 'h', '2000000000', 'FIELDS', 1, 'c')).toEqual([1]);
    expect(call('HEXPIRETIME', 'h', 'FIELDS', 1, 'c')).toEqual([2000000000]);
    expect(call('HPEXPIRETIME', 'h', 'FIELDS', 1, 'c')).toEqual([2000000000000]);
    expect(call('HPEXPIREAT', 'h', 1000, 'FIELDS', 2, 'c', 'y')).toEqual([2, -2]);
    expect(call('HEXPIRE', 'none', 10, 'FIELDS', 2, 'a', 'b')).toEqual([-2, -2]);
    expect(call('HTTL', 'none', 'FIELDS', 1, 'a')).toEqual([-2]);
    expect(call('HPERSIST', 'none', 'FIELDS', 1, 'a')).toEqual([-2]);
    clean();
    engine.advance(1300);
    expect(call('HLEN', 'h')).toBe(2);
    expect(call('HGETALL', 'h')).toEqual([]);
    expect(call('HKEYS', 'h')).toEqual([]);
    expect(call('HSCAN', 'h', 0)).toEqual(['0', []]);
    expect(call('HMGET', 'h', 'a', 'b', 'c')).toEqual([null, null, null]);
    expect(call('EXISTS', 'h')).toBe(0);
    clean();
  });

  test('are removed when somebody looks at them', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3', 'd', '4', 'e', '5');
    call('HPEXPIRE', 'h', 10, 'FIELDS', 5, 'a', 'b', 'c', 'd', 'e');
    engine.advance(20);
    engine.record(true);
    expect(call('HGET', 'h', 'a')).toBe(null);
    expect(call('HLEN', 'h')).toBe(4);
    expect(call('HEXISTS', 'h', 'b')).toBe(0);
    expect(call('HINCRBY', 'h', 'c', 5)).toBe(5);
    expect(call('HSTRLEN', 'h', 'd')).toBe(0);
    expect(call('HDEL', 'h', 'c')).toBe(1);
    expect(call('HSETNX', 'h', 'e', 'new')).toBe(1);
    expect(call('HTTL', 'h', 'FIELDS', 1, 'e')).toEqual([-1]);
    expect(engine.stats.f64[STAT.expiredSubkeys]).toBe(5);
    expect(engine.recorded().filter((line) => !line.includes(' new '))).toEqual([
      '0: HDEL h a',
      '0 event hexpired h',
      '0: HDEL h b',
      '0 event hexpired h',
      '0: HDEL h c',
      '0 event hexpired h',
      '0 event hincrby h',
      '0: HINCRBY h c 5',
      '0: HDEL h d',
      '0 event hexpired h',
      '0 event hdel h',
      '0: HDEL h c',
      '0: HDEL h e',
      '0 event hexpired h',
      '0 event del h',
      '0 event hset h',
      '0: HSETNX h e new',
    ]);
    clean();
  });

  test('are hidden and stay while clients are paused', () => {
    call('HSET', 'h', 'a', '1', 'b', '2');
    call('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'a');
    engine.advance(20);
    beginPause(engine.control, PAUSE.write, 60_000);
    expect(call('HGET', 'h', 'a')).toBe(null);
    idle();
    expect(call('HLEN', 'h')).toBe(2);
    endPause(engine.control);
    idle();
    expect(call('HLEN', 'h')).toBe(1);
  });

  test('are removed although nobody looks, and the key with the last', () => {
    for (let k = 0; k < 40; k++) {
      const pairs = Array.from({ length: k + 1 }, (_, i) => [`f${i}`, 'v']).flat();
      call('HSET', `h${k}`, ...pairs, ...(k % 2 === 0 ? ['stays', '1'] : []));
      for (let i = 0; i <= k; i++) call('HEXPIRE', `h${k}`, 100 + ((i * 37) % 50), 'FIELDS', 1, `f${i}`);
    }
    engine.record(true);
    engine.advance(129_500);
    idle();
    for (let k = 0; k < 40; k++) {
      let left = k % 2 === 0 ? 1 : 0;
      for (let i = 0; i <= k; i++) if ((i * 37) % 50 >= 30) left++;
      expect(call('HLEN', `h${k}`)).toBe(left);
    }
    clean();
    engine.advance(100_000);
    idle();
    expect(call('DBSIZE')).toBe(20);
    const lines = engine.recorded();
    expect(lines.filter((line) => line === '0: HDEL h3 f2').length).toBe(1);
    expect(lines.filter((line) => line === '0 event del h3').length).toBe(1);
    expect(lines.filter((line) => line.startsWith('0: HDEL')).length).toBe((40 * 41) / 2);
    clean();
  });

  test('lose their time by HSET and keep it by HINCRBY and HINCRBYFLOAT', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    call('HEXPIRE', 'h', 100, 'FIELDS', 3, 'a', 'b', 'c');
    engine.record();
    call('HSET', 'h', 'a', 'x');
    call('HINCRBY', 'h', 'b', '100000000000');
    call('HINCRBYFLOAT', 'h', 'c', '0.5');
    expect(call('HTTL', 'h', 'FIELDS', 3, 'a', 'b', 'c')).toEqual([-1, 100, 100]);
    expect(engine.recorded().map((line) => line.replace(/\d{13}/, 'MS'))).toEqual([
      '0: HSET h a x',
      '0: HINCRBY h b 100000000000',
      '0: HSET h c 3.5',
      '0: HPEXPIREAT h MS FIELDS 1 c',
    ]);
    call('HDEL', 'h', 'b', 'c');
    clean();
  });

  test('go with the hash to another name, database, copy; and nowhere with a SET', () => {
    const pairs = Array.from({ length: 700 }, (_, i) => [`f${i}`, 'v']).flat();
    for (const [name, words] of [
      ['h', ['a', '1', 'b', '2']],
      ['g', pairs],
    ] as const) {
      call('HSET', name, ...words);
      call('HPEXPIRE', name, 50, 'FIELDS', 1, words[0]!);
      call('COPY', name, `${name}copy`);
      call('COPY', name, `${name}move`);
      call('RENAME', name, `${name}new`);
      call('MOVE', `${name}move`, 3);
      call('COPY', `${name}copy`, `${name}set`);
      call('SET', `${name}set`, 'a string');
      call('COPY', `${name}copy`, `${name}ttl`);
      call('PEXPIRE', `${name}ttl`, 100_000);
      clean();
      expect(call('HPTTL', `${name}copy`, 'FIELDS', 1, words[0]!)).not.toEqual([-1]);
    }
    engine.advance(60);
    idle();
    expect(call('HLEN', 'hnew')).toBe(1);
    expect(call('HLEN', 'hcopy')).toBe(1);
    expect(call('HLEN', 'httl')).toBe(1);
    expect(call('HLEN', 'gnew')).toBe(699);
    engine.db = 3;
    expect(call('HLEN', 'hmove')).toBe(1);
    expect(call('HLEN', 'gmove')).toBe(699);
    clean();
    call('FLUSHALL');
    idle();
    clean();
  });

  test('are removed by HRANDFIELD', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    call('HPEXPIRE', 'h', 10, 'FIELDS', 2, 'a', 'b');
    engine.advance(20);
    expect(call('HRANDFIELD', 'h', 5)).toEqual(['c']);
    expect(call('HLEN', 'h')).toBe(1);
    call('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'c');
    engine.advance(20);
    expect(call('HRANDFIELD', 'h')).toBe(null);
    expect(call('EXISTS', 'h')).toBe(0);
    clean();
  });

  test('are propagated with absolute times', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    engine.record(true);
    call('HEXPIRE', 'h', 100, 'NX', 'FIELDS', 3, 'a', 'x', 'b');
    call('HEXPIRE', 'h', 100, 'NX', 'FIELDS', 1, 'a');
    call('HPEXPIREAT', 'h', 1, 'FIELDS', 2, 'c', 'x');
    call('HPERSIST', 'h', 'FIELDS', 2, 'a', 'x');
    call('HPERSIST', 'h', 'FIELDS', 1, 'a');
    call('HPEXPIREAT', 'h', 1, 'FIELDS', 2, 'a', 'b');
    expect(engine.recorded().map((line) => line.replace(/\d{13}/, 'MS'))).toEqual([
      '0: HPEXPIREAT h MS NX FIELDS 2 a b',
      '0 event hexpire h',
      '0: HDEL h c',
      '0 event hdel h',
      '0: HPERSIST h FIELDS 1 a',
      '0 event hpersist h',
      '0: MULTI',
      '0: HDEL h a',
      '0: HDEL h b',
      '0: EXEC',
      '0 event hdel h',
      '0 event del h',
    ]);
    expect(call('EXISTS', 'h')).toBe(0);
    clean();
  });

  test('are read and timed by HGETEX, read and deleted by HGETDEL', () => {
    call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3');
    engine.record(true);
    expect(call('HGETEX', 'h', 'FIELDS', 2, 'a', 'x')).toEqual(['1', null]);
    expect(call('HGETEX', 'h', 'EX', 100, 'FIELDS', 3, 'a', 'b', 'x')).toEqual(['1', '2', null]);
    expect(call('HTTL', 'h', 'FIELDS', 3, 'a', 'b', 'c')).toEqual([100, 100, -1]);
    expect(call('HGETEX', 'h', 'PERSIST', 'FIELDS', 2, 'a', 'c')).toEqual(['1', '3']);
    expect(call('HGETEX', 'h', 'PXAT', 1, 'FIELDS', 1, 'b')).toEqual(['2']);
    expect(call('HGETDEL', 'h', 'FIELDS', 2, 'a', 'x')).toEqual(['1', null]);
    expect(call('HGETDEL', 'h', 'FIELDS', 1, 'x')).toEqual([null]);
    expect(call('HGETDEL', 'h', 'FIELDS', 1, 'c')).toEqual(['3']);
    expect(call('HGETDEL', 'h', 'FIELDS', 1, 'c')).toEqual([null]);
    expect(call('HGETEX', 'h', 'EX', 100, 'FIELDS', 1, 'c')).toEqual([null]);
    expect(call('DBSIZE')).toBe(0);
    expect(engine.recorded().map((line) => line.replace(/\d{13}/, 'MS'))).toEqual([
      '0: HPEXPIREAT h MS FIELDS 2 a b',
      '0 event hexpire h',
      '0: HPERSIST h FIELDS 1 a',
      '0 event hpersist h',
      '0: HDEL h b',
      '0 event hdel h',
      '0 event hdel h',
      '0: HDEL h a x',
      '0 event hdel h',
      '0: HDEL h c',
      '0 event del h',
    ]);
    clean();
  });

  test('#12 are set with their time by HSETEX, which is propagated as an older Redis knows it', () => {
    engine.record(true);
    expect(call('HSETEX', 'h', 'FXX', 'FIELDS', 1, 'a', '1')).toBe(0);
    expect(call('HSETEX', 'h', 'FNX', 'EX', 100, 'FIELDS', 2, 'a', '1', 'b', '2')).toBe(1);
    expect(call('HSETEX', 'h', 'FNX', 'FIELDS', 2, 'b', '1', 'c', '2')).toBe(0);
    expect(call('HSETEX', 'h', 'FXX', 'KEEPTTL', 'FIELDS', 1, 'b', '22')).toBe(1);
    expect(call('HSETEX', 'h', 'FIELDS', 1, 'a', '11')).toBe(1);
    expect(call('HTTL', 'h', 'FIELDS', 2, 'a', 'b')).toEqual([-1, 100]);
    expect(call('HSETEX', 'h', 'PXAT', 1, 'FIELDS', 2, 'a', 'x', 'b', 'y')).toBe(1);
    expect(call('DBSIZE')).toBe(0);
    expect(
      engine
        .recorded()
        .filter((line) => !line.includes(' new '))
        .map((line) => line.replace(/\d{13}/, 'MS')),
    ).toEqual([
      '0: MULTI',
      '0: HSET h a 1 b 2',
      '0: HPEXPIREAT h MS FIELDS 2 a b',
      '0: EXEC',
      '0 event hset h',
      '0 event hexpire h',
      '0: MULTI',
      '0: HSET h b 22',
      '0: HPEXPIREAT h MS FIELDS 1 b',
      '0: EXEC',
      '0 event hset h',
      '0: HSET h a 11',
      '0 event hset h',
      '0: MULTI',
      '0: HDEL h a',
      '0: HDEL h b',
      '0: EXEC',
      '0 event hset h',
      '0 event hdel h',
      '0 event del h',
    ]);
    clean();
  });
});

describe('arguments of the commands for fields that expire', () => {
  test('are refused with the words of Redis', () => {
    call('HSET', 'h', 'a', '1');
    call('SET', 's', 'x');
    expect(error('HEXPIRE', 's', 10, 'FIELDS', 1, 'a')).toMatch(/^-WRONGTYPE/);
    expect(error('HEXPIRE', 'h', -1, 'FIELDS', 1, 'a')).toBe('-ERR invalid expire time, must be >= 0');
    expect(error('HEXPIRE', 'h', 'x', 'FIELDS', 1, 'a')).toBe('-ERR value is not an integer or out of range');
    expect(error('HPEXPIRE', 'h', 2 ** 46, 'FIELDS', 1, 'a')).toBe("-ERR invalid expire time in 'hpexpire' command");
    expect(error('HEXPIREAT', 'h', 2 ** 46, 'FIELDS', 1, 'a')).toBe("-ERR invalid expire time in 'hexpireat' command");
    expect(error('HEXPIRE', 'h', 10, 'ZZ', 'FIELDS', 1, 'a')).toBe(
      '-ERR Mandatory argument FIELDS is missing or not at the right position',
    );
    expect(error('HEXPIRE', 'h', 10, 'FIELDS', 0, 'a')).toBe('-ERR Parameter `numFields` should be greater than 0');
    expect(error('HTTL', 'h', 'FIELDS', 0, 'a')).toBe('-ERR Number of fields must be a positive integer');
    expect(error('HTTL', 'h', 'FIELDS', 2, 'a')).toBe(
      '-ERR The `numfields` parameter must match the number of arguments',
    );
    expect(error('HSETEX', 'h', 'EX', 10, 'KEEPTTL', 'FIELDS', 1, 'a', 'b')).toBe(
      '-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
    );
    expect(error('HSETEX', 'h', 'FNX', 'FXX', 'FIELDS', 1, 'a', 'b')).toBe(
      '-ERR Only one of FXX or FNX arguments can be specified',
    );
    expect(error('HSETEX', 'h', 'BOGUS', 'FIELDS', 1, 'a', 'b')).toBe('-ERR unknown argument: BOGUS');
    expect(error('HSETEX', 'h', 'FIELDS', 'x', 'a', 'b')).toBe('-ERR invalid number of fields');
    expect(error('HSETEX', 'h', 'FIELDS', 2, 'a', 'b', 'c')).toBe(
      "-ERR wrong number of arguments for 'hsetex' command",
    );
    expect(error('HGETEX', 'h', 'FIELDS', 1)).toMatch(/wrong number of arguments/);
    clean();
  });
});
