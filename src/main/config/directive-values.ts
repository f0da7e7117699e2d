/**
 * From the words behind a directive to its canonical value, for every kind. Error texts are Redis's: they end up in
 * replies of CONFIG SET and behind file and line at start.
 */
import type { Directive } from './directive.js';
import { parseInteger, parseMemory } from './numbers.js';
import type { Parsed, Situation } from './special-values.js';

const WRONG_COUNT = 'wrong number of arguments';

function parseBool(word: string): Parsed {
  const value = word.toLowerCase();
  return value === 'yes' || value === 'no' ? { value } : { error: "argument must be 'yes' or 'no'" };
}

function parseNumber(directive: Directive, word: string): bigint | string {
  switch (directive.kind) {
    case 'memory':
      return parseMemory(word) ?? 'argument must be a memory value';
    case 'memory-or-percent': {
      const bytes = parseMemory(word);
      if (bytes !== null) return bytes;
      const percent = word.endsWith('%') ? parseInteger(word.slice(0, -1)) : null;
      return percent !== null && percent >= 0n ? -percent : 'argument must be a memory or percent value';
    }
    case 'octal':
      return /^[0-7]{1,20}$/.test(word) ? BigInt(`0o${word}`) : "argument couldn't be parsed as an octal number";
    default:
      return parseInteger(word) ?? "argument couldn't be parsed into an integer";
  }
}

function parseNumeric(directive: Directive, word: string): Parsed {
  const number = parseNumber(directive, word);
  if (typeof number === 'string') return { error: number };
  const { min, max, kind } = directive;
  if (kind === 'memory-or-percent' && number < 0n) {
    if (number < min) return { error: `percentage argument must be less or equal to ${-min}` };
    return { value: `${-number}%` };
  }
  if (number < min || number > max) {
    const radix = kind === 'octal' ? 8 : 10;
    return { error: `argument must be between ${min.toString(radix)} and ${max.toString(radix)} inclusive` };
  }
  return { value: kind === 'octal' ? number.toString(8) : String(number) };
}

function parseWords(directive: Directive, words: readonly string[]): Parsed {
  const given = words.map((word) => word.toLowerCase());
  const isValid = given.length > 0 && given.every((word) => directive.values.includes(word));
  if (!isValid) return { error: `argument(s) must be one of the following: ${directive.values.join(', ')}` };
  if (directive.kind === 'enum') return { value: directive.synonyms[given[0]!] ?? given[0]! };
  const none = directive.values[0]!;
  const chosen = directive.values.filter((word) => word !== none && given.includes(word));
  return { value: chosen.length === 0 ? none : chosen.join(' ') };
}

function parseKind(directive: Directive, args: readonly string[], situation: Situation): Parsed {
  switch (directive.kind) {
    case 'special':
      return directive.parse!(args, situation);
    case 'enum-set':
    case 'enum':
      return parseWords(directive, args);
    case 'bool':
      return parseBool(args[0]!);
    case 'string':
      return { value: args[0]! };
    default:
      return parseNumeric(directive, args[0]!);
  }
}

/**
 * Reads the arguments of `directive` into its canonical value, or says what is wrong with them.
 *
 * @param args one binary string a word; exactly one unless the directive takes several
 */
export function parseDirective(directive: Directive, args: readonly string[], situation: Situation): Parsed {
  if (!directive.multiArg && args.length !== 1) return { error: WRONG_COUNT };
  const parsed = parseKind(directive, args, situation);
  if ('error' in parsed) return parsed;
  const error = directive.validate?.(parsed.value) ?? null;
  if (error !== null) return { error };
  return directive.clamp === null ? parsed : { value: directive.clamp(parsed.value) };
}
