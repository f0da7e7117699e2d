import { describe, expect, test } from 'vitest';
import { LZF_RATIO_MAX, lzfCompress, lzfDecompress } from '../../../src/shared/lzf.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';

const GUARD = 16;

/** Whether the bytes around the `n` in the middle are still what they were. */
function guarded(dst: Uint8Array, n: number, byte: number): boolean {
  const whole = (bytes: Uint8Array) => bytes.every((b) => b === byte);
  return whole(dst.subarray(0, GUARD)) && whole(dst.subarray(GUARD + n));
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

/** Compresses with guards around the destination; undefined when it does not fit into `room`. */
function compress(bytes: Uint8Array, room: number): Uint8Array | undefined {
  const dst = new Uint8Array(room + 2 * GUARD).fill(0xaa);
  const n = lzfCompress(bytes, 0, bytes.length, dst, GUARD, room);
  expect(n).toBeLessThanOrEqual(room);
  expect(guarded(dst, room, 0xaa)).toBe(true);
  return n === 0 ? undefined : dst.slice(GUARD, GUARD + n);
}

function decompress(bytes: Uint8Array, length: number): Uint8Array | undefined {
  const dst = new Uint8Array(length + 2 * GUARD).fill(0x55);
  const good = lzfDecompress(bytes, 0, bytes.length, dst, GUARD, length);
  expect(guarded(dst, length, 0x55)).toBe(true);
  return good ? dst.slice(GUARD, GUARD + length) : undefined;
}

/** Text with repetitions at all distances, or noise. */
function sample(random: SeededRandom): Uint8Array {
  const alphabet = random.pick([1, 2, 4, 26, 256]);
  const out: number[] = [];
  const target = random.pick([3, 20, 100, 1000, 20_000]);
  while (out.length < target) {
    if (out.length > 0 && random.chance(0.4)) {
      const back = 1 + random.below(Math.min(out.length, random.pick([2, 40, 9000])));
      for (let n = 3 + random.below(random.pick([4, 300, 600])); n > 0; n--) out.push(out[out.length - back]!);
    } else out.push(random.below(alphabet));
  }
  return Uint8Array.from(out);
}

describe('LZF', () => {
  test('what is compressed comes back', () => {
    const random = new SeededRandom(seedFrom('LZF_SEED'));
    for (let run = 0; run < 400; run++) {
      const bytes = sample(random);
      const packed = compress(bytes, bytes.length + (bytes.length >> 4) + 16);
      expect(packed).toBeDefined();
      expect(same(decompress(packed!, bytes.length), bytes)).toBe(true);
      expect(bytes.length / packed!.length).toBeLessThanOrEqual(LZF_RATIO_MAX);
      expect(compress(bytes, packed!.length)).toBeDefined();
      expect(compress(bytes, packed!.length - 1)).toBeUndefined();
    }
  });

  test('a run of one letter shrinks to a hundredth', () => {
    const packed = compress(new Uint8Array(100_000).fill(97), 99_996)!;
    expect(packed.length).toBeLessThan(1200);
    expect(same(decompress(packed, 100_000), new Uint8Array(100_000).fill(97))).toBe(true);
  });

  test('what real Redis compressed is read', () => {
    // "a" a hundred times.
    expect(decompress(Uint8Array.from([1, 97, 97, 0xe0, 0x57, 0, 1, 97, 97]), 100)).toEqual(
      new Uint8Array(100).fill(97),
    );
  });

  test('corrupted bytes are refused or give other bytes, and never leave their place', () => {
    const random = new SeededRandom(seedFrom('LZF_SEED'));
    for (let run = 0; run < 2000; run++) {
      const bytes = sample(random).subarray(0, 2000);
      const packed = compress(bytes, bytes.length + 200)!.slice();
      for (let n = random.below(4); n >= 0; n--) packed[random.below(packed.length)] = random.below(256);
      decompress(packed.subarray(0, random.below(packed.length + 1)), random.below(4000));
    }
  });

  test('noise is refused or decompressed within its bounds', () => {
    const random = new SeededRandom(seedFrom('LZF_SEED'));
    for (let run = 0; run < 2000; run++) {
      const noise = Uint8Array.from({ length: random.below(64) }, () => random.below(256));
      decompress(noise, random.below(1000));
    }
  });
});
