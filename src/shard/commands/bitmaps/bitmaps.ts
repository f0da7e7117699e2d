/**
 * SETBIT, GETBIT, BITCOUNT, BITPOS, and the list of all bit commands. Bit 0 is the highest of byte 0.
 *
 * BITCOUNT and BITPOS look the key up before they read their other arguments, as Redis 7.2 does: for a missing key they
 * answer whatever those are.
 */
import { block, integer, key, keyRO, keyRW, OPT, oneOf, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { BIT_ARGUMENT, BIT_OFFSET, BIT_VALUE, NOT_INTEGER, SYNTAX, WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL } from '../../../shared/memory/ptr.js';
import { int64, int64Number, lessInt64, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { countBits, countBytes } from '../../types/string/bit-count.js';
import { ByteRuns } from '../../types/string/bit-runs.js';
import { firstBit } from '../../types/string/bit-scan.js';
import { byteAt, createZeros, growString, setByte } from '../../types/string/string-edit.js';
import { isString, stringLength } from '../../types/string/string-value.js';
import { plainOffset } from './offset.js';

const RUNS = new ByteRuns();

// hot: bench/micro "executor SETBIT"
function setbit(ctx: ExecContext, args: Args, reply: Reply): void {
  const offset = plainOffset(ctx, args, 2);
  if (offset < 0) {
    reply.error(BIT_OFFSET);
    return;
  }
  if (!parseInt64(args.u8, args.off[3]!, args.len[3]!) || int64.hi !== 0 || (int64.lo & ~1) !== 0) {
    reply.error(BIT_VALUE);
    return;
  }
  const on = int64.lo;
  const byte = Math.floor(offset / 8);
  const mask = 0x80 >>> (offset % 8);
  let e = ctx.lookupWrite(args, 1);
  const arena = ctx.arena;
  let longer = true;
  if (e === NULL) {
    e = createZeros(ctx, args, 1, byte + 1);
  } else {
    if (!isString(arena, e)) {
      reply.error(WRONGTYPE);
      return;
    }
    longer = byte >= stringLength(arena, e);
    e = growString(ctx, e, byte + 1);
  }
  const old = byteAt(arena, e, byte);
  const was = (old & mask) === 0 ? 0 : 1;
  if (was !== on) setByte(arena, e, byte, old ^ mask);
  if (longer || was !== on) {
    ctx.dirty++;
    ctx.notify(EVENT_CLASS.STRING, 'setbit', args, 1);
  }
  reply.int(was);
}

// hot: bench/micro "executor GETBIT"
function getbit(ctx: ExecContext, args: Args, reply: Reply): void {
  const offset = plainOffset(ctx, args, 2);
  if (offset < 0) {
    reply.error(BIT_OFFSET);
    return;
  }
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const arena = ctx.arena;
  if (!isString(arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  const byte = Math.floor(offset / 8);
  const found = byte < stringLength(arena, e) && (byteAt(arena, e, byte) & (0x80 >>> (offset % 8))) !== 0;
  reply.int(found ? 1 : 0);
}

/** A range of bytes or bits, as the arguments give it and then cut to the string. */
class BitRange {
  start = 0;
  end = 0;
  inBits = false;
  /** Both ends are counted from the end, the first behind the last: nothing, however long the string is. */
  isReversed = false;

  /** Counts negative ends from the end of the string and cuts the rest off; empty if `start > end` then. */
  cut(length: number): void {
    const total = this.inBits ? length * 8 : length;
    if (this.start < 0) this.start = Math.max(total + this.start, 0);
    if (this.end < 0) this.end = Math.max(total + this.end, 0);
    if (this.end >= total) this.end = total - 1;
  }

  /** Reads BYTE or BIT in argument i; whether it was one of them. */
  unit(args: Args, i: number): boolean {
    this.inBits = args.is(i, 'bit');
    return this.inBits || args.is(i, 'byte');
  }
}

const RANGE = new BitRange();

/** Reads the range of BITCOUNT into RANGE; false when an error has been written. */
function bitcountRange(args: Args, reply: Reply): boolean {
  const { argc, u8, off, len } = args;
  if (argc !== 4 && argc !== 5) {
    reply.error(SYNTAX);
    return false;
  }
  let valid = parseInt64(u8, off[2]!, len[2]!);
  const { hi, lo } = int64;
  valid = valid && parseInt64(u8, off[3]!, len[3]!);
  if (!valid) {
    reply.error(NOT_INTEGER);
    return false;
  }
  RANGE.start = int64Number(hi, lo);
  RANGE.end = int64Number(int64.hi, int64.lo);
  RANGE.isReversed = hi < 0 && int64.hi < 0 && lessInt64(int64.hi, int64.lo, hi, lo);
  RANGE.inBits = false;
  if (argc === 5 && !RANGE.unit(args, 4)) {
    reply.error(SYNTAX);
    return false;
  }
  return true;
}

function bitcount(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 2 && !bitcountRange(args, reply)) return;
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.int(0);
    return;
  }
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  RUNS.open(ctx.arena, e);
  if (args.argc === 2) {
    reply.int(countBytes(RUNS, 0, RUNS.length - 1));
    return;
  }
  if (RANGE.isReversed) {
    reply.int(0);
    return;
  }
  RANGE.cut(RUNS.length);
  if (RANGE.start > RANGE.end) reply.int(0);
  else reply.int((RANGE.inBits ? countBits : countBytes)(RUNS, RANGE.start, RANGE.end));
}

/** Reads the range of BITPOS into RANGE, of which the end may be left open; false when an error has been written. */
function bitposRange(args: Args, reply: Reply): boolean {
  const { argc, u8, off, len } = args;
  RANGE.start = 0;
  RANGE.end = -1;
  RANGE.inBits = false;
  if (argc > 6) {
    reply.error(SYNTAX);
    return false;
  }
  if (argc > 3) {
    if (!parseInt64(u8, off[3]!, len[3]!)) {
      reply.error(NOT_INTEGER);
      return false;
    }
    RANGE.start = int64Number(int64.hi, int64.lo);
  }
  if (argc === 6 && !RANGE.unit(args, 5)) {
    reply.error(SYNTAX);
    return false;
  }
  if (argc > 4) {
    if (!parseInt64(u8, off[4]!, len[4]!)) {
      reply.error(NOT_INTEGER);
      return false;
    }
    RANGE.end = int64Number(int64.hi, int64.lo);
  }
  return true;
}

function bitpos(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (int64.hi !== 0 || (int64.lo & ~1) !== 0) {
    reply.error(BIT_ARGUMENT);
    return;
  }
  const bit = int64.lo;
  if (!bitposRange(args, reply)) return;
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.int(bit === 1 ? -1 : 0);
    return;
  }
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  RUNS.open(ctx.arena, e);
  RANGE.cut(RUNS.length);
  if (RANGE.start > RANGE.end) {
    reply.int(-1);
    return;
  }
  const first = RANGE.inBits ? RANGE.start : RANGE.start * 8;
  const last = RANGE.inBits ? RANGE.end : RANGE.end * 8 + 7;
  const found = firstBit(RUNS, bit, first, last);
  // If no end is given, the string counts as followed by zeros without end.
  if (found < 0 && bit === 0 && args.argc < 5) reply.int(RUNS.length * 8);
  else reply.int(found);
}

const UNIT = oneOf('unit', [token('byte'), token('bit')], { optional: true, since: '7.0.0' });
const UNIT_HISTORY = [['7.0.0', 'Takes `BYTE` or `BIT` as the unit of the range.']] as const;

/** All commands on bitmaps. */
export const bitCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'setbit',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Sets or clears one bit of a string, which is made or lengthened as needed, and answers what it was.',
    keys: [keyRW(1)],
    args: [key(), integer('offset'), integer('value')],
    route: 'key',
    inline: true,
    handler: setbit,
  }),
  defineCommand<ExecContext>({
    name: 'getbit',
    arity: 3,
    flags: ['readonly', 'fast'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Answers one bit of a string; bits beyond its end are 0.',
    keys: [keyRO(1)],
    args: [key(), integer('offset')],
    route: 'key',
    inline: true,
    handler: getbit,
  }),
  defineCommand<ExecContext>({
    name: 'bitcount',
    arity: -2,
    flags: ['readonly'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '2.6.0',
    longWork: 'value',
    complexity: 'O(N) for N bytes in the range; parts of a bitmap that were never set cost nothing.',
    summary: 'Counts the bits that are set in a string or in a range of it.',
    keys: [keyRO(1)],
    args: [key(), block('range', [integer('start'), integer('end'), UNIT], OPT)],
    history: UNIT_HISTORY,
    route: 'key',
    handler: bitcount,
  }),
  defineCommand<ExecContext>({
    name: 'bitpos',
    arity: -3,
    flags: ['readonly'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '2.8.7',
    longWork: 'value',
    complexity: 'O(N) for N bytes up to the bit; parts of a bitmap that were never set cost nothing.',
    summary: 'Finds the first bit of a string, or of a range of it, that is set or that is clear.',
    keys: [keyRO(1)],
    args: [
      key(),
      integer('bit'),
      block('range', [integer('start'), block('end-unit-block', [integer('end'), UNIT], OPT)], OPT),
    ],
    history: UNIT_HISTORY,
    route: 'key',
    handler: bitpos,
  }),
];
