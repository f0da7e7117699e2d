/**
 * DEBUG: what test suites and people at work on the server ask for. One job: it takes the leases that a subcommand
 * needs itself. ARENA and EFFECTS are ours.
 */
import { OPT_MANY, str } from '../../shared/command/shorthand.js';
import { defineCommand } from '../../shared/command/spec.js';
import { NO_SUCH_KEY, SYNTAX } from '../../shared/errors/replies.js';
import { globMatch } from '../../shared/glob.js';
import { SEGMENT_BYTES } from '../../shared/memory/ptr.js';
import { Args } from '../../shared/resp/args.js';
import type { Reply } from '../../shared/resp/reply.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import type { ExecContext } from '../context.js';
import { EFFECT_COMMAND } from '../effect-log.js';
import { idleMs } from '../keyspace/access-clock.js';
import { datasetDigest, mixValue } from '../keyspace/digest.js';
import { entryClock } from '../keyspace/entry.js';
import { fsckShard, shardFigures } from '../keyspace/fsck.js';
import { NO_EXPIRY, setString, stringEncodingName, stringLength } from '../types/string-value.js';
import { debugProtocol } from './debug-protocol.js';
import { smallInteger } from './keys-integer.js';

type Steps = Generator<void, void, void>;

/** Bit of the client's flags: it is connected from this machine. */
const LOCAL_CLIENT = 8;
/** Keys that POPULATE makes between two looks at the clock. */
const POPULATE_STEP = 64;
const SLICE_MS = 0.2;

const HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ARENA',
  '    Check the memory of all shards; an error names what is wrong.',
  'CHANGE-REPL-ID',
  '    Accepted, does nothing yet.',
  'DIGEST',
  '    A fingerprint of all data, equal to that of a Redis with the same data.',
  'DIGEST-VALUE <key> [<key> ...]',
  '    Fingerprints of the values of keys.',
  'EFFECTS <ON|OFF|TAKE>',
  '    Record what writes do, and take the records.',
  'ERROR <string>',
  '    Reply with an error.',
  'LOG <message>',
  '    Write a message to the log.',
  'OBJECT <key>',
  '    Facts about a key and its value.',
  'POPULATE <count> [<prefix>] [<size>]',
  '    Make keys named <prefix>:<number>.',
  'PROTOCOL <type>',
  '    Reply with a value of the type.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Switch the active expiry of keys.',
  'SLEEP <seconds>',
  '    Hold all shards for a while.',
  'STRINGMATCH-LEN <length> <pattern>',
  '    Match a pattern against a long string of one letter.',
  'HELP',
  '    Print this help.',
];

/** Subcommands that are answered with OK because nothing depends on them here. */
const ACCEPTED = [
  'change-repl-id',
  'jmap',
  'quicklist-packed-threshold',
  'replybuffer',
  'dict-resizing',
  'pause-cron',
  'set-disable-deny-scripts',
  'stringmatch',
];
const REFUSED = ['segfault', 'panic', 'assert', 'restart', 'crash-and-recover', 'oom'];
const PERSISTENCE = ['reload', 'loadaof'];

