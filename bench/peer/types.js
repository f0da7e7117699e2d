// @ts-check
/**
 * The section `types`: throughput of the commands on lists, sets, hashes, sorted sets, streams and their kin; bytes per
 * element and V8 heaps; how long a GET waits beside a long command on another shard.
 */
import { benchmarkCommand, call, commandLoop, info, preload, sendBatches, steadyLatency } from './load.js';
import { alternate, heapUsed, latencyText, rowsOf, sleep, throughputRows, withServers } from './measure.js';
import { BYTES_PER_ELEMENT, HEAP_MB, STALL, typesTarget } from './targets.js';
import { fill, PLANS, SHAPES } from './types-plans.js';

/**
 * @typedef {import('./measure.js').Row} Row
 * @typedef {import('./measure.js').Setup} Setup
 * @typedef {import('./contestants.js').Server} Server
 * @typedef {import('./types-plans.js').Plan} Plan
 */

const MIB = 1 << 20;
const PIPELINES = [1, 16, 64];
/** Length of a run on the first server, before it is scaled. */
const RUN_SECONDS = 1.5;
/** A run that takes elements is prepared for every time; it is shorter. */
const TAKEN_MAX = 1_000_000;
const SETTLE_TRIES = 100;
const SETTLE_MS = 50;

/** @param {number} pipeline */
const trialRequests = (pipeline) => (pipeline === 1 ? 10_000 : 50_000);

/** What is wrong, in a line. @param {unknown} error */
const firstLine = (error) => /** @type {Error} */ (error).message.split(/\r?\n/)[0];

/** Empties a server and waits until what it freed is free. @param {number} port */
async function empty(port) {
  await call(port, 'FLUSHALL', 'SYNC');
  await settledMemory(port);
}

/** `used_memory` once it no longer changes. @param {number} port */
async function settledMemory(port) {
  let before = await info(port, 'memory', 'used_memory');
  for (let i = 0; i < SETTLE_TRIES; i++) {
    await sleep(SETTLE_MS);
    const now = await info(port, 'memory', 'used_memory');
    if (Math.abs(now - before) < 4096) return now;
    before = now;
  }
  return before;
}

/** @param {Server} server @param {Plan} plan @param {number} requests */
async function prepare({ port }, plan, requests) {
  if (plan.takes) await call(port, 'DEL', plan.words[1] ?? '');
  await sendBatches(port, plan.prepare?.(requests) ?? []);
}

/**
 * Throughput of one plan.
 * @param {Setup} setup @param {Server[]} servers @param {Plan} plan @param {number} pipeline
 */
async function measurePlan(setup, servers, plan, pipeline) {
  const run = { words: plan.words, range: plan.range, pipeline };
  const trial = trialRequests(pipeline);
  /** @type {number[]} */
  const trials = [];
  for (const server of servers) {
    await empty(server.port);
    await prepare(server, plan, trial);
    trials.push(await benchmarkCommand({ ...run, port: server.port, requests: trial }));
  }
  const wanted = Math.ceil((trials[0] ?? 0) * RUN_SECONDS * setup.scale);
  const requests = Math.max(trial, plan.takes ? Math.min(wanted, TAKEN_MAX) : wanted);
  const measured = await alternateRuns(setup, servers, plan, { ...run, requests });
  const what = `${plan.command}${plan.many ? ' many keys' : ''} P=${pipeline}`;
  const target = typesTarget(plan.command, plan.many, pipeline);
  return throughputRows(setup, servers, measured, { section: 'types', what, unit: 'requests/s', target });
}

/**
 * Rounds of a plan; those whose requests take elements are filled up before each, which is no part of the figures.
 * @param {Setup} setup @param {Server[]} servers @param {Plan} plan
 * @param {{ words: readonly string[], range: number, pipeline: number, requests: number }} run
 */
async function alternateRuns(setup, servers, plan, run) {
  const before = async (/** @type {Server} */ server) => {
    if (plan.takes) await prepare(server, plan, run.requests);
  };
  return alternate(
    setup,
    servers,
    async ({ port }) => ({ rate: await benchmarkCommand({ ...run, port }), requests: run.requests }),
    before,
  );
}

/** @param {Setup} setup */
async function throughput(setup) {
  return withServers(setup, [], async (servers) => {
    const heaps = await heapsOf(servers);
    const named = PLANS.filter((plan) => setup.only.includes(plan.command));
    /** @type {Row[]} */
    const rows = [];
    for (const pipeline of PIPELINES) {
      for (const plan of named.length > 0 ? named : PLANS) {
        try {
          rows.push(...(await measurePlan(setup, servers, plan, pipeline)));
        } catch (error) {
          setup.say(`  ${plan.command} P=${pipeline} was left out: ${firstLine(error)}`);
        }
      }
    }
    for (const { port } of servers) await empty(port);
    return [...rows, ...(await heapRows(setup, servers, heaps, 'V8 heap growth by all of these'))];
  });
}

/** V8 heaps in bytes, NaN for Redis. @param {Server[]} servers */
async function heapsOf(servers) {
  /** @type {number[]} */
  const heaps = [];
  for (const { port, contestant } of servers) heaps.push(contestant.node === null ? Number.NaN : await heapUsed(port));
  return heaps;
}

/** @param {Setup} setup @param {Server[]} servers @param {number[]} before @param {string} what */
async function heapRows(setup, servers, before, what) {
  const growth = (await heapsOf(servers)).map((bytes, i) => (bytes - (before[i] ?? Number.NaN)) / MIB);
  return rowsOf(setup, servers, growth, { section: 'types', what, unit: 'MB', better: 'less', target: HEAP_MB });
}

