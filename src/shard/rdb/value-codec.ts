/**
 * Values of any type in RDB form: who knows which codec serves which type. Runs under the shard's lease, on whichever
 * thread has it.
 *
 *     form   the number of the representation (RDB_* in rdb-format.ts), which stands before the key in a file and
 *            before the value in a dump
 *
 * Invariant: `readValue` either returns an entry that owns a whole, valid value, or throws and has left nothing behind.
 */
import type { Arena } from '../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { ExecContext } from '../context/context.js';
import { detachedEntry, dropDetached } from '../context/typed-key.js';
import { entryType, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET } from '../entry/entry.js';
import { rootOf } from '../entry/root.js';
import { hashForm, readHash, writeHash } from '../types/hash/hash-codec.js';
import { readList, writeList } from '../types/list/list-codec.js';
import { readSet, setForm, writeSet } from '../types/set/set-codec.js';
import { readStream, streamForm, writeStream } from '../types/stream/stream-codec.js';
import { StoredStream, StreamReceiver } from '../types/stream/stream-parts.js';
import { readString, writeString } from '../types/string/string-codec.js';
import { readZset, writeZset, zsetForm } from '../types/zset/zset-codec.js';
import {
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_HASH_LISTPACK_EX,
  RDB_HASH_LISTPACK_EX_PRE_GA,
  RDB_HASH_METADATA,
  RDB_HASH_METADATA_PRE_GA,
  RDB_HASH_ZIPLIST,
  RDB_HASH_ZIPMAP,
  RDB_LIST,
  RDB_LIST_QUICKLIST,
  RDB_LIST_QUICKLIST_2,
  RDB_LIST_ZIPLIST,
  RDB_SET,
  RDB_SET_INTSET,
  RDB_SET_LISTPACK,
  RDB_STREAM_LISTPACKS,
  RDB_STREAM_LISTPACKS_2,
  RDB_STREAM_LISTPACKS_3,
  RDB_STRING,
  RDB_ZSET,
  RDB_ZSET_2,
  RDB_ZSET_LISTPACK,
  RDB_ZSET_ZIPLIST,
} from './rdb-format.js';
import { BAD_DATA, type RdbReader } from './rdb-reader.js';
import type { RdbWriter } from './rdb-writer.js';

/** The form in which the value of an entry is written for readers of `version`. @requires lease */
export function valueForm(arena: Arena, e: Ptr, version: number): number {
  switch (entryType(arena, e)) {
    case TYPE_STRING:
      return RDB_STRING;
    case TYPE_LIST:
      return RDB_LIST_QUICKLIST_2;
    case TYPE_SET:
      return setForm(arena, e, version);
    case TYPE_ZSET:
      return zsetForm(arena, e);
    case TYPE_HASH:
      return hashForm(arena, e);
    case TYPE_STREAM:
      return streamForm(version);
    default:
      throw new Error(`value of unknown type ${entryType(arena, e)}`);
  }
}

/** Writes the value of an entry, without its form. @requires lease, `form` from `valueForm` */
export function writeValue(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  switch (entryType(arena, e)) {
    case TYPE_STRING:
      writeString(writer, arena, e);
      return;
    case TYPE_LIST:
      writeList(writer, arena, e);
      return;
    case TYPE_SET:
      writeSet(writer, arena, e, form);
      return;
    case TYPE_ZSET:
      writeZset(writer, arena, e, form);
      return;
    case TYPE_HASH:
      writeHash(writer, arena, e, form);
      return;
    case TYPE_STREAM:
      writeStream(writer, new StoredStream().open(arena, e), form);
      return;
    default:
      throw new Error(`value of unknown type ${entryType(arena, e)}`);
  }
}

/** The type of the values of a form; throws BAD_DATA when there is no such form. */
function typeOfForm(form: number): number {
  switch (form) {
    case RDB_STRING:
      return TYPE_STRING;
    case RDB_LIST:
    case RDB_LIST_ZIPLIST:
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2:
      return TYPE_LIST;
    case RDB_SET:
    case RDB_SET_INTSET:
    case RDB_SET_LISTPACK:
      return TYPE_SET;
    case RDB_ZSET:
    case RDB_ZSET_2:
    case RDB_ZSET_ZIPLIST:
    case RDB_ZSET_LISTPACK:
      return TYPE_ZSET;
    case RDB_HASH:
    case RDB_HASH_ZIPMAP:
    case RDB_HASH_ZIPLIST:
    case RDB_HASH_LISTPACK:
    case RDB_HASH_METADATA_PRE_GA:
    case RDB_HASH_LISTPACK_EX_PRE_GA:
    case RDB_HASH_METADATA:
    case RDB_HASH_LISTPACK_EX:
      return TYPE_HASH;
    case RDB_STREAM_LISTPACKS:
    case RDB_STREAM_LISTPACKS_2:
    case RDB_STREAM_LISTPACKS_3:
      return TYPE_STREAM;
    default:
      throw BAD_DATA;
  }
}

/**
 * Reads a value of the given form into a detached entry for the key in argument i, in the present shard. Throws
 * BAD_DATA when the bytes are no such value, and ArenaFullError.
 */
export function readValue(ctx: ExecContext, args: Args, i: number, form: number, reader: RdbReader): Ptr {
  const type = typeOfForm(form);
  if (type === TYPE_STRING) return readString(ctx, args, i, reader);
  const e = detachedEntry(ctx, args, i, type, 0, NULL);
  try {
    fill(ctx, e, type, form, reader);
    return e;
  } catch (error) {
    if (rootOf(ctx.arena, e) === NULL) ctx.keyspace.freeCell(e);
    else dropDetached(ctx, e);
    throw error;
  }
}

function fill(ctx: ExecContext, e: Ptr, type: number, form: number, reader: RdbReader): void {
  switch (type) {
    case TYPE_LIST:
      readList(ctx, e, form, reader);
      return;
    case TYPE_SET:
      readSet(ctx, e, form, reader);
      return;
    case TYPE_ZSET:
      readZset(ctx, e, form, reader);
      return;
    case TYPE_STREAM:
      readStream(new StreamReceiver().open(ctx, e), form, reader);
      return;
    default:
      readHash(ctx, e, form, reader);
  }
}
