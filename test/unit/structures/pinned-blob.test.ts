/** Values that a reply names while others change, delete and replace them (#11). */

import { expect, test } from 'vitest';
import { copyOfChunks } from '../../../src/main/io/net/out-queue.js';
import {
  BLOCK_BYTES,
  blobFree,
  blobFrom,
  blobResize,
  blobTouchBlock,
  blobWrite,
} from '../../../src/shard/structures/blob.js';
import { pinBlob, sweepPins, visitPins } from '../../../src/shard/structures/pinned-blob.js';
import { type Arena, CTL_PIN_COUNT } from '../../../src/shared/memory/arena.js';
import { byteIndex, bytesOf } from '../../../src/shared/memory/cell.js';
import { givePinsOf, PINS_MAX, type PinnedBytes, releaseChunk } from '../../../src/shared/memory/pins.js';
import type { Ptr } from '../../../src/shared/memory/ptr.js';
import { SeededRandom } from '../../harness/random.js';
import { testArena } from '../memory/test-arena.js';

const SEED = Number(process.env.PINS_SEED ?? Date.now() % 1_000_000);

test(`#11: a pinned value stays as it was, whatever becomes of the key, and memory comes back (seed ${SEED})`, () => {
  const arena: Arena = testArena();
  const random = new SeededRandom(SEED);
  const before = arena.usedBytes;
  const pins: { pinned: PinnedBytes; bytes: Buffer }[] = [];
  let model = Buffer.from(random.bytes(5 * BLOCK_BYTES + 100));
  let dir: Ptr = blobFrom(arena, new Uint8Array(model), 0, model.length);
  const release = (i: number): void => {
    const { pinned, bytes } = pins.splice(i, 1)[0]!;
    expect(copyOfChunks([pinned], [arena]).equals(bytes)).toBe(true);
  };
  for (let n = 0; n < 600; n++) {
    const what = random.below(8);
    if (what < 2 && pins.length < 12) {
      const start = random.below(model.length);
      const length = 1 + random.below(model.length - start);
      const pinned = pinBlob(arena, dir, model.length, start, length, random.below(2))!;
      pins.push({ pinned, bytes: Buffer.from(model.subarray(start, start + length)) });
    } else if (what === 2) {
      const bytes = random.bytes(1 + random.below(BLOCK_BYTES + 10));
      const at = random.below(model.length - 1);
      const n = Math.min(bytes.length, model.length - at);
      blobWrite(arena, dir, model.length, at, bytes, 0, n);
      model.set(bytes.subarray(0, n), at);
    } else if (what === 3) {
      const length = 1 + random.below(9 * BLOCK_BYTES);
      dir = blobResize(arena, dir, model.length, length);
      const next = Buffer.alloc(length);
      model.copy(next, 0, 0, Math.min(length, model.length));
      model = next;
    } else if (what === 4) {
      const at = random.below(model.length);
      const block = blobTouchBlock(arena, dir, model.length, at);
      bytesOf(arena, block)[byteIndex(block) + (at & (BLOCK_BYTES - 1))] = n & 255;
      model[at] = n & 255;
    } else if (what === 5 && random.below(4) === 0) {
      blobFree(arena, dir, model.length);
      model = Buffer.from(random.bytes(1 + random.below(6 * BLOCK_BYTES)));
      dir = blobFrom(arena, new Uint8Array(model), 0, model.length);
    } else if (pins.length > 0) release(random.below(pins.length));
    if (random.below(5) === 0) sweepPins(arena);
    const seen = new Set<number>();
    visitPins(arena, (ptr, what) => {
      expect(seen.has(ptr), what).toBe(false);
      seen.add(ptr);
    });
  }
  blobFree(arena, dir, model.length);
  while (pins.length > 0) release(0);
  sweepPins(arena);
  expect(arena.ctl[CTL_PIN_COUNT]).toBe(0);
  expect(arena.usedBytes).toBe(before);
});

test('#11: replies with the same unchanged value share a pin; there is an end to the number of pins', () => {
  const arena: Arena = testArena();
  const dirs: Ptr[] = [];
  const bytes = new Uint8Array(100);
  const pins: PinnedBytes[] = [];
  for (let i = 0; i <= PINS_MAX; i++) dirs.push(blobFrom(arena, bytes, 0, 100));
  for (let i = 0; i < PINS_MAX; i++) {
    pins.push(pinBlob(arena, dirs[i]!, 100, 0, 100, 0)!, pinBlob(arena, dirs[i]!, 100, 0, 100, 0)!);
    expect(pins.at(-1)!.pin).toBe(pins.at(-2)!.pin);
  }
  expect(pinBlob(arena, dirs[PINS_MAX]!, 100, 0, 100, 0)).toBe(null);
  releaseChunk(pins[0]!);
  expect(pinBlob(arena, dirs[PINS_MAX]!, 100, 0, 100, 0)).toBe(null);
  releaseChunk(pins[1]!);
  expect(pinBlob(arena, dirs[PINS_MAX]!, 100, 0, 100, 1)).not.toBe(null);
  givePinsOf(arena.ctl, 0);
  sweepPins(arena);
  expect(arena.ctl[CTL_PIN_COUNT]).toBe(1);
});
