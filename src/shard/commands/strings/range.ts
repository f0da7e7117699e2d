/** Parts of strings: APPEND, SETRANGE, GETRANGE, SUBSTR, STRLEN. */
import { integer, key, keyRO, keyRW, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, OFFSET_OUT_OF_RANGE, STRING_TOO_LONG, WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL } from '../../../shared/memory/ptr.js';
import { int64, int64Number, lessInt64, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { BLOB_BYTES_MAX } from '../../structures/blob.js';
import { createZeros, growString, writeString } from '../../types/string/string-edit.js';
import { isString, NO_EXPIRY, replyRange, setString, stringLength } from '../../types/string/string-value.js';

const EMPTY = new Uint8Array(0);

/** Whether a string may become `length` bytes long. */
export function lengthAllowed(ctx: ExecContext, length: number): boolean {
  return length <= BLOB_BYTES_MAX && length <= ctx.control.f64[CONTROL_F64.protoMaxBulkLen]!;
}

function append(ctx: ExecContext, args: Args, reply: Reply): void {
  const off = args.off[2]!;
  const len = args.len[2]!;
  let e = ctx.lookupWrite(args, 1);
  let total = len;
  if (e === NULL) setString(ctx, e, args, 1, args.u8, args.dv, off, len, NO_EXPIRY);
  else {
    if (!isString(ctx.arena, e)) {
      reply.error(WRONGTYPE);
      return;
    }
    const held = stringLength(ctx.arena, e);
    total += held;
    if (!lengthAllowed(ctx, total)) {
      reply.error(STRING_TOO_LONG);
      return;
    }
    e = growString(ctx, e, total);
    writeString(ctx.arena, e, held, args.u8, off, len);
  }
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.STRING, 'append', args, 1);
  reply.int(total);
}

function setrange(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const offset = int64Number(int64.hi, int64.lo);
  if (offset < 0) {
    reply.error(OFFSET_OUT_OF_RANGE);
    return;
  }
  const len = args.len[3]!;
  let e = ctx.lookupWrite(args, 1);
  if (e !== NULL && !isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  const held = e === NULL ? 0 : stringLength(ctx.arena, e);
  if (len === 0) {
    reply.int(held);
    return;
  }
  if (!lengthAllowed(ctx, offset + len)) {
    reply.error(STRING_TOO_LONG);
    return;
  }
  const total = Math.max(held, offset + len);
  e = e === NULL ? createZeros(ctx, args, 1, total) : growString(ctx, e, total);
  writeString(ctx.arena, e, offset, args.u8, args.off[3]!, len);
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.STRING, 'setrange', args, 1);
  reply.int(total);
}

function getrange(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const startHi = int64.hi;
  const startLo = int64.lo;
  if (!parseInt64(args.u8, args.off[3]!, args.len[3]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const backwards = startHi < 0 && int64.hi < 0 && lessInt64(int64.hi, int64.lo, startHi, startLo);
  let start = int64Number(startHi, startLo);
  let end = int64Number(int64.hi, int64.lo);
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.bulk(EMPTY, 0, 0);
    return;
  }
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return;
  }
  const length = stringLength(ctx.arena, e);
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  if (end >= length) end = length - 1;
  if (backwards || start > end) reply.bulk(EMPTY, 0, 0);
  else replyRange(ctx.arena, e, start, end - start + 1, reply);
}

function strlen(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) reply.int(0);
  else if (!isString(ctx.arena, e)) reply.error(WRONGTYPE);
  else reply.int(stringLength(ctx.arena, e));
}

export const stringRangeCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'append',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    acl: ['@string'],
    group: 'string',
    since: '2.0.0',
    longWork: 'arguments',
    complexity: 'O(M) for M bytes appended, whatever was there before.',
    summary: 'Puts bytes behind the string in a key, or sets the key to them.',
    keys: [keyRW(1, 'insert')],
    args: [key(), str('value')],
    route: 'key',
    inline: true,
    handler: append,
  }),
  defineCommand<ExecContext>({
    name: 'setrange',
    arity: 4,
    flags: ['write', 'denyoom'],
    acl: ['@string'],
    group: 'string',
    since: '2.2.0',
    longWork: 'arguments',
    complexity: 'O(M) for M bytes written.',
    summary: 'Writes over a part of the string in a key, filling a gap before it with zero bytes.',
    keys: [keyRW(1, 'update')],
    args: [key(), integer('offset'), str('value')],
    route: 'key',
    inline: true,
    handler: setrange,
  }),
  defineCommand<ExecContext>({
    name: 'getrange',
    arity: 4,
    flags: ['readonly'],
    acl: ['@string'],
    group: 'string',
    since: '2.4.0',
    longWork: 'value',
    complexity: 'O(N) for N bytes returned.',
    summary: 'Returns a part of the string in a key.',
    keys: [keyRO(1)],
    args: [key(), integer('start'), integer('end')],
    route: 'key',
    inline: true,
    handler: getrange,
  }),
  defineCommand<ExecContext>({
    name: 'substr',
    arity: 4,
    flags: ['readonly'],
    acl: ['@string'],
    group: 'string',
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N bytes returned.',
    summary: 'Returns a part of the string in a key, under its old name.',
    keys: [keyRO(1)],
    args: [key(), integer('start'), integer('end')],
    deprecatedSince: '2.0.0',
    replacedBy: '`GETRANGE`',
    docFlags: ['deprecated'],
    route: 'key',
    inline: true,
    handler: getrange,
  }),
  defineCommand<ExecContext>({
    name: 'strlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    acl: ['@string'],
    group: 'string',
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Returns the length of the string in a key.',
    keys: [{ flags: ['RO'], begin: { index: 1 }, find: { lastKey: 0, step: 1, limit: 0 } }],
    args: [key()],
    route: 'key',
    inline: true,
    handler: strlen,
  }),
];
