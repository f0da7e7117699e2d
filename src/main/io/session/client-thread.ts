/** Which I/O thread has a client: each thread knows its own clients, so the others are asked. */
import type { IoContext } from '../thread/io-context.js';

/** Tells other I/O threads whether a client is here. Once, before the thread serves. */
export function registerClientHere(io: IoContext): void {
  io.port?.onIoCall('client-here', (id) => (io.connections.byId.has(id as number) ? io.index : -1));
}

/** Index of the I/O thread that has the client, -1 when there is none. */
export async function threadOf(io: IoContext, id: number): Promise<number> {
  if (io.connections.byId.has(id)) return io.index;
  if (io.port === null || io.control.ioThreads === 1) return -1;
  const answers = (await io.port.ioCall('all', 'client-here', id)) as number[];
  return Math.max(-1, ...answers);
}
