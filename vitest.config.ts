import { defineConfig } from 'vitest/config';

/**
 * Unit tests that need a process of their own: they put something else in the place of a module, which no file may have
 * loaded before, or start a program, for which a process that has had hundreds of engines is too big.
 */
const ALONE = [
  'test/unit/**/{out-of-memory,failed-*}.test.ts',
  'test/unit/hyperloglogs/hyperloglogs.test.ts',
  'test/unit/command/{command-docs,key-positions,local-commands}.test.ts',
  'test/unit/rdb/{rdb-peer,streams}.test.ts',
  'test/unit/{config/directives,sync/control-block,sync/lease}.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: 'node_modules/.cache/vitest-results.json' }]],
    projects: [
      {
        // Loading the engine costs more than most of these tests: each worker does it once for all of its files.
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: ALONE, isolate: false },
      },
      {
        extends: true,
        test: { name: 'alone', include: ['test/*.test.ts', 'test/!(unit)/**/*.test.ts', ...ALONE] },
      },
    ],
    // A loaded machine may be several times slower than an idle one, which needs a few seconds for the longest.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The built package starts threads from its own files: it must not pass through vitest's transformer.
    server: { deps: { external: [/\/dist(-check)?\//] } },
  },
});
