import { describe, expect, it } from 'vitest';
import { addLongDouble, longDoubleText, parseLongDouble } from '../../../src/shared/numbers/long-double.js';

function add(a: string, b: string): string | null {
  const x = parseLongDouble(a);
  const y = parseLongDouble(b);
  if (x === null || y === null) return 'invalid';
  const sum = addLongDouble(x, y);
  return sum === null ? null : longDoubleText(sum);
}

describe('80-bit floats', () => {
  it('add decimal numbers as Redis does on x86', () => {
    expect(add('3', '1.1')).toBe('4.1');
    expect(add('0.1', '0.2')).toBe('0.3');
    expect(add('1.5', '-1.5')).toBe('0');
    expect(add('10.50', '0.1')).toBe('10.6');
    expect(add('5.0e3', '2.0e2')).toBe('5200');
    expect(add('17179869184', '1.5')).toBe('17179869185.5');
    expect(add('0', '-1e-30')).toBe('0');
    expect(add('1e20', '1')).toBe('100000000000000000000');
    expect(add('0', '1e30')).toBe('1000000000000000000024696061952');
    expect(add('0', '3.14159265358979323846')).toBe('3.14159265358979324');
    expect(add('0x10', '0x.8p1')).toBe('17');
    expect(add('.5', '5.')).toBe('5.5');
  });

  it('refuse what strtold or Redis refuses', () => {
    for (const text of [
      '',
      ' 1',
      '1 ',
      'nan',
      'abc',
      '1e',
      '1e5000',
      '-1e5000',
      '1e-5000',
      '0x',
      '.',
      '-',
      '1.2.3',
      '1e99999999999',
    ]) {
      expect(parseLongDouble(text), text).toBeNull();
    }
    expect(parseLongDouble('1'.repeat(5120))).toBeNull();
  });

  it('become infinite only in a sum', () => {
    expect(add('1', '+inf')).toBeNull();
    expect(add('-Infinity', '1')).toBeNull();
    expect(add('1e4932', '1e4932')).toBeNull();
    expect(add('0', '0e99999999')).toBe('0');
  });
});
