/**
 * FUNCTION LOAD, DELETE, FLUSH, LIST, DUMP, RESTORE, and FCALL. What changes the libraries holds the leases of all
 * shards, so no function runs meanwhile. FUNCTION KILL and STATS are local: main/io/commands/function.ts.
 */

import { integer, key, keyCounted, MANY, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { DUMP_BAD_FOOTER } from '../../../shared/errors/replies.js';
import { globMatchText } from '../../../shared/glob.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { CRC_BYTES, FOOTER_BYTES, soundFooter } from '../../rdb/footer.js';
import { RDB_OPCODE_FUNCTION, RDB_OPCODE_FUNCTION_PRE_GA, RDB_VERSION_7_0 } from '../../rdb/rdb-format.js';
import { BadDataError, RdbReader } from '../../rdb/rdb-reader.js';
import { RdbWriter } from '../../rdb/rdb-writer.js';
import { interpreted } from '../../script/interpreted.js';
import type { Library } from '../../script/library-store.js';
import { deniesOomFunction, isOpenFunction, isReadOnlyFunction } from '../../script/script-decision.js';
import { scriptFlagNames } from '../../script/script-flags.js';
import { integerArg } from '../arguments/integer.js';

// ---- FCALL

function fcall(ctx: ExecContext, args: Args, reply: Reply, readOnly: boolean): void {
  const engine = ctx.scripts!;
  // The library may have been replaced by one that needs more since the command was sent here.
  if (ctx.leases.count < ctx.shardCount && isOpenFunction(args)) ctx.leases.takeAll();
  const found = engine.findFunction(args.latin1(1));
  if (found === null) {
    reply.errorText('ERR Function not found');
    return;
  }
  const keys = integerArg(args, 2);
  if (Number.isNaN(keys)) reply.errorText('ERR Bad number of keys provided');
  else if (keys > args.argc - 3) reply.errorText("ERR Number of keys can't be greater than number of args");
  else if (keys < 0) reply.errorText("ERR Number of keys can't be negative");
  else engine.run(ctx, found, args, keys, readOnly, reply);
}

// ---- FUNCTION LOAD, DELETE, FLUSH

function load(ctx: ExecContext, args: Args, reply: Reply): void {
  const last = args.argc - 1;
  for (let i = 2; i < last; i++) {
    if (args.is(i, 'replace')) continue;
    reply.errorLatin1(`ERR Unknown option given: ${args.latin1(i)}`);
    return;
  }
  const loaded = ctx.scripts!.loadLibrary(args.copy(last), last > 2);
  if (typeof loaded !== 'string') {
    reply.errorLatin1(`ERR ${loaded.error}`);
    return;
  }
  ctx.dirty++;
  reply.bulkText(loaded);
}

function remove(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!ctx.scripts!.libraries!.delete(args.latin1(2))) {
    reply.errorText('ERR Library not found');
    return;
  }
  ctx.dirty++;
  reply.ok();
}

/** The error of too many arguments, which name the subcommand as it was typed. */
function tooMany(args: Args, reply: Reply): void {
  reply.errorLatin1(`ERR unknown subcommand or wrong number of arguments for '${args.latin1(1)}'. Try FUNCTION HELP.`);
}

function flush(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 3) tooMany(args, reply);
  else if (args.argc === 3 && !args.is(2, 'sync') && !args.is(2, 'async')) {
    reply.errorText('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
  } else {
    ctx.scripts!.store.replaceAll([]);
    ctx.dirty++;
    reply.ok();
  }
}

// ---- FUNCTION LIST

function bulkLatin1(reply: Reply, text: string): void {
  const bytes = Uint8Array.from(Buffer.from(text, 'latin1'));
  reply.bulk(bytes, 0, bytes.length);
}

