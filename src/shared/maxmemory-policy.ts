/**
 * The policies of `maxmemory-policy`, one row each. A policy's number (CONTROL.maxmemoryPolicy) is its place in the
 * table; the order is Redis's, since error texts list the words.
 */
export interface MaxmemoryPolicy {
  readonly word: string;
  /** Only keys that expire may go. */
  readonly volatile: boolean;
  /** What an entry's clock holds: the last access, a counter of accesses, or nothing that the policy needs. */
  readonly clock: 'lru' | 'lfu' | 'none';
}

function policy(word: string, clock: MaxmemoryPolicy['clock']): MaxmemoryPolicy {
  return { word, volatile: word.startsWith('volatile-'), clock };
}

/** All policies by number. */
export const MAXMEMORY_POLICIES: readonly MaxmemoryPolicy[] = [
  policy('volatile-lru', 'lru'),
  policy('volatile-lfu', 'lfu'),
  policy('volatile-random', 'none'),
  policy('volatile-ttl', 'none'),
  policy('allkeys-lru', 'lru'),
  policy('allkeys-lfu', 'lfu'),
  policy('allkeys-random', 'none'),
  policy('noeviction', 'none'),
];

/** The policies' words in the order of their numbers. */
export const POLICY_WORDS: readonly string[] = MAXMEMORY_POLICIES.map(({ word }) => word);

/** The policy of a server that was told none. */
export const NO_EVICTION: number = POLICY_WORDS.indexOf('noeviction');

/** Whether entries carry counters of accesses under policy number `n`. */
export function isLfu(n: number): boolean {
  return MAXMEMORY_POLICIES[n]!.clock === 'lfu';
}

/** Whether each key needs a clock of its own under policy number `n`, so that Redis shares no value between keys. */
export function needsClock(n: number): boolean {
  return MAXMEMORY_POLICIES[n]!.clock !== 'none';
}
