/** A value as DUMP shows it and RESTORE reads it: its form, version and checksum. */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { TypeTable } from '../entry/type-table.js';
import { CRC_BYTES } from './footer.js';
import { RDB_HASH_METADATA_PRE_GA, RDB_VERSION_7_0, RDB_VERSION_7_4 } from './rdb-format.js';
import type { RdbWriter } from './rdb-writer.js';
import { valueForm, writeValue } from './value-codec.js';

/** Writes the value of `e` into `writer`, which is emptied first; returns the bytes that `takePayload` gives. */
export function writePayload(types: TypeTable, writer: RdbWriter, arena: Arena, e: Ptr): number {
  // Drops the rest of an earlier payload that was not finished (its reply was too big for its thread, or memory ran
  // out).
  writer.reset();
  const form = valueForm(types, arena, e, RDB_VERSION_7_0);
  writer.byte(form);
  writeValue(types, writer, arena, e, form);
  // The oldest version that knows the form: so no server refuses a payload that it could read.
  writer.byte(form >= RDB_HASH_METADATA_PRE_GA ? RDB_VERSION_7_4 : RDB_VERSION_7_0);
  writer.byte(0);
  return writer.byteLength + CRC_BYTES;
}

/** Copies what `writePayload` wrote to `u8[at]`, and empties the writer. */
export function takePayload(writer: RdbWriter, u8: Uint8Array, at: number): void {
  const checksum = writer.checksum();
  const bytes = writer.byteLength;
  writer.copyTo(u8, at);
  checksum.write(u8, at + bytes);
  writer.reset();
}
