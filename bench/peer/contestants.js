// @ts-check
/**
 * Starts the servers that are compared: Debian's redis-server and the built sherd on one or more versions of Node,
 * all with persistence off, on free ports of 127.0.0.1, each in a temporary folder.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = join(process.env.SHERD_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url)), 'main/cli.js');
const START_TIMEOUT_MS = 30_000;
const NPX_TIMEOUT_MS = 60_000;
/** Linux reports processor time in hundredths of a second, whatever its timer. */
const TICK_NS = 10_000_000;

/**
 * @typedef {{ name: string, node: string | null, version: string }} Contestant  node: path of its Node, null for Redis
 * @typedef {{ contestant: Contestant, port: number, pid: number, rssBytes: () => number,
 *   cpuNs: () => number, stop: () => Promise<void> }} Server  cpuNs: used since the start, all threads
 */

/** @returns {Contestant | null} the redis-server on the PATH */
export function redisContestant() {
  try {
    const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return { name: 'redis', node: null, version: /v=(\S+)/.exec(text)?.[1] ?? '?' };
  } catch {
    return null;
  }
}

/**
 * sherd on the Node that runs this script (`major` 'self') or on one from the npm package `node`.
 * @param {string} major
 * @returns {Contestant | null} null when that Node cannot be had
 */
export function sherdContestant(major) {
  if (major === 'self' || process.version.startsWith(`v${major}.`)) {
    return { name: `sherd@${process.versions.node.split('.')[0]}`, node: process.execPath, version: process.version };
  }
  try {
    const args = ['--yes', '-p', `node@${major}`, 'node', '-p', 'process.execPath'];
    const path = execFileSync('npx', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: NPX_TIMEOUT_MS,
    }).trim();
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
    return version.startsWith(`v${major}.`) ? { name: `sherd@${major}`, node: path, version } : null;
  } catch {
    return null;
  }
}

/** User and system time of a process with its threads, ns. @param {number} pid */
function cpuNs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_NS;
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a contestant; resolves when it accepts connections.
 * @param {Contestant} contestant
 * @param {readonly string[]} [sherdArgs] further flags for sherd only
 * @returns {Promise<Server>}
 */
export async function startServer(contestant, sherdArgs = []) {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'sherd-bench-'));
  const common = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const child =
    contestant.node === null
      ? spawn('redis-server', common, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn(contestant.node, [CLI, ...common, ...sherdArgs], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let log = '';
  const gone = new Promise((resolve) => child.once('close', resolve)).then(() => running.delete(child));
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${contestant.name} did not start:\n${log}`)), START_TIMEOUT_MS);
    /** @param {Buffer} chunk */
    const onData = (chunk) => {
      log = (log + chunk).slice(-20_000);
      if (!/Ready to accept connections/.test(log)) return;
      clearTimeout(timer);
      resolve(undefined);
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.once('close', (code) => reject(new Error(`${contestant.name} ended with ${code}:\n${log}`)));
  });
  const pid = /** @type {number} */ (child.pid);
  return {
    contestant,
    port,
    pid,
    rssBytes: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024,
    cpuNs: () => cpuNs(pid),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(timer);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
