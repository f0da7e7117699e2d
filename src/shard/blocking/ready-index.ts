/**
 * ReadyIndex: finds a key on a long ready list without walking it: one transaction may make as many keys ready as it
 * likes. Open addressing by hash, twice as many places as keys; places hold the number on the list, from 1.
 *
 * Runs on the thread of its list, under the leases of the keys.
 */

/** What the list keeps of a key. */
export interface ListedKey {
  readonly shard: number;
  readonly db: number;
  readonly off: number;
  readonly len: number;
}

/** Shorter lists are walked. */
export const INDEXED_KEYS_MIN = 16;

export class ReadyIndex {
  private places = new Int32Array(0);
  private count = 0;

  /** Where on the list the key `u8[off, off + len)` is, or -1. `bytes`: the keys of the list. */
  find(
    list: readonly ListedKey[],
    bytes: Uint8Array,
    shard: number,
    db: number,
    u8: Uint8Array,
    off: number,
    len: number,
  ): number {
    if (this.count < list.length) this.addAll(list, bytes);
    const { places } = this;
    const mask = places.length - 1;
    for (let i = hashOf(shard, db, u8, off, len) & mask; places[i] !== 0; i = (i + 1) & mask) {
      const known = list[places[i]! - 1]!;
      if (known.shard !== shard || known.db !== db || known.len !== len) continue;
      let k = 0;
      while (k < len && bytes[known.off + k] === u8[off + k]) k++;
      if (k === len) return places[i]! - 1;
    }
    return -1;
  }

  /** The list is empty again. */
  clear(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.places = new Int32Array(0);
  }

  private addAll(list: readonly ListedKey[], bytes: Uint8Array): void {
    if (list.length * 2 > this.places.length) {
      let size = 4 * INDEXED_KEYS_MIN;
      while (size < list.length * 4) size *= 2;
      this.places = new Int32Array(size);
      this.count = 0;
    }
    const mask = this.places.length - 1;
    for (; this.count < list.length; this.count++) {
      const { shard, db, off, len } = list[this.count]!;
      let i = hashOf(shard, db, bytes, off, len) & mask;
      while (this.places[i] !== 0) i = (i + 1) & mask;
      this.places[i] = this.count + 1;
    }
  }
}

function hashOf(shard: number, db: number, u8: Uint8Array, off: number, len: number): number {
  let hash = (0x811c9dc5 ^ (shard << 16) ^ db) | 0;
  for (let i = 0; i < len; i++) hash = Math.imul(hash ^ u8[off + i]!, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
