/**
 * Positions as scores of a sorted set. Longitude and latitude are each cut into 2^26 steps, and the bits of the two
 * numbers are shuffled together, so that what is near is often near in the set too:
 *
 *     score, 52 bits    [ lon25 lat25 lon24 lat24 ... lon0 lat0 ]
 *
 * A cell of 2 * step bits is the prefix of all scores in it: they lie between two numbers. Latitudes end at the square
 * of the Mercator map (EPSG:3857). At the very edge a coordinate gives step 2^26, which needs one bit too many. Redis
 * does the same, so sherd keeps it.
 *
 * Bits are handled as 32-bit integers, never as BigInt. Pure functions; results are left in `position`, one a thread.
 */
import { invariant } from '../../../shared/errors/invariant.js';

export const LON_MAX = 180;
export const LAT_MAX = 85.05112878;
/** Steps of a score. */
export const STEP_MAX = 26;

const LON_SCALE = LON_MAX + LON_MAX;
const LAT_SCALE = LAT_MAX + LAT_MAX;
const STEPS = 2 ** STEP_MAX;
/** Bits of each coordinate in one half of a score. */
const HALF_BITS = STEP_MAX / 2;
const HALF_MASK = (1 << HALF_BITS) - 1;
const HALF_SCORE = 2 ** STEP_MAX;
const TWO_32 = 4294967296;
/** Beyond this a double no longer holds 52 bits and what Redis makes of it takes the long way. */
const SCORE_SAFE = 2 ** 53;

/** 2 to the power of each step; and of the steps that are missing to a score, twice. */
const POWERS = new Float64Array(STEP_MAX + 1);
const SCALES = new Float64Array(STEP_MAX + 1);
for (let step = 0; step <= STEP_MAX; step++) {
  POWERS[step] = 2 ** step;
  SCALES[step] = 2 ** (2 * (STEP_MAX - step));
}

class Position {
  lon = 0;
  lat = 0;
}

/** Result of the last `decodeScore`. */
export const position = new Position();

