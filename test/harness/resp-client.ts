/**
 * A small RESP2/RESP3 client for tests: it hands out replies as the exact bytes that came and, on request, as typed
 * values. It never repairs anything, so what a test compares is what the server wrote.
 *
 * Strings in arguments are taken as latin-1 (one char a byte), and bulk strings come back the same way, so binary data
 * survives. Replies of 256 MiB and more should be read with `raw`, since V8 strings end near 512 MiB.
 *
 * Invariants: (1) replies are matched to requests in order; RESP3 pushes are kept aside in `pushes`;
 * (2) once the connection has ended, every waiting and later read is rejected.
 */
import net from 'node:net';

const LF = 10;
const CR = 13;

export type Arg = string | number | bigint | Uint8Array;
/** An error reply, without its minus sign. */
export class ReplyError extends Error {
  override name = 'ReplyError';
}
/** A RESP3 double: kept apart from integers so that a test sees which one it got. */
/** The message of the error that a command is answered with. Throws when it is answered otherwise. */
export async function errorOf(reply: Promise<unknown>): Promise<string> {
  const value = await reply;
  if (!(value instanceof ReplyError)) throw new Error(`not an error: ${JSON.stringify(value)}`);
  return value.message;
}

export class ReplyDouble {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | ReplyError
  | ReplyDouble
  | Value[]
  | Map<Value, Value>
  | Set<Value>;

/** Where to connect: a TCP port on 127.0.0.1 or the path of a unix socket. */
export type Address = number | string;

/** Finds the end of one reply; can be resumed after more bytes came, without looking at old ones again. */
export class FrameScanner {
  #pos = 0;
  #remaining = 1;

