/** The roots of a shard's databases: where they lie, and the keyspace views over them. */

import { type Arena, CTL_DB_COUNT, CTL_DB_ROOTS } from '../../shared/memory/arena.js';
import { wordIndex } from '../../shared/memory/cell.js';
import { CELL_BYTES_MAX } from '../../shared/memory/ptr.js';
import { alloc } from '../../shared/memory/slab.js';
import type { TypeTable } from '../entry/type-table.js';
import { ROOT_WORDS } from '../structures/extendible.js';
import { Keyspace } from './keyspace.js';

/** Most databases: their roots are one cell. */
export const DATABASES_MAX = CELL_BYTES_MAX / (ROOT_WORDS * 4);

/** Makes the roots if the shard has none yet. Idempotent. @requires lease, or that no other thread runs yet */
export function formatDatabases(arena: Arena, count: number): void {
  if (arena.ctl[CTL_DB_ROOTS] !== 0) return;
  const roots = alloc(arena, count * ROOT_WORDS * 4);
  const w = wordIndex(roots);
  arena.ctl.fill(0, w, w + count * ROOT_WORDS);
  arena.ctl[CTL_DB_COUNT] = count;
  arena.ctl[CTL_DB_ROOTS] = roots;
}

/** Word index in segment 0 of the root of database `db`. */
export function rootWord(arena: Arena, db: number): number {
  return wordIndex(arena.ctl[CTL_DB_ROOTS]!) + db * ROOT_WORDS;
}

/** Views of all databases of a shard. `types`: the table of value types. */
export function openDatabases(arena: Arena, types: TypeTable): Keyspace[] {
  const views: Keyspace[] = [];
  const count = arena.ctl[CTL_DB_COUNT]!;
  for (let db = 0; db < count; db++) views.push(new Keyspace(arena, rootWord(arena, db), db, types));
  return views;
}
