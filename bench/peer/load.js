// @ts-check
/** What is done to the servers: redis-benchmark and memtier_benchmark as they are, and small clients of our own. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

/** Keys as redis-benchmark names them: 16 bytes. @param {number} i */
export const keyName = (i) => `key:${String(i).padStart(12, '0')}`;

/**
 * One run of redis-benchmark.
 * @param {{ port: number, test: string, pipeline: number, dataBytes: number, requests: number, keys: number }} run
 * @returns {Promise<number>} requests per second
 */
export function redisBenchmark({ port, test, pipeline, dataBytes, requests, keys }) {
  const args = ['-h', '127.0.0.1', '-p', port, '-c', 50, '-n', requests, '-P', pipeline, '-d', dataBytes, '-r', keys];
  return new Promise((resolve, reject) => {
    execFile('redis-benchmark', [...args.map(String), '-t', test, '--csv'], (error, stdout) => {
      const row = stdout.split('\n').find((line) => /^"(SET|GET|INCR|MSET)/.test(line));
      const rate = Number(row?.split('","')[1]);
      if (error !== null || !(rate > 0)) reject(new Error(`redis-benchmark ${test}: ${error?.message ?? stdout}`));
      else resolve(rate);
    });
  });
}

/** Longest run of redis-benchmark, s; one that is not done then is an error. */
const BENCHMARK_SECONDS_MAX = 60;

/**
 * One run of redis-benchmark with a command of our own; `__rand_int__` in a word becomes 12 digits below `range`, other
 * ones at each place.
 * @param {{ port: number, words: readonly string[], pipeline: number, requests: number, range: number }} run
 * @returns {Promise<number>} requests per second
 */
export function benchmarkCommand({ port, words, pipeline, requests, range }) {
  const args = ['-h', '127.0.0.1', '-p', port, '-c', 50, '-n', requests, '-P', pipeline, '-r', range, '--csv'];
  const command = ['-k', '5', String(BENCHMARK_SECONDS_MAX), 'redis-benchmark', ...args.map(String), ...words];
  return new Promise((resolve, reject) => {
    execFile('timeout', command, (error, stdout, stderr) => {
      const rate = Number(/","([\d.]+)","[\d.]+","[\d.]+","[\d.]+","[\d.]+","[\d.]+","[\d.]+"\s*$/.exec(stdout)?.[1]);
      if (error === null && rate > 0) resolve(rate);
      else reject(new Error(`redis-benchmark ${words.join(' ')}: ${stderr.split('\n')[0] || error?.message}`));
    });
  });
}

/** Whether a program answers to --version. @param {string} program */
export function isOnPath(program) {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * One run of memtier_benchmark with a ratio of 1 SET to 10 GETs.
 * @param {{ port: number, pipeline: number, seconds: number, keys: number, dataBytes: number }} run
 * @returns {Promise<number>} operations per second
 */
export function memtier({ port, pipeline, seconds, keys, dataBytes }) {
  const args = ['-s', '127.0.0.1', '-p', port, '-t', 1, '-c', 50, '--pipeline', pipeline, '--test-time', seconds];
  args.push('--key-maximum', keys, '-d', dataBytes, '--ratio', '1:10', '--hide-histogram');
  return new Promise((resolve, reject) => {
    execFile('memtier_benchmark', args.map(String), (error, stdout) => {
      const rate = Number(/^Totals\s+([\d.]+)/m.exec(stdout)?.[1]);
      if (error !== null || !(rate > 0)) reject(new Error(`memtier_benchmark: ${error?.message ?? stdout}`));
      else resolve(rate);
    });
  });
}

/** @param {readonly (string | number)[]} args */
const encode = (args) => `*${args.length}\r\n${args.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join('')}`;

/**
 * Connects and gives the socket to `use`.
 * @template T
 * @param {number} port
 * @param {(socket: net.Socket) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withSocket(port, use) {
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    return await use(socket);
  } finally {
    socket.destroy();
  }
}

/**
 * One command whose reply is a single bulk, status or integer.
 * @param {number} port
 * @param {...(string | number)} args
 * @returns {Promise<string>} the reply's text with its header
 */
export function call(port, ...args) {
  return withSocket(
    port,
    (socket) =>
      new Promise((resolve, reject) => {
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
          const bulk = /^\$(\d+)\r\n/.exec(text);
          if (bulk === null ? text.endsWith('\r\n') : text.length >= bulk[0].length + Number(bulk[1]) + 2)
            resolve(text);
        });
        socket.once('error', reject);
        socket.write(encode(args));
      }),
  );
}

/** A numeric field of INFO, or NaN. @param {number} port @param {string} section @param {string} field */
export async function info(port, section, field) {
  const text = await call(port, 'INFO', section);
  return Number(new RegExp(`^${field}:(.*)\\r$`, 'm').exec(text)?.[1] ?? 'NaN');
}

/**
 * Counts replies that are one line each, or one bulk without a line end in it, in chunks that may end anywhere.
 * @returns {{ replies: () => number, failure: () => string, take: (chunk: Buffer) => void }}
 */
function replyCounter() {
  let replies = 0;
  let failure = '';
  /** First character of the line that goes on in the next chunk, 0 at the beginning of a line. */
  let first = 0;
  /** The next line is what a bulk holds. */
  let inBulk = false;
  return {
    replies: () => replies,
    failure: () => failure,
    take: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (first === 0) first = chunk[at] ?? 0;
        const end = chunk.indexOf(10, at);
        if (first === 0x2d && !inBulk && failure === '') failure = chunk.toString('latin1', at, at + 200);
        if (end < 0) return;
        inBulk = first === 0x24 && !inBulk;
        if (!inBulk) replies++;
        first = 0;
        at = end + 1;
      }
    },
  };
}

