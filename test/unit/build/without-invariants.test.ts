/** What the build does with invariants. */
import { expect, test } from 'vitest';
import { withoutInvariants } from '../../../build/without-invariants.js';
import { invariant } from '../../../src/shared/errors/invariant.js';

test('an invariant that does not hold throws and says what should hold', () => {
  expect(() => invariant(1 + 1 === 2, 'sums are right')).not.toThrow();
  expect(() => invariant(1 + 1 === 3, 'sums are right')).toThrow('invariant broken: sums are right');
});

test('the build takes whole statements out, and code around them means the same', () => {
  const code = `function half(n: number): number {
  invariant(n % 2 === 0 && text('('), 'n is even (always)');
  if (n > 10) invariant(n < 100, 'n < 100');
  else return 0;
  const invariants = 'invariant(';
  return invariants.length > 0 ? n / 2 : 0;
}`;
  const built = withoutInvariants(code, 'ts');
  expect(built).toBe(`function half(n: number): number {
  ;
  if (n > 10) ;
  else return 0;
  const invariants = 'invariant(';
  return invariants.length > 0 ? n / 2 : 0;
}`);
});

test('the points of the fault lab go as well', () => {
  expect(withoutInvariants('faultPoint(POINT.store);\nopenFaultPoints(a, b);\nf();', 'ts')).toBe(';\n;\nf();');
});

test('code without invariants is left alone', () => {
  expect(withoutInvariants('export const invariants = 1;', 'ts')).toBe(null);
  expect(withoutInvariants("const text = 'invariant(x)';", 'js')).toBe(null);
});
