/** What the stream commands answer with: entries, and errors about groups. */
import type { Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_STREAM } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { findConsumer, findGroup } from '../../types/stream/stream-groups.js';
import { replyId, StreamId } from '../../types/stream/stream-id.js';
import { StreamCursor } from '../../types/stream/stream-value.js';
import { shown } from './ids.js';

/** The lowest and the highest id. */
export const MIN_ID = new StreamId().setMin();
export const MAX_ID = new StreamId().setMax();

const single = new StreamCursor();

/** Writes the entry at which `cursor` stands: [id, [field, value ...]]. */
export function replyEntry(cursor: StreamCursor, reply: Reply): void {
  reply.array(2);
  replyId(reply, cursor.id);
  cursor.node.reply(reply);
}

/** Writes up to `count` entries (-1: all) to which `cursor` comes, as an array; returns their number. */
// hot: XRANGE
export function replyEntries(cursor: StreamCursor, count: number, reply: Reply): number {
  const mark = reply.deferredArray();
  let n = 0;
  while ((count < 0 || n < count) && cursor.next()) {
    replyEntry(cursor, reply);
    n++;
  }
  reply.setDeferred(mark, n);
  return n;
}

/** Writes the entry with an id; false, and nothing is written, when there is none. */
export function replyEntryAt(ctx: ExecContext, root: Ptr, id: StreamId, reply: Reply): boolean {
  if (!single.open(ctx.arena, root, id, id, false).next()) return false;
  replyEntry(single, reply);
  return true;
}

/** Writes the first entry, or the last; false, and nothing is written, when there is none. */
export function replyEdge(ctx: ExecContext, root: Ptr, last: boolean, reply: Reply): boolean {
  if (!single.open(ctx.arena, root, MIN_ID, MAX_ID, last).next()) return false;
  replyEntry(single, reply);
  return true;
}

/** Writes a count: kept as a double, so inexact above 2^53, but never more than a 64-bit integer can be. */
export function replyNumber(reply: Reply, n: number): void {
  if (n < 2 ** 63) reply.int(n);
  else reply.int64(0x7fffffff, -1);
}

/** The group that argument g names, of the stream in `e`; 0 when there is none. */
export function groupAt(ctx: ExecContext, args: Args, e: Ptr, g: number): Ptr {
  return findGroup(ctx.arena, rootOf(ctx.arena, e), args.u8, args.dv, args.off[g]!, args.len[g]!);
}

/** The consumer that argument c names; 0 when there is none. */
export function consumerAt(ctx: ExecContext, args: Args, group: Ptr, c: number): Ptr {
  return findConsumer(ctx.arena, group, args.u8, args.dv, args.off[c]!, args.len[c]!);
}

/** The stream and group that a command needs, with its key in argument 1 and the group's name in argument 2. */
export class StreamGroup {
  root = 0 as Ptr;
  group = 0 as Ptr;
}

export const found = new StreamGroup();

/** Fills `found`; false after an error has been written. */
export function needGroup(ctx: ExecContext, args: Args, reply: Reply): boolean {
  const e = readTyped(ctx, args, 1, TYPE_STREAM, reply);
  if (e === WRONG) return false;
  found.root = e === 0 ? e : rootOf(ctx.arena, e);
  found.group = e === 0 ? e : groupAt(ctx, args, e, 2);
  if (found.group !== 0) return true;
  reply.errorLatin1(`NOGROUP No such key '${shown(args, 1)}' or consumer group '${shown(args, 2)}'`);
  return false;
}
