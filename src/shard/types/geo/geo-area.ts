/**
 * The area of a search and the cells that cover it: the one with the centre and its eight neighbours, on a grid so
 * coarse that nothing of the area lies beyond them, less those that it cannot reach.
 *
 *     7 3 5        order in which they are searched: centre, N, S, E, W, NE, NW, SE, SW
 *     4 0 ...
 *
 * Which grid, which cells and which order is as in Redis: it decides what ANY finds and how unsorted replies are
 * ordered.
 *
 * Invariant: one area at a time, in `area`; `measured` is set before `cover`.
 */
import { degrees, distance, EARTH_RADIUS, latDistance, radians } from './geo-distance.js';
import { cellScore, decodeScore, latAt, latStep, lonAt, lonStep, position, STEP_MAX } from './geo-hash.js';

/** Half of the Earth's circumference on the map, in metres. */
const MERCATOR_MAX = 20037726.37;
const NORTH = 1;
const SOUTH = 2;
const EAST = 3;
const WEST = 4;
const NORTH_EAST = 5;
const NORTH_WEST = 6;
const SOUTH_EAST = 7;
const SOUTH_WEST = 8;
/** Number of cells. */
const CELLS = 9;
/** How far each cell is from the centre, in steps. */
const LON_MOVE: readonly number[] = [0, 0, 0, 1, -1, 1, -1, 1, -1];
const LAT_MOVE: readonly number[] = [0, 1, -1, 0, 0, 1, 1, -1, -1];
/**
 * Relative margins: in spite of all rounding, a value above limit * BEYOND is outside of the limit, and a value below
 * limit * BELOW is inside.
 */
const BEYOND = 1 + 1e-9;
const BELOW = 1 - 1e-9;
const QUARTER = Math.PI / 2;

export class GeoArea {
  /** Centre. */
  lon = 0;
  lat = 0;
  /** A box of `width` by `height`, not a circle of `radius`; all in metres divided by `conversion`. */
  isBox = false;
  radius = 0;
  width = 0;
  height = 0;
  /** Metres of one unit. */
  conversion = 1;
  /** Somebody wants to know how far the members are. */
  measured = true;
  /** What `within` measured, in metres, if `measured`. */
  distance = 0;
  /** Cells to search, in order: scores from `min` (included) to `max` (not included). */
  ranges = 0;
  readonly min: Float64Array = new Float64Array(CELLS);
  readonly max: Float64Array = new Float64Array(CELLS);

  private step = 0;
  private readonly lonBits = new Int32Array(CELLS);
  private readonly latBits = new Int32Array(CELLS);
  private readonly useless = new Uint8Array(CELLS);
  /** The centre in radians. */
  private lonAngle = 0;
  private latAngle = 0;
  private latCos = 1;
  /** Least and greatest cosine of the latitudes that the area has. */
  private cosMin = 0;
  private cosMax = 1;
  /** Square of the sine of half the angle of the radius, or of half the width. */
  private sineSquare = 0;

  /** Finds the cells and prepares for `within`. */
  cover(): void {
    this.prepare();
    const { isBox, conversion, lon, lat } = this;
    const halfHeight = conversion * (isBox ? this.height / 2 : this.radius);
    const halfWidth = conversion * (isBox ? this.width / 2 : this.radius);
    const latDelta = degrees(halfHeight / EARTH_RADIUS);
    // A degree of longitude is shortest at the edge that is nearer to a pole, so there most of them are needed.
    const edge = lat < 0 ? lat - latDelta : lat + latDelta;
    const lonDelta = degrees(halfWidth / EARTH_RADIUS / Math.cos(radians(edge)));
    const minLon = lon - lonDelta;
    const maxLon = lon + lonDelta;
    const minLat = lat - latDelta;
    const maxLat = lat + latDelta;
    const { width, height } = this;
    const reach = isBox ? Math.sqrt((width / 2) * (width / 2) + (height / 2) * (height / 2)) : this.radius;
    this.step = gridStep(reach * conversion, lat);
    this.place();
    if (this.step > 1 && this.tooFine(minLon, maxLon, minLat, maxLat)) {
      this.step--;
      this.place();
    }
    this.useless.fill(0);
    if (this.step >= 2) this.exclude(minLon, maxLon, minLat, maxLat);
    this.listRanges();
  }

  /** Puts the nine cells on the grid; at its ends they come in again on the other side. */
  private place(): void {
    const { step, lonBits, latBits } = this;
    const mask = (1 << step) - 1;
    const x = lonStep(this.lon, step);
    const y = latStep(this.lat, step);
    for (let i = 0; i < CELLS; i++) {
      lonBits[i] = LON_MOVE[i] === 0 ? x : (x + LON_MOVE[i]!) & mask;
      latBits[i] = LAT_MOVE[i] === 0 ? y : (y + LAT_MOVE[i]!) & mask;
    }
  }

  /** Whether the area goes beyond the cells on some side. */
  private tooFine(minLon: number, maxLon: number, minLat: number, maxLat: number): boolean {
    const { step, lonBits, latBits } = this;
    return (
      latAt(latBits[NORTH]! + 1, step) < maxLat ||
      latAt(latBits[SOUTH]!, step) > minLat ||
      lonAt(lonBits[EAST]! + 1, step) < maxLon ||
      lonAt(lonBits[WEST]!, step) > minLon
    );
  }

