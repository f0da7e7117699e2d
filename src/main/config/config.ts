/**
 * The configuration of one server: a value for every directive, CONFIG GET, CONFIG SET, listeners.
 *
 * Any thread has its own copy (`toEntries` -> structured clone -> `fromEntries`). Only the main thread validates and
 * changes; it then sends the changes to the other copies, which take them over with `applyChanges`.
 *
 * Invariants
 * (1) Every directive has a value at any time, in canonical form: the binary string that CONFIG GET shows.
 * (2) `set` is all or nothing: every pair is checked before one is applied.
 * (3) Listeners run after all values of one change are in place.
 */
import { globMatchText } from '../../shared/glob.js';
import { fromBinary, toBinary } from './binary-string.js';
import type { Directive } from './directive.js';
import { parseDirective } from './directive-values.js';
import { DIRECTIVE_NAMES, DIRECTIVES, findDirective } from './directives.js';

/** Primary name and canonical value. */
export type ConfigEntry = readonly [name: string, value: string];

/** What CONFIG SET comes to. `error` is the whole reply, code included. */
export type ConfigSetResult =
  | { readonly ok: true; readonly changed: ConfigEntry[] }
  | { readonly ok: false; readonly error: string };

/** From where and when CONFIG SET was sent. */
export interface ConfigSetOrigin {
  /** The client is on this machine (loopback or unix socket): `enable-protected-configs local` lets it. */
  readonly local?: boolean;
  /** A data set is being loaded. */
  readonly loading?: boolean;
}

export type ConfigListener = (value: string, config: Config) => void;

/** An address to listen on. */
export interface BindAddress {
  readonly host: string;
  /** Written with a leading `-`: that it is not available is no error. */
  readonly optional: boolean;
}

/** Limits of one class of clients; 0 means none. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** A line of redis.conf that is not a value, such as `rename-command GET ""`. */
export interface ConfigExtra {
  readonly name: string;
  readonly args: readonly string[];
}

const LOADING_ERROR = 'LOADING Redis is loading the dataset in memory';

function setFailed(name: string, reason: string): ConfigSetResult {
  return { ok: false, error: `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}` };
}

export class Config {
  readonly #values = new Map<string, string>();
  readonly #numbers = new Map<string, number>();
  readonly #listeners = new Map<string, Set<ConfigListener>>();
  /** Primary names given at start, in the file or as flags. */
  readonly given = new Set<string>();
  readonly extras: ConfigExtra[] = [];
  /** Absolute path of the configuration file as text, or null: CONFIG REWRITE writes it, INFO shows it. */
  file: string | null = null;
  /** `port 0` means "any free port" (embedding) and not "no TCP" (redis.conf). */
  ephemeralPort = false;

  /** All directives at their defaults; `dir` is the process's working directory. */
  constructor() {
    for (const directive of DIRECTIVES) this.#values.set(directive.name, directive.defaultValue);
    this.#values.set('dir', toBinary(process.cwd()));
  }

  /** Rebuilds a copy from what `toEntries` gave. */
  static fromEntries(entries: readonly ConfigEntry[]): Config {
    const config = new Config();
    for (const [name, value] of entries) {
      if (name === '%file') config.file = value;
      else if (name === '%ephemeral-port') config.ephemeralPort = true;
      else if (name === '%given') config.given.add(value);
      else if (name === '%extra') config.extras.push(JSON.parse(value) as ConfigExtra);
      else config.#values.set(name, value);
    }
    return config;
  }

  /** Everything in it but the listeners, as plain pairs for another thread. */
  toEntries(): ConfigEntry[] {
    const entries: ConfigEntry[] = [...this.#values];
    if (this.file !== null) entries.push(['%file', this.file]);
    if (this.ephemeralPort) entries.push(['%ephemeral-port', 'yes']);
    for (const name of this.given) entries.push(['%given', name]);
    for (const extra of this.extras) entries.push(['%extra', JSON.stringify(extra)]);
    return entries;
  }

  #directive(name: string): Directive {
    const directive = findDirective(name);
    if (directive === undefined) throw new Error(`no directive is called ${name}`);
    return directive;
  }

