import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function engineWith(...commands: Word[][]): TestEngine {
  const engine = new TestEngine(2);
  engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = 128;
  engine.control.f64[CONTROL_F64.zsetMaxListpackValue] = 64;
  for (const words of commands) expect(engine.run(...words)).not.toMatch(/^-/);
  return engine;
}

const ABC: Word[] = ['ZADD', 'z', 1, 'a', 2, 'b', 3, 'c'];
const WRONG = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';
const NOT_INT = '-ERR value is not an integer or out of range\r\n';
const NOT_FLOAT = '-ERR value is not a valid float\r\n';
const SYNTAX = '-ERR syntax error\r\n';
const BOUNDS = '-ERR min or max is not a float\r\n';
const NAMES = '-ERR min or max not valid string range item\r\n';

describe('sorted set commands', () => {
  it.each([
    ['ZADD z 1', "-ERR wrong number of arguments for 'zadd' command\r\n"],
    ['ZADD z nx 1', SYNTAX],
    ['ZADD z 1 a 2', SYNTAX],
    ['ZADD z x a', NOT_FLOAT],
    ['ZADD z 1 a nan b', NOT_FLOAT],
    ['ZADD z NX XX 1 a', '-ERR XX and NX options at the same time are not compatible\r\n'],
    ['ZADD z NX GT 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible\r\n'],
    ['ZADD z GT LT 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible\r\n'],
    ['ZADD z INCR 1 a 2 b', '-ERR INCR option supports a single increment-element pair\r\n'],
    ['ZADD s 1 a', WRONG],
    ['ZINCRBY z x a', NOT_FLOAT],
    ['ZINCRBY s 1 a', WRONG],
    ['ZREM s a', WRONG],
    ['ZCARD s', WRONG],
    ['ZSCORE s a', WRONG],
    ['ZMSCORE s a', WRONG],
    ['ZRANK s a', WRONG],
    ['ZRANK z a b c', "-ERR wrong number of arguments for 'zrank' command\r\n"],
    ['ZREVRANK z a withscores', SYNTAX],
    ['ZCOUNT z x 1', BOUNDS],
    ['ZCOUNT z (1 (x', BOUNDS],
    ['ZCOUNT s 1 2', WRONG],
    ['ZLEXCOUNT z a [b', NAMES],
    ['ZLEXCOUNT z -x +', NAMES],
    ['ZLEXCOUNT s - +', WRONG],
    ['ZRANGE z a b', NOT_INT],
    ['ZRANGE z 0 -1 NOPE', SYNTAX],
    ['ZRANGE z 0 -1 REV REV', SYNTAX],
    ['ZRANGE z 0 -1 LIMIT 1', SYNTAX],
    ['ZRANGE z 0 1 LIMIT a 1', NOT_INT],
    [
      'ZRANGE z 0 -1 LIMIT 0 1',
      '-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX\r\n',
    ],
    ['ZRANGE z - + BYLEX WITHSCORES', '-ERR syntax error, WITHSCORES not supported in combination with BYLEX\r\n'],
    ['ZRANGE z a b BYSCORE', BOUNDS],
    ['ZRANGE z 1 2 BYLEX', NAMES],
    ['ZRANGE s 0 -1', WRONG],
    ['ZREVRANGE z 0 -1 BYSCORE', SYNTAX],
    ['ZRANGESTORE d z 0 -1 WITHSCORES', SYNTAX],
    ['ZRANGESTORE d s 0 -1', WRONG],
    ['ZREMRANGEBYRANK z a 1', NOT_INT],
    ['ZREMRANGEBYSCORE z a 1', BOUNDS],
    ['ZREMRANGEBYLEX z a 1', NAMES],
    ['ZREMRANGEBYRANK s 0 1', WRONG],
    ['ZPOPMIN z 1 2', SYNTAX],
    ['ZPOPMIN z -1', '-ERR value is out of range, must be positive\r\n'],
    ['ZPOPMAX z x', '-ERR value is out of range, must be positive\r\n'],
    ['ZPOPMAX s', WRONG],
    ['ZMPOP 0 z MIN', '-ERR numkeys should be greater than 0\r\n'],
    ['ZMPOP x z MIN', '-ERR numkeys should be greater than 0\r\n'],
    ['ZMPOP 2 z MIN', SYNTAX],
    ['ZMPOP 1 z LOW', SYNTAX],
    ['ZMPOP 1 z MIN COUNT', SYNTAX],
    ['ZMPOP 1 z MIN COUNT 0', '-ERR count should be greater than 0\r\n'],
    ['ZMPOP 1 z MIN COUNT 1 COUNT 1', SYNTAX],
    ['ZMPOP 2 none s MIN', WRONG],
    ['ZRANDMEMBER z x', NOT_INT],
    ['ZRANDMEMBER z 1 NOPE', SYNTAX],
    ['ZRANDMEMBER z 1 WITHSCORES x', SYNTAX],
    [
      'ZRANDMEMBER z -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
    ],
    ['ZRANDMEMBER z 9223372036854775807 WITHSCORES', '-ERR value is out of range\r\n'],
    ['ZRANDMEMBER s', WRONG],
    ['ZUNION x z', NOT_INT],
    ['ZUNION 0 z', "-ERR at least 1 input key is needed for 'zunion' command\r\n"],
    ['ZUNIONSTORE d 0 z', "-ERR at least 1 input key is needed for 'zunionstore' command\r\n"],
    ['ZUNION 2 z', SYNTAX],
    ['ZUNION 1 str', WRONG],
    ['ZUNION 1 z WEIGHTS x', '-ERR weight value is not a float\r\n'],
    ['ZUNION 2 z z WEIGHTS 1', SYNTAX],
    ['ZUNION 1 z AGGREGATE AVG', SYNTAX],
    ['ZUNIONSTORE d 1 z WITHSCORES', SYNTAX],
    ['ZDIFF 1 z WEIGHTS 1', SYNTAX],
    ['ZINTERCARD 1 z LIMIT -1', "-ERR LIMIT can't be negative\r\n"],
    ['ZINTERCARD 1 z LIMIT x', "-ERR LIMIT can't be negative\r\n"],
    ['ZINTERCARD 1 z WEIGHTS 1', SYNTAX],
    ['ZSCAN z x', '-ERR invalid cursor\r\n'],
    ['ZSCAN z 0 COUNT 0', SYNTAX],
    ['ZSCAN s 0', WRONG],
  ])('%s is refused and changes nothing', (line, error) => {
    const engine = engineWith(ABC, ['SET', 's', 'x'], ['SET', 'str', 'x']);
    engine.record(true);
    const used = engine.usedBytes();
    expect(engine.run(...line.split(' '))).toBe(error);
    expect(engine.recorded()).toEqual([]);
    expect(engine.usedBytes()).toBe(used);
  });

  it.each([2, 3] as const)('answer in the shapes of RESP%i', (proto) => {
    const engine = engineWith(ABC, ['ZADD', 'y', 1.5, 'b']);
    engine.proto = proto;
    const [score, pairs] = proto === 3 ? [',1.5\r\n', true] : ['$3\r\n1.5\r\n', false];
    const nil = proto === 3 ? '_\r\n' : '$-1\r\n';
    const one = proto === 3 ? ',1\r\n' : '$1\r\n1\r\n';
    expect(engine.run('ZSCORE', 'y', 'b')).toBe(score);
    expect(engine.run('ZSCORE', 'y', 'x')).toBe(nil);
    expect(engine.run('ZMSCORE', 'none', 'x')).toBe(`*1\r\n${nil}`);
    expect(engine.run('ZRANK', 'z', 'x')).toBe(nil);
    expect(engine.run('ZRANK', 'z', 'x', 'WITHSCORE')).toBe(proto === 3 ? '_\r\n' : '*-1\r\n');
    expect(engine.run('ZRANK', 'z', 'a', 'WITHSCORE')).toBe(`*2\r\n:0\r\n${one}`);
    expect(engine.run('ZADD', 'z', 'XX', 'INCR', 1, 'x')).toBe(nil);
    const withScore = `$1\r\na\r\n${one}`;
    expect(engine.run('ZRANGE', 'z', 0, 0, 'WITHSCORES')).toBe(
      pairs ? `*1\r\n*2\r\n${withScore}` : `*2\r\n${withScore}`,
    );
    expect(engine.run('ZUNION', 1, 'y', 'WITHSCORES')).toBe(`${pairs ? '*1\r\n*2' : '*2'}\r\n$1\r\nb\r\n${score}`);
    expect(engine.run('ZRANDMEMBER', 'y', 1, 'WITHSCORES')).toBe(`${pairs ? '*1\r\n*2' : '*2'}\r\n$1\r\nb\r\n${score}`);
    expect(engine.run('ZSCAN', 'y', 0)).toBe('*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$3\r\n1.5\r\n');
    expect(engine.run('ZPOPMIN', 'none')).toBe('*0\r\n');
    expect(engine.run('ZMPOP', 1, 'none', 'MIN')).toBe(proto === 3 ? '_\r\n' : '*-1\r\n');
    expect(engine.run('ZMPOP', 1, 'z', 'MIN')).toBe(`*2\r\n$1\r\nz\r\n*1\r\n*2\r\n${withScore}`);
    expect(engine.run('ZPOPMAX', 'y')).toBe(`*2\r\n$1\r\nb\r\n${score}`);
    engine.run(...ABC);
    expect(engine.run('ZPOPMIN', 'z', 1)).toBe(pairs ? `*1\r\n*2\r\n${withScore}` : `*2\r\n${withScore}`);
  });

  it('raise the events and propagate what Redis does', () => {
    const engine = engineWith(['SADD', 's', 'a', 'b']);
    engine.record(true);
    const effectsOf = (...words: Word[]): string[] => {
      expect(engine.run(...words)).not.toMatch(/^-/);
      return engine.recorded().map((text) => text.replace(/^0:? /, ''));
    };
    expect(effectsOf(...ABC)).toEqual(['event new z', 'event zadd z', 'ZADD z 1 a 2 b 3 c']);
    expect(effectsOf('ZADD', 'z', 1, 'a')).toEqual([]);
    expect(effectsOf('ZADD', 'z', 'XX', 1, 'q')).toEqual([]);
    expect(effectsOf('ZADD', 'none', 'XX', 1, 'q')).toEqual([]);
    expect(effectsOf('ZINCRBY', 'z', 1, 'a')).toEqual(['event zincr z', 'ZINCRBY z 1 a']);
    expect(effectsOf('ZREM', 'z', 'q')).toEqual([]);
    expect(effectsOf('ZRANGESTORE', 'd', 'z', 0, -1)).toEqual([
      'event new d',
      'event zrangestore d',
      'ZRANGESTORE d z 0 -1',
    ]);
    expect(effectsOf('ZRANGESTORE', 'd', 'z', 5, 9)).toEqual(['event del d', 'ZRANGESTORE d z 5 9']);
    expect(effectsOf('ZRANGESTORE', 'd', 'z', 5, 9)).toEqual([]);
    expect(effectsOf('ZUNIONSTORE', 'd', 2, 'z', 's')).toEqual([
      'event new d',
      'event zunionstore d',
      'ZUNIONSTORE d 2 z s',
    ]);
    expect(effectsOf('ZINTERSTORE', 'd', 2, 'z', 's')).toEqual(['event zinterstore d', 'ZINTERSTORE d 2 z s']);
    expect(effectsOf('ZDIFFSTORE', 'd', 2, 'z', 'z')).toEqual(['event del d', 'ZDIFFSTORE d 2 z z']);
    expect(effectsOf('ZMPOP', 2, 'none', 'z', 'MAX', 'COUNT', 1)).toEqual(['event zpopmax z', 'ZPOPMAX z 1']);
    expect(effectsOf('ZPOPMIN', 'z')).toEqual(['event zpopmin z', 'ZPOPMIN z']);
    expect(effectsOf('ZPOPMIN', 'z', 0)).toEqual([]);
    expect(effectsOf('ZPOPMIN', 'z', 9)).toEqual(['event zpopmin z', 'event del z', 'ZPOPMIN z 9']);
    engine.run(...ABC);
    engine.recorded();
    expect(effectsOf('ZREMRANGEBYRANK', 'z', 0, 0)).toEqual(['event zremrangebyrank z', 'ZREMRANGEBYRANK z 0 0']);
    expect(effectsOf('ZREMRANGEBYSCORE', 'z', 2, 2)).toEqual(['event zremrangebyscore z', 'ZREMRANGEBYSCORE z 2 2']);
    expect(effectsOf('ZREMRANGEBYLEX', 'z', '-', '+')).toEqual([
      'event zremrangebylex z',
      'event del z',
      'ZREMRANGEBYLEX z - +',
    ]);
  });

  it('stores over keys of any type and forgets their expiry', () => {
    const engine = engineWith(ABC, ['SET', 'd', 'x', 'EX', 100]);
    expect(engine.call('ZRANGESTORE', 'd', 'z', 1, 2)).toBe(2);
    expect(engine.call('TTL', 'd')).toBe(-1);
    expect(engine.call('ZRANGE', 'd', 0, -1)).toEqual(['b', 'c']);
    expect(engine.call('ZUNIONSTORE', 'z', 2, 'z', 'z')).toBe(3);
    expect(engine.call('ZRANGE', 'z', 0, -1, 'WITHSCORES')).toEqual(['a', '2', 'b', '4', 'c', '6']);
    expect(fsck(engine)).toEqual([]);
  });

  it('change encoding at the limits, and not back', () => {
    const engine = engineWith(ABC);
    const encoding = (): unknown => engine.call('OBJECT', 'ENCODING', 'z');
    expect(encoding()).toBe('listpack');
    engine.call('ZADD', 'z', 9, 'x'.repeat(65));
    expect(encoding()).toBe('skiplist');
    engine.call('ZREM', 'z', 'x'.repeat(65));
    expect(encoding()).toBe('skiplist');
    expect(engine.call('ZRANGESTORE', 'z', 'z', 0, -1)).toBe(3);
    expect(encoding()).toBe('listpack');
    for (let i = 0; i < 125; i++) engine.call('ZADD', 'z', i, `m${i}`);
    expect(encoding()).toBe('listpack');
    engine.call('ZADD', 'z', 1, 'one more');
    expect(encoding()).toBe('skiplist');
  });

  it('keep members of any size', () => {
    const engine = engineWith();
    const base = engine.usedBytes();
    const sizes = [0, 63, 64, 4095, 4096, 8192, 8193, 65535, 65536, 70_000, 1_000_000];
    for (const [i, size] of sizes.entries()) expect(engine.call('ZADD', 'z', -i, 'y'.repeat(size))).toBe(1);
    expect(engine.call('ZRANGE', 'z', 0, -1)).toEqual([...sizes].reverse().map((size) => 'y'.repeat(size)));
    expect(engine.call('ZADD', 'z', 0, 'y'.repeat(1_000_000))).toBe(0);
    expect(engine.call('ZREVRANK', 'z', 'y'.repeat(1_000_000))).toBe(0);
    expect(engine.call('ZUNIONSTORE', 'u', 2, 'z', 'z')).toBe(sizes.length);
    expect(engine.call('ZLEXCOUNT', 'u', '-', '+')).toBe(sizes.length);
    expect(engine.call('COPY', 'u', 'v')).toBe(1);
    expect(fsck(engine)).toEqual([]);
    expect((engine.call('ZPOPMAX', 'z', 100) as unknown[]).length).toBe(2 * sizes.length);
    engine.call('DEL', 'u', 'v');
    expect(engine.usedBytes()).toBe(base);
  });

  it('print scores as Redis does', () => {
    const engine = engineWith();
    const scores: readonly [string, string][] = [
      ['3.0', '3'],
      ['0.1', '0.1'],
      ['1e21', '1e+21'],
      ['-1.5e-9', '-1.5e-9'],
      ['inf', 'inf'],
      ['-Infinity', '-inf'],
      ['17179869184.5', '17179869184.5'],
      ['0x10', '16'],
    ];
    for (const entries of [128, 0]) {
      engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = entries;
      engine.call('DEL', 'z');
      for (const [text, printed] of scores) {
        engine.call('ZADD', 'z', text, text);
        expect(engine.call('ZSCORE', 'z', text)).toBe(printed);
      }
    }
    expect(engine.call('ZINCRBY', 'z', '0.2', '0.1')).toBe('0.30000000000000004');
    expect(engine.run('ZINCRBY', 'z', '-inf', 'inf')).toBe('-ERR resulting score is not a number (NaN)\r\n');
    const [, part] = engine.call('ZSCAN', 'z', 0, 'MATCH', '0.1') as [string, string[]];
    expect(part).toEqual(['0.1', '0.30000000000000004']);
  });

  it('are counted and limited without walking what is left out', () => {
    const engine = engineWith();
    const n = 20_000;
    const words: Word[] = ['ZADD', 'z'];
    for (let i = 0; i < n; i++) words.push(i, `member:${i}`);
    expect(engine.call(...words)).toBe(n);
    expect(engine.call('ZCOUNT', 'z', '(10', 15_000)).toBe(14_990);
    expect(engine.call('ZRANGEBYSCORE', 'z', 5, '+inf', 'LIMIT', 15_000, 2)).toEqual(['member:15005', 'member:15006']);
    expect(engine.call('ZREVRANGEBYSCORE', 'z', '+inf', 5, 'LIMIT', n - 6, 5)).toEqual(['member:5']);
    expect(engine.call('ZREMRANGEBYRANK', 'z', 100, -101)).toBe(n - 200);
    expect(engine.call('ZRANGE', 'z', 99, 100)).toEqual(['member:99', `member:${n - 100}`]);
    expect(fsck(engine)).toEqual([]);
  });

  it('draws different members from big sets', () => {
    const engine = engineWith();
    const words: Word[] = ['ZADD', 'z'];
    for (let i = 0; i < 5000; i++) words.push(i, `m${i}`);
    engine.call(...words);
    for (const count of [1, 10, 1500, 1700, 4999, 5000, 6000]) {
      const drawn = engine.call('ZRANDMEMBER', 'z', count) as string[];
      expect(new Set(drawn).size).toBe(Math.min(count, 5000));
      expect(drawn.length).toBe(Math.min(count, 5000));
    }
    expect((engine.call('ZRANDMEMBER', 'z', -300) as string[]).length).toBe(300);
    for (const name of ['ZRANDMEMBER', 'SRANDMEMBER']) expect(engine.call(name, 'absent', -(2 ** 40))).toEqual([]);
  });
});
