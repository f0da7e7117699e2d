import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16, SLOTS, shardOfSlot, slotOf } from '../../../src/shared/hash.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const slot = (text: string): number => slotOf(bytes(`..${text}`), 2, text.length);

/** The rule in its plainest form. */
function plainSlot(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const part = open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
  return crc16(bytes(part), 0, part.length) % SLOTS;
}

describe('slotOf', () => {
  it('gives the slots that Redis Cluster gives', () => {
    expect(slot('123456789')).toBe(12739);
    expect(slot('foo')).toBe(12182);
    expect(slot('{user1000}.following')).toBe(slot('{user1000}.followers'));
    expect(slot('foo{}{bar}')).toBe(plainSlot('foo{}{bar}'));
  });

  it('agrees with the plain rule for any key', () => {
    const char = fc.constantFrom('a', 'b', '{', '}', '\u00ff', '\u0000', '7');
    fc.assert(
      fc.property(fc.string({ unit: char, maxLength: 24 }), (key) => {
        expect(slot(key)).toBe(plainSlot(key));
      }),
    );
  });

  it('deals slots to shards in even ranges', () => {
    const counts = new Array<number>(5).fill(0);
    for (let s = 0; s < SLOTS; s++) counts[shardOfSlot(s, 5)]!++;
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});
