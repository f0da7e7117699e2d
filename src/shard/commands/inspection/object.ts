/**
 * OBJECT, without HELP, which an I/O thread answers itself and which is attached to this container by its name
 * (main/io/commands/object-help.ts). All of these look without a trace: no access clock, no event for a miss.
 */

import { container, key, keyAt } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import { FREQ_NOT_TRACKED, IDLETIME_NOT_TRACKED } from '../../../shared/errors/replies.js';
import { needsClock } from '../../../shared/maxmemory-policy.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL, CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { idleMs, lfuCounter } from '../../entry/access-clock.js';
import { ENC_INT, entryEncoding, entryType, TYPE_STRING } from '../../entry/entry.js';
import { stringInt64 } from '../../types/string/string-value.js';

/** Redis has one object for each integer below this, and reports so many references to it. */
const SHARED_INTEGERS = 10_000;
const SHARED_REFERENCES = 2_147_483_647;

/** The entry of the key, counted as a read; 0 after a null has been written. */
function lookup(ctx: ExecContext, args: Args, reply: Reply): Ptr {
  const e = ctx.peek(args, 2);
  const f64 = ctx.stats.f64;
  if (e !== NULL) {
    f64[STAT.keyspaceHits] = f64[STAT.keyspaceHits]! + 1;
    return e;
  }
  f64[STAT.keyspaceMisses] = f64[STAT.keyspaceMisses]! + 1;
  reply.nil();
  return NULL;
}

function encoding(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = lookup(ctx, args, reply);
  if (e !== NULL) reply.bulkText(ctx.keyspace.types.of(ctx.arena, e).encodingName(ctx.arena, e));
}

function freq(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = lookup(ctx, args, reply);
  if (e === NULL) return;
  if (ctx.lfu) reply.int(lfuCounter(ctx.arena, e, ctx.nowMs, ctx.control));
  else reply.error(FREQ_NOT_TRACKED);
}

function idletime(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = lookup(ctx, args, reply);
  if (e === NULL) return;
  if (ctx.lfu) reply.error(IDLETIME_NOT_TRACKED);
  else reply.int(idleMs(ctx.arena, e, ctx.nowMs) / 1000);
}

function refcount(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = lookup(ctx, args, reply);
  if (e !== NULL) reply.int(seemsShared(ctx, e) ? SHARED_REFERENCES : 1);
}

/** Whether Redis would share the value between keys. Here every value belongs to its key alone. */
function seemsShared(ctx: ExecContext, e: Ptr): boolean {
  const arena = ctx.arena;
  if (entryType(arena, e) !== TYPE_STRING || entryEncoding(arena, e) !== ENC_INT || !stringInt64(arena, e))
    return false;
  if (int64.hi !== 0 || int64.lo < 0 || int64.lo >= SHARED_INTEGERS) return false;
  const limited = ctx.control.f64[CONTROL_F64.maxmemory]! > 0;
  return !limited || !needsClock(ctx.control.i32[CONTROL.maxmemoryPolicy]!);
}

function sub(name: string, since: string, summary: string, handler: Handler<ExecContext>): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name: `object|${name}`,
    arity: 3,
    flags: ['readonly'],
    acl: ['@keyspace'],
    group: 'generic',
    since,
    complexity: 'O(1)',
    summary,
    keys: [keyAt(2, ['RO'])],
    args: [key()],
    tips: ['nondeterministic_output'],
    route: 'key',
    inline: true,
    handler,
  });
}

/** OBJECT ENCODING, FREQ, IDLETIME, REFCOUNT. */
export const objectCommand: CommandDef<ExecContext> = container(
  'object',
  { group: 'generic', since: '2.2.3', summary: 'A container for commands that look into the value of a key.' },
  [
    sub('encoding', '2.2.3', 'Names the form in which a value is kept.', encoding),
    sub('freq', '4.0.0', 'Returns how often a key is used, as a logarithmic counter.', freq),
    sub('idletime', '2.2.3', 'Returns the seconds since a key was last used.', idletime),
    sub('refcount', '2.2.3', 'Returns the number of references to a value.', refcount),
  ],
);
