/**
 * What arguments of the GEO commands say: positions, units, distances, and the options of the searches. Each reader
 * writes the error itself; the order of the checks is as in Redis.
 *
 * Invariant: one command at a time; what was read is in `point`, `area` and `options`.
 */
import {
  GEO_BOX_NEGATIVE,
  GEO_COUNT,
  GEO_HEIGHT,
  GEO_MEMBER,
  GEO_RADIUS,
  GEO_RADIUS_NEGATIVE,
  GEO_UNIT,
  GEO_WIDTH,
  NOT_FLOAT,
  NOT_INTEGER,
  SYNTAX,
} from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { float64, parseFloat64 } from '../../../shared/numbers/float64.js';
import { fixedText } from '../../../shared/numbers/format-g.js';
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { area } from '../../types/geo/geo-area.js';
import { decodeScore, LAT_MAX, LON_MAX, position } from '../../types/geo/geo-hash.js';
import { FARTHEST, NEAREST } from '../../types/geo/geo-results.js';
import { zsetScore } from '../../types/zset/zset-value.js';

const METRES = 1;
const KILOMETRE = 1000;
const FOOT = 0.3048;
const MILE = 1609.34;

class Point {
  lon = 0;
  lat = 0;
}

/** The last position read. */
export const point = new Point();

function number(args: Args, i: number): boolean {
  return parseFloat64(args.u8, args.off[i]!, args.len[i]!);
}

/** Reads longitude and latitude from arguments i and i + 1 into `point`; false when the error has been written. */
// hot: GEOADD
export function readPoint(args: Args, i: number, reply: Reply): boolean {
  if (!number(args, i)) {
    reply.error(NOT_FLOAT);
    return false;
  }
  const lon = float64.value;
  if (!number(args, i + 1)) {
    reply.error(NOT_FLOAT);
    return false;
  }
  const lat = float64.value;
  if (lon < -LON_MAX || lon > LON_MAX || lat < -LAT_MAX || lat > LAT_MAX) {
    reply.errorText(`ERR invalid longitude,latitude pair ${sixDigits(lon)},${sixDigits(lat)}`);
    return false;
  }
  point.lon = lon;
  point.lat = lat;
  return true;
}

/** A number as C's `%f` prints it. */
function sixDigits(x: number): string {
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  return Math.abs(x) < 1e21 ? fixedText(x, 6) : `${BigInt(x)}.000000`;
}

/** Metres of the unit in argument i, or -1 and an error. */
export function readUnit(args: Args, i: number, reply: Reply): number {
  if (args.is(i, 'm')) return METRES;
  if (args.is(i, 'km')) return KILOMETRE;
  if (args.is(i, 'ft')) return FOOT;
  if (args.is(i, 'mi')) return MILE;
  reply.error(GEO_UNIT);
  return -1;
}

/** Makes `area` a circle: radius and unit in arguments i and i + 1; false when the error has been written. */
export function readCircle(args: Args, i: number, reply: Reply): boolean {
  if (!number(args, i)) {
    reply.error(GEO_RADIUS);
    return false;
  }
  const radius = float64.value;
  if (radius < 0) {
    reply.error(GEO_RADIUS_NEGATIVE);
    return false;
  }
  const conversion = readUnit(args, i + 1, reply);
  if (conversion < 0) return false;
  area.isBox = false;
  area.radius = radius;
  area.conversion = conversion;
  return true;
}

/** Makes `area` a box: width, height and unit from argument i on; false when the error has been written. */
function readBox(args: Args, i: number, reply: Reply): boolean {
  if (!number(args, i)) {
    reply.error(GEO_WIDTH);
    return false;
  }
  const width = float64.value;
  if (!number(args, i + 1)) {
    reply.error(GEO_HEIGHT);
    return false;
  }
  const height = float64.value;
  if (width < 0 || height < 0) {
    reply.error(GEO_BOX_NEGATIVE);
    return false;
  }
  const conversion = readUnit(args, i + 2, reply);
  if (conversion < 0) return false;
  area.isBox = true;
  area.width = width;
  area.height = height;
  area.conversion = conversion;
  return true;
}

/** Centres `area` on the position in arguments i and i + 1; false when the error has been written. */
export function readCentre(args: Args, i: number, reply: Reply): boolean {
  if (!readPoint(args, i, reply)) return false;
  area.lon = point.lon;
  area.lat = point.lat;
  return true;
}

/** Centres `area` on the member in argument i of the set in `e`; false when the error has been written. */
export function readCentreMember(ctx: ExecContext, e: Ptr, args: Args, i: number, reply: Reply): boolean {
  const score = zsetScore(ctx.arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!);
  if (Number.isNaN(score)) {
    reply.error(GEO_MEMBER);
    return false;
  }
  decodeScore(score);
  area.lon = position.lon;
  area.lat = position.lat;
  return true;
}

