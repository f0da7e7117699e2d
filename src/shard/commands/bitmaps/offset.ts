/** Bit offsets as arguments: the limit is the limit of strings, `proto-max-bulk-len`. */
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { BLOB_BYTES_MAX } from '../../structures/blob.js';

const HASH = 35;
/** A field that begins at the last bit below the limit reaches this many bytes beyond it. */
const FIELD_REACH_BYTES = 8;

/** The bit offset in argument i, or -1 when it is none (error BIT_OFFSET). */
// hot: every SETBIT and GETBIT
export function plainOffset(ctx: ExecContext, args: Args, i: number): number {
  if (!parseInt64(args.u8, args.off[i]!, args.len[i]!)) return -1;
  return withinLimit(ctx, int64Number(int64.hi, int64.lo));
}

/**
 * As `plainOffset`; `#n` is the n-th field of `bits` bits. Redis multiplies in 64 bits that wrap, so that some
 * enormous n name a bit near the beginning there; here they are out of range.
 */
export function fieldOffset(ctx: ExecContext, args: Args, i: number, bits: number): number {
  const off = args.off[i]!;
  const len = args.len[i]!;
  if (len === 0 || args.u8[off] !== HASH) return plainOffset(ctx, args, i);
  if (!parseInt64(args.u8, off + 1, len - 1)) return -1;
  return withinLimit(ctx, int64Number(int64.hi, int64.lo) * bits);
}

function withinLimit(ctx: ExecContext, offset: number): number {
  const bytesMax = Math.min(ctx.control.f64[CONTROL_F64.protoMaxBulkLen]!, BLOB_BYTES_MAX - FIELD_REACH_BYTES);
  return offset >= 0 && offset < bytesMax * 8 ? offset : -1;
}
