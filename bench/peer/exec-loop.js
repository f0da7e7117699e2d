// @ts-check
/**
 * `node exec-loop.js PORT SECONDS`: 50 clients, each with 16 times MULTI, INCR, INCR, EXEC in one write, again and
 * again. Prints how many transactions were answered, and in how many seconds.
 */
import net from 'node:net';

const CLIENTS = 50;
const DEPTH = 16;
const KEYS = 100_000;
const WARM_MS = 500;
const [port, seconds] = process.argv.slice(2).map(Number);

/** @param {readonly string[]} words */
const encode = (words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const key = () => `key:${String(Math.floor(Math.random() * KEYS)).padStart(12, '0')}`;
/** Behind each batch, so that its end is seen without reading all of it. */
const MARK = 'END\r\n';

let done = 0;
for (let i = 0; i < CLIENTS; i++) {
  let text = '';
  for (let k = 0; k < DEPTH; k++) {
    text += encode(['MULTI']) + encode(['INCR', key()]) + encode(['INCR', key()]) + encode(['EXEC']);
  }
  const batch = Buffer.from(text + encode(['ECHO', 'END']));
  const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(batch));
  socket.on('data', (chunk) => {
    if (chunk[0] === 0x2d) throw new Error(chunk.toString('latin1'));
    if (chunk.toString('latin1', Math.max(0, chunk.length - MARK.length)) !== MARK) return;
    done += DEPTH;
    socket.write(batch);
  });
}
setTimeout(() => {
  done = 0;
  const start = performance.now();
  setTimeout(() => {
    process.stdout.write(`${done} ${(performance.now() - start) / 1000}`, () => process.exit());
  }, Number(seconds) * 1000);
}, WARM_MS);
