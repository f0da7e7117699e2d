/** What the group commands propagate, as Redis does it: claims, the state of groups, new consumers. */
import type { Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { ExecContext } from '../../context/context.js';
import { elementName, name } from '../../structures/element.js';
import {
  addConsumer,
  consumerElement,
  entriesRead,
  groupLast,
  Pending,
  readPending,
} from '../../types/stream/stream-groups.js';
import { StreamId } from '../../types/stream/stream-id.js';

const last = new StreamId();
const pending = new Pending();

/** A pending entry as it is now, as an XCLAIM that makes it so. `id`: as text, or the index of its argument. */
export function effectClaim(
  ctx: ExecContext,
  args: Args,
  keyArg: number,
  groupArg: number,
  group: Ptr,
  el: Ptr,
  id: StreamId | number,
): void {
  if (!ctx.effectsOn) return;
  const { effects, arena } = ctx;
  readPending(arena, el, pending);
  ctx.beginEffect(14);
  effects.text('XCLAIM');
  effects.arg(args, keyArg);
  effects.arg(args, groupArg);
  elementName(arena, consumerElement(arena, pending.consumer));
  effects.bytes(name.u8, name.off, name.len);
  effects.text('0');
  if (typeof id === 'number') effects.arg(args, id);
  else effects.text(id.text());
  effects.text('TIME');
  effects.integer(pending.deliveredAtMs);
  effects.text('RETRYCOUNT');
  effects.integer(pending.deliveries);
  effects.text('FORCE');
  effects.text('JUSTID');
  effects.text('LASTID');
  effects.text(groupLast(arena, group, last).text());
  ctx.endEffect();
}

/** What a group has read, as an XGROUP SETID. */
export function effectSetId(ctx: ExecContext, args: Args, keyArg: number, groupArg: number, group: Ptr): void {
  if (!ctx.effectsOn) return;
  const { effects, arena } = ctx;
  ctx.beginEffect(7);
  effects.text('XGROUP');
  effects.text('SETID');
  effects.arg(args, keyArg);
  effects.arg(args, groupArg);
  effects.text(groupLast(arena, group, last).text());
  effects.text('ENTRIESREAD');
  effects.integer(entriesRead(arena, group));
  ctx.endEffect();
}

/** A consumer that comes into being, as an XGROUP CREATECONSUMER. */
export function effectConsumer(
  ctx: ExecContext,
  args: Args,
  keyArg: number,
  groupArg: number,
  consumerArg: number,
): void {
  if (!ctx.effectsOn) return;
  const { effects } = ctx;
  ctx.beginEffect(5);
  effects.text('XGROUP');
  effects.text('CREATECONSUMER');
  effects.arg(args, keyArg);
  effects.arg(args, groupArg);
  effects.arg(args, consumerArg);
  ctx.endEffect();
}

/** Makes the consumer that argument c names, which the group has not. */
export function makeConsumer(ctx: ExecContext, args: Args, keyArg: number, group: Ptr, c: number): Ptr {
  const made = addConsumer(ctx.arena, group, args.u8, args.dv, args.off[c]!, args.len[c]!, ctx.nowMs);
  ctx.dirty++;
  ctx.notifyAside('xgroup-createconsumer', args, keyArg);
  return made;
}

/** From here on effects are propagated together, in place of the command. */
export function beginEffects(ctx: ExecContext): void {
  ctx.ownEffects = true;
  ctx.effects.beginGroup();
}

/** Ends what `beginEffects` began; to be called whatever happened in between. */
export function endEffects(ctx: ExecContext): void {
  ctx.effects.endGroup();
}
