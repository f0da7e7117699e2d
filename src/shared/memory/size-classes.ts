/**
 * Size classes of the slab allocator: multiples of 8 bytes, in steps of 8 up to 128, then eight steps to each doubling,
 * up to 64 KiB. The most that rounding up wastes is 12.5 % above 128 bytes, and 7 bytes below.
 */
import { CELL_BYTES_MAX, SLAB_PAGE_BYTES } from './ptr.js';

const sizes: number[] = [];
for (let bytes = 16; bytes <= 128; bytes += 8) sizes.push(bytes);
for (let base = 128; base < CELL_BYTES_MAX; base *= 2) {
  for (let step = 1; step <= 8; step++) sizes.push(base + (base / 8) * step);
}

/** Number of classes. */
export const CLASS_COUNT = sizes.length;
/** Cell size of a class, in 8-byte units. */
export const CLASS_UNITS = new Int32Array(sizes.map((bytes) => bytes / 8));
/** Cells of a class in one slab page. */
export const CLASS_CELLS = new Int32Array(sizes.map((bytes) => Math.floor(SLAB_PAGE_BYTES / bytes)));
/** Class that serves a size, indexed by the size in units (rounded up). */
export const CLASS_OF_UNITS = new Uint8Array(CELL_BYTES_MAX / 8 + 1);

let cls = 0;
for (let units = 0; units <= CELL_BYTES_MAX / 8; units++) {
  while (CLASS_UNITS[cls]! < units) cls++;
  CLASS_OF_UNITS[units] = cls;
}
if (CLASS_COUNT > 96) throw new Error('too many size classes for the control area');
