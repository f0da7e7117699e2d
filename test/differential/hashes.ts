/**
 * Generated commands of the hash family, but for the times of fields, which the oracle does not know. The order of a
 * big hash differs, so whole hashes are compared without it; what is random is asked for where it cannot matter.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const key = (r: SeededRandom): string => r.pick(values.KEYS);

function field(r: SeededRandom): Arg {
  if (r.chance(0.4)) return String(r.between(-8, 8));
  if (r.chance(0.6))
    return r.pick(['a', 'b', 'f', '', 'A', 'x'.repeat(64), 'x'.repeat(65), '\0\xff', '007', 'y'.repeat(9000)]);
  return values.anyValue(r);
}

function value(r: SeededRandom): Arg {
  if (r.chance(0.3)) return values.anyInteger(r);
  return r.chance(0.3) ? values.anyFloat(r) : values.anyValue(r);
}

const fields = (r: SeededRandom, high: number): Arg[] => Array.from({ length: r.between(1, high) }, () => field(r));
const pairs = (r: SeededRandom, high: number): Arg[] =>
  Array.from({ length: r.between(1, high) }, () => [field(r), value(r)]).flat();
const manyPairs = (r: SeededRandom): Arg[] =>
  Array.from({ length: r.pick([100, 500, 513, 600]) }, (_, i) => [`f${i}`, String(r.below(50))]).flat();

/** Rows for hashes. */
export const HASHES: readonly Row[] = [
  [14, (r) => [r.pick(['HSET', 'HSET', 'hset', 'HMSET']), key(r), ...pairs(r, 5), ...(r.chance(0.05) ? ['odd'] : [])]],
  [1, (r) => ['HSET', key(r), ...manyPairs(r)]],
  [4, (r) => ['HSETNX', key(r), field(r), value(r)]],
  [8, (r) => ['HGET', key(r), field(r)]],
  [5, (r) => ['HMGET', key(r), ...fields(r, 5)]],
  [7, (r) => ['HDEL', key(r), ...fields(r, 5)]],
  [4, (r) => [r.pick(['HEXISTS', 'HSTRLEN']), key(r), field(r)]],
  [4, (r) => ['HLEN', key(r)]],
  [5, (r) => [r.pick(['HGETALL', 'HKEYS', 'HVALS']), key(r)], 'sorted'],
  [6, (r) => ['HINCRBY', key(r), field(r), values.anyInteger(r)]],
  [6, (r) => ['HINCRBYFLOAT', key(r), field(r), values.anyFloat(r)]],
  [2, (r) => ['HRANDFIELD', key(r)], 'shape'],
  [
    3,
    (r) => [
      ...['HRANDFIELD', key(r), r.pick(['100000', '0', 'x', '-9223372036854775808', '1e3', '9223372036854775807'])],
      ...r.pick([[], ['WITHVALUES'], ['withvalues'], ['NOPE'], ['WITHVALUES', 'x']]),
    ],
    'sorted',
  ],
  [2, (r) => ['HRANDFIELD', key(r), String(r.between(-30, 5))], 'shape'],
  [
    2,
    (r) => [
      ...['HSCAN', key(r), r.pick(['x', '0', '1.5'])],
      ...r.pick([['COUNT', '0'], ['COUNT', 'x'], ['NOPE', '1'], ['MATCH'], ['TYPE', 'hash']]),
    ],
  ],
  [2, (r) => ['HSCAN', key(r), '0', 'COUNT', '1000', 'MATCH', r.pick(['*', 'f*', '?', '[ab]'])], 'none'],
];
