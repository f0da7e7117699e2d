/**
 * EVAL, EVALSHA, their read-only forms, and SCRIPT LOAD, EXISTS, FLUSH. They run on shard threads only, where the
 * interpreter is (script/script-engine.ts). SCRIPT KILL is local: main/io/commands/kill-running.ts.
 */
import { integer, key, keyCounted, MANY, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOSCRIPT, NOT_INTEGER } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { interpreted } from '../../script/interpreted.js';
import {
  deniesOomScript,
  deniesOomSha,
  isOpenScript,
  isOpenSha,
  isReadOnlyScript,
  isReadOnlySha,
} from '../../script/script-decision.js';
import { ScriptEngine } from '../../script/script-engine.js';
import { SHA_CHARS } from '../../script/sha-table.js';
import { integerArg } from '../arguments/integer.js';

/** The number of keys in argument 2; -1 after an error has been written. */
function keyCount(args: Args, reply: Reply): number {
  const keys = integerArg(args, 2);
  if (Number.isNaN(keys)) reply.error(NOT_INTEGER);
  else if (keys > args.argc - 3) reply.errorText("ERR Number of keys can't be greater than number of args");
  else if (keys < 0) reply.errorText("ERR Number of keys can't be negative");
  else return keys;
  return -1;
}

function evalScript(ctx: ExecContext, args: Args, reply: Reply, readOnly: boolean): void {
  const keys = keyCount(args, reply);
  if (keys < 0) return;
  const engine = ctx.scripts!;
  const body = args.copy(1);
  const script = engine.learn(body, ScriptEngine.sha1(body), false);
  if (typeof script === 'string') reply.errorLatin1(script);
  else engine.run(ctx, script, args, keys, readOnly, reply);
}

function evalSha(ctx: ExecContext, args: Args, reply: Reply, readOnly: boolean): void {
  // What cannot be the hash of a script is refused before anything else is looked at.
  if (args.len[1] !== SHA_CHARS) {
    reply.error(NOSCRIPT);
    return;
  }
  const keys = keyCount(args, reply);
  if (keys < 0) return;
  const engine = ctx.scripts!;
  const script = engine.lookup(args);
  if (script === null) reply.error(NOSCRIPT);
  else engine.run(ctx, script, args, keys, readOnly, reply);
}

function scriptLoad(ctx: ExecContext, args: Args, reply: Reply): void {
  const body = args.copy(2);
  const sha = ScriptEngine.sha1(body);
  const script = ctx.scripts!.learn(body, sha, true);
  if (typeof script === 'string') reply.errorLatin1(script);
  else reply.bulkText(sha);
}

function scriptExists(ctx: ExecContext, args: Args, reply: Reply): void {
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const known = args.len[i] === SHA_CHARS && ctx.scripts!.log.has(args.latin1(i).toLowerCase());
    reply.int(known ? 1 : 0);
  }
}

function scriptFlush(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 3 || (args.argc === 3 && !args.is(2, 'sync') && !args.is(2, 'async'))) {
    reply.errorText('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
    return;
  }
  ctx.scripts!.flush();
  reply.ok();
}

const SCRIPT = { acl: ['@scripting'], group: 'scripting', needsScripts: true, route: 'key' } as const;
const EVAL_FLAGS = ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys'] as const;
const RW_KEYS = [keyCounted(2, ['RW', 'access', 'update'])];
const RO_KEYS = [keyCounted(2, ['RO', 'access'])];
const ARGUMENTS = [integer('numkeys'), key('key', { ...OPT, ...MANY }), str('arg', { ...OPT, multiple: true })];

/** EVAL, EVALSHA, EVAL_RO, EVALSHA_RO and the subcommands of SCRIPT that concern the scripts. */
export const scriptCommands: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'eval',
    arity: -3,
    flags: [...EVAL_FLAGS, 'may_replicate'],
    since: '2.6.0',
    longWork: 'value',
    complexity: 'Depends on the script that is executed.',
    summary: 'Runs a Lua script.',
    keys: [{ ...RW_KEYS[0]!, notes: 'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE' }],
    args: [str('script'), ...ARGUMENTS],
    everyShard: isOpenScript,
    onlyReads: isReadOnlyScript,
    deniesOom: deniesOomScript,
    handler: interpreted((ctx, args, reply) => evalScript(ctx, args, reply, false)),
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'evalsha',
    arity: -3,
    flags: [...EVAL_FLAGS, 'may_replicate'],
    since: '2.6.0',
    longWork: 'value',
    complexity: 'Depends on the script that is executed.',
    summary: 'Runs a Lua script that was loaded before, by its SHA1.',
    keys: RW_KEYS,
    args: [str('sha1'), ...ARGUMENTS],
    everyShard: isOpenSha,
    onlyReads: isReadOnlySha,
    deniesOom: deniesOomSha,
    handler: interpreted((ctx, args, reply) => evalSha(ctx, args, reply, false)),
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'eval_ro',
    arity: -3,
    flags: [...EVAL_FLAGS, 'readonly'],
    since: '7.0.0',
    longWork: 'value',
    complexity: 'Depends on the script that is executed.',
    summary: 'Runs a Lua script that only reads.',
    keys: RO_KEYS,
    args: [str('script'), ...ARGUMENTS],
    everyShard: isOpenScript,
    deniesOom: deniesOomScript,
    handler: interpreted((ctx, args, reply) => evalScript(ctx, args, reply, true)),
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'evalsha_ro',
    arity: -3,
    flags: [...EVAL_FLAGS, 'readonly'],
    since: '7.0.0',
    longWork: 'value',
    complexity: 'Depends on the script that is executed.',
    summary: 'Runs a Lua script that only reads and was loaded before, by its SHA1.',
    keys: RO_KEYS,
    args: [str('sha1'), ...ARGUMENTS],
    everyShard: isOpenSha,
    deniesOom: deniesOomSha,
    handler: interpreted((ctx, args, reply) => evalSha(ctx, args, reply, true)),
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'script|load',
    arity: 3,
    flags: ['noscript', 'stale'],
    since: '2.6.0',
    longWork: 'value',
    complexity: 'O(N) with N being the length in bytes of the script body.',
    summary: 'Loads a Lua script without running it.',
    args: [str('script')],
    tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
    handler: interpreted(scriptLoad),
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'script|exists',
    arity: -3,
    flags: ['noscript'],
    since: '2.6.0',
    longWork: 'arguments',
    complexity: 'O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).',
    summary: 'Tells which scripts are known.',
    args: [str('sha1', { multiple: true })],
    tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
    handler: scriptExists,
  }),
  defineCommand<ExecContext>({
    ...SCRIPT,
    name: 'script|flush',
    arity: -2,
    flags: ['noscript'],
    since: '2.6.0',
    longWork: 'value',
    complexity: 'O(N) with N being the number of scripts in cache',
    summary: 'Forgets all scripts.',
    args: [oneOf('flush-type', [token('async'), token('sync')], { ...OPT, since: '6.2.0' })],
    tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
    history: [['6.2.0', 'Added the `ASYNC` and `SYNC` flushing mode modifiers.']],
    handler: scriptFlush,
  }),
];
