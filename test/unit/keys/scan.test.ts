import { afterEach, describe, expect, it } from 'vitest';
import { beginPause, endPause, PAUSE } from '../../../src/shared/sync/pause.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { ReplyError, type Value } from '../../harness/resp-client.js';
import { KeysEngine } from './keys-engine.js';

let last: KeysEngine | null = null;

function newEngine(shards: number): KeysEngine {
  last = new KeysEngine(shards);
  return last;
}

afterEach(() => {
  expect(last?.unannounced() ?? []).toEqual([]);
});

const SEED = seedFrom('SHERD_TEST_SEED');

function fill(engine: KeysEngine, n: number, name = 'key'): void {
  for (let i = 0; i < n; i++) engine.put(`${name}:${i}`, 'v');
}

/** All keys that a whole SCAN returns, with repetitions; `between` runs after each call. */
function scanAll(engine: KeysEngine, options: (string | number)[] = [], between?: (calls: number) => void): string[] {
  const keys: string[] = [];
  let cursor = '0';
  let calls = 0;
  do {
    const [next, some] = engine.call(['SCAN', cursor, ...options]) as [string, string[]];
    expect(next).toMatch(/^\d{1,16}$/);
    cursor = next;
    keys.push(...some);
    between?.(++calls);
    if (calls > 1_000_000) throw new Error('SCAN does not end');
  } while (cursor !== '0');
  return keys;
}

describe('SCAN', () => {
  for (const shards of [1, 4]) {
    it(`returns each key once when nothing changes, ${shards} shards`, () => {
      const engine = newEngine(shards);
      fill(engine, 20_000);
      for (const count of [1, 10, 1000, 100_000]) {
        const keys = scanAll(engine, ['COUNT', count]);
        expect(keys.length).toBe(20_000);
        expect(new Set(keys).size).toBe(20_000);
      }
    });
  }

  it('returns a small database in one call, and nothing of an empty one', () => {
    const engine = newEngine(4);
    expect(engine.call(['SCAN', 0])).toEqual(['0', []]);
    fill(engine, 6);
    const [cursor, keys] = engine.call(['SCAN', 0]) as [string, string[]];
    expect(cursor).toBe('0');
    expect(keys.sort()).toEqual(['key:0', 'key:1', 'key:2', 'key:3', 'key:4', 'key:5']);
    const [next, some] = engine.call(['SCAN', 0, 'COUNT', 1]) as [string, string[]];
    expect(next).not.toBe('0');
    expect(some.length).toBeLessThan(6);
  });

  it(`returns every key that stays, once, while others come and go (seed ${SEED})`, { timeout: 120_000 }, () => {
    const random = new SeededRandom(SEED);
    for (let round = 0; round < 3; round++) {
      const engine = newEngine(1 + random.below(3));
      const stay = 1 + random.below(3000);
      fill(engine, stay, 'stay');
      let others = random.below(6000);
      fill(engine, others, 'other');
      const growing = random.chance(0.5);
      const keys = scanAll(engine, ['COUNT', 1 + random.below(40)], () => {
        for (let n = random.below(200); n > 0; n--) {
          if (growing && others < 30_000) engine.put(`other:${others++}`, 'v');
          else if (others > 0) engine.call(['DEL', `other:${--others}`]);
        }
      });
      const stayed = keys.filter((key) => key.startsWith('stay'));
      expect(new Set(stayed).size).toBe(stay);
      expect(stayed.length).toBe(stay);
    }
  });

  it('filters by pattern and type and leaves expired keys out', () => {
    const engine = newEngine(2);
    fill(engine, 1000);
    engine.put('gone', 'v', engine.ctx.nowMs + 5);
    engine.put('other', 'v', engine.ctx.nowMs + 5);
    engine.record();
    engine.advance(10);
    expect(scanAll(engine, ['MATCH', 'key:1?']).length).toBe(10);
    expect(engine.recorded()).toEqual([]);
    expect(scanAll(engine, ['MATCH', 'g*'])).toEqual([]);
    expect(engine.recorded()).toEqual(['0: DEL gone']);
    expect(scanAll(engine, ['TYPE', 'STRING', 'COUNT', 100]).length).toBe(1000);
    expect(engine.count()).toBe(1000);
    expect(scanAll(engine, ['TYPE', 'hash'])).toEqual([]);
    expect(scanAll(engine, ['TYPE', 'nonsense'])).toEqual([]);
  });

  it('takes cursors as strtoul does and refuses others', () => {
    const engine = newEngine(2);
    fill(engine, 3);
    const invalid = new ReplyError('ERR invalid cursor');
    for (const bad of ['x', '1x', ' 1', '+', '18446744073709551616', '1 ', '0x1']) {
      expect(engine.call(['SCAN', bad]), bad).toEqual(invalid);
    }
    for (const far of ['18446744073709551615', '-1', '9007199254740993', String(2 * 64 * 2 ** 32)]) {
      expect(engine.call(['SCAN', far]), far).toEqual(['0', []]);
    }
    for (const zero of ['0', '', '000', '+0', '-0'])
      expect((engine.call(['SCAN', zero]) as Value[])[1]).toHaveLength(3);
    const syntax = new ReplyError('ERR syntax error');
    expect(engine.call(['SCAN', 0, 'COUNT'])).toEqual(syntax);
    expect(engine.call(['SCAN', 0, 'COUNT', 0])).toEqual(syntax);
    expect(engine.call(['SCAN', 0, 'COUNT', 'x'])).toEqual(
      new ReplyError('ERR value is not an integer or out of range'),
    );
    expect(engine.call(['SCAN', 0, 'NOPE', 1])).toEqual(syntax);
  });
});

