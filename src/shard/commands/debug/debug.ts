/**
 * DEBUG: commands for test suites and for work on the server. One job: it takes the leases that a subcommand needs.
 * ARENA and EFFECTS are ours.
 */
import { monotonicMs } from '../../../shared/clock.js';
import { OPT_MANY, str } from '../../../shared/command/shorthand.js';
import { defineCommand } from '../../../shared/command/spec.js';
import { NO_SUCH_KEY, NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { globMatch } from '../../../shared/glob.js';
import { byteIndex, segmentOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr, SEGMENT_BYTES } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { GATE, setGate } from '../../../shared/sync/write-gate.js';
import { datasetDigest, mixValue } from '../../check/digest.js';
import { fsckShard, shardFigures } from '../../check/fsck.js';
import type { ExecContext } from '../../context/context.js';
import { type EffectRecord, SKIP_REPLICAS } from '../../effects/effect-log.js';
import { idleMs } from '../../entry/access-clock.js';
import { entryClock } from '../../entry/entry.js';
import { serializedLength } from '../../rdb/serialized-length.js';
import { refusesProtected } from '../../script/protected-command.js';
import { TABLE_ENTRIES_MAX } from '../../structures/table.js';
import { integerArg, smallInteger } from '../arguments/integer.js';
import { DEBUG_HELP } from './help.js';
import { debugListpack, debugQuicklist, packedThreshold, quicklistFields } from './list.js';
import { populate } from './populate.js';
import { debugProtocol } from './protocol.js';
import { reload } from './reload.js';

/** Any number of arguments will do. */
const ANY_NUMBER = -1;

type Steps = Generator<void, void, void>;

/** SLEEP looks so often whether the server shuts down. */
const SLEEP_STEP_MS = 50;

/** Subcommands that are answered with OK because nothing depends on them here, with their number of arguments. */
const ACCEPTED: Readonly<Record<string, number>> = {
  'aof-flush-sleep': 3,
  'change-repl-id': 2,
  'dict-resizing': 3,
  'dict-stats': ANY_NUMBER,
  'drop-cluster-packet-filter': 3,
  jmap: ANY_NUMBER,
  leak: 3,
  'pause-cron': 3,
  replybuffer: 4,
};
const REFUSED = ['segfault', 'panic', 'assert', 'restart', 'crash-and-recover', 'oom'];
const PERSISTENCE = ['loadaof'];

function* debug(ctx: ExecContext, args: Args, reply: Reply): Steps {
  const refusal = refusesProtected('DEBUG', ctx.control, ctx.client.flags);
  if (refusal !== null) {
    reply.errorText(refusal);
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
  else if (name === 'listpack' && argc === 3) inspect(ctx, args, reply, debugListpack);
  else if (name === 'quicklist' && (argc === 3 || argc === 4)) inspect(ctx, args, reply, debugQuicklist);
  else if (name === 'quicklist-packed-threshold' && argc === 3) packedThreshold(ctx, args, reply);
  else if (name === 'populate' && argc >= 3 && argc <= 5) yield* populate(ctx, args, reply);
  else if (name === 'set-active-expire' && argc === 3) {
    Atomics.store(ctx.control.i32, CONTROL.activeExpire, args.is(2, '0') ? 0 : 1);
    reply.ok();
  } else if (name === 'set-skip-checksum-validation' && argc === 3) {
    Atomics.store(ctx.control.i32, CONTROL.skipChecksum, args.is(2, '0') ? 0 : 1);
    reply.ok();
  } else if (name === 'set-disable-deny-scripts' && argc === 3) {
    Atomics.store(ctx.control.i32, CONTROL.allowNoscript, args.is(2, '0') ? 0 : 1);
    reply.ok();
  } else if (name === 'stringmatch-len' && argc === 4) stringMatch(args, reply);
  else if (name === 'protocol' && argc === 3) debugProtocol(args.latin1(2).toLowerCase(), reply);
  else if (name === 'error' && argc === 3) reply.errorLatin1(args.latin1(2));
  else if (name === 'log' && argc === 3) {
    ctx.log(`DEBUG LOG: ${args.utf8(2)}`);
    reply.ok();
  } else if (name === 'htstats' && argc >= 3) htstats(ctx, args, reply);
  else if (name === 'htstats-key' && argc >= 3) htstatsKey(ctx, args, reply);
  else if (name === 'help' && argc === 2) {
    reply.array(DEBUG_HELP.length);
    for (const line of DEBUG_HELP) reply.simple(line);
  } else if (accepts(name, argc)) reply.ok();
  else if (name === 'reload') reload(ctx, args, reply);
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
    const line = shardFigures(ctx.arenas[shard]!, ctx.keyspaces[shard]!);
    ctx.leases.giveAll();
    if (findings.length > 0) {
      reply.errorText(`ERR arena: shard ${shard}: ${findings.join('; ')}`);
      return;
    }
    lines.push(`shard${shard}: ${line}`);
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
      reply.bulkText(recordKind(record));
      reply.bulkInt(record.db);
      for (const bytes of record.args) reply.bulk(bytes, 0, bytes.length);
    }
  } else {
    ctx.effects.clear();
    setGate(ctx.control, GATE.effects, on);
    reply.ok();
  }
  ctx.leases.giveAll();
}

