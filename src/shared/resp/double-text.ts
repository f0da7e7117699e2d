/**
 * Doubles as Redis 7.2 prints them: the shortest digits that read back as the same number, integers without a point,
 * an exponent only where the plain form would be long. (Redis: `d2string`, which ends in the fpconv library.)
 */

/** Integral doubles up to this magnitude are printed with all their digits. */
const INTEGER_PATH_MAX = 2 ** 62;

/** `x` as Redis 7.2 writes it in replies: `inf`, `-inf`, `nan`, `-0`, `3`, `3.5`, `1e+30`. */
export function doubleText(x: number): string {
  if (Number.isInteger(x) && x <= INTEGER_PATH_MAX && x >= -INTEGER_PATH_MAX) {
    if (Object.is(x, -0)) return '-0';
    return Number.isSafeInteger(x) ? String(x) : BigInt(x).toString();
  }
  return shortestText(x);
}

/** `x` as the fpconv library alone writes it, which Redis feeds into digests: `1e+17` also for an integer. */
export function shortestText(x: number): string {
  if (x === Number.POSITIVE_INFINITY) return 'inf';
  if (x === Number.NEGATIVE_INFINITY) return '-inf';
  if (Number.isNaN(x)) return 'nan';
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  const sign = x < 0 ? '-' : '';
  const text = Math.abs(x).toExponential();
  const e = text.indexOf('e');
  const digits = text.charAt(0) + text.slice(2, e);
  const n = digits.length;
  const exponent = Number(text.slice(e + 1));
  /** The number is `digits` times ten to the power of `scale`. */
  const scale = exponent - n + 1;
  const magnitude = Math.abs(exponent);
  if (scale >= 0 && magnitude < n + 7) return sign + digits + '0'.repeat(scale);
  if (scale < 0 && (scale > -7 || magnitude < 4)) {
    const point = n + scale;
    if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  const mantissa = n > 1 ? `${digits.charAt(0)}.${digits.slice(1)}` : digits;
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${magnitude}`;
}
