/**
 * Deep copies of element tables. Apart from element-table.ts because it frees what it could not finish, and freeing
 * (garbage.ts) knows every type, those built on tables included.
 */
import type { Arena } from '../../shared/memory/arena.js';
import { NULL, type Ptr } from '../../shared/memory/ptr.js';
import { copyElement, freeElement } from './element.js';
import { addElement, createTableRoot, ElementCursor, ElementTable } from './element-table.js';
import { freeTableRoot } from './garbage.js';

const WALK = new ElementCursor();
const COPY = new ElementTable();

/** A copy of a table-encoded value's elements under a new root in `to`; the type's words are 0. */
export function copyTable(from: Arena, root: Ptr, to: Arena): Ptr {
  const copy = createTableRoot(to);
  const table = COPY.open(to, copy);
  WALK.open(from, root);
  let copied = NULL;
  try {
    for (let el = WALK.next(); el !== 0; el = WALK.next()) {
      copied = copyElement(from, el, to);
      addElement(table, copied);
      copied = NULL;
    }
  } catch (error) {
    if (copied !== NULL) freeElement(to, copied);
    freeTableRoot(to, copy);
    throw error;
  }
  return copy;
}
