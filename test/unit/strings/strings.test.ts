import { afterEach, describe, expect, it } from 'vitest';
import { ReplyError } from '../../harness/resp-client.js';
import { TestEngine } from '../engine-harness.js';

let last: TestEngine | null = null;

function newEngine(shards = 2): TestEngine {
  last = new TestEngine(shards);
  return last;
}

afterEach(() => {
  expect(last?.unannounced() ?? []).toEqual([]);
});

const NOT_INTEGER = '-ERR value is not an integer or out of range\r\n';
const SYNTAX = '-ERR syntax error\r\n';
const NIL = '$-1\r\n';
const OK = '+OK\r\n';

describe('SET and GET', () => {
  it('keep values of every length and encoding', () => {
    const engine = newEngine();
    const base = engine.usedBytes();
    for (const key of ['k', 'k'.repeat(300), 'k'.repeat(9000)]) {
      for (const length of [0, 1, 7, 44, 45, 254, 255, 256, 4000, 16_000, 16_384, 65_536, 65_537, 200_000]) {
        const value = 'v'.repeat(length);
        expect(engine.run('SET', key, value)).toBe(OK);
        expect(engine.call('GET', key)).toBe(value);
        expect(engine.call('STRLEN', key)).toBe(length);
        expect(engine.run('SET', key, '-42')).toBe(OK);
        expect(engine.run('GET', key)).toBe('$3\r\n-42\r\n');
      }
      engine.call('DEL', key);
    }
    expect(engine.usedBytes()).toBe(base);
  });

  it('keep the bytes of numbers that are not canonical', () => {
    const engine = newEngine();
    for (const text of [
      '0',
      '-0',
      '007',
      '+1',
      ' 1',
      '9223372036854775807',
      '-9223372036854775808',
      '9223372036854775808',
    ]) {
      engine.run('SET', 'n', text);
      expect(engine.call('GET', 'n')).toBe(text);
      expect(engine.call('STRLEN', 'n')).toBe(text.length);
    }
  });

  it('obey NX, XX and GET', () => {
    const engine = newEngine();
    expect(engine.run('SET', 'k', 'a', 'XX')).toBe(NIL);
    expect(engine.run('SET', 'k', 'a', 'nx')).toBe(OK);
    expect(engine.run('SET', 'k', 'b', 'NX')).toBe(NIL);
    expect(engine.call('SET', 'k', 'b', 'XX', 'GET')).toBe('a');
    expect(engine.call('SET', 'k', 'c', 'NX', 'GET')).toBe('b');
    expect(engine.call('GET', 'k')).toBe('b');
    expect(engine.run('SET', 'new', 'c', 'GET')).toBe(NIL);
    expect(engine.call('GET', 'new')).toBe('c');
    for (const options of [
      ['NX', 'XX'],
      ['EX'],
      ['EX', '1', 'PX', '1'],
      ['KEEPTTL', 'EX', '1'],
      ['PERSIST'],
      ['what'],
    ]) {
      expect(engine.run('SET', 'k', 'v', ...options), options.join(' ')).toBe(SYNTAX);
    }
  });

  it('set, keep and take off times to live', () => {
    const engine = newEngine();
    engine.run('SET', 'k', 'v', 'EX', 100);
    expect(engine.call('TTL', 'k')).toBe(100);
    engine.run('SET', 'k', 'w', 'KEEPTTL');
    expect(engine.call('TTL', 'k')).toBe(100);
    engine.run('APPEND', 'k', 'x'.repeat(20_000));
    engine.run('SETRANGE', 'k', 0, 'ab');
    expect(engine.call('TTL', 'k')).toBe(100);
    engine.run('SET', 'k', 'w');
    expect(engine.call('TTL', 'k')).toBe(-1);
    engine.run('PSETEX', 'k', 5000, 'v');
    engine.advance(4000);
    expect(engine.call('GET', 'k')).toBe('v');
    engine.advance(1001);
    expect(engine.run('GET', 'k')).toBe(NIL);
    engine.run('SET', 'n', '7', 'PX', 5000);
    engine.run('INCR', 'n');
    expect(engine.call('TTL', 'n')).toBe(5);
    expect(engine.call('GETEX', 'n', 'PERSIST')).toBe('8');
    expect(engine.call('TTL', 'n')).toBe(-1);
    expect(engine.call('GETEX', 'n', 'EXAT', '33177117420')).toBe('8');
    expect(engine.call('EXPIRETIME', 'n')).toBe(33177117420);
    expect(engine.call('GETEX', 'n', 'PXAT', '1000')).toBe('8');
    expect(engine.call('EXISTS', 'n')).toBe(0);
    engine.run('SET', 'past', 'v', 'PXAT', '1');
    expect(engine.run('GET', 'past')).toBe(NIL);
  });

  it('refuse times that are none, in the words of Redis', () => {
    const engine = newEngine();
    engine.run('SET', 'k', 'old');
    for (const [time, reply] of [
      ['0', "-ERR invalid expire time in 'X' command\r\n"],
      ['-1', "-ERR invalid expire time in 'X' command\r\n"],
      ['9223372036854775807', "-ERR invalid expire time in 'X' command\r\n"],
      ['1.5', NOT_INTEGER],
      ['', NOT_INTEGER],
    ] as const) {
      expect(engine.run('SET', 'k', 'v', 'EX', time)).toBe(reply.replace('X', 'set'));
      expect(engine.run('SET', 'k', 'v', 'PX', time)).toBe(reply.replace('X', 'set'));
      expect(engine.run('SETEX', 'k', time, 'v')).toBe(reply.replace('X', 'setex'));
      expect(engine.run('PSETEX', 'k', time, 'v')).toBe(reply.replace('X', 'psetex'));
      expect(engine.run('GETEX', 'k', 'EX', time)).toBe(reply.replace('X', 'getex'));
    }
    expect(engine.run('SET', 'k', 'v', 'EX', '9223372036854776')).toBe("-ERR invalid expire time in 'set' command\r\n");
    expect(engine.run('GETEX', 'absent', 'EX', 'x')).toBe(NIL);
    expect(engine.run('GETEX', 'k', 'KEEPTTL')).toBe(SYNTAX);
    expect(engine.call('GET', 'k')).toBe('old');
  });
});

