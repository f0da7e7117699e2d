/**
 * HyperLogLogs: how many different elements were added, within about 0.8 %, in 12 KB at most. A key holds a string in
 * Redis's own layout (types/hyperloglog/hll-layout.ts).
 */
import { key, keyAt, keyRange, keyRW, MANY, OPT_MANY, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { HLL_CORRUPT, HLL_WRONGTYPE, WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline } from '../../context/typed-key.js';
import { denseGet, denseSet, rawHistogram } from '../../types/hyperloglog/hll-dense.js';
import { cardinality, estimate } from '../../types/hyperloglog/hll-estimate.js';
import { INDEX_BITS, patternOf, REGISTERS } from '../../types/hyperloglog/hll-hash.js';
import { DENSE, HEADER_BYTES, setStale } from '../../types/hyperloglog/hll-layout.js';
import {
  CORRUPT,
  NOT_RAISED,
  place,
  RAISED,
  SparseTable,
  seek,
  sparseMax,
  TOO_DENSE,
} from '../../types/hyperloglog/hll-sparse.js';
import {
  denseBytes,
  HllString,
  markRaw,
  packDense,
  registers,
  storeBytes,
  storeDense,
} from '../../types/hyperloglog/hll-string.js';
import { isString } from '../../types/string/string-value.js';

const HLL = new HllString();
const TABLE = new SparseTable();
const INDEX_MASK = REGISTERS - 1;
/** Work of one key in a union, in the elements that `boundInline` counts. */
const UNION_WORK = 128;

/** Opens the found entry as HLL; false when it is none and the error has been written. */
function openFound(ctx: ExecContext, e: Ptr, reply: Reply): boolean {
  if (!isString(ctx.arena, e)) {
    reply.error(WRONGTYPE);
    return false;
  }
  if (HLL.open(ctx.arena, e)) return true;
  reply.error(HLL_WRONGTYPE);
  return false;
}

// ---- PFADD

// hot: bench/peer "types"
function pfadd(ctx: ExecContext, args: Args, reply: Reply): void {
  const argc = args.argc;
  const e = ctx.lookupWrite(args, 1);
  let raised: number;
  if (e === NULL) {
    TABLE.clear();
    raised = addSparse(ctx, e, args, 2, 1);
  } else {
    if (!openFound(ctx, e, reply)) return;
    markRaw(ctx.arena, e);
    if (HLL.encoding === DENSE) {
      raised = 0;
      for (let i = 2; i < argc; i++) {
        const pattern = patternOf(args.u8, args.dv, args.off[i]!, args.len[i]!);
        if (HLL.raise(pattern & INDEX_MASK, pattern >>> INDEX_BITS)) raised++;
      }
      if (raised !== 0) HLL.invalidate();
    } else raised = HLL.bounded ? raiseSparse(ctx, e, args) : CORRUPT;
  }
  if (raised === CORRUPT) {
    reply.error(HLL_CORRUPT);
    return;
  }
  if (raised !== 0) {
    ctx.dirty += raised;
    if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STRING, 'pfadd', args, 1);
  }
  reply.int(raised !== 0 ? 1 : 0);
}

/** Adds the elements of PFADD to HLL, which is sparse; as `addSparse`. */
function raiseSparse(ctx: ExecContext, e: Ptr, args: Args): number {
  const argc = args.argc;
  for (let i = 2; i < argc; i++) {
    const pattern = patternOf(args.u8, args.dv, args.off[i]!, args.len[i]!);
    seek(HLL.u8, HLL.at, HLL.length, pattern & INDEX_MASK, HEADER_BYTES, 0);
    const value = pattern >>> INDEX_BITS;
    if (place.at !== 0 && place.value >= value) continue;
    if (argc === 3 && HLL.hasRoom(e)) {
      const bytesMax = ctx.control.f64[CONTROL_F64.hllSparseMaxBytes]!;
      const did = HLL.raiseSparse(e, pattern & INDEX_MASK, value, bytesMax);
      if (did !== TOO_DENSE) return did;
    }
    TABLE.load(HLL.u8, HLL.at, HLL.length);
    return addSparse(ctx, e, args, i, 0);
  }
  return 0;
}

