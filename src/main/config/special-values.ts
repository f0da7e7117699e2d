/**
 * The directives with a syntax of their own: how their arguments are read and brought into canonical form. Error texts
 * are Redis's, since clients see them in the reply of CONFIG SET.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { eventClassBits, eventClassLetters } from '../../shared/keyspace-events.js';
import { fromBinary, toBinary } from './binary-string.js';
import { parseMemory } from './numbers.js';

/** What a special directive may look at besides its arguments. */
export interface Situation {
  /** The canonical value so far. */
  readonly current: string;
  /** True while the configuration is loaded at start, false in CONFIG SET. */
  readonly loading: boolean;
  /** True when the directive has not been given before in this load. */
  readonly first: boolean;
  /** The working directory as text, absolute. */
  readonly dir: string;
}

export type Parsed = { readonly value: string } | { readonly error: string };
export type SpecialParser = (args: readonly string[], situation: Situation) => Parsed;

export const BIND_DEFAULT = '* -::*';
export const SAVE_DEFAULT = '3600 1 300 100 60 10000';
export const OUTPUT_BUFFER_LIMITS_DEFAULT = 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60';

const BIND_ADDRESSES_MAX = 16;
const OOM_SCORES = 3;
const OOM_SCORE_MAX = 2000n;
const PORT_MAX = 65535n;
const TITLE_VARIABLES = new Set([
  'title',
  'listen-addr',
  'server-mode',
  'port',
  'tls-port',
  'unixsocket',
  'config-file',
]);

/** A decimal integer as C's strtoll reads it, or null when something else stands there. */
function looseInteger(word: string): bigint | null {
  return /^[ \t]*[+-]?[0-9]+$/.test(word) ? BigInt(word.trim().replace('+', '')) : null;
}

function onlyEmpty(args: readonly string[]): boolean {
  return args.length === 1 && args[0] === '';
}

/** `bind`: up to 16 addresses; one empty argument means none. */
export const bindAddresses: SpecialParser = (args) => {
  if (args.length > BIND_ADDRESSES_MAX) return { error: 'Too many bind addresses specified.' };
  return { value: onlyEmpty(args) ? '' : args.join(' ') };
};

/** `save`: pairs of seconds and changes. In the file, lines add up; the first one drops the defaults. */
export const savePoints: SpecialParser = (args, situation) => {
  if (onlyEmpty(args)) return { value: '' };
  const numbers = args.map(looseInteger);
  const isValid = numbers.every((n, i) => n !== null && n >= (i % 2 === 0 ? 1n : 0n));
  if (!isValid || args.length % 2 !== 0) return { error: 'Invalid save parameters' };
  const points = numbers.join(' ');
  const kept = situation.loading && !situation.first ? situation.current : '';
  return { value: kept !== '' && points !== '' ? `${kept} ${points}` : kept + points };
};

const BUFFER_CLASSES = ['normal', 'slave', 'pubsub'];

/** `client-output-buffer-limit`: groups of class, hard limit, soft limit, seconds; other classes keep theirs. */
export const outputBufferLimits: SpecialParser = (args, situation) => {
  if (args.length % 4 !== 0) return { error: 'Wrong number of arguments in buffer limit configuration.' };
  const words = situation.current.split(' ');
  for (let i = 0; i < args.length; i += 4) {
    const name = args[i]!.toLowerCase();
    const at = BUFFER_CLASSES.indexOf(name === 'replica' ? 'slave' : name);
    if (at < 0) return { error: 'Invalid client class specified in buffer limit configuration.' };
    const hard = parseMemory(args[i + 1]!);
    const soft = parseMemory(args[i + 2]!);
    const seconds = looseInteger(args[i + 3]!);
    if (hard === null || soft === null || seconds === null || seconds < 0n) {
      return { error: 'Error in hard, soft or soft_seconds setting in buffer limit configuration.' };
    }
    words.splice(at * 4 + 1, 3, String(hard), String(soft), String(seconds));
  }
  return { value: words.join(' ') };
};

/** `oom-score-adj-values`: for a master, a replica, a background child. */
export const oomScores: SpecialParser = (args) => {
  if (args.length !== OOM_SCORES) return { error: 'wrong number of arguments' };
  const scores = args.map(looseInteger);
  if (scores.some((n) => n === null || n < -OOM_SCORE_MAX || n > OOM_SCORE_MAX)) {
    return { error: 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.' };
  }
  return { value: scores.join(' ') };
};

/** `notify-keyspace-events`: letters of event classes. */
export const eventClasses: SpecialParser = (args) => {
  if (args.length !== 1) return { error: 'wrong number of arguments' };
  const bits = eventClassBits(args[0]!);
  if (bits < 0) return { error: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." };
  return { value: eventClassLetters(bits) };
};

/** `replicaof`: host and port, or `no one`. */
export const replicaOf: SpecialParser = (args) => {
  if (args.length !== 2) return { error: 'wrong number of arguments' };
  if (args[0]!.toLowerCase() === 'no' && args[1]!.toLowerCase() === 'one') return { value: '' };
  const port = looseInteger(args[1]!);
  if (port === null || port < 0n || port > PORT_MAX) return { error: 'Invalid master port' };
  return { value: `${args[0]} ${port}` };
};

/** `latency-tracking-info-percentiles`: numbers from 0 to 100, shown with at most six decimals. */
export const percentiles: SpecialParser = (args) => {
  if (onlyEmpty(args)) return { value: '' };
  const shown: string[] = [];
  for (const arg of args) {
    const number = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(arg) ? Number(arg) : Number.NaN;
    if (Number.isNaN(number)) return { error: 'Invalid latency-tracking-info-percentiles parameters' };
    if (number < 0 || number > 100) {
      return { error: 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]' };
    }
    shown.push(number.toFixed(6).replace(/\.?0+$/, ''));
  }
  return { value: shown.join(' ') };
};

/** The system's words for an error of a file operation, as strerror gives them. */
export function systemErrorText(error: unknown): string {
  const { errno, code } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  const words: Record<string, string> = {
    ENOENT: 'No such file or directory',
    EACCES: 'Permission denied',
    EPERM: 'Operation not permitted',
    ENOTDIR: 'Not a directory',
    EISDIR: 'Is a directory',
    EROFS: 'Read-only file system',
    ENOSPC: 'No space left on device',
  };
  return words[code ?? ''] ?? known?.[1] ?? String((error as Error).message);
}

/** `dir`: an existing directory; kept as an absolute path. The one who runs the process changes into it. */
export const workingDirectory: SpecialParser = (args, situation) => {
  if (args.length !== 1) return { error: 'wrong number of arguments' };
  if (args[0] === '') return { error: 'No such file or directory' };
  const path = resolve(situation.dir, fromBinary(args[0]!));
  try {
    if (!statSync(path).isDirectory()) return { error: 'Not a directory' };
  } catch (error) {
    return { error: systemErrorText(error) };
  }
  return { value: toBinary(path) };
};

/** Says what is wrong with a `proc-title-template`, or null. */
export function isProcessTitle(template: string): string | null {
  const error = 'template format is invalid or contains unknown variables';
  if (template === '') return error;
  const rest = template.replace(/\{([^{}]*)\}/g, (whole, name: string) => (TITLE_VARIABLES.has(name) ? '' : whole));
  return rest.includes('{') ? error : null;
}
