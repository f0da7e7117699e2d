/**
 * Loading the elements that SORT works on into a list: those of a list, set or sorted set, all of them in any order,
 * or, when the order is to stay as it is, a range of them from either end.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { entryType, TYPE_LIST, TYPE_SET, TYPE_ZSET } from '../../entry/entry.js';
import type { MemberList } from '../../structures/member-list.js';
import { ListCursor } from '../../types/list/list-cursor.js';
import { SetCursor } from '../../types/set/set-cursor.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { zsetCount } from '../../types/zset/zset-value.js';

const LIST = new ListCursor();
const SET = new SetCursor();
const ZSET = new ZsetCursor();

/** Whether SORT takes values of this type. */
export function sortable(type: number): boolean {
  return type === TYPE_LIST || type === TYPE_SET || type === TYPE_ZSET;
}

/**
 * Adds `count` elements to `out`, from position `start` on, counted from the end and backwards if `reverse`; sets know
 * no order, so start is 0 and count all of them. @requires sortable, start + count <= the value's length
 */
export function loadElements(
  arena: Arena,
  e: Ptr,
  start: number,
  count: number,
  reverse: boolean,
  out: MemberList,
): void {
  switch (entryType(arena, e)) {
    case TYPE_LIST:
      loadList(arena, e, start, count, reverse, out);
      break;
    case TYPE_SET:
      loadSet(arena, e, out);
      break;
    default:
      loadSortedSet(arena, e, start, count, reverse, out);
  }
}

function loadList(arena: Arena, e: Ptr, start: number, count: number, reverse: boolean, out: MemberList): void {
  if (count === 0) return;
  LIST.seek(arena, e, reverse ? -1 - start : start);
  for (let i = 0; i < count; i++) {
    LIST.read(arena);
    out.add(arena, LIST.u8, LIST.dv, LIST.off, LIST.len);
    if (reverse) LIST.previous(arena);
    else LIST.next(arena);
  }
}

function loadSet(arena: Arena, e: Ptr, out: MemberList): void {
  SET.open(arena, e);
  while (SET.next()) out.add(arena, SET.u8, SET.dv, SET.off, SET.len);
}

function loadSortedSet(arena: Arena, e: Ptr, start: number, count: number, reverse: boolean, out: MemberList): void {
  ZSET.open(arena, e, reverse ? zsetCount(arena, e) - 1 - start : start);
  for (let i = 0; i < count; i++) {
    if (reverse) ZSET.previous();
    else ZSET.next();
    out.add(arena, ZSET.u8, ZSET.dv, ZSET.off, ZSET.len);
  }
}
