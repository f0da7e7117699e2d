/**
 * PrefixFilter: the tracking prefixes of one I/O thread's clients. A thread that changes a key asks here whether the
 * key begins with one of these prefixes. The answer takes time in proportion to the key's length, not to the number of
 * prefixes.
 *
 *     longest | lengths: prefixes of each length, 0 .. BYTES_MAX | cells: prefixes by hash, a counting filter
 *
 * The key is hashed byte by byte. At each length that some prefix has, the hash so far is looked up.
 *
 * One writer, the I/O thread; any number of readers. Invariants: (1) no prefix is missed; a key may be taken for one
 * with a prefix, which costs its I/O thread a look (tracking.ts knows exactly); (2) only the first BYTES_MAX bytes of a
 * longer prefix are noted.
 */
import { invariant } from '../errors/invariant.js';

const BYTES_MAX = 255;
/** Cells, two bytes each (a power of two). */
const CELLS = 1 << 20;
/** A cell that came to this forgets how many prefixes it stands for, and stays. */
const CELL_MAX = 0xff00;
/** Words: how many prefixes there are, the longest, and of each length how many. */
const PREFIXES = 0;
const LONGEST = 1;
const LENGTHS = 2;
const CELLS_AT = (LENGTHS + BYTES_MAX + 1) * 4;
const HASH = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** Bytes of memory that a filter takes, a multiple of 4. */
export const PREFIX_FILTER_BYTES: number = CELLS_AT + CELLS * 2;

function cellOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (CELLS - 1);
}

export class PrefixFilter {
  private readonly i32: Int32Array;
  private readonly cells: Uint16Array;

  /** The filter at `offset` (a multiple of 4) of the memory. */
  constructor(sab: SharedArrayBuffer, offset: number) {
    this.i32 = new Int32Array(sab, offset, CELLS_AT >> 2);
    this.cells = new Uint16Array(sab, offset + CELLS_AT, CELLS);
  }

  /** Puts a prefix down. */
  add(prefix: Uint8Array): void {
    const { i32 } = this;
    const length = Math.min(prefix.length, BYTES_MAX);
    const cell = this.cellOfPrefix(prefix, length);
    if (Atomics.load(this.cells, cell) < CELL_MAX) Atomics.add(this.cells, cell, 1);
    Atomics.add(i32, LENGTHS + length, 1);
    if (length > i32[LONGEST]!) Atomics.store(i32, LONGEST, length);
    Atomics.add(i32, PREFIXES, 1);
  }

  /** Takes a prefix away. @requires it was put down */
  remove(prefix: Uint8Array): void {
    invariant(Atomics.load(this.i32, LENGTHS + Math.min(prefix.length, BYTES_MAX)) > 0, 'the prefix was put down');
    const { i32 } = this;
    const length = Math.min(prefix.length, BYTES_MAX);
    const cell = this.cellOfPrefix(prefix, length);
    if (Atomics.sub(i32, PREFIXES, 1) === 1) Atomics.store(i32, LONGEST, 0);
    Atomics.sub(i32, LENGTHS + length, 1);
    if (Atomics.load(this.cells, cell) < CELL_MAX) Atomics.sub(this.cells, cell, 1);
  }

  private cellOfPrefix(prefix: Uint8Array, length: number): number {
    let hash = HASH;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ prefix[i]!, HASH_FACTOR);
    return cellOf(hash);
  }

  /** Whether the key may begin with one of the prefixes. */
  // hot: every write while some client tracks prefixes
  mayHavePrefixOf(u8: Uint8Array, off: number, len: number): boolean {
    const { i32, cells } = this;
    if (Atomics.load(i32, PREFIXES) === 0) return false;
    if (i32[LENGTHS] !== 0) return true;
    const longest = i32[LONGEST]!;
    const n = len < longest ? len : longest;
    let hash = HASH;
    for (let i = 0; i < n; i++) {
      hash = Math.imul(hash ^ u8[off + i]!, HASH_FACTOR);
      if (i32[LENGTHS + i + 1] !== 0 && cells[cellOf(hash)] !== 0) return true;
    }
    return false;
  }

  /** Forgets all prefixes. @requires no writer lives */
  clear(): void {
    if (this.i32[LONGEST] !== 0) this.cells.fill(0);
    this.i32.fill(0);
  }
}
