/**
 * The classes of keyspace events, one bit each, and the letters by which `notify-keyspace-events` names them.
 * Pure data and functions; any thread.
 */

/** Bits of the classes; `KEYSPACE` and `KEYEVENT` say on which channels events are published. */
export const EVENT_CLASS = {
  KEYSPACE: 1 << 0,
  KEYEVENT: 1 << 1,
  GENERIC: 1 << 2,
  STRING: 1 << 3,
  LIST: 1 << 4,
  SET: 1 << 5,
  HASH: 1 << 6,
  ZSET: 1 << 7,
  EXPIRED: 1 << 8,
  EVICTED: 1 << 9,
  STREAM: 1 << 10,
  KEY_MISS: 1 << 11,
  MODULE: 1 << 12,
  NEW: 1 << 13,
} as const;

/** Classes whose events mean that a key has changed or is gone. */
export const EVENTS_OF_CHANGE: number =
  EVENT_CLASS.GENERIC |
  EVENT_CLASS.STRING |
  EVENT_CLASS.LIST |
  EVENT_CLASS.SET |
  EVENT_CLASS.HASH |
  EVENT_CLASS.ZSET |
  EVENT_CLASS.EXPIRED |
  EVENT_CLASS.EVICTED |
  EVENT_CLASS.STREAM |
  EVENT_CLASS.MODULE;

/** Letters in the order in which Redis writes them. */
const LETTERS: readonly (readonly [string, number])[] = [
  ['g', EVENT_CLASS.GENERIC],
  ['$', EVENT_CLASS.STRING],
  ['l', EVENT_CLASS.LIST],
  ['s', EVENT_CLASS.SET],
  ['h', EVENT_CLASS.HASH],
  ['z', EVENT_CLASS.ZSET],
  ['x', EVENT_CLASS.EXPIRED],
  ['e', EVENT_CLASS.EVICTED],
  ['t', EVENT_CLASS.STREAM],
  ['d', EVENT_CLASS.MODULE],
];
const OTHER_LETTERS: readonly (readonly [string, number])[] = [
  ['n', EVENT_CLASS.NEW],
  ['K', EVENT_CLASS.KEYSPACE],
  ['E', EVENT_CLASS.KEYEVENT],
  ['m', EVENT_CLASS.KEY_MISS],
];
/** What `A` stands for: all but key misses and new keys. */
const ALL = LETTERS.reduce((bits, entry) => bits | entry[1], 0);

/** Bits for a string of letters such as `KEA`, or -1 when a letter is unknown. */
export function eventClassBits(letters: string): number {
  let bits = 0;
  for (const letter of letters) {
    if (letter === 'A') {
      bits |= ALL;
      continue;
    }
    const entry = LETTERS.find((e) => e[0] === letter) ?? OTHER_LETTERS.find((e) => e[0] === letter);
    if (entry === undefined) return -1;
    bits |= entry[1];
  }
  return bits;
}

/** The letters for `bits`, as CONFIG GET shows them (`KEA` comes back as `AKE`). */
export function eventClassLetters(bits: number): string {
  let letters = '';
  if ((bits & ALL) === ALL) letters = 'A';
  else for (const [letter, bit] of LETTERS) if (bits & bit) letters += letter;
  for (const [letter, bit] of OTHER_LETTERS) if (bits & bit) letters += letter;
  return letters;
}
