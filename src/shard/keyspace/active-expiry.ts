/**
 * Active expiry: removes expired keys that no client asks for. A table knows a lower bound of its expiry times, so
 * tables with nothing due cost one look at their first line, and databases without expiring keys cost nothing. Values
 * with elements that expire (hashes) are found in the same way and lose the due elements.
 *
 * The walk goes round all databases and tables of a shard; its position lies in the shard's control words (database,
 * position of h1), so the next thread goes on from there.
 *
 * Invariants: (1) lease held, `ctx` stands on the shard (`useShard`); (2) a table's bound is raised only when all its
 * entries have been looked at in this critical section; (3) a removal may merge or free the table it was in.
 */
import { monotonicMs } from '../../shared/clock.js';
import { CTL_EXPIRE_DB, CTL_EXPIRE_POSITION } from '../../shared/memory/arena.js';
import { doublesOf, wordIndex, wordsOf } from '../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { EVENT_EXPIRE_CYCLE, LatencyEvents } from '../../shared/stats/latency-events.js';
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL, CONTROL_F64 } from '../../shared/sync/control-block.js';
import { entryExpireAtMs, entryFlags, F_EXPIRE, F_FIELDS } from '../entry/entry.js';
import { T_COUNT, T_MIN_EXPIRE, T_VOLATILE, TABLE_ENTRIES_MAX, tableEntries } from '../structures/table.js';
import { nextPrefix, PREFIX_END } from '../structures/table-walk.js';
import type { ActiveExpiryContext } from './expiry-context.js';
import type { Keyspace } from './keyspace.js';
import { pointAt } from './scan.js';

/** The clock is read once per so many tables looked at, and per so many keys removed (powers of two). */
const TABLES_PER_CLOCK = 64;
const KEYS_PER_CLOCK = 16;
/** Elements of one value that are removed before the clock is read. */
const ELEMENTS_PER_CLOCK = 64;

const ENTRIES = new Int32Array(TABLE_ENTRIES_MAX);

/** Whether some entry of the table may be due. */
function isDue(keyspace: Keyspace, table: Ptr, nowMs: number): boolean {
  const w = wordIndex(table) + T_MIN_EXPIRE;
  return doublesOf(keyspace.arena, table)[w >> 1]! < nowMs;
}

/**
 * Removes the due entries of a table, and the due elements of its values, until `endMs` (of monotonicMs). Returns
 * the number of entries, -1 minus it if it had to stop.
 */
function expireEntries(ctx: ActiveExpiryContext, keyspace: Keyspace, table: Ptr, endMs: number): number {
  const { arena, dict } = keyspace;
  const prefix = nextPrefix(arena, table) - 1;
  const n = tableEntries(arena, table, ENTRIES);
  let removed = 0;
  let minAtMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const e = ENTRIES[i]! as Ptr;
    const flags = entryFlags(arena, e);
    if ((flags & (F_EXPIRE | F_FIELDS)) === 0) continue;
    const atMs = entryExpireAtMs(arena, e);
    if (atMs < 0 || atMs >= ctx.overMs) {
      if (atMs >= 0 && atMs < minAtMs) minAtMs = atMs;
      if ((flags & F_FIELDS) === 0) continue;
      const nextAtMs = expireElements(ctx, keyspace, e, endMs);
      if (nextAtMs === STOPPED) return -1 - removed;
      if (nextAtMs === GONE) removed++;
      else if (nextAtMs < minAtMs) minAtMs = nextAtMs;
      continue;
    }
    pointAt(dict, e);
    ctx.expire(keyspace, e);
    removed++;
    if ((removed & (KEYS_PER_CLOCK - 1)) === 0 && monotonicMs() > endMs) return -1 - removed;
  }
  // Only an unmerged table may get its exact bound; a merged table keeps a lower bound.
  if (dict.tableOf(prefix | 0) === table && removed < n) raiseBound(keyspace, table, n - removed, minAtMs);
  return removed;
}

/** Elements removed since the clock was read. */
let elementsRemoved = 0;
/** Results of `expireElements` that are no time: it had to stop before the last due element; the key is gone. */
const STOPPED = -1;
const GONE = -2;

/**
 * Removes the due elements of a value until `endMs`. Returns when the next element is due, Infinity for none, or one of
 * STOPPED and GONE.
 */
