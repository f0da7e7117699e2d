/** Generates list commands, with every option, often wrongly; mostly on keys that hold lists and little else. */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const maybe = (r: SeededRandom, probability: number, args: readonly Arg[]): readonly Arg[] =>
  r.chance(probability) ? args : [];
const several = (r: SeededRandom, low: number, high: number, make: (r: SeededRandom) => readonly Arg[]): Arg[] =>
  Array.from({ length: r.between(low, high) }, () => make(r)).flat();
const word = (r: SeededRandom, text: string): string => (r.chance(0.2) ? text.toLowerCase() : text);

const LIST_KEYS = ['l0', 'l1', 'l2', '{t}l', 'a{t}l'];

const key = (r: SeededRandom): string => (r.chance(0.1) ? r.pick(values.KEYS) : r.pick(LIST_KEYS));
const element = (r: SeededRandom): Arg =>
  r.chance(0.6) ? r.pick(['a', 'b', 'c', '1', '2', '-1', '127', '128', '70000']) : values.anyValue(r);
const elements = (r: SeededRandom): Arg[] => several(r, 1, r.chance(0.1) ? 90 : 5, (random) => [element(random)]);
const index = (r: SeededRandom): string => (r.chance(0.85) ? String(r.between(-15, 15)) : values.anyIndex(r));
const side = (r: SeededRandom): string => r.pick(['LEFT', 'RIGHT', 'left', 'RIGHT', 'LEFT', 'right', 'MIDDLE']);
const count = (r: SeededRandom): string => (r.chance(0.85) ? String(r.between(0, 6)) : values.anyInteger(r));
const positionOption = (r: SeededRandom): readonly Arg[] => [
  word(r, r.pick(['RANK', 'COUNT', 'MAXLEN', 'RANK', 'NONE'])),
  ...maybe(r, 0.95, [r.chance(0.85) ? String(r.between(-3, 6)) : values.anyInteger(r)]),
];

export const LISTS: readonly Row[] = [
  [10, (r) => [word(r, r.pick(['LPUSH', 'RPUSH'])), key(r), ...elements(r)]],
  [3, (r) => [word(r, r.pick(['LPUSHX', 'RPUSHX'])), key(r), ...elements(r)]],
  [4, (r) => [r.pick(['LPOP', 'RPOP']), key(r)]],
  [3, (r) => [r.pick(['LPOP', 'RPOP']), key(r), count(r), ...maybe(r, 0.02, ['x'])]],
  [2, (r) => ['LLEN', key(r)]],
  [4, (r) => ['LINDEX', key(r), index(r)]],
  [5, (r) => ['LRANGE', key(r), index(r), index(r)]],
  [2, (r) => ['LRANGE', key(r), '0', '-1']],
  [4, (r) => ['LSET', key(r), index(r), element(r)]],
  [5, (r) => ['LINSERT', key(r), r.pick(['BEFORE', 'AFTER', 'after', 'before', 'BEHIND']), element(r), element(r)]],
  [4, (r) => ['LREM', key(r), index(r), element(r)]],
  [2, (r) => ['LTRIM', key(r), index(r), index(r)]],
  [5, (r) => ['LPOS', key(r), element(r), ...several(r, 0, 3, positionOption)]],
  [4, (r) => ['LMOVE', key(r), key(r), side(r), side(r)]],
  [2, (r) => ['RPOPLPUSH', key(r), key(r)]],
  [
    3,
    (r) => [
      'LMPOP',
      r.chance(0.85) ? '2' : values.anyInteger(r),
      ...[key(r), key(r)],
      ...maybe(r, 0.97, [side(r)]),
      ...maybe(r, 0.6, [word(r, 'COUNT'), count(r)]),
      ...maybe(r, 0.03, ['COUNT', '1']),
    ],
  ],
  [2, (r) => ['OBJECT', 'ENCODING', r.pick(LIST_KEYS)]],
  [1, (r) => ['DEL', r.pick(LIST_KEYS)]],
  [2, (r) => ['COPY', r.pick(LIST_KEYS), r.pick(LIST_KEYS), ...maybe(r, 0.7, ['REPLACE'])]],
  [1, (r) => ['DEBUG', 'DIGEST-VALUE', ...several(r, 1, 3, () => [key(r)])], 'shape'],
];
