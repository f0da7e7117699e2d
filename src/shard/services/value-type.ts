/**
 * What every value type can do, as its descriptor says it (types/<type>/descriptor.ts): the keyspace, fsck, digests,
 * copies, RDB and the freeing of garbage ask the type table (entry/type-table.ts) and know no type.
 *
 * When you add a type: write its folder with a descriptor, and its row in types/table.ts. Nothing else.
 *
 * Commands of a type do not come this way: they know their type and call its functions.
 */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { RdbReader } from '../rdb/rdb-reader.js';
import type { RdbWriter } from '../rdb/rdb-writer.js';
import type { GarbageKind, Visit } from '../structures/garbage.js';
import type { EntryStore } from './entry-store.js';
import type { ExpiryContext, ValueContext } from './value-context.js';

/** For a type whose small values lie in the entry itself. Every other value has a root cell (entry/root.ts). */
export interface InEntry {
  /** Encodings whose values have nothing outside the entry, a bit each. */
  readonly bareEncodings: number;
  /** Bytes of the value region. @requires lease */
  bytes(arena: Arena, e: Ptr): number;
  /** Encoding of a value that has no room beside its key. Its region has `outsideBytes` bytes. */
  readonly outsideEncoding: number;
  readonly outsideBytes: number;
  /** Fills the region of `copy`, which has that encoding, with a copy of the value. Throws ArenaFullError. */
  copyOutside(from: Arena, e: Ptr, to: Arena, copy: Ptr): void;
  /** Reads a value into a detached entry for the key in argument i. Leaves nothing behind when it throws. */
  read(ctx: ValueContext, args: Args, i: number, form: number, reader: RdbReader): Ptr;
}

/** For a type whose elements may expire one by one. The entry's flag F_FIELDS is set while some element may. */
export interface ElementExpiry {
  /** When the next element expires, unix ms; Infinity for none. @requires lease */
  nextAtMs(arena: Arena, e: Ptr): number;
  /**
   * Removes up to `max` elements that are over, and the key with the last element of all. Returns how many it removed;
   * the number is negative when the key is gone. @requires the cursor of `keyspace` stands at `e`
   */
  expire(ctx: ExpiryContext, keyspace: EntryStore, e: Ptr, max: number): number;
}

/** A value type. All functions but those for RDB: @requires lease. */
export interface ValueType {
  /** Number in the head of an entry (entry/entry.ts). */
  readonly type: number;
  /** What TYPE and SCAN call it. */
  readonly name: string;
  /** The reply of TYPE: its name as a simple string. Made from `name`. */
  readonly line: Uint8Array;
  /** Number of its encodings: 0 to `encodings` - 1 are in use. */
  readonly encodings: number;
  /** The number that DEBUG DIGEST mixes in: Redis's own number of the type. */
  readonly digestNumber: number;
  /** How its big values are freed in steps. */
  readonly garbage: readonly GarbageKind[];
  /** Frees what the value has outside the entry: at once if it is small, otherwise later, in steps. */
  free(arena: Arena, e: Ptr): void;
  /** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
  copy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void;
  /** Calls `visit` once for each cell that the value has outside the entry; throws when it contradicts itself. */
  visit(arena: Arena, e: Ptr, visit: Visit): void;
  /** What is wrong inside the value, a line each, for fsck; null: `visit` says it all. */
  readonly check: ((arena: Arena, e: Ptr) => string[]) | null;
  /** Bytes of the cells that the value has outside the entry. */
  cellBytes(arena: Arena, e: Ptr): number;
  /** Number of elements, or of bytes if the value is a string. */
  length(arena: Arena, e: Ptr): number;
  /** What OBJECT ENCODING says. */
  encodingName(arena: Arena, e: Ptr): string;
  /** Mixes the value into a digest, as DEBUG DIGEST does. */
  digest(arena: Arena, e: Ptr, digest: Uint8Array): void;
  /** The forms (rdb/rdb-format.ts) that `read` understands. No two types share one. */
  readonly rdbForms: readonly number[];
  /** The form in which the value is written for readers of `version`. */
  rdbForm(arena: Arena, e: Ptr, version: number): number;
  /** Writes the value, without its form, which came from `rdbForm`. */
  write(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void;
  /**
   * Reads a value of the given form into the detached entry `e`, whose root is 0: afterwards root and encoding are set.
   * When it throws, the root is 0 or may be freed. Not called for a type with `inEntry`.
   */
  read(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void;
  readonly inEntry: InEntry | null;
  readonly expiry: ElementExpiry | null;
}
