/**
 * Byte strings that one command collects: the elements that SORT orders, the members that a union has met. A string
 * that lies in an arena stays there, and only its place is noted. Other strings (integers as text, copies of blobs) are
 * copied into chunks of the list's own. 12 bytes a string, in typed arrays.
 *
 *     view[i] -> u8s[view[i]] (and dvs[...]), off[i], len[i]
 *
 * A MemberIndex also finds strings: a hash table with open addressing over the list.
 *
 * Invariants: (1) leases held, and what the list points to does not change, from the first `add` to `clear`; (2) the
 * list belongs to one command: `clear` before it returns, so nothing of the data outlives it here.
 */

import { KeyHasher } from '../../shared/hash.js';
import type { Arena } from '../../shared/memory/arena.js';
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import { randomUint32 } from '../../shared/random.js';

const CAPACITY_MIN = 1024;
/** Arrays up to this capacity are kept for the next command. */
const CAPACITY_KEPT = 16 * 1024;
const CHUNK_BYTES = 64 * 1024;
const NO_BYTES = new Uint8Array(0);

export class MemberList {
  /** Number of strings. */
  count = 0;
  view = new Int32Array(CAPACITY_MIN);
  off = new Int32Array(CAPACITY_MIN);
  len = new Int32Array(CAPACITY_MIN);
  readonly u8s: Uint8Array[] = [];
  readonly dvs: DataView[] = [];
  /** The view that the last string was in, and a view that is known to belong to no arena. */
  private last: Uint8Array = NO_BYTES;
  private lastView = -1;
  private foreign: Uint8Array = NO_BYTES;
  private chunkView = -1;
  private chunkPos = 0;

  /** Adds the `len` bytes at `off` of `u8`, of which `dv` is a view; they may lie in `arena`. Returns the index. */
  add(arena: Arena, u8: Uint8Array, dv: DataView, off: number, len: number): number {
    const i = this.count;
    if (i === this.view.length) this.grow();
    if (u8 !== this.last && (u8 === this.foreign || !this.locate(arena, u8, dv))) this.addCopy(i, u8, off, len);
    else {
      this.view[i] = this.lastView;
      this.off[i] = off;
    }
    this.len[i] = len;
    this.count = i + 1;
    return i;
  }

  /** Makes `u8` the last view if it is one of the arena's. */
  private locate(arena: Arena, u8: Uint8Array, dv: DataView): boolean {
    let view = this.u8s.indexOf(u8);
    if (view < 0) {
      if (!arena.u8.includes(u8)) {
        this.foreign = u8;
        return false;
      }
      view = this.u8s.length;
      this.u8s.push(u8);
      this.dvs.push(dv);
    }
    this.last = u8;
    this.lastView = view;
    return true;
  }

  private addCopy(i: number, u8: Uint8Array, off: number, len: number): void {
    if (this.chunkView < 0 || this.chunkPos + len > this.u8s[this.chunkView]!.length) {
      const chunk = new Uint8Array(Math.max(CHUNK_BYTES, len));
      this.chunkView = this.u8s.length;
      this.chunkPos = 0;
      this.u8s.push(chunk);
      this.dvs.push(new DataView(chunk.buffer));
    }
    copyBytes(this.u8s[this.chunkView]!, this.chunkPos, u8, off, len);
    this.view[i] = this.chunkView;
    this.off[i] = this.chunkPos;
    this.chunkPos += len;
  }

  private grow(): void {
    const capacity = this.view.length * 2;
    this.view = grown(this.view, capacity);
    this.off = grown(this.off, capacity);
    this.len = grown(this.len, capacity);
  }

  /** Forgets everything. */
  clear(): void {
    this.count = 0;
    this.u8s.length = 0;
    this.dvs.length = 0;
    this.last = NO_BYTES;
    this.foreign = NO_BYTES;
    this.lastView = -1;
    this.chunkView = -1;
    if (this.view.length <= CAPACITY_KEPT) return;
    this.view = new Int32Array(CAPACITY_MIN);
    this.off = new Int32Array(CAPACITY_MIN);
    this.len = new Int32Array(CAPACITY_MIN);
  }
}

function grown(array: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(capacity);
  next.set(array);
  return next;
}

export class MemberIndex extends MemberList {
  /** The hash has a random key, so that no client can aim members at one place. */
  private readonly hasher = new KeyHasher(randomUint32(), randomUint32());
  private slots = new Int32Array(2 * CAPACITY_MIN);
  private hashes = new Int32Array(CAPACITY_MIN);

  /** The index of the string, or -1. */
  find(u8: Uint8Array, dv: DataView, off: number, len: number): number {
    this.hasher.hash(u8, dv, off, len);
    const slot = this.slotOf(this.hasher.h1, u8, dv, off, len);
    return this.slots[slot]! - 1;
  }

  /** Adds the string unless it is there; returns whether it was added. As `find` and `MemberList.add`. */
  insert(arena: Arena, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
    this.hasher.hash(u8, dv, off, len);
    const h = this.hasher.h1;
    const slot = this.slotOf(h, u8, dv, off, len);
    if (this.slots[slot] !== 0) return false;
    const i = this.add(arena, u8, dv, off, len);
    if (i >= this.hashes.length) this.hashes = grown(this.hashes, this.view.length);
    this.hashes[i] = h;
    this.slots[slot] = i + 1;
    if (this.count * 2 > this.slots.length) this.rehash();
    return true;
  }

  private slotOf(h: number, u8: Uint8Array, dv: DataView, off: number, len: number): number {
    const mask = this.slots.length - 1;
    let slot = h & mask;
    for (;;) {
      const i = this.slots[slot]! - 1;
      if (i < 0) return slot;
      if (this.hashes[i] === h && this.len[i] === len && this.equals(i, u8, dv, off, len)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private equals(i: number, u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
    const at = this.off[i]!;
    const view = this.dvs[this.view[i]!]!;
    let k = 0;
    for (; k + 4 <= len; k += 4) if (view.getInt32(at + k, true) !== dv.getInt32(off + k, true)) return false;
    const bytes = this.u8s[this.view[i]!]!;
    for (; k < len; k++) if (bytes[at + k] !== u8[off + k]) return false;
    return true;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < this.count; i++) {
      let slot = this.hashes[i]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = i + 1;
    }
    this.slots = slots;
  }

  override clear(): void {
    super.clear();
    if (this.hashes.length > CAPACITY_KEPT) this.hashes = new Int32Array(CAPACITY_MIN);
    if (this.slots.length > 2 * CAPACITY_KEPT) this.slots = new Int32Array(2 * CAPACITY_MIN);
    else this.slots.fill(0);
  }
}
