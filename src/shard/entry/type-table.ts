/**
 * The table of value types: what the keyspace, fsck, digests, copies, RDB and the freeing of garbage ask when they have
 * an entry and must not know its type. The server's table is types/table.ts; it is passed to each keyspace, where
 * everybody finds it (`Keyspace.types`).
 *
 * Rows are found by the low byte of an entry's head (type and encoding), so a damaged head finds no row. What is asked
 * often (`free`, `regionBytes`) has arrays of its own by the same byte: one load, and a string in its entry is done.
 *
 * Invariants: (1) a table never changes; (2) all threads of a server have equal tables.
 */

import type { Arena } from '../../shared/memory/arena.js';
import { wordAt } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { ValueType } from '../services/value-type.js';
import { GARBAGE_NUMBERS, type GarbageKind, type GarbageKinds, TABLE_GARBAGE } from '../structures/garbage.js';
import { copyRegionWords, TYPE_BYTES, TYPE_EXTENDED } from './entry.js';
import { ROOT_REGION_BYTES } from './root.js';

/** Value of `regions` where the value itself must be asked. */
const ASK = -1;
/** Encodings that a type can have; a type beyond TYPE_EXTENDED has one. */
const ENCODINGS_MAX = 16;
/** RDB forms are below this. */
const FORMS = 256;

type Free = (arena: Arena, e: Ptr) => void;

/** All descriptors are made here, so that they have one shape. Functions for the parts that a type does not have. */
export function valueType(
  spec: Omit<ValueType, 'line' | 'inEntry' | 'expiry' | 'check'> & Partial<ValueType>,
): ValueType {
  return {
    type: spec.type,
    name: spec.name,
    line: Uint8Array.from(Buffer.from(`+${spec.name}\r\n`, 'latin1')),
    encodings: spec.encodings,
    digestNumber: spec.digestNumber,
    garbage: spec.garbage,
    free: spec.free,
    copy: spec.copy,
    visit: spec.visit,
    check: spec.check ?? null,
    cellBytes: spec.cellBytes,
    length: spec.length,
    encodingName: spec.encodingName,
    digest: spec.digest,
    rdbForms: spec.rdbForms,
    rdbForm: spec.rdbForm,
    write: spec.write,
    read: spec.read,
    inEntry: spec.inEntry ?? null,
    expiry: spec.expiry ?? null,
  };
}

/** Low byte of the head of an entry: type and encoding. */
function headByte(arena: Arena, e: Ptr): number {
  return wordAt(arena, e, 0) & 0xff;
}

function unknown(head: number): Error {
  return new Error(`value of unknown type and encoding 0x${head.toString(16)}`);
}

function freeUnknown(arena: Arena, e: Ptr): void {
  throw unknown(headByte(arena, e));
}

export class TypeTable {
  /** The descriptors, in the order of their rows. */
  readonly types: readonly ValueType[];
  /** Kinds of garbage by number. */
  readonly garbage: GarbageKinds;
  /** By the low byte of the head: the descriptor. */
  private readonly rows: (ValueType | null)[] = new Array(TYPE_BYTES).fill(null);
  /** By the low byte of the head: how the value is freed. */
  private readonly frees: Free[] = new Array(TYPE_BYTES).fill(freeUnknown);
  /** By the low byte of the head: 0 when such a value has nothing outside its entry. */
  private readonly outside = new Uint8Array(TYPE_BYTES).fill(1);
  /** By the low byte of the head: bytes of the value region, or ASK. */
  private readonly regions = new Int8Array(TYPE_BYTES).fill(ASK);
  /** By RDB form. */
  private readonly forms: (ValueType | null)[] = new Array(FORMS).fill(null);

  constructor(types: readonly ValueType[]) {
    this.types = types;
    const garbage: (GarbageKind | null)[] = new Array(GARBAGE_NUMBERS).fill(null);
    garbage[TABLE_GARBAGE.number] = TABLE_GARBAGE;
    for (const type of types) {
      this.addHeads(type);
      for (const kind of type.garbage) {
        if (garbage[kind.number] !== null) throw new Error(`type ${type.name}: garbage ${kind.number} is taken`);
        garbage[kind.number] = kind;
      }
      for (const form of type.rdbForms) {
        if (this.forms[form] !== null) throw new Error(`type ${type.name}: RDB form ${form} is taken`);
        this.forms[form] = type;
      }
    }
    this.garbage = garbage;
  }

  private addHeads(type: ValueType): void {
    const extended = (type.type & TYPE_EXTENDED) === TYPE_EXTENDED;
    const most = extended ? 1 : ENCODINGS_MAX;
    if (type.encodings < 1 || type.encodings > most) throw new Error(`type ${type.name}: ${type.encodings} encodings`);
    if (!extended && type.type > TYPE_EXTENDED) throw new Error(`type ${type.name}: number ${type.type}`);
    for (let encoding = 0; encoding < type.encodings; encoding++) {
      const head = type.type | (encoding << 4);
      if (this.rows[head] !== null) throw new Error(`type ${type.name}: number ${type.type} is taken`);
      this.rows[head] = type;
      this.frees[head] = type.free;
      if (type.inEntry === null) this.regions[head] = ROOT_REGION_BYTES;
      else if (((type.inEntry.bareEncodings >>> encoding) & 1) !== 0) this.outside[head] = 0;
    }
  }

  /** Whether some type has the type and encoding in the low byte of `head`. */
  has(head: number): boolean {
    return this.rows[head & 0xff] !== null;
  }

  /** The type of an entry's value. Throws when there is none. @requires lease */
  of(arena: Arena, e: Ptr): ValueType {
    const head = headByte(arena, e);
    const type = this.rows[head];
    if (type === null || type === undefined) throw unknown(head);
    return type;
  }

  /** The type whose values have an RDB form; null when there is none. */
  ofForm(form: number): ValueType | null {
    return this.forms[form] ?? null;
  }

  /** The type that TYPE calls so, in whatever case; null when there is none. Cold. */
  named(name: string): ValueType | null {
    const lower = name.toLowerCase();
    return this.types.find((type) => type.name.toLowerCase() === lower) ?? null;
  }

  /** Frees what an entry's value has outside the entry. @requires lease */
  // hot: bench/peer.js (DEL, and SET of a key that holds something else)
  free(arena: Arena, e: Ptr): void {
    const head = headByte(arena, e);
    if (this.outside[head] !== 0) this.frees[head]!(arena, e);
  }

  /** Bytes of the value region of an entry. Throws for an unknown type. @requires lease */
  regionBytes(arena: Arena, e: Ptr): number {
    const bytes = this.regions[headByte(arena, e)]!;
    return bytes === ASK ? this.askedBytes(arena, e) : bytes;
  }

  private askedBytes(arena: Arena, e: Ptr): number {
    const { inEntry } = this.of(arena, e);
    return inEntry === null ? ROOT_REGION_BYTES : inEntry.bytes(arena, e);
  }

  /** When the next element of a value expires, unix ms; Infinity when none does. @requires lease */
  nextExpiryAtMs(arena: Arena, e: Ptr): number {
    const { expiry } = this.of(arena, e);
    return expiry === null ? Number.POSITIVE_INFINITY : expiry.nextAtMs(arena, e);
  }

  /**
   * Copies the value region word for word: what lies outside the entry is shared afterwards, so within one arena this
   * moves a value. @requires leases; `copy` has the type, encoding and size of region of `e`
   */
  copyRegion(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
    copyRegionWords(from, e, to, copy, this.regionBytes(from, e));
  }
}
