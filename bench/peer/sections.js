// @ts-check
/** The measurements. Each yields rows; servers take turns (A B A B) and the median of the rounds counts. */
import { startServer } from './contestants.js';
import { getLatency, info, keysLoop, memtier, preload, redisBenchmark } from './load.js';
import { BYTES_PER_KEY, HEAP_MB, ringTarget, STALL, throughputTarget } from './targets.js';

const MIB = 1 << 20;

/**
 * @typedef {import('./contestants.js').Contestant} Contestant
 * @typedef {import('./contestants.js').Server} Server
 * @typedef {{ section: string, what: string, unit: string, redis: number, subject: string, value: number,
 *   ratio: number, better: 'more' | 'less', must: number | null, aim: number | null }} Row
 *   must and aim bound `ratio`, or `value` where Redis has no such figure (redis is NaN)
 * @typedef {{ redis: Contestant, subjects: Contestant[], rounds: number, scale: number, keys: number,
 *   say: (text: string) => void }} Setup
 */

/** @param {readonly number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {Setup} setup @param {readonly string[]} sherdArgs @param {(servers: Server[]) => Promise<Row[]>} body */
async function withServers(setup, sherdArgs, body) {
  /** @type {Server[]} */
  const servers = [];
  try {
    for (const contestant of [setup.redis, ...setup.subjects]) servers.push(await startServer(contestant, sherdArgs));
    return await body(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/**
 * Measures each server in turn, `rounds` times.
 * @param {Setup} setup @param {Server[]} servers @param {(server: Server) => Promise<number>} measure
 * @returns {Promise<number[]>} medians, in the order of the servers
 */
async function alternate(setup, servers, measure) {
  /** @type {number[][]} */
  const samples = servers.map(() => []);
  for (let round = 0; round < setup.rounds; round++) {
    for (const [i, server] of servers.entries()) samples[i]?.push(await measure(server));
  }
  return samples.map(median);
}

/**
 * @param {Setup} setup @param {Server[]} servers @param {number[]} medians
 * @param {{ section: string, what: string, unit: string, better: 'more' | 'less',
 *   target: import('./targets.js').Target }} label
 * @returns {Row[]}
 */
function rowsOf(setup, servers, medians, { section, what, unit, better, target }) {
  const redis = medians[0] ?? Number.NaN;
  return servers.slice(1).map((server, i) => {
    const value = medians[i + 1] ?? Number.NaN;
    const ratio = value / redis;
    setup.say(`  ${what.padEnd(28)} ${server.contestant.name.padEnd(9)} ${ratio.toFixed(2)} x`);
    const subject = server.contestant.name;
    const { must, aim } = target ?? { must: null, aim: null };
    return { section, what, unit, redis, subject, value, ratio, better, must, aim };
  });
}

/** Requests for a run of a few seconds. @param {string} test @param {number} pipeline */
function requestsFor(test, pipeline) {
  const simple = pipeline === 1 ? 250_000 : pipeline === 16 ? 2_000_000 : 3_000_000;
  return test === 'mset' ? simple / 5 : simple;
}

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
      const warm = { port, pipeline: 16, dataBytes, requests: 200_000 * setup.scale, keys };
      for (const test of ['set', 'get']) await redisBenchmark({ ...warm, test });
    }
    /** @type {Row[]} */
    const rows = [];
    for (const pipeline of pipelines) {
      for (const test of tests) {
        const requests = Math.round(requestsFor(test, pipeline) * setup.scale);
        const medians = await alternate(setup, servers, ({ port }) =>
          redisBenchmark({ port, test, pipeline, dataBytes, requests, keys }),
        );
        const what = `${test.toUpperCase()} P=${pipeline} -d ${dataBytes}`;
        const label = { section, what, unit: 'requests/s', better: /** @type {const} */ ('more') };
        rows.push(...rowsOf(setup, servers, medians, { ...label, target: target(test, pipeline) }));
      }
    }
    return rows;
  });
}

