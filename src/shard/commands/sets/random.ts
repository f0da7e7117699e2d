/**
 * SPOP and SRANDMEMBER. What SPOP took at random is propagated as SREM of those members, so replicas agree; a set that
 * is taken whole, as DEL.
 */

import { integer, key, keyRO, keyRW, OPT } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import {
  NOT_INTEGER,
  NOT_POSITIVE,
  OUT_OF_RANGE_VALUE,
  RANDOM_COUNT_RANGE,
  SYNTAX,
} from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { bytesOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { int64, parseInt64 } from '../../../shared/numbers/int64.js';
import { random, randomBelow } from '../../../shared/random.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, dropDetached, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { SET_PACKED, SET_TABLE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_SET } from '../../entry/entry.js';
import { moveRoot, rootOf, setRoot } from '../../entry/root.js';
import { elementName, name, replyName } from '../../structures/element.js';
import { ElementCursor } from '../../structures/element-table.js';
import { freeTableRoot } from '../../structures/garbage.js';
import { lpCount, lpFirst, lpNext } from '../../structures/listpack.js';
import { SetCursor } from '../../types/set/set-cursor.js';
import {
  chooseIndexes,
  drawElements,
  drawn,
  isChosen,
  keepUnchosen,
  pickEntry,
  picked,
  pickMember,
  removePicked,
} from '../../types/set/set-random.js';
import { openSetTable, setAdd, setCount, setHas } from '../../types/set/set-value.js';
import { integerArg } from '../arguments/integer.js';
import { detachedPacked } from './store.js';

/** Members in one SREM that is propagated. */
const SREM_MEMBERS_MAX = 1024;
/** SPOP keeps the rest in a new set when what goes is so many times as much. */
const POP_REBUILD_FACTOR = 5;
/** SRANDMEMBER walks over a table that is not more than so many times as big as what is wanted. */
const DRAW_FACTOR = 3;
/** Most members that SRANDMEMBER repeats: what it answers is held in memory. */
const REPEATS_MAX = 2 ** 27;

const CURSOR = new SetCursor();
const ELEMENTS = new ElementCursor();
let positions = new Int32Array(256);

/** Writes SREM effects for members that come one by one, of a group if there are many. */
class SremEffect {
  private left = 0;
  private inBatch = 0;

  /** Begins a run of `count` members. @requires ctx.effectsOn */
  begin(count: number): void {
    this.left = count;
    this.inBatch = 0;
  }

  add(ctx: ExecContext, args: Args, u8: Uint8Array, off: number, len: number): void {
    if (this.inBatch === 0) {
      this.inBatch = Math.min(this.left, SREM_MEMBERS_MAX);
      ctx.beginEffect(2 + this.inBatch);
      ctx.effects.text('SREM');
      ctx.effects.arg(args, 1);
    }
    ctx.effects.bytes(u8, off, len);
    this.left--;
    if (--this.inBatch === 0) ctx.endEffect();
  }
}

const EFFECT = new SremEffect();

// ---- SPOP

function spop(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 2) {
    if (args.argc > 3) reply.error(SYNTAX);
    else spopCount(ctx, args, reply);
    return;
  }
  const e = writeTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.nil();
    return;
  }
  const arena = ctx.arena;
  pickMember(arena, e);
  reply.bulkView(picked.u8, picked.dv, picked.off, picked.len);
  if (ctx.effectsOn) {
    EFFECT.begin(1);
    EFFECT.add(ctx, args, picked.u8, picked.off, picked.len);
  }
  removePicked(arena, e);
  ctx.dirty++;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.SET, 'spop', args, 1);
  if (setCount(arena, e) === 0) removeKey(ctx, args, 1, e);
}

