/** An engine in one thread for tests of key commands: contexts and handlers, no executor, no rings. */

import { storesWithoutTouch } from '../../../src/shard/check/fsck.js';
import { ExecContext } from '../../../src/shard/context/context.js';
import { EFFECT_LOG_BYTES, EffectLog } from '../../../src/shard/effects/effect-log.js';
import { ENC_BLOB, ENC_EMBED, entryEncoding, TYPE_STRING, valueWord } from '../../../src/shard/entry/entry.js';
import { LeaseSet } from '../../../src/shard/execute/lease-set.js';
import { formatDatabases, openDatabases } from '../../../src/shard/keyspace/databases.js';
import type { Keyspace } from '../../../src/shard/keyspace/keyspace.js';
import { blobFrom, blobRead } from '../../../src/shard/structures/blob.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { shardOfSlot, slotOf } from '../../../src/shared/hash.js';
import { Arena, formatShard, type SegmentProvider } from '../../../src/shared/memory/arena.js';
import { bytesOf, wordIndex, wordsOf } from '../../../src/shared/memory/cell.js';
import { type Ptr, SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { Args } from '../../../src/shared/resp/args.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { StatsBlock } from '../../../src/shared/stats/stats-block.js';
import { CONTROL, CONTROL_F64, ControlBlock } from '../../../src/shared/sync/control-block.js';
import { GATE, setGate } from '../../../src/shared/sync/write-gate.js';
import { parseReply, type Value } from '../../harness/resp-client.js';
import { REGISTRY } from '../engine-harness.js';
import { EventTap } from '../event-tap.js';

const THREAD = 2;
const EMBED_MAX = 8000;

function argsOf(words: readonly (string | number)[]): Args {
  const parts = words.map((word) => Buffer.from(String(word), 'latin1'));
  const u8 = Uint8Array.from(Buffer.concat(parts));
  const args = new Args(64);
  args.reserve(words.length);
  args.setBuffer(u8, new DataView(u8.buffer));
  args.argc = words.length;
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    args.off[i] = at;
    args.len[i] = parts[i]!.length;
    at += parts[i]!.length;
  }
  return args;
}

export class KeysEngine {
  readonly arenas: Arena[] = [];
  readonly control: ControlBlock;
  readonly ctx: ExecContext;
  db = 0;
  proto: 2 | 3 = 2;
  private readonly registry = REGISTRY;
  private readonly log: EffectLog;
  private readonly events: EventTap;

  constructor(shards: number) {
    const segments: SharedArrayBuffer[][] = [];
    const provider: SegmentProvider = {
      allocate: (shard, index) => (segments[shard]![index] = new SharedArrayBuffer(SEGMENT_BYTES)),
      attach: (shard, index) => segments[shard]![index]!,
    };
    for (let shard = 0; shard < shards; shard++) {
      segments.push([new SharedArrayBuffer(SEGMENT_BYTES)]);
      formatShard(segments[shard]![0]!, 0x1234567, 0x7abcdef);
      const arena = new Arena(shard, segments[shard]![0]!, provider);
      formatDatabases(arena, 16);
      arena.settleTouched();
      this.arenas.push(arena);
    }
    this.control = ControlBlock.create(1, shards);
    this.log = new EffectLog(new SharedArrayBuffer(EFFECT_LOG_BYTES));
    const stats = new StatsBlock(this.control.sab, this.control.statsOffset(THREAD));
    const keyspaces = this.arenas.map((arena) => openDatabases(arena, TYPES));
    const leases = new LeaseSet(THREAD, this.arenas);
    this.ctx = new ExecContext(THREAD, this.control, stats, this.log, this.arenas, keyspaces, leases);
    this.events = new EventTap(this.control, this.log);
    this.ctx.outbox = this.events;
    this.ctx.oneShard = shards === 1;
    this.ctx.refresh();
  }

  /** Lets the clock go on. */
  advance(ms: number): void {
    this.control.f64[CONTROL_F64.clockOffsetMs] = this.control.f64[CONTROL_F64.clockOffsetMs]! + ms;
  }

  /** Has effects recorded, and all events with `events`. */
  record(events = false): void {
    setGate(this.control, GATE.effects, true);
    this.events.on = events;
    this.control.i32[CONTROL.notifyFlags] = events ? 0x3fff : 0;
    this.ctx.refresh();
  }

  /** What was recorded since the last call: `0: DEL k` for a command in database 0, `0 event del k` for an event. */
  recorded(): string[] {
    return this.events.recorded();
  }

