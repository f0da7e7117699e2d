/** XGROUP HELP and XINFO HELP, attached by their names to containers whose other subcommands run in a shard. Local. */
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { replyHelp } from './help.js';

const XGROUP_HELP = [
  'CREATE <key> <groupname> <id|$> [option]',
  '    Makes a group that has read up to <id>, or all there is ($). Options:',
  '    * MKSTREAM',
  '      Makes the stream too if there is none.',
  '    * ENTRIESREAD entries_read',
  '      How many entries the group counts as read.',
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    Makes a consumer in a group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Removes a consumer with its pending entries.',
  'DESTROY <key> <groupname>',
  '    Removes a group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Says up to where a group has read, and how many entries that were.',
];

const XINFO_HELP = [
  'CONSUMERS <key> <groupname>',
  '    The consumers of a group.',
  'GROUPS <key>',
  '    The groups of a stream.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    The figures of a stream; with FULL its entries, groups, consumers and what is pending.',
];

function help(container: string, lines: readonly string[]): CommandDef {
  return defineCommand({
    name: `${container}|help`,
    arity: 2,
    flags: ['loading', 'stale'],
    acl: ['@stream'],
    group: 'stream',
    since: '5.0.0',
    complexity: 'O(1)',
    summary: 'Returns a text about the subcommands.',
    route: 'local',
    local: (_io, _conn, _args, reply) => replyHelp(reply, container.toUpperCase(), lines),
  });
}

/** XGROUP HELP, XINFO HELP. */
export const streamHelpCommands: readonly CommandDef[] = [help('xgroup', XGROUP_HELP), help('xinfo', XINFO_HELP)];
