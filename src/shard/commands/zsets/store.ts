/**
 * Sorted sets that are built aside and then put in place: the results of the ...STORE commands.
 *
 *     beginZset -> addToZset for each member, in ascending order -> storeZset; dropZset when something fails
 *
 * Invariants: (1) the leases of all keys are held; (2) one result at a time, in `made` (types/zset/zset-value.ts);
 * (3) what fails on the way leaves nothing behind.
 */

import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { segmentOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { detachedEntry, dropDetached, removeKey, storeDetached } from '../../context/typed-key.js';
import { ZSET_PACKED, ZSET_TREE } from '../../entry/encodings.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { packedAppend, packedFits } from '../../types/zset/zset-packed.js';
import { treeAddNew, treeFromPacked } from '../../types/zset/zset-tree.js';
import { freeMadeZset, made, newZset } from '../../types/zset/zset-value.js';

/** The arena of the result, the longest member that a packed one may have, and how many members it has. */
let arena: Arena;
let valueMax = 0;
let members = 0;

/** Begins a result of `count` members in the present shard. Throws ArenaFullError. */
export function beginZset(ctx: ExecContext, count: number): void {
  arena = ctx.arena;
  valueMax = ctx.control.f64[CONTROL_F64.zsetMaxListpackValue]!;
  members = 0;
  newZset(ctx, count, 0);
}

/** Adds a member behind all others. Throws ArenaFullError. */
export function addToZset(score: number, u8: Uint8Array, dv: DataView, off: number, len: number): void {
  if (made.encoding === ZSET_PACKED) {
    if (len <= valueMax && packedFits(arena, made.root, len)) {
      made.root = packedAppend(arena, made.root, score, u8, off, len);
      members++;
      return;
    }
    const packed = made.root;
    const segment = segmentOf(packed);
    made.root = treeFromPacked(arena, packed, arena.u8[segment]!, arena.dv[segment]!);
    made.encoding = ZSET_TREE;
    free(arena, packed);
  }
  treeAddNew(arena, made.root, score, u8, dv, off, len);
  members++;
}

/** Gives the result up. */
export function dropZset(): void {
  freeMadeZset(arena);
}

/** Gives the result an entry, in no dictionary yet. */
function detach(ctx: ExecContext, args: Args, k: number): Ptr {
  try {
    return detachedEntry(ctx, args, k, TYPE_ZSET, made.encoding, made.root);
  } catch (error) {
    dropZset();
    throw error;
  }
}

/**
 * Makes the result the value of the key in argument k, or, if it is empty, removes the key; with events, reply and
 * `dirty`. @requires the present shard is the key's
 */
export function storeZset(ctx: ExecContext, args: Args, k: number, event: string, reply: Reply): void {
  if (members === 0) {
    dropZset();
    removeDestination(ctx, args, k, reply);
    return;
  }
  const count = members;
  const e = detach(ctx, args, k);
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
  ctx.notify(EVENT_CLASS.ZSET, event, args, k);
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
