/** HyperLogLogs: few elements and many, so that they are sparse, dense and in between; broken ones only for reading. */
import type { SeededRandom } from '../harness/random.js';
import type { Row } from './commands.js';
import * as values from './values.js';

const HLLS = ['{h}0', '{h}1', 'h2', 'h3', 'h4'];
const hll = (r: SeededRandom): string => (r.chance(0.93) ? r.pick(HLLS) : r.pick(values.KEYS));
const element = (r: SeededRandom): string => (r.chance(0.1) ? r.pick(values.KEYS) : `e${r.below(5000)}`);
const elements = (r: SeededRandom, most: number): string[] => Array.from({ length: r.below(most) }, () => element(r));
const others = (r: SeededRandom, most: number): string[] => Array.from({ length: r.below(most) }, () => hll(r));
const HEADER = 'HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80';

export const HYPERLOGLOGS: readonly Row[] = [
  [10, (r) => ['PFADD', hll(r), ...elements(r, 6)]],
  [6, (r) => ['PFADD', hll(r), ...elements(r, 200)]],
  [2, (r) => ['PFADD', hll(r), ...elements(r, 2500)]],
  [8, (r) => ['PFCOUNT', hll(r)]],
  [4, (r) => ['PFCOUNT', hll(r), ...others(r, 4)]],
  [6, (r) => ['PFMERGE', hll(r), ...others(r, 4)]],
  [3, (r) => ['PFDEBUG', r.pick(['DECODE', 'decode', 'ENCODING', 'ENCODING', 'NOPE']), hll(r)]],
  [1, (r) => ['PFDEBUG', r.pick(['GETREG', 'TODENSE']), hll(r)]],
  [1, (r) => ['CONFIG', 'SET', 'hll-sparse-max-bytes', r.pick(['3000', '3000', '100', '0', '30', '1000', '20000'])]],
  // Broken ones: Redis keeps what PFADD did before it met the fault, so these are not added to.
  [1, () => ['SET', 'broken', `${HEADER}\x7f`]],
  [1, (r) => ['SET', 'broken', `${HEADER}${'\x7f\xff'.repeat(r.below(3))}`]],
  [
    1,
    (r) => ['SETRANGE', 'broken', r.pick(['0', '4', '5', '15', '16', '17', '20']), r.pick(['\0', '\x01', 'H', '\xff'])],
  ],
  [1, () => ['APPEND', 'broken', '\0']],
  [2, (r) => [r.pick(['PFCOUNT', 'PFMERGE', 'PFCOUNT']), 'broken', ...others(r, 2)]],
  [1, (r) => ['PFDEBUG', r.pick(['DECODE', 'ENCODING', 'TODENSE']), 'broken']],
  [1, (r) => ['GET', hll(r)]],
  [1, (r) => ['DEL', hll(r)]],
];
