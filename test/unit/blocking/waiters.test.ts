/**
 * The queues of blocked clients beside a plain model: who waits for a key comes in the order of arrival, with the whole
 * request, until it is removed; and no cell is left when nobody waits any more.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  absentWaiter,
  addWaiter,
  anyWaits,
  dropWaiters,
  eachWaitedKey,
  firstWaiter,
  forgetWaiter,
  readWaiter,
  removeWaiter,
  visitWaiters,
  W_NEXT,
  W_PREVIOUS,
  WaiterFields,
  waiterWord,
} from '../../../src/shard/blocking/waiters.js';
import { NULL, type Ptr } from '../../../src/shared/memory/ptr.js';
import { Args } from '../../../src/shared/resp/args.js';
import { wordsToArgs } from '../engine-harness.js';
import { testArena } from '../memory/test-arena.js';

interface Waiter {
  readonly io: number;
  readonly slot: number;
  readonly seq: number;
  readonly wantsAbsent: boolean;
  readonly words: readonly string[];
}

type Step =
  | { readonly kind: 'add'; readonly waiter: Waiter; readonly keys: readonly number[] }
  | { readonly kind: 'remove' | 'forget'; readonly key: number; readonly which: number }
  | { readonly kind: 'drop'; readonly io: number };

const KEYS = ['a', 'b', 'a long key '.repeat(20), ''];
const DB = 259;
const key = fc.nat(KEYS.length - 1);
const long = fc.constantFrom(0, 0, 0, 10, 1200, 20_000, 70_000).map((n) => 'x'.repeat(n));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      waiter: fc.record({
        io: fc.nat(2),
        slot: fc.nat(3),
        seq: fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1),
        wantsAbsent: fc.boolean(),
        words: fc.tuple(fc.constantFrom('BLPOP', 'XREADGROUP'), long),
      }),
      keys: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'forget' as const), key, which: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), io: fc.nat(2) }) },
);

/** The arena's queues, with a list for each key beside them. */
class Queues {
  readonly arena = testArena();
  readonly model = KEYS.map((): Waiter[] => []);
  readonly bytes = KEYS.map((text) => new Uint8Array(Buffer.from(text, 'latin1')));

  add(waiter: Waiter, keys: readonly number[]): void {
    const fields = new WaiterFields();
    Object.assign(fields, { ...waiter, db: DB, command: 7, proto: 3, flags: 5, clientId: 2 ** 40 + waiter.slot });
    fields.oneKey = keys.length === 1;
    const args = wordsToArgs([...waiter.words, ...keys.map((k) => KEYS[k]!)]);
    keys.forEach((k, i) => {
      fields.keyIndex = waiter.words.length + i;
      addWaiter(this.arena, fields, args);
      const queue = this.model[k]!;
      // Only what follows at once is known to be there already.
      if (queue.length > 0 && isSame(queue.at(-1)!, waiter)) return;
      queue.push({ ...waiter, words: [...waiter.words, ...keys.map((one) => KEYS[one]!)] });
    });
  }

  first(k: number): Ptr {
    return firstWaiter(this.arena, DB, this.bytes[k]!, 0, this.bytes[k]!.length);
  }

  pointers(k: number): Ptr[] {
    const found: Ptr[] = [];
    for (let at = this.first(k); at !== NULL; at = waiterWord(this.arena, at, W_NEXT) as Ptr) found.push(at);
    return found;
  }

  remove(k: number, which: number): void {
    const pointers = this.pointers(k);
    if (pointers.length === 0) return;
    const i = which % pointers.length;
    removeWaiter(this.arena, pointers[i]!, DB, this.bytes[k]!, 0, this.bytes[k]!.length);
    this.model[k]!.splice(i, 1);
  }

  forget(k: number, which: number): void {
    const queue = this.model[k]!;
    const known = queue[which % Math.max(queue.length, 1)];
    const { io, slot, seq } = known ?? { io: 0, slot: 0, seq: 0 };
    forgetWaiter(this.arena, io, slot, seq, DB, this.bytes[k]!, 0, this.bytes[k]!.length);
    // It goes from the end where it is found first.
    const isIt = (one: Waiter): boolean => one.io === io && one.slot === slot && one.seq === seq;
    const front = queue.findIndex(isIt);
    if (front < 0) return;
    const back = queue.findLastIndex(isIt);
    queue.splice(front <= queue.length - 1 - back ? front : back, 1);
  }

  drop(io: number): void {
    dropWaiters(this.arena, (of) => of === io);
    for (const queue of this.model) queue.splice(0, queue.length, ...queue.filter((one) => one.io !== io));
  }

  check(): void {
    const args = new Args();
    const fields = new WaiterFields();
    this.model.forEach((queue, k) => {
      const pointers = this.pointers(k);
      const found = pointers.map((at): Waiter => {
        readWaiter(this.arena, at, fields, args);
        const words = Array.from({ length: args.argc }, (_, i) => args.latin1(i));
        expect([fields.db, fields.command, fields.proto, fields.flags, fields.clientId]).toEqual([
          DB,
          7,
          3,
          5,
          2 ** 40 + fields.slot,
        ]);
        expect(words[fields.keyIndex]).toBe(KEYS[k]);
        return { io: fields.io, slot: fields.slot, seq: fields.seq, wantsAbsent: fields.wantsAbsent, words };
      });
      expect(found).toEqual(queue);
      pointers.forEach((at, i) => {
        expect(waiterWord(this.arena, at, W_PREVIOUS)).toBe(pointers[i - 1] ?? NULL);
      });
      const absent = queue.findIndex((one) => one.wantsAbsent);
      const first = this.first(k);
      expect(absentWaiter(this.arena, first, DB, this.bytes[k]!, 0, this.bytes[k]!.length)).toBe(
        pointers[absent] ?? NULL,
      );
    });
    const waited: string[] = [];
    eachWaitedKey(this.arena, (db, bytes) => {
      expect(db).toBe(DB);
      waited.push(Buffer.from(bytes).toString('latin1'));
    });
    expect(waited.sort()).toEqual(KEYS.filter((_, k) => this.model[k]!.length > 0).sort());
    expect(anyWaits(this.arena)).toBe(waited.length > 0);
  }
}

const isSame = (a: Waiter, b: Waiter): boolean => a.io === b.io && a.slot === b.slot && a.seq === b.seq;

test('clients come in the order of arrival with their whole requests, and nothing is left of those who went', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queues = new Queues();
      queues.add({ io: 0, slot: 0, seq: 9, wantsAbsent: false, words: ['BLPOP'] }, [0]);
      queues.remove(0, 0);
      const emptyBytes = queues.arena.usedBytes;
      for (const one of steps) {
        if (one.kind === 'add') queues.add(one.waiter, one.keys);
        else if (one.kind === 'drop') queues.drop(one.io);
        else queues[one.kind](one.key, one.which);
        queues.check();
      }
      for (let io = 0; io < 3; io++) queues.drop(io);
      queues.check();
      let cells = 0;
      visitWaiters(queues.arena, (_ptr, what) => {
        if (what === 'waiter') cells++;
      });
      expect(cells).toBe(0);
      expect(queues.arena.usedBytes).toBe(emptyBytes);
    }),
    { numRuns: 40, seed: 12 },
  );
});
