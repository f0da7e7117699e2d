/** What a value type may ask of the keyspace that has its entries: `Keyspace` fulfils it, and describes each call. */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';

export interface EntryStore {
  readonly arena: Arena;
  /** Number of the database. */
  readonly db: number;
  createEntry(
    u8: Uint8Array,
    dv: DataView,
    off: number,
    len: number,
    typeEncoding: number,
    valueSize: number,
    expireAtMs: number,
    clock: number,
  ): Ptr;
  insert(e: Ptr): void;
  replace(e: Ptr, next: Ptr): void;
  remove(e: Ptr): void;
  /** As `remove`; the cursor is afterwards where a `find` of the same key that found nothing leaves it. */
  removeHere(e: Ptr): void;
  freeCell(e: Ptr): void;
  freeValue(e: Ptr): void;
  resizeValue(e: Ptr, valueSize: number): Ptr;
  setExpire(e: Ptr, atMs: number): Ptr;
  setFieldExpiry(e: Ptr, nextAtMs: number): void;
}
