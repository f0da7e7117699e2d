/** Generated commands of the set family and SORT. What is random in them is asked for only where it cannot matter. */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const key = (r: SeededRandom): string => r.pick(values.KEYS);
const keys = (r: SeededRandom, low: number, high: number): string[] =>
  Array.from({ length: r.between(low, high) }, () => key(r));

function member(r: SeededRandom): Arg {
  if (r.chance(0.5)) return String(r.between(-8, 8));
  if (r.chance(0.5)) return r.pick(['a', 'b', 'c', 'd', '', 'A', 'x'.repeat(64), 'x'.repeat(65), '\0\xff']);
  return values.anyValue(r);
}

const members = (r: SeededRandom, high: number): Arg[] => Array.from({ length: r.between(1, high) }, () => member(r));
const manyIntegers = (r: SeededRandom): Arg[] =>
  Array.from({ length: r.pick([100, 200, 513, 600]) }, (_, i) => String(i * 3 + r.below(3)));

function sortOptions(r: SeededRandom): Arg[] {
  const options: Arg[] = [];
  // ALPHA with BY leaves the order of equal weights to the sort, which is not the same for a part of the list.
  const by = r.chance(0.3);
  if (by) options.push(r.pick(['BY', 'by']), r.pick(['k*', '{t}*', '*', 'k*->f', 'K*->']));
  else if (r.chance(0.6)) options.push(r.pick(['ALPHA', 'alpha']));
  if (r.chance(0.3)) options.push(r.pick(['ASC', 'DESC', 'desc']));
  if (r.chance(0.4)) options.push('LIMIT', values.anyIndex(r), values.anyIndex(r));
  for (let n = r.below(3); n > 0; n--) options.push('GET', r.pick(['#', 'k*', '{t}*', 'nothing', 'k*->f', '##', '#*']));
  if (r.chance(0.03)) options.push(r.pick(['BY', 'GET', 'LIMIT', 'STORE', 'NOPE']));
  return options;
}

/** A list to sort: its order is the same on both sides, whatever is done with it. */
const sorting = (r: SeededRandom): readonly Arg[] => [
  r.pick(['SORT', 'SORT', 'SORT_RO']),
  key(r),
  ...sortOptions(r),
  ...(r.chance(0.2) ? ['STORE', key(r)] : []),
];

/** The order of a set differs, so what is not sorted is compared without it. */
export const SETS: readonly Row[] = [
  [14, (r) => ['SADD', key(r), ...members(r, 6)]],
  [1, (r) => ['SADD', key(r), ...manyIntegers(r)]],
  [7, (r) => ['SREM', key(r), ...members(r, 5)]],
  [4, (r) => ['SMEMBERS', key(r)], 'sorted'],
  [4, (r) => ['SISMEMBER', key(r), member(r)]],
  [3, (r) => ['SMISMEMBER', key(r), ...members(r, 5)]],
  [4, (r) => ['SCARD', key(r)]],
  [5, (r) => ['SMOVE', key(r), key(r), member(r)]],
  [3, (r) => ['SPOP', key(r), r.pick(['100000', '0', '-1', 'x', '', '9223372036854775808'])], 'sorted'],
  [1, (r) => ['SPOP', key(r), '1', '2']],
  [3, (r) => ['SRANDMEMBER', key(r)], 'shape'],
  [3, (r) => ['SRANDMEMBER', key(r), r.pick(['100000', '0', 'x', '-9223372036854775808', '1e3'])], 'sorted'],
  [2, (r) => ['SRANDMEMBER', key(r), String(r.between(-30, 5))], 'shape'],
  [6, (r) => [r.pick(['SINTER', 'SUNION', 'SDIFF', 'sdiff']), ...keys(r, 1, 4)], 'sorted'],
  [6, (r) => [r.pick(['SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE']), key(r), ...keys(r, 1, 4)]],
  [
    4,
    (r) => {
      const names = keys(r, 1, 3);
      const numkeys = r.chance(0.85) ? String(names.length) : r.pick(['0', '-1', 'x', '5', '1']);
      const limit = r.chance(0.5) ? [r.pick(['LIMIT', 'limit']), r.pick(['0', '1', '3', '100', '-1', 'x'])] : [];
      return ['SINTERCARD', numkeys, ...names, ...limit, ...(r.chance(0.05) ? ['LIMIT'] : [])];
    },
  ],
  [
    1,
    (r) => [
      'SSCAN',
      key(r),
      r.pick(['x', '0', '1.5']),
      ...r.pick([
        ['COUNT', '0'],
        ['COUNT', 'x'],
        ['NOPE', '1'],
      ]),
    ],
  ],
  [1, (r) => ['SSCAN', key(r), '0', 'COUNT', '100000', 'MATCH', r.pick(['*', '[a-c]', '-*', 'x*'])], 'none'],
  [2, (r) => ['RPUSH', key(r), ...members(r, 8)]],
  [1, (r) => ['RPUSH', key(r), ...manyIntegers(r)]],
  [1, (r) => ['HSET', key(r), 'f', member(r)]],
  [8, sorting],
  [1, (r) => ['SORT', key(r), 'BY', 'nosort', ...sortOptions(r)], 'shape'],
  [1, (r) => ['SORT', key(r), 'STORE', key(r), 'BY', r.pick(['nosort', '', '#'])]],
  [1, (r) => ['COMMAND', 'GETKEYS', ...sorting(r)]],
];
