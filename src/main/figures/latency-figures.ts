/**
 * The latency histograms as clients see them: Redis keeps nanoseconds, so the bounds are a little above powers of
 * two.
 */
import { LATENCY_BUCKETS } from '../../shared/stats/stats-layout.js';

/** The highest duration, in nanoseconds, that Redis's histogram puts in the same place as 2^k microseconds. */
function boundNs(bucket: number): number {
  return 2 ** (bucket + 10) + 2 ** (bucket + 3) - 1;
}

/** Upper bounds of the buckets in whole microseconds. */
export const BUCKET_BOUNDS_USEC: readonly number[] = Array.from({ length: LATENCY_BUCKETS }, (_, k) =>
  Math.floor(boundNs(k) / 1000),
);

/** The duration in microseconds, three decimals, below which `percent` of the counts lie. */
export function percentileText(counts: readonly number[], percent: number): string {
  let total = 0;
  for (const n of counts) total += n;
  let seen = 0;
  for (let k = 0; k < counts.length; k++) {
    seen += counts[k]!;
    if (seen > 0 && seen >= (total * percent) / 100) return (boundNs(k) / 1000).toFixed(3);
  }
  return '0.000';
}
