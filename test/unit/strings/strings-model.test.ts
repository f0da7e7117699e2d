import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestEngine } from '../engine-harness.js';

/** Text of interesting lengths: around the borders between encodings, and numbers. */
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 60 }) },
  { weight: 3, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom('a', 'b', '\0'),
        fc.constantFrom(43, 253, 254, 255, 256, 8000, 16_300, 16_384, 65_536, 70_000),
      )
      .map(([c, n]) => c.repeat(n)),
  },
);
const key = fc.constantFrom('a', 'b', 'key:3', 'k'.repeat(200), 'K'.repeat(8193));
const offset = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(16_000, 65_535, 65_536, 140_000));
const index = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(-70_000, 65_535, 65_540, 200_000));

const command = fc.oneof(
  fc.record({ op: fc.constant('set' as const), key, text, keep: fc.boolean(), expires: fc.boolean() }),
  fc.record({ op: fc.constant('append' as const), key, text }),
  fc.record({ op: fc.constant('setrange' as const), key, offset, text }),
  fc.record({ op: fc.constant('getrange' as const), key, start: index, end: index }),
  fc.record({ op: fc.constant('incrby' as const), key, by: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ op: fc.constant('mset' as const), key, text, other: key, otherText: text }),
  fc.record({ op: fc.constant('getdel' as const), key }),
  fc.record({ op: fc.constant('persist' as const), key }),
);

interface Held {
  text: string;
  expires: boolean;
}

type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

const INTEGER = /^(0|-?[1-9][0-9]{0,18})$/;

/** Does the command to both sides and compares what they answer. */
function step(engine: TestEngine, model: Map<string, Held>, c: Command): void {
  const held = model.get(c.key);
  switch (c.op) {
    case 'set': {
      const options = c.expires ? ['EX', 1000] : c.keep ? ['KEEPTTL'] : [];
      expect(engine.call('SET', c.key, c.text, ...options)).toBe('OK');
      model.set(c.key, { text: c.text, expires: c.expires || (c.keep && held?.expires === true) });
      return;
    }
    case 'append': {
      const now = (held?.text ?? '') + c.text;
      expect(engine.call('APPEND', c.key, c.text)).toBe(now.length);
      model.set(c.key, { text: now, expires: held?.expires ?? false });
      return;
    }
    case 'setrange': {
      const before = held?.text ?? '';
      const padded = before.padEnd(c.offset, '\0');
      const now = c.text === '' ? before : padded.slice(0, c.offset) + c.text + padded.slice(c.offset + c.text.length);
      expect(engine.call('SETRANGE', c.key, c.offset, c.text)).toBe(now.length);
      if (c.text !== '') model.set(c.key, { text: now, expires: held?.expires ?? false });
      return;
    }
    case 'getrange': {
      const value = held?.text ?? '';
      const from = c.start < 0 ? Math.max(0, value.length + c.start) : c.start;
      const to = c.end < 0 ? Math.max(0, value.length + c.end) : c.end;
      const nothing = c.start < 0 && c.end < 0 && c.start > c.end;
      expect(engine.call('GETRANGE', c.key, c.start, c.end)).toBe(nothing ? '' : value.slice(from, to + 1));
      return;
    }
    case 'incrby': {
      const before = held?.text ?? '0';
      const sum = INTEGER.test(before) ? BigInt(before) + c.by : null;
      const fits =
        sum !== null && BigInt.asIntN(64, sum) === sum && BigInt.asIntN(64, BigInt(before)) === BigInt(before);
      const reply = engine.run('INCRBY', c.key, String(c.by));
      if (!fits) expect(reply).toMatch(/^-ERR/);
      else {
        expect(reply).toBe(`:${sum}\r\n`);
        model.set(c.key, { text: String(sum), expires: held?.expires ?? false });
      }
      return;
    }
    case 'mset':
      expect(engine.call('MSET', c.key, c.text, c.other, c.otherText)).toBe('OK');
      model.set(c.key, { text: c.text, expires: false });
      model.set(c.other, { text: c.otherText, expires: false });
      return;
    case 'getdel':
      expect(engine.call('GETDEL', c.key)).toBe(held?.text ?? null);
      model.delete(c.key);
      return;
    case 'persist':
      expect(engine.call('PERSIST', c.key)).toBe(held?.expires === true ? 1 : 0);
      if (held) held.expires = false;
  }
}

describe('strings', () => {
  it('behave as a plain map of texts, and give all memory back', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 3), fc.array(command, { maxLength: 60 }), (shards, commands) => {
        const engine = new TestEngine(shards);
        const base = engine.usedBytes();
        const model = new Map<string, Held>();
        for (const c of commands) {
          step(engine, model, c);
          const held = model.get(c.key);
          expect(engine.call('GET', c.key)).toBe(held?.text ?? null);
          expect(engine.call('STRLEN', c.key)).toBe(held?.text.length ?? 0);
          expect(engine.call('TTL', c.key)).toBe(held === undefined ? -2 : held.expires ? 1000 : -1);
        }
        expect(engine.unannounced()).toEqual([]);
        for (const name of model.keys()) engine.call('DEL', name);
        expect(engine.usedBytes()).toBe(base);
      }),
      { numRuns: 80 },
    );
  });
});
