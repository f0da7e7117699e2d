// @ts-check
/**
 * What the section `types` sends: command lines for redis-benchmark, and what must be there before. Each plan has one
 * form on one key, as redis-benchmark's own tests are, or on many.
 */
import { batchesOf } from './load.js';

/**
 * @typedef {Iterable<readonly (readonly (string | number)[])[]>} Batches
 * @typedef {{ command: string, many: boolean, words: readonly string[], range: number,
 *   prepare?: (requests: number) => Batches, takes?: boolean }} Plan
 *   range: of `__rand_int__`; takes: every request takes an element away, so each run is prepared for anew
 */

const RAND = '__rand_int__';
const DATA = 'xxx';
const BATCH = 50;
const ELEMENTS_A_COMMAND = 100;
const GEO_POINTS = 100_000;
const MILLION = 1_000_000;
const MANY_KEYS = 100_000;

/**
 * Fills one key with `count` elements, many a command.
 * @param {readonly string[]} head @param {number} count @param {(i: number) => readonly (string | number)[]} element
 */
export function fill(head, count, element) {
  return batchesOf(Math.ceil(count / ELEMENTS_A_COMMAND), BATCH, (command) => {
    const words = [...head];
    const end = Math.min(count, (command + 1) * ELEMENTS_A_COMMAND);
    for (let i = command * ELEMENTS_A_COMMAND; i < end; i++) words.push(...element(i).map(String));
    return words;
  });
}

/** Numbers below a million without order, each once: the same for every server. @param {number} i */
const shuffled = (i) => (i * 611_953) % MILLION;

/** @type {readonly Plan[]} */
export const PLANS = [
  { command: 'HSET', many: false, words: ['HSET', 'myhash', `element:${RAND}`, DATA], range: MILLION },
  { command: 'HSET', many: true, words: ['HSET', `hash:${RAND}`, `field:${RAND}`, DATA], range: MANY_KEYS },
  { command: 'ZADD', many: false, words: ['ZADD', 'myzset', RAND, `element:${RAND}`], range: MILLION },
  { command: 'ZADD', many: true, words: ['ZADD', `zset:${RAND}`, RAND, `element:${RAND}`], range: MANY_KEYS },
  { command: 'SADD', many: false, words: ['SADD', 'myset', `element:${RAND}`], range: MILLION },
  { command: 'SADD', many: true, words: ['SADD', `set:${RAND}`, `element:${RAND}`], range: MANY_KEYS },
  {
    command: 'SPOP',
    many: false,
    words: ['SPOP', 'myset'],
    range: MILLION,
    takes: true,
    prepare: (requests) => fill(['SADD', 'myset'], requests, (i) => [`element:${i}`]),
  },
  {
    command: 'ZPOPMIN',
    many: false,
    words: ['ZPOPMIN', 'myzset'],
    range: MILLION,
    takes: true,
    prepare: (requests) => fill(['ZADD', 'myzset'], requests, (i) => [shuffled(i), `element:${i}`]),
  },
  { command: 'XADD', many: false, words: ['XADD', 'mystream', '*', 'field', DATA], range: MILLION },
  { command: 'XADD', many: true, words: ['XADD', `stream:${RAND}`, '*', 'field', DATA], range: MANY_KEYS },
  { command: 'PFADD', many: false, words: ['PFADD', 'myhll', `element:${RAND}`], range: MILLION },
  { command: 'PFADD', many: true, words: ['PFADD', `hll:${RAND}`, `element:${RAND}`], range: 10_000 },
  { command: 'GEOADD', many: false, words: ['GEOADD', 'geo', `${RAND}e-5`, `${RAND}e-5`, RAND], range: MILLION },
  {
    command: 'GEOSEARCH',
    many: false,
    words: ['GEOSEARCH', 'geo', 'FROMLONLAT', `${RAND}e-5`, `${RAND}e-5`, 'BYRADIUS', '10', 'km', 'ASC'],
    range: MILLION,
    prepare: () => fill(['GEOADD', 'geo'], GEO_POINTS, (i) => [shuffled(i) / 1e5, shuffled(i * 7 + 3) / 1e5, `p${i}`]),
  },
  {
    command: 'ZRANGEBYSCORE',
    many: false,
    words: ['ZRANGEBYSCORE', 'myzset', RAND, '+inf', 'LIMIT', '0', '10'],
    range: MILLION,
    prepare: () => fill(['ZADD', 'myzset'], MILLION / 2, (i) => [shuffled(i), `element:${i}`]),
  },
  {
    command: 'ZRANGEBYSCORE',
    many: true,
    words: ['ZRANGEBYSCORE', `zset:${RAND}`, '20', '29'],
    range: 10_000,
    prepare: () =>
      batchesOf(10_000, BATCH, (key) => {
        const pairs = Array.from({ length: 50 }, (_, i) => [i, `element:${i}`]).flat();
        return ['ZADD', `zset:${String(key).padStart(12, '0')}`, ...pairs];
      }),
  },
  { command: 'LPUSH', many: false, words: ['LPUSH', 'mylist', DATA], range: MILLION },
  {
    command: 'RPOP',
    many: false,
    words: ['RPOP', 'mylist'],
    range: MILLION,
    takes: true,
    prepare: (requests) => fill(['RPUSH', 'mylist'], requests, () => [DATA]),
  },
  ...[100, 600].map((n) => ({
    command: `LRANGE_${n}`,
    many: false,
    words: ['LRANGE', 'mylist', '0', String(n - 1)],
    range: MILLION,
    prepare: () => fill(['RPUSH', 'mylist'], 1000, () => [DATA]),
  })),
];

/** @typedef {{ name: string, what: string, count: number, load: (count: number) => Batches }} Shape */

/** A number in 16 digits or so, never an integer to a listpack or intset. @param {number} i @param {number} bytes */
const text = (i, bytes) => `m${String(i).padStart(bytes - 1, '0')}`;

/** What the table of bytes per element loads; `count` is of elements. @type {readonly Shape[]} */
export const SHAPES = [
  {
    name: 'hash',
    what: 'hash, fields of 16 + 32 bytes',
    count: MILLION,
    load: (count) => fill(['HSET', 'h'], count, (i) => [text(i, 16), text(i, 32)]),
  },
  {
    name: 'zset',
    what: 'sorted set, members of 16 bytes',
    count: MILLION,
    load: (count) => fill(['ZADD', 'z'], count, (i) => [shuffled(i) / 8, text(i, 16)]),
  },
  {
    name: 'set',
    what: 'set, members of 16 bytes',
    count: MILLION,
    load: (count) => fill(['SADD', 's'], count, (i) => [text(i, 16)]),
  },
  {
    name: 'hashes',
    what: 'hashes of 10 fields of 8 + 16 bytes',
    count: MILLION,
    load: (count) =>
      batchesOf(Math.ceil(count / 10), BATCH, (key) => {
        const fields = Array.from({ length: 10 }, (_, i) => [text(i, 8), text(key * 10 + i, 16)]).flat();
        return ['HSET', text(key, 12), ...fields];
      }),
  },
  {
    name: 'list',
    what: 'list, elements of 32 bytes',
    count: MILLION,
    load: (count) => fill(['RPUSH', 'l'], count, (i) => [text(i, 32)]),
  },
  {
    name: 'stream',
    what: 'stream, entries of one field, 16 bytes',
    count: MILLION,
    load: (count) => batchesOf(count, 1000, (i) => ['XADD', 'x', `${1_700_000_000_000 + i}-0`, 'field', text(i, 16)]),
  },
];
