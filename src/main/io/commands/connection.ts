/** Connection commands: PING, ECHO, QUIT, SELECT, AUTH, HELLO, RESET. Local: I/O thread, no lease. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { block, integer, OPT, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { DB_INDEX, NOAUTH_HELLO, NOPROTO, NOT_INTEGER, SYNTAX, WRONGPASS } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { REDIS_VERSION } from '../../../shared/version.js';
import { cText, integerAt } from '../reply/cold-arguments.js';
import { resetTransaction } from '../request/end-transaction.js';
import { type Connection, REPLY_MODE } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoThread } from '../thread/io-thread.js';
import type { QueuedState } from '../transaction/queued-state.js';
import { CLIENT_NAME_ERROR, isClientText } from './client-text.js';

const CONNECTION = { group: 'connection', acl: ['@connection'], route: 'local' } as const;

function ping(_io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 2) reply.wrongArity('ping');
  else if ((conn.session.modes & MODE.subscribed) !== 0 && conn.session.proto === 2) {
    // Among messages, the answer looks like one.
    reply.array(2);
    reply.bulkText('pong');
    if (args.argc === 1) reply.bulkText('');
    else reply.bulk(args.u8, args.off[1]!, args.len[1]!);
  } else if (args.argc === 1) reply.pong();
  else reply.bulk(args.u8, args.off[1]!, args.len[1]!);
}

function echo(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  reply.bulk(args.u8, args.off[1]!, args.len[1]!);
}

function quit(_io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  reply.ok();
  conn.closeAfterReply = true;
}

function select(io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const db = integerAt(args, 1);
  if (db === null) reply.error(NOT_INTEGER);
  else if (db < -0x80000000 || db > 0x7fffffff) {
    reply.errorText('ERR value is out of range, value must between -2147483648 and 2147483647');
  } else if (db < 0 || db >= io.control.i32[CONTROL.databases]!) reply.error(DB_INDEX);
  else {
    conn.session.db = db;
    reply.ok();
  }
}

// ---- authentication

/** The password that `requirepass` asks for, one char a byte; empty when none is needed. */
export function requiredPassword(io: IoThread): string {
  return io.config.values.password;
}

/** Compares in a time that does not depend on the bytes. */
function samePassword(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Whether user and password are right; the only user is `default`. */
function isRight(io: IoThread, user: string, password: string): boolean {
  const wanted = requiredPassword(io);
  return user === 'default' && (wanted === '' || samePassword(password, wanted));
}

/** As `isRight`. Marks the connection, or counts the denial. */
function authenticate(io: IoThread, conn: Connection, user: string, password: string): boolean {
  if (isRight(io, user, password)) {
    conn.session.authenticated = true;
    conn.session.user = 'default';
    return true;
  }
  io.stats.f64[STAT.aclDeniedAuth]! += 1;
  return false;
}

function auth(io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 3) {
    reply.error(SYNTAX);
    return;
  }
  if (args.argc === 2 && requiredPassword(io) === '') {
    reply.errorText(
      'ERR AUTH <password> called without any password configured for the default user.' +
        ' Are you sure your configuration is correct?',
    );
    return;
  }
  const user = args.argc === 2 ? 'default' : args.latin1(1);
  if (authenticate(io, conn, user, args.latin1(args.argc - 1))) reply.ok();
  else reply.error(WRONGPASS);
}

/** What HELLO asks for. `proto` 0: as it is. */
interface Greeting {
  proto: 0 | 2 | 3;
  user: string | null;
  password: string;
  name: string | null;
}

/** Reads the arguments of HELLO; null after an error was written. */
function parseHello(args: Args, reply: Reply): Greeting | null {
  const wish: Greeting = { proto: 0, user: null, password: '', name: null };
  if (args.argc >= 2) {
    const version = integerAt(args, 1);
    if (version === null) {
      reply.errorText('ERR Protocol version is not an integer or out of range');
      return null;
    }
    if (version !== 2 && version !== 3) {
      reply.error(NOPROTO);
      return null;
    }
    wish.proto = version;
  }
  for (let i = 2; i < args.argc; i++) {
    const more = args.argc - 1 - i;
    if (args.is(i, 'auth') && more >= 2) {
      wish.user = args.latin1(i + 1);
      wish.password = args.latin1(i + 2);
      i += 2;
    } else if (args.is(i, 'setname') && more >= 1) {
      wish.name = args.latin1(i + 1);
      if (!isClientText(wish.name)) {
        reply.errorText(CLIENT_NAME_ERROR);
        return null;
      }
      i++;
    } else {
      reply.errorLatin1(`ERR Syntax error in HELLO option '${cText(args, i)}'`);
      return null;
    }
  }
  return wish;
}

