/**
 * The words for raw addressing: how a pointer becomes a view and an index. All code that reads or writes cells says
 * it with these, so that the layout of an address is known to this file, ptr.ts, the arena and the slab only.
 *
 *     const w = wordIndex(p);             words, bytes and doubles of a cell are indexes into the views of its segment
 *     const words = wordsOf(arena, p);    the view; one for a whole cell, since a cell never crosses a segment
 *     words[w + ROOT.count]
 *
 * The build puts their bodies in the place of the calls (build/inline-cells.js), so they cost what the raw expressions
 * cost. When V8 alone inlined them, SET in pipelines of 64 took 20 % more CPU time.
 *
 * Invariants: (1) a view is good for the cell that it was asked for, and for others of the same segment; (2) it stays
 * good while the lease is held, for the arena only ever adds segments; (3) `p` is a Ptr, or the same number as it was
 * read out of a word.
 */
import type { Arena } from './arena.js';
import { type Ptr, SEGMENT_SHIFT, UNIT_MASK } from './ptr.js';

/** Index of the segment of `p`, in the arrays of views. */
// hot: bench/micro.js "executor GET"
export function segmentOf(p: number): number {
  return p >>> SEGMENT_SHIFT;
}

/** The cell's first 8-byte unit in its segment: an index into `doublesOf`. */
// hot: bench/micro.js "executor GET"
export function unitIndex(p: number): number {
  return p & UNIT_MASK;
}

/** The cell's first word: an index into `wordsOf`. */
// hot: bench/micro.js "executor GET"
export function wordIndex(p: number): number {
  return (p & UNIT_MASK) << 1;
}

/** The cell's first byte: an index into `bytesOf` and `viewOf`. */
// hot: bench/micro.js "executor GET"
export function byteIndex(p: number): number {
  return (p & UNIT_MASK) * 8;
}

/** The words (int32) of the segment of `p`. */
// hot: bench/micro.js "executor GET"
export function wordsOf(arena: Arena, p: number): Int32Array {
  return arena.i32[p >>> SEGMENT_SHIFT]!;
}

/** The bytes of the segment of `p`. */
// hot: bench/micro.js "executor GET"
export function bytesOf(arena: Arena, p: number): Uint8Array {
  return arena.u8[p >>> SEGMENT_SHIFT]!;
}

/** The float64 numbers of the segment of `p`. */
// hot: bench/micro.js "executor GET"
export function doublesOf(arena: Arena, p: number): Float64Array {
  return arena.f64[p >>> SEGMENT_SHIFT]!;
}

/** The segment of `p` for numbers at any byte. */
// hot: bench/micro.js "executor GET"
export function viewOf(arena: Arena, p: number): DataView {
  return arena.dv[p >>> SEGMENT_SHIFT]!;
}

/** Word `i` of the cell `p`. */
// hot: bench/micro.js "executor GET"
export function wordAt(arena: Arena, p: number, i: number): number {
  return arena.i32[p >>> SEGMENT_SHIFT]![((p & UNIT_MASK) << 1) + i]!;
}

/** The pointer to the cell that begins at `byteOffset` of a segment: the way back. */
export function ptrOf(segment: number, byteOffset: number): Ptr {
  return ((segment << SEGMENT_SHIFT) | (byteOffset / 8)) as Ptr;
}
