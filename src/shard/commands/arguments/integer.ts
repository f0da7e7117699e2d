/** Integer arguments by Redis's strict rules: no plus, no spaces, no leading zeros, no "-0". */
import type { Args } from '../../../shared/resp/args.js';

const MINUS = 45;
const ZERO = 48;
/** Digits that a double surely holds exactly. */
const SAFE_DIGITS = 15;
const DIGITS_MAX = 19;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Argument i if it is an integer of at most 15 digits, else NaN: the case for which no allocation is needed. */
export function smallInteger(args: Args, i: number): number {
  const u8 = args.u8;
  let at = args.off[i]!;
  const end = at + args.len[i]!;
  const negative = at < end && u8[at] === MINUS;
  if (negative) at++;
  const digits = end - at;
  if (digits < 1 || digits > SAFE_DIGITS) return Number.NaN;
  if (u8[at] === ZERO) return digits === 1 && !negative ? 0 : Number.NaN;
  let n = 0;
  for (; at < end; at++) {
    const digit = u8[at]! - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    n = n * 10 + digit;
  }
  return negative ? -n : n;
}

/** Argument i if it is a signed 64-bit integer of more than 15 digits, else null. Cold. */
export function bigInteger(args: Args, i: number): bigint | null {
  if (args.len[i]! > DIGITS_MAX + 1) return null;
  const text = args.latin1(i);
  if (!/^-?[1-9][0-9]{15,}$/.test(text)) return null;
  const n = BigInt(text);
  return n < INT64_MIN || n > INT64_MAX ? null : n;
}

/** Argument i as a signed 64-bit integer, rounded to a double beyond 2^53; NaN when it is none. */
export function integerArg(args: Args, i: number): number {
  const small = smallInteger(args, i);
  if (!Number.isNaN(small)) return small;
  const big = bigInteger(args, i);
  return big === null ? Number.NaN : Number(big);
}
