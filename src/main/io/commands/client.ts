/** CLIENT and its subcommands. Local; LIST, INFO and KILL ask all I/O threads when there are several. */
import { container, integer, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { beginPause, endPause, PAUSE, pauseAt } from '../../../shared/sync/pause.js';
import { cText, integerAt, subcommandSyntax } from '../reply/cold-arguments.js';
import { type Connection, REPLY_MODE } from '../session/connection.js';
import { GATE } from '../session/gate-bits.js';
import type { IoThread } from '../thread/io-thread.js';
import type { QueuedState } from '../transaction/queued-state.js';
import { PAUSE_CONGESTED } from '../waiting/pause-mode.js';
import { CLIENT_HELP } from './client-help.js';
import { clientLine } from './client-list.js';
import {
  ANY_CLIENT,
  type ClientFilter,
  type ClientType,
  killEverywhere,
  listEverywhere,
  replyLines,
  unblockEverywhere,
} from './client-search.js';
import { CLIENT_NAME_ERROR, isClientText } from './client-text.js';
import { replyHelp } from './help.js';
import {
  cachingState,
  clientCaching,
  clientGetRedir,
  clientTracking,
  clientTrackingInfo,
  trackingState,
} from './tracking.js';

function setName(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const name = args.latin1(2);
  if (!isClientText(name)) {
    reply.errorText(CLIENT_NAME_ERROR);
    return;
  }
  conn.session.name = name;
  reply.ok();
}

function getName(_io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  if (conn.session.name === '') reply.nil();
  else reply.bulkText(conn.session.name);
}

function setInfo(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const isName = args.is(2, 'lib-name');
  if (!isName && !args.is(2, 'lib-ver')) {
    reply.errorLatin1(`ERR Unrecognized option '${cText(args, 2)}'`);
    return;
  }
  const value = args.latin1(3);
  if (!isClientText(value)) {
    reply.errorText(`ERR ${cText(args, 2)} cannot contain spaces, newlines or special characters.`);
    return;
  }
  if (isName) conn.session.libName = value;
  else conn.session.libVer = value;
  reply.ok();
}

function info(io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  conn.argvBytes = args.bytes;
  const line = clientLine(io, conn, io.control.nowMs());
  conn.argvBytes = 0;
  reply.verbatim('txt', `${line}\n`);
}

/** The client type that argument i names; null when it names none. */
function clientTypeAt(args: Args, i: number): ClientType | null {
  if (args.is(i, 'slave')) return 'replica';
  for (const type of ['normal', 'replica', 'pubsub', 'master'] as const) if (args.is(i, type)) return type;
  return null;
}

async function list(io: IoThread, _conn: Connection, args: Args, reply: Reply): Promise<void> {
  let filter = ANY_CLIENT;
  if (args.argc === 4 && args.is(2, 'type')) {
    const type = clientTypeAt(args, 3);
    if (type === null) {
      reply.errorLatin1(`ERR Unknown client type '${cText(args, 3)}'`);
      return;
    }
    filter = { ...ANY_CLIENT, type };
  } else if (args.argc > 3 && args.is(2, 'id')) {
    const ids: number[] = [];
    for (let i = 3; i < args.argc; i++) {
      const id = integerAt(args, i);
      if (id === null) {
        reply.errorText('ERR Invalid client ID');
        return;
      }
      ids.push(id);
    }
    filter = { ...ANY_CLIENT, ids };
  } else if (args.argc !== 2) {
    reply.error(SYNTAX);
    return;
  }
  const lines = await listEverywhere(io, filter);
  await replyLines(reply, lines);
}

/** The filter of CLIENT KILL's new form; null after an error was written. */
function killFilter(conn: Connection, args: Args, reply: Reply): ClientFilter | null {
  const filter = { ids: null as number[] | null, type: null as ClientType | null };
  const text = { addr: null as string | null, laddr: null as string | null, user: null as string | null };
  let maxAge: number | null = null;
  let skipMe = true;
  for (let i = 2; i < args.argc; i += 2) {
    const more = i + 1 < args.argc;
    if (more && args.is(i, 'id')) {
      const id = integerAt(args, i + 1, 1);
      if (id === null) {
        reply.errorText('ERR client-id should be greater than 0');
        return null;
      }
      filter.ids = [id];
    } else if (more && args.is(i, 'type')) {
      filter.type = clientTypeAt(args, i + 1);
      if (filter.type === null) {
        reply.errorLatin1(`ERR Unknown client type '${cText(args, i + 1)}'`);
        return null;
      }
    } else if (more && args.is(i, 'addr')) text.addr = args.latin1(i + 1);
    else if (more && args.is(i, 'laddr')) text.laddr = args.latin1(i + 1);
    else if (more && args.is(i, 'user')) {
      text.user = args.latin1(i + 1);
      if (text.user !== 'default') {
        reply.errorLatin1(`ERR No such user '${cText(args, i + 1)}'`);
        return null;
      }
    } else if (more && args.is(i, 'maxage')) {
      maxAge = integerAt(args, i + 1);
      if (maxAge === null) reply.errorText('ERR maxage is not an integer or out of range');
      else if (maxAge <= 0) reply.errorText('ERR maxage should be greater than 0');
      if (maxAge === null || maxAge <= 0) return null;
    } else if (more && args.is(i, 'skipme') && (args.is(i + 1, 'yes') || args.is(i + 1, 'no'))) {
      skipMe = args.is(i + 1, 'yes');
    } else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return { ...filter, ...text, maxAge, exceptId: skipMe ? conn.session.id : 0 };
}

async function kill(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  const isOldForm = args.argc === 3;
  const filter = isOldForm ? { ...ANY_CLIENT, addr: args.latin1(2) } : killFilter(conn, args, reply);
  if (filter === null) return;
  const killed = await killEverywhere(io, filter, conn.session.id);
  if (killed.includes(conn.session.id)) conn.closeAfterReply = true;
  if (!isOldForm) reply.int(killed.length);
  else if (killed.length === 0) reply.errorText('ERR No such client');
  else reply.ok();
}

/** The value of an ON|OFF argument; null after a syntax error was written. */
function onOff(args: Args, i: number, reply: Reply): boolean | null {
  if (args.is(i, 'on')) return true;
  if (args.is(i, 'off')) return false;
  reply.error(SYNTAX);
  return null;
}

function noEvict(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const on = onOff(args, 2, reply);
  if (on === null) return;
  conn.session.noEvict = on;
  reply.ok();
}

function noTouch(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const on = onOff(args, 2, reply);
  if (on === null) return;
  conn.session.noTouch = on;
  reply.ok();
}

/** CLIENT NO-TOUCH in a transaction: see queued-state.ts. */
function noTouchState(_io: IoThread, state: QueuedState, args: Args, unread: Reply): void {
  state.noTouch = onOff(args, 2, unread) ?? state.noTouch;
}

function replyMode(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  if (args.is(2, 'on')) {
    conn.replyMode = REPLY_MODE.on;
    reply.ok();
  } else if (args.is(2, 'off')) conn.replyMode = REPLY_MODE.off;
  else if (args.is(2, 'skip')) {
    if (conn.replyMode !== REPLY_MODE.off) conn.replyMode = REPLY_MODE.skipAsked;
  } else reply.error(SYNTAX);
}

/** Every thread asks for the pause (shared/sync/pause.ts); an I/O thread does at the beginning of its turns. */
function pause(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 4) {
    subcommandSyntax(args, reply);
    return;
  }
  let mode: number = PAUSE.all;
  if (args.argc === 4) {
    if (args.is(3, 'write')) mode = PAUSE.write;
    else if (!args.is(3, 'all')) {
      reply.errorText('ERR CLIENT PAUSE mode must be WRITE or ALL');
      return;
    }
  }
  const timeoutMs = integerAt(args, 2);
  const nowMs = io.control.nowMs();
  if (timeoutMs === null) reply.errorText('ERR timeout is not an integer or out of range');
  else if (timeoutMs < 0) reply.errorText('ERR timeout is negative');
  else if (nowMs + timeoutMs >= 2 ** 63) reply.errorText('ERR timeout is out of range');
  else {
    beginPause(io.control, mode, timeoutMs);
    io.turn.pauseMode = pauseAt(io.control, nowMs) | (io.turn.pauseMode & PAUSE_CONGESTED);
    io.turn.gates |= GATE.pause;
    reply.ok();
  }
}

function unpause(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  endPause(io.control);
  io.turn.pauseMode &= PAUSE_CONGESTED;
  reply.ok();
}

async function unblock(io: IoThread, _conn: Connection, args: Args, reply: Reply): Promise<void> {
  const id = integerAt(args, 2);
  if (args.argc > 4) subcommandSyntax(args, reply);
  else if (args.argc === 4 && !args.is(3, 'timeout') && !args.is(3, 'error')) {
    reply.errorText('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  } else if (id === null) reply.error(NOT_INTEGER);
  else {
    const withError = args.argc === 4 && args.is(3, 'error');
    reply.int((await unblockEverywhere(io, id, withError)) ? 1 : 0);
  }
}

// ---- specifications

type SubSpec = Pick<CommandSpec, 'arity' | 'since' | 'summary'> &
  Partial<Pick<CommandSpec, 'complexity' | 'args' | 'tips' | 'history' | 'async' | 'flags'>> &
  Pick<CommandDef, 'clientState'>;

function sub(name: string, admin: boolean, local: CommandDef['local'], spec: SubSpec): CommandDef {
  return defineCommand({
    name: `client|${name}`,
    group: 'connection',
    keepsCaching: true,
    acl: ['@connection'],
    route: 'local',
    complexity: 'O(1)',
    flags: admin ? ['admin', 'noscript', 'loading', 'stale'] : ['noscript', 'loading', 'stale'],
    ...spec,
    ...(local === undefined ? {} : { local }),
  });
}

const LIST_TYPES = ['normal', 'master', 'replica', 'pubsub'].map((type) => token(type));
const KILL_TYPES = [
  token('normal'),
  token('master', 'MASTER', { since: '3.2.0' }),
  token('slave'),
  token('replica', 'REPLICA', { since: '5.0.0' }),
  token('pubsub'),
];
const ON_OFF = oneOf('enabled', [token('on'), token('off')]);
const ON_ALL_NODES = ['request_policy:all_nodes', 'response_policy:all_succeeded'];

const KILL_FILTERS = [
  integer('client-id', { token: 'ID', optional: true, since: '2.8.12' }),
  oneOf('client-type', KILL_TYPES, { token: 'TYPE', optional: true, since: '2.8.12' }),
  str('username', { token: 'USER', optional: true }),
  str('addr', { token: 'ADDR', display: 'ip:port', optional: true }),
  str('laddr', { token: 'LADDR', display: 'ip:port', optional: true, since: '6.2.0' }),
  oneOf('skipme', [token('yes'), token('no')], { token: 'SKIPME', optional: true }),
  integer('maxage', { token: 'MAXAGE', optional: true, since: '7.4.0' }),
];

const TRACKING_ARGS = [
  oneOf('status', [token('on'), token('off')]),
  integer('client-id', { token: 'REDIRECT', optional: true }),
  str('prefix', { token: 'PREFIX', optional: true, multiple: true, multipleToken: true }),
  ...['bcast', 'optin', 'optout', 'noloop'].map((word) => token(word, word.toUpperCase(), OPT)),
];

const subcommands: readonly CommandDef[] = [
  sub('caching', false, clientCaching, {
    clientState: cachingState,
    arity: 3,
    since: '6.0.0',
    summary: 'Says whether the keys of the next command are tracked.',
    args: [oneOf('mode', [token('yes'), token('no')])],
  }),
  sub('getname', false, getName, { arity: 2, since: '2.6.9', summary: 'Tells how the connection is named.' }),
  sub('getredir', false, clientGetRedir, {
    arity: 2,
    since: '6.0.0',
    summary: 'Returns the id of the client that gets the tracking notifications of this one.',
  }),
  sub('help', false, (_io, _conn, _args, reply) => replyHelp(reply, 'CLIENT', CLIENT_HELP), {
    arity: 2,
    since: '5.0.0',
    summary: 'Returns a text about the subcommands.',
    flags: ['loading', 'stale'],
  }),
  sub('id', false, (_io, conn: Connection, _args, reply) => reply.int(conn.session.id), {
    arity: 2,
    since: '5.0.0',
    summary: 'Returns the id of the connection.',
  }),
  sub('info', false, info, {
    arity: 2,
    since: '6.2.0',
    summary: 'Returns what is known of the connection.',
    tips: ['nondeterministic_output'],
  }),
  sub('kill', true, kill, {
    arity: -3,
    since: '2.4.0',
    complexity: 'O(N) where N is the number of client connections',
    summary: 'Closes connections.',
    async: true,
    history: [
      ['2.8.12', 'The form with filters.'],
      ['2.8.12', 'Filter ID.'],
      ['3.2.0', 'Type master.'],
      ['5.0.0', 'Type replica, formerly slave, which still works.'],
      ['6.2.0', 'Filter LADDR.'],
      ['7.4.0', 'Filter MAXAGE.'],
    ],
    args: [
      oneOf('filter', [
        str('old-format', { display: 'ip:port', deprecatedSince: '2.8.12' }),
        oneOf('new-format', KILL_FILTERS, { multiple: true }),
      ]),
    ],
  }),
  sub('list', true, list, {
    arity: -2,
    since: '2.4.0',
    complexity: 'O(N) where N is the number of client connections',
    summary: 'Lists the open connections.',
    async: true,
    tips: ['nondeterministic_output'],
    history: [
      ['2.8.12', 'Field id.'],
      ['5.0.0', 'Filter TYPE.'],
      ['6.0.0', 'Field user.'],
      ['6.2.0', 'Fields argv-mem, tot-mem, laddr and redir; filter ID.'],
      ['7.0.0', 'Fields resp, multi-mem, rbs and rbp.'],
      ['7.0.3', 'Field ssub.'],
    ],
    args: [
      oneOf('client-type', LIST_TYPES, { token: 'TYPE', optional: true, since: '5.0.0' }),
      integer('client-id', { token: 'ID', optional: true, multiple: true, since: '6.2.0' }),
    ],
  }),
  sub('no-evict', true, noEvict, {
    arity: 3,
    since: '7.0.0',
    summary: 'Exempts the connection from client eviction, or no longer.',
    args: [ON_OFF],
  }),
  sub('no-touch', false, noTouch, {
    clientState: noTouchState,
    arity: 3,
    since: '7.2.0',
    summary: "Leaves the keys' LRU and LFU data alone in commands of this connection, or no longer.",
    args: [ON_OFF],
  }),
  sub('pause', true, pause, {
    arity: -3,
    since: '3.0.0',
    summary: 'Makes commands wait for a while.',
    history: [['6.2.0', 'The mode, WRITE being new.']],
    args: [integer('timeout'), oneOf('mode', [token('write'), token('all')], { optional: true, since: '6.2.0' })],
  }),
  sub('reply', false, replyMode, {
    arity: 3,
    since: '3.2.0',
    summary: 'Switches the replies to the connection on or off, or leaves one out.',
    args: [oneOf('action', [token('on'), token('off'), token('skip')])],
  }),
  sub('setinfo', false, setInfo, {
    arity: 4,
    since: '7.2.0',
    summary: "Tells the client library's name or version.",
    tips: ON_ALL_NODES,
    args: [oneOf('attr', [str('libname', { token: 'LIB-NAME' }), str('libver', { token: 'LIB-VER' })])],
  }),
  sub('setname', false, setName, {
    arity: 3,
    since: '2.6.9',
    summary: 'Names the connection.',
    tips: ON_ALL_NODES,
    args: [str('connection-name')],
  }),
  sub('tracking', false, clientTracking, {
    clientState: trackingState,
    arity: -3,
    async: true,
    since: '6.0.0',
    complexity: 'O(1), with some options more',
    summary: 'Switches invalidation messages for client-side caches on or off.',
    args: TRACKING_ARGS,
  }),
  sub('trackinginfo', false, clientTrackingInfo, {
    arity: 2,
    since: '6.2.0',
    summary: 'Returns what the connection tracks, and how.',
  }),
  sub('unblock', true, unblock, {
    async: true,
    arity: -3,
    since: '5.0.0',
    complexity: 'O(log N) where N is the number of client connections',
    summary: 'Ends the waiting of another client in a blocking command.',
    args: [integer('client-id'), oneOf('unblock-type', [token('timeout'), token('error')], OPT)],
  }),
  sub('unpause', true, unpause, {
    arity: 2,
    since: '6.2.0',
    complexity: 'O(N) where N is the number of paused clients',
    summary: 'Ends a pause.',
  }),
];

export const clientCommand: CommandDef = container(
  'client',
  { group: 'connection', since: '2.4.0', summary: 'A container for commands about client connections.' },
  subcommands,
);