describe('several keys', () => {
  it('are set and read over all shards', () => {
    const engine = newEngine(4);
    const pairs = Array.from({ length: 100 }, (_, i) => [`k${i}`, `v${i}`]).flat();
    expect(engine.run('MSET', ...pairs)).toBe(OK);
    const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
    expect(engine.call('MGET', ...keys, 'absent')).toEqual([...keys.map((key) => key.replace('k', 'v')), null]);
    expect(engine.run('MSETNX', 'a', '1', 'k50', '2')).toBe(':0\r\n');
    expect(engine.call('EXISTS', 'a')).toBe(0);
    expect(engine.run('MSETNX', 'a', '1', 'b', '2', 'a', '3')).toBe(':1\r\n');
    expect(engine.call('MGET', 'a', 'b')).toEqual(['3', '2']);
    expect(engine.run('MSET', 'a', '1', 'b')).toBe("-ERR wrong number of arguments for 'mset' command\r\n");
    expect(engine.run('MSETNX', 'a', '1', 'b')).toBe("-ERR wrong number of arguments for 'msetnx' command\r\n");
  });
});

describe('numbers', () => {
  it('count in 64 bits and refuse to overflow', () => {
    const engine = newEngine();
    expect(engine.run('INCR', 'n')).toBe(':1\r\n');
    expect(engine.run('DECRBY', 'n', 3)).toBe(':-2\r\n');
    engine.run('SET', 'n', '9223372036854775806');
    expect(engine.run('INCR', 'n')).toBe(':9223372036854775807\r\n');
    expect(engine.run('INCR', 'n')).toBe('-ERR increment or decrement would overflow\r\n');
    expect(engine.run('DECRBY', 'n', '-9223372036854775808')).toBe('-ERR decrement would overflow\r\n');
    engine.run('SET', 'n', '-9223372036854775808');
    expect(engine.run('DECR', 'n')).toBe('-ERR increment or decrement would overflow\r\n');
    expect(engine.run('INCRBY', 'n', '9223372036854775807')).toBe(':-1\r\n');
    expect(engine.run('INCRBY', 'n', '1.5')).toBe(NOT_INTEGER);
    for (const text of ['abc', ' 1', '1 ', '', '1'.repeat(30)]) {
      engine.run('SET', 's', text);
      expect(engine.run('INCR', 's'), text).toBe(NOT_INTEGER);
    }
    engine.run('SET', 's', '1');
    engine.run('APPEND', 's', '2');
    expect(engine.run('INCR', 's')).toBe(':13\r\n');
  });

  it('add as long doubles', () => {
    const engine = newEngine();
    expect(engine.call('INCRBYFLOAT', 'f', '1.1')).toBe('1.1');
    expect(engine.call('INCRBYFLOAT', 'f', '3')).toBe('4.1');
    expect(engine.run('INCRBYFLOAT', 'f', 'x')).toBe('-ERR value is not a valid float\r\n');
    expect(engine.run('INCRBYFLOAT', 'f', 'inf')).toBe('-ERR increment would produce NaN or Infinity\r\n');
    engine.run('SET', 's', 'abc');
    expect(engine.run('INCRBYFLOAT', 's', '1')).toBe('-ERR value is not a valid float\r\n');
  });
});