function hello(io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const wish = parseHello(args, reply);
  if (wish === null) return;
  const { proto, user, password, name } = wish;
  if (user !== null && !authenticate(io, conn, user, password)) {
    reply.error(WRONGPASS);
    return;
  }
  if (!conn.session.authenticated) {
    reply.error(NOAUTH_HELLO);
    return;
  }
  if (name !== null) conn.session.name = name;
  if (proto !== 0) conn.session.proto = proto;
  reply.proto = conn.session.proto;
  replyHello(io, conn, reply);
}

/** HELLO in a transaction, whose client is authenticated: see queued-state.ts. */
function helloState(io: IoThread, state: QueuedState, args: Args, unread: Reply): void {
  const wish = parseHello(args, unread);
  if (wish === null || wish.proto === 0) return;
  if (wish.user === null || isRight(io, wish.user, wish.password)) state.proto = wish.proto;
}

function replyHello(io: IoThread, conn: Connection, reply: Reply): void {
  reply.map(7);
  reply.bulkText('server');
  reply.bulkText('redis');
  reply.bulkText('version');
  reply.bulkText(REDIS_VERSION);
  reply.bulkText('proto');
  reply.int(conn.session.proto);
  reply.bulkText('id');
  reply.int(conn.session.id);
  reply.bulkText('mode');
  reply.bulkText(io.control.i32[CONTROL.clusterEnabled] ? 'cluster' : 'standalone');
  reply.bulkText('role');
  reply.bulkText('master');
  reply.bulkText('modules');
  reply.array(0);
}

function reset(io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  resetTransaction(io, conn);
  conn.session.db = 0;
  conn.session.proto = 2;
  conn.session.name = '';
  conn.session.user = 'default';
  conn.session.authenticated = requiredPassword(io) === '';
  conn.replyMode = REPLY_MODE.on;
  conn.session.flags &= ~(CLIENT_FLAG.noTouch | CLIENT_FLAG.noEvict);
  if (conn.session.modes !== 0) io.hub.forget(conn);
  reply.proto = 2;
  reply.simple('RESET');
}

export const connectionCommands: readonly CommandDef[] = [
  defineCommand({
    ...CONNECTION,
    name: 'ping',
    whileSubscribed: true,
    arity: -1,
    flags: ['fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Answers with PONG, or with the message given.',
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
    args: [str('message', OPT)],
    local: ping,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'echo',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Answers with the message given.',
    args: [str('message')],
    local: echo,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'quit',
    transaction: 'quit',
    whileSubscribed: true,
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Ends the connection.',
    deprecatedSince: '7.2.0',
    replacedBy: 'just closing the connection',
    docFlags: ['deprecated'],
    local: quit,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'select',
    selectsDatabase: true,
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'Makes another database the current one of the connection.',
    args: [integer('index')],
    local: select,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    since: '1.0.0',
    complexity: 'O(N) where N is the number of passwords of the user',
    summary: 'Proves who is at the other end of the connection.',
    history: [['6.0.0', 'Users besides passwords.']],
    args: [str('username', { optional: true, since: '6.0.0' }), str('password')],
    local: auth,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    since: '6.0.0',
    complexity: 'O(1)',
    summary: 'Tells about the server; may choose the protocol version, authenticate and name the connection.',
    history: [['6.2.0', 'May be called without a protocol version.']],
    args: [
      block(
        'arguments',
        [
          integer('protover'),
          block('auth', [str('username'), str('password')], { token: 'AUTH', optional: true }),
          str('clientname', { token: 'SETNAME', optional: true }),
        ],
        OPT,
      ),
    ],
    local: hello,
    clientState: helloState,
  }),
  defineCommand({
    ...CONNECTION,
    name: 'reset',
    transaction: 'reset',
    whileSubscribed: true,
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    since: '6.2.0',
    complexity: 'O(1)',
    summary: 'Puts the connection back into the state of a new one.',
    local: reset,
  }),
];