  /** The offset just behind the first whole reply in `bytes[0..length)`, or -1: more bytes are needed. */
  scan(bytes: Buffer, length: number): number {
    while (this.#remaining > 0) {
      if (this.#pos >= length) return -1;
      const lineEnd = bytes.indexOf(LF, this.#pos);
      if (lineEnd < 0 || lineEnd >= length) return -1;
      const type = bytes[this.#pos]!;
      let next = lineEnd + 1;
      let children = 0;
      if (type === 0x24 || type === 0x3d || type === 0x21) {
        const n = headerNumber(bytes, this.#pos, lineEnd);
        if (n >= 0) next += n + 2;
        if (next > length) return -1;
      } else if (type === 0x2a || type === 0x7e || type === 0x3e) {
        children = Math.max(0, headerNumber(bytes, this.#pos, lineEnd));
      } else if (type === 0x25) {
        children = 2 * headerNumber(bytes, this.#pos, lineEnd);
      } else if (type === 0x7c) {
        children = 2 * headerNumber(bytes, this.#pos, lineEnd) + 1;
      } else if (!'+-:_#,('.includes(String.fromCharCode(type))) {
        throw new Error(`not RESP: ${JSON.stringify(bytes.toString('latin1', this.#pos, this.#pos + 80))}`);
      }
      this.#pos = next;
      this.#remaining += children - 1;
    }
    const end = this.#pos;
    this.#pos = 0;
    this.#remaining = 1;
    return end;
  }
}

function headerNumber(bytes: Buffer, pos: number, lineEnd: number): number {
  return Number(bytes.toString('latin1', pos + 1, lineEnd - 1));
}

/** The typed value of one whole reply. */
export function parseReply(bytes: Buffer): Value {
  let pos = 0;
  const line = (): string => {
    const end = bytes.indexOf(LF, pos);
    if (bytes[end - 1] !== CR) throw new Error('a RESP line that does not end with CRLF');
    const text = bytes.toString('latin1', pos + 1, end - 1);
    pos = end + 1;
    return text;
  };
  const many = (count: number): Value[] => Array.from({ length: count }, value);
  const pairs = (count: number): Map<Value, Value> => {
    const map = new Map<Value, Value>();
    for (let i = 0; i < count; i++) {
      const key = value();
      map.set(key, value());
    }
    return map;
  };
  function value(): Value {
    const type = String.fromCharCode(bytes[pos]!);
    const text = line();
    switch (type) {
      case '+':
        return text;
      case '-':
        return new ReplyError(text);
      case ':': {
        const n = Number(text);
        return Number.isSafeInteger(n) ? n : BigInt(text);
      }
      case '(':
        return BigInt(text);
      case ',':
        return new ReplyDouble(text);
      case '_':
        return null;
      case '#':
        return text === 't';
      case '$':
      case '=':
      case '!': {
        const n = Number(text);
        if (n < 0) return null;
        const body = bytes.toString('latin1', pos, pos + n);
        pos += n + 2;
        return type === '!' ? new ReplyError(body) : type === '=' ? body.slice(4) : body;
      }
      case '*':
      case '>':
        return Number(text) < 0 ? null : many(Number(text));
      case '~':
        return new Set(many(Number(text)));
      case '%':
        return pairs(Number(text));
      case '|':
        pairs(Number(text));
        return value();
      default:
        throw new Error(`unknown RESP type ${type}`);
    }
  }
  return value();
}

/** The bytes of one command as an array of bulk strings. */
export function encode(args: readonly Arg[]): Buffer {
  const parts: Uint8Array[] = [];
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    if (arg instanceof Uint8Array) {
      parts.push(Buffer.from(`${text}$${arg.length}\r\n`, 'latin1'), arg);
      text = '\r\n';
    } else {
      const word = String(arg);
      text += `$${word.length}\r\n${word}\r\n`;
    }
  }
  if (parts.length === 0) return Buffer.from(text, 'latin1');
  parts.push(Buffer.from(text, 'latin1'));
  return Buffer.concat(parts);
}

interface Waiter {
  resolve(reply: Buffer): void;
  reject(error: Error): void;
}

export class RespClient {
  readonly socket: net.Socket;
  /** RESP3 push messages, oldest first. */
  readonly pushes: Value[] = [];
  /** Resolves when the connection has ended, whoever closed it. */
  readonly closed: Promise<void>;
  #buffer: Buffer = Buffer.allocUnsafe(1 << 16);
  #start = 0;
  #end = 0;
  readonly #scanner = new FrameScanner();
  #waiters: Waiter[] = [];
  #firstWaiter = 0;
  readonly #ready: Buffer[] = [];
  #ended: Error | undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error: Error) => this.#fail(error));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(new Error('connection closed'));
        resolve();
      });
    });
  }

  /** Connects; rejects when nobody listens. */
  static connect(address: Address): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = typeof address === 'number' ? net.connect(address, '127.0.0.1') : net.connect({ path: address });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RespClient(socket));
      });
    });
  }

  /** Sends one command; the typed reply. Error replies are returned, not thrown. */
  async call(...args: Arg[]): Promise<Value> {
    return parseReply(await this.raw(...args));
  }

  /** Sends one command; throws when the reply is an error. */
  async ok(...args: Arg[]): Promise<Value> {
    const value = await this.call(...args);
    if (value instanceof ReplyError) throw value;
    return value;
  }

  /** Sends one command; the exact bytes of the reply. */
  raw(...args: Arg[]): Promise<Buffer> {
    this.sendRaw(encode(args));
    return this.readRaw();
  }

  /** Sends commands in one write; the exact bytes of each reply. */
  pipelineRaw(commands: readonly (readonly Arg[])[]): Promise<Buffer[]> {
    this.sendRaw(Buffer.concat(commands.map(encode)));
    return Promise.all(commands.map(() => this.readRaw()));
  }

  /** Sends commands in one write; the typed replies. */
  async pipeline(commands: readonly (readonly Arg[])[]): Promise<Value[]> {
    return (await this.pipelineRaw(commands)).map(parseReply);
  }

  /** Writes bytes as they are. */
  sendRaw(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply's exact bytes. */
  readRaw(): Promise<Buffer> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** The next reply as a typed value. */
  async read(): Promise<Value> {
    return parseReply(await this.readRaw());
  }

  /** Ends the connection and waits for it. */
  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  #onData(chunk: Buffer): void {
    this.#append(chunk);
    for (;;) {
      let end: number;
      try {
        const view = this.#buffer.subarray(this.#start, this.#end);
        end = this.#scanner.scan(view, view.length);
      } catch (error) {
        this.#fail(error as Error);
        this.socket.destroy();
        return;
      }
      if (end < 0) return;
      const reply = Buffer.from(this.#buffer.subarray(this.#start, this.#start + end));
      this.#start += end;
      if (reply[0] === 0x3e) {
        this.pushes.push(parseReply(reply));
        continue;
      }
      if (this.#firstWaiter === this.#waiters.length) this.#ready.push(reply);
      else this.#waiters[this.#firstWaiter++]!.resolve(reply);
      if (this.#firstWaiter === this.#waiters.length && this.#firstWaiter > 0) {
        this.#waiters = [];
        this.#firstWaiter = 0;
      }
    }
  }

  #append(chunk: Buffer): void {
    const used = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      let size = this.#buffer.length;
      while (size < used + chunk.length) size *= 2;
      const target = size === this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size);
      this.#buffer.copy(target, 0, this.#start, this.#end);
      this.#buffer = target;
      this.#start = 0;
      this.#end = used;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    const waiters = this.#waiters.slice(this.#firstWaiter);
    this.#waiters = [];
    this.#firstWaiter = 0;
    for (const waiter of waiters) waiter.reject(error);
  }
}
