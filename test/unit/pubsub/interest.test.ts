/** The shared table of what an I/O thread's clients want to hear, against plain maps. */
import { describe, expect, test } from 'vitest';
import { KIND_CHANNEL, KIND_SHARD_CHANNEL } from '../../../src/shared/pubsub/bulletin.js';
import { createInterest, InterestReader, InterestWriter } from '../../../src/shared/pubsub/interest.js';
import { SeededRandom } from '../../harness/random.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

function pair(): { writer: InterestWriter; reader: InterestReader } {
  const sab = createInterest();
  return { writer: new InterestWriter(sab), reader: new InterestReader(sab) };
}

describe('interest', () => {
  test.each([1, 2, 3])('counts channels as a map does, through growth and reuse (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const { writer, reader } = pair();
    const model = new Map<number, number>();
    // Few different first words, so that chains are long.
    const h1 = (k: number): number => Math.imul(k % 701, 0x9e3779b1) | 0;
    for (let step = 0; step < 30_000; step++) {
      const k = random.below(step < 15_000 ? 5000 : 50);
      const before = model.get(k) ?? 0;
      const count = random.chance(0.6) ? before + 1 : 0;
      writer.setChannel(KIND_CHANNEL, h1(k), k, before, count);
      model.set(k, count);
    }
    for (let k = 0; k < 5000; k++) expect(reader.channelCount(h1(k), k)).toBe(model.get(k) ?? 0);
    const living = [...model.values()].filter((n) => n > 0).length;
    expect(writer.channels).toBe(living);
    expect(reader.channelsBeside(KIND_CHANNEL, [])).toBe(living);
    expect(reader.channelsBeside(KIND_SHARD_CHANNEL, [])).toBe(0);
    for (const [k, n] of model) writer.setChannel(KIND_CHANNEL, h1(k), k, n, 0);
    expect(reader.listens).toBe(false);
  });

  test('counts each channel once over several threads', () => {
    const a = pair();
    const b = pair();
    for (let k = 0; k < 100; k++) a.writer.setChannel(KIND_CHANNEL, k, k, 0, 1);
    for (let k = 50; k < 120; k++) b.writer.setChannel(KIND_CHANNEL, k, k, 0, 1);
    expect(a.reader.channelsBeside(KIND_CHANNEL, []) + b.reader.channelsBeside(KIND_CHANNEL, [a.reader])).toBe(120);
  });

  test('sums the clients of matching patterns and tells prefixes apart from them', () => {
    const { writer, reader } = pair();
    const news = writer.addName(bytes('news.*'));
    const all = writer.addName(bytes('*'));
    writer.addPrefix(bytes('news'));
    writer.setName(news, 3);
    const channel = bytes('__news.art__');
    expect(reader.patternCount(channel, 2, 8)).toBe(4);
    expect(reader.hasPrefixOf(channel, 2, 8)).toBe(true);
    expect(reader.hasPrefixOf(channel, 0, 8)).toBe(false);
    writer.setName(all, 0);
    writer.removePrefix(bytes('news'));
    expect(reader.patternCount(channel, 2, 8)).toBe(3);
    expect(reader.hasPrefixOf(channel, 2, 8)).toBe(false);
    expect(reader.patterns()).toEqual(['news.*']);
  });

  test('keeps names through many that come and go, and says so when there is no room', () => {
    const { writer, reader } = pair();
    const kept = writer.addName(bytes('kept'));
    for (let i = 0; i < 50_000; i++) writer.setName(writer.addName(bytes(`name ${i} ${'x'.repeat(40)}`)), 0);
    expect(reader.isInexact).toBe(false);
    expect(reader.patterns()).toEqual(['kept']);
    const many = Array.from({ length: 200 }, (_, i) => writer.addName(bytes(`${i}`.repeat(10_000))));
    expect(reader.isInexact).toBe(true);
    for (const name of many) writer.setName(name, 0);
    expect(reader.isInexact).toBe(false);
    expect(reader.patternCount(bytes('kept'), 0, 4)).toBe(1);
    writer.setName(kept, 0);
    expect(reader.patternCount(bytes('kept'), 0, 4)).toBe(0);
  });

  test('never misses a tracked key', () => {
    const { writer, reader } = pair();
    const random = new SeededRandom(9);
    const tracked = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const h = random.below(0xffffffff) | 0;
      writer.track(h);
      tracked.set(h, (tracked.get(h) ?? 0) + 1);
      if (random.chance(0.5)) {
        const [other, n] = tracked.entries().next().value!;
        writer.untrack(other);
        if (n === 1) tracked.delete(other);
        else tracked.set(other, n - 1);
      }
    }
    for (const h of tracked.keys()) expect(reader.tracks(h)).toBe(true);
    // A read inside of a transaction is counted by its thread, then taken over.
    reader.track(77);
    writer.track(77);
    writer.takeOver(77);
    writer.untrack(77);
    writer.untrackAll();
    expect(reader.tracks(77)).toBe(false);
    expect(reader.hasTracked).toBe(false);
  });
});
