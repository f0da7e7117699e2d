/**
 * The 80-bit floats with which Redis computes INCRBYFLOAT and HINCRBYFLOAT on x86: 64 bits of mantissa, so that 3 + 1.1
 * is 4.1 and not 4.09999999999999964. Exact rationals in BigInt, rounded where the C code rounds (to nearest, ties to
 * even). Slow and cold; any thread.
 */

/** `mantissa * 2 ** exponent`, |mantissa| < 2^64; or an infinity, whose mantissa is its sign. */
export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly infinite: boolean;
}

const MANTISSA_BITS = 64;
/** The largest finite value is just below 2^16384. */
const TOP_EXPONENT_MAX = 16384;
/** Half of the smallest subnormal is 2^-16446; what is not above that is zero. */
const TOP_EXPONENT_MIN = -16445;
/** Redis reads numbers into a buffer of this size. */
const TEXT_CHARS_MAX = 5 * 1024;
/** Decimal exponents beyond this are out of range whatever the digits are. */
const DECIMAL_EXPONENT_MAX = 20_000;
/** Digits behind the point that Redis prints. */
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);

const ZERO: LongDouble = { mantissa: 0n, exponent: 0, infinite: false };
const DECIMAL = /^([+-]?)(?:([0-9]+)\.?([0-9]*)|\.([0-9]+))(?:e([+-]?[0-9]+))?$/i;
const HEXADECIMAL = /^([+-]?)0x(?:([0-9a-f]+)\.?([0-9a-f]*)|\.([0-9a-f]+))(?:p([+-]?[0-9]+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** The number that `text` is, as strtold reads it and Redis accepts it: no blanks, no NaN, no overflow; else null. */
export function parseLongDouble(text: string): LongDouble | null {
  if (text.length === 0 || text.length >= TEXT_CHARS_MAX) return null;
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return { mantissa: infinite[1] === '-' ? -1n : 1n, exponent: 0, infinite: true };
  const decimal = DECIMAL.exec(text);
  const match = decimal ?? HEXADECIMAL.exec(text);
  if (match === null) return null;
  const whole = match[2] ?? '';
  const fraction = match[3] ?? match[4] ?? '';
  const digits = BigInt((decimal === null ? '0x' : '') + whole + fraction);
  if (digits === 0n) return ZERO;
  const exponent = Number(match[5] ?? 0);
  if (Math.abs(exponent) > DECIMAL_EXPONENT_MAX + TEXT_CHARS_MAX * 4) return null;
  let value: LongDouble;
  if (decimal === null) value = rounded(digits, 1n, exponent - 4 * fraction.length);
  else {
    const scale = exponent - fraction.length;
    value = scale >= 0 ? rounded(digits * 10n ** BigInt(scale), 1n, 0) : rounded(digits, 10n ** BigInt(-scale), 0);
  }
  if (value.infinite || value.mantissa === 0n) return null;
  return match[1] === '-' ? { ...value, mantissa: -value.mantissa } : value;
}

/** The sum, or null when it is infinite or no number. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | null {
  if (a.infinite || b.infinite) return null;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  if (sum === 0n) return ZERO;
  const value = rounded(sum < 0n ? -sum : sum, 1n, exponent);
  if (value.infinite) return null;
  return sum < 0n ? { ...value, mantissa: -value.mantissa } : value;
}

/** A finite number with up to 17 digits behind the point, without trailing zeros. */
export function longDoubleText(x: LongDouble): string {
  const negative = x.mantissa < 0n;
  let scaled = (negative ? -x.mantissa : x.mantissa) * FRACTION_SCALE;
  if (x.exponent >= 0) scaled <<= BigInt(x.exponent);
  else {
    const shift = BigInt(-x.exponent);
    const rest = scaled & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    scaled >>= shift;
    if (rest > half || (rest === half && (scaled & 1n) === 1n)) scaled++;
  }
  if (scaled === 0n) return '0';
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function bitLength(n: bigint): number {
  const hex = n.toString(16);
  return (hex.length - 1) * 4 + 32 - Math.clz32(Number.parseInt(hex.charAt(0), 16));
}

/** numerator / denominator * 2^exponent, both positive, rounded to 64 bits. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  // Two bits or more beyond the mantissa, and whether anything was left over.
  const shift = MANTISSA_BITS + 2 - (bitLength(numerator) - bitLength(denominator));
  if (shift >= 0) numerator <<= BigInt(shift);
  else denominator <<= BigInt(-shift);
  let quotient = numerator / denominator;
  const sticky = quotient * denominator !== numerator;
  exponent -= shift;
  const extra = bitLength(quotient) - MANTISSA_BITS;
  const rest = quotient & ((1n << BigInt(extra)) - 1n);
  const half = 1n << BigInt(extra - 1);
  quotient >>= BigInt(extra);
  exponent += extra;
  if (rest > half || (rest === half && (sticky || (quotient & 1n) === 1n))) quotient++;
  const top = bitLength(quotient) + exponent;
  if (top > TOP_EXPONENT_MAX) return { mantissa: 1n, exponent: 0, infinite: true };
  if (top < TOP_EXPONENT_MIN) return ZERO;
  return { mantissa: quotient, exponent, infinite: false };
}
