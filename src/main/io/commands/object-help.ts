/** OBJECT HELP, attached by its name to the container OBJECT, whose other subcommands run in a shard. Local. */
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { replyHelp } from './help.js';

const HELP = [
  'ENCODING <key>',
  '    The form in which the value of <key> is kept.',
  'FREQ <key>',
  '    How often <key> is used: a counter that grows with the logarithm of the uses and decays.',
  'IDLETIME <key>',
  '    The seconds since <key> was last used.',
  'REFCOUNT <key>',
  '    The number of references to the value of <key>.',
];

export const objectHelpCommand: CommandDef = defineCommand({
  name: 'object|help',
  arity: 2,
  flags: ['loading', 'stale'],
  acl: ['@keyspace'],
  group: 'generic',
  since: '6.2.0',
  complexity: 'O(1)',
  summary: 'Returns a text about the subcommands.',
  route: 'local',
  local: (_io, _conn, _args, reply) => replyHelp(reply, 'OBJECT', HELP),
});
