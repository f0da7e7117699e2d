/**
 * OutQueue: replies of a connection that are more than one write takes. They leave in pieces, as the socket takes them,
 * so that neither memory nor other clients' waiting grows with the size of a reply: what has left is dropped, and a
 * pinned value (shared/memory/pins.ts) is sent out of the shard's memory without ever being copied.
 *
 * Invariants: (1) what `nextPiece` gave stays alive until `pieceWritten`; (2) each pinned chunk is given back once,
 * when all of it was written or the queue is dropped.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import { byteIndex, bytesOf, wordAt } from '../../../shared/memory/cell.js';
import { type Chunk, isBytes, type PinnedBytes, pinDirectory, releaseChunk } from '../../../shared/memory/pins.js';

/** Most bytes of one write, and most buffers. */
export const PIECE_BYTES = 512 * 1024;
const PIECE_BUFFERS_MAX = 64;
/** Places of chunks that were written are kept up to so many. */
const WRITTEN_KEPT_MAX = 1024;
/** A block of a value, see shard/structures/blob.ts; those that were never written are zeros. */
const BLOCK_BYTES = 64 * 1024;
const ZEROS = new Uint8Array(BLOCK_BYTES);

export class OutQueue {
  /** Bytes not yet written, those of the piece under way included. */
  bytes = 0;
  private chunks: (Chunk | null)[];
  /** First chunk not yet written. */
  private first = 0;
  /** First chunk that is in no piece yet, and bytes of it that are. */
  private next = 0;
  private within = 0;
  private pieceBytes = 0;

  /** `chunks` become the queue's. */
  constructor(chunks: Chunk[]) {
    this.chunks = chunks;
    for (let i = 0; i < chunks.length; i++) this.bytes += chunks[i]!.length;
  }

  /** The buffers of the next piece. `arenas`: of all shards. @requires no piece under way, bytes > 0 */
  nextPiece(arenas: readonly Arena[]): Uint8Array[] {
    const piece: Uint8Array[] = [];
    let room = PIECE_BYTES;
    while (room > 0 && this.next < this.chunks.length && piece.length < PIECE_BUFFERS_MAX) {
      const chunk = this.chunks[this.next]!;
      const view = isBytes(chunk)
        ? chunk.subarray(this.within, Math.min(chunk.length, this.within + room))
        : pinnedView(chunk, this.within, room, arenas);
      piece.push(view);
      room -= view.length;
      this.within += view.length;
      if (this.within < chunk.length) continue;
      this.next++;
      this.within = 0;
    }
    this.pieceBytes = PIECE_BYTES - room;
    return piece;
  }

  /** The piece under way has left. Returns its bytes. */
  pieceWritten(): number {
    const bytes = this.pieceBytes;
    this.bytes -= bytes;
    this.pieceBytes = 0;
    for (; this.first < this.next; this.first++) {
      releaseChunk(this.chunks[this.first]!);
      this.chunks[this.first] = null;
    }
    if (this.first >= WRITTEN_KEPT_MAX && this.first * 2 >= this.chunks.length) {
      this.chunks = this.chunks.slice(this.first);
      this.next -= this.first;
      this.first = 0;
    }
    return bytes;
  }

  /** Nothing more of it will be written. */
  drop(): void {
    for (; this.first < this.chunks.length; this.first++) releaseChunk(this.chunks[this.first]!);
    this.chunks = [];
    this.first = 0;
    this.next = 0;
    this.bytes = 0;
  }
}

/** Some bytes of a pinned value from `within` on, at most `room`: as they lie in the shard's memory. Needs no lease. */
export function pinnedView(chunk: PinnedBytes, within: number, room: number, arenas: readonly Arena[]): Uint8Array {
  const arena = arenas[chunk.shard]!;
  // The segments of the value were published before its pin was.
  arena.sync();
  const at = chunk.start + within;
  const inBlock = at & (BLOCK_BYTES - 1);
  const n = Math.min(room, chunk.length - within, BLOCK_BYTES - inBlock);
  const dir = pinDirectory(arena, chunk.pin);
  const block = wordAt(arena, dir, Math.floor(at / BLOCK_BYTES));
  if (block === 0) return ZEROS.subarray(0, n);
  const start = byteIndex(block) + inBlock;
  return bytesOf(arena, block).subarray(start, start + n);
}

/** Copies of all chunks as bytes, for those who need them in one place; pins are given back. */
export function copyOfChunks(chunks: readonly Chunk[], arenas: readonly Arena[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (isBytes(chunk)) parts.push(chunk);
    else {
      for (let within = 0; within < chunk.length; within += parts[parts.length - 1]!.length) {
        parts.push(pinnedView(chunk, within, chunk.length, arenas));
      }
    }
  }
  const whole = Buffer.concat(parts);
  for (const chunk of chunks) releaseChunk(chunk);
  return whole;
}
