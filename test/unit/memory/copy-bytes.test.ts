/** The ways to copy bytes: every length and place within a word, between shared and other memory. */

import { describe, expect, test } from 'vitest';
import { copyBytes, copyMany, copyWords, moveMany, moveUp } from '../../../src/shared/memory/copy-bytes.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';

const seed = seedFrom('COPY_SEED');
const ROOM = 64 * 1024;
const LENGTHS = [
  0, 1, 3, 7, 8, 9, 55, 57, 112, 129, 288, 289, 447, 449, 800, 801, 1024, 2048, 2049, 8191, 8200, 20_000,
];

const made = (random: SeededRandom, shared: boolean): Uint8Array => {
  const u8 = new Uint8Array(shared ? new SharedArrayBuffer(ROOM) : new ArrayBuffer(ROOM));
  for (let i = 0; i < ROOM; i++) u8[i] = random.below(256);
  return u8;
};
const viewOf = (u8: Uint8Array): DataView => new DataView(u8.buffer);

const COPIES = {
  copyBytes,
  copyMany,
  copyWords: (dst: Uint8Array, to: number, src: Uint8Array, from: number, len: number) =>
    copyWords(dst, viewOf(dst), to, src, viewOf(src), from, len),
};

describe.each(Object.entries(COPIES))('%s', (_name, copy) => {
  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])(`copies what it is told and nothing else, shared: %s to %s (COPY_SEED=${seed})`, (fromShared, toShared) => {
    const random = new SeededRandom(seed);
    const src = made(random, fromShared);
    const dst = made(random, toShared);
    for (const len of LENGTHS) {
      for (let turn = 0; turn < 10; turn++) {
        const from = random.below(ROOM - len);
        const to = random.below(ROOM - len);
        const expected = Buffer.from(dst);
        expected.set(Buffer.from(src).subarray(from, from + len), to);
        copy(dst, to, src, from, len);
        expect(Buffer.compare(Buffer.from(dst), expected), `${len} bytes from ${from} to ${to}`).toBe(0);
      }
    }
  });
});

test.each([true, false])(`moves within one array, shared: %s (COPY_SEED=${seed})`, (shared) => {
  const random = new SeededRandom(seed);
  const u8 = made(random, shared);
  for (const len of LENGTHS) {
    for (let turn = 0; turn < 20; turn++) {
      const by = 1 + random.below(turn < 10 ? 20 : 9000);
      const low = random.below(ROOM - len - by);
      const up = turn % 2 === 0;
      const [from, to] = up ? [low, low + by] : [low + by, low];
      const expected = Buffer.from(u8).copyWithin(to, from, from + len);
      if (up && turn % 4 === 0) moveUp(u8, viewOf(u8), from, by, len);
      else moveMany(u8, to, from, len);
      expect(Buffer.compare(Buffer.from(u8), expected), `${len} bytes from ${from} to ${to}`).toBe(0);
    }
  }
});
