/** Lists: finding, inserting and removing elements by their value. */

import { integer, key, keyRO, keyRW, OPT, oneOf, str, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { LPOS_COUNT, LPOS_MAXLEN, LPOS_RANK, LPOS_RANK_RANGE, SYNTAX } from '../../../shared/errors/replies.js';
import { EVENT_CLASS } from '../../../shared/keyspace-events.js';
import { bytesOf } from '../../../shared/memory/cell.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, removeKey, WRONG, writeTyped } from '../../context/typed-key.js';
import { TYPE_LIST } from '../../entry/entry.js';
import { lpPrevOf, lpSize } from '../../structures/listpack-entry.js';
import { cursor, entryMatches, findFirst, plainMatches, want } from '../../types/list/list-cursor.js';
import { listInsert, listRemoveMatches } from '../../types/list/list-edit.js';
import { useListLimits } from '../../types/list/list-limits.js';
import { isPlainNode, nodeEnd, nodeFirst, nodeNext, nodePrevious } from '../../types/list/list-node.js';
import { endNode, entryBound, growConvert, listLength, shrinkConvert } from '../../types/list/list-value.js';
import { atLeastArgument, numberArgument } from './arguments.js';

/** The one integer that has no counterpart from the other end. */
const INT64_MIN = '-9223372036854775808';

// ---- LPOS

/** Options of LPOS and how far its search has come. */
class Search {
  /** Which match is the first to be reported. */
  rank = 1;
  fromTail = false;
  /** Most matches to be reported, 0: all, -1: one, not as an array. */
  count = -1;
  /** Most elements to be looked at, 0: all. */
  maxlen = 0;
  length = 0;
  matches = 0;
  reported = 0;
  /** What is reported without COUNT. */
  found = -1;
}

const search = new Search();

/** Reads the options from argument 3 on; false after an error. */
function searchOptions(args: Args, reply: Reply): boolean {
  search.rank = 1;
  search.count = -1;
  search.maxlen = 0;
  for (let i = 3; i < args.argc; i += 2) {
    const more = i + 1 < args.argc;
    if (more && args.is(i, 'rank')) {
      search.rank = numberArgument(args, i + 1, reply);
      if (Number.isNaN(search.rank)) return false;
      if (search.rank === 0 || args.is(i + 1, INT64_MIN)) {
        reply.error(search.rank === 0 ? LPOS_RANK : LPOS_RANK_RANGE);
        return false;
      }
    } else if (more && args.is(i, 'count')) {
      search.count = atLeastArgument(args, i + 1, 0, LPOS_COUNT, reply);
      if (Number.isNaN(search.count)) return false;
    } else if (more && args.is(i, 'maxlen')) {
      search.maxlen = atLeastArgument(args, i + 1, 0, LPOS_MAXLEN, reply);
      if (Number.isNaN(search.maxlen)) return false;
    } else {
      reply.error(SYNTAX);
      return false;
    }
  }
  search.fromTail = search.rank < 0;
  if (search.fromTail) search.rank = -search.rank;
  return true;
}

/** Takes note of a match at `index`, counted from where the search began; true when it was the last that is wanted. */
function matched(index: number, reply: Reply): boolean {
  search.matches++;
  if (search.matches < search.rank) return false;
  const position = search.fromTail ? search.length - 1 - index : index;
  if (search.count < 0) {
    search.found = position;
    return true;
  }
  reply.int(position);
  search.reported++;
  return search.count !== 0 && search.reported >= search.count;
}

/** Walks over the list in the direction of the search. */
function searchList(ctx: ExecContext, e: Ptr, reply: Reply): void {
  const arena = ctx.arena;
  const { fromTail } = search;
  const stop = search.maxlen === 0 ? search.length : Math.min(search.maxlen, search.length);
  let index = 0;
  let node = endNode(arena, e, !fromTail);
  while (node !== 0 && index < stop) {
    if (isPlainNode(arena, node)) {
      if (plainMatches(arena, node) && matched(index, reply)) return;
      index++;
    } else {
      const u8 = bytesOf(arena, node);
      const first = nodeFirst(arena, node);
      const end = nodeEnd(arena, node);
      let p = fromTail ? end : first;
      while (index < stop && (fromTail ? p > first : p < end)) {
        if (fromTail) p = lpPrevOf(u8, p);
        if (entryMatches(u8, p) && matched(index, reply)) return;
        if (!fromTail) p += lpSize(u8, p);
        index++;
      }
    }
    node = fromTail ? nodePrevious(arena, node) : nodeNext(arena, node);
  }
}

function lpos(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!searchOptions(args, reply)) return;
  const e = readTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    if (search.count < 0) reply.nil();
    else reply.array(0);
    return;
  }
  search.length = listLength(ctx.arena, e);
  search.matches = 0;
  search.reported = 0;
  search.found = -1;
  boundInline(ctx, search.maxlen === 0 ? search.length : Math.min(search.maxlen, search.length));
  want(args.u8, args.off[2]!, args.len[2]!);
  const mark = search.count < 0 ? -1 : reply.deferredArray();
  searchList(ctx, e, reply);
  if (mark >= 0) reply.setDeferred(mark, search.reported);
  else if (search.found < 0) reply.nil();
  else reply.int(search.found);
}

