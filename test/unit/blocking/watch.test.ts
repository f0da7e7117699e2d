/**
 * Watched keys beside a plain model: EXEC learns of every change since the client began to watch, of no other, and no
 * cell or count is left when nobody watches any more.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addWatcher,
  dropWatchers,
  removeWatcher,
  touchWatched,
  touchWatchedDatabase,
  watchedUnchanged,
} from '../../../src/shard/blocking/watch.js';
import { CLIENT_IO_SHIFT, type ClientState } from '../../../src/shared/command/client-state.js';
import { CONTROL, ControlBlock } from '../../../src/shared/sync/control-block.js';
import { testArena } from '../memory/test-arena.js';

const KEYS = ['a', 'b', 'k'.repeat(300)].map((text) => new Uint8Array(Buffer.from(text)));
const CLIENTS: readonly ClientState[] = Array.from({ length: 6 }, (_, i) => ({
  id: i < 3 ? i + 1 : 2 ** 33 + i,
  db: 0,
  proto: 2,
  flags: (i % 2) << CLIENT_IO_SHIFT,
}));

const step = fc.record({
  kind: fc.constantFrom('watch', 'watch', 'touch', 'unwatch', 'ask', 'flush', 'die'),
  client: fc.nat(CLIENTS.length - 1),
  key: fc.nat(KEYS.length - 1),
  db: fc.nat(1),
});

test('EXEC learns of every change of a watched key since then and of nothing else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const arena = testArena();
      const control = ControlBlock.create(1, 1);
      /** 'client key db': whether the key was changed since. */
      const model = new Map<string, boolean>();
      const changed = (matches: (key: number, db: number) => boolean): void => {
        for (const name of model.keys()) {
          const [, key, db] = name.split(' ').map(Number);
          if (matches(key!, db!)) model.set(name, true);
        }
      };
      addWatcher(control, arena, CLIENTS[0]!, 0, KEYS[0]!, 0, 1);
      removeWatcher(control, arena, CLIENTS[0]!, 0, KEYS[0]!, 0, 1);
      const emptyBytes = arena.usedBytes;
      for (const { kind, client: c, key: k, db } of steps) {
        const client = CLIENTS[c]!;
        const key = KEYS[k]!;
        const name = `${c} ${k} ${db}`;
        if (kind === 'watch') {
          addWatcher(control, arena, client, db, key, 0, key.length);
          if (!model.has(name)) model.set(name, false);
        } else if (kind === 'unwatch') {
          removeWatcher(control, arena, client, db, key, 0, key.length);
          model.delete(name);
        } else if (kind === 'touch') {
          touchWatched(arena, db, key, 0, key.length);
          changed((ofKey, ofDb) => ofKey === k && ofDb === db);
        } else if (kind === 'flush') {
          touchWatchedDatabase(arena, db, (_u8, _dv, _off, len) => len === key.length);
          changed((ofKey, ofDb) => ofDb === db && KEYS[ofKey]!.length === key.length);
        } else if (kind === 'die') {
          // An I/O thread died; clients from 2^33 on are its successor's.
          dropWatchers(control, arena, c % 2, 2 ** 33);
          for (const one of [...model.keys()]) {
            const of = Number(one.split(' ')[0]);
            if (of % 2 === c % 2 && of < 3) model.delete(one);
          }
        }
        const unchanged = watchedUnchanged(arena, client, db, key, 0, key.length);
        expect(unchanged).toBe(model.get(name) !== true);
        const watched = new Set([...model.keys()].map((one) => one.slice(one.indexOf(' '))));
        expect(control.i32[CONTROL.watchedKeys]).toBe(watched.size);
      }
      for (const [c, client] of CLIENTS.entries()) {
        for (const [k, key] of KEYS.entries()) {
          for (const db of [0, 1]) {
            expect(watchedUnchanged(arena, client, db, key, 0, key.length)).toBe(model.get(`${c} ${k} ${db}`) !== true);
            removeWatcher(control, arena, client, db, key, 0, key.length);
          }
        }
      }
      expect(control.i32[CONTROL.watchedKeys]).toBe(0);
      expect(arena.usedBytes).toBe(emptyBytes);
    }),
    { numRuns: 40, seed: 12 },
  );
});
