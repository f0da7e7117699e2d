// @ts-check
/** What all measurements share: servers that take turns (A B A B), medians of the rounds, rows of results. */
import { startServer } from './contestants.js';
import { info, redisBenchmark } from './load.js';

/**
 * @typedef {import('./contestants.js').Contestant} Contestant
 * @typedef {import('./contestants.js').Server} Server
 * @typedef {{ section: string, what: string, unit: string, redis: number, subject: string, value: number,
 *   ratio: number, better: 'more' | 'less', must: number | null, aim: number | null, redisCpuNs?: number,
 *   cpuNs?: number, redisSamples?: number[], samples?: number[] }} Row  the last four: of throughput only
 *   must and aim bound `ratio`, or `value` where Redis has no such figure (redis is NaN)
 * @typedef {{ redis: Contestant, subjects: Contestant[], rounds: number, scale: number, keys: number,
 *   only: readonly string[], say: (text: string) => void }} Setup  only: parts of `types`, all if empty
 */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {Setup} setup @param {readonly string[]} sherdArgs @param {(servers: Server[]) => Promise<Row[]>} body */
export async function withServers(setup, sherdArgs, body) {
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
 * Measures the throughput of each server in turn, `rounds` times.
 * @typedef {{ samples: number[], rate: number, cpuNs: number }} Throughput  rate and cpuNs (processor time of the
 *   server for one request) are medians
 * @param {Setup} setup @param {Server[]} servers
 * @param {(server: Server) => Promise<{ rate: number, requests: number }>} measure
 * @param {(server: Server) => Promise<void>} [prepare] what goes before each run and does not count
 * @returns {Promise<Throughput[]>} in the order of the servers
 */
export async function alternate(setup, servers, measure, prepare) {
  const all = servers.map((server) => ({
    server,
    rates: /** @type {number[]} */ ([]),
    cpu: /** @type {number[]} */ ([]),
  }));
  for (let round = 0; round < setup.rounds; round++) {
    for (const { server, rates, cpu } of all) {
      await prepare?.(server);
      const before = server.cpuNs();
      const { rate, requests } = await measure(server);
      cpu.push((server.cpuNs() - before) / requests);
      rates.push(rate);
    }
  }
  return all.map(({ rates, cpu }) => ({ samples: rates, rate: median(rates), cpuNs: median(cpu) }));
}

/**
 * Rows of measurements that alternate() made.
 * @param {Setup} setup @param {Server[]} servers @param {Throughput[]} measured
 * @param {{ section: string, what: string, unit: string, target: import('./targets.js').Target }} label
 * @returns {Row[]}
 */
export function throughputRows(setup, servers, measured, label) {
  const redis = measured[0];
  const rates = measured.map(({ rate }) => rate);
  return rowsOf(setup, servers, rates, { ...label, better: 'more' }).map((row, i) => {
    const own = measured[i + 1];
    const cpu = { redisCpuNs: redis?.cpuNs, cpuNs: own?.cpuNs };
    setup.say(`      CPU ns a request: ${row.subject} ${own?.cpuNs.toFixed(0)}, redis ${redis?.cpuNs.toFixed(0)}`);
    return { ...row, ...cpu, redisSamples: redis?.samples, samples: own?.samples };
  });
}

/**
 * @param {Setup} setup @param {Server[]} servers @param {number[]} medians
 * @param {{ section: string, what: string, unit: string, better: 'more' | 'less',
 *   target: import('./targets.js').Target }} label
 * @returns {Row[]}
 */
export function rowsOf(setup, servers, medians, { section, what, unit, better, target }) {
  const redis = medians[0] ?? Number.NaN;
  return servers.slice(1).map((server, i) => {
    const value = medians[i + 1] ?? Number.NaN;
    const ratio = value / redis;
    const compared = Number.isFinite(redis) ? `${ratio.toFixed(ratio < 0.1 ? 4 : 2)} x` : `${value.toFixed(1)} ${unit}`;
    setup.say(`  ${what.padEnd(40)} ${server.contestant.name.padEnd(9)} ${compared}`);
    const subject = server.contestant.name;
    const { must, aim } = target ?? { must: null, aim: null };
    return { section, what, unit, redis, subject, value, ratio, better, must, aim };
  });
}

/** The least of some readings of the V8 heaps in bytes, or NaN. @param {number} port */
export async function heapUsed(port) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    await redisBenchmark({ port, test: 'get', pipeline: 16, dataBytes: 3, requests: 20_000, keys: 1000 });
    least = Math.min(least, await info(port, 'memory', 'v8_heap_used'));
  }
  return least;
}

/** @param {{ p50: number, p99: number, max: number }} latency ms */
export const latencyText = ({ p50, p99, max }) =>
  `p50 ${p50.toFixed(2)} p99 ${p99.toFixed(2)} max ${max.toFixed(1)} ms`;
