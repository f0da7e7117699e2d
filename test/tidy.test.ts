/** The rules of the house that neither compiler nor linter checks. They stand in `test/tidy/`. */
import { describe, expect, test } from 'vitest';
import { buildFullRegistry } from '../src/main/io/commands/table.js';
import { checkExports } from './tidy/exports.js';
import { checkFunctions } from './tidy/functions.js';
import { benchmarksOf, checkMarks } from './tidy/hot-marks.js';
import { checkFileCircles, checkFolderCircles, checkRooms, importGraph } from './tidy/imports.js';
import { RULES } from './tidy/rules.js';
import { projectFiles } from './tidy/source.js';

const sources = projectFiles();
const server = sources.filter((source) => /^src\/.*\.ts$/.test(source.path));

describe('in each file', () => {
  test.each(RULES.map((rule) => [rule.title, rule] as const))('%s', (_title, rule) => {
    const files = sources.filter((source) => rule.files.test(source.path));
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap(rule.check)).toEqual([]);
  });

  test('functions have at most 70 lines', () => {
    expect(checkFunctions(server)).toEqual([]);
  });

  test('marks of hot code name the benchmark that guards it', () => {
    expect(checkMarks(server, benchmarksOf(sources))).toEqual([]);
  });

  test('exports have a user who is no test', () => {
    expect(checkExports(sources.filter(({ path }) => /^(src|bench)\/.*\.(ts|js)$/.test(path)))).toEqual([]);
  });
});

describe('the imports of src', () => {
  const graph = importGraph(server);

  test('lead from a room to rooms of lower floors', () => {
    expect(checkRooms(graph)).toEqual([]);
  });

  test('make no circle of folders', () => {
    expect(checkFolderCircles(graph)).toEqual([]);
  });

  test('make no circle of more than three files', () => {
    expect(checkFileCircles(graph)).toEqual([]);
  });
});

test('every command says what it does, since when and in which group', () => {
  const poor = buildFullRegistry()
    .defs.filter((def) => !(def.summary.length > 10 && def.since !== '' && def.group !== ''))
    .map((def) => def.name);
  expect(poor).toEqual([]);
});