/** Options of a search. */
class SearchOptions {
  withDist = false;
  withHash = false;
  withCoord = false;
  /** NEAREST, FARTHEST or 0. */
  order = 0;
  /** Results wanted, 0: all; and whether any will do. */
  count = 0;
  any = false;
  /** Argument with the key for the result, 0: it is a reply. */
  store = 0;
  storeDist = false;
  hasCentre = false;
  hasShape = false;

  clear(): void {
    this.withDist = false;
    this.withHash = false;
    this.withCoord = false;
    this.order = 0;
    this.count = 0;
    this.any = false;
    this.store = 0;
    this.storeDist = false;
    this.hasCentre = false;
    this.hasShape = false;
  }
}

/** What the last `readOptions` found. */
export const options = new SearchOptions();

/** Which command the options are of: GEORADIUS and GEORADIUSBYMEMBER, their _RO forms, GEOSEARCH, GEOSEARCHSTORE. */
export const RADIUS = 1;
export const RADIUS_RO = 2;
export const SEARCH = 3;
export const SEARCH_STORE = 4;

let fromMember = false;
let fromPoint = false;

/**
 * Reads the options from argument `from` on. `e`: the set that is searched, or 0. False when the error has been
 * written.
 */
export function readOptions(
  ctx: ExecContext,
  e: Ptr,
  args: Args,
  from: number,
  command: number,
  reply: Reply,
): boolean {
  options.clear();
  fromMember = false;
  fromPoint = false;
  const search = command === SEARCH || command === SEARCH_STORE;
  for (let i = from; i < args.argc; ) {
    let n = commonOption(args, i, reply);
    if (n === 0) {
      n = search ? searchOption(ctx, e, args, i, command, reply) : command === RADIUS ? storeOption(args, i) : 0;
    }
    if (n < 0) return false;
    if (n === 0) {
      reply.error(SYNTAX);
      return false;
    }
    i += n;
  }
  options.hasCentre = fromMember || fromPoint;
  return true;
}

/**
 * Reads an option that all searches have at argument i: arguments it takes, 0: it is none, -1: an error was written.
 */
function commonOption(args: Args, i: number, reply: Reply): number {
  if (args.is(i, 'withdist')) options.withDist = true;
  else if (args.is(i, 'withhash')) options.withHash = true;
  else if (args.is(i, 'withcoord')) options.withCoord = true;
  else if (args.is(i, 'any')) options.any = true;
  else if (args.is(i, 'asc')) options.order = NEAREST;
  else if (args.is(i, 'desc')) options.order = FARTHEST;
  else if (args.is(i, 'count') && i + 1 < args.argc) return readCount(args, i + 1, reply) ? 2 : -1;
  else return 0;
  return 1;
}

function readCount(args: Args, i: number, reply: Reply): boolean {
  if (!parseInt64(args.u8, args.off[i]!, args.len[i]!)) {
    reply.error(NOT_INTEGER);
    return false;
  }
  const count = int64Number(int64.hi, int64.lo);
  if (count <= 0) {
    reply.error(GEO_COUNT);
    return false;
  }
  options.count = count;
  return true;
}

function storeOption(args: Args, i: number): number {
  const distances = args.is(i, 'storedist');
  if ((!distances && !args.is(i, 'store')) || i + 1 >= args.argc) return 0;
  options.store = i + 1;
  options.storeDist = distances;
  return 2;
}

function searchOption(ctx: ExecContext, e: Ptr, args: Args, i: number, command: number, reply: Reply): number {
  const left = args.argc - i - 1;
  if (command === SEARCH_STORE && args.is(i, 'storedist')) {
    options.storeDist = true;
    return 1;
  }
  if (left >= 1 && !fromPoint && args.is(i, 'frommember')) {
    fromMember = true;
    // Without a set the rest is read all the same.
    return e === NULL || readCentreMember(ctx, e, args, i + 1, reply) ? 2 : -1;
  }
  if (left >= 2 && !fromMember && args.is(i, 'fromlonlat')) {
    fromPoint = true;
    return readCentre(args, i + 1, reply) ? 3 : -1;
  }
  if (left >= 2 && !(options.hasShape && area.isBox) && args.is(i, 'byradius')) {
    if (!readCircle(args, i + 1, reply)) return -1;
    options.hasShape = true;
    return 3;
  }
  if (left >= 3 && !(options.hasShape && !area.isBox) && args.is(i, 'bybox')) {
    if (!readBox(args, i + 1, reply)) return -1;
    options.hasShape = true;
    return 4;
  }
  return 0;
}
