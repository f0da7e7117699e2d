/**
 * What a command is, as bits for the hot path, in two words by command id.
 *
 *     registry.flags[id] & FLAG_*   Redis's flags in the order in which COMMAND INFO lists them; from bit 22 on, what
 *                                   dispatch asks of every command
 *     registry.facts[id] & FACT_*   everything else that threads decide by (`CommandFacts` in spec.ts)
 *
 * Bits 0 to 30 of each word may be used, so that a word is always a small integer.
 */
import type { CommandFacts, CommandFlag, TransactionPart } from './spec.js';

/** Flag names by bit. `may_replicate` and `protected` exist but are never shown to clients. */
export const COMMAND_FLAGS: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'module',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
  'may_replicate',
  'protected',
];

export const FLAG_WRITE = 1 << 0;
export const FLAG_READONLY = 1 << 1;
export const FLAG_DENYOOM = 1 << 2;
export const FLAG_ADMIN = 1 << 4;
export const FLAG_PUBSUB = 1 << 5;
export const FLAG_NOSCRIPT = 1 << 6;
export const FLAG_BLOCKING = 1 << 7;
export const FLAG_SKIP_MONITOR = 1 << 10;
export const FLAG_SKIP_SLOWLOG = 1 << 11;
export const FLAG_FAST = 1 << 13;
export const FLAG_NO_AUTH = 1 << 14;
export const FLAG_NO_MANDATORY_KEYS = 1 << 15;
export const FLAG_NO_MULTI = 1 << 17;
export const FLAG_MOVABLE_KEYS = 1 << 18;
export const FLAG_ALLOW_BUSY = 1 << 19;
export const FLAG_MAY_REPLICATE = 1 << 20;
const FLAG_PROTECTED = 1 << 21;
/** The command has subcommands: look one up before anything else. */
export const FLAG_CONTAINER = 1 << 22;
/** A local command whose handler returns a promise. */
export const FLAG_ASYNC = 1 << 23;
/** Bounded work and reply: an I/O thread may run it itself under the lease. */
export const FLAG_INLINE = 1 << 24;
/** MULTI, EXEC and their like: the connection has its own way with them. */
export const FLAG_TRANSACTION = 1 << 25;

/** Flags that COMMAND INFO does not show. */
export const HIDDEN_FLAGS = FLAG_MAY_REPLICATE | FLAG_PROTECTED;

/** The bit of a flag by its name. */
export function flagBit(name: CommandFlag): number {
  return 1 << COMMAND_FLAGS.indexOf(name);
}

/** `longWork`: many or long arguments can make a call long. */
export const FACT_LONG_ARGUMENTS = 1 << 0;
/** `longWork`: the size of a value, or a count among the arguments, can make a call long. */
export const FACT_LONG_VALUE = 1 << 1;
export const FACT_NEEDS_SCRIPTS = 1 << 2;
export const FACT_INTERNAL = 1 << 3;
export const FACT_WHILE_SUBSCRIBED = 1 << 4;
export const FACT_SMALL_WRITE = 1 << 5;
/** `wakes`: clients that wait for the command's own key may have to be served. */
export const FACT_WAKES = 1 << 6;
/** `wakes`: clients that wait for another key may have to be served. */
export const FACT_WAKES_ELSEWHERE = 1 << 7;
export const FACT_WAITS_FOR_END = 1 << 8;
export const FACT_SELECTS_DATABASE = 1 << 9;
export const FACT_KEEPS_CACHING = 1 << 10;
export const FACT_CARRIES_COMMANDS = 1 << 11;
/** The bits of `transaction`: a number of TRANSACTION, 0 for none. */
const TRANSACTION_SHIFT = 12;
const TRANSACTION_MASK = 7;

/** Values of `transactionOf`. */
export const TRANSACTION = { none: 0, multi: 1, exec: 2, discard: 3, watch: 4, unwatch: 5, quit: 6, reset: 7 } as const;

/** Commands that the connection carries out itself also where no transaction is open. */
const ALWAYS_TRANSACTION: readonly (TransactionPart | undefined)[] = ['multi', 'exec', 'discard', 'watch', 'unwatch'];

/** What a command is to the transaction of its connection, from its facts: a value of TRANSACTION. */
export function transactionOf(facts: number): number {
  return (facts >>> TRANSACTION_SHIFT) & TRANSACTION_MASK;
}

/** Whether a command is one of transactions: FLAG_TRANSACTION. QUIT and RESET are not, they only end one. */
export function isOfTransactions(spec: CommandFacts): boolean {
  return ALWAYS_TRANSACTION.includes(spec.transaction);
}

/** The properties of a command as the bits of FACT_*. */
export function factBits(spec: CommandFacts): number {
  let bits = TRANSACTION[spec.transaction ?? 'none'] << TRANSACTION_SHIFT;
  if (spec.longWork === 'arguments') bits |= FACT_LONG_ARGUMENTS;
  if (spec.longWork === 'value') bits |= FACT_LONG_VALUE;
  if (spec.needsScripts) bits |= FACT_NEEDS_SCRIPTS;
  if (spec.internal) bits |= FACT_INTERNAL;
  if (spec.whileSubscribed) bits |= FACT_WHILE_SUBSCRIBED;
  if (spec.smallWrite) bits |= FACT_SMALL_WRITE;
  if (spec.wakes === 'key') bits |= FACT_WAKES;
  if (spec.wakes === 'elsewhere') bits |= FACT_WAKES_ELSEWHERE;
  if (spec.waitsForEnd) bits |= FACT_WAITS_FOR_END;
  if (spec.selectsDatabase) bits |= FACT_SELECTS_DATABASE;
  if (spec.keepsCaching) bits |= FACT_KEEPS_CACHING;
  if (spec.carriesCommands) bits |= FACT_CARRIES_COMMANDS;
  return bits;
}