function spopCount(ctx: ExecContext, args: Args, reply: Reply): void {
  const wanted = integerArg(args, 2);
  if (!(wanted >= 0)) {
    reply.error(NOT_POSITIVE);
    return;
  }
  const e = writeTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL || wanted === 0) {
    reply.set(0);
    return;
  }
  const size = setCount(ctx.arena, e);
  const count = wanted < size ? wanted : size;
  boundInline(ctx, count);
  if (count === size) {
    popAll(ctx, args, e, size, reply);
    return;
  }
  if (ctx.effectsOn) EFFECT.begin(count);
  ctx.effects.beginGroup();
  try {
    if (entryEncoding(ctx.arena, e) !== SET_TABLE) popFromCell(ctx, args, e, size, count, reply);
    else if ((size - count) * POP_REBUILD_FACTOR > count) popElements(ctx, args, e, count, reply);
    else popMost(ctx, args, e, size, count, reply);
  } finally {
    ctx.effects.endGroup();
  }
  ctx.dirty += count;
  if (ctx.notifyFlags !== 0) ctx.notify(EVENT_CLASS.SET, 'spop', args, 1);
}

function popAll(ctx: ExecContext, args: Args, e: Ptr, size: number, reply: Reply): void {
  reply.set(size);
  CURSOR.open(ctx.arena, e);
  while (CURSOR.next()) reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
  ctx.dirty += size;
  if (ctx.effectsOn) {
    ctx.beginEffect(2);
    ctx.effects.text(ctx.control.i32[CONTROL.lazyServerDel] !== 0 ? 'UNLINK' : 'DEL');
    ctx.effects.arg(args, 1);
    ctx.endEffect();
  }
  ctx.notify(EVENT_CLASS.SET, 'spop', args, 1);
  removeKey(ctx, args, 1, e);
}

/** Answers with a member that goes, and propagates that. */
function give(
  ctx: ExecContext,
  args: Args,
  u8: Uint8Array,
  dv: DataView,
  off: number,
  len: number,
  reply: Reply,
): void {
  reply.bulkView(u8, dv, off, len);
  if (ctx.effectsOn) EFFECT.add(ctx, args, u8, off, len);
}

function popFromCell(ctx: ExecContext, args: Args, e: Ptr, size: number, count: number, reply: Reply): void {
  const arena = ctx.arena;
  chooseIndexes(size, count);
  const kept = keepUnchosen(arena, e);
  reply.set(count);
  CURSOR.open(arena, e);
  for (let i = 0; CURSOR.next(); i++) {
    if (isChosen(i)) give(ctx, args, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len, reply);
  }
  const old = rootOf(arena, e);
  moveRoot(arena, e, kept);
  free(arena, old);
}

function popElements(ctx: ExecContext, args: Args, e: Ptr, count: number, reply: Reply): void {
  const arena = ctx.arena;
  reply.set(count);
  for (let i = 0; i < count; i++) {
    pickMember(arena, e);
    give(ctx, args, picked.u8, picked.dv, picked.off, picked.len, reply);
    removePicked(arena, e);
  }
}

/** Nearly all members of a table go: the few that stay move to a new set, which begins small. */
function popMost(ctx: ExecContext, args: Args, e: Ptr, size: number, count: number, reply: Reply): void {
  const arena = ctx.arena;
  const kept = detachedPacked(ctx, args, 1);
  try {
    ELEMENTS.open(arena, rootOf(arena, e));
    let left = size;
    let wanted = size - count;
    for (let el = ELEMENTS.next(); el !== 0; el = ELEMENTS.next()) {
      if (random() * left-- >= wanted) continue;
      wanted--;
      elementName(arena, el);
      setAdd(ctx, kept, name.u8, name.dv, name.off, name.len);
    }
    reply.set(count);
  } catch (error) {
    dropDetached(ctx, kept);
    throw error;
  }
  CURSOR.open(arena, e);
  while (CURSOR.next()) {
    if (setHas(arena, kept, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len)) continue;
    give(ctx, args, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len, reply);
  }
  const old = rootOf(arena, e);
  setRoot(arena, e, entryEncoding(arena, kept), rootOf(arena, kept));
  freeTableRoot(arena, old);
  ctx.keyspace.freeCell(kept);
}

// ---- SRANDMEMBER

function srandmember(ctx: ExecContext, args: Args, reply: Reply): void {
  if (args.argc > 2) {
    if (args.argc > 3) reply.error(SYNTAX);
    else srandmemberCount(ctx, args, reply);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.nil();
    return;
  }
  pickMember(ctx.arena, e);
  reply.bulkView(picked.u8, picked.dv, picked.off, picked.len);
}

