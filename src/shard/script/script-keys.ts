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

function tokensOf(source: string): string[] {
  return (source.match(TOKEN) ?? []).filter((token) => !token.startsWith('--'));
}

/** Whether the script at hand touches no keys but KEYS. */
export function isClosedScript(source: string, registry: Registry): boolean {
  const tokens = tokensOf(source);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (OPAQUE.includes(token)) return false;
    if (token === 'KEYS' && !isPlainUse(tokens, i)) return false;
    if (token !== 'redis') continue;
    if (tokens[i - 1] === '.' || tokens[i - 1] === ':') continue;
    if (tokens[i + 1] !== '.') return false;
    const member = tokens[i + 2] ?? '';
    if (API.includes(member)) {
      const end = closedCall(tokens, i + 3, registry);
      if (end < 0) return false;
    } else if (!HARMLESS.includes(member)) return false;
  }
  return true;
}

/** KEYS is only read: `KEYS[...]`, `#KEYS`, or an argument of unpack. */
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
function closedCall(tokens: readonly string[], open: number, registry: Registry): number {
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
  if (kind === KEYS_ONE) return isKey(args[first] ?? []) ? end : -1;
  // A range of keys: they are all from KEYS, or all of them at once.
  if (args.length === first + 1 && isAllKeys(args[first]!)) return end;
  const lastKey = registry.lastKey[id]!;
  const last = lastKey < 0 ? args.length + lastKey : lastKey;
  const step = registry.keyStep[id]!;
  for (let i = 0; i < args.length; i++) if (i > 0 && spreads(args[i]!)) return -1;
  for (let i = first; i <= last && i < args.length; i += step) if (!isKey(args[i]!)) return -1;
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

function isKey(arg: readonly string[]): boolean {
  return arg.length >= 4 && arg[0] === 'KEYS' && arg[1] === '[' && closing(arg, 1, '[', ']') === arg.length - 1;
}

function isAllKeys(arg: readonly string[]): boolean {
  return arg.join('') === 'unpack(KEYS)';
}
