// @ts-check
/**
 * Section `clients`: commands that span keys and clients. EVALSHA, pipelined transactions, blocked clients that are
 * served, and GET beside a script that runs long.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { benchmarkCommand, call, steadyLatency } from './load.js';
import { alternate, latencyText, rowsOf, throughputRows, withServers } from './measure.js';

/**
 * @typedef {import('./measure.js').Row} Row
 * @typedef {import('./measure.js').Setup} Setup
 * @typedef {import('./targets.js').Target} Target
 */

const SCRIPT = "return redis.call('incr',KEYS[1])";
const KEYS = 100_000;
const RUN_SECONDS = 2;
const WARM_SECONDS = 1;
const LOOP_TIMEOUT_MS = 60_000;
/** Keys in different halves of the slots (5061 and 12182). */
const READ_KEY = 'bar';
const SCRIPT_KEY = 'foo';
/** Runs for about a second in C, two here, under the lease of its one key. */
const LONG_SCRIPT = "redis.call('set',KEYS[1],1) local t = 0 for i = 1, 5e7 do t = t + i end return 1";

/** @type {Readonly<Record<'script' | 'exec' | 'served', NonNullable<Target>>>} */
const TARGETS = { script: { must: 0.8, aim: 1 }, exec: { must: 1, aim: 1.5 }, served: { must: 0.9, aim: 1 } };

/** One run of a `*-loop.js`. @param {string} file @param {...number} args */
function loop(file, ...args) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return new Promise((/** @type {(result: { rate: number, requests: number }) => void} */ resolve, reject) => {
    execFile(process.execPath, [path, ...args.map(String)], { timeout: LOOP_TIMEOUT_MS }, (error, stdout) => {
      const [requests, seconds] = stdout.split(' ').map(Number);
      if (error !== null || !(Number(requests) > 0)) reject(error ?? new Error(`${file}: nothing was answered`));
      else resolve({ rate: Number(requests) / Number(seconds), requests: Number(requests) });
    });
  });
}

/** @param {Setup} setup @param {import('./measure.js').Server[]} servers */
async function evalsha(setup, servers) {
  const replies = await Promise.all(servers.map(({ port }) => call(port, 'SCRIPT', 'LOAD', SCRIPT)));
  const sha = replies[0]?.split('\r\n')[1] ?? '';
  /** @type {Row[]} */
  const rows = [];
  for (const pipeline of [1, 16]) {
    const words = ['EVALSHA', sha, '1', 'key:__rand_int__'];
    const run = { words, pipeline, range: KEYS };
    const trials = [];
    for (const { port } of servers) trials.push(await benchmarkCommand({ ...run, port, requests: 50_000 }));
    const requests = Math.ceil((trials[0] ?? 0) * RUN_SECONDS * setup.scale);
    const measured = await alternate(setup, servers, async ({ port }) => ({
      rate: await benchmarkCommand({ ...run, port, requests }),
      requests,
    }));
    const label = { section: 'clients', what: `EVALSHA P=${pipeline}`, unit: 'scripts/s', target: TARGETS.script };
    rows.push(...throughputRows(setup, servers, measured, label));
  }
  return rows;
}

/** @param {Setup} setup @param {import('./measure.js').Server[]} servers */
async function transactions(setup, servers) {
  for (const { port } of servers) await loop('exec-loop.js', port, WARM_SECONDS);
  const measured = await alternate(setup, servers, ({ port }) => loop('exec-loop.js', port, RUN_SECONDS));
  const label = { section: 'clients', what: 'MULTI INCR INCR EXEC, 16 in a write', unit: 'transactions/s' };
  return throughputRows(setup, servers, measured, { ...label, target: TARGETS.exec });
}

/** @param {Setup} setup @param {import('./measure.js').Server[]} servers */
async function blocked(setup, servers) {
  /** @type {Row[]} */
  const rows = [];
  for (const depth of [1, 50]) {
    for (const { port } of servers) await loop('blpop-loop.js', port, WARM_SECONDS, depth);
    const empty = async (/** @type {{ port: number }} */ { port }) => void (await call(port, 'DEL', 'jobs'));
    const measured = await alternate(
      setup,
      servers,
      ({ port }) => loop('blpop-loop.js', port, RUN_SECONDS, depth),
      empty,
    );
    const label = { section: 'clients', what: `1000 BLPOP, one LPUSH client, P=${depth}`, unit: 'served/s' };
    rows.push(...throughputRows(setup, servers, measured, { ...label, target: TARGETS.served }));
  }
  return rows;
}

/**
 * GET of a key on another shard, alone and beside a long script; Redis answers nobody meanwhile.
 * @param {Setup} setup
 */
function besideScript(setup) {
  return withServers(setup, ['--shards', '2'], async (servers) => {
    /** @type {number[][]} */
    const figures = [];
    for (const { port, contestant } of servers) {
      await call(port, 'SET', READ_KEY, 'x');
      const alone = await steadyLatency(port, [READ_KEY], RUN_SECONDS);
      const script = call(port, 'EVAL', LONG_SCRIPT, 1, SCRIPT_KEY);
      const beside = await steadyLatency(port, [READ_KEY], RUN_SECONDS);
      await script;
      setup.say(`  ${contestant.name.padEnd(9)} alone ${latencyText(alone)}; beside a script ${latencyText(beside)}`);
      figures.push([alone.p99, beside.p99]);
    }
    const label = { section: 'clients', unit: 'ms', better: /** @type {const} */ ('less'), target: null };
    /** @param {number} i @param {string} what */
    const rows = (i, what) =>
      rowsOf(
        setup,
        servers,
        figures.map((row) => row[i] ?? Number.NaN),
        { ...label, what },
      );
    return [...rows(0, 'p99 of GET, 200 a second'), ...rows(1, 'p99 of GET beside a 2 s script')];
  });
}

/** @param {Setup} setup @returns {Promise<Row[]>} */
export async function clientsSection(setup) {
  const rows = await withServers(setup, [], async (servers) => [
    ...(await evalsha(setup, servers)),
    ...(await transactions(setup, servers)),
    ...(await blocked(setup, servers)),
  ]);
  return [...rows, ...(await besideScript(setup))];
}
