/**
 * Doubles with a fixed number of digits, as C's printf writes them. JavaScript rounds a number that lies exactly
 * between two texts away from zero, printf to the even digit; both look at the exact value, so nothing else differs.
 */
import { invariant } from '../errors/invariant.js';

/** Digits that tell an exact tie: no double comes so near to one without being it. */
const EXACT_DIGITS = 100;
const ZERO = 48;

/** Whether the last digit of a text is odd. A tie that was rounded up to an odd digit belongs to the even one below. */
function endsOdd(text: string, end: number): boolean {
  return (text.charCodeAt(end - 1) & 1) === 1;
}

/** Whether the digits of `text` from `from` to `end` are a 5 and zeros. */
function isHalf(text: string, from: number, end: number): boolean {
  if (text.charCodeAt(from) !== ZERO + 5) return false;
  for (let i = from + 1; i < end; i++) if (text.charCodeAt(i) !== ZERO) return false;
  return true;
}

/** The text with the digit before `end` less one. */
function lowered(text: string, end: number): string {
  return text.slice(0, end - 1) + String.fromCharCode(text.charCodeAt(end - 1) - 1) + text.slice(end);
}

/** `x.toExponential(digits)` as printf rounds. @requires a finite number */
function exponential(x: number, digits: number): string {
  invariant(Number.isFinite(x), 'a finite number');
  const text = x.toExponential(digits);
  const e = text.indexOf('e');
  if (!endsOdd(text, e)) return text;
  const exact = x.toExponential(EXACT_DIGITS);
  const exactEnd = exact.indexOf('e');
  // Behind one digit there is a point.
  const next = digits === 0 ? e + 1 : e;
  return isHalf(exact, next, exactEnd) ? lowered(text, e) : text;
}

/** `x` with so many digits behind the point, as C's `%.Nf`. @requires a finite number, less than 1e21 */
export function fixedText(x: number, digits: number): string {
  invariant(Math.abs(x) < 1e21, 'a finite number, less than 1e21');
  const text = x.toFixed(digits);
  const end = text.length;
  if (!endsOdd(text, end)) return text;
  const exact = x.toFixed(EXACT_DIGITS);
  const next = digits === 0 ? end + 1 : end;
  return isHalf(exact, next, exact.length) ? lowered(text, end) : text;
}

/** `x` with at most `precision` significant digits, as C's `%.Ng`: plain, or with an exponent where that is shorter. */
export function formatG(x: number, precision: number): string {
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
  if (Number.isInteger(x) && Math.abs(x) < 10 ** Math.min(precision, 15)) return String(x);
  const scientific = exponential(x, precision - 1);
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  if (exponent < -4 || exponent >= precision) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${withoutZeros(scientific.slice(0, e))}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const sign = x < 0 ? '-' : '';
  const first = sign.length;
  const digits = scientific.charAt(first) + scientific.slice(first + 2, e);
  if (exponent < 0) return withoutZeros(`${sign}0.${'0'.repeat(-exponent - 1)}${digits}`);
  return withoutZeros(`${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`);
}

/** A decimal fraction without the zeros, and the point, at its end. */
function withoutZeros(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end--;
  if (text.charAt(end - 1) === '.') end--;
  return text.slice(0, end);
}
