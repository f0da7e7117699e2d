/**
 * SINTER, SUNION, SDIFF with their STORE forms, and SINTERCARD. The keys may lie on several shards: all sets are looked
 * up first, then only `(arena, entry)` pairs are used.
 *
 *     intersection   the members of the smallest set that all others have
 *     union          all members, each once: in the new set, or, when nothing is stored, in an index beside the arena
 *     difference     1: the members of the first set that no other has; 2: all members of the first, then those of the
 *                    others taken out; whichever visits less, with the same bias to the first as Redis
 *
 * A command that only reads makes nothing in the arena.
 */
import { integer, key, keyAt, keyCounted, keyRange, MANY, OPT } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { KEYS_TOO_MANY, LIMIT_NEGATIVE, NUMKEYS_NOT_POSITIVE, SYNTAX } from '../../../shared/errors/replies.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, dropDetached, readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_SET } from '../../entry/entry.js';
import { MemberIndex } from '../../structures/member-list.js';
import { SetCursor } from '../../types/set/set-cursor.js';
import { setAdd, setCount, setHas, setRemove } from '../../types/set/set-value.js';
import { integerArg } from '../arguments/integer.js';
import { detachedIntset, removeDestination, storeSet } from './store.js';

/** Up to so many sets are put in the order of their sizes. */
const ORDERED_MAX = 64;
const CURSOR = new SetCursor();
const INDEX = new MemberIndex();

/** The sets of the running command; a key that does not exist has entry 0 and count 0. */
class Sources {
  n = 0;
  /** Some key does not exist. */
  missing = false;
  arenas: Arena[] = [];
  entries = new Int32Array(16);
  counts = new Float64Array(16);

  /** Looks up the keys in arguments from ... to - 1; false when one is no set and the error has been written. */
  open(ctx: ExecContext, args: Args, from: number, to: number, reply: Reply): boolean {
    const n = to - from;
    if (n > this.entries.length) {
      this.entries = new Int32Array(n);
      this.counts = new Float64Array(n);
    }
    this.n = n;
    this.missing = false;
    for (let j = 0; j < n; j++) {
      const e = readTyped(ctx, args, from + j, TYPE_SET, reply);
      if (e === WRONG) return false;
      this.arenas[j] = ctx.arena;
      this.entries[j] = e;
      this.counts[j] = e === NULL ? 0 : setCount(ctx.arena, e);
      if (e === NULL) this.missing = true;
    }
    return true;
  }

  /** Whether sets i and j are one. */
  same(i: number, j: number): boolean {
    return this.entries[i] === this.entries[j] && this.arenas[i] === this.arenas[j];
  }

  private swap(i: number, j: number): void {
    const arena = this.arenas[i]!;
    const e = this.entries[i]!;
    const count = this.counts[i]!;
    this.arenas[i] = this.arenas[j]!;
    this.entries[i] = this.entries[j]!;
    this.counts[i] = this.counts[j]!;
    this.arenas[j] = arena;
    this.entries[j] = e;
    this.counts[j] = count;
  }

  /** The smallest set first; all in ascending order unless they are very many. */
  smallestFirst(): void {
    const rounds = this.n <= ORDERED_MAX ? this.n - 1 : 1;
    for (let i = 0; i < rounds; i++) {
      let least = i;
      for (let j = i + 1; j < this.n; j++) if (this.counts[j]! < this.counts[least]!) least = j;
      if (least !== i) this.swap(i, least);
    }
  }

  /** Those behind the first in descending order, unless they are very many. */
  biggestSecond(): void {
    if (this.n > ORDERED_MAX) return;
    for (let i = 1; i < this.n - 1; i++) {
      let most = i;
      for (let j = i + 1; j < this.n; j++) if (this.counts[j]! > this.counts[most]!) most = j;
      if (most !== i) this.swap(i, most);
    }
  }

  /** Members of all sets together. */
  total(): number {
    let total = 0;
    for (let j = 0; j < this.n; j++) total += this.counts[j]!;
    return total;
  }

  /** Opens the cursor on set j; false when there is none. */
  walk(j: number): boolean {
    if (this.entries[j] === NULL) return false;
    CURSOR.open(this.arenas[j]!, this.entries[j]! as Ptr);
    return true;
  }

