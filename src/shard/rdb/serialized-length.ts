/** How many bytes a value takes in an RDB file, for DEBUG OBJECT. Cold. */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { TypeTable } from '../entry/type-table.js';
import { RDB_VERSION_7_0 } from './rdb-format.js';
import { RdbWriter } from './rdb-writer.js';
import { valueForm, writeValue } from './value-codec.js';

/** Bytes of the value of an entry in an RDB file; `compress`: with strings compressed. @requires lease */
export function serializedLength(types: TypeTable, arena: Arena, e: Ptr, compress: boolean): number {
  const writer = new RdbWriter({ write: () => {} });
  writer.compress = compress;
  writeValue(types, writer, arena, e, valueForm(types, arena, e, RDB_VERSION_7_0));
  return writer.byteLength;
}
