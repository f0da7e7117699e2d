/** Edge values from which generated commands are made: small pools, so that the same keys and numbers meet often. */

import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';

export const KEYS = ['k0', 'k1', 'k2', 'k3', 'k4', 'K4', '{t}1', '{t}2', 'a{t}b', '', '\0\xff\r\n', 'x'.repeat(300)];

export const INTEGERS = [
  ...['0', '1', '-1', '2', '10', '9999', '10000', '-10000', '2147483647', '2147483648', '-2147483649', '4294967296'],
  ...['9007199254740991', '9007199254740993', '-9007199254740993', '9223372036854775806', '9223372036854775807'],
  ...['-9223372036854775807', '-9223372036854775808'],
];

export const NOT_INTEGERS = [
  ...[
    '9223372036854775808',
    '-9223372036854775809',
    '12345678901234567890123',
    '+1',
    ' 1',
    '1 ',
    '01',
    '-0',
    '--1',
    '',
  ],
  ...['1e3', '0x10', '3.0', 'abc', '1\0', '-', '\xff'],
];

export const FLOATS = [
  ...[
    '0.1',
    '0.2',
    '-0.1',
    '3.0',
    '3.5',
    '-3.25e2',
    '1e3',
    '5e-2',
    '1.5',
    '.5',
    '5.',
    '0.000001',
    '123456.789',
    '-1e-3',
  ],
  ...['1e15', '123456789012345678', '0.30000000000000004', '99999999.99'],
];

export const NOT_FLOATS = ['inf', '-inf', 'nan', '1e400', '1e', 'e1', '1.2.3', ' 1.5', '1.5 ', '', '0x', 'abc', '1,5'];

/** Sizes around the edges of encodings and cells. */
const LENGTHS = [1, 2, 7, 8, 20, 43, 44, 45, 63, 64, 65, 127, 128, 255, 256, 500, 1023, 1024, 1025, 4000, 5000];

/** A string value: numbers, text, binary; now and then a large one. */
export function anyValue(random: SeededRandom): Arg {
  const kind = random.below(12);
  if (kind < 3) return random.pick(INTEGERS);
  if (kind === 3) return random.pick(NOT_INTEGERS);
  if (kind === 4) return random.pick(FLOATS);
  if (kind === 5) return '';
  if (kind === 6) return random.bytes(random.pick(LENGTHS));
  if (kind === 7) return 'ab'.repeat(random.pick(LENGTHS));
  if (kind === 8 && random.chance(0.15)) return random.bytes(random.pick([16384, 65536, 70001]));
  return random.pick([
    'a',
    'hello',
    'hello world',
    'foobar',
    '\0',
    '\0\0\0',
    '\xff\xff',
    '\x0f\xf0',
    'mynewtext',
    'ohmytext',
  ]);
}

export function anyInteger(random: SeededRandom): string {
  if (random.chance(0.12)) return random.pick(NOT_INTEGERS);
  if (random.chance(0.4)) return String(random.between(-20, 20));
  return random.pick(INTEGERS);
}

export function anyFloat(random: SeededRandom): string {
  if (random.chance(0.12)) return random.pick(NOT_FLOATS);
  return random.chance(0.3) ? random.pick(INTEGERS) : random.pick(FLOATS);
}

/** A start or end of a range, from both ends. */
export function anyIndex(random: SeededRandom): string {
  if (random.chance(0.75)) return String(random.between(-12, 12));
  if (random.chance(0.5)) return String(random.between(-6000, 6000));
  return random.pick([...INTEGERS, ...NOT_INTEGERS.slice(0, 5)]);
}

/** A byte offset for writing: either small enough to be cheap or beyond the limit of 512 MB. */
export function byteOffset(random: SeededRandom): string {
  if (random.chance(0.8)) return String(random.pick([0, 1, 2, 5, 7, 8, 43, 44, 64, 100, 1000, 4095, 4096, 4097]));
  if (random.chance(0.3)) return String(random.pick([65536, 200000]));
  return random.pick(['-1', '536870912', '4294967296', '9223372036854775807', '-9223372036854775808', 'abc', '1.5']);
}

/** A bit offset for writing, likewise. */
export function bitOffset(random: SeededRandom): string {
  if (random.chance(0.85))
    return String(random.pick([0, 1, 2, 5, 7, 8, 9, 31, 32, 63, 64, 100, 352, 1000, 32767, 40000]));
  if (random.chance(0.3)) return '600000';
  return random.pick(['-1', '4294967296', '9223372036854775807', 'abc', '']);
}

/**
 * Seconds from now: long enough never to pass during a test and never the same twice, since two servers that run the
 * same pair of commands in different milliseconds would rightly differ in `GT` and `LT`; or already past; or bad.
 */
export function seconds(random: SeededRandom): string {
  if (random.chance(0.75)) return String(random.between(1000, 100_000_000));
  return random.pick([
    '0',
    '-1',
    '-1000',
    '9223372036854775807',
    '9223372036854776',
    '-9223372036854775808',
    'abc',
    '1.5',
  ]);
}

export function milliseconds(random: SeededRandom): string {
  if (random.chance(0.75)) return String(random.between(1_000_000, 100_000_000_000));
  return random.pick(['0', '-1', '-5000', '9223372036854775807', '9223370000000000000', 'abc', '']);
}

/** An absolute time in seconds. */
export function unixSeconds(random: SeededRandom): string {
  if (random.chance(0.75)) return String(random.between(4_000_000_000, 9_000_000_000));
  return random.pick(['1', '0', '-1', '1000000000', '9223372036854775807', '9223372036854776', 'abc']);
}

export function unixMilliseconds(random: SeededRandom): string {
  if (random.chance(0.75)) return String(random.between(4_000_000_000_000, 9_000_000_000_000));
  return random.pick(['1', '0', '-1', '1000000000000', '9223372036854775807', 'abc']);
}
