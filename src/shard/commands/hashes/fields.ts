/**
 * What the commands on hashes share: making the key, finding a field that lives, removing fields that are over.
 *
 * A field that is over is hidden at once and removed when a command looks at it by its name, or by the shard's thread
 * (keyspace/active-expiry.ts). Its removal is propagated as HDEL and told as `hexpired`; the key goes with its last
 * field.
 *
 * Invariants: (1) the lookup of the key was the last one, so the keyspace's cursor stands at `e`; (2) GONE: `e` is void
 * and the cursor stands where a `find` that found nothing leaves it, so `createHash` may follow.
 */
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { createTyped } from '../../context/typed-key.js';
import { HASH_PACKED, HASH_TABLE } from '../../entry/encodings.js';
import { TYPE_HASH } from '../../entry/entry.js';
import { freeTableRoot } from '../../structures/garbage.js';
import { LP_EMPTY_BYTES } from '../../structures/listpack.js';
import { lpEntryBytes } from '../../structures/listpack-entry.js';
import {
  createHashRoot,
  deleteFound,
  findField,
  foundAtMs,
  hashCount,
  hasTimes,
  STAYS,
  syncFieldExpiry,
} from '../../types/hash/hash-value.js';

/** What `findLive` answers. */
export const ABSENT = 0;
export const LIVE = 1;
/** The field was over and the last one: the key is gone. */
export const GONE = -1;
/** The field was over; it has been removed. */
export const EXPIRED = 2;

/** Bytes of text beyond which a new hash is a table whatever the limits say. */
const PACKED_TEXT_MAX = 48 * 1024;

/**
 * A new key with an empty hash, in the encoding that suits the fields and values in the arguments from `first` to the
 * last. @requires invariant (1), the key does not exist. Throws ArenaFullError.
 */
export function createHash(ctx: ExecContext, args: Args, first: number): Ptr {
  const arena = ctx.arena;
  const bytes = packedBytes(ctx, args, first);
  const encoding = bytes > 0 ? HASH_PACKED : HASH_TABLE;
  const root = createHashRoot(arena, encoding, bytes);
  try {
    const e = createTyped(ctx, args, 1, TYPE_HASH, encoding, root);
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, 1);
    return e;
  } catch (error) {
    if (encoding === HASH_TABLE) freeTableRoot(arena, root);
    else free(arena, root);
    throw error;
  }
}

/** Bytes of a listpack with the arguments from `first` on; 0 when they belong into a table. */
function packedBytes(ctx: ExecContext, args: Args, first: number): number {
  const f64 = ctx.control.f64;
  const max = f64[CONTROL_F64.hashMaxListpackValue]!;
  if (args.argc - first > 2 * f64[CONTROL_F64.hashMaxListpackEntries]!) return 0;
  let bytes = LP_EMPTY_BYTES;
  for (let i = first; i < args.argc; i++) {
    const len = args.len[i]!;
    if (len > max) return 0;
    bytes += lpEntryBytes(args.u8, args.off[i]!, len);
  }
  return bytes > PACKED_TEXT_MAX ? 0 : bytes;
}

/**
 * Looks for the field in argument i: LIVE (it is in `found`), ABSENT, or, if it was over and has been removed, EXPIRED
 * or GONE. `quiet`: the events of the removal are the caller's to raise.
 */
export function findLive(ctx: ExecContext, args: Args, e: Ptr, i: number, quiet: boolean): number {
  const arena = ctx.arena;
  if (!findField(arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!)) return ABSENT;
  if (!hasTimes(arena, e)) return LIVE;
  const at = foundAtMs(arena, e);
  if (at === STAYS || at >= ctx.overMs) return LIVE;
  // While clients are paused nothing changes: the field is hidden and stays.
  if (ctx.keepsExpired()) return ABSENT;
  return expireFound(ctx, args, e, i, quiet);
}

/** Removes the found field, which is over, and the key with the last one. */
function expireFound(ctx: ExecContext, args: Args, e: Ptr, i: number, quiet: boolean): number {
  const { arena, keyspace } = ctx;
  const writing = ctx.beginWriting();
  deleteFound(arena, e);
  syncFieldExpiry(ctx, e);
  const gone = hashCount(arena, e) === 0;
  if (gone) dropKey(ctx, e);
  ctx.endWriting(writing);
  ctx.stats.f64[STAT.expiredSubkeys] = ctx.stats.f64[STAT.expiredSubkeys]! + 1;
  if (ctx.effectsOn) {
    ctx.effects.begin(3);
    ctx.effects.text('HDEL');
    ctx.effects.arg(args, 1);
    ctx.effects.arg(args, i);
    ctx.effects.commitForAll(keyspace.db);
  }
  if (!quiet) notifyExpired(ctx, args, gone);
  return gone ? GONE : EXPIRED;
}

/** The events of fields that were over, and of the key if that is gone with them. */
export function notifyExpired(ctx: ExecContext, args: Args, gone: boolean): void {
  if (ctx.notifyFlags === 0) return;
  ctx.notify(EVENT_CLASS.HASH, 'hexpired', args, 1);
  if (gone) ctx.notify(EVENT_CLASS.GENERIC, 'del', args, 1);
}

/** Removes the key of a hash without an event, and leaves the cursor where a `find` that found nothing does. */
export function dropKey(ctx: ExecContext, e: Ptr): void {
  const keyspace = ctx.keyspace;
  keyspace.remove(e);
  keyspace.dict.table = keyspace.dict.tableOf(keyspace.dict.h1);
}
