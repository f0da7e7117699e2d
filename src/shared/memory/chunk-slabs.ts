/**
 * Chunk slabs hold long replies until the clients have read them. A slab is one piece of shared memory, so large that
 * the C library maps the slab alone and gives it back whole. Separate buffers of 256 KiB would fragment the heap of the
 * C library, and the process could not give that memory back (1.4 GB of 1.4 after forty clients that never read).
 *
 *     slab   [ one word for each chunk: 0 free, 1 used | 256 KiB | 256 KiB | ... ]
 *
 * A thread takes chunks out of its own slabs only. The code that has sent or dropped a chunk gives the chunk back with
 * one store, on any thread; the address tells which chunk it is. Replies that do not leave their thread lie in slabs of
 * plain memory: copies into shared memory cost V8 twice as much (copy-bytes.ts). A slab from which nothing was taken
 * for a second, and none of whose chunks is used, is dropped, and the collector gives it back (shared-garbage.ts).
 *
 * Invariants: (1) a chunk is given back once, by its owner: a shorter view of a chunk begins at the start of the chunk;
 * (2) only the thread that made a slab turns its words from 0 to 1.
 */
import { CHECKING } from './arena.js';
import { noteDropped, noteShared } from './shared-garbage.js';

export const SLAB_CHUNK_BYTES = 256 * 1024;
const CHUNKS = 128;
const HEAD_BYTES = 4096;
/** Over 32 MiB, where glibc always maps; of a size that no other buffer has. */
const SLAB_BYTES = HEAD_BYTES + CHUNKS * SLAB_CHUNK_BYTES;

interface Slab {
  readonly words: Int32Array;
  readonly memory: ArrayBufferLike;
  /** A chunk was taken since `dropFreeSlabs` looked. */
  taken: boolean;
}

/** The slabs of this thread: shared ones, which other threads read, and own ones, which only this thread reads. */
let sharedSlabs: Slab[] = [];
let ownSlabs: Slab[] = [];

/**
 * A chunk of SLAB_CHUNK_BYTES bytes, whatever is in it. It must be given back. `isShared`: another thread may get it.
 */
export function takeSlabChunk(isShared: boolean): Uint8Array {
  const slabs = isShared ? sharedSlabs : ownSlabs;
  for (let s = 0; s < slabs.length; s++) {
    const chunk = takeFrom(slabs[s]!);
    if (chunk !== null) return chunk;
  }
  const memory = isShared ? new SharedArrayBuffer(SLAB_BYTES) : new ArrayBuffer(SLAB_BYTES);
  const slab = { words: new Int32Array(memory, 0, CHUNKS), memory, taken: false };
  slabs.push(slab);
  return takeFrom(slab)!;
}

/** The first chunks come first: as few pages as possible are touched, and those stay in the cache. */
function takeFrom(slab: Slab): Uint8Array | null {
  const { words } = slab;
  for (let i = 0; i < CHUNKS; i++) {
    if (Atomics.load(words, i) !== 0) continue;
    Atomics.store(words, i, 1);
    slab.taken = true;
    return new Uint8Array(slab.memory, HEAD_BYTES + i * SLAB_CHUNK_BYTES, SLAB_CHUNK_BYTES);
  }
  return null;
}

/** Whether bytes lie in a slab. */
export function isInSlab(bytes: Uint8Array): boolean {
  return bytes.buffer.byteLength === SLAB_BYTES;
}

/** Gives a chunk back, or does nothing when the bytes lie elsewhere. @requires nobody reads or writes it any more */
export function giveSlabChunk(bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes;
  if (buffer.byteLength !== SLAB_BYTES) return;
  const i = (byteOffset - HEAD_BYTES) / SLAB_CHUNK_BYTES;
  const words = new Int32Array(buffer, 0, CHUNKS);
  if (CHECKING && words[i] !== 1) throw new Error(`chunk ${i} is given back twice`);
  Atomics.store(words, i, 0);
}

/** Drops the slabs that are not used, and were not used since the last call. Once a second. */
export function dropFreeSlabs(): void {
  const count = sharedSlabs.length + ownSlabs.length;
  if (count === 0) return;
  sharedSlabs = sharedSlabs.filter(isInUse);
  ownSlabs = ownSlabs.filter(isInUse);
  const bytes = (count - sharedSlabs.length - ownSlabs.length) * SLAB_BYTES;
  if (bytes === 0) return;
  noteShared(bytes);
  noteDropped(bytes);
}

function isInUse(slab: Slab): boolean {
  const { taken } = slab;
  slab.taken = false;
  return taken || slab.words.some((word) => word !== 0);
}

/** A reader died with chunks in its hands: new ones come out of new slabs, the collector has the old ones. */
export function leaveSlabs(): void {
  sharedSlabs = [];
}