/**
 * Adds the elements of PFADD from argument `from` on to TABLE and stores what has become of it; the number of registers
 * that rose, added to `raised`, or CORRUPT, and then nothing is stored. Unless TABLE is empty, `seek` was of `from`.
 */
function addSparse(ctx: ExecContext, e: Ptr, args: Args, from: number, raised: number): number {
  const bytesMax = ctx.control.f64[CONTROL_F64.hllSparseMaxBytes]!;
  for (let i = from; i < args.argc; i++) {
    const pattern = patternOf(args.u8, args.dv, args.off[i]!, args.len[i]!);
    const index = pattern & INDEX_MASK;
    const known = i === from && e !== NULL;
    const value = pattern >>> INDEX_BITS;
    const did = known ? TABLE.raiseFound(index, value, bytesMax) : TABLE.raise(index, value, bytesMax);
    if (did === RAISED) raised++;
    else if (did !== NOT_RAISED) return did === TOO_DENSE ? addDense(ctx, e, args, i, raised) : CORRUPT;
  }
  if (raised !== 0) {
    setStale(TABLE.u8, 0);
    storeBytes(ctx, e, args, 1, TABLE.u8, TABLE.dv, TABLE.length);
  }
  return raised;
}

/** Goes on from argument `from` with a dense table, made of TABLE. */
function addDense(ctx: ExecContext, e: Ptr, args: Args, from: number, raised: number): number {
  if (!unpackTable()) return CORRUPT;
  packDense(TABLE.u8, 0);
  for (let i = from; i < args.argc; i++) {
    const pattern = patternOf(args.u8, args.dv, args.off[i]!, args.len[i]!);
    const value = pattern >>> INDEX_BITS;
    if (denseGet(denseBytes, HEADER_BYTES, pattern & INDEX_MASK) >= value) continue;
    denseSet(denseBytes, HEADER_BYTES, pattern & INDEX_MASK, value);
    raised++;
  }
  setStale(denseBytes, 0);
  storeDense(ctx, e, args, 1);
  return raised;
}

/** Fills `registers` from TABLE; false when it is corrupt. */
function unpackTable(): boolean {
  registers.fill(0);
  return sparseMax(TABLE.u8, HEADER_BYTES, TABLE.length, registers);
}

// ---- PFCOUNT

function pfcount(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 2) {
    countUnion(ctx, args, reply);
    return;
  }
  const e = ctx.lookupRead(args, 1);
  if (e === NULL) {
    reply.int(0);
    return;
  }
  if (!openFound(ctx, e, reply)) return;
  markRaw(ctx.arena, e);
  if (!HLL.readCached()) {
    if (!HLL.count()) {
      reply.error(HLL_CORRUPT);
      return;
    }
    noteCached(ctx, args);
  }
  reply.int64(cardinality.hi, cardinality.lo);
}

/**
 * PFCOUNT only reads, yet the header has changed: a copy of this server (a replica, a journal) must have the same
 * bytes.
 */
function noteCached(ctx: ExecContext, args: Args): void {
  ctx.noteChange(args, 1);
  const f64 = ctx.stats.f64;
  f64[STAT.effects] = f64[STAT.effects]! + 1;
  if (!ctx.effectsOn) return;
  ctx.beginEffect(2);
  ctx.effects.text('PFCOUNT');
  ctx.effects.arg(args, 1);
  ctx.endEffect();
}

function countUnion(ctx: ExecContext, args: Args, reply: Reply): void {
  boundInline(ctx, args.argc * UNION_WORK);
  registers.fill(0);
  for (let i = 1; i < args.argc; i++) {
    const e = ctx.lookupRead(args, i);
    if (e === NULL) continue;
    if (!openFound(ctx, e, reply)) return;
    if (HLL.addTo(registers)) continue;
    reply.error(HLL_CORRUPT);
    return;
  }
  rawHistogram(registers);
  estimate();
  reply.int64(cardinality.hi, cardinality.lo);
}

