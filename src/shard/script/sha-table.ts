/**
 * Values by SHA1 as clients write it, 40 hex digits in either case, found without making a string: open addressing over
 * the 160 bits.
 */
import { invariant } from '../../shared/errors/invariant.js';

/** Digits of a SHA1. */
export const SHA_CHARS = 40;
const WORDS = 5;
const DIGITS = 8;
const FIRST_SLOTS = 64;

/** The digest last read. */
const digest = new Int32Array(WORDS);

/** Reads 40 digits into `digest`; false when one is none. */
function readDigest(u8: Uint8Array, off: number): boolean {
  let at = off;
  for (let w = 0; w < WORDS; w++) {
    let word = 0;
    for (let i = 0; i < DIGITS; i++) {
      const c = u8[at++]!;
      // Digits, and letters with the bit of the small ones set.
      let nibble = c - 48;
      if (nibble > 9 || nibble < 0) {
        nibble = (c | 32) - 87;
        if (nibble < 10 || nibble > 15) return false;
      }
      word = (word << 4) | nibble;
    }
    digest[w] = word;
  }
  return true;
}

export class ShaTable<T> {
  private slots = FIRST_SLOTS;
  private words = new Int32Array(FIRST_SLOTS * WORDS);
  private values: (T | null)[] = new Array(FIRST_SLOTS).fill(null);
  private used = 0;

  /** Number of values. */
  get size(): number {
    return this.used;
  }

  /** The value of the digest written at `off`; null when there is none. @requires 40 bytes there */
  // hot: EVALSHA
  find(u8: Uint8Array, off: number): T | null {
    invariant(off + 40 <= u8.length, '40 bytes there');
    if (!readDigest(u8, off)) return null;
    return this.values[this.slotOf()]!;
  }

  /** As `find`, by text. */
  get(sha: string): T | null {
    return this.find(Buffer.from(sha, 'latin1'), 0);
  }

  /** Sets the value of a digest. @requires 40 hex digits */
  set(sha: string, value: T): void {
    if (this.used * 2 >= this.slots) this.grow();
    readDigest(Buffer.from(sha, 'latin1'), 0);
    const slot = this.slotOf();
    if (this.values[slot] === null) this.used++;
    this.values[slot] = value;
    this.words.set(digest, slot * WORDS);
  }

  /** Forgets everything. */
  clear(): void {
    this.slots = FIRST_SLOTS;
    this.words = new Int32Array(FIRST_SLOTS * WORDS);
    this.values = new Array(FIRST_SLOTS).fill(null);
    this.used = 0;
  }

  /** Calls `visit` with each value. */
  forEach(visit: (value: T) => void): void {
    for (const value of this.values) if (value !== null) visit(value);
  }

  /** The slot of `digest`, or the free one where it belongs. */
  private slotOf(): number {
    const { words, values } = this;
    const mask = this.slots - 1;
    let slot = digest[0]! & mask;
    while (values[slot] !== null) {
      const at = slot * WORDS;
      let w = 0;
      while (w < WORDS && words[at + w] === digest[w]) w++;
      if (w === WORDS) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private grow(): void {
    const { words, values } = this;
    this.slots *= 2;
    this.words = new Int32Array(this.slots * WORDS);
    this.values = new Array(this.slots).fill(null);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value === null) continue;
      for (let w = 0; w < WORDS; w++) digest[w] = words[i * WORDS + w]!;
      const slot = this.slotOf();
      this.values[slot] = value;
      this.words.set(digest, slot * WORDS);
    }
  }
}
