// @ts-check
/**
 * Fan-out: one PUBLISH to many subscribers, sherd (the built package) and redis-server taking turns.
 *
 *   node bench/pubsub.js [--subscribers 100] [--messages 20000] [--rounds 3] [--io-threads 1] [--payload 32]
 *
 * Subscribers are plain sockets of this process, which counts the bytes they get; publishers are redis-benchmark. A row
 * is the median of delivered messages a second, and the server's own CPU time for one delivered message.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    subscribers: { type: 'string', default: '100' },
    messages: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    'io-threads': { type: 'string', default: '1' },
    payload: { type: 'string', default: '32' },
  },
});
const SUBSCRIBERS = Number(values.subscribers);
const MESSAGES = Number(values.messages);
const PAYLOAD = 'x'.repeat(Number(values.payload));
const CHANNEL = 'news';
/** Clients and pipeline of redis-benchmark. */
const LOADS = [
  [1, 1],
  [20, 1],
  [4, 16],
];
const TICKS_PER_SECOND = 100;
const MESSAGE = `*3\r\n$7\r\nmessage\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n$${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;
const CLI = process.env.SHERD_DIST ?? fileURLToPath(new URL('../dist', import.meta.url));

/** @param {string} name @param {number} port */
async function start(name, port) {
  const common = ['--port', String(port), '--save', '', '--appendonly', 'no'];
  const child =
    name === 'redis'
      ? spawn('redis-server', common, { stdio: 'ignore' })
      : spawn(process.execPath, [`${CLI}/main/cli.js`, ...common, '--io-threads', values['io-threads'] ?? '1'], {
          stdio: 'ignore',
        });
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const socket = net.connect(port, '127.0.0.1');
    const ok = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (ok) return child;
  }
  child.kill();
  throw new Error(`${name} does not start`);
}

/** CPU seconds of a process so far. @param {number} pid */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @param {number} port @param {number} clients @param {number} pipeline @param {number} pid */
async function measure(port, clients, pipeline, pid) {
  const expected = SUBSCRIBERS * MESSAGES * MESSAGE.length;
  let bytes = 0;
  let confirmed = 0;
  /** @type {(value: unknown) => void} */
  let done = () => {};
  const all = new Promise((resolve) => {
    done = resolve;
  });
  const sockets = [];
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const socket = net.connect(port, '127.0.0.1');
    socket.write(`*2\r\n$9\r\nsubscribe\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n`);
    socket.once('data', () => {
      confirmed++;
      socket.on('data', (data) => {
        bytes += data.length;
        if (bytes >= expected) done(null);
      });
    });
    sockets.push(socket);
  }
  while (confirmed < SUBSCRIBERS) await new Promise((resolve) => setTimeout(resolve, 10));
  const cpu = cpuSeconds(pid);
  const started = performance.now();
  const args = ['-p', port, '-n', MESSAGES, '-c', clients, '-P', pipeline, '-q', 'publish', CHANNEL, PAYLOAD];
  execFile('redis-benchmark', args.map(String), () => {});
  await Promise.race([all, new Promise((_, reject) => setTimeout(reject, 120_000, new Error('timeout')))]);
  const seconds = (performance.now() - started) / 1000;
  const used = cpuSeconds(pid) - cpu;
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const delivered = SUBSCRIBERS * MESSAGES;
  return { rate: delivered / seconds, cpuUs: (used / delivered) * 1e6 };
}

/** @param {number[]} list */
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;

const names = ['sherd', 'redis'];
const port = 20000 + Math.floor(Math.random() * 9000);
const ports = [port, port + 1];
/** @type {import('node:child_process').ChildProcess[]} */
const servers = [];
try {
  for (let i = 0; i < names.length; i++) servers.push(await start(names[i] ?? '', ports[i] ?? 0));
  for (const [clients, pipeline] of LOADS) {
    /** @type {Record<string, {rate: number, cpuUs: number}[]>} */
    const results = { sherd: [], redis: [] };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (let i = 0; i < names.length; i++) {
        const result = await measure(ports[i] ?? 0, clients ?? 1, pipeline ?? 1, servers[i]?.pid ?? 0);
        results[names[i] ?? '']?.push(result);
      }
    }
    const rates = names.map((name) => median((results[name] ?? []).map((r) => r.rate)));
    const cpus = names.map((name) => median((results[name] ?? []).map((r) => r.cpuUs)));
    console.log(
      `${SUBSCRIBERS} subscribers, c=${clients} P=${pipeline}: sherd ${Math.round(rates[0] ?? 0)}/s, ` +
        `redis ${Math.round(rates[1] ?? 0)}/s, ratio ${((rates[0] ?? 0) / (rates[1] ?? 1)).toFixed(2)}; ` +
        `CPU us per message: ${cpus.map((c) => c.toFixed(3)).join(' / ')}`,
    );
  }
} finally {
  for (const server of servers) server.kill();
}
