/**
 * Where the keys of a command stand, from its key specifications: for routing (simple shapes are read from the
 * registry's flat arrays, the rest through `extractKeys`) and for COMMAND GETKEYS.
 *
 * The rules are Redis's: a specification begins at an index or after a keyword and spans a range or a counted run; the
 * consecutive plain ranges together make the legacy (first, last, step) triple; whatever that triple cannot say makes
 * the command `movablekeys`.
 */
import type { Args } from '../resp/args.js';
import type { CommandSpec, KeyFlag, KeySpec } from './spec.js';

/** No keys at all. */
export const KEYS_NONE = 0;
/** Exactly one key, at `registry.firstKey[id]`. */
export const KEYS_ONE = 1;
/** A range: `firstKey`, `lastKey` (negative: from the end), `keyStep` say everything. */
export const KEYS_RANGE = 2;
/** Ask `extractKeys`. */
export const KEYS_COMPLEX = 3;

/** The arguments do not say where the keys are (bad count, out of bounds, unknown specification). */
export const KEYS_INVALID = -1;

export interface LegacyRange {
  readonly first: number;
  /** Absolute when positive, from the end when negative. */
  readonly last: number;
  readonly step: number;
  /** The triple does not cover all keys. */
  readonly movable: boolean;
}

const NO_RANGE: LegacyRange = { first: 0, last: 0, step: 0, movable: false };

/**
 * The legacy key range of a command and whether its keys are movable, as Redis derives them from the specifications.
 */
export function legacyRange(spec: CommandSpec): LegacyRange {
  const keys = spec.keys ?? [];
  if (keys.length === 0) return NO_RANGE;
  const only = keys[0]!;
  if (keys.length === 1 && 'index' in only.begin && 'lastKey' in only.find) {
    const { lastKey, step } = only.find;
    const last = lastKey >= 0 ? lastKey + only.begin.index : lastKey;
    return { first: only.begin.index, last, step, movable: only.flags.includes('incomplete') };
  }
  let first = Number.MAX_SAFE_INTEGER;
  let last = 0;
  let previousLast = 0;
  let movable = false;
  for (const key of keys) {
    if (!('index' in key.begin) || !('lastKey' in key.find)) {
      movable = true;
      continue;
    }
    const begin = key.begin.index;
    if (key.find.step !== 1 || (previousLast !== 0 && previousLast !== begin - 1)) {
      movable = true;
      continue;
    }
    if (key.flags.includes('incomplete')) movable = true;
    first = Math.min(first, begin);
    const lastKey = key.find.lastKey >= 0 ? key.find.lastKey + begin : key.find.lastKey;
    // A negative last (to the end) is beyond every positive one.
    if (lastKey < 0 || (last >= 0 && lastKey > last)) last = lastKey;
    previousLast = last;
  }
  if (first === Number.MAX_SAFE_INTEGER) return { first: 0, last: 0, step: 0, movable: true };
  return { first, last, step: 1, movable };
}

/** Whether a command can have keys at all. */
export function hasKeys(spec: CommandSpec): boolean {
  return spec.findKeys !== undefined || (spec.keys?.some((k) => !k.flags.includes('not_key')) ?? false);
}

/**
 * Finds the keys of a command: writes their argument indexes into `out` and returns how many there are, 0 for none,
 * KEYS_INVALID (-1) when the arguments make no sense. If the count exceeds `out.length` only that many were written:
 * call again with a larger array. Allocates nothing when `flags` is null.
 * `flags`, when given, receives the key flags of each key found.
 */
export function extractKeys(
  spec: CommandSpec,
  args: Args,
  out: Int32Array,
  flags: (readonly KeyFlag[])[] | null = null,
): number {
  const finder = spec.findKeys;
  const keys = spec.keys;
  if (finder !== undefined && (keys === undefined || needsFinder(keys))) return finder(args, out, flags);
  if (keys === undefined) return 0;
  let count = 0;
  for (let s = 0; s < keys.length; s++) {
    const key = keys[s]!;
    if (key.flags.includes('not_key')) continue;
    const next = key.flags.includes('incomplete') ? KEYS_INVALID : keysOfSpec(key, args, out, count, flags);
    if (next < 0) {
      if (flags !== null) flags.length = 0;
      return finder === undefined ? KEYS_INVALID : finder(args, out, flags);
    }
    count = next;
  }
  return count;
}

/** Redis trusts the specifications unless one says that its flags vary; then the finder decides. */
function needsFinder(keys: readonly KeySpec[]): boolean {
  for (let i = 0; i < keys.length; i++) {
    if (keys[i]!.flags.includes('variable_flags')) return true;
  }
  return false;
}

/** Adds the keys of one specification behind the first `count`; returns the new count or KEYS_INVALID. */
function keysOfSpec(
  key: KeySpec,
  args: Args,
  out: Int32Array,
  count: number,
  flags: (readonly KeyFlag[])[] | null,
): number {
  const argc = args.argc;
  const begin = key.begin;
  let first = 0;
  if ('index' in begin) first = begin.index;
  else if ('keyword' in begin) {
    first = afterKeyword(begin.keyword, begin.startFrom, args);
    if (first === 0) return count;
  } else return KEYS_INVALID;

  const find = key.find;
  let last = 0;
  let step = 1;
  if ('lastKey' in find) {
    step = find.step;
    if (find.lastKey >= 0) last = first + find.lastKey;
    else if (find.limit === 0) last = argc + find.lastKey;
    else last = first + Math.trunc((argc - first) / find.limit) + find.lastKey;
  } else if ('keyNumIndex' in find) {
    step = find.step;
    const at = first + find.keyNumIndex;
    if (at >= argc) return KEYS_INVALID;
    const keyCount = countAt(args, at);
    if (keyCount < 0) return KEYS_INVALID;
    first += find.firstKey;
    last = first + keyCount - 1;
  } else return KEYS_INVALID;
  if (last >= argc || last < first || first >= argc) return KEYS_INVALID;
  for (let i = first; i <= last; i += step) {
    if (count < out.length) out[count] = i;
    count++;
    if (flags !== null) flags.push(key.flags);
  }
  return count;
}

/** The index after the keyword, 0 when it is not there. A negative start searches backwards from the end. */
function afterKeyword(keyword: string, startFrom: number, args: Args): number {
  const word = keyword.toLowerCase();
  const argc = args.argc;
  if (startFrom > 0) {
    for (let i = startFrom; i < argc - 1; i++) if (args.is(i, word)) return i + 1;
    return 0;
  }
  for (let i = argc + startFrom; i > 1 && i < argc; i--) if (args.is(i, word)) return i + 1;
  return 0;
}

/** A key count in argument i as a plain non-negative decimal; -1 when it is anything else. */
function countAt(args: Args, i: number): number {
  const n = args.len[i]!;
  if (n === 0 || n > 9) return -1;
  const u8 = args.u8;
  const start = args.off[i]!;
  let value = 0;
  for (let k = 0; k < n; k++) {
    const c = u8[start + k]! - 48;
    if (c < 0 || c > 9 || (c === 0 && k === 0 && n > 1)) return -1;
    value = value * 10 + c;
  }
  return value;
}
