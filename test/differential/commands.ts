/**
 * Generates commands of the string, bitmap, key, expiry and connection families, with every option, often wrongly.
 * Each comes with the way in which its replies may be compared.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import { DUMPS } from './dumps.js';
import { GEO } from './geo.js';
import { HASHES } from './hashes.js';
import { HYPERLOGLOGS } from './hyperloglogs.js';
import { LISTS } from './lists.js';
import { SETS } from './sets.js';
import { STREAMS } from './streams.js';
import * as values from './values.js';
import { ZSETS } from './zsets.js';

/** How two replies are held against each other. */
export type Compare =
  /** The same bytes. */
  | 'exact'
  /** Integers: negative ones equal, others (times to live in the command's own unit) at most 3 s apart. */
  | 'near-s'
  | 'near-ms'
  /** Arrays with the same members in any order. */
  | 'sorted'
  /** Both null, both errors with the same text, or both anything else of the same type. */
  | 'shape'
  /** Not at all: sent for its effect on the state. */
  | 'none';

export interface Generated {
  readonly args: readonly Arg[];
  readonly compare: Compare;
}

type Make = (random: SeededRandom) => readonly Arg[];
export type Row = readonly [weight: number, make: Make, compare?: Compare];

const key: (r: SeededRandom) => string = (r) => r.pick(values.KEYS);
const maybe = (r: SeededRandom, probability: number, args: readonly Arg[]): readonly Arg[] =>
  r.chance(probability) ? args : [];
const several = (r: SeededRandom, low: number, high: number, make: (r: SeededRandom) => readonly Arg[]): Arg[] =>
  Array.from({ length: r.between(low, high) }, () => make(r)).flat();
const word = (r: SeededRandom, text: string): string => (r.chance(0.2) ? text.toLowerCase() : text);

/** `past` allows absolute times that are over: SET keeps such a key until somebody looks, so DBSIZE would be a race. */
function expiryOption(r: SeededRandom, past: boolean): readonly Arg[] {
  const absolute = (time: string, now: number): string => (!past && Number(time) <= now ? '0' : time);
  switch (r.below(6)) {
    case 0:
      return [word(r, 'EX'), values.seconds(r)];
    case 1:
      return [word(r, 'PX'), values.milliseconds(r)];
    case 2:
      return [word(r, 'EXAT'), absolute(values.unixSeconds(r), 2e9)];
    case 3:
      return [word(r, 'PXAT'), absolute(values.unixMilliseconds(r), 2e12)];
    case 4:
      return [word(r, 'KEEPTTL')];
    default:
      return [r.pick(['EX', 'BOGUS', 'PERSIST', ''])];
  }
}

function bitfieldOperation(r: SeededRandom): readonly Arg[] {
  const type = r.chance(0.93)
    ? r.pick(['u1', 'i1', 'u4', 'i5', 'u8', 'i8', 'u16', 'i16', 'u31', 'i32', 'u32', 'u63', 'i63', 'i64'])
    : r.pick(['u64', 'i65', 'i0', 'u0', 'x8', 'u', 'i-1', '8']);
  const offset = r.chance(0.93)
    ? r.pick(['0', '1', '5', '7', '8', '63', '100', '352', '#0', '#1', '#5', '#11', '1001'])
    : r.pick(['-1', '#-1', 'abc', '#', '4294967296', '9223372036854775807', '#9223372036854775807']);
  switch (r.below(5)) {
    case 0:
      return ['GET', type, offset];
    case 1:
      return ['SET', type, offset, values.anyInteger(r)];
    case 2:
      return ['INCRBY', type, offset, values.anyInteger(r)];
    case 3:
      return ['OVERFLOW', r.pick(['WRAP', 'SAT', 'FAIL', 'fail', 'sat', 'BAD']), 'INCRBY', type, offset, '100'];
    default:
      return [r.pick(['GET', 'SET', 'INCRBY', 'OVERFLOW', 'NOP']), type];
  }
}

const expireOptions = (r: SeededRandom): Arg[] =>
  r.chance(0.5) ? several(r, 1, 2, () => [word(r, r.pick(['NX', 'XX', 'GT', 'LT', 'GT', 'LT', 'ZZ']))]) : [];
