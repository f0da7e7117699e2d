/**
 * Which leases a script needs, decided once from its text: a script is *closed* when every command it calls is named by
 * a literal and takes its keys from KEYS alone; then the leases of the shards of KEYS are enough. Everything else is
 * *open* and gets all leases, so keys that were not declared work as in Redis.
 *
 * The text is split into tokens, not parsed: whatever is not plainly harmless makes the script open.
 */
import { KEYS_COMPLEX, KEYS_NONE, KEYS_ONE } from '../../shared/command/key-positions.js';
import { type Registry, ROUTE_KEY } from '../../shared/command/registry.js';

/** Comments, strings, names, numbers, operators, in this order. */
const TOKEN = new RegExp(
  [
    '--\\[(=*)\\[[\\s\\S]*?\\]\\1\\]|--[^\\n]*',
    '\\[(=*)\\[[\\s\\S]*?\\]\\2\\]|"(?:\\\\[\\s\\S]|[^"\\\\])*"|\'(?:\\\\[\\s\\S]|[^\'\\\\])*\'',
    '[A-Za-z_]\\w*|0[xX][\\da-fA-F]+|\\d+(?:\\.\\d+)?',
    '\\.\\.\\.?|[=~<>]=|[^\\s\\w]',
  ].join('|'),
  'g',
);
/** Names that reach the API, or code, in ways that tokens do not show. */
const OPAQUE: readonly string[] = ['_G', 'getfenv', 'setfenv', 'load', 'loadstring', 'rawset', 'rawget', 'server'];
const API: readonly string[] = ['call', 'pcall'];
/** Members of `redis` that touch no keys. */
const HARMLESS: readonly string[] = [
  'register_function',
  'error_reply',
  'status_reply',
  'sha1hex',
  'log',
  'setresp',
  'set_repl',
  'replicate_commands',
  'breakpoint',
  'debug',
  'LOG_DEBUG',
  'LOG_VERBOSE',
  'LOG_NOTICE',
  'LOG_WARNING',
  'REPL_ALL',
  'REPL_AOF',
  'REPL_REPLICA',
  'REPL_SLAVE',
  'REPL_NONE',
  'REDIS_VERSION',
  'REDIS_VERSION_NUM',
];

/** Commands without keys that need no lease. */
const KEYLESS: readonly string[] = ['publish', 'spublish', 'ping', 'echo', 'time'];

/** Where KEYS are in scripts. */
const GLOBAL_KEYS: readonly string[] = ['KEYS'];

function tokensOf(source: string): string[] {
  return (source.match(TOKEN) ?? []).filter((token) => !token.startsWith('--'));
}

/** Whether a script touches no keys but KEYS. */
export function isClosedScript(source: string, registry: Registry): boolean {
  return isClosed(tokensOf(source), GLOBAL_KEYS, NO_HEADERS, registry);
}

/**
 * Whether no function of a library touches other keys than those it is called with: as for scripts, with the first
 * parameter of each registered function in the place of KEYS. A name that is a parameter of registered functions must
 * not be anything else.
 */
export function isClosedLibrary(source: string, registry: Registry): boolean {
  const tokens = tokensOf(source);
  const headers = new Set<number>();
  const names: string[] = [];
  const others: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] !== 'function') continue;
    const open = tokens.indexOf('(', i);
    const close = tokens.indexOf(')', open);
    if (open < 0 || close < 0) return false;
    const params = tokens.slice(open + 1, close).filter((token) => token !== ',');
    if (!isRegistered(tokens, i, open)) others.push(...params);
    else if (params.length > 0) {
      names.push(params[0]!);
      headers.add(open + 1);
      others.push(...params.slice(1));
    }
  }
  if (names.some((name) => others.includes(name) || name === '...')) return false;
  return isClosed(tokens, names, headers, registry);
}

/** Whether the function that begins at `i`, its parameters at `open`, is used by register_function alone. */
function isRegistered(tokens: readonly string[], i: number, open: number): boolean {
  if (open === i + 1) return isCallback(tokens, i);
  if (open !== i + 2) return false;
  const name = tokens[i + 1]!;
  const uses = tokens.flatMap((token, at) => (token === name ? [at] : []));
  return uses.length === 2 && isCallback(tokens, uses[1]!) && [',', ')', '}', ';'].includes(tokens[uses[1]! + 1] ?? '');
}

/** `register_function('name', HERE` or `callback = HERE` in a table. */
function isCallback(tokens: readonly string[], i: number): boolean {
  if (tokens[i - 1] === '=') return tokens[i - 2] === 'callback' && ['{', ',', ';'].includes(tokens[i - 3] ?? '');
  return tokens[i - 1] === ',' && tokens[i - 3] === '(' && tokens[i - 4] === 'register_function';
}

