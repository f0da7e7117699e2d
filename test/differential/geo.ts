/**
 * Generated GEO commands. Distances are stored (STOREDIST) only where they are 0: the last bit of a sine is not the
 * same everywhere. Positions are random numbers of many digits, so no two members are equally far from anything.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const GEO_KEYS = ['geo0', 'geo1', '{t}geo', 'geo3'];
const MEMBERS = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? String(i) : `place${i}`));
const key = (r: SeededRandom): string => (r.chance(0.02) ? r.pick(values.KEYS) : r.pick(GEO_KEYS));
const member = (r: SeededRandom): string => (r.chance(0.05) ? 'nowhere' : r.pick(MEMBERS));
const word = (r: SeededRandom, text: string): string => (r.chance(0.2) ? text.toLowerCase() : text);
const fraction = (r: SeededRandom, range: number): string =>
  ((r.between(-1_000_000_000, 1_000_000_000) / 1e9) * range).toFixed(9);

/** Where on Earth: anywhere, near one town, near the edges of the map; now and then nowhere. */
function place(r: SeededRandom): string[] {
  if (r.chance(0.03)) {
    return r.pick([
      ['180.1', '0'],
      ['0', '85.06'],
      ['-180.000001', '90'],
      ['x', '1'],
      ['1', ''],
      ['nan', '1'],
      ['inf', '1'],
      ['1e300', '-1e30'],
    ]);
  }
  if (r.chance(0.05)) {
    const [lon, lat] = [fraction(r, 180), fraction(r, 85)];
    return r.pick([
      ['180', lat],
      ['-180', lat],
      [lon, '85.05112878'],
      [lon, '-85.05112878'],
      ['0', lat],
      ['1e1', lat],
      ['0x10', lat],
    ]);
  }
  if (r.chance(0.5)) {
    return [(13.4 + Number(fraction(r, 0.6))).toFixed(9), (52.5 + Number(fraction(r, 0.4))).toFixed(9)];
  }
  if (r.chance(0.2)) return [(r.chance(0.5) ? 179.9 : -179.9).toFixed(9), fraction(r, 85)];
  return [fraction(r, 180), fraction(r, r.chance(0.3) ? 85 : 60)];
}

const unit = (r: SeededRandom): string => (r.chance(0.03) ? 'yd' : r.pick(['m', 'km', 'ft', 'mi', 'KM', 'Mi']));

function reach(r: SeededRandom): string {
  if (r.chance(0.04)) return r.pick(['x', '-1', '', '-0.5', '0', 'nan']);
  return String(r.pick([1, 10, 30, 50, 100, 500, 1000, 5000, 20000, 100000, 3000000]) * r.pick([1, 0.37, 2.5]));
}

const places = (r: SeededRandom, high: number): Arg[] =>
  Array.from({ length: r.between(1, high) }, () => [...place(r), r.pick(MEMBERS)]).flat();

const addOptions = (r: SeededRandom): Arg[] => [
  ...(r.chance(0.15) ? [word(r, 'NX')] : []),
  ...(r.chance(0.15) ? [word(r, 'XX')] : []),
  ...(r.chance(0.3) ? [word(r, 'CH')] : []),
];

function sorting(r: SeededRandom): Arg[] {
  const words: Arg[] = [];
  if (r.chance(0.5)) words.push(word(r, r.pick(['ASC', 'DESC'])));
  if (r.chance(0.4)) {
    words.push(word(r, 'COUNT'), r.chance(0.94) ? String(r.between(1, 12)) : r.pick(['0', '-1', 'x', '99999999999']));
  }
  if (r.chance(0.15)) words.push(word(r, 'ANY'));
  return words;
}

const extras = (r: SeededRandom): Arg[] =>
  ['WITHDIST', 'WITHHASH', 'WITHCOORD'].filter(() => r.chance(0.4)).map((text) => word(r, text));
const wrong = (r: SeededRandom): Arg[] =>
  r.chance(0.05) ? [r.pick(['NOPE', 'COUNT', 'STORE', 'STOREDIST', 'ANY', 'FROMMEMBER', 'BYBOX', 'WITHDIST'])] : [];

