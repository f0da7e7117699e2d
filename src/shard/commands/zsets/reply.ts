/** How the commands on sorted sets write scores, and lists of members with them. */
import { doubleText } from '../../../shared/resp/double-text.js';
import type { Reply } from '../../../shared/resp/reply.js';

/** Writes a score: a double, which RESP2 has as text. */
export function replyScore(reply: Reply, score: number): void {
  if (reply.proto === 2 && Number.isSafeInteger(score) && !Object.is(score, -0)) reply.bulkInt(score);
  else reply.double(score);
}

/** Begins a list of `n` members, each with its score or without: flat in RESP2, of pairs in RESP3. */
export function replyMembers(reply: Reply, n: number, withScores: boolean): void {
  reply.array(withScores && reply.proto === 2 ? 2 * n : n);
}

/** Whether each member with its score is an array of its own. */
export function inPairs(reply: Reply, withScores: boolean): boolean {
  return withScores && reply.proto === 3;
}

/** Writes a score as text under both protocols, as ZSCAN does. */
export function replyScoreText(reply: Reply, score: number): void {
  if (Number.isSafeInteger(score) && !Object.is(score, -0)) reply.bulkInt(score);
  else reply.bulkLatin1(doubleText(score));
}