function list(ctx: ExecContext, args: Args, reply: Reply): void {
  let withCode = false;
  let wanted: string | null = null;
  for (let i = 2; i < args.argc; i++) {
    if (!withCode && args.is(i, 'withcode')) withCode = true;
    else if (wanted === null && args.is(i, 'libraryname')) {
      if (i === args.argc - 1) {
        reply.errorText('ERR library name argument was not given');
        return;
      }
      wanted = args.latin1(++i);
    } else {
      reply.errorLatin1(`ERR Unknown argument ${args.latin1(i)}`);
      return;
    }
  }
  const all = ctx.scripts!.store.all();
  const shown = wanted === null ? all : all.filter(({ name }) => globMatchText(wanted, name, true));
  reply.array(shown.length);
  for (const library of shown) replyLibrary(reply, library, withCode);
}

function replyLibrary(reply: Reply, library: Library, withCode: boolean): void {
  reply.map(withCode ? 4 : 3);
  reply.bulkText('library_name');
  reply.bulkText(library.name);
  reply.bulkText('engine');
  reply.bulkText('LUA');
  reply.bulkText('functions');
  reply.array(library.functions.length);
  for (const { name, description, flags } of library.functions) {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(name);
    reply.bulkText('description');
    if (description === null) reply.nil();
    else bulkLatin1(reply, description);
    reply.bulkText('flags');
    const names = scriptFlagNames(flags);
    reply.set(names.length);
    for (const flag of names) reply.simple(flag);
  }
  if (!withCode) return;
  reply.bulkText('library_code');
  bulkLatin1(reply, library.code);
}

// ---- FUNCTION DUMP, RESTORE

const WRITER = new RdbWriter();

function dump(ctx: ExecContext, _args: Args, reply: Reply): void {
  WRITER.reset();
  WRITER.compress = ctx.control.i32[CONTROL.rdbCompression] !== 0;
  for (const { code } of ctx.scripts!.store.all()) {
    const bytes = Uint8Array.from(Buffer.from(code, 'latin1'));
    WRITER.byte(RDB_OPCODE_FUNCTION);
    WRITER.string(bytes, 0, bytes.length);
  }
  WRITER.byte(RDB_VERSION_7_0);
  WRITER.byte(0);
  const checksum = WRITER.checksum();
  const bytes = WRITER.byteLength;
  const at = reply.bulkBegin(bytes + CRC_BYTES);
  WRITER.copyTo(reply.u8, at);
  checksum.write(reply.u8, at + bytes);
  reply.bulkEnd();
  WRITER.reset();
}

const READER = new RdbReader();

/** The code of the libraries in a payload, or what is wrong with it. */
function readLibraries(args: Args): Uint8Array[] | string {
  const codes: Uint8Array[] = [];
  READER.open(args.u8, args.dv, args.off[2]!, args.len[2]! - FOOTER_BYTES);
  try {
    while (!READER.atEnd) {
      const opcode = READER.byte();
      if (opcode === RDB_OPCODE_FUNCTION_PRE_GA) return 'Pre-GA function format not supported';
      if (opcode !== RDB_OPCODE_FUNCTION) return 'given type is not a function';
      READER.string();
      const { u8, off, len } = READER.text;
      codes.push(u8.slice(off, off + len));
    }
    return codes;
  } catch (error) {
    if (error instanceof BadDataError) return 'Failed loading library data';
    throw error;
  } finally {
    READER.close();
  }
}

function restore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 4) {
    tooMany(args, reply);
    return;
  }
  const given = args.argc === 4;
  const policy = ['append', 'replace', 'flush'].find((word) => given && args.is(3, word)) ?? 'append';
  if (given && !args.is(3, policy)) {
    reply.errorText('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.');
    return;
  }
  if (!soundFooter(ctx.control, args, 2)) {
    reply.error(DUMP_BAD_FOOTER);
    return;
  }
  const codes = readLibraries(args);
  const error =
    typeof codes === 'string' ? codes : ctx.scripts!.restoreLibraries(codes, policy === 'flush', policy === 'replace');
  if (error !== null) {
    reply.errorLatin1(`ERR ${error}`);
    return;
  }
  ctx.dirty++;
  reply.ok();
}

// ---- definitions

