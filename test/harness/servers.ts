/**
 * Starts the servers that tests talk to: the built sherd (`dist/main/cli.js`) and, as the oracle, Debian's
 * redis-server. Each runs in a temporary folder of its own on a free port of 127.0.0.1.
 *
 * Invariant: whatever was started here is gone when `stop()` resolves; what a test forgot dies with the test process.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RespClient } from './resp-client.js';

export const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The built package, or the one that checks; `SHERD_DIST` names another build, to compare two. */
export const DIST =
  process.env.SHERD_DIST ?? join(PROJECT_ROOT, process.env.SHERD_CHECK === '1' ? 'dist-check' : 'dist');
export const CLI = join(DIST, 'main/cli.js');
const READY = /Ready to accept connections/;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 15_000;

export interface StartOptions {
  /** Further command line, after the harness's own. */
  args?: readonly string[];
  shards?: number;
  ioThreads?: number;
  dispatch?: 'auto' | 'ring' | 'inline';
  env?: Record<string, string>;
  /** Arguments of `ulimit` under which it runs (sherd only). */
  ulimit?: string;
  /** Flags for node itself (sherd only). */
  nodeArgs?: readonly string[];
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// Without this a test process that is told to end would leave its servers behind.
process.once('SIGTERM', () => process.exit(1));

/** A server process of a test. */
export class TestServer {
  readonly child: ChildProcess;
  readonly port: number;
  readonly dir: string;
  /** What it has written to standard output and standard error so far. */
  log = '';
  readonly exited: Promise<Exit>;
  readonly #clients: RespClient[] = [];

  constructor(child: ChildProcess, port: number, dir: string) {
    this.child = child;
    this.port = port;
    this.dir = dir;
    running.add(child);
    const collect = (chunk: Buffer): void => {
      this.log += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
  }

  /** A new connection; closed by `stop()` when the test did not. */
  async client(): Promise<RespClient> {
    const client = await RespClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  /** Resident memory of the process in bytes. */
  rssBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'latin1');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  /** SIGTERM, then SIGKILL if that does not help; removes the folder. */
  async stop(): Promise<Exit> {
    for (const client of this.#clients.splice(0)) client.socket.destroy();
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    rmSync(this.dir, { recursive: true, force: true });
    return exit;
  }

  /** Waits until the log matches; rejects when the process ends first or the time is over. */
  async waitForLog(pattern: RegExp, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let ended: Exit | undefined;
    void this.exited.then((exit) => {
      ended = exit;
    });
    while (!pattern.test(this.log)) {
      if (ended !== undefined) throw new Error(`server ended with ${JSON.stringify(ended)}:\n${this.log}`);
      if (performance.now() > deadline) throw new Error(`no ${pattern} within ${timeoutMs} ms:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** A fresh folder under the system's temporary one. */
export function temporaryDir(): string {
  return mkdtempSync(join(tmpdir(), 'sherd-test-'));
}

function commonArgs(port: number, dir: string): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir],
    ...['--enable-debug-command', 'yes'],
  ];
}

async function start(command: string, args: string[], port: number, dir: string, env = {}): Promise<TestServer> {
  const child = spawn(command, args, { cwd: dir, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const server = new TestServer(child, port, dir);
  try {
    await server.waitForLog(READY, START_TIMEOUT_MS);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** The built sherd, without waiting for anything: for tests of how it starts and ends. */
export function spawnSherd(args: readonly string[], port = 0, env: Record<string, string> = {}): TestServer {
  const dir = temporaryDir();
  const child = spawn(process.env.SHERD_NODE ?? process.execPath, [CLI, ...args], {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new TestServer(child, port, dir);
}

/** `SHERD_TEST_SUBJECT=redis` puts redis-server in sherd's place, to test the tests. */
export const SUBJECT_IS_REDIS = process.env.SHERD_TEST_SUBJECT === 'redis';

/** Starts the built sherd and waits until it is ready. */
export async function startSherd(options: StartOptions = {}): Promise<TestServer> {
  if (SUBJECT_IS_REDIS) return startRedis(options.args);
  const port = await freePort();
  const dir = temporaryDir();
  const args = [...(options.nodeArgs ?? []), CLI, ...commonArgs(port, dir)];
  if (options.shards !== undefined) args.push('--shards', String(options.shards));
  if (options.ioThreads !== undefined) args.push('--io-threads', String(options.ioThreads));
  if (options.dispatch !== undefined) args.push('--dispatch', options.dispatch);
  args.push(...(options.args ?? []));
  const node = process.env.SHERD_NODE ?? process.execPath;
  if (options.ulimit === undefined) return start(node, args, port, dir, options.env);
  const limited = ['-c', `ulimit ${options.ulimit}; exec "$@"`, 'sh', node, ...args];
  return start('/bin/bash', limited, port, dir, options.env);
}

/** Starts Debian's redis-server, the oracle. Requires `REDIS_AVAILABLE`. */
export async function startRedis(args: readonly string[] = []): Promise<TestServer> {
  const port = await freePort();
  const dir = temporaryDir();
  return start('redis-server', [...commonArgs(port, dir), ...args], port, dir);
}

function redisVersion(): string | undefined {
  try {
    return /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
  } catch (error) {
    // Anything else than that there is none would leave tests out unseen.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** The version of the redis-server on the PATH, if there is one. */
export const REDIS_VERSION = redisVersion();
/** Whether comparisons can run; says so once when they cannot. */
export const REDIS_AVAILABLE = REDIS_VERSION !== undefined;
if (!REDIS_AVAILABLE) {
  process.stderr.write('redis-server is not on the PATH: comparisons are skipped (apt-get install redis-server)\n');
}
