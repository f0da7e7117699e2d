/**
 * ByteRuns: a string value as runs of neighbouring bytes, whatever its encoding, for code that reads it bit by bit or
 * word by word.
 *
 *     embedded   [ one run, in the entry                 ]
 *     integer    [ one run, its digits in a buffer here  ]
 *     blob       [ block ][ zeros: a null block ][ block ]
 *
 * A cursor without data: `open` an entry, `seek` a byte; then `bytes` of them from there on lie at `u8[at]`, or are all
 * zero and nowhere if `zeros`. Two strings at a time need two cursors.
 *
 * Invariants: (1) lease held from `open` to the last use; (2) after a change of the string the caller opens it again;
 * (3) the run at an offset that is a multiple of 4 begins at a multiple of 4 in its memory, so `i32` can be used.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, segmentOf, wordIndex } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, writeInt64 } from '../../../shared/numbers/int64.js';
import { ENC_BLOB, ENC_EMBED, ENC_INT, valueWordOffset } from '../../entry/entry.js';
import { BLOCK_BYTES, blobBlock } from '../../structures/blob.js';

const EMPTY_U8 = new Uint8Array(0);
const EMPTY_I32 = new Int32Array(0);

export class ByteRuns {
  /** Length of the string. */
  length = 0;
  /** The run at the last `seek`. */
  u8: Uint8Array = EMPTY_U8;
  i32: Int32Array = EMPTY_I32;
  at = 0;
  bytes = 0;
  zeros = false;

  private arena: Arena | null = null;
  /** The blob's directory, or 0: all bytes are one run. */
  private dir: Ptr = NULL;
  private base = 0;
  private readonly digits = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly digitWords = new Int32Array(this.digits.buffer);

  /** Opens the string in entry `e`; `e` 0 is the empty string. Allocates nothing, but for integers beyond 2^53. */
  open(arena: Arena, e: Ptr): void {
    this.dir = NULL;
    if (e === NULL) {
      this.length = 0;
      return;
    }
    const segment = segmentOf(e);
    const i32 = arena.i32[segment]!;
    const w = wordIndex(e);
    const head = i32[w]!;
    const vw = w + valueWordOffset(head);
    this.u8 = arena.u8[segment]!;
    this.i32 = i32;
    switch ((head >>> 4) & 15) {
      case ENC_EMBED: {
        const short = i32[w + 1]! & 255;
        this.length = short < 255 ? short : i32[vw]!;
        this.base = (short < 255 ? vw : vw + 1) << 2;
        return;
      }
      case ENC_BLOB:
        this.arena = arena;
        this.dir = i32[vw]! as Ptr;
        this.length = i32[vw + 1]!;
        return;
      case ENC_INT:
        this.length = writeInt64(this.digits, 0, i32[vw + 1]!, i32[vw]!);
        this.u8 = this.digits;
        this.i32 = this.digitWords;
        this.base = 0;
        return;
      default:
        throw new Error(`string of unknown encoding ${(head >>> 4) & 15}`);
    }
  }

  /** Goes to the run that holds byte `offset`. @requires offset < length */
  seek(offset: number): void {
    invariant(offset >= 0 && offset < this.length, 'offset < length');
    if (this.dir === 0) {
      this.zeros = false;
      this.at = this.base + offset;
      this.bytes = this.length - offset;
      return;
    }
    const arena = this.arena!;
    const within = offset % BLOCK_BYTES;
    const block = blobBlock(arena, this.dir, (offset - within) / BLOCK_BYTES);
    this.bytes = Math.min(BLOCK_BYTES - within, this.length - offset);
    this.zeros = block === 0;
    if (block === 0) return;
    const segment = segmentOf(block);
    this.u8 = arena.u8[segment]!;
    this.i32 = arena.i32[segment]!;
    this.at = byteIndex(block) + within;
  }

  /** The byte at `offset`, 0 beyond the end. */
  byteAt(offset: number): number {
    if (offset >= this.length) return 0;
    this.seek(offset);
    return this.zeros ? 0 : this.u8[this.at]!;
  }
}
