/** DEBUG POPULATE: makes many keys, in slices under all leases. */
import { monotonicMs } from '../../../shared/clock.js';
import { OOM_STORE, STRING_TOO_LONG } from '../../../shared/errors/replies.js';
import { ArenaFullError } from '../../../shared/memory/arena.js';
import { NULL } from '../../../shared/memory/ptr.js';
import { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { NO_EXPIRY, setString } from '../../types/string/string-value.js';
import { smallInteger } from '../arguments/integer.js';

/** Keys made between two looks at the clock. */
const KEYS_PER_LOOK = 64;
const SLICE_MS = 0.2;
/** With values beyond this it looks before each key. */
const BIG_BYTES = 4096;
/** Redis builds the name in a buffer of this size. */
const NAME_BYTES_MAX = 127;

/**
 * Makes keys `prefix:0` to `prefix:count-1` with values `value:N`, cut or filled with zero bytes to `size` if one is
 * given; keys that exist stay as they are. Arguments: count [prefix] [size]
 */
export function* populate(ctx: ExecContext, args: Args, reply: Reply): Generator<void, void, void> {
  const count = smallInteger(args, 2);
  const size = args.argc === 5 ? smallInteger(args, 4) : 0;
  if (!(count >= 0) || !(size >= 0)) {
    reply.errorText('ERR value is out of range, must be positive');
    return;
  }
  if (size > ctx.control.f64[CONTROL_F64.protoMaxBulkLen]!) {
    reply.error(STRING_TOO_LONG);
    return;
  }
  const prefix = args.argc > 3 ? args.latin1(3).split('\0', 1)[0]! : 'key';
  let endMs = 0;
  try {
    for (let n = 0; n < count; n++) {
      if ((n % KEYS_PER_LOOK === 0 || size > BIG_BYTES) && monotonicMs() >= endMs) {
        ctx.leases.giveAll();
        if (n > 0) yield;
        ctx.leases.takeAll();
        ctx.refresh();
        endMs = monotonicMs() + SLICE_MS;
      }
      makeKey(ctx, prefix, n, size);
    }
    reply.ok();
  } catch (error) {
    if (!(error instanceof ArenaFullError)) throw error;
    reply.error(OOM_STORE);
  } finally {
    ctx.leases.giveAll();
  }
}

/** Makes one key unless it is there. @requires all leases */
function makeKey(ctx: ExecContext, prefix: string, n: number, size: number): void {
  const key = Buffer.from(`${prefix}:${n}`.slice(0, NAME_BYTES_MAX), 'latin1');
  const value = Buffer.from(`value:${n}`, 'latin1');
  const valueLength = size === 0 ? value.length : size;
  const bytes = new Uint8Array(key.length + valueLength);
  bytes.set(key);
  bytes.set(value.subarray(0, valueLength), key.length);
  const name = new Args(1);
  name.setBuffer(bytes, new DataView(bytes.buffer));
  name.argc = 1;
  name.len[0] = key.length;
  const e = ctx.lookupWrite(name, 0);
  if (e !== NULL) return;
  const writing = ctx.beginWriting();
  try {
    setString(ctx, e, name, 0, bytes, name.dv, key.length, valueLength, NO_EXPIRY);
  } finally {
    ctx.endWriting(writing);
  }
  ctx.dirty++;
  if (!ctx.effectsOn) return;
  ctx.effects.begin(3);
  ctx.effects.text('SET');
  ctx.effects.arg(name, 0);
  ctx.effects.bytes(bytes, key.length, valueLength);
  ctx.effects.commit(ctx.db);
}