describe('ranges', () => {
  it('are appended, written and read', () => {
    const engine = newEngine();
    expect(engine.call('APPEND', 's', 'Hello')).toBe(5);
    expect(engine.call('APPEND', 's', ' World')).toBe(11);
    expect(engine.call('SETRANGE', 's', 6, 'Redis!!')).toBe(13);
    expect(engine.call('GETRANGE', 's', 0, -1)).toBe('Hello Redis!!');
    expect(engine.call('GETRANGE', 's', -3, -2)).toBe('s!');
    expect(engine.call('GETRANGE', 's', 5, 3)).toBe('');
    expect(engine.call('SUBSTR', 's', 0, -100)).toBe('H');
    expect(engine.call('SETRANGE', 'z', 4, 'x')).toBe(5);
    expect(engine.call('GET', 'z')).toBe('\0\0\0\0x');
    expect(engine.call('SETRANGE', 'absent', 4, '')).toBe(0);
    expect(engine.call('EXISTS', 'absent')).toBe(0);
    expect(engine.run('SETRANGE', 's', -1, 'x')).toBe('-ERR offset is out of range\r\n');
    expect(engine.run('SETRANGE', 's', '1x', 'x')).toBe(NOT_INTEGER);
    const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n';
    expect(engine.run('SETRANGE', 's', 512 * 1024 * 1024 - 3, 'xxxx')).toBe(tooLong);
    expect(engine.run('SETRANGE', 's', '9223372036854775807', 'x')).toBe(tooLong);
    expect(engine.run('GETRANGE', 's', 'a', 0)).toBe(NOT_INTEGER);
  });

  it('reach over many blocks of a sparse string', () => {
    const engine = newEngine();
    const base = engine.usedBytes();
    expect(engine.call('SETRANGE', 's', 300_000_000, 'end')).toBe(300_000_003);
    expect(engine.usedBytes() - base).toBeLessThan(200_000);
    expect(engine.call('GETRANGE', 's', 299_999_998, -1)).toBe('\0\0end');
    engine.run('SETRANGE', 's', 65_530, 'across the border');
    expect(engine.call('GETRANGE', 's', 65_528, 65_547)).toBe('\0\0across the border\0');
    engine.run('DEL', 's');
    expect(engine.usedBytes()).toBe(base);
  });
});

describe('LCS', () => {
  it('finds the subsequence, its length and its ranges', () => {
    const engine = newEngine(4);
    engine.run('MSET', 'a', 'ohmytext', 'b', 'mynewtext');
    expect(engine.call('LCS', 'a', 'b')).toBe('mytext');
    expect(engine.call('LCS', 'a', 'b', 'LEN')).toBe(6);
    const all = [
      [[4, 7], [5, 8], 4],
      [[2, 3], [0, 1], 2],
    ];
    expect(engine.call('LCS', 'a', 'b', 'IDX', 'WITHMATCHLEN')).toEqual(['matches', all, 'len', 6]);
    expect(engine.call('LCS', 'a', 'b', 'IDX', 'MINMATCHLEN', 4)).toEqual([
      'matches',
      [
        [
          [4, 7],
          [5, 8],
        ],
      ],
      'len',
      6,
    ]);
    expect(engine.call('LCS', 'a', 'absent')).toBe('');
    expect(engine.call('LCS', 'a', 'b', 'IDX', 'LEN')).toEqual(
      new ReplyError('ERR If you want both the length and indexes, please just use IDX.'),
    );
    expect(engine.run('LCS', 'a', 'b', 'MINMATCHLEN')).toBe(SYNTAX);
  });
});

