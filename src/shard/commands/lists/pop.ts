/** What all commands that take elements off the ends of lists have in common. */
import { invariant } from '../../../shared/errors/invariant.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { createTyped, removeKey } from '../../context/typed-key.js';
import { LIST_PACKED } from '../../entry/encodings.js';
import { TYPE_LIST } from '../../entry/entry.js';
import { listRemoveRange } from '../../types/list/list-edit.js';
import { freeNode } from '../../types/list/list-node.js';
import { replyBackward, replyForward } from '../../types/list/list-reply.js';
import { createPacked, listLength, shrinkConvert } from '../../types/list/list-value.js';

/**
 * A list without elements, with room for `bytes`, for the key in argument i. @requires the last lookup was of this key
 * and gave 0. Throws ArenaFullError, and leaves nothing behind then.
 */
export function createList(ctx: ExecContext, args: Args, i: number, bytes: number, head: boolean): Ptr {
  const { arena } = ctx;
  const node = createPacked(arena, bytes, head);
  try {
    return createTyped(ctx, args, i, TYPE_LIST, LIST_PACKED, node);
  } catch (error) {
    freeNode(arena, node);
    throw error;
  }
}

/**
 * What follows the removal of `count` elements from the list of argument i: the event, and the end of the key or the
 * return to the small encoding. @requires the cursor of the keyspace at the key
 */
export function afterPop(ctx: ExecContext, args: Args, i: number, e: Ptr, count: number, head: boolean): void {
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.LIST, head ? 'lpop' : 'rpop', args, i);
  if (listLength(ctx.arena, e) === 0) removeKey(ctx, args, i, e);
  else shrinkConvert(ctx.arena, e, true);
  ctx.dirty += count;
}

/** Writes `count` elements from an end on as an array, and removes them. @requires 1 <= count <= length */
export function replyAndPop(ctx: ExecContext, e: Ptr, count: number, head: boolean, reply: Reply): void {
  invariant(count >= 1 && count <= listLength(ctx.arena, e), '1 <= count <= length');
  const length = listLength(ctx.arena, e);
  reply.array(count);
  if (head) replyForward(ctx.arena, e, 0, count, ctx, reply);
  else replyBackward(ctx.arena, e, length - 1, count, ctx, reply);
  listRemoveRange(ctx.arena, e, head ? 0 : length - count, count);
}
