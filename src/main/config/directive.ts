/**
 * What a directive is, as data: the shape of the rows of the tables in `directives-*.ts`, and the constructors that
 * make them readable. All that is known about a directive stands in its row: what CONFIG SET accepts, what it is for,
 * which thread acts on it, and the word of the control block by which threads see its value at once. What follows from
 * a row (CONFIG GET and SET, the warning at the start, control words, docs/DIRECTIVES.md) is derived.
 *
 * No row knows a server object. A thread that acts on a directive reads its control word, or its typed copy of the
 * configuration (thread-config.ts), or listens for changes (main thread).
 *
 * When you add a directive: one row. When it has no effect yet, leave out `reader`: the warning at the start names it.
 *
 * Values are kept in *canonical* form: the very string that CONFIG GET replies, one char per byte ("binary string").
 */
import type { SpecialParser } from './special-values.js';

/** Which threads act on a directive. */
type Reader = 'main thread' | 'I/O threads' | 'shard threads' | 'every thread' | 'nobody needs to';

/** Shorthands for the readers in the tables. */
export const MAIN = 'main thread';
export const IO = 'I/O threads';
export const SHARD = 'shard threads';
export const EVERY = 'every thread';
/** sherd always does what the directive asks for, whatever its value. */
export const NEEDLESS = 'nobody needs to';

/** The word of the control block that holds a directive's value. */
export interface ControlWord {
  readonly array: 'i32' | 'f64';
  readonly index: number;
  /** The word's value from a canonical one. null: a number as it is, 1 for yes, a word's place in `values`. */
  readonly encode: ((value: string) => number) | null;
}

/** A word among CONTROL. Numbers beyond an Int32 are cut to the greatest. */
export function int32(index: number, encode: ControlWord['encode'] = null): ControlWord {
  return { array: 'i32', index, encode };
}

/** A number among CONTROL_F64. */
export function float64(index: number): ControlWord {
  return { array: 'f64', index, encode: null };
}

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
  /** What it says, one line. */
  readonly doc: string;
  /** Who acts on it; null: nobody (yet), so that giving it has no effect. */
  readonly reader: Reader | null;
  /** Where the data plane sees its value; null: it does not, or in its copy of the configuration. */
  readonly word: ControlWord | null;
  /** The one value of a directive without effect that is honoured all the same, because it asks for nothing. */
  readonly asksNothing: string | null;
  /** Somebody relies on it for safety: that it has no effect must be said aloud. */
  readonly protects: boolean;
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
  /** Redis does not have it: tools that set all that they got by CONFIG GET may set it to what it is. */
  readonly ours: boolean;
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
export type DirectiveOptions = Partial<Omit<Directive, 'name' | 'doc' | 'kind' | 'defaultValue'>>;

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
  doc: string,
  options: DirectiveOptions,
  more: DirectiveOptions = {},
): Directive {
  return {
    reader: null,
    word: null,
    asksNothing: null,
    protects: false,
    alias: null,
    min: 0n,
    max: 0n,
    values: [],
    synonyms: {},
    validate: null,
    clamp: null,
    parse: null,
    ours: false,
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
    doc,
    kind,
    defaultValue,
  };
}

/** A yes/no directive. */
export function bool(name: string, defaultValue: 'yes' | 'no', doc: string, options: DirectiveOptions = {}): Directive {
  return row(name, 'bool', defaultValue, doc, options);
}

/** A plain integer between `min` and `max`. */
export function integer(
  name: string,
  defaultValue: number,
  min: bigint | number,
  max: bigint | number,
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'integer', String(defaultValue), doc, options, { min: BigInt(min), max: BigInt(max) });
}

/** A number of bytes, with the units of redis.conf (`10mb`, `1g`); bounds in bytes. */
export function memory(
  name: string,
  defaultBytes: number,
  min: bigint | number,
  max: bigint | number,
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'memory', String(defaultBytes), doc, options, { min: BigInt(min), max: BigInt(max) });
}

/** Bytes or `n%` of another figure; `min` is minus the highest percentage. */
export function memoryOrPercent(
  name: string,
  defaultValue: string,
  min: bigint,
  max: bigint,
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'memory-or-percent', defaultValue, doc, options, { min, max });
}

/** File permissions. */
export function octal(
  name: string,
  defaultValue: string,
  max: number,
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'octal', defaultValue, doc, options, { max: BigInt(max) });
}

/** One word out of a list. */
export function oneOf(
  name: string,
  defaultValue: string,
  values: readonly string[],
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'enum', defaultValue, doc, options, { values });
}

/** Several words out of a list, the first of which stands for "none". */
export function someOf(
  name: string,
  defaultValue: string,
  values: readonly string[],
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'enum-set', defaultValue, doc, options, { values, multiArg: true });
}

/** A string that may be empty. */
export function text(name: string, defaultValue: string, doc: string, options: DirectiveOptions = {}): Directive {
  return row(name, 'string', defaultValue, doc, options);
}

/** A string for which empty means "not set". */
export function optionalText(name: string, doc: string, options: DirectiveOptions = {}): Directive {
  return row(name, 'string', '', doc, options, { emptyIsNull: true });
}

/** A directive with a syntax of its own. */
export function special(
  name: string,
  defaultValue: string,
  parse: SpecialParser,
  doc: string,
  options: DirectiveOptions = {},
): Directive {
  return row(name, 'special', defaultValue, doc, options, { parse });
}

/** Whether giving `directive` the canonical `value` has the effect that Redis gives it. */
export function hasEffect(directive: Directive, value: string): boolean {
  return directive.reader !== null || directive.asksNothing === value;
}
