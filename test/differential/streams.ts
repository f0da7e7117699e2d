/**
 * Generated commands of the stream family. Ids are given, wholly or but for their sequence, never taken from the clock,
 * and replies with times in them are compared by their shape. What else 7.2 says differently stands in differences.ts.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const STREAM_KEYS = ['xs0', 'xs1', '{t}xs', 'xs0', 'xs1'];
const HIGHEST = '18446744073709551615';
const key = (r: SeededRandom): string => (r.chance(0.9) ? r.pick(STREAM_KEYS) : r.pick(values.KEYS));
const word = (r: SeededRandom, text: string): string => (r.chance(0.2) ? text.toLowerCase() : text);
const group = (r: SeededRandom): string => r.pick(['g', 'g', 'g', 'h', '', 'nope', '\0\xff']);
const consumer = (r: SeededRandom): string => r.pick(['alice', 'bob', 'carol', '', 'x'.repeat(300)]);
const wrong = (r: SeededRandom): Arg[] => (r.chance(0.03) ? [r.pick(['NOPE', 'COUNT', 'LIMIT', '1'])] : []);

function badId(r: SeededRandom): string {
  return r.pick([
    ...['', '-', '+', '$', '>', '*', 'x', '1-', '-1', '1-1-1', '1-x', '1.1', ' 1', '01-002', '+5-+6', '5- 7', '(5'],
    ...['18446744073709551616', `1-${HIGHEST}0`, '5-*', '1-\0', `0x1-1`],
  ]);
}

function id(r: SeededRandom): string {
  if (r.chance(0.05)) return badId(r);
  if (r.chance(0.05)) return r.pick([`${HIGHEST}-7`, `5-${HIGHEST}`, '9007199254740993-9007199254740995', '0-0', '0']);
  if (r.chance(0.2)) return String(r.between(0, 40));
  return `${r.between(0, 40)}-${r.between(0, 6)}`;
}

/** For XADD: mostly above those that are there. */
function newId(r: SeededRandom): string {
  if (r.chance(0.02)) return r.pick(['9007199254740993-*', '9223372036854775808-5', `${HIGHEST}-*`, '0-0', '0-*']);
  if (r.chance(0.02)) return badId(r).replace(/^\*$/, '**');
  if (r.chance(0.04)) return `${r.between(0, 40)}-${r.between(0, 6)}`;
  if (r.chance(0.03)) return `${r.between(41, 60)}-*`;
  return r.chance(0.7) ? `${r.between(5, 40)}-*` : `${r.between(0, 40)}-${r.between(0, 9)}`;
}

const field = (r: SeededRandom): Arg => r.pick(['f', 'f', 'f', 'g', '1', '', 'name', 'x'.repeat(70)]);
const value = (r: SeededRandom): Arg =>
  r.chance(0.1)
    ? values.anyValue(r)
    : r.pick(['v', '1', '-7', '4095', '127', 'hello', '', '9223372036854775807', '007']);
const fields = (r: SeededRandom): Arg[] =>
  r.chance(0.7) ? ['f', value(r)] : Array.from({ length: r.between(1, 4) }, () => [field(r), value(r)]).flat();

function trim(r: SeededRandom): Arg[] {
  const words: Arg[] = [word(r, r.pick(['MAXLEN', 'MAXLEN', 'MINID']))];
  const operator = r.pick(['', '=', '~', '~']);
  if (operator !== '') words.push(operator);
  if (words[0] === 'MINID' || words[0] === 'minid') words.push(id(r));
  else words.push(r.chance(0.95) ? String(r.between(0, 60)) : r.pick(['-1', 'x', '1.5', '']));
  if (r.chance(0.25)) words.push(word(r, 'LIMIT'), r.pick(['0', '1', '5', '100', '-1', 'x']));
  return words;
}

const bound = (r: SeededRandom): string => {
  if (r.chance(0.35)) return r.pick(['-', '+', '-', '+', '(-', '(+', '(0-0', `(${HIGHEST}-${HIGHEST}`, '(']);
  return (r.chance(0.25) ? '(' : '') + id(r);
};
const count = (r: SeededRandom): Arg[] =>
  r.chance(0.5) ? [word(r, 'COUNT'), r.chance(0.9) ? String(r.between(0, 9)) : r.pick(['-1', 'x', '100000'])] : [];
