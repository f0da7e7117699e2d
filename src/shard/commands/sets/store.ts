/**
 * Sets that are built aside and then put in place: new keys of SADD and SMOVE, results of the ...STORE commands.
 *
 * Invariants: (1) the leases of all keys are held; (2) what fails on the way leaves nothing behind.
 */
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { detachedEntry, dropDetached, removeKey, storeDetached } from '../../context/typed-key.js';
import { TYPE_SET } from '../../entry/entry.js';
import { freeMade, made, newIntset, newPackedSet, newSet, setCount } from '../../types/set/set-value.js';

/** Gives the root in `made` an entry. */
function detach(ctx: ExecContext, args: Args, k: number): Ptr {
  try {
    return detachedEntry(ctx, args, k, TYPE_SET, made.encoding, made.root);
  } catch (error) {
    freeMade(ctx.arena);
    throw error;
  }
}

/**
 * An entry in no dictionary yet, in the present shard, for the key in argument k, with an empty set that suits the
 * first of `count` members, argument i. Throws ArenaFullError.
 */
export function detachedFor(ctx: ExecContext, args: Args, k: number, i: number, count: number): Ptr {
  newSet(ctx, args.u8, args.off[i]!, args.len[i]!, count);
  return detach(ctx, args, k);
}

/** As `detachedFor`, with an empty intset. */
export function detachedIntset(ctx: ExecContext, args: Args, k: number): Ptr {
  newIntset(ctx.arena);
  return detach(ctx, args, k);
}

/** As `detachedFor`, with an empty listpack. */
export function detachedPacked(ctx: ExecContext, args: Args, k: number): Ptr {
  newPackedSet(ctx.arena);
  return detach(ctx, args, k);
}

/**
 * Makes the detached set the value of the key in argument k, or, if it is empty, removes the key; with events, reply
 * and `dirty`. @requires the present shard is the key's
 */
export function storeSet(ctx: ExecContext, args: Args, k: number, e: Ptr, event: string, reply: Reply): void {
  const count = setCount(ctx.arena, e);
  if (count === 0) {
    dropDetached(ctx, e);
    removeDestination(ctx, args, k, reply);
    return;
  }
  let existed = true;
  try {
    existed = ctx.peek(args, k) !== NULL;
    storeDetached(ctx, args, k, e);
  } catch (error) {
    dropDetached(ctx, e);
    throw error;
  }
  ctx.dirty++;
  if (!existed) ctx.notify(EVENT_CLASS.NEW, 'new', args, k);
  ctx.notify(EVENT_CLASS.SET, event, args, k);
  reply.int(count);
}

/** The result is empty: the key in argument k goes, if it is there. */
export function removeDestination(ctx: ExecContext, args: Args, k: number, reply: Reply): void {
  const old = ctx.peek(args, k);
  if (old !== NULL) {
    ctx.dirty++;
    removeKey(ctx, args, k, old);
  }
  reply.int(0);
}
