/** The options of SET and GETEX: conditions, and times to live as absolute milliseconds. */
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { int64, int64Number, lessInt64, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';

export const OPT_NX = 1;
export const OPT_XX = 2;
export const OPT_GET = 4;
export const OPT_KEEPTTL = 8;
export const OPT_PERSIST = 16;
export const OPT_EX = 32;
export const OPT_PX = 64;
export const OPT_EXAT = 128;
export const OPT_PXAT = 256;
const OPT_TIMES = OPT_EX | OPT_PX | OPT_EXAT | OPT_PXAT;

/** Most seconds whose milliseconds fit into 64 bits: 9223372036854775, as halves. */
const SECONDS_MAX_HI = 0x0020c49b;
const SECONDS_MAX_LO = 0xa5e353f7 | 0;
const TWO_63 = 2 ** 63;
/** The largest double below 2^63. */
const TIME_MAX_MS = TWO_63 - 1024;

/** What `parseStringOptions` found; one a thread. */
class StringOptions {
  bits = 0;
  /** Argument that holds the time; valid with one of EX, PX, EXAT, PXAT. */
  timeArg = 0;
}

export const stringOptions = new StringOptions();

/** The bit of the option in argument i, or 0. A time needs an argument behind it. */
function optionBit(args: Args, i: number): number {
  const hasNext = i + 1 < args.argc;
  switch (args.len[i]) {
    case 2:
      if (args.is(i, 'nx')) return OPT_NX;
      if (args.is(i, 'xx')) return OPT_XX;
      if (hasNext && args.is(i, 'ex')) return OPT_EX;
      return hasNext && args.is(i, 'px') ? OPT_PX : 0;
    case 3:
      return args.is(i, 'get') ? OPT_GET : 0;
    case 4:
      if (hasNext && args.is(i, 'exat')) return OPT_EXAT;
      return hasNext && args.is(i, 'pxat') ? OPT_PXAT : 0;
    case 7:
      if (args.is(i, 'keepttl')) return OPT_KEEPTTL;
      return args.is(i, 'persist') ? OPT_PERSIST : 0;
    default:
      return 0;
  }
}

/** The options that may not stand beside one. The same one may be repeated. */
function excludedBy(bit: number): number {
  if (bit === OPT_NX) return OPT_XX;
  if (bit === OPT_XX) return OPT_NX;
  if (bit === OPT_GET) return 0;
  return (OPT_TIMES | OPT_KEEPTTL | OPT_PERSIST) & ~bit;
}

/** Reads the options from argument `from` on into `stringOptions`; false when an error has been written. */
export function parseStringOptions(args: Args, from: number, allowed: number, reply: Reply): boolean {
  let bits = 0;
  for (let i = from; i < args.argc; i++) {
    const bit = optionBit(args, i) & allowed;
    if (bit === 0 || (bits & excludedBy(bit)) !== 0) {
      reply.error(SYNTAX);
      return false;
    }
    bits |= bit;
    if ((bit & OPT_TIMES) !== 0) stringOptions.timeArg = ++i;
  }
  stringOptions.bits = bits;
  return true;
}

/** Options of SET and of GETEX. */
export const SET_OPTIONS = OPT_NX | OPT_XX | OPT_GET | OPT_KEEPTTL | OPT_TIMES;
export const GETEX_OPTIONS = OPT_PERSIST | OPT_TIMES;

/** Whether the options name a time. */
export function hasTime(bits: number): boolean {
  return (bits & OPT_TIMES) !== 0;
}

/**
 * The unix time in ms that argument i means under the option `bits`; -1 when an error has been written, `invalid` if
 * the time is not positive or does not fit into 64 bits. Beyond 2^53 it is rounded.
 */
export function expireTime(
  ctx: ExecContext,
  args: Args,
  i: number,
  bits: number,
  invalid: Uint8Array,
  reply: Reply,
): number {
  if (!parseInt64(args.u8, args.off[i]!, args.len[i]!)) {
    reply.error(NOT_INTEGER);
    return -1;
  }
  const { hi, lo } = int64;
  const seconds = (bits & (OPT_EX | OPT_EXAT)) !== 0;
  if (hi < 0 || (hi === 0 && lo === 0) || (seconds && lessInt64(SECONDS_MAX_HI, SECONDS_MAX_LO, hi, lo))) {
    reply.error(invalid);
    return -1;
  }
  let ms = int64Number(hi, lo);
  if (seconds) ms *= 1000;
  if ((bits & (OPT_EX | OPT_PX)) !== 0) {
    ms += ctx.nowMs;
    if (ms >= TWO_63) {
      reply.error(invalid);
      return -1;
    }
  }
  return Math.min(ms, TIME_MAX_MS);
}

/** Adds a time in ms to the effect under construction. */
export function effectTime(ctx: ExecContext, ms: number): void {
  if (Number.isSafeInteger(ms)) ctx.effects.integer(ms);
  else ctx.effects.text(BigInt(ms).toString());
}
