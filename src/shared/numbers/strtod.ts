/**
 * Text to double as C's strtod reads a whole string and SORT judges it: leading blanks, a plus, hexadecimal, `inf` and
 * the empty string (0) are fine; NaN, anything behind the number, overflow and underflow are not. A string ends at its
 * first zero byte. Any thread; the usual short decimals allocate nothing.
 */

const ZERO = 48;
const NINE = 57;
const POINT = 46;
const MINUS = 45;
/** Digits whose value a double surely holds exactly. */
const EXACT_DIGITS = 15;
/** Powers of ten that doubles hold exactly, so that one division rounds correctly (Clinger 1990). */
const POWERS = Float64Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i);
const SMALLEST_NORMAL = 2 ** -1022;

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?$/i;
const HEXADECIMAL = /^([+-]?)0x(?:([0-9a-f]+)\.?([0-9a-f]*)|\.([0-9a-f]+))(?:p([+-]?[0-9]+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** What the last `parseDouble` that returned true read. */
export const parsed = { value: 0 };

/** Whether the `len` bytes at `off` are a number, which is in `parsed` then. */
// hot: SORT
export function parseDouble(u8: Uint8Array, off: number, len: number): boolean {
  const end = off + len;
  let at = off;
  const negative = len > 0 && u8[at] === MINUS;
  if (negative) at++;
  let value = 0;
  let digits = 0;
  let point = -1;
  for (; at < end; at++) {
    const c = u8[at]!;
    if (c >= ZERO && c <= NINE) {
      value = value * 10 + (c - ZERO);
      digits++;
    } else if (c === POINT && point < 0) point = digits;
    else return parseSlowly(u8, off, len);
  }
  if (digits === 0 || digits > EXACT_DIGITS) return parseSlowly(u8, off, len);
  if (point >= 0) value /= POWERS[digits - point]!;
  parsed.value = negative ? -value : value;
  return true;
}

function parseSlowly(u8: Uint8Array, off: number, len: number): boolean {
  const whole = Buffer.from(u8.buffer, u8.byteOffset + off, len).toString('latin1');
  const zero = whole.indexOf('\0');
  const text = zero < 0 ? whole : whole.slice(0, zero);
  if (text === '') {
    parsed.value = 0;
    return true;
  }
  const number = text.replace(/^[ \t\n\v\f\r]+/, '');
  const infinite = INFINITE.exec(number);
  if (infinite !== null) {
    parsed.value = infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return true;
  }
  const hexadecimal = HEXADECIMAL.exec(number);
  if (hexadecimal === null && !DECIMAL.test(number)) return false;
  const value = hexadecimal === null ? Number(number) : hexadecimalValue(hexadecimal);
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return false;
  if (magnitude < SMALLEST_NORMAL && !(magnitude === 0 && isZero(number, hexadecimal !== null))) return false;
  parsed.value = value;
  return true;
}

function hexadecimalValue(match: RegExpExecArray): number {
  const fraction = match[3] ?? match[4] ?? '';
  const mantissa = Number(BigInt(`0x${match[2] ?? ''}${fraction}`));
  const exponent = Number(match[5] ?? 0) - 4 * fraction.length;
  // Two steps, so that neither factor leaves the range while the product is in it.
  const half = Math.trunc(exponent / 2);
  const value = mantissa * 2 ** half * 2 ** (exponent - half);
  return match[1] === '-' ? -value : value;
}

/** Whether the digits before the exponent are all zero. */
function isZero(number: string, hexadecimal: boolean): boolean {
  return hexadecimal ? /^[+-]?0x[0.]*(?:p|$)/i.test(number) : /^[+-]?[0.]*(?:e|$)/i.test(number);
}
