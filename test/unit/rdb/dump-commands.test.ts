import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { POLICY_WORDS } from '../../../src/shared/maxmemory-policy.js';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { payload } from './old-forms.js';
import { BAD_DATA, BAD_FOOTER, RdbEngine } from './rdb-engine.js';

const OK = '+OK\r\n';
const VALUE = payload([0, 3, 98, 97, 114]); // "bar"
const ALLKEYS_LFU = POLICY_WORDS.indexOf('allkeys-lfu');

describe('DUMP and RESTORE', () => {
  let engine: RdbEngine;
  beforeEach(() => {
    engine = new RdbEngine(2);
  });
  afterEach(() => expect(engine.findings()).toEqual([]));

  test('DUMP of a key that does not exist is nil', () => {
    expect(engine.run('DUMP', 'none')).toBe('$-1\r\n');
  });

  test('a string comes back', () => {
    engine.run('SET', 'foo', 'bar');
    expect(engine.dump('foo')).toEqual(VALUE);
    engine.run('DEL', 'foo');
    expect(engine.restore('foo', VALUE)).toBe(OK);
    expect(engine.call('GET', 'foo')).toBe('bar');
    expect(engine.call('TTL', 'foo')).toBe(-1);
  });

  test('a time to live is relative, or absolute with ABSTTL', () => {
    expect(engine.run('RESTORE', 'a', 2_569_591_501, VALUE)).toBe(OK);
    expect(engine.call('PTTL', 'a')).toBeGreaterThan(2_569_590_000);
    expect(engine.run('RESTORE', 'b', Math.floor(engine.nowMs) + 3000, VALUE, 'absttl')).toBe(OK);
    expect(engine.call('PTTL', 'b')).toBeGreaterThan(2000);
    expect(engine.call('PTTL', 'b')).toBeLessThanOrEqual(3000);
    engine.advance(4000);
    expect(engine.call('EXISTS', 'a', 'b')).toBe(1);
  });

  test('a key that exists is in the way, unless it is to be replaced', () => {
    engine.run('RPUSH', 'k', 1, 2);
    engine.run('EXPIRE', 'k', 100);
    expect(engine.restore('k', Buffer.from('...'))).toBe('-BUSYKEY Target key name already exists.\r\n');
    expect(engine.restore('k', VALUE, 'REPLACE')).toBe(OK);
    expect(engine.call('GET', 'k')).toBe('bar');
    expect(engine.call('TTL', 'k')).toBe(-1);
  });

  test('a key whose time is over is not in the way', () => {
    engine.run('SET', 'k', 'old', 'PX', 10);
    engine.advance(20);
    expect(engine.restore('k', VALUE)).toBe(OK);
    expect(engine.call('GET', 'k')).toBe('bar');
  });

  test.each([
    ['unknown options', ['0', VALUE, 'bogus'], '-ERR syntax error\r\n'],
    ['IDLETIME without a value', ['0', VALUE, 'IDLETIME'], '-ERR syntax error\r\n'],
    ['IDLETIME and FREQ together', ['0', VALUE, 'IDLETIME', '1', 'FREQ', '1'], '-ERR syntax error\r\n'],
    ['a bad IDLETIME', ['0', VALUE, 'IDLETIME', 'x'], '-ERR value is not an integer or out of range\r\n'],
    ['a negative IDLETIME', ['0', VALUE, 'IDLETIME', '-1'], '-ERR Invalid IDLETIME value, must be >= 0\r\n'],
    ['a big FREQ', ['0', VALUE, 'FREQ', '256'], '-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n'],
    ['a bad time', ['x', VALUE], '-ERR value is not an integer or out of range\r\n'],
    ['a negative time', ['-1', VALUE], '-ERR Invalid TTL value, must be >= 0\r\n'],
    ['too short a payload', ['0', Buffer.from('123456789')], BAD_FOOTER],
    ['an unknown version', ['0', payload([0, 1, 65], 99)], BAD_FOOTER],
    ['an unknown form', ['0', payload([8, 1, 65])], BAD_DATA],
    ['no form', ['0', payload([])], BAD_DATA],
    ['a string cut short', ['0', payload([0, 4, 65])], BAD_DATA],
  ] as const)('%s are an error', (_what, words, error) => {
    expect(engine.run('RESTORE', 'k', ...words)).toBe(error);
    expect(engine.call('EXISTS', 'k')).toBe(0);
  });

  test('a changed byte is found by the checksum, which DEBUG can switch off', () => {
    const bytes = Buffer.from(VALUE);
    bytes[3] = 65;
    expect(engine.restore('k', bytes)).toBe(BAD_FOOTER);
    engine.control.i32[CONTROL.skipChecksum] = 1;
    expect(engine.restore('k', bytes)).toBe(OK);
    expect(engine.call('GET', 'k')).toBe('bAr');
  });

  test('versions from old to 7.4 are read', () => {
    for (const version of [1, 6, 9, 10, 11, 12]) {
      expect(engine.restore('k', payload([0, 1, 65], version), 'REPLACE')).toBe(OK);
    }
  });

  test('IDLETIME and FREQ set the access clock', () => {
    engine.restore('idle', VALUE, 'IDLETIME', '1000');
    expect(engine.call('OBJECT', 'IDLETIME', 'idle')).toBeGreaterThanOrEqual(1000);
    expect(engine.call('OBJECT', 'IDLETIME', 'idle')).toBeLessThan(1010);
    engine.control.i32[CONTROL.maxmemoryPolicy] = ALLKEYS_LFU;
    engine.restore('often', VALUE, 'FREQ', '100');
    expect(engine.call('OBJECT', 'FREQ', 'often')).toBe(100);
  });

  test('effects carry absolute times', () => {
    engine.record(true);
    engine.run('RESTORE', 'k', 0, VALUE);
    expect(engine.recorded()).toEqual([
      '0 event new k',
      '0 event restore k',
      `0: RESTORE k 0 ${VALUE.toString('latin1')}`,
    ]);
    engine.run('RESTORE', 'k', 5000, VALUE, 'REPLACE', 'IDLETIME', 3);
    const effect = engine.recorded().find((line) => line.startsWith('0: '))!;
    const words = effect.replace(VALUE.toString('latin1'), 'V').split(' ');
    expect(words.slice(0, 3)).toEqual(['0:', 'RESTORE', 'k']);
    expect(Number(words[3]) - engine.nowMs).toBeGreaterThan(3000);
    expect(words.slice(4)).toEqual(['V', 'REPLACE', 'IDLETIME', '3', 'ABSTTL']);
    engine.run('RESTORE', 'k', 2 ** 42, VALUE, 'ABSTTL', 'REPLACE');
    expect(engine.recorded()).toContain(`0: RESTORE k ${2 ** 42} ${VALUE.toString('latin1')} ABSTTL REPLACE`);
  });

  test('a value whose time is over is not stored, and what it replaces goes', () => {
    engine.run('SET', 'a', 'old');
    engine.run('SET', 'b', 'old');
    engine.record(true);
    expect(engine.run('RESTORE', 'a', 1, VALUE, 'ABSTTL', 'REPLACE')).toBe(OK);
    engine.control.i32[CONTROL.lazyServerDel] = 1;
    expect(engine.run('RESTORE', 'b', 1, VALUE, 'ABSTTL', 'REPLACE')).toBe(OK);
    expect(engine.run('RESTORE', 'c', 1, VALUE, 'ABSTTL')).toBe(OK);
    expect(engine.recorded()).toEqual(['0 event del a', '0: DEL a', '0 event del b', '0: UNLINK b']);
    expect(engine.call('EXISTS', 'a', 'b', 'c')).toBe(0);
  });

  test('keys of any length and values that need blobs come back', () => {
    const name = 'k'.repeat(20_000);
    const value = 'v'.repeat(200_000);
    engine.run('SET', 'v', value);
    const bytes = engine.dump('v');
    expect(bytes.length).toBeLessThan(4000);
    for (const target of [name, 'x'.repeat(8100)]) {
      expect(engine.restore(target, bytes)).toBe(OK);
      expect(engine.call('GET', target)).toBe(value);
      expect(engine.restore(target, VALUE, 'REPLACE')).toBe(OK);
      expect(engine.call('GET', target)).toBe('bar');
    }
  });

  test('elements that got nodes of their own come back, however short they are', () => {
    engine.control.i32[CONTROL.packedThreshold] = 2;
    engine.run('RPUSH', 'l', 'a', 'plain', 'x'.repeat(5000), 'b', '12345');
    const bytes = engine.dump('l');
    for (const threshold of [2, 0]) {
      engine.control.i32[CONTROL.packedThreshold] = threshold;
      expect(engine.restore('k', bytes, 'REPLACE')).toBe(OK);
      expect(engine.call('LRANGE', 'k', 0, -1)).toEqual(['a', 'plain', 'x'.repeat(5000), 'b', '12345']);
    }
  });

  test('nothing is left behind by what fails', () => {
    engine.run('RPUSH', 'l', ...Array.from({ length: 300 }, (_, i) => `element ${i}`));
    engine.run('HSET', 'h', ...Array.from({ length: 1300 }, (_, i) => `f${i}`));
    engine.run('SADD', 's', ...Array.from({ length: 700 }, (_, i) => `m${i}`));
    const used = engine.usedBytes();
    for (const name of ['l', 'h', 's']) {
      const body = engine.dump(name);
      for (let cut = 2; cut < body.length - 10; cut += 97) {
        expect(engine.restore('k', payload(body.subarray(0, cut)))).toBe(BAD_DATA);
      }
    }
    expect(engine.usedBytes()).toBe(used);
  });
});
