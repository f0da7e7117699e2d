/**
 * Command flags as bits, for the hot path: `registry.flags[id] & FLAG_FAST`. The lower bits follow the order in which
 * COMMAND INFO lists them; the bits from 22 on are derived by the registry.
 */
import type { CommandFlag } from './spec.js';

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
export const FLAG_LOADING = 1 << 8;
export const FLAG_STALE = 1 << 9;
export const FLAG_SKIP_MONITOR = 1 << 10;
export const FLAG_SKIP_SLOWLOG = 1 << 11;
export const FLAG_FAST = 1 << 13;
export const FLAG_NO_AUTH = 1 << 14;
export const FLAG_NO_MANDATORY_KEYS = 1 << 15;
export const FLAG_NO_ASYNC_LOADING = 1 << 16;
export const FLAG_NO_MULTI = 1 << 17;
export const FLAG_MOVABLE_KEYS = 1 << 18;
export const FLAG_ALLOW_BUSY = 1 << 19;
export const FLAG_MAY_REPLICATE = 1 << 20;
export const FLAG_PROTECTED = 1 << 21;
/** The command has subcommands: look one up before anything else. */
export const FLAG_CONTAINER = 1 << 22;
/** A local command whose handler returns a promise. */
export const FLAG_ASYNC = 1 << 23;
/** The definition has a `job` generator in place of a handler. */
export const FLAG_JOB = 1 << 24;
/** A subcommand (never found by `lookup`, only by `lookupSub`). */
export const FLAG_SUBCOMMAND = 1 << 25;

/** Bounded work and reply: an I/O thread may run it itself under the lease. */
export const FLAG_INLINE = 1 << 26;

/** MULTI, EXEC and their like: the connection has its own way with them. */
export const FLAG_TRANSACTION = 1 << 27;

/** Flags that COMMAND INFO does not show. */
export const HIDDEN_FLAGS = FLAG_MAY_REPLICATE | FLAG_PROTECTED;

/** The bit of a flag by its name. */
export function flagBit(name: CommandFlag): number {
  return 1 << COMMAND_FLAGS.indexOf(name);
}
