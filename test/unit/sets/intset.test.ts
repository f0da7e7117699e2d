import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  integer,
  intsetAdd,
  intsetBytes,
  intsetCount,
  intsetCreate,
  intsetFind,
  intsetGet,
  intsetRemove,
} from '../../../src/shard/types/set/intset.js';
import { Arena, formatShard } from '../../../src/shared/memory/arena.js';
import { byteIndex, viewOf } from '../../../src/shared/memory/cell.js';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { free } from '../../../src/shared/memory/slab.js';

const value = fc.oneof(
  fc.integer({ min: -40, max: 40 }).map(BigInt),
  fc.integer({ min: -40_000, max: 40_000 }).map(BigInt),
  fc.integer().map(BigInt),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(32767n, 32768n, -32768n, -32769n, 2n ** 31n, -(2n ** 31n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)),
);

const hiOf = (n: bigint): number => Number(BigInt.asIntN(32, n >> 32n));
const loOf = (n: bigint): number => Number(BigInt.asIntN(32, n));

function newArena(): Arena {
  const segment = new SharedArrayBuffer(SEGMENT_BYTES);
  formatShard(segment, 1, 2);
  const provider = { allocate: () => new SharedArrayBuffer(SEGMENT_BYTES), attach: () => segment };
  return new Arena(0, segment, provider);
}

describe('intset', () => {
  it('is Redis’s ordered array of integers, whatever is added and removed', () => {
    const arena = newArena();
    const base = arena.usedBytes;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), value), { maxLength: 200 }), (steps) => {
        let ptr = intsetCreate(arena);
        const model = new Set<bigint>();
        let width = 2;
        for (const [kind, n] of steps) {
          const found = intsetFind(arena, ptr, hiOf(n), loOf(n));
          expect(found).toBe(model.has(n));
          if (kind === 0 && found) {
            ptr = intsetRemove(arena, ptr);
            model.delete(n);
          } else if (kind > 0 && !found) {
            ptr = intsetAdd(arena, ptr, hiOf(n), loOf(n));
            model.add(n);
            width = Math.max(width, BigInt.asIntN(16, n) === n ? 2 : BigInt.asIntN(32, n) === n ? 4 : 8);
          }
        }
        const expected = [...model].sort((a, b) => (a < b ? -1 : 1));
        expect(intsetCount(arena, ptr)).toBe(expected.length);
        expect(intsetBytes(arena, ptr)).toBe(8 + width * expected.length);
        const dv = viewOf(arena, ptr);
        const at = byteIndex(ptr);
        expect(dv.getInt32(at, true)).toBe(width);
        expected.forEach((n, i) => {
          intsetGet(arena, ptr, i);
          expect([integer.hi, integer.lo]).toEqual([hiOf(n), loOf(n)]);
          const p = at + 8 + i * width;
          const raw = width === 2 ? dv.getInt16(p, true) : width === 4 ? dv.getInt32(p, true) : dv.getBigInt64(p, true);
          expect(BigInt(raw)).toBe(n);
        });
        free(arena, ptr);
        expect(arena.usedBytes).toBe(base);
      }),
      { numRuns: 300 },
    );
  });
});
