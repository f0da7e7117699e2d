/** HGETALL, HKEYS, HVALS, HSCAN: all fields of a hash, or all of it in steps. */
import { integer, key, keyRO, OPT, pattern, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import { INVALID_CURSOR } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { HASH_TABLE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_HASH } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { elementName, elementNumber, hasNumber, name, replyName, replyValue } from '../../structures/element.js';
import { openTable } from '../../types/hash/hash-table.js';
import { hashCount, hashDue } from '../../types/hash/hash-value.js';
import { HashWalk } from '../../types/hash/hash-walk.js';
import {
  collected,
  collectScan,
  cursorArg,
  scanMatches,
  scanOption,
  scanOptions,
} from '../arguments/collection-scan.js';

const WALK = new HashWalk();
const FIELDS = 1;
const VALUES = 2;

/** Writes fields, values or both of all fields that live. */
function replyAll(ctx: ExecContext, args: Args, reply: Reply, what: number): void {
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  const arena = ctx.arena;
  let count = 0;
  if (e !== NULL) {
    count = hashCount(arena, e);
    boundInline(ctx, count);
    count -= hashDue(arena, e, ctx.overMs);
  }
  if (what === (FIELDS | VALUES)) reply.map(count);
  else reply.array(count);
  if (count === 0) return;
  WALK.open(arena, e, ctx.overMs);
  while (WALK.next()) {
    if ((what & FIELDS) !== 0) WALK.replyField(reply);
    if ((what & VALUES) !== 0) WALK.replyValue(reply);
  }
}

function hgetall(ctx: ExecContext, args: Args, reply: Reply): void {
  replyAll(ctx, args, reply, FIELDS | VALUES);
}

function hkeys(ctx: ExecContext, args: Args, reply: Reply): void {
  replyAll(ctx, args, reply, FIELDS);
}

function hvals(ctx: ExecContext, args: Args, reply: Reply): void {
  replyAll(ctx, args, reply, VALUES);
}

function hscan(ctx: ExecContext, args: Args, reply: Reply): void {
  const cursor = cursorArg(args, 2);
  if (Number.isNaN(cursor)) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_HASH, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(2);
    reply.bulkInt(0);
    reply.array(0);
    return;
  }
  if (!scanOptions(args, reply, true)) return;
  if (entryEncoding(ctx.arena, e) === HASH_TABLE) scanTable(ctx, args, reply, e, cursor);
  else scanPacked(ctx, args, reply, e);
}

function scanPacked(ctx: ExecContext, args: Args, reply: Reply, e: Ptr): void {
  reply.array(2);
  reply.bulkInt(0);
  const mark = reply.deferredArray();
  let n = 0;
  WALK.open(ctx.arena, e, ctx.overMs);
  while (WALK.next()) {
    WALK.readField();
    const { text } = WALK;
    if (!scanMatches(args, text.u8, text.off, text.len)) continue;
    WALK.replyField(reply);
    n++;
    if (scanOption.noValues) continue;
    WALK.replyValue(reply);
    n++;
  }
  reply.setDeferred(mark, n);
}

function scanTable(ctx: ExecContext, args: Args, reply: Reply, e: Ptr, cursor: number): void {
  const arena = ctx.arena;
  const table = openTable(arena, rootOf(arena, e));
  boundInline(ctx, Math.min(scanOption.count, table.count));
  collectScan(table, cursor, scanOption.count);
  reply.array(2);
  reply.bulkInt(collected.cursor);
  const mark = reply.deferredArray();
  let n = 0;
  for (let i = 0; i < collected.count; i++) {
    const el = collected.elements[i]! as Ptr;
    if (hasNumber(arena, el) && elementNumber(arena, el) < ctx.overMs) continue;
    if (scanOption.match !== 0) {
      elementName(arena, el);
      if (!scanMatches(args, name.u8, name.off, name.len)) continue;
    }
    replyName(arena, el, reply);
    n++;
    if (scanOption.noValues) continue;
    replyValue(arena, el, reply);
    n++;
  }
  reply.setDeferred(mark, n);
}

function whole(name: string, summary: string, handler: Handler<ExecContext>): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name,
    arity: 2,
    flags: ['readonly'],
    acl: ['@hash'],
    group: 'hash',
    since: '2.0.0',
    longWork: 'value',
    complexity: 'O(N) for N fields.',
    summary,
    keys: [keyRO(1)],
    args: [key()],
    tips: ['nondeterministic_output_order'],
    route: 'key',
    inline: true,
    handler,
  });
}

/** HGETALL, HKEYS, HVALS, HSCAN. */
export const hashWalkCommands: CommandDef<ExecContext>[] = [
  whole('hgetall', 'Returns all fields of a hash with their values.', hgetall),
  whole('hkeys', 'Returns the names of all fields of a hash.', hkeys),
  whole('hvals', 'Returns the values of all fields of a hash.', hvals),
  defineCommand<ExecContext>({
    name: 'hscan',
    arity: -3,
    flags: ['readonly'],
    acl: ['@hash'],
    group: 'hash',
    since: '2.8.0',
    longWork: 'value',
    complexity: 'O(1) a call; O(N) for a walk over all N fields.',
    summary: 'Walks over the fields of a hash in steps.',
    keys: [keyRO(1)],
    args: [
      key(),
      integer('cursor'),
      pattern('pattern', { ...OPT, token: 'MATCH' }),
      integer('count', { ...OPT, token: 'COUNT' }),
      token('novalues', 'NOVALUES', OPT),
    ],
    tips: ['nondeterministic_output'],
    route: 'key',
    inline: true,
    handler: hscan,
  }),
];
