/** A sorted set in plain JavaScript, and what the commands should answer of it. */
import { doubleText } from '../../../src/shared/resp/double-text.js';

export type Zset = Map<string, number>;

export function byScoreAndName(a: readonly [string, number], b: readonly [string, number]): number {
  if (a[1] !== b[1]) return a[1] - b[1];
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

/** Members with scores in order. */
export function inOrder(zset: Zset): [string, number][] {
  return [...zset].sort(byScoreAndName);
}

/** As RESP2 has members with scores, or without. */
export function flat(pairs: readonly (readonly [string, number])[], withScores: boolean): string[] {
  return pairs.flatMap(([member, score]) => (withScores ? [member, doubleText(score)] : [member]));
}

/** A reply without negative zeros, which a listpack does not keep: the members of these tests are never `-0`. */
export function withoutSign(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(withoutSign);
  return reply === '-0' ? '0' : reply;
}

/** A bound of scores: whether `score` lies on its inner side. */
export function insideScore(bound: string, score: number, low: boolean): boolean {
  const excluded = bound.startsWith('(');
  const text = excluded ? bound.slice(1) : bound;
  const at = text === '-inf' ? Number.NEGATIVE_INFINITY : text === '+inf' ? Number.POSITIVE_INFINITY : Number(text);
  if (score === at) return !excluded;
  return low ? score > at : score < at;
}

/** As `insideScore`, for names. */
export function insideName(bound: string, name: string, low: boolean): boolean {
  if (bound === '-') return low;
  if (bound === '+') return !low;
  const at = bound.slice(1);
  if (name === at) return bound.startsWith('[');
  return low ? name > at : name < at;
}

/** What LIMIT leaves. */
export function limited<T>(list: readonly T[], offset: number, count: number): T[] {
  if (offset < 0) return [];
  return list.slice(offset, count < 0 ? undefined : offset + count);
}