  /** The canonical value as a binary string. */
  raw(name: string): string {
    return this.#values.get(this.#directive(name).name)!;
  }

  /** The canonical value as text. */
  str(name: string): string {
    return fromBinary(this.raw(name));
  }

  /** The value of a yes/no directive. */
  bool(name: string): boolean {
    const directive = this.#directive(name);
    if (directive.kind !== 'bool') throw new Error(`directive ${name} is not yes or no`);
    return this.#values.get(directive.name) === 'yes';
  }

  /** The value of a numeric directive; memory in bytes, a percentage as a negative number, permissions as a number. */
  int(name: string): number {
    const directive = this.#directive(name);
    const known = this.#numbers.get(directive.name);
    if (known !== undefined) return known;
    const value = this.#values.get(directive.name)!;
    if (!['integer', 'memory', 'memory-or-percent', 'octal'].includes(directive.kind)) {
      throw new Error(`directive ${name} is not a number`);
    }
    let number = directive.kind === 'octal' ? Number.parseInt(value, 8) : Number(value);
    if (value.endsWith('%')) number = -Number(value.slice(0, -1));
    this.#numbers.set(directive.name, number);
    return number;
  }

  /** The words of a directive that takes several, as text. */
  list(name: string): string[] {
    const value = this.str(name);
    return value === '' ? [] : value.split(' ');
  }

  /** The TCP port to listen on: 0 for any free one, null for none. */
  tcpPort(): number | null {
    const port = this.int('port');
    return port === 0 && !this.ephemeralPort ? null : port;
  }

  /** Where to listen; empty when TCP is off or `bind ""` was given. */
  bindAddresses(): BindAddress[] {
    return this.list('bind').map((word) => {
      const optional = word.startsWith('-');
      const address = optional ? word.slice(1) : word;
      const host = address === '*' ? '0.0.0.0' : address === '::*' ? '::' : address;
      return { host, optional };
    });
  }

  /** Limits of a class of clients; a replica's class is called `slave`. */
  outputBufferLimit(clientClass: 'normal' | 'slave' | 'pubsub'): OutputBufferLimit {
    const words = this.list('client-output-buffer-limit');
    const at = words.indexOf(clientClass);
    return { hardBytes: Number(words[at + 1]), softBytes: Number(words[at + 2]), softSeconds: Number(words[at + 3]) };
  }

  /**
   * Gives a directive its value at start. Lines of `save` add up, unnamed output buffer classes keep theirs.
   *
   * @returns what is wrong with the arguments, or null
   */
  load(directive: Directive, args: readonly string[]): string | null {
    const first = !this.given.has(directive.name);
    const current = this.#values.get(directive.name)!;
    const parsed = parseDirective(directive, args, { current, loading: true, first, dir: this.str('dir') });
    if ('error' in parsed) return parsed.error;
    this.given.add(directive.name);
    this.#store(directive.name, parsed.value);
    return null;
  }

