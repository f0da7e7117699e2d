/** Numbers as C's `%.Ng` writes them. */

/** `x` with at most `precision` significant digits: plain, or with an exponent where that is shorter. */
export function formatG(x: number, precision: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
  if (Number.isInteger(x) && Math.abs(x) < 10 ** Math.min(precision, 15)) return String(x);
  const scientific = x.toExponential(precision - 1);
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  if (exponent >= -4 && exponent < precision) return withoutZeros(x.toFixed(precision - 1 - exponent));
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `${withoutZeros(scientific.slice(0, e))}e${exponent < 0 ? '-' : '+'}${digits}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
