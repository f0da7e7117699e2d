/**
 * Adding members to a sorted set when all arguments have been read: what ZADD, ZINCRBY and GEOADD have in common.
 *
 * Invariant: one command at a time; what is to be added is in `adding`.
 */
import { SCORE_NAN } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { detachedEntry, dropDetached, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import {
  ADD_INCR,
  ADD_XX,
  freeMadeZset,
  made,
  newZset,
  scored,
  ZSET_ADDED,
  ZSET_NAN,
  ZSET_REFUSED,
  ZSET_UPDATED,
  zsetAdd,
  zsetExpect,
} from '../../types/zset/zset-value.js';
import { replyScore } from './reply.js';

const INITIAL_SCORES = 64;
const KEPT_SCORES_MAX = 4096;

/** Members to be added to the key in argument 1, and how. */
class Adding {
  /** ADD_NX and its like. */
  flags = 0;
  /** Updates count for the reply, too. */
  changes = false;
  /** First argument behind the options. */
  at = 2;
  /** A member and what belongs to it are so many arguments, the member last. */
  stride = 2;
  count = 0;
  scores: Float64Array = new Float64Array(INITIAL_SCORES);

  /** Makes room for the scores of `count` members. */
  begin(stride: number, count: number): void {
    this.stride = stride;
    this.count = count;
    const room = this.scores.length;
    if (count > room || (room > KEPT_SCORES_MAX && count <= INITIAL_SCORES)) {
      this.scores = new Float64Array(Math.max(INITIAL_SCORES, 2 * count));
    }
  }

  /** Argument with member j. */
  member(j: number): number {
    return this.at + this.stride * (j + 1) - 1;
  }
}

/** What the running command adds. */
export const adding = new Adding();

/** An entry in no dictionary yet for the key in argument 1, with an empty set that suits what is to come. */
function detachedZset(ctx: ExecContext, args: Args): Ptr {
  newZset(ctx, adding.count, args.len[adding.member(0)]!);
  try {
    return detachedEntry(ctx, args, 1, TYPE_ZSET, made.encoding, made.root);
  } catch (error) {
    freeMadeZset(ctx.arena);
    throw error;
  }
}

/** What the running command did. */
class AddCounts {
  added = 0;
  updated = 0;
  /** The last member was not refused. */
  processed = false;
}

const DONE = new AddCounts();

/** Adds the members to the set in `e`; false when the sum would be NaN, which has changed nothing. */
function addMembers(ctx: ExecContext, args: Args, e: Ptr): boolean {
  const { flags, count, scores } = adding;
  DONE.added = 0;
  DONE.updated = 0;
  DONE.processed = false;
  for (let j = 0; j < count; j++) {
    const i = adding.member(j);
    const done = zsetAdd(ctx, e, scores[j]!, args.u8, args.dv, args.off[i]!, args.len[i]!, flags);
    if (done === ZSET_NAN) return false;
    if (done === ZSET_ADDED) DONE.added++;
    else if (done === ZSET_UPDATED) DONE.updated++;
    DONE.processed = done !== ZSET_REFUSED;
  }
  return true;
}

/**
 * Adds the members in `adding`, with events, reply and `dirty`. @requires none of the scores is NaN. Throws
 * ArenaFullError.
 */
// hot: ZADD, ZINCRBY, GEOADD
export function addScored(ctx: ExecContext, args: Args, reply: Reply): void {
  const { flags, count } = adding;
  const e = writeTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  const increment = (flags & ADD_INCR) !== 0;
  if (e === NULL) {
    if ((flags & ADD_XX) !== 0) {
      if (increment) reply.nil();
      else reply.int(0);
      return;
    }
    createWith(ctx, args);
  } else {
    if (count > 1) zsetExpect(ctx, e, count);
    if (!addMembers(ctx, args, e)) {
      reply.error(SCORE_NAN);
      return;
    }
  }
  const changed = DONE.added + DONE.updated;
  if (changed > 0) {
    ctx.dirty += changed;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.ZSET, increment ? 'zincr' : 'zadd', args, 1);
    if (e === NULL) ctx.signalReady(args, 1);
  }
  if (!increment) reply.int(adding.changes ? changed : DONE.added);
  else if (DONE.processed) replyScore(reply, scored.score);
  else reply.nil();
}

/** Makes the key in argument 1, which the last lookup did not find, a set of the members. */
function createWith(ctx: ExecContext, args: Args): void {
  const e = detachedZset(ctx, args);
  try {
    addMembers(ctx, args, e);
    ctx.keyspace.insert(e);
  } catch (error) {
    dropDetached(ctx, e);
    throw error;
  }
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.NEW, 'new', args, 1);
}
