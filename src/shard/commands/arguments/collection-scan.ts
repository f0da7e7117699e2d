/**
 * What HSCAN, SSCAN and ZSCAN have in common: the cursor, the options, and collecting the elements of a big value.
 * Redis's guarantee holds while the value changes between the calls: an element that is there throughout is met at
 * least once (structures/element-table.ts). Packed values are returned whole.
 */
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { globMatch } from '../../../shared/glob.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { type ElementTable, FOUND } from '../../structures/element-table.js';
import { integerArg } from './integer.js';

const COUNT_DEFAULT = 10;
/** A call visits at most so many buckets for each element of COUNT, as Redis does. */
const STEPS_PER_COUNT = 10;
const STAR = 42;
const COLLECTED_MIN = 1024;

/** The cursor in argument i, read as strtoul does; NaN when it is none. Rounded beyond 2^53: no cursor of ours. */
export function cursorArg(args: Args, i: number): number {
  const text = args.latin1(i).split('\0')[0]!;
  if (text === '') return 0;
  const match = /^([+-]?)0*([0-9]+)$/.exec(text);
  if (match === null) return Number.NaN;
  const digits = match[2]!;
  if (digits.length > 20 || (digits.length === 20 && digits > '18446744073709551615')) return Number.NaN;
  const n = Number(digits);
  return match[1] === '-' && n !== 0 ? 2 ** 64 : n;
}

/** The options of the last `scanOptions` that returned true. */
class CollectionScan {
  count = COUNT_DEFAULT;
  /** Argument with the pattern, 0 when everything matches. */
  match = 0;
  noValues = false;
}

export const scanOption = new CollectionScan();

/** Reads the options from argument 3 on; false when an error has been written. `hash`: NOVALUES is allowed. */
export function scanOptions(args: Args, reply: Reply, hash: boolean): boolean {
  scanOption.count = COUNT_DEFAULT;
  scanOption.match = 0;
  scanOption.noValues = false;
  for (let i = 3; i < args.argc; i += 2) {
    const last = i + 1 >= args.argc;
    if (!last && args.is(i, 'count')) {
      const count = integerArg(args, i + 1);
      if (Number.isNaN(count)) {
        reply.error(NOT_INTEGER);
        return false;
      }
      if (count < 1) {
        reply.error(SYNTAX);
        return false;
      }
      scanOption.count = count;
    } else if (!last && args.is(i, 'match')) {
      scanOption.match = args.len[i + 1] === 1 && args.u8[args.off[i + 1]!] === STAR ? 0 : i + 1;
    } else if (hash && args.is(i, 'novalues')) {
      scanOption.noValues = true;
      i--;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  return true;
}

/** Whether the name of `len` bytes at `off` matches the pattern. */
export function scanMatches(args: Args, u8: Uint8Array, off: number, len: number): boolean {
  const m = scanOption.match;
  return m === 0 || globMatch(args.u8, args.off[m]!, args.len[m]!, u8, off, len, false);
}

/** Elements that the last `collectScan` met, and the cursor to come back with. */
class Collected {
  elements = new Int32Array(COLLECTED_MIN);
  count = 0;
  cursor = 0;
}

export const collected = new Collected();

/** Collects about `count` elements of a table from `cursor` on into `collected`. */
export function collectScan(table: ElementTable, cursor: number, count: number): void {
  let steps = count * STEPS_PER_COUNT;
  if (collected.elements.length > 64 * COLLECTED_MIN) collected.elements = new Int32Array(COLLECTED_MIN);
  collected.count = 0;
  do {
    const n = table.scan(cursor);
    cursor = table.nextCursor;
    if (collected.count + n > collected.elements.length) grow(collected.count + n);
    for (let i = 0; i < n; i++) collected.elements[collected.count + i] = FOUND[i]!;
    collected.count += n;
  } while (cursor !== 0 && collected.count < count && --steps > 0);
  collected.cursor = cursor;
}

function grow(size: number): void {
  const grown = new Int32Array(Math.max(size, collected.elements.length * 2));
  grown.set(collected.elements);
  collected.elements = grown;
}