  /**
   * CONFIG GET.
   *
   * @param patterns exact names or globs, binary strings
   * @returns name, value, name, value ...; a name asked for exactly is given back as it was spelled
   */
  get(patterns: readonly string[]): string[] {
    const found = new Map<string, string>();
    for (const pattern of patterns) {
      if (/[*?[]/.test(pattern)) {
        for (const name of DIRECTIVE_NAMES) {
          if (!findDirective(name)!.hidden && globMatchText(pattern, name, true)) found.set(name, name);
        }
      } else if (findDirective(pattern) !== undefined && !found.has(pattern.toLowerCase())) {
        found.set(pattern.toLowerCase(), pattern);
      }
    }
    const reply: string[] = [];
    for (const [name, spelled] of found) reply.push(spelled, this.raw(name));
    return reply;
  }

  /** Finds the directives of CONFIG SET and refuses what may not be set; the reply of the first refusal. */
  #lookUp(pairs: readonly ConfigEntry[], origin: ConfigSetOrigin): Directive[] | ConfigSetResult {
    const directives: Directive[] = [];
    const seen = new Set<string>();
    for (const [name, value] of pairs) {
      const directive = findDirective(name);
      if (directive === undefined) {
        const error = `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
        return { ok: false, error };
      }
      if (directive.immutable && !(directive.ours && value === this.raw(name))) {
        return setFailed(name, "can't set immutable config");
      }
      if (directive.protected && !this.#allows('enable-protected-configs', origin.local === true)) {
        return setFailed(name, "can't set protected config");
      }
      if (origin.loading === true && directive.denyLoading) return { ok: false, error: LOADING_ERROR };
      if (seen.has(name.toLowerCase())) return setFailed(name, 'duplicate parameter');
      seen.add(name.toLowerCase());
      directives.push(directive);
    }
    return directives;
  }

  #allows(name: string, local: boolean): boolean {
    const value = this.raw(name);
    return value === 'yes' || (value === 'local' && local);
  }

  /**
   * Checks the pairs of a CONFIG SET without applying them: for a caller that must first do something that may fail,
   * such as opening another port, and then calls `applyChanges`.
   *
   * @param pairs names in any case, values as binary strings
   */
  prepare(pairs: readonly ConfigEntry[], origin: ConfigSetOrigin = {}): ConfigSetResult {
    const directives = this.#lookUp(pairs, origin);
    if (!Array.isArray(directives)) return directives;
    const next = new Map<string, string>();
    for (let i = 0; i < pairs.length; i++) {
      const directive = directives[i]!;
      const word = pairs[i]![1];
      // Unlike in a file, one value carries all words, split at each blank, and nothing is quoted.
      const args = !directive.multiArg ? [word] : word === '' ? [] : word.split(' ');
      const current = next.get(directive.name) ?? this.#values.get(directive.name)!;
      const situation = { current, loading: false, first: true, dir: this.str('dir') };
      const parsed = parseDirective(directive, args, situation);
      if ('error' in parsed) return setFailed(pairs[i]![0].toLowerCase(), parsed.error);
      next.set(directive.name, parsed.value);
    }
    const changed = [...next].filter(([name, value]) => this.#values.get(name) !== value);
    return { ok: true, changed };
  }

  /** CONFIG SET: checks all pairs, then applies all or none. Main thread. See `prepare`. */
  set(pairs: readonly ConfigEntry[], origin: ConfigSetOrigin = {}): ConfigSetResult {
    const result = this.prepare(pairs, origin);
    if (result.ok) this.applyChanges(result.changed);
    return result;
  }

  /** The reply of a CONFIG SET whose values were valid but could not be put into effect. */
  static applyError(name: string, reason: string): string {
    return (setFailed(name, reason) as { error: string }).error;
  }

  /**
   * Takes over values that were checked elsewhere, immutable ones too, and tells the listeners.
   *
   * @requires primary names, canonical values
   */
  applyChanges(changed: readonly ConfigEntry[]): void {
    for (const [name, value] of changed) this.#store(this.#directive(name).name, value);
    for (const [name, value] of changed) {
      for (const listener of this.#listeners.get(name) ?? []) listener(value, this);
    }
  }

  #store(name: string, value: string): void {
    this.#values.set(name, value);
    this.#numbers.delete(name);
  }

  /**
   * Calls `listener` with the canonical value after each change of `name` in this copy.
   *
   * @returns a function that ends it
   */
  onChange(name: string, listener: ConfigListener): () => void {
    const primary = this.#directive(name).name;
    const listeners = this.#listeners.get(primary) ?? new Set();
    this.#listeners.set(primary, listeners.add(listener));
    return () => listeners.delete(listener);
  }
}
