/** Streams, to the rest of the engine. */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import { RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3 } from '../../rdb/rdb-format.js';
import type { RdbReader } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import type { ValueContext } from '../../services/value-context.js';
import {
  STREAM_GARBAGE,
  streamCellBytes,
  streamCopy,
  streamDigest,
  streamEncodingName,
  streamFree,
  streamLength,
  streamVisit,
} from './stream-cells.js';
import { readStream, streamForm, writeStream } from './stream-codec.js';
import { GROUP_GARBAGE } from './stream-groups.js';
import { StoredStream, StreamReceiver } from './stream-parts.js';

function write(writer: RdbWriter, arena: Arena, e: Ptr, form: number): void {
  writeStream(writer, new StoredStream().open(arena, e), form);
}

function read(ctx: ValueContext, e: Ptr, form: number, reader: RdbReader): void {
  readStream(new StreamReceiver().open(ctx, e), form, reader);
}

export const STREAM = valueType({
  type: TYPE_STREAM,
  name: 'stream',
  encodings: 1,
  // 5 is the number of modules in Redis.
  digestNumber: 6,
  garbage: [STREAM_GARBAGE, GROUP_GARBAGE],
  free: streamFree,
  copy: streamCopy,
  visit: streamVisit,
  cellBytes: streamCellBytes,
  length: streamLength,
  encodingName: streamEncodingName,
  digest: streamDigest,
  rdbForms: [RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3],
  rdbForm: (_arena, _e, version) => streamForm(version),
  write,
  read,
});
