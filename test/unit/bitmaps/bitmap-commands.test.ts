import { describe, expect, test } from 'vitest';
import { bitmapCommands } from '../../../src/shard/commands/bitmaps/table.js';
import { extractKeys, KEYS_ONE, KEYS_RANGE } from '../../../src/shared/command/key-positions.js';
import { buildRegistry } from '../../../src/shared/command/registry.js';
import type { KeyFlag } from '../../../src/shared/command/spec.js';
import { Args } from '../../../src/shared/resp/args.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { BitEngine } from './bit-engine.js';

const OFFSET_ERROR = 'ERR bit offset is not an integer or out of range';
const BIT_ERROR = 'ERR bit is not an integer or out of range';
const TYPE_ERROR = 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const INTEGER_ERROR = 'ERR value is not an integer or out of range';
const SYNTAX_ERROR = 'ERR syntax error';

describe('SETBIT and GETBIT', () => {
  test('count bits from the highest of byte 0 and lengthen the string with zeros', () => {
    const engine = new BitEngine(1);
    expect(engine.call(['SETBIT', 'k', 1, 1])).toBe(0);
    expect(engine.string('k')).toBe('@');
    expect(engine.call(['SETBIT', 'k', 1, 0])).toBe(1);
    expect(engine.call(['SETBIT', 'k', 23, 1])).toBe(0);
    expect(engine.string('k')).toBe('\0\0\x01');
    expect(engine.call(['GETBIT', 'k', 23])).toBe(1);
    expect(engine.call(['GETBIT', 'k', 24])).toBe(0);
    expect(engine.call(['GETBIT', 'none', 100])).toBe(0);
  });

  test('see an integer as its digits and make it a raw string', () => {
    const engine = new BitEngine(1);
    engine.call(['SET', 'k', '1']);
    expect(engine.call(['GETBIT', 'k', 2])).toBe(1);
    expect(engine.call(['SETBIT', 'k', 6, 1])).toBe(0);
    expect(engine.string('k')).toBe('3');
  });

  test('refuse offsets beyond proto-max-bulk-len and bits other than 0 and 1, offset first', () => {
    const engine = new BitEngine(1);
    for (const offset of ['-1', '4294967296', 'x', '', '01', '9223372036854775808', '#1']) {
      expect(engine.error('SETBIT', 'k', offset, '7')).toBe(OFFSET_ERROR);
      expect(engine.error('GETBIT', 'k', offset)).toBe(OFFSET_ERROR);
    }
    for (const bit of ['2', '-1', 'x', '', '4294967296', '4294967297']) {
      expect(engine.error('SETBIT', 'k', '0', bit)).toBe(BIT_ERROR);
    }
    engine.control.f64[CONTROL_F64.protoMaxBulkLen] = 1024 * 1024;
    expect(engine.error('SETBIT', 'k', 8388608, '1')).toBe(OFFSET_ERROR);
    expect(engine.call(['SETBIT', 'k', 8388607, '1'])).toBe(0);
  });

  test('setting the last possible bit costs one block and a directory, and reading it all is quick', () => {
    const engine = new BitEngine(1);
    const before = engine.usedBytes();
    expect(engine.call(['SETBIT', 'k', 4294967295, 1])).toBe(0);
    expect(engine.call(['SETBIT', 'k', 2000000000, 0])).toBe(0);
    expect(engine.usedBytes() - before).toBeLessThan(65536 + 32768 + 16384);
    expect(engine.call(['GETBIT', 'k', 4294967295])).toBe(1);
    expect(engine.call(['BITCOUNT', 'k'])).toBe(1);
    expect(engine.call(['BITPOS', 'k', 1])).toBe(4294967295);
    expect(engine.call(['BITPOS', 'k', 0])).toBe(0);
    expect(engine.call(['BITOP', 'OR', 'copy', 'k', 'none'])).toBe(536870912);
    expect(engine.call(['BITOP', 'AND', 'and', 'k', 'none'])).toBe(536870912);
    expect(engine.usedBytes() - before).toBeLessThan(2 * 65536 + 3 * (32768 + 16384));
    expect(engine.call(['BITCOUNT', 'copy'])).toBe(1);
    expect(engine.call(['BITCOUNT', 'and'])).toBe(0);
    engine.call(['DEL', 'k', 'copy', 'and']);
  });

  test('raise events and count changes only when a bit or the length changed', () => {
    const engine = new BitEngine(1);
    engine.record(true);
    engine.call(['SETBIT', 'k', 7, 0]);
    expect(engine.recorded()).toEqual(['0 event new k', '0 event setbit k', '0: SETBIT k 7 0']);
    engine.call(['SETBIT', 'k', 7, 0]);
    expect(engine.recorded()).toEqual([]);
    engine.call(['SETBIT', 'k', 7, 1]);
    expect(engine.recorded()).toEqual(['0 event setbit k', '0: SETBIT k 7 1']);
  });
});