// ---- PFMERGE

function pfmerge(ctx: ExecContext, args: Args, reply: Reply): void {
  boundInline(ctx, args.argc * UNION_WORK);
  registers.fill(0);
  let dense = false;
  for (let i = 1; i < args.argc; i++) {
    const e = ctx.lookupRead(args, i);
    if (e === NULL) continue;
    if (!openFound(ctx, e, reply)) return;
    if (HLL.encoding === DENSE) dense = true;
    if (HLL.addTo(registers)) continue;
    reply.error(HLL_CORRUPT);
    return;
  }
  const e = ctx.lookupWrite(args, 1);
  if (e === NULL) TABLE.clear();
  else {
    HLL.open(ctx.arena, e);
    if (!dense) TABLE.load(HLL.u8, HLL.at, HLL.length);
  }
  if (dense || !raiseAll(ctx)) {
    if (e === NULL) packDense(TABLE.u8, 0);
    else packDense(HLL.u8, HLL.at);
    setStale(denseBytes, 0);
    storeDense(ctx, e, args, 1);
  } else {
    setStale(TABLE.u8, 0);
    storeBytes(ctx, e, args, 1, TABLE.u8, TABLE.dv, TABLE.length);
  }
  ctx.dirty++;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.STRING, 'pfadd', args, 1);
  reply.ok();
}

/** Raises TABLE, which is sound, to `registers`; false when it would have to be dense. */
function raiseAll(ctx: ExecContext): boolean {
  const bytesMax = ctx.control.f64[CONTROL_F64.hllSparseMaxBytes]!;
  let sought = false;
  for (let i = 0; i < REGISTERS; i++) {
    const value = registers[i]!;
    if (value === 0) continue;
    const did = sought ? TABLE.raiseNext(i, value, bytesMax) : TABLE.raise(i, value, bytesMax);
    if (did === TOO_DENSE) return false;
    sought = true;
  }
  return true;
}

// ---- definitions

const HYPERLOGLOG = {
  acl: ['@hyperloglog'],
  group: 'hyperloglog',
  since: '2.8.9',
  route: 'key',
  inline: true,
} as const;

/** All commands on HyperLogLogs. */
export const pfCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...HYPERLOGLOG,
    name: 'pfadd',
    arity: -2,
    flags: ['write', 'denyoom', 'fast'],
    longWork: 'arguments',
    complexity: 'O(1) for each element; up to O(N) while there are few, for N bytes of the sparse form.',
    summary: 'Counts elements into a HyperLogLog, which is made if needed.',
    keys: [keyRW(1, 'insert')],
    args: [key(), str('element', OPT_MANY)],
    handler: pfadd,
  }),
  defineCommand<ExecContext>({
    ...HYPERLOGLOG,
    name: 'pfcount',
    arity: -2,
    flags: ['readonly', 'may_replicate'],
    longWork: 'value',
    complexity: 'O(1) for one key that has not changed since it was counted; else O(N) for N keys, 16384 steps each.',
    summary: 'Estimates how many different elements a HyperLogLog, or several together, have seen.',
    keys: [
      {
        ...keyRange(1, -1, 1, ['RW', 'access']),
        notes: 'RW because the count is remembered in the value, and copied to replicas with it',
      },
    ],
    args: [key('key', MANY)],
    handler: pfcount,
  }),
  defineCommand<ExecContext>({
    ...HYPERLOGLOG,
    name: 'pfmerge',
    arity: -2,
    flags: ['write', 'denyoom'],
    longWork: 'value',
    complexity: 'O(N) for N keys, 16384 steps each.',
    summary: 'Makes a HyperLogLog that has seen what it and others have seen.',
    keys: [keyAt(1, ['RW', 'access', 'insert']), keyRange(2, -1, 1, ['RO', 'access'])],
    args: [key('destkey'), key('sourcekey', { ...OPT_MANY, keySpecIndex: 1 })],
    handler: pfmerge,
  }),
];
