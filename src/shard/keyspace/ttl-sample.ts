/**
 * INFO's figures about times to live: the average of a database (`avg_ttl`), and the share of expired keys that are not
 * removed yet (`expired_stale_perc`). Both are running averages over a few keys that are looked at ten times a second:
 * one table of each database, another one each time, and a few entries of it.
 *
 * Invariants: (1) lease held; (2) nothing is removed here.
 */
import { wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { entryExpireAtMs, entryFlags, F_EXPIRE } from '../entry/entry.js';
import { R_AVG_TTL_F64 } from '../structures/extendible.js';
import { FIELDS_ONE, T_VOLATILE, TABLE_ENTRIES_MAX, tableEntries } from '../structures/table.js';
import type { ActiveExpiryContext } from './expiry-context.js';
import type { Keyspace } from './keyspace.js';

/** Tables that are tried for one with keys that expire, and entries looked at. */
const TABLES_MAX = 4;
const KEYS_MAX = 20;
/** The weight of a new figure in a running average. */
const TTL_WEIGHT = 0.02;
const STALE_WEIGHT = 0.05;
/** Steps from table to table: the golden section of 2^32. */
const STEP = 0x9e3779b1;

const ENTRIES = new Int32Array(TABLE_ENTRIES_MAX);

let position = 0;
/** Of all databases in one call. */
let sampled = 0;
let stale = 0;

/** Looks at a few keys of each database of the context's shard. @requires the shard's lease, `ctx.refresh()` */
export function sampleTtl(ctx: ActiveExpiryContext): void {
  sampled = 0;
  stale = 0;
  const keyspaces = ctx.keyspaces[ctx.shard]!;
  for (let db = 0; db < keyspaces.length; db++) sampleDatabase(keyspaces[db]!, ctx.nowMs);
  const { f64 } = ctx.stats;
  const before = f64[STAT.expiredStalePerc]!;
  if (sampled === 0 && before === 0) return;
  const percent = sampled === 0 ? 0 : (stale / sampled) * 100;
  f64[STAT.expiredStalePerc] = before + (percent - before) * STALE_WEIGHT;
}

function sampleDatabase(keyspace: Keyspace, nowMs: number): void {
  const { arena, dict } = keyspace;
  const at = (dict.root + R_AVG_TTL_F64) >> 1;
  const before = arena.ctlF64[at]!;
  if (dict.volatileCount === 0) {
    if (before === 0) return;
    dict.touchRoot();
    arena.ctlF64[at] = 0;
    return;
  }
  let sum = 0;
  let living = 0;
  for (let tried = 0; tried < TABLES_MAX && living === 0; tried++) {
    position = (position + STEP) | 0;
    const table = dict.tableOf(position);
    const tw = wordIndex(table);
    if ((wordsOf(arena, table)[tw + T_VOLATILE]! & (FIELDS_ONE - 1)) === 0) continue;
    const n = tableEntries(arena, table, ENTRIES);
    const first = n > KEYS_MAX ? (position >>> 1) % n : 0;
    let looked = 0;
    for (let i = 0; i < n && looked < KEYS_MAX; i++) {
      const e = ENTRIES[first + i < n ? first + i : first + i - n]! as Ptr;
      if ((entryFlags(arena, e) & F_EXPIRE) === 0) continue;
      looked++;
      const ttl = entryExpireAtMs(arena, e) - nowMs;
      if (ttl > 0) {
        sum += ttl;
        living++;
      } else stale++;
    }
    sampled += looked;
  }
  if (living === 0) return;
  const average = sum / living;
  dict.touchRoot();
  arena.ctlF64[at] = before === 0 ? average : before + (average - before) * TTL_WEIGHT;
}
