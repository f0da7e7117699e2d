/**
 * DEBUG RELOAD: every value through its RDB form and back, as a save and a load of the whole data set would do it, in
 * memory. It shows that the forms lose nothing, and that limits which were changed meanwhile are applied.
 */

import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { entryClock, entryExpireAtMs, setClock } from '../../entry/entry.js';
import { entryKeyBytes } from '../../entry/entry-key.js';
import { walkTables } from '../../keyspace/walk.js';
import { RDB_VERSION_MAX } from '../../rdb/rdb-format.js';
import { RdbReader } from '../../rdb/rdb-reader.js';
import { RdbWriter } from '../../rdb/rdb-writer.js';
import { readValue, valueForm, writeValue } from '../../rdb/value-codec.js';
import { TABLE_ENTRIES_MAX, tableEntries } from '../../structures/table.js';

/** Options that change nothing here: what is in memory is all there is. */
const OPTIONS = ['merge', 'noflush', 'nosave'];

/** Reloads all databases of all shards at once. Arguments: [MERGE] [NOFLUSH] [NOSAVE] */
export function reload(ctx: ExecContext, args: Args, reply: Reply): void {
  for (let i = 2; i < args.argc; i++) {
    if (OPTIONS.some((option) => args.is(i, option))) continue;
    reply.errorText('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
    return;
  }
  const { db, shard: before } = ctx;
  ctx.leases.takeAll();
  try {
    for (let shard = 0; shard < ctx.shardCount; shard++) {
      for (let i = 0; i < ctx.keyspaces[shard]!.length; i++) {
        ctx.db = i;
        ctx.useShard(shard);
        reloadKeyspace(ctx);
      }
    }
    reply.ok();
  } finally {
    ctx.db = db;
    ctx.useShard(before);
    ctx.leases.giveAll();
  }
}

function reloadKeyspace(ctx: ExecContext): void {
  const { arena, keyspace } = ctx;
  if (keyspace.dict.count === 0) return;
  const entries = new Int32Array(TABLE_ENTRIES_MAX);
  const writing = ctx.beginWriting();
  try {
    // An entry is replaced in its slot, so the tables stay as they are.
    for (const table of [...walkTables(keyspace.dict)]) {
      const n = tableEntries(arena, table, entries);
      for (let i = 0; i < n; i++) reloadEntry(ctx, entries[i]! as Ptr);
    }
  } finally {
    ctx.endWriting(writing);
  }
}

/** Puts a value that went out and came in again in the place of an entry's. Throws ArenaFullError. */
function reloadEntry(ctx: ExecContext, e: Ptr): void {
  const { arena, keyspace } = ctx;
  const bytes = entryKeyBytes(arena, e);
  const name = new Args(1);
  name.setBuffer(bytes, new DataView(bytes.buffer));
  name.argc = 1;
  name.len[0] = bytes.length;
  const next = throughRdb(ctx, arena, e, name);
  setClock(arena, next, entryClock(arena, e));
  const atMs = entryExpireAtMs(arena, e);
  keyspace.find(bytes, name.dv, 0, bytes.length);
  keyspace.freeValue(e);
  keyspace.replaceAll(e, next);
  if (atMs >= 0) keyspace.setExpire(next, atMs);
}

function throughRdb(ctx: ExecContext, arena: Arena, e: Ptr, name: Args): Ptr {
  const writer = new RdbWriter();
  writer.version = RDB_VERSION_MAX;
  writer.compress = ctx.control.i32[CONTROL.rdbCompression] !== 0;
  const { types } = ctx.keyspace;
  const form = valueForm(types, arena, e, writer.version);
  writeValue(types, writer, arena, e, form);
  const bytes = new Uint8Array(writer.byteLength);
  writer.copyTo(bytes, 0);
  const reader = new RdbReader().open(bytes, new DataView(bytes.buffer), 0, bytes.length);
  const next = readValue(types, ctx, name, 0, form, reader);
  if (!reader.atEnd) throw new Error(`a value of form ${form} was not read to its end`);
  return next;
}
