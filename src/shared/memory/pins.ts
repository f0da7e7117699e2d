/**
 * Pins: big values that are being sent. A reply does not copy a big string; the reply names a pin. The pin keeps the
 * blocks of the value as they were at the moment of the command, until the socket has taken the bytes. The table of
 * pins of a shard lies in the control area of its first segment; `shard/structures/pinned-blob.ts` has the rules of the
 * blocks.
 *
 *     pin (16 words): reader + 1 (0: free) | taken | given | live | directory | length | owned | current | family
 *
 * A pin is taken under the lease, once for each time that a reply names the pin. The code that has sent or dropped the
 * bytes gives the pin back, on any thread and without a lease: one atomic count. When all have given a pin back, the
 * shard's thread frees it.
 *
 * Invariants: (1) while taken !== given the directory of a pin and the bytes that it names do not change; (2) `given`
 * is the only word that is written without the lease.
 */
import { type Arena, CTL_PIN_COUNT, CTL_PINS } from './arena.js';
import { giveSlabChunk } from './chunk-slabs.js';

/** Pins of a shard at a time; beyond them values are copied. */
export const PINS_MAX = 512;
/** Values from this length on are pinned. */
export const PIN_BYTES_MIN = 256 * 1024;

const PIN_SHIFT = 4;

/** Words of a pin. */
export const PIN = {
  /** Index of the I/O thread that sends it, plus one; 0: the pin is free. */
  reader: 0,
  taken: 1,
  given: 2,
  /** The directory of the value in its key, 0 when the key has another value now. */
  live: 3,
  /** The pin's own copy of the directory. */
  dir: 4,
  length: 5,
  /** A cell with one bit for each block: the block belongs to the pin, and only the pin frees the block. */
  owned: 6,
  /** The value has not changed since the pin was made. */
  current: 7,
  /** Pins with the same family may share blocks. */
  family: 8,
} as const;

/** A part of a pinned value, as a chunk of a reply: it has a length as bytes have. Travels between threads. */
export interface PinnedBytes {
  readonly shard: number;
  readonly pin: number;
  /** First byte within the value. */
  readonly start: number;
  readonly length: number;
  /** The control words of the shard. */
  readonly ctl: Int32Array;
}

/** What a reply consists of. */
export type Chunk = Uint8Array | PinnedBytes;

/** Whether a chunk is bytes. */
export function isBytes(chunk: Chunk): chunk is Uint8Array {
  return chunk instanceof Uint8Array;
}

/** Bytes of memory that a chunk itself takes. */
export function chunkBytes(chunk: Chunk): number {
  return isBytes(chunk) ? chunk.length : 0;
}

/** Index of a pin's first word in the control words of its shard. */
export function pinWord(pin: number): number {
  return CTL_PINS + (pin << PIN_SHIFT);
}

/**
 * Gives back a chunk that was sent or dropped, or the pin that the chunk names. Call once for each chunk; from any
 * thread.
 */
export function releaseChunk(chunk: Chunk): void {
  if (isBytes(chunk)) giveSlabChunk(chunk);
  else Atomics.add(chunk.ctl, pinWord(chunk.pin) + PIN.given, 1);
}

/** As `releaseChunk`, for a row of them. */
export function releaseChunks(chunks: readonly Chunk[]): void {
  for (let i = 0; i < chunks.length; i++) releaseChunk(chunks[i]!);
}

/** The I/O thread `reader` died: nobody sends its pins. `ctl`: control words of a shard. For the main thread. */
export function givePinsOf(ctl: Int32Array, reader: number): void {
  if (Atomics.load(ctl, CTL_PIN_COUNT) === 0) return;
  for (let pin = 0; pin < PINS_MAX; pin++) {
    const w = pinWord(pin);
    if (ctl[w + PIN.reader] === reader + 1) Atomics.store(ctl, w + PIN.given, Atomics.load(ctl, w + PIN.taken));
  }
}

/** The directory of a pin that is taken. Needs no lease. */
export function pinDirectory(arena: Arena, pin: number): number {
  return arena.ctl[pinWord(pin) + PIN.dir]!;
}
