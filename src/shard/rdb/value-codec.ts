/**
 * Values of any type in RDB form: the type table knows which codec serves which type. Runs under the shard's lease, on
 * whichever thread has it.
 *
 *     form   the number of the representation (RDB_* in rdb-format.ts), which stands before the key in a file and
 *            before the value in a dump
 *
 * Invariant: `readValue` either returns an entry that owns a whole, valid value, or throws and has left nothing behind.
 */
import type { Arena } from '../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import { rootedEntry, rootOf } from '../entry/root.js';
import type { TypeTable } from '../entry/type-table.js';
import type { ValueContext } from '../services/value-context.js';
import { BAD_DATA, type RdbReader } from './rdb-reader.js';
import type { RdbWriter } from './rdb-writer.js';

/** The form in which the value of an entry is written for readers of `version`. @requires lease */
export function valueForm(types: TypeTable, arena: Arena, e: Ptr, version: number): number {
  return types.of(arena, e).rdbForm(arena, e, version);
}

/** Writes the value of an entry, without its form. @requires lease, `form` from `valueForm` */
export function writeValue(types: TypeTable, writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  types.of(arena, e).write(writer, arena, e, form);
}

/**
 * Reads a value of the given form into a detached entry for the key in argument i, in the present shard. Throws
 * BAD_DATA when the bytes are no such value, and ArenaFullError.
 */
export function readValue(
  types: TypeTable,
  ctx: ValueContext,
  args: Args,
  i: number,
  form: number,
  reader: RdbReader,
): Ptr {
  const type = types.ofForm(form);
  if (type === null) throw BAD_DATA;
  if (type.inEntry !== null) return type.inEntry.read(ctx, args, i, form, reader);
  const e = rootedEntry(ctx.keyspace, args, i, type.type, 0, NULL, ctx.clock);
  try {
    type.read(ctx, e, form, reader);
    return e;
  } catch (error) {
    if (rootOf(ctx.arena, e) !== NULL) ctx.keyspace.freeValue(e);
    ctx.keyspace.freeCell(e);
    throw error;
  }
}
