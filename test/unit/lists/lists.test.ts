import { beforeEach, describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { freeGarbageValues } from '../../../src/shard/structures/garbage.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';

let engine: TestEngine;
const call = (...words: Word[]): unknown => {
  const reply = engine.call(...words);
  return reply instanceof Error ? `-${reply.message}` : reply;
};
const encoding = (key: string): unknown => call('OBJECT', 'ENCODING', key);
const limit = (fill: number): void => {
  engine.control.f64[CONTROL_F64.listMaxListpackSize] = fill;
};
const LARGE = 'x'.repeat(8192);
const WRONGTYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const SYNTAX = '-ERR syntax error';

beforeEach(() => {
  engine = new TestEngine(2);
});

describe('list commands', () => {
  it('refuse keys of other types and leave them alone', () => {
    call('SET', 's', 'v');
    call('RPUSH', 'l', 'a');
    const commands: Word[][] = [
      ...['LPUSH', 'RPUSH', 'LPUSHX', 'RPUSHX'].map((name) => [name, 's', 'x']),
      ...['LPOP', 'RPOP', 'LLEN'].map((name) => [name, 's']),
      ...[
        ['LPOP', 's', '1'],
        ['LRANGE', 's', 0, -1],
        ['LINDEX', 's', 0],
        ['LSET', 's', 0, 'x'],
        ['LTRIM', 's', 0, 0],
      ],
      ...[
        ['LINSERT', 's', 'BEFORE', 'a', 'b'],
        ['LREM', 's', 0, 'a'],
        ['LPOS', 's', 'a'],
        ['RPOPLPUSH', 's', 'l'],
      ],
      ...[
        ['RPOPLPUSH', 'l', 's'],
        ['LMOVE', 'l', 's', 'LEFT', 'LEFT'],
        ['LMPOP', 2, 'none', 's', 'LEFT'],
      ],
    ];
    for (const words of commands) expect(call(...words), words.join(' ')).toBe(WRONGTYPE);
    expect(call('GET', 's')).toBe('v');
    expect(call('LRANGE', 'l', 0, -1)).toEqual(['a']);
    for (const words of [
      ['GET', 'l'],
      ['APPEND', 'l', 'x'],
      ['INCR', 'l'],
    ])
      expect(call(...words)).toBe(WRONGTYPE);
  });

  it('answer about keys that do not exist', () => {
    expect(engine.run('LPOP', 'none')).toBe('$-1\r\n');
    expect(engine.run('LPOP', 'none', 3)).toBe('*-1\r\n');
    expect(engine.run('LPOP', 'none', 0)).toBe('*-1\r\n');
    expect(engine.run('LMPOP', 1, 'none', 'LEFT')).toBe('*-1\r\n');
    expect(engine.run('LRANGE', 'none', 0, -1)).toBe('*0\r\n');
    expect(engine.run('LINDEX', 'none', 'x')).toBe('$-1\r\n');
    expect(engine.run('LPOS', 'none', 'a', 'COUNT', 0)).toBe('*0\r\n');
    expect(engine.run('LMOVE', 'none', 'l', 'LEFT', 'RIGHT')).toBe('$-1\r\n');
    expect([call('LLEN', 'none'), call('LPUSHX', 'none', 'a'), call('LREM', 'none', 0, 'a')]).toEqual([0, 0, 0]);
    expect(call('LINSERT', 'none', 'BEFORE', 'a', 'b')).toBe(0);
    expect(call('LSET', 'none', 'x', 'b')).toBe('-ERR no such key');
    expect(call('LTRIM', 'none', 0, 0)).toBe('OK');
    engine.proto = 3;
    expect([engine.run('LPOP', 'none'), engine.run('LPOP', 'none', 1)]).toEqual(['_\r\n', '_\r\n']);
    expect(call('EXISTS', 'none')).toBe(0);
  });

  it('name what is wrong with their arguments', () => {
    call('RPUSH', 'l', 'a', 'b');
    const notInteger = '-ERR value is not an integer or out of range';
    const notPositive = '-ERR value is out of range, must be positive';
    expect(call('LPOP', 'l', -1)).toBe(notPositive);
    expect(call('LPOP', 'l', 'x')).toBe(notPositive);
    expect(call('LPOP', 'l', 1, 2)).toBe("-ERR wrong number of arguments for 'lpop' command");
    expect(call('RPOP', 'l', 1, 2)).toBe("-ERR wrong number of arguments for 'rpop' command");
    expect(call('LPOP', 'l', 0)).toEqual([]);
    for (const words of [
      ['LINDEX', 'l', 'x'],
      ['LSET', 'l', '1.0', 'x'],
      ['LREM', 'l', 'x', 'a'],
    ]) {
      expect(call(...words)).toBe(notInteger);
    }
    expect(call('LRANGE', 'none', 'x', 0)).toBe(notInteger);
    expect(call('LTRIM', 'none', 0, 'x')).toBe(notInteger);
    expect(call('LSET', 'l', 2, 'x')).toBe('-ERR index out of range');
    expect(call('LSET', 'l', 4_294_967_296, 'x')).toBe('-ERR index out of range');
    expect(call('LINSERT', 'l', 'NEXT', 'a', 'b')).toBe(SYNTAX);
    expect(call('LMOVE', 'l', 'l', 'LEFT', 'UP')).toBe(SYNTAX);
    expect(call('LPOS', 'l', 'a', 'RANK', 0)).toMatch(/^-ERR RANK can't be zero: use 1 to start from the first match/);
    expect(call('LPOS', 'l', 'a', 'RANK', '-9223372036854775808')).toBe(
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
    );
    expect(call('LPOS', 'l', 'a', 'RANK', '-9223372036854775807')).toBe(null);
    expect(call('LPOS', 'l', 'a', 'COUNT', -1)).toBe("-ERR COUNT can't be negative");
    expect(call('LPOS', 'l', 'a', 'MAXLEN', 'x')).toBe("-ERR MAXLEN can't be negative");
    expect(call('LPOS', 'l', 'a', 'COUNT')).toBe(SYNTAX);
    for (const keys of [0, -1, 'x']) {
      expect(call('LMPOP', keys, 'l', 'LEFT')).toBe('-ERR numkeys should be greater than 0');
    }
    expect(call('LMPOP', 2, 'l', 'LEFT')).toBe(SYNTAX);
    expect(call('LMPOP', 1, 'l', 'LEFT', 'COUNT', 0)).toBe('-ERR count should be greater than 0');
    expect(call('LMPOP', 1, 'l', 'LEFT', 'COUNT', 1, 'COUNT', 1)).toBe(SYNTAX);
    expect(call('LMPOP', 1, 'l', 'LEFT', 'COUNT')).toBe(SYNTAX);
    expect(call('LRANGE', 'l', 0, -1)).toEqual(['a', 'b']);
  });

  it('take indexes of any size', () => {
    call('RPUSH', 'l', 'a', 'b', 'c');
    expect(call('LRANGE', 'l', '-9223372036854775808', '9223372036854775807')).toEqual(['a', 'b', 'c']);
    expect(call('LRANGE', 'l', '9223372036854775807', '-1')).toEqual([]);
    expect(call('LINDEX', 'l', '-9223372036854775808')).toBe(null);
    expect(call('LPOP', 'l', '9223372036854775807')).toEqual(['a', 'b', 'c']);
    expect(call('EXISTS', 'l')).toBe(0);
  });
});

describe('the encoding of a list', () => {
  it.each([
    ['a number of entries', 3, 'hello'],
    ['bytes', -1, LARGE],
  ])('becomes quicklist when %s are passed, whichever command does it', (_title, fill, large) => {
    limit(fill);
    const small = (key: string, ...elements: string[]): void => {
      call('DEL', key);
      for (const element of elements) call('RPUSH', key, element);
      expect(encoding(key)).toBe('listpack');
    };
    for (const words of [
      ['RPUSH', 'l', large],
      ['LINSERT', 'l', 'AFTER', 'b', large],
      ['LSET', 'l', 0, large],
    ]) {
      small('l', 'a', 'b', 'c');
      call(...words);
      expect(encoding('l')).toBe('quicklist');
    }
    call('RPUSH', '{l}from', 'a', 'b', 'c', large);
    small('{l}to', 'd', 'e', 'f');
    call('LMOVE', '{l}from', '{l}to', 'RIGHT', 'RIGHT');
    expect(encoding('{l}to')).toBe('quicklist');
  });

  it('goes back only when half of what is allowed is left', () => {
    limit(4);
    call('RPUSH', 'l', 'a', 'b', 'c', 'd', 'e');
    call('RPOP', 'l');
    expect(encoding('l')).toBe('quicklist');
    call('RPOP', 'l');
    expect(encoding('l')).toBe('quicklist');
    call('RPOP', 'l');
    expect(encoding('l')).toBe('listpack');
    call('RPUSH', 'l', 'c', 'd');
    expect(encoding('l')).toBe('listpack');
    limit(-1);
    call('DEL', 'l');
    call('RPUSH', 'l', LARGE, 'a', 'b');
    call('RPOP', 'l', 2);
    expect(encoding('l')).toBe('quicklist');
    call('LSET', 'l', 0, 'c');
    expect(encoding('l')).toBe('listpack');
  });

  it('takes a limit of 0 for one entry and one beyond the classes for the largest', () => {
    limit(0);
    call('RPUSH', 'l', 'a');
    expect(encoding('l')).toBe('listpack');
    call('RPUSH', 'l', 'b');
    expect(encoding('l')).toBe('quicklist');
    limit(-6);
    call('RPUSH', 'm', 'x'.repeat(60_000));
    expect(encoding('m')).toBe('listpack');
    call('RPUSH', 'm', 'x'.repeat(5536));
    expect(encoding('m')).toBe('quicklist');
  });
});

describe('elements', () => {
  const sizes = [0, 63, 64, 4095, 4096, 8192, 8193, 65_500, 65_536, 65_537, 200_000, 1_000_000];

  it('of any length and any bytes come back as they went', () => {
    const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, (_, i) => (i * 7 + n) & 255));
    for (const n of sizes) call('RPUSH', 'l', bytes(n));
    sizes.forEach((n, i) => {
      const text = bytes(n).toString('latin1');
      expect(engine.run('LINDEX', 'l', i)).toBe(`$${n}\r\n${text}\r\n`);
      expect(call('LPOS', 'l', bytes(n))).toBe(i);
    });
    for (const n of sizes) expect(engine.run('LMOVE', 'l', 'other', 'LEFT', 'RIGHT')).toContain(`$${n}\r\n`);
    for (const n of sizes) expect(call('LREM', 'other', 0, bytes(n))).toBe(1);
    expect(call('EXISTS', 'l', 'other')).toBe(0);
  });

  it('that are integers keep their text, others that look like one too', () => {
    const texts = [
      '0',
      '-0',
      '00',
      '+1',
      '127',
      '128',
      '-1',
      '-4096',
      '-4097',
      '32767',
      '-32769',
      '8388607',
      '8388608',
    ];
    texts.push('2147483647', '-2147483649', '9223372036854775807', '-9223372036854775808', '9223372036854775808', ' 1');
    call('RPUSH', 'l', ...texts);
    expect(call('LRANGE', 'l', 0, -1)).toEqual(texts);
    expect(call('LRANGE', 'l', -3, -1)).toEqual(texts.slice(-3));
    expect(texts.map((text) => call('LPOS', 'l', text))).toEqual(texts.map((_, i) => i));
    expect(call('RPOP', 'l', 100)).toEqual([...texts].reverse());
  });
});