describe('effects and events of strings', () => {
  it('have the form in which Redis propagates them', () => {
    const engine = newEngine(2);
    engine.record();
    const effectsOf = (...words: (string | number)[]): string[] => {
      engine.call(...words);
      return engine.recorded();
    };
    expect(effectsOf('SET', 'k', 'v')).toEqual(['0: SET k v']);
    expect(effectsOf('SET', 'k', 'v', 'XX', 'GET', 'KEEPTTL', 'get')).toEqual(['0: SET k v XX KEEPTTL']);
    expect(effectsOf('SET', 'k', 'v', 'NX')).toEqual([]);
    expect(effectsOf('SET', 'k', 'v', 'EX', 100, 'XX')[0]).toMatch(/^0: SET k v PXAT \d{13}$/);
    expect(effectsOf('SETEX', 'k', 100, 'v')[0]).toMatch(/^0: SET k v PXAT \d{13}$/);
    expect(effectsOf('SET', 'k', 'v', 'EXAT', 33177117420)).toEqual(['0: SET k v PXAT 33177117420000']);
    expect(effectsOf('SET', 'k', 'v', 'PXAT', 33177117420000)).toEqual(['0: SET k v PXAT 33177117420000']);
    expect(effectsOf('GETEX', 'k')).toEqual([]);
    expect(effectsOf('GETEX', 'k', 'PXAT', 33177117420001)).toEqual(['0: PEXPIREAT k 33177117420001']);
    expect(effectsOf('GETEX', 'k', 'PERSIST')).toEqual(['0: PERSIST k']);
    expect(effectsOf('GETEX', 'k', 'PERSIST')).toEqual([]);
    expect(effectsOf('GETSET', 'k', 'w')).toEqual(['0: SET k w']);
    expect(effectsOf('GETDEL', 'k')).toEqual(['0: DEL k']);
    expect(effectsOf('GETDEL', 'k')).toEqual([]);
    expect(effectsOf('INCRBYFLOAT', 'f', '1.5')).toEqual(['0: SET f 1.5 KEEPTTL']);
    expect(effectsOf('INCRBY', 'n', 3)).toEqual(['0: INCRBY n 3']);
    expect(effectsOf('MSET', 'a', 1, 'b', 2)).toEqual(['0: MSET a 1 b 2']);
    expect(effectsOf('SETRANGE', 'a', 0, '')).toEqual([]);
    expect(effectsOf('GETEX', 'a', 'PXAT', 1)).toEqual(['0: DEL a']);
  });

  it('are raised where Redis raises them', () => {
    const engine = newEngine(2);
    engine.record(true);
    const events = (...words: (string | number)[]): string[] => {
      engine.call(...words);
      return engine
        .recorded()
        .filter((line) => line.includes('event'))
        .map((line) => line.slice('0 event '.length));
    };
    expect(events('SET', 'k', 'v', 'EX', 100)).toEqual(['new k', 'set k', 'expire k']);
    expect(events('GETEX', 'k', 'PERSIST')).toEqual(['persist k']);
    expect(events('APPEND', 'k', 'x')).toEqual(['append k']);
    expect(events('SETRANGE', 'k', 1, 'x')).toEqual(['setrange k']);
    expect(events('INCR', 'n')).toEqual(['new n', 'incrby n']);
    expect(events('INCRBYFLOAT', 'n', 1)).toEqual(['incrbyfloat n']);
    expect(events('MSET', 'n', 1, 'k', 2)).toEqual(['set n', 'set k']);
    expect(events('GETDEL', 'k')).toEqual(['del k']);
    expect(events('GET', 'k')).toEqual(['keymiss k']);
  });
});
