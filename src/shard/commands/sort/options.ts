/**
 * The arguments of SORT and SORT_RO: options, patterns of other keys, and where their keys stand.
 *
 *     SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA] [STORE destination]
 *
 * A pattern names a key for each element: its first `*` stands for the element. With `->field` behind the star the
 * value is that field of a hash, else the string in the key. `#` is the element itself; what has no star names nothing.
 */
import type { KeyFinder, KeyFlag } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { integerArg } from '../arguments/integer.js';

const STAR = 42;
const HASH = 35;
const DASH = 45;
const GREATER = 62;

/** Kinds of patterns. */
export const PATTERN_SELF = 0;
export const PATTERN_NOTHING = 1;
export const PATTERN_STRING = 2;
export const PATTERN_FIELD = 3;

/** A pattern as places in the bytes of the command. */
export class SortPattern {
  kind = PATTERN_NOTHING;
  prefixOff = 0;
  prefixLen = 0;
  postfixOff = 0;
  postfixLen = 0;
  fieldOff = 0;
  fieldLen = 0;

  /** Reads argument i. */
  constructor(args: Args, i: number) {
    const u8 = args.u8;
    const off = args.off[i]!;
    const len = args.len[i]!;
    const star = starOf(args, i);
    if (len === 1 && u8[off] === HASH) this.kind = PATTERN_SELF;
    if (star < 0) return;
    this.kind = PATTERN_STRING;
    this.prefixOff = off;
    this.prefixLen = star - off;
    this.postfixOff = star + 1;
    const end = off + len;
    let arrow = star + 1;
    while (arrow + 1 < end && !(u8[arrow] === DASH && u8[arrow + 1] === GREATER)) arrow++;
    if (arrow + 2 < end && u8[arrow + 2] !== 0) {
      this.kind = PATTERN_FIELD;
      this.fieldOff = arrow + 2;
      this.fieldLen = end - arrow - 2;
      this.postfixLen = arrow - this.postfixOff;
    } else this.postfixLen = end - this.postfixOff;
  }
}

/** Where the first star of argument i is, -1 when there is none. A zero byte ends the search, as in C. */
function starOf(args: Args, i: number): number {
  const u8 = args.u8;
  const end = args.off[i]! + args.len[i]!;
  for (let at = args.off[i]!; at < end && u8[at] !== 0; at++) if (u8[at] === STAR) return at;
  return -1;
}

/** The options of one command. */
export class SortOptions {
  desc = false;
  alpha = false;
  limitStart = 0;
  limitCount = -1;
  /** The weight of an element; null: the element itself. */
  by: SortPattern | null = null;
  /** BY a constant: the order stays as it is. */
  dontSort = false;
  readonly gets: SortPattern[] = [];
  /** Argument with the destination, 0 when there is none. */
  store = 0;
}

/** Reads the options; null when an error has been written. `readonly`: STORE is none of them. */
export function sortOptions(args: Args, readonly: boolean, reply: Reply): SortOptions | null {
  const options = new SortOptions();
  for (let i = 2; i < args.argc; i++) {
    const left = args.argc - i - 1;
    if (args.is(i, 'asc')) options.desc = false;
    else if (args.is(i, 'desc')) options.desc = true;
    else if (args.is(i, 'alpha')) options.alpha = true;
    else if (left >= 2 && args.is(i, 'limit')) {
      options.limitStart = integerArg(args, i + 1);
      options.limitCount = integerArg(args, i + 2);
      if (Number.isNaN(options.limitStart) || Number.isNaN(options.limitCount)) {
        reply.error(NOT_INTEGER);
        return null;
      }
      i += 2;
    } else if (left >= 1 && !readonly && args.is(i, 'store')) options.store = ++i;
    else if (left >= 1 && args.is(i, 'by')) {
      options.by = new SortPattern(args, ++i);
      if (starOf(args, i) < 0) options.dontSort = true;
    } else if (left >= 1 && args.is(i, 'get')) options.gets.push(new SortPattern(args, ++i));
    else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return options;
}

/** Whether a pattern may lead to keys that the arguments do not name. */
export function sortReadsOthers(args: Args): boolean {
  for (let i = 2; i < args.argc - 1; i++) {
    if ((args.is(i, 'by') || args.is(i, 'get')) && starOf(args, i + 1) >= 0) return true;
  }
  return false;
}

const READS: readonly KeyFlag[] = ['RO', 'access'];
const STORES: readonly KeyFlag[] = ['OW', 'update'];

/** The key to sort, and of several destinations the last. */
export const sortKeys: KeyFinder = (args, out, flags) => {
  let store = 0;
  for (let i = 2; i < args.argc; i++) {
    if (args.is(i, 'limit')) i += 2;
    else if (args.is(i, 'get') || args.is(i, 'by')) i++;
    else if (i + 1 < args.argc && args.is(i, 'store')) store = i + 1;
  }
  if (out.length > 0) out[0] = 1;
  if (flags !== null) flags.push(READS);
  if (store === 0) return 1;
  if (out.length > 1) out[1] = store;
  if (flags !== null) flags.push(STORES);
  return 2;
};

/** The one key of SORT_RO. */
export const sortRoKeys: KeyFinder = (_args, out, flags) => {
  if (out.length > 0) out[0] = 1;
  if (flags !== null) flags.push(READS);
  return 1;
};
