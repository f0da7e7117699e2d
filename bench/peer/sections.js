// @ts-check
/** The measurements. Each yields rows; servers take turns (A B A B) and the median of the rounds counts. */
import { clientsSection } from './clients.js';
import { getLatency, info, keysLoop, memtier, preload, redisBenchmark, steadyLatency } from './load.js';
import { alternate, heapUsed, latencyText, median, rowsOf, sleep, throughputRows, withServers } from './measure.js';
import { BYTES_PER_KEY, HEAP_MB, ringTarget, STALL, throughputTarget } from './targets.js';
import { typesSection } from './types.js';

const MIB = 1 << 20;

/**
 * @typedef {import('./measure.js').Row} Row
 * @typedef {import('./measure.js').Setup} Setup
 */

/** Length of a run on the first server, before it is scaled; all servers get the same number of requests. */
const RUN_SECONDS = 2;

/** What each server gets before a test, which is also how the rate is found. @param {number} pipeline */
const trialRequests = (pipeline) => (pipeline === 1 ? 20_000 : 100_000);

/**
 * redis-benchmark over the given tests; keys are loaded before, so that every GET hits.
 * @param {Setup} setup @param {{ section: string, pipelines: number[], dataBytes: number, tests: string[],
 *   sherdArgs?: string[], target: (test: string, pipeline: number) => import('./targets.js').Target }} plan
 */
function throughput(setup, { section, pipelines, dataBytes, tests, sherdArgs = [], target }) {
  return withServers(setup, sherdArgs, async (servers) => {
    const { keys } = setup;
    for (const { port } of servers) {
      await preload(port, keys, dataBytes);
      const warm = { port, pipeline: 16, dataBytes, requests: 200_000, keys };
      for (const test of tests) await redisBenchmark({ ...warm, test });
    }
    /** @type {Row[]} */
    const rows = [];
    for (const pipeline of pipelines) {
      for (const test of tests) {
        const run = { test, pipeline, dataBytes, keys };
        /** @type {number[]} */
        const trials = [];
        for (const { port } of servers) {
          trials.push(await redisBenchmark({ ...run, port, requests: trialRequests(pipeline) }));
        }
        const requests = Math.ceil((trials[0] ?? 0) * RUN_SECONDS * setup.scale);
        const measured = await alternate(setup, servers, async ({ port }) => ({
          rate: await redisBenchmark({ ...run, port, requests }),
          requests,
        }));
        const what = `${test.toUpperCase()} P=${pipeline} -d ${dataBytes}`;
        const label = { section, what, unit: 'requests/s', target: target(test, pipeline) };
        rows.push(...throughputRows(setup, servers, measured, label));
      }
    }
    return rows;
  });
}

/** @param {number} pipeline @returns {(setup: Setup) => Promise<Row[]>} */
const simpleSection = (pipeline) => async (setup) => {
  const plan = { section: `p${pipeline}`, pipelines: [pipeline], target: throughputTarget };
  const small = await throughput(setup, { ...plan, dataBytes: 3, tests: ['set', 'get', 'incr'] });
  // INCR does not look at -d.
  const large = await throughput(setup, { ...plan, dataBytes: 1024, tests: ['set', 'get'] });
  return [...small, ...large];
};

/** MSET of 10 keys. @param {Setup} setup */
async function msetSection(setup) {
  const plan = { section: 'mset', pipelines: [1, 16, 64], tests: ['mset'], target: throughputTarget };
  const small = await throughput(setup, { ...plan, dataBytes: 3 });
  return [...small, ...(await throughput(setup, { ...plan, dataBytes: 1024 }))];
}

/** @param {Setup} setup */
async function ring(setup) {
  return throughput(setup, {
    section: 'ring',
    pipelines: [16, 64],
    dataBytes: 3,
    tests: ['set', 'get'],
    sherdArgs: ['--dispatch', 'ring', '--shards', '2'],
    target: (_test, pipeline) => ringTarget(pipeline),
  });
}

/** @param {Setup} setup */
async function memtierSection(setup) {
  return withServers(setup, [], async (servers) => {
    for (const { port } of servers) await preload(port, setup.keys, 32);
    /** @type {Row[]} */
    const rows = [];
    for (const pipeline of [1, 16]) {
      const run = { pipeline, seconds: Math.max(1, 4 * setup.scale), keys: setup.keys, dataBytes: 32 };
      const measured = await alternate(setup, servers, async ({ port }) => {
        const rate = await memtier({ port, ...run });
        return { rate, requests: rate * run.seconds };
      });
      const label = { section: 'memtier', what: `memtier 1:10 P=${pipeline}`, unit: 'ops/s', target: null };
      rows.push(...throughputRows(setup, servers, measured, label));
    }
    return rows;
  });
}

