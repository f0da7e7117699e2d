/**
 * What a directive is, as data: the shape of the rows of the tables in `directives-*.ts`, and the constructors that
 * make them readable. No row knows a server object; whoever acts on a directive asks `Config` or listens for its
 * changes.
 *
 * Values are kept in *canonical* form: the very string that CONFIG GET replies, one char per byte ("binary string").
 */
import type { SpecialParser } from './special-values.js';

type DirectiveKind =
  | 'bool'
  | 'integer'
  | 'memory'
  | 'memory-or-percent'
  | 'octal'
  | 'enum'
  | 'enum-set'
  | 'string'
  | 'special';

/** One row of the table. */
export interface Directive {
  readonly name: string;
  /** The older name under which it may be set and is listed too, or null. */
  readonly alias: string | null;
  readonly kind: DirectiveKind;
  /** Canonical form. */
  readonly defaultValue: string;
  /** Bounds of the numeric kinds, inclusive. */
  readonly min: bigint;
  readonly max: bigint;
  /** The words of `enum` and `enum-set`, in Redis's order (error texts list them). */
  readonly values: readonly string[];
  /** Words that mean the same as another one: `relative` is listed as `yes`. */
  readonly synonyms: Readonly<Record<string, string>>;
  /** Says what is wrong with a canonical value, or null. */
  readonly validate: ((value: string) => string | null) | null;
  /** Brings a valid canonical value into its bounds instead of refusing it (`hz`). */
  readonly clamp: ((value: string) => string) | null;
  /** Parses the arguments of a `special` directive. */
  readonly parse: SpecialParser | null;
  /** Only at start. */
  readonly immutable: boolean;
  /** Takes several words. */
  readonly multiArg: boolean;
  /** Listed only when asked for by its exact name. */
  readonly hidden: boolean;
  /** Its value must not appear in logs, SLOWLOG or MONITOR. */
  readonly sensitive: boolean;
  /** CONFIG SET needs `enable-protected-configs`. */
  readonly protected: boolean;
  /** CONFIG SET is refused while a data set loads. */
  readonly denyLoading: boolean;
  /** Part of the configuration that a crash report shows. */
  readonly debug: boolean;
  /** An empty string means "not set": CONFIG REWRITE leaves the line out. */
  readonly emptyIsNull: boolean;
}

/** The optional parts of a row. */
export type DirectiveOptions = Partial<Omit<Directive, 'name' | 'kind' | 'defaultValue'>>;

export const INT_MIN = -(2n ** 31n);
export const INT_MAX = 2n ** 31n - 1n;
export const UINT_MAX = 2n ** 32n - 1n;
export const LONG_MAX = 2n ** 63n - 1n;
export const ULONG_MAX = 2n ** 64n - 1n;

/** Shorthands for the flags in the tables. */
export const IMMUTABLE = { immutable: true } as const;
export const DEBUG = { debug: true } as const;
export const HIDDEN = { hidden: true } as const;

function row(
  name: string,
  kind: DirectiveKind,
  defaultValue: string,
  options: DirectiveOptions,
  more: DirectiveOptions = {},
): Directive {
  return {
    alias: null,
    min: 0n,
    max: 0n,
    values: [],
    synonyms: {},
    validate: null,
    clamp: null,
    parse: null,
    immutable: false,
    multiArg: false,
    hidden: false,
    sensitive: false,
    protected: false,
    denyLoading: false,
    debug: false,
    emptyIsNull: false,
    ...options,
    ...more,
    name,
    kind,
    defaultValue,
  };
}

/** A yes/no directive. */
export function bool(name: string, defaultValue: 'yes' | 'no', options: DirectiveOptions = {}): Directive {
  return row(name, 'bool', defaultValue, options);
}

/** A plain integer between `min` and `max`. */
export function integer(
  name: string,
  defaultValue: number,
  min: bigint | number,
  max: bigint | number,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'integer', String(defaultValue), options, { min: BigInt(min), max: BigInt(max) });
}

/** A number of bytes, with the units of redis.conf (`10mb`, `1g`); bounds in bytes. */
export function memory(
  name: string,
  defaultBytes: number,
  min: bigint | number,
  max: bigint | number,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'memory', String(defaultBytes), options, { min: BigInt(min), max: BigInt(max) });
}

/** Bytes or `n%` of another figure; `min` is minus the highest percentage. */
export function memoryOrPercent(name: string, defaultValue: string, min: bigint, max: bigint): Directive {
  return row(name, 'memory-or-percent', defaultValue, { min, max });
}

/** File permissions. */
export function octal(name: string, defaultValue: string, max: number, options: DirectiveOptions = {}): Directive {
  return row(name, 'octal', defaultValue, options, { max: BigInt(max) });
}

/** One word out of a list. */
export function oneOf(
  name: string,
  defaultValue: string,
  values: readonly string[],
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'enum', defaultValue, options, { values });
}

/** Several words out of a list, the first of which stands for "none". */
export function someOf(
  name: string,
  defaultValue: string,
  values: readonly string[],
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'enum-set', defaultValue, options, { values, multiArg: true });
}

/** A string that may be empty. */
export function text(name: string, defaultValue: string, options: DirectiveOptions = {}): Directive {
  return row(name, 'string', defaultValue, options);
}

/** A string for which empty means "not set". */
export function optionalText(name: string, options: DirectiveOptions = {}): Directive {
  return row(name, 'string', '', options, { emptyIsNull: true });
}

/** A directive with a syntax of its own. */
export function special(
  name: string,
  defaultValue: string,
  parse: SpecialParser,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'special', defaultValue, options, { parse });
}
