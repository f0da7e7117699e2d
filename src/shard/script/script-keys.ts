/**
 * Which leases a script needs, decided once from its text: a script is *closed* when every command it calls is named by
 * a literal and takes its keys from KEYS alone; then the leases of the shards of KEYS are enough. Everything else is
 * *open* and gets all leases, so keys that were not declared work as in Redis.
 *
 * The text is split into tokens, not parsed: whatever is not plainly harmless makes the script open.
 */
import { KEYS_COMPLEX, KEYS_NONE, KEYS_ONE } from '../../shared/command/key-positions.js';
import { type Registry, ROUTE_KEY } from '../../shared/command/registry.js';

/**
 * Comments, strings, names, numbers, operators, in this order. What has no end goes on to the end of the text, so that
 * the end is looked for once; such a script does not compile.
 */
const TOKEN = new RegExp(
  [
    '--\\[(=*)\\[[\\s\\S]*?(?:\\]\\1\\]|$)|--[^\\r\\n]*',
    '\\[(=*)\\[[\\s\\S]*?(?:\\]\\2\\]|$)',
    '"(?:\\\\[\\s\\S]|[^"\\\\])*(?:"|$)|\'(?:\\\\[\\s\\S]|[^\'\\\\])*(?:\'|$)',
    '[A-Za-z_]\\w*|0[xX][\\da-fA-F]+|\\d+(?:\\.\\d+)?',
    '\\.\\.\\.?|[=~<>]=|[^\\s\\w]',
  ].join('|'),
  'g',
);
/** Lua compiles nothing that is nested deeper. */
const DEPTH_MAX = 200;
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

/** What stands between the parentheses behind `function`. */
const PARAMETER = /^(?:[A-Za-z_]\w*|,|\.\.\.)$/;

/** Where KEYS are in scripts. */
const GLOBAL_KEYS: readonly string[] = ['KEYS'];

/** The tokens of a text; null when it is more than the regular expression's stack takes (strings of megabytes). */
function tokensOf(source: string): string[] | null {
  try {
    return (source.match(TOKEN) ?? []).filter((token) => !token.startsWith('--'));
  } catch {
    return null;
  }
}

/** Whether a script touches no keys but KEYS. */
export function isClosedScript(source: string, registry: Registry): boolean {
  const tokens = tokensOf(source);
  return tokens !== null && isClosed(tokens, GLOBAL_KEYS, NO_HEADERS, registry);
}

/**
 * Whether no function of a library touches other keys than those it is called with: as for scripts, with the first
 * parameter of each registered function in the place of KEYS. A name that is a parameter of registered functions must
 * not be anything else.
 */
export function isClosedLibrary(source: string, registry: Registry): boolean {
  const tokens = tokensOf(source);
  if (tokens === null) return false;
  const headers = new Set<number>();
  const names = new Set<string>();
  const others = new Set<string>();
  const places = placesOf(tokens);
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] !== 'function') continue;
    const open = tokens.indexOf('(', i);
    if (open < 0) return false;
    let close = open + 1;
    while (close < tokens.length && PARAMETER.test(tokens[close]!)) close++;
    if (tokens[close] !== ')') return false;
    const params = tokens.slice(open + 1, close).filter((token) => token !== ',');
    const first = isRegistered(tokens, places, i, open) ? params.shift() : undefined;
    if (first !== undefined) {
      names.add(first);
      headers.add(open + 1);
    }
    for (const param of params) others.add(param);
  }
  for (const name of names) if (others.has(name) || name === '...') return false;
  return isClosed(tokens, [...names], headers, registry);
}

/** Where each token stands. */
function placesOf(tokens: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  tokens.forEach((token, at) => {
    const known = places.get(token);
    if (known === undefined) places.set(token, [at]);
    else known.push(at);
  });
  return places;
}

/** Whether the function that begins at `i`, its parameters at `open`, is used by register_function alone. */
function isRegistered(
  tokens: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  i: number,
  open: number,
): boolean {
  if (open === i + 1) return isCallback(tokens, i);
  if (open !== i + 2) return false;
  const uses = places.get(tokens[i + 1]!)!;
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
  // Each call and index looks for its end, so what is nested is walked again at each depth.
  if (depthOf(tokens) > DEPTH_MAX) return false;
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

/** How deeply brackets are nested. */
function depthOf(tokens: readonly string[]): number {
  let depth = 0;
  let deepest = 0;
  for (const token of tokens) {
    if (token === '(' || token === '[' || token === '{') depth++;
    else if (token === ')' || token === ']' || token === '}') depth--;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
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