/** The kind of a record: `command`, or its only receiver (`journal`, `replicas`) if it does not go to all. */
function recordKind(record: EffectRecord): string {
  if (record.skips === 0) return 'command';
  return record.skips === SKIP_REPLICAS ? 'journal' : 'replicas';
}

/**
 * While it sleeps no command reads or writes data, as in Redis, which does nothing at all; connections are still
 * served.
 */
function sleep(ctx: ExecContext, args: Args, reply: Reply): void {
  const seconds = Number.parseFloat(args.latin1(2));
  const end = monotonicMs() + (seconds > 0 ? seconds * 1000 : 0);
  const never = new Int32Array(new SharedArrayBuffer(4));
  ctx.leases.takeAll();
  for (let left = end - monotonicMs(); left > 0 && !ctx.control.shuttingDown; left = end - monotonicMs()) {
    Atomics.wait(never, 0, 0, Math.min(left, SLEEP_STEP_MS));
  }
  ctx.leases.giveAll();
  reply.ok();
}

/** The entry of the key in argument i, expired or not, with no trace of the access. @requires all leases */
function entryOf(ctx: ExecContext, args: Args, i: number): Ptr {
  ctx.useShardOf(args, i);
  return ctx.keyspace.find(args.u8, args.dv, args.off[i]!, args.len[i]!);
}

function accepts(name: string, argc: number): boolean {
  if (!Object.hasOwn(ACCEPTED, name)) return false;
  return ACCEPTED[name] === argc || ACCEPTED[name] === ANY_NUMBER;
}

function digestValues(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.leases.takeAll();
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const digest = new Uint8Array(20);
    const e = entryOf(ctx, args, i);
    if (e !== NULL) mixValue(ctx.keyspace.types, ctx.arena, e, digest);
    reply.simple(Buffer.from(digest).toString('hex'));
  }
  ctx.leases.giveAll();
}

function object(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.leases.takeAll();
  const e = entryOf(ctx, args, 2);
  if (e === NULL) reply.error(NO_SUCH_KEY);
  else {
    const { arena } = ctx;
    const { types } = ctx.keyspace;
    const at = segmentOf(e) * SEGMENT_BYTES + byteIndex(e);
    reply.simple(
      `Value at:0x${at.toString(16)} refcount:1 encoding:${types.of(arena, e).encodingName(arena, e)} ` +
        `serializedlength:${serializedLength(types, arena, e, ctx.control.i32[CONTROL.rdbCompression] !== 0)}` +
        ` lru:${entryClock(arena, e)} ` +
        `lru_seconds_idle:${Math.floor(idleMs(arena, e, ctx.nowMs) / 1000)}${quicklistFields(ctx, arena, e)}`,
    );
  }
  ctx.leases.giveAll();
}

/** Has `look` answer about the value of the key in argument 2. */
function inspect(
  ctx: ExecContext,
  args: Args,
  reply: Reply,
  look: (ctx: ExecContext, e: Ptr, reply: Reply) => void,
): void {
  ctx.leases.takeAll();
  const e = entryOf(ctx, args, 2);
  if (e === NULL) reply.error(NO_SUCH_KEY);
  else look(ctx, e, reply);
  ctx.leases.giveAll();
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

/** The figures of one database over all shards, read without leases. */
function htstats(ctx: ExecContext, args: Args, reply: Reply): void {
  const db = integerArg(args, 2);
  if (Number.isNaN(db)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (db < 0 || db >= ctx.keyspaces[0]!.length) {
    reply.errorText('ERR Out of range database');
    return;
  }
  let tables = 0;
  let keys = 0;
  let volatileKeys = 0;
  for (const shard of ctx.keyspaces) {
    const { dict } = shard[db]!;
    tables += dict.tables;
    keys += dict.count;
    volatileKeys += dict.volatileCount;
  }
  const size = tables * TABLE_ENTRIES_MAX;
  reply.verbatim(
    'txt',
    `[Dictionary HT]\n${figures(size, keys)}[Expires HT]\n${figures(volatileKeys > 0 ? size : 0, volatileKeys)}`,
  );
}

function figures(size: number, elements: number): string {
  const title = 'Hash table 0 stats (main hash table):\n';
  if (elements === 0) return `${title}No stats available for empty dictionaries\n`;
  return `${title} table size: ${size}\n number of elements: ${elements}\n`;
}

/** Refuses every key: no value of sherd has a hash table of the kind that Redis reports on here. */
function htstatsKey(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.leases.takeAll();
  const found = entryOf(ctx, args, 2) !== NULL;
  ctx.leases.giveAll();
  if (!found) reply.error(NO_SUCH_KEY);
  else reply.errorText('ERR The value stored at the specified key is not represented using an hash table');
}

export const debugCommand = defineCommand<ExecContext>({
  name: 'debug',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale', 'protected'],
  acl: [],
  group: 'server',
  since: '1.0.0',
  longWork: 'value',
  complexity: 'Depends on subcommand.',
  summary: 'Commands for tests and for work on the server.',
  docFlags: ['syscmd'],
  args: [str('subcommand'), str('argument', OPT_MANY)],
  route: 'job',
  job: debug,
});
