/**
 * Random numbers. All of src takes them from here, so that a test can give a seed and get the same run again.
 *
 *     random       for choices: members, samples, the chances of a counter
 *     secretBytes  for what nobody may guess: passwords, the key of the dictionary's hash, ids of runs
 *
 * Any thread. Each thread has a source of its own. A seed makes both kinds repeat: it is for tests only.
 */
import { randomFillSync } from 'node:crypto';

/** From 0 on, below 1. */
type Source = () => number;

let source: Source = Math.random;
let isSeeded = false;

/** The numbers of this thread come from a seed from now on; null: they are the machine's again. */
export function seedRandom(seed: number | null): void {
  isSeeded = seed !== null;
  source = seed === null ? Math.random : sequenceOf(seed);
}

/** The seed of one thread of a server that has a seed: no two threads draw the same numbers. */
export function seedOfThread(seed: number, threadId: number): number {
  return Math.imul(seed, 0x9e3779b1) ^ Math.imul(threadId, 0x85ebca6b);
}

/** A number from 0 on, below 1. */
export function random(): number {
  return source();
}

/** A whole number from 0 on, below `end`. */
export function randomBelow(end: number): number {
  return Math.floor(source() * end);
}

/** A whole number of 32 bits. */
export function randomUint32(): number {
  return randomBelow(2 ** 32);
}

/** Bytes that no client can guess, in memory of their own. */
export function secretBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  if (!isSeeded) return randomFillSync(bytes);
  for (let i = 0; i < count; i++) bytes[i] = randomBelow(256);
  return bytes;
}

/** xorshift32 over a Weyl sequence (Marsaglia, 2003): two steps for the 53 bits of a number. */
function sequenceOf(seed: number): Source {
  let state = seed | 0 || 1;
  let weyl = 0;
  const step = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    weyl = (weyl + 362437) | 0;
    return (state + weyl) >>> 0;
  };
  for (let i = 0; i < 16; i++) step();
  return () => ((step() >>> 5) * 2 ** 26 + (step() >>> 6)) / 2 ** 53;
}
