/** Commands that make one key of every type, encoding and kind of content, the same on any server. */
import { SeededRandom } from '../../harness/random.js';
import type { Arg } from '../../harness/resp-client.js';

export interface Sample {
  readonly name: string;
  readonly commands: readonly (readonly Arg[])[];
}

const random = new SeededRandom(2026);
const INTEGERS = [
  '0',
  '1',
  '-1',
  '127',
  '128',
  '-128',
  '-129',
  '4095',
  '4096',
  '-4096',
  '32767',
  '32768',
  '-32769',
].concat(
  ['8388607', '8388608', '-8388609', '2147483647', '2147483648', '-2147483648', '-2147483649'],
  ['9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
);
const ODD = ['', '-0', '007', '+1', ' 1', '1.5', 'inf', '\x00', '\xff\xfe', 'caf\xc3\xa9'];

function words(n: number, bytes: number): string[] {
  return Array.from({ length: n }, (_, i) => `${i}:${'x'.repeat(bytes)}`);
}

function noise(bytes: number): Buffer {
  return random.bytes(bytes);
}

function text(bytes: number): string {
  return 'the quick brown fox '.repeat(Math.ceil(bytes / 20)).slice(0, bytes);
}

const LENGTHS = [1, 11, 20, 21, 44, 63, 64, 127, 128, 253, 254, 255, 4095, 4096, 16_383, 16_384, 65_535, 70_000];

const strings: Sample[] = [
  ...INTEGERS.concat(ODD).map((value, i) => ({ name: `string:${i}`, commands: [['SET', `string:${i}`, value]] })),
  ...LENGTHS.flatMap((n) => [
    { name: `text:${n}`, commands: [['SET', `text:${n}`, text(n)]] },
    { name: `noise:${n}`, commands: [['SET', `noise:${n}`, noise(n)]] },
  ]),
  {
    name: 'string:big',
    commands: [['SET', 'string:big', Buffer.concat([noise(3_000_000), Buffer.from(text(100_000))])]],
  },
  { name: 'string:bits', commands: [['SETBIT', 'string:bits', 4_000_000, 1]] },
];

const lists: Sample[] = [
  { name: 'list:ints', commands: [['RPUSH', 'list:ints', ...INTEGERS]] },
  { name: 'list:odd', commands: [['RPUSH', 'list:odd', ...ODD]] },
  { name: 'list:lengths', commands: LENGTHS.map((n) => ['RPUSH', 'list:lengths', text(n), noise(n)]) },
  { name: 'list:long', commands: [['RPUSH', 'list:long', ...words(5000, 20)]] },
  { name: 'list:big', commands: [['RPUSH', 'list:big', 'a', noise(300_000), 'b', text(2_200_000), 'c']] },
];

const sets: Sample[] = [
  { name: 'set:16', commands: [['SADD', 'set:16', 1, 2, -3, 32767]] },
  { name: 'set:32', commands: [['SADD', 'set:32', 1, 2, -3, 32768]] },
  { name: 'set:64', commands: [['SADD', 'set:64', 1, 2, -3, '9223372036854775807', '-9223372036854775808']] },
  { name: 'set:ints', commands: [['SADD', 'set:ints', ...INTEGERS, 'x']] },
  { name: 'set:odd', commands: [['SADD', 'set:odd', ...ODD]] },
  { name: 'set:long', commands: [['SADD', 'set:long', ...words(3000, 10)]] },
  { name: 'set:manyints', commands: [['SADD', 'set:manyints', ...Array.from({ length: 2000 }, (_, i) => i * 7)]] },
  { name: 'set:lengths', commands: LENGTHS.map((n) => ['SADD', 'set:lengths', text(n), noise(n)]) },
];

const hashes: Sample[] = [
  { name: 'hash:ints', commands: [['HSET', 'hash:ints', ...INTEGERS.flatMap((x) => [x, `-${x}`])]] },
  { name: 'hash:odd', commands: [['HSET', 'hash:odd', ...ODD.flatMap((x, i) => [x, i, `y${i}`, x])]] },
  { name: 'hash:long', commands: [['HSET', 'hash:long', ...words(3000, 10).flatMap((x, i) => [x, i])]] },
  { name: 'hash:512', commands: [['HSET', 'hash:512', ...words(500, 30).flatMap((x, i) => [x, i])]] },
  {
    name: 'hash:lengths',
    commands: LENGTHS.map((n) => ['HSET', 'hash:lengths', text(n), noise(n), noise(n), text(n)]),
  },
];

const SCORES = [
  '0',
  '-0',
  '1',
  '-1',
  '0.1',
  '3.14159265358979',
  '1e300',
  '-1e-300',
  '5e-324',
  'inf',
  '-inf',
  '1e17',
].concat(['123456789012', '0.30000000000000004', '9007199254740993', '-2.5']);

const zsets: Sample[] = [
  { name: 'zset:scores', commands: [['ZADD', 'zset:scores', ...SCORES.flatMap((s, i) => [s, `m${i}`])]] },
  { name: 'zset:ints', commands: [['ZADD', 'zset:ints', ...INTEGERS.flatMap((x, i) => [i % 3, x])]] },
  { name: 'zset:odd', commands: [['ZADD', 'zset:odd', ...ODD.flatMap((x) => ['0', x])]] },
  {
    name: 'zset:long',
    commands: [['ZADD', 'zset:long', ...words(3000, 10).flatMap((x, i) => [(i * 7919) % 1000, x])]],
  },
  { name: 'zset:lengths', commands: LENGTHS.map((n) => ['ZADD', 'zset:lengths', n / 3, text(n), -n, noise(n)]) },
];

const xadd = (name: string, id: string, ...fields: Arg[]): Arg[] => ['XADD', name, id, ...fields];

/** Streams, with groups, consumers and pending entries. */
export const STREAMS: readonly Sample[] = [
  { name: 'stream:one', commands: [xadd('stream:one', '1-1', 'field', 'value')] },
  {
    name: 'stream:many',
    commands: [
      ...Array.from({ length: 400 }, (_, i) =>
        xadd('stream:many', `${1000 + i * 3}-${i % 3}`, 'a', i, 'b', `value ${i}`),
      ),
      ...Array.from({ length: 100 }, (_, i) => xadd('stream:many', `9000-${i}`, `field ${i}`, i)),
      ['XDEL', 'stream:many', '1000-0', '1003-1', '1150-2', '9000-5', '9000-99'],
    ],
  },
  {
    name: 'stream:ids',
    commands: [
      xadd('stream:ids', '0-1', 'a', '1'),
      xadd('stream:ids', '0-18446744073709551615', 'a', '1'),
      xadd('stream:ids', '4294967296-0', 'a', '1'),
      xadd('stream:ids', '9007199254740993-9223372036854775808', 'b', '2'),
      xadd('stream:ids', '9223372036854775808-5', 'a', '1', 'c', ''),
      xadd('stream:ids', '18446744073709551615-18446744073709551614', '', ''),
    ],
  },
  {
    name: 'stream:empty',
    commands: [
      xadd('stream:empty', '5-5', 'a', '1'),
      ['XDEL', 'stream:empty', '5-5'],
      ['XSETID', 'stream:empty', '7-1'],
    ],
  },
  { name: 'stream:group', commands: [['XGROUP', 'CREATE', 'stream:group', 'g', '$', 'MKSTREAM']] },
  {
    name: 'stream:lengths',
    commands: LENGTHS.map((n) => xadd('stream:lengths', `${n}-0`, 'text', text(n), noise(Math.min(n, 300)), n)),
  },
  {
    name: 'stream:pending',
    commands: [
      ...Array.from({ length: 150 }, (_, i) => xadd('stream:pending', `${i + 1}-0`, 'n', i)),
      ['XGROUP', 'CREATE', 'stream:pending', 'g', '0'],
      ['XGROUP', 'CREATE', 'stream:pending', '', '100-0', 'ENTRIESREAD', '3'],
      ['XGROUP', 'CREATECONSUMER', 'stream:pending', 'g', 'idle'],
      ['XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', '120', 'STREAMS', 'stream:pending', '>'],
      ['XREADGROUP', 'GROUP', '', 'carol', 'COUNT', '7', 'STREAMS', 'stream:pending', '>'],
      ['XCLAIM', 'stream:pending', 'g', 'bob', '0', '5-0', '6-0', '7-0', 'TIME', '1700000000000', 'RETRYCOUNT', '9'],
      ['XACK', 'stream:pending', 'g', '8-0', '9-0', '120-0'],
      ['XDEL', 'stream:pending', '1-0', '5-0', '150-0'],
    ],
  },
];

/** Samples by type, in the order of TYPE_*. */
export const SAMPLES: readonly (readonly [type: string, samples: readonly Sample[]])[] = [
  ['strings', strings],
  ['lists', lists],
  ['sets', sets],
  ['hashes', hashes],
  ['zsets', zsets],
];