const CALL = {
  acl: ['@scripting'],
  group: 'scripting',
  needsScripts: true,
  route: 'key',
  arity: -3,
  since: '7.0.0',
  longWork: 'value',
  complexity: 'Depends on the function that is executed.',
  everyShard: isOpenFunction,
  args: [str('function'), integer('numkeys'), key('key', { ...OPT, ...MANY }), str('arg', { ...OPT, multiple: true })],
} as const;
const CALL_FLAGS = ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys'] as const;
const CHANGE = {
  acl: ['@scripting'],
  group: 'scripting',
  needsScripts: true,
  route: 'all',
  since: '7.0.0',
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
} as const;
const LOOK = {
  acl: ['@scripting'],
  group: 'scripting',
  needsScripts: true,
  route: 'key',
  since: '7.0.0',
  flags: ['noscript'],
} as const;

/** FCALL, FCALL_RO and the subcommands of FUNCTION that concern the libraries. */
export const functionCommands: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...CALL,
    name: 'fcall',
    flags: [...CALL_FLAGS, 'may_replicate'],
    onlyReads: isReadOnlyFunction,
    summary: 'Calls a function.',
    keys: [
      {
        ...keyCounted(2, ['RW', 'access', 'update']),
        notes: 'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE',
      },
    ],
    deniesOom: deniesOomFunction,
    handler: interpreted((ctx, args, reply) => fcall(ctx, args, reply, false)),
  }),
  defineCommand<ExecContext>({
    ...CALL,
    name: 'fcall_ro',
    flags: ['readonly', ...CALL_FLAGS],
    summary: 'Calls a function that only reads.',
    keys: [
      {
        ...keyCounted(2, ['RO', 'access']),
        notes: 'We cannot tell how the keys will be used so we assume the worst, RO and ACCESS',
      },
    ],
    deniesOom: deniesOomFunction,
    handler: interpreted((ctx, args, reply) => fcall(ctx, args, reply, true)),
  }),
  defineCommand<ExecContext>({
    ...CHANGE,
    name: 'function|delete',
    arity: 3,
    flags: ['noscript', 'write'],
    longWork: 'value',
    complexity: 'O(1)',
    summary: 'Forgets a library and its functions.',
    args: [str('library-name')],
    handler: interpreted(remove),
  }),
  defineCommand<ExecContext>({
    ...LOOK,
    name: 'function|dump',
    arity: 2,
    longWork: 'value',
    complexity: 'O(N) where N is the number of functions',
    summary: 'Returns all libraries as a payload.',
    handler: dump,
  }),
  defineCommand<ExecContext>({
    ...CHANGE,
    name: 'function|flush',
    arity: -2,
    flags: ['noscript', 'write'],
    longWork: 'value',
    complexity: 'O(N) where N is the number of functions deleted',
    summary: 'Forgets all libraries.',
    args: [oneOf('flush-type', [token('async'), token('sync')], OPT)],
    handler: flush,
  }),
  defineCommand<ExecContext>({
    ...LOOK,
    name: 'function|list',
    arity: -2,
    longWork: 'value',
    complexity: 'O(N) where N is the number of functions',
    summary: 'Describes the libraries.',
    args: [str('library-name-pattern', { ...OPT, token: 'LIBRARYNAME' }), token('withcode', 'WITHCODE', OPT)],
    tips: ['nondeterministic_output_order'],
    handler: list,
  }),
  defineCommand<ExecContext>({
    ...CHANGE,
    name: 'function|load',
    arity: -3,
    flags: ['noscript', 'write', 'denyoom'],
    longWork: 'value',
    complexity: 'O(1) (considering compilation time is redundant)',
    summary: 'Makes the functions of a library known.',
    args: [token('replace', 'REPLACE', OPT), str('function-code')],
    handler: interpreted(load),
  }),
  defineCommand<ExecContext>({
    ...CHANGE,
    name: 'function|restore',
    arity: -3,
    flags: ['noscript', 'write', 'denyoom'],
    longWork: 'value',
    complexity: 'O(N) where N is the number of functions on the payload',
    summary: 'Brings back libraries from a payload.',
    args: [str('serialized-value'), oneOf('policy', [token('flush'), token('append'), token('replace')], OPT)],
    handler: interpreted(restore),
  }),
];
