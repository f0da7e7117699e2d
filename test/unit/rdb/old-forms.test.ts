import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { int64, intset, latin1, length, listpack, payload, rawEntry, str, ziplist, zipmap } from './old-forms.js';
import { BAD_DATA, RdbEngine } from './rdb-engine.js';

const OK = '+OK\r\n';
const INTEGERS = [
  0, 1, 12, 13, -1, 127, -128, 128, -32768, 32767, 32768, -8388608, 8388607, 8388608, -2147483648,
].concat([2147483647, 2147483648]);
const BIG = [9223372036854775807n, -9223372036854775808n];
const LONG = ['', 'a', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(250), 'w'.repeat(4096), 'v'.repeat(16_384)];
const ITEMS = [...INTEGERS, ...BIG, ...LONG];
const TEXTS = ITEMS.map(String);

describe('RESTORE reads', () => {
  let engine: RdbEngine;
  beforeEach(() => {
    engine = new RdbEngine();
  });
  afterEach(() => expect(engine.findings()).toEqual([]));

  function restore(form: number, ...parts: Uint8Array[]): string {
    return engine.restore('k', payload(Buffer.concat([Buffer.from([form]), ...parts])), 'REPLACE');
  }

  function hash(): Record<string, string> {
    const flat = engine.call('HGETALL', 'k') as string[];
    const out: Record<string, string> = {};
    for (let i = 0; i < flat.length; i += 2) out[flat[i]!] = flat[i + 1]!;
    return out;
  }

  test('strings in every form', () => {
    const forms: [number[], string][] = [
      [[0xc0, 0xff], '-1'],
      [[0xc1, 0x00, 0x80], '-32768'],
      [[0xc2, 0xff, 0xff, 0xff, 0x7f], '2147483647'],
      [[0xc3, 6, 38, 1, 97, 97, 0xe0, 27, 0], 'a'.repeat(38)],
      [[0x80, 0, 0, 0, 2, 104, 105], 'hi'],
      [[0x81, 0, 0, 0, 0, 0, 0, 0, 2, 104, 105], 'hi'],
      [[0x40, 2, 104, 105], 'hi'],
    ];
    for (const [bytes, text] of forms) {
      expect(restore(0, Buffer.from(bytes))).toBe(OK);
      expect(engine.call('GET', 'k')).toBe(text);
    }
  });

  test('lists of plain strings (Redis 1.0)', () => {
    expect(restore(1, length(3), str('a'), Buffer.from([0xc0, 7]), str(''))).toBe(OK);
    expect(engine.call('LRANGE', 'k', 0, -1)).toEqual(['a', '7', '']);
  });

  test('lists as one ziplist (2.0) and as quicklists of them (3.2)', () => {
    for (const longPrevious of [false, true]) {
      expect(restore(10, str(ziplist(ITEMS, longPrevious)))).toBe(OK);
      expect(engine.call('LRANGE', 'k', 0, -1)).toEqual(TEXTS);
    }
    expect(restore(14, length(3), str(ziplist(ITEMS)), str(ziplist([])), str(ziplist(['end', 5])))).toBe(OK);
    expect(engine.call('LRANGE', 'k', 0, -1)).toEqual([...TEXTS, 'end', '5']);
  });

  test('lists of listpacks and plain nodes (7.0)', () => {
    const parts = [
      length(3),
      length(2),
      str(listpack(ITEMS)),
      length(1),
      str('plain'),
      length(2),
      str(listpack(['x'])),
    ];
    expect(restore(18, ...parts)).toBe(OK);
    expect(engine.call('LRANGE', 'k', 0, -1)).toEqual([...TEXTS, 'plain', 'x']);
    expect(restore(18, length(1), length(2), str(listpack(ITEMS, 65535)))).toBe(OK);
    expect(engine.call('LLEN', 'k')).toBe(ITEMS.length);
    expect(restore(18, length(1), length(3), str(listpack(['x'])))).toBe(BAD_DATA);
  });

  test('a small list becomes a listpack, a big one does not', () => {
    expect(restore(14, length(2), str(ziplist(['a'])), str(ziplist(['b'])))).toBe(OK);
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('listpack');
    expect(restore(14, length(2), str(ziplist(LONG)), str(ziplist(['b'])))).toBe(OK);
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('quicklist');
  });

  test('sets in all their forms', () => {
    expect(restore(2, length(3), str('a'), Buffer.from([0xc0, 7]), str(''))).toBe(OK);
    expect((engine.call('SMEMBERS', 'k') as string[]).sort()).toEqual(['', '7', 'a']);
    for (const width of [2, 4, 8] as const) {
      expect(restore(11, str(intset(width, [-5, 0, 3, 300])))).toBe(OK);
      expect(engine.call('SMEMBERS', 'k')).toEqual(['-5', '0', '3', '300']);
      expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('intset');
      expect(engine.call('SADD', 'k', 3, 301)).toBe(1);
    }
    expect(restore(20, str(listpack(ITEMS.slice(0, -2))))).toBe(OK);
    expect((engine.call('SMEMBERS', 'k') as string[]).sort()).toEqual(TEXTS.slice(0, -2).sort());
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('listpack');
    engine.control.f64[CONTROL_F64.setMaxIntsetEntries] = 3;
    engine.control.f64[CONTROL_F64.setMaxListpackEntries] = 3;
    expect(restore(11, str(intset(2, [-5, 0, 3, 300])))).toBe(OK);
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('hashtable');
    expect(restore(20, str(listpack([1, 2, 'a', 'b'])))).toBe(OK);
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('hashtable');
  });

  test('hashes as pairs, zipmaps (2.0), ziplists (2.6) and listpacks', () => {
    const pairs = TEXTS.map((text, i) => [text, `v${i}`] as const);
    const expected = Object.fromEntries(pairs);
    const flat = ITEMS.flatMap((item, i) => [item, `v${i}`]);
    expect(restore(4, length(pairs.length), ...pairs.flat().map((text) => str(text)))).toBe(OK);
    expect(hash()).toEqual(expected);
    for (const free of [0, 3]) {
      expect(restore(9, str(zipmap(pairs, free)))).toBe(OK);
      expect(hash()).toEqual(expected);
    }
    expect(restore(13, str(ziplist(flat)))).toBe(OK);
    expect(hash()).toEqual(expected);
    expect(restore(16, str(listpack(flat)))).toBe(OK);
    expect(hash()).toEqual(expected);
    expect(engine.call('HGET', 'k', '8388607')).toBe('v12');
  });

  test('entries in a form of their own are found like others', () => {
    const twelve = rawEntry([0x82, 49, 50]);
    const wide = rawEntry([0xf4, ...int64(77)]);
    const long = rawEntry([0xe0, 1, 97]);
    expect(restore(16, str(listpack([twelve, 'a', wide, 'b', long, 'c'])))).toBe(OK);
    expect(engine.call('HMGET', 'k', '12', '77', 'a')).toEqual(['a', 'b', 'c']);
    expect(restore(20, str(listpack([twelve, wide, long])))).toBe(OK);
    expect(engine.call('SMISMEMBER', 'k', '12', '77', 'a')).toEqual([1, 1, 1]);
    expect(restore(20, str(listpack([twelve, 12])))).toBe(BAD_DATA);
    expect(restore(16, str(listpack([wide, 'a', 77, 'b'])))).toBe(BAD_DATA);
  });

  test('hashes whose fields expire (7.4 and its candidates)', () => {
    const at = Math.floor(engine.nowMs) + 100_000;
    const check = () => {
      expect(hash()).toEqual({ stays: '1', later: 'x', soon: 'y' });
      expect(engine.call('HPEXPIRETIME', 'k', 'FIELDS', 3, 'stays', 'later', 'soon')).toEqual([-1, at + 5000, at]);
    };
    const triples = ['soon', 'y', at, 'later', 'x', at + 5000, 'stays', 1, 0];
    expect(restore(23, str(listpack(triples)))).toBe(OK);
    check();
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('listpackex');
    expect(restore(25, int64(at), str(listpack(triples)))).toBe(OK);
    check();
    const timed = (base: number) => [
      ...[length(3), length(0), str('stays'), str('1')],
      ...[time(at + 5000 - base), str('later'), str('x'), time(at - base), str('soon'), str('y')],
    ];
    expect(restore(22, ...timed(0))).toBe(OK);
    check();
    expect(restore(24, int64(at), ...timed(at - 1))).toBe(OK);
    check();
    engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = 2;
    expect(restore(24, int64(at), ...timed(at - 1))).toBe(OK);
    check();
    expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe('hashtable');
    expect(restore(22, length(1), Buffer.from([0x81, 255, 255, 255, 255, 0, 0, 0, 0]), str('a'), str('b'))).toBe(
      BAD_DATA,
    );
  });

  test('what it dumped itself of hashes whose fields expire', () => {
    for (const entries of [512, 2]) {
      engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = entries;
      engine.run('DEL', 'h');
      engine.run('HSET', 'h', 'a', 1, 'b', 2, 'c', 3);
      engine.run('HPEXPIRE', 'h', 100_000, 'FIELDS', 1, 'a');
      engine.run('HPEXPIRE', 'h', 50_000, 'FIELDS', 1, 'b');
      const bytes = engine.dump('h');
      expect(bytes[0]).toBe(entries === 2 ? 24 : 25);
      expect(bytes.readUInt16LE(bytes.length - 10)).toBe(12);
      expect(engine.restore('k', bytes, 'REPLACE')).toBe(OK);
      expect(engine.digest('k')).toBe(engine.digest('h'));
      const times = ['FIELDS', 3, 'a', 'b', 'c'];
      expect(engine.call('HPEXPIRETIME', 'k', ...times)).toEqual(engine.call('HPEXPIRETIME', 'h', ...times));
      expect(engine.call('OBJECT', 'ENCODING', 'k')).toBe(engine.call('OBJECT', 'ENCODING', 'h'));
    }
    engine.advance(60_000);
    expect(engine.call('HLEN', 'k')).toBeGreaterThan(1);
    expect(engine.call('HGET', 'k', 'b')).toBe(null);
  });
});

