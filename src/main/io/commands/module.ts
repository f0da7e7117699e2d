/** MODULE: there are none, and none can be loaded (a Redis module is native code); who asks gets an answer. */
import { refusesProtected } from '../../../shard/script/protected-command.js';
import { block, container, OPT_MANY, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';

const HELP = [
  'LIST',
  '    The modules loaded: none.',
  'LOAD <path> [<arg> ...]',
  '    Refused: modules of Redis are native libraries.',
  'LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]',
  '    Refused as well.',
  'UNLOAD <name>',
  '    Refused: nothing is loaded.',
];

function guarded(error: string): NonNullable<CommandDef['local']> {
  return (io: IoThread, conn, _args, reply) =>
    reply.errorText(refusesProtected('MODULE', io.control, conn.session.flags) ?? error);
}

type SubSpec = Pick<CommandSpec, 'arity' | 'summary'> & Partial<CommandSpec>;

function sub(name: string, local: NonNullable<CommandDef['local']>, spec: SubSpec): CommandDef {
  return defineCommand({
    name: `module|${name}`,
    group: 'server',
    since: '4.0.0',
    acl: [],
    route: 'local',
    complexity: 'O(1)',
    flags: ['admin', 'noscript', 'no_async_loading'],
    ...spec,
    local,
  });
}

const CANNOT_LOAD = 'ERR Error loading the extension. Please check the server logs.';

export const moduleCommand: CommandDef = container(
  'module',
  { group: 'server', since: '4.0.0', summary: 'A container for commands about modules.' },
  [
    sub('list', (_io, _conn, _args, reply) => reply.array(0), {
      arity: 2,
      complexity: 'O(N) where N is the number of modules',
      summary: 'Returns the modules loaded.',
      tips: ['nondeterministic_output_order'],
      flags: ['admin', 'noscript'],
    }),
    sub('load', guarded(CANNOT_LOAD), {
      arity: -3,
      summary: 'Refuses to load a module.',
      args: [str('path'), str('arg', OPT_MANY)],
    }),
    sub('loadex', guarded(CANNOT_LOAD), {
      arity: -3,
      since: '7.0.0',
      summary: 'Refuses to load a module with its configuration.',
      args: [
        str('path'),
        block('configs', [str('name'), str('value')], { token: 'CONFIG', multipleToken: true, ...OPT_MANY }),
        str('args', { token: 'ARGS', ...OPT_MANY }),
      ],
    }),
    sub('unload', guarded('ERR Error unloading module: no such module with that name'), {
      arity: 3,
      summary: 'Refuses to unload a module.',
      args: [str('name')],
    }),
    sub('help', (_io, _conn, _args, reply) => replyHelp(reply, 'MODULE', HELP), {
      arity: 2,
      since: '5.0.0',
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
  ],
);