const several = (r: SeededRandom, most: number, make: (r: SeededRandom) => Arg): Arg[] =>
  Array.from({ length: r.between(1, most) }, () => make(r));

/** `STREAMS key ... id ...` */
function streams(r: SeededRandom, make: (r: SeededRandom) => Arg): Arg[] {
  const keys = several(r, 3, key);
  return [word(r, 'STREAMS'), ...keys, ...keys.map(() => make(r)), ...(r.chance(0.03) ? ['odd'] : [])];
}

/** For XREAD: an id, or $; + is known to later Redises only. */
const after = (r: SeededRandom): Arg => {
  if (r.chance(0.15)) return '$';
  const made = id(r);
  return made === '+' ? '-' : made;
};

function claimOptions(r: SeededRandom): Arg[] {
  const words: Arg[] = [];
  if (r.chance(0.2)) words.push(word(r, 'IDLE'), r.pick(['0', '5', '1000', '-1', 'x', '99999999999999']));
  if (r.chance(0.2)) words.push(word(r, 'TIME'), r.pick(['0', '1', '1700000000000', '9999999999999', 'x']));
  if (r.chance(0.3)) words.push(word(r, 'RETRYCOUNT'), r.pick(['0', '1', '7', '-1', 'x']));
  if (r.chance(0.3)) words.push(word(r, 'FORCE'));
  if (r.chance(0.3)) words.push(word(r, 'JUSTID'));
  if (r.chance(0.2)) words.push(word(r, 'LASTID'), id(r));
  return [...words, ...wrong(r)];
}

const entriesRead = (r: SeededRandom): Arg[] =>
  r.chance(0.2) ? [word(r, 'ENTRIESREAD'), r.pick(['0', '1', '5', '-1', '-2', 'x', '9007199254730000'])] : [];
const startId = (r: SeededRandom): string => (r.chance(0.3) ? '$' : r.chance(0.4) ? '0' : id(r));

