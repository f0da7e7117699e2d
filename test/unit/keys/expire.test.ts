import { afterEach, describe, expect, it } from 'vitest';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { ReplyError } from '../../harness/resp-client.js';
import { KeysEngine } from './keys-engine.js';

let last: KeysEngine | null = null;

function newEngine(shards: number): KeysEngine {
  last = new KeysEngine(shards);
  return last;
}

afterEach(() => {
  expect(last?.unannounced() ?? []).toEqual([]);
});

function engineWith(...keys: string[]): KeysEngine {
  const engine = newEngine(2);
  for (const key of keys) engine.put(key, 'v');
  return engine;
}

describe('EXPIRE and its kin', () => {
  it('set, show and take off a time to live in either unit', () => {
    const engine = engineWith('k');
    expect(engine.call(['TTL', 'k'])).toBe(-1);
    expect(engine.call(['EXPIRE', 'k', 100])).toBe(1);
    expect(engine.call(['TTL', 'k'])).toBe(100);
    expect(engine.call(['PEXPIRE', 'k', 1600])).toBe(1);
    expect(engine.call(['TTL', 'k'])).toBeOneOf([1, 2]);
    expect(engine.call(['PEXPIREAT', 'k', 33177117420000])).toBe(1);
    expect(engine.call(['EXPIRETIME', 'k'])).toBe(33177117420);
    expect(engine.call(['EXPIREAT', 'k', 33177117421])).toBe(1);
    expect(engine.call(['PEXPIRETIME', 'k'])).toBe(33177117421000);
    expect(engine.call(['PERSIST', 'k'])).toBe(1);
    expect(engine.call(['PERSIST', 'k'])).toBe(0);
    expect(engine.call(['PTTL', 'k'])).toBe(-1);
    for (const name of ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME']) expect(engine.call([name, 'nope'])).toBe(-2);
    expect(engine.get('k')).toBe('v');
  });

  it('let a key go when its time is over', () => {
    const engine = engineWith('k');
    engine.call(['PEXPIRE', 'k', 50_000]);
    engine.advance(40_000);
    expect(engine.call(['EXISTS', 'k'])).toBe(1);
    engine.advance(20_000);
    expect(engine.call(['EXISTS', 'k'])).toBe(0);
    expect(engine.count()).toBe(0);
  });

  it('obey NX, XX, GT and LT', () => {
    const engine = engineWith('k');
    const expire = (seconds: number, ...options: string[]) => engine.call(['EXPIRE', 'k', seconds, ...options]);
    expect(expire(100, 'XX')).toBe(0);
    expect(expire(100, 'GT')).toBe(0);
    expect(expire(100, 'xx', 'gt')).toBe(0);
    expect(expire(100, 'lt', 'xx')).toBe(0);
    expect(expire(100, 'LT')).toBe(1);
    expect(expire(50, 'NX')).toBe(0);
    expect(expire(50, 'GT')).toBe(0);
    expect(expire(200, 'GT', 'XX')).toBe(1);
    expect(expire(300, 'LT')).toBe(0);
    expect(expire(20, 'LT')).toBe(1);
    engine.call(['PERSIST', 'k']);
    expect(expire(5, 'NX')).toBe(1);
    expect(engine.call(['TTL', 'k'])).toBe(5);
    expect(engine.call(['EXPIRE', 'nope', 5])).toBe(0);
  });

  it('refuse what is no time, in the words of Redis', () => {
    const engine = engineWith('k');
    const error = (...words: (string | number)[]) => engine.call(['EXPIRE', 'k', ...words]);
    const invalid = new ReplyError("ERR invalid expire time in 'expire' command");
    const notInteger = new ReplyError('ERR value is not an integer or out of range');
    for (const n of ['9223372036854776', '9223370399119966', '-9223372036854776', '18446744073709561']) {
      expect(error(n), n).toEqual(invalid);
    }
    for (const n of ['', '1.5', ' 1', '+1', '01', '-0', '9223372036854775808', 'x', '1'.repeat(40)]) {
      expect(error(n), n).toEqual(notInteger);
    }
    expect(engine.call(['PEXPIRE', 'k', '9223372036854770000'])).toEqual(
      new ReplyError("ERR invalid expire time in 'pexpire' command"),
    );
    expect(error(1, 'AB')).toEqual(new ReplyError('ERR Unsupported option AB'));
    expect(error('x', 'AB')).toEqual(new ReplyError('ERR Unsupported option AB'));
    expect(error(1, 'NX', 'GT')).toEqual(
      new ReplyError('ERR NX and XX, GT or LT options at the same time are not compatible'),
    );
    expect(error(1, 'LT', 'GT')).toEqual(new ReplyError('ERR GT and LT options at the same time are not compatible'));
    expect(engine.call(['TTL', 'k'])).toBe(-1);
    expect(engine.call(['PEXPIREAT', 'k', '9223372036854770000'])).toBe(1);
    expect(engine.call(['PEXPIREAT', 'k', '-9223372036854770000'])).toBe(1);
    expect(engine.call(['TTL', 'k'])).toBe(-2);
  });

  it('record an absolute PEXPIREAT, or DEL or UNLINK for a time in the past', () => {
    const engine = engineWith('a', 'b', 'c', 'd');
    engine.record(true);
    const now = engine.ctx.nowMs;
    engine.call(['EXPIREAT', 'a', 33177117420, 'NX']);
    engine.call(['pexpireat', 'a', 33177117420000]);
    engine.call(['EXPIRE', 'b', -1]);
    engine.control.i32[CONTROL.lazyExpire] = 1;
    engine.call(['PEXPIREAT', 'c', 5]);
    engine.call(['PERSIST', 'a']);
    engine.call(['PERSIST', 'a']);
    engine.call(['EXPIRE', 'a', 5, 'XX']);
    expect(engine.recorded()).toEqual([
      '0: PEXPIREAT a 33177117420000 NX',
      '0 event expire a',
      '0: PEXPIREAT a 33177117420000',
      '0 event expire a',
      '0: DEL b',
      '0 event del b',
      '0: UNLINK c',
      '0 event del c',
      '0 event persist a',
      '0: PERSIST a',
    ]);
    engine.call(['PEXPIRE', 'd', 1000]);
    const [effect] = engine.recorded();
    const atMs = Number(effect!.split(' ')[3]);
    expect(effect).toMatch(/^0: PEXPIREAT d \d+$/);
    expect(atMs - now).toBeGreaterThanOrEqual(1000);
    expect(atMs - now).toBeLessThan(60_000);
  });
});
