/** An engine in one thread for tests: the real executor over plain shared buffers, no sockets, no rings, no workers. */

import { storesWithoutTouch } from '../../src/shard/check/fsck.js';
import { shardCommands } from '../../src/shard/commands/table.js';
import { EFFECT_LOG_BYTES, EffectLog } from '../../src/shard/effects/effect-log.js';
import type { TypeTable } from '../../src/shard/entry/type-table.js';
import { createExecutor } from '../../src/shard/execute/engine.js';
import type { Executor } from '../../src/shard/execute/executor.js';
import { formatDatabases } from '../../src/shard/keyspace/databases.js';
import { buildRegistry, type Registry } from '../../src/shared/command/registry.js';
import { Arena, formatShard, type SegmentProvider } from '../../src/shared/memory/arena.js';
import { SEGMENT_BYTES } from '../../src/shared/memory/ptr.js';
import { Args } from '../../src/shared/resp/args.js';
import { Reply } from '../../src/shared/resp/reply.js';
import { StatsBlock } from '../../src/shared/stats/stats-block.js';
import { CONTROL, CONTROL_F64, ControlBlock } from '../../src/shared/sync/control-block.js';
import { GATE, setGate } from '../../src/shared/sync/write-gate.js';
import { parseReply, type Value } from '../harness/resp-client.js';
import { EventTap } from './event-tap.js';

const THREAD = 2;
const DATABASES = 16;
const BULK_BYTES_MAX = 512 * 1024 * 1024;

/** The registry of all engines: it never changes, and many tests make hundreds of them. */
export const REGISTRY: Registry = buildRegistry(shardCommands);

export type Word = string | number | Uint8Array;

/** Arguments over one buffer, as the parser leaves them; a string is one byte a char. */
export function wordsToArgs(words: readonly Word[]): Args {
  const parts = words.map((word) => (word instanceof Uint8Array ? word : Buffer.from(String(word), 'latin1')));
  const u8 = Uint8Array.from(Buffer.concat(parts));
  const args = new Args(64);
  args.reserve(words.length);
  args.setBuffer(u8, new DataView(u8.buffer));
  args.argc = words.length;
  let at = 0;
  parts.forEach((part, i) => {
    args.off[i] = at;
    args.len[i] = part.length;
    at += part.length;
  });
  return args;
}

export class TestEngine {
  readonly control: ControlBlock;
  readonly registry: Registry;
  readonly executor: Executor;
  readonly stats: StatsBlock;
  /** Views of our own beside the executor's. */
  readonly arenas: Arena[];
  readonly effects: EffectLog;
  readonly events: EventTap;
  db = 0;
  proto: 2 | 3 = 2;
  /** Exceptions in handlers are expected: they are not thrown on. */
  reports = false;
  /** Of the client, see ClientState. */
  flags = 0;

  /** `registry`, `types`: other commands and value types than those of the server. */
  constructor(shards = 1, registry = REGISTRY, types?: TypeTable) {
    this.registry = registry;
    const segments: SharedArrayBuffer[][] = [];
    const provider: SegmentProvider = {
      allocate: (shard, index) => (segments[shard]![index] = new SharedArrayBuffer(SEGMENT_BYTES)),
      attach: (shard, index) => segments[shard]![index]!,
    };
    for (let shard = 0; shard < shards; shard++) {
      segments.push([new SharedArrayBuffer(SEGMENT_BYTES)]);
      formatShard(segments[shard]![0]!, 0x1234567, 0x7abcdef);
    }
    const firstSegments = segments.map((list) => list[0]!);
    this.arenas = firstSegments.map((segment, shard) => new Arena(shard, segment, provider));
    for (const arena of this.arenas) {
      formatDatabases(arena, DATABASES);
      arena.settleTouched();
    }
    this.control = ControlBlock.create(1, shards);
    this.control.f64[CONTROL_F64.protoMaxBulkLen] = BULK_BYTES_MAX;
    this.control.i32[CONTROL.debugCommand] = 1;
    this.stats = new StatsBlock(this.control.sab, this.control.statsOffset(THREAD));
    const effects = new SharedArrayBuffer(EFFECT_LOG_BYTES);
    this.effects = new EffectLog(effects);
    this.events = new EventTap(this.control, this.effects);
    this.executor = createExecutor({
      threadId: THREAD,
      block: this.control,
      firstSegments,
      segments: provider,
      effects,
      outbox: this.events,
      stats: this.stats,
      registry: this.registry,
      ...(types === undefined ? {} : { types }),
      report: (_where, error) => {
        if (!this.reports) throw error;
      },
    });
  }

  /** Runs a command in a batch of its own; the raw reply, one char a byte. */
  run(...words: Word[]): string {
    return this.runBytes(words).toString('latin1');
  }

  /** As `run`, parsed. Errors come back as values. */
  call(...words: Word[]): Value {
    return parseReply(this.runBytes(words));
  }

  /** Runs the command of that name with arguments as they are. */
  runArgs(name: string, args: Args): string {
    const reply = new Reply();
    this.execute(this.registry.idOf(name), args, reply);
    return Buffer.concat(reply.takeChunks()).toString('latin1');
  }

  private runBytes(words: readonly Word[]): Buffer {
    const args = wordsToArgs(words);
    const id = this.lookup(args);
    if (id < 0) throw new Error(`unknown command ${String(words[0])}`);
    const reply = new Reply();
    reply.proto = this.proto;
    if (this.registry.arityOk(id, args.argc)) this.execute(id, args, reply);
    else reply.wrongArity(this.registry.defs[id]!.name);
    return Buffer.concat(reply.takeChunks());
  }

  /** A subcommand counts by its full name, so its container may be one that only I/O threads have. */
  private lookup(args: Args): number {
    const name = args.latin1(0).toLowerCase();
    const full = args.argc > 1 ? `${name}|${args.latin1(1).toLowerCase()}` : name;
    const sub = this.registry.idOf(full);
    return sub >= 0 ? sub : this.registry.lookup(args.u8, args.off[0]!, args.len[0]!);
  }

  private execute(id: number, args: Args, reply: Reply): void {
    const client = { id: 1, db: this.db, proto: this.proto, flags: this.flags };
    if (this.registry.defs[id]!.job !== undefined) {
      const steps = this.executor.startJob(id, args.detach(), reply, client);
      while (steps.next().done !== true);
      return;
    }
    this.executor.beginBatch();
    this.executor.executeBlocking(id, args, reply, client);
    this.executor.endBatch();
  }

  /** Lets the clock go on. */
  advance(ms: number): void {
    this.control.f64[CONTROL_F64.clockOffsetMs] = this.control.f64[CONTROL_F64.clockOffsetMs]! + ms;
  }

  /** The server's clock. */
  get nowMs(): number {
    return Date.now() + this.control.f64[CONTROL_F64.clockOffsetMs]!;
  }

  /** Has effects recorded, and all events with `events`. */
  record(events = false): void {
    setGate(this.control, GATE.effects, true);
    this.events.on = events;
    this.control.i32[CONTROL.notifyFlags] = events ? 0x3fff : 0;
  }

  /** What was recorded since the last call: "0: SET a 1" for effects, "0 event set a" for events. */
  recorded(): string[] {
    return this.events.recorded();
  }

  /** Bytes in allocated cells over all shards. */
  usedBytes(): number {
    return this.arenas.reduce((sum, arena) => sum + arena.usedBytes, 0);
  }

  /** Stores without an announcement; none unless SHERD_CHECK=1. */
  unannounced(): string[] {
    return this.arenas.flatMap((arena) => {
      arena.sync();
      return storesWithoutTouch(arena);
    });
  }
}
