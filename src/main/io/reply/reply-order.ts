/**
 * ReplyOrder: early replies from shards, held until their turn.
 *
 *     headSeq                     nextSeq
 *        | wait | held | wait | held |         `off`, `len`, `state` are indexed by seq & mask
 *                   `-> bytes [ ....xxxx..yyyyy... ]
 *
 * A reply whose turn has come goes straight to the output and never comes here. The bytes of held replies lie one
 * behind the other in a buffer. Whenever no reply is held, the buffer is filled from its start again; with a pipeline
 * this happens at every wake-up. If the buffer gets full before that, the bytes of the replies still held are moved
 * together. Pieces of long replies and mailed replies are rare and are kept in a map.
 *
 * Invariants: (1) nextSeq - headSeq <= capacity; (2) HELD slots lie in [headSeq, nextSeq); (3) one thread.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { type Chunk, releaseChunks } from '../../../shared/memory/pins.js';
import type { Reply } from '../../../shared/resp/reply.js';

const WAIT = 0;
/** The whole reply is in `bytes`. */
const HELD = 1;
/** Pieces are in `pieces`, more follow. */
const PART = 2;
/** Pieces are in `pieces`, all of them. */
const WHOLE = 3;
/** Added to a state: the reply is to be thrown away (CLIENT REPLY OFF, SKIP). */
const MUTED = 8;

export class ReplyOrder {
  /** WAIT, HELD, PART or WHOLE, with MUTED. */
  private state = new Uint8Array(64);
  private off = new Int32Array(64);
  private len = new Int32Array(64);
  private mask = 63;
  private u8 = new Uint8Array(4096);
  private used = 0;
  private heldBytes = 0;
  private heldCount = 0;
  private pieces: Map<number, Chunk[]> | null = null;

  /** Makes room for `count` replies in flight from `head` on. */
  reserve(head: number, next: number, count: number): void {
    if (count <= this.mask + 1) return;
    let size = this.mask + 1;
    while (size < count) size *= 2;
    const state = new Uint8Array(size);
    const off = new Int32Array(size);
    const len = new Int32Array(size);
    const mask = size - 1;
    for (let seq = head; seq !== next; seq = (seq + 1) >>> 0) {
      state[seq & mask] = this.state[seq & this.mask]!;
      off[seq & mask] = this.off[seq & this.mask]!;
      len[seq & mask] = this.len[seq & this.mask]!;
    }
    this.state = state;
    this.off = off;
    this.len = len;
    this.mask = mask;
  }

  /** The reply to `seq` shall be thrown away. @requires reserved, not yet answered */
  mute(seq: number): void {
    invariant(this.state[seq & this.mask] === WAIT, 'reserved, not yet answered');
    this.state[seq & this.mask] = MUTED;
  }

  isMuted(seq: number): boolean {
    return (this.state[seq & this.mask]! & MUTED) !== 0;
  }

  /** The reply to `seq` was thrown away in its turn. */
  unmute(seq: number): void {
    this.state[seq & this.mask] = WAIT;
  }

  /** Keeps a reply, or a piece of a reply when `more`. `head`: sequence number of the oldest outstanding reply. */
  hold(head: number, seq: number, more: boolean, from: Uint8Array, start: number, length: number): void {
    const slot = seq & this.mask;
    const state = this.state[slot]!;
    if (state & MUTED) {
      if (!more) this.state[slot] = HELD | MUTED;
      return;
    }
    if (more || state === PART) {
      this.holdPiece(seq, more, from.slice(start, start + length));
      return;
    }
    if (this.used + length > this.u8.length) this.makeRoom(head, length);
    copyBytes(this.u8, this.used, from, start, length);
    this.off[slot] = this.used;
    this.len[slot] = length;
    this.state[slot] = HELD;
    this.used += length;
    this.heldBytes += length;
    this.heldCount++;
  }

  /** As `hold`, for buffers that become ours. */
  holdChunks(seq: number, more: boolean, chunks: readonly Chunk[]): void {
    const slot = seq & this.mask;
    if (this.state[slot]! & MUTED) {
      releaseChunks(chunks);
      if (!more) this.state[slot] = HELD | MUTED;
      return;
    }
    for (let i = 0; i < chunks.length; i++) this.holdPiece(seq, true, chunks[i]!);
    if (!more) this.state[slot] = WHOLE;
  }

  /**
   * Writes the held replies whose turn it is, from `head` on, to `out`; returns the sequence number that is waited for
   * then.
   */
  deliver(head: number, next: number, out: Reply): number {
    while (head !== next) {
      const slot = head & this.mask;
      const state = this.state[slot]!;
      if (state === WAIT || state === MUTED) break;
      if (state === HELD) {
        out.raw(this.u8, this.off[slot]!, this.len[slot]!);
        this.heldBytes -= this.len[slot]!;
        this.heldCount--;
      } else if (state === PART || state === WHOLE) {
        this.deliverPieces(head, out);
        if (state === PART) {
          this.state[slot] = WAIT;
          break;
        }
      }
      this.state[slot] = WAIT;
      head = (head + 1) >>> 0;
    }
    if (this.heldCount === 0) {
      this.used = 0;
      if (this.u8.length > 1 << 20) this.u8 = new Uint8Array(4096);
    }
    return head;
  }

  private holdPiece(seq: number, more: boolean, piece: Chunk): void {
    this.pieces ??= new Map();
    const list = this.pieces.get(seq);
    if (list === undefined) this.pieces.set(seq, [piece]);
    else list.push(piece);
    this.state[seq & this.mask] = more ? PART : WHOLE;
  }

  private deliverPieces(seq: number, out: Reply): void {
    const list = this.pieces?.get(seq);
    if (list === undefined) return;
    this.pieces!.delete(seq);
    for (const piece of list) out.rawChunk(piece);
  }

  /** Moves the held bytes together, into a buffer with room for `length` more bytes. */
  private makeRoom(head: number, length: number): void {
    let size = 4096;
    while (size < (this.heldBytes + length) * 2) size *= 2;
    const u8 = new Uint8Array(size);
    let at = 0;
    for (let k = 0; k <= this.mask; k++) {
      const slot = (head + k) & this.mask;
      if (this.state[slot] !== HELD) continue;
      const n = this.len[slot]!;
      copyBytes(u8, at, this.u8, this.off[slot]!, n);
      this.off[slot] = at;
      at += n;
    }
    this.u8 = u8;
    this.used = at;
  }
}
