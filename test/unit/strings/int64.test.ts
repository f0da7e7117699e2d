import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addInt64, int64, int64Width, lessInt64, parseInt64, writeInt64 } from '../../../src/shared/numbers/int64.js';

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

function parse(text: string): bigint | null {
  const u8 = Uint8Array.from(Buffer.from(`x${text}y`, 'latin1'));
  return parseInt64(u8, 1, text.length) ? present() : null;
}

function present(): bigint {
  return (BigInt(int64.hi) << 32n) | BigInt(int64.lo >>> 0);
}

function halves(n: bigint): [number, number] {
  return [Number(n >> 32n), Number(BigInt.asIntN(32, n))];
}

const anyInt64 = fc.oneof(
  fc.bigInt({ min: MIN, max: MAX }),
  fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }),
  fc.constantFrom(
    0n,
    1n,
    -1n,
    MAX,
    MIN,
    MAX - 1n,
    MIN + 1n,
    2n ** 53n,
    -(2n ** 53n),
    2n ** 32n,
    -(2n ** 32n),
    -(2n ** 31n),
  ),
);

describe('64-bit integers', () => {
  it('are read back from their decimal text', () => {
    fc.assert(
      fc.property(anyInt64, (n) => {
        expect(parse(n.toString())).toBe(n);
        expect([int64.hi | 0, int64.lo | 0]).toEqual([int64.hi, int64.lo]);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused when they are not canonical or do not fit', () => {
    const bad = [
      '',
      '-',
      '+1',
      ' 1',
      '1 ',
      '01',
      '-0',
      '-01',
      '00',
      '1.0',
      '1e3',
      '0x1',
      'a',
      '1a',
      '9223372036854775808',
    ];
    bad.push(
      '-9223372036854775809',
      '18446744073709551616',
      '9999999999999999999',
      '123456789012345678901',
      '12345678901x',
    );
    bad.push('1234567890123456x', 'x234567890123456789', '99999999999999999999', '10000000000000000000');
    for (const text of bad) expect(parse(text), text).toBeNull();
  });

  it('are written as they are read', () => {
    fc.assert(
      fc.property(anyInt64, (n) => {
        const [hi, lo] = halves(n);
        const out = new Uint8Array(24);
        const end = writeInt64(out, 2, hi, lo);
        expect(Buffer.from(out.subarray(2, end)).toString()).toBe(n.toString());
        expect(int64Width(hi, lo)).toBe(n.toString().length);
      }),
      { numRuns: 1000 },
    );
  });

  it('add and compare as they should, overflow included', () => {
    fc.assert(
      fc.property(anyInt64, anyInt64, (a, b) => {
        const [ah, al] = halves(a);
        const [bh, bl] = halves(b);
        const sum = a + b;
        const fits = sum >= MIN && sum <= MAX;
        expect(addInt64(ah, al, bh, bl)).toBe(fits);
        if (fits) expect(present()).toBe(sum);
        expect(lessInt64(ah, al, bh, bl)).toBe(a < b);
      }),
      { numRuns: 2000 },
    );
  });
});
