import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Args } from '../../../src/shared/resp/args.js';
import { MORE, RespParser } from '../../../src/shared/resp/parser.js';
import { cut, multibulk, parseForgetful, parsePieces, parseWhole } from './commands.js';

const word = fc.uint8Array({ maxLength: 40 });
const longWord = fc.integer({ min: 0, max: 3000 }).map((n) => new Uint8Array(n).fill(120));
const command = fc.array(fc.oneof({ weight: 8, arbitrary: word }, longWord), { minLength: 1, maxLength: 14 });
const inlineCommand = fc
  .array(fc.stringMatching(/^[a-z0-9"'\\ ]{0,12}$/), { minLength: 1, maxLength: 5 })
  .map((words) => Buffer.from(`${words.join(' ')}\r\n`));
const request = fc.oneof(
  { weight: 5, arbitrary: command.map((words) => multibulk(...words)) },
  { weight: 1, arbitrary: inlineCommand },
  { weight: 1, arbitrary: fc.constantFrom('*0\r\n', '*-1\r\n', '\r\n').map((s) => Buffer.from(s)) },
);
const pipeline = fc.array(request, { minLength: 1, maxLength: 12 }).map((list) => Buffer.concat(list));
const places = fc.array(fc.nat(), { maxLength: 30 });

describe('the parser under fuzz', () => {
  it('gives the same commands however the bytes are split', () => {
    fc.assert(
      fc.property(pipeline, places, (bytes, at) => {
        const whole = parseWhole(bytes);
        expect(parsePieces(cut(bytes, at))).toEqual(whole);
        expect(parseForgetful(cut(bytes, at))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same commands byte by byte', () => {
    fc.assert(
      fc.property(pipeline, (bytes) => {
        const each = Array.from(bytes, (b) => Uint8Array.of(b));
        expect(parsePieces(each)).toEqual(parseWhole(bytes));
      }),
      { numRuns: 100 },
    );
  });

  it('survives mutated input: it never throws, always ends, and every argument lies inside what came', () => {
    const mutation = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(13, 10, 42, 36, 45, 57, 0)));
    fc.assert(
      fc.property(pipeline, fc.array(mutation, { minLength: 1, maxLength: 10 }), places, (bytes, changes, at) => {
        const mutated = Uint8Array.from(bytes);
        for (const [place, value] of changes) mutated[place % mutated.length] = value;
        for (const out of [parsePieces(cut(mutated, at)), parseForgetful(cut(mutated, at))]) {
          const total = out.commands.reduce((sum, words) => sum + words.join('').length, 0);
          expect(total).toBeLessThanOrEqual(mutated.length);
          expect(out.error === '' || out.error.startsWith('Protocol error: ')).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), places, (bytes, at) => {
        parsePieces(cut(bytes, at));
        parseForgetful(cut(bytes, at));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps its memory in proportion to what came, whatever the header promises', () => {
    const parser = new RespParser();
    const args = new Args(4);
    const bytes = new Uint8Array(Buffer.from('*2147483647\r\n$536870912\r\nabc'));
    parser.window(bytes, new DataView(bytes.buffer), 0, bytes.length);
    expect(parser.next(args)).toBe(MORE);
    expect(args.off.length).toBeLessThanOrEqual(64);
    expect(parser.missingBytes).toBe(536870912 + 2 - 3);
  });

  it('takes a long command in small pieces in linear time', () => {
    const bytes = new Uint8Array(Buffer.from(`*200000\r\n${'$2\r\nxy\r\n'.repeat(200_000)}`));
    const time = (piece: number): number => {
      const parser = new RespParser();
      const args = new Args(4);
      parser.window(bytes, new DataView(bytes.buffer), 0, 0);
      const started = performance.now();
      let found = 0;
      for (let end = 0; end < bytes.length; end = Math.min(end + piece, bytes.length)) {
        parser.end = Math.min(end + piece, bytes.length);
        if (parser.next(args) !== MORE) found++;
      }
      expect(found).toBe(1);
      expect(args.argc).toBe(200_000);
      return performance.now() - started;
    };
    time(100_000);
    // 1.8 million calls; a quadratic parser would need hours.
    expect(time(1)).toBeLessThan(5000);
  });
});
