/**
 * The configuration as an I/O thread sees it: a copy of all directives, for CONFIG GET and INFO, and the values on
 * which the thread acts, each read out of its directive once, at the start and after each change. Nobody else parses a
 * directive's text. (Shard threads read words of the control block; see `word` in directive.ts.)
 *
 * When you need another directive on an I/O thread: one line in READ.
 *
 * Invariants: (1) `values` is one object for the life of the thread, whose fields change; (2) only a CONFIG SET that
 * the main thread has applied changes it.
 */
import { Config, type ConfigEntry } from './config.js';

/** How each value is read. */
const READ = {
  /** Longest argument of a command, bytes. */
  bulkBytes: (config: Config) => config.int('proto-max-bulk-len'),
  /** Bytes of an unfinished request. */
  queryBufferBytes: (config: Config) => config.int('client-query-buffer-limit'),
  /** Seconds after which an idle client is closed; 0: never. */
  idleSeconds: (config: Config) => config.int('timeout'),
  /** Seconds; 0: off. */
  keepAliveSeconds: (config: Config) => config.int('tcp-keepalive'),
  /** Unread replies of clients, and of those that subscribe. */
  output: (config: Config) => config.outputBufferLimit('normal'),
  pubsubOutput: (config: Config) => config.outputBufferLimit('pubsub'),
  /** The password that clients need, one char a byte; empty: none. */
  password: (config: Config) => config.raw('requirepass'),
  protectedMode: (config: Config) => config.bool('protected-mode'),
  /** Where to listen. */
  binds: (config: Config) => config.bindAddresses(),
  backlog: (config: Config) => config.int('tcp-backlog'),
  /** Path, one char a byte; empty: no unix socket. */
  unixSocket: (config: Config) => config.raw('unixsocket'),
  /** Permissions; 0: those of the umask. */
  unixSocketMode: (config: Config) => config.int('unixsocketperm'),
  /** Keys that are remembered for clients with tracking. */
  trackedKeysMax: (config: Config) => config.int('tracking-table-max-keys') || Number.POSITIVE_INFINITY,
} as const;

/** The values that an I/O thread acts on. */
export type ThreadValues = { [Name in keyof typeof READ]: ReturnType<(typeof READ)[Name]> };

export class ThreadConfig {
  /** All directives. */
  readonly all: Config;
  readonly values: ThreadValues;

  /** @param entries what `Config.toEntries` gave */
  constructor(entries: readonly ConfigEntry[]) {
    this.all = Config.fromEntries(entries);
    this.values = readAll(this.all);
  }

  /** Takes over what the main thread has changed. @requires primary names, canonical values */
  applyChanges(changed: readonly ConfigEntry[]): void {
    this.all.applyChanges(changed);
    Object.assign(this.values, readAll(this.all));
  }
}

function readAll(config: Config): ThreadValues {
  return Object.fromEntries(Object.entries(READ).map(([name, read]) => [name, read(config)])) as ThreadValues;
}