export const STREAMS: readonly Row[] = [
  [26, (r) => ['XADD', key(r), newId(r), ...fields(r)]],
  [3, (r) => ['XADD', key(r), ...trim(r), newId(r), ...fields(r)]],
  [1, (r) => ['XADD', key(r), word(r, 'NOMKSTREAM'), ...(r.chance(0.3) ? trim(r) : []), newId(r), ...fields(r)]],
  [1, (r) => ['XADD', key(r), newId(r), 'f', ...wrong(r)]],
  [1, (r) => ['XADD', key(r), ...trim(r), ...trim(r), newId(r), ...fields(r)]],
  [1, (r) => ['XADD', key(r), 'LIMIT', r.pick(['0', '5']), newId(r), ...fields(r)]],
  [2, (r) => ['XLEN', key(r)]],
  [5, (r) => [r.pick(['XRANGE', 'XREVRANGE']), key(r), bound(r), bound(r), ...count(r), ...wrong(r)]],
  [
    3,
    (r) =>
      r.pick([
        ['XRANGE', key(r), '-', '+'],
        ['XREVRANGE', key(r), '+', '-'],
      ]),
  ],
  [4, (r) => ['XREAD', ...count(r), ...streams(r, after)]],
  [1, (r) => ['XREAD', ...wrong(r), ...count(r), ...(r.chance(0.3) ? ['NOACK'] : ['GROUP', 'g', 'c']), 'STREAMS']],
  [7, (r) => ['XDEL', key(r), ...several(r, 3, id)]],
  [3, (r) => ['XTRIM', key(r), ...trim(r), ...wrong(r)]],
  [
    1,
    (r) => [
      // Never below a deleted id: 7.0 would take that.
      ...['XSETID', key(r), r.chance(0.9) ? `${r.between(62, 70)}-${r.between(0, 9)}` : '1-x'],
      ...(r.chance(0.3) ? [word(r, 'ENTRIESADDED'), r.pick(['0', '5', '100', '-1', 'x', '9007199254730000'])] : []),
      ...(r.chance(0.3) ? [word(r, 'MAXDELETEDID'), r.chance(0.9) ? `${r.between(0, 61)}-1` : 'x'] : []),
      ...wrong(r),
    ],
  ],
  [
    5,
    (r) => [
      ...['XGROUP', word(r, 'CREATE'), key(r), group(r), startId(r)],
      ...(r.chance(0.5) ? [word(r, 'MKSTREAM')] : []),
      ...entriesRead(r),
      ...wrong(r),
    ],
  ],
  [2, (r) => ['XGROUP', 'SETID', key(r), group(r), startId(r), ...entriesRead(r), ...wrong(r)]],
  [1, (r) => ['XGROUP', 'DESTROY', key(r), group(r), ...wrong(r)]],
  [2, (r) => ['XGROUP', 'DELCONSUMER', key(r), group(r), consumer(r), ...wrong(r)]],
  // 7.0 makes no consumer of somebody who asks and gets nothing, so whether it is there already is no matter here.
  [1, (r) => ['XGROUP', 'CREATECONSUMER', key(r), group(r), r.pick(['dan', 'eve']), ...wrong(r)]],
  [
    12,
    (r) => [
      ...['XREADGROUP', word(r, 'GROUP'), group(r), consumer(r), ...count(r)],
      ...(r.chance(0.2) ? [word(r, 'NOACK')] : []),
      ...streams(r, () => '>'),
    ],
  ],
  [
    4,
    (r) => [
      ...['XREADGROUP', 'GROUP', group(r), consumer(r), ...count(r), ...wrong(r)],
      ...streams(r, (random) => (random.chance(0.2) ? '>' : after(random))),
    ],
  ],
  [5, (r) => ['XACK', key(r), group(r), ...several(r, 3, id)]],
  [4, (r) => ['XPENDING', key(r), group(r)]],
  [
    3,
    (r) => [
      ...['XPENDING', key(r), group(r), ...(r.chance(0.2) ? ['IDLE', r.pick(['0', '100000', 'x'])] : [])],
      ...[bound(r), bound(r), r.chance(0.9) ? String(r.between(0, 9)) : r.pick(['-1', 'x'])],
      ...(r.chance(0.4) ? [consumer(r)] : []),
    ],
    'shape',
  ],
  [1, (r) => ['XPENDING', key(r), group(r), ...several(r, 7, id)], 'shape'],
  [
    6,
    (r) => [
      ...['XCLAIM', key(r), group(r), consumer(r), r.pick(['0', '0', '0', '-1', '100000', 'x'])],
      ...several(r, 3, id),
      ...claimOptions(r),
    ],
  ],
  [
    4,
    (r) => [
      ...['XAUTOCLAIM', key(r), group(r), consumer(r), r.pick(['0', '0', '100000', 'x'])],
      ...[r.chance(0.5) ? '0' : bound(r), ...(r.chance(0.5) ? ['COUNT', r.pick(['1', '3', '0', '-1', 'x'])] : [])],
      ...(r.chance(0.4) ? [word(r, 'JUSTID')] : []),
      ...wrong(r),
    ],
  ],
  [3, (r) => ['XINFO', word(r, 'GROUPS'), key(r), ...wrong(r)]],
  [1, (r) => ['XINFO', 'CONSUMERS', key(r), group(r)], 'shape'],
  [2, (r) => ['XINFO', 'STREAM', key(r), ...(r.chance(0.5) ? ['FULL', ...count(r)] : wrong(r))], 'shape'],
  [1, (r) => ['XGROUP', r.pick(['NOPE', 'create', 'SETID']), key(r)], 'shape'],
  [1, (r) => ['COMMAND', 'GETKEYS', r.pick(['XREAD', 'XREADGROUP']), 'GROUP', 'g', 'c', ...streams(r, after)]],
  [2, (r) => [r.pick(['DEL', 'UNLINK']), key(r)]],
  [2, (r) => ['COPY', key(r), key(r), 'REPLACE']],
  [1, (r) => ['RENAME', key(r), key(r)]],
];
