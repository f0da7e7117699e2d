/** What the bundler makes of calls of cell.ts computes what the functions compute. */
import { expect, test } from 'vitest';
import { withCellsInline } from '../../../build/inline-cells.js';
import * as cell from '../../../src/shared/memory/cell.js';

const HEAD = "import { wordsOf } from './cell.js';\n";
const body = (code: string): string => withCellsInline(HEAD + code, 'ts')!.slice(HEAD.length);

const P = (3 << 23) | 0x1234;
const marked = (i: number): object => ({ [i]: `view ${i}` });
const ARENA = {
  i32: [[], [], [], { [0x1234 * 2]: 7, [0x1234 * 2 + 5]: 9 }],
  u8: Object.assign([], marked(3)),
  f64: Object.assign([], marked(3)),
  dv: Object.assign([], marked(3)),
};

test.each([
  'segmentOf(P)',
  'unitIndex(P)',
  'wordIndex(P)',
  'byteIndex(P)',
  'wordsOf(ARENA, P)',
  'bytesOf(ARENA, P)',
  'doublesOf(ARENA, P)',
  'viewOf(ARENA, P)',
  'wordAt(ARENA, P, 5)',
  'wordsOf(ARENA, P)[wordIndex(P) + 5]',
  'segmentOf(wordIndex(P) << 20)',
])('%s is the same inline', (code) => {
  const names = ['ARENA', 'P', ...Object.keys(cell)];
  const values = [ARENA, P, ...Object.values(cell)];
  const run = (text: string): unknown => new Function(...names, `return ${text}`)(...values);
  const inline = body(code);
  expect(inline).not.toMatch(/Of\(|Index\(|At\(/);
  expect(run(inline)).toEqual(run(code));
});

test('what is computed twice, or is no plain name before a dot, stays a call', () => {
  expect(body('wordAt(arena, next(e), 0)')).toBe('wordAt(arena, next(e), 0)');
  expect(body('wordsOf(pick(), e)')).toBe('wordsOf(pick(), e)');
  expect(body('other.wordsOf(arena, e)')).toBe('other.wordsOf(arena, e)');
});

test('a file without cell.ts is left alone', () => {
  expect(withCellsInline('const x = wordAt(u8, 1);', 'ts')).toBeNull();
});
