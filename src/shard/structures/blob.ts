/**
 * Blob: a byte string too long for its entry, as a directory cell of block pointers. Blocks hold BLOCK_BYTES each; the
 * last cell is as big as it needs to be. A null block reads as zeros, so a sparse bitmap costs only what was touched.
 *
 *     entry value: [ directory Ptr | length ]        directory: [ Ptr, Ptr, 0, Ptr ... ]
 *
 * A blob is never copied as a whole: APPEND fills the last block and adds blocks, SETRANGE touches only the blocks in
 * its range, and a reply with a big blob pins the blob (pinned-blob.ts). A pinned block is not written and not freed.
 *
 * Invariants: (1) the directory has room for ceil(length / BLOCK_BYTES) pointers, those beyond are 0; (2) every block
 * but the last is null or BLOCK_BYTES long; the last is null or has at least the bytes left; (3) bytes of the last
 * block beyond the length are undefined, so growing zero-fills them.
 */

import { invariant } from '../../shared/errors/invariant.js';
import { type Arena, CTL_PIN_COUNT } from '../../shared/memory/arena.js';
import { byteIndex, bytesOf, doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { copyBytes, zeroUnits } from '../../shared/memory/copy-bytes.js';
import { CELL_BYTES_MAX, NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../shared/memory/slab.js';
import { BIG_BULK_BYTES, type Reply } from '../../shared/resp/reply.js';
import { blobChanges, blobMoved, isPinned, keepPinned, leaveBlocks, mayPin, pinBlob } from './pinned-blob.js';

/** Bytes of a full block. */
export const BLOCK_BYTES = CELL_BYTES_MAX;
const BLOCK_SHIFT = 16;
/** Longest blob: a directory is one cell. */
export const BLOB_BYTES_MAX = (CELL_BYTES_MAX / 4) * BLOCK_BYTES;

/** Number of blocks for a length. */
export function blockCount(length: number): number {
  return Math.ceil(length / BLOCK_BYTES);
}

/** Creates a directory for `length` bytes with all blocks null (zeros). @requires lease */
export function blobCreate(arena: Arena, length: number): Ptr {
  const blocks = Math.max(blockCount(length), 1);
  const dir = alloc(arena, Math.max(blocks * 4, 16));
  clearCell(arena, dir);
  return dir;
}

function clearCell(arena: Arena, ptr: Ptr): void {
  zeroUnits(doublesOf(arena, ptr), unitIndex(ptr), cellBytes(arena, ptr) >> 3);
}

/** Pointer of block `index`, 0 when it is null. */
export function blobBlock(arena: Arena, dir: Ptr, index: number): Ptr {
  return wordAt(arena, dir, index) as Ptr;
}

function setBlock(arena: Arena, dir: Ptr, index: number, block: Ptr): void {
  arena.touch(dir, index * 4, 4);
  wordsOf(arena, dir)[wordIndex(dir) + index] = block;
}

/** Frees a block of the blob. If a pin still needs the block, the pin takes the block over instead. */
function freeBlock(arena: Arena, dir: Ptr, index: number, block: Ptr): void {
  if (arena.ctl[CTL_PIN_COUNT] !== 0 && keepPinned(arena, dir, index, block)) return;
  free(arena, block);
}

/** Puts a copy of block `index`, `bytes` long, in its place; `held`: the bytes that it holds. */
function replaceBlock(arena: Arena, dir: Ptr, index: number, block: Ptr, bytes: number, held: number): Ptr {
  const copy = alloc(arena, bytes);
  copyBytes(bytesOf(arena, copy), byteIndex(copy), bytesOf(arena, block), byteIndex(block), held);
  freeBlock(arena, dir, index, block);
  setBlock(arena, dir, index, copy);
  return copy;
}

/** Block `index` so that it may be written: a copy of it, where it is pinned. `held`: the bytes that it holds. */
function writable(arena: Arena, dir: Ptr, index: number, block: Ptr, held: number): Ptr {
  if (!isPinned(arena, dir, index, block)) return block;
  return replaceBlock(arena, dir, index, block, cellBytes(arena, block), held);
}

/** Frees the blocks and the directory. @requires lease */
export function blobFree(arena: Arena, dir: Ptr, length: number): void {
  const blocks = blockCount(length);
  if (arena.ctl[CTL_PIN_COUNT] !== 0) {
    leaveBlocks(arena, dir, blocks);
    free(arena, dir);
    return;
  }
  for (let i = 0; i < blocks; i++) {
    const block = blobBlock(arena, dir, i);
    if (block !== 0) free(arena, block);
  }
  free(arena, dir);
}

/** Bytes of the cells of a blob, directory included. @requires lease */
export function blobCellBytes(arena: Arena, dir: Ptr, length: number): number {
  const blocks = blockCount(length);
  let bytes = cellBytes(arena, dir);
  for (let i = 0; i < blocks; i++) {
    const block = blobBlock(arena, dir, i);
    if (block !== 0) bytes += cellBytes(arena, block);
  }
  return bytes;
}

/**
 * Changes the length of a blob and returns its directory, which may have moved. New bytes read as zeros; blocks beyond
 * the end are freed. @requires lease, 0 <= newLength <= BLOB_BYTES_MAX
 */
export function blobResize(arena: Arena, dir: Ptr, oldLength: number, newLength: number): Ptr {
  invariant(newLength >= 0 && newLength <= BLOB_BYTES_MAX, '0 <= newLength <= BLOB_BYTES_MAX');
  const oldBlocks = blockCount(oldLength);
  const newBlocks = blockCount(newLength);
  const pins = arena.ctl[CTL_PIN_COUNT] !== 0;
  if (pins) blobChanges(arena, dir);
  for (let i = newBlocks; i < oldBlocks; i++) {
    const block = blobBlock(arena, dir, i);
    if (block !== 0) {
      freeBlock(arena, dir, i, block);
      setBlock(arena, dir, i, NULL);
    }
  }
  if (newBlocks * 4 > cellBytes(arena, dir)) {
    const grown = alloc(arena, Math.min(CELL_BYTES_MAX, newBlocks * 6));
    clearCell(arena, grown);
    const from = wordsOf(arena, dir);
    const to = wordsOf(arena, grown);
    const f = wordIndex(dir);
    const t = wordIndex(grown);
    for (let i = 0; i < oldBlocks; i++) to[t + i] = from[f + i]!;
    if (pins) blobMoved(arena, dir, grown);
    free(arena, dir);
    dir = grown;
  }
  if (newLength > oldLength && oldBlocks > 0) growLast(arena, dir, oldBlocks - 1, oldLength, newLength);
  return dir;
}

/** Makes the old last block as big as the new length asks, its new bytes zero. */
function growLast(arena: Arena, dir: Ptr, index: number, oldLength: number, newLength: number): void {
  const block = blobBlock(arena, dir, index);
  if (block === 0) return;
  const start = index * BLOCK_BYTES;
  const held = oldLength - start;
  const need = Math.min(BLOCK_BYTES, newLength - start);
  const grown = resizeBlock(arena, dir, index, block, held, need);
  const at = byteIndex(grown);
  arena.touch(grown, held, need - held);
  bytesOf(arena, grown).fill(0, at + held, at + need);
}

function resizeBlock(arena: Arena, dir: Ptr, index: number, block: Ptr, held: number, need: number): Ptr {
  if (need <= cellBytes(arena, block)) {
    // A pin from the time when the value was longer still needs the bytes behind the new length.
    return arena.ctl[CTL_PIN_COUNT] !== 0 ? writable(arena, dir, index, block, held) : block;
  }
  // Growing by an eighth at least keeps a row of APPENDs linear.
  const bytes = Math.min(BLOCK_BYTES, Math.max(need, held + (held >> 2)));
  return replaceBlock(arena, dir, index, block, bytes, held);
}

/** The block that holds byte `offset`, made real (zero-filled) if it was null. @requires lease, offset < length */
export function blobTouchBlock(arena: Arena, dir: Ptr, length: number, offset: number): Ptr {
  invariant(offset >= 0 && offset < length, 'offset < length');
  const index = Math.floor(offset / BLOCK_BYTES);
  let block = blobBlock(arena, dir, index);
  const pins = arena.ctl[CTL_PIN_COUNT] !== 0;
  if (pins) blobChanges(arena, dir);
  const held = Math.min(BLOCK_BYTES, length - index * BLOCK_BYTES);
  if (block !== 0) return pins ? writable(arena, dir, index, block, held) : block;
  const bytes = Math.max(16, held);
  block = alloc(arena, bytes);
  const at = byteIndex(block);
  bytesOf(arena, block).fill(0, at, at + bytes);
  setBlock(arena, dir, index, block);
  return block;
}

/** Stores `len` bytes at `offset` of the blob. @requires lease, offset + len <= length */
export function blobWrite(
  arena: Arena,
  dir: Ptr,
  length: number,
  offset: number,
  src: Uint8Array,
  srcOff: number,
  len: number,
): void {
  invariant(offset >= 0 && offset + len <= length, 'offset + len <= length');
  const pins = arena.ctl[CTL_PIN_COUNT] !== 0;
  if (pins) blobChanges(arena, dir);
  while (len > 0) {
    const inBlock = offset & (BLOCK_BYTES - 1);
    const n = Math.min(len, BLOCK_BYTES - inBlock);
    const index = offset >>> BLOCK_SHIFT;
    let block = blobBlock(arena, dir, index);
    if (block === 0) {
      const bytes = Math.max(16, Math.min(BLOCK_BYTES, length - index * BLOCK_BYTES));
      if (inBlock === 0 && n >= bytes) {
        block = alloc(arena, bytes);
        setBlock(arena, dir, index, block);
      } else block = blobTouchBlock(arena, dir, length, offset);
    } else {
      if (pins) block = writable(arena, dir, index, block, Math.min(BLOCK_BYTES, length - index * BLOCK_BYTES));
      arena.touch(block, inBlock, n);
    }
    copyBytes(bytesOf(arena, block), byteIndex(block) + inBlock, src, srcOff, n);
    offset += n;
    srcOff += n;
    len -= n;
  }
}

/** Copies `len` bytes from `offset` of the blob to `dst`. @requires offset + len <= length */
export function blobRead(arena: Arena, dir: Ptr, offset: number, dst: Uint8Array, dstOff: number, len: number): void {
  while (len > 0) {
    const inBlock = offset & (BLOCK_BYTES - 1);
    const n = Math.min(len, BLOCK_BYTES - inBlock);
    const block = blobBlock(arena, dir, offset >>> BLOCK_SHIFT);
    if (block === 0) dst.fill(0, dstOff, dstOff + n);
    else copyBytes(dst, dstOff, bytesOf(arena, block), byteIndex(block) + inBlock, n);
    offset += n;
    dstOff += n;
    len -= n;
  }
}

/**
 * Writes `len` bytes from `start` of a blob of `length` bytes as a bulk string: pinned, if they are many and the reader
 * of the reply can send pinned bytes; otherwise copied, or left out (Reply.leavesOutBig).
 * @requires start + len <= length
 */
export function blobReply(arena: Arena, dir: Ptr, length: number, start: number, len: number, reply: Reply): void {
  invariant(start >= 0 && start + len <= length, 'start + len <= length');
  if (mayPin(len, reply.pinFor)) {
    const pinned = pinBlob(arena, dir, length, start, len, reply.pinFor);
    if (pinned !== null) {
      reply.bulkPinned(pinned);
      return;
    }
  }
  if (reply.leavesOutBig && len > BIG_BULK_BYTES) {
    reply.isCut = true;
    return;
  }
  const at = reply.bulkBegin(len);
  blobRead(arena, dir, start, reply.u8, at, len);
  reply.bulkEnd();
}

/** Byte at `offset`. @requires offset < length */
export function blobByte(arena: Arena, dir: Ptr, offset: number): number {
  const block = blobBlock(arena, dir, offset >>> BLOCK_SHIFT);
  if (block === 0) return 0;
  return bytesOf(arena, block)[byteIndex(block) + (offset & (BLOCK_BYTES - 1))]!;
}

/** Whether the blob's bytes equal `len` bytes at `off` of `u8`. @requires len equals the blob's length */
export function blobEquals(arena: Arena, dir: Ptr, u8: Uint8Array, off: number, len: number): boolean {
  for (let i = 0; i < len; i++) if (blobByte(arena, dir, i) !== u8[off + i]) return false;
  return true;
}

/** A blob of its own with the given bytes. @requires lease */
export function blobFrom(arena: Arena, src: Uint8Array, srcOff: number, len: number): Ptr {
  const dir = blobCreate(arena, len);
  try {
    blobWrite(arena, dir, len, 0, src, srcOff, len);
  } catch (error) {
    blobFree(arena, dir, len);
    throw error;
  }
  return dir;
}

/** A copy of a blob, null blocks staying null; `to` may be another arena. @requires leases of both */
export function blobCopy(from: Arena, dir: Ptr, length: number, to: Arena): Ptr {
  const copy = blobCreate(to, length);
  const blocks = blockCount(length);
  try {
    for (let i = 0; i < blocks; i++) {
      const block = blobBlock(from, dir, i);
      if (block === 0) continue;
      const n = Math.min(BLOCK_BYTES, length - i * BLOCK_BYTES);
      blobWrite(to, copy, length, i * BLOCK_BYTES, bytesOf(from, block), byteIndex(block), n);
    }
  } catch (error) {
    blobFree(to, copy, length);
    throw error;
  }
  return copy;
}