/** Bytes per element of each shape, and what they leave in the heaps. @param {Setup} setup */
async function memory(setup) {
  return withServers(setup, [], async (servers) => {
    /** @type {Row[]} */
    const rows = [];
    for (const { name, what, count: full, load } of SHAPES) {
      const count = Math.round(full * setup.scale);
      for (const { port } of servers) await empty(port);
      const heaps = await heapsOf(servers);
      /** @type {number[]} */
      const bytes = [];
      for (const { port } of servers) {
        const before = await settledMemory(port);
        try {
          await sendBatches(port, load(count));
          bytes.push(((await settledMemory(port)) - before) / count);
        } catch (error) {
          setup.say(`  ${what}: ${firstLine(error)}`);
          bytes.push(Number.NaN);
        }
      }
      const target = BYTES_PER_ELEMENT[name] ?? null;
      const label = { section: 'types', unit: 'bytes an element', better: /** @type {const} */ ('less'), target };
      rows.push(...rowsOf(setup, servers, bytes, { ...label, what }));
      rows.push(...(await heapRows(setup, servers, heaps, `V8 heap growth, ${name}`)));
    }
    return rows;
  });
}

const SHARDS = 4;
const STALL_KEYS = 2000;
const TAG = '{t}';

/** Long commands on keys of one shard, and what they need. @type {readonly (readonly [string, readonly string[]])[]} */
const LONG_COMMANDS = [
  ['ZUNIONSTORE', ['ZUNIONSTORE', `union${TAG}`, '2', `z${TAG}`, `y${TAG}`]],
  ['SORT', ['SORT', `list${TAG}`, 'STORE', `sorted${TAG}`]],
  ['SINTERSTORE', ['SINTERSTORE', `inter${TAG}`, `s${TAG}`, `t${TAG}`]],
];

/** @param {number} members @returns {Record<string, () => import('./types-plans.js').Batches[]>} */
const longData = (members) => ({
  ZUNIONSTORE: () => [
    fill(['ZADD', `z${TAG}`], members / 2, (i) => [i, `a${i}`]),
    fill(['ZADD', `y${TAG}`], members / 2, (i) => [i, `b${i}`]),
  ],
  SORT: () => [fill(['RPUSH', `list${TAG}`], members, (i) => [(i * 611_953) % 999_983])],
  SINTERSTORE: () => [
    fill(['SADD', `s${TAG}`], members, (i) => [`m${i}`]),
    fill(['SADD', `t${TAG}`], members, (i) => [`m${i}`]),
  ],
});

/** Names of loaded keys on the shard of the long commands, or on the others. @param {boolean} same */
async function keyNames(same) {
  const { slotOf, shardOfSlot } = await import('../../dist/modules/shared/hash.js');
  /** @param {string} name */
  const shardOf = (name) => shardOfSlot(slotOf(Buffer.from(name), 0, name.length), SHARDS);
  const names = Array.from({ length: STALL_KEYS }, (_, i) => `key:${String(i).padStart(12, '0')}`);
  return names.filter((name) => (shardOf(name) === shardOf(TAG)) === same);
}

/** p99 of a GET while a long command runs again and again on one shard. @param {Setup} setup */
async function stalls(setup) {
  const others = await keyNames(false);
  const own = await keyNames(true);
  const members = Math.round(1_000_000 * setup.scale);
  return withServers({ ...setup, rounds: 1 }, ['--shards', String(SHARDS)], async (servers) => {
    /** @type {Row[]} */
    const rows = [];
    for (const [name, words] of LONG_COMMANDS) {
      /** By figure, then server. @type {number[][]} */
      const figures = [[], [], []];
      for (const { port, contestant } of servers) {
        await empty(port);
        await preload(port, STALL_KEYS, 32);
        for (const batches of longData(members)[name]?.() ?? []) await sendBatches(port, batches);
        const loop = commandLoop(port, [...words]);
        await sleep(500);
        const seconds = Math.max(4, 10 * setup.scale);
        const other = await steadyLatency(port, others, seconds);
        const same = await steadyLatency(port, own, seconds);
        const replies = await loop.stop();
        const texts = `other shards ${latencyText(other)}; same shard ${latencyText(same)}; ${replies} x ${name}`;
        setup.say(`  ${contestant.name.padEnd(9)} ${texts}`);
        for (const [i, n] of [other.p99, same.p99, other.lateP99].entries()) figures[i]?.push(n);
      }
      const label = { section: 'types', unit: 'ms', better: /** @type {const} */ ('less') };
      const what = `p99 of GET beside ${name}`;
      rows.push(
        ...rowsOf(setup, servers, figures[0] ?? [], { ...label, what: `${what}, other shards`, target: STALL }),
      );
      rows.push(...rowsOf(setup, servers, figures[1] ?? [], { ...label, what: `${what}, same shard`, target: null }));
      const late = `p99 of the client being late itself, ${name}`;
      rows.push(...rowsOf(setup, servers, figures[2] ?? [], { ...label, what: late, target: null }));
    }
    return rows;
  });
}

/**
 * The parts throughput, memory and stalls, or those that `setup.only` names, or only its commands.
 * @param {Setup} setup
 */
export async function typesSection(setup) {
  const parts = { throughput, memory, stalls };
  /** @type {Row[]} */
  const rows = [];
  for (const [name, part] of Object.entries(parts)) {
    const hasPlans = name === 'throughput' && PLANS.some((plan) => setup.only.includes(plan.command));
    if (setup.only.length > 0 && !setup.only.includes(name.toUpperCase()) && !hasPlans) continue;
    setup.say(`  ${name}`);
    try {
      rows.push(...(await part(setup)));
    } catch (error) {
      // What has been measured is worth keeping.
      setup.say(`  ${name} ended early: ${firstLine(error)}`);
    }
  }
  return rows;
}
