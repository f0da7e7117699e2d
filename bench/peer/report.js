// @ts-check
/** Turns rows into a table for people (Markdown) and a file for programs (JSON). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

/** @typedef {import('./measure.js').Row} Row */

/** @param {number} n */
function figure(n) {
  if (!Number.isFinite(n)) return '-';
  return n >= 1000 ? Math.round(n).toLocaleString('en') : n.toFixed(n < 10 ? 2 : 1);
}

/** @param {Row} row @returns {string} */
function verdict(row) {
  if (row.must === null || row.aim === null) return '';
  const measured = Number.isFinite(row.redis) ? row.ratio : row.value;
  if (!Number.isFinite(measured)) return 'not measured';
  const sign = row.better === 'more' ? 1 : -1;
  if (sign * (measured - row.aim) >= 0) return 'aim reached';
  return sign * (measured - row.must) >= 0 ? 'reached' : '**missed**';
}

/** Processor time of a request. @param {number | undefined} ns */
const cpu = (ns) => (ns === undefined ? '' : Math.round(ns).toLocaleString('en'));

/** @param {Row[]} rows */
export function table(rows) {
  const lines = [
    '| test | unit | sherd | redis | ratio | must | aim | | CPU ns sherd | CPU ns redis |',
    '|---|---|--:|--:|--:|--:|--:|---|--:|--:|',
  ];
  for (const row of rows) {
    const ratio = Number.isFinite(row.ratio) ? `${row.ratio.toFixed(row.ratio < 0.1 ? 3 : 2)} x` : '-';
    const bound = Number.isFinite(row.redis) ? ' x' : ` ${row.unit}`;
    const targets = row.must === null ? ['', ''] : [`${row.must}${bound}`, `${row.aim}${bound}`];
    const cells = [`${row.section}: ${row.what}`, row.unit, figure(row.value), figure(row.redis), ratio, ...targets];
    cells.push(verdict(row), cpu(row.cpuNs), cpu(row.redisCpuNs));
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/**
 * Writes `<date>-node<major>[-<label>].md` and `.json`; the label tells runs that were not the full one.
 * @param {string} dir @param {Row[]} rows @param {{ redis: string, node: string, subject: string, rounds: number,
 *   scale: number, keys: number, sections: string[], label: string }} about
 * @returns {string} the path without its ending
 */
export function writeResults(dir, rows, about) {
  const date = new Date().toISOString().slice(0, 10);
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${memory}, ${release()}`;
  const major = about.node.replace(/^v/, '').split('.')[0];
  const path = join(dir, `${date}-node${major}${about.label}`);
  const heading = `# sherd on Node ${about.node} beside redis-server ${about.redis}`;
  const how =
    `${machine}. ${about.rounds} rounds taken in turns, medians; 50 clients, ` +
    `${about.keys.toLocaleString('en')} keys, ` +
    `persistence off on both; run length x ${about.scale}. Sections: ${about.sections.join(', ')}.`;
  mkdirSync(dir, { recursive: true });
  writeFileSync(`${path}.md`, `${heading}\n\n${how}\n\n${table(rows)}\n`);
  writeFileSync(`${path}.json`, `${JSON.stringify({ date, machine, ...about, rows }, null, 2)}\n`);
  return path;
}
