import { afterEach, describe, expect, it } from 'vitest';
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

/** Two keys that live on different shards. */
function apart(engine: KeysEngine): [string, string] {
  for (let n = 0; ; n++) if (engine.shardOf(`b${n}`) !== engine.shardOf('a')) return ['a', `b${n}`];
}

const ERR_NO_KEY = new ReplyError('ERR no such key');

describe('DEL, UNLINK, EXISTS, TOUCH, TYPE', () => {
  it('remove and count keys over all shards, each occurrence for itself', () => {
    const engine = newEngine(4);
    const base = engine.usedBytes();
    for (let i = 0; i < 100; i++) engine.put(`k${i}`, 'v'.repeat(i * 200));
    const names = Array.from({ length: 100 }, (_, i) => `k${i}`);
    expect(engine.call(['EXISTS', ...names, 'k1', 'nope'])).toBe(101);
    expect(engine.call(['TOUCH', 'k1', 'k1', 'nope'])).toBe(2);
    expect(engine.call(['TYPE', 'k99'])).toBe('string');
    expect(engine.call(['TYPE', 'nope'])).toBe('none');
    expect(engine.call(['DEL', 'k0', 'k1', 'k1', 'nope'])).toBe(2);
    expect(engine.call(['UNLINK', ...names])).toBe(98);
    expect(engine.count()).toBe(0);
    expect(engine.usedBytes()).toBe(base);
  });

  it('record the command as it came, events for each key, and nothing when nothing changed', () => {
    const engine = newEngine(4);
    engine.put('a', '1');
    engine.put('b', '1');
    engine.record(true);
    engine.call(['DEL', 'a', 'b', 'nope']);
    expect(engine.recorded()).toEqual(['0 event del a', '0 event del b', '0: DEL a b nope']);
    engine.call(['UNLINK', 'a']);
    expect(engine.recorded()).toEqual([]);
    engine.call(['EXISTS', 'a']);
    expect(engine.recorded()).toEqual(['0 event keymiss a']);
  });

  it('remove an expired key that they meet, with its own effect', () => {
    const engine = newEngine(2);
    engine.put('a', '1', engine.ctx.nowMs + 10);
    engine.record(true);
    engine.advance(20);
    expect(engine.call(['DEL', 'a'])).toBe(0);
    expect(engine.recorded()).toEqual(['0: DEL a', '0 event expired a']);
  });
});

