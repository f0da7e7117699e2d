/**
 * Listpacks from outside: checking every byte of them, reading their entries, and finding equal ones. The format is
 * described in structures/listpack-entry.ts, whose functions trust what they read; here nothing is trusted.
 *
 * A sound listpack is `canonical` when each entry has the form in which we would have written it: an integer in the
 * shortest encoding, and no integer as a string. Only such a one may be taken over as it is, because lookups compare
 * forms.
 *
 * Invariants: as in foreign-entries.ts.
 */
import { invariant } from '../../shared/errors/invariant.js';
import { int64 } from '../../shared/numbers/int64.js';
import { item, LP_END, lpClassify, lpIntBytes, lpRead, lpSize } from '../structures/listpack-entry.js';
import { ForeignEntries } from './foreign-entries.js';

const HEAD_BYTES = 6;
const COUNT_UNKNOWN = 65535;
/** Table of places for the search of equal entries, grown when needed. */
let places = new Int32Array(1024);
const PLACES_KEPT = 1 << 16;

/**
 * Size of the entry at `p` with its backlen, 0 when it does not end before `end` or its backlen lies.
 * @requires p < end
 */
export function soundEntryBytes(u8: Uint8Array, p: number, end: number): number {
  invariant(p < end, 'p < end');
  const b = u8[p]!;
  const left = end - p;
  let size: number;
  if (b < 0x80) size = 1;
  else if (b < 0xc0) size = 1 + (b & 63);
  else if (b < 0xe0) size = 2;
  else if (b < 0xf0) {
    if (left < 2) return 0;
    size = 2 + ((b & 15) << 8) + u8[p + 1]!;
  } else {
    switch (b) {
      case 0xf0:
        if (left < 5) return 0;
        size = 5 + u8[p + 1]! + u8[p + 2]! * 256 + u8[p + 3]! * 65536 + u8[p + 4]! * 16777216;
        break;
      case 0xf1:
        size = 3;
        break;
      case 0xf2:
        size = 4;
        break;
      case 0xf3:
        size = 5;
        break;
      case 0xf4:
        size = 9;
        break;
      default:
        return 0;
    }
  }
  const backlen = backlenBytes(size);
  if (size + backlen > left) return 0;
  return backlenIs(u8, p + size, backlen, size) ? size + backlen : 0;
}

function backlenBytes(size: number): number {
  if (size <= 127) return 1;
  if (size < 16383) return 2;
  if (size < 2097151) return 3;
  return size < 268435455 ? 4 : 5;
}

/** Whether the `n` bytes at `at` are the backlen of an entry of `size` bytes. */
function backlenIs(u8: Uint8Array, at: number, n: number, size: number): boolean {
  let rest = size;
  for (let i = n - 1; i >= 0; i--) {
    const expected = i > 0 ? (rest % 128) | 128 : rest;
    if (u8[at + i] !== expected) return false;
    rest = Math.floor(rest / 128);
  }
  return true;
}

/** Whether the entry at `p` has the form in which it would be written here. @requires it is sound */
function isCanonical(u8: Uint8Array, p: number, size: number): boolean {
  lpRead(u8, p);
  if (item.isInt) return lpIntBytes(item.hi, item.lo) === size;
  if (lpClassify(u8, item.off, item.len)) return false;
  const head = item.off - p;
  return head === (item.len < 64 ? 1 : item.len < 4096 ? 2 : 5);
}

export class ForeignListpack extends ForeignEntries {
  /** Whether each entry has the form in which it would be written here. */
  canonical = true;
  /** Bytes of the longest entry, as text or as an integer's encoding. */
  longest = 0;
  private off = 0;
  private end = 0;

  protected check(off: number, len: number): boolean {
    const { u8, dv } = this;
    this.off = off;
    this.canonical = true;
    this.longest = 0;
    if (len < HEAD_BYTES + 1 || dv.getUint32(off, true) !== len) return false;
    const end = off + len - 1;
    if (u8[end] !== LP_END) return false;
    this.end = end;
    this.at = off + HEAD_BYTES;
    let p = this.at;
    let n = 0;
    while (p < end) {
      const size = soundEntryBytes(u8, p, end);
      if (size === 0) return false;
      if (size > this.longest) this.longest = size;
      if (this.canonical && !isCanonical(u8, p, size)) this.canonical = false;
      p += size;
      n++;
    }
    this.count = n;
    const claimed = dv.getUint16(off + 4, true);
    return claimed === COUNT_UNKNOWN || claimed === n;
  }

  next(): boolean {
    const p = this.at;
    if (p >= this.end) return false;
    this.at = p + lpSize(this.u8, p);
    lpRead(this.u8, p);
    if (item.isInt) this.setInt(item.hi, item.lo);
    else this.setBytes(item.off, item.len);
    return true;
  }

  /** The next entry as an integer in `int64`; false when it is none, or at the end. */
  nextInt(): boolean {
    if (!this.next() || !item.isInt) return false;
    int64.hi = item.hi;
    int64.lo = item.lo;
    return true;
  }

  /** Goes back before the first entry. */
  rewind(): void {
    this.at = this.off + HEAD_BYTES;
  }

  /** Whether all entries were read. */
  get atEnd(): boolean {
    return this.at >= this.end;
  }

  /** Whether two of the entries 0, stride, 2 * stride ... are equal. @requires canonical */
  hasDuplicates(stride: number): boolean {
    const { u8, off, end } = this;
    let slots = 16;
    while (slots * stride < this.count * 2) slots *= 2;
    if (slots > places.length) places = new Int32Array(slots);
    else places.fill(0, 0, slots);
    const mask = slots - 1;
    let found = false;
    for (let p = off + HEAD_BYTES; p < end && !found; ) {
      const size = lpSize(u8, p);
      let hash = size;
      for (let i = 0; i < size; i++) hash = Math.imul(hash, 0x01000193) ^ u8[p + i]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      for (; places[slot] !== 0 && !found; slot = (slot + 1) & mask) {
        const other = places[slot]! - 1 + off;
        found = lpSize(u8, other) === size && sameBytes(u8, other, p, size);
      }
      places[slot] = p - off + 1;
      for (let i = 0; i < stride && p < end; i++) p += lpSize(u8, p);
    }
    if (places.length > PLACES_KEPT) places = new Int32Array(1024);
    return found;
  }
}

function sameBytes(u8: Uint8Array, a: number, b: number, len: number): boolean {
  for (let i = 0; i < len; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}
