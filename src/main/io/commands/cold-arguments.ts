/** Reading arguments in commands of the control kind, where a string or two more do not matter. */
import type { Args } from '../../../shared/resp/args.js';

/** Argument i as an integer in Redis's strict form; null when it is none or outside of [min, max]. */
export function integerAt(
  args: Args,
  i: number,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): number | null {
  if (args.len[i]! > 20) return null;
  const text = args.latin1(i);
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
}

/** Argument i as Redis's C code prints it: up to a NUL. */
export function cText(args: Args, i: number): string {
  const text = args.latin1(i);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
