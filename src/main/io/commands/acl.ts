/** ACL, as far as one user `default` with or without a password goes: what clients ask for at connect. Local. */

import { createHash } from 'node:crypto';
import { ACL_CATEGORIES, categoriesOf } from '../../../shared/command/acl-categories.js';
import { container, integer, OPT, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER } from '../../../shared/errors/replies.js';
import { secretBytes } from '../../../shared/random.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { cText, integerAt, subcommandSyntax } from '../reply/cold-arguments.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { requiredPassword } from './connection.js';
import { replyHelp } from './help.js';

const HELP = [
  'CAT [<category>]',
  '    The categories of commands, or the commands of one.',
  'GETUSER <username>',
  '    What a user may do.',
  'GENPASS [<bits>]',
  '    A random password (default: 256 bits).',
  'LIST',
  '    The users as rules.',
  'USERS',
  '    The names of the users.',
  'WHOAMI',
  '    The user of this connection.',
];

/** Most bits that GENPASS gives. */
const GENPASS_BITS_MAX = 4096;

/** SHA-256 of the password in hex, null when none is needed. */
function passwordHash(io: IoThread): string | null {
  const password = requiredPassword(io);
  return password === '' ? null : createHash('sha256').update(password, 'latin1').digest('hex');
}

function cat(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 3) {
    subcommandSyntax(args, reply);
    return;
  }
  if (args.argc === 2) {
    reply.array(ACL_CATEGORIES.length);
    for (const name of ACL_CATEGORIES) reply.bulkText(name);
    return;
  }
  const category = args.latin1(2).toLowerCase();
  if (!ACL_CATEGORIES.includes(category)) {
    reply.errorLatin1(`ERR Unknown category '${cText(args, 2)}'`);
    return;
  }
  const registry = io.registry;
  const names: string[] = [];
  for (const top of registry.top) {
    for (const id of [top, ...registry.subs[top]!]) {
      if (categoriesOf(registry.defs[id]!).includes(category)) names.push(registry.defs[id]!.name);
    }
  }
  reply.array(names.length);
  for (const name of names) reply.bulkText(name);
}

function genPass(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.argc > 3) {
    subcommandSyntax(args, reply);
    return;
  }
  const bits = args.argc === 3 ? integerAt(args, 2) : 256;
  if (bits === null) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (bits < 1 || bits > GENPASS_BITS_MAX) {
    reply.errorText(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
    );
    return;
  }
  const digits = Math.ceil(bits / 4);
  reply.bulkText(
    secretBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
  );
}

function getUser(io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.latin1(2) !== 'default') {
    reply.nil();
    return;
  }
  const hash = passwordHash(io);
  const flags = hash === null ? ['on', 'nopass', 'sanitize-payload'] : ['on', 'sanitize-payload'];
  reply.map(6);
  reply.bulkText('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText('passwords');
  reply.array(hash === null ? 0 : 1);
  if (hash !== null) reply.bulkText(hash);
  for (const [name, rule] of [
    ['commands', '+@all'],
    ['keys', '~*'],
    ['channels', '&*'],
  ] as const) {
    reply.bulkText(name);
    reply.bulkText(rule);
  }
  reply.bulkText('selectors');
  reply.array(0);
}

function list(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const hash = passwordHash(io);
  reply.array(1);
  reply.bulkText(`user default on ${hash === null ? 'nopass' : `#${hash}`} sanitize-payload ~* &* +@all`);
}

function users(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.array(1);
  reply.bulkText('default');
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> &
  Partial<Pick<CommandSpec, 'complexity' | 'args' | 'history' | 'flags'>>;

function sub(name: string, admin: boolean, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `acl|${name}`,
    group: 'server',
    since: '6.0.0',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: admin ? ['admin', 'noscript', 'loading', 'stale'] : ['noscript', 'loading', 'stale'],
    ...spec,
    local,
  });
}

const PER_USER = 'O(N) where N is the number of users';

export const aclCommand: CommandDef = container(
  'acl',
  { group: 'server', since: '6.0.0', summary: 'A container for commands about access control lists.' },
  [
    sub('cat', false, cat, {
      arity: -2,
      summary: 'Returns the categories of commands, or the commands of one.',
      args: [str('category', OPT)],
    }),
    sub('genpass', false, genPass, {
      arity: -2,
      summary: 'Returns a random password.',
      args: [integer('bits', OPT)],
    }),
    sub('getuser', true, getUser, {
      arity: 3,
      complexity: 'O(N) where N is the number of rules of the user',
      summary: 'Returns what a user may do.',
      history: [
        ['6.2.0', 'Patterns of channels.'],
        ['7.0.0', 'Selectors; patterns as rules.'],
      ],
      args: [str('username')],
    }),
    sub('help', false, (_io, _conn, _args, reply) => replyHelp(reply, 'ACL', HELP), {
      arity: 2,
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('list', true, list, { arity: 2, complexity: PER_USER, summary: 'Returns the users as rules.' }),
    sub('users', true, users, { arity: 2, complexity: PER_USER, summary: 'Returns the names of the users.' }),
    sub('whoami', false, (_io, conn: Connection, _args, reply) => reply.bulkText(conn.session.user), {
      arity: 2,
      summary: 'Returns the user of the connection.',
    }),
  ],
);
