/** Commands about the server as a whole: INFO, TIME, ROLE, LASTSAVE, LOLWUT, SHUTDOWN. Local. */
import { integer, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { REDIS_VERSION } from '../../../shared/version.js';
import { busyReply } from '../reply/busy-reply.js';
import { integerAt } from '../reply/cold-arguments.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { info } from './info.js';
import { drawSherds } from './lolwut.js';

function time(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const usec = io.control.nowUsec();
  reply.array(2);
  reply.bulkInt(Math.floor(usec / 1e6));
  reply.bulkInt(usec % 1e6);
}

/** A master without replicas, at the beginning of its stream. */
function role(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.array(3);
  reply.bulkText('master');
  reply.int(0);
  reply.array(0);
}

/** Nothing has been saved: as in Redis the server's start counts. */
function lastSave(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.int(Math.floor((io.server?.startedAtMs ?? io.turn.nowMs) / 1000));
}

function lolwut(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.argc >= 3 && args.is(1, 'version') && integerAt(args, 2) === null) {
    reply.error(NOT_INTEGER);
    return;
  }
  reply.verbatim('txt', `${drawSherds(io.turn.nowMs)}\nRedis ver. ${REDIS_VERSION}\n`);
}

async function shutdown(io: IoThread, _conn: Connection, args: Args, reply: Reply): Promise<void> {
  let save: boolean | null = null;
  let now = false;
  let force = false;
  let abort = false;
  let isValid = true;
  for (let i = 1; i < args.argc; i++) {
    if (args.is(i, 'nosave') && save !== true) save = false;
    else if (args.is(i, 'save') && save !== false) save = true;
    else if (args.is(i, 'now')) now = true;
    else if (args.is(i, 'force')) force = true;
    else if (args.is(i, 'abort')) abort = true;
    else isValid = false;
  }
  if (!isValid || (abort && (save !== null || now || force))) {
    reply.error(SYNTAX);
    return;
  }
  // Nothing delays a shutdown (no replicas to wait for), so there is never one to abort.
  if (abort) reply.errorText('ERR No shutdown in progress.');
  else if (save !== false && io.control.i32[CONTROL.busyScripts] !== 0) reply.error(busyReply(io.control));
  else if (io.port === null) reply.errorText('ERR Errors trying to SHUTDOWN. Check logs.');
  else {
    try {
      await io.port.call('shutdown', { save, now, force });
    } catch {
      reply.errorText('ERR Errors trying to SHUTDOWN. Check logs.');
    }
  }
}

const ANY_OUTPUT = 'nondeterministic_output';

export const serverCommands: readonly CommandDef[] = [
  defineCommand({
    name: 'info',
    arity: -1,
    flags: ['loading', 'stale'],
    acl: ['@dangerous'],
    group: 'server',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Returns figures about the server.',
    tips: [ANY_OUTPUT, 'request_policy:all_shards', 'response_policy:special'],
    history: [['7.0.0', 'Several sections in one call.']],
    args: [str('section', { optional: true, multiple: true })],
    route: 'local',
    async: true,
    local: info,
  }),
  defineCommand({
    name: 'time',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: [],
    group: 'server',
    since: '2.6.0',
    complexity: 'O(1)',
    summary: "Returns the server's time: seconds, microseconds.",
    tips: [ANY_OUTPUT],
    route: 'local',
    local: time,
  }),
  defineCommand({
    name: 'role',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    acl: ['@admin', '@dangerous'],
    group: 'server',
    since: '2.8.12',
    complexity: 'O(1)',
    summary: 'Returns the part that the server plays in replication.',
    route: 'local',
    local: role,
  }),
  defineCommand({
    name: 'lastsave',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    acl: ['@admin', '@dangerous'],
    group: 'server',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Returns when the data was saved last, in unix seconds.',
    tips: [ANY_OUTPUT],
    route: 'local',
    local: lastSave,
  }),
  defineCommand({
    name: 'lolwut',
    arity: -1,
    flags: ['readonly', 'fast'],
    acl: [],
    group: 'server',
    since: '5.0.0',
    complexity: '',
    summary: 'Draws something, and tells the version.',
    args: [integer('version', { token: 'VERSION', optional: true })],
    route: 'local',
    local: lolwut,
  }),
  defineCommand({
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    acl: [],
    group: 'server',
    since: '1.0.0',
    complexity: 'O(N) when saving, where N is the number of keys, otherwise O(1)',
    summary: 'Ends the server, saving the data before if so configured.',
    history: [['7.0.0', 'NOW, FORCE and ABORT.']],
    args: [
      oneOf('save-selector', [token('nosave'), token('save')], OPT),
      token('now', 'NOW', { optional: true, since: '7.0.0' }),
      token('force', 'FORCE', { optional: true, since: '7.0.0' }),
      token('abort', 'ABORT', { optional: true, since: '7.0.0' }),
    ],
    route: 'local',
    async: true,
    local: shutdown,
  }),
];