const bitRange = (r: SeededRandom): readonly Arg[] => [
  ...[values.anyIndex(r), values.anyIndex(r)],
  ...maybe(r, 0.4, [r.pick(['BIT', 'BYTE', 'bit', 'NIBBLE'])]),
];
const database = (r: SeededRandom): string => r.pick(['0', '0', '1', '1', '2', '3', '15', '16', '-1', 'x']);
const glob = (r: SeededRandom): string =>
  r.pick([
    '*',
    'k?',
    'k[0-2]',
    'k[^0]',
    'k[2-0]',
    '\\k0',
    '{t}*',
    '',
    '*1',
    '[',
    'k[a-',
    '*\\',
    '?',
    '*x*x*x',
    'K*',
    '**',
  ]);

const STRINGS: readonly Row[] = [
  [14, (r) => ['SET', key(r), values.anyValue(r)]],
  [
    12,
    (r) => [
      ...['SET', key(r)],
      values.anyValue(r),
      ...maybe(r, 0.5, [r.pick(['NX', 'XX', 'nx', 'xx'])]),
      ...maybe(r, 0.5, expiryOption(r, false)),
      ...maybe(r, 0.4, ['GET']),
      ...maybe(r, 0.08, [r.pick(['NX', 'XX', 'KEEPTTL'])]),
    ],
  ],
  [10, (r) => ['GET', key(r)]],
  [5, (r) => ['APPEND', key(r), values.anyValue(r)]],
  [5, (r) => [r.pick(['INCR', 'DECR', 'incr']), key(r)]],
  [6, (r) => [r.pick(['INCRBY', 'DECRBY']), key(r), values.anyInteger(r)]],
  [5, (r) => ['INCRBYFLOAT', key(r), values.anyFloat(r)]],
  [3, (r) => ['GETDEL', key(r)]],
  [4, (r) => ['GETEX', key(r), ...maybe(r, 0.8, r.chance(0.2) ? ['PERSIST'] : expiryOption(r, true))]],
  [4, (r) => ['GETRANGE', key(r), values.anyIndex(r), values.anyIndex(r)]],
  [1, (r) => ['SUBSTR', key(r), values.anyIndex(r), values.anyIndex(r)]],
  [3, (r) => ['GETSET', key(r), values.anyValue(r)]],
  [4, (r) => ['MGET', ...several(r, 1, 8, () => [key(r)])]],
  [4, (r) => ['MSET', ...several(r, 1, 6, () => [key(r), values.anyValue(r)]), ...maybe(r, 0.05, [key(r)])]],
  [3, (r) => ['MSETNX', ...several(r, 1, 3, () => [key(r), values.anyValue(r)]), ...maybe(r, 0.05, [key(r)])]],
  [2, (r) => ['PSETEX', key(r), values.milliseconds(r), values.anyValue(r)]],
  [2, (r) => ['SETEX', key(r), values.seconds(r), values.anyValue(r)]],
  [2, (r) => ['SETNX', key(r), values.anyValue(r)]],
  [5, (r) => ['SETRANGE', key(r), values.byteOffset(r), r.chance(0.15) ? '' : values.anyValue(r)]],
  [3, (r) => ['STRLEN', key(r)]],
  [
    2,
    (r) => [
      ...['LCS', key(r), key(r)],
      ...maybe(r, 0.3, ['LEN']),
      ...maybe(r, 0.4, ['IDX']),
      ...maybe(r, 0.3, ['MINMATCHLEN', values.anyIndex(r)]),
      ...maybe(r, 0.3, ['WITHMATCHLEN']),
    ],
  ],
];

const BITMAPS: readonly Row[] = [
  [6, (r) => ['SETBIT', key(r), values.bitOffset(r), r.pick(['0', '1', '1', '1', '2', '-1', 'x'])]],
  [4, (r) => ['GETBIT', key(r), values.bitOffset(r)]],
  [5, (r) => ['BITCOUNT', key(r), ...maybe(r, 0.8, bitRange(r))]],
  [5, (r) => ['BITPOS', key(r), r.pick(['0', '1', '1', '2']), ...maybe(r, 0.3, [values.anyIndex(r)])]],
  [5, (r) => ['BITPOS', key(r), r.pick(['0', '1']), ...bitRange(r)]],
  [6, (r) => ['BITOP', r.pick(['AND', 'OR', 'XOR', 'or', 'NAND']), key(r), ...several(r, 1, 4, () => [key(r)])]],
  [3, (r) => ['BITOP', 'NOT', key(r), key(r), ...maybe(r, 0.1, [key(r)])]],
  [9, (r) => ['BITFIELD', key(r), ...several(r, 0, 4, bitfieldOperation)]],
  [
    4,
    (r) => [
      'BITFIELD_RO',
      key(r),
      ...several(r, 0, 3, () => ['GET', r.pick(['u8', 'i16', 'u63']), r.pick(['0', '#1'])]),
    ],
  ],
  [1, (r) => ['BITFIELD_RO', key(r), ...bitfieldOperation(r)]],
];

