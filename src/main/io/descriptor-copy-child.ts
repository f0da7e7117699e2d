/**
 * The child process of descriptor-copy.ts: sends the listening sockets that it inherited back to its parent, and ends.
 * It never listens or accepts itself. Argument: how many there are, from descriptor 4 on.
 */
import { Socket } from 'node:net';

const FIRST_INHERITED = 4;
const count = Number(process.argv[2]);
const sockets: Socket[] = [];
// Each handle after the first waits for the parent's receipt, and the channel alone does not keep a process alive.
process.channel?.ref();

for (let i = 0; i < count; i++) {
  // A Socket only wraps the descriptor; its handle is what the IPC channel can send.
  const socket = new Socket({ fd: FIRST_INHERITED + i, readable: false, writable: false });
  sockets.push(socket);
  process.send!(i, (socket as unknown as { _handle: Socket })._handle, {}, (error) => {
    if (error !== null) process.exit(1);
    if (i === count - 1) process.disconnect();
  });
}