function* debug(ctx: ExecContext, args: Args, reply: Reply): Steps {
  const allowed = ctx.config.get('enable-debug-command') ?? 'no';
  if (allowed !== 'yes' && !(allowed === 'local' && (ctx.client.flags & LOCAL_CLIENT) !== 0)) {
    reply.errorText(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a ' +
        'local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
    );
    return;
  }
  const name = args.latin1(1).toLowerCase();
  const { argc } = args;
  if (name === 'arena' && argc === 2) yield* arena(ctx, reply);
  else if (name === 'effects' && argc === 3) effects(ctx, args, reply);
  else if (name === 'sleep' && argc === 3) sleep(ctx, args, reply);
  else if (name === 'digest' && argc === 2) {
    ctx.leases.takeAll();
    reply.simple(datasetDigest(ctx.keyspaces));
    ctx.leases.giveAll();
  } else if (name === 'digest-value') digestValues(ctx, args, reply);
  else if (name === 'object' && argc === 3) object(ctx, args, reply);
  else if (name === 'populate' && argc >= 3 && argc <= 5) yield* populate(ctx, args, reply);
  else if (name === 'set-active-expire' && argc === 3) {
    Atomics.store(ctx.control.i32, CONTROL.activeExpire, args.is(2, '0') ? 0 : 1);
    reply.ok();
  } else if (name === 'stringmatch-len' && argc === 4) stringMatch(args, reply);
  else if (name === 'protocol' && argc === 3) debugProtocol(args.latin1(2).toLowerCase(), reply);
  else if (name === 'error' && argc === 3) reply.errorLatin1(args.latin1(2));
  else if (name === 'log' && argc === 3) reply.ok();
  else if ((name === 'htstats' && argc >= 3) || (name === 'htstats-key' && argc >= 3)) htstats(ctx, reply);
  else if (name === 'help' && argc === 2) {
    reply.array(HELP.length);
    for (const line of HELP) reply.simple(line);
  } else if (ACCEPTED.includes(name)) reply.ok();
  else if (PERSISTENCE.includes(name)) {
    reply.errorText(`ERR DEBUG ${name.toUpperCase()} needs persistence, which sherd does not have yet`);
  } else if (REFUSED.includes(name)) {
    reply.errorText(`ERR DEBUG ${name.toUpperCase()} is refused: sherd does not crash on request`);
  } else {
    reply.errorLatin1(
      `ERR unknown subcommand or wrong number of arguments for '${args.latin1(1).slice(0, 128)}'. Try DEBUG HELP.`,
    );
  }
}

/** One shard after the other; cells do not move between shards. */
function* arena(ctx: ExecContext, reply: Reply): Steps {
  const lines = ['ok'];
  for (let shard = 0; shard < ctx.shardCount; shard++) {
    ctx.leases.takeShard(shard);
    const findings = fsckShard(ctx.arenas[shard]!, ctx.keyspaces[shard]!);
    const figures = shardFigures(ctx.arenas[shard]!);
    ctx.leases.giveAll();
    if (findings.length > 0) {
      reply.errorText(`ERR arena: shard ${shard}: ${findings.join('; ')}`);
      return;
    }
    lines.push(`shard${shard}: ${figures}`);
    yield;
  }
  reply.bulkText(lines.join('\n'));
}

function effects(ctx: ExecContext, args: Args, reply: Reply): void {
  const on = args.is(2, 'on');
  if (!on && !args.is(2, 'off') && !args.is(2, 'take')) {
    reply.error(SYNTAX);
    return;
  }
  ctx.leases.takeAll();
  if (args.is(2, 'take')) {
    const records = ctx.effects.take();
    reply.array(records.length);
    for (const record of records) {
      reply.array(record.args.length + 2);
      reply.bulkText(record.kind === EFFECT_COMMAND ? 'command' : 'event');
      reply.bulkInt(record.db);
      for (const bytes of record.args) reply.bulk(bytes, 0, bytes.length);
    }
  } else {
    ctx.effects.clear();
    Atomics.store(ctx.control.i32, CONTROL.effectsOn, on ? 1 : 0);
    reply.ok();
  }
  ctx.leases.giveAll();
}

/** Nobody reads or writes data meanwhile, as in Redis, which stands still; connections are still served. */
function sleep(ctx: ExecContext, args: Args, reply: Reply): void {
  const seconds = Number.parseFloat(args.latin1(2));
  ctx.leases.takeAll();
  const ms = Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  ctx.leases.giveAll();
  reply.ok();
}

function digestValues(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.leases.takeAll();
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const digest = new Uint8Array(20);
    const e = ctx.peek(args, i);
    if (e !== 0) mixValue(ctx.arena, e, digest);
    reply.simple(Buffer.from(digest).toString('hex'));
  }
  ctx.leases.giveAll();
}

