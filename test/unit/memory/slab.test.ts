import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena, CTL_SEGMENT_COUNT, formatShard, type SegmentProvider } from '../../../src/shared/memory/arena.js';
import { byteIndex, segmentOf } from '../../../src/shared/memory/cell.js';
import { CELL_BYTES_MAX, type Ptr, SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { alloc, cellBytes, free, slabPages } from '../../../src/shared/memory/slab.js';

function newArena(): Arena {
  const segments: SharedArrayBuffer[] = [new SharedArrayBuffer(SEGMENT_BYTES)];
  const provider: SegmentProvider = {
    allocate: (_shard, index) => (segments[index] = new SharedArrayBuffer(SEGMENT_BYTES)),
    attach: (_shard, index) => segments[index]!,
  };
  formatShard(segments[0]!, 1, 2);
  return new Arena(0, segments[0]!, provider);
}

const byteOffset = (ptr: Ptr): number => segmentOf(ptr) * SEGMENT_BYTES + byteIndex(ptr);

describe('slab allocator', () => {
  it('never hands out overlapping cells and counts every byte', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: CELL_BYTES_MAX }), fc.nat()), { maxLength: 400 }),
        (ops) => {
          const arena = newArena();
          const live: Ptr[] = [];
          let bytes = 0;
          for (const [size, pick] of ops) {
            if (pick % 3 === 0 && live.length > 0) {
              const [ptr] = live.splice(pick % live.length, 1);
              bytes -= cellBytes(arena, ptr!);
              free(arena, ptr!);
            } else {
              const ptr = alloc(arena, size);
              expect(cellBytes(arena, ptr)).toBeGreaterThanOrEqual(size);
              bytes += cellBytes(arena, ptr);
              live.push(ptr);
            }
          }
          expect(arena.usedBytes).toBe(bytes);
          const ranges = live.map((p) => [byteOffset(p), byteOffset(p) + cellBytes(arena, p)] as const);
          ranges.sort((a, b) => a[0] - b[0]);
          for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThanOrEqual(ranges[i - 1]![1]);
          let used = 0;
          for (const page of slabPages(arena)) used += page.used;
          expect(used).toBe(live.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives empty pages to other size classes and grows by segments', () => {
    const arena = newArena();
    const cells: Ptr[] = [];
    for (let i = 0; i < 1500; i++) cells.push(alloc(arena, CELL_BYTES_MAX));
    expect(arena.ctl[CTL_SEGMENT_COUNT]).toBe(2);
    for (const ptr of cells) free(arena, ptr);
    expect(arena.usedBytes).toBe(0);
    for (let i = 0; i < 1_000_000; i++) alloc(arena, 64);
    expect(arena.ctl[CTL_SEGMENT_COUNT]).toBe(2);
  });
});
