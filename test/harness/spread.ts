/**
 * Clients on each I/O thread. Where threads share listening sockets, the one that wakes up first gets a new connection,
 * and that may be the same one many times in a row: here it is kept busy until the others have got some.
 */
import { encode, type RespClient } from './resp-client.js';

/** One command that keeps the thread that gets it at work for several milliseconds, and has a short reply. */
const BUSY = encode(['CLIENT', 'LIST', 'ID', ...new Array<number>(20_000).fill(999_999)]);
const ROUNDS_MAX = 200;

/** The I/O thread that a client belongs to. */
export async function ioThreadOf(client: RespClient): Promise<number> {
  return Number(/ io-thread=(\d+)/.exec(String(await client.ok('CLIENT', 'INFO')))?.[1]);
}

/** `count` clients made by `connect`, at least one of them on each of `ioThreads` threads. */
export async function spreadClients(
  connect: () => Promise<RespClient>,
  count: number,
  ioThreads: number,
): Promise<RespClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, connect));
  if (ioThreads === 1) return clients;
  const threads = await Promise.all(clients.map(ioThreadOf));
  for (let round = 0; new Set(threads).size < ioThreads; round++) {
    if (round === ROUNDS_MAX)
      throw new Error(`all of ${count + round} clients are on threads ${[...new Set(threads)]}`);
    // The one whose thread has others takes the time of that thread, and then gives its place to the newcomer.
    const spare = threads.findIndex((thread, i) => threads.indexOf(thread) !== i);
    const old = clients[spare]!;
    old.sendRaw(BUSY);
    const fresh = await connect();
    await old.readRaw();
    await old.close();
    clients[spare] = fresh;
    threads[spare] = await ioThreadOf(fresh);
  }
  return clients;
}
