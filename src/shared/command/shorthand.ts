/**
 * Short forms for command definitions: key specifications and argument descriptions, so that a definition reads as a
 * few lines beside its handler. No logic lives here; every function returns plain data.
 *
 *   keys: [keyRO(1, 'access')], args: [key(), integer('offset')]
 *   args: [key(), str('value'), oneOf('condition', [token('nx', 'NX'), token('xx', 'XX')], OPT)]
 */
import type { ArgSpec, CommandDef, KeyFlag, KeySpec } from './spec.js';

/** Options of an argument that is not the usual required single one. */
export type ArgExtra = Partial<Omit<ArgSpec, 'name' | 'type' | 'args'>>;

/** An optional argument. */
export const OPT: ArgExtra = { optional: true };
/** One or more. */
export const MANY: ArgExtra = { multiple: true };
/** Zero or more. */
export const OPT_MANY: ArgExtra = { optional: true, multiple: true };

// ---- key specifications -------------------------------------------------------------------------------------------

/** One key at `index` that is only read. Default flags: RO access. */
export function keyRO(index: number, ...flags: KeyFlag[]): KeySpec {
  return keyAt(index, ['RO', ...(flags.length > 0 ? flags : (['access'] as const))]);
}

/** One key at `index` that is read and written. Default flags: RW access update. */
export function keyRW(index: number, ...flags: KeyFlag[]): KeySpec {
  return keyAt(index, ['RW', ...(flags.length > 0 ? flags : (['access', 'update'] as const))]);
}

/** One key at `index` whose value is overwritten. Default flags: OW update. */
export function keyOW(index: number, ...flags: KeyFlag[]): KeySpec {
  return keyAt(index, ['OW', ...(flags.length > 0 ? flags : (['update'] as const))]);
}

/** One key at `index`. */
export function keyAt(index: number, flags: readonly KeyFlag[]): KeySpec {
  return { flags, begin: { index }, find: { lastKey: 0, step: 1, limit: 0 } };
}

/**
 * Keys from `index` on; `lastKey` is counted from `index` when >= 0, from the end of the arguments when negative (-1
 * the last, -2 the last but one); `limit` as in Redis's specifications (2: the first half of the rest).
 */
export function keyRange(index: number, lastKey: number, step: number, flags: readonly KeyFlag[], limit = 0): KeySpec {
  return { flags, begin: { index }, find: { lastKey, step, limit } };
}

/** `numkeys key [key ...]` with the count at `index`. */
export function keyCounted(index: number, flags: readonly KeyFlag[], step = 1): KeySpec {
  return { flags, begin: { index }, find: { keyNumIndex: 0, firstKey: 1, step } };
}

/** Keys after a keyword; a negative `startFrom` searches backwards from the end. */
export function keyAfter(
  keyword: string,
  startFrom: number,
  flags: readonly KeyFlag[],
  find: KeySpec['find'] = { lastKey: 0, step: 1, limit: 0 },
): KeySpec {
  return { flags, begin: { keyword, startFrom }, find };
}

/** Keys that only the command's `findKeys` knows. */
export function keyUnknown(flags: readonly KeyFlag[], notes?: string): KeySpec {
  const spec = { flags, begin: { unknown: true }, find: { unknown: true } } as const;
  return notes === undefined ? spec : { ...spec, notes };
}

// ---- arguments ----------------------------------------------------------------------------------------------------

/** The key argument, tied to key specification `keySpecIndex` (default 0). */
export function key(name = 'key', extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'key', keySpecIndex: 0, ...extra };
}

export function str(name: string, extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'string', ...extra };
}

export function integer(name: string, extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'integer', ...extra };
}

export function double(name: string, extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'double', ...extra };
}

export function pattern(name = 'pattern', extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'pattern', ...extra };
}

export function unixTime(name: string, extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'unix-time', ...extra };
}

/** A bare word: `token('nx', 'NX', OPT)`. */
export function token(name: string, word: string = name.toUpperCase(), extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'pure-token', token: word, ...extra };
}

/** One of several. */
export function oneOf(name: string, args: readonly ArgSpec[], extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'oneof', args, ...extra };
}

/** Several in a row that belong together. */
export function block(name: string, args: readonly ArgSpec[], extra: ArgExtra = {}): ArgSpec {
  return { name, type: 'block', args, ...extra };
}

/** A container of subcommands that does nothing alone. */
export function container(
  name: string,
  about: Pick<CommandDef, 'group' | 'since' | 'summary'> & Partial<Pick<CommandDef, 'acl' | 'flags'>>,
  subcommands: readonly CommandDef[],
): CommandDef {
  return {
    name,
    arity: -2,
    flags: about.flags ?? [],
    acl: about.acl ?? [],
    group: about.group,
    since: about.since,
    complexity: 'Depends on subcommand.',
    summary: about.summary,
    route: 'local',
    subcommands,
  };
}