describe('BITCOUNT and BITPOS', () => {
  test('take ranges of bytes and bits, counted from either end', () => {
    const engine = new BitEngine(1);
    engine.call(['SET', 'k', 'foobar']);
    expect(engine.call(['BITCOUNT', 'k'])).toBe(26);
    expect(engine.call(['BITCOUNT', 'k', 0, 0])).toBe(4);
    expect(engine.call(['BITCOUNT', 'k', 1, 1, 'byte'])).toBe(6);
    expect(engine.call(['BITCOUNT', 'k', 5, 30, 'BIT'])).toBe(17);
    expect(engine.call(['BITCOUNT', 'k', -2, -1])).toBe(7);
    expect(engine.call(['BITCOUNT', 'k', '-9223372036854775807', '-9223372036854775808'])).toBe(0);
    engine.call(['SET', 'p', '\xff\xf0\x00']);
    expect(engine.call(['BITPOS', 'p', 0])).toBe(12);
    expect(engine.call(['BITPOS', 'p', 1, 2])).toBe(-1);
    expect(engine.call(['BITPOS', 'p', 0, 0, 0])).toBe(-1);
    expect(engine.call(['BITPOS', 'p', 1, 7, 15, 'bit'])).toBe(7);
    expect(engine.call(['BITPOS', 'p', 1, 12, -1, 'BIT'])).toBe(-1);
    engine.call(['SET', 'full', '\xff\xff']);
    expect(engine.call(['BITPOS', 'full', 0])).toBe(16);
    expect(engine.call(['BITPOS', 'full', 0, 1])).toBe(16);
    expect(engine.call(['BITPOS', 'full', 0, 0, -1])).toBe(-1);
    engine.call(['SET', 'empty', '']);
    expect(engine.call(['BITPOS', 'empty', 0])).toBe(-1);
    expect(engine.call(['BITCOUNT', 'empty'])).toBe(0);
  });

  test('look at the range before they look for the key', () => {
    const engine = new BitEngine(1);
    expect(engine.error('BITCOUNT', 'none', 'x')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITCOUNT', 'none', 'x', 1)).toBe(INTEGER_ERROR);
    expect(engine.error('BITCOUNT', 'none', 0, 1, 'nibble')).toBe(SYNTAX_ERROR);
    expect(engine.call(['BITCOUNT', 'none', 0, 1])).toBe(0);
    expect(engine.error('BITPOS', 'none', 0, 'x', 'y')).toBe(INTEGER_ERROR);
    expect(engine.error('BITPOS', 'none', 0, 0, 1, 'nibble')).toBe(SYNTAX_ERROR);
    expect(engine.call(['BITPOS', 'none', 0, 0, 1])).toBe(0);
    expect(engine.call(['BITPOS', 'none', 1])).toBe(-1);
    expect(engine.error('BITPOS', 'none', 2)).toBe('ERR The bit argument must be 1 or 0.');
    expect(engine.error('BITPOS', 'none', 'x')).toBe(INTEGER_ERROR);
  });

  test('refuse incomplete ranges, bad numbers and unknown units', () => {
    const engine = new BitEngine(1);
    engine.call(['SET', 'k', 'x']);
    expect(engine.error('BITCOUNT', 'k', 0)).toBe(SYNTAX_ERROR);
    expect(engine.error('BITCOUNT', 'k', 0, 1, 'hello')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITCOUNT', 'k', 0, 1, 'BIT', 'x')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITCOUNT', 'k', 'a', 1)).toBe(INTEGER_ERROR);
    expect(engine.error('BITCOUNT', 'k', 0, 'b')).toBe(INTEGER_ERROR);
    expect(engine.error('BITPOS', 'k', 0, 'a')).toBe(INTEGER_ERROR);
    expect(engine.error('BITPOS', 'k', 0, 0, 'b', 'BIT')).toBe(INTEGER_ERROR);
    expect(engine.error('BITPOS', 'k', 0, 0, 'b', 'hello')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITPOS', 'k', 0, 0, 1, 'BIT', 'x')).toBe(SYNTAX_ERROR);
  });
});

describe('BITOP', () => {
  test('pads short and missing sources with zeros', () => {
    const engine = new BitEngine(3);
    engine.call(['SET', 'a', '\xff\x0f\xaa']);
    engine.call(['SET', 'b', '\xf0']);
    expect(engine.call(['BITOP', 'and', 'd', 'a', 'b'])).toBe(3);
    expect(engine.string('d')).toBe('\xf0\0\0');
    engine.call(['BITOP', 'OR', 'd', 'a', 'b', 'none']);
    expect(engine.string('d')).toBe('\xff\x0f\xaa');
    engine.call(['BITOP', 'XOR', 'd', 'a', 'b']);
    expect(engine.string('d')).toBe('\x0f\x0f\xaa');
    engine.call(['BITOP', 'NOT', 'a', 'a']);
    expect(engine.string('a')).toBe('\x00\xf0\x55');
  });

  test('an empty result removes the destination; a result drops its expiry', () => {
    const engine = new BitEngine(1);
    engine.record(true);
    engine.call(['SET', 'd', 'x']);
    engine.recorded();
    expect(engine.call(['BITOP', 'OR', 'd', 'none'])).toBe(0);
    expect(engine.recorded()).toEqual(['0 event keymiss none', '0 event del d', '0: BITOP OR d none']);
    expect(engine.call(['BITOP', 'NOT', 'd', 'none'])).toBe(0);
    engine.call(['SET', 'd', 'x', 'EX', 100]);
    engine.call(['SET', 's', 'y']);
    engine.recorded();
    engine.call(['BITOP', 'OR', 'd', 's']);
    expect(engine.recorded()).toEqual(['0 event set d', '0: BITOP OR d s']);
    expect(engine.call(['TTL', 'd'])).toBe(-1);
  });

  test('refuses unknown operations and NOT of several keys', () => {
    const engine = new BitEngine(1);
    expect(engine.error('BITOP', 'nand', 'd', 'a')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITOP', 'NOT', 'd', 'a', 'b')).toBe('ERR BITOP NOT must be called with a single source key.');
  });
});

describe('BITFIELD', () => {
  test('wraps, saturates or refuses what does not fit', () => {
    const engine = new BitEngine(1);
    expect(engine.call(['BITFIELD', 'k', 'SET', 'u8', 0, 255, 'GET', 'u8', 0, 'GET', 'i8', 0])).toEqual([0, 255, -1]);
    expect(engine.call(['BITFIELD', 'k', 'INCRBY', 'u8', 0, 10])).toEqual([9]);
    expect(engine.call(['BITFIELD', 'k', 'OVERFLOW', 'sat', 'INCRBY', 'u8', '#0', 1000])).toEqual([255]);
    expect(engine.call(['BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 1])).toEqual([null]);
    expect(engine.call(['BITFIELD', 'k', 'SET', 'i64', '#1', '9223372036854775807', 'INCRBY', 'i64', 64, 1])).toEqual([
      0,
      -(2n ** 63n),
    ]);
    expect(engine.call(['BITFIELD', 'k', 'OVERFLOW', 'SAT', 'SET', 'u4', 200, -1, 'GET', 'u4', 200])).toEqual([0, 15]);
    expect(engine.call(['BITFIELD', 'k', 'SET', 'u63', 300, '9223372036854775807', 'GET', 'u63', 300])).toEqual([
      0,
      2n ** 63n - 1n,
    ]);
    expect(engine.call(['BITFIELD', 'k'])).toEqual([]);
    engine.proto = 3;
    expect(engine.call(['BITFIELD', 'none', 'GET', 'i8', 4294967295])).toEqual([0]);
    expect(engine.call(['EXISTS', 'none'])).toBe(0);
  });

  test('tells changes from operations that changed nothing', () => {
    const engine = new BitEngine(1);
    engine.record(true);
    engine.call(['BITFIELD', 'k', 'SET', 'u8', 0, 0]);
    expect(engine.recorded()).toEqual(['0 event new k', '0 event setbit k', '0: BITFIELD k SET u8 0 0']);
    engine.call(['BITFIELD', 'k', 'SET', 'u8', 0, 0, 'GET', 'u8', 100]);
    expect(engine.recorded()).toEqual([]);
    engine.call(['BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'INCRBY', 'u1', 1000, 5]);
    expect(engine.recorded()).toEqual(['0: BITFIELD k OVERFLOW FAIL INCRBY u1 1000 5']);
  });

  test('refuses bad operations before it runs any', () => {
    const engine = new BitEngine(1);
    for (const type of ['u64', 'i65', 'i0', 'u0', 'x8', 'u', 'i-1', '8', '', 'I8', 'i08', 'u4294967304']) {
      expect(engine.error('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'GET', type, 0)).toBe(TYPE_ERROR);
    }
    for (const offset of ['-1', '#-1', '#', '', 'x', '4294967296', '#9223372036854775807', '##1']) {
      expect(engine.error('BITFIELD', 'k', 'SET', 'u8', 0, 1, 'GET', 'u8', offset)).toBe(OFFSET_ERROR);
    }
    expect(engine.error('BITFIELD', 'k', 'SET', 'u8', 0, 'x')).toBe(INTEGER_ERROR);
    expect(engine.error('BITFIELD', 'k', 'SET', 'u8', 0)).toBe(SYNTAX_ERROR);
    expect(engine.error('BITFIELD', 'k', 'GET', 'u8')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITFIELD', 'k', 'OVERFLOW')).toBe(SYNTAX_ERROR);
    expect(engine.error('BITFIELD', 'k', 'OVERFLOW', 'BAD')).toBe('ERR Invalid OVERFLOW type specified');
    expect(engine.call(['EXISTS', 'k'])).toBe(0);
    const onlyGet = 'ERR BITFIELD_RO only supports the GET subcommand';
    expect(engine.error('BITFIELD_RO', 'k', 'GET', 'u8', 0, 'SET', 'u8', 0, 1)).toBe(onlyGet);
    expect(engine.error('BITFIELD_RO', 'k', 'SET', 'u8', 0, 'x')).toBe(INTEGER_ERROR);
    engine.call(['SET', 'k', 'A']);
    expect(engine.call(['BITFIELD_RO', 'k', 'GET', 'u8', 0, 'OVERFLOW', 'SAT'])).toEqual([65]);
  });
});

test('the key of BITFIELD is only read when every operation is GET', () => {
  const registry = buildRegistry(bitmapCommands);
  const id = registry.defs.findIndex((def) => def.name === 'bitfield');
  const flagsOf = (...words: string[]): readonly KeyFlag[] => {
    const all = ['BITFIELD', 'k', ...words];
    const args = new Args();
    const u8 = Uint8Array.from(Buffer.from(all.join('')));
    args.setBuffer(u8, new DataView(u8.buffer));
    let at = 0;
    for (const [i, word] of all.entries()) {
      args.off[i] = at;
      args.len[i] = word.length;
      at += word.length;
    }
    args.argc = all.length;
    const flags: (readonly KeyFlag[])[] = [];
    const out = new Int32Array(1);
    expect(extractKeys(registry.defs[id]!, args, out, flags)).toBe(1);
    expect(out[0]).toBe(1);
    return flags[0]!;
  };
  expect(flagsOf('GET', 'u8', '0', 'OVERFLOW', 'SAT', 'get', 'i4', '9')).toEqual(['RO', 'access']);
  expect(flagsOf('GET', 'u8', '0', 'INCRBY', 'i4', '9', '1')).toEqual(['RW', 'access', 'update']);
  expect(flagsOf('nonsense')).toEqual(['RW', 'access', 'update']);
  expect(registry.keyKind[id]).toBe(KEYS_ONE);
  const bitop = registry.defs.findIndex((def) => def.name === 'bitop');
  expect([registry.keyKind[bitop], registry.firstKey[bitop], registry.lastKey[bitop]]).toEqual([KEYS_RANGE, 2, -1]);
});
