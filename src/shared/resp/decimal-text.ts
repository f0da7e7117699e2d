/** Integers as decimal text, for replies. */

/** Number of decimal digits of `n >= 0`. */
export function decimalWidth(n: number): number {
  if (n < 10) return 1;
  if (n < 100) return 2;
  if (n < 1000) return 3;
  if (n < 10000) return 4;
  let width = 5;
  let limit = 100000;
  while (n >= limit) {
    width++;
    limit *= 10;
  }
  return width;
}

/** A signed 64-bit integer in decimal. Cold: only beyond 2^53. */
export function int64Text(hi: number, lo: number): string {
  return ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
}
