/**
 * The string of a key as a HyperLogLog: where its bytes lie, so that a dense table is read and changed in place, and
 * how it becomes another string.
 *
 * A HyperLogLog is at most 64 KiB long, so its bytes are contiguous: in the entry, or in the one block of a blob.
 *
 * Invariants: (1) lease held; (2) `HllString` is valid until the next change of any value in its arena; (3) functions
 * that store a string follow the lookup of its key, as in string-value.ts.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, segmentOf, viewOf, wordIndex } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { cellBytes } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';

import {
  entryFlags,
  entryType,
  F_RAW,
  SHORT_VALUE_MAX,
  setFlags,
  TYPE_STRING,
  valueWordOffset,
} from '../../entry/entry.js';
import type { ValueContext } from '../../services/value-context.js';

import { blobBlock } from '../../structures/blob.js';
import { embedStart, HEAD_BLOB, HEAD_EMBED, KEEP_EXPIRY, setBytes, stringLength } from '../string/string-value.js';
import { DENSE_BYTES, denseByte, denseGet, denseHistogram, denseMax, densePack, denseSet } from './hll-dense.js';
import { cardinality, estimate } from './hll-estimate.js';
import { REGISTERS } from './hll-hash.js';
import {
  CARD_OFFSET,
  DENSE,
  encodingAt,
  HEADER_BYTES,
  isHeader,
  isStale,
  setEncoding,
  setStale,
} from './hll-layout.js';
import {
  edited,
  GROWS_MAX,
  RAISED,
  raiseFound,
  SHRINKS_MAX,
  SPARSE_BYTES_MAX,
  sparseHistogram,
  sparseMax,
  sparseText,
} from './hll-sparse.js';

/** Registers one by one, one set a thread: where several tables come together. */
export const registers: Uint8Array = new Uint8Array(REGISTERS);

/** A dense string in the making, one a thread. */
export const denseBytes: Uint8Array = new Uint8Array(DENSE_BYTES);
const denseView = new DataView(denseBytes.buffer);

export class HllString {
  /** The string is `u8[at, at + length)`; `dv` views the same. */
  u8: Uint8Array = denseBytes;
  at = 0;
  length = 0;
  /** DENSE or SPARSE. */
  encoding = DENSE;
  private arena: Arena | null = null;
  private cell = 0 as Ptr;
  /** Byte of the cell at which the string begins. */
  private inCell = 0;

  /** Finds the bytes of a string; false when they are no HyperLogLog. @requires `e` holds a string */
  // hot: every PFADD and PFCOUNT
  open(arena: Arena, e: Ptr): boolean {
    invariant(entryType(arena, e) === TYPE_STRING, 'e holds a string');
    const segment = segmentOf(e);
    const i32 = arena.i32[segment]!;
    const w = wordIndex(e);
    const head = i32[w]!;
    const length = stringLength(arena, e);
    const vw = w + valueWordOffset(head);
    if (length < HEADER_BYTES) return false;
    let cell = e;
    if ((head & 0xff) === HEAD_EMBED) {
      this.at = (vw << 2) + ((i32[w + 1]! & 255) === 255 ? 4 : 0);
    } else if ((head & 0xff) === HEAD_BLOB) {
      cell = blobBlock(arena, i32[vw]! as Ptr, 0);
      if (cell === 0) return false;
      this.at = byteIndex(cell);
    } else return false;
    const u8 = bytesOf(arena, cell);
    this.u8 = u8;
    this.arena = arena;
    this.cell = cell;
    this.inCell = this.at - byteIndex(cell);
    this.length = length;
    if (!isHeader(u8, this.at)) return false;
    this.encoding = encodingAt(u8, this.at);
    return this.encoding !== DENSE || length === DENSE_BYTES;
  }

  /** Whether the runs of a sparse string can be looked at: longer ones are corrupt. */
  get bounded(): boolean {
    return this.length <= SPARSE_BYTES_MAX;
  }

  /** Raises `registers` to what this has; false when it is corrupt. */
  addTo(target: Uint8Array): boolean {
    if (this.encoding === DENSE) {
      denseMax(this.u8, this.at + HEADER_BYTES, target);
      return true;
    }
    return this.bounded && sparseMax(this.u8, this.at + HEADER_BYTES, this.at + this.length, target);
  }

  /** Raises a dense register; whether it was lower. */
  // hot: PFADD
  raise(index: number, value: number): boolean {
    const first = this.at + HEADER_BYTES;
    if (denseGet(this.u8, first, index) >= value) return false;
    this.arena!.touch(this.cell, this.inCell + HEADER_BYTES + denseByte(index), 2);
    denseSet(this.u8, first, index, value);
    return true;
  }

