import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHECKING } from '../../../src/shared/memory/arena.js';
import type { Value } from '../../harness/resp-client.js';
import { BitEngine } from './bit-engine.js';
import { BitModel, type FieldOp } from './bit-model.js';

const BLOCK_BITS = 65536 * 8;
const KEYS = ['a', 'b', 'c'];

/** Strings in each encoding: none, empty, an integer, short and long in the entry, blobs of one, two, three blocks. */
const content = fc.oneof(
  fc.constant(null),
  fc.constant(''),
  fc.constantFrom('0', '1234567', '-9223372036854775808'),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc
    .tuple(fc.constantFrom(255, 300, 4001, 15990, 16384, 65536, 65541, 131073), fc.nat(255), fc.nat(255))
    .map(([length, a, b]) =>
      String.fromCharCode(a, b, 0, 255)
        .repeat(Math.ceil(length / 4))
        .slice(0, length),
    ),
);
const bitOffset = fc.oneof(
  fc.nat(70),
  fc.nat(3000),
  fc.integer({ min: BLOCK_BITS - 70, max: BLOCK_BITS + 70 }),
  fc.integer({ min: 2 * BLOCK_BITS - 70, max: 2 * BLOCK_BITS + 70 }),
);
const index = fc.oneof(
  fc.integer({ min: -70, max: 70 }),
  bitOffset,
  bitOffset.map((n) => -n),
  bitOffset.map((n) => n >> 3),
);
const key = fc.constantFrom(...KEYS);
const unit = fc.constantFrom('BYTE' as const, 'BIT' as const);
const bit = fc.constantFrom(0, 1);
const int64 = fc.oneof(
  fc.bigInt({ min: -300n, max: 300n }),
  fc.bigInt({ min: -(1n << 53n) - 2n, max: (1n << 53n) + 2n }),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
);
const fieldOp: fc.Arbitrary<FieldOp> = fc
  .record({
    kind: fc.constantFrom('GET' as const, 'SET' as const, 'INCRBY' as const),
    signed: fc.boolean(),
    bits: fc.integer({ min: 1, max: 64 }),
    offset: bitOffset,
    operand: int64,
    overflow: fc.constantFrom('WRAP' as const, 'SAT' as const, 'FAIL' as const),
  })
  .map((op) => (op.signed || op.bits < 64 ? op : { ...op, bits: 63 }));

type Step = (engine: BitEngine, model: BitModel) => void;
const plain = (value: Value): unknown =>
  Array.isArray(value) ? value.map((v) => (v === null ? null : BigInt(v as number))) : value;

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(key, content).map(
    ([k, text]): Step =>
      (engine, model) => {
        engine.call(text === null ? ['DEL', k] : ['SET', k, text]);
        if (text === null) model.strings.delete(k);
        else model.strings.set(k, Uint8Array.from(Buffer.from(text, 'latin1')));
      },
  ),
  fc.tuple(key, bitOffset, bit).map(
    ([k, at, b]): Step =>
      (engine, model) => {
        expect(engine.call(['SETBIT', k, at, b])).toBe(model.setbit(k, at, b));
      },
  ),
  fc.tuple(key, bitOffset).map(
    ([k, at]): Step =>
      (engine, model) => {
        expect(engine.call(['GETBIT', k, at])).toBe(model.getbit(k, at));
      },
  ),
  fc.tuple(key, index, index, unit).map(
    ([k, start, end, u]): Step =>
      (engine, model) => {
        expect(engine.call(['BITCOUNT', k, start, end, u])).toBe(model.bitcount(k, start, end, u));
      },
  ),
  fc.tuple(key, bit, index, fc.option(index, { nil: undefined }), unit).map(([k, b, start, end, u]): Step => {
    const words = ['BITPOS', k, b, start, ...(end === undefined ? [] : [end, u])];
    return (engine, model) => {
      expect(engine.call(words)).toBe(model.bitpos(k, b, start, end, end === undefined ? 'BYTE' : u) + 0);
    };
  }),
  fc
    .tuple(fc.constantFrom('AND' as const, 'OR' as const, 'XOR' as const, 'NOT' as const), key, fc.array(key))
    .map(([op, target, more]): Step => {
      const sources = op === 'NOT' ? [more[0] ?? 'b'] : [...more, 'c'];
      return (engine, model) => {
        expect(engine.call(['BITOP', op, target, ...sources])).toBe(model.bitop(op, target, sources));
      };
    }),
  fc.tuple(key, fc.array(fieldOp, { maxLength: 5 })).map(([k, ops]): Step => {
    const words = ops.flatMap((op) => [
      ...['OVERFLOW', op.overflow, op.kind, `${op.signed ? 'i' : 'u'}${op.bits}`, op.offset],
      ...(op.kind === 'GET' ? [] : [String(op.operand)]),
    ]);
    return (engine, model) => {
      expect(plain(engine.call(['BITFIELD', k, ...words]))).toEqual(model.bitfield(k, ops));
    };
  }),
);

describe.each([1, 3])('bit commands with %i shards', (shards) => {
  test('answer and store what single bits in plain arrays would, and leave no memory behind', {
    timeout: 120_000,
  }, () => {
    const engine = new BitEngine(shards);
    const empty = engine.usedBytes();
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
        const model = new BitModel();
        engine.flush(KEYS);
        for (const run of steps) {
          run(engine, model);
          engine.settle();
        }
        for (const k of KEYS) {
          const bytes = model.strings.get(k);
          expect(engine.string(k)).toBe(bytes === undefined ? null : Buffer.from(bytes).toString('latin1'));
        }
        expect(engine.unannounced()).toEqual([]);
      }),
      { numRuns: CHECKING ? 30 : 150 },
    );
    engine.flush(KEYS);
    // One table a dictionary stays.
    expect(engine.usedBytes() - empty).toBeLessThanOrEqual(shards * 8192);
  });

  test('propagate effects that make the same strings elsewhere', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const engine = new BitEngine(shards);
        const model = new BitModel();
        engine.record();
        for (const run of steps) run(engine, model);
        const replica = new BitEngine(shards);
        for (const words of engine.effects()) replica.call(words);
        for (const k of KEYS) expect(replica.string(k)).toBe(engine.string(k));
      }),
      { numRuns: 25 },
    );
  });
});
