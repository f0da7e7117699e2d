/** What a client takes, as far as it can be known without walking anything: for CLIENT LIST and INFO. Cold. */
import { BARRIER, type Connection } from './connection.js';

/** Objects of a connection and of its socket, about. */
const CONNECTION_BYTES = 4096;

/** Bytes of the connection's input that are not yet run, or are of the command that runs now. */
export function inputBytes(conn: Connection): number {
  // The request of a blocked client is its waiter's; its bytes are given back.
  return (conn.barrier & BARRIER.blocked) !== 0 ? conn.input.bytes : conn.inputBytes;
}

/** Room in the connection's input buffer. `readBytes`: size of the thread's own one, where a running command lies. */
export function inputRoom(conn: Connection, readBytes: number): number {
  const own = Math.max(0, conn.input.capacity - conn.input.bytes);
  const runsFromShared = conn.runningBytes > 0 && conn.input.capacity === 0 && (conn.barrier & BARRIER.blocked) === 0;
  return runsFromShared ? Math.max(0, readBytes - conn.runningBytes) : own;
}

/** Bytes of the reply buffer that the connection has now. */
export function outputRoom(conn: Connection): number {
  return conn.out === null ? 0 : conn.out.u8.length;
}

/** Bytes that the connection takes on the heap of its I/O thread. */
export function clientMemory(conn: Connection): number {
  const queue = conn.session.tx === null ? 0 : conn.session.tx.bytes.length + conn.session.tx.heads.byteLength;
  const output = Math.max(conn.outputBytes, conn.inFlightBytes + outputRoom(conn));
  return CONNECTION_BYTES + Math.max(conn.input.capacity, conn.inputBytes) + conn.argvBytes + queue + output;
}
