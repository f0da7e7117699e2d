// @ts-check
/** `node keys-loop.js PORT`: sends `KEYS *` again and again; when its input ends, prints the number of replies. */
import net from 'node:net';

const COMMAND = '*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n';
const socket = net.connect(Number(process.argv[2]), '127.0.0.1');
let replies = 0;
/** Lines still to come: a reply of n keys is one line and then two for each key (keys here hold no line breaks). */
let lines = 0;
let head = '';

socket.on('connect', () => socket.write(COMMAND));
socket.on('data', (chunk) => {
  let pos = 0;
  if (lines === 0) {
    const end = chunk.indexOf(10);
    head += chunk.toString('latin1', 0, end < 0 ? chunk.length : end + 1);
    if (end < 0) return;
    lines = 2 * Number(head.slice(1));
    head = '';
    pos = end + 1;
  }
  while (lines > 0) {
    const end = chunk.indexOf(10, pos);
    if (end < 0) return;
    pos = end + 1;
    lines--;
  }
  replies++;
  socket.write(COMMAND);
});
process.stdin.resume();
process.stdin.on('end', () => {
  process.stdout.write(String(replies));
  socket.destroy();
});