function object(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.leases.takeAll();
  const e = ctx.peek(args, 2);
  if (e === 0) reply.error(NO_SUCH_KEY);
  else {
    const { arena } = ctx;
    const at = (e >>> 23) * SEGMENT_BYTES + (e & 0x7fffff) * 8;
    reply.simple(
      `Value at:0x${at.toString(16)} refcount:1 encoding:${stringEncodingName(arena, e)} ` +
        `serializedlength:${stringLength(arena, e) + 1} lru:${entryClock(arena, e)} ` +
        `lru_seconds_idle:${Math.floor(idleMs(arena, e, ctx.nowMs) / 1000)}`,
    );
  }
  ctx.leases.giveAll();
}

function* populate(ctx: ExecContext, args: Args, reply: Reply): Steps {
  const count = smallInteger(args, 2);
  const size = args.argc === 5 ? smallInteger(args, 4) : 0;
  if (!(count >= 0) || !(size >= 0)) {
    reply.errorText('ERR value is out of range, must be positive');
    return;
  }
  const prefix = args.argc > 3 ? args.latin1(3) : 'key';
  const made = new Args(2);
  let end = 0;
  for (let j = 0; j < count; j++) {
    if (j % POPULATE_STEP === 0 && performance.now() > end) {
      ctx.leases.giveAll();
      if (j > 0) yield;
      ctx.leases.takeAll();
      ctx.refresh();
      end = performance.now() + SLICE_MS;
    }
    const key = Buffer.from(`${prefix}:${j}`, 'latin1');
    const text = Buffer.from(`value:${j}`, 'latin1');
    const bytes = new Uint8Array(key.length + (size || text.length));
    bytes.set(key);
    bytes.set(text.subarray(0, size || text.length), key.length);
    made.setBuffer(bytes, new DataView(bytes.buffer));
    made.off[0] = 0;
    made.len[0] = key.length;
    made.argc = 1;
    const e = ctx.lookupWrite(made, 0);
    if (e !== 0) continue;
    setString(ctx, e, made, 0, bytes, made.dv, key.length, bytes.length - key.length, NO_EXPIRY);
    ctx.dirty++;
    if (!ctx.effectsOn) continue;
    ctx.effects.begin(3);
    ctx.effects.text('SET');
    ctx.effects.arg(made, 0);
    ctx.effects.bytes(bytes, key.length, bytes.length - key.length);
    ctx.effects.commit(EFFECT_COMMAND, ctx.db);
  }
  ctx.leases.giveAll();
  reply.ok();
}

function stringMatch(args: Args, reply: Reply): void {
  const length = smallInteger(args, 2);
  if (!(length >= 0) || length > 1 << 28) {
    reply.error(SYNTAX);
    return;
  }
  const text = new Uint8Array(length).fill(97);
  reply.int(globMatch(args.u8, args.off[3]!, args.len[3]!, text, 0, length, false) ? 1 : 0);
}

function htstats(ctx: ExecContext, reply: Reply): void {
  let tables = 0;
  let keys = 0;
  for (const shard of ctx.keyspaces) {
    tables += shard[ctx.db]!.dict.tables;
    keys += shard[ctx.db]!.dict.count;
  }
  reply.verbatim('txt', `[Dictionary HT]\n table size: ${tables * 756}\n number of elements: ${keys}\n`);
}

export const debugCommand = defineCommand<ExecContext>({
  name: 'debug',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale', 'protected'],
  acl: [],
  group: 'server',
  since: '1.0.0',
  complexity: 'Depends on subcommand.',
  summary: 'Commands for tests and for work on the server.',
  docFlags: ['syscmd'],
  args: [str('subcommand'), str('argument', OPT_MANY)],
  route: 'job',
  job: debug,
});