const KEYSPACE: readonly Row[] = [
  [5, (r) => ['COPY', key(r), key(r), ...maybe(r, 0.4, ['DB', database(r)]), ...maybe(r, 0.5, [word(r, 'REPLACE')])]],
  [5, (r) => [r.pick(['DEL', 'UNLINK']), ...several(r, 1, 4, () => [key(r)])]],
  [3, (r) => [r.pick(['EXISTS', 'TOUCH']), ...several(r, 1, 6, () => [key(r)])]],
  [5, (r) => [r.pick(['RENAME', 'RENAMENX']), key(r), key(r)]],
  [4, (r) => ['MOVE', key(r), database(r)]],
  [4, (r) => ['SELECT', database(r)]],
  [1, (r) => ['SWAPDB', database(r), database(r)]],
  [2, (r) => ['TYPE', key(r)]],
  [3, (r) => ['KEYS', glob(r)], 'sorted'],
  [1, () => ['RANDOMKEY'], 'shape'],
  [2, () => ['DBSIZE']],
  [4, (r) => ['OBJECT', word(r, 'ENCODING'), key(r)]],
  // Redis shares small integers, but not those that COPY made; sherd shares nothing and goes by the value.
  [1, (r) => ['OBJECT', 'REFCOUNT', key(r)], 'shape'],
  [1, (r) => ['OBJECT', 'FREQ', key(r)]],
  [1, (r) => ['OBJECT', 'IDLETIME', key(r)], 'near-s'],
  [1, (r) => ['OBJECT', r.pick(['NOPE', 'ENCODING', 'freq'])]],
  [1, (r) => [r.pick(['FLUSHDB', 'FLUSHALL']), ...maybe(r, 0.7, [r.pick(['ASYNC', 'SYNC', 'sync', 'NEVER'])])]],
  // By themselves only the form: 7.2 digests scores otherwise. The state at the end is compared by type.
  [2, (r) => ['DEBUG', 'DIGEST-VALUE', ...several(r, 1, 3, () => [key(r)])], 'shape'],
  [1, () => ['DEBUG', 'DIGEST'], 'shape'],
  [1, (r) => ['MEMORY', 'USAGE', key(r), ...maybe(r, 0.4, ['SAMPLES', values.anyInteger(r)])], 'shape'],
  [1, (r) => ['SCAN', r.pick(['x', '18446744073709551616', '1.5'])]],
  [1, (r) => ['SCAN', '0', ...r.pick([['COUNT', '0'], ['COUNT', 'x'], ['MATCH'], ['BAD', '1'], ['COUNT', '-5']])]],
  [2, (r) => ['SCAN', '0', 'COUNT', '1000', 'MATCH', glob(r)], 'none'],
];

const EXPIRY: readonly Row[] = [
  [5, (r) => ['EXPIRE', key(r), values.seconds(r), ...expireOptions(r)]],
  [4, (r) => ['PEXPIRE', key(r), values.milliseconds(r), ...expireOptions(r)]],
  [3, (r) => ['EXPIREAT', key(r), values.unixSeconds(r), ...expireOptions(r)]],
  [3, (r) => ['PEXPIREAT', key(r), values.unixMilliseconds(r), ...expireOptions(r)]],
  [3, (r) => [r.pick(['TTL', 'EXPIRETIME']), key(r)], 'near-s'],
  [3, (r) => [r.pick(['PTTL', 'PEXPIRETIME']), key(r)], 'near-ms'],
  [3, (r) => ['PERSIST', key(r)]],
];