function expireElements(ctx: ActiveExpiryContext, keyspace: Keyspace, e: Ptr, endMs: number): number {
  const arena = keyspace.arena;
  const { expiry } = keyspace.types.of(arena, e);
  if (expiry === null) throw new Error(`entry ${e} is flagged as one whose elements expire`);
  const nextAtMs = expiry.nextAtMs(arena, e);
  if (nextAtMs >= ctx.overMs) return nextAtMs;
  pointAt(keyspace.dict, e);
  for (;;) {
    const n = expiry.expire(ctx, keyspace, e, ELEMENTS_PER_CLOCK);
    const removed = Math.abs(n);
    elementsRemoved += removed;
    if (elementsRemoved >= ELEMENTS_PER_CLOCK) {
      elementsRemoved = 0;
      if (monotonicMs() > endMs) return STOPPED;
    }
    if (n < 0) return GONE;
    if (removed < ELEMENTS_PER_CLOCK) return expiry.nextAtMs(arena, e);
  }
}

function raiseBound(keyspace: Keyspace, table: Ptr, entries: number, minAtMs: number): void {
  const arena = keyspace.arena;
  const i32 = wordsOf(arena, table);
  const tw = wordIndex(table);
  if (i32[tw + T_COUNT] !== entries || i32[tw + T_VOLATILE] === 0) return;
  arena.touch(table, 0, 64);
  doublesOf(arena, table)[(tw + T_MIN_EXPIRE) >> 1] = minAtMs;
}

/**
 * Removes due keys of the context's shard for about `budgetUs`, going on where the last call stopped. Returns whether
 * due keys are known to remain. Nothing goes while nothing expires by itself. @requires the shard's lease,
 * `ctx.refresh()`, `ctx.useShard(shard)`
 */
export function activeExpire(ctx: ActiveExpiryContext, budgetUs: number): boolean {
  if (ctx.control.i32[CONTROL.activeExpire] === 0 || ctx.keepsAllExpired()) return false;
  const ctl = ctx.arena.ctl;
  const keyspaces = ctx.keyspaces[ctx.shard]!;
  let db = ctl[CTL_EXPIRE_DB]!;
  let position = ctl[CTL_EXPIRE_POSITION]! >>> 0;
  if (db >= keyspaces.length) db = position = 0;
  let more = false;
  let removed = 0;
  let endMs = 0;
  let startMs = 0;
  let looked = 0;
  // One step more than there are databases: the walk may have begun in the middle of the first database.
  for (let passed = 0; passed <= keyspaces.length; ) {
    const keyspace = keyspaces[db]!;
    const dict = keyspace.dict;
    const idle = dict.volatileCount === 0 && dict.fieldVolatileCount === 0;
    const table = idle ? NULL : dict.tableOf(position | 0);
    if (table === NULL) {
      db = db + 1 === keyspaces.length ? 0 : db + 1;
      position = 0;
      passed++;
      continue;
    }
    if (endMs === 0) {
      startMs = monotonicMs();
      endMs = startMs + budgetUs / 1000;
    }
    const next = nextPrefix(ctx.arena, table);
    if (isDue(keyspace, table, ctx.overMs)) {
      const n = expireEntries(ctx, keyspace, table, endMs);
      more = n < 0;
      removed += n < 0 ? -1 - n : n;
      if (more) break;
    }
    if (next >= PREFIX_END) {
      db = db + 1 === keyspaces.length ? 0 : db + 1;
      position = 0;
      passed++;
    } else position = next;
    if ((++looked & (TABLES_PER_CLOCK - 1)) === 0 || removed > 0) {
      if (monotonicMs() > endMs) {
        // If some keys of a table were due, more keys probably are.
        more = removed > 0;
        break;
      }
    }
  }
  ctl[CTL_EXPIRE_DB] = db;
  ctl[CTL_EXPIRE_POSITION] = position | 0;
  if (startMs !== 0) account(ctx, removed, more, monotonicMs() - startMs);
  return more;
}

function account(ctx: ActiveExpiryContext, removed: number, more: boolean, tookMs: number): void {
  const f64 = ctx.stats.f64;
  f64[STAT.expiredActiveKeys] = f64[STAT.expiredActiveKeys]! + removed;
  f64[STAT.expireCycleMs] = f64[STAT.expireCycleMs]! + tookMs;
  const { control } = ctx;
  const latencyMs = control.f64[CONTROL_F64.latencyMs]!;
  if (latencyMs > 0 && tookMs >= latencyMs) new LatencyEvents(control).add(EVENT_EXPIRE_CYCLE, tookMs);
  if (more) f64[STAT.expireCapReached] = f64[STAT.expireCapReached]! + 1;
}
