/**
 * SORT and SORT_RO: collects the elements and their weights, orders them (order.ts), then answers with the elements, or
 * what GET patterns make of them, or stores that as a list.
 *
 *     options -> elements (source.ts) -> weights (lookup.ts) -> order -> reply or list
 *
 * What it collects lies beside the arena and is given back at the end; elements are not copied. A call with patterns
 * holds the leases of all shards, any other those of its keys only.
 */
import {
  block,
  integer,
  key,
  keyAt,
  keyRO,
  keyUnknown,
  OPT,
  oneOf,
  pattern,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { SORT_SCORES, WRONGTYPE } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import type { Arena } from '../../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { free } from '../../../shared/memory/slab.js';
import { parseDouble, parsed } from '../../../shared/numbers/strtod.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, detachedEntry, dropDetached, storeDetached } from '../../context/typed-key.js';
import { LIST_QUICK } from '../../entry/encodings.js';
import { entryType, TYPE_LIST, TYPE_SET } from '../../entry/entry.js';
import { MemberList } from '../../structures/member-list.js';
import { useListLimits } from '../../types/list/list-limits.js';
import { createRoot, listPush, shrinkConvert } from '../../types/list/list-value.js';
import { removeDestination } from '../sets/store.js';
import { forgetLookups, looked, lookUp, lookUpNumber } from './lookup.js';
import { type SortOptions, sortKeys, sortOptions, sortReadsOthers, sortRoKeys } from './options.js';
import { SortOrder } from './order.js';
import { loadElements, sortable } from './source.js';

const ELEMENTS = new MemberList();
const TEXTS = new MemberList();
const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);

/** Which positions of the result are wanted: `from` ... `from + count - 1`. */
class SortRange {
  from = 0;
  count = 0;

  constructor(options: SortOptions, length: number) {
    const start = Math.min(Math.max(options.limitStart, 0), length);
    const count = options.limitCount < 0 ? length : Math.min(options.limitCount, length);
    this.from = start;
    this.count = Math.max(0, Math.min(count, length - start));
  }
}

function sort(ctx: ExecContext, args: Args, reply: Reply): void {
  run(ctx, args, false, reply);
}

function sortRo(ctx: ExecContext, args: Args, reply: Reply): void {
  run(ctx, args, true, reply);
}

function run(ctx: ExecContext, args: Args, readonly: boolean, reply: Reply): void {
  const options = sortOptions(args, readonly, reply);
  if (options === null) return;
  const e = ctx.lookupRead(args, 1);
  const arena = ctx.arena;
  if (e !== NULL && !sortable(entryType(arena, e))) {
    reply.error(WRONGTYPE);
    return;
  }
  const length = e === NULL ? 0 : ctx.keyspace.types.of(arena, e).length(arena, e);
  const range = new SortRange(options, length);
  // A set that is stored, or read by a script, gets an order in any case: replicas must do the same.
  if (
    options.dontSort &&
    (options.store !== 0 || ctx.scripts?.isRunning === true) &&
    e !== NULL &&
    entryType(arena, e) === TYPE_SET
  ) {
    options.dontSort = false;
    options.alpha = true;
    options.by = null;
  }
  boundInline(ctx, length + range.count * options.gets.length);
  try {
    const order = e === NULL ? null : arrange(ctx, args, arena, e, length, range, options);
    if (order === BAD_WEIGHT) reply.error(SORT_SCORES);
    else if (options.store !== 0) store(ctx, args, order, range, options, reply);
    else answer(ctx, args, order, range, options, reply);
  } finally {
    ELEMENTS.clear();
    TEXTS.clear();
    forgetLookups();
  }
}

/** What `arrange` returns when some weight is no number. */
const BAD_WEIGHT = new Int32Array(0);

/**
 * Loads the elements; returns their indexes in order, null when the order is that in which they were loaded. The range
 * is counted in that order.
 */
