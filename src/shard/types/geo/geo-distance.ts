/**
 * Distances on the globe: the haversine formula (R. W. Sinnott, "Virtues of the haversine", 1984) on a sphere of the
 * Earth's mean radius. In metres. The operations are in the same order as in Redis. So results agree, except where the
 * sine functions of the two libraries differ in the last bit.
 *
 * Pure functions; any thread.
 */

/** Quadratic mean of the radius by WGS-84. */
export const EARTH_RADIUS = 6372797.560856;
const DEGREE = Math.PI / 180;

/** Degrees as radians. */
export function radians(degrees: number): number {
  return degrees * DEGREE;
}

/** Radians as degrees. */
export function degrees(angle: number): number {
  return angle / DEGREE;
}

/** Distance between two latitudes, along a meridian. */
export function latDistance(lat1: number, lat2: number): number {
  return EARTH_RADIUS * Math.abs(radians(lat2) - radians(lat1));
}

/** Distance between two positions. */
// hot: every member that a search looks at
export function distance(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const v = Math.sin((radians(lon2) - radians(lon1)) / 2);
  if (v === 0) return latDistance(lat1, lat2);
  const a1 = radians(lat1);
  const a2 = radians(lat2);
  const u = Math.sin((a2 - a1) / 2);
  const a = u * u + Math.cos(a1) * Math.cos(a2) * v * v;
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(a));
}
