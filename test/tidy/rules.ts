/**
 * The rules that look at one file at a time. A rule is a row: its title, the files that it looks at, what is wrong in
 * one of them, and two samples that prove it: `good` passes and `bad` does not. A new rule is a new row.
 *
 * Rules that look at many files at once stand beside this file: `imports.ts`, `functions.ts`, `exports.ts`.
 */

import { basename, dirname, posix } from 'node:path';
import type { Source } from './source.js';

const COLUMNS_MAX = 120;
const LINES_MAX = 600;
// Written in pieces, so that this file does not trip over itself.
const UNFINISHED = 'TO' + 'DO';
const MARKERS = new RegExp(`\\b(${[UNFINISHED, 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);

/** The text of a sample; its path is `src/shard/types/sample.ts` unless it says another one. */
type Sample = string | { readonly path: string; readonly text: string };

export interface Rule {
  readonly title: string;
  readonly files: RegExp;
  /** What is wrong, one string each; empty when nothing is. */
  readonly check: (source: Source) => string[];
  readonly good: Sample;
  readonly bad: Sample;
}

/** A rule that no line of code matches; comments are left out. */
function noLine(pattern: RegExp, instead: string): (source: Source) => string[] {
  return ({ path, lines }) =>
    lines.flatMap((line, i) => {
      const code = /^\s*(\*|\/\*|\/\/)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '');
      return pattern.test(code) ? [`${path}:${i + 1}: ${instead}: ${line.trim()}`] : [];
    });
}

/** A rule that no import, of values or of types, leads to one of the `layers` of src. */
function noImportOf(...layers: string[]): (source: Source) => string[] {
  return ({ path, text }) =>
    [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].flatMap(([, target]) => {
      const resolved = posix.normalize(posix.join(dirname(path), target!));
      return layers.some((layer) => resolved.startsWith(`src/${layer}/`)) ? [`${path} imports ${resolved}`] : [];
    });
}

/** A definition whose name, group, categories or documentation decide something. */
const NAME_COMPARED = new RegExp(
  [
    /\b(def|defs\[[^\]]*\]!?|spec|command)\.(name|group|complexity|summary|since)\s*(===|!==|\.\w+\()/,
    /(===|!==)\s*(def|defs\[[^\]]*\]!?|spec)\.(name|group|complexity)\b/,
    /\.(includes|has|test|get|indexOf|startsWith)\(\s*(def|registry\.defs\[[^\]]*\]!?)\.(name|group|complexity)\b/,
    /\[(def|defs\[[^\]]*\]!?)\.(name|group)\]/,
    /\b(def|spec)\.acl\.length\b/,
    /\.group\s*(===|!==)\s*'/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

export const RULES: readonly Rule[] = [
  {
    title: `lines have at most ${COLUMNS_MAX} columns`,
    files: /\.(ts|js)$/,
    check: ({ path, lines }) =>
      lines.flatMap((line, i) => (line.length > COLUMNS_MAX ? [`${path}:${i + 1}: ${line.length} columns`] : [])),
    good: '/'.repeat(120),
    bad: '/'.repeat(121),
  },
  {
    title: `files have at most ${LINES_MAX} lines`,
    files: /\.(ts|js)$/,
    check: ({ path, lines }) => (lines.length > LINES_MAX + 1 ? [`${path}: ${lines.length} lines`] : []),
    good: '\n'.repeat(600),
    bad: '\n'.repeat(601),
  },
  {
    title: 'files have names in kebab-case',
    files: /\.(ts|js)$/,
    check: ({ path }) => (/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|js)$/.test(basename(path)) ? [] : [path]),
    good: { path: 'test/unit/memory/chunk-slabs.test.ts', text: '' },
    bad: { path: 'test/unit/memory/chunkSlabs.test.ts', text: '' },
  },
  {
    title: 'source files begin by saying what they are',
    files: /^(src|bench|test\/harness)\/.*\.(ts|js)$/,
    check: ({ path, text }) => (/^(#!.*\n)?(\/\/ @ts-check\n)?\/\*\*/.test(text) ? [] : [path]),
    good: '/** Sums of samples. */\nexport const sum = 1;\n',
    bad: 'export const sum = 1;\n',
  },
  {
    title: 'no marker of unfinished work is left',
    files: /\.(ts|js|json|md)$|^\.ci\//,
    check: ({ path, lines }) => lines.flatMap((line, i) => (MARKERS.test(line) ? [`${path}:${i + 1}: ${line}`] : [])),
    good: '// A client that has nothing to do waits.',
    bad: `// ${UNFINISHED}: a client that waits`,
  },
  {
    title: 'the server writes through its log',
    files: /^src\//,
    check: noLine(/\bconsole\.\w+\(/, 'use src/main/log.ts'),
    good: "log.info('ready'); // console.log('ready') would be lost",
    bad: "console.log('ready');",
  },
  {
    title: 'only the program ends the process',
    files: /^src\/(?!main\/(cli|program|io\/descriptor-copy-child)\.ts)/,
    check: noLine(/\bprocess\.exit\(/, 'reject, or tell the main thread'),
    good: 'process.exitCode = 1;',
    bad: 'process.exit(1);',
  },
  {
    title: 'figures of the heap need no descriptor',
    files: /^src\//,
    check: noLine(/\bprocess\.memoryUsage\(/, 'opens a file and throws where none can be: use StatsBlock.tick'),
    good: 'stats.tick(nowMs);',
    bad: 'const { rss } = process.memoryUsage();',
  },
  {
    title: 'the time comes from one clock, which a test can replace (#12)',
    files: /^src\/(?!shared\/clock\.ts)/,
    check: noLine(
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.(now|timeOrigin)\b|\bprocess\.(hrtime|uptime)\b/,
      'use ctx.nowMs, ControlBlock.nowMs or src/shared/clock.ts',
    ),
    good: 'const startedMs = monotonicMs(); // not performance.now()',
    bad: 'const startedMs = performance.now();',
  },
  {
    title: 'random numbers come from one source, which a test can give a seed (#12)',
    files: /^src\/(?!shared\/random\.ts)/,
    check: noLine(
      /\bMath\.random\b|\brandom(Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/,
      'use src/shared/random.ts',
    ),
    good: 'const at = randomBelow(count);',
    bad: 'const at = Math.floor(Math.random() * count);',
  },
  {
    title: 'the engine asks its context for the time',
    files: /^src\/shard\/(keyspace|types|commands)\//,
    check: noLine(/\bwallMs\(|\bnew Date\b/, 'use ctx.nowMs'),
    good: 'const deadlineMs = ctx.nowMs + 5;',
    bad: 'const deadlineMs = wallMs() + 5;',
  },
  {
    title: 'the data lives in the arena',
    // A ReadonlyMap is a constant.
    files: /^src\/shard\/(entry|structures|keyspace|types|commands)\//,
    check: noLine(/^(?!.*ReadonlyMap).*\bnew (Map|Set|WeakMap|WeakSet)\b/, 'use an arena structure'),
    good: "const UNITS: ReadonlyMap<string, number> = new Map([['m', 1]]);",
    bad: 'const keys = new Map<string, number>();',
  },
  {
    title: 'the engine knows no sockets, files or Node streams',
    files: /^src\/(shard|shared)\//,
    check: noLine(/from 'node:(net|fs|http|tls|stream|dgram)/, 'belongs to src/main'),
    good: "import { threadId } from 'node:worker_threads';",
    bad: "import { readFileSync } from 'node:fs';",
  },
  {
    title: 'only the table of a family gathers its commands (#12)',
    files: /^src\/shard\/commands\/(?!(\w+\/)?table\.ts)/,
    check: noLine(/\.\.\.\w+Commands?\b/, "put the array into the family's table.ts"),
    good: 'const stringCommands = [get, set];',
    bad: 'const stringCommands = [get, ...countCommands];',
  },
  {
    title: 'what a command is stands in its definition: nothing else compares names or groups (#12)',
    // The registry, what it is made of, and the tables of the commands.
    files: /^src\/(?!shared\/command\/|(.*\/)?table\.ts)/,
    check: noLine(NAME_COMPARED, 'add a fact to CommandFacts (src/shared/command/spec.ts) and ask for its bit'),
    good: { path: 'src/main/io/request/gates.ts', text: 'if ((facts & FACT_INTERNAL) !== 0) return;' },
    bad: { path: 'src/main/io/request/gates.ts', text: "if (def.name === 'select') return;" },
  },
  {
    title: 'only a few files know what an address is made of (#12)',
    files: /^src\/(?!shared\/memory\/(ptr|cell|arena|slab|store-check)\.ts)/,
    check: noLine(/\b(SEGMENT_SHIFT|UNIT_MASK)\b/, 'use the words of src/shared/memory/cell.ts'),
    good: 'const w = wordIndex(e);',
    bad: 'const w = (e & UNIT_MASK) << 1;',
  },
  {
    title: 'code is not made from text',
    files: /^src\//,
    check: noLine(/\beval\(|\bnew Function\(/, 'write it'),
    good: 'lua.evaluate(script);',
    bad: "const f = new Function('return 1');",
  },
  {
    title: 'shared imports neither shard nor main',
    files: /^src\/shared\//,
    check: noImportOf('shard', 'main'),
    good: { path: 'src/shared/sync/sample.ts', text: "import { Slab } from '../memory/slab.js';" },
    bad: { path: 'src/shared/sync/sample.ts', text: "import type { Jobs } from '../../shard/thread/jobs.js';" },
  },
  {
    title: 'shard does not import main',
    files: /^src\/shard\//,
    check: noImportOf('main'),
    good: { path: 'src/shard/thread/sample.ts', text: "import { Slab } from '../../shared/memory/slab.js';" },
    bad: { path: 'src/shard/thread/sample.ts', text: "const { Log } = await import('../../main/log.js');" },
  },
  {
    title: 'the built package needs nothing outside src',
    files: /^src\//,
    check: ({ path, text }) =>
      [...text.matchAll(/from '[^']*\/(test|bench|dist)\//g)].map(([line]) => `${path}: ${line}`),
    good: "import { Slab } from '../memory/slab.js';",
    bad: "import { load } from '../../bench/peer/load.js';",
  },
  {
    title: 'tests are neither left out nor alone',
    files: /^test\/(?!tidy\/)/,
    check: noLine(/\b(test|it|describe)(\.\w+)*\.(only|skip|todo|fails)\b|\b(xit|xtest|xdescribe)\(/, 'run all tests'),
    good: "test.skipIf(!REDIS_AVAILABLE)('beside redis-server', run);",
    bad: "describe.skip('a fault that nobody looks at', run);",
  },
];
