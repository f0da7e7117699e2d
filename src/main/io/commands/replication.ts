/**
 * REPLICAOF, FAILOVER, REPLCONF, PSYNC and SYNC of a master that has no replicas and cannot become one yet: what a lone
 * master answers is answered so; what would begin a replication is refused with an error that says so. Local.
 */
import { block, integer, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandFlag, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { Args } from '../../../shared/resp/args.js';
import { INLINE_UNBALANCED, splitInline } from '../../../shared/resp/inline.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { cText, integerAt } from '../reply/cold-arguments.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';

const PORT_MAX = 65535;
/** Longest address that a replica may give. */
const ADDRESS_BYTES_MAX = 255;

function replicaOf(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.is(1, 'no') && args.is(2, 'one')) {
    reply.ok();
    return;
  }
  const port = integerAt(args, 2);
  if (port === null || port < 0 || port > PORT_MAX) reply.errorText('ERR Invalid master port');
  else reply.errorText('ERR sherd cannot be a replica yet: only REPLICAOF NO ONE is served');
}

function failover(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  let hasTarget = false;
  let hasForce = false;
  let hasTimeout = false;
  if (args.argc === 2 && args.is(1, 'abort')) {
    reply.errorText('ERR No failover in progress.');
    return;
  }
  for (let i = 1; i < args.argc; i++) {
    const more = args.argc - 1 - i;
    if (!hasTimeout && more >= 1 && args.is(i, 'timeout')) {
      const ms = integerAt(args, ++i);
      if (ms === null) reply.error(NOT_INTEGER);
      else if (ms <= 0) reply.errorText('ERR FAILOVER timeout must be greater than 0');
      if (ms === null || ms <= 0) return;
      hasTimeout = true;
    } else if (!hasTarget && more >= 2 && args.is(i, 'to')) {
      if (integerAt(args, i + 2) === null) {
        reply.error(NOT_INTEGER);
        return;
      }
      i += 2;
      hasTarget = true;
    } else if (!hasForce && args.is(i, 'force')) hasForce = true;
    else {
      reply.error(SYNTAX);
      return;
    }
  }
  reply.errorText('ERR FAILOVER requires connected replicas.');
}

/** The error of `rdb-filter-only` with this value, or null. */
function filterError(args: Args, i: number): string | null {
  const words = new Args(8);
  const off = args.off[i]!;
  const count = splitInline(args.u8, off, off + args.len[i]!, words);
  if (count === INLINE_UNBALANCED) return 'ERR Missing rdb-filter-only values';
  for (let w = 0; w < count; w++) {
    if (!words.is(w, 'functions')) return `ERR Unsupported rdb-filter-only option: ${words.latin1(w)}`;
  }
  return null;
}

/** What a replica tells about itself. A client may say it as well: it is checked, and nothing follows from it. */
function replConf(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  if (args.argc % 2 === 0) {
    reply.error(SYNTAX);
    return;
  }
  for (let i = 1; i < args.argc; i += 2) {
    if (args.is(i, 'listening-port')) {
      if (integerAt(args, i + 1) === null) {
        reply.error(NOT_INTEGER);
        return;
      }
    } else if (args.is(i, 'ip-address')) {
      const bytes = args.len[i + 1]!;
      if (bytes > ADDRESS_BYTES_MAX) {
        reply.errorText(`ERR REPLCONF ip-address provided by replica instance is too long: ${bytes} bytes`);
        return;
      }
    } else if (args.is(i, 'ack') || args.is(i, 'getack')) {
      // A link between servers uses these, and waits for no answer; EXEC needs one for each command.
      if (conn.session.neverBlocks) reply.ok();
      return;
    } else if (args.is(i, 'rdb-only')) {
      const on = integerAt(args, i + 1);
      if (on === null) reply.error(NOT_INTEGER);
      else if (on < 0 || on > 1) reply.errorText('ERR value is out of range, value must between 0 and 1');
      if (on === null || on < 0 || on > 1) return;
    } else if (args.is(i, 'rdb-filter-only')) {
      const error = filterError(args, i + 1);
      if (error !== null) {
        reply.errorLatin1(error);
        return;
      }
    } else if (!args.is(i, 'capa')) {
      reply.errorLatin1(`ERR Unrecognized REPLCONF option: ${cText(args, i)}`);
      return;
    }
  }
  reply.ok();
}

function sync(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.errorText('ERR sherd cannot have replicas yet');
}

const SERVER = { acl: [], group: 'server', route: 'local' } as const;
const SYNC_FLAGS: readonly CommandFlag[] = ['admin', 'noscript', 'no_async_loading', 'no_multi'];

const REPLICAOF = {
  ...SERVER,
  arity: 3,
  flags: ['admin', 'noscript', 'stale', 'no_async_loading'],
  complexity: 'O(1)',
  args: [
    oneOf('args', [block('host-port', [str('host'), integer('port')]), block('no-one', [token('no'), token('one')])]),
  ],
  local: replicaOf,
} as const;

/** REPLICAOF, SLAVEOF, FAILOVER, REPLCONF, PSYNC, SYNC. */
export const replicationCommands: readonly CommandDef[] = [
  defineCommand({
    ...REPLICAOF,
    name: 'replicaof',
    since: '5.0.0',
    summary: 'Makes the server a replica of another one, or a master.',
  }),
  defineCommand({
    ...REPLICAOF,
    name: 'slaveof',
    since: '1.0.0',
    summary: 'Makes the server a replica of another one, or a master, by the older name.',
    deprecatedSince: '5.0.0',
    replacedBy: '`REPLICAOF`',
    docFlags: ['deprecated'],
  }),
  defineCommand({
    ...SERVER,
    name: 'failover',
    arity: -1,
    flags: ['admin', 'noscript', 'stale'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Hands the part of the master over to a replica.',
    args: [
      block('target', [str('host'), integer('port'), token('force', 'FORCE', { optional: true })], {
        token: 'TO',
        optional: true,
      }),
      token('abort', 'ABORT', { optional: true }),
      integer('milliseconds', { token: 'TIMEOUT', optional: true }),
    ],
    local: failover,
  }),
  defineCommand({
    ...SERVER,
    name: 'replconf',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    since: '3.0.0',
    complexity: 'O(1)',
    summary: 'Tells a master about a replica.',
    docFlags: ['syscmd'],
    local: replConf,
  }),
  defineCommand({
    ...SERVER,
    name: 'psync',
    arity: -3,
    flags: SYNC_FLAGS,
    since: '2.8.0',
    complexity: '',
    summary: 'Begins a replication, if possible where an earlier one ended.',
    args: [str('replicationid'), integer('offset')],
    local: sync,
  }),
  defineCommand({
    ...SERVER,
    name: 'sync',
    arity: 1,
    flags: SYNC_FLAGS,
    since: '1.0.0',
    complexity: '',
    summary: 'Begins a replication.',
    local: sync,
  }),
];