describe('KEYS', () => {
  it('lists what matches, a plain name by lookup', () => {
    const engine = newEngine(4);
    fill(engine, 3000);
    engine.put('a*b', 'v');
    engine.put('', 'v');
    engine.put('K'.repeat(20_000), 'v');
    expect((engine.call(['KEYS', '*']) as string[]).length).toBe(3003);
    expect((engine.call(['KEYS', 'key:12?']) as string[]).length).toBe(10);
    expect(engine.call(['KEYS', 'key:77'])).toEqual(['key:77']);
    expect(engine.call(['KEYS', 'key'])).toEqual([]);
    expect(engine.call(['KEYS', ''])).toEqual(['']);
    expect(engine.call(['KEYS', 'a\\*b'])).toEqual(['a*b']);
    expect(engine.call(['KEYS', 'KKK*'])).toEqual(['K'.repeat(20_000)]);
    expect(engine.call(['KEYS', 'K'.repeat(20_000)])).toEqual(['K'.repeat(20_000)]);
  });

  it('leaves expired keys out without removing them', () => {
    const engine = newEngine(1);
    engine.put('a1', 'v', engine.ctx.nowMs + 5);
    engine.put('a2', 'v');
    engine.advance(10);
    expect(engine.call(['KEYS', 'a*'])).toEqual(['a2']);
    expect(engine.call(['KEYS', 'a1'])).toEqual([]);
    expect(engine.count()).toBe(2);
  });

  it(`lists each key that stays once while tables split and merge between its slices (seed ${SEED})`, {
    timeout: 120_000,
  }, () => {
    const random = new SeededRandom(SEED);
    for (const growing of [true, false]) {
      const engine = newEngine(2);
      fill(engine, 20_000, 'stay');
      let others = growing ? 0 : 60_000;
      fill(engine, others, 'other');
      let slices = 0;
      const keys = engine.call(['KEYS', '*'], () => {
        slices++;
        for (let n = random.below(2000); n > 0; n--) {
          if (growing) engine.put(`other:${others++}`, 'v');
          else if (others > 0) engine.call(['DEL', `other:${--others}`]);
        }
      }) as string[];
      const stayed = keys.filter((key) => key.startsWith('stay'));
      expect(stayed.length).toBe(20_000);
      expect(new Set(stayed).size).toBe(20_000);
      expect(slices).toBeGreaterThan(3);
    }
  });
});

describe('RANDOMKEY', () => {
  it('draws every key about as often, over shards and tables', () => {
    const engine = newEngine(3);
    expect(engine.call(['RANDOMKEY'])).toBeNull();
    fill(engine, 2000);
    const counts = new Map<string, number>();
    const draws = 40_000;
    for (let i = 0; i < draws; i++) {
      const key = engine.call(['RANDOMKEY']) as string;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    // Chi-square over 2000 cells: mean 1999, standard deviation 63.
    let chi = (2000 - counts.size) * (draws / 2000);
    for (const n of counts.values()) chi += (n - draws / 2000) ** 2 / (draws / 2000);
    expect(chi).toBeLessThan(1999 + 6 * 63);
  });

  it('removes expired keys that it draws, but not while clients are paused', () => {
    const engine = newEngine(2);
    for (let i = 0; i < 500; i++) engine.put(`k${i}`, 'v', engine.ctx.nowMs + 5);
    engine.advance(10);
    beginPause(engine.control, PAUSE.all, 60_000);
    expect(engine.call(['RANDOMKEY'])).toMatch(/^k\d+$/);
    expect(engine.count()).toBe(500);
    endPause(engine.control);
    expect(engine.call(['RANDOMKEY'])).toBeNull();
    expect(engine.count()).toBe(0);
    engine.put('alive', 'v');
    engine.put('dead', 'v', engine.ctx.nowMs - 5);
    expect(engine.call(['RANDOMKEY'])).toBe('alive');
  });
});