/** Bytes per key and the V8 heap, empty and loaded. @param {Setup} setup */
async function memory(setup) {
  return withServers(setup, [], async (servers) => {
    /** @type {number[][]} */
    const figures = [];
    for (const { port, rssBytes, contestant } of servers) {
      const isSherd = contestant.node !== null;
      const heapBefore = isSherd ? await heapUsed(port) : 0;
      const before = { used: await info(port, 'memory', 'used_memory'), rss: rssBytes() };
      await preload(port, setup.keys, 32);
      await sleep(1000);
      const after = { used: await info(port, 'memory', 'used_memory'), rss: rssBytes() };
      const heapAfter = isSherd ? await heapUsed(port) : 0;
      const heapMb = [heapAfter - heapBefore, heapBefore, heapAfter].map((n) => (isSherd ? n / MIB : Number.NaN));
      figures.push([(after.used - before.used) / setup.keys, (after.rss - before.rss) / setup.keys, ...heapMb]);
    }
    /** @param {number} i */
    const column = (i) => figures.map((row) => row[i] ?? Number.NaN);
    const label = { section: 'memory', unit: 'bytes', better: /** @type {const} */ ('less'), target: BYTES_PER_KEY };
    const rows = rowsOf(setup, servers, column(0), { ...label, what: 'used_memory per key' });
    rows.push(...rowsOf(setup, servers, column(1), { ...label, what: 'RSS per key' }));
    const heap = { ...label, what: 'V8 heap growth', unit: 'MB', target: HEAP_MB };
    rows.push(...rowsOf(setup, servers, column(2), heap));
    rows.push(...rowsOf(setup, servers, column(3), { ...heap, what: 'V8 heap, empty', target: null }));
    rows.push(...rowsOf(setup, servers, column(4), { ...heap, what: 'V8 heap, loaded', target: null }));
    return rows;
  });
}

/** p99 of GET while another client runs KEYS over everything. @param {Setup} setup */
async function keysSection(setup) {
  return withServers(setup, [], async (servers) => {
    /** By server, then figure: a sample a round. @type {number[][][]} */
    const figures = servers.map(() => Array.from({ length: 7 }, () => []));
    for (const { port } of servers) await preload(port, setup.keys, 32);
    const turns = Array.from({ length: setup.rounds }, () => [...servers.entries()]).flat();
    for (const [i, { port, contestant }] of turns) {
      const loop = keysLoop(port);
      await sleep(500);
      const seconds = Math.max(3, 10 * setup.scale);
      const single = await getLatency(port, setup.keys, seconds);
      const steady = await steadyLatency(port, setup.keys, seconds);
      const replies = await loop.stop();
      setup.say(
        `  ${contestant.name.padEnd(9)} ${latencyText(single)}; steady ${latencyText(steady)}; ${replies} x KEYS`,
      );
      const found = [single.p99, single.p50, single.max, steady.p99, steady.p50, steady.max, steady.lateP99];
      for (const [k, n] of found.entries()) figures[i]?.[k]?.push(n);
    }
    const label = { section: 'keys', unit: 'ms', better: /** @type {const} */ ('less') };
    /** @param {number} i @param {string} what @param {import('./targets.js').Target} target */
    const rows = (i, what, target) => {
      const column = figures.map((row) => median(row[i] ?? []));
      return rowsOf(setup, servers, column, { ...label, what, target });
    };
    return [
      ...rows(0, 'p99 of GET beside KEYS *, one at a time', STALL),
      ...rows(1, 'p50, one at a time', null),
      ...rows(2, 'longest, one at a time', null),
      ...rows(3, 'p99 of GET beside KEYS *, 200 a second', STALL),
      ...rows(4, 'p50, 200 a second', null),
      ...rows(5, 'longest, 200 a second', null),
      ...rows(6, 'p99 of the client being late itself', null),
    ];
  });
}

/** @type {Readonly<Record<string, (setup: Setup) => Promise<Row[]>>>} */
export const SECTIONS = {
  p1: simpleSection(1),
  p16: simpleSection(16),
  p64: simpleSection(64),
  mset: msetSection,
  ring,
  memory,
  keys: keysSection,
  types: typesSection,
  clients: clientsSection,
  memtier: memtierSection,
};