const centre = (r: SeededRandom): Arg[] =>
  r.chance(0.5) ? [word(r, 'FROMMEMBER'), member(r)] : [word(r, 'FROMLONLAT'), ...place(r)];
const shape = (r: SeededRandom): Arg[] =>
  r.chance(0.5) ? [word(r, 'BYRADIUS'), reach(r), unit(r)] : [word(r, 'BYBOX'), reach(r), reach(r), unit(r)];

/** Centre, shape and options of GEOSEARCH in any order; now and then one twice or not at all. */
function searchWords(r: SeededRandom, store: boolean): Arg[] {
  const parts = [centre(r), shape(r), sorting(r), store && r.chance(0.9) ? [] : extras(r), wrong(r)];
  if (r.chance(0.04)) parts.push(r.chance(0.5) ? centre(r) : shape(r));
  if (r.chance(0.04)) parts.shift();
  if (r.chance(0.3)) parts.reverse();
  return parts.flat();
}

export const GEO: readonly Row[] = [
  [14, (r) => ['GEOADD', key(r), ...addOptions(r), ...places(r, 6)]],
  [3, (r) => ['GEOADD', key(r), ...MEMBERS.flatMap((name) => [...place(r), name])]],
  [1, (r) => ['GEOADD', key(r), ...addOptions(r), ...places(r, 2), 'odd']],
  [3, (r) => ['GEOPOS', key(r), member(r), member(r)]],
  [3, (r) => ['GEOHASH', key(r), member(r), member(r)]],
  [1, (r) => [r.pick(['GEOPOS', 'GEOHASH']), key(r)]],
  [
    5,
    (r) => [
      'GEODIST',
      key(r),
      member(r),
      member(r),
      ...(r.chance(0.6) ? [unit(r)] : []),
      ...(r.chance(0.03) ? ['x'] : []),
    ],
  ],
  [12, (r) => ['GEOSEARCH', key(r), ...searchWords(r, false)]],
  [7, (r) => ['GEOSEARCHSTORE', key(r), key(r), ...searchWords(r, true)]],
  [1, (r) => ['GEOSEARCHSTORE', 'geodist', key(r), 'FROMMEMBER', member(r), 'BYRADIUS', '0', 'm', 'STOREDIST']],
  [
    5,
    (r) => [
      r.pick(['GEORADIUS', 'GEORADIUS_RO']),
      key(r),
      ...place(r),
      reach(r),
      unit(r),
      ...sorting(r),
      ...extras(r),
      ...wrong(r),
    ],
  ],
  [
    5,
    (r) => [
      ...[r.pick(['GEORADIUSBYMEMBER', 'GEORADIUSBYMEMBER_RO']), key(r), member(r), reach(r), unit(r)],
      ...[...sorting(r), ...extras(r), ...wrong(r)],
    ],
  ],
  [
    3,
    (r) => [
      ...[r.pick(['GEORADIUS', 'GEORADIUS_RO']), key(r), ...place(r), reach(r), unit(r), ...sorting(r)],
      ...[word(r, 'STORE'), key(r), ...(r.chance(0.1) ? ['STORE', key(r)] : []), ...(r.chance(0.1) ? extras(r) : [])],
    ],
  ],
  [3, (r) => ['GEORADIUSBYMEMBER', key(r), member(r), reach(r), unit(r), 'STORE', key(r), ...sorting(r), ...wrong(r)]],
  [2, (r) => ['ZREM', key(r), member(r)]],
  [
    1,
    (r) => [
      'ZADD',
      key(r),
      r.pick(['-1', '0.5', '4500000000000000', '-inf', 'inf', '4503599627370496']),
      r.pick(MEMBERS),
    ],
  ],
  [1, (r) => ['ZRANGE', key(r), '0', '-1', 'WITHSCORES']],
  [1, (r) => ['DEL', key(r)]],
  [
    1,
    (r) => ['COMMAND', 'GETKEYS', 'GEORADIUS', key(r), '1', '2', '3', 'm', ...(r.chance(0.6) ? ['STORE', key(r)] : [])],
  ],
];
