/**
 * Ptr: the address of a cell in a shard's arena, in units of 8 bytes, as a signed 32-bit integer so that V8 keeps it a
 * small integer: segment index in the high 9 bits, unit offset inside the segment in the low 23. 0 is null.
 *
 *     31        23 22                     0
 *     [ segment   ][ offset / 8            ]     512 segments x 64 MiB = 32 GiB a shard
 *
 * A cell never crosses a segment, so code takes the segment's view and the base index once, then indexes.
 */
export type Ptr = number & { readonly __ptr: unique symbol };

export const NULL = 0 as Ptr;

/** Bytes of one segment. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
/** Most segments of one shard. */
export const SEGMENTS_MAX = 512;
/** ptr >>> SEGMENT_SHIFT is the segment index. */
export const SEGMENT_SHIFT = 23;
/** (ptr & UNIT_MASK) is the offset in 8-byte units inside the segment. */
export const UNIT_MASK = 0x7fffff;

/** Bytes of a slab page: the allocator carves one into cells of one class. */
export const SLAB_PAGE_BYTES = 256 * 1024;
/** Slab pages of a segment; page 0 of each is the segment's own bookkeeping. */
export const SLAB_PAGES = SEGMENT_BYTES / SLAB_PAGE_BYTES;
/** Bytes of a copy-on-write page, the unit of `touch`. */
export const COW_PAGE_BYTES = 4096;
/** Copy-on-write pages of a segment. */
export const COW_PAGES = SEGMENT_BYTES / COW_PAGE_BYTES;
/** Largest cell. Bigger things are chains of cells. */
export const CELL_BYTES_MAX = 64 * 1024;
