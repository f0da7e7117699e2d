/** Puts the engine of a thread together: arenas and keyspaces as views, contexts, executor. */
import type { Registry } from '../../shared/command/registry.js';
import { Arena, type SegmentProvider } from '../../shared/memory/arena.js';
import type { StatsBlock } from '../../shared/stats/stats-block.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';
import { Outbox } from '../blocking/outbox.js';
import { ExecContext } from '../context/context.js';
import { EffectLog } from '../effects/effect-log.js';
import type { TypeTable } from '../entry/type-table.js';
import { openDatabases } from '../keyspace/databases.js';
import type { ScriptEngine } from '../script/script-engine.js';
import { TYPES } from '../types/table.js';
import { Executor } from './executor.js';
import { LeaseSet, PinnedLeases } from './lease-set.js';

export interface EngineOptions {
  readonly threadId: number;
  readonly block: ControlBlock;
  /** Segment 0 of each shard, formatted. */
  readonly firstSegments: readonly SharedArrayBuffer[];
  readonly segments: SegmentProvider;
  readonly effects: SharedArrayBuffer;
  /** What the clients of each I/O thread want to hear, by its index; none: nobody is told anything. */
  readonly interests?: readonly SharedArrayBuffer[];
  /** Used instead of an outbox made from `interests`. */
  readonly outbox?: Outbox;
  readonly stats: StatsBlock;
  readonly registry: Registry;
  /** The value types; left out: those of the server. */
  readonly types?: TypeTable;
  /** An exception inside a handler: a bug of ours. */
  readonly report: (where: string, error: unknown) => void;
  /** Runs scripts; for shard threads. */
  readonly scripts?: ScriptEngine;
  /** Writes a warning into the server's log. */
  readonly log?: (message: string) => void;
}

/** The executor of one thread over the shared memory of all shards. */
export function createExecutor(options: EngineOptions): Executor {
  const { threadId, block, stats } = options;
  const arenas = options.firstSegments.map((segment, shard) => new Arena(shard, segment, options.segments));
  const keyspaces = arenas.map((arena) => openDatabases(arena, options.types ?? TYPES));
  const effects = new EffectLog(options.effects);
  const { interests } = options;
  const outbox = options.outbox ?? (interests === undefined ? null : new Outbox(block, interests));
  const newContext = (outer: LeaseSet | null = null): ExecContext => {
    const leases = outer === null ? new LeaseSet(threadId, arenas) : new PinnedLeases(threadId, arenas, outer);
    const ctx = new ExecContext(threadId, block, stats, effects, arenas, keyspaces, leases);
    ctx.outbox = outbox;
    if (options.log !== undefined) ctx.log = options.log;
    if (options.scripts !== undefined) ctx.scripts = options.scripts;
    return ctx;
  };
  return new Executor(newContext(), options.registry, newContext, options.report);
}
