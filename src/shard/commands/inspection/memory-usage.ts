/** MEMORY USAGE; the other subcommands of MEMORY are local and in main/io/commands/memory.ts. */
import { integer, key, keyAt, OPT } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { NULL } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { entryCellBytes } from '../../keyspace/keyspace.js';
import { integerArg } from '../arguments/integer.js';

/** A slot of the dictionary: a fingerprint and a Ptr. */
const SLOT_BYTES = 5;

/** Checks `SAMPLES count`, which changes nothing: the bytes are exact. False when an error has been written. */
function samplesOk(args: Args, reply: Reply): boolean {
  for (let i = 3; i < args.argc; i += 2) {
    if (i + 1 >= args.argc || !args.is(i, 'samples')) {
      reply.error(SYNTAX);
      return false;
    }
    const samples = integerArg(args, i + 1);
    if (samples >= 0) continue;
    reply.error(Number.isNaN(samples) ? NOT_INTEGER : SYNTAX);
    return false;
  }
  return true;
}

function usage(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!samplesOk(args, reply)) return;
  const e = ctx.peek(args, 2);
  if (e === NULL) reply.nil();
  else
    reply.int(entryCellBytes(ctx.arena, e) + ctx.keyspace.types.of(ctx.arena, e).cellBytes(ctx.arena, e) + SLOT_BYTES);
}

export const memoryUsageCommand: CommandDef<ExecContext> = defineCommand<ExecContext>({
  name: 'memory|usage',
  arity: -3,
  flags: ['readonly'],
  acl: [],
  group: 'server',
  since: '4.0.0',
  longWork: 'value',
  complexity: 'O(1) for a value in its entry; O(N) for the N blocks of 64 KiB of a long one.',
  summary: 'Returns the bytes that a key and its value take.',
  keys: [keyAt(2, ['RO'])],
  args: [key(), integer('count', { ...OPT, token: 'SAMPLES' })],
  route: 'key',
  inline: true,
  handler: usage,
});
