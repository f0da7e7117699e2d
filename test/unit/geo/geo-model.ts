/** Positions as the plainest code has them: bits one by one as BigInt, searches by looking at every member. */

const LAT = 85.05112878;
const RADIUS = 6372797.560856;
const radians = (x: number): number => x * (Math.PI / 180);

/** The score of a position. */
export function modelScore(lon: number, lat: number): bigint {
  const x = BigInt(Math.trunc(((lon + 180) / 360) * 2 ** 26));
  const y = BigInt(Math.trunc(((lat + LAT) / (LAT + LAT)) * 2 ** 26));
  let bits = 0n;
  for (let i = 0n; i < 27n; i++) {
    bits |= ((y >> i) & 1n) << (2n * i);
    bits |= ((x >> i) & 1n) << (2n * i + 1n);
  }
  return bits;
}

/** The position that a score means. */
export function modelPosition(score: bigint): [lon: number, lat: number] {
  let x = 0;
  let y = 0;
  for (let i = 0; i < 26; i++) {
    y += Number((score >> BigInt(2 * i)) & 1n) * 2 ** i;
    x += Number((score >> BigInt(2 * i + 1)) & 1n) * 2 ** i;
  }
  const at = (n: number, limit: number): number => (n / 2 ** 26) * (limit + limit) - limit;
  return [(at(x, 180) + at(x + 1, 180)) / 2, (at(y, LAT) + at(y + 1, LAT)) / 2];
}

/** Metres between two positions. */
export function modelDistance(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const u = Math.sin((radians(lat2) - radians(lat1)) / 2);
  const v = Math.sin((radians(lon2) - radians(lon1)) / 2);
  return 2 * RADIUS * Math.asin(Math.sqrt(u * u + Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * v * v));
}
