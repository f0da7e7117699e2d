/** The tree of tracking prefixes, and the filter that shards see of them, against plain sets. */
import { describe, expect, test } from 'vitest';
import { PrefixTree } from '../../../src/main/io/messages/prefix-tree.js';
import { PREFIX_FILTER_BYTES, PrefixFilter } from '../../../src/shared/pubsub/prefix-filter.js';
import { SeededRandom } from '../../harness/random.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** A word of few letters, so that many are prefixes of others. */
function word(random: SeededRandom): string {
  let text = '';
  for (let n = random.below(7); n > 0; n--) text += 'abc'[random.below(3)];
  return text;
}

describe.each([1, 2, 3])('#11: prefixes (seed %i)', (seed) => {
  test('the tree finds what a walk over all names finds', () => {
    const random = new SeededRandom(seed);
    const tree = new PrefixTree<string>();
    const model = new Set<string>();
    for (let step = 0; step < 5000; step++) {
      const name = word(random);
      if (random.chance(step < 2500 ? 0.6 : 0.3)) {
        tree.set(name, name);
        model.add(name);
      } else {
        tree.delete(name);
        model.delete(name);
      }
      expect(tree.size).toBe(model.size);
      const text = word(random);
      const sorted = [...model].sort();
      expect(tree.get(text)).toBe(model.has(text) ? text : undefined);
      expect(tree.prefixesOf(text)).toEqual(sorted.filter((each) => text.startsWith(each)));
      const overlap = sorted.find((each) => text.startsWith(each) || each.startsWith(text));
      expect(tree.overlapping(text)).toBe(overlap ?? null);
    }
    for (const name of model) tree.delete(name);
    expect(tree.size).toBe(0);
    expect(tree.prefixesOf('abc')).toEqual([]);
  });

  test('the filter misses no prefix, and hardly ever sees one that is not there', () => {
    const random = new SeededRandom(seed);
    const filter = new PrefixFilter(new SharedArrayBuffer(PREFIX_FILTER_BYTES), 0);
    const long = 'x'.repeat(400);
    const model: string[] = [];
    for (let i = 0; i < 2000; i++) model.push(`${random.below(1e9)}`, `${long}${random.below(1e9)}`);
    for (const prefix of model) filter.add(bytes(prefix));
    const has = (key: string): boolean => filter.mayHavePrefixOf(bytes(`--${key}`), 2, key.length);
    for (const prefix of model) expect(has(`${prefix}:more`)).toBe(true);
    let wrong = 0;
    for (let i = 0; i < 2000; i++) if (has(`key:${random.below(1e9)}`)) wrong++;
    expect(wrong).toBeLessThan(200);
    filter.add(bytes(''));
    expect(has('')).toBe(true);
    for (const prefix of ['', ...model]) filter.remove(bytes(prefix));
    for (const prefix of ['', ...model]) expect(has(prefix)).toBe(false);
  });
});