/** The lower 16 bits of `x` with a zero above each. */
function spread(x: number): number {
  x = (x | (x << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/** Every second bit of `x`, from the lowest on. */
function squeeze(x: number): number {
  x &= 0x55555555;
  x = (x | (x >>> 1)) & 0x33333333;
  x = (x | (x >>> 2)) & 0x0f0f0f0f;
  x = (x | (x >>> 4)) & 0x00ff00ff;
  return (x | (x >>> 8)) & 0xffff;
}

/** Number of the step, out of 2^step, in which a longitude lies. */
export function lonStep(lon: number, step: number): number {
  return Math.trunc(((lon + LON_MAX) / LON_SCALE) * POWERS[step]!);
}

/** Number of the step, out of 2^step, in which a latitude lies. */
export function latStep(lat: number, step: number): number {
  return Math.trunc(((lat + LAT_MAX) / LAT_SCALE) * POWERS[step]!);
}

/** Upper part of two shuffled numbers, all but the lower 26 bits. */
export function shuffledHigh(lonBits: number, latBits: number): number {
  return (spread(lonBits >>> HALF_BITS) << 1) | spread(latBits >>> HALF_BITS);
}

/** Lower 26 bits of two shuffled numbers. */
export function shuffledLow(lonBits: number, latBits: number): number {
  return (spread(lonBits & HALF_MASK) << 1) | spread(latBits & HALF_MASK);
}

/** The score of a position. @requires |lon| <= LON_MAX, |lat| <= LAT_MAX */
// hot: GEOADD
export function encodeScore(lon: number, lat: number): number {
  invariant(Math.abs(lon) <= LON_MAX && Math.abs(lat) <= LAT_MAX, '|lon| <= LON_MAX, |lat| <= LAT_MAX');
  const x = lonStep(lon, STEP_MAX);
  const y = latStep(lat, STEP_MAX);
  return shuffledHigh(x, y) * HALF_SCORE + shuffledLow(x, y);
}

/**
 * The lowest score of the cell with these numbers out of 2^step; `add` 1: of the one behind it in the order of scores.
 */
export function cellScore(lonBits: number, latBits: number, step: number, add: number): number {
  const bits = shuffledHigh(lonBits, latBits) * HALF_SCORE + (shuffledLow(lonBits, latBits) + add);
  return bits * SCALES[step]!;
}

/** Where step number `bits` of 2^step begins. */
export function lonAt(bits: number, step: number): number {
  return -LON_MAX + (bits / POWERS[step]!) * LON_SCALE;
}

/** As `lonAt`, for latitudes. */
export function latAt(bits: number, step: number): number {
  return -LAT_MAX + (bits / POWERS[step]!) * LAT_SCALE;
}

function middle(min: number, max: number, limit: number): number {
  const x = (min + max) / 2;
  return x > limit ? limit : Math.max(x, -limit);
}

function setPosition(lonBits: number, latBits: number): void {
  position.lon = middle(
    -LON_MAX + (lonBits / STEPS) * LON_SCALE,
    -LON_MAX + (((lonBits + 1) >>> 0) / STEPS) * LON_SCALE,
    LON_MAX,
  );
  position.lat = middle(
    -LAT_MAX + (latBits / STEPS) * LAT_SCALE,
    -LAT_MAX + (((latBits + 1) >>> 0) / STEPS) * LAT_SCALE,
    LAT_MAX,
  );
}

/** The middle of the cell that a score stands for, into `position`. Any score has one. */
// hot: every member that a search looks at
export function decodeScore(score: number): void {
  if (!(score >= 0 && score <= SCORE_SAFE)) {
    decodeAny(score);
    return;
  }
  const hi = Math.floor(score / TWO_32);
  const lo = (score - hi * TWO_32) >>> 0;
  setPosition(squeeze(lo >>> 1) | (squeeze(hi >>> 1) << 16), squeeze(lo) | (squeeze(hi) << 16));
}

/** As the C code on x86 takes a double for 64 bits without sign. Cold. */
function decodeAny(score: number): void {
  let bits = 0n;
  if (score >= 2 ** 63) bits = score < 2 ** 64 ? BigInt(score) : 0n;
  else if (score >= -(2 ** 63)) bits = BigInt.asUintN(64, BigInt(Math.trunc(score)));
  else bits = 1n << 63n;
  const hi = Number(bits >> 32n) | 0;
  const lo = Number(bits & 0xffffffffn) | 0;
  const lonBits = (squeeze(lo >>> 1) | (squeeze(hi >>> 1) << 16)) >>> 0;
  setPosition(lonBits, (squeeze(lo) | (squeeze(hi) << 16)) >>> 0);
}

const ALPHABET = Uint8Array.from(Buffer.from('0123456789bcdefghjkmnpqrstuvwxyz'));
/** Characters of a geohash as people write it. */
export const TEXT_CHARS = 11;
const TEXT_LAT_MAX = 90;

/**
 * Writes the standard geohash of `position`, where latitudes go to the poles, at `at`: TEXT_CHARS characters, the last
 * of which, for want of bits, is always 0.
 */
export function writeGeohash(dst: Uint8Array, at: number): void {
  const x = Math.trunc(((position.lon + LON_MAX) / LON_SCALE) * STEPS);
  const y = Math.trunc(((position.lat + TEXT_LAT_MAX) / (TEXT_LAT_MAX + TEXT_LAT_MAX)) * STEPS);
  const hi = shuffledHigh(x, y);
  const lo = shuffledLow(x, y);
  for (let i = 0; i < 5; i++) dst[at + i] = ALPHABET[(hi >>> (21 - 5 * i)) & 31]!;
  dst[at + 5] = ALPHABET[((hi & 1) << 4) | (lo >>> 22)]!;
  for (let i = 6; i < 10; i++) dst[at + i] = ALPHABET[(lo >>> (47 - 5 * i)) & 31]!;
  dst[at + 10] = ALPHABET[0]!;
}
