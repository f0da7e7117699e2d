/**
 * Keys that hold a value of a certain type: looking them up, making and removing them. What the commands of every data
 * type have in common.
 *
 * Invariants: (1) as for ExecContext, the leases are held; (2) calls that need the keyspace's cursor follow the lookup
 * of the same key, with no other lookup in between.
 */
import { WRONGTYPE } from '../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../shared/keyspace-events.js';
import { CTL_BLOCKED } from '../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { Reply } from '../../shared/resp/reply.js';
import { entryType } from '../entry/entry.js';
import { rootedEntry } from '../entry/root.js';
import { INLINE_WORK_MAX } from '../services/work-bound.js';
import type { ExecContext } from './context.js';

/** What `readTyped` and `writeTyped` answer when the key holds another type. */
export const WRONG = -1 as Ptr;

/** The entry of the key in argument i for reading; 0: no such key; WRONG: another type, the error is written. */
export function readTyped(ctx: ExecContext, args: Args, i: number, type: number, reply: Reply): Ptr {
  const e = ctx.lookupRead(args, i);
  if (e === NULL || entryType(ctx.arena, e) === type) return e;
  reply.error(WRONGTYPE);
  return WRONG;
}

/** As `readTyped`, for a key that is to be changed: no hit or miss is counted. */
export function writeTyped(ctx: ExecContext, args: Args, i: number, type: number, reply: Reply): Ptr {
  const e = ctx.lookupWrite(args, i);
  if (e === NULL || entryType(ctx.arena, e) === type) return e;
  reply.error(WRONGTYPE);
  return WRONG;
}

/**
 * A new key with a value whose root cell is `root`; no expiry. @requires the last lookup was of this key and gave 0.
 * Throws ArenaFullError.
 */
export function createTyped(ctx: ExecContext, args: Args, i: number, type: number, encoding: number, root: Ptr): Ptr {
  const e = detachedEntry(ctx, args, i, type, encoding, root);
  try {
    ctx.keyspace.insert(e);
  } catch (error) {
    ctx.keyspace.freeCell(e);
    throw error;
  }
  if (ctx.arena.ctl[CTL_BLOCKED] !== 0) ctx.signalReady(args, i);
  return e;
}

/** An entry for the key in argument i that is in no dictionary yet, in the present shard. Throws ArenaFullError. */
export function detachedEntry(ctx: ExecContext, args: Args, i: number, type: number, encoding: number, root: Ptr): Ptr {
  return rootedEntry(ctx.keyspace, args, i, type, encoding, root, ctx.clock);
}

/**
 * Puts a detached entry of the key in argument i in its place: whatever the key held goes, with its expiry. Makes the
 * shard of the key the present one. Raises no event.
 */
export function storeDetached(ctx: ExecContext, args: Args, i: number, e: Ptr): void {
  const old = ctx.peek(args, i);
  if (ctx.arena.ctl[CTL_BLOCKED] !== 0) ctx.signalReady(args, i);
  if (old === NULL) {
    ctx.keyspace.insert(e);
    return;
  }
  ctx.keyspace.freeValue(old);
  ctx.keyspace.replaceAll(old, e);
}

/** Frees a detached entry that is not wanted after all. */
export function dropDetached(ctx: ExecContext, e: Ptr): void {
  ctx.keyspace.freeValue(e);
  ctx.keyspace.freeCell(e);
}

/** Removes the key in argument i, at whose entry `e` the cursor stands, and raises its `del` event. */
export function removeKey(ctx: ExecContext, args: Args, i: number, e: Ptr): void {
  ctx.keyspace.remove(e);
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.GENERIC, 'del', args, i);
}

/**
 * To be called before anything is changed by a command that visits `work` elements: on an I/O thread, when that is too
 * much there, it does not return, and the command runs on the shard's thread.
 */
export function boundInline(ctx: ExecContext, work: number): void {
  if (work > INLINE_WORK_MAX && ctx.inline) ctx.leaveToShard();
}
