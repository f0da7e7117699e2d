/**
 * Bundles what node starts: a thread that loads one file is up in half the time of one that loads three hundred
 * modules, and calls between modules cost nothing. Every entry lands where its source stands in `src`, so
 * `new URL('./io/worker.js', import.meta.url)` means the same in both; dependencies stay outside. `SHERD_DIST` names
 * another output folder, to compare two builds. With SHERD_CHECK=1 the invariants stay in, and the folder is
 * `dist-check`.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';
import { CELL_CALL, withCellsInline } from './build/inline-cells.js';
import { withoutInvariants } from './build/without-invariants.js';

const root = fileURLToPath(new URL('.', import.meta.url));
const { dependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** The programs share chunks, beside them, so that `--help` loads no server; each kind of thread is one file. */
const PROGRAMS = ['main/cli', 'main/index'];
const THREADS = ['main/io/worker', 'main/io/descriptor-copy-child', 'shard/worker'];

const checking = process.env.SHERD_CHECK === '1';

const leaveInvariantsOut = {
  name: 'leave-invariants-out',
  transform: {
    filter: { id: /\.ts$/, code: /\b(invariant|faultPoint|openFaultPoints)\(/ },
    handler: (/** @type {string} */ code) => withoutInvariants(code, 'ts'),
  },
};

const putCellsInline = {
  name: 'put-cells-inline',
  transform: {
    filter: { id: /\.ts$/, code: CELL_CALL },
    handler: (/** @type {string} */ code) => withCellsInline(code, 'ts'),
  },
};

const bundle = (/** @type {string[]} */ entries) => ({
  input: Object.fromEntries(entries.map((entry) => [entry, `${root}src/${entry}.ts`])),
  platform: /** @type {const} */ ('node'),
  external: Object.keys(dependencies),
  tsconfig: `${root}tsconfig.json`,
  plugins: checking ? [] : [leaveInvariantsOut, putCellsInline],
  output: {
    dir: process.env.SHERD_DIST ?? `${root}${checking ? 'dist-check' : 'dist'}`,
    format: /** @type {const} */ ('esm'),
    chunkFileNames: 'main/[name].js',
    comments: { legal: false, jsdoc: false, annotation: false },
  },
});

export default defineConfig([bundle(PROGRAMS), ...THREADS.map((entry) => bundle([entry]))]);