const NO_HEADERS: ReadonlySet<number> = new Set();

/** `names`: where the keys are; `headers`: where these names stand as parameters. */
function isClosed(
  tokens: readonly string[],
  names: readonly string[],
  headers: ReadonlySet<number>,
  registry: Registry,
): boolean {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (OPAQUE.includes(token)) return false;
    if (names.includes(token) && !headers.has(i) && !isPlainUse(tokens, i)) return false;
    if (token !== 'redis') continue;
    if (tokens[i - 1] === '.' || tokens[i - 1] === ':') continue;
    if (tokens[i + 1] !== '.') return false;
    const member = tokens[i + 2] ?? '';
    if (API.includes(member)) {
      const end = closedCall(tokens, i + 3, names, registry);
      if (end < 0) return false;
    } else if (!HARMLESS.includes(member)) return false;
  }
  return true;
}

/** The name of the keys is only read: `KEYS[...]`, `#KEYS`, or an argument of unpack. */
function isPlainUse(tokens: readonly string[], i: number): boolean {
  const before = tokens[i - 1];
  if (before === '#') return true;
  if (before === '(' && tokens[i + 1] === ')') return tokens[i - 2] === 'unpack' || tokens[i - 2] === 'ipairs';
  if (tokens[i + 1] !== '[') return false;
  const end = closing(tokens, i + 1, '[', ']');
  return end > 0 && tokens[end + 1] !== '=' && tokens[end + 1] !== '[' && tokens[end + 1] !== '.';
}

function closing(tokens: readonly string[], open: number, left: string, right: string): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i] === left) depth++;
    else if (tokens[i] === right && --depth === 0) return i;
  }
  return -1;
}

/** The index of the closing parenthesis of a call whose keys are all from KEYS; -1 when it is open. */
function closedCall(tokens: readonly string[], open: number, names: readonly string[], registry: Registry): number {
  if (tokens[open] !== '(') return -1;
  const end = closing(tokens, open, '(', ')');
  if (end < 0) return -1;
  const args = splitArguments(tokens, open + 1, end);
  const name = literal(args[0] ?? []);
  if (name === null) return -1;
  if (KEYLESS.includes(name.toLowerCase())) return end;
  const id = registry.idOf(name);
  if (id < 0 || registry.route[id] !== ROUTE_KEY || registry.subs[id]!.length > 0) return -1;
  const kind = registry.keyKind[id]!;
  if (kind === KEYS_COMPLEX || kind === KEYS_NONE) return -1;
  const first = registry.firstKey[id]!;
  if (kind === KEYS_ONE) return isKey(args[first] ?? [], names) ? end : -1;
  // A range of keys: they are all from KEYS, or all of them at once.
  if (args.length === first + 1 && isAllKeys(args[first]!, names)) return end;
  const lastKey = registry.lastKey[id]!;
  const last = lastKey < 0 ? args.length + lastKey : lastKey;
  const step = registry.keyStep[id]!;
  for (let i = 0; i < args.length; i++) if (i > 0 && spreads(args[i]!)) return -1;
  for (let i = first; i <= last && i < args.length; i += step) if (!isKey(args[i]!, names)) return -1;
  return end;
}

/** An argument that may stand for several. */
function spreads(arg: readonly string[]): boolean {
  return arg.includes('unpack') || arg.includes('...');
}

function splitArguments(tokens: readonly string[], from: number, end: number): string[][] {
  const args: string[][] = [];
  let depth = 0;
  let arg: string[] = [];
  for (let i = from; i < end; i++) {
    const token = tokens[i]!;
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token)) depth--;
    if (token === ',' && depth === 0) {
      args.push(arg);
      arg = [];
    } else arg.push(token);
  }
  if (arg.length > 0) args.push(arg);
  return args;
}

function literal(arg: readonly string[]): string | null {
  const token = arg[0] ?? '';
  if (arg.length !== 1 || !(token.startsWith('"') || token.startsWith("'")) || token.includes('\\')) return null;
  return token.slice(1, -1);
}

function isKey(arg: readonly string[], names: readonly string[]): boolean {
  return arg.length >= 4 && names.includes(arg[0]!) && arg[1] === '[' && closing(arg, 1, '[', ']') === arg.length - 1;
}

function isAllKeys(arg: readonly string[], names: readonly string[]): boolean {
  return arg.length === 4 && arg[0] === 'unpack' && arg[1] === '(' && names.includes(arg[2]!) && arg[3] === ')';
}
