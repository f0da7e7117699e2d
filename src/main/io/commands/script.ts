/** SCRIPT KILL, DEBUG and HELP: what an I/O thread does while a shard thread runs a script. Local. */
import { container, oneOf, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';
import { killRunning } from './kill-running.js';

const HELP = [
  'DEBUG (YES|SYNC|NO)',
  '    The debugger is not there; NO is accepted.',
  'EXISTS <sha1> [<sha1> ...]',
  '    Whether the scripts with these SHA1s are known.',
  'FLUSH [ASYNC|SYNC]',
  '    Forgets all scripts.',
  'KILL',
  '    Ends the script that runs, if it has not written anything.',
  'LOAD <script>',
  '    Makes a script known without running it.',
];

function debug(_io: IoThread, _conn: Connection, args: Args, reply: Reply): void {
  if (args.is(2, 'no')) reply.ok();
  else if (args.is(2, 'yes') || args.is(2, 'sync')) reply.errorText('ERR the script debugger is not available');
  else reply.errorText('ERR Use SCRIPT DEBUG YES/SYNC/NO');
}

const COMMON = { acl: ['@scripting'], group: 'scripting', route: 'local' } as const;

export const scriptCommand: CommandDef = container(
  'script',
  { group: 'scripting', since: '2.6.0', summary: 'A container for commands about scripts.' },
  [
    defineCommand({
      ...COMMON,
      name: 'script|debug',
      arity: 3,
      flags: ['noscript'],
      since: '3.2.0',
      complexity: 'O(1)',
      summary: 'Sets the debug mode of scripts.',
      args: [oneOf('mode', [token('yes'), token('sync'), token('no')])],
      local: debug,
    }),
    defineCommand({
      ...COMMON,
      name: 'script|help',
      arity: 2,
      flags: ['loading', 'stale'],
      since: '5.0.0',
      complexity: 'O(1)',
      summary: 'Returns a text about the subcommands.',
      local: (_io, _conn, _args, reply) => replyHelp(reply, 'SCRIPT', HELP),
    }),
    defineCommand({
      ...COMMON,
      name: 'script|kill',
      arity: 2,
      flags: ['noscript', 'allow_busy'],
      since: '2.6.0',
      complexity: 'O(1)',
      summary: 'Ends the script that runs, if it has not written anything.',
      tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
      local: (io: IoThread, _conn, _args, reply) => killRunning(io.control, false, reply),
    }),
  ],
);