/**
 * Sends commands with replies as replyCounter takes them, a batch after the other; two may be under way.
 * @param {number} port
 * @param {Iterable<readonly (readonly (string | number)[])[]>} batches
 */
export function sendBatches(port, batches) {
  return withSocket(port, async (socket) => {
    const counter = replyCounter();
    let wake = () => {};
    socket.on('data', (chunk) => {
      counter.take(chunk);
      wake();
    });
    let expected = 0;
    let last = 0;
    /** @param {number} wanted */
    const wait = async (wanted) => {
      while (counter.replies() < wanted) {
        if (counter.failure() !== '') throw new Error(`preload: ${counter.failure()}`);
        await new Promise((resolve) => {
          wake = () => resolve(undefined);
        });
      }
    };
    for (const batch of batches) {
      socket.write(Buffer.from(batch.map(encode).join(''), 'latin1'));
      expected += batch.length;
      last = batch.length;
      await wait(expected - last);
    }
    await wait(expected);
  });
}

/**
 * Sets keys 0 to `count` - 1 to values of `dataBytes` bytes.
 * @param {number} port @param {number} count @param {number} dataBytes
 */
export function preload(port, count, dataBytes) {
  const value = 'x'.repeat(dataBytes);
  const size = Math.max(10, Math.min(1000, Math.floor(4_000_000 / (dataBytes + 64))));
  return sendBatches(
    port,
    batchesOf(count, size, (i) => ['SET', keyName(i), value]),
  );
}

/**
 * Commands 0 to `count` - 1 in batches of `size`.
 * @param {number} count @param {number} size @param {(i: number) => readonly (string | number)[]} command
 */
export function* batchesOf(count, size, command) {
  for (let base = 0; base < count; base += size) {
    yield Array.from({ length: Math.min(size, count - base) }, (_, i) => command(base + i));
  }
}

/** @param {number[]} latencies ms */
function quantiles(latencies) {
  latencies.sort((a, b) => a - b);
  /** @param {number} q */
  const at = (q) => latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), max: at(1), count: latencies.length };
}

