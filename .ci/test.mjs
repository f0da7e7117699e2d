/**
 * Runs the whole test suite, and once more, alone and one after the other, the files outside of test/unit that failed.
 *
 * Why a second try: the integration tests start some two hundred server processes on a machine that others load as
 * well. One of three thousand tests that was late by chance would otherwise throw a whole run away. A test that fails
 * by chance is still a fault: each is named at the end, so that somebody cures it. A file that fails twice fails the
 * run. Unit tests have no second try, since time and other processes do not concern them; nor have errors outside of any
 * test.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';

const RESULTS = 'node_modules/.cache/vitest-results.json';
/** More than that is no chance. */
const RETRIED_MAX = 5;

/** Runs a command, shows what it writes; its exit code and its output. */
function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ]) {
    from.on('data', (chunk) => {
      output += chunk;
      to.write(chunk);
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? 1, output })));
}

/** The files that failed, and one line with the counts. */
function results() {
  const { testResults, ...counts } = JSON.parse(readFileSync(RESULTS, 'utf8'));
  return {
    failed: testResults.filter((file) => file.status !== 'passed').map((file) => relative('.', file.name)),
    counts: `${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped`,
  };
}

rmSync(RESULTS, { force: true });
const first = await run('npm', ['test', '--', ...process.argv.slice(2)]);
const { failed, counts } = results();
console.log(counts);
if (first.code === 0) process.exit(0);

const isFinal = (file) => file.startsWith('test/unit/') || file === 'test/tidy.test.ts';
console.log(`\n== failed: ${failed.join(' ') || 'no test file'}`);
if (failed.length === 0 || failed.length > RETRIED_MAX || failed.some(isFinal) || first.output.includes('Unhandled')) {
  process.exit(1);
}
console.log('== once more, alone and one after the other');
const second = await run('npx', ['vitest', 'run', '--no-file-parallelism', ...failed]);
const still = results().failed;
for (const file of failed)
  console.log(`== ${file}: failed first, ${still.includes(file) ? 'FAILED AGAIN' : 'passed alone'}`);
process.exit(second.code);