  /** Whether set j has the member at which the cursor stands. */
  has(j: number): boolean {
    return setHas(this.arenas[j]!, this.entries[j]! as Ptr, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
  }
}

const SOURCES = new Sources();

function replyMember(reply: Reply): void {
  reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
}

/** Adds the member at which the cursor stands to the detached set. */
function addMember(ctx: ExecContext, e: Ptr): void {
  setAdd(ctx, e, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
}

/** Builds a set for the key in argument 1 with `fill` and puts it in place. */
function store(
  ctx: ExecContext,
  args: Args,
  fill: (ctx: ExecContext, e: Ptr) => void,
  event: string,
  reply: Reply,
): void {
  ctx.useShardOf(args, 1);
  const e = detachedIntset(ctx, args, 1);
  try {
    fill(ctx, e);
  } catch (error) {
    dropDetached(ctx, e);
    throw error;
  }
  storeSet(ctx, args, 1, e, event, reply);
}

// ---- intersection

/** Whether every set but the first has the member at which the cursor stands. */
function inAllOthers(): boolean {
  for (let j = 1; j < SOURCES.n; j++) if (!SOURCES.same(0, j) && !SOURCES.has(j)) return false;
  return true;
}

function sinter(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 1, args.argc, reply)) return;
  if (SOURCES.missing) {
    reply.set(0);
    return;
  }
  SOURCES.smallestFirst();
  boundInline(ctx, SOURCES.counts[0]! * SOURCES.n);
  const mark = reply.deferredArray();
  let count = 0;
  SOURCES.walk(0);
  while (CURSOR.next()) {
    if (!inAllOthers()) continue;
    replyMember(reply);
    count++;
  }
  reply.setDeferred(mark, count, 'set');
}

function sintercard(ctx: ExecContext, args: Args, reply: Reply): void {
  const keys = integerArg(args, 1);
  if (!(keys >= 1)) {
    reply.error(NUMKEYS_NOT_POSITIVE);
    return;
  }
  if (keys > args.argc - 2) {
    reply.error(KEYS_TOO_MANY);
    return;
  }
  let limit = 0;
  for (let i = 2 + keys; i < args.argc; i += 2) {
    if (i + 1 >= args.argc || !args.is(i, 'limit')) {
      reply.error(SYNTAX);
      return;
    }
    limit = integerArg(args, i + 1);
    if (!(limit >= 0)) {
      reply.error(LIMIT_NEGATIVE);
      return;
    }
  }
  if (!SOURCES.open(ctx, args, 2, 2 + keys, reply)) return;
  let count = 0;
  if (!SOURCES.missing) {
    SOURCES.smallestFirst();
    boundInline(ctx, SOURCES.counts[0]! * SOURCES.n);
    SOURCES.walk(0);
    while (CURSOR.next()) if (inAllOthers() && ++count === limit) break;
  }
  reply.int(count);
}

function fillIntersection(ctx: ExecContext, e: Ptr): void {
  SOURCES.walk(0);
  while (CURSOR.next()) if (inAllOthers()) addMember(ctx, e);
}

function sinterstore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 2, args.argc, reply)) return;
  if (SOURCES.missing) {
    removeDestination(ctx, args, 1, reply);
    return;
  }
  SOURCES.smallestFirst();
  boundInline(ctx, SOURCES.counts[0]! * SOURCES.n);
  store(ctx, args, fillIntersection, 'sinterstore', reply);
}

// ---- union

/** Collects the members of set j in the index. */
function indexSet(j: number): void {
  if (!SOURCES.walk(j)) return;
  const arena = SOURCES.arenas[j]!;
  while (CURSOR.next()) INDEX.insert(arena, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
}

function sunion(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 1, args.argc, reply)) return;
  boundInline(ctx, SOURCES.total());
  if (SOURCES.n === 1) {
    reply.set(SOURCES.counts[0]!);
    if (SOURCES.walk(0)) while (CURSOR.next()) replyMember(reply);
    return;
  }
  try {
    for (let j = 0; j < SOURCES.n; j++) indexSet(j);
    reply.set(INDEX.count);
    replyIndex(reply);
  } finally {
    INDEX.clear();
  }
}

/** Writes the strings of the index that were not taken out (length below 0). */
function replyIndex(reply: Reply): void {
  const { view, off, len, u8s, dvs } = INDEX;
  for (let i = 0; i < INDEX.count; i++) {
    if (len[i]! >= 0) reply.bulkView(u8s[view[i]!]!, dvs[view[i]!]!, off[i]!, len[i]!);
  }
}

function fillUnion(ctx: ExecContext, e: Ptr): void {
  for (let j = 0; j < SOURCES.n; j++) if (SOURCES.walk(j)) while (CURSOR.next()) addMember(ctx, e);
}

function sunionstore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 2, args.argc, reply)) return;
  boundInline(ctx, SOURCES.total());
  store(ctx, args, fillUnion, 'sunionstore', reply);
}

// ---- difference

const DIFF_NOTHING = 0;
const DIFF_LOOK_UP = 1;
const DIFF_TAKE_OUT = 2;

/** How the difference is to be computed; bounds the work. */
function planDifference(ctx: ExecContext): number {
  const first = SOURCES.counts[0]!;
  if (first === 0) return DIFF_NOTHING;
  let sets = 0;
  for (let j = 0; j < SOURCES.n; j++) {
    if (j > 0 && SOURCES.same(0, j)) return DIFF_NOTHING;
    if (SOURCES.entries[j] !== NULL) sets++;
  }
  const lookUps = first * sets;
  const visits = SOURCES.total();
  const lookUp = lookUps / 2 <= visits;
  boundInline(ctx, lookUp ? lookUps : visits);
  if (lookUp) SOURCES.biggestSecond();
  return lookUp ? DIFF_LOOK_UP : DIFF_TAKE_OUT;
}

