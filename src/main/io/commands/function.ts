/** FUNCTION KILL, STATS and HELP: what an I/O thread does while a shard thread runs a function. Local. */
import { LibraryStore } from '../../../shard/script/library-store.js';
import { readRunningFunction } from '../../../shard/script/running-function.js';
import { container } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { BUSY } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { SCRIPT_BUSY } from '../../../shared/sync/control-block.js';
import { busyState } from '../reply/busy-reply.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';
import { killRunning } from './kill-running.js';

const HELP = [
  'LOAD [REPLACE] <FUNCTION CODE>',
  '    Makes the functions of a library known.',
  'DELETE <LIBRARY NAME>',
  '    Forgets a library and its functions.',
  'LIST [LIBRARYNAME PATTERN] [WITHCODE]',
  '    Describes the libraries: name, engine, functions, and the code if asked for.',
  'STATS',
  '    Tells which function runs, and how many libraries and functions there are.',
  'KILL',
  '    Ends the function that runs, if it has not written anything.',
  'FLUSH [ASYNC|SYNC]',
  '    Forgets all libraries.',
  'DUMP',
  '    Returns all libraries as a payload for FUNCTION RESTORE.',
  'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
  '    Brings back what FUNCTION DUMP returned: in place of all libraries, beside them (the default; a name that is',
  '    there already is an error), or beside and over them.',
];

function stats(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  const { control } = io;
  const libraries = new LibraryStore(control);
  let running = -1;
  let script = false;
  for (let shard = 0; shard < control.shards; shard++) {
    const state = busyState(control, shard);
    if ((state & SCRIPT_BUSY.isFunction) !== 0) running = shard;
    else if (state !== 0) script = true;
  }
  if (running < 0 && script) {
    reply.error(BUSY);
    return;
  }
  reply.map(2);
  reply.bulkText('running_script');
  const what = running < 0 ? null : readRunningFunction(control, running);
  if (what === null) reply.nil();
  else {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(what.name);
    reply.bulkText('command');
    reply.array(what.command.length);
    for (const word of what.command) {
      const bytes = Buffer.from(word, 'latin1');
      reply.bulk(bytes, 0, bytes.length);
    }
    reply.bulkText('duration_ms');
    reply.int(Math.max(0, io.control.nowMs() - what.startedAtMs));
  }
  reply.bulkText('engines');
  reply.map(1);
  reply.bulkText('LUA');
  reply.map(2);
  reply.bulkText('libraries_count');
  reply.int(libraries.libraryCount);
  reply.bulkText('functions_count');
  reply.int(libraries.functionCount);
}

const COMMON = { acl: ['@scripting'], group: 'scripting', route: 'local' } as const;

export const functionCommand: CommandDef = container(
  'function',
  { group: 'scripting', since: '7.0.0', summary: 'A container for commands about functions.' },
  [
    defineCommand({
      ...COMMON,
      name: 'function|help',
      arity: 2,
      flags: ['loading', 'stale'],
      since: '7.0.0',
      complexity: 'O(1)',
      summary: 'Returns a text about the subcommands.',
      local: (_io, _conn, _args, reply) => replyHelp(reply, 'FUNCTION', HELP),
    }),
    defineCommand({
      ...COMMON,
      name: 'function|kill',
      arity: 2,
      flags: ['noscript', 'allow_busy'],
      since: '7.0.0',
      complexity: 'O(1)',
      summary: 'Ends the function that runs, if it has not written anything.',
      tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
      local: (io: IoThread, _conn, _args, reply) => killRunning(io.control, true, reply),
    }),
    defineCommand({
      ...COMMON,
      name: 'function|stats',
      arity: 2,
      flags: ['noscript', 'allow_busy'],
      since: '7.0.0',
      complexity: 'O(1)',
      summary: 'Tells which function runs, and counts libraries and functions.',
      tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
      local: stats,
    }),
  ],
);