describe('RENAME, RENAMENX, MOVE, COPY', () => {
  for (const size of [0, 3, 254, 255, 7000, 9000, 200_000]) {
    it(`carry a value of ${size} bytes and its expiry to another key on the same and on another shard`, () => {
      const engine = newEngine(4);
      const base = engine.usedBytes();
      const [a, b] = apart(engine);
      const value = 'xyz'.repeat(Math.ceil(size / 3)).slice(0, size);
      for (const [from, to] of [
        [a, b],
        [b, `{${b}}2`],
        [`{${b}}2`, a],
      ] as const) {
        const atMs = engine.ctx.nowMs + 100_000;
        engine.put(from, value, atMs);
        engine.put(to, 'old'.repeat(5000));
        expect(engine.call(['RENAME', from, to])).toBe('OK');
        expect(engine.get(from)).toBeNull();
        expect(engine.get(to)).toBe(value);
        expect(engine.call(['PEXPIRETIME', to])).toBe(atMs);
        expect(engine.call(['COPY', to, from])).toBe(1);
        expect(engine.call(['COPY', to, from])).toBe(0);
        expect(engine.call(['DEL', to])).toBe(1);
        expect(engine.get(from)).toBe(value);
        expect(engine.call(['PEXPIRETIME', from])).toBe(atMs);
        expect(engine.call(['COPY', from, to, 'DB', 3])).toBe(1);
        expect(engine.call(['COPY', from, to, 'REPLACE', 'DB', 3])).toBe(1);
        expect(engine.get(to, 3)).toBe(value);
        expect(engine.call(['MOVE', from, 3])).toBe(1);
        expect(engine.call(['MOVE', from, 3])).toBe(0);
        expect(engine.count(0)).toBe(0);
        engine.db = 3;
        expect(engine.call(['PEXPIRETIME', from])).toBe(atMs);
        expect(engine.call(['DEL', from, to])).toBe(2);
        engine.db = 0;
        expect(engine.usedBytes()).toBe(base);
      }
    });
  }

  it('keep an entry within its largest size when the new key is longer', () => {
    const engine = newEngine(1);
    const base = engine.usedBytes();
    const value = 'v'.repeat(7900);
    for (const length of [8000, 8192, 8193, 100_000]) {
      engine.put('a', value);
      const long = 'k'.repeat(length);
      expect(engine.call(['RENAME', 'a', long])).toBe('OK');
      expect(engine.get(long)).toBe(value);
      expect(engine.call(['COPY', long, 'a'])).toBe(1);
      expect(engine.get('a')).toBe(value);
      engine.call(['DEL', 'a', long]);
    }
    expect(engine.usedBytes()).toBe(base);
  });

  it('answer as Redis does when there is nothing to do or the request makes no sense', () => {
    const engine = newEngine(4);
    engine.put('a', '1');
    engine.put('b', '2');
    expect(engine.call(['RENAME', 'nope', 'a'])).toEqual(ERR_NO_KEY);
    expect(engine.call(['RENAME', 'nope', 'nope'])).toEqual(ERR_NO_KEY);
    expect(engine.call(['RENAME', 'a', 'a'])).toBe('OK');
    expect(engine.call(['RENAMENX', 'a', 'a'])).toBe(0);
    expect(engine.call(['RENAMENX', 'a', 'b'])).toBe(0);
    expect(engine.call(['RENAMENX', 'a', 'c'])).toBe(1);
    expect(engine.call(['MOVE', 'c', 0])).toEqual(new ReplyError('ERR source and destination objects are the same'));
    expect(engine.call(['MOVE', 'c', 16])).toEqual(new ReplyError('ERR DB index is out of range'));
    expect(engine.call(['MOVE', 'c', -1])).toEqual(new ReplyError('ERR DB index is out of range'));
    expect(engine.call(['MOVE', 'c', '01'])).toEqual(new ReplyError('ERR value is not an integer or out of range'));
    expect(engine.call(['MOVE', 'c', 2147483648])).toEqual(
      new ReplyError('ERR value is out of range, value must between -2147483648 and 2147483647'),
    );
    expect(engine.call(['COPY', 'c', 'c'])).toEqual(new ReplyError('ERR source and destination objects are the same'));
    expect(engine.call(['COPY', 'c', 'd', 'DB'])).toEqual(new ReplyError('ERR syntax error'));
    expect(engine.call(['COPY', 'c', 'd', 'X'])).toEqual(new ReplyError('ERR syntax error'));
    expect(engine.call(['COPY', 'nope', 'd'])).toBe(0);
  });

  it('record the command as it came and the events of both ends', () => {
    const engine = newEngine(4);
    engine.put('a', '1');
    engine.record(true);
    engine.call(['RENAME', 'a', 'b']);
    engine.call(['COPY', 'b', 'c', 'DB', 2]);
    engine.call(['MOVE', 'b', 5]);
    expect(engine.recorded()).toEqual([
      '0 event new b',
      '0 event rename_from a',
      '0 event rename_to b',
      '0: RENAME a b',
      '2 event new c',
      '2 event copy_to c',
      '0: COPY b c DB 2',
      '5 event new b',
      '0 event move_from b',
      '5 event move_to b',
      '0: MOVE b 5',
    ]);
  });

  it('treat an expired destination as absent', () => {
    const engine = newEngine(4);
    engine.put('a', '1');
    engine.put('b', '2', engine.ctx.nowMs + 10);
    engine.put('a', '3', engine.ctx.nowMs + 10, 4);
    engine.advance(20);
    expect(engine.call(['MOVE', 'a', 4])).toBe(1);
    expect(engine.get('a', 4)).toBe('1');
    engine.put('a', '1');
    expect(engine.call(['RENAMENX', 'a', 'b'])).toBe(1);
    expect(engine.get('b')).toBe('1');
  });
});