function srandmemberCount(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!parseInt64(args.u8, args.off[2]!, args.len[2]!)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (int64.hi === -0x80000000 && int64.lo === 0) {
    reply.error(RANDOM_COUNT_RANGE);
    return;
  }
  const asked = integerArg(args, 2);
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL || asked === 0) {
    reply.array(0);
    return;
  }
  if (asked < -REPEATS_MAX) {
    reply.error(OUT_OF_RANGE_VALUE);
    return;
  }
  const size = setCount(ctx.arena, e);
  const repeats = asked < 0;
  const count = repeats ? -asked : Math.min(asked, size);
  boundInline(ctx, count);
  reply.array(count);
  if (repeats || asked === 1) replyDraws(ctx, e, count, reply);
  else if (count === size) replyAll(ctx, e, reply);
  else replyDifferent(ctx, e, size, count, reply);
}

function replyAll(ctx: ExecContext, e: Ptr, reply: Reply): void {
  CURSOR.open(ctx.arena, e);
  while (CURSOR.next()) reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
}

/** `count` draws, each from the whole set. */
function replyDraws(ctx: ExecContext, e: Ptr, count: number, reply: Reply): void {
  const arena = ctx.arena;
  if (count > 1 && entryEncoding(arena, e) === SET_PACKED) {
    replyEntryDraws(ctx, e, count, reply);
    return;
  }
  for (let i = 0; i < count; i++) {
    pickMember(arena, e);
    reply.bulkView(picked.u8, picked.dv, picked.off, picked.len);
  }
}

/** The same from a listpack, whose positions are collected first. */
function replyEntryDraws(ctx: ExecContext, e: Ptr, count: number, reply: Reply): void {
  const arena = ctx.arena;
  const root = rootOf(arena, e);
  const size = lpCount(arena, root);
  if (size > positions.length) positions = new Int32Array(size);
  const u8 = bytesOf(arena, root);
  let n = 0;
  for (let p = lpFirst(arena, root); p !== 0; p = lpNext(u8, p)) positions[n++] = p;
  for (let i = 0; i < count; i++) {
    pickEntry(arena, root, positions[randomBelow(n)]!);
    reply.bulkView(picked.u8, picked.dv, picked.off, picked.len);
  }
}

/** `count` different members, fewer than there are. */
function replyDifferent(ctx: ExecContext, e: Ptr, size: number, count: number, reply: Reply): void {
  const arena = ctx.arena;
  if (entryEncoding(arena, e) === SET_TABLE && count * DRAW_FACTOR <= size) {
    drawElements(openSetTable(arena, e), count);
    for (let i = 0; i < count; i++) replyName(arena, drawn[i]! as Ptr, reply);
    return;
  }
  let left = size;
  let wanted = count;
  CURSOR.open(arena, e);
  while (wanted > 0 && CURSOR.next()) {
    if (random() * left-- >= wanted) continue;
    wanted--;
    reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
  }
}

// ---- definitions

const SET = { acl: ['@set'], group: 'set', route: 'key', inline: true } as const;

export const setRandomCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...SET,
    name: 'spop',
    arity: -2,
    flags: ['write', 'fast'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(1); O(N) for N members asked for.',
    summary: 'Removes random members from a set and returns them; with the last one goes the key.',
    keys: [keyRW(1, 'access', 'delete')],
    args: [key(), integer('count', { ...OPT, since: '3.2.0' })],
    tips: ['nondeterministic_output'],
    history: [['3.2.0', 'Takes `count`.']],
    handler: spop,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'srandmember',
    arity: -2,
    flags: ['readonly'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(1); O(N) for N members asked for.',
    summary: 'Returns random members of a set: different ones, or, with a negative count, independent draws.',
    keys: [keyRO(1)],
    args: [key(), integer('count', { ...OPT, since: '2.6.0' })],
    tips: ['nondeterministic_output'],
    history: [['2.6.0', 'Takes `count`.']],
    handler: srandmember,
  }),
];
