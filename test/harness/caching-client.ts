/**
 * A client with a cache of its own, as client-side caching means it: it reads through CLIENT TRACKING in RESP3 and
 * drops a key when it is told to. Replies and pushes are taken in the order in which they come over the socket: that
 * order is what the tests are about.
 */
import net from 'node:net';
import { encode, parseReply, type Value } from './resp-client.js';

type Waiter = { readonly key: string | null; resolve(value: Value): void };

/** The offset behind the RESP value at `at`; -1 when it has not come whole. */
function endOf(bytes: Buffer, at: number): number {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return -1;
  const type = String.fromCharCode(bytes[at]!);
  const n = Number(bytes.toString('latin1', at + 1, line));
  let end = line + 2;
  if ('$=!'.includes(type)) {
    if (n >= 0) end += n + 2;
    return end > bytes.length ? -1 : end;
  }
  if (!'*~>%'.includes(type)) return end;
  const values = type === '%' ? 2 * n : n;
  for (let i = 0; i < values && end >= 0; i++) end = endOf(bytes, end);
  return end;
}

export class CachingClient {
  readonly cache: Map<string, Value> = new Map();
  /** Invalidations that came, those of all keys included. */
  invalidations = 0;
  hits = 0;
  readonly #socket: net.Socket;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #waiters: Waiter[] = [];

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => this.#take(data));
  }

  /** Connects and switches tracking on with `options`. */
  static async connect(port: number, ...options: string[]): Promise<CachingClient> {
    const socket = net.connect(port, '127.0.0.1');
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const client = new CachingClient(socket);
    await client.call('HELLO', '3');
    await client.call('CLIENT', 'TRACKING', 'ON', ...options);
    return client;
  }

  /** Sends a command; its reply, which is not cached. */
  call(...args: string[]): Promise<Value> {
    return this.#send(null, args);
  }

  /** The value of a key, out of the cache if it is there. */
  get(key: string): Promise<Value> {
    const known = this.cache.get(key);
    if (known !== undefined) {
      this.hits++;
      return Promise.resolve(known);
    }
    return this.#send(key, ['GET', key]);
  }

  /** The value of a key, read inside of a transaction. */
  getInMulti(key: string): Promise<Value> {
    void this.#send(null, ['MULTI']);
    void this.#send(null, ['GET', key]);
    return this.#send(key, ['EXEC']);
  }

  /** The value of a key, read by a script. */
  getByScript(key: string): Promise<Value> {
    return this.#send(key, ['EVAL', "return redis.call('get', KEYS[1])", '1', key]);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(key: string | null, args: readonly string[]): Promise<Value> {
    return new Promise((resolve) => {
      this.#waiters.push({ key, resolve });
      this.#socket.write(encode(args));
    });
  }

  #take(data: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? data : Buffer.concat([this.#bytes, data]);
    let at = 0;
    for (;;) {
      const end = at < this.#bytes.length ? endOf(this.#bytes, at) : -1;
      if (end < 0) break;
      const value = parseReply(this.#bytes.subarray(at, end));
      if (this.#bytes[at] === 0x3e) this.#pushed(value as Value[]);
      else this.#answered(value);
      at = end;
    }
    this.#bytes = this.#bytes.subarray(at);
  }

  #pushed(push: readonly Value[]): void {
    if (push[0] !== 'invalidate') return;
    this.invalidations++;
    const keys = push[1] as string[] | null;
    if (keys === null) this.cache.clear();
    else for (const key of keys) this.cache.delete(key);
  }

  #answered(value: Value): void {
    const { key, resolve } = this.#waiters.shift()!;
    // A transaction answers with an array of its one value.
    if (key !== null) this.cache.set(key, Array.isArray(value) ? value[0]! : value);
    resolve(value);
  }
}
