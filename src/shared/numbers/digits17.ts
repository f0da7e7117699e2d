/**
 * Doubles with 17 significant digits: enough to read the same number back, but not the shortest text. Redis prints them
 * so where it still uses printf: in ZSCAN of big sorted sets. Any thread; cold.
 */

/** `x` with 17 significant digits, as C's `%.17g` prints it; `inf`, `-inf`, `nan`. */
export function digits17(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  const [mantissa, exponent] = x.toExponential(16).split('e') as [string, string];
  const e = Number(exponent);
  if (e < -4 || e >= 17) {
    return `${withoutZeros(mantissa)}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  }
  const sign = x < 0 ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  const text = e < 0 ? `0.${'0'.repeat(-e - 1)}${digits}` : `${digits.slice(0, e + 1)}.${digits.slice(e + 1)}`;
  return sign + withoutZeros(text);
}

/** A decimal fraction without the zeros, and the point, at its end. */
function withoutZeros(text: string): string {
  return text.replace(/0+$/, '').replace(/\.$/, '');
}
