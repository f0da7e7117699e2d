/**
 * The options of `createServer` as a `Config`: checked once, by the very table that checks redis.conf.
 *
 * Any directive may be given, by its own name (`'tcp-keepalive'`), in camel case (`tcpKeepalive`) or without dashes.
 * What differs from the command line, since the server is a guest in somebody's process: it listens on loopback only,
 * saves nothing, `port: 0` takes any free port, and nobody changes the working directory.
 */
import { SherdError } from '../../shared/errors/sherd-error.js';
import { fromBinary, toBinary } from './binary-string.js';
import { Config } from './config.js';
import type { Directive } from './directive.js';
import { DIRECTIVE_NAMES, findDirective } from './directives.js';
import { splitArguments } from './parser.js';
import { suggestion } from './suggest.js';

type OptionValue = string | number | boolean | readonly (string | number | readonly (string | number)[])[];

/** Options of a server in one's own process; every directive of redis.conf is one. */
export interface ServerOptions {
  /** TCP port; 0 takes any free one. Default 6379. */
  readonly port?: number;
  /** Addresses to listen on. Default loopback. */
  readonly bind?: string | readonly string[];
  /** Path of a unix socket to listen on as well. */
  readonly unixsocket?: string;
  /** Pieces into which the data is split, each with a thread; 0 picks by cores. */
  readonly shards?: number;
  /** Threads that talk to clients. */
  readonly ioThreads?: number;
  /** How a command reaches its shard. */
  readonly dispatch?: 'auto' | 'ring' | 'inline';
  readonly databases?: number;
  readonly maxclients?: number;
  readonly enableDebugCommand?: boolean | 'local';
  readonly [directive: string]: OptionValue | undefined;
}

const EMBEDDED_DEFAULTS: ServerOptions = { bind: ['127.0.0.1', '-::1'], save: '' };

function plainName(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase();
}

const byPlainName = new Map(DIRECTIVE_NAMES.map((name) => [plainName(name), findDirective(name)!]));

function words(directive: Directive, value: OptionValue): string[] {
  if (typeof value === 'boolean') return [value ? 'yes' : 'no'];
  if (typeof value === 'number') return [String(value)];
  if (typeof value === 'string') {
    const binary = toBinary(value);
    return directive.multiArg && binary !== '' ? (splitArguments(binary) ?? [binary]) : [binary];
  }
  const list = value.flat().map((word) => toBinary(String(word)));
  return list.length === 0 ? [''] : list;
}

function applyOption(config: Config, key: string, value: OptionValue): void {
  const directive = byPlainName.get(plainName(key));
  if (directive === undefined) {
    const hint = suggestion(key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    throw new SherdError('SHERD_CONFIG_UNKNOWN', `unknown option '${key}'${hint}`, { directive: key });
  }
  const isText = ['string', 'number', 'boolean'].includes(typeof value) || Array.isArray(value);
  const error = isText
    ? config.load(directive, words(directive, value))
    : 'argument must be a string, a number, a boolean or an array of them';
  if (error !== null) {
    const message = `option '${key}' (directive '${directive.name}'): ${fromBinary(error)}`;
    throw new SherdError('SHERD_CONFIG_INVALID', message, { directive: directive.name });
  }
}

/**
 * Builds the configuration of an embedded server.
 *
 * @throws SherdError SHERD_CONFIG_UNKNOWN or SHERD_CONFIG_INVALID, with the directive named
 */
export function configFromOptions(options: ServerOptions = {}): Config {
  const config = new Config();
  for (const [key, value] of Object.entries(EMBEDDED_DEFAULTS)) applyOption(config, key, value!);
  config.given.clear();
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined) applyOption(config, key, value);
  }
  config.ephemeralPort = config.given.has('port') && config.int('port') === 0;
  return config;
}