  shardOf(key: string): number {
    const bytes = Uint8Array.from(Buffer.from(key, 'latin1'));
    return shardOfSlot(slotOf(bytes, 0, bytes.length), this.arenas.length);
  }

  /** A step after which a job of another client may run. */
  *steps(words: readonly (string | number)[], reply: Reply): Generator<void, void, void> {
    const def = this.registry.defs.find((d) => d.name === String(words[0]).toLowerCase())!;
    const args = argsOf(words);
    const { ctx } = this;
    ctx.refresh();
    ctx.db = this.db;
    reply.proto = this.proto;
    ctx.dirty = 0;
    ctx.ownEffects = false;
    if (def.job !== undefined) {
      yield* def.job(ctx, args, reply);
      return;
    }
    ctx.leases.takeAll();
    ctx.useShard(args.argc > 1 ? this.shardOf(args.latin1(1)) : 0);
    def.handler!(ctx, args, reply);
    if (ctx.dirty > 0 && ctx.effectsOn && !ctx.ownEffects) {
      this.log.begin(args.argc);
      for (let i = 0; i < args.argc; i++) this.log.arg(args, i);
      this.log.commit(ctx.db);
    }
    ctx.leases.giveAll();
  }

  /** Stores without an announcement; none unless SHERD_CHECK=1. */
  unannounced(): string[] {
    return this.arenas.flatMap((arena) => storesWithoutTouch(arena));
  }

  /** Runs a command to its end; between the slices of a job `between` is called. */
  call(words: readonly (string | number)[], between?: () => void): Value {
    const reply = new Reply();
    for (const _ of this.steps(words, reply)) between?.();
    return parseReply(Buffer.concat(reply.takeChunks()));
  }

  private keyspaceFor(key: string, db: number): Keyspace {
    return this.ctx.keyspaces[this.shardOf(key)]![db]!;
  }

  private find(key: string, db: number): Ptr {
    const u8 = Uint8Array.from(Buffer.from(key, 'latin1'));
    return this.keyspaceFor(key, db).find(u8, new DataView(u8.buffer), 0, u8.length);
  }

  /** A string without SET. */
  put(key: string, value: string, expireAtMs = -1, db = this.db): void {
    this.ctx.leases.takeAll();
    const keyspace = this.keyspaceFor(key, db);
    const arena = keyspace.arena;
    const old = this.find(key, db);
    if (old !== 0) keyspace.remove(old);
    const u8 = Uint8Array.from(Buffer.from(key, 'latin1'));
    const bytes = Uint8Array.from(Buffer.from(value, 'latin1'));
    const long = bytes.length > EMBED_MAX;
    const size = long ? 8 : bytes.length < 255 ? bytes.length : bytes.length + 4;
    const type = TYPE_STRING | ((long ? ENC_BLOB : ENC_EMBED) << 4);
    const e = keyspace.createEntry(u8, new DataView(u8.buffer), 0, u8.length, type, size, expireAtMs, 1);
    const i32 = wordsOf(arena, e);
    let at = valueWord(arena, e);
    if (long) {
      i32[at] = blobFrom(arena, bytes, 0, bytes.length);
      i32[at + 1] = bytes.length;
    } else {
      i32[wordIndex(e) + 1]! |= Math.min(bytes.length, 255);
      if (bytes.length >= 255) i32[at++] = bytes.length;
      bytesOf(arena, e).set(bytes, at * 4);
    }
    this.find(key, db);
    keyspace.insert(e);
    arena.settleTouched();
    this.ctx.leases.giveAll();
  }

  /** The string at a key, expired or not; null when there is none. */
  get(key: string, db = this.db): string | null {
    const e = this.find(key, db);
    if (e === 0) return null;
    const arena = this.keyspaceFor(key, db).arena;
    const i32 = wordsOf(arena, e);
    let at = valueWord(arena, e);
    if (entryEncoding(arena, e) === ENC_BLOB) {
      const out = new Uint8Array(i32[at + 1]!);
      blobRead(arena, i32[at]! as Ptr, 0, out, 0, out.length);
      return Buffer.from(out).toString('latin1');
    }
    const short = i32[wordIndex(e) + 1]! & 255;
    const length = short < 255 ? short : i32[at++]!;
    return Buffer.from(bytesOf(arena, e).slice(at * 4, at * 4 + length)).toString('latin1');
  }

  usedBytes(): number {
    return this.arenas.reduce((sum, arena) => sum + arena.usedBytes, 0);
  }

  count(db = this.db): number {
    return this.ctx.keyspaces.reduce((sum, of) => sum + of[db]!.dict.count, 0);
  }
}
