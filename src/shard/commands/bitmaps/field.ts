/**
 * BITFIELD and BITFIELD_RO: a row of reads and writes of small integers inside a string.
 *
 * All operations are parsed before the first one runs, into one table a thread that is kept for the next command. The
 * string is lengthened once, for the farthest field that is written; each operation then works on a window of nine
 * bytes, which is stored back only if it changed.
 */
import { block, integer, key, keyAt, keyRO, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type KeyFinder, type KeyFlag } from '../../../shared/command/spec.js';
import {
  BIT_OFFSET,
  BITFIELD_OVERFLOW,
  BITFIELD_RO_ONLY_GET,
  BITFIELD_TYPE,
  NOT_INTEGER,
  SYNTAX,
  WRONGTYPE,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import {
  addToField,
  FIELD_BYTES,
  field,
  OVERFLOW_FAIL,
  OVERFLOW_SAT,
  OVERFLOW_WRAP,
  readField,
  setField,
} from '../../types/string/bit-field.js';
import { createZeros, growString, writeString } from '../../types/string/string-edit.js';
import { isString, readString, stringLength } from '../../types/string/string-value.js';
import { fieldOffset } from './offset.js';

const OP_GET = 0;
const OP_SET = 1;
const OP_INCRBY = 2;
const SIGNED = 105; // i
const UNSIGNED = 117; // u
const INITIAL_OPS = 16;

/** The operations of the running command, a column for each property. */
class FieldOps {
  count = 0;
  /** Highest bit that is written, or -1. */
  lastWritten = -1;
  kind = new Uint8Array(INITIAL_OPS);
  /** Width in bits; negative for a signed field. */
  width = new Int8Array(INITIAL_OPS);
  overflow = new Uint8Array(INITIAL_OPS);
  offset = new Float64Array(INITIAL_OPS);
  /** Operand of SET and INCRBY, two halves. */
  hi = new Int32Array(INITIAL_OPS);
  lo = new Int32Array(INITIAL_OPS);

  clear(): void {
    this.count = 0;
    this.lastWritten = -1;
  }

  reserve(count: number): void {
    let capacity = this.kind.length;
    if (count <= capacity) return;
    while (capacity < count) capacity *= 2;
    this.kind = new Uint8Array(capacity);
    this.width = new Int8Array(capacity);
    this.overflow = new Uint8Array(capacity);
    this.offset = new Float64Array(capacity);
    this.hi = new Int32Array(capacity);
    this.lo = new Int32Array(capacity);
  }
}

const OPS = new FieldOps();
const WINDOW = new Uint8Array(FIELD_BYTES);

/** The OVERFLOW_* in argument i, or -1. */
function overflowArg(args: Args, i: number): number {
  if (args.is(i, 'wrap')) return OVERFLOW_WRAP;
  if (args.is(i, 'sat')) return OVERFLOW_SAT;
  return args.is(i, 'fail') ? OVERFLOW_FAIL : -1;
}

/** The type in argument i as a width, negative if signed; 0 when it is none. */
function widthArg(args: Args, i: number): number {
  const off = args.off[i]!;
  const len = args.len[i]!;
  const sign = len > 1 ? args.u8[off] : 0;
  if (sign !== SIGNED && sign !== UNSIGNED) return 0;
  if (!parseInt64(args.u8, off + 1, len - 1) || int64.hi !== 0 || int64.lo < 1) return 0;
  if (sign === SIGNED) return int64.lo <= 64 ? -int64.lo : 0;
  return int64.lo <= 63 ? int64.lo : 0;
}

/** The kind of the operation that argument i names and that has all its arguments, or -1. */
function operationArg(args: Args, i: number): number {
  const rest = args.argc - i - 1;
  if (rest >= 2 && args.is(i, 'get')) return OP_GET;
  if (rest < 3) return -1;
  if (args.is(i, 'set')) return OP_SET;
  return args.is(i, 'incrby') ? OP_INCRBY : -1;
}

/** Parses all operations into OPS; returns the error to write, or null. */
function parseOperations(ctx: ExecContext, args: Args): Uint8Array | null {
  const ops = OPS;
  ops.clear();
  ops.reserve(args.argc);
  let overflow = OVERFLOW_WRAP;
  for (let i = 2; i < args.argc; ) {
    if (args.is(i, 'overflow') && i + 1 < args.argc) {
      overflow = overflowArg(args, i + 1);
      if (overflow < 0) return BITFIELD_OVERFLOW;
      i += 2;
      continue;
    }
    const kind = operationArg(args, i);
    if (kind < 0) return SYNTAX;
    const width = widthArg(args, i + 1);
    if (width === 0) return BITFIELD_TYPE;
    const bits = Math.abs(width);
    const offset = fieldOffset(ctx, args, i + 2, bits);
    if (offset < 0) return BIT_OFFSET;
    const n = ops.count++;
    if (kind !== OP_GET) {
      if (!parseInt64(args.u8, args.off[i + 3]!, args.len[i + 3]!)) return NOT_INTEGER;
      ops.hi[n] = int64.hi;
      ops.lo[n] = int64.lo;
      ops.lastWritten = Math.max(ops.lastWritten, offset + bits - 1);
    }
    ops.kind[n] = kind;
    ops.width[n] = width;
    ops.overflow[n] = overflow;
    ops.offset[n] = offset;
    i += kind === OP_GET ? 3 : 4;
  }
  return null;
}

/** Runs operation n on the string `e` of `length` bytes (0: no key) and replies; whether it changed bits. */
function runOperation(ctx: ExecContext, e: Ptr, length: number, n: number, reply: Reply): boolean {
  const ops = OPS;
  const bits = Math.abs(ops.width[n]!);
  const signed = ops.width[n]! < 0;
  const byte = Math.floor(ops.offset[n]! / 8);
  const start = ops.offset[n]! % 8;
  const used = (start + bits + 7) >> 3;
  const held = Math.max(Math.min(used, length - byte), 0);
  WINDOW.fill(0);
  if (held > 0) readString(ctx.arena, e, byte, WINDOW, 0, held);
  if (ops.kind[n] === OP_GET) {
    readField(WINDOW, start, bits, signed);
    reply.int64(field.hi, field.lo);
    return false;
  }
  const change = ops.kind[n] === OP_SET ? setField : addToField;
  const changed = change(WINDOW, start, bits, signed, ops.hi[n]!, ops.lo[n]!, ops.overflow[n]!);
  if (changed) writeString(ctx.arena, e, byte, WINDOW, 0, used);
  if (field.overflowed && ops.overflow[n] === OVERFLOW_FAIL) reply.nil();
  else reply.int64(field.hi, field.lo);
  return changed;
}

function runAll(ctx: ExecContext, e: Ptr, reply: Reply): void {
  const length = e === NULL ? 0 : stringLength(ctx.arena, e);
  reply.array(OPS.count);
  for (let n = 0; n < OPS.count; n++) runOperation(ctx, e, length, n, reply);
}

function bitfieldWrite(ctx: ExecContext, args: Args, reply: Reply): void {
  let e = ctx.lookupWrite(args, 1);
  const arena = ctx.arena;
  const need = Math.floor(OPS.lastWritten / 8) + 1;
  let longer = true;
  if (e === NULL) {
    e = createZeros(ctx, args, 1, need);
  } else {
    if (!isString(arena, e)) {
      reply.error(WRONGTYPE);
      return;
    }
    longer = need > stringLength(arena, e);
    e = growString(ctx, e, need);
  }
  const length = stringLength(arena, e);
  let changes = 0;
  reply.array(OPS.count);
  for (let n = 0; n < OPS.count; n++) {
    const changed = runOperation(ctx, e, length, n, reply);
    if (OPS.kind[n] === OP_GET) continue;
    const failed = field.overflowed && OPS.overflow[n] === OVERFLOW_FAIL;
    if (changed || (longer && !failed)) changes++;
  }
  if (changes > 0) ctx.notify(EVENT_CLASS.STRING, 'setbit', args, 1);
  // A string that only grew, its operations having failed, must grow wherever the effect is replayed, too.
  ctx.dirty += longer && changes === 0 ? 1 : changes;
}

function bitfieldRead(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupRead(args, 1);
  if (e !== NULL && !isString(ctx.arena, e)) reply.error(WRONGTYPE);
  else runAll(ctx, e, reply);
}

function bitfield(ctx: ExecContext, args: Args, reply: Reply): void {
  const error = parseOperations(ctx, args);
  if (error !== null) reply.error(error);
  else if (OPS.lastWritten < 0) bitfieldRead(ctx, args, reply);
  else bitfieldWrite(ctx, args, reply);
}

function bitfieldRo(ctx: ExecContext, args: Args, reply: Reply): void {
  const error = parseOperations(ctx, args);
  if (error !== null) reply.error(error);
  else if (OPS.lastWritten >= 0) reply.error(BITFIELD_RO_ONLY_GET);
  else bitfieldRead(ctx, args, reply);
}

const READS: readonly KeyFlag[] = ['RO', 'access'];
const WRITES: readonly KeyFlag[] = ['RW', 'access', 'update'];

/** The key is only read when every operation is a GET; operations that make no sense count as writes. */
const findBitfieldKeys: KeyFinder = (args, out, flags) => {
  if (out.length > 0) out[0] = 1;
  if (flags === null) return 1;
  let reads = true;
  for (let i = 2; i < args.argc && reads; ) {
    if (args.is(i, 'overflow') && i + 1 < args.argc) i += 2;
    else if (operationArg(args, i) === OP_GET) i += 3;
    else reads = false;
  }
  flags.push(reads ? READS : WRITES);
  return 1;
};

const ENCODING = str('encoding');
const OFFSET = integer('offset');

export const bitfieldCommands: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'bitfield',
    arity: -2,
    flags: ['write', 'denyoom'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '3.2.0',
    longWork: 'arguments',
    complexity: 'O(1) for each operation.',
    summary: 'Reads, sets and increments integers of any width inside a string.',
    keys: [
      {
        ...keyAt(1, ['RW', 'update', 'access', 'variable_flags']),
        notes: 'The key is only read if all operations are GET.',
      },
    ],
    findKeys: findBitfieldKeys,
    args: [
      key(),
      oneOf(
        'operation',
        [
          block('get-block', [ENCODING, OFFSET], { token: 'GET' }),
          block('write', [
            oneOf('overflow-block', [token('wrap'), token('sat'), token('fail')], { ...OPT, token: 'OVERFLOW' }),
            oneOf('write-operation', [
              block('set-block', [ENCODING, OFFSET, integer('value')], { token: 'SET' }),
              block('incrby-block', [ENCODING, OFFSET, integer('increment')], { token: 'INCRBY' }),
            ]),
          ]),
        ],
        { optional: true, multiple: true },
      ),
    ],
    route: 'key',
    inline: true,
    handler: bitfield,
  }),
  defineCommand<ExecContext>({
    name: 'bitfield_ro',
    arity: -2,
    flags: ['readonly', 'fast'],
    acl: ['@bitmap'],
    group: 'bitmap',
    since: '6.0.0',
    longWork: 'arguments',
    complexity: 'O(1) for each operation.',
    summary: 'Reads integers of any width inside a string.',
    keys: [keyRO(1)],
    args: [
      key(),
      block('get-block', [ENCODING, OFFSET], { optional: true, multiple: true, multipleToken: true, token: 'GET' }),
    ],
    route: 'key',
    inline: true,
    handler: bitfieldRo,
  }),
];
