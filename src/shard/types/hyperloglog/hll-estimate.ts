/**
 * How many different elements the registers of a HyperLogLog have seen: the estimator of Otmar Ertl ("New cardinality
 * estimation algorithms for HyperLogLog sketches", arXiv:1702.01284), which Redis uses too. It needs no more than how
 * often each value of a register occurs, and its sums must be made in one order for the result to agree to the last
 * digit.
 *
 * Pure functions over `histogram`, one a thread.
 */
import { INDEX_BITS, REGISTERS } from './hll-hash.js';

/** Longest run of zeros that a hash has room for; registers go one beyond. */
const RUN_MAX = 64 - INDEX_BITS;
/** 0.5 / ln(2). */
const ALPHA = 0.7213475204444817;
const UINT32 = 4294967296;
const INT64_END = 2 ** 63;

/** How many registers have each value, 0 to 63. */
export const histogram: Int32Array = new Int32Array(64);

class Cardinality {
  /** Halves of a 64-bit integer. */
  hi = 0;
  lo = 0;
}

/** What the last `estimate` found. */
export const cardinality = new Cardinality();

/** What registers that are 0 add. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let y = 1;
  let z = x;
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (before === z) return z;
  }
}

/** What registers that are full add. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
    if (before === z) return z / 3;
  }
}

/** Estimates from `histogram` into `cardinality`; more than 63 bits become the least integer, as on x86. */
export function estimate(): void {
  const m = REGISTERS;
  let z = m * tau((m - histogram[RUN_MAX + 1]!) / m);
  for (let run = RUN_MAX; run >= 1; run--) {
    z += histogram[run]!;
    z *= 0.5;
  }
  z += m * sigma(histogram[0]! / m);
  const e = Math.round((ALPHA * m * m) / z);
  if (e < INT64_END) {
    cardinality.hi = Math.floor(e / UINT32) | 0;
    cardinality.lo = (e % UINT32) | 0;
  } else {
    cardinality.hi = -0x80000000;
    cardinality.lo = 0;
  }
}
