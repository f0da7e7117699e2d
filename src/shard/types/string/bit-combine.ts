/**
 * AND, OR, XOR and NOT of whole strings, block by block: the result of a block is made in one place while every source
 * is open in turn, so the work needs no memory but the result's. Blocks that must be zero are never made: where some
 * source has nothing (AND) or all have (OR, XOR), the result's block stays null.
 *
 * Sources may lie in different arenas, and a source may be the key that the result replaces: nothing is replaced before
 * the result is whole.
 *
 * Invariants: (1) the leases of all sources and of the destination are held; (2) sources shorter than the result read
 * as zeros beyond their end; (3) sources and destination are at multiples of 4 in memory at every multiple of
 * BLOCK_BYTES.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, segmentOf } from '../../../shared/memory/cell.js';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { BLOCK_BYTES, blobCreate, blobFree, blobTouchBlock } from '../../structures/blob.js';
import { ByteRuns } from './bit-runs.js';
import { stringLength } from './string-value.js';

export const BIT_AND = 0;
export const BIT_OR = 1;
export const BIT_XOR = 2;
export const BIT_NOT = 3;

const INITIAL_SOURCES = 16;

/** The strings to combine, in order; entry 0 is a missing key. Kept for the next command, so it allocates rarely. */
export class BitSources {
  count = 0;
  /** Length of the longest, in bytes. */
  longest = 0;
  private entries = new Int32Array(INITIAL_SOURCES);
  private readonly arenas: (Arena | null)[] = [];
  private readonly runs = new ByteRuns();

  /** Forgets all sources. */
  clear(): void {
    this.count = 0;
    this.longest = 0;
    this.arenas.length = 0;
  }

  /** Adds a string, or with `e` 0 a missing key. */
  add(arena: Arena, e: Ptr): void {
    if (this.count === this.entries.length) {
      const grown = new Int32Array(this.count * 2);
      grown.set(this.entries);
      this.entries = grown;
    }
    this.entries[this.count++] = e;
    this.arenas.push(arena);
    if (e !== NULL) this.longest = Math.max(this.longest, stringLength(arena, e));
  }

  /** Source i at byte `offset`, or null when it has nothing there but zeros up to the end of the block. */
  private runAt(i: number, offset: number): ByteRuns | null {
    const runs = this.runs;
    runs.open(this.arenas[i]!, this.entries[i]! as Ptr);
    if (offset >= runs.length) return null;
    runs.seek(offset);
    return runs.zeros ? null : runs;
  }

  /** Whether the result can be anything but zero in the block at `offset`. */
  private matters(op: number, offset: number): boolean {
    if (op === BIT_NOT) return true;
    for (let i = 0; i < this.count; i++) {
      const empty = this.runAt(i, offset) === null;
      if (empty === (op === BIT_AND)) return !empty;
    }
    return op === BIT_AND;
  }

  /**
   * Writes `n` bytes of the result, from byte `offset` on, to `at` of `u8` (`i32` views the same).
   * @requires offset a multiple of BLOCK_BYTES, n <= BLOCK_BYTES, at a multiple of 4, the bytes announced
   */
  combine(op: number, offset: number, n: number, u8: Uint8Array, i32: Int32Array, at: number): void {
    invariant(offset % BLOCK_BYTES === 0 && n <= BLOCK_BYTES && at % 4 === 0, 'a block of its own at a multiple of 4');
    const first = this.runAt(0, offset);
    const held = first === null ? 0 : Math.min(first.bytes, n);
    if (first !== null) copyBytes(u8, at, first.u8, first.at, held);
    u8.fill(0, at + held, at + n);
    if (op === BIT_NOT) invert(u8, i32, at, n);
    for (let i = 1; i < this.count; i++) {
      const run = this.runAt(i, offset);
      const bytes = run === null ? 0 : Math.min(run.bytes, n);
      if (run !== null) apply(op, u8, i32, at, bytes, run);
      if (op === BIT_AND) u8.fill(0, at + bytes, at + n);
    }
  }

  /** The result as a blob in `arena`, as long as the longest source. Throws ArenaFullError, and leaves nothing then. */
  combineBlob(op: number, arena: Arena): Ptr {
    const length = this.longest;
    const dir = blobCreate(arena, length);
    try {
      for (let offset = 0; offset < length; offset += BLOCK_BYTES) {
        if (!this.matters(op, offset)) continue;
        const block = blobTouchBlock(arena, dir, length, offset);
        const segment = segmentOf(block);
        const n = Math.min(BLOCK_BYTES, length - offset);
        this.combine(op, offset, n, arena.u8[segment]!, arena.i32[segment]!, byteIndex(block));
      }
    } catch (error) {
      blobFree(arena, dir, length);
      throw error;
    }
    return dir;
  }
}

function invert(u8: Uint8Array, i32: Int32Array, at: number, n: number): void {
  const end = at + n;
  let w = at >> 2;
  for (const wordEnd = end >> 2; w < wordEnd; w++) i32[w] = ~i32[w]!;
  for (let i = Math.max(at, w << 2); i < end; i++) u8[i] = ~u8[i]! & 255;
}

/** Combines the first `n` bytes of a run into those at `at`. */
// hot: bench/micro "executor BITOP"
function apply(op: number, u8: Uint8Array, i32: Int32Array, at: number, n: number, run: ByteRuns): void {
  const from = run.i32;
  const words = n >> 2;
  const a = at >> 2;
  const b = run.at >> 2;
  if (op === BIT_AND) for (let i = 0; i < words; i++) i32[a + i] = i32[a + i]! & from[b + i]!;
  else if (op === BIT_OR) for (let i = 0; i < words; i++) i32[a + i] = i32[a + i]! | from[b + i]!;
  else for (let i = 0; i < words; i++) i32[a + i] = i32[a + i]! ^ from[b + i]!;
  for (let i = words << 2; i < n; i++) {
    const x = u8[at + i]!;
    const y = run.u8[run.at + i]!;
    u8[at + i] = op === BIT_AND ? x & y : op === BIT_OR ? x | y : x ^ y;
  }
}
