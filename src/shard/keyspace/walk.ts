/** Walking all tables of a dictionary, for checks and digests: cold, allocates. */
import { wordAt } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { directoryEntry, R_DEPTH, R_DIR } from '../structures/extendible.js';
import { T_DEPTH } from '../structures/table.js';
import type { Dictionary } from './dictionary.js';

/** Every table once, in ascending order of its prefix. @requires lease, nothing changes meanwhile */
export function* walkTables(dict: Dictionary): Generator<Ptr, void, void> {
  const { arena, root } = dict;
  const dir = arena.ctl[root + R_DIR]! as Ptr;
  if (dir === 0) return;
  yield* walkDirectory(dict, dir, arena.ctl[root + R_DEPTH]!, 0);
}

/**
 * As `walkTables`, for a directory that may be detached from its root, beginning at `position`. Throws at a damaged
 * table.
 */
export function* walkDirectory(
  dict: Pick<Dictionary, 'arena'>,
  dir: Ptr,
  depth: number,
  position: number,
): Generator<Ptr, void, void> {
  const { arena } = dict;
  while (position < 2 ** depth) {
    const table = directoryEntry(arena, dir, depth, position);
    yield table;
    const tableDepth = wordAt(arena, table, T_DEPTH);
    if (!(tableDepth >= 0 && tableDepth <= depth)) throw new Error(`table ${table} has depth ${tableDepth}`);
    position += 2 ** (depth - tableDepth);
  }
}