/** @param {number} pipeline @returns {(setup: Setup) => Promise<Row[]>} */
const simpleSection = (pipeline) => async (setup) => {
  const plan = { section: `p${pipeline}`, pipelines: [pipeline], target: throughputTarget };
  const small = await throughput(setup, { ...plan, dataBytes: 3, tests: ['set', 'get', 'incr', 'mset'] });
  // INCR does not look at -d.
  const large = await throughput(setup, { ...plan, dataBytes: 1024, tests: ['set', 'get', 'mset'] });
  return [...small, ...large];
};

/** @param {Setup} setup */
async function ring(setup) {
  return throughput(setup, {
    section: 'ring',
    pipelines: [16, 64],
    dataBytes: 3,
    tests: ['set', 'get', 'incr'],
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
      const medians = await alternate(setup, servers, ({ port }) => memtier({ port, ...run }));
      const label = { section: 'memtier', what: `memtier 1:10 P=${pipeline}`, unit: 'ops/s' };
      rows.push(...rowsOf(setup, servers, medians, { ...label, better: 'more', target: null }));
    }
    return rows;
  });
}

/** The least of some readings of the V8 heaps in bytes, or NaN. @param {number} port */
async function heapUsed(port) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    await redisBenchmark({ port, test: 'get', pipeline: 16, dataBytes: 3, requests: 20_000, keys: 1000 });
    least = Math.min(least, await info(port, 'memory', 'v8_heap_used'));
  }
  return least;
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
      const heapMb = isSherd ? ((await heapUsed(port)) - heapBefore) / MIB : Number.NaN;
      figures.push([(after.used - before.used) / setup.keys, (after.rss - before.rss) / setup.keys, heapMb]);
    }
    /** @param {number} i */
    const column = (i) => figures.map((row) => row[i] ?? Number.NaN);
    const label = { section: 'memory', unit: 'bytes', better: /** @type {const} */ ('less'), target: BYTES_PER_KEY };
    const rows = rowsOf(setup, servers, column(0), { ...label, what: 'used_memory per key' });
    rows.push(...rowsOf(setup, servers, column(1), { ...label, what: 'RSS per key' }));
    const heap = { ...label, what: 'V8 heap growth', unit: 'MB', target: HEAP_MB };
    rows.push(...rowsOf(setup, servers, column(2), heap));
    return rows;
  });
}

/** p99 of GET while another client runs KEYS over everything. @param {Setup} setup */
async function keysSection(setup) {
  return withServers(setup, [], async (servers) => {
    /** @type {number[][]} */
    const figures = [];
    for (const { port, contestant } of servers) {
      await preload(port, setup.keys, 32);
      const loop = keysLoop(port);
      await sleep(500);
      const { p50, p99, max } = await getLatency(port, setup.keys, Math.max(4, 10 * setup.scale));
      const replies = await loop.stop();
      const times = `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} max ${max.toFixed(1)} ms, ${replies} x KEYS`;
      setup.say(`  ${contestant.name.padEnd(9)} ${times}`);
      figures.push([p99, max]);
    }
    const label = { section: 'keys', unit: 'ms', better: /** @type {const} */ ('less') };
    const p99 = figures.map((row) => row[0] ?? Number.NaN);
    const max = figures.map((row) => row[1] ?? Number.NaN);
    return [
      ...rowsOf(setup, servers, p99, { ...label, what: 'p99 of GET beside KEYS *', target: STALL }),
      ...rowsOf(setup, servers, max, { ...label, what: 'longest GET beside KEYS *', target: null }),
    ];
  });
}

/** @type {Readonly<Record<string, (setup: Setup) => Promise<Row[]>>>} */
export const SECTIONS = {
  p1: simpleSection(1),
  p16: simpleSection(16),
  p64: simpleSection(64),
  ring,
  memory,
  keys: keysSection,
  memtier: memtierSection,
};