describe('writes to lists', () => {
  it('raise the events that Redis raises, and leave effects that give the same lists', () => {
    engine.record(true);
    call('RPUSH', 'l', 'a', 'b', 'c', 'd', 'a');
    call('LREM', 'l', 1, 'x');
    call('LINSERT', 'l', 'BEFORE', 'none', 'x');
    call('LSET', 'l', 9, 'x');
    expect(engine.recorded()).toEqual(['0 event new l', '0 event rpush l', '0: RPUSH l a b c d a']);
    call('LINSERT', 'l', 'BEFORE', 'b', 'x');
    call('LSET', 'l', 0, 'y');
    call('LREM', 'l', 0, 'a');
    call('LTRIM', 'l', 0, 9);
    call('LTRIM', 'l', 0, 2);
    expect(engine.recorded()).toEqual([
      ...['0 event linsert l', '0: LINSERT l BEFORE b x', '0 event lset l', '0: LSET l 0 y'],
      ...['0 event lrem l', '0: LREM l 0 a', '0 event ltrim l', '0 event ltrim l', '0: LTRIM l 0 2'],
    ]);
    call('LMPOP', 2, 'none', 'l', 'RIGHT', 'COUNT', 2);
    call('LMOVE', 'l', 'm', 'LEFT', 'RIGHT');
    expect(engine.recorded()).toEqual([
      ...['0 event rpop l', '0: RPOP l 2', '0 event new m', '0 event rpush m', '0 event lpop l', '0 event del l'],
      '0: LMOVE l m LEFT RIGHT',
    ]);
    call('LPOP', 'm');
    expect(engine.recorded()).toEqual(['0 event lpop m', '0 event del m', '0: LPOP m']);
  });

  it('free a long list in steps', () => {
    call('RPUSH', 'warm', 'x');
    call('DEL', 'warm');
    const empty = engine.usedBytes();
    const elements = Array.from({ length: 1000 }, (_, i) => `element ${i}`.padEnd(200, '.'));
    for (let i = 0; i < 10; i++) call('RPUSH', 'warm', ...elements);
    call('DEL', 'warm');
    expect(engine.usedBytes()).toBeGreaterThan(empty + 1_000_000);
    for (const arena of engine.arenas) {
      expect(fsckShard(arena, openDatabases(arena, TYPES))).toEqual([]);
      while (freeGarbageValues(arena, TYPES.garbage, performance.now() + 1000));
    }
    expect(engine.usedBytes()).toBe(empty);
  });

  it('keep a long list within the bytes of its elements', () => {
    const before = engine.usedBytes();
    const elements = Array.from({ length: 1000 }, (_, i) => String(i).padEnd(32, 'x'));
    for (let i = 0; i < 30; i++) call(i % 2 === 0 ? 'LPUSH' : 'RPUSH', 'l', ...elements);
    expect((engine.usedBytes() - before) / 30_000).toBeLessThan(35.5);
    expect(Number(call('MEMORY', 'USAGE', 'l')) / 30_000).toBeLessThan(35);
  });
});
