/** Strings as numbers: INCR, DECR, INCRBY, DECRBY in 64 bits, INCRBYFLOAT in 80-bit floats as Redis has them. */
import { double, integer, key, keyRW } from '../../../shared/command/shorthand.js';
import { type ArgSpec, type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import {
  DECR_OVERFLOW,
  INCR_OVERFLOW,
  NAN_OR_INFINITY,
  NOT_FLOAT,
  NOT_INTEGER,
  WRONGTYPE,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL } from '../../../shared/memory/ptr.js';
import { addInt64, int64, parseInt64 } from '../../../shared/numbers/int64.js';
import {
  addLongDouble,
  type LongDouble,
  longDoubleText,
  parseLongDouble,
} from '../../../shared/numbers/long-double.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import {
  isString,
  KEEP_EXPIRY,
  overwriteInt,
  setBytes,
  setInt,
  stringInt64,
  stringLength,
  stringToBytes,
} from '../../types/string/string-value.js';

/** Longest text that is read as a float. */
const FLOAT_CHARS_MAX = 5 * 1024;

/** Adds (hi, lo) to the value of the key in argument 1. */
// hot: every INCR
function increment(ctx: ExecContext, args: Args, reply: Reply, hi: number, lo: number): void {
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) {
    int64.hi = hi;
    int64.lo = lo;
  } else {
    if (!isString(ctx.arena, e)) {
      reply.error(WRONGTYPE);
      return;
    }
    if (!stringInt64(ctx.arena, e)) {
      reply.error(NOT_INTEGER);
      return;
    }
    if (!addInt64(int64.hi, int64.lo, hi, lo)) {
      reply.error(INCR_OVERFLOW);
      return;
    }
  }
  const sumHi = int64.hi;
  const sumLo = int64.lo;
  if (e === NULL || !overwriteInt(ctx.arena, e, sumHi, sumLo)) setInt(ctx, e, args, 1, sumHi, sumLo, KEEP_EXPIRY);
  ctx.dirty++;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STRING, 'incrby', args, 1);
  reply.int64(sumHi, sumLo);
}

function incr(ctx: ExecContext, args: Args, reply: Reply): void {
  increment(ctx, args, reply, 0, 1);
}

function decr(ctx: ExecContext, args: Args, reply: Reply): void {
  increment(ctx, args, reply, -1, -1);
}

function incrby(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  increment(ctx, args, reply, int64.hi, int64.lo);
}

function decrby(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const { hi, lo } = int64;
  if (hi === -0x80000000 && lo === 0) {
    reply.error(DECR_OVERFLOW);
    return;
  }
  increment(ctx, args, reply, lo === 0 ? -hi | 0 : ~hi, -lo | 0);
}

const FLOAT_ZERO: LongDouble = { mantissa: 0n, exponent: 0, infinite: false };

function incrbyfloat(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupWrite(args, 1);
  if (e !== NULL && !isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  let value: LongDouble | null = FLOAT_ZERO;
  if (e !== NULL) {
    const readable = stringLength(ctx.arena, e) < FLOAT_CHARS_MAX;
    value = readable ? parseLongDouble(Buffer.from(stringToBytes(ctx.arena, e)).toString('latin1')) : null;
  }
  const by = args.len[2]! < FLOAT_CHARS_MAX ? parseLongDouble(args.latin1(2)) : null;
  if (value === null || by === null) {
    reply.error(NOT_FLOAT);
    return;
  }
  const sum = addLongDouble(value, by);
  if (sum === null) {
    reply.error(NAN_OR_INFINITY);
    return;
  }
  const text = Uint8Array.from(Buffer.from(longDoubleText(sum), 'latin1'));
  setBytes(ctx, e, args, 1, text, new DataView(text.buffer), 0, text.length, KEEP_EXPIRY);
  ctx.dirty++;
  if (ctx.effectsOn) {
    ctx.beginEffect(4);
    ctx.effects.text('SET');
    ctx.effects.arg(args, 1);
    ctx.effects.bytes(text, 0, text.length);
    ctx.effects.text('KEEPTTL');
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.STRING, 'incrbyfloat', args, 1);
  reply.bulk(text, 0, text.length);
}

function counter(
  name: string,
  since: string,
  summary: string,
  args: readonly ArgSpec[],
  handler: Handler<ExecContext>,
): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name,
    arity: 2 + args.length,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['@string'],
    group: 'string',
    since,
    complexity: 'O(1)',
    summary,
    keys: [keyRW(1)],
    args: [key(), ...args],
    route: 'key',
    inline: true,
    handler,
  });
}

export const stringCountCommands: CommandDef<ExecContext>[] = [
  counter('incr', '1.0.0', 'Adds one to the integer in a key, which counts from 0 if it is new.', [], incr),
  counter('decr', '1.0.0', 'Takes one from the integer in a key, which counts from 0 if it is new.', [], decr),
  counter('incrby', '1.0.0', 'Adds to the integer in a key.', [integer('increment')], incrby),
  counter('decrby', '1.0.0', 'Subtracts from the integer in a key.', [integer('decrement')], decrby),
  counter('incrbyfloat', '2.6.0', 'Adds to the decimal number in a key.', [double('increment')], incrbyfloat),
];
