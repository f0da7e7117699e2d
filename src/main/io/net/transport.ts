/**
 * The socket below a connection, as little of it as the data plane needs. Two implementations: `handle-transport.ts`
 * on libuv handles, `socket-transport.ts` on `net.Socket` where the first is not to be had.
 */
import type { Connection } from '../session/connection.js';

export interface Transport {
  /** Sends `bytes`. True when the kernel took everything at once: the buffer may be reused. */
  write(bytes: Uint8Array): boolean;
  /** Sends several buffers in order; true as above. */
  writeChunks(chunks: Uint8Array[]): boolean;
  readStart(): void;
  readStop(): void;
  /** Ends the connection; nothing is called back after this. */
  close(): void;
  /** Names the connection to which bytes and events are given. Once, before readStart. */
  attach(conn: Connection): void;
}

/** Bytes per read: what libuv suggests. */
export const READ_BYTES: number = 64 * 1024;
