/** BITOP: a new string out of the bits of others. */
import { key, keyOW, keyRange, MANY, oneOf, token } from '../../../shared/command/shorthand.js';
import { defineCommand } from '../../../shared/command/spec.js';
import { BITOP_NOT_ONE_KEY, SYNTAX, WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { ENTRY_BYTES_MAX, entryFlags, F_RAW, setFlags } from '../../entry/entry.js';
import { blobFree } from '../../structures/blob.js';
import { BIT_AND, BIT_NOT, BIT_OR, BIT_XOR, BitSources } from '../../types/string/bit-combine.js';
import { embeds, isString, NO_EXPIRY, setBlobDirectory, setBytes } from '../../types/string/string-value.js';

const DESTINATION = 2;
const FIRST_SOURCE = 3;

const SOURCES = new BitSources();
/** A result that fits an entry is made here, for its entry may be one of the sources. */
const RESULT = new Uint8Array(ENTRY_BYTES_MAX);
const RESULT_WORDS = new Int32Array(RESULT.buffer);
const RESULT_VIEW = new DataView(RESULT.buffer);

/** The operation named by argument 1, or -1. */
function operation(args: Args): number {
  if (args.is(1, 'and')) return BIT_AND;
  if (args.is(1, 'or')) return BIT_OR;
  if (args.is(1, 'xor')) return BIT_XOR;
  return args.is(1, 'not') ? BIT_NOT : -1;
}

function bitop(ctx: ExecContext, args: Args, reply: Reply): void {
  const op = operation(args);
  if (op < 0) {
    reply.error(SYNTAX);
    return;
  }
  if (op === BIT_NOT && args.argc !== FIRST_SOURCE + 1) {
    reply.error(BITOP_NOT_ONE_KEY);
    return;
  }
  SOURCES.clear();
  for (let i = FIRST_SOURCE; i < args.argc; i++) {
    const e = ctx.lookupRead(args, i);
    if (e !== NULL && !isString(ctx.arena, e)) {
      reply.error(WRONGTYPE);
      return;
    }
    SOURCES.add(ctx.arena, e);
  }
  if (SOURCES.longest > 0) storeResult(ctx, args, op);
  else removeDestination(ctx, args);
  reply.int(SOURCES.longest);
}

function removeDestination(ctx: ExecContext, args: Args): void {
  const old = ctx.peek(args, DESTINATION);
  if (old === NULL) return;
  ctx.keyspace.remove(old);
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.GENERIC, 'del', args, DESTINATION);
}

function storeResult(ctx: ExecContext, args: Args, op: number): void {
  const length = SOURCES.longest;
  ctx.useShardOf(args, DESTINATION);
  const arena = ctx.arena;
  if (embeds(args.len[DESTINATION]!, length)) {
    SOURCES.combine(op, 0, length, RESULT, RESULT_WORDS, 0);
    const old = ctx.lookupWrite(args, DESTINATION);
    const e = setBytes(ctx, old, args, DESTINATION, RESULT, RESULT_VIEW, 0, length, NO_EXPIRY);
    setFlags(arena, e, entryFlags(arena, e) | F_RAW);
  } else {
    const dir = SOURCES.combineBlob(op, arena);
    const old = ctx.lookupWrite(args, DESTINATION);
    try {
      setBlobDirectory(ctx, old, args, DESTINATION, dir, length, NO_EXPIRY);
    } catch (error) {
      blobFree(arena, dir, length);
      throw error;
    }
  }
  ctx.dirty++;
  ctx.notify(EVENT_CLASS.STRING, 'set', args, DESTINATION);
}

export const bitopCommand = defineCommand<ExecContext>({
  name: 'bitop',
  arity: -4,
  flags: ['write', 'denyoom'],
  acl: ['@bitmap'],
  group: 'bitmap',
  since: '2.6.0',
  longWork: 'value',
  complexity: 'O(N) for N bytes in all sources; parts of bitmaps that were never set cost next to nothing.',
  summary: 'Combines strings bit by bit and stores the result under another key.',
  keys: [keyOW(DESTINATION), keyRange(FIRST_SOURCE, -1, 1, ['RO', 'access'])],
  args: [
    oneOf('operation', [token('and'), token('or'), token('xor'), token('not')]),
    key('destkey'),
    key('key', { ...MANY, keySpecIndex: 1 }),
  ],
  route: 'key',
  handler: bitop,
});