  /** Takes out the cells on sides where the one in the middle reaches beyond the area. */
  private exclude(minLon: number, maxLon: number, minLat: number, maxLat: number): void {
    const { step, lonBits, latBits } = this;
    if (latAt(latBits[0]!, step) < minLat) this.drop(SOUTH, SOUTH_WEST, SOUTH_EAST);
    if (latAt(latBits[0]! + 1, step) > maxLat) this.drop(NORTH, NORTH_EAST, NORTH_WEST);
    if (lonAt(lonBits[0]!, step) < minLon) this.drop(WEST, SOUTH_WEST, NORTH_WEST);
    if (lonAt(lonBits[0]! + 1, step) > maxLon) this.drop(EAST, SOUTH_EAST, NORTH_EAST);
  }

  private drop(a: number, b: number, c: number): void {
    this.useless[a] = 1;
    this.useless[b] = 1;
    this.useless[c] = 1;
  }

  /** Lists the cells that are left. On a coarse grid neighbours may be one and the same. */
  private listRanges(): void {
    const { step, lonBits, latBits } = this;
    this.ranges = 0;
    let last = 0;
    for (let i = 0; i < CELLS; i++) {
      if (this.useless[i] !== 0) continue;
      // The centre is not looked at: as in Redis.
      if (last !== 0 && lonBits[i] === lonBits[last] && latBits[i] === latBits[last]) continue;
      this.min[this.ranges] = cellScore(lonBits[i]!, latBits[i]!, step, 0);
      this.max[this.ranges] = cellScore(lonBits[i]!, latBits[i]!, step, 1);
      this.ranges++;
      last = i;
    }
  }

  private prepare(): void {
    const { isBox, conversion } = this;
    this.lonAngle = radians(this.lon);
    this.latAngle = radians(this.lat);
    this.latCos = Math.cos(this.latAngle);
    const up = ((isBox ? this.height / 2 : this.radius) * conversion) / EARTH_RADIUS;
    const lowest = Math.max(this.latAngle - up, -QUARTER);
    const highest = Math.min(this.latAngle + up, QUARTER);
    const ends = Math.cos(lowest);
    const otherEnds = Math.cos(highest);
    this.cosMin = Math.max(0, Math.min(ends, otherEnds) * BELOW);
    this.cosMax = lowest <= 0 && highest >= 0 ? 1 : Math.max(ends, otherEnds) * BEYOND;
    const across = ((isBox ? this.width / 2 : this.radius) * conversion) / EARTH_RADIUS;
    const sine = Math.sin(Math.min(across / 2, QUARTER));
    this.sineSquare = sine * sine;
  }

  /**
   * Whether the position that a score stands for is in the area; if `measured`, how far it is is in `distance`.
   *
   * The haversine of a distance is sin(x)^2 + cos * cos * sin(y)^2 for halves x and y of the differences of the
   * coordinates. Most members are judged without a sine: x - x^3 / 6 < sin(x) < x, and the cosine is known to be
   * between those at the edges of the area.
   */
  // hot: every member that a search looks at
  within(score: number): boolean {
    decodeScore(score);
    const { lon, lat } = position;
    const latAngle = radians(lat);
    const lonAngle = radians(lon);
    let y = Math.abs(lonAngle - this.lonAngle) / 2;
    if (y > QUARTER) y = Math.PI - y;
    const lonSine = y * (1 - (y * y) / 6);
    if (this.isBox) {
      if (latDistance(lat, this.lat) > (this.height * this.conversion) / 2) return false;
      if (this.cosMin * this.cosMin * lonSine * lonSine > this.sineSquare * BEYOND) return false;
      if (distance(lon, lat, this.lon, lat) > (this.width * this.conversion) / 2) return false;
      if (this.measured) this.distance = distance(this.lon, this.lat, lon, lat);
      return true;
    }
    const x = Math.abs(latAngle - this.latAngle) / 2;
    const latSine = x * (1 - (x * x) / 6);
    const { latCos, sineSquare } = this;
    if (latSine * latSine + latCos * this.cosMin * lonSine * lonSine > sineSquare * BEYOND) return false;
    if (!this.measured && x * x + latCos * this.cosMax * y * y < sineSquare * BELOW) return true;
    const v = Math.sin((lonAngle - this.lonAngle) / 2);
    if (v === 0) this.distance = latDistance(this.lat, lat);
    else {
      const u = Math.sin((latAngle - this.latAngle) / 2);
      const a = u * u + latCos * Math.cos(latAngle) * v * v;
      this.distance = 2 * EARTH_RADIUS * Math.asin(Math.sqrt(a));
    }
    return !(this.distance > this.radius * this.conversion);
  }
}

/** Bits of a coordinate on the grid for a search that reaches so many metres. */
function gridStep(metres: number, lat: number): number {
  if (metres === 0) return STEP_MAX;
  let step = -1;
  for (; metres < MERCATOR_MAX; metres *= 2) step++;
  // Meridians come together towards the poles.
  if (lat > 66 || lat < -66) {
    step--;
    if (lat > 80 || lat < -80) step--;
  }
  return step < 1 ? 1 : Math.min(step, STEP_MAX);
}

/** The area of the running search. */
export const area = new GeoArea();