/** Whether no set but the first has the member at which the cursor stands. */
function inNoOther(): boolean {
  for (let j = 1; j < SOURCES.n; j++) if (SOURCES.entries[j] !== NULL && SOURCES.has(j)) return false;
  return true;
}

function sdiff(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 1, args.argc, reply)) return;
  switch (planDifference(ctx)) {
    case DIFF_NOTHING:
      reply.set(0);
      break;
    case DIFF_LOOK_UP: {
      const mark = reply.deferredArray();
      let count = 0;
      SOURCES.walk(0);
      while (CURSOR.next()) {
        if (!inNoOther()) continue;
        replyMember(reply);
        count++;
      }
      reply.setDeferred(mark, count, 'set');
      break;
    }
    default:
      try {
        takeOut(reply);
      } finally {
        INDEX.clear();
      }
  }
}

function takeOut(reply: Reply): void {
  indexSet(0);
  let count = INDEX.count;
  for (let j = 1; j < SOURCES.n && count > 0; j++) {
    if (!SOURCES.walk(j)) continue;
    while (CURSOR.next()) {
      const i = INDEX.find(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
      if (i < 0) continue;
      INDEX.len[i] = -1;
      count--;
    }
  }
  reply.set(count);
  replyIndex(reply);
}

function fillByLookUp(ctx: ExecContext, e: Ptr): void {
  SOURCES.walk(0);
  while (CURSOR.next()) if (inNoOther()) addMember(ctx, e);
}

function fillByTakingOut(ctx: ExecContext, e: Ptr): void {
  const arena = ctx.arena;
  SOURCES.walk(0);
  while (CURSOR.next()) addMember(ctx, e);
  for (let j = 1; j < SOURCES.n; j++) {
    if (!SOURCES.walk(j)) continue;
    while (CURSOR.next()) setRemove(arena, e, CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
    if (setCount(arena, e) === 0) return;
  }
}

function sdiffstore(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!SOURCES.open(ctx, args, 2, args.argc, reply)) return;
  const plan = planDifference(ctx);
  if (plan === DIFF_NOTHING) removeDestination(ctx, args, 1, reply);
  else store(ctx, args, plan === DIFF_LOOK_UP ? fillByLookUp : fillByTakingOut, 'sdiffstore', reply);
}

// ---- definitions

const SET = { acl: ['@set'], group: 'set', route: 'key', inline: true, since: '1.0.0' } as const;
const READ = {
  ...SET,
  arity: -2,
  flags: ['readonly'],
  keys: [keyRange(1, -1, 1, ['RO', 'access'])],
  args: [key('key', MANY)],
  tips: ['nondeterministic_output_order'],
} as const;
const FROM = keyRange(2, -1, 1, ['RO', 'access']);
const STORE = {
  ...SET,
  arity: -3,
  flags: ['write', 'denyoom'],
  args: [key('destination'), key('key', { ...MANY, keySpecIndex: 1 })],
} as const;
const SMALLEST = 'O(N*M) at worst for N members of the smallest set and M sets.';
const TOTAL = 'O(N) for N members of all sets together.';

export const setAlgebraCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...READ,
    name: 'sinter',
    longWork: 'value',
    complexity: SMALLEST,
    summary: 'Lists the members that all of several sets have.',
    handler: sinter,
  }),
  defineCommand<ExecContext>({
    ...SET,
    name: 'sintercard',
    arity: -3,
    flags: ['readonly'],
    since: '7.0.0',
    longWork: 'value',
    complexity: SMALLEST,
    summary: 'Counts the members that all of several sets have, up to a limit if wanted.',
    keys: [keyCounted(1, ['RO', 'access'])],
    args: [integer('numkeys'), key('key', MANY), integer('limit', { ...OPT, token: 'LIMIT' })],
    handler: sintercard,
  }),
  defineCommand<ExecContext>({
    ...STORE,
    name: 'sinterstore',
    longWork: 'value',
    complexity: SMALLEST,
    summary: 'Stores the members that all of several sets have as a set.',
    keys: [keyAt(1, ['OW', 'update']), FROM],
    handler: sinterstore,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'sunion',
    longWork: 'value',
    complexity: TOTAL,
    summary: 'Lists the members that any of several sets has.',
    handler: sunion,
  }),
  defineCommand<ExecContext>({
    ...STORE,
    name: 'sunionstore',
    longWork: 'value',
    complexity: TOTAL,
    summary: 'Stores the members that any of several sets has as a set.',
    keys: [keyAt(1, ['OW', 'update']), FROM],
    handler: sunionstore,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'sdiff',
    longWork: 'value',
    complexity: TOTAL,
    summary: 'Lists the members of a set that none of several others has.',
    handler: sdiff,
  }),
  defineCommand<ExecContext>({
    ...STORE,
    name: 'sdiffstore',
    longWork: 'value',
    complexity: TOTAL,
    summary: 'Stores the members of a set that none of several others has as a set.',
    keys: [keyAt(1, ['OW', 'update']), FROM],
    handler: sdiffstore,
  }),
];
