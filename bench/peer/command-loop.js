// @ts-check
/** `node command-loop.js PORT WORD...`: sends the command again and again; see keys-loop.js. Replies are one line. */
import net from 'node:net';

const words = process.argv.slice(3);
const command = `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const socket = net.connect(Number(process.argv[2]), '127.0.0.1');
let replies = 0;

socket.on('connect', () => socket.write(command));
socket.on('data', (chunk) => {
  if (chunk[0] === 0x2d) throw new Error(chunk.toString('latin1'));
  if (chunk[chunk.length - 1] !== 10) return;
  replies++;
  socket.write(command);
});
process.stdin.resume();
process.stdin.on('end', () => {
  process.stdout.write(String(replies));
  socket.destroy();
});
