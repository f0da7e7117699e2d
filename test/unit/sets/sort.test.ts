import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { TestEngine, type Word } from '../engine-harness.js';

const seed = seedFrom('SORT_SEED');
const SCORES = "-ERR One or more scores can't be converted into double\r\n";

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

const bytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface Options {
  readonly by?: 'weight' | 'field' | 'constant';
  readonly alpha: boolean;
  readonly desc: boolean;
  readonly limit?: readonly [number, number];
}

/** SORT in its plainest form; the weights of elements are given. */
function plainSort(elements: readonly string[], weight: (element: string) => string | null, o: Options): string[] {
  let out = [...elements];
  if (o.by !== 'constant') {
    const sign = o.desc ? -1 : 1;
    out = out
      .map((element, i) => ({ element, i, w: o.by === undefined ? element : weight(element) }))
      .sort((a, b) => {
        if (!o.alpha) return sign * (Number(a.w ?? 0) - Number(b.w ?? 0) || bytes(a.element, b.element)) || a.i - b.i;
        if (a.w === null || b.w === null) return sign * (a.w === b.w ? 0 : a.w === null ? -1 : 1) || a.i - b.i;
        return sign * bytes(a.w, b.w) || a.i - b.i;
      })
      .map(({ element }) => element);
  } else if (o.desc) out.reverse();
  if (o.limit === undefined) return out;
  const [start, count] = o.limit;
  const from = Math.max(0, start);
  return out.slice(from, count < 0 ? undefined : from + count);
}

