/**
 * Pinned blobs: what happens to the blocks of a value while a reply that names them is under way (memory/pins.ts).
 *
 *     key's value   directory [ A | B | C ]        A, C are shared
 *     pin           directory [ A | b | C ]        b is the pin's alone: the value was written there since
 *
 * A pinned block is never written: a change of the value puts a copy into the key's directory, and the old block stays
 * with the pin. So I/O threads read pinned blocks without a lease. If the key gives up a block (changed, deleted,
 * replaced) while a pin has the block, the block is not freed: the first pin that has the block owns it from then on.
 * When that pin ends, the next pin that has the block owns it; if there is none, the block is freed. A block has the
 * same place in all directories that have it.
 *
 * Invariants: (1) lease held; (2) each pinned block is freed once: by the key, or by the one pin whose bit for it is
 * set; (3) blocks are shared only among a key's value and pins of one family.
 */

import { invariant } from '../../shared/errors/invariant.js';
import { type Arena, ArenaFullError, CTL_PIN_COUNT } from '../../shared/memory/arena.js';
import { byteIndex, bytesOf, doublesOf, unitIndex, wordAt, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { zeroUnits } from '../../shared/memory/copy-bytes.js';
import { PIN, PIN_BYTES_MIN, PINS_MAX, type PinnedBytes, pinWord } from '../../shared/memory/pins.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../shared/memory/slab.js';

const BLOCK_SHIFT = 16;

/** The first word of each pin in use that matters to the current call. */
const found = new Int32Array(PINS_MAX);

/** Whether a blob may be pinned by a reply. */
export function mayPin(length: number, reader: number): boolean {
  return reader >= 0 && length >= PIN_BYTES_MIN;
}

/**
 * Pins `length` bytes from `start` of a blob for I/O thread `reader`; null when there is no room for a pin, then the
 * bytes are to be copied. @requires start + length <= total, the length of the blob
 */
export function pinBlob(
  arena: Arena,
  dir: Ptr,
  total: number,
  start: number,
  length: number,
  reader: number,
): PinnedBytes | null {
  invariant(start >= 0 && start + length <= total, 'start + length <= total');
  const { ctl } = arena;
  if (ctl[CTL_PIN_COUNT] !== 0) sweepPins(arena);
  let pin = -1;
  let empty = -1;
  let family: number = NULL;
  for (let i = 0, left = ctl[CTL_PIN_COUNT]!; i < PINS_MAX && pin < 0 && (left > 0 || empty < 0); i++) {
    const w = pinWord(i);
    if (ctl[w + PIN.reader] === 0) {
      if (empty < 0) empty = i;
      continue;
    }
    left--;
    if (ctl[w + PIN.live] !== dir) continue;
    family = ctl[w + PIN.family]!;
    if (ctl[w + PIN.current] !== 0 && ctl[w + PIN.reader] === reader + 1 && ctl[w + PIN.length] === total) pin = i;
  }
  if (pin < 0) {
    if (empty < 0 || !makePin(arena, empty, dir, total, reader, family)) return null;
    pin = empty;
  }
  const w = pinWord(pin);
  ctl[w + PIN.taken] = ctl[w + PIN.taken]! + 1;
  return { shard: arena.shard, pin, start, length, ctl };
}

/** False when there is no memory for the pin. `family`: 0 for a new family. */
function makePin(arena: Arena, pin: number, dir: Ptr, length: number, reader: number, family: number): boolean {
  const { ctl } = arena;
  const blocks = (length + (1 << BLOCK_SHIFT) - 1) >>> BLOCK_SHIFT;
  let copy: Ptr = NULL;
  let owned: Ptr = NULL;
  try {
    copy = alloc(arena, Math.max(16, blocks * 4));
    owned = alloc(arena, Math.max(16, (blocks + 7) >>> 3));
  } catch (error) {
    if (copy !== NULL) free(arena, copy);
    if (error instanceof ArenaFullError) return false;
    throw error;
  }
  zeroUnits(doublesOf(arena, owned), unitIndex(owned), cellBytes(arena, owned) >> 3);
  const from = wordsOf(arena, dir);
  const to = wordsOf(arena, copy);
  const f = wordIndex(dir);
  const t = wordIndex(copy);
  for (let i = 0; i < blocks; i++) to[t + i] = from[f + i]!;
  const w = pinWord(pin);
  ctl[w + PIN.taken] = 0;
  Atomics.store(ctl, w + PIN.given, 0);
  ctl[w + PIN.live] = dir;
  ctl[w + PIN.dir] = copy;
  ctl[w + PIN.length] = length;
  ctl[w + PIN.owned] = owned;
  ctl[w + PIN.current] = 1;
  // Two families with one number do no harm: their pins have no block in common.
  ctl[w + PIN.family] = family !== NULL ? family : copy;
  ctl[w + PIN.reader] = reader + 1;
  ctl[CTL_PIN_COUNT] = ctl[CTL_PIN_COUNT]! + 1;
  return true;
}

/** Puts the pins whose word `key` is `value` into `found`; returns how many, but for `except`. */
function find(arena: Arena, key: number, value: number, except: number): number {
  const { ctl } = arena;
  let n = 0;
  for (let i = 0, left = ctl[CTL_PIN_COUNT]!; i < PINS_MAX && left > 0; i++) {
    const w = pinWord(i);
    if (ctl[w + PIN.reader] === 0) continue;
    left--;
    if (w !== except && ctl[w + key] === value) found[n++] = w;
  }
  return n;
}

function blockOf(arena: Arena, w: number, index: number): Ptr {
  const { ctl } = arena;
  if (index << BLOCK_SHIFT >= ctl[w + PIN.length]!) return NULL;
  const dir = ctl[w + PIN.dir]!;
  return wordAt(arena, dir, index) as Ptr;
}

/** Gives a block to one of the first `n` pins in `found` that has it; false when none has. */
function hand(arena: Arena, n: number, index: number, block: Ptr): boolean {
  for (let k = 0; k < n; k++) {
    const w = found[k]!;
    if (blockOf(arena, w, index) !== block) continue;
    const owned = arena.ctl[w + PIN.owned]! as Ptr;
    arena.touch(owned, index >> 3, 1);
    const at = byteIndex(owned) + (index >> 3);
    const u8 = bytesOf(arena, owned);
    u8[at] = u8[at]! | (1 << (index & 7));
    return true;
  }
  return false;
}

/** Block `index` leaves the blob `dir`: true when a pin has it, and owns it now; otherwise it is to be freed. */
export function keepPinned(arena: Arena, dir: Ptr, index: number, block: Ptr): boolean {
  return hand(arena, find(arena, PIN.live, dir, -1), index, block);
}

/** As `keepPinned` for all `blocks` of a blob that ends; frees those that no pin has. The directory stays. */
export function leaveBlocks(arena: Arena, dir: Ptr, blocks: number): void {
  const n = find(arena, PIN.live, dir, -1);
  const i32 = wordsOf(arena, dir);
  const first = wordIndex(dir);
  for (let i = 0; i < blocks; i++) {
    const block = i32[first + i]! as Ptr;
    if (block !== NULL && !hand(arena, n, i, block)) free(arena, block);
  }
  for (let k = 0; k < n; k++) {
    arena.ctl[found[k]! + PIN.live] = 0;
    arena.ctl[found[k]! + PIN.current] = 0;
  }
}

/** The blob's bytes, or its length, are about to change: later replies need a pin of their own. */
export function blobChanges(arena: Arena, dir: Ptr): void {
  const n = find(arena, PIN.live, dir, -1);
  for (let k = 0; k < n; k++) arena.ctl[found[k]! + PIN.current] = 0;
}

/** The blob has another directory now. */
export function blobMoved(arena: Arena, from: Ptr, to: Ptr): void {
  const n = find(arena, PIN.live, from, -1);
  for (let k = 0; k < n; k++) arena.ctl[found[k]! + PIN.live] = to;
}

/** Whether a pin has block `index` of a blob. */
export function isPinned(arena: Arena, dir: Ptr, index: number, block: Ptr): boolean {
  const n = find(arena, PIN.live, dir, -1);
  for (let k = 0; k < n; k++) if (blockOf(arena, found[k]!, index) === block) return true;
  return false;
}

/** Frees the pins that have been given back. */
export function sweepPins(arena: Arena): void {
  const { ctl } = arena;
  for (let i = 0, left = ctl[CTL_PIN_COUNT]!; i < PINS_MAX && left > 0; i++) {
    const w = pinWord(i);
    if (ctl[w + PIN.reader] === 0) continue;
    left--;
    if (Atomics.load(ctl, w + PIN.given) === ctl[w + PIN.taken]) endPin(arena, w);
  }
}

function endPin(arena: Arena, w: number): void {
  const { ctl } = arena;
  const length = ctl[w + PIN.length]!;
  const dir = ctl[w + PIN.dir]! as Ptr;
  const owned = ctl[w + PIN.owned]! as Ptr;
  const blocks = (length + (1 << BLOCK_SHIFT) - 1) >>> BLOCK_SHIFT;
  const bits = bytesOf(arena, owned);
  const first = byteIndex(owned);
  const n = find(arena, PIN.family, ctl[w + PIN.family]!, w);
  for (let i = 0; i < blocks; i++) {
    if ((bits[first + (i >> 3)]! & (1 << (i & 7))) === 0) continue;
    const block = blockOf(arena, w, i);
    if (!hand(arena, n, i, block)) free(arena, block);
  }
  free(arena, owned);
  free(arena, dir);
  ctl[w + PIN.reader] = 0;
  ctl[CTL_PIN_COUNT] = ctl[CTL_PIN_COUNT]! - 1;
}

/** Calls `visit` for the cells that belong to pins, for fsck. */
export function visitPins(arena: Arena, visit: (ptr: Ptr, what: string) => void): void {
  const { ctl } = arena;
  for (let i = 0; i < PINS_MAX; i++) {
    const w = pinWord(i);
    if (ctl[w + PIN.reader] === 0) continue;
    visit(ctl[w + PIN.dir]! as Ptr, 'directory of a pin');
    const owned = ctl[w + PIN.owned]! as Ptr;
    visit(owned, 'bits of a pin');
    const bits = bytesOf(arena, owned);
    const first = byteIndex(owned);
    const blocks = (ctl[w + PIN.length]! + (1 << BLOCK_SHIFT) - 1) >>> BLOCK_SHIFT;
    for (let b = 0; b < blocks; b++) {
      if ((bits[first + (b >> 3)]! & (1 << (b & 7))) !== 0) visit(blockOf(arena, w, b), 'block of a pin');
    }
  }
}
