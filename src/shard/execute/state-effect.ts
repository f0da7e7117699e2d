/**
 * The state of a key as an effect: `DEL key`, or `RESTORE key ttl payload REPLACE ABSTTL`. It is recorded for every key
 * of a command that failed after it may have changed memory (no memory left, a bug of ours): whatever the command did
 * before, a replay of the effects then ends in the same state. A state effect is true at any moment, so an extra one
 * does no harm.
 *
 * The leases of the command are still held. Cold: it allocates.
 */
import { NULL } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { ExecContext } from '../context/context.js';
import { entryExpireAtMs } from '../entry/entry.js';
import { takePayload, writePayload } from '../rdb/payload.js';
import { RdbWriter } from '../rdb/rdb-writer.js';

/** Records the state of the key in argument i in database `db`. @requires the lease of the key's shard */
export function recordState(ctx: ExecContext, args: Args, i: number, db: number): void {
  const keyspace = ctx.keyspaces[ctx.shardOf(args, i)]![db]!;
  const { arena, types } = keyspace;
  const e = keyspace.find(args.u8, args.dv, args.off[i]!, args.len[i]!);
  const { effects } = ctx;
  if (e === NULL) {
    effects.begin(2);
    effects.text('DEL');
    effects.arg(args, i);
    effects.commit(db);
    return;
  }
  const writer = new RdbWriter();
  const payload = new Uint8Array(writePayload(types, writer, arena, e));
  takePayload(writer, payload, 0);
  effects.begin(6);
  effects.text('RESTORE');
  effects.arg(args, i);
  effects.integer(Math.max(entryExpireAtMs(arena, e), 0));
  effects.bytes(payload, 0, payload.length);
  effects.text('REPLACE');
  effects.text('ABSTTL');
  effects.commit(db);
}
