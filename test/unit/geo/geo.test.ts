import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { GeoArea } from '../../../src/shard/types/geo/geo-area.js';
import { decodeScore, encodeScore, position } from '../../../src/shard/types/geo/geo-hash.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';
import { modelDistance, modelPosition, modelScore } from './geo-model.js';

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function engineWith(shards: number, entriesMax: number, ...commands: Word[][]): TestEngine {
  const engine = new TestEngine(shards);
  engine.control.f64[CONTROL_F64.zsetMaxListpackEntries] = entriesMax;
  engine.control.f64[CONTROL_F64.zsetMaxListpackValue] = 64;
  for (const words of commands) expect(engine.run(...words)).not.toMatch(/^-/);
  return engine;
}

const SICILY: Word[] = ['GEOADD', 'Sicily', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'];
const LON = fc.double({ min: -180, max: 180, noNaN: true });
const LAT = fc.double({ min: -85.05112878, max: 85.05112878, noNaN: true });
const SYNTAX = '-ERR syntax error\r\n';
const WRONG = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';
const UNIT = '-ERR unsupported unit provided. please use M, KM, FT, MI\r\n';
const PAIR = '-ERR invalid longitude,latitude pair';

describe('scores of positions', () => {
  it('have the bits of Redis', () => {
    fc.assert(
      fc.property(LON, LAT, (lon, lat) => {
        expect(encodeScore(lon, lat)).toBe(Number(modelScore(lon, lat)));
      }),
      { numRuns: 2000 },
    );
    for (const lon of [-180, 0, 180]) {
      for (const lat of [-85.05112878, 0, 85.05112878]) {
        expect(encodeScore(lon, lat)).toBe(Number(modelScore(lon, lat)));
      }
    }
    expect(encodeScore(13.361389, 38.115556)).toBe(3479099956230698);
  });

  it('mean the middle of their cell', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 52n) - 1n), (score) => {
        const [lon, lat] = modelPosition(score);
        decodeScore(Number(score));
        expect(position.lon).toBeCloseTo(lon, 12);
        expect(position.lat).toBeCloseTo(lat, 12);
        expect(encodeScore(position.lon, position.lat)).toBe(Number(score));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([Number.NEGATIVE_INFINITY, -1e300, -1, -0.5, 1.5, 2 ** 53, 2 ** 60, 2 ** 63, 2 ** 64, 1e300, Infinity])(
    'are positions whatever they are: %d',
    (score) => {
      decodeScore(score);
      expect(Math.abs(position.lon)).toBeLessThanOrEqual(180);
      expect(Math.abs(position.lat)).toBeLessThanOrEqual(85.05112878);
    },
  );
});

describe('areas', () => {
  it('decide without sines as with them', () => {
    const radius = fc.oneof(
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.double({ min: 0, max: 2.1e7, noNaN: true }),
    );
    const near = fc.double({ min: -0.01, max: 0.01, noNaN: true });
    fc.assert(
      fc.property(
        LON,
        LAT,
        LON,
        LAT,
        near,
        near,
        fc.boolean(),
        radius,
        radius,
        (lon, lat, lon2, lat2, dx, dy, close, r, h) => {
          if (close) {
            lon2 = Math.max(-180, Math.min(180, lon + dx));
            lat2 = Math.max(-85.05, Math.min(85.05, lat + dy));
          }
          const score = encodeScore(lon2, lat2);
          decodeScore(score);
          const { lon: x, lat: y } = position;
          const area = new GeoArea();
          area.lon = lon;
          area.lat = lat;
          for (const isBox of [false, true]) {
            area.isBox = isBox;
            area.radius = r;
            area.width = r;
            area.height = h;
            const inside = isBox
              ? 6372797.560856 * Math.abs((y - lat) * (Math.PI / 180)) <= h / 2 && modelDistance(x, y, lon, y) <= r / 2
              : modelDistance(lon, lat, x, y) <= r;
            for (const measured of [true, false]) {
              area.measured = measured;
              area.cover();
              expect(area.within(score)).toBe(inside);
            }
            if (inside && isBox === area.isBox) {
              area.measured = true;
              area.within(score);
              expect(area.distance).toBeCloseTo(modelDistance(lon, lat, x, y), 6);
            }
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('GEO commands', () => {
  it.each([
    ['GEOADD Sicily 13 38', "-ERR wrong number of arguments for 'geoadd' command\r\n"],
    ['GEOADD Sicily NX CH XX', SYNTAX],
    ['GEOADD Sicily NX CH CH', SYNTAX],
    ['GEOADD Sicily 13 38 a b', SYNTAX],
    ['GEOADD Sicily NX XX 13 38 a', SYNTAX],
    ['GEOADD Sicily x 38 a', '-ERR value is not a valid float\r\n'],
    ['GEOADD Sicily 1 nan a', '-ERR value is not a valid float\r\n'],
    ['GEOADD Sicily 200 100 a', `${PAIR} 200.000000,100.000000\r\n`],
    ['GEOADD Sicily 1e21 inf a', `${PAIR} 1000000000000000000000.000000,inf\r\n`],
    ['GEOADD s 1 2 a', WRONG],
    ['GEOADD s 200 2 a', `${PAIR} 200.000000,2.000000\r\n`],
    ['GEODIST Sicily Palermo Catania', '$11\r\n166274.1516\r\n'],
    ['GEODIST Sicily Palermo Catania KM', '$8\r\n166.2742\r\n'],
    ['GEODIST Sicily Palermo Palermo', '$6\r\n0.0000\r\n'],
    ['GEODIST Sicily Palermo nowhere', '$-1\r\n'],
    ['GEODIST none a b', '$-1\r\n'],
    ['GEODIST none a b yd', UNIT],
    ['GEODIST Sicily a b m x', SYNTAX],
    ['GEODIST s a b', WRONG],
    ['GEOHASH Sicily Palermo nowhere Catania', '*3\r\n$11\r\nsqc8b49rny0\r\n$-1\r\n$11\r\nsqdtr74hyu0\r\n'],
    ['GEOHASH Sicily', '*0\r\n'],
    ['GEOPOS Sicily nowhere', '*1\r\n*-1\r\n'],
    ['GEOPOS Sicily Palermo', '*1\r\n*2\r\n$20\r\n13.36138933897018433\r\n$20\r\n38.11555639549629859\r\n'],
    ['GEOPOS none a', '*1\r\n*-1\r\n'],
    ['GEORADIUS s 1 2 3 m', WRONG],
    ['GEORADIUS none 200 2 3 m', `${PAIR} 200.000000,2.000000\r\n`],
    ['GEORADIUS none 1 2 x m', '-ERR need numeric radius\r\n'],
    ['GEORADIUS none 1 2 -3 yd', '-ERR radius cannot be negative\r\n'],
    ['GEORADIUS none 1 2 3 yd', UNIT],
    ['GEORADIUS none 1 2 3 m COUNT 0', '-ERR COUNT must be > 0\r\n'],
    ['GEORADIUS none 1 2 3 m COUNT x', '-ERR value is not an integer or out of range\r\n'],
    ['GEORADIUS none 1 2 3 m COUNT', SYNTAX],
    ['GEORADIUS none 1 2 3 m ANY', '-ERR the ANY argument requires COUNT argument\r\n'],
    ['GEORADIUS none 1 2 3 m FROMMEMBER a', SYNTAX],
    ['GEORADIUS_RO none 1 2 3 m STORE a', SYNTAX],
    [
      'GEORADIUS none 1 2 3 m STORE a WITHDIST',
      '-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n',
    ],
    ['GEORADIUS none 1 2 3 m', '*0\r\n'],
    ['GEORADIUS none 1 2 3 m STORE a', ':0\r\n'],
    ['GEORADIUSBYMEMBER none a x y', '*0\r\n'],
    ['GEORADIUSBYMEMBER Sicily nowhere 1 km', '-ERR could not decode requested zset member\r\n'],
    ['GEORADIUSBYMEMBER Sicily Palermo 200 km DESC', '*2\r\n$7\r\nCatania\r\n$7\r\nPalermo\r\n'],
    ['GEORADIUSBYMEMBER_RO Sicily Palermo 1 km', '*1\r\n$7\r\nPalermo\r\n'],
    ['GEORADIUS Sicily 15 37 200 km WITHDIST ASC COUNT 1', '*1\r\n*2\r\n$7\r\nCatania\r\n$7\r\n56.4413\r\n'],
    ['GEORADIUS Sicily 15 37 100 km WITHHASH', '*1\r\n*2\r\n$7\r\nCatania\r\n:3479447370796909\r\n'],
    ['GEOSEARCH Sicily FROMMEMBER Palermo ASC DESC CO', SYNTAX],
    [
      'GeoSearch Sicily FROMLONLAT 1 2 ASC DESC',
      '-ERR exactly one of BYRADIUS and BYBOX can be specified for GeoSearch\r\n',
    ],
    [
      'GEOSEARCH none BYBOX 1 2 m ASC ANY',
      '-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH\r\n',
    ],
    ['GEOSEARCH none FROMMEMBER a FROMLONLAT 1 2 BYRADIUS 1 m', SYNTAX],
    ['GEOSEARCH none FROMMEMBER a BYBOX 1 2 m BYRADIUS 1 m', SYNTAX],
    ['GEOSEARCH none FROMMEMBER a BYBOX x 2 m', '-ERR need numeric width\r\n'],
    ['GEOSEARCH none FROMMEMBER a BYBOX 1 x m', '-ERR need numeric height\r\n'],
    ['GEOSEARCH none FROMMEMBER a BYBOX 1 -1 m', '-ERR height or width cannot be negative\r\n'],
    ['GEOSEARCH none FROMMEMBER a BYBOX 1 1 m STOREDIST', SYNTAX],
    ['GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC', '*2\r\n$7\r\nCatania\r\n$7\r\nPalermo\r\n'],
    ['GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 120 km', '*1\r\n$7\r\nCatania\r\n'],
    [
      'GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYBOX 4 4 km WITHDIST',
      '-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options\r\n',
    ],
    ['GEOSEARCHSTORE d s FROMLONLAT 15 37 BYBOX 4 4 km', WRONG],
    ['GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYBOX 400 400 km', ':2\r\n'],
  ])('%s', (command, answer) => {
    const engine = engineWith(2, 128, SICILY, ['SET', 's', 'x']);
    expect(engine.run(...command.split(' '))).toBe(answer);
    expect(fsck(engine)).toEqual([]);
  });

  it('answer with doubles for coordinates, and text for distances, in RESP3', () => {
    const engine = engineWith(1, 128, SICILY);
    engine.proto = 3;
    expect(engine.run('GEOPOS', 'Sicily', 'Palermo', 'x')).toBe(
      '*2\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n_\r\n',
    );
    expect(engine.run('GEODIST', 'Sicily', 'Palermo', 'Catania')).toBe('$11\r\n166274.1516\r\n');
  });

  it('count what GEOADD changed as ZADD does', () => {
    const engine = engineWith(1, 128, SICILY);
    expect(engine.call('GEOADD', 'Sicily', 'NX', 1, 1, 'Palermo', 2, 2, 'new')).toBe(1);
    expect(engine.call('GEOADD', 'Sicily', 'CH', 1, 1, 'Palermo', 2, 2, 'new', 3, 3, 'newer')).toBe(2);
    expect(engine.call('GEOADD', 'Sicily', 'XX', 5, 5, 'newest')).toBe(0);
    expect(engine.call('GEOADD', 'none', 'XX', 5, 5, 'newest')).toBe(0);
    expect(engine.call('EXISTS', 'none')).toBe(0);
  });

  it('store what they find, across shards, in place of what was there', () => {
    const engine = engineWith(4, 128, SICILY, ['SET', 'd', 'x', 'EX', 100]);
    engine.record(true);
    expect(engine.call('GEOSEARCHSTORE', 'd', 'Sicily', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 200, 'km')).toBe(2);
    expect(engine.recorded()).toEqual([
      '0 event geosearchstore d',
      '0: GEOSEARCHSTORE d Sicily FROMMEMBER Palermo BYRADIUS 200 km',
    ]);
    expect(engine.call('TTL', 'd')).toBe(-1);
    expect(engine.call('ZRANGE', 'd', 0, -1, 'WITHSCORES')).toEqual(
      engine.call('ZRANGE', 'Sicily', 0, -1, 'WITHSCORES'),
    );
    expect(engine.call('GEORADIUS', 'Sicily', 15, 37, 200, 'km', 'STOREDIST', 'd', 'DESC')).toBe(2);
    const scores = engine.call('ZRANGE', 'd', 0, -1, 'WITHSCORES') as string[];
    expect([scores[0], scores[2]].map(String)).toEqual(['Catania', 'Palermo']);
    expect(Number(scores[1])).toBeCloseTo(56.4412578701582, 9);
    expect(Number(scores[3])).toBeCloseTo(190.44242984775784, 9);
    expect(engine.recorded()).toEqual([
      '0 event georadiusstore d',
      '0: GEORADIUS Sicily 15 37 200 km STOREDIST d DESC',
    ]);
    expect(engine.call('GEORADIUS', 'Sicily', 0, 0, 1, 'm', 'STORE', 'd', 'STORE', 'e')).toBe(0);
    expect(engine.call('EXISTS', 'd')).toBe(1);
    expect(engine.call('GEORADIUS', 'Sicily', 0, 0, 1, 'm', 'STORE', 'd')).toBe(0);
    expect(engine.recorded()).toEqual(['0 event del d', '0: GEORADIUS Sicily 0 0 1 m STORE d']);
    expect(engine.call('GEOSEARCHSTORE', 'Sicily', 'Sicily', 'FROMMEMBER', 'Palermo', 'BYRADIUS', 1, 'km')).toBe(1);
    expect(fsck(engine)).toEqual([]);
  });

  it('find what a look at every member finds, near and far, packed or in a tree', () => {
    const town = fc.tuple(fc.double({ min: 12, max: 14, noNaN: true }), fc.double({ min: 51, max: 53, noNaN: true }));
    const anywhere = fc.tuple(LON, fc.double({ min: -80, max: 80, noNaN: true }));
    const where = fc.oneof(town, anywhere);
    const search = fc.record({
      centre: town,
      box: fc.boolean(),
      km: fc.constantFrom(1, 10, 50, 200, 900, 3000),
      other: fc.constantFrom(5, 80, 700),
      order: fc.constantFrom('ASC', 'DESC', ''),
      count: fc.constantFrom(0, 1, 5, 1000),
    });
    fc.assert(
      fc.property(
        fc.array(where, { minLength: 1, maxLength: 150 }),
        fc.array(search, { minLength: 5, maxLength: 10 }),
        fc.constantFrom(0, 1000),
        (places, searches, entriesMax) => {
          const engine = engineWith(2, entriesMax);
          places.forEach(([lon, lat], i) => {
            engine.run('GEOADD', 'geo', lon, lat, i % 2 === 0 ? `m${i}` : i);
          });
          const positions = places.map(([lon, lat]) => modelPosition(modelScore(lon, lat)));
          for (const { centre, box, km, other, order, count } of searches) {
            const [lon, lat] = centre;
            const distances = positions.map(([x, y]) => modelDistance(lon, lat, x, y));
            const inside = positions.map(([x, y], i) =>
              box
                ? modelDistance(lon, lat, lon, y) <= other * 500 && modelDistance(x, y, lon, y) <= km * 500
                : distances[i]! <= km * 1000,
            );
            const wanted = distances.filter((_, i) => inside[i]).sort((a, b) => (order === 'DESC' ? b - a : a - b));
            const shape: Word[] = box ? ['BYBOX', km, other, 'km'] : ['BYRADIUS', km, 'km'];
            const words: Word[] = ['GEOSEARCH', 'geo', 'FROMLONLAT', lon, lat, ...shape, 'WITHDIST'];
            if (order !== '') words.push(order);
            if (count > 0) words.push('COUNT', count);
            const rows = engine.call(...words) as [string, string][];
            const found = rows.map((row) => Number(row[1]));
            if (order === '' && count === 0) found.sort((a, b) => a - b);
            const expected = (count > 0 ? wanted.slice(0, count) : wanted).map((x) => Number((x / 1000).toFixed(4)));
            expect(found.length).toBe(expected.length);
            found.forEach((x, i) => {
              expect(Math.abs(x - expected[i]!)).toBeLessThan(2e-4);
            });
            const any = engine.call(...words.slice(0, 5), ...shape, 'COUNT', 3, 'ANY') as string[];
            expect(any.length).toBe(Math.min(3, wanted.length));
            const plain = engine.call(...words.slice(0, 5), ...shape) as string[];
            expect(new Set(plain.map(String)).size).toBe(wanted.length);
          }
          expect(fsck(engine)).toEqual([]);
          expect(engine.unannounced()).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('take members of any length', () => {
    const engine = engineWith(2, 128, ['GEOADD', 'geo', 1, 1, 'x'.repeat(20000), 1.001, 1, 'y'.repeat(70000)]);
    const found = engine.call('GEOSEARCH', 'geo', 'FROMLONLAT', 1, 1, 'BYRADIUS', 1, 'km', 'DESC') as string[];
    expect(found.map((name) => name.length)).toEqual([70000, 20000]);
    expect(engine.call('GEOSEARCHSTORE', 'd', 'geo', 'FROMLONLAT', 1, 1, 'BYRADIUS', 1, 'km', 'STOREDIST')).toBe(2);
    expect(fsck(engine)).toEqual([]);
  });
});
