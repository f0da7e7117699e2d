/**
 * Generated commands of the sorted set family. Scores are such that 7.0 and 7.2 print them alike (short binary
 * fractions), and never a negative zero, whose sign 7.2 does not keep in a listpack. Ranges of names go to keys of
 * their own, where all scores are equal: with several, what Redis answers is chance.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const LEX_KEYS = ['lex0', 'lex1', '{t}lex'];
const key = (r: SeededRandom): string => r.pick(values.KEYS);
const lexKey = (r: SeededRandom): string => r.pick(LEX_KEYS);
const word = (r: SeededRandom, text: string): string => (r.chance(0.2) ? text.toLowerCase() : text);

function member(r: SeededRandom): Arg {
  if (r.chance(0.4)) return String(r.between(-8, 8));
  if (r.chance(0.7)) return r.pick(['a', 'b', 'c', 'd', '', 'A', 'x'.repeat(64), 'x'.repeat(65), '\0\xff', 'm', 'n']);
  return r.chance(0.2) ? values.anyValue(r) : `m${r.below(60)}`;
}

function score(r: SeededRandom): string {
  if (r.chance(0.05)) return r.pick(['nan', '', 'abc', '1.2.3', ' 1', '1 ', '1e400', '0x', '1,5', '(1', '--1', '1\0']);
  if (r.chance(0.15))
    return r.pick(['inf', '-inf', '+inf', 'Infinity', '1e3', '0x10', '1e15', '.5', '5.', '+7', '007']);
  if (r.chance(0.2)) return r.pick(['0.5', '-0.25', '3.75', '1.125', '-1e-1e', '2.5e1']);
  return String(r.between(-6, 9));
}

const pairs = (r: SeededRandom, high: number): Arg[] =>
  Array.from({ length: r.between(1, high) }, () => [score(r), member(r)]).flat();

const manyPairs = (r: SeededRandom): Arg[] =>
  Array.from({ length: r.pick([100, 129, 200]) }, (_, i) => [String(r.between(0, 50)), `m${i}`]).flat();

function scoreBound(r: SeededRandom): string {
  if (r.chance(0.1)) return r.pick(['-inf', '+inf', '(-inf', '(inf', 'nan', 'x', '', '(', '((1', ' 2', '1e400', '3 ']);
  return `${r.chance(0.3) ? '(' : ''}${r.pick(['', '', '', '-'])}${r.between(1, 9)}${r.chance(0.2) ? '.5' : ''}`;
}

function nameBound(r: SeededRandom): string {
  if (r.chance(0.25)) return r.pick(['-', '+', '-', '+', '', 'a', '--', '+a', '[', '(']);
  return r.pick(['[', '(']) + r.pick(['a', 'b', 'c', 'm', 'm1', 'm5', 'x', '', '\xff', '-3', '4']);
}

const limit = (r: SeededRandom): Arg[] =>
  r.chance(0.4) ? [word(r, 'LIMIT'), String(r.between(-1, 5)), r.chance(0.93) ? String(r.between(-1, 6)) : 'x'] : [];
const withScores = (r: SeededRandom): Arg[] => (r.chance(0.4) ? [word(r, 'WITHSCORES')] : []);
const wrong = (r: SeededRandom): Arg[] =>
  r.chance(0.04) ? [r.pick(['REV', 'BYSCORE', 'BYLEX', 'LIMIT', 'NOPE', 'WITHSCORES', 'WITHSCORE'])] : [];

function rangeOf(r: SeededRandom): Arg[] {
  if (r.chance(0.4)) return [values.anyIndex(r), values.anyIndex(r), ...(r.chance(0.4) ? [word(r, 'REV')] : [])];
  return [scoreBound(r), scoreBound(r), word(r, 'BYSCORE'), ...(r.chance(0.4) ? [word(r, 'REV')] : []), ...limit(r)];
}

const lexRangeOf = (r: SeededRandom): Arg[] => [
  ...[nameBound(r), nameBound(r), word(r, 'BYLEX')],
  ...(r.chance(0.4) ? [word(r, 'REV')] : []),
  ...limit(r),
];

const addOptions = (r: SeededRandom): Arg[] => {
  const options: Arg[] = [];
  if (r.chance(0.3)) options.push(word(r, r.pick(['NX', 'XX', 'XX', 'NX'])));
  if (r.chance(0.25)) options.push(word(r, r.pick(['GT', 'LT'])));
  if (r.chance(0.3)) options.push(word(r, 'CH'));
  if (r.chance(0.15)) options.push(word(r, 'INCR'));
  if (r.chance(0.03)) options.push(r.pick(['NX', 'XX', 'GT', 'LT', 'NOPE']));
  return options;
};

/** `numkeys key ... WEIGHTS ... AGGREGATE ...` */
function inputs(r: SeededRandom, weighted: boolean): Arg[] {
  const names = Array.from({ length: r.between(1, 4) }, () => key(r));
  const words: Arg[] = [r.chance(0.93) ? String(names.length) : r.pick(['0', '-1', 'x', '5', '1', '2']), ...names];
  if (weighted && r.chance(0.4)) {
    const weights = names.map(() => r.pick(['1', '2', '0.5', '3', 'inf', '1', '2', '0.25']));
    words.push(word(r, 'WEIGHTS'), ...weights);
    if (r.chance(0.05)) words.push(r.pick(['x', 'nan', '1']));
  }
  if (weighted && r.chance(0.4)) words.push(word(r, 'AGGREGATE'), r.pick(['SUM', 'MIN', 'MAX', 'max', 'AVG', '']));
  return words;
}

