/** The rules of the house are tested themselves: each finds what it forbids, and nothing else. */
import { describe, expect, test } from 'vitest';
import { deadExports } from './exports.js';
import { longFunctions } from './functions.js';
import { benchmarksOf, unguardedMarks } from './hot-marks.js';
import { circlesOf, groupedGraph, importGraph, wrongArrows } from './imports.js';
import { RULES, type Rule } from './rules.js';
import { Source } from './source.js';

function sampleOf(sample: Rule['good']): Source {
  return typeof sample === 'string'
    ? new Source('src/shard/types/sample.ts', sample)
    : new Source(sample.path, sample.text);
}

describe('the rule that', () => {
  test.each(RULES.map((rule) => [rule.title, rule] as const))('%s', (_title, rule) => {
    expect(rule.check(sampleOf(rule.good))).toEqual([]);
    expect(rule.check(sampleOf(rule.bad)).length).toBe(1);
  });
});

test('long functions are found by their names, whatever their form', () => {
  const body = '{\n\n\n}';
  const forms = [`function plain() ${body}`, `const arrow = () => ${body};`, `class C { method() ${body} }`];
  const source = new Source('src/sample.ts', [...forms, `run(() => ${body});`, 'const f = () => 1;'].join('\n'));
  expect([...longFunctions(source, 3)]).toEqual([
    ['src/sample.ts plain', 4],
    ['src/sample.ts arrow', 4],
    ['src/sample.ts method', 4],
    ['src/sample.ts a function without a name', 4],
  ]);
  expect([...longFunctions(source, 4)]).toEqual([]);
});

describe('the graph of imports', () => {
  const files = {
    'src/a/one.ts': "import { two } from './two.js';\nimport type { Three } from '../b/three.js';",
    'src/a/two.ts': "import { type Three, three } from '../b/three.js';\nimport { join } from 'node:path';",
    'src/b/three.ts': "export { one } from '../a/one.js';\nimport { type Two } from '../a/two.js';",
    'src/b/four.ts': "export type { One } from '../a/one.js';\nexport * from './five.js';",
    'src/b/five.ts': "const { four } = await import('./four.js');",
  };
  const graph = importGraph(Object.entries(files).map(([path, text]) => new Source(path, text)));

  test('holds imports of values, however they are written, and no imports of types', () => {
    expect([...graph].map(([from, targets]) => [from, [...targets]])).toEqual([
      ['src/a/one.ts', ['src/a/two.ts']],
      ['src/a/two.ts', ['src/b/three.ts']],
      ['src/b/three.ts', ['src/a/one.ts']],
      ['src/b/four.ts', ['src/b/five.ts']],
      ['src/b/five.ts', ['src/b/four.ts']],
    ]);
  });

  test('shows its circles, of files and of folders', () => {
    expect(circlesOf(graph)).toEqual([
      ['src/a/one.ts', 'src/a/two.ts', 'src/b/three.ts'],
      ['src/b/five.ts', 'src/b/four.ts'],
    ]);
    const folders = groupedGraph(graph, (path) => path.split('/')[1]!);
    expect(circlesOf(folders)).toEqual([['a', 'b']]);
    expect(circlesOf(new Map([...folders].filter(([from]) => from === 'a')))).toEqual([]);
  });

  test('is held against the floors: up, across and from nowhere are wrong', () => {
    const rooms = new Map([
      ['low', new Set<string>()],
      ['left', new Set(['low', 'right'])],
      ['right', new Set(['high'])],
      ['high', new Set(['low', 'left'])],
      ['nowhere', new Set(['low'])],
    ]);
    const wrong = wrongArrows(rooms, [['low'], ['left', 'right'], ['high']]);
    expect([...wrong.keys()]).toEqual(['left -> right', 'right -> high', 'nowhere', 'nowhere -> low']);
  });
});

test('an export is dead when no other file imports it and its own does not use it', () => {
  const files = {
    'src/a.ts': 'export const here = 1;\nexport function used() {}\nexport const dead = here;\nexport class Gone {}',
    'src/b.ts': "import { used as other } from './a.js';\nexport const all = other;",
    'src/c.ts': "export * from './b.js';",
    'bench/d.js': "import { Measured } from '../dist/modules/e.js';",
    'src/e.ts': 'export class Measured {}\nexport type Form = 1;',
    'src/f.ts': "export { type Form } from './e.js';",
  };
  const sources = Object.entries(files).map(([path, text]) => new Source(path, text));
  expect(deadExports(sources)).toEqual(['src/a.ts dead', 'src/a.ts Gone']);
});

test('a mark of hot code must name a benchmark that exists', () => {
  const benchmarks = benchmarksOf([
    new Source('bench/micro.js', "const TASKS = {\n  'parser GET': () => 1,\n  'ring SET 1 KiB': () => 2,\n};"),
    new Source('bench/peer/clients.js', "run('EVALSHA');"),
    new Source('bench/pubsub.js', ''),
  ]);
  const marks = [
    '/** hot: every command; bench/micro "parser". */',
    '// hot: bench/micro.js "ring SET"',
    '// hot: every redis.call; bench/peer "EVALSHA"',
    '// hot: bench/pubsub.js',
    '/**\n * hot: a mark whose sentence\n * goes on, bench/micro "parser GET"\n */',
    '/** hot: every command. */',
    '// hot: bench/micro "lexer"',
    '// hot: bench/peer "MULTI"',
    '// hot: bench/micro',
    'const hot = { hot: 1 };',
  ];
  const guards = { 'src/ring': 'micro "ring"', 'src/ring-of': 'micro "rong"' };
  const isGuarded = (path: string, text: string) =>
    unguardedMarks(new Source(path, `${text}\n`), benchmarks, guards).length === 0;
  expect(marks.filter((mark) => !isGuarded('src/a.ts', mark))).toEqual(marks.slice(5, 9));
  expect(marks.filter((mark) => !isGuarded('src/ring.ts', mark))).toEqual(marks.slice(6, 9));
  expect(marks.filter((mark) => !isGuarded('src/ring-of.ts', mark))).toEqual(marks.slice(5, 9));
});
