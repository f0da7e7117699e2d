/** How many entries of a stream a group has read: counted while that is possible, estimated or unknown otherwise. */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { entriesRead, groupLast, UNKNOWN } from './stream-groups.js';
import { StreamId } from './stream-id.js';
import { entriesAdded, firstId, lastId, maxDeletedId, streamLengthOf } from './stream-value.js';

const first = new StreamId();
const last = new StreamId();
const deleted = new StreamId();

/** Whether, from `from` on, an entry that was deleted may be missing among those that are there. */
export function hasTombstones(arena: Arena, root: Ptr, from: StreamId): boolean {
  if (streamLengthOf(arena, root) === 0 || maxDeletedId(arena, root, deleted).isZero()) return false;
  if (firstId(arena, root, first).compare(deleted) > 0) return false;
  return from.compare(deleted) <= 0;
}

/** How many entries were added up to `id`; UNKNOWN when that cannot be told. */
export function distanceFromFirst(arena: Arena, root: Ptr, id: StreamId): number {
  const added = entriesAdded(arena, root);
  if (added === 0) return 0;
  const length = streamLengthOf(arena, root);
  const order = id.compare(lastId(arena, root, last));
  if (order === 0 || (length === 0 && order < 0)) return added;
  if (order > 0) return UNKNOWN;
  firstId(arena, root, first);
  maxDeletedId(arena, root, deleted);
  if (deleted.isZero() || deleted.compare(first) < 0) {
    const toFirst = id.compare(first);
    if (toFirst < 0) return added - length;
    if (toFirst === 0) return added - length + 1;
  }
  return UNKNOWN;
}

const groupAt = new StreamId();

/** Entries that the group will have read when it has got the one with `id`, the next behind its last. */
export function readAfter(arena: Arena, root: Ptr, group: Ptr, id: StreamId): number {
  const read = entriesRead(arena, group);
  if (read !== UNKNOWN && !hasTombstones(arena, root, id)) return read + 1;
  return entriesAdded(arena, root) > 0 ? distanceFromFirst(arena, root, id) : read;
}

/** Entries that the group has not read yet; null when that cannot be told. It may be negative. */
export function groupLag(arena: Arena, root: Ptr, group: Ptr): number | null {
  const added = entriesAdded(arena, root);
  if (added === 0) return 0;
  const read = entriesRead(arena, group);
  groupLast(arena, group, groupAt);
  if (read !== UNKNOWN && !hasTombstones(arena, root, groupAt)) return added - read;
  const estimate = distanceFromFirst(arena, root, groupAt);
  return estimate === UNKNOWN ? null : added - estimate;
}