export const ZSETS: readonly Row[] = [
  [14, (r) => ['ZADD', key(r), ...pairs(r, 5)]],
  [10, (r) => ['ZADD', key(r), ...addOptions(r), ...pairs(r, 3)]],
  [3, (r) => ['ZADD', key(r), 'INCR', score(r), member(r)]],
  [1, (r) => ['ZADD', key(r), ...manyPairs(r)]],
  [1, (r) => ['ZADD', key(r), ...addOptions(r), ...pairs(r, 2), 'odd']],
  [5, (r) => ['ZINCRBY', key(r), score(r), member(r)]],
  [6, (r) => ['ZREM', key(r), member(r), ...(r.chance(0.5) ? [member(r), member(r)] : [])]],
  [2, (r) => ['ZCARD', key(r)]],
  [3, (r) => ['ZSCORE', key(r), member(r)]],
  [2, (r) => ['ZMSCORE', key(r), member(r), member(r)]],
  [4, (r) => [r.pick(['ZRANK', 'ZREVRANK']), key(r), member(r)]],
  [4, (r) => ['ZCOUNT', key(r), scoreBound(r), scoreBound(r)]],
  [6, (r) => ['ZRANGE', key(r), ...rangeOf(r), ...withScores(r), ...wrong(r)]],
  [3, (r) => ['ZREVRANGE', key(r), values.anyIndex(r), values.anyIndex(r), ...withScores(r), ...wrong(r)]],
  [
    5,
    (r) => [
      ...[r.pick(['ZRANGEBYSCORE', 'ZREVRANGEBYSCORE']), key(r), scoreBound(r), scoreBound(r)],
      ...[...withScores(r), ...limit(r), ...wrong(r)],
    ],
  ],
  [5, (r) => ['ZRANGESTORE', key(r), key(r), ...rangeOf(r), ...wrong(r)]],
  [3, (r) => ['ZREMRANGEBYRANK', key(r), String(r.between(-9, 9)), String(r.between(-9, 9))]],
  [1, (r) => ['ZREMRANGEBYRANK', key(r), values.anyIndex(r), values.anyIndex(r)]],
  [3, (r) => ['ZREMRANGEBYSCORE', key(r), scoreBound(r), scoreBound(r)]],
  [4, (r) => [r.pick(['ZPOPMIN', 'ZPOPMAX']), key(r), ...(r.chance(0.5) ? [r.pick(['0', '1', '3', '-1', 'x'])] : [])]],
  [1, (r) => ['ZPOPMIN', key(r), '1', '2']],
  [
    3,
    (r) => [
      ...['ZMPOP', r.chance(0.9) ? '2' : r.pick(['0', '1', '3', 'x']), key(r), key(r)],
      ...[r.pick(['MIN', 'MAX', 'max', 'NOPE']), ...(r.chance(0.5) ? ['COUNT', r.pick(['1', '3', '0', 'x'])] : [])],
      ...(r.chance(0.04) ? ['COUNT', '1'] : []),
    ],
  ],
  [2, (r) => ['ZRANDMEMBER', key(r)], 'shape'],
  [2, (r) => ['ZRANDMEMBER', key(r), String(r.between(-30, 5)), ...withScores(r)], 'shape'],
  [
    2,
    (r) => ['ZRANDMEMBER', key(r), r.pick(['100000', '0', 'x', '-9223372036854775808', '1e3']), ...withScores(r)],
    'sorted',
  ],
  [1, (r) => ['ZRANDMEMBER', key(r), '9223372036854775807', 'WITHSCORES', ...wrong(r)], 'shape'],
  [5, (r) => [r.pick(['ZUNION', 'ZINTER']), ...inputs(r, true), ...withScores(r), ...wrong(r)]],
  [2, (r) => ['ZDIFF', ...inputs(r, r.chance(0.03)), ...withScores(r), ...wrong(r)]],
  [5, (r) => [r.pick(['ZUNIONSTORE', 'ZINTERSTORE']), key(r), ...inputs(r, true), ...wrong(r)]],
  [2, (r) => ['ZDIFFSTORE', key(r), ...inputs(r, false), ...wrong(r)]],
  [
    2,
    (r) => ['ZINTERCARD', ...inputs(r, false), ...(r.chance(0.5) ? ['LIMIT', r.pick(['0', '1', '3', '-1', 'x'])] : [])],
  ],
  [1, (r) => ['ZSCAN', key(r), r.pick(['x', '0', '1.5']), r.pick(['COUNT', 'NOPE']), r.pick(['0', 'x'])]],
  [1, (r) => ['ZSCAN', key(r), '0', 'COUNT', '100000', 'MATCH', r.pick(['*', '[a-c]', '-*', 'x*'])], 'none'],
  [1, (r) => ['SADD', key(r), member(r), member(r)]],
  [1, (r) => ['COMMAND', 'GETKEYS', r.pick(['ZUNIONSTORE', 'ZINTERSTORE']), key(r), ...inputs(r, true)]],
  [1, (r) => ['COMMAND', 'GETKEYS', r.pick(['ZUNION', 'ZDIFF', 'ZINTERCARD', 'ZMPOP']), ...inputs(r, false), 'MIN']],
  // Ranges of names.
  [6, (r) => ['ZADD', lexKey(r), '0', member(r), '0', member(r)]],
  [2, () => ['ZADD', 'lex1', '0', 'x'.repeat(70), ...Array.from({ length: 20 }, (_, i) => ['0', `m${i}`]).flat()]],
  [2, (r) => ['ZREM', lexKey(r), member(r)]],
  [4, (r) => ['ZLEXCOUNT', lexKey(r), nameBound(r), nameBound(r)]],
  [4, (r) => ['ZRANGE', lexKey(r), ...lexRangeOf(r), ...wrong(r)]],
  [4, (r) => [r.pick(['ZRANGEBYLEX', 'ZREVRANGEBYLEX']), lexKey(r), nameBound(r), nameBound(r), ...limit(r)]],
  [1, (r) => ['ZREMRANGEBYLEX', lexKey(r), nameBound(r), nameBound(r)]],
  [2, (r) => ['ZRANGESTORE', lexKey(r), lexKey(r), ...lexRangeOf(r)]],
];
