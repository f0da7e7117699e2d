/**
 * From a configuration file, standard input and flags to a `Config`, in this order: the last one given wins.
 *
 * What is wrong stops the start with one line that names place and directive; what has no effect (yet) is collected in
 * `warnings`, to be logged once the log is there.
 */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SherdError } from '../../shared/errors/sherd-error.js';
import { fromBinary } from './binary-string.js';
import { Config } from './config.js';
import { hasEffect } from './directive.js';
import { FORGOTTEN_DIRECTIVES, findDirective, PSEUDO_DIRECTIVES } from './directives.js';
import { includePaths } from './include-paths.js';
import { parseConfigText, placeText, type Statement, splitArguments } from './parser.js';
import { systemErrorText } from './special-values.js';
import { suggestion } from './suggest.js';

/** Where the configuration comes from. */
export interface ConfigSources {
  /** Path of redis.conf as the operator wrote it, or null. */
  readonly file: string | null;
  /** The text that came in on standard input (binary string), or null. */
  readonly stdin: string | null;
  /** Flags of the command line. */
  readonly flags: readonly Statement[];
}

export interface LoadedConfig {
  readonly config: Config;
  /** Lines for the log. */
  readonly warnings: string[];
}

/** Files may include files this deep. */
const INCLUDE_DEPTH_MAX = 16;

function invalid(statement: Statement, reason: string): SherdError {
  const directive = statement.name;
  // A flag is its own place and names the directive.
  const what = statement.line === 0 ? '' : `directive '${fromBinary(directive)}': `;
  const message = `${placeText(statement)}: ${what}${fromBinary(reason)}`;
  return new SherdError('SHERD_CONFIG_INVALID', message, { directive });
}

function unknown(statement: Statement): SherdError {
  const directive = fromBinary(statement.name);
  const message = `${placeText(statement)}: unknown directive '${directive}'${suggestion(directive)}`;
  return new SherdError('SHERD_CONFIG_UNKNOWN', message, { directive });
}

function readConfigFile(path: string, shown: string, includedAt: Statement | null): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const place = includedAt === null ? '' : `${placeText(includedAt)}: `;
    const message = `${place}cannot read the configuration file ${shown}: ${systemErrorText(error)}`;
    throw new SherdError('SHERD_CONFIG_FILE', message, { cause: error });
  }
}

/** Sets a value; one word with blanks in it stands for several words where several are allowed. */
function applyValue(config: Config, statement: Statement): boolean {
  const directive = findDirective(statement.name);
  if (directive === undefined) return false;
  if (directive.name === 'daemonize' && statement.line === 0 && statement.args[0]?.toLowerCase() === 'yes') {
    const advice = 'sherd stays in the foreground; start it from systemd, a container or with nohup ... &';
    throw new SherdError('SHERD_NOT_SUPPORTED', `${placeText(statement)}: not supported: ${advice}`, {
      directive: 'daemonize',
    });
  }
  let args: readonly string[] | null = statement.args;
  if (directive.multiArg && args.length === 1 && args[0] !== '') {
    args = splitArguments(args[0]!);
    if (args === null) throw invalid(statement, 'unbalanced quotes');
  }
  const error = config.load(directive, args);
  if (error !== null) throw invalid(statement, error);
  return true;
}

function applyInclude(config: Config, statement: Statement, depth: number): void {
  if (statement.args.length !== 1) throw invalid(statement, 'wrong number of arguments');
  if (depth >= INCLUDE_DEPTH_MAX) throw invalid(statement, `files include each other more than ${depth} deep`);
  for (const path of includePaths(fromBinary(statement.args[0]!), config.str('dir'))) {
    const included = readConfigFile(path, path, statement);
    applyStatements(config, parseConfigText(included, path), depth + 1);
  }
}

function applyPseudo(config: Config, statement: Statement, depth: number): boolean {
  const { name, args } = statement;
  if (FORGOTTEN_DIRECTIVES.has(name) && args.length === 1) return true;
  if (!PSEUDO_DIRECTIVES.has(name)) return false;
  if (name === 'include') {
    applyInclude(config, statement, depth);
    return true;
  }
  if (name === 'sentinel') {
    const message = `${placeText(statement)}: sherd is no Sentinel; point a redis-sentinel at it instead`;
    throw new SherdError('SHERD_NOT_SUPPORTED', message, { directive: name });
  }
  const isComplete = name === 'rename-command' ? args.length === 2 : args.length >= 1;
  if (!isComplete) throw invalid(statement, 'wrong number of arguments');
  config.extras.push({ name, args });
  return true;
}

function applyStatements(config: Config, statements: readonly Statement[], depth: number): void {
  for (const statement of statements) {
    const isKnown = applyValue(config, statement) || applyPseudo(config, statement, depth);
    if (!isKnown) throw unknown(statement);
  }
}

function checkLogFile(config: Config): void {
  const logfile = config.str('logfile');
  if (logfile === '') return;
  try {
    closeSync(openSync(resolve(config.str('dir'), logfile), 'a'));
  } catch (error) {
    const message = `directive 'logfile': cannot open ${logfile}: ${systemErrorText(error)}`;
    throw new SherdError('SHERD_CONFIG_FILE', message, { directive: 'logfile', cause: error });
  }
}

/** One line for `daemonize`, one that names everything else that has no effect. */
function collectWarnings(config: Config): string[] {
  const warnings: string[] = [];
  const idle = [...config.given].filter(
    (name) => name !== 'daemonize' && !hasEffect(findDirective(name)!, config.raw(name)),
  );
  for (const extra of config.extras) if (!idle.includes(extra.name)) idle.push(extra.name);
  if (idle.length > 0) {
    const open = idle.filter((name) => (findDirective(name) ?? PSEUDO_DIRECTIVES.get(name))?.protects);
    const danger = open.length > 0 ? `. NOTHING IS PROTECTED by ${open.join(', ')} yet` : '';
    warnings.push(`directives accepted but not served yet, they have no effect: ${idle.join(', ')}${danger}`);
  }
  if (config.bool('daemonize')) {
    warnings.push('daemonize yes: sherd stays in the foreground, let systemd or a container run it');
  }
  return warnings;
}

/**
 * Loads the configuration.
 *
 * @throws SherdError with place and directive in its one-line message
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const config = new Config();
  if (sources.file !== null) {
    const path = resolve(sources.file);
    const content = readConfigFile(path, sources.file, null);
    config.file = path;
    applyStatements(config, parseConfigText(content, sources.file), 0);
  }
  if (sources.stdin !== null) applyStatements(config, parseConfigText(sources.stdin, 'standard input'), 0);
  applyStatements(config, sources.flags, 0);
  checkLogFile(config);
  return { config, warnings: collectWarnings(config) };
}
