/**
 * RESTORE with payloads of every form that the oracle knows, and with bad ones; DUMP, whose bytes may differ by how
 * well they are compressed: only that it answers is compared, and what comes of it by the digests at a run's end.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Arg } from '../harness/resp-client.js';
import { intset, length, listpack, payload, str, ziplist, zipmap } from '../unit/rdb/old-forms.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const ITEMS = ['a', 5, 'b', -70_000, 'x'.repeat(70), 12, '', 1234567890123];
const PAIRS = ITEMS.flatMap((item, i) => [item, i]);
const of = (form: number, ...parts: Uint8Array[]): Buffer =>
  payload(Buffer.concat([Buffer.from([form]), ...parts]), form > 15 ? 10 : 9);

const GOOD: readonly Buffer[] = [
  of(0, str('text')),
  of(0, Buffer.from([0xc1, 0x39, 0x30])),
  of(0, Buffer.from([0xc3, 6, 38, 1, 97, 97, 0xe0, 27, 0])),
  of(1, length(3), str('a'), str('b'), str('12')),
  of(10, str(ziplist(ITEMS))),
  of(14, length(2), str(ziplist(ITEMS)), str(ziplist(['z', 1]))),
  of(18, length(1), length(2), str(listpack(ITEMS))),
  of(2, length(3), str('a'), str('b'), str('12')),
  of(11, str(intset(2, [-3, 1, 2, 70]))),
  of(4, length(2), str('f'), str('1'), str('g'), str('2')),
  of(
    9,
    str(
      zipmap(
        [
          ['f', '1'],
          ['g', 'two'],
        ],
        1,
      ),
    ),
  ),
  of(13, str(ziplist(PAIRS))),
  of(16, str(listpack(PAIRS))),
];

/** Redis reads on into the footer, so what is missing must be more than that. */
const BAD: readonly Buffer[] = [
  of(0, Buffer.from([50, 97])),
  of(1, length(0)),
  of(14, length(1), str(ziplist([]))),
  of(2, length(200), str('a')),
  of(99, str('x')),
  payload([0, 1, 97], 77),
  Buffer.from('short'),
  Buffer.from(payload([0, 1, 97]).map((byte, i) => (i === 2 ? 98 : byte))),
];

const key = (r: SeededRandom): string => r.pick(values.KEYS);
const ttl = (r: SeededRandom): Arg => (r.chance(0.6) ? '0' : r.chance(0.5) ? '1000000' : values.milliseconds(r));

function option(r: SeededRandom): readonly Arg[] {
  switch (r.below(6)) {
    case 0:
      return ['IDLETIME', r.pick(['0', '1000', '-1', 'x'])];
    case 1:
      return ['FREQ', r.pick(['0', '255', '256', 'x'])];
    case 2:
      return [r.pick(['BOGUS', 'IDLETIME', 'FREQ', ''])];
    default:
      return [r.pick(['REPLACE', 'replace'])];
  }
}

export const DUMPS: readonly Row[] = [
  [6, (r) => ['RESTORE', key(r), ttl(r), r.pick(GOOD), 'REPLACE']],
  [3, (r) => ['RESTORE', key(r), ttl(r), r.pick(GOOD), ...option(r), ...(r.chance(0.5) ? option(r) : [])]],
  [1, (r) => ['RESTORE', key(r), r.pick(['2', '4102444800000', '-1']), r.pick(GOOD), 'ABSTTL', 'REPLACE']],
  [2, (r) => ['RESTORE', key(r), ttl(r), r.pick(BAD), ...(r.chance(0.7) ? ['REPLACE'] : [])]],
  [3, (r) => ['DUMP', key(r)], 'shape'],
];
