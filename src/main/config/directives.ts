/**
 * The table of all directives: those of Redis 7.2 and ours, by name and by alias.
 *
 * Invariants, checked when the module loads: (1) names and aliases are unique; (2) every default is its own canonical
 * form, so that "still at its default" is a comparison of strings.
 */
import type { Directive } from './directive.js';
import { parseDirective } from './directive-values.js';
import { DEFRAGMENTATION, ENCODINGS, KEYSPACE, SCRIPTS } from './directives-memory.js';
import { CLIENTS, NETWORK } from './directives-network.js';
import { OURS, TESTS } from './directives-own.js';
import { APPEND_ONLY_FILE, SNAPSHOTS } from './directives-persistence.js';
import { LOGGING, PROCESS } from './directives-process.js';
import { CLUSTER, REPLICATION } from './directives-replication.js';
import { SECURITY, TLS } from './directives-security.js';

/** Every directive once, in the order of the tables. */
export const DIRECTIVES: readonly Directive[] = [
  ...NETWORK,
  ...CLIENTS,
  ...PROCESS,
  ...LOGGING,
  ...SECURITY,
  ...TLS,
  ...DEFRAGMENTATION,
  ...TESTS,
  ...OURS,
  ...KEYSPACE,
  ...ENCODINGS,
  ...SCRIPTS,
  ...SNAPSHOTS,
  ...APPEND_ONLY_FILE,
  ...REPLICATION,
  ...CLUSTER,
];

/** A line of redis.conf that is not a value. */
interface PseudoDirective {
  readonly doc: string;
  /** See Directive.protects. */
  readonly protects: boolean;
}

/** Lines of redis.conf that are not values: they have no CONFIG GET and may come many times. */
export const PSEUDO_DIRECTIVES: ReadonlyMap<string, PseudoDirective> = new Map([
  ['include', { doc: 'Reads another file here.', protects: false }],
  ['loadmodule', { doc: 'Loads a module.', protects: false }],
  ['rename-command', { doc: 'Gives a command another name, or none.', protects: true }],
  ['sentinel', { doc: 'A directive of Sentinel.', protects: false }],
  ['user', { doc: 'A user with its permissions.', protects: true }],
]);

/** Directives of old versions that Redis still reads over, with exactly one argument. */
export const FORGOTTEN_DIRECTIVES: ReadonlySet<string> = new Set([
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
]);

const byName = new Map<string, Directive>();

function assertDefault(directive: Directive): void {
  if (directive.kind === 'special') return;
  const args = directive.multiArg ? directive.defaultValue.split(' ') : [directive.defaultValue];
  const parsed = parseDirective(directive, args, { current: '', loading: true, first: true, dir: '/' });
  if (!('value' in parsed) || parsed.value !== directive.defaultValue) {
    throw new Error(`the default of directive ${directive.name} is not canonical`);
  }
}

for (const directive of DIRECTIVES) {
  assertDefault(directive);
  for (const name of directive.alias === null ? [directive.name] : [directive.name, directive.alias]) {
    if (byName.has(name)) throw new Error(`directive ${name} stands in the table twice`);
    byName.set(name, directive);
  }
}

/** Finds a directive by name or alias, in any case. */
export function findDirective(name: string): Directive | undefined {
  return byName.get(name.toLowerCase());
}

/** All names in table order, an alias behind its primary name. */
export const DIRECTIVE_NAMES: readonly string[] = [...byName.keys()];
