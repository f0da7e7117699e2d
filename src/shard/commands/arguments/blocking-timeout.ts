/** The timeout of blocking commands, and how they begin to wait. */

import { parseLongDouble } from '../../../shared/numbers/long-double.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';

const TIMEOUT_MS_MAX = 2 ** 63;
/** Smaller exponents make any mantissa less than a millisecond, and might make it 0, which means to wait forever. */
const EXPONENT_MIN = -1000;

/** Argument i, seconds with a fraction, as a moment in unix ms (0: never); -1 after an error has been written. */
export function blockingDeadline(ctx: ExecContext, args: Args, i: number, reply: Reply): number {
  const whole = wholeSeconds(args, i);
  if (whole >= 0) return deadlineOf(ctx, whole * 1000, reply);
  const number = args.len[i]! > 64 ? null : parseLongDouble(args.latin1(i));
  if (number === null) {
    reply.errorText('ERR timeout is not a float or out of range');
    return -1;
  }
  const seconds = number.infinite
    ? Number.POSITIVE_INFINITY * Number(number.mantissa)
    : Number(number.mantissa) * 2 ** Math.max(number.exponent, EXPONENT_MIN);
  return deadlineOf(ctx, Math.ceil(seconds * 1000), reply);
}

/** Argument i when it is a few digits, as it mostly is; else -1. */
function wholeSeconds(args: Args, i: number): number {
  const n = args.len[i]!;
  if (n === 0 || n > 9) return -1;
  const at = args.off[i]!;
  let seconds = 0;
  for (let k = 0; k < n; k++) {
    const digit = args.u8[at + k]! - 48;
    if (digit < 0 || digit > 9) return -1;
    seconds = seconds * 10 + digit;
  }
  return seconds;
}

/** Argument i, whole milliseconds (XREAD BLOCK), as `blockingDeadline`. */
export function deadlineOf(ctx: ExecContext, ms: number, reply: Reply): number {
  if (ms + ctx.nowMs >= TIMEOUT_MS_MAX) {
    reply.errorText('ERR timeout is out of range');
    return -1;
  }
  if (ms < 0) {
    reply.errorText('ERR timeout is negative');
    return -1;
  }
  return ms === 0 ? 0 : ctx.nowMs + ms;
}

/** Whether a command that is served looks away from the key in argument i: its lease is not held. */
export function passesOver(ctx: ExecContext, args: Args, i: number): boolean {
  if (!ctx.blocking.serving || ctx.leases.count === ctx.shardCount) return false;
  return ctx.leases.held[ctx.shardOfKey(args, i)] === 0;
}

let indexes = new Int32Array(64);

/**
 * Has the command wait until one of the keys in arguments `first` to `last` holds a value of `valueType`, with nothing
 * written yet; where it must not wait it answers with a null, `array`: with that of arrays.
 */
export function waitFor(
  ctx: ExecContext,
  args: Args,
  first: number,
  last: number,
  deadlineMs: number,
  valueType: number,
  array: boolean,
  moreShards: boolean,
  reply: Reply,
): void {
  const count = last - first + 1;
  if (count > indexes.length) indexes = new Int32Array(count * 2);
  for (let k = 0; k < count; k++) indexes[k] = first + k;
  if (ctx.blocking.block(ctx, args, indexes, count, deadlineMs, ctx.commandId, moreShards, valueType)) return;
  if (array) reply.nullArray();
  else reply.nil();
}