describe(`SORT (SORT_SEED=${seed})`, () => {
  it.each([1, 3])('agrees with a plain sort over %i shards', (shards) => {
    const random = new SeededRandom(seed);
    const engine = new TestEngine(shards);
    for (let round = 0; round < 80; round++) {
      engine.call('FLUSHALL');
      const n = random.pick([0, 1, 2, 12, 13, 24, 100, 400]);
      const numeric = random.chance(0.5);
      const make = (): string =>
        numeric ? String(random.chance(0.5) ? random.between(-50, 50) : random.next() * 100) : `e${random.below(90)}`;
      const elements = Array.from({ length: n }, make);
      const weights = new Map<string, string>();
      for (const element of elements) {
        if (random.chance(0.2)) continue;
        weights.set(element, String(random.between(-5, 5)));
        engine.call('SET', `w:${element}:x`, weights.get(element)!);
        engine.call('HSET', `h:${element}`, 'f', weights.get(element)!);
      }
      const list = random.chance(0.6);
      const source = list ? elements : [...new Set(elements)];
      if (n > 0) engine.call(list ? 'RPUSH' : 'SADD', 'src', ...elements);
      const by = random.pick(['weight', 'field', 'constant', undefined] as const);
      if (by === 'constant' && !list) continue;
      const alpha = by === undefined && !numeric ? true : random.chance(0.5);
      const limit = random.chance(0.5) ? ([random.between(-3, n + 3), random.between(-2, n + 2)] as const) : undefined;
      const options: Options = {
        ...(by === undefined ? {} : { by }),
        alpha,
        desc: random.chance(0.5),
        ...(limit === undefined ? {} : { limit }),
      };
      const words: Word[] = ['src'];
      if (by !== undefined) words.push('BY', { weight: 'w:*:x', field: 'h:*->f', constant: 'nothing' }[by]);
      if (alpha) words.push('ALPHA');
      words.push(options.desc ? 'desc' : 'ASC');
      if (limit !== undefined) words.push('LIMIT', ...limit);
      const expected = plainSort(source, (element) => weights.get(element) ?? null, options);
      // A set has no order of its own that could tell equal texts apart.
      const ties = !list && alpha && by !== undefined;
      const got = engine.call(random.pick(['SORT', 'SORT_RO']), ...words) as string[];
      if (ties) {
        const text = (element: string): string | null => weights.get(element) ?? null;
        if (limit === undefined) expect([...got].sort()).toEqual([...expected].sort());
        expect(got.map(text)).toEqual(expected.map(text));
        continue;
      }
      expect(got).toEqual(expected);
      const gets = ['GET', 'w:*:x', 'GET', '#', 'GET', 'h:*->f', 'GET', 'no star'];
      const rows = expected.flatMap((x) => [weights.get(x) ?? null, x, weights.get(x) ?? null, null]);
      expect(engine.call('SORT', ...words, ...gets)).toEqual(rows);
      expect(engine.call('SORT', ...words, ...gets, 'STORE', 'dst')).toBe(rows.length);
      expect(engine.call('LRANGE', 'dst', 0, -1)).toEqual(rows.map((row) => row ?? ''));
      expect(engine.call('SORT', ...words, 'STORE', 'src')).toBe(expected.length);
      expect(engine.call('LRANGE', 'src', 0, -1)).toEqual(expected);
    }
    expect(fsck(engine)).toEqual([]);
    expect(engine.unannounced()).toEqual([]);
  });

  it('orders many elements, whole and only the first few', () => {
    const engine = new TestEngine();
    const random = new SeededRandom(seed);
    const n = 20_000;
    const all = Array.from({ length: n }, () => random.below(5000));
    for (let i = 0; i < n; i += 1000) engine.call('RPUSH', 'l', ...all.slice(i, i + 1000));
    const ascending = [...all].sort((a, b) => a - b).map(String);
    expect(engine.call('SORT', 'l')).toEqual(ascending);
    expect(engine.call('SORT', 'l', 'DESC')).toEqual([...ascending].reverse());
    expect(engine.call('SORT', 'l', 'LIMIT', 100, 50)).toEqual(ascending.slice(100, 150));
    expect(engine.call('SORT', 'l', 'ALPHA')).toEqual(all.map(String).sort());
    expect(engine.call('SORT', 'l', 'ALPHA', 'DESC', 'LIMIT', 0, 9)).toEqual(
      all.map(String).sort().reverse().slice(0, 9),
    );
  });

  it('reads numbers as C does', () => {
    const engine = new TestEngine();
    const good = ['-inf', '-1e3', '-0x10', '', '+1.5', ' 2', '0x1p2', '5.', '1e1', '11\0junk', '1e300', 'Infinity'];
    engine.call('RPUSH', 'l', ...[...good].reverse());
    expect(engine.call('SORT', 'l')).toEqual(good);
    for (const bad of ['nan', '1 ', '1e400', '1e-400', '0x', '.', '-', 'x', '1_0', '  ', '1e', 'inf1']) {
      engine.call('DEL', 'l');
      engine.call('RPUSH', 'l', '1', bad);
      expect(engine.run('SORT', 'l'), bad).toBe(SCORES);
      expect(engine.run('SORT', 'l', 'STORE', 'dst'), bad).toBe(SCORES);
    }
    expect(engine.call('EXISTS', 'dst')).toBe(0);
  });

  it('has the errors of Redis', () => {
    const engine = new TestEngine(3);
    engine.call('SET', 'string', 'x');
    engine.call('RPUSH', 'l', '3', '1', '2');
    const rows: readonly (readonly [readonly Word[], string])[] = [
      [['SORT', 'string'], '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'],
      [['SORT', 'l', 'LIMIT', '1'], '-ERR syntax error\r\n'],
      [['SORT', 'l', 'LIMIT', 'x', '1'], '-ERR value is not an integer or out of range\r\n'],
      [['SORT', 'l', 'LIMIT', '0', '1.5'], '-ERR value is not an integer or out of range\r\n'],
      [['SORT', 'l', 'BY'], '-ERR syntax error\r\n'],
      [['SORT', 'l', 'GET'], '-ERR syntax error\r\n'],
      [['SORT', 'l', 'STORE'], '-ERR syntax error\r\n'],
      [['SORT', 'l', 'WHAT'], '-ERR syntax error\r\n'],
      [['SORT_RO', 'l', 'STORE', 'x'], '-ERR syntax error\r\n'],
      [['SORT', 'none'], '*0\r\n'],
      [['SORT', 'none', 'STORE', 'string'], ':0\r\n'],
      [['EXISTS', 'string'], ':0\r\n'],
      [['SORT', 'l', 'LIMIT', '5', '10'], '*0\r\n'],
      [['SORT', 'l', 'LIMIT', '0', '0'], '*0\r\n'],
      [
        ['SORT', 'l', 'LIMIT', '-9223372036854775808', '9223372036854775807'],
        '*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n',
      ],
    ];
    for (const [words, expected] of rows) expect(engine.run(...words), words.join(' ')).toBe(expected);
  });

  it('replaces the destination, and tells and propagates that', () => {
    const engine = new TestEngine(3);
    engine.call('SADD', 's', 'b', 'c', 'a');
    engine.call('SET', 'dst', 'x', 'EX', 100);
    engine.record(true);
    expect(engine.call('SORT', 's', 'ALPHA', 'STORE', 'dst')).toBe(3);
    expect(engine.recorded()).toEqual(['0 event sortstore dst', '0: SORT s ALPHA STORE dst']);
    expect(engine.call('TTL', 'dst')).toBe(-1);
    expect(engine.call('OBJECT', 'ENCODING', 'dst')).toBe('listpack');
    expect(engine.call('SORT', 's', 'BY', 'nosort', 'STORE', 'new')).toBe(3);
    expect(engine.recorded()).toEqual(['0 event new new', '0 event sortstore new', '0: SORT s BY nosort STORE new']);
    expect(engine.call('LRANGE', 'new', 0, -1)).toEqual(['a', 'b', 'c']);
    expect(engine.call('SORT', 'none', 'STORE', 'dst')).toBe(0);
    expect(engine.recorded().filter((line) => !line.includes('keymiss'))).toEqual([
      '0 event del dst',
      '0: SORT none STORE dst',
    ]);
  });

  it.each([3, 200])('sorts the members of a sorted set of %i, or keeps the order of its scores', (n) => {
    const engine = new TestEngine(2);
    const members = Array.from({ length: n }, (_, i) => String((i * 37) % n));
    for (const [i, member] of members.entries()) engine.call('ZADD', 'z', i, member);
    const ascending = [...members].sort((a, b) => Number(a) - Number(b));
    expect(engine.call('SORT', 'z')).toEqual(ascending);
    expect(engine.call('SORT', 'z', 'ALPHA', 'DESC')).toEqual([...members].sort().reverse());
    expect(engine.call('SORT', 'z', 'BY', 'nosort')).toEqual(members);
    expect(engine.call('SORT', 'z', 'BY', 'nosort', 'DESC')).toEqual([...members].reverse());
    expect(engine.call('SORT', 'z', 'BY', 'nosort', 'LIMIT', 1, 2)).toEqual(members.slice(1, 3));
    expect(engine.call('SORT', 'z', 'BY', 'nosort', 'DESC', 'LIMIT', 1, 500)).toEqual([...members].reverse().slice(1));
    expect(engine.call('SORT', 'z', 'BY', 'nosort', 'LIMIT', n, 5)).toEqual([]);
    expect(engine.call('SORT', 'z', 'BY', 'nosort', 'STORE', 'l')).toBe(n);
    expect(engine.call('LRANGE', 'l', 0, -1)).toEqual(members);
  });

  it('finds hash fields and strings of any size behind patterns', () => {
    const engine = new TestEngine(2);
    const long = 'v'.repeat(100_000);
    engine.call('RPUSH', 'l', 'a', 'b');
    engine.call('SET', 'k:a->', 'arrow');
    engine.call('SET', 'k:b->', long);
    expect(engine.call('SORT', 'l', 'BY', 'x', 'GET', 'k:*->')).toEqual(['arrow', long]);
    engine.call('HSET', 'h:a:z', 'f', long, 'n', 2);
    engine.call('HSET', 'h:b:z', 'f', 'short', 'n', 1);
    expect(engine.call('SORT', 'l', 'BY', 'h:*:z->n', 'GET', 'h:*:z->f', 'GET', '#')).toEqual([
      'short',
      'b',
      long,
      'a',
    ]);
    engine.call('SADD', 'h:c:z', 'x');
    engine.call('RPUSH', 'l', 'c');
    expect(engine.call('SORT', 'l', 'ALPHA', 'GET', 'h:*:z->f')).toEqual([long, 'short', null]);
  });
});