const CONNECTION: readonly Row[] = [
  [1, (r) => ['PING', ...several(r, 0, 2, () => [values.anyValue(r)])]],
  [1, (r) => ['ECHO', values.anyValue(r)]],
  [1, (r) => ['CLIENT', 'SETNAME', r.pick(['me', '', 'a b', 'x\n', 'tab\t', '~!'])]],
  [1, () => ['CLIENT', 'GETNAME']],
  [1, (r) => ['CLIENT', r.pick(['NOPE', 'NO-EVICT', 'REPLY', 'PAUSE', 'KILL', 'LIST']), r.pick(['x', 'y z'])]],
  [1, (r) => ['CLIENT', 'LIST', ...r.pick([['TYPE', 'nope'], ['ID'], ['ID', 'x'], ['BAD']])]],
  [1, (r) => ['HELLO', r.pick(['1', '4', 'x', '-1'])]],
  [1, (r) => ['CONFIG', 'GET', r.pick(['maxmemory', 'databases', 'nothing-like-it'])]],
  [1, (r) => ['CONFIG', 'SET', r.pick(['nope', 'maxmemory', 'databases']), r.pick(['x', '-1'])]],
  [
    1,
    (r) => [
      'COMMAND',
      'GETKEYS',
      ...r.pick([
        ['SET', 'a', 'b'],
        ['MSET', 'a', '1', 'b', '2'],
        ['PING'],
        ['BITOP', 'AND', 'd', 'a', 'b'],
        ['GET'],
        ['NOPE', 'a'],
      ]),
    ],
  ],
  [1, (r) => ['COMMAND', r.pick(['NOPE', 'COUNT']), 'x']],
];

/** Wrong from the start: unknown names, missing arguments. */
const BROKEN: readonly Row[] = [
  [1, (r) => [r.pick(['NOPE', 'GETT', 'x\0y', '']), ...several(r, 0, 4, () => [values.anyValue(r)])]],
  [
    4,
    (r) => [
      r.pick([
        ...[
          'GET',
          'SET',
          'APPEND',
          'INCR',
          'MGET',
          'MSET',
          'LCS',
          'SETBIT',
          'BITOP',
          'BITPOS',
          'COPY',
          'DEL',
          'EXPIRE',
        ],
        ...[
          'KEYS',
          'RENAME',
          'SCAN',
          'SELECT',
          'OBJECT',
          'MOVE',
          'ECHO',
          'PING',
          'GETEX',
          'BITFIELD',
          'SWAPDB',
          'DBSIZE',
        ],
        ...['TTL', 'PERSIST', 'TYPE', 'RANDOMKEY', 'GETRANGE', 'SETRANGE', 'MSETNX', 'CLIENT', 'CONFIG', 'MEMORY'],
      ]),
      ...several(r, 0, 1, () => [key(r)]),
      ...maybe(r, 0.1, ['a', 'b', 'c', 'd', 'e', 'f', 'g']),
    ],
    'shape',
  ],
];

/** Groups of rows with their weights. */
const FAMILIES: readonly (readonly [weight: number, rows: readonly Row[]])[] = [
  [0.4, STRINGS],
  [0.18, BITMAPS],
  [0.22, KEYSPACE],
  [0.13, EXPIRY],
  [0.04, CONNECTION],
  [0.03, BROKEN],
  [0.2, GEO],
  [0.3, HASHES],
  [0.15, HYPERLOGLOGS],
  [0.1, DUMPS],
  [0.3, LISTS],
  [0.35, SETS],
  [0.35, ZSETS],
  [0.4, STREAMS],
];

function pickRow(random: SeededRandom, rows: readonly Row[]): Row {
  let ticket = random.next() * rows.reduce((sum, row) => sum + row[0], 0);
  for (const row of rows) {
    ticket -= row[0];
    if (ticket < 0) return row;
  }
  return rows[0]!;
}

/** The next command of a sequence. */
export function generateCommand(random: SeededRandom): Generated {
  let ticket = random.next() * FAMILIES.reduce((sum, [share]) => sum + share, 0);
  let rows = STRINGS;
  for (const [share, family] of FAMILIES) {
    rows = family;
    ticket -= share;
    if (ticket < 0) break;
  }
  const [, make, compare] = pickRow(random, rows);
  return { args: make(random), compare: compare ?? 'exact' };
}