/**
 * GETs of random keys, one at a time: each is sent when the one before was answered.
 * @param {number} port @param {number} keys @param {number} seconds
 * @returns {Promise<{ p50: number, p99: number, max: number, count: number }>} milliseconds
 */
export function getLatency(port, keys, seconds) {
  return withSocket(
    port,
    (socket) =>
      new Promise((resolve, reject) => {
        /** @type {number[]} */
        const latencies = [];
        const end = performance.now() + seconds * 1000;
        let sent = 0;
        let text = '';
        const send = () => {
          sent = performance.now();
          socket.write(encode(['GET', keyName(Math.floor(Math.random() * keys))]));
        };
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
          const head = /^\$(\d+)\r\n/.exec(text);
          if (head === null) {
            if (text.endsWith('\r\n')) reject(new Error(`GET of a loaded key: ${text}`));
            return;
          }
          if (text.length < head[0].length + Number(head[1]) + 2) return;
          text = '';
          const now = performance.now();
          latencies.push(now - sent);
          if (now < end) send();
          else resolve(quantiles(latencies));
        });
        socket.once('error', reject);
        send();
      }),
  );
}

/**
 * GETs at a steady rate of random keys, those of `names` or 0 to `keys` - 1, whether or not earlier ones were answered;
 * each is timed from the moment it was due, so a server that stops is not flattered. `lateP99`: how
 * late the client itself was in sending, which is in the latencies too; on a machine that lacks processors it says how
 * far to trust them.
 * @param {number} port @param {number | readonly string[]} keys @param {number} seconds
 * @returns {Promise<{ p50: number, p99: number, max: number, count: number, lateP99: number }>} milliseconds
 */
export function steadyLatency(port, keys, seconds) {
  const perSecond = 200;
  const pick = () =>
    typeof keys === 'number'
      ? keyName(Math.floor(Math.random() * keys))
      : keys[Math.floor(Math.random() * keys.length)];
  return withSocket(port, async (socket) => {
    /** @type {number[]} */
    const due = [];
    /** @type {number[]} */
    const latencies = [];
    /** @type {number[]} */
    const late = [];
    let rest = '';
    socket.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      for (;;) {
        const head = /^\$(-?\d+)\r\n/.exec(rest);
        if (head === null) return;
        const length = head[0].length + (Number(head[1]) < 0 ? 0 : Number(head[1]) + 2);
        if (rest.length < length) return;
        rest = rest.slice(length);
        latencies.push(performance.now() - /** @type {number} */ (due[latencies.length]));
      }
    });
    const start = performance.now();
    while (performance.now() - start < seconds * 1000) {
      const next = start + (due.length * 1000) / perSecond;
      if (next > performance.now()) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(1, next - performance.now())));
        continue;
      }
      due.push(next);
      late.push(performance.now() - next);
      socket.write(encode(['GET', pick() ?? '']));
    }
    const deadline = performance.now() + 30_000;
    while (latencies.length < due.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // What has not been answered until now took at least so long.
    for (let i = latencies.length; i < due.length; i++) latencies.push(performance.now() - (due[i] ?? 0));
    return { ...quantiles(latencies), lateP99: quantiles(late).p99 };
  });
}

/**
 * Runs a script beside this one in a loop in a process of its own until `stop` is called.
 * @param {string} script @param {readonly (string | number)[]} args
 * @returns {{ stop: () => Promise<number> }} stop resolves to the number of replies
 */
function loop(script, args) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  return {
    stop: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve(Number(text)));
        child.stdin.end();
      }),
  };
}

/** Runs `KEYS *` in a loop; as `loop`. @param {number} port */
export const keysLoop = (port) => loop('./keys-loop.js', [port]);

/** Runs a command with a reply of one line in a loop; as `loop`. @param {number} port @param {string[]} words */
export const commandLoop = (port, words) => loop('./command-loop.js', [port, ...words]);
