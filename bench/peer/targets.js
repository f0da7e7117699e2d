// @ts-check
/** The ratios that each measurement must reach and aims at (sherd / Redis; throughput: more is better). */

/** @typedef {{ must: number, aim: number } | null} Target */

/** @type {Readonly<Record<number, Target>>} */
const SIMPLE = { 1: { must: 0.95, aim: 1 }, 16: { must: 1.1, aim: 1.5 }, 64: { must: 1.25, aim: 1.7 } };
/** @type {Readonly<Record<number, Target>>} */
const RING = { 16: { must: 0.7, aim: 1 }, 64: { must: 1, aim: 1.3 } };

/** @param {string} test @param {number} pipeline @returns {Target} */
export const throughputTarget = (test, pipeline) =>
  test === 'mset' ? (pipeline === 16 ? { must: 1.2, aim: 2 } : null) : (SIMPLE[pipeline] ?? null);

/** @param {number} pipeline @returns {Target} */
export const ringTarget = (pipeline) => RING[pipeline] ?? null;

/** Bytes per key as a share of Redis's: less is better. */
export const BYTES_PER_KEY = { must: 0.6, aim: 0.5 };
/** Growth of all V8 heaps in MB: less is better. */
export const HEAP_MB = { must: 32, aim: 8 };
/** p99 of GET beside KEYS as a share of Redis's: less is better. */
export const STALL = { must: 0.1, aim: 0.01 };

/** Commands that P=16 must speed up, on many keys. */
const FAST_TYPES = new Set(['HSET', 'ZADD', 'XADD', 'ZRANGEBYSCORE', 'SADD']);
/** @type {Readonly<Record<number, number>>} */
const TYPES_MUST = { 1: 0.95, 16: 0.85, 64: 0.7 };

/** @param {string} command @param {boolean} manyKeys @param {number} pipeline @returns {Target} */
export function typesTarget(command, manyKeys, pipeline) {
  const fast = pipeline === 16 && manyKeys && FAST_TYPES.has(command);
  return { must: fast ? 1.1 : (TYPES_MUST[pipeline] ?? 0.7), aim: pipeline === 1 ? 1 : 1.5 };
}

/** Bytes per element as a share of Redis's, by shape: less is better. @type {Readonly<Record<string, Target>>} */
export const BYTES_PER_ELEMENT = {
  hash: { must: 0.6, aim: 0.5 },
  zset: { must: 0.5, aim: 0.4 },
  set: { must: 0.55, aim: 0.45 },
  hashes: { must: 0.95, aim: 0.8 },
  list: { must: 1.05, aim: 1 },
  stream: { must: 1.05, aim: 1 },
};
