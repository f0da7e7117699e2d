/**
 * Doubles as text from clients: what C's strtod reads (decimal, hexadecimal, infinities, leading white space), and the
 * stricter rule by which Redis takes an argument for a float. The nearest double, as strtod and JavaScript both give.
 *
 * Results are left in `float64`, one object a thread, so that the usual short numbers cost no allocation. Any thread.
 */

const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
/** Powers of ten that a double holds exactly. */
const POWERS = new Float64Array(23);
for (let i = 0; i < POWERS.length; i++) POWERS[i] = Number(`1e${i}`);
/** Digits that a double holds exactly. */
const EXACT_DIGITS = 15;
const DECIMAL = /^[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|^\.[0-9]+(?:[eE][+-]?[0-9]+)?/;
const HEXADECIMAL = /^0[xX](?:([0-9a-fA-F]+)\.?([0-9a-fA-F]*)|\.([0-9a-fA-F]+))(?:[pP]([+-]?[0-9]+))?/;
const INFINITE = /^inf(?:inity)?/i;
const NOT_A_NUMBER = /^nan(?:\([0-9a-z_]*\))?/i;

class Float64Result {
  value = 0;
  /** Offset behind the last byte that belongs to the number; where it began if there is none. */
  end = 0;
  /** Too large for a double, or so small that it became 0. */
  outOfRange = false;
}

/** Result of the last `strtod` or `parseFloat64`. */
export const float64 = new Float64Result();

function isSpace(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

/** Reads a number at the beginning of the `len` bytes at `off` as C's strtod does; a byte 0 ends them. */
// hot: ZADD, ZRANGEBYSCORE, every score that a listpack holds as text
export function strtod(u8: Uint8Array, off: number, len: number): void {
  const end = off + len;
  let at = off;
  float64.outOfRange = false;
  while (at < end && isSpace(u8[at]!)) at++;
  const start = at;
  let c = at < end ? u8[at]! : 0;
  const negative = c === MINUS;
  if (negative || c === PLUS) c = ++at < end ? u8[at]! : 0;
  let digits = 0;
  let value = 0;
  let leading = true;
  const first = at;
  while (c >= ZERO && c <= 57) {
    value = value * 10 + c - ZERO;
    if (c !== ZERO) leading = false;
    if (!leading) digits++;
    c = ++at < end ? u8[at]! : 0;
  }
  let fraction = 0;
  if (c === POINT) {
    const point = at;
    c = ++at < end ? u8[at]! : 0;
    while (c >= ZERO && c <= 57) {
      value = value * 10 + c - ZERO;
      if (c !== ZERO) leading = false;
      if (!leading) digits++;
      fraction++;
      c = ++at < end ? u8[at]! : 0;
    }
    if (at === point + 1 && point === first) at = first;
  }
  const simple = at > first && digits <= EXACT_DIGITS && fraction < POWERS.length;
  // An exponent, hexadecimal digits, `inf`, `nan`, or more digits than a double holds: the long way.
  if (!simple || (c | 32) === 101 || (c | 32) === 120) {
    longWay(u8, first, end, negative, off, start);
    return;
  }
  if (fraction > 0) value /= POWERS[fraction]!;
  float64.value = negative ? -value : value;
  float64.end = at;
}

function longWay(u8: Uint8Array, first: number, end: number, negative: boolean, off: number, start: number): void {
  const text = Buffer.from(u8.buffer, u8.byteOffset + first, Math.min(end - first, 65536)).toString('latin1');
  let value = Number.NaN;
  let length = 0;
  let zero = true;
  let match = HEXADECIMAL.exec(text);
  if (match !== null) {
    length = match[0].length;
    const digits = `${match[1] ?? ''}${match[2] ?? ''}${match[3] ?? ''}`;
    zero = /^0*$/.test(digits);
    value = hexadecimal(digits, (match[2] ?? match[3] ?? '').length, Number(match[4] ?? 0));
  } else if ((match = DECIMAL.exec(text)) !== null) {
    length = match[0].length;
    zero = /^[0.]*(?:[eE]|$)/.test(match[0]);
    value = Number(match[0]);
  } else if ((match = INFINITE.exec(text)) !== null) {
    float64.value = negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    float64.end = first + match[0].length;
    return;
  } else if ((match = NOT_A_NUMBER.exec(text)) !== null) {
    float64.value = Number.NaN;
    float64.end = first + match[0].length;
    return;
  }
  if (length === 0) {
    // Nothing at all: strtod gives 0 and does not even skip the white space.
    float64.value = 0;
    float64.end = off;
    return;
  }
  float64.outOfRange = value === Number.POSITIVE_INFINITY || (value === 0 && !zero);
  float64.value = negative ? -value : value;
  float64.end = first + length;
  if (float64.end < start) throw new Error('strtod');
}

/** A hexadecimal fraction times a power of two, rounded once. */
function hexadecimal(digits: string, fraction: number, exponent: number): number {
  let bits = BigInt(`0x${digits}`);
  if (bits === 0n) return 0;
  let scale = exponent - 4 * fraction;
  // So many bits that the division below leaves more than a double holds, and a last one for what is cut off.
  const length = bits.toString(2).length;
  if (length + scale > 1100) return Number.POSITIVE_INFINITY;
  if (length + scale < -1200) return 0;
  if (scale >= 0) return Number(bits << BigInt(scale));
  // The smallest subnormal has weight 2 ** -1074: cut to there first, so that it is rounded once.
  const least = Math.max(-1074, length + scale - 53);
  const cut = least - scale;
  if (cut > 0) {
    const shift = BigInt(cut);
    const rest = bits & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    bits >>= shift;
    if (rest > half || (rest === half && (bits & 1n) === 1n)) bits += 1n;
    scale += cut;
  }
  // Exact now; in two steps, as 2 ** -1074 is the smallest that there is.
  return Number(bits) * 2 ** Math.max(scale, -1022) * 2 ** Math.min(scale + 1022, 0);
}

/** Whether the `len` bytes at `off` are a float by Redis's rule for arguments, which is then in `float64.value`. */
// hot: every ZADD
export function parseFloat64(u8: Uint8Array, off: number, len: number): boolean {
  if (len === 0 || isSpace(u8[off]!)) return false;
  strtod(u8, off, len);
  return float64.end === off + len && !float64.outOfRange && !Number.isNaN(float64.value);
}
