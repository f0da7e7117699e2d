/** Placement: slot and shards of a command, found once and carried with its request. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Placement } from '../../../src/shared/command/placement.js';
import { shardOfSlot, slotOf } from '../../../src/shared/hash.js';
import type { Args } from '../../../src/shared/resp/args.js';
import { REGISTRY, wordsToArgs } from '../engine-harness.js';

function slotOfWord(args: Args, i: number): number {
  return slotOf(args.u8, args.off[i]!, args.len[i]!);
}

function placed(shards: number, words: readonly string[]): Placement {
  const placement = new Placement(REGISTRY, shards);
  // What an earlier command left must not matter.
  placement.placeAll();
  placement.place(REGISTRY.idOf(words[0]!), wordsToArgs(words));
  return placement;
}

const shardsOf = (placement: Placement): number[] => {
  const found: number[] = [];
  for (let s = 0; s < placement.shards; s++) if (placement.has(s)) found.push(s);
  return found;
};

const key = fc.string({ minLength: 1, maxLength: 12 });
const shardCount = fc.integer({ min: 1, max: 64 });

describe('placement (#12)', () => {
  it('is that of the keys one by one', () => {
    fc.assert(
      fc.property(shardCount, fc.array(key, { minLength: 2, maxLength: 20 }), (shards, keys) => {
        for (const words of [
          ['del', ...keys],
          ['mset', ...keys.flatMap((name) => [name, 'v'])],
          ['sinterstore', ...keys],
          ['zunionstore', 'target', String(keys.length), ...keys],
        ]) {
          const args = wordsToArgs(words);
          const placement = placed(shards, words);
          const count = placement.findKeys(REGISTRY.defs[REGISTRY.idOf(words[0]!)]!, args);
          const expected = new Set<number>();
          for (let k = 0; k < count; k++) expected.add(shardOfSlot(slotOfWord(args, placement.keys[k]!), shards));
          expect(shardsOf(placement)).toEqual([...expected].sort((a, b) => a - b));
          expect(placement.count).toBe(expected.size);
          expect(placement.shard).toBe(Math.min(...expected));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows the slot of the first key when there are several shards', () => {
    const args = wordsToArgs(['get', '{user}:1']);
    expect(placed(4, ['get', '{user}:1']).slot).toBe(slotOfWord(args, 1));
    expect(placed(4, ['mset', '{user}:1', 'v', '{user}:2', 'w']).slot).toBe(slotOfWord(args, 1));
    expect(placed(1, ['get', '{user}:1']).slot).toBe(-1);
  });

  it('takes the slot that the look-ahead has noted instead of hashing again', () => {
    const args = wordsToArgs(['get', 'a']);
    args.hashedOff = args.off[1]!;
    args.slot = 16383;
    const placement = new Placement(REGISTRY, 4);
    placement.place(REGISTRY.idOf('get'), args);
    expect([placement.slot, placement.shard]).toEqual([16383, 3]);
  });

  it('puts commands without keys on shard 0, and open scripts on all shards', () => {
    expect(shardsOf(placed(4, ['eval', 'return 1', '0']))).toEqual([0, 1, 2, 3]);
    expect(placed(4, ['eval', 'return 1', '0']).all).toBe(true);
    const none = REGISTRY.defs.findIndex((def) => def.route === 'key' && def.keys === undefined && !def.findKeys);
    if (none >= 0) expect(shardsOf(placed(4, [REGISTRY.defs[none]!.name]))).toEqual([0]);
  });

  it('arrives over a ring as it was sent, or not at all', () => {
    fc.assert(
      fc.property(shardCount, fc.array(key, { minLength: 1, maxLength: 40 }), (shards, keys) => {
        const sent = placed(shards, ['del', ...keys]);
        const there = new Placement(REGISTRY, shards);
        const known = there.read(sent.word, sent.shard);
        expect(known).toBe(sent.count === 1 || shards <= 30);
        if (!known) return;
        expect(shardsOf(there)).toEqual(shardsOf(sent));
        expect([there.shard, there.count]).toEqual([sent.shard, sent.count]);
        if (sent.count === 1) expect(there.slot).toBe(sent.slot);
      }),
    );
    expect(new Placement(REGISTRY, 4).read(0, 2)).toBe(false);
  });
});
