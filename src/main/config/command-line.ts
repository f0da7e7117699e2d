/**
 * The command line: `sherd [redis.conf | -] [--directive value ...]`.
 *
 * Redis's rules decide which argument is a flag: `--x` is one unless the flag before it still lacks its first value (so
 * that a value may begin with `--`); everything else is a value of the flag before. commander explains and checks our
 * own flags; all others are directives and go through the same table as redis.conf.
 */
import { Command, CommanderError, Option } from 'commander';
import { SherdError } from '../../shared/errors/sherd-error.js';
import { REDIS_VERSION, SHERD_VERSION } from '../../shared/version.js';
import { fromBinary, toBinary } from './binary-string.js';
import { quoteArgument, type Statement, splitArguments } from './parser.js';

/** What the command line asks for. */
export type CommandLine =
  | { readonly kind: 'print'; readonly text: string }
  | {
      readonly kind: 'start';
      readonly file: string | null;
      readonly stdin: boolean;
      readonly flags: readonly Statement[];
    };

/** A flag with the arguments that belong to it. */
interface Flag {
  readonly name: string;
  readonly words: string[];
}

const OUR_FLAGS = new Set(['shards', 'io-threads', 'dispatch']);
const HELP_FLAGS = new Set(['help', 'version']);
const REFUSED: Readonly<Record<string, string>> = {
  sentinel: 'sherd is no Sentinel; point a redis-sentinel at it instead',
  'test-memory': 'sherd has no memory test; use memtest86 or memtester',
  'check-system': 'sherd has no system check; nothing to tune is known',
};

const HELP_TAIL = `
Every directive of redis.conf may stand in the file or as a flag; flags win:
  --port 7000                 TCP port (6379); 0 for none
  --bind 127.0.0.1 -::1       addresses to listen on; a leading - makes one optional
  --unixsocket /run/s.sock    a unix socket as well (--unixsocketperm 770)
  --save ""                   no snapshots (--save 900 1: every 900 s if 1 key changed)
  --maxclients 10000          connections at a time
  --databases 16              how many SELECT may choose from
  --dir /var/lib/sherd        working directory
  --loglevel notice           debug, verbose, notice, warning or nothing
  --logfile sherd.log         append the log to a file instead of standard output
  --enable-debug-command yes  allow DEBUG (yes, no or local)

Directives that are not served yet are accepted with a warning; unknown ones stop the start.
Stop it with SIGTERM, Ctrl-C or the command SHUTDOWN: exit code 0.

Examples:
  sherd                                     defaults, port 6379
  sherd --port 7000 --shards 2
  sherd /etc/redis/redis.conf --bind 127.0.0.1
  echo 'maxclients 50' | sherd - --loglevel verbose
`;

function buildProgram(print: (text: string) => void): Command {
  const program = new Command('sherd');
  program
    .description('Redis-compatible in-memory store that uses every core')
    .usage('[redis.conf | -] [--directive value ...]')
    .version(
      `sherd ${SHERD_VERSION} (speaks Redis ${REDIS_VERSION}, Node ${process.version})`,
      '-v, --version',
      'print the version',
    )
    .helpOption('-h, --help', 'print this')
    .addOption(new Option('--shards <n>', 'pieces of the data, each with a thread; 0 picks by cores').default('0'))
    .addOption(new Option('--io-threads <n>', 'threads that talk to clients').default('1'))
    .addOption(
      new Option('--dispatch <mode>', 'how commands reach a shard').choices(['auto', 'ring', 'inline']).default('auto'),
    )
    .addHelpText('after', HELP_TAIL)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} });
  return program;
}

/** Lets commander see to help, version and our own flags; the text to print, or null. */
function runCommander(args: readonly string[]): string | null {
  let printed = '';
  const program = buildProgram((text) => {
    printed += text;
  });
  try {
    program.parse(args, { from: 'user' });
    return null;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return printed;
    throw new SherdError('SHERD_CONFIG_INVALID', error.message.replace(/^error: /, ''), { cause: error });
  }
}

/** Splits `--name value`, `--name=value` and `--name` into name and the values that are part of the argument. */
function openFlag(argument: string): Flag {
  const assigned = /^--([a-zA-Z][a-zA-Z0-9_-]*)=(.*)$/s.exec(argument);
  if (assigned !== null) return { name: assigned[1]!.toLowerCase(), words: [assigned[2]!] };
  const words = splitArguments(argument.slice(2));
  if (words === null) {
    throw new SherdError('SHERD_CONFIG_SYNTAX', `command line: unbalanced quotes in ${fromBinary(argument)}`);
  }
  return { name: (words.shift() ?? '').toLowerCase(), words };
}

/** Groups the arguments behind the file name by flag. Redis's special case: `--save` alone means `--save ""`. */
function groupFlags(args: readonly string[]): Flag[] {
  const flags: Flag[] = [];
  let flag: Flag | null = null;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const isFlag: boolean = argument.startsWith('--') && (flag === null || flag.words.length > 0);
    if (isFlag) {
      flag = openFlag(argument);
      flags.push(flag);
      const isLast = i === args.length - 1 || args[i + 1]!.startsWith('--');
      if (flag.name === 'save' && flag.words.length === 0 && isLast) flag.words.push('');
    } else if (flag === null) {
      flag = { name: argument.toLowerCase(), words: [] };
      flags.push(flag);
    } else {
      flag.words.push(argument);
    }
  }
  return flags;
}

function showFlag(flag: Flag): string {
  const words = flag.words.map((word) => (/^[!-~]+$/.test(word) ? word : quoteArgument(word)));
  return fromBinary([`--${flag.name}`, ...words].join(' '));
}

/** The statement for a flag; what sherd cannot do is refused here. */
function flagStatement(flag: Flag): Statement {
  if (Object.hasOwn(REFUSED, flag.name)) {
    throw new SherdError('SHERD_NOT_SUPPORTED', `--${flag.name}: ${REFUSED[flag.name]}`, { directive: flag.name });
  }
  return { name: flag.name, args: flag.words, source: showFlag(flag), line: 0 };
}

/**
 * Reads the arguments behind the program's name.
 *
 * @throws SherdError when our flags are wrong, quotes are unbalanced or something is not supported
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const args = argv.map(toBinary);
  const first = args[0] ?? '';
  if (first === '-h' || first === '-v') return { kind: 'print', text: runCommander([first])! };
  const file = first !== '' && !first.startsWith('-') ? fromBinary(args.shift()!) : null;
  const stdin = args.length > 0 && (args[0] === '-' || args.at(-1) === '-');
  if (stdin) args.splice(args[0] === '-' ? 0 : args.length - 1, 1);
  const flags = groupFlags(args);
  const forCommander = flags
    .filter((flag) => OUR_FLAGS.has(flag.name) || HELP_FLAGS.has(flag.name))
    .flatMap((flag) => [`--${flag.name}`, ...flag.words]);
  const text = runCommander(forCommander);
  if (text !== null) return { kind: 'print', text };
  return { kind: 'start', file, stdin, flags: flags.map(flagStatement) };
}
