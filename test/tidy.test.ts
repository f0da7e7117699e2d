/**
 * The rules of the house that neither compiler nor linter checks. A rule is a row of a table: the files it looks at and
 * what it finds wrong in one; a new rule is a new row.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { buildFullRegistry } from '../src/main/io/commands/table.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const COLUMNS_MAX = 120;
const LINES_MAX = 600;
// Written in pieces, so that this file does not trip over itself.
const MARKERS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|')})\\b`);

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

interface Rule {
  readonly title: string;
  readonly files: RegExp;
  /** What is wrong, one string each; empty when nothing is. */
  readonly check: (source: Source) => string[];
}

/** A rule that no line of code matches; comments are left out. */
function noLine(pattern: RegExp, instead: string): (source: Source) => string[] {
  return ({ path, lines }) =>
    lines.flatMap((line, i) => {
      const code = /^\s*(\*|\/\*|\/\/)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '');
      return pattern.test(code) ? [`${path}:${i + 1}: ${instead}: ${line.trim()}`] : [];
    });
}

/** The folder of src that an import leads to, for the files of `layer`. */
function noImportOf(...layers: string[]): (source: Source) => string[] {
  return ({ path, text }) =>
    [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].flatMap(([, target]) => {
      const resolved = posix.normalize(posix.join(dirname(path), target!));
      return layers.some((layer) => resolved.startsWith(`src/${layer}/`)) ? [`${path} imports ${resolved}`] : [];
    });
}

const RULES: readonly Rule[] = [
  {
    title: `lines have at most ${COLUMNS_MAX} columns`,
    files: /\.(ts|js)$/,
    check: ({ path, lines }) =>
      lines.flatMap((line, i) => (line.length > COLUMNS_MAX ? [`${path}:${i + 1}: ${line.length} columns`] : [])),
  },
  {
    title: `files have at most ${LINES_MAX} lines`,
    files: /\.(ts|js)$/,
    check: ({ path, lines }) => (lines.length > LINES_MAX + 1 ? [`${path}: ${lines.length} lines`] : []),
  },
  {
    title: 'files have names in kebab-case',
    files: /\.(ts|js)$/,
    check: ({ path }) => (/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|js)$/.test(basename(path)) ? [] : [path]),
  },
  {
    title: 'source files begin by saying what they are',
    files: /^(src|bench|test\/harness)\/.*\.(ts|js)$/,
    check: ({ path, text }) => (/^(#!.*\n)?(\/\/ @ts-check\n)?\/\*\*/.test(text) ? [] : [path]),
  },
  {
    title: 'no marker of unfinished work is left',
    files: /\.(ts|js|json|md)$|^\.ci\//,
    check: ({ path, lines }) => lines.flatMap((line, i) => (MARKERS.test(line) ? [`${path}:${i + 1}: ${line}`] : [])),
  },
  {
    title: 'the server writes through its log',
    files: /^src\//,
    check: noLine(/\bconsole\.\w+\(/, 'use src/main/log.ts'),
  },
  {
    title: 'only the program ends the process',
    files: /^src\/(?!main\/(cli|program|io\/descriptor-copy-child)\.ts)/,
    check: noLine(/\bprocess\.exit\(/, 'reject, or tell the main thread'),
  },
  {
    title: 'figures of the heap need no descriptor',
    files: /^src\//,
    check: noLine(/\bprocess\.memoryUsage\(/, 'opens a file and throws where none can be: use StatsBlock.tick'),
  },
  {
    title: '#12 the time comes from one clock, which a test can replace',
    files: /^src\/(?!shared\/clock\.ts)/,
    check: noLine(
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.(now|timeOrigin)\b|\bprocess\.(hrtime|uptime)\b/,
      'use ctx.nowMs, ControlBlock.nowMs, or src/shared/clock.ts',
    ),
  },
  {
    title: '#12 random numbers come from one source, which a test can give a seed',
    files: /^src\/(?!shared\/random\.ts)/,
    check: noLine(
      /\bMath\.random\b|\brandom(Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/,
      'use src/shared/random.ts',
    ),
  },
  {
    title: 'the engine asks its context for the time',
    files: /^src\/shard\/(keyspace|types|commands)\//,
    check: noLine(/\bwallMs\(|\bnew Date\b/, 'use ctx.nowMs'),
  },
  {
    title: 'the data lives in the arena',
    // fsck counts what it reaches and forgets it; a ReadonlyMap is a constant.
    files: /^src\/shard\/(keyspace|types|commands)\/(?!fsck\.ts)/,
    check: noLine(/^(?!.*ReadonlyMap).*\bnew (Map|Set|WeakMap|WeakSet)\b/, 'use an arena structure'),
  },
  {
    title: 'the engine knows no sockets, files or Node streams',
    files: /^src\/(shard|shared)\//,
    check: noLine(/from 'node:(net|fs|http|tls|stream|dgram)/, 'belongs to src/main'),
  },
  {
    title: 'only the table of a family gathers its commands (#12)',
    files: /^src\/shard\/commands\/(?!(\w+\/)?table\.ts)/,
    check: noLine(/\.\.\.\w+Commands?\b/, "put the array into the family's table.ts"),
  },
  {
    title: 'code is not made from text',
    files: /^src\//,
    check: noLine(/\beval\(|\bnew Function\(/, 'write it'),
  },
  {
    title: 'shared imports neither shard nor main',
    files: /^src\/shared\//,
    check: noImportOf('shard', 'main'),
  },
  {
    title: 'shard does not import main',
    files: /^src\/shard\//,
    check: noImportOf('main'),
  },
  {
    title: 'the built package needs nothing outside src',
    files: /^src\//,
    check: ({ path, text }) =>
      [...text.matchAll(/from '[^']*\/(test|bench|dist)\//g)].map(([line]) => `${path}: ${line}`),
  },
  {
    title: 'tests are neither left out nor alone',
    files: /^test\//,
    check: noLine(/\b(test|it|describe)\.only\b/, 'remove .only'),
  },
];

/** All files that belong to the project, as git sees them: tracked, or new and not ignored. */
function projectFiles(): Source[] {
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
  const paths = [...new Set(list.split('\n'))].filter((path) => /\.(ts|js|json|md)$|^\.ci\//.test(path));
  return paths
    .filter(
      (path) => path !== 'package-lock.json' && !path.startsWith('bench/results/') && existsSync(join(ROOT, path)),
    )
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      return { path, text, lines: text.split('\n') };
    });
}

describe('tidy', () => {
  const sources = projectFiles();

  test.each(RULES.map((rule) => [rule.title, rule] as const))('%s', (_title, rule) => {
    const files = sources.filter((source) => rule.files.test(source.path));
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(rule.check)).toEqual([]);
  });

  test('every command says what it does, since when, in which group and with which flags', () => {
    const poor = buildFullRegistry()
      .defs.filter((def) => !(def.summary.length > 10 && def.since !== '' && def.group !== '' && def.flags.length >= 0))
      .map((def) => def.name);
    expect(poor).toEqual([]);
  });
});
