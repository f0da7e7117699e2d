/** The check itself: built with checking on, whatever the environment of the test run is. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Ptr } from '../../../src/shared/memory/ptr.js';

type ArenaModule = typeof import('../../../src/shared/memory/arena.js');

describe('#12 a store without touch is found', () => {
  let arenas: ArenaModule;
  let slab: typeof import('../../../src/shared/memory/slab.js');
  let fsck: typeof import('../../../src/shard/check/fsck.js');
  let stores: typeof import('../../../src/shared/memory/store-check.js');
  const SEGMENT_BYTES = 64 << 20;

  beforeAll(async () => {
    vi.stubEnv('SHERD_CHECK', '1');
    vi.resetModules();
    arenas = await import('../../../src/shared/memory/arena.js');
    slab = await import('../../../src/shared/memory/slab.js');
    fsck = await import('../../../src/shard/check/fsck.js');
    stores = await import('../../../src/shared/memory/store-check.js');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  const newArena = () => {
    const segment = new SharedArrayBuffer(SEGMENT_BYTES);
    arenas.formatShard(segment, 1, 2);
    const provider = {
      allocate: (): SharedArrayBuffer => new SharedArrayBuffer(SEGMENT_BYTES),
      attach: (): SharedArrayBuffer => segment,
    };
    const arena = new arenas.Arena(0, segment, provider);
    const cells = Array.from({ length: 200 }, () => slab.alloc(arena, 64));
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([]);
    return { arena, cells, poke: (ptr: Ptr, offset: number) => arena.u8[0]![ptr * 8 + offset]!++ };
  };
  const at = (ptr: Ptr, offset: number): string =>
    `a store without touch at byte ${offset} of the cell at ${ptr} (64 bytes)`;

  test('beside one that was announced, in the same page and in the same word', () => {
    const { arena, cells, poke } = newArena();
    arena.touch(cells[3]!, 8, 3);
    for (const offset of [8, 9, 10]) poke(cells[3]!, offset);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([]);
    arena.touch(cells[3]!, 8, 3);
    poke(cells[3]!, 11);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([at(cells[3]!, 11)]);
  });

  test('in another cell, and is still known after the next critical sections', () => {
    const { arena, cells, poke } = newArena();
    arena.touch(cells[3]!, 0, 64);
    poke(cells[4]!, 5);
    arena.settleTouched();
    arena.touch(cells[4]!, 0, 64);
    poke(cells[4]!, 5);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([at(cells[4]!, 5)]);
  });

  test('that came before the announcement of its page', () => {
    const { arena, cells, poke } = newArena();
    poke(cells[3]!, 8);
    arena.touch(cells[3]!, 8, 1);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([expect.stringContaining('somewhere in the page')]);
  });

  test('in a page that nobody announced', () => {
    const { arena, cells, poke } = newArena();
    poke(cells[150]!, 8);
    expect(fsck.storesWithoutTouch(arena)).toEqual([expect.stringContaining('somewhere in the page')]);
  });

  test('announced ranges may span pages, and a new cell is announced whole', () => {
    const { arena } = newArena();
    const big = slab.alloc(arena, 64 * 1024);
    arena.u8[0]!.fill(7, big * 8, big * 8 + 64 * 1024);
    arena.settleTouched();
    arena.touch(big, 4000, 5000);
    arena.u8[0]!.fill(8, big * 8 + 4000, big * 8 + 9000);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([]);
    arena.touch(big, 4000, 5000);
    arena.u8[0]!.fill(9, big * 8 + 4000, big * 8 + 9001);
    arena.settleTouched();
    expect(fsck.storesWithoutTouch(arena)).toEqual([
      `a store without touch at byte 9000 of the cell at ${big} (65536 bytes)`,
    ]);
  });

  test('what a dead thread left in the middle of a critical section is taken for granted', () => {
    const { arena, cells, poke } = newArena();
    poke(cells[3]!, 8);
    stores.restampPages(arena.i32, arena.ctl[arenas.CTL_NEXT_PAGE]!);
    expect(fsck.storesWithoutTouch(arena)).toEqual([]);
  });
});
