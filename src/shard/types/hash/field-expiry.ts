/**
 * Removing the fields of a hash whose time is over: for the active expiry walk, in slices, and for HRANDFIELD, at once.
 * Each removal is propagated as HDEL; one event `hexpired` tells of all, `del` if the key goes with its last field.
 *
 * Invariants: (1) lease held, the keyspace's cursor stands at the entry; (2) afterwards it stands there still, or, if
 * the key is gone, where a `find` that found nothing leaves it.
 */
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { entryKeyBytes } from '../../entry/entry-key.js';
import { moveRoot, rootOf } from '../../entry/root.js';
import type { EntryStore } from '../../services/entry-store.js';
import type { ExpiryContext } from '../../services/value-context.js';
import { elementName, name } from '../../structures/element.js';
import { packedDropFirst } from './hash-packed.js';
import { openTable, tableDelete } from './hash-table.js';
import { timesFirst } from './hash-times.js';
import { hashCount, hashDue, hashNextAt } from './hash-value.js';
import { HashWalk } from './hash-walk.js';

const WALK = new HashWalk();

/**
 * Removes up to `max` fields of the hash in `e` that are over at `ctx.overMs`, and the key with the last of all.
 * Returns how many it removed; the number is negative when the key is gone. @requires the cursor of `keyspace` stands
 * at `e`
 */
export function expireFields(ctx: ExpiryContext, keyspace: EntryStore, e: Ptr, max: number): number {
  const arena = keyspace.arena;
  const n = Math.min(max, hashDue(arena, e, ctx.overMs));
  if (n === 0) {
    // A time that was taken back may have left a bound that is too low.
    keyspace.setFieldExpiry(e, hashNextAt(arena, e));
    return 0;
  }
  const told = ctx.effectsOn || ctx.notifyFlags !== 0;
  const key = told ? entryKeyBytes(arena, e) : null;
  const writing = ctx.beginWriting();
  if (entryEncoding(arena, e) === HASH_TABLE) dropFromTable(ctx, keyspace, e, key, n);
  else dropPacked(ctx, keyspace, e, key, n);
  keyspace.setFieldExpiry(e, hashNextAt(arena, e));
  let gone = false;
  if (hashCount(arena, e) === 0) {
    gone = true;
    keyspace.removeHere(e);
  }
  ctx.endWriting(writing);
  ctx.stats.f64[STAT.expiredSubkeys] = ctx.stats.f64[STAT.expiredSubkeys]! + n;
  if (key !== null) {
    ctx.notifyBytes(EVENT_CLASS.HASH, 'hexpired', key, 0, key.length, keyspace.db);
    if (gone) ctx.notifyBytes(EVENT_CLASS.GENERIC, 'del', key, 0, key.length, keyspace.db);
  }
  return gone ? -n : n;
}

function dropPacked(ctx: ExpiryContext, keyspace: EntryStore, e: Ptr, key: Uint8Array | null, n: number): void {
  const arena = keyspace.arena;
  if (key !== null && ctx.effectsOn) {
    WALK.open(arena, e, Number.NEGATIVE_INFINITY);
    for (let i = 0; i < n && WALK.next(); i++) {
      WALK.readField();
      effect(ctx, keyspace, key, WALK.text.u8, WALK.text.off, WALK.text.len);
    }
  }
  const root = rootOf(arena, e);
  const next = packedDropFirst(arena, root, n);
  if (next !== root) moveRoot(arena, e, next);
}

function dropFromTable(ctx: ExpiryContext, keyspace: EntryStore, e: Ptr, key: Uint8Array | null, n: number): void {
  const arena = keyspace.arena;
  const root = rootOf(arena, e);
  const table = openTable(arena, root);
  for (let i = 0; i < n; i++) {
    const el = timesFirst(arena, root);
    elementName(arena, el);
    if (key !== null && ctx.effectsOn) effect(ctx, keyspace, key, name.u8, name.off, name.len);
    if (table.find(name.u8, name.dv, name.off, name.len) !== el) throw new Error('expireFields: not in its table');
    tableDelete(arena, root, el);
  }
}

function effect(
  ctx: ExpiryContext,
  keyspace: EntryStore,
  key: Uint8Array,
  u8: Uint8Array,
  off: number,
  len: number,
): void {
  ctx.effects.begin(3);
  ctx.effects.text('HDEL');
  ctx.effects.bytes(key, 0, key.length);
  ctx.effects.bytes(u8, off, len);
  ctx.effects.commitForAll(keyspace.db);
}
