/** When a thread collects what V8 would leave lying for as long as nothing is allocated. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectDropped, noteDropped } from '../../../src/shared/memory/shared-garbage.js';

const MIB = 1 << 20;

/** Something that only a whole collection takes away. */
function garbage(): WeakRef<object> {
  return new WeakRef({ bytes: new Uint8Array(16) });
}

test('#11: output that was alive at the last collection is collected when it is dropped', async () => {
  // The first look after a collection remembers how much is there: output that clients have not read yet.
  collectDropped(200 * MIB);
  const dropped = garbage();
  await turn();
  noteDropped(100 * MIB);
  collectDropped(200 * MIB);
  await turn();
  expect(dropped.deref()).toBe(undefined);
  // Nothing was dropped since: nothing is collected.
  const quiet = garbage();
  await turn();
  collectDropped(0);
  expect(quiet.deref()).not.toBe(undefined);
});
