/**
 * The value region of every type but strings: two words in the entry, so an entry never moves because its value grows.
 *
 *     | Ptr of the root cell | free for the type |
 *
 * What the root cell holds depends on the encoding in the entry's head (encodings.ts).
 */

import { invariant } from '../../shared/errors/invariant.js';
import type { Arena } from '../../shared/memory/arena.js';
import { wordIndex, wordsOf } from '../../shared/memory/cell.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import type { EntryStore } from '../services/entry-store.js';
import { entryType, TYPE_STRING, valueWord } from './entry.js';

/** Bytes of the value region. */
export const ROOT_REGION_BYTES = 8;

/**
 * An entry for the key in argument i, in no dictionary yet, without an expiry, whose value has the root cell `root`.
 * Throws ArenaFullError.
 */
export function rootedEntry(
  store: EntryStore,
  args: Args,
  i: number,
  type: number,
  encoding: number,
  root: Ptr,
  clock: number,
): Ptr {
  const { u8, dv } = args;
  const head = type | (encoding << 4);
  const e = store.createEntry(u8, dv, args.off[i]!, args.len[i]!, head, ROOT_REGION_BYTES, -1, clock);
  const w = valueWord(store.arena, e);
  const i32 = wordsOf(store.arena, e);
  i32[w] = root;
  i32[w + 1] = 0;
  return e;
}

/** The root cell of an entry's value. @requires lease, not a string */
export function rootOf(arena: Arena, e: Ptr): Ptr {
  invariant(entryType(arena, e) !== TYPE_STRING, 'not a string');
  return wordsOf(arena, e)[valueWord(arena, e)]! as Ptr;
}

/** Stores another root cell under the same encoding; what the old one held is the caller's. @requires as `rootOf` */
export function moveRoot(arena: Arena, e: Ptr, root: Ptr): void {
  const w = valueWord(arena, e);
  arena.touch(e, (w - wordIndex(e)) * 4, 4);
  wordsOf(arena, e)[w] = root;
}

/** Stores root cell and encoding; keeps the type. @requires as `rootOf` */
export function setRoot(arena: Arena, e: Ptr, encoding: number, root: Ptr): void {
  const i32 = wordsOf(arena, e);
  const hw = wordIndex(e);
  arena.touch(e, 0, 4);
  i32[hw] = (i32[hw]! & ~0xf0) | (encoding << 4);
  moveRoot(arena, e, root);
}

/** Stores the second word of the value region. @requires as `rootOf` */
export function setRootExtra(arena: Arena, e: Ptr, word: number): void {
  const w = valueWord(arena, e) + 1;
  arena.touch(e, (w - wordIndex(e)) * 4, 4);
  wordsOf(arena, e)[w] = word;
}