function arrange(
  ctx: ExecContext,
  args: Args,
  arena: Arena,
  e: Ptr,
  length: number,
  range: SortRange,
  options: SortOptions,
): Int32Array | null {
  if (options.dontSort) {
    if (entryType(arena, e) === TYPE_SET) loadElements(arena, e, 0, length, false, ELEMENTS);
    else {
      loadElements(arena, e, range.from, range.count, options.desc, ELEMENTS);
      range.from = 0;
    }
    return null;
  }
  loadElements(arena, e, 0, length, false, ELEMENTS);
  const { desc } = options;
  let order: SortOrder;
  if (!options.alpha) {
    const weights = weigh(ctx, args, options);
    if (weights === null) return BAD_WEIGHT;
    order = new SortOrder(ELEMENTS, weights, desc);
  } else if (options.by !== null) {
    collectTexts(ctx, args, options);
    order = new SortOrder(TEXTS, null, desc);
  } else order = new SortOrder(ELEMENTS, null, desc);
  return order.first(range.from + range.count);
}

/** The weights of all elements; null when one is no number, after all keys were looked at. */
function weigh(ctx: ExecContext, args: Args, options: SortOptions): Float64Array<ArrayBuffer> | null {
  const n = ELEMENTS.count;
  const weights = new Float64Array(n);
  const by = options.by;
  let bad = false;
  for (let i = 0; i < n; i++) {
    let weight = Number.NaN;
    if (by !== null) weight = lookUpNumber(ctx, args, by, ELEMENTS, i);
    else if (parseDouble(ELEMENTS.u8s[ELEMENTS.view[i]!]!, ELEMENTS.off[i]!, ELEMENTS.len[i]!)) weight = parsed.value;
    weights[i] = weight;
    if (Number.isNaN(weight)) bad = true;
  }
  return bad ? null : weights;
}

/** The texts by which the elements are ordered; one that does not exist has length -1. */
function collectTexts(ctx: ExecContext, args: Args, options: SortOptions): void {
  for (let i = 0; i < ELEMENTS.count; i++) {
    if (lookUp(ctx, args, options.by!, ELEMENTS, i)) {
      TEXTS.add(ctx.arena, looked.u8, looked.dv, looked.off, looked.len);
    } else TEXTS.len[TEXTS.add(ctx.arena, NOTHING, NOTHING_VIEW, 0, 0)] = -1;
  }
}

// ---- results

function answer(
  ctx: ExecContext,
  args: Args,
  order: Int32Array | null,
  range: SortRange,
  options: SortOptions,
  reply: Reply,
): void {
  const gets = options.gets;
  const { view, off, len, u8s, dvs } = ELEMENTS;
  const end = range.from + range.count;
  reply.array(range.count * Math.max(1, gets.length));
  for (let n = range.from; n < end; n++) {
    const i = order === null ? n : order[n]!;
    if (gets.length === 0) reply.bulkView(u8s[view[i]!]!, dvs[view[i]!]!, off[i]!, len[i]!);
    for (let g = 0; g < gets.length; g++) {
      if (lookUp(ctx, args, gets[g]!, ELEMENTS, i)) reply.bulkView(looked.u8, looked.dv, looked.off, looked.len);
      else reply.nil();
    }
  }
}

function store(
  ctx: ExecContext,
  args: Args,
  order: Int32Array | null,
  range: SortRange,
  options: SortOptions,
  reply: Reply,
): void {
  const k = options.store;
  const count = range.count * Math.max(1, options.gets.length);
  if (count === 0) {
    removeDestination(ctx, args, k, reply);
    return;
  }
  ctx.useShardOf(args, k);
  const list = detachedList(ctx, args, k);
  const shard = ctx.shard;
  let existed = true;
  try {
    fillList(ctx, args, list, ctx.arena, order, range, options);
    ctx.useShard(shard);
    existed = ctx.peek(args, k) !== NULL;
    storeDetached(ctx, args, k, list);
  } catch (error) {
    ctx.useShard(shard);
    dropDetached(ctx, list);
    throw error;
  }
  ctx.dirty += count;
  if (!existed) ctx.notify(EVENT_CLASS.NEW, 'new', args, k);
  ctx.notify(EVENT_CLASS.LIST, 'sortstore', args, k);
  reply.int(count);
}

