import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float64, parseFloat64, strtod } from '../../../src/shared/numbers/float64.js';

function parse(text: string): number | null {
  const b = new Uint8Array(Buffer.from(`xx${text}yy`, 'latin1'));
  return parseFloat64(b, 2, text.length) ? float64.value : null;
}

describe('float64', () => {
  it.each([
    ['0', 0],
    ['-0', -0],
    ['1', 1],
    ['+1', 1],
    ['007', 7],
    ['3.14', 3.14],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1E-3', 0.001],
    ['123456789012345', 123456789012345],
    ['1234567890123456789', 1234567890123456800],
    ['0.1234567890123456789', 0.12345678901234568],
    ['0.00000000000000000000000000001', 1e-29],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['5e-324', 5e-324],
    ['inf', Infinity],
    ['+inf', Infinity],
    ['-INF', -Infinity],
    ['Infinity', Infinity],
    ['0x10', 16],
    ['0x1p4', 16],
    ['-0x1.8p1', -3],
    ['0x.8', 0.5],
    ['0x1.fffffffffffffp1023', Number.MAX_VALUE],
    ['0x1p-1074', 5e-324],
    ['0x0', 0],
  ] as const)('takes %s', (text, value) => {
    expect(parse(text)).toBe(value);
  });

  it.each(['', ' 1', '1 ', 'abc', '1e', 'e1', '1.2.3', '.', '+', '-', '--1', '1e400', '-1e400', '1e-400', 'nan'])(
    'refuses "%s"',
    (text) => {
      expect(parse(text)).toBe(null);
    },
  );

  it.each(['infx', '0x', '1,5', '1\0', 'nan(1)', '0x1p2000', '0x1p-2000', '+ 1', '\t1', '1e+', '0xg'])(
    'refuses %j',
    (text) => {
      expect(parse(text)).toBe(null);
    },
  );

  it('reads back what JavaScript prints', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        const text = Object.is(x, -0) ? '-0' : String(x);
        expect(parse(text)).toBe(x);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads decimals as JavaScript does', () => {
    const digits = fc.stringMatching(/^[0-9]{0,25}$/);
    const number = fc.tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits);
    fc.assert(
      fc.property(number, ([sign, whole, point, rest]) => {
        const text = sign + whole + point + (point === '' ? '' : rest);
        const expected = /[0-9]/.test(text) ? Number(text) : null;
        const got = parse(text);
        if (expected === 0 && /[1-9]/.test(text)) return;
        expect(got).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('stops where the number ends, as strtod does', () => {
    const at = (text: string): [number, number] => {
      strtod(new Uint8Array(Buffer.from(text, 'latin1')), 0, text.length);
      return [float64.value, float64.end];
    };
    expect(at('')).toEqual([0, 0]);
    expect(at('  12ab')).toEqual([12, 4]);
    expect(at('  x')).toEqual([0, 0]);
    expect(at('1e')).toEqual([1, 1]);
    expect(at('0x')).toEqual([0, 1]);
    expect(at('1e400')).toEqual([Infinity, 5]);
    expect(at('infinit')).toEqual([Infinity, 3]);
    expect(at('12\0junk')).toEqual([12, 2]);
  });
});
