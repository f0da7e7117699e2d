/**
 * HRANDFIELD: random fields of a hash. Four ways, by what is asked for and how the hash lies:
 *
 *     count < 0, or 1     that many independent draws
 *     count >= size       the whole hash
 *     a third of it       one pass in which each field is taken with the right probability (Knuth's Algorithm S)
 *     less of a table     draws, with those already drawn remembered and left out
 *
 * Fields that are over are removed first, as Redis does, so that every draw finds one that lives.
 */

import { block, integer, key, keyRO, OPT, token } from '../../../shared/command/shorthand.js';
import { defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, OUT_OF_RANGE_VALUE, SYNTAX } from '../../../shared/errors/replies.js';
import { bytesOf, viewOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import { random, randomBelow } from '../../../shared/random.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { HASH_PACKED, HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_HASH } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { replyName, replyValue } from '../../structures/element.js';
import { lpSeek } from '../../structures/listpack.js';
import { lpSize } from '../../structures/listpack-entry.js';
import { expireFields } from '../../types/hash/field-expiry.js';
import { PAIR, TRIPLE } from '../../types/hash/hash-packed.js';
import { openTable } from '../../types/hash/hash-table.js';
import { hashCount, hashDue, replyPacked } from '../../types/hash/hash-value.js';
import { HashWalk } from '../../types/hash/hash-walk.js';

/** A hash that is fewer times as big as the sample is walked instead of drawn from. */
const WALK_BELOW = 3;
/** Draws that one command may ask for: more would only fill the memory. */
const DRAWS_MAX = 100_000_000;
const WALK = new HashWalk();

/** Removes what is over; 0 when nothing is left of the hash. While clients are paused it stays, and may be drawn. */
function liveHash(ctx: ExecContext, e: Ptr): Ptr {
  const due = hashDue(ctx.arena, e, ctx.overMs);
  if (due === 0 || ctx.keepsExpired()) return e;
  boundInline(ctx, due);
  return expireFields(ctx, ctx.keyspace, e, due) < 0 ? NULL : e;
}

/** Writes one field, each as likely, with its value if `values`. */
function drawOne(ctx: ExecContext, e: Ptr, size: number, values: boolean, reply: Reply): void {
  const arena = ctx.arena;
  const root = rootOf(arena, e);
  const encoding = entryEncoding(arena, e);
  if (encoding === HASH_TABLE) {
    const el = openTable(arena, root).random();
    replyName(arena, el, reply);
    if (values) replyValue(arena, el, reply);
    return;
  }
  const u8 = bytesOf(arena, root);
  const dv = viewOf(arena, root);
  const p = lpSeek(arena, root, randomBelow(size) * (encoding === HASH_PACKED ? PAIR : TRIPLE));
  replyPacked(u8, dv, p, reply);
  if (values) replyPacked(u8, dv, p + lpSize(u8, p), reply);
}

function draws(ctx: ExecContext, e: Ptr, size: number, count: number, values: boolean, reply: Reply): void {
  const nested = values && reply.proto === 3;
  for (let i = 0; i < count; i++) {
    if (nested) reply.array(2);
    drawOne(ctx, e, size, values, reply);
  }
}

/** Writes `count` different fields in one pass over all `size`: Algorithm S. */
function sample(ctx: ExecContext, e: Ptr, size: number, count: number, values: boolean, reply: Reply): void {
  const nested = values && reply.proto === 3;
  let left = size;
  WALK.open(ctx.arena, e, Number.NEGATIVE_INFINITY);
  while (count > 0 && WALK.next()) {
    if (random() * left-- >= count) continue;
    count--;
    if (nested) reply.array(2);
    WALK.replyField(reply);
    if (values) WALK.replyValue(reply);
  }
}

/** Writes `count` different fields of a table by drawing. @requires count is well below the size */
function distinctDraws(ctx: ExecContext, e: Ptr, count: number, values: boolean, reply: Reply): void {
  const arena = ctx.arena;
  const nested = values && reply.proto === 3;
  const table = openTable(arena, rootOf(arena, e));
  let slots = 64;
  while (slots < count * 2) slots *= 2;
  const drawn = new Int32Array(slots);
  while (count > 0) {
    const el = table.random();
    let slot = (Math.imul(el, 0x9e3779b1) >>> 8) & (slots - 1);
    while (drawn[slot] !== 0 && drawn[slot] !== el) slot = (slot + 1) & (slots - 1);
    if (drawn[slot] === el) continue;
    drawn[slot] = el;
    count--;
    if (nested) reply.array(2);
    replyName(arena, el, reply);
    if (values) replyValue(arena, el, reply);
  }
}

function withCount(ctx: ExecContext, args: Args, reply: Reply, count: number, values: boolean): void {
  let e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e !== NULL) e = liveHash(ctx, e);
  if (e === NULL || count === 0) {
    reply.array(0);
    return;
  }
  const size = hashCount(ctx.arena, e);
  const flat = values && reply.proto === 2 ? 2 : 1;
  if (count < 0 || count === 1) {
    if (-count > DRAWS_MAX) {
      reply.error(OUT_OF_RANGE_VALUE);
      return;
    }
    boundInline(ctx, Math.abs(count));
    reply.array(Math.abs(count) * flat);
    draws(ctx, e, size, Math.abs(count), values, reply);
    return;
  }
  const n = Math.min(count, size);
  const packed = entryEncoding(ctx.arena, e) !== HASH_TABLE;
  const walks = packed || n * WALK_BELOW > size;
  boundInline(ctx, walks ? size : n);
  reply.array(n * flat);
  if (walks) sample(ctx, e, size, n, values, reply);
  else distinctDraws(ctx, e, n, values, reply);
}

function hrandfield(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc === 2) {
    let e = readTyped(ctx, args, 1, TYPE_HASH, reply);
    if (e === WRONG) return;
    if (e !== NULL) e = liveHash(ctx, e);
    if (e === NULL) reply.nil();
    else drawOne(ctx, e, hashCount(ctx.arena, e), false, reply);
    return;
  }
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  const { hi, lo } = int64;
  const count = int64Number(hi, lo);
  if (hi === -0x80000000 && lo === 0) {
    reply.errorText('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807');
    return;
  }
  if (args.argc > 4 || (args.argc === 4 && !args.is(3, 'withvalues'))) {
    reply.error(SYNTAX);
    return;
  }
  // Twice as many replies must be countable, too.
  const half = hi >= 0x40000000 || hi < -0x40000000 || (hi === -0x40000000 && lo === 0);
  if (args.argc === 4 && half) {
    reply.error(OUT_OF_RANGE_VALUE);
    return;
  }
  withCount(ctx, args, reply, count, args.argc === 4);
}

/** HRANDFIELD. */
export const hashRandomCommand = defineCommand<ExecContext>({
  name: 'hrandfield',
  arity: -2,
  flags: ['readonly'],
  acl: ['@hash'],
  group: 'hash',
  since: '6.2.0',
  longWork: 'value',
  complexity: 'O(N) for N fields returned.',
  summary: 'Returns random fields of a hash.',
  keys: [keyRO(1)],
  args: [key(), block('options', [integer('count'), token('withvalues', 'WITHVALUES', OPT)], OPT)],
  tips: ['nondeterministic_output'],
  route: 'key',
  inline: true,
  handler: hrandfield,
});