/** An entry in no dictionary yet for the key in argument k, with a list without elements. Throws ArenaFullError. */
function detachedList(ctx: ExecContext, args: Args, k: number): Ptr {
  const root = createRoot(ctx.arena);
  try {
    return detachedEntry(ctx, args, k, TYPE_LIST, LIST_QUICK, root);
  } catch (error) {
    free(ctx.arena, root);
    throw error;
  }
}

/** Pushes the results to the detached list; GET without a value gives an empty string. */
function fillList(
  ctx: ExecContext,
  args: Args,
  list: Ptr,
  arena: Arena,
  order: Int32Array | null,
  range: SortRange,
  options: SortOptions,
): void {
  const gets = options.gets;
  const { view, off, len, u8s, dvs } = ELEMENTS;
  const end = range.from + range.count;
  useListLimits(ctx.control);
  for (let n = range.from; n < end; n++) {
    const i = order === null ? n : order[n]!;
    if (gets.length === 0) listPush(arena, list, u8s[view[i]!]!, dvs[view[i]!]!, off[i]!, len[i]!, false);
    for (let g = 0; g < gets.length; g++) {
      const has = lookUp(ctx, args, gets[g]!, ELEMENTS, i);
      listPush(arena, list, looked.u8, looked.dv, looked.off, has ? looked.len : 0, false);
    }
  }
  shrinkConvert(arena, list, false);
}

// ---- definitions

const SORT = {
  arity: -2,
  acl: ['@set', '@sortedset', '@list', '@dangerous'],
  group: 'generic',
  longWork: 'value',
  complexity: 'O(N+M*log(M)) for N elements in the key and M in the answer; O(N) when nothing is sorted.',
  route: 'key',
  inline: true,
  everyShard: sortReadsOthers,
} as const;
const BY_OR_GET = keyUnknown(
  ['RO', 'access'],
  'The keys of `BY` and `GET` are made from the elements of the sorted key.',
);
const ARGS = [
  key(),
  pattern('by-pattern', { token: 'BY', display: 'pattern', keySpecIndex: 1, ...OPT }),
  block('limit', [integer('offset'), integer('count')], { token: 'LIMIT', ...OPT }),
  pattern('get-pattern', {
    token: 'GET',
    display: 'pattern',
    keySpecIndex: 1,
    optional: true,
    multiple: true,
    multipleToken: true,
  }),
  oneOf('order', [token('asc'), token('desc')], OPT),
  token('sorting', 'ALPHA', OPT),
];

/** SORT and SORT_RO. */
export const sortingCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...SORT,
    name: 'sort',
    wakes: 'key',
    flags: ['write', 'denyoom'],
    since: '1.0.0',
    summary: 'Sorts the elements of a list, set or sorted set, and stores the result if wanted.',
    keys: [
      keyRO(1),
      BY_OR_GET,
      keyUnknown(['OW', 'update'], 'The destination stands behind `STORE`, anywhere among the options.'),
    ],
    findKeys: sortKeys,
    args: [...ARGS, key('destination', { token: 'STORE', keySpecIndex: 2, ...OPT })],
    handler: sort,
  }),
  defineCommand<ExecContext>({
    ...SORT,
    name: 'sort_ro',
    flags: ['readonly'],
    since: '7.0.0',
    summary: 'Sorts the elements of a list, set or sorted set.',
    keys: [keyAt(1, ['RO', 'access']), BY_OR_GET],
    findKeys: sortRoKeys,
    args: ARGS,
    handler: sortRo,
  }),
];
