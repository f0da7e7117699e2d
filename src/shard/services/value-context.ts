/**
 * What a value type and the keyspace may ask of the command that runs: interfaces only, which `ExecContext` fulfils. So
 * types and keyspace know nothing of contexts, blocked clients, scripts and threads.
 */
import type { Arena } from '../../shared/memory/arena.js';
import type { Args } from '../../shared/resp/args.js';
import type { StatsBlock } from '../../shared/stats/stats-block.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';
import type { EffectLog } from '../effects/effect-log.js';
import type { EntryStore } from './entry-store.js';

/** The place where a value is read, made or changed. */
export interface ValueContext {
  /** The arena of the present shard. */
  readonly arena: Arena;
  /** The present database of the present shard. */
  readonly keyspace: EntryStore;
  /** The access clock for new entries. */
  readonly clock: number;
  /** Limits of the types (CONTROL_F64). */
  readonly control: ControlBlock;
  /** Classes of keyspace events that some client wants; 0: none. */
  readonly notifyFlags: number;
  /** Raises a keyspace event for the key in argument i. */
  notify(eventClass: number, event: string, args: Args, i: number): void;
}

/** What removing elements whose time is over tells others: statistics, effects, events. */
export interface ExpiryContext {
  /** What expires before this is over. */
  readonly overMs: number;
  /** Says that memory is going to be changed; the result is for `endWriting`. */
  beginWriting(): number;
  endWriting(before: number): void;
  readonly stats: StatsBlock;
  readonly effectsOn: boolean;
  readonly effects: EffectLog;
  readonly notifyFlags: number;
  notifyBytes(eventClass: number, event: string, u8: Uint8Array, off: number, len: number, db: number): void;
}
