import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedText, formatG } from '../../../src/shared/numbers/format-g.js';

/** |x| times 10 to the power of `scale`, rounded to an integer, halves to even: with whole numbers, so exact. */
function scaled(x: number, scale: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(x));
  const raw = bits.getBigUint64(0);
  const exponent = Number(raw >> 52n);
  const fraction = raw & ((1n << 52n) - 1n);
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
  const power = Math.max(exponent, 1) - 1075;
  let top = mantissa << BigInt(Math.max(power, 0));
  let bottom = 1n << BigInt(Math.max(-power, 0));
  if (scale >= 0) top *= 10n ** BigInt(scale);
  else bottom *= 10n ** BigInt(-scale);
  const whole = top / bottom;
  const rest = 2n * (top % bottom);
  return rest > bottom || (rest === bottom && (whole & 1n) === 1n) ? whole + 1n : whole;
}

/** What `%.Ng` prints, from its definition. */
function reference(x: number, precision: number): string {
  let exponent = Math.floor(Math.log10(Math.abs(x)));
  // The logarithm may be off by one, and rounding may add a digit.
  for (const e of [exponent - 1, exponent, exponent + 1]) {
    if (scaled(x, precision - 1 - e) < 10n ** BigInt(precision)) {
      exponent = e;
      break;
    }
  }
  const digits = String(scaled(x, precision - 1 - exponent));
  const sign = x < 0 ? '-' : '';
  const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text);
  if (exponent < -4 || exponent >= precision) {
    const shown = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${trim(`${digits.charAt(0)}.${digits.slice(1)}`)}e${exponent < 0 ? '-' : '+'}${shown}`;
  }
  if (exponent < 0) return sign + trim(`0.${'0'.repeat(-exponent - 1)}${digits}`);
  return sign + trim(`${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`);
}

describe('numbers are written as printf writes them (#11)', () => {
  it.each([
    [123456789012345, 14, '1.2345678901234e+14'],
    [123456789012355, 14, '1.2345678901236e+14'],
    [123456789012365, 14, '1.2345678901236e+14'],
    [-123456789012345, 14, '-1.2345678901234e+14'],
    [999999999999995, 14, '1e+15'],
    [2 ** -25, 17, '2.9802322387695312e-08'],
    [0.5, 1, '0.5'],
    [2.5, 1, '2'],
    [3.5, 1, '4'],
    [25, 1, '2e+01'],
    [0.0001220703125, 9, '0.000122070312'],
    [1e15, 14, '1e+15'],
    [5e-324, 17, '4.9406564584124654e-324'],
    [-0, 17, '-0'],
    [0.1, 17, '0.10000000000000001'],
    [100, 14, '100'],
    [1e14, 14, '1e+14'],
  ])('%d with %d digits is %s', (x, precision, text) => {
    expect(formatG(x, precision)).toBe(text);
  });

  it('any number, and numbers between two texts, with any precision', () => {
    const ties = fc.tuple(fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), fc.integer({ min: 0, max: 40 }));
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      ties.map(([n, k]) => n / 2 ** k),
      fc.integer({ min: 10 ** 13, max: 10 ** 14 }).map((n) => n * 10 + 5),
    );
    const any = fc.tuple(numbers, fc.integer({ min: 1, max: 17 }));
    fc.assert(
      fc.property(any, ([x, precision]) => {
        fc.pre(x !== 0);
        expect(formatG(x, precision)).toBe(reference(x, precision));
      }),
      { numRuns: 3000 },
    );
  });

  it('a fixed number of digits behind the point', () => {
    expect([fixedText(0.5, 0), fixedText(1.5, 0), fixedText(-2.5, 0)]).toEqual(['0', '2', '-2']);
    expect([fixedText(0.03125, 4), fixedText(0.09375, 4), fixedText(1.005, 2)]).toEqual(['0.0312', '0.0938', '1.00']);
    expect(fixedText(-(1 / 2 ** 18) * 3, 17)).toBe('-0.00001144409179688');
    expect(fixedText(1 / 2 ** 18, 17)).toBe('0.00000381469726562');
  });
});