  /**
   * Raises the sparse register that `seek` just found, in place; as `raiseFound`, `cardinality` included.
   * @requires hasRoom(e)
   */
  // hot: PFADD of a key with few elements
  raiseSparse(e: Ptr, index: number, value: number, bytesMax: number): number {
    const arena = this.arena!;
    arena.touch(e, 0, this.inCell + this.length + GROWS_MAX);
    const dv = viewOf(arena, e);
    const did = raiseFound(this.u8, dv, this.at, this.length, index, value, bytesMax);
    if (did !== RAISED) return did;
    if (edited.length !== this.length) embedStart(arena, e, edited.length);
    setStale(this.u8, this.at);
    return did;
  }

  /**
   * Whether the string lies in the entry `e`, and stays in the same cell and form whatever one change does to its
   * length.
   */
  hasRoom(e: Ptr): boolean {
    const { length } = this;
    if (this.cell !== e || this.inCell + length + GROWS_MAX > cellBytes(this.arena!, e)) return false;
    return length + GROWS_MAX <= SHORT_VALUE_MAX || length - SHRINKS_MAX > SHORT_VALUE_MAX;
  }

  /** Marks the cardinality as out of date. */
  invalidate(): void {
    this.arena!.touch(this.cell, this.inCell + CARD_OFFSET, 8);
    setStale(this.u8, this.at);
  }

  /** Whether `cardinality` was in the header; it is there now. */
  readCached(): boolean {
    const { u8, at } = this;
    if (isStale(u8, at)) return false;
    const p = at + CARD_OFFSET;
    cardinality.lo = u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16) | (u8[p + 3]! << 24);
    cardinality.hi = u8[p + 4]! | (u8[p + 5]! << 8) | (u8[p + 6]! << 16) | (u8[p + 7]! << 24);
    return true;
  }

  /** Counts into `cardinality` and the header; false when this is corrupt. */
  count(): boolean {
    const { u8, at } = this;
    if (this.encoding === DENSE) denseHistogram(u8, at + HEADER_BYTES);
    else if (!this.bounded || !sparseHistogram(u8, at + HEADER_BYTES, at + this.length)) return false;
    estimate();
    this.arena!.touch(this.cell, this.inCell + CARD_OFFSET, 8);
    const p = at + CARD_OFFSET;
    const { hi, lo } = cardinality;
    // The byte that makes the others valid comes last.
    for (let i = 0; i < 4; i++) u8[p + i] = lo >>> (8 * i);
    for (let i = 0; i < 4; i++) u8[p + 4 + i] = hi >>> (8 * i);
    return true;
  }

  /** What PFDEBUG DECODE shows of a sparse string. */
  text(): string {
    return sparseText(this.u8, this.at + HEADER_BYTES, this.at + Math.min(this.length, SPARSE_BYTES_MAX));
  }

  /** Makes `denseBytes` the dense form of this, cardinality and all; false when this is corrupt. */
  copyDense(): boolean {
    registers.fill(0);
    if (!this.addTo(registers)) return false;
    packDense(this.u8, this.at);
    return true;
  }
}

/** Fills `denseBytes` from the header at `at` of `u8` and `registers`. */
export function packDense(u8: Uint8Array, at: number): void {
  for (let i = 0; i < HEADER_BYTES; i++) denseBytes[i] = u8[at + i]!;
  setEncoding(denseBytes, 0, DENSE);
  densePack(denseBytes, HEADER_BYTES, registers);
}

/** Makes `denseBytes` the value of the key; as `storeBytes`. */
export function storeDense(ctx: ValueContext, e: Ptr, args: Args, keyIndex: number): Ptr {
  return storeBytes(ctx, e, args, keyIndex, denseBytes, denseView, DENSE_BYTES);
}

/**
 * Makes `length` bytes the value of the key, whose expiry stays; the entry. Throws ArenaFullError, nothing done then.
 */
export function storeBytes(
  ctx: ValueContext,
  e: Ptr,
  args: Args,
  keyIndex: number,
  u8: Uint8Array,
  dv: DataView,
  length: number,
): Ptr {
  const next = setBytes(ctx, e, args, keyIndex, u8, dv, 0, length, KEEP_EXPIRY);
  markRaw(ctx.arena, next);
  return next;
}

/** Such a string counts as changed in place, to OBJECT ENCODING. */
export function markRaw(arena: Arena, e: Ptr): void {
  const flags = entryFlags(arena, e);
  if ((flags & F_RAW) === 0) setFlags(arena, e, flags | F_RAW);
}
