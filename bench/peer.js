// @ts-check
/**
 * The side-by-side bench: sherd and Debian's redis-server on this machine, taking turns.
 *
 *   npm run bench:peer                        everything, on this Node and on Node 24 if npm has it
 *   npm run bench:peer -- p16 keys            some sections: p1 p16 p64 mset ring memory keys types
 *                                             clients memtier
 *   npm run bench:peer -- types --only XADD,memory   of it only some commands or parts (throughput memory stalls)
 *   npm run bench:peer -- --quick             shorter runs, one round less, this Node only
 *   npm run bench:peer -- --no-node24         this Node only (--node24: Node 24 too, even with --quick)
 *   npm run bench:peer -- --nodes 20,24       these versions; --rounds N, --keys N, --out DIR
 *   npm run bench:peer -- --self              redis-server against itself: what the noise is
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { redisContestant, sherdContestant } from './peer/contestants.js';
import { isOnPath } from './peer/load.js';
import { table, writeResults } from './peer/report.js';
import { SECTIONS } from './peer/sections.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    help: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    self: { type: 'boolean', default: false },
    node24: { type: 'boolean' },
    nodes: { type: 'string' },
    rounds: { type: 'string' },
    keys: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: fileURLToPath(new URL('./results', import.meta.url)) },
  },
});

/** @param {string} text */
const say = (text) => console.log(text);

if (values.help) {
  say(
    'bench:peer -- [p1 p16 p64 mset ring memory keys types clients memtier] [--quick] [--[no-]node24] [--nodes 20,24]',
  );
  say('  [--rounds N] [--keys N] [--only WORD,...] [--out DIR] [--self]');
  process.exit(0);
}
const redis = redisContestant();
if (redis === null || !isOnPath('redis-benchmark')) {
  console.error('redis-server and redis-benchmark must be on the PATH: apt-get install redis-server redis-tools');
  process.exit(1);
}
const unknown = positionals.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(`no such section: ${unknown.join(', ')}; there are: ${Object.keys(SECTIONS).join(' ')}`);
  process.exit(1);
}
const nodes = values.nodes?.split(',') ?? ((values.node24 ?? !values.quick) ? ['self', '24'] : ['self']);
/** @type {import("./peer/contestants.js").Contestant[]} */
const subjects = [];
for (const major of values.self ? [] : nodes) {
  const contestant = sherdContestant(major);
  if (contestant === null) say(`Node ${major} cannot be had, left out`);
  else if (subjects.every((other) => other.version !== contestant.version)) subjects.push(contestant);
}
if (values.self) subjects.push({ ...redis, name: 'redis#2' });
const sections = positionals.length > 0 ? positionals : Object.keys(SECTIONS);
const setup = {
  redis,
  subjects,
  rounds: Number(values.rounds ?? (values.quick ? 2 : 3)),
  scale: values.quick ? 0.2 : 1,
  keys: Number(values.keys),
  only: values.only === '' ? [] : values.only.toUpperCase().split(','),
  say,
};

const start = performance.now();
/** @type {import('./peer/measure.js').Row[]} */
const rows = [];
for (const name of sections) {
  if (name === 'memtier' && !isOnPath('memtier_benchmark')) {
    say('memtier: memtier_benchmark is not on the PATH, left out');
    continue;
  }
  say(`${name} (${Math.round((performance.now() - start) / 1000)} s)`);
  rows.push(...((await SECTIONS[name]?.(setup)) ?? []));
}
for (const { name, version } of subjects) {
  const own = rows.filter((row) => row.subject === name);
  const label = [...positionals, ...setup.only.map((word) => word.toLowerCase()), ...(values.quick ? ['quick'] : [])]
    .map((word) => `-${word}`)
    .join('');
  const about = { redis: redis.version, node: version, subject: name, sections, label };
  say(`\n${name} (Node ${version}) beside redis-server ${redis.version}\n${table(own)}`);
  if (values.self) continue;
  const { rounds, scale, keys } = setup;
  say(`written: ${writeResults(values.out, own, { ...about, rounds, scale, keys })}.md`);
}