// ---- LINSERT, LREM

function linsert(ctx: ExecContext, args: Args, reply: Reply): void {
  const after = args.is(2, 'after');
  if (!after && !args.is(2, 'before')) {
    reply.error(SYNTAX);
    return;
  }
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const arena = ctx.arena;
  boundInline(ctx, listLength(arena, e));
  useListLimits(ctx.control);
  const len = args.len[4]!;
  growConvert(arena, e, len, 1, entryBound(len));
  want(args.u8, args.off[3]!, args.len[3]!);
  if (!findFirst(arena, e)) {
    reply.int(-1);
    return;
  }
  listInsert(arena, e, cursor, after, args.u8, args.dv, args.off[4]!, len);
  ctx.notify(EVENT_CLASS.LIST, 'linsert', args, 1);
  ctx.dirty++;
  reply.int(listLength(arena, e));
}

function lrem(ctx: ExecContext, args: Args, reply: Reply): void {
  const count = numberArgument(args, 2, reply);
  if (Number.isNaN(count)) return;
  const e = writeTyped(ctx, args, 1, TYPE_LIST, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.int(0);
    return;
  }
  const arena = ctx.arena;
  boundInline(ctx, listLength(arena, e));
  useListLimits(ctx.control);
  want(args.u8, args.off[3]!, args.len[3]!);
  const limit = count === 0 ? Number.POSITIVE_INFINITY : Math.abs(count);
  const removed = listRemoveMatches(arena, e, limit, count < 0);
  if (removed > 0) {
    ctx.notify(EVENT_CLASS.LIST, 'lrem', args, 1);
    if (listLength(arena, e) === 0) removeKey(ctx, args, 1, e);
    else shrinkConvert(arena, e, true);
    ctx.dirty += removed;
  }
  reply.int(removed);
}

// ---- definitions

const LIST = { acl: ['@list'], group: 'list', route: 'key', inline: true } as const;

/** LPOS, LINSERT, LREM. */
export const listSearchCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lpos',
    arity: -3,
    flags: ['readonly'],
    since: '6.0.6',
    longWork: 'value',
    complexity: 'O(N) for N elements of the list, or as many as MAXLEN allows.',
    summary: 'Returns the indexes at which a list has an element.',
    keys: [keyRO(1)],
    args: [
      key(),
      str('element'),
      integer('rank', { token: 'RANK', ...OPT }),
      integer('num-matches', { token: 'COUNT', ...OPT }),
      integer('len', { token: 'MAXLEN', ...OPT }),
    ],
    handler: lpos,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'linsert',
    wakes: 'key',
    arity: 5,
    flags: ['write', 'denyoom'],
    since: '2.2.0',
    longWork: 'value',
    complexity: 'O(N) for N elements before the pivot.',
    summary: 'Puts an element before or behind the first that equals a pivot.',
    keys: [keyRW(1, 'insert')],
    args: [key(), oneOf('where', [token('before'), token('after')]), str('pivot'), str('element')],
    handler: linsert,
  }),
  defineCommand<ExecContext>({
    ...LIST,
    name: 'lrem',
    arity: 4,
    flags: ['write'],
    since: '1.0.0',
    longWork: 'value',
    complexity: 'O(N) for N elements of the list.',
    summary: 'Takes elements of a value out of a list; an emptied list is removed.',
    keys: [keyRW(1, 'delete')],
    args: [key(), integer('count'), str('element')],
    handler: lrem,
  }),
];
