/**
 * Whether a call of a script needs the leases of all shards: asked by the I/O thread that routes it and by the shard
 * thread that runs it. What was decided about a SHA1 is kept; it is a function of the script's text.
 */
import { createHash } from 'node:crypto';
import type { Registry } from '../../shared/command/registry.js';
import type { Args } from '../../shared/resp/args.js';
import type { LibraryStore } from './library-store.js';
import { ALLOW_OOM, COMPAT, NO_WRITES, readShebang } from './script-flags.js';
import { isClosedLibrary, isClosedScript } from './script-keys.js';
import type { ScriptLog } from './script-log.js';
import { SHA_CHARS, ShaTable } from './sha-table.js';

/** Decisions kept. */
const KNOWN_MAX = 10_000;
/** Scripts longer than this are looked at only by name. */
const BODY_KEY_MAX = 4096;

let scripts: ScriptLog | null = null;
let libraries: LibraryStore | null = null;
let registry: Registry | null = null;
/** Names of functions, in lower case, that touch only the keys they are given; of this generation of the libraries. */
const closedFunctions = new Set<string>();
let functionGeneration = 0;
const closedBySha = new ShaTable<boolean>();
/** Of scripts that come with EVAL: by text when it is short, else by SHA1. */
const closed = new Map<string, boolean>();

/** Tells this thread where scripts are. Once, before it serves. */
export function decideScriptsWith(log: ScriptLog, store: LibraryStore, commands: Registry): void {
  scripts = log;
  libraries = store;
  registry = commands;
}

function remember(key: string, isClosed: boolean): boolean {
  if (closed.size >= KNOWN_MAX) closed.clear();
  closed.set(key, isClosed);
  return isClosed;
}

/** Whether no keys are declared: what takes no shard in particular takes all, so that its end is waited for as ever. */
function isKeyless(args: Args): boolean {
  return args.len[2] === 1 && args.u8[args.off[2]!] === 48;
}

/** Whether EVAL with these arguments may touch keys that it does not name, or names none. */
export function isOpenScript(args: Args): boolean {
  if (registry === null || scripts === null || isKeyless(args)) return true;
  const length = args.len[1]!;
  const text = args.latin1(1);
  const name = length <= BODY_KEY_MAX ? text : createHash('sha1').update(text, 'latin1').digest('hex');
  const known = closed.get(name);
  return !(known ?? remember(name, isClosedScript(text, registry)));
}

/** As `isOpenScript`, for EVALSHA. */
export function isOpenSha(args: Args): boolean {
  if (registry === null || scripts === null || isKeyless(args)) return true;
  if (args.len[1] !== SHA_CHARS) return false;
  const known = closedBySha.find(args.u8, args.off[1]!);
  if (known !== null) return !known;
  const sha = args.latin1(1).toLowerCase();
  const body = scripts.find(sha);
  // Nobody knows it: the answer will be NOSCRIPT.
  if (body === null) return false;
  const isClosed = isClosedScript(Buffer.from(body).toString('latin1'), registry);
  if (closedBySha.size >= KNOWN_MAX) closedBySha.clear();
  closedBySha.set(sha, isClosed);
  return !isClosed;
}

/** Whether FCALL with these arguments may touch keys that it does not name, or names none. */
export function isOpenFunction(args: Args): boolean {
  if (registry === null || libraries === null || isKeyless(args)) return true;
  if (libraries.generation !== functionGeneration) decideFunctions(libraries, registry);
  return !closedFunctions.has(args.latin1(1).toLowerCase());
}

/** What a script says in its first line; COMPAT when nothing is known. */
function flagsOfScript(body: Uint8Array | null): number {
  if (body === null) return COMPAT;
  const shebang = readShebang(Uint8Array.from(body));
  return typeof shebang === 'string' ? COMPAT : shebang.flags;
}

function flagsOfEval(args: Args): number {
  return flagsOfScript(Buffer.from(args.latin1(1), 'latin1'));
}

function flagsOfSha(args: Args): number {
  return flagsOfScript(scripts?.find(args.latin1(1).toLowerCase()) ?? null);
}

/** The flags with which the function of this FCALL was registered; COMPAT when there is no such function. */
function flagsOfFunction(args: Args): number {
  const wanted = args.latin1(1).toLowerCase();
  for (const { functions } of libraries?.all() ?? []) {
    for (const { name, flags } of functions) if (name.toLowerCase() === wanted) return flags;
  }
  return COMPAT;
}

/** Whether the script of this EVAL says in its first line that it writes nothing. Cold. */
export function isReadOnlyScript(args: Args): boolean {
  return (flagsOfEval(args) & NO_WRITES) !== 0;
}

/** As `isReadOnlyScript`, for EVALSHA. */
export function isReadOnlySha(args: Args): boolean {
  return (flagsOfSha(args) & NO_WRITES) !== 0;
}

/** Whether the function of this FCALL was registered as one that writes nothing. Cold. */
export function isReadOnlyFunction(args: Args): boolean {
  return (flagsOfFunction(args) & NO_WRITES) !== 0;
}

/** Whether the script of this EVAL has a first line, by which it is refused when memory is short. Cold. */
export function deniesOomScript(args: Args): boolean {
  return (flagsOfEval(args) & (COMPAT | NO_WRITES | ALLOW_OOM)) === 0;
}

/** As `deniesOomScript`, for EVALSHA. */
export function deniesOomSha(args: Args): boolean {
  return (flagsOfSha(args) & (COMPAT | NO_WRITES | ALLOW_OOM)) === 0;
}

/** Whether the function of this call is refused when memory is short. Cold. */
export function deniesOomFunction(args: Args): boolean {
  return (flagsOfFunction(args) & (COMPAT | NO_WRITES | ALLOW_OOM)) === 0;
}

function decideFunctions(store: LibraryStore, commands: Registry): void {
  const { generation } = store;
  closedFunctions.clear();
  for (const { code, functions } of store.all()) {
    if (!isClosedLibrary(code.slice(code.indexOf('\n')), commands)) continue;
    for (const { name } of functions) closedFunctions.add(name.toLowerCase());
  }
  functionGeneration = generation;
}
