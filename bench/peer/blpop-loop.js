// @ts-check
/**
 * `node blpop-loop.js PORT SECONDS DEPTH`: 1,000 clients wait in BLPOP for one list, one client pushes DEPTH elements
 * in a write, and the next ones when these have been answered. Prints how many were served, and in how many seconds.
 */
import net from 'node:net';

const CLIENTS = 1000;
/** The producer waits while so many are pushed and not served. */
const AHEAD_MAX = 1000;
const SETTLE_MS = 1500;
const [port, seconds, depth] = process.argv.slice(2).map(Number);

/** @param {readonly string[]} words */
const encode = (words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const ask = Buffer.from(encode(['BLPOP', 'jobs', '0']));
const push = Buffer.from(encode(['LPUSH', 'jobs', 'abcdefgh']).repeat(Number(depth)));

let served = 0;
let pushed = 0;
for (let i = 0; i < CLIENTS; i++) {
  const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(ask));
  socket.setNoDelay(true);
  socket.on('data', () => {
    served++;
    socket.write(ask);
  });
}

const producer = net.connect(Number(port), '127.0.0.1');
let answered = 0;
const next = () => {
  if (pushed - served > AHEAD_MAX) setImmediate(next);
  else producer.write(push);
};
producer.on('data', (chunk) => {
  for (const byte of chunk) if (byte === 0x3a) answered++;
  if (answered < Number(depth)) return;
  answered -= Number(depth);
  pushed += Number(depth);
  next();
});
setTimeout(() => producer.write(push), SETTLE_MS - 500);
setTimeout(() => {
  const before = served;
  const start = performance.now();
  setTimeout(() => {
    process.stdout.write(`${served - before} ${(performance.now() - start) / 1000}`, () => process.exit());
  }, Number(seconds) * 1000);
}, SETTLE_MS);