/** A length that may need 64 bits. */
function time(n: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = 0x81;
  out.writeBigUInt64BE(BigInt(n), 1);
  return out;
}

describe('RESTORE refuses', () => {
  const engine = new RdbEngine();
  afterEach(() => {
    expect(engine.usedBytes()).toBe(used);
    expect(engine.findings()).toEqual([]);
  });
  engine.run('SET', 'other', 'x'.repeat(100));
  const used = engine.usedBytes();
  const edit = (bytes: Buffer, at: number, byte: number): Buffer => {
    const out = Buffer.from(bytes);
    out[at < 0 ? out.length + at : at] = byte;
    return out;
  };
  const items = ['abc', 5, 'defg', 1000];
  const zl = ziplist(items);
  const lp = listpack(items);

  test.each<[string, number, Uint8Array[]]>([
    ['an empty list', 1, [length(0)]],
    ['a list whose nodes are empty', 14, [length(1), str(ziplist([]))]],
    ['a quicklist without nodes', 18, [length(0)]],
    ['an empty ziplist', 10, [str(ziplist([]))]],
    ['an empty set', 2, [length(0)]],
    ['an empty packed set', 20, [str(listpack([]))]],
    ['an empty hash', 4, [length(0)]],
    ['an empty packed hash', 16, [str(listpack([]))]],
    ['an empty zipmap', 9, [str(zipmap([]))]],
    ['an empty intset', 11, [str(intset(2, []))]],
    ['fewer elements than announced', 1, [length(3), str('a'), str('b')]],
    ['more elements than there can be', 2, [Buffer.from([0x81, 0, 0, 0, 200, 0, 0, 0, 1]), str('a')]],
    ['a count beyond all numbers', 2, [Buffer.from([0x81, 255, 255, 255, 255, 255, 255, 255, 255]), str('a')]],
    ['a count that is a string form', 2, [Buffer.from([0xc0, 1]), str('a')]],
    ['an unknown form of length', 0, [Buffer.from([0x82, 1, 65])]],
    ['an unknown form of string', 0, [Buffer.from([0xc4, 1, 65])]],
    ['compressed data of another length', 0, [Buffer.from([0xc3, 6, 39, 1, 97, 97, 0xe0, 27, 0])]],
    ['compressed data that reach before the beginning', 0, [Buffer.from([0xc3, 6, 38, 1, 97, 97, 0xe0, 27, 9])]],
    ['a compression beyond what is possible', 0, [Buffer.from([0xc3, 1, 0x80, 63, 255, 255, 255, 0])]],
    ['twice the same member', 2, [length(2), str('a'), str('a')]],
    ['twice the same integer', 2, [length(2), str('1'), Buffer.from([0xc0, 1])]],
    ['twice the same packed member', 20, [str(listpack(['a', 'b', 'a']))]],
    ['integers out of order', 11, [str(intset(2, [3, 1]))]],
    ['equal integers', 11, [str(intset(4, [1, 1]))]],
    ['an intset of an unknown width', 11, [str(edit(intset(2, [1, 2]), 0, 3))]],
    ['an intset of another length', 11, [str(intset(2, [1, 2]).subarray(0, 11))]],
    ['twice the same field', 4, [length(2), str('a'), str('1'), str('a'), str('2')]],
    ['twice the same packed field', 16, [str(listpack(['a', 1, 'b', 2, 'a', 3]))]],
    ['twice the same field of a ziplist', 13, [str(ziplist(['a', 1, 'a', 3]))]],
    [
      'twice the same field of a zipmap',
      9,
      [
        str(
          zipmap([
            ['a', '1'],
            ['a', '2'],
          ]),
        ),
      ],
    ],
    ['a field without a value', 16, [str(listpack(['a', 1, 'b']))]],
    ['a field without a value in a ziplist', 13, [str(ziplist(['a', 1, 'b']))]],
    ['a field without a time', 23, [str(listpack(['a', 1]))]],
    ['a time that is text', 23, [str(listpack(['a', 1, 'x']))]],
    ['a negative time', 23, [str(listpack(['a', 1, -5]))]],
    ['a listpack without its end', 20, [str(edit(lp, -1, 0))]],
    ['a listpack of another length', 20, [str(edit(lp, 0, lp[0]! + 1))]],
    ['a listpack with another count', 20, [str(edit(lp, 4, 3))]],
    ['a listpack whose string is too long', 20, [str(edit(lp, 6, 0x80 | 40))]],
    ['a listpack whose backlen lies', 20, [str(edit(lp, 10, 9))]],
    ['a listpack that ends early', 20, [str(edit(lp, 6, 0xff))]],
    ['a listpack with an unknown encoding', 20, [str(edit(lp, 6, 0xf7))]],
    ['a listpack of a few bytes', 20, [str(lp.subarray(0, 6))]],
    ['a ziplist without its end', 10, [str(edit(zl, -1, 0))]],
    ['a ziplist of another length', 10, [str(edit(zl, 0, zl[0]! + 1))]],
    ['a ziplist with another tail', 10, [str(edit(zl, 4, zl[4]! - 1))]],
    ['a ziplist with another count', 10, [str(edit(zl, 8, 3))]],
    ['a ziplist whose entry says the wrong size before it', 10, [str(edit(zl, 15, 4))]],
    ['a ziplist whose string is too long', 10, [str(edit(zl, 11, 63))]],
    ['a ziplist with an unknown encoding', 10, [str(edit(zl, 11, 0xc1))]],
    ['a zipmap whose value is too long', 9, [str(edit(zipmap([['a', 'b']]), 3, 9))]],
    ['a zipmap with another count', 9, [str(edit(zipmap([['a', 'b']]), 0, 2))]],
    ['a zipmap whose field ends it', 9, [str(latin1('\x01\x01a\xff'))]],
    ['modules', 7, [str('x')]],
  ])('%s', (_what, form, parts) => {
    expect(engine.restore('k', payload(Buffer.concat([Buffer.from([form]), ...parts])))).toBe(BAD_DATA);
  });
});
